"""What the data can say about harms: deaths, who left and why, who became worse, answers that raised an alert."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from operator import and_

import pandas as pd

import instruments
from instruments import codes
from instruments.definition import Alert
from instruments.plan import Outcome

from ..cohort import ROLES, Cohort, flow, in_each_arm, scales, scores_at
from ..result import Cell, Key, Sum, Table
from .cells import arm_columns, people
from .missing import measured_when, pattern_key
from .outcomes import apart
from .participants import left_key, measured_key, reason_key, study_key
from .scale import about
from .words import listed

ROUNDING = 1e-9
BASELINE, LATER = "at baseline", "after baseline"
ENDS = (".", "!", "?")
NO_RECORD = (
    "What is not recorded may have happened all the same: people who are harmed may stop answering, and a service "
    "hears of some harms only. The counts are not tested: most are too few for a test to find what matters."
)
NOBODY_LEFT = (
    "The data have nobody who died or left. Where their source does not record that, the zeros below are no finding."
)


@dataclass(frozen=True, slots=True)
class Counted:
    """One row: its label, how many of how many by role, and the keys of the count and of the whole."""

    label: str
    counts: Mapping[str, tuple[int, int]]
    key: Key
    whole: Key

    def row(self) -> tuple[str, tuple[Cell, ...]]:
        """The row of a table; a dash where there is nobody to count."""
        cells = (people(*self.counts[role], (*self.key, role), (*self.whole, role)) for role in ROLES.values())
        return self.label, tuple(cells)


def said(cohort: Cohort) -> Iterator[str]:
    """How harms were looked for, and what an empty row does not mean."""
    if cohort.plan.harms:
        quoted = cohort.plan.harms.rstrip()
        yield f"How harms were looked for, as the plan says: {quoted}{'' if quoted.endswith(ENDS) else '.'}"
    else:
        yield (
            "The plan says nothing of harms. What stands here is what the data have anyway; nobody collected it to "
            "find harms."
        )
    yield NO_RECORD
    if cohort.people["left_reason"].isna().all():
        yield NOBODY_LEFT
    known = [about(cohort.plan, outcome) for outcome in scales(cohort.plan)]
    without = [scale.label for scale in known if scale.mid is None]
    if without:
        yield f"No smallest difference that matters is known for {listed(without)}: who became worse is not counted."


def table(cohort: Cohort) -> Table:
    """Every count by arm, with what a reader could subtract."""
    rows: list[tuple[str, tuple[Cell, ...]]] = []
    sums: list[Sum] = []
    implied: list[tuple[Key, int]] = []
    sizes = {role: int((cohort.people["arm"] == arm).sum()) for arm, role in ROLES.items()}
    implied += [(study_key(role), size) for role, size in sizes.items()]
    for counted in (*_left(cohort), *_worse(cohort), *_alerted(cohort)):
        rows.append(counted.row())
        for role in ROLES.values():
            n, of = counted.counts[role]
            rest = ("not", *counted.key, role)
            sums.append(Sum((*counted.whole, role), ((*counted.key, role), rest)))
            implied += [((*counted.whole, role), of), (rest, of - n)]
            if counted.whole[0] == "asked":
                unasked = ("not", *counted.whole, role)
                sums.append(Sum(study_key(role), ((*counted.whole, role), unasked)))
                implied.append((unasked, sizes[role] - of))
    for known, counts in (*_in_the_flow(cohort), *_of_those_measured(cohort), *_of_the_patterns(cohort)):
        sums.append(known)
        implied += counts
    notes = ("Percentages are of everybody in the arm, or of those who were measured twice, or asked.",)
    return Table("harms", "Harms by arm", arm_columns(cohort.plan), tuple(rows), tuple(sums), tuple(implied), notes)


# ---------------------------------------------------------------------------- deaths and leaving


def _left(cohort: Cohort) -> Iterator[Counted]:
    sizes = in_each_arm(cohort.people)
    for reason, label in codes.LEAVING_REASONS.items():
        members = cohort.people[cohort.people["left_reason"] == reason].groupby("arm").size()
        if reason == "died" or len(members):
            counts = {role: (int(members.get(arm, 0)), int(sizes[arm])) for arm, role in ROLES.items()}
            name = "Died" if reason == "died" else f"Left the study: {label.lower()}"
            yield Counted(name, counts, left_key(reason), ("study",))


def _in_the_flow(cohort: Cohort) -> Iterator[tuple[Sum, list[tuple[Key, int]]]]:
    """Those who left for a reason, less those whom the flow of people shows by it at the last timepoint."""
    if not scales(cohort.plan):
        return
    last = cohort.plan.timepoints[-1].id
    fates = flow(cohort, scales(cohort.plan)[0])
    fates = fates[fates["timepoint"] == last]
    for counted in _left(cohort):
        reason = codes.LEAVING_REASONS[counted.key[-1]]
        shown = fates[fates["reason"] == reason].groupby("arm").size()
        for arm, role in ROLES.items():
            if len(shown):
                there = reason_key(last, role, reason), int(shown.get(arm, 0))
                own = (*counted.key, role), counted.counts[role][0]
                total, rest = apart(own, there, ("left beside", counted.key[-1], role))
                yield total, [there, rest]


# ---------------------------------------------------------------------------- worse


def _worse(cohort: Cohort) -> Iterator[Counted]:
    """Of those measured twice, who is worse by the smallest difference that matters, on each scale that has one."""
    for outcome in scales(cohort.plan):
        scale = about(cohort.plan, outcome)
        if scale.mid is None:
            continue
        change = _change(cohort, outcome)
        worse = (change["change"] if scale.better == "lower" else -change["change"]) >= scale.mid[0] - ROUNDING
        timepoint = cohort.plan.timepoint(str(outcome.timepoint)).label
        label = f"{scale.label}: worse by {scale.mid[0]:g} or more at {timepoint}, of those measured twice"
        yield Counted(label, _by_role(change["arm"], worse), ("worse", outcome.id), ("twice", outcome.id))


def _change(cohort: Cohort, outcome: Outcome) -> pd.DataFrame:
    before, after = (scores_at(cohort, outcome, id) for id in (cohort.plan.baseline.id, str(outcome.timepoint)))
    return cohort.people[["arm"]].assign(change=after - before).dropna()


def _by_role(arm: pd.Series[int], counted: pd.Series[bool]) -> dict[str, tuple[int, int]]:
    return {role: (int(counted[arm == value].sum()), int((arm == value).sum())) for value, role in ROLES.items()}


def _of_those_measured(cohort: Cohort) -> Iterator[tuple[Sum, list[tuple[Key, int]]]]:
    """Those measured at the end are those measured twice and those without a baseline."""
    for outcome in scales(cohort.plan):
        arm = cohort.people["arm"].reindex(scores_at(cohort, outcome, str(outcome.timepoint)).index)
        twice = _change(cohort, outcome)["arm"]
        for value, role in ROLES.items():
            total = measured_key(outcome, str(outcome.timepoint), role), int((arm == value).sum())
            both, rest = int((twice == value).sum()), ("no baseline", outcome.id, role)
            counts = [total, (("twice", outcome.id, role), both), (rest, total[1] - both)]
            yield Sum(total[0], (("twice", outcome.id, role), rest)), counts


# ---------------------------------------------------------------------------- alerts


def _alerted(cohort: Cohort) -> Iterator[Counted]:
    """Of those who answered an item that can raise an alert, who raised it, before and after."""
    answers = cohort.dataset["item_responses"].dropna(subset=["value"])
    asked = answers.merge(cohort.dataset["assessments"], on="assessment")
    known = {instrument.id for instrument in instruments.library()}
    for id in (id for id in sorted(set(asked["instrument"])) if id in known):
        for alert in instruments.get(id).alerts:
            yield from _alerts(cohort, id, alert, asked[(asked["instrument"] == id) & (asked["item"] == alert.item)])


def _of_the_patterns(cohort: Cohort) -> Iterator[tuple[Sum, list[tuple[Key, int]]]]:
    """Those not asked, of whom a percentage tells, and those whom no such timepoint of the first scale has."""
    if not scales(cohort.plan):
        return
    first = scales(cohort.plan)[0]
    kinds, times = measured_when(cohort, first), [timepoint.id for timepoint in cohort.plan.timepoints]
    sizes = in_each_arm(cohort.people)
    for counted in _alerted(cohort):
        if counted.whole[1] != first.instrument:
            continue
        never = [id == cohort.plan.baseline.id for id in times]
        never = never if counted.whole[-1] == BASELINE else [not here for here in never]
        for arm, role in ROLES.items():
            found = Counter(map(tuple, kinds.loc[kinds["arm"] == arm, times].to_numpy().tolist()))
            parts = [(pattern_key(kind, role), n) for kind, n in found.items() if not any(map(and_, kind, never))]
            total = ("lost", *counted.whole, role), sum(n for _, n in parts)
            yield Sum(total[0], tuple(key for key, _ in parts)), [total, *parts]
            unasked = ("not", *counted.whole, role), int(sizes[arm]) - counted.counts[role][1]
            known, rest = apart(unasked, total, ("lost beside", *counted.whole, role))
            yield known, [unasked, rest]


def _alerts(cohort: Cohort, id: str, alert: Alert, answered: pd.DataFrame) -> Iterator[Counted]:
    first = answered["timepoint"] == cohort.plan.baseline.id
    later = answered["timepoint"].isin([timepoint.id for timepoint in cohort.plan.follow_ups])
    for when, rows in ((BASELINE, answered[first]), (LATER, answered[later])):
        raised = rows.groupby("person")["value"].max() >= alert.at_least
        arm = cohort.people["arm"].reindex(raised.index)
        instrument = instruments.get(id)
        item = instrument.item(alert.item)
        label = f"{instrument.short_title}: “{item.text or item.slot}”, answered {alert.at_least} or more {when}"
        key = ("alert", id, alert.id, when)
        if len(raised):
            yield Counted(label, _by_role(arm, raised), key, ("asked", id, alert.item, when))
