"""Long rows: one a person and timepoint, checked, complete, and in order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from instruments.plan import Covariate

from ..moments import Array, redundant_term
from ..result import AnalysisError
from .design import Design, nobody_has

Codes = NDArray[np.int64]
ROLES = ((1, "intervention"), (0, "comparison"))


@dataclass(frozen=True, slots=True)
class LongRows:
    """Complete measurements by person and timepoint: `rows` (n rows), and the `timepoints` met in them, earliest first.

    `person`, `site` and `period` are codes (n,) counted from 0; `period` is the place in `timepoints`.
    """

    rows: pd.DataFrame
    timepoints: tuple[object, ...]
    person: Codes
    site: Codes
    period: Codes

    @property
    def arm(self) -> Array:
        """Arm of each row, 1 intervention, 0 comparison, (n,)."""
        return self.rows["arm"].to_numpy(dtype=float)

    @property
    def score(self) -> Array:
        """Score of each row, (n,)."""
        return self.rows["score"].to_numpy(dtype=float)

    def people(self, kept: NDArray[np.bool_] | None = None) -> Design:
        """One row a person, of those with a row that is kept: who the estimate counts."""
        once = np.zeros(len(self.rows), dtype=bool)
        once[np.unique(self.person, return_index=True)[1]] = True
        if kept is not None:
            once &= np.isin(self.person, self.person[kept])
        return Design(np.empty((0, 0)), (), self.rows[once])

    def place(self, timepoint: object) -> int:
        """Place of a timepoint in the order.

        Raises
        ------
        AnalysisError
            When nobody was measured then.
        """
        if timepoint not in self.timepoints:
            known = ", ".join(str(each) for each in self.timepoints)
            raise AnalysisError(f"nobody has a score at timepoint '{timepoint}'; measured at: {known}")
        return self.timepoints.index(timepoint)

    def follow_up(self, at: object, *, baseline: bool = True) -> set[str]:
        """Names of the arm's coefficients at one timepoint, or at all of them but the earliest if that is the baseline.

        Raises
        ------
        AnalysisError
            When the one is the baseline, or nobody was measured then.
        """
        places = range(int(baseline), len(self.timepoints)) if at is None else (self.place(at),)
        if baseline and 0 in places:
            raise AnalysisError(f"timepoint '{at}' is the earliest, from which change is counted; name a later one")
        return {f"arm:timepoint={self.timepoints[place]}" for place in places}


def long_rows(rows: pd.DataFrame, covariates: Sequence[Covariate] = (), *, by_site: bool = True) -> LongRows:
    """Keep the complete measurements and put them in order of person and timepoint.

    Parameters
    ----------
    rows
        One row a person and timepoint: `person`, `arm` (1 intervention, 0 comparison), `site`, `timepoint` (numbers,
        or an ordered categorical), `score` (missing as NaN) and the covariates. Rows in which any is missing are left
        out.
    covariates
        Facts known at entry.
    by_site
        Whether the site matters; if not, it may be missing.

    Raises
    ------
    AnalysisError
        When a person has two scores at one timepoint, or two arms or sites; a site is missing; an arm is empty; or
        everybody was measured at one timepoint only.
    """
    needed = ["person", "timepoint", "arm", "score", *(covariate.name for covariate in covariates)]
    complete = rows.dropna(subset=needed)
    if by_site and complete["site"].isna().any():
        raise AnalysisError("site: is empty for somebody with a score, and errors by site need it; fill it in")
    for value, role in ROLES:
        if not (complete["arm"] == value).any():
            why = nobody_has(rows[rows["arm"] == value], needed[3:])
            raise AnalysisError(f"the {role} arm has nobody with a score and covariates: {why}")
    period, timepoints = _in_order(complete["timepoint"])
    if len(timepoints) < 2:
        raise AnalysisError(f"scores are from timepoint '{timepoints[0]}' alone; a comparison over time needs two")
    person, order = _checked_people(complete, period, by_site)
    site = pd.factorize(complete["site"])[0] if by_site else np.zeros(len(person), dtype=np.int64)
    return LongRows(complete.iloc[order], timepoints, person[order], site[order], period[order])


def refuse_lone_arms(found: LongRows, first: int = 0) -> None:
    """Refuse a timepoint, from place `first` on, at which one arm has nobody and so no difference from the other.

    Raises
    ------
    AnalysisError
        Naming the timepoint and the arm.
    """
    for place in range(first, len(found.timepoints)):
        for value, role in ROLES:
            if not (found.arm[found.period == place] == value).any():
                raise AnalysisError(
                    f"at timepoint '{found.timepoints[place]}' nobody of the {role} arm has a score and covariates; "
                    "leave that timepoint out of the plan"
                )


def _in_order(timepoint: pd.Series[Any]) -> tuple[Codes, tuple[object, ...]]:
    """Codes (n,) and the timepoints that occur, earliest first."""
    if isinstance(timepoint.dtype, pd.CategoricalDtype):
        found = timepoint.cat.remove_unused_categories()
        return np.asarray(found.cat.codes, dtype=np.int64), tuple(found.cat.categories)
    if not pd.api.types.is_numeric_dtype(timepoint):
        raise AnalysisError("timepoint: texts have no order; give numbers, or an ordered categorical")
    known, codes = np.unique(timepoint.to_numpy(), return_inverse=True)
    return codes.astype(np.int64), tuple(known.tolist())


def _checked_people(rows: pd.DataFrame, period: Codes, by_site: bool) -> tuple[Codes, Codes]:
    """Codes of people (n,), and the order of rows by person and timepoint (n,)."""
    person = pd.factorize(rows["person"])[0].astype(np.int64)
    order = np.lexsort((period, person)).astype(np.int64)
    same = np.diff(person[order]) == 0
    if (same & (np.diff(period[order]) == 0)).any():
        raise AnalysisError("somebody has two scores at one timepoint; keep one")
    for name in ("arm", "site")[: 1 + by_site]:
        codes = pd.factorize(rows[name])[0][order]
        if (same & (np.diff(codes) != 0)).any():
            raise AnalysisError(
                f"somebody's {name} changes between timepoints; people stay in that in which they began"
            )
    return person, order


def period_columns(found: LongRows, reference: int | None = 0) -> Iterator[tuple[str, Array]]:
    """An indicator of each timepoint but the one at place `reference`, if there is one, by name."""
    for place, timepoint in enumerate(found.timepoints):
        if place != reference:
            yield f"timepoint={timepoint}", (found.period == place).astype(float)


def stacked(columns: Iterator[tuple[str, Array]]) -> tuple[Array, tuple[str, ...]]:
    """A design (n, p) and the names of its columns.

    Raises
    ------
    AnalysisError
        When a term is determined by others.
    """
    named = dict(columns)
    X = np.column_stack(list(named.values()))
    redundant = redundant_term(X.T @ X, tuple(named))
    if redundant is not None:
        raise AnalysisError(f"'{redundant}' is constant or determined by the other terms; take it out of the plan")
    return X, tuple(named)
