"""Cox's proportional hazards: the ratio of the arms' rates of a first event, whatever their course."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

from instruments.plan import Covariate

from ..moments import ADJUSTMENTS, MULTIPLIERS, Array, Errors
from ..result import AnalysisError, Fitted
from .design import Design
from .inference import Inference, exponentiated
from .partial_likelihood import (
    Exposure,
    State,
    errors_by_site,
    expected_scores,
    information_by_site,
    maximise,
    sums_by,
)
from .product_limit import EVENT
from .pseudo_values import event_design, events_of

TIES = ("efron", "breslow")
KINDS = (*ADJUSTMENTS, *MULTIPLIERS, "classical")
ALARM, CANNOT_TELL = 0.05, 1e-12
NOT_PROPORTIONAL = (
    "The ratio of the hazards of '{term}' changes over time (test of Schoenfeld residuals, p = {p:.3f}), and one "
    "number for it hides this: read the difference of restricted means."
)


@dataclass(frozen=True, slots=True)
class RiskSets:
    """People in order of time, and the steps of the partial likelihood.

    `X` (n, p) centred, `event` (n,) true for the event, `at` (n,) index of each person's day among the k distinct
    ones, `first` (k,) the first person of each day; `step` (s,) the day of each step and `share` (s,) how much of the
    day's events is no longer at risk (Efron: 0, 1/d, 2/d ... of d tied events; Breslow: none).
    """

    X: Array
    event: NDArray[np.bool_]
    at: NDArray[np.intp]
    first: NDArray[np.intp]
    step: NDArray[np.intp]
    share: Array


@dataclass(frozen=True, slots=True)
class CoxFit:
    """A fit: people in order of time, the state at the maximum, and the order (n,) of the rows given."""

    sets: RiskSets
    state: State
    order: NDArray[np.intp]


def cox(
    rows: pd.DataFrame,
    *,
    covariates: Sequence[Covariate],
    errors: str = "CR2",
    confidence: float = 0.95,
    ties: str = "efron",
) -> Fitted:
    """Estimate the ratio of the arms' hazards of a first event between people alike in the covariates.

    Cause-specific: who has a competing event, such as death, leaves the risk set then. The ratio is one number only
    if it stays the same over time; a warning says where the data speak against it.

    Parameters
    ----------
    rows
        One row a person: `arm` (1 intervention, 0 comparison), `site`, `days` from entry to the event or the last day
        seen, `event` (0 not seen, 1 the event, 2 a competing event; missing as NaN), and the covariates' columns.
    covariates
        Facts known at entry; categories enter as indicators with the first level as reference.
    errors
        'CR2' or 'CR3' (Satterthwaite), 'CR1', 'CR1S' or 'CR0' (Lin and Wei), all by site, or 'classical' (inverse
        information, normal).
    confidence
        Level of the intervals.
    ties
        'efron' or 'breslow', for events of one day.

    Returns
    -------
    Fitted
        The hazard ratio (error that of the logarithm). Coefficients are log hazard ratios.

    Raises
    ------
    AnalysisError
        When an arm has nobody or no event, a time is not above zero, a term is determined by others, or the likelihood
        has no maximum.

    References
    ----------
    Cox DR. J R Stat Soc B 1972;34:187-202. doi:10.1111/j.2517-6161.1972.tb00899.x
    Efron B. JASA 1977;72:557-565. doi:10.1080/01621459.1977.10480613
    Lin DY, Wei LJ. JASA 1989;84:1074-1078. doi:10.1080/01621459.1989.10478874
    Reference: `06_cox_admission` (survival 3.5-3).
    """
    laid = event_design(rows, covariates)
    found = fit_cox(laid, ties)
    label = "model-based errors" if errors == "classical" else f"{errors} by site"
    inference = Inference(laid, f"Cox, {ties.capitalize()} ties, {label}", confidence, errors != "classical")
    spread = _errors(laid, found, errors)
    terms = tuple(
        inference.estimate(term, float(value), (float(error), float(df)), "log hazard ratio")
        for term, value, error, df in zip(laid.terms[1:], found.state.beta, spread.std_error, spread.df, strict=True)
    )
    p_value = proportionality(found)[0][1]
    noted = (NOT_PROPORTIONAL.format(term="arm", p=p_value),) if p_value < ALARM else ()
    answers = (exponentiated(terms[0], "hazard ratio"),)
    return Fitted(answers, terms, laid.n, inference.n_clusters, (*inference.warnings(), *noted), had=events_of(laid))


def fit_cox(laid: Design, ties: str = "efron") -> CoxFit:
    """Fit Cox's model to people laid out, without errors.

    Raises
    ------
    AnalysisError
        For unknown ties, or when the likelihood has no maximum.
    """
    if ties not in TIES:
        raise AnalysisError(f"unknown ties '{ties}'; allowed: {', '.join(TIES)}")
    days, event = (laid.rows[name].to_numpy(dtype=float) for name in ("days", "event"))
    order = np.argsort(days, kind="stable")
    sets = risk_sets(days[order], event[order] == EVENT, laid.X[order, 1:], ties)
    return CoxFit(sets, maximise(lambda beta: partial_state(sets, beta), sets.X, laid.terms[1:]), order)


def risk_sets(days: Array, event: NDArray[np.bool_], X: Array, ties: str) -> RiskSets:
    """Lay out the steps for people in order of time: their days (n,), who had the event (n,), covariates (n, p)."""
    _, first, at = np.unique(days, return_index=True, return_inverse=True)
    tied = np.bincount(at[event], minlength=len(first))
    step = np.repeat(np.arange(len(first)), tied)
    place = np.arange(len(step)) - np.repeat(np.cumsum(tied) - tied, tied)
    share = place / tied[step] if ties == "efron" else np.zeros(len(step))
    return RiskSets(X - X.mean(axis=0), event, at, first, step, share)


def _from(values: Array, first: NDArray[np.intp]) -> Array:
    """Sums over everybody still at risk on each day, (k, ...)."""
    return np.asarray(np.cumsum(values[::-1], axis=0)[::-1][first])


def _by_day(sets: RiskSets, values: Array) -> Array:
    """Sums over those who have the event on each day, (k, ...)."""
    return sums_by(sets.at[sets.event], values[sets.event], len(sets.first))


def partial_state(sets: RiskSets, beta: Array) -> State:
    """The partial likelihood at coefficients (p,)."""
    eta = sets.X @ beta
    r = np.exp(eta)
    weighted = r[:, None] * sets.X
    at_risk = _from(r, sets.first)[sets.step] - sets.share * _by_day(sets, r)[sets.step]
    total = _from(weighted, sets.first)[sets.step] - sets.share[:, None] * _by_day(sets, weighted)[sets.step]
    mean = total / at_risk[:, None]
    score = sets.X[sets.event].sum(axis=0) - mean.sum(axis=0)
    information = _information(sets, r, 1 / at_risk, mean, np.ones(len(at_risk)))
    return State(beta, r, 1 / at_risk, mean, float(eta[sets.event].sum() - np.log(at_risk).sum()), score, information)


def _at_risk_for(sets: RiskSets, values: Array) -> Array:
    """Sums of the steps' values (s, ...) over the steps at which each person is at risk, (n, ...)."""
    whole = sums_by(sets.step, values, len(sets.first))
    shared = sums_by(sets.step, (values.T * sets.share).T, len(sets.first))
    return np.asarray(np.cumsum(whole, axis=0)[sets.at] - (shared[sets.at].T * sets.event).T)


def _information(sets: RiskSets, r: Array, hazard: Array, mean: Array, weight: Array) -> Array:
    """Sum over steps of the weight (s,) times the covariance of the covariates among those at risk, (p, p)."""
    once = r * _at_risk_for(sets, weight * hazard)
    return np.asarray((sets.X * once[:, None]).T @ sets.X - (mean * weight[:, None]).T @ mean)


def score_residuals(found: CoxFit) -> Array:
    """What each person adds to the score at the maximum, less what the model expected, (n, p), in order of time."""
    sets, state = found.sets, found.state
    day_means = sums_by(sets.step, state.mean, len(sets.first))
    tied = np.maximum(np.bincount(sets.step, minlength=len(sets.first)), 1)
    own = sets.event[:, None] * (sets.X - (day_means / tied[:, None])[sets.at])
    return np.asarray(own - expected_scores(sets.X, state.r, _exposure(sets, state, squares=False)))


def _exposure(sets: RiskSets, state: State, *, squares: bool) -> Exposure:
    weighted = state.hazard[:, None] * state.mean
    products = weighted[:, :, None] * state.mean[:, None, :] if squares else np.zeros((len(weighted), 0, 0))
    return Exposure(_at_risk_for(sets, state.hazard), _at_risk_for(sets, weighted), _at_risk_for(sets, products))


def _errors(laid: Design, found: CoxFit, errors: str) -> Errors:
    if errors not in KINDS:
        raise AnalysisError(f"unknown errors '{errors}'; allowed: {', '.join(KINDS)}")
    if errors == "classical" or min(laid.n_clusters) < 2:
        covariance = np.asarray(np.linalg.inv(found.state.information), dtype=np.float64)
        return Errors(covariance, np.full(len(found.state.beta), math.inf))
    site = laid.site[found.order].astype(np.intp)
    own = np.zeros((int(site.max()) + 1, *found.state.information.shape))
    if errors in ADJUSTMENTS:
        exposure = _exposure(found.sets, found.state, squares=True)
        own = information_by_site(found.sets.X, found.state.r, exposure, site, len(own))
    return errors_by_site(found.state, score_residuals(found), own, site, laid.terms[1:], errors)


# ---------------------------------------------------------------------------- proportionality


def proportionality(found: CoxFit) -> tuple[tuple[float, float], ...]:
    """Test for each term whether its hazard ratio drifts with time.

    The score test of an interaction of the term with time, measured by one minus the Kaplan-Meier curve just before
    each event (Grambsch and Therneau, in the form without approximation); people independent.

    Parameters
    ----------
    found
        A fit.

    Returns
    -------
    tuple
        For each term the chi-squared statistic with one degree of freedom, and its p-value; NaN where all events are
        of one day.

    References
    ----------
    Grambsch PM, Therneau TM. Biometrika 1994;81:515-526. doi:10.1093/biomet/81.3.515
    Reference: `06_cox_admission` (cox.zph of survival 3.5-3).
    """
    sets, state = found.sets, found.state
    time = _curve_before(sets)[sets.step]
    time = time - time.mean()
    drift = (time[:, None] * -state.mean).sum(axis=0) + (_event_times(sets, time)[:, None] * sets.X).sum(axis=0)
    crossed, squared = (_information(sets, state.r, state.hazard, state.mean, weight) for weight in (time, time**2))
    within = crossed @ np.linalg.solve(state.information, crossed)
    free = np.diagonal(squared) - np.diagonal(within)
    told = free > CANNOT_TELL * np.diagonal(state.information)
    statistics = np.where(told, drift**2 / np.where(told, free, 1.0), np.nan)
    return tuple((float(value), float(special.chdtrc(1, value))) for value in statistics)


def _curve_before(sets: RiskSets) -> Array:
    """One minus the Kaplan-Meier curve before each day, (k,)."""
    people = len(sets.at) - sets.first
    survival = np.cumprod(1 - np.bincount(sets.at[sets.event], minlength=len(people)) / people)
    return np.asarray(1 - np.concatenate([[1.0], survival[:-1]]))


def _event_times(sets: RiskSets, time: Array) -> Array:
    """The steps' time (s,) for the people who had the event, 0 for the others, (n,)."""
    by_day = np.zeros(len(sets.first))
    by_day[sets.step] = time
    return np.where(sets.event, by_day[sets.at], 0.0)
