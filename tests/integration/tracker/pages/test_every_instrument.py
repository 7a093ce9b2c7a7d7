"""Every instrument of the library, asked as people are asked: its worked examples come out of the pages as published."""

from __future__ import annotations

import pytest

from instruments import get, library
from instruments.definition import Instrument, WorkedExample
from tests.integration.tracker.pages.conftest import Desk
from tests.integration.tracker.pages.forms import ASKED, boxes
from tests.world import PLAN, draft_of
from tracker.extensions import db
from tracker.models import Assessment, Person

NOT_SAID = "prefer-not-to-say"
EVERY = pytest.mark.parametrize("instrument", library(), ids=lambda each: each.id)


@pytest.fixture(autouse=True)
def _everything_is_asked(desk: Desk) -> None:
    """The study asks every instrument of the library."""
    named = ", ".join(f'"{each.id}"' for each in library())
    with db.transaction():
        study = desk.world.study()
        study.plan_text = PLAN.replace('["ons4", "phq9", "eq5d-5l"]', f"[{named}]")


def form_of(instrument: Instrument) -> str:
    return f"/people/{{own}}/assessments/{instrument.id}/6m"


def scored_examples(instrument: Instrument) -> list[WorkedExample]:
    """Examples that the tracker scores as they stand: in the default value set, and at no particular age."""
    return [each for each in instrument.examples if each.responses and not (each.value_set or each.age or each.sex)]


def sent(instrument: Instrument, example: WorkedExample) -> dict[str, str]:
    given = {f"item-{item}": str(code) for item, code in example.responses.items()}
    respondent = {"respondent": instrument.respondents[0]}
    return given | boxes(ASKED | respondent | {"unanswered": "other", "client_key": "0" * 32})


def made(desk: Desk, instrument: Instrument) -> Assessment:
    db.session.rollback()
    return (
        db.session.query(Assessment)
        .filter_by(person_id=desk.places["own"], instrument=instrument.id, timepoint="6m")
        .one()
    )


def check_scores(assessment: Assessment, example: WorkedExample) -> None:
    scores = assessment.scored()
    assert {id: scores[id].value for id in example.scores} == example.scores, example.id
    for id, band in example.bands.items():
        assert scores[id].band == band, (example.id, id)


@EVERY
def test_every_worked_example_that_is_typed_on_one_page_scores_as_published(desk: Desk, instrument: Instrument):
    with db.transaction():
        person = db.session.get(Person, desk.places["own"])
        assert person is not None
        person.birth_year = None  # some scales are made for some ages, and an unknown age lets each be scored
    desk.open("link-worker", "/people")  # whoever signs in after this would be signed out when all is put back
    desk.remember()
    for example in scored_examples(instrument):
        page = desk.send("link-worker", form_of(instrument), sent(instrument, example))
        assert page.status == 302, (example.id, page.summary)
        check_scores(made(desk, instrument), example)
        desk.put_back()


@EVERY
def test_asked_one_question_at_a_time_each_that_is_asked_comes_once_and_the_last_leads_to_the_check(
    desk: Desk, instrument: Instrument
):
    form = form_of(instrument)
    page = desk.open("link-worker", form + "/questions")
    seen = []
    while (page.location or "").rpartition("/")[2].isdigit():
        number = int((page.location or "").rpartition("/")[2])
        item = instrument.items[number - 1]
        seen.append(item.id)
        asked = desk.open("link-worker", page.location or "")
        assert f"question {number} of {len(instrument.items)}" in asked.text
        page = desk.send("link-worker", page.location or "", {f"item-{item.id}": max(item.codes)})
    assert seen == [item.id for item in instrument.items], "the highest answers leave no question out"
    assert (page.location or "").endswith("/check")
    draft = draft_of(desk.world, instrument.id)
    assert draft is not None
    assert draft.answers == {item.id: max(item.codes) for item in instrument.items}


@EVERY
def test_whoever_prefers_to_say_nothing_but_one_thing_is_saved_as_partly_answered(desk: Desk, instrument: Instrument):
    first, *others = instrument.items
    answers = {f"item-{first.id}": max(first.codes)} | {f"item-{item.id}": NOT_SAID for item in others}
    respondent = {"respondent": instrument.respondents[0], "client_key": "0" * 32}
    page = desk.send("link-worker", form_of(instrument), answers | boxes(ASKED | respondent))
    assert page.status == 302, page.summary
    saved = made(desk, instrument)
    assert saved.status == ("partial" if others else "complete")
    assert {each.missing_reason for each in saved.responses if each.value is None} <= {NOT_SAID}
    shown = desk.open("link-worker", page.location or "")
    assert shown.text.count("Preferred not to say") == len(others)


def test_questions_that_earlier_answers_leave_out_are_passed_over_and_said_to_be_not_asked(desk: Desk):
    ipaq = get("ipaq-sf")
    numbers = {item.id: n for n, item in enumerate(ipaq.items, start=1)}
    form = form_of(ipaq)
    page = desk.send("link-worker", f"{form}/questions/{numbers['vigorous_days']}", {"item-vigorous_days": 0})
    assert (page.location or "").endswith(f"/questions/{numbers['moderate_days']}")
    page = desk.send("link-worker", f"{form}/questions/{numbers['moderate_days']}", {"item-moderate_days": 2})
    assert (page.location or "").endswith(f"/questions/{numbers['moderate_minutes']}")
    before = desk.open("link-worker", f"{form}/questions/{numbers['moderate_days']}")
    (back,) = before.root.all("a", class_="nhsuk-back-link")
    assert back["href"].endswith(f"/questions/{numbers['vigorous_days']}"), "going back passes it over too"
    check = desk.open("link-worker", form + "/check")
    rows = {row.all("dt")[0].text: row.text for row in check.main.all("div", class_="nhsuk-summary-list__row")}
    label = ipaq.item("vigorous_minutes").text or ipaq.item("vigorous_minutes").slot or ""
    assert "Not asked" in rows[label]
    assert "Change" not in rows[label]


def test_changing_the_earlier_answer_asks_the_question_again(desk: Desk):
    ipaq = get("ipaq-sf")
    form = form_of(ipaq)
    for answer, follows in ((0, "3"), (3, "2")):
        page = desk.send("link-worker", f"{form}/questions/1", {"item-vigorous_days": answer})
        assert (page.location or "").endswith(f"/questions/{follows}")
