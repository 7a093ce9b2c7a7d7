"""From a TOML text to an `Instrument` that has been proved on its own worked examples.

The records in `definition` are the schema: their fields say which keys a table may have and of what kind.
"""

from __future__ import annotations

import inspect
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
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
    with named(source.name if isinstance(source, Path) else "definition"):
        instrument: Instrument = record(Instrument, table_of(source), "")
        faults = [*_name_faults(instrument, source), *_licence_faults(instrument), *_scoring_faults(instrument)]
        if faults:
            raise BadDefinition(faults)
        return instrument


@contextmanager
def named(name: str) -> Iterator[None]:
    """Put the file's name before each fault."""
    try:
        yield
    except BadDefinition as error:
        raise BadDefinition(f"{name}: {fault}" for fault in error.faults) from None


@contextmanager
def _noting(faults: list[str]) -> Iterator[None]:
    """Go on after a part that is wrong, so that every fault is told and not the first alone."""
    try:
        yield
    except BadDefinition as error:
        faults += error.faults


def table_of(source: str | Path) -> dict[str, Any]:
    """The fields of a TOML text or file, with the options of shared code lists written out."""
    try:
        text = source.read_bytes().decode("utf-8-sig") if isinstance(source, Path) else source
        table = tomllib.loads(text)
    except UnicodeDecodeError:
        raise BadDefinition([say("not-utf-8")]) from None
    except (ValueError, RecursionError) as error:  # a number of 5,000 figures is no TOMLDecodeError
        raise BadDefinition([say("not-toml", error=error)]) from None
    return _with_options(table)


@dataclass(frozen=True)
class _Coding:
    """A list of options that several items share."""

    id: str
    options: tuple[Option, ...]


def _with_options(table: dict[str, Any]) -> dict[str, Any]:
    """Write out the options of every item that names a code list instead of repeating it."""
    listed = _entries(_Coding, table.pop("codings", []), "codings")
    codings = {coding.id: coding.options for coding in listed}
    faults: list[str] = []
    items = table.get("items")
    for position, item in enumerate(items if isinstance(items, list) else ()):
        with _noting(faults):
            table["items"][position] = _item_with_options(item, codings)
    if faults:
        raise BadDefinition(faults)
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
    """One record from a table of a TOML text, checked against the record's own fields.

    Raises
    ------
    BadDefinition
        With every field that is unknown, missing or of the wrong kind.
    """
    if isinstance(table, kind):
        return table
    if not isinstance(table, dict):
        raise BadDefinition([say("not-a-table", where=where, value=table)])
    wanted = inspect.signature(kind).parameters
    prefix = f"{where}." if where else ""
    faults = [say("unknown-field", where=prefix + key, known=", ".join(wanted)) for key in table if key not in wanted]
    needed = [key for key, parameter in wanted.items() if parameter.default is parameter.empty]
    faults += [say("missing-field", where=prefix + key) for key in needed if key not in table]
    hints, values = get_type_hints(kind), {}
    for key in [key for key in table if key in wanted]:
        with _noting(faults):
            values[key] = _value(hints[key], table[key], prefix + key)
    if faults:
        raise BadDefinition(faults)
    return kind(**values)


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


def _entries(hint: Any, value: Any, where: str) -> Sequence[Any]:
    if not isinstance(value, list):
        raise BadDefinition([say("not-a-list", where=where, value=value)])
    faults: list[str] = []
    entries = []
    for position, entry in enumerate(value, start=1):
        with _noting(faults):
            entries.append(_value(hint, entry, f"{where}.{_name(entry, position)}"))
    if faults:
        raise BadDefinition(faults)
    return entries


def _name(entry: Any, position: int) -> str | int:
    """What a message calls an entry of a list: its id, the code of an option, or else its place."""
    named = [entry.get(key) for key in ("id", "code")] if isinstance(entry, dict) else []
    return next((name for name in named if isinstance(name, str | int)), position)


def _mapping(hint: Any, value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise BadDefinition([say("not-a-table", where=where, value=value)])
    faults: list[str] = []
    entries = {}
    for key, entry in value.items():
        with _noting(faults):
            entries[key] = _value(hint, entry, f"{where}.{key}")
    if faults:
        raise BadDefinition(faults)
    return entries


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


def _licence_faults(instrument: Instrument) -> Iterator[str]:
    """Yield words that their licence keeps out of a definition; an administrator adds them by `wording`."""
    kind = instrument.licence.kind
    if kind == "open":
        return
    for name in ("intro", "stem"):
        if getattr(instrument, name):
            yield say("wording-not-ours", where=name, quoted="", kind=kind)
    for item in instrument.items:
        for words in item.wording:
            yield say("wording-not-ours", where=f"items.{item.id}", quoted=f" ('{words}')", kind=kind)


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
