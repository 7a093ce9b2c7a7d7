"""Means with intervals and standardised differences, by hand."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from analysis.estimators.arm_mean import arm_mean
from analysis.estimators.imbalance import standardised_difference


def test_a_mean_of_independent_people_has_the_t_interval() -> None:
    """1, 2, 3: mean 2, standard error 1 / sqrt(3), t on 2 degrees of freedom 4.302653."""
    values = pd.Series([1.0, 2.0, 3.0])
    mean, low, high = arm_mean(values, pd.Series(["a"] * 3), errors="classical", confidence=0.95)
    reach = 4.302653 / math.sqrt(3)
    assert (mean, high - mean, mean - low) == pytest.approx((2, reach, reach), rel=1e-6)


def test_equal_sites_make_it_the_interval_of_the_site_means() -> None:
    values, site = pd.Series([0.0, 2.0, 2.0, 4.0, 4.0, 6.0]), pd.Series(list("aabbcc"))
    mean, low, high = arm_mean(values, site, errors="CR2", confidence=0.95)
    reach = 4.302653 * 2 / math.sqrt(3)
    assert (mean, low, high) == pytest.approx((3, 3 - reach, 3 + reach), rel=1e-6)


@pytest.mark.parametrize("values", [[], [5.0]])
def test_nobody_and_one_person_have_no_interval(values: list[float]) -> None:
    series = pd.Series(values, dtype=float)
    mean, low, high = arm_mean(series, pd.Series(["a"] * len(values)), errors="classical", confidence=0.95)
    assert math.isnan(low)
    assert math.isnan(high)
    assert math.isnan(mean) == (not values)


def test_one_site_has_a_mean_and_no_interval() -> None:
    mean, low, high = arm_mean(pd.Series([1.0, 3.0]), pd.Series(["a", "a"]), errors="CR2", confidence=0.95)
    assert mean == 2
    assert math.isnan(low)
    assert math.isnan(high)


def test_a_difference_of_one_standard_deviation_is_one() -> None:
    values = pd.Series([1.0, 2.0, 3.0, 2.0, 3.0, 4.0])
    assert standardised_difference(values, pd.Series([0, 0, 0, 1, 1, 1])) == pytest.approx(1.0)


def test_it_has_the_sign_of_intervention_minus_comparison() -> None:
    values = pd.Series([1.0, 2.0, 3.0, 2.0, 3.0, 4.0])
    assert standardised_difference(values, pd.Series([1, 1, 1, 0, 0, 0])) == pytest.approx(-1.0)


def test_for_two_levels_it_is_the_difference_of_shares_in_their_standard_deviation() -> None:
    arm = pd.Series([1] * 10 + [0] * 10)
    values = pd.Series(["yes"] * 6 + ["no"] * 4 + ["yes"] * 3 + ["no"] * 7, dtype="category")
    expected = (0.6 - 0.3) / math.sqrt((0.6 * 0.4 + 0.3 * 0.7) / 2)
    assert standardised_difference(values, arm) == pytest.approx(expected)


def test_the_order_of_the_levels_does_not_matter() -> None:
    dice = np.random.default_rng(5)
    arm = pd.Series(dice.integers(0, 2, 200))
    texts = pd.Series(dice.choice(["a", "b", "c", "d"], 200))
    one = standardised_difference(pd.Series(pd.Categorical(texts, categories=list("abcd"))), arm)
    other = standardised_difference(pd.Series(pd.Categorical(texts, categories=list("dbca"))), arm)
    assert other == pytest.approx(one)


@pytest.mark.parametrize(
    ("values", "arm"),
    [
        (pd.Series([1.0, 1.0, 1.0, 1.0]), pd.Series([1, 1, 0, 0])),
        (pd.Series([1.0, 2.0, 3.0]), pd.Series([1, 0, 0])),
        (pd.Series(["a"] * 4, dtype="category"), pd.Series([1, 1, 0, 0])),
    ],
    ids=["nobody differs", "one person in an arm", "one level"],
)
def test_where_nothing_can_be_said_it_is_missing(values: pd.Series, arm: pd.Series) -> None:
    assert math.isnan(standardised_difference(values, arm))


def test_levels_that_share_nothing_are_as_far_apart_as_can_be_said() -> None:
    arm = pd.Series([1, 1, 1, 0, 0, 0])
    values = pd.Series(["a", "a", "b", "b", "b", "b"], dtype="category")
    assert standardised_difference(values, arm) == pytest.approx((2 / 3) / math.sqrt(2 / 9 / 2))
