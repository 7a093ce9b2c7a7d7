"""The directory of community resources, and people's signposts to them."""

from __future__ import annotations

import uuid
from datetime import date

from sqlalchemy import CheckConstraint, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, relationship

from instruments.codes import RESOURCE_CATEGORIES, SIGNPOST_KINDS, SIGNPOST_OUTCOMES

from .base import Base, Recorded, Versioned, code, column, key, link, one_of
from .person import Person
from .referral import Contact


class Resource(Recorded, Versioned, Base):
    __tablename__ = "resource"
    __table_args__ = (one_of("category", RESOURCE_CATEGORIES),)
    id: Mapped[uuid.UUID] = key()
    study_id: Mapped[uuid.UUID] = link("study")
    name: Mapped[str] = column("open", String(200))
    category: Mapped[str] = code("open")
    provider: Mapped[str | None] = column("internal", String(200))
    area: Mapped[str | None] = column("internal", String(100))
    cost: Mapped[str | None] = column("internal", String(100))
    description: Mapped[str | None] = column("internal", Text())
    checked_on: Mapped[date | None] = column("internal")


class Signpost(Recorded, Versioned, Base):
    __tablename__ = "signpost"
    __table_args__ = (
        one_of("kind", SIGNPOST_KINDS),
        one_of("outcome", SIGNPOST_OUTCOMES),
        CheckConstraint("sessions_attended >= 0", name="sessions_attended_range"),
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
    person: Mapped[Person] = relationship()
    resource: Mapped[Resource] = relationship()
    contact: Mapped[Contact | None] = relationship()
