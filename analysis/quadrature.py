"""Regression of events and of counts in which every site has an intercept of its own, from a normal distribution.

With z a standard normal draw, the people of a site have the outcome with log odds eta + sigma z. A site's likelihood
is the integral over z of exp(h(z)), where h is the log likelihood of its people at z less z^2 / 2. Adaptive
Gauss-Hermite quadrature puts its points where h is large: around its mode, as far apart as its curvature c says. One
point is Laplace's approximation.

Points move with the parameters, and the gradient written here moves with them; so it is that of the likelihood that is
maximised for any number of points.

A count y whose mean is exp(eta) and whose variance is mean + mean^2 / size (negative binomial) is as likely, up to a
factor that eta does not move, as y successes of y + size trials with log odds eta - log(size). So one engine does for
both: of counts the logarithm of the size is one more coefficient, with a column of -1, and it moves the trials too.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

from .glm import binomial, fit, negative_binomial
from .moments import Array
from .result import AnalysisError

POINTS, TOGETHER = 25, 2000
STEPS, POLISHING = 200, 20
CLOSE_ENOUGH, NEAR, SETTLED, SMALL_STEP, STEADY = 1e-11, 1e-5, 1e-7, 3e-4, 0.1
LEAST, NEGLIGIBLE, BOUNDLESS = 1e-3, 0.01, 10.0
SMALLEST_SIZE, LARGEST_SIZE, NEARLY_POISSON = 1e-4, 1e6, 1e4
APART = (
    "sites differ so much that how much cannot be estimated, as when everybody or nobody of most sites has the "
    "outcome; use 'gee-logistic' instead"
)
RATES_APART = (
    "sites differ so much that how much cannot be estimated, as when nobody of most sites had an event; use "
    "'gee-poisson' instead"
)
NO_MORE_THAN_POISSON = "within sites the counts are no more spread than Poisson; use 'gee-poisson' or 'poisson-rate'"


Size = tuple[float, float]


@dataclass(frozen=True, slots=True)
class RandomIntercepts:
    """A fit: `beta` (p,), the standard deviation `sigma` of the sites' intercepts, and the covariance of both (p + 1,).

    Counts have a finite `size` too, and its logarithm stands in the covariance between beta and sigma (p + 2,).
    `log_likelihood` leaves out what depends on the outcomes alone (binomial coefficients, factorials of counts). At
    `sigma` zero, where the fit is that of sites all alike, the last row and column of `covariance` are zero.
    """

    beta: Array
    sigma: float
    covariance: Array
    log_likelihood: float
    size: float = math.inf


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows in order of their site: design (n, p), successes and trials (n,), site (n,) as 0 to G - 1, first rows.

    `offset` is added to the log odds. Of counts, `unit` is how far the log size moves with the last column's
    coefficient, and `more` how far the trials do; both are 0 where trials are given.
    """

    X: Array
    y: Array
    trials: Array
    site: NDArray[np.intp]
    starts: NDArray[np.intp]
    offset: Array | float = 0.0
    unit: float = 0.0
    more: float = 0.0

    def sums(self, values: Array) -> Array:
        """By site, (G, ...)."""
        return np.asarray(np.add.reduceat(values, self.starts, axis=0))

    def parts(self) -> Iterator[Rows]:
        """Some sites at a time, of `TOGETHER` rows or one site with more."""
        ends, last = np.append(self.starts[1:], len(self.y)), 0
        while last < len(ends):
            first, begins = last, self.starts[last]
            last = max(first + 1, int(np.searchsorted(ends, begins + TOGETHER, side="right")))
            yield self._between(first, last, slice(begins, ends[last - 1]))

    def _between(self, first: int, last: int, rows: slice) -> Rows:
        offset = self.offset[rows] if isinstance(self.offset, np.ndarray) else self.offset
        starts, site = self.starts[first:last] - rows.start, self.site[rows] - first
        return replace(
            self, X=self.X[rows], y=self.y[rows], trials=self.trials[rows], site=site, starts=starts, offset=offset
        )

    def at(self, theta: Array) -> Rows:
        """The rows with the trials that the size in theta gives."""
        if not self.unit:
            return self
        size = math.exp(self.unit * theta[-2])
        return replace(self, trials=self.y + size, more=self.unit * size)


def random_intercepts(
    X: Array, y: Array, *, site: Array, terms: Sequence[str], trials: Array | float = 1.0, points: int = POINTS
) -> RandomIntercepts:
    """Maximise the likelihood of a logistic regression with normal intercepts of sites.

    Where sites differ by no more than chance makes them, the likelihood falls from sigma = 0 on, and the fit is that
    of ordinary logistic regression. Errors come from the observed information, which allows for sigma being estimated.

    Parameters
    ----------
    X
        Design, (n, p), without missing values.
    y
        Successes, (n,).
    site
        Site of each row, (n,); any labels.
    terms
        Names of the p columns, for messages.
    trials
        Of how many, (n,) or one number for all.
    points
        Points of the quadrature; 1 is Laplace's approximation.

    Raises
    ------
    AnalysisError
        When the ordinary fit does not settle, as under perfect separation, or sigma grows without bound.

    References
    ----------
    Pinheiro JC, Bates DM. J Comput Graph Stat 1995;4:12-35. doi:10.1080/10618600.1995.10474663
    Sun T, Tran-Dinh Q. Math Program 2019;178:145-213. doi:10.1007/s10107-018-1282-4 (the search of modes)
    Reference: the `cbpp` example of lme4 (1.1.38), with 1, 7 and 25 points.
    """
    plain = fit(binomial(trials), X, y, site=site, terms=terms)
    rows = in_order(X, y, np.broadcast_to(np.asarray(trials, dtype=float), y.shape), site)
    begin = _spread_at_zero(rows, plain.beta)
    if begin < NEGLIGIBLE:
        return all_alike(X, y, site=site, terms=terms, trials=trials)
    theta, covariance, reached = _best(rows, np.append(plain.beta, min(begin, 1.0)), plain.bread, points)
    return RandomIntercepts(theta[:-1], float(theta[-1]), covariance, reached)


def random_count_intercepts(
    X: Array, y: Array, *, site: Array, terms: Sequence[str], offset: Array, size: Size, points: int = POINTS
) -> RandomIntercepts:
    """Maximise the likelihood of a negative binomial regression, log link, with normal intercepts of sites.

    Parameters
    ----------
    X, site, terms, points
        As for `random_intercepts`.
    y
        Counts, (n,).
    offset
        What is added to X beta, (n,): the logarithm of the person-time.
    size
        The size where sites do not differ, and its standard error.

    Raises
    ------
    AnalysisError
        When the ordinary fit does not settle, the counts of a site are no more spread than Poisson (the size grows
        without bound), or sigma does.

    References
    ----------
    As for `random_intercepts`; Brooks ME et al. R J 2017;9:378-400. doi:10.32614/RJ-2017-066
    Reference: `05_counts_ancova` (glmmTMB 1.1.5), with 1 point.
    """
    alike = all_counts_alike(X, y, site=site, terms=terms, offset=offset, size=size)
    start, bread = np.append(alike.beta, math.log(size[0])), alike.covariance[:-1, :-1]
    wide = np.column_stack([X, -np.ones(len(y))])
    rows = replace(in_order(wide, y, y + size[0], site, offset), unit=1.0)
    begin = _spread_at_zero(rows, start)
    if begin < NEGLIGIBLE:
        return alike
    theta, covariance, reached = _best(rows, np.append(start, min(begin, 1.0)), bread, points)
    return RandomIntercepts(theta[:-2], float(theta[-1]), covariance, reached, math.exp(theta[-2]))


def _best(rows: Rows, theta: Array, bread: Array, points: int) -> tuple[Array, Array, float]:
    """The most likely theta, its covariance and the likelihood there, searched in units of about the errors."""
    turn = np.eye(len(theta))
    turn[:-1, :-1] = np.linalg.cholesky(bread)  # from scaled terms to the terms' own units
    root = turn[:-1, :-1]
    scaled = replace(rows, X=rows.X @ root, unit=rows.unit * root[-1, -1])
    start = np.asarray(np.linalg.solve(turn, theta), dtype=np.float64)
    best, information = _maximised(scaled, start, points)
    return turn @ best, np.asarray(turn @ np.linalg.inv(information) @ turn.T), likelihood(scaled, best, points)[0]


def in_order(X: Array, y: Array, trials: Array, site: Array, offset: Array | None = None) -> Rows:
    _, codes = np.unique(np.asarray(site), return_inverse=True)
    order = np.argsort(codes, kind="stable")
    starts = np.flatnonzero(np.diff(codes[order], prepend=-1))
    return Rows(X[order], y[order], trials[order], codes[order], starts, 0.0 if offset is None else offset[order])


def _spread_at_zero(rows: Rows, beta: Array) -> float:
    """About how far sites lie apart: 0 where the likelihood falls with sigma^2 from the ordinary fit on."""
    p = special.expit(rows.X @ beta + rows.offset)
    variance = rows.sums(rows.trials * p * (1 - p))
    beyond = float((rows.sums(rows.y - rows.trials * p) ** 2 - variance).sum())
    return math.sqrt(beyond / float((variance**2).sum())) if beyond > 0 else 0.0


def all_alike(
    X: Array, y: Array, *, site: Array, terms: Sequence[str], trials: Array | float = 1.0
) -> RandomIntercepts:
    """The same model with sigma = 0: ordinary logistic regression.

    Raises
    ------
    AnalysisError
        When it does not settle, as under perfect separation.
    """
    family = binomial(trials)
    plain = fit(family, X, y, site=site, terms=terms)
    covariance = np.pad(plain.bread, (0, 1))
    return RandomIntercepts(plain.beta, 0.0, covariance, family.likelihood(y, X @ plain.beta))


def all_counts_alike(
    X: Array, y: Array, *, site: Array, terms: Sequence[str], offset: Array, size: Size
) -> RandomIntercepts:
    """The same model of counts with sigma = 0: ordinary negative binomial regression.

    Raises
    ------
    AnalysisError
        When it does not settle.
    """
    known, error = size
    family = negative_binomial(known)
    plain = fit(family, X, y, site=site, terms=terms, offset=offset)
    covariance = np.pad(plain.bread, (0, 2))
    covariance[-2, -2] = (error / known) ** 2
    ways = special.gammaln(y + known) - special.gammaln(known) + known * math.log(known)
    reached = family.likelihood(y, X @ plain.beta + offset) + float(ways.sum())
    return RandomIntercepts(plain.beta, 0.0, covariance, reached, known)


def _maximised(rows: Rows, theta: Array, points: int) -> tuple[Array, Array]:
    """The most likely beta and sigma, (p + 1,), and the information there.

    By a quasi-Newton search, then by Newton's steps to the last digits. The information of one step serves the next as
    long as steps shrink to a tenth; what comes back is that at the end.
    """

    begin = likelihood(rows, theta, points)[0]

    def worse(at: Array) -> tuple[float, Array]:
        value, gradient = likelihood(rows, at, points)
        return begin - value, -gradient  # the search stops at a part of its value, which is huge where counts are

    least, most = np.full_like(theta, -np.inf), np.full_like(theta, np.inf)
    least[-1], most[-1] = LEAST, BOUNDLESS
    if rows.unit:
        least[-2], most[-2] = math.log(SMALLEST_SIZE) / rows.unit, math.log(LARGEST_SIZE) / rows.unit
    best = optimize.minimize(
        worse, theta, jac=True, method="L-BFGS-B", bounds=optimize.Bounds(least, most), options={"gtol": NEAR}
    ).x
    information, before = None, 0.0
    for _ in range(POLISHING):
        if not LEAST / 2 < best[-1] < BOUNDLESS or _size(rows, best) > LARGEST_SIZE / 2:
            break
        fresh = information is None
        if information is None:
            information = _information(rows, best, points)
        step = np.linalg.solve(information, likelihood(rows, best, points)[1])
        moved, best = float(np.abs(step).max()), best + step
        if moved < SETTLED:
            return best, information if fresh else _information(rows, best, points)
        if not fresh and moved > STEADY * before:
            information = None
        before = moved
    nearly_poisson = NO_MORE_THAN_POISSON if _size(rows, best) > NEARLY_POISSON else RATES_APART
    raise AnalysisError(nearly_poisson if rows.unit else APART)


def _size(rows: Rows, theta: Array) -> float:
    """The size of counts; 0 where there is none."""
    return math.exp(min(rows.unit * theta[-2], 700.0)) if rows.unit else 0.0


def _information(rows: Rows, theta: Array, points: int) -> Array:
    """Minus the second derivatives of the log likelihood, from differences of its gradient, (p + 1, p + 1)."""
    steps = SMALL_STEP * np.eye(len(theta))
    apart = [likelihood(rows, theta - step, points)[1] - likelihood(rows, theta + step, points)[1] for step in steps]
    slopes = np.stack(apart) / (2 * SMALL_STEP)
    return np.asarray((slopes + slopes.T) / 2)


def likelihood(rows: Rows, theta: Array, points: int) -> tuple[float, Array]:
    """The log likelihood at beta and sigma, and its gradient (p + 1,): the sums of those of a few sites at a time.

    So many that what is worked out for every person and point stays in the processor's cache.
    """
    parts = [_likelihood(part, theta, points) for part in rows.parts()]
    return sum(value for value, _ in parts), np.sum([gradient for _, gradient in parts], axis=0)


def _likelihood(rows: Rows, theta: Array, points: int) -> tuple[float, Array]:
    """Those of some sites.

    A site's part is log(2 / c) / 2 + log(sum over points k of w_k exp(x_k^2 + h(z_k))) less a constant, with nodes x
    and weights w of Gauss and Hermite, and z_k = mode + sqrt(2 / c) x_k.
    """
    nodes, weights = _gauss_hermite(points)
    rows, sigma, eta = rows.at(theta), float(theta[-1]), rows.X @ theta[:-1] + rows.offset
    mode = _modes(rows, eta, sigma)
    bend, by_theta = _around(rows, eta, sigma, mode)
    width = np.sqrt(2 / bend)
    z = mode[:, None] + width[:, None] * nodes
    residual, odds = _at_points(rows, eta[:, None] + (sigma * z)[rows.site])
    had = rows.sums(np.column_stack([rows.y, rows.y * eta]))
    fits = had[:, :1] * sigma * z + had[:, 1:] - rows.sums(rows.trials[:, None] * odds) - z**2 / 2
    logs = fits + nodes**2 + np.log(weights)
    top = logs.max(axis=1)
    share = np.exp(logs - top[:, None])
    whole = share.sum(axis=1)
    share /= whole[:, None]
    total = float((top + np.log(whole) - np.log(bend) / 2 - math.log(math.pi) / 2).sum())
    left = rows.sums(residual)
    slope = share * (sigma * left - z)
    by_row = share[rows.site]
    still = np.append(np.einsum("nk,nk->n", residual, by_row) @ rows.X, (share * z * left).sum())
    if rows.more:
        ways, by_size = _ways(rows)
        total += ways
        still[-2] += by_size - rows.more * float(np.einsum("nk,nk->", odds, by_row))
    of_mode, of_bend = by_theta
    narrower = (1 + width * (slope @ nodes)) / (2 * bend)
    return total, np.asarray(still + slope.sum(axis=1) @ of_mode - narrower @ of_bend)


def _at_points(rows: Rows, line: Array) -> tuple[Array, Array]:
    """What is left of each row at log odds of (n, K), and log(1 + odds), at the cost of one exponential."""
    odds = np.exp(-np.abs(line))
    odds += 1
    likely = np.copysign(1 / odds - 0.5, line)  # the risk less a half
    likely *= -rows.trials[:, None]
    likely += (rows.y - rows.trials / 2)[:, None]
    np.log(odds, out=odds)
    odds += np.maximum(line, 0)
    return likely, odds


def _ways(rows: Rows) -> tuple[float, float]:
    """What the size alone adds to the log likelihood of counts, and how its coefficient moves that."""
    size = rows.trials - rows.y
    value = special.gammaln(rows.trials) - special.gammaln(size)
    slope = rows.more * (special.digamma(rows.trials) - special.digamma(size))
    return float(value.sum()), float(slope.sum())


@cache
def _gauss_hermite(points: int) -> tuple[Array, Array]:
    nodes, weights = np.polynomial.hermite.hermgauss(points)
    return nodes, weights


def _modes(rows: Rows, eta: Array, sigma: float) -> Array:
    """Where each site's h is largest, (G,): Newton's steps d, shortened to log(1 + sigma d) / sigma.

    The third derivative of h is at most sigma times the second, and so shortened steps always lead uphill (Sun and
    Tran-Dinh 2019).
    """
    z = np.zeros(len(rows.starts))
    for _ in range(STEPS):
        p = special.expit(eta + sigma * z[rows.site])
        slope = sigma * rows.sums(rows.y - rows.trials * p) - z
        step = slope / (1 + sigma**2 * rows.sums(rows.trials * p * (1 - p)))
        z = z + np.sign(step) * np.log1p(sigma * np.abs(step)) / sigma
        if (np.abs(step) <= CLOSE_ENOUGH * (1 + np.abs(z))).all():
            break
    return np.asarray(z)


def _around(rows: Rows, eta: Array, sigma: float, mode: Array) -> tuple[Array, tuple[Array, Array]]:
    """The curvature c of each site at its mode, (G,), and how beta and sigma move mode and curvature, (G, p + 1).

    More trials, as a larger size gives, lower a mode by their risks and add their variances to the curvature.
    """
    p = special.expit(eta + sigma * mode[rows.site])
    second = rows.trials * p * (1 - p)
    third = second * (1 - 2 * p)
    V, W = rows.sums(second), rows.sums(third)
    bend = 1 + sigma**2 * V
    left = rows.sums(rows.y - rows.trials * p)
    down, wider = rows.sums(second[:, None] * rows.X), rows.sums(third[:, None] * rows.X)
    if rows.more:
        down[:, -1] += rows.more * rows.sums(p)
        wider[:, -1] += rows.more * rows.sums(p * (1 - p))
    of_mode = np.column_stack([-sigma * down, left - sigma * mode * V]) / bend[:, None]
    of_bend = sigma**2 * (np.column_stack([wider, W * mode]) + sigma * W[:, None] * of_mode)
    of_bend[:, -1] += 2 * sigma * V
    return bend, (of_mode, of_bend)
