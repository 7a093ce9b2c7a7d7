"""Bounds of an event study whose answers can be written down, what they refuse, and what a report makes of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from analysis.disclosure import Gate
from analysis.estimators.count_event_study import count_event_study, periods_of
from analysis.estimators.honest import Honest, for_few_sites, honest_bounds
from analysis.report import honest
from analysis.report.comparison import Comparison
from analysis.result import AnalysisError, Course, Fitted
from instruments.plan import Outcome
from tests.unit.analysis.test_count_event_study import table as counts

Z = 1.959963984540054
OPEN = Gate({}, 10)


# ---------------------------------------------------------------------------- closed forms


def test_with_no_bend_a_straight_line_through_the_reference_is_taken_off() -> None:
    """Errors alike and apart: the slope is that of least squares through zero, and its error joins the average's."""
    effects, error = np.array([-0.3, -0.1, -0.2, 0.5, 0.7]), 0.1
    times, later = np.array([-3.0, -2.0, -1.0]), 1.5
    slope = times @ effects[:3] / (times @ times)
    middle, reach = 0.6 - later * slope, Z * error * math.sqrt(1 / 2 + later**2 / (times @ times))
    (bound,) = honest_bounds(effects, error**2 * np.eye(5), 3, sizes=[0]).bounds
    assert bound.conf_low == pytest.approx(middle - reach, abs=1e-7)
    assert bound.conf_high == pytest.approx(middle + reach, abs=1e-7)


def test_without_errors_what_is_left_is_what_the_bends_can_do() -> None:
    """The last slope before the start goes on; bends of `size` at the reference and after it add up."""
    effects, size = np.array([0.4, 0.1, 0.5, 0.7, 0.6]), 0.05
    middle = 0.6 - 2 * (0 - 0.1)
    worst = size * ((1 + 2 + 3) / 3 + (0 + 1 + 2) / 3 + 1 / 3)
    (bound,) = honest_bounds(effects, 1e-12 * np.eye(5), 2, sizes=[size]).bounds
    assert bound.conf_low == pytest.approx(middle - worst, abs=1e-4)
    assert bound.conf_high == pytest.approx(middle + worst, abs=1e-4)


def test_the_breakdown_value_without_errors_is_the_middle_by_what_one_bend_does() -> None:
    effects = np.array([0.4, 0.1, 0.5, 0.7, 0.6])
    found = honest_bounds(effects, 1e-12 * np.eye(5), 2)
    assert found.breakdown == pytest.approx(0.8 / (2 + 1 + 1 / 3), rel=1e-3)


def test_many_periods_after_the_start_need_no_more_sites() -> None:
    """Of them all the average alone counts, with its error: here each moves as the others, so none can be told apart."""
    effects, errors = np.array([0.1, -0.1, 0.5, 0.7, 0.6]), np.eye(5)
    errors[2:, 2:] = 1.0
    found = honest_bounds(effects, 0.01 * errors, 2, sizes=[0])
    one = honest_bounds([0.1, -0.1, 0.6], 0.01 * np.eye(3), 2, sizes=[0])
    slope = np.array([-2.0, -1.0]) @ effects[:2] / 5
    middles = [(each.bounds[0].conf_low + each.bounds[0].conf_high) / 2 for each in (found, one)]
    assert middles == pytest.approx([0.6 - 2 * slope, 0.6 - slope], abs=1e-6)
    reach = (found.bounds[0].conf_high - found.bounds[0].conf_low) / 2
    assert reach == pytest.approx(Z * 0.1 * math.sqrt(1 + 4 / 5), abs=1e-7)


def test_the_breakdown_value_is_zero_where_a_straight_line_is_enough() -> None:
    assert honest_bounds([-0.2, -0.1, 0.1, 0.2], 0.01**2 * np.eye(4), 2).breakdown == 0


def test_a_line_added_to_the_effects_changes_nothing() -> None:
    effects, line = np.array([0.1, -0.1, 0.5, 0.7]), 0.3 * np.array([-2.0, -1.0, 1.0, 2.0])
    one, other = (honest_bounds(each, 0.01 * np.eye(4), 2) for each in (effects, effects + line))
    for own, moved in zip(one.bounds, other.bounds, strict=True):
        assert (moved.conf_low, moved.conf_high) == pytest.approx((own.conf_low, own.conf_high), abs=1e-6)


def test_intervals_follow_the_unit_and_widen_with_bends_and_fewer_degrees_of_freedom() -> None:
    effects, errors = np.array([0.1, -0.1, 0.5, 0.7]), 0.01 * np.eye(4) + 0.002
    one = honest_bounds(effects, errors, 2, sizes=(0, 0.1, 0.3))
    hundred = honest_bounds(100 * effects, 1e4 * errors, 2, sizes=(0, 10, 30))
    few = honest_bounds(effects, errors, 2, sizes=(0, 0.1, 0.3), df=6)
    lengths = [bound.conf_high - bound.conf_low for bound in one.bounds]
    assert lengths == sorted(lengths)
    assert len(set(lengths)) == 3
    for own, times, wide in zip(one.bounds, hundred.bounds, few.bounds, strict=True):
        assert times.conf_low == pytest.approx(100 * own.conf_low, abs=1e-3)
        assert wide.conf_high - wide.conf_low > own.conf_high - own.conf_low


def test_with_few_sites_the_interval_misses_as_often_as_it_says() -> None:
    """24 sites, seven periods before: 5 % of 300 draws are 15; without the widening it is some 48."""
    dice, within, errors = np.random.default_rng(1), 22, 0.01 * (np.eye(11) + 1)
    root, missed = np.linalg.cholesky(errors), 0
    for _ in range(300):
        drawn, effects = root @ dice.normal(size=(11, within)), root @ dice.normal(size=11)
        wider, df = for_few_sites(drawn @ drawn.T / within, 7, within)
        (bound,) = honest_bounds(effects, wider, 7, sizes=[0], df=df).bounds
        missed += not bound.conf_low <= 0 <= bound.conf_high
    assert 5 <= missed <= 26


def test_sites_as_few_as_the_weights_are_refused() -> None:
    with pytest.raises(AnalysisError, match="too few sites"):
        for_few_sites(np.eye(11), 7, 7)


# ---------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"n_before": 1}, "fewer than two periods"),
        ({"n_before": 4}, "no period lies after"),
        ({"effects": [0.1, math.nan, 0.2, 0.3]}, "missing"),
        ({"covariance": np.eye(3)}, "4 rows"),
        ({"covariance": np.full((4, 4), 0.1)}, "too few sites"),
        ({"covariance": np.diag([1.0, 0.0, 1.0, 1.0])}, "too few sites"),
        ({"covariance": -np.eye(4)}, "too few sites"),
        ({"covariance": np.diag([1.0, 1.0, 0.0, 0.0])}, "too few sites"),
        ({"weights": [1.0]}, "weights: give 2"),
        ({"weights": [1.0, -1.0]}, "sum above 0"),
        ({"sizes": [-0.1]}, "sizes"),
        ({"sizes": [math.nan]}, "sizes"),
    ],
)
def test_what_cannot_be_bounded_is_refused(change: dict[str, object], fault: str) -> None:
    told = {"effects": [0.1, 0.0, 0.2, 0.3], "covariance": 0.01 * np.eye(4), "n_before": 2} | change
    with pytest.raises(AnalysisError, match=fault):
        honest_bounds(**told)  # type: ignore[arg-type]


# ---------------------------------------------------------------------------- from an event study to the report


class _Plan:
    confidence = 0.95


class _Comparison:
    plan = _Plan()


COMPARISON: Comparison = _Comparison()  # type: ignore[assignment]
OUTCOME = Outcome("gp", "Attendances", "count", False, (), estimator="event-study", setting="gp")


@pytest.fixture(scope="module")
def fitted() -> Fitted:
    return count_event_study(counts(sites=12))


def test_an_event_study_carries_the_covariance_of_its_terms(fitted: Fitted) -> None:
    assert isinstance(fitted.course, Course)
    own = np.array(fitted.course.covariance)
    assert np.sqrt(np.diag(own)) == pytest.approx([term.std_error for term in fitted.terms], rel=1e-9)
    after = np.array([(periods_of(term.term) or 0) >= 0 for term in fitted.terms]) / 3
    assert math.sqrt(after @ own @ after) == pytest.approx(fitted.main.std_error, rel=1e-9)
    assert (fitted.course.since, fitted.course.n_before) == ((-4, -3, -2, 0, 1, 2), 3)
    assert (fitted.course.df, fitted.course.sites) == (22, (12, 12))
    assert fitted.course.weights == pytest.approx([1 / 3] * 3)
    assert fitted.course.effects == tuple(term.estimate for term in fitted.terms)


def test_the_table_has_the_bounds_as_rate_ratios(fitted: Fitted) -> None:
    found = honest.bounds_of(COMPARISON, fitted)
    assert isinstance(found, Honest)
    assert isinstance(fitted.course, Course)
    effects = [term.estimate for term in fitted.terms]
    wider, df = for_few_sites(fitted.course.covariance, 3, 22)
    assert df == 20
    assert found == honest_bounds(effects, wider, 3, df=df)
    shown = honest.table(COMPARISON, OUTCOME, "event-study", fitted, found)
    assert (shown.name, len(shown.notes)) == ("honest-gp", 1)
    assert [label for label, _ in shown.rows][:2] == [
        "not at all in a period (quarters)",
        "by 1% in a period (quarters)",
    ]
    for (_, (cell,)), bound in zip(shown.rows, found.bounds, strict=True):
        assert cell.stats["conf_low"] == math.exp(bound.conf_low)
        assert cell.n == min(fitted.events.values())


def test_the_sentence_names_the_breakdown_value(fitted: Fitted) -> None:
    (said,) = honest.in_words(OUTCOME, "event-study", fitted, Honest((), math.log(1.021)), OPEN)
    assert "until the line may bend by 2.1% a period" in said
    (said,) = honest.in_words(OUTCOME, "event-study", fitted, Honest((), 0.0), OPEN)
    assert "would have 1 in it" in said


def test_few_events_keep_the_sentence_back(fitted: Fitted) -> None:
    few = replace(fitted, events={**fitted.events, fitted.terms[0].term: 3})
    assert not list(honest.in_words(OUTCOME, "event-study", few, Honest((), 0.1), OPEN))


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda: count_event_study(counts(sites=3)), "fewer than 4 sites"),
        (lambda: count_event_study(counts(sites=4, periods=range(-8, 4))), "too few sites"),
        (lambda: count_event_study(counts(sites=9)[lambda rows: rows["period"] != -3]), "missing between"),
    ],
)
def test_the_report_says_why_there_are_no_bounds(make: Callable[[], Fitted], why: str) -> None:
    made = make()
    found = honest.bounds_of(COMPARISON, made)
    assert isinstance(found, str)
    (said,) = honest.in_words(OUTCOME, "event-study", made, found, OPEN)
    assert why in said


def test_other_methods_and_short_times_before_have_none(fitted: Fitted) -> None:
    assert honest.bounds_of(COMPARISON, replace(fitted, course=None)) is None
    short = count_event_study(counts(periods=range(-2, 2)))
    assert honest.bounds_of(COMPARISON, short) is None
