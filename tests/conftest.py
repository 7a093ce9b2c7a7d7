"""The test bench: a database of each kind, a real browser, and the reference data."""

from __future__ import annotations

import gc
import itertools
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from playwright.sync_api import Browser, sync_playwright

from tests import browser, machine, postgres, sharing

machine.settle()
sharing.settle()

# What is true is true on a slow machine too. By hand every run draws new examples; unattended, the same ones each time.
settings.register_profile(
    "kit", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize="CI" in os.environ
)
settings.load_profile("kit")

ROOT = Path(__file__).resolve().parents[1]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Long files first, so that no process is left alone with one at the end."""
    if hasattr(config, "workerinput"):
        items[:] = machine.longest_first(items, [item.path.relative_to(ROOT).as_posix() for item in items])


def pytest_collection_finish() -> None:
    """What is there to stay, thousands of tests and what they import, need not be looked through for rubbish."""
    gc.collect()
    gc.freeze()


def migrated_template(url: str) -> None:
    """Bring an empty database to the newest schema, by the application's own migrations."""
    from tracker.extensions import upgrade

    upgrade(url)


@pytest.fixture(scope="session")
def root() -> Path:
    """The top of the checkout."""
    return ROOT


@pytest.fixture(scope="session")
def reference() -> Path:
    """Reference data and results: `../shared/reference` beside the checkout, or where KIT_REFERENCE says."""
    folder = Path(os.environ.get("KIT_REFERENCE") or ROOT.parent / "shared" / "reference")
    if not folder.is_dir():
        pytest.fail(f"reference data: no folder {folder}; put it there or name it in KIT_REFERENCE")
    return folder


@pytest.fixture(autouse=True)
def nothing_stays_open(request: pytest.FixtureRequest) -> Iterator[None]:
    """The application's last database is let go of, whoever opened it; not under a server that is still answering."""
    yield
    if "tracker.extensions" in sys.modules and "live" not in request.fixturenames:
        sys.modules["tracker.extensions"].db.close()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgres.Server]:
    """A real PostgreSQL server, one for each test process."""
    with postgres.running_server() as server:
        yield server


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file, made once and copied for each test."""
    template = tmp_path_factory.mktemp("template") / "migrated.db"
    migrated_template(f"sqlite:///{template}")
    leftover = template.with_name(template.name + "-wal")
    assert not leftover.exists(), "the migration left a connection open: dispose of its engine"
    return template


@pytest.fixture(scope="session")
def postgres_template(postgres_server: postgres.Server) -> str:
    """The name of a migrated PostgreSQL database, made once and copied for each test."""
    postgres_server.execute("CREATE DATABASE migrated")
    migrated_template(postgres_server.url("migrated"))
    return "migrated"


@pytest.fixture(scope="session")
def next_number() -> Callable[[], int]:
    """Numbers for naming databases, never the same twice."""
    return itertools.count(1).__next__


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """A migrated SQLite database of this test's own."""
    copy = tmp_path / "tracker.db"
    shutil.copyfile(sqlite_template, copy)
    return f"sqlite:///{copy}"


@pytest.fixture
def postgres_url(
    postgres_server: postgres.Server, postgres_template: str, next_number: Callable[[], int]
) -> Iterator[str]:
    """A migrated PostgreSQL database of this test's own."""
    name = f"test_{next_number()}"
    postgres_server.copy(postgres_template, name)
    yield postgres_server.url(name)
    postgres_server.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest) -> str:
    """A migrated database of this test's own, once of each kind."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """A real headless browser."""
    with sync_playwright() as playwright:
        started = browser.launch(playwright)
        yield started
        started.close()
