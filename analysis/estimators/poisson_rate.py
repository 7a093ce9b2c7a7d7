"""Poisson regression of a count with its person-time: a rate ratio, and a rate difference by g-computation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from instruments.plan import Covariate

from ..glm import POISSON, PRIOR_COUNT
from ..moments import Array
from ..result import AnalysisError, Fitted
from .design import Design, design
from .inference import exponentiated
from .regression import difference, marginal, regression
from .site_average import weights_of_people


def poisson_rate(
    rows: pd.DataFrame,
    *,
    covariates: Sequence[Covariate],
    errors: str = "CR2",
    confidence: float = 0.95,
    average: str = "people",
) -> Fitted:
    """Estimate the ratio of, and the difference between, the arms' rates after entry.

    Log link, offset the logarithm of the person-years, adjusted for the logarithm of the rate before entry (half an
    event added, so that nobody's is minus infinity) and the named covariates. People without time before and after
    entry, or without a covariate, are left out. CR2 follows the working weights, so counts more spread than Poisson
    do no harm; 'classical' errors scale the Poisson variance by Pearson's dispersion (quasi-Poisson).

    Parameters
    ----------
    rows
        One row a person: `arm` (1 intervention, 0 comparison), `site`, `count` and `years` after entry,
        `baseline_count` and `baseline_years` before it (events, person-years; missing as NaN; without these columns the
        outcome has no baseline), and the covariates.
    covariates
        Facts known at entry; categories enter as indicators with the first level as reference.
    errors
        'CR2', 'CR0', 'CR1', 'CR1S' or 'classical'.
    confidence
        Level of the intervals.
    average
        'people' or 'sites': who counts alike. Where sites do, a person weighs one over the people of their site who
        stayed: the rate of an arm is then its sites' events a person, averaged, over their years a person, averaged.

    Returns
    -------
    Fitted
        Two answers: the rate ratio (its error is that of the logarithm, its interval was made there) and the rate
        difference per person-year, averaged over everybody analysed, with its error by the delta method. The
        coefficients are on the log scale.

    Raises
    ------
    AnalysisError
        When an arm is empty or has no event, a term is determined by others, or the fit does not settle.

    References
    ----------
    Kahan BC, Li F, Copas AJ, Harhay MO. Int J Epidemiol 2023;52:107-118. doi:10.1093/ije/dyac131 (sites alike)
    Pustejovsky JE, Tipton E. J Bus Econ Stat 2018;36:672-683. doi:10.1080/07350015.2016.1247004
    Reference: `05_counts_ancova` (clubSandwich 0.5.8); `tests/reference/analysis/poisson.R`.
    """
    laid, count, years = count_design(rows, covariates)
    model = regression(
        laid,
        POISSON,
        count,
        offset=np.log(years),
        name="Poisson",
        scale="log rate ratio",
        errors=errors,
        confidence=confidence,
        weights=weights_of_people(laid.rows["site"], average, errors),
    )
    answers = (
        exponentiated(model.terms[1], "rate ratio"),
        difference(model.inference, marginal(model.fit), model.spread, "rate difference", "per person-year"),
    )
    return Fitted(answers, model.terms, laid.n, model.inference.n_clusters, model.inference.warnings())


def count_design(rows: pd.DataFrame, covariates: Sequence[Covariate]) -> tuple[Design, Array, Array]:
    """The design of a count, with the log rate before entry if it has a baseline; the counts and the person-years (n,).

    Raises
    ------
    AnalysisError
        When somebody's time after entry is not above zero, an arm is empty or has no event, or a term is determined by
        others.
    """
    laid = design(rows, ("count", "years"), _log_rate_before(rows), covariates)
    count, years = (laid.rows[name].to_numpy(dtype=float) for name in ("count", "years"))
    _refuse_empty(count, years, laid)
    return laid, count, years


def _log_rate_before(rows: pd.DataFrame) -> Array | None:
    if "baseline_count" not in rows:
        return None
    count, years = (rows[name].to_numpy(dtype=float) for name in ("baseline_count", "baseline_years"))
    known = np.isfinite(count) & (years > 0)
    safe = np.where(known, years, 1.0)
    return np.where(known, np.log((np.where(known, count, 0) + PRIOR_COUNT) / safe), np.nan)


def _refuse_empty(count: Array, years: Array, laid: Design) -> None:
    if (years <= 0).any():
        raise AnalysisError("somebody's time after entry is not above zero; correct the periods")
    for value, role in ((1, "intervention"), (0, "comparison")):
        if count[laid.rows["arm"] == value].sum() == 0:
            raise AnalysisError(f"nobody in the {role} arm had an event after entry; a rate ratio cannot be given")
