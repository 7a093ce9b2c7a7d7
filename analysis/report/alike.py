"""How alike people of one site are in the primary outcome, which the next study needs to know its size."""

from __future__ import annotations

from instruments.plan import Outcome

from ..cohort import rows_of
from ..estimators.intracluster import intracluster_correlation
from ..result import AnalysisError, Cell, Table
from .cells import DASH, sites, words
from .comparison import Comparison

LABEL = "Between two people of one site, arms apart"
HOW = (
    "Intracluster correlation of everybody measured, not adjusted: analysis of variance of sites within arms, with "
    "Searle's interval. Below zero it is chance. The size of the next study follows from it."
)
NOT_KNOWN = "Not estimated: {fault}"


def table(comparison: Comparison, outcome: Outcome) -> Table | None:
    """The intracluster correlation of a score and its interval, where sites are what the errors go by."""
    plan = comparison.plan
    if outcome.kind != "continuous" or plan.errors == "classical":
        return None
    columns = ("Sites by arm", "Correlation", f"{plan.confidence * 100:g}% interval")
    return Table(f"icc-{outcome.id}", f"{outcome.label}: how alike people of one site are", columns,
                 ((LABEL, _cells(comparison, outcome)),), notes=(HOW,))  # fmt: skip


def _cells(comparison: Comparison, outcome: Outcome) -> tuple[Cell, ...]:
    try:
        found = intracluster_correlation(rows_of(comparison.cohort, outcome), confidence=comparison.plan.confidence)
    except AnalysisError as error:
        return DASH, words(NOT_KNOWN.format(fault="; ".join(error.faults))), DASH
    smaller, (first, second) = min(found.n), found.n_clusters
    limits = {"conf_low": found.conf_low, "conf_high": found.conf_high}
    return (
        sites(first, second),
        Cell("{estimate:.3f}", stats={"estimate": found.estimate}, n=smaller),
        Cell("{conf_low:.3f} to {conf_high:.3f}", stats=limits, n=smaller),
    )
