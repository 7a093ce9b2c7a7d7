"""Subgroups by interaction on the reference study, against other ways to the same numbers.

`joint_test` and `cluster_robust` agree with clubSandwich on this study to 1e-8 (`test_small_sample.py`,
`test_ancova.py`); here they are asked of a design laid out by hand, whose levels each have a column of their own. With
classical errors the test is the textbook's comparison of two nested models.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis.estimators.subgroups import subgroup_differences
from analysis.moments import cluster_robust, from_rows, least_squares
from analysis.small_sample import joint_test

from .conftest import COVARIATES

LEVELS = ("1", "2", "3", "4", "5")
KNOWN = ("baseline", "age", "female", "ltc")


@pytest.fixture(scope="module")
def rows(people: pd.DataFrame) -> pd.DataFrame:
    named = people.rename(columns={"practice": "site", "eq5d_12": "score", "eq5d_0": "baseline"})
    return named.assign(imd=pd.Categorical(named["imd"].astype(str), LEVELS))


def laid_out(rows: pd.DataFrame, *, own_arm: bool) -> tuple[np.ndarray, list[str], pd.DataFrame]:
    """A design with the arm in every level (`own_arm`), or the arm and what it has more in levels 2 to 5."""
    complete = rows.dropna(subset=["score"])
    arm = complete["arm"].to_numpy(dtype=float)
    level = {each: (complete["imd"] == each).to_numpy(dtype=float) for each in LEVELS}
    columns = {"one": np.ones(len(complete))} | {name: complete[name].to_numpy(dtype=float) for name in KNOWN}
    columns |= {f"level {each}": level[each] for each in LEVELS[1:]}
    columns |= {} if own_arm else {"arm": arm}
    columns |= {f"arm in {each}": arm * level[each] for each in (LEVELS if own_arm else LEVELS[1:])}
    return np.column_stack(list(columns.values())), list(columns), complete


def test_every_level_has_the_coefficient_error_and_degrees_of_freedom_of_its_own_column(rows: pd.DataFrame) -> None:
    X, terms, complete = laid_out(rows, own_arm=True)
    fit = least_squares(from_rows(X, complete["score"].to_numpy(), complete["site"], terms))
    errors = cluster_robust(fit)
    expected = [(fit.beta[j], errors.std_error[j], errors.df[j]) for j in range(len(terms) - 5, len(terms))]
    found = [level.estimate for level in subgroup_differences(rows, "imd", covariates=COVARIATES).levels]
    numbers = [(each.estimate, each.std_error, each.df) for each in found if each]
    assert np.array(numbers) == pytest.approx(np.array(expected), rel=1e-8)


def test_the_interaction_is_tested_as_clubsandwich_would(rows: pd.DataFrame) -> None:
    X, terms, complete = laid_out(rows, own_arm=False)
    expected = joint_test(
        least_squares(from_rows(X, complete["score"].to_numpy(), complete["site"], terms)), terms[-4:]
    )
    found = subgroup_differences(rows, "imd", covariates=COVARIATES).test
    assert found
    assert (found.statistic, *found.df, found.p_value) == pytest.approx(
        (expected.statistic, *expected.df, expected.p_value), rel=1e-8
    )


def test_between_people_it_is_the_f_test_of_two_nested_models(rows: pd.DataFrame) -> None:
    X, terms, complete = laid_out(rows, own_arm=False)
    y = complete["score"].to_numpy()
    wide, narrow = (float(np.linalg.lstsq(part, y)[1][0]) for part in (X, X[:, :-4]))
    df = len(y) - len(terms)
    statistic = (narrow - wide) / 4 / (wide / df)
    found = subgroup_differences(rows, "imd", covariates=COVARIATES, errors="classical").test
    assert found
    assert (found.statistic, *found.df) == pytest.approx((statistic, 4, df), rel=1e-8)
    assert found.p_value == pytest.approx(float(stats.f.sf(statistic, 4, df)), rel=1e-8)


def poisson_by_newton(X: np.ndarray, y: np.ndarray, offset: np.ndarray) -> np.ndarray:
    """Maximum likelihood of a log-linear model of counts, by Newton's steps from the overall rate."""
    beta = np.zeros(X.shape[1])
    beta[0] = np.log(y.sum() / np.exp(offset).sum())
    for _ in range(30):
        mean = np.exp(X @ beta + offset)
        beta += np.linalg.solve((X * mean[:, None]).T @ X, X.T @ (y - mean))
    return beta


def test_rate_ratios_of_the_levels_are_those_of_a_model_with_a_column_for_each(rows: pd.DataFrame) -> None:
    counted = rows.assign(
        count=rows["gp_post"].astype(float), years=rows["fu_years"], baseline_count=rows["gp_pre"], baseline_years=1.0
    )
    X, _, complete = laid_out(
        counted.assign(score=counted["count"], baseline=np.log(counted["gp_pre"] + 0.5)), own_arm=True
    )
    beta = poisson_by_newton(X, complete["count"].to_numpy(), np.log(complete["years"].to_numpy()))
    found = [
        level.estimate for level in subgroup_differences(counted, "imd", kind="count", covariates=COVARIATES).levels
    ]
    assert [each.estimate for each in found if each] == pytest.approx(np.exp(beta[-5:]).tolist(), rel=1e-8)
    assert {each.scale for each in found if each} == {"rate ratio"}
