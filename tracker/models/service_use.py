"""Counts of health-service use over a period: of a person in the study, and of everybody at a site."""

from __future__ import annotations

import uuid
from datetime import date

from sqlalchemy import CheckConstraint, UniqueConstraint
from sqlalchemy.orm import Mapped, relationship

from instruments.codes import SETTINGS, USE_SOURCES

from .base import Base, Recorded, Versioned, code, column, key, link, one_of
from .person import Person
from .study import Site


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


class SiteUse(Recorded, Base):
    """What everybody at a site used, in the study or not; it comes by import, and nobody edits it."""

    __tablename__ = "site_use"
    __table_args__ = (
        one_of("setting", SETTINGS),
        CheckConstraint("count >= 0", name="count_range"),
        CheckConstraint("person_years >= 0", name="person_years_range"),
        CheckConstraint("until_on > from_on", name="period_not_empty"),
        UniqueConstraint("site_id", "setting", "from_on"),
    )
    id: Mapped[uuid.UUID] = key()
    site_id: Mapped[uuid.UUID] = link("site", index=False)
    setting: Mapped[str] = code("open")
    from_on: Mapped[date] = column("open")
    until_on: Mapped[date] = column("open")
    count: Mapped[int] = column("open")
    person_years: Mapped[float] = column("open")
    site: Mapped[Site] = relationship()
