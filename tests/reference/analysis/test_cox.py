"""Cox's model against survival 3.5-3 on the reference study.

`06_cox_admission`: days to the first admission, death censors; arm + age + female + factor(imd) + ltc, 24 practices.
The log likelihood of the reference is that of Breslow's ties. Its gamma frailty is in `test_frailty.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from analysis.estimators.cox import cox, fit_cox, proportionality
from analysis.estimators.pseudo_values import event_design

from .conftest import COVARIATES, IMD_TERMS, by_normal, numbers

ORACLE = "06_cox_admission"


@pytest.mark.parametrize("ties", ["efron", "breslow"])
@pytest.mark.parametrize(("errors", "method"), [("classical", "model"), ("CR0", "cluster_robust_CR0")])
def test_every_term_is_that_of_r(
    ties: str, errors: str, method: str, admissions: pd.DataFrame, oracle: Callable[[str], list[dict[str, Any]]]
) -> None:
    fitted = {term.term: term for term in cox(admissions, covariates=COVARIATES, errors=errors, ties=ties).terms}
    expected = [row for row in oracle(ORACLE) if row["method"] == f"cox_{ties}_{method}"]
    assert len(expected) == len(fitted) == 8
    for row in expected:
        ours = fitted[IMD_TERMS.get(row["term"], row["term"])]
        assert by_normal(ours.estimate, ours.std_error) == pytest.approx(numbers(row), rel=1e-8, abs=1e-10), row["term"]


def test_the_test_of_proportionality_is_that_of_r(
    admissions: pd.DataFrame, oracle_extra: Callable[[str], dict[str, Any]]
) -> None:
    extra = oracle_extra(ORACLE)
    found = proportionality(fit_cox(event_design(admissions, COVARIATES)))[0]
    assert found == pytest.approx((extra["zph_arm_chisq"], extra["zph_arm_p"]), rel=1e-8)


def test_the_log_likelihood_is_that_of_r(
    admissions: pd.DataFrame, oracle_extra: Callable[[str], dict[str, Any]]
) -> None:
    found = fit_cox(event_design(admissions, COVARIATES), "breslow")
    assert found.state.log_likelihood == pytest.approx(oracle_extra(ORACLE)["loglik"], rel=1e-10)


def test_the_default_errors_are_a_little_wider_and_have_fewer_degrees_of_freedom(admissions: pd.DataFrame) -> None:
    """No outside value for CR2 of a hazard ratio; it lies between Lin and Wei's and the jackknife's."""
    plain, reduced, jackknife = (
        cox(admissions, covariates=COVARIATES, errors=errors).main for errors in ("CR0", "CR2", "CR3")
    )
    assert plain.std_error is not None
    assert reduced.std_error is not None
    assert jackknife.std_error is not None
    assert plain.std_error < reduced.std_error < jackknife.std_error
    assert reduced.df == pytest.approx(18.76, abs=0.01)
    assert (reduced.scale, reduced.n, reduced.n_clusters) == ("hazard ratio", 1200, 24)
