"""Effects by time since the start of sites that start at different times, all against the last period before it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from ..glm import KINDS
from ..moments import MULTIPLIERS, Array
from ..result import AnalysisError, Course
from .inference import CLUSTERS_FOR_P
from .staggered import Average, GroupTime, by_time_since, covariance_of, group_time_effects

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
        As in `staggered`.

    Returns
    -------
    Course or str
        The effects, on the scale of the scores. `weights` make the 'simple' average of them. `df` is that of the
        covariance of the effects before the start and of this average, and 0 where there are too few sites for it, or,
        but for 'CR2', at one of the starts. In words why there is no course: where periods have a gap.

    Raises
    ------
    AnalysisError
        As `staggered`, and for an unknown kind of errors.

    References
    ----------
    Callaway B, Sant'Anna PHC. J Econometrics 2021;225:200-230. doi:10.1016/j.jeconom.2020.12.001
    Roth J. arXiv:2401.12309 (why effects before the start need the reference of those after it)
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
    averages = [by_time_since(found, each) for each in since]
    seen = np.array([found.share[found.period - found.group == each].sum() for each in since[since >= 0]])
    weights = seen / seen.sum()
    return Course(
        tuple(int(each) for each in since),
        _row(float(average.weights @ found.effect) for average in averages),
        tuple(_row(row) for row in _covariance(found, averages, errors)),
        _df(found, averages, weights, errors),
        _row(weights),
        tuple(int(each) for each in found.sites),
    )


def _covariance(found: GroupTime, averages: Sequence[Average], errors: str) -> Array:
    if errors == "CR2":
        return covariance_of(found, averages)[0]
    influence = np.stack([average.influence(found) for average in averages])
    n = influence.shape[1]
    factor = MULTIPLIERS[errors](n, 2, n) if errors in MULTIPLIERS else 1.0
    return np.asarray(influence @ influence.T * factor / n**2)


def _df(found: GroupTime, averages: Sequence[Average], weights: Array, errors: str) -> float:
    """Of the effects before the start and of the average after it; none for errors that few sites make too small."""
    if errors != "CR2" and found.sites[:-1].min() < CLUSTERS_FOR_P:
        return 0.0
    on = np.einsum("pk,hkt->hpt", np.stack([average.weights for average in averages]), found.on)
    n_before = len(averages) - len(weights)
    after = np.einsum("p,hpt->ht", weights, on[:, n_before:])
    return found.starts.df(np.concatenate([on[:, :n_before], after[:, None]], axis=1))


def _row(values: Iterable[float]) -> tuple[float, ...]:
    return tuple(float(each) for each in values)
