"""What a report shows of series of sites: effects by time since the start, whether arms moved alike before, placebo."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial

import pandas as pd

from instruments.plan import Outcome

from ..disclosure import Gate
from ..estimators.count_event_study import LAST_BEFORE, periods_of
from ..estimators.inference import exponentiated
from ..estimators.series import SERIES_METHODS
from ..figures import Moment
from ..result import AnalysisError, Cell, Estimate, Fitted, PreTrend, Table
from .cells import DASH, arm_columns, both_arms, words
from .comparison import Comparison
from .outcomes import ESTIMATE_HEADS, in_estimate_columns, no_difference
from .scale import digits_for
from .words import limits, shown

PLACEBOS = ("interrupted-series", "event-study")
CLEAR = 0.05
NAMES = {
    "interrupted-series": "interrupted series",
    "event-study": "event study",
    "callaway-santanna": "Callaway and Sant'Anna",
    "sun-abraham": "Sun and Abraham",
}
LENGTHS = {1: "months", 3: "quarters", 6: "half-years", 12: "years"}


def found_by(comparison: Comparison, outcome: Outcome) -> dict[str, Fitted]:
    """What the methods for series made of an outcome, the planned one first, where it is one of them."""
    return {method: fitted for method, fitted in comparison.by_method(outcome).items() if method in SERIES_METHODS}


def by_period(comparison: Comparison, outcome: Outcome) -> dict[str, Fitted]:
    """Those of them that have an effect for every period since the start."""
    found = found_by(comparison, outcome)
    return {m: fitted for m, fitted in found.items() if any(periods_of(term.term) is not None for term in fitted.terms)}


def effects(fitted: Fitted) -> list[tuple[int, Estimate]]:
    """Effects by time since the start, in order, as ratios where they are logarithms of such."""
    found = [(since, term) for term in fitted.terms if (since := periods_of(term.term)) is not None]
    return sorted(((since, _as_ratio(term)) for since, term in found), key=lambda pair: pair[0])


def _as_ratio(term: Estimate) -> Estimate:
    return exponentiated(term, term.scale.removeprefix("log ")) if term.scale.startswith("log ") else term


def table(comparison: Comparison, outcome: Outcome, method: str, fitted: Fitted) -> Table:
    """The effects of one method by time since the start."""
    rows = []
    for since, effect in effects(fitted):
        _, df, value, interval, p, _ = in_estimate_columns(fitted, effect, _digits(effect))
        rows.append((_since(since), (value, interval, p, df)))
    level = f"{comparison.plan.confidence * 100:g}% interval"
    columns = (axes(outcome, fitted)[1], level, "p", "Degrees of freedom")
    title = f"{outcome.label}: by {length_of(outcome)} since the start ({NAMES[method]})"
    return Table(f"since-{outcome.id}-{method}", title, columns, tuple(rows), notes=(_reference(method),), stub="When")


def _digits(effect: Estimate) -> int:
    return digits_for(effect.std_error or 0.01) if effect.scale.endswith("difference") else 3


def length_of(outcome: Outcome) -> str:
    """What one period of a series is called, in the plural."""
    return LENGTHS.get(outcome.period, f"periods of {outcome.period} months")


def _since(periods: int) -> str:
    return (
        f"{-periods} before the start" if periods < 0 else f"{periods} after the start" if periods else "From the start"
    )


def _reference(method: str) -> str:
    if method == "callaway-santanna":
        return (
            "Before the start each period is set against the one before it; from the start on, against the last before."
        )
    return "Each period is set against the last before the start. Before the start nothing had been offered."


def moments(fitted: Fitted, method: str, guard: Gate) -> list[Moment]:
    """The effects as points of a figure, with the reference; none that rests on too few events."""
    found = [
        Moment(since, effect.estimate, effect.conf_low, effect.conf_high)
        for since, effect in effects(fitted)
        if not guard.is_small(fitted.rests_on(effect.term))
    ]
    if found and method != "callaway-santanna":
        nothing = no_difference(effects(fitted)[0][1])
        found.append(Moment(LAST_BEFORE, nothing, None, None))
    return sorted(found, key=lambda moment: moment.since)


def axes(outcome: Outcome, fitted: Fitted) -> tuple[str, str]:
    """What the axes of the figure show."""
    return f"{length_of(outcome).capitalize()} since the start", effects(fitted)[0][1].scale.capitalize()


def in_words(drawn: list[Moment], outcome: Outcome) -> str:
    """What the figure shows, for who cannot see it."""
    sides = (("before it", [m for m in drawn if m.since < 0]), ("from it on", [m for m in drawn if m.since >= 0]))
    ranges = [
        f"{name} between {min(m.value for m in side):.2f} and {max(m.value for m in side):.2f}"
        for name, side in sides
        if side
    ]
    said = "; ".join(ranges)
    return f"Points with intervals by {length_of(outcome)} since the start; {said}. The table has every number."


# ---------------------------------------------------------------------------- before the start


def before(fitted: Fitted) -> Iterator[str]:
    """Whether the arms moved alike before the start, in words."""
    found = fitted.pre_trend
    if isinstance(found, str):
        yield f"{found[0].upper()}{found[1:]}."
    elif found is not None:
        yield f"All effects before the start at once: {_statistic(found)}, {_p(found.p_value)}. {_alike(found)}"


def _statistic(found: PreTrend) -> str:
    if math.isinf(found.df[1]):
        return f"chi-squared {found.statistic:.2f} on {found.df[0]:g} degrees of freedom"
    return f"F {found.statistic:.2f} on {found.df[0]:g} and {found.df[1]:.1f} degrees of freedom"


def _p(value: float) -> str:
    return "p < 0.001" if value < 0.001 else f"p = {value:.3f}"


def _alike(found: PreTrend) -> str:
    if found.p_value < CLEAR:
        return "The arms did not move alike before the start: what is seen after it may be more of that."
    return "They are not seen to have moved apart; that is no proof, since small partings stay unseen."


# ---------------------------------------------------------------------------- placebo


def placebos(comparison: Comparison, outcome: Outcome) -> dict[str, Fitted | str]:
    """By method, the placebo run of an outcome, or why there is none."""
    found: dict[str, Fitted | str] = {}
    for method in found_by(comparison, outcome):
        if method in PLACEBOS:
            try:
                found[method] = SERIES_METHODS[method].placebo(comparison.cohort, outcome)
            except AnalysisError as error:
                found[method] = "; ".join(error.faults)
    return found


def placebo_table(comparison: Comparison, outcome: Outcome, runs: dict[str, Fitted | str]) -> Table:
    """What each method found, and what it finds where there is nothing to find."""
    rows: list[tuple[str, tuple[Cell, ...]]] = []
    for method, run in runs.items():
        real = found_by(comparison, outcome)[method]
        rows.append((f"{NAMES[method].capitalize()}: as planned", in_estimate_columns(real, real.main, 2)[:-1]))
        cells = (words(f"Not run: {run}"), *[DASH] * 4) if isinstance(run, str) else _of_run(run)
        rows.append((f"{NAMES[method].capitalize()}: placebo", cells))
    level = f"{comparison.plan.confidence * 100:g}% interval"
    columns = tuple(level if head == "interval" else head for head in ESTIMATE_HEADS[:-1])
    title = f"{outcome.label}: the same before and after a start that never was"
    return Table(f"placebo-{outcome.id}", title, columns, tuple(rows), stub="Rate ratio")


def _of_run(run: Fitted) -> tuple[Cell, ...]:
    return in_estimate_columns(run, run.main, 2)[:-1]


def placebo_words(comparison: Comparison, runs: dict[str, Fitted | str], guard: Gate) -> Iterator[str]:
    """What a placebo run is, what it should give, and what it gave."""
    for method, run in runs.items():
        if isinstance(run, str):
            yield f"No placebo run of the {NAMES[method]} could be made: {run}."
        elif not guard.is_small(run.rests_on(run.main.term)):
            said = f"{shown(run.main)} ({limits(run.main, comparison.plan.confidence)})"
            yield (
                f"Placebo: the {NAMES[method]} on the time before the start alone, as if the start had been in the "
                f"middle of it. Nothing had been offered then, so the rate ratio should be 1. It is {said}. "
                f"{_verdict(run.main)}"
            )


def _verdict(found: Estimate) -> str:
    if found.conf_low is None or found.conf_high is None:
        return "Without an interval it cannot be said whether one lies inside."
    if found.conf_low <= 1 <= found.conf_high:
        return "One lies inside the interval."
    return "One lies outside the interval: the arms part for other reasons too, and the answer may be one of them."


# ---------------------------------------------------------------------------- rates


def rates(comparison: Comparison, outcome: Outcome) -> Table | None:
    """Events and person-years of whole sites before and from the start on, by arm, where they start at one time."""
    method = next((method for method in found_by(comparison, outcome) if method in PLACEBOS), None)
    if method is None:
        return None
    of, time = SERIES_METHODS[method], str(SERIES_METHODS[method].time)
    use = of.rows(comparison.cohort, outcome)
    rows: list[tuple[str, tuple[Cell, ...]]] = []
    for when, side in (("before the start", use[use[time] < 0]), ("from the start on", use[use[time] >= 0])):
        for label, shape in (
            ("Events", "{count:,}"),
            ("Person-years", "{years:,.1f}"),
            ("Rate per person-year", "{rate:.2f}"),
        ):
            rows.append((f"{label} {when}", both_arms(side, partial(_total, shape, outcome, when))))
    title = f"{outcome.label}: events and person-time of sites"
    return Table(f"site-rates-{outcome.id}", title, arm_columns(comparison.plan), tuple(rows))


def _total(shape: str, outcome: Outcome, when: str, arm: pd.DataFrame, role: str) -> Cell:
    """Events and what would give them away: one quantity to protect, whichever is shown."""
    events, years = int(arm["count"].sum()), float(arm["years"].sum())
    if shape == "{years:,.1f}":
        return Cell(shape, stats={"years": years})
    return Cell(shape, count=events, key=("events", outcome.id, when, role), stats={"rate": events / years})
