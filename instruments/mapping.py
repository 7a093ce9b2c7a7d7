"""The mapping file of flat tables: what it may say, and every fault in it by name.

A mapping is a TOML text; `flat` describes it. Here it is held to its shape, so that whoever reads the tables need not
look twice.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from .dataset import table

Faults = Iterator[str]
Check = Callable[[str, Any], Faults]


class FlatError(ValueError):
    """A mapping or a row that does not fit; `faults` lists every one."""

    def __init__(self, faults: list[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(self.faults))


def text_of(path: Path, remedy: str = "put it beside the mapping or correct its name") -> str:
    """The text of a file, line ends as they are; `remedy` is what to do where there is none.

    Raises
    ------
    FlatError
        When the file cannot be read or is not UTF-8.
    """
    try:
        return path.read_bytes().decode("utf-8-sig")
    except (OSError, ValueError) as error:
        if isinstance(error, UnicodeDecodeError):
            raise FlatError([f"{path.name}: is not UTF-8 text; save it as UTF-8"]) from None
        fault = "is a folder; name a file" if path.is_dir() else f"cannot be read; {remedy}"
        raise FlatError([f"{path.name}: {fault}"]) from None


def read(path: Path) -> dict[str, Any]:
    """Read a mapping file.

    Raises
    ------
    FlatError
        With every fault found, each naming the place, the fault and the remedy.
    """
    try:
        mapping = tomllib.loads(text_of(path, "correct its name"))
    except tomllib.TOMLDecodeError as error:
        raise FlatError([f"{path.name}: is not valid TOML ({error}); correct that line"]) from None
    faults = [f"{path.name}: {fault}" for fault in _WHOLE("", mapping)]
    if faults:
        raise FlatError(faults)
    return mapping


def _kind(kinds: tuple[type, ...], wanted: str) -> Check:
    def check(where: str, value: Any) -> Faults:
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            yield f"{where} has {value!r}, expected {wanted}"
        elif value == "":
            yield f"{where} is empty; write {wanted} or leave the line out"

    return check


def _either(first: Check, second: Check, kinds: tuple[type, ...]) -> Check:
    """The second check for values of some kinds, the first for all others."""

    def check(where: str, value: Any) -> Faults:
        yield from (second if isinstance(value, kinds) else first)(where, value)

    return check


def _table(fields: Mapping[str, Check], required: Mapping[str, str] | None = None) -> Check:
    """A table with known keys; `required` says what to do where one is missing."""

    def check(where: str, value: Any) -> Faults:
        if not isinstance(value, dict):
            yield f"{where} has {value!r}, expected a table: key = value"
            return
        for key in value:
            if key not in fields:
                yield f"{where}{': ' if where else ''}'{key}' is not known here; allowed: {', '.join(fields)}"
        for key, remedy in (required or {}).items():
            if key not in value:
                yield f"{where}{' ' if where else ''}has no '{key}'; {remedy}"
        for key in value.keys() & fields.keys():
            yield from fields[key](f"{where}.{key}" if where else key, value[key])

    return check


def _every(inner: Check) -> Check:
    """A table with any keys."""

    def check(where: str, value: Any) -> Faults:
        yield from _table(dict.fromkeys(value, inner) if isinstance(value, dict) else {})(where, value)

    return check


def _list(inner: Check) -> Check:
    def check(where: str, value: Any) -> Faults:
        if not isinstance(value, list):
            yield f"{where} has {value!r}, expected a list"
            return
        for position, entry in enumerate(value):
            yield from inner(f"{where}[{position}]", entry)

    return check


def _anything(_where: str, _value: Any) -> Faults:
    yield from ()


def _source_table(where: str, value: Any) -> Faults:
    yield from _SOURCE_FIELDS(where, value)
    if isinstance(value, dict) and "column" not in value and "value" not in value:
        yield f'{where} names no column and no value; add column = "..." or value = ...'


_NUMBER = _kind((int, float), "a number")
_TEXT = _kind((str,), "a text")
_DAY = _kind((date,), "a date without quotes, such as 2025-03-31")
_PLAIN = _kind((str, int, float, bool, date), "a text, a number or a date")
_PLAIN_OR_MISSING = _either(_PLAIN, _anything, (str,))
_SOURCE_FIELDS = _table(
    {
        "column": _TEXT,
        "codes": _every(_PLAIN_OR_MISSING),
        "value": _PLAIN,
        "times": _NUMBER,
        "days_after_entry": _kind((bool,), "true or false"),
    }
)
_SOURCE = _either(_kind((str,), "the name of a column or a table"), _source_table, (dict,))
_NUMBER_SOURCE = _either(_SOURCE, _NUMBER, (int, float))
_NAME = "name its column"

_PEOPLE = _table(
    {
        "file": _TEXT,
        **dict.fromkeys(("person", "site", "arm", "age"), _SOURCE),
        "characteristics": _every(_SOURCE),
        **dict.fromkeys(table("people").names, _SOURCE),
    },
    {"file": "name it"} | dict.fromkeys(("person", "entered_on"), _NAME),
)
_SITES = _table({"file": _TEXT, **dict.fromkeys(table("sites").names, _SOURCE)}, {"file": "name it", "site": _NAME})
_SCORES = _table(
    {
        **dict.fromkeys(("instrument", "version", "scale", "value_set"), _TEXT),
        "columns": _every(_NUMBER_SOURCE),
        **dict.fromkeys(("mode", "respondent"), _TEXT),
    },
    {"instrument": "name the measure", "columns": "name the column of each timepoint"},
)
_USE = _table(
    {"setting": _TEXT, **dict.fromkeys(("column", "from_day", "until_day"), _NUMBER_SOURCE), "source": _TEXT},
    {"setting": "name it"} | dict.fromkeys(("column", "from_day", "until_day"), "name its column or give a number"),
)
_SITE_USE = _table(
    {
        **dict.fromkeys(("file", "setting"), _TEXT),
        "site": _SOURCE,
        **dict.fromkeys(("count", "person_years", "month"), _NUMBER_SOURCE),
        **dict.fromkeys(("from_on", "until_on"), _SOURCE),
        "month_0": _DAY,
        "months": _NUMBER,
    },
    {"file": "name it", "setting": "name it"} | dict.fromkeys(("site", "count", "person_years"), _NAME),
)


def _dated(where: str, value: Any) -> Faults:
    """Site use says when by the first day of each period, or by numbered months from a day."""
    yield from _SITE_USE(where, value)
    if isinstance(value, dict) and ("from_on" in value) == ("month" in value):
        yield f"{where} needs either 'from_on' or 'month'; name the column of one of them"
    if isinstance(value, dict) and ("month" in value) != ("month_0" in value):
        yield f"{where} needs 'month' and 'month_0' together; month_0 is the first day of the month numbered 0"


_FIRSTS = _table(
    {"setting": _TEXT, **dict.fromkeys(("day", "happened"), _NUMBER_SOURCE), "source": _TEXT},
    {
        "setting": "name it",
        "day": "name the column with the days from entry to the first, or to the last day known",
        "happened": "name the column that says whether it came (1) or not (0)",
    },
)
_WHOLE = _table(
    {
        "plan": _TEXT,
        "people": _PEOPLE,
        "sites": _SITES,
        "allocation": _table({"from_on": _either(_SOURCE, _DAY, (date,)), "method": _TEXT}),
        "consent": _table({"form_version": _TEXT}),
        "scores": _list(_SCORES),
        "service_use": _list(_USE),
        "site_use": _list(_dated),
        "first_events": _list(_FIRSTS),
        "missing": _list(_either(_TEXT, _anything, (str,))),
    },
    dict.fromkeys(("plan", "people"), "add it"),
)
