"""Repeated scores with any covariance: against matrices written out in full, and closed forms when nobody is missing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from analysis.moments import Array, cluster_robust, from_rows, least_squares
from analysis.result import AnalysisError
from analysis.unstructured import LINEAR, Repeated, errors_by_site, unstructured

seeds = st.integers(0, 10_000)
SHAPE = np.array([[4.0, 2.0, 1.0], [2.0, 5.0, 2.5], [1.0, 2.5, 3.0]])


def made(seed: int, people: int = 40, kept: float = 0.75) -> Repeated:
    """People in two arms, measured up to three times; the first half has the intervention."""
    dice = np.random.default_rng(seed)
    person, period = np.repeat(np.arange(people), 3), np.tile(np.arange(3), people)
    arm = (person < people // 2).astype(float)
    x = dice.normal(size=people)[person]
    X = np.column_stack([np.ones(3 * people), arm, period == 1, period == 2, arm * (period == 2), x]).astype(float)
    y = X @ [10, 1, 2, 3, 1.5, 0.5] + (dice.normal(size=(people, 3)) @ np.linalg.cholesky(SHAPE).T).ravel()
    here = dice.random(3 * people) < kept
    return Repeated(X[here], y[here], np.unique(person[here], return_inverse=True)[1], period[here])


def complete(seed: int, people: int = 24, timepoints: int = 2) -> tuple[Repeated, Array]:
    """Everybody measured at every timepoint, a mean for each arm and timepoint; and the scores (people, timepoints)."""
    dice = np.random.default_rng(seed)
    scores = dice.normal(size=(people, timepoints)) @ np.linalg.cholesky(SHAPE[:timepoints, :timepoints]).T
    person, period = np.repeat(np.arange(people), timepoints), np.tile(np.arange(timepoints), people)
    arm = (person < people // 2).astype(float)
    after = [period == t for t in range(1, timepoints)]
    X = np.column_stack([np.ones(len(arm)), arm, *after, *[arm * each for each in after]]).astype(float)
    return Repeated(X, scores.ravel(), person, period), scores


def in_full(repeated: Repeated, covariance: Array) -> Array:
    """The covariance matrix of all rows."""
    same = repeated.person[:, None] == repeated.person
    return np.where(same, covariance[np.ix_(repeated.period, repeated.period)], 0.0)


@given(seeds)
@settings(max_examples=15, deadline=None)
def test_the_likelihood_is_what_matrices_of_all_rows_give(seed: int) -> None:
    repeated = made(seed)
    fit = unstructured(repeated)
    X, y, found = repeated.X, repeated.y, fit.maximum
    inverse = np.linalg.inv(in_full(repeated, fit.covariance))
    phi = np.linalg.inv(X.T @ inverse @ X)
    P = inverse - inverse @ X @ phi @ X.T @ inverse
    log_det = -np.linalg.slogdet(inverse)[1] - np.linalg.slogdet(phi)[1]
    assert found.deviance == pytest.approx(log_det + y @ P @ y + (len(y) - 6) * np.log(2 * np.pi), rel=1e-9)
    assert found.beta == pytest.approx(phi @ X.T @ inverse @ y, rel=1e-7)
    places = np.column_stack(np.tril_indices(3))
    parts = [
        in_full(repeated, np.array([[float({i, j} == {a, b}) for b in range(3)] for a in range(3)])) for i, j in places
    ]
    turned, Py = [P @ K for K in parts], P @ y
    for k, K in enumerate(parts):
        assert found.gradient[k] == pytest.approx(np.trace(turned[k]) - Py @ K @ Py, abs=1e-6)
        assert found.gradient[k] == pytest.approx(0, abs=1e-5)
        for j, other in enumerate(parts):
            expected = (turned[k] * turned[j].T).sum() / 2
            assert found.expected[k, j] == pytest.approx(expected, abs=1e-7)
            assert found.observed[k, j] == pytest.approx(Py @ K @ P @ other @ Py - expected, abs=1e-6)


@given(seeds)
@settings(max_examples=10, deadline=None)
def test_no_other_covariance_nearby_is_likelier(seed: int) -> None:
    repeated = made(seed)
    best = unstructured(repeated)
    dice = np.random.default_rng(seed)
    for _ in range(5):
        nudge = dice.normal(size=(3, 3)) * 0.05
        assert unstructured(repeated, best.covariance + nudge + nudge.T).maximum.deviance > best.maximum.deviance


@pytest.mark.parametrize(("seed", "people"), [(2, 10), (33, 11), (41, 19), (43, 21), (95, 13)])
def test_small_studies_settle_too(seed: int, people: int) -> None:
    """Cases in which steps by the expected information alone go round for hundreds of times."""
    fit = unstructured(made(seed, people=people, kept=0.7))
    assert np.abs(fit.maximum.gradient).max() < 1e-6
    assert np.linalg.eigvalsh(fit.maximum.observed)[0] > 0


@pytest.mark.parametrize(("seed", "people"), [(3, 11), (30, 8), (31, 9), (60, 8), (64, 12), (70, 18)])
def test_studies_too_small_to_say_are_refused_in_words(seed: int, people: int) -> None:
    """Fewer people than their covariance needs: the likelihood rises towards a covariance that is none."""
    with pytest.raises(AnalysisError, match=r"did not settle|cannot be told apart|cannot be estimated"):
        unstructured(made(seed, people=people, kept=0.7))


# ---------------------------------------------------------------------------- nobody missing


@pytest.mark.parametrize("timepoints", [2, 3])
def test_when_nobody_is_missing_the_covariance_is_that_within_the_arms(timepoints: int) -> None:
    repeated, scores = complete(1, timepoints=timepoints)
    half = len(scores) // 2
    within = (np.cov(scores[:half].T) + np.cov(scores[half:].T)) / 2
    assert unstructured(repeated).covariance == pytest.approx(within, rel=1e-7)


@pytest.mark.parametrize("kind", ["Satterthwaite", LINEAR])
def test_then_the_difference_in_change_is_the_t_test_of_changes(kind: str) -> None:
    repeated, scores = complete(2)
    change, half = scores[:, 1] - scores[:, 0], len(scores) // 2
    expected = stats.ttest_ind(change[:half], change[half:])
    fit = unstructured(repeated)
    found = fit.errors(kind)
    assert fit.maximum.beta[-1] / found.std_error[-1] == pytest.approx(expected.statistic)
    assert found.df[-1] == pytest.approx(len(scores) - 2, rel=1e-6)


def test_counting_logarithms_or_variances_changes_errors_a_little_and_df_not_at_all() -> None:
    fit = unstructured(made(3))
    one, other = fit.errors("Kenward-Roger"), fit.errors(LINEAR)
    assert one.df == pytest.approx(other.df)
    assert one.std_error == pytest.approx(other.std_error, rel=0.05)
    assert one.std_error != pytest.approx(other.std_error, rel=1e-6)


# ---------------------------------------------------------------------------- by site


def test_by_site_equal_sites_give_the_t_test_of_the_sites_mean_changes() -> None:
    repeated, scores = complete(4, people=60)
    site = np.repeat(np.arange(10), 12)
    means = (scores[:, 1] - scores[:, 0]).reshape(10, 6).mean(axis=1)
    expected = stats.ttest_ind(means[:5], means[5:])
    fit = unstructured(repeated)
    found = errors_by_site(fit, site)
    assert fit.maximum.beta[-1] / found.std_error[-1] == pytest.approx(expected.statistic)
    assert found.df[-1] == pytest.approx(8)


def test_by_site_with_scores_unrelated_and_of_one_variance_it_is_cr2_of_least_squares() -> None:
    repeated = made(5)
    site = (repeated.person // 4).astype(np.int64)
    given = errors_by_site(unstructured(repeated, 2.0 * np.eye(3)), site)
    plain = cluster_robust(least_squares(from_rows(repeated.X, repeated.y, site, list("abcdef"))))
    assert given.std_error == pytest.approx(plain.std_error, rel=1e-8)
    assert given.df == pytest.approx(plain.df, rel=1e-8)


def test_by_site_it_is_right_on_average_when_the_working_covariance_is_true() -> None:
    """The mean over all residuals that the covariance allows, exactly: one direction of its root after another."""
    repeated = made(6, people=16)
    site = (repeated.person // 4).astype(np.int64)
    root = np.linalg.cholesky(in_full(repeated, SHAPE))
    total = np.zeros((6, 6))
    for direction in root.T:
        fit = unstructured(Repeated(repeated.X, direction, repeated.person, repeated.period), SHAPE)
        total += errors_by_site(fit, site).covariance
    assert total == pytest.approx(fit.maximum.phi, rel=1e-6, abs=1e-9)


def test_by_site_one_site_is_refused() -> None:
    repeated = made(1)
    with pytest.raises(AnalysisError, match="two sites or more"):
        errors_by_site(unstructured(repeated), np.zeros(len(repeated.y), dtype=np.int64))


# ---------------------------------------------------------------------------- refusals


def test_two_timepoints_that_nobody_shares_are_refused() -> None:
    repeated = made(1)
    counts = np.bincount(repeated.person)[repeated.person]
    here = (counts == 1) | ((counts == 2) & (repeated.period < 2))
    part = Repeated(
        repeated.X[here],
        repeated.y[here],
        np.unique(repeated.person[here], return_inverse=True)[1],
        repeated.period[here],
    )
    with pytest.raises(AnalysisError, match="two timepoints have nobody who was measured at both"):
        unstructured(part)


def test_scores_without_variation_are_refused() -> None:
    repeated = made(1)
    with pytest.raises(AnalysisError, match="fits every score exactly; there is no variation to judge it by"):
        unstructured(Repeated(repeated.X, repeated.X.sum(axis=1), repeated.person, repeated.period))


def test_a_timepoint_that_repeats_another_is_refused() -> None:
    repeated, scores = complete(7, timepoints=3)
    scores[:, 2] = scores[:, 1] + 1
    with pytest.raises(AnalysisError, match=r"did not settle|cannot be told apart|cannot be estimated"):
        unstructured(Repeated(repeated.X, scores.ravel(), repeated.person, repeated.period))


def test_unknown_errors_are_refused_with_those_that_there_are() -> None:
    with pytest.raises(AnalysisError, match="allowed: Kenward-Roger, Satterthwaite, Kenward-Roger-linear"):
        unstructured(made(1)).errors("CR2")
