"""From referral to the first contact, and to disengagement: described in the intervention arm and never compared.

The clock starts at the referral, of several the one nearest entry. Each course may end in two ways, of which the first
to come counts; who has come to neither is followed until they left or the last day on which anything was recorded. A
percentage is shown on days between which nobody came to that end, or as many people as may be shown.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ..cohort import Cohort
from ..contacts import each_person
from ..disclosure import Gate
from ..estimators.product_limit import COMPETING, EVENT, Point, aalen_johansen, kaplan_meier
from ..figures import Series
from ..moments import Array
from ..result import AnalysisError, Cell, Key, Sum, Table
from .cells import DASH, interval, people
from .delivery import SAME_DAY, last_day, reached_key
from .outcomes import apart
from .participants import study_key

ROLE = "intervention"
DAYS = (7.0, 14.0, 28.0, 56.0, 84.0, 182.0, 273.0, 365.0)
NEVER_MET = ("declined", "unreachable")
DISENGAGED = "disengaged"
ENDS = (EVENT, COMPETING)
ONE_ARM = (
    "First contacts and disengagement exist where there is a link worker, in “{arm}” alone: they are described, and "
    "never compared. Days count from the referral, of several the one nearest entry."
)
HOW = (
    "Percentages of all who were referred, whichever end comes first (Aalen-Johansen); of those still under way, the "
    "rest (Kaplan-Meier). A dash stands where too few came to it since the day shown before, or were left.",
)


@dataclass(frozen=True)
class Course:
    """What people of the intervention arm come to after their referral, one way or another.

    Attributes
    ----------
    name, title
        Of its table and figure.
    ways
        The two ends and what is left, in words.
    people
        By person: `site`, `days` to the end or the last day seen (above zero; missing where it is not known), and
        `event` (0 neither, 1 and 2 the ends).
    counted_elsewhere
        Whether another table of the report tells how many people ever came to an end.
    """

    name: str
    title: str
    ways: tuple[str, str, str]
    people: pd.DataFrame
    counted_elsewhere: bool = False


def courses_of(cohort: Cohort) -> tuple[Course, ...]:
    """The courses that the data tell of; none where nobody of the intervention arm was referred."""
    episodes = _episodes(cohort)
    if episodes.empty:
        return ()
    met, over, died = episodes["met"], episodes["over"], episodes["died"]
    stopped = episodes["why"] == DISENGAGED
    either = pd.concat([over, died], axis=1).min(axis=1)
    otherwise = pd.concat([over.mask(stopped), died], axis=1).min(axis=1)
    found = []
    if met.notna().any():
        ways = ("Met", "Ended before", "Still waiting")
        title = "From referral to the first attended contact"
        found.append(Course("first-contact", title, ways, _first(episodes, met, either), True))
    if stopped.any():
        ways = ("Stopped attending", "Ended otherwise", "Still open")
        title = "From referral to disengagement: closed because the person stopped attending"
        found.append(Course("disengagement", title, ways, _first(episodes, over.where(stopped), otherwise)))
    return tuple(found)


def _episodes(cohort: Cohort) -> pd.DataFrame:
    """By person of the intervention arm with a referral: days after it to what happened, and to the last day seen."""
    own = cohort.people[cohort.people["arm"] == 1]
    referrals = cohort.dataset["referrals"]
    referrals = referrals[referrals["person"].isin(own.index)]
    if referrals.empty:
        return referrals
    away = (referrals["referred_on"] - referrals["person"].map(own["entered_on"])).abs()
    nearest = referrals.assign(away=away).sort_values(["away", "referred_on", "referral"])
    once = nearest.drop_duplicates("person").set_index("person").sort_index()
    never = once["status"].isin(NEVER_MET)
    left, dead = own["left_on"].reindex(once.index), own["left_reason"].reindex(once.index).eq("died")
    seen = pd.concat([left.mask(dead), pd.Series(last_day(cohort), index=once.index)], axis=1).min(axis=1)
    dates = {
        "met": once["referral"].map(_first_attended(cohort)),
        "over": once["closed_on"].fillna(once["decided_on"].where(never)),
        "died": left.where(dead),
        "seen": seen,
    }
    since = {name: (date - once["referred_on"]).dt.days.astype(float) for name, date in dates.items()}
    why = once["closure_reason"].where(once["closed_on"].notna())
    return pd.DataFrame({**since, "why": why, "site": own["site"].reindex(once.index)})


def _first_attended(cohort: Cohort) -> pd.Series[pd.Timestamp]:
    contacts = cohort.dataset["contacts"]
    return contacts[contacts["attendance"] == "attended"].groupby("referral")["contacted_on"].min()


def _first(episodes: pd.DataFrame, one: pd.Series[float], other: pd.Series[float]) -> pd.DataFrame:
    """Which of two ends came first, as far as it was seen; on one day the first named."""
    seen = episodes["seen"]
    came = (one <= seen) & ~(other < one)
    gone = ~came & (other <= seen)
    days = one.where(came, other.where(gone, seen))
    days = days.where(days != 0, SAME_DAY).where(days >= 0)
    event = pd.Series(np.select([came, gone], ENDS, 0), index=episodes.index, dtype=float)
    return pd.DataFrame({"site": episodes["site"], "days": days, "event": event.where(days.notna())})


# ---------------------------------------------------------------------------- what may be told


@dataclass(frozen=True, slots=True)
class Reading:
    """A course read on some days: the ends' and the rest's points, None where they may not be shown or are not known.

    `followed` are the people under way still, None where their number would tell of few.
    """

    day: float
    ends: tuple[Point | None, Point | None]
    rest: Point | None
    followed: int | None


def read(cohort: Cohort, course: Course) -> tuple[Reading, ...]:
    """A course on those days of `DAYS` on which anything of it may be shown."""
    known, least = course.people.dropna(subset=["days"]), cohort.plan.small_number
    days, event = known["days"].to_numpy(dtype=float), known["event"].to_numpy(dtype=float)
    first = told(days[event == EVENT], len(days), DAYS, least, course.counted_elsewhere)
    ended = {day: int(((event > 0) & (days <= day)).sum()) for day in DAYS}
    beside = [day for day in DAYS if day not in first or not _few(len(days) - ended[day], least)]
    second = told(days[event == COMPETING], len(days), beside, least, course.counted_elsewhere)
    found, lost = [], 0
    for day in DAYS:
        one = _incidence(cohort, known, EVENT, day) if day in first else None
        other = _incidence(cohort, known, COMPETING, day) if day in second else None
        rest = _remaining(cohort, known, day) if one and other else None
        gone = int(((event == 0) & (days < day)).sum())
        still = None
        if rest is not None and not _few(gone - lost, least):
            lost, still = gone, int(((days > day) | ((days == day) & (event == 0))).sum())
        found.append(Reading(day, (one, other), rest, still))
        if still == 0:
            break
    return tuple(each for each in found if any(each.ends))


def told(came: Array, n: int, days: Sequence[float], least: int, counted_elsewhere: bool) -> list[float]:
    """Days between which nobody, or at least so many, came to an end, and up to which all or so many did not.

    Parameters
    ----------
    came
        The days on which people came to it.
    n
        How many people there are.
    days
        Days to choose from, in order.
    least
        The smallest number of people that may be shown.
    counted_elsewhere
        Whether it is known how many ever came to it, so that those who came later could be worked out too.
    """
    kept: list[float] = []
    before = 0
    for day in days:
        by = int((came <= day).sum())
        later = len(came) - by if counted_elsewhere else 0
        if not any(_few(part, least) for part in (by - before, later, n - by)):
            kept.append(day)
            before = by
    return kept


def _few(count: int, least: int) -> bool:
    return 0 < count < least


def _incidence(cohort: Cohort, known: pd.DataFrame, kind: int, day: float) -> Point | None:
    """None where nobody was followed so long."""
    level, site = cohort.plan.confidence, _site(cohort, known)
    try:
        (point,) = aalen_johansen(known["days"], known["event"], kind=kind, at=(day,), confidence=level, site=site)
    except AnalysisError:
        return None
    return point


def _remaining(cohort: Cohort, known: pd.DataFrame, day: float) -> Point:
    level, site = cohort.plan.confidence, _site(cohort, known)
    (point,) = kaplan_meier(known["days"], known["event"], at=(day,), confidence=level, site=site)
    return point


def _site(cohort: Cohort, known: pd.DataFrame) -> pd.Series[Any] | None:
    return known["site"] if cohort.plan.errors != "classical" else None


# ---------------------------------------------------------------------------- table and figure


def table(cohort: Cohort, course: Course) -> Table:
    """A course day by day, from everybody referred."""
    known = course.people.dropna(subset=["days"])
    rows: list[tuple[str, tuple[Cell, ...]]] = [
        ("Day 0", (people(len(known), key=_key(course, "all")), DASH, DASH, DASH))
    ]
    rows += [(f"Day {each.day:g}", tuple(_cells(course, known, each))) for each in read(cohort, course)]
    level = f"{cohort.plan.confidence * 100:g}% interval"
    columns = ("Still under way", *(f"{way}, % ({level})" for way in course.ways))
    sums, implied = _known(cohort, course, known)
    return Table(course.name, course.title, columns, tuple(rows), sums, implied, HOW, "After the referral")


def _key(course: Course, what: str) -> Key:
    return course.name, what


def _cells(course: Course, known: pd.DataFrame, reading: Reading) -> Iterator[Cell]:
    still = reading.followed
    yield DASH if still is None else people(still, key=_key(course, f"followed to {reading.day:g}"))
    for kind, point in zip(ENDS, reading.ends, strict=True):
        later = ((known["event"] == kind) & (known["days"] > reading.day)).any()
        yield _percent(point, len(known), () if later else (_key(course, str(kind)),))
    yield _percent(reading.rest, len(known), ())


def _percent(point: Point | None, n: int, totals: tuple[Key, ...]) -> Cell:
    """A probability in percent, rounded: all its digits would tell on which days people were lost."""
    if point is None:
        return DASH
    cell = interval(*_in_percent(point), n, 1)
    return Cell(cell.text, stats=cell.stats, n=n, from_counts=totals)


def _in_percent(point: Point) -> tuple[float, float, float]:
    """A probability and its interval; none where nobody or everybody has come to it, or there is one site."""
    value = round(100 * point.estimate, 1)
    if not 0 < value < 100:
        return value, math.nan, math.nan
    return value, round(100 * point.conf_low, 1), round(100 * point.conf_high, 1)


def _known(cohort: Cohort, course: Course, known: pd.DataFrame) -> tuple[tuple[Sum, ...], tuple[tuple[Key, int], ...]]:
    """What a reader could subtract: people without a known referral, and those met beside those ever met."""
    members = cohort.people[cohort.people["arm"] == 1]
    every, without = _key(course, "all"), ("no known referral", course.name)
    sums = [Sum(study_key(ROLE), (every, without))]
    totals = {kind: int((known["event"] == kind).sum()) for kind in ENDS}
    implied = [(without, len(members) - len(known)), *((_key(course, str(kind)), n) for kind, n in totals.items())]
    if course.name == "first-contact":
        reached = int((each_person(cohort).loc[members.index, "contacts"] > 0).sum())
        met = (_key(course, str(EVENT)), totals[EVENT])
        total, rest = apart(met, (reached_key(True, ROLE), reached), _key(course, "met otherwise"))
        sums.append(total)
        implied.append(rest)
    return tuple(sums), tuple(implied)


def series(cohort: Cohort, course: Course, guard: Gate) -> list[Series]:
    """Both ends in percent from day 0 on, ready to be drawn; without points where none may be shown."""
    readings = read(cohort, course)
    drawn = []
    for place, label in enumerate(course.ways[:2]):
        shown = [(each.day, point) for each in readings if (point := each.ends[place]) is not None]
        hidden = _key(course, str(ENDS[place])) in guard.hidden
        drawn.append(_line(label, [] if hidden or guard.is_small(len(course.people)) else shown))
    return drawn


def _line(label: str, shown: Sequence[tuple[float, Point]]) -> Series:
    if not shown:
        return Series(label, (), (), (), ())
    values = [(0.0, 0.0, 0.0), *(_in_percent(point) for _, point in shown)]
    low, high = (tuple(v[0] if math.isnan(v[end]) else v[end] for v in values) for end in (1, 2))
    return Series(label, (0.0, *(day for day, _ in shown)), tuple(value for value, *_ in values), low, high)


def in_words(drawn: Sequence[Series]) -> str:
    """What the figure shows, for who cannot see it."""
    said = [f"{line.label.lower()}: {line.mean[-1]:.1f}% by day {line.at[-1]:g}" for line in drawn if line.at]
    return f"Line chart of days after the referral, from 0%. {'; '.join(said)}. The table below has every number."
