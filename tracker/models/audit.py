"""The trail: who did what, when, to which record, and why. Rows are only ever added, each chained to the last."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import BigInteger, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped

from .base import Base, UtcDateTime, column


class AuditEvent(Base):
    __tablename__ = "audit_event"
    __table_args__ = (UniqueConstraint("hash"),)
    number: Mapped[int] = column(
        "internal", BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, autoincrement=False
    )
    happened_at: Mapped[datetime] = column("internal", UtcDateTime())
    actor_id: Mapped[uuid.UUID | None] = column("internal")
    action: Mapped[str] = column("internal", String(60))
    table_name: Mapped[str] = column("internal", String(60))
    record_id: Mapped[str] = column("internal", String(40))
    before: Mapped[str | None] = column("text", Text())
    after: Mapped[str | None] = column("text", Text())
    reason: Mapped[str | None] = column("text", String(400))
    previous: Mapped[str] = column("internal", String(64))
    hash: Mapped[str] = column("internal", String(64))
