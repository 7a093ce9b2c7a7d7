"""The directory of community resources, what is said to be wrong in it, and people's signposts to it."""

from __future__ import annotations

import uuid
from datetime import date, datetime, timedelta

from sqlalchemy import CheckConstraint, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, relationship

from instruments.codes import RESOURCE_CAPACITIES, RESOURCE_CATEGORIES, SIGNPOST_KINDS, SIGNPOST_OUTCOMES

from .base import Base, Recorded, UtcDateTime, Versioned, code, column, key, link, one_of
from .person import Person
from .referral import Contact
from .staff import User

STILL_ASKED = ("unknown", "waiting")
"""Outcomes of a signpost that are asked for again; every other is final."""
CHECKED_FOR = timedelta(183)
"""After half a year without a check, nobody knows whether an entry is still right."""


class Resource(Recorded, Versioned, Base):
    __tablename__ = "resource"
    __table_args__ = (
        one_of("category", RESOURCE_CATEGORIES),
        one_of("capacity", RESOURCE_CAPACITIES),
        CheckConstraint("(changed_at IS NULL) = (changed_by IS NULL)", name="changed_at_with_by"),
        UniqueConstraint("study_id", "open_referral_id"),
    )
    id: Mapped[uuid.UUID] = key()
    study_id: Mapped[uuid.UUID] = link("study")
    open_referral_id: Mapped[str | None] = column("internal", String(100))
    name: Mapped[str] = column("open", String(200))
    category: Mapped[str] = code("open")
    provider: Mapped[str | None] = column("internal", String(200))
    area: Mapped[str | None] = column("internal", String(100))
    cost: Mapped[str | None] = column("internal", String(100))
    description: Mapped[str | None] = column("internal", Text())
    eligibility: Mapped[str | None] = column("internal", Text())
    opening_times: Mapped[str | None] = column("internal", Text())
    phone: Mapped[str | None] = column("internal", String(40))
    email: Mapped[str | None] = column("internal", String(254))
    website: Mapped[str | None] = column("internal", String(500))
    address: Mapped[str | None] = column("internal", String(200))
    town: Mapped[str | None] = column("internal", String(100))
    postcode: Mapped[str | None] = column("internal", String(10))
    capacity: Mapped[str] = code("internal", default="open")
    checked_on: Mapped[date | None] = column("internal")
    changed_at: Mapped[datetime | None] = column("internal", UtcDateTime())
    changed_by: Mapped[uuid.UUID | None] = link("user", index=False)
    faults: Mapped[list[FaultReport]] = relationship(back_populates="resource", order_by="FaultReport.recorded_at")

    @property
    def open_faults(self) -> list[FaultReport]:
        return [each for each in self.faults if each.settled_at is None]

    def needs_checking(self, day: date) -> bool:
        return self.capacity != "closed" and (self.checked_on is None or self.checked_on < day - CHECKED_FOR)


class FaultReport(Recorded, Base):
    """Somebody's word that an entry is wrong: it stands beside the entry until somebody settles it."""

    __tablename__ = "fault_report"
    __table_args__ = (CheckConstraint("(settled_at IS NULL) = (settled_by IS NULL)", name="settled_at_with_by"),)
    id: Mapped[uuid.UUID] = key()
    resource_id: Mapped[uuid.UUID] = link("resource")
    reason: Mapped[str] = column("text", String(400))
    settled_at: Mapped[datetime | None] = column("internal", UtcDateTime())
    settled_by: Mapped[uuid.UUID | None] = link("user", index=False)
    resource: Mapped[Resource] = relationship(back_populates="faults")
    reporter: Mapped[User] = relationship(foreign_keys="FaultReport.recorded_by")


class Signpost(Recorded, Versioned, Base):
    __tablename__ = "signpost"
    __table_args__ = (
        one_of("kind", SIGNPOST_KINDS),
        one_of("outcome", SIGNPOST_OUTCOMES),
        CheckConstraint("sessions_attended >= 0", name="sessions_attended_range"),
        CheckConstraint("(answered_at IS NULL) = (answered_by IS NULL)", name="answered_at_with_by"),
        UniqueConstraint("client_key"),
    )
    id: Mapped[uuid.UUID] = key()
    client_key: Mapped[uuid.UUID] = column("internal")
    person_id: Mapped[uuid.UUID] = link("person")
    resource_id: Mapped[uuid.UUID] = link("resource")
    contact_id: Mapped[uuid.UUID | None] = link("contact")
    signposted_on: Mapped[date] = column("research")
    kind: Mapped[str] = code("research")
    outcome: Mapped[str] = code("research")
    sessions_attended: Mapped[int | None] = column("research")
    ask_again_on: Mapped[date | None] = column("internal")
    answered_at: Mapped[datetime | None] = column("internal", UtcDateTime())
    answered_by: Mapped[uuid.UUID | None] = link("user", index=False)
    person: Mapped[Person] = relationship()
    resource: Mapped[Resource] = relationship()
    contact: Mapped[Contact | None] = relationship()
