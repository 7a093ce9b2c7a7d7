"""Generalised linear models and their cluster-robust errors: what counts and binary outcomes have in common.

A model says how the mean follows from the linear predictor eta = X beta + offset and how the variance V follows from
the mean. With d = d mean / d eta, the design on the scale of the outcome is d X, its weights are 1 / V and the inverse
information ("bread") is (X' diag(d^2 / V) X)^-1; what is written here of errors is written on that scale. Rows may have
weights beside those, which say how much each counts in what is asked; V stays the working model of the errors.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import special

from .moments import (
    MULTIPLIERS,
    TOO_FEW,
    Array,
    sandwich,
    satterthwaite,
    standard_error,
    symmetric_power,
    weighted_satterthwaite,
)
from .result import AnalysisError

STEPS, HALVINGS, CLOSE_ENOUGH, RUN_AWAY = 50, 12, 1e-10, 30.0
PRIOR_COUNT = 0.5
NO_VARIANCE = 1e-12
KINDS = ("CR2", *MULTIPLIERS, "classical")


@dataclass(frozen=True, slots=True)
class Family:
    """A kind of outcome: every function takes and gives arrays (n,), but `likelihood` gives one number.

    `start` makes a first eta of the outcome, `slope` is d mean / d eta as a function of the mean, `likelihood` the log
    likelihood of outcome, eta and, if given, weights, up to a constant. `dispersed` says that model-based errors are
    scaled by Pearson's dispersion, `unsettled` when a fit has no finite answer.
    """

    name: str
    start: Callable[[Array], Array]
    mean: Callable[[Array], Array]
    slope: Callable[[Array], Array]
    variance: Callable[[Array], Array]
    likelihood: Callable[..., float]
    dispersed: bool
    unsettled: str


def _log_of_count(y: Array) -> Array:
    return np.log(y + PRIOR_COUNT)


def _itself(mu: Array) -> Array:
    return mu


NO_EVENT = "as when nobody of some group had an event"
POISSON = Family(
    name="Poisson",
    start=_log_of_count,
    mean=np.exp,
    slope=_itself,
    variance=_itself,
    likelihood=lambda y, eta, w=1.0: float((w * (y * eta - np.exp(eta))).sum()),
    dispersed=True,
    unsettled=NO_EVENT,
)
GAUSSIAN = Family(
    name="linear",
    start=_itself,
    mean=_itself,
    slope=np.ones_like,
    variance=np.ones_like,
    likelihood=lambda y, eta, w=1.0: float(-(w * (y - eta) ** 2).sum() / 2),
    dispersed=True,
    unsettled="as when values are out of all proportion",
)


def binomial(trials: Array | float = 1.0) -> Family:
    """Successes out of `trials`, (n,) or one number for all, with logit link."""
    of = np.asarray(trials, dtype=float)
    return Family(
        name="logistic",
        start=lambda y: np.log((y + PRIOR_COUNT) / (of - y + PRIOR_COUNT)),
        mean=lambda eta: of * special.expit(eta),
        slope=lambda mu: mu * (1 - mu / of),
        variance=lambda mu: mu * (1 - mu / of),
        likelihood=lambda y, eta, w=1.0: float((w * (y * eta - of * np.logaddexp(0, eta))).sum()),
        dispersed=False,
        unsettled="as when everybody or nobody of some group has the outcome (perfect separation)",
    )


def shares(trials: Array) -> Family:
    """Shares of `trials`, (n,), that were successes, with logit link: `binomial` on the scale of R's shares of trials.

    Fit, CR0 and dispersion are the same. CR2 is not quite: many adjustments are right where the working model is, and
    the one it takes hangs on the scale of the outcome.
    """
    counted = binomial(trials)
    return replace(
        counted,
        start=lambda y: counted.start(trials * y),
        mean=special.expit,
        slope=lambda mu: mu * (1 - mu),
        variance=lambda mu: mu * (1 - mu) / trials,
        likelihood=lambda y, eta, w=1.0: counted.likelihood(trials * y, eta, w),
    )


def negative_binomial(size: float) -> Family:
    """Counts with variance mean + mean^2 / size, log link; the size is known."""
    return Family(
        name="negative binomial",
        start=_log_of_count,
        mean=np.exp,
        slope=_itself,
        variance=lambda mu: mu + mu**2 / size,
        likelihood=lambda y, eta, w=1.0: float((w * (y * eta - (y + size) * np.log(np.exp(eta) + size))).sum()),
        dispersed=False,
        unsettled=NO_EVENT,
    )


@dataclass(frozen=True, slots=True)
class Fit:
    """A fit: design `X` (n, p), `beta` (p,), `mu`, `slope`, `variance`, `residual` y - mu and `site` (n,), `bread`.

    `weights` (n,) are those of the rows beside the inverse of their variance, the same within a site; None for none.
    """

    family: Family
    X: Array
    beta: Array
    mu: Array
    slope: Array
    variance: Array
    residual: Array
    bread: Array
    site: Array
    weights: Array | None = None


@dataclass(frozen=True, slots=True)
class Block:
    """One site: design on the outcome's scale (n_g, p), residuals (n_g,), working variance (n_g,) or (n_g, n_g).

    `weight` is that of each of its rows beside the inverse of their variance.
    """

    design: Array
    residual: Array
    variance: Array
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Spread:
    """A covariance (p, p), and by site (G, p, p) what the degrees of freedom of any direction are made of.

    `df` is set where all directions have the same; infinite for errors that rest on a likelihood. `weight` (G,) and
    `squares` (p, p), the sum of w_g^2 Z'V^-1 Z, are set where sites have weights.
    """

    covariance: Array
    own: Array
    shared: Array
    root: Array
    df: float | None = None
    weight: Array | None = None
    squares: Array | None = None

    def error(self, direction: Array) -> tuple[float, float]:
        """Standard error and degrees of freedom of direction @ beta."""
        std_error = standard_error(self.covariance, direction)
        if self.df is not None:
            return std_error, self.df
        lever = self.root @ (self.root.T @ direction)
        own = np.einsum("i,gij,j->g", lever, self.own, lever)
        shared = (self.shared @ lever) @ self.root
        if self.weight is None or self.squares is None:
            return std_error, satterthwaite(own, shared)
        return std_error, weighted_satterthwaite(own, shared, self.weight, self.root.T @ self.squares @ self.root)


def fit(
    family: Family,
    X: Array,
    y: Array,
    *,
    site: Array,
    terms: Sequence[str],
    offset: Array | float = 0.0,
    weights: Array | None = None,
) -> Fit:
    """Maximum likelihood by iteratively reweighted least squares, steps halved while they make the fit worse.

    Parameters
    ----------
    family
        Kind of outcome.
    X
        Design, (n, p), without missing values.
    y
        Outcome, (n,).
    site
        Site of each row, (n,).
    terms
        Names of the p columns, for messages.
    offset
        What is added to X beta, (n,) or one number for all.
    weights
        How much each row counts, (n,); None for all alike.

    Raises
    ------
    AnalysisError
        When people do not outnumber terms, or the fit does not settle, as under perfect separation; the message names
        the term that runs away.
    """
    if len(y) <= X.shape[1]:
        raise AnalysisError(TOO_FEW.format(terms=X.shape[1]))
    beta, counts = np.zeros(X.shape[1]), np.ones(len(y)) if weights is None else weights
    eta = family.start(y)
    for step in range(STEPS):
        new = _step(family, X, y, eta, offset, counts)
        if new is None or not np.isfinite(new).all():
            break
        if step:
            new = _shortened(family, X, y, offset, counts, beta, new)
        settled = np.abs(new - beta).max() < CLOSE_ENOUGH * max(1.0, np.abs(new).max())
        beta, before, eta = new, beta, X @ new + offset
        if family is not GAUSSIAN and np.abs(eta).max() > RUN_AWAY:
            raise _unsettled(family, terms, X, beta, before)
        if settled:
            return _finished(family, X, y, site, beta, eta, terms, weights)
    raise _unsettled(family, terms, X, beta, np.zeros_like(beta))


def _step(family: Family, X: Array, y: Array, eta: Array, offset: Array | float, weights: Array) -> Array | None:
    """The next coefficients; None where the information is singular."""
    mu = family.mean(eta)
    slope, variance = family.slope(mu), family.variance(mu) / weights
    bread = inverse_information(X, slope, variance)
    if bread is None:
        return None
    return np.asarray(bread @ (X.T @ (slope**2 / variance * (eta - offset) + slope / variance * (y - mu))))


def _shortened(
    family: Family, X: Array, y: Array, offset: Array | float, weights: Array, old: Array, new: Array
) -> Array:
    """The step, halved until the likelihood does not fall."""
    reached = family.likelihood(y, X @ old + offset, weights)
    least = reached - CLOSE_ENOUGH * (1 + abs(reached))
    for _ in range(HALVINGS):
        eta = np.asarray(X @ new + offset)
        if np.abs(eta).max() <= RUN_AWAY and family.likelihood(y, eta, weights) >= least:
            break
        new = (new + old) / 2
    return new


def inverse_information(X: Array, slope: Array, variance: Array) -> Array | None:
    """(X' diag(slope^2 / variance) X)^-1, (p, p); None where it does not exist."""
    if not (variance > 0).all():
        return None
    try:
        return np.asarray(np.linalg.inv((X * (slope**2 / variance)[:, None]).T @ X), dtype=np.float64)
    except np.linalg.LinAlgError:
        return None


def _finished(
    family: Family,
    X: Array,
    y: Array,
    site: Array,
    beta: Array,
    eta: Array,
    terms: Sequence[str],
    weights: Array | None,
) -> Fit:
    mu = family.mean(eta)
    slope, variance = family.slope(mu), family.variance(mu)
    bread = inverse_information(X, slope, variance if weights is None else variance / weights)
    if bread is None:
        raise _unsettled(family, terms, X, beta, np.zeros_like(beta))
    return Fit(family, X, beta, mu, slope, variance, y - mu, bread, site, weights)


def _unsettled(family: Family, terms: Sequence[str], X: Array, beta: Array, before: Array) -> AnalysisError:
    """The fault, with the term whose coefficient moves the linear predictor most from one step to the next."""
    moved = np.abs(beta - before)[1:] * X[:, 1:].std(axis=0)
    named = f"; look at '{terms[1 + int(moved.argmax())]}' first" if moved.any() else ""
    return AnalysisError(f"the {family.name} fit did not settle, {family.unsettled}; name fewer covariates{named}")


def predicted(found: Fit, arm: float) -> tuple[Array, Array]:
    """Everybody's mean with the arm (second column) set to one value and no offset, (n,), and its gradient (n, p)."""
    X = found.X.copy()
    X[:, 1] = arm
    mean = found.family.mean(X @ found.beta)
    return mean, found.family.slope(mean)[:, None] * X


# ---------------------------------------------------------------------------- errors


def spread(found: Fit, errors: str) -> Spread:
    """The covariance of a fit's coefficients.

    'classical' rests on the model: scaled by Pearson's dispersion with n - p degrees of freedom where the family asks
    for it, else unscaled and normal. The others are by site; see `cluster_spread`.

    Raises
    ------
    AnalysisError
        For an unknown kind of errors.
    """
    if errors not in KINDS:
        raise AnalysisError(f"unknown errors '{errors}'; allowed: {', '.join(KINDS)}")
    if errors != "classical":
        return cluster_spread(tuple(_blocks(found)), found.bread, errors, weighted=found.weights is not None)
    n, p = found.X.shape
    nothing = np.zeros((0, p, p))
    dispersion = (found.residual**2 / found.variance).sum() / (n - p) if found.family.dispersed else 1.0
    df = float(n - p) if found.family.dispersed else math.inf
    return Spread(dispersion * found.bread, nothing, nothing, _root(found.bread), df)


def _blocks(found: Fit) -> Iterator[Block]:
    for code in np.unique(found.site):
        rows = found.site == code
        weight = 1.0 if found.weights is None else float(found.weights[rows][0])
        yield Block(found.X[rows] * found.slope[rows, None], found.residual[rows], found.variance[rows], weight)


def cluster_spread(blocks: Sequence[Block], bread: Array, errors: str, *, weighted: bool = False) -> Spread:
    """Cluster-robust covariance with weights that are the inverse of the working variance, times those of the sites.

    Parameters
    ----------
    blocks
        The sites.
    bread
        Inverse information, (p, p).
    errors
        'CR2' with Satterthwaite degrees of freedom under the working variance, or 'CR0', 'CR1', 'CR1S' with G - 1.
    weighted
        Whether sites have weights of their own, which say nothing of how much their people vary.

    Raises
    ------
    AnalysisError
        With fewer than two sites.

    References
    ----------
    Pustejovsky JE, Tipton E. J Bus Econ Stat 2018;36:672-683. doi:10.1080/07350015.2016.1247004
    """
    if len(blocks) < 2:
        raise AnalysisError("cluster-robust errors need two sites or more")
    squares = _squares(blocks) if weighted else None
    adjusted = [
        block.weight * (_adjusted(block, bread, squares) if errors == "CR2" else _over(block.variance, block.design))
        for block in blocks
    ]
    scores = np.stack([rows.T @ block.residual for rows, block in zip(adjusted, blocks, strict=True)])
    covariance = sandwich(bread, scores)
    if errors in MULTIPLIERS:
        n, p = sum(len(block.residual) for block in blocks), len(bread)
        nothing = np.zeros((0, p, p))
        factor = MULTIPLIERS[errors](n, p, len(blocks))
        return Spread(factor * covariance, nothing, nothing, _root(bread), len(blocks) - 1)
    pairs = list(zip(adjusted, blocks, strict=True))
    own = np.stack([rows.T @ _times(block.variance, rows) for rows, block in pairs])
    shared = np.stack([block.design.T @ rows for rows, block in pairs])
    weight = np.array([block.weight for block in blocks]) if weighted else None
    return Spread(covariance, own, shared, _root(bread), weight=weight, squares=squares)


def _squares(blocks: Sequence[Block]) -> Array:
    """Sum of w_g^2 Z'V^-1 Z, (p, p): what the coefficients vary by when people do as the working variance has it."""
    parts = [block.weight**2 * block.design.T @ _over(block.variance, block.design) for block in blocks]
    return np.asarray(np.sum(parts, axis=0))


def _adjusted(block: Block, bread: Array, squares: Array | None) -> Array:
    """A site's rows after the CR2 adjustment, (n_g, p).

    With working variance V = D'D and weights V^-1 the adjustment is A = D' (D (V - Z bread Z') D')^(-1/2) D for the
    design Z; what comes back is A V^-1 Z. Where sites have weights, what is taken from V is
    Z (2 w bread - bread squares bread) Z', which is the same where all of them are 1.
    """
    V, Z = block.variance, block.design
    D: Array = np.sqrt(V) if V.ndim == 1 else _root(V).T
    steep = _times(D, Z)
    whole: Array = np.diag(V**2) if V.ndim == 1 else np.asarray(D @ V @ D.T)
    taken = bread if squares is None else 2 * block.weight * bread - bread @ squares @ bread
    power = symmetric_power(whole - steep @ taken @ steep.T, -0.5, NO_VARIANCE)
    return _times(D.T, power @ _times(D, _over(V, Z)))


def _times(matrix: Array, rows: Array) -> Array:
    """matrix @ rows, where a vector stands for a diagonal matrix."""
    return np.asarray(matrix[:, None] * rows if matrix.ndim == 1 else matrix @ rows)


def _over(matrix: Array, rows: Array) -> Array:
    """matrix^-1 @ rows, where a vector stands for a diagonal matrix."""
    return np.asarray(rows / matrix[:, None] if matrix.ndim == 1 else np.linalg.solve(matrix, rows))


def _root(bread: Array) -> Array:
    return np.asarray(np.linalg.cholesky(bread), dtype=np.float64)
