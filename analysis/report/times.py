"""Times to an event in a report: who had it, the curves, and whether one ratio of hazards says it all.

A curve and the numbers followed would give single people away wherever a step is small. So each arm's curve is read on
days between which nobody had the event, or as many as may be shown, and it ends where fewer than that are still
followed; the numbers followed are shown on those days between which nobody else was lost, or as many as may be shown.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from instruments.plan import Outcome

from ..cohort import ROLES, named_covariates
from ..disclosure import Gate
from ..estimators.cox import ALARM, fit_cox, proportionality
from ..estimators.product_limit import Point, aalen_johansen, kaplan_meier
from ..estimators.pseudo_values import event_design
from ..estimators.restricted_mean import restricted_mean
from ..figures import Series
from ..result import AnalysisError, Cell, Key, Sum, Table
from ..times import CENSORED, DIED, EVENT, time_rows_of
from .cells import DASH, arm_columns, both_arms, interval, people
from .comparison import Comparison
from .outcomes import analysed_key, apart
from .participants import left_key, study_key
from .words import adjusted_for, limits, shown

PARTS = 12
TICKS = 4
STEADY = (
    "Whether that ratio stays the same over time was checked (Schoenfeld residuals): nothing speaks against it, {p}."
)
CHANGING = (
    "But the ratio changes over time (Schoenfeld residuals, {p}): this one number is an average that may hold at no "
    "time. Read the days without it instead."
)
CANNOT_SAY = "Whether that ratio stays the same over time cannot be checked: everybody who had it had it on one day."
NO_CURVES = "So few had it, or were followed, that no curves are drawn: they would show single people."
COARSE = "A dash stands where since the day shown before too few had it or were lost, or too few were still followed."


@dataclass(frozen=True, slots=True)
class Curve:
    """One arm's Kaplan-Meier curve on the days on which it may be shown; the competing events are censored.

    `followed` are the people still seen without the event and alive, None where their number would tell of few.
    """

    role: str
    points: tuple[Point, ...]
    followed: tuple[int | None, ...]


def _key(outcome: Outcome, role: str, what: str) -> Key:
    return "time", outcome.id, role, what


def happened(comparison: Comparison, outcome: Outcome) -> Table:
    """Who was followed, who had the event or died before, and the probabilities of it by the end of the time."""
    rows = time_rows_of(comparison.cohort, outcome)
    timed = rows.dropna(subset=["days", "event"])
    until = f"by day {outcome.until_day}"
    shown_rows = [
        ("People followed from entry on", both_arms(timed, lambda arm, role: _people(outcome, arm, role, "timed"))),
        ("Not followed from entry on", both_arms(rows, lambda arm, role: _people(outcome, arm, role, "untimed"))),
        (f"Had it {until}", both_arms(timed, lambda arm, role: _people(outcome, arm, role, "had"))),
        ("Died before", both_arms(timed, lambda arm, role: _people(outcome, arm, role, "died"))),
        (
            f"Without it at day {outcome.until_day}, deaths aside (Kaplan-Meier), %",
            both_arms(timed, lambda arm, role: _free(comparison, outcome, arm, role)),
        ),
        (
            f"Had it {until}, where death may come first (Aalen-Johansen), %",
            both_arms(timed, lambda arm, role: _risk(comparison, outcome, arm, role, EVENT)),
        ),
        (
            f"Died before it {until} (Aalen-Johansen), %",
            both_arms(timed, lambda arm, role: _risk(comparison, outcome, arm, role, DIED)),
        ),
        (
            f"Days without it up to day {outcome.until_day}, deaths aside: mean",
            both_arms(timed, lambda arm, role: _mean_days(comparison, outcome, timed, arm, role)),
        ),
    ]
    sums, implied = _sums(comparison, outcome, rows)
    title = f"{outcome.label}: who had it, and when"
    columns = arm_columns(comparison.plan)
    return Table(f"times-{outcome.id}", title, columns, tuple(shown_rows), tuple(sums), tuple(implied))


def _size(arm: pd.DataFrame, what: str) -> int:
    """How many of an arm's rows are of a kind; 'without' had no event, 'neither' no death before either."""
    event = arm["event"]
    kinds = {
        "timed": event.notna(),
        "untimed": event.isna(),
        "had": event == EVENT,
        "died": event == DIED,
        "without": event.notna() & (event != EVENT),
        "neither": event.notna() & (event != EVENT) & (event != DIED),
    }
    return int(kinds[what].sum())


def _people(outcome: Outcome, arm: pd.DataFrame, role: str, what: str) -> Cell:
    if what in ("timed", "untimed"):
        return people(_size(arm, what), key=_key(outcome, role, what))
    return people(_size(arm, what), len(arm), _key(outcome, role, what), _key(outcome, role, "timed"))


def _sums(comparison: Comparison, outcome: Outcome, rows: pd.DataFrame) -> tuple[list[Sum], list[tuple[Key, int]]]:
    """What a reader could subtract; of those without the event, nobody shows who was followed to the end."""
    sums, implied = [], []
    n_of = dict(zip(ROLES.values(), comparison.fitted[outcome.id].n, strict=True))
    for value, role in ROLES.items():
        arm = rows[rows["arm"] == value]
        timed, untimed, had, died, without, neither = (
            _key(outcome, role, what) for what in ("timed", "untimed", "had", "died", "without", "neither")
        )
        known, rest = apart(
            (timed, _size(arm, "timed")), (analysed_key(outcome, role), n_of[role]), _key(outcome, role, "incomplete")
        )
        parts = (Sum(study_key(role), (timed, untimed)), Sum(timed, (had, without)), Sum(without, (died, neither)))
        deaths, others = _other_deaths(comparison, outcome, value, (died, _size(arm, "died")))
        sums += [*parts, known, deaths]
        implied += [(without, _size(arm, "without")), (neither, _size(arm, "neither")), rest, others]
    return sums, implied


def _other_deaths(
    comparison: Comparison, outcome: Outcome, arm: int, before: tuple[Key, int]
) -> tuple[Sum, tuple[Key, int]]:
    """Those of an arm who died at another time than before the event: the harms count all deaths."""
    people, role = comparison.cohort.people, ROLES[arm]
    deaths = int(((people["arm"] == arm) & (people["left_reason"] == "died")).sum())
    return apart(((*left_key("died"), role), deaths), before, _key(outcome, role, "died otherwise"))


# ---------------------------------------------------------------------------- numbers by the end


def _site(comparison: Comparison, arm: pd.DataFrame) -> pd.Series[Any] | None:
    return arm["site"] if comparison.plan.errors != "classical" else None


def _free(comparison: Comparison, outcome: Outcome, arm: pd.DataFrame, role: str) -> Cell:
    return _percent(outcome, role, ("had", "without"), len(arm), lambda at: _survival(comparison, arm, at))


def _risk(comparison: Comparison, outcome: Outcome, arm: pd.DataFrame, role: str, kind: float) -> Cell:
    def curve(at: tuple[float, ...]) -> tuple[Point, ...]:
        level, site = comparison.plan.confidence, _site(comparison, arm)
        return aalen_johansen(arm["days"], arm["event"], kind=int(kind), at=at, confidence=level, site=site)

    keys = ("had", "without") if kind == EVENT else ("died",)
    return _percent(outcome, role, keys, len(arm), curve)


def _survival(comparison: Comparison, arm: pd.DataFrame, at: tuple[float, ...]) -> tuple[Point, ...]:
    level, site = comparison.plan.confidence, _site(comparison, arm)
    return kaplan_meier(arm["days"], (arm["event"] == EVENT).astype(float), at=at, confidence=level, site=site)


def _percent(outcome: Outcome, role: str, what: tuple[str, ...], n: int, curve: Any) -> Cell:
    """A probability by the end in percent; a dash where nobody was followed so long."""
    try:
        (point,) = curve((float(outcome.until_day or 0),))
    except AnalysisError:
        return DASH
    cell = interval(*_in_percent(point), n, 1)
    still = min(n, point.at_risk) or n
    return Cell(cell.text, stats=cell.stats, n=still, from_counts=tuple(_key(outcome, role, each) for each in what))


def _mean_days(comparison: Comparison, outcome: Outcome, timed: pd.DataFrame, arm: pd.DataFrame, role: str) -> Cell:
    """The arm's own restricted mean, of everybody whose time is known."""
    plan = comparison.plan
    try:
        fitted = restricted_mean(
            timed, horizon=float(outcome.until_day or 0), errors=plan.errors, confidence=plan.confidence
        )
    except AnalysisError:
        return DASH
    (own,) = (term for term in fitted.terms if term.term == role)
    low, high = (math.nan if limit is None else limit for limit in (own.conf_low, own.conf_high))
    cell = interval(own.estimate, low, high, len(arm), 1)
    keys = tuple(_key(outcome, role, each) for each in ("had", "without"))
    return Cell(cell.text, stats=cell.stats, n=len(arm), from_counts=keys)


# ---------------------------------------------------------------------------- curves


def curves(comparison: Comparison, outcome: Outcome) -> list[Curve]:
    """Each arm's curve on days that tell nothing of few people; without points where even the last day would."""
    rows = time_rows_of(comparison.cohort, outcome).dropna(subset=["days", "event"])
    least, found = comparison.plan.small_number, []
    for value, role in ROLES.items():
        arm = rows[rows["arm"] == value]
        days = _days_shown(arm, float(outcome.until_day or 0), least)
        if len(days) > 1:
            begin = Point(0.0, 1.0, 0.0, 1.0, 1.0, len(arm))
            points = (begin, *_survival(comparison, arm, tuple(days[1:])))
            found.append(Curve(role, points, tuple(_followed(arm, days, least))))
        else:
            found.append(Curve(role, (), ()))
    return found


def _days_shown(arm: pd.DataFrame, until: float, least: int) -> list[float]:
    """Days from 0 on between which, and after which, nobody had the event or at least so many; so many are followed."""
    grid = np.unique(np.round(np.linspace(0, until, PARTS + 1)))
    reached = [float(day) for day in grid if _still(arm, day) >= max(least, 1)]
    had = np.sort(arm.loc[arm["event"] == EVENT, "days"].to_numpy(dtype=float))
    by = {day: int(np.searchsorted(had, day, side="right")) for day in reached}
    kept = reached[:1]
    for day in reached[1:]:
        if not 0 < by[day] - by[kept[-1]] < least:
            kept.append(day)
    while len(kept) > 1 and 0 < len(had) - by[kept[-1]] < least:
        kept.pop()
    last = reached[-1:]
    if last > kept[-1:] and not any(0 < gone < least for gone in (by[last[0]] - by[kept[-1]], len(had) - by[last[0]])):
        kept += last
    return kept


def _still(arm: pd.DataFrame, day: float) -> int:
    """People seen to a day without the event and alive."""
    return int(((arm["days"] > day) | ((arm["days"] == day) & (arm["event"] == CENSORED))).sum())


def _followed(arm: pd.DataFrame, days: list[float], least: int) -> Iterator[int | None]:
    """People still followed on each day, where since the day told before nobody was lost otherwise, or enough were."""
    told = 0
    for day in days:
        still = _still(arm, day)
        lost = len(arm) - still - int(((arm["event"] == EVENT) & (arm["days"] <= day)).sum())
        if 0 < lost - told < least:
            yield None
        else:
            told = lost
            yield still


def followed(comparison: Comparison, outcome: Outcome, found: list[Curve]) -> Table | None:
    """The curves' numbers: who is still followed and the share without the event, day by day."""
    days = sorted({point.day for curve in found for point in curve.points})
    if not days:
        return None
    rows = [(f"Day {day:g}", tuple(cell for curve in found for cell in _on(outcome, curve, day))) for day in days]
    columns = tuple(f"{arm}, {what}" for arm in arm_columns(comparison.plan) for what in ("followed", "% without it"))
    title = f"{outcome.label}: people still followed and without it, deaths aside (Kaplan-Meier)"
    return Table(f"curve-{outcome.id}", title, columns, tuple(rows), notes=(COARSE,))


def _on(outcome: Outcome, curve: Curve, day: float) -> tuple[Cell, Cell]:
    for point, still in zip(curve.points, curve.followed, strict=True):
        if point.day == day:
            share = interval(*_in_percent(point), point.at_risk, 1)
            timed, key = _key(outcome, curve.role, "timed"), _key(outcome, curve.role, f"followed to {day:g}")
            return DASH if still is None else Cell("{count:,}", still, key, from_counts=(timed,)), share
    return DASH, DASH


def _in_percent(point: Point) -> tuple[float, float, float]:
    """A probability and its interval, rounded: all its digits would tell on which days people were lost."""
    return round(100 * point.estimate, 1), round(100 * point.conf_low, 1), round(100 * point.conf_high, 1)


def series(comparison: Comparison, found: list[Curve]) -> list[Series]:
    """The curves in percent, ready to be drawn; without an interval where none is known."""
    drawn = []
    for curve in found:
        values = [_in_percent(point) for point in curve.points]
        at, free = tuple(point.day for point in curve.points), tuple(value for value, *_ in values)
        low, high = (tuple(v[0] if math.isnan(v[end]) else v[end] for v in values) for end in (1, 2))
        drawn.append(Series(comparison.plan.arm(curve.role).label, at, free, low, high))
    return drawn


def ticks(drawn: list[Series]) -> list[tuple[float, str]]:
    """Days to write at the axis."""
    last = max(day for arm in drawn for day in arm.at)
    return [(day, f"day {day:g}") for day in sorted({float(round(last * part / TICKS)) for part in range(TICKS + 1)})]


def curves_in_words(drawn: list[Series]) -> str:
    """What the curves show, for who cannot see them."""
    lines = [f"of {arm.label} {arm.mean[-1]:.1f}% are without it on day {arm.at[-1]:g}" for arm in drawn if arm.mean]
    return f"Survival curves, which begin at 100%: {'; '.join(lines)}. The table has every number."


# ---------------------------------------------------------------------------- hazards


def hazards_in_words(comparison: Comparison, outcome: Outcome, guard: Gate) -> Iterator[str]:
    """The ratio of hazards, and whether it stays the same."""
    plan, fitted = comparison.plan, comparison.by_method(outcome).get("cox")
    if fitted is None:
        faults = [fault for each in comparison.beside[outcome.id] if each.method == "cox" for fault in each.faults]
        yield f"The ratio of hazards could not be estimated: {'; '.join(faults)}."
        return
    if guard.is_small(fitted.fewest):
        return
    rows, (first, second) = time_rows_of(comparison.cohort, outcome), arm_columns(plan)
    _, p = proportionality(fit_cox(event_design(rows, named_covariates(plan, outcome))))[0]
    yield (
        f"The hazard ratio is {shown(fitted.main)} ({limits(fitted.main, plan.confidence)}): of those who had not had "
        f"it yet, people in “{first}” came to it {shown(fitted.main)} times as often as people in “{second}”"
        f", adjusted for {adjusted_for(comparison, outcome)}. {_verdict(p)}"
    )


def _verdict(p: float) -> str:
    if math.isnan(p):
        return CANNOT_SAY
    said = "p < 0.001" if p < 0.001 else f"p = {p:.3f}"
    return (CHANGING if p < ALARM else STEADY).format(p=said)
