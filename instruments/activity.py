"""Physical activity as the IPAQ group scores the short form: minutes a week weighted by metabolic equivalents.

Source: IPAQ Research Committee. Guidelines for data processing and analysis of the International Physical Activity
Questionnaire, November 2005. Answers are six numbers: days a week and minutes a day of vigorous activity, of
moderate activity and of walking.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

METS = (Decimal(8), Decimal(4), Decimal("3.3"))
LOW, MODERATE, HIGH = 1, 2, 3
Bouts = list[tuple[int, int]]


class NotPlausible(ValueError):
    """More minutes a day than anyone is awake."""


def met_minutes(answers: Sequence[int], *, floor: float, cap: float, limit: float) -> Decimal:
    """MET-minutes a week: days x minutes x 8.0 (vigorous), 4.0 (moderate), 3.3 (walking).

    Bouts under `floor` minutes count as none, over `cap` as `cap`; three daily minutes over `limit` together raise
    `NotPlausible`.
    """
    return _weekly(_bouts(answers, floor, cap, limit))


def activity_level(answers: Sequence[int], *, floor: float, cap: float, limit: float) -> int:
    """1 low, 2 moderate or 3 high, by the days, minutes and MET-minutes of the guideline."""
    bouts = _bouts(answers, floor, cap, limit)
    total, days = _weekly(bouts), sum(days for days, _ in bouts)
    vigorous_days = bouts[0][0]
    if (vigorous_days >= 3 and total >= 1500) or (days >= 7 and total >= 3000):
        return HIGH
    short = vigorous_days >= 3 and bouts[0][1] >= 20
    long = sum(days for days, minutes in bouts[1:] if minutes >= 30) >= 5
    return MODERATE if short or long or (days >= 5 and total >= 600) else LOW


def _bouts(answers: Sequence[int], floor: float, cap: float, limit: float) -> Bouts:
    if sum(answers[1::2]) > limit:
        raise NotPlausible
    bouts = zip(answers[::2], answers[1::2], strict=True)
    return [(days, min(minutes, int(cap))) if days and minutes >= floor else (0, 0) for days, minutes in bouts]


def _weekly(bouts: Bouts) -> Decimal:
    return sum((met * days * minutes for met, (days, minutes) in zip(METS, bouts, strict=True)), Decimal(0))
