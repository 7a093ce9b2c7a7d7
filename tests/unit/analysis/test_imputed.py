"""The difference with missing values imputed: where it must agree with others, what may not matter, and what it refuses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import astuple
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.cohort import Cohort, auxiliaries, wide_rows_of
from analysis.estimators import ESTIMATORS, ancova
from analysis.estimators.imputed import Completed, completed, imputed, pooled_ancova, tipping_of, tipping_point
from analysis.moments import cluster_robust, from_rows, least_squares
from analysis.result import AnalysisError, Fitted
from instruments.plan import Covariate
from tests.unit.analysis.study import PLAN, Rows
from tests.unit.analysis.test_ancova import AGE, TOWN, study

Make = Callable[..., Cohort]
FEW: dict[str, Any] = {"covariates": (AGE,), "imputations": 4, "iterations": 3}


def with_gaps(sites_per_arm: int = 5, each: int = 8, seed: int = 1, share: float = 0.25) -> pd.DataFrame:
    """The made-up study with a score in between, and some follow-up scores missing."""
    dice = np.random.default_rng(seed)
    rows = study(sites_per_arm, each, seed)
    rows["between"] = rows["score"] + dice.normal(0, 0.5, len(rows))
    rows.loc[dice.random(len(rows)) < share, "score"] = np.nan
    return rows


def close(one: Fitted, other: Fitted, **tolerance: float) -> None:
    for first, second in zip((*one.answers, *one.terms), (*other.answers, *other.terms), strict=True):
        numbers = [tuple(v for v in astuple(each) if isinstance(v, float)) for each in (first, second)]
        assert numbers[1] == pytest.approx(numbers[0], **(tolerance or {"rel": 1e-7, "abs": 1e-10}))


# ---------------------------------------------------------------------------- special cases


@pytest.mark.parametrize("errors", ["CR2", "CR1", "classical"])
def test_where_nothing_is_missing_it_is_ancova_exactly(errors: str) -> None:
    rows = study()
    one, other = (
        ancova(rows, covariates=(AGE, TOWN), errors=errors),
        imputed(rows, covariates=(AGE, TOWN), errors=errors),
    )
    assert [astuple(each)[:9] for each in other.terms] == [astuple(each)[:9] for each in one.terms]
    assert (other.n, other.n_clusters, other.warnings) == (one.n, one.n_clusters, one.warnings)


def test_the_method_says_how_many_imputations_and_which_errors() -> None:
    assert imputed(with_gaps(), **FEW).main.method == "ANCOVA, multiple imputation (4), CR2 by site"
    assert imputed(with_gaps(), errors="classical", **FEW).main.method == (
        "ANCOVA, multiple imputation (4), classical errors"
    )


def test_it_is_the_mean_of_the_completed_data_sets_and_its_error_is_rubin_s() -> None:
    rows = with_gaps()
    fitted, done = imputed(rows, **FEW), completed(rows, (AGE,), imputations=4, iterations=3)
    fits = [ancova(done.table(place), covariates=(AGE,)).main for place in range(4)]
    estimates = [fit.estimate for fit in fits]
    within = np.mean([fit.std_error**2 for fit in fits if fit.std_error is not None])
    assert fitted.main.estimate == pytest.approx(np.mean(estimates))
    assert fitted.main.std_error == pytest.approx(np.sqrt(within + 1.25 * np.var(estimates, ddof=1)))
    assert fitted.main.df is not None
    assert fitted.main.df < np.mean([fit.df for fit in fits if fit.df is not None])


def test_everybody_alive_counts_and_every_site_with_them() -> None:
    fitted = imputed(with_gaps(), **FEW)
    assert fitted.n == (40, 40)
    assert fitted.n_clusters == (5, 5)
    assert fitted.main.n == 80


def test_who_died_without_a_score_is_never_imputed() -> None:
    rows = with_gaps()
    gone = rows.index[rows["score"].isna()][:5]
    marked = rows.assign(died=rows.index.isin(gone))
    assert sum(imputed(marked, **FEW).n) == 75
    close(imputed(marked, **FEW), imputed(rows.drop(index=gone), **FEW))


def test_a_score_from_before_a_death_counts() -> None:
    rows = with_gaps()
    marked = rows.assign(died=rows["score"].notna())
    assert sum(imputed(marked, **FEW).n) == 80
    close(imputed(marked, **FEW), imputed(rows, **FEW))


def test_nobody_is_dead_where_it_is_not_known() -> None:
    rows = with_gaps()
    close(imputed(rows.assign(died=None), **FEW), imputed(rows, **FEW))


@pytest.mark.parametrize("column", ["baseline", "age", "town"])
def test_baselines_and_covariates_are_imputed_too(column: str) -> None:
    rows = with_gaps()
    rows.loc[[3, 50, 61], column] = np.nan
    fitted = imputed(rows, covariates=(AGE, TOWN), imputations=4, iterations=3)
    assert fitted.n == (40, 40)
    assert fitted.main.estimate == pytest.approx(imputed(with_gaps(), covariates=(AGE, TOWN)).main.estimate, abs=0.5)


def test_a_covariate_with_two_values_keeps_them() -> None:
    rows = with_gaps().assign(offered=lambda frame: (frame["age"] > 50).astype(float) * 2 + 1)
    rows.loc[[3, 50, 61], "offered"] = np.nan
    done = completed(rows, (Covariate("offered", "number"),), imputations=5)
    for place in range(5):
        assert set(done.table(place)["offered"]) == {1.0, 3.0}


def test_levels_of_a_category_stay_in_their_order() -> None:
    rows = with_gaps()
    rows.loc[[3, 50], "town"] = np.nan
    table = completed(rows, (TOWN,), imputations=2).table(1)
    assert list(table["town"].cat.categories) == ["Elm", "Oak", "Yew"]
    assert table["town"].notna().all()
    assert (table["town"] == rows["town"])[rows["town"].notna()].all()


def test_a_score_at_another_timepoint_narrows_the_answer() -> None:
    """Who is missing at follow-up was there in between, and told nearly everything."""
    rows = with_gaps(each=30, share=0.5)
    without = imputed(rows, covariates=(), errors="classical").main.std_error
    with_it = imputed(rows, covariates=(), errors="classical", auxiliaries=("between",)).main.std_error
    assert with_it is not None
    assert without is not None
    assert with_it < 0.9 * without


def test_an_auxiliary_that_hardly_anybody_has_is_left_out() -> None:
    rows = with_gaps()
    rows.loc[rows.index[5:], "between"] = np.nan
    close(imputed(rows, auxiliaries=("between",), **FEW), imputed(rows, **FEW))


# ---------------------------------------------------------------------------- what may not matter


def test_the_order_of_people_does_not_matter() -> None:
    rows = with_gaps()
    close(imputed(rows, **FEW), imputed(rows.sample(frac=1, random_state=3), **FEW))


def test_the_names_of_sites_do_not_matter() -> None:
    rows = with_gaps()
    other = rows.assign(site=rows["site"].map(lambda name: f"z{9 - int(name[1:])}"))
    close(imputed(rows, **FEW), imputed(other, **FEW))


def test_exchanging_the_arms_turns_the_sign_and_nothing_else() -> None:
    rows = with_gaps()
    one, other = imputed(rows, **FEW).main, imputed(rows.assign(arm=1 - rows["arm"]), **FEW).main
    assert other.estimate == pytest.approx(-one.estimate)
    assert (other.std_error, other.df) == pytest.approx((one.std_error, one.df))


@pytest.mark.parametrize("draw", ["normal", "matching"])
def test_the_unit_of_the_score_is_that_of_the_answer(draw: str) -> None:
    rows = with_gaps()
    other = rows.assign(score=10 * rows["score"] - 4, baseline=10 * rows["baseline"] + 2)
    one, ten = imputed(rows, draw=draw, **FEW).main, imputed(other, draw=draw, **FEW).main
    assert (ten.estimate, ten.std_error) == pytest.approx((10 * one.estimate, 10 * (one.std_error or 0)), rel=1e-6)
    assert (ten.df, ten.p_value) == pytest.approx((one.df, one.p_value), rel=1e-5)


def test_columns_that_nobody_named_do_not_matter() -> None:
    rows = with_gaps()
    close(imputed(rows, **FEW), imputed(rows.drop(columns=["between", "town"]), **FEW))


def test_the_same_seed_gives_the_same_and_another_seed_nearly_the_same() -> None:
    rows = with_gaps(each=20)
    one, same, other = (imputed(rows, covariates=(AGE,), seed=seed).main for seed in (5, 5, 6))
    assert one == same
    assert other.estimate != one.estimate
    assert other.estimate == pytest.approx(one.estimate, abs=one.std_error)


# ---------------------------------------------------------------------------- few sites, much missing


def test_two_sites_in_an_arm_give_no_p_value_and_one_no_interval() -> None:
    two, one = with_gaps(2, 20), with_gaps(4)
    one.loc[one["arm"] == 0, "site"] = "only one"
    fitted = imputed(two, **FEW)
    assert (fitted.main.p_value, fitted.main.conf_low is None) == (None, False)
    assert "One arm has only 2 sites." in fitted.warnings[0]
    alone = imputed(one, **FEW)
    assert (alone.main.std_error, alone.main.conf_low, alone.main.p_value) == (None, None, None)
    assert "no interval and no p-value are given" in alone.warnings[0]


def test_where_people_were_allocated_sites_may_be_unknown() -> None:
    rows = with_gaps().assign(site=None)
    fitted = imputed(rows, errors="classical", **FEW)
    assert fitted.n_clusters is None
    assert fitted.main.p_value is not None


def test_much_missing_information_is_a_warning() -> None:
    dice = np.random.default_rng(2)
    rows = with_gaps(each=30)
    rows.loc[dice.random(len(rows)) < 0.8, "score"] = np.nan
    fitted = imputed(rows, covariates=(), errors="classical")
    (warning,) = fitted.warnings
    assert "of the information about the difference is missing: the answer leans more on what is assumed" in warning


# ---------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(("arm", "role"), [(1, "intervention"), (0, "comparison")])
def test_an_arm_without_any_score_is_refused(arm: int, role: str) -> None:
    rows = with_gaps()
    rows.loc[rows["arm"] == arm, "score"] = np.nan
    with pytest.raises(AnalysisError, match=f"the {role} arm has nobody with a score; there is nothing to impute from"):
        imputed(rows, **FEW)


def test_an_arm_whose_every_member_died_is_refused() -> None:
    rows = with_gaps()
    rows.loc[rows["arm"] == 1, "score"] = np.nan
    with pytest.raises(AnalysisError, match="the intervention arm has nobody with a score"):
        imputed(rows.assign(died=rows["arm"] == 1), **FEW)


def test_an_arm_with_hardly_any_score_is_refused() -> None:
    rows = with_gaps()
    rows.loc[rows.index[(rows["arm"] == 1) & rows["score"].notna()][3:], "score"] = np.nan
    with pytest.raises(AnalysisError, match="'score' is known for too few people of an arm to impute it from 3 terms"):
        imputed(rows, **FEW)


def test_somebody_twice_is_refused() -> None:
    rows = with_gaps()
    with pytest.raises(AnalysisError, match="somebody stands twice in the index; give one row a person"):
        imputed(pd.concat([rows, rows.iloc[:1]]), **FEW)


def test_a_score_that_is_the_same_for_everybody_has_no_difference_and_no_p_value() -> None:
    rows = with_gaps()
    rows["score"] = rows["score"].where(rows["score"].isna(), 7.0)
    main = imputed(rows, **FEW).main
    assert main.estimate == pytest.approx(0, abs=1e-9)
    assert main.std_error == pytest.approx(0, abs=1e-9)


def test_a_baseline_nobody_has_is_refused() -> None:
    with pytest.raises(AnalysisError, match="'baseline' is missing for everybody in an arm"):
        imputed(with_gaps().assign(baseline=np.nan), **FEW)


# ---------------------------------------------------------------------------- tipping points


def test_without_a_shift_nothing_is_shifted() -> None:
    rows = with_gaps()
    found, plain = tipping_point(rows, deltas=[], **FEW), imputed(rows, **FEW).main
    assert found.deltas == (0.0,)
    for whose in ("intervention", "comparison", "both"):
        (answer,) = found.answers[whose]
        assert astuple(answer)[1:9] == pytest.approx(astuple(plain)[1:9], rel=1e-9)
    assert found.unshifted == found.answers["both"][0]


@pytest.mark.parametrize("whose", ["intervention", "comparison", "both"])
@pytest.mark.parametrize("errors", ["CR2", "CR1S", "classical"])
@pytest.mark.parametrize("delta", [-1.3, 0.4])
def test_a_shift_is_what_shifting_the_data_gives(whose: str, errors: str, delta: float) -> None:
    rows = with_gaps()
    done = completed(rows, (AGE,), imputations=4, iterations=3)
    arms = {"intervention": [1], "comparison": [0], "both": [0, 1]}[whose]
    moved = done.without_score & done.rows["arm"].isin(arms).to_numpy()
    by_hand = Completed(done.rows, {"score": done.drawn["score"] + delta * moved}, {}, 4)
    expected = pooled_ancova(by_hand, covariates=(AGE,), errors=errors).main
    found = tipping_of(done, covariates=(AGE,), errors=errors, deltas=[delta])
    answer = found.answers[whose][found.deltas.index(delta)]
    assert astuple(answer)[1:7] == pytest.approx(astuple(expected)[1:7], rel=1e-8)


def test_the_estimate_moves_by_the_share_of_the_shift_that_the_model_lets_through() -> None:
    """The slope is the coefficient of the arm in a regression of who was shifted: about the share that is missing."""
    rows = with_gaps()
    found = tipping_point(rows, deltas=[1.0], **FEW)
    shifted = (rows["score"].isna() & (rows["arm"] == 1)).to_numpy(dtype=float)
    X = np.column_stack([np.ones(80), rows["arm"], rows["baseline"], rows["age"]])
    slope = np.linalg.lstsq(X, shifted, rcond=None)[0][1]
    first, second = (answer.estimate for answer in found.answers["intervention"])
    assert second - first == pytest.approx(slope)
    assert slope == pytest.approx(shifted[rows["arm"] == 1].mean(), abs=0.1)


def test_the_model_s_error_takes_the_shift_in() -> None:
    rows = with_gaps()
    found = tipping_point(rows, deltas=[5.0], covariates=(AGE,), imputations=1)
    done = completed(rows, (AGE,), imputations=1)
    y = done.table(0)["score"].to_numpy() + 5.0 * done.without_score * (done.rows["arm"] == 1)
    X = np.column_stack([np.ones(80), rows["arm"], rows["baseline"], rows["age"]])
    fit = least_squares(from_rows(X, np.asarray(y), rows["site"], ("one", "arm", "baseline", "age")))
    assert found.answers["intervention"][1].std_error == pytest.approx(cluster_robust(fit).std_error[1])


def test_the_answer_turns_where_it_says() -> None:
    rows = with_gaps(each=20, share=0.4)
    found = tipping_point(rows, covariates=(AGE,), deltas=[-20, 20])
    below, above = found.turns["intervention"]
    assert below is not None
    for side, inside in ((0.999, False), (1.001, True)):
        there = tipping_point(rows, covariates=(AGE,), deltas=[side * below]).answers["intervention"][0]
        assert there.conf_low is not None
        assert (there.conf_low <= 0) == inside
    assert above is None
    assert found.turns["comparison"][1] is not None


def test_shifts_in_the_two_arms_pull_in_opposite_directions() -> None:
    found = tipping_point(with_gaps(), **FEW)
    first, second, both = (
        [answer.estimate for answer in found.answers[whose]] for whose in ("intervention", "comparison", "both")
    )
    assert first == sorted(first)
    assert second == sorted(second, reverse=True)
    middle = found.unshifted.estimate
    assert [a + b - middle for a, b in zip(first, second, strict=True)] == pytest.approx(both)


def test_where_nobody_is_missing_no_shift_matters() -> None:
    found = tipping_point(study(), covariates=(AGE,))
    assert found.imputed == (0, 0)
    assert found.fraction_missing == 0
    for answers in found.answers.values():
        assert {round(answer.estimate, 10) for answer in answers} == {round(found.unshifted.estimate, 10)}
    assert set(found.turns.values()) == {(None, None)}


def test_with_one_site_in_an_arm_there_is_nothing_to_turn() -> None:
    rows = with_gaps(4)
    rows.loc[rows["arm"] == 0, "site"] = "only one"
    found = tipping_point(rows, **FEW)
    assert set(found.turns.values()) == {(None, None)}
    assert found.unshifted.conf_low is None


@pytest.mark.parametrize(("unit", "step"), [(1.0, 0.5), (0.1, 0.05), (12.0, 5.0), (1000.0, 500.0)])
def test_the_grid_is_in_round_fifths_of_a_standard_deviation(unit: float, step: float) -> None:
    rows = with_gaps()
    rows["score"] *= unit
    rows["baseline"] *= unit
    deltas = tipping_point(rows, **FEW).deltas
    assert len(deltas) == 11
    assert deltas[5] == 0
    assert np.diff(deltas) == pytest.approx(np.full(10, step))


def test_scores_without_any_spread_are_not_shifted() -> None:
    rows = with_gaps()
    rows["score"] = rows["score"].where(rows["score"].isna(), 7.0)
    assert tipping_point(rows, **FEW).deltas == (0.0,)


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_a_shift_that_is_no_number_is_refused(wrong: float) -> None:
    with pytest.raises(AnalysisError, match="deltas: a shift is missing or infinite; give finite numbers in units"):
        tipping_point(with_gaps(), deltas=[wrong], **FEW)


# ---------------------------------------------------------------------------- against chance


def missing_at_random(seed: int) -> pd.DataFrame:
    """No difference; who did badly in between is likely to be missing later, more so in one arm; sites differ."""
    dice = np.random.default_rng(seed)
    site = np.repeat(np.arange(16), 25)
    arm = (site < 8).astype(int)
    own = dice.normal(size=400) + 0.5 * dice.normal(size=16)[site]
    baseline, between, score = (own + dice.normal(0, 0.6, 400) for _ in range(3))
    gone = dice.random(400) < 1 / (1 + np.exp(-(between * np.where(arm == 1, -2.0, -0.3) - 0.8)))
    columns = {"arm": arm, "site": site, "baseline": baseline, "between": between}
    return pd.DataFrame({**columns, "score": np.where(gone, np.nan, score)})


def test_where_the_missing_can_be_foretold_it_is_right_and_complete_cases_are_not() -> None:
    """60 studies: the mean is within three of its standard errors of nothing, where complete cases are far from it."""
    whole, complete, held = [], [], []
    for seed in range(60):
        rows = missing_at_random(seed)
        found = imputed(rows, covariates=(), auxiliaries=("between",), imputations=5, iterations=2, seed=seed).main
        whole.append(found.estimate)
        complete.append(ancova(rows, covariates=()).main.estimate)
        assert found.conf_low is not None
        assert found.conf_high is not None
        held.append(found.conf_low <= 0 <= found.conf_high)
    error = float(np.std(whole, ddof=1)) / np.sqrt(60)
    assert abs(np.mean(whole)) < 3 * error
    assert np.mean(complete) > 5 * error
    assert 0.87 <= np.mean(held) <= 1


# ---------------------------------------------------------------------------- from a cohort


def without_6m(rows: Rows, people: list[str]) -> None:
    """Take the score at six months from people."""
    for table in ("scores", "assessments"):
        rows[table] = [line for line in rows[table] if not (line["person"] in people and line["timepoint"] == "6m")]


def test_wide_rows_have_every_timepoint_and_who_had_died(rows: Rows, cohort_of: Make) -> None:
    without_6m(rows, ["s1-0", "s1-1", "s1-2"])
    for person, reason, days in (
        ("s1-0", "died", 100),
        ("s1-1", "died", 400),
        ("s1-2", "moved", 100),
        ("s1-3", "died", None),
    ):
        (line,) = (line for line in rows["people"] if line["person"] == person)
        line["left_reason"] = reason
        line["left_on"] = None if days is None else line["entered_on"] + pd.Timedelta(days=days).to_pytimedelta()
    cohort = cohort_of(rows)
    wide = wide_rows_of(cohort, cohort.plan.outcomes[1])
    assert list(auxiliaries(cohort.plan, cohort.plan.outcomes[1])) == ["score at 3m"]
    assert len(wide) == 160
    assert wide["died"][["s1-0", "s1-1", "s1-2", "s1-3", "s1-4"]].tolist() == [True, False, False, True, False]
    given = {
        line["person"]: line["score"]
        for line in rows["scores"]
        if line["instrument"] == "phq9" and line["timepoint"] == "3m"
    }
    assert wide["score at 3m"].dropna().to_dict() == given


def test_the_plan_s_method_imputes_everybody_who_had_not_died(rows: Rows, cohort_of: Make) -> None:
    without_6m(rows, ["s1-0", "s1-1"])
    (line,) = (line for line in rows["people"] if line["person"] == "s1-0")
    line |= {"left_reason": "died", "left_on": line["entered_on"]}
    cohort = cohort_of(rows, PLAN)
    fitted = ESTIMATORS["imputation"](cohort, cohort.plan.outcomes[1])
    assert fitted.n == (79, 80)
    assert fitted.main.method == "ANCOVA, multiple imputation (20), CR2 by site"
    again = ESTIMATORS["imputation"](cohort, cohort.plan.outcomes[1])
    assert again == fitted
