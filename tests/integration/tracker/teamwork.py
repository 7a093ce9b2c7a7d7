"""Histories of a team written by hand, with days of the calendar, past the rules that would ask for more."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import delete, event

from tests.world import PASSWORD, World
from tracker.actions import staff
from tracker.extensions import db
from tracker.models import (
    Assignment,
    Contact,
    Membership,
    Person,
    Post,
    Referral,
    Reopening,
    Signpost,
)

ANN, BEN, CAT, JO = "link-worker", "second-worker", "third-worker", "supervisor"
LETTERS = {"A": ANN, "B": BEN, "C": CAT, "J": JO}
SINCE = datetime(2020, 1, 1, tzinfo=UTC)


def day(words: str) -> date:
    """A day as `3 Mar 2026`."""
    return datetime.strptime(words, "%d %b %Y").date()  # noqa: DTZ007


def clear(world: World) -> None:
    """Nobody holds anything, nobody has a post, nothing was logged; three link workers have been at the mill for long."""
    with db.transaction() as session:
        admin = world.user("administrator")
        for name, words in ((BEN, "Ben"), (CAT, "Cat")):
            user = staff.create_user(by=admin, email=f"{words}@test.example", name=words, password=PASSWORD)
            staff.grant(by=admin, user=user, role="link-worker", study=world.study(), site=world.site("mill"))
            world.users[name] = user.id
        for kind in (Signpost, Contact, Assignment, Post):
            session.execute(delete(kind))
        for referral in session.query(Referral):
            referral.status = "declined"
        for membership in session.query(Membership):
            membership.recorded_at = SINCE


@dataclass
class Story:
    """One accepted referral. Stays are written `A 3 Mar 2026 - 9 Mar 2026`, or with no end; shut ones `closed - reopened`."""

    referred: str
    stays: Iterable[str] = ()
    closed: str | None = None
    shut: Iterable[str] = ()
    contacts: Iterable[tuple[str, str, str, int]] = ()
    accepted: str | None = None
    place: tuple[str, str] = ("garden", "mill")
    person: uuid.UUID = field(default_factory=uuid.uuid4)


def tell(world: World, *stories: Story) -> list[uuid.UUID]:
    """Write the stories down; gives the referrals."""
    by = world.users[JO]
    with db.transaction() as session:
        return [_told(session, world, story, by) for story in stories]


def _told(session: Any, world: World, story: Story, by: uuid.UUID) -> uuid.UUID:
    study, site = story.place
    session.add(Person(
        id=story.person, study_id=world.studies[study], site_id=world.sites[site], study_number=f"T{story.person.hex[:9]}",
        entered_on=day(story.referred), recorded_by=by,
    ))  # fmt: skip
    session.flush()
    referral = Referral(
        person_id=story.person, source="gp", referred_on=day(story.referred), status="accepted", recorded_by=by,
        decided_on=day(story.accepted or story.referred), closed_on=day(story.closed) if story.closed else None,
        closure_reason="completed" if story.closed else None,
    )  # fmt: skip
    session.add(referral)
    session.flush()
    session.add_all(_stays(world, referral.id, story.stays, by))
    for spell in story.shut:
        closed, _, again = spell.partition(" - ")
        session.add(Reopening(
            referral_id=referral.id, closed_on=day(closed), closure_reason="completed", reopened_on=day(again),
            reason="Came back", recorded_by=by,
        ))  # fmt: skip
    for letter, on, attendance, minutes in story.contacts:
        session.add(Contact(
            client_key=uuid.uuid4(), referral_id=referral.id, worker_id=world.users[LETTERS[letter]], mode="phone",
            contacted_on=day(on), attendance=attendance, minutes=minutes, travel_minutes=minutes // 2, recorded_by=by,
        ))  # fmt: skip
    return referral.id


def _stays(world: World, referral: uuid.UUID, stays: Iterable[str], by: uuid.UUID) -> Iterator[Assignment]:
    for order, stay in enumerate(stays):
        began, _, ended = stay[2:].partition(" - ")
        yield Assignment(
            referral_id=referral, worker_id=world.users[LETTERS[stay[0]]], from_on=day(began),
            until_on=day(ended) if ended else None, recorded_by=by, recorded_at=datetime(2026, 1, 1, 9, order, tzinfo=UTC),
        )  # fmt: skip


def post(world: World, worker: str, fte: float, began: str, ended: str | None = None, site: str = "mill") -> None:
    with db.transaction() as session:
        session.add(Post(
            user_id=world.users[worker], site_id=world.sites[site], fte=fte, from_on=day(began),
            until_on=day(ended) if ended else None, recorded_by=world.users["administrator"],
        ))  # fmt: skip


@contextmanager
def statements() -> Iterator[list[str]]:
    """What the database is asked meanwhile."""
    asked: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        asked.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
