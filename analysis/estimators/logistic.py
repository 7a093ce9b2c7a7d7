"""Logistic regression of a yes-or-no outcome, said as a risk difference and a risk ratio."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from instruments.plan import Covariate

from ..glm import binomial
from ..result import Fitted
from .regression import binary_design, difference, marginal, ratio, regression, weights_of
from .site_average import weights_of_people


def logistic(
    rows: pd.DataFrame,
    *,
    covariates: Sequence[Covariate],
    errors: str = "CR2",
    confidence: float = 0.95,
    population: str = "everybody",
    average: str = "people",
) -> Fitted:
    """Estimate the difference and the ratio of the arms' risks between people alike in baseline and covariates.

    Logistic regression of the outcome on arm, baseline and covariates; then g-computation: everybody's risk with the
    arm set to 1 and to 0, averaged. An odds ratio is among the coefficients and never the answer, for it depends on
    what else the model holds. People without outcome, baseline or a covariate are left out, and `n` says how many
    stayed.

    Parameters
    ----------
    rows
        One row a person: `arm` (1 intervention, 0 comparison), `site`, `score` (1 has the outcome, 0 has not; missing
        as NaN), `baseline` (the same before, or a number; without that column the outcome has no baseline) and the
        covariates' columns.
    covariates
        Facts known at entry; categories enter as indicators with the first level as reference.
    errors
        'CR2', 'CR0', 'CR1', 'CR1S' or 'classical' (the model's own, normal).
    confidence
        Level of the intervals.
    population
        Over whom risks are averaged: 'everybody' analysed, or the people of the 'intervention' arm.
    average
        'people' or 'sites': who counts alike, in the model and in the average of risks. Where sites do, a person weighs
        one over the people of their site who stayed.

    Returns
    -------
    Fitted
        Two answers: the risk difference, and the risk ratio (error that of the logarithm, interval made there), both
        by the delta method with the degrees of freedom of their own direction. Coefficients are log odds ratios.

    Raises
    ------
    AnalysisError
        When an arm is empty or all alike, the outcome is not 0 or 1, a term is determined by others, or a group is
        perfectly separated; the message names the term.

    References
    ----------
    Localio AR, Margolis DJ, Berlin JA. J Clin Epidemiol 2007;60:874-882. doi:10.1016/j.jclinepi.2006.12.001
    Kahan BC, Li F, Copas AJ, Harhay MO. Int J Epidemiol 2023;52:107-118. doi:10.1093/ije/dyac131 (sites alike)
    Pustejovsky JE, Tipton E. J Bus Econ Stat 2018;36:672-683. doi:10.1080/07350015.2016.1247004
    Reference: `07_binary_lonely6` (clubSandwich 0.5.8).
    """
    laid, outcome = binary_design(rows, covariates)
    among = weights_of(laid, population)
    model = regression(
        laid,
        binomial(),
        outcome,
        name="Logistic",
        scale="log odds ratio",
        errors=errors,
        confidence=confidence,
        weights=weights_of_people(laid.rows["site"], average, errors),
    )
    means = marginal(model.fit, among)
    answers = (
        difference(model.inference, means, model.spread, "risk difference"),
        ratio(model.inference, means, model.spread, "risk ratio"),
    )
    return Fitted(answers, model.terms, laid.n, model.inference.n_clusters, model.inference.warnings())
