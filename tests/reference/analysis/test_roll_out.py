"""Staggered roll-out in the rates of sites against did 2.2.0 and sunab of fixest 0.12.2, on their public teaching data.

`10_callaway_santanna_mpdta`: the outcome there is the logarithm of teenage employment, which is a whole number, and a
county's population does not change: so the logarithm of the rate gives the same effects to the last figure.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.estimators.count_event_study import periods_of
from analysis.estimators.roll_out import callaway_santanna, sun_abraham
from analysis.result import PreTrend

from .conftest import by_normal, numbers

ORACLE = "10_callaway_santanna_mpdta"
Row = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def counties(comparison_folder: Path) -> pd.DataFrame:
    data = pd.read_csv(comparison_folder / "data" / "mpdta.csv")
    start = data["first.treat"].where(data["first.treat"] > 0)
    rows = {"site": data["countyreal"], "period": data["year"], "start": start, "years": np.exp(data["lpop"])}
    return pd.DataFrame(rows | {"count": np.exp(data["lemp"]).round()})


def same(ours: Any, row: dict[str, Any], rel: float = 1e-8) -> None:
    found, expected = by_normal(ours.estimate, ours.std_error), numbers(row)
    assert found == pytest.approx(expected, rel=rel, abs=1e-9)


def test_the_answer_is_the_ratio_of_did_s_simple_average(counties: pd.DataFrame, oracle_row: Row) -> None:
    main = callaway_santanna(counties, errors="classical").main
    expected = numbers(oracle_row(ORACLE, "aggte_nocov_dr_simple", "overall"))
    assert np.log(main.estimate) == pytest.approx(expected[0], abs=1e-10)
    assert main.std_error == pytest.approx(expected[1], rel=1e-9)
    assert np.log([main.conf_low, main.conf_high]) == pytest.approx(expected[2:4], abs=1e-9)
    assert main.p_value == pytest.approx(expected[4], rel=1e-6)


def test_effects_by_time_since_the_start_are_those_of_did(counties: pd.DataFrame, oracle_row: Row) -> None:
    terms = [
        term for term in callaway_santanna(counties, errors="classical").terms if periods_of(term.term) is not None
    ]
    assert len(terms) == 7
    for term in terms:
        same(term, oracle_row(ORACLE, "aggte_nocov_dr_dynamic", f"e={periods_of(term.term)}"))


def test_effects_by_start_and_period_are_those_of_did(counties: pd.DataFrame, oracle_row: Row) -> None:
    terms = [term for term in callaway_santanna(counties, errors="classical").terms if " in " in term.term]
    assert len(terms) == 12
    for term in terms:
        group, period = term.term.split(" in ")
        same(term, oracle_row(ORACLE, "att_gt_nocov_dr", f"ATT({group},{period})"))


@pytest.mark.parametrize("average", ["dynamic", "calendar"])
def test_other_averages_stand_among_the_terms(counties: pd.DataFrame, oracle_row: Row, average: str) -> None:
    (term,) = [each for each in callaway_santanna(counties, errors="classical").terms if each.term == average]
    same(term, oracle_row(ORACLE, f"aggte_nocov_dr_{average}", "overall"))


def test_the_test_before_the_start_is_that_of_did(
    counties: pd.DataFrame, oracle_extra: Callable[[str], dict[str, Any]]
) -> None:
    found, extra = callaway_santanna(counties, errors="classical").pre_trend, oracle_extra(ORACLE)
    assert isinstance(found, PreTrend)
    assert found.statistic == pytest.approx(extra["wald_pretest_W"], rel=1e-8)
    assert found.p_value == pytest.approx(extra["wald_pretest_p"][0][0], abs=5e-6)
    assert found.df == (5, np.inf)


def test_with_errors_by_site_it_is_hotelling_s_and_hardly_other_with_five_hundred_sites(counties: pd.DataFrame) -> None:
    large, small = (callaway_santanna(counties, errors=errors).pre_trend for errors in ("classical", "CR2"))
    assert isinstance(large, PreTrend)
    assert isinstance(small, PreTrend)
    assert small.df[0] == 5
    assert 100 < small.df[1] < 495
    assert small.statistic == pytest.approx(large.statistic / 5, rel=0.06)
    assert small.p_value == pytest.approx(large.p_value, abs=0.03)
    assert small.p_value > large.p_value


# ---------------------------------------------------------------------------- Sun and Abraham


def test_sun_and_abraham_s_effects_are_those_of_fixest(counties: pd.DataFrame, oracle_row: Row) -> None:
    """fixest's errors between counties carry G / (G - 1) and (n - 1) / (n - K), K the terms and one."""
    terms = sun_abraham(counties, errors="classical").terms
    assert [term.term for term in terms] == [f"start{e:+d}" for e in (-4, -3, -2, 0, 1, 2, 3)]
    for term in terms:
        same(term, oracle_row(ORACLE, "sunab", f"year::{periods_of(term.term)}"))


def test_sun_and_abraham_s_answer_is_that_of_fixest(counties: pd.DataFrame, oracle_row: Row) -> None:
    main = sun_abraham(counties, errors="classical").main
    expected = numbers(oracle_row(ORACLE, "sunab", "ATT"))
    assert np.log(main.estimate) == pytest.approx(expected[0], abs=1e-10)
    assert main.std_error == pytest.approx(expected[1], rel=1e-8)


def test_without_covariates_both_find_the_same_from_the_start_on(counties: pd.DataFrame) -> None:
    one, other = callaway_santanna(counties), sun_abraham(counties)
    theirs = {term.term: term.estimate for term in other.terms}
    after = [term for term in one.terms if (periods_of(term.term) or -1) >= 0]
    assert len(after) >= 3
    for term in after:
        assert term.estimate == pytest.approx(theirs[term.term], abs=1e-10)
    for mine, yours in zip(one.answers, other.answers, strict=True):
        assert mine.estimate == pytest.approx(yours.estimate, rel=1e-9)
        assert mine.std_error == pytest.approx(yours.std_error, rel=0.1)


def test_one_regression_with_two_sets_of_effects_would_have_said_something_else(
    counties: pd.DataFrame, oracle_row: Row
) -> None:
    """Why it is not offered: it weighs comparisons of late starters with early ones in."""
    (plain,) = numbers(oracle_row(ORACLE, "twfe", "treat"), "estimate")
    assert np.log(callaway_santanna(counties).main.estimate) < plain - 0.003
