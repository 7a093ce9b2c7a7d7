"""One method per module; the plan names methods and `ESTIMATORS` finds them.

>>> from analysis.estimators import ESTIMATORS
>>> fitted = ESTIMATORS["ancova"](cohort, cohort.plan.primary)  # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from instruments.plan import Outcome

from ..cohort import Cohort, long_rows_of, named_covariates, rows_of
from ..result import AnalysisError, Fitted
from .ancova import ancova
from .did import did
from .gee import gee_binary, gee_count
from .linear_probability import linear_probability
from .logistic import logistic
from .mixed_model import mixed_model, random_intercept
from .modified_poisson import modified_poisson
from .negative_binomial import negative_binomial
from .poisson_change import poisson_change
from .poisson_rate import poisson_rate
from .resampled import permutation, wild_bootstrap

Estimator = Callable[[Cohort, Outcome], Fitted]
"""How every method is called: who was studied, and a planned outcome of theirs."""


def _of(
    method: Callable[..., Fitted], rows: Callable[[Cohort, Outcome], pd.DataFrame] = rows_of, **options: Any
) -> Estimator:
    """A method with the plan's covariates, errors and confidence level; `options` go before those."""

    def estimate(cohort: Cohort, outcome: Outcome) -> Fitted:
        given = {"errors": cohort.plan.errors, "confidence": cohort.plan.confidence} | options
        return method(rows(cohort, outcome), covariates=named_covariates(cohort.plan, outcome), **given)

    return estimate


def _at_timepoint(method: Callable[..., Fitted], **options: Any) -> Estimator:
    """A method that reads a row a person and timepoint, asked about the outcome's own."""
    return lambda cohort, outcome: _of(method, long_rows_of, at=outcome.timepoint, **options)(cohort, outcome)


def _by_site(estimator: Estimator) -> Estimator:
    """A method that is about sites, and says nothing where people were allocated one by one."""

    def estimate(cohort: Cohort, outcome: Outcome) -> Fitted:
        if cohort.plan.errors == "classical":
            raise AnalysisError("the method compares sites, and the plan takes people for the units; leave it out")
        return estimator(cohort, outcome)

    return estimate


def _drawing(method: Callable[..., Fitted]) -> Estimator:
    """A method that may draw random numbers, from the plan's seed."""
    return lambda cohort, outcome: _of(method, seed=cohort.plan.seed)(cohort, outcome)


def _risks(cohort: Cohort, outcome: Outcome) -> Fitted:
    """Risks of the people who were offered something where they chose or were chosen; of everybody in a trial."""
    population = "intervention" if cohort.plan.design == "controlled-before-after" else "everybody"
    return _of(logistic, population=population)(cohort, outcome)


ESTIMATORS: Mapping[str, Estimator] = {
    "ancova": _of(ancova),
    "did": _at_timepoint(did),
    "random-intercept": _by_site(_of(random_intercept, errors="Kenward-Roger")),
    "mixed-model": _by_site(_at_timepoint(mixed_model, errors="Kenward-Roger")),
    "wild-bootstrap": _by_site(_drawing(wild_bootstrap)),
    "permutation": _by_site(_drawing(permutation)),
    "logistic": _risks,
    "modified-poisson": _of(modified_poisson),
    "linear-probability": _of(linear_probability),
    "gee-logistic": _by_site(_of(gee_binary, errors="CR2")),
    "poisson-rate": _of(poisson_rate),
    "poisson-change": _of(poisson_change),
    "negative-binomial": _of(negative_binomial),
    "gee-poisson": _by_site(_of(gee_count, errors="CR2")),
}
