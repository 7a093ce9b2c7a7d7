"""Staff, their memberships and posts, and their sign-ins."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime, timedelta
from typing import Any, cast

from flask_security.core import RoleMixin
from flask_security.datastore import SQLAlchemySessionUserDatastore
from sqlalchemy import ColumnElement, delete, func, or_, select

from ..extensions import db, keyring, take_turn
from ..models import Membership, Passkey, Post, SignIn, SignInFailure, Site, Study, User
from ..permissions import holds, may_manage
from .audit import facts, write_event
from .passwords import hashed
from .refusal import Conflict, Refused, check, translated

FREE_FAILURES, SHORT_WAIT, LONGEST_WAIT = 5, timedelta(seconds=30), timedelta(minutes=15)


class NoRole(RoleMixin):
    """The library asks for a model of installation-wide roles; there are none."""


def create_user(*, by: User | None, email: str, name: str, password: str | None) -> User:
    """Make a member of staff. The first one, made on the command line, has nobody to be made by.

    Whoever is invited has no password yet, and cannot sign in until they have set one.
    """
    check(may_manage(by) if by else _is_first())
    user = User(email=email.strip().lower(), name=name, recorded_by=by.id if by else None, active=True)
    user.password = hashed(password, user) if password is not None else None
    db.session.add(user)
    with translated():
        write_event(by=by, action="create_user", record=user)
    return user


def _is_first() -> bool:
    return not db.session.scalar(select(func.count()).select_from(User))


def grant(
    *, by: User | None, user: User, role: str, study: Study | None = None, site: Site | None = None
) -> Membership:
    """Give a role in a study, at a site, or (administrators) in the whole installation."""
    check(may_manage(by) if by else not db.session.scalar(select(func.count()).select_from(Membership)))
    places = {"study_id": study.id if study else None, "site_id": site.id if site else None}
    _check_not_held(user, role, places)
    membership = Membership(
        user_id=user.id, role=role, recorded_by=by.id if by else user.id, **places
    )  # fmt: skip
    db.session.add(membership)
    with translated():
        write_event(by=by, action="grant", record=membership)
    db.session.refresh(user)
    return membership


def _check_not_held(user: User, role: str, places: dict[str, uuid.UUID | None]) -> None:
    """Nor by somebody who is disabled now. One at a time: given twice, a role would outlast its end."""
    take_turn(db.session)
    held = select(Membership.id).filter_by(user_id=user.id, role=role, ended_at=None, **places)
    if db.session.scalar(held.limit(1)) is not None:
        raise Refused("role", "They hold this role there already. Choose another role, study or site.")


def end_membership(*, by: User, membership: Membership, reason: str) -> None:
    """Take a role away, from the next request on."""
    check(may_manage(by))
    if membership.ended_at is not None:
        raise Conflict("form", "This role has ended already.")
    if membership.role == "administrator":
        _check_another_administrator(membership.user)
    before = facts(membership)
    membership.ended_at, membership.ended_by = datetime.now(UTC), by.id
    write_event(by=by, action="end_membership", record=membership, before=before, reason=reason)


def _check_another_administrator(user: User) -> None:
    """Nobody could let anybody in again. One at a time, so that two cannot remove each other."""
    take_turn(db.session)
    others = (
        select(func.count())
        .select_from(Membership)
        .join(User, User.id == Membership.user_id)
        .where(Membership.role == "administrator", Membership.ended_at.is_(None))
        .where(User.active, User.password.is_not(None), User.id != user.id)
    )
    if not db.session.scalar(others):
        raise Refused("form", "This is the only administrator. Make another one first.")


def disable_user(*, by: User, user: User, reason: str) -> None:
    """Disable somebody at once: every sign-in ends."""
    check(may_manage(by))
    if not user.active:
        raise Conflict("form", "This account is disabled already.")
    if holds(user, ("administrator",)):
        _check_another_administrator(user)
    before = facts(user)
    user.active = False
    write_event(by=by, action="disable_user", record=user, before=before, reason=reason)
    end_sign_ins(by=by, user=user, reason=reason)


def enable_user(*, by: User, user: User, reason: str) -> None:
    """Let somebody in again, with the roles that they held."""
    check(may_manage(by))
    if user.active:
        raise Conflict("form", "This account is in use already.")
    before = facts(user)
    user.active = True
    write_event(by=by, action="enable_user", record=user, before=before, reason=reason)


def set_password(*, by: User, user: User, password: str) -> None:
    """Give somebody a new password: whoever is signed in with the old one is signed out."""
    check(may_manage(by))
    before = facts(user)
    user.password = hashed(password, user)
    write_event(by=by, action="set_password", record=user, before=before)
    end_sign_ins(by=by, user=user)


def end_sign_ins(*, by: User, user: User, spared: SignIn | None = None, reason: str | None = None) -> None:
    """End somebody's sign-ins, all of them or all but one: one's own, or as an administrator."""
    check(by.id == user.id or may_manage(by))
    for sign_in in db.session.scalars(select(SignIn).where(SignIn.user_id == user.id, SignIn.ended_at.is_(None))):
        if sign_in is not spared:
            end_sign_in(by=by, sign_in=sign_in, reason=reason)


def appoint(*, by: User, user: User, site: Site, fte: float, from_on: date, until_on: date | None = None) -> Post:
    """Write down a link worker's post; nobody holds two at one site at a time."""
    check(may_manage(by))
    _check_no_overlap("from_on", Post.user_id == user.id, Post.site_id == site.id, from_on=from_on, until_on=until_on)
    post = Post(user_id=user.id, site_id=site.id, fte=fte, from_on=from_on, until_on=until_on, recorded_by=by.id)
    db.session.add(post)
    with translated():
        write_event(by=by, action="appoint", record=post)
    return post


def _check_no_overlap(field: str, *others: ColumnElement[bool], from_on: date, until_on: date | None) -> None:
    """One at a time, so that two administrators cannot each write down half of an overlap."""
    take_turn(db.session)
    other = db.session.scalar(
        select(Post)
        .where(*others)
        .where(or_(Post.until_on.is_(None), Post.until_on >= from_on), Post.from_on <= (until_on or date.max))
        .order_by(Post.from_on)
        .limit(1)
    )
    if other is not None:
        until = f"to {other.until_on:%-d %B %Y}" if other.until_on else "on, with no end"
        raise Refused(
            field,
            f"This overlaps their post of {other.fte:g} at this site from {other.from_on:%-d %B %Y} {until}. "
            "End that one first, or choose other days.",
        )


def end_post(*, by: User, post: Post, until_on: date, reason: str) -> None:
    """Say which day of a post is the last."""
    check(may_manage(by))
    if until_on < post.from_on:
        raise Refused("until_on", f"The post begins on {post.from_on:%-d %B %Y}. Enter that day or a later one.")
    others = Post.user_id == post.user_id, Post.site_id == post.site_id, Post.id != post.id
    _check_no_overlap("until_on", *others, from_on=post.from_on, until_on=until_on)
    before = facts(post)
    post.until_on = until_on
    write_event(by=by, action="end_post", record=post, before=before, reason=reason)


def start_sign_in(*, by: User, method: str = "password", device: str | None = None) -> SignIn:
    """Open a sign-in on the server."""
    sign_in = SignIn(user_id=by.id, method=method, device=device)
    db.session.add(sign_in)
    write_event(by=by, action="sign_in", record=sign_in)
    return sign_in


def end_sign_in(*, by: User, sign_in: SignIn, reason: str | None = None) -> None:
    """Close a sign-in on the server: one's own, or as an administrator."""
    check(sign_in.user_id == by.id or may_manage(by))
    if sign_in.ended_at is not None:
        return
    before = facts(sign_in)
    sign_in.ended_at = datetime.now(UTC)
    write_event(by=by, action="sign_out", record=sign_in, before=before, reason=reason)


def note_failure(*, by: None, account: str, address: str | None) -> None:
    """Count a failed sign-in, as keyed digests; what is too old to count is forgotten."""
    assert by is None
    db.session.execute(delete(SignInFailure).where(SignInFailure.failed_at < datetime.now(UTC) - LONGEST_WAIT))
    for digest, _, _ in _limits(account, address):
        db.session.add(SignInFailure(id=uuid.uuid4(), digest=digest))


def forget_failures(*, by: None, account: str, address: str | None) -> None:
    """Whoever knows the password starts anew from where they are; other places keep their count."""
    assert by is None
    (here, _, _), *_ = _limits(account, address)
    db.session.execute(delete(SignInFailure).where(SignInFailure.digest == here))


def wait_before_sign_in(*, by: None, account: str, address: str | None) -> timedelta:
    """How long to wait before the next attempt counts: it doubles with every failure beyond what is free."""
    assert by is None
    now = datetime.now(UTC)
    waits = [timedelta()]
    for digest, free, longest in _limits(account, address):
        failures, last = db.session.execute(
            select(func.count(), func.max(SignInFailure.failed_at)).where(
                SignInFailure.digest == digest, SignInFailure.failed_at > now - LONGEST_WAIT
            )
        ).one()
        if failures >= free:
            waits.append(last + min(timedelta(seconds=2.0 ** min(failures - free + 1, 10)), longest) - now)
    return max(waits)


def _limits(account: str, address: str | None) -> tuple[tuple[str, int, timedelta], ...]:
    """What is counted, how many failures are free, and the longest wait.

    The long wait is for one account from one address, so that a stranger cannot lock anybody out: guessing at an
    account from many places, or from one place at many accounts, is slowed for everyone but never stopped. Whoever
    guesses at a second factor knows the password and is no stranger: without an address, the account alone counts.
    """
    name = account.strip().lower()
    long = (keyring.index(f"{address} {name}", "sign_in.both"), FREE_FAILURES, LONGEST_WAIT)
    if address is None:
        return (long,)
    return (
        long,
        (keyring.index(name, "sign_in.account"), 4 * FREE_FAILURES, SHORT_WAIT),
        (keyring.index(address, "sign_in.address"), 4 * FREE_FAILURES, SHORT_WAIT),
    )


def touch_sign_in(*, by: User, sign_in: SignIn) -> None:
    """Remember that the sign-in is in use. Not a change worth a line in the trail: it would drown the others."""
    check(sign_in.user_id == by.id)
    sign_in.seen_at = datetime.now(UTC)


def user_datastore(*, by: None) -> SQLAlchemySessionUserDatastore:
    """Where the sign-in library finds staff. There are no installation-wide roles: see `Membership`."""
    assert by is None
    return Staff(db.sessions, User, NoRole, Passkey)


class Staff(SQLAlchemySessionUserDatastore):
    """Each page asks who is signed in: who is there already with their sign-in is not asked for again."""

    def find_user(self, case_insensitive: bool = False, **kwargs: Any) -> User | None:
        if set(kwargs) == {"fs_uniquifier"}:
            here = (each for each in db.session.identity_map.values() if isinstance(each, User))
            known = next((each for each in here if each.fs_uniquifier == kwargs["fs_uniquifier"]), None)
            if known is not None:
                return known
        return cast("User | None", super().find_user(case_insensitive, **kwargs))
