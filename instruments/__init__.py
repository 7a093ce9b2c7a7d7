"""What we measure: the instruments that ship with the kit, and how each is scored.

>>> from instruments import get, scoring
>>> scoring.score(get("ons4"), {"happy": 7})["happy"].band
'high'
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from . import value_sets
from .definition import Instrument
from .reading import from_toml

__all__ = ["UnknownInstrument", "from_toml", "get", "library", "value"]

FOLDER = Path(__file__).parent / "library"


class UnknownInstrument(KeyError):
    """An instrument, or a version of one, that is not in the library."""

    def __str__(self) -> str:
        return str(self.args[0])


@cache
def get(id: str, version: str | None = None) -> Instrument:
    """The instrument called `id`, in its latest version unless another is named.

    Raises
    ------
    UnknownInstrument
        When there is none; the message names those that are there.
    """
    versions = _shelf().get(id)
    if versions is None:
        raise UnknownInstrument(f"instrument: '{id}' is not known; use one of {', '.join(_shelf())}")
    if version is None:
        return versions[max(versions, key=int)]
    if version not in versions:
        raise UnknownInstrument(f"{id}: version '{version}' is not known; use one of {', '.join(versions)}")
    return versions[version]


@cache
def library() -> tuple[Instrument, ...]:
    """The latest version of every instrument, ordered by title."""
    return tuple(sorted((get(id) for id in _shelf()), key=lambda instrument: instrument.title))


def value(profile: str, value_set: str, *, age: int | None = None, sex: str | None = None) -> float:
    """The value of an EQ-5D or ICECAP-O profile such as "21232" in a named value set.

    `age` (whole years) and `sex` (female, male) are for the sets that depend on them.

    Raises
    ------
    BadProfile
        When it is not a profile of the instrument that the set values.
    NoValue
        When the set cannot value this person: age or sex missing, too young, or no table supplied.
    UnknownValueSet
        When there is no such set.
    """
    return float(value_sets.load(value_set).value(profile, age, sex))


@cache
def _shelf() -> Mapping[str, Mapping[str, Instrument]]:
    shelf: dict[str, dict[str, Instrument]] = {}
    for path in sorted(FOLDER.glob("*.toml")):
        instrument = from_toml(path)
        shelf.setdefault(instrument.id, {})[instrument.version] = instrument
    return shelf
