"""Conditional Poisson regression against Poisson regression with an indicator for each person.

The two have the same maximum (Hausman, Hall and Griliches 1984). The second is fitted here by a general optimiser on
300 people of the reference study, who are 300 coefficients.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy import optimize

from analysis.estimators.poisson_change import poisson_change
from instruments.plan import Covariate

EVERY = 4


@pytest.fixture(scope="module")
def some(attendances: pd.DataFrame) -> pd.DataFrame:
    return attendances.iloc[::EVERY].copy()


def with_an_indicator_for_each_person(rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Change common to all and the arm's, and their covariance in clusters without any correction."""
    y = rows[["baseline_count", "count"]].to_numpy(dtype=float)
    years = rows[["baseline_years", "years"]].to_numpy(dtype=float)
    arm = rows["arm"].to_numpy(dtype=float)

    def means(at: np.ndarray) -> np.ndarray:
        change = np.column_stack([np.zeros(len(rows)), at[0] + at[1] * arm])
        return np.exp(np.log(years) + change + at[2:, None])

    def minus_log_likelihood(at: np.ndarray) -> tuple[float, np.ndarray]:
        mu = means(at)
        rest = mu - y
        slope = np.r_[rest[:, 1].sum(), (rest[:, 1] * arm).sum(), rest.sum(axis=1)]
        return float((mu - y * np.log(mu)).sum()), slope

    start = np.r_[0.0, 0.0, np.log(y.sum(axis=1) / years.sum(axis=1))]
    found = optimize.minimize(
        minus_log_likelihood, start, jac=True, method="L-BFGS-B", options={"maxiter": 5000, "ftol": 1e-15, "gtol": 1e-9}
    ).x
    mu = means(found)
    Z = np.column_stack([np.ones(len(rows)), arm])
    share = mu[:, 1] / mu.sum(axis=1)
    bread = np.linalg.inv((Z * (mu[:, 0] * share)[:, None]).T @ Z)
    scores = pd.DataFrame(Z * (y[:, 1] - mu[:, 1])[:, None]).groupby(rows["site"].to_numpy()).sum().to_numpy()
    return found[:2], bread @ scores.T @ scores @ bread


def test_the_change_of_each_arm_is_that_of_a_model_with_everybody_s_own_level(some: pd.DataFrame) -> None:
    analysed = some[some["count"] + some["baseline_count"] > 0]
    expected, covariance = with_an_indicator_for_each_person(analysed)
    terms = poisson_change(some, errors="CR0").terms
    assert [term.estimate for term in terms] == pytest.approx(expected, abs=1e-5)
    assert [term.std_error for term in terms] == pytest.approx(np.sqrt(np.diag(covariance)), rel=1e-4)


def test_the_ratio_of_ratios_is_that_of_the_counts(attendances: pd.DataFrame) -> None:
    """Where everybody is observed for the same time, it is the arms' sums of events after over before."""
    rows = attendances.assign(years=1.0)
    sums = rows.groupby("arm")[["count", "baseline_count"]].sum()
    expected = (sums["count"][1] / sums["baseline_count"][1]) / (sums["count"][0] / sums["baseline_count"][0])
    ratio, difference = poisson_change(rows).answers
    assert ratio.estimate == pytest.approx(expected, rel=1e-9)
    seen = rows.loc[rows["arm"] == 1, "count"].mean()
    assert difference.estimate == pytest.approx(seen - seen / expected, rel=1e-9)


def test_on_the_reference_study_it_stands_beside_the_adjusted_rate_ratio(attendances: pd.DataFrame) -> None:
    ratio = poisson_change(attendances).main
    assert ratio.n == int((attendances["count"] + attendances["baseline_count"] > 0).sum())
    assert (ratio.estimate, ratio.std_error) == pytest.approx((0.8688, 0.0396), abs=5e-5)
    assert abs(math.log(ratio.estimate) + 0.138) < 0.01


@pytest.mark.parametrize("average", ["people", "sites"])
def test_who_lacks_a_covariate_is_in_neither_the_ratio_nor_the_rate_that_was_seen(
    average: str, attendances: pd.DataFrame
) -> None:
    """In the arm of the intervention the busiest tenth lacks an age: with them the rate seen would be higher."""
    busy = (attendances["arm"] == 1) & (attendances["count"] >= attendances["count"].quantile(0.9))
    rows = attendances.assign(age=attendances["age"].where(~busy))
    known = rows[~busy]
    age = (Covariate("age", "number"),)
    with_them, without = (poisson_change(each, covariates=age, average=average).answers for each in (rows, known))
    for one, other in zip(with_them, without, strict=True):
        assert (one.estimate, one.std_error, one.n) == pytest.approx((other.estimate, other.std_error, other.n))
