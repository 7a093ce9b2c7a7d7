"""Effects by time since the start of sites that start at different times, all against the last period before it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..glm import KINDS
from ..moments import MULTIPLIERS, Array
from ..result import AnalysisError, Course
from .honest import of_average
from .staggered import by_time_since, group_time_effects

GAP = "periods are missing between others, and a trend is only followed from period to period"


def course_of(panel: pd.DataFrame, errors: str) -> Course | str:
    """Estimate the effect at every time since the start, with one reference for all: the last period before it.

    The effect of each group (start) in each period is set against the last period before its start, before the start
    too, unlike the terms of `staggered`; groups seen at one time since the start are averaged by their sites.

    Parameters
    ----------
    panel
        As for `staggered`, without covariates, a site in each person's place.
    errors
        'CR2': influences of n sites that start together count n / (n - 1) times around their mean; 'CR0', 'CR1',
        'CR1S' or 'classical' as they count in `staggered`.

    Returns
    -------
    Course or str
        The effects, on the scale of the scores. `weights` make the 'simple' average of them. `df` is that of a
        covariance which starts have each their own part in, and 0 where there are too few sites for it. In words why
        there is no course: where periods have a gap.

    Raises
    ------
    AnalysisError
        As `staggered`, and for an unknown kind of errors.

    References
    ----------
    Callaway B, Sant'Anna PHC. J Econometrics 2021;225:200-230. doi:10.1016/j.jeconom.2020.12.001
    Roth J. arXiv:2401.12309 (why effects before the start need the reference of those after it)
    Krishnamoorthy K, Yu J. Stat Probab Lett 2004;66:161-169. doi:10.1016/j.spl.2003.10.012 (degrees of freedom)
    Reference: `10_callaway_santanna_mpdta` (did 2.2.0, sunab of fixest 0.12.2) and diff-diff 3.13.0:
    `tests/reference/analysis/test_course.py`.
    """
    if errors not in KINDS:
        raise AnalysisError(f"unknown errors '{errors}'; allowed: {', '.join(KINDS)}")
    found = group_time_effects(panel, before="last before the start")
    starts = found.start[~np.isnan(found.start)]
    periods = np.unique(panel["period"].to_numpy(dtype=float))
    if (np.diff(periods) != 1).any() or not np.isin(starts, periods).all():
        return GAP
    since = np.unique(found.period - found.group)
    effects, influences = zip(*(by_time_since(found, each) for each in since), strict=True)
    seen = np.array([found.share[found.period - found.group == each].sum() for each in since[since >= 0]])
    parts = _parts(np.stack(influences, axis=1), found.start, errors)
    weights, n_before = seen / seen.sum(), int((since < 0).sum())
    return Course(
        tuple(int(each) for each in since),
        _row(effects),
        tuple(_row(row) for row in parts.covariance),
        parts.df(n_before, weights),
        _row(weights),
        parts.sites,
    )


@dataclass(frozen=True, slots=True)
class _Parts:
    """What sites that start together, and those that never do, add to the covariance of effects.

    `within` (k, k) for each such group, around its mean influences; `between` (k, k) is that of these means: what it
    costs to estimate how many sites start when. `sites` are those of each group, the ones that never start last.
    """

    within: tuple[Array, ...]
    between: Array
    sites: tuple[int, ...]

    @property
    def covariance(self) -> Array:
        """Of all effects, (k, k)."""
        return np.asarray(sum(self.within) + self.between)

    def df(self, n_before: int, weights: Array) -> float:
        """Of the covariance of the effects before the start and of the average after it."""
        parts = [of_average(each, n_before, weights) for each in self.within]
        whole, p = np.asarray(sum(parts)), n_before + 1
        if np.linalg.matrix_rank(whole, hermitian=True) < p:
            return 0.0
        shares = [np.linalg.solve(whole, each) for each in parts]
        spent = [np.trace(each @ each) + np.trace(each) ** 2 for each in shares]
        return float((p + p * p) / sum(each / max(n - 1, 1) for each, n in zip(spent, self.sites, strict=True)))


def _parts(influence: Array, start: Array, errors: str) -> _Parts:
    n = len(influence)
    group = np.where(np.isnan(start), np.inf, start)
    own = [influence[group == each] for each in np.unique(group)]
    means = [each.mean(axis=0) for each in own]
    factor = (MULTIPLIERS[errors](n, 2, n) if errors in MULTIPLIERS else 1.0) / n**2
    within = (_around(each, errors) * factor for each in own)
    between = sum(len(each) * np.outer(mean, mean) for each, mean in zip(own, means, strict=True))
    return _Parts(tuple(within), np.asarray(between * factor), tuple(len(each) for each in own))


def _around(influence: Array, errors: str) -> Array:
    """Cross-products around the mean; one site alone has none."""
    n, own = len(influence), influence - influence.mean(axis=0)
    return np.asarray(own.T @ own * (n / (n - 1) if errors == "CR2" and n > 1 else 1.0))


def _row(values: Iterable[float]) -> tuple[float, ...]:
    return tuple(float(each) for each in values)
