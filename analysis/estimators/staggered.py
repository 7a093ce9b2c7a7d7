"""Staggered roll-out: sites get a link worker at different times, and each start is compared with who has none yet.

Never by one regression with effects of persons and periods: where effects grow or differ, that compares late starters
with early ones and can have the wrong sign. Here every group of one start has its own effect in every period, and the
averages of them say over what they average.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

from instruments.plan import Covariate

from ..moments import Array
from ..result import AnalysisError, Estimate, Fitted
from .design import Design, design
from .doubly_robust import effect_on_treated, error_of
from .inference import Inference

COMPARISONS = ("never", "not yet")
REFERENCES = ("period before", "last before the start")
ALWAYS = "{count} people had a link worker from the first period on; without a before, they are left out."
TREND = (
    "Before the start the groups did not move alike (Wald test, p = {p:.3f}): what is seen after it may be that too."
)


@dataclass(frozen=True, slots=True)
class GroupTime:
    """Effects of each start in each period.

    `laid` the n people and their covariates, with `start` (NaN never) among their rows; `group`, `period`, `effect`
    (k,), `influence` (n, k) of each person on each effect.
    """

    laid: Design
    group: Array
    period: Array
    effect: Array
    influence: Array
    left_out: int

    @property
    def start(self) -> Array:
        """Period in which each person's site starts, NaN never, (n,)."""
        return self.laid.rows["start"].to_numpy(dtype=float)

    @property
    def share(self) -> Array:
        """Share of people in the group of each effect, (k,)."""
        return np.array([(self.start == group).mean() for group in self.group])


def staggered(
    rows: pd.DataFrame,
    *,
    covariates: Sequence[Covariate] = (),
    errors: str = "CR2",
    confidence: float = 0.95,
    method: str = "doubly robust",
    compared_with: str = "never",
    average: str = "simple",
) -> Fitted:
    """Estimate what starting a link worker does, over groups of sites that start at different times.

    Callaway and Sant'Anna: the effect of each group (start) in each period is a difference in differences between the
    last period before the start and that period, against people whose sites have none; effects before the start, from
    each period to the next, show whether the groups moved alike.

    Parameters
    ----------
    rows
        One row a person and period: `person`, `site`, `period` (a number), `start` (the period in which the person's
        site starts; missing for never), `score` (missing as NaN) and the covariates' columns, of which the first
        period's values count. People not seen in every period are left out.
    covariates
        Stable facts given which the groups would have moved alike.
    errors
        'CR2' (Satterthwaite), 'CR0', 'CR1', 'CR1S' by site, or 'classical': people independent, normal.
    confidence
        Level of the intervals.
    method
        'doubly robust', 'regression' or 'weights'.
    compared_with
        'never' (sites without a link worker in all periods) or 'not yet' (also those that start later than both
        periods).
    average
        What to put first: 'simple' (all effects from the start on, by size of group), 'group' (each person's group
        once), 'dynamic' (each time since the start once) or 'calendar' (each period once).

    Returns
    -------
    Fitted
        The four averages, the one asked for first; as terms the effects by group and period (`2004 in 2006`) and by
        time since the start (`start+2`). `n` and `n_clusters` are of people and sites that ever and never start.

    Raises
    ------
    AnalysisError
        When no site never starts, a person has two starts or sites, periods are fewer than two, or covariates tell
        groups apart.

    References
    ----------
    Callaway B, Sant'Anna PHC. J Econometrics 2021;225:200-230. doi:10.1016/j.jeconom.2020.12.001
    Reference: `10_callaway_santanna_mpdta` (did 2.2.0).
    """
    if average not in AVERAGES:
        raise AnalysisError(f"unknown average '{average}'; allowed: {', '.join(AVERAGES)}")
    found = group_time_effects(rows, covariates, method, compared_with)
    label = "errors between people" if errors == "classical" else f"{errors} by site"
    name = f"Callaway-Sant'Anna, {method}, {label}"
    inference = Inference(found.laid, name, confidence, clustered=errors != "classical")

    def estimate(term: str, value: float, influence: Array) -> Estimate:
        fewest = min(found.laid.n_clusters)
        error = error_of(influence, found.laid.X[:, 1], found.laid.site, errors, fewest)
        return inference.estimate(term, value, error)

    averages = {kind: estimate(kind, *average_of(found)) for kind, average_of in AVERAGES.items()}
    first, *others = average, *(kind for kind in AVERAGES if kind != average)
    effects = tuple(
        estimate(f"{group:g} in {period:g}", float(effect), found.influence[:, k])
        for k, (group, period, effect) in enumerate(zip(found.group, found.period, found.effect, strict=True))
    )
    since = tuple(estimate(f"start{e:+g}", *by_time_since(found, e)) for e in np.unique(found.period - found.group))
    answers = tuple(averages[kind] for kind in (first, *others))
    noted = (*inference.warnings(), *warnings_of(found))
    return Fitted(answers, (*effects, *since), found.laid.n, inference.n_clusters, noted)


def group_time_effects(
    rows: pd.DataFrame,
    covariates: Sequence[Covariate] = (),
    method: str = "doubly robust",
    compared_with: str = "never",
    before: str = "period before",
) -> GroupTime:
    """Effects of each start in each period; parameters as for `staggered`.

    `before` is what each period before the start is set against: the 'period before' it, or the 'last before the start'
    as those after it are. The first period, or the last before the start, then has no effect.

    Raises
    ------
    AnalysisError
        As `staggered`.
    """
    if compared_with not in COMPARISONS:
        raise AnalysisError(f"unknown comparison '{compared_with}'; allowed: {', '.join(COMPARISONS)}")
    if before not in REFERENCES:
        raise AnalysisError(f"unknown reference '{before}'; allowed: {', '.join(REFERENCES)}")
    scores, people = _panel(rows)
    periods = scores.columns.to_numpy(dtype=float)
    always = (people["start"] <= periods[0]).to_numpy()
    scores, people = scores[~always], people[~always]
    people = people.assign(start=people["start"].where(people["start"] <= periods[-1]))
    laid = design(people.assign(arm=people["start"].notna().astype(int)), (), None, covariates)
    kept = scores.loc[laid.rows.index].to_numpy(dtype=float)
    pairs = _varying if before == REFERENCES[0] else _universal
    effects = list(_effects(laid, kept, periods, method, compared_with, pairs))
    group, period, effect, influence = (np.array(column, dtype=float) for column in zip(*effects, strict=True))
    return GroupTime(laid, group, period, effect, influence.T, int(always.sum()))


def _panel(rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Scores by person and period, of people seen in every one, and what is known of those people."""
    for name in ("start", "site"):
        if (rows.groupby("person")[name].nunique() > 1).any():
            raise AnalysisError(f"{name}: somebody has two of them; give each person one for all periods")
    if rows.duplicated(["person", "period"]).any():
        raise AnalysisError("somebody has two rows in one period; keep one")
    scores = rows.pivot(index="person", columns="period", values="score").sort_index(axis=1).dropna()
    if len(scores.columns) < 2 or scores.empty:
        raise AnalysisError("nobody was seen in two periods and more; nothing can be compared before and after")
    people = rows.sort_values("period").groupby("person", sort=True).head(1).set_index("person").loc[scores.index]
    if people["start"].isna().sum() == 0 and not (people["start"] > scores.columns[-1]).any():
        raise AnalysisError("no site stays without a link worker; leave out the periods from the last start on")
    return scores, people.drop(columns="score")


Pairs = Callable[[Array, float], Iterator[tuple[int, int]]]
"""Places of the periods that a start has an effect in, each with that of the period that it is set against."""


def _varying(periods: Array, group: float) -> Iterator[tuple[int, int]]:
    last = int(np.searchsorted(periods, group)) - 1
    return ((now, last if periods[now] >= group else now - 1) for now in range(1, len(periods)))


def _universal(periods: Array, group: float) -> Iterator[tuple[int, int]]:
    last = int(np.searchsorted(periods, group)) - 1
    return ((now, last) for now in range(len(periods)) if now != last)


def _effects(
    laid: Design, scores: Array, periods: Array, method: str, compared_with: str, pairs: Pairs
) -> Iterator[tuple[float, float, float, Array]]:
    start = laid.rows["start"].to_numpy(dtype=float)
    X, terms = np.delete(laid.X, 1, axis=1), (laid.terms[0], *laid.terms[2:])
    for group in np.unique(start[~np.isnan(start)]):
        for now, before in pairs(periods, group):
            latest = max(periods[now], periods[before])
            others = np.isnan(start) | ((start > latest) & (compared_with == "not yet") & (start != group))
            used = others | (start == group)
            change = scores[used, now] - scores[used, before]
            arm = (start[used] == group).astype(float)
            effect, own = effect_on_treated(change, arm, X[used], terms, method)
            influence = np.zeros(len(start))
            influence[used] = own * len(start) / used.sum()
            yield float(group), float(periods[now]), effect, influence


# ---------------------------------------------------------------------------- averages

Average = tuple[float, Array]


def _weighted(found: GroupTime, which: NDArray[np.bool_]) -> Average:
    """Average of some effects by the size of their groups, whose shares are estimated too, and its influences."""
    share = found.share[which]
    weights = share / share.sum()
    effect = found.effect[which]
    value = float(weights @ effect)
    member = (found.start[:, None] == found.group[which]) - share
    through_shares = member @ effect / share.sum() - member.sum(axis=1) * (share @ effect) / share.sum() ** 2
    return value, found.influence[:, which] @ weights + through_shares


def _equally(parts: Sequence[Average]) -> Average:
    values, influences = zip(*parts, strict=True)
    return float(np.mean(values)), np.mean(influences, axis=0)


def by_time_since(found: GroupTime, since: float) -> Average:
    """The effect so many periods after the start, over the groups that were seen then."""
    return _weighted(found, found.period - found.group == since)


def _simple(found: GroupTime) -> Average:
    return _weighted(found, found.period >= found.group)


def _group(found: GroupTime) -> Average:
    after = found.period >= found.group
    groups = np.unique(found.group)
    each = [after & (found.group == group) for group in groups]
    effect = np.array([found.effect[which].mean() for which in each])
    influence = np.stack([found.influence[:, which].mean(axis=1) for which in each], axis=1)
    one_each = GroupTime(found.laid, groups, groups, effect, influence, found.left_out)
    return _weighted(one_each, np.full(len(groups), True))


def _dynamic(found: GroupTime) -> Average:
    since = np.unique(found.period - found.group)
    return _equally([by_time_since(found, e) for e in since[since >= 0]])


def _calendar(found: GroupTime) -> Average:
    after = found.period >= found.group
    return _equally([_weighted(found, after & (found.period == period)) for period in np.unique(found.period[after])])


AVERAGES: Mapping[str, Callable[[GroupTime], Average]] = {
    "simple": _simple,
    "group": _group,
    "dynamic": _dynamic,
    "calendar": _calendar,
}


# ---------------------------------------------------------------------------- before the start


def moved_alike(found: GroupTime) -> tuple[float, float] | None:
    """Test whether all effects before the start are nothing: Wald statistic and p-value, people independent.

    None where there is no period to test, or they cannot be told apart.
    """
    before = found.period < found.group
    if not before.any():
        return None
    influence = found.influence[:, before]
    covariance = influence.T @ influence / len(influence) ** 2
    if np.linalg.matrix_rank(covariance, hermitian=True) < before.sum():
        return None
    statistic = float(found.effect[before] @ np.linalg.solve(covariance, found.effect[before]))
    return statistic, float(special.chdtrc(before.sum(), statistic))


def warnings_of(found: GroupTime) -> Iterator[str]:
    """Who was left out, and whether groups moved apart before the start."""
    if found.left_out:
        yield ALWAYS.format(count=found.left_out)
    test = moved_alike(found)
    if test is not None and test[1] < 0.05:
        yield TREND.format(p=test[1])
