"""A study with made-up outcomes: which methods would refuse is found by trying them, and nobody learns how arms fare.

Who has an outcome, and everything that was known at entry, are as in the data. What was measured afterwards is drawn
anew, alike in both arms, so that a method refuses for what the study is and never for how its arms did.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.random import Generator

from instruments.plan import Event, Outcome

from ..cohort import Cohort, of_scale
from ..estimators import ESTIMATORS
from ..moments import Array
from ..result import AnalysisError
from .fitting import Task

SEED, EVENTS = 1, 4.0


def refusals(cohort: Cohort, task: Task) -> tuple[str, ...]:
    """Why a method would refuse an outcome, as found with made-up numbers; nothing where it would not."""
    outcome, method = task
    try:
        ESTIMATORS[method](rehearsed(cohort, outcome), outcome)
    except AnalysisError as error:
        return error.faults
    return ()


def rehearsed(cohort: Cohort, outcome: Outcome) -> Cohort:
    """The same people with made-up numbers wherever the outcome was measured after the baseline."""
    dice = np.random.default_rng(SEED)
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
    tables = {**cohort.dataset.tables, "service_use": periods.assign(count=counts)}
    return replace(cohort, use=use.assign(count=made), dataset=replace(cohort.dataset, tables=tables))


def _spread(n: int, dice: Generator) -> Array:
    return np.asarray(1 + dice.poisson(dice.gamma(2.0, EVENTS / 2.0, n)), dtype=np.float64)
