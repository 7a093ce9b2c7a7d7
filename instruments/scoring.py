"""From answers to scores. The caseload screen, the export and the analysis all score with `score`.

A scoring method is one plain function in `METHODS`; a definition names one and can do nothing else.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

from . import value_sets
from .definition import Instrument, Scale
from .value_sets import ValueSet

Number = int | Fraction | Decimal

REASONS: Mapping[str, str] = {
    "too-few-answers": "too few items were answered",
    "no-value-set": "no value set was named and the instrument has no default",
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


def _sum(answers: Sequence[Number]) -> Number:
    return sum(answers)


def _item(answers: Sequence[Number]) -> Number:
    (answer,) = answers
    return answer


def _additive(answers: Sequence[int], *, value_set: ValueSet) -> Number:
    return value_set.value(answers)


METHODS: Mapping[str, Callable[..., Number]] = {"sum": _sum, "item": _item, "additive": _additive}
VALUED = frozenset(name for name, method in METHODS.items() if "value_set" in inspect.signature(method).parameters)


def _mean(answered: Sequence[int]) -> Fraction:
    return Fraction(sum(answered), len(answered))


FILLS: Mapping[str, Callable[[Sequence[int]], Number]] = {"mean": _mean}


def score(
    instrument: Instrument, responses: Mapping[str, int | None], *, value_set: str | None = None
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
    return {scale.id: _score(instrument.id, scale, responses, value_set) for scale in instrument.scales}


def _check(instrument: Instrument, responses: Mapping[str, int | None]) -> None:
    items = instrument.items_by_id
    for id, answer in responses.items():
        if id not in items:
            raise BadResponse(f"{instrument.id}.{id}: is not an item; allowed: {', '.join(items)}")
        if answer is not None and not items[id].accepts(answer):
            raise BadResponse(f"{instrument.id}.{id}: {answer!r} is not an answer; allowed: {items[id].allowed}")


def _score(instrument_id: str, scale: Scale, responses: Mapping[str, int | None], value_set: str | None) -> Score:
    answers = _filled(scale, [responses.get(id) for id in scale.items])
    if scale.method not in VALUED:
        return _result(scale, answers)
    chosen = scale.value_set if value_set is None else value_set
    if chosen is None:
        return Score(None, "no-value-set")
    return _result(scale, answers, value_sets.load(chosen, instrument_id))


def _filled(scale: Scale, answers: Sequence[int | None]) -> Sequence[Number] | None:
    """Return the answers, missing ones filled as the scale's rule says, or None where it allows no score."""
    if None not in answers:
        return answers  # type: ignore[return-value]  # no None is left in it
    answered = [answer for answer in answers if answer is not None]
    if len(answered) < scale.missing.min_answered or scale.missing.fill is None:
        return None
    stand_in = FILLS[scale.missing.fill](answered)
    return [stand_in if answer is None else answer for answer in answers]


def _result(scale: Scale, answers: Sequence[Number] | None, value_set: ValueSet | None = None) -> Score:
    used = value_set.id if value_set else None
    if answers is None:
        return Score(None, "too-few-answers", value_set=used)
    extra = {"value_set": value_set} if value_set else {}
    value = rounded(METHODS[scale.method](answers, **scale.parameters, **extra), scale.digits)
    return Score(value, band=scale.band(value), value_set=used)


def rounded(value: Number, digits: int) -> float:
    """Round an exact number half-up (away from zero on a tie) to `digits` decimals."""
    if isinstance(value, int):
        return float(value)
    exact = Decimal(value.numerator) / value.denominator if isinstance(value, Fraction) else value
    return float(exact.quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_UP))
