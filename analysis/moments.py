"""Cross-products per site: everything that clustered linear inference needs to know about the rows.

For a design X and an outcome y, a site g contributes only X'X, X'y, y'y and its number of rows. Ordinary least
squares, its classical and its cluster-robust covariances (CR0, CR1, CR1S, CR2, CR3) and their degrees of freedom
follow from those exactly, so a site can share its sums instead of its people.

In what follows M = (X'X)^-1 = L L', and B_g = L' X_g'X_g L is site g's leverage, seen from the p coefficients
instead of from its n_g rows; its eigenvalues lie between 0 and 1. CR2 multiplies a site's residuals by
(I - H_gg)^(-1/2), which acts on the site's score as (I - B_g)^(-1/2) does on L' times that score.

Where each site counts alike, all rows of a site have one weight w_g, and the sums stand multiplied by it. The working
model stays that of rows of equal variance, so that CR2 takes the site's part of (I - H)(I - H)' with H = X M X'W: it is
I - Y_g C_g Y_g' for Y_g = X_g L, C_g = 2 w_g I - L' (sum of w_h^2 X_h'X_h) L.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import linalg

from .result import AnalysisError

Array = NDArray[np.float64]
COLLINEAR = 1e-9
FULL_LEVERAGE = 1e-9
NO_ROWS_SAY = 1e-12
ROUNDING = 1e-13
"""Share of the sum of squares below which what is left over is only rounding: the fit is perfect."""
TOO_FEW = "too few people with everything that is needed for {terms} terms; name fewer covariates"


@dataclass(frozen=True, slots=True)
class Moments:
    """Cross-products of G sites and p terms: `xx` (G, p, p), `xy` (G, p), `yy` (G,), `n` (G,) rows a site.

    `weight` (G,) is that of every row of a site, by which its sums are multiplied already; None where all have one.
    """

    terms: tuple[str, ...]
    xx: Array
    xy: Array
    yy: Array
    n: NDArray[np.int64]
    weight: Array | None = None


@dataclass(frozen=True, slots=True)
class LeastSquares:
    """A fit: `beta` (p,), `root` (p, p) with root @ root.T = (X'X)^-1, `scores` (G, p), residual sum of squares."""

    moments: Moments
    beta: Array
    root: Array
    scores: Array
    rss: float

    @property
    def n(self) -> int:
        """Rows."""
        return int(self.moments.n.sum())

    @property
    def n_clusters(self) -> int:
        """Sites."""
        return len(self.moments.n)


@dataclass(frozen=True, slots=True)
class Errors:
    """A covariance (p, p) of the coefficients and the degrees of freedom (p,) of each one's t statistic."""

    covariance: Array
    df: Array

    @property
    def std_error(self) -> Array:
        """Standard errors (p,)."""
        return np.sqrt(np.diagonal(self.covariance))


def from_rows(X: Array, y: Array, site: ArrayLike, terms: Sequence[str]) -> Moments:
    """Sum rows into cross-products per site.

    Parameters
    ----------
    X
        Design, (n, p), without missing values.
    y
        Outcome, (n,), without missing values.
    site
        Site of each row, (n,); any labels.
    terms
        Names of the p columns.

    Raises
    ------
    AnalysisError
        When a value is missing or infinite.
    """
    _refuse_unknown(X, y)
    codes, _ = pd.factorize(np.asarray(site), sort=True, use_na_sentinel=False)
    order = np.argsort(codes.astype(np.min_scalar_type(codes.max(initial=0))), kind="stable")  # short codes sort fast
    starts = np.flatnonzero(np.diff(codes[order], prepend=-1))
    sites = list(zip(np.split(X.take(order, axis=0), starts[1:]), np.split(y.take(order), starts[1:]), strict=True))
    return Moments(
        tuple(terms),
        np.stack([x.T @ x for x, _ in sites]),
        np.stack([x.T @ outcome for x, outcome in sites]),
        np.array([outcome @ outcome for _, outcome in sites]),
        np.array([len(outcome) for _, outcome in sites]),
    )


def _refuse_unknown(X: Array, y: Array) -> None:
    if not (np.isfinite(X).all() and np.isfinite(y).all()):
        raise AnalysisError("a row has a missing or infinite value; keep complete rows only")


def site_weights(people: ArrayLike) -> Array:
    """The weight of a person of each site under which every site counts alike: as one over the site's people.

    Parameters
    ----------
    people
        How many of each site count, (G,); a site with none has weight 1, which nobody has.

    Returns
    -------
    Array
        Weights (G,) that add up, over people, to how many there are.
    """
    many = np.asarray(people, dtype=float)
    shares = many.sum() / max(int((many > 0).sum()), 1)
    return np.where(many > 0, shares / np.maximum(many, 1), 1.0)


def sites_alike(moments: Moments, people: ArrayLike | None = None) -> Moments:
    """The same sums with every site counted alike, whatever its size.

    Parameters
    ----------
    moments
        Cross-products of G sites, unweighted.
    people
        How many of each site count, (G,); as many as it has rows, if not given.
    """
    weight = site_weights(moments.n if people is None else people)
    xx, xy = moments.xx * weight[:, None, None], moments.xy * weight[:, None]
    return replace(moments, xx=xx, xy=xy, yy=moments.yy * weight, weight=weight)


def redundant_term(xx: Array, terms: Sequence[str]) -> str | None:
    """Name the first term that the terms before it determine, given X'X (p, p); None where there is none."""
    size = np.sqrt(np.diagonal(xx))
    for j in range(len(terms)):
        if size[j] == 0:
            return terms[j]
        scaled = xx[: j + 1, : j + 1] / np.outer(size[: j + 1], size[: j + 1])
        before, cross = scaled[:j, :j], scaled[:j, j]
        if j and 1 - cross @ np.linalg.solve(before, cross) < COLLINEAR:
            return terms[j]
    return None


def least_squares(moments: Moments) -> LeastSquares:
    """Ordinary least squares from cross-products.

    Raises
    ------
    AnalysisError
        When a term is determined by others, or rows do not outnumber terms; the message names the term.
    """
    xx, xy = moments.xx.sum(axis=0), moments.xy.sum(axis=0)
    if moments.n.sum() <= len(moments.terms):
        raise AnalysisError(TOO_FEW.format(terms=len(moments.terms)))
    redundant = redundant_term(xx, moments.terms)
    if redundant is not None:
        raise AnalysisError(f"'{redundant}' is constant or determined by the other terms; take it out of the plan")
    root = np.linalg.inv(np.linalg.cholesky(xx)).T
    beta = root @ (root.T @ xy)
    scores = moments.xy - moments.xx @ beta
    yy = float(moments.yy.sum())
    rss = yy - 2 * float(beta @ xy) + float(beta @ xx @ beta)
    return LeastSquares(moments, beta, root, scores, rss if rss > ROUNDING * yy else 0.0)


def classical(fit: LeastSquares) -> Errors:
    """Errors for independent rows of equal variance, n - p degrees of freedom."""
    p = len(fit.beta)
    df = fit.n - p
    return Errors(fit.rss / df * fit.root @ fit.root.T, np.full(p, float(df)))


def _power(exponent: float) -> Callable[[Array], Array]:
    def adjust(leverage: Array) -> Array:
        free = 1 - leverage
        return np.where(free > FULL_LEVERAGE, np.maximum(free, FULL_LEVERAGE) ** exponent, 0.0)

    return adjust


ADJUSTMENTS: Mapping[str, Callable[[Array], Array]] = {"CR2": _power(-0.5), "CR3": _power(-1.0)}
MULTIPLIERS: Mapping[str, Callable[[int, int, int], float]] = {
    "CR0": lambda _n, _p, _g: 1.0,
    "CR1": lambda _n, _p, g: g / (g - 1),
    "CR1S": lambda n, p, g: g / (g - 1) * (n - 1) / (n - p),
}


def cluster_robust(fit: LeastSquares, kind: str = "CR2") -> Errors:
    """Errors that hold when rows of one site depend on one another.

    CR2 and CR3 come with Satterthwaite degrees of freedom under an independent, equal-variance working model, weights
    or not; CR0, CR1 and CR1S with G - 1. A direction that one site alone determines carries no information about error
    and is left out (the Moore-Penrose inverse).

    Raises
    ------
    AnalysisError
        For an unknown kind, or fewer than two sites.

    References
    ----------
    Bell RM, McCaffrey DF. Survey Methodology 2002;28:169-181.
    Pustejovsky JE, Tipton E. J Bus Econ Stat 2018;36:672-683. doi:10.1080/07350015.2016.1247004
    Reference: `01_ancova_eq5d12` (clubSandwich 0.5.8, sandwich 3.0.2); with weights the row-wise errors that hold
    `08_ps_weighting`, in `tests/reference/analysis/test_site_average.py`.
    """
    if kind not in ADJUSTMENTS and kind not in MULTIPLIERS:
        raise AnalysisError(f"unknown errors '{kind}'; allowed: {', '.join([*ADJUSTMENTS, *MULTIPLIERS])}")
    if fit.n_clusters < 2:
        raise AnalysisError("cluster-robust errors need two sites or more")
    whitened = fit.scores @ fit.root
    if kind in MULTIPLIERS:
        factor = MULTIPLIERS[kind](fit.n, len(fit.beta), fit.n_clusters)
        df = np.full(len(fit.beta), fit.n_clusters - 1.0)
        return Errors(factor * sandwich(fit.root, whitened), df)
    if fit.moments.weight is not None:
        return _of_weighted(fit, fit.moments.weight, whitened, kind)
    leverage, vectors = np.linalg.eigh(fit.root.T @ fit.moments.xx @ fit.root)
    adjusted = (vectors * ADJUSTMENTS[kind](leverage)[:, None, :]) @ np.swapaxes(vectors, 1, 2)
    influence = np.einsum("gij,gj->gi", adjusted, whitened)
    return Errors(sandwich(fit.root, influence), _satterthwaite(fit.root, leverage, vectors, adjusted))


def sandwich(bread: Array, scores: Array) -> Array:
    """Covariance (p, p) of coefficients whose sites' or people's scores are (G, q), for a bread of (p, q).

    As a sum of squares: rounding takes no variance below zero, not even where nothing is left over.
    """
    spread = scores @ bread.T
    return np.asarray(spread.T @ spread)


def standard_error(covariance: Array, direction: Array) -> float:
    """Standard error of direction @ beta, for a covariance (p, p); what rounding takes below zero is zero.

    Raises
    ------
    AnalysisError
        When the variance is below zero by more than that: the covariance is none.
    """
    variance = float(direction @ covariance @ direction)
    if variance < -ROUNDING * float(np.abs(direction) @ np.abs(covariance) @ np.abs(direction)):
        raise AnalysisError("a variance came out below zero; name fewer covariates")
    return math.sqrt(max(variance, 0.0))


def _satterthwaite(root: Array, leverage: Array, vectors: Array, adjusted: Array) -> Array:
    """Degrees of freedom (p,) for each coefficient."""
    inside = (vectors * np.maximum(leverage, 0)[:, None, :]) @ np.swapaxes(vectors, 1, 2)
    df = []
    for direction in root:
        turned = adjusted @ direction
        shared = np.einsum("gij,gj->gi", inside, turned)
        df.append(satterthwaite(np.einsum("gi,gi->g", turned, shared), shared))
    return np.array(df)


def _of_weighted(fit: LeastSquares, weight: Array, whitened: Array, kind: str) -> Errors:
    """Errors where a site's rows have a weight, and people equal variance all the same."""
    plain = (fit.root.T @ fit.moments.xx @ fit.root) / weight[:, None, None]
    squares = np.einsum("g,gij->ij", weight**2, plain)
    inside = 2 * weight[:, None, None] * np.eye(len(squares)) - squares
    turn = np.stack([_turn(rows, change, kind) for rows, change in zip(plain, inside, strict=True)])
    influence = np.einsum("gji,gj->gi", turn, whitened)
    df = [_weighted_df(weight, plain, squares, weight[:, None] * (turn @ each)) for each in fit.root]
    return Errors(sandwich(fit.root, influence), np.array(df))


def _weighted_df(weight: Array, plain: Array, squares: Array, turned: Array) -> float:
    shared = np.einsum("gij,gj->gi", plain, turned)
    return weighted_satterthwaite(np.einsum("gi,gi->g", turned, shared), shared, weight, squares)


def _turn(plain: Array, inside: Array, kind: str) -> Array:
    """What the adjustment A = f(I - Y C Y') of a site does to Y: A Y = Y F, here F (p, p), from Y'Y and C."""
    values, vectors = np.linalg.eigh(plain)
    said = values > NO_ROWS_SAY * max(float(values[-1]), NO_ROWS_SAY)
    half = np.where(said, np.sqrt(np.maximum(values, 0)), 0.0)
    root, back = (vectors * half) @ vectors.T, (vectors * np.where(said, 1 / np.where(said, half, 1), 0)) @ vectors.T
    leverage, axes = np.linalg.eigh(root @ inside @ root)
    return np.asarray(back @ (axes * ADJUSTMENTS[kind](leverage)) @ axes.T @ root)


def satterthwaite(own: Array, shared: Array) -> float:
    """Degrees of freedom of a variance estimate that is a quadratic form in the sites' scores.

    Under the working model the G scores that make up the estimate have covariance P = diag(own) - shared shared';
    the degrees of freedom are tr(P)^2 / tr(P P).

    Parameters
    ----------
    own
        Variance that each site's score would have were the coefficients known, (G,).
    shared
        What the estimated coefficients take away, in whitened coordinates, (G, p).
    """
    diagonal = np.einsum("gi,gi->g", shared, shared)
    gram = shared.T @ shared
    trace = own.sum() - diagonal.sum()
    square = (own**2).sum() - 2 * (own * diagonal).sum() + (gram**2).sum()
    return float(trace**2 / square)


def weighted_satterthwaite(own: Array, shared: Array, weight: Array, squares: Array) -> float:
    """Degrees of freedom as `satterthwaite`, where sites have weights that the working model knows nothing of.

    P = diag(own) - (w_g + w_h) shared_g'shared_h + shared_g' squares shared_h.

    Parameters
    ----------
    own, shared
        As for `satterthwaite`, (G,) and (G, p), weights in them.
    weight
        That of each site's rows, (G,).
    squares
        L' (sum of w_g^2 X_g'X_g) L, (p, p).
    """
    spread = np.diag(own) - (weight[:, None] + weight) * (shared @ shared.T) + shared @ squares @ shared.T
    return float(np.trace(spread) ** 2 / (spread**2).sum())


def symmetric_power(matrix: Array, exponent: float, negligible: float = FULL_LEVERAGE) -> Array:
    """A power of a symmetric non-negative matrix, directions of negligible variance beside the largest left out."""
    values, vectors = linalg.eigh(matrix, driver="evd")  # twice as fast as the usual one where all are wanted
    kept = values > negligible * values.max()
    powers = np.where(kept, np.where(kept, values, 1.0) ** exponent, 0.0)
    return np.asarray((vectors * powers) @ vectors.T)
