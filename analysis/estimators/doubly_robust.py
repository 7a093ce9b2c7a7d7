"""Doubly robust difference in differences: changes compared between people alike, by a model of either kind.

The change in the intervention arm less the change that people like them had in the comparison arm. Who is like them is
said by a regression of the change, by the propensity score, or by both: then one of the two has to be right.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from instruments.plan import Covariate

from ..glm import KINDS
from ..moments import MULTIPLIERS, Array, cluster_robust, from_rows, least_squares
from ..result import AnalysisError, Fitted
from ..weighting import propensity
from .design import design
from .inference import Inference

Found = tuple[float, Array]


def doubly_robust_change(
    rows: pd.DataFrame,
    *,
    covariates: Sequence[Covariate],
    errors: str = "CR2",
    confidence: float = 0.95,
    method: str = "doubly robust",
) -> Fitted:
    """Estimate by how much the intervention arm's change since the baseline exceeds what it would have been.

    The average over the people of the intervention arm (ATT), given that without the link worker people alike in the
    covariates would have changed alike. The covariates must not hold the baseline score: what is picked by a passing
    low would come back by itself, and adjusting a change for its own start misleads.

    Parameters
    ----------
    rows
        One row a person: `arm` (1 intervention, 0 comparison), `site`, `score`, `baseline` (units of the scale;
        missing as NaN) and the covariates' columns.
    covariates
        Stable facts known at entry.
    errors
        'CR2' (Satterthwaite), 'CR0', 'CR1', 'CR1S' by site, or 'classical': people independent, normal. All count what
        it costs to estimate both models.
    confidence
        Level of the interval.
    method
        'doubly robust', 'regression' or 'weights'.

    Returns
    -------
    Fitted
        One answer and one term, the difference of the changes.

    Raises
    ------
    AnalysisError
        When an arm is empty, a term is determined by others, or people of some kind are in one arm only.

    References
    ----------
    Sant'Anna PHC, Zhao J. J Econometrics 2020;219:101-122. doi:10.1016/j.jeconom.2020.06.003
    Reference: `10_callaway_santanna_mpdta` (DRDID 1.0.5), of which this is one group and two periods.
    """
    laid = design(rows, ("score", "baseline"), None, covariates)
    change = (laid.rows["score"] - laid.rows["baseline"]).to_numpy(dtype=float)
    arm, X = laid.X[:, 1], np.delete(laid.X, 1, axis=1)
    value, influence = effect_on_treated(change, arm, X, (laid.terms[0], *laid.terms[2:]), method)
    label = "errors between people" if errors == "classical" else f"{errors} by site"
    name = f"Difference in differences, {method}, {label}"
    inference = Inference(laid, name, confidence, clustered=errors != "classical")
    error = error_of(influence, arm, laid.site, errors, fewest=min(laid.n_clusters))
    answer = inference.estimate("arm", value, error)
    return Fitted((answer,), (answer,), laid.n, inference.n_clusters, inference.warnings())


def effect_on_treated(change: Array, arm: Array, X: Array, terms: Sequence[str], method: str) -> Found:
    """The effect in the intervention arm, and what each person moves in it.

    Parameters
    ----------
    change
        Later less earlier outcome, (n,).
    arm
        1 intervention, 0 comparison, (n,).
    X
        Intercept and covariates, (n, p).
    terms
        Names of the p columns.
    method
        'doubly robust', 'regression' or 'weights'.

    Returns
    -------
    tuple
        The effect, and the influences (n,), whose mean is zero and whose mean square over n is the variance.

    Raises
    ------
    AnalysisError
        For an unknown method, too few people in the comparison arm, or when people of some kind are in one arm only.
    """
    if method not in METHODS:
        raise AnalysisError(f"unknown method '{method}'; allowed: {', '.join(METHODS)}")
    return METHODS[method](change, arm, X, terms)


def _doubly_robust(change: Array, arm: Array, X: Array, terms: Sequence[str]) -> Found:
    odds, by_score = _odds(arm, X, terms)
    rest, by_regression = _rest(change, arm, X)
    treated, own = _mean(arm, rest)
    untreated, others = _mean(odds, rest)
    own = own - by_regression @ (arm @ X) / arm.sum()
    through_score = by_score @ ((odds * (rest - untreated)) @ X)
    through_regression = by_regression @ (odds @ X)
    return treated - untreated, own - others - (through_score - through_regression) / odds.sum()


def _regression(change: Array, arm: Array, X: Array, _terms: Sequence[str]) -> Found:
    rest, by_regression = _rest(change, arm, X)
    value, own = _mean(arm, rest)
    return value, own - by_regression @ (arm @ X) / arm.sum()


def _weights(change: Array, arm: Array, X: Array, terms: Sequence[str]) -> Found:
    odds, by_score = _odds(arm, X, terms)
    treated, own = _mean(arm, change)
    untreated, others = _mean(odds, change)
    through_score = by_score @ ((odds * (change - untreated)) @ X)
    return treated - untreated, own - others - through_score / odds.sum()


METHODS: Mapping[str, Callable[[Array, Array, Array, Sequence[str]], Found]] = {
    "doubly robust": _doubly_robust,
    "regression": _regression,
    "weights": _weights,
}


def _mean(weights: Array, values: Array) -> Found:
    """A weighted mean and its influences (n,)."""
    mean = float(weights @ values / weights.sum())
    return mean, len(values) * weights * (values - mean) / weights.sum()


def _odds(arm: Array, X: Array, terms: Sequence[str]) -> tuple[Array, Array]:
    """Odds of the intervention arm for people of the comparison arm (n,), and influences on their model (n, p)."""
    found = propensity(X, arm, terms)
    return np.where(arm == 1, 0.0, found.mu / (1 - found.mu)), len(arm) * (X * found.residual[:, None]) @ found.bread


def _rest(change: Array, arm: Array, X: Array) -> tuple[Array, Array]:
    """What the comparison arm's regression leaves of each change (n,), and influences on its coefficients (n, p)."""
    others = X * (1 - arm)[:, None]
    cross = others.T @ X
    if (arm == 0).sum() <= X.shape[1] or np.linalg.matrix_rank(cross, hermitian=True) < X.shape[1]:
        raise AnalysisError("the comparison arm has too few people to tell the covariates apart; name fewer")
    bread = np.linalg.inv(cross)
    rest = change - X @ (bread @ (others.T @ change))
    return rest, len(arm) * (others * rest[:, None]) @ bread


def error_of(influence: Array, group: Array, site: Array, errors: str, fewest: int = 2) -> tuple[float, float]:
    """Standard error and degrees of freedom of a number from people's influences on it.

    Between people the error is the root of their mean square over n; by site it is that of the sites' sums. For 'CR2'
    the influences are taken as linearised values of the groups, such as two arms, of whose means the number is a sum.

    Parameters
    ----------
    influence
        (n,), mean zero.
    group, site
        Any labels, (n,).
    errors
        'CR2', 'CR0', 'CR1', 'CR1S' or 'classical' (normal).
    fewest
        Sites of the smaller arm; with fewer than two the errors are between people, and are not shown.

    Raises
    ------
    AnalysisError
        For an unknown kind of errors.
    """
    if errors not in KINDS:
        raise AnalysisError(f"unknown errors '{errors}'; allowed: {', '.join(KINDS)}")
    n = len(influence)
    if errors == "classical" or fewest < 2:
        return math.sqrt(float(influence @ influence)) / n, math.inf
    if errors in MULTIPLIERS:
        sums = np.bincount(np.unique(site, return_inverse=True)[1], influence)
        factor = MULTIPLIERS[errors](n, 2, len(sums))
        return math.sqrt(factor * float(sums @ sums)) / n, len(sums) - 1.0
    code, size = np.unique(group, return_inverse=True, return_counts=True)[1:]
    member = np.equal.outer(code, np.arange(len(size))).astype(float)
    X = np.column_stack([member[:, -1], member[:, :-1] - member[:, -1:]])
    terms = ("sum", *(f"group {each}" for each in range(len(size) - 1)))
    spread = cluster_robust(least_squares(from_rows(X, size[code] / n * influence, site, terms)), errors)
    return float(spread.std_error[0]), float(spread.df[0])
