"""What every generalised linear model of an outcome shares: fit, errors, coefficients, and what they mean for people.

By g-computation: everybody's expected outcome with the arm set to 1, and with it set to 0, averaged over people. The
difference and the ratio of the two averages carry the covariance of the coefficients by the delta method.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from instruments.plan import Covariate

from ..glm import KINDS, Family, Fit, Spread, fit, predicted, spread
from ..moments import Array
from ..result import AnalysisError, Estimate
from .design import Design, baseline_of, design
from .inference import Inference, exponentiated
from .site_average import named

POPULATIONS = ("everybody", "intervention")


@dataclass(frozen=True, slots=True)
class Regression:
    """A model of an outcome: its rows, its fit, the errors of any direction, and the coefficients as estimates."""

    laid: Design
    fit: Fit
    spread: Spread
    inference: Inference
    terms: tuple[Estimate, ...]


def regression(
    laid: Design,
    family: Family,
    y: Array,
    *,
    name: str,
    scale: str,
    errors: str,
    confidence: float,
    offset: Array | float = 0.0,
    misfits: bool = False,
    weights: Array | None = None,
) -> Regression:
    """Fit a model and give its coefficients the errors that the sites can carry.

    Parameters
    ----------
    laid
        Complete rows and their design.
    family
        Kind of outcome.
    y
        Outcome, (n,).
    name, scale
        What the method and the scale of the coefficients are called.
    errors
        'CR2', 'CR0', 'CR1', 'CR1S' or 'classical'.
    confidence
        Level of the intervals.
    offset
        Added to the linear predictor, (n,).
    misfits
        Whether the family's variance is not that of the outcome, so that errors must not rest on it: 'classical' ones
        are then robust ones between people, with n / (n - p).
    weights
        Of each person where sites count alike, (n,), the same within a site; None where people do.

    Raises
    ------
    AnalysisError
        When the fit does not settle, or for unknown errors.
    """
    asked = errors_for(laid, errors)
    between = misfits and asked == "classical"
    unit = np.arange(len(laid.X), dtype=float) if between else laid.site
    found = fit(family, laid.X, y, site=unit, terms=laid.terms, offset=offset, weights=weights)
    spreading = spread(found, "CR1S" if between else asked)
    of_model = "quasi-Poisson errors" if family.name == "Poisson" else "model-based errors"
    label = ("robust errors between people" if between else of_model) if errors == "classical" else f"{errors} by site"
    method = f"{named(name, 'people' if weights is None else 'sites')}, {label}"
    inference = Inference(laid, method, confidence, clustered=errors != "classical")
    return Regression(laid, found, spreading, inference, coefficients(inference, found.beta, spreading, scale))


def errors_for(laid: Design, errors: str) -> str:
    """The errors asked for; the model's where an arm has one site only, which are worked out and never shown."""
    if errors not in KINDS:
        raise AnalysisError(f"unknown errors '{errors}'; allowed: {', '.join(KINDS)}")
    return errors if min(laid.n_clusters) >= 2 else "classical"


def coefficients(inference: Inference, beta: Array, spreading: Spread, scale: str) -> tuple[Estimate, ...]:
    """Every coefficient as an estimate."""
    directions = np.eye(len(beta))
    return tuple(
        inference.estimate(term, float(beta[j]), spreading.error(directions[j]), scale)
        for j, term in enumerate(inference.design.terms)
    )


@dataclass(frozen=True, slots=True)
class Marginal:
    """Average outcomes with the arm set to 1 and to 0, and their gradients (p,) by the coefficients."""

    treated: float
    untreated: float
    treated_gradient: Array
    untreated_gradient: Array


def marginal(found: Fit, among: Array | None = None) -> Marginal:
    """Average everybody's expected outcome with the arm set to 1 and to 0.

    Parameters
    ----------
    found
        A fit whose second column is the arm.
    among
        Weight of each person in the average, (n,); None for everybody alike. A fit in which sites count alike is
        averaged over sites alike.
    """
    (treated, up), (untreated, down) = predicted(found, 1.0), predicted(found, 0.0)
    alike = np.ones(len(treated)) if found.weights is None else found.weights
    counts = alike if among is None else among * alike
    share = counts / counts.sum()
    return Marginal(float(share @ treated), float(share @ untreated), share @ up, share @ down)


def difference(inference: Inference, means: Marginal, spreading: Spread, scale: str, unit: str = "") -> Estimate:
    """The difference between the two averages."""
    error = spreading.error(means.treated_gradient - means.untreated_gradient)
    return inference.estimate("arm", means.treated - means.untreated, error, scale, unit)


def ratio(inference: Inference, means: Marginal, spreading: Spread, scale: str) -> Estimate:
    """The ratio of the two averages; its interval is made on the log scale.

    Raises
    ------
    AnalysisError
        When an average is not above zero, as a linear model allows.
    """
    if min(means.treated, means.untreated) <= 0:
        raise AnalysisError(f"an arm's expected outcome is not above zero; no {scale} can be given")
    gradient = means.treated_gradient / means.treated - means.untreated_gradient / means.untreated
    value = math.log(means.treated / means.untreated)
    return exponentiated(inference.estimate("arm", value, spreading.error(gradient)), scale)


# ---------------------------------------------------------------------------- binary outcomes


def binary_design(rows: pd.DataFrame, covariates: Sequence[Covariate]) -> tuple[Design, Array]:
    """The design of a binary outcome and the outcome, (n,) of 0 and 1.

    Raises
    ------
    AnalysisError
        When the outcome is something else, or the same for everybody in an arm.
    """
    laid = design(rows, ("score",), baseline_of(rows), covariates)
    outcome = laid.rows["score"].to_numpy(dtype=float)
    odd = outcome[(outcome != 0) & (outcome != 1)]
    if len(odd):
        raise AnalysisError(f"score: {odd[0]:g} is neither 0 nor 1; take a binary outcome, or another estimator")
    for value, role in ((1, "intervention"), (0, "comparison")):
        share = outcome[laid.rows["arm"] == value].mean()
        if share in (0, 1):
            who = "nobody" if share == 0 else "everybody"
            raise AnalysisError(f"{who} in the {role} arm has the outcome; no model can compare the arms, count them")
    return laid, outcome


def weights_of(laid: Design, population: str) -> Array | None:
    """Over whom to average: None for everybody, 1 and 0 for the people of the intervention arm alone.

    Raises
    ------
    AnalysisError
        For an unknown population.
    """
    if population not in POPULATIONS:
        raise AnalysisError(f"unknown population '{population}'; allowed: {', '.join(POPULATIONS)}")
    return None if population == "everybody" else laid.rows["arm"].to_numpy(dtype=float)
