"""Safety flags that hold now, for everybody who may meet the person: an outcome assessor visits too."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from sqlalchemy import Select, select
from sqlalchemy.orm import contains_eager, joinedload

from ..extensions import db, local_day, today
from ..models import Person, SafetyFlag, User, warning
from ..permissions import may_see_care, may_see_person
from .scope import MANY, NotFound, Places, at_own_sites, at_places, has_withdrawn, own_places


@dataclass(frozen=True, slots=True)
class FlagNow:
    """A safety flag as it stands today, for somebody who looks. `author` is None for who must stay blind: a link
    worker's name tells the arm.
    """

    id: uuid.UUID
    words: str
    author: str | None
    set_on: date
    review_on: date
    late: bool
    may_review: bool


def flags(person: Person, *, by: User) -> Sequence[FlagNow]:
    """What holds for one person, the oldest first; nothing for somebody who may not see them."""
    if not may_see_person(by, person):
        return []
    found = db.session.scalars(_current().where(SafetyFlag.person_id == person.id))
    return [_now(flag, may_see_care(by, person)) for flag in found]


def all_flags(*, by: User) -> Mapping[uuid.UUID, Sequence[FlagNow]]:
    """What holds for anybody at the asker's sites, by person; for lists."""
    found: dict[uuid.UUID, list[FlagNow]] = {}
    for person, id, kind, note, author, set_at, review_on in db.rows(_current_at(own_places(by))):
        flag = FlagNow(id, warning(kind, note), author, local_day(set_at), review_on, review_on < today(), False)
        found.setdefault(person, []).append(flag)
    return found


@lru_cache(maxsize=MANY)
def _current_at(places: Places) -> Select:
    said = (SafetyFlag.kind, SafetyFlag.note, User.name, SafetyFlag.recorded_at, SafetyFlag.review_on)
    return (
        select(SafetyFlag.person_id, SafetyFlag.id, *said)
        .join(SafetyFlag.person)
        .join(SafetyFlag.author)
        .where(SafetyFlag.ended_at.is_(None), at_places(places), ~has_withdrawn())
        .order_by(SafetyFlag.recorded_at)
    )


@dataclass(frozen=True, slots=True)
class Flagged:
    """Somebody with a safety flag that holds."""

    person: Person
    flag: FlagNow


def supervised_flags(*, by: User) -> Sequence[Flagged]:
    """What holds at the sites that the asker supervises; what is to be looked at again the longest comes first."""
    query = (
        _current()
        .join(SafetyFlag.person)
        .where(at_own_sites(by, ("supervisor",)), ~has_withdrawn())
        .options(contains_eager(SafetyFlag.person).joinedload(Person.identity))
        .order_by(None)
        .order_by(SafetyFlag.review_on, SafetyFlag.recorded_at)
    )
    return [Flagged(flag.person, _now(flag, True)) for flag in db.session.scalars(query).unique()]


def _now(flag: SafetyFlag, may_review: bool) -> FlagNow:
    late, author = flag.review_on < today(), flag.author.name if may_review else None
    return FlagNow(flag.id, flag.words, author, local_day(flag.recorded_at), flag.review_on, late, may_review)


def _current() -> Select[SafetyFlag]:
    query = select(SafetyFlag).where(SafetyFlag.ended_at.is_(None)).order_by(SafetyFlag.recorded_at)
    return query.options(joinedload(SafetyFlag.author))


def flag(id: uuid.UUID, *, by: User) -> SafetyFlag:
    """One safety flag, for those who may change it."""
    found = db.session.get(SafetyFlag, id, options=[joinedload(SafetyFlag.person), joinedload(SafetyFlag.author)])
    if found is None or not may_see_care(by, found.person):
        raise NotFound
    return found
