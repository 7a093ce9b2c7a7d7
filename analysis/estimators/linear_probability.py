"""Least squares on a yes-or-no outcome: a risk difference straight from the model."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from instruments.plan import Covariate

from ..glm import GAUSSIAN
from ..result import Fitted
from .regression import binary_design, marginal, ratio, regression
from .site_average import weights_of_people

OUTSIDE = "The linear model expects a risk below 0 or above 1 for somebody; read the logistic model instead."


def linear_probability(
    rows: pd.DataFrame,
    *,
    covariates: Sequence[Covariate],
    errors: str = "CR2",
    confidence: float = 0.95,
    average: str = "people",
) -> Fitted:
    """Estimate the difference between the arms' risks, one and the same for everybody, and the ratio that it makes.

    Ordinary least squares of 0 and 1 on arm, baseline and covariates. People without outcome, baseline or a covariate
    are left out.

    Parameters
    ----------
    rows, covariates, confidence, average
        As for `logistic`.
    errors
        'CR2', 'CR0', 'CR1', 'CR1S' or 'classical': between people, robust, with n / (n - p).

    Returns
    -------
    Fitted
        Two answers: the risk difference, and the risk ratio averaged over everybody analysed. Coefficients are risk
        differences. A warning says where the model expects risks below 0 or above 1.

    Raises
    ------
    AnalysisError
        When an arm is empty or all alike, the outcome is not 0 or 1, or a term is determined by others.

    References
    ----------
    Pustejovsky JE, Tipton E. J Bus Econ Stat 2018;36:672-683. doi:10.1080/07350015.2016.1247004
    Reference: `07_binary_lonely6` (clubSandwich 0.5.8).
    """
    laid, outcome = binary_design(rows, covariates)
    model = regression(
        laid,
        GAUSSIAN,
        outcome,
        name="Linear probability",
        scale="risk difference",
        errors=errors,
        confidence=confidence,
        misfits=True,
        weights=weights_of_people(laid.rows["site"], average, errors),
    )
    answers = (model.terms[1], ratio(model.inference, marginal(model.fit), model.spread, "risk ratio"))
    outside = bool(((model.fit.mu < 0) | (model.fit.mu > 1)).any())
    warnings = (*model.inference.warnings(), *((OUTSIDE,) if outside else ()))
    return Fitted(answers, model.terms, laid.n, model.inference.n_clusters, warnings)
