"""The pages of a referral: who is known already, who waits, who takes over, what is left at the end, who comes back."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from datetime import date

import pytest
from sqlalchemy import select

from tests.integration.tracker.pages.conftest import Desk, newest_event, written
from tests.integration.tracker.pages.forms import (
    ADD_COMPARED,
    ADD_REFERRED,
    ANSWER,
    CLOSE,
    ENTRY,
    HAND_OVER,
    LEAVE,
    NEEDS,
    REFER_AGAIN,
    REOPEN,
    Ago,
    boxes,
)
from tests.integration.tracker.pages.reading import Element, Page, check_kept, check_rejected
from tests.world import COMPLETE, assessment, contact, days_ago, signpost
from tracker.actions import care, people, staff
from tracker.extensions import db, today
from tracker.models import Need, Person, Referral, Signpost
from tracker.queries import caseload
from tracker.queries import people as histories
from tracker.queries.scope import NotFound

BORN = date(1956, 3, 31)


def newest_referral() -> Referral:
    db.session.rollback()
    return db.session.scalars(select(Referral).order_by(Referral.recorded_at.desc()).limit(1)).one()


def hidden(form: Element) -> dict[str, list[str]]:
    """What a form of hidden boxes would send, every value of every name."""
    sent: dict[str, list[str]] = {}
    for each in form.all("input"):
        sent.setdefault(each["name"], []).append(each["value"])
    return sent


def post(desk: Desk, who: str, path: str, sent: Mapping[str, object]) -> Page:
    response = desk.client(who).post(path, data=dict(sent))
    return Page(response.status_code, response.location, response.get_data(as_text=True))


# -------------------------------------------------------------------------- somebody is known already


@pytest.fixture
def known(desk: Desk) -> uuid.UUID:
    """Nora Newcomer, as the form's good answers describe her, is at the mill already."""
    desk.submit(ADD_REFERRED)
    return newest_referral().person_id


def check_choice(page: Page, id: uuid.UUID) -> None:
    assert page.status == 200
    assert page.title == "Is this somebody you know? – Link worker kit"
    (row,) = page.main.all("li", class_="lwk-row")
    assert f"/people/{id}" in {each["href"] for each in row.all("a")}


@pytest.mark.parametrize(
    "changes",
    [
        {}, {"name": "Somebody Else", "date_of_birth": date(1999, 1, 1)}, {"nhs_number": ""},
        {"nhs_number": "", "name": "newcomer,  NORA"},
    ],
    ids=["everything", "number alone", "name and birth", "name turned round"],
)  # fmt: skip
def test_somebody_who_seems_to_be_here_already_is_asked_about_before_anything_is_saved(
    desk: Desk, known: uuid.UUID, changes: dict[str, object]
):
    before = written()
    page, _ = desk.submit(ADD_REFERRED, **changes)
    check_choice(page, known)
    assert "Nothing was saved yet, and what you typed is kept." in page.text
    assert "Mill Practice · Born 1956 · With a link worker" in page.text
    assert written() == before


def test_somebody_else_is_added_with_everything_that_was_typed(desk: Desk, known: uuid.UUID):
    sent = desk.fill(ADD_REFERRED, name="Nora Newcomer Junior", reason="O'Neill & <sons>")
    page = post(desk, "link-worker", desk.address(ADD_REFERRED.path), sent | {"needs": ["money", "food"]})
    form = page.main.all("form", class_="lwk-form")[0]
    answer = post(desk, "link-worker", desk.address(ADD_REFERRED.path), hidden(form) | {"same_person": "no"})
    assert answer.status == 302, answer.text
    made = newest_referral()
    assert made.person_id != known
    assert made.person.identity.name == "Nora Newcomer Junior"
    assert made.reason == "O'Neill & <sons>"
    assert {each.need for each in made.needs} == {"money", "food"}
    assert made.person.ltc_count == 3


def test_whoever_goes_back_finds_the_form_as_they_left_it(desk: Desk, known: uuid.UUID):
    page, sent = desk.submit(ADD_REFERRED)
    form = page.main.all("form", class_="lwk-form")[0]
    back = post(desk, "link-worker", desk.address(ADD_REFERRED.path), hidden(form) | {"same_person": "back"})
    assert (back.status, back.title) == (200, "Add a person – Link worker kit")
    assert back.summary == {}
    check_kept(back, {name: value for name, value in sent.items() if name != "csrf_token"})


def test_the_same_person_gets_a_new_referral_with_what_was_typed_and_nothing_is_saved_before(
    desk: Desk, known: uuid.UUID
):
    page, sent = desk.submit(ADD_REFERRED, source="hospital", reason="Back from hospital", needs="transport")
    (form,) = page.main.all("form", action=f"/people/{known}/referrals/new")
    before = written()
    arrived = post(desk, "link-worker", form["action"], hidden(form))
    assert written() == before
    assert (arrived.status, arrived.title) == (200, "New referral – Link worker kit")
    check_kept(arrived, {name: sent[name] for name in ("source", "reason", "needs", "status", "referred_on-day")})
    assert "is still open, held by Link-Worker" in arrived.text
    saved = post(desk, "link-worker", form["action"], arrived.typed)
    assert saved.location == f"/people/{known}"
    made = newest_referral()
    assert (made.person_id, made.source, made.reason) == (known, "hospital", "Back from hospital")
    assert [each.need for each in made.needs] == ["transport"]


def test_a_site_that_may_not_see_them_adds_them_and_is_told_nothing(desk: Desk, known: uuid.UUID):
    page, _ = desk.submit(ADD_COMPARED)
    assert page.status == 302
    compared = db.session.scalars(select(Person).order_by(Person.recorded_at.desc()).limit(1)).one()
    assert compared.site_id == desk.world.sites["pond"]


def test_whoever_works_at_both_sites_is_told_where_they_are(desk: Desk, known: uuid.UUID):
    path = "/studies/{study_garden}/sites/{site_quay}/people/new"
    page = desk.send("supervisor", path, desk.fill(ADD_REFERRED))
    check_choice(page, known)
    assert "Mill Practice" in page.text


def test_at_a_comparison_site_nobody_is_offered_a_referral(desk: Desk):
    desk.submit(ADD_COMPARED)
    page, _ = desk.submit(ADD_COMPARED)
    assert page.title == "Is this somebody you know? – Link worker kit"
    assert "Add a new referral to them" not in page.text


def test_a_hostile_name_is_only_words_where_it_is_kept(desk: Desk, known: uuid.UUID):
    name = '"><script>alert(1)</script>'
    page, _ = desk.submit(ADD_REFERRED, name=name)
    check_choice(page, known)
    assert [each["value"] for each in page.main.all("input", name="name")] == [name] * 2
    assert "<script>alert(1)" not in page.html


# ------------------------------------------------------------------------------------- who waits


def waits(desk: Desk, who: str = "link-worker") -> list[str]:
    page = desk.open(who, "/referrals/unanswered")
    assert page.status == 200
    return [each.text for each in page.main.all("li", class_="lwk-row")]


def test_who_waits_stands_on_a_page_with_how_long_and_how_often_they_were_tried(desk: Desk):
    (row,) = waits(desk)
    assert "Ines Waiting Late" in row or "Ines Waiting" in row
    days = re.search(r"(\d+) working days", row)
    assert days is not None
    assert 6 <= int(days.group(1)) <= 8
    assert "Late" in row
    assert "Not tried yet" in row


def test_a_fresh_referral_waits_without_being_late(desk: Desk):
    desk.submit(ADD_REFERRED, status="offered", referred_on=Ago(0), entered_on=Ago(0))
    fresh = next(row for row in waits(desk) if "Nora Newcomer" in row)
    assert "0 working days" in fresh
    assert "Late" not in fresh
    assert "Loneliness or social isolation" in fresh


def test_the_caseload_counts_who_waits_and_who_waits_too_long(desk: Desk):
    desk.submit(ADD_REFERRED, status="offered", referred_on=Ago(0), entered_on=Ago(0))
    page = desk.open("link-worker", "/")
    (link,) = page.main.all("a", href="/referrals/unanswered")
    assert link.text == "2 unanswered referrals"
    assert "1 late" in page.text


def test_whoever_works_at_several_sites_sees_which(desk: Desk):
    assert "Mill Practice" in waits(desk, "supervisor")[0]
    assert "Mill Practice" not in waits(desk)[0]


def test_another_site_has_nobody_waiting_and_is_told_what_stands_there(desk: Desk):
    page = desk.open("quay-worker", "/referrals/unanswered")
    assert "Every referral is answered" in page.text
    assert "after 5 working days they are marked as late" in page.text
    assert "Ines" not in page.html


def test_an_attempt_leaves_them_waiting_with_one_attempt_more(desk: Desk):
    page, _ = desk.submit(ANSWER, status="tried", attempts=1, decided_on=Ago(2))
    assert page.location == desk.address("/people/{waiting}")
    (row,) = waits(desk)
    assert "1 attempt, last 2 days ago" in row
    assert desk.open(ANSWER.who, ANSWER.path).typed["attempts"] == "2"
    assert "Tried 1 time, last" in desk.open(ANSWER.who, ANSWER.path).text


def test_whoever_was_not_reached_in_the_end_says_why_and_waits_no_longer(desk: Desk):
    page, sent = desk.submit(ANSWER, status="unreachable")
    check_rejected(page, "answer_reason", "Choose why, so that it is known later who was not helped.")
    check_kept(page, sent)
    desk.submit(ANSWER, status="unreachable", answer_reason="wrong-details", attempts=4)
    assert waits(desk) == []
    shown = desk.open("link-worker", "/people/{waiting}").text
    assert "Could not be reached, after 4 attempts" in shown
    assert "The phone number or address is wrong" in shown


@pytest.mark.parametrize(
    ("changes", "field", "says"),
    [
        ({"attempts": "51"}, "attempts", "Enter 0 to 50 attempts"),
        ({"attempts": "many"}, "attempts", "Attempts to reach them, this one included must be a whole number, such as 15"),
        ({"status": "declined", "answer_reason": "wrong-details"}, "answer_reason",
         "'The phone number or address is wrong' does not go with 'Declined'. Choose another reason or answer."),
    ],
)  # fmt: skip
def test_an_answer_with_a_fault_is_told_beside_its_field(desk: Desk, changes: dict[str, object], field: str, says: str):
    before = written()
    page, sent = desk.submit(ANSWER, **changes)
    check_rejected(page, field, says)
    check_kept(page, sent)
    assert written() == before


def test_an_attempt_that_a_colleague_wrote_down_meanwhile_is_told_and_saved_on_the_second_try(desk: Desk):
    sent = desk.fill(ANSWER, status="tried", attempts=1)
    desk.send("supervisor", ANSWER.path, sent)
    page = desk.send("link-worker", ANSWER.path, sent)
    assert page.status == 422
    assert "Somebody else changed this record meanwhile" in page.text
    again = page.typed | {"attempts": "2"}
    assert desk.send("link-worker", ANSWER.path, again).status == 302
    assert db.session.get(Referral, desk.places["offered"]).attempts == 2


# ---------------------------------------------------------------------------------- needs, conditions


def at_a_glance(desk: Desk, person: str = "own") -> dict[str, str]:
    page = desk.open("link-worker", f"/people/{{{person}}}")
    (box,) = page.main.all("div", class_="lwk-glance")
    keys = [each.text for each in box.all("dt")]
    return dict(zip(keys, [each.text for each in box.all("dd", class_="nhsuk-summary-list__value")], strict=True))


def test_needs_conditions_consents_and_who_helps_stand_on_the_person_page(desk: Desk):
    path = desk.address(NEEDS.path)
    post(desk, "link-worker", path, desk.fill(NEEDS) | {"needs": ["money", "housing"]})
    conditions = desk.fill(ENTRY) | {"conditions": ["asthma", "depression"], "ltc_count": "3"}
    post(desk, "link-worker", desk.address(ENTRY.path), conditions)
    shown = at_a_glance(desk)
    assert set(shown["Needs"].split("; ")) == {"Housing", "Money, debt and benefits"}
    assert shown["Long-term conditions"] == "Asthma; Depression (3 in all)"
    assert shown["Link worker"] == f"Link-Worker, since {days_ago(200).day} {days_ago(200):%B %Y}"
    assert shown["Contacts"] == "1 attended; 30 min"
    assert shown["Consents"].startswith("To be seen by the service, ")


ALL_KINDS = {
    "service": "to be seen by the service", "research": "for the data to be used in the study",
    "linkage": "for health records to be linked", "contact": "to be contacted about the study",
}  # fmt: skip


@pytest.mark.parametrize(
    ("person", "given"),
    [("own", {"service", "research"}), ("same-site", {"service", "research"}), ("waiting", {"service"})],
)
def test_each_consent_that_is_not_recorded_is_named(desk: Desk, person: str, given: set[str]):
    shown = at_a_glance(desk, person)["Consents"]
    assert {kind for kind, words in ALL_KINDS.items() if f"Not recorded: {words}" in shown} == set(ALL_KINDS) - given
    assert shown.count("Not recorded") == len(ALL_KINDS) - len(given)


def test_a_consent_that_is_given_moves_from_what_is_not_recorded_to_what_is(desk: Desk):
    desk.send("link-worker", "/people/{waiting}/consents/new", boxes({"kind": "research", "given_on": Ago(1)}))
    shown = at_a_glance(desk, "waiting")["Consents"]
    day = f"{days_ago(1).day} {days_ago(1):%B %Y}"
    assert f"For the data to be used in the study, {day}" in shown
    assert "Not recorded: for the data to be used in the study" not in shown


def test_with_every_consent_nothing_is_said_to_be_missing_and_with_none_everything(desk: Desk):
    worker = desk.world.user("link-worker")
    with db.transaction():
        for kind in ("linkage", "contact"):
            people.record_consent(by=worker, person=desk.world.person("own"), kind=kind, given_on=days_ago(1))
        nobody = people.add_person(
            by=worker, study=desk.world.study(), site=desk.world.site("mill"), entered_on=days_ago(1)
        ).id
    assert "Not recorded" not in at_a_glance(desk)["Consents"]
    desk.places["nobody"] = nobody
    try:
        shown = at_a_glance(desk, "nobody")["Consents"]
    finally:
        del desk.places["nobody"]
    assert shown.startswith("Not recorded: to be seen by the service")
    assert shown.count("Not recorded") == len(ALL_KINDS)


# -------------------------------------------------------------------------------------- what is due next


def next_of(desk: Desk, person: str = "own", who: str = "link-worker") -> str:
    """What the person's page says of the next contact; empty where it says nothing."""
    page = desk.open(who, f"/people/{{{person}}}")
    said = [each.text for each in page.main.all("p", class_="lwk-due__when")]
    return next((each for each in said if each.startswith("Next contact")), "")


@pytest.mark.parametrize(
    ("agreed", "tag"), [(-20, ""), (-1, ""), (0, " Contact due"), (1, " Contact due"), (None, None)]
)
def test_the_next_contact_stands_beside_the_outcomes(desk: Desk, agreed: int | None, tag: str | None):
    with db.transaction():
        contact(
            desk.world, contacted_on=days_ago(2), next_contact_on=None if agreed is None else days_ago(agreed)
        )  # fmt: skip
    if agreed is None:
        assert next_of(desk) == "Next contact no day is agreed"
    else:
        assert next_of(desk) == f"Next contact{tag} {days_ago(agreed).day} {days_ago(agreed):%B %Y}"


def test_the_page_and_the_caseload_agree_on_the_next_contact(desk: Desk):
    """Of several on the last day the last that agreed on something counts; what an earlier one agreed is over."""
    worker = desk.world.user("link-worker")
    steps = [(9, -30), (4, None), (3, -10), (3, -12), (3, None), (1, None), (0, -40)]
    expected = [None, None, -10, -12, -12, None, -40]
    for (day, agreed), stands in zip(steps, expected, strict=True):
        with db.transaction():
            contact(
                desk.world, contacted_on=days_ago(day), next_contact_on=None if agreed is None else days_ago(agreed)
            )  # fmt: skip
        (row,) = caseload.caseload(by=worker)
        own = desk.world.person("own")
        found = histories.agreed_contact(own, histories.contacts(own, by=worker), by=worker)
        wanted = None if stands is None else days_ago(stands)
        assert (found, row.next_contact_on) == (wanted, wanted), (day, agreed)


def test_no_contact_is_next_for_whom_nobody_holds_or_who_left(desk: Desk):
    for person, who in (("waiting", "link-worker"), ("returned", "link-worker"), ("compared", "pond-keeper")):
        assert next_of(desk, person, who) == "", person
    desk.submit(LEAVE)
    assert next_of(desk) == ""


def test_when_the_referral_is_closed_what_was_agreed_is_over(desk: Desk):
    with db.transaction():
        contact(desk.world, contacted_on=days_ago(2), next_contact_on=days_ago(-9))
    assert next_of(desk) != ""
    desk.submit(CLOSE)
    assert next_of(desk) == ""
    own = desk.world.person("own")
    worker = desk.world.user("link-worker")
    assert histories.agreed_contact(own, histories.contacts(own, by=worker), by=worker) is None
    with pytest.raises(NotFound):
        histories.agreed_contact(own, [], by=desk.world.user("outcome-assessor"))


def test_the_assessor_who_must_stay_blind_is_not_told_of_a_next_contact(desk: Desk):
    with db.transaction():
        contact(desk.world, contacted_on=days_ago(2), next_contact_on=days_ago(-9))
    assert "Next contact" not in desk.open("outcome-assessor", "/people/{own}").text


def test_somebody_of_whom_little_is_known_has_it_said(desk: Desk):
    shown = at_a_glance(desk, "waiting")
    assert shown["Needs"] == shown["Long-term conditions"] == "Not recorded"
    assert "Link worker" not in shown


def test_a_comparison_person_has_conditions_and_consents_and_no_referral(desk: Desk):
    page = desk.open("pond-keeper", "/people/{compared}")
    (box,) = page.main.all("div", class_="lwk-glance")
    assert [each.text for each in box.all("dt")] == ["Phone", "Long-term conditions", "Known at entry", "Consents"]
    assert "They are referred" not in page.text


def test_every_need_can_be_taken_back(desk: Desk):
    desk.submit(NEEDS)
    page = desk.open(NEEDS.who, NEEDS.path)
    assert page.typed["needs"] == "money"
    desk.send(NEEDS.who, NEEDS.path, {name: value for name, value in page.typed.items() if name != "needs"})
    db.session.rollback()
    assert db.session.scalars(select(Need).where(Need.referral_id == desk.places["referral"])).all() == []


def test_needs_that_a_colleague_changed_meanwhile_are_told_and_what_was_ticked_is_kept(desk: Desk):
    mine = desk.fill(NEEDS, needs="food")
    desk.submit(NEEDS, needs="legal")
    page = desk.send(NEEDS.who, NEEDS.path, mine)
    assert page.status == 422
    assert page.typed["needs"] == "food"
    assert desk.send(NEEDS.who, NEEDS.path, page.typed).status == 302


def test_fewer_conditions_in_all_than_are_ticked_is_told_beside_the_number(desk: Desk):
    page, sent = desk.submit(ENTRY, ltc_count="0")
    check_rejected(page, "ltc_count", "1 is named above. Enter 1 or more, or leave the number empty.")
    check_kept(page, sent)


# ------------------------------------------------------------------------------------- hand-over


def test_a_referral_is_handed_to_a_colleague_of_the_site_and_both_stand_in_the_history(desk: Desk):
    page, _ = desk.submit(HAND_OVER)
    assert page.location == desk.address("/people/{own}")
    held = desk.open("supervisor", HAND_OVER.path)
    rows = [[cell.text for cell in row.all("th", "td")] for row in held.main.all("tbody")[0].all("tr")]
    assert [row[0] for row in rows] == ["Link worker Supervisor", "Link worker Link-Worker"] or [
        row[0].removeprefix("Link worker") for row in rows
    ] == ["Supervisor", "Link-Worker"]
    assert "Supervisor took over" in desk.open("supervisor", "/people/{own}").text
    assert at_a_glance(desk)["Link worker"].startswith("Supervisor, since ")


def test_a_colleague_is_told_with_what_they_hold_already(desk: Desk):
    labels = [each.text for each in desk.open(HAND_OVER.who, HAND_OVER.path).form.all("label")]
    assert "Supervisor: 1 open referral" in labels
    desk.submit(HAND_OVER)
    labels = [each.text for each in desk.open(HAND_OVER.who, HAND_OVER.path).form.all("label")]
    assert (
        "Link-Worker (you): no open referrals" in labels
        or "Link-Worker (you): 0 open referrals, 0.8 of a full-time post" in labels
    )


def test_whoever_takes_it_over_is_chosen_already(desk: Desk):
    page = desk.open("supervisor", HAND_OVER.path)
    assert page.typed["worker"] == str(desk.world.users["supervisor"])


@pytest.mark.parametrize(
    ("changes", "field", "says"),
    [
        ({"worker": ""}, "worker", "Choose who takes it"),
        ({"worker": "{user_quay-worker}"}, "worker", "Choose one of the answers on this page"),
        ({"worker": "{user_link-worker}"}, "worker", "Choose one of the answers on this page"),
        ({"worker": "{user_outcome-assessor}"}, "worker", "Choose one of the answers on this page"),
        ({"worker": "nobody"}, "worker", "Choose one of the answers on this page"),
        ({"from_on": Ago(-1)}, "from_on", "From is in the future. Enter today or an earlier date."),
        ({"from_on": Ago(201)}, "from_on", "The day must lie between the last hand-over, the answer or the referral and today. Correct it."),
    ],
)  # fmt: skip
def test_a_hand_over_that_cannot_be_is_told_beside_its_field(
    desk: Desk, changes: dict[str, object], field: str, says: str
):
    before = written()
    given = {name: desk.address(value) if isinstance(value, str) else value for name, value in changes.items()}
    page, _ = desk.submit(HAND_OVER, **given)
    check_rejected(page, field, says)
    assert written() == before


def test_two_who_hand_over_at_once_see_what_the_other_did(desk: Desk):
    mine = desk.fill(HAND_OVER)
    with db.transaction():
        user = staff.create_user(
            by=desk.world.user("administrator"),
            email="third@test.example",
            name="Third",
            password="a-long-enough-password",
        )
        staff.grant(
            by=desk.world.user("administrator"), user=user, role="link-worker", study=desk.world.study(),
            site=desk.world.site("mill"),
        )  # fmt: skip
        referral = db.session.get(Referral, desk.places["referral"])
        care.assign(by=desk.world.user("supervisor"), referral=referral, worker=user, from_on=days_ago(2))
    page = desk.send(HAND_OVER.who, HAND_OVER.path, mine)
    assert page.status == 422
    assert "Somebody else changed this record meanwhile" in page.text
    assert "Held by Third since" in page.text
    assert desk.send(HAND_OVER.who, HAND_OVER.path, page.typed).status == 302


def test_a_closed_referral_is_not_handed_over(desk: Desk):
    page = desk.open("link-worker", "/referrals/{closed}/hand-over")
    assert "This referral is closed" in page.text
    assert page.main.all("form") == []


# --------------------------------------------------------------------------------- closing, reopening


def test_closing_asks_what_came_of_each_signpost_that_waits(desk: Desk):
    with db.transaction():
        for outcome in ("attended", "waiting"):
            waiting = signpost(desk.world, outcome=outcome, signposted_on=days_ago(11)).id
    page = desk.open(CLOSE.who, CLOSE.path)
    first, second = (f"signpost-{desk.places['signpost']}", f"signpost-{waiting}")
    assert {name for name in page.names if name.startswith("signpost-")} == {first, second}
    assert (page.typed[first], page.typed[second]) == ("unknown", "waiting")
    done, _ = desk.submit(CLOSE, **{first: "declined", second: "waiting"})
    assert done.status == 302
    db.session.rollback()
    assert db.session.get(Signpost, desk.places["signpost"]).outcome == "declined"
    assert db.session.get(Signpost, waiting).outcome == "waiting"
    shown = desk.open(CLOSE.who, done.location or "")
    assert f"/signposts/{waiting}/outcome" in {each["href"] for each in shown.main.all("a")}


def test_a_signpost_left_unanswered_while_closing_is_told_and_nothing_is_closed(desk: Desk):
    field = f"signpost-{desk.places['signpost']}"
    before = written()
    page, sent = desk.submit(CLOSE, **{field: ""})
    check_rejected(page, field, "Choose what came of it")
    check_kept(page, sent)
    assert written() == before
    assert db.session.get(Referral, desk.places["referral"]).closed_on is None


def test_after_closing_the_outcomes_that_are_due_are_offered(desk: Desk):
    page, _ = desk.submit(CLOSE)
    shown = desk.open(CLOSE.who, page.location or "")
    assert shown.title == "Referral closed – Link worker kit"
    assert "these outcomes are due" in shown.text
    links = {each["href"] for each in shown.main.all("a")}
    assert desk.address("/people/{own}/assessments/ons4/6m") in links
    assert desk.address("/referrals/{referral}/reopen") in links


def test_after_closing_with_nothing_due_that_is_said(desk: Desk):
    with db.transaction():
        for instrument in ("ons4", "phq9", "eq5d-5l"):
            for timepoint in ("baseline", "6m"):
                if (instrument, timepoint) != ("phq9", "baseline"):
                    assessment(desk.world, instrument, timepoint)
    page, _ = desk.submit(CLOSE)
    shown = desk.open(CLOSE.who, page.location or "")
    assert "Nothing is due" in shown.text
    assert "these outcomes are due" not in shown.text


def newcomer(desk: Desk, entered: int) -> uuid.UUID:
    """Somebody with the link worker since then; gives their referral."""
    worker = desk.world.user("link-worker")
    with db.transaction():
        person = people.add_person(
            by=worker, study=desk.world.study(), site=desk.world.site("mill"), entered_on=days_ago(entered),
            identity=people.IdentityFacts("Nia Brief"),
        )  # fmt: skip
        people.record_consent(by=worker, person=person, kind="service", given_on=days_ago(entered))
        referral = care.record_referral(by=worker, person=person, source="gp", referred_on=days_ago(entered))
        care.assign(by=worker, referral=referral, worker=worker, from_on=days_ago(entered))
        desk.world.people["brief"] = person.id
        return referral.id


def close_brief(desk: Desk, entered: int) -> Page:
    referral = newcomer(desk, entered)
    done = desk.send("link-worker", f"/referrals/{referral}/close", boxes(CLOSE.answers))
    assert done.location == f"/referrals/{referral}/closed", done.text
    return desk.open("link-worker", done.location)


def ahead_of(page: Page) -> set[str]:
    """The links of the part that asks ahead of time."""
    if "ahead" not in page.ids:
        return set()
    after = page.html.partition('id="ahead"')[2].partition("</section>")[0]
    return set(re.findall(r'href="([^"]+)"', after))


def test_after_closing_early_the_next_outcomes_may_be_asked_ahead_of_time(desk: Desk):
    page = close_brief(desk, 60)
    place = f"/people/{desk.world.people['brief']}"
    asked = {f"{place}/assessments/{each}/6m" for each in ("ons4", "phq9", "eq5d-5l")}
    assert ahead_of(page) == asked | {f"{place}/self-completion/6m"}
    opens, closes = days_ago(60 - 140), days_ago(60 - 242)
    assert f"6 months {opens.day} {opens:%B %Y} to {closes.day} {closes:%B %Y}" in page.text
    assert "Answers given outside those days are kept, and not compared" in page.text
    for path in asked:
        assert desk.open("link-worker", path).status == 200


def test_what_was_asked_ahead_is_kept_and_not_offered_again(desk: Desk):
    page = close_brief(desk, 60)
    path = f"/people/{desk.world.people['brief']}/assessments/ons4/6m"
    form = desk.open("link-worker", path)
    answers = {f"item-{item}": value for item, value in COMPLETE["ons4"].items()}
    sent = form.typed | boxes(answers | {"assessed_on": Ago(0), "mode": "telephone", "respondent": "self"})
    assert desk.send("link-worker", path, sent).location.startswith("/assessments/")
    again = desk.open("link-worker", closed_page_of(desk.world.people["brief"]))
    assert path in ahead_of(page)
    assert path not in ahead_of(again)
    assert len(ahead_of(again)) == len(ahead_of(page)) - 1


def closed_page_of(person: uuid.UUID) -> str:
    found = db.session.scalars(select(Referral.id).where(Referral.person_id == person)).one()
    return f"/referrals/{found}/closed"


def test_nothing_is_asked_ahead_once_the_last_window_is_open(desk: Desk):
    assert ahead_of(close_brief(desk, 141)) == set()


def test_of_somebody_who_left_nothing_is_asked_ahead(desk: Desk):
    close_brief(desk, 60)
    person = desk.world.people["brief"]
    with db.transaction():
        people.leave(
            by=desk.world.user("link-worker"), person=desk.world.person("brief"), left_on=today(), left_reason="moved"
        )
    assert ahead_of(desk.open("link-worker", closed_page_of(person))) == set()


def test_a_link_that_is_open_is_shown_after_closing(desk: Desk):
    page, _ = desk.submit(CLOSE)
    assert "Link made, not opened" in desk.open(CLOSE.who, page.location or "").text


def test_the_page_after_closing_leads_to_the_person_when_the_referral_is_open(desk: Desk):
    assert desk.open("link-worker", "/referrals/{referral}/closed").location == desk.address("/people/{own}")


def test_a_referral_that_was_closed_too_early_is_reopened_from_the_person_page(desk: Desk):
    path = desk.address("/referrals/{closed}/reopen")
    assert path in {each["href"] for each in desk.open("link-worker", "/people/{returned}").main.all("a")}
    page, _ = desk.submit(REOPEN)
    assert page.location == desk.address("/people/{returned}")
    shown = desk.open("link-worker", "/people/{returned}")
    assert "Referral reopened" in shown.text
    assert "The lunch group closed down" in shown.text
    assert path not in {each["href"] for each in shown.main.all("a")}
    assert "Rosa Returned" in desk.open("link-worker", "/").text
    assert [each for each in ("reopen_referral", "assign") if newest_event().action == each]


@pytest.mark.parametrize(
    ("changes", "field", "says"),
    [
        ({"reason": ""}, "reason", "Say why it is reopened"),
        ({"reason": "x" * 401}, "reason", "Why is it reopened? has 401 characters. Shorten it to 400."),
        ({"reopened_on": Ago(22)}, "reopened_on", "The day must lie between the closing and today. Correct the date."),
    ],
)
def test_a_reopening_with_a_fault_is_told_beside_its_field(
    desk: Desk, changes: dict[str, object], field: str, says: str
):
    before = written()
    page, sent = desk.submit(REOPEN, **changes)
    check_rejected(page, field, says)
    check_kept(page, sent)
    assert written() == before


def test_reopening_twice_tells_the_second(desk: Desk):
    sent = desk.fill(REOPEN)
    desk.send(REOPEN.who, REOPEN.path, sent)
    again = desk.send("supervisor", REOPEN.path, sent)
    assert again.status == 422
    assert list(again.summary) == ["This referral is open. Open the person's page to go on with it."]


def test_what_was_closed_long_ago_is_not_offered_for_reopening_but_a_new_referral_is(desk: Desk):
    with db.transaction():
        referral = db.session.get(Referral, desk.places["closed"])
        referral.closed_on = days_ago(91)
    links = {each["href"] for each in desk.open("link-worker", "/people/{returned}").main.all("a")}
    assert desk.address("/referrals/{closed}/reopen") not in links
    assert desk.address("/people/{returned}/referrals/new") in links


# --------------------------------------------------------------------------------- coming back


def test_somebody_who_comes_back_gets_a_second_referral(desk: Desk):
    page = desk.open(REFER_AGAIN.who, REFER_AGAIN.path)
    assert f"was closed on {days_ago(21).day} {days_ago(21):%B %Y}" in page.text
    answer, _ = desk.submit(REFER_AGAIN)
    assert answer.location == desk.address("/people/{returned}")
    made = newest_referral()
    assert (made.person_id, made.status) == (desk.places["returned"], "accepted")
    assert made.current.worker_id == desk.world.users["link-worker"]
    assert len(db.session.scalars(select(Referral).where(Referral.person_id == made.person_id)).all()) == 2


@pytest.mark.parametrize(("typed", "held_from"), [({}, 8), ({"decided_on": Ago(2)}, 2), ({"decided_on": Ago(8)}, 8)])
def test_somebody_who_comes_back_is_held_from_the_day_of_their_answer_on(
    desk: Desk, typed: dict[str, object], held_from: int
):
    desk.submit(REFER_AGAIN, referred_on=Ago(8), **typed)
    made = newest_referral()
    assert (made.referred_on, made.decided_on) == (days_ago(8), days_ago(held_from))
    assert [each.from_on for each in made.assignments] == [days_ago(held_from)]


def test_an_answer_before_the_referral_is_told_beside_its_date(desk: Desk):
    before = written()
    page, sent = desk.submit(REFER_AGAIN, referred_on=Ago(3), decided_on=Ago(4))
    check_rejected(page, "decided_on", "The answer is dated before the referral. Correct one of the dates.")
    check_kept(page, sent)
    assert written() == before


def test_a_comparison_person_is_not_referred_even_by_hand(desk: Desk):
    before = written()
    page = desk.open("pond-keeper", "/people/{compared}/referrals/new")
    assert "People here are not referred" in page.text
    sent = {"source": "gp", "status": "accepted", "referred_on": Ago(1), "needs": "money"}
    assert desk.send("pond-keeper", "/people/{compared}/referrals/new", sent).status == 200
    assert written() == before


def test_nobody_refers_a_person_of_another_site_by_what_was_typed_for_a_newcomer(desk: Desk):
    sent = {"typed_for": "somebody-new", "source": "gp", "status": "offered", "referred_on": Ago(1)}
    for person in ("other-site", "other-study", "withdrawn"):
        assert desk.send("link-worker", f"/people/{{{person}}}/referrals/new", sent).status == 404


def test_withdrawing_while_waiting_closes_the_referral_pages(desk: Desk):
    with db.transaction():
        people.withdraw(
            by=desk.world.user("supervisor"), person=db.session.get(Person, desk.places["waiting"]), withdrawn_on=today(),
            on_withdrawal="keep",
        )  # fmt: skip
    assert desk.open(ANSWER.who, ANSWER.path).status == 404
    assert waits(desk) == []
