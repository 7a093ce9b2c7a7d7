"""The change of the same people between two measurements: against published tables, by hand, and as a law of numbers."""

from __future__ import annotations

from math import atan, pi, sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from tracker.paired import paired_change, t_quantile, t_within

# Fisher and Yates, Statistical Tables, table III, as NIST/SEMATECH e-Handbook 1.3.6.7.2 prints it: two-sided 5 %, 10 %, 1 %.
PUBLISHED = """
df     0.95     0.90     0.99
1      12.706   6.314    63.657
2      4.303    2.920    9.925
3      3.182    2.353    5.841
4      2.776    2.132    4.604
5      2.571    2.015    4.032
6      2.447    1.943    3.707
7      2.365    1.895    3.499
8      2.306    1.860    3.355
9      2.262    1.833    3.250
10     2.228    1.812    3.169
15     2.131    1.753    2.947
20     2.086    1.725    2.845
29     2.045    1.699    2.756
30     2.042    1.697    2.750
60     2.000    1.671    2.660
100    1.984    1.660    2.626
"""
HEADS, *LINES = [line.split() for line in PUBLISHED.strip().splitlines()]
CELLS = [(int(df), float(level), float(t)) for df, *row in LINES for level, t in zip(HEADS[1:], row, strict=True)]


@pytest.mark.parametrize(("df", "confidence", "printed"), CELLS)
def test_the_quantiles_are_those_of_the_printed_tables(df: int, confidence: float, printed: float):
    assert round(t_quantile(df, confidence), 3) == printed


@pytest.mark.parametrize("df", [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 24, 25, 99, 100, 501, 1000, 4999])
@pytest.mark.parametrize("confidence", [0.5, 0.8, 0.95, 0.999])
def test_the_quantiles_are_those_of_another_program_to_ten_figures(df: int, confidence: float):
    assert t_quantile(df, confidence) == pytest.approx(stats.t.ppf((1 + confidence) / 2, df), rel=1e-10)


@pytest.mark.parametrize("t", [0.0, 0.1, 1.0, 2.5, 40.0])
def test_few_degrees_of_freedom_have_closed_forms(t: float):
    """One: Cauchy's distribution; two, three and four: integrated by hand."""
    angle = atan(t / sqrt(3))
    closed = {
        1: 2 / pi * atan(t),
        2: t / sqrt(2 + t * t),
        3: 2 / pi * (angle + t * sqrt(3) / (3 + t * t)),
        4: t / sqrt(4 + t * t) * (1 + 2 / (4 + t * t)),
    }
    for df, expected in closed.items():
        assert t_within(t, df) == pytest.approx(expected, abs=1e-14), df


@given(st.integers(1, 300), st.floats(0.01, 0.99))
def test_a_quantile_is_where_the_probability_lies(df: int, confidence: float):
    assert t_within(t_quantile(df, confidence), df) == pytest.approx(confidence, abs=1e-12)


@given(st.integers(1, 200))
def test_more_people_make_the_quantile_smaller_and_never_smaller_than_the_normal_one(df: int):
    assert t_quantile(df) > t_quantile(df + 1) > 1.959963984540054


# ------------------------------------------------------------------------------------- by hand

TEN = [(14, 9), (12, 12), (20, 15), (9, 11), (17, 10), (22, 19), (8, 6), (15, 16), (11, 5), (18, 13)]
"""Changes -5, 0, -5, 2, -7, -3, -2, 1, -6, -5: sum -30, mean -3; squares 178, about the mean 178 - 90 = 88."""


def test_ten_people_worked_out_by_hand():
    """SD = sqrt(88 / 9) = 3.1269; error = 3.1269 / sqrt(10) = 0.98883; t(9) = 2.262157; reach = 2.23689."""
    found = paired_change(TEN)
    assert (found.n, found.mean) == (10, -3)
    assert found.sd == pytest.approx(sqrt(88 / 9))
    assert (round(found.low, 4), round(found.high, 4)) == (-5.2369, -0.7631)
    assert (found.mean_before, found.mean_after) == (14.6, 11.6)
    assert found.sd_before == pytest.approx(sqrt((2328 - 10 * 14.6**2) / 9))
    assert found.sd_after == pytest.approx(sqrt((1518 - 10 * 11.6**2) / 9))


def test_ten_people_as_another_program_has_them():
    later, earlier = [pair[1] for pair in TEN], [pair[0] for pair in TEN]
    interval = stats.ttest_rel(later, earlier).confidence_interval(0.95)
    found = paired_change(TEN)
    assert (found.low, found.high) == (pytest.approx(interval.low), pytest.approx(interval.high))


def test_everybody_who_changes_alike_leaves_no_doubt():
    found = paired_change([(1, 3), (5, 7), (2, 4)])
    assert (found.mean, found.sd, found.low, found.high) == (2, 0, 2, 2)


def test_two_people_have_an_interval_and_a_wide_one():
    """Changes 0 and 2: mean 1, SD sqrt(2), error 1, so 1 plus or minus t(1) = 12.706."""
    found = paired_change([(3, 3), (3, 5)])
    assert (round(found.low, 3), round(found.high, 3)) == (-11.706, 13.706)


SCORES = st.lists(st.tuples(st.integers(0, 27), st.integers(0, 27)), min_size=2, max_size=60)


@given(SCORES)
def test_the_mean_change_is_the_difference_of_the_means_in_the_middle_of_its_interval(pairs: list[tuple[int, int]]):
    found = paired_change(pairs)
    assert found.mean == pytest.approx(found.mean_after - found.mean_before, abs=1e-9)
    assert found.low <= found.mean <= found.high
    assert found.mean - found.low == pytest.approx(found.high - found.mean, abs=1e-9)


@given(SCORES)
def test_before_and_after_exchanged_the_change_has_the_other_sign(pairs: list[tuple[int, int]]):
    found, back = paired_change(pairs), paired_change([(after, before) for before, after in pairs])
    assert (back.mean, back.low, back.high) == (
        pytest.approx(-found.mean, abs=1e-9), pytest.approx(-found.high, abs=1e-9), pytest.approx(-found.low, abs=1e-9),
    )  # fmt: skip


@given(SCORES, st.integers(-50, 50))
def test_what_is_added_to_everybody_s_second_score_is_added_to_the_change(pairs: list[tuple[int, int]], more: int):
    found = paired_change(pairs)
    moved = paired_change([(before, after + more) for before, after in pairs])
    assert moved.mean == pytest.approx(found.mean + more, abs=1e-9)
    assert moved.sd == pytest.approx(found.sd, abs=1e-9)
    assert moved.high - moved.low == pytest.approx(found.high - found.low, abs=1e-8)


@given(st.randoms(use_true_random=False))
def test_the_order_of_the_people_does_not_matter(draw):
    mixed = draw.sample(TEN, len(TEN))
    assert paired_change(mixed).low == pytest.approx(paired_change(TEN).low)
