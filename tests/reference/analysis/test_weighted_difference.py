"""Weights and weighted differences against R on the reference study.

`08_ps_weighting`: glm, ebal 0.1-8, clubSandwich 0.5.8 with inverse_var = FALSE; the weights themselves in
`data/ps_weights.csv`. Its matched sample (MatchIt) is in `test_matching.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.estimators.weighted_difference import Weighing, weigh, weighted_difference
from analysis.weighting import propensity

from .conftest import BALANCED, IMD_TERMS, by_normal, by_t, numbers

ORACLE = "08_ps_weighting"
NAMES = {"overlap": "overlap", "ATT": "ATT", "ATE": "ATE", "none": "unweighted", "entropy": "ebal_ATT"}
OURS = {**IMD_TERMS, "eq5d_0": "baseline"}
Row = Callable[..., dict[str, Any]]
KINDS = pytest.mark.parametrize("kind", NAMES)


@pytest.fixture(scope="module")
def rows(with_propensity_facts: pd.DataFrame) -> pd.DataFrame:
    return with_propensity_facts


@pytest.fixture(scope="module")
def weighings(rows: pd.DataFrame) -> dict[str, Weighing]:
    return {kind: weigh(rows, BALANCED, kind) for kind in NAMES}


@pytest.fixture(scope="module")
def stored(comparison_folder: Path) -> pd.DataFrame:
    return pd.read_csv(comparison_folder / "data" / "ps_weights.csv")


def test_the_propensity_model_is_that_of_r(weighings: dict[str, Weighing], oracle: Callable[[str], Any]) -> None:
    laid = weighings["overlap"].laid
    terms = (laid.terms[0], *laid.terms[2:])
    found = propensity(np.delete(laid.X, 1, axis=1), laid.X[:, 1], terms)
    fitted = dict(zip(terms, zip(found.beta, np.sqrt(np.diag(found.bread)), strict=True), strict=True))
    expected = [row for row in oracle(ORACLE) if row["method"] == "ps_logit"]
    assert len(expected) == len(terms)
    for row in expected:
        ours = fitted[OURS.get(row["term"], row["term"])]
        assert by_normal(*ours) == pytest.approx(numbers(row), rel=1e-6, abs=1e-9), row["term"]


@pytest.mark.parametrize("kind", ["overlap", "ATT", "ATE", "entropy"])
def test_the_weights_are_those_of_r(kind: str, weighings: dict[str, Weighing], stored: pd.DataFrame) -> None:
    assert weighings[kind].weights == pytest.approx(stored[f"w_{NAMES[kind]}"].to_numpy(), rel=1e-8)
    assert weighings[kind].score == pytest.approx(stored["ps"].to_numpy(), rel=1e-10)


def test_entropy_weights_meet_the_other_arm_s_sums_as_closely_as_r_s(
    weighings: dict[str, Weighing], stored: pd.DataFrame, oracle_extra: Callable[[str], dict[str, Any]]
) -> None:
    """Sums over 670 people, of up to 50,000 years; what is left is where the searches stop."""
    laid = weighings["entropy"].laid
    intervention, columns = laid.X[:, 1] == 1, np.delete(laid.X, 1, axis=1)
    for weights in (weighings["entropy"].weights, stored["w_ebal_ATT"].to_numpy()):
        assert weights[~intervention].sum() == pytest.approx(670, rel=1e-12)
        apart = columns[intervention].sum(axis=0) - weights[~intervention] @ columns[~intervention]
        assert np.abs(apart).max() == pytest.approx(oracle_extra(ORACLE)["ebal_maxdiff"], abs=1e-9)


@KINDS
def test_standardised_differences_are_those_of_r(
    kind: str, weighings: dict[str, Weighing], oracle_extra: Callable[[str], dict[str, Any]]
) -> None:
    smd = oracle_extra(ORACLE)["SMD"]
    found = weighings[kind].balance
    for values, expected in ((found.after, smd[NAMES[kind]]), (found.before, smd["unweighted"])):
        by_term = dict(zip(found.terms, values, strict=True))
        named = {OURS.get(name, name): value for name, value in expected.items()}
        assert by_term == pytest.approx(named, abs=1e-10)


@KINDS
def test_effective_sizes_are_those_of_r(
    kind: str, weighings: dict[str, Weighing], oracle_extra: Callable[[str], dict[str, Any]]
) -> None:
    expected = oracle_extra(ORACLE)["ESS"][NAMES[kind]]
    assert weighings[kind].balance.effective == pytest.approx((expected["treated"], expected["control"]), rel=1e-9)


@KINDS
@pytest.mark.parametrize("errors", ["CR1", "CR2"])
@pytest.mark.parametrize(("adjusted", "label"), [(False, "raw"), (True, "adj")])
def test_differences_and_their_errors_are_those_of_r(
    kind: str, errors: str, adjusted: bool, label: str, rows: pd.DataFrame, oracle_row: Row
) -> None:
    found = weighted_difference(rows, covariates=BALANCED, errors=errors, weights=kind, adjusted=adjusted).main
    expected = numbers(oracle_row(ORACLE, f"{NAMES[kind]}_{label}_{errors}"))
    assert by_t(found) == pytest.approx(expected, rel=1e-8)
    assert (found.n, found.n_clusters) == (818, 24)


def test_overlap_weights_leave_no_difference_and_say_where_the_arms_do_not_meet(weighings: dict[str, Weighing]) -> None:
    assert weighings["overlap"].balance.after == pytest.approx(0, abs=1e-12)
    assert weighings["overlap"].balance.unlike == ()
    assert "imd=2" in weighings["none"].balance.unlike
    assert weighings["overlap"].support.beyond == (0, 3)
