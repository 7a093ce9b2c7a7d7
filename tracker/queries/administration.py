"""What an administrator looks after: colleagues, their roles, posts and accounts, and sites. No clinical content."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypeVar

from sqlalchemy import func, select

from ..extensions import db
from ..models import Allocation, Arm, Authenticator, Invitation, Membership, Passkey, Post, SignIn, Site, Study, User
from ..permissions import assesses_and_sees_arms, may_manage
from .scope import NotFound

Record = TypeVar("Record")


@dataclass(frozen=True, slots=True)
class PostHeld:
    """A post, its site, and the posts that the same person holds elsewhere at the same time."""

    post: Post
    site: str
    meanwhile: Sequence[PostHeld]


@dataclass(frozen=True, slots=True)
class Account:
    """What can be told of a colleague's account: never a secret, and not from where they sign in."""

    user: User
    memberships: Sequence[Membership]
    posts: Sequence[PostHeld]
    most_fte: float
    second_factors: Sequence[str]
    signed_in: int
    last_seen_at: datetime | None
    invited_until: datetime | None
    not_blind: bool


@dataclass(frozen=True, slots=True)
class SiteListed:
    """A site, and the arm it is in from which day, in each study."""

    site: Site
    allocations: Sequence[tuple[str, str, date, str]]


def _found(kind: type[Record], id: uuid.UUID, by: User) -> Record:
    found = db.session.get(kind, id) if may_manage(by) else None
    if found is None:
        raise NotFound
    return found


def colleague(id: uuid.UUID, *, by: User) -> User:
    """A member of staff."""
    return _found(User, id, by)


def membership(id: uuid.UUID, *, by: User) -> Membership:
    """A role of somebody."""
    return _found(Membership, id, by)


def post(id: uuid.UUID, *, by: User) -> Post:
    """A post of somebody."""
    return _found(Post, id, by)


def site(id: uuid.UUID, *, by: User) -> Site:
    """A site."""
    return _found(Site, id, by)


def study(id: uuid.UUID, *, by: User) -> Study:
    """A study."""
    return _found(Study, id, by)


def all_sites(*, by: User) -> Sequence[Site]:
    """Every site, by name."""
    _check(by)
    return db.session.scalars(select(Site).order_by(Site.name)).all()


def all_studies(*, by: User) -> Sequence[Study]:
    """Every study, by title."""
    _check(by)
    return db.session.scalars(select(Study).order_by(Study.title)).all()


def _check(by: User) -> None:
    if not may_manage(by):
        raise NotFound


def account(user: User, *, by: User) -> Account:
    """A colleague's roles, posts, second factors, sign-ins and open invitation."""
    _check(by)
    open_ones = db.session.scalars(select(SignIn).where(SignIn.user_id == user.id, SignIn.ended_at.is_(None)))
    invited = db.session.scalars(
        select(Invitation).where(Invitation.user_id == user.id, Invitation.ended_at.is_(None))
    ).all()
    posts = _posts(user)
    return Account(
        user=user,
        memberships=_memberships(user),
        posts=posts,
        most_fte=_most_fte([held.post for held in posts]),
        second_factors=_second_factors(user),
        signed_in=sum(each.is_live for each in open_ones),
        last_seen_at=db.session.scalar(select(func.max(SignIn.seen_at)).where(SignIn.user_id == user.id)),
        invited_until=max((each.valid_until for each in invited if each.is_open), default=None),
        not_blind=assesses_and_sees_arms(user),
    )


def _memberships(user: User) -> Sequence[Membership]:
    """Those that hold first, then the ended ones, each the newest first."""
    mine = select(Membership).where(Membership.user_id == user.id).order_by(Membership.recorded_at.desc())
    return sorted(db.session.scalars(mine), key=lambda each: each.ended_at is not None)


def _posts(user: User) -> Sequence[PostHeld]:
    rows = db.session.execute(
        select(Post, Site.name)
        .join(Site, Site.id == Post.site_id)
        .where(Post.user_id == user.id)
        .order_by(Post.from_on.desc(), Site.name)
    ).all()
    alone = [PostHeld(each, name, ()) for each, name in rows]
    return [PostHeld(held.post, held.site, [o for o in alone if _meet(o.post, held.post)]) for held in alone]


def _meet(one: Post, other: Post) -> bool:
    """Whether two posts have a day in common; a post does not meet itself."""
    return (
        one.id != other.id
        and one.from_on <= (other.until_on or date.max)
        and other.from_on <= (one.until_on or date.max)
    )


def _most_fte(posts: Sequence[Post]) -> float:
    """The largest share of a full-time post on any one day; it can only rise on a day when a post begins."""
    return max(
        (
            sum(p.fte for p in posts if p.from_on <= day <= (p.until_on or date.max))
            for day in (q.from_on for q in posts)
        ),
        default=0.0,
    )


def _second_factors(user: User) -> Sequence[str]:
    names: dict[str, Any] = {"App that shows codes": Authenticator, "Passkey": Passkey}
    counts = {
        name: db.session.scalar(select(func.count()).where(kind.user_id == user.id)) for name, kind in names.items()
    }
    return [name if count == 1 else f"{name} ({count})" for name, count in counts.items() if count]


def sites(*, by: User) -> Sequence[SiteListed]:
    """Every site, by name, with the arms it is in as the plan has it."""
    everyone = all_sites(by=by)
    rows = db.session.execute(
        select(Allocation.site_id, Study.title, Arm.label, Allocation.from_on, Allocation.method)
        .join(Arm, Arm.id == Allocation.arm_id)
        .join(Study, Study.id == Allocation.study_id)
        .order_by(Study.title, Allocation.from_on)
    ).all()
    return [SiteListed(site, [tuple(rest) for id, *rest in rows if id == site.id]) for site in everyone]  # type: ignore[misc]
