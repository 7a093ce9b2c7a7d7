"""Effects by time since the start with one reference for all, and bounds made of them, next to other programs.

`10_callaway_santanna_mpdta`: employment of teenagers in 500 counties. Without covariates each effect is that of the
interacted regression (`sunab` of fixest 0.12.2), and from the start on that of did 2.2.0, errors too. The covariance
and the bounds are those of diff-diff 3.13.0, which gave what stands below so:

    r = CallawaySantAnna(control_group="never_treated", base_period="universal", estimation_method="dr").fit(
        data, outcome="lemp", unit="countyreal", time="year", first_treat="first.treat", aggregate="event_study")
    r.event_study_vcov
    HonestDiD(method="smoothness", M=size, l_vec=weights).fit(r)    # None: equal weights
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.estimators.course import course_of
from analysis.estimators.honest import honest_bounds
from analysis.estimators.roll_out import callaway_santanna
from analysis.result import Course

from .conftest import numbers

ORACLE = "10_callaway_santanna_mpdta"
Row = Callable[..., dict[str, Any]]
SINCE = (-4, -3, -2, 0, 1, 2, 3)
LOWER = [
    [5.9789409046618139e-04],
    [3.3590735479606143e-04, 3.2829528723871820e-04],
    [2.1081532259293202e-04, 1.7715130766787020e-04, 2.0267514789967933e-04],
    [2.8421313324803566e-05, 3.8226267626540608e-05, 3.3267931835165147e-05, 1.3986288683373035e-04],
    [-8.2464328970871122e-05, -4.2674305462984122e-05, -4.0356569394898789e-05, 6.1531622124481818e-05,
     2.8538954044038644e-04],
    [-2.1355350620988088e-04, -1.3113575140492903e-04, -9.5747438680620316e-05, 4.3721145323156683e-05,
     3.6040104574269527e-04, 1.3275576320849927e-03],
    [-1.7169225979212242e-04, -9.6987057220188235e-05, -6.4340931866169648e-05, 6.5621801075214762e-05,
     3.2527364680580038e-04, 8.6557381518818097e-04, 1.1805563999580772e-03],
]  # fmt: skip
EQUAL, OF_THE_ANSWER = None, (191 / 291, 60 / 291, 20 / 291, 20 / 291)
BOUNDS = {
    (EQUAL, 0.0): (-0.11998499376316171, -0.022545398726857672),
    (EQUAL, 0.01): (-0.14277415895606016, 0.06961014283886983),
    (EQUAL, 0.02): (-0.18550914305032307, 0.13892248532921514),
    (OF_THE_ANSWER, 0.0): (-0.07090652189081603, -0.006995937728235049),
    (OF_THE_ANSWER, 0.01): (-0.07631726464564284, 0.045386729939083215),
    (OF_THE_ANSWER, 0.02): (-0.09519971220863592, 0.08185204491338531),
}


@pytest.fixture(scope="module")
def panel(comparison_folder: Path) -> pd.DataFrame:
    data = pd.read_csv(comparison_folder / "data" / "mpdta.csv")
    start = data["first.treat"].where(data["first.treat"] > 0)
    facts = {"site": data["countyreal"], "person": data["countyreal"], "period": data["year"], "start": start}
    return pd.DataFrame(facts | {"score": data["lemp"], "years": np.exp(data["lpop"])})


@pytest.fixture(scope="module")
def course(panel: pd.DataFrame) -> Course:
    found = course_of(panel, "classical")
    assert isinstance(found, Course)
    return found


def test_every_effect_is_that_of_sunab(course: Course, oracle_row: Row) -> None:
    assert course.since == SINCE
    for since, effect in zip(SINCE, course.effects, strict=True):
        assert effect == pytest.approx(oracle_row(ORACLE, "sunab", f"year::{since}")["estimate"], abs=1e-9)


def test_from_the_start_on_effects_and_errors_are_those_of_did(course: Course, oracle_row: Row) -> None:
    errors = np.sqrt(np.diag(course.covariance))
    for place in (3, 4, 5, 6):
        value, error = numbers(oracle_row(ORACLE, "aggte_nocov_dr_dynamic", f"e={SINCE[place]}"), "estimate", "se")
        assert (course.effects[place], errors[place]) == pytest.approx((value, error), rel=1e-8)


def test_the_covariance_is_that_of_diff_diff(course: Course) -> None:
    for place, row in enumerate(LOWER):
        assert course.covariance[place][: place + 1] == pytest.approx(row, rel=1e-8)
    assert np.array(course.covariance) == pytest.approx(np.array(course.covariance).T, rel=1e-12)


@pytest.mark.parametrize(("weights", "size"), BOUNDS)
def test_the_bounds_are_those_of_diff_diff(course: Course, weights: tuple[float, ...] | None, size: float) -> None:
    (bound,) = honest_bounds(course.effects, course.covariance, 3, weights, sizes=[size]).bounds
    assert (bound.conf_low, bound.conf_high) == pytest.approx(BOUNDS[weights, size], abs=1e-4)


def test_the_weights_make_the_answer(course: Course, panel: pd.DataFrame, oracle_row: Row) -> None:
    """131 counties are seen up to the first year from their start on, 40 to the second, and 20 to the fourth."""
    assert course.weights == pytest.approx(OF_THE_ANSWER)
    assert course.sites == (20, 40, 131, 309)
    simple = oracle_row(ORACLE, "aggte_nocov_dr_simple", "overall")["estimate"]
    assert np.dot(course.weights, course.effects[3:]) == pytest.approx(simple, abs=1e-10)
    whole = callaway_santanna(panel.assign(count=np.exp(panel["score"]).round()), errors="classical").course
    assert isinstance(whole, Course)
    assert whole.effects == pytest.approx(course.effects, abs=1e-8)


def test_the_covariance_is_that_of_influences_worked_out_one_county_at_a_time(
    course: Course, panel: pd.DataFrame
) -> None:
    wide = panel.pivot(index="person", columns="period", values="score")
    start = panel.groupby("person")["start"].first().reindex(wide.index).to_numpy()
    values, years = wide.to_numpy(), list(wide.columns)
    n = len(values)
    moved = np.zeros((n, len(SINCE)))
    for k, since in enumerate(SINCE):
        seen = [g for g in (2004.0, 2006.0, 2007.0) if g + since in years]
        share = {g: sum(start == g) / n for g in seen}
        whole, effects, own = sum(share.values()), {}, {}
        for g in seen:
            change = [values[i, years.index(g + since)] - values[i, years.index(g - 1)] for i in range(n)]
            treated = np.mean([change[i] for i in range(n) if start[i] == g])
            others = np.mean([change[i] for i in range(n) if np.isnan(start[i])])
            effects[g] = treated - others
            never = sum(np.isnan(start)) / n
            for i in range(n):
                own[g, i] = (change[i] - treated) / share[g] if start[i] == g else 0.0
                own[g, i] -= (change[i] - others) / never if np.isnan(start[i]) else 0.0
        average = sum(share[g] * effects[g] for g in seen) / whole
        for i, g in product(range(n), seen):
            moved[i, k] += share[g] / whole * own[g, i] + ((start[i] == g) - share[g]) * (effects[g] - average) / whole
    expected = moved.T @ moved / n**2
    assert np.array(course.covariance) == pytest.approx(expected, rel=1e-9, abs=1e-15)
