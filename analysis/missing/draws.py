"""Draws of missing values given the others, for all imputations at once; each is one step of the chained equations.

`X` is (m, n, p): the other variables in each of m imputations, all on a scale of about 1. People of one site resemble
each other, so every model holds a random effect of the site: fixed effects would make imputed sites too unlike, no
effects too alike (Andridge 2011, doi:10.1002/bimj.201000140; Drechsler 2015, doi:10.3102/1076998614563393).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy import special

from ..moments import Array

Codes = NDArray[np.int64]
ICCS = 12
PRIOR_PEOPLE, LEAST = 0.01, 1e-12
SLOPE_SD, SITE_SD = 2.5, 0.5
NEWTON, SLOPES_AT_MOST = 12, 30.0


@dataclass(frozen=True, slots=True)
class Given:
    """What a variable is drawn from: predictors (m, n, p) and site (n,) of everybody, and who is `known` (n,)."""

    X: Array
    site: Codes
    known: NDArray[np.bool_]

    @property
    def sites(self) -> int:
        """Number of sites."""
        return int(self.site.max()) + 1


@dataclass(frozen=True, slots=True)
class Line:
    """A drawn linear model in each imputation: coefficients (m, p), site effects (m, G), residual spread (m,).

    `centre` and `centre_sites` are the middle of what they were drawn from.
    """

    beta: Array
    sites: Array
    sigma: Array
    centre: Array
    centre_sites: Array


def iccs() -> tuple[Array, Array]:
    """Intraclass correlations that are tried and their weights: even over 0 to 1, closer together where small."""
    roots = (np.arange(ICCS) + 0.5) / ICCS
    return roots**2, 2 * roots / (2 * roots).sum()


def linear(given: Given, y: Array, rng: Generator) -> Line:
    """Draw a linear model with a random effect of the site from its posterior, in every imputation.

    y = X beta + u_site + e, flat in the logarithm of the residual variance, with a prior for beta that weighs as much
    as a hundredth of a person, and the intraclass correlation even over 0 to 1. Given that correlation everything is
    in closed form, and its own posterior is summed over 12 values, so a draw needs no iterations and does not stick at
    a variance of zero. With one site there is no effect.

    Parameters
    ----------
    given
        Predictors and sites.
    y
        The variable among those who are known, (m, k) or (k,).
    rng
        Source of randomness.

    References
    ----------
    Gelman A et al. Bayesian data analysis. 3rd ed. CRC 2013, chapters 14-15. doi:10.1201/b16018
    """
    X, site = given.X[:, given.known], given.site[given.known]
    y = np.broadcast_to(y, X.shape[:2])
    of_site = (site == np.arange(given.sites)[:, None]).astype(float)
    n = of_site.sum(axis=1)
    sums, means = of_site @ X, y @ of_site.T
    across = np.swapaxes(X, 1, 2)
    xx, xy, yy = across @ X, (across @ y[:, :, None])[:, :, 0], np.einsum("mk,mk->m", y, y)
    correlation, weight = iccs() if given.sites > 1 else (np.zeros(1), np.ones(1))
    ratio = correlation / (1 - correlation)
    shrink = ratio[:, None] / (1 + ratio[:, None] * n)
    df = X.shape[1] - X.shape[2]
    root, halfway, rss = _by_ratio(xx, xy, yy, sums, means, shrink)
    height = np.log(weight) - np.log1p(ratio[:, None] * n).sum(axis=1) / 2 - df / 2 * np.log(rss)
    height -= np.log(np.diagonal(root, axis1=2, axis2=3)).sum(axis=2)
    chosen = (height + rng.gumbel(size=height.shape)).argmax(axis=1)
    every = np.arange(len(X))
    root, halfway, shrink = root[every, chosen], halfway[every, chosen], shrink[chosen]
    sigma = np.sqrt(rss[every, chosen] / rng.chisquare(df, len(X)))
    upper = np.swapaxes(root, 1, 2)
    centre = np.linalg.solve(upper, halfway[:, :, None])[:, :, 0]
    off = rng.standard_normal(halfway.shape)
    beta = np.linalg.solve(upper, (halfway + sigma[:, None] * off)[:, :, None])[:, :, 0]
    middle, drawn = (shrink * (means - np.einsum("mgp,mp->mg", sums, slopes)) for slopes in (centre, beta))
    drawn = drawn + sigma[:, None] * np.sqrt(shrink) * rng.standard_normal(shrink.shape)
    return Line(beta, drawn, sigma, centre, middle)


def _by_ratio(xx: Array, xy: Array, yy: Array, sums: Array, means: Array, shrink: Array) -> tuple[Array, Array, Array]:
    """For each imputation and variance ratio: root of X'V^-1X (m, K, p, p), root^-1 X'V^-1y, residual sum (m, K)."""
    turned = np.swapaxes(sums, 1, 2)[:, None] * shrink[None, :, None, :]
    precision = xx[:, None] - turned @ sums[:, None]
    precision += PRIOR_PEOPLE * np.eye(xx.shape[1])
    cross = xy[:, None] - np.einsum("mkpg,mg->mkp", turned, means)
    square = yy[:, None] - np.einsum("kg,mg->mk", shrink, means**2)
    root = np.asarray(np.linalg.cholesky(precision), dtype=float)
    halfway = np.linalg.solve(root, cross[..., None])[..., 0]
    rss = square - np.einsum("mkp,mkp->mk", halfway, halfway)
    return root, np.asarray(halfway), np.maximum(rss, LEAST * np.maximum(yy[:, None], LEAST))


def number(given: Given, y: Array, rng: Generator) -> Array:
    """Draw missing numbers from a linear model with normal errors, (m, missing); `y` as for `linear`."""
    line, unknown = linear(given, y, rng), ~given.known
    expected = _expected(given.X[:, unknown], given.site[unknown], line.beta, line.sites)
    return np.asarray(expected + line.sigma[:, None] * rng.standard_normal(expected.shape))


def matched(given: Given, y: Array, rng: Generator, donors: int = 5) -> Array:
    """Draw missing numbers from people who are alike (predictive mean matching), (m, missing).

    Each gets the value of one of the `donors` people whose expected value (by the middle of the posterior) is nearest
    to theirs (by the drawn coefficients): nothing is imputed that nobody has.

    References
    ----------
    Morris TP, White IR, Royston P. BMC Med Res Methodol 2014;14:75. doi:10.1186/1471-2288-14-75
    """
    line, unknown = linear(given, y, rng), ~given.known
    theirs = _expected(given.X[:, unknown], given.site[unknown], line.beta, line.sites)
    others = _expected(given.X[:, given.known], given.site[given.known], line.centre, line.centre_sites)
    values = np.broadcast_to(y, others.shape)
    return np.stack([_nearest(*each, donors, rng) for each in zip(theirs, others, values, strict=True)])


def _nearest(theirs: Array, others: Array, values: Array, donors: int, rng: Generator) -> Array:
    """For each of `theirs` the value of one of the nearest of `others`."""
    order = np.argsort(others, kind="stable")
    some = min(donors, len(order))
    window = np.searchsorted(others[order], theirs)[:, None] + np.arange(-some, some)
    far = np.where((window < 0) | (window >= len(order)), np.inf, 0.0)
    place = np.clip(window, 0, len(order) - 1)
    far += np.abs(others[order][place] - theirs[:, None])
    near = np.argsort(far, axis=1, kind="stable")[:, :some]
    every = np.arange(len(theirs))
    picked = near[every, rng.integers(0, some, len(theirs))]
    return np.asarray(values[order][place[every, picked]])


def _expected(X: Array, site: Codes, beta: Array, sites: Array) -> Array:
    return np.asarray((X @ beta[:, :, None])[:, :, 0] + sites[:, site])


def category(given: Given, y: Codes, levels: int, rng: Generator) -> Codes:
    """Draw missing levels by logistic models with effects of the sites, (m, missing).

    Coefficients are drawn from a normal approximation of their posterior, with weak priors (standard deviation 2.5 a
    coefficient, 0.5 a site, on the log odds) that keep them finite where a level is perfectly foretold. With more than
    two levels there is one model a level, and their probabilities are scaled to add up to 1.

    Parameters
    ----------
    given
        Predictors and sites.
    y
        Level of those who are known, 0 to `levels` - 1, (m, k) or (k,).
    levels
        How many there are.
    rng
        Source of randomness.

    References
    ----------
    White IR, Daniel R, Royston P. Comput Stat Data Anal 2010;54:2267-2275. doi:10.1016/j.csda.2010.04.005
    """
    known = np.broadcast_to(y, (len(given.X), int(given.known.sum())))
    modelled = range(1, levels) if levels == 2 else range(levels)
    odds: list[Array] = [_probability(given, (known == level).astype(float), rng) for level in modelled]
    shares = np.stack([1 - odds[0], *odds] if levels == 2 else odds)
    heaped = np.cumsum(shares / np.sum(shares, axis=0), axis=0)
    return np.asarray((rng.random(heaped.shape[1:]) > heaped[:-1]).sum(axis=0))


def _probability(given: Given, y: Array, rng: Generator) -> Array:
    """Drawn probability of y = 1 for those who are not known, (m, missing)."""
    of_site = (given.site[:, None] == np.arange(given.sites)).astype(float)
    design = np.concatenate([given.X, np.broadcast_to(of_site, (len(given.X), *of_site.shape))], axis=2)
    p = given.X.shape[2]
    penalty = np.concatenate([np.full(p, SLOPE_SD**-2.0), np.full(given.sites, SITE_SD**-2.0)])
    X, beta = design[:, given.known], np.zeros((len(design), p + given.sites))
    for _ in range(NEWTON):
        share: Array = special.expit(np.einsum("mnp,mp->mn", X, beta))
        curve = np.swapaxes(X, 1, 2) @ (X * (share * (1 - share))[:, :, None]) + np.diag(penalty)
        slope = np.einsum("mnp,mn->mp", X, y - share) - penalty * beta
        beta = np.clip(beta + np.linalg.solve(curve, slope[:, :, None])[:, :, 0], -SLOPES_AT_MOST, SLOPES_AT_MOST)
    spread = np.swapaxes(np.linalg.cholesky(curve), 1, 2)
    noise = np.asarray(rng.standard_normal(beta.shape))
    beta = beta + np.linalg.solve(spread, noise[:, :, None])[:, :, 0]
    return np.asarray(special.expit(np.einsum("mnp,mp->mn", design[:, ~given.known], beta)))
