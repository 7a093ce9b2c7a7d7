"""A demo is made only where nothing else is, and only a demo is ever thrown away."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tracker import cli, demo, extensions
from tracker.actions import staff
from tracker.cli.demo import MARKER, PASSWORD_FILE
from tracker.demo import plan_text

PASSWORD = "a-long-enough-password"
Run = Callable[..., Result]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def run(data: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("TRACKER_DATA", str(data))
    for name in ("TRACKER_DATABASE_URL", "TRACKER_PASSWORD", "TRACKER_PROXIES", "PORT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(demo, "load", a_small_study)
    return lambda *words: CliRunner().invoke(cli.commands, list(words))


def a_small_study(*, password: str, progress: Callable[[str, int, int], None]) -> None:
    """What a demo needs to be exported: its study and its evaluator. The whole one is made elsewhere."""
    from tracker.actions import studies

    admin = staff.create_user(by=None, email="admin@demo.example", name="Alex Reed", password=password)
    staff.grant(by=None, user=admin, role="administrator")
    study = studies.create_study(by=admin, plan_text=plan_text())
    evaluator = staff.create_user(by=admin, email="evaluator@demo.example", name="Dr Lee Moss", password=password)
    staff.grant(by=admin, user=evaluator, role="evaluator", study=study)
    progress("Staff", 2, 2)


def everything(folder: Path) -> dict[str, bytes]:
    return {each.relative_to(folder).as_posix(): each.read_bytes() for each in folder.rglob("*") if each.is_file()}


@pytest.fixture
def made(run: Run, data: Path) -> Run:
    assert run("demo").exit_code == 0
    return run


def test_a_demo_says_what_it_is(made: Run, data: Path):
    said = (data / MARKER).read_text(encoding="utf-8")
    assert "everybody in it is invented" in said
    assert "Keep nothing of your own in this folder" in said


def test_making_it_again_keeps_what_is_there(made: Run, data: Path):
    before = (data / PASSWORD_FILE).read_bytes(), (data / "keys.json").read_bytes()
    assert made("demo").exit_code == 0
    assert ((data / PASSWORD_FILE).read_bytes(), (data / "keys.json").read_bytes()) == before


def test_a_demo_that_an_older_version_made_is_brought_up_to_date(made: Run, data: Path):
    extensions.downgrade(f"sqlite:///{data / 'tracker.db'}", "0002")
    assert made("demo").exit_code == 0
    with closing(sqlite3.connect(data / "tracker.db")) as database:
        assert "wording" in {name for (name,) in database.execute("SELECT name FROM sqlite_master")}


def test_a_fresh_one_begins_anew(made: Run, data: Path):
    (data / "report").mkdir()
    (data / ".bundle-half").mkdir()
    (data / ".report-half").mkdir()
    before = (data / PASSWORD_FILE).read_bytes(), (data / "keys.json").read_bytes()
    assert made("demo", "--fresh").exit_code == 0
    now = (data / PASSWORD_FILE).read_bytes(), (data / "keys.json").read_bytes()
    assert now[0] != before[0]
    assert now[1] != before[1]
    assert not [each.name for each in data.iterdir() if each.name.startswith((".", "report"))]


@pytest.mark.parametrize("words", [("demo",), ("demo", "--fresh")])
def test_a_real_installation_is_never_touched(run: Run, data: Path, words: tuple[str, ...]):
    assert run("setup", "--email", "ada@test.example", "--name", "Ada", "--password", PASSWORD).exit_code == 0
    before = everything(data)
    assert {"keys.json", "tracker.db"} <= set(before)
    result = run(*words)
    assert result.exit_code == 2
    assert (
        f"{data}: is not a demo and is left as it is; move it away, or set TRACKER_DATA to another folder"
        in result.output
    )
    assert everything(data) == before


@pytest.mark.parametrize("words", [("demo",), ("demo", "--fresh")])
@pytest.mark.parametrize("name", ["thesis.docx", "bundle-of-letters.txt", "keys.json", PASSWORD_FILE])
def test_a_folder_without_the_marker_is_left_alone(run: Run, data: Path, name: str, words: tuple[str, ...]):
    data.mkdir()
    (data / name).write_text("years of work", encoding="utf-8")
    result = run(*words)
    assert (result.exit_code, "is not a demo and is left as it is" in result.output) == (2, True)
    assert everything(data) == {name: b"years of work"}


@pytest.mark.parametrize("name", ["thesis.docx", "tracker.db.bak", "keys.json.old", "bundles", ".bundle", "report2"])
def test_other_files_in_a_demo_are_named_and_kept(made: Run, data: Path, name: str):
    (data / name).write_text("years of work", encoding="utf-8")
    before = everything(data)
    result = made("demo", "--fresh")
    assert result.exit_code == 2
    assert f"{data}: holds other files ({name}); move them away, or set TRACKER_DATA" in result.output
    assert everything(data) == before


def test_a_link_in_a_demo_goes_and_what_it_points_to_stays(made: Run, data: Path, tmp_path: Path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.docx").write_text("years of work", encoding="utf-8")
    shutil.rmtree(data / "bundle")
    (data / "report").symlink_to(tmp_path / "mine")
    assert made("demo", "--fresh").exit_code == 0
    assert not (data / "report").exists()
    assert everything(tmp_path / "mine") == {"thesis.docx": b"years of work"}


def test_a_demo_that_was_interrupted_starts_anew(run: Run, data: Path, monkeypatch: pytest.MonkeyPatch):
    def interrupted(**_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as now:
        now.setattr(demo, "load", interrupted)
        assert run("demo").exit_code != 0
    keys = (data / "keys.json").read_bytes()
    assert (data / MARKER).exists()
    assert run("demo").exit_code == 0
    assert (data / "keys.json").read_bytes() != keys


def test_a_deletion_that_was_interrupted_starts_anew(made: Run, monkeypatch: pytest.MonkeyPatch, data: Path):
    def interrupted(_: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as now:
        now.setattr(shutil, "rmtree", interrupted)
        assert made("demo", "--fresh").exit_code != 0
    assert (data / MARKER).exists()
    assert not (data / PASSWORD_FILE).exists()
    assert made("demo").exit_code == 0


def test_a_demo_keeps_to_its_own_database(run: Run, data: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TRACKER_DATABASE_URL", "postgresql+psycopg:///real")
    result = run("demo")
    assert result.exit_code == 2
    assert "TRACKER_DATABASE_URL: is set, and a demo keeps to a database of its own; unset it" in result.output
    assert not data.exists()


def test_a_real_installation_is_not_set_up_inside_a_demo(run: Run, data: Path):
    data.mkdir()
    (data / MARKER).write_text("a demo", encoding="utf-8")
    result = run("setup", "--email", "ada@test.example", "--name", "Ada", "--password", PASSWORD)
    assert result.exit_code == 2
    assert f"{data}: holds the demo, which is thrown away one day" in result.output
    assert everything(data) == {MARKER: b"a demo"}


@pytest.mark.parametrize("is_set_up", [False, True])
def test_serving_the_demo_where_there_is_none_says_how_to_make_it(run: Run, data: Path, is_set_up: bool):
    if is_set_up:
        assert run("setup", "--email", "ada@test.example", "--name", "Ada", "--password", PASSWORD).exit_code == 0
    result = run("serve", "--demo")
    assert result.exit_code == 2
    assert f"{data}: there is no demo here; make one with `tracker demo`" in result.output
