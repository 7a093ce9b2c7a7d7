"""Cells of a table, each made in one way, so that every number carries what disclosure control needs to know."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pandas as pd

from instruments.plan import Plan

from ..cohort import ROLES
from ..result import Cell, Key

BLANK = Cell("")
DASH = Cell("–")


def words(text: str) -> Cell:
    """A cell of words or of numbers that are not about people."""
    return Cell(text.replace("{", "{{").replace("}", "}}"))


def number(name: str, value: float, shape: str = "{:,.0f}") -> Cell:
    """A number that is not about people, such as how many sites."""
    return Cell(f"{{{name}{shape[1:]}", stats={name: value})


def sites(intervention: int, comparison: int) -> Cell:
    """How many sites the arms have."""
    stats = {"intervention": float(intervention), "comparison": float(comparison)}
    return Cell("{intervention:.0f} and {comparison:.0f}", stats=stats)


def people(count: int, of: int | None = None, key: Key | None = None, total: Key | None = None) -> Cell:
    """A count, with its percentage where it is a part of `of`, which the percentage gives away: `total` is its key."""
    if of is None:
        return Cell("{count:,}", count=count, key=key)
    if of == 0:
        return DASH
    return Cell(
        "{count:,} ({percent:.0f}%)",
        count=count,
        key=key,
        stats={"percent": 100 * count / of},
        from_counts=() if total is None else (total,),
    )


def mean_sd(values: pd.Series[Any], digits: int = 1) -> Cell:
    """Mean and standard deviation of the values that are there."""
    known = values.dropna().astype(float)
    if len(known) < 2:
        return DASH
    shape = f"{{mean:,.{digits}f}} ({{sd:,.{digits}f}})"
    return Cell(shape, stats={"mean": float(known.mean()), "sd": float(known.std())}, n=len(known))


def median_quartiles(values: pd.Series[Any], digits: int = 0) -> Cell:
    """Median and quartiles of the values that are there."""
    known = values.dropna().astype(float)
    if known.empty:
        return DASH
    low, middle, high = (float(known.quantile(share)) for share in (0.25, 0.5, 0.75))
    return quartiles(low, middle, high, len(known), digits)


def quartiles(low: float, middle: float, high: float, n: int, digits: int = 0) -> Cell:
    """Median and quartiles, worked out already, of a group of n people."""
    shape = f"{{median:,.{digits}f}} ({{lower_quartile:,.{digits}f}} to {{upper_quartile:,.{digits}f}})"
    return Cell(shape, stats={"median": middle, "lower_quartile": low, "upper_quartile": high}, n=n)


def interval(value: float, low: float, high: float, n: int, digits: int) -> Cell:
    """An estimate and its interval, of a group of n people."""
    if math.isnan(value):
        return DASH
    if math.isnan(low):
        return Cell(f"{{mean:,.{digits}f}}", stats={"mean": value}, n=n)
    shape = f"{{mean:,.{digits}f}} ({{conf_low:,.{digits}f}} to {{conf_high:,.{digits}f}})"
    return Cell(shape, stats={"mean": value, "conf_low": low, "conf_high": high}, n=n)


def arm_columns(plan: Plan) -> tuple[str, str]:
    """The arms' names, intervention first."""
    return plan.arm("intervention").label, plan.arm("comparison").label


def both_arms(frame: pd.DataFrame, make: Callable[[pd.DataFrame, str], Cell]) -> tuple[Cell, Cell]:
    """One cell for each arm of a frame with a column `arm`, intervention first; `make` is told the arm's role."""
    first, second = (make(frame[frame["arm"] == arm], role) for arm, role in ROLES.items())
    return first, second
