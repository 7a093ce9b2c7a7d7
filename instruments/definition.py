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

from .messages import say

T = TypeVar("T")


class BadDefinition(ValueError):
    """A definition that contradicts itself; `faults` has one line for each fault."""

    def __init__(self, faults: Iterable[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(self.faults))


@dataclass(frozen=True)
class Licence:
    """Who holds the wording and on what terms it may be shown; only `open` wording stands in a definition's file."""

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


class Condition(NamedTuple):
    """When an item is asked at all: only if an earlier one is answered with at least so much; else it counts as 0."""

    item: str
    at_least: int

    def is_met(self, responses: Mapping[str, int | None]) -> bool:
        """Whether the item is asked, given these answers; it is as long as the earlier item has none."""
        earlier = responses.get(self.item)
        return earlier is None or earlier >= self.at_least


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
    asked_if: Condition | None = None
    loinc: str | None = None

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

    def is_asked(self, responses: Mapping[str, int | None]) -> bool:
        """Whether the item is to be asked of somebody who gave these answers."""
        return self.asked_if is None or self.asked_if.is_met(responses)

    def refusal(self, where: str, value: object) -> str:
        """What to say of an answer that the item does not take."""
        return say("not-an-answer", where=where, value=value, item=self.id, allowed=self.allowed)

    @property
    def wording(self) -> tuple[str, ...]:
        """Every piece of the holder's wording that the item carries."""
        labels = (option.label for option in self.options)
        return tuple(words for words in (self.text, self.low_label, self.high_label, *labels) if words)

    def faults(self, earlier: Iterable[str]) -> Iterator[str]:
        """Yield what contradicts itself or the items before it, each with its remedy."""
        where = f"items.{self.id}"
        if (self.text is None) == (self.slot is None):
            yield say("text-or-slot", where=where)
        if self.asked_if and self.asked_if.item not in earlier:
            yield say("asked-if-later", where=where, item=self.asked_if.item)
        yield from self._choice_faults(where) if self.kind == "choice" else self._range_faults(where)

    def _choice_faults(self, where: str) -> Iterator[str]:
        if len(self.options) < 2:
            yield say("few-options", where=where, n=len(self.options))
        if (self.minimum, self.maximum) != (None, None):
            yield say("choice-with-range", where=where)
        for code in repeated(option.code for option in self.options):
            yield say("same-code", where=where, code=code)

    def _range_faults(self, where: str) -> Iterator[str]:
        if self.options:
            yield say("range-with-options", where=where, kind=self.kind)
        if self.minimum is None or self.maximum is None:
            yield say("no-range", where=where, kind=self.kind)
        elif self.minimum >= self.maximum:
            yield say("range-backwards", where=where, low=self.minimum, high=self.maximum)


@dataclass(frozen=True)
class Missing:
    """How many of a scale's items must be answered, what then stands in for the others, and who says so.

    `codes` are answers that count as not answered ("does not apply"). `min_of_form` is how many items of the
    whole form must be answered for any score.
    """

    min_answered: int
    source: str
    fill: Literal["mean", "zero"] | None = None
    codes: tuple[int, ...] = ()
    min_of_form: int = 0


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
class Recode:
    """Each code of these items becomes another before scoring; every code must be named (TOML keys are words)."""

    items: tuple[str, ...]
    codes: Mapping[str, int]


class Linear(NamedTuple):
    """(x - subtract) * multiply."""

    subtract: float
    multiply: float


class Ages(NamedTuple):
    """The ages for which the scale was made, both ends included, in whole years."""

    lowest: int
    highest: int


@dataclass(frozen=True)
class Scale:
    """One score: which items, by which method, over what range, and which way is better.

    The steps are always taken in this order: answers that count as missing, `reverse` and `recode`, the missing
    rule, `method`, `cap`, `linear`, `table`, rounding half-up to `digits`. A scale with a value set states the
    range of its default set; another has its own.
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
    reverse: tuple[str, ...] = ()
    recode: tuple[Recode, ...] = ()
    cap: float | None = None
    linear: Linear | None = None
    table: Mapping[str, float] = field(default_factory=dict)
    ages: Ages | None = None

    def band(self, value: float) -> str | None:
        """The id of the band that holds `value`, or None for a scale without bands."""
        return next((band.id for band in self.bands if band.low <= value <= band.high), None)

    def translation(self, item: Item) -> Mapping[int, int | None]:
        """What each answer to one of the items counts as before scoring; None where it counts as missing."""
        codes: dict[int, int | None] = {code: code for code in item.codes}
        if item.id in self.reverse:
            codes = {code: min(item.codes) + max(item.codes) - code for code in codes}
        for recode in self.recode:
            if item.id in recode.items:
                codes = {code: recode.codes[str(code)] for code in codes}
        return codes | {code: None for code in self.missing.codes if code in codes}

    def faults(self, known: Mapping[str, Item]) -> Iterator[str]:
        """Yield what contradicts itself or the instrument's items, each with its remedy."""
        where = f"scales.{self.id}"
        for id in self.items:
            if id not in known:
                yield _unknown(where, "item", id, known)
        for id in repeated(self.items):
            yield say("item-twice", where=where, id=id)
        if self.minimum >= self.maximum:
            yield say("range-backwards", where=where, low=self.minimum, high=self.maximum)
        if self.digits < 0:
            yield say("negative-digits", where=where, digits=self.digits)
        if self.ages and self.ages.lowest > self.ages.highest:
            yield say("ages-backwards", where=where, low=self.ages.lowest, high=self.ages.highest)
        yield from self._missing_faults(where, len(known))
        yield from self._change_faults(where, known)
        yield from self._band_faults(where)

    def _missing_faults(self, where: str, n_of_form: int) -> Iterator[str]:
        needed, n_items, fill = self.missing.min_answered, len(self.items), self.missing.fill
        if not 1 <= needed <= n_items:
            yield say("min-answered", where=where, n=needed, n_items=n_items)
        elif (needed < n_items) != (fill is not None):
            yield say("fill", where=where, n=needed, n_items=n_items, fill=fill or "absent")
        if not 0 <= self.missing.min_of_form <= n_of_form:
            yield say("min-of-form", where=where, n=self.missing.min_of_form, n_items=n_of_form)
        if fill == "mean" and self.table:
            yield say("table-with-fill", where=where)

    def _change_faults(self, where: str, known: Mapping[str, Item]) -> Iterator[str]:
        changed = [*self.reverse, *(id for recode in self.recode for id in recode.items)]
        for id in repeated(changed):
            yield say("reversed-and-recoded", where=where, id=id)
        for id in changed:
            if id not in self.items:
                yield say("not-of-this-scale", where=where, id=id, known=", ".join(self.items))
        for recode in self.recode:
            for id in set(recode.items) & set(known):
                absent = [code for code in known[id].codes if str(code) not in recode.codes]
                if absent:
                    yield say("not-recoded", where=where, codes=", ".join(map(str, absent)), id=id)

    def _band_faults(self, where: str) -> Iterator[str]:
        if not self.bands:
            return
        for id in repeated(band.id for band in self.bands):
            yield say("band-twice", where=where, id=id)
        for band in self.bands:
            if band.low > band.high:
                yield say("band-backwards", where=where, id=band.id, low=band.low, high=band.high)
        for lower, upper in pairwise(self.bands):
            start = _decimal(lower.high) + Decimal(1).scaleb(-self.digits)
            if _decimal(upper.low) != start:
                fault = "overlap" if _decimal(upper.low) < start else "leave a hole"
                yield say("bands-apart", where=where, lower=lower.id, upper=upper.id, fault=fault, start=start)
        low, high = self.bands[0].low, self.bands[-1].high
        if (low, high) != (self.minimum, self.maximum):
            yield say("bands-short", where=where, low=low, high=high, minimum=self.minimum, maximum=self.maximum)


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
            yield _unknown(f"alerts.{self.id}", "item", self.item, known)
        elif not item.accepts(self.at_least):
            yield item.refusal(f"alerts.{self.id}", self.at_least)


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
    age: int | None = None
    sex: Literal["female", "male"] | None = None

    def faults(self, items: Mapping[str, Item], scales: Mapping[str, Scale]) -> Iterator[str]:
        """Yield what contradicts the instrument, each with its remedy."""
        where = f"examples.{self.id}"
        for id, answer in self.responses.items():
            if id not in items:
                yield _unknown(where, "item", id, items)
            elif not items[id].accepts(answer):
                yield items[id].refusal(where, answer)
        for id in {**self.scores, **self.bands, **self.reasons}:
            if id not in scales:
                yield _unknown(where, "scale", id, scales)


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
    loinc: str | None = None

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
        for position, item in enumerate(self.items):
            yield from item.faults([each.id for each in self.items[:position]])
        for scale in self.scales:
            yield from scale.faults(self.items_by_id)
        for alert in self.alerts:
            yield from alert.faults(self.items_by_id)
        for example in self.examples:
            yield from example.faults(self.items_by_id, self.scales_by_id)
        yield from self._example_faults()

    def _identity_faults(self) -> Iterator[str]:
        if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", self.id):
            yield say("bad-id", where="id", id=self.id)
        if not re.fullmatch(r"[1-9][0-9]*", self.version):
            yield say("bad-version", where="version", version=self.version)
        for name in ("items", "scales", "alerts", "examples"):
            ids = [part.id for part in getattr(self, name)]
            for id in repeated(ids):
                yield say("twice", where=f"{name}.{id}")
            for id in ids:
                if not re.fullmatch(r"[a-z][a-z0-9_-]*", id):
                    yield say("bad-part-id", where=f"{name}.{id}")
        for name in ("items", "scales", "respondents"):
            if not getattr(self, name):
                yield say("none-at-all", where=name)

    def _example_faults(self) -> Iterator[str]:
        proven = {id for example in self.examples for id in example.scores}
        for scale in self.scales:
            if scale.id not in proven:
                yield say("not-proven", where=f"scales.{scale.id}")


def _unknown(where: str, kind: str, id: str, known: Iterable[str]) -> str:
    return say("unknown-part", where=where, kind=kind, id=id, known=", ".join(known))


def repeated(values: Iterable[T]) -> list[T]:
    return [value for value, n in Counter(values).items() if n > 1]


def _decimal(value: float) -> Decimal:
    return Decimal(str(value))
