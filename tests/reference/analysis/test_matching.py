"""Matched pairs against R's counts and against dense computations of our own.

`08_ps_weighting` gives how many people MatchIt 4.5.1 matched (`method = "nearest"`, `m.order = "largest"`, without
replacement), and no estimate. Its 530 pairs, which are the whole comparison arm, are those that the rule makes without
a caliper: within the caliper that the script asks for, a fifth of the score's standard deviation, there are only 482
(computed here from R's own scores). So the caliper is held to that count and to a search over all distances, and the
estimates to least squares with CR2 from whole matrices.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.estimators.matching import match, matched_did, matching, nearest_pairs
from instruments.plan import Covariate

from .conftest import BALANCED, NUMBERS

ORACLE = "08_ps_weighting"
CALIPERS = pytest.mark.parametrize("caliper", [None, 0.2, 0.05])


@pytest.fixture(scope="module")
def rows(with_propensity_facts: pd.DataFrame) -> pd.DataFrame:
    return with_propensity_facts


@pytest.fixture(scope="module")
def stored(comparison_folder: Path) -> pd.Series:
    """R's propensity scores."""
    return pd.read_csv(comparison_folder / "data" / "ps_weights.csv")["ps"]


def by_search(score: np.ndarray, arm: np.ndarray, limit: float) -> list[tuple[int, int]]:
    """The same rule on the matrix of all distances."""
    distance = np.abs(np.subtract.outer(score, score))
    distance[:, arm == 1] = math.inf
    pairs = []
    for row in np.argsort(-score, kind="stable"):
        partner = int(distance[row].argmin())
        if arm[row] == 1 and distance[row, partner] <= limit:
            pairs.append((int(row), partner))
            distance[:, partner] = math.inf
    return pairs


def cr2(X: np.ndarray, y: np.ndarray, site: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients and Bell and McCaffrey's errors from whole matrices."""
    bread = np.linalg.inv(X.T @ X)
    beta = bread @ X.T @ y
    maker, residual, meat = np.eye(len(y)) - X @ bread @ X.T, y - X @ beta, np.zeros_like(bread)
    for code in np.unique(site):
        own = site == code
        values, vectors = np.linalg.eigh(maker[np.ix_(own, own)])
        power = np.where(values > 1e-10, np.maximum(values, 1e-10) ** -0.5, 0.0)
        score = X[own].T @ (vectors * power) @ vectors.T @ residual[own]
        meat += np.outer(score, score)
    return beta, np.sqrt(np.diag(bread @ meat @ bread))


def whole(rows: pd.DataFrame, names: tuple[str, ...]) -> np.ndarray:
    """Intercept, columns and deprivation in fifths."""
    fifths = pd.get_dummies(rows["imd"], drop_first=True)
    return np.column_stack([np.ones(len(rows)), rows[[*names]], fifths]).astype(float)


def log_odds(X: np.ndarray, arm: np.ndarray) -> np.ndarray:
    """Logistic regression by Newton's method."""
    beta = np.zeros(X.shape[1])
    for _ in range(30):
        share = 1 / (1 + np.exp(-X @ beta))
        beta += np.linalg.solve((X * (share * (1 - share))[:, None]).T @ X, X.T @ (arm - share))
    return X @ beta


def test_without_a_caliper_as_many_are_matched_as_r_matched(
    rows: pd.DataFrame, oracle_extra: Callable[[str], dict[str, Any]]
) -> None:
    found, expected = match(rows, BALANCED, caliper=None), oracle_extra(ORACLE)
    matched = found.laid.rows["arm"][found.weights > 0]
    numbers = {"treated": int((matched == 1).sum()), "control": int((matched == 0).sum())}
    assert numbers == {arm: expected[f"matchit_n_{arm}"] for arm in numbers}


def test_within_a_fifth_of_a_standard_deviation_of_r_s_own_scores_there_are_fewer(
    people: pd.DataFrame, stored: pd.Series
) -> None:
    score, arm = stored.to_numpy(), people["arm"].to_numpy()
    by_r = by_search(score, arm, 0.2 * score.std(ddof=1))
    logit = np.log(score / (1 - score))
    pooled = math.sqrt((logit[arm == 1].var(ddof=1) + logit[arm == 0].var(ddof=1)) / 2)
    assert len(by_r) == 482
    assert len(nearest_pairs(logit, arm)) == len(by_search(logit, arm, 0.2 * pooled)) == 484


@CALIPERS
def test_the_pairs_are_those_of_a_search_over_all_distances(
    caliper: float | None, people: pd.DataFrame, stored: pd.Series
) -> None:
    logit, arm = np.log(stored / (1 - stored)).to_numpy(), people["arm"].to_numpy()
    pooled = math.sqrt((logit[arm == 1].var(ddof=1) + logit[arm == 0].var(ddof=1)) / 2)
    limit = 1e9 if caliper is None else caliper * pooled
    assert [tuple(pair) for pair in nearest_pairs(logit, arm, caliper)] == by_search(logit, arm, limit)


@CALIPERS
def test_the_difference_among_pairs_is_that_of_least_squares_and_whole_matrices(
    caliper: float | None, rows: pd.DataFrame, stored: pd.Series
) -> None:
    logit, arm = np.log(stored / (1 - stored)).to_numpy(), rows["arm"].to_numpy()
    pooled = math.sqrt((logit[arm == 1].var(ddof=1) + logit[arm == 0].var(ddof=1)) / 2)
    pairs = by_search(logit, arm, 1e9 if caliper is None else caliper * pooled)
    kept = rows.iloc[sorted(row for pair in pairs for row in pair)].dropna(subset=["score"])
    X = whole(kept, ("arm", "baseline", *NUMBERS))
    beta, errors = cr2(X, kept["score"].to_numpy(), kept["site"].to_numpy())
    found = matching(rows, covariates=BALANCED, caliper=caliper)
    assert (sum(found.n), found.main.n_clusters) == (len(kept), 24)
    assert (found.main.estimate, found.main.std_error) == pytest.approx((beta[1], errors[1]), abs=1e-8)


def test_the_change_among_pairs_is_that_of_least_squares_on_changes(comparison_folder: Path) -> None:
    long = pd.read_csv(comparison_folder / "data" / "cba_long.csv")
    long = long.rename(columns={"id": "person", "practice": "site", "month": "timepoint", "eq5d": "score"})
    facts = (Covariate("age", "number"), Covariate("ltc", "number"), Covariate("imd", "category"))
    before = long[(long["timepoint"] == 0) & long["score"].notna()].set_index("person").sort_index()
    arm = before["arm"].to_numpy()
    logit = log_odds(whole(before, ("age", "ltc")), arm).round(10)
    pooled = math.sqrt((logit[arm == 1].var(ddof=1) + logit[arm == 0].var(ddof=1)) / 2)
    ids = before.index[sorted(row for pair in by_search(logit, arm, 0.2 * pooled) for row in pair)]
    after = long[long["timepoint"] == 12].set_index("person")["score"]
    kept = before.loc[ids].assign(change=after.reindex(ids) - before.loc[ids, "score"]).dropna(subset=["change"])
    X = np.column_stack([np.ones(len(kept)), kept["arm"]])
    beta, errors = cr2(X, kept["change"].to_numpy(), kept["site"].to_numpy())
    found = matched_did(long, covariates=facts, at=12)
    assert sum(found.n) == len(kept)
    assert (found.main.estimate, found.main.std_error) == pytest.approx((beta[1], errors[1]), abs=1e-8)
