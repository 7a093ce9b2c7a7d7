"""Changes compared, doubly robust and staggered, in cases whose answer is known, and everything that is refused."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from analysis.estimators.doubly_robust import METHODS, doubly_robust_change, effect_on_treated, error_of
from analysis.estimators.staggered import group_time_effects, staggered
from analysis.result import AnalysisError
from instruments.plan import Covariate

AGE = Covariate("age", "number")
TOWN = Covariate("town", "category")
EVERY = pytest.mark.parametrize("method", METHODS)


def study(sites_per_arm: int = 6, each: int = 15, seed: int = 21, effect: float = 0.1) -> pd.DataFrame:
    """A made-up study in which older people decline, and the intervention arm is older."""
    dice = np.random.default_rng(seed)
    site = np.repeat(np.arange(2 * sites_per_arm), each)
    arm = (site < sites_per_arm).astype(int)
    age = dice.normal(60 + 6 * arm, 10)
    before = dice.normal(0.6, 0.1, len(site))
    change = -0.01 * (age - 60) + effect * arm + 0.02 * dice.normal(size=len(site))
    return pd.DataFrame(
        {
            "arm": arm,
            "site": [f"s{number}" for number in site],
            "baseline": before,
            "score": before + change,
            "age": age,
            "town": np.where(np.arange(len(site)) % 4 == 0, "Oak", "Elm"),
        }
    )


def rollout(seed: int = 4, noise: float = 0.0) -> pd.DataFrame:
    """Twelve sites of five people over periods 1 to 5: four start in 3, four in 4, four never.

    The effect is 0.1 in the first period and 0.1 more in each one after; all decline by 0.05 a period.
    """
    dice = np.random.default_rng(seed)
    rows = []
    for site in range(12):
        start = {0: 3.0, 1: 4.0}.get(site % 3, math.nan)
        for person in range(5):
            level = dice.normal(0.6, 0.1)
            for period in range(1, 6):
                effect = 0.1 * (period - start + 1) if period >= start else 0.0
                score = level - 0.05 * period + effect + noise * dice.normal()
                rows.append({"person": f"{site}-{person}", "site": site, "period": period, "start": start,
                             "score": score, "age": 50.0 + person, "arm": 0})  # fmt: skip
    return pd.DataFrame(rows)


# ---------------------------------------------------------------------------- two periods


@EVERY
def test_without_covariates_it_is_the_difference_of_mean_changes(method: str) -> None:
    rows = study()
    change = (rows["score"] - rows["baseline"]).groupby(rows["arm"])
    found = doubly_robust_change(rows, covariates=(), method=method, errors="classical").main
    assert found.estimate == pytest.approx(change.mean()[1] - change.mean()[0], rel=1e-9)
    variance = (change.var(ddof=0) / change.size()).sum()
    assert found.std_error == pytest.approx(math.sqrt(variance), rel=1e-9)


@EVERY
def test_people_alike_are_compared_with_people_alike(method: str) -> None:
    """Crude changes differ by 0.04, for the intervention arm is older; alike in age, by the 0.1 that was put in."""
    rows = study()
    crude = doubly_robust_change(rows, covariates=(), method=method).main
    alike = doubly_robust_change(rows, covariates=(AGE,), method=method).main
    assert crude.estimate == pytest.approx(0.04, abs=0.03)
    assert alike.estimate == pytest.approx(0.1, abs=0.02)


@pytest.mark.parametrize("right", ["doubly robust", "regression"])
def test_where_changes_follow_the_covariates_exactly_so_does_the_answer(right: str) -> None:
    rows = study()
    rows["score"] = rows["baseline"] - 0.01 * rows["age"] + 0.2 * rows["arm"]
    found = doubly_robust_change(rows, covariates=(AGE,), method=right, errors="classical").main
    assert found.estimate == pytest.approx(0.2, rel=1e-9)


@EVERY
def test_influences_are_what_a_person_more_or_less_moves(method: str) -> None:
    """A person counted twice moves the answer by their influence over the number of people, but for what is left."""
    rows = study(6, 200)
    X = np.column_stack([np.ones(len(rows)), rows["age"]])
    change, arm = (rows["score"] - rows["baseline"]).to_numpy(), rows["arm"].to_numpy(dtype=float)
    terms = ("(Intercept)", "age")
    value, influence = effect_on_treated(change, arm, X, terms, method)
    assert influence.mean() == pytest.approx(0, abs=1e-8)
    for person in (3, 700, 2000):
        again = np.append(np.arange(len(rows)), person)
        moved = effect_on_treated(change[again], arm[again], X[again], terms, method)[0] - value
        assert moved * len(rows) == pytest.approx(influence[person], rel=0.05, abs=2e-4)


def test_the_errors_by_site_are_those_of_the_sites_sums() -> None:
    rows = study()
    arm, site = rows["arm"].to_numpy(dtype=float), pd.factorize(rows["site"])[0]
    influence = np.where(arm == 1, 1.0, -1.0) * np.arange(len(rows))
    influence -= influence.mean()
    sums = pd.Series(influence).groupby(site).sum()
    plain = math.sqrt((sums**2).sum()) / len(rows)
    assert error_of(influence, arm, site, "CR0") == pytest.approx((plain, 11))
    assert error_of(influence, arm, site, "CR1") == pytest.approx((plain * math.sqrt(12 / 11), 11))


def test_the_default_errors_without_covariates_are_those_of_a_regression_of_the_change() -> None:
    """From sums per site, as for any linear model."""
    from analysis.moments import cluster_robust, from_rows, least_squares

    rows = study()
    found = doubly_robust_change(rows, covariates=()).main
    X = np.column_stack([np.ones(len(rows)), rows["arm"]])
    change = (rows["score"] - rows["baseline"]).to_numpy()
    expected = cluster_robust(least_squares(from_rows(X, change, rows["site"], ("one", "arm"))))
    assert (found.std_error, found.df) == pytest.approx((expected.std_error[1], expected.df[1]), rel=1e-9)


def test_who_lacks_something_is_left_out() -> None:
    rows = study()
    rows.loc[0, "score"], rows.loc[1, "baseline"], rows.loc[179, "age"] = np.nan, np.nan, np.nan
    assert doubly_robust_change(rows, covariates=(AGE,)).n == (88, 89)


def test_few_sites_forbid_a_p_value_and_one_an_interval() -> None:
    assert doubly_robust_change(study(3, 30), covariates=()).main.p_value is None
    rows = study()
    rows.loc[rows["arm"] == 1, "site"] = "only one"
    one = doubly_robust_change(rows, covariates=()).main
    assert (one.std_error, one.df, one.conf_low) == (None, None, None)


@pytest.mark.parametrize("method", ["doubly robust", "weights"])
def test_a_kind_of_people_in_one_arm_only_is_refused(method: str) -> None:
    rows = study()
    rows["town"] = np.where((rows["arm"] == 1) & (rows.index % 3 == 0), "Ash", "Elm")
    with pytest.raises(AnalysisError, match="as when everybody of some group is in one arm"):
        doubly_robust_change(rows, covariates=(TOWN,), method=method)


def test_a_regression_needs_the_kinds_of_people_in_the_comparison_arm() -> None:
    rows = study()
    rows["town"] = np.where((rows["arm"] == 1) & (rows.index % 3 == 0), "Ash", "Elm")
    with pytest.raises(AnalysisError, match="the comparison arm has too few people to tell the covariates apart"):
        doubly_robust_change(rows, covariates=(TOWN,), method="regression")


def test_an_unknown_method_and_unknown_errors_are_refused() -> None:
    with pytest.raises(AnalysisError, match="unknown method 'magic'; allowed: doubly robust, regression, weights"):
        doubly_robust_change(study(), covariates=(), method="magic")
    with pytest.raises(AnalysisError, match="unknown errors 'HC3'; allowed: CR2"):
        doubly_robust_change(study(), covariates=(), errors="HC3")


# ---------------------------------------------------------------------------- staggered


@pytest.mark.parametrize("compared_with", ["never", "not yet"])
def test_growing_effects_are_found_as_they_are(compared_with: str) -> None:
    """Plain two-way effects would mix late starters with early ones; here each number is what was put in."""
    fitted = staggered(rollout(), errors="classical", compared_with=compared_with)
    terms = {term.term: term.estimate for term in fitted.terms}
    assert terms["3 in 2"] == pytest.approx(0, abs=1e-9)
    assert [terms[name] for name in ("3 in 3", "3 in 4", "3 in 5", "4 in 4", "4 in 5")] == pytest.approx(
        [0.1, 0.2, 0.3, 0.1, 0.2]
    )
    assert [terms[f"start{e:+d}"] for e in range(-2, 3)] == pytest.approx([0, 0, 0.1, 0.2, 0.3], abs=1e-9)
    averages = {answer.term: answer.estimate for answer in fitted.answers}
    expected = {"simple": 0.18, "group": 0.175, "dynamic": 0.2, "calendar": (0.1 + 0.15 + 0.25) / 3}
    assert averages == pytest.approx(expected)


def test_the_average_asked_for_comes_first() -> None:
    fitted = staggered(rollout(noise=0.02), average="dynamic")
    assert [answer.term for answer in fitted.answers] == ["dynamic", "simple", "group", "calendar"]
    assert (fitted.n, fitted.n_clusters) == ((40, 20), (8, 4))
    assert fitted.main.df is not None


def test_who_has_one_from_the_first_period_on_is_left_out_and_named() -> None:
    rows = rollout(noise=0.02)
    rows["start"] = rows["start"].replace(3.0, 1.0)
    fitted = staggered(rows)
    assert fitted.n == (20, 20)
    assert fitted.warnings[0].startswith("20 people had a link worker from the first period on")


def test_a_start_after_the_last_period_is_none() -> None:
    rows = rollout(noise=0.02)
    one, other = (staggered(frame).main for frame in (rows, rows.assign(start=rows["start"].fillna(9.0))))
    assert other == one


def test_people_not_seen_in_every_period_are_left_out() -> None:
    rows = rollout(noise=0.02)
    rows.loc[(rows["person"] == "0-0") & (rows["period"] == 2), "score"] = np.nan
    rows = rows[~((rows["person"] == "2-1") & (rows["period"] == 5))]
    assert staggered(rows).n == (39, 19)


def test_groups_that_did_not_move_alike_before_are_pointed_out() -> None:
    rows = rollout(noise=0.02)
    rows.loc[rows["start"].notna(), "score"] += 0.1 * rows["period"]
    assert "Before the start the groups did not move alike (Wald test, p = 0.000)" in staggered(rows).warnings[-1]


def test_without_a_period_before_there_is_nothing_to_test() -> None:
    from analysis.estimators.staggered import moved_alike

    rows = rollout(noise=0.02)
    found = group_time_effects(rows[rows["period"].between(2, 3) & (rows["start"] != 4)])
    assert moved_alike(found) is None


def test_covariates_are_those_of_the_first_period() -> None:
    rows = rollout(noise=0.02)
    moving = rows.assign(age=rows["age"] + 100 * (rows["period"] > 1))
    assert staggered(moving, covariates=(AGE,)).main == staggered(rows, covariates=(AGE,)).main


def test_where_everybody_starts_in_the_end_the_remedy_is_named() -> None:
    rows = rollout()
    with pytest.raises(AnalysisError, match="no site stays without a link worker; leave out the periods from the last"):
        staggered(rows.dropna(subset=["start"]))
    fitted = staggered(rows.dropna(subset=["start"]).query("period < 4"), errors="classical")
    assert fitted.main.estimate == pytest.approx(0.1)


@pytest.mark.parametrize(("name", "value"), [("start", 5.0), ("site", 99)])
def test_somebody_with_two_starts_or_sites_is_refused(name: str, value: float) -> None:
    rows = rollout()
    rows.loc[0, name] = value
    with pytest.raises(AnalysisError, match=f"{name}: somebody has two of them; give each person one"):
        staggered(rows)


def test_doubles_single_periods_and_unknown_words_are_refused() -> None:
    rows = rollout()
    with pytest.raises(AnalysisError, match="two rows in one period; keep one"):
        staggered(pd.concat([rows, rows.iloc[:1]]))
    with pytest.raises(AnalysisError, match="nobody was seen in two periods"):
        staggered(rows[rows["period"] == 1])
    with pytest.raises(AnalysisError, match="unknown average 'mean'; allowed: simple, group, dynamic, calendar"):
        staggered(rows, average="mean")
    with pytest.raises(AnalysisError, match="unknown comparison 'always'; allowed: never, not yet"):
        staggered(rows, compared_with="always")
