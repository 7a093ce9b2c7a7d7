"""Forms that are not saved yet: kept for their writer alone, encrypted, for a day."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from tests.world import World
from tracker.actions import held_forms, staff
from tracker.actions.refusal import Refused
from tracker.extensions import db
from tracker.models import KEPT_FOR, AuditEvent, HeldForm
from tracker.permissions import Forbidden
from tracker.queries import held_forms as known

PATH, TYPED = "/people/new", {"name": ["Zebedee Quillfeather"], "needs": ["money", "housing"], "empty": [""]}


def hold(world: World, path: str = PATH, by: str = "link-worker", **typed: list[str]) -> None:
    with db.transaction():
        held_forms.hold(by=world.user(by), path=path, typed=typed or TYPED)


def held(world: World, path: str = PATH, by: str = "link-worker") -> dict[str, list[str]] | None:
    db.session.rollback()
    found = known.held(path, by=world.user(by))
    return None if found is None else dict(found.typed)  # type: ignore[arg-type]


def grow_old(by: timedelta) -> None:
    with db.transaction() as session:
        session.execute(update(HeldForm).values(held_at=datetime.now(UTC) - by))


def test_what_was_typed_comes_back_box_by_box(world: World):
    hold(world)
    assert held(world) == TYPED


def test_the_latest_takes_the_place_of_what_was_held_before(world: World):
    hold(world)
    hold(world, name=["Zoë"])
    assert held(world) == {"name": ["Zoë"]}
    assert len(db.session.scalars(select(HeldForm)).all()) == 1


def test_nobody_else_finds_it_and_no_other_page_shows_it(world: World):
    hold(world)
    for who in ("supervisor", "site-worker", "administrator"):
        if who in world.users:
            assert held(world, by=who) is None
    assert held(world, path="/people/new/") is None
    hold(world, by="supervisor", name=["Other"])
    assert held(world) == TYPED
    assert held(world, by="supervisor") == {"name": ["Other"]}


def test_it_can_be_let_go_and_only_by_its_writer(world: World):
    hold(world)
    with db.transaction():
        held_forms.let_go(by=world.user("supervisor"), path=PATH)
    assert held(world) == TYPED
    with db.transaction():
        held_forms.let_go(by=world.user("link-worker"), path=PATH)
    assert held(world) is None


@pytest.mark.parametrize(("age", "there"), [(KEPT_FOR - timedelta(minutes=5), True), (KEPT_FOR, False)])
def test_after_a_day_it_is_not_shown(world: World, age: timedelta, there: bool):
    hold(world)
    grow_old(age)
    assert (held(world) is not None) is there


def test_what_is_too_old_goes_with_anybody_s_next_saved_form(world: World):
    hold(world)
    hold(world, by="supervisor")
    grow_old(KEPT_FOR + timedelta(hours=1))
    hold(world, path="/fresh")
    with db.transaction():
        held_forms.let_go(by=world.user("administrator"), path="/nothing-here")
    assert [each.path for each in db.session.scalars(select(HeldForm))] == ["/fresh"]


def test_too_much_is_refused_and_what_was_held_stays(world: World):
    hold(world)
    with pytest.raises(Refused, match="Save it in parts"):
        hold(world, note=["x" * held_forms.LONGEST_TYPED])
    assert held(world) == TYPED


def test_somebody_who_is_disabled_holds_nothing(world: World):
    with db.transaction():
        staff.disable_user(by=world.user("administrator"), user=world.user("link-worker"), reason="Left")
    with pytest.raises(Forbidden):
        hold(world)


def test_it_lies_encrypted_and_leaves_nothing_in_the_trail(world: World):
    before = len(db.session.scalars(select(AuditEvent)).all())
    hold(world)
    stored = db.session.connection().exec_driver_sql("SELECT typed FROM held_form").scalar_one()
    assert b"Quillfeather" not in bytes(stored)
    assert len(db.session.scalars(select(AuditEvent)).all()) == before
