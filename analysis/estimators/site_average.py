"""Whose average an answer is: that of people, each alike, or that of sites, each alike whatever its size.

Where large sites do better or worse than small ones the two differ, and neither is wrong: they answer different
questions (Kahan et al. 2023). Every person of a site is given one over the number of the site's people who are analysed
for the outcome as a weight, and the working model of the errors stays that of people: weights say what is asked, not
how exactly somebody was measured.

References
----------
Kahan BC, Li F, Copas AJ, Harhay MO. Int J Epidemiol 2023;52:107-118. doi:10.1093/ije/dyac131
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from instruments.plan_methods import AVERAGES

from ..moments import Array, Moments, site_weights, sites_alike
from ..result import AnalysisError, Estimate, Fitted

TELLING = 2
"""With so many sites in an arm, averages over sites and over people give away what each site had."""
TELLS = (
    "with {sites} site{s} in an arm an average over sites would tell, beside one over people, what fewer than {least} "
    'people of a site had; write average = "people" in the outcome'
)
ALIKE, NOT_ALIKE = ", sites counted alike", ", sites not counted alike"


def by_sites(average: str, errors: str) -> bool:
    """Whether sites count alike.

    Raises
    ------
    AnalysisError
        For an unknown average, or one over sites where people are the units.
    """
    if average not in AVERAGES:
        raise AnalysisError(f"unknown average '{average}'; allowed: {', '.join(AVERAGES)}")
    if average == "sites" and errors == "classical":
        raise AnalysisError("sites cannot count alike where people are the units; take errors by site, such as 'CR2'")
    return average == "sites"


def named(method: str, average: str) -> str:
    """A method's name, which says it where sites count alike."""
    return f"{method}{ALIKE}" if average == "sites" else method


def averaged(sums: Moments, average: str, errors: str, people: ArrayLike | None = None) -> Moments:
    """Cross-products as they are, or with sites alike: by `people` (G,), else by their rows."""
    return sites_alike(sums, people) if by_sites(average, errors) else sums


def weights_of_people(
    site: pd.Series[Any], average: str, errors: str, among: pd.Series[Any] | None = None
) -> Array | None:
    """The weight of each row (n,) by its site, which adds up to the people over all sites; None where people count.

    Parameters
    ----------
    site
        Site of each row.
    average, errors
        As a plan has them.
    among
        Site of everybody who counts, where that is more people than there are rows.
    """
    if not by_sites(average, errors):
        return None
    people = (site if among is None else among).value_counts()
    weight = pd.Series(site_weights(people.to_numpy()), people.index)
    return np.asarray(site.map(weight).to_numpy(dtype=float))


def refuse_telling_of_a_site(rows: pd.DataFrame, least: int) -> None:
    """Refuse an average over the two sites of an arm that, with the average over people, would tell of few of them.

    Whoever knows both averages and the sizes of two sites knows what each site had.

    Parameters
    ----------
    rows
        One row a person: `arm`, `site`, and `score` (1 and 0 where it is an event) or `count`, missing as NaN.
    least
        How many people, with an event and without where it is one, may be told of.

    Raises
    ------
    AnalysisError
        When an arm has two sites or one, and a site fewer people than that, or fewer with the event or without.
    """
    value = "count" if "count" in rows else "score"
    known = rows.dropna(subset=[value])
    event = value == "score" and known["score"].isin((0, 1)).all()
    parts = ["arm", "site", *(["score"] if event else [])]
    sizes = known.groupby(parts).size()
    sites = known.groupby("arm")["site"].nunique()
    for arm, size in zip(sizes.index.get_level_values("arm"), sizes, strict=True):
        if sites[arm] <= TELLING and size < least:
            raise AnalysisError(TELLS.format(sites=sites[arm], s="" if sites[arm] == 1 else "s", least=least))


def not_alike(fitted: Fitted) -> Fitted:
    """The same answers, named as what does not count sites alike though the plan asks for it."""

    def renamed(estimates: Iterable[Estimate]) -> tuple[Estimate, ...]:
        return tuple(replace(each, method=f"{each.method}{NOT_ALIKE}") for each in estimates)

    return replace(fitted, answers=renamed(fitted.answers), terms=renamed(fitted.terms))
