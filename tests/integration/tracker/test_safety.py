"""Safety flags: who sets them, for how long they hold, who sees them, and that they go nowhere."""

from __future__ import annotations

import uuid
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from tests.world import World, days_ago
from tracker.actions import people, safety
from tracker.actions.refusal import Conflict, Refused
from tracker.export import export_bundle
from tracker.extensions import db, today
from tracker.models import AuditEvent, SafetyFlag
from tracker.permissions import Forbidden
from tracker.queries import safety as warnings
from tracker.queries.scope import NotFound

NOTE = "The neighbour Quillfeather throws bottles"


def warn(world: World, person: str = "own", by: str = "link-worker", **given: Any) -> uuid.UUID:
    facts = {"kind": "not-alone", "note": NOTE, "review_on": days_ago(-30)} | given
    with db.transaction():
        return safety.set_flag(by=world.user(by), person=world.person(person), **facts).id


def words(world: World, by: str = "link-worker", person: str = "own") -> list[str]:
    return [each.words for each in warnings.flags(world.person(person), by=world.user(by))]


def flag(id: uuid.UUID) -> SafetyFlag:
    found = db.session.get(SafetyFlag, id)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("kind", "note", "says"),
    [
        ("not-alone", None, "Do not visit alone"), ("animal", "Two dogs", "Dog or other animal: Two dogs"),
        ("other", "Loaded shotgun in the hall", "Loaded shotgun in the hall"),
    ],
)  # fmt: skip
def test_a_flag_says_what_to_mind(world: World, kind: str, note: str | None, says: str):
    warn(world, kind=kind, note=note)
    assert words(world) == [says]


def test_whoever_looks_sees_who_set_it_and_when(world: World):
    warn(world)
    (shown,) = warnings.flags(world.person("own"), by=world.user("supervisor"))
    assert (shown.author, shown.set_on, shown.review_on) == ("Link-Worker", today(), days_ago(-30))
    assert (shown.late, shown.may_review) == (False, True)


def test_who_must_stay_blind_is_not_told_who_set_it(world: World):
    """A link worker's name says that the person has one."""
    warn(world)
    (shown,) = warnings.flags(world.person("own"), by=world.user("outcome-assessor"))
    assert (shown.author, shown.set_on, shown.may_review) == (None, today(), False)


def test_the_oldest_stands_first(world: World):
    warn(world, kind="animal", note=None)
    warn(world, kind="violence", note=None)
    assert words(world) == ["Dog or other animal", "Threats or violence"]


@pytest.mark.parametrize(
    ("given", "field", "says"),
    [
        ({"kind": "ghost"}, "kind", "Choose what to warn of: Do not visit alone"),
        ({"kind": "other", "note": None}, "note", "Say in a few words what to warn of"),
        ({"review_on": 0}, "review_on", "after today and within a year"),
        ({"review_on": 1}, "review_on", "after today and within a year"),
        ({"review_on": -367}, "review_on", "after today and within a year"),
    ],
)
def test_a_flag_that_cannot_be_is_refused_by_field(world: World, given: dict[str, Any], field: str, says: str):
    if "review_on" in given:
        given = {"review_on": days_ago(given["review_on"])}
    with pytest.raises(Refused, match=says) as refused:
        warn(world, **given)
    assert refused.value.field == field
    assert db.session.scalars(select(SafetyFlag)).all() == []


def test_a_flag_that_was_not_looked_at_again_still_stands_and_says_so(world: World):
    id = warn(world)
    with db.transaction():
        flag(id).review_on = days_ago(1)
    (shown,) = warnings.flags(world.person("own"), by=world.user("link-worker"))
    assert shown.late


def test_a_flag_that_still_holds_is_looked_at_again_later(world: World):
    id = warn(world)
    with db.transaction():
        safety.keep_flag(by=world.user("supervisor"), flag=flag(id), version=1, review_on=days_ago(-90))
    assert flag(id).review_on == days_ago(-90)
    assert words(world) == [f"Do not visit alone: {NOTE}"]


def test_a_flag_is_ended_with_a_reason_and_stays_written(world: World):
    id = warn(world)
    with db.transaction():
        safety.end_flag(by=world.user("supervisor"), flag=flag(id), version=1, reason="The neighbour moved")
    assert words(world) == []
    ended = flag(id)
    assert (ended.ended_by, ended.ended_reason) == (world.users["supervisor"], "The neighbour moved")
    event = db.session.scalars(select(AuditEvent).where(AuditEvent.action == "end_flag")).one()
    assert event.reason == "The neighbour moved"


def test_a_flag_is_ended_once(world: World):
    id = warn(world)
    with db.transaction():
        safety.end_flag(by=world.user("supervisor"), flag=flag(id), version=1, reason="Moved")
    for late in (
        lambda: safety.end_flag(by=world.user("link-worker"), flag=flag(id), version=1, reason="Gone"),
        lambda: safety.keep_flag(by=world.user("link-worker"), flag=flag(id), version=1, review_on=days_ago(-5)),
    ):
        with pytest.raises(Conflict, match="was ended already"), db.transaction():
            late()
    assert flag(id).ended_reason == "Moved"


def test_whoever_reviews_a_flag_that_somebody_reviewed_meanwhile_is_told(world: World):
    id = warn(world)
    with db.transaction():
        safety.keep_flag(by=world.user("supervisor"), flag=flag(id), version=1, review_on=days_ago(-90))
    with pytest.raises(Conflict, match="Somebody else changed"), db.transaction():
        safety.end_flag(by=world.user("link-worker"), flag=flag(id), version=1, reason="Gone")
    assert flag(id).ended_at is None


STRANGERS = ["quay-worker", "orchard-worker", "pond-keeper", "evaluator", "administrator"]


@pytest.mark.parametrize("name", [*STRANGERS, "outcome-assessor"])
def test_only_staff_who_care_for_the_person_set_and_end_flags(world: World, name: str):
    id = warn(world)
    for attempt in (
        lambda: safety.set_flag(
            by=world.user(name), person=world.person("own"), kind="animal", note=None, review_on=days_ago(-5)
        ),
        lambda: safety.keep_flag(by=world.user(name), flag=flag(id), version=1, review_on=days_ago(-5)),
        lambda: safety.end_flag(by=world.user(name), flag=flag(id), version=1, reason="x"),
    ):
        with pytest.raises(Forbidden), db.transaction():
            attempt()
    with pytest.raises(NotFound):
        warnings.flag(id, by=world.user(name))


def test_an_assessor_who_visits_is_warned_too_and_may_not_review(world: World):
    warn(world)
    (shown,) = warnings.flags(world.person("own"), by=world.user("outcome-assessor"))
    assert shown.words == f"Do not visit alone: {NOTE}"
    assert not shown.may_review


@pytest.mark.parametrize("name", STRANGERS)
def test_nobody_elsewhere_sees_a_flag_of_a_person_or_in_a_list(world: World, name: str):
    warn(world)
    assert words(world, by=name) == []
    assert warnings.all_flags(by=world.user(name)) == {}


def test_a_list_holds_the_flags_of_ones_own_sites_by_person(world: World):
    warn(world)
    warn(world, kind="animal", note=None)
    warn(world, person="same-site", kind="violence", note=None)
    warn(world, person="other-site", by="quay-worker", kind="messages", note=None)
    told = {id: [each.words for each in flags] for id, flags in warnings.all_flags(by=world.user("supervisor")).items()}
    assert told == {
        world.people["own"]: [f"Do not visit alone: {NOTE}", "Dog or other animal"],
        world.people["same-site"]: ["Threats or violence"],
    }


def test_the_flags_of_somebody_who_withdrew_are_closed_with_their_record(world: World):
    id = warn(world)
    with db.transaction():
        people.withdraw(
            by=world.user("supervisor"), person=world.person("own"), withdrawn_on=today(), on_withdrawal="keep"
        )
    assert words(world) == []
    assert warnings.all_flags(by=world.user("supervisor")) == {}
    with pytest.raises(NotFound):
        warnings.flag(id, by=world.user("link-worker"))


def test_neither_the_trail_nor_a_bundle_tells_what_a_flag_says(world: World, tmp_path: Path):
    warn(world)
    with db.transaction():
        safety.keep_flag(
            by=world.user("link-worker"), flag=db.session.scalars(select(SafetyFlag)).one(), version=1,
            review_on=date.fromordinal(today().toordinal() + 9),
        )  # fmt: skip
    events = db.session.scalars(select(AuditEvent).where(AuditEvent.table_name == "safety_flag")).all()
    assert [each.action for each in events] == ["set_flag", "keep_flag"]
    export_bundle(by=world.user("evaluator"), study=world.study(), folder=tmp_path / "bundle")
    kept = [f"{each.before} {each.after}" for each in events]
    kept += [path.read_text(encoding="utf-8") for path in (tmp_path / "bundle").iterdir()]
    assert [text for text in kept if "Quillfeather" in text or "not-alone" in text] == []
