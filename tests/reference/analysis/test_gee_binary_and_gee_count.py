"""Generalised estimating equations against geepack 1.3.9 on the reference study.

`07_binary_lonely6` and `05_counts_ancova`: exchangeable within 24 practices, plain sandwich, normal intervals. geepack
stops when no coefficient moves by more than 1e-4; with the same rule the numbers are the same, and solved to the end
they differ by 3e-6 of their size.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.estimators.gee import equations, gee_binary, gee_count
from analysis.estimators.poisson_rate import count_design
from analysis.glm import POISSON

from .conftest import COVARIATES, by_normal, numbers

Row = Callable[..., dict[str, Any]]
LIKE_GEEPACK = 1e-4


def test_the_log_odds_ratio_is_that_of_geepack(lonely: pd.DataFrame, oracle_row: Row) -> None:
    expected = numbers(oracle_row("07_binary_lonely6", "gee_logit_exch"))
    arm = gee_binary(lonely, covariates=COVARIATES, errors="CR0", close_enough=LIKE_GEEPACK).terms[1]
    assert by_normal(arm.estimate, arm.std_error) == pytest.approx(expected, rel=1e-8)
    to_the_end = gee_binary(lonely, covariates=COVARIATES, errors="CR0").terms[1]
    assert by_normal(to_the_end.estimate, to_the_end.std_error)[:4] == pytest.approx(expected[:4], rel=5e-6)


def test_the_log_rate_ratio_is_that_of_geepack(attendances: pd.DataFrame, oracle_row: Row) -> None:
    expected = numbers(oracle_row("05_counts_ancova", "gee_poisson_exch_CR0"))
    arm = gee_count(attendances, covariates=COVARIATES, errors="CR0", close_enough=LIKE_GEEPACK).terms[1]
    assert by_normal(arm.estimate, arm.std_error) == pytest.approx(expected, rel=1e-8)
    to_the_end = gee_count(attendances, covariates=COVARIATES, errors="CR0").terms[1]
    assert by_normal(to_the_end.estimate, to_the_end.std_error)[:4] == pytest.approx(expected[:4], rel=5e-6)


def test_the_correlation_within_sites_is_that_of_geepack(
    attendances: pd.DataFrame, oracle_extra: Callable[[str], dict[str, Any]]
) -> None:
    laid, count, years = count_design(attendances, COVARIATES)
    solved = equations(laid, POISSON, count, np.log(years), LIKE_GEEPACK)
    assert solved.correlation == pytest.approx(oracle_extra("05_counts_ancova")["gee_alpha"], rel=1e-6)


def test_bias_reduction_widens_the_errors_and_costs_degrees_of_freedom(lonely: pd.DataFrame) -> None:
    plain, reduced = (gee_binary(lonely, covariates=COVARIATES, errors=errors).main for errors in ("CR0", "CR2"))
    assert plain.std_error is not None
    assert reduced.std_error is not None
    assert reduced.std_error > plain.std_error
    assert plain.df == 23
    assert reduced.df is not None
    assert 10 < reduced.df < 20
