"""From an estimate and its error to an interval and a p-value, and from a model to what it means for people."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from analysis.estimators.design import Design, design
from analysis.estimators.inference import Inference, exponentiated, t_quantile
from analysis.estimators.regression import (
    binary_design,
    difference,
    errors_for,
    marginal,
    ratio,
    regression,
    weights_of,
)
from analysis.glm import GAUSSIAN, POISSON, binomial, spread
from analysis.result import AnalysisError
from instruments.plan import Covariate


def people(sites: tuple[int, int] = (5, 5), each: int = 4) -> pd.DataFrame:
    """So many sites in the intervention and in the comparison arm."""
    rows = [
        {
            "arm": arm,
            "site": f"{arm}-{site}",
            "baseline": float((person * 7 + site) % 3),
            "score": float((person + site) % 2),
        }
        for arm, number in ((1, sites[0]), (0, sites[1]))
        for site in range(number)
        for person in range(each)
    ]
    return pd.DataFrame(rows)


def laid_out(sites: tuple[int, int] = (5, 5)) -> Design:
    rows = people(sites)
    return design(rows, ("score",), rows["baseline"].to_numpy(), ())


def inference(sites: tuple[int, int] = (5, 5), *, clustered: bool = True, confidence: float = 0.95) -> Inference:
    return Inference(laid_out(sites), "a method", confidence, clustered)


# ---------------------------------------------------------------------------- intervals and p-values


@given(st.floats(-3, 3), st.floats(0.01, 2), st.floats(2, 80), st.floats(0.5, 0.99))
@settings(max_examples=50, deadline=None)
def test_intervals_and_p_values_are_those_of_student_s_distribution(
    value: float, std_error: float, df: float, confidence: float
) -> None:
    found = inference(confidence=confidence).estimate("arm", value, (std_error, df))
    low, high = stats.t.interval(confidence, df, value, std_error)
    assert (found.conf_low, found.conf_high) == pytest.approx((low, high), rel=1e-9, abs=1e-9)
    assert found.p_value == pytest.approx(2 * stats.t.sf(abs(value) / std_error, df), rel=1e-7, abs=1e-300)
    assert found.df == df


@given(st.floats(-3, 3), st.floats(0.01, 2))
@settings(max_examples=30, deadline=None)
def test_infinite_degrees_of_freedom_are_the_normal_distribution_and_stand_as_none(value: float, error: float) -> None:
    found = inference(clustered=False).estimate("arm", value, (error, math.inf))
    low, high = stats.norm.interval(0.95, value, error)
    assert (found.conf_low, found.conf_high) == pytest.approx((low, high), rel=1e-9, abs=1e-9)
    assert found.p_value == pytest.approx(2 * stats.norm.sf(abs(value) / error), rel=1e-9)
    assert found.df is None


@pytest.mark.parametrize(
    ("sites", "has_error", "has_p", "warned"),
    [
        ((5, 5), True, True, False),
        ((4, 9), True, True, False),
        ((3, 9), True, False, True),
        ((9, 2), True, False, True),
        ((1, 9), False, False, True),
        ((1, 1), False, False, True),
    ],
)
def test_what_few_sites_forbid(sites: tuple[int, int], has_error: bool, has_p: bool, warned: bool) -> None:
    by_site = inference(sites)
    found = by_site.estimate("arm", 0.4, (0.2, 7.0))
    assert [number is not None for number in (found.std_error, found.df, found.conf_low, found.conf_high)] == [
        has_error
    ] * 4
    assert (found.p_value is not None, bool(by_site.warnings())) == (has_p, warned)
    assert found.estimate == 0.4
    assert found.n_clusters == sum(sites)


@pytest.mark.parametrize("sites", [(5, 5), (1, 1)])
def test_where_people_were_allocated_sites_forbid_nothing(sites: tuple[int, int]) -> None:
    by_person = inference(sites, clustered=False)
    found = by_person.estimate("arm", 0.4, (0.2, 7.0))
    assert (found.n_clusters, by_person.warnings()) == (None, ())
    assert found.p_value is not None


def test_without_any_error_there_is_no_p_value() -> None:
    found = inference().estimate("arm", 0.4, (0.0, 7.0))
    assert (found.std_error, found.conf_low, found.conf_high, found.p_value) == (0.0, 0.4, 0.4, None)


def test_a_ratio_keeps_error_and_p_value_of_its_logarithm() -> None:
    logarithm = inference().estimate("arm", -0.3, (0.1, 9.0), "log rate ratio")
    found = exponentiated(logarithm, "rate ratio", "per year")
    assert found.estimate == pytest.approx(math.exp(-0.3))
    assert (found.std_error, found.df, found.p_value) == (logarithm.std_error, logarithm.df, logarithm.p_value)
    assert logarithm.conf_low is not None
    assert found.conf_low == pytest.approx(math.exp(logarithm.conf_low))
    assert (found.scale, found.unit) == ("rate ratio", "per year")


def test_a_ratio_without_an_interval_has_none() -> None:
    found = exponentiated(inference((1, 5)).estimate("arm", -0.3, (0.1, 9.0)), "rate ratio")
    assert (found.conf_low, found.conf_high, found.std_error) == (None, None, None)


@pytest.mark.parametrize(("df", "expected"), [(1, 12.7062), (10, 2.2281), (30, 2.0423), (math.inf, 1.9600)])
def test_quantiles_are_those_of_the_tables(df: float, expected: float) -> None:
    assert t_quantile(0.95, df) == pytest.approx(expected, abs=5e-5)


# ---------------------------------------------------------------------------- designs


def test_without_a_baseline_the_design_has_none_and_asks_for_none() -> None:
    rows = people().drop(columns="baseline")
    laid = design(rows, ("score",), None, ())
    assert laid.terms == ("(Intercept)", "arm")
    assert laid.n == (20, 20)
    rows.loc[rows["arm"] == 1, "score"] = np.nan
    with pytest.raises(AnalysisError, match="the intervention arm has nobody with outcome and covariates"):
        design(rows, ("score",), None, ())


def test_with_a_baseline_the_message_names_it() -> None:
    rows = people()
    rows.loc[rows["arm"] == 0, "baseline"] = np.nan
    with pytest.raises(AnalysisError, match="the comparison arm has nobody with baseline, outcome and covariates"):
        design(rows, ("score",), rows["baseline"].to_numpy(), ())


def test_a_covariate_called_baseline_is_not_asked_for_where_there_is_none() -> None:
    rows = people().assign(age=50.0 + np.arange(40) % 7)
    rows["baseline"] = np.nan
    assert design(rows, ("score",), None, (Covariate("age", "number"),)).terms == ("(Intercept)", "arm", "age")


# ---------------------------------------------------------------------------- what a model means for people


def test_errors_for_an_arm_of_one_site_are_the_model_s_and_unknown_ones_are_refused_all_the_same() -> None:
    assert errors_for(laid_out((5, 5)), "CR2") == "CR2"
    assert errors_for(laid_out((1, 5)), "CR2") == "classical"
    with pytest.raises(AnalysisError, match="unknown errors 'robust'; allowed: CR2, CR0, CR1, CR1S, classical"):
        errors_for(laid_out((1, 5)), "robust")


@pytest.mark.parametrize("family", [binomial(), POISSON, GAUSSIAN], ids=lambda family: family.name)
def test_averages_are_those_of_everybody_s_expected_outcome(family: object) -> None:
    laid, outcome = binary_design(people(), ())
    model = regression(laid, family, outcome, name="A", scale="s", errors="CR1", confidence=0.95)  # type: ignore[arg-type]
    means = marginal(model.fit)
    other = marginal(model.fit, np.ones(len(outcome)) * 3.7)
    assert (means.treated, means.untreated) == pytest.approx((other.treated, other.untreated))
    assert means.treated_gradient == pytest.approx(other.treated_gradient)
    weights = outcome + 0.5
    some = marginal(model.fit, weights)
    by_hand = np.average(model.fit.family.mean(model.fit.X @ model.fit.beta + model.fit.beta[1] * (1 - model.fit.X[:, 1])),
                         weights=weights)  # fmt: skip
    assert some.treated == pytest.approx(by_hand)


def test_difference_and_ratio_carry_the_gradient_of_each() -> None:
    laid, outcome = binary_design(people(), ())
    model = regression(laid, binomial(), outcome, name="A", scale="s", errors="CR1", confidence=0.9)
    means, covariance = marginal(model.fit), spread(model.fit, "CR1").covariance
    gap = means.treated_gradient - means.untreated_gradient
    relative = means.treated_gradient / means.treated - means.untreated_gradient / means.untreated
    one = difference(model.inference, means, model.spread, "risk difference", "of people")
    other = ratio(model.inference, means, model.spread, "risk ratio")
    assert (one.estimate, one.unit) == (pytest.approx(means.treated - means.untreated), "of people")
    assert one.std_error == pytest.approx(math.sqrt(gap @ covariance @ gap))
    assert other.estimate == pytest.approx(means.treated / means.untreated)
    assert other.std_error == pytest.approx(math.sqrt(relative @ covariance @ relative))
    assert one.method == "A, CR1 by site"


def test_an_expected_outcome_that_is_not_above_zero_has_no_ratio() -> None:
    laid = laid_out()
    y = np.where(laid.X[:, 1] == 1, -1.0, 1.0) + 0.1 * np.arange(len(laid.X))
    model = regression(laid, GAUSSIAN, y - y.mean(), name="A", scale="s", errors="CR1", confidence=0.95)
    with pytest.raises(AnalysisError, match="expected outcome is not above zero; no risk ratio can be given"):
        ratio(model.inference, marginal(model.fit), model.spread, "risk ratio")


def test_populations_are_everybody_or_the_intervention_arm() -> None:
    laid = laid_out()
    assert weights_of(laid, "everybody") is None
    among = weights_of(laid, "intervention")
    assert among is not None
    assert among.tolist() == laid.X[:, 1].tolist()
