"""Weights that make two arms alike in what was known at entry, and how far they did.

Weights by the propensity score, the probability of being in the intervention arm given the covariates, estimated by
logistic regression; or found directly so that averages agree (entropy balancing). What was not measured stays unlike:
the E-value says how strong it would have to be.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import special

from .glm import Fit, binomial, fit
from .moments import Array
from .result import AnalysisError

NOTICEABLE = 0.1
STEPS, HALVINGS, CLOSE_ENOUGH, NOTHING = 200, 30, 1e-12, 1e-10
RATIO_PER_SD, RATIO_PER_SD_ERROR = 0.91, 1.78
OF_SCORE: Mapping[str, Callable[[Array, Array], Array]] = {
    "overlap": lambda arm, score: np.where(arm == 1, 1 - score, score),
    "ATT": lambda arm, score: np.where(arm == 1, 1.0, score / (1 - score)),
    "ATE": lambda arm, score: np.where(arm == 1, 1 / score, 1 / (1 - score)),
    "none": lambda arm, _score: np.ones(len(arm)),
}
KINDS = (*OF_SCORE, "entropy")


@dataclass(frozen=True, slots=True)
class Support:
    """Where propensity scores of the arms meet: (lowest, highest) in each, and people whom the other arm lacks.

    `beyond` counts those of the (intervention, comparison) arm whose score lies outside the other arm's range.
    """

    intervention: tuple[float, float]
    comparison: tuple[float, float]
    beyond: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Balance:
    """How alike the arms are: for each term the standardised difference before and after weighting, (p,).

    `effective` is the effective sample size of the (intervention, comparison) arm: how many people of equal weight
    would say as much.
    """

    terms: tuple[str, ...]
    before: Array
    after: Array
    effective: tuple[float, float]

    @property
    def unlike(self) -> tuple[str, ...]:
        """Terms that differ noticeably still."""
        return tuple(term for term, gap in zip(self.terms, self.after, strict=True) if abs(gap) > NOTICEABLE)


def propensity(X: Array, arm: Array, terms: Sequence[str]) -> Fit:
    """Estimate everybody's probability of being in the intervention arm.

    Parameters
    ----------
    X
        Intercept and covariates, (n, p), none missing.
    arm
        1 intervention, 0 comparison, (n,).
    terms
        Names of the p columns.

    Returns
    -------
    Fit
        `mu` are the probabilities (n,), `bread` the covariance of the coefficients.

    Raises
    ------
    AnalysisError
        When people of some kind are in one arm only, so that there is nobody to compare them with.

    References
    ----------
    Rosenbaum PR, Rubin DB. Biometrika 1983;70:41-55. doi:10.1093/biomet/70.1.41
    Reference: `08_ps_weighting`.
    """
    family = replace(binomial(), name="propensity score's", unsettled="as when everybody of some group is in one arm")
    return fit(family, X, arm, site=np.zeros(len(arm)), terms=terms)


def score_weights(kind: str, arm: Array, score: Array) -> Array:
    """Weights by the propensity score.

    Parameters
    ----------
    kind
        'overlap' (people in whom either arm was likely; averages agree exactly), 'ATT' (the intervention arm as it
        is), 'ATE' (everybody) or 'none'.
    arm, score
        1 or 0, and the probability of 1, (n,).

    Raises
    ------
    AnalysisError
        For an unknown kind.

    References
    ----------
    Li F, Morgan KL, Zaslavsky AM. JASA 2018;113:390-400. doi:10.1080/01621459.2016.1260466
    Reference: `08_ps_weighting`.
    """
    if kind not in OF_SCORE:
        raise AnalysisError(f"unknown weights '{kind}'; allowed: {', '.join(KINDS)}")
    return OF_SCORE[kind](arm, score)


def entropy_weights(X: Array, arm: Array, terms: Sequence[str]) -> Array:
    """Weigh the comparison arm so that its averages are those of the intervention arm, as evenly as can be.

    The weights of the comparison arm are exp(X lambda) up to a factor, lambda minimising the convex dual
    log sum exp((X - mean of the intervention arm) lambda); they sum to the number in the intervention arm, whose own
    are 1.

    Parameters
    ----------
    X
        Covariates, (n, p), without an intercept.
    arm
        1 intervention, 0 comparison, (n,).
    terms
        Names of the p columns.

    Raises
    ------
    AnalysisError
        When no weights can do it without leaving somebody out, as where the intervention arm's average lies at or
        beyond the last person of the comparison arm.

    References
    ----------
    Hainmueller J. Polit Anal 2012;20:25-46. doi:10.1093/pan/mpr025
    Reference: `08_ps_weighting` (ebal 0.1-8).
    """
    treated, others = X[arm == 1], X[arm == 0]
    spread = X.std(axis=0)
    if (spread == 0).any():
        raise AnalysisError(f"'{terms[int((spread == 0).argmax())]}' is the same for everybody; take it out")
    apart = (others - treated.mean(axis=0)) / spread
    weights = np.ones(len(arm))
    weights[arm == 0] = len(treated) * _balanced(apart, terms)
    return weights


def _balanced(apart: Array, terms: Sequence[str]) -> Array:
    """Shares (m,) under which the rows of `apart` (m, p) average to nothing, by Newton's method on the dual."""
    at = np.zeros(apart.shape[1])
    reached, share = _dual(apart, at)
    for _ in range(STEPS):
        gap = share @ apart
        if np.abs(gap).max() < CLOSE_ENOUGH:
            break
        curvature = (apart * share[:, None]).T @ apart - np.outer(gap, gap)
        step = -np.linalg.lstsq(curvature, gap, rcond=None)[0]
        for _ in range(HALVINGS):
            value, new_share = _dual(apart, at + step)
            if value <= reached + 1e-15:
                break
            step = step / 2
        at, reached, share = at + step, value, new_share
    gap = np.abs(share @ apart)
    if gap.max() < 1e-8 and share.min() * len(share) > NOTHING:
        return share
    beyond = (apart.min(axis=0) >= 0) | (apart.max(axis=0) <= 0)
    term = terms[int((beyond if beyond.any() else gap).argmax())]
    raise AnalysisError(
        f"no weights make the comparison arm's average of '{term}' that of the intervention arm; "
        "leave it out, or take overlap weights"
    )


def _dual(apart: Array, at: Array) -> tuple[float, Array]:
    exponent = apart @ at
    return float(special.logsumexp(exponent)), special.softmax(exponent)


# ---------------------------------------------------------------------------- how far they did


def standardised_differences(X: Array, arm: Array, weights: Array | None = None) -> Array:
    """Measure the difference between the arms' averages (intervention minus comparison) in standard deviations, (p,).

    The standard deviation is that of the unweighted arms, the root of their mean variance, so that weighting cannot
    change the yardstick.

    Parameters
    ----------
    X
        Covariates, (n, p).
    arm
        1 intervention, 0 comparison, (n,).
    weights
        (n,); None for none.

    Returns
    -------
    Array
        NaN where nobody differs from anybody within the arms.

    References
    ----------
    Austin PC, Stuart EA. Stat Med 2015;34:3661-3679. doi:10.1002/sim.6607
    Reference: `08_ps_weighting`.
    """
    each = np.ones(len(arm)) if weights is None else weights
    one, other = arm == 1, arm == 0
    gap = np.average(X[one], axis=0, weights=each[one]) - np.average(X[other], axis=0, weights=each[other])
    spread = np.sqrt((X[one].var(axis=0, ddof=1) + X[other].var(axis=0, ddof=1)) / 2)
    return np.where(spread > 0, gap / np.where(spread > 0, spread, 1.0), np.nan)


def effective_size(weights: Array) -> float:
    """How many people of equal weight would say as much as these: the squared sum over the sum of squares."""
    return float(weights.sum() ** 2 / (weights**2).sum())


def balance(X: Array, arm: Array, weights: Array, terms: Sequence[str]) -> Balance:
    """Describe how alike weights make the arms; X (n, p) without an intercept, terms its p names."""
    effective = effective_size(weights[arm == 1]), effective_size(weights[arm == 0])
    before, after = standardised_differences(X, arm), standardised_differences(X, arm, weights)
    return Balance(tuple(terms), before, after, effective)


def support(score: Array, arm: Array) -> Support:
    """Describe where the arms' propensity scores (n,) meet."""
    one, other = score[arm == 1], score[arm == 0]
    ranges = [(float(part.min()), float(part.max())) for part in (one, other)]
    return Support(ranges[0], ranges[1], (_outside(one, ranges[1]), _outside(other, ranges[0])))


def _outside(score: Array, limits: tuple[float, float]) -> int:
    outside: NDArray[np.bool_] = (score < limits[0]) | (score > limits[1])
    return int(outside.sum())


# ---------------------------------------------------------------------------- what was not measured


def e_value(ratio: float) -> float:
    """How strong something unmeasured would have to be to explain a risk ratio away.

    The least risk ratio that it would need with both the arm and the outcome, beyond the covariates.

    Parameters
    ----------
    ratio
        A risk ratio, or a rate or hazard ratio of a rare outcome; above zero.

    Raises
    ------
    AnalysisError
        For a ratio that is not above zero.

    References
    ----------
    VanderWeele TJ, Ding P. Ann Intern Med 2017;167:268-274. doi:10.7326/M16-2607
    Reference: `16_misc`.
    """
    if not ratio > 0:
        raise AnalysisError(f"ratio: {ratio:g} is not above zero, and no ratio")
    away = max(ratio, 1 / ratio)
    return away + math.sqrt(away * (away - 1))


def e_value_of_limit(low: float, high: float) -> float:
    """The E-value of the limit of a ratio's interval that is nearer to 1; 1 where the interval holds 1."""
    return 1.0 if low <= 1 <= high else e_value(low if low > 1 else high)


def ratio_of_difference(difference: float, std_error: float = 0.0, reach: float = 0.0) -> float:
    """About the risk ratio to which a difference in standard deviations amounts, for `e_value`.

    Parameters
    ----------
    difference
        In standard deviations.
    std_error, reach
        For a limit: the error, and how many of them the limit is away (-1.96 for the lower one of 95%).

    References
    ----------
    As for `e_value`, after Chinn S. Stat Med 2000;19:3127-3131.
    """
    return math.exp(RATIO_PER_SD * difference + RATIO_PER_SD_ERROR / 1.96 * reach * std_error)
