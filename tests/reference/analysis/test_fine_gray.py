"""Fine and Gray's model against cmprsk 2.2-11 (`06b_km_rmst_aj`), whose own iteration stops at 1e-6."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from analysis.estimators.cox import cox
from analysis.estimators.fine_gray import fine_gray

from .conftest import COVARIATES, IMD_TERMS, by_normal, numbers


def test_every_term_is_that_of_r(admissions: pd.DataFrame, oracle: Callable[[str], list[dict[str, Any]]]) -> None:
    fitted = {term.term: term for term in fine_gray(admissions, covariates=COVARIATES, errors="classical").terms}
    expected = [row for row in oracle("06b_km_rmst_aj") if row["method"] == "FineGray_crr"]
    assert len(expected) == len(fitted) == 8
    for row in expected:
        ours = fitted[IMD_TERMS.get(row["term"], row["term"])]
        found, reference = by_normal(ours.estimate, ours.std_error), numbers(row)
        assert found[:4] == pytest.approx(reference[:4], rel=1e-6), row["term"]
        assert found[4] == pytest.approx(reference[4], rel=5e-6), row["term"]


@pytest.mark.parametrize("errors", ["CR0", "CR1", "CR2", "CR3"])
def test_without_competing_events_and_censoring_it_is_cox_s_model(errors: str, admissions: pd.DataFrame) -> None:
    """Everybody has the event, on days of their own: the weights are one, and the errors those of Lin and Wei."""
    rows = admissions.assign(event=1.0, days=admissions["days"] + admissions.index / 1e4)
    one, other = (estimator(rows, covariates=COVARIATES, errors=errors).terms for estimator in (fine_gray, cox))
    for ours, theirs in zip(one, other, strict=True):
        assert (ours.estimate, ours.std_error, ours.df) == pytest.approx(
            (theirs.estimate, theirs.std_error, theirs.df), rel=1e-8
        )
