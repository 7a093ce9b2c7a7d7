"""Staggered roll-out in rates of sites: differences of means by hand, what few sites forbid, and what is refused."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.estimators.count_event_study import periods_of
from analysis.estimators.roll_out import callaway_santanna, sun_abraham
from analysis.result import AnalysisError, Estimate, Fitted, PreTrend

STARTS = (3, 3, 3, 3, 5, 5, 5, 5, None, None, None, None, None, None)
METHODS: dict[str, Callable[..., Fitted]] = {"callaway-santanna": callaway_santanna, "sun-abraham": sun_abraham}
EVERY = pytest.mark.parametrize("method", METHODS)


def table(
    starts: tuple[int | None, ...] = STARTS,
    periods: range = range(1, 8),
    seed: int = 1,
    effect: float = 0.8,
    per: float = 900.0,
) -> pd.DataFrame:
    """Sites with Poisson counts around a common course; from its start on a site has `effect` times the rate."""
    dice = np.random.default_rng(seed)
    rows = []
    for number, start in enumerate(starts):
        level = per * dice.uniform(0.7, 1.3)
        for period in periods:
            own = effect if start is not None and period >= start else 1.0
            count = float(dice.poisson(level * own * (1 + 0.1 * math.sin(period))))
            rows.append((f"s{number:02}", period, np.nan if start is None else float(start), count, 100.0 + number))
    return pd.DataFrame(rows, columns=["site", "period", "start", "count", "years"])


def terms_of(fitted: Fitted) -> dict[str, Estimate]:
    return {term.term: term for term in fitted.terms}


def means(rows: pd.DataFrame, *, logarithm: bool = True) -> pd.DataFrame:
    """Mean (log) rate by start, those that never start as 0, and period."""
    rate = rows["count"] / rows["years"]
    value = np.log(rate) if logarithm else rate
    return value.groupby([rows["start"].fillna(0), rows["period"]]).mean().unstack()


# ---------------------------------------------------------------------------- by hand


@given(seed=st.integers(0, 10_000))
@settings(max_examples=12, deadline=None)
def test_each_effect_is_a_difference_of_differences_of_means(seed: int) -> None:
    rows = table(seed=seed)
    mean, found = means(rows), terms_of(callaway_santanna(rows))
    for group, period in ((3, 3), (3, 7), (5, 5), (5, 6)):
        by_hand = (mean.loc[group, period] - mean.loc[group, group - 1]) - (
            mean.loc[0, period] - mean.loc[0, group - 1]
        )
        assert found[f"{group} in {period}"].estimate == pytest.approx(by_hand, abs=1e-10)


@EVERY
def test_the_answer_weighs_effects_by_their_sites(method: str) -> None:
    """Four sites each: the mean of five effects of the first start and of three of the second."""
    rows = table()
    found = terms_of(callaway_santanna(rows))
    effects = [found[f"{g} in {p}"].estimate for g, last in ((3, 7), (5, 7)) for p in range(g, last + 1)]
    assert len(effects) == 8
    assert math.log(METHODS[method](rows).main.estimate) == pytest.approx(np.mean(effects), abs=1e-9)


@EVERY
def test_the_difference_is_that_of_the_rates_themselves(method: str) -> None:
    rows = table()
    mean = means(rows, logarithm=False)
    effects = [
        (mean.loc[g, p] - mean.loc[g, g - 1]) - (mean.loc[0, p] - mean.loc[0, g - 1])
        for g in (3, 5)
        for p in range(g, 8)
    ]
    gap = METHODS[method](rows).answers[1]
    assert (gap.scale, gap.unit) == ("rate difference", "per person-year")
    assert gap.estimate == pytest.approx(np.mean(effects), rel=1e-9)


def test_sun_and_abraham_set_every_period_against_the_last_before_the_start() -> None:
    rows = table()
    mean, found = means(rows), terms_of(sun_abraham(rows))
    assert "start-1" not in found
    by_hand = [(mean.loc[g, g - 2] - mean.loc[g, g - 1]) - (mean.loc[0, g - 2] - mean.loc[0, g - 1]) for g in (3, 5)]
    assert found["start-2"].estimate == pytest.approx(np.mean(by_hand), abs=1e-10)


def test_sun_and_abraham_s_errors_are_those_of_the_regression_with_every_indicator() -> None:
    rows = table().sort_values(["site", "period"])
    y = np.log(rows["count"] / rows["years"]).to_numpy()
    cells = [(g, p) for g in (3, 5) for p in range(1, 8) if p != g - 1]
    columns = [((rows["start"] == g) & (rows["period"] == p)).to_numpy(dtype=float) for g, p in cells]
    columns += [(rows["period"] == p).to_numpy(dtype=float) for p in range(2, 8)]
    columns += [(rows["site"] == site).to_numpy(dtype=float) for site in sorted(rows["site"].unique())]
    X, site = np.column_stack(columns), rows["site"].to_numpy()
    bread = np.linalg.inv(X.T @ X)
    residual = y - X @ (bread @ X.T @ y)
    scores = np.stack([X[site == each].T @ residual[site == each] for each in np.unique(site)])
    covariance = bread @ scores.T @ scores @ bread
    found = terms_of(sun_abraham(rows, errors="CR0"))
    for since in (-2, 0, 1):
        which = np.array([float(p - g == since) for g, p in cells] + [0.0] * (X.shape[1] - len(cells)))
        direction = which / which.sum()
        expected = math.sqrt(direction @ covariance @ direction)
        assert found[f"start{since:+d}"].std_error == pytest.approx(expected, rel=1e-8)


@EVERY
def test_an_effect_that_differs_by_start_is_averaged_and_not_turned_round(method: str) -> None:
    rows = table(effect=1.0, per=90_000.0)
    early, late = rows["start"] == 3, rows["start"] == 5
    after = rows["period"] >= rows["start"]
    rows.loc[early & after, "count"] *= 0.5
    rows.loc[late & after, "count"] *= 0.9
    expected = math.exp((5 * math.log(0.5) + 3 * math.log(0.9)) / 8)
    assert METHODS[method](rows).main.estimate == pytest.approx(expected, rel=0.01)


@EVERY
def test_neither_the_order_of_rows_nor_names_nor_the_unit_of_time_matter(method: str) -> None:
    rows = table()
    plain = METHODS[method](rows).main
    others = (
        rows.sample(frac=1, random_state=2),
        rows.assign(site=rows["site"].map(lambda name: f"p{99 - int(name[1:])}")),
        rows.assign(years=12 * rows["years"]),
    )
    for other in others:
        found = METHODS[method](other).main
        assert found.estimate == pytest.approx(plain.estimate, rel=1e-9)
        assert found.std_error == pytest.approx(plain.std_error, rel=1e-8)


# ---------------------------------------------------------------------------- zeros


@EVERY
def test_a_period_without_an_event_leaves_the_difference_alone_and_says_so(method: str) -> None:
    rows = table(per=40.0)
    rows.loc[(rows["site"] == "s09") & (rows["period"] == 4), "count"] = 0.0
    fitted = METHODS[method](rows)
    assert [answer.scale for answer in fitted.answers] == ["rate difference"]
    assert {term.scale for term in fitted.terms} == {"rate difference"}
    assert fitted.warnings[-1].startswith(
        "In 1 of the site-periods nothing happened: the ratio of rates cannot be given"
    )


# ---------------------------------------------------------------------------- who counts


@EVERY
def test_sites_that_had_it_from_the_first_period_on_are_left_out_and_counted(method: str) -> None:
    rows, more = table(), table((1, 0, *STARTS))
    rows = more[~more["site"].isin(["s00", "s01"])]
    plain, found = METHODS[method](rows), METHODS[method](more)
    assert found.main.estimate == pytest.approx(plain.main.estimate, rel=1e-10)
    assert found.n == (8, 6)
    assert found.warnings[-1].startswith("2 sites were in the intervention arm from the first period on")


@EVERY
def test_sites_that_start_after_the_last_period_never_start_here(method: str) -> None:
    rows = table()
    later = rows.assign(start=rows["start"].where(rows["site"] != "s13", 20.0))
    assert METHODS[method](later).main.estimate == pytest.approx(METHODS[method](rows).main.estimate, rel=1e-10)


@EVERY
@pytest.mark.parametrize("starts", [(3, 3, 3, 5, None, None, None, None), (3, 3, 3, 5, 5, None, None, None)])
def test_fewer_than_four_sites_in_a_group_of_all_give_no_p_value_where_an_arm_is_small(
    method: str, starts: tuple[int | None, ...]
) -> None:
    fitted = METHODS[method](table(starts))
    few = min(fitted.n) < 4
    assert (fitted.main.p_value is None) == few
    assert any("One arm has only" in warning for warning in fitted.warnings) == few


@EVERY
def test_units_are_sites(method: str) -> None:
    fitted = METHODS[method](table())
    assert (fitted.units, fitted.n, fitted.n_clusters) == ("sites", (8, 6), (8, 6))
    assert not any("people" in answer.method for answer in METHODS[method](table(), errors="classical").answers)


@EVERY
def test_a_term_rests_on_the_events_of_its_sites_or_of_those_beside_them(method: str) -> None:
    rows = table()
    rows.loc[(rows["start"] == 3) & (rows["period"] == 7), "count"] = 2.0
    fitted = METHODS[method](rows)
    assert fitted.rests_on("start+4") == 8
    never = rows[rows["start"].isna()].groupby("period")["count"].sum().min()
    assert fitted.rests_on("simple") == never
    assert fitted.rests_on("no such term") == 8


# ---------------------------------------------------------------------------- before the start


def test_sites_that_move_apart_before_their_start_are_seen_to() -> None:
    rows = table(starts=(5,) * 8 + (None,) * 8, seed=5)
    drifting = rows.assign(
        count=(rows["count"] * np.where(rows["start"] == 5, np.exp(0.1 * rows["period"]), 1)).round()
    )
    steady, apart = (callaway_santanna(each).pre_trend for each in (rows, drifting))
    assert isinstance(steady, PreTrend)
    assert isinstance(apart, PreTrend)
    assert apart.p_value < 0.01 < steady.p_value


def test_the_check_leaves_the_test_to_what_it_checks() -> None:
    assert sun_abraham(table()).pre_trend is None


def test_too_many_effects_before_the_start_for_so_few_sites_are_not_tested() -> None:
    starts = (*range(4, 9), None, None, None, None)
    found = callaway_santanna(table(starts, range(1, 10))).pre_trend
    assert isinstance(found, str)
    assert found.startswith("9 sites are too few to test ")


def test_without_two_periods_before_a_start_nothing_is_seen() -> None:
    found = callaway_santanna(table((2, 2, 2, 2, None, None, None, None))).pre_trend
    assert found == "no site has two periods before its start, so it cannot be seen whether sites moved alike"


# ---------------------------------------------------------------------------- refusals


@EVERY
@pytest.mark.parametrize(
    ("bend", "said"),
    [
        (
            lambda rows: rows[rows["start"].notna()],
            "no site stays without a link worker; leave out the periods from the last start on",
        ),
        (lambda rows: rows.assign(years=0.0), "the person-years of some period are not above zero; correct them"),
        (
            lambda rows: rows.assign(count=np.nan),
            "a period of a site lacks one of site, period, count, years; fill it in or leave the site out",
        ),
        (
            lambda rows: rows[rows["period"] == 1],
            "nobody was seen in two periods and more; nothing can be compared before and after",
        ),
    ],
)
def test_what_cannot_be_compared_is_refused_by_name(
    method: str, bend: Callable[[pd.DataFrame], pd.DataFrame], said: str
) -> None:
    with pytest.raises(AnalysisError) as refused:
        METHODS[method](bend(table()))
    assert str(refused.value) == said


@EVERY
def test_a_roll_out_in_which_nobody_ever_starts_is_refused(method: str) -> None:
    with pytest.raises(AnalysisError, match="intervention"):
        METHODS[method](table((None,) * 6))


def test_the_last_of_the_terms_are_the_other_averages() -> None:
    assert [term.term for term in callaway_santanna(table()).terms][-3:] == ["group", "dynamic", "calendar"]
    assert all(periods_of(term.term) is not None for term in sun_abraham(table()).terms)
