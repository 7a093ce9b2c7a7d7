"""Logistic regression with a random intercept of sites: risks averaged over sites, and an odds ratio within one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from scipy import special

from instruments.plan import Covariate

from ..glm import Spread
from ..moments import Array
from ..quadrature import RandomIntercepts, all_alike, random_intercepts
from ..result import AnalysisError, Estimate, Fitted
from .inference import CLUSTERS_FOR_ERRORS, Inference, exponentiated
from .regression import Marginal, binary_design, coefficients, difference, ratio, weights_of

SCALE, VARIANCE = "site-specific odds ratio", "variance: site"
POINTS = 40
ALIKE = "Beyond what was adjusted for, sites do not differ in how often people have it (variance of their log odds 0)."
APART = (
    "Beyond what was adjusted for, sites differ: of two taken at random, the one where more people have it has odds "
    "{ratio:.2f} times those of the other (the median; standard deviation of the sites' log odds {sigma:.2f})."
)


def mixed_logistic(
    rows: pd.DataFrame,
    *,
    covariates: Sequence[Covariate],
    confidence: float = 0.95,
    population: str = "everybody",
) -> Fitted:
    """Estimate the difference and the ratio of the arms' risks where each site has log odds of its own.

    Logistic regression on arm, baseline and covariates with a normal intercept for each site, by maximum likelihood
    with adaptive Gauss-Hermite quadrature. The arm's coefficient compares people of one site, or of sites alike; an
    odds ratio between people of any sites would be nearer to one. Therefore risks are made by g-computation, with the
    arm set to 1 and to 0, averaged over people and over the sites' distribution. People without outcome, baseline or a
    covariate are left out.

    Parameters
    ----------
    rows, covariates, confidence, population
        As for `logistic`.

    Returns
    -------
    Fitted
        Three answers: the risk difference and the risk ratio, both averaged over sites, by the delta method with the
        error of the sites' spread in it; and the site-specific odds ratio (errors of ratios are those of the
        logarithm). All have as many degrees of freedom as there are sites, less two (between and within).
        Coefficients are log odds ratios given the site; the term 'variance: site' is that of the sites' log odds,
        without an error. Where it is zero, estimates and errors are those of `logistic` with errors of the model.

    Raises
    ------
    AnalysisError
        As `logistic`; and when a site is missing, or sites differ so much that the variance grows without bound.

    References
    ----------
    Pinheiro JC, Bates DM. J Comput Graph Stat 1995;4:12-35. doi:10.1080/10618600.1995.10474663
    Li P, Redden DT. BMC Med Res Methodol 2015;15:38. doi:10.1186/s12874-015-0026-x (degrees of freedom)
    Larsen K, Merlo J. Am J Epidemiol 2005;161:81-88. doi:10.1093/aje/kwi017 (how far sites differ, in words)
    Reference: `07_binary_lonely6` (lme4), and lme4's own example in `tests/reference/analysis`.
    """
    laid, outcome = binary_design(rows, covariates)
    among = weights_of(laid, population)
    if laid.rows["site"].isna().any():
        raise AnalysisError("site: is empty for somebody with the outcome, and random sites need it; fill it in")
    inference = Inference(laid, "Logistic with random site, adaptive quadrature", confidence, clustered=True)
    fit = all_alike if inference.fewest < CLUSTERS_FOR_ERRORS else random_intercepts
    found = fit(laid.X, outcome, site=laid.site, terms=laid.terms)
    spreading = spread_of(found, laid.sites - 2)
    means = averaged(found, laid.X, among)
    terms = coefficients(inference, np.append(found.beta, found.sigma), spreading, "log odds ratio")
    answers = (
        difference(inference, means, spreading, "risk difference"),
        ratio(inference, means, spreading, "risk ratio"),
        exponentiated(terms[1], SCALE),
    )
    terms = (*terms, variance_of(terms[1], found.sigma**2))
    return Fitted(answers, terms, laid.n, laid.n_clusters, inference.warnings())


def spread_of(found: RandomIntercepts, df: int) -> Spread:
    """Errors of any direction in what was fitted: beta, of counts the logarithm of the size, and sigma."""
    size = len(found.covariance)
    nothing = np.zeros((0, size, size))
    return Spread(found.covariance, nothing, nothing, np.zeros((size, size)), float(df))


def averaged(found: RandomIntercepts, X: Array, among: Array | None = None) -> Marginal:
    """Everybody's risk at a site drawn at random, with the arm set to 1 and to 0, averaged over people.

    Parameters
    ----------
    found
        A fit whose second column is the arm.
    X
        Design of the people, (n, p).
    among
        Weight of each person in the average, (n,); None for everybody alike.

    Returns
    -------
    Marginal
        The two averages, and their gradients (p + 1,) by the coefficients and sigma.
    """
    share = np.full(len(X), 1 / len(X)) if among is None else among / among.sum()
    (treated, up), (untreated, down) = (_risk(found, X, arm, share) for arm in (1.0, 0.0))
    return Marginal(treated, untreated, up, down)


def _risk(found: RandomIntercepts, X: Array, arm: float, share: Array) -> tuple[float, Array]:
    nodes, weights = np.polynomial.hermite_e.hermegauss(POINTS)
    weights = weights / weights.sum()
    X = X.copy()
    X[:, 1] = arm
    risk = special.expit((X @ found.beta)[:, None] + found.sigma * nodes)
    slope = risk * (1 - risk)
    return float(share @ risk @ weights), np.append((share * (slope @ weights)) @ X, share @ slope @ (weights * nodes))


def variance_of(like: Estimate, value: float) -> Estimate:
    """The variance of sites, without an error, among the terms of a model."""
    bare = replace(like, std_error=None, df=None, conf_low=None, conf_high=None, p_value=None)
    return replace(bare, term=VARIANCE, estimate=value, scale="variance")


def in_words(fitted: Fitted) -> str:
    """How far sites differ, as the median odds ratio; nothing where another method answered."""
    if fitted.answers[-1].scale != SCALE:
        return ""
    sigma = math.sqrt(fitted.terms[-1].estimate)
    return APART.format(ratio=math.exp(math.sqrt(2) * sigma * special.ndtri(0.75)), sigma=sigma) if sigma else ALIKE
