"""What every database of a run has in common is worked out once: how each query is put into SQL.

A server that stays up does so too; but a test has an engine of its own, which would start from nothing each time,
and putting queries into SQL would be a quarter of a test of a page.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.util import LRUCache

ROOM = 5_000  # statements; more than the application has


class Shared(DefaultDialect):
    """A dialect of which there is one; an engine that speaks it knows the SQL that another has worked out."""

    only: Any = None
    written: LRUCache[Any, Any]
    options: dict[str, Any]

    def __init_subclass__(cls) -> None:
        cls.written = LRUCache(ROOM)

    def __new__(cls, **_options: Any) -> Any:
        cls.only = cls.only or super().__new__(cls)
        return cls.only

    def __init__(self, **options: Any) -> None:
        known = self.__dict__.setdefault("options", options)
        assert known == options, "engines that differ cannot share their SQL"
        if known is options:
            super().__init__(**options)

    @classmethod
    def engine_created(cls, engine: Engine) -> None:
        engine._compiled_cache = cls.written


class Sqlite(Shared, SQLiteDialect_pysqlite):
    """As the application's engines speak to SQLite."""

    supports_statement_cache = True


class Postgres(Shared, PGDialect_psycopg):
    """As the application's engines speak to PostgreSQL."""

    supports_statement_cache = True


def settle() -> None:
    """From now on engines are made so."""
    registry.register("sqlite", __name__, "Sqlite")
    registry.register("postgresql.psycopg", __name__, "Postgres")
