"""The analysis plan: what will be compared, named before anyone looks.

A plan is a TOML text. `parse` turns it into frozen records or refuses it with every fault named; `Plan.sha256` is
the hash of its canonical form, so that layout and comments do not matter and meaning does.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

from .codes import DESIGNS, ROLES, SETTINGS
from .dataset import table
from .plan_methods import AVERAGES, MATCHING, MISLEADS, average_usual, check_average, methods, usual_of
from .plan_reader import Reader
from .plan_sections import IMPUTATIONS, MULTIPLICITY, Subgroup, family, harms, intervention, only_where_used, subgroups
from .plan_series import MONTHS_A_PERIOD, OF_SERIES, series_fields

COVARIATE_KINDS = ("number", "category")
ERRORS = ("CR2", "classical")
DERIVED_COVARIATES = ("age",)
DEFAULT_TIMEPOINT_WINDOW = (-28, 28)
MOST_DAYS = 36525  # a hundred years


class PlanError(ValueError):
    """A plan that contradicts itself or names what is not there."""

    def __init__(self, faults: Iterable[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(self.faults))


@dataclass(frozen=True, slots=True)
class Arm:
    """One arm of the study and its role in the comparison."""

    id: str
    label: str
    role: str


@dataclass(frozen=True, slots=True)
class Timepoint:
    """A planned occasion: days after entry and the window (days before and after) in which an answer counts.

    At a `screening` people are as they were when they were picked, perhaps at a bad moment: it comes before the
    baseline and never stands for it.
    """

    id: str
    label: str
    day: int
    opens: int
    closes: int
    screening: bool = False

    def window(self, entered_on: date) -> tuple[date, date]:
        """First and last date on which an assessment belongs to this timepoint."""
        return entered_on + timedelta(self.day + self.opens), entered_on + timedelta(self.day + self.closes)


def follow_ups(timepoints: tuple[Timepoint, ...]) -> tuple[Timepoint, ...]:
    """Those after the baseline, which is the first that is no screening."""
    return tuple(timepoint for timepoint in timepoints if not timepoint.screening)[1:]


@dataclass(frozen=True, slots=True)
class Measure:
    """A measure that is not in the instrument library, declared by the plan (its scores come from elsewhere)."""

    id: str
    scale: str
    label: str
    minimum: float
    maximum: float
    better: str


@dataclass(frozen=True, slots=True)
class Covariate:
    """A fact known at entry that the comparison adjusts for."""

    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class Event:
    """What counts as having a binary outcome: a score of `at_least` so much, or `at_most` so much."""

    at_least: float | None = None
    at_most: float | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """One planned outcome: a scale at a timepoint, an event on it, or service use: a count, or the time to the first.

    `estimator` names the method that answers, `beside` those that are shown beside it. `leave_out` are days before and
    after entry whose service use does not count. `match_on` are the facts in which matched people are alike, where the
    plan names them; `difference_anyway` allows the baseline among them though changes are compared. For series of
    sites, `horizon` is the month after the start that the answer is about (the last if None), and `period` how many
    months of an event study make one point. A time to the first use is followed from entry to `until_day`.
    Outcomes of one `family` are tested together; those without a name are one family, the primary outcome is its own.
    Without a `baseline` the outcome is adjusted for its covariates alone. `average` says whether each of the 'people'
    or each of the 'sites' counts alike in the answer.
    """

    id: str
    label: str
    kind: str
    primary: bool
    covariates: tuple[str, ...]
    instrument: str | None = None
    scale: str | None = None
    value_set: str | None = None
    timepoint: str | None = None
    setting: str | None = None
    event: Event | None = None
    leave_out: tuple[int, int] = (0, 0)
    until_day: int | None = None
    estimator: str = ""
    beside: tuple[str, ...] = ()
    match_on: tuple[str, ...] = ()
    difference_anyway: bool = False
    horizon: int | None = None
    period: int = MONTHS_A_PERIOD
    family: str = ""
    baseline: bool = True
    average: str = AVERAGES[0]

    @property
    def methods(self) -> tuple[str, ...]:
        """The method that answers, then those that stand beside it."""
        return (self.estimator, *(method for method in self.beside if method != self.estimator))


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole plan. `timepoints` are in order of their day; the first is the baseline.

    People who entered outside `enrolled_from` to `enrolled_until` (both counted, where given) are not in the cohort.
    `intervention` are texts about it by item of TIDieR, `harms` how they are looked for, in the planner's own words.
    """

    id: str
    title: str
    design: str
    arms: tuple[Arm, ...]
    timepoints: tuple[Timepoint, ...]
    outcomes: tuple[Outcome, ...]
    covariates: tuple[Covariate, ...]
    measures: tuple[Measure, ...]
    instruments: tuple[str, ...]
    errors: str
    confidence: float
    small_number: int
    seed: int
    imputations: int
    enrolled_from: date | None = None
    enrolled_until: date | None = None
    subgroups: tuple[Subgroup, ...] = ()
    multiplicity: str = MULTIPLICITY[0]
    intervention: tuple[tuple[str, str], ...] = ()
    harms: str = ""

    @property
    def sha256(self) -> str:
        """Hash of the plan's canonical form, in which methods stand only where the plan departs from the usual ones."""
        tree = asdict(self)
        for outcome, written in zip(self.outcomes, tree["outcomes"], strict=True):
            for name in [name for name, value in usual_of(outcome.kind).items() if written[name] == value]:
                del written[name]
        for written in tree["timepoints"]:
            if not written["screening"]:
                del written["screening"]
        only_where_used(tree)
        canonical = json.dumps(tree, sort_keys=True, separators=(",", ":"), ensure_ascii=True, default=str)
        return hashlib.sha256(canonical.encode()).hexdigest()

    @property
    def baseline(self) -> Timepoint:
        """The first timepoint that is no screening."""
        return next(timepoint for timepoint in self.timepoints if not timepoint.screening)

    @property
    def screenings(self) -> tuple[Timepoint, ...]:
        """The timepoints before the baseline."""
        return tuple(timepoint for timepoint in self.timepoints if timepoint.screening)

    @property
    def follow_ups(self) -> tuple[Timepoint, ...]:
        """The timepoints after the baseline."""
        return follow_ups(self.timepoints)

    @property
    def primary(self) -> Outcome:
        """The primary outcome."""
        return next(outcome for outcome in self.outcomes if outcome.primary)

    def arm(self, role: str) -> Arm:
        """The arm with this role ('intervention' or 'comparison')."""
        return next(arm for arm in self.arms if arm.role == role)

    def timepoint(self, id: str) -> Timepoint:
        """Look a timepoint up by its id."""
        return next(timepoint for timepoint in self.timepoints if timepoint.id == id)

    def measure(self, id: str, scale: str) -> Measure | None:
        """The plan's own declaration of a measure, if it has one."""
        return next((m for m in self.measures if (m.id, m.scale) == (id, scale)), None)


_TOP = (
    "study", "arms", "timepoints", "outcomes", "covariates", "measures", "capture", "analysis", "subgroups",
    "intervention", "harms",
)  # fmt: skip


def parse(text: str) -> Plan:
    """Read a plan.

    Raises
    ------
    PlanError
        With every fault found, each naming the place, the fault and the remedy.
    """
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PlanError([f"plan: is not valid TOML ({error}); correct that line"]) from None
    reader = Reader()
    reader.known(tree, "", _TOP)
    study = reader.part(tree, "study", ("id", "title", "design", "enrolled_from", "enrolled_until"))
    opened, closed = (reader.day(study, "study", key) for key in ("enrolled_from", "enrolled_until"))
    if opened and closed and opened > closed:
        reader.fault("study.enrolled_until", "is before enrolled_from; correct one of the dates")
    covariates = _covariates(reader, reader.part(tree, "covariates"))
    arms, timepoints = _arms(reader, reader.part(tree, "arms")), _timepoints(reader, tree)
    options = reader.part(
        tree, "analysis", ("errors", "confidence", "small_number", "seed", "multiplicity", "imputations", "average")
    )
    design = reader.choice(study, "study", "design", DESIGNS)
    default_errors = "classical" if design == "individually-randomised" else "CR2"
    plan = Plan(
        id=reader.slug(study, "study", "id"),
        title=reader.text(study, "study", "title"),
        design=design,
        arms=arms,
        timepoints=timepoints,
        outcomes=_outcomes(reader, tree, timepoints, covariates),
        covariates=covariates,
        measures=_measures(reader, tree),
        instruments=reader.texts(reader.part(tree, "capture", ("instruments",)), "capture", "instruments"),
        errors=reader.choice(options, "analysis", "errors", ERRORS, default_errors),
        confidence=reader.number(options, "analysis", "confidence", 0.95),
        small_number=reader.whole(options, "analysis", "small_number", 10, least=0, most=1000),
        seed=reader.whole(options, "analysis", "seed", 20260101, least=0, most=2**63 - 1),
        imputations=reader.whole(options, "analysis", "imputations", IMPUTATIONS, least=2, most=1000),
        enrolled_from=opened,
        enrolled_until=closed,
        subgroups=subgroups(reader, tree, {covariate.name: covariate.kind for covariate in covariates}),
        multiplicity=reader.choice(options, "analysis", "multiplicity", MULTIPLICITY, MULTIPLICITY[0]),
        intervention=intervention(reader, tree),
        harms=harms(reader, tree),
    )
    for place, outcome in enumerate(plan.outcomes):
        check_average(reader, f"outcomes[{place}]", outcome.average, outcome.estimator, plan.errors)
    if not 0.5 < plan.confidence < 1:
        reader.fault("analysis.confidence", f"{plan.confidence:g} is not a confidence level; use for example 0.95")
    if reader.faults:
        raise PlanError(reader.faults)
    return plan


def _arms(reader: Reader, tree: Mapping[str, Any]) -> tuple[Arm, ...]:
    arms = []
    for id, entry in tree.items():
        path = f"arms.{id}"
        arm = reader.table(entry, path, ("label", "role"))
        arms.append(Arm(id, reader.text(arm, path, "label", id), reader.choice(arm, path, "role", ROLES)))
    if sorted(arm.role for arm in arms) != ["comparison", "intervention"]:
        reader.fault("arms", "needs exactly two arms, one with role 'intervention' and one with role 'comparison'")
    return tuple(arms)


def _timepoints(reader: Reader, tree: Mapping[str, Any]) -> tuple[Timepoint, ...]:
    timepoints = []
    for path, entry in reader.entries(tree, "timepoints", ("id", "label", "day", "window", "screening")):
        id = reader.slug(entry, path, "id")
        opens, closes = _window(reader, entry, path)
        day = reader.whole(entry, path, "day", least=-MOST_DAYS, most=MOST_DAYS)
        screening = reader.flag(entry, path, "screening")
        timepoints.append(Timepoint(id, reader.text(entry, path, "label", id), day, opens, closes, screening))
    reader.unique("timepoints", (timepoint.id for timepoint in timepoints))
    if sum(not timepoint.screening for timepoint in timepoints) < 2:
        reader.fault("timepoints", "needs a baseline and at least one follow-up")
    ordered = tuple(sorted(timepoints, key=lambda timepoint: timepoint.day))
    if any(late.screening and not early.screening for early, late in pairwise(ordered)):
        reader.fault("timepoints", "a screening comes after the baseline; correct its day, or take screening out")
    for early, late in pairwise(ordered):
        if early.day + early.closes >= late.day + late.opens:
            reader.fault("timepoints", f"the windows of '{early.id}' and '{late.id}' overlap; make them narrower")
    return ordered


def _window(reader: Reader, entry: Mapping[str, Any], path: str) -> tuple[int, int]:
    window = entry.get("window", list(DEFAULT_TIMEPOINT_WINDOW))
    whole = isinstance(window, list) and len(window) == 2 and all(type(end) is int for end in window)
    if not whole or not -MOST_DAYS <= window[0] <= 0 <= window[1] <= MOST_DAYS:
        reader.fault(f"{path}.window", "needs two numbers of days around the day itself, such as [-28, 28]")
        return DEFAULT_TIMEPOINT_WINDOW
    return window[0], window[1]


def _covariates(reader: Reader, tree: Mapping[str, Any]) -> tuple[Covariate, ...]:
    return tuple(Covariate(name, reader.choice(tree, "covariates", name, COVARIATE_KINDS)) for name in tree)


def _measures(reader: Reader, tree: Mapping[str, Any]) -> tuple[Measure, ...]:
    measures = []
    for path, entry in reader.entries(tree, "measures", ("id", "scale", "label", "minimum", "maximum", "better")):
        low, high = reader.number(entry, path, "minimum"), reader.number(entry, path, "maximum")
        if low >= high:
            reader.fault(f"{path}.minimum", f"{low:g} is not below the maximum {high:g}; correct the range")
        id = reader.slug(entry, path, "id")
        scale, label = reader.text(entry, path, "scale", "total"), reader.text(entry, path, "label", id)
        better = reader.choice(entry, path, "better", ("higher", "lower"))
        measures.append(Measure(id, scale, label, low, high, better))
    return tuple(measures)


_OUTCOME_KEYS = (
    "id", "label", "kind", "primary", "covariates", "instrument", "scale", "value_set", "timepoint", "setting",
    "at_least", "at_most", "leave_out", "until_day", "estimator", "beside", "match_on", "difference_anyway", "family",
    "baseline", "average", *OF_SERIES,
)  # fmt: skip
_OF_USE = ("count", "time-to-event")
_OF_SCALES = ("instrument", "scale", "value_set", "timepoint", "at_least", "at_most")


def _outcomes(
    reader: Reader, tree: Mapping[str, Any], timepoints: tuple[Timepoint, ...], covariates: tuple[Covariate, ...]
) -> tuple[Outcome, ...]:
    usual = average_usual(reader, tree)
    entries = [(path, {**usual, **entry}) for path, entry in reader.entries(tree, "outcomes", _OUTCOME_KEYS)]
    outcomes = [_outcome(reader, entry, path, timepoints, covariates) for path, entry in entries]
    for outcome, (path, _) in zip(outcomes, entries, strict=True):
        _check_matching(reader, outcome, path)
    reader.unique("outcomes", (outcome.id for outcome in outcomes))
    if sum(outcome.primary for outcome in outcomes) != 1:
        reader.fault("outcomes", "needs exactly one outcome with primary = true")
    return tuple(outcomes)


def _outcome(
    reader: Reader,
    entry: Mapping[str, Any],
    path: str,
    timepoints: tuple[Timepoint, ...],
    covariates: tuple[Covariate, ...],
) -> Outcome:
    id = reader.slug(entry, path, "id")
    names = tuple(covariate.name for covariate in covariates)
    chosen = reader.texts(entry, path, "covariates", names)
    for name in chosen:
        if name not in names:
            reader.fault(f"{path}.covariates", f"'{name}' is not declared; add it under [covariates] with its kind")
    build = _use_outcome if "setting" in entry or entry.get("kind") == "time-to-event" else _scale_outcome
    primary = reader.flag(entry, path, "primary")
    common = {
        "id": id,
        "label": reader.text(entry, path, "label", id),
        "primary": primary,
        "covariates": chosen,
        "match_on": reader.texts(entry, path, "match_on"),
        "difference_anyway": reader.flag(entry, path, "difference_anyway"),
        "family": family(reader, entry, path, primary=primary),
        "average": reader.choice(entry, path, "average", AVERAGES),
    }
    return build(reader, entry, path, timepoints, common)


def _check_matching(reader: Reader, outcome: Outcome, path: str) -> None:
    """Facts to match on must be known, and used; the baseline is none of them where changes are compared."""
    allowed = (*(("baseline",) if outcome.baseline else ()), *outcome.covariates)
    for name in outcome.match_on:
        if name not in allowed:
            reader.fault(f"{path}.match_on", f"unexpected value '{name}'; allowed: {', '.join(allowed)}")
    if outcome.match_on and not set(MATCHING) & set(outcome.methods):
        reader.fault(f"{path}.match_on", f"belongs to {' or '.join(MATCHING)}; name one of them or take it out")
    misled = "baseline" in outcome.match_on and "matched-did" in outcome.methods
    if outcome.difference_anyway and not misled:
        reader.fault(f"{path}.difference_anyway", "belongs to matched-did with 'baseline' in match_on; take it out")
    if misled and not outcome.difference_anyway:
        remedy = "take 'baseline' out, use 'matching', or write difference_anyway = true"
        reader.fault(f"{path}.match_on", f"{MISLEADS}; {remedy}")


def _scale_outcome(
    reader: Reader,
    entry: Mapping[str, Any],
    path: str,
    timepoints: tuple[Timepoint, ...],
    common: dict[str, Any],
) -> Outcome:
    later = [timepoint.id for timepoint in follow_ups(timepoints)]
    kind = reader.choice(entry, path, "kind", ("continuous", "binary"), "continuous")
    series_fields(reader, entry, path, ())
    return Outcome(
        **common,
        **methods(reader, entry, path, kind),
        kind=kind,
        event=_event(reader, entry, path, kind),
        instrument=reader.text(entry, path, "instrument"),
        scale=reader.text(entry, path, "scale", "total"),
        value_set=reader.text(entry, path, "value_set") if "value_set" in entry else None,
        timepoint=reader.choice(entry, path, "timepoint", later, later[-1]) if later else None,
    )


def _use_outcome(
    reader: Reader, entry: Mapping[str, Any], path: str, _: tuple[Timepoint, ...], common: dict[str, Any]
) -> Outcome:
    kind = reader.choice(entry, path, "kind", _OF_USE, "count")
    for name in _OF_SCALES:
        if name in entry:
            reader.fault(f"{path}.{name}", "means nothing beside a setting; take one of them out")
    named = methods(reader, entry, path, kind)
    return Outcome(
        **common,
        **named,
        **_followed(reader, entry, path, kind),
        **series_fields(reader, entry, path, (named.get("estimator", ""), *named.get("beside", ()))),
        kind=kind,
        setting=reader.choice(entry, path, "setting", SETTINGS),
    )


def _followed(reader: Reader, entry: Mapping[str, Any], path: str, kind: str) -> dict[str, Any]:
    """The days of service use that count: all but those around entry, or those up to the end of the planned time."""
    if kind == "time-to-event":
        if "leave_out" in entry:
            reader.fault(f"{path}.leave_out", "belongs to a count; a time to the first begins at entry, take it out")
        if "until_day" not in entry:
            reader.fault(f"{path}.until_day", "is missing; say for how many days from entry people count, such as 365")
            return {}
        return {"until_day": reader.whole(entry, path, "until_day", least=1, most=MOST_DAYS)}
    if "until_day" in entry:
        reader.fault(f"{path}.until_day", 'belongs to a time to the first; write kind = "time-to-event" or take it out')
    return {"leave_out": reader.days(entry, path, "leave_out", MOST_DAYS)}


def _event(reader: Reader, entry: Mapping[str, Any], path: str, kind: str) -> Event | None:
    limits = {name: reader.number(entry, path, name) for name in ("at_least", "at_most") if name in entry}
    if kind != "binary":
        for name in limits:
            reader.fault(f"{path}.{name}", 'belongs to a binary outcome; write kind = "binary" or take it out')
        return None
    if len(limits) != 1:
        reader.fault(f"{path}.at_least", "is missing; say which score is the event: at_least or at_most, one of them")
    return Event(**limits)


def check_covariates(plan: Plan, characteristics: Iterable[str]) -> None:
    """Refuse a plan whose covariates are neither facts of a person nor named characteristics of the dataset.

    Raises
    ------
    PlanError
        Naming each covariate that is not there.
    """
    known = {*table("people").names, *DERIVED_COVARIATES, *characteristics}
    faults = [
        f"plan.covariates.{covariate.name}: is not in the dataset; known: {', '.join(sorted(known))}"
        for covariate in plan.covariates
        if covariate.name not in known
    ]
    if faults:
        raise PlanError(faults)
