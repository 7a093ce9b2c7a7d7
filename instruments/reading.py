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
from .scoring import METHODS, VALUED, score
from .value_sets import UnknownValueSet

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
        instrument = _record(Instrument, _with_options(tomllib.loads(text)), "")
        if faults := [*_name_faults(instrument, source), *_scoring_faults(instrument)]:
            raise BadDefinition(faults)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadDefinition([f"{name}: is not TOML ({error}); correct the line"]) from None
    except BadDefinition as error:
        raise BadDefinition(f"{name}: {fault}" for fault in error.faults) from None
    return instrument  # type: ignore[no-any-return]  # _record makes what it is asked to make


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
        raise BadDefinition([f"items.{item.get('id')}: has both options and coding; give one of them"])
    if coding not in codings:
        remedy = f"use one of {', '.join(codings)}" if codings else "add it under codings"
        raise BadDefinition([f"items.{item.get('id')}: coding '{coding}' is not in this file; {remedy}"])
    return rest | {"options": [replace(option, coding=coding) for option in codings[coding]]}


def _record(kind: type, table: Any, where: str) -> Any:
    if isinstance(table, kind):
        return table
    if not isinstance(table, dict):
        raise BadDefinition([f"{where}: must be a table, not {table!r}; write it as key = value"])
    wanted = inspect.signature(kind).parameters
    prefix = f"{where}." if where else ""
    for key in table:
        if key not in wanted:
            raise BadDefinition([f"{prefix}{key}: is not a known field; use one of {', '.join(wanted)}"])
    for key, parameter in wanted.items():
        if key not in table and parameter.default is parameter.empty:
            raise BadDefinition([f"{prefix}{key}: is missing; add it"])
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
    return _plain(hint, value, where) if hint in _WORDS else _record(hint, value, where)


def _one_of(allowed: tuple[str, ...], value: Any, where: str) -> Any:
    if value not in allowed:
        raise BadDefinition([f"{where}: unexpected value {value!r}; allowed: {', '.join(allowed)}"])
    return value


def _entries(hint: Any, value: Any, where: str) -> Iterator[Any]:
    if not isinstance(value, list):
        raise BadDefinition([f"{where}: must be a list, not {value!r}; put it in square brackets"])
    for position, entry in enumerate(value, start=1):
        id = entry.get("id", position) if isinstance(entry, dict) else position
        yield _value(hint, entry, f"{where}.{id}")


def _mapping(hint: Any, value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise BadDefinition([f"{where}: must be a table, not {value!r}; write it as key = value"])
    return {key: _value(hint, entry, f"{where}.{key}") for key, entry in value.items()}


def _plain(hint: type, value: Any, where: str) -> Any:
    fits = (int, float) if hint is float else hint
    if not isinstance(value, fits) or isinstance(value, bool):
        raise BadDefinition([f"{where}: must be {_WORDS[hint]}, not {value!r}; correct it"])
    if isinstance(value, str) and not value.strip():
        raise BadDefinition([f"{where}: is empty; write it or leave the line out"])
    return value


def _name_faults(instrument: Instrument, source: str | Path) -> Iterator[str]:
    wanted = f"{instrument.id}-{instrument.version}.toml"
    if isinstance(source, Path) and source.name != wanted:
        yield f"id and version say {wanted}; rename the file or correct them"


def _scoring_faults(instrument: Instrument) -> list[str]:
    faults = [fault for scale in instrument.scales for fault in _method_faults(instrument, scale)]
    return faults or [fault for example in instrument.examples for fault in _example_faults(instrument, example)]


def _method_faults(instrument: Instrument, scale: Scale) -> Iterator[str]:
    where = f"scales.{scale.id}"
    if scale.method not in METHODS:
        yield f"{where}: method '{scale.method}' is not known; use one of {', '.join(METHODS)}"
        return
    known = inspect.signature(METHODS[scale.method]).parameters.values()
    taken = {each.name for each in known if each.kind is each.KEYWORD_ONLY} - {"value_set"}
    for name in scale.parameters:
        if name not in taken:
            yield f"{where}: method '{scale.method}' takes no parameter '{name}'; remove it"
    if scale.method == "item" and len(scale.items) != 1:
        yield f"{where}: method 'item' takes one item, not {len(scale.items)}; name one or use another method"
    if scale.method in VALUED:
        yield from _value_set_faults(instrument, scale)
        return
    if scale.value_set is not None:
        yield f"{where}: method '{scale.method}' uses no value set; remove it"
    codes = [instrument.item(id).codes for id in scale.items]
    yield from _range_faults(scale, sum(map(min, codes)), sum(map(max, codes)))


def _value_set_faults(instrument: Instrument, scale: Scale) -> Iterator[str]:
    where = f"scales.{scale.id}"
    if scale.missing.min_answered != len(scale.items):
        yield f"{where}: a value needs every item; let min_answered be {len(scale.items)}"
    if scale.value_set is None:
        return
    try:
        default = value_sets.load(scale.value_set, instrument.id)
    except UnknownValueSet as error:
        yield f"{where}: {error}"
        return
    if tuple(default.decrements) != scale.items:
        dimensions = ", ".join(default.decrements)
        yield f"{where}: items differ from those of '{default.id}'; let them be {dimensions}"
    yield from _range_faults(scale, default.minimum, 1)


def _range_faults(scale: Scale, low: float, high: float) -> Iterator[str]:
    if (scale.minimum, scale.maximum) != (low, high):
        stated = f"range is {scale.minimum} to {scale.maximum} but its items give {low} to {high}"
        yield f"scales.{scale.id}: {stated}; correct the range or the items"


def _example_faults(instrument: Instrument, example: WorkedExample) -> Iterator[str]:
    try:
        scores = score(instrument, example.responses, value_set=example.value_set)
    except UnknownValueSet as error:
        yield f"examples.{example.id}: {error}"
        return
    for field, expected in (("value", example.scores), ("band", example.bands), ("reason", example.reasons)):
        for id, wanted in expected.items():
            got = getattr(scores[id], field)
            if got != wanted:
                fault = f"{id} has {field} {got}, not {wanted}"
                yield f"examples.{example.id}: {fault}; correct the example or the scale"
