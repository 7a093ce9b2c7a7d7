"""Few sites: joint tests and resampling of sites against R on the reference study.

`01_ancova_eq5d12`: clubSandwich 0.5.8 `Wald_test(test = "HTZ")`, and sandwich's HC1 and HC3, which are CR1S and CR3 with
everybody a site of their own. `13_cea`: 2,000 resamples of sites, drawn in R and stored, fitted there one by one.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import special

from analysis.estimators.inference import t_quantile
from analysis.moments import Moments, cluster_robust, from_rows, least_squares
from analysis.small_sample import cluster_bootstrap, joint_test, permutation_test, wild_cluster_test

TERMS = ("(Intercept)", "arm", "eq5d_0", "age", "female", "imd2", "imd3", "imd4", "imd5", "ltc")


def moments(rows: pd.DataFrame, outcome: str, by: str = "practice", extra: tuple[str, ...] = ()) -> Moments:
    columns = {name: rows[name] for name in TERMS + extra if name in rows}
    levels = {f"imd{level}": rows["imd"] == level for level in range(2, 6)}
    table = pd.DataFrame({"(Intercept)": 1.0, **columns, **levels}, index=rows.index)
    X = table[[*TERMS, *extra]].to_numpy(dtype=float)
    return from_rows(X, rows[outcome].to_numpy(dtype=float), rows[by], TERMS + extra)


@pytest.fixture(scope="module")
def complete(people: pd.DataFrame) -> pd.DataFrame:
    return people.dropna(subset=["eq5d_12"])


def test_two_terms_at_once_are_tested_as_clubsandwich_tests_them(
    complete: pd.DataFrame, comparison_folder: Path
) -> None:
    stored = json.loads((comparison_folder / "01_ancova_eq5d12.json").read_text(encoding="utf-8"))["extra"]
    expected = stored["HTZ_arm_eq5d0"]
    found = joint_test(least_squares(moments(complete, "eq5d_12")), ["arm", "eq5d_0"])
    values = (found.statistic, *found.df, found.p_value)
    assert values == pytest.approx(tuple(expected[name] for name in ("F", "df_num", "df_denom", "p")), rel=1e-8)


@pytest.mark.parametrize(("method", "kind"), [("ols_HC1", "CR1S"), ("ols_HC3", "CR3")])
def test_with_everybody_a_site_of_their_own_errors_are_those_for_unequal_variance(
    method: str, kind: str, complete: pd.DataFrame, oracle: Callable[[str], list[dict[str, Any]]]
) -> None:
    (row,) = [row for row in oracle("01_ancova_eq5d12") if row["method"] == method]
    fit = least_squares(moments(complete, "eq5d_12", by="id"))
    found = (fit.beta[1], cluster_robust(fit, kind).std_error[1])
    assert found == pytest.approx((row["estimate"], row["se"]), rel=1e-8)
    df = fit.n - len(fit.beta)
    reach = t_quantile(0.95, df) * found[1]
    p_value = 2 * special.stdtr(df, -abs(found[0]) / found[1])
    expected = [row[name] for name in ("df", "lower", "upper", "p")]
    assert (df, found[0] - reach, found[0] + reach, p_value) == pytest.approx(expected, rel=1e-7)


@pytest.fixture(scope="module")
def replicates(comparison_folder: Path) -> dict[str, np.ndarray]:
    """The arm's coefficient on cost and on quality-adjusted years in each stored resample, (2000,)."""
    folder = comparison_folder / "data"
    rows = pd.read_csv(folder / "cea_complete.csv")
    draws = pd.read_csv(folder / "cluster_boot_draws.csv.gz").to_numpy()
    counts = np.stack([np.bincount(draw, minlength=25)[1:] for draw in draws])
    return {
        name: cluster_bootstrap(moments(rows, outcome, extra=("gp_pre",)), counts)[:, 1]
        for name, outcome in (("dC", "cost"), ("dE", "qaly"))
    }


@pytest.mark.parametrize("term", ["dC", "dE"])
def test_resampled_coefficients_are_those_of_r(
    term: str, replicates: dict[str, np.ndarray], oracle: Callable[[str], list[dict[str, Any]]]
) -> None:
    (row,) = [r for r in oracle("13_cea") if r["method"] == "cluster_boot_adjusted" and r["term"] == term]
    values = replicates[term]
    found = (values.mean(), values.std(ddof=1), *np.quantile(values, [0.025, 0.975]))
    assert found == pytest.approx((row["estimate"], row["se"], row["lower"], row["upper"]), rel=1e-8)


@pytest.mark.parametrize("threshold", [20_000, 30_000])
def test_the_share_of_resamples_that_are_worth_their_cost_is_that_of_r(
    threshold: int, replicates: dict[str, np.ndarray], oracle: Callable[[str], list[dict[str, Any]]]
) -> None:
    wanted = ("cluster_boot_adjusted", f"CEAC@{threshold}")
    (row,) = [r for r in oracle("13_cea") if (r["method"], r["term"]) == wanted]
    assert (threshold * replicates["dE"] - replicates["dC"] > 0).mean() == pytest.approx(row["estimate"], abs=1e-12)


def test_on_the_reference_study_both_tests_agree_with_the_t_test_on_what_to_think(complete: pd.DataFrame) -> None:
    """No reference values are stored for these two; CR2 gives p = 0.0007, and permutation is known to be careful."""
    found = moments(complete, "eq5d_12")
    wild, dealt = wild_cluster_test(found, "arm"), permutation_test(found)
    assert 0.0001 < wild.p_value < 0.003
    assert (wild.conf_low, wild.conf_high) == pytest.approx((0.0167, 0.0530), abs=0.001)
    assert 0.0007 < dealt.p_value < 0.02
    assert (dealt.draws, dealt.exact) == (2_704_156, True)
