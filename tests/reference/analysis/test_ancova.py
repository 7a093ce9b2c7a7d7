"""ANCOVA and its errors against R on the reference study.

`01_ancova_eq5d12`: lm with sandwich 3.0.2 and clubSandwich 0.5.8, model
eq5d_12 ~ arm + eq5d_0 + age + female + factor(imd) + ltc, clusters: 24 practices.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from analysis.estimators import ancova

from .conftest import COVARIATES

OURS = {"ols_classical": "classical", "ols_CR0_tG-1": "CR0", "ols_CR1_tG-1": "CR1", "ols_CR1S_tG-1": "CR1S",
        "ols_CR2_satt": "CR2", "ols_CR3_satt": "CR3"}  # fmt: skip
TERMS = {"eq5d_0": "baseline"} | {f"imdf{level}": f"imd={level}" for level in range(2, 6)}


@pytest.fixture(scope="module")
def rows(people: pd.DataFrame) -> pd.DataFrame:
    return people.rename(columns={"practice": "site", "eq5d_0": "baseline", "eq5d_12": "score"})


@pytest.mark.parametrize("method", OURS)
def test_every_term_and_error_is_that_of_r(
    method: str, rows: pd.DataFrame, oracle: Callable[[str], list[dict[str, Any]]]
) -> None:
    expected = [row for row in oracle("01_ancova_eq5d12") if row["method"] == method]
    assert expected, f"no reference row for {method}"
    fitted = {term.term: term for term in ancova(rows, covariates=COVARIATES, errors=OURS[method]).terms}
    for row in expected:
        ours = fitted[TERMS.get(row["term"], row["term"])]
        found = (ours.estimate, ours.std_error, ours.df, ours.conf_low, ours.conf_high, ours.p_value)
        reference = tuple(row[name] for name in ("estimate", "se", "df", "lower", "upper", "p"))
        assert found == pytest.approx(reference, rel=1e-8, abs=1e-8), row["term"]


def test_the_answer_is_the_arm_with_what_it_stands_on(
    rows: pd.DataFrame, oracle_extra: Callable[[str], dict[str, Any]]
) -> None:
    fitted = ancova(rows, covariates=COVARIATES)
    assert fitted.main.term == "arm"
    assert (fitted.main.estimate, fitted.main.std_error) == pytest.approx((0.034826, 0.008653), abs=5e-7)
    assert fitted.main.df == pytest.approx(18.72, abs=5e-3)
    extra = oracle_extra("01_ancova_eq5d12")
    assert (fitted.main.n, fitted.main.n_clusters) == (extra["N"], extra["G"]) == (818, 24)
    assert (fitted.n, fitted.n_clusters) == ((459, 359), (12, 12))
    assert fitted.warnings == ()


@pytest.mark.parametrize("timepoint", ["2m", "3m", "5m", "8m"])
def test_a_trial_that_allocated_people_agrees_with_lm(
    timepoint: str, comparison_folder: Any, r_results: Callable[[str], Any]
) -> None:
    """The Beat the Blues trial (HSAUR3); `btheb.R` made the expected values."""
    from instruments.plan import Covariate

    data = pd.read_csv(comparison_folder / "data" / "btheb.csv")
    rows = pd.DataFrame(
        {
            "arm": (data["treatment"] == "BtheB").astype(int),
            "site": "one",
            "score": data[f"bdi.{timepoint}"],
            "baseline": data["bdi.pre"],
            "drug": data["drug"],
            "length": data["length"],
        }
    )
    covariates = (Covariate("drug", "category"), Covariate("length", "category"))
    fitted = ancova(rows, covariates=covariates, errors="classical")
    for row in (row for row in r_results("btheb") if row["timepoint"] == timepoint):
        ours = next(term for term in fitted.terms if term.term == row["term"])
        found = (ours.estimate, ours.std_error, ours.df, ours.conf_low, ours.conf_high, ours.p_value, ours.n)
        names = ("estimate", "std_error", "df", "conf_low", "conf_high", "p_value", "n")
        assert found == pytest.approx(tuple(row[name] for name in names), rel=1e-8)
    assert fitted.main.n_clusters is None
