"""Poisson regression of a count with its person-time: a rate ratio, and a rate difference by g-computation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from instruments.plan import Covariate

from ..moments import MULTIPLIERS, Array, satterthwaite, symmetric_power
from ..result import AnalysisError, Estimate, Fitted
from .design import Design, design
from .inference import Inference

STEPS, CLOSE_ENOUGH, RUN_AWAY = 50, 1e-10, 30.0
UNSETTLED = "the Poisson fit did not settle, as when nobody of some group had an event; name fewer covariates"
PRIOR_COUNT = 0.5


@dataclass(frozen=True, slots=True)
class _Fit:
    """A fit: design (n, p), `beta` (p,), fitted counts `mu`, `residual` count - mu and `site` (n,), `bread` (p, p)."""

    X: Array
    beta: Array
    mu: Array
    residual: Array
    bread: Array
    site: Array


@dataclass(frozen=True, slots=True)
class _Spread:
    """A covariance (p, p), and by site (G, p, p) what the degrees of freedom of any direction are made of."""

    covariance: Array
    own: Array
    shared: Array
    root: Array
    df: float | None = None

    def error(self, direction: Array) -> tuple[float, float]:
        """Standard error and degrees of freedom of direction @ beta."""
        std_error = math.sqrt(direction @ self.covariance @ direction)
        if self.df is not None:
            return std_error, self.df
        lever = self.root @ (self.root.T @ direction)
        own = np.einsum("i,gij,j->g", lever, self.own, lever)
        return std_error, satterthwaite(own, (self.shared @ lever) @ self.root)


def poisson_rate(
    rows: pd.DataFrame, *, covariates: Sequence[Covariate], errors: str = "CR2", confidence: float = 0.95
) -> Fitted:
    """Estimate the ratio of, and the difference between, the arms' rates after entry.

    Log link, offset the logarithm of the person-years, adjusted for the logarithm of the rate before entry (half an
    event added, so that nobody's is minus infinity) and the named covariates. People without time before and after
    entry, or without a covariate, are left out. CR2 follows the working weights, so counts more spread than Poisson
    do no harm; 'classical' errors scale the Poisson variance by Pearson's dispersion (quasi-Poisson).

    Parameters
    ----------
    rows
        One row a person: `arm` (1 intervention, 0 comparison), `site`, `count` and `years` after entry,
        `baseline_count` and `baseline_years` before it (events, person-years; missing as NaN), and the covariates.
    covariates
        Facts known at entry; categories enter as indicators with the first level as reference.
    errors
        'CR2', 'CR0', 'CR1', 'CR1S' or 'classical'.
    confidence
        Level of the intervals.

    Returns
    -------
    Fitted
        Two answers: the rate ratio (its error is that of the logarithm, its interval was made there) and the rate
        difference per person-year, averaged over everybody analysed, with its error by the delta method. The
        coefficients are on the log scale.

    Raises
    ------
    AnalysisError
        When an arm is empty or has no event, a term is determined by others, or the fit does not settle.

    References
    ----------
    Pustejovsky JE, Tipton E. J Bus Econ Stat 2018;36:672-683. doi:10.1080/07350015.2016.1247004
    Reference: `05_counts_ancova` (clubSandwich 0.5.8); `tests/reference/analysis/poisson.R`.
    """
    laid = design(rows, ("count", "years"), _log_rate_before(rows), covariates)
    count, years = (laid.rows[name].to_numpy(dtype=float) for name in ("count", "years"))
    _refuse_empty(count, years, laid)
    fit = _fit(laid.X, count, np.log(years), laid.site)
    spread = _spread(fit, errors if min(laid.n_clusters) >= 2 else "classical")
    label = "quasi-Poisson errors" if errors == "classical" else f"{errors} by site"
    inference = Inference(laid, f"Poisson, {label}", confidence, clustered=errors != "classical")
    terms = tuple(
        inference.estimate(term, float(fit.beta[j]), spread.error(np.eye(len(fit.beta))[j]), "log rate ratio")
        for j, term in enumerate(laid.terms)
    )
    answers = (_ratio(terms[1]), _difference(inference, fit, spread))
    return Fitted(answers, terms, laid.n, inference.n_clusters, inference.warnings())


def _log_rate_before(rows: pd.DataFrame) -> Array:
    count, years = (rows[name].to_numpy(dtype=float) for name in ("baseline_count", "baseline_years"))
    known = np.isfinite(count) & (years > 0)
    safe = np.where(known, years, 1.0)
    return np.where(known, np.log((np.where(known, count, 0) + PRIOR_COUNT) / safe), np.nan)


def _refuse_empty(count: Array, years: Array, laid: Design) -> None:
    if (years <= 0).any():
        raise AnalysisError("somebody's time after entry is not above zero; correct the periods")
    for value, role in ((1, "intervention"), (0, "comparison")):
        if count[laid.rows["arm"] == value].sum() == 0:
            raise AnalysisError(f"nobody in the {role} arm had an event after entry; a rate ratio cannot be given")


def _fit(X: Array, count: Array, offset: Array, site: Array) -> _Fit:
    """Maximum likelihood by iteratively reweighted least squares."""
    beta = np.zeros(X.shape[1])
    linear = np.log(count + PRIOR_COUNT)
    for _ in range(STEPS):
        mu = np.exp(linear)
        new = _inverse_information(X, mu) @ (X.T @ (mu * (linear - offset) + count - mu))
        settled = np.abs(new - beta).max() < CLOSE_ENOUGH * max(1.0, np.abs(new).max())
        beta, linear = new, X @ new + offset
        if np.abs(linear).max() > RUN_AWAY:
            break
        if settled:
            mu = np.exp(linear)
            return _Fit(X, beta, mu, count - mu, _inverse_information(X, mu), site)
    raise AnalysisError(UNSETTLED)


def _inverse_information(X: Array, mu: Array) -> Array:
    try:
        return np.asarray(np.linalg.inv((X * mu[:, None]).T @ X), dtype=np.float64)
    except np.linalg.LinAlgError:
        raise AnalysisError(UNSETTLED) from None


def _spread(fit: _Fit, errors: str) -> _Spread:
    if errors != "CR2" and errors not in MULTIPLIERS and errors != "classical":
        raise AnalysisError(f"unknown errors '{errors}'; allowed: CR2, {', '.join(MULTIPLIERS)}, classical")
    root: Array = np.asarray(np.linalg.cholesky(fit.bread), dtype=np.float64)
    nothing = np.zeros((0, *fit.bread.shape))
    n, p = fit.X.shape
    if errors == "classical":
        dispersion = (fit.residual**2 / fit.mu).sum() / (n - p)
        return _Spread(dispersion * fit.bread, nothing, nothing, root, n - p)
    sites = [fit.site == code for code in np.unique(fit.site)]
    if errors in MULTIPLIERS:
        scores = np.stack([fit.X[rows].T @ fit.residual[rows] for rows in sites])
        factor = MULTIPLIERS[errors](n, p, len(sites))
        return _Spread(factor * _sandwich(fit.bread, scores), nothing, nothing, root, len(sites) - 1)
    adjusted = [(rows, _adjusted_design(fit, rows)) for rows in sites]
    influence = np.stack([T.T @ fit.residual[rows] for rows, T in adjusted])
    own = np.stack([(T * fit.mu[rows, None]).T @ T for rows, T in adjusted])
    shared = np.stack([(fit.X[rows] * fit.mu[rows, None]).T @ T for rows, T in adjusted])
    return _Spread(_sandwich(fit.bread, influence), own, shared, root)


def _sandwich(bread: Array, scores: Array) -> Array:
    return np.asarray(bread @ scores.T @ scores @ bread)


def _adjusted_design(fit: _Fit, rows: Array) -> Array:
    """A site's rows after the CR2 adjustment, (n_g, p), for counts whose working variance is their mean.

    On the scale of the counts the design is mu X, the weight 1 / mu and the variance mu, so that the adjustment is
    D (D (V - mu X bread X' mu) D)^(-1/2) D with V = diag(mu) and D its root.
    """
    X, mu = fit.X[rows], fit.mu[rows]
    half = np.sqrt(mu)
    steep = (half * mu)[:, None] * X
    inner = np.diag(mu**2) - steep @ fit.bread @ steep.T
    return np.asarray(half[:, None] * (symmetric_power(inner, -0.5) @ (half[:, None] * X)))


def _ratio(log_ratio: Estimate) -> Estimate:
    low, high = log_ratio.conf_low, log_ratio.conf_high
    return replace(
        log_ratio,
        estimate=math.exp(log_ratio.estimate),
        conf_low=None if low is None else math.exp(low),
        conf_high=None if high is None else math.exp(high),
        scale="rate ratio",
    )


def _difference(inference: Inference, fit: _Fit, spread: _Spread) -> Estimate:
    """Everybody's yearly rate with the arm set to 1, less the same with it set to 0, averaged."""
    with_arm, without = fit.X.copy(), fit.X.copy()
    with_arm[:, 1], without[:, 1] = 1, 0
    treated, untreated = np.exp(with_arm @ fit.beta), np.exp(without @ fit.beta)
    gradient = (with_arm * treated[:, None] - without * untreated[:, None]).mean(axis=0)
    value = float((treated - untreated).mean())
    return inference.estimate("arm", value, spread.error(gradient), "rate difference", "per person-year")
