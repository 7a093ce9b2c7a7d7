"""Times to a first event: when service use says that it came, how long it was looked for, and who died before.

A first event has a date where it stands in a period of one day. Periods without any cover the time in which it did not
come. People are followed as long as such periods join without a gap from entry on, or to the end of the planned time,
or until they left. Days are differences of dates: an event on the day after entry comes on day 1, and who was followed
to a day was still there when something happened on it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from instruments.codes import SETTINGS
from instruments.plan import Outcome

from .cohort import Cohort, counted_once, facts_of
from .result import AnalysisError

CENSORED, EVENT, DIED = 0.0, 1.0, 2.0
ON_ENTRY_DAY = 0.5
UNDATED = (
    "{who} had '{setting}' counted over a longer period than a day, so that the day of the first is not known; record "
    "each one as a period of one day, and the time without any as periods with number 0"
)


def time_rows_of(cohort: Cohort, outcome: Outcome) -> pd.DataFrame:
    """Everybody in the study with the time to their first event; missing where they were not followed from entry on.

    Service use counts as for rates: people's own reports give way to health records. An event or a death on the day of
    entry itself stands for half a day. Who died on the day of the event had the event. A death on a day that was not
    recorded leaves the time missing, unless the event is known; who left otherwise is followed as long as periods say.

    Returns
    -------
    DataFrame
        By person: `arm`, `site`, the outcome's covariates, `days` from entry to the event, to death or to the last day
        seen (float, above zero), and `event` (0 not seen, 1 the event, 2 died before).

    Raises
    ------
    AnalysisError
        When somebody's first event stands in a period longer than a day.
    """
    people = cohort.people
    periods = _periods(cohort, outcome)
    found = _first(periods[periods["count"] > 0]).reindex(people.index)
    left = (people["left_on"] - people["entered_on"]).dt.days.astype(float)
    seen = periods.groupby("person")["closes"].max().reindex(people.index)
    last = pd.concat([seen, left], axis=1).min(axis=1, skipna=True).clip(upper=outcome.until_day).where(seen.notna())
    had = found["day"] <= last
    _refuse_undated(cohort, outcome, had & ~found["dated"].eq(True))
    died = people["left_reason"].eq("died") & ~had
    dead = died & (left <= last)
    event = pd.Series(np.select([had, dead], [EVENT, DIED], CENSORED), index=people.index)
    days = found["day"].where(had, last)
    days = days.where(days > 0, ON_ENTRY_DAY).mask(
        (last <= 0) & (event == CENSORED) | (died & left.isna()) | last.isna()
    )
    return facts_of(cohort, outcome).assign(days=days, event=event.where(days.notna()))


def _periods(cohort: Cohort, outcome: Outcome) -> pd.DataFrame:
    """Periods of the setting that join without a gap from entry on, with the days after entry between which they lie.

    A period that began before entry counts from then on; what happened in it, nobody can tell on which side.
    """
    use, _ = counted_once(cohort.dataset["service_use"])
    use = use[(use["setting"] == outcome.setting) & use["person"].isin(cohort.people.index)]
    entered_on = use["person"].map(cohort.people["entered_on"])
    begins, closes = ((use[name] - entered_on).dt.days for name in ("from_on", "until_on"))
    found = pd.DataFrame({"person": use["person"], "opens": begins.clip(lower=0), "closes": closes})
    found = found.assign(count=use["count"].astype(float), length=closes - begins)
    found = found[found["closes"] > 0].sort_values(["person", "opens", "length"])
    reached = found.groupby("person")["closes"].cummax().groupby(found["person"]).shift(fill_value=0)
    gap = (found["opens"] > reached).groupby(found["person"]).cummax()
    return found[~gap]


def _first(events: pd.DataFrame) -> pd.DataFrame:
    """By person, the earliest day on which the first event can have come, and whether that is its date."""
    first = events.drop_duplicates("person").set_index("person")
    return pd.DataFrame({"day": first["opens"].astype(float), "dated": first["length"] == 1})


def _refuse_undated(cohort: Cohort, outcome: Outcome, undated: pd.Series[Any]) -> None:
    """Refuse times that nobody can tell; how many people it concerns is said as far as that many may be shown."""
    count, least = int(undated.sum()), cohort.plan.small_number
    if count:
        who = f"{count:,} people" if count >= least else f"fewer than {least} people"
        raise AnalysisError(UNDATED.format(who=who, setting=SETTINGS[str(outcome.setting)]))
