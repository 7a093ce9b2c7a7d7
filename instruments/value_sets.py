"""Value sets: what the people of a country say each EQ-5D profile is worth; 1 is full health and 0 is dead.

One CSV file a set in `value_sets/`, two columns: `term` and `value`. The first rows say what the set is; the
rows named item id and level (`mo2` ... `ad5`) hold the decrement of that level, a positive number.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "value_sets"
_IDENTITY = ("id", "title", "country", "instrument", "year", "doi", "method", "mid")


class UnknownValueSet(KeyError):
    """A value set that is not there, or that belongs to another instrument."""

    def __str__(self) -> str:
        return str(self.args[0])


class BadProfile(ValueError):
    """A profile that the value set cannot value."""


class NoValue(ValueError):
    """There is no value for this person, and why: `reason` is a key of `scoring.REASONS`."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


@dataclass(frozen=True)
class ValueSet:
    """A named additive value set: value = 1 - the sum of the decrements of the five levels.

    `decrements` has, for each dimension in profile order, the decrement of level 1, 2, 3, ... (level 1 is 0).
    `mid` is the instrument-defined minimal important difference of this set: for each profile the mean change
    in value over every step of one level on one dimension, then the mean over all profiles, to three decimals
    (after Luo et al. 2010, doi:10.1097/MLR.0b013e3181c162a2).
    """

    id: str
    title: str
    country: str
    instrument: str
    year: int
    doi: str
    method: str
    mid: float
    decrements: Mapping[str, tuple[Decimal, ...]]

    @property
    def minimum(self) -> float:
        """The value of the worst profile."""
        return float(1 - sum(levels[-1] for levels in self.decrements.values()))

    @property
    def needs_person(self) -> bool:
        """Whether `value` wants age and sex too."""
        return False

    @property
    def maximum(self) -> float:
        """The value of full health."""
        return 1.0

    @property
    def dimensions(self) -> tuple[str, ...]:
        """The ids of the items that make a profile, in order."""
        return tuple(self.decrements)

    def value(self, levels: Sequence[int] | str) -> Decimal:
        """The exact value of a profile: one level for each dimension, in profile order, as numbers or digits.

        Raises
        ------
        BadProfile
            When there is a level too many or too few, or one that the set does not know.
        """
        value = Decimal(1)
        try:
            for dimension, level in zip(self.decrements.values(), map(int, levels), strict=True):
                if level < 1:
                    raise IndexError
                value -= dimension[level - 1]
        except (IndexError, ValueError):
            raise BadProfile(self._fault(levels)) from None
        return value

    def _fault(self, levels: Sequence[int] | str) -> str:
        profile = "".join(map(str, levels))
        n_levels = len(next(iter(self.decrements.values())))
        return (
            f"profile: '{profile}' is not a profile of {self.instrument}; "
            f"give {len(self.decrements)} digits, each 1 to {n_levels}, such as 21232"
        )


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
    sets = (read(path.read_text(encoding="utf-8"), path.name) for path in sorted(FOLDER.glob("*.csv")))
    return {each.id: each for each in sets}


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
    identity = {term: rows.pop(term) for term in _IDENTITY}
    year, mid = int(identity.pop("year")), float(identity.pop("mid"))
    return ValueSet(**identity, year=year, mid=mid, decrements=_decrements(rows, name))


def _decrements(rows: Mapping[str, str], name: str) -> dict[str, tuple[Decimal, ...]]:
    decrements: dict[str, tuple[Decimal, ...]] = {}
    for term, value in rows.items():
        match = re.fullmatch(r"([a-z]+)([2-9])", term)
        if not match:
            raise ValueError(f"{name}: {term} is not a term of an additive set; use item id and level, such as mo2")
        levels = decrements.get(match[1], (Decimal(0),))
        if int(match[2]) != len(levels) + 1:
            raise ValueError(f"{name}: {term} is out of turn; give level {len(levels) + 1} of {match[1]} first")
        if not re.fullmatch(r"0\.\d+", value):
            raise ValueError(f"{name}: {term} is '{value}'; give the decrement as a positive number such as 0.058")
        decrements[match[1]] = (*levels, Decimal(value))
    if len({len(levels) for levels in decrements.values()}) != 1:
        raise ValueError(f"{name}: dimensions have unequal numbers of levels; give every level of each")
    return decrements
