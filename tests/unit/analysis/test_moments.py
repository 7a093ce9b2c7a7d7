"""Cross-products per site say all that the rows say, and the errors made from them have the properties they claim."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.moments import (
    Array,
    Moments,
    classical,
    cluster_robust,
    from_rows,
    least_squares,
    redundant_term,
    sandwich,
    satterthwaite,
    standard_error,
    symmetric_power,
)
from analysis.result import AnalysisError

TERMS = ("(Intercept)", "arm", "baseline")
KINDS = ("CR0", "CR1", "CR1S", "CR2", "CR3")


def rows(seed: int, sites: int = 8, largest: int = 12) -> tuple[Array, Array, Array]:
    """A made-up study: design (n, 3), outcome (n,), site (n,); the first half of the sites has the intervention."""
    dice = np.random.default_rng(seed)
    site = np.repeat(np.arange(sites), dice.integers(2, largest, sites))
    arm = (site < sites // 2).astype(float)
    baseline = dice.normal(size=len(site)) + 0.3 * dice.normal(size=sites)[site]
    outcome = 1 + 0.5 * arm + 0.7 * baseline + dice.normal(size=len(site)) + 0.4 * dice.normal(size=sites)[site]
    return np.column_stack([np.ones(len(site)), arm, baseline]), outcome, site


seeds = st.integers(0, 10_000)


@given(seeds)
@settings(max_examples=30, deadline=None)
def test_coefficients_are_those_of_least_squares_on_the_rows(seed: int) -> None:
    X, y, site = rows(seed)
    expected, rss, *_ = np.linalg.lstsq(X, y, rcond=None)
    fit = least_squares(from_rows(X, y, site, TERMS))
    assert fit.beta == pytest.approx(expected, rel=1e-8)
    assert fit.rss == pytest.approx(rss[0], rel=1e-8)
    assert (fit.n, fit.n_clusters) == (len(y), 8)


@given(seeds, st.sampled_from(KINDS))
@settings(max_examples=30, deadline=None)
def test_the_order_of_rows_does_not_matter(seed: int, kind: str) -> None:
    X, y, site = rows(seed)
    shuffled = np.random.default_rng(seed + 1).permutation(len(y))
    one = cluster_robust(least_squares(from_rows(X, y, site, TERMS)), kind)
    other = cluster_robust(least_squares(from_rows(X[shuffled], y[shuffled], site[shuffled], TERMS)), kind)
    assert other.std_error == pytest.approx(one.std_error, rel=1e-8)
    assert other.df == pytest.approx(one.df, rel=1e-8)


@given(seeds)
@settings(max_examples=15, deadline=None)
def test_what_sites_are_called_does_not_matter(seed: int) -> None:
    X, y, site = rows(seed)
    names = np.array([f"practice {9 - number}" for number in site])
    one = cluster_robust(least_squares(from_rows(X, y, site, TERMS)))
    other = cluster_robust(least_squares(from_rows(X, y, names, TERMS)))
    assert other.std_error == pytest.approx(one.std_error, rel=1e-10)


@given(seeds, st.floats(0.01, 100), st.floats(-50, 50))
@settings(max_examples=30, deadline=None)
def test_a_change_of_unit_changes_estimates_and_errors_alike(seed: int, factor: float, shift: float) -> None:
    X, y, site = rows(seed)
    plain = least_squares(from_rows(X, y, site, TERMS))
    other = least_squares(from_rows(X, factor * y + shift, site, TERMS))
    assert other.beta[1] == pytest.approx(factor * plain.beta[1], rel=1e-6, abs=1e-8)
    assert cluster_robust(other).std_error[1] == pytest.approx(factor * cluster_robust(plain).std_error[1], rel=1e-6)
    assert cluster_robust(other).df[1] == pytest.approx(cluster_robust(plain).df[1], rel=1e-8)


def test_sums_from_two_services_give_the_same_as_their_rows_together() -> None:
    X, y, site = rows(3)
    first = site < 5
    parts = [from_rows(X[part], y[part], site[part], TERMS) for part in (first, ~first)]
    pooled = Moments(
        TERMS,
        np.concatenate([part.xx for part in parts]),
        np.concatenate([part.xy for part in parts]),
        np.concatenate([part.yy for part in parts]),
        np.concatenate([part.n for part in parts]),
    )
    apart, together = least_squares(pooled), least_squares(from_rows(X, y, site, TERMS))
    assert apart.beta == pytest.approx(together.beta, rel=1e-12)
    assert cluster_robust(apart).covariance == pytest.approx(cluster_robust(together).covariance, rel=1e-10)


# ---------------------------------------------------------------------------- errors, against closed forms


def test_classical_errors_are_the_textbook_s() -> None:
    X, y, site = rows(4)
    fit = least_squares(from_rows(X, y, site, TERMS))
    residual = y - X @ np.linalg.lstsq(X, y, rcond=None)[0]
    expected = residual @ residual / (len(y) - 3) * np.linalg.inv(X.T @ X)
    assert classical(fit).covariance == pytest.approx(expected, rel=1e-8)
    assert set(classical(fit).df) == {len(y) - 3}


@pytest.mark.parametrize("off", [-1e-14, 0.0, 1e-14])
def test_what_rounding_leaves_of_a_perfect_fit_is_no_error(off: float) -> None:
    """The sums of a perfect fit may end a digit below or above: neither is a spread, least of all a negative one."""
    X = np.column_stack([np.ones(6), [0, 0, 0, 1, 1, 1]])
    sums = from_rows(X, X[:, 1], np.arange(6), ("(Intercept)", "arm"))
    fit = least_squares(replace(sums, yy=sums.yy * (1 + off)))
    assert fit.rss == 0
    assert classical(fit).std_error.tolist() == [0, 0]


def test_a_spread_that_is_small_beside_the_level_is_kept() -> None:
    X = np.column_stack([np.ones(4), [0.0, 0, 1, 1]])
    y = 10_000 + np.array([-0.1, 0.1, -0.1, 0.1])
    assert least_squares(from_rows(X, y, np.arange(4), ("(Intercept)", "arm"))).rss == pytest.approx(0.04, rel=1e-5)


@pytest.mark.parametrize(("kind", "power"), [("CR0", 0.0), ("CR2", -1.0), ("CR3", -2.0)])
def test_with_one_person_a_site_they_are_the_errors_for_unequal_variance(kind: str, power: float) -> None:
    """CR0, CR2 and CR3 then are HC0, HC2 and HC3, which have a closed form."""
    X, y, _ = rows(5)
    M = np.linalg.inv(X.T @ X)
    residual = y - X @ M @ X.T @ y
    leverage = np.einsum("ij,jk,ik->i", X, M, X)
    weight = residual**2 * (1 - leverage) ** power
    found = cluster_robust(least_squares(from_rows(X, y, np.arange(len(y)), TERMS)), kind)
    assert found.covariance == pytest.approx(M @ (X.T * weight) @ X @ M, rel=1e-8)


@pytest.mark.parametrize("sites_per_arm", [2, 3, 7])
def test_equal_sites_give_the_t_test_of_their_means(sites_per_arm: int) -> None:
    """With equal sites, CR2 for a site-level arm is the two-sample t test of site means, on 2 m - 2 df."""
    dice = np.random.default_rng(sites_per_arm)
    sites, each = 2 * sites_per_arm, 5
    site = np.repeat(np.arange(sites), each)
    arm = (site < sites_per_arm).astype(float)
    y = dice.normal(size=len(site)) + dice.normal(size=sites)[site]
    found = cluster_robust(least_squares(from_rows(np.column_stack([np.ones(len(y)), arm]), y, site, ("one", "arm"))))
    means = y.reshape(sites, each).mean(axis=1)
    variance = sum(group.var(ddof=1) / sites_per_arm for group in (means[:sites_per_arm], means[sites_per_arm:]))
    assert found.std_error[1] == pytest.approx(np.sqrt(variance), rel=1e-10)
    assert found.df[1] == pytest.approx(2 * sites_per_arm - 2, rel=1e-10)


def test_the_simple_corrections_are_multiples_of_the_plain_sandwich() -> None:
    X, y, site = rows(6)
    fit = least_squares(from_rows(X, y, site, TERMS))
    plain = cluster_robust(fit, "CR0")
    n, p, g = len(y), 3, 8
    assert cluster_robust(fit, "CR1").covariance == pytest.approx(plain.covariance * g / (g - 1), rel=1e-12)
    stata = plain.covariance * g / (g - 1) * (n - 1) / (n - p)
    assert cluster_robust(fit, "CR1S").covariance == pytest.approx(stata, rel=1e-12)
    for kind in ("CR0", "CR1", "CR1S"):
        assert set(cluster_robust(fit, kind).df) == {g - 1}


@given(seeds, st.integers(-40, 0))
@settings(max_examples=60, deadline=None)
def test_rounding_takes_no_variance_below_zero(seed: int, size: int) -> None:
    """Scores of a fit that leaves nothing over are rounding alone, some terms' far smaller than others'."""
    dice = np.random.default_rng(seed)
    root = dice.normal(size=(3, 3))
    scores = dice.normal(size=(2, 3)) * 10.0 ** np.array([size, 0, -16])
    covariance = sandwich(root @ root.T, scores)
    assert (np.diagonal(covariance) >= 0).all()
    assert np.array_equal(covariance, covariance.T)
    unseen = np.linalg.svd(scores @ root @ root.T)[2][-1]  # both sites' scores say nothing of it
    assert standard_error(covariance, unseen) < 1e-6 * np.sqrt(np.trace(covariance))


def test_a_standard_error_is_the_root_of_the_variance_in_its_direction() -> None:
    covariance = np.array([[4.0, -2.0], [-2.0, 9.0]])
    assert standard_error(covariance, np.array([1.0, 0.0])) == 2.0
    assert standard_error(covariance, np.array([1.0, 1.0])) == 3.0  # 4 + 9 - 2 x 2
    assert standard_error(np.full((2, 2), -1e-30) + np.diag([1.0, 1.0]), np.zeros(2)) == 0.0


def test_rounding_below_zero_is_zero_and_no_more_than_rounding() -> None:
    alike = np.array([[1.0, -1.0], [-1.0, 1.0 - 1e-15]])
    assert standard_error(alike, np.array([1.0, 1.0])) == 0.0
    with pytest.raises(AnalysisError, match="a variance came out below zero"):
        standard_error(np.array([[1.0, 2.0], [2.0, 1.0]]), np.array([1.0, -1.0]))


@given(seeds)
@settings(max_examples=30, deadline=None)
def test_each_correction_is_more_careful_than_the_one_before(seed: int) -> None:
    """Taken over all terms together, in the units in which they are uncorrelated."""
    moments = from_rows(*rows(seed), TERMS)
    fit = least_squares(moments)
    scale = moments.xx.sum(axis=0)
    plain, reduced, jackknife = (
        np.trace(scale @ cluster_robust(fit, kind).covariance) for kind in ("CR0", "CR2", "CR3")
    )
    assert plain < reduced < jackknife


@given(seeds)
@settings(max_examples=30, deadline=None)
def test_degrees_of_freedom_never_exceed_what_the_sites_could_give(seed: int) -> None:
    df = cluster_robust(least_squares(from_rows(*rows(seed), TERMS))).df
    assert (df > 0).all()
    assert (df <= 8).all()


def test_cutting_a_site_in_two_leaves_estimates_and_changes_errors() -> None:
    X, y, site = rows(7)
    cut = site.copy()
    cut[np.flatnonzero(site == 0)[::2]] = 99
    whole, parts = (least_squares(from_rows(X, y, by, TERMS)) for by in (site, cut))
    assert parts.beta == pytest.approx(whole.beta, rel=1e-12)
    assert classical(parts).covariance == pytest.approx(classical(whole).covariance, rel=1e-10)
    assert cluster_robust(parts).std_error[1] != pytest.approx(cluster_robust(whole).std_error[1], rel=1e-3)


def test_one_person_counted_twice_as_a_site_of_their_own_is_one_unit() -> None:
    """Doubling every row of every site changes no estimate and no plain sandwich."""
    X, y, site = rows(8)
    once = least_squares(from_rows(X, y, site, TERMS))
    twice = least_squares(from_rows(np.vstack([X, X]), np.r_[y, y], np.r_[site, site], TERMS))
    assert twice.beta == pytest.approx(once.beta, rel=1e-10)
    assert cluster_robust(twice, "CR0").std_error == pytest.approx(cluster_robust(once, "CR0").std_error, rel=1e-10)


def test_a_site_that_alone_determines_a_term_is_left_out_of_its_error() -> None:
    """The Moore-Penrose inverse: the term's error has nothing to stand on, the others' stay finite."""
    X, y, site = rows(9)
    only_here = (site == 2).astype(float)
    fit = least_squares(from_rows(np.column_stack([X, only_here]), y, site, (*TERMS, "site two")))
    for kind in ("CR2", "CR3"):
        assert np.isfinite(cluster_robust(fit, kind).std_error[:3]).all()


# ---------------------------------------------------------------------------- refusals


def test_a_missing_value_is_refused() -> None:
    X, y, site = rows(1)
    y[3] = np.nan
    with pytest.raises(AnalysisError, match="missing or infinite value; keep complete rows only"):
        from_rows(X, y, site, TERMS)


def test_an_infinite_value_is_refused() -> None:
    X, y, site = rows(1)
    X[0, 2] = np.inf
    with pytest.raises(AnalysisError, match="missing or infinite"):
        from_rows(X, y, site, TERMS)


@pytest.mark.parametrize(
    ("extra", "fault"),
    [
        (lambda X: np.full(len(X), 7.0), "'extra' is constant or determined by the other terms"),
        (lambda X: X[:, 1] * 3 - 2 * X[:, 2], "'extra' is constant or determined by the other terms"),
        (lambda X: np.zeros(len(X)), "'extra' is constant or determined by the other terms"),
    ],
    ids=["constant", "combination", "nothing"],
)
def test_a_term_that_others_determine_is_named(extra: object, fault: str) -> None:
    X, y, site = rows(1)
    wider = np.column_stack([X, extra(X)])  # type: ignore[operator]
    with pytest.raises(AnalysisError, match=fault):
        least_squares(from_rows(wider, y, site, (*TERMS, "extra")))


def test_a_term_on_another_scale_is_not_taken_for_a_redundant_one() -> None:
    X, _, _ = rows(1)
    tiny = np.column_stack([X, 1e-7 * np.random.default_rng(1).normal(size=len(X))])
    assert redundant_term(tiny.T @ tiny, (*TERMS, "tiny")) is None


def test_more_terms_than_rows_are_refused() -> None:
    X, y, site = rows(1)
    with pytest.raises(
        AnalysisError, match="too few people with everything that is needed for 3 terms; name fewer covariates"
    ):
        least_squares(from_rows(X[:3], y[:3], site[:3], TERMS))


def test_an_unknown_kind_of_error_is_refused_with_the_known_ones() -> None:
    fit = least_squares(from_rows(*rows(1), TERMS))
    with pytest.raises(AnalysisError, match="unknown errors 'HC9'; allowed: CR2, CR3, CR0, CR1, CR1S"):
        cluster_robust(fit, "HC9")


def test_one_site_cannot_give_errors_by_site() -> None:
    X, y, site = rows(1)
    fit = least_squares(from_rows(X, y, np.zeros(len(site)), TERMS))
    with pytest.raises(AnalysisError, match="two sites or more"):
        cluster_robust(fit)


# ---------------------------------------------------------------------------- pieces


def test_satterthwaite_counts_independent_equal_contributions() -> None:
    assert satterthwaite(np.full(7, 2.5), np.zeros((7, 1))) == pytest.approx(7)


def test_satterthwaite_takes_away_what_the_mean_costs() -> None:
    """G equal contributions about their own mean have G - 1 degrees of freedom."""
    G = 9
    assert satterthwaite(np.ones(G), np.full((G, 1), 1 / np.sqrt(G))) == pytest.approx(G - 1)


def test_satterthwaite_is_near_one_where_one_site_dominates() -> None:
    assert satterthwaite(np.array([1000.0, 1.0, 1.0]), np.zeros((3, 1))) == pytest.approx(1, abs=0.01)


def test_a_power_and_its_opposite_undo_each_other() -> None:
    dice = np.random.default_rng(2)
    root = dice.normal(size=(4, 4))
    matrix = root @ root.T
    assert symmetric_power(matrix, -0.5) @ symmetric_power(matrix, 0.5) == pytest.approx(np.eye(4), abs=1e-8)


def test_a_power_leaves_out_directions_without_variance() -> None:
    flat = np.diag([4.0, 0.0])
    assert symmetric_power(flat, -0.5) == pytest.approx(np.diag([0.5, 0.0]))


def test_results_cannot_be_changed_afterwards() -> None:
    moments = from_rows(*rows(1), TERMS)
    with pytest.raises(AttributeError):
        moments.n = moments.n  # type: ignore[misc]
    assert replace(moments, terms=("a", "b", "c")).terms == ("a", "b", "c")
