"""The invented study with the months of whole sites: 24 before the start and 12 from it on, every site alike but for chance."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from datetime import date

from . import study

MONTHS = range(-24, 12)
START = date(2024, 3, 1)
OUTCOME = """
[[outcomes]]
id = "gp-series"
label = "GP attendances of whole practices"
setting = "gp"
estimator = "{estimator}"
{more}
"""


def plan(estimator: str, more: str = "", of: str = study.PLAN) -> str:
    """The study's plan with one more outcome, of series."""
    return of + OUTCOME.format(estimator=estimator, more=more)


def day(month: int) -> date:
    """The first day of the month that is counted as this one."""
    year, rest = divmod(START.year * 12 + START.month - 1 + month, 12)
    return date(year, rest + 1, 1)


def with_months(
    rows: study.Rows,
    effect: float = 0.8,
    starts: Mapping[str, int | None] | None = None,
    per_month: float = 400.0,
    months: range = MONTHS,
    seed: int = 3,
) -> study.Rows:
    """Rows of the study with `site_use`; `starts` are months by site (None never), the plan's arms where absent.

    From its start on a site's rate is `effect` times what it would have been.
    """
    dice = random.Random(seed)
    begun = (
        {site: 0 if arm == "link-worker" else None for site, arm in study.SITES.items()} if starts is None else starts
    )
    rows["site_use"] = []
    for place, site in enumerate(begun):
        start = begun[site]
        for month in months:
            offered = effect if start is not None and month >= start else 1.0
            season = 1 + 0.1 * math.cos(2 * math.pi * month / 12)
            expected = per_month * (1 + 0.1 * place) * season * offered
            count = max(0, round(dice.gauss(expected, math.sqrt(expected))))
            span = {"from_on": day(month), "until_on": day(month + 1)}
            rows["site_use"].append(
                {"site": site, "setting": "gp", "count": count, "person_years": 100.0 + 10 * place} | span
            )
    return rows


def allocated(rows: study.Rows, starts: Mapping[str, int | None]) -> study.Rows:
    """The study with each site in usual care from long ago, and in the other arm from its own start on."""
    long_ago = {"from_on": date(2020, 1, 1), "method": "commissioned"}
    rows["allocations"] = [{"arm": "usual-care", "site": site, **long_ago} for site in starts]
    for site, start in starts.items():
        if start is not None:
            rows["allocations"].append(
                {"arm": "link-worker", "site": site, "from_on": day(start), "method": "commissioned"}
            )
    return rows
