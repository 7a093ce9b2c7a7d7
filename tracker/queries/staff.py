"""Staff: one's own sign-in, colleagues who can take a referral, and the administrator's list."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from sqlalchemy import select

from ..extensions import db
from ..models import Membership, Person, SignIn, Site, Study, User
from ..permissions import CARE_ROLES, may_manage, may_see_care
from .scope import NotFound


def own_sign_in(id: uuid.UUID, *, by: User) -> SignIn | None:
    """The asker's own sign-in, if the server knows it."""
    sign_in = db.session.get(SignIn, id)
    return sign_in if sign_in is not None and sign_in.user_id == by.id else None


def link_workers_for(person: Person, *, by: User) -> Sequence[User]:
    """Who can hold a referral of this person: active link workers of the site, by name."""
    if not may_see_care(by, person):
        raise NotFound
    return db.session.scalars(
        select(User)
        .join(Membership, Membership.user_id == User.id)
        .where(User.active, Membership.ended_at.is_(None), Membership.role.in_(CARE_ROLES))
        .where(Membership.study_id == person.study_id, Membership.site_id == person.site_id)
        .order_by(User.name)
    ).all()


def everyone(*, by: User) -> Sequence[User]:
    """All staff, by name; for administrators."""
    if not may_manage(by):
        raise NotFound
    return db.session.scalars(select(User).order_by(User.name)).all()


def places(*, by: User) -> dict[uuid.UUID, str]:
    """Names of sites and studies, to show where a role holds; for administrators."""
    if not may_manage(by):
        raise NotFound
    sites = {site.id: site.name for site in db.session.scalars(select(Site))}
    return sites | {study.id: study.title for study in db.session.scalars(select(Study))}
