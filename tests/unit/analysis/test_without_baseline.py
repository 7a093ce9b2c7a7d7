"""Outcomes without a baseline: what estimators make of them, what is checked beforehand and what the report leaves out."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from analysis.cohort import Cohort, as_planned, rows_of
from analysis.estimators import ESTIMATORS
from analysis.estimators.ancova import ancova
from analysis.estimators.gee import gee_binary, gee_count
from analysis.estimators.linear_probability import linear_probability
from analysis.estimators.logistic import logistic
from analysis.estimators.matching import matching
from analysis.estimators.mixed_model import random_intercept
from analysis.estimators.modified_poisson import modified_poisson
from analysis.estimators.poisson_rate import poisson_rate
from analysis.estimators.resampled import permutation
from analysis.estimators.subgroups import subgroup_differences
from analysis.estimators.weighted_difference import weighted_difference
from analysis.load import Dataset
from analysis.report import contents, epoc, missing, outcomes, words
from analysis.report.checking import fitness
from analysis.report.comparison import Comparison, compare
from analysis.result import AnalysisError, Fitted, Table
from instruments.plan import Covariate, Outcome
from tests.unit.analysis.study import PLAN, Rows
from tests.unit.analysis.test_checking import cells, lose, offered

Read = Callable[..., Dataset]
Make = Callable[..., Cohort]
ALONE = PLAN.replace('instrument = "phq9"', 'instrument = "phq9"\nbaseline = false').replace(
    'setting = "gp"', 'setting = "gp"\nbaseline = false'
)
LOW = '[[outcomes]]\nid = "low"\nlabel = "Low"\nkind = "binary"\ninstrument = "phq9"\nat_least = 10\nbaseline = false\n'
AGE = (Covariate("age", "number"),)


@pytest.fixture
def drawn() -> pd.DataFrame:
    """Eight sites of ten, with a score, an event, a count and an age; nothing was measured before."""
    dice = np.random.default_rng(11)
    arm = np.repeat([1, 0], 40)
    score = 5 + 2 * arm + dice.normal(size=80)
    facts = {"arm": arm, "site": np.repeat([f"s{place}" for place in range(8)], 10), "age": dice.normal(50, 9, 80)}
    return pd.DataFrame({**facts, "score": score, "count": dice.poisson(2 + arm), "years": dice.uniform(0.5, 2, 80)})


def by_arm(rows: pd.DataFrame, column: str) -> tuple[float, float]:
    means = rows.groupby("arm")[column].mean()
    return float(means[1]), float(means[0])


def without(rows: Rows, *timepoints: str) -> None:
    """Nobody answered the PHQ-9 then."""
    for timepoint in timepoints:
        lose(rows, "phq9", timepoint, lambda _: True)


# ---------------------------------------------------------------------------- estimators, by closed forms


@pytest.mark.parametrize("method", [ancova, permutation, random_intercept])
def test_with_nothing_to_adjust_for_scores_differ_by_their_means(
    method: Callable[..., Fitted], drawn: pd.DataFrame
) -> None:
    treated, untreated = by_arm(drawn, "score")
    found = method(drawn, covariates=())
    assert found.main.estimate == pytest.approx(treated - untreated, abs=1e-9)


@pytest.mark.parametrize("method", [logistic, modified_poisson, linear_probability, gee_binary])
def test_with_nothing_to_adjust_for_risks_differ_as_they_stand(
    method: Callable[..., Fitted], drawn: pd.DataFrame
) -> None:
    rows = drawn.assign(score=(drawn["score"] > 6).astype(float))
    treated, untreated = by_arm(rows, "score")
    answers = {answer.scale: answer.estimate for answer in method(rows, covariates=()).answers}
    assert answers == {
        "risk difference": pytest.approx(treated - untreated, abs=1e-9),
        "risk ratio": pytest.approx(treated / untreated, abs=1e-9),
    }


def test_with_nothing_to_adjust_for_rates_are_events_by_time(drawn: pd.DataFrame) -> None:
    sums = drawn.groupby("arm")[["count", "years"]].sum()
    rate = sums["count"] / sums["years"]
    ratio, difference = poisson_rate(drawn, covariates=()).answers
    assert ratio.estimate == pytest.approx(rate[1] / rate[0], abs=1e-9)
    assert difference.estimate == pytest.approx(rate[1] - rate[0], abs=1e-9)
    assert gee_count(drawn, covariates=()).n == (40, 40)


def test_covariates_are_adjusted_for_by_least_squares_alone(drawn: pd.DataFrame) -> None:
    X = np.column_stack([np.ones(80), drawn["arm"], drawn["age"]])
    beta = np.linalg.lstsq(X, drawn["score"], rcond=None)[0]
    found = ancova(drawn, covariates=AGE)
    assert [term.term for term in found.terms] == ["(Intercept)", "arm", "age"]
    assert [term.estimate for term in found.terms] == pytest.approx(beta, abs=1e-9)


def test_a_subgroup_s_levels_need_no_baseline(drawn: pd.DataFrame) -> None:
    rows = drawn.assign(sex=pd.Categorical(["f", "m"] * 40))
    found = subgroup_differences(rows, "sex", covariates=())
    means = rows.groupby(["sex", "arm"], observed=True)["score"].mean()
    gaps = [means["f", 1] - means["f", 0], means["m", 1] - means["m", 0]]
    assert [level.estimate.estimate for level in found.levels if level.estimate] == pytest.approx(gaps, abs=1e-9)


def test_weights_make_the_arms_alike_in_covariates_alone(drawn: pd.DataFrame) -> None:
    found = weighted_difference(drawn, covariates=AGE, weights="entropy")
    assert found.main.method == "Weighted difference (entropy), CR2 by site"
    assert [term.term for term in found.terms] == ["(Intercept)", "arm"]


@pytest.mark.parametrize("method", [weighted_difference, matching])
def test_arms_cannot_be_made_alike_in_nothing(method: Callable[..., Fitted], drawn: pd.DataFrame) -> None:
    with pytest.raises(AnalysisError, match=r"nothing known at entry is named.*name covariates"):
        method(drawn, covariates=())


def test_pairs_are_made_of_covariates_alone(drawn: pd.DataFrame) -> None:
    found = matching(drawn, covariates=AGE)
    assert [term.term for term in found.terms] == ["(Intercept)", "arm", "age"]
    assert found.n[0] == found.n[1]


# ---------------------------------------------------------------------------- plans


def outcome(cohort: Cohort, id: str) -> Outcome:
    return next(each for each in cohort.plan.outcomes if each.id == id)


def test_rows_lose_a_baseline_that_was_measured_and_not_planned(rows: Rows, cohort_of: Make) -> None:
    cohort = cohort_of(rows, ALONE)
    for id in ("phq9-6m", "gp"):
        found = rows_of(cohort, outcome(cohort, id))
        assert not {"baseline", "baseline_count", "baseline_years"} & {*as_planned(found, outcome(cohort, id))}
    planned = rows_of(cohort, cohort.plan.primary)
    pd.testing.assert_frame_equal(as_planned(planned, cohort.plan.primary), planned)


def test_a_method_of_the_plan_is_given_no_baseline(rows: Rows, cohort_of: Make) -> None:
    cohort = cohort_of(rows, ALONE)
    for id, method in (("phq9-6m", "ancova"), ("gp", "poisson-rate"), ("gp", "negative-binomial")):
        terms = [term.term for term in ESTIMATORS[method](cohort, outcome(cohort, id)).terms]
        assert "arm" in terms
        assert "baseline" not in terms


def test_people_whose_baseline_is_missing_are_analysed(rows: Rows, cohort_of: Make) -> None:
    measured = ESTIMATORS["ancova"](cohort_of(rows, ALONE), outcome(cohort_of(rows, ALONE), "phq9-6m")).n
    without(rows, "baseline")
    cohort = cohort_of(rows, ALONE)
    assert ESTIMATORS["ancova"](cohort, outcome(cohort, "phq9-6m")).n == measured


REPEATED = ALONE.replace("baseline = false", 'baseline = false\nestimator = "mmrm"', 1)


def test_repeated_measures_have_a_difference_at_each_timepoint_after_entry(rows: Rows, cohort_of: Make) -> None:
    """Scores of the baseline are there and not planned: they are as good as not there."""
    cohort = cohort_of(rows, REPEATED)
    found = ESTIMATORS["mmrm"](cohort, outcome(cohort, "phq9-6m"))
    names = [term.term for term in found.terms]
    assert [name for name in names if name.startswith("arm")] == ["arm:timepoint=3m", "arm:timepoint=6m"]
    assert found.main.term == "arm:timepoint=6m"
    without(rows, "baseline")
    gone = cohort_of(rows, REPEATED)
    assert ESTIMATORS["mmrm"](gone, outcome(gone, "phq9-6m")) == found


def test_repeated_measures_with_a_baseline_go_on_comparing_changes(rows: Rows, cohort_of: Make) -> None:
    cohort = cohort_of(rows, PLAN)
    found = ESTIMATORS["mmrm"](cohort, outcome(cohort, "phq9-6m"))
    assert "arm" in [term.term for term in found.terms]
    assert "no baseline" not in found.main.method


def test_the_first_timepoint_after_entry_may_be_what_is_asked_for(rows: Rows, cohort_of: Make) -> None:
    early = REPEATED.replace('estimator = "mmrm"', 'estimator = "mmrm"\ntimepoint = "3m"')
    cohort = cohort_of(rows, early)
    assert ESTIMATORS["mmrm"](cohort, outcome(cohort, "phq9-6m")).main.term == "arm:timepoint=3m"


# ---------------------------------------------------------------------------- what is checked beforehand


def test_an_outcome_never_measured_before_is_fit_where_the_plan_says_so(rows: Rows, read: Read) -> None:
    without(rows, "baseline")
    found = fitness(read(rows, ALONE))
    assert found.faults == ()
    lines = cells(found, "fit-phq9-6m")
    assert [*lines] == [
        "In the study",
        "Measured: 6 months",
        "The same, covariates known",
        "Sites with such people",
        "Days from entry, median (quartiles)",
    ]
    assert lines["Days from entry, median (quartiles)"][0] == "182 (182 to 182)"
    assert "Service use from entry on" in cells(found, "fit-gp")
    assert "Service use before entry" not in cells(found, "fit-gp")


def test_an_outcome_never_measured_before_says_what_to_write(rows: Rows, read: Read) -> None:
    without(rows, "baseline")
    assert fitness(read(rows)).faults == tuple(
        f"plan.outcomes.phq9-6m: nobody of '{arm}' has a score at 'baseline'; record it, or write baseline = false in "
        "the outcome"
        for arm in ("Link worker", "Usual care")
    )


def test_counts_without_a_period_before_entry_say_what_to_write(rows: Rows, read: Read) -> None:
    entered = {line["person"]: line["entered_on"] for line in rows["people"]}
    rows["service_use"] = [line for line in rows["service_use"] if line["from_on"] >= entered[line["person"]]]
    (first, _) = fitness(read(rows)).faults
    assert first == (
        "plan.outcomes.gp: nobody of 'Link worker' has a period of 'gp' before entry; add service_use, or write "
        "baseline = false in the outcome"
    )
    assert fitness(read(rows, ALONE)).faults == ()


def test_scores_that_one_arm_lacks_are_not_said_to_lie_elsewhere(rows: Rows, read: Read) -> None:
    lose(rows, "phq9", "6m", offered)
    assert fitness(read(rows)).faults == (
        "plan.outcomes.phq9-6m: nobody of 'Link worker' has a score at '6m'; record it, or take the outcome out of the "
        "plan",
    )


def test_an_arm_in_which_nobody_is_is_said_once_for_each_outcome(rows: Rows, read: Read) -> None:
    for table, content in rows.items():
        if table not in ("arms", "sites", "allocations", "posts", "resources", "assignments"):
            rows[table] = [line for line in content if not offered(str(line.get("person") or "s9"))]
    rows["assignments"] = []
    why = "nobody of the study is in 'Link worker'; check who was allocated, and the enrolment dates"
    assert fitness(read(rows)).faults == tuple(f"plan.outcomes.{id}: {why}" for id in ("eq5d-6m", "phq9-6m", "gp"))


# ---------------------------------------------------------------------------- the report


@pytest.fixture
def compared(rows: Rows, read: Read) -> Comparison:
    without(rows, "baseline")
    return compare(read(rows, ALONE + LOW))


def test_the_sentence_names_covariates_alone(compared: Comparison) -> None:
    for id in ("phq9-6m", "gp", "low"):
        assert words.adjusted_for(compared, outcome(compared.cohort, id)) == "age and sex"
    assert words.adjusted_for(compared, compared.plan.primary) == "the baseline score, age and sex"


def test_no_change_within_arms_is_shown(compared: Comparison) -> None:
    about = contents._about(compared, outcome(compared.cohort, "phq9-6m"))
    assert words.UNCONTROLLED not in about
    assert not [each for each in about if isinstance(each, Table) and each.name.startswith("within")]


def test_risks_and_rates_are_those_from_entry_on(compared: Comparison) -> None:
    assert [label for label, _ in outcomes.risks(compared, outcome(compared.cohort, "low")).rows] == ["6 months"]
    rates = [label for label, _ in outcomes.rates(compared, outcome(compared.cohort, "gp")).rows]
    assert rates == [f"{what} from entry on" for what in ("Events", "Person-years", "Rate per person-year")]


def test_scores_are_not_imputed_from_a_baseline_that_there_is_not(compared: Comparison) -> None:
    assert missing.tipping(compared, outcome(compared.cohort, "phq9-6m")) == missing.NO_BASELINE
    assert re.search(r"no baseline.*nothing was imputed", missing.NO_BASELINE)


def test_repeated_measures_without_a_baseline_are_told_as_what_they_are(rows: Rows, read: Read) -> None:
    without(rows, "baseline")
    dataset = read(rows, REPEATED)
    assert fitness(dataset).faults == ()
    found = compare(dataset)
    counted = outcomes.analysed(found, (outcome(found.cohort, "phq9-6m"),), "analysed")
    assert counted.notes == (outcomes.ANALYSED, outcomes.EVER)
    assert outcomes.analysed(found, (found.plan.primary,), "analysed").notes == (outcomes.ANALYSED,)
    assert words.adjusted_for(found, outcome(found.cohort, "phq9-6m")) == "age and sex"


def test_arms_are_not_held_to_the_months_of_a_baseline_that_there_is_not(rows: Rows, cohort_of: Make) -> None:
    label = "Arms measured over the same months: {}"
    for text, when, met in (
        (PLAN, "baseline", "Yes"),
        (PLAN.replace("primary = true", "primary = true\nbaseline = false"), "baseline", "Does not apply"),
        (PLAN.replace("primary = true", "primary = true\nbaseline = false"), "follow-up", "Yes"),
    ):
        found = {name: [cell.text for cell in cells] for name, cells in epoc.epoc(cohort_of(rows, text)).rows}
        assert found[label.format(when)][1] == met
