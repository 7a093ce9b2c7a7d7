"""Sign-ins, and what somebody shows besides a password: an authenticator app, passkeys, recovery codes."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from flask_security.core import WebAuthnMixin
from sqlalchemy import BigInteger, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, relationship

from .base import Base, Recorded, UtcDateTime, code, column, key, link, now, one_of

if TYPE_CHECKING:
    from .staff import User

IDLE, ABSOLUTE = timedelta(minutes=30), timedelta(hours=12)
SIGN_IN_METHODS = {
    "password": "Password",
    "code": "Password and a code from an app",
    "recovery-code": "Password and a recovery code",
    "passkey": "Passkey",
}


class SignIn(Base):
    """One sign-in, from its start to its end: the server's own word on who is signed in."""

    __tablename__ = "sign_in"
    __table_args__ = (one_of("method", SIGN_IN_METHODS),)
    id: Mapped[uuid.UUID] = key()
    user_id: Mapped[uuid.UUID] = link("user")
    method: Mapped[str] = code("internal", default="password")
    device: Mapped[str | None] = column("internal", String(60))
    started_at: Mapped[datetime] = column("internal", UtcDateTime(), default=now)
    seen_at: Mapped[datetime] = column("internal", UtcDateTime(), default=now)
    ended_at: Mapped[datetime | None] = column("internal", UtcDateTime())
    user: Mapped[User] = relationship()

    @property
    def is_live(self) -> bool:
        """Neither ended, nor left idle for too long, nor simply too old."""
        return self.ended_at is None and now() - self.seen_at <= IDLE and now() - self.started_at <= ABSOLUTE


class SignInFailure(Base):
    """A failed sign-in, by keyed digests of the account and the address, so that guessing can be slowed."""

    __tablename__ = "sign_in_failure"
    __table_args__ = (Index("ix_sign_in_failure_digest_failed_at", "digest", "failed_at"),)
    id: Mapped[uuid.UUID] = key()
    digest: Mapped[str] = column("internal", String(64))
    failed_at: Mapped[datetime] = column("internal", UtcDateTime(), default=now)


class Authenticator(Recorded, Base):
    """The app that shows somebody's codes: its key, encrypted by the sign-in library, and the last code it gave."""

    __tablename__ = "authenticator"
    __table_args__ = (UniqueConstraint("user_id"),)
    id: Mapped[uuid.UUID] = key()
    user_id: Mapped[uuid.UUID] = link("user", index=False)
    secret: Mapped[str] = column("never", String(400))
    last_counter: Mapped[int | None] = column("internal", BigInteger())


class Passkey(WebAuthnMixin, Recorded, Base):
    """A passkey: the public half of a key pair that stays in somebody's device."""

    __tablename__ = "passkey"
    __table_args__ = (UniqueConstraint("credential_id"), UniqueConstraint("user_id", "name"))
    id: Mapped[uuid.UUID] = key()  # type: ignore[assignment]
    user_id: Mapped[uuid.UUID] = link("user", index=False)
    name: Mapped[str] = column("never", String(60))
    credential_id: Mapped[bytes] = column("never", LargeBinary(1023))
    public_key: Mapped[bytes] = column("never", LargeBinary())
    sign_count: Mapped[int] = column("internal", BigInteger())
    used_at: Mapped[datetime | None] = column("internal", UtcDateTime())
    user: Mapped[User] = relationship(foreign_keys=[user_id], back_populates="webauthn")

    usage, transports = "secondary", None
    """The library would keep these apart; here any passkey proves who holds it, and the browser finds its way to it."""


class RecoveryCode(Recorded, Base):
    """A code on paper that stands in for a lost device, once. Kept as a keyed digest, and only until it is used."""

    __tablename__ = "recovery_code"
    __table_args__ = (UniqueConstraint("user_id", "digest"),)
    id: Mapped[uuid.UUID] = key()
    user_id: Mapped[uuid.UUID] = link("user", index=False)
    digest: Mapped[str] = column("never", String(64))
