"""Engines share the SQL that was worked out, and nothing else: what they say to which database is their own."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import column, create_engine, select, table, text
from sqlalchemy.engine.interfaces import CacheStats
from werkzeug.routing import Rule

from tests import sharing
from tests import world as worlds
from tracker.extensions import engine_for

THINGS = select(table("thing", column("name")).c.name)


def with_a_thing(path: Path, name: str) -> str:
    url = f"sqlite:///{path}"
    engine = engine_for(url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE thing (name TEXT)"))
        connection.execute(text("INSERT INTO thing VALUES (:name)"), {"name": name})
    engine.dispose()
    return url


def test_a_second_engine_knows_the_sql_of_the_first_and_reads_its_own_database(tmp_path: Path):
    urls = [with_a_thing(tmp_path / f"{name}.db", name) for name in ("spade", "rake")]
    found = []
    for url in urls:
        engine = engine_for(url)
        with engine.connect() as connection:
            result = connection.execute(THINGS)
            found.append((result.scalar_one(), result.context.cache_hit))
        engine.dispose()
    assert [name for name, _ in found] == ["spade", "rake"]
    assert found[1][1] is CacheStats.CACHE_HIT


def test_the_two_kinds_of_database_share_nothing(tmp_path: Path):
    lite, other = create_engine("sqlite://"), create_engine("postgresql+psycopg://nobody@/nothing")
    assert lite.dialect.name == "sqlite"
    assert other.dialect.name == "postgresql"
    assert lite._compiled_cache is not other._compiled_cache


def test_an_engine_with_other_options_is_not_given_the_sql_of_these():
    create_engine("sqlite://")
    with pytest.raises(AssertionError, match="differ"):
        sharing.Sqlite(paramstyle="named")


def routes(app: Flask) -> list[tuple[object, ...]]:
    return [
        (rule.endpoint, rule._parts, rule._trace, rule.arguments, {n: type(c) for n, c in rule._converters.items()})
        for rule in app.url_map.iter_rules()
    ]


def test_routes_that_were_read_before_are_the_same_as_read_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    later = [worlds.application(f"sqlite:///{tmp_path / 'none.db'}", tmp_path) for _ in range(2)][1]
    monkeypatch.setattr(Rule, "_parse_rule", worlds._parse)
    anew = worlds.application(f"sqlite:///{tmp_path / 'none.db'}", tmp_path)
    assert len(routes(anew)) > 100
    assert routes(later) == routes(anew)
