"""Migrations: up and down on both databases, one line of them, and no difference from the models."""

from __future__ import annotations

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config as AlembicConfig
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, select, text
from sqlalchemy.exc import IntegrityError

from tests.world import World, contact, days_ago
from tracker import extensions
from tracker.actions import care
from tracker.extensions import db, today
from tracker.models import Base, ServiceUse


def tables(url: str) -> set[str]:
    engine = extensions.engine_for(url)
    with engine.connect() as connection:
        found = set(inspect(connection).get_table_names()) - {"alembic_version"}
    engine.dispose()
    return found


def test_down_leaves_nothing_and_up_brings_everything_back(database_url: str):
    everything = tables(database_url)
    assert everything == set(Base.metadata.tables)
    extensions.downgrade(database_url)
    assert tables(database_url) == set()
    extensions.upgrade(database_url)
    assert tables(database_url) == everything


def test_upgrading_twice_changes_nothing(database_url: str):
    before = tables(database_url)
    extensions.upgrade(database_url)
    assert tables(database_url) == before


def test_the_migrated_schema_is_the_models_schema(database_url: str):
    engine = extensions.engine_for(database_url)
    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), Base.metadata)
    engine.dispose()
    assert differences == []


def test_going_down_and_up_again_over_an_episode_leaves_the_records_that_were_there(
    placed: tuple[str, World], world: World
):
    """A step over a table that others refer to, with people in it."""
    with db.transaction():
        worker, own = world.user("link-worker"), world.referral("own")
        contact(world)
        care.set_needs(by=worker, referral=own, version=own.version, needs=["money"])
        care.close_referral(by=worker, referral=own, closed_on=days_ago(2), closure_reason="completed")
        care.reopen_referral(by=worker, referral=own, reopened_on=today(), reason="Too early")
    db.session.rollback()
    db.close()
    kept = ("person", "referral", "assignment", "contact", "audit_event")
    before = {name: rows(placed[0], name) for name in kept}
    extensions.downgrade(placed[0], "0001")
    assert "need" not in tables(placed[0])
    extensions.upgrade(placed[0])
    assert {name: rows(placed[0], name) for name in kept} == before
    assert rows(placed[0], "need") == 0


def rows(url: str, table: str) -> int:
    engine = extensions.engine_for(url)
    with engine.connect() as connection:
        count = connection.scalar(text(f"SELECT count(*) FROM {table}"))
    engine.dispose()
    return int(count or 0)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE referral SET attempts = 51", "UPDATE referral SET answer_reason = 'bored', status = 'declined'",
        "UPDATE referral SET answer_reason = 'died', status = 'accepted'", "UPDATE referral SET tried_on = '1999-01-01'",
    ],
)  # fmt: skip
def test_a_column_that_came_later_brought_its_checks(placed: tuple[str, World], world: World, statement: str):
    db.session.rollback()
    with pytest.raises(IntegrityError, match="ck_referral_"), db.transaction() as session:
        session.execute(text(statement))


def test_there_is_one_line_of_migrations():
    config = AlembicConfig()
    config.set_main_option("script_location", str(extensions.migrations_folder()))
    assert len(ScriptDirectory.from_config(config).get_heads()) == 1


def test_every_constraint_has_a_name():
    unnamed = [
        (table.name, constraint)
        for table in Base.metadata.tables.values()
        for constraint in table.constraints
        if constraint.name is None
    ]
    assert unnamed == []


def test_names_fit_what_postgresql_keeps():
    names = [str(each.name) for t in Base.metadata.tables.values() for each in (*t.constraints, *t.indexes)]
    assert [name for name in names if len(name) > 63] == []


def test_staff_and_sign_ins_of_before_go_on_with_a_password_and_text_of_normal_size(database_url: str):
    extensions.downgrade(database_url, "0001")
    engine = extensions.engine_for(database_url)
    with engine.begin() as connection:
        connection.execute(text(
            "INSERT INTO \"user\" (id, email, name, fs_uniquifier, active, recorded_at, version) "
            "VALUES ('00000000000000000000000000000001', 'a@b.example', 'A', 'x', true, '2026-01-01', 1)"
        ))  # fmt: skip
        connection.execute(text(
            "INSERT INTO sign_in (id, user_id, started_at, seen_at) VALUES ('00000000000000000000000000000002', "
            "'00000000000000000000000000000001', '2026-01-01', '2026-01-01')"
        ))  # fmt: skip
    extensions.upgrade(database_url)
    with engine.begin() as connection:
        assert connection.execute(text('SELECT text_size FROM "user"')).all() == [("normal",)]
        assert connection.execute(text("SELECT method, device FROM sign_in")).all() == [("password", None)]
    with pytest.raises(Exception, match="text_size_is_known"), engine.begin() as connection:
        connection.execute(text("UPDATE \"user\" SET text_size = 'huge'"))
    engine.dispose()
    extensions.downgrade(database_url, "0001")
    extensions.upgrade(database_url)


@pytest.mark.parametrize("statement", ["UPDATE audit_event SET action = 'x'", "DELETE FROM audit_event"])
def test_the_trail_is_protected_again_after_down_and_up(database_url: str, statement: str):
    extensions.downgrade(database_url)
    extensions.upgrade(database_url)
    engine = extensions.engine_for(database_url)
    insert = (
        "INSERT INTO audit_event (number, happened_at, action, table_name, record_id, previous, hash) "
        "VALUES (1, '2026-01-01', 'a', 't', 'r', 'p', 'h')"
    )
    with engine.begin() as connection:
        connection.execute(text(insert))
    with pytest.raises(Exception, match="rows are only ever added"), engine.begin() as connection:
        connection.execute(text(statement))
    engine.dispose()


def test_counts_of_before_stay_and_other_events_can_join_them(placed: tuple[str, World], world: World):
    with db.transaction() as session:
        session.add(use(world, "gp", 3))
    db.session.rollback()
    db.close()
    extensions.downgrade(placed[0], "0013")
    with pytest.raises(IntegrityError, match="setting_is_known"), db.transaction() as session:
        session.add(use(world, "other", 1))
    db.session.rollback()
    db.close()
    extensions.upgrade(placed[0])
    with db.transaction() as session:
        session.add(use(world, "other", 2))
    found = db.rows(select(ServiceUse.setting, ServiceUse.count).order_by(ServiceUse.setting))
    assert found == [("gp", 3), ("other", 2)]
    with pytest.raises(IntegrityError, match="count_range"), db.transaction() as session:
        session.add(use(world, "nurse", -1))


def use(world: World, setting: str, count: int) -> ServiceUse:
    """Of one person, over the month before today."""
    return ServiceUse(
        person_id=world.people["own"], setting=setting, count=count, from_on=days_ago(30), until_on=today(),
        source="record-extract", recorded_by=world.users["supervisor"],
    )  # fmt: skip
