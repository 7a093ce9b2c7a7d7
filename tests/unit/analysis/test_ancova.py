"""ANCOVA in cases whose answer is known without a computer, and everything that it refuses."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.estimators import ancova
from analysis.result import AnalysisError
from instruments.plan import Covariate

AGE, TOWN = Covariate("age", "number"), Covariate("town", "category")


def study(sites_per_arm: int = 5, each: int = 6, seed: int = 1) -> pd.DataFrame:
    """A made-up study with a difference of 2 between the arms."""
    dice = np.random.default_rng(seed)
    site = np.repeat(np.arange(2 * sites_per_arm), each)
    arm = (site < sites_per_arm).astype(int)
    baseline = dice.normal(10, 3, len(site))
    noise = dice.normal(0, 1, len(site)) + dice.normal(0, 0.5, 2 * sites_per_arm)[site]
    return pd.DataFrame(
        {
            "arm": arm,
            "site": [f"s{number}" for number in site],
            "baseline": baseline,
            "score": 3 + 2 * arm + 0.6 * baseline + noise,
            "age": dice.integers(20, 90, len(site)).astype(float),
            "town": pd.Categorical(dice.choice(["Elm", "Oak", "Yew"], len(site))),
        }
    )


def crossed(scores: dict[tuple[int, float], list[float]]) -> pd.DataFrame:
    """People by (arm, baseline) with their scores."""
    return pd.DataFrame(
        [
            {"arm": arm, "baseline": baseline, "score": score, "site": f"{arm}{baseline}{place}"}
            for (arm, baseline), values in scores.items()
            for place, score in enumerate(values)
        ]
    )


def test_with_the_same_baselines_in_both_arms_it_is_the_difference_of_means() -> None:
    rows = crossed({(1, 0.0): [5, 7], (1, 1.0): [9, 11], (0, 0.0): [2, 4], (0, 1.0): [6, 8]})
    found = ancova(rows, covariates=(), errors="classical").main
    assert found.estimate == pytest.approx(8 - 5)


def test_its_classical_error_is_that_of_two_means_with_the_residual_spread() -> None:
    """Balanced: residuals are all 1 or -1, so s^2 = 8 / (8 - 3) and the error s sqrt(1/4 + 1/4)."""
    rows = crossed({(1, 0.0): [5, 7], (1, 1.0): [9, 11], (0, 0.0): [2, 4], (0, 1.0): [6, 8]})
    found = ancova(rows, covariates=(), errors="classical").main
    assert found.std_error == pytest.approx(math.sqrt(8 / 5) * math.sqrt(1 / 4 + 1 / 4))
    assert found.df == 5


def test_the_interval_is_the_t_interval() -> None:
    """The 97.5 % point of t on 5 degrees of freedom is 2.570582 in any table."""
    rows = crossed({(1, 0.0): [5, 7], (1, 1.0): [9, 11], (0, 0.0): [2, 4], (0, 1.0): [6, 8]})
    found = ancova(rows, covariates=(), errors="classical").main
    assert found.conf_high is not None
    assert found.conf_low is not None
    assert found.std_error is not None
    assert found.conf_high - found.estimate == pytest.approx(2.570582 * found.std_error, rel=1e-6)
    assert found.estimate - found.conf_low == pytest.approx(2.570582 * found.std_error, rel=1e-6)


def test_an_arm_that_starts_lower_is_judged_against_people_who_start_alike() -> None:
    """Scores follow baseline exactly, plus 2 in the intervention arm, which starts 5 lower."""
    rows = crossed({(1, 0.0): [2.0, 2.1], (1, 2.0): [4.0, 3.9], (0, 5.0): [5.0, 5.1], (0, 7.0): [7.0, 6.9]})
    assert ancova(rows, covariates=(), errors="classical").main.estimate == pytest.approx(2, abs=0.3)
    raw = rows.groupby("arm")["score"].mean()
    assert raw[1] < raw[0], "and yet its mean is lower"


@given(st.floats(-100, 100), st.floats(0.1, 50))
@settings(max_examples=25, deadline=None)
def test_the_unit_of_the_baseline_does_not_matter(shift: float, factor: float) -> None:
    rows = study()
    other = rows.assign(baseline=rows["baseline"] * factor + shift)
    one, two = ancova(rows, covariates=(AGE,)).main, ancova(other, covariates=(AGE,)).main
    assert two.estimate == pytest.approx(one.estimate)


def test_exchanging_the_arms_turns_the_sign_and_nothing_else() -> None:
    rows = study()
    one, other = ancova(rows, covariates=()).main, ancova(rows.assign(arm=1 - rows["arm"]), covariates=()).main
    assert other.estimate == pytest.approx(-one.estimate)
    assert (other.std_error, other.df, other.p_value) == pytest.approx((one.std_error, one.df, one.p_value))


def test_the_first_level_of_a_category_is_the_reference() -> None:
    terms = [term.term for term in ancova(study(), covariates=(AGE, TOWN)).terms]
    assert terms == ["(Intercept)", "arm", "baseline", "age", "town=Oak", "town=Yew"]


def test_a_level_that_nobody_analysed_has_gets_no_term() -> None:
    rows = study()
    rows["town"] = rows["town"].cat.add_categories(["Ash"])
    assert "town=Ash" not in [term.term for term in ancova(rows, covariates=(TOWN,)).terms]


@pytest.mark.parametrize("column", ["score", "baseline", "age"])
def test_who_lacks_something_is_left_out_and_counted(column: str) -> None:
    rows = study()
    rows.loc[[0, 1, 35], column] = np.nan
    fitted = ancova(rows, covariates=(AGE,))
    assert fitted.n == (28, 29)
    assert fitted.main.n == 57
    complete = ancova(rows.drop(index=[0, 1, 35]), covariates=(AGE,))
    assert fitted.main == complete.main


def test_what_is_missing_in_a_covariate_nobody_named_costs_nobody() -> None:
    rows = study()
    rows.loc[:10, "age"] = np.nan
    assert ancova(rows, covariates=(TOWN,)).main.n == len(rows)


# ---------------------------------------------------------------------------- few sites


def test_four_sites_in_each_arm_give_a_p_value_and_no_warning() -> None:
    fitted = ancova(study(4), covariates=())
    assert fitted.warnings == ()
    assert fitted.main.p_value is not None


@pytest.mark.parametrize("sites", [2, 3])
def test_two_or_three_sites_in_an_arm_give_an_interval_and_a_warning_but_no_p_value(sites: int) -> None:
    fitted = ancova(study(sites), covariates=())
    assert fitted.main.p_value is None
    assert fitted.main.conf_low is not None
    assert f"One arm has only {sites} sites." in fitted.warnings[0]
    assert "no p-value is given" in fitted.warnings[0]


def test_one_site_in_an_arm_gives_an_estimate_and_a_warning_alone() -> None:
    rows = study(4)
    rows.loc[rows["arm"] == 0, "site"] = "only one"
    fitted = ancova(rows, covariates=())
    main = fitted.main
    assert math.isfinite(main.estimate)
    assert (main.std_error, main.df, main.conf_low, main.conf_high, main.p_value) == (None,) * 5
    assert "One arm has only 1 site." in fitted.warnings[0]
    assert "no interval and no p-value are given" in fitted.warnings[0]


def test_where_people_were_allocated_the_number_of_sites_does_not_count() -> None:
    fitted = ancova(study(1), covariates=(), errors="classical")
    assert fitted.warnings == ()
    assert (fitted.n_clusters, fitted.main.n_clusters) == (None, None)
    assert fitted.main.p_value is not None


# ---------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(("arm", "role"), [(1, "intervention"), (0, "comparison")])
def test_an_arm_without_anybody_measured_is_refused(arm: int, role: str) -> None:
    rows = study()
    rows.loc[rows["arm"] == arm, "score"] = np.nan
    with pytest.raises(AnalysisError, match=f"the {role} arm has nobody with baseline, outcome and covariates"):
        ancova(rows, covariates=())


def test_a_covariate_that_is_the_same_for_everyone_is_named() -> None:
    with pytest.raises(AnalysisError, match="'age' is constant or determined by the other terms; take it out"):
        ancova(study().assign(age=50.0), covariates=(AGE,))


def test_a_category_with_one_level_is_named() -> None:
    with pytest.raises(AnalysisError, match="'town' has the same value for everyone; take it out of the plan"):
        ancova(study().assign(town=pd.Categorical(["Elm"] * 60)), covariates=(TOWN,))


def test_a_covariate_that_is_the_arm_under_another_name_is_named() -> None:
    rows = study()
    with pytest.raises(AnalysisError, match="'age' is constant or determined"):
        ancova(rows.assign(age=rows["arm"] * 10.0), covariates=(AGE,))


def test_a_baseline_that_is_the_same_for_everyone_is_refused() -> None:
    with pytest.raises(
        AnalysisError,
        match="everybody in an arm has the same baseline; there is nothing to adjust the outcome for, write baseline",
    ):
        ancova(study().assign(baseline=1.0), covariates=())
