"""Difference-in-differences: change in the intervention arm beyond the change in the comparison arm.

What varies by site from one timepoint to the next (a new doctor, a waiting list) is part of the error of such a
contrast. Here errors by site take it in whatever it is. A mixed model must be told: with a random site and a random
person but no random site x period, the contrast seems to rest on thousands of measurements (2,800 degrees of freedom
on the reference study) where it rests on a few dozen sites (54); see `mixed_model`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from instruments.plan import Covariate

from ..moments import Array, Errors, LeastSquares, classical, cluster_robust, from_rows, least_squares
from ..result import AnalysisError, Estimate, Fitted
from .design import covariate_columns
from .inference import Inference
from .long_rows import ROLES, Codes, LongRows, long_rows, period_columns
from .site_average import averaged, by_sites, named

EFFECTS = ("person", "site")


@dataclass(frozen=True, slots=True)
class _Contrast:
    """Measurements used, the place of the baseline among their timepoints, the effects absorbed, and who counts."""

    found: LongRows
    baseline: int
    effects: str
    average: str = "people"

    @property
    def groups(self) -> Codes:
        """The person or site whose own level is taken out of each row, (n,)."""
        return self.found.person if self.effects == "person" else self.found.site

    @property
    def counted(self) -> NDArray[np.bool_]:
        """Rows that say something, (n,): with person effects, of people measured twice or more."""
        if self.effects == "site":
            return np.ones(len(self.groups), dtype=bool)
        return np.asarray(np.bincount(self.groups)[self.groups] > 1)

    @property
    def people(self) -> NDArray[np.int64]:
        """How many people of each site say something, (G,)."""
        pairs = np.unique(np.column_stack([self.found.site, self.found.person])[self.counted], axis=0)
        return np.bincount(pairs[:, 0], minlength=int(self.found.site.max()) + 1)


def did(
    rows: pd.DataFrame,
    *,
    covariates: Sequence[Covariate],
    errors: str = "CR2",
    confidence: float = 0.95,
    at: object = None,
    baseline: object = None,
    effects: str = "person",
    average: str = "people",
) -> Fitted:
    """Estimate how much more scores changed from the baseline in the intervention arm than in the comparison arm.

    Least squares with an effect of every person and of every timepoint, absorbed exactly however unevenly people were
    measured. It is the effect in the intervention arm if, without the offer, both arms had changed alike: an
    assumption about change, where `ancova` makes one about people alike at the baseline.

    Parameters
    ----------
    rows
        One row a person and timepoint: `person`, `arm` (1 intervention, 0 comparison), `site`, `timepoint` (numbers,
        or an ordered categorical), `score` (units of the scale; missing as NaN, and left out).
    covariates
        Facts known at entry. Those of a person cancel out of a change, so they are used with site effects only; there
        a row without one is left out.
    errors
        'CR2', 'CR0', 'CR1', 'CR1S' or 'CR3' by site; 'classical' for studies that allocated people (with one
        follow-up timepoint this is the t test of change scores).
    confidence
        Level of the interval.
    at
        The follow-up timepoint to set against the baseline; without one, all timepoints after the baseline together,
        and what was measured before it helps to place the level of each person.
    baseline
        The baseline timepoint; the earliest one if none is named.
    effects
        'person', or 'site' where people were not followed (a new sample of each site at each timepoint).
    average
        'people' or 'sites': who counts alike. Where sites do, a person weighs one over the people of their site who say
        something about change; the people have to be followed then, and errors go by site.

    Returns
    -------
    Fitted
        One answer, the difference in change ('arm:after'), and every coefficient. `n` counts the people who say
        something about change: with person effects, those measured at least twice.

    Raises
    ------
    AnalysisError
        When nobody of an arm was measured both before and after, a person has two scores at one timepoint or two
        sites, the timepoint is unknown, or sites are to count alike with effects of sites.

    References
    ----------
    Kahan BC, Li F, Copas AJ, Harhay MO. Int J Epidemiol 2023;52:107-118. doi:10.1093/ije/dyac131 (sites alike)
    Pustejovsky JE, Tipton E. J Bus Econ Stat 2018;36:672-683. doi:10.1080/07350015.2016.1247004 (CR2 when effects are
    absorbed)
    Ding P, Li F. Polit Anal 2019;27:605-615. doi:10.1017/pan.2019.25 (the bracket with ANCOVA)
    Reference: `02_did_eq5d` (fixest 0.12.2, clubSandwich 0.5.8).
    """
    if by_sites(average, errors) and effects == "site":
        raise AnalysisError("sites can count alike where people are followed; take effects of people, 'person'")
    contrast = replace(_contrast(rows, covariates, errors, effects, baseline), average=average)
    if at is not None:
        contrast = _two_timepoints(contrast, at)
    found = contrast.found
    after = (found.period > contrast.baseline).astype(float)
    _refuse_without_change(contrast, after)
    terms, inference = _estimates(contrast, iter([("arm:after", found.arm * after)]), covariates, errors, confidence)
    return Fitted(terms[:1], terms, inference.design.n, inference.n_clusters, inference.warnings())


def event_study(
    rows: pd.DataFrame,
    *,
    covariates: Sequence[Covariate],
    errors: str = "CR2",
    confidence: float = 0.95,
    baseline: object = None,
    effects: str = "person",
) -> Fitted:
    """Estimate the difference in change from the baseline at every other timepoint.

    As `did`, with a coefficient for each timepoint. Those before the baseline say whether the arms moved alike while
    nothing had been offered yet.

    Parameters
    ----------
    rows, covariates, errors, confidence, baseline, effects
        As for `did`.

    Returns
    -------
    Fitted
        One answer a timepoint other than the baseline, in order ('arm:timepoint=3' and so on).

    Raises
    ------
    AnalysisError
        As `did`.

    References
    ----------
    As for `did`; reference: `02_did_eq5d` (`event_study_cluster_practice`).
    """
    contrast = _contrast(rows, covariates, errors, effects, baseline)
    found = contrast.found
    _refuse_without_change(contrast, (found.period != contrast.baseline).astype(float))
    crossed = [(f"arm:{name}", found.arm * column) for name, column in period_columns(found, contrast.baseline)]
    terms, inference = _estimates(contrast, iter(crossed), covariates, errors, confidence)
    return Fitted(terms[: len(crossed)], terms, inference.design.n, inference.n_clusters, inference.warnings())


def _contrast(
    rows: pd.DataFrame, covariates: Sequence[Covariate], errors: str, effects: str, baseline: object
) -> _Contrast:
    if effects not in EFFECTS:
        raise AnalysisError(f"unknown effects '{effects}'; allowed: {', '.join(EFFECTS)}")
    by_site = errors != "classical" or effects == "site"
    found = long_rows(rows, covariates if effects == "site" else (), by_site=by_site)
    return _Contrast(found, 0 if baseline is None else found.place(baseline), effects)


def _two_timepoints(contrast: _Contrast, at: object) -> _Contrast:
    """The same with the baseline and one other timepoint alone."""
    found = contrast.found
    place = found.place(at)
    if place <= contrast.baseline:
        raise AnalysisError(f"timepoint '{at}' is not after the baseline; name a later one")
    kept = (found.period == contrast.baseline) | (found.period == place)
    few = LongRows(
        found.rows[kept],
        (found.timepoints[contrast.baseline], found.timepoints[place]),
        np.unique(found.person[kept], return_inverse=True)[1],
        np.unique(found.site[kept], return_inverse=True)[1],
        (found.period[kept] == place).astype(np.int64),
    )
    return replace(contrast, found=few, baseline=0)


def _refuse_without_change(contrast: _Contrast, after: Array) -> None:
    """Each arm needs a person, or a site, measured on both sides of the contrast."""
    rows = np.bincount(contrast.groups)
    later = np.bincount(contrast.groups, after)
    both = (later > 0) & (later < rows)
    arm = np.zeros(len(rows))
    arm[contrast.groups] = contrast.found.arm
    for value, role in ROLES:
        if not both[arm == value].any():
            who = "nobody" if contrast.effects == "person" else "no site"
            raise AnalysisError(f"the {role} arm has {who} measured both before and after; there is no change to see")


def _estimates(
    contrast: _Contrast,
    effects: Iterator[tuple[str, Array]],
    covariates: Sequence[Covariate],
    errors: str,
    confidence: float,
) -> tuple[tuple[Estimate, ...], Inference]:
    """Every coefficient, those of the arm first."""
    found = contrast.found
    columns = dict(effects) | dict(period_columns(found, contrast.baseline))
    if contrast.effects == "site":
        columns |= dict(covariate_columns(found.rows, covariates))
    table = np.column_stack([*columns.values(), found.score])
    within = absorbed(table, contrast.groups)
    by = found.site if errors != "classical" else found.person
    sums = from_rows(within[:, :-1], within[:, -1], by, tuple(columns))
    alike = contrast.average == "sites"
    fit = least_squares(averaged(sums, contrast.average, errors, contrast.people if alike else None))
    people = found.people(contrast.counted)
    lone = errors != "classical" and min(people.n_clusters) < 2
    spread = _errors(fit, "classical" if lone else errors, int(contrast.groups.max()) + 1)
    label = "classical errors" if errors == "classical" else f"{errors} by site"
    method = (
        f"{named(f'Difference-in-differences with {contrast.effects} and period effects', contrast.average)}, {label}"
    )
    inference = Inference(people, method, confidence, clustered=errors != "classical")
    given = zip(columns, fit.beta, spread.std_error, spread.df, strict=True)
    return tuple(inference.estimate(name, float(b), (float(se), float(df))) for name, b, se, df in given), inference


def absorbed(table: Array, groups: Codes) -> Array:
    """Every column (n, k) less its mean in the row's group (n,): what a least-squares effect of each group leaves."""
    size = np.bincount(groups)
    left = np.empty_like(table)
    for j, column in enumerate(table.T):
        left[:, j] = column - (np.bincount(groups, column) / size)[groups]
    return left


def _errors(fit: LeastSquares, errors: str, groups: int) -> Errors:
    """Errors after absorbing the effects of so many groups.

    Those lie within sites, so errors by site do not see them, but that CR1S counts the overall mean among the terms;
    classical errors lose a degree of freedom for each.
    """
    p = len(fit.beta)
    if errors == "classical":
        df = fit.n - groups - p
        if df < 1:
            raise AnalysisError("too few people were measured twice to judge how changes vary; more are needed")
        plain = classical(fit)
        return Errors(plain.covariance * (fit.n - p) / df, np.full(p, float(df)))
    found = cluster_robust(fit, errors)
    if errors == "CR1S":
        return replace(found, covariance=found.covariance * (fit.n - p) / (fit.n - p - 1))
    return found
