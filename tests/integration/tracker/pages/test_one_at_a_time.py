"""Answers kept as they are given: on one page, one question at a time, finished later, by somebody else, or not at all."""

from __future__ import annotations

import pytest

from tests.integration.tracker.pages.conftest import Desk, newest_event, written
from tests.integration.tracker.pages.forms import ASKED, PHQ9, boxes
from tests.integration.tracker.pages.reading import check_rejected
from tests.world import COMPLETE, draft_of
from tracker.extensions import db
from tracker.models import Assessment

W = "link-worker"
FORM = "/people/{own}/assessments/phq9/6m"
IPAQ = "/people/{own}/assessments/ipaq-sf/6m"


def kept(desk: Desk, person: str = "own", instrument: str = "phq9") -> dict[str, int | str | None]:
    db.session.rollback()
    found = draft_of(desk.world, instrument, person)
    return {} if found is None else found.answers


def say(desk: Desk, number: int, **answer: object) -> str:
    """Answer one question; gives the end of the address that follows."""
    sent = {name.replace("_", "-", 1): value for name, value in answer.items()}
    page = desk.send(W, f"{FORM}/questions/{number}", sent)
    assert page.status == 302, page.summary
    return (page.location or "").removeprefix(desk.address(FORM))


# --------------------------------------------------------------------------------- as they are given


def test_an_answer_is_kept_by_the_page_itself_and_stands_in_the_form_that_is_opened_again(desk: Desk):
    assert desk.send(W, FORM + "/answers", {"item-i4": 2}).status == 204
    assert desk.send(W, FORM + "/answers", {"item-i5": "prefer-not-to-say"}).status == 204
    page = desk.open("supervisor", FORM)
    assert {name: value for name, value in page.typed.items() if name.startswith("item-")} == {
        "item-i4": "2", "item-i5": "prefer-not-to-say",
    }  # fmt: skip
    assert "2 of 9 answered so far" in page.text


@pytest.mark.parametrize(
    "sent", [{"item-i4": "7"}, {"item-i4": "<script>"}, {"item-i4": "1", "item-i5": "-1"}, {"item-i4": "9" * 5000}]
)
def test_what_is_not_an_answer_is_told_and_nothing_of_it_is_kept(desk: Desk, sent: dict[str, str]):
    before = written()
    page = desk.send(W, FORM + "/answers", sent)
    assert page.status == 422
    assert "is not an answer" in page.html or "not an answer to this question" in page.html
    assert "<script>" not in page.html
    assert written() == before


def test_answers_to_what_is_recorded_already_are_not_kept(desk: Desk):
    desk.submit(PHQ9)
    page = desk.send(W, FORM + "/answers", {"item-i4": 2})
    assert (page.status, page.html) == (
        422, "This outcome is recorded already for this timepoint. Open it to see the answers.",
    )  # fmt: skip


def test_whoever_finishes_later_finds_everything_again(desk: Desk):
    sent = boxes({"item-i1": 3, "item-i2": 1, "later": "y"} | ASKED | {"client_key": "0" * 32})
    page = desk.send(W, FORM, sent)
    assert (page.status, page.location) == (302, desk.address("/people/{own}"))
    assert kept(desk) == {"i1": 3, "i2": 1}
    person = desk.open(W, page.location)
    assert "PHQ-9 (begun)" in person.text


def test_finishing_later_with_a_wrong_answer_says_so_and_loses_nothing(desk: Desk):
    sent = boxes({"item-i1": 3, "item-i2": 8, "later": "y"} | ASKED | {"client_key": "0" * 32})
    page = desk.send(W, FORM, sent)
    check_rejected(page, "item-i2", "That is not an answer to this question. Choose one of 0, 1, 2, 3.")
    assert page.typed["item-i1"] == "3"
    assert kept(desk) == {}


def test_what_was_begun_by_mistake_is_thrown_away_and_stays_in_the_trail(desk: Desk):
    desk.send(W, FORM + "/answers", {"item-i4": 2})
    page = desk.send(W, FORM + "/draft/discard", {})
    assert (page.status, kept(desk)) == (302, {})
    event = newest_event()
    assert (event.action, '"i4":2' in (event.before or "")) == ("discard_draft", True)
    assert desk.send(W, FORM + "/draft/discard", {}).status == 302, "again is no matter"


def test_an_alarming_answer_of_an_unfinished_form_stands_on_the_persons_page(desk: Desk):
    desk.send(W, FORM + "/answers", {"item-i9": 1})
    for who in (W, "outcome-assessor"):
        page = desk.open(who, "/people/{own}")
        panels = page.main.all("div", class_="lwk-safety")
        assert len(panels) == 1
        assert "and not finished" in panels[0].text
        assert desk.address(FORM) in {each["href"] for each in panels[0].all("a")}


# ------------------------------------------------------------------------------- one question at a time


def test_nine_answers_lead_from_question_to_question_to_a_page_to_check_them_and_to_a_score(desk: Desk):
    assert desk.open(W, FORM + "/questions").location == desk.address(FORM + "/questions/1")
    followed = [say(desk, number, **{f"item_i{number}": 1}) for number in range(1, 10)]
    assert followed == [f"/questions/{number}" for number in range(2, 10)] + ["/check"]
    page = desk.open(W, FORM + "/check")
    assert "unanswered" not in page.names, "nothing was left out"
    assert page.text.count("Several days") == 9
    done = desk.send(W, FORM + "/check", page.typed)
    assert done.status == 302, done.summary
    made = db.session.query(Assessment).filter_by(timepoint="6m", instrument="phq9").one()
    assert {each.item: each.value for each in made.responses} == {f"i{n}": 1 for n in range(1, 10)}
    assert (made.status, kept(desk)) == ("complete", {})
    for path in ("/check", "", "/questions/2"):
        assert desk.open(W, FORM + path).status in (200, 302), path


def test_whoever_comes_back_goes_on_where_it_stopped(desk: Desk):
    say(desk, 1, item_i1=1)
    say(desk, 2, skip="y")
    say(desk, 3, item_i3=0)
    assert desk.open(W, FORM + "/questions").location == desk.address(FORM + "/questions/2")
    say(desk, 2, item_i2="prefer-not-to-say")
    assert desk.open(W, FORM + "/questions").location == desk.address(FORM + "/questions/4")


def test_a_question_shows_what_was_answered_and_takes_another_answer(desk: Desk):
    say(desk, 1, item_i1=1)
    assert desk.open(W, FORM + "/questions/1").typed["item-i1"] == "1"
    say(desk, 1, item_i1=3)
    assert kept(desk) == {"i1": 3}


def test_skipping_takes_back_what_was_answered(desk: Desk):
    say(desk, 1, item_i1=1)
    say(desk, 2, item_i2=1)
    say(desk, 1, skip="y")
    assert kept(desk) == {"i2": 1}


def test_what_was_left_out_is_asked_about_at_the_end_and_its_reason_kept(desk: Desk):
    for number in (1, 2, 3):
        say(desk, number, **{f"item_i{number}": 2})
    page = desk.open(W, FORM + "/check")
    refused = desk.send(W, FORM + "/check", page.typed)
    check_rejected(refused, "unanswered", "Say why questions were left out, or go back and answer them")
    assert kept(desk) == {"i1": 2, "i2": 2, "i3": 2}
    assert desk.send(W, FORM + "/check", page.typed | {"unanswered": "too-unwell"}).status == 302
    made = db.session.query(Assessment).filter_by(timepoint="6m", instrument="phq9").one()
    assert {each.missing_reason for each in made.responses if each.value is None} == {"too-unwell"}


@pytest.mark.parametrize("number", ["0", "10", "999999999999"])
def test_a_question_that_there_is_not_is_not_found(desk: Desk, number: str):
    assert desk.open(W, f"{FORM}/questions/{number}").status == 404


def test_an_alarming_answer_is_told_on_the_next_page_without_a_script(desk: Desk):
    say(desk, 9, item_i9=1)
    for path in ("/check", "/questions/1"):
        shown = desk.open(W, FORM + path).main.all("div", class_="lwk-safety")
        assert shown
        assert "hidden" not in shown[0].attributes


def test_one_question_stands_alone_with_its_number_and_the_stem(desk: Desk):
    page = desk.open(W, FORM + "/questions/3")
    (title,) = page.main.all("h1")
    assert title.text == "Trouble falling or staying asleep, or sleeping too much"
    assert "question 3 of 9" in page.text
    assert "Over the last 2 weeks" in page.text
    assert {name for name in page.names if name.startswith("item-")} == {"item-i3"}


def test_the_comparison_arm_and_the_blind_assessor_are_asked_in_the_same_way(desk: Desk):
    for who, path in (("pond-keeper", "/people/{compared}/assessments/ons4/6m"), ("outcome-assessor", FORM)):
        item = "item-happy" if "ons4" in path else "item-i1"
        number = 3 if "ons4" in path else 1
        assert desk.send(who, f"{path}/questions/{number}", {item: 1}).status == 302
        assert desk.open(who, path + "/check").status == 200


def test_everything_answered_on_one_page_needs_no_draft(desk: Desk):
    page, _ = desk.submit(PHQ9)
    assert page.status == 302
    assert (kept(desk), COMPLETE["phq9"]["i1"]) == ({}, 1)
