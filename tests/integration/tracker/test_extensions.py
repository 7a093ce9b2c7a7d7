"""What lives as long as the application: keys, the database and its transactions, and what day it is."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from cryptography.exceptions import InvalidTag
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import bindparam, event, func, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from tests import world as worlds
from tests.world import KEYS, World, contact
from tracker import extensions
from tracker.extensions import Keyring, db, engine_for
from tracker.models import Contact, User

PLACES = ("identity.name", "identity.phone", "identity.nhs_number")


@pytest.fixture(scope="module")
def ring() -> Keyring:
    made = Keyring()
    made.init(KEYS)
    return made


# -------------------------------------------------------------------------------------- keys


@given(st.text(max_size=200), st.sampled_from(PLACES))
def test_what_is_encrypted_opens_in_its_own_place(ring: Keyring, plain: str, place: str):
    assert ring.decrypt(ring.encrypt(plain, place), place) == plain


@given(st.text(min_size=3, max_size=60))
def test_the_same_text_never_looks_the_same_and_its_length_is_all_that_shows(ring: Keyring, plain: str):
    one, other = ring.encrypt(plain, "identity.name"), ring.encrypt(plain, "identity.name")
    assert one != other
    assert len(one) == len(other) == 1 + 12 + len(plain.encode()) + 16
    assert plain.encode() not in one


@given(st.text(max_size=40), st.permutations(PLACES))
def test_it_opens_in_no_other_place(ring: Keyring, plain: str, places: list[str]):
    with pytest.raises(InvalidTag):
        ring.decrypt(ring.encrypt(plain, places[0]), places[1])


@given(st.text(max_size=20), st.data())
def test_one_changed_bit_anywhere_behind_the_version_is_noticed(ring: Keyring, plain: str, data: st.DataObject):
    sealed = bytearray(ring.encrypt(plain, "identity.name"))
    place = data.draw(st.integers(1, len(sealed) - 1))
    sealed[place] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(InvalidTag):
        ring.decrypt(bytes(sealed), "identity.name")


def test_another_installations_key_opens_nothing(ring: Keyring):
    other = Keyring()
    other.init(replace(KEYS, identity="ff" * 32))
    with pytest.raises(InvalidTag):
        other.decrypt(ring.encrypt("Zebedee", "identity.name"), "identity.name")


def test_without_keys_nothing_is_encrypted_with_none():
    with pytest.raises(RuntimeError, match="keys are not loaded; create the application first"):
        Keyring().encrypt("Zebedee", "identity.name")


@given(st.text(max_size=20), st.text(max_size=20))
def test_digests_are_equal_for_equal_texts_and_for_no_others(ring: Keyring, one: str, other: str):
    assert (ring.index(one, "a") == ring.index(other, "a")) == (one == other)
    assert ring.index(one, "a") != ring.index(one, "b")


def test_a_digest_cannot_be_made_without_the_key(ring: Keyring):
    """There are few enough NHS numbers to try them all: only the key stands in the way."""
    import hashlib

    number, place = "9434765919", "identity.nhs_number"
    other = Keyring()
    other.init(replace(KEYS, index="ff" * 32))
    guesses = {other.index(number, place), hashlib.sha256(number.encode()).hexdigest()}
    assert ring.index(number, place) not in guesses


@given(st.uuids(), st.uuids(), st.sampled_from("prcw"))
def test_pseudonyms_keep_to_their_study_kind_and_installation(
    ring: Keyring, study: uuid.UUID, id: uuid.UUID, letter: str
):
    name = ring.pseudonym(str(study), str(id), letter)
    other_study, other = uuid.uuid5(study, "other"), Keyring()
    other.init(replace(KEYS, pseudonym="ff" * 32))
    assert name == ring.pseudonym(str(study), str(id), letter)
    assert name[0] == letter
    assert str(id).replace("-", "")[:12] != name[1:]
    others = {
        ring.pseudonym(str(other_study), str(id), letter)[1:],
        ring.pseudonym(str(study), str(id), "z")[1:],
        other.pseudonym(str(study), str(id), letter)[1:],
    }
    assert name[1:] not in others


def test_a_hundred_thousand_people_have_as_many_pseudonyms(ring: Keyring):
    assert len({ring.pseudonym("study", str(number), "p") for number in range(100_000)}) == 100_000


# -------------------------------------------------------------------------------------- transactions


def contacts() -> int:
    return db.session.scalar(select(func.count()).select_from(Contact)) or 0


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_whatever_ends_a_transaction_early_takes_all_of_it_along(world: World, error: type[BaseException]):
    def begin_and_stop() -> None:
        contact(world)
        assert contacts() == 1
        raise error

    with pytest.raises(error), db.transaction():
        begin_and_stop()
    assert contacts() == 0


def test_after_a_failed_transaction_the_next_one_works(world: World):
    with pytest.raises(DBAPIError, match="no_such_table"), db.transaction() as session:
        session.execute(text("SELECT * FROM no_such_table"))
    with db.transaction():
        contact(world)
    assert contacts() == 1


def test_what_was_changed_outside_a_transaction_is_dropped_at_its_start(world: World):
    """A forgotten change does not slip in with somebody else's."""
    world.user("link-worker").name = "Changed Outside"
    with db.transaction():
        contact(world)
    assert world.user("link-worker").name == "Link-Worker"


def test_nobody_sees_half_a_transaction(app: Flask, world: World):
    seen: list[int] = []

    def look() -> None:
        with app.app_context():
            seen.append(contacts())

    with db.transaction():
        contact(world)
        _in_a_thread(look)
    _in_a_thread(look)
    assert seen == [0, 1]


def _in_a_thread(work: Any) -> None:
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


def test_readers_do_not_wait_for_a_writer(app: Flask, world: World):
    took: list[float] = []

    def look() -> None:
        with app.app_context():
            began = time.monotonic()
            contacts()
            took.append(time.monotonic() - began)

    with db.transaction():
        contact(world)
        _in_a_thread(look)
    assert took[0] < 5  # a waiting reader would give up after ten


def test_a_snapshot_shows_one_moment_whatever_is_written_meanwhile(app: Flask, world: World):
    def write() -> None:
        with app.app_context(), db.transaction():
            contact(world)

    db.snapshot()
    before = contacts()
    _in_a_thread(write)
    assert contacts() == before
    db.session.rollback()
    assert contacts() == before + 1


def test_what_only_reads_keeps_what_the_database_prepared_and_leaves_nothing_open(app: Flask, world: World):
    """A page is a context of its own; the driver prepares what it was asked five times, if it may remember."""
    db.session.close()
    for _ in range(8):
        with app.app_context():
            contacts()
    if db.session.get_bind().dialect.name == "sqlite":
        with db.transaction():  # nobody who only read stands in the way of who writes
            contact(world)
        return
    prepared = text(
        "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%FROM contact%' AND NOT from_sql"
    )
    assert db.session.scalar(prepared) == 1
    busy = text("SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in%' AND datname = current_database()")
    assert db.session.scalar(busy) == 0


def test_a_write_is_one_transaction_however_single_statements_are_read(app: Flask, world: World):
    with pytest.raises(ZeroDivisionError), db.transaction():
        _log_and_fail(world)
    assert contacts() == 0
    with db.transaction():
        contact(world)
    assert contacts() == 1


def _log_and_fail(world: World) -> None:
    contact(world)
    db.session.flush()
    raise ZeroDivisionError


def test_two_applications_contexts_do_not_share_a_session(app: Flask, world: World):
    with app.app_context():
        inner = db.session
    assert inner is not db.session


@pytest.fixture
def bare(sqlite_url: str) -> Iterator[Any]:
    engine = engine_for(sqlite_url)
    yield engine
    engine.dispose()


@pytest.mark.parametrize(
    ("pragma", "value"),
    [("journal_mode", "wal"), ("foreign_keys", 1), ("synchronous", 2), ("busy_timeout", 10000)],
)
def test_sqlite_is_told_to_be_careful_on_every_connection(bare: Any, pragma: str, value: object):
    """synchronous 2 is FULL: what was acknowledged is on the disk."""
    for _ in range(2):
        with bare.connect() as connection:
            assert connection.exec_driver_sql(f"PRAGMA {pragma}").scalar() == value
            connection.invalidate()


def test_nothing_that_was_typed_is_in_a_database_error(world: World):
    twin = User(id=world.users["evaluator"], email="zebedee@quillfeather.example", name="Z", password=None)
    with pytest.raises(IntegrityError) as failed, db.transaction() as session:
        session.execute(
            User.__table__.insert().values(
                id=twin.id,
                email=twin.email,
                name=twin.name,
                fs_uniquifier="x",
                active=True,
                recorded_at=datetime.now(UTC),
                version=1,
            )
        )
    assert "quillfeather" not in str(failed.value)


# -------------------------------------------------------------------------------------- what day it is


class Clock(datetime):
    """A clock that stands still."""

    stands: datetime = datetime(2026, 1, 1, tzinfo=UTC)

    @classmethod
    def now(cls, tz: Any = None) -> datetime:
        return cls.stands.astimezone(tz)


@pytest.mark.parametrize(
    ("moment", "zone", "day"),
    [
        (datetime(2026, 7, 1, 22, 59, tzinfo=UTC), "Europe/London", date(2026, 7, 1)),
        (datetime(2026, 7, 1, 23, 1, tzinfo=UTC), "Europe/London", date(2026, 7, 2)),
        (datetime(2026, 1, 1, 23, 59, tzinfo=UTC), "Europe/London", date(2026, 1, 1)),
        (datetime(2026, 10, 24, 23, 30, tzinfo=UTC), "Europe/London", date(2026, 10, 25)),
        (datetime(2026, 10, 25, 23, 30, tzinfo=UTC), "Europe/London", date(2026, 10, 25)),
        (datetime(2026, 12, 31, 15, 0, tzinfo=UTC), "Asia/Tokyo", date(2027, 1, 1)),
    ],
    ids=["summer evening", "summer night", "winter night", "before clocks go back", "after", "new year in Tokyo"],
)
def test_today_is_what_the_clock_on_the_wall_says(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: datetime, zone: str, day: date
):
    app = worlds.application(sqlite_url, tmp_path)
    app.config["TIMEZONE"] = zone
    monkeypatch.setattr(Clock, "stands", moment)
    monkeypatch.setattr(extensions, "datetime", Clock)
    with app.app_context():
        assert extensions.today() == day
        assert extensions.today() + timedelta(1) > day


# ------------------------------------------------------------------ a line to PostgreSQL that ended


@pytest.fixture
def at_postgres(on_postgres: tuple[str, World], tmp_path: Path) -> Iterator[Flask]:
    yield worlds.application(on_postgres[0], tmp_path)
    db.close()


def backend() -> int:
    """Which process of the server answers; the line goes back to the pool."""
    number: int = db.session.scalar(text("SELECT pg_backend_pid()"))
    db.sessions.remove()
    return number


def end_everybody_else(url: str) -> None:
    """As a restart of the server would."""
    others = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    other = engine_for(url)
    with other.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"SELECT pg_terminate_backend(pid) {others}"))
        while connection.scalar(text(f"SELECT count(*) {others}")):  # they end in their own time
            time.sleep(0.05)
    other.dispose()


def test_a_line_that_the_server_ended_is_replaced_before_anybody_meets_an_error(
    at_postgres: Flask, on_postgres: tuple[str, World]
):
    with at_postgres.app_context():
        first = backend()
        assert backend() == first
        end_everybody_else(on_postgres[0])
        assert backend() != first


def test_a_line_that_was_closed_at_this_end_is_replaced_too(at_postgres: Flask):
    """It has no socket any more that could be looked at."""
    assert db.engine is not None
    with at_postgres.app_context():
        first = backend()
        with db.engine.connect() as line:
            ours = line.connection.dbapi_connection
        ours.close()
        assert backend() != first


def test_every_line_is_replaced_when_all_ended(at_postgres: Flask, on_postgres: tuple[str, World]):
    assert db.engine is not None
    with at_postgres.app_context():
        lines = [db.engine.connect() for _ in range(4)]
        for each in lines:
            each.close()
        end_everybody_else(on_postgres[0])
        lines = [db.engine.connect() for _ in range(4)]
        assert [each.scalar(text("SELECT 1")) for each in lines] == [1] * 4
        for each in lines:
            each.close()


def test_a_line_on_which_the_server_said_something_harmless_is_kept(at_postgres: Flask, on_postgres: tuple[str, World]):
    """Such as a message to everybody who listens: there is something to read, and the line is good."""
    with at_postgres.app_context():
        first = backend()
        with db.transaction() as session:
            session.execute(text("LISTEN news"))
        db.sessions.remove()
        other = engine_for(on_postgres[0])
        with other.begin() as connection:
            connection.execute(text("NOTIFY news"))
        other.dispose()
        time.sleep(0.2)
        assert backend() == first


def test_a_good_line_is_taken_without_asking_the_server(at_postgres: Flask):
    assert db.engine is not None
    asked: list[str] = []
    with at_postgres.app_context():
        backend()
        event.listen(db.engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
        with patch.object(type(db.engine.dialect), "do_ping", side_effect=AssertionError("it was asked")):
            backend()
    assert asked == ["SELECT pg_backend_pid()"]


def test_rows_are_columns_as_the_session_would_give_them(world: World):
    with db.transaction():
        contact(world, minutes=25)
    query = select(Contact.id, Contact.minutes).where(Contact.minutes == bindparam("minutes"))
    assert db.rows(query, {"minutes": 25}) == db.session.execute(query, {"minutes": 25}).all()
    assert len(db.rows(query, {"minutes": 25})) == 1
    assert db.rows(query, {"minutes": 26}) == []


def test_rows_are_part_of_the_transaction_in_which_they_are_read(world: World):
    query = select(func.count()).select_from(Contact)
    with db.transaction():
        before = db.rows(query)[0][0]
        contact(world)
        assert db.rows(query)[0][0] == before + 1
