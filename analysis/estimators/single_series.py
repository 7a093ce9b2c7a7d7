"""One interrupted time series without a comparison: how level and slope changed, and never why."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import linalg, optimize

from ..moments import Array, redundant_term, standard_error
from ..result import AnalysisError, Fitted
from .design import Design
from .inference import Inference, exponentiated
from .interrupted_series import changes, season

KINDS = {"NeweyWest": "Newey-West errors", "AR1": "first-order autoregressive errors"}
UNCONTROLLED = (
    "There is no comparison: whatever else changed at the start is part of this change, and nothing here tells it "
    "apart."
)


def single_series(
    rows: pd.DataFrame,
    *,
    horizon: float,
    errors: str = "NeweyWest",
    confidence: float = 0.95,
    harmonics: int = 1,
    lag: int = 3,
) -> Fitted:
    """Measure how far a series of monthly rates has moved, by a named month, from where it was heading.

    Least squares of the logarithm of the rate on level, slope, their changes at the start, and season; or generalised
    least squares with first-order autoregressive errors by restricted maximum likelihood. To be read beside a
    controlled series, never instead of it.

    Parameters
    ----------
    rows
        One row a month, in order and without a gap: `month` (whole, 0 the first after the start), `count` (events)
        and `years` (person-years of that month).
    horizon
        Month after the start, 0 or later.
    errors
        'NeweyWest', with weights falling to zero beyond `lag` months and the correction n / (n - p), or 'AR1'.
    confidence
        Level of the intervals.
    harmonics
        Pairs of cosine and sine with a period of 12, 6, 4 ... months.
    lag
        Months over which errors may resemble each other ('NeweyWest' only).

    Returns
    -------
    Fitted
        The ratio of the expected rate at the horizon to that without the changes; every coefficient; a warning that it
        is uncontrolled. `n` is the number of months.

    Raises
    ------
    AnalysisError
        When months are missing, doubled or too few, or a month has no event and therefore no logarithm.

    References
    ----------
    Newey WK, West KD. Econometrica 1987;55:703-708. doi:10.2307/1913610
    Reference: `05c_its_cits` (sandwich 3.0.2; nlme 3.1-162).
    """
    if errors not in KINDS:
        raise AnalysisError(f"unknown errors '{errors}'; allowed: {', '.join(KINDS)}")
    laid, y = _design(rows, harmonics)
    beta, covariance = _newey_west(laid.X, y, lag) if errors == "NeweyWest" else _autoregressive(laid.X, y)
    inference = Inference(laid, f"Interrupted time series, {KINDS[errors]}", confidence, clustered=False)
    df = float(len(y) - len(beta))
    spread = np.sqrt(np.diagonal(covariance))
    terms = tuple(
        inference.estimate(term, float(beta[j]), (float(spread[j]), df), "log rate ratio")
        for j, term in enumerate(laid.terms)
    )
    apart = np.array([{"post": 1.0, "month:post": horizon}.get(term, 0.0) for term in laid.terms])
    error = (standard_error(covariance, apart), df)
    logarithm = inference.estimate("post", float(apart @ beta), error, "log rate ratio")
    return Fitted((exponentiated(logarithm, "rate ratio"),), terms, laid.n, None, (UNCONTROLLED,))


def _design(rows: pd.DataFrame, harmonics: int) -> tuple[Design, Array]:
    rows = rows.sort_values("month").assign(arm=1)
    month, count, years = (rows[name].to_numpy(dtype=float) for name in ("month", "count", "years"))
    if not (np.diff(month) == 1).all():
        raise AnalysisError("month: is missing, doubled or not whole somewhere; give every month once")
    if not ((count > 0).all() and (years > 0).all()):
        raise AnalysisError("a month without an event or person-years has no logarithm; join months, or leave it out")
    columns = {"(Intercept)": np.ones(len(rows)), **dict(changes(month)), **dict(season(month, harmonics))}
    X = np.column_stack(list(columns.values()))
    _refuse_too_few(X, tuple(columns))
    return Design(X, tuple(columns), rows), np.log(count / years)


def _refuse_too_few(X: Array, terms: Sequence[str]) -> None:
    if len(X) <= len(terms) or redundant_term(X.T @ X, terms) is not None:
        raise AnalysisError("the months are too few, or all on one side of the start; give more, or name no harmonics")


def _newey_west(X: Array, y: Array, lag: int) -> tuple[Array, Array]:
    """Coefficients by least squares and their covariance."""
    bread = np.linalg.inv(X.T @ X)
    beta = bread @ (X.T @ y)
    scores = X * (y - X @ beta)[:, None]
    meat = scores.T @ scores
    for apart in range(1, lag + 1):
        shared = scores[apart:].T @ scores[:-apart]
        meat += (1 - apart / (lag + 1)) * (shared + shared.T)
    n, p = X.shape
    return beta, n / (n - p) * bread @ meat @ bread


def _autoregressive(X: Array, y: Array) -> tuple[Array, Array]:
    """Coefficients by generalised least squares and their covariance."""
    beta, covariance, _ = _generalised(X, y, autocorrelation(X, y))
    return beta, covariance


def autocorrelation(X: Array, y: Array) -> float:
    """The correlation of one month's error (n,) with the next one's, by restricted maximum likelihood."""
    found = optimize.minimize_scalar(
        lambda correlation: _generalised(X, y, correlation)[2], bounds=(-0.999, 0.999), method="bounded",
        options={"xatol": 1e-12},
    )  # fmt: skip
    return float(found.x)


def _generalised(X: Array, y: Array, correlation: float) -> tuple[Array, Array, float]:
    """Coefficients, covariance and minus twice the restricted log likelihood at one autocorrelation."""
    n, p = X.shape
    half = np.linalg.cholesky(linalg.toeplitz(correlation ** np.arange(n)))
    white_X, white_y = np.linalg.solve(half, X), np.linalg.solve(half, y)
    information = white_X.T @ white_X
    beta = np.linalg.solve(information, white_X.T @ white_y)
    variance = float(((white_y - white_X @ beta) ** 2).sum() / (n - p))
    deviance = (n - p) * np.log(variance) + 2 * np.log(np.diagonal(half)).sum() + np.linalg.slogdet(information)[1]
    return beta, variance * np.linalg.inv(information), float(deviance)
