"""ANCOVA with a random site against R on the reference study.

`03_lmm_ancova_eq5d12`: lme4 1.1.31, lmerTest 3.1.3 (Satterthwaite) and pbkrtest 0.5.2 (Kenward-Roger), model
eq5d_12 ~ arm + eq5d_0 + age + female + factor(imd) + ltc + (1 | practice), REML. The sites come out not to differ at
all, on purpose: the maximum lies on the edge.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from analysis.estimators.mixed_model import random_intercept
from analysis.random_effects import MixedFit, random_coefficients

from .conftest import COVARIATES

TERMS = {"eq5d_0": "baseline"} | {f"imdf{level}": f"imd={level}" for level in range(2, 6)}


@pytest.fixture(scope="module")
def rows(people: pd.DataFrame) -> pd.DataFrame:
    return people.rename(columns={"practice": "site", "eq5d_0": "baseline", "eq5d_12": "score"})


@pytest.mark.parametrize("errors", ["Satterthwaite", "Kenward-Roger"])
def test_every_coefficient_error_and_df_is_that_of_r(
    errors: str, rows: pd.DataFrame, oracle: Callable[[str], list[dict[str, Any]]]
) -> None:
    expected = [row for row in oracle("03_lmm_ancova_eq5d12") if row["method"] == f"ancova_ri_{errors}"]
    assert len(expected) == 10
    found = {term.term: term for term in random_intercept(rows, covariates=COVARIATES, errors=errors).terms}
    for row in expected:
        ours = found[TERMS.get(row["term"], row["term"])]
        numbers = (ours.estimate, ours.std_error, ours.df, ours.conf_low, ours.conf_high, ours.p_value)
        reference = tuple(row[name] for name in ("estimate", "se", "df", "lower", "upper", "p"))
        assert numbers == pytest.approx(reference, rel=1e-6, abs=1e-8), row["term"]


def test_the_variances_are_those_of_r(rows: pd.DataFrame, comparison_folder: Path) -> None:
    extra = json.loads((comparison_folder / "03_lmm_ancova_eq5d12.json").read_text(encoding="utf-8"))["extra"]
    fitted = random_intercept(rows, covariates=COVARIATES)
    found = {term.term: term.estimate for term in fitted.terms if term.scale == "variance"}
    stored = {row["grp"]: row["vcov"] for row in extra["var"]}
    assert found["variance: site"] == stored["practice"] == 0
    assert found["variance: residual"] == pytest.approx(stored["Residual"], rel=1e-8)
    assert fitted.main.n == extra["N"]


def test_the_restricted_likelihood_is_that_of_r(
    rows: pd.DataFrame, oracle_extra: Callable[[str], dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    fits: list[MixedFit] = []

    def noted(*given: Any) -> MixedFit:
        fits.append(random_coefficients(*given))
        return fits[-1]

    monkeypatch.setattr(import_module("analysis.estimators.mixed_model"), "random_coefficients", noted)
    random_intercept(rows, covariates=COVARIATES)
    (fit,) = fits
    expected = oracle_extra("03_lmm_ancova_eq5d12")["reml_loglik"]
    assert -fit.maximum.deviance / 2 == pytest.approx(expected, rel=1e-10)


def test_at_the_edge_satterthwaite_forgets_the_sites_and_kenward_and_roger_do_not(rows: pd.DataFrame) -> None:
    df = {
        errors: random_intercept(rows, covariates=COVARIATES, errors=errors).main.df
        for errors in ("Satterthwaite", "Kenward-Roger")
    }
    assert df["Satterthwaite"] == pytest.approx(808, abs=1e-2)
    assert df["Kenward-Roger"] == pytest.approx(22.298, abs=1e-2)
