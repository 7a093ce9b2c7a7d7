"""How the same people changed from one measurement to another: means, spreads, an interval. Nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from math import atan, cos, pi, sin, sqrt, tan
from statistics import fmean, stdev

CONFIDENCE = 0.95
HALVINGS = 60
"""Of the quarter circle: closer than a float can tell."""


@dataclass(frozen=True, slots=True)
class PairedChange:
    """Two measurements of the same n people; the interval is that of Student's t for the mean of their changes."""

    n: int
    mean_before: float
    sd_before: float
    mean_after: float
    sd_after: float
    mean: float
    sd: float
    low: float
    high: float


def paired_change(pairs: Sequence[tuple[float, float]]) -> PairedChange:
    """From (before, after) of each person; at least two people."""
    before, after = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    changes = [later - earlier for earlier, later in pairs]
    mean, sd = fmean(changes), stdev(changes)
    reach = t_quantile(len(changes) - 1) * sd / sqrt(len(changes))
    return PairedChange(
        len(changes), fmean(before), stdev(before), fmean(after), stdev(after), mean, sd, mean - reach, mean + reach
    )


@cache
def t_quantile(df: int, confidence: float = CONFIDENCE) -> float:
    """The t between whose negative and itself Student's t lies with this probability."""
    low, high = 0.0, pi / 2
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if _within(middle, df) < confidence else (low, middle)
    return tan((low + high) / 2) * sqrt(df)


def t_within(t: float, df: int) -> float:
    """The probability that Student's t lies between -t and t."""
    return _within(atan(t / sqrt(df)), df)


def _within(angle: float, df: int) -> float:
    """Of t = tan(angle) * sqrt(df): for whole degrees of freedom a finite sum, and so exact.

    Abramowitz and Stegun, Handbook of Mathematical Functions (1964), 26.7.3 (odd) and 26.7.4 (even).
    """
    odd, square = df % 2, cos(angle) ** 2
    term = total = 0.0 if df == 1 else 1.0
    for k in range(2 + odd, df, 2):
        term *= square * (k - 1) / k
        total += term
    return 2 / pi * (angle + sin(angle) * cos(angle) * total) if odd else sin(angle) * total
