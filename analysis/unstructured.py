"""Repeated scores with any covariance between timepoints, by restricted maximum likelihood from sums.

People are sorted by the timepoints at which they were measured. Within such a pattern all have one covariance matrix,
so that the sums over people of products between timepoints, kept once, are all that the likelihood needs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .moments import Array, Errors, satterthwaite, symmetric_power
from .reml import (
    KINDS,
    Likelihood,
    Problem,
    Sums,
    inverse_information,
    kenward_roger_errors,
    maximise,
    satterthwaite_errors,
)
from .result import AnalysisError

LINEAR = "Kenward-Roger-linear"
CORRELATION = 0.4
NO_VARIATION, POSITIVE = 1e-12, 1e-6
Codes = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Pattern:
    """People measured at the same timepoints `when` (m,).

    `products` (m, m, p + 1, p + 1) are sums over these `people` of products of [X, y] at one timepoint and another.
    """

    when: Codes
    people: int
    products: Array


@dataclass(frozen=True, slots=True)
class Repeated:
    """Rows in order of person and timepoint: `X` (n, p), `y` (n,), codes of `person` and `period` from 0 (n,)."""

    X: Array
    y: Array
    person: Codes
    period: Codes

    @property
    def periods(self) -> int:
        """How many timepoints there are."""
        return int(self.period.max()) + 1


@dataclass(frozen=True, slots=True)
class UnstructuredFit:
    """A fit: the maximum, whose theta is the lower triangle of `covariance` (T, T) by row, and the rows it is of."""

    repeated: Repeated
    maximum: Likelihood
    covariance: Array

    def errors(self, kind: str = "Kenward-Roger") -> Errors:
        """Model-based standard errors and degrees of freedom.

        'Kenward-Roger' takes the logarithms of the standard deviations and the elements of the Cholesky factor for
        what is normally distributed about the truth, as R's mmrm does; 'Kenward-Roger-linear' the variances and
        covariances themselves, as other software does. Both, and 'Satterthwaite', use the observed information, and
        their degrees of freedom are the same.

        Raises
        ------
        AnalysisError
            For an unknown kind.
        """
        if kind not in (*KINDS, LINEAR):
            raise AnalysisError(f"unknown errors '{kind}'; allowed: {', '.join(KINDS)}, {LINEAR}")
        if kind == "Satterthwaite":
            return satterthwaite_errors(self.maximum, np.ones(len(self.maximum.theta), dtype=bool))
        spread = inverse_information(self.maximum.observed)
        bend = None if kind == LINEAR else _bend(self.covariance, spread)
        return kenward_roger_errors(self.maximum, spread, bend)


def unstructured(repeated: Repeated, covariance: Array | None = None) -> UnstructuredFit:
    """Fit means and an unstructured covariance between timepoints.

    Parameters
    ----------
    repeated
        Complete rows, at most one a person and timepoint; people may lack any timepoints.
    covariance
        An estimate to be taken as it is, such as another program's, (T, T); searched for if there is none.

    Raises
    ------
    AnalysisError
        When two timepoints have nobody measured at both, nothing varies at one of them, a timepoint's scores follow
        exactly from others, or the search does not end in a maximum.

    References
    ----------
    Jennrich RI, Schluchter MD. Biometrics 1986;42:805-820. doi:10.2307/2530695
    Reference: `04b_clda_eq5d`, `04c_mmrm_fev` (mmrm 0.3.18).
    """
    patterns = list(_patterns(repeated))
    _refuse_unseen_pairs(patterns, repeated.periods)
    if covariance is None:
        _refuse_sameness(repeated)
    beta, centred = _without_fit(patterns, repeated.X.shape[1])
    problem = Problem(
        lambda theta: _sums(centred, _matrix(theta, repeated.periods)),
        _start(centred, repeated),
        np.zeros(_size(repeated.periods), dtype=bool),
        lambda theta: _is_positive(_matrix(theta, repeated.periods)),
    )
    found = maximise(problem) if covariance is None else problem.at(covariance[np.tril_indices(len(covariance))])
    return UnstructuredFit(repeated, replace(found, beta=beta + found.beta), _matrix(found.theta, repeated.periods))


def _patterns(repeated: Repeated) -> Iterator[Pattern]:
    A = np.column_stack([repeated.X, repeated.y])
    starts = np.flatnonzero(np.diff(repeated.person, prepend=-1))
    times = np.diff(np.append(starts, len(A)))
    key = np.add.reduceat(2.0**repeated.period, starts)
    for each in np.unique(key):
        first = starts[key == each]
        rows = first[:, None] + np.arange(times[key == each][0])
        stacked = A[rows].transpose(1, 2, 0).reshape(-1, len(rows))
        m, width = rows.shape[1], A.shape[1]
        products = (stacked @ stacked.T).reshape(m, width, m, width).transpose(0, 2, 1, 3)
        yield Pattern(repeated.period[rows[0]], len(rows), products)


def _refuse_unseen_pairs(patterns: Sequence[Pattern], periods: int) -> None:
    seen = np.zeros((periods, periods), dtype=bool)
    for pattern in patterns:
        seen[np.ix_(pattern.when, pattern.when)] = True
    if not seen.all():
        raise AnalysisError(
            "two timepoints have nobody who was measured at both, so their covariance cannot be estimated; "
            "leave a timepoint out"
        )


def _refuse_sameness(repeated: Repeated) -> None:
    for place in range(repeated.periods):
        own = repeated.y[repeated.period == place]
        if len(own) > 1 and np.abs(own).max() > 0 and np.ptp(own) <= NO_VARIATION * np.abs(own).max():
            raise AnalysisError("at one timepoint everybody has the same score; leave it out, or use a simpler model")


def _without_fit(patterns: Sequence[Pattern], p: int) -> tuple[Array, list[Pattern]]:
    """Coefficients of least squares (p,), and the patterns with residuals in place of y."""
    whole = sum(np.einsum("iiab->ab", pattern.products) for pattern in patterns)
    whole = np.asarray(whole, dtype=np.float64)
    beta: Array = np.asarray(np.linalg.solve(whole[:p, :p], whole[:p, p]), dtype=np.float64)
    turn = np.eye(p + 1)
    turn[:p, p] = -beta
    left = float(turn[:, p] @ whole @ turn[:, p])
    if left <= NO_VARIATION * whole[p, p]:
        raise AnalysisError("the model fits every score exactly; there is no variation to judge it by")
    return beta, [replace(pattern, products=turn.T @ pattern.products @ turn) for pattern in patterns]


def _size(periods: int) -> int:
    return periods * (periods + 1) // 2


def _matrix(theta: Array, periods: int) -> Array:
    """The symmetric matrix with this lower triangle."""
    matrix = np.zeros((periods, periods))
    matrix[np.tril_indices(periods)] = theta
    return matrix + np.tril(matrix, -1).T


def _is_positive(matrix: Array) -> bool:
    size = np.sqrt(np.maximum(np.diagonal(matrix), 0.0))
    return bool((size > 0).all() and np.linalg.eigvalsh(matrix / np.outer(size, size))[0] > POSITIVE)


def _start(centred: Sequence[Pattern], repeated: Repeated) -> Array:
    n, p = repeated.X.shape
    variance = sum(float(np.trace(pattern.products[:, :, p, p])) for pattern in centred) / (n - p)
    matrix: Array = variance * (CORRELATION + (1 - CORRELATION) * np.eye(repeated.periods))
    return np.asarray(matrix[np.tril_indices(repeated.periods)], dtype=np.float64)


def _directions(when: Codes, periods: int) -> Array:
    """What each number of theta adds to the covariance of these timepoints, (k, m, m)."""
    rows, columns = np.tril_indices(periods)
    first = (rows[:, None, None] == when[:, None]) & (columns[:, None, None] == when)
    return np.asarray(first | np.swapaxes(first, 1, 2), dtype=np.float64)


def _sums(patterns: Sequence[Pattern], covariance: Array) -> Sums:
    parts = [_pattern_sums(pattern, covariance) for pattern in patterns]
    return Sums(
        rows=sum(part.rows for part in parts),
        log_det=sum(part.log_det for part in parts),
        inner=np.sum([part.inner for part in parts], axis=0),
        first=np.sum([part.first for part in parts], axis=0),
        second=np.sum([part.second for part in parts], axis=0),
        trace=np.sum([part.trace for part in parts], axis=0),
        traces=np.sum([part.traces for part in parts], axis=0),
    )


def _pattern_sums(pattern: Pattern, covariance: Array) -> Sums:
    when, products = pattern.when, pattern.products
    inside = covariance[np.ix_(when, when)]
    inverse = np.linalg.inv(inside)
    E = _directions(when, len(covariance))
    turned = inverse @ E
    once = turned @ inverse
    twice = np.einsum("aij,bjk->abik", turned, once)
    return Sums(
        rows=pattern.people * len(when),
        log_det=pattern.people * float(np.linalg.slogdet(inside)[1]),
        inner=np.tensordot(inverse, products, 2),
        first=np.tensordot(once, products, 2),
        second=np.tensordot(twice, products, 2),
        trace=pattern.people * np.einsum("aii->a", turned),
        traces=pattern.people * np.einsum("aij,bji->ab", turned, turned),
    )


# ---------------------------------------------------------------------------- Kenward and Roger


def _bend(covariance: Array, spread: Array) -> Array:
    """Half the mean second derivative of the covariance's lower triangle over the uncertainty of its Cholesky form.

    The covariance is D L L'D, D the exponentials of T numbers along the diagonal and L lower triangular with ones.
    """
    slopes, curves = _cholesky_derivatives(covariance)
    lower = np.tril_indices(len(covariance))
    jacobian = slopes[:, lower[0], lower[1]].T
    back = np.linalg.inv(jacobian)
    return np.asarray(np.einsum("ij,ijk->k", back @ spread @ back.T, curves[:, :, lower[0], lower[1]]) / 2)


def _cholesky_derivatives(covariance: Array) -> tuple[Array, Array]:
    """First (k, T, T) and second (k, k, T, T) derivatives of the covariance by the numbers of its Cholesky form."""
    factor = np.linalg.cholesky(covariance)
    T = len(factor)
    rows, columns = np.tril_indices(T, -1)
    first = np.zeros((_size(T), T, T))
    first[np.arange(T), np.arange(T)] = factor
    first[T + np.arange(len(rows)), rows, columns] = np.diagonal(factor)[rows]
    second = np.zeros((_size(T), _size(T), T, T))
    second[np.arange(T), np.arange(T)] = first[:T]
    for k, row in enumerate(rows, start=T):
        second[row, k] = second[k, row] = first[k]
    half = np.einsum("aij,bkj->abik", first, first) + second @ factor.T
    slopes = first @ factor.T
    return slopes + np.swapaxes(slopes, 1, 2), half + np.swapaxes(half, 2, 3)


# ---------------------------------------------------------------------------- errors by site


def errors_by_site(fit: UnstructuredFit, site: Codes) -> Errors:
    """CR2 errors of the fit's coefficients, with Satterthwaite degrees of freedom.

    The fitted covariance between timepoints serves as weights and as working model; that people of one site resemble
    each other beyond it is left to the errors. With V_g the working covariance of a site's rows, D its symmetric root
    and M the coefficients' covariance under it, the site's residuals are multiplied by
    D (D (V_g - X_g M X_g') D)^(-1/2) D.

    Parameters
    ----------
    fit
        Means and covariance.
    site
        Site of each row, counted from 0, (n,).

    Raises
    ------
    AnalysisError
        With fewer than two sites.

    References
    ----------
    Pustejovsky JE, Tipton E. J Bus Econ Stat 2018;36:672-683. doi:10.1080/07350015.2016.1247004
    """
    if site.max() < 1:
        raise AnalysisError("cluster-robust errors need two sites or more")
    phi, X = fit.maximum.phi, fit.repeated.X
    residual = fit.repeated.y - X @ fit.maximum.beta
    sites = _rows_by(site)
    adjusted = [_adjusted(fit, rows) for rows in sites]
    own = np.stack([T.T @ _working(fit, rows, 1.0) @ T for rows, T in zip(sites, adjusted, strict=True)])
    shared = np.stack([X[rows].T @ T for rows, T in zip(sites, adjusted, strict=True)])
    spread = np.stack([T.T @ residual[rows] for rows, T in zip(sites, adjusted, strict=True)]) @ phi
    try:
        root = np.linalg.cholesky(phi)
    except np.linalg.LinAlgError:
        raise AnalysisError("the model fits the scores of a timepoint exactly; use a simpler model") from None
    df = [satterthwaite(np.einsum("p,gpq,q->g", lever, own, lever), shared @ lever @ root) for lever in phi]
    return Errors(spread.T @ spread, np.array(df))


def _rows_by(site: Codes) -> list[NDArray[np.intp]]:
    order = np.argsort(site, kind="stable")
    return np.split(order, np.cumsum(np.bincount(site))[:-1])


def _working(fit: UnstructuredFit, rows: NDArray[np.intp], exponent: float) -> Array:
    """A power of the covariance of some rows under the model, where scores of different people are unrelated."""
    period, person = fit.repeated.period[rows], fit.repeated.person[rows]
    found = np.zeros((len(rows), len(rows)))
    starts = np.flatnonzero(np.diff(person, prepend=-1))
    powers: dict[tuple[int, ...], Array] = {}
    for start, end in zip(starts, np.append(starts[1:], len(rows)), strict=True):
        when = tuple(period[start:end].tolist())
        if when not in powers:
            powers[when] = symmetric_power(fit.covariance[np.ix_(when, when)], exponent)
        found[start:end, start:end] = powers[when]
    return found


def _adjusted(fit: UnstructuredFit, rows: NDArray[np.intp]) -> Array:
    """A site's weighted rows after the CR2 adjustment, (n_g, p)."""
    X, half = fit.repeated.X[rows], _working(fit, rows, 0.5)
    steep = half @ X
    inner = _working(fit, rows, 2.0) - steep @ fit.maximum.phi @ steep.T
    return np.asarray(half @ (symmetric_power(inner, -0.5) @ (_working(fit, rows, -0.5) @ X)))
