"""Event study of counts: how far the arms' rates have parted in every period before and after the start."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from scipy import special

from ..glm import POISSON
from ..moments import Array, Moments, from_rows, least_squares, redundant_term
from ..result import AnalysisError, Course, Estimate, Fitted, PreTrend
from ..small_sample import joint_test
from .design import Design
from .inference import CLUSTERS_FOR_P, exponentiated
from .regression import Regression, regression

LAST_BEFORE = -1
COLUMNS = ["arm", "site", "period", "count", "years"]
TOO_FEW = "with fewer than {fewest} sites in an arm it cannot be tested whether the arms moved alike before the start"
ONE_PERIOD = "there is one period before the start only, so it cannot be seen whether the arms moved alike"


def count_event_study(rows: pd.DataFrame, *, errors: str = "CR2", confidence: float = 0.95) -> Fitted:
    """Estimate the ratio of the arms' rates in every period against the last one before the start.

    Poisson regression with a level for each site, one for each period, and what the intervention arm has beyond in each
    period but the last before the start. Before the start these say whether the arms moved alike; after it they are
    the effect, if the arms would have gone on moving alike.

    Parameters
    ----------
    rows
        One row a site and period, none missing: `arm` (1 intervention, 0 comparison), `site`, `period` (whole, 0 the
        first from the start on), `count` (events) and `years` (person-years).
    errors
        'CR2', 'CR0', 'CR1', 'CR1S' or 'classical', over all periods of a site.
    confidence
        Level of the intervals.

    Returns
    -------
    Fitted
        The rate ratio from the start on (geometric mean of its periods) and the rate difference per person-year that it
        makes in the intervention arm there. Terms are logarithms of rate ratios by period since the start ('start-3',
        'start+0', ...; the last before the start is the reference). `pre_trend` tests all terms before the start at
        once: with CR2 errors by Hotelling's T-squared, whose degrees of freedom fall with the number of sites.
        `course` has the terms with their covariance, from the same errors.
        `n` counts site-periods.

    Raises
    ------
    AnalysisError
        When a value is missing, time is not above zero, an arm or the last period before the start is empty, an arm has
        no event in some period, or the fit does not settle.

    References
    ----------
    Freyaldenhoven S, Hansen C, Shapiro JM. Am Econ Rev 2019;109:3307-3338. doi:10.1257/aer.20180609
    Pustejovsky JE, Tipton E. J Bus Econ Stat 2018;36:672-683. doi:10.1080/07350015.2016.1247004 (the joint test)
    Reference: with person-years that do not change, ratios of the arms' totals, and errors worked out apart, on the
    months of `05c_its_cits`: `tests/reference/analysis/test_count_event_study.py`.
    """
    _refuse(rows)
    laid = _design(rows)
    count, years = (laid.rows[name].to_numpy(dtype=float) for name in ("count", "years"))
    found = regression(
        laid,
        POISSON,
        count,
        offset=np.log(years),
        name="Event study of counts",
        scale="log rate ratio",
        errors=errors,
        confidence=confidence,
    )
    terms = tuple(term for term in found.terms if term.term.startswith("start"))
    answers = (_ratio(found), _difference(found))
    return Fitted(
        answers,
        terms,
        laid.n,
        found.inference.n_clusters,
        found.inference.warnings(),
        units="site-periods",
        events=events_behind(rows, "period"),
        pre_trend=_moved_alike(found, errors),
        course=_course(found),
    )


def _refuse(rows: pd.DataFrame) -> None:
    if rows[COLUMNS].isna().to_numpy().any():
        raise AnalysisError(f"a period of a site lacks one of {', '.join(COLUMNS)}; fill it in or leave the site out")
    if (rows["years"] <= 0).any():
        raise AnalysisError("the person-years of some period are not above zero; correct them")
    seen = rows.pivot_table(index="period", columns="arm", values="count", aggfunc="sum")
    for value, role in ((1, "intervention"), (0, "comparison")):
        own = seen.get(value, pd.Series(dtype=float)).dropna()
        if LAST_BEFORE not in own.index or not (own.index >= 0).any():
            raise AnalysisError(f"the {role} arm has no period just before or none after the start; nothing to compare")
        if (own == 0).any():
            raise AnalysisError(f"the {role} arm has no event in period {own.idxmin():g}; name longer periods")


def _design(rows: pd.DataFrame) -> Design:
    columns = dict(_columns(rows))
    X = np.column_stack(list(columns.values()))
    redundant = redundant_term(X.T @ X, tuple(columns))
    if redundant is not None:
        raise AnalysisError(f"the sites are too few or lack periods, so '{redundant}' cannot be told apart; add them")
    return Design(X, tuple(columns), rows)


def _columns(rows: pd.DataFrame) -> Iterator[tuple[str, Array]]:
    arm, period = (rows[name].to_numpy(dtype=float) for name in ("arm", "period"))
    others = [int(each) for each in np.unique(period) if each != LAST_BEFORE]
    yield "(Intercept)", np.ones(len(rows))
    for each in others:
        yield since_start(each), arm * (period == each)
    for each in others:
        yield f"period {each:+d}", (period == each).astype(float)
    codes, names = pd.factorize(rows["site"], sort=True)
    for code, name in enumerate(names[1:], start=1):
        yield f"site={name}", (codes == code).astype(float)


def since_start(periods: float) -> str:
    """The term of so many periods after the start."""
    return f"start{periods:+g}"


def periods_of(term: str) -> int | None:
    """How many periods after the start a term is about; None for another term."""
    return int(term.removeprefix("start")) if term.startswith("start") else None


def events_behind(rows: pd.DataFrame, time: str) -> dict[str, int]:
    """By term and for the answer ('arm'), the events of the arm that had fewer."""
    least = rows.pivot_table(index=time, columns="arm", values="count", aggfunc="sum", fill_value=0).min(axis=1)
    sides = rows.assign(after=rows[time] >= 0).groupby(["arm", "after"])["count"].sum()
    terms = map(since_start, least.index)
    return dict(zip(terms, least.astype(int).tolist(), strict=True)) | {"arm": int(sides.min())}


def _course(found: Regression) -> Course:
    own = {place: since for place, term in enumerate(found.laid.terms) if (since := periods_of(term)) is not None}
    places = list(own)
    effects, covariance = found.fit.beta[places], found.spread.covariance[np.ix_(places, places)]
    after = sum(since >= 0 for since in own.values())
    rows = tuple(tuple(row) for row in covariance.tolist())
    sites = found.laid.n_clusters
    return Course(tuple(own.values()), tuple(effects.tolist()), rows, sum(sites) - 2, (1 / after,) * after, sites)


def _after(found: Regression) -> Array:
    """The direction of the coefficients that is the mean of those from the start on."""
    which = [(since := periods_of(term)) is not None and since >= 0 for term in found.laid.terms]
    return np.array(which, dtype=float) / sum(which)


def _ratio(found: Regression) -> Estimate:
    mean = _after(found)
    value = float(mean @ found.fit.beta)
    logarithm = found.inference.estimate("arm", value, found.spread.error(mean), "log rate ratio")
    return exponentiated(logarithm, "rate ratio")


def _difference(found: Regression) -> Estimate:
    """Expected rate of the intervention sites from the start on, less the same without their own terms."""
    after = ((found.laid.rows["arm"] == 1) & (found.laid.rows["period"] >= 0)).to_numpy()
    share = found.laid.rows["years"].to_numpy(dtype=float)[after]
    X = found.fit.X[after]
    own = np.array([periods_of(term) is not None for term in found.laid.terms])
    otherwise_X = np.where(own, 0.0, X)
    offered = np.exp(X @ found.fit.beta)
    otherwise = np.exp(otherwise_X @ found.fit.beta)
    gradient = share @ (offered[:, None] * X - otherwise[:, None] * otherwise_X) / share.sum()
    value = float(share @ (offered - otherwise) / share.sum())
    return found.inference.estimate("arm", value, found.spread.error(gradient), "rate difference", "per person-year")


# ---------------------------------------------------------------------------- before the start


def _moved_alike(found: Regression, errors: str) -> PreTrend | str:
    before = [term for term in found.laid.terms if (since := periods_of(term)) is not None and since < LAST_BEFORE]
    if not before:
        return ONE_PERIOD
    if found.inference.fewest < CLUSTERS_FOR_P:
        return TOO_FEW.format(fewest=CLUSTERS_FOR_P)
    if errors == "classical":
        return _by_model(found, before)
    try:
        tested = joint_test(least_squares(_weighted(found)), before)
    except AnalysisError as error:
        return f"whether the arms moved alike before the start was not tested: {error}"
    return PreTrend(tested.statistic, tested.df, tested.p_value)


def _weighted(found: Regression) -> Moments:
    """Cross-products of the least-squares problem that the last step of the fit solved, rows of equal variance."""
    fit = found.fit
    root = np.sqrt(fit.mu)
    working = fit.X @ fit.beta + fit.residual / fit.mu
    return from_rows(root[:, None] * fit.X, root * working, fit.site, found.laid.terms)


def _by_model(found: Regression, before: list[str]) -> PreTrend:
    chosen = [found.laid.terms.index(term) for term in before]
    beta, covariance = found.fit.beta[chosen], found.spread.covariance[np.ix_(chosen, chosen)]
    df = (float(len(chosen)), float(found.spread.df or np.inf))
    statistic = float(beta @ np.linalg.solve(covariance, beta)) / df[0]
    return PreTrend(statistic, df, float(special.fdtrc(*df, statistic)))
