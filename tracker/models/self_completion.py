"""Questions that a person answers alone, by a link of their own or on the worker's device."""

from __future__ import annotations

import hashlib
import uuid
from datetime import datetime, timedelta

from sqlalchemy import CheckConstraint, String, UniqueConstraint
from sqlalchemy.orm import Mapped, relationship

from .base import Base, Recorded, UtcDateTime, code, column, key, link, now, one_of
from .person import Person
from .staff import User

WAYS = {"link": "By a link", "device": "On this device, now"}
LINK_VALID = timedelta(days=7)
MOST_IDLE = {"link": timedelta(days=2), "device": timedelta(minutes=30)}
LONGEST = {"link": timedelta(days=7), "device": timedelta(hours=4)}
"""How long answers may be given without a pause, and in all, once a link is opened or a device handed over."""


def digest_of(purpose: str, token: str) -> str:
    """What is kept of a token: a link's never opens what a cookie's does, nor the other way round."""
    return hashlib.sha256(f"{purpose}:{token}".encode()).hexdigest()


class SelfCompletion(Recorded, Base):
    """What one person is asked to answer alone at one timepoint. `digest` is of the link until that is opened, and from
    then on of the cookie that took its place; it goes when nothing more is to be answered.
    """

    __tablename__ = "self_completion"
    __table_args__ = (
        one_of("way", WAYS),
        CheckConstraint("(ended_at IS NULL) = (ended_by IS NULL)", name="ended_at_with_by"),
        CheckConstraint("(opened_at IS NULL) = (seen_at IS NULL)", name="opened_at_with_seen_at"),
        CheckConstraint("finished_at IS NULL OR ended_at IS NULL", name="finished_or_ended"),
        UniqueConstraint("digest"),
    )
    id: Mapped[uuid.UUID] = key()
    person_id: Mapped[uuid.UUID] = link("person")
    timepoint: Mapped[str] = column("internal", String(40))
    way: Mapped[str] = code("internal")
    digest: Mapped[str | None] = column("never", String(64))
    valid_until: Mapped[datetime] = column("internal", UtcDateTime())
    opened_at: Mapped[datetime | None] = column("internal", UtcDateTime())
    seen_at: Mapped[datetime | None] = column("internal", UtcDateTime())
    finished_at: Mapped[datetime | None] = column("internal", UtcDateTime())
    ended_at: Mapped[datetime | None] = column("internal", UtcDateTime())
    ended_by: Mapped[uuid.UUID | None] = link("user", index=False)
    person: Mapped[Person] = relationship()
    author: Mapped[User] = relationship(foreign_keys="SelfCompletion.recorded_by")
    parts: Mapped[list[SelfCompletionPart]] = relationship(order_by="SelfCompletionPart.number")

    @property
    def is_current(self) -> bool:
        """Neither finished nor ended, and not too old: the link can be opened, or answers can be given."""
        if self.finished_at is not None or self.ended_at is not None or now() > self.valid_until:
            return False
        return self.seen_at is None or now() - self.seen_at <= MOST_IDLE[self.way]


class SelfCompletionPart(Base):
    """One instrument of it; its number stands in addresses, so that these name no instrument."""

    __tablename__ = "self_completion_part"
    __table_args__ = (
        UniqueConstraint("self_completion_id", "instrument"),
        UniqueConstraint("self_completion_id", "number"),
    )
    id: Mapped[uuid.UUID] = key()
    self_completion_id: Mapped[uuid.UUID] = link("self_completion", index=False)
    instrument: Mapped[str] = column("internal", String(40))
    number: Mapped[int] = column("internal")
