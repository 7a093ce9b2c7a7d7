"""Difference-in-differences against R on the reference study.

`02_did_eq5d`: fixest 0.12.2 (`feols`, its own small-sample factor: CR1S with the overall mean among the terms) and
clubSandwich 0.5.8 (CR2 through `plm` with person effects and `lm` with site effects), clusters: 24 practices.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from analysis.estimators.did import did, event_study
from analysis.result import Estimate

from .conftest import COVARIATES

Oracle = Callable[[str], list[dict[str, Any]]]
NAMES = {"id": "person", "practice": "site", "month": "timepoint", "eq5d": "score"}


@pytest.fixture(scope="module")
def rows(comparison_folder: Path) -> pd.DataFrame:
    return pd.read_csv(comparison_folder / "data" / "cba_long.csv").rename(columns=NAMES)


@pytest.fixture(scope="module")
def cells(rows: pd.DataFrame) -> pd.DataFrame:
    """The mean score of each site at each timepoint, taken for one person's."""
    means = rows.dropna(subset=["score"]).groupby(["site", "arm", "timepoint"], as_index=False)["score"].mean()
    return means.assign(person=means["site"])


def numbers(found: Estimate) -> tuple[float | None, ...]:
    return found.estimate, found.std_error, found.df, found.conf_low, found.conf_high, found.p_value


def expected(row: dict[str, Any]) -> tuple[float, ...]:
    return tuple(row[name] for name in ("estimate", "se", "df", "lower", "upper", "p"))


@pytest.mark.parametrize(
    ("method", "effects", "errors"),
    [
        ("twfe_id_month_cluster_practice", "person", "CR1S"),
        ("twfe_id_month_CR2", "person", "CR2"),
        ("twfe_practice_month_covs", "site", "CR1S"),
        ("twfe_practice_month_covs_CR2", "site", "CR2"),
    ],
)
def test_the_difference_and_its_errors_are_those_of_r(
    method: str, effects: str, errors: str, rows: pd.DataFrame, oracle: Oracle
) -> None:
    (row,) = [row for row in oracle("02_did_eq5d") if row["method"] == method]
    found = did(rows, covariates=COVARIATES, errors=errors, effects=effects).main
    assert numbers(found) == pytest.approx(expected(row), rel=1e-8, abs=1e-8)


def test_every_timepoint_of_the_event_study_is_that_of_r(rows: pd.DataFrame, oracle: Oracle) -> None:
    stored = [row for row in oracle("02_did_eq5d") if row["method"] == "event_study_cluster_practice"]
    found = event_study(rows, covariates=(), errors="CR1S").answers
    assert [each.term for each in found] == [f"arm:timepoint={month}" for month in (3, 6, 12)]
    assert [row["term"] for row in stored] == [f"month::{month}:arm" for month in (3, 6, 12)]
    for ours, row in zip(found, stored, strict=True):
        assert numbers(ours) == pytest.approx(expected(row), rel=1e-8, abs=1e-8)


def test_on_site_means_it_is_that_of_r(cells: pd.DataFrame, oracle: Oracle) -> None:
    (row,) = [row for row in oracle("02_did_eq5d") if row["method"] == "cell_means_twfe"]
    found = did(cells, covariates=(), errors="CR1S").main
    assert numbers(found) == pytest.approx(expected(row), rel=1e-8, abs=1e-8)
    assert found.n == 24


@pytest.mark.parametrize(("errors", "name"), [("CR0", "twfe_cr0"), ("CR1", "twfe_cr1")])
def test_errors_without_the_factor_of_fixest_are_those_of_r(
    errors: str, name: str, rows: pd.DataFrame, comparison_folder: Path
) -> None:
    extra = json.loads((comparison_folder / "02_did_eq5d.json").read_text(encoding="utf-8"))["extra"]
    found = did(rows, covariates=(), errors=errors)
    assert found.main.std_error == pytest.approx(extra["ssc"][name], rel=1e-8)
    assert sum(found.n_clusters or ()) == extra["G"]
    assert rows["score"].notna().sum() == extra["N"]
