"""Who may import whom (pyproject.toml): the tree keeps the contracts, and a planted breach of each is caught."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("instruments", "tracker", "analysis")
CHECK = "from importlinter.cli import lint_imports_command as check; check(['--no-cache'])"


def check_contracts(tree: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-c", CHECK],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": str(tree), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the code and its contracts, to plant breaches in."""
    for room in ROOMS:
        shutil.copytree(ROOT / room, tmp_path / room, ignore=shutil.ignore_patterns("__pycache__", "static"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


@dataclass(frozen=True)
class Breach:
    """A line that somebody might write one day, where, and the contract that it breaks."""

    line: str
    module: str
    contract: str


BREACHES = {
    "the tracker looks into the analysis": Breach(
        "from analysis import load", "tracker.actions.planted", "Tracker and analysis are strangers"
    ),
    "the analysis looks into the tracker": Breach(
        "from tracker import config", "analysis.estimators.planted", "Tracker and analysis are strangers"
    ),
    "an instrument looks into the tracker": Breach(
        "from tracker import models", "instruments.planted", "Tracker and analysis are strangers"
    ),
    "a page reads a table": Breach("from tracker import models", "tracker.views.planted", "reach tables only through"),
    "a form reads a table": Breach("from tracker import models", "tracker.forms.planted", "reach tables only through"),
    "a table knows a page": Breach("from tracker import views", "tracker.models.planted", "Layers of the tracker"),
    "a read causes a write": Breach("from tracker import actions", "tracker.queries.planted", "Layers of the tracker"),
    "a form writes a file": Breach("from tracker import export", "tracker.forms.planted", "Layers of the tracker"),
    "a rule asks the database": Breach("from tracker import queries", "tracker.permissions", "Layers of the tracker"),
    "a drawer for odds and ends": Breach("", "tracker.utils", "Layers of the tracker"),
    "an estimator writes a report": Breach(
        "from analysis import report", "analysis.estimators.planted", "Layers of the analysis"
    ),
    "the reader knows who counts": Breach("from analysis import cohort", "analysis.load", "Layers of the analysis"),
    "a model needs pandas": Breach("import pandas", "tracker.models.planted", "never loads the numbers"),
    "a page needs pandas, later": Breach(
        "def draw() -> None:\n    import pandas", "tracker.views.planted", "never loads the numbers"
    ),
    "an instrument needs numpy": Breach("import numpy", "instruments.planted", "never loads the numbers"),
    "a report needs Flask": Breach("import flask", "analysis.report", "never loads the web or the database"),
    "a cohort is a query": Breach("import sqlalchemy", "analysis.cohort", "never loads the web or the database"),
}


def plant(tree: Path, breach: Breach) -> None:
    """Add the line to the module, or make the module, or the first module of its package."""
    place = tree.joinpath(*breach.module.split("."))
    file = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
    with file.open("a", encoding="utf-8") as text:
        text.write(f"\n{breach.line}\n")


def test_the_tree_keeps_every_contract():
    checked = check_contracts(ROOT)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "0 broken" in checked.stdout


@pytest.mark.parametrize("breach", BREACHES.values(), ids=BREACHES)
def test_a_breach_is_caught(tree: Path, breach: Breach):
    plant(tree, breach)
    checked = check_contracts(tree)
    broken = [line for line in checked.stdout.splitlines() if " BROKEN" in line]
    assert checked.returncode != 0
    assert any(breach.contract in line for line in broken), checked.stdout + checked.stderr


@pytest.mark.parametrize(
    ("room", "strangers"),
    [
        ("tracker", {"pandas", "numpy", "scipy", "lifelines", "matplotlib", "analysis"}),
        ("analysis", {"flask", "sqlalchemy", "wtforms", "alembic", "tracker"}),
        ("instruments", {"pandas", "numpy", "flask", "sqlalchemy", "tracker", "analysis"}),
    ],
)
def test_importing_a_room_loads_nothing_that_is_strange_to_it(room: str, strangers: set[str]):
    program = f"import sys, {room}; print(*sys.modules)"
    ran = subprocess.run(
        [sys.executable, "-P", "-c", program],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(ran.stdout.split())
    assert room in loaded
    assert not loaded & strangers
