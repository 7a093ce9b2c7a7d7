"""Analysis of covariance: the follow-up score on arm, baseline score and named covariates."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from instruments.plan import Covariate

from ..moments import Array, Errors, LeastSquares, classical, cluster_robust, from_rows, least_squares
from ..result import Fitted
from .design import Design, baseline_of, design
from .inference import Inference
from .site_average import averaged, named


def ancova(
    rows: pd.DataFrame,
    *,
    covariates: Sequence[Covariate],
    errors: str = "CR2",
    confidence: float = 0.95,
    average: str = "people",
) -> Fitted:
    """Estimate the mean difference at follow-up between people alike in baseline score and covariates.

    Ordinary least squares on the rows with score, baseline and all covariates; the others are left out, and `n` says
    how many stayed. With CR2 the errors allow people of one site to resemble each other, and the degrees of freedom
    are Satterthwaite's; 'classical' errors are for studies that allocated people. Where sites count alike, a person
    weighs one over the people of their site who stayed: without baseline and covariates that is the difference between
    the arms' plain averages of site means.

    Parameters
    ----------
    rows
        One row a person: `arm` (1 intervention, 0 comparison), `site`, `score`, `baseline` (units of the scale;
        missing as NaN; without that column the outcome has no baseline) and the covariates' columns.
    covariates
        Facts known at entry; categories enter as indicators with the first level as reference.
    errors
        'CR2', 'CR0', 'CR1', 'CR1S', 'CR3' or 'classical'.
    confidence
        Level of the interval.
    average
        'people' or 'sites': who counts alike. Sites need errors by site.

    Returns
    -------
    Fitted
        One answer, the adjusted difference (intervention minus comparison), and every coefficient.

    Raises
    ------
    AnalysisError
        When an arm is empty or a term is determined by the others.

    References
    ----------
    Bell RM, McCaffrey DF. Survey Methodology 2002;28:169-181.
    Pustejovsky JE, Tipton E. J Bus Econ Stat 2018;36:672-683. doi:10.1080/07350015.2016.1247004
    Kahan BC, Li F, Copas AJ, Harhay MO. Int J Epidemiol 2023;52:107-118. doi:10.1093/ije/dyac131
    Reference: `01_ancova_eq5d12`; `tests/reference/analysis/btheb.R`.
    """
    laid = design(rows, ("score",), baseline_of(rows), covariates)
    fit = adjusted(laid, laid.rows["score"].to_numpy(dtype=float), average, errors)
    found = errors_of(laid, fit, errors)
    method = f"{named('ANCOVA', average)}, {'classical errors' if errors == 'classical' else f'{errors} by site'}"
    inference = Inference(laid, method, confidence, clustered=errors != "classical")
    terms = tuple(
        inference.estimate(term, float(value), (float(error), float(df)))
        for term, value, error, df in zip(laid.terms, fit.beta, found.std_error, found.df, strict=True)
    )
    return Fitted((terms[1],), terms, laid.n, inference.n_clusters, inference.warnings())


def adjusted(laid: Design, outcome: Array, average: str = "people", errors: str = "CR2") -> LeastSquares:
    """Least squares of an outcome (n,) on a design, from sums by site."""
    return least_squares(averaged(from_rows(laid.X, outcome, laid.site, laid.terms), average, errors))


def errors_of(laid: Design, fit: LeastSquares, errors: str) -> Errors:
    """Errors of a fit as named; with one site in an arm, where none by site can be had, those of independent people."""
    few = errors != "classical" and min(laid.n_clusters) < 2
    return classical(fit) if errors == "classical" or few else cluster_robust(fit, errors)
