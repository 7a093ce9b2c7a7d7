"""The directory's pages and the waiting list as somebody meets them: searching, checking, reporting, one-tap answers."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import update

from tests.integration.tracker.pages.conftest import Desk, newest_event, written
from tests.integration.tracker.pages.forms import ADD_RESOURCE, EDIT_RESOURCE, SIGNPOST, WRONG, Ago
from tests.integration.tracker.pages.reading import Page, check_kept, check_rejected
from tests.world import days_ago
from tracker.extensions import db, today
from tracker.models import FaultReport, Resource, Signpost

WAITING = "/signposts/waiting"
ANSWER = "/signposts/{signpost}/outcome?back=waiting"


def change(desk: Desk, **values: object) -> None:
    with db.transaction() as session:
        session.execute(update(Resource).where(Resource.id == desk.world.resources["garden"]).values(**values))


def entry(desk: Desk) -> Resource:
    db.session.rollback()
    return desk.world.resource()


def links(page: Page) -> list[str]:
    return [each["href"] for each in page.main.all("a")]


def found(desk: Desk, address: str) -> list[str]:
    page = desk.open("link-worker", address)
    assert page.status == 200
    return [each.text for each in page.main.all("a", class_="lwk-row__name")]


# -------------------------------------------------------------------------------------- searching


def test_filters_stand_in_the_address_and_in_the_form(desk: Desk):
    desk.submit(ADD_RESOURCE)
    page = desk.open("link-worker", "/resources?words=digging&category=nature&area=North")
    chosen = [each["value"] for each in page.main.all("option") if "selected" in each.attributes]
    assert (page.ids["words"]["value"], chosen) == ("digging", ["nature", "North"])
    assert found(desk, "/resources?words=digging&category=nature&area=North") == ["Allotment"]
    assert found(desk, "/resources?words=walking&category=nature") == []


@pytest.mark.parametrize(
    "query",
    ["area=Nowhere", "category=pigeon", "words=" + "x" * 101, "page=0", "page=-9", "page=x", "page=" + "9" * 400, "words=%00"],
)  # fmt: skip
def test_what_cannot_be_asked_for_is_as_if_it_were_not(desk: Desk, query: str):
    assert found(desk, f"/resources?{query}") == ["Walking group"]


def test_nothing_found_says_what_to_do(desk: Desk):
    page = desk.open("link-worker", "/resources?words=trampoline")
    assert "Nothing fits Try fewer words" in page.text
    assert "/resources" in links(page)


def test_only_a_supervisor_is_led_to_the_uptake(desk: Desk):
    assert "/resources/uptake" in links(desk.open("supervisor", "/resources"))
    assert "/resources/uptake" not in links(desk.open("link-worker", "/resources"))


# --------------------------------------------------------------------------------------- one entry


@pytest.mark.parametrize(
    ("number", "dialled"),
    [
        ("01632 960 055 (option 2)", "tel:01632960055"), ("+44 (0)1632 960055", "tel:+4401632960055"), ("Freephone 0800 111", "tel:0800111"),
        ("111", "tel:111"), ("01632-960-055 ext 12", "tel:01632960055"),
    ],
)  # fmt: skip
def test_a_phone_number_can_be_tapped(desk: Desk, number: str, dialled: str):
    change(desk, phone=number)
    assert dialled in links(desk.open("link-worker", "/resources/{resource}"))
    assert dialled in links(desk.open("link-worker", "/resources"))


def test_an_entry_shows_how_to_reach_it_and_leads_there_without_saying_from_where(desk: Desk):
    desk.submit(EDIT_RESOURCE)
    page = desk.open("link-worker", "/resources/{resource}")
    assert {"mailto:dig@test.example", "https://dig.test.example", "tel:01632960001"} <= set(links(page))
    assert "Plot 4, Mill Lane, Elmstead, EX1 0AA" in page.text
    (outward,) = (each for each in page.main.all("a") if each["href"].startswith("https:"))
    assert {"noreferrer", "noopener"} <= set(outward["rel"].split())


def test_a_check_takes_one_tap(desk: Desk):
    change(desk, checked_on=days_ago(200))
    before = desk.open("link-worker", "/resources/{resource}")
    assert "Not checked for 6 months" in before.text
    page = desk.send("link-worker", "/resources/{resource}/checked", {})
    assert page.status == 302
    after = desk.open("link-worker", page.location or "")
    assert "Not checked for 6 months" not in after.text
    assert "Last checked today" in after.text
    assert entry(desk).checked_on == today()


@pytest.mark.parametrize("button", ["/resources/{resource}/checked", "/resources/wrong/{report}/settled"])
def test_a_button_is_no_page_and_another_study_s_staff_cannot_press_it(desk: Desk, button: str):
    before = written()
    assert desk.open("link-worker", button).status == 405
    assert desk.send("orchard-worker", button, {}).status == 404
    assert written() == before


def test_what_is_reported_wrong_stands_there_until_it_is_settled(desk: Desk):
    page, _ = desk.submit(WRONG)
    shown = desk.open("link-worker", page.location or "")
    assert "The number has changed Reported by Link-Worker, today." in shown.text
    assert "Reported wrong" in desk.open("link-worker", "/resources").text
    for report in db.session.query(FaultReport.id).all():
        assert desk.send("link-worker", f"/resources/wrong/{report.id}/settled", {}).status == 302
    assert "Reported" not in desk.open("link-worker", "/resources/{resource}").main.text.replace("Report wrong", "")


def test_the_second_of_two_who_edit_sees_both_and_can_save(desk: Desk):
    mine = desk.fill(EDIT_RESOURCE, phone="01632 960 777")
    theirs = desk.fill(EDIT_RESOURCE, phone="01632 960 888")
    assert desk.send("supervisor", EDIT_RESOURCE.path, theirs).status == 302
    page = desk.send(EDIT_RESOURCE.who, EDIT_RESOURCE.path, mine)
    assert page.status == 422
    assert "Somebody else changed this record meanwhile" in page.text
    assert "What the entry says now" in page.text
    assert "01632 960 888" in page.text
    check_kept(page, {name: value for name, value in mine.items() if name != "version"})
    assert desk.send(EDIT_RESOURCE.who, EDIT_RESOURCE.path, page.typed).status == 302
    assert entry(desk).phone == "01632 960 777"


@pytest.mark.parametrize(
    ("changes", "field", "says"),
    [
        ({"website": "javascript:alert(1)"}, "website", "Enter the whole address of the website, such as https://www.example.org"),
        ({"email": "nobody"}, "email", "Enter an e-mail address such as hello@example.org"),
        ({"phone": "ask inside"}, "phone", "Enter a phone number with its digits, such as 01632 960 001"),
        ({"checked_on": Ago(-1)}, "checked_on", "Last checked is in the future. Enter today or an earlier date."),
        ({"postcode": "EX1 0AA EX1"}, "postcode", "Postcode has 11 characters. Shorten it to 10."),
        ({"capacity": ""}, "capacity", "Choose whether it takes new people"),
        ({"eligibility": "e" * 1001}, "eligibility", "Who can go has 1,001 characters. Shorten it to 1,000."),
    ],
)  # fmt: skip
def test_an_entry_with_a_fault_comes_back_whole(desk: Desk, changes: dict[str, object], field: str, says: str):
    before = written()
    page, sent = desk.submit(EDIT_RESOURCE, **changes)
    check_rejected(page, field, says)
    check_kept(page, sent)
    assert written() == before


# -------------------------------------------------------------------------------- full and closed


def test_a_closed_resource_is_no_choice_and_a_full_one_says_so(desk: Desk):
    change(desk, capacity="full")
    assert "Walking group (full at present)" in desk.open(SIGNPOST.who, SIGNPOST.path).text
    change(desk, capacity="closed")
    assert "Walking group" not in desk.open(SIGNPOST.who, SIGNPOST.path).text


def test_a_full_resource_warns_and_a_tick_signposts_all_the_same(desk: Desk):
    change(desk, capacity="full")
    page, sent = desk.submit(SIGNPOST)
    says = "Walking group is full at present. Choose another, or tick that you signpost although it is full."
    check_rejected(page, "although_full", says)
    check_kept(page, sent)
    assert desk.send(SIGNPOST.who, SIGNPOST.path, page.typed | {"although_full": "y"}).status == 302


# ------------------------------------------------------------------------------- the waiting list


def one_tap(desk: Desk, outcome: str, **more: object) -> Page:
    version = db.session.get(Signpost, desk.places["signpost"]).version
    return desk.send("link-worker", ANSWER, {"version": version, "outcome": outcome, **more})


def test_a_signpost_waits_with_its_days_and_leaves_with_one_tap(desk: Desk):
    page = desk.open("link-worker", WAITING)
    assert "1 to ask about, oldest first" in page.text
    assert "Waiting 4 days" in page.text
    assert "1 signpost waits for an answer" in desk.open("link-worker", "/").text
    answered = one_tap(desk, "attended")
    assert answered.location == WAITING
    after = desk.open("link-worker", WAITING)
    assert "Saved for P00001: Attended." in after.text
    assert "No signpost waits for an answer" in after.text
    assert "waits for an answer" not in desk.open("link-worker", "/").text
    assert newest_event().action == "answer_signpost"


def test_every_button_of_the_list_sends_what_the_form_takes(desk: Desk):
    page = desk.open("link-worker", WAITING)
    forms = [each for each in page.main.all("form") if "outcome" in each["action"]]
    assert [form.all("button")[0].text.partition(":")[0] for form in forms] == [
        "Attended", "Did not attend", "Declined", "Was full", "On a waiting list", "Ask in 2 weeks"
    ]  # fmt: skip
    for form in forms:
        desk.remember()
        sent = {each["name"]: each["value"] for each in form.all("input")}
        assert desk.send("link-worker", form["action"], sent).status == 302
        desk.put_back()


def test_what_is_asked_in_two_weeks_waits_below(desk: Desk):
    in_two_weeks = today() + timedelta(14)
    one_tap(desk, "unknown", ask_again_on=in_two_weeks)
    page = desk.open("link-worker", WAITING)
    assert "Nothing to ask about today" in page.text
    assert f"Ask again on {in_two_weeks.day} {in_two_weeks:%B %Y}" in page.text
    assert "waits for an answer" not in desk.open("link-worker", "/").text


def test_a_slip_is_undone_from_the_list(desk: Desk):
    one_tap(desk, "declined")
    page = desk.open("link-worker", WAITING)
    (undo,) = (each for each in page.main.all("form") if each.all("button")[0].text.startswith("Undo"))
    sent = {each["name"]: each["value"] for each in undo.all("input")}
    assert desk.send("link-worker", undo["action"], sent).status == 302
    assert "1 to ask about" in desk.open("link-worker", WAITING).text


def test_a_tap_on_a_list_that_is_out_of_date_overwrites_nothing(desk: Desk):
    one_tap(desk, "attended")
    page = desk.send("link-worker", ANSWER, {"version": 1, "outcome": "declined"})
    assert page.status == 422
    assert "Somebody else changed this record meanwhile" in page.text
    assert db.session.get(Signpost, desk.places["signpost"]).outcome == "attended"


def test_everyone_s_list_shows_what_a_colleague_has_to_ask(desk: Desk):
    assert "No signpost waits" in desk.open("supervisor", f"{WAITING}?show=mine").text
    assert "Person Own" in desk.open("supervisor", WAITING).text
    assert "Person Own" not in desk.open("quay-worker", f"{WAITING}?show=all").text


@pytest.mark.parametrize("back", ["https://elsewhere.example", "//elsewhere.example", "waiting/../people", ""])
def test_after_an_answer_one_comes_back_to_a_page_of_ours(desk: Desk, back: str):
    sent = {"version": 1, "outcome": "full"}
    page = desk.send("link-worker", "/signposts/{signpost}/outcome?back=" + back, sent)
    assert page.location == desk.address("/people/{own}")


def test_uptake_shows_counts_and_no_share_of_few(desk: Desk):
    one_tap(desk, "attended", sessions_attended=4)
    page = desk.open("supervisor", "/resources/uptake")
    assert "Walking group" in page.text
    assert "Too few known" in page.text
    assert "Person" not in page.main.text
