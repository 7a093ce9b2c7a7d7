"""What is estimated, before any number: the attributes of an estimand by ICH E9 (R1), as the plan has them."""

from __future__ import annotations

from collections.abc import Iterator

from instruments.plan import Outcome, Plan
from instruments.plan_methods import ALWAYS_SITES, SERIES

from ..result import Cell, Table
from .cells import words

NOTE = (
    "Attributes of an estimand by ICH E9 (R1), 2019. How many were left out, and what that may hide, stands under "
    "missing data."
)
OFFERED = (
    "did", "doubly-robust-did", "att-weights", "entropy-balance", "matching", "matched-did", "poisson-change",
)  # fmt: skip
"""Methods that say what was changed in those who were offered something, whoever they were."""
OFFERED_UNLESS_BY_LOT = ("logistic", "mixed-logistic")
WHOM = {
    "both": "the difference is taken to be the same in people of both arms who are alike at entry",
    "offered": "the difference is the one in the people of “{first}”",
    "overlap": "the difference is the one in people who could well have been in either arm",
    "sites": "the difference is the one at sites of “{first}”",
}
COUNTS = {
    "people": "each person counts once, so that large sites count for more",
    "sites": "each site counts once, whatever its size, so that people of large sites count for less",
    "between": "a large site counts for more than a small one, and for less than its people would, as sites differ",
}
"""Whose average it is: of people, of sites, or one that the model finds between the two."""
BETWEEN = (
    "random-intercept", "mixed-model", "gee-logistic", "gee-poisson", "mixed-logistic", "mixed-negative-binomial",
    "frailty",
)  # fmt: skip
DESCRIBED = (
    "Where sites count once, this holds for the estimates, and for the methods beside them unless their name says "
    "otherwise. Courses, changes within arms, shares and rates describe people: there each person counts once."
)
RATES = "Ratio of rates, and difference per person-year"
SUMMARY = {
    "logistic": "Difference and ratio of risks, averaged over people",
    "mixed-logistic": "Difference and ratio of risks, averaged over people and over sites like these",
    "modified-poisson": "Ratio and difference of risks",
    "linear-probability": "Difference of risks",
    "gee-logistic": "Difference and ratio of risks, averaged over people",
    "mixed-negative-binomial": f"{RATES}, averaged over people and over sites like these",
    "restricted-mean": "Difference of the mean days up to day {until} without one",
    "cox": "Ratio of hazards, up to day {until}",
    "cumulative-incidence": "Difference of the shares who had one by day {until}",
    "fine-gray": "Ratio of subdistribution hazards, up to day {until}",
    "frailty": "Ratio of hazards between people of the same site, up to day {until}",
    "interrupted-series": f"{RATES}, {{when}}",
    "event-study": f"{RATES}, over all periods from the start on",
    "callaway-santanna": f"{RATES}, averaged over sites and periods since their start",
    "sun-abraham": f"{RATES}, averaged over sites and periods since their start",
}
BY_KIND = {"continuous": "Difference of means", "count": RATES}
CHANGES = ("did", "doubly-robust-did", "mixed-model", "mmrm", "matched-did")
CHANGE = "Difference of mean changes from the baseline"
"""What methods give that compare changes, where the outcome has a baseline to count them from."""
DEATH = {
    "continuous": "Nobody's score is made up after a death: the arms are compared among those alive then",
    "count": "Events count up to the death, over the time that was lived",
    "time-to-event": "Ends the time at risk, as if it had gone on like that of others alike (censored)",
    "series": "Lowers the time that is counted; whose it was is not known",
}
COMPETES = "Competes: whoever has died can no longer have one, and stays without"
COMPETING = ("cumulative-incidence", "fine-gray")
MISSING = {
    "continuous": "Left out, as if people alike in what is adjusted for were alike in this too",
    "count": "Counted as long as they were followed",
    "time-to-event": "Followed as long as they could be, then as others alike (censored)",
    "series": "Sites count in the periods that they have",
}
IMPUTED = "Drawn from people alike in their arm (multiple imputation)"
FOLLOWED_ANYWAY = ("mixed-model", "mmrm", "clda")
MODELLED = "Expected from their other scores, as of people alike"


def sheet(plan: Plan) -> Table:
    """What the primary outcome's answer is an answer to, an attribute a row; then the others' summaries."""
    main = plan.primary
    rows = [*_attributes(plan, main), ("Summary", _summary(main))]
    others = [other for other in plan.outcomes if other.id != main.id]
    rows += [(f"Summary: {other.label}", f"{_summary(other)}{_otherwise(plan, other)}") for other in others]
    cells: list[tuple[str, tuple[Cell, ...]]] = [(name, (words(f"{text}."),)) for name, text in rows]
    notes = (NOTE, *((DESCRIBED,) if _by_sites(plan) else ()))
    return Table("estimand", "What is estimated", (f"Primary: {main.label}",), tuple(cells), notes=notes,
                 stub="Attribute")  # fmt: skip


def _by_sites(plan: Plan) -> bool:
    """Whether some outcome asks that sites count alike."""
    return any(outcome.average == "sites" for outcome in plan.outcomes)


def _counts(outcome: Outcome) -> str:
    """Who counts in an outcome's answer."""
    return COUNTS["between" if outcome.estimator in BETWEEN else outcome.average]


def _otherwise(plan: Plan, outcome: Outcome) -> str:
    """Who counts in another outcome than the primary, where not all outcomes of the plan are averages of people."""
    return f"; {_counts(outcome)}" if _by_sites(plan) and outcome.estimator not in SERIES else ""


def _attributes(plan: Plan, outcome: Outcome) -> Iterator[tuple[str, str]]:
    kind = _kind(outcome)
    first, second = (f"“{plan.arm(role).label}”" for role in ("intervention", "comparison"))
    yield "Population", _population(plan, outcome)
    yield "What is compared", f"Being offered {first} against {second}, and not whether anybody met a link worker"
    yield "Outcome", _variable(plan, outcome)
    yield "Never met a link worker, or stopped early", "Part of what is compared: everybody counts in their arm"
    yield "Death", COMPETES if outcome.estimator in COMPETING else DEATH[kind]
    yield "Left, or not measured", _missing(outcome, kind)


def _kind(outcome: Outcome) -> str:
    if outcome.estimator in SERIES:
        return "series"
    return "continuous" if outcome.kind == "binary" else outcome.kind


def _population(plan: Plan, outcome: Outcome) -> str:
    if outcome.estimator in SERIES:
        alike = f"{COUNTS['sites'].partition(', so')[0]}; " if outcome.estimator in ALWAYS_SITES else ""
        whom = WHOM["sites"].format(first=plan.arm("intervention").label)
        return f"Everybody at the sites in each period; {alike}{whom}"
    who = "Everybody who entered at the study's sites and may be analysed"
    return f"{who}; {_counts(outcome)}; {_whom(plan, outcome)}"


def _whom(plan: Plan, outcome: Outcome) -> str:
    by_lot = plan.design != "controlled-before-after"
    offered = outcome.estimator in OFFERED or (outcome.estimator in OFFERED_UNLESS_BY_LOT and not by_lot)
    whom = "overlap" if outcome.estimator == "overlap-weights" else "offered" if offered else "both"
    return WHOM[whom].format(first=plan.arm("intervention").label)


def _variable(plan: Plan, outcome: Outcome) -> str:
    if outcome.estimator in SERIES:
        return f"{outcome.label}: events of each site and period, for the person-years there"
    if outcome.kind == "time-to-event":
        return f"{outcome.label}: days from entry to the first, up to day {outcome.until_day}"
    if outcome.kind == "count":
        return f"{outcome.label}: events after entry, for the person-years at risk"
    at = next(each.label for each in plan.timepoints if each.id == outcome.timepoint)
    return f"{outcome.label}: {'whether it is so' if outcome.event else 'the score'} at “{at}”"


def _missing(outcome: Outcome, kind: str) -> str:
    if outcome.estimator == "imputation":
        return IMPUTED
    return MODELLED if outcome.estimator in FOLLOWED_ANYWAY else MISSING[kind]


def _summary(outcome: Outcome) -> str:
    when = "in the last month" if outcome.horizon is None else f"{outcome.horizon} months after the start"
    said = SUMMARY.get(outcome.estimator) or BY_KIND[outcome.kind]
    if outcome.estimator in CHANGES and outcome.baseline:
        said = CHANGE
    if outcome.average == "sites":
        said = said.replace("averaged over people", "averaged over sites alike")
    return said.format(until=outcome.until_day, when=when)
