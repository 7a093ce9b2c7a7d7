"""Negative binomial regression with a random intercept of sites: rates of sites that differ, and of people who do."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
from scipy import special

from instruments.plan import Covariate

from ..glm import Spread
from ..moments import Array
from ..quadrature import POINTS, RandomIntercepts, all_counts_alike, random_count_intercepts
from ..result import AnalysisError, Estimate, Fitted
from .inference import CLUSTERS_FOR_ERRORS, Inference, exponentiated
from .mixed_logistic import VARIANCE, spread_of, variance_of
from .negative_binomial import size_of
from .poisson_rate import count_design
from .regression import Marginal, coefficients, difference

BEYOND = 2
"""How many times the events that were counted sites like these may be expected to have, before a warning."""
FAR_APART = (
    "Sites differ so much that sites like these are to be expected to have {times:.1f} times the events that were "
    "counted: the rate difference, an average over them, is led by sites with higher rates than any here. Read the "
    "ratio, or use 'gee-poisson'."
)
ALIKE = "Beyond what was adjusted for, sites do not differ in their rates (variance of their logarithms 0)."
APART = (
    "Beyond what was adjusted for, sites differ: of two taken at random, the one with the higher rate has {ratio:.2f} "
    "times that of the other (the median; standard deviation of the logarithms of sites' rates {sigma:.2f})."
)


def mixed_negative_binomial(
    rows: pd.DataFrame, *, covariates: Sequence[Covariate], confidence: float = 0.95, points: int = POINTS
) -> Fitted:
    """Estimate the ratio of, and the difference between, the arms' rates where each site has a rate of its own.

    Log link, offset the logarithm of the person-years; within a site the variance is mean + mean^2 / size, and each
    site has a normal intercept. Coefficients, size and the sites' standard deviation are by maximum likelihood with
    adaptive Gauss-Hermite quadrature. With this link the ratio between people of one site is that between the arms'
    averages over sites too. The difference is made by g-computation, with the arm set to 1 and to 0, averaged over
    people and over the sites' distribution: a site of average intercept has a rate lower than sites on average by the
    factor exp(variance / 2). People without time before and after entry, or without a covariate, are left out.

    Parameters
    ----------
    rows, covariates, confidence
        As for `poisson_rate`.
    points
        Points of the quadrature; 1 is Laplace's approximation.

    Returns
    -------
    Fitted
        Rate ratio (its error is that of the logarithm), and rate difference per person-year, averaged over people and
        sites, by the delta method with the error of the sites' spread in it. Both have as many degrees of freedom as
        there are sites, less two (between and within). Coefficients are log rate ratios; then stand the size, with the
        model's error, and 'variance: site', that of the logarithms of sites' rates, without one. Where it is zero,
        estimates and errors are those of `negative_binomial` with errors of the model.

    Raises
    ------
    AnalysisError
        As `negative_binomial`; and when a site is missing, the counts within sites are no more spread than Poisson, or
        sites differ so much that the variance grows without bound.

    References
    ----------
    Pinheiro JC, Bates DM. J Comput Graph Stat 1995;4:12-35. doi:10.1080/10618600.1995.10474663
    Brooks ME et al. R J 2017;9:378-400. doi:10.32614/RJ-2017-066
    Li P, Redden DT. BMC Med Res Methodol 2015;15:38. doi:10.1186/s12874-015-0026-x (degrees of freedom)
    Reference: `05_counts_ancova` (glmmTMB 1.1.5), with 1 point.
    """
    laid, count, years = count_design(rows, covariates)
    if laid.rows["site"].isna().any():
        raise AnalysisError("site: is empty for somebody with a count, and random sites need it; fill it in")
    inference = Inference(laid, "Negative binomial with random site, adaptive quadrature", confidence, clustered=True)
    together, offset = inference.fewest < CLUSTERS_FOR_ERRORS, np.log(years)
    fit = all_counts_alike if together else partial(random_count_intercepts, points=points)
    size = size_of(laid, count, offset)
    found = fit(laid.X, count, site=laid.site, terms=laid.terms, offset=offset, size=size)
    spreading = spread_of(found, laid.sites - 2)
    terms = _terms(inference, found, spreading)
    means = averaged_rates(found, laid.X)
    answers = (
        exponentiated(terms[1], "rate ratio"),
        difference(inference, means, spreading, "rate difference", "per person-year"),
    )
    noted = (*inference.warnings(), *_beyond(found, laid.X, count, years))
    return Fitted(answers, terms, laid.n, laid.n_clusters, noted)


def _beyond(found: RandomIntercepts, X: Array, count: Array, years: Array) -> Iterator[str]:
    """An average over sites like these is led by the highest of them, which may be higher than any that was seen."""
    times = float(years @ np.exp(X @ found.beta + found.sigma**2 / 2) / count.sum())
    if times > BEYOND:
        yield FAR_APART.format(times=times)


def _terms(inference: Inference, found: RandomIntercepts, spreading: Spread) -> tuple[Estimate, ...]:
    """Log rate ratios, the size and the variance of sites."""
    whole = np.append(found.beta, (math.log(found.size), found.sigma))
    terms = coefficients(inference, whole, spreading, "log rate ratio")
    error = found.size * math.sqrt(found.covariance[-2, -2])
    size = replace(inference, clustered=False).estimate("size", found.size, (error, math.inf), "size")
    return (*terms, replace(size, p_value=None), variance_of(terms[1], found.sigma**2))


def averaged_rates(found: RandomIntercepts, X: Array) -> Marginal:
    """Everybody's rate at a site drawn at random, with the arm set to 1 and to 0, averaged over people.

    Over a normal intercept exp(eta + sigma z) averages to exp(eta + sigma^2 / 2).

    Parameters
    ----------
    found
        A fit of counts whose second column is the arm.
    X
        Design of the people, (n, p).

    Returns
    -------
    Marginal
        The two averages per unit of person-time, and their gradients (p + 2,) by the coefficients, the logarithm of the
        size and sigma.
    """
    (treated, up), (untreated, down) = (_rate(found, X, arm) for arm in (1.0, 0.0))
    return Marginal(treated, untreated, up, down)


def _rate(found: RandomIntercepts, X: Array, arm: float) -> tuple[float, Array]:
    X = X.copy()
    X[:, 1] = arm
    rates = np.exp(X @ found.beta + found.sigma**2 / 2) / len(X)
    rate = float(rates.sum())
    return rate, np.append(rates @ X, (0.0, found.sigma * rate))


def in_words(fitted: Fitted) -> str:
    """How far sites differ, as the median rate ratio; nothing where another method answered."""
    if (fitted.main.scale, fitted.terms[-1].term) != ("rate ratio", VARIANCE):
        return ""
    sigma = math.sqrt(fitted.terms[-1].estimate)
    return APART.format(ratio=math.exp(math.sqrt(2) * sigma * special.ndtri(0.75)), sigma=sigma) if sigma else ALIKE
