"""The things that live as long as the application: the database, its migrations, and the keys."""

from __future__ import annotations

import hashlib
import hmac
import os
import select
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from alembic import command
from alembic.config import Config as AlembicConfig
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from flask import Flask, current_app, g
from flask_security.core import Security
from flask_security.totp import Totp
from flask_wtf.csrf import CSRFProtect
from sqlalchemy import Connection, Dialect, Engine, Select, create_engine, event, text
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.orm import Session, scoped_session, sessionmaker

from .config import Config, Keys


class Codes(Totp):
    """Codes of an authenticator app, each good once: the library leaves it to us to remember the last one."""

    def get_last_counter(self, user: Any) -> int | None:
        return user.authenticator.last_counter if user.authenticator else None

    def set_last_counter(self, user: Any, tmatch: Any) -> None:
        user.authenticator.last_counter = tmatch.counter


security = Security(totp_cls=Codes)
csrf = CSRFProtect()


NO_KEYS = "the keys are not loaded; create the application first"


class Keyring:
    """Encrypts identity fields, makes their look-up index and people's pseudonyms."""

    def __init__(self) -> None:
        self._keys: Keys | None = None
        self._cipher: AESGCM | None = None

    def init(self, keys: Keys) -> None:
        self._keys, self._cipher = keys, AESGCM(bytes.fromhex(keys.identity))

    @property
    def keys(self) -> Keys:
        if self._keys is None:
            raise RuntimeError(NO_KEYS)
        return self._keys

    @property
    def cipher(self) -> AESGCM:
        """Made once: a list opens many names, and making it takes longer than opening one."""
        if self._cipher is None:
            raise RuntimeError(NO_KEYS)
        return self._cipher

    def encrypt(self, text: str, place: str) -> bytes:
        """Encrypt a text so that it opens only at its own table and column."""
        nonce = os.urandom(12)
        return b"\x01" + nonce + self.cipher.encrypt(nonce, text.encode(), b"1:" + place.encode())

    def decrypt(self, blob: bytes, place: str) -> str:
        return self.cipher.decrypt(blob[1:13], blob[13:], b"1:" + place.encode()).decode()

    def index(self, text: str, place: str) -> str:
        """A keyed digest: equal texts can be found without being read."""
        return hmac.new(bytes.fromhex(self.keys.index), f"{place}:{text}".encode(), hashlib.sha256).hexdigest()

    def pseudonym(self, study: str, id: str, letter: str) -> str:
        """A name for an export: the same within a study, different between studies."""
        digest = hmac.new(bytes.fromhex(self.keys.pseudonym), f"{study}:{letter}:{id}".encode(), hashlib.sha256)
        return letter + digest.hexdigest()[:12]


class Database:
    """One session a request or command; writes happen inside `transaction()`."""

    def __init__(self) -> None:
        self._factory: sessionmaker[Session] = sessionmaker()
        self.sessions = scoped_session(self._factory, scopefunc=_scope)
        self.engine: Engine | None = None

    def init_app(self, app: Flask, url: str) -> None:
        self.close()
        self.engine = engine_for(url)
        self._factory.configure(bind=_for_reading(self.engine))
        app.teardown_appcontext(lambda _: self.sessions.remove())

    def close(self) -> None:
        """Let go of every connection; the next use opens them again."""
        if self.engine is not None:
            self.engine.dispose()

    @property
    def session(self) -> Session:
        return self.sessions()

    def rows(self, query: Select[Any], parameters: Mapping[str, Any] | None = None) -> Sequence[Any]:
        """What a query of columns finds, past the session's bookkeeping of objects, which takes as long again."""
        return self.session.connection().execute(query, parameters or {}).all()

    def snapshot(self) -> None:
        """From now until the next write, everything is read as it stands at this moment."""
        session = self.session
        session.rollback()
        if session.get_bind().dialect.name == "postgresql":
            session.connection(execution_options={"isolation_level": "REPEATABLE READ"})

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """All of it or nothing. SQLite takes its write lock at the start, so that a write never fails half-way."""
        session = self.session
        session.rollback()
        session.connection(execution_options=WRITING[session.get_bind().dialect.name])
        try:
            yield session
            session.commit()
        except BaseException:
            session.rollback()
            raise


WRITING: dict[str, dict[str, Any]] = {"sqlite": {"writes": True}, "postgresql": {"isolation_level": "READ COMMITTED"}}


def _for_reading(engine: Engine) -> Engine:
    """On PostgreSQL each statement that only reads stands alone: the driver forgets all that it prepared when a
    transaction is rolled back, which is how one that only read would end.
    """
    return engine.execution_options(isolation_level="AUTOCOMMIT") if engine.dialect.name == "postgresql" else engine


def _scope() -> int:
    return id(g._get_current_object())


def engine_for(url: str) -> Engine:
    # Parameters are what people typed: they stay out of every error message and so out of the log.
    alive = {} if url.startswith("sqlite") else {"connect_args": {"keepalives_idle": 60}}
    engine = create_engine(url, hide_parameters=True, **alive)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _sqlite_connect)
        event.listen(engine, "begin", _sqlite_begin)
    else:
        event.listen(engine, "checkout", partial(_postgresql_checkout, engine.dialect))
    return engine


def _postgresql_checkout(dialect: Dialect, connection: Any, *_: Any) -> None:
    """A server that ended has said so on the line. Only a line with something to read is tried out, because asking
    before each page whether the server is still there takes as long as one of the page's queries.
    """
    try:
        if select.select([connection.pgconn.socket], [], [], 0)[0]:
            dialect.do_ping(connection)
    except dialect.loaded_dbapi.Error as error:
        raise DisconnectionError from error


def _sqlite_connect(connection: Any, _: Any) -> None:
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "foreign_keys=ON", "synchronous=FULL", "busy_timeout=10000"):
        connection.execute(f"PRAGMA {pragma}")


def _sqlite_begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def today() -> date:
    """Today where the installation is: a contact logged at half past midnight in summer belongs to the new day."""
    return local_day(datetime.now(UTC))


def local_day(moment: datetime) -> date:
    """The day of a moment where the installation is."""
    return moment.astimezone(ZoneInfo(current_app.config["TIMEZONE"])).date()


def answer_within() -> int:
    """Working days within which a referral should be answered."""
    days: int = current_app.config["ANSWER_WITHIN"]
    return days


def second_factor_required() -> bool:
    """Whether everybody here must have a second factor."""
    return bool(current_app.config["SECOND_FACTOR_REQUIRED"])


def take_turn(session: Session) -> None:
    """Let one writer at a time continue a chain or a count; SQLite's write lock does so already."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(726573)"))


def migrations_folder() -> Path:
    """Inside the installed package, or beside it in a source tree."""
    here = Path(__file__).parent
    return next(path for path in (here / "migrations", here.parent / "migrations") if path.is_dir())


def schemas(url: str) -> tuple[str | None, list[str]]:
    """The revision that a database is at, None for an empty one, and those this code knows, oldest first."""
    known = [each.revision for each in ScriptDirectory(str(migrations_folder())).walk_revisions()]
    engine = engine_for(url)
    try:
        with engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision(), known[::-1]
    finally:
        engine.dispose()


def upgrade(url: str) -> None:
    """Bring a database to the newest schema."""
    _migrate(url, command.upgrade, "head")


def downgrade(url: str, revision: str = "base") -> None:
    """Take a database back to an earlier revision; 'base' is empty."""
    _migrate(url, command.downgrade, revision)


def _migrate(url: str, move: Callable[[AlembicConfig, str], None], revision: str) -> None:
    config = AlembicConfig()
    config.set_main_option("script_location", str(migrations_folder()).replace("%", "%%"))
    engine = engine_for(url)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _let_tables_be_rebuilt)
    try:
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            move(config, revision)
            _refuse_orphans(connection)
    finally:
        engine.dispose()


def _let_tables_be_rebuilt(connection: Any, _: Any) -> None:
    """SQLite changes a table by copying it and dropping the first, which rows that refer to it would forbid."""
    connection.execute("PRAGMA foreign_keys=OFF")


def _refuse_orphans(connection: Connection) -> None:
    """What was not looked at while tables were rebuilt is looked at before it stays."""
    if connection.dialect.name != "sqlite":
        return
    if orphan := connection.exec_driver_sql("PRAGMA foreign_key_check").first():
        raise RuntimeError(f"the migration would leave a row of {orphan[0]} without its {orphan[2]}; nothing was kept")


def analyze() -> None:
    """Let the database learn its tables' sizes; queries are planned badly on the first day otherwise."""
    with db.transaction() as session:
        session.execute(text("ANALYZE"))


keyring = Keyring()
db = Database()


def init(app: Flask, config: Config) -> None:
    app.config["TIMEZONE"] = config.timezone
    app.config["ANSWER_WITHIN"] = config.answer_within
    app.config["SECOND_FACTOR_REQUIRED"] = config.second_factor
    keyring.init(config.keys)
    db.init_app(app, config.database_url)
    csrf.init_app(app)
