"""Least squares of a binary outcome against R on the reference study (`07_binary_lonely6`, clubSandwich 0.5.8)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from analysis.estimators import ancova
from analysis.estimators.linear_probability import linear_probability

from .conftest import COVARIATES, by_t, numbers


def test_the_risk_difference_and_its_errors_are_those_of_r(
    lonely: pd.DataFrame, oracle_row: Callable[..., dict[str, Any]]
) -> None:
    found = linear_probability(lonely, covariates=COVARIATES).main
    assert by_t(found) == pytest.approx(numbers(oracle_row("07_binary_lonely6", "lpm_RD_CR2")), rel=1e-8)


@pytest.mark.parametrize("errors", ["CR0", "CR1", "CR1S", "CR2"])
def test_row_by_row_and_from_sums_per_site_the_errors_are_the_same(errors: str, lonely: pd.DataFrame) -> None:
    """The general model with an identity link is least squares; two roads to the same numbers."""
    one = linear_probability(lonely, covariates=COVARIATES, errors=errors).terms
    other = ancova(lonely, covariates=COVARIATES, errors=errors).terms
    for ours, theirs in zip(one, other, strict=True):
        assert by_t(ours) == pytest.approx(by_t(theirs), rel=1e-8)
