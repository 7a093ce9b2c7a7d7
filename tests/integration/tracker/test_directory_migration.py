"""The directory's migration keeps every resource and signpost that is there, up and down, on both databases."""

from __future__ import annotations

import uuid
from datetime import date

import pytest
from sqlalchemy import text

from tracker import extensions

ID = {name: uuid.uuid4().hex for name in ("user", "study", "person", "resource", "signpost")}
NOW = "2026-01-05 10:00:00"
BEFORE = (
    "INSERT INTO \"user\" (id, email, name, fs_uniquifier, active, recorded_at, version) "
    "VALUES (:user, 'a@test.example', 'A', 'f', true, :now, 1)",
    "INSERT INTO study (id, slug, title, design, plan_text, plan_sha256, recorded_at, recorded_by, version) "
    "VALUES (:study, 'garden', 'Garden', 'service-only', '', '', :now, :user, 1)",
    "INSERT INTO person (id, study_id, study_number, entered_on, recorded_at, recorded_by, version) "
    "VALUES (:person, :study, 'P00001', '2026-01-05', :now, :user, 1)",
    "INSERT INTO resource (id, study_id, name, category, recorded_at, recorded_by, version) "
    "VALUES (:resource, :study, 'Walking group', 'exercise', :now, :user, 3)",
    "INSERT INTO signpost (id, client_key, person_id, resource_id, signposted_on, kind, outcome, recorded_at, "
    "recorded_by, version) VALUES (:signpost, :signpost, :person, :resource, '2026-01-06', 'referral', 'waiting', "
    ":now, :user, 2)",
)  # fmt: skip


def rows(url: str, statement: str) -> list[tuple[object, ...]]:
    engine = extensions.engine_for(url)
    with engine.connect() as connection:
        found = [tuple(row) for row in connection.execute(text(statement))]
    engine.dispose()
    return found


def write_before(url: str) -> None:
    engine = extensions.engine_for(url)
    with engine.begin() as connection:
        for statement in BEFORE:
            connection.execute(text(statement), ID | {"now": NOW})
    engine.dispose()


def test_what_was_there_stays_and_a_resource_takes_new_people(database_url: str):
    extensions.downgrade(database_url, "0001")
    write_before(database_url)
    extensions.upgrade(database_url)
    assert rows(database_url, "SELECT name, capacity, version FROM resource") == [("Walking group", "open", 3)]
    assert rows(database_url, "SELECT outcome, ask_again_on, version FROM signpost") == [("waiting", None, 2)]


def test_going_back_keeps_the_resource_and_its_signpost(database_url: str):
    extensions.downgrade(database_url, "0001")
    write_before(database_url)
    extensions.upgrade(database_url)
    extensions.downgrade(database_url, "0001")
    assert rows(database_url, "SELECT name, category FROM resource") == [("Walking group", "exercise")]
    assert [(kind, str(day)) for kind, day in rows(database_url, "SELECT kind, signposted_on FROM signpost")] == [
        ("referral", str(date(2026, 1, 6)))
    ]


def test_a_signpost_still_needs_its_resource_afterwards(database_url: str):
    extensions.downgrade(database_url, "0001")
    write_before(database_url)
    extensions.upgrade(database_url)
    orphans = "SELECT count(*) FROM signpost LEFT JOIN resource ON resource.id = resource_id WHERE resource.id IS NULL"
    assert rows(database_url, orphans) == [(0,)]


def test_a_migration_that_would_leave_a_row_without_its_parent_is_refused_whole(sqlite_url: str):
    extensions.downgrade(sqlite_url, "0001")
    write_before(sqlite_url)
    engine = extensions.engine_for(sqlite_url)
    with engine.connect() as connection:
        raw = connection.connection.dbapi_connection
        assert raw is not None
        raw.execute("PRAGMA foreign_keys=OFF")
        raw.execute("DELETE FROM resource")
    engine.dispose()
    with pytest.raises(RuntimeError, match="would leave a row of signpost without its resource; nothing was kept"):
        extensions.upgrade(sqlite_url)
    assert rows(sqlite_url, "SELECT version_num FROM alembic_version") == [("0001",)]
