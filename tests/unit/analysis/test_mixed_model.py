"""Mixed models in cases whose answer is known without a computer, and everything that they refuse."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis.estimators import ancova
from analysis.estimators.did import did
from analysis.estimators.mixed_model import mixed_model, random_intercept
from analysis.result import AnalysisError, Fitted
from instruments.plan import Covariate

AGE = Covariate("age", "number")
KINDS = ("Kenward-Roger", "Satterthwaite")


def wide(sites_per_arm: int = 5, each: int = 6, seed: int = 1) -> pd.DataFrame:
    """One row a person; a difference of 2 between the arms, and sites that differ."""
    dice = np.random.default_rng(seed)
    site = np.repeat(np.arange(2 * sites_per_arm), each)
    baseline = dice.normal(10, 3, len(site))
    arm = (site < sites_per_arm).astype(int)
    score = 3 + 2 * arm + 0.6 * baseline + dice.normal(0, 2, 2 * sites_per_arm)[site] + dice.normal(0, 1, len(site))
    age = dice.integers(20, 90, len(site)).astype(float)
    return pd.DataFrame({"arm": arm, "site": site, "baseline": baseline, "score": score, "age": age})


def long(sites_per_arm: int = 5, each: int = 4, seed: int = 1, timepoints: int = 3, lost: float = 0.0) -> pd.DataFrame:
    """One row a person and timepoint; an effect of 2 after the first, sites that change each in their own way."""
    dice = np.random.default_rng(seed)
    sites, n = 2 * sites_per_arm, 2 * sites_per_arm * each
    rows = pd.DataFrame({"person": np.repeat(np.arange(n), timepoints), "timepoint": np.tile(np.arange(timepoints), n)})
    rows["site"] = rows["person"] // each
    rows["arm"] = (rows["site"] < sites_per_arm).astype(int)
    rows["age"] = dice.integers(20, 90, n).astype(float)[rows["person"]]
    own = dice.normal(0, 2, n)[rows["person"]] + dice.normal(0, 2, sites)[rows["site"]]
    drift = dice.normal(0, 2, (sites, timepoints))[rows["site"], rows["timepoint"]]
    rows["score"] = 10 + own + drift + 2 * rows["arm"] * (rows["timepoint"] > 0) + dice.normal(0, 1, len(rows))
    rows.loc[dice.random(len(rows)) < lost, "score"] = np.nan
    return rows


def variances(fitted: Fitted) -> dict[str, float]:
    return {term.term: term.estimate for term in fitted.terms if term.scale == "variance"}


# ---------------------------------------------------------------------------- closed forms


@pytest.mark.parametrize("errors", KINDS)
def test_with_equal_sites_the_difference_in_change_is_the_t_test_of_the_sites_mean_changes(errors: str) -> None:
    rows = long(timepoints=2)
    table = rows.pivot(index=["site", "person", "arm"], columns="timepoint", values="score")
    change = (table[1] - table[0]).groupby(["site", "arm"]).mean().reset_index(name="change")
    expected = stats.ttest_ind(*(change.loc[change["arm"] == arm, "change"] for arm in (1, 0)))
    found = mixed_model(rows, covariates=(), errors=errors).main
    assert found.term == "arm:timepoint=1"
    assert found.estimate / (found.std_error or 0) == pytest.approx(expected.statistic)
    assert found.df == pytest.approx(8)
    assert found.p_value == pytest.approx(expected.pvalue)


def test_then_it_is_what_difference_in_differences_gives() -> None:
    rows = long(timepoints=2)
    mixed, differences = mixed_model(rows, covariates=()).main, did(rows, covariates=()).main
    for name in ("estimate", "std_error", "df", "conf_low", "conf_high", "p_value"):
        assert getattr(mixed, name) == pytest.approx(getattr(differences, name))


def test_forgetting_site_x_period_makes_too_much_of_too_little() -> None:
    rows = long(timepoints=2, each=20)
    told, untold = (mixed_model(rows, covariates=(), by_period=by_period).main for by_period in (True, False))
    assert (told.df, untold.df) == (pytest.approx(8), pytest.approx(198))
    assert (untold.std_error or 0) < (told.std_error or 0) / 2
    assert "site x period" in told.method
    assert "site x period" not in untold.method


def test_where_sites_do_not_differ_the_random_intercept_is_least_squares() -> None:
    rows = wide()
    left = rows["score"] - 0.6 * rows["baseline"] - 2 * rows["arm"]
    alike = rows.assign(score=rows["score"] - left.groupby(rows["site"]).transform("mean"))
    plain = ancova(alike, covariates=(), errors="classical").main
    mixed = random_intercept(alike, covariates=(), errors="Satterthwaite")
    assert variances(mixed)["variance: site"] == 0
    for name in ("estimate", "std_error", "df", "conf_low", "p_value"):
        assert getattr(mixed.main, name) == pytest.approx(getattr(plain, name))


def test_where_sites_differ_greatly_sites_are_what_counts() -> None:
    found = random_intercept(wide(each=40), covariates=())
    assert found.main.df == pytest.approx(8, abs=0.5)
    assert variances(found)["variance: site"] == pytest.approx(4, rel=0.9)
    assert found.main.n_clusters == 10


def test_the_answers_are_every_later_timepoint_or_the_one_asked_for() -> None:
    rows = long()
    every, one = mixed_model(rows, covariates=()), mixed_model(rows, covariates=(), at=2)
    assert [answer.term for answer in every.answers] == ["arm:timepoint=1", "arm:timepoint=2"]
    assert one.answers == every.answers[1:]
    assert one.terms == every.terms


def test_everybody_with_a_score_and_covariates_counts_once() -> None:
    rows = long()
    rows.loc[(rows["person"] == 0) & (rows["timepoint"] > 0), "score"] = np.nan
    rows.loc[rows["person"] == 1, "score"] = np.nan
    rows.loc[rows["person"] == 39, "age"] = np.nan
    found = mixed_model(rows, covariates=(AGE,))
    assert found.n == (19, 19)
    assert [term.term for term in found.terms[:6]] == [
        "(Intercept)",
        "arm",
        "timepoint=1",
        "timepoint=2",
        "age",
        "arm:timepoint=1",
    ]
    assert list(variances(found)) == [f"variance: {part}" for part in ("site", "site x period", "person", "residual")]


def test_order_and_names_do_not_matter() -> None:
    rows = long(lost=0.2)
    plain = mixed_model(rows, covariates=(AGE,)).main
    other = rows.sample(frac=1, random_state=3).assign(
        person=lambda rows: "p" + rows["person"].astype(str), site=lambda rows: "s" + rows["site"].astype(str)
    )
    again = mixed_model(other, covariates=(AGE,)).main
    assert (again.estimate, again.std_error) == pytest.approx((plain.estimate, plain.std_error), rel=1e-6)
    assert again.df == pytest.approx(plain.df, rel=1e-5)


# ---------------------------------------------------------------------------- few sites


@pytest.mark.parametrize("sites", [2, 3])
def test_two_or_three_sites_in_an_arm_give_an_interval_and_a_warning_but_no_p_value(sites: int) -> None:
    for found in (random_intercept(wide(sites), covariates=()), mixed_model(long(sites), covariates=())):
        assert found.main.p_value is None
        assert found.main.conf_low is not None
        assert f"One arm has only {sites} sites." in found.warnings[0]


def test_one_site_in_an_arm_gives_an_estimate_and_a_warning_alone() -> None:
    for found in (random_intercept(wide(1), covariates=()), mixed_model(long(1), covariates=())):
        assert math.isfinite(found.main.estimate)
        assert (found.main.std_error, found.main.df, found.main.conf_low, found.main.p_value) == (None,) * 4
        assert "no interval and no p-value are given" in found.warnings[0]


# ---------------------------------------------------------------------------- refusals


def test_unknown_errors_are_refused_with_those_that_there_are() -> None:
    with pytest.raises(AnalysisError, match="unknown errors 'CR2'; allowed: Kenward-Roger, Satterthwaite"):
        random_intercept(wide(), covariates=(), errors="CR2")
    with pytest.raises(AnalysisError, match="unknown errors 'CR2'; allowed: Kenward-Roger, Satterthwaite"):
        mixed_model(long(), covariates=(), errors="CR2")


def test_a_missing_site_is_refused() -> None:
    with pytest.raises(AnalysisError, match="site: is empty for somebody with a score, and random sites need it"):
        random_intercept(wide().assign(site=None), covariates=())
    with pytest.raises(AnalysisError, match="site: is empty for somebody with a score"):
        mixed_model(long().assign(site=None), covariates=())


def test_the_earliest_timepoint_is_no_answer() -> None:
    with pytest.raises(AnalysisError, match="timepoint '0' is the earliest, from which change is counted"):
        mixed_model(long(), covariates=(), at=0)


def test_a_covariate_that_is_the_same_for_everyone_is_named() -> None:
    with pytest.raises(AnalysisError, match="'age' is constant or determined by the other terms; take it out"):
        mixed_model(long().assign(age=50.0), covariates=(AGE,))


def test_a_timepoint_with_one_arm_alone_is_refused() -> None:
    rows = long()
    rows.loc[(rows["timepoint"] == 2) & (rows["arm"] == 0), "score"] = np.nan
    with pytest.raises(AnalysisError, match="at timepoint '2' nobody of the comparison arm has a score and covariates"):
        mixed_model(rows, covariates=())


def test_nobody_measured_twice_is_refused() -> None:
    rows = long()
    once = rows[rows["timepoint"] == rows["person"] % 3]
    with pytest.raises(AnalysisError, match="nobody was measured twice"):
        mixed_model(once, covariates=())
