"""The wild bootstrap and the permutation of sites, against doing by brute force what they do with sums.

No stored output of another program: the wild bootstrap refits the rows for each pattern of signs, the permutation deals
out the sites in every way, on eight practices of the reference study, with `numpy.linalg.lstsq` and nothing of ours.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations, product

import numpy as np
import pandas as pd
import pytest

from analysis.estimators.ancova import ancova
from analysis.estimators.resampled import permutation, wild_bootstrap
from instruments.plan import Covariate

AGE = (Covariate("age", "number"),)


@pytest.fixture(scope="module")
def rows(people: pd.DataFrame) -> pd.DataFrame:
    first = sorted(people.loc[people["arm"] == 1, "practice"].unique())[:4]
    others = sorted(people.loc[people["arm"] == 0, "practice"].unique())[:4]
    kept = people[people["practice"].isin([*first, *others])]
    named = {"practice": "site", "eq5d_12": "score", "eq5d_0": "baseline"}
    return kept.rename(columns=named)[["arm", "site", "score", "baseline", "age"]].dropna().reset_index(drop=True)


def design(rows: pd.DataFrame, *, arm: bool) -> np.ndarray:
    columns = [np.ones(len(rows)), rows["baseline"], rows["age"]]
    return np.column_stack([*columns, rows["arm"]] if arm else columns).astype(float)


def fit(X: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    beta = np.linalg.lstsq(X, y, rcond=None)[0]
    return beta, y - X @ beta


def t_of_arm(X: np.ndarray, y: np.ndarray, site: np.ndarray) -> float:
    beta, residual = fit(X, y)
    bread = np.linalg.inv(X.T @ X)
    scores = np.array([X[site == each].T @ residual[site == each] for each in np.unique(site)])
    return float(beta[-1] / np.sqrt((bread @ scores.T @ scores @ bread)[-1, -1]))


def test_the_wild_bootstrap_is_that_of_refitting_for_every_pattern_of_signs(rows: pd.DataFrame) -> None:
    site, y = rows["site"].to_numpy(), rows["score"].to_numpy(dtype=float)
    with_arm, without = design(rows, arm=True), design(rows, arm=False)
    beta, residual = fit(without, y)
    observed = t_of_arm(with_arm, y, site)
    places = np.searchsorted(np.unique(site), site)
    drawn = [
        t_of_arm(with_arm, without @ beta + residual * np.array(signs)[places], site)
        for signs in product((-1.0, 1.0), repeat=8)
    ]
    share = np.mean(np.abs(drawn) >= abs(observed) - 1e-9)
    found = wild_bootstrap(rows, covariates=AGE).main
    assert found.p_value == pytest.approx(share, abs=1e-12)
    assert found.method == "ANCOVA, wild cluster bootstrap (all 256 signs)"
    assert found.estimate == ancova(rows, covariates=AGE).main.estimate
    assert found.std_error is None


def test_the_permutation_is_that_of_every_way_to_deal_out_the_sites(rows: pd.DataFrame) -> None:
    _, residual = fit(design(rows, arm=False), rows["score"].to_numpy(dtype=float))
    means = pd.Series(residual).groupby(rows["site"]).mean().to_numpy()
    arm = rows.groupby("site")["arm"].first().to_numpy()
    observed = means[arm == 1].mean() - means[arm == 0].mean()
    dealt = [means[list(chosen)].mean() - np.delete(means, list(chosen)).mean() for chosen in combinations(range(8), 4)]
    found = permutation(rows, covariates=AGE).main
    assert found.p_value == pytest.approx(np.mean(np.abs(dealt) >= abs(observed) - 1e-12), abs=1e-12)
    assert found.method == "ANCOVA, permutation of sites (all 70 ways)"
    assert (found.conf_low, found.conf_high) == (None, None)


@pytest.mark.parametrize("method", [wild_bootstrap, permutation])
def test_a_single_site_in_an_arm_gives_the_difference_and_no_more(
    rows: pd.DataFrame, method: Callable[..., object]
) -> None:
    one = rows[(rows["arm"] == 0) | (rows["site"] == rows.loc[rows["arm"] == 1, "site"].iloc[0])]
    found = method(one, covariates=AGE)
    assert found.main.p_value is None  # type: ignore[attr-defined]
    assert found.warnings  # type: ignore[attr-defined]


def test_fewer_than_four_sites_in_an_arm_have_no_p_value(rows: pd.DataFrame) -> None:
    sites = sorted(rows.loc[rows["arm"] == 1, "site"].unique())[:3]
    few = rows[(rows["arm"] == 0) | rows["site"].isin(sites)]
    assert wild_bootstrap(few, covariates=AGE).main.p_value is None
    assert permutation(few, covariates=AGE).main.p_value is None


def test_the_same_seed_draws_the_same_signs(rows: pd.DataFrame) -> None:
    many = pd.concat([rows.assign(site=rows["site"].astype(str) + f"-{part}") for part in "ab"])
    one, again, other = (wild_bootstrap(many, covariates=AGE, draws=999, seed=seed).main for seed in (1, 1, 2))
    assert one == again
    assert one.p_value != other.p_value or one.conf_low != other.conf_low
    assert "999 of the signs drawn" in one.method
