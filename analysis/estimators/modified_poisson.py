"""Modified Poisson regression of a yes-or-no outcome: a risk ratio straight from the model."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from instruments.plan import Covariate

from ..glm import POISSON
from ..result import Fitted
from .inference import exponentiated
from .regression import binary_design, difference, marginal, regression
from .site_average import weights_of_people

OVER_ONE = "The modified Poisson model expects a risk above 1 for somebody; read the logistic model instead."


def modified_poisson(
    rows: pd.DataFrame,
    *,
    covariates: Sequence[Covariate],
    errors: str = "CR2",
    confidence: float = 0.95,
    average: str = "people",
) -> Fitted:
    """Estimate the ratio of the arms' risks, one and the same for everybody, and the risk difference that it makes.

    Poisson regression of 0 and 1: the ratio is right if risks multiply, and the errors by site make good that a yes or
    no varies less than a count. People without outcome, baseline or a covariate are left out.

    Parameters
    ----------
    rows, covariates, confidence, average
        As for `logistic`.
    errors
        'CR2', 'CR0', 'CR1', 'CR1S' or 'classical': between people, robust, with n / (n - p).

    Returns
    -------
    Fitted
        Two answers: the risk ratio (error that of the logarithm), and the risk difference averaged over everybody
        analysed. Coefficients are log risk ratios. A warning says where the model expects risks above 1.

    Raises
    ------
    AnalysisError
        When an arm is empty or all alike, the outcome is not 0 or 1, a term is determined by others, or the fit does
        not settle.

    References
    ----------
    Zou G. Am J Epidemiol 2004;159:702-706. doi:10.1093/aje/kwh090
    Yelland LN, Salter AB, Ryan P. Am J Epidemiol 2011;174:984-992. doi:10.1093/aje/kwr183 (clusters)
    Reference: `07_binary_lonely6` (clubSandwich 0.5.8).
    """
    laid, outcome = binary_design(rows, covariates)
    model = regression(
        laid,
        POISSON,
        outcome,
        name="Modified Poisson",
        scale="log risk ratio",
        errors=errors,
        confidence=confidence,
        misfits=True,
        weights=weights_of_people(laid.rows["site"], average, errors),
    )
    answers = (
        exponentiated(model.terms[1], "risk ratio"),
        difference(model.inference, marginal(model.fit), model.spread, "risk difference"),
    )
    over = bool((model.fit.mu > 1).any())
    warnings = (*model.inference.warnings(), *((OVER_ONE,) if over else ()))
    return Fitted(answers, model.terms, laid.n, model.inference.n_clusters, warnings)
