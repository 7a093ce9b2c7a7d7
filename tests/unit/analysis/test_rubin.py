"""Rubin's rules by hand, their limits, and what a shift of imputed values does to an interval."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.missing import Shifted, pool, relative_efficiency
from analysis.missing.rubin import barnard_rubin
from analysis.result import AnalysisError


def one(values: list[float], variances: list[float], df: float = math.inf) -> tuple[float, float, float]:
    """Estimate, variance and degrees of freedom of a single coefficient."""
    found = pool(np.array(values)[:, None], np.array(variances)[:, None, None], df)
    return float(found.estimate[0]), float(found.covariance[0, 0]), float(found.df[0])


def test_three_estimates_by_hand() -> None:
    """Mean 2; within 0.5, between 1, total 0.5 + 4/3 = 11/6; share 8/11; Rubin's df 2 x (11/8)^2 = 3.78125."""
    estimate, variance, df = one([1.0, 2.0, 3.0], [0.4, 0.5, 0.6])
    assert (estimate, variance, df) == pytest.approx((2.0, 11 / 6, 3.78125))


def test_the_degrees_of_freedom_of_few_sites_by_hand() -> None:
    """With 10 of the complete data: observed 11/13 x 10 x 3/11 = 30/13, and 1 / (1/3.78125 + 13/30)."""
    _, _, df = one([1.0, 2.0, 3.0], [0.4, 0.5, 0.6], 10)
    assert df == pytest.approx(1 / (1 / 3.78125 + 13 / 30))


def test_the_fraction_of_missing_information_by_hand() -> None:
    """Relative increase r = (4/3) / 0.5; fraction (r + 2 / (df + 3)) / (r + 1)."""
    found = pool([[1.0], [2.0], [3.0]], [[[0.4]], [[0.5]], [[0.6]]])
    r = (4 / 3) / 0.5
    assert found.share[0] == pytest.approx(8 / 11)
    assert found.fraction_missing[0] == pytest.approx((r + 2 / (3.78125 + 3)) / (r + 1))


def test_covariances_between_coefficients_are_pooled_too() -> None:
    estimates = np.array([[0.0, 1.0], [2.0, 0.0], [1.0, 2.0]])
    within = np.stack([np.array([[1.0, 0.2], [0.2, 2.0]])] * 3)
    found = pool(estimates, within)
    between = np.cov(estimates.T)
    assert found.covariance == pytest.approx(within[0] + 4 / 3 * between)
    assert found.covariance[0, 1] == found.covariance[1, 0]
    assert found.std_error == pytest.approx(np.sqrt(np.diagonal(found.covariance)))


def test_estimates_that_do_not_differ_are_as_if_nothing_were_missing() -> None:
    found = pool([[1.5], [1.5]], [[[0.3]], [[0.3]]], 7)
    assert (found.estimate[0], found.covariance[0, 0], found.df[0]) == (1.5, 0.3, 7)
    assert (found.share[0], found.fraction_missing[0]) == (0, 0)


def test_one_data_set_is_itself() -> None:
    assert one([1.5], [0.3], 7) == (1.5, 0.3, 7)


def test_where_only_the_imputations_vary_all_information_is_missing() -> None:
    found = pool([[1.0], [2.0]], [[[0.0]], [[0.0]]], 9)
    assert found.share[0] == 1
    assert found.fraction_missing[0] == 1
    assert found.df[0] == 0


def test_no_variance_at_all_is_no_missing_information() -> None:
    found = pool([[1.0], [1.0]], [[[0.0]], [[0.0]]], 9)
    assert (found.share[0], found.fraction_missing[0], found.df[0]) == (0, 0, 9)


@given(st.lists(st.floats(-5, 5), min_size=2, max_size=12), st.floats(0.01, 4), st.floats(1, 200))
def test_the_degrees_of_freedom_never_exceed_those_of_the_complete_data(
    values: list[float], variance: float, complete: float
) -> None:
    _, total, df = one(values, [variance] * len(values), complete)
    assert df <= complete + 1e-9
    assert total >= variance - 1e-12


@given(st.lists(st.floats(-5, 5), min_size=2, max_size=8), st.floats(0.1, 10), st.floats(-3, 3))
def test_units_and_origin_of_the_coefficient_do_not_matter(values: list[float], unit: float, origin: float) -> None:
    plain = one(values, [0.5] * len(values), 12)
    other = one([origin + unit * value for value in values], [0.5 * unit**2] * len(values), 12)
    assert other[0] == pytest.approx(origin + unit * plain[0], abs=1e-9)
    assert other[1] == pytest.approx(unit**2 * plain[1])
    if np.ptp(values) > 1e-6:
        assert other[2] == pytest.approx(plain[2], rel=1e-6)


def test_the_order_of_data_sets_does_not_matter() -> None:
    assert one([1.0, 4.0, 2.0], [0.3, 0.5, 0.4], 8) == pytest.approx(one([4.0, 2.0, 1.0], [0.5, 0.4, 0.3], 8))


def test_more_imputations_of_the_same_spread_cost_less() -> None:
    few, many = one([1.0, 3.0], [0.5] * 2, 20), one([1.0, 3.0] * 20, [0.5] * 40, 20)
    assert many[1] < few[1]
    assert many[2] > few[2]


def test_degrees_of_freedom_without_limit_are_rubin_s() -> None:
    assert barnard_rubin([0.2, 0.5], 20) == pytest.approx([19 / 0.04, 19 / 0.25])


def test_nothing_missing_leaves_the_degrees_of_freedom() -> None:
    assert barnard_rubin([0.0, 0.0], 20, [14.0, math.inf]).tolist() == [14.0, math.inf]


@pytest.mark.parametrize(
    ("fraction", "m", "expected"), [(0, 5, 1), (0.5, 5, 10 / 11), (0.4, 20, 1 / 1.02), (1, 1, 0.5)]
)
def test_relative_efficiency_is_that_of_the_textbook(fraction: float, m: int, expected: float) -> None:
    assert relative_efficiency(fraction, m) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("estimates", "covariances"),
    [([1.0, 2.0], [[[1.0]], [[1.0]]]), ([[1.0]], [[1.0]]), ([[1.0, 2.0]], [[[1.0]]]), (np.empty((0, 1)), np.empty((0, 1, 1)))],
)  # fmt: skip
def test_shapes_that_do_not_belong_together_are_refused(estimates: object, covariances: object) -> None:
    with pytest.raises(AnalysisError, match=r"do not belong together; give \(m, p\) and \(m, p, p\)"):
        pool(estimates, covariances)  # type: ignore[arg-type]


@pytest.mark.parametrize("df", [0, -1, math.nan])
def test_degrees_of_freedom_that_are_none_are_refused(df: float) -> None:
    with pytest.raises(AnalysisError, match="degrees of freedom of the complete data are not above zero"):
        pool([[1.0]], [[[1.0]]], df)


# ---------------------------------------------------------------------------- shifts


def line(slope: float = 1.0, at_zero: float = 1.0, variance: float = 0.25) -> Shifted:
    """The same estimate in every data set, so that the interval is at_zero + slope delta, give or take."""
    return Shifted(np.array([[at_zero, slope]] * 3), np.array([[variance, 0.0, 0.0]] * 3), math.inf)


def test_an_estimate_moves_in_a_straight_line_and_its_interval_with_it() -> None:
    low, high = line().limits(0.5, 0.95)
    assert (low + high) / 2 == pytest.approx(1.5)
    assert (high - low) / 2 == pytest.approx(1.959964 * 0.5, rel=1e-6)


def test_the_answer_turns_where_a_limit_meets_zero() -> None:
    """1 + delta - 1.96 x 0.5 = 0 at delta = -0.02, and the far limit at -1.98."""
    assert line().tipping(-5, 0.95) == pytest.approx(1.959964 / 2 - 1, rel=1e-5)
    assert line(at_zero=-1.0).tipping(5, 0.95) == pytest.approx(1 - 1.959964 / 2, rel=1e-5)


def test_an_interval_that_holds_zero_turns_where_it_ceases_to() -> None:
    assert line(at_zero=0.0).tipping(5, 0.95) == pytest.approx(1.959964 / 2, rel=1e-6)
    assert line(at_zero=0.0).tipping(-5, 0.95) == pytest.approx(-1.959964 / 2, rel=1e-6)


@pytest.mark.parametrize(("reach", "slope"), [(5.0, 1.0), (-0.01, 1.0), (-5.0, 0.0)])
def test_an_answer_that_no_shift_turns_does_not_turn(reach: float, slope: float) -> None:
    assert line(slope).tipping(reach, 0.95) is None


def test_the_first_of_two_turns_counts() -> None:
    """Going down, the interval first takes zero in and later leaves it behind."""
    assert line().tipping(-1_000, 0.95) == pytest.approx(1.959964 / 2 - 1, rel=1e-5)


def test_without_any_way_to_go_nothing_turns() -> None:
    assert line().tipping(0.0, 0.95) is None


def test_variances_may_bend_with_the_shift() -> None:
    bent = Shifted(np.array([[0.0, 0.0]] * 2), np.array([[1.0, 0.0, 1.0]] * 2), math.inf)
    assert bent.at(2.0).covariance[0, 0] == pytest.approx(5.0)
    assert bent.at(-2.0).covariance[0, 0] == pytest.approx(5.0)
