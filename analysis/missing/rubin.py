"""Rubin's rules: one answer from the answers of several completed data sets, and from shifted ones.

The degrees of freedom are Barnard and Rubin's, which never exceed those that the complete data would have had. With
errors by site those are the sites' (Satterthwaite), not the number of people less the number of terms.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize, special

from ..moments import Array
from ..result import AnalysisError

PARTS = 40


@dataclass(frozen=True, slots=True)
class Pooled:
    """What m completed data sets say together about p coefficients.

    Attributes
    ----------
    estimate
        Mean of the estimates, (p,).
    covariance
        Total covariance (p, p): `within` plus (1 + 1/m) times `between`.
    df
        Degrees of freedom of each coefficient, (p,); infinite where the complete data's are and nothing is missing.
    within, between
        Mean of the covariances, and covariance of the estimates, (p, p).
    imputations
        m.
    """

    estimate: Array
    covariance: Array
    df: Array
    within: Array
    between: Array
    imputations: int

    @property
    def std_error(self) -> Array:
        """Standard errors (p,)."""
        return np.sqrt(np.diagonal(self.covariance))

    @property
    def share(self) -> Array:
        """Share of each variance (p,) that is due to missing values: (1 + 1/m) between / total."""
        return _share(self.between, self.covariance, self.imputations)

    @property
    def fraction_missing(self) -> Array:
        """Fraction of information about each coefficient (p,) that is missing, 0 to 1."""
        increase = np.diagonal(self.between) * (1 + 1 / self.imputations)
        with np.errstate(divide="ignore", invalid="ignore"):
            relative = increase / np.diagonal(self.within)
            found = (relative + 2 / (self.df + 3)) / (1 + relative)
        return np.where(increase > 0, np.where(np.isfinite(relative), found, 1.0), 0.0)


def pool(estimates: ArrayLike, covariances: ArrayLike, df: ArrayLike = math.inf) -> Pooled:
    """Pool estimates of m completed data sets by Rubin's rules.

    Parameters
    ----------
    estimates
        (m, p), one row a data set.
    covariances
        Their covariances, (m, p, p).
    df
        Degrees of freedom that the complete data would have, one number or (p,). With errors by site these are the
        sites': infinite (or N - p) would promise far too much.

    Returns
    -------
    Pooled
        With m = 1, or estimates that do not differ, everything is as if nothing were missing, and the degrees of
        freedom are those given.

    Raises
    ------
    AnalysisError
        Without any data set, with shapes that do not belong together, or with degrees of freedom that are not above
        zero.

    References
    ----------
    Rubin DB. Multiple imputation for nonresponse in surveys. Wiley 1987. doi:10.1002/9780470316696
    Barnard J, Rubin DB. Biometrika 1999;86:948-955. doi:10.1093/biomet/86.4.948
    Reference: `09_mice_rubin` (mice 3.15.0).
    """
    values, spreads = np.asarray(estimates, dtype=float), np.asarray(covariances, dtype=float)
    if values.ndim != 2 or not len(values) or spreads.shape != (*values.shape, values.shape[1]):
        raise AnalysisError(
            f"estimates {values.shape} and covariances {spreads.shape} do not belong together; "
            "give (m, p) and (m, p, p)"
        )
    complete = np.broadcast_to(np.asarray(df, dtype=float), values.shape[1:])
    if not (complete > 0).all():
        raise AnalysisError("degrees of freedom of the complete data are not above zero; give those of the full model")
    m = len(values)
    apart = values - values.mean(axis=0)
    between = apart.T @ apart / max(m - 1, 1)
    within = spreads.mean(axis=0)
    total = within + (1 + 1 / m) * between
    share = _share(between, total, m)
    return Pooled(values.mean(axis=0), total, barnard_rubin(share, m, complete), within, between, m)


def _share(between: Array, total: Array, m: int) -> Array:
    part, whole = (1 + 1 / m) * np.diagonal(between), np.diagonal(total)
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)


def barnard_rubin(share: ArrayLike, m: int, complete: ArrayLike = math.inf) -> Array:
    """Degrees of freedom from the share of variance due to missing values and the complete data's degrees of freedom.

    Parameters
    ----------
    share
        Share of the total variance that is due to missing values, 0 to 1, (p,).
    m
        Number of imputations.
    complete
        Degrees of freedom of the complete data, (p,) or one number; may be infinite, which gives Rubin's.

    References
    ----------
    Barnard J, Rubin DB. Biometrika 1999;86:948-955. doi:10.1093/biomet/86.4.948
    """
    lost, full = np.broadcast_arrays(np.asarray(share, dtype=float), np.asarray(complete, dtype=float))
    with np.errstate(divide="ignore", invalid="ignore"):
        rubin = np.where(lost > 0, (m - 1) / lost**2, math.inf)
        observed = np.where(np.isinf(full), math.inf, (full + 1) / (full + 3) * full * (1 - lost))
        found = 1 / (1 / rubin + 1 / observed)
    return np.asarray(np.where(lost > 0, found, full))


def relative_efficiency(fraction_missing: ArrayLike, imputations: int) -> Array:
    """Precision of m imputations beside that of infinitely many: 1 / (1 + fraction / m), 0 to 1."""
    return np.asarray(1 / (1 + np.asarray(fraction_missing, dtype=float) / imputations))


@dataclass(frozen=True, slots=True)
class Shifted:
    """One coefficient of m completed data sets as a function of how far imputed values are shifted.

    Least squares is linear in the outcome, so an estimate is a straight line in the shift and its variance a parabola:
    `estimates` (m, 2) and `variances` (m, 3) hold their coefficients, constant first. `df` are the complete data's
    degrees of freedom, which do not depend on the outcome.
    """

    estimates: Array
    variances: Array
    df: float

    def at(self, delta: float) -> Pooled:
        """What the data sets say together at one shift."""
        estimates = self.estimates @ [1.0, delta]
        variances = np.maximum(self.variances @ [1.0, delta, delta**2], 0.0)
        return pool(estimates[:, None], variances[:, None, None], self.df)

    def limits(self, delta: float, confidence: float) -> tuple[float, float]:
        """Interval of the coefficient at one shift."""
        found = self.at(delta)
        reach = float(special.stdtrit(found.df[0], (1 + confidence) / 2) * found.std_error[0])
        return float(found.estimate[0]) - reach, float(found.estimate[0]) + reach

    def tipping(self, reach: float, confidence: float) -> float | None:
        """The shift nearest to zero, on the way from 0 to `reach`, at which the interval begins or ceases to hold zero.

        None where it stays as it is all the way. `reach` may be negative.
        """
        if reach == 0:
            return None
        return next(self._crossings(reach, confidence), None)

    def _crossings(self, reach: float, confidence: float) -> Iterator[float]:
        def room(delta: float) -> float:
            """Above zero where zero is inside the interval."""
            low, high = self.limits(delta, confidence)
            return min(-low, high)

        origin, slope = self.estimates.mean(axis=0)
        nothing = -origin / slope if slope else 0.0  # where the estimate is zero the interval holds it, however narrow
        inside = [nothing] if 0 < nothing / reach < 1 else []
        steps = sorted([*np.linspace(0.0, reach, PARTS + 1), *inside], key=abs)
        for near, far in pairwise(steps):
            if (room(near) >= 0) != (room(far) >= 0):
                yield float(optimize.brentq(room, near, far, xtol=1e-12 * max(abs(reach), 1.0)))
