"""Negative binomial regression against MASS 7.3-58.2 and sandwich 3.0.2 (`05_counts_ancova`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from analysis.estimators.negative_binomial import negative_binomial

from .conftest import COVARIATES, by_normal, by_t, numbers

Row = Callable[..., dict[str, Any]]


def test_the_log_rate_ratio_and_the_model_s_errors_are_those_of_r(attendances: pd.DataFrame, oracle_row: Row) -> None:
    arm = negative_binomial(attendances, covariates=COVARIATES, errors="classical").terms[1]
    expected = numbers(oracle_row("05_counts_ancova", "negbin_ancova_model"))
    assert by_normal(arm.estimate, arm.std_error) == pytest.approx(expected, rel=1e-8)
    assert (arm.conf_low, arm.conf_high, arm.p_value) == pytest.approx(expected[2:], rel=1e-8)
    assert arm.df is None


def test_the_errors_by_site_are_those_of_r(attendances: pd.DataFrame, oracle_row: Row) -> None:
    arm = negative_binomial(attendances, covariates=COVARIATES, errors="CR1").terms[1]
    assert by_t(arm) == pytest.approx(numbers(oracle_row("05_counts_ancova", "negbin_ancova_CR1")), rel=1e-8)


def test_the_size_and_its_error_are_those_of_r(
    attendances: pd.DataFrame, oracle_extra: Callable[[str], dict[str, Any]]
) -> None:
    size = negative_binomial(attendances, covariates=COVARIATES).terms[-1]
    extra = oracle_extra("05_counts_ancova")
    assert (size.term, size.scale) == ("size", "size")
    assert (size.estimate, size.std_error) == pytest.approx((extra["theta_nb"], extra["se_theta"]), rel=1e-6)


def test_the_bias_reduced_errors_are_near_those_of_the_poisson_model(attendances: pd.DataFrame) -> None:
    """No outside value: the variance model changes the weights, hardly the answer."""
    ratio, difference = negative_binomial(attendances, covariates=COVARIATES).answers
    assert ratio.estimate == pytest.approx(0.8714, abs=5e-4)
    assert ratio.std_error == pytest.approx(0.0370, abs=1e-3)
    assert ratio.df == pytest.approx(18.2, abs=0.5)
    assert (difference.scale, difference.unit) == ("rate difference", "per person-year")
