"""Where people were allocated one by one, a yes or no gets errors that rest on no variance the model made up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.estimators.linear_probability import linear_probability
from analysis.estimators.logistic import logistic
from analysis.estimators.modified_poisson import modified_poisson
from analysis.result import Fitted


def trial(people: int = 400, seed: int = 7) -> pd.DataFrame:
    """A trial of people: nobody has a site, risks of 0.3 and 0.45."""
    dice = np.random.default_rng(seed)
    arm = np.arange(people) % 2
    baseline = (dice.random(people) < 0.4).astype(float)
    score = (dice.random(people) < 0.2 + 0.15 * arm + 0.25 * baseline).astype(float)
    return pd.DataFrame({"arm": arm, "site": None, "score": score, "baseline": baseline})


def sandwich(X: np.ndarray, residual: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Huber and White's by hand, with n / (n - p)."""
    bread = np.linalg.inv((X * weight[:, None]).T @ X)
    meat = (X * residual[:, None] ** 2).T @ X
    return len(X) / (len(X) - X.shape[1]) * bread @ meat @ bread


def design(rows: pd.DataFrame) -> np.ndarray:
    return np.column_stack([np.ones(len(rows)), rows["arm"], rows["baseline"]]).astype(float)


def test_errors_of_the_linear_probability_are_huber_and_white_s() -> None:
    rows = trial()
    X, y = design(rows), rows["score"].to_numpy()
    residual = y - X @ np.linalg.lstsq(X, y, rcond=None)[0]
    found = linear_probability(rows, covariates=(), errors="classical")
    expected = np.sqrt(sandwich(X, residual, np.ones(len(X)))[1, 1])
    assert found.main.std_error == pytest.approx(expected, rel=1e-10)
    assert found.main.method == "Linear probability, robust errors between people"
    assert found.n_clusters is None


def test_errors_of_the_modified_poisson_are_huber_and_white_s() -> None:
    rows = trial()
    X, y = design(rows), rows["score"].to_numpy()
    found = modified_poisson(rows, covariates=(), errors="classical")
    beta = np.array([term.estimate for term in found.terms])
    mu = np.exp(X @ beta)
    assert np.abs(X.T @ (y - mu)).max() < 1e-8
    assert found.main.std_error == pytest.approx(np.sqrt(sandwich(X, y - mu, mu)[1, 1]), rel=1e-8)
    assert found.main.method == "Modified Poisson, robust errors between people"


def test_the_ratio_of_two_groups_has_the_error_of_the_two_by_two_table() -> None:
    """Without a baseline that matters, the squared error of the log ratio is 1/a - 1/n + 1/b - 1/m."""
    rows = pd.DataFrame(
        {
            "arm": np.repeat([1, 1, 0, 0], [60, 140, 40, 160]),
            "score": np.repeat([1.0, 0.0, 1.0, 0.0], [60, 140, 40, 160]),
            "site": None,
        }
    )
    rows["baseline"] = np.tile([0.0, 1.0], 200)  # half of every cell: it tells nothing
    found = modified_poisson(rows, covariates=(), errors="classical").main
    squared = 1 / 60 - 1 / 200 + 1 / 40 - 1 / 200
    assert found.estimate == pytest.approx(1.5, rel=1e-9)
    assert found.std_error == pytest.approx(np.sqrt(squared * 400 / 397), rel=1e-6)


@pytest.mark.parametrize("method", [linear_probability, modified_poisson])
def test_such_errors_agree_with_those_of_the_logistic_model_that_is_right(method: Callable[..., Fitted]) -> None:
    rows = trial(4000)
    by_scale: dict[str, Any] = {a.scale: a for a in logistic(rows, covariates=(), errors="classical").answers}
    for answer in method(rows, covariates=(), errors="classical").answers:
        assert answer.std_error == pytest.approx(by_scale[answer.scale].std_error, rel=0.05)
        assert answer.estimate == pytest.approx(by_scale[answer.scale].estimate, abs=0.03)


@pytest.mark.parametrize("method", [linear_probability, modified_poisson])
def test_an_arm_of_one_site_has_an_estimate_and_no_error(method: Callable[..., Fitted]) -> None:
    rows = trial(200)
    rows["site"] = np.where(rows["arm"] == 1, "only", (np.arange(200) % 8).astype(str))
    found = method(rows, covariates=(), errors="CR2")
    assert found.main.std_error is None
    assert found.main.p_value is None
    assert "One arm has only 1 site" in found.warnings[0]


@pytest.mark.parametrize("method", [linear_probability, modified_poisson])
def test_the_order_of_people_does_not_matter(method: Callable[..., Fitted]) -> None:
    rows = trial()
    one, other = (
        method(each, covariates=(), errors="classical").main for each in (rows, rows.sample(frac=1, random_state=3))
    )
    assert (one.estimate, one.std_error) == pytest.approx((other.estimate, other.std_error), rel=1e-9)
