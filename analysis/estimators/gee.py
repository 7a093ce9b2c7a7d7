"""Generalised estimating equations: people of one site resemble each other, all pairs alike.

The model is that of the logistic or the Poisson estimator; what differs is that the weights know of the resemblance,
so that a large site counts for less than its people would if they told independently.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from instruments.plan import Covariate

from ..glm import POISSON, RUN_AWAY, Block, Family, Fit, Spread, binomial, cluster_spread, fit
from ..moments import MULTIPLIERS, Array
from ..result import AnalysisError, Estimate, Fitted
from .design import Design
from .inference import Inference, exponentiated
from .poisson_rate import count_design
from .regression import binary_design, coefficients, difference, marginal, ratio

Rows = NDArray[np.intp]
STEPS, CLOSE_ENOUGH, LONGEST, OF_LOWEST = 2000, 1e-10, 1.0, 0.9
KINDS = ("CR2", *MULTIPLIERS)
UNSETTLED = "the estimating equations did not settle; name fewer covariates, or take the estimator without correlation"


@dataclass(frozen=True, slots=True)
class Equations:
    """A solution: the fit, its sites, Pearson's dispersion, and the correlation between two people of one site."""

    fit: Fit
    blocks: tuple[Block, ...]
    dispersion: float
    correlation: float


def gee_binary(
    rows: pd.DataFrame,
    *,
    covariates: Sequence[Covariate],
    errors: str = "CR2",
    confidence: float = 0.95,
    close_enough: float = CLOSE_ENOUGH,
) -> Fitted:
    """Estimate the difference and the ratio of the arms' risks with weights that know of the resemblance within sites.

    Logit link, exchangeable working correlation, then g-computation as in `logistic`. The errors hold whether or not
    the working correlation is right.

    Parameters
    ----------
    rows, covariates, confidence
        As for `logistic`.
    errors
        'CR2' (bias-reduced under the working correlation, Satterthwaite), 'CR0' (the plain sandwich), 'CR1', 'CR1S'.
    close_enough
        The equations are solved when no coefficient moves by more than this in a step.

    Returns
    -------
    Fitted
        Risk difference and risk ratio, averaged over everybody analysed; coefficients are log odds ratios.

    Raises
    ------
    AnalysisError
        As `logistic`, and with fewer than two sites or when the equations do not settle.

    References
    ----------
    Liang K-Y, Zeger SL. Biometrika 1986;73:13-22. doi:10.1093/biomet/73.1.13
    Pustejovsky JE, Tipton E. J Bus Econ Stat 2018;36:672-683. doi:10.1080/07350015.2016.1247004
    Reference: `07_binary_lonely6` (geepack 1.3.9, which stops at 1e-4).
    """
    laid, outcome = binary_design(rows, covariates)
    solved, spreading = _solved(laid, binomial(), outcome, 0.0, errors, close_enough)
    inference = _inference(laid, "Logistic GEE", errors, confidence)
    means = marginal(solved.fit)
    answers = (
        difference(inference, means, spreading, "risk difference"),
        ratio(inference, means, spreading, "risk ratio"),
    )
    return _fitted(answers, inference, solved, spreading, "log odds ratio")


def gee_count(
    rows: pd.DataFrame,
    *,
    covariates: Sequence[Covariate],
    errors: str = "CR2",
    confidence: float = 0.95,
    close_enough: float = CLOSE_ENOUGH,
) -> Fitted:
    """Estimate the ratio of, and the difference between, the arms' rates with weights that know of the resemblance.

    Log link, offset the logarithm of the person-years, exchangeable working correlation within sites.

    Parameters
    ----------
    rows, covariates, confidence
        As for `poisson_rate`.
    errors, close_enough
        As for `gee_binary`.

    Returns
    -------
    Fitted
        Rate ratio, and rate difference per person-year averaged over everybody analysed; coefficients are log rate
        ratios.

    Raises
    ------
    AnalysisError
        As `poisson_rate`, and with fewer than two sites or when the equations do not settle.

    References
    ----------
    As for `gee_binary`. Reference: `05_counts_ancova` (geepack 1.3.9, which stops at 1e-4).
    """
    laid, count, years = count_design(rows, covariates)
    solved, spreading = _solved(laid, POISSON, count, np.log(years), errors, close_enough)
    inference = _inference(laid, "Poisson GEE", errors, confidence)
    rate_ratio = exponentiated(coefficients(inference, solved.fit.beta, spreading, "log rate ratio")[1], "rate ratio")
    gap = difference(inference, marginal(solved.fit), spreading, "rate difference", "per person-year")
    return _fitted((rate_ratio, gap), inference, solved, spreading, "log rate ratio")


def _inference(laid: Design, name: str, errors: str, confidence: float) -> Inference:
    return Inference(laid, f"{name}, exchangeable within sites, {errors} by site", confidence, clustered=True)


def _solved(
    laid: Design, family: Family, y: Array, offset: Array | float, errors: str, close_enough: float
) -> tuple[Equations, Spread]:
    if errors not in KINDS:
        raise AnalysisError(f"unknown errors '{errors}'; allowed: {', '.join(KINDS)}")
    if laid.rows["site"].nunique() < 2:
        raise AnalysisError("all people are of one site, and its resemblance cannot be measured; name sites apart")
    solved = equations(laid, family, y, offset, close_enough)
    return solved, cluster_spread(solved.blocks, solved.fit.bread, errors if min(laid.n_clusters) >= 2 else "CR0")


def _fitted(
    answers: tuple[Estimate, ...], inference: Inference, solved: Equations, spreading: Spread, scale: str
) -> Fitted:
    terms = coefficients(inference, solved.fit.beta, spreading, scale)
    return Fitted(answers, terms, inference.design.n, inference.n_clusters, inference.warnings())


def equations(
    laid: Design, family: Family, y: Array, offset: Array | float = 0.0, close_enough: float = CLOSE_ENOUGH
) -> Equations:
    """Solve the estimating equations of a model with exchangeable correlation within sites.

    Pearson's dispersion and the correlation follow from the residuals by moments, after every step; a step moves
    nobody's linear predictor by more than 1. The people of the largest site cannot all be more unlike than chance by
    more than -1 / (n - 1); what residuals say beyond nine tenths of that is cut off.

    Parameters
    ----------
    laid
        Complete rows and their design.
    family
        Kind of outcome.
    y
        Outcome, (n,).
    offset
        Added to the linear predictor, (n,).
    close_enough
        Largest move of a coefficient that counts as none.

    Raises
    ------
    AnalysisError
        When they do not settle.
    """
    found = fit(family, laid.X, y, site=laid.site, terms=laid.terms, offset=offset)
    sites = [np.flatnonzero(found.site == code) for code in np.unique(found.site)]
    now = _at(found, sites)
    for _ in range(STEPS):
        score = sum(block.design.T @ np.linalg.solve(block.variance, block.residual) for block in now.blocks)
        move = now.fit.bread @ np.asarray(score)
        move = move / max(1.0, float(np.abs(laid.X @ move).max()) / LONGEST)
        now = _at(_moved(now.fit, y, offset, now.fit.beta + move), sites)
        if np.abs(move).max() < close_enough:
            return now
    raise AnalysisError(UNSETTLED)


def _moved(found: Fit, y: Array, offset: Array | float, beta: Array) -> Fit:
    """The fit at other coefficients, its bread still the old one."""
    eta = np.asarray(found.X @ beta + offset)
    if not np.abs(eta).max() < RUN_AWAY:
        raise AnalysisError(UNSETTLED)
    mu = found.family.mean(eta)
    slope, variance = found.family.slope(mu), found.family.variance(mu)
    return replace(found, beta=beta, mu=mu, slope=slope, variance=variance, residual=y - mu)


def _at(found: Fit, sites: Sequence[Rows]) -> Equations:
    """Dispersion, correlation, working variances and bread at the coefficients of a fit."""
    pearson = found.residual / np.sqrt(found.variance)
    dispersion = float((pearson**2).mean())
    if dispersion < CLOSE_ENOUGH:
        raise AnalysisError("the outcome follows from the terms without any error; name fewer covariates")
    together = sum(pearson[rows].sum() ** 2 - (pearson[rows] ** 2).sum() for rows in sites) / 2
    pairs = sum(len(rows) * (len(rows) - 1) for rows in sites) / 2
    largest = max(len(rows) for rows in sites)
    correlation = max(float(together / pairs / dispersion), -OF_LOWEST / (largest - 1)) if pairs else 0.0
    blocks = tuple(_block(found, rows, dispersion, correlation) for rows in sites)
    information = np.sum([block.design.T @ np.linalg.solve(block.variance, block.design) for block in blocks], axis=0)
    try:
        return Equations(replace(found, bread=np.linalg.inv(information)), blocks, dispersion, correlation)
    except np.linalg.LinAlgError:
        raise AnalysisError(UNSETTLED) from None


def _block(found: Fit, rows: Rows, dispersion: float, correlation: float) -> Block:
    if correlation >= 1:
        raise AnalysisError(UNSETTLED)
    scale = np.sqrt(dispersion * found.variance[rows])
    alike = np.full((len(rows), len(rows)), correlation)
    np.fill_diagonal(alike, 1.0)
    return Block(found.X[rows] * found.slope[rows, None], found.residual[rows], scale[:, None] * alike * scale)
