"""How alike people of one site are: the intracluster correlation of an outcome, from which studies are sized."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import special

from ..result import AnalysisError
from .inference import CLUSTERS_FOR_P

FEW_SITES = (
    "one arm has only {sites} site{s} with the outcome; how alike people of one site are cannot be told from fewer "
    "than {least}"
)
ONE_EACH = "no site has two people with the outcome; how alike people of one site are cannot be told"
NO_SPREAD = "everybody of a site has the same value; there is no spread to set the differences between sites against"


@dataclass(frozen=True, slots=True)
class Correlation:
    """An intracluster correlation: between -1 and 1, its interval, the people and sites of each group."""

    estimate: float
    conf_low: float
    conf_high: float
    n: tuple[int, ...]
    n_clusters: tuple[int, ...]


def intracluster_correlation(rows: pd.DataFrame, *, confidence: float = 0.95) -> Correlation:
    """Estimate the correlation of an outcome between two people of one site, arms apart.

    From the analysis of variance of sites within arms: (B - W) / (B + (m - 1) W), with B and W the mean squares between
    and within sites and m the usual size of a site. It may come out below zero, by chance.

    Parameters
    ----------
    rows
        One row a person: `arm` (any number of arms, one too), `site`, `score` (missing as NaN: left out).
    confidence
        Level of Searle's interval, exact for normal scores and sites of one size.

    Returns
    -------
    Correlation
        With people and sites by arm, arms in the order of their values, highest first.

    Raises
    ------
    AnalysisError
        When an arm has fewer than four sites with the outcome, no site has two people with it, or all are the same.

    References
    ----------
    Searle SR. Linear Models. New York: Wiley, 1971 (interval).
    Donner A. Int Stat Rev 1986;54:67-82. doi:10.2307/1403259 (sites of unequal sizes)
    Reference: `14_icc`.
    """
    known = rows.dropna(subset=["score"])
    by_site = known["score"].astype(float).groupby([known["arm"].astype(int), known["site"]], observed=True)
    sites = pd.DataFrame({"n": by_site.size(), "mean": by_site.mean()}).sort_index(ascending=False)
    arms = sites.groupby(level="arm", sort=False)
    n_clusters, n = (tuple(int(value) for value in found) for found in (arms.size(), arms["n"].sum()))
    _refuse_few(n_clusters, sum(n))
    between, within = _mean_squares(known, sites)
    df = sum(n_clusters) - len(n_clusters), sum(n) - sum(n_clusters)
    usual = (sum(n) - float(((sites["n"] ** 2).groupby(level="arm").sum() / arms["n"].sum()).sum())) / df[0]
    ends = (float(special.fdtri(*df, share)) for share in ((1 + confidence) / 2, (1 - confidence) / 2))
    low, high = (_correlation(between / within / end, usual) for end in ends)
    return Correlation(_correlation(between / within, usual), low, high, n, n_clusters)


def _refuse_few(n_clusters: tuple[int, ...], people: int) -> None:
    fewest = min(n_clusters, default=0)
    if fewest < CLUSTERS_FOR_P:
        s = "" if fewest == 1 else "s"
        raise AnalysisError(FEW_SITES.format(sites=fewest, s=s, least=CLUSTERS_FOR_P))
    if people == sum(n_clusters):
        raise AnalysisError(ONE_EACH)


def _mean_squares(known: pd.DataFrame, sites: pd.DataFrame) -> tuple[float, float]:
    """Between sites of an arm, and within sites."""
    score = known["score"].to_numpy(dtype=float)
    own = sites["mean"].reindex(pd.MultiIndex.from_arrays([known["arm"].astype(int), known["site"]])).to_numpy()
    of_arm = known["score"].astype(float).groupby(known["arm"]).transform("mean").to_numpy()
    between = float(((own - of_arm) ** 2).sum()) / (len(sites) - known["arm"].nunique())
    within = float(((score - own) ** 2).sum()) / (len(known) - len(sites))
    if within <= np.finfo(float).eps * max(1.0, float((score**2).max())):
        raise AnalysisError(NO_SPREAD)
    return between, within


def _correlation(ratio: float, usual: float) -> float:
    return (ratio - 1) / (ratio + usual - 1)
