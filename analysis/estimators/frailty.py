"""Cox's model with sites of their own: the ratio of the arms' hazards between people of one site, or of sites alike."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import optimize, special

from instruments.plan import Covariate

from ..moments import Array
from ..result import AnalysisError, Estimate, Fitted
from .cox import RiskSets, partial_state, risk_sets
from .design import Design
from .inference import Inference, exponentiated
from .partial_likelihood import State, maximise
from .product_limit import EVENT
from .pseudo_values import event_design, events_of

SCALE, VARIANCE = "site-specific hazard ratio", "frailty variance"
SMALLEST, LARGEST = 1e-4, 20.0
ALIKE = "Beyond what was adjusted for, sites do not differ in how soon people come to it (gamma frailty, variance 0)."
APART = (
    "Beyond what was adjusted for, sites differ in how soon people come to it: their hazards lie around the average "
    "with a standard deviation of {percent:.0f}% (gamma frailty, variance {theta:.3f}). The ratio compares people "
    "of sites alike in this."
)
BOUNDLESS = "sites differ so much that the variance of their hazards cannot be estimated; use 'cox' instead"


@dataclass(frozen=True, slots=True)
class FrailtyFit:
    """A fit at one variance of the sites' frailties.

    `beta` (p,) of the terms but the intercept; `information` (p, p), with theta above zero (p + G, p + G), penalised,
    the G sites' last; `frailty` (G,) of the sites, with mean 1; `log_likelihood` with the frailties integrated out,
    and `slope`, its derivative by the logarithm of `theta`.
    """

    theta: float
    beta: Array
    information: Array
    frailty: Array
    log_likelihood: float
    slope: float

    @property
    def std_error(self) -> Array:
        """Of the terms, theta taken as known, (p,)."""
        return np.asarray(np.sqrt(np.diagonal(np.linalg.inv(self.information))[: len(self.beta)]))


@dataclass(frozen=True, slots=True)
class _Sites:
    """People in order of time with one column a site behind their covariates, and the events of each site (G,)."""

    sets: RiskSets
    terms: tuple[str, ...]
    events: Array


def frailty(
    rows: pd.DataFrame,
    *,
    covariates: Sequence[Covariate],
    confidence: float = 0.95,
    theta: float | None = None,
) -> Fitted:
    """Estimate the ratio of the arms' hazards of a first event, each site having a hazard of its own.

    Sites multiply the hazard of their people by draws from a gamma distribution with mean 1 and variance theta, which
    maximises the likelihood with the draws integrated out; ties after Efron. Who has a competing event leaves the
    risk set then.

    Parameters
    ----------
    rows, covariates, confidence
        As for `cox`.
    theta
        The variance, above zero, or 0 for sites all alike (Cox's model); None to estimate it.

    Returns
    -------
    Fitted
        The hazard ratio given the site (error that of the logarithm). Coefficients are log hazard ratios, with errors
        from the penalised likelihood, theta taken as known, and sites less two degrees of freedom (between and
        within); the term 'frailty variance' is theta, without an error.

    Raises
    ------
    AnalysisError
        As `cox`; or when theta is negative, or grows without bound.

    References
    ----------
    Therneau TM, Grambsch PM, Pankratz VS. J Comput Graph Stat 2003;12:156-175. doi:10.1198/1061860031365
    Li P, Redden DT. BMC Med Res Methodol 2015;15:38. doi:10.1186/s12874-015-0026-x (degrees of freedom)
    Reference: `06_cox_admission` (survival 3.5-3).
    """
    laid = event_design(rows, covariates)
    found = fit_frailty(laid, theta)
    inference = Inference(laid, "Cox with gamma frailty of sites, Efron ties", confidence, clustered=True)
    df = laid.sites - 2
    terms = tuple(
        inference.estimate(term, float(value), (float(error), df), "log hazard ratio")
        for term, value, error in zip(laid.terms[1:], found.beta, found.std_error, strict=True)
    )
    terms = (*terms, _variance(terms[0], found.theta))
    answers = (exponentiated(terms[0], SCALE),)
    return Fitted(answers, terms, laid.n, laid.n_clusters, inference.warnings(), had=events_of(laid))


def _variance(like: Estimate, theta: float) -> Estimate:
    bare = replace(like, std_error=None, df=None, conf_low=None, conf_high=None, p_value=None)
    return replace(bare, term=VARIANCE, estimate=theta, scale="variance")


def in_words(fitted: Fitted) -> str:
    """How far sites differ; nothing where another method answered."""
    theta = next((term.estimate for term in fitted.terms if term.term == VARIANCE), None)
    if theta is None:
        return ""
    return APART.format(percent=100 * math.sqrt(theta), theta=theta) if theta else ALIKE


def fit_frailty(laid: Design, theta: float | None = None) -> FrailtyFit:
    """Fit the model to people laid out, at a variance of the frailties or at the one that is most likely.

    Raises
    ------
    AnalysisError
        When theta is negative, or grows without bound, or the likelihood has no maximum.
    """
    if theta is not None and theta < 0:
        raise AnalysisError(f"theta: {theta:g} is below zero; a variance is 0 or more")
    sites = _sites(laid)
    if theta is not None:
        return _at(sites, theta)
    if _at(sites, SMALLEST).slope <= 0:
        return _at(sites, 0.0)
    if _at(sites, LARGEST).slope >= 0:
        raise AnalysisError(BOUNDLESS)
    ends = math.log(SMALLEST), math.log(LARGEST)
    return _at(sites, math.exp(optimize.brentq(lambda log: _at(sites, math.exp(log)).slope, *ends, xtol=1e-8)))


def _sites(laid: Design) -> _Sites:
    days, event = (laid.rows[name].to_numpy(dtype=float) for name in ("days", "event"))
    order = np.argsort(days, kind="stable")
    site: NDArray[np.intp] = laid.site[order].astype(np.intp)
    had = event[order] == EVENT
    own = np.eye(int(site.max()) + 1)[site]
    names = tuple(f"site {code + 1}" for code in range(own.shape[1]))
    sets = risk_sets(days[order], had, np.hstack([laid.X[order, 1:], own]), "efron")
    return _Sites(sets, (*laid.terms[1:], *names), own[had].sum(axis=0))


def _at(sites: _Sites, theta: float) -> FrailtyFit:
    p = sites.sets.X.shape[1] - len(sites.events)
    if theta == 0:
        plain = replace(sites.sets, X=sites.sets.X[:, :p])
        state = maximise(lambda beta: partial_state(plain, beta), plain.X, sites.terms[:p])
        return FrailtyFit(0.0, state.beta, state.information, np.ones_like(sites.events), state.log_likelihood, 0.0)
    state = maximise(lambda beta: _penalised(sites.sets, beta, p, 1 / theta), sites.sets.X, sites.terms)
    added, slope = _integrated(state.beta[p:], sites.events, 1 / theta)
    likelihood = state.log_likelihood + added
    return FrailtyFit(theta, state.beta[:p], state.information, np.exp(state.beta[p:]), likelihood, slope)


def _penalised(sets: RiskSets, beta: Array, p: int, nu: float) -> State:
    """The partial likelihood less nu times the sum of exp(w) - w over the sites' log frailties w."""
    state, log = partial_state(sets, beta), beta[p:]
    z = np.exp(log)
    score, information = state.score.copy(), state.information.copy()
    score[p:] += nu * (1 - z)
    information[range(p, len(beta)), range(p, len(beta))] += nu * z
    likelihood = state.log_likelihood + nu * float((log - z).sum())
    return replace(state, log_likelihood=likelihood, score=score, information=information)


def _integrated(log: Array, events: Array, nu: float) -> tuple[float, float]:
    """What integrating the frailties out adds to the penalised maximum, and the slope of the whole by log theta."""
    total = nu + events
    added = total - total * np.log(total) + nu * math.log(nu) + special.gammaln(total) - special.gammaln(nu)
    by_nu = log - np.exp(log) + 1 + math.log(nu) - np.log(total) + special.digamma(total) - special.digamma(nu)
    return float(added.sum()), float(-nu * by_nu.sum())
