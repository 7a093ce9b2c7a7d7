"""Binary outcomes in cases whose answer is known without a computer, and everything that the estimators refuse."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from analysis.estimators.gee import gee_binary, gee_count
from analysis.estimators.linear_probability import linear_probability
from analysis.estimators.logistic import logistic
from analysis.estimators.modified_poisson import modified_poisson
from analysis.result import AnalysisError, Fitted
from instruments.plan import Covariate

AGE = Covariate("age", "number")
TOWN = Covariate("town", "category")
Estimator = Callable[..., Fitted]
ALL = pytest.mark.parametrize("estimator", [logistic, modified_poisson, linear_probability, gee_binary])
PLAIN = pytest.mark.parametrize("estimator", [logistic, modified_poisson, linear_probability])


def study(sites_per_arm: int = 6, each: int = 12, seed: int = 3) -> pd.DataFrame:
    """A made-up study in which the outcome is rarer in the intervention arm."""
    dice = np.random.default_rng(seed)
    site = np.repeat(np.arange(2 * sites_per_arm), each)
    arm = (site < sites_per_arm).astype(int)
    before = dice.integers(0, 2, len(site)).astype(float)
    risk = 0.3 + 0.25 * before - 0.12 * arm + 0.08 * dice.normal(size=2 * sites_per_arm)[site]
    return pd.DataFrame(
        {
            "arm": arm,
            "site": [f"s{number}" for number in site],
            "baseline": before,
            "score": (dice.uniform(size=len(site)) < risk).astype(float),
            "age": dice.integers(20, 90, len(site)).astype(float),
            "town": np.where(np.arange(len(site)) % 4 == 0, "Oak", "Elm"),
        }
    )


def counted(with_outcome: dict[int, int], of: int = 20) -> pd.DataFrame:
    """People of two arms and ten sites, so many with the outcome; a baseline that tells nothing."""
    rows = [
        {"arm": arm, "site": f"{arm}-{person % 5}", "baseline": float(person // 10 % 2), "score": float(has)}
        for arm, number in with_outcome.items()
        for person in range(of)
        for has in [person % 10 < number * 10 // of]
    ]
    return pd.DataFrame(rows)


# ---------------------------------------------------------------------------- known answers


@ALL
def test_where_the_baseline_tells_nothing_the_answers_are_those_of_the_four_fold_table(estimator: Estimator) -> None:
    """6 of 20 against 12 of 20, alike in both halves of the baseline."""
    fitted = estimator(counted({1: 6, 0: 12}), covariates=())
    answers = {answer.scale: answer.estimate for answer in fitted.answers}
    assert answers == pytest.approx({"risk difference": 0.3 - 0.6, "risk ratio": 0.5}, rel=1e-9)


def test_the_odds_ratio_among_the_coefficients_is_that_of_the_four_fold_table() -> None:
    arm = logistic(counted({1: 6, 0: 12}), covariates=(), errors="classical").terms[1]
    assert arm.estimate == pytest.approx(math.log((6 / 14) / (12 / 8)), rel=1e-9)
    assert arm.std_error == pytest.approx(math.sqrt(1 / 6 + 1 / 14 + 1 / 12 + 1 / 8), rel=1e-9)
    assert arm.scale == "log odds ratio"


def test_the_model_s_own_error_of_a_risk_difference_is_the_textbook_s() -> None:
    difference, ratio = logistic(counted({1: 6, 0: 12}), covariates=(), errors="classical").answers
    assert difference.std_error == pytest.approx(math.sqrt(0.3 * 0.7 / 20 + 0.6 * 0.4 / 20), rel=1e-9)
    assert ratio.std_error == pytest.approx(math.sqrt(0.7 / (0.3 * 20) + 0.4 / (0.6 * 20)), rel=1e-9)
    assert (difference.df, difference.n_clusters) == (None, None)


@ALL
def test_exchanging_the_arms_turns_the_answers_round(estimator: Estimator) -> None:
    rows = study()
    one = {a.scale: a for a in estimator(rows, covariates=(AGE,)).answers}
    other = {a.scale: a for a in estimator(rows.assign(arm=1 - rows["arm"]), covariates=(AGE,)).answers}
    assert other["risk difference"].estimate == pytest.approx(-one["risk difference"].estimate, rel=1e-7)
    assert other["risk ratio"].estimate == pytest.approx(1 / one["risk ratio"].estimate, rel=1e-7)
    for scale, answer in one.items():
        assert (other[scale].std_error, other[scale].df) == pytest.approx((answer.std_error, answer.df), rel=1e-5)


@ALL
def test_the_order_of_people_does_not_matter(estimator: Estimator) -> None:
    rows = study()
    one, other = (estimator(frame, covariates=(AGE, TOWN)) for frame in (rows, rows.sample(frac=1, random_state=4)))
    for first, second in zip(one.answers, other.answers, strict=True):
        expected = (first.estimate, first.std_error, first.df)
        assert (second.estimate, second.std_error, second.df) == pytest.approx(expected, rel=1e-7)


@ALL
def test_the_interval_of_a_ratio_is_made_on_the_log_scale(estimator: Estimator) -> None:
    (ratio,) = [answer for answer in estimator(study(), covariates=()).answers if answer.scale == "risk ratio"]
    assert ratio.conf_low is not None
    assert ratio.conf_high is not None
    assert ratio.conf_low * ratio.conf_high == pytest.approx(ratio.estimate**2, rel=1e-9)


def test_the_error_of_an_averaged_risk_difference_is_the_delta_method_s() -> None:
    """The gradient by small steps in one coefficient after another, the covariance a plain sandwich."""
    from analysis.estimators.regression import binary_design
    from analysis.glm import binomial, fit, spread

    rows = study()
    laid, outcome = binary_design(rows, (AGE,))
    found = fit(binomial(), laid.X, outcome, site=laid.site, terms=laid.terms)

    def average(beta: np.ndarray) -> float:
        one, zero = laid.X.copy(), laid.X.copy()
        one[:, 1], zero[:, 1] = 1, 0
        return float((1 / (1 + np.exp(-one @ beta)) - 1 / (1 + np.exp(-zero @ beta))).mean())

    steps = np.eye(len(found.beta)) * 1e-6
    gradient = np.array([(average(found.beta + step) - average(found.beta - step)) / 2e-6 for step in steps])
    covariance = spread(found, "CR1").covariance
    answer = logistic(rows, covariates=(AGE,), errors="CR1").main
    assert answer.estimate == pytest.approx(average(found.beta), rel=1e-12)
    assert answer.std_error == pytest.approx(math.sqrt(gradient @ covariance @ gradient), rel=1e-6)


def test_averages_over_the_intervention_arm_are_of_its_people_alone() -> None:
    """The linear predictor without the arm, worked out again for the treated."""
    rows = study()
    fitted = logistic(rows, covariates=(), population="intervention")
    intercept, arm, before = (term.estimate for term in fitted.terms)
    own = rows[rows["arm"] == 1]["baseline"]
    risks = [(1 / (1 + np.exp(-(intercept + value + before * own)))).mean() for value in (arm, 0.0)]
    assert fitted.main.estimate == pytest.approx(risks[0] - risks[1], rel=1e-9)
    assert fitted.answers[1].estimate == pytest.approx(risks[0] / risks[1], rel=1e-9)


def test_correlation_weighs_a_large_site_less_than_its_people() -> None:
    """One site of forty in which the outcome is common, five small ones in which it is rare, and their like."""
    sizes = {1: [40, 6, 6, 6, 6], 0: [40, 6, 6, 6, 6]}
    shares = {1: [0.6, 0.1, 0.2, 0.15, 0.1], 0: [0.7, 0.3, 0.35, 0.3, 0.4]}
    rows = pd.DataFrame(
        [
            {
                "arm": arm,
                "site": f"{arm}-{number}",
                "baseline": float(person % 2),
                "score": float(person < round(n * s)),
            }
            for arm in (1, 0)
            for number, (n, s) in enumerate(zip(sizes[arm], shares[arm], strict=True))
            for person in range(n)
        ]
    )
    alone, together = logistic(rows, covariates=()).main, gee_binary(rows, covariates=()).main
    by_site = np.mean(shares[1]) - np.mean(shares[0])
    by_person = rows[rows["arm"] == 1]["score"].mean() - rows[rows["arm"] == 0]["score"].mean()
    assert by_site < by_person
    assert abs(together.estimate - by_site) < abs(alone.estimate - by_site)


# ---------------------------------------------------------------------------- who is left out


@ALL
@pytest.mark.parametrize("column", ["score", "baseline", "age"])
def test_who_lacks_something_is_left_out_and_counted(estimator: Estimator, column: str) -> None:
    rows = study()
    rows.loc[[0, 143], column] = np.nan
    assert estimator(rows, covariates=(AGE,)).n == (71, 71)


@ALL
def test_few_sites_forbid_a_p_value(estimator: Estimator) -> None:
    fitted = estimator(study(3), covariates=())
    assert [answer.p_value for answer in fitted.answers] == [None, None]
    assert None not in [answer.conf_low for answer in fitted.answers]
    assert "no p-value is given" in fitted.warnings[0]


@ALL
def test_one_site_in_an_arm_forbids_an_interval_too(estimator: Estimator) -> None:
    rows = study()
    rows.loc[rows["arm"] == 1, "site"] = "only one"
    fitted = estimator(rows, covariates=())
    assert {(answer.std_error, answer.df, answer.conf_low) for answer in fitted.answers} == {(None, None, None)}
    assert "no interval and no p-value are given" in fitted.warnings[0]


# ---------------------------------------------------------------------------- refusals and warnings


@ALL
@pytest.mark.parametrize(("share", "who"), [(0.0, "nobody"), (1.0, "everybody")])
@pytest.mark.parametrize(("arm", "role"), [(1, "intervention"), (0, "comparison")])
def test_an_arm_that_is_all_alike_is_refused(estimator: Estimator, share: float, who: str, arm: int, role: str) -> None:
    rows = study()
    rows.loc[rows["arm"] == arm, "score"] = share
    with pytest.raises(AnalysisError, match=f"{who} in the {role} arm has the outcome; no model can compare"):
        estimator(rows, covariates=())


@ALL
def test_an_outcome_that_is_not_yes_or_no_is_refused(estimator: Estimator) -> None:
    rows = study()
    rows.loc[5, "score"] = 2.0
    with pytest.raises(AnalysisError, match="score: 2 is neither 0 nor 1; take a binary outcome"):
        estimator(rows, covariates=())


@pytest.mark.parametrize("estimator", [logistic, gee_binary])
@pytest.mark.parametrize("always", [0.0, 1.0])
def test_perfect_separation_names_the_term(estimator: Estimator, always: float) -> None:
    rows = study()
    rows.loc[rows["town"] == "Oak", "score"] = always
    separated = r"the logistic fit did not settle, .* \(perfect separation\); name fewer covariates; look at 'town=Oak'"
    with pytest.raises(AnalysisError, match=separated):
        estimator(rows, covariates=(AGE, TOWN))


def test_a_baseline_that_is_the_outcome_is_perfect_separation() -> None:
    rows = study()
    with pytest.raises(AnalysisError, match=r"perfect separation.*look at 'baseline' first"):
        logistic(rows.assign(baseline=rows["score"]), covariates=())


@PLAIN
def test_unknown_errors_are_refused_with_the_known_ones(estimator: Estimator) -> None:
    with pytest.raises(AnalysisError, match="unknown errors 'HC3'; allowed: CR2, CR0, CR1, CR1S, classical"):
        estimator(study(), covariates=(), errors="HC3")


def test_correlation_has_no_errors_of_its_own() -> None:
    with pytest.raises(AnalysisError, match="unknown errors 'classical'; allowed: CR2, CR0, CR1, CR1S"):
        gee_binary(study(), covariates=(), errors="classical")


def test_an_unknown_population_is_refused_with_the_known_ones() -> None:
    with pytest.raises(AnalysisError, match="unknown population 'men'; allowed: everybody, intervention"):
        logistic(study(), covariates=(), population="men")


@pytest.mark.parametrize("estimator", [gee_binary, gee_count])
def test_with_one_site_in_all_there_is_no_resemblance_to_tell(estimator: Estimator) -> None:
    rows = study().assign(site="one", count=2.0, years=1.0, baseline_years=1.0)
    rows["baseline_count"] = rows["baseline"]
    with pytest.raises(AnalysisError, match="all people are of one site"):
        estimator(rows, covariates=())


def test_a_risk_above_one_is_pointed_out() -> None:
    rows = counted({1: 10, 0: 18})
    rows["x"] = np.where(rows["score"] == 1, rows.index % 3, -1.0)
    fitted = modified_poisson(rows, covariates=(Covariate("x", "number"),))
    assert "expects a risk above 1" in fitted.warnings[-1]


def test_a_risk_outside_its_range_is_pointed_out() -> None:
    rows = counted({1: 4, 0: 12})
    rows["x"] = np.where(rows["score"] == 1, rows.index % 3 + 1.0, -(rows.index % 3) - 1.0)
    fitted = linear_probability(rows, covariates=(Covariate("x", "number"),))
    assert "expects a risk below 0 or above 1" in fitted.warnings[-1]


@pytest.mark.parametrize("scale", [1e-12, 1e12])
@PLAIN
def test_a_covariate_of_any_size_settles(estimator: Estimator, scale: float) -> None:
    rows = study()
    one = estimator(rows, covariates=(AGE,)).main
    other = estimator(rows.assign(age=rows["age"] * scale), covariates=(AGE,)).main
    assert other.estimate == pytest.approx(one.estimate, rel=1e-6)
    assert other.std_error == pytest.approx(one.std_error, rel=1e-5)


def test_counts_without_any_error_leave_no_correlation_to_measure() -> None:
    rows = study().assign(count=2.0, years=1.0, baseline_years=1.0)
    rows["baseline_count"] = rows["baseline"]
    with pytest.raises(AnalysisError, match="follows from the terms without any error; name fewer covariates"):
        gee_count(rows, covariates=())
