"""The comparison itself: every planned outcome estimated, in plan order, before anything is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from instruments.plan import Outcome, Plan

from ..cohort import ROLES, Cohort, assemble, rows_of, scales, scores_at
from ..estimators import EVERY_METHOD
from ..estimators.arm_mean import arm_mean
from ..load import Dataset
from ..result import AnalysisError, Fitted
from .fitting import Task, Watch, unwatched, work_through


@dataclass(frozen=True, slots=True)
class Point:
    """The mean of one arm at one timepoint, with its interval; `role` is the arm's."""

    timepoint: str
    role: str
    n: int
    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Change:
    """An arm's mean before and after, among people measured twice, and the drift to expect from chance alone."""

    role: str
    n: int
    before: float
    after: float
    change: Point
    drift: float


@dataclass(frozen=True, slots=True)
class Beside:
    """What another method makes of an outcome: an estimate, or why there is none."""

    method: str
    fitted: Fitted | None
    faults: tuple[str, ...] = ()


@dataclass(frozen=True)
class Comparison:
    """A cohort and what was estimated from it.

    Attributes
    ----------
    fitted
        By outcome id, in plan order, what the method named for it gave; an outcome that could not be estimated is not
        in it.
    faults
        By outcome id, why such an outcome could not be estimated.
    beside
        By outcome id, what the other methods of the plan make of it.
    """

    cohort: Cohort
    fitted: dict[str, Fitted]
    faults: dict[str, tuple[str, ...]] = field(default_factory=dict)
    beside: dict[str, tuple[Beside, ...]] = field(default_factory=dict)

    @property
    def plan(self) -> Plan:
        """The plan that decided."""
        return self.cohort.plan

    @property
    def estimated(self) -> tuple[Outcome, ...]:
        """The outcomes that there is an estimate of, in plan order."""
        return tuple(outcome for outcome in self.plan.outcomes if outcome.id in self.fitted)

    def by_method(self, outcome: Outcome) -> dict[str, Fitted]:
        """What each method that did not fail made of an outcome, the planned one first; nothing where that one did."""
        if outcome.id not in self.fitted:
            return {}
        others = {each.method: each.fitted for each in self.beside.get(outcome.id, ()) if each.fitted is not None}
        return {outcome.estimator: self.fitted[outcome.id]} | others


def compare(dataset: Dataset, *, jobs: int = 1, watch: Watch = unwatched) -> Comparison:
    """Estimate every planned outcome of a dataset by the method that the plan names, and by those beside it.

    An outcome or a method that fails does not stop the others: `Comparison.faults` and `Comparison.beside` say why.

    Parameters
    ----------
    dataset
        What `load.read` gave.
    jobs
        How many processes may work at once. More are started only where there is enough to do; the answers are the
        same for any number.
    watch
        Told of each estimate before or, with several processes, after it was made.

    Returns
    -------
    Comparison
        The cohort and, for each outcome of the plan, what its estimators found.

    Raises
    ------
    AnalysisError
        When no outcome at all can be estimated; the messages name the outcomes.
    """
    cohort = assemble(dataset)
    tasks = planned(cohort.plan)
    made = dict(zip(tasks, work_through(_fit, cohort, tasks, jobs=jobs, watch=watch), strict=True))
    answers = {outcome.id: made[outcome, outcome.estimator] for outcome in cohort.plan.outcomes}
    fitted = {id: answer.fitted for id, answer in answers.items() if answer.fitted is not None}
    faults = {id: answer.faults for id, answer in answers.items() if answer.fitted is None}
    if not fitted:
        raise AnalysisError(*told(faults))
    beside = {
        outcome.id: tuple(made[outcome, method] for method in outcome.beside)
        for outcome in cohort.plan.outcomes
        if outcome.id in fitted
    }
    return Comparison(cohort, fitted, faults, beside)


def planned(plan: Plan) -> list[Task]:
    """Every outcome by each of its methods: what answers first, in plan order, then what stands beside."""
    answers = [(outcome, outcome.estimator) for outcome in plan.outcomes]
    others = [(outcome, method) for outcome in plan.outcomes for method in outcome.beside]
    return list(dict.fromkeys([*answers, *others]))


def _fit(cohort: Cohort, task: Task) -> Beside:
    outcome, method = task
    try:
        return Beside(method, EVERY_METHOD[method](cohort, outcome))
    except AnalysisError as error:
        return Beside(method, None, error.faults)


def told(faults: Mapping[str, Sequence[str]]) -> list[str]:
    """Each fault with the outcome that it is about."""
    return [f"plan.outcomes.{id}: {fault}" for id, said in faults.items() for fault in said]


def trajectory(cohort: Cohort, outcome: Outcome) -> list[Point]:
    """The means of an outcome's scale at every timepoint, arm by arm, of those measured then."""
    return [
        _point(cohort, scores_at(cohort, outcome, timepoint.id), timepoint.id, arm)
        for timepoint in cohort.plan.timepoints
        for arm in ROLES
    ]


def _point(cohort: Cohort, values: pd.Series[Any], timepoint: str, arm: int) -> Point:
    members = values[cohort.people["arm"].reindex(values.index) == arm]
    site = cohort.people["site"].reindex(members.index)
    found = arm_mean(members, site, errors=cohort.plan.errors, confidence=cohort.plan.confidence)
    return Point(timepoint, ROLES[arm], len(members), *found)


def changes(cohort: Cohort, outcome: Outcome) -> list[Change]:
    """Before and after in each arm, for people measured at baseline and at the outcome's timepoint.

    The expected drift is (1 - r) x (mean of both arms - mean of the arm), r being the correlation of baseline and
    follow-up in the comparison arm: how far an arm that begins apart from the rest comes back with nothing done.
    """
    rows = rows_of(cohort, outcome).dropna(subset=["score", "baseline"])
    r = _correlation(rows[rows["arm"] == 0])
    return [_change(cohort, rows, str(outcome.timepoint), arm, r) for arm in ROLES]


def before_the_offer(cohort: Cohort, outcome: Outcome, screening: str) -> list[Change]:
    """From a screening to the baseline in each arm, for people measured at both: nothing had been offered yet."""
    then, now = (scores_at(cohort, outcome, id) for id in (screening, cohort.plan.baseline.id))
    rows = cohort.people[["arm", "site"]].join(then.rename("baseline")).join(now.rename("score")).dropna()
    r = _correlation(rows[rows["arm"] == 0])
    return [_change(cohort, rows, cohort.plan.baseline.id, arm, r) for arm in ROLES]


@dataclass(frozen=True, slots=True)
class PassingLow:
    """What picking one arm at a passing low would do to an estimate, by method, in the scale's units.

    `size` is half the standard deviation of what is passing in one measurement: the baseline's spread in the
    comparison arm times the root of 1 less its correlation with the follow-up.
    """

    size: float
    seen_as: Mapping[str, float]


def passing_low(comparison: Comparison, outcome: Outcome) -> PassingLow | None:
    """Work out what a dip at the baseline of the intervention arm alone would look like.

    Difference-in-differences shows all of it. ANCOVA shows as much of it as the baseline's coefficient carries over.
    """
    rows = rows_of(comparison.cohort, outcome).dropna(subset=["score", "baseline"])
    others = rows[rows["arm"] == 0]
    r = _correlation(others)
    if not r < 1:
        return None
    size = 0.5 * float(others["baseline"].std()) * float(np.sqrt(1 - max(r, 0.0)))
    seen_as = {}
    for method, fitted in comparison.by_method(outcome).items():
        if method == "ancova":
            slopes = [term.estimate for term in fitted.terms if term.term == "baseline"]
            if slopes:
                seen_as["ANCOVA"] = slopes[0] * size
        elif method == "did":
            seen_as["difference-in-differences"] = size
    return PassingLow(size, seen_as) if seen_as else None


def _correlation(rows: pd.DataFrame) -> float:
    if len(rows) < 3 or rows["score"].nunique() < 2 or rows["baseline"].nunique() < 2:
        return float("nan")
    return float(np.corrcoef(rows["baseline"], rows["score"])[0, 1])


def _change(cohort: Cohort, rows: pd.DataFrame, timepoint: str, arm: int, r: float) -> Change:
    members = rows[rows["arm"] == arm]
    before, after = float(members["baseline"].mean()), float(members["score"].mean())
    change = _point(cohort, members["score"] - members["baseline"], timepoint, arm)
    return Change(ROLES[arm], len(members), before, after, change, (1 - r) * (float(rows["baseline"].mean()) - before))


def drawn(cohort: Cohort) -> tuple[Outcome, ...]:
    """The scales whose course over time is shown."""
    return scales(cohort.plan)
