"""Who is missing on the first scale, how they differ from the others, and what that could do to its answer."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pandas as pd

from instruments import codes
from instruments.plan import Outcome

from ..cohort import ROLES, Cohort, flow, named_covariates, scores_at, wide_rows_of
from ..disclosure import Gate
from ..estimators import imputing
from ..estimators.imbalance import standardised_difference
from ..estimators.imputed import SHIFTED, TippingPoint, tipping_point
from ..figures import Series
from ..result import AnalysisError, Cell, Estimate, Key, Sum, Table
from .cells import BLANK, DASH, arm_columns, both_arms, people
from .comparison import Comparison
from .epoc import FOLLOW_UP_PERCENT
from .outcomes import analysed_key, digits_of
from .participants import FLAGS, characteristics, lost_key, measured_and_lost, measured_key, reason_key, study_key
from .scale import about
from .sensitivity import side_key, who
from .words import limits, listed, minus, shown

METHOD = "imputation"
NO_BASELINE = "The outcome has no baseline to draw missing scores from: nothing was imputed."
NOTHING_IMPUTED = "No score is missing of anybody alive at {timepoint}: nothing was imputed."


def who_is_missing(cohort: Cohort, outcome: Outcome) -> tuple[Table, ...]:
    """Tables: follow-up by arm, patterns of missing timepoints, and those lost beside those kept."""
    return followed_up(cohort, outcome), patterns(cohort, outcome), lost_and_kept(cohort, outcome)


# ---------------------------------------------------------------------------- follow-up


def followed_up(cohort: Cohort, outcome: Outcome) -> Table:
    """How many of each arm were measured at each timepoint after the baseline, and at the outcome's why not."""
    rows: list[tuple[str, tuple[Cell, ...]]] = []
    sums: list[Sum] = []
    implied: list[tuple[Key, int]] = []
    fates = flow(cohort, outcome)
    for timepoint in cohort.plan.follow_ups:
        here = fates[fates["timepoint"] == timepoint.id]
        cells = both_arms(here, partial(_measured, outcome, timepoint.id))
        rows.append((f"Measured: {timepoint.label}", (*cells, _gap(here, outcome, timepoint.id))))
        if timepoint.id == outcome.timepoint:
            rows += _reasons(here, timepoint.id, timepoint.label)
        for total, lost in measured_and_lost(cohort, outcome, timepoint.id):
            sums.append(total)
            implied.append(lost)
    notes = (
        f"Follow-up below {FOLLOW_UP_PERCENT}% is marked. The last column is the first arm less the second, in "
        "percentage points: where one arm loses more people than the other, those who are left may differ for that "
        "reason alone.",
    )
    columns = (*arm_columns(cohort.plan), "Difference in follow-up")
    title = f"Follow-up: {about(cohort.plan, outcome).label}"
    return Table("follow-up", title, columns, tuple(rows), tuple(sums), tuple(implied), notes)


def _measured(outcome: Outcome, timepoint: str, arm: pd.DataFrame, role: str) -> Cell:
    count, key = int(arm["measured"].sum()), measured_key(outcome, timepoint, role)
    if arm.empty:
        return DASH
    percent = 100 * count / len(arm)
    mark = f" · below {FOLLOW_UP_PERCENT}%" if percent < FOLLOW_UP_PERCENT else ""
    return Cell(f"{{count:,}} ({{percent:.0f}}%){mark}", count=count, key=key, stats={"percent": percent})


def _gap(here: pd.DataFrame, outcome: Outcome, timepoint: str) -> Cell:
    shares = here.groupby("arm")["measured"].mean()
    keys = tuple(measured_key(outcome, timepoint, role) for role in ROLES.values())
    if len(shares) < len(ROLES):
        return DASH
    gap = 100 * float(shares[1] - shares[0])
    return Cell("{percentage_points:+.0f}", stats={"percentage_points": gap}, from_counts=keys)


def _reasons(here: pd.DataFrame, timepoint: str, label: str) -> Iterator[tuple[str, tuple[Cell, ...]]]:
    for reason in sorted(set(here["reason"].dropna())):
        cells = both_arms(here, partial(_lost, timepoint, reason))
        yield f"Not measured at {label}: {reason}", (*cells, BLANK)


def _lost(timepoint: str, reason: str, arm: pd.DataFrame, role: str) -> Cell:
    return people(int((arm["reason"] == reason).sum()), len(arm), reason_key(timepoint, role, reason))


# ---------------------------------------------------------------------------- patterns


def measured_when(cohort: Cohort, outcome: Outcome) -> pd.DataFrame:
    """Whether everybody has the outcome at each of the plan's timepoints, a column each, and their `arm`."""
    times = [timepoint.id for timepoint in cohort.plan.timepoints]
    there = pd.DataFrame({id: cohort.people.index.isin(scores_at(cohort, outcome, id).index) for id in times})
    return there.set_axis(cohort.people.index).assign(arm=cohort.people["arm"])


def patterns(cohort: Cohort, outcome: Outcome) -> Table:
    """At which timepoints people were measured, the commonest pattern first."""
    labels = {timepoint.id: timepoint.label for timepoint in cohort.plan.timepoints}
    kinds = measured_when(cohort, outcome)
    order = kinds.groupby(list(labels)).size().sort_values(ascending=False, kind="stable").index
    found = [tuple(each) for each in order]
    rows = [(_pattern(each, list(labels.values())), both_arms(kinds, partial(_having, each))) for each in found]
    sums = tuple(_pattern_sums(outcome, found, list(labels)))
    title = f"Which timepoints people have: {about(cohort.plan, outcome).label}"
    return Table("patterns", title, arm_columns(cohort.plan), tuple(rows), sums, stub="Measured")


def _pattern(there: tuple[bool, ...], labels: list[str]) -> str:
    if all(there):
        return "Every time"
    if not any(there):
        return "Never"
    return f"Not at {listed([label for label, here in zip(labels, there, strict=True) if not here])}"


def _having(pattern: tuple[bool, ...], arm: pd.DataFrame, role: str) -> Cell:
    same = (arm.drop(columns="arm") == list(pattern)).all(axis=1)
    return people(int(same.sum()), len(arm), pattern_key(pattern, role))


def pattern_key(pattern: tuple[bool, ...], role: str) -> Key:
    """The number of people of an arm measured on the first scale at just these of the plan's timepoints."""
    return "pattern", "".join("x" if here else "-" for here in pattern), role


def _pattern_sums(outcome: Outcome, found: list[tuple[bool, ...]], timepoints: list[str]) -> Iterator[Sum]:
    """Those with a timepoint in their pattern are those measured then, the others those lost."""
    for role in ROLES.values():
        for place, timepoint in enumerate(timepoints):
            for total, there in ((measured_key, True), (lost_key, False)):
                parts = tuple(pattern_key(each, role) for each in found if each[place] == there)
                if parts:
                    yield Sum(total(outcome, timepoint, role), parts)


# ---------------------------------------------------------------------------- lost and kept


def lost_and_kept(cohort: Cohort, outcome: Outcome) -> Table:
    """What was known at entry of those without the outcome, beside those who have it, in each arm."""
    kept = pd.Series(
        cohort.people.index.isin(scores_at(cohort, outcome, str(outcome.timepoint)).index), cohort.people.index
    )
    rows = []
    for label, kind, values, digits in characteristics(cohort):
        frame = pd.DataFrame({"arm": cohort.people["arm"], "value": values, "lost": (~kept).astype(int)}).dropna()
        cells = (cell for arm in ROLES for cell in _beside(frame[frame["arm"] == arm], kind, digits))
        rows.append((label, tuple(cells)))
    columns = tuple(f"{arm}: {what}" for arm in arm_columns(cohort.plan) for what in ("kept", "lost", "difference"))
    timepoint = cohort.plan.timepoint(str(outcome.timepoint)).label
    title = f"At entry: people measured at {timepoint} (kept) and not (lost)"
    notes = (
        "Means, and for numbers and categories the standardised difference (lost less kept; no sign for categories); "
        "those over 0.1 and over 0.25 are marked.",
    )
    return Table("lost-and-kept", title, columns, tuple(rows), notes=notes)


def _beside(arm: pd.DataFrame, kind: str, digits: int) -> Iterator[Cell]:
    """Mean of those kept and of those lost, and how far apart; either would give the other away."""
    smaller = int(arm.groupby("lost").size().reindex([0, 1], fill_value=0).min())
    for lost in (0, 1):
        values = arm.loc[arm["lost"] == lost, "value"]
        if kind == "number" and len(values):
            yield Cell(f"{{mean:,.{digits}f}}", stats={"mean": float(values.mean())}, n=smaller)
        else:
            yield BLANK if kind == "category" else DASH
    apart = standardised_difference(arm["value"], arm["lost"])
    mark = next((f" · over {flag:g}" for flag in FLAGS if abs(apart) > flag), "")
    stats: dict[str, float] = {"standardised_difference": apart}
    yield DASH if apart != apart else Cell(f"{{standardised_difference:.2f}}{mark}", stats=stats, n=smaller)


# ---------------------------------------------------------------------------- what if the missing were unlike


def tipping(comparison: Comparison, outcome: Outcome) -> TippingPoint | str | None:
    """The tipping point of a score's answer, a sentence where there is none, nothing for what is not a score."""
    cohort, plan = comparison.cohort, comparison.plan
    if outcome.kind != "continuous" or outcome.id not in comparison.fitted:
        return None
    if not outcome.baseline:
        return NO_BASELINE
    covariates, options = named_covariates(plan, outcome), imputing(plan, outcome)
    try:
        found = tipping_point(
            wide_rows_of(cohort, outcome), covariates=covariates, confidence=plan.confidence, **options
        )
    except AnalysisError as error:
        return f"Missing scores could not be imputed: {'; '.join(error.faults)}."
    if not any(found.imputed):
        return NOTHING_IMPUTED.format(timepoint=plan.timepoint(str(outcome.timepoint)).label)
    return found


def _imputed_key(outcome: Outcome, role: str) -> Key:
    return "imputed", outcome.id, role


def imputed_table(comparison: Comparison, outcome: Outcome, found: TippingPoint) -> Table:
    """How many scores were imputed in each arm, and of whom none was: the dead."""
    timepoint, same = str(outcome.timepoint), found.n == comparison.fitted[outcome.id].n
    arms, died = comparison.cohort.people.groupby("arm").size(), codes.LEAVING_REASONS["died"]
    cells: dict[str, list[Cell]] = {"In the estimate": [], "Scores imputed": [], "Left out: had died": []}
    sums: list[Sum] = []
    implied: list[tuple[Key, int]] = [] if same else [(side_key(outcome, METHOD, "both"), sum(found.n))]
    for n, drawn, (arm, role) in zip(found.n, found.imputed, ROLES.items(), strict=True):
        of, dead = int(arms[arm]), reason_key(timepoint, role, died)
        key = analysed_key(outcome, role) if same else side_key(outcome, METHOD, role)
        cells["In the estimate"].append(people(n, of, key))
        cells["Scores imputed"].append(people(drawn, of, _imputed_key(outcome, role)))
        cells["Left out: had died"].append(people(of - n, of, dead))
        sums.append(Sum(lost_key(outcome, timepoint, role), (_imputed_key(outcome, role), dead)))
        sums.append(Sum(study_key(role), (key, dead)))
    for total, counts in who(comparison, outcome, METHOD, found.n):
        sums.append(total)
        implied += counts
    rows = tuple((label, tuple(row)) for label, row in cells.items())
    title = f"{outcome.label}: people with imputed scores"
    return Table(f"imputed-{outcome.id}", title, arm_columns(comparison.plan), rows, tuple(sums), tuple(implied))


def tipping_table(comparison: Comparison, outcome: Outcome, found: TippingPoint) -> Table:
    """The estimate with imputed scores shifted by so much, in one arm, the other, and both."""
    digits, first, second = digits_of(found.unshifted), *arm_columns(comparison.plan)
    rows = []
    for place, delta in enumerate(found.deltas):
        cells = [_shifted(found, outcome, whose, found.answers[whose][place], digits) for whose in SHIFTED]
        rows.append((_by(delta), tuple(cells)))
    notes = (
        f"Scores that were not measured, shifted from what people alike had, who were. {first} compared with {second}; "
        f"{comparison.plan.confidence * 100:g}% intervals, Rubin's rules with the degrees of freedom of Barnard and "
        f"Rubin; {found.unshifted.method}.",
    )
    title = f"{outcome.label}: the estimate if those without a score fared worse or better"
    columns = (f"Shift in {first}", f"Shift in {second}", "Shift in both")
    return Table(f"tipping-{outcome.id}", title, columns, tuple(rows), notes=notes, stub="Imputed scores")


def _by(delta: float) -> str:
    return f"Shifted by {minus(f'{delta:+g}')}" if delta else "As imputed"


def _smallest(found: TippingPoint, whose: str) -> int:
    """The smallest number of people that an answer could give away; how far it moves tells how many were imputed."""
    drawn = {"intervention": found.imputed[:1], "comparison": found.imputed[1:], "both": found.imputed}[whose]
    return min([*(n for n in drawn if n), *found.n])


def _shifted(found: TippingPoint, outcome: Outcome, whose: str, answer: Estimate, digits: int) -> Cell:
    n = _smallest(found, whose)
    roles = ROLES.values() if whose == "both" else (whose,)
    keys = tuple(_imputed_key(outcome, role) for role in roles)
    if answer.conf_low is None or answer.conf_high is None:
        return Cell(f"{{estimate:.{digits}f}}", stats={"estimate": answer.estimate}, n=n, from_counts=keys)
    shape = f"{{estimate:.{digits}f}} ({{conf_low:.{digits}f}} to {{conf_high:.{digits}f}})"
    stats = {"estimate": answer.estimate, "conf_low": answer.conf_low, "conf_high": answer.conf_high}
    return Cell(shape, stats=stats, n=n, from_counts=keys)


def _may_leave(outcome: Outcome, found: TippingPoint, whose: str, guard: Gate) -> bool:
    roles = ROLES.values() if whose == "both" else (whose,)
    hidden = any(_imputed_key(outcome, role) in guard.hidden for role in roles)
    return not hidden and not guard.is_small(_smallest(found, whose))


def in_words(comparison: Comparison, outcome: Outcome, found: TippingPoint, guard: Gate) -> Iterator[str]:
    """The answer with imputed scores, and how far off they would have to be for it to turn."""
    if guard.is_small(min(found.n)):
        return
    answer, level = found.unshifted, comparison.plan.confidence
    yield (
        f"With everybody alive, missing scores imputed from what is known of people, the difference is {shown(answer)} "
        f"({limits(answer, level)}); {100 * found.fraction_missing:.0f}% of the information about it is missing. That "
        "is right if those without a score fared like people with the same scores at other times, the same facts at "
        "entry, and of the same site, who have one. The table below says what it would be if not."
    )
    arms = zip(ROLES.values(), arm_columns(comparison.plan), strict=True)
    said = [_turn(found, role, label) for role, label in arms if _may_leave(outcome, found, role, guard)]
    if said and answer.conf_low is not None:
        yield " ".join(said)


def _turn(found: TippingPoint, role: str, label: str) -> str:
    """How far imputed scores of an arm would have to be off for the interval to take zero in, or to leave it."""
    low, high = found.unshifted.conf_low, found.unshifted.conf_high
    holds = low is not None and high is not None and low <= 0 <= high
    turned = f"makes the interval {'cease' if holds else 'begin'} to hold zero"
    turns = [minus(f"{turn:+.2g}") for turn in found.turns[role] if turn is not None]
    if not turns:
        first, last = (minus(f"{delta:+g}") for delta in (found.deltas[0], found.deltas[-1]))
        return f"No shift of imputed scores in “{label}” from {first} to {last} {turned}."
    return f"Shifting imputed scores in “{label}” by {' or by '.join(turns)} {turned}."


def lines(comparison: Comparison, outcome: Outcome, found: TippingPoint, guard: Gate) -> list[Series]:
    """The estimate against the shift, a line for each arm that may be shown; none without an interval."""
    labels = dict(zip(ROLES.values(), arm_columns(comparison.plan), strict=True))
    return [
        Series(label, found.deltas, *_courses(found.answers[role]))
        for role, label in labels.items()
        if found.unshifted.conf_low is not None and len(found.deltas) > 1 and _may_leave(outcome, found, role, guard)
    ]


def _courses(answers: tuple[Estimate, ...]) -> tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...]]:
    low, high = (tuple(float(getattr(each, name)) for each in answers) for name in ("conf_low", "conf_high"))
    return tuple(each.estimate for each in answers), low, high


def lines_in_words(drawn: list[Series], digits: int) -> str:
    """What the figure shows, for who cannot see it."""
    said = [
        f"shifted in {line.label} from {line.at[0]:g} to {line.at[-1]:g}, the difference goes from "
        f"{line.mean[0]:.{digits}f} to {line.mean[-1]:.{digits}f}"
        for line in drawn
    ]
    return (
        f"Line chart of the difference between the arms, imputed scores {'; '.join(said)}. The table has every number."
    )
