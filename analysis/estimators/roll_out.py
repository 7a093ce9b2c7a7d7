"""Staggered roll-out seen in the rates of sites: Callaway and Sant'Anna's answer, and Sun and Abraham's check."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

from ..glm import GAUSSIAN, Spread, fit, spread
from ..moments import Array
from ..result import AnalysisError, Course, Estimate, Fitted, PreTrend
from .count_event_study import since_start
from .course import course_of
from .design import Design
from .did import absorbed
from .inference import CLUSTERS_FOR_P, Inference, exponentiated
from .staggered import (
    REFERENCES,
    Average,
    GroupTime,
    by_time_since,
    estimated,
    few_together,
    from_the_start_on,
    group_time_effects,
    moved_alike,
    staggered,
    warnings_of,
)

COLUMNS = ["site", "period", "count", "years"]
NO_LOGARITHM = (
    "In {count} of the site-periods nothing happened: the ratio of rates cannot be given, and rates are compared by "
    "their difference alone. Longer periods would mend that."
)
NO_PER_CENT = "in some period of a site nothing happened, so that no ratio is known that a bend could be a part of"
ALWAYS = "{count} sites were in the intervention arm from the first period on; without a before, they are left out."
Fit = Callable[[pd.DataFrame], Fitted]


def callaway_santanna(rows: pd.DataFrame, *, errors: str = "CR2", confidence: float = 0.95) -> Fitted:
    """Estimate what starting did to the rates of sites that start at different times.

    `staggered` on the logarithm of each site's rate, and on the rate itself: every start in every period is compared,
    since the period before it, with sites that never start. Sites count alike, whatever their size.

    Parameters
    ----------
    rows
        One row a site and period, none missing: `site`, `period` (a number), `start` (the period in which the site
        starts; missing for never), `count` (events) and `years` (person-years).
    errors
        'CR2', 'CR0', 'CR1', 'CR1S', or 'classical' (normal); sites are the units of all of them.
    confidence
        Level of the intervals.

    Returns
    -------
    Fitted
        The rate ratio and the rate difference per person-year, averaged over all starts and periods from the start on
        by number of sites; the difference alone where a site-period has no event. Terms, logarithms of rate ratios, are
        other averages ('group', 'dynamic', 'calendar'), effects by start and period, and by time since the start
        ('start-2', ...): before it each from the period before, so that all of them should be nothing. `pre_trend`
        tests that. `course` has the effects by time since the start anew, before it too against the last period before.
        `n` counts sites that ever and never start.

    Raises
    ------
    AnalysisError
        When a value is missing, time is not above zero, no site never starts, or periods are fewer than two.

    References
    ----------
    Callaway B, Sant'Anna PHC. J Econometrics 2021;225:200-230. doi:10.1016/j.jeconom.2020.12.001
    Reference: `10_callaway_santanna_mpdta` (did 2.2.0), whose outcome is the logarithm of a count.
    """

    def average(panel: pd.DataFrame) -> Fitted:
        return _of_sites(staggered(panel, errors=errors, confidence=confidence))

    found = group_time_effects(_panel(rows, logarithm=False))
    return replace(_both(rows, average, found, errors), course=_course(rows, errors))


def sun_abraham(rows: pd.DataFrame, *, errors: str = "CR2", confidence: float = 0.95) -> Fitted:
    """Estimate the same by Sun and Abraham's event study, as a check.

    Least squares with a level for each site and each period, and a term for every start in every period but the last
    before it; the terms of one time since the start are averaged by the number of sites behind them. Sites that never
    start are the comparison.

    Parameters
    ----------
    rows, errors, confidence
        As for `callaway_santanna`; with 'classical' errors are robust ones between sites. 'CR2' are those of
        `callaway_santanna` too, by sums of mean series: in a regression a site that starts alone fits without error.

    Returns
    -------
    Fitted
        The rate ratio and the rate difference as `callaway_santanna`; terms by time since the start, all against the
        last period before it. Shares of sites are taken as given.

    Raises
    ------
    AnalysisError
        As `callaway_santanna`.

    References
    ----------
    Sun L, Abraham S. J Econometrics 2021;225:175-199. doi:10.1016/j.jeconom.2020.09.006
    Reference: `10_callaway_santanna_mpdta` (`sunab` of fixest 0.12.2).
    """

    def average(panel: pd.DataFrame) -> Fitted:
        return _interaction_weighted(panel, errors, confidence)

    found = group_time_effects(_panel(rows, logarithm=False))
    return replace(_both(rows, average, found, errors), pre_trend=None)


def _of_sites(found: Fitted) -> Fitted:
    """The same, said of sites, which stand in the place of people here."""

    def said(estimates: tuple[Estimate, ...]) -> tuple[Estimate, ...]:
        return tuple(replace(each, method=each.method.replace("between people", "between sites")) for each in estimates)

    return replace(found, answers=said(found.answers), terms=said(found.terms))


def _both(rows: pd.DataFrame, average: Fit, found: GroupTime, errors: str) -> Fitted:
    """The ratio, where every site-period has an event, and the difference, with what both of them rest on."""
    ratio = average(_panel(rows, logarithm=False))
    difference = replace(ratio.main, scale="rate difference", unit="per person-year")
    if empty := int((rows["count"] == 0).sum()):
        answers: tuple[Estimate, ...] = (difference,)
        scale, unit = "rate difference", "per person-year"
    else:
        ratio = average(_panel(rows, logarithm=True))
        found = group_time_effects(_panel(rows, logarithm=True))
        answers = (exponentiated(ratio.main, "rate ratio"), difference)
        scale, unit = "log rate ratio", ""
    terms = tuple(replace(term, scale=scale, unit=unit) for term in (*ratio.terms, *ratio.answers[1:]))
    return Fitted(
        answers,
        terms,
        ratio.n,
        ratio.n_clusters,
        (*_noted(ratio, found), *([NO_LOGARITHM.format(count=empty)] if empty else [])),
        units="sites",
        events=_events(rows),
        pre_trend=_moved_alike(found, errors),
    )


def _course(rows: pd.DataFrame, errors: str) -> Course | str:
    return NO_PER_CENT if (rows["count"] == 0).any() else course_of(_panel(rows, logarithm=True), errors)


def _panel(rows: pd.DataFrame, *, logarithm: bool) -> pd.DataFrame:
    """One row a site and period as `staggered` takes it, the site in the person's place."""
    if rows[COLUMNS].isna().to_numpy().any():
        raise AnalysisError(f"a period of a site lacks one of {', '.join(COLUMNS)}; fill it in or leave the site out")
    if (rows["years"] <= 0).any():
        raise AnalysisError("the person-years of some period are not above zero; correct them")
    rate = rows["count"] / rows["years"]
    return rows.assign(person=rows["site"], score=np.log(rate) if logarithm else rate)


def _noted(ratio: Fitted, found: GroupTime) -> tuple[str, ...]:
    """Warnings about sites; whether the groups moved alike is told with its test."""
    own = set(warnings_of(found))
    kept = tuple(warning for warning in ratio.warnings if warning not in own)
    return (*kept, ALWAYS.format(count=found.left_out)) if found.left_out else kept


def _events(rows: pd.DataFrame) -> dict[str, int]:
    """By term the events of the sites that it is about, or of those they are compared with, whichever are fewer."""
    never = rows["start"].isna() | (rows["start"] > rows["period"].max())
    others = int(rows[never].groupby("period")["count"].sum().min())
    own = rows[~never & (rows["start"] > rows["period"].min())]
    found = {since_start(e): int(n) for e, n in own.groupby(own["period"] - own["start"])["count"].sum().items()}
    for (group, period), n in own.groupby(["start", "period"])["count"].sum().items():
        found[f"{group:g} in {period:g}"] = int(n)
    found |= dict.fromkeys(("simple", "group", "dynamic", "calendar"), int(own["count"].sum()))
    return {term: min(n, others) for term, n in found.items()}


def _moved_alike(found: GroupTime, errors: str) -> PreTrend | str:
    """All effects before the start at once: chi-squared for many independent units, Hotelling's T-squared for sites."""
    before = found.period < found.group
    q, sites = int(before.sum()), len(found.influence)
    if q == 0:
        return "no site has two periods before its start, so it cannot be seen whether sites moved alike"
    tested = moved_alike(found) if errors == "classical" else _of_few_sites(found, before)
    if tested is None or min(found.laid.n_clusters) < CLUSTERS_FOR_P:
        return f"{sites} sites are too few to test {q} effects before the start at once"
    return tested if isinstance(tested, PreTrend) else PreTrend(tested[0], (float(q), np.inf), tested[1])


def _of_few_sites(found: GroupTime, before: NDArray[np.bool_]) -> PreTrend | None:
    """Hotelling's test of effects, by the covariance and the degrees of freedom of sites that start together."""
    starts, on, effect = found.starts, found.on[:, before], found.effect[before]
    q, df = len(effect), starts.df(on)
    if df < q:
        return None
    statistic = (df - q + 1) / (df * q) * float(effect @ np.linalg.solve(starts.covariance(on), effect))
    return PreTrend(statistic, (float(q), df - q + 1), float(special.fdtrc(q, df - q + 1, statistic)))


# ---------------------------------------------------------------------------- Sun and Abraham


@dataclass(frozen=True, slots=True)
class _Cells:
    """Terms of the regression in their order: start and time since it, each (k,), and sites behind each."""

    start: Array
    since: Array
    sites: Array

    def mean_of(self, which: Array, p: int) -> Array:
        """The direction of the p coefficients that averages some of the terms by their sites."""
        direction = np.zeros(p)
        direction[: len(which)] = which * self.sites / (which @ self.sites)
        return direction


def _interaction_weighted(panel: pd.DataFrame, errors: str, confidence: float) -> Fitted:
    found = group_time_effects(panel, before=REFERENCES[1])  # refuses what cannot be compared, and says who stays
    laid = found.laid
    if errors == "CR2":
        return _by_starts(found, confidence)
    kept = panel[panel["person"].isin(laid.rows.index)].sort_values(["person", "period"])
    kept = kept.assign(start=kept["person"].map(laid.rows["start"]))
    cells, X, terms = _interactions(kept)
    site = pd.factorize(kept["person"])[0]
    within = absorbed(np.column_stack([X, kept["score"].to_numpy(dtype=float)]), site)
    unit = site if errors == "classical" else pd.factorize(kept["site"])[0]
    spreading, beta = _least_squares(within, unit, terms, _kind(errors, laid))
    label = "robust errors between sites" if errors == "classical" else f"{errors} by site"
    inference = Inference(laid, f"Sun-Abraham, {label}", confidence, clustered=errors != "classical")

    def estimate(term: str, which: NDArray[np.bool_]) -> Estimate:
        direction = cells.mean_of(which.astype(float), len(beta))
        return inference.estimate(term, float(direction @ beta), spreading.error(direction))

    answer = estimate("simple", cells.since >= 0)
    since = tuple(estimate(since_start(each), cells.since == each) for each in np.unique(cells.since))
    noted = (*inference.warnings(), *few_together(found, errors))
    return Fitted((answer,), since, laid.n, inference.n_clusters, noted)


def _by_starts(found: GroupTime, confidence: float) -> Fitted:
    """The same without a regression, whose sites would fit where one starts alone: each term is a sum of means."""
    inference = Inference(found.laid, "Sun-Abraham, CR2 by site", confidence, clustered=True)

    def estimate(term: str, average: Average) -> Estimate:
        given = replace(average, by_share=np.zeros_like(average.by_share))
        return estimated(found, inference, "CR2", term, given)

    answer = estimate("simple", from_the_start_on(found))
    since = np.unique(found.period - found.group)
    terms = tuple(estimate(since_start(each), by_time_since(found, each)) for each in since)
    noted = (*inference.warnings(), *few_together(found, "CR2"))
    return Fitted((answer,), terms, found.laid.n, inference.n_clusters, noted)


def _kind(errors: str, laid: Design) -> str:
    """The kind of robust errors; where an arm has one site they are worked out in some way and never shown."""
    return "CR1S" if errors == "classical" or min(laid.n_clusters) < 2 else errors


def _interactions(panel: pd.DataFrame) -> tuple[_Cells, Array, tuple[str, ...]]:
    """Columns of every start in every period but the last before it, then of every period but the first."""
    start, period = (panel[name].to_numpy(dtype=float) for name in ("start", "period"))
    times = np.unique(period)
    groups = np.unique(start[~np.isnan(start)])
    columns, found = {}, []
    for group in groups:
        before = times[times < group].max()
        for now in times[times != before]:
            own = (start == group) & (period == now)
            columns[f"{group:g} in {now:g}"] = own.astype(float)
            found.append((group, now - group, own.sum()))
    for now in times[1:]:
        columns[f"period {now:g}"] = (period == now).astype(float)
    cells = _Cells(*(np.array(column, dtype=float) for column in zip(*found, strict=True)))
    return cells, np.column_stack(list(columns.values())), tuple(columns)


def _least_squares(within: Array, unit: NDArray[Any], terms: Sequence[str], errors: str) -> tuple[Spread, Array]:
    """Errors of any direction of the coefficients, and these; the correction of CR1S counts the overall mean."""
    X, y = within[:, :-1], within[:, -1]
    found = fit(GAUSSIAN, X, y, site=unit, terms=terms)
    spreading = spread(found, errors)
    if errors == "CR1S":
        n, p = X.shape
        spreading = replace(spreading, covariance=spreading.covariance * (n - p) / (n - p - 1))
    return spreading, found.beta
