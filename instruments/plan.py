"""The analysis plan: what will be compared, named before anyone looks.

A plan is a TOML text. `parse` turns it into frozen records or refuses it with every fault named; `Plan.sha256` is
the hash of its canonical form, so that layout and comments do not matter and meaning does.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

from .codes import DESIGNS, ROLES, SETTINGS
from .dataset import table

KINDS = ("continuous", "count")
COVARIATE_KINDS = ("number", "category")
ERRORS = ("CR2", "classical")
DERIVED_COVARIATES = ("age",)
DEFAULT_TIMEPOINT_WINDOW = (-28, 28)
MOST_DAYS = 36525  # a hundred years
_SLUG = re.compile(r"[a-z0-9][a-z0-9.-]*")


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
    """A planned occasion: days after entry and the window (days before and after) in which an answer counts."""

    id: str
    label: str
    day: int
    opens: int
    closes: int

    def window(self, entered_on: date) -> tuple[date, date]:
        """First and last date on which an assessment belongs to this timepoint."""
        return entered_on + timedelta(self.day + self.opens), entered_on + timedelta(self.day + self.closes)


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
class Outcome:
    """One planned outcome: a scale at a timepoint, or a count of service use over follow-up."""

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


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole plan. `timepoints` are in order of their day; the first is the baseline.

    People who entered outside `enrolled_from` to `enrolled_until` (both counted, where given) are not in the cohort.
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
    enrolled_from: date | None = None
    enrolled_until: date | None = None

    @property
    def sha256(self) -> str:
        """Hash of the plan's canonical form."""
        canonical = json.dumps(asdict(self), sort_keys=True, separators=(",", ":"), ensure_ascii=True, default=str)
        return hashlib.sha256(canonical.encode()).hexdigest()

    @property
    def baseline(self) -> Timepoint:
        """The first timepoint."""
        return self.timepoints[0]

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


class _Reader:
    """Walks the TOML tree, collecting faults by path instead of stopping at the first."""

    def __init__(self) -> None:
        self.faults: list[str] = []

    def fault(self, path: str, what: str) -> None:
        self.faults.append(f"plan.{path}: {what}")

    def part(self, tree: Mapping[str, Any], key: str, keys: Iterable[str] | None = None) -> Mapping[str, Any]:
        """One table of the plan; `keys` are those it may have, if not any."""
        return self.table(tree.get(key, {}), key, keys)

    def table(self, value: Any, path: str, keys: Iterable[str] | None = None) -> Mapping[str, Any]:
        if not isinstance(value, dict):
            self.fault(path, f"unexpected value '{value}'; write a table, such as {{ key = value }}")
            return {}
        if keys is not None:
            self.known(value, path, keys)
        return value

    def entries(
        self, tree: Mapping[str, Any], key: str, keys: Iterable[str]
    ) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Each table of a list, with its path."""
        value = tree.get(key, [])
        if not isinstance(value, list):
            self.fault(key, f"unexpected value '{value}'; write a list, each entry under [[{key}]]")
            return
        for position, entry in enumerate(value):
            yield f"{key}[{position}]", self.table(entry, f"{key}[{position}]", keys)

    def texts(self, where: Mapping[str, Any], path: str, key: str, default: tuple[str, ...] = ()) -> tuple[str, ...]:
        value = where.get(key, list(default))
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            self.fault(f"{path}.{key}", f"unexpected value '{value}'; write a list of texts")
            return default
        return tuple(value)

    def flag(self, where: Mapping[str, Any], path: str, key: str) -> bool:
        value = where.get(key, False)
        if not isinstance(value, bool):
            self.fault(f"{path}.{key}", f"unexpected value '{value}'; write true or false")
        return value is True

    def text(self, where: Mapping[str, Any], path: str, key: str, default: str | None = None) -> str:
        value = where.get(key, default)
        if not isinstance(value, str) or not value.strip():
            self.fault(f"{path}.{key}", "is missing; give it a text")
            return ""
        return value

    def slug(self, where: Mapping[str, Any], path: str, key: str) -> str:
        value = self.text(where, path, key)
        if value and not _SLUG.fullmatch(value):
            self.fault(f"{path}.{key}", f"'{value}' is not an id; use small letters, digits, '-' and '.'")
        return value

    def day(self, where: Mapping[str, Any], path: str, key: str) -> date | None:
        value = where.get(key)
        if value is not None and type(value) is not date:
            self.fault(f"{path}.{key}", f"unexpected value '{value}'; write a date without quotes, such as 2025-03-31")
            return None
        return value

    def number(self, where: Mapping[str, Any], path: str, key: str, default: float | None = None) -> float:
        value = where.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            self.fault(f"{path}.{key}", "is missing or not a number; give it a number")
            return 0
        return value

    def whole(
        self, where: Mapping[str, Any], path: str, key: str, default: int | None = None, *, least: int, most: int
    ) -> int:
        value = self.number(where, path, key, default)
        if value != int(value) or not least <= value <= most:
            self.fault(f"{path}.{key}", f"unexpected value '{value}'; write a whole number from {least} to {most}")
        return int(value)

    def choice(self, where: Mapping[str, Any], path: str, key: str, allowed: Iterable[str], default: str = "") -> str:
        value = where.get(key, default)
        if not isinstance(value, str) or value not in allowed:
            self.fault(f"{path}.{key}", f"unexpected value '{value}'; allowed: {', '.join(allowed)}")
        return str(value)

    def known(self, where: Mapping[str, Any], path: str, allowed: Iterable[str]) -> None:
        for key in where:
            if key not in allowed:
                self.fault(f"{path}.{key}" if path else key, f"is not known here; allowed: {', '.join(allowed)}")

    def unique(self, path: str, ids: Iterable[str]) -> None:
        seen: set[str] = set()
        for id in ids:
            if id in seen:
                self.fault(path, f"'{id}' stands twice; give each its own id")
            seen.add(id)


_TOP = ("study", "arms", "timepoints", "outcomes", "covariates", "measures", "capture", "analysis")


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
    reader = _Reader()
    reader.known(tree, "", _TOP)
    study = reader.part(tree, "study", ("id", "title", "design", "enrolled_from", "enrolled_until"))
    opened, closed = (reader.day(study, "study", key) for key in ("enrolled_from", "enrolled_until"))
    if opened and closed and opened > closed:
        reader.fault("study.enrolled_until", "is before enrolled_from; correct one of the dates")
    covariates = _covariates(reader, reader.part(tree, "covariates"))
    arms, timepoints = _arms(reader, reader.part(tree, "arms")), _timepoints(reader, tree)
    options = reader.part(tree, "analysis", ("errors", "confidence", "small_number", "seed"))
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
        enrolled_from=opened,
        enrolled_until=closed,
    )
    if not 0.5 < plan.confidence < 1:
        reader.fault("analysis.confidence", f"{plan.confidence:g} is not a confidence level; use for example 0.95")
    if reader.faults:
        raise PlanError(reader.faults)
    return plan


def _arms(reader: _Reader, tree: Mapping[str, Any]) -> tuple[Arm, ...]:
    arms = []
    for id, entry in tree.items():
        path = f"arms.{id}"
        arm = reader.table(entry, path, ("label", "role"))
        arms.append(Arm(id, reader.text(arm, path, "label", id), reader.choice(arm, path, "role", ROLES)))
    if sorted(arm.role for arm in arms) != ["comparison", "intervention"]:
        reader.fault("arms", "needs exactly two arms, one with role 'intervention' and one with role 'comparison'")
    return tuple(arms)


def _timepoints(reader: _Reader, tree: Mapping[str, Any]) -> tuple[Timepoint, ...]:
    timepoints = []
    for path, entry in reader.entries(tree, "timepoints", ("id", "label", "day", "window")):
        id = reader.slug(entry, path, "id")
        opens, closes = _window(reader, entry, path)
        day = reader.whole(entry, path, "day", least=-MOST_DAYS, most=MOST_DAYS)
        timepoints.append(Timepoint(id, reader.text(entry, path, "label", id), day, opens, closes))
    reader.unique("timepoints", (timepoint.id for timepoint in timepoints))
    if len(timepoints) < 2:
        reader.fault("timepoints", "needs a baseline and at least one follow-up")
    ordered = tuple(sorted(timepoints, key=lambda timepoint: timepoint.day))
    for early, late in pairwise(ordered):
        if early.day + early.closes >= late.day + late.opens:
            reader.fault("timepoints", f"the windows of '{early.id}' and '{late.id}' overlap; make them narrower")
    return ordered


def _window(reader: _Reader, entry: Mapping[str, Any], path: str) -> tuple[int, int]:
    window = entry.get("window", list(DEFAULT_TIMEPOINT_WINDOW))
    whole = isinstance(window, list) and len(window) == 2 and all(type(end) is int for end in window)
    if not whole or not -MOST_DAYS <= window[0] <= 0 <= window[1] <= MOST_DAYS:
        reader.fault(f"{path}.window", "needs two numbers of days around the day itself, such as [-28, 28]")
        return DEFAULT_TIMEPOINT_WINDOW
    return window[0], window[1]


def _covariates(reader: _Reader, tree: Mapping[str, Any]) -> tuple[Covariate, ...]:
    return tuple(Covariate(name, reader.choice(tree, "covariates", name, COVARIATE_KINDS)) for name in tree)


def _measures(reader: _Reader, tree: Mapping[str, Any]) -> tuple[Measure, ...]:
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
)  # fmt: skip


def _outcomes(
    reader: _Reader, tree: Mapping[str, Any], timepoints: tuple[Timepoint, ...], covariates: tuple[Covariate, ...]
) -> tuple[Outcome, ...]:
    outcomes = [
        _outcome(reader, entry, path, timepoints, covariates)
        for path, entry in reader.entries(tree, "outcomes", _OUTCOME_KEYS)
    ]
    reader.unique("outcomes", (outcome.id for outcome in outcomes))
    if sum(outcome.primary for outcome in outcomes) != 1:
        reader.fault("outcomes", "needs exactly one outcome with primary = true")
    return tuple(outcomes)


def _outcome(
    reader: _Reader,
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
    build = _count_outcome if "setting" in entry else _scale_outcome
    common = {
        "id": id,
        "label": reader.text(entry, path, "label", id),
        "primary": reader.flag(entry, path, "primary"),
        "covariates": chosen,
    }
    return build(reader, entry, path, timepoints, common)


def _scale_outcome(
    reader: _Reader,
    entry: Mapping[str, Any],
    path: str,
    timepoints: tuple[Timepoint, ...],
    common: dict[str, Any],
) -> Outcome:
    follow_ups = [timepoint.id for timepoint in timepoints[1:]]
    return Outcome(
        **common,
        kind=reader.choice(entry, path, "kind", ("continuous",), "continuous"),
        instrument=reader.text(entry, path, "instrument"),
        scale=reader.text(entry, path, "scale", "total"),
        value_set=reader.text(entry, path, "value_set") if "value_set" in entry else None,
        timepoint=reader.choice(entry, path, "timepoint", follow_ups, follow_ups[-1] if follow_ups else ""),
    )


def _count_outcome(
    reader: _Reader, entry: Mapping[str, Any], path: str, _: tuple[Timepoint, ...], common: dict[str, Any]
) -> Outcome:
    kind = reader.choice(entry, path, "kind", ("count",), "count")
    return Outcome(**common, kind=kind, setting=reader.choice(entry, path, "setting", SETTINGS))


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
