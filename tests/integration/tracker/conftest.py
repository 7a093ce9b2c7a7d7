"""The application on a database of each kind, with the small world in it: built once, copied for each test."""

from __future__ import annotations

import copy
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from flask import Flask
from flask.testing import FlaskClient

from tests import postgres
from tests import world as worlds
from tracker import cli
from tracker.extensions import db


def _build(url: str, folder: Path) -> worlds.World:
    app = worlds.application(url, folder)
    with app.app_context():
        made = worlds.build()
    assert db.engine is not None
    db.engine.dispose()
    return made


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tracker that Ada set up: made once, copied for each test."""
    folder = tmp_path_factory.mktemp("installation")
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("TRACKER_DATA", str(folder))
        monkeypatch.delenv("TRACKER_DATABASE_URL", raising=False)
        words = ["setup", "--email", "ada@test.example", "--name", "Ada", "--password", worlds.PASSWORD]
        done = CliRunner().invoke(cli.commands, words)
    assert done.exit_code == 0, done.output
    db.close()
    return folder


@pytest.fixture(scope="session")
def sqlite_world(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, worlds.World]:
    folder = tmp_path_factory.mktemp("world")
    path = folder / "world.db"
    shutil.copyfile(sqlite_template, path)
    return path, _build(f"sqlite:///{path}", folder)


@pytest.fixture(scope="session")
def postgres_world(
    postgres_server: postgres.Server, postgres_template: str, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, worlds.World]:
    postgres_server.copy(postgres_template, "world")
    return "world", _build(postgres_server.url("world"), tmp_path_factory.mktemp("world"))


@pytest.fixture
def on_sqlite(sqlite_world: tuple[Path, worlds.World], tmp_path: Path) -> tuple[str, worlds.World]:
    source, made = sqlite_world
    shutil.copyfile(source, tmp_path / "tracker.db")
    return f"sqlite:///{tmp_path / 'tracker.db'}", made


@pytest.fixture
def copied(postgres_server: postgres.Server, next_number: Callable[[], int]) -> Iterator[Callable[[str], str]]:
    """The address of a copy of a database on PostgreSQL, for as long as the test lasts."""
    names: list[str] = []

    def copied(source: str) -> str:
        names.append(f"{source}_{next_number()}")
        postgres_server.copy(source, names[-1])
        return postgres_server.url(names[-1])

    yield copied
    for name in names:
        postgres_server.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def on_postgres(postgres_world: tuple[str, worlds.World], copied: Callable[[str], str]) -> tuple[str, worlds.World]:
    source, made = postgres_world
    return copied(source), made


@pytest.fixture(params=["sqlite", "postgres"])
def placed(request: pytest.FixtureRequest) -> tuple[str, worlds.World]:
    """A database with the world in it, once of each kind, and the world's handles."""
    made: tuple[str, worlds.World] = request.getfixturevalue(f"on_{request.param}")
    return made


@pytest.fixture
def app(placed: tuple[str, worlds.World], tmp_path: Path) -> Iterator[Flask]:
    made = worlds.application(placed[0], tmp_path)
    yield made
    assert db.engine is not None
    db.engine.dispose()


@pytest.fixture
def world(app: Flask, placed: tuple[str, worlds.World]) -> Iterator[worlds.World]:
    """The world, inside an application context that the test shares; whom a test adds to it the next one does not know."""
    with app.app_context():
        yield copy.deepcopy(placed[1])


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A browser without pages: it keeps cookies and sends forms."""
    return app.test_client()


@pytest.fixture
def at_once(app: Flask) -> Callable[[Sequence[Callable[[], Any]]], list[Any]]:
    """Do several things at the same moment, each in a transaction of its own; what each gave or was refused with."""

    def run(works: Sequence[Callable[[], Any]]) -> list[Any]:
        gave: list[Any] = [None] * len(works)
        start = threading.Barrier(len(works))

        def one(place: int, work: Callable[[], Any]) -> None:
            with app.app_context():
                start.wait()
                try:
                    with db.transaction():
                        gave[place] = work()
                except Exception as error:
                    gave[place] = error

        db.session.rollback()
        threads = [threading.Thread(target=one, args=each) for each in enumerate(works)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return gave

    return run
