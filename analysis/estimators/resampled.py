"""Tests of the adjusted difference that lean on sites alone: the wild cluster bootstrap, and permuting sites."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from instruments.plan import Covariate

from ..moments import Moments, from_rows
from ..result import Estimate, Fitted
from ..small_sample import Resampled, permutation_test, wild_cluster_test
from .ancova import ancova
from .design import baseline_of, design
from .inference import CLUSTERS_FOR_ERRORS, CLUSTERS_FOR_P
from .site_average import averaged, named


def wild_bootstrap(
    rows: pd.DataFrame,
    *,
    covariates: Sequence[Covariate],
    errors: str = "CR2",
    confidence: float = 0.95,
    draws: int = 9_999,
    seed: int = 1,
    average: str = "people",
) -> Fitted:
    """Estimate the difference of `ancova`, tested by the wild cluster bootstrap with the null hypothesis imposed.

    Holds its error rate where sites are few and uneven, and asks for no degrees of freedom.

    Parameters
    ----------
    rows, covariates, errors, confidence, average
        As for `ancova`; `errors` are those of the other coefficients.
    draws, seed
        Of the Monte Carlo, where there are more than 14 sites; below that all signs are gone through.

    Returns
    -------
    Fitted
        One answer: the estimate of `ancova`, with the p-value of the bootstrap and the interval of the values that it
        does not refute (a limit is None where none is refuted). No standard error and no degrees of freedom.

    Raises
    ------
    AnalysisError
        As `ancova`.

    References
    ----------
    See `analysis.small_sample.wild_cluster_test`.
    """
    plain = ancova(rows, covariates=covariates, errors=errors, confidence=confidence, average=average)
    if _too_few(plain, CLUSTERS_FOR_ERRORS):
        return plain
    sums = averaged(_moments(rows, covariates), average, errors)
    found = wild_cluster_test(sums, "arm", confidence=confidence, draws=draws, seed=seed)
    return _with(plain, found, f"{named('ANCOVA', average)}, wild cluster bootstrap ({_extent(found, 'signs')})")


def permutation(
    rows: pd.DataFrame,
    *,
    covariates: Sequence[Covariate],
    errors: str = "CR2",
    confidence: float = 0.95,
    draws: int = 99_999,
    seed: int = 1,
    average: str = "people",
) -> Fitted:
    """Estimate the difference of `ancova`, tested by dealing the sites out to the arms in every other way.

    Parameters
    ----------
    rows, covariates, errors, confidence, average
        As for `ancova`; `errors` are those of the other coefficients.
    draws, seed
        Of the Monte Carlo, where there are more than 3 million ways.

    Returns
    -------
    Fitted
        One answer: the estimate of `ancova` with the p-value of the permutation test of adjusted site means, and no
        interval.

    Raises
    ------
    AnalysisError
        As `ancova`, and when a site has people in both arms.

    References
    ----------
    See `analysis.small_sample.permutation_test`.
    """
    plain = ancova(rows, covariates=covariates, errors=errors, confidence=confidence, average=average)
    if _too_few(plain, CLUSTERS_FOR_ERRORS):
        return plain
    found = permutation_test(averaged(_moments(rows, covariates), average, errors), draws=draws, seed=seed)
    return _with(plain, found, f"{named('ANCOVA', average)}, permutation of sites ({_extent(found, 'ways')})")


def _too_few(plain: Fitted, clusters: int) -> bool:
    return plain.n_clusters is not None and min(plain.n_clusters) < clusters


def _moments(rows: pd.DataFrame, covariates: Sequence[Covariate]) -> Moments:
    laid = design(rows, ("score",), baseline_of(rows), covariates)
    return from_rows(laid.X, laid.rows["score"].to_numpy(dtype=float), laid.site, laid.terms)


def _extent(found: Resampled, what: str) -> str:
    return f"all {found.draws:,} {what}" if found.exact else f"{found.draws:,} of the {what} drawn"


def _with(plain: Fitted, found: Resampled, method: str) -> Fitted:
    tested: Estimate = replace(
        plain.main,
        std_error=None,
        df=None,
        conf_low=found.conf_low if math.isfinite(found.conf_low) else None,
        conf_high=found.conf_high if math.isfinite(found.conf_high) else None,
        p_value=None if _too_few(plain, CLUSTERS_FOR_P) else found.p_value,
        method=method,
    )
    return replace(plain, answers=(tested,), terms=(tested,))
