"""Weights, balance and adjusted p-values in cases whose answer is known, and everything that is refused."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.estimators import ancova
from analysis.estimators.multiplicity import adjusted_p_values
from analysis.estimators.weighted_difference import weigh, weighted_difference
from analysis.result import AnalysisError
from analysis.weighting import (
    e_value,
    e_value_of_limit,
    effective_size,
    entropy_weights,
    ratio_of_difference,
    score_weights,
    standardised_differences,
    support,
)
from tests.unit.analysis.unlike_arms import AGE, TOWN, study

# ---------------------------------------------------------------------------- weights


def test_weights_by_the_score_by_hand() -> None:
    arm, score = np.array([1.0, 1.0, 0.0, 0.0]), np.array([0.5, 0.8, 0.5, 0.2])
    expected = {
        "overlap": [0.5, 0.2, 0.5, 0.2],
        "ATT": [1, 1, 1, 0.25],
        "ATE": [2, 1.25, 2, 1.25],
        "none": [1, 1, 1, 1],
    }
    for kind, weights in expected.items():
        assert score_weights(kind, arm, score) == pytest.approx(weights)


@given(st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_overlap_weights_make_every_average_agree(seed: int) -> None:
    weighing = weigh(study(seed=seed), (AGE, TOWN), "overlap")
    assert weighing.balance.after == pytest.approx(0, abs=1e-9)


@given(st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_entropy_weights_make_the_comparison_arm_s_averages_those_of_the_intervention_arm(seed: int) -> None:
    rows = study(seed=seed)
    X, arm = rows[["baseline", "age"]].to_numpy(), rows["arm"].to_numpy()
    weights = entropy_weights(X, arm, ("baseline", "age"))
    assert np.average(X[arm == 0], axis=0, weights=weights[arm == 0]) == pytest.approx(X[arm == 1].mean(axis=0))
    assert weights[arm == 1] == pytest.approx(1)
    assert weights[arm == 0].sum() == pytest.approx((arm == 1).sum())
    assert (weights > 0).all()


def test_entropy_weights_of_two_values_by_hand() -> None:
    """Half of the intervention arm and a quarter of the comparison arm have it: weights 2 and 2/3, times the sizes."""
    X = np.array([[1.0], [0], [1], [0], [0], [0]])
    arm = np.array([1, 1, 0, 0, 0, 0])
    assert entropy_weights(X, arm, ("x",))[2:] == pytest.approx([1, 1 / 3, 1 / 3, 1 / 3])


def test_where_no_weights_can_do_it_the_term_is_named() -> None:
    rows = study()
    rows["age"] = np.where(rows["arm"] == 1, 80, 50) + rows.index % 7
    with pytest.raises(AnalysisError, match="no weights make the comparison arm's average of 'age' that of"):
        entropy_weights(rows[["baseline", "age"]].to_numpy(), rows["arm"].to_numpy(), ("baseline", "age"))


def test_a_term_that_is_the_same_for_everybody_is_named() -> None:
    with pytest.raises(AnalysisError, match="'x' is the same for everybody; take it out"):
        entropy_weights(np.ones((4, 1)), np.array([1, 1, 0, 0]), ("x",))


@pytest.mark.parametrize("kind", ["overlap", "entropy"])
def test_a_kind_of_people_in_one_arm_only_is_refused(kind: str) -> None:
    rows = study()
    rows["town"] = np.where((rows["arm"] == 1) & (rows.index % 3 == 0), "Ash", "Elm")
    only = "the propensity score's fit did not settle, as when everybody of some group is in one arm"
    with pytest.raises(AnalysisError, match=f"{only}.*'town=Elm'"):
        weigh(rows, (AGE, TOWN), kind)


def test_unknown_weights_are_refused_with_the_known_ones() -> None:
    with pytest.raises(AnalysisError, match="unknown weights 'matching'; allowed: overlap, ATT, ATE, none, entropy"):
        weigh(study(), (AGE,), "matching")
    with pytest.raises(AnalysisError, match="unknown weights 'matching'"):
        score_weights("matching", np.ones(2), np.ones(2))


# ---------------------------------------------------------------------------- balance


def test_a_standardised_difference_by_hand() -> None:
    """Means 3 and 1, variances 2 and 0.5: two over the root of 1.25; weighted, the means are 3.5 and 1."""
    X, arm = np.array([[2.0], [4], [0.5], [1.5]]), np.array([1, 1, 0, 0])
    assert standardised_differences(X, arm) == pytest.approx([2 / math.sqrt(1.25)])
    weights = np.array([1.0, 3, 5, 5])
    assert standardised_differences(X, arm, weights) == pytest.approx([2.5 / math.sqrt(1.25)])
    assert np.isnan(standardised_differences(np.array([[1.0], [1], [0], [0]]), arm)).all()


def test_an_effective_size_by_hand() -> None:
    assert effective_size(np.ones(7)) == 7
    assert effective_size(np.array([3.0, 1.0])) == pytest.approx(1.6)


def test_the_support_counts_whom_the_other_arm_lacks() -> None:
    found = support(np.array([0.4, 0.6, 0.9, 0.1, 0.5, 0.7]), np.array([1, 1, 1, 0, 0, 0]))
    assert (found.intervention, found.comparison, found.beyond) == ((0.4, 0.9), (0.1, 0.7), (1, 1))


# ---------------------------------------------------------------------------- weighted differences


def test_a_weighted_difference_is_that_of_weighted_means() -> None:
    rows = study()
    weighing = weigh(rows, (AGE,), "overlap")
    means = [
        np.average(rows["score"][rows["arm"] == arm], weights=weighing.weights[rows["arm"] == arm]) for arm in (1, 0)
    ]
    found = weighted_difference(rows, covariates=(AGE,), adjusted=False).main
    assert found.estimate == pytest.approx(means[0] - means[1], rel=1e-10)


@pytest.mark.parametrize("errors", ["CR0", "CR1", "CR1S", "CR2"])
def test_without_weights_it_is_the_analysis_of_covariance(errors: str) -> None:
    rows = study()
    one = weighted_difference(rows, covariates=(AGE,), weights="none", errors=errors).terms
    other = ancova(rows, covariates=(), errors=errors).terms
    for ours, theirs in zip(one, other, strict=True):
        expected = (theirs.estimate, theirs.std_error, theirs.df)
        assert (ours.estimate, ours.std_error, ours.df) == pytest.approx(expected, rel=1e-8)


def test_errors_between_people_without_weights_are_white_s() -> None:
    rows = study()
    found = weighted_difference(rows, covariates=(AGE,), weights="none", errors="classical", adjusted=False).main
    n = len(rows)
    variance = sum(((own - own.mean()) ** 2).sum() / len(own) ** 2 for _, own in rows.groupby("arm")["score"])
    assert found.std_error == pytest.approx(math.sqrt(n / (n - 2) * variance), rel=1e-9)
    assert (found.df, found.n_clusters) == (n - 2, None)


def test_cr2_of_weights_is_that_of_dense_matrices() -> None:
    """(I - H)(I - H)' of all rows, cut to a site and raised to minus a half."""
    rows = study(4, 9)
    weighing = weigh(rows, (AGE,), "ATT")
    X, w, site = weighing.laid.X[:, :2], weighing.weights, rows["site"].to_numpy()
    y = rows["score"].to_numpy()
    M = np.linalg.inv((X * w[:, None]).T @ X)
    maker = np.eye(len(y)) - X @ M @ (X * w[:, None]).T
    e, meat = maker @ y, np.zeros((2, 2))
    levers = []
    for code in np.unique(site):
        own = site == code
        values, vectors = np.linalg.eigh((maker @ maker.T)[np.ix_(own, own)])
        A = (vectors * values**-0.5) @ vectors.T
        half = (X[own] * w[own, None]).T @ A
        meat += np.outer(half @ e[own], half @ e[own])
        levers.append((M @ half @ maker[own])[1])
    P = np.array(levers) @ np.array(levers).T
    found = weighted_difference(rows, covariates=(AGE,), weights="ATT", adjusted=False).main
    assert found.std_error == pytest.approx(math.sqrt((M @ meat @ M)[1, 1]), rel=1e-9)
    assert found.df == pytest.approx(np.trace(P) ** 2 / (P * P).sum(), rel=1e-9)


def test_people_without_an_outcome_have_weights_all_the_same() -> None:
    rows = study()
    lost = rows.assign(score=rows["score"].mask(rows.index % 4 == 0))
    whole, part = weigh(rows, (AGE,)), weigh(lost, (AGE,))
    assert part.weights == pytest.approx(whole.weights)
    assert sum(weighted_difference(lost, covariates=(AGE,)).n) == int(lost["score"].notna().sum())


def test_what_weights_could_not_do_is_said() -> None:
    rows = study()
    rows.loc[0, "age"] = 20.0
    rows.loc[rows["arm"] == 0, "age"] = rows["age"].clip(lower=40)
    fitted = weighted_difference(rows, covariates=(AGE,), weights="none")
    assert fitted.warnings[0].startswith("After weighting the arms still differ by more than a tenth")
    assert "age" in fitted.warnings[0]
    assert "have a propensity score that nobody of the other arm has" in fitted.warnings[1]


def test_few_sites_forbid_a_p_value_and_one_an_interval() -> None:
    few = weighted_difference(study(3, 30), covariates=(AGE,))
    assert few.main.p_value is None
    assert "no p-value is given" in few.warnings[0]
    rows = study()
    rows.loc[rows["arm"] == 1, "site"] = "only one"
    one = weighted_difference(rows, covariates=(AGE,)).main
    assert (one.std_error, one.conf_low) == (None, None)


def test_unknown_errors_are_refused() -> None:
    with pytest.raises(AnalysisError, match="unknown errors 'HC3'; allowed: CR2"):
        weighted_difference(study(), covariates=(AGE,), errors="HC3")


# ---------------------------------------------------------------------------- E-values and p-values


def test_an_e_value_of_two_by_hand() -> None:
    assert e_value(2) == pytest.approx(2 + math.sqrt(2))
    assert e_value(0.5) == pytest.approx(e_value(2))
    assert e_value(1) == 1


@pytest.mark.parametrize(("low", "high", "nearer"), [(1.2, 3.0, 1.2), (0.4, 0.9, 0.9)])
def test_the_e_value_of_an_interval_is_that_of_the_limit_nearer_to_one(low: float, high: float, nearer: float) -> None:
    assert e_value_of_limit(low, high) == e_value(nearer)


def test_an_interval_that_holds_one_needs_nothing_to_explain_it() -> None:
    assert e_value_of_limit(0.9, 1.3) == 1


def test_limits_of_a_difference_are_those_of_the_paper() -> None:
    """exp(0.91 d - 1.78 se)."""
    assert ratio_of_difference(0.5, 0.1, -1.96) == pytest.approx(math.exp(0.91 * 0.5 - 1.78 * 0.1))


@pytest.mark.parametrize("ratio", [0.0, -1.0, math.nan])
def test_what_is_no_ratio_has_no_e_value(ratio: float) -> None:
    with pytest.raises(AnalysisError, match="is not above zero, and no ratio"):
        e_value(ratio)


def test_holm_and_hochberg_by_hand() -> None:
    assert adjusted_p_values([0.03, 0.01, 0.04]) == pytest.approx([0.06, 0.03, 0.06])
    assert adjusted_p_values([0.03, 0.01, 0.04], "hochberg") == pytest.approx([0.04, 0.03, 0.04])
    assert adjusted_p_values([]).size == 0


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
@settings(max_examples=60, deadline=None)
def test_adjusting_never_makes_a_p_value_smaller_and_holm_none_smaller_than_hochberg(p_values: list[float]) -> None:
    found = {name: adjusted_p_values(p_values, name) for name in ("bonferroni", "holm", "hochberg", "hommel")}
    chain = [np.array(p_values), found["hommel"], found["hochberg"], found["holm"], found["bonferroni"]]
    for smaller, larger in pairwise(chain):
        assert (smaller <= larger + 1e-12).all()
    assert max(values.max() for values in found.values()) <= 1


@pytest.mark.parametrize("wrong", [1.2, -0.1, math.nan])
def test_what_is_no_p_value_is_refused(wrong: float) -> None:
    with pytest.raises(AnalysisError, match="a p-value is missing, or not between 0 and 1"):
        adjusted_p_values([0.1, wrong])


def test_an_unknown_adjustment_is_refused() -> None:
    with pytest.raises(AnalysisError, match="unknown method 'sidak'; allowed: holm, hochberg"):
        adjusted_p_values([0.1], "sidak")
