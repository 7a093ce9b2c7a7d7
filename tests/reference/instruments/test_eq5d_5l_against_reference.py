"""EQ-5D-5L values, against published tables, coefficients of the cited papers, and other people's software.

Sources: Rowen 2026 (doi:10.1016/j.jval.2026.03.008), Devlin 2018 (doi:10.1002/hec.3564), Pickard 2019
(doi:10.1016/j.jval.2019.02.009), Hobbins 2018 (doi:10.1007/s40273-018-0690-x); tests of the R package eq5d.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from itertools import pairwise, product
from statistics import fmean

import pytest

from instruments import get, value, value_sets
from instruments.scoring import score

Rows = list[dict[str, str]]
Vectors = Callable[[str], Rows]

DIMENSIONS = ("mo", "sc", "ua", "pd", "ad")
NAMES = {
    "UK": "uk-2026-rowen",
    "England": "england-2018-devlin",
    "USA": "us-2019-pickard",
    "Ireland": "ie-2018-hobbins",
}


def test_all_3125_english_values_are_ours(vectors: Vectors) -> None:
    rows = vectors("vectors_eq5d5l_england_devlin.csv")
    assert len({row["state"] for row in rows}) == 3125
    differing = [
        row["state"] for row in rows if value(row["state"], "england-2018-devlin") != float(row["expected_utility"])
    ]
    assert differing == []


def test_a_form_scores_the_same_as_its_profile(vectors: Vectors) -> None:
    for row in vectors("vectors_eq5d5l_england_devlin.csv"):
        form = {dimension: int(row[dimension]) for dimension in DIMENSIONS}
        scored = score(get("eq5d-5l"), form, value_set="england-2018-devlin")["value"]
        assert scored.value == float(row["expected_utility"]), row["state"]


@pytest.mark.parametrize(
    ("theirs", "ours", "n_tests"),
    [
        ("UK", "uk-2026-rowen", 5),
        ("England", "england-2018-devlin", 7),
        ("USA", "us-2019-pickard", 8),
        ("Ireland", "ie-2018-hobbins", 4),
    ],
)
def test_every_value_that_the_eq5d_package_tests_is_ours(
    vectors: Vectors, theirs: str, ours: str, n_tests: int
) -> None:
    rows = [
        row
        for row in vectors("vectors_eq5d_named_package_tests.csv")
        if (row["instrument"], row["value_set"]) == ("EQ-5D-5L", theirs)
    ]
    assert len(rows) == n_tests
    assert {row["state"]: value(row["state"], ours) for row in rows} == {
        row["state"]: float(row["expected_utility"]) for row in rows
    }


@pytest.mark.parametrize(("theirs", "ours"), NAMES.items())
def test_every_decrement_is_the_published_coefficient(vectors: Vectors, theirs: str, ours: str) -> None:
    rows = [row for row in vectors("eq5d5l_value_sets.csv") if row["value_set"] == theirs]
    shipped = value_sets.load(ours)
    assert {row["doi"] for row in rows} == {shipped.doi}
    published = {row["term"]: Decimal(row["value"]) for row in rows}
    assert published.pop("StartValue") == 1
    decrements = {
        f"{dimension}{level}".upper(): -decrement
        for dimension, levels in shipped.decrements.items()
        for level, decrement in enumerate(levels, start=1)
    }
    assert {term: decrements[term] for term in published} == published
    assert {term for term, decrement in decrements.items() if decrement} <= set(published)


def mean_single_level_step(value_set: str) -> float:
    """Mean over all profiles of the mean change in value over every step of one level on one dimension."""
    levels = value_sets.load(value_set).decrements.values()
    steps = [[float(abs(upper - lower)) for lower, upper in pairwise(each)] for each in levels]

    def from_profile(profile: tuple[int, ...]) -> float:
        pairs = zip(steps, profile, strict=True)
        return fmean(each[step] for each, at in pairs for step in (at - 1, at) if 0 <= step < 4)

    return fmean(from_profile(profile) for profile in product(range(5), repeat=5))


@pytest.mark.parametrize(("theirs", "ours"), NAMES.items())
def test_the_important_difference_of_each_set_is_the_mean_single_level_step(
    vectors: Vectors, theirs: str, ours: str
) -> None:
    (row,) = [
        row
        for row in vectors("mid_eq5d_instrument_defined.csv")
        if (row["instrument"], row["value_set"]) == ("EQ-5D-5L", theirs)
    ]
    shipped = value_sets.load(ours).mid
    assert round(mean_single_level_step(ours), 3) == shipped == float(row["computed_mean"])
    assert row["published_mean"] in ("", row["computed_mean"])
