"""Logistic regression and g-computation against R on the reference study.

`07_binary_lonely6`: glm with clubSandwich 0.5.8, model lonely_6 ~ arm + lonely_0 + age + female + factor(imd) + ltc,
clusters: 24 practices; averaged risks with errors by the delta method from CR1, normal intervals. `glmer` found no
variance between practices, so that its coefficients are those of the plain model.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from analysis.estimators.logistic import logistic

from .conftest import COVARIATES, by_normal, by_t, numbers

ORACLE = "07_binary_lonely6"
Row = Callable[..., dict[str, Any]]


@pytest.mark.parametrize("errors", ["CR1", "CR2"])
def test_the_log_odds_ratio_and_its_errors_are_those_of_r(errors: str, lonely: pd.DataFrame, oracle_row: Row) -> None:
    arm = logistic(lonely, covariates=COVARIATES, errors=errors).terms[1]
    assert by_t(arm) == pytest.approx(numbers(oracle_row(ORACLE, f"logit_{errors}")), rel=1e-6, abs=1e-8)


@pytest.mark.parametrize(("population", "label"), [("everybody", "ATE"), ("intervention", "ATT")])
def test_averaged_risks_and_their_errors_are_those_of_r(
    population: str, label: str, lonely: pd.DataFrame, oracle_row: Row
) -> None:
    difference, ratio = logistic(lonely, covariates=COVARIATES, errors="CR1", population=population).answers
    expected = numbers(oracle_row(ORACLE, f"gcomp_RD_{label}_delta_CR1"))
    assert by_normal(difference.estimate, difference.std_error) == pytest.approx(expected, rel=1e-5)
    assert difference.estimate == pytest.approx(expected[0], rel=1e-8)
    assert difference.std_error == pytest.approx(expected[1], rel=1e-6)
    expected = numbers(oracle_row(ORACLE, f"gcomp_logRR_{label}_delta_CR1"))
    assert by_normal(math.log(ratio.estimate), ratio.std_error) == pytest.approx(expected, rel=1e-5)
    assert math.log(ratio.estimate) == pytest.approx(expected[0], rel=1e-8)
    assert ratio.std_error == pytest.approx(expected[1], rel=1e-6)


def test_a_mixed_model_without_variance_between_sites_is_the_plain_model(lonely: pd.DataFrame, oracle_row: Row) -> None:
    arm = logistic(lonely, covariates=COVARIATES, errors="classical").terms[1]
    expected = numbers(oracle_row(ORACLE, "glmer_logit_nAGQ15"))
    assert by_normal(arm.estimate, arm.std_error) == pytest.approx(expected, rel=2e-6)
    assert (arm.conf_low, arm.conf_high, arm.p_value) == pytest.approx(expected[2:], rel=2e-6)
    assert arm.df is None


def test_the_answers_say_whom_they_stand_on(
    lonely: pd.DataFrame, oracle_extra: Callable[[str], dict[str, Any]]
) -> None:
    fitted = logistic(lonely, covariates=COVARIATES)
    assert sum(fitted.n) == oracle_extra(ORACLE)["N"]
    assert fitted.n_clusters == (12, 12)
    assert [answer.scale for answer in fitted.answers] == ["risk difference", "risk ratio"]
    assert fitted.main.df == pytest.approx(18.4, abs=0.1)
    assert fitted.warnings == ()
