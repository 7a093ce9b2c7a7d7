"""Series of sites: counts and person-years by month or longer period, before and after the start.

Two sources. Where the dataset holds what everybody at a site used (`site_use`), time is the calendar, and the start is
the day from which a site is in the intervention arm. Where it does not, the months of the people in the study
(`service_use`) are added up by site, and time runs from each person's entry.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from instruments.plan import Outcome

from .cohort import DAYS_PER_YEAR, Cohort, counted_once
from .result import AnalysisError

MONTHS_A_YEAR = 12
DAYS_A_MONTH = DAYS_PER_YEAR / MONTHS_A_YEAR
SHORTEST, LONGEST = 28, 31
COLUMNS = ["arm", "site", "month", "count", "years"]


def is_of_calendar(cohort: Cohort, outcome: Outcome) -> bool:
    """Whether an outcome's series are of whole sites in calendar time, not of people since their entry."""
    return bool((cohort.dataset["site_use"]["setting"] == outcome.setting).any())


def starts(cohort: Cohort) -> pd.Series[Any]:
    """The day from which each allocated site is in the intervention arm, by site; missing for those that never are."""
    allocations = cohort.dataset["allocations"].dropna(subset=["site"])
    offered = allocations["arm"] == cohort.plan.arm("intervention").id
    first = allocations[offered].groupby("site")["from_on"].min()
    return first.reindex(sorted(allocations["site"].unique()))


def site_months(cohort: Cohort, outcome: Outcome) -> pd.DataFrame:
    """Counts and person-years of an outcome's setting by site and month, every site with the same months.

    Returns
    -------
    DataFrame
        One row a site and month: `arm` (1 ever in the intervention arm, else 0), `site`, `month` (0 the first from the
        start on), `count` (events), `years` (person-years). A month that the start divides, and months that touch
        the days that the outcome leaves out, are not in it.

    Raises
    ------
    AnalysisError
        When a period is no month, a site lacks a month or has no person-years in it, sites start on different days,
        or people of one site are in both arms.
    """
    made = _of_calendar(cohort, outcome) if is_of_calendar(cohort, outcome) else _since_entry(cohort, outcome)
    _refuse_gaps(made, "month")
    return made.sort_values(["site", "month"]).reset_index(drop=True)[COLUMNS]


def site_periods(months: pd.DataFrame, length: int) -> pd.DataFrame:
    """Months of sites added up to periods of so many, counted from the start; those that lack a month are left out.

    Returns
    -------
    DataFrame
        One row a site and period, as `site_months`, with `period` (0 the first from the start on) for `month`.
    """
    table = months.assign(period=months["month"] // length)
    kept = table[table.groupby("period")["month"].transform("nunique") == length]
    return kept.groupby(["arm", "site", "period"])[["count", "years"]].sum().reset_index()


def calendar_periods(cohort: Cohort, outcome: Outcome) -> pd.DataFrame:
    """Counts and person-years by site and calendar period, for sites that start at different times.

    Periods of the outcome's length in months are counted from the first month that the data hold: as years where they
    are years, otherwise from 1.

    Returns
    -------
    DataFrame
        One row a site and period: `site`, `period`, `start` (the period in which the site starts; missing for never),
        `count` and `years`.

    Raises
    ------
    AnalysisError
        When the dataset has no `site_use` of the setting, a row is longer than a period, or a site lacks a period.
    """
    if not is_of_calendar(cohort, outcome):
        raise AnalysisError(
            f"site_use: has no '{outcome.setting}'; a staggered roll-out is seen in what whole sites use in calendar "
            "time: add it there"
        )
    use, length = _site_use(cohort, outcome), outcome.period
    origin = use["from_on"].min()
    first = origin.year if length == MONTHS_A_YEAR else 1
    opens, closes = _month_of(use["from_on"], origin), _month_of(use["until_on"] - pd.Timedelta(days=1), origin)
    _refuse_longer(use, opens // length != closes // length, length)
    table = use.assign(
        period=first + opens // length,
        start=first + _month_of(use["start"], origin) // length,
        months=closes + 1 - opens,
    )
    by = ["site", "period"]
    found = table.groupby(by, as_index=False).agg(
        start=("start", "first"), count=("count", "sum"), years=("years", "sum"), months=("months", "sum")
    )
    found = found[found.groupby("period")["months"].transform("max") == length].reset_index(drop=True)
    _refuse_gaps(found, "period")
    part = found[found["months"] != length]
    if len(part):
        named = f"site '{part['site'].iloc[0]}' has {part['months'].iloc[0]:g} of {length} months"
        raise AnalysisError(f"{named} of period {part['period'].iloc[0]:g}; add the others, or leave that site out")
    return found.drop(columns="months")


def periods_held(cohort: Cohort, outcome: Outcome) -> pd.DataFrame:
    """Which stretches of time sites have of an outcome's setting, as they are: nothing is refused, nothing added up.

    Returns
    -------
    DataFrame
        One row a period: `arm` (1 ever in the intervention arm, else 0), `site`, `month` (0 the first from the start
        on), `before` and `after` (whether it lies on that side of the start, which for sites that never start is the
        first start of all), and `count`.
    """
    if is_of_calendar(cohort, outcome):
        use, start = cohort.dataset["site_use"], starts(cohort)
        use = use[(use["setting"] == outcome.setting) & use["site"].isin(start.index)]
        site, first = use["site"], start.min()
        own = site.map(start)
        arm, since = own.notna().astype(int), own.fillna(first)
        month = _month_of(use["from_on"], use["from_on"].min() if pd.isna(first) else first)
    else:
        use, _ = counted_once(cohort.dataset["service_use"])
        use = use[use["setting"] == outcome.setting]
        site, arm, since = (use["person"].map(cohort.people[name]) for name in ("site", "arm", "entered_on"))
        month = ((use["from_on"] - since).dt.days / DAYS_A_MONTH).round()
    sides = {"before": use["until_on"] <= since, "after": use["from_on"] >= since}
    return pd.DataFrame({"arm": arm, "site": site, "month": month, **sides, "count": use["count"].astype(float)})


# ---------------------------------------------------------------------------- whole sites, calendar time


def _site_use(cohort: Cohort, outcome: Outcome) -> pd.DataFrame:
    """What whole sites used, with the day of their start, `count` and `years` as floats."""
    use = cohort.dataset["site_use"]
    use = use[use["setting"] == outcome.setting]
    start = starts(cohort)
    lost = use.loc[~use["site"].isin(start.index), "site"]
    if len(lost):
        raise AnalysisError(f"site_use: site '{lost.iloc[0]}' is in no arm; allocate it, or leave its rows out")
    idle = use[~(use["person_years"] > 0)]
    if len(idle):
        raise AnalysisError(
            f"site_use: site '{idle['site'].iloc[0]}' has no person-years from {idle['from_on'].iloc[0].date()}; "
            "correct them, or leave the site out"
        )
    return pd.DataFrame(
        {
            **{name: use[name] for name in ("site", "from_on", "until_on")},
            "start": use["site"].map(start),
            "count": use["count"].astype(float),
            "years": use["person_years"],
        }
    )


def _of_calendar(cohort: Cohort, outcome: Outcome) -> pd.DataFrame:
    use = _site_use(cohort, outcome)
    days = (use["until_on"] - use["from_on"]).dt.days
    odd = use[(days < SHORTEST) | (days > LONGEST)]
    if len(odd):
        raise AnalysisError(
            f"site_use: site '{odd['site'].iloc[0]}' has a period of {days[odd.index[0]]} days from "
            f"{odd['from_on'].iloc[0].date()}; this method needs months"
        )
    start = _one_start(list(use["start"].dropna().unique()))
    use = use[(use["until_on"] <= start) | (use["from_on"] >= start)]
    if not (use["from_on"] >= start).any():
        raise AnalysisError(
            f"site_use: has no '{outcome.setting}' from the start ({start.date()}) on; add later months"
        )
    origin = use.loc[use["from_on"] >= start, "from_on"].min()
    month = ((use["from_on"] - origin).dt.days / DAYS_A_MONTH).round().astype(int)
    kept = use.assign(month=month, arm=use["start"].notna().astype(int))
    return kept[~_touches((kept["from_on"] - start).dt.days, (kept["until_on"] - start).dt.days, outcome)]


def _one_start(days: Sequence[Any]) -> pd.Timestamp:
    found = sorted(pd.Timestamp(day) for day in days)
    if not found:
        raise AnalysisError("allocations: no site of site_use is ever in the intervention arm; correct allocations")
    if len(found) > 1:
        raise AnalysisError(
            f"sites start on {len(found)} different days, the first on {found[0].date()}; name 'callaway-santanna', "
            "which compares each start with sites that have none"
        )
    return found[0]


def _month_of(days: pd.Series[Any], origin: pd.Timestamp) -> pd.Series[Any]:
    """Calendar months since that of the origin; missing where the day is."""
    months: pd.Series[Any] = (days.dt.year - origin.year) * MONTHS_A_YEAR + days.dt.month - origin.month
    return months


def _refuse_longer(use: pd.DataFrame, across: pd.Series[bool], length: int) -> None:
    odd = use[across]
    if len(odd):
        raise AnalysisError(
            f"site_use: site '{odd['site'].iloc[0]}' has a row from {odd['from_on'].iloc[0].date()} that lies in two "
            f"periods of {length} months; name the outcome's period in months, such as period = 12 for years"
        )


# ---------------------------------------------------------------------------- people of the study, since entry


def _since_entry(cohort: Cohort, outcome: Outcome) -> pd.DataFrame:
    use, _ = counted_once(cohort.dataset["service_use"])
    use = use[use["setting"] == outcome.setting]
    entered_on = use["person"].map(cohort.people["entered_on"])
    opens, closes = ((use[name] - entered_on).dt.days for name in ("from_on", "until_on"))
    longest = (closes - opens).max()
    if not longest <= LONGEST:
        raise AnalysisError(
            f"service_use: a period of '{outcome.setting}' lasts {longest:g} days; this method needs the months of "
            "each person before and after entry, or those of whole sites in site_use"
        )
    people = cohort.people.loc[use["person"], ["arm", "site"]]
    table = pd.DataFrame(
        {
            **{name: people[name].to_numpy() for name in ("arm", "site")},
            "month": (opens / DAYS_A_MONTH).round().astype(int).to_numpy(),
            "count": use["count"].astype(float).to_numpy(),
            "years": ((closes - opens) / DAYS_PER_YEAR).to_numpy(),
        }
    )
    sides = ((closes <= 0) | (opens >= 0)) & ~_touches(opens, closes, outcome)
    table = table[sides.to_numpy()]
    if (table.groupby("site")["arm"].nunique() > 1).any():
        raise AnalysisError("people of one site are in both arms; series of sites need sites that are in one")
    return table.groupby(["arm", "site", "month"], as_index=False)[["count", "years"]].sum()


def _touches(opens: pd.Series[Any], closes: pd.Series[Any], outcome: Outcome) -> pd.Series[bool]:
    """Periods that reach into the days around the start that the outcome leaves out."""
    before, after = outcome.leave_out
    return (closes > -before) & (opens < after)


# ---------------------------------------------------------------------------- every site, every month


def _refuse_gaps(table: pd.DataFrame, of: str) -> None:
    """Each site needs each month, or other stretch of time, that any site has, once."""
    if table.empty:
        raise AnalysisError(f"no site has a whole {of} on the outcome's setting; add them to site_use or service_use")
    seen = table.groupby(["site", of]).size()
    wanted = pd.MultiIndex.from_product([sorted(table["site"].unique()), sorted(table[of].unique())])
    for (site, when), times in zip(wanted, seen.reindex(wanted, fill_value=0), strict=True):
        named = f"{of} {when:g}" + (" (0 is the first from the start on)" if of == "month" else "")
        if times == 0:
            raise AnalysisError(f"site '{site}' has nothing for {named}; add it, or leave that site out")
        if times > 1:
            raise AnalysisError(f"site '{site}' has {named} twice; give calendar months")
