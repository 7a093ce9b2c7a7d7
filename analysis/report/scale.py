"""What a scale is called, which way is better and how many decimals it is shown with."""

from __future__ import annotations

import math
from dataclasses import dataclass

import instruments
from instruments.plan import Outcome, Plan

MOST_DIGITS = 3


@dataclass(frozen=True, slots=True)
class ScaleFacts:
    """A scale as a report speaks of it; `mid` is the minimal important difference with its source, if one is known."""

    label: str
    minimum: float
    maximum: float
    better: str
    mid: tuple[float, str] | None = None

    @property
    def digits(self) -> int:
        """Decimals for a mean on this scale: about a five-hundredth of its range."""
        return digits_for((self.maximum - self.minimum) / 100)


def about(plan: Plan, outcome: Outcome) -> ScaleFacts:
    """The facts of an outcome's scale, from the plan's measures, else the instrument library, else the outcome."""
    instrument, scale = str(outcome.instrument), str(outcome.scale)
    measure = plan.measure(instrument, scale)
    if measure:
        return ScaleFacts(measure.label, measure.minimum, measure.maximum, measure.better)
    known = instruments.get(instrument)
    found = known.scale(scale)
    valued = f" ({outcome.value_set})" if outcome.value_set else ""
    mid = (found.mid.value, found.mid.source) if found.mid else None
    return ScaleFacts(
        f"{_title(known.short_title, found.label)}{valued}", found.minimum, found.maximum, found.better, mid
    )


def _title(instrument: str, scale: str) -> str:
    return scale if scale.startswith(instrument) else f"{instrument}: {scale}"


def digits_for(step: float, most: int = MOST_DIGITS) -> int:
    """Decimals that show a number of this size with two figures, `most` at most."""
    if not math.isfinite(step) or step <= 0:
        return 1
    return min(most, max(0, 1 - math.floor(math.log10(step))))
