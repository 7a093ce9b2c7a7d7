"""Tables about who takes part: the design, the EPOC criteria, the flow of people, and their baseline."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from instruments import codes
from instruments.plan import Covariate, Outcome, Timepoint
from instruments.plan_methods import SERIES

from ..cohort import ROLES, Cohort, covariate_values, flow, named_covariates, rows_of, scales, scores_at
from ..estimators.imbalance import standardised_difference
from ..result import Cell, Key, Sum, Table
from .cells import BLANK, DASH, arm_columns, both_arms, mean_sd, number, people, words
from .scale import about

FLAGS = (0.25, 0.1)
_FACTS = {
    "age": ("Age, years", "number"),
    "sex": ("Sex", "category"),
    "ethnicity": ("Ethnic group", "category"),
    "deprivation": ("Deprivation (1 = most deprived)", "category"),
    "lives_alone": ("Lives alone", "category"),
    "carer": ("Unpaid carer", "category"),
    "ltc_count": ("Long-term conditions", "number"),
}
_LABELS = {"sex": codes.SEXES, "ethnicity": codes.ETHNICITIES}


def study_key(role: str) -> Key:
    """The number of people in an arm."""
    return "study", role


def measured_key(outcome: Outcome, timepoint: str, role: str) -> Key:
    """The number of people of an arm measured on an outcome's scale at a timepoint."""
    return "measured", str(outcome.instrument), str(outcome.scale), str(outcome.value_set), timepoint, role


def design(cohort: Cohort) -> Table:
    """Sites and people by arm, and how they came to be in it."""
    allocations = cohort.dataset["allocations"].groupby("arm")["method"].first()
    list_size = cohort.dataset["sites"].set_index("site")["list_size"].astype(float)
    rows = [
        ("People", both_arms(cohort.people, lambda arm, role: people(len(arm), key=study_key(role)))),
        ("Sites", both_arms(cohort.people, lambda arm, _: number("sites", arm["site"].nunique()))),
        ("Registered people per site, mean (SD)", both_arms(cohort.people, lambda arm, _: _sizes(arm, list_size))),
    ]
    how = [allocations.get(cohort.plan.arm(role).id, "") for role in ROLES.values()]
    rows.append(("How allocated", (words(codes.ALLOCATION_METHODS[how[0]]), words(codes.ALLOCATION_METHODS[how[1]]))))
    return Table("design", "People and sites by arm", arm_columns(cohort.plan), tuple(rows))


def _sizes(arm: pd.DataFrame, list_size: pd.Series[float]) -> Cell:
    known = list_size.reindex(arm["site"].dropna().unique()).dropna()
    if len(known) < 2:
        return DASH
    return Cell("{mean:,.0f} ({sd:,.0f})", stats={"mean": float(known.mean()), "sd": float(known.std())})


def lost_key(outcome: Outcome, timepoint: str, role: str) -> Key:
    """The number of people of an arm not measured on an outcome's scale at a timepoint."""
    return "lost", *measured_key(outcome, timepoint, role)[1:]


def measured_and_lost(cohort: Cohort, outcome: Outcome, timepoint: str) -> Iterator[tuple[Sum, tuple[Key, int]]]:
    """Those measured and those lost make up an arm; nobody shows the lost, everybody could work them out."""
    measured = cohort.people.index.isin(scores_at(cohort, outcome, timepoint).index)
    for arm, role in ROLES.items():
        lost = lost_key(outcome, timepoint, role)
        total = Sum(study_key(role), (measured_key(outcome, timepoint, role), lost))
        yield total, (lost, int((~measured & (cohort.people["arm"] == arm)).sum()))


def same_people(cohort: Cohort, outcome: Outcome, timepoint: str) -> Iterator[tuple[Sum, list[tuple[Key, int]]]]:
    """Counts that are one: who answers one questionnaire mostly answers the next, and a reader would guess it."""
    arm = cohort.people["arm"]
    here = scores_at(cohort, outcome, timepoint).index
    for earlier in scales(cohort.plan):
        there = scores_at(cohort, earlier, timepoint).index
        for value, role in ROLES.items():
            own, other = (measured_key(each, timepoint, role) for each in (outcome, earlier))
            if own == other:
                return
            members = [set(people[arm.reindex(people) == value]) for people in (here, there)]
            if members[0] == members[1]:
                yield Sum(own, (other,)), [(own, len(members[0])), (other, len(members[1]))]


def flow_table(cohort: Cohort) -> Table:
    """From everybody in the study to those measured at each timepoint, and why the others were not."""
    rows = [("In the study", both_arms(cohort.people, lambda arm, role: people(len(arm), key=study_key(role))))]
    sums: list[Sum] = []
    implied: list[tuple[Key, int]] = []
    title = "Flow of people"
    if scales(cohort.plan):
        outcome = scales(cohort.plan)[0]
        title = f"Flow of people, measured on: {about(cohort.plan, outcome).label}"
        fates = flow(cohort, outcome)
        for timepoint in cohort.plan.timepoints:
            here = fates[fates["timepoint"] == timepoint.id]
            rows += _flow_rows(outcome, timepoint, here)
            for total, lost in measured_and_lost(cohort, outcome, timepoint.id):
                sums += [total, Sum(lost[0], _reason_keys(timepoint, here, total.total[1]))]
                implied.append(lost)
    return Table("flow", title, arm_columns(cohort.plan), tuple(rows), tuple(sums), tuple(implied))


def _flow_rows(outcome: Outcome, timepoint: Timepoint, here: pd.DataFrame) -> Iterator[tuple[str, tuple[Cell, Cell]]]:
    yield f"Measured: {timepoint.label}", both_arms(here, _measured(outcome, timepoint.id))
    for reason in sorted(set(here["reason"].dropna())):
        yield f"Not measured at {timepoint.label}: {reason}", both_arms(here, _lost(timepoint.id, reason))


def left_key(reason: str) -> Key:
    """The number of people who ever left the study for a reason; the role of an arm goes after it."""
    return "left for", reason


def reason_key(timepoint: str, role: str, reason: str) -> Key:
    """The number of people of an arm not measured on the first scale at a timepoint for a reason."""
    return "lost", timepoint, role, reason


def _reason_keys(timepoint: Timepoint, here: pd.DataFrame, role: str) -> tuple[Key, ...]:
    return tuple(reason_key(timepoint.id, role, reason) for reason in sorted(set(here["reason"].dropna())))


def _measured(outcome: Outcome, timepoint: str) -> Any:
    return lambda arm, role: people(int(arm["measured"].sum()), len(arm), measured_key(outcome, timepoint, role))


def _lost(timepoint: str, reason: str) -> Any:
    return lambda arm, role: people(int((arm["reason"] == reason).sum()), len(arm), reason_key(timepoint, role, reason))


def baseline(cohort: Cohort) -> Table:
    """What the arms were like at entry, with standardised differences and no tests of significance."""
    rows: list[tuple[str, tuple[Cell, ...]]] = []
    sums: list[Sum] = []
    implied: list[tuple[Key, int]] = []
    for label, kind, values, digits in characteristics(cohort):
        frame = pd.DataFrame({"arm": cohort.people["arm"], "value": values})
        difference = _difference_cell(frame)
        if kind == "number":
            rows.append((f"{label}: mean (SD)", (*_means(frame, digits), difference)))
            rows += _unrecorded(label, frame)
        else:
            rows += _levels(label, frame, difference)
            sums += _level_sums(label, frame)
            implied += _unrecorded_counts(label, frame)
    notes = (
        "Standardised difference: the difference between the arms in standard deviations. Those over 0.1 and over 0.25 "
        "are marked; for categories it has no sign. There are no p-values: what matters is how far they differ, not "
        "whether chance made them differ.",
    )
    columns = (*arm_columns(cohort.plan), "Standardised difference")
    return Table("baseline", "Baseline by arm", columns, tuple(rows), tuple(sums), tuple(implied), notes)


def _means(frame: pd.DataFrame, digits: int) -> tuple[Cell, Cell]:
    return both_arms(frame, lambda arm, _: mean_sd(arm["value"], digits))


def _unrecorded(label: str, frame: pd.DataFrame) -> Iterator[tuple[str, tuple[Cell, ...]]]:
    if frame["value"].isna().any():
        cells = both_arms(frame, lambda arm, _: people(int(arm["value"].isna().sum()), len(arm)))
        yield f"{label}: not recorded", (*cells, BLANK)


def _levels(label: str, frame: pd.DataFrame, difference: Cell) -> Iterator[tuple[str, tuple[Cell, ...]]]:
    for position, level in enumerate(frame["value"].cat.categories):
        cells = both_arms(frame, _level_cell(label, level))
        yield f"{label}: {level}", (*cells, BLANK if position else difference)
    if frame["value"].isna().any():
        yield f"{label}: not recorded", (*both_arms(frame, _level_cell(label, None)), BLANK)


def _level_cell(label: str, level: str | None) -> Any:
    def make(arm: pd.DataFrame, role: str) -> Cell:
        members = arm["value"].isna() if level is None else arm["value"] == level
        return people(int(members.sum()), len(arm), ("level", label, str(level), role))

    return make


def level_label(name: str, level: str) -> str:
    """What a level of a characteristic is called."""
    return _LABELS.get(name, {}).get(level, level)


def level_key(name: str, level: str, role: str) -> Key:
    """The number of people of an arm at a level of a characteristic."""
    label = _FACTS[name][0] if name in _FACTS else name
    return "level", label, level_label(name, level), role


def _level_sums(label: str, frame: pd.DataFrame) -> Iterator[Sum]:
    levels = [*frame["value"].cat.categories, None]
    for role in ROLES.values():
        yield Sum(study_key(role), tuple(("level", label, str(level), role) for level in levels))


def _unrecorded_counts(label: str, frame: pd.DataFrame) -> Iterator[tuple[Key, int]]:
    for arm, role in ROLES.items():
        yield ("level", label, "None", role), int(frame.loc[frame["arm"] == arm, "value"].isna().sum())


def _difference_cell(frame: pd.DataFrame) -> Cell:
    known = frame.dropna()
    smaller = int(known.groupby("arm").size().reindex([0, 1], fill_value=0).min())
    value = standardised_difference(known["value"], known["arm"])
    if np.isnan(value):
        return DASH
    mark = next((f" · over {flag:g}" for flag in FLAGS if abs(value) > flag), "")
    return Cell(f"{{standardised_difference:.2f}}{mark}", stats={"standardised_difference": value}, n=smaller)


def differences(cohort: Cohort) -> dict[str, float]:
    """The standardised difference of every baseline characteristic, by its label."""
    found = {
        label: standardised_difference(values.dropna(), cohort.people["arm"][values.notna()])
        for label, _, values, _ in characteristics(cohort)
    }
    return {label: value for label, value in found.items() if not np.isnan(value)}


def adjusted_labels(cohort: Cohort, outcome: Outcome) -> set[str]:
    """Which characteristics known at entry an outcome's estimate is adjusted for, by the labels of the baseline."""
    if outcome.estimator in SERIES:
        return set()
    found = {
        _FACTS[each.name][0] if each.name in _FACTS else each.name for each in named_covariates(cohort.plan, outcome)
    }
    if outcome.baseline and outcome.instrument:
        found.add(f"{about(cohort.plan, outcome).label} at baseline")
    if outcome.baseline and outcome.kind == "count":
        same = (each for each in uses(cohort) if (each.setting, each.leave_out) == (outcome.setting, outcome.leave_out))
        found |= {f"{each.label} per year before entry" for each in same}
    return found


def characteristics(cohort: Cohort) -> Iterator[tuple[str, str, pd.Series[Any], int]]:
    """Label, kind, values by person and decimals of everything known at entry."""
    declared = {covariate.name: covariate for covariate in cohort.plan.covariates}
    for name, (label, kind) in {**_FACTS, **{n: (n, c.kind) for n, c in declared.items() if n not in _FACTS}}.items():
        values = cohort.people[name]
        if values.notna().any():
            yield label, kind, _typed(values, name, kind), 1
    for outcome in scales(cohort.plan):
        scale = about(cohort.plan, outcome)
        baseline_scores = scores_at(cohort, outcome, cohort.plan.baseline.id).reindex(cohort.people.index)
        if baseline_scores.notna().any():
            yield f"{scale.label} at baseline", "number", baseline_scores, scale.digits
    for outcome in uses(cohort):
        use = rows_of(cohort, outcome)
        rate = use["baseline_count"] / use["baseline_years"]
        if rate.notna().any():
            yield f"{outcome.label} per year before entry", "number", rate, 1


def uses(cohort: Cohort) -> tuple[Outcome, ...]:
    """One outcome for each use of services that the plan looks at, a count of each person's own where there is one."""
    counted = [outcome for outcome in cohort.plan.outcomes if outcome.setting]
    counted.sort(key=lambda outcome: (outcome.kind != "count", outcome.estimator in SERIES))
    first: dict[tuple[object, ...], Outcome] = {}
    for outcome in counted:
        first.setdefault((outcome.setting, outcome.leave_out), outcome)
    return tuple(outcome for outcome in cohort.plan.outcomes if outcome in first.values())


def _typed(values: pd.Series[Any], name: str, kind: str) -> pd.Series[Any]:
    plain = values.astype(object) if isinstance(values.dtype, pd.CategoricalDtype) else values
    typed = covariate_values(plain, Covariate(name, kind))
    labels = _LABELS.get(name)
    return typed.cat.rename_categories(lambda code: labels.get(code, code)) if labels else typed
