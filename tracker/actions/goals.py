"""Goals: what matters to a person, set in their words, and how close they come to it."""

from __future__ import annotations

from datetime import date

from sqlalchemy import select

from instruments.codes import GOAL_STATUSES

from ..extensions import db, today
from ..models import CLOSEST, Goal, GoalProgress, Person, User
from ..permissions import may_record_care
from .audit import facts, write_event
from .refusal import CHANGED_MEANWHILE, Conflict, Refused, check, translated


def set_goal(*, by: User, person: Person, words: str, set_on: date) -> Goal:
    """Write down what the person wants."""
    check(may_record_care(by, person))
    _check_set_on(person, set_on)
    _check_new(person, words)
    goal = Goal(person_id=person.id, words=words, set_on=set_on, recorded_by=by.id)
    goal.person = person
    db.session.add(goal)
    with translated():
        write_event(by=by, action="set_goal", record=goal)
    return goal


def _check_set_on(person: Person, set_on: date) -> None:
    if set_on > today():
        raise Refused("set_on", "The day of the goal is in the future. Enter today or an earlier date.")
    if set_on < person.entered_on:
        raise Refused("set_on", "The goal is dated before the person's entry. Correct the date.")


def _check_new(person: Person, words: str) -> None:
    """As after going back in the browser and saving again; compared here, since words are stored encrypted."""
    still = db.session.scalars(select(Goal.words).where(Goal.person_id == person.id, Goal.status == "open"))
    if words.strip().casefold() in {each.strip().casefold() for each in still}:
        raise Refused("words", "This goal is saved already, and open. Note progress on it, or enter another goal.")


def reword_goal(*, by: User, goal: Goal, version: int, words: str) -> None:
    """Put the goal in better words; what it said before stays in the trail only as having been changed."""
    before = _current(by, goal, version)
    goal.words = words
    with translated():
        write_event(by=by, action="reword_goal", record=goal, before=before)


def note_progress(
    *, by: User, goal: Goal, version: int, noted_on: date, closeness: int, status: str, note: str | None = None
) -> GoalProgress:
    """How close the person is on a day, and whether they still want it. A second note of one day takes its place."""
    before = _current(by, goal, version)
    _check_progress(goal, noted_on, closeness, status)
    noted = next((each for each in goal.progress if each.noted_on == noted_on), None)
    said = facts(noted) if noted else None
    if noted is None:
        noted = GoalProgress(noted_on=noted_on, recorded_by=by.id)
        goal.progress.append(noted)
    noted.closeness, noted.note = closeness, note
    goal.status, goal.ended_on = status, None if status == "open" else noted_on
    with translated():
        write_event(by=by, action="note_progress", record=noted, before=said)
        if before != facts(goal):
            write_event(by=by, action="change_goal", record=goal, before=before)
    return noted


def _check_progress(goal: Goal, noted_on: date, closeness: int, status: str) -> None:
    if noted_on > today():
        raise Refused("noted_on", "The day is in the future. Enter today or an earlier date.")
    if noted_on < goal.set_on:
        raise Refused("noted_on", f"The goal was set on {goal.set_on:%-d %B %Y}. Enter that day or a later one.")
    if not 0 <= closeness <= CLOSEST:
        raise Refused("closeness", f"Choose a number from 0 to {CLOSEST}.")
    if status not in GOAL_STATUSES:
        raise Refused("status", f"Choose how the goal stands: {', '.join(GOAL_STATUSES.values())}.")


def _current(by: User, goal: Goal, version: int) -> dict[str, object]:
    check(may_record_care(by, goal.person))
    if goal.version != version:
        raise Conflict("form", CHANGED_MEANWHILE)
    return facts(goal)
