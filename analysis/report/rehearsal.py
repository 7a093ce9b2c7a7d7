"""A study with made-up outcomes: which methods would refuse is found by trying them, and nobody learns how arms fare.

Who has an outcome, and everything that was known at entry, are as in the data. What was measured afterwards is drawn
anew, alike in both arms, so that a method refuses for what the study is and never for how its arms did.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.random import Generator

from instruments.plan import Event, Outcome

from ..cohort import Cohort, named_covariates, of_scale
from ..estimators import EVERY_METHOD
from ..moments import Array
from ..result import AnalysisError
from ..series import starts
from ..times import follow_up_of, longest_of
from .fitting import Task

SEED, EVENTS = 1, 4.0


def refusals(cohort: Cohort, task: Task) -> tuple[str, ...]:
    """Why a method would refuse an outcome, as found with made-up numbers; nothing where it would not."""
    outcome, method = task
    try:
        EVERY_METHOD[method](rehearsed(cohort, outcome), outcome)
    except AnalysisError as error:
        return error.faults
    return ()


def rehearsed(cohort: Cohort, outcome: Outcome) -> Cohort:
    """The same people with made-up numbers wherever the outcome was measured after the baseline."""
    dice = np.random.default_rng(SEED)
    if outcome.kind == "time-to-event":
        return _times(cohort, outcome, dice)
    return _counts(cohort, outcome, dice) if outcome.setting else _scores(cohort, outcome, dice)


def _scores(cohort: Cohort, outcome: Outcome, dice: Generator) -> Cohort:
    """Scores that go with the person's own at baseline and differ between sites; an event for every second person."""
    scores, later = cohort.scores, [timepoint.id for timepoint in cohort.plan.follow_ups]
    own = of_scale(scores, outcome)
    after = own.index[own["timepoint"].isin(later)]
    before = own[own["timepoint"] == cohort.plan.baseline.id].set_index("person")["score"]
    rows = scores.loc[after].join(cohort.people[["arm", "site"]], on="person")
    if outcome.event is None:
        made = _like(before, rows, dice)
    else:
        place = pd.Series(dice.random(len(rows)), rows.index).groupby([rows["arm"], rows["timepoint"]]).rank()
        made = np.where(place % 2 == 1, *_either_side(outcome.event))
    changed = scores["score"].astype(float)
    changed.loc[after] = made
    return replace(cohort, scores=scores.assign(score=changed))


def _either_side(event: Event) -> tuple[float, float]:
    """A score that is the event, and one that is not."""
    if event.at_least is not None:
        return event.at_least, event.at_least - 1
    most = float(event.at_most or 0)
    return most, most + 1


def _like(before: pd.Series[Any], rows: pd.DataFrame, dice: Generator) -> Array:
    """A number a row: half of it the person's own (from `before`, where that is known), the rest of site and moment."""
    spread = float(before.std()) if before.nunique() > 1 else 1.0
    middle = float(before.mean()) if len(before) else 0.0
    known = (rows["person"].map(before).to_numpy(dtype=float) - middle) / spread
    ids, whose = np.unique(rows["person"].to_numpy(dtype=str), return_inverse=True)
    where = pd.factorize(rows["site"], use_na_sentinel=False)[0]
    lasting = np.where(np.isnan(known), dice.normal(size=len(ids))[whose], known)
    of_site = dice.normal(size=int(where.max(initial=0)) + 1)[where]
    return np.asarray(middle + spread * (0.6 * lasting + 0.2 * of_site + 0.7 * dice.normal(size=len(rows))))


def _counts(cohort: Cohort, outcome: Outcome, dice: Generator) -> Cohort:
    """Counts from entry on that spread more than chance alone would have them."""
    use = cohort.use
    mine = (use["setting"] == outcome.setting) & use["count"].notna()
    made = use["count"].astype(float)
    made.loc[mine] = _spread(int(mine.sum()), dice)
    periods = cohort.dataset["service_use"]
    entered_on = periods["person"].map(cohort.people["entered_on"])
    later = (periods["setting"] == outcome.setting) & (periods["from_on"] >= entered_on)
    counts = periods["count"].astype(float)
    counts.loc[later] = _spread(int(later.sum()), dice)
    tables = {"service_use": periods.assign(count=counts), "site_use": _of_sites(cohort, outcome, dice)}
    return replace(_holding(cohort, tables), use=use.assign(count=made))


def _of_sites(cohort: Cohort, outcome: Outcome, dice: Generator) -> pd.DataFrame:
    """What whole sites used: from the first start of all on, at the rate that all of them had together before it."""
    use, first = cohort.dataset["site_use"], starts(cohort).min()
    mine = (use["setting"] == outcome.setting) & use["count"].notna()
    after, before = mine & (use["until_on"] > first), mine & (use["until_on"] <= first)
    years = use["person_years"].astype(float).fillna(0).clip(lower=0)
    counts = use["count"].astype(float)
    known = float(years[before].sum())
    rate = counts[before].sum() / known if known else EVENTS
    counts.loc[after] = 1.0 + dice.poisson(rate * years[after])
    return use.assign(count=counts)


def _holding(cohort: Cohort, tables: Mapping[str, pd.DataFrame]) -> Cohort:
    return replace(cohort, dataset=replace(cohort.dataset, tables={**cohort.dataset.tables, **tables}))


def _times(cohort: Cohort, outcome: Outcome, dice: Generator) -> Cohort:
    """An event on some day for every second person of each arm; everybody else is followed to the end, nobody dies.

    Whoever is followed for longest, and has every covariate, has none, so that the curves reach as far as they can.
    """
    followed = follow_up_of(cohort, outcome)
    days = longest_of(followed).dropna().astype(int)
    names = [covariate.name for covariate in named_covariates(cohort.plan, outcome)]
    drawn = pd.DataFrame({"known": followed[names].notna().all(axis=1), "days": days, "dice": 0.0}).loc[days.index]
    drawn["dice"] = dice.random(len(drawn))
    by_arm = drawn.sort_values(["known", "days", "dice"], ascending=False).groupby(followed["arm"])
    alone = by_arm["days"].transform("size") == 1
    has = (by_arm.cumcount() % 2 == 1).reindex(days.index) | alone.reindex(days.index)
    on = (days * dice.random(len(days))).astype(int).where(has, days)
    entered_on = cohort.people["entered_on"].loc[days.index]
    free = _days_of(outcome, entered_on, 0 * on, on, 0)[(on > 0).to_numpy()]
    events = _days_of(outcome, entered_on, on, on + 1, 1)[has.to_numpy()]
    people = cohort.people.assign(left_on=pd.Series(pd.NaT, cohort.people.index), left_reason=None)
    return replace(_holding(cohort, {"service_use": pd.concat([free, events])}), people=people)


def _days_of(
    outcome: Outcome, entered_on: pd.Series[Any], opens: pd.Series[Any], closes: pd.Series[Any], count: int
) -> pd.DataFrame:
    """A period of service use for each person, between days after entry."""
    return pd.DataFrame(
        {
            "person": entered_on.index,
            "setting": outcome.setting,
            "source": "record-extract",
            "from_on": (entered_on + pd.to_timedelta(opens, unit="D")).to_numpy(),
            "until_on": (entered_on + pd.to_timedelta(closes, unit="D")).to_numpy(),
            "count": count,
        }
    )


def _spread(n: int, dice: Generator) -> Array:
    return np.asarray(1 + dice.poisson(dice.gamma(2.0, EVENTS / 2.0, n)), dtype=np.float64)
