"""Curves of time to an event: Kaplan-Meier, Aalen-Johansen, restricted means, and what each person moves in them.

The influence of a person on a number read from a curve is the derivative of that number by the person's weight. Its
squares, summed over people, are Greenwood's variance of a survival probability exactly, the usual variance of a
restricted mean, and the infinitesimal jackknife's of a cumulative incidence; summed within sites first, they give
variances that know of sites. On one day events come before censorings.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from ..moments import Array
from ..result import AnalysisError
from .inference import t_quantile

CENSORED, EVENT, COMPETING = 0, 1, 2


@dataclass(frozen=True, slots=True)
class LifeTable:
    """People by the day on which they were last seen: k distinct days, n people.

    Attributes
    ----------
    days
        The distinct days, in order, (k,).
    at_risk
        People followed up to each day, (k,).
    events
        Of whom had an event of any kind on it, (k,).
    survival
        Kaplan-Meier probability of no event up to and on each day, (k,).
    position
        Index of each person's day, (n,).
    event
        What became of each person: 0 censored, else the kind of event, (n,).
    """

    days: Array
    at_risk: Array
    events: Array
    survival: Array
    position: NDArray[np.intp]
    event: NDArray[np.int64]

    @property
    def before(self) -> Array:
        """Probability of no event before each day, (k,)."""
        return np.concatenate([[1.0], self.survival[:-1]])

    def of_kind(self, kind: int) -> Array:
        """Events of one kind on each day, (k,)."""
        return np.bincount(self.position[self.event == kind], minlength=len(self.days)).astype(float)


@dataclass(frozen=True, slots=True)
class Point:
    """A curve on one day: the estimate, its error and interval, and who is still followed."""

    day: float
    estimate: float
    std_error: float
    conf_low: float
    conf_high: float
    at_risk: int


def life_table(days: ArrayLike, event: ArrayLike) -> LifeTable:
    """Count people by day.

    Parameters
    ----------
    days
        Days from entry to the event or to the last day seen, (n,), above zero, none missing.
    event
        0 censored, 1 the event, 2 and on competing events, (n,).

    Raises
    ------
    AnalysisError
        When there is nobody, a time is missing or not above zero, or an event is not a whole number from 0 on.
    """
    last, kind = np.asarray(days, dtype=float), np.asarray(event, dtype=float)
    if not len(last):
        raise AnalysisError("nobody is left whose time to the event is known; nothing to draw a curve of")
    if not (np.isfinite(last) & (last > 0)).all():
        raise AnalysisError("somebody's days of follow-up are missing or not above zero; correct entry or last day")
    if not (np.isfinite(kind) & (kind >= 0) & (kind % 1 == 0)).all():
        raise AnalysisError("event: holds something else than 0 (not seen), 1 (the event) or 2 (a competing event)")
    distinct, position = np.unique(last, return_inverse=True)
    people = np.bincount(position, minlength=len(distinct))
    at_risk = np.cumsum(people[::-1])[::-1].astype(float)
    events = np.bincount(position[kind > 0], minlength=len(distinct)).astype(float)
    survival = np.cumprod(1 - events / at_risk)
    return LifeTable(distinct, at_risk, events, survival, position, kind.astype(np.int64))


def refuse_beyond(table: LifeTable, horizon: float, who: str) -> None:
    """Refuse a day up to which nobody was followed, unless everybody has had the event before.

    Raises
    ------
    AnalysisError
        Naming the day and the last one seen.
    """
    if not horizon > 0:
        raise AnalysisError(f"horizon: {horizon:g} days is not above zero; name a later day")
    if horizon > table.days[-1] and table.survival[-1] > 0:
        last = f"{table.days[-1]:g}"
        remedy = f"name one up to {last} (in a plan: until_day)"
        raise AnalysisError(f"horizon: nobody in the {who} was followed to day {horizon:g}; {remedy}")


# ---------------------------------------------------------------------------- numbers read from a curve


def survival_at(table: LifeTable, day: float) -> float:
    """Probability of no event up to and on a day."""
    known = np.searchsorted(table.days, day, side="right")
    return float(table.survival[known - 1]) if known else 1.0


def incidence(table: LifeTable, kind: int) -> Array:
    """Aalen-Johansen probability of an event of one kind up to and on each day, (k,)."""
    return np.cumsum(table.before * table.of_kind(kind) / table.at_risk)


def incidence_at(table: LifeTable, kind: int, day: float) -> float:
    """Probability of an event of one kind up to and on a day."""
    known = np.searchsorted(table.days, day, side="right")
    return float(incidence(table, kind)[known - 1]) if known else 0.0


def mean_up_to(table: LifeTable, horizon: float) -> float:
    """Expected days without the event up to the horizon: the area under the curve."""
    return float(min(table.days[0], horizon) + _area_after(table, horizon)[0])


def _area_after(table: LifeTable, horizon: float) -> Array:
    """Area under the survival curve from each day to the horizon, (k,)."""
    edges = np.minimum(np.append(table.days, max(horizon, table.days[-1])), horizon)
    return np.asarray(np.cumsum((table.survival * np.diff(edges))[::-1])[::-1])


# ---------------------------------------------------------------------------- what each person moves


def _of_survival(table: LifeTable, lost: Array) -> Array:
    """Influence through the survival curve, (n,), where `lost` (k,) hangs on surviving each day."""
    staying = table.at_risk - table.events
    free = np.where(staying > 0, staying, 1.0)
    own = np.where(staying > 0, lost / free, 0.0)
    shared = np.cumsum(own * table.events / table.at_risk)
    return np.asarray(shared[table.position] - np.where(table.event > 0, own[table.position], 0.0))


def influence_on_survival(table: LifeTable, day: float) -> Array:
    """What each person moves in the probability of no event up to and on a day, (n,)."""
    return _of_survival(table, np.where(table.days <= day, survival_at(table, day), 0.0))


def influence_on_mean(table: LifeTable, horizon: float) -> Array:
    """What each person moves in the restricted mean, (n,) days."""
    return _of_survival(table, _area_after(table, horizon))


def influence_on_incidence(table: LifeTable, kind: int, day: float) -> Array:
    """What each person moves in the probability of an event of one kind up to and on a day, (n,)."""
    inside = table.days <= day
    later = np.where(inside, incidence_at(table, kind, day) - incidence(table, kind), 0.0)
    jump = np.where(inside, table.before / table.at_risk, 0.0)
    shared = np.cumsum(jump * table.of_kind(kind) / table.at_risk)
    own = np.where(table.event == kind, jump[table.position], 0.0)
    return np.asarray(own - shared[table.position] + _of_survival(table, later))


# ---------------------------------------------------------------------------- curves to show


def kaplan_meier(
    days: ArrayLike, event: ArrayLike, *, at: Sequence[float], confidence: float = 0.95, site: ArrayLike | None = None
) -> tuple[Point, ...]:
    """Estimate the probability of no event up to and on some days, in one group.

    Parameters
    ----------
    days, event
        As for `life_table`; every kind of event counts, so make the competing ones 0 to censor them.
    at
        Days to read the curve on.
    confidence
        Level of the intervals, which are made on the log scale and end at 1.
    site
        Site of each person, (n,): errors between sites instead of between people (G / (G - 1), t with G - 1).

    Returns
    -------
    tuple of Point
        One for each day asked for.

    Raises
    ------
    AnalysisError
        As `life_table`, or when a day is beyond the last one seen.

    References
    ----------
    Kaplan EL, Meier P. JASA 1958;53:457-481. doi:10.1080/01621459.1958.10501452
    Reference: `06b_km_rmst_aj` (survival 3.5-3).
    """
    table = life_table(days, event)
    return tuple(
        _point(table, day, survival_at(table, day), influence_on_survival(table, day), confidence, site) for day in at
    )


def aalen_johansen(
    days: ArrayLike,
    event: ArrayLike,
    *,
    kind: int = EVENT,
    at: Sequence[float],
    confidence: float = 0.95,
    site: ArrayLike | None = None,
) -> tuple[Point, ...]:
    """Estimate the probability of one kind of event up to and on some days where another may come first.

    Parameters
    ----------
    kind
        Which event, such as 1.
    days, event, at, confidence, site
        As for `kaplan_meier`.

    Raises
    ------
    AnalysisError
        As `kaplan_meier`.

    References
    ----------
    Aalen OO, Johansen S. Scand J Stat 1978;5:141-150.
    Reference: `06b_km_rmst_aj` (survival 3.5-3).
    """
    table = life_table(days, event)
    return tuple(
        _point(table, day, incidence_at(table, kind, day), influence_on_incidence(table, kind, day), confidence, site)
        for day in at
    )


def _point(
    table: LifeTable, day: float, estimate: float, influence: Array, confidence: float, site: ArrayLike | None
) -> Point:
    refuse_beyond(table, day, "group")
    std_error, reach = spread_of(influence, site, confidence)
    factor = math.exp(reach * std_error / estimate) if estimate > 0 else math.nan
    at_risk = int((table.days[table.position] >= day).sum())
    return Point(day, estimate, std_error, estimate / factor, min(1.0, estimate * factor), at_risk)


def spread_of(influence: Array, site: ArrayLike | None, confidence: float) -> tuple[float, float]:
    """Standard error from influences, and how many of them an interval reaches."""
    if site is None:
        return math.sqrt(float(influence @ influence)), float(special.ndtri((1 + confidence) / 2))
    _, codes = np.unique(np.asarray(site), return_inverse=True)
    sums = np.bincount(codes, influence)
    if len(sums) < 2:
        return math.nan, math.nan
    return math.sqrt(len(sums) / (len(sums) - 1) * float(sums @ sums)), t_quantile(confidence, len(sums) - 1)


def median_day(days: ArrayLike, event: ArrayLike, confidence: float = 0.95) -> tuple[float, float, float]:
    """Estimate the day by which half have had the event, with the days on which the curve's interval passes a half.

    Parameters
    ----------
    days, event, confidence
        As for `kaplan_meier`.

    Returns
    -------
    tuple
        Median, lower and upper limit; NaN where the curve or its limit never comes down to a half.

    Raises
    ------
    AnalysisError
        As `life_table`.

    References
    ----------
    Brookmeyer R, Crowley J. Biometrics 1982;38:29-41. doi:10.2307/2530286
    Reference: `06b_km_rmst_aj` (survival 3.5-3).
    """
    table = life_table(days, event)
    staying = table.at_risk - table.events
    hazard = np.cumsum(np.where(staying > 0, table.events / (table.at_risk * np.where(staying > 0, staying, 1)), 0.0))
    factor = np.exp(special.ndtri((1 + confidence) / 2) * np.sqrt(hazard))
    median, low, high = (_first_below_half(table.days, curve) for curve in
                         (table.survival, table.survival / factor, table.survival * factor))  # fmt: skip
    return median, low, high


def _first_below_half(days: Array, curve: Array) -> float:
    below = np.flatnonzero(curve <= 0.5)
    return float(days[below[0]]) if len(below) else math.nan
