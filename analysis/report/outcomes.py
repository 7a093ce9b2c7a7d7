"""Tables about outcomes: numbers analysed, estimates, courses over time, changes within arms, rates, coefficients."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import groupby

import pandas as pd

from instruments.plan import Outcome, Timepoint

from ..cohort import ROLES, Cohort, in_each_arm, rows_of, scores_at
from ..result import Cell, Estimate, Fitted, Key, Sum, Table
from .cells import BLANK, DASH, arm_columns, both_arms, interval, number, people, sites, words
from .comparison import Change, Comparison, before_the_offer, changes, trajectory
from .estimand import FOLLOWED_ANYWAY
from .families import Adjusted
from .participants import measured_and_lost, measured_key, same_people, study_key
from .scale import about, digits_for

MOST_COEFFICIENT_DIGITS = 6
ESTIMATE_HEADS = ("Sites by arm", "Degrees of freedom", "Estimate", "interval", "p", "Method")
RATIOS = (
    "rate ratio", "risk ratio", "odds ratio", "hazard ratio", "subdistribution hazard ratio",
    "site-specific hazard ratio", "site-specific odds ratio", "mean time ratio",
)  # fmt: skip
ANALYSED = "People with the outcome, a baseline where it has one, and every covariate; others were not analysed."
BY_START = ("callaway-santanna", "sun-abraham")
TERMS_BY_START = (
    "Of sites that start at different times: “4 in 5” is the effect at the sites that start in the fourth period, in "
    "the fifth; periods are counted from the first in the data. “start+1” is one period after the own start; “group”, "
    "“dynamic” and “calendar” are averages over starts, over time since the start, and over periods."
)
EVER = "Where repeated measures or a mixed model answer: people with a score at any timepoint, and every covariate."


def analysed_key(outcome: Outcome, role: str) -> Key:
    """The number of people of an arm ('both' for the two together) in an outcome's estimate."""
    return "analysed", outcome.id, role


def analysed(comparison: Comparison, outcomes: tuple[Outcome, ...], name: str, title: str = "People analysed") -> Table:
    """How many people each estimate of some outcomes stands on; those that stand on sites are not in it."""
    cohort = comparison.cohort
    arms = cohort.people.groupby("arm").size()
    rows, sums, implied = [], [], []
    for outcome in outcomes:
        fitted = comparison.fitted.get(outcome.id)
        if fitted is None or fitted.units != "people":
            continue
        cells = [
            people(n, int(arms[arm]), analysed_key(outcome, role))
            for n, (arm, role) in zip(fitted.n, ROLES.items(), strict=True)
        ]
        cells.append(people(sum(fitted.n), key=analysed_key(outcome, "both")))
        rows.append((outcome.label, tuple(cells)))
        sums.append(Sum(analysed_key(outcome, "both"), tuple(analysed_key(outcome, role) for role in ROLES.values())))
        total, counts = left_out_together(comparison, outcome, fitted.n)
        sums.append(total)
        implied += counts
        for known, left_out in _left_out(comparison, outcome):
            sums.append(known)
            implied.append((known.parts[1], left_out))
    notes = (ANALYSED, *((EVER,) if any(outcome.estimator in FOLLOWED_ANYWAY for outcome in outcomes) else ()))
    columns = (*arm_columns(comparison.plan), "Both")
    return Table(name, title, columns, tuple(rows), tuple(sums), tuple(implied), notes)


def _left_out(comparison: Comparison, outcome: Outcome) -> Iterator[tuple[Sum, int]]:
    """Those analysed and those not make up the study, and where there is a score, those measured."""
    rows = rows_of(comparison.cohort, outcome)
    for n, (arm, role) in zip(comparison.fitted[outcome.id].n, ROLES.items(), strict=True):
        members = rows[rows["arm"] == arm]
        parts = (analysed_key(outcome, role), ("left out", outcome.id, role))
        yield Sum(study_key(role), parts), len(members) - n
        if outcome.timepoint:
            measured = measured_key(outcome, outcome.timepoint, role), int(members["score"].notna().sum())
            total, (_, rest) = apart(measured, (analysed_key(outcome, role), n), ("incomplete", outcome.id, role))
            yield total, rest


def left_out_together(
    comparison: Comparison, outcome: Outcome, n: tuple[int, int], *method: str
) -> tuple[Sum, list[tuple[Key, int]]]:
    """Those of both arms whom an estimate leaves out: a reader has them from its people and those of the study."""
    arms = in_each_arm(comparison.cohort.people)
    left = {role: int(arms[arm]) - here for here, (arm, role) in zip(n, ROLES.items(), strict=True)}
    counts = [
        (("left out", outcome.id, role, *method), count) for role, count in {"both": sum(left.values()), **left}.items()
    ]
    (both, *parts) = (key for key, _ in counts)
    return Sum(both, tuple(parts)), counts


def apart(one: tuple[Key, int], other: tuple[Key, int], rest: Key) -> tuple[Sum, tuple[Key, int]]:
    """What a reader finds who subtracts the smaller of two counts from the larger."""
    (few, fewer), (many, more) = sorted([one, other], key=lambda counted: counted[1])
    return Sum(many, (few, rest)), (rest, more - fewer)


def estimates(
    comparison: Comparison,
    outcomes: tuple[Outcome, ...],
    name: str,
    title: str,
    adjusted: Mapping[str, Adjusted] | None = None,
    notes: Sequence[str] = (),
) -> Table:
    """Answers of some outcomes, with what they stand on before what they say, and adjusted p-values if there are."""
    rows = [
        (
            _answer_label(outcome, answer),
            (
                counted(fitted, analysed_key(outcome, "both")),
                *_with_adjusted(adjusted, outcome, fitted, answer),
            ),
        )
        for outcome in outcomes
        for fitted in [comparison.fitted[outcome.id]]
        for answer in fitted.answers
    ]
    level = f"{comparison.plan.confidence * 100:g}% interval"
    first, second = arm_columns(comparison.plan)
    heads = ("People", *(level if head == "interval" else head for head in ESTIMATE_HEADS))
    columns = (*heads[:-1], "p, adjusted", heads[-1]) if adjusted else heads
    about_sides = f"{first} compared with {second}; above zero, or above one for a ratio, is higher in the first."
    return Table(name, title, columns, tuple(rows), notes=(about_sides, *notes), stub="Outcome")


def _with_adjusted(
    adjusted: Mapping[str, Adjusted] | None, outcome: Outcome, fitted: Fitted, answer: Estimate
) -> tuple[Cell, ...]:
    """An answer's cells; where p-values are adjusted, that of the main answer beside it and none beside the others."""
    cells = in_estimate_columns(fitted, answer, digits_of(answer))
    if not adjusted:
        return cells
    own = adjusted.get(outcome.id) if answer is fitted.main else None
    return *cells[:-1], p_cell(own.p_value, own.n) if own else DASH, cells[-1]


def counted(fitted: Fitted, key: Key) -> Cell:
    """How many people an estimate stands on, or of what else."""
    return people(sum(fitted.n), key=key) if fitted.units == "people" else words(f"{sum(fitted.n):,} {fitted.units}")


def _answer_label(outcome: Outcome, answer: Estimate) -> str:
    unit = " in days" if answer.unit == "days" else f" {answer.unit}" if answer.unit else ""
    return f"{outcome.label}: {answer.scale}{unit}"


def in_estimate_columns(fitted: Fitted, answer: Estimate, digits: int) -> tuple[Cell, ...]:
    """An answer in the columns of `ESTIMATE_HEADS`."""
    smaller = fitted.rests_on(answer.term)
    of_sites = fitted.n_clusters or (fitted.n if fitted.units == "sites" else None)
    units = sites(*of_sites) if of_sites else words(fitted.units)
    df = number("df", answer.df, "{:.1f}") if answer.df is not None else DASH
    value = Cell(f"{{estimate:.{digits}f}}", stats={"estimate": answer.estimate}, n=smaller)
    return units, df, value, limits_cell(answer, smaller, digits), p_cell(answer.p_value, smaller), words(answer.method)


def digits_of(answer: Estimate) -> int:
    """Decimals for an estimate: two figures of its error, two decimals for a ratio."""
    if answer.scale in RATIOS or answer.std_error is None:
        return 2
    return digits_for(answer.std_error)


def no_difference(answer: Estimate) -> float:
    """The value that stands for no difference on an answer's scale."""
    return 1.0 if answer.scale in RATIOS else 0.0


def limits_cell(answer: Estimate, n: int, digits: int) -> Cell:
    """The interval of an estimate from n people, if it has one."""
    if answer.conf_low is None or answer.conf_high is None:
        return DASH
    stats = {"conf_low": answer.conf_low, "conf_high": answer.conf_high}
    return Cell(f"{{conf_low:.{digits}f}} to {{conf_high:.{digits}f}}", stats=stats, n=n)


def p_cell(p_value: float | None, n: int | None) -> Cell:
    """A p-value from n people, if there is one."""
    if p_value is None:
        return DASH
    shape = "<0.001" if p_value < 0.001 else "{p_value:.3f}"
    return Cell(shape, stats={"p_value": p_value}, n=n)


def course(comparison: Comparison, outcome: Outcome) -> Table:
    """Means by arm at every timepoint, of those measured then."""
    plan, scale = comparison.plan, about(comparison.plan, outcome)
    points = trajectory(comparison.cohort, outcome)
    rows, sums, implied = [], [], []
    for timepoint, here in groupby(points, key=lambda point: point.timepoint):
        cells: list[Cell] = []
        for point in here:
            cells.append(people(point.n, key=measured_key(outcome, timepoint, point.role)))
            cells.append(interval(point.mean, point.low, point.high, point.n, scale.digits))
        rows.append((plan.timepoint(timepoint).label, tuple(cells)))
        for total, lost in measured_and_lost(comparison.cohort, outcome, timepoint):
            sums.append(total)
            implied.append(lost)
        for total, counts in same_people(comparison.cohort, outcome, timepoint):
            sums.append(total)
            implied += counts
    columns = tuple(f"{arm}, {what}" for arm in arm_columns(plan) for what in ("people", "mean (interval)"))
    title = f"{scale.label} over time, of those measured at each timepoint"
    name = f"course-{outcome.instrument}-{outcome.scale}"
    return Table(name, title, columns, tuple(rows), tuple(sums), tuple(implied), stub="Timepoint")


def within_arms(comparison: Comparison, outcome: Outcome) -> Table:
    """Change in each arm by itself, beside the drift to expect from regression to the mean."""
    rows, sums, implied = [], [], []
    measured = rows_of(comparison.cohort, outcome).dropna(subset=["score"]).groupby("arm").size()
    found = changes(comparison.cohort, outcome)
    for change, (arm, role), n in zip(found, ROLES.items(), comparison.fitted[outcome.id].n, strict=True):
        key = ("twice", outcome.id, role)
        rows.append((comparison.plan.arm(role).label, _change(comparison, outcome, change, key)))
        without = (("no baseline", outcome.id, role), int(measured.get(arm, 0)) - change.n)
        rest = ("no covariates", outcome.id, role)
        known, incomplete = apart((key, change.n), (analysed_key(outcome, role), n), rest)
        sums += [Sum(measured_key(outcome, str(outcome.timepoint), role), (key, without[0])), known]
        implied += [without, incomplete]
    columns = ("People measured twice", "Mean before", "Mean after", "Change (interval)", "Drift to expect")
    title = f"{outcome.label}: change within each arm, uncontrolled"
    return Table(f"within-{outcome.id}", title, columns, tuple(rows), tuple(sums), tuple(implied), stub="Arm")


def before_entry(comparison: Comparison, outcome: Outcome, screening: Timepoint) -> Table:
    """Change in each arm between a screening and the baseline, when nothing had been offered yet."""
    plan, baseline = comparison.plan, comparison.plan.baseline
    rows, sums, implied = [], [], []
    measured = scores_at(comparison.cohort, outcome, baseline.id).index
    arm_of = comparison.cohort.people["arm"].reindex(measured)
    found = before_the_offer(comparison.cohort, outcome, screening.id)
    for change, (arm, role) in zip(found, ROLES.items(), strict=True):
        key = ("screened", outcome.id, screening.id, role)
        without = (("not screened", outcome.id, screening.id, role), int((arm_of == arm).sum()) - change.n)
        rows.append((plan.arm(role).label, _change(comparison, outcome, change, key)[:-1]))
        total = measured_key(outcome, baseline.id, role)
        sums.append(Sum(total, (key, without[0])))
        implied += [(total, int((arm_of == arm).sum())), without]
    columns = ("People measured twice", f"Mean at {screening.label}", f"Mean at {baseline.label}", "Change (interval)")
    title = f"{about(plan, outcome).label}: from {screening.label} to {baseline.label}, before anything was offered"
    name = f"screening-{outcome.instrument}-{outcome.scale}-{screening.id}"
    return Table(name, title, columns, tuple(rows), tuple(sums), tuple(implied), stub="Arm")


def _change(comparison: Comparison, outcome: Outcome, found: Change, key: Key) -> tuple[Cell, ...]:
    d, n, change = about(comparison.plan, outcome).digits, found.n, found.change
    return (
        people(n, key=key),
        Cell(f"{{before:.{d}f}}", stats={"before": found.before}, n=n) if n else DASH,
        Cell(f"{{after:.{d}f}}", stats={"after": found.after}, n=n) if n else DASH,
        interval(change.mean, change.low, change.high, n, d),
        DASH if math.isnan(found.drift) else Cell(f"{{drift:+.{d}f}}", stats={"drift": found.drift}, n=n),
    )


def rates(comparison: Comparison, outcome: Outcome) -> Table:
    """Events and person-years before and after entry, by arm."""
    use = rows_of(comparison.cohort, outcome)
    rows: list[tuple[str, tuple[Cell, ...]]] = []
    sides = (("before entry", "baseline_count", "baseline_years"), ("from entry on", "count", "years"))
    for when, count, years in sides if outcome.baseline else sides[1:]:
        known = use.dropna(subset=[count, years]).rename(columns={count: "events", years: "person_years"})
        known = known[["arm", "events", "person_years"]]
        rows.append((f"Events {when}", both_arms(known, partial(_events, "{count:,}", outcome, when))))
        rows.append((f"Person-years {when}", both_arms(known, _person_years)))
        rows.append((f"Rate per person-year {when}", both_arms(known, partial(_events, "{rate:.2f}", outcome, when))))
    title = f"{outcome.label}: events and person-time"
    return Table(f"rates-{outcome.id}", title, arm_columns(comparison.plan), tuple(rows))


def risks(comparison: Comparison, outcome: Outcome) -> Table:
    """Who had the outcome before and after, of those measured then, by arm."""
    found = rows_of(comparison.cohort, outcome)
    rows, sums, implied = [], [], []
    moments = ((comparison.plan.baseline.id, "baseline"), (str(outcome.timepoint), "score"))
    for timepoint, column in moments if outcome.baseline else moments[1:]:
        known = found[["arm", column]].dropna().rename(columns={column: "had"})
        rows.append((comparison.plan.timepoint(timepoint).label, both_arms(known, partial(_had, outcome, timepoint))))
        for arm, role in ROLES.items():
            had = known.loc[known["arm"] == arm, "had"]
            measured, not_had = measured_key(outcome, timepoint, role), _had_key(outcome, timepoint, role, 0)
            sums.append(Sum(measured, (_had_key(outcome, timepoint, role, 1), not_had)))
            implied += [(measured, len(had)), (not_had, int((had == 0).sum()))]
        for total, lost in measured_and_lost(comparison.cohort, outcome, timepoint):
            sums.append(total)
            implied.append(lost)
    title = f"{outcome.label}: who had it, of those measured"
    columns = arm_columns(comparison.plan)
    return Table(f"risks-{outcome.id}", title, columns, tuple(rows), tuple(sums), tuple(implied), stub="Timepoint")


def _had_key(outcome: Outcome, timepoint: str, role: str, has: int) -> Key:
    return "had", outcome.id, timepoint, role, str(has)


def _had(outcome: Outcome, timepoint: str, arm: pd.DataFrame, role: str) -> Cell:
    total = measured_key(outcome, timepoint, role)
    return people(int(arm["had"].sum()), len(arm), _had_key(outcome, timepoint, role, 1), total)


def _events(shape: str, outcome: Outcome, when: str, arm: pd.DataFrame, role: str) -> Cell:
    """Events and their rate: one quantity to protect, whichever is shown."""
    if arm.empty:
        return DASH
    events = int(arm["events"].sum())
    rate = {"rate": float(events / arm["person_years"].sum())}
    return Cell(shape, count=events, key=("events", outcome.id, when, role), stats=rate, n=len(arm))


def _person_years(arm: pd.DataFrame, _: str) -> Cell:
    return Cell("{person_years:,.1f}", stats={"person_years": float(arm["person_years"].sum())}, n=len(arm))


def coefficients(comparison: Comparison) -> Table:
    """Every coefficient of every model."""
    rows = []
    for outcome in comparison.estimated:
        fitted = comparison.fitted[outcome.id]
        for term in fitted.terms:
            smaller, digits = fitted.rests_on(term.term), digits_for(term.std_error or 0.01, MOST_COEFFICIENT_DIGITS)
            value = Cell(f"{{estimate:.{digits}f}}", stats={"estimate": term.estimate}, n=smaller)
            error = (
                Cell(f"{{std_error:.{digits}f}}", stats={"std_error": term.std_error}, n=smaller)
                if term.std_error is not None
                else DASH
            )
            df = number("df", term.df, "{:.1f}") if term.df is not None else DASH
            label = f"{outcome.label}: {term.term}"
            rows.append((label, (value, error, df, limits_cell(term, smaller, digits), words(term.scale))))
    columns = ("Estimate", "Standard error", "Degrees of freedom", "Interval", "Scale")
    by_start = any(outcome.estimator in BY_START for outcome in comparison.estimated)
    notes = (TERMS_BY_START,) if by_start else ()
    return Table("coefficients", "Coefficients of every model", columns, tuple(rows), notes=notes,
                 stub="Outcome and term")  # fmt: skip


def notices(cohort: Cohort) -> Table | None:
    """What departed from the plan or was left out, with how many rows it concerns."""
    found = cohort.notices
    if not found:
        return None
    rows = [(notice.text, (BLANK if notice.count is None else people(notice.count),)) for notice in found]
    return Table("notices", "Departures from the plan, and what was left out", ("Rows",), tuple(rows), stub="What")
