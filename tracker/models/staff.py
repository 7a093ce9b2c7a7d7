"""Staff, what they may do where, link workers' posts, and the invitations by which they come."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import date, datetime

from flask_security.core import UserMixin
from sqlalchemy import CheckConstraint, String, UniqueConstraint
from sqlalchemy.orm import Mapped, relationship

from .base import Base, Recorded, UtcDateTime, Versioned, code, column, in_order, key, link, now, one_of
from .sign_in import Authenticator, Passkey

STAFF_ROLES = {
    "link-worker": "Link worker",
    "outcome-assessor": "Outcome assessor",
    "supervisor": "Supervisor",
    "evaluator": "Evaluator",
    "administrator": "Administrator",
}
TEXT_SIZES = {"normal": "Normal", "large": "Large", "larger": "Larger"}


class User(UserMixin, Versioned, Base):
    __tablename__ = "user"
    __table_args__ = (UniqueConstraint("email"), UniqueConstraint("fs_uniquifier"), one_of("text_size", TEXT_SIZES))
    id: Mapped[uuid.UUID] = key()  # type: ignore[assignment]
    email: Mapped[str] = column("never", String(254))
    name: Mapped[str] = column("never", String(200))
    password: Mapped[str | None] = column("never", String(255))
    fs_uniquifier: Mapped[str] = column("never", String(64), default=lambda: uuid.uuid4().hex)
    active: Mapped[bool] = column("internal", default=True)
    text_size: Mapped[str] = code("internal", default="normal")
    recorded_at: Mapped[datetime] = column("internal", UtcDateTime(), default=now)
    recorded_by: Mapped[uuid.UUID | None] = link("user", index=False)
    memberships: Mapped[list[Membership]] = relationship(
        back_populates="user", foreign_keys="Membership.user_id", lazy="selectin"
    )
    authenticator: Mapped[Authenticator | None] = relationship(foreign_keys="Authenticator.user_id")
    webauthn: Mapped[list[Passkey]] = relationship(  # type: ignore[assignment]
        foreign_keys="Passkey.user_id", order_by="Passkey.recorded_at", back_populates="user"
    )
    """Passkeys, under the name by which the sign-in library asks for them."""

    @property
    def fs_webauthn_user_handle(self) -> str:  # type: ignore[override]
        """What a passkey knows its owner by."""
        return str(self.id)

    @property
    def roles(self) -> Sequence[str]:  # type: ignore[override]
        """Sign-in needs none: what a person may do depends on the site and study, see `memberships`."""
        return ()


class Membership(Recorded, Base):
    """A role of one person: everywhere in a study, or at one of its sites; an administrator's has neither."""

    __tablename__ = "membership"
    __table_args__ = (
        one_of("role", STAFF_ROLES),
        CheckConstraint("(ended_at IS NULL) = (ended_by IS NULL)", name="ended_at_with_by"),
        CheckConstraint("role = 'administrator' OR study_id IS NOT NULL", name="study_named"),
        CheckConstraint(
            "role NOT IN ('link-worker', 'outcome-assessor', 'supervisor') OR site_id IS NOT NULL",
            name="site_named",
        ),
    )
    id: Mapped[uuid.UUID] = key()
    user_id: Mapped[uuid.UUID] = link("user")
    role: Mapped[str] = code("internal")
    study_id: Mapped[uuid.UUID | None] = link("study")
    site_id: Mapped[uuid.UUID | None] = link("site")
    ended_at: Mapped[datetime | None] = column("internal", UtcDateTime())
    ended_by: Mapped[uuid.UUID | None] = link("user", index=False)
    user: Mapped[User] = relationship(back_populates="memberships", foreign_keys=[user_id])


class Post(Recorded, Base):
    """A link worker's full-time equivalent at a site between two dates."""

    __tablename__ = "post"
    __table_args__ = (
        in_order("from_on", "until_on"),
        CheckConstraint("fte > 0 AND fte <= 2", name="fte_range"),
        UniqueConstraint("user_id", "site_id", "from_on"),
    )
    id: Mapped[uuid.UUID] = key()
    user_id: Mapped[uuid.UUID] = link("user", index=False)
    site_id: Mapped[uuid.UUID] = link("site")
    fte: Mapped[float] = column("research")
    from_on: Mapped[date] = column("research")
    until_on: Mapped[date | None] = column("research")


class Invitation(Recorded, Base):
    """A one-time link by which somebody sets their password. Only its digest is kept, and that until it is opened."""

    __tablename__ = "invitation"
    __table_args__ = (
        CheckConstraint("(ended_at IS NULL) = (ended_by IS NULL)", name="ended_at_with_by"),
        UniqueConstraint("digest"),
    )
    id: Mapped[uuid.UUID] = key()
    user_id: Mapped[uuid.UUID] = link("user")
    digest: Mapped[str | None] = column("never", String(64))
    valid_until: Mapped[datetime] = column("internal", UtcDateTime())
    ended_at: Mapped[datetime | None] = column("internal", UtcDateTime())
    ended_by: Mapped[uuid.UUID | None] = link("user", index=False)
    user: Mapped[User] = relationship(foreign_keys=[user_id])

    @property
    def is_open(self) -> bool:
        return self.ended_at is None and self.valid_until > now() and self.user.active
