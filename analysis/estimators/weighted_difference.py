"""The difference at follow-up between arms made alike by weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from instruments.plan import Covariate

from ..glm import KINDS as ERRORS
from ..moments import MULTIPLIERS, Array, sandwich, standard_error
from ..result import AnalysisError, Fitted
from ..weighting import KINDS, Balance, Support, balance, entropy_weights, propensity, score_weights, support
from .design import Design, baseline_of, design, known_at_entry
from .inference import Inference

STILL_UNLIKE = (
    "After {way} the arms still differ by more than a tenth of a standard deviation in {terms}: the difference "
    "between them is in part that."
)
NO_SUPPORT = (
    "Some people have a propensity score that nobody of the other arm has; what is said of them rests on the model."
)


@dataclass(frozen=True, slots=True)
class Weighing:
    """Weights of the people with baseline and covariates: the design (n, p), weights (n,), how alike they make arms.

    `score` is the propensity score (n,), and `support` where the arms' scores meet.
    """

    laid: Design
    weights: Array
    score: Array
    balance: Balance
    support: Support


@dataclass(frozen=True, slots=True)
class WeightedFit:
    """Weighted least squares: design (n, p), `weights`, `residual`, `site` (n,), `beta` (p,), `bread` (X'WX)^-1."""

    X: Array
    weights: Array
    residual: Array
    site: Array
    beta: Array
    bread: Array


@dataclass(frozen=True, slots=True)
class WeightedSpread:
    """A covariance (p, p); by site, from adjusted rows T: T'T, X'T and X'WT, (G, p, p); X'W^2X (p, p)."""

    covariance: Array
    bread: Array
    own: Array
    plain: Array
    weighted: Array
    squares: Array
    df: float | None = None

    def error(self, direction: Array) -> tuple[float, float]:
        """Standard error and degrees of freedom of direction @ beta.

        With people of equal variance the sites' scores have covariance P, and the degrees of freedom are
        tr(P)^2 / tr(P P).
        """
        std_error = standard_error(self.covariance, direction)
        if self.df is not None:
            return std_error, self.df
        lever = self.bread @ direction
        plain, weighted = self.plain @ lever, self.weighted @ lever
        cross = plain @ self.bread @ weighted.T
        shared = plain @ self.bread @ self.squares @ self.bread @ plain.T
        P = np.diag(np.einsum("i,gij,j->g", lever, self.own, lever)) - cross - cross.T + shared
        return std_error, float(np.trace(P) ** 2 / (P * P).sum())


def weigh(rows: pd.DataFrame, covariates: Sequence[Covariate], kind: str = "overlap") -> Weighing:
    """Find weights that make the arms alike in baseline and covariates, whoever has an outcome.

    Parameters
    ----------
    rows
        One row a person, as for `ancova`.
    covariates
        Facts known at entry; categories enter as indicators with the first level as reference.
    kind
        'overlap', 'ATT', 'ATE', 'entropy' or 'none'.

    Raises
    ------
    AnalysisError
        For unknown weights; when an arm is empty, a term is determined by others, or people of some kind are in one
        arm only.
    """
    if kind not in KINDS:
        raise AnalysisError(f"unknown weights '{kind}'; allowed: {', '.join(KINDS)}")
    laid = known_at_entry(rows, baseline_of(rows), covariates)
    arm = laid.X[:, 1]
    X, terms = np.delete(laid.X, 1, axis=1), (laid.terms[0], *laid.terms[2:])
    score = propensity(X, arm, terms).mu
    by_entropy = kind == "entropy"
    weights = entropy_weights(X[:, 1:], arm, terms[1:]) if by_entropy else score_weights(kind, arm, score)
    return Weighing(laid, weights, score, balance(X[:, 1:], arm, weights, terms[1:]), support(score, arm))


def weighted_difference(
    rows: pd.DataFrame,
    *,
    covariates: Sequence[Covariate],
    errors: str = "CR2",
    confidence: float = 0.95,
    weights: str = "overlap",
    adjusted: bool = True,
) -> Fitted:
    """Estimate the mean difference at follow-up between arms that weights have made alike.

    Everybody with baseline and covariates gets a weight; those with an outcome are then compared by weighted least
    squares of the outcome on arm and, if asked, baseline. The errors take the weights as given, which for weights by a
    propensity score makes them a little too wide rather than too narrow.

    Parameters
    ----------
    rows
        One row a person: `arm` (1 intervention, 0 comparison), `site`, `score`, `baseline` (units of the scale;
        missing as NaN) and the covariates' columns.
    covariates
        Facts known at entry in which the arms are to be made alike, beside the baseline.
    errors
        'CR2' (Satterthwaite; the working model is people of equal variance), 'CR0', 'CR1', 'CR1S' by site, or
        'classical': between people, with n / (n - p).
    confidence
        Level of the interval.
    weights
        'overlap' (people in whom either arm was likely), 'ATT' and 'entropy' (the intervention arm as it is), 'ATE'
        (everybody) or 'none'.
    adjusted
        Adjust for the baseline too, where rows have one.

    Returns
    -------
    Fitted
        One answer, the difference (intervention minus comparison), and every coefficient. Warnings say in what the
        arms still differ, and how many people the other arm lacks.

    Raises
    ------
    AnalysisError
        When an arm is empty, a term is determined by others, people of some kind are in one arm only, or no weights
        can do it.

    References
    ----------
    Li F, Thomas LE, Li F. Am J Epidemiol 2019;188:250-257. doi:10.1093/aje/kwy201
    Pustejovsky JE, Tipton E. J Bus Econ Stat 2018;36:672-683. doi:10.1080/07350015.2016.1247004
    Reference: `08_ps_weighting` (clubSandwich 0.5.8, inverse_var = FALSE).
    """
    weighing, adjusted = weigh(rows, covariates, weights), adjusted and "baseline" in rows
    seen = weighing.laid.rows["score"].notna().to_numpy()
    laid = _outcome_design(weighing.laid.rows[seen], adjusted)
    found = weighted_least_squares(laid, weighing.weights[seen])
    spread = weighted_spread(found, errors, min(laid.n_clusters))
    label = "errors between people" if errors == "classical" else f"{errors} by site"
    method = f"Weighted {'ANCOVA' if adjusted else 'difference'} ({weights}), {label}"
    inference = Inference(laid, method, confidence, clustered=errors != "classical")
    terms = tuple(
        inference.estimate(term, float(found.beta[j]), spread.error(np.eye(len(found.beta))[j]))
        for j, term in enumerate(laid.terms)
    )
    noted = (*inference.warnings(), *warnings_of(weighing))
    return Fitted((terms[1],), terms, laid.n, inference.n_clusters, noted)


def _outcome_design(rows: pd.DataFrame, adjusted: bool) -> Design:
    return design(rows, ("score",), baseline_of(rows) if adjusted else None, ())


def warnings_of(weighing: Weighing) -> tuple[str, ...]:
    """What weights could not do, in plain words."""
    unlike = ", ".join(weighing.balance.unlike)
    beyond = sum(weighing.support.beyond)
    return (
        *((STILL_UNLIKE.format(way="weighting", terms=unlike),) if unlike else ()),
        *((NO_SUPPORT,) if beyond else ()),
    )


def weighted_least_squares(laid: Design, weights: Array) -> WeightedFit:
    """Fit by weighted least squares; weights (n,), above zero."""
    y = laid.rows["score"].to_numpy(dtype=float)
    XW = laid.X * weights[:, None]
    bread: Array = np.asarray(np.linalg.inv(XW.T @ laid.X), dtype=np.float64)
    beta = bread @ (XW.T @ y)
    return WeightedFit(laid.X, weights, y - laid.X @ beta, laid.site, beta, bread)


def weighted_spread(found: WeightedFit, errors: str, fewest: int = 2) -> WeightedSpread:
    """The covariance of weighted coefficients; between people where an arm has fewer than two sites.

    Raises
    ------
    AnalysisError
        For an unknown kind of errors.
    """
    if errors not in ERRORS:
        raise AnalysisError(f"unknown errors '{errors}'; allowed: {', '.join(ERRORS)}")
    n, p = found.X.shape
    between_people = errors == "classical" or fewest < 2
    site = np.arange(n) if between_people else found.site
    sites = [site == code for code in np.unique(site)] if not between_people else []
    squares = (found.X * found.weights[:, None] ** 2).T @ found.X
    if errors == "CR2" and not between_people:
        return _bias_reduced(found, sites, squares)
    weighted = found.X * (found.weights * found.residual)[:, None]
    scores = weighted if between_people else np.stack([weighted[rows].sum(axis=0) for rows in sites])
    factor = n / (n - p) if between_people else MULTIPLIERS[errors](n, p, len(sites))
    nothing = np.zeros((0, p, p))
    covariance = factor * sandwich(found.bread, scores)
    df = float(n - p) if between_people else float(len(sites) - 1)
    return WeightedSpread(covariance, found.bread, nothing, nothing, nothing, squares, df)


def _bias_reduced(found: WeightedFit, sites: Sequence[Array], squares: Array) -> WeightedSpread:
    adjusted = [_adjusted(found, rows, squares) for rows in sites]
    pairs = list(zip(adjusted, sites, strict=True))
    scores = np.stack([T.T @ found.residual[rows] for T, rows in pairs])
    own = np.stack([T.T @ T for T in adjusted])
    plain = np.stack([found.X[rows].T @ T for T, rows in pairs])
    weighted = np.stack([(found.X[rows] * found.weights[rows, None]).T @ T for T, rows in pairs])
    covariance = sandwich(found.bread, scores)
    return WeightedSpread(covariance, found.bread, own, plain, weighted, squares)


def _adjusted(found: WeightedFit, rows: Array, squares: Array) -> Array:
    """A site's rows A W X after the CR2 adjustment, (n_g, p), A = B^(-1/2) for the site's part B of (I - H)(I - H)'.

    B is the identity but in the few directions of X and W X, so that the power is taken in those only.
    """
    X, w = found.X[rows], found.weights[rows]
    WX = X * w[:, None]
    hat = X @ found.bread
    basis = np.linalg.qr(np.hstack([X, WX]))[0]
    turned, turned_w = basis.T @ hat, basis.T @ WX
    inner = np.eye(basis.shape[1]) - turned @ turned_w.T - turned_w @ turned.T + turned @ squares @ turned.T
    values, vectors = np.linalg.eigh((inner + inner.T) / 2)
    power = np.where(values > 1e-10, np.maximum(values, 1e-10) ** -0.5, 0.0)
    directions = basis @ vectors
    return np.asarray(WX + directions @ ((power - 1)[:, None] * (directions.T @ WX)))
