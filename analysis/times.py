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
QUARTERS, ROUNDING = (0.25, 0.5, 0.75), 1e-9
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


def follow_up_of(cohort: Cohort, outcome: Outcome) -> pd.DataFrame:
    """How long everybody in the study was looked at, whatever was seen: no count of service use is read.

    Returns
    -------
    DataFrame
        By person: `arm`, `site`, the outcome's covariates, `days` from entry to the last one looked at (float, at most
        `until_day`; missing for who was not followed from entry on), and `cut`: whether the record breaks off early
        after a period of one day, as it may with the event, or with a death. These would have been followed longer.
    """
    people, periods = cohort.people, _periods(cohort, outcome)
    last = periods.sort_values(["person", "closes"]).drop_duplicates("person", keep="last").set_index("person")
    seen, died = last["closes"].reindex(people.index).astype(float), people["left_reason"].eq("died")
    left = (people["left_on"] - people["entered_on"]).dt.days.astype(float)
    end = seen.where(~(left < seen), left)
    on_a_day = (last["length"] == 1).reindex(people.index, fill_value=False) & ~(left < seen)
    cut = (on_a_day | died & ~(seen < left)) & (end < float(outcome.until_day or 0))
    days = end.clip(upper=outcome.until_day).where((end > 0) | cut)
    return facts_of(cohort, outcome).assign(days=days, cut=cut)


def longest_of(followed: pd.DataFrame) -> pd.Series[float]:
    """Days for which each could have been followed: where the record was cut, as long as anybody of the arm was.

    Where nobody of the arm has a record that was not cut, the longest of both arms stands for it.

    Parameters
    ----------
    followed
        What `follow_up_of` gave.
    """
    whole = followed["days"].where(~followed["cut"])
    most = whole.groupby(followed["arm"]).transform("max").fillna(followed["days"].max())
    return whole.where(~followed["cut"], most.where(most >= followed["days"], followed["days"]))


def follow_up_quartiles(followed: pd.DataFrame, longest: float) -> tuple[float, float, float]:
    """Quartiles of the days for which people could have been followed (reverse Kaplan-Meier).

    A record that was cut says that its person would have been followed for longer, as in a curve of survival one that
    ends without the event does. So the quartiles do not tell how often records were cut.

    Parameters
    ----------
    followed
        Rows of `follow_up_of`, of an arm; those without days are passed over.
    longest
        The longest follow-up of both arms, which stands for a quartile where no record was left whole for so long.

    References
    ----------
    Schemper M, Smith TL. Control Clin Trials 1996;17:343-346. doi:10.1016/0197-2456(96)00075-X
    """
    known = followed.dropna(subset=["days"])
    days, whole = known["days"].to_numpy(dtype=float), ~known["cut"].to_numpy(dtype=bool)
    times = np.unique(days[whole])
    ended = np.array([(whole & (days == time)).sum() for time in times])
    still = np.array([((days > time) | (whole & (days == time))).sum() for time in times])
    gone = 1 - np.cumprod(1 - ended / still)
    low, middle, high = (times[gone >= share - ROUNDING] for share in QUARTERS)
    first = [float(found[0]) if len(found) else longest for found in (low, middle, high)]
    return first[0], first[1], first[2]


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
