"""Matched pairs in cases whose answer is known, what must not matter to them, and everything that is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.estimators.ancova import ancova
from analysis.estimators.did import did
from analysis.estimators.matching import LEFT_OUT, TIED, match, matched_did, matching, nearest_pairs
from analysis.result import AnalysisError
from instruments.plan_methods import MISLEADS
from tests.unit.analysis.unlike_arms import AGE, TOWN, study

NOW, LATER = "baseline", "6m"


def long(rows: pd.DataFrame) -> pd.DataFrame:
    """The same, a row for each person and timepoint."""
    wide = rows.rename(columns={"score": LATER}).reset_index(names="person")
    melted = wide.melt(["person", "arm", "site", "age", "town"], [NOW, LATER], var_name="timepoint", value_name="score")
    return melted.assign(timepoint=pd.Categorical(melted["timepoint"], [NOW, LATER], ordered=True))


def pairs(score: list[float], arm: list[int], caliper: float | None = None) -> list[tuple[int, ...]]:
    return [tuple(pair) for pair in nearest_pairs(np.array(score), np.array(arm), caliper)]


# ---------------------------------------------------------------------------- who goes with whom


def test_who_has_the_highest_score_chooses_first() -> None:
    """0.9 takes 0.8, which is nearest to 0.7 too; that one is left with 0.1."""
    assert pairs([0.7, 0.9, 0.1, 0.8], [1, 1, 0, 0]) == [(1, 3), (0, 2)]


def test_of_two_as_near_the_lower_score_is_taken() -> None:
    assert pairs([0.5, 0.25, 0.75], [1, 0, 0]) == [(0, 1)]
    assert pairs([0.5, 0.75, 0.25], [1, 0, 0]) == [(0, 2)]


@pytest.mark.parametrize("shared", [0.25, 0.75])
def test_of_those_with_one_score_the_first_row_is_taken(shared: float) -> None:
    assert pairs([0.5, shared, shared, shared], [1, 0, 0, 0]) == [(0, 1)]
    assert pairs([0.5, 0.5, shared, shared], [1, 1, 0, 0]) == [(0, 2), (1, 3)]


def test_scores_that_differ_by_rounding_alone_are_one_score() -> None:
    assert pairs([0.5, 0.25 + 1e-14, 0.25], [1, 0, 0]) == [(0, 1)]


def test_nobody_is_in_two_pairs_and_who_is_left_over_stays_alone() -> None:
    assert pairs([0.9, 0.8, 0.7, 0.6], [1, 1, 1, 0]) == [(0, 3)]
    assert pairs([0.9, 0.8, 0.7, 0.6], [1, 0, 0, 0]) == [(0, 1)]
    assert pairs([0.9, 0.8], [1, 1]) == []


def test_a_caliper_is_in_standard_deviations_of_the_score_within_the_arms() -> None:
    """Both variances are 2, so that a standard deviation is the root of 2, and the pairs are 1 apart."""
    score, arm = [1.0, 3.0, 0.0, 2.0], [1, 1, 0, 0]
    assert pairs(score, arm, 0.71) == [(1, 3), (0, 2)]
    assert pairs(score, arm, 0.70) == []


@given(st.integers(0, 10_000), st.sampled_from([None, 0.05, 0.2, 1.0]))
@settings(max_examples=60, deadline=None)
def test_every_pair_has_one_of_each_arm_and_lies_within_the_caliper(seed: int, caliper: float | None) -> None:
    dice = np.random.default_rng(seed)
    arm = (dice.uniform(size=60) < 0.5).astype(int)
    score = dice.normal(0.5 * arm).round(1)
    found = nearest_pairs(score, arm, caliper)
    assert len(set(found.ravel())) == 2 * len(found)
    assert (arm[found[:, 0]] == 1).all()
    assert (arm[found[:, 1]] == 0).all()
    if caliper is None:
        assert len(found) == min(arm.sum(), (1 - arm).sum())
    else:
        spread = np.sqrt((score[arm == 1].var(ddof=1) + score[arm == 0].var(ddof=1)) / 2)
        assert np.abs(np.diff(score[found])).max(initial=0) <= caliper * spread + 1e-9


# ---------------------------------------------------------------------------- balance of pairs


def test_pairs_weigh_one_and_the_others_nothing() -> None:
    found = match(study(), (AGE, TOWN))
    assert set(found.weights) == {0.0, 1.0}
    counted = found.laid.rows["arm"][found.weights > 0].value_counts()
    assert counted[1] == counted[0]
    assert found.balance.effective == (counted[1], counted[0])


def test_pairs_are_more_alike_than_the_arms_were() -> None:
    found = match(study(each=60), (AGE, TOWN))
    assert found.balance.terms == ("baseline", "age", "town=Oak")
    assert np.abs(found.balance.after).max() < 0.1 < np.abs(found.balance.before).max()


def test_only_named_facts_make_the_score() -> None:
    rows = study()
    assert match(rows, (AGE, TOWN), ("age",)).balance.terms == ("age",)
    assert match(rows, (AGE, TOWN), ("baseline", "town")).balance.terms == ("baseline", "town=Oak")
    by_age = match(rows, (AGE,), ("age",)).score
    assert by_age == pytest.approx(
        match(rows.assign(baseline=rows["baseline"][::-1].to_numpy()), (AGE,), ("age",)).score
    )


def test_who_lacks_the_baseline_is_not_matched_though_it_is_no_fact() -> None:
    rows = study()
    rows.loc[:4, "baseline"] = np.nan
    assert set(match(rows, (AGE,), ("age",)).laid.rows.index) == set(rows.index[5:])


def test_people_without_an_outcome_are_matched_all_the_same() -> None:
    rows = study()
    lost = rows.assign(score=rows["score"].mask(rows.index % 4 == 0))
    assert (match(lost, (AGE,)).weights == match(rows, (AGE,)).weights).all()
    kept = rows.index[match(rows, (AGE,)).weights > 0]
    assert sum(matching(lost, covariates=(AGE,)).n) == int(lost.loc[kept, "score"].notna().sum())


def test_the_order_of_rows_does_not_matter_even_where_many_are_alike() -> None:
    rows = study().assign(
        age=lambda frame: (frame["age"] / 20).round(), baseline=lambda frame: frame["baseline"].round(1)
    )
    one, other = match(rows, (AGE,)), match(rows.sample(frac=1, random_state=3), (AGE,))
    assert list(one.laid.rows.index[one.weights > 0]) == list(other.laid.rows.index[other.weights > 0])


# ---------------------------------------------------------------------------- differences


def test_the_difference_is_the_analysis_of_covariance_of_the_pairs() -> None:
    rows = study()
    kept = rows.loc[rows.index[match(rows, (AGE, TOWN)).weights > 0]]
    found, expected = matching(rows, covariates=(AGE, TOWN)), ancova(kept, covariates=(AGE, TOWN))
    assert [term.estimate for term in found.terms] == pytest.approx([term.estimate for term in expected.terms])
    assert (found.main.std_error, found.main.df) == pytest.approx((expected.main.std_error, expected.main.df))
    assert found.main.method == "Matched pairs within 0.2 SD: ANCOVA, CR2 by site"


def test_without_a_caliper_the_method_names_none() -> None:
    assert matching(study(), covariates=(AGE,), caliper=None).main.method == "Matched pairs: ANCOVA, CR2 by site"


def test_the_change_is_that_of_the_pairs() -> None:
    rows = study()
    kept = rows.index[match(rows, (AGE, TOWN), ("age", "town")).weights > 0]
    whole = long(rows)
    found = matched_did(whole, covariates=(AGE, TOWN), at=LATER)
    expected = did(whole[whole["person"].isin(kept)], covariates=(), at=LATER)
    assert (found.main.estimate, found.main.std_error) == pytest.approx(
        (expected.main.estimate, expected.main.std_error)
    )
    assert found.n == expected.n
    assert found.main.method.startswith("Matched pairs within 0.2 SD: Difference-in-differences")


def test_pairs_alike_in_the_baseline_show_drift_as_if_it_were_an_effect() -> None:
    """Nothing is offered; the arms differ, and what is measured at either moment is in part chance."""
    dice = np.random.default_rng(4)
    arm = np.repeat([1, 0], 1500)
    level = dice.normal(-1.0 * arm)
    frame = {"arm": arm, "site": [f"s{n % 20}-{a}" for n, a in enumerate(arm)], "age": dice.normal(size=3000)}
    rows = pd.DataFrame(frame | {"baseline": level + dice.normal(size=3000), "score": level + dice.normal(size=3000)})
    whole = long(rows.assign(town="Elm"))
    honest = matched_did(whole, covariates=(AGE,), at=LATER)
    misled = matched_did(whole, covariates=(AGE,), at=LATER, facts=("baseline",))
    assert abs(honest.main.estimate) < 0.1
    assert misled.main.estimate < -0.3
    assert misled.warnings[-1] == f"M{MISLEADS[1:]}."
    assert not any("misleads" in warning for warning in honest.warnings)


def test_few_sites_forbid_a_p_value_and_people_as_units_need_no_site() -> None:
    assert matching(study(3, 30), covariates=(AGE,)).main.p_value is None
    by_people = matching(study(), covariates=(AGE,), errors="classical")
    assert (by_people.n_clusters, by_people.main.method) == (
        None,
        "Matched pairs within 0.2 SD: ANCOVA, classical errors",
    )


# ---------------------------------------------------------------------------- people of one score


def alike_in_fours(names: list[str]) -> pd.DataFrame:
    """Two people of the intervention arm in each of twenty ages, and four of the other; by name, those with most first."""
    rows = pd.DataFrame({"age": np.repeat(np.arange(20.0), 6), "arm": np.tile([1, 1, 0, 0, 0, 0], 20)})
    rows["site"], rows["baseline"] = np.arange(len(rows)) % 12, 0.5 * rows["age"] + np.sin(rows.index)
    rows["score"] = np.cos(3.0 * rows.index) + rows["arm"]
    return rows.set_axis(names, axis=0)


def test_study_numbers_are_in_order_as_numbers_and_not_as_words() -> None:
    """Ages are alike in both arms, so that everybody has one score, and the first forty of eighty are taken."""
    names = [str(number) for number in range(1, 121)]
    found = match(alike_in_fours(names), (AGE,), ("age",), caliper=None)
    people = found.laid.rows.assign(taken=found.weights > 0)
    assert list(people.index) == names
    assert people.loc[people["arm"] == 0, "taken"].tolist() == [True] * 40 + [False] * 40


def test_an_answer_that_hangs_on_study_numbers_says_so() -> None:
    people = alike_in_fours([f"{number:03}" for number in range(120)])
    assert TIED in matching(people, covariates=(AGE,), facts=("age",)).warnings
    pairs_alone = people[people.index.isin([f"{6 * age + who:03}" for age in range(20) for who in range(4)])]
    assert TIED not in matching(pairs_alone, covariates=(AGE,), facts=("age",)).warnings


# ---------------------------------------------------------------------------- what is said and refused


def test_who_is_left_out_and_what_still_differs_is_said() -> None:
    rows = study()
    rows = rows[(rows["arm"] == 1) | (rows.index % 3 == 0)]
    fitted = matching(rows, covariates=(AGE,), caliper=None)
    assert fitted.warnings[0].startswith("After matching the arms still differ by more than a tenth")
    assert fitted.warnings[1] == LEFT_OUT
    everybody = study()
    everybody["age"] = np.tile(everybody["age"][everybody["arm"] == 1], 2)
    everybody["baseline"] = np.tile(everybody["baseline"][everybody["arm"] == 1], 2)
    assert matching(everybody, covariates=(AGE,)).warnings == ()


def test_where_nobody_is_alike_that_is_said() -> None:
    rows = study(2, 2)
    with pytest.raises(AnalysisError, match="no two people of both arms are alike enough to match; weigh them, or"):
        match(rows, (AGE,), ("age",), caliper=1e-12)


def test_without_a_fact_to_match_on_changes_are_refused() -> None:
    with pytest.raises(AnalysisError, match="there is nothing to match people on; name covariates that stay"):
        matched_did(long(study()), covariates=(), at=LATER)


def test_a_kind_of_people_in_one_arm_only_is_refused() -> None:
    rows = study()
    rows["town"] = np.where((rows["arm"] == 1) & (rows.index % 3 == 0), "Ash", "Elm")
    with pytest.raises(AnalysisError, match=r"the propensity score's fit did not settle.*'town=Elm'"):
        matching(rows, covariates=(AGE, TOWN))


def test_an_empty_arm_is_refused() -> None:
    rows = study()
    with pytest.raises(AnalysisError, match="the comparison arm has nobody with baseline, outcome and covariates"):
        matching(rows[rows["arm"] == 1], covariates=(AGE,))
