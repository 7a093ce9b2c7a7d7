"""Who counts, in which arm, with which score, for how long, and why somebody is missing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pandas as pd
import pytest

from analysis.cohort import (
    DAYS_PER_YEAR,
    Cohort,
    assemble,
    auxiliaries,
    covariate_values,
    flow,
    named_covariates,
    people_allocated,
    rows_of,
    scales,
    scores_at,
    wide_rows_of,
)
from analysis.load import Dataset
from analysis.result import AnalysisError
from instruments.plan import Covariate
from tests.unit.analysis.study import PLAN, SITES, Rows

Make = Callable[..., Cohort]
PERSON = "s1-0"


def row(rows: Rows, table: str, **key: Any) -> dict[str, Any]:
    """The one row of a table with these values."""
    (found,) = [line for line in rows[table] if all(line[name] == value for name, value in key.items())]
    return found


def phq9(rows: Rows, timepoint: str, person: str = PERSON) -> tuple[dict[str, Any], dict[str, Any]]:
    """A person's PHQ-9 assessment and its score, made anew."""
    key = f"{person}.phq9.{timepoint}"
    for table in ("assessments", "scores"):
        rows[table] = [line for line in rows[table] if line["assessment"] != key]
    entered = row(rows, "people", person=person)["entered_on"]
    day = {"baseline": 0, "3m": 91, "6m": 182}[timepoint]
    about = {"person": person, "instrument": "phq9", "version": "1", "timepoint": timepoint}
    asked = {"assessment": key, **about, "assessed_on": entered + timedelta(day), "mode": "in-person",
             "respondent": "self", "status": "complete"}  # fmt: skip
    score = {"assessment": key, **about, "scale": "total", "score": 12.0, "origin": "reported"}
    rows["assessments"].append(asked)
    rows["scores"].append(score)
    return asked, score


def notices(cohort: Cohort) -> dict[str, int | None]:
    return {notice.text: notice.count for notice in cohort.notices}


# ---------------------------------------------------------------------------- arms


def test_people_count_in_the_arm_of_their_site(rows: Rows, cohort_of: Make) -> None:
    people = cohort_of(rows).people
    assert people.loc["s1-0", "arm"] == 1
    assert people.loc["s8-0", "arm"] == 0
    assert people.groupby("arm").size().to_dict() == {0: 80, 1: 80}


def test_who_never_met_a_link_worker_still_counts_in_the_arm_of_their_site(rows: Rows, cohort_of: Make) -> None:
    for table in ("referrals", "assignments", "contacts", "signposts"):
        rows[table] = [line for line in rows[table] if PERSON not in str(line.values())]
    assert cohort_of(rows).people.loc[PERSON, "arm"] == 1


def test_a_person_s_own_allocation_goes_before_that_of_their_site(rows: Rows, cohort_of: Make) -> None:
    own = {"arm": "usual-care", "person": PERSON, "from_on": date(2024, 1, 1), "method": "other"}
    rows["allocations"].append(own)
    people = cohort_of(rows).people
    assert people.loc[PERSON, "arm"] == 0
    assert people.loc["s1-1", "arm"] == 1


def test_a_site_that_changed_arms_counts_by_the_date_of_entry(rows: Rows, cohort_of: Make) -> None:
    row(rows, "allocations", site="s1")["from_on"] = date(2024, 4, 1)
    rows["allocations"].append({"arm": "usual-care", "site": "s1", "from_on": date(2024, 1, 1), "method": "other"})
    people = cohort_of(rows).people
    s1 = people[people["site"] == "s1"]
    assert (s1["arm"] == (s1["entered_on"] >= "2024-04-01").astype(int)).all()
    assert set(s1["arm"]) == {0, 1}


def test_the_only_allocation_of_a_site_counts_whenever_it_began(rows: Rows, cohort_of: Make) -> None:
    row(rows, "allocations", site="s1")["from_on"] = date(2025, 1, 1)
    assert cohort_of(rows).people.loc[PERSON, "arm"] == 1


def test_many_people_allocated_one_by_one_take_no_time(rows: Rows, cohort_of: Make) -> None:
    """Each person's own allocation is looked up, not searched for among all the others'."""
    import time

    count = 20_000
    rows["people"] = [{"person": f"p{n}", "entered_on": date(2024, 3, 1), "birth_year": 1960} for n in range(count)]
    rows["allocations"] = [
        {"arm": "link-worker" if n % 2 else "usual-care", "person": f"p{n}", "from_on": date(2024, 3, 1),
         "method": "randomised"}
        for n in range(count)
    ]  # fmt: skip
    about = {"instrument": "phq9", "version": "1", "timepoint": "6m"}
    asked = {"assessment": "a", "person": "p0", "assessed_on": date(2024, 9, 1), "mode": "paper", "respondent": "self"}
    rows = {name: rows[name] for name in ("arms", "people", "allocations")}
    rows["assessments"] = [asked | about | {"status": "complete"}]
    rows["scores"] = [about | {"assessment": "a", "person": "p0", "scale": "total", "score": 5.0, "origin": "reported"}]
    plan = PLAN[: PLAN.index("[[outcomes]]")].replace("controlled-before-after", "individually-randomised")
    plan = (
        plan.replace('sex = "category"\n', "") + '[[outcomes]]\nid = "phq9-6m"\ninstrument = "phq9"\nprimary = true\n'
    )
    dataset = cohort_of(rows, plan).dataset
    began = time.perf_counter()
    people = assemble(dataset).people
    assert time.perf_counter() - began < 2
    assert people["arm"].sum() == count / 2


def test_entry_before_any_of_several_allocations_is_refused(rows: Rows, cohort_of: Make) -> None:
    row(rows, "allocations", site="s1")["from_on"] = date(2026, 1, 1)
    rows["allocations"].append({"arm": "usual-care", "site": "s1", "from_on": date(2025, 1, 1), "method": "other"})
    with pytest.raises(AnalysisError, match="somebody's site was in no arm when they entered; correct from_on"):
        cohort_of(rows)


@pytest.mark.parametrize("design", ["stepped-wedge", "service-only"])
def test_a_design_that_cannot_be_compared_like_this_is_refused(design: str, rows: Rows, cohort_of: Make) -> None:
    with pytest.raises(AnalysisError, match=f"plan.study.design: '{design}' cannot be compared like this; allowed: "):
        cohort_of(rows, PLAN.replace("controlled-before-after", design))


def test_errors_by_site_need_a_site_for_everyone(rows: Rows, cohort_of: Make) -> None:
    row(rows, "people", person=PERSON)["site"] = None
    rows["allocations"].append({"arm": "usual-care", "person": PERSON, "from_on": date(2024, 1, 1), "method": "other"})
    with pytest.raises(AnalysisError, match=r"people\.site: is empty for somebody"):
        cohort_of(rows)


# ---------------------------------------------------------------------------- covariates


def test_people_without_any_site_are_the_units_or_nothing_is_compared(rows: Rows, cohort_of: Make) -> None:
    rows["allocations"] = [
        {"arm": SITES[person["site"]], "person": person["person"], "from_on": person["entered_on"], "method": "other"}
        for person in rows["people"]
    ]
    assert not people_allocated(cohort_of(rows))
    for person in rows["people"]:
        person["site"] = None
    with pytest.raises(AnalysisError, match=r"is empty for everybody.*write errors = \"classical\" under \[analysis\]"):
        cohort_of(rows)
    assert people_allocated(cohort_of(rows, PLAN + '\n[analysis]\nerrors = "classical"\n'))


def test_age_is_the_year_of_entry_less_the_year_of_birth(rows: Rows, cohort_of: Make) -> None:
    row(rows, "people", person=PERSON)["birth_year"] = 1951
    assert cohort_of(rows).people.loc[PERSON, "age"] == 2024 - 1951


def test_a_covariate_may_be_a_characteristic_of_the_dataset(rows: Rows, cohort_of: Make) -> None:
    rows["characteristics"] = [{"person": PERSON, "name": "steps", "value": "2500"}]
    people = cohort_of(rows, PLAN.replace('sex = "category"', 'sex = "category"\nsteps = "number"')).people
    assert people.loc[PERSON, "steps"] == 2500
    assert people["steps"].notna().sum() == 1


def test_a_number_that_is_none_is_refused(rows: Rows, cohort_of: Make) -> None:
    rows["characteristics"] = [{"person": PERSON, "name": "steps", "value": "many"}]
    with pytest.raises(
        AnalysisError, match=r"plan\.covariates\.steps: 'many' is not a number; declare it as 'category'"
    ):
        cohort_of(rows, PLAN.replace('sex = "category"', 'sex = "category"\nsteps = "number"'))


@pytest.mark.parametrize(
    ("name", "values", "levels"),
    [
        ("sex", ["male", "female", None], ["female", "male"]),
        ("deprivation", pd.array([10, 2, 1], dtype="Int64"), ["1", "2", "10"]),
        ("town", ["Yew", "Elm", "Oak"], ["Elm", "Oak", "Yew"]),
        ("lives_alone", pd.array([True, False, None], dtype="boolean"), ["no", "yes"]),
        ("band", ["2.5", "10", "1"], ["1", "2.5", "10"]),
        ("ltc_count", [1.0, 0.0, 3.0], ["0", "1", "3"]),
    ],
)
def test_levels_come_in_the_order_of_the_code_list_else_of_number_or_name(
    name: str, values: Any, levels: list[str]
) -> None:
    found = covariate_values(pd.Series(values), Covariate(name, "category"))
    assert list(found.cat.categories) == levels
    assert found.isna().sum() == pd.Series(values).isna().sum()


def test_an_outcome_adjusts_for_the_covariates_it_names_in_the_order_of_the_plan(rows: Rows, cohort_of: Make) -> None:
    plan = cohort_of(rows, PLAN.replace('setting = "gp"', 'setting = "gp"\ncovariates = ["sex"]')).plan
    by_id = {outcome.id: [covariate.name for covariate in named_covariates(plan, outcome)] for outcome in plan.outcomes}
    assert by_id == {"eq5d-6m": ["age", "sex"], "phq9-6m": ["age", "sex"], "gp": ["sex"]}


# ---------------------------------------------------------------------------- scores and windows


@pytest.mark.parametrize(("shift", "counts"), [(-29, False), (-28, True), (0, True), (28, True), (29, False)])
def test_an_assessment_counts_inside_its_window_only(shift: int, counts: bool, rows: Rows, cohort_of: Make) -> None:
    asked, _ = phq9(rows, "6m")
    asked["assessed_on"] += timedelta(shift)
    cohort = cohort_of(rows)
    phq = next(outcome for outcome in cohort.plan.outcomes if outcome.id == "phq9-6m")
    assert (PERSON in scores_at(cohort, phq, "6m")) == counts
    left_out = notices(cohort).get("Assessments outside their timepoint's window were left out.")
    assert left_out == (None if counts else 1)


def test_of_two_in_a_window_the_one_nearest_the_day_counts(rows: Rows, cohort_of: Make) -> None:
    asked, score = phq9(rows, "6m")
    rows["assessments"].append(asked | {"assessment": "late", "assessed_on": asked["assessed_on"] + timedelta(9)})
    rows["scores"].append(score | {"assessment": "late", "score": 3.0})
    cohort = cohort_of(rows)
    phq = next(outcome for outcome in cohort.plan.outcomes if outcome.id == "phq9-6m")
    assert scores_at(cohort, phq, "6m")[PERSON] == 12.0
    assert [text for text, n in notices(cohort).items() if n == 1] == [
        "Where several assessments fell in one window, the one nearest the day was taken; left out:"
    ]


def test_of_two_equally_near_the_earlier_counts(rows: Rows, cohort_of: Make) -> None:
    asked, score = phq9(rows, "6m")
    rows["assessments"].append(asked | {"assessment": "after", "assessed_on": asked["assessed_on"] + timedelta(5)})
    rows["scores"].append(score | {"assessment": "after", "score": 3.0})
    asked["assessed_on"] -= timedelta(5)
    cohort = cohort_of(rows)
    assert scores_at(cohort, cohort.plan.outcomes[1], "6m")[PERSON] == 12.0


def test_a_score_that_could_not_be_made_is_no_score(rows: Rows, cohort_of: Make) -> None:
    _, score = phq9(rows, "6m")
    score |= {"score": None, "reason": "too-few-answers"}
    rows["scores"][-1] = score
    cohort = cohort_of(rows)
    assert PERSON not in scores_at(cohort, cohort.plan.outcomes[1], "6m")


def test_versions_of_an_instrument_that_were_mixed_are_noticed(rows: Rows, cohort_of: Make) -> None:
    asked, score = phq9(rows, "6m")
    asked["version"] = score["version"] = "2"
    assert "phq9 was given in versions 1, 2, which were treated as one." in notices(cohort_of(rows))


def test_value_sets_are_kept_apart(rows: Rows, cohort_of: Make) -> None:
    again = [line | {"value_set": "england-2018-devlin", "score": 0.1} for line in rows["scores"] if line["value_set"]]
    rows["scores"] += again
    cohort = cohort_of(rows)
    first = cohort.plan.primary
    assert (scores_at(cohort, first, "baseline") != 0.1).any()
    assert len(scores_at(cohort, first, "baseline")) == 160


def test_rows_for_an_estimator_hold_everybody_with_score_and_baseline(rows: Rows, cohort_of: Make) -> None:
    cohort = cohort_of(rows)
    found = rows_of(cohort, cohort.plan.primary)
    assert list(found.columns) == ["arm", "site", "age", "sex", "score", "baseline"]
    assert len(found) == 160
    assert found["baseline"].notna().all()
    assert found["score"].isna().any()


# ---------------------------------------------------------------------------- person-time


def use(rows: Rows, person: str = PERSON) -> list[dict[str, Any]]:
    return [line for line in rows["service_use"] if line["person"] == person]


def gp(cohort: Cohort) -> pd.Series:
    return rows_of(cohort, cohort.plan.outcomes[2]).loc[PERSON]


def test_periods_before_entry_are_baseline_and_later_ones_follow_up(rows: Rows, cohort_of: Make) -> None:
    before, after = use(rows)
    before["count"], after["count"] = 7, 3
    found = gp(cohort_of(rows))
    assert (found["baseline_count"], found["count"]) == (7, 3)
    assert found["baseline_years"] == pytest.approx(365 / DAYS_PER_YEAR)
    assert found["years"] == pytest.approx(182 / DAYS_PER_YEAR)


def test_periods_add_up(rows: Rows, cohort_of: Make) -> None:
    _, after = use(rows)
    later = after | {"from_on": after["until_on"], "until_on": after["until_on"] + timedelta(100), "count": 5}
    rows["service_use"].append(later)
    after["count"] = 3
    found = gp(cohort_of(rows))
    assert found["count"] == 8
    assert found["years"] == pytest.approx(282 / DAYS_PER_YEAR)


def test_a_period_that_straddles_entry_is_left_out_and_counted(rows: Rows, cohort_of: Make) -> None:
    _, after = use(rows)
    after["from_on"] -= timedelta(1)
    use(rows)[0]["until_on"] -= timedelta(1)
    cohort = cohort_of(rows)
    assert pd.isna(gp(cohort)["count"])
    assert notices(cohort)["Periods of service use that straddle entry were left out."] == 1


def test_a_health_record_goes_before_a_person_s_own_report(rows: Rows, cohort_of: Make) -> None:
    _, after = use(rows)
    after["count"] = 3
    rows["service_use"].append(after | {"source": "self-report", "count": 9})
    cohort = cohort_of(rows)
    assert gp(cohort)["count"] == 3
    assert [n for text, n in notices(cohort).items() if text.startswith("People's own reports")] == [1]


def test_a_person_s_own_report_counts_where_there_is_no_record(rows: Rows, cohort_of: Make) -> None:
    for line in use(rows):
        line["source"] = "self-report"
    assert gp(cohort_of(rows))["count"] == use(rows)[1]["count"]


def test_a_period_without_an_event_is_person_time_all_the_same(rows: Rows, cohort_of: Make) -> None:
    use(rows)[1]["count"] = 0
    found = gp(cohort_of(rows))
    assert found["count"] == 0
    assert found["years"] > 0


def test_who_has_no_period_has_no_count(rows: Rows, cohort_of: Make) -> None:
    rows["service_use"] = [line for line in rows["service_use"] if line["person"] != PERSON]
    assert gp(cohort_of(rows))[["count", "years", "baseline_count", "baseline_years"]].isna().all()


# ---------------------------------------------------------------------------- losses


def fate(cohort: Cohort, timepoint: str = "6m") -> tuple[bool, str | None]:
    found = flow(cohort, cohort.plan.outcomes[1])
    (line,) = found[(found["person"] == PERSON) & (found["timepoint"] == timepoint)].itertuples()
    return bool(line.measured), None if pd.isna(line.reason) else str(line.reason)


def test_who_was_measured_has_no_reason(rows: Rows, cohort_of: Make) -> None:
    phq9(rows, "6m")
    assert fate(cohort_of(rows)) == (True, None)


def test_who_was_not_and_nobody_says_why_is_not_recorded(rows: Rows, cohort_of: Make) -> None:
    phq9(rows, "6m")
    rows["assessments"].pop()
    rows["scores"].pop()
    assert fate(cohort_of(rows)) == (False, "Not recorded")


@pytest.mark.parametrize(
    ("status", "reason", "said"),
    [
        ("missed", "too-unwell", "Too unwell"),
        ("missed", None, "Missed"),
        ("declined", None, "Declined"),
        ("declined", "prefer-not-to-say", "Preferred not to say"),
        ("partial", None, "Answered, but no score could be made"),
    ],
)
def test_an_assessment_without_a_score_says_why(
    status: str, reason: str | None, said: str, rows: Rows, cohort_of: Make
) -> None:
    asked, _ = phq9(rows, "6m")
    asked |= {"status": status, "missing_reason": reason}
    rows["assessments"][-1] = asked
    rows["scores"].pop()
    assert fate(cohort_of(rows)) == (False, said)


def test_an_assessment_outside_the_window_is_a_loss_with_that_reason(rows: Rows, cohort_of: Make) -> None:
    asked, _ = phq9(rows, "6m")
    asked["assessed_on"] += timedelta(60)
    assert fate(cohort_of(rows)) == (False, "Measured outside the window")


@pytest.mark.parametrize(
    ("reason", "said"), [("died", "Died"), ("moved", "Moved away"), (None, "Left, reason not recorded")]
)
def test_who_left_before_the_window_closed_left_for_that_reason(
    reason: str | None, said: str, rows: Rows, cohort_of: Make
) -> None:
    phq9(rows, "6m")
    rows["assessments"].pop()
    rows["scores"].pop()
    person = row(rows, "people", person=PERSON)
    person |= {"left_on": person["entered_on"] + timedelta(150), "left_reason": reason}
    rows["people"] = [person if line["person"] == PERSON else line for line in rows["people"]]
    cohort = cohort_of(rows)
    assert fate(cohort) == (False, said)


def test_who_left_later_was_not_lost_for_that(rows: Rows, cohort_of: Make) -> None:
    phq9(rows, "3m")
    rows["assessments"].pop()
    rows["scores"].pop()
    person = row(rows, "people", person=PERSON)
    person |= {"left_on": person["entered_on"] + timedelta(150), "left_reason": "died"}
    rows["people"] = [person if line["person"] == PERSON else line for line in rows["people"]]
    assert fate(cohort_of(rows), "3m") == (False, "Not recorded")


def test_everybody_has_a_fate_at_every_timepoint(rows: Rows, cohort_of: Make) -> None:
    found = flow(cohort_of(rows), cohort_of(rows).plan.outcomes[1])
    assert len(found) == 160 * 3
    assert (found["reason"].isna() == found["measured"]).all()


# ---------------------------------------------------------------------------- odds and ends


def test_each_scale_stands_once_and_the_primary_s_first(rows: Rows, cohort_of: Make) -> None:
    plan = PLAN.replace("primary = true\n", "") + (
        '[[outcomes]]\nid = "phq9-3m"\ninstrument = "phq9"\ntimepoint = "3m"\nprimary = true\n'
    )
    assert [outcome.id for outcome in scales(cohort_of(rows, plan).plan)] == ["phq9-3m", "eq5d-6m"]


def test_what_the_reader_noticed_stays_noticed(rows: Rows, read: Callable[..., Dataset]) -> None:
    from dataclasses import replace

    from analysis.load import Notice

    dataset = replace(read(rows), notices=(Notice("Something."),))
    assert notices(assemble(dataset)) == {"Something.": None}


def test_who_left_on_a_day_that_was_not_recorded_was_lost_for_that_reason(rows: Rows, cohort_of: Make) -> None:
    """Where they were not measured; where they were, they had not left yet."""
    gone = {"s1-0", "s1-1"}
    for table in ("scores", "assessments"):
        rows[table] = [line for line in rows[table] if not (line["person"] in gone and line["timepoint"] == "6m")]
    for line in rows["people"]:
        if line["person"] in gone:
            line |= {"left_reason": "died", "left_on": None}
    cohort = cohort_of(rows)
    fates = flow(cohort, cohort.plan.primary).set_index(["person", "timepoint"])
    for person in gone:
        assert fates.loc[(person, "6m"), "reason"] == "Died"
        assert fates.loc[(person, "baseline"), "measured"]


def test_other_timepoints_help_to_impute_and_the_baseline_is_not_among_them(rows: Rows, cohort_of: Make) -> None:
    plan = cohort_of(rows).plan
    assert auxiliaries(plan, plan.primary) == {"score at 3m": "3m"}
    early = replace(plan.primary, timepoint="3m")
    assert auxiliaries(plan, early) == {"score at 6m": "6m"}


def test_who_had_died_is_told_by_the_end_of_the_window(rows: Rows, cohort_of: Make) -> None:
    """The window of six months closes 28 days after day 182."""
    for person, day in (("s1-0", 209), ("s1-1", 210), ("s1-2", 211)):
        (line,) = (line for line in rows["people"] if line["person"] == person)
        line |= {"left_reason": "died", "left_on": line["entered_on"] + timedelta(day)}
    cohort = cohort_of(rows)
    wide = wide_rows_of(cohort, cohort.plan.primary)
    assert wide["died"][["s1-0", "s1-1", "s1-2"]].tolist() == [True, True, False]
    assert list(wide.columns[:2]) == ["arm", "site"]
    assert wide["score"].equals(rows_of(cohort, cohort.plan.primary)["score"])
