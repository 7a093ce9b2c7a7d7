"""Generalised linear models by other roads: derivatives by small steps, maxima by a general optimiser, dense matrices."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats

from analysis import glm
from analysis.glm import (
    GAUSSIAN,
    POISSON,
    Block,
    Family,
    binomial,
    cluster_spread,
    fit,
    inverse_information,
    negative_binomial,
    predicted,
    spread,
)
from analysis.moments import Array, cluster_robust, from_rows, least_squares, symmetric_power
from analysis.result import AnalysisError

TERMS = ("(Intercept)", "arm", "x")
TRIALS = 6.0
SIZE = 2.5
FAMILIES: dict[str, Family] = {
    "linear": GAUSSIAN,
    "Poisson": POISSON,
    "yes or no": binomial(),
    "out of six": binomial(TRIALS),
    "negative binomial": negative_binomial(SIZE),
}
EVERY = pytest.mark.parametrize("kind", FAMILIES)
CURVED = pytest.mark.parametrize("kind", [kind for kind in FAMILIES if kind != "linear"])
seeds = st.integers(0, 10_000)


def draw(kind: str, seed: int, sites: int = 8) -> tuple[Array, Array, Array, Array]:
    """Design, outcome, offset and site of a small made-up study."""
    dice = np.random.default_rng(seed)
    site = np.repeat(np.arange(sites), dice.integers(8, 15, sites))
    arm, x = (site % 2).astype(float), dice.normal(size=len(site))
    offset = dice.uniform(-0.3, 0.3, len(site))
    eta = 0.4 - 0.3 * arm + 0.3 * x + offset + 0.2 * dice.normal(size=sites)[site]
    outcomes: dict[str, Callable[[], Array]] = {
        "linear": lambda: eta + dice.normal(size=len(site)),
        "Poisson": lambda: dice.poisson(np.exp(eta)).astype(float),
        "yes or no": lambda: (dice.uniform(size=len(site)) < 1 / (1 + np.exp(-eta))).astype(float),
        "out of six": lambda: dice.binomial(int(TRIALS), 1 / (1 + np.exp(-eta))).astype(float),
        "negative binomial": lambda: dice.negative_binomial(SIZE, SIZE / (SIZE + np.exp(eta))).astype(float),
    }
    return np.column_stack([np.ones(len(site)), arm, x]), outcomes[kind](), offset, site


# ---------------------------------------------------------------------------- families


@EVERY
@pytest.mark.parametrize("eta", [-2.0, -0.3, 0.0, 0.7, 1.9])
def test_the_slope_is_the_derivative_of_the_mean(kind: str, eta: float) -> None:
    family, at, step = FAMILIES[kind], np.array([eta]), 1e-6
    by_steps = (family.mean(at + step) - family.mean(at - step)) / (2 * step)
    assert family.slope(family.mean(at)) == pytest.approx(by_steps, rel=1e-7)


@EVERY
@pytest.mark.parametrize("eta", [-1.5, 0.2, 1.1])
@pytest.mark.parametrize("y", [0.0, 1.0])
def test_the_derivative_of_the_likelihood_is_the_residual_weighed(kind: str, eta: float, y: float) -> None:
    """d log likelihood / d eta = slope (y - mean) / variance: what ties the four functions together."""
    family, at, step = FAMILIES[kind], np.array([eta]), 1e-6
    outcome = np.array([y])
    by_steps = (family.likelihood(outcome, at + step) - family.likelihood(outcome, at - step)) / (2 * step)
    mean = family.mean(at)
    assert family.slope(mean) * (outcome - mean) / family.variance(mean) == pytest.approx(by_steps, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize(
    ("kind", "log_probability"),
    [
        ("Poisson", lambda y, mean: stats.poisson.logpmf(y, mean)),
        ("yes or no", lambda y, mean: stats.bernoulli.logpmf(y, mean)),
        ("out of six", lambda y, mean: stats.binom.logpmf(y, TRIALS, mean / TRIALS)),
        ("negative binomial", lambda y, mean: stats.nbinom.logpmf(y, SIZE, SIZE / (SIZE + mean))),
        ("linear", lambda y, mean: stats.norm.logpdf(y, mean)),
    ],
)
def test_likelihoods_are_those_of_the_distributions_but_for_a_constant(
    kind: str, log_probability: Callable[[Array, Array], Array]
) -> None:
    family, y = FAMILIES[kind], np.array([0.0, 1.0, 1.0])
    one, other = np.array([0.2, -0.4, 0.9]), np.array([-0.6, 0.1, 0.3])
    gained = family.likelihood(y, one) - family.likelihood(y, other)
    expected = (log_probability(y, family.mean(one)) - log_probability(y, family.mean(other))).sum()
    assert gained == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    ("kind", "moments"),
    [
        ("Poisson", stats.poisson(1.7).stats()),
        ("yes or no", stats.bernoulli(0.3).stats()),
        ("out of six", stats.binom(TRIALS, 0.3).stats()),
        ("negative binomial", stats.nbinom(SIZE, SIZE / (SIZE + 1.7)).stats()),
    ],
)
def test_variances_are_those_of_the_distributions(kind: str, moments: tuple[float, float]) -> None:
    mean, variance = moments
    assert FAMILIES[kind].variance(np.array([float(mean)])) == pytest.approx(float(variance), rel=1e-12)


@EVERY
def test_first_guesses_are_finite_at_the_edges(kind: str) -> None:
    assert np.isfinite(FAMILIES[kind].start(np.array([0.0, 1.0]))).all()


# ---------------------------------------------------------------------------- fits


@CURVED
@given(seed=seeds)
@settings(max_examples=10, deadline=None)
def test_the_fit_is_the_maximum_of_the_likelihood(kind: str, seed: int) -> None:
    family = FAMILIES[kind]
    X, y, offset, site = draw(kind, seed)
    found = fit(family, X, y, site=site, terms=TERMS, offset=offset)
    best = optimize.minimize(lambda beta: -family.likelihood(y, X @ beta + offset), np.zeros(3), method="BFGS").x
    assert found.beta == pytest.approx(best, abs=2e-4)
    assert family.likelihood(y, X @ found.beta + offset) >= family.likelihood(y, X @ best + offset) - 1e-9


@EVERY
@given(seed=seeds)
@settings(max_examples=10, deadline=None)
def test_at_the_fit_the_score_vanishes_and_the_bread_is_its_inverse_slope(kind: str, seed: int) -> None:
    family = FAMILIES[kind]
    X, y, offset, site = draw(kind, seed)
    found = fit(family, X, y, site=site, terms=TERMS, offset=offset)
    score = X.T @ (found.slope / found.variance * found.residual)
    assert score == pytest.approx(0, abs=1e-7)
    information = np.linalg.inv(found.bread)
    assert information == pytest.approx((X * (found.slope**2 / found.variance)[:, None]).T @ X, rel=1e-9)
    assert found.residual == pytest.approx(y - found.mu)


def test_a_saturated_model_gives_back_the_groups_means() -> None:
    X = np.column_stack([np.ones(8), np.repeat([0.0, 1.0], 4)])
    y = np.array([1.0, 2, 3, 2, 5, 6, 4, 5])
    for family in (POISSON, GAUSSIAN, negative_binomial(4.0), binomial(9.0)):
        found = fit(family, X, y, site=np.arange(8), terms=TERMS[:2])
        assert found.mu == pytest.approx(np.repeat([2.0, 5.0], 4), rel=1e-9)


def test_a_first_step_too_far_is_halved() -> None:
    """A few huge counts against many zeros throw the plain iteration over; the halved one comes home."""
    x = np.r_[np.zeros(200), np.linspace(1, 3, 10)]
    y = np.r_[np.zeros(199), 1.0, np.round(np.exp(2 * np.linspace(1, 3, 10) + 3))]
    X = np.column_stack([np.ones(210), x])
    found = fit(POISSON, X, y, site=np.arange(210), terms=("(Intercept)", "x"))
    assert X.T @ found.residual == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("kind", ["yes or no", "out of six"])
def test_separation_names_the_term_that_runs_away(kind: str) -> None:
    X, y, offset, site = draw(kind, 3)
    top = TRIALS if kind == "out of six" else 1.0
    y = np.where(X[:, 2] > 0, top, 0.0)
    with pytest.raises(AnalysisError, match=r"perfect separation\); name fewer covariates; look at 'x' first"):
        fit(FAMILIES[kind], X, y, site=site, terms=TERMS, offset=offset)


@pytest.mark.parametrize("kind", ["Poisson", "negative binomial"])
def test_a_group_without_events_is_named(kind: str) -> None:
    X, y, offset, site = draw(kind, 3)
    y = np.where(X[:, 1] == 1, 0.0, y)
    with pytest.raises(AnalysisError, match=r"as when nobody of some group had an event.*look at 'arm' first"):
        fit(FAMILIES[kind], X, y, site=site, terms=TERMS, offset=offset)


def test_without_variance_there_is_no_information() -> None:
    X = np.column_stack([np.ones(3), np.arange(3.0)])
    assert inverse_information(X, np.ones(3), np.array([1.0, 0.0, 1.0])) is None
    assert inverse_information(np.ones((3, 2)), np.ones(3), np.ones(3)) is None
    assert inverse_information(X, np.ones(3), np.ones(3)) == pytest.approx(np.linalg.inv(X.T @ X))


@EVERY
def test_predictions_set_the_arm_and_leave_out_the_offset(kind: str) -> None:
    X, y, offset, site = draw(kind, 5)
    found = fit(FAMILIES[kind], X, y, site=site, terms=TERMS, offset=offset)
    mean, gradient = predicted(found, 1.0)
    by_hand = found.beta[0] + found.beta[1] + found.beta[2] * X[:, 2]
    assert mean == pytest.approx(FAMILIES[kind].mean(by_hand))
    for j in range(3):
        step = np.zeros(3)
        step[j] = 1e-6
        moved = X.copy()
        moved[:, 1] = 1.0
        up, down = (FAMILIES[kind].mean(moved @ (found.beta + sign * step)) for sign in (1, -1))
        assert gradient[:, j] == pytest.approx((up - down) / 2e-6, rel=1e-5, abs=1e-8)


# ---------------------------------------------------------------------------- errors


def dense_cr2(Z: Array, V: Array, e: Array, site: Array) -> tuple[Array, Array]:
    """Errors and degrees of freedom from n by n matrices; D is the transposed Cholesky factor of a site's V."""
    n, p = Z.shape
    W = np.linalg.inv(V)
    M = np.linalg.inv(Z.T @ W @ Z)
    maker = np.eye(n) - Z @ M @ Z.T @ W
    inside = maker @ V @ maker.T
    halves, levers = [], []
    for code in np.unique(site):
        own = np.ix_(site == code, site == code)
        D = np.linalg.cholesky(V[own]).T
        values, vectors = np.linalg.eigh(D @ inside[own] @ D.T)
        kept = values > 1e-11 * values.max()
        A = D.T @ (vectors[:, kept] * values[kept] ** -0.5) @ vectors[:, kept].T @ D
        half = Z[site == code].T @ W[own] @ A
        halves.append(half @ e[site == code])
        levers.append(half @ maker[site == code])
    scores = np.array(halves)
    df = []
    for j in range(p):
        T = np.array([(M @ lever)[j] for lever in levers])
        P = T @ V @ T.T
        df.append(np.trace(P) ** 2 / (P * P).sum())
    return np.sqrt(np.diag(M @ scores.T @ scores @ M)), np.array(df)


@EVERY
@given(seed=seeds)
@settings(max_examples=8, deadline=None)
def test_cr2_is_that_of_dense_matrices(kind: str, seed: int) -> None:
    X, y, offset, site = draw(kind, seed)
    found = fit(FAMILIES[kind], X, y, site=site, terms=TERMS, offset=offset)
    expected = dense_cr2(X * found.slope[:, None], np.diag(found.variance), found.residual, site)
    errors = [spread(found, "CR2").error(direction) for direction in np.eye(3)]
    assert [error for error, _ in errors] == pytest.approx(expected[0], rel=1e-6)
    assert [df for _, df in errors] == pytest.approx(expected[1], rel=1e-6)


@given(seed=seeds, correlation=st.floats(-0.05, 0.6))
@settings(max_examples=15, deadline=None)
def test_with_correlation_inside_sites_too(seed: int, correlation: float) -> None:
    X, y, offset, site = draw("Poisson", seed)
    found = fit(POISSON, X, y, site=site, terms=TERMS, offset=offset)
    alike = (1 - correlation) * np.eye(len(y)) + correlation * (site[:, None] == site)
    V = np.sqrt(found.variance)[:, None] * alike * np.sqrt(found.variance)
    Z = X * found.slope[:, None]
    M = np.linalg.inv(Z.T @ np.linalg.solve(V, Z))
    blocks = [
        Block(Z[site == code], found.residual[site == code], V[np.ix_(site == code, site == code)])
        for code in np.unique(site)
    ]
    expected = dense_cr2(Z, V, found.residual, site)
    by_site = cluster_spread(blocks, M, "CR2")
    errors = [by_site.error(direction) for direction in np.eye(3)]
    assert [error for error, _ in errors] == pytest.approx(expected[0], rel=1e-6)
    assert [df for _, df in errors] == pytest.approx(expected[1], rel=1e-6)


@given(seed=seeds)
@settings(max_examples=10, deadline=None)
def test_of_a_direction_the_degrees_of_freedom_are_those_of_the_term_it_becomes(seed: int) -> None:
    """Turn the design so that x less half the arm is a coefficient of its own; its error and df are the direction's."""
    X, y, offset, site = draw("yes or no", seed)
    turn = np.array([[1.0, 0, 0], [0, 1, 0], [0, -0.5, 1]])
    found = fit(binomial(), X, y, site=site, terms=TERMS, offset=offset)
    turned = fit(binomial(), X @ np.linalg.inv(turn), y, site=site, terms=TERMS, offset=offset)
    assert turned.beta == pytest.approx(turn @ found.beta, abs=1e-8)
    one, other = spread(found, "CR2").error(turn[2]), spread(turned, "CR2").error(np.eye(3)[2])
    assert one == pytest.approx(other, rel=1e-6)


@EVERY
def test_cr0_is_the_sum_over_sites_of_squared_scores(kind: str) -> None:
    X, y, offset, site = draw(kind, 9)
    found = fit(FAMILIES[kind], X, y, site=site, terms=TERMS, offset=offset)
    each = X * (found.slope / found.variance * found.residual)[:, None]
    sums = np.stack([each[site == code].sum(axis=0) for code in np.unique(site)])
    expected = found.bread @ sums.T @ sums @ found.bread
    n, p, g = len(y), 3, len(sums)
    factors = {"CR0": 1.0, "CR1": g / (g - 1), "CR1S": g / (g - 1) * (n - 1) / (n - p)}
    for errors, factor in factors.items():
        by_site = spread(found, errors)
        assert by_site.covariance == pytest.approx(factor * expected, rel=1e-9)
        assert by_site.df == g - 1


@pytest.mark.parametrize("errors", ["CR0", "CR1", "CR1S", "CR2"])
def test_of_the_linear_family_errors_are_those_from_sums_per_site(errors: str) -> None:
    X, y, _, site = draw("linear", 12)
    found = fit(GAUSSIAN, X, y, site=site, terms=TERMS)
    expected = cluster_robust(least_squares(from_rows(X, y, site, TERMS)), errors)
    by_site = [spread(found, errors).error(direction) for direction in np.eye(3)]
    assert [error for error, _ in by_site] == pytest.approx(expected.std_error, rel=1e-9)
    assert [df for _, df in by_site] == pytest.approx(expected.df, rel=1e-9)


@pytest.mark.parametrize(("kind", "scaled"), [("linear", True), ("Poisson", True), ("yes or no", False),
                                              ("negative binomial", False)])  # fmt: skip
def test_errors_that_rest_on_the_model_are_scaled_where_the_family_asks_for_it(kind: str, scaled: bool) -> None:
    X, y, offset, site = draw(kind, 15)
    found = fit(FAMILIES[kind], X, y, site=site, terms=TERMS, offset=offset)
    pearson = float((found.residual**2 / found.variance).sum()) / (len(y) - 3)
    of_model = spread(found, "classical")
    assert of_model.covariance == pytest.approx((pearson if scaled else 1.0) * found.bread)
    assert of_model.df == (len(y) - 3 if scaled else math.inf)


def test_a_site_that_alone_determines_a_term_adds_nothing_to_its_error() -> None:
    """An indicator of one site: its leverage is whole, and the adjustment leaves the direction out."""
    X, y, offset, site = draw("Poisson", 18)
    X = np.column_stack([X, site == 0])
    found = fit(POISSON, X, y, site=site, terms=(*TERMS, "one"), offset=offset)
    for direction in np.eye(4)[1:3]:
        std_error, df = spread(found, "CR2").error(direction)
        assert math.isfinite(std_error)
        assert 1 < df < 8


def test_large_counts_have_the_same_degrees_of_freedom_as_small_ones() -> None:
    """Every variance a million times as large: nothing about the sites has changed."""
    X, y, offset, site = draw("Poisson", 20)
    X = np.column_stack([X, *(site == code for code in range(2, 8))])
    X = X[:, [0, 2, *range(3, X.shape[1])]]
    terms = tuple(str(j) for j in range(X.shape[1]))
    small, large = (fit(POISSON, X, y * times, site=site, terms=terms, offset=offset) for times in (1.0, 1e6))
    one, other = (spread(found, "CR2").error(np.eye(len(terms))[1]) for found in (small, large))
    assert other == pytest.approx(one, rel=1e-6)


def test_one_site_is_too_few_and_unknown_errors_are_named() -> None:
    X, y, offset, site = draw("Poisson", 3)
    found = fit(POISSON, X, y, site=np.zeros(len(y)), terms=TERMS, offset=offset)
    with pytest.raises(AnalysisError, match="cluster-robust errors need two sites or more"):
        spread(found, "CR2")
    with pytest.raises(AnalysisError, match="unknown errors 'robust'; allowed: CR2, CR0, CR1, CR1S, classical"):
        spread(found, "robust")
    assert glm.KINDS[0] == "CR2"
    assert site.max() == 7


@pytest.mark.parametrize("negligible", [1e-9, 1e-13])
def test_a_power_leaves_out_what_is_negligible_beside_the_largest(negligible: float) -> None:
    matrix = np.diag([4.0, 1e-11])
    found = symmetric_power(matrix, -0.5, negligible)
    assert found[0, 0] == pytest.approx(0.5)
    assert found[1, 1] == pytest.approx(0.0 if negligible > 1e-11 / 4 else 1e-11**-0.5)


@pytest.mark.parametrize("rows", [2, 3])
def test_people_who_do_not_outnumber_the_terms_are_refused(rows: int) -> None:
    X = np.array([[1.0, 1, 2], [1, 0, 5], [1, 1, 4]])[:rows]
    with pytest.raises(AnalysisError, match="too few people with everything that is needed for 3 terms; name fewer"):
        fit(POISSON, X, np.array([2.0, 1, 4])[:rows], site=np.arange(rows), terms=("(Intercept)", "arm", "age"))
