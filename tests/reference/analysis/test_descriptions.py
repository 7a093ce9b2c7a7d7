"""Means with cluster intervals and standardised differences against R (`arm_mean.R`, `imbalance.R`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from analysis.estimators.arm_mean import arm_mean
from analysis.estimators.imbalance import standardised_difference


def test_means_and_their_intervals_by_arm_and_month_are_those_of_r(
    people: pd.DataFrame, r_results: Callable[[str], list[dict[str, Any]]]
) -> None:
    expected = r_results("arm_mean")
    assert len(expected) == 8
    for row in expected:
        own = people[people["arm"] == row["arm"]].dropna(subset=[f"eq5d_{row['month']}"])
        found = arm_mean(own[f"eq5d_{row['month']}"], own["practice"], errors="CR2", confidence=0.95)
        assert len(own) == row["n"]
        assert found == pytest.approx((row["mean"], row["conf_low"], row["conf_high"]), rel=1e-8)


@pytest.mark.parametrize("name", ["age", "ltc", "eq5d_0", "gp_pre"])
def test_standardised_differences_of_numbers_are_those_of_r(
    name: str, people: pd.DataFrame, r_results: Callable[[str], dict[str, float]]
) -> None:
    assert standardised_difference(people[name], people["arm"]) == pytest.approx(
        r_results("imbalance")[name], rel=1e-10
    )


@pytest.mark.parametrize("name", ["imd", "female"])
def test_standardised_differences_of_categories_are_those_of_r(
    name: str, people: pd.DataFrame, r_results: Callable[[str], dict[str, float]]
) -> None:
    found = standardised_difference(people[name].astype("category"), people["arm"])
    assert found == pytest.approx(r_results("imbalance")[name], rel=1e-10)
