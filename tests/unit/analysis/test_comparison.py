"""Courses over time, changes within arms and the drift to expect from regression to the mean."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from analysis.cohort import Cohort
from analysis.report.comparison import changes, compare, drawn, trajectory
from analysis.result import AnalysisError
from tests.unit.analysis.study import PLAN, Rows

Make = Callable[..., Cohort]


def phq9(rows: Rows, timepoint: str) -> dict[str, dict[str, Any]]:
    """The PHQ-9 scores of a timepoint by person."""
    return {
        line["person"]: line
        for line in rows["scores"]
        if line["instrument"] == "phq9" and line["timepoint"] == timepoint
    }


def offered(person: str) -> bool:
    return int(person[1]) <= 4


def test_a_course_has_a_point_for_every_arm_and_timepoint(rows: Rows, cohort_of: Make) -> None:
    cohort = cohort_of(rows)
    points = trajectory(cohort, cohort.plan.outcomes[1])
    assert [(point.timepoint, point.role) for point in points] == [
        (timepoint, role) for timepoint in ("baseline", "3m", "6m") for role in ("intervention", "comparison")
    ]


def test_a_point_is_the_mean_of_those_measured_then(rows: Rows, cohort_of: Make) -> None:
    cohort = cohort_of(rows)
    found = {(point.timepoint, point.role): point for point in trajectory(cohort, cohort.plan.outcomes[1])}
    expected = [line["score"] for person, line in phq9(rows, "6m").items() if offered(person)]
    point = found["6m", "intervention"]
    assert point.n == len(expected)
    assert point.mean == pytest.approx(np.mean(expected))
    assert point.low < point.mean < point.high


def test_sites_that_differ_widen_the_interval_of_a_mean(rows: Rows, cohort_of: Make) -> None:
    cohort = cohort_of(rows)
    before = trajectory(cohort, cohort.plan.outcomes[1])[0]
    for person, line in phq9(rows, "baseline").items():
        line["score"] = min(27.0, max(0.0, line["score"] + (6 if person[1] in "13" else -6)))
    after = trajectory(cohort_of(rows), cohort.plan.outcomes[1])[0]
    assert after.high - after.low > 2 * (before.high - before.low)


def test_a_change_is_among_people_measured_twice(rows: Rows, cohort_of: Make) -> None:
    cohort = cohort_of(rows)
    first, _ = changes(cohort, cohort.plan.outcomes[1])
    before, after = phq9(rows, "baseline"), phq9(rows, "6m")
    twice = [person for person in after if offered(person)]
    assert first.n == len(twice)
    assert first.before == pytest.approx(np.mean([before[person]["score"] for person in twice]))
    assert first.after == pytest.approx(np.mean([after[person]["score"] for person in twice]))
    assert first.change.mean == pytest.approx(first.after - first.before)


def test_the_drift_is_the_way_back_to_the_mean_of_both_arms(rows: Rows, cohort_of: Make) -> None:
    """(1 - r) x (mean of all - mean of the arm), r from the comparison arm."""
    cohort = cohort_of(rows)
    before, after = phq9(rows, "baseline"), phq9(rows, "6m")
    comparison = [person for person in after if not offered(person)]
    pairs = [(before[person]["score"], after[person]["score"]) for person in comparison]
    r = np.corrcoef(np.array(pairs).T)[0, 1]
    everybody = np.mean([before[person]["score"] for person in after])
    for found in changes(cohort, cohort.plan.outcomes[1]):
        assert found.drift == pytest.approx((1 - r) * (everybody - found.before))


def test_an_arm_that_starts_worse_is_expected_to_come_back(rows: Rows, cohort_of: Make) -> None:
    for person, line in phq9(rows, "baseline").items():
        line["score"] = min(27.0, line["score"] + 8) if offered(person) else line["score"]
    cohort = cohort_of(rows)
    first, second = changes(cohort, cohort.plan.outcomes[1])
    assert first.before > second.before
    assert first.drift < 0 < second.drift


def test_where_scores_never_change_no_drift_is_expected(rows: Rows, cohort_of: Make) -> None:
    before = phq9(rows, "baseline")
    for person, line in phq9(rows, "6m").items():
        line["score"] = before[person]["score"]
    cohort = cohort_of(rows)
    for found in changes(cohort, cohort.plan.outcomes[1]):
        assert found.drift == pytest.approx(0, abs=1e-12)
        assert found.change.mean == pytest.approx(0, abs=1e-12)


def test_without_a_correlation_there_is_no_drift_to_tell(rows: Rows, cohort_of: Make) -> None:
    for line in phq9(rows, "6m").values():
        line["score"] = 5.0
    cohort = cohort_of(rows)
    assert all(math.isnan(found.drift) for found in changes(cohort, cohort.plan.outcomes[1]))


def test_everything_planned_is_estimated(rows: Rows, read: Callable[..., Any]) -> None:
    comparison = compare(read(rows))
    assert list(comparison.fitted) == ["eq5d-6m", "phq9-6m", "gp"]
    assert [outcome.id for outcome in drawn(comparison.cohort)] == ["eq5d-6m", "phq9-6m"]
    assert {fitted.n_clusters for fitted in comparison.fitted.values()} == {(4, 4)}


def test_an_earlier_timepoint_may_be_an_outcome_of_its_own(rows: Rows, read: Callable[..., Any]) -> None:
    plan = PLAN + '\n[[outcomes]]\nid = "phq9-3m"\ninstrument = "phq9"\ntimepoint = "3m"\n'
    comparison = compare(read(rows, plan))
    assert comparison.fitted["phq9-3m"].main.n == len(phq9(rows, "3m"))


def nobody_came(rows: Rows) -> None:
    for line in rows["service_use"]:
        line["count"] = 0 if (line["until_on"] - line["from_on"]).days == 182 else line["count"]


def test_an_outcome_that_fails_is_named_and_the_others_are_estimated(rows: Rows, read: Callable[..., Any]) -> None:
    nobody_came(rows)
    comparison = compare(read(rows))
    assert [outcome.id for outcome in comparison.estimated] == ["eq5d-6m", "phq9-6m"]
    (fault,) = comparison.faults["gp"]
    assert fault.startswith("nobody in the intervention arm had an event after entry")


def test_where_nothing_can_be_estimated_every_reason_is_told(rows: Rows, read: Callable[..., Any]) -> None:
    nobody_came(rows)
    for line in rows["scores"]:
        line["score"] = 1.0
    with pytest.raises(AnalysisError) as refused:
        compare(read(rows))
    assert [fault.split(":")[0] for fault in refused.value.faults] == [
        "plan.outcomes.eq5d-6m", "plan.outcomes.phq9-6m", "plan.outcomes.gp",
    ]  # fmt: skip


def test_people_allocated_one_by_one_are_compared_without_sites(rows: Rows, read: Callable[..., Any]) -> None:
    plan = PLAN.replace("controlled-before-after", "individually-randomised")
    rows["allocations"] = [
        {"arm": "link-worker" if offered(line["person"]) else "usual-care", "person": line["person"],
         "from_on": line["entered_on"], "method": "randomised"}
        for line in rows["people"]
    ]  # fmt: skip
    for line in rows["people"]:
        line["site"] = None
    rows["sites"], rows["posts"] = [], []
    fitted = compare(read(rows, plan)).fitted["eq5d-6m"]
    assert fitted.n_clusters is None
    assert fitted.main.df == fitted.main.n - len(fitted.terms)
    assert fitted.main.method == "ANCOVA, classical errors"
