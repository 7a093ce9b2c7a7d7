"""What a change in a score means for one person: which way, how much, and whether it is thought to matter.

A change is not an effect. People change by themselves, and tend to be referred when they feel worst; only a
comparison with people who had no link worker shows what the service did.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Literal, NamedTuple

from . import value_sets
from .definition import Mid, Scale
from .scoring import rounded


class Change(NamedTuple):
    """From an earlier score to a later one of the same scale, in the scale's points."""

    difference: float
    direction: Literal["better", "worse", "same"]
    mid: Mid | None

    @property
    def matters(self) -> bool | None:
        """Whether the change is as large as the minimal important difference; None where none is known."""
        return None if self.mid is None else abs(self.difference) >= self.mid.value


def change(scale: Scale, earlier: float, later: float, value_set: str | None = None) -> Change:
    """The change from one score of a scale to another, rounded to the scale's decimals.

    `value_set` names the set that both were valued with; its minimal important difference then counts.
    """
    difference = rounded(Decimal(str(later)) - Decimal(str(earlier)), scale.digits)
    rises = difference > 0
    direction: Literal["better", "worse", "same"] = "same"
    if difference:
        direction = "better" if rises == (scale.better == "higher") else "worse"
    return Change(difference, direction, mid(scale, value_set))


def mid(scale: Scale, value_set: str | None = None) -> Mid | None:
    """The minimal important difference of a scale, or of the value set it was valued with; None where none is known."""
    if value_set is None:
        return scale.mid
    used = value_sets.load(value_set)
    if used.mid is None:
        return None
    source = f"mean change over every single-level step of {used.title}"
    return Mid(used.mid, "instrument-defined", source)
