"""Scoring a CSV table of answers: every row is read and judged before anything is written."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TextIO

from . import value_sets
from .definition import Instrument, Item
from .scoring import VALUED, Score, score

BLANK = frozenset({"", "na", "n/a", "<na>", "nan", "none", "null", ".", "-"})
SEX = {"female": "female", "f": "female", "male": "male", "m": "male", "other": None, "unknown": None}
"""What a column `sex` may hold, and what a rule by sex is told; it has no value for others."""


class BadTable(ValueError):
    """A table that cannot be scored; `faults` has a line for each column or cell at fault."""

    def __init__(self, faults: Sequence[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(self.faults))


@dataclass(frozen=True)
class Scored:
    """The table with its scores: `header`, `rows`, and what the reader should know (`notes`)."""

    header: list[str]
    rows: list[list[str]]
    notes: list[str]


class _Layout(NamedTuple):
    """Where in a row each item's answer stands, and age and sex where there are such columns."""

    items: Mapping[str, int]
    age: int | None
    sex: int | None


def score_table(
    file: TextIO, instrument: Instrument, *, value_set: str | None = None, in_order: bool = False
) -> Scored:
    """Score every row of a CSV table with a header.

    Parameters
    ----------
    file
        The table. Columns named by item ids, in capitals or not; empty, NA, a full stop or a dash is an answer not
        given. Columns `age` (whole years) and `sex` (female, male) are looked at only where a rule needs them. All
        other columns are passed on. An empty line is left out, or is a missing answer where there is one column.
    instrument
        Whose answers they are.
    value_set
        In place of the instrument's default.
    in_order
        The first columns are the items in the instrument's order, whatever they are called.

    Returns
    -------
    Scored
        The columns as they came, then for each scale its score (empty where there is none) and `<scale>_reason`.

    Raises
    ------
    BadTable
        With every fault: no column of the instrument, a column twice or in the way of a score, a row too long or
        too short, an answer that the item does not take.
    UnknownValueSet
        When the value set is not there or values another instrument.
    """
    reader = csv.reader(file)
    header = _header(next(reader, []))
    layout = _layout(header, instrument, in_order, by_person=_looks_at_the_person(instrument, value_set))
    numbered = [(reader.line_num, row or [""]) for row in reader if row or len(header) == 1]
    faults = [fault for n, row in numbered for fault in _row_faults(n, row, header, layout, instrument)]
    if faults:
        raise BadTable(faults)
    rows = [row for _, row in numbered]
    added = [name for scale in instrument.scales for name in (scale.id, f"{scale.id}_reason")]
    scored = [[*row, *_cells(instrument, _scores(row, layout, instrument, value_set))] for row in rows]
    return Scored([*header, *added], scored, list(_notes(layout, instrument)))


def _header(cells: Sequence[str]) -> list[str]:
    """The names of the columns, without the mark that some programs put before the first."""
    return [cell.removeprefix("\ufeff") for cell in cells]


def _plain(name: str) -> str:
    return name.strip().lower()


def _looks_at_the_person(instrument: Instrument, value_set: str | None) -> bool:
    """Whether any score depends on age or sex."""
    used = {value_set or scale.value_set for scale in instrument.scales if scale.method in VALUED} - {None}
    by_set = any(value_sets.load(id, instrument.id).needs_person for id in used if id)
    return by_set or any(scale.ages for scale in instrument.scales)


def _layout(header: Sequence[str], instrument: Instrument, in_order: bool, *, by_person: bool) -> _Layout:
    plain = [_plain(name) for name in header]
    faults = [f"column '{name}' is there twice; rename one" for name in sorted(set(plain)) if plain.count(name) > 1]
    added = {name for scale in instrument.scales for name in (scale.id, f"{scale.id}_reason")}
    ids = [item.id for item in instrument.items]
    items = {id: n for n, id in enumerate(ids[: len(header)])} if in_order else _named(header, ids)
    in_the_way = [name for name in header if name in added and header.index(name) not in items.values()]
    faults += [f"column '{name}' has the name of a score; rename it" for name in in_the_way]
    if not items:
        faults.append(f"no column is an item of {instrument.id}; name them {', '.join(ids)}, or say --in-order")
    if faults:
        raise BadTable(faults)
    others = {_plain(name): n for n, name in enumerate(header) if n not in items.values()} if by_person else {}
    return _Layout(items, others.get("age"), others.get("sex"))


def _named(header: Sequence[str], ids: Sequence[str]) -> dict[str, int]:
    plain = [_plain(name) for name in header]
    return {id: plain.index(id) for id in ids if id in plain}


def _row_faults(
    n: int, row: Sequence[str], header: Sequence[str], layout: _Layout, instrument: Instrument
) -> Iterator[str]:
    if len(row) != len(header):
        yield f"row {n}: has {len(row)} cells for {len(header)} columns; correct the row"
        return
    for id, position in layout.items.items():
        item, cell = instrument.item(id), row[position]
        if not _is_blank(cell) and not item.accepts(_number(cell)):
            yield f"row {n}, {header[position]}: '{cell}' is not an answer to {id}; allowed: {item.allowed}"
    if layout.age is not None and not _is_blank(row[layout.age]) and _number(row[layout.age]) is None:
        yield f"row {n}, age: '{row[layout.age]}' is not an age; give whole years"
    if layout.sex is not None and not _is_blank(row[layout.sex]) and _plain(row[layout.sex]) not in SEX:
        yield f"row {n}, sex: '{row[layout.sex]}' is not known; give {', '.join(SEX)}, or leave it empty"


def _is_blank(cell: str) -> bool:
    return _plain(cell) in BLANK


def _number(cell: str) -> int | None:
    return int(float(cell)) if re.fullmatch(r"\s*[+-]?\d+(\.0*)?\s*", cell, re.ASCII) else None


def _answer(cell: str) -> int | None:
    return None if _is_blank(cell) else _number(cell)


def _scores(row: Sequence[str], layout: _Layout, instrument: Instrument, value_set: str | None) -> Mapping[str, Score]:
    answers = {id: _answer(row[position]) for id, position in layout.items.items()}
    age = None if layout.age is None else _answer(row[layout.age])
    sex = None if layout.sex is None else SEX.get(_plain(row[layout.sex]))
    return score(instrument, answers, value_set=value_set, age=age, sex=sex)


def _cells(instrument: Instrument, scores: Mapping[str, Score]) -> Iterator[str]:
    for scale in instrument.scales:
        scored = scores[scale.id]
        yield "" if scored.value is None else f"{scored.value:.{scale.digits}f}"
        yield scored.reason or ""


def _notes(layout: _Layout, instrument: Instrument) -> Iterator[str]:
    absent = [item.id for item in instrument.items if item.id not in layout.items]
    if absent:
        yield f"no column for {', '.join(absent)}: counted as not answered in every row"
    for item in instrument.items:
        if item.id in layout.items and _turned(item):
            yield f"{item.id}: the codes are read as already turned round ({_coding(item)})"


def _turned(item: Item) -> bool:
    return "already-reversed" in _coding(item)


def _coding(item: Item) -> str:
    return next((option.coding for option in item.options if option.coding), "")
