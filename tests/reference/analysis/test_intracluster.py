"""How alike people of one practice are, against R's analysis of variance (`14_icc`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from analysis.estimators.intracluster import intracluster_correlation

from .conftest import numbers


@pytest.mark.parametrize("name", ["eq5d_0", "swemwbs_0", "swemwbs_6"])
def test_correlation_and_searle_s_interval_are_those_of_r(
    name: str, people: pd.DataFrame, oracle_row: Callable[..., dict[str, Any]]
) -> None:
    """R takes all practices together, as if there were one arm."""
    rows = pd.DataFrame({"arm": 1, "site": people["practice"], "score": people[name]})
    found = intracluster_correlation(rows)
    expected = numbers(oracle_row("14_icc", "ANOVA_SearleF", name), "estimate", "lower", "upper")
    assert (found.estimate, found.conf_low, found.conf_high) == pytest.approx(expected, rel=1e-10)
    assert (found.n, found.n_clusters) == ((int(people[name].notna().sum()),), (24,))


def test_a_yes_or_no_too_and_it_may_come_out_below_zero(
    people: pd.DataFrame, oracle_row: Callable[..., dict[str, Any]]
) -> None:
    rows = pd.DataFrame({"arm": 1, "site": people["practice"], "score": people["lonely_0"]})
    expected = oracle_row("14_icc", "ANOVA_binary", "lonely_0")["estimate"]
    assert intracluster_correlation(rows).estimate == pytest.approx(expected, rel=1e-10)
    assert expected < 0
