"""Staggered roll-out against did 2.2.0 and DRDID 1.0.5 on their public teaching data.

`10_callaway_santanna_mpdta`: teenage employment in 500 counties, analytic errors between counties. Two things differ.
did's error of the average by group takes the first group's members for those of every group; the same mistake made
here gives its number exactly. And R's glm hands out the information of the step before its last, which moves errors of
what rests on a propensity score by some 1e-6 of their size. Sun and Abraham's regression and the plain one with two
sets of effects are in `test_numbers_without_a_method.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.estimators.doubly_robust import doubly_robust_change
from analysis.estimators.staggered import GroupTime, group_time_effects, moved_alike, staggered
from analysis.result import Fitted
from instruments.plan import Covariate

from .conftest import by_normal, numbers

ORACLE = "10_callaway_santanna_mpdta"
POPULATION = (Covariate("lpop", "number"),)
RUNS: dict[str, dict[str, Any]] = {
    "nocov_dr": {},
    "cov_dr": {"covariates": POPULATION},
    "cov_reg": {"covariates": POPULATION, "method": "regression"},
    "cov_ipw": {"covariates": POPULATION, "method": "weights"},
}
Row = Callable[..., dict[str, Any]]
EVERY = pytest.mark.parametrize("run", RUNS)


@pytest.fixture(scope="module")
def counties(comparison_folder: Path) -> pd.DataFrame:
    data = pd.read_csv(comparison_folder / "data" / "mpdta.csv")
    data = data.rename(columns={"year": "period", "countyreal": "person", "lemp": "score"})
    return data.assign(site=data["person"], start=data["first.treat"].where(data["first.treat"] > 0))


@pytest.fixture(scope="module")
def fitted(counties: pd.DataFrame) -> dict[str, Fitted]:
    return {run: staggered(counties, errors="classical", **asked) for run, asked in RUNS.items()}


def same(ours: Any, row: dict[str, Any]) -> None:
    found, expected = by_normal(ours.estimate, ours.std_error), numbers(row)
    assert found[0] == pytest.approx(expected[0], abs=1e-9)
    assert found[1:] == pytest.approx(expected[1:], rel=2e-5, abs=1e-7)


@EVERY
def test_effects_by_group_and_period_are_those_of_did(run: str, fitted: dict[str, Fitted], oracle_row: Row) -> None:
    effects = [term for term in fitted[run].terms if " in " in term.term]
    assert len(effects) == 12
    for effect in effects:
        group, period = effect.term.split(" in ")
        same(effect, oracle_row(ORACLE, f"att_gt_{run}", f"ATT({group},{period})"))


@EVERY
def test_effects_by_time_since_the_start_are_those_of_did(run: str, fitted: dict[str, Fitted], oracle_row: Row) -> None:
    since = [term for term in fitted[run].terms if term.term.startswith("start")]
    assert len(since) == 7
    for effect in since:
        same(effect, oracle_row(ORACLE, f"aggte_{run}_dynamic", f"e={int(effect.term.removeprefix('start'))}"))


@EVERY
@pytest.mark.parametrize("average", ["simple", "dynamic", "calendar"])
def test_averages_are_those_of_did(run: str, average: str, fitted: dict[str, Fitted], oracle_row: Row) -> None:
    (answer,) = [answer for answer in fitted[run].answers if answer.term == average]
    same(answer, oracle_row(ORACLE, f"aggte_{run}_{average}", "overall"))


@pytest.mark.parametrize("run", ["nocov_dr", "cov_reg"])
def test_without_a_propensity_score_they_are_so_to_the_tenth_figure(
    run: str, fitted: dict[str, Fitted], oracle_row: Row
) -> None:
    expected = numbers(oracle_row(ORACLE, f"aggte_{run}_simple", "overall"))
    assert (fitted[run].main.estimate, fitted[run].main.std_error) == pytest.approx(expected[:2], rel=1e-10)


@EVERY
def test_the_average_by_group_is_that_of_did_and_its_error_nearly(
    run: str, fitted: dict[str, Fitted], oracle_row: Row
) -> None:
    (answer,) = [answer for answer in fitted[run].answers if answer.term == "group"]
    expected = numbers(oracle_row(ORACLE, f"aggte_{run}_group", "overall"))
    assert answer.estimate == pytest.approx(expected[0], abs=1e-9)
    assert answer.std_error == pytest.approx(expected[1], rel=5e-3)


@EVERY
def test_with_did_s_mistake_the_error_by_group_is_did_s(
    run: str, counties: pd.DataFrame, fitted: dict[str, Fitted], oracle_row: Row
) -> None:
    """The members of the first group where those of each group belong."""
    found = group_time_effects(counties, **RUNS[run])
    groups = np.unique(found.group)
    each = [(found.period >= found.group) & (found.group == group) for group in groups]
    effect = np.array([found.effect[which].mean() for which in each])
    influence = np.stack([found.influence[:, which].mean(axis=1) for which in each], axis=1)
    share = np.array([(found.start == group).mean() for group in groups])

    def error(member_of: np.ndarray) -> float:
        member = (found.start[:, None] == member_of) - share
        through_shares = member / share.sum() - np.outer(member.sum(axis=1), share) / share.sum() ** 2
        whole = influence @ share / share.sum() + through_shares @ effect
        return float(np.sqrt(whole @ whole) / len(whole))

    (ours,) = [answer for answer in fitted[run].answers if answer.term == "group"]
    assert ours.std_error == pytest.approx(error(groups), rel=1e-10)
    same(replace(ours, std_error=error(np.repeat(groups[0], 3))), oracle_row(ORACLE, f"aggte_{run}_group", "overall"))


def test_against_those_not_yet_starting_it_is_that_of_did(counties: pd.DataFrame, oracle_row: Row) -> None:
    answer = staggered(counties, errors="classical", compared_with="not yet").main
    expected = numbers(oracle_row(ORACLE, "aggte_nocov_nyt_simple", "overall"))
    assert by_normal(answer.estimate, answer.std_error) == pytest.approx(expected, rel=1e-9)


def test_the_test_before_the_start_is_that_of_did(
    counties: pd.DataFrame, oracle_extra: Callable[[str], dict[str, Any]]
) -> None:
    found: GroupTime = group_time_effects(counties)
    extra = oracle_extra(ORACLE)
    statistic, p_value = moved_alike(found) or (math.nan, math.nan)
    assert statistic == pytest.approx(extra["wald_pretest_W"], rel=1e-8)
    assert p_value == pytest.approx(extra["wald_pretest_p"][0][0], abs=5e-6)


@EVERY
def test_one_group_and_two_periods_are_the_doubly_robust_change(
    run: str, counties: pd.DataFrame, oracle_row: Row
) -> None:
    """Counties that start in 2006 or never, 2005 and 2007."""
    used = counties[counties["start"].isna() | (counties["start"] == 2006)]
    scores = used.pivot(index="person", columns="period", values="score")
    first = used.groupby("person").first()
    rows = pd.DataFrame(
        {
            "arm": first["start"].notna().astype(int),
            "site": first.index,
            "score": scores[2007],
            "baseline": scores[2005],
            "lpop": first["lpop"],
        }
    )
    asked = {"covariates": (), **RUNS[run]}
    answer = doubly_robust_change(rows, errors="classical", **asked).main
    same(answer, oracle_row(ORACLE, f"att_gt_{run}", "ATT(2006,2007)"))
