"""What every table shares: names of constraints, privacy classes, times in UTC, encryption, versions."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import CheckConstraint, DateTime, Dialect, ForeignKey, LargeBinary, MetaData, String, Uuid
from sqlalchemy.orm import DeclarativeBase, Mapped, declared_attr, mapped_column
from sqlalchemy.types import TypeDecorator

from instruments.dataset import PRIVACY_CLASSES

from ..extensions import keyring

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING)


class UtcDateTime(TypeDecorator[datetime]):
    """A moment in UTC; a time without a zone is refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time needs its zone; use datetime.now(UTC)")
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Encrypted(TypeDecorator[str]):
    """Text that is stored encrypted and opens only in its own table and column."""

    impl = LargeBinary
    cache_ok = True

    def __init__(self, place: str) -> None:
        super().__init__()
        self.place = place

    def process_bind_param(self, value: str | None, dialect: Dialect) -> bytes | None:  # noqa: ARG002
        return None if value is None else keyring.encrypt(value, self.place)

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        return None if value is None else keyring.decrypt(bytes(value), self.place)


def column(privacy: str, *args: Any, **options: Any) -> Mapped[Any]:
    """A column with its privacy class."""
    if privacy not in PRIVACY_CLASSES:
        raise ValueError(f"unknown privacy class '{privacy}'; allowed: {', '.join(PRIVACY_CLASSES)}")
    return mapped_column(*args, info={"privacy": privacy}, **options)


def code(privacy: str, **options: Any) -> Mapped[Any]:
    """A column that holds a code of a closed list."""
    return column(privacy, String(40), **options)


def link(target: str, privacy: str = "internal", **options: Any) -> Mapped[Any]:
    """A reference to another table, with an index: every list here is read by its parent."""
    options.setdefault("index", True)
    return column(privacy, Uuid(), ForeignKey(f"{target}.id"), **options)


def key() -> Mapped[uuid.UUID]:
    return column("internal", Uuid(), primary_key=True, default=uuid.uuid4)


def one_of(name: str, codes: Mapping[str, str]) -> CheckConstraint:
    """The database's own refusal of a code that the list does not have."""
    allowed = ", ".join(f"'{code}'" for code in codes)
    return CheckConstraint(f"{name} IN ({allowed})", name=f"{name}_is_known")


def in_order(first: str, last: str) -> CheckConstraint:
    """The database's own refusal of an end before its beginning."""
    return CheckConstraint(f"{last} IS NULL OR {last} >= {first}", name=f"{last}_not_before_{first}")


def now() -> datetime:
    return datetime.now(UTC)


class Recorded:
    """Who wrote the row down, and when."""

    recorded_at: Mapped[datetime] = column("internal", UtcDateTime(), default=now)

    @declared_attr
    def recorded_by(cls) -> Mapped[uuid.UUID]:  # noqa: N805
        return link("user", index=False)


class Versioned:
    """What people edit carries a version, so that nobody overwrites what they have not seen."""

    version: Mapped[int] = column("internal", default=1)

    @declared_attr.directive
    def __mapper_args__(cls) -> dict[str, Any]:  # noqa: N805
        return {"version_id_col": cls.__table__.c.version}  # type: ignore[attr-defined]
