"""Interrupted time series against R on the monthly counts of the reference study.

`05c_its_cits`: attendances ~ post + t + post t + arm (post, t, post t) + harmonics, offset log(population). fixest
0.12.2 (site effects, its own correction, normal), clubSandwich 0.5.8 (no site effects; least squares of log rates);
for one series sandwich 3.0.2 and nlme 3.1-162.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from analysis.estimators.interrupted_series import changes, interrupted_series, season
from analysis.estimators.single_series import autocorrelation, single_series
from analysis.result import Estimate

from .conftest import by_normal, by_t, numbers

ORACLE = "05c_its_cits"
FIXEST = {"post": "post", "t": "month", "tp": "month:post", "c1": "cos 1", "s1": "sin 1", "post:arm": "arm:post",
          "t:arm": "arm:month", "tp:arm": "arm:month:post"}  # fmt: skip
CLUB = {"arm:post": "arm:post", "arm:tp": "arm:month:post", "arm:t": "arm:month"}
LEAST_SQUARES = {"post:arm": "arm:post", "tp:arm": "arm:month:post", "t:arm": "arm:month"}
Row = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def months(comparison_folder: Path) -> pd.DataFrame:
    data = pd.read_csv(comparison_folder / "data" / "cba_monthly.csv")
    data = data.rename(columns={"practice": "site", "attendances": "count"})
    return data.assign(years=data["population"] / 12)


@pytest.fixture(scope="module")
def one_series(comparison_folder: Path) -> pd.DataFrame:
    data = pd.read_csv(comparison_folder / "data" / "its_series.csv")
    return data.rename(columns={"attendances": "count", "population": "years"})


def named(terms: tuple[Estimate, ...]) -> dict[str, Estimate]:
    return {term.term: term for term in terms}


def test_with_site_effects_every_term_is_that_of_fixest(months: pd.DataFrame, oracle_row: Row) -> None:
    """fixest multiplies by G / (G - 1) and (n - 1) / (n - K), K the eight coefficients and one."""
    correction = math.sqrt(24 / 23 * (len(months) - 1) / (len(months) - 9))
    terms = named(interrupted_series(months, horizon=11, errors="CR0").terms)
    assert not [name for name in terms if name.startswith("site=")]
    for theirs, ours in FIXEST.items():
        found = terms[ours]
        assert found.std_error is not None
        expected = numbers(oracle_row(ORACLE, "cits_fepois_cluster", theirs))
        reported = by_normal(found.estimate, found.std_error * correction)
        assert reported[:4] == pytest.approx(expected[:4], rel=1e-6, abs=1e-9), theirs
        assert reported[4] == pytest.approx(expected[4], rel=1e-5), theirs


def test_without_site_effects_terms_and_degrees_of_freedom_are_those_of_clubsandwich(
    months: pd.DataFrame, oracle_row: Row
) -> None:
    terms = named(interrupted_series(months, horizon=11, site_effects=False).terms)
    for theirs, ours in CLUB.items():
        expected = numbers(oracle_row(ORACLE, "cits_quasipoisson_noFE_CR2", theirs))
        assert by_t(terms[ours]) == pytest.approx(expected, rel=1e-6), theirs


def test_least_squares_of_log_rates_with_site_effects_is_that_of_clubsandwich(
    months: pd.DataFrame, oracle_row: Row
) -> None:
    terms = named(interrupted_series(months, horizon=11, model="log rates").terms)
    for theirs, ours in LEAST_SQUARES.items():
        expected = numbers(oracle_row(ORACLE, "cits_lograte_ols_FE_CR2", theirs))
        assert by_t(terms[ours]) == pytest.approx(expected, rel=1e-8), theirs


def test_with_site_effects_the_degrees_of_freedom_are_about_twenty(months: pd.DataFrame) -> None:
    """clubSandwich says 1.8 here, from a tolerance that ignores the size of counts; the reference warns of it."""
    with_effects = named(interrupted_series(months, horizon=11).terms)
    without = named(interrupted_series(months, horizon=11, site_effects=False).terms)
    for ours in CLUB.values():
        assert with_effects[ours].df == pytest.approx(without[ours].df, rel=0.01)
        assert with_effects[ours].std_error == pytest.approx(without[ours].std_error, rel=0.01)


@pytest.mark.parametrize("horizon", [0, 6, 11])
def test_the_effect_at_a_horizon_is_level_and_slope_together(horizon: float, months: pd.DataFrame) -> None:
    fitted = interrupted_series(months, horizon=horizon)
    terms = named(fitted.terms)
    expected = math.exp(terms["arm:post"].estimate + horizon * terms["arm:month:post"].estimate)
    assert fitted.main.estimate == pytest.approx(expected, rel=1e-12)
    assert fitted.answers[1].estimate < 0
    if horizon == 0:
        assert fitted.main.std_error == pytest.approx(terms["arm:post"].std_error, rel=1e-9)


@pytest.mark.parametrize(("errors", "method", "rel"), [("NeweyWest", "its_ols_NeweyWest_lag3_adjust", 1e-8),
                                                       ("AR1", "its_gls_AR1_REML", 1e-6)])  # fmt: skip
def test_one_series_is_that_of_r(
    errors: str, method: str, rel: float, one_series: pd.DataFrame, oracle_row: Row
) -> None:
    terms = named(single_series(one_series, horizon=11, errors=errors).terms)
    for theirs, ours in {"post": "post", "tp": "month:post"}.items():
        assert by_t(terms[ours]) == pytest.approx(numbers(oracle_row(ORACLE, method, theirs)), rel=rel), theirs


def test_the_autocorrelation_of_one_series_is_that_of_r(
    one_series: pd.DataFrame, oracle_extra: Callable[[str], dict[str, Any]]
) -> None:
    month = one_series["month"].to_numpy(dtype=float)
    columns = {**dict(changes(month)), **dict(season(month, 1))}
    X = pd.DataFrame({"one": 1.0, **columns}).to_numpy()
    found = autocorrelation(X, one_series["lr"].to_numpy())
    assert found == pytest.approx(oracle_extra(ORACLE)["ar1"], abs=2e-5)
