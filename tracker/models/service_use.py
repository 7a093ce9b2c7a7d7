"""Counts of health-service use over a period, such as GP attendances in the year before entry."""

from __future__ import annotations

import uuid
from datetime import date

from sqlalchemy import CheckConstraint, UniqueConstraint
from sqlalchemy.orm import Mapped, relationship

from instruments.codes import SETTINGS, USE_SOURCES

from .base import Base, Recorded, Versioned, code, column, key, link, one_of
from .person import Person


class ServiceUse(Recorded, Versioned, Base):
    __tablename__ = "service_use"
    __table_args__ = (
        one_of("setting", SETTINGS),
        one_of("source", USE_SOURCES),
        CheckConstraint("count >= 0", name="count_range"),
        CheckConstraint("until_on > from_on", name="period_not_empty"),
        UniqueConstraint("person_id", "setting", "from_on", "source"),
    )
    id: Mapped[uuid.UUID] = key()
    person_id: Mapped[uuid.UUID] = link("person", index=False)
    setting: Mapped[str] = code("research")
    from_on: Mapped[date] = column("research")
    until_on: Mapped[date] = column("research")
    count: Mapped[int] = column("research")
    source: Mapped[str] = code("research")
    person: Mapped[Person] = relationship()
