"""What a report says of an event study whose arms would have parted without the offer: bounds, and how to read them."""

from __future__ import annotations

import math
from collections.abc import Iterator

from instruments.plan import Outcome

from ..disclosure import Gate
from ..estimators.count_event_study import LAST_BEFORE, periods_of
from ..estimators.honest import FEWEST_BEFORE, Bound, Honest, for_few_sites, honest_bounds
from ..estimators.inference import CLUSTERS_FOR_P
from ..result import AnalysisError, Cell, Fitted, Table
from .comparison import Comparison
from .series import length_of

TITLE = "{label}: if the arms would have parted without the offer (event study)"
NOTE = (
    "No bend carries what was seen before the start on in a straight line. A bend of 1% lets the ratio's step from one "
    "period to the next grow or shrink by 1% each period, before and after the start."
)
NOT_MADE = "How far the effect would stand if the arms had parted without the offer was not worked out: {why}."
GAP = "periods are missing between others, and a trend is only followed from period to period"
FEW = "an arm has fewer than {fewest} sites"


def of_event_study(comparison: Comparison, method: str, fitted: Fitted) -> Honest | str | None:
    """The bounds, why there are none, or None where it is no event study or too short before the start for them."""
    if method != "event-study" or not fitted.covariance:
        return None
    periods = [since for term in fitted.terms if (since := periods_of(term.term)) is not None]
    n_before = sum(since < LAST_BEFORE for since in periods)
    if n_before < FEWEST_BEFORE:
        return None
    return _why_not(fitted, periods) or _bounds(comparison, fitted, n_before)


def _why_not(fitted: Fitted, periods: list[int]) -> str | None:
    if fitted.main.p_value is None:
        return FEW.format(fewest=CLUSTERS_FOR_P)
    return None if len(periods) == max(periods) - min(periods) else GAP


def _bounds(comparison: Comparison, fitted: Fitted, n_before: int) -> Honest | str:
    effects, sites = [term.estimate for term in fitted.terms], sum(fitted.n_clusters or ())
    try:
        covariance, df = for_few_sites(fitted.covariance, n_before, sites)
        return honest_bounds(effects, covariance, n_before, confidence=comparison.plan.confidence, df=df)
    except AnalysisError as error:
        return "; ".join(error.faults)


def table(comparison: Comparison, outcome: Outcome, fitted: Fitted, found: Honest) -> Table:
    """The interval of the average rate ratio from the start on, by how far the trend may bend."""
    rows = tuple((_bend(bound, outcome), (_interval(bound, _behind(fitted)),)) for bound in found.bounds)
    columns = (f"Rate ratio, {comparison.plan.confidence * 100:g}% interval",)
    title = TITLE.format(label=outcome.label)
    return Table(f"honest-{outcome.id}", title, columns, rows, notes=(NOTE,), stub="The trend may bend")


def _bend(bound: Bound, outcome: Outcome) -> str:
    by = f"by {math.expm1(bound.size) * 100:.0f}%" if bound.size else "not at all"
    return f"{by} in a period ({length_of(outcome)})"


def _interval(bound: Bound, behind: int) -> Cell:
    stats = {"conf_low": math.exp(bound.conf_low), "conf_high": math.exp(bound.conf_high)}
    return Cell("{conf_low:.2f} to {conf_high:.2f}", stats=stats, n=behind)


def _behind(fitted: Fitted) -> int:
    """The fewest events that any of the periods rests on; all of them go into every bound."""
    return min(fitted.rests_on(term.term) for term in fitted.terms)


def in_words(outcome: Outcome, fitted: Fitted, found: Honest | str, guard: Gate) -> Iterator[str]:
    """How to read the table, and how far the trend may bend before no effect can be told from an effect."""
    if isinstance(found, str):
        yield NOT_MADE.format(why=found)
    elif not guard.is_small(_behind(fitted)):
        yield f"{_read(outcome)} {_breakdown(found)}"


def _read(outcome: Outcome) -> str:
    return (
        "The event study takes it that without the offer the arms would have moved alike. The next table lets them "
        f"part along a line that bends from one to the next of the {length_of(outcome)}."
    )


def _breakdown(found: Honest) -> str:
    if not found.breakdown:
        return "If the trend before the start had gone on in a straight line, the interval would have 1 in it."
    return f"The interval leaves 1 out until the line may bend by {math.expm1(found.breakdown) * 100:.2g}% a period."
