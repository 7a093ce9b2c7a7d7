"""The comparison where there is nothing to find: from a screening to the baseline, before anything was offered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from instruments.plan import Outcome, Plan, Timepoint
from instruments.plan_methods import ALWAYS_BESIDE

from ..cohort import Cohort, scores_at
from ..disclosure import Gate
from ..estimators import EVERY_METHOD
from ..result import AnalysisError, Cell, Estimate, Fitted, Table
from .cells import DASH, words
from .comparison import Comparison
from .outcomes import ESTIMATE_HEADS, digits_of, in_estimate_columns, no_difference
from .words import limits, shown

Runs = Mapping[str, Fitted | str]
"""By method, what it finds, or why it finds nothing."""
WHAT = (
    "Placebo: the same comparison with “{baseline}” as its outcome and “{screening}” as its baseline. Nothing had been "
    "offered by then, so it should find {nothing}. Where it does, that is no proof that the arms would have gone on "
    "alike, for small partings stay unseen."
)
INSIDE = "{Nothing} lies inside the interval."
OUTSIDE = (
    "{Nothing} lies outside the interval: the arms parted before there was anything to part them, as when one of them "
    "was picked at a bad moment. If that was over by the baseline, estimates that count from there are free of it; if "
    "it went on, the answer may be more of it."
)
UNKNOWN = "Without an interval it cannot be said whether {nothing} lies inside."
NUMBERS = {0.0: "zero", 1.0: "one"}


def runs(comparison: Comparison, outcome: Outcome, screening: Timepoint) -> Runs:
    """Compare the arms at the baseline, from a screening on, by the planned method and what always stands beside it.

    Parameters
    ----------
    comparison
        What `compare` gave; methods that failed on the outcome itself are not run.
    outcome
        On a scale; of several that would give the same run the first in the plan has it, the others have none.
    screening
        A timepoint before the baseline, of the same plan.

    Returns
    -------
    Mapping
        Empty where nobody was measured at the screening, or the outcome has no baseline.
    """
    cohort = comparison.cohort
    first = outcome.baseline and _is_first(comparison.plan, outcome)
    if not first or scores_at(cohort, outcome, screening.id).empty:
        return {}
    wanted = (outcome.estimator, *ALWAYS_BESIDE[outcome.kind])
    earlier, as_outcome = before_entry(cohort, outcome, screening)
    return {method: _run(earlier, as_outcome, method) for method in comparison.by_method(outcome) if method in wanted}


def _run(cohort: Cohort, outcome: Outcome, method: str) -> Fitted | str:
    try:
        return EVERY_METHOD[method](cohort, outcome)
    except AnalysisError as error:
        return "; ".join(error.faults)


def before_entry(cohort: Cohort, outcome: Outcome, screening: Timepoint) -> tuple[Cohort, Outcome]:
    """The cohort as if the screening had been its baseline and the baseline its only follow-up, and its outcome."""
    plan = cohort.plan
    timepoints = (replace(screening, screening=False), plan.baseline)
    return replace(cohort, plan=replace(plan, timepoints=timepoints)), replace(outcome, timepoint=plan.baseline.id)


def _is_first(plan: Plan, outcome: Outcome) -> bool:
    same = [other for other in plan.outcomes if _sort(other) == _sort(outcome)]
    return same[0].id == outcome.id


def _sort(outcome: Outcome) -> tuple[object, ...]:
    """What two outcomes share that differ only in their timepoint."""
    scale = (outcome.instrument, outcome.scale, outcome.value_set, outcome.event, outcome.kind, outcome.baseline)
    return *scale, outcome.estimator, outcome.covariates, outcome.match_on


def table(comparison: Comparison, outcome: Outcome, screening: Timepoint, found: Runs) -> Table:
    """What each method found, and what it finds where there is nothing to find."""
    rows: list[tuple[str, tuple[Cell, ...]]] = []
    for method, run in found.items():
        real = comparison.by_method(outcome)[method]
        label = f"{real.main.method}, {real.main.scale}"
        rows.append((f"{label}: as planned", _cells(real)))
        rows.append(
            (f"{label}: placebo", (words(f"Not run: {run}"), *[DASH] * 4) if isinstance(run, str) else _cells(run))
        )
    level = f"{comparison.plan.confidence * 100:g}% interval"
    columns = tuple(level if head == "interval" else head for head in ESTIMATE_HEADS[:-1])
    title = f"{outcome.label}: the same from {screening.label} to {comparison.plan.baseline.label} (placebo)"
    return Table(f"placebo-{outcome.id}-{screening.id}", title, columns, tuple(rows), stub="Method")


def _cells(fitted: Fitted) -> tuple[Cell, ...]:
    return in_estimate_columns(fitted, fitted.main, digits_of(fitted.main))[:-1]


def in_words(comparison: Comparison, outcome: Outcome, screening: Timepoint, found: Runs, guard: Gate) -> Iterator[str]:
    """What a placebo run is, what it should find, and what it found, as far as that may leave."""
    main = comparison.fitted[outcome.id].main
    names = {"baseline": comparison.plan.baseline.label, "screening": screening.label}
    yield WHAT.format(**names, nothing="a ratio of one" if no_difference(main) else "a difference of zero")
    for method, run in found.items():
        name = comparison.by_method(outcome)[method].main.method
        if isinstance(run, str):
            yield f"No placebo run of {name} could be made: {run}."
        elif not guard.is_small(run.fewest):
            yield f"{name}: {shown(run.main)} ({limits(run.main, comparison.plan.confidence)}). {_verdict(run.main)}"


def _verdict(found: Estimate) -> str:
    nothing = no_difference(found)
    word = NUMBERS[nothing]
    if found.conf_low is None or found.conf_high is None:
        return UNKNOWN.format(nothing=word)
    return (INSIDE if found.conf_low <= nothing <= found.conf_high else OUTSIDE).format(Nothing=word.capitalize())
