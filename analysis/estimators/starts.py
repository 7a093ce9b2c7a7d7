"""Sites that start together: how their series vary around their mean, and how sure that makes effects of a roll-out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..moments import Array
from .inference import CLUSTERS_FOR_P


@dataclass(frozen=True, slots=True)
class Starts:
    """Sites by start, those that never start last, and how sites vary around the mean series of their start.

    `sites` (h,) counts them; `covariances` (h, t, t) are those taken for their series over t periods: where a start has
    sites enough their own, else that of all starts together.
    """

    sites: Array
    covariances: Array

    @property
    def enough(self) -> NDArray[np.bool_]:
        """Whether a start has sites enough to tell by themselves how they vary, (h,)."""
        return self.sites >= CLUSTERS_FOR_P

    @property
    def left(self) -> float:
        """Degrees of freedom of the covariance that all starts have together: sites less starts."""
        return float((self.sites - 1).sum())

    def covariance(self, on: Array) -> Array:
        """Covariance (..., p, p) of p sums of mean series by start; `on` (..., h, p, t) is what these count in each."""
        scaled = on / np.sqrt(self.sites)[:, None, None]
        return np.asarray((scaled @ self.covariances @ scaled.swapaxes(-1, -2)).sum(axis=-3))

    def df(self, on: Array) -> float:
        """Degrees of freedom of `covariance`; 0 where there are too few sites to tell the numbers apart.

        Twice the square of what the covariance is on average over its variance, where sites vary as is taken here; with
        one number they are Satterthwaite's.

        References
        ----------
        Krishnamoorthy K, Yu J. Stat Probab Lett 2004;66:161-169. doi:10.1016/j.spl.2003.10.012
        """
        p = on.shape[1]
        parts = [
            (self._counted(on, int(h)), self.covariances[h], self.sites[h] - 1) for h in np.flatnonzero(self.sites > 1)
        ]
        whole = sum((each @ own @ each.swapaxes(1, 2)).sum(axis=0) for each, own, _ in parts)
        if np.linalg.matrix_rank(whole, hermitian=True) < p:
            return self.left if p == 1 else 0.0
        inverse, spent = np.linalg.inv(whole), 0.0
        for each, own, left in parts:
            mixed = np.tensordot(inverse @ each @ own, each, (2, 2))  # (i, p, j, q)
            spent += ((mixed * mixed.swapaxes(1, 3)).sum() + (np.trace(mixed, axis1=1, axis2=3) ** 2).sum()) / left
        return float((p + p * p) / spent)

    def _counted(self, on: Array, place: int) -> Array:
        """The ways (i, p, t) in which what sites of one start vary goes into the numbers, for itself and others."""
        share = (self.sites[place] - 1) / self.left
        others = [on[each] * np.sqrt(share / self.sites[each]) for each in np.flatnonzero(~self.enough)]
        itself = [on[place] / np.sqrt(self.sites[place])] if self.enough[place] else []
        return np.stack([*itself, *others]) if itself or others else np.zeros((1, *on.shape[1:]))


def starts_of(series: Array, place: NDArray[np.int_]) -> Starts:
    """How sites vary around those that start with them.

    Parameters
    ----------
    series
        Score of each site in each period, (n, t).
    place
        Which start each site has, 0 to h - 1, none of them empty, (n,).
    """
    sites = np.bincount(place).astype(float)
    around = [series[place == each] - series[place == each].mean(axis=0) for each in range(len(sites))]
    squares = np.stack([each.T @ each for each in around])
    together = squares.sum(axis=0) / max((sites - 1).sum(), 1)
    own = squares / np.maximum(sites - 1, 1)[:, None, None]
    return Starts(sites, np.where((sites >= CLUSTERS_FOR_P)[:, None, None], own, together))


def positive(covariance: Array) -> Array:
    """A symmetric matrix (p, p) without what is below zero in it, as differences of covariances can be."""
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray((vectors * np.maximum(values, 0.0)) @ vectors.T)
