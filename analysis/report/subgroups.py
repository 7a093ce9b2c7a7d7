"""The subgroups that the plan named: the arms' difference in each level, from one model, and one test each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from instruments.plan import Outcome
from instruments.plan_sections import Subgroup

from ..cohort import ROLES, Cohort, as_planned, named_covariates, rows_of
from ..disclosure import Gate
from ..estimators.subgroups import FEWEST, Level, Subgroups, subgroup_differences
from ..figures import Bar
from ..result import AnalysisError, Cell, Estimate, Key, Sum, Table
from .cells import DASH, arm_columns, number, people, words
from .comparison import Comparison
from .outcomes import analysed_key, apart, digits_of, limits_cell, p_cell
from .participants import level_key, level_label, study_key
from .words import NAMES

EVERYBODY = "Everybody (planned)"
TOO_FEW = "Too few people in an arm"
NOT_BY_SITES = (
    "The plan asks that each site counts once. The estimates of levels, and the tests, do not: in them each person "
    "counts once, and they need not agree with the planned estimate."
)


@dataclass(frozen=True, slots=True)
class Found:
    """What the model with one subgroup gave, or why it could not be had; `people` are its levels, by person."""

    subgroup: Subgroup
    people: pd.Series[Any]
    result: Subgroups | None
    fault: str = ""

    @property
    def title(self) -> str:
        """What the subgroup is called."""
        own = self.subgroup.label != self.subgroup.name
        label = self.subgroup.label if own else NAMES.get(self.subgroup.name, self.subgroup.name)
        return f"{label[0].upper()}{label[1:]}"

    def label(self, level: Level) -> str:
        """What a level is called."""
        return f"{self.title}: {level_label(self.subgroup.name, level.name)}"


def subgroups(comparison: Comparison) -> tuple[Found, ...]:
    """Look at the primary outcome by each subgroup of the plan, in its order; nothing where there is no estimate."""
    outcome = comparison.plan.primary
    if outcome.id not in comparison.fitted:
        return ()
    return tuple(_found(comparison.cohort, outcome, subgroup) for subgroup in comparison.plan.subgroups)


def _found(cohort: Cohort, outcome: Outcome, subgroup: Subgroup) -> Found:
    levels = levels_of(cohort, subgroup)
    column = f"{subgroup.name} in groups" if subgroup.cut else subgroup.name
    rows = as_planned(rows_of(cohort, outcome), outcome).assign(**{column: levels})
    plan = cohort.plan
    try:
        result = subgroup_differences(
            rows,
            column,
            kind=outcome.kind,
            covariates=named_covariates(plan, outcome),
            errors=plan.errors,
            confidence=plan.confidence,
            fewest=max(FEWEST, plan.small_number),
        )
    except AnalysisError as error:
        return Found(subgroup, levels, None, "; ".join(error.faults))
    return Found(subgroup, levels, result)


def levels_of(cohort: Cohort, subgroup: Subgroup) -> pd.Series[Any]:
    """The level of each person as a categorical, those of a number in rising order; missing where it is not known."""
    values = cohort.people[subgroup.name]
    if not subgroup.cut:
        return values
    names = _between(subgroup.cut)
    place = np.searchsorted(subgroup.cut, values.to_numpy(dtype=float), side="right")
    codes = np.where(values.isna(), -1, place)
    return pd.Series(pd.Categorical.from_codes(codes.tolist(), categories=pd.Index(names)), index=values.index)


def _between(cut: tuple[float, ...]) -> list[str]:
    inner = [f"{low:g} to below {high:g}" for low, high in pairwise(cut)]
    return [f"below {cut[0]:g}", *inner, f"{cut[-1]:g} and above"]


# ---------------------------------------------------------------------------- tables


def differences(comparison: Comparison, found: tuple[Found, ...]) -> Table | None:
    """The difference in each level, under that of everybody; None where no subgroup could be estimated."""
    known = [(each, each.result) for each in found if each.result is not None]
    if not known:
        return None
    outcome, plan = comparison.plan.primary, comparison.plan
    planned = comparison.fitted[outcome.id]
    overall = _comparable(comparison, known[0][1])
    rows = [(EVERYBODY, _row(planned.n, _keys(outcome), overall, planned.main, otherwise=""))]
    sums: list[Sum] = []
    implied: list[tuple[Key, int]] = []
    for each, result in known:
        for level in result.levels:
            keys = tuple(_level_key(outcome, each, level.name, role) for role in ROLES.values())
            rows.append((each.label(level), _row(level.n, keys, level.estimate, planned.main)))
        for total, counts in _subtractions(comparison, each, result):
            sums.append(total)
            implied += counts
    level_of = f"{plan.confidence * 100:g}% interval"
    columns = (*(f"{arm}, people" for arm in arm_columns(plan)), "Estimate", level_of)
    title = f"{outcome.label} by subgroup: {_scale(known[0][1])}"
    return Table("subgroups", title, columns, tuple(rows), tuple(sums), tuple(implied), stub="Who")


def _keys(outcome: Outcome) -> tuple[Key, ...]:
    return tuple(analysed_key(outcome, role) for role in ROLES.values())


def _comparable(comparison: Comparison, result: Subgroups) -> Estimate | None:
    """The planned answer on the scale of the subgroups' estimates, if it has one."""
    fitted = comparison.fitted[comparison.plan.primary.id]
    return next((answer for answer in fitted.answers if answer.scale == _scale(result)), None)


def _scale(result: Subgroups) -> str:
    return next(level.estimate.scale for level in result.levels if level.estimate)


def _row(
    n: tuple[int, int], keys: tuple[Key, ...], answer: Estimate | None, planned: Estimate, otherwise: str = TOO_FEW
) -> tuple[Cell, ...]:
    counts = tuple(people(count, key=key) for count, key in zip(n, keys, strict=True))
    if answer is None:
        return *counts, words(otherwise), DASH
    smaller, digits = min(n), digits_of(planned if planned.scale == answer.scale else answer)
    value = Cell(f"{{estimate:.{digits}f}}", stats={"estimate": answer.estimate}, n=smaller)
    return *counts, value, limits_cell(answer, smaller, digits)


def _level_key(outcome: Outcome, found: Found, level: str, role: str) -> Key:
    return "subgroup", outcome.id, found.subgroup.name, level, role


def _subtractions(
    comparison: Comparison, found: Found, result: Subgroups
) -> Iterator[tuple[Sum, list[tuple[Key, int]]]]:
    """What a reader could work out: levels from all of them, those from the study and from the planned estimate."""
    outcome, name = comparison.plan.primary, found.subgroup.name
    planned, arm_of = comparison.fitted[outcome.id].n, comparison.cohort.people["arm"]
    for place, (arm, role) in enumerate(ROLES.items()):
        own = {level.name: level.n[place] for level in result.levels}
        all_levels, here = ("subgrouped", outcome.id, name, role), sum(own.values())
        yield Sum(all_levels, tuple(_level_key(outcome, found, level, role) for level in own)), [(all_levels, here)]
        left = ("subgrouped not", outcome.id, name, role)
        yield Sum(study_key(role), (all_levels, left)), [(left, int((arm_of == arm).sum()) - here)]
        beside = ("subgrouped beside", outcome.id, name, role)
        total, rest = apart((all_levels, here), (analysed_key(outcome, role), planned[place]), beside)
        yield total, [rest]
        if not found.subgroup.cut:
            yield from _of_the_study(found, outcome, own, role, found.people[arm_of == arm])


def _of_the_study(
    found: Found, outcome: Outcome, own: Mapping[str, int], role: str, known: pd.Series[Any]
) -> Iterator[tuple[Sum, list[tuple[Key, int]]]]:
    """Those of a level in the model and those not make up the people with that level at the start."""
    for level, n in own.items():
        total, rest = level_key(found.subgroup.name, level, role), ("subgroup not", outcome.id, level, role)
        count = int((known == level).sum())
        yield Sum(total, (_level_key(outcome, found, level, role), rest)), [(total, count), (rest, count - n)]


def tests(found: tuple[Found, ...]) -> Table | None:
    """One test for each subgroup, of whether the difference is the same in all of its levels."""
    rows = [(each.title, _test(each.result)) for each in found if each.result is not None]
    columns = ("F", "Degrees of freedom", "p")
    title = "Whether the difference differs between levels: one test for each subgroup"
    return Table("subgroup-tests", title, columns, tuple(rows), stub="Subgroup") if rows else None


def _test(result: Subgroups) -> tuple[Cell, ...]:
    if result.test is None:
        return words(f"Not tested: {result.untested}"), DASH, DASH
    first, second = result.test.df
    df = "{numerator:.0f} and {denominator:.1f}" if np.isfinite(second) else "{numerator:.0f}"
    stats = {"numerator": first} | ({"denominator": second} if np.isfinite(second) else {})
    return (
        number("statistic", result.test.statistic, "{:.2f}"),
        Cell(df, stats=stats),
        p_cell(result.test.p_value, None),
    )


# ---------------------------------------------------------------------------- words and figure


def said(comparison: Comparison, found: tuple[Found, ...]) -> Iterator[str]:
    """What was planned, how many tests that makes, and what may not be read out of it."""
    tested = [each for each in found if each.result and each.result.test]
    names = "one subgroup" if len(found) == 1 else f"{len(found)} subgroups"
    tests = "One test was made" if len(tested) == 1 else f"{len(tested) or 'No'} tests were made"
    chance = 1 - 0.95 ** len(tested)
    luck = f" Were there nothing to find, one or more of {len(tested)} would fall below 0.05 with a chance of about "
    yield (
        f"The plan named {names} before the comparison was made. {tests}, one for each subgroup, of whether the "
        "difference between the arms is the same in all of its levels."
        + (f"{luck}{100 * chance:.0f}%; these p-values are not adjusted for that." if len(tested) > 1 else "")
    )
    yield (
        "The estimates of all levels come from one model. An interval that holds no difference in one level and not "
        "in another is no sign that the levels differ. Only the test says that, and it misses all but large ones."
    )
    fewest = max(FEWEST, comparison.plan.small_number)
    if any(level.estimate is None for each in found if each.result for level in each.result.levels):
        yield f"Levels with fewer than {fewest} people in an arm are not estimated and not in the model."
    if comparison.plan.primary.average == "sites":
        yield NOT_BY_SITES
    for each in found:
        if each.fault:
            yield f"{each.title} could not be looked at: {each.fault}."


def bars(comparison: Comparison, found: tuple[Found, ...], guard: Gate) -> list[Bar]:
    """The estimates as bars of a forest plot, everybody first; none from too few people."""
    fitted = comparison.fitted[comparison.plan.primary.id]
    known = [(each, each.result) for each in found if each.result is not None]
    overall = _comparable(comparison, known[0][1]) if known else None
    if overall is None or guard.is_small(min(fitted.n)):
        return []
    drawn = [_bar(EVERYBODY, overall)]
    for each, result in known:
        drawn += [
            _bar(each.label(level), level.estimate)
            for level in result.levels
            if level.estimate is not None and not guard.is_small(min(level.n))
        ]
    return drawn


def _bar(label: str, answer: Estimate) -> Bar:
    return Bar(label, answer.estimate, answer.conf_low, answer.conf_high)


def in_words(drawn: list[Bar], digits: int) -> str:
    """What the forest plot shows, for who cannot see it."""
    parts = [f"{bar.label} {bar.value:.{digits}f}" for bar in drawn]
    return (
        f"Forest plot of the difference between the arms by subgroup: {'; '.join(parts)}. The table has every number."
    )
