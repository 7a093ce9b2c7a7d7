"""Difference-in-differences in cases whose answer is known without a computer, and everything that it refuses."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from analysis.estimators.did import absorbed, did, event_study
from analysis.moments import cluster_robust, from_rows, least_squares
from analysis.result import AnalysisError
from instruments.plan import Covariate

AGE = Covariate("age", "number")


def drawn(
    people: dict[str, tuple[int, str, list[float | None]]], timepoints: tuple[object, ...] = (0, 6)
) -> pd.DataFrame:
    """People by name with arm, site and scores in the order of the timepoints."""
    return pd.DataFrame(
        [
            {"person": name, "arm": arm, "site": site, "timepoint": timepoint, "score": score}
            for name, (arm, site, scores) in people.items()
            for timepoint, score in zip(timepoints, scores, strict=True)
        ]
    ).astype({"score": float})


def study(sites_per_arm: int = 5, each: int = 4, seed: int = 1, lost: float = 0.0) -> pd.DataFrame:
    """A made-up study: three timepoints, an effect of 2 at both later ones, people and sites of different level."""
    dice = np.random.default_rng(seed)
    sites, n = 2 * sites_per_arm, 2 * sites_per_arm * each
    rows = pd.DataFrame({"person": np.repeat(np.arange(n), 3), "timepoint": np.tile([0, 6, 12], n)})
    rows["site"] = rows["person"] // each
    rows["arm"] = (rows["site"] < sites_per_arm).astype(int)
    rows["age"] = dice.integers(20, 90, n).astype(float)[rows["person"]]
    level = dice.normal(10, 3, n)[rows["person"]] + dice.normal(0, 2, sites)[rows["site"]]
    drift = dice.normal(0, 0.5, (sites, 3))[rows["site"], rows["timepoint"] // 6]
    rows["score"] = level + drift + 2 * rows["arm"] * (rows["timepoint"] > 0) + dice.normal(0, 1, 3 * n)
    rows.loc[dice.random(3 * n) < lost, "score"] = np.nan
    return rows


FOUR = drawn(
    {
        "a": (1, "x", [10, 15]),
        "b": (1, "x", [20, 23]),
        "c": (0, "y", [11, 12]),
        "d": (0, "y", [30, 33]),
    }
)


def test_it_is_the_difference_of_the_mean_changes() -> None:
    """Changes 5 and 3 against 1 and 3."""
    found = did(FOUR, covariates=(), errors="classical")
    assert found.main.estimate == pytest.approx(4 - 2)
    assert found.n == (2, 2)


def test_its_classical_error_is_that_of_the_t_test_of_changes() -> None:
    """Both arms' changes have variance 2, so the error is sqrt(2/2 + 2/2) on 2 degrees of freedom."""
    found = did(FOUR, covariates=(), errors="classical").main
    assert found.std_error == pytest.approx(math.sqrt(2))
    assert found.df == 2
    assert found.n_clusters is None


@pytest.mark.parametrize("sites_per_arm", [4, 7])
def test_with_equal_sites_it_is_the_t_test_of_the_sites_mean_changes(sites_per_arm: int) -> None:
    rows = study(sites_per_arm)
    wide = rows.pivot(index=["site", "person", "arm"], columns="timepoint", values="score")
    change = (wide[12] - wide[0]).groupby(["site", "arm"]).mean().reset_index(name="change")
    expected = stats.ttest_ind(*(change.loc[change["arm"] == arm, "change"] for arm in (1, 0)))
    found = did(rows, covariates=(), at=12).main
    assert found.df == pytest.approx(2 * sites_per_arm - 2)
    assert found.estimate / (found.std_error or 0) == pytest.approx(expected.statistic)
    assert found.p_value == pytest.approx(expected.pvalue)


@pytest.mark.parametrize("errors", ["CR0", "CR1", "CR1S", "CR2", "CR3", "classical"])
@pytest.mark.parametrize("effects", ["person", "site"])
def test_absorbing_effects_is_the_same_as_giving_each_a_term(errors: str, effects: str) -> None:
    """The long way round: a column for every person, or site, and no absorption."""
    rows = study(3, 4, lost=0.25).dropna(subset=["score"])
    groups = pd.get_dummies(rows[effects], dtype=float).to_numpy()
    after = [(rows["timepoint"] > 0) * rows["arm"], rows["timepoint"] == 6, rows["timepoint"] == 12]
    X = np.column_stack([*after, groups]).astype(float)
    fit = least_squares(from_rows(X, rows["score"].to_numpy(), rows["site"], [f"t{j}" for j in range(X.shape[1])]))
    found = did(rows, covariates=(), errors=errors, effects=effects).main
    assert found.estimate == pytest.approx(fit.beta[0])
    if errors == "classical":
        residual = rows["score"] - X @ fit.beta
        df = len(rows) - X.shape[1]
        assert found.df == df
        assert found.std_error == pytest.approx(math.sqrt(residual @ residual / df) * np.linalg.norm(fit.root[0]))
    elif errors != "CR1S":
        spread = cluster_robust(fit, errors)
        assert (found.std_error, found.df) == pytest.approx((spread.std_error[0], spread.df[0]))


@given(st.integers(0, 1_000))
@settings(max_examples=15, deadline=None)
def test_what_is_particular_to_a_person_or_common_to_a_timepoint_cancels(seed: int) -> None:
    rows = study(4, lost=0.2)
    dice = np.random.default_rng(seed)
    own, common = dice.normal(0, 50, rows["person"].max() + 1), dice.normal(0, 50, 3)
    moved = rows.assign(score=rows["score"] + own[rows["person"]] + common[rows["timepoint"] // 6])
    one, other = did(rows, covariates=()).main, did(moved, covariates=()).main
    for name in ("estimate", "std_error", "df", "p_value"):
        assert getattr(other, name) == pytest.approx(getattr(one, name), rel=1e-6)


def test_who_was_measured_once_says_nothing_and_is_not_counted() -> None:
    rows = study(4)
    rows.loc[(rows["person"] == 0) & (rows["timepoint"] > 0), "score"] = np.nan
    with_them, without = did(rows, covariates=()), did(rows[rows["person"] > 0], covariates=())
    assert with_them.n == without.n == (15, 16)
    for name in ("estimate", "std_error", "df"):
        assert getattr(with_them.main, name) == pytest.approx(getattr(without.main, name))


def test_covariates_of_a_person_cancel_and_cost_nobody() -> None:
    rows = study(4)
    rows.loc[rows["person"] < 3, "age"] = np.nan
    assert did(rows, covariates=(AGE,)) == did(rows, covariates=())


def test_with_site_effects_covariates_count_and_who_lacks_one_is_left_out() -> None:
    rows = study(4)
    rows.loc[rows["person"] < 3, "age"] = np.nan
    found = did(rows, covariates=(AGE,), effects="site")
    assert "age" in [term.term for term in found.terms]
    assert found.n == (13, 16)


# ---------------------------------------------------------------------------- timepoints


def test_one_timepoint_against_the_baseline_is_its_event_study_coefficient_when_nobody_is_missing() -> None:
    rows = study(4)
    answers = {each.term: each for each in event_study(rows, covariates=()).answers}
    for at in (6, 12):
        alone = did(rows, covariates=(), at=at).main
        assert alone.estimate == pytest.approx(answers[f"arm:timepoint={at}"].estimate)


def test_all_timepoints_together_average_when_nobody_is_missing() -> None:
    rows = study(4)
    answers = event_study(rows, covariates=()).answers
    assert did(rows, covariates=()).main.estimate == pytest.approx(np.mean([each.estimate for each in answers]))


def test_an_earlier_timepoint_than_the_baseline_shows_how_the_arms_moved_before() -> None:
    rows = study(4).assign(timepoint=lambda rows: rows["timepoint"] - 6)
    found = event_study(rows, covariates=(), baseline=0)
    assert [each.term for each in found.answers] == ["arm:timepoint=-6", "arm:timepoint=6"]
    assert found.answers[0].estimate == pytest.approx(-2, abs=1), "the made-up effect starts at the second one"


def test_timepoints_with_names_keep_the_order_that_they_are_given() -> None:
    order = pd.CategoricalDtype(["entry", "half year", "year"], ordered=True)
    rows = study(4)
    named = rows.assign(timepoint=rows["timepoint"].map({0: "entry", 6: "half year", 12: "year"}).astype(order))
    assert did(named, covariates=()).main == did(rows, covariates=()).main
    assert did(named, covariates=(), at="year").main == did(rows, covariates=(), at=12).main


def test_the_order_of_rows_does_not_matter() -> None:
    rows = study(4, lost=0.2)
    shuffled = did(rows.sample(frac=1, random_state=1), covariates=()).main
    plain = did(rows, covariates=()).main
    assert (shuffled.estimate, shuffled.std_error) == pytest.approx((plain.estimate, plain.std_error))


# ---------------------------------------------------------------------------- few sites


@pytest.mark.parametrize("sites", [2, 3])
def test_two_or_three_sites_in_an_arm_give_an_interval_and_a_warning_but_no_p_value(sites: int) -> None:
    found = did(study(sites), covariates=())
    assert found.main.p_value is None
    assert found.main.conf_low is not None
    assert f"One arm has only {sites} sites." in found.warnings[0]


def test_one_site_in_an_arm_gives_an_estimate_and_a_warning_alone() -> None:
    found = did(study(1), covariates=())
    assert math.isfinite(found.main.estimate)
    assert (found.main.std_error, found.main.df, found.main.conf_low, found.main.p_value) == (None,) * 4
    assert "no interval and no p-value are given" in found.warnings[0]


def test_where_people_were_allocated_sites_may_be_unknown() -> None:
    rows = study(2).assign(site=None)
    found = did(rows, covariates=(), errors="classical", at=6)
    assert found.n_clusters is None
    assert found.main.p_value is not None


# ---------------------------------------------------------------------------- refusals


def refused(rows: pd.DataFrame, match: str, **asked: object) -> None:
    with pytest.raises(AnalysisError, match=match):
        did(rows, covariates=(), **asked)  # type: ignore[arg-type]


def test_nobody_measured_twice_is_refused() -> None:
    once = drawn({"a": (1, "x", [1, None]), "b": (1, "x", [None, 2]), "c": (0, "y", [3, 4])})
    refused(once, "the intervention arm has nobody measured both before and after; there is no change to see")


def test_one_timepoint_alone_is_refused() -> None:
    refused(FOUR[FOUR["timepoint"] == 0], "scores are from timepoint '0' alone; a comparison over time needs two")


def test_an_empty_arm_is_refused() -> None:
    refused(FOUR[FOUR["arm"] == 1], "the comparison arm has nobody with a score")


def test_two_scores_at_one_timepoint_are_refused() -> None:
    refused(pd.concat([FOUR, FOUR.head(1)]), "somebody has two scores at one timepoint; keep one")


@pytest.mark.parametrize(("name", "other"), [("arm", 0), ("site", "z")])
def test_somebody_who_changes_arm_or_site_is_refused(name: str, other: object) -> None:
    moved = FOUR.copy()
    moved.loc[1, name] = other
    refused(moved, f"somebody's {name} changes between timepoints; people stay in that in which they began")


def test_a_missing_site_is_refused_where_errors_need_it() -> None:
    refused(FOUR.assign(site=None), "site: is empty for somebody with a score, and errors by site need it; fill it in")


def test_timepoints_that_are_texts_have_no_order() -> None:
    refused(FOUR.assign(timepoint=FOUR["timepoint"].astype(str)), "timepoint: texts have no order; give numbers")


def test_a_timepoint_nobody_was_measured_at_is_refused_with_those_that_there_are() -> None:
    refused(FOUR, "nobody has a score at timepoint '9'; measured at: 0, 6", at=9)


def test_a_timepoint_before_the_baseline_is_refused() -> None:
    refused(FOUR, "timepoint '0' is not after the baseline; name a later one", at=0)


def test_unknown_effects_and_errors_are_refused_with_those_that_there_are() -> None:
    refused(FOUR, "unknown effects 'clinic'; allowed: person, site", effects="clinic")
    refused(study(3), "unknown errors 'HC9'; allowed: CR2, CR3", errors="HC9")


def test_two_people_cannot_show_how_changes_vary() -> None:
    rows = drawn({"a": (1, "x", [1, 2]), "c": (0, "y", [3, 5])})
    refused(rows, "too few people were measured twice to judge how changes vary", errors="classical")


def test_absorbing_leaves_group_means_of_nothing() -> None:
    table = np.arange(10.0).reshape(5, 2) ** 2
    left = absorbed(table, np.array([0, 0, 1, 1, 1]))
    assert left[:2].sum(axis=0) == pytest.approx([0, 0])
    assert left[2:].sum(axis=0) == pytest.approx([0, 0])
