"""People: pseudonymous research facts here, identity apart and encrypted, consents beside them."""

from __future__ import annotations

import re
import uuid
from datetime import date, datetime

from sqlalchemy import CheckConstraint, ColumnElement, Index, LargeBinary, String, UniqueConstraint, text, type_coerce
from sqlalchemy.orm import Mapped, relationship

from instruments.codes import (
    CONDITIONS,
    CONSENT_KINDS,
    DEPRIVATION_INDEXES,
    ETHNICITIES,
    LEAVING_REASONS,
    ON_WITHDRAWAL,
    SEXES,
)

from ..extensions import keyring
from .base import (
    Base,
    Encrypted,
    Recorded,
    UtcDateTime,
    Versioned,
    code,
    column,
    in_order,
    key,
    link,
    one_of,
)  # fmt: skip
from .study import Site, Study


class Person(Recorded, Versioned, Base):
    __tablename__ = "person"
    __table_args__ = (
        one_of("sex", SEXES),
        one_of("ethnicity", ETHNICITIES),
        one_of("deprivation_index", DEPRIVATION_INDEXES),
        one_of("left_reason", LEAVING_REASONS),
        in_order("entered_on", "left_on"),
        CheckConstraint("deprivation BETWEEN 1 AND 10", name="deprivation_range"),
        CheckConstraint("ltc_count BETWEEN 0 AND 40", name="ltc_count_range"),
        CheckConstraint("birth_year BETWEEN 1890 AND 2100", name="birth_year_range"),
        UniqueConstraint("study_id", "study_number"),
        Index("ix_person_site_id_study_id", "site_id", "study_id"),
    )
    id: Mapped[uuid.UUID] = key()
    study_id: Mapped[uuid.UUID] = link("study")
    site_id: Mapped[uuid.UUID | None] = link("site", index=False)
    study_number: Mapped[str] = column("internal", String(40))
    entered_on: Mapped[date] = column("research")
    sex: Mapped[str | None] = code("research")
    birth_year: Mapped[int | None] = column("research")
    ethnicity: Mapped[str | None] = code("research")
    deprivation: Mapped[int | None] = column("research")
    deprivation_index: Mapped[str | None] = code("research")
    lives_alone: Mapped[bool | None] = column("research")
    carer: Mapped[bool | None] = column("research")
    ltc_count: Mapped[int | None] = column("research")
    left_on: Mapped[date | None] = column("research")
    left_reason: Mapped[str | None] = code("research")
    identity: Mapped[Identity | None] = relationship(back_populates="person", lazy="joined")
    consents: Mapped[list[Consent]] = relationship(back_populates="person", order_by="Consent.given_on")
    conditions: Mapped[list[Condition]] = relationship(
        back_populates="person", order_by="Condition.condition", cascade="all, delete-orphan"
    )
    site: Mapped[Site | None] = relationship()
    study: Mapped[Study] = relationship()

    @property
    def label(self) -> str:
        """What staff of the site call the person: the name, or the study number where no name is kept."""
        return self.identity.name if self.identity else self.study_number


class Identity(Recorded, Versioned, Base):
    """Who the person is: encrypted, apart, and never part of an export."""

    __tablename__ = "identity"
    __table_args__ = (
        UniqueConstraint("person_id"),
        Index("ix_identity_nhs_number_index", "nhs_number_index"),
    )
    id: Mapped[uuid.UUID] = key()
    person_id: Mapped[uuid.UUID] = link("person", index=False)
    name: Mapped[str] = column("never", Encrypted("identity.name"))
    nhs_number: Mapped[str | None] = column("never", Encrypted("identity.nhs_number"))
    nhs_number_index: Mapped[str | None] = column("never", String(64))
    date_of_birth: Mapped[str | None] = column("never", Encrypted("identity.date_of_birth"))
    phone: Mapped[str | None] = column("never", Encrypted("identity.phone"))
    address: Mapped[str | None] = column("never", Encrypted("identity.address"))
    person: Mapped[Person] = relationship(back_populates="identity")


def sealed_name() -> ColumnElement[bytes | None]:
    """The name as it is stored, for lists of which few names are shown; `opened_name` opens it."""
    return type_coerce(Identity.name, LargeBinary())


def opened_name(sealed: bytes) -> str:
    return keyring.decrypt(bytes(sealed), "identity.name")


def bare_number(number: str) -> str:
    """An NHS number without the spaces and dashes that people type."""
    return re.sub(r"[\s-]", "", number)


def nhs_number_index(number: str) -> str:
    """The keyed digest by which a number is found without being read."""
    return keyring.index(bare_number(number), "identity.nhs_number")


class Characteristic(Recorded, Base):
    """A further fact known at entry, named by the study's plan."""

    __tablename__ = "characteristic"
    __table_args__ = (UniqueConstraint("person_id", "name"),)
    id: Mapped[uuid.UUID] = key()
    person_id: Mapped[uuid.UUID] = link("person", index=False)
    name: Mapped[str] = column("research", String(60))
    value: Mapped[str] = column("research", String(200))


class Condition(Recorded, Base):
    """A long-term condition, by name; `Person.ltc_count` counts these and any that are not named."""

    __tablename__ = "condition"
    __table_args__ = (one_of("condition", CONDITIONS), UniqueConstraint("person_id", "condition"))
    id: Mapped[uuid.UUID] = key()
    person_id: Mapped[uuid.UUID] = link("person", index=False)
    condition: Mapped[str] = code("research")
    person: Mapped[Person] = relationship(back_populates="conditions")


class Consent(Recorded, Versioned, Base):
    __tablename__ = "consent"
    __table_args__ = (
        one_of("kind", CONSENT_KINDS),
        one_of("on_withdrawal", ON_WITHDRAWAL),
        in_order("given_on", "withdrawn_on"),
        CheckConstraint("(withdrawn_on IS NULL) = (on_withdrawal IS NULL)", name="withdrawn_on_with_wish"),
        CheckConstraint("(withdrawn_at IS NULL) = (withdrawn_by IS NULL)", name="withdrawn_at_with_by"),
        Index(
            "uq_consent_current", "person_id", "kind", unique=True,
            sqlite_where=text("withdrawn_on IS NULL"), postgresql_where=text("withdrawn_on IS NULL"),
        ),
    )  # fmt: skip
    id: Mapped[uuid.UUID] = key()
    person_id: Mapped[uuid.UUID] = link("person")
    kind: Mapped[str] = code("research")
    form_version: Mapped[str | None] = column("research", String(40))
    given_on: Mapped[date] = column("research")
    withdrawn_on: Mapped[date | None] = column("research")
    on_withdrawal: Mapped[str | None] = code("research")
    withdrawn_at: Mapped[datetime | None] = column("internal", UtcDateTime())
    withdrawn_by: Mapped[uuid.UUID | None] = link("user", index=False)
    person: Mapped[Person] = relationship(back_populates="consents")
