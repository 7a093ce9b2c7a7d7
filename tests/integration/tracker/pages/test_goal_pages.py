"""Goals as they are read and written on pages."""

from __future__ import annotations

from tests.integration.tracker.pages.conftest import Desk
from tests.integration.tracker.pages.forms import GOAL, PROGRESS, REWORD, Ago
from tests.integration.tracker.pages.reading import check_kept
from tests.world import days_ago


def said(desk: Desk) -> str:
    return desk.open("link-worker", "/people/{own}").text


def test_a_goal_stands_on_the_persons_page_with_its_latest_number(desk: Desk):
    day = days_ago(8)
    assert f"Walk to the shop alone Set {days_ago(9).day}" in said(desk)
    assert f"2 of 10 on {day.day} {day:%B %Y}" in said(desk)
    desk.submit(PROGRESS)
    assert "6 of 10 on" in said(desk)


def test_two_notes_make_a_picture_and_a_table_beside_it(desk: Desk):
    assert "How close: " not in desk.open("link-worker", "/people/{own}").html
    desk.submit(PROGRESS)
    page = desk.open("link-worker", "/people/{own}")
    pictures = [each["aria-label"] for each in page.main.all("svg")]
    assert [each for each in pictures if each.startswith("How close:") and "2;" in each and "6." in each]
    tables = [each for each in page.main.all("table") if each.all("caption")[0].text == "How close"]
    assert "Went with her neighbour" in tables[0].text


def test_what_happened_tells_of_goals(desk: Desk):
    desk.submit(PROGRESS, status="reached", closeness=10)
    (timeline,) = desk.open("link-worker", "/people/{own}").main.all("ol", class_="lwk-timeline")
    assert "Goal: Walk to the shop alone" in timeline.text
    assert "10 of 10 towards: Walk to the shop alone Reached Went with her neighbour" in timeline.text


def test_a_goal_that_is_reached_says_so_and_stays(desk: Desk):
    desk.submit(PROGRESS, status="reached", closeness=10)
    assert "Walk to the shop alone Reached Set" in said(desk)


def test_somebody_without_goals_is_to_be_asked(desk: Desk):
    assert (
        "No goal is written down yet. Ask what they would like" in desk.open("link-worker", "/people/{same-site}").text
    )


def test_new_words_take_the_place_of_the_old(desk: Desk):
    desk.submit(REWORD)
    assert "Walk to the shop and back" in said(desk)
    assert "Walk to the shop alone" not in said(desk)


def test_a_second_goal_stands_beside_the_first(desk: Desk):
    desk.submit(GOAL)
    assert "See the sea again" in said(desk)
    assert "Walk to the shop alone" in said(desk)


def test_a_rejected_note_keeps_what_was_typed(desk: Desk):
    page, sent = desk.submit(PROGRESS, noted_on=Ago(30))
    assert page.status == 422
    assert list(page.errors) == ["noted_on"]
    check_kept(page, {name: value for name, value in sent.items() if name != "csrf_token"})


def test_an_outcome_assessor_sees_no_goal(desk: Desk):
    page = desk.open("outcome-assessor", "/people/{own}")
    assert page.status == 200
    assert "Walk to the shop" not in page.text
    assert "What matters to them" not in page.text
