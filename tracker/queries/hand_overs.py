"""Who holds what now at the sites that somebody supervises, who could take it, and who left and still holds some."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Select, exists, func, or_, select
from sqlalchemy.orm import contains_eager, selectinload

from ..extensions import db
from ..models import Assignment, Membership, Person, Post, Referral, User
from ..permissions import CARE_ROLES, current
from .scope import NotFound, at_own_sites, has_withdrawn, sites
from .team import SUPERVISES

Posts = Mapping[tuple[uuid.UUID, uuid.UUID | None], date]
"""The last day of a worker's posts at a site."""


@dataclass(frozen=True, slots=True)
class Leaver:
    """Somebody who left the sites of people whom they still hold: how many, and why we think so."""

    worker: User
    referrals: int
    why: str


def worker(id: uuid.UUID, *, by: User) -> User:
    """Somebody who works, or holds somebody, at a site that the asker supervises."""
    found = db.session.get(User, id)
    places = {(site.id, study.id) for site, study in sites(by, SUPERVISES)}
    if found is None or not places:
        raise NotFound
    works = any(m.role in CARE_ROLES and (m.site_id, m.study_id) in places for m in found.memberships)
    has_post = exists().where(Post.user_id == id, Post.site_id.in_({site for site, _ in places}))
    holds = exists(_held(by).where(Assignment.worker_id == id).with_only_columns(Referral.id))
    if not works and not db.session.scalar(select(or_(has_post, holds))):
        raise NotFound
    return found


def held_now(worker_id: uuid.UUID | None, *, by: User) -> Sequence[Referral]:
    """What a worker (or nobody) holds now at the sites that the asker supervises, by the person's name."""
    mine = Assignment.worker_id == worker_id if worker_id else Assignment.id.is_(None)
    query = _held(by).where(mine).options(
        contains_eager(Referral.person).joinedload(Person.identity),
        contains_eager(Referral.person).joinedload(Person.site),
        contains_eager(Referral.person).selectinload(Person.consents),
        selectinload(Referral.assignments).joinedload(Assignment.worker),
    )  # fmt: skip
    found = db.session.scalars(query).unique().all()
    return sorted(found, key=lambda each: (each.person.label.casefold(), each.person.study_number))


def _held(by: User) -> Select[Referral]:
    """Open, accepted referrals, each with its assignment of now where there is one."""
    return (
        select(Referral)
        .join(Referral.person)
        .outerjoin(Assignment, (Assignment.referral_id == Referral.id) & Assignment.until_on.is_(None))
        .where(at_own_sites(by, SUPERVISES), ~has_withdrawn())
        .where(Referral.status == "accepted", Referral.closed_on.is_(None))
    )


def takers(referrals: Iterable[Referral], *, by: User) -> Sequence[User]:
    """Who can hold a referral at one of the sites where these people are, by name."""
    places = {(each.person.site_id, each.person.study_id) for each in referrals}
    own = {(site.id, study.id) for site, study in sites(by, SUPERVISES)}
    at = select(Membership.user_id).where(
        Membership.site_id.in_({site for site, _ in places & own}), Membership.role.in_(CARE_ROLES)
    )
    staff = db.session.scalars(select(User).where(User.active, User.id.in_(at)).order_by(User.name, User.id))
    return [user for user in staff if _works_at(user) & places & own]


def _works_at(user: User) -> set[tuple[uuid.UUID | None, uuid.UUID | None]]:
    return {(m.site_id, m.study_id) for m in current(user) if m.role in CARE_ROLES}


def leavers(today: date, *, by: User) -> Sequence[Leaver]:
    """Who still holds people of a site where they hold no role any more, or where their last post has ended."""
    rows = db.session.execute(
        _held(by).where(Assignment.id.is_not(None))
        .with_only_columns(Assignment.worker_id, Person.site_id, Person.study_id, func.count())
        .group_by(Assignment.worker_id, Person.site_id, Person.study_id)
    ).all()  # fmt: skip
    ids = {row[0] for row in rows}
    staff = {user.id: user for user in db.session.scalars(select(User).where(User.id.in_(ids)))}
    ended = _ended_posts(ids, today)
    found: dict[tuple[uuid.UUID, str], int] = {}
    for id, site, study, count in rows:
        if why := _why(staff[id], site, study, ended):
            found[id, why] = found.get((id, why), 0) + count
    return sorted(
        (Leaver(staff[id], count, why) for (id, why), count in found.items()), key=lambda each: each.worker.name
    )


def _why(user: User, site: uuid.UUID | None, study: uuid.UUID, ended: Posts) -> str | None:
    if not user.active:
        return "the account is closed"
    if (site, study) not in _works_at(user):
        return "the role at the site has ended"
    if day := ended.get((user.id, site)):
        return f"the last post at the site ended on {day:%-d %B %Y}"
    return None


def _ended_posts(workers: Iterable[uuid.UUID], today: date) -> Posts:
    """The last day of the last post of each worker at each site, where it is over."""
    rows = db.session.execute(
        select(Post.user_id, Post.site_id, func.max(func.coalesce(Post.until_on, date.max)))
        .where(Post.user_id.in_(list(workers)))
        .group_by(Post.user_id, Post.site_id)
    )
    return {(worker, site): last for worker, site, last in rows if last < today}
