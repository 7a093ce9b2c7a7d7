"""How far an effect of an event study stands when the arms would not have gone on moving alike: Rambachan and Roth."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize, special

from ..moments import Array
from ..result import AnalysisError
from .inference import t_quantile

BENDS = tuple(math.log(1 + each / 100) for each in (0, 1, 2, 5, 10))
"""By how much a trend in the logarithm of a rate ratio may bend a period: not at all, by 1 %, 2 %, 5 % and 10 %."""
FEWEST_BEFORE, FEWEST_LEFT = 2, 2
POSITIVE = 1e-8
STEPS, HALVINGS, DOUBLINGS = 500, 25, 60
NOT_POSITIVE = (
    "the errors of the periods cannot be told apart: there are too few sites for so many periods, or two periods are "
    "the same; name longer periods"
)


@dataclass(frozen=True, slots=True)
class Bound:
    """The interval of the average effect after the start where the trend may bend by `size` a period."""

    size: float
    conf_low: float
    conf_high: float


@dataclass(frozen=True, slots=True)
class Honest:
    """An interval for every size, and the smallest size whose interval has zero in it: 0 where all of them have."""

    bounds: tuple[Bound, ...]
    breakdown: float


def honest_bounds(
    effects: ArrayLike,
    covariance: ArrayLike,
    n_before: int,
    weights: ArrayLike | None = None,
    sizes: Sequence[float] = BENDS,
    confidence: float = 0.95,
    df: float = math.inf,
) -> Honest:
    """Bound the average effect after the start, if the arms' trends part along a line that bends by no more than that.

    An event study takes it that without the offer the arms would have moved alike. Here they may part instead, before
    and after the start, along a line whose slope changes from one period to the next by at most `size`. With 0 what
    went on before the start is carried on in a straight line. The interval is the shortest of fixed length around a
    weighted sum of the effects that holds the true value often enough whatever such a line.

    Parameters
    ----------
    effects
        (n,) effects by period in order of time, without the reference (the last period before the start): first the
        `n_before` ones before it, then those from the start on. Periods follow each other without a gap. Any scale,
        such as logarithms of rate ratios.
    covariance
        (n, n) of their errors.
    n_before
        How many effects lie before the reference, at least 2.
    weights
        Of the effects from the start on; the same for all of them if None.
    sizes
        By how much the slope may change a period, on the scale of the effects; 0 or more.
    confidence
        Level of the intervals.
    df
        Degrees of freedom of the errors; infinite for the normal distribution, as in the source.

    Returns
    -------
    Honest
        Intervals in the order of `sizes`, and the breakdown value.

    Raises
    ------
    AnalysisError
        When there are fewer than two effects before the reference or none after it, a value is missing, the shapes
        differ, weights add up to zero or less, a size is below zero, or the covariance of the effects before the
        reference and of the average is not positive definite.

    References
    ----------
    Rambachan A, Roth J. Rev Econ Stud 2023;90:2555-2591. doi:10.1093/restud/rdad018 (section 4.1: bounded second
    differences, confidence intervals of fixed length)
    Reference: HonestDiD 0.2.8 (R) and diff-diff 3.13.0 on the effects of Benzarti and Carloni (2019):
    `tests/reference/analysis/test_honest.py`.
    """
    problem = _problem(np.asarray(effects, float), np.asarray(covariance, float), n_before, weights)
    if any(not size >= 0 for size in sizes):
        raise AnalysisError("sizes: each must be 0 or more; it is by how much the trend may bend")
    at = partial(_bound, problem, confidence=confidence, df=df)
    return Honest(tuple(at(size) for size in sizes), _breakdown(problem, confidence, df))


def for_few_sites(covariance: ArrayLike, n_before: int, df: float) -> tuple[Array, float]:
    """A covariance of `df` degrees of freedom, widened, and those that are left, for weights that it chose.

    The weights of the effects before the start make the error small as it was estimated, which is smaller than it is.
    A straight line leaves `n_before` - 1 of them free, each of which costs a degree of freedom.

    Raises
    ------
    AnalysisError
        When the sites are too few for so many periods.

    References
    ----------
    Rao CR. Biometrika 1965;52:447-458. doi:10.1093/biomet/52.3-4.447 (adjustment by covariates in growth curves)
    """
    left = df - (n_before - 1)
    if not left >= FEWEST_LEFT:
        raise AnalysisError(NOT_POSITIVE)
    return np.asarray(covariance, float) * (df / left * (df - 1) / (left - 1)), float(left)


# ---------------------------------------------------------------------------- the problem


@dataclass(frozen=True, slots=True)
class _Problem:
    """Effects in units of `unit`, and what a bend of one in each period does to a weighted sum of them.

    `bends` (k, n_before) are the bends before the start, by weights still to be found; `drift` is what the bends from
    the start on add up to whatever these weights; `slope` is what a straight line of slope one adds to the average.
    """

    effects: Array
    covariance: Array
    weights: Array
    times: Array
    bends: Array
    drift: float
    slope: float
    unit: float


def _problem(effects: Array, covariance: Array, n_before: int, weights: ArrayLike | None) -> _Problem:
    n_after = len(effects) - n_before
    _refuse(effects, covariance, n_before)
    share = np.ones(n_after) / n_after if weights is None else np.asarray(weights, float)
    if share.shape != (n_after,) or not share.sum() > 0 or not np.isfinite(share).all():
        raise AnalysisError(f"weights: give {n_after} numbers, a period from the start on each, sum above 0")
    if not _is_positive(of_average(covariance, n_before, share)):
        raise AnalysisError(NOT_POSITIVE)
    times = np.concatenate([np.arange(-n_before, 0), np.arange(1, n_after + 1)]).astype(float)
    knots = np.arange(1 - n_before, n_after)[:, None]
    lines = np.where(knots >= 0, np.maximum(times - knots, 0), np.maximum(knots - times, 0))
    after = lines[n_before - 1 :, n_before:] @ share
    unit = math.sqrt(share @ covariance[n_before:, n_before:] @ share)
    return _Problem(
        effects / unit,
        covariance / unit**2,
        share,
        times,
        lines[: n_before - 1, :n_before],
        float(np.abs(after).sum()),
        float(share @ times[n_before:]),
        unit,
    )


def _refuse(effects: Array, covariance: Array, n_before: int) -> None:
    n = len(effects)
    if n_before < FEWEST_BEFORE:
        raise AnalysisError("fewer than two periods lie before the last one before the start; name shorter ones")
    if n <= n_before:
        raise AnalysisError("no period lies after the start; there is nothing to bound")
    if covariance.shape != (n, n):
        raise AnalysisError(f"covariance: it must have {n} rows and columns, as many as there are effects")
    if not (np.isfinite(effects).all() and np.isfinite(covariance).all()):
        raise AnalysisError("an effect of a period, or its error, is missing; mend it or leave it out")


def of_average(covariance: Array, n_before: int, weights: ArrayLike) -> Array:
    """Covariance of the effects before the reference and of the weighted average of those after it."""
    own = np.zeros((n_before + 1, len(covariance)))
    own[:n_before, :n_before] = np.eye(n_before)
    own[n_before, n_before:] = weights
    return own @ covariance @ own.T


def _is_positive(covariance: Array) -> bool:
    scale = np.sqrt(np.maximum(np.diag(covariance), 0))
    if not scale.all() or not np.allclose(covariance, covariance.T, rtol=1e-6, atol=0):
        return False
    return bool(np.linalg.eigvalsh(covariance / np.outer(scale, scale))[0] > POSITIVE)


# ---------------------------------------------------------------------------- intervals


def _bound(problem: _Problem, size: float, confidence: float, df: float) -> Bound:
    before = _weights_before(problem, size / problem.unit, confidence, df)
    every = np.concatenate([before, problem.weights])
    bias = size / problem.unit * (problem.drift + np.abs(problem.bends @ before).sum())
    error = math.sqrt(every @ problem.covariance @ every)
    middle, reach = every @ problem.effects, error * _reach(bias / error, confidence, df)
    return Bound(size, float((middle - reach) * problem.unit), float((middle + reach) * problem.unit))


def _weights_before(problem: _Problem, size: float, confidence: float, df: float) -> Array:
    """Weights of the effects before the start that make the interval shortest, among those that straight lines pass.

    Whatever the bends sum to in absolute value stands in variables of its own, so that all is smooth; the length is
    convex in both, and any weights that fulfil the equation would give an interval that is right, if longer.
    """
    bends, times = problem.bends, problem.times[: problem.bends.shape[1]]
    n, k = len(times), len(bends)
    flat = -times * problem.slope / (times @ times)
    straight = np.concatenate([times, np.zeros(k)])
    above = np.block([[-bends, np.eye(k)], [bends, np.eye(k)]])

    def length(x: Array) -> tuple[float, Array]:
        every = np.concatenate([x[:n], problem.weights])
        error = math.sqrt(every @ problem.covariance @ every)
        far = size * (problem.drift + x[n:].sum()) / error
        reach = _reach(far, confidence, df)
        steep = math.tanh(reach * far) if math.isinf(df) else _steepness(reach, far, df)
        by_weights = (reach - far * steep) / error * (problem.covariance @ every)[:n]
        return error * reach, np.concatenate([by_weights, np.full(k, steep * size)])

    start = np.concatenate([flat, np.abs(bends @ flat)])
    longest = length(start)[0]

    def share_of_longest(x: Array) -> tuple[float, Array]:
        value, gradient = length(x)
        return value / longest, gradient / longest

    kept: Any = [
        {"type": "eq", "fun": lambda x: straight @ x + problem.slope, "jac": lambda _: straight},
        {"type": "ineq", "fun": lambda x: above @ x, "jac": lambda _: above},
    ]
    found = optimize.minimize(
        share_of_longest,
        start,
        jac=True,
        method="SLSQP",
        constraints=kept,
        options={"maxiter": STEPS, "ftol": 1e-12},
    )
    before: Array = found.x[:n] if np.isfinite(found.x).all() else flat
    return before - times * (times @ before + problem.slope) / (times @ times)


def _reach(far: float, confidence: float, df: float) -> float:
    """How far from its middle an interval reaches, in standard errors, where the middle may be off by `far` of them."""

    def lacking(reach: float) -> float:
        return float(special.stdtr(df, reach - far) - special.stdtr(df, -reach - far) - confidence)

    most = far + t_quantile(confidence, df)
    return most if lacking(most) <= 0 else float(optimize.brentq(lacking, 0.0, most, xtol=1e-13, rtol=1e-14))


def _steepness(reach: float, far: float, df: float) -> float:
    """By how much the reach grows as the middle is further off: the densities at its ends, compared."""
    near, other = ((1 + (reach + sign * far) ** 2 / df) ** (-(df + 1) / 2) for sign in (-1, 1))
    return float((near - other) / (near + other))


def _breakdown(problem: _Problem, confidence: float, df: float) -> float:
    """The smallest size at which the interval has zero in it, between sizes each twice the one before."""

    def has_zero(size: float) -> bool:
        found = _bound(problem, size, confidence, df)
        return found.conf_low <= 0 <= found.conf_high

    first = problem.unit / problem.drift / 1024
    tried = [0.0, *(first * 2**step for step in range(DOUBLINGS))]
    if has_zero(0.0):
        return 0.0
    low, high = next((low, high) for low, high in pairwise(tried) if has_zero(high))
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if has_zero(middle) else (middle, high)
    return float((low + high) / 2)
