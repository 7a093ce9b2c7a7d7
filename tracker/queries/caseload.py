"""Who is on a caseload now, and what happened last."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import ColumnElement, exists, func, select
from sqlalchemy.orm import contains_eager, lazyload, selectinload

from ..extensions import answer_within, db, today
from ..models import Assignment, Contact, Identity, Person, Referral, User
from ..permissions import CARE_ROLES
from .scope import at_own_sites, has_withdrawn, visible_people


@dataclass(frozen=True, slots=True)
class CaseloadRow:
    """One open referral: the person, who holds it, and its contacts so far."""

    person: Person
    referral: Referral
    worker_id: uuid.UUID | None
    worker: str | None
    contacts: int
    last_contact_on: date | None
    next_contact_on: date | None = None


def caseload(*, by: User, mine: bool = True) -> Sequence[CaseloadRow]:
    """Open, accepted referrals: the asker's own or all at their sites, longest without contact first."""
    contacts = (
        select(
            Contact.referral_id,
            func.count().filter(Contact.attendance == "attended").label("attended"),
            func.max(Contact.contacted_on).label("last_on"),
        )
        .group_by(Contact.referral_id)
        .subquery()
    )
    query = (
        select(Referral, Assignment.worker_id, User.name, contacts.c.attended, contacts.c.last_on)
        .join(Referral.person)
        .outerjoin(Person.identity)
        .outerjoin(Assignment, (Assignment.referral_id == Referral.id) & Assignment.until_on.is_(None))
        .outerjoin(User, User.id == Assignment.worker_id)
        .outerjoin(contacts, contacts.c.referral_id == Referral.id)
        .where(Referral.closed_on.is_(None), Referral.status == "accepted")
        .where(at_own_sites(by, CARE_ROLES), ~has_withdrawn())
        .options(contains_eager(Referral.person).contains_eager(Person.identity))
        .options(contains_eager(Referral.person).selectinload(Person.consents))
        .order_by(func.coalesce(contacts.c.last_on, Referral.referred_on), Identity.id)
    )
    if mine:
        query = query.where(Assignment.worker_id == by.id)
    found = db.session.execute(query).unique().all()
    agreed = _agreed_contacts([referral.id for referral, *_ in found])
    return [
        CaseloadRow(
            referral.person, referral, worker_id, worker, attended or 0, last_on, agreed.get((referral.id, last_on))
        )
        for referral, worker_id, worker, attended, last_on in found
    ]


def _agreed_contacts(referrals: Sequence[uuid.UUID]) -> dict[tuple[uuid.UUID, date | None], date]:
    """The next contact agreed at each contact, by referral and day; only what the last one agreed still holds."""
    query = (
        select(Contact.referral_id, Contact.contacted_on, Contact.next_contact_on)
        .where(Contact.referral_id.in_(referrals), Contact.next_contact_on.is_not(None))
        .order_by(Contact.recorded_at)
    )
    return {(referral, day): agreed for referral, day, agreed in db.session.execute(query) if agreed is not None}


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
    offered = db.session.scalars(
        select(Referral)
        .join(Referral.person)
        .where(Referral.status == "offered", Referral.closed_on.is_(None))
        .where(at_own_sites(by, roles), ~has_withdrawn())
        .options(contains_eager(Referral.person).selectinload(Person.consents), selectinload(Referral.needs))
        .order_by(Referral.referred_on, Referral.recorded_at)
    )
    waiting = [(each, _working_days(each.referred_on, today())) for each in offered]
    return [Unanswered(each, days, days > answer_within()) for each, days in waiting]


def _working_days(first: date, last: date) -> int:
    """Mondays to Fridays after the first day, up to the last; bank holidays count, since they differ by country."""
    weeks, rest = divmod((last - first).days, 7)
    return 5 * weeks + sum((first.weekday() + step) % 7 < 5 for step in range(1, rest + 1))


def withdrawals(*, by: User) -> Sequence[Person]:
    """People who withdrew, at the sites that the asker supervises: that they did, and what they wish for their data."""
    return (
        db.session.scalars(
            select(Person)
            .where(at_own_sites(by, ("supervisor",)), has_withdrawn())
            .options(selectinload(Person.consents), lazyload(Person.identity))
            .order_by(Person.study_number)
        )
        .unique()
        .all()
    )


def is_referred(*statuses: str) -> ColumnElement[bool]:
    """Whether somebody has a referral that is not closed and stands so."""
    return exists().where(
        Referral.person_id == Person.id, Referral.status.in_(statuses), Referral.closed_on.is_(None)
    )  # fmt: skip


def people_without_referral(*, by: User) -> Sequence[Person]:
    """People at the asker's sites who are followed without a link worker, newest first."""
    referred = select(Referral.person_id)
    return db.session.scalars(
        visible_people(by, CARE_ROLES)
        .where(Person.id.not_in(referred))
        .order_by(Person.entered_on.desc(), Person.study_number)
    ).all()


def people_off_caseload(*, by: User) -> Sequence[Person]:
    """People of the study whose every referral was closed, declined or came to nothing, and who did not leave.

    They grow more each year and few of them need something: their names stay encrypted until `named`.
    """
    return db.session.scalars(
        visible_people(by, CARE_ROLES)
        .where(Person.left_on.is_(None), exists().where(Referral.person_id == Person.id))
        .where(~is_referred("accepted", "offered"))
        .options(lazyload(Person.identity))
        .order_by(Person.study_number)
    ).all()


def named(found: Sequence[Person], *, by: User) -> Sequence[Person]:
    """These people, in this order, with their names opened; those whom the asker cares for."""
    ids = [person.id for person in found]
    query = visible_people(by, CARE_ROLES).where(Person.id.in_(ids)).execution_options(populate_existing=True)
    return sorted(db.session.scalars(query).unique(), key=lambda person: ids.index(person.id)) if ids else []
