"""The difference between arms within levels of a subgroup, in studies small enough to do by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from analysis.estimators.subgroups import Subgroups, subgroup_differences
from analysis.glm import GAUSSIAN, fit, spread
from analysis.moments import from_rows, least_squares
from analysis.result import AnalysisError
from analysis.small_sample import joint_test, wald_test
from instruments.plan import Covariate

SEX = Covariate("sex", "category")


def people(
    differences: dict[str, float], *, sites: int = 10, each: int = 6, seed: int = 3, noise: float = 0.0
) -> pd.DataFrame:
    """Sites of which half are offered something that makes a known difference in each level."""
    dice = np.random.default_rng(seed)
    n, levels = sites * each, list(differences)
    site = np.repeat(np.arange(sites), each)
    arm = (site < sites / 2).astype(float)
    level = np.array([levels[place % len(levels)] for place in range(n)])
    baseline = dice.normal(10, 3, n)
    made = np.array([differences[name] for name in level]) * arm
    score = 2 + 0.5 * baseline + made + noise * dice.normal(0, 1, n)
    return pd.DataFrame(
        {"arm": arm, "site": site, "sex": pd.Categorical(level, levels), "baseline": baseline, "score": score}
    )


def by_level(found: Subgroups) -> dict[str, float]:
    return {level.name: level.estimate.estimate for level in found.levels if level.estimate}


# ---------------------------------------------------------------------------- estimates


def test_without_noise_every_level_has_its_own_difference() -> None:
    found = subgroup_differences(people({"a": 1.0, "b": -2.0, "c": 0.25}), "sex", covariates=(SEX,))
    assert by_level(found) == pytest.approx({"a": 1.0, "b": -2.0, "c": 0.25})


def test_levels_stand_in_the_order_of_their_categories_with_the_people_of_each_arm() -> None:
    found = subgroup_differences(people({"z": 1.0, "a": 2.0}, noise=1), "sex", covariates=())
    assert [(level.name, level.n) for level in found.levels] == [("z", (15, 15)), ("a", (15, 15))]
    assert [level.estimate.n for level in found.levels if level.estimate] == [30, 30]


def test_whether_the_subgroup_is_named_as_a_covariate_makes_no_difference() -> None:
    rows = people({"a": 1.0, "b": 2.0}, noise=1)
    named, unnamed = (subgroup_differences(rows, "sex", covariates=each) for each in ((SEX,), ()))
    assert by_level(named) == pytest.approx(by_level(unnamed))
    assert named.test
    assert unnamed.test
    assert named.test.p_value == pytest.approx(unnamed.test.p_value)


def test_the_order_of_the_levels_changes_neither_estimates_nor_test() -> None:
    rows = people({"a": 1.0, "b": 2.0, "c": 0.0}, noise=1)
    turned = rows.assign(sex=rows["sex"].cat.reorder_categories(["c", "b", "a"]))
    one, other = (subgroup_differences(each, "sex", covariates=()) for each in (rows, turned))
    assert by_level(one) == pytest.approx(by_level(other))
    assert one.test
    assert other.test
    assert (one.test.statistic, *one.test.df) == pytest.approx((other.test.statistic, *other.test.df))


def test_a_number_is_adjusted_for_beside_its_own_levels() -> None:
    rows = people({"a": 1.0, "b": 1.0}).assign(age=np.arange(60) * 37 % 50 + 30.0)
    rows["score"] += 0.1 * rows["age"]
    rows["age in groups"] = pd.Categorical(np.where(rows["age"] < 55, "young", "old"), ["young", "old"])
    found = subgroup_differences(rows, "age in groups", covariates=(Covariate("age", "number"),))
    assert by_level(found) == pytest.approx({"young": 1.0, "old": 1.0})


def test_people_without_a_level_are_left_out() -> None:
    rows = people({"a": 1.0, "b": 2.0}, noise=1)
    blank = rows.assign(sex=rows["sex"].where(rows.index >= 6))
    found = subgroup_differences(blank, "sex", covariates=())
    assert sum(sum(level.n) for level in found.levels) == len(rows) - 6


def test_no_level_has_a_p_value_however_large_its_difference() -> None:
    found = subgroup_differences(people({"a": 9.0, "b": 0.0}, noise=1), "sex", covariates=())
    assert [level.estimate.p_value for level in found.levels if level.estimate] == [None, None]
    assert found.test
    assert found.test.p_value < 0.001


# ---------------------------------------------------------------------------- the test


def test_levels_that_differ_are_told_from_levels_that_do_not() -> None:
    studies = (people({"a": first, "b": 3.0}, each=12, noise=1) for first in (0.0, 3.0))
    apart, alike = (subgroup_differences(rows, "sex", covariates=()).test for rows in studies)
    assert apart
    assert alike
    assert apart.p_value < 0.01 < alike.p_value


def test_two_levels_are_tested_by_the_square_of_one_t() -> None:
    rows = people({"a": 0.0, "b": 1.0}, noise=1)
    rows["x"] = (rows["sex"] == "b").astype(float)
    X = np.column_stack([np.ones(len(rows)), rows["arm"], rows["baseline"], rows["x"], rows["arm"] * rows["x"]])
    found = fit(GAUSSIAN, X, rows["score"].to_numpy(), site=rows["site"].to_numpy(), terms=list("oabxi"))
    error, df = spread(found, "CR2").error(np.eye(5)[4])
    test = subgroup_differences(rows, "sex", covariates=()).test
    assert test
    assert (test.statistic, *test.df) == pytest.approx(((found.beta[4] / error) ** 2, 1, df))


def test_under_no_interaction_one_study_in_twenty_is_significant() -> None:
    p_values = []
    for seed in range(150):
        test = subgroup_differences(people({"a": 1.0, "b": 1.0}, seed=seed, noise=1), "sex", covariates=()).test
        assert test
        p_values.append(test.p_value)
    assert 2 <= sum(p < 0.05 for p in p_values) <= 16
    assert 0.4 < float(np.mean(p_values)) < 0.6


def test_events_between_people_are_tested_with_robust_errors() -> None:
    rows = people({"a": 0.0, "b": 0.0}, each=20)
    dice = np.random.default_rng(8)
    for column in ("score", "baseline"):
        rows[column] = (dice.random(len(rows)) < 0.4).astype(float)
    found = subgroup_differences(rows, "sex", kind="binary", covariates=(), errors="classical")
    assert found.test
    assert found.test.df == (1.0, float(len(rows) - 1))
    assert {level.estimate.scale for level in found.levels if level.estimate} == {"risk difference"}


def test_risk_differences_without_anything_else_are_differences_of_shares() -> None:
    rows = people({"a": 0.0, "b": 0.0}, each=40)
    rows["score"] = (np.arange(len(rows)) % 3 == 0).astype(float)
    rows["baseline"] = np.tile([1.0, 1.0, 0.0, 0.0], 100)  # as many of each in every level and arm
    found = by_level(subgroup_differences(rows, "sex", kind="binary", covariates=()))
    share = rows.groupby(["sex", "arm"], observed=True)["score"].mean()
    for level, value in found.items():
        assert value == pytest.approx(share[level, 1.0] - share[level, 0.0], abs=0.01)


# ---------------------------------------------------------------------------- few


def test_a_level_with_too_few_in_an_arm_is_named_and_left_out_of_the_model() -> None:
    rows = people({"a": 1.0, "b": 2.0})
    rows["sex"] = rows["sex"].cat.add_categories(["rare"])
    rows.loc[rows.index[0], "sex"] = "rare"
    found = subgroup_differences(rows, "sex", covariates=())
    assert [(level.name, level.n, level.estimate is None) for level in found.levels][-1] == ("rare", (1, 0), True)
    assert by_level(found) == pytest.approx({"a": 1.0, "b": 2.0})


def test_how_few_are_too_few_can_be_said() -> None:
    rows = people({"a": 1.0, "b": 2.0, "c": 3.0})
    thin = rows[~((rows["sex"] == "c") & (rows["site"] > 1))]
    wanted = subgroup_differences(thin, "sex", covariates=(), fewest=2)
    assert [level.estimate is None for level in wanted.levels] == [False, False, True]
    with pytest.raises(AnalysisError, match="'sex' has fewer than two levels with 99 people or more in each arm"):
        subgroup_differences(rows, "sex", covariates=(), fewest=99)


def test_a_level_at_one_site_of_an_arm_has_no_interval() -> None:
    rows = people({"a": 1.0, "b": 2.0}, noise=1)
    kept = rows[(rows["sex"] == "a") | (rows["arm"] == 0) | (rows["site"] == 0)]
    first, second = subgroup_differences(kept, "sex", covariates=()).levels
    assert first.estimate
    assert first.estimate.conf_low is not None
    assert second.estimate
    assert second.estimate.conf_low is None
    assert second.estimate.std_error is None


def test_with_three_sites_in_an_arm_there_is_no_test_and_a_reason() -> None:
    found = subgroup_differences(people({"a": 1.0, "b": 2.0}, sites=6, noise=1), "sex", covariates=())
    assert found.test is None
    assert found.untested == "with fewer than 4 sites in an arm there is no test"


def test_more_levels_than_the_sites_can_test_are_estimated_and_not_tested() -> None:
    levels = dict.fromkeys("abcdefghijkl", 0.0)
    found = subgroup_differences(people(levels, sites=8, each=48, noise=1), "sex", covariates=())
    assert found.test is None
    assert found.untested == "8 sites are too few to test 11 terms at once; test fewer"
    assert len(by_level(found)) == 12


def test_a_kind_without_subgroups_is_refused() -> None:
    with pytest.raises(AnalysisError, match="kind 'time-to-event' cannot be estimated; allowed: continuous, binary"):
        subgroup_differences(people({"a": 1.0, "b": 2.0}), "sex", kind="time-to-event", covariates=())


def test_a_level_that_another_covariate_determines_is_refused_by_name() -> None:
    rows = people({"a": 1.0, "b": 2.0}, noise=1)
    rows["twin"] = (rows["sex"] == "b").astype(float)
    with pytest.raises(AnalysisError, match="'sex=b' is constant or determined"):
        subgroup_differences(rows, "sex", covariates=(Covariate("twin", "number"),))
    rows["offered"] = rows["twin"] * rows["arm"]
    with pytest.raises(AnalysisError, match="'arm:sex=b' is determined by the other terms; join levels of 'sex'"):
        subgroup_differences(rows, "sex", covariates=(Covariate("offered", "number"),))


# ---------------------------------------------------------------------------- the test of several terms


def test_a_joint_test_is_the_test_of_what_each_site_adds() -> None:
    """`wald_test` is told of one estimate that every site settles alike: T-squared with G - 1 degrees of freedom."""
    sites = 12
    shared = np.full((sites, 1, 1), sites**-1.5)
    test = wald_test(np.array([2.0]), np.array([[0.5]]), np.full((sites, 1, 1), 1 / sites**2), shared)
    assert test.df == pytest.approx((1, sites - 1))
    assert test.statistic == pytest.approx(2.0**2 / 0.5)


def test_estimates_that_are_one_and_the_same_cannot_be_tested_together() -> None:
    with pytest.raises(AnalysisError, match="too few to test 2 terms at once"):
        wald_test(np.ones(2), np.ones((2, 2)), np.ones((5, 2, 2)), np.ones((5, 2, 3)))


def test_asked_of_rows_or_of_sums_by_site_it_gives_one_answer() -> None:
    rows = people({"a": 0.0, "b": 1.0, "c": 2.0}, noise=1)
    dummies = np.column_stack([rows["sex"] == level for level in "bc"]).astype(float)
    arm = rows["arm"].to_numpy()
    X = np.column_stack([np.ones(len(rows)), arm, rows["baseline"], dummies, dummies * arm[:, None]])
    sums = from_rows(X, rows["score"].to_numpy(), rows["site"], ["o", "arm", "base", "b", "c", "ab", "ac"])
    expected = joint_test(least_squares(sums), ["ab", "ac"])
    found = subgroup_differences(rows, "sex", covariates=()).test
    assert found
    assert found.p_value == pytest.approx(expected.p_value, rel=1e-8)
