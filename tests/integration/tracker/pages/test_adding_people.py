"""Adding a person, their referral's answer and end, leaving and withdrawing: what is saved and what comes back."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import select

from instruments.codes import CONSENT_KINDS
from tests.integration.tracker.pages.conftest import Desk, newest_event, written
from tests.integration.tracker.pages.forms import ADD_COMPARED, ADD_REFERRED, ANSWER, CLOSE, LEAVE, WITHDRAW, Ago, Form
from tests.integration.tracker.pages.reading import check_kept, check_rejected
from tests.world import days_ago
from tracker.extensions import db, today
from tracker.models import Assignment, Consent, Person, Referral
from tracker.queries.histories import episodes
from tracker.queries.workload import held_on

ENTRY = "Date of entry to the study"
REFERRAL = "Date of the referral"


def newest_person() -> Person:
    db.session.rollback()
    return db.session.scalars(select(Person).order_by(Person.recorded_at.desc()).limit(1)).one()


# ---------------------------------------------------------------------------------------- adding


def test_a_referred_person_is_written_down_with_everything_that_was_typed(desk: Desk):
    page, _ = desk.submit(ADD_REFERRED)
    person = newest_person()
    assert page.location == f"/people/{person.id}"
    identity = person.identity
    assert (identity.name, identity.nhs_number, identity.phone) == ("Nora Newcomer", "9434765919", "07700 900456")
    assert identity.date_of_birth == "1956-03-31"
    assert (person.birth_year, person.sex, person.ethnicity) == (1956, "female", "white")
    assert (person.lives_alone, person.carer, person.ltc_count) == (True, False, 3)
    assert (person.deprivation, person.deprivation_index) == (2, "imd2019-decile")
    assert (person.entered_on, person.site_id) == (days_ago(3), desk.world.sites["mill"])


def test_an_accepted_referral_comes_onto_the_caseload_of_whoever_wrote_it_down(desk: Desk):
    desk.submit(ADD_REFERRED)
    referral = db.session.scalars(select(Referral).where(Referral.person_id == newest_person().id)).one()
    assert (referral.source, referral.status, referral.reason) == ("gp", "accepted", "Lonely since the move")
    assert (referral.referred_on, referral.decided_on) == (days_ago(3), days_ago(3))
    assert [each.worker_id for each in referral.assignments] == [desk.world.users["link-worker"]]
    assert "Nora Newcomer" in desk.open("link-worker", "/").text


@pytest.mark.parametrize(
    ("entered", "referred", "typed", "answered"),
    [
        (1, 5, {}, 1),
        (5, 1, {}, 1),
        (1, 9, {"decided_on": Ago(4)}, 4),
        (3, 3, {"decided_on": Ago(0)}, 0),
        (3, 3, {}, 3),
    ],
)
def test_whoever_accepts_is_held_from_the_day_of_the_answer_on_and_not_before(
    desk: Desk, entered: int, referred: int, typed: dict[str, object], answered: int
):
    # Given a referral that is written down with its answer on another day
    desk.submit(ADD_REFERRED, entered_on=Ago(entered), referred_on=Ago(referred), **typed)
    person, worker = newest_person().id, desk.world.users["link-worker"]
    referral = db.session.scalars(select(Referral).where(Referral.person_id == person)).one()
    assert (referral.referred_on, referral.decided_on) == (days_ago(referred), days_ago(answered))
    # Then on every day it is held if it was accepted by then, and counts so in the worker's caseload
    by = desk.world.user("link-worker")
    (episode,) = episodes(days_ago(30), by=by, people=Person.id == person)
    for days in range(11):
        accepted = days <= answered
        assert episode.is_open(days_ago(days)) == accepted, days
        assert episode.holders(days_ago(days)) == ({worker} if accepted else set()), days
        assert (referral.id in held_on(days_ago(days), by=by).get(worker, ())) == accepted, days


def test_the_day_of_an_answer_that_nobody_gave_yet_is_no_matter(desk: Desk):
    page, _ = desk.submit(ADD_REFERRED, status="offered", decided_on=Ago(1))
    assert page.status == 302
    referral = db.session.scalars(select(Referral).where(Referral.person_id == newest_person().id)).one()
    assert (referral.status, referral.decided_on, referral.assignments) == ("offered", None, [])


@pytest.mark.parametrize(
    ("status", "why", "held"),
    [("offered", "", 0), ("declined", "not-now", 0), ("unreachable", "no-answer", 0), ("accepted", "", 1)],
)
def test_only_who_accepts_is_held_by_a_link_worker(desk: Desk, status: str, why: str, held: int):
    desk.submit(ADD_REFERRED, status=status, answer_reason=why)
    referral = db.session.scalars(select(Referral).where(Referral.person_id == newest_person().id)).one()
    assert len(referral.assignments) == held
    assert (referral.decided_on is None) == (status == "offered")
    assert referral.answer_reason == (why or None)


@pytest.mark.parametrize("status", ["declined", "unreachable"])
def test_a_newcomer_who_does_not_accept_is_not_added_without_a_reason(desk: Desk, status: str):
    before = written()
    page, sent = desk.submit(ADD_REFERRED, status=status)
    check_rejected(page, "answer_reason", "Choose why, so that it is known later who was not helped.")
    check_kept(page, sent)
    assert written() == before


@pytest.mark.parametrize("status", ["offered", "accepted"])
def test_a_reason_that_was_chosen_before_the_answer_changed_is_no_matter(desk: Desk, status: str):
    page, _ = desk.submit(ADD_REFERRED, status=status, answer_reason="not-now")
    assert page.status == 302
    assert (
        db.session.scalars(select(Referral).where(Referral.person_id == newest_person().id)).one().answer_reason is None
    )


def test_a_comparison_person_has_no_referral_and_is_asked_for_none(desk: Desk):
    page = desk.open(ADD_COMPARED.who, ADD_COMPARED.path)
    assert page.title == "Add a person without a link worker – Link worker kit"
    assert not {"source", "status", "reason"} & page.names
    desk.submit(ADD_COMPARED)
    person = newest_person()
    assert db.session.scalars(select(Referral).where(Referral.person_id == person.id)).all() == []


CONSENTS = {"service", "research"}


def given_when_ticked(desk: Desk, form: Form, ticked: set[str]) -> dict[str, date]:
    """The consents of somebody who is added with these boxes ticked, with their days."""
    unticked = {f"{kind}_consent" for kind in CONSENTS - ticked}
    sent = {name: value for name, value in desk.fill(form).items() if name not in unticked}
    assert desk.send(form.who, form.path, sent).status == 302
    found = db.session.scalars(select(Consent).where(Consent.person_id == newest_person().id))
    return {each.kind: each.given_on for each in found}


@pytest.mark.parametrize(
    "ticked", [CONSENTS, {"service"}, {"research"}, set()], ids=lambda kinds: "-".join(sorted(kinds)) or "none"
)
def test_a_consent_is_written_down_only_when_it_was_given(desk: Desk, ticked: set[str]):
    assert given_when_ticked(desk, ADD_REFERRED, ticked) == dict.fromkeys(ticked, days_ago(3))


@pytest.mark.parametrize("ticked", [{"research"}, set()], ids=["research", "none"])
def test_a_comparison_person_is_never_said_to_have_agreed_to_the_service(desk: Desk, ticked: set[str]):
    assert "service_consent" not in desk.open(ADD_COMPARED.who, ADD_COMPARED.path).names
    assert given_when_ticked(desk, ADD_COMPARED, ticked) == dict.fromkeys(ticked, days_ago(3))


def test_a_consent_to_the_service_sent_for_a_comparison_person_by_hand_is_none(desk: Desk):
    sent = desk.fill(ADD_COMPARED) | {"service_consent": "y"}
    desk.send(ADD_COMPARED.who, ADD_COMPARED.path, sent)
    assert {each.kind for each in newest_person().consents} == {"research"}


def test_nobody_is_taken_to_have_agreed_before_they_were_asked(desk: Desk):
    offered = desk.open(ADD_REFERRED.who, ADD_REFERRED.path).typed
    assert not {"service_consent", "research_consent"} & set(offered)


def test_without_a_consent_the_page_says_so_and_one_given_later_can_be_withdrawn(desk: Desk):
    # Given somebody who was added before they were asked
    given_when_ticked(desk, ADD_REFERRED, set())
    person = newest_person().id
    glance = desk.open("link-worker", f"/people/{person}").text
    assert all(f"Not recorded: {words.lower()}" in glance for words in CONSENT_KINDS.values())
    # When they say no, there is nothing to withdraw, and what to do instead is said
    wish = {"on_withdrawal": "erase", "withdrawn_on": Ago(0)}
    page = desk.send("link-worker", f"/people/{person}/withdrawal", wish)
    (told,) = page.summary
    assert told.endswith("If they once agreed, record that consent first and withdraw it then.")
    # And done so, the record closes
    assert desk.send(
        "link-worker", f"/people/{person}/consents/new", {"kind": "service", "given_on": Ago(0)}
    ).location == (f"/people/{person}")
    assert desk.send("link-worker", f"/people/{person}/withdrawal", wish).location == "/"
    assert desk.open("link-worker", f"/people/{person}").status == 404


def test_a_name_alone_is_enough_and_what_is_not_known_stays_empty(desk: Desk):
    empty = dict.fromkeys(("nhs_number", "phone", "ltc_count", "deprivation", "ethnicity", "reason"), "")
    for part in ("day", "month", "year"):
        empty[f"date_of_birth-{part}"] = ""
    known = desk.fill(ADD_REFERRED, lives_alone="unknown", **empty)
    unticked = {name: value for name, value in known.items() if name not in ("conditions", "needs")}
    desk.send(ADD_REFERRED.who, ADD_REFERRED.path, unticked)
    person = newest_person()
    assert person.conditions == []
    assert (person.identity.nhs_number, person.identity.phone, person.identity.date_of_birth) == (None, None, None)
    assert (person.birth_year, person.ltc_count, person.lives_alone) == (None, None, None)
    assert (person.deprivation, person.deprivation_index) == (None, None)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("  Ann   Other ", "Ann Other"), ("Ann\r\nOther", "Ann Other"), ("Ann\x00Other", "AnnOther"), ("\tAnn", "Ann"),
        ("Zoë O’Neill-Ştefănescu", "Zoë O’Neill-Ştefănescu"), ("名前", "名前"), ("👩🏽‍🌾 Ann", "👩🏽‍🌾 Ann"), ("A" * 200, "A" * 200),
    ],
)  # fmt: skip
def test_a_name_is_kept_as_it_is_written_without_stray_spaces_and_breaks(desk: Desk, typed: str, kept: str):
    desk.submit(ADD_REFERRED, name=typed)
    assert newest_person().identity.name == kept


NOT_TEN_DIGITS = "An NHS number has 10 digits, like 943 476 5919. Check it against the referral."
WRONG_DIGIT = "This is not a valid NHS number: its last digit does not fit the others. Check it against the referral."
PERSON_FAULTS = [
    ({"name": ""}, "name", "Enter the person's full name"),
    ({"name": "   "}, "name", "Enter the person's full name"),
    ({"name": "A" * 201}, "name", "Full name has 201 characters. Shorten it to 200."),
    ({"nhs_number": "943 476 5918"}, "nhs_number", WRONG_DIGIT),
    ({"nhs_number": "943 476 591"}, "nhs_number", NOT_TEN_DIGITS),
    ({"nhs_number": "٩٤٣٤٧٦٥٩١٩"}, "nhs_number", NOT_TEN_DIGITS),
    ({"nhs_number": "unknown"}, "nhs_number", NOT_TEN_DIGITS),
    ({"phone": "0" * 41}, "phone", "Phone (if they agree) has 41 characters. Shorten it to 40."),
    ({"date_of_birth": Ago(-1)}, "date_of_birth", "Date of birth is in the future. Enter today or an earlier date."),
    ({"date_of_birth-year": "56"}, "date_of_birth", "Enter the date in numbers with a four-figure year, such as 31 3 1956"),
    ({"date_of_birth-year": ""}, "date_of_birth", "Date of birth needs a day, a month and a year, such as 31 3 1956"),
    ({"date_of_birth-year": "1856"}, "date_of_birth", "Date of birth is before 1890. Check the year; enter one such as 31 3 1956"),
    ({"date_of_birth-month": "2"}, "date_of_birth", "31 2 1956 is not a real date. Enter one such as 31 3 1956"),
    ({"entered_on": Ago(-1)}, "entered_on", f"{ENTRY} is in the future. Enter today or an earlier date."),
    ({"entered_on-year": "0026"}, "entered_on", f"{ENTRY} is before 1890. Check the year; enter one such as 31 3 2025"),
    ({"source": ""}, "source", "Choose who referred them"),
    ({"source": "pigeon"}, "source", "Choose one of the answers on this page"),
    ({"referred_on": Ago(-1)}, "referred_on", f"{REFERRAL} is in the future. Enter today or an earlier date."),
    ({"referred_on-day": "", "referred_on-month": "", "referred_on-year": ""}, "referred_on", "Enter the date of the referral"),
    ({"decided_on": Ago(-1)}, "decided_on", "Date of their answer is in the future. Enter today or an earlier date."),
    ({"decided_on": Ago(4)}, "decided_on", "The answer is dated before the referral. Correct one of the dates."),
    ({"decided_on-day": "1"}, "decided_on", "Date of their answer needs a day, a month and a year, such as 31 3 2025"),
    ({"reason": "x" * 2001}, "reason", "Reason for the referral has 2,001 characters. Shorten it to 2,000."),
    ({"ltc_count": "41"}, "ltc_count", "Enter a number between 0 and 40"),
    ({"ltc_count": "-1"}, "ltc_count", "Enter a number between 0 and 40"),
    ({"ltc_count": "1_0"}, "ltc_count", "Long-term conditions in all must be a whole number, such as 15"),
    ({"ltc_count": "٣"}, "ltc_count", "Long-term conditions in all must be a whole number, such as 15"),
    ({"ltc_count": "three"}, "ltc_count", "Long-term conditions in all must be a whole number, such as 15"),
    ({"ltc_count": "0"}, "ltc_count", "1 is named above. Enter 1 or more, or leave the number empty."),
    ({"conditions": "the-vapours"}, "conditions", "Choose one of the answers on this page"),
    ({"needs": "a-new-car"}, "needs", "Choose one of the answers on this page"),
    ({"status": "declined", "answer_reason": "no-answer"}, "answer_reason",
     "'No answer' does not go with 'Declined'. Choose another reason or answer."),
    ({"deprivation": "11"}, "deprivation", "Enter a decile between 1 (most deprived) and 10"),
    ({"deprivation": "0"}, "deprivation", "Enter a decile between 1 (most deprived) and 10"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "field", "says"), PERSON_FAULTS)
def test_a_fault_about_a_person_is_told_beside_its_field_and_everything_is_kept(
    desk: Desk, changes: dict[str, object], field: str, says: str
):
    before = written()
    page, sent = desk.submit(ADD_REFERRED, **changes)
    check_rejected(page, field, says)
    off_the_list = {name for name, value in changes.items() if value in ("pigeon", "the-vapours", "a-new-car")}
    check_kept(page, {name: value.strip() for name, value in sent.items() if name not in off_the_list})
    assert list(page.errors) == [field]
    assert written() == before


def test_several_faults_are_listed_in_the_order_of_the_page(desk: Desk):
    page, _ = desk.submit(ADD_REFERRED, name="", nhs_number="1", source="", deprivation="12")
    assert list(page.errors) == ["name", "nhs_number", "source", "deprivation"]
    assert list(page.summary.values()) == ["name", "nhs_number", "source", "deprivation"]


def test_an_entry_that_fails_half_way_leaves_nothing_of_the_person(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    """The referral is written after the person: when it cannot be, there is no person either."""
    from tracker.actions import care
    from tracker.actions.refusal import Refused

    def refuse(**_: object) -> None:
        raise Refused("source", "The source is not known. Choose another.")

    monkeypatch.setattr(care, "record_referral", refuse)
    before = written()
    page, sent = desk.submit(ADD_REFERRED)
    check_rejected(page, "source", "The source is not known. Choose another.")
    check_kept(page, sent)
    assert written() == before


# ------------------------------------------------------------------------------- choosing the site


def test_whoever_works_at_one_site_is_not_asked_for_it(desk: Desk):
    page = desk.open("link-worker", "/people/new")
    assert (page.status, page.location) == (302, desk.address(ADD_REFERRED.path))


def test_whoever_works_at_several_sites_chooses_one(desk: Desk):
    page = desk.open("supervisor", "/people/new")
    assert {"Mill Practice", "Quay Practice"} <= {each.text for each in page.form.all("label")}
    sent = {"site": desk.address("{study_garden}:{site_quay}")}
    assert desk.send("supervisor", "/people/new", sent).location == desk.address(
        "/studies/{study_garden}/sites/{site_quay}/people/new"
    )


@pytest.mark.parametrize(
    ("site", "says"), [("", "Choose a site"), ("{study_garden}:{site_pond}", "Choose one of the answers on this page"), ("x:y", "Choose one of the answers on this page")]
)  # fmt: skip
def test_a_site_that_is_not_ones_own_is_no_choice(desk: Desk, site: str, says: str):
    page = desk.send("supervisor", "/people/new", {"site": desk.address(site), "csrf_token": ""})
    check_rejected(page, "site", says)


# ------------------------------------------------------------------- the referral's answer and end


def test_an_accepted_offer_comes_onto_the_caseload(desk: Desk):
    page, _ = desk.submit(ANSWER)
    assert page.location == desk.address("/people/{waiting}")
    referral = db.session.get(Referral, desk.places["offered"])
    assert (referral.status, referral.decided_on) == ("accepted", days_ago(1))
    assert [each.from_on for each in referral.assignments] == [days_ago(1)]


def test_a_declined_offer_is_held_by_nobody(desk: Desk):
    desk.submit(ANSWER, status="declined", answer_reason="has-support")
    referral = db.session.get(Referral, desk.places["offered"])
    assert (referral.status, referral.assignments) == ("declined", [])


@pytest.mark.parametrize(
    ("changes", "field", "says"),
    [
        ({"status": ""}, "status", "Choose the person's answer"),
        ({"status": "offered"}, "status", "Choose one of the answers on this page"),
        ({"decided_on": Ago(-1)}, "decided_on", "Date of the answer or attempt is in the future. Enter today or an earlier date."),
        ({"decided_on": Ago(11)}, "decided_on", "The answer must lie between the referral and today. Correct the date."),
        ({"decided_on-month": "13"}, "decided_on", None),
    ],
)  # fmt: skip
def test_an_answer_that_cannot_be_is_told_beside_its_field(
    desk: Desk, changes: dict[str, object], field: str, says: str | None
):
    page, sent = desk.submit(ANSWER, **changes)
    day, _, year = (sent[f"decided_on-{part}"] for part in ("day", "month", "year"))
    check_rejected(page, field, says or f"{day} 13 {year} is not a real date. Enter one such as 31 3 2025")
    check_kept(page, {name: value for name, value in sent.items() if name != "status" or value == "accepted"})
    assert db.session.get(Referral, desk.places["offered"]).status == "offered"


def test_an_offer_is_answered_once(desk: Desk):
    sent = desk.fill(ANSWER)
    desk.send(ANSWER.who, ANSWER.path, sent)
    again = desk.send("supervisor", ANSWER.path, sent | {"status": "declined"})
    assert again.status == 422
    assert list(again.summary) == ["This referral is answered already. Open the person's page to see the answer."]
    assert db.session.get(Referral, desk.places["offered"]).status == "accepted"


def test_a_closed_referral_leaves_the_caseload(desk: Desk):
    assert "Person Own" in desk.open("link-worker", "/").text
    page, _ = desk.submit(CLOSE)
    assert page.location == desk.address("/referrals/{referral}/closed")
    referral = db.session.get(Referral, desk.places["referral"])
    assert (referral.closed_on, referral.closure_reason) == (days_ago(1), "completed")
    home = desk.open("link-worker", "/")
    assert "Person Own" not in home.text.partition("Outcomes after support")[0]


def test_closing_twice_tells_the_second_and_keeps_the_first(desk: Desk):
    sent = desk.fill(CLOSE)
    desk.send(CLOSE.who, CLOSE.path, sent)
    again = desk.send("supervisor", CLOSE.path, sent | {"closure_reason": "died"})
    assert list(again.summary) == ["This referral is closed already. Open the person's page to see when and why."]
    assert db.session.get(Referral, desk.places["referral"]).closure_reason == "completed"


@pytest.mark.parametrize(
    ("changes", "field", "says"),
    [
        ({"closure_reason": ""}, "closure_reason", "Choose a reason"),
        ({"closure_reason": "bored"}, "closure_reason", "Choose one of the answers on this page"),
        ({"closed_on": Ago(-1)}, "closed_on", "Closing date is in the future. Enter today or an earlier date."),
        ({"closed_on": Ago(201)}, "closed_on", "The closing date must lie between {answered}, when the referral was answered, and today. Correct the date."),
    ],
)  # fmt: skip
def test_an_end_that_cannot_be_is_told_beside_its_field(desk: Desk, changes: dict[str, object], field: str, says: str):
    before = written()
    page, sent = desk.submit(CLOSE, **changes)
    check_rejected(page, field, says.format(answered=f"{days_ago(200):%-d %B %Y}"))
    check_kept(page, {name: value for name, value in sent.items() if value != "bored"})
    assert written() == before
    held = select(Assignment).where(Assignment.referral_id == desk.places["referral"], Assignment.until_on.is_(None))
    assert len(db.session.scalars(held).all()) == 1


# ------------------------------------------------------------------------- leaving and withdrawing


def test_leaving_stands_on_the_persons_page(desk: Desk):
    page, _ = desk.submit(LEAVE)
    shown = desk.open("link-worker", page.location or "")
    assert "Left the study" in shown.text
    assert "Moved away" in shown.text
    assert "They leave the study" not in shown.text


def test_leaving_twice_tells_the_second_and_keeps_the_first(desk: Desk):
    sent = desk.fill(LEAVE)
    desk.send(LEAVE.who, LEAVE.path, sent)
    again = desk.send("supervisor", LEAVE.path, sent | {"left_reason": "died"})
    assert list(again.summary) == ["This person left already. Open the person's page to see when and why."]
    assert desk.world.person("own").left_reason == "moved"


def test_a_leaving_recorded_by_mistake_is_taken_back_with_a_reason_that_the_trail_keeps(desk: Desk):
    desk.submit(LEAVE)
    shown = desk.open("link-worker", LEAVE.path)
    assert "moved away" in shown.main.text
    page = desk.send("link-worker", LEAVE.path, shown.typed | {"reason": "Another person moved"})
    assert page.status == 302, page.summary
    person, event = desk.world.person("own"), newest_event()
    assert (person.left_on, person.left_reason) == (None, None)
    assert (event.action, event.reason) == ("stay", "Another person moved")
    assert '"left_reason":"moved"' in (event.before or "")
    again = desk.open("link-worker", page.location or "")
    assert "They leave the study" in again.text
    assert "The leaving was taken back" in again.text


def test_a_leaving_is_not_taken_back_without_a_reason(desk: Desk):
    desk.submit(LEAVE)
    shown = desk.open("link-worker", LEAVE.path)
    check_rejected(desk.send("link-worker", LEAVE.path, shown.typed), "reason", "Say why the leaving is taken back")
    assert desk.world.person("own").left_reason == "moved"


def test_the_second_who_takes_a_leaving_back_is_told_that_it_is_done(desk: Desk):
    desk.submit(LEAVE)
    mine = desk.open("link-worker", LEAVE.path).typed | {"reason": "Another person moved"}
    assert desk.send("supervisor", LEAVE.path, mine).status == 302
    page = desk.send("link-worker", LEAVE.path, mine)
    assert list(page.summary) == ["The leaving was taken back already: this person is in the study."]
    check_kept(page, {"reason": "Another person moved"})
    assert desk.world.person("own").left_on is None


def test_a_leaving_that_was_taken_back_meanwhile_is_left_alone(desk: Desk):
    desk.submit(LEAVE)
    mine = desk.open("link-worker", LEAVE.path).typed | {"reason": "Another person moved"}
    assert desk.send("supervisor", LEAVE.path, mine).status == 302
    assert desk.submit(LEAVE, left_reason="died")[0].status == 302
    page = desk.send("link-worker", LEAVE.path, mine)
    assert page.status == 422
    assert "Somebody else changed this record meanwhile" in " ".join(page.summary)
    assert desk.world.person("own").left_reason == "died"


@pytest.mark.parametrize("role", ["outcome-assessor", "evaluator", "administrator"])
def test_whoever_may_not_record_a_leaving_may_not_take_one_back(desk: Desk, role: str):
    desk.submit(LEAVE)
    mine = desk.open("link-worker", LEAVE.path).typed | {"reason": "Another person moved"}
    assert desk.send(role, LEAVE.path, mine).status in (403, 404)
    assert desk.world.person("own").left_reason == "moved"


@pytest.mark.parametrize(
    ("changes", "field", "says"),
    [
        ({"left_reason": ""}, "left_reason", "Choose a reason"),
        ({"left_on": Ago(-1)}, "left_on", "Date of leaving is in the future. Enter today or an earlier date."),
        ({"left_on": Ago(201)}, "left_on", "The date of leaving must lie between entry and today. Correct the date."),
    ],
)
def test_a_leaving_that_cannot_be_is_told_beside_its_field(
    desk: Desk, changes: dict[str, object], field: str, says: str
):
    page, sent = desk.submit(LEAVE, **changes)
    check_rejected(page, field, says)
    check_kept(page, sent)
    assert desk.world.person("own").left_on is None


def test_a_withdrawal_closes_the_record_at_once(desk: Desk):
    page, _ = desk.submit(WITHDRAW)
    assert page.location == "/"
    assert "The withdrawal was recorded" in desk.open("link-worker", "/").text
    for path in ("/people/{own}", WITHDRAW.path, "/referrals/{referral}/contacts/new", "/assessments/{phq9}"):
        assert desk.open("link-worker", path).status == 404, path
    assert newest_event().reason == "By letter"


@pytest.mark.parametrize(
    ("changes", "field", "says"),
    [
        ({"on_withdrawal": ""}, "on_withdrawal", "Choose what the person wants"),
        ({"withdrawn_on": Ago(-1)}, "withdrawn_on", "Date of the withdrawal is in the future. Enter today or an earlier date."),
        ({"withdrawn_on": Ago(201)}, "withdrawn_on", "The withdrawal must lie between the consent and today. Correct the date."),
        ({"reason": "x" * 401}, "reason", "Anything to note (no personal details) has 401 characters. Shorten it to 400."),
    ],
)  # fmt: skip
def test_a_withdrawal_that_cannot_be_is_told_beside_its_field(
    desk: Desk, changes: dict[str, object], field: str, says: str
):
    page, sent = desk.submit(WITHDRAW, **changes)
    check_rejected(page, field, says)
    check_kept(page, sent)
    assert desk.open("link-worker", "/people/{own}").status == 200


# ------------------------------------------------------------------------------- days near midnight


def test_the_form_offers_today_for_the_entry_and_the_referral(desk: Desk):
    offered = desk.open(ADD_REFERRED.who, ADD_REFERRED.path).typed
    for name in ("entered_on", "referred_on"):
        parts = [int(offered[f"{name}-{part}"]) for part in ("year", "month", "day")]
        assert parts == [today().year, today().month, today().day]
    assert offered["date_of_birth-year"] == ""
