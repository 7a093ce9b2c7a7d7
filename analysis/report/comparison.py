"""The comparison itself: every planned outcome estimated, in plan order, before anything is written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from instruments.plan import Outcome, Plan

from ..cohort import ROLES, Cohort, assemble, named_covariates, rows_of, scales, scores_at
from ..estimators import ESTIMATORS
from ..estimators.arm_mean import arm_mean
from ..load import Dataset
from ..result import AnalysisError, Fitted


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


@dataclass(frozen=True)
class Comparison:
    """A cohort and what was estimated from it: by outcome id, in plan order."""

    cohort: Cohort
    fitted: dict[str, Fitted]

    @property
    def plan(self) -> Plan:
        """The plan that decided."""
        return self.cohort.plan


def compare(dataset: Dataset) -> Comparison:
    """Estimate every planned outcome of a dataset by the method for its kind.

    Parameters
    ----------
    dataset
        What `load.read` gave.

    Returns
    -------
    Comparison
        The cohort and, for each outcome of the plan, what its estimator found.

    Raises
    ------
    AnalysisError
        When an outcome cannot be estimated as planned; the message names the outcome.
    """
    cohort = assemble(dataset)
    return Comparison(cohort, {outcome.id: _fit(cohort, outcome) for outcome in cohort.plan.outcomes})


def _fit(cohort: Cohort, outcome: Outcome) -> Fitted:
    plan = cohort.plan
    try:
        return ESTIMATORS[outcome.kind](
            rows_of(cohort, outcome),
            covariates=named_covariates(plan, outcome),
            errors=plan.errors,
            confidence=plan.confidence,
        )
    except AnalysisError as error:
        raise AnalysisError(*(f"plan.outcomes.{outcome.id}: {fault}" for fault in error.faults)) from None


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
