"""What a dataset holds of the series of sites that an outcome needs: sites and periods, and nothing of their counts."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pandas as pd

from instruments.plan import Outcome

from ..cohort import Cohort
from ..result import Cell, Table
from ..series import periods_held
from .cells import DASH, arm_columns, both_arms, number

SIDES = {"before": "Periods of a site before the start", "after": "Periods of a site from the start on"}
GAPS = "Sites that lack a period which others have"


def series_held(cohort: Cohort, outcome: Outcome, title: str) -> Table:
    """Sites of each arm, how many periods they have on each side of the start, and how many sites have gaps."""
    held = periods_held(cohort, outcome)
    gaps = _with_gaps(held)
    rows = [("Sites", both_arms(held, lambda arm, _: number("sites", arm["site"].nunique())))]
    rows += [(label, both_arms(held, partial(_from_to, side))) for side, label in SIDES.items()]
    rows.append((GAPS, both_arms(held, lambda arm, _: number("sites", len(gaps & set(arm["site"]))))))
    return Table(f"fit-{outcome.id}", title, arm_columns(cohort.plan), tuple(rows))


def _from_to(side: str, arm: pd.DataFrame, _: str) -> Cell:
    """The fewest and the most periods that a site has on one side of the start."""
    if arm.empty:
        return DASH
    of_site = arm["month"].where(arm[side]).groupby(arm["site"]).nunique()
    fewest, most = float(of_site.min()), float(of_site.max())
    shape = "{fewest:,.0f}" if fewest == most else "{fewest:,.0f} to {most:,.0f}"
    return Cell(shape, stats={"fewest": fewest, "most": most})


def _with_gaps(held: pd.DataFrame) -> set[str]:
    """Sites without a period that another site has."""
    seen = held.groupby("site")["month"].nunique()
    return {str(site) for site in seen.index[seen < held["month"].nunique()]}


def without_events(cohort: Cohort, outcome: Outcome) -> Iterator[str]:
    """Series in which nothing happened, in both arms together."""
    held = periods_held(cohort, outcome)
    later = held.loc[held["after"], "count"]
    if later.notna().any() and later.sum() == 0:
        yield "no site at all had an event from the start on; nothing can be compared, say so instead"


def sites_held(cohort: Cohort, outcome: Outcome, arm: int) -> int:
    """How many sites of an arm have a period at all."""
    held = periods_held(cohort, outcome)
    return int(held.loc[held["arm"] == arm, "site"].nunique())
