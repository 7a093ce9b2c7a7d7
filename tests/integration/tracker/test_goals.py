"""Goals: who sets them, how progress is noted, who sees them, and that their words go nowhere."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from tests.world import World, days_ago
from tracker.actions import goals, people
from tracker.actions.refusal import Conflict, Refused
from tracker.export import export_bundle
from tracker.extensions import db, today
from tracker.models import AuditEvent, Goal
from tracker.permissions import Forbidden
from tracker.queries import goals as known
from tracker.queries.scope import NotFound

WORDS = "Dance at the Quillfeather wedding"


def want(world: World, person: str = "own", by: str = "link-worker", **given: Any) -> uuid.UUID:
    facts = {"words": WORDS, "set_on": days_ago(20)} | given
    with db.transaction():
        return goals.set_goal(by=world.user(by), person=world.person(person), **facts).id


def note(world: World, id: uuid.UUID, by: str = "link-worker", version: int | None = None, **given: Any) -> None:
    wanted = goal(id)
    facts = {"noted_on": days_ago(10), "closeness": 4, "status": "open"} | given
    with db.transaction():
        goals.note_progress(
            by=world.user(by), goal=wanted, version=wanted.version if version is None else version, **facts
        )


def goal(id: uuid.UUID) -> Goal:
    db.session.expire_all()
    found = db.session.get(Goal, id)
    assert found is not None
    return found


def test_progress_is_read_in_order_of_time_and_the_latest_is_known(world: World):
    id = want(world)
    for days, closeness in ((3, 7), (15, 1), (9, 4)):
        note(world, id, noted_on=days_ago(days), closeness=closeness)
    assert [each.closeness for each in goal(id).progress] == [1, 4, 7]
    assert goal(id).latest is not None
    assert goal(id).latest.closeness == 7  # type: ignore[union-attr]


def test_a_goal_without_progress_has_no_latest(world: World):
    assert goal(want(world)).latest is None


def test_a_second_note_of_one_day_takes_the_place_of_the_first_and_the_trail_has_both(world: World):
    id = want(world)
    note(world, id, closeness=2, note="A bad morning")
    note(world, id, closeness=5)
    assert [(each.closeness, each.note) for each in goal(id).progress] == [(5, None)]
    events = db.session.scalars(
        select(AuditEvent).where(AuditEvent.action == "note_progress").order_by(AuditEvent.number)
    )
    told = [(json.loads(each.before or "{}"), json.loads(each.after or "{}")) for each in events]
    assert [(before.get("closeness"), after["closeness"]) for before, after in told] == [(None, 2), (2, 5)]


@pytest.mark.parametrize("status", ["reached", "let-go"])
def test_a_goal_ends_on_the_day_it_was_noted_and_can_be_taken_up_again(world: World, status: str):
    id = want(world)
    note(world, id, noted_on=days_ago(5), closeness=10, status=status)
    assert (goal(id).status, goal(id).ended_on) == (status, days_ago(5))
    note(world, id, noted_on=days_ago(2), closeness=6, status="open")
    assert (goal(id).status, goal(id).ended_on) == ("open", None)


def test_what_is_still_wanted_stands_first_and_each_group_in_order_of_time(world: World):
    ended = want(world, words="First", set_on=days_ago(30))
    want(world, words="Third", set_on=days_ago(2))
    want(world, words="Second", set_on=days_ago(20))
    note(world, ended, status="reached")
    found = known.goals(world.person("own"), by=world.user("supervisor"))
    assert [each.words for each in found] == ["Second", "Third", "First"]


@pytest.mark.parametrize("days", [-1, 400])
def test_a_goal_is_set_between_the_persons_entry_and_today(world: World, days: int):
    with pytest.raises(Refused) as refused:
        want(world, set_on=days_ago(days))
    assert refused.value.field == "set_on"
    assert db.session.scalars(select(Goal)).all() == []


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"noted_on": -1}, "noted_on"), ({"noted_on": 21}, "noted_on"), ({"closeness": 11}, "closeness"),
        ({"closeness": -1}, "closeness"), ({"status": "bored"}, "status"),
    ],
)  # fmt: skip
def test_progress_that_cannot_be_is_refused_by_field_and_changes_nothing(
    world: World, given: dict[str, Any], field: str
):
    id = want(world)
    if "noted_on" in given:
        given = {"noted_on": days_ago(given["noted_on"])}
    with pytest.raises(Refused) as refused:
        note(world, id, **given)
    assert refused.value.field == field
    assert (goal(id).progress, goal(id).status, goal(id).version) == ([], "open", 1)


@pytest.mark.parametrize("day", [20, 0])
def test_the_first_and_the_last_day_are_taken(world: World, day: int):
    id = want(world)
    note(world, id, noted_on=days_ago(day), closeness=0)
    assert [each.noted_on for each in goal(id).progress] == [days_ago(day)]


def test_whoever_saw_an_older_version_is_told(world: World):
    id = want(world)
    note(world, id, status="reached")
    with pytest.raises(Conflict, match="Somebody else changed this record"):
        note(world, id, version=1, noted_on=days_ago(1))
    with pytest.raises(Conflict, match="Somebody else changed this record"), db.transaction():
        goals.reword_goal(by=world.user("link-worker"), goal=goal(id), version=1, words="Other")
    assert goal(id).words == WORDS


def test_the_words_can_be_put_better(world: World):
    id = want(world)
    with db.transaction():
        goals.reword_goal(by=world.user("supervisor"), goal=goal(id), version=1, words="Dance")
    assert (goal(id).words, goal(id).version) == ("Dance", 2)


@pytest.mark.parametrize("who", ["outcome-assessor", "evaluator", "administrator", "quay-worker"])
def test_who_does_not_care_for_the_person_sees_and_sets_none(world: World, who: str):
    id = want(world)
    with pytest.raises(Forbidden):
        want(world, by=who)
    with pytest.raises(Forbidden):
        note(world, id, by=who)
    with pytest.raises(NotFound):
        known.goals(world.person("own"), by=world.user(who))
    with pytest.raises(NotFound):
        known.goal(id, by=world.user(who))


def test_after_a_withdrawal_nobody_sees_them(world: World):
    id = want(world)
    with db.transaction():
        people.withdraw(
            by=world.user("link-worker"), person=world.person("own"), withdrawn_on=today(), on_withdrawal="keep",
            reason="By letter",
        )  # fmt: skip
    with pytest.raises(NotFound):
        known.goal(id, by=world.user("link-worker"))


def test_the_words_stand_neither_in_the_trail_nor_in_a_bundle(world: World, tmp_path: Path):
    id = want(world)
    note(world, id, note=WORDS)
    with db.transaction():
        goals.reword_goal(by=world.user("link-worker"), goal=goal(id), version=goal(id).version, words=WORDS + "!")
    for event in db.session.scalars(select(AuditEvent)):
        assert "Quillfeather" not in f"{event.before} {event.after} {event.reason}"
    export_bundle(by=world.user("evaluator"), study=world.study(), folder=tmp_path / "bundle")
    assert not [
        each for each in (tmp_path / "bundle").rglob("*") if each.is_file() and b"Quillfeather" in each.read_bytes()
    ]
