"""What an instrument is: frozen records that refuse to exist when they contradict themselves.

Nothing here scores or reads files: `reading` makes these records from TOML and `scoring` turns answers into
scores. Names follow FHIR R4 Questionnaire where it has a word (item, answer option, copyright notice).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from itertools import pairwise
from typing import Literal, NamedTuple, TypeVar

T = TypeVar("T")


class BadDefinition(ValueError):
    """A definition that contradicts itself; `faults` has one line for each fault."""

    def __init__(self, faults: Iterable[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(self.faults))


@dataclass(frozen=True)
class Licence:
    """Who holds the wording and on what terms it may be shown; only `open` wording stands in a definition."""

    kind: Literal["open", "text-pack", "scoring-only"]
    holder: str
    notice: str
    url: str


@dataclass(frozen=True)
class Option:
    """One answer option; no label where the licence keeps the wording. `coding` names the code list."""

    code: int
    label: str | None = None
    coding: str | None = None


@dataclass(frozen=True)
class Item:
    """One thing that is asked: its wording (`text`) or, where the licence keeps that, a label (`slot`)."""

    id: str
    kind: Literal["choice", "scale", "count"]
    text: str | None = None
    slot: str | None = None
    options: tuple[Option, ...] = ()
    minimum: int | None = None
    maximum: int | None = None
    low_label: str | None = None
    high_label: str | None = None
    unit: str | None = None

    @cached_property
    def codes(self) -> frozenset[int] | range:
        """Every answer that the item takes."""
        if self.minimum is None or self.maximum is None:
            return frozenset(option.code for option in self.options)
        return range(self.minimum, self.maximum + 1)

    def accepts(self, value: object) -> bool:
        """Whether `value` is a whole number that the item takes (True and 2.0 are not whole numbers here)."""
        return isinstance(value, int) and not isinstance(value, bool) and value in self.codes

    @property
    def allowed(self) -> str:
        """The answers that the item takes, in words for a message: "0, 1, 2, 3" or "0 to 100"."""
        if isinstance(self.codes, range):
            return f"{self.minimum} to {self.maximum}"
        return ", ".join(str(option.code) for option in self.options)

    def refusal(self, value: object) -> str:
        """What to say of an answer that the item does not take."""
        return f"{value!r} is not an answer to '{self.id}'; allowed: {self.allowed}"

    @property
    def wording(self) -> tuple[str, ...]:
        """Every piece of the holder's wording that the item carries."""
        labels = (option.label for option in self.options)
        return tuple(words for words in (self.text, self.low_label, self.high_label, *labels) if words)

    def faults(self) -> Iterator[str]:
        """Yield what contradicts itself, each with its remedy."""
        where = f"items.{self.id}"
        if (self.text is None) == (self.slot is None):
            yield f"{where}: has both or neither of text and slot; give one, the wording or a label"
        if self.kind == "choice":
            yield from self._choice_faults(where)
        else:
            yield from self._range_faults(where)

    def _choice_faults(self, where: str) -> Iterator[str]:
        if len(self.options) < 2:
            yield f"{where}: a choice has {len(self.options)} options; give two or more, or another kind"
        if (self.minimum, self.maximum) != (None, None):
            yield f"{where}: a choice has no minimum or maximum; remove them, the options say what is allowed"
        for code in _repeated(option.code for option in self.options):
            yield f"{where}: code {code} stands for two options; give each option its own code"

    def _range_faults(self, where: str) -> Iterator[str]:
        if self.options:
            yield f"{where}: a {self.kind} has no options; remove them or make it a choice"
        if self.minimum is None or self.maximum is None:
            yield f"{where}: a {self.kind} needs minimum and maximum; add them"
        elif self.minimum >= self.maximum:
            yield f"{where}: minimum {self.minimum} is not below maximum {self.maximum}; swap or correct them"


@dataclass(frozen=True)
class Missing:
    """How many of a scale's items must be answered, what then stands in for the others, and who says so."""

    min_answered: int
    source: str
    fill: Literal["mean"] | None = None


class Mid(NamedTuple):
    """A minimal important difference, never without its kind and source."""

    value: float
    kind: Literal["anchor", "distribution", "instrument-defined"]
    source: str


@dataclass(frozen=True)
class Band:
    """A named stretch of a scale, both ends included."""

    low: float
    high: float
    id: str
    label: str


@dataclass(frozen=True)
class Scale:
    """One score: which items, by which method, over what range, and which way is better.

    A scale with a value set states the range of its default set; another has its own (`ValueSet.minimum`).
    """

    id: str
    label: str
    method: str
    items: tuple[str, ...]
    missing: Missing
    minimum: float
    maximum: float
    better: Literal["higher", "lower"]
    digits: int = 0
    parameters: Mapping[str, float] = field(default_factory=dict)
    mid: Mid | None = None
    bands: tuple[Band, ...] = ()
    value_set: str | None = None

    def band(self, value: float) -> str | None:
        """The id of the band that holds `value`, or None for a scale without bands."""
        return next((band.id for band in self.bands if band.low <= value <= band.high), None)

    def faults(self, known: Mapping[str, Item]) -> Iterator[str]:
        """Yield what contradicts itself or the instrument's items, each with its remedy."""
        where = f"scales.{self.id}"
        for id in self.items:
            if id not in known:
                yield f"{where}: {_unknown('item', id, known)}"
        for id in _repeated(self.items):
            yield f"{where}: item '{id}' is named twice; name it once"
        if self.minimum >= self.maximum:
            yield f"{where}: minimum {self.minimum} is not below maximum {self.maximum}; swap or correct them"
        if self.digits < 0:
            yield f"{where}: digits is {self.digits}; give 0 or more decimals"
        yield from self._missing_faults(where)
        yield from self._band_faults(where)

    def _missing_faults(self, where: str) -> Iterator[str]:
        needed, n_items = self.missing.min_answered, len(self.items)
        if not 1 <= needed <= n_items:
            yield f"{where}: min_answered is {needed} for {n_items} items; give 1 to {n_items}"
        elif (needed < n_items) != (self.missing.fill is not None):
            yield (
                f"{where}: min_answered is {needed} of {n_items}, fill is {self.missing.fill or 'absent'}; "
                "say what stands in for a missing answer exactly when one may be missing"
            )

    def _band_faults(self, where: str) -> Iterator[str]:
        if not self.bands:
            return
        for id in _repeated(band.id for band in self.bands):
            yield f"{where}: band '{id}' is there twice; give each band its own id"
        for band in self.bands:
            if band.low > band.high:
                yield f"{where}: band '{band.id}' runs from {band.low} to {band.high}; swap or correct them"
        step = Decimal(1).scaleb(-self.digits)
        for lower, upper in pairwise(self.bands):
            start = _decimal(lower.high) + step
            if _decimal(upper.low) != start:
                fault = "overlap" if _decimal(upper.low) < start else "leave a hole"
                remedy = f"let '{upper.id}' start at {start}"
                yield f"{where}: bands '{lower.id}' and '{upper.id}' {fault}; {remedy}"
        if (self.bands[0].low, self.bands[-1].high) != (self.minimum, self.maximum):
            yield (
                f"{where}: bands run from {self.bands[0].low} to {self.bands[-1].high}; "
                f"let them cover the range {self.minimum} to {self.maximum}"
            )


@dataclass(frozen=True)
class Alert:
    """An answer that is shown to the worker at once, whatever the total."""

    id: str
    item: str
    at_least: int
    title: str
    text: str

    def faults(self, known: Mapping[str, Item]) -> Iterator[str]:
        """Yield what contradicts the instrument's items, each with its remedy."""
        item = known.get(self.item)
        if item is None:
            yield f"alerts.{self.id}: {_unknown('item', self.item, known)}"
        elif not item.accepts(self.at_least):
            yield f"alerts.{self.id}: {item.refusal(self.at_least)}"


@dataclass(frozen=True)
class WorkedExample:
    """Answers and what they must score, from a named source. An item that is not named was not answered."""

    id: str
    source: str
    responses: Mapping[str, int]
    scores: Mapping[str, float] = field(default_factory=dict)
    bands: Mapping[str, str] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)
    value_set: str | None = None

    def faults(self, items: Mapping[str, Item], scales: Mapping[str, Scale]) -> Iterator[str]:
        """Yield what contradicts the instrument, each with its remedy."""
        where = f"examples.{self.id}"
        for id, answer in self.responses.items():
            if id not in items:
                yield f"{where}: {_unknown('item', id, items)}"
            elif not items[id].accepts(answer):
                yield f"{where}: {items[id].refusal(answer)}"
        for id in {**self.scores, **self.bands, **self.reasons}:
            if id not in scales:
                yield f"{where}: {_unknown('scale', id, scales)}"


@dataclass(frozen=True)
class Instrument:
    """One version of one instrument: what is asked, how it is scored, who holds it, and worked examples.

    Raises
    ------
    BadDefinition
        When any part contradicts another; every fault is named with its id and its remedy.
    """

    id: str
    version: str
    title: str
    short_title: str
    construct: str
    domain: str
    language: str
    citation: str
    recall: str
    respondents: tuple[Literal["self", "proxy", "interviewer"], ...]
    minutes: int
    licence: Licence
    items: tuple[Item, ...]
    scales: tuple[Scale, ...]
    examples: tuple[WorkedExample, ...]
    doi: str | None = None
    intro: str | None = None
    stem: str | None = None
    alerts: tuple[Alert, ...] = ()

    def __post_init__(self) -> None:
        if faults := list(self._faults()):
            raise BadDefinition(faults)

    def __hash__(self) -> int:
        return hash((self.id, self.version))

    @cached_property
    def items_by_id(self) -> Mapping[str, Item]:
        """The items, by id."""
        return {item.id: item for item in self.items}

    @cached_property
    def scales_by_id(self) -> Mapping[str, Scale]:
        """The scales, by id."""
        return {scale.id: scale for scale in self.scales}

    def item(self, id: str) -> Item:
        """The item called `id`; KeyError if there is none."""
        return self.items_by_id[id]

    def scale(self, id: str) -> Scale:
        """The scale called `id`; KeyError if there is none."""
        return self.scales_by_id[id]

    def alerts_for(self, responses: Mapping[str, int | None]) -> tuple[Alert, ...]:
        """The alerts that these answers raise, however few of the items have been answered so far."""

        def raised(alert: Alert) -> bool:
            answer = responses.get(alert.item)
            return answer is not None and answer >= alert.at_least

        return tuple(alert for alert in self.alerts if raised(alert))

    def _faults(self) -> Iterator[str]:
        yield from self._identity_faults()
        yield from self._licence_faults()
        for item in self.items:
            yield from item.faults()
        for scale in self.scales:
            yield from scale.faults(self.items_by_id)
        for alert in self.alerts:
            yield from alert.faults(self.items_by_id)
        for example in self.examples:
            yield from example.faults(self.items_by_id, self.scales_by_id)
        yield from self._example_faults()

    def _identity_faults(self) -> Iterator[str]:
        if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", self.id):
            yield f"id: '{self.id}' is not an id; use small letters, digits and single hyphens"
        if not re.fullmatch(r"[1-9][0-9]*", self.version):
            yield f"version: '{self.version}' is not a version; use a whole number such as \"1\""
        for name in ("items", "scales", "alerts", "examples"):
            ids = [part.id for part in getattr(self, name)]
            for id in _repeated(ids):
                yield f"{name}.{id}: is there twice; give each its own id"
            for id in ids:
                if not re.fullmatch(r"[a-z][a-z0-9_-]*", id):
                    yield f"{name}.{id}: is not an id; use small letters, digits, hyphens and underscores"
        for name in ("items", "scales", "respondents"):
            if not getattr(self, name):
                yield f"{name}: there are none; add at least one"

    def _licence_faults(self) -> Iterator[str]:
        if self.licence.kind == "open":
            return
        remedy = f"the licence is {self.licence.kind}, so remove the wording and use a slot"
        for name in ("intro", "stem"):
            if getattr(self, name):
                yield f"{name}: has wording; {remedy}"
        for item in self.items:
            for words in item.wording:
                yield f"items.{item.id}: has wording ('{words}'); {remedy}"

    def _example_faults(self) -> Iterator[str]:
        proven = {id for example in self.examples for id in example.scores}
        for scale in self.scales:
            if scale.id not in proven:
                yield f"scales.{scale.id}: no worked example gives its score; add one with its source"


def _unknown(kind: str, id: str, known: Iterable[str]) -> str:
    return f"{kind} '{id}' is not in this instrument; use one of {', '.join(known)}"


def _repeated(values: Iterable[T]) -> list[T]:
    return [value for value, n in Counter(values).items() if n > 1]


def _decimal(value: float) -> Decimal:
    return Decimal(str(value))
