"""Mixed model for repeated measures: a mean for every arm and timepoint, any covariance between timepoints."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from instruments.plan import Covariate

from ..moments import Array, Errors
from ..reml import KINDS
from ..result import AnalysisError, Fitted
from ..unstructured import LINEAR, Repeated, UnstructuredFit, errors_by_site, unstructured
from .design import covariate_columns
from .inference import CLUSTERS_FOR_ERRORS, Inference
from .long_rows import LongRows, long_rows, period_columns, refuse_lone_arms, stacked

BY_SITE = "CR2"


def mmrm(
    rows: pd.DataFrame,
    *,
    covariates: Sequence[Covariate],
    errors: str = BY_SITE,
    confidence: float = 0.95,
    at: object = None,
    constrained: bool = False,
    baseline: bool = True,
) -> Fitted:
    """Estimate the difference between the arms in change from the baseline, or at a timepoint, from all ever measured.

    Mean score by arm and timepoint, adjusted for the covariates, with an unstructured covariance between the
    timepoints, by restricted maximum likelihood. Nobody is left out for lacking a timepoint; where scores are missing
    depending on earlier scores alone, that introduces no bias.

    Parameters
    ----------
    rows
        One row a person and timepoint: `person`, `arm` (1 intervention, 0 comparison), `site`, `timepoint` (numbers,
        or an ordered categorical), `score` (units of the scale; missing as NaN, and left out) and the covariates.
    covariates
        Facts known at entry; categories enter as indicators with the first level as reference.
    errors
        'CR2' by site. For studies that allocated people, in which sites do not matter: 'Kenward-Roger' (as R's mmrm,
        by way of the Cholesky factor), 'Kenward-Roger-linear' or 'Satterthwaite'.
    confidence
        Level of the intervals.
    at
        The follow-up timepoint whose difference is the answer; all of them, in order, without one. The earliest is
        none unless there is no baseline.
    constrained
        Take the arms to have the same mean at the earliest timepoint (constrained longitudinal analysis). That is
        true of a study that allocated people, or sites, at random, and of no other: a difference at the baseline is
        taken for chance, and what is left of it later for an effect. Whoever calls this knows the design.
    baseline
        Whether the earliest timepoint is a baseline, from which change is counted. If not, all timepoints are
        follow-ups, and each has a difference of its own; a number from before may be among the covariates.

    Returns
    -------
    Fitted
        An answer for each follow-up timepoint ('arm:timepoint=3' and so on): the difference in change, or with
        `constrained` or without a baseline the difference then. `terms` has every coefficient; 'arm', where it is one,
        is the difference at the baseline.

    Raises
    ------
    AnalysisError
        When an arm is empty or has nobody at some timepoint, two timepoints have nobody measured at both, a person has
        two scores at one timepoint or two sites, a term is determined by others, scores do not vary, those of one
        timepoint follow exactly from those of others, or equal baselines are asked for where there is none.

    References
    ----------
    Mallinckrodt CH et al. Drug Inf J 2008;42:303-319. doi:10.1177/009286150804200402
    Liang KY, Zeger SL. Sankhya B 2000;62:134-148 (the constrained analysis).
    Pustejovsky JE, Tipton E. J Bus Econ Stat 2018;36:672-683. doi:10.1080/07350015.2016.1247004
    Reference: `04b_clda_eq5d`, `04c_mmrm_fev` (mmrm 0.3.18).
    """
    known = (BY_SITE, *KINDS, LINEAR)
    if errors not in known:
        raise AnalysisError(f"unknown errors '{errors}'; allowed: {', '.join(known)}")
    if constrained and not baseline:
        raise AnalysisError("arms cannot be made to start alike without a baseline; leave one of the two out")
    by_site = errors == BY_SITE
    found = long_rows(rows, covariates, by_site=by_site)
    asked = found.follow_up(at, baseline=baseline)
    refuse_lone_arms(found, first=int(constrained))
    X, names = stacked(_columns(found, covariates, constrained, baseline))
    fit = unstructured(Repeated(X, found.score, found.person, found.period))
    label = "constrained to equal baselines, " if constrained else "" if baseline else "no baseline, "
    method = f"Repeated measures, {label}{errors}{' by site' if by_site else ''}"
    inference = Inference(found.people(), method, confidence, clustered=by_site)
    spread = _errors(fit, found, errors, inference)
    given = zip(names, fit.maximum.beta.tolist(), spread.std_error.tolist(), spread.df.tolist(), strict=True)
    terms = tuple(inference.estimate(name, value, (error, df)) for name, value, error, df in given)
    answers = tuple(term for term in terms if term.term in asked)
    return Fitted(answers, terms, inference.design.n, inference.n_clusters, inference.warnings())


def _columns(
    found: LongRows, covariates: Sequence[Covariate], constrained: bool, baseline: bool
) -> Iterator[tuple[str, Array]]:
    yield "(Intercept)", np.ones(len(found.arm))
    if baseline and not constrained:
        yield "arm", found.arm
    yield from period_columns(found)
    yield from covariate_columns(found.rows, covariates)
    for name, column in period_columns(found, 0 if baseline else None):
        yield f"arm:{name}", found.arm * column


def _errors(fit: UnstructuredFit, found: LongRows, errors: str, inference: Inference) -> Errors:
    if errors != BY_SITE:
        return fit.errors(errors)
    if inference.fewest < CLUSTERS_FOR_ERRORS:
        return fit.errors("Satterthwaite")
    return errors_by_site(fit, found.site)
