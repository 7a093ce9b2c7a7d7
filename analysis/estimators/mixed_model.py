"""Mixed models: differences between arms when sites, and people, are drawn from many like them.

What is random must be said. A difference in change rests on how sites change, so `mixed_model` gives each site an
effect of its own at each timepoint (site x period). Without it the reference study's well-being difference in change
seemed to have 2,800 degrees of freedom, where 24 sites give about 54. `did` needs no such telling.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain

import numpy as np
import pandas as pd

from instruments.plan import Covariate

from ..moments import Array, classical, from_rows, least_squares
from ..random_effects import MixedFit, people_within_sites, random_coefficients
from ..reml import KINDS
from ..result import AnalysisError, Estimate, Fitted
from .design import baseline_of, covariate_columns, design
from .inference import CLUSTERS_FOR_ERRORS, Inference
from .long_rows import LongRows, long_rows, period_columns, stacked


def random_intercept(
    rows: pd.DataFrame, *, covariates: Sequence[Covariate], errors: str = "Kenward-Roger", confidence: float = 0.95
) -> Fitted:
    """Estimate the mean difference at follow-up between people alike in baseline score and covariates, sites random.

    `ancova` with a random intercept for each site, by restricted maximum likelihood from cross-products per site. The
    people of a site share what is particular to it; sites are weighed by how much they tell.

    Parameters
    ----------
    rows
        One row a person: `arm` (1 intervention, 0 comparison), `site`, `score`, `baseline` (units of the scale;
        missing as NaN, and left out) and the covariates' columns.
    covariates
        Facts known at entry; categories enter as indicators with the first level as reference.
    errors
        'Kenward-Roger' or 'Satterthwaite'. Where sites come out not to differ at all, Satterthwaite forgets that
        there are sites (808 degrees of freedom on the reference study, against Kenward-Roger's 22).
    confidence
        Level of the interval.

    Returns
    -------
    Fitted
        One answer, the adjusted difference; `terms` has every coefficient, then the variances ('variance: site',
        'variance: residual').

    Raises
    ------
    AnalysisError
        When an arm is empty, a term is determined by others, a site is missing, or no site has two people.

    References
    ----------
    Kenward MG, Roger JH. Biometrics 1997;53:983-997. doi:10.2307/2533558
    Reference: `03_lmm_ancova_eq5d12` (lme4 1.1.31, lmerTest 3.1.3, pbkrtest 0.5.2).
    """
    _refuse_unknown(errors)
    laid = design(rows, ("score",), baseline_of(rows), covariates)
    if laid.rows["site"].isna().any():
        raise AnalysisError("site: is empty for somebody with a score, and random sites need it; fill it in")
    moments = from_rows(laid.X, laid.rows["score"].to_numpy(dtype=float), laid.site, laid.terms)
    inference = Inference(laid, f"ANCOVA with random site, {errors}", confidence, clustered=True)
    if inference.fewest < CLUSTERS_FOR_ERRORS:
        plain = least_squares(moments)
        terms = _terms(inference, laid.terms, plain.beta, classical(plain).std_error, classical(plain).df)
    else:
        terms = _of_fit(inference, random_coefficients(moments), errors)
    return Fitted((terms[1],), terms, laid.n, inference.n_clusters, inference.warnings())


def mixed_model(
    rows: pd.DataFrame,
    *,
    covariates: Sequence[Covariate],
    errors: str = "Kenward-Roger",
    confidence: float = 0.95,
    at: object = None,
    by_period: bool = True,
) -> Fitted:
    """Estimate the difference between the arms in change from the earliest timepoint, with everything random.

    Mean score by arm and timepoint, adjusted for the covariates, with random effects of site, site x period and
    person, by restricted maximum likelihood. Everybody measured at least once counts; where scores are missing
    depending on earlier scores alone, that introduces no bias.

    Parameters
    ----------
    rows
        One row a person and timepoint: `person`, `arm` (1 intervention, 0 comparison), `site`, `timepoint` (numbers,
        or an ordered categorical), `score` (units of the scale; missing as NaN, and left out) and the covariates.
    covariates
        Facts known at entry; categories enter as indicators with the first level as reference.
    errors
        'Kenward-Roger' or 'Satterthwaite'.
    confidence
        Level of the intervals.
    at
        The follow-up timepoint whose difference is the answer; all of them, in order, without one.
    by_period
        Whether sites have an effect of their own at each timepoint. Leave it so: False is there to agree with models
        elsewhere that forget it.

    Returns
    -------
    Fitted
        An answer for each follow-up timepoint ('arm:timepoint=3' and so on); `terms` has every coefficient, then the
        variances. 'arm' is the difference at the earliest timepoint.

    Raises
    ------
    AnalysisError
        When an arm is empty, nobody was measured twice, a person has two scores at one timepoint or two sites, a term
        is determined by others, or parts of the variance cannot be told apart.

    References
    ----------
    Kenward MG, Roger JH. Biometrics 1997;53:983-997. doi:10.2307/2533558
    Hooper R et al. Stat Med 2016;35:4718-4728. doi:10.1002/sim.7028 (site x period)
    Reference: `03c_lmm_repeated_eq5d`, `14_icc` (lme4 1.1.31, lmerTest 3.1.3, pbkrtest 0.5.2).
    """
    _refuse_unknown(errors)
    found = long_rows(rows, covariates)
    asked = found.follow_up(at)
    X, names = stacked(_columns(found, covariates))
    random = "site, site x period and person" if by_period else "site and person"
    inference = Inference(found.people(), f"Mixed model with random {random}, {errors}", confidence, clustered=True)
    if inference.fewest < CLUSTERS_FOR_ERRORS:
        plain = least_squares(from_rows(X, found.score, found.site, names))
        terms = _terms(inference, names, plain.beta, classical(plain).std_error, classical(plain).df)
    else:
        codes = {"site": found.site, "period": found.period, "person": found.person}
        fit = people_within_sites(X, found.score, names, **codes, by_period=by_period)
        terms = _of_fit(inference, fit, errors)
    answers = tuple(term for term in terms if term.term in asked)
    return Fitted(answers, terms, inference.design.n, inference.n_clusters, inference.warnings())


def _refuse_unknown(errors: str) -> None:
    if errors not in KINDS:
        raise AnalysisError(f"unknown errors '{errors}'; allowed: {', '.join(KINDS)}")


def _columns(found: LongRows, covariates: Sequence[Covariate]) -> Iterator[tuple[str, Array]]:
    yield "(Intercept)", np.ones(len(found.arm))
    yield "arm", found.arm
    yield from period_columns(found)
    yield from covariate_columns(found.rows, covariates)
    for name, column in period_columns(found):
        yield f"arm:{name}", found.arm * column


def _terms(
    inference: Inference, names: Sequence[str], beta: Array, std_error: Array, df: Array
) -> tuple[Estimate, ...]:
    given = zip(names, beta.tolist(), std_error.tolist(), df.tolist(), strict=True)
    return tuple(inference.estimate(name, value, (error, df)) for name, value, error, df in given)


def _of_fit(inference: Inference, fit: MixedFit, errors: str) -> tuple[Estimate, ...]:
    """Coefficients, then variances; those have no error, whose distribution near zero no interval would describe."""
    found = fit.errors(errors)
    coefficients = _terms(inference, fit.terms, fit.maximum.beta, found.std_error, found.df)
    return tuple(chain(coefficients, (_variance(inference, *each) for each in fit.variances.items())))


def _variance(inference: Inference, name: str, value: float) -> Estimate:
    return Estimate(
        term=f"variance: {name}",
        estimate=value,
        std_error=None,
        df=None,
        conf_low=None,
        conf_high=None,
        p_value=None,
        n=sum(inference.design.n),
        n_clusters=inference.design.sites,
        method=inference.method,
        scale="variance",
    )
