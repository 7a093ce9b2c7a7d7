"""Who is on a caseload now, and what happened last."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any, NamedTuple, Self

from sqlalchemy import ColumnElement, Row, Select, func, select
from sqlalchemy.orm import contains_eager, lazyload, selectinload

from ..extensions import answer_within, db, today
from ..models import Assignment, Person, Referral, ReferralContacts, User, opened_name, sealed_name
from ..permissions import CARE_ROLES
from .scope import MANY, Places, at_own_sites, at_places, has_withdrawn, own_places


class Listed(NamedTuple):
    """Somebody on a list; the name stays encrypted until it is shown, because lists are long and pages are short."""

    id: uuid.UUID
    study_id: uuid.UUID
    study_number: str
    entered_on: date
    left_on: date | None
    sealed: bytes | None

    @property
    def label(self) -> str:
        """As `Person.label`."""
        return opened_name(self.sealed) if self.sealed else self.study_number


LISTED = (Person.id, Person.study_id, Person.study_number, Person.entered_on, Person.left_on, sealed_name())
"""The columns of `Listed`, of a query that joins `Person.identity`."""


class CaseloadRow(NamedTuple):
    """One open referral: the person, who holds it, its last contact, and how many of its contacts were attended."""

    person_id: uuid.UUID
    study_id: uuid.UUID
    study_number: str
    entered_on: date
    left_on: date | None
    sealed: bytes | None
    referral_id: uuid.UUID
    referred_on: date
    worker: str | None
    last_contact_on: date | None
    next_contact_on: date | None
    attended: int

    @classmethod
    def of(cls, row: Row[Any]) -> Self:
        """From what `held_now` selects, whatever was added behind it."""
        return cls._make(row[:12])

    @property
    def person(self) -> Listed:
        return Listed._make(self[:6])

    @property
    def quiet_since(self) -> date:
        return self.last_contact_on or self.referred_on

    @property
    def since(self) -> tuple[date, str]:
        """What puts a list in the order of the longest without contact."""
        return self.quiet_since, self.study_number


def caseload(*, by: User, mine: bool = True) -> Sequence[CaseloadRow]:
    """Open, accepted referrals: the asker's own or all at their sites, longest without contact first."""
    found = db.rows(held_now(own_places(by, CARE_ROLES), by.id if mine else None))
    return sorted(map(CaseloadRow.of, found), key=lambda row: row.since)


@lru_cache(maxsize=MANY)
def held_now(places: Places, worker: uuid.UUID | None) -> Select:
    """What one worker holds at these places, or everybody."""
    query = (
        select(
            *LISTED, Referral.id.label("referral_id"), Referral.referred_on, User.name.label("worker"),
            ReferralContacts.last_contact_on, ReferralContacts.next_contact_on,
            func.coalesce(ReferralContacts.attended, 0),
        )
        .join(Referral.person)
        .outerjoin(Person.identity)
        .outerjoin(ReferralContacts, ReferralContacts.referral_id == Referral.id)
        .outerjoin(Assignment, (Assignment.referral_id == Referral.id) & Assignment.until_on.is_(None))
        .outerjoin(User, User.id == Assignment.worker_id)
        .where(Referral.closed_on.is_(None), Referral.status == "accepted", at_places(places), ~has_withdrawn())
    )  # fmt: skip
    return query if worker is None else query.where(Assignment.worker_id == worker)


def closed_referrals(*, by: User, mine: bool = True) -> Sequence[Referral]:
    """Closed episodes, the latest first: those that the asker held last, or all at their sites."""
    query = (
        select(Referral)
        .join(Referral.person)
        .where(Referral.closed_on.is_not(None), at_own_sites(by, CARE_ROLES), ~has_withdrawn())
        .options(contains_eager(Referral.person), selectinload(Referral.assignments))
        .order_by(Referral.closed_on.desc(), Referral.id)
    )
    found = db.session.scalars(query).unique().all()
    return [each for each in found if not mine or (each.assignments and each.assignments[-1].worker_id == by.id)]


@dataclass(frozen=True, slots=True)
class Unanswered:
    """A referral that nobody has answered: for how many working days, and whether that is too long."""

    referral: Referral
    waiting_days: int
    late: bool


def unanswered_referrals(*, by: User, roles: Sequence[str] = CARE_ROLES) -> Sequence[Unanswered]:
    """Offered and not yet answered at the sites where the asker holds one of the roles, longest waiting first."""
    places = own_places(by, roles)
    offered: Iterable[Referral] = db.session.scalars(_offered(places)) if db.rows(_first_offered(places)) else ()
    waiting = [(each, _working_days(each.referred_on, today())) for each in offered]
    return [Unanswered(each, days, days > answer_within()) for each, days in waiting]


@lru_cache(maxsize=MANY)
def _first_offered(places: Places) -> Select:
    """Mostly there is none, which is known sooner than a list of them."""
    return select(Referral.id).join(Referral.person).where(*_is_offered(places)).limit(1)


@lru_cache(maxsize=MANY)
def _offered(places: Places) -> Select[Referral]:
    return (
        select(Referral)
        .join(Referral.person)
        .where(*_is_offered(places))
        .options(contains_eager(Referral.person).selectinload(Person.consents), selectinload(Referral.needs))
        .order_by(Referral.referred_on, Referral.recorded_at)
    )


def _is_offered(places: Places) -> tuple[ColumnElement[bool], ...]:
    return Referral.status == "offered", Referral.closed_on.is_(None), at_places(places), ~has_withdrawn()


def _working_days(first: date, last: date) -> int:
    """Mondays to Fridays after the first day, up to the last; bank holidays count, since they differ by country."""
    weeks, rest = divmod((last - first).days, 7)
    return 5 * weeks + sum((first.weekday() + step) % 7 < 5 for step in range(1, rest + 1))


def withdrawals(*, by: User) -> Sequence[Person]:
    """People who withdrew, at the sites that the asker supervises: that they did, and what they wish for their data."""
    places = own_places(by, ("supervisor",))
    if not places:
        return []
    query = (
        select(Person)
        .where(at_places(places), has_withdrawn())
        .options(selectinload(Person.consents), lazyload(Person.identity))
        .order_by(Person.study_number)
    )
    return db.session.scalars(query).unique().all()
