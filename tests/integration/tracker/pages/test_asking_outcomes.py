"""Outcomes: answering an instrument, leaving questions out, correcting, missing; and two people at the same record."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from tests.integration.tracker.pages.conftest import Desk, newest_event, written
from tests.integration.tracker.pages.forms import CORRECT, EQ5D, MISS, ONS4, PHQ9, Ago, Form
from tests.integration.tracker.pages.reading import check_kept, check_rejected
from tests.world import COMPLETE, days_ago
from tracker.extensions import db
from tracker.models import Assessment

UNANSWERED = "Choose an answer, or say at the end why questions were left out"
OFF_LIST = "Choose one of the answers on this page"
INSTRUMENTS = pytest.mark.parametrize("form", [ONS4, PHQ9, EQ5D], ids=str)


def saved(desk: Desk, instrument: str, timepoint: str = "6m") -> Assessment:
    db.session.rollback()
    return db.session.scalars(
        select(Assessment).where(
            Assessment.person_id == desk.places["own"], Assessment.instrument == instrument,
            Assessment.timepoint == timepoint,
        )
    ).one()  # fmt: skip


def answers(assessment: Assessment) -> dict[str, int | None]:
    return {each.item: each.value for each in assessment.responses}


# ---------------------------------------------------------------------------------------- asking


@INSTRUMENTS
def test_every_answer_is_saved_as_it_was_given(desk: Desk, form: Form):
    page, sent = desk.submit(form)
    made = saved(desk, form.name)
    assert page.location == f"/assessments/{made.id}"
    assert answers(made) == COMPLETE[form.name]
    assert (made.status, made.mode, made.respondent) == ("complete", "telephone", "self")
    assert (made.assessed_on, str(made.client_key)) == (days_ago(2), sent["client_key"])


@INSTRUMENTS
def test_each_answer_stands_on_its_page_and_its_score_on_the_persons(desk: Desk, form: Form):
    page, _ = desk.submit(form)
    shown = desk.open("link-worker", page.location or "")
    assert len(shown.main.all("table")) == 2
    assert "was saved" in shown.text
    person = desk.open("link-worker", "/people/{own}")
    assert any(each["href"] == page.location for each in person.main.all("a"))


@INSTRUMENTS
def test_each_question_left_out_is_told_at_the_question_and_the_others_are_kept(desk: Desk, form: Form):
    for item in COMPLETE[form.name]:
        sent = desk.fill(form)
        left = {name: value for name, value in sent.items() if name != f"item-{item}"}
        page = desk.send(form.who, form.path, left)
        check_rejected(page, f"item-{item}", UNANSWERED)
        assert list(page.errors) == [f"item-{item}"]
        check_kept(page, left)


@INSTRUMENTS
def test_a_question_may_stay_open_when_that_is_said(desk: Desk, form: Form):
    first = next(iter(COMPLETE[form.name]))
    sent = desk.fill(form, unanswered="not-answered")
    del sent[f"item-{first}"]
    assert desk.send(form.who, form.path, sent).status == 302
    made = saved(desk, form.name)
    assert (made.status, answers(made)[first]) == ("partial", None)


@INSTRUMENTS
def test_no_answer_at_all_is_not_an_assessment(desk: Desk, form: Form):
    before = written()
    sent = {
        name: value
        for name, value in desk.fill(form, unanswered="not-answered").items()
        if not name.startswith("item-")
    }
    page = desk.send(form.who, form.path, sent)
    assert page.status == 422
    assert list(page.summary) == ["No question is answered. Answer at least one, or record the outcome as missed."]
    check_kept(page, sent)
    assert written() == before


@pytest.mark.parametrize(
    ("form", "item", "typed", "allowed"),
    [
        (PHQ9, "i3", "4", "0, 1, 2, 3"), (PHQ9, "i3", "-1", "0, 1, 2, 3"), (PHQ9, "i3", "1_0", "0, 1, 2, 3"),
        (PHQ9, "i3", "٣", "0, 1, 2, 3"), (PHQ9, "i3", " 3", "0, 1, 2, 3"), (EQ5D, "mo", "6", "1, 2, 3, 4, 5"),
        (EQ5D, "mo", "0", "1, 2, 3, 4, 5"), (ONS4, "happy", "11", "0 to 10"), (ONS4, "happy", "1_0", "0 to 10"),
        (ONS4, "happy", "7.5", "0 to 10"),
    ],
    ids=str,
)  # fmt: skip
def test_an_answer_off_the_scale_is_told_with_what_may_be_answered(
    desk: Desk, form: Form, item: str, typed: str, allowed: str
):
    before = written()
    page, sent = desk.submit(form, **{f"item-{item}": typed})
    check_rejected(page, f"item-{item}", f"That is not an answer to this question. Choose one of {allowed}.")
    check_kept(page, {name: value for name, value in sent.items() if name != f"item-{item}"})
    assert written() == before


@pytest.mark.parametrize("typed", ["101", "-1", "1e2", "fifty", "٥٠", "5_0", "50.5"])
def test_a_number_off_the_thermometer_comes_back_as_it_was_typed(desk: Desk, typed: str):
    page, sent = desk.submit(EQ5D, **{"item-vas": typed})
    says = next(iter(page.errors.values()))
    check_rejected(page, "item-vas", says)
    assert (
        says.startswith(f"{typed} is not an answer here. Choose one of 0 to 100.") or "must be a whole number" in says
    )
    check_kept(page, sent)


@pytest.mark.parametrize(
    ("changes", "field", "says"),
    [
        ({"assessed_on": Ago(-1)}, "assessed_on", "Date is in the future. Enter today or an earlier date."),
        ({"assessed_on": Ago(600)}, "assessed_on", "The assessment is dated more than a year before entry. Correct the date."),
        ({"assessed_on-year": "0026"}, "assessed_on", "Date is before 1890. Check the year; enter one such as 31 3 2025"),
        ({"mode": "import"}, "mode", OFF_LIST),
        ({"mode": "pigeon"}, "mode", OFF_LIST),
        ({"respondent": "pigeon"}, "respondent", OFF_LIST),
    ],
)  # fmt: skip
def test_how_it_was_asked_has_to_be_possible(desk: Desk, changes: dict[str, object], field: str, says: str):
    before = written()
    page, sent = desk.submit(PHQ9, **changes)
    check_rejected(page, field, says)
    check_kept(page, {name: value for name, value in sent.items() if name != field})
    assert written() == before


def test_an_alarming_answer_stands_out_on_the_answers_and_on_the_persons_page(desk: Desk):
    page, _ = desk.submit(PHQ9, **{"item-i9": 1})
    for path in (page.location or "", "/people/{own}"):
        panels = desk.open("link-worker", path).main.all("div", class_="lwk-safety")
        assert panels
        assert all("hidden" not in each.attributes for each in panels)


# -------------------------------------------------------------------------------------- sent again


@INSTRUMENTS
def test_the_same_answers_sent_again_are_one_record_and_lead_on(desk: Desk, form: Form):
    sent = desk.fill(form)
    pages = [desk.send(form.who, form.path, sent)]
    after = written()
    pages += [desk.send(form.who, form.path, sent) for _ in range(3)]
    assert {(page.status, page.location) for page in pages} == {(302, f"/assessments/{saved(desk, form.name).id}")}
    assert written() == after


@pytest.mark.parametrize("same_key", [True, False], ids=["the same form again", "another tab"])
def test_other_answers_for_an_outcome_that_is_recorded_are_told_and_kept(desk: Desk, same_key: bool):
    mine = desk.fill(PHQ9)
    theirs = desk.fill(PHQ9, **{"item-i1": 3})
    desk.send("supervisor", PHQ9.path, theirs)
    before = written()
    page = desk.send(PHQ9.who, PHQ9.path, mine | ({"client_key": theirs["client_key"]} if same_key else {}))
    assert page.status == 422
    assert list(page.summary) == [
        "This was saved before with other content. Open the record to see it."
        if same_key
        else "This outcome is recorded already for this timepoint. Open it to see the answers."
    ]
    check_kept(page, {name: value for name, value in mine.items() if name != "client_key"})
    made = saved(desk, "phq9")
    assert f"/assessments/{made.id}" in {each["href"] for each in page.main.all("a")}
    assert (written(), answers(made)["i1"]) == (before, 3)


def test_opening_the_form_of_a_recorded_outcome_leads_to_its_answers(desk: Desk):
    desk.submit(PHQ9)
    page = desk.open(PHQ9.who, PHQ9.path)
    assert (page.status, page.location) == (302, f"/assessments/{saved(desk, 'phq9').id}")


# -------------------------------------------------------------------------------------- correcting


def test_a_correction_keeps_its_reason_and_both_answers_in_the_trail(desk: Desk):
    page, _ = desk.submit(CORRECT)
    assert page.location == desk.address("/assessments/{phq9}")
    made = db.session.get(Assessment, desk.places["phq9"])
    assert (answers(made)["i1"], made.version) == (2, 2)
    event = newest_event()
    assert (event.action, event.reason) == ("correct_assessment", "Read from the wrong line")
    assert '"i1":1' in (event.before or "")
    assert '"i1":2' in (event.after or "")


@pytest.mark.parametrize(
    ("changes", "field", "says"),
    [
        ({"reason": ""}, "reason", "Say why the answers change"),
        ({"reason": " \r\n "}, "reason", "Say why the answers change"),
        ({"reason": "r" * 401}, "reason", "Why do the answers change? has 401 characters. Shorten it to 400."),
        ({"item-i2": "9"}, "item-i2", "That is not an answer to this question. Choose one of 0, 1, 2, 3."),
    ],
)
def test_a_correction_with_a_fault_comes_back_whole(desk: Desk, changes: dict[str, object], field: str, says: str):
    before = written()
    page, sent = desk.submit(CORRECT, **changes)
    check_rejected(page, field, says)
    check_kept(page, {name: value.strip() for name, value in sent.items() if name != "item-i2"})
    assert written() == before


@pytest.mark.parametrize("version", ["", "two", "²", "-1", "9" * 5000, "None"])
def test_a_correction_without_a_version_is_refused_with_what_to_do(desk: Desk, version: str):
    page, _ = desk.submit(CORRECT, version=version)
    assert page.status == 422
    assert list(page.summary) == ["Reload the page and send it again"]


def test_the_second_of_two_correctors_is_told_sees_both_and_can_save_what_was_typed(desk: Desk):
    mine = desk.fill(CORRECT, reason="Mine")
    theirs = desk.fill(CORRECT, reason="Theirs", **{"item-i1": 3})
    assert desk.send("supervisor", CORRECT.path, theirs).status == 302
    before = written()
    page = desk.send(CORRECT.who, CORRECT.path, mine)
    assert page.status == 422
    assert list(page.summary) == [
        "Somebody else changed this record meanwhile. Check what it says now, then save again."
    ]
    now = page.main.all("table")[0].text
    assert "Nearly every day" in now, "the page shows what is saved now"
    check_kept(page, {name: value for name, value in mine.items() if name != "version"})
    assert written() == before
    assert desk.send(CORRECT.who, CORRECT.path, page.typed).status == 302
    assert answers(db.session.get(Assessment, desk.places["phq9"]))["i1"] == 2


# ----------------------------------------------------------------------------------------- missing


def test_a_missed_outcome_keeps_why(desk: Desk):
    page, _ = desk.submit(MISS)
    made = saved(desk, "ons4")
    assert page.location == desk.address("/people/{own}")
    assert (made.status, made.missing_reason, made.assessed_on) == ("missed", "not-reached", days_ago(1))
    assert "Could not be reached" in desk.open("link-worker", page.location).text


@pytest.mark.parametrize(
    ("changes", "field", "says"),
    [
        ({"status": ""}, "status", "Choose what happened"),
        ({"status": "complete"}, "status", OFF_LIST),
        ({"missing_reason": ""}, "missing_reason", "Choose a reason"),
        ({"missing_reason": "lazy"}, "missing_reason", OFF_LIST),
        ({"assessed_on": Ago(-1)}, "assessed_on", "Date is in the future. Enter today or an earlier date."),
    ],
)
def test_a_missed_outcome_with_a_fault_comes_back_whole(desk: Desk, changes: dict[str, object], field: str, says: str):
    before = written()
    page, sent = desk.submit(MISS, **changes)
    check_rejected(page, field, says)
    check_kept(page, {name: value for name, value in sent.items() if name != field or "assessed" in name})
    assert written() == before


def test_missing_it_twice_is_one_record(desk: Desk):
    sent = desk.fill(MISS)
    answers = [desk.send(MISS.who, MISS.path, sent).status for _ in range(3)]
    assert answers == [302] * 3
    assert saved(desk, "ons4").status == "missed"
    page = desk.send(MISS.who, MISS.path, sent | {"status": "declined"})
    assert list(page.summary) == ["This was saved before with other content. Open the record to see it."]


def test_what_was_missed_can_be_answered_after_all_and_sent_twice(desk: Desk):
    desk.submit(MISS)
    sent = desk.fill(ONS4)
    assert [desk.send(ONS4.who, ONS4.path, sent).status for _ in range(2)] == [302, 302]
    made = saved(desk, "ons4")
    assert (made.status, made.missing_reason, answers(made)) == ("complete", None, COMPLETE["ons4"])


def test_what_was_missed_has_no_answers_to_correct(desk: Desk):
    desk.submit(MISS)
    made = saved(desk, "ons4")
    before = written()
    sent = {f"item-{item}": str(value) for item, value in COMPLETE["ons4"].items()} | {"version": "1", "reason": "x"}
    page = desk.send("link-worker", f"/assessments/{made.id}/correct", sent)
    assert list(page.summary) == ["There are no answers to correct: this outcome was not collected."]
    assert (written(), saved(desk, "ons4").status) == (before, "missed")
