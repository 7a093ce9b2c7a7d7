"""What somebody typed into a form that is not saved yet."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from sqlalchemy import String, UniqueConstraint
from sqlalchemy.orm import Mapped

from .base import Base, Encrypted, UtcDateTime, column, key, link, now

KEPT_FOR = timedelta(hours=24)


class HeldForm(Base):
    """One form of one member of staff, kept for a day: boxes and what stands in them, encrypted."""

    __tablename__ = "held_form"
    __table_args__ = (UniqueConstraint("user_id", "path"),)
    id: Mapped[uuid.UUID] = key()
    user_id: Mapped[uuid.UUID] = link("user", index=False)
    path: Mapped[str] = column("internal", String(500))
    typed: Mapped[str] = column("never", Encrypted("held_form.typed"))
    held_at: Mapped[datetime] = column("internal", UtcDateTime(), default=now)
