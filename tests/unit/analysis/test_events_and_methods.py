"""Scores that become events, and what the report says of risks and of the methods beside an answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from analysis.cohort import Cohort, had, long_rows_of, rows_of, scores_at
from analysis.disclosure import Gate, gate
from analysis.report import contents, outcomes, sensitivity, words
from analysis.report.comparison import Beside, Comparison
from analysis.result import Estimate, Fitted
from instruments.plan import Event
from tests.unit.analysis.study import PLAN, Rows
from tests.unit.analysis.test_words import estimate, fitted

Make = Callable[..., Cohort]
OPEN = Gate({}, 10)
EVENT = '[[outcomes]]\nid = "low"\nlabel = "Low mood"\nkind = "binary"\ninstrument = "phq9"\nat_least = 10\n'


@pytest.fixture
def cohort(rows: Rows, cohort_of: Make) -> Cohort:
    return cohort_of(rows, PLAN + EVENT)


# ---------------------------------------------------------------------------- events


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (Event(at_least=10), [0.0, 1.0, 1.0, None]),
        (Event(at_most=10), [1.0, 1.0, 0.0, None]),
        (Event(at_least=9.5), [0.0, 1.0, 1.0, None]),
        (Event(at_least=0), [1.0, 1.0, 1.0, None]),
        (Event(at_most=0), [0.0, 0.0, 0.0, None]),
        (None, [9.0, 10.0, 11.0, None]),
    ],
)
def test_a_limit_counts_itself_and_who_was_not_measured_is_neither(
    event: Event | None, expected: list[float | None]
) -> None:
    found = had(pd.Series([9.0, 10.0, 11.0, np.nan], index=list("abcd")), event)
    assert [None if pd.isna(value) else value for value in found] == expected
    assert found.dtype == float
    assert list(found.index) == list("abcd")


def test_rows_of_an_event_are_those_of_its_scores_before_and_after_and_of_the_same_people(cohort: Cohort) -> None:
    scored, low = cohort.plan.outcomes[1], cohort.plan.outcomes[3]
    plain, found = rows_of(cohort, scored), rows_of(cohort, low)
    assert list(found.columns) == list(plain.columns) == ["arm", "site", "age", "sex", "score", "baseline"]
    for column in ("score", "baseline"):
        pd.testing.assert_series_equal(found[column], had(plain[column], Event(at_least=10)))
        assert set(found[column].dropna()) == {0.0, 1.0}
        assert found[column].isna().sum() == plain[column].isna().sum()


def test_long_rows_hold_a_line_for_each_score_with_the_facts_of_its_person(cohort: Cohort) -> None:
    found = long_rows_of(cohort, cohort.plan.outcomes[1])
    assert list(found.columns) == ["person", "timepoint", "score", "arm", "site", "age", "sex"]
    assert not found.duplicated(["person", "timepoint"]).any()
    assert found["timepoint"].cat.ordered
    assert list(found["timepoint"].cat.categories) == ["baseline", "3m", "6m"]
    for timepoint, part in found.groupby("timepoint", observed=True):
        expected = scores_at(cohort, cohort.plan.outcomes[1], str(timepoint))
        assert part.set_index("person")["score"].to_dict() == expected.to_dict()
    for name in ("arm", "site", "age", "sex"):
        assert found[name].tolist() == cohort.people.loc[found["person"], name].tolist()


def test_long_rows_of_an_event_are_those_of_the_score_as_events(cohort: Cohort) -> None:
    scored, low = (long_rows_of(cohort, cohort.plan.outcomes[place]) for place in (1, 3))
    assert low["score"].tolist() == (scored["score"] >= 10).astype(float).tolist()
    pd.testing.assert_frame_equal(low.drop(columns="score"), scored.drop(columns="score"))


def test_rows_carry_no_covariate_that_the_outcome_does_not_name(cohort: Cohort) -> None:
    alone = replace(cohort.plan.outcomes[1], covariates=("sex",))
    assert "age" not in rows_of(cohort, alone).columns
    assert "age" not in long_rows_of(cohort, alone).columns


def test_the_risks_are_those_of_the_measured_by_arm_before_and_after(cohort: Cohort) -> None:
    low = cohort.plan.outcomes[3]
    table = outcomes.risks(Comparison(cohort, {}), low)
    passed = {label: [cell.values for cell in cells] for label, cells in gate([table], 0).table(table).rows}
    assert list(passed) == ["Baseline", "6 months"]
    for label, timepoint in (("Baseline", "baseline"), ("6 months", "6m")):
        scores = scores_at(cohort, low, timepoint)
        for values, arm in zip(passed[label], (1, 0), strict=True):
            own = scores[cohort.people["arm"].reindex(scores.index) == arm]
            assert values == {"count": (own >= 10).sum(), "percent": pytest.approx(100 * (own >= 10).mean())}


# ---------------------------------------------------------------------------- risks in words


def risks(gap: tuple[float, ...], ratio: tuple[float, ...]) -> Fitted:
    return fitted(estimate(*gap, scale="risk difference"), estimate(*ratio, scale="risk ratio"))


def said(cohort: Cohort, found: Fitted) -> str:
    return words.answer(Comparison(cohort, {"low": found}), cohort.plan.outcomes[3], OPEN)


def test_a_risk_is_said_in_percentage_points_and_as_a_ratio(cohort: Cohort) -> None:
    assert said(cohort, risks((-0.12, -0.22, -0.02), (0.78, 0.61, 0.99))) == (
        "Low mood: in “Link worker” 12.0 percentage points fewer had it than would have in “Usual care” (95% interval "
        "−22.0 to −2.0), a risk 0.78 times as high (95% interval 0.61 to 0.99), adjusted for having it at the baseline, "
        "age and sex. A difference of zero lies outside the interval."
    )


def test_more_who_had_it_are_said_to_be_more_and_an_interval_over_nought_settles_nothing(cohort: Cohort) -> None:
    sentence = said(cohort, risks((0.05, -0.15, 0.25), (1.1, 0.7, 1.7)))
    assert "5 percentage points more had it" in sentence
    assert "lies inside the interval: the data do not settle whether there is a difference." in sentence


def test_a_risk_is_read_by_its_scale_whichever_the_method_gives_first(cohort: Cohort) -> None:
    found = risks((-0.12, -0.22, -0.02), (0.78, 0.61, 0.99))
    assert said(cohort, replace(found, answers=found.answers[::-1])) == said(cohort, found)


def test_a_risk_without_an_interval_says_so_for_both_numbers(cohort: Cohort) -> None:
    sentence = said(cohort, risks((0.05,), (1.1,)))
    assert sentence.count("(no interval can be given)") == 2
    assert sentence.endswith("Whether there is a difference at all cannot be said.")


def test_no_smallest_difference_that_matters_is_held_against_a_risk(cohort: Cohort) -> None:
    made = Comparison(cohort, {"low": risks((-9.0, -9.5, -8.5), (0.78, 0.61, 0.99))})
    assert list(words.matters(made, cohort.plan.outcomes[3], OPEN)) == []


def test_an_outcome_that_failed_is_named_with_every_reason(cohort: Cohort) -> None:
    made = Comparison(cohort, {}, {"low": ("nobody had it", "name fewer covariates")})
    sentence = words.answer(made, cohort.plan.outcomes[3], OPEN)
    assert sentence == "Low mood could not be estimated: nobody had it; name fewer covariates."


# ---------------------------------------------------------------------------- methods beside an answer


def beside(cohort: Cohort, planned: Fitted, *others: Beside, id: str = "eq5d-6m") -> Comparison:
    return Comparison(cohort, {id: planned}, beside={id: others})


def named(method: str, *answers: Estimate, n: tuple[int, int] = (65, 69)) -> Beside:
    return Beside(method, fitted(*(replace(answer, method=method.upper()) for answer in answers), n=n))


def rows_in(made: Comparison, place: int = 0) -> dict[str, list[str]]:
    table = sensitivity.others(made, made.plan.outcomes[place])
    return {label: [cell.text for cell in cells] for label, cells in gate([table], 0).table(table).rows}


def test_the_planned_answer_is_marked_and_first_and_a_method_that_failed_says_why(cohort: Cohort) -> None:
    failed = Beside("mmrm", None, ("too few", "{sites}"))
    found = rows_in(beside(cohort, fitted(estimate(0.05, 0.01, 0.09)), named("did", estimate(0.04, 0.0, 0.08)), failed))
    assert list(found) == ["ANCOVA, CR2 by site (planned)", "DID", "mmrm"]
    assert found["DID"] == ["134", "4 and 4", "18.7", "0.040", "0.000 to 0.080", "–"]
    assert found["mmrm"] == ["Not estimated: too few; {sites}", "", "", "", "", ""]


def test_decimals_are_those_of_the_planned_answer_so_that_numbers_can_be_compared(cohort: Cohort) -> None:
    found = rows_in(beside(cohort, fitted(estimate(2.0, -10.0, 14.0)), named("did", estimate(1.23456, 1.2, 1.3))))
    assert found["DID"][3] == "1.2"


def test_of_several_answers_the_one_on_the_planned_scale_is_shown(cohort: Cohort) -> None:
    ratio, gap = estimate(0.9, 0.8, 1.0, scale="risk ratio"), estimate(-0.1, -0.2, 0.0, scale="risk difference")
    made = beside(cohort, fitted(gap, ratio), named("x", ratio, gap), named("y", ratio), id="low")
    found = rows_in(made, 3)
    assert (found["X"][3], found["Y (risk ratio)"][3]) == ("-0.100", "0.90")
    drawn = sensitivity.bars(made, made.plan.outcomes[3], OPEN)
    assert [(bar.label, bar.value) for bar in drawn] == [("ANCOVA, CR2 by site", -0.1), ("X", -0.1)], (
        "a ratio has no place on an axis of differences"
    )


def test_the_people_of_a_method_are_counted_and_tied_to_the_study_where_they_differ(cohort: Cohort) -> None:
    made = beside(
        cohort, fitted(estimate(0.05)), named("did", estimate(0.04)), named("mmrm", estimate(0.03), n=(70, 66))
    )
    table = sensitivity.others(made, made.plan.primary)
    implied = dict(table.implied)
    assert implied["apart", "eq5d-6m", "intervention", "mmrm"] == 5
    assert implied["apart", "eq5d-6m", "comparison", "mmrm"] == 3
    assert implied["left out", "eq5d-6m", "comparison", "mmrm"] == 14
    assert not [key for key in implied if "did" in key]


@pytest.mark.parametrize(
    ("one", "other", "low", "high"), [(0.05, 0.02, "0.020", "0.050"), (-0.03, 0.01, "-0.030", "0.010")]
)
def test_the_bracket_runs_from_the_lower_estimate_to_the_higher(
    one: float, other: float, low: str, high: str, cohort: Cohort
) -> None:
    made = beside(cohort, fitted(estimate(one, one - 0.04, one + 0.04)), named("did", estimate(other)))
    (sentence,) = sensitivity.bracket(made, made.plan.primary, OPEN)
    assert f"ANCOVA ({one:.3f})" in sentence
    assert f"difference-in-differences ({other:.3f})" in sentence
    assert f"lies between {low} and {high}, errors of chance apart." in sentence


def test_without_one_of_the_two_there_is_no_bracket(cohort: Cohort) -> None:
    for others in ((), (named("mmrm", estimate(0.1)),), (Beside("did", None, ("failed",)),)):
        made = beside(cohort, fitted(estimate(0.05)), *others)
        assert list(sensitivity.bracket(made, made.plan.primary, OPEN)) == []


def test_what_waits_for_the_gate_is_made_once_it_has_decided_and_stands_before_its_table(cohort: Cohort) -> None:
    made = beside(cohort, fitted(estimate(0.05, 0.01, 0.09)), named("did", estimate(0.04, 0.0, 0.08)))
    made = replace(made, faults=dict.fromkeys(("phq9-6m", "gp", "low"), ("not asked",)))
    blocks = next(section for section in contents.lay_out(made).sections if section.id == "primary").blocks
    kinds = [getattr(block, "name", None) or str(block)[:15] for block in blocks]
    place = kinds.index("Two assumptions")
    drawing = blocks[place + 1]
    assert isinstance(drawing, contents.Drawing)
    assert drawing.alt == (
        "Forest plot of the same difference by several methods: ANCOVA, CR2 by site 0.050; DID 0.040. "
        "The table has every number."
    )
    assert kinds[place + 1 : place + 3] == ["beside-eq5d-6m", "beside-eq5d-6m"]
