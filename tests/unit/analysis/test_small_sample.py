"""Inference for few sites: what it must agree with, what it can never say, and what it refuses."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.moments import Array, LeastSquares, Moments, cluster_robust, from_rows, least_squares
from analysis.result import AnalysisError
from analysis.small_sample import (
    cluster_bootstrap,
    drawn_counts,
    joint_test,
    permutation_test,
    site_differences,
    wild_cluster_test,
)

TERMS = ("(Intercept)", "arm", "baseline")
seeds = st.integers(0, 10_000)


def rows(seed: int, sites: int = 8, effect: float = 0.5) -> tuple[Array, Array, Array]:
    """Design (n, 3), outcome (n,), site (n,); the first half of the sites has the intervention."""
    dice = np.random.default_rng(seed)
    site = np.repeat(np.arange(sites), dice.integers(3, 12, sites))
    arm = (site < sites // 2).astype(float)
    baseline = dice.normal(size=len(site)) + 0.3 * dice.normal(size=sites)[site]
    outcome = 1 + effect * arm + 0.7 * baseline + dice.normal(size=len(site)) + 0.4 * dice.normal(size=sites)[site]
    return np.column_stack([np.ones(len(site)), arm, baseline]), outcome, site


def sums(seed: int, sites: int = 8, effect: float = 0.5) -> Moments:
    return from_rows(*rows(seed, sites, effect), TERMS)


def equal_sites(means: list[float], treated: int) -> Moments:
    """Three people a site around a mean that is given; no covariates."""
    site = np.repeat(np.arange(len(means)), 3)
    y = np.repeat(means, 3) + np.tile([-1.0, 0.0, 1.0], len(means))
    return from_rows(np.column_stack([np.ones(len(y)), site < treated]), y, site, TERMS[:2])


# ---------------------------------------------------------------------------- wild cluster bootstrap


def t_statistic(X: Array, y: Array, site: Array, null: float) -> float:
    fit = least_squares(from_rows(X, y, site, TERMS))
    return float((fit.beta[1] - null) / cluster_robust(fit, "CR1").std_error[1])


def refitted_p(X: Array, y: Array, site: Array, null: float) -> float:
    """The definition, by refitting the model on rows for every set of signs."""
    others = X[:, [0, 2]]
    shifted = y - null * X[:, 1]
    fitted = others @ np.linalg.lstsq(others, shifted, rcond=None)[0] + null * X[:, 1]
    signs = itertools.product([-1.0, 1.0], repeat=int(site.max()) + 1)
    drawn = [t_statistic(X, fitted + np.array(sign)[site] * (y - fitted), site, null) for sign in signs]
    return float((np.abs(drawn) >= abs(t_statistic(X, y, site, null)) - 1e-9).mean())


@pytest.mark.parametrize("null", [0.0, 0.8])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_wild_bootstrap_is_what_refitting_for_every_set_of_signs_gives(seed: int, null: float) -> None:
    found = wild_cluster_test(from_rows(*rows(seed, 6), TERMS), "arm", null=null)
    assert found.p_value == pytest.approx(refitted_p(*rows(seed, 6), null), abs=1e-12)
    assert (found.draws, found.exact) == (64, True)


@given(seeds)
@settings(max_examples=20, deadline=None)
def test_values_inside_the_interval_are_not_refuted_and_values_beside_it_are(seed: int) -> None:
    moments = sums(seed)
    found = wild_cluster_test(moments, "arm", confidence=0.9)
    reach = found.conf_high - found.conf_low
    for inside in (found.conf_low + 1e-6 * reach, found.estimate, found.conf_high - 1e-6 * reach):
        assert wild_cluster_test(moments, "arm", null=inside).p_value >= 0.1
    for outside in (found.conf_low - 1e-6 * reach, found.conf_high + 1e-6 * reach):
        assert wild_cluster_test(moments, "arm", null=outside).p_value < 0.1


def test_many_sites_are_drawn_and_come_near_the_t_test() -> None:
    moments = sums(4, sites=60)
    found = wild_cluster_test(moments, "arm", draws=4_999)
    fit = least_squares(moments)
    reach = 2.0 * cluster_robust(fit).std_error[1]
    assert not found.exact
    assert (found.conf_low, found.conf_high) == pytest.approx((fit.beta[1] - reach, fit.beta[1] + reach), abs=0.1)
    assert wild_cluster_test(moments, "arm", draws=4_999) == found
    assert wild_cluster_test(moments, "arm", draws=4_999, seed=2) != found


def test_drawn_signs_never_give_a_p_value_of_nothing() -> None:
    found = wild_cluster_test(sums(4, sites=60, effect=50), "arm", draws=99)
    assert found.p_value == pytest.approx(1 / 100)


def test_five_sites_refute_nothing_at_five_per_cent() -> None:
    """The observed signs and their mirror image are 2 of 32."""
    found = wild_cluster_test(equal_sites([9, 10, 11, 1, 2], 3), "arm")
    assert found.p_value >= 2 / 32
    assert (found.conf_low, found.conf_high) == (-math.inf, math.inf)


def test_a_coefficient_without_error_is_refused() -> None:
    with pytest.raises(AnalysisError, match="'arm' is the same at every site, without error"):
        wild_cluster_test(equal_sites([1, 1, 1, 2, 2, 2], 3), "arm")


def test_a_term_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(AnalysisError, match=r"no term 'age'; the model has \(Intercept\), arm, baseline"):
        wild_cluster_test(sums(1), "age")


# ---------------------------------------------------------------------------- permutation


def test_two_sites_against_two_have_six_ways_of_being_dealt_out() -> None:
    """Means 1, 2, 3, 10: the sums of two are 3, 4, 5, 11, 12, 13 around 8; 13 and 3 are the farthest."""
    found = permutation_test(equal_sites([3, 10, 1, 2], 2))
    assert (found.p_value, found.draws, found.exact) == (pytest.approx(2 / 6), 6, True)
    assert found.estimate == pytest.approx(6.5 - 1.5)


@given(st.lists(st.integers(-20, 20), min_size=5, max_size=9), st.integers(1, 4))
@settings(max_examples=40, deadline=None)
def test_it_goes_through_every_choice_of_sites(means: list[int], treated: int) -> None:
    """Whole numbers tie often, and ties count."""
    if len(set(means)) == 1:
        means = [*means[:-1], means[0] + 1]
    found = permutation_test(equal_sites([float(mean) for mean in means], treated))
    mean = sum(means) / len(means)
    chosen = [abs(sum(group) - treated * mean) for group in itertools.combinations(means, treated)]
    expected = np.mean(np.array(chosen) >= abs(sum(means[:treated]) - treated * mean) - 1e-9)
    assert found.p_value == pytest.approx(float(expected), abs=1e-12)
    assert found.draws == math.comb(len(means), treated)


def test_covariates_are_taken_out_before_sites_are_compared() -> None:
    X, y, site = rows(5)
    one = permutation_test(from_rows(X, y, site, TERMS))
    other = permutation_test(from_rows(X, y + 100 * X[:, 2], site, TERMS))
    assert other.estimate == pytest.approx(one.estimate)
    assert other.p_value == one.p_value


def test_adjusted_means_are_those_of_the_residuals_without_the_arm() -> None:
    X, y, site = rows(6)
    others = X[:, [0, 2]]
    left = y - others @ np.linalg.lstsq(others, y, rcond=None)[0]
    means, role = site_differences(from_rows(X, y, site, TERMS))
    assert means == pytest.approx([left[site == g].mean() for g in range(8)])
    assert role.tolist() == [1, 1, 1, 1, 0, 0, 0, 0]


def test_more_sites_than_can_be_gone_through_are_drawn() -> None:
    found = permutation_test(sums(7, sites=40, effect=0.3), draws=999)
    assert (found.draws, found.exact) == (999, False)
    again = permutation_test(sums(7, sites=40, effect=0.3), draws=999)
    assert (again.estimate, again.p_value) == (found.estimate, found.p_value)
    assert permutation_test(sums(7, sites=40, effect=30), draws=999).p_value == pytest.approx(1 / 1000)


def test_a_site_with_people_in_both_arms_is_refused() -> None:
    X, y, site = rows(1)
    X[0, 1] = 0
    with pytest.raises(AnalysisError, match="a site has people in both arms"):
        permutation_test(from_rows(X, y, site, TERMS))


def test_an_arm_without_a_site_is_refused() -> None:
    with pytest.raises(AnalysisError, match="'arm' is constant"):
        permutation_test(equal_sites([1, 2, 3], 3))


# ---------------------------------------------------------------------------- resampling


def test_a_replicate_is_the_fit_on_the_rows_it_repeats() -> None:
    X, y, site = rows(8)
    counts = drawn_counts(8, 5, seed=3, strata=[1, 1, 1, 1, 0, 0, 0, 0])
    found = cluster_bootstrap(from_rows(X, y, site, TERMS), counts)
    for count, beta in zip(counts, found, strict=True):
        again = np.repeat(np.arange(len(y)), count[site])
        assert beta == pytest.approx(np.linalg.lstsq(X[again], y[again], rcond=None)[0], rel=1e-8)


def test_every_site_once_is_the_fit_itself() -> None:
    moments = sums(9)
    assert cluster_bootstrap(moments, np.ones((1, 8)))[0] == pytest.approx(least_squares(moments).beta)


@given(seeds, st.integers(2, 9), st.integers(2, 9))
@settings(max_examples=20, deadline=None)
def test_each_stratum_keeps_its_number_of_sites(seed: int, ones: int, zeros: int) -> None:
    strata = np.repeat([1, 0], [ones, zeros])
    counts = drawn_counts(ones + zeros, 50, seed=seed, strata=strata)
    assert set(counts[:, :ones].sum(axis=1)) == {ones}
    assert set(counts[:, ones:].sum(axis=1)) == {zeros}


def test_without_strata_only_the_total_is_kept_and_each_site_comes_as_often() -> None:
    counts = drawn_counts(6, 4_000, seed=1)
    assert set(counts.sum(axis=1)) == {6}
    assert counts.mean(axis=0) == pytest.approx(np.ones(6), abs=0.06)
    assert counts[:, :3].sum(axis=1).min() == 0


@pytest.mark.parametrize(
    "drawn", [[2, 2, 2, 2, 0, 0, 0, 0], [0, 0, 0, 0, 2, 2, 2, 2]], ids=["comparison", "intervention"]
)
def test_a_replicate_without_an_arm_is_refused_with_its_remedy(drawn: list[int]) -> None:
    with pytest.raises(AnalysisError, match=r"in 1 of 2 resamples .* resample within the arms"):
        cluster_bootstrap(sums(1), np.array([drawn, [1] * 8]))


@given(seeds)
@settings(max_examples=10, deadline=None)
def test_a_term_that_follows_from_others_is_refused_in_every_replicate(seed: int) -> None:
    X, y, site = rows(seed)
    doubled = np.column_stack([X, 3 * X[:, 2] - 2 * X[:, 1]])
    counts = drawn_counts(8, 4, seed=seed, strata=[1, 1, 1, 1, 0, 0, 0, 0])
    with pytest.raises(AnalysisError, match="in 4 of 4 resamples a term was determined by the others"):
        cluster_bootstrap(from_rows(doubled, y, site, (*TERMS, "again")), counts)


def test_a_term_on_another_scale_is_not_taken_for_a_redundant_one() -> None:
    X, y, site = rows(8)
    counts = drawn_counts(8, 5, seed=3, strata=[1, 1, 1, 1, 0, 0, 0, 0])
    plain = cluster_bootstrap(from_rows(X, y, site, TERMS), counts)
    scale = np.array([1.0, 1.0, 1e8])
    assert cluster_bootstrap(from_rows(X * scale, y, site, TERMS), counts) * scale == pytest.approx(plain, rel=1e-6)


# ---------------------------------------------------------------------------- joint test


def fit_of(seed: int) -> LeastSquares:
    return least_squares(sums(seed))


@pytest.mark.parametrize("kind", ["CR2", "CR3"])
def test_of_one_term_it_is_the_square_of_its_t_test(kind: str) -> None:
    fit = fit_of(10)
    errors = cluster_robust(fit, kind)
    found = joint_test(fit, ["arm"], kind)
    assert found.df == (1, pytest.approx(errors.df[1]))
    assert found.statistic == pytest.approx((fit.beta[1] / errors.std_error[1]) ** 2)


@given(seeds)
@settings(max_examples=20, deadline=None)
def test_it_does_not_matter_in_which_units_or_order_terms_come(seed: int) -> None:
    X, y, site = rows(seed)
    one = joint_test(least_squares(from_rows(X, y, site, TERMS)), ["arm", "baseline"])
    scaled = least_squares(from_rows(X * [1, 5, 0.1], y, site, TERMS))
    other = joint_test(scaled, ["baseline", "arm"])
    assert (other.statistic, *other.df) == pytest.approx((one.statistic, *one.df), rel=1e-6)


def test_too_many_terms_for_the_sites_are_refused() -> None:
    X, y, site = rows(3, sites=4)
    wide = np.column_stack([X, np.random.default_rng(1).normal(size=(len(y), 4))])
    fit = least_squares(from_rows(wide, y, site, (*TERMS, "a", "b", "c", "d")))
    with pytest.raises(AnalysisError, match="4 sites are too few to test 5 terms at once; test fewer"):
        joint_test(fit, ["baseline", "a", "b", "c", "d"])
