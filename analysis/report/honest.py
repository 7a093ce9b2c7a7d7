"""What a report says of arms that would have parted without the offer: bounds of the effect, and how to read them."""

from __future__ import annotations

import math
from collections.abc import Iterator

from instruments.plan import Outcome

from ..disclosure import Gate
from ..estimators.count_event_study import LAST_BEFORE, since_start
from ..estimators.course import GAP
from ..estimators.honest import FEWEST_BEFORE, Bound, Honest, for_few_sites, honest_bounds
from ..estimators.inference import CLUSTERS_FOR_P
from ..result import AnalysisError, Cell, Course, Fitted, Table
from .comparison import Comparison
from .series import NAMES, length_of

TITLE = "{label}: if the arms would have parted without the offer ({method})"
NOTE = (
    "No bend carries what was seen before the start on in a straight line. A bend of 1% lets the ratio's step from one "
    "period to the next grow or shrink by 1% each period, before and after the start."
)
OF_STARTS = (
    "Every period, before the start too, is set against the last before it here. Not every site is seen as long before "
    "and after its start: where sites come in or drop out, that can bend the line as well."
)
READ = {
    "event-study": "The event study takes it that without the offer the arms would have moved alike.",
    "callaway-santanna": (
        "The answer takes it that without the offer sites would have moved like those that never started."
    ),
}
NOT_MADE = "How far the effect would stand if the arms had parted without the offer was not worked out: {why}."
FEW = "an arm has fewer than {fewest} sites"
FEW_TOGETHER = (
    "fewer than {fewest} sites start at one of the times, too few to tell chance there from an effect; longer periods "
    "put more of them together"
)


def bounds_of(comparison: Comparison, fitted: Fitted) -> Honest | str | None:
    """The bounds, why there are none, or None where no such effects were estimated or too few lie before the start."""
    course = fitted.course
    if course is None or isinstance(course, str):
        return course
    if course.n_before < FEWEST_BEFORE:
        return None
    return _why_not(course) or _bounds(comparison, course)


def _why_not(course: Course) -> str | None:
    *started, never = course.sites
    if min(sum(started), never) < CLUSTERS_FOR_P:
        return FEW.format(fewest=CLUSTERS_FOR_P)
    if min(started) < CLUSTERS_FOR_P and not course.df:
        return FEW_TOGETHER.format(fewest=CLUSTERS_FOR_P)
    return None if len(course.since) == course.since[-1] - course.since[0] else GAP


def _bounds(comparison: Comparison, course: Course) -> Honest | str:
    level, n_before = comparison.plan.confidence, course.n_before
    try:
        covariance, df = for_few_sites(course.covariance, n_before, course.df)
        return honest_bounds(course.effects, covariance, n_before, course.weights, confidence=level, df=df)
    except AnalysisError as error:
        return "; ".join(error.faults)


def table(comparison: Comparison, outcome: Outcome, method: str, fitted: Fitted, found: Honest) -> Table:
    """The interval of the average rate ratio from the start on, by how far the trend may bend."""
    rows = tuple((_bend(bound, outcome), (_interval(bound, _behind(fitted)),)) for bound in found.bounds)
    columns = (f"Rate ratio, {comparison.plan.confidence * 100:g}% interval",)
    title = TITLE.format(label=outcome.label, method=NAMES[method])
    return Table(_name(outcome, method), title, columns, rows, notes=_notes(method), stub="The trend may bend")


def _name(outcome: Outcome, method: str) -> str:
    return f"honest-{outcome.id}" if method == "event-study" else f"honest-{outcome.id}-{method}"


def _notes(method: str) -> tuple[str, ...]:
    return (NOTE,) if method == "event-study" else (NOTE, OF_STARTS)


def _bend(bound: Bound, outcome: Outcome) -> str:
    by = f"by {math.expm1(bound.size) * 100:.0f}%" if bound.size else "not at all"
    return f"{by} in a period ({length_of(outcome)})"


def _interval(bound: Bound, behind: int) -> Cell:
    stats = {"conf_low": math.exp(bound.conf_low), "conf_high": math.exp(bound.conf_high)}
    return Cell("{conf_low:.2f} to {conf_high:.2f}", stats=stats, n=behind)


def _behind(fitted: Fitted) -> int:
    """The fewest events that any of the periods rests on, the reference too; all of them go into every bound."""
    since = fitted.course.since if isinstance(fitted.course, Course) else ()
    return min(fitted.rests_on(since_start(each)) for each in (*since, LAST_BEFORE))


def in_words(outcome: Outcome, method: str, fitted: Fitted, found: Honest | str, guard: Gate) -> Iterator[str]:
    """How to read the table, and how far the trend may bend before no effect can be told from an effect."""
    if isinstance(found, str):
        yield NOT_MADE.format(why=found)
    elif not guard.is_small(_behind(fitted)):
        yield f"{_read(outcome, method)} {_breakdown(found)}"


def _read(outcome: Outcome, method: str) -> str:
    return (
        f"{READ[method]} The next table lets them part along a line that bends from one to the next of the "
        f"{length_of(outcome)}."
    )


def _breakdown(found: Honest) -> str:
    if not found.breakdown:
        return "If the trend before the start had gone on in a straight line, the interval would have 1 in it."
    return f"The interval leaves 1 out until the line may bend by {math.expm1(found.breakdown) * 100:.2g}% a period."
