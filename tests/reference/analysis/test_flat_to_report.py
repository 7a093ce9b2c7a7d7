"""From somebody's flat table and a short mapping to a report whose numbers are those of R."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from analysis.__main__ import main


def report(folder: Path) -> tuple[dict[tuple[str, str, str], Any], str]:
    """Convert and compare; the tidy estimates by outcome, term and scale, and the page."""
    assert main(["convert", str(folder / "mapping.toml"), str(folder / "bundle")]) == 0
    assert main(["compare", str(folder / "bundle"), str(folder / "plan.toml"), str(folder / "out")]) == 0
    rows = json.loads((folder / "out" / "estimates.json").read_text(encoding="utf-8"))
    page = (folder / "out" / "report.html").read_text(encoding="utf-8")
    return {(row["outcome"], row["term"], row["scale"]): row for row in rows}, page


@pytest.fixture(scope="module")
def cba(study_folder: Callable[[str], Path]) -> tuple[dict[tuple[str, str, str], Any], str]:
    return report(study_folder("cba"))


@pytest.fixture(scope="module")
def btheb_folder(study_folder: Callable[[str], Path]) -> Path:
    return study_folder("btheb")


@pytest.fixture(scope="module")
def btheb(btheb_folder: Path) -> tuple[dict[tuple[str, str, str], Any], str]:
    return report(btheb_folder)


def test_the_reference_study_gives_the_reference_estimates(cba: tuple[dict[tuple[str, str, str], Any], str]) -> None:
    estimates, page = cba
    eq5d = estimates["eq5d-12m", "arm", "difference"]
    assert (eq5d["estimate"], eq5d["std_error"]) == pytest.approx((0.034825917499878, 0.00865320728615619), abs=1e-8)
    assert eq5d["df"] == pytest.approx(18.7203588655192, abs=1e-6)
    assert (eq5d["n"], eq5d["n_clusters"]) == (818, 24)
    gp = estimates["gp", "arm", "log rate ratio"]
    assert (gp["estimate"], gp["std_error"]) == pytest.approx((-0.138285740428905, 0.0370287622510734), abs=1e-6)
    assert gp["df"] == pytest.approx(18.1805438547203, abs=1e-2)
    assert "EQ-5D value at 12 months was 0.035 higher in “Link worker offered”" in page


def test_a_real_trial_gives_its_adjusted_difference(btheb: tuple[dict[tuple[str, str, str], Any], str]) -> None:
    estimates, page = btheb
    bdi = estimates["bdi-3m", "arm", "difference"]
    assert (round(bdi["estimate"], 2), round(bdi["std_error"], 2), bdi["n"]) == (-3.70, 2.36, 73)
    assert bdi["n_clusters"] is None
    assert "Depression (BDI-II) at 3 months was 3.7 lower in “Beat the Blues”" in page
    assert "People, not sites, were allocated" in page


@pytest.mark.usefixtures("btheb")
def test_losses_of_the_real_trial_are_counted_by_arm(btheb_folder: Path) -> None:
    flow = (btheb_folder / "out" / "tables" / "flow.csv").read_text(encoding="utf-8")
    measured = dict(re.findall(r"Measured: ([^,]+),Beat the Blues,count,(\d+)", flow))
    assert measured == {
        "Before treatment": "52",
        "2 months": "52",
        "3 months": "37",
        "5 months": "29",
        "8 months": "27",
    }


def test_where_only_counts_of_contacts_are_known_the_report_says_so(
    cba: tuple[dict[tuple[str, str, str], Any], str],
) -> None:
    _, page = cba
    assert "The source gives how many contacts each person had, and nothing about when, how or for how long." in page
    assert '<td class="number">643 (96%)</td>' in page
