"""From answers to scores. The caseload screen, the export and the analysis all score with `score`.

The vocabulary is closed: a definition names a method of `METHODS`, a fill of `FILLS` and the steps that
`definition.Scale` lists, and can do nothing else.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Any, NamedTuple

from . import value_sets
from .activity import NotPlausible, activity_level, met_minutes
from .definition import Condition, Instrument, Scale
from .value_sets import NoValue

Number = int | Fraction | Decimal
Responses = Mapping[str, int | None]

REASONS: Mapping[str, str] = {
    "too-few-answers": "too few items were answered",
    "no-value-set": "no value set was named and the instrument has no default",
    "no-table": "the value set needs a table that is not installed",
    "out-of-age-range": "the person's age is outside the range that the scale or the value set is made for",
    "age-or-sex-missing": "the value set needs age and sex",
    "not-plausible": "the answers cannot all be right, and the instrument's rule excludes them",
}


class BadResponse(ValueError):
    """An answer that the instrument does not take."""


@dataclass(frozen=True, slots=True)
class Score:
    """One scale's score, or the reason why there is none (a key of `REASONS`)."""

    value: float | None
    reason: str | None = None
    band: str | None = None
    value_set: str | None = None


class Person(NamedTuple):
    """What some rules need to know of who answered: age in whole years and sex, None where not known."""

    age: int | None = None
    sex: str | None = None


def _sum(answers: Sequence[Number]) -> Number:
    return sum(answers)


def _mean(answers: Sequence[Number]) -> Number:
    return sum((Fraction(answer) for answer in answers), Fraction(0)) / len(answers)


def _item(answers: Sequence[Number]) -> Number:
    (answer,) = answers
    return answer


def _count(answers: Sequence[Number], *, at_least: float) -> Number:
    return sum(answer >= at_least for answer in answers)


def _additive(answers: Sequence[int], *, value_set: value_sets.ValueSet, person: Person) -> Number:
    return value_set.value(answers, *(person if value_set.needs_person else ()))


METHODS: Mapping[str, Callable[..., Number]] = {
    "sum": _sum,
    "mean": _mean,
    "item": _item,
    "count": _count,
    "additive": _additive,
    "met_minutes": met_minutes,
    "activity_level": activity_level,
}
VALUED = frozenset(name for name, method in METHODS.items() if "value_set" in inspect.signature(method).parameters)


def _zero(_: Sequence[int]) -> int:
    return 0


FILLS: Mapping[str, Callable[[Sequence[int]], Number]] = {"mean": _mean, "zero": _zero}


def score(
    instrument: Instrument,
    responses: Responses,
    *,
    value_set: str | None = None,
    age: int | None = None,
    sex: str | None = None,
) -> dict[str, Score]:
    """Score every scale of an instrument from one person's answers.

    An item that is None or absent was not answered; each scale's missing rule says what follows.

    Parameters
    ----------
    instrument
        The definition.
    responses
        Item id to the code of the answer, or None.
    value_set
        Which value set to use on the scales that need one, in place of their default; other scales ignore it.
    age, sex
        Of who answered, in whole years and "female" or "male". Only rules that need them look at them: a scale
        made for some ages gives no score outside them, and one when the age is not known; a value set by age
        and sex gives none without both.

    Returns
    -------
    dict
        Scale id to `Score`, in the instrument's order, every scale present.

    Raises
    ------
    BadResponse
        When an item is not in the instrument or does not take that answer.
    UnknownValueSet
        When the value set is not there or values another instrument.
    """
    _check(instrument, responses)
    person = Person(age, sex)
    return {rule.scale.id: _score(rule, responses, value_set, person) for rule in _rules(instrument)}


def _check(instrument: Instrument, responses: Responses) -> None:
    items = instrument.items_by_id
    for id, answer in responses.items():
        if id not in items:
            raise BadResponse(f"{instrument.id}.{id}: is not an item; allowed: {', '.join(items)}")
        if answer is not None and not items[id].accepts(answer):
            raise BadResponse(f"{instrument.id}.{id}: {answer!r} is not an answer; allowed: {items[id].allowed}")


class _Rule(NamedTuple):
    """A scale with its steps worked out once: what each answer counts as, and what follows the method."""

    instrument: str
    scale: Scale
    counts_as: tuple[Mapping[int, int | None], ...] | None
    conditions: Mapping[str, Condition]
    after: tuple[Callable[[Number], Number], ...]
    known: dict[tuple[object, ...], Score]
    """Scores of answers that were met before: of 100,000 people many share a profile, and there are 3,125."""


MOST_KNOWN = 20_000


@lru_cache(maxsize=256)
def _rules(instrument: Instrument) -> tuple[_Rule, ...]:
    return tuple(_rule(instrument, scale) for scale in instrument.scales)


def _rule(instrument: Instrument, scale: Scale) -> _Rule:
    items = [instrument.item(id) for id in scale.items]
    changed = scale.reverse or scale.recode or scale.missing.codes
    counts_as = tuple(scale.translation(item) for item in items) if changed else None
    conditions = {item.id: item.asked_if for item in items if item.asked_if}
    return _Rule(instrument.id, scale, counts_as, conditions, steps_after(scale), {})


def steps_after(scale: Scale) -> tuple[Callable[[Number], Number], ...]:
    """What is done with the method's number before rounding: cap, linear change, table, as the scale names them."""
    steps: list[Callable[[Number], Number]] = []
    if scale.cap is not None:
        cap = _exact(scale.cap)
        steps.append(lambda number: min(Fraction(number), cap))
    if scale.linear is not None:
        subtract, multiply = map(_exact, scale.linear)
        steps.append(lambda number: (Fraction(number) - subtract) * multiply)
    if scale.table:
        table = {_exact(key): _exact(entry) for key, entry in scale.table.items()}
        steps.append(lambda number: table[Fraction(number)])
    return tuple(steps)


def _exact(number: float | str) -> Fraction:
    return Fraction(str(number))


def _score(rule: _Rule, responses: Responses, value_set: str | None, person: Person) -> Score:
    scale, valued = rule.scale, None
    used = (scale.value_set if value_set is None else value_set) if scale.method in VALUED else None
    if scale.method in VALUED:
        if used is None:
            return Score(None, "no-value-set")
        valued = value_sets.load(used, rule.instrument)
    if scale.ages and person.age is not None and not scale.ages.lowest <= person.age <= scale.ages.highest:
        return Score(None, "out-of-age-range", value_set=used)
    answers = _answers(rule, responses)
    if answers is None:
        return Score(None, "too-few-answers", value_set=used)
    if valued is not None and valued.needs_person:
        return _result(rule, answers, used, {"value_set": valued, "person": person})
    return _known(rule, answers, used, {} if valued is None else {"value_set": valued, "person": person})


def _known(rule: _Rule, answers: Sequence[Number], used: str | None, extra: Mapping[str, Any]) -> Score:
    """The score of the same answers before, where they were met."""
    met = (used, *answers)
    found = rule.known.get(met)
    if found is None:
        found = _result(rule, answers, used, extra)
        if len(rule.known) < MOST_KNOWN:
            rule.known[met] = found
    return found


def _answers(rule: _Rule, responses: Responses) -> Sequence[Number] | None:
    """Return what the answers count as, missing ones filled as the rule says, or None where it allows no score."""
    answers: list[int | None] = [responses.get(id) for id in rule.scale.items]
    if rule.conditions:
        answers = [_asked(rule, responses, id, answer) for id, answer in zip(rule.scale.items, answers, strict=True)]
    if rule.counts_as:
        pairs = zip(rule.counts_as, answers, strict=True)
        answers = [None if answer is None else counts_as[answer] for counts_as, answer in pairs]
    missing = rule.scale.missing
    if missing.min_of_form and sum(answer is not None for answer in responses.values()) < missing.min_of_form:
        return None
    if None not in answers:
        return answers  # type: ignore[return-value]  # no None is left in it
    answered = [answer for answer in answers if answer is not None]
    if len(answered) < missing.min_answered or missing.fill is None:
        return None
    stand_in = FILLS[missing.fill](answered)
    return [stand_in if answer is None else answer for answer in answers]


def _asked(rule: _Rule, responses: Responses, id: str, answer: int | None) -> int | None:
    condition = rule.conditions.get(id)
    return answer if condition is None or condition.is_met(responses) else 0


def _result(rule: _Rule, answers: Sequence[Number], used: str | None, extra: Mapping[str, Any]) -> Score:
    scale = rule.scale
    try:
        number = METHODS[scale.method](answers, **scale.parameters, **extra)
    except NoValue as none:
        return Score(None, none.reason, value_set=used)
    except NotPlausible:
        return Score(None, "not-plausible", value_set=used)
    for step in rule.after:
        number = step(number)
    value = rounded(number, scale.digits)
    return Score(value, band=scale.band(value), value_set=used)


def rounded(value: Number, digits: int) -> float:
    """Round an exact number half-up (away from zero on a tie) to `digits` decimals."""
    if isinstance(value, int):
        return float(value)
    exact = Decimal(value.numerator) / value.denominator if isinstance(value, Fraction) else value
    return float(exact.quantize(_last_digit(digits), rounding=ROUND_HALF_UP))


@lru_cache(maxsize=32)
def _last_digit(digits: int) -> Decimal:
    return Decimal(1).scaleb(-digits)
