"""Pooling imputations that R made (mice 3.15.0, `09_mice_rubin`), its tipping point, and draws of our own beside them.

The errors by site of that file take 22 degrees of freedom for the complete data (sites less two) where the kit takes
Satterthwaite's; and the dead were imputed there, as an exercise.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.estimators import ancova
from analysis.estimators.imputed import Completed, TippingPoint, imputed, pooled_ancova, tipping_of, tipping_point
from analysis.missing import pool
from instruments.plan import Covariate

from .conftest import COVARIATES, IMD_TERMS, by_t, numbers

OracleRow = Callable[..., dict[str, Any]]
DELTAS = (-0.02, -0.05, -0.08, -0.1, -0.15)
ELSEWHERE = ("eq5d_3", "eq5d_6", "swemwbs_0", "swemwbs_3", "swemwbs_6", "swemwbs_12", "gp_pre")


@pytest.fixture(scope="module")
def rows(people: pd.DataFrame) -> pd.DataFrame:
    """Everybody, the dead included, as the estimator takes them."""
    names = {"practice": "site", "eq5d_0": "baseline", "eq5d_12": "score"}
    return people.drop(columns="died").rename(columns=names).set_index("id").sort_index()


@pytest.fixture(scope="module")
def done(rows: pd.DataFrame, comparison_folder: Path) -> Completed:
    """The 20 completed data sets that mice gave."""
    given = pd.read_csv(comparison_folder / "data" / "mice_imputed_m20.csv.gz")
    scores = given.pivot(index=".imp", columns="id", values="eq5d_12")[rows.index].to_numpy()
    return Completed(rows, {"score": scores}, {}, len(scores))


@pytest.mark.parametrize(
    "term", ["(Intercept)", "arm", "eq5d_0", "age", "female", "imdf2", "imdf3", "imdf4", "imdf5", "ltc"]
)
def test_every_coefficient_pooled(term: str, done: Completed, oracle_row: OracleRow) -> None:
    fitted = pooled_ancova(done, covariates=COVARIATES, errors="classical")
    found = {each.term: each for each in fitted.terms}[IMD_TERMS.get(term, "baseline" if term == "eq5d_0" else term)]
    assert by_t(found) == pytest.approx(numbers(oracle_row("09_mice_rubin", "rubin_ols_BarnardRubin", term)), rel=1e-8)


def test_what_missing_values_cost(done: Completed, oracle_extra: Callable[[str], dict[str, Any]]) -> None:
    expected = oracle_extra("09_mice_rubin")["arm"]
    fits = [ancova(done.table(place), covariates=COVARIATES, errors="classical").main for place in range(done.sets)]
    variances = np.array([[[fit.std_error**2]] for fit in fits if fit.std_error is not None])
    found = pool([[fit.estimate] for fit in fits], variances, 1190)
    increase = found.share[0] / (1 - found.share[0])
    assert [found.estimate[0], found.within[0, 0], found.between[0, 0], found.covariance[0, 0]] == pytest.approx(
        [expected[name] for name in ("qbar", "ubar", "b", "t")], rel=1e-8
    )
    assert [increase, found.share[0], found.fraction_missing[0], found.df[0]] == pytest.approx(
        [expected[name] for name in ("riv", "lambda", "fmi", "df")], rel=1e-8
    )


def test_errors_by_site_with_the_sites_degrees_of_freedom(
    tipped: TippingPoint, oracle_row: OracleRow, oracle_extra: Callable[[str], dict[str, Any]]
) -> None:
    assert oracle_extra("09_mice_rubin")["dfcom_cluster"] == 22
    found = tipped.unshifted
    assert by_t(found) == pytest.approx(
        numbers(oracle_row("09_mice_rubin", "rubin_CR2_BarnardRubin_dfcom22")), rel=1e-8
    )


@pytest.fixture(scope="module")
def tipped(done: Completed) -> TippingPoint:
    return tipping_of(done, covariates=COVARIATES, deltas=DELTAS, df=22)


@pytest.mark.parametrize("delta", [0.0, *DELTAS])
def test_the_tipping_point(delta: float, tipped: TippingPoint, oracle_row: OracleRow) -> None:
    found = tipped.answers["intervention"][tipped.deltas.index(delta)]
    expected = numbers(oracle_row("09_mice_rubin", "delta_tipping_CR2", f"delta={delta:g}"))
    assert by_t(found) == pytest.approx(expected, rel=1e-8, abs=1e-12)


def test_it_turns_where_the_interval_meets_zero(tipped: TippingPoint, done: Completed) -> None:
    """Between -0.02, where R's interval lies above zero, and -0.05, where it holds it."""
    below, above = tipped.turns["intervention"]
    assert below is not None
    assert -0.05 < below < -0.02
    assert above is None
    there = tipping_of(done, covariates=COVARIATES, deltas=[below], df=22).answers["intervention"][0]
    assert there.conf_low == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("draw", ["normal", "matching"])
def test_draws_of_our_own_agree_with_those_of_mice(draw: str, rows: pd.DataFrame, oracle_row: OracleRow) -> None:
    """With the same auxiliaries; each has its own chance in 20 imputations, about a seventh of an error."""
    expected = oracle_row("09_mice_rubin", "rubin_CR2_BarnardRubin_dfcom22")
    found = imputed(rows, covariates=COVARIATES, auxiliaries=ELSEWHERE, draw=draw)
    assert found.n == (670, 530)
    assert found.main.estimate == pytest.approx(expected["estimate"], abs=0.6 * expected["se"])
    assert found.main.std_error == pytest.approx(expected["se"], rel=0.2)


def test_the_dead_left_out_it_holds_the_truth(people: pd.DataFrame, comparison_folder: Path) -> None:
    """The difference that the study was made with lies inside the interval, and everybody alive counts."""
    made_with = json.loads((comparison_folder / "data" / "cba_truth.json").read_text(encoding="utf-8"))
    truth = made_with["ATT_eq5d"]["12"]
    names = {"practice": "site", "eq5d_0": "baseline", "eq5d_12": "score"}
    alive = people.rename(columns=names).set_index("id").assign(died=people.set_index("id")["died"] == 1)
    found = imputed(alive, covariates=COVARIATES, auxiliaries=("eq5d_3", "eq5d_6"))
    assert found.main.n == 1200 - 48
    assert found.main.conf_low is not None
    assert found.main.conf_high is not None
    assert found.main.conf_low < truth < found.main.conf_high


def test_without_a_shift_the_tipping_point_is_the_estimate(rows: pd.DataFrame) -> None:
    covariates = (Covariate("age", "number"),)
    options = {"covariates": covariates, "imputations": 3, "iterations": 2, "auxiliaries": ("eq5d_6",)}
    one, other = imputed(rows, **options), tipping_point(rows, **options)  # type: ignore[arg-type]
    assert by_t(other.unshifted) == pytest.approx(by_t(one.main), rel=1e-10)
