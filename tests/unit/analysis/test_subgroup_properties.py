"""What must not change a subgroup's estimates and test: units, names, order of people, which arm is called the first."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from analysis.estimators.subgroups import Subgroups, subgroup_differences
from instruments.plan import Covariate
from tests.unit.analysis.test_subgroups import by_level, people

AGE = Covariate("age", "number")
KINDS = ("continuous", "binary", "count")


def rows_for(kind: str, seed: int = 4) -> pd.DataFrame:
    """People of three levels with an outcome of each kind and an age."""
    rows = people({"a": 0.5, "b": 1.0, "c": 0.0}, sites=12, each=24, seed=seed, noise=1)
    dice = np.random.default_rng(seed)
    rows["age"] = dice.integers(20, 90, len(rows)).astype(float)
    if kind == "binary":
        for column in ("score", "baseline"):
            rows[column] = (rows[column] > rows[column].median()).astype(float)
    if kind == "count":
        rows["count"], rows["baseline_count"] = (dice.poisson(3, len(rows)).astype(float) for _ in range(2))
        rows["years"], rows["baseline_years"] = dice.uniform(0.5, 1.5, len(rows)), 1.0
    return rows


def found(rows: pd.DataFrame, kind: str, errors: str = "CR2", confidence: float = 0.95) -> Subgroups:
    return subgroup_differences(rows, "sex", kind=kind, covariates=(AGE,), errors=errors, confidence=confidence)


def numbers(result: Subgroups) -> dict[str, tuple[float | None, ...]]:
    return {
        level.name: (each.estimate, each.std_error, each.df, each.conf_low, each.conf_high)
        for level in result.levels
        if (each := level.estimate)
    }


def test_of(result: Subgroups) -> tuple[float, ...]:
    assert result.test
    return (result.test.statistic, *result.test.df, result.test.p_value)


# pytest collects what is called test_…; this one only reads.
test_of.__test__ = False  # type: ignore[attr-defined]


def same(one: Subgroups, other: Subgroups) -> None:
    first, second = numbers(one), numbers(other)
    assert first.keys() == second.keys()
    for level, values in first.items():
        assert values == pytest.approx(second[level], rel=1e-6, abs=1e-9)
    assert test_of(one) == pytest.approx(test_of(other), rel=1e-6)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("errors", ["CR2", "classical"])
def test_the_order_of_people_does_not_matter(kind: str, errors: str) -> None:
    rows = rows_for(kind)
    same(found(rows, kind, errors), found(rows.sample(frac=1, random_state=1), kind, errors))


@pytest.mark.parametrize("kind", KINDS)
def test_the_names_of_sites_do_not_matter(kind: str) -> None:
    rows = rows_for(kind)
    same(found(rows, kind), found(rows.assign(site="site " + rows["site"].astype(str).str.zfill(3)), kind))


@pytest.mark.parametrize("kind", KINDS)
def test_the_unit_of_a_covariate_does_not_matter(kind: str) -> None:
    rows = rows_for(kind)
    same(found(rows, kind), found(rows.assign(age=rows["age"] * 12 - 100), kind))


@pytest.mark.parametrize("kind", KINDS)
def test_people_without_the_outcome_do_not_matter(kind: str) -> None:
    rows = rows_for(kind)
    more = rows.iloc[:30].assign(score=np.nan)
    if kind == "count":
        more["count"] = np.nan
    same(found(rows, kind), found(pd.concat([rows, more], ignore_index=True), kind))


@pytest.mark.parametrize("kind", KINDS)
def test_a_level_that_nobody_has_does_not_matter(kind: str) -> None:
    rows = rows_for(kind)
    wider = found(rows.assign(sex=rows["sex"].cat.add_categories(["nobody"])), kind)
    assert wider.levels[-1].n == (0, 0)
    assert wider.levels[-1].estimate is None
    same(found(rows, kind), wider)


@pytest.mark.parametrize("kind", ["continuous", "binary"])
def test_called_the_other_way_round_the_arms_differ_by_as_much_the_other_way(kind: str) -> None:
    rows = rows_for(kind)
    one, other = found(rows, kind), found(rows.assign(arm=1 - rows["arm"]), kind)
    assert by_level(one) == pytest.approx({level: -value for level, value in by_level(other).items()})
    assert test_of(one) == pytest.approx(test_of(other), rel=1e-6)


def test_called_the_other_way_round_a_ratio_is_its_inverse() -> None:
    rows = rows_for("count")
    one, other = found(rows, "count"), found(rows.assign(arm=1 - rows["arm"]), "count")
    assert by_level(one) == pytest.approx({level: 1 / value for level, value in by_level(other).items()})


def test_in_other_units_of_the_score_the_test_is_the_same() -> None:
    rows = rows_for("continuous")
    scaled = rows.assign(score=100 * rows["score"] + 7, baseline=100 * rows["baseline"] + 7)
    one, other = found(rows, "continuous"), found(scaled, "continuous")
    assert by_level(other) == pytest.approx({level: 100 * value for level, value in by_level(one).items()})
    assert test_of(one) == pytest.approx(test_of(other), rel=1e-6)


def test_in_months_instead_of_years_a_rate_ratio_is_the_same() -> None:
    rows = rows_for("count")
    same(found(rows, "count"), found(rows.assign(years=12 * rows["years"]), "count"))


def test_a_difference_that_all_levels_share_adds_to_each_and_not_to_the_test() -> None:
    rows = rows_for("continuous")
    one, other = found(rows, "continuous"), found(rows.assign(score=rows["score"] + 3 * rows["arm"]), "continuous")
    assert by_level(other) == pytest.approx({level: value + 3 for level, value in by_level(one).items()})
    assert test_of(one) == pytest.approx(test_of(other), rel=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_more_confidence_makes_wider_intervals_round_the_same_estimates(kind: str) -> None:
    rows = rows_for(kind)
    narrow, wide = found(rows, kind, confidence=0.8), found(rows, kind, confidence=0.99)
    assert by_level(narrow) == pytest.approx(by_level(wide))
    for one, other in zip(narrow.levels, wide.levels, strict=True):
        assert one.estimate
        assert other.estimate
        assert one.estimate.conf_low is not None
        assert other.estimate.conf_low is not None
        assert other.estimate.conf_low < one.estimate.conf_low < one.estimate.estimate


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("errors", ["CR2", "classical"])
def test_every_level_has_its_people_and_no_p_value(kind: str, errors: str) -> None:
    rows = rows_for(kind)
    result = found(rows, kind, errors)
    sizes = rows.groupby(["sex", "arm"], observed=True).size()
    for level in result.levels:
        assert level.n == (sizes[level.name, 1.0], sizes[level.name, 0.0])
        assert level.estimate
        assert level.estimate.n == sum(level.n)
        assert level.estimate.p_value is None
        assert (level.estimate.n_clusters is None) == (errors == "classical")


@pytest.mark.parametrize("levels", [2, 3, 4])
def test_the_test_has_a_degree_of_freedom_for_each_level_but_one(levels: int) -> None:
    rows = people(dict.fromkeys("abcd"[:levels], 1.0), sites=16, each=24, noise=1)
    result = subgroup_differences(rows, "sex", covariates=())
    assert result.test
    assert result.test.df[0] == levels - 1
    assert 0 < result.test.df[1] < 16
