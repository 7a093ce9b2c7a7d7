"""Staggered roll-out: sites get a link worker at different times, and each start is compared with who has none yet.

Never by one regression with effects of persons and periods: where effects grow or differ, that compares late starters
with early ones and can have the wrong sign. Here every group of one start has its own effect in every period, and the
averages of them say over what they average.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

from instruments.plan import Covariate

from ..moments import Array
from ..result import AnalysisError, Estimate, Fitted
from .design import Design, design
from .doubly_robust import effect_on_treated, error_of
from .inference import CLUSTERS_FOR_ERRORS, CLUSTERS_FOR_P, Inference
from .starts import Starts, positive, starts_of

COMPARISONS = ("never", "not yet")
REFERENCES = ("period before", "last before the start")
ALWAYS = "{count} people had a link worker from the first period on; without a before, they are left out."
TREND = (
    "Before the start the groups did not move alike (Wald test, p = {p:.3f}): what is seen after it may be that too."
)
FEW_TOGETHER = (
    f"Fewer than {CLUSTERS_FOR_P} sites start at one of the times. How far chance goes there is taken from how all "
    "sites vary around those that start when they do: if sites of that start vary more than others, intervals are too "
    "short."
)
NOT_KNOWN = (
    f"Fewer than {CLUSTERS_FOR_P} sites start at one of the times, too few to tell chance there from an effect: no "
    "interval and no p-value are given for what rests on them. A longer period puts more of them together."
)
TOO_SMALL = (
    "Fewer than {count} sites start at one of the times, and '{errors}' errors take too little chance for so few; "
    "name CR2."
)


@dataclass(frozen=True, slots=True)
class GroupTime:
    """Effects of each start in each period.

    `laid` the n people and their covariates, with `start` (NaN never) among their rows; `group`, `period`, `effect`
    (k,), `influence` (n, k) of each person on each effect. `on` (h, k, t) is what each effect counts of the mean score
    of each start in each period, covariates apart; those that never start are the last. `place` (n,) says which start,
    0 to h - 1, each person's site has, `starts` how those that start together vary, `sites` (h,) how many they are.
    """

    laid: Design
    group: Array
    period: Array
    effect: Array
    influence: Array
    on: Array
    left_out: int
    place: NDArray[np.int_]
    starts: Starts
    sites: Array

    @property
    def start(self) -> Array:
        """Period in which each person's site starts, NaN never, (n,)."""
        return self.laid.rows["start"].to_numpy(dtype=float)

    @property
    def share(self) -> Array:
        """Share of people in the group of each effect, (k,)."""
        return np.array([(self.start == group).mean() for group in self.group])

    @property
    def of_sites(self) -> bool:
        """Whether every person is a site of their own and there are no covariates: effects are sums of means then."""
        return self.laid.X.shape[1] == 2 and bool(self.sites.sum() == len(self.place))

    def involved(self, weights: Array) -> NDArray[np.bool_]:
        """Which starts, without those that never start, effects of these weights (k,) have to do with, (h - 1,)."""
        return np.asarray((np.tensordot(weights, self.on, (0, 1)) != 0).any(axis=1)[:-1])


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
        'CR2': sites vary around those that start with them, whose number less one counts (see `errors_of`); 'CR0',
        'CR1', 'CR1S' by site, or 'classical': people independent, normal. Those take too little chance for starts of
        few sites.
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

    def estimate(term: str, average: Average) -> Estimate:
        return estimated(found, inference, errors, term, average)

    averages = {kind: estimate(kind, average_of(found)) for kind, average_of in AVERAGES.items()}
    first, *others = average, *(kind for kind in AVERAGES if kind != average)
    effects = tuple(
        estimate(f"{group:g} in {period:g}", Average(alone, np.zeros(found.on.shape[:2])))
        for group, period, alone in zip(found.group, found.period, np.eye(len(found.group)), strict=True)
    )
    since = tuple(estimate(f"start{e:+g}", by_time_since(found, e)) for e in np.unique(found.period - found.group))
    answers = tuple(averages[kind] for kind in (first, *others))
    noted = (*inference.warnings(), *few_together(found, errors), *warnings_of(found))
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
    group, period, effect, influence, on = (np.array(column, dtype=float) for column in zip(*effects, strict=True))
    place = _places(laid.rows["start"].to_numpy(dtype=float))[1]
    sites = np.array(laid.rows["site"].groupby(place).nunique(), dtype=float)
    on = np.swapaxes(on, 0, 1)
    return GroupTime(
        laid, group, period, effect, influence.T, on, int(always.sum()), place, starts_of(kept, place), sites
    )


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


def _places(start: Array) -> tuple[Array, NDArray[np.int_]]:
    """The starts there are, never (infinite) the last, (h,), and which of them everybody has, (n,)."""
    starts, place = np.unique(np.where(np.isnan(start), np.inf, start), return_inverse=True)
    return starts, place


def _effects(
    laid: Design, scores: Array, periods: Array, method: str, compared_with: str, pairs: Pairs
) -> Iterator[tuple[float, float, float, Array, Array]]:
    start = laid.rows["start"].to_numpy(dtype=float)
    X, terms = np.delete(laid.X, 1, axis=1), (laid.terms[0], *laid.terms[2:])
    starts, place = _places(start)
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
            on = np.zeros((len(starts), len(periods)))
            on[:, now] = np.bincount(place, (start == group) / arm.sum() - others / others.sum())
            on[:, before] = -on[:, now]
            yield float(group), float(periods[now]), effect, influence, on


# ---------------------------------------------------------------------------- averages


@dataclass(frozen=True, slots=True)
class Average:
    """A sum of effects, `weights` (k,), and what each effect adds as somebody more has a start, `by_share` (h, k)."""

    weights: Array
    by_share: Array

    def influence(self, found: GroupTime) -> Array:
        """Of each person, (n,)."""
        return found.influence @ self.weights + (self.by_share @ found.effect)[found.place]


def _by_size(found: GroupTime, group: Array, numbers: Array) -> Average:
    """Average of numbers that belong to groups (m,) by the size of these; each a sum of effects, (m, k)."""
    share = np.array([(found.start == each).mean() for each in group])
    weights = share / share.sum()
    member = (_places(found.start)[0][:, None] == group) - share
    by_share = (member - np.outer(member.sum(axis=1), weights)) / share.sum()
    return Average(weights @ numbers, by_share @ numbers)


def _weighted(found: GroupTime, which: NDArray[np.bool_]) -> Average:
    return _by_size(found, found.group[which], np.eye(len(which))[which])


def _equally(parts: Sequence[Average]) -> Average:
    weights, by_share = zip(*((each.weights, each.by_share) for each in parts), strict=True)
    return Average(np.mean(weights, axis=0), np.mean(by_share, axis=0))


def by_time_since(found: GroupTime, since: float) -> Average:
    """The effect so many periods after the start, over the groups that were seen then."""
    return _weighted(found, found.period - found.group == since)


def from_the_start_on(found: GroupTime) -> Average:
    """All effects from the start on, by the size of their groups."""
    return _weighted(found, found.period >= found.group)


def _group(found: GroupTime) -> Average:
    groups = np.unique(found.group)
    each = (found.group == groups[:, None]) & (found.period >= found.group)
    return _by_size(found, groups, each / each.sum(axis=1, keepdims=True))


def _dynamic(found: GroupTime) -> Average:
    since = np.unique(found.period - found.group)
    return _equally([by_time_since(found, e) for e in since[since >= 0]])


def _calendar(found: GroupTime) -> Average:
    after = found.period >= found.group
    return _equally([_weighted(found, after & (found.period == period)) for period in np.unique(found.period[after])])


AVERAGES: Mapping[str, Callable[[GroupTime], Average]] = {
    "simple": from_the_start_on,
    "group": _group,
    "dynamic": _dynamic,
    "calendar": _calendar,
}


# ---------------------------------------------------------------------------- errors


def estimated(found: GroupTime, inference: Inference, errors: str, term: str, average: Average) -> Estimate:
    """An average with the interval and the p-value that the sites it rests on can carry."""
    value = float(average.weights @ found.effect)
    made = inference.estimate(term, value, errors_of(found, average, errors))
    if errors != "CR2":
        return made
    own = found.sites[:-1][np.isin(_places(found.start)[0][:-1], found.group[average.weights != 0])]
    if not found.of_sites and found.sites[:-1][found.involved(average.weights)].min() < CLUSTERS_FOR_P:
        return replace(made, std_error=None, df=None, conf_low=None, conf_high=None, p_value=None)
    return replace(made, p_value=None) if own.sum() < CLUSTERS_FOR_P else made


def errors_of(found: GroupTime, average: Average, errors: str) -> tuple[float, float]:
    """Standard error and degrees of freedom of an average of effects.

    For 'CR2' where sites are the units and there are no covariates, it is a sum of mean series by start: each start
    adds the variance of its sites around their mean, or, with fewer than four sites, that of all sites around those
    that start with them. Else each start adds that of its people's influences by site. Both add what it costs that the
    shares of the starts are estimated.

    Raises
    ------
    AnalysisError
        For an unknown kind of errors.
    """
    fewest, influence = min(found.laid.n_clusters), average.influence(found)
    if errors != "CR2" or fewest < CLUSTERS_FOR_ERRORS:
        return error_of(influence, found.laid.X[:, 1], found.laid.site, errors, fewest)
    if found.of_sites:
        covariance, df = covariance_of(found, [average])
        return float(np.sqrt(covariance[0, 0])), df
    error, df = error_of(influence, found.place.astype(float), found.laid.site, errors, fewest)
    moved = average.by_share @ found.effect
    return math.hypot(error, np.sqrt(moved[found.place] @ moved[found.place]) / len(influence)), df


def covariance_of(found: GroupTime, averages: Sequence[Average]) -> tuple[Array, float]:
    """Covariance (p, p) of averages of sites' effects, and its degrees of freedom; as `errors_of` for 'CR2'.

    What effects of starts differ in by chance alone is no cost of estimated shares, and is taken off that.
    """
    starts = found.starts
    on = np.tensordot(np.stack([average.weights for average in averages]), found.on, (1, 1)).swapaxes(0, 1)
    covariance, df = starts.covariance(on), starts.df(on)
    by_share = np.stack([average.by_share for average in averages], axis=1)
    if not by_share.any():
        return covariance, df
    by_share = by_share * np.sqrt(starts.sites)[:, None, None] / starts.sites.sum()
    moved = by_share @ found.effect
    chance = starts.covariance(np.moveaxis(np.tensordot(by_share, found.on, (2, 1)), 1, 2)).sum(axis=0)
    return covariance + positive(moved.T @ moved - chance), df


def few_together(found: GroupTime, errors: str) -> Iterator[str]:
    """What it means that few sites start together; of people, where these are the units."""
    units = np.bincount(found.place) if errors == "classical" else found.sites
    if units[:-1].min() >= CLUSTERS_FOR_P:
        return
    if errors == "CR2":
        yield FEW_TOGETHER if found.of_sites else NOT_KNOWN
    else:
        yield TOO_SMALL.format(count=CLUSTERS_FOR_P, errors=errors)


# ---------------------------------------------------------------------------- before the start


def moved_alike(found: GroupTime) -> tuple[float, float] | None:
    """Test whether all effects before the start are nothing: Wald statistic and p-value, people independent.

    None where there is no period to test, fewer than four start together, or effects cannot be told apart.
    """
    before = found.period < found.group
    if not before.any() or np.bincount(found.place)[:-1].min() < CLUSTERS_FOR_P:
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
