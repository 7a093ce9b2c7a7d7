"""Whether a dataset is fit for a plan: who can be compared on each outcome, and what would be refused.

Nothing here tells how an outcome differs between the arms, so that who must stay blind may read all of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import pandas as pd

from instruments.plan import Outcome, Plan
from instruments.plan_methods import ALWAYS_BESIDE, SERIES

from ..cohort import DAYS_PER_YEAR, ROLES, Cohort, assemble, named_covariates, of_scale, rows_of
from ..disclosure import Gate, ReleasedTable, gate
from ..estimators.inference import CLUSTERS_FOR_P
from ..load import Dataset
from ..result import AnalysisError, Cell, Key, Sum, Table
from ..times import EVENT, follow_up_of, follow_up_quartiles, time_rows_of
from .cells import DASH, arm_columns, both_arms, median_quartiles, number, people, quartiles
from .comparison import planned
from .fit_series import series_held, sites_held, without_events
from .fitting import Task, Watch, unwatched, work_through
from .outcomes import notices
from .participants import study_key
from .rehearsal import refusals

Row = tuple[str, tuple[Cell, ...]]
NEVER_BEFORE = "write baseline = false in the outcome"
KINDS, TIMES = ("continuous", "binary", "count", "time-to-event"), "time-to-event"


@dataclass(frozen=True, slots=True)
class Fitness:
    """What a dataset holds for each outcome of a plan, what is worth knowing, and why it is not fit, if it is not."""

    tables: tuple[ReleasedTable, ...]
    notes: tuple[str, ...]
    faults: tuple[str, ...]


def fitness(dataset: Dataset, *, jobs: int = 1, watch: Watch = unwatched) -> Fitness:
    """Judge whether a dataset is fit for its plan, without a look at how its arms fare.

    Parameters
    ----------
    dataset
        What `load.read` gave.
    jobs, watch
        As for `compare`: every planned method is tried, on made-up outcomes of the same people.

    Returns
    -------
    Fitness
        It is fit where there are no faults. What the plan did not name, and stands beside an outcome because it always
        does, may refuse: that is a note.

    Raises
    ------
    AnalysisError
        When the dataset makes no cohort.
    """
    cohort = assemble(dataset)
    outcomes = tuple(outcome for outcome in cohort.plan.outcomes if outcome.kind in KINDS)
    left_out = notices(cohort)
    tables = [_covariates(cohort), *(_held(cohort, outcome) for outcome in outcomes)]
    tables += [left_out] if left_out else []
    guard = gate(tables, cohort.plan.small_number)
    faults = {outcome.id: [*_lacking(cohort, outcome, guard)] for outcome in outcomes}
    tried = [(each, method) for each, method in planned(cohort.plan) if faults.get(each.id) == []]
    said = dict(zip(tried, work_through(refusals, cohort, tried, jobs=jobs, watch=watch), strict=True))
    notes = [note for outcome in cohort.plan.outcomes for note in _unjudged(outcome)]
    notes += [note for outcome in outcomes for note in (*_few_sites(cohort, outcome), *_empty(cohort, outcome))]
    notes += [_named(task, text) for task in tried if not _asked_for(task) for text in said[task]]
    told = [f"plan.outcomes.{id}: {fault}" for id, found in faults.items() for fault in found]
    told += [_named(task, text) for task in tried if _asked_for(task) for text in said[task]]
    return Fitness(tuple(guard.table(table) for table in tables), tuple(notes), tuple(told))


def _unjudged(outcome: Outcome) -> Iterator[str]:
    if outcome.kind not in KINDS:
        what = f"'{outcome.kind}' is not checked beforehand"
        yield f"plan.outcomes.{outcome.id}: {what}; `analysis compare` says what fails."


def _asked_for(task: Task) -> bool:
    """Whether the plan names a method, or leaves it to be what answers."""
    outcome, method = task
    always = SERIES.get(outcome.estimator, ALWAYS_BESIDE[outcome.kind])
    return method == outcome.estimator or method not in always


def _named(task: Task, text: str) -> str:
    outcome, method = task
    return f"plan.outcomes.{outcome.id}: '{method}' would refuse: {text}"


# ---------------------------------------------------------------------------- who can be compared


def _held(cohort: Cohort, outcome: Outcome) -> Table:
    """What the data hold for an outcome: sites and their periods where series answer, otherwise people."""
    if outcome.estimator in SERIES:
        return series_held(cohort, outcome, _title(outcome))
    return _who(cohort, outcome)


def _who(cohort: Cohort, outcome: Outcome) -> Table:
    """How many of each arm have an outcome before, after and both, at how many sites, and how many days apart."""
    rows, twice = _rows(cohort, outcome), outcome.baseline and outcome.kind != TIMES
    table: list[Row] = [("In the study", both_arms(rows, lambda arm, role: people(len(arm), key=study_key(role))))]
    for name, label in _labels(cohort.plan, outcome).items():
        table.append((label, both_arms(rows, partial(_count, name, partial(_key, outcome, name)))))
    table.append(("Sites with such people", both_arms(rows, lambda arm, _: number("sites", _sites(arm)))))
    days = "Days followed" if outcome.setting else f"Days from {'the first to the second' if twice else 'entry'}"
    spread = partial(_followed, rows["days"].max()) if outcome.kind == TIMES else _days
    table.append((f"{days}, median (quartiles)", both_arms(rows, lambda arm, _: spread(arm))))
    sums, implied = (_parts if twice else _parts_of_one)(outcome, rows)
    return Table(f"fit-{outcome.id}", _title(outcome), arm_columns(cohort.plan), tuple(table), sums, implied)


def _title(outcome: Outcome) -> str:
    others = f", beside it {', '.join(outcome.methods[1:])}" if outcome.methods[1:] else ""
    alike = "; each site counts once" if outcome.average == "sites" else ""
    return f"{outcome.label}{' (primary)' if outcome.primary else ''}: {outcome.estimator}{others}{alike}"


def _labels(plan: Plan, outcome: Outcome) -> dict[str, str]:
    whole = {"whole": "The same, covariates known"}
    if outcome.kind == TIMES:
        return {"after": "Followed from entry on", "not-after": "Not followed from entry on"} | whole
    if not outcome.baseline:
        then = "" if outcome.setting else plan.timepoint(str(outcome.timepoint)).label
        return {"after": f"Measured: {then}" if then else "Service use from entry on"} | whole
    if outcome.setting:
        return {"before": "Service use before entry", "after": "Service use from entry on", "both": "Both"} | whole
    first, second = (f"Measured: {plan.timepoint(id).label}" for id in _when(plan, outcome))
    return {"before": first, "after": second, "both": "Measured both times"} | whole


def _when(plan: Plan, outcome: Outcome) -> tuple[str, str]:
    """The timepoints that an outcome on a scale needs."""
    return plan.baseline.id, str(outcome.timepoint)


def _rows(cohort: Cohort, outcome: Outcome) -> pd.DataFrame:
    """By person: arm, site, who has the outcome `before` and `after` entry, `both`, the covariates too, and `days`."""
    if outcome.kind == TIMES:
        return _followed_rows(cohort, outcome)
    rows = rows_of(cohort, outcome)
    names = ("baseline_count", "count") if outcome.setting else ("baseline", "score")
    before, after = (rows[name].notna() for name in names)
    before |= not outcome.baseline
    known = rows[[covariate.name for covariate in named_covariates(cohort.plan, outcome)]].notna().all(axis=1)
    found = {"before": before, "after": after, "both": before & after, "whole": before & after & known}
    days = rows["years"] * DAYS_PER_YEAR if outcome.setting else _apart(cohort, outcome)
    return rows[["arm", "site"]].assign(**found, days=days)


def _followed_rows(cohort: Cohort, outcome: Outcome) -> pd.DataFrame:
    """As `_rows`; before entry everybody has what a time needs, and `cut` says whose record breaks off."""
    rows = follow_up_of(cohort, outcome)
    seen = rows["days"].notna()
    known = rows[[covariate.name for covariate in named_covariates(cohort.plan, outcome)]].notna().all(axis=1)
    found = {"before": seen | ~seen, "after": seen, "not-after": ~seen, "both": seen, "whole": seen & known}
    return rows[["arm", "site", "days", "cut"]].assign(**found)


def _apart(cohort: Cohort, outcome: Outcome) -> pd.Series[Any]:
    own = of_scale(cohort.scores, outcome)
    first, second = (own[own["timepoint"] == id].set_index("person")["day"] for id in _when(cohort.plan, outcome))
    return second - first if outcome.baseline else second


def _count(name: str, key: Callable[[str], Key], arm: pd.DataFrame, role: str) -> Cell:
    return people(int(arm[name].sum()), len(arm), key(role))


def _key(outcome: Outcome, name: str, role: str) -> Key:
    """The same for outcomes of one scale, where it is the same number."""
    if outcome.kind == TIMES:
        about: tuple[str, ...] = ("time", str(outcome.setting))
    elif outcome.setting:
        about = ("use", outcome.setting, str(outcome.leave_out))
    else:
        about = (str(outcome.instrument), str(outcome.scale), str(outcome.value_set))
        about = about if name.endswith("before") else (*about, str(outcome.timepoint))
    about = about if outcome.baseline or not name.endswith("whole") else ("without a baseline", *about)
    return "fit", name, *about, *(outcome.covariates if name.endswith("whole") else ()), role


def _sites(arm: pd.DataFrame) -> int:
    return int(arm.loc[arm["whole"], "site"].nunique())


def _days(arm: pd.DataFrame) -> Cell:
    return median_quartiles(arm.loc[arm["both"], "days"]) if arm["both"].any() else DASH


def _followed(longest: float, arm: pd.DataFrame) -> Cell:
    """How long people could be followed, which must not tell of whom the record ends with the event or a death."""
    return quartiles(*follow_up_quartiles(arm, longest), n=int(arm["both"].sum())) if arm["both"].any() else DASH


def _parts(outcome: Outcome, rows: pd.DataFrame) -> tuple[tuple[Sum, ...], tuple[tuple[Key, int], ...]]:
    """What a reader could subtract: who has the outcome once only, never, or without a covariate."""
    sums, implied = [], []
    for arm, role in ROLES.items():
        here = rows[rows["arm"] == arm]
        either = {
            "not-before": ~here["before"],
            "not-after": ~here["after"],
            "first-only": here["before"] & ~here["both"],
            "second-only": here["after"] & ~here["both"],
            "not-whole": here["both"] & ~here["whole"],
        }
        key = {name: _key(outcome, name, role) for name in ("before", "after", "both", "whole", *either)}
        implied += [(key[name], int(who.sum())) for name, who in either.items()]
        sums += [
            Sum(study_key(role), (key["before"], key["not-before"])),
            Sum(study_key(role), (key["after"], key["not-after"])),
            Sum(key["before"], (key["both"], key["first-only"])),
            Sum(key["after"], (key["both"], key["second-only"])),
            Sum(key["both"], (key["whole"], key["not-whole"])),
        ]
    return tuple(sums), tuple(implied)


def _parts_of_one(outcome: Outcome, rows: pd.DataFrame) -> tuple[tuple[Sum, ...], tuple[tuple[Key, int], ...]]:
    """As `_parts`, where nothing before entry counts: who was not followed, or is followed without a covariate."""
    sums, implied = [], []
    for arm, role in ROLES.items():
        here = rows[rows["arm"] == arm]
        names = ("after", "not-after", "whole", "not-whole")
        after, not_after, whole, not_whole = (_key(outcome, name, role) for name in names)
        sums += [Sum(study_key(role), (after, not_after)), Sum(after, (whole, not_whole))]
        implied.append((not_after, int((~here["after"]).sum())))
        implied.append((not_whole, int((here["after"] & ~here["whole"]).sum())))
    return tuple(sums), tuple(implied)


def _covariates(cohort: Cohort) -> Table:
    """How many of each arm have each covariate."""
    rows: list[Row] = []
    sums, implied = [], []
    for covariate in cohort.plan.covariates:
        known = cohort.people[["arm"]].assign(known=cohort.people[covariate.name].notna())
        key = partial(_covariate_key, covariate.name)
        rows.append((covariate.name, both_arms(known, partial(_count, "known", partial(key, "known")))))
        for arm, role in ROLES.items():
            sums.append(Sum(study_key(role), (key("known", role), key("unknown", role))))
            implied.append((key("unknown", role), int((~known.loc[known["arm"] == arm, "known"]).sum())))
    title = "Covariates known" if rows else "The plan names no covariates"
    return Table("fit-covariates", title, arm_columns(cohort.plan), tuple(rows), tuple(sums), tuple(implied))


def _covariate_key(name: str, what: str, role: str) -> Key:
    return "fit-covariate", name, what, role


# ---------------------------------------------------------------------------- what would be refused


def _lacking(cohort: Cohort, outcome: Outcome, guard: Gate) -> Iterator[str]:
    """Why no method needs to be tried on an outcome."""
    if outcome.estimator in SERIES:
        yield from without_events(cohort, outcome)
    else:
        yield from _nobody(cohort, outcome, guard)
        yield from _undated(cohort, outcome) if outcome.kind == TIMES else _all_alike(cohort, outcome)


def _undated(cohort: Cohort, outcome: Outcome) -> Iterator[str]:
    """Times to an event that nobody can tell, or an event that nobody of either arm had."""
    try:
        rows = time_rows_of(cohort, outcome)
    except AnalysisError as error:
        yield from error.faults
        return
    if rows["event"].notna().any() and not (rows["event"] == EVENT).any():
        yield "nobody at all had the event while followed; nothing can be compared, say so instead"


def _nobody(cohort: Cohort, outcome: Outcome, guard: Gate) -> Iterator[str]:
    """Arms in which nobody can be compared, and what is missing there."""
    rows = _rows(cohort, outcome)
    for arm, role in ROLES.items():
        here, label = rows[rows["arm"] == arm], cohort.plan.arm(role).label
        if here.empty:
            yield f"nobody of the study is in '{label}'; check who was allocated, and the enrolment dates"
            continue
        lacking = [name for name in ("before", "after") if not here[name].any()]
        for name in lacking:
            yield f"nobody of '{label}' {_lack(cohort, outcome, name, here.index, guard)}"
        if not lacking and not here["both"].any():
            yield f"nobody of '{label}' has it both before and after; widen the windows, or correct the dates"
        elif not lacking and not here["whole"].any():
            yield f"nobody of '{label}' has every covariate; take out of the plan those that are not known"


def _lack(cohort: Cohort, outcome: Outcome, name: str, arm: pd.Index[Any], guard: Gate) -> str:
    otherwise = NEVER_BEFORE if name == "before" else "take the outcome out of the plan"
    if outcome.setting:
        side = "before entry" if name == "before" else "from entry on"
        early, late = outcome.leave_out
        if early or late:
            side += f" outside leave_out ({early} days before, {late} after)"
            return (
                f"has a period of '{outcome.setting}' {side}; leave out fewer days, or give counts of shorter periods"
            )
        return f"has a period of '{outcome.setting}' {side}; add service_use, or {otherwise}"
    timepoint = cohort.plan.timepoint(_when(cohort.plan, outcome)[name == "after"])
    scored = of_scale(cohort.dataset["scores"].dropna(subset=["score"]), outcome)
    if not (scored["person"].isin(arm) & (scored["timepoint"] == timepoint.id)).any():
        return f"has a score at '{timepoint.id}'; record it, or {otherwise}"
    window = f"days {timepoint.day + timepoint.opens} to {timepoint.day + timepoint.closes}"
    instead = _where_instead(cohort, outcome, timepoint.id, guard)
    return f"was measured in the window of '{timepoint.id}' ({window}){instead}; widen the window, or correct the dates"


def _where_instead(cohort: Cohort, outcome: Outcome, timepoint: str, guard: Gate) -> str:
    """On which days a timepoint's answers were given, where enough people gave one."""
    scores = of_scale(cohort.dataset["scores"].dropna(subset=["score"]), outcome)
    scores = scores[scores["timepoint"] == timepoint]
    asked_on = scores["assessment"].map(cohort.dataset["assessments"].set_index("assessment")["assessed_on"])
    days = (asked_on - scores["person"].map(cohort.people["entered_on"])).dt.days.dropna()
    if days.empty or guard.is_small(len(days)):
        return ""
    low, high = days.quantile(0.25), days.quantile(0.75)
    return f", and of everybody's answers there half were given on days {low:.0f} to {high:.0f}"


def _all_alike(cohort: Cohort, outcome: Outcome) -> Iterator[str]:
    """Outcomes that tell nobody from anybody, in both arms together."""
    rows = rows_of(cohort, outcome)
    if outcome.setting and rows["count"].sum() == 0 and rows["count"].notna().any():
        yield "nobody at all had an event from entry on; nothing can be compared, say so instead"
    if not outcome.setting and rows["score"].notna().any() and rows["score"].nunique() == 1:
        what = "nobody at all, or everybody, has the event" if outcome.event else "everybody has the same score"
        yield f"{what}; nothing can be compared, say so instead"


def _few_sites(cohort: Cohort, outcome: Outcome) -> Iterator[str]:
    """What few sites forbid."""
    for arm, role in ROLES.items() if cohort.plan.errors != "classical" else ():
        sites = _sites_of(cohort, outcome, arm)
        if 0 < sites < CLUSTERS_FOR_P:
            label = cohort.plan.arm(role).label
            yield (
                f"plan.outcomes.{outcome.id}: '{label}' has {sites} site{'s' if sites > 1 else ''} to compare; with "
                f"fewer than {CLUSTERS_FOR_P} no p-value is given, with one no interval either."
            )


def _sites_of(cohort: Cohort, outcome: Outcome, arm: int) -> int:
    if outcome.estimator in SERIES:
        return sites_held(cohort, outcome, arm)
    rows = _rows(cohort, outcome)
    return _sites(rows[rows["arm"] == arm])


def _empty(cohort: Cohort, outcome: Outcome) -> Iterator[str]:
    """Timepoints that an outcome does not need, and that hold nothing of its scale."""
    found = of_scale(cohort.scores, outcome)
    for timepoint in cohort.plan.timepoints if not outcome.setting else ():
        if timepoint.id not in (*_when(cohort.plan, outcome), *found["timepoint"]):
            yield f"plan.outcomes.{outcome.id}: the window of '{timepoint.id}' holds nothing."


# ---------------------------------------------------------------------------- in words


def in_lines(table: ReleasedTable) -> Iterator[str]:
    """A table as lines of text, in columns."""
    yield table.title
    columns = ["", *table.columns]
    lines = [columns, *([label, *(cell.text for cell in cells)] for label, cells in table.rows)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(columns))]
    for line in lines if table.rows else ():
        padded = (text.ljust(width) for text, width in zip(line, widths, strict=True))
        yield f"  {'  '.join(padded)}".rstrip()
