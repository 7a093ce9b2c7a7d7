"""Restricted maximum likelihood for models whose covariance is a sum of known matrices times unknown numbers.

The model is y = X beta + e with Cov(e) = V = sum of theta_i K_i. Whoever knows the K_i (`random_effects`,
`unstructured`) sums up what the likelihood needs; here it becomes a likelihood with its derivatives, is maximised, and
gives standard errors with Satterthwaite's or Kenward and Roger's degrees of freedom.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .moments import Array, Errors
from .result import AnalysisError

STEPS, SHRINKS = 200, 30
SETTLED, NEARLY = 1e-18, 1e-10
SLOW, PATIENCE = 1e-3, 10
CURVED = 1e-6
NOISE = 1e-12
AT_ZERO = 1e-10
INSEPARABLE = 1e-11
KINDS = ("Kenward-Roger", "Satterthwaite")


@dataclass(frozen=True, slots=True)
class Sums:
    """What the likelihood needs at one theta, with A = [X, y] of p + 1 columns and k numbers in theta.

    `log_det` is log|V|; `inner` A'V^-1 A; `first` (k, p+1, p+1) A'V^-1 K_i V^-1 A; `second` (k, k, p+1, p+1)
    A'V^-1 K_i V^-1 K_j V^-1 A; `trace` (k,) tr V^-1 K_i; `traces` (k, k) tr V^-1 K_i V^-1 K_j.
    """

    rows: int
    log_det: float
    inner: Array
    first: Array
    second: Array
    trace: Array
    traces: Array


@dataclass(frozen=True, slots=True)
class Likelihood:
    """The restricted likelihood at one theta.

    `deviance` is -2 log likelihood and `gradient` (k,) its derivative; `phi` (p, p) the covariance of `beta` (p,) were
    theta known; `first` (k, p, p) and `second` (k, k, p, p) as in `Sums`, for X alone; `expected` and `observed`
    (k, k) information about theta.
    """

    theta: Array
    deviance: float
    gradient: Array
    beta: Array
    phi: Array
    first: Array
    second: Array
    expected: Array
    observed: Array


def likelihood(theta: Array, sums: Sums) -> Likelihood:
    """Restricted likelihood, gradient and information.

    Raises
    ------
    AnalysisError
        When the covariance of the coefficients is not positive.
    """
    p = len(sums.inner) - 1
    phi = _inverse(sums.inner[:p, :p])
    beta = phi @ sums.inner[:p, p]
    residual = np.append(-beta, 1.0)
    first, second = sums.first[:, :p, :p], sums.second[:, :, :p, :p]
    crossed = sums.first[:, :p] @ residual
    quadratic = sums.first @ residual @ residual
    halves = np.einsum("pq,iqr->ipr", phi, first)
    traces = (
        sums.traces
        - 2 * np.einsum("pq,ijqp->ij", phi, second)
        + np.einsum("ipq,jqp->ij", halves, halves, optimize=True)
    )
    curvature = sums.second @ residual @ residual
    curvature = (curvature + curvature.T) / 2 - crossed @ phi @ crossed.T
    rest = float(sums.inner[p] @ residual) + (sums.rows - p) * math.log(2 * math.pi)
    return Likelihood(
        theta=theta,
        deviance=sums.log_det - float(np.linalg.slogdet(phi)[1]) + rest,
        gradient=sums.trace - np.einsum("ipp->i", halves) - quadratic,
        beta=beta,
        phi=phi,
        first=first,
        second=second,
        expected=traces / 2,
        observed=curvature - traces / 2,
    )


def _inverse(inner: Array) -> Array:
    try:
        return np.asarray(np.linalg.inv(inner), dtype=np.float64)
    except np.linalg.LinAlgError:
        raise AnalysisError("the covariance of the coefficients is singular; name fewer covariates") from None


@dataclass(frozen=True, slots=True)
class Problem:
    """A likelihood to maximise.

    `sums` gives what theta implies; `bounded` (k,) says which numbers are variances, which stay at or above zero; and
    `allowed` whether a theta gives a covariance matrix at all.
    """

    sums: Callable[[Array], Sums]
    start: Array
    bounded: NDArray[np.bool_]
    allowed: Callable[[Array], bool]

    def at(self, theta: Array) -> Likelihood:
        """The likelihood at one theta."""
        return likelihood(theta, self.sums(theta))

    def free(self, here: Likelihood) -> NDArray[np.bool_]:
        """Which numbers are not held at zero because the likelihood falls from there, (k,)."""
        return np.asarray(~(self.bounded & (here.theta <= AT_ZERO * self.start) & (here.gradient >= 0)))


def maximise(problem: Problem) -> Likelihood:
    """Find the maximum, by Newton's steps where the likelihood is curved as at one, else by Fisher scoring.

    Steps are shortened until they help, and variances stop at zero. The maximum has been found when what is left to go
    is a billionth of a standard error, or, where rounding forbids that, when no step helps and less than a
    hundred-thousandth is left.

    Raises
    ------
    AnalysisError
        When parts of the variance cannot be told apart, nothing varies, or the search ends short of a maximum.
    """
    here, slow = problem.at(problem.start), 0
    for _ in range(STEPS):
        step = _step(problem, here)
        left = -float(step @ here.gradient) / 2
        ahead = None if left < SETTLED else _ahead(problem, here, step)
        if ahead is None and left < NEARLY:
            return here
        if ahead is None or slow > PATIENCE:
            break
        slow += here.deviance - ahead.deviance < SLOW * left
        here = ahead
    raise AnalysisError(
        "the variances did not settle, as when some scores follow exactly from others; name fewer covariates or use a "
        "simpler model"
    )


def _step(problem: Problem, here: Likelihood) -> Array:
    """Where to go from here, (k,); nowhere along what is held at zero."""
    free = problem.free(here)
    step = np.zeros_like(here.theta)
    expected, observed = (each[np.ix_(free, free)] for each in (here.expected, here.observed))
    slope = here.gradient[free] / 2
    scoring = solve_information(expected, slope)
    step[free] = -(solve_information(observed, slope) if _is_peaked(observed) else scoring)
    return step


def _is_peaked(observed: Array) -> bool:
    """Whether the likelihood falls off in every direction, clearly enough for Newton's step."""
    size = np.diagonal(observed)
    if not (np.isfinite(observed).all() and (size > 0).all()):
        return False
    return bool((np.linalg.eigvalsh(observed / np.sqrt(np.outer(size, size))) > CURVED).all())


def _ahead(problem: Problem, here: Likelihood, step: Array) -> Likelihood | None:
    """The likelihood one step on, shortened until it is no worse; None where no step helps."""
    for shrink in range(SHRINKS):
        theta = here.theta + step / 2**shrink
        theta = np.where(problem.bounded, np.maximum(theta, 0.0), theta)
        if problem.allowed(theta):
            found = problem.at(theta)
            if found.deviance <= here.deviance + NOISE * (1 + abs(here.deviance)):
                return found
    return None


def solve_information(information: Array, right: Array) -> Array:
    """Solve with an information matrix (k, k) after bringing its numbers to one scale.

    Raises
    ------
    AnalysisError
        When it is singular: some parts of the variance cannot be told apart.
    """
    scale = np.sqrt(np.maximum(np.diagonal(information), 0))
    if not (np.isfinite(information).all() and (scale > 0).all()):
        raise AnalysisError("some part of the variance cannot be estimated from these scores; use a simpler model")
    scaled = information / np.outer(scale, scale)
    if len(scaled) and abs(np.linalg.eigvalsh(scaled)[0]) < INSEPARABLE:
        raise AnalysisError("two parts of the variance cannot be told apart in these scores; use a simpler model")
    shaped = right / (scale if right.ndim == 1 else scale[:, None])
    solved = np.linalg.solve(scaled, shaped)
    return np.asarray(solved / (scale if right.ndim == 1 else scale[:, None]))


def inverse_information(information: Array) -> Array:
    """The covariance of theta that an information matrix (k, k) stands for."""
    return solve_information(information, np.eye(len(information)))


def satterthwaite_errors(found: Likelihood, free: NDArray[np.bool_]) -> Errors:
    """Model-based errors, with Satterthwaite degrees of freedom from the observed information.

    Numbers of theta held at zero (not `free`) are taken as known.

    References
    ----------
    Satterthwaite FE. Biometrics Bull 1946;2:110-114. doi:10.2307/3002019
    Kuznetsova A et al. J Stat Softw 2017;82(13). doi:10.18637/jss.v082.i13
    """
    spread = np.zeros_like(found.observed)
    spread[np.ix_(free, free)] = inverse_information(found.observed[np.ix_(free, free)])
    return Errors(found.phi, _degrees_of_freedom(found, spread))


def kenward_roger_errors(found: Likelihood, spread: Array | None = None, bend: Array | None = None) -> Errors:
    """Errors that allow for theta being estimated, with Kenward and Roger's degrees of freedom.

    Parameters
    ----------
    found
        The maximum.
    spread
        Covariance of theta, (k, k); from the expected information where none is given.
    bend
        Half the mean second derivative of theta over its uncertainty, (k,), where theta is itself a curved function of
        what is taken for normal; nothing by default.

    References
    ----------
    Kenward MG, Roger JH. Biometrics 1997;53:983-997. doi:10.2307/2533558
    """
    spread = inverse_information(found.expected) if spread is None else spread
    phi, first = found.phi, found.first
    inner = found.second - (first @ phi)[:, None] @ first
    added = np.tensordot(spread, inner, 2)
    if bend is not None:
        added = added - np.einsum("i,ipq->pq", bend, first) / 2
    covariance = phi + 2 * phi @ added @ phi
    return Errors((covariance + covariance.T) / 2, _degrees_of_freedom(found, spread))


def _degrees_of_freedom(found: Likelihood, spread: Array) -> Array:
    """For each coefficient (p,): twice its variance squared over the variance of that variance."""
    slopes = np.einsum("ipp->pi", found.phi @ found.first @ found.phi)
    return np.asarray(2 * np.diagonal(found.phi) ** 2 / np.einsum("pi,ij,pj->p", slopes, spread, slopes))
