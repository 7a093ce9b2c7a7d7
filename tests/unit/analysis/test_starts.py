"""Sites that start together: how they vary, by hand; what is given where few do; how often no effect is called one."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from analysis.estimators.doubly_robust import error_of
from analysis.estimators.inference import t_quantile
from analysis.estimators.roll_out import callaway_santanna, sun_abraham
from analysis.estimators.staggered import (
    FEW_TOGETHER,
    NOT_KNOWN,
    Average,
    GroupTime,
    by_time_since,
    errors_of,
    from_the_start_on,
    group_time_effects,
    staggered,
)
from analysis.estimators.starts import positive, starts_of
from instruments.plan import Covariate
from tests.unit.analysis.test_changes import rollout
from tests.unit.analysis.test_roll_out import EVERY, METHODS, table, terms_of

NEVER = (None,) * 6


def panel_of(series: np.ndarray, starts: tuple[float | None, ...]) -> pd.DataFrame:
    """Sites' series (n, t) as rows, each site a person of its own."""
    n, periods = series.shape
    facts = {"person": np.repeat(np.arange(n), periods), "period": np.tile(np.arange(1, periods + 1), n)}
    start = np.repeat(np.array([math.nan if each is None else each for each in starts]), periods)
    return pd.DataFrame(facts | {"site": facts["person"], "start": start, "score": series.ravel()})


# ---------------------------------------------------------------------------- by hand


SERIES = np.array([
    [0.0, 5.0, 9.0],
    [1.0, 2.0, 4.0], [0.0, 2.0, 5.0], [2.0, 2.0, 8.0], [1.0, 2.0, 3.0],
    [0.0, 1.0, 1.0], [0.0, 3.0, 4.0], [1.0, 2.0, 2.0], [3.0, 2.0, 5.0],
])  # fmt: skip
HAND = (2, 3, 3, 3, 3, None, None, None, None)


def test_two_starts_by_hand() -> None:
    """One site starts in 2, four in 3, four never. Steps from 1 to 2 of the four: 1, 2, 0, 1; of the others 1, 3, 1, -1.

    Around their means, 1 both, their squares sum to 2 and 8: 10 on 6 degrees of freedom for the one; 8 on 3, over four
    sites, for those it is set against. From 2 to 3 the four step 2, 3, 6, 1 (squares 14), the others 0, 1, 0, 3 (6).
    """
    found = terms_of(staggered(panel_of(SERIES, HAND)))
    assert found["2 in 2"].estimate == pytest.approx(5 - 1)
    assert found["2 in 2"].std_error == pytest.approx(math.sqrt(10 / 6 + 8 / 3 / 4))
    assert found["3 in 3"].estimate == pytest.approx(3 - 1)
    assert found["3 in 3"].std_error == pytest.approx(math.sqrt(14 / 3 / 4 + 6 / 3 / 4))
    own, others = 14 / 3 / 4, 6 / 3 / 4
    assert found["3 in 3"].df == pytest.approx((own + others) ** 2 / (own**2 / 3 + others**2 / 3))


def test_the_degrees_of_freedom_of_one_site_by_hand() -> None:
    """The never-starters give 3 of the 6 that are pooled, and stand there for themselves too; working values as taken."""
    (term,) = [each for each in staggered(panel_of(SERIES, HAND)).terms if each.term == "2 in 2"]
    pooled, never, four = 10 / 6, 8 / 3, 2 / 3
    of_never = never * (3 / 6 + 1 / 4)
    of_four = four * 3 / 6
    assert of_never + of_four == pytest.approx(pooled + never / 4)
    # each of the two comes in by one direction alone, so that it counts as one variance on 3 degrees of freedom
    assert term.df == pytest.approx((of_never + of_four) ** 2 / (of_never**2 / 3 + of_four**2 / 3))


def test_covariances_are_a_start_s_own_where_it_has_four_sites_and_that_of_all_where_not() -> None:
    dice = np.random.default_rng(3)
    series, place = dice.normal(size=(11, 3)), np.array([0, 1, 1, 2, 2, 2, 2, 2, 3, 3, 3])
    found = starts_of(series, place)
    around = np.concatenate([series[place == each] - series[place == each].mean(axis=0) for each in range(4)])
    together = around.T @ around / (11 - 4)
    assert found.left == 7
    assert list(found.enough) == [False, False, True, False]
    for each in (0, 1, 3):
        assert found.covariances[each] == pytest.approx(together)
    assert found.covariances[2] == pytest.approx(np.cov(series[place == 2].T))


def test_with_one_start_the_error_is_welch_s() -> None:
    """Two means of changes, each with the variance of its own sites, and Satterthwaite's degrees of freedom."""
    dice = np.random.default_rng(4)
    series = dice.normal(size=(11, 2)) * np.repeat([2.0, 1.0], [5, 6])[:, None]
    main = staggered(panel_of(series, (2,) * 5 + NEVER)).main
    change = series[:, 1] - series[:, 0]
    one, other = change[:5].var(ddof=1) / 5, change[5:].var(ddof=1) / 6
    assert main.std_error == pytest.approx(math.sqrt(one + other))
    assert main.df == pytest.approx((one + other) ** 2 / (one**2 / 4 + other**2 / 5))


def test_what_is_below_zero_in_a_matrix_is_left_out() -> None:
    assert positive(np.array([[2.0, 0.0], [0.0, -1.0]])) == pytest.approx(np.array([[2.0, 0.0], [0.0, 0.0]]))
    assert positive(np.array([[2.0, 1.0], [1.0, 2.0]])) == pytest.approx(np.array([[2.0, 1.0], [1.0, 2.0]]))


def test_sites_all_alike_leave_no_error_and_no_p_value() -> None:
    series = np.tile([1.0, 2.0, 4.0], (9, 1))
    main = staggered(panel_of(series, HAND)).main
    assert (main.estimate, main.std_error, main.p_value) == (pytest.approx(0), pytest.approx(0), None)


# ---------------------------------------------------------------------------- what cannot matter


@pytest.mark.parametrize("starts", [(3, 4, 5, 6), (3, 3, 5, 5), (3, 3, 3, 3, 5, 5, 5, 5)])
def test_levels_of_sites_shared_trends_and_the_unit_cannot_matter(starts: tuple[int, ...]) -> None:
    dice = np.random.default_rng(5)
    every = (*starts, *NEVER)
    series = dice.normal(size=(len(every), 7))
    plain = staggered(panel_of(series, every)).main
    moved = series + 10 * dice.normal(size=(len(every), 1)) + dice.normal(size=7)
    other = staggered(panel_of(moved, every)).main
    larger = staggered(panel_of(1000 * series, every)).main
    assert (other.estimate, other.std_error) == pytest.approx((plain.estimate, plain.std_error), rel=1e-9)
    assert (larger.std_error, larger.df) == pytest.approx((1000 * (plain.std_error or 0), other.df), rel=1e-6)


@EVERY
def test_the_order_of_rows_cannot_matter_where_sites_start_singly(method: str) -> None:
    rows = table((3, 4, 5, 5, *NEVER))
    one, other = (METHODS[method](each) for each in (rows, rows.sample(frac=1, random_state=3)))
    for mine, yours in zip(one.terms, other.terms, strict=True):
        assert mine.std_error == pytest.approx(yours.std_error, rel=1e-8)


# ---------------------------------------------------------------------------- few sites


@EVERY
def test_few_sites_that_start_together_are_told(method: str) -> None:
    assert FEW_TOGETHER in METHODS[method](table((3, 3, 3, 5, 5, 5, 5, *NEVER))).warnings
    assert FEW_TOGETHER not in METHODS[method](table((3, 3, 3, 3, 5, 5, 5, 5, *NEVER))).warnings


def test_what_rests_on_fewer_than_four_sites_has_an_interval_and_no_p_value() -> None:
    found = terms_of(callaway_santanna(table((3, 4, 5, 6, *NEVER))))
    alone, all_four = found["3 in 4"], found["start+1"]
    assert alone.conf_low is not None
    assert alone.p_value is None
    assert all_four.p_value is not None
    assert found["start+2"].p_value is None
    beside = terms_of(sun_abraham(table((3, 4, 5, 6, *NEVER))))
    assert (beside["start+1"].p_value is None, beside["start+2"].p_value is None) == (False, True)


@pytest.mark.parametrize("covariates", [(), (Covariate("age", "number"),)])
def test_of_people_in_few_sites_nothing_is_given_but_the_estimate(covariates: tuple[Covariate, ...]) -> None:
    rows = rollout(noise=0.02)
    few = rows[~rows["site"].isin([0, 3])]
    fitted = staggered(few, covariates=covariates)
    found = terms_of(fitted)
    assert NOT_KNOWN in fitted.warnings
    for term in (fitted.main, found["3 in 3"]):
        assert (term.std_error, term.conf_low, term.p_value) == (None, None, None)
    assert found["4 in 4"].p_value is not None
    assert NOT_KNOWN not in staggered(rows, covariates=covariates).warnings


def test_of_people_in_sites_the_error_of_one_start_s_effect_is_that_of_its_sites_means() -> None:
    """Five people in each of four sites, and in four that never start: variances of the means of changes by site."""
    rows = rollout(noise=0.02)
    (term,) = [each for each in staggered(rows).terms if each.term == "3 in 3"]
    wide = rows.pivot(index="person", columns="period", values="score")
    site = rows.groupby("person")["site"].first()
    change = (wide[3] - wide[2]).groupby(site).mean()
    own, never = change[[0, 3, 6, 9]], change[[2, 5, 8, 11]]
    assert term.std_error == pytest.approx(math.sqrt(own.var() / 4 + never.var() / 4))


# ---------------------------------------------------------------------------- false alarms


def again(found: GroupTime, series: np.ndarray) -> GroupTime:
    """The same roll-out with other series of its sites (n, t), without laying out its rows anew."""
    place, n = found.place, len(series)
    means = np.stack([series[place == each].mean(axis=0) for each in range(len(found.sites))])
    around = series - means[place]
    moved = [n / found.sites[h] * found.on[h] @ own for h, own in zip(place, around, strict=True)]
    effect = np.einsum("hkt,ht->k", found.on, means)
    return replace(found, effect=effect, influence=np.stack(moved), starts=starts_of(series, place))


def shocks(dice: np.random.Generator, n: int, periods: int) -> np.ndarray:
    """Levels of sites, and shocks half of which last to the next period."""
    found = [dice.normal(size=n)]
    for _ in range(periods - 1):
        found.append(0.5 * found[-1] + math.sqrt(0.75) * dice.normal(size=n))
    return np.stack(found, axis=1) + 3 * dice.normal(size=(n, 1))


def test_the_same_roll_out_with_other_series_is_that_of_rows_laid_out_anew() -> None:
    dice, starts = np.random.default_rng(6), (3, 4, 5, 5, *NEVER)
    one, other = (group_time_effects(panel_of(shocks(dice, 10, 7), starts)) for _ in range(2))
    series = panel_of(shocks(np.random.default_rng(7), 10, 7), starts)
    anew = group_time_effects(series)
    found = again(one, series["score"].to_numpy().reshape(10, 7))
    assert found.effect == pytest.approx(anew.effect)
    assert found.influence == pytest.approx(anew.influence, abs=1e-9)
    assert other.effect != pytest.approx(anew.effect)


@pytest.mark.parametrize("starts", [tuple(range(4, 12)), (4, 4, 6, 6, 8, 8, 10, 10), (4,) * 4 + (8,) * 4])
def test_no_effect_is_called_one_as_often_as_it_is_said(starts: tuple[int, ...]) -> None:
    """300 draws, 5 % of which are 15, more than 26 hardly ever; the errors of two arms call one site's half the time."""
    dice, every = np.random.default_rng(8), (*starts, *(None,) * 8)
    laid = group_time_effects(panel_of(shocks(dice, 16, 12), every))
    first = np.eye(len(laid.group))[np.flatnonzero((laid.group == 4) & (laid.period == 6))[0]]
    one = Average(first, np.zeros(laid.on.shape[:2]))
    tried = {"answer": from_the_start_on(laid), "at the start": by_time_since(laid, 0), "one": one}
    called = dict.fromkeys([*tried, "as two arms"], 0)

    def beyond(value: float, error: tuple[float, float]) -> bool:
        return abs(value) > t_quantile(0.95, error[1]) * error[0]

    for _ in range(300):
        found = again(laid, shocks(dice, 16, 12))
        for name, average in tried.items():
            called[name] += beyond(float(average.weights @ found.effect), errors_of(found, average, "CR2"))
        two_arms = error_of(one.influence(found), found.laid.X[:, 1], found.laid.site, "CR2")
        called["as two arms"] += beyond(float(first @ found.effect), two_arms)
    assert max(called[name] for name in tried) <= 26
    assert (called["as two arms"] > 45) == (starts.count(4) < 4)
