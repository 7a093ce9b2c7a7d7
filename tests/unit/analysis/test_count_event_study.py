"""Event study of counts on small tables whose answers can be written down, and what it refuses."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.estimators.count_event_study import count_event_study, events_behind, periods_of, since_start
from analysis.estimators.poisson_change import poisson_change
from analysis.result import AnalysisError, Estimate, Fitted, PreTrend


def table(
    sites: int = 5, periods: range = range(-4, 3), seed: int = 1, effect: float = 0.8, drift: float = 0.0
) -> pd.DataFrame:
    """Sites of both arms with Poisson counts; from period 0 on the intervention arm has `effect` times the rate."""
    dice = np.random.default_rng(seed)
    rows = []
    for number in range(2 * sites):
        arm, level = int(number < sites), dice.uniform(300, 500)
        for period in periods:
            own = (effect if period >= 0 else 1.0) * math.exp(drift * period) if arm else 1.0
            rows.append(
                (arm, f"s{number}", period, float(dice.poisson(level * own * (1 + 0.05 * (period % 4)))), 50.0 + number)
            )
    return pd.DataFrame(rows, columns=["arm", "site", "period", "count", "years"])


def terms_of(fitted: Fitted) -> dict[str, Estimate]:
    return {term.term: term for term in fitted.terms}


# ---------------------------------------------------------------------------- closed forms


@given(seed=st.integers(0, 10_000))
@settings(max_examples=15, deadline=None)
def test_with_time_that_does_not_change_ratios_are_those_of_totals(seed: int) -> None:
    rows = table(seed=seed)
    totals = rows.pivot_table(index="period", columns="arm", values="count", aggfunc="sum")
    ratio = totals[1] / totals[0]
    for name, term in terms_of(count_event_study(rows)).items():
        assert term.estimate == pytest.approx(math.log(ratio[periods_of(name)] / ratio[-1]), abs=1e-8)


def test_two_periods_are_the_change_of_each_site_s_rate() -> None:
    """With a site in the place of a person, conditional Poisson regression is the same model."""
    rows = table(periods=range(-1, 1))
    wide = rows.pivot_table(index=["arm", "site"], columns="period", values=["count", "years"])
    people = pd.DataFrame(
        {"count": wide["count", 0], "years": wide["years", 0], "baseline_count": wide["count", -1],
         "baseline_years": wide["years", -1]}
    ).reset_index()  # fmt: skip
    one, other = count_event_study(rows, errors="CR0").main, poisson_change(people, errors="CR0").main
    assert one.estimate == pytest.approx(other.estimate, rel=1e-8)
    assert one.std_error == pytest.approx(other.std_error, rel=1e-6)


def test_time_that_changes_is_allowed_for() -> None:
    """Twice the people and twice the count in one period are no effect."""
    rows = table(effect=1.0)
    double = rows.copy()
    moved = (double["period"] == 1) & (double["arm"] == 1)
    double.loc[moved, ["count", "years"]] *= 2
    one, other = terms_of(count_event_study(rows)), terms_of(count_event_study(double))
    for name in one:
        assert other[name].estimate == pytest.approx(one[name].estimate, abs=0.03)


def test_another_unit_of_time_moves_the_difference_and_not_the_ratio() -> None:
    rows = table()
    (ratio, gap), (same, other) = (
        count_event_study(each).answers for each in (rows, rows.assign(years=12 * rows["years"]))
    )
    assert same.estimate == pytest.approx(ratio.estimate, rel=1e-9)
    assert other.estimate == pytest.approx(gap.estimate / 12, rel=1e-9)
    assert other.p_value == pytest.approx(gap.p_value, rel=1e-6)


def test_swapping_the_arms_inverts_every_ratio() -> None:
    rows = table()
    one, other = (count_event_study(each) for each in (rows, rows.assign(arm=1 - rows["arm"])))
    assert other.main.estimate == pytest.approx(1 / one.main.estimate, rel=1e-8)
    for name, term in terms_of(one).items():
        assert terms_of(other)[name].estimate == pytest.approx(-term.estimate, abs=1e-8)
        assert terms_of(other)[name].std_error == pytest.approx(term.std_error, rel=1e-6)


def test_neither_the_order_of_rows_nor_the_names_of_sites_matter() -> None:
    rows = table()
    plain = count_event_study(rows)
    shuffled = rows.sample(frac=1, random_state=4)
    renamed = rows.assign(site=rows["site"].map(lambda name: f"practice {99 - int(name[1:])}"))
    for other in (shuffled, renamed):
        found = count_event_study(other)
        assert found.main.estimate == pytest.approx(plain.main.estimate, rel=1e-9)
        assert found.main.std_error == pytest.approx(plain.main.std_error, rel=1e-7)
        assert found.main.df == pytest.approx(plain.main.df, rel=1e-5)


# ---------------------------------------------------------------------------- before the start


def test_arms_that_drift_apart_are_seen_to_before_the_start() -> None:
    steady, apart = (count_event_study(table(sites=8, drift=drift)).pre_trend for drift in (0.0, 0.15))
    assert isinstance(steady, PreTrend)
    assert isinstance(apart, PreTrend)
    assert steady.p_value > 0.05 > 0.001 > apart.p_value


def test_the_joint_test_of_one_period_is_the_square_of_its_t() -> None:
    fitted = count_event_study(table(periods=range(-2, 2)))
    tested, term = fitted.pre_trend, terms_of(fitted)["start-2"]
    assert isinstance(tested, PreTrend)
    assert term.std_error is not None
    assert tested.df[0] == 1
    assert tested.statistic == pytest.approx((term.estimate / term.std_error) ** 2, rel=0.02)
    assert tested.p_value == pytest.approx(term.p_value, abs=0.02)


def test_one_period_before_the_start_says_that_nothing_can_be_seen() -> None:
    found = count_event_study(table(periods=range(-1, 3))).pre_trend
    assert found == "there is one period before the start only, so it cannot be seen whether the arms moved alike"


@pytest.mark.parametrize("sites", [2, 3])
def test_with_too_few_sites_nothing_is_tested_and_the_warning_says_why(sites: int) -> None:
    fitted = count_event_study(table(sites=sites))
    assert fitted.pre_trend == (
        "with fewer than 4 sites in an arm it cannot be tested whether the arms moved alike before the start"
    )
    assert fitted.main.p_value is None
    assert f"One arm has only {sites} sites." in fitted.warnings[0]


def test_more_periods_than_sites_can_tell_apart_are_not_tested() -> None:
    found = count_event_study(table(sites=4, periods=range(-12, 2))).pre_trend
    assert isinstance(found, str)
    assert found.startswith("whether the arms moved alike before the start was not tested: 8 sites are too few")


def test_one_site_in_an_arm_gives_an_estimate_and_no_interval() -> None:
    rows = table(sites=4)
    rows = rows[(rows["arm"] == 1) | (rows["site"] == "s7")]
    fitted = count_event_study(rows)
    assert fitted.n_clusters == (4, 1)
    assert all(answer.conf_low is None and answer.p_value is None for answer in fitted.answers)


def test_with_errors_of_the_model_the_test_has_its_degrees_of_freedom() -> None:
    rows = table()
    fitted = count_event_study(rows, errors="classical")
    found = fitted.pre_trend
    assert isinstance(found, PreTrend)
    left = len(rows) - 10 - 6 - 6
    assert found.df == (3, left)
    assert fitted.n_clusters is None
    assert fitted.main.df == left


@pytest.mark.parametrize("seed", range(3))
def test_no_effect_is_rarely_found_where_there_is_none(seed: int) -> None:
    """Forty studies without an effect or a drift: p-values below 5 % should be about two."""
    found = [count_event_study(table(effect=1.0, seed=100 * seed + k)) for k in range(40)]
    main = sum((fitted.main.p_value or 1) < 0.05 for fitted in found)
    before = sum(isinstance(f.pre_trend, PreTrend) and f.pre_trend.p_value < 0.05 for f in found)
    assert main <= 7
    assert before <= 7


# ---------------------------------------------------------------------------- what it rests on


def test_units_and_sizes_are_those_of_site_periods() -> None:
    fitted = count_event_study(table())
    assert (fitted.units, fitted.n, fitted.n_clusters) == ("site-periods", (35, 35), (5, 5))
    assert fitted.main.n == 70


def test_a_term_rests_on_the_events_of_the_arm_that_has_fewer() -> None:
    rows = table()
    totals = rows.groupby(["period", "arm"])["count"].sum()
    fitted = count_event_study(rows)
    assert fitted.rests_on("start+1") == min(totals[1, 0], totals[1, 1])
    assert fitted.rests_on("start-3") == min(totals[-3, 0], totals[-3, 1])
    sides = rows.groupby(["arm", rows["period"] >= 0])["count"].sum()
    assert fitted.rests_on("arm") == events_behind(rows, "period")["arm"] == sides.min()


@pytest.mark.parametrize(("periods", "term"), [(-8, "start-8"), (0, "start+0"), (3, "start+3"), (12, "start+12")])
def test_a_term_says_how_many_periods_it_is_from_the_start(periods: int, term: str) -> None:
    assert since_start(periods) == term
    assert periods_of(term) == periods


@pytest.mark.parametrize("term", ["arm", "period +1", "site=s2", "2004 in 2006", "group"])
def test_other_terms_are_of_no_period(term: str) -> None:
    assert periods_of(term) is None


# ---------------------------------------------------------------------------- refusals


def without(arm: int, which: Callable[[pd.Series], pd.Series]) -> Callable[[pd.DataFrame], pd.DataFrame]:
    return lambda rows: rows[(rows["arm"] != arm) | ~which(rows["period"])]


def emptied(rows: pd.DataFrame) -> pd.DataFrame:
    rows.loc[(rows["arm"] == 1) & (rows["period"] == 2), "count"] = 0.0
    return rows


@pytest.mark.parametrize(
    ("bend", "said"),
    [
        (lambda rows: rows.assign(years=0.0), "the person-years of some period are not above zero; correct them"),
        (
            lambda rows: rows.assign(count=rows["count"].where(rows["period"] != 1)),
            "a period of a site lacks one of arm, site, period, count, years; fill it in or leave the site out",
        ),
        (
            without(0, lambda period: period == -1),
            "the comparison arm has no period just before or none after the start; nothing to compare",
        ),
        (
            without(1, lambda period: period >= 0),
            "the intervention arm has no period just before or none after the start; nothing to compare",
        ),
        (
            without(0, lambda period: period > -99),
            "the comparison arm has no period just before or none after the start; nothing to compare",
        ),
        (emptied, "the intervention arm has no event in period 2; name longer periods"),
    ],
)
def test_what_it_cannot_compare_it_refuses_by_name(bend: Callable[[pd.DataFrame], pd.DataFrame], said: str) -> None:
    with pytest.raises(AnalysisError) as refused:
        count_event_study(bend(table()))
    assert str(refused.value) == said


def test_unknown_errors_are_refused() -> None:
    with pytest.raises(AnalysisError, match="unknown errors 'HC1'"):
        count_event_study(table(), errors="HC1")
