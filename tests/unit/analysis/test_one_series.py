"""A single series by another road: every pair of months written out, and a likelihood searched on a grid."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.estimators.interrupted_series import changes, season
from analysis.estimators.single_series import autocorrelation, single_series

seeds = st.integers(0, 10_000)


def series(seed: int, correlation: float = 0.0, months: int = 48) -> pd.DataFrame:
    """Monthly counts around a falling rate whose errors take after those of the month before."""
    dice = np.random.default_rng(seed)
    month = np.arange(-months // 2, months // 2)
    error = np.zeros(months)
    for k in range(months):
        error[k] = (correlation * error[k - 1] if k else 0.0) + 0.05 * dice.normal()
    rate = np.exp(1.0 - 0.002 * month - 0.1 * (month >= 0) + 0.05 * np.cos(2 * np.pi * month / 12) + error)
    return pd.DataFrame({"month": month, "count": 1000 * rate, "years": 1000.0})


def design_of(rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    month = rows["month"].to_numpy(dtype=float)
    columns = {"one": np.ones(len(month)), **dict(changes(month)), **dict(season(month, 1))}
    return np.column_stack(list(columns.values())), np.log(rows["count"] / rows["years"]).to_numpy()


@pytest.mark.parametrize("lag", [0, 1, 3, 6])
@given(seed=seeds)
@settings(max_examples=8, deadline=None)
def test_newey_and_west_weigh_every_pair_of_months_by_how_near_they_are(lag: int, seed: int) -> None:
    rows = series(seed)
    X, y = design_of(rows)
    bread = np.linalg.inv(X.T @ X)
    rest = y - X @ bread @ X.T @ y
    n, p = X.shape
    apart = np.abs(np.subtract.outer(np.arange(n), np.arange(n)))
    weight = np.maximum(0, 1 - apart / (lag + 1))
    covariance = n / (n - p) * bread @ X.T @ (weight * np.outer(rest, rest)) @ X @ bread
    terms = single_series(rows, horizon=6, lag=lag).terms
    assert [term.std_error for term in terms] == pytest.approx(np.sqrt(np.diag(covariance)), rel=1e-8)
    assert {term.df for term in terms} == {n - p}


def restricted_deviance(X: np.ndarray, y: np.ndarray, correlation: float) -> float:
    """Minus twice the restricted log likelihood, from the covariance of contrasts that are free of the design."""
    n, p = X.shape
    free = np.linalg.svd(X)[0][:, p:]
    V = free.T @ (correlation ** np.abs(np.subtract.outer(np.arange(n), np.arange(n)))) @ free
    z = free.T @ y
    variance = z @ np.linalg.solve(V, z) / (n - p)
    return float((n - p) * np.log(variance) + np.linalg.slogdet(V)[1])


@given(seed=seeds, correlation=st.sampled_from([-0.4, 0.0, 0.5]))
@settings(max_examples=10, deadline=None)
def test_the_autocorrelation_is_the_best_of_a_grid(seed: int, correlation: float) -> None:
    X, y = design_of(series(seed, correlation))
    found = autocorrelation(X, y)
    best = restricted_deviance(X, y, found)
    assert all(best <= restricted_deviance(X, y, other) + 1e-7 for other in np.linspace(-0.95, 0.95, 39))


def test_over_many_series_it_finds_most_of_what_was_put_in() -> None:
    found = [autocorrelation(*design_of(series(seed, 0.6, 120))) for seed in range(40)]
    assert np.mean(found) == pytest.approx(0.57, abs=0.06)


def test_errors_that_take_after_each_other_widen_the_interval() -> None:
    wider = 0
    for seed in range(12):
        rows = series(seed, 0.7, 96)
        apart, alike = (single_series(rows, horizon=6, errors=errors, lag=0).main for errors in ("NeweyWest", "AR1"))
        assert apart.std_error is not None
        assert alike.std_error is not None
        wider += alike.std_error > apart.std_error
    assert wider == 12
