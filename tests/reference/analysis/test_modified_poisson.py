"""Modified Poisson regression against R on the reference study (`07_binary_lonely6`, clubSandwich 0.5.8).

R's glm stopped at a change of the deviance of 1e-8 and hands out the information of the step before its last, which
moves the standard errors by 3e-5 of their size. They are met to 1e-6 with that information, and to 5e-5 with the right
one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.estimators.modified_poisson import modified_poisson
from analysis.estimators.regression import binary_design
from analysis.glm import POISSON, fit, inverse_information, spread
from analysis.moments import Array

from .conftest import COVARIATES, by_t, numbers

Row = Callable[..., dict[str, Any]]


def deviance(y: Array, mu: Array) -> float:
    return float(2 * (np.where(y > 0, -np.log(mu), 0) - (y - mu)).sum())


def information_before_the_last_step(X: Array, y: Array) -> Array:
    """Inverse information as R's glm keeps it: of the means from which the last step set out."""
    mu, reached = y + 0.1, np.inf
    while True:
        bread = inverse_information(X, mu, mu)
        assert bread is not None
        after = np.exp(X @ (bread @ (X.T @ (mu * np.log(mu) + y - mu))))
        now = deviance(y, after)
        if abs(now - reached) / (abs(now) + 0.1) < 1e-8:
            return bread
        mu, reached = after, now


@pytest.mark.parametrize("errors", ["CR1", "CR2"])
def test_the_log_risk_ratio_and_its_errors_are_those_of_r(errors: str, lonely: pd.DataFrame, oracle_row: Row) -> None:
    arm = modified_poisson(lonely, covariates=COVARIATES, errors=errors).terms[1]
    expected = numbers(oracle_row("07_binary_lonely6", f"modified_poisson_logRR_{errors}"))
    assert arm.estimate == pytest.approx(expected[0], rel=1e-8)
    assert by_t(arm) == pytest.approx(expected, rel=5e-5, abs=1e-6)


@pytest.mark.parametrize("errors", ["CR1", "CR2"])
def test_they_are_so_to_the_sixth_figure_with_the_information_that_r_kept(
    errors: str, lonely: pd.DataFrame, oracle_row: Row
) -> None:
    """The adjustment of CR2 knows the right information, the sandwich around it the old one."""
    laid, outcome = binary_design(lonely, COVARIATES)
    found = fit(POISSON, laid.X, outcome, site=laid.site, terms=laid.terms)
    right = spread(found, errors)
    old = information_before_the_last_step(laid.X, outcome)
    turned = old @ np.linalg.inv(found.bread)
    kept = replace(right, covariance=turned @ right.covariance @ turned.T, root=np.linalg.cholesky(old))
    expected = numbers(oracle_row("07_binary_lonely6", f"modified_poisson_logRR_{errors}"), "se", "df")
    assert kept.error(np.eye(len(found.beta))[1]) == pytest.approx(expected, rel=1e-7)


def test_the_ratio_is_the_answer_and_the_difference_stands_beside_it(lonely: pd.DataFrame) -> None:
    fitted = modified_poisson(lonely, covariates=COVARIATES)
    assert [answer.scale for answer in fitted.answers] == ["risk ratio", "risk difference"]
    assert fitted.main.estimate == pytest.approx(np.exp(-0.298883080050672), rel=1e-8)
    assert fitted.answers[1].estimate == pytest.approx(-0.1231695, abs=1e-6)
