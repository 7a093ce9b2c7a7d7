"""The reference study of 24 practices, brought in through the tracker, gives R's numbers at the other end.

Expected values: ../shared/reference/comparison/01_ancova_eq5d12.json and 05_counts_ancova.json (R, clubSandwich).
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner

from analysis.__main__ import main as analysis
from tracker import cli

PASSWORD = "a-long-enough-password"
CASE = Path(__file__).parents[1] / "reference" / "cba"


@pytest.fixture(scope="module")
def tracker(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """The `tracker` command on an installation of its own; every call has to end well."""
    patch = pytest.MonkeyPatch()
    patch.setenv("TRACKER_DATA", str(tmp_path_factory.mktemp("installation") / "data"))

    def run(*words: str) -> str:
        result = CliRunner().invoke(cli.commands, list(words))
        assert result.exit_code == 0, result.output
        return result.output

    yield run
    patch.undo()


@pytest.fixture(scope="module")
def report(tracker: Callable[..., str], reference: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Import, export, compare: three commands, as an analyst would type them."""
    folder = tmp_path_factory.mktemp("study")
    data = reference / "comparison" / "data"
    for source in (CASE / "mapping.toml", CASE / "plan.toml", data / "cba_person.csv", data / "cba_practice.csv"):
        shutil.copy(source, folder)
    account = ("--password", PASSWORD, "--name", "Ada")
    tracker("setup", "--email", "ada@test.example", *account)
    tracker("import", str(folder / "mapping.toml"), "--as", "ada@test.example")
    tracker(
        "user", "add", "eve@test.example", *account, "--role", "evaluator", "--study", "cba", "--as", "ada@test.example"
    )
    tracker("export", "cba", str(folder / "bundle"), "--as", "eve@test.example")
    assert analysis(["compare", str(folder / "bundle"), str(folder / "plan.toml"), str(folder / "report")]) == 0
    return folder / "report"


def expected(reference: Path, name: str, method: str) -> dict[str, Any]:
    results = json.loads((reference / "comparison" / f"{name}.json").read_text(encoding="utf-8"))["results"]
    return next(row for row in results if row["method"] == method and row["term"] == "arm")


@pytest.mark.parametrize(
    ("outcome", "name", "method", "scale"),
    [
        ("eq5d-12m", "01_ancova_eq5d12", "ols_CR2_satt", "difference"),
        ("gp", "05_counts_ancova", "poisson_ancova_CR2", "log rate ratio"),
    ],
)
def test_the_report_gives_the_numbers_that_r_gives(
    report: Path, reference: Path, outcome: str, name: str, method: str, scale: str
):
    rows = pd.read_csv(report / "estimates.csv").query("outcome == @outcome and term == 'arm' and scale == @scale")
    (got,) = rows.to_dict("records")
    wanted = expected(reference, name, method)
    assert got["estimate"] == pytest.approx(wanted["estimate"], abs=1e-6)
    assert got["std_error"] == pytest.approx(wanted["se"], abs=1e-6)
    assert got["df"] == pytest.approx(wanted["df"], abs=1e-2)
    assert got["p_value"] == pytest.approx(wanted["p"], abs=1e-6)


def test_everybody_arrived(report: Path):
    people = pd.read_csv(report / "tables" / "design.csv")
    assert people.astype(str).apply(" ".join, axis=1).str.contains("670").any()


def test_the_trail_of_the_whole_import_is_whole(report: Path, tracker: Callable[..., str]):
    assert "The trail is whole: 1" in tracker("audit", "verify")
