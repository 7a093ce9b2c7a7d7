"""Mixed models of repeated scores against R.

`03c_lmm_repeated_eq5d`: lme4 1.1.31, lmerTest 3.1.3, pbkrtest 0.5.2 on the reference study, model
eq5d ~ arm * factor(month) + age + female + factor(imd) + ltc + (1 | practice) + (1 | id), REML; it leaves site x period
out. `14_icc` has the variances of the model with it, for well-being. `03d_lmm_sleepstudy`: random intercept and slope
on data that ship with lme4. Tolerances are wider where lme4's search stopped a little short, which closed forms show.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis.estimators.mixed_model import mixed_model
from analysis.moments import Moments, from_rows
from analysis.random_effects import MixedFit, people_within_sites, random_coefficients

from .conftest import COVARIATES

Oracle = Callable[[str], list[dict[str, Any]]]
NAMES = {"id": "person", "practice": "site", "month": "timepoint"}
KINDS = ("Satterthwaite", "Kenward-Roger")


@pytest.fixture(scope="module")
def rows(comparison_folder: Path) -> pd.DataFrame:
    return pd.read_csv(comparison_folder / "data" / "cba_long.csv").rename(columns=NAMES)


def ours(term: str) -> str:
    """Our name of a term of R's."""
    return term.replace("monthf", "timepoint=").replace("imdf", "imd=")


@pytest.mark.parametrize("errors", KINDS)
def test_every_coefficient_error_and_df_is_that_of_r(errors: str, rows: pd.DataFrame, oracle: Oracle) -> None:
    expected = [row for row in oracle("03c_lmm_repeated_eq5d") if row["method"] == f"rm_{errors}"]
    assert len(expected) == 15
    fitted = mixed_model(rows.rename(columns={"eq5d": "score"}), covariates=COVARIATES, errors=errors, by_period=False)
    found = {term.term: term for term in fitted.terms}
    for row in expected:
        term = found[ours(row["term"])]
        numbers = (term.estimate, term.std_error, term.df, term.conf_low, term.conf_high, term.p_value)
        reference = tuple(row[name] for name in ("estimate", "se", "df", "lower", "upper", "p"))
        assert numbers == pytest.approx(reference, rel=2e-5, abs=2e-6), row["term"]


def test_the_variances_are_those_of_r(rows: pd.DataFrame, comparison_folder: Path) -> None:
    extra = json.loads((comparison_folder / "03c_lmm_repeated_eq5d.json").read_text(encoding="utf-8"))["extra"]
    fitted = mixed_model(rows.rename(columns={"eq5d": "score"}), covariates=COVARIATES, by_period=False)
    found = {term.term: term.estimate for term in fitted.terms if term.scale == "variance"}
    stored = {row["grp"]: row["vcov"] for row in extra["var"]}
    names = {"id": "person", "practice": "site", "Residual": "residual"}
    for theirs, name in names.items():
        assert found[f"variance: {name}"] == pytest.approx(stored[theirs], rel=2e-5)
    assert rows["eq5d"].notna().sum() == extra["N"]


def test_the_restricted_likelihood_is_that_of_r_and_no_lower(
    rows: pd.DataFrame, oracle_extra: Callable[[str], dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    fits: list[MixedFit] = []

    def noted(*given: Any, **named: Any) -> MixedFit:
        fits.append(people_within_sites(*given, **named))
        return fits[-1]

    monkeypatch.setattr(import_module("analysis.estimators.mixed_model"), "people_within_sites", noted)
    mixed_model(rows.rename(columns={"eq5d": "score"}), covariates=COVARIATES, by_period=False)
    (fit,) = fits
    expected = oracle_extra("03c_lmm_repeated_eq5d")["reml_loglik"]
    assert -fit.maximum.deviance / 2 == pytest.approx(expected, rel=1e-10)
    assert -fit.maximum.deviance / 2 > expected - 1e-9


def test_with_site_x_period_the_variances_are_those_of_r(rows: pd.DataFrame, oracle: Oracle) -> None:
    """Model swemwbs ~ factor(month) * arm + (1 | practice) + (1 | practice:month) + (1 | id)."""
    fitted = mixed_model(rows.rename(columns={"swemwbs": "score"}), covariates=())
    found = {term.term.removeprefix("variance: "): term.estimate for term in fitted.terms if term.scale == "variance"}
    of_site = found["site"] + found["site x period"]
    shares = {
        "REML_within_period_ICC": of_site / sum(found.values()),
        "REML_CAC": found["site"] / of_site,
        "REML_IAC": found["person"] / (found["person"] + found["residual"]),
    }
    for method, share in shares.items():
        (row,) = [row for row in oracle("14_icc") if row["method"] == method and row["term"] == "swemwbs"]
        assert share == pytest.approx(row["estimate"], rel=3e-5), method


def test_forgetting_site_x_period_turns_a_few_dozen_df_into_thousands(rows: pd.DataFrame) -> None:
    """The reference study is known for it: about 54 turn into more than 2,800."""
    scores = rows.rename(columns={"swemwbs": "score"})
    kept, left_out = (
        mixed_model(scores, covariates=(), errors="Satterthwaite", at=6, by_period=by_period).main
        for by_period in (True, False)
    )
    assert kept.df == pytest.approx(54, abs=0.5)
    assert 2_800 < (left_out.df or 0) < 2_900
    assert (kept.std_error or 0) > (left_out.std_error or 0)


# ---------------------------------------------------------------------------- random slope


@pytest.fixture(scope="module")
def sleep(comparison_folder: Path) -> pd.DataFrame:
    return pd.read_csv(comparison_folder / "data" / "sleepstudy.csv")


@pytest.fixture(scope="module")
def sums(sleep: pd.DataFrame) -> Moments:
    X = np.column_stack([np.ones(len(sleep)), sleep["Days"]])
    return from_rows(X, sleep["Reaction"].to_numpy(), sleep["Subject"], ("(Intercept)", "Days"))


@pytest.mark.parametrize(
    ("prefix", "columns", "tolerance"), [("ri_", ["(Intercept)"], 1e-6), ("", ["(Intercept)", "Days"], 2e-5)]
)
@pytest.mark.parametrize("errors", KINDS)
def test_random_intercepts_and_slopes_are_those_of_r(
    errors: str, prefix: str, columns: list[str], tolerance: float, sums: Moments, oracle: Oracle
) -> None:
    expected = [row for row in oracle("03d_lmm_sleepstudy") if row["method"] == f"{prefix}{errors}"]
    fit = random_coefficients(sums, columns)
    found = fit.errors(errors)
    assert fit.maximum.beta == pytest.approx([row["estimate"] for row in expected], rel=1e-10)
    assert found.std_error == pytest.approx([row["se"] for row in expected], rel=tolerance)
    assert found.df == pytest.approx([row["df"] for row in expected], rel=tolerance)
    for row, beta, error, df in zip(expected, fit.maximum.beta, found.std_error, found.df, strict=True):
        reach = stats.t.ppf(0.975, df) * error
        ours = (beta - reach, beta + reach, 2 * stats.t.sf(abs(beta) / error, df))
        assert ours[:2] == pytest.approx((row["lower"], row["upper"]), rel=tolerance), row["term"]
        assert ours[2] == pytest.approx(row["p"], rel=1e-3), row["term"]


def test_variances_of_intercept_and_slope_are_those_of_r(sums: Moments, comparison_folder: Path) -> None:
    stored = json.loads((comparison_folder / "03d_lmm_sleepstudy.json").read_text(encoding="utf-8"))["extra"]["var"]
    found = random_coefficients(sums, ["(Intercept)", "Days"]).variances
    reference = [row["vcov"] for row in stored]
    names = ("site: (Intercept)", "site: Days", "site: (Intercept), Days", "residual")
    assert [found[name] for name in names] == pytest.approx(reference, rel=1e-4)


def test_where_every_subject_has_the_same_days_the_fit_has_a_closed_form(sleep: pd.DataFrame, sums: Moments) -> None:
    """A line a subject: their covariance and the spread around them say all. lme4 stops 6e-6 short of it."""
    X = np.column_stack([np.ones(10), np.arange(10)])
    scores = sleep.sort_values(["Subject", "Days"])["Reaction"].to_numpy().reshape(18, 10).T
    lines, rss, *_ = np.linalg.lstsq(X, scores, rcond=None)
    residual = rss.sum() / (18 * 8)
    between = np.cov(lines)
    varying = between - residual * np.linalg.inv(X.T @ X)
    fit = random_coefficients(sums, ["(Intercept)", "Days"])
    expected = [varying[0, 0], varying[1, 1], varying[0, 1], residual]
    assert list(fit.variances.values()) == pytest.approx(expected, rel=1e-8)
    assert fit.errors().std_error == pytest.approx(np.sqrt(np.diagonal(between) / 18), rel=1e-10)
    assert fit.errors().df == pytest.approx([17, 17], rel=1e-8)
