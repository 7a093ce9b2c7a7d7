"""Difference in differences of counts: each person their own comparison, before and after entry."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from instruments.plan import Covariate

from ..glm import shares
from ..moments import Array
from ..result import AnalysisError, Estimate, Fitted
from .design import design
from .inference import Inference, exponentiated
from .regression import regression
from .site_average import weights_of_people

UNSETTLED = "as when all events of some group lie before entry, or all after"
MEASURED = ("count", "years", "baseline_count", "baseline_years")


def poisson_change(
    rows: pd.DataFrame,
    *,
    covariates: Sequence[Covariate] = (),
    errors: str = "CR2",
    confidence: float = 0.95,
    average: str = "people",
) -> Fitted:
    """Estimate how many times the change of the rate since before entry is in one arm what it is in the other.

    Conditional Poisson regression: a level for each person, which drops out of the likelihood given the person's
    events before and after together; a change common to all; and the arm's. Whatever differs between people and stays
    is adjusted for, known or not. What it assumes is that without the link worker both arms' rates would have changed
    in the same ratio; where people were picked at a bad moment in one arm only, that is wrong.

    People without an event at all say nothing of a ratio and are left out, as are people without time before and after.

    Parameters
    ----------
    rows
        One row a person: `arm` (1 intervention, 0 comparison), `site`, `count` and `years` after entry,
        `baseline_count` and `baseline_years` before it (events, person-years; missing as NaN), and the covariates.
    covariates
        Facts known at entry on which the change, not the level, may depend.
    errors
        'CR2', 'CR0', 'CR1', 'CR1S' or 'classical' (scaled by Pearson's dispersion).
    confidence
        Level of the intervals.
    average
        'people' or 'sites': who counts alike. Where sites do, a person weighs one over the people of their site, those
        without an event among them, who have time before and after and every covariate.

    Returns
    -------
    Fitted
        The ratio of the arms' rate ratios, and the rate difference per person-year that it makes in the intervention
        arm: the rate seen there after entry less the rate that the comparison arm's change lets expect. Its error
        takes the rate that was seen as given. Coefficients are logarithms of ratios of rates after to before.

    Raises
    ------
    AnalysisError
        When an arm has nobody with an event, time is not above zero, a term is determined by others, or the fit does
        not settle, as when an arm has events on one side of entry only.

    References
    ----------
    Hausman J, Hall BH, Griliches Z. Econometrica 1984;52:909-938. doi:10.2307/1911191
    Wooldridge JM. J Econometrics 1999;90:77-97. doi:10.1016/S0304-4076(98)00033-5 (holds for any spread of counts)
    Kahan BC, Li F, Copas AJ, Harhay MO. Int J Epidemiol 2023;52:107-118. doi:10.1093/ije/dyac131 (sites alike)
    Held to Poisson regression with an indicator for each person: `tests/reference/analysis/test_poisson_change.py`;
    with CR2 to clubSandwich on the share of events after entry: `counts_public.R` there.
    """
    known = rows.dropna(subset=list(MEASURED))
    if (known[["years", "baseline_years"]] <= 0).to_numpy().any():
        raise AnalysisError("somebody's time before or after entry is not above zero; correct the periods")
    laid = design(known[known["count"] + known["baseline_count"] > 0], MEASURED, None, covariates)
    everybody = known.dropna(subset=[covariate.name for covariate in covariates])
    after, years, before, years_before = (laid.rows[name].to_numpy(dtype=float) for name in MEASURED)
    model = regression(
        laid,
        replace(shares(after + before), name="conditional Poisson", dispersed=True, unsettled=UNSETTLED),
        after / (after + before),
        offset=np.log(years / years_before),
        name="Conditional Poisson, person effects",
        scale="log rate ratio",
        errors=errors,
        confidence=confidence,
        weights=weights_of_people(laid.rows["site"], average, errors, everybody["site"]),
    )
    ratio = exponentiated(model.terms[1], "rate ratio")
    treated = everybody[everybody["arm"] == 1]
    counts = weights_of_people(treated["site"], average, errors)
    seen = _rate(treated, np.ones(len(treated)) if counts is None else counts)
    gap = _difference(model.inference, seen, model.terms[1], model.spread.error(np.eye(len(laid.terms))[1]))
    return Fitted((ratio, gap), model.terms, laid.n, model.inference.n_clusters, model.inference.warnings())


def _rate(people: pd.DataFrame, counts: Array) -> float:
    """Events per year of people (n,) who count so much each."""
    return float((counts @ people["count"]) / (counts @ people["years"]))


def _difference(inference: Inference, seen: float, log_ratio: Estimate, error: tuple[float, float]) -> Estimate:
    """The rate seen in the intervention arm less the rate to be expected there."""
    expected = seen * math.exp(-log_ratio.estimate)
    std_error, df = error
    return inference.estimate("arm", seen - expected, (expected * std_error, df), "rate difference", "per person-year")
