"""Negative binomial regression of a count with its person-time: counts more spread than Poisson, by a model of it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import optimize, special

from instruments.plan import Covariate

from .. import glm
from ..moments import Array
from ..result import AnalysisError, Fitted
from .design import Design
from .inference import Inference, exponentiated
from .poisson_rate import count_design
from .regression import difference, marginal, regression

STEPS, CLOSE_ENOUGH = 100, 1e-10
SMALLEST, LARGEST = 1e-4, 1e6


def negative_binomial(
    rows: pd.DataFrame, *, covariates: Sequence[Covariate], errors: str = "CR2", confidence: float = 0.95
) -> Fitted:
    """Estimate the ratio of, and the difference between, the arms' rates where counts are more spread than Poisson.

    The variance is mean + mean^2 / size, one size for all, by maximum likelihood in turn with the coefficients. Where
    the model of the variance is wrong the errors by site still hold, and so does `poisson_rate`, which needs no such
    model and is the default; this stands beside it.

    Parameters
    ----------
    rows, covariates, confidence
        As for `poisson_rate`.
    errors
        'CR2', 'CR0', 'CR1', 'CR1S' or 'classical' (the model's own, normal).

    Returns
    -------
    Fitted
        Rate ratio, and rate difference per person-year averaged over everybody analysed. The coefficients are log rate
        ratios; the last term is the size, with the model's error.

    Raises
    ------
    AnalysisError
        As `poisson_rate`, and when the counts are no more spread than Poisson, so that no size can be told.

    References
    ----------
    Lawless JF. Can J Stat 1987;15:209-225. doi:10.2307/3314912
    Reference: `05_counts_ancova` (MASS 7.3-58.2, sandwich 3.0.2).
    """
    laid, count, years = count_design(rows, covariates)
    size, size_error = size_of(laid, count, np.log(years))
    model = regression(
        laid,
        glm.negative_binomial(size),
        count,
        offset=np.log(years),
        name="Negative binomial",
        scale="log rate ratio",
        errors=errors,
        confidence=confidence,
    )
    answers = (
        exponentiated(model.terms[1], "rate ratio"),
        difference(model.inference, marginal(model.fit), model.spread, "rate difference", "per person-year"),
    )
    of_model = Inference(laid, model.inference.method, confidence, clustered=False)
    terms = (*model.terms, of_model.estimate("size", size, (size_error, math.inf), "size"))
    return Fitted(answers, terms, laid.n, model.inference.n_clusters, model.inference.warnings())


def size_of(laid: Design, count: Array, offset: Array) -> tuple[float, float]:
    """The size and its standard error, coefficients and size in turn until neither moves.

    Raises
    ------
    AnalysisError
        When the counts are no more spread than Poisson, or a fit does not settle.
    """
    found = glm.fit(glm.POISSON, laid.X, count, site=laid.site, terms=laid.terms, offset=offset)
    size = math.inf
    for _ in range(STEPS):
        new = _best_size(count, found.mu)
        if abs(new - size) < CLOSE_ENOUGH * new:
            return new, 1 / math.sqrt(_information(new, count, found.mu))
        size = new
        family = glm.negative_binomial(size)
        found = glm.fit(family, laid.X, count, site=laid.site, terms=laid.terms, offset=offset)
    raise AnalysisError("the size of the negative binomial did not settle; take the Poisson estimator")


def _best_size(count: Array, mu: Array) -> float:
    if _score(LARGEST, count, mu) >= 0 or _score(SMALLEST, count, mu) <= 0:
        raise AnalysisError("the counts are no more spread than Poisson; take the Poisson estimator")
    root = optimize.brentq(
        lambda log_size: _score(math.exp(log_size), count, mu), math.log(SMALLEST), math.log(LARGEST), xtol=1e-14
    )
    return math.exp(float(root))


def _score(size: float, count: Array, mu: Array) -> float:
    """Derivative of the log likelihood by the size."""
    from_counts = special.digamma(count + size) - special.digamma(size)
    return float((from_counts + math.log(size) + 1 - np.log(mu + size) - (count + size) / (mu + size)).sum())


def _information(size: float, count: Array, mu: Array) -> float:
    """Minus the second derivative of the log likelihood by the size."""
    from_counts = special.polygamma(1, size) - special.polygamma(1, count + size)
    return float((from_counts - 1 / size + 2 / (mu + size) - (count + size) / (mu + size) ** 2).sum())
