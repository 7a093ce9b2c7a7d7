"""Fine and Gray's model: how covariates move the risk of an event where another may come first."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from instruments.plan import Covariate

from ..moments import ADJUSTMENTS, MULTIPLIERS, Array, Errors, sandwich
from ..result import AnalysisError, Fitted
from .design import Design
from .inference import Inference, exponentiated
from .partial_likelihood import (
    Exposure,
    State,
    cumulated,
    errors_by_site,
    expected_scores,
    information_by_site,
    maximise,
)
from .product_limit import CENSORED, COMPETING, EVENT
from .pseudo_values import event_design, events_of

KINDS = (*ADJUSTMENTS, *MULTIPLIERS, "classical")


@dataclass(frozen=True, slots=True)
class Subdistribution:
    """People in order of time, with the weights of those who had a competing event and stay at risk.

    `X` (n, p) centred, `days` and `kind` (n,), `uncensored` (n,) the probability of not being censored before each
    person's day, `step` (s,) the person of each step, `first` (s,) the first person still seen on its
    day.
    """

    X: Array
    days: Array
    kind: NDArray[np.int64]
    uncensored: Array
    step: NDArray[np.intp]
    first: NDArray[np.intp]

    @property
    def competing(self) -> Array:
        """For each person 1 / uncensored if theirs was a competing event, else 0, (n,)."""
        return np.where(self.kind >= COMPETING, 1 / self.uncensored, 0.0)


def fine_gray(
    rows: pd.DataFrame, *, covariates: Sequence[Covariate], errors: str = "CR2", confidence: float = 0.95
) -> Fitted:
    """Estimate the ratio of the arms' subdistribution hazards, which says whose cumulative incidence is higher.

    Who had a competing event stays at risk with the weight of not having been censored since. The ratio is that of no
    rate that anybody experiences: what has an ordinary meaning is its direction, and the cumulative incidence beside
    it.

    Parameters
    ----------
    rows, covariates, confidence
        As for `cox`.
    errors
        'CR2' or 'CR3' (Satterthwaite), 'CR1', 'CR1S', 'CR0', all by site, or 'classical': between people, normal.
        All know that the weights were estimated.

    Returns
    -------
    Fitted
        The subdistribution hazard ratio (error that of the logarithm). Coefficients are logarithms.

    Raises
    ------
    AnalysisError
        As `cox`.

    References
    ----------
    Fine JP, Gray RJ. JASA 1999;94:496-509. doi:10.1080/01621459.1999.10474144
    Zhou B, Fine J, Latouche A, Labopin M. Biostatistics 2012;13:371-383. doi:10.1093/biostatistics/kxr032 (sites)
    Reference: `06b_km_rmst_aj` (cmprsk 2.2-11).
    """
    laid = event_design(rows, covariates)
    if errors not in KINDS:
        raise AnalysisError(f"unknown errors '{errors}'; allowed: {', '.join(KINDS)}")
    order = np.argsort(laid.rows["days"].to_numpy(dtype=float), kind="stable")
    at_risk = _subdistribution(laid, order)
    state = maximise(lambda beta: _state(at_risk, beta), at_risk.X, laid.terms[1:])
    label = "errors between people" if errors == "classical" else f"{errors} by site"
    inference = Inference(laid, f"Fine-Gray, {label}", confidence, errors != "classical")
    spread = _errors(laid, order, at_risk, state, errors)
    terms = tuple(
        inference.estimate(term, float(value), (float(error), float(df)), "log subdistribution hazard ratio")
        for term, value, error, df in zip(laid.terms[1:], state.beta, spread.std_error, spread.df, strict=True)
    )
    answers = (exponentiated(terms[0], "subdistribution hazard ratio"),)
    return Fitted(answers, terms, laid.n, inference.n_clusters, inference.warnings(), had=events_of(laid))


def _subdistribution(laid: Design, order: NDArray[np.intp]) -> Subdistribution:
    days, kind = (laid.rows[name].to_numpy(dtype=float)[order] for name in ("days", "event"))
    X = laid.X[order, 1:]
    step = np.flatnonzero(kind == EVENT)
    first = np.searchsorted(days, days[step], side="left")
    return Subdistribution(X - X.mean(axis=0), days, kind.astype(np.int64), _uncensored(days, kind), step, first)


def _uncensored(days: Array, kind: Array) -> Array:
    """Kaplan-Meier probability of not being censored before each person's day, (n,)."""
    distinct, first, at = np.unique(days, return_index=True, return_inverse=True)
    lost = np.bincount(at[kind == CENSORED], minlength=len(distinct))
    staying = np.cumprod(1 - lost / (len(days) - first))
    return np.asarray(np.concatenate([[1.0], staying[:-1]])[at])


def _state(people: Subdistribution, beta: Array) -> State:
    X, step = people.X, people.step
    eta = X @ beta
    r = np.exp(eta)
    later, weight = people.first, people.uncensored[step]
    at_risk = _weighted(r, r * people.competing, later, weight)
    mean = _weighted(r[:, None] * X, (r * people.competing)[:, None] * X, later, weight) / at_risk[:, None]
    score = X[step].sum(axis=0) - mean.sum(axis=0)
    once = _at_risk_for(people, 1 / at_risk)
    information = (X * (r * once)[:, None]).T @ X - mean.T @ mean
    log_likelihood = float(eta[step].sum() - np.log(at_risk).sum())
    return State(beta, r, 1 / at_risk, mean, log_likelihood, score, information)


def _weighted(everybody: Array, competing: Array, first: NDArray[np.intp], weight: Array) -> Array:
    """Sums at each step over those still seen, and, weighted, over those who had a competing event before, (s, ...)."""
    ahead = cumulated(everybody)
    return np.asarray(ahead[-1] - ahead[first] + (weight * cumulated(competing)[first].T).T)


def _at_risk_for(people: Subdistribution, values: Array) -> Array:
    """Sums of the steps' values (s, ...) over each person's steps, weighted after a competing event, (n, ...)."""
    sums, weighted = cumulated(values), cumulated((values.T * people.uncensored[people.step]).T)
    past = np.searchsorted(people.days[people.step], people.days, side="right")
    return np.asarray(sums[past] + ((weighted[-1] - weighted[past]).T * people.competing).T)


def _errors(laid: Design, order: NDArray[np.intp], people: Subdistribution, state: State, errors: str) -> Errors:
    weighted = state.hazard[:, None] * state.mean
    squares = weighted[:, :, None] * state.mean[:, None, :]
    exposure = Exposure(*(_at_risk_for(people, values) for values in (state.hazard, weighted, squares)))
    scores = -expected_scores(people.X, state.r, exposure) + _for_weights(people, state)
    scores[people.step] += people.X[people.step] - state.mean
    if errors == "classical" or min(laid.n_clusters) < 2:
        bread = np.asarray(np.linalg.inv(state.information), dtype=np.float64)
        return Errors(sandwich(bread, scores), np.full(len(state.beta), math.inf))
    site = laid.site[order].astype(np.intp)
    own = information_by_site(people.X, state.r, exposure, site, int(site.max()) + 1)
    return errors_by_site(state, scores, own, site, laid.terms[1:], errors)


def _for_weights(people: Subdistribution, state: State) -> Array:
    """What each person's censoring moves in the score through the weights, (n, p).

    q, at each day, sums what those with a competing event before it owe to the steps after it; a censored person takes
    their day's q over the number at risk, and everybody gives it back bit by bit while at risk.
    """
    X, days, n = people.X, people.days, len(people.days)
    owed = state.r * people.competing
    first = np.searchsorted(days, days, side="left")
    once, mean = (cumulated((values.T * people.uncensored[people.step]).T)
                  for values in (state.hazard, state.hazard[:, None] * state.mean))  # fmt: skip
    past = np.searchsorted(days[people.step], days, side="right")
    ahead_once, ahead_mean = once[-1] - once[past], mean[-1] - mean[past]
    gone = np.searchsorted(days, days, side="right")
    before, before_X = cumulated(owed)[gone], cumulated(owed[:, None] * X)[gone]
    q = ahead_once[:, None] * before_X - before[:, None] * ahead_mean
    censored = people.kind == CENSORED
    taken = np.where(censored[:, None], q / (n - first)[:, None], 0.0)
    given = cumulated(taken / (n - first)[:, None])[gone]
    return np.asarray(taken - given)
