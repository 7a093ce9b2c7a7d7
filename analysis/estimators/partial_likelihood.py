"""Partial likelihoods by running sums: what Cox's model and Fine and Gray's have in common.

A step is one event: the person who had it against those at risk. With r = exp(x beta) and the sums of r and r x over
those at risk, S0 and S1, a step adds x - S1 / S0 to the score. Sums over everybody at risk are running sums over people
in order of time, so that nothing is larger than people x terms, but for the p x p sums by site.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..moments import Array, Errors, LeastSquares, Moments, cluster_robust, redundant_term
from ..result import AnalysisError

STEPS, HALVINGS, CLOSE_ENOUGH, RUN_AWAY, SPENT = 50, 10, 1e-9, 30.0, 1e-8
UNSETTLED = (
    "the hazard model did not settle, as when nobody of some group had the event; name fewer covariates, "
    "look at '{term}' first"
)


@dataclass(frozen=True, slots=True)
class State:
    """The partial likelihood at some coefficients.

    `r` (n,) relative hazards, `hazard` (s,) and `mean` (s, p) are 1 / S0 and S1 / S0 of each step, `score` (p,),
    `information` (p, p).
    """

    beta: Array
    r: Array
    hazard: Array
    mean: Array
    log_likelihood: float
    score: Array
    information: Array


@dataclass(frozen=True, slots=True)
class Exposure:
    """Sums of hazard, hazard x mean and hazard x mean mean' over the steps at which each person is at risk.

    `once` (n,), `mean` (n, p), `square` (n, p, p); a person's relative hazard times these is what the model expected
    of them.
    """

    once: Array
    mean: Array
    square: Array


def maximise(state_at: Callable[[Array], State], X: Array, terms: Sequence[str]) -> State:
    """Newton's method from zero, steps halved while they make the fit worse.

    Parameters
    ----------
    state_at
        The partial likelihood as a function of the coefficients (p,).
    X
        Covariates of people, (n, p), centred.
    terms
        Their names, for messages.

    Raises
    ------
    AnalysisError
        When a term says nothing of the event, or the likelihood has no maximum; the message names the term.
    """
    state = state_at(np.zeros(X.shape[1]))
    redundant = redundant_term(state.information, terms)
    if redundant is not None:
        raise AnalysisError(
            f"'{redundant}' is the same for everybody at risk, or determined by other terms; leave it out"
        )
    at_zero = np.diagonal(state.information)
    for _ in range(STEPS):
        step = _newton(state, X, terms)
        for _ in range(HALVINGS):
            new = state_at(state.beta + step) if np.abs(X @ (state.beta + step)).max() < RUN_AWAY else None
            if new is not None and new.log_likelihood >= state.log_likelihood - 1e-9 * abs(state.log_likelihood):
                break
            step = step / 2
        if new is None or (np.diagonal(new.information) < SPENT * at_zero).any():
            raise _runs_away(step, X, terms)
        if np.abs(step).max() < CLOSE_ENOUGH * max(1.0, np.abs(new.beta).max()):
            return new
        state = new
    raise _runs_away(_newton(state, X, terms), X, terms)


def _newton(state: State, X: Array, terms: Sequence[str]) -> Array:
    try:
        return np.asarray(np.linalg.solve(state.information, state.score))
    except np.linalg.LinAlgError:
        raise _runs_away(state.beta, X, terms) from None


def _runs_away(step: Array, X: Array, terms: Sequence[str]) -> AnalysisError:
    return AnalysisError(UNSETTLED.format(term=terms[int((np.abs(step) * X.std(axis=0)).argmax())]))


def expected_scores(X: Array, r: Array, exposure: Exposure) -> Array:
    """What the model expected each person to add to the score, (n, p)."""
    return np.asarray(r[:, None] * (exposure.once[:, None] * X - exposure.mean))


def information_by_site(X: Array, r: Array, exposure: Exposure, site: NDArray[np.intp], sites: int) -> Array:
    """Each site's part in the information, (G, p, p): the variance of its score, were the coefficients known."""
    own = np.zeros((sites, X.shape[1], X.shape[1]))
    for code in range(sites):
        rows = site == code
        x, weight = X[rows], r[rows]
        cross = (x * weight[:, None]).T @ exposure.mean[rows]
        own[code] = (x * (weight * exposure.once[rows])[:, None]).T @ x - cross - cross.T
        own[code] += np.einsum("i,ipq->pq", weight, exposure.square[rows])
    return own


def errors_by_site(
    state: State, scores: Array, own: Array, site: NDArray[np.intp], terms: Sequence[str], errors: str
) -> Errors:
    """Cluster-robust covariance of a partial likelihood's coefficients.

    One step from its root a score equation is a least squares problem, with the sites' parts in the information for
    their cross-products and their scores for residuals; CR0 is Lin and Wei's estimator, CR2 the bias reduction of Fay
    and Graubard with symmetric adjustment, and both take the same road as for linear models.

    Parameters
    ----------
    state
        The fit.
    scores
        Score residuals of people, (n, p).
    own
        Sites' parts in the information, (G, p, p); not looked at for 'CR0', 'CR1' and 'CR1S'.
    site
        Site of each person, as codes (n,).
    terms
        Names of the coefficients.
    errors
        'CR2', 'CR3', 'CR0', 'CR1' or 'CR1S'.

    References
    ----------
    Lin DY, Wei LJ. JASA 1989;84:1074-1078. doi:10.1080/01621459.1989.10478874
    Fay MP, Graubard BI. Biometrics 2001;57:1198-1206. doi:10.1111/j.0006-341X.2001.01198.x
    """
    sums: Array = np.stack([np.bincount(site, column, len(own)) for column in scores.T], axis=1).astype(np.float64)
    moments = Moments(tuple(terms), own, sums, np.zeros(len(own)), np.bincount(site, minlength=len(own)))
    root = np.linalg.cholesky(np.linalg.inv(state.information))
    return cluster_robust(LeastSquares(moments, state.beta, np.asarray(root), sums, 0.0), errors)


def sums_by(index: NDArray[np.intp], values: Array, size: int) -> Array:
    """Sums of values (s, ...) that share an index, (size, ...); indices in order."""
    sums = np.zeros((size, *values.shape[1:]))
    if len(index):
        starts = np.flatnonzero(np.diff(index, prepend=-1))
        sums[index[starts]] = np.add.reduceat(values, starts, axis=0)
    return sums


def cumulated(values: Array) -> Array:
    """Running sums over steps with nothing in front, (s + 1, ...)."""
    return np.concatenate([np.zeros((1, *values.shape[1:])), np.cumsum(values, axis=0)])
