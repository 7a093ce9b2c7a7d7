"""From a TOML text to an `Instrument` that has been proved on its own worked examples.

The records in `definition` are the schema: their fields say which keys a table may have and of what kind.
"""

from __future__ import annotations

import inspect
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from . import value_sets
from .definition import BadDefinition, Instrument, Option, Scale, WorkedExample
from .messages import say
from .scoring import METHODS, VALUED, Number, rounded, score, steps_after
from .value_sets import UnknownValueSet

ACTIVITY = frozenset({"met_minutes", "activity_level"})
_WORDS = {str: "words", int: "a whole number", float: "a number"}


def from_toml(source: str | Path) -> Instrument:
    """Read one instrument from a TOML text, or from a file named `<id>-<version>.toml`.

    Raises
    ------
    BadDefinition
        When the text is not TOML, a field is missing, unknown or of the wrong kind, parts contradict each
        other, or a worked example does not score as it says. Each line names file, id, fault and remedy.
    """
    name = source.name if isinstance(source, Path) else "definition"
    try:
        text = source.read_text(encoding="utf-8") if isinstance(source, Path) else source
        instrument = record(Instrument, _with_options(tomllib.loads(text)), "")
        if faults := [*_name_faults(instrument, source), *_scoring_faults(instrument)]:
            raise BadDefinition(faults)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadDefinition([f"{name}: {say('not-toml', error=error)}"]) from None
    except BadDefinition as error:
        raise BadDefinition(f"{name}: {fault}" for fault in error.faults) from None
    return instrument  # type: ignore[no-any-return]  # `record` makes what it is asked to make


@dataclass(frozen=True)
class _Coding:
    """A list of options that several items share."""

    id: str
    options: tuple[Option, ...]


def _with_options(table: dict[str, Any]) -> dict[str, Any]:
    """Write out the options of every item that names a code list instead of repeating it."""
    listed = _entries(_Coding, table.pop("codings", []), "codings")
    codings = {coding.id: coding.options for coding in listed}
    if isinstance(table.get("items"), list):
        table["items"] = [_item_with_options(item, codings) for item in table["items"]]
    return table


def _item_with_options(item: Any, codings: Mapping[str, tuple[Option, ...]]) -> Any:
    if not isinstance(item, dict) or "coding" not in item:
        return item
    rest = {key: value for key, value in item.items() if key != "coding"}
    coding = _plain(str, item["coding"], f"items.{item.get('id')}.coding")
    if "options" in item:
        raise BadDefinition([say("options-and-coding", where=f"items.{item.get('id')}")])
    if coding not in codings:
        remedy = f"use one of {', '.join(codings)}" if codings else "add it under codings"
        raise BadDefinition([say("unknown-coding", where=f"items.{item.get('id')}", coding=coding, remedy=remedy)])
    return rest | {"options": [replace(option, coding=coding) for option in codings[coding]]}


def record(kind: type, table: Any, where: str) -> Any:
    """A record of this kind from a table of a file; the record's fields say which keys it may have, and of what kind.

    Raises
    ------
    BadDefinition
        When a field is missing, unknown or of the wrong kind; `where` is the path to the table inside the file.
    """
    if isinstance(table, kind):
        return table
    if not isinstance(table, dict):
        raise BadDefinition([say("not-a-table", where=where, value=table)])
    wanted = inspect.signature(kind).parameters
    prefix = f"{where}." if where else ""
    for key in table:
        if key not in wanted:
            raise BadDefinition([say("unknown-field", where=prefix + key, known=", ".join(wanted))])
    for key, parameter in wanted.items():
        if key not in table and parameter.default is parameter.empty:
            raise BadDefinition([say("missing-field", where=prefix + key)])
    hints = get_type_hints(kind)
    return kind(**{key: _value(hints[key], value, prefix + key) for key, value in table.items()})


def _value(hint: Any, value: Any, where: str) -> Any:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        (hint,) = (argument for argument in arguments if argument is not NoneType)
        return _value(hint, value, where)
    if origin is Literal:
        return _one_of(arguments, value, where)
    if origin is tuple:
        return tuple(_entries(arguments[0], value, where))
    if origin is not None:
        return _mapping(arguments[1], value, where)
    return _plain(hint, value, where) if hint in _WORDS else record(hint, value, where)


def _one_of(allowed: tuple[str, ...], value: Any, where: str) -> Any:
    if value not in allowed:
        raise BadDefinition([say("not-allowed", where=where, value=value, allowed=", ".join(allowed))])
    return value


def _entries(hint: Any, value: Any, where: str) -> Iterator[Any]:
    if not isinstance(value, list):
        raise BadDefinition([say("not-a-list", where=where, value=value)])
    for position, entry in enumerate(value, start=1):
        id = entry.get("id", position) if isinstance(entry, dict) else position
        yield _value(hint, entry, f"{where}.{id}")


def _mapping(hint: Any, value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise BadDefinition([say("not-a-table", where=where, value=value)])
    return {key: _value(hint, entry, f"{where}.{key}") for key, entry in value.items()}


def _plain(hint: type, value: Any, where: str) -> Any:
    fits = (int, float) if hint is float else hint
    if not isinstance(value, fits) or isinstance(value, bool):
        raise BadDefinition([say("wrong-kind", where=where, wanted=_WORDS[hint], value=value)])
    if isinstance(value, str) and not value.strip():
        raise BadDefinition([say("empty", where=where)])
    return value


def _name_faults(instrument: Instrument, source: str | Path) -> Iterator[str]:
    wanted = f"{instrument.id}-{instrument.version}.toml"
    if isinstance(source, Path) and source.name != wanted:
        yield say("misnamed", wanted=wanted)


def _scoring_faults(instrument: Instrument) -> list[str]:
    faults = [fault for scale in instrument.scales for fault in _method_faults(instrument, scale)]
    return faults or [fault for example in instrument.examples for fault in _example_faults(instrument, example)]


def _method_faults(instrument: Instrument, scale: Scale) -> Iterator[str]:
    shape = list(_shape_faults(scale))
    yield from shape
    if shape:
        return
    if scale.method in VALUED:
        yield from _value_set_faults(instrument, scale)
    elif scale.value_set is not None:
        yield say("no-value-set", where=f"scales.{scale.id}", method=scale.method)
    elif scale.method not in ACTIVITY:
        yield from _reach_faults(instrument, scale)


def _shape_faults(scale: Scale) -> Iterator[str]:
    """Yield what the method cannot take: its name, its parameters, the number of items."""
    where, n = f"scales.{scale.id}", len(scale.items)
    if scale.method not in METHODS:
        yield say("unknown-method", where=where, method=scale.method, known=", ".join(METHODS))
        return
    taken = set(inspect.signature(METHODS[scale.method]).parameters) - {"answers", "value_set", "person"}
    for name in sorted(set(scale.parameters) - taken):
        yield say("unknown-parameter", where=where, method=scale.method, name=name)
    for name in sorted(taken - set(scale.parameters)):
        yield say("missing-parameter", where=where, method=scale.method, name=name)
    if scale.method == "item" and n != 1:
        yield say("one-item", where=where, n=n)
    if scale.method in ACTIVITY and n != 6:
        yield say("six-items", where=where, method=scale.method, n=n)


def _value_set_faults(instrument: Instrument, scale: Scale) -> Iterator[str]:
    where = f"scales.{scale.id}"
    if scale.missing.min_answered != len(scale.items):
        yield say("value-needs-all", where=where, n=len(scale.items))
    if scale.value_set is None:
        return
    try:
        default = value_sets.load(scale.value_set, instrument.id)
    except UnknownValueSet as error:
        yield say("as-said", where=where, what=error)
        return
    if default.dimensions != scale.items:
        yield say("other-dimensions", where=where, id=default.id, known=", ".join(default.dimensions))
    yield from _range_faults(scale, default.minimum, default.maximum)


def _reach_faults(instrument: Instrument, scale: Scale) -> Iterator[str]:
    """Yield where the stated range, or the table, is not what the items' answers can give."""
    codes = [_counted(scale, instrument, id) for id in scale.items]
    low, high = (METHODS[scale.method]([end(each) for each in codes], **scale.parameters) for end in (min, max))
    *before, last = (*steps_after(scale),) or (_as_it_is,)
    for step in before:
        low, high = sorted(map(step, (low, high)))
    ends = range(int(low), int(high) + 1) if scale.table else (low, high)
    try:
        reached = [rounded(last(number), scale.digits) for number in ends]
    except KeyError as error:
        yield say("not-in-table", where=f"scales.{scale.id}", number=error.args[0], low=int(low), high=int(high))
        return
    yield from _range_faults(scale, min(reached), max(reached))


def _counted(scale: Scale, instrument: Instrument, id: str) -> list[int]:
    counted = [code for code in scale.translation(instrument.item(id)).values() if code is not None]
    return [0, *counted] if scale.missing.fill == "zero" or instrument.item(id).asked_if else counted


def _as_it_is(number: Number) -> Number:
    return number


def _range_faults(scale: Scale, low: float, high: float) -> Iterator[str]:
    if (scale.minimum, scale.maximum) != (low, high):
        facts = {"minimum": scale.minimum, "maximum": scale.maximum, "low": low, "high": high}
        yield say("range", where=f"scales.{scale.id}", **{name: f"{number:g}" for name, number in facts.items()})


def _example_faults(instrument: Instrument, example: WorkedExample) -> Iterator[str]:
    where = f"examples.{example.id}"
    try:
        scores = score(instrument, example.responses, value_set=example.value_set, age=example.age, sex=example.sex)
    except UnknownValueSet as error:
        yield say("as-said", where=where, what=error)
        return
    for field, expected in (("value", example.scores), ("band", example.bands), ("reason", example.reasons)):
        for id, wanted in expected.items():
            got = getattr(scores[id], field)
            if got != wanted:
                yield say("example-fails", where=where, id=id, field=field, got=got, wanted=wanted)
