"""A study, its arms, its sites, and which site or person is in which arm from when."""

from __future__ import annotations

import uuid
from datetime import date, datetime

from sqlalchemy import CheckConstraint, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, relationship

from instruments.codes import ALLOCATION_METHODS, DEPRIVATION_INDEXES, DESIGNS, ROLES

from .base import Base, Recorded, UtcDateTime, Versioned, code, column, key, link, one_of


class Study(Recorded, Versioned, Base):
    __tablename__ = "study"
    __table_args__ = (
        one_of("design", DESIGNS),
        CheckConstraint("(locked_at IS NULL) = (locked_by IS NULL)", name="locked_at_with_by"),
        UniqueConstraint("slug"),
    )
    id: Mapped[uuid.UUID] = key()
    slug: Mapped[str] = column("open", String(60))
    title: Mapped[str] = column("open", String(200))
    design: Mapped[str] = code("open")
    plan_text: Mapped[str] = column("open", Text())
    plan_sha256: Mapped[str] = column("open", String(64))
    locked_at: Mapped[datetime | None] = column("open", UtcDateTime())
    locked_by: Mapped[uuid.UUID | None] = link("user", index=False)
    arms: Mapped[list[Arm]] = relationship(back_populates="study", order_by="Arm.role.desc()")


class Arm(Recorded, Base):
    __tablename__ = "arm"
    __table_args__ = (one_of("role", ROLES), UniqueConstraint("study_id", "slug"))
    id: Mapped[uuid.UUID] = key()
    study_id: Mapped[uuid.UUID] = link("study", index=False)
    slug: Mapped[str] = column("open", String(60))
    label: Mapped[str] = column("open", String(200))
    role: Mapped[str] = code("open")
    study: Mapped[Study] = relationship(back_populates="arms")


class Site(Recorded, Versioned, Base):
    __tablename__ = "site"
    __table_args__ = (
        one_of("deprivation_index", DEPRIVATION_INDEXES),
        CheckConstraint("deprivation BETWEEN 1 AND 10", name="deprivation_range"),
        CheckConstraint("list_size >= 0", name="list_size_range"),
        UniqueConstraint("slug"),
    )
    id: Mapped[uuid.UUID] = key()
    slug: Mapped[str] = column("open", String(60))
    name: Mapped[str] = column("internal", String(200))
    ods_code: Mapped[str | None] = column("internal", String(10))
    list_size: Mapped[int | None] = column("open")
    deprivation: Mapped[int | None] = column("open")
    deprivation_index: Mapped[str | None] = code("open")


class Allocation(Recorded, Base):
    __tablename__ = "allocation"
    __table_args__ = (
        one_of("method", ALLOCATION_METHODS),
        CheckConstraint("(site_id IS NULL) <> (person_id IS NULL)", name="site_or_person"),
        Index("uq_allocation_site", "study_id", "site_id", "from_on", unique=True),
        Index("uq_allocation_person", "study_id", "person_id", "from_on", unique=True),
    )
    id: Mapped[uuid.UUID] = key()
    study_id: Mapped[uuid.UUID] = link("study", index=False)
    arm_id: Mapped[uuid.UUID] = link("arm")
    site_id: Mapped[uuid.UUID | None] = link("site")
    person_id: Mapped[uuid.UUID | None] = link("person")
    from_on: Mapped[date] = column("open")
    method: Mapped[str] = code("open")
    arm: Mapped[Arm] = relationship()
