"""Staff: one's own sign-ins and second factors, colleagues who can take a referral, and the administrator's list."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from functools import cache

from sqlalchemy import Select, bindparam, exists, func, select
from sqlalchemy.orm import joinedload

from ..extensions import db
from ..models import SIGN_IN_METHODS as SIGN_IN_METHODS
from ..models import Authenticator, Invitation, Membership, Passkey, Person, RecoveryCode, SignIn, Site, Study, User
from ..permissions import CARE_ROLES, may_manage, may_see_care
from .scope import NotFound


def with_whose(id: uuid.UUID, *, by: None) -> SignIn | None:
    """A sign-in with the member of staff and what they may do: one query where each page would ask two. Nobody is
    known yet; whose it is, the gate holds against who the browser says it is.
    """
    assert by is None
    return db.session.scalars(_sign_in(), {"id": id}).unique().one_or_none()


@cache
def _sign_in() -> Select[SignIn]:
    whose = joinedload(SignIn.user).joinedload(User.memberships)
    return select(SignIn).where(SignIn.id == bindparam("id")).options(whose)


def own_sign_in(id: uuid.UUID, *, by: User) -> SignIn | None:
    """The asker's own sign-in, if the server knows it."""
    sign_in = db.session.get(SignIn, id)
    return sign_in if sign_in is not None and sign_in.user_id == by.id else None


def own_sign_ins(*, by: User) -> Sequence[SignIn]:
    """Where the asker is signed in now, the latest use first."""
    open_ones = select(SignIn).where(SignIn.user_id == by.id, SignIn.ended_at.is_(None)).order_by(SignIn.seen_at.desc())
    return [each for each in db.session.scalars(open_ones) if each.is_live]


def has_second_factor(*, by: User) -> bool:
    """Whether the asker can show more than a password."""
    kinds = (Authenticator, Passkey)
    return any(db.session.scalar(select(exists().where(kind.user_id == by.id))) for kind in kinds)


def recovery_codes_left(*, by: User) -> int:
    """How many of the asker's recovery codes are still good."""
    return db.session.scalar(select(func.count()).where(RecoveryCode.user_id == by.id)) or 0


def own_passkey(id: uuid.UUID, *, by: User) -> Passkey:
    """One of the asker's own passkeys."""
    found = db.session.get(Passkey, id)
    if found is None or found.user_id != by.id:
        raise NotFound
    return found


def opened_invitation(id: uuid.UUID, *, by: None) -> Invitation:
    """The invitation that this browser has opened; nobody is signed in yet."""
    assert by is None
    found = db.session.get(Invitation, id)
    if found is None or found.digest is not None or not found.is_open:
        raise NotFound
    return found


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
