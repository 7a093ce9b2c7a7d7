"""Adjusted p-values and E-values against R (`16_misc`: p.adjust of R 4.2.2, and the formula of VanderWeele and Ding)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from analysis.estimators.multiplicity import adjusted_p_values
from analysis.weighting import e_value, ratio_of_difference

P_VALUES = (0.001, 0.008, 0.012, 0.03, 0.04, 0.06, 0.2, 0.5)


@pytest.mark.parametrize("method", ["holm", "hochberg", "bonferroni", "hommel", "BH", "BY"])
def test_adjusted_p_values_are_those_of_r(method: str, oracle: Callable[[str], list[dict[str, Any]]]) -> None:
    expected = [row["estimate"] for row in oracle("16_misc") if row["method"] == f"p.adjust_{method}"]
    assert len(expected) == len(P_VALUES)
    assert adjusted_p_values(P_VALUES, method) == pytest.approx(expected, rel=1e-12)
    turned = adjusted_p_values(P_VALUES[::-1], method)
    assert turned[::-1] == pytest.approx(expected, rel=1e-12)


def test_e_values_are_those_of_the_paper(oracle: Callable[[str], list[dict[str, Any]]]) -> None:
    expected = {row["term"]: row["estimate"] for row in oracle("16_misc") if row["method"].startswith("E-value")}
    found = {f"RR={ratio:g}": e_value(ratio) for ratio in (3.9, 1.8, 0.8, 0.9)}
    found |= {f"d={difference:g}": e_value(ratio_of_difference(difference)) for difference in (0.2, 0.3)}
    assert found == pytest.approx(expected, rel=1e-12)
