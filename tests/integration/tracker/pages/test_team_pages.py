"""A supervisor at their desk: the team's page, its pictures, handing many people over; and the results to print."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Any

import pytest

from tests.integration.tracker.pages.conftest import Desk, newest_event, written
from tests.integration.tracker.pages.forms import HAND_OVER_ALL, Ago, boxes
from tests.integration.tracker.pages.reading import Element, Page, check_kept, check_rejected
from tests.integration.tracker.pages.test_what_stays_private import stop_the_clock
from tests.integration.tracker.teamwork import statements
from tests.world import assessment, contact, days_ago
from tracker.actions import care, people, safety, staff
from tracker.extensions import db, today
from tracker.models import Person, Referral, SafetyFlag

HAND = HAND_OVER_ALL.path


def on(day: date, **more: str) -> str:
    return f"/team?on-day={day.day}&on-month={day.month}&on-year={day.year}" + "".join(
        f"&{name}={value}" for name, value in more.items()
    )


def words(day: date) -> str:
    return f"{day.day} {day:%B %Y}"


def tables(page: Page) -> dict[str, dict[str, list[str]]]:
    """Each table by its caption: rows by their first cell, without the headings that stand in cards."""
    found = {}
    for each in page.main.all("table"):
        rows = [row for body in each.all("tbody") for row in body.all("tr")]
        found[each.all("caption")[0].text] = {cells[0]: cells[1:] for cells in map(cells_of, rows)}
    return found


def cells_of(row: Element) -> list[str]:
    """The last span of each cell: what it says."""
    return [each.inside[-1].text for each in row.all("th", "td") if isinstance(each.inside[-1], Element)]


def table(page: Page, beginning: str) -> dict[str, list[str]]:
    (found,) = (rows for caption, rows in tables(page).items() if caption.startswith(beginning))
    return {re.sub(r" ?(Hand over|Give them).*", "", name): cells for name, cells in found.items()}


def somebody(desk: Desk, name: str, holder: str | None = "link-worker") -> Any:
    """One more person at the mill, accepted 50 days ago; the id of their referral."""
    world = desk.world
    with db.transaction():
        worker = world.user("link-worker")
        person = people.add_person(
            by=worker, study=world.study(), site=world.site("mill"), entered_on=days_ago(50),
            identity=people.IdentityFacts(name),
        )  # fmt: skip
        people.record_consent(by=worker, person=person, kind="service", given_on=days_ago(50))
        referral = care.record_referral(by=worker, person=person, source="gp", referred_on=days_ago(50))
        if holder:
            care.assign(by=worker, referral=referral, worker=world.user(holder), from_on=days_ago(50))
        return referral.id


def holder_of(referral: Any) -> str | None:
    db.session.rollback()
    current = db.session.get(Referral, referral).current
    return current.worker.name if current else None


# --------------------------------------------------------------------------------------------- the page


def test_each_worker_has_a_row_with_their_caseload_against_their_hours(desk: Desk):
    """The furnished world: the link worker holds one at 0.8 of a post; supervisor and quay worker hold one, without a post."""
    page = desk.open("supervisor", "/team")
    assert (page.status, page.title) == (200, "Team – Link worker kit")
    rows = table(page, f"Caseload on {words(today())}")
    assert {name: cells[:3] for name, cells in rows.items()} == {
        "Link-Worker": ["0.8", "1", "1.2"],
        "Quay-Worker": ["No post recorded", "1", "–"],
        "Supervisor": ["No post recorded", "1", "–"],
        "All together": ["0.8", "3", "3.8"],
    }


def test_the_pictures_say_the_numbers_of_the_tables(desk: Desk):
    with db.transaction():
        for back in (3, 10, 10, 17, 40):
            contact(desk.world, contacted_on=days_ago(back))
    page = desk.open("supervisor", "/team")
    bars, caseload, contacts = page.main.all("svg")
    assert bars["aria-label"].split(": ", 1)[1].strip() == (
        "Link-Worker 1.2; Quay-Worker no post recorded; Supervisor no post recorded."
    )
    per_fte = {name: cells[2] for name, cells in table(page, "Caseload").items()}
    assert table(page, "Open per full-time equivalent") == {
        name: ["No post recorded" if value == "–" else value]
        for name, value in per_fte.items()
        if name != "All together"
    }
    opened = table(page, "Open at the end of each week")
    assert opened[words(today())] == [table(page, "Caseload")["All together"][1]]
    assert f"to 3 on {words(today())}" in caseload["aria-label"]
    weeks = table(page, "Contacts that took place, by week")
    assert (len(weeks), len(opened)) == (26, 27)
    last_four = sum(int(cells[0]) for cells in list(weeks.values())[:4])
    assert table(page, "Contacts a week")["All together"][0] == f"{last_four / 4:.1f}".removesuffix(".0")
    assert "the most" in contacts["aria-label"]


def test_every_picture_has_a_name_and_its_table_beside_it(desk: Desk):
    page = desk.open("supervisor", "/team")
    figures = page.main.all("figure")
    assert len(figures) == 3
    for each in figures:
        assert [svg["role"] for svg in each.all("svg")] == ["img"]
        assert each.all("svg")[0]["aria-label"]
        assert len(each.all("details")[0].all("table")) == 1


def test_the_caseload_of_a_day_in_the_past_stands_in_the_address(desk: Desk):
    page = desk.open("supervisor", on(days_ago(210)))
    assert table(page, f"Caseload on {words(days_ago(210))}") == {
        "Link-Worker": ["0.8", "0", "0", "0", "0", "0"], "All together": ["0.8", "0", "0", "0", "0", "0"],
    }  # fmt: skip
    assert table(desk.open("supervisor", on(days_ago(100))), "Caseload")["All together"][1] == "4"


def test_a_day_in_the_past_says_nothing_of_what_waits_today(desk: Desk):
    page = desk.open("supervisor", on(days_ago(1)))
    for told in ("Unanswered referrals", "Safety flags", "Hand over"):
        assert told not in [each.text for each in page.main.all("h2", "a")]
    assert "Go to today" in page.text


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("on-day=31&on-month=2&on-year=2026", "31 2 2026 is not a real date. Enter one such as 31 3 2025"),
        ("on-day=1&on-month=1&on-year=2100", "On is in the future. Enter today or an earlier date."),
        ("on-day=&on-month=1&on-year=2026", "On needs a day, a month and a year, such as 31 3 2025"),
        ("on-day=&on-month=&on-year=", "Enter the date"),
        ("site=nowhere", "Choose one of the answers on this page"),
    ],
)
def test_a_day_or_site_that_cannot_be_is_told_and_today_is_shown(desk: Desk, query: str, says: str):
    page = desk.open("supervisor", f"/team?{query}")
    assert page.status == 422
    assert says in page.summary
    assert table(page, f"Caseload on {words(today())}")["All together"][1] == "3"


def test_one_site_at_a_time(desk: Desk):
    page = desk.open("supervisor", "/team?site={study_garden}:{site_quay}")
    assert {name: cells[1] for name, cells in table(page, "Caseload").items()} == {
        "Quay-Worker": "1",
        "All together": "1",
    }
    options = [each.text for each in page.ids["site"].all("option")]
    assert options == ["All that I supervise", "Mill Practice", "Quay Practice"]
    other = desk.open("supervisor", "/team?site={study_garden}:{site_pond}")
    assert other.status == 422


def test_the_unanswered_and_the_flags_of_one_site_are_not_those_of_another(desk: Desk):
    assert "Ines Waiting" in desk.open("supervisor", "/team?site={study_garden}:{site_mill}").text
    page = desk.open("supervisor", "/team?site={study_garden}:{site_quay}")
    assert "Ines Waiting" not in page.text
    assert "Angry neighbour" not in page.text


def test_late_referrals_are_named_and_all_are_one_tap_away(desk: Desk):
    page = desk.open("supervisor", "/team")
    assert list(table(page, "Late")) == ["Ines Waiting"]
    assert "/referrals/unanswered" in [each["href"] for each in page.main.all("a")]


def test_flags_whose_day_has_passed_come_first_and_lead_to_their_review(desk: Desk):
    with db.transaction() as session:
        person = session.get(Person, desk.places["waiting"])
        late = safety.set_flag(
            by=desk.world.user("link-worker"), person=person, kind="animal", note=None, review_on=days_ago(-3)
        )
        late.review_on = days_ago(2)
        id = late.id
    rows = table(desk.open("supervisor", "/team"), "Those to be looked at again")
    assert list(rows) == ["Ines Waiting", "Person Own"]
    assert rows["Ines Waiting"][1].endswith("Passed")
    assert f"/safety-flags/{id}" in desk.open("supervisor", "/team").html


def test_flags_that_ended_are_not_there(desk: Desk):
    with db.transaction() as session:
        flag = session.get(SafetyFlag, desk.places["flag"])
        safety.end_flag(by=desk.world.user("supervisor"), flag=flag, version=flag.version, reason="Gone")
    assert "Nobody at your sites has one." in desk.open("supervisor", "/team").text


def test_who_left_and_still_holds_somebody_stands_at_the_top(desk: Desk):
    assert "has left" not in desk.open("supervisor", "/team").text
    with db.transaction():
        staff.disable_user(by=desk.world.user("administrator"), user=desk.world.user("link-worker"), reason="Left")
    page = desk.open("supervisor", "/team")
    (warning,) = page.main.all("div", class_="lwk-fault")
    assert warning.text.startswith("Link-Worker has left and still holds 1 person")
    assert [each["href"] for each in warning.all("a")] == [desk.address(HAND)]


def test_people_whom_nobody_holds_have_a_row_of_their_own(desk: Desk):
    somebody(desk, "Una Held", None)
    page = desk.open("supervisor", "/team")
    assert table(page, "Caseload")["Nobody yet"][1] == "1"
    assert "/team/unassigned/hand-over" in [each["href"] for each in page.main.all("a")]


def test_a_team_without_anybody_says_how_people_come_there(desk: Desk):
    page = desk.open("pond-keeper", "/team")
    assert next(each.text for each in page.main.all("h2")) == "No link worker at these sites on that day"


def test_the_navigation_leads_supervisors_there_and_nobody_else(desk: Desk):
    for who, shown in (("supervisor", True), ("link-worker", False), ("outcome-assessor", False)):
        links = [each.text for each in desk.open(who, "/").root.all("a", class_="lwk-navigation__link")]
        assert ("Team" in links) is shown, who


@pytest.mark.parametrize(
    ("moment", "last_day"),
    [
        (datetime(2027, 3, 28, 22, 30, tzinfo=UTC), "21 March 2027"),
        (datetime(2027, 3, 28, 23, 30, tzinfo=UTC), "28 March 2027"),
        (datetime(2027, 10, 31, 23, 30, tzinfo=UTC), "24 October 2027"),
        (datetime(2027, 11, 1, 0, 30, tzinfo=UTC), "31 October 2027"),
        (datetime(2027, 7, 4, 23, 1, tzinfo=UTC), "4 July 2027"),
    ],
    ids=str,
)
def test_a_week_turns_at_midnight_in_london_in_winter_and_in_summer(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, moment: datetime, last_day: str
):
    desk.client("supervisor")
    stop_the_clock(monkeypatch, moment)
    (caption,) = (each for each in tables(desk.open("supervisor", "/team")) if each.startswith("Contacts a week"))
    assert caption.endswith(f"to {last_day}")


def asked_with(desk: Desk, people_more: int) -> int:
    for number in range(people_more):
        somebody(desk, f"Somebody {number}")
    with statements() as asked:
        assert desk.open("supervisor", "/team").status == 200
    return len(asked)


def test_a_large_team_asks_the_database_no_more_often_than_a_small_one(desk: Desk):
    asked_with(desk, 5)
    few = asked_with(desk, 0)
    assert asked_with(desk, 35) == few


# --------------------------------------------------------------------------------------- handing many over


def sure(desk: Desk, page: Page, answer: str = "yes", **changes: str) -> Page:
    """Say yes (or go back) on the page that shows what would happen, as the browser sends it."""
    sent: dict[str, Any] = {}
    for box in page.form.all("input"):
        sent.setdefault(box["name"], []).append(box["value"])
    response = desk.client("supervisor").post(desk.address(HAND), data=sent | changes | {"sure": answer})
    return Page(response.status_code, response.location, response.get_data(as_text=True))


def test_nothing_is_changed_before_what_would_happen_was_shown(desk: Desk):
    second = somebody(desk, "Gwen Second")
    before = written()
    page, _ = desk.submit(HAND_OVER_ALL, which="all", referrals=None)
    assert page.status == 200
    assert written() == before
    assert [each.text for each in page.main.all("h1")] == ["Is this right?"]
    assert {each.text.partition(",")[0] for each in page.main.all("li")} == {"Gwen Second", "Person Own"}
    told = {key.text: value.text for key, value in zip(page.main.all("dt"), page.main.all("dd"), strict=True)}
    assert told == {
        "From": "Link-Worker", "To": "Supervisor", "As of": words(days_ago(1)), "Why": "On leave",
        "Link-Worker holds": "2 now, 0 then", "Supervisor holds": "1 now, 3 then",
    }  # fmt: skip
    assert holder_of(second) == "Link-Worker"


def test_after_a_yes_all_of_them_are_handed_over(desk: Desk):
    second = somebody(desk, "Gwen Second")
    page, _ = desk.submit(HAND_OVER_ALL, which="all", referrals=None)
    done = sure(desk, page)
    assert (done.status, done.location) == (302, "/team")
    assert {holder_of(id) for id in (second, desk.places["referral"])} == {"Supervisor"}
    assert (newest_event().action, newest_event().reason) == ("assign", "On leave")
    assert "2 people were handed over." in desk.open("supervisor", "/team").text


def test_only_those_ticked_are_handed_over(desk: Desk):
    second = somebody(desk, "Gwen Second")
    page, _ = desk.submit(HAND_OVER_ALL)
    assert sure(desk, page).status == 302
    assert (holder_of(second), holder_of(desk.places["referral"])) == ("Link-Worker", "Supervisor")


def test_all_are_those_who_were_shown_and_not_who_came_meanwhile(desk: Desk):
    page, _ = desk.submit(HAND_OVER_ALL, which="all", referrals=None)
    newcomer = somebody(desk, "Gwen Second")
    assert sure(desk, page).status == 302
    assert (holder_of(newcomer), holder_of(desk.places["referral"])) == ("Link-Worker", "Supervisor")


def test_back_to_the_form_keeps_what_was_typed_and_changes_nothing(desk: Desk):
    before = written()
    page, sent = desk.submit(HAND_OVER_ALL)
    back = sure(desk, page, "back")
    assert back.status == 200
    assert written() == before
    check_kept(back, {name: value for name, value in sent.items() if name != "csrf_token"})


def test_somebody_who_cannot_be_handed_over_is_named_and_nothing_is_changed(desk: Desk):
    somebody(desk, "Gwen Second")
    before = written()
    page, sent = desk.submit(HAND_OVER_ALL, which="all", referrals=None, from_on=days_ago(60))
    assert page.status == 422
    assert care.NOT_ALL in page.summary
    (box,) = page.main.all("div", class_="lwk-fault")
    assert box.text.startswith("1 of 2 cannot be handed over like this:")
    assert next(each.text for each in box.all("li")).endswith(
        f"Link-Worker has held them only since {words(days_ago(50))}."
    )
    assert written() == before
    check_kept(page, {name: value for name, value in sent.items() if name != "csrf_token"})


def test_somebody_handed_over_by_another_meanwhile_stops_it_all(desk: Desk):
    second = somebody(desk, "Gwen Second")
    page, _ = desk.submit(HAND_OVER_ALL, which="all", referrals=None)
    with db.transaction() as session:
        care.assign(
            by=desk.world.user("supervisor"), referral=session.get(Referral, second), worker=desk.world.user("supervisor"),
            from_on=today(),
        )  # fmt: skip
    before = written()
    answer = sure(desk, page)
    assert answer.status == 422
    assert any(says.startswith("Choose from the list as it is now") for says in answer.summary)
    assert written() == before
    assert holder_of(desk.places["referral"]) == "Link-Worker"


def test_a_yes_that_is_sent_twice_hands_over_once(desk: Desk):
    page, _ = desk.submit(HAND_OVER_ALL)
    assert sure(desk, page).status == 302
    before = written()
    assert sure(desk, page).status in (200, 422)
    assert written() == before


def test_a_yes_without_its_answers_changes_nothing(desk: Desk):
    before = written()
    page = desk.send("supervisor", HAND, {"sure": "yes"})
    assert page.status == 422
    assert written() == before


@pytest.mark.parametrize(
    ("changes", "field", "says"),
    [
        ({"which": None}, "which", "Choose who is handed over"),
        ({"referrals": None}, "referrals", "Choose at least one person"),
        ({"worker": None}, "worker", "Choose who takes them"),
        ({"worker": "{user_link-worker}"}, "worker", "Choose one of the answers on this page"),
        ({"worker": "{user_quay-worker}"}, "worker", "Choose one of the answers on this page"),
        ({"from_on": Ago(-2)}, "from_on", "From is in the future. Enter today or an earlier date."),
        ({"reason": ""}, "reason", "Say why; the audit trail keeps it"),
        ({"reason": "x" * 401}, "reason", "Why? has 401 characters. Shorten it to 400."),
    ],
)
def test_a_fault_is_told_beside_its_field(desk: Desk, changes: dict[str, Any], field: str, says: str):
    changes = {name: desk.address(value) if isinstance(value, str) else value for name, value in changes.items()}
    sent = desk.fill(HAND_OVER_ALL)
    for name, value in changes.items():
        if value is None:
            sent.pop(name)
        else:
            sent |= boxes({name: value})
    check_rejected(desk.send("supervisor", HAND, sent), field, says)


def test_people_whom_nobody_holds_are_given_to_somebody(desk: Desk):
    referral = somebody(desk, "Una Held", None)
    answers = {
        "which": "all",
        "worker": "{user_link-worker}",
        "from_on": days_ago(1),
        "reason": "Found nobody's",
        "sure": "yes",
    }
    answers["worker"] = desk.address(str(answers["worker"]))
    assert desk.send("supervisor", "/team/unassigned/hand-over", answers).status == 302
    assert holder_of(referral) == "Link-Worker"


def test_a_worker_who_holds_nobody_has_nothing_to_hand_over(desk: Desk):
    page = desk.open("supervisor", "/team/unassigned/hand-over")
    assert [each.text for each in page.main.all("h2")] == ["Everybody has a link worker"]
    assert page.main.all("form") == []


# ------------------------------------------------------------------------------------------- the results


def test_a_link_worker_comes_from_their_caseload_to_their_results(desk: Desk):
    assert "/results" in [each["href"] for each in desk.open("link-worker", "/").main.all("a")]
    page = desk.open("link-worker", "/results")
    assert page.title == "My results – Link worker kit"
    assert "Whose people" not in page.text


def test_the_first_words_are_that_it_is_no_effect(desk: Desk):
    with db.transaction():
        assessment(desk.world, "phq9", "6m")
    for who in ("link-worker", "supervisor"):
        text = desk.open(who, "/results").text
        words_at = text.index("It is not an effect of the service.")
        assert words_at < text.index("Who answered")
        for told in ("regression to the mean", "People who answer a second time differ", "Nobody is compared here"):
            assert told in text[words_at:]


def test_few_pairs_are_counted_and_not_averaged(desk: Desk):
    with db.transaction():
        assessment(desk.world, "phq9", "6m", responses={f"i{n}": 0 for n in range(1, 10)})
    page = desk.open("link-worker", "/results")
    changed = table(page, "What changed")
    assert changed["PHQ-9: Depression severitylower is better"][:4] == ["1", "Too few", "Too few", "Too few"]
    assert table(page, "How many changed")["PHQ-9: Depression severity"][0:1] == ["1"]
    assert table(page, "How many changed")["PHQ-9: Depression severity"][2:] == ["1", "0", "0"]
    assert table(page, "Who answered")["PHQ-9"][:4] == ["3", "1", "1", "1"]


def test_a_supervisor_chooses_whose_and_starts_with_everybody(desk: Desk):
    page = desk.open("supervisor", "/results")
    assert page.title == "Results – Link worker kit"
    options = [each.text for each in page.ids["worker"].all("option")]
    assert options == ["Everybody's people", "Link-Worker", "Quay-Worker", "Supervisor"]
    one = desk.open("supervisor", "/results?worker={user_quay-worker}")
    assert "Quay-Worker: Garden study" in one.text
    assert one.ids["worker"].all("option")[2].attributes.get("selected") == "selected"


def test_what_cannot_be_asked_for_is_as_if_it_had_not_been(desk: Desk):
    own = desk.open("link-worker", "/results").text
    for query in ("worker=all", "worker={user_quay-worker}", "worker=x", "at=nothing", "at={study_orchard}:6m"):
        page = desk.open("link-worker", f"/results?{query}")
        assert (page.status, page.text) == (200, own), query


@pytest.mark.parametrize("who", ["outcome-assessor", "evaluator", "administrator"])
def test_nobody_else_opens_the_results(desk: Desk, who: str):
    assert desk.open(who, "/results").status == 403


def test_the_results_of_nobody_teach_what_will_stand_there(desk: Desk):
    page = desk.open("pond-keeper", "/results")
    assert "Nobody has been on this caseload yet" in page.text
    assert "It is not an effect of the service." in page.text


def test_choices_and_hints_are_left_out_on_paper(desk: Desk):
    page = desk.open("link-worker", "/results")
    (form,) = page.main.all("form")
    assert "lwk-not-printed" in form["class"].split()


def test_no_name_of_a_person_stands_in_the_results(desk: Desk):
    for who in ("link-worker", "supervisor"):
        assert "Person Own" not in desk.open(who, "/results").html
