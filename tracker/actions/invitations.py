"""Invitations: one-time links by which people set their password. The kit sends no mail; they are passed on by hand."""

from __future__ import annotations

import hashlib
import secrets
from datetime import UTC, datetime, timedelta

from sqlalchemy import select

from ..extensions import db
from ..models import Invitation, Site, Study, User
from ..permissions import may_manage
from .audit import facts, write_event
from .passwords import hashed
from .refusal import Refused, check
from .staff import create_user, end_sign_ins, grant

VALID, VALID_ONCE_OPENED = timedelta(days=7), timedelta(hours=1)
NO_LONGER = "This link is no longer good: it was used, replaced, or is older than 7 days. Ask for a new one."


def invite(
    *, by: User, email: str, name: str, role: str, study: Study | None, site: Site | None
) -> tuple[Invitation, str]:
    """Make a member of staff with one role, and the link by which they come; it can be read this once."""
    user = create_user(by=by, email=email, name=name, password=None)
    grant(by=by, user=user, role=role, study=study, site=site)
    return _made(by, user, None)


def invite_again(*, by: User, user: User, reason: str) -> tuple[Invitation, str]:
    """A new link, for somebody whose link is no longer good or who forgot their password; those before end."""
    check(may_manage(by))
    if not user.active:
        raise Refused("form", "This account is disabled. Enable it first.")
    for open_one in db.session.scalars(
        select(Invitation).where(Invitation.user_id == user.id, Invitation.ended_at.is_(None))
    ):
        _end(by, open_one, "replace_invitation")
    return _made(by, user, reason)


def _made(by: User, user: User, reason: str | None) -> tuple[Invitation, str]:
    token = secrets.token_urlsafe(32)
    made = Invitation(
        user_id=user.id, digest=_digest(token), valid_until=datetime.now(UTC) + VALID, recorded_by=by.id
    )  # fmt: skip
    db.session.add(made)
    write_event(by=by, action="invite", record=made, reason=reason)
    return made, token


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _end(by: User, invitation: Invitation, action: str) -> None:
    before = facts(invitation)
    invitation.digest, invitation.ended_at, invitation.ended_by = None, datetime.now(UTC), by.id
    write_event(by=by, action=action, record=invitation, before=before)


def open_invitation(*, by: None, token: str) -> Invitation:
    """Exchange the link for an hour in which to set a password: from now on the link itself opens nothing."""
    assert by is None
    # Locked, so that of two who open it at once the second finds that it is used.
    found = db.session.scalar(select(Invitation).where(Invitation.digest == _digest(token)).with_for_update())
    if found is None or not found.is_open:
        raise Refused("form", NO_LONGER)
    before = facts(found)
    found.digest, found.valid_until = None, min(found.valid_until, datetime.now(UTC) + VALID_ONCE_OPENED)
    write_event(by=found.user, action="open_invitation", record=found, before=before)
    return found


def accept_invitation(*, by: User, invitation: Invitation, password: str) -> None:
    """Set one's first password, or a new one for one that was forgotten; whoever is signed in is signed out."""
    check(invitation.user_id == by.id)
    db.session.refresh(invitation, with_for_update=True)
    if not invitation.is_open:
        raise Refused("form", NO_LONGER)
    before = facts(by)
    by.password = hashed(password, by)
    write_event(by=by, action="set_password", record=by, before=before)
    _end(by, invitation, "accept_invitation")
    end_sign_ins(by=by, user=by)
