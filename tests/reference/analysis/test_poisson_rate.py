"""Poisson regression and its errors against R on the reference study.

`05_counts_ancova`: glm with sandwich 3.0.2 and clubSandwich 0.5.8, model
gp_post ~ arm + log(gp_pre + 0.5) + age + female + factor(imd) + ltc, offset log(fu_years), clusters: 24 practices.
`poisson.R` beside this file: every coefficient, the rate difference, quasi-Poisson.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from analysis.estimators import poisson_rate

from .conftest import COVARIATES

NAMES = {"gp_pre": "baseline_count", "gp_post": "count", "fu_years": "years", "practice": "site"}


@pytest.fixture(scope="module")
def rows(people: pd.DataFrame) -> pd.DataFrame:
    return people.rename(columns=NAMES).assign(baseline_years=1.0)


@pytest.mark.parametrize("errors", ["CR0", "CR1", "CR1S", "CR2"])
def test_the_log_rate_ratio_and_its_errors_are_those_of_r(
    errors: str, rows: pd.DataFrame, oracle: Callable[[str], list[dict[str, Any]]]
) -> None:
    (row,) = [row for row in oracle("05_counts_ancova") if row["method"] == f"poisson_ancova_{errors}"]
    ours = poisson_rate(rows, covariates=COVARIATES, errors=errors).terms[1]
    found = (ours.estimate, ours.std_error, ours.df, ours.conf_low, ours.conf_high, ours.p_value)
    reference = tuple(row[name] for name in ("estimate", "se", "df", "lower", "upper", "p"))
    assert found == pytest.approx(reference, rel=1e-6)


@pytest.mark.parametrize("errors", ["CR2", "classical"])
def test_every_coefficient_is_that_of_r(
    errors: str, rows: pd.DataFrame, r_results: Callable[[str], list[dict[str, Any]]]
) -> None:
    fitted = {term.term: term for term in poisson_rate(rows, covariates=COVARIATES, errors=errors).terms}
    expected = [row for row in r_results("poisson") if row["method"] == errors and row["term"] != "rate difference"]
    assert len(expected) == len(fitted)
    for row in expected:
        ours = fitted[row["term"]]
        assert (ours.estimate, ours.std_error, ours.df) == pytest.approx(
            (row["estimate"], row["std_error"], row["df"]), rel=1e-6
        )


def test_the_rate_difference_by_g_computation_is_that_of_r(
    rows: pd.DataFrame, r_results: Callable[[str], list[dict[str, Any]]]
) -> None:
    (row,) = [row for row in r_results("poisson") if row["term"] == "rate difference"]
    difference = poisson_rate(rows, covariates=COVARIATES).answers[1]
    found = (difference.estimate, difference.std_error, difference.df)
    assert found == pytest.approx((row["estimate"], row["std_error"], row["df"]), rel=1e-6)
    assert (difference.scale, difference.unit) == ("rate difference", "per person-year")


def test_the_rate_ratio_is_the_exponential_of_its_coefficient(rows: pd.DataFrame) -> None:
    fitted = poisson_rate(rows, covariates=COVARIATES)
    ratio, log_ratio = fitted.main, fitted.terms[1]
    assert ratio.scale == "rate ratio"
    for name in ("estimate", "conf_low", "conf_high"):
        assert getattr(ratio, name) == pytest.approx(math.exp(getattr(log_ratio, name)), rel=1e-12)
    assert (ratio.std_error, ratio.p_value) == (log_ratio.std_error, log_ratio.p_value)
