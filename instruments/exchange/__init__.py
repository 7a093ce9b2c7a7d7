"""Instruments in the words of other systems: FHIR R4, REDCap and XLSForm. Wording leaves only where it stands here."""

from __future__ import annotations

from ..definition import Instrument, Item


def words(item: Item) -> str:
    """What stands where the question goes: its wording, or in brackets the label of the empty slot."""
    return item.text or f"[{item.slot}]"


def labels(item: Item) -> dict[int, str]:
    """Each option's label; the level number where the licence holder keeps the wording."""
    return {option.code: option.label or f"Level {option.code}" for option in item.options}


def preamble(instrument: Instrument) -> str:
    """What is said before the questions, or nothing."""
    return "\n\n".join(part for part in (instrument.intro, instrument.stem) if part)


def ends(item: Item) -> str:
    """What the lowest and the highest number stand for, and the unit; empty where nothing is known."""
    named = ((item.minimum, item.low_label), (item.maximum, item.high_label))
    return ", ".join([*(f"{end} is {label}" for end, label in named if label), *([item.unit] if item.unit else [])])
