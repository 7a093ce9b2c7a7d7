"""The wheel carries everything the kit needs, and works where there is nothing else."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOCKS = ROOT / "deploy" / "requirements"
TRAVELS_AS = {
    "instruments": "instruments",
    "tracker": "tracker",
    "analysis": "analysis",
    "migrations": "tracker/migrations",
}
BUILT_FROM = ("pyproject.toml", "setup.py", "README.md", "LICENSE")


def outside_the_checkout() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "TRACKER"))}


def run(*command: str | Path, cwd: Path) -> str:
    ran = subprocess.run([*command], cwd=cwd, env=outside_the_checkout(), capture_output=True, text=True, check=False)
    assert ran.returncode == 0, f"{command}\n{ran.stdout}\n{ran.stderr}"
    return ran.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built from a copy, so that the checkout stays clean."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for folder in (*TRAVELS_AS, "deploy/requirements"):
        shutil.copytree(ROOT / folder, source / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for file in BUILT_FROM:
        shutil.copy(ROOT / file, source)
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", out, source, cwd=out)
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The commands of an empty environment with the wheel and what it needs to run, and nothing more."""
    folder = tmp_path_factory.mktemp("empty") / "venv"
    run(sys.executable, "-m", "venv", folder, cwd=folder.parent)
    install(folder / "bin", "--require-hashes", "-r", LOCKS / "run.lock")
    install(folder / "bin", wheel)
    return folder / "bin"


@pytest.fixture(scope="module")
def analyst_s_environment(environment: Path) -> Path:
    """The same with the extra called `analysis`. Comes last: the environment is no longer bare."""
    install(environment, "--require-hashes", "-r", LOCKS / "analysis.lock")
    return environment


def install(commands: Path, *what: str | Path) -> None:
    run(commands / "python", "-m", "pip", "install", "-q", "--no-deps", "--no-compile", *what, cwd=commands)


def carried(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


def test_the_wheel_carries_every_file_of_every_room_and_nothing_else(wheel: Path):
    expected = {
        f"{target}/{path.relative_to(ROOT / room).as_posix()}"
        for room, target in TRAVELS_AS.items()
        for path in (ROOT / room).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {"instruments/library/phq9-1.toml", "tracker/migrations/env.py"} <= expected
    assert carried(wheel) == expected, "say in pyproject.toml, under package-data, what else travels"


def test_the_wheel_says_what_it_needs_and_what_can_be_added(wheel: Path):
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        metadata = Parser().parsestr(archive.read(name).decode())
    needs = metadata.get_all("Requires-Dist", [])
    assert metadata["Name"] == "link-worker-kit"
    assert metadata["License-Expression"] == "Apache-2.0"
    assert set(metadata.get_all("Provides-Extra", [])) == {"analysis", "postgres"}
    assert any(need.startswith("flask") and "extra" not in need for need in needs)
    assert any(need.startswith("pandas") and 'extra == "analysis"' in need for need in needs)
    assert any(need.startswith("psycopg") and 'extra == "postgres"' in need for need in needs)


def test_the_tracker_runs_from_the_wheel_alone(environment: Path, tmp_path: Path):
    assert "serve" in run(environment / "tracker", "--help", cwd=tmp_path)


def test_the_tracker_needs_no_pandas(environment: Path, tmp_path: Path):
    find = "from importlib.util import find_spec as find; print(find('pandas'), find('flask') is not None)"
    assert run(environment / "python", "-c", find, cwd=tmp_path).split() == ["None", "True"]


def test_the_instruments_are_inside(environment: Path, tmp_path: Path):
    program = "import instruments; print(*(one.id for one in instruments.library()), instruments.__file__)"
    *ids, where = run(environment / "python", "-c", program, cwd=tmp_path).split()
    shipped = {file.stem.rpartition("-")[0] for file in (ROOT / "instruments" / "library").glob("*.toml")}
    assert set(ids) == shipped
    assert Path(where).is_relative_to(environment.parent)


def test_the_migrations_are_inside(environment: Path, tmp_path: Path):
    program = """if True:
        import sqlite3
        from tracker.extensions import upgrade
        upgrade("sqlite:///new.db")
        print(*(name for name, in sqlite3.connect("new.db").execute("SELECT name FROM sqlite_master")))
    """
    assert {"person", "contact", "audit_event"} <= set(run(environment / "python", "-c", program, cwd=tmp_path).split())


def test_the_analysis_runs_from_the_wheel_and_its_extra(analyst_s_environment: Path, tmp_path: Path):
    assert "compare" in run(analyst_s_environment / "analysis", "--help", cwd=tmp_path)


def test_the_version_is_that_of_the_project(wheel: Path):
    with (ROOT / "pyproject.toml").open("rb") as file:
        version = tomllib.load(file)["project"]["version"]
    assert wheel.name == f"link_worker_kit-{version}-py3-none-any.whl"
