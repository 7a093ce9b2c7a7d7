"""Effects by time since the start with one reference for all: by hand, errors that few sites need, gaps, the report."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from analysis.disclosure import Gate, gate
from analysis.estimators.count_event_study import count_event_study
from analysis.estimators.course import GAP, course_of
from analysis.estimators.honest import Honest, for_few_sites, honest_bounds
from analysis.estimators.roll_out import callaway_santanna, sun_abraham
from analysis.estimators.staggered import group_time_effects
from analysis.report import honest
from analysis.result import AnalysisError, Course, Fitted
from instruments.plan import Outcome
from tests.unit.analysis.test_honest import COMPARISON, OPEN
from tests.unit.analysis.test_roll_out import means, table

TWELVE = (4,) * 6 + (6,) * 6 + (None,) * 8
OUTCOME = Outcome("gp", "Attendances", "count", False, (), estimator="callaway-santanna", setting="gp")
NAME = "callaway-santanna"


def panel_of(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(person=rows["site"], score=np.log(rows["count"] / rows["years"]))


def course(rows: pd.DataFrame, errors: str = "CR2") -> Course:
    found = course_of(panel_of(rows), errors)
    assert isinstance(found, Course)
    return found


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return table(TWELVE)


@pytest.fixture(scope="module")
def fitted(rows: pd.DataFrame) -> Fitted:
    return callaway_santanna(rows)


# ---------------------------------------------------------------------------- by hand


def test_every_effect_is_against_the_last_period_before_the_start(rows: pd.DataFrame) -> None:
    """At -3 both starts are seen, six sites each; at -5 the later one alone, at 3 the earlier one alone."""
    mean, found = means(rows), course(rows)

    def by_hand(group: int, since: int) -> float:
        own, others = (mean.loc[each, group + since] - mean.loc[each, group - 1] for each in (group, 0))
        return float(own - others)

    effects = dict(zip(found.since, found.effects, strict=True))
    assert found.since == (-5, -4, -3, -2, 0, 1, 2, 3)
    assert effects[-3] == pytest.approx((by_hand(4, -3) + by_hand(6, -3)) / 2, abs=1e-12)
    assert effects[-5] == pytest.approx(by_hand(6, -5), abs=1e-12)
    assert effects[3] == pytest.approx(by_hand(4, 3), abs=1e-12)
    assert found.weights == pytest.approx([12 / 36, 12 / 36, 6 / 36, 6 / 36])


def test_the_effects_are_those_of_sun_and_abraham_and_their_average_the_answer(
    rows: pd.DataFrame, fitted: Fitted
) -> None:
    found, beside = course(rows), sun_abraham(rows)
    assert found.effects == pytest.approx([term.estimate for term in beside.terms], abs=1e-10)
    assert np.dot(found.weights, found.effects[found.n_before :]) == pytest.approx(math.log(fitted.main.estimate))
    assert beside.course is None


def test_with_one_start_the_errors_are_those_of_two_means() -> None:
    """Changes of six sites and of eight: each group's variance over its sites, added."""
    rows = table((4,) * 6 + (None,) * 8)
    panel = panel_of(rows).pivot(index="site", columns="period", values="score").to_numpy()
    found = course(rows)
    change = np.delete(panel, 2, axis=1) - panel[:, [2]]
    expected = np.cov(change[:6].T) / 6 + np.cov(change[6:].T) / 8
    assert np.array(found.covariance) == pytest.approx(expected, rel=1e-10)
    assert np.array(course(rows, "classical").covariance) == pytest.approx(
        np.cov(change[:6].T, ddof=0) / 6 + np.cov(change[6:].T, ddof=0) / 8, rel=1e-10
    )
    assert np.array(course(rows, "CR1").covariance) == pytest.approx(
        14 / 13 * np.array(course(rows, "CR0").covariance), rel=1e-10
    )


def test_two_groups_of_one_size_have_the_degrees_of_freedom_of_all_sites_if_they_vary_alike() -> None:
    """The never-starters' series are those of the others with the sign turned round: their covariances are one."""
    rows = table((4,) * 6 + (None,) * 6)
    panel = panel_of(rows)
    own = panel.loc[panel["start"].notna(), "score"].to_numpy()
    panel.loc[panel["start"].isna(), "score"] = -own
    found = course_of(panel, "CR2")
    assert isinstance(found, Course)
    assert found.df == pytest.approx(10)


def test_degrees_of_freedom_lie_between_those_of_the_smallest_group_and_of_all(rows: pd.DataFrame) -> None:
    assert 5 <= course(rows).df <= 17


def test_too_few_sites_for_their_periods_have_none() -> None:
    assert course(table((7, 7, None, None), range(1, 10))).df == 0


def test_an_unknown_reference_is_refused(rows: pd.DataFrame) -> None:
    with pytest.raises(AnalysisError, match="unknown reference 'first'; allowed: period before, last before the start"):
        group_time_effects(panel_of(rows), before="first")


def test_unknown_errors_are_refused(rows: pd.DataFrame) -> None:
    with pytest.raises(AnalysisError, match="unknown errors 'HC9'; allowed: "):
        course_of(panel_of(rows), "HC9")


# ---------------------------------------------------------------------------- which there are


def test_starts_right_after_the_first_period_count_from_the_start_on_alone() -> None:
    found = course(table((2,) * 5 + (5,) * 5 + (None,) * 6))
    assert found.since == (-4, -3, -2, 0, 1, 2, 3, 4, 5)
    late = course(table((2,) * 5 + (5,) * 5 + (None,) * 6)[lambda rows: rows["start"].ne(2)])
    assert found.effects[:3] == pytest.approx(late.effects[:3], abs=1e-12)


@pytest.mark.parametrize("lacking", [3, 5, 6])
def test_a_gap_anywhere_in_the_calendar_is_told(rows: pd.DataFrame, lacking: int) -> None:
    """Other starts may fill its place among the times since the start, so that these show none."""
    fitted = callaway_santanna(rows[rows["period"] != lacking])
    assert fitted.course == GAP
    assert honest.bounds_of(COMPARISON, fitted) == GAP


def test_where_no_ratio_is_known_there_is_no_bend_in_per_cent(rows: pd.DataFrame) -> None:
    empty = rows.assign(count=rows["count"].where((rows["site"] != "s03") | (rows["period"] != 2), 0.0))
    found = callaway_santanna(empty).course
    assert isinstance(found, str)
    assert "no ratio is known" in found


# ---------------------------------------------------------------------------- the report


def test_the_table_has_the_bounds_of_the_answer(fitted: Fitted) -> None:
    found, own = honest.bounds_of(COMPARISON, fitted), fitted.course
    assert isinstance(found, Honest)
    assert isinstance(own, Course)
    wider, df = for_few_sites(own.covariance, 4, own.df)
    assert df == pytest.approx(own.df - 3)
    assert found == honest_bounds(own.effects, wider, 4, own.weights, df=df)
    shown = honest.table(COMPARISON, OUTCOME, NAME, fitted, found)
    assert shown.name == "honest-gp-callaway-santanna"
    assert shown.title.endswith("(Callaway and Sant'Anna)")
    assert "sites come in or drop out" in shown.notes[1]
    assert {label for label, _ in shown.rows} >= {"not at all in a period (quarters)"}


def test_the_sentence_names_what_the_answer_takes_for_granted(fitted: Fitted) -> None:
    (said,) = honest.in_words(OUTCOME, NAME, fitted, Honest((), math.log(1.03)), OPEN)
    assert said.startswith("The answer takes it that without the offer sites would have moved like those that never")
    assert "until the line may bend by 3% a period" in said


@pytest.mark.parametrize("since", [-5, -1, 3])
def test_few_events_in_any_period_keep_table_and_sentence_back(fitted: Fitted, since: int) -> None:
    """In the reference too, though it is no term."""
    few = replace(fitted, events={**fitted.events, f"start{since:+d}": 3})
    found = honest.bounds_of(COMPARISON, few)
    assert isinstance(found, Honest)
    shown = honest.table(COMPARISON, OUTCOME, NAME, few, found)
    released = gate([shown], 10).table(shown)
    assert {cell.text for _, cells in released.rows for cell in cells} == {"n<10"}
    assert list(honest.in_words(OUTCOME, NAME, few, found, Gate({}, 10))) == []


@pytest.mark.parametrize(
    ("starts", "why"),
    [
        ((5, 5, 5, None, None, None, None), "an arm has fewer than 4 sites"),
        ((5, 5, 5, 5, 5, None, None, None), "an arm has fewer than 4 sites"),
        ((7, 7, 7, 7, None, None, None, None), "too few sites for so many periods"),
    ],
)
def test_the_report_says_why_there_are_no_bounds(starts: tuple[int | None, ...], why: str) -> None:
    made = callaway_santanna(table(starts))
    found = honest.bounds_of(COMPARISON, made)
    assert isinstance(found, str)
    (said,) = honest.in_words(OUTCOME, NAME, made, found, OPEN)
    assert why in said


@pytest.mark.parametrize("few", [(4, 4, 4, 4, 4, 6), (4, 4, 4, 4, 6, 6, 6), (4, 5, 6, 7)])
def test_sites_that_start_singly_have_bounds_by_how_all_sites_vary(few: tuple[int, ...]) -> None:
    found = honest.bounds_of(COMPARISON, callaway_santanna(table((*few, *(None,) * 8))))
    assert isinstance(found, Honest)
    assert all(math.isfinite(bound.conf_low) and bound.conf_low < bound.conf_high for bound in found.bounds)


@pytest.mark.parametrize("errors", ["CR0", "CR1", "classical"])
def test_errors_that_take_too_little_chance_for_few_sites_make_no_bounds(errors: str) -> None:
    made = callaway_santanna(table((4, 4, 4, 4, 4, 6, *(None,) * 8)), errors=errors)
    found = honest.bounds_of(COMPARISON, made)
    assert isinstance(found, str)
    assert found.startswith("fewer than 4 sites start at one of the times")
    assert any(f"'{errors}' errors take too little chance for so few; name CR2" in said for said in made.warnings)


def test_one_effect_before_the_start_is_too_few() -> None:
    short = callaway_santanna(table((3,) * 5 + (None,) * 6))
    assert isinstance(short.course, Course)
    assert (short.course.n_before, honest.bounds_of(COMPARISON, short)) == (1, None)


def test_errors_between_sites_have_bounds_as_well() -> None:
    """Where errors are 'classical' no arm says how many sites it has; the course does."""
    rows = table((5,) * 12 + (None,) * 12)
    both = rows.assign(arm=rows["start"].notna().astype(int), period=rows["period"] - 5)
    for made in (callaway_santanna(rows, errors="classical"), count_event_study(both, errors="classical")):
        assert made.n_clusters is None
        assert isinstance(honest.bounds_of(COMPARISON, made), Honest)


def test_with_few_sites_at_each_start_the_interval_misses_as_often_as_it_says() -> None:
    """Three starts of four sites and six that never start: 5 % of 120 draws are 6; with errors taken as known 29 miss."""
    dice, missed = np.random.default_rng(2), 0
    starts = (3.0,) * 4 + (5.0,) * 4 + (7.0,) * 4 + (np.nan,) * 6
    for _ in range(120):
        moved = np.cumsum(dice.normal(size=(18, 8)), axis=1) + dice.normal(size=(18, 1))
        facts = [(f"s{i}", p + 1, starts[i], moved[i, p]) for i in range(18) for p in range(8)]
        panel = pd.DataFrame(facts, columns=["site", "period", "start", "score"])
        found = course_of(panel.assign(person=panel["site"]), "CR2")
        assert isinstance(found, Course)
        wider, df = for_few_sites(found.covariance, found.n_before, found.df)
        honest_ones = honest_bounds(found.effects, wider, found.n_before, found.weights, sizes=[0], df=df)
        missed += not honest_ones.bounds[0].conf_low <= 0 <= honest_ones.bounds[0].conf_high
    assert missed <= 11
