"""Who held what on any day, against the hours they had for it; and what each person was given of it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import ColumnElement, func, or_, select

from ..extensions import db
from ..models import Assignment, Contact, Person, Post, Referral, Site, User
from ..permissions import CARE_ROLES, may_see_care
from .scope import NotFound, at_own_sites, has_withdrawn, sites


@dataclass(frozen=True, slots=True)
class Workload:
    """One link worker on one day, at the asker's sites: open referrals, and the share of a full-time post."""

    worker: User
    referrals: int
    fte: float

    @property
    def per_fte(self) -> float | None:
        """Open referrals for each full-time equivalent; None where no post covers the day."""
        return self.referrals / self.fte if self.fte else None


@dataclass(frozen=True, slots=True)
class Dose:
    """What one person was given: contacts that took place, attempts that did not, and minutes of both."""

    attended: int = 0
    not_attended: int = 0
    minutes: int = 0
    travel_minutes: int = 0


def held_on(day: date, *, by: User) -> Mapping[uuid.UUID, frozenset[uuid.UUID]]:
    """The referrals that each worker held on a day, at the asker's sites.

    The day of a hand-over, a closing or a reopening belongs to what comes after it. Two rows that say that a worker
    held a referral are one holding.
    """
    rows = db.session.execute(
        select(Assignment.worker_id, Assignment.referral_id)
        .join(Assignment.referral)
        .join(Referral.person)
        .where(at_own_sites(by, CARE_ROLES), ~has_withdrawn(), Referral.status == "accepted")
        .where(Assignment.from_on <= day, or_(Assignment.until_on.is_(None), Assignment.until_on > day))
    )
    held: dict[uuid.UUID, set[uuid.UUID]] = {}
    for worker, referral in rows:
        held.setdefault(worker, set()).add(referral)
    return {worker: frozenset(referrals) for worker, referrals in held.items()}


def workloads(day: date, *, by: User) -> Sequence[Workload]:
    """Everybody who held a referral or a post at the asker's sites on a day, by name."""
    held, fte = held_on(day, by=by), _fte_on(day, by)
    workers = db.session.scalars(select(User).where(User.id.in_({*held, *fte})).order_by(User.name, User.id))
    return [Workload(each, len(held.get(each.id, ())), fte.get(each.id, 0.0)) for each in workers]


def _fte_on(day: date, by: User) -> dict[uuid.UUID, float]:
    """The last day of a post is a day of it."""
    own = {site.id for site, _ in sites(by)}
    rows = db.session.execute(
        select(Post.user_id, func.sum(Post.fte))
        .join(Site, Site.id == Post.site_id)
        .where(Site.id.in_(own), Post.from_on <= day, or_(Post.until_on.is_(None), Post.until_on >= day))
        .group_by(Post.user_id)
    )
    return {worker: round(fte, 4) for worker, fte in rows}


def doses(
    *, by: User, since: date | None = None, until: date | None = None, among: ColumnElement[bool] | None = None
) -> Mapping[uuid.UUID, Dose]:
    """What each person at the asker's sites (or some of them) was given from a day up to another, by person."""
    people = at_own_sites(by, CARE_ROLES) & ~has_withdrawn()
    return _doses(people if among is None else people & among, since, until)


def dose(person: Person, *, by: User) -> Dose:
    """All that one person was given."""
    if not may_see_care(by, person):
        raise NotFound
    return _doses(Person.id == person.id, None, None).get(person.id, Dose())


def _doses(people: ColumnElement[bool], since: date | None, until: date | None) -> dict[uuid.UUID, Dose]:
    attended = Contact.attendance == "attended"
    query = (
        select(
            Referral.person_id,
            func.count().filter(attended),
            func.count().filter(~attended),
            func.sum(Contact.minutes),
            func.sum(Contact.travel_minutes),
        )
        .select_from(Contact)
        .join(Contact.referral)
        .join(Referral.person)
        .where(people)
        .group_by(Referral.person_id)
    )
    if since is not None:
        query = query.where(Contact.contacted_on >= since)
    if until is not None:
        query = query.where(Contact.contacted_on < until)
    return {
        person: Dose(attended, missed, minutes or 0, travel or 0)
        for person, attended, missed, minutes, travel in db.session.execute(query)
    }
