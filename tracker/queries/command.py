"""What a command on the server may look up: whoever can run one holds the database and its keys already."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import select

from ..extensions import db
from ..models import AuditEvent, Site, Study, User
from ..permissions import current


def staff_member(email: str, *, by: None) -> User:
    """The account under whose role a command runs."""
    assert by is None
    found = db.session.scalar(select(User).where(User.email == email.strip().lower(), User.active))
    if found is None:
        raise LookupError(f"--as {email}: no active account has this address; list them with `tracker user list`")
    return found


def account(email: str, *, by: None) -> User:
    """An account, in use or not."""
    assert by is None
    found = db.session.scalar(select(User).where(User.email == email.strip().lower()))
    if found is None:
        raise LookupError(f"{email}: no account has this address; list them with `tracker user list`")
    return found


def accounts(*, by: None) -> list[tuple[str, str]]:
    """Address and roles of every account, for whoever runs the server."""
    assert by is None
    users = db.session.scalars(select(User).order_by(User.email))
    return [(user.email, ", ".join(sorted({m.role for m in current(user)})) or "no role") for user in users]


def study(slug: str, *, by: User | None) -> Study:
    """A study by its id; whether the asker may do anything with it is up to the action."""
    found = db.session.scalar(select(Study).where(Study.slug == slug)) if by else None
    if found is None:
        known = db.session.scalars(select(Study.slug).order_by(Study.slug)).all()
        raise LookupError(f"study '{slug}': is not here; known: {', '.join(known) or 'none yet'}")
    return found


def site(slug: str, *, by: User | None) -> Site:
    """A site by its id."""
    found = db.session.scalar(select(Site).where(Site.slug == slug)) if by else None
    if found is None:
        known = db.session.scalars(select(Site.slug).order_by(Site.slug)).all()
        raise LookupError(f"site '{slug}': is not here; known: {', '.join(known) or 'none yet'}")
    return found


def trail(*, by: None) -> Iterator[AuditEvent]:
    """The whole audit trail in order, as it stands at this moment."""
    assert by is None
    db.snapshot()
    return iter(db.session.scalars(select(AuditEvent).order_by(AuditEvent.number).execution_options(yield_per=1000)))
