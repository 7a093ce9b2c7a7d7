"""P-values of the other outcomes, adjusted within the families of the plan; the primary outcome is its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from instruments.plan import Outcome, Plan

from ..disclosure import Gate
from ..estimators.multiplicity import adjusted_p_values
from ..result import Fitted

NAMES = {"holm": "Holm's method", "hochberg": "Hochberg's method"}
UNNAMED = "all other outcomes without a family of their own"


@dataclass(frozen=True, slots=True)
class Adjusted:
    """The adjusted p-value of an outcome's main answer; `n` the fewest people that its family could tell of."""

    p_value: float
    n: int

    def shown(self, guard: Gate) -> float | None:
        """The p-value, unless somebody of its family could be recognised."""
        return None if guard.is_small(self.n) else self.p_value


def adjusted(plan: Plan, fitted: Mapping[str, Fitted]) -> dict[str, Adjusted]:
    """Adjust within each family of two or more outcomes that have a p-value; by outcome id."""
    if plan.multiplicity == "none":
        return {}
    found: dict[str, Adjusted] = {}
    for members in _families(plan, fitted).values():
        smallest = min(fitted[outcome.id].fewest for outcome in members)
        values = adjusted_p_values([p for outcome in members for p in _p(fitted[outcome.id])], plan.multiplicity)
        for outcome, value in zip(members, values, strict=True):
            found[outcome.id] = Adjusted(float(value), smallest)
    return found


def _families(plan: Plan, fitted: Mapping[str, Fitted]) -> dict[str, list[Outcome]]:
    """Families of two or more outcomes with a p-value, by name, in the order of the plan."""
    members: dict[str, list[Outcome]] = {}
    for outcome in plan.outcomes:
        if not outcome.primary and outcome.id in fitted and _p(fitted[outcome.id]):
            members.setdefault(outcome.family, []).append(outcome)
    return {name: outcomes for name, outcomes in members.items() if len(outcomes) > 1}


def _p(fitted: Fitted) -> list[float]:
    return [] if fitted.main.p_value is None else [fitted.main.p_value]


def said(plan: Plan, fitted: Mapping[str, Fitted]) -> Iterator[str]:
    """How the p-values were adjusted, or that they were not."""
    families = _families(plan, fitted)
    tests = sum(len(outcomes) for outcomes in families.values())
    if not families:
        return
    if plan.multiplicity == "none":
        yield (
            f"There are {tests} tests here, and the plan adjusts none of them for that: one or more would fall below "
            "0.05 by chance more often than once in twenty."
        )
        return
    named = [f"{name or UNNAMED} ({len(outcomes)} outcomes)" for name, outcomes in families.items()]
    within = (
        f"the {tests} outcomes here that have a p-value" if len(families) == 1 and "" in families else "; ".join(named)
    )
    yield (
        f"Adjusted p-values: {NAMES[plan.multiplicity]} over {within}, one test each. The primary outcome is tested by "
        "itself. Intervals are not adjusted."
    )
