"""Controlled interrupted time series: monthly counts of sites before and after the start, level, slope and season."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from ..glm import GAUSSIAN, POISSON
from ..moments import Array, redundant_term
from ..result import AnalysisError, Estimate, Fitted
from .design import Design
from .inference import exponentiated
from .regression import Regression, regression

MONTHS_A_YEAR = 12
MODELS = {"counts": POISSON, "log rates": GAUSSIAN}
OF_SITE = "site="
COLUMNS = ("arm", "site", "month", "count", "years")


def interrupted_series(
    rows: pd.DataFrame,
    *,
    horizon: float,
    errors: str = "CR2",
    confidence: float = 0.95,
    harmonics: int = 1,
    site_effects: bool = True,
    model: str = "counts",
) -> Fitted:
    """Estimate by how much the arms' rates have parted at a named month after the start, levels and slopes allowed.

    Every series has a level and a slope before the start, and may change both at it; what the intervention sites'
    changes have beyond the comparison sites' is the answer. Slopes before the start may differ between the arms, and
    go on as they were; the season is the same for all.

    Parameters
    ----------
    rows
        One row a site and month, none missing: `arm` (1 intervention, 0 comparison), `site`, `month` (whole, 0 the
        first after the start), `count` (events) and `years` (person-years of that month).
    horizon
        Month after the start at which the arms are compared, 0 or later.
    errors
        'CR2', 'CR0', 'CR1', 'CR1S' or 'classical', over all months of a site.
    confidence
        Level of the intervals.
    harmonics
        Pairs of cosine and sine with a period of 12, 6, 4 ... months.
    site_effects
        A level for each site; otherwise one for each arm.
    model
        'counts' (Poisson, offset log person-years) or 'log rates' (least squares of the logarithm of the rate).

    Returns
    -------
    Fitted
        The rate ratio at the horizon and, with 'counts', the rate difference per person-year there, averaged over the
        intervention sites' person-years and the season of the months from the start on. Coefficients, on the log
        scale, are `post` (level), `month` (slope before), `month:post` (change of slope), the season (`cos 1`,
        `sin 1`, ...), and what the intervention arm has beyond: `arm:post`, `arm:month`, `arm:month:post`. `n` counts
        site-months.

    Raises
    ------
    AnalysisError
        When a value is missing, time is not above zero, a month is not whole, an arm is empty, a count of zero has no
        logarithm, or the months cannot tell the terms apart.

    References
    ----------
    Lopez Bernal J, Cummins S, Gasparrini A. Int J Epidemiol 2018;47:2082-2093. doi:10.1093/ije/dyy135
    Reference: `05c_its_cits` (fixest 0.12.2; clubSandwich 0.5.8, but for its degrees of freedom with site effects).
    """
    if model not in MODELS:
        raise AnalysisError(f"unknown model '{model}'; allowed: {', '.join(MODELS)}")
    if horizon < 0:
        raise AnalysisError(f"horizon: {horizon:g} is before the start; name a month from 0 on")
    _refuse(rows, model)
    laid = _design(rows, harmonics, site_effects)
    count, years = (laid.rows[name].to_numpy(dtype=float) for name in ("count", "years"))
    of_counts = model == "counts"
    found = regression(
        laid,
        MODELS[model],
        count if of_counts else np.log(count / years),
        offset=np.log(years) if of_counts else 0.0,
        name="Controlled interrupted time series",
        scale="log rate ratio",
        errors=errors,
        confidence=confidence,
    )
    answers = (_ratio(found, horizon), *((_difference(found, horizon),) if of_counts else ()))
    terms = tuple(term for term in found.terms if not term.term.startswith(OF_SITE))
    return Fitted(answers, terms, laid.n, found.inference.n_clusters, found.inference.warnings())


def _refuse(rows: pd.DataFrame, model: str) -> None:
    if rows[list(COLUMNS)].isna().to_numpy().any():
        raise AnalysisError(f"a month of a site lacks one of {', '.join(COLUMNS)}; fill it in or leave the site out")
    if (rows["years"] <= 0).any():
        raise AnalysisError("the person-years of some month are not above zero; correct them")
    if (rows["month"] % 1 != 0).any():
        raise AnalysisError("month: counts whole months from the start; correct those with a fraction")
    if model == "log rates" and (rows["count"] <= 0).any():
        raise AnalysisError("a month without an event has no logarithm; take the model 'counts'")
    for value, role in ((1, "intervention"), (0, "comparison")):
        own = rows[rows["arm"] == value]
        if not ((own["month"] < 0).any() and (own["month"] >= 0).any()):
            raise AnalysisError(f"the {role} arm has no month before or none after the start; nothing to compare")


def _design(rows: pd.DataFrame, harmonics: int, site_effects: bool) -> Design:
    columns = dict(_columns(rows, harmonics, site_effects))
    X = np.column_stack(list(columns.values()))
    redundant = redundant_term(X.T @ X, tuple(columns))
    if redundant is not None:
        raise AnalysisError(f"the months are too few to tell '{redundant}' from the other terms; name fewer harmonics")
    return Design(X, tuple(columns), rows)


def _columns(rows: pd.DataFrame, harmonics: int, site_effects: bool) -> Iterator[tuple[str, Array]]:
    arm, month = (rows[name].to_numpy(dtype=float) for name in ("arm", "month"))
    yield "(Intercept)", np.ones(len(rows))
    if not site_effects:
        yield "arm", arm
    yield from changes(month)
    yield from season(month, harmonics)
    for name, values in changes(month):
        yield f"arm:{name}", arm * values
    if site_effects:
        codes, names = pd.factorize(rows["site"])
        for code, name in enumerate(names[1:], start=1):
            yield f"{OF_SITE}{name}", (codes == code).astype(float)


def changes(month: Array) -> Iterator[tuple[str, Array]]:
    """Level from the start on, slope, and change of slope from the start on."""
    post = (month >= 0).astype(float)
    yield from {"post": post, "month": month, "month:post": month * post}.items()


def season(month: Array, harmonics: int) -> Iterator[tuple[str, Array]]:
    """Cosines and sines with periods of a year and its fractions."""
    for k in range(1, harmonics + 1):
        yield f"cos {k}", np.cos(2 * np.pi * k * month / MONTHS_A_YEAR)
        yield f"sin {k}", np.sin(2 * np.pi * k * month / MONTHS_A_YEAR)


def _apart(found: Regression, horizon: float) -> Array:
    """The direction of the coefficients that is the log rate ratio at the horizon."""
    parted = {"arm:post": 1.0, "arm:month:post": horizon}
    return np.array([parted.get(term, 0.0) for term in found.laid.terms])


def _ratio(found: Regression, horizon: float) -> Estimate:
    apart = _apart(found, horizon)
    value = float(apart @ found.fit.beta)
    logarithm = found.inference.estimate("arm", value, found.spread.error(apart), "log rate ratio")
    return exponentiated(logarithm, "rate ratio")


def _difference(found: Regression, horizon: float) -> Estimate:
    """Expected rates of the intervention sites at the horizon, less the same without their own changes."""
    after = ((found.laid.rows["arm"] == 1) & (found.laid.rows["month"] >= 0)).to_numpy()
    share = found.laid.rows["years"].to_numpy(dtype=float)[after]
    share = share / share.sum()
    apart = _apart(found, horizon)
    X = found.fit.X[after] + _moved(found, horizon)[after]
    offered = np.exp(X @ found.fit.beta)
    otherwise = offered * np.exp(-apart @ found.fit.beta)
    gradient = share @ (offered[:, None] * X - otherwise[:, None] * (X - apart))
    value = float(share @ (offered - otherwise))
    return found.inference.estimate("arm", value, found.spread.error(gradient), "rate difference", "per person-year")


def _moved(found: Regression, horizon: float) -> Array:
    """What takes each row's design to the horizon: its month changed, its season kept."""
    X, terms = found.fit.X, found.laid.terms
    to = np.zeros_like(X)
    for name in ("month", "month:post", "arm:month", "arm:month:post"):
        j = terms.index(name)
        here = found.laid.rows["arm"].to_numpy(dtype=float) if name.startswith("arm") else 1.0
        to[:, j] = here * horizon - X[:, j]
    return to
