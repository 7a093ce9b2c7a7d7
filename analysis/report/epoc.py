"""What EPOC asks of a controlled before-after study, and what the data say; judgements are left to people."""

from __future__ import annotations

from typing import Any

import pandas as pd

from ..cohort import ROLES, Cohort, of_scale, people_allocated, scales
from ..result import Cell, Table
from .cells import sites, words
from .participants import FLAGS, differences, measured_key

SITES_PER_ARM = 2
FOLLOW_UP_PERCENT = 80
YES, NO, JUDGE = "Yes", "No", "For judgement"


def epoc(cohort: Cohort) -> Table:
    """The criteria, one a row: what the data say, and whether it is met where that can be computed."""
    rows: list[tuple[str, tuple[Cell, ...]]] = [_sites(cohort)]
    if scales(cohort.plan):
        rows += [_same_time(cohort, "baseline"), _same_time(cohort, "follow-up"), *_followed_up(cohort)]
    rows.append(_alike(cohort))
    notes = (
        "Criteria for controlled before-after studies of the Cochrane Effective Practice and Organisation of Care "
        "group. Sequence generation and concealment are at high risk of bias in any study that did not allocate at "
        "random.",
    )
    return Table("epoc", "The EPOC criteria", ("What the data say", "Met"), tuple(rows), notes=notes, stub="Criterion")


def _sites(cohort: Cohort) -> tuple[str, tuple[Cell, ...]]:
    label = "At least two sites in each arm"
    if people_allocated(cohort):
        return label, (words("People, not sites, were allocated"), words("Does not apply"))
    first, second = (int(cohort.people.loc[cohort.people["arm"] == arm, "site"].nunique()) for arm in ROLES)
    return label, (sites(first, second), words(YES if min(first, second) >= SITES_PER_ARM else NO))


def _same_time(cohort: Cohort, when: str) -> tuple[str, tuple[Cell, ...]]:
    """Whether the arms were measured over overlapping calendar periods."""
    outcome = scales(cohort.plan)[0]
    scores = of_scale(cohort.scores, outcome)
    chosen = scores[scores["timepoint"] == (cohort.plan.baseline.id if when == "baseline" else outcome.timepoint)]
    dates = cohort.people["entered_on"].reindex(chosen["person"]) + pd.to_timedelta(chosen["day"].to_numpy(), unit="D")
    arm = cohort.people["arm"].reindex(chosen["person"]).to_numpy()
    periods = [dates[arm == role] for role in ROLES]
    label = f"Arms measured over the same months: {when}"
    if when == "baseline" and not outcome.baseline:
        return label, (words("The outcome has no baseline"), words("Does not apply"))
    if any(period.empty for period in periods):
        return label, (words("No measurement in one arm"), words(NO))
    overlap = max(period.min() for period in periods) <= min(period.max() for period in periods)
    return label, (words("; ".join(months(period) for period in periods)), words(YES if overlap else NO))


def months(dates: pd.Series[Any]) -> str:
    """From the first month to the last, or that there is nobody."""
    if dates.empty:
        return "nobody"
    first, last = f"{dates.min():%B %Y}", f"{dates.max():%B %Y}"
    return first if first == last else f"{first} to {last}"


def _followed_up(cohort: Cohort) -> list[tuple[str, tuple[Cell, ...]]]:
    """Share of each arm measured at the primary scale's planned timepoint, and how far the shares lie apart."""
    outcome = scales(cohort.plan)[0]
    timepoint = str(outcome.timepoint)
    scores = of_scale(cohort.scores, outcome)
    measured = cohort.people.index.isin(scores.loc[scores["timepoint"] == timepoint, "person"])
    if cohort.people["arm"].nunique() < len(ROLES):
        return [("Losses alike in both arms", (words("Nobody is in one arm"), words(NO)))]
    rows: list[tuple[str, tuple[Cell, ...]]] = []
    shares = []
    for arm, role in ROLES.items():
        members = measured[(cohort.people["arm"] == arm).to_numpy()]
        shares.append(100 * float(members.mean()))
        count = int(members.sum())
        key = measured_key(outcome, timepoint, role)
        cell = Cell("{percent:.0f}%", count=count, key=key, stats={"percent": shares[-1]})
        label = f"At least {FOLLOW_UP_PERCENT}% followed up: {cohort.plan.arm(role).label}"
        rows.append((label, (cell, words(YES if shares[-1] >= FOLLOW_UP_PERCENT else NO))))
    keys = tuple(measured_key(outcome, timepoint, role) for role in ROLES.values())
    points = {"percentage_points": abs(shares[0] - shares[1])}
    apart = Cell("{percentage_points:.1f} percentage points apart", stats=points, from_counts=keys)
    return [*rows, ("Losses alike in both arms", (apart, words(JUDGE)))]


def _alike(cohort: Cohort) -> tuple[str, tuple[Cell, ...]]:
    found = differences(cohort)
    large = [label for label, value in found.items() if abs(value) > FLAGS[0]]
    if not found:
        return "Arms alike at baseline", (words("Not in the data"), words(JUDGE))
    text = f"{len(large)} of {len(found)} differ by more than {FLAGS[0]:g} standard deviations"
    return "Arms alike at baseline", (words(f"{text}: {', '.join(large)}" if large else text), words(JUDGE))
