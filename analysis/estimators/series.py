"""The methods of a plan that read series of sites: which rows each takes, what it is told, and its placebo run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from instruments.plan import Outcome

from ..cohort import Cohort
from ..result import AnalysisError, Fitted
from ..series import MONTHS_A_YEAR, calendar_periods, is_of_calendar, site_months, site_periods
from .count_event_study import count_event_study, events_behind
from .interrupted_series import interrupted_series
from .roll_out import callaway_santanna, sun_abraham
from .site_average import not_alike

YEARS_FOR_A_SEASON = 2
Rows = Callable[[Cohort, Outcome], pd.DataFrame]


@dataclass(frozen=True, slots=True)
class SeriesMethod:
    """A method for series: its function, its rows, and the column of time that is counted from the start, if any.

    Called with who was studied and a planned outcome of theirs, it gives what it found.
    """

    function: Callable[..., Fitted]
    rows: Rows
    time: str | None = None

    def __call__(self, cohort: Cohort, outcome: Outcome) -> Fitted:
        return self.fitted(self.rows(cohort, outcome), cohort, outcome)

    def fitted(self, rows: pd.DataFrame, cohort: Cohort, outcome: Outcome) -> Fitted:
        """What it finds in rows, which may be others than the cohort's."""
        told = _told(rows, cohort, outcome) if self.function is interrupted_series else {}
        found = self.function(rows, errors=cohort.plan.errors, confidence=cohort.plan.confidence, **told)
        said = _counted(found, rows) if self.function is interrupted_series else found
        return not_alike(said) if outcome.average == "sites" and self.time is not None else said

    def placebo(self, cohort: Cohort, outcome: Outcome) -> Fitted:
        """The same on the time before the start alone, as if the start had been in the middle of it.

        Nothing had been offered in all that time, so what is found should be nothing.

        Raises
        ------
        AnalysisError
            When there is too little time before the start, or as the method.
        """
        rows = self.rows(cohort, outcome)
        if self.time is None:
            raise AnalysisError("where sites start at different times there is no one time before the start")
        before = rows[rows[self.time] < 0]
        times = sorted(before[self.time].unique())
        if len(times) < 2:
            raise AnalysisError(f"there are not two {self.time}s before the start")
        moved = before.assign(**{self.time: before[self.time] - times[len(times) // 2]})
        if outcome.horizon is not None:
            outcome = replace(outcome, horizon=min(outcome.horizon, int(moved[self.time].max())))
        return self.fitted(moved, cohort, outcome)


def _told(rows: pd.DataFrame, cohort: Cohort, outcome: Outcome) -> dict[str, Any]:
    """The horizon, and a season where the calendar is known for two years and more."""
    first, last = int(rows["month"].min()), int(rows["month"].max())
    horizon = last if outcome.horizon is None else outcome.horizon
    if horizon > last:
        raise AnalysisError(f"horizon: {horizon} lies beyond the last month of the series, {last}; name one within")
    seasons = is_of_calendar(cohort, outcome) and last + 1 - first >= YEARS_FOR_A_SEASON * MONTHS_A_YEAR
    return {"horizon": horizon, "harmonics": int(seasons)}


def _counted(found: Fitted, rows: pd.DataFrame) -> Fitted:
    """The same, saying that it counts site-months, and on how few events every term of it rests."""
    fewest = events_behind(rows, "month")["arm"]
    events = dict.fromkeys((estimate.term for estimate in (*found.answers, *found.terms)), fewest)
    return replace(found, units="site-months", events=events)


def _periods(cohort: Cohort, outcome: Outcome) -> pd.DataFrame:
    return site_periods(site_months(cohort, outcome), outcome.period)


SERIES_METHODS: Mapping[str, SeriesMethod] = {
    "interrupted-series": SeriesMethod(interrupted_series, site_months, "month"),
    "event-study": SeriesMethod(count_event_study, _periods, "period"),
    "callaway-santanna": SeriesMethod(callaway_santanna, calendar_periods),
    "sun-abraham": SeriesMethod(sun_abraham, calendar_periods),
}
