"""The Poisson rate in cases whose answer is known without a computer, and everything that it refuses."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.estimators import poisson_rate
from analysis.result import AnalysisError
from instruments.plan import Covariate

AGE = Covariate("age", "number")


def study(sites_per_arm: int = 5, each: int = 8, ratio: float = 0.8, seed: int = 2) -> pd.DataFrame:
    """A made-up study in which the intervention arm has `ratio` times the rate."""
    dice = np.random.default_rng(seed)
    site = np.repeat(np.arange(2 * sites_per_arm), each)
    arm = (site < sites_per_arm).astype(int)
    rate = dice.gamma(4, 1.5, len(site))
    years = dice.uniform(0.3, 1.2, len(site))
    return pd.DataFrame(
        {
            "arm": arm,
            "site": [f"s{number}" for number in site],
            "baseline_count": dice.poisson(rate).astype(float),
            "baseline_years": 1.0,
            "count": dice.poisson(rate * years * np.where(arm == 1, ratio, 1)).astype(float),
            "years": years,
            "age": dice.integers(20, 90, len(site)).astype(float),
        }
    )


def exact(ratio: float, slope: float = 1.0) -> pd.DataFrame:
    """Counts that are exactly the rate before entry to the power of `slope`, times `ratio` in the intervention arm."""
    before = np.array([1.5, 3.5, 7.5, 15.5] * 2)
    arm = np.repeat([1, 0], 4)
    after = 40 * (before + 0.5) ** slope * np.where(arm == 1, ratio, 1.0)
    return pd.DataFrame(
        {
            "arm": arm,
            "site": [f"s{number}" for number in range(8)],
            "baseline_count": before,
            "baseline_years": 1.0,
            "count": after,
            "years": 1.0,
        }
    )


@pytest.mark.parametrize("ratio", [0.5, 1.0, 1.75])
@pytest.mark.parametrize("slope", [0.0, 0.6, 1.0])
def test_counts_that_follow_the_model_exactly_give_back_its_numbers(ratio: float, slope: float) -> None:
    fitted = poisson_rate(exact(ratio, slope), covariates=(), errors="classical")
    terms = {term.term: term.estimate for term in fitted.terms}
    assert fitted.main.estimate == pytest.approx(ratio, rel=1e-9)
    assert terms["baseline"] == pytest.approx(slope, abs=1e-9)
    assert terms["(Intercept)"] == pytest.approx(math.log(40), rel=1e-9)


def test_the_rate_difference_is_what_the_ratio_makes_of_everybody_s_rate() -> None:
    rows = exact(0.75)
    untreated = (40 * (rows["baseline_count"] + 0.5)).mean()
    difference = poisson_rate(rows, covariates=(), errors="classical").answers[1]
    assert difference.estimate == pytest.approx((0.75 - 1) * untreated, rel=1e-9)


def test_with_nothing_but_the_arm_to_tell_people_apart_it_is_the_ratio_of_the_crude_rates() -> None:
    """Baselines balanced over the arms and without bearing on the count: log of events over person-years."""
    rows = pd.DataFrame(
        {
            "arm": [1, 1, 0, 0] * 4,
            "site": [f"s{number}" for number in range(16)],
            "baseline_count": [2.0, 6.0, 2.0, 6.0] * 4,
            "baseline_years": 1.0,
            "count": [3.0, 3.0, 5.0, 5.0] * 4,
            "years": [0.5, 0.5, 0.5, 0.5] * 4,
        }
    )
    found = poisson_rate(rows, covariates=(), errors="CR1").main
    assert found.estimate == pytest.approx((24 / 4) / (40 / 4), rel=1e-9)


def test_the_model_based_error_of_a_balanced_comparison_is_the_textbook_s() -> None:
    """Variance of a log rate ratio: dispersion times (1 / events + 1 / events)."""
    rows = pd.DataFrame(
        {
            "arm": [1, 1, 0, 0] * 4,
            "site": [f"s{number}" for number in range(16)],
            "baseline_count": [2.0, 6.0, 2.0, 6.0] * 4,
            "baseline_years": 1.0,
            "count": [2.0, 2.0, 6.0, 6.0, 4.0, 4.0, 4.0, 4.0] * 2,
            "years": 1.0,
        }
    )
    found = poisson_rate(rows, covariates=(), errors="classical").terms[1]
    means = {1: 3.0, 0: 5.0}
    pearson = sum((count - means[arm]) ** 2 / means[arm] for count, arm in zip(rows["count"], rows["arm"], strict=True))
    dispersion = pearson / (16 - 3)
    assert found.std_error == pytest.approx(math.sqrt(dispersion * (1 / 24 + 1 / 40)), rel=1e-9)
    assert found.df == 13


@given(st.floats(0.01, 100))
@settings(max_examples=20, deadline=None)
def test_the_unit_of_time_changes_no_ratio(factor: float) -> None:
    rows = study()
    other = rows.assign(years=rows["years"] * factor, baseline_years=rows["baseline_years"] * factor)
    one, two = (poisson_rate(frame, covariates=(AGE,)) for frame in (rows, other))
    assert two.main.estimate == pytest.approx(one.main.estimate, rel=1e-6)
    assert two.main.std_error == pytest.approx(one.main.std_error, rel=1e-5)
    assert two.answers[1].estimate == pytest.approx(one.answers[1].estimate / factor, rel=1e-6)


def test_exchanging_the_arms_turns_the_ratio_round() -> None:
    rows = study()
    one = poisson_rate(rows, covariates=(AGE,)).main
    other = poisson_rate(rows.assign(arm=1 - rows["arm"]), covariates=(AGE,)).main
    assert other.estimate == pytest.approx(1 / one.estimate, rel=1e-9)
    assert (other.std_error, other.df) == pytest.approx((one.std_error, one.df), rel=1e-6)
    assert one.conf_high is not None
    assert other.conf_low == pytest.approx(1 / one.conf_high, rel=1e-6)


def test_the_order_of_people_does_not_matter() -> None:
    rows = study()
    one, other = (poisson_rate(frame, covariates=(AGE,)).main for frame in (rows, rows.sample(frac=1, random_state=4)))
    assert (other.estimate, other.std_error, other.df) == pytest.approx((one.estimate, one.std_error, one.df), rel=1e-8)


def test_the_interval_of_a_ratio_is_made_on_the_log_scale() -> None:
    main = poisson_rate(study(), covariates=(AGE,)).main
    assert main.conf_low is not None
    assert main.conf_high is not None
    assert main.conf_low * main.conf_high == pytest.approx(main.estimate**2, rel=1e-9)


def test_cutting_sites_in_two_leaves_the_ratio_and_changes_its_error() -> None:
    rows = study()
    halves = rows.assign(site=rows["site"] + (rows.index % 2).astype(str))
    one, other = poisson_rate(rows, covariates=()).main, poisson_rate(halves, covariates=()).main
    assert other.estimate == pytest.approx(one.estimate, rel=1e-9)
    assert other.std_error != pytest.approx(one.std_error, rel=1e-3)
    assert (one.n_clusters, other.n_clusters) == (10, 20)


@pytest.mark.parametrize(
    ("column", "value"), [("count", np.nan), ("years", np.nan), ("baseline_count", np.nan), ("baseline_years", 0.0)]
)
def test_who_has_no_time_before_or_after_entry_is_left_out_and_counted(column: str, value: float) -> None:
    rows = study()
    rows.loc[[0, 79], column] = value
    assert poisson_rate(rows, covariates=()).n == (39, 39)


def test_nobody_is_lost_for_having_had_no_event_before() -> None:
    rows = study()
    rows.loc[:5, "baseline_count"] = 0.0
    assert sum(poisson_rate(rows, covariates=()).n) == len(rows)


def test_few_sites_forbid_a_p_value_for_both_answers() -> None:
    fitted = poisson_rate(study(3), covariates=())
    assert [answer.p_value for answer in fitted.answers] == [None, None]
    assert "no p-value is given" in fitted.warnings[0]


def test_one_site_in_an_arm_forbids_an_interval_too() -> None:
    rows = study(4)
    rows.loc[rows["arm"] == 1, "site"] = "only one"
    fitted = poisson_rate(rows, covariates=())
    assert {(answer.std_error, answer.conf_low, answer.conf_high) for answer in fitted.answers} == {(None, None, None)}
    assert math.isfinite(fitted.main.estimate)


# ---------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(("arm", "role"), [(1, "intervention"), (0, "comparison")])
def test_an_arm_without_an_event_is_refused(arm: int, role: str) -> None:
    rows = study()
    rows.loc[rows["arm"] == arm, "count"] = 0.0
    with pytest.raises(AnalysisError, match=f"nobody in the {role} arm had an event after entry"):
        poisson_rate(rows, covariates=())


def test_time_that_is_not_above_zero_is_refused() -> None:
    rows = study()
    rows.loc[3, "years"] = 0.0
    with pytest.raises(AnalysisError, match="time after entry is not above zero; correct the periods"):
        poisson_rate(rows, covariates=())


def test_a_fit_that_runs_away_is_refused() -> None:
    """Nobody in Oak had an event: the ratio for Oak has no finite estimate."""
    rows = study()
    rows["town"] = pd.Categorical(np.where(rows.index % 8 == 0, "Oak", "Elm"))
    rows.loc[rows["town"] == "Oak", "count"] = 0.0
    with pytest.raises(AnalysisError, match="did not settle, as when nobody of some group had an event; name fewer"):
        poisson_rate(rows, covariates=(Covariate("town", "category"),))


@pytest.mark.parametrize("scale", [1e-12, 1e12])
def test_a_covariate_of_any_size_settles(scale: float) -> None:
    rows = study()
    one = poisson_rate(rows, covariates=(AGE,)).main
    other = poisson_rate(rows.assign(age=rows["age"] * scale), covariates=(AGE,)).main
    assert other.estimate == pytest.approx(one.estimate, rel=1e-6)
    assert other.std_error == pytest.approx(one.std_error, rel=1e-5)


def test_very_large_counts_settle() -> None:
    rows = study()
    many = rows.assign(count=rows["count"] * 10_000)
    one, other = (poisson_rate(frame, covariates=(), errors="CR0").main for frame in (rows, many))
    assert other.estimate == pytest.approx(one.estimate, rel=1e-8)
    assert other.std_error == pytest.approx(one.std_error, rel=1e-6)


def test_unknown_errors_are_refused_with_the_known_ones() -> None:
    with pytest.raises(AnalysisError, match="unknown errors 'HC3'; allowed: CR2, CR0, CR1, CR1S, classical"):
        poisson_rate(study(), covariates=(), errors="HC3")


def test_a_covariate_that_is_the_same_for_everyone_is_named() -> None:
    with pytest.raises(AnalysisError, match="'age' is constant or determined"):
        poisson_rate(study().assign(age=50.0), covariates=(AGE,))
