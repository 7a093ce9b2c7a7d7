"""Repeated measures with an unstructured covariance against R's mmrm 0.3.18.

`04b_clda_eq5d`: the reference study, eq5d at four timepoints on arm, timepoint, age, sex, deprivation and conditions,
with and without equal baselines. `04c_mmrm_fev`: data that ship with mmrm, FEV1 ~ RACE + SEX + ARMCD * AVISIT.

That program stops its search a few millionths of a unit of log likelihood short of the maximum, which moves standard
errors by up to 6e-5 of themselves. So there are two comparisons: at the covariance that it stopped at, where everything
must agree closely, and at the maximum, whose likelihood must not be lower.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.estimators.long_rows import long_rows
from analysis.estimators.mmrm import mmrm
from analysis.result import Estimate
from analysis.unstructured import Repeated, UnstructuredFit, unstructured
from instruments.plan import Covariate

from .conftest import COVARIATES

Oracle = Callable[[str], list[dict[str, Any]]]
KINDS = ("Satterthwaite", "Kenward-Roger")
MODELS = {"LDA": False, "cLDA": True}
RACE_AND_SEX = (Covariate("race", "category"), Covariate("sex", "category"))


@pytest.fixture(scope="module")
def rows(comparison_folder: Path) -> pd.DataFrame:
    names = {"id": "person", "practice": "site", "month": "timepoint", "eq5d": "score"}
    return pd.read_csv(comparison_folder / "data" / "cba_long.csv").rename(columns=names)


@pytest.fixture(scope="module")
def fev(comparison_folder: Path) -> pd.DataFrame:
    data = pd.read_csv(comparison_folder / "data" / "fev_data.csv")
    return pd.DataFrame(
        {
            "person": data["USUBJID"],
            "site": "one",
            "arm": (data["ARMCD"] == "TRT").astype(int),
            "timepoint": data["AVISIT"].str.removeprefix("VIS").astype(int),
            "race": pd.Categorical(data["RACE"], ["Asian", "Black or African American", "White"]),
            "sex": pd.Categorical(data["SEX"], ["Male", "Female"]),
            "score": data["FEV1"],
        }
    )


@pytest.fixture(scope="module")
def extra(comparison_folder: Path) -> Callable[[str], dict[str, Any]]:
    def read(name: str) -> dict[str, Any]:
        return dict(json.loads((comparison_folder / f"{name}.json").read_text(encoding="utf-8"))["extra"])

    return read


def fev_term(term: str) -> str:
    """Our name of a term of R's."""
    for theirs, name in (("ARMCDTRT", "arm"), ("AVISITVIS", "timepoint="), ("RACE", "race="), ("SEX", "sex=")):
        term = term.replace(theirs, name)
    return term


def numbers(found: Estimate) -> list[float | None]:
    return [found.estimate, found.std_error, found.df, found.conf_low, found.conf_high, found.p_value]


def expected(row: dict[str, Any]) -> list[float]:
    return [row[name] for name in ("estimate", "se", "df", "lower", "upper", "p")]


# ---------------------------------------------------------------------------- at the maximum


@pytest.mark.parametrize("errors", KINDS)
@pytest.mark.parametrize("model", MODELS)
def test_with_free_and_with_equal_baselines_every_difference_is_that_of_r(
    model: str, errors: str, rows: pd.DataFrame, oracle: Oracle
) -> None:
    stored = [row for row in oracle("04b_clda_eq5d") if row["method"] == f"{model}_{errors}"]
    found = mmrm(rows, covariates=COVARIATES, errors=errors, constrained=MODELS[model])
    assert [row["term"] for row in stored] == ["a3", "a6", "a12"]
    assert [answer.term for answer in found.answers] == [f"arm:timepoint={month}" for month in (3, 6, 12)]
    for answer, row in zip(found.answers, stored, strict=True):
        assert numbers(answer) == pytest.approx(expected(row), rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("errors", KINDS)
def test_every_coefficient_of_the_lung_data_is_that_of_r(errors: str, fev: pd.DataFrame, oracle: Oracle) -> None:
    """Estimates to a ten-thousandth of their standard error, errors and df to a ten-thousandth of themselves."""
    stored = [row for row in oracle("04c_mmrm_fev") if row["method"] == errors]
    found = {term.term: term for term in mmrm(fev, covariates=RACE_AND_SEX, errors=errors).terms}
    assert len(stored) == len(found) == 11
    for row in stored:
        ours = found[fev_term(row["term"])]
        assert ours.estimate == pytest.approx(row["estimate"], abs=2e-4 * row["se"])
        assert (ours.std_error, ours.df) == pytest.approx((row["se"], row["df"]), rel=1e-4)
        assert (ours.conf_low, ours.conf_high) == pytest.approx((row["lower"], row["upper"]), abs=5e-4 * row["se"])
        assert ours.p_value == pytest.approx(row["p"], rel=5e-3)


@pytest.mark.parametrize("errors", KINDS)
def test_without_a_baseline_the_difference_at_a_visit_is_that_of_r(
    errors: str, fev: pd.DataFrame, oracle: Oracle
) -> None:
    """R has it as the arm's coefficient at the first visit, with its error, and after it as that and an interaction."""
    stored = {row["term"]: row for row in oracle("04c_mmrm_fev") if row["method"] == errors}
    first, *later = mmrm(fev, covariates=RACE_AND_SEX, errors=errors, baseline=False).answers
    start = stored["ARMCDTRT"]
    assert first.estimate == pytest.approx(start["estimate"], abs=2e-4 * start["se"])
    assert (first.std_error, first.df) == pytest.approx((start["se"], start["df"]), rel=1e-4)
    assert [answer.term for answer in later] == [f"arm:timepoint={visit}" for visit in (2, 3, 4)]
    for answer, visit in zip(later, (2, 3, 4), strict=True):
        beyond = stored[f"ARMCDTRT:AVISITVIS{visit}"]
        assert answer.estimate == pytest.approx(start["estimate"] + beyond["estimate"], abs=2e-4 * beyond["se"])


# ---------------------------------------------------------------------------- at the covariance R stopped at


def design(rows: pd.DataFrame, covariates: tuple[Covariate, ...], constrained: bool) -> tuple[Repeated, list[str]]:
    """The rows and columns of `mmrm`, by their definition."""
    found = long_rows(rows, covariates, by_site=False)
    after = {f"timepoint={t}": found.period == place for place, t in enumerate(found.timepoints) if place}
    columns = {"(Intercept)": np.ones(len(found.arm))} | ({} if constrained else {"arm": found.arm}) | after
    for covariate in covariates:
        values = found.rows[covariate.name]
        if covariate.kind == "number":
            columns[covariate.name] = values
        else:
            levels = pd.Categorical(values).categories[1:]
            columns |= {f"{covariate.name}={level}": values == level for level in levels}
    columns |= {f"arm:{name}": found.arm * column for name, column in after.items()}
    X = np.column_stack([np.asarray(column, dtype=float) for column in columns.values()])
    return Repeated(X, found.score, found.person, found.period), list(columns)


def compare_there(fit: UnstructuredFit, names: list[str], stored: list[dict[str, Any]], log_likelihood: float) -> None:
    """The same likelihood, estimates and errors; df nearly, which rest on curvature, and off the maximum that depends
    on whether variances or their logarithms are counted.
    """
    assert fit.maximum.deviance / -2 == pytest.approx(log_likelihood, rel=1e-10)
    for errors in KINDS:
        found = fit.errors(errors)
        for row in (row for row in stored if row["method"].endswith(errors)):
            j = names.index(row["term"])
            ours = (fit.maximum.beta[j], found.std_error[j])
            tolerance = 1e-8 if errors == "Satterthwaite" else 2e-6
            assert ours == pytest.approx((row["estimate"], row["se"]), rel=tolerance), row["term"]
            assert found.df[j] == pytest.approx(row["df"], rel=2e-4), row["term"]


def nearly_alike(found: np.ndarray, stored: np.ndarray) -> None:
    """Two covariance matrices, in units of the first one's standard deviations."""
    size = np.sqrt(np.diagonal(found))
    assert found / np.outer(size, size) == pytest.approx(stored / np.outer(size, size), abs=2e-4)


@pytest.mark.parametrize("model", MODELS)
def test_at_r_s_covariance_all_agrees_closely(
    model: str, rows: pd.DataFrame, oracle: Oracle, extra: Callable[[str], dict[str, Any]]
) -> None:
    there = extra("04b_clda_eq5d")
    repeated, names = design(rows, COVARIATES, MODELS[model])
    fit = unstructured(repeated, np.array(there[f"Sigma_{model}"]))
    renamed = [name.replace("arm:timepoint=", "a") for name in names]
    stored = [row for row in oracle("04b_clda_eq5d") if row["method"].startswith(f"{model}_")]
    compare_there(fit, renamed, stored, there[f"ll_{model}"])
    assert len(repeated.y) == there["N"]
    best = unstructured(repeated)
    assert best.maximum.deviance <= fit.maximum.deviance
    nearly_alike(best.covariance, np.array(there[f"Sigma_{model}"]))


def test_at_r_s_covariance_the_lung_data_agree_closely(
    fev: pd.DataFrame, oracle: Oracle, extra: Callable[[str], dict[str, Any]]
) -> None:
    there = extra("04c_mmrm_fev")
    repeated, names = design(fev, RACE_AND_SEX, False)
    fit = unstructured(repeated, np.array(there["Sigma"]))
    stored = [row | {"term": fev_term(row["term"])} for row in oracle("04c_mmrm_fev")]
    compare_there(fit, names, stored, there["loglik"])
    best = unstructured(repeated)
    assert best.maximum.deviance <= fit.maximum.deviance
    nearly_alike(best.covariance, np.array(there["Sigma"]))
