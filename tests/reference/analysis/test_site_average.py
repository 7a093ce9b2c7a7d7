"""Averages over sites against computations of another kind: explicit matrices, row by row, or a search.

The convention is that of R's `vcovCR(lm(..., weights = ), type = "CR2", inverse_var = FALSE)`, as in `08_ps_weighting`:
weights say who counts, and the working model is people of equal variance (for models of events and counts the variance
that goes with the mean). Here every matrix is n by n and written out. Sites count alike after Kahan BC, Li F, Copas AJ,
Harhay MO. Int J Epidemiol 2023;52:107-118. doi:10.1093/ije/dyac131
"""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy import linalg, optimize

from analysis.estimators.ancova import ancova
from analysis.estimators.did import did
from analysis.estimators.imputed import imputed
from analysis.estimators.linear_probability import linear_probability
from analysis.estimators.logistic import logistic
from analysis.estimators.modified_poisson import modified_poisson
from analysis.estimators.poisson_change import poisson_change
from analysis.estimators.poisson_rate import poisson_rate
from analysis.estimators.resampled import permutation, wild_bootstrap
from analysis.estimators.weighted_difference import WeightedFit, weighted_spread
from analysis.result import Fitted

from .conftest import COVARIATES

Array = NDArray[np.float64]


@pytest.fixture(scope="module")
def scores(people: pd.DataFrame) -> pd.DataFrame:
    return people.rename(columns={"practice": "site", "eq5d_0": "baseline", "eq5d_12": "score"})


def laid_out(rows: pd.DataFrame, measured: str = "score") -> tuple[Array, Array, Array, Array]:
    """Design of arm, baseline and the covariates of the reference study; outcome, site and weights, by hand."""
    names = ["age", "female", "ltc"]
    kept = rows.dropna(subset=[measured, "baseline", "imd", *names])
    levels = pd.get_dummies(kept["imd"].astype(str), drop_first=True).to_numpy(dtype=float)
    first = [np.ones(len(kept)), *(kept[name].to_numpy(dtype=float) for name in ("arm", "baseline", *names[:2]))]
    size = kept.groupby("site")["arm"].transform("size").to_numpy(dtype=float)
    weights = len(kept) / kept["site"].nunique() / size
    site = pd.factorize(kept["site"])[0]
    X = np.column_stack([*first, levels, kept["ltc"].to_numpy(dtype=float)])
    return X, kept[measured].to_numpy(dtype=float), site, weights


def power(matrix: Array, exponent: float) -> Array:
    values, vectors = linalg.eigh(matrix)
    return np.asarray((vectors * np.where(values > 1e-9, np.maximum(values, 1e-9) ** exponent, 0.0)) @ vectors.T)


def explicit(Z: Array, residual: Array, V: Array, weights: Array, site: Array) -> tuple[Array, Any]:
    """CR2 from matrices n by n: covariance (p, p), and degrees of freedom of a direction.

    Z is the design on the scale of the outcome, V its working variance, (n,); W = weights / V. The hat matrix is
    H = Z (Z'WZ)^-1 Z'W, the residuals vary by (I - H) V (I - H)', and a site's are multiplied by
    D (D B D)^(-1/2) D, B its part of that and D the root of its V.
    """
    W = weights / V
    bread = np.linalg.inv(Z.T @ (W[:, None] * Z))
    left = np.eye(len(Z)) - Z @ bread @ (Z.T * W)
    vary = (left * V) @ left.T
    levers = []
    for code in np.unique(site):
        rows = np.flatnonzero(site == code)
        D = np.diag(np.sqrt(V[rows]))
        A = D @ power(D @ vary[np.ix_(rows, rows)] @ D, -0.5) @ D
        lever = np.zeros((len(Z), Z.shape[1]))
        lever[rows] = A @ (W[rows, None] * Z[rows])
        levers.append(lever)
    parts = np.stack([lever.T @ residual for lever in levers])

    def freedom(direction: Array) -> float:
        moved = np.stack([lever @ bread @ direction for lever in levers])
        spread = moved @ vary @ moved.T
        return float(np.trace(spread) ** 2 / (spread**2).sum())

    return bread @ parts.T @ parts @ bread, freedom


def first(p: int) -> Array:
    return np.eye(p)[1]


def numbers(fitted: Fitted) -> tuple[float | None, ...]:
    return fitted.main.estimate, fitted.main.std_error, fitted.main.df


# ---------------------------------------------------------------------------- scores


def test_ancova_is_weighted_least_squares_with_errors_from_explicit_matrices(scores: pd.DataFrame) -> None:
    X, y, site, weights = laid_out(scores)
    beta = np.linalg.lstsq(X * np.sqrt(weights)[:, None], y * np.sqrt(weights), rcond=None)[0]
    covariance, freedom = explicit(X, y - X @ beta, np.ones(len(y)), weights, site)
    expected = (beta[1], covariance[1, 1] ** 0.5, freedom(first(X.shape[1])))
    assert numbers(ancova(scores, covariates=COVARIATES, average="sites")) == pytest.approx(expected, rel=1e-8)


def test_every_term_of_ancova_has_the_errors_that_hold_the_propensity_weights_against_r(scores: pd.DataFrame) -> None:
    """From rows, as `08_ps_weighting`; ours are from sums by site."""
    X, y, site, weights = laid_out(scores)
    bread = np.linalg.inv(X.T @ (weights[:, None] * X))
    beta = bread @ (X.T @ (weights * y))
    found = WeightedFit(X, weights, y - X @ beta, site.astype(float), beta, bread)
    fitted = ancova(scores, covariates=COVARIATES, average="sites")
    spread = weighted_spread(found, "CR2")
    for term, value, direction in zip(fitted.terms, beta, np.eye(len(beta)), strict=True):
        assert (term.estimate, term.std_error, term.df) == pytest.approx((value, *spread.error(direction)), rel=1e-7)


@pytest.mark.parametrize("errors", ["CR0", "CR1", "CR1S"])
def test_so_have_the_errors_of_other_kinds(scores: pd.DataFrame, errors: str) -> None:
    X, y, site, weights = laid_out(scores)
    bread = np.linalg.inv(X.T @ (weights[:, None] * X))
    beta = bread @ (X.T @ (weights * y))
    found = WeightedFit(X, weights, y - X @ beta, site.astype(float), beta, bread)
    fitted = ancova(scores, covariates=COVARIATES, average="sites", errors=errors)
    expected = weighted_spread(found, errors).error(first(len(beta)))
    assert (fitted.main.std_error, fitted.main.df) == pytest.approx(expected, rel=1e-8)


def test_the_difference_in_change_is_that_of_weighted_change_scores(scores: pd.DataFrame) -> None:
    """Person and period effects with two timepoints are a regression of each person's change on the arm."""
    kept = scores.dropna(subset=["score", "baseline"])
    long = pd.concat(
        scores.assign(timepoint=time, score=scores[name], person=scores.index)
        for time, name in enumerate(("baseline", "score"))
    )
    size = kept.groupby("site")["arm"].transform("size").to_numpy(dtype=float)
    X = np.column_stack([np.ones(len(kept)), kept["arm"]])
    change, weights = (kept["score"] - kept["baseline"]).to_numpy(), 1 / size
    beta = np.linalg.inv(X.T @ (weights[:, None] * X)) @ (X.T @ (weights * change))
    covariance, freedom = explicit(X, change - X @ beta, np.ones(len(X)), weights, pd.factorize(kept["site"])[0])
    expected = (beta[1], covariance[1, 1] ** 0.5, freedom(first(2)))
    assert numbers(did(long, covariates=(), at=1, average="sites")) == pytest.approx(expected, rel=1e-8)


def test_permutation_is_of_site_means_of_residuals_from_the_weighted_model_without_the_arm() -> None:
    dice = np.random.default_rng(4)
    site = np.repeat(np.arange(8), (4, 9, 15, 6, 5, 12, 7, 20))
    rows = pd.DataFrame({"site": site, "arm": (site < 4).astype(int), "baseline": dice.normal(size=len(site))})
    rows["score"] = 0.4 * rows["baseline"] + dice.normal(size=len(site)) + 0.5 * dice.normal(size=8)[site]
    weights = 1 / np.bincount(site)[site]
    X = np.column_stack([np.ones(len(rows)), rows["baseline"]]) * np.sqrt(weights)[:, None]
    beta = np.linalg.lstsq(X, rows["score"] * np.sqrt(weights), rcond=None)[0]
    left = rows["score"] - beta[0] - beta[1] * rows["baseline"]
    means = left.groupby(rows["site"]).mean().to_numpy()
    gaps = [means[list(few)].mean() - np.delete(means, few).mean() for few in combinations(range(8), 4)]
    observed = means[:4].mean() - means[4:].mean()
    expected = np.mean([abs(gap) >= abs(observed) - 1e-12 for gap in gaps])
    assert permutation(rows, covariates=(), average="sites").main.p_value == pytest.approx(expected)


def test_the_wild_bootstrap_flips_the_signs_of_weighted_residuals() -> None:
    """Eight sites, all 256 signs, the null imposed, t with CR0 errors: gone through row by row."""
    dice = np.random.default_rng(5)
    site = np.repeat(np.arange(8), (4, 9, 6, 11, 5, 12, 7, 8))
    rows = pd.DataFrame({"site": site, "arm": (site < 4).astype(int), "baseline": dice.normal(size=len(site))})
    rows["score"] = dice.normal(size=len(site)) + 0.5 * dice.normal(size=8)[site] + 0.8 * rows["arm"]
    W = 1 / np.bincount(site)[site]
    X, y = np.column_stack([np.ones(len(rows)), rows["arm"], rows["baseline"]]), rows["score"].to_numpy()
    bread = np.linalg.inv(X.T @ (W[:, None] * X))

    def t_of(outcome: Array) -> float:
        beta = bread @ (X.T @ (W * outcome))
        moved = X * (W * (outcome - X @ beta))[:, None]
        parts = np.stack([moved[site == code].sum(axis=0) for code in range(8)]) @ bread
        return float(beta[1] / np.sqrt((parts[:, 1] ** 2).sum()))

    Z = X[:, [0, 2]]
    fitted = Z @ (np.linalg.inv(Z.T @ (W[:, None] * Z)) @ (Z.T @ (W * y)))
    signs = 1 - 2 * ((np.arange(256)[:, None] >> np.arange(8)) & 1)
    draws = np.array([abs(t_of(fitted + (y - fitted) * sign[site])) for sign in signs])
    expected = np.mean(draws >= abs(t_of(y)) * (1 - 1e-9))
    assert wild_bootstrap(rows, covariates=(), average="sites").main.p_value == pytest.approx(expected)


def test_imputed_answers_are_the_weighted_ones_of_completed_data_pooled(scores: pd.DataFrame) -> None:
    """A column without gaps needs no draw: the imputed answer is weighted least squares on everybody alive."""
    whole = scores.assign(score=scores["score"].fillna(0.5), baseline=scores["baseline"].fillna(0.5))
    X, y, _, weights = laid_out(whole)
    root = np.sqrt(weights)
    beta = np.linalg.lstsq(X * root[:, None], y * root, rcond=None)[0]
    found = imputed(whole, covariates=COVARIATES, average="sites", imputations=2)
    assert found.main.estimate == pytest.approx(beta[1], rel=1e-8)


# ---------------------------------------------------------------------------- events and counts


def averaged_risks(X: Array, beta: Array, weights: Array, inverse: Any) -> tuple[float, float]:
    one, none = X.copy(), X.copy()
    one[:, 1], none[:, 1] = 1, 0
    return tuple(float(np.average(inverse(table @ beta), weights=weights)) for table in (one, none))  # type: ignore[return-value]


def newton(X: Array, y: Array, weights: Array, mean: Any, slope: Any) -> Array:
    """Coefficients of a model with its canonical link, by Newton's method from zero."""
    beta = np.zeros(X.shape[1])
    for _ in range(60):
        mu = mean(X @ beta)
        step = np.linalg.solve((X * (weights * slope(mu))[:, None]).T @ X, X.T @ (weights * (y - mu)))
        beta = beta + step / max(1.0, float(np.abs(X @ step).max()))
    return beta


def expit(eta: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-eta)))


def test_the_logistic_difference_of_risks_and_its_error_are_those_of_explicit_matrices(lonely: pd.DataFrame) -> None:
    X, y, site, weights = laid_out(lonely)
    beta = newton(X, y, weights, expit, lambda mu: mu * (1 - mu))
    treated, untreated = averaged_risks(X, beta, weights, expit)
    mu = expit(X @ beta)
    slope = mu * (1 - mu)
    covariance, freedom = explicit(X * slope[:, None], y - mu, slope, weights, site)
    one, none = X.copy(), X.copy()
    one[:, 1], none[:, 1] = 1, 0
    gradients = [weights / weights.sum() @ ((m * (1 - m))[:, None] * t) for t in (one, none) for m in [expit(t @ beta)]]
    direction = gradients[0] - gradients[1]
    found = logistic(lonely, covariates=COVARIATES, average="sites")
    expected = (treated - untreated, (direction @ covariance @ direction) ** 0.5, freedom(direction))
    assert numbers(found) == pytest.approx(expected, rel=1e-6)
    assert found.answers[1].estimate == pytest.approx(treated / untreated, rel=1e-8)


def test_so_is_the_modified_poisson_ratio(lonely: pd.DataFrame) -> None:
    X, y, site, weights = laid_out(lonely)
    beta = newton(X, y, weights, np.exp, lambda mu: mu)
    mu = np.exp(X @ beta)
    covariance, freedom = explicit(X * mu[:, None], y - mu, mu, weights, site)
    found = modified_poisson(lonely, covariates=COVARIATES, average="sites")
    expected = (np.exp(beta[1]), covariance[1, 1] ** 0.5, freedom(first(X.shape[1])))
    assert numbers(found) == pytest.approx(expected, rel=1e-6)


def test_the_linear_probability_model_is_ancova_of_zero_and_one(lonely: pd.DataFrame) -> None:
    one = linear_probability(lonely, covariates=COVARIATES, average="sites")
    other = ancova(lonely, covariates=COVARIATES, average="sites")
    assert numbers(one) == pytest.approx(numbers(other), rel=1e-8)


def test_the_estimates_make_the_weighted_likelihood_as_large_as_scipy_can(lonely: pd.DataFrame) -> None:
    """By a search that knows the likelihood alone, and nothing of Newton's steps."""
    X, y, _, weights = laid_out(lonely)
    size = np.abs(X).max(axis=0)
    losses = {
        logistic: lambda beta: float(weights @ (np.logaddexp(0, X / size @ beta) - y * (X / size @ beta))),
        modified_poisson: lambda beta: float(weights @ (np.exp(X / size @ beta) - y * (X / size @ beta))),
    }
    for estimator, loss in losses.items():
        best = optimize.minimize(loss, np.zeros(X.shape[1]), method="BFGS", options={"gtol": 1e-7}).x / size
        terms = estimator(lonely, covariates=COVARIATES, average="sites").terms
        assert [term.estimate for term in terms] == pytest.approx(list(best), rel=1e-3, abs=1e-4)


def test_a_rate_ratio_and_its_error_are_those_of_explicit_matrices(attendances: pd.DataFrame) -> None:
    table = attendances.assign(baseline=np.log(attendances["baseline_count"] + 0.5), imd=attendances["imd"])
    X, y, site, weights = laid_out(table, "count")
    exposure = table.dropna(subset=["count", "baseline"])["years"].to_numpy(dtype=float)
    assert len(exposure) == len(y), "nobody lacks a covariate in this study"
    beta = np.zeros(X.shape[1])
    beta[0] = np.log(np.average(y, weights=weights) / np.average(exposure, weights=weights))
    for _ in range(30):
        mu = exposure * np.exp(X @ beta)
        beta = beta + np.linalg.solve((X * (weights * mu)[:, None]).T @ X, X.T @ (weights * (y - mu)))
    mu = exposure * np.exp(X @ beta)
    covariance, freedom = explicit(X * mu[:, None], y - mu, mu, weights, site)
    found = poisson_rate(attendances, covariates=COVARIATES, average="sites")
    expected = (np.exp(beta[1]), covariance[1, 1] ** 0.5, freedom(first(X.shape[1])))
    assert numbers(found) == pytest.approx(expected, rel=1e-6)


def test_a_change_of_rates_is_weighted_poisson_regression_with_an_indicator_for_each_person() -> None:
    """The estimate; everybody counts in the size of a site, also who had no event at all."""
    dice = np.random.default_rng(8)
    site = np.repeat(np.arange(6), (4, 8, 5, 9, 6, 3))
    rows = pd.DataFrame({"site": site, "arm": (site < 3).astype(int)})
    rows = rows.assign(count=dice.poisson(1.2, len(site)), years=dice.uniform(0.5, 1.5, len(site)))
    rows = rows.assign(baseline_count=dice.poisson(1.0, len(site)), baseline_years=1.0)
    assert (rows["count"] + rows["baseline_count"] == 0).any()
    weights = 1 / np.bincount(site)[site]
    some = (rows["count"] + rows["baseline_count"] > 0).to_numpy()
    kept, w = rows[some], weights[some]
    own, none = np.eye(len(kept)), np.zeros(len(kept))
    after = np.column_stack([np.ones(len(kept)), kept["arm"], own])
    before = np.column_stack([none, none, own])
    X = np.vstack([after, before])
    y = np.concatenate([kept["count"], kept["baseline_count"]]).astype(float)
    exposure, twice = np.concatenate([kept["years"], kept["baseline_years"]]), np.concatenate([w, w])
    beta = np.zeros(X.shape[1])
    beta[2:] = np.log((kept["count"] + kept["baseline_count"]) / (kept["years"] + kept["baseline_years"]))
    for _ in range(60):
        mu = exposure * np.exp(X @ beta)
        beta = beta + np.linalg.solve((X * (twice * mu)[:, None]).T @ X, X.T @ (twice * (y - mu)))
    assert poisson_change(rows, average="sites").main.estimate == pytest.approx(np.exp(beta[1]), rel=1e-8)
