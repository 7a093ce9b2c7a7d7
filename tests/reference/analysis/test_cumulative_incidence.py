"""Incidences at a year against survival 3.5-3 (`06b_km_rmst_aj`); more of them in `test_restricted_mean.py`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from analysis.estimators.cumulative_incidence import cumulative_incidence

from .conftest import COVARIATES, numbers


def test_the_risk_difference_at_a_year_is_that_of_r_s_two_curves(
    admissions: pd.DataFrame, oracle_row: Callable[..., dict[str, Any]]
) -> None:
    one, other = (numbers(oracle_row("06b_km_rmst_aj", f"AalenJohansen_arm={arm}", "adm@365"))[0] for arm in (1, 0))
    difference, ratio = cumulative_incidence(admissions, horizon=365).answers
    assert (difference.estimate, ratio.estimate) == pytest.approx((one - other, one / other), rel=1e-10)
    assert (difference.scale, ratio.scale) == ("risk difference", "risk ratio")


def test_covariates_take_away_what_the_arms_differ_in(admissions: pd.DataFrame) -> None:
    crude = cumulative_incidence(admissions, horizon=365).main.estimate
    adjusted = cumulative_incidence(admissions, horizon=365, covariates=COVARIATES).main.estimate
    assert 0 < adjusted < crude
