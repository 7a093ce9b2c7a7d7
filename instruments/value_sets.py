"""Value sets: what the people of a country say each EQ-5D or ICECAP-O profile is worth; 1 is full health (capability).

One CSV file a set in `value_sets/`, two columns: `term` and `value`. The first rows say what the set is. Then
- a sum of decrements: rows named item id and level (`mo2` ... `ad5`) hold the decrement of that level, a number from 0
  on; level 1 may be left out and is then 0. `start` is what they are taken off (1 unless given), and the terms of
  `valuing.EXTRAS` hold what comes off (or, negative, on) besides;
- a crosswalk: `base` names the other instrument's set, and rows such as `mo2=1` hold the probability that level 2 of
  `mo` is level 1 there; those left out are 0;
- a table by age and sex, which a user supplies with `add_table`: `base` and `dimensions`.
"""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from functools import cache, partial
from itertools import product
from pathlib import Path

from .valuing import (
    AGE_BANDS,
    EXTRAS,
    SEXES,
    Additive,
    BadProfile,
    ByAgeAndSex,
    Crosswalk,
    NoValue,
    ValueSet,
    important_difference,
)

__all__ = [
    "BadProfile",
    "BadValueTable",
    "NoValue",
    "UnknownValueSet",
    "ValueSet",
    "add_table",
    "important_difference",
    "known",
    "load",
    "read",
]

FOLDER = Path(__file__).parent / "value_sets"
TABLE_VARIABLE = "INSTRUMENTS_DSU_TABLE"
COLUMNS = ("state_5l", "age_band", "sex", "mapped_uk_3l_utility")
_IDENTITY = ("id", "title", "country", "instrument", "year", "doi", "method")

_Table = Mapping[tuple[str, str, str], Decimal]


class UnknownValueSet(KeyError):
    """A value set that is not there, or that belongs to another instrument."""

    def __str__(self) -> str:
        return str(self.args[0])


class BadValueTable(ValueError):
    """A table by age and sex that cannot be used; `faults` has a line for each fault."""

    def __init__(self, faults: Sequence[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(self.faults))


@cache
def load(id: str, instrument_id: str | None = None) -> ValueSet:
    """The value set called `id`, which must belong to `instrument_id` where that is given.

    Raises
    ------
    UnknownValueSet
        When there is none, or it values another instrument; the message names those that are there.
    """
    ids = known(instrument_id)
    if id not in ids:
        whose = f" for {instrument_id}" if instrument_id else ""
        raise UnknownValueSet(f"value set: '{id}' is not known{whose}; use one of {', '.join(ids) or 'none'}")
    return _sets()[id]


def known(instrument_id: str | None = None) -> tuple[str, ...]:
    """The ids of the value sets of an instrument (of all instruments if None), in alphabetical order."""
    return tuple(id for id, each in _sets().items() if instrument_id in (None, each.instrument))


@cache
def _sets() -> Mapping[str, ValueSet]:
    paths = sorted(FOLDER.glob("*.csv"), key=lambda path: path.stem)
    return {path.stem: _at(path.stem) for path in paths}


@cache
def _at(id: str) -> ValueSet:
    path = FOLDER / f"{id}.csv"
    return read(path.read_text(encoding="utf-8"), path.name)


def read(text: str, name: str) -> ValueSet:
    """The value set that a CSV text describes; `name` is its file name, which must be `<id>.csv`.

    Raises
    ------
    ValueError
        When a row is missing, unknown or not a number, or a level is skipped; the message names file and row.
    """
    rows = {row["term"]: row["value"] for row in csv.DictReader(text.splitlines())}
    if absent := [term for term in _IDENTITY if not rows.get(term)]:
        raise ValueError(f"{name}: {absent[0]} is missing; add the row")
    if name != f"{rows['id']}.csv":
        raise ValueError(f"{name}: id is '{rows['id']}'; name the file {rows['id']}.csv")
    mid = rows.pop("mid", None)
    identity = {term: rows.pop(term) for term in _IDENTITY}
    make = partial(
        _kind(rows), **identity | {"year": int(identity["year"]), "mid": None if mid is None else float(mid)}
    )
    return make(rows, name)


def _kind(rows: Mapping[str, str]) -> Callable[..., ValueSet]:
    if "base" not in rows:
        return _additive
    return _by_age_and_sex if "dimensions" in rows else _crosswalk


def _additive(rows: Mapping[str, str], name: str, **identity: object) -> ValueSet:
    start = Decimal(rows.get("start", "1"))
    extras = {term: _number(rows[term], name, term, signed=True) for term in EXTRAS if term in rows}
    levels = {term: value for term, value in rows.items() if term not in EXTRAS and term != "start"}
    return Additive(**identity, start=start, extras=extras, decrements=_decrements(levels, name))  # type: ignore[arg-type]


def _decrements(rows: Mapping[str, str], name: str) -> dict[str, tuple[Decimal, ...]]:
    decrements: dict[str, tuple[Decimal, ...]] = {}
    for term, value in rows.items():
        match = re.fullmatch(r"([a-z]+)([1-9])", term)
        if not match:
            raise ValueError(f"{name}: {term} is not a term of an additive set; use item id and level, such as mo2")
        dimension, level = match[1], int(match[2])
        before = decrements.get(dimension, () if level == 1 else (Decimal(0),))
        if level != len(before) + 1:
            raise ValueError(f"{name}: {term} is out of turn; give level {len(before) + 1} of {dimension} first")
        decrements[dimension] = (*before, _number(value, name, term))
    if len({len(levels) for levels in decrements.values()}) != 1:
        raise ValueError(f"{name}: dimensions have unequal numbers of levels; give every level of each")
    return decrements


def _number(value: str, name: str, term: str, *, signed: bool = False) -> Decimal:
    if not re.fullmatch(r"-?0\.\d+" if signed else r"0\.\d+", value):
        wanted = "as a number such as 0.081 or -0.009" if signed else "as a positive number such as 0.058"
        raise ValueError(f"{name}: {term} is '{value}'; give the decrement {wanted}")
    return Decimal(value)


def _base(rows: Mapping[str, str], name: str) -> Additive:
    base = _at(rows["base"]) if (FOLDER / f"{rows['base']}.csv").exists() else None
    if not isinstance(base, Additive):
        raise ValueError(f"{name}: base '{rows['base']}' is not an additive value set; name one that is here")
    return base


def _crosswalk(rows: Mapping[str, str], name: str, **identity: object) -> ValueSet:
    base = _base(rows, name)
    there = range(1, base.n_levels + 1)
    found = {term: _probability(term, value, base, name) for term, value in rows.items() if term != "base"}
    here = {dimension: sorted({term[:-2] for term in found if term[:-3] == dimension}) for dimension in base.dimensions}
    probabilities = {
        dimension: tuple(tuple(found.get(f"{level}={other}", Decimal(0)) for other in there) for level in levels)
        for dimension, levels in here.items()
    }
    for dimension, levels in here.items():
        for level, row in zip(levels, probabilities[dimension], strict=True):
            total = sum(row, Decimal(0))
            if abs(total - 1) > Decimal("1e-9"):
                raise ValueError(f"{name}: probabilities of {level} add up to {total}; make it 1")
    return Crosswalk(**identity, base=base, probabilities=probabilities)  # type: ignore[arg-type]


def _probability(term: str, value: str, base: Additive, name: str) -> Decimal:
    match = re.fullmatch(r"([a-z]+)[1-9]=([1-9])", term)
    if not match or match[1] not in base.dimensions or int(match[2]) > base.n_levels:
        raise ValueError(f"{name}: {term} is not a term of a crosswalk; use item id, level and level, such as mo2=1")
    if not re.fullmatch(r"1|0\.\d+", value):
        raise ValueError(f"{name}: {term} is '{value}'; give a probability above 0 and up to 1")
    return Decimal(value)


def _by_age_and_sex(rows: Mapping[str, str], name: str, **identity: object) -> ValueSet:
    dimensions, n_levels = tuple(rows["dimensions"].split()), int(rows["levels"])
    base = _base(rows, name)
    return ByAgeAndSex(**identity, base=base, dimensions=dimensions, n_levels=n_levels, lookup=_table)  # type: ignore[arg-type]


# ---------------------------------------------------------------- the table that a user supplies

_supplied: dict[str, _Table] = {}


def add_table(path: Path) -> None:
    """Use the official table of the mapping from EQ-5D-5L to UK EQ-5D-3L values, which does not ship with the kit.

    Parameters
    ----------
    path
        A CSV file with the columns `state_5l` (such as 21232), `age_band` (18-34, 35-44, 45-54, 55-64, 65+), `sex`
        (female, male) and `mapped_uk_3l_utility`; other columns are passed over. Every profile, band and sex once:
        31,250 rows. The environment variable INSTRUMENTS_DSU_TABLE may name it instead.

    Raises
    ------
    BadValueTable
        With every fault; nothing is used then.
    OSError
        When the file cannot be read.

    Source: Hernandez Alava M, Pudney S, Wailoo A. Pharmacoeconomics 2023;41:199-207 (doi:10.1007/s40273-022-01218-7).
    """
    _supplied["table"] = _read_table(path)


def _table() -> _Table | None:
    if "table" not in _supplied and (named := os.environ.get(TABLE_VARIABLE)):
        add_table(Path(named))
    return _supplied.get("table")


def _read_table(path: Path) -> _Table:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        if absent := [column for column in COLUMNS if column not in (reader.fieldnames or ())]:
            raise BadValueTable([f"{path.name}: column '{name}' is missing; add it" for name in absent])
        table: dict[tuple[str, str, str], Decimal] = {}
        faults = [f"{path.name}, {fault}" for n, row in enumerate(reader, 2) for fault in _take(table, n, row)]
    states = map("".join, product("12345", repeat=5))
    absent_rows = [key for key in product(states, AGE_BANDS, SEXES) if key not in table]
    if absent_rows and not faults:
        first = ", ".join(absent_rows[0])
        faults = [f"{path.name}: {len(absent_rows):,} rows are missing, the first {first}; use the whole table"]
    if faults:
        raise BadValueTable(faults)
    return table


def _take(table: dict[tuple[str, str, str], Decimal], n: int, row: Mapping[str, str | None]) -> Iterator[str]:
    state, band, sex, value = ((row[column] or "").strip() for column in COLUMNS)
    sex = sex.lower()
    if not re.fullmatch("[1-5]{5}", state):
        yield f"row {n}: state_5l '{state}' is not a profile; give five digits from 1 to 5"
    if band not in AGE_BANDS:
        yield f"row {n}: age_band '{band}' is not known; use one of {', '.join(sorted(AGE_BANDS))}"
    if sex not in SEXES:
        yield f"row {n}: sex '{sex}' is not known; use {' or '.join(SEXES)}"
    if (state, band, sex) in table:
        yield f"row {n}: {state}, {band}, {sex} is there twice; keep one"
    number = _value_of(value)
    if number is None or not -1 <= number <= 1:
        yield f"row {n}: mapped_uk_3l_utility '{value}' is not a value; give a number from -1 to 1"
    else:
        table[state, band, sex] = number


def _value_of(text: str) -> Decimal | None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None
