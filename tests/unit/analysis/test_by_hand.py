"""The same numbers by another road: dense matrices over all rows, written out as in the papers.

Slow and simple on purpose. The estimators work from sums per site and from site-sized pieces; here every formula of
Pustejovsky and Tipton (2018) stands as an n by n matrix.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, special

from analysis.estimators import poisson_rate
from analysis.moments import Array, cluster_robust, from_rows, least_squares
from instruments.plan import Covariate

TERMS = ("(Intercept)", "arm", "x", "z")
seeds = st.integers(0, 10_000)


def power(matrix: Array, exponent: float) -> Array:
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
    kept = values > 1e-10
    return np.asarray((vectors[:, kept] * values[kept] ** exponent) @ vectors[:, kept].T)


def dense(X: Array, e: Array, site: Array, W: Array, V: Array, exponent: float) -> tuple[Array, Array]:
    """Standard errors and degrees of freedom from n by n matrices.

    Weights W, working variance V (both diagonal), residuals e; the adjustment of a site is
    D' (D (I - H) V (I - H)' D')^exponent D with D D' = V over the site's rows.
    """
    n, p = X.shape
    M = np.linalg.inv(X.T @ W @ X)
    residual_maker = np.eye(n) - X @ M @ X.T @ W
    spread = residual_maker @ V @ residual_maker.T
    rows, meat = [], np.zeros((p, p))
    for code in np.unique(site):
        own = site == code
        D = np.sqrt(V[np.ix_(own, own)])
        A = D @ power(D @ spread[np.ix_(own, own)] @ D, exponent) @ D
        adjusted = X[own].T @ W[np.ix_(own, own)] @ A
        score = adjusted @ e[own]
        meat += np.outer(score, score)
        rows.append(adjusted @ residual_maker[own])
    covariance = M @ meat @ M
    df = []
    for j in range(p):
        T = np.stack([(M @ row)[j] for row in rows])
        P = T @ V @ T.T
        df.append(np.trace(P) ** 2 / (P * P).sum())
    return np.sqrt(np.diag(covariance)), np.array(df)


def study(seed: int, sites: int = 7) -> tuple[Array, Array, Array]:
    """A small made-up study with two covariates, one of them of sites."""
    dice = np.random.default_rng(seed)
    site = np.repeat(np.arange(sites), dice.integers(2, 7, sites))
    arm = (site % 2).astype(float)
    x, z = dice.normal(size=len(site)), dice.normal(size=sites)[site] + 0.3 * dice.normal(size=len(site))
    X = np.column_stack([np.ones(len(site)), arm, x, z])
    return X, X @ [1.0, 0.4, 0.6, -0.2] + dice.normal(size=len(site)) + 0.5 * dice.normal(size=sites)[site], site


@given(seeds)
@settings(max_examples=40, deadline=None)
def test_cr2_from_sums_per_site_is_cr2_from_all_the_rows(seed: int) -> None:
    X, y, site = study(seed)
    e = y - X @ np.linalg.lstsq(X, y, rcond=None)[0]
    identity = np.eye(len(y))
    std_error, df = dense(X, e, site, identity, identity, -0.5)
    found = cluster_robust(least_squares(from_rows(X, y, site, TERMS)), "CR2")
    assert found.std_error == pytest.approx(std_error, rel=1e-6)
    assert found.df == pytest.approx(df, rel=1e-6)


@given(seeds)
@settings(max_examples=40, deadline=None)
def test_cr3_from_sums_per_site_is_nearly_the_jackknife_over_sites(seed: int) -> None:
    """CR3 is the sum of squares of what leaving one site out does to the coefficients."""
    X, y, site = study(seed)
    fit = least_squares(from_rows(X, y, site, TERMS))
    moves = []
    for code in np.unique(site):
        rest = site != code
        if np.linalg.matrix_rank(X[rest]) < X.shape[1]:
            return
        moves.append(np.linalg.lstsq(X[rest], y[rest], rcond=None)[0] - fit.beta)
    expected = np.sqrt((np.array(moves) ** 2).sum(axis=0))
    assert cluster_robust(fit, "CR3").std_error == pytest.approx(expected, rel=1e-6)


@given(seeds)
@settings(max_examples=25, deadline=None)
def test_the_working_model_s_expected_error_is_unbiased_under_cr2(seed: int) -> None:
    """With independent rows of variance one, CR2 expects exactly the true variance (Bell and McCaffrey)."""
    X, _, site = study(seed)
    n, p = X.shape
    M = np.linalg.inv(X.T @ X)
    residual_maker = np.eye(n) - X @ M @ X.T
    expected = np.zeros((p, p))
    for code in np.unique(site):
        own = site == code
        A = power(residual_maker[np.ix_(own, own)], -0.5)
        L = M @ X[own].T @ A @ residual_maker[own]
        expected += L @ L.T
    assert expected == pytest.approx(M, rel=1e-6, abs=1e-9)


# ---------------------------------------------------------------------------- Poisson


def counts(seed: int, sites: int = 8) -> pd.DataFrame:
    dice = np.random.default_rng(seed)
    site = np.repeat(np.arange(sites), dice.integers(4, 9, sites))
    years = dice.uniform(0.4, 1.5, len(site))
    rate = np.exp(1.2 + 0.3 * dice.normal(size=len(site)) + 0.2 * dice.normal(size=sites)[site])
    return pd.DataFrame(
        {
            "arm": site % 2,
            "site": site,
            "baseline_count": dice.poisson(rate).astype(float),
            "baseline_years": 1.0,
            "count": dice.poisson(rate * years).astype(float),
            "years": years,
            "age": dice.normal(60, 10, len(site)),
        }
    )


def likelihood(rows: pd.DataFrame) -> tuple[Array, Array, Array]:
    """Design, maximum-likelihood coefficients by a general optimiser, and fitted counts."""
    before = np.log(rows["baseline_count"] + 0.5)
    age = (rows["age"] - 60) / 10
    X = np.column_stack([np.ones(len(rows)), rows["arm"], before, age])
    count, offset = rows["count"].to_numpy(), np.log(rows["years"].to_numpy())

    def minus_log_likelihood(beta: Array) -> float:
        linear = X @ beta + offset
        return float((np.exp(linear) - count * linear).sum())

    def gradient(beta: Array) -> Array:
        return np.asarray(X.T @ (np.exp(X @ beta + offset) - count))

    beta = optimize.minimize(minus_log_likelihood, np.zeros(4), jac=gradient, method="BFGS", options={"gtol": 1e-9}).x
    return X, beta, np.exp(X @ beta + offset)


def scaled(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(age=(rows["age"] - 60) / 10)


@given(seeds)
@settings(max_examples=20, deadline=None)
def test_the_fit_is_the_maximum_of_the_likelihood(seed: int) -> None:
    rows = counts(seed)
    _, beta, _ = likelihood(rows)
    fitted = poisson_rate(scaled(rows), covariates=(Covariate("age", "number"),))
    assert [term.estimate for term in fitted.terms] == pytest.approx(beta, rel=1e-5, abs=1e-6)


@given(seeds)
@settings(max_examples=20, deadline=None)
def test_cr2_for_counts_is_that_of_dense_matrices_on_the_scale_of_the_counts(seed: int) -> None:
    rows = counts(seed)
    fitted = poisson_rate(scaled(rows), covariates=(Covariate("age", "number"),))
    X, _, _ = likelihood(rows)
    beta = np.array([term.estimate for term in fitted.terms])
    mu = np.exp(X @ beta + np.log(rows["years"].to_numpy()))
    std_error, df = dense(
        mu[:, None] * X, rows["count"].to_numpy() - mu, rows["site"].to_numpy(), np.diag(1 / mu), np.diag(mu), -0.5
    )
    assert [term.std_error for term in fitted.terms] == pytest.approx(std_error, rel=1e-6)
    assert [term.df for term in fitted.terms] == pytest.approx(df, rel=1e-6)


@given(seeds)
@settings(max_examples=15, deadline=None)
def test_the_error_of_the_rate_difference_is_the_delta_method_s(seed: int) -> None:
    """The gradient by small steps instead of by formula, and CR0 so that the covariance is a plain sandwich."""
    rows = counts(seed)
    fitted = poisson_rate(scaled(rows), covariates=(Covariate("age", "number"),), errors="CR0")
    X, _, _ = likelihood(rows)
    beta = np.array([term.estimate for term in fitted.terms])

    def difference(at: Array) -> float:
        one, zero = X.copy(), X.copy()
        one[:, 1], zero[:, 1] = 1, 0
        return float((np.exp(one @ at) - np.exp(zero @ at)).mean())

    mu = np.exp(X @ beta + np.log(rows["years"].to_numpy()))
    bread = np.linalg.inv((X * mu[:, None]).T @ X)
    scores = np.stack([X[own].T @ (rows["count"].to_numpy() - mu)[own]
                       for own in (rows["site"].to_numpy() == code for code in sorted(set(rows["site"])))])  # fmt: skip
    covariance = bread @ scores.T @ scores @ bread
    gradient = optimize.approx_fprime(beta, difference, 1e-7)
    answer = fitted.answers[1]
    assert answer.estimate == pytest.approx(difference(beta), rel=1e-9)
    assert answer.std_error == pytest.approx(math.sqrt(gradient @ covariance @ gradient), rel=1e-4)


# ---------------------------------------------------------------------------- what it is for


@pytest.mark.parametrize(("sites_per_arm", "highest"), [(4, 0.075), (12, 0.07)])
def test_where_link_workers_do_nothing_one_study_in_twenty_says_they_do(sites_per_arm: int, highest: float) -> None:
    """1,000 studies without any difference, people of a site alike: the share of p below 0.05 stays near 5%.

    An ordinary regression on the same studies finds a difference far more often.
    """
    dice = np.random.default_rng(20260101)
    sites, studies = 2 * sites_per_arm, 1000
    size = dice.integers(10, 40, sites)
    site = np.repeat(np.arange(sites), size)
    X = np.column_stack([np.ones(len(site)), (site % 2).astype(float)])
    robust, ordinary = 0, 0
    for _ in range(studies):
        y = dice.normal(size=len(site)) + 0.4 * dice.normal(size=sites)[site]
        fit = least_squares(from_rows(X, y, site, ("(Intercept)", "arm")))
        errors = cluster_robust(fit)
        robust += bool(2 * special.stdtr(errors.df[1], -abs(fit.beta[1]) / errors.std_error[1]) < 0.05)
        plain = math.sqrt(fit.rss / (len(y) - 2) * (fit.root @ fit.root.T)[1, 1])
        ordinary += bool(abs(fit.beta[1]) / plain > 1.96)
    assert 0.02 < robust / studies < highest
    assert ordinary / studies > 0.2
