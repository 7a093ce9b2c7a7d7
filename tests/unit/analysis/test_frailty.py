"""Sites with hazards of their own, by hand and by invention: what a gamma frailty must find, and what it refuses."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, optimize, special

from analysis.estimators.cox import cox
from analysis.estimators.frailty import ALIKE, BOUNDLESS, SCALE, VARIANCE, fit_frailty, frailty, in_words
from analysis.estimators.pseudo_values import event_design
from analysis.result import AnalysisError
from instruments.plan import Covariate
from instruments.plan_methods import METHODS

AGE = (Covariate("age", "number"),)


def study(spread: float, ratio: float = 0.7, sites_per_arm: int = 12, each: int = 30, seed: int = 4) -> pd.DataFrame:
    """People of sites whose hazards are gamma draws of this variance; half a year of follow-up, days unlike."""
    dice = np.random.default_rng(seed)
    site = np.repeat(np.arange(2 * sites_per_arm), each)
    own = dice.gamma(1 / spread, spread, 2 * sites_per_arm) if spread else np.ones(2 * sites_per_arm)
    arm, age = (site < sites_per_arm).astype(int), dice.normal(0, 1, len(site))
    first = dice.exponential(150 / (own[site] * np.exp(math.log(ratio) * arm + 0.3 * age)))
    return pd.DataFrame(
        {"arm": arm, "site": site, "age": age, "days": np.minimum(first, 182), "event": (first < 182).astype(float)}
    )


# ---------------------------------------------------------------------------- by hand


FOUR = pd.DataFrame(
    {"arm": [1, 1, 0, 0], "site": list("abcd"), "days": [1.0, 3.0, 2.0, 4.0], "event": [1.0, 1.0, 1.0, 1.0]}
)


def test_four_people_of_four_sites_by_the_penalised_likelihood_written_out() -> None:
    """One person a site, one event a day: the four terms of the partial likelihood, less the penalty."""
    nu = 2.0

    def worth(values: np.ndarray) -> float:
        beta, log = values[0], values[1:]
        eta = beta * FOUR["arm"].to_numpy() + log
        order = [0, 2, 1, 3]
        partial = sum(eta[who] - special.logsumexp(eta[order[place:]]) for place, who in enumerate(order))
        return -float(partial + nu * (log - np.exp(log)).sum())

    best = optimize.minimize(worth, np.zeros(5), options={"gtol": 1e-8})
    found = fit_frailty(event_design(FOUR, ()), 1 / nu)
    assert found.beta[0] == pytest.approx(best.x[0], abs=1e-5)
    assert np.log(found.frailty) == pytest.approx(best.x[1:], abs=1e-5)

    def profile(beta: float) -> float:
        fixed = optimize.minimize(lambda log: worth(np.append(beta, log)), best.x[1:], options={"gtol": 1e-7})
        return float(fixed.fun)

    low, middle, high = (profile(best.x[0] + step) for step in (-0.02, 0, 0.02))
    assert found.std_error[0] == pytest.approx(0.02 / math.sqrt(low - 2 * middle + high), rel=1e-3)


def test_frailties_have_mean_one_and_are_those_expected_given_what_happened() -> None:
    """(nu + events) / (nu + cumulative hazard), the mean of a gamma draw after the fact."""
    rows = study(0.3)
    laid = event_design(rows, AGE)
    found = fit_frailty(laid, 0.25)
    assert found.frailty.mean() == pytest.approx(1, abs=1e-8)
    relative = np.exp(laid.X[:, 1:] @ found.beta) * found.frailty[laid.site.astype(int)]
    days, event = laid.rows["days"].to_numpy(), laid.rows["event"].to_numpy() == 1
    hazard = np.array([1 / relative[days >= day].sum() for day in days[event]])
    cumulated = np.array([hazard[days[event] <= day].sum() for day in days])
    own = np.bincount(laid.site.astype(int), relative * cumulated) / found.frailty
    events = np.bincount(laid.site.astype(int), event)
    assert found.frailty == pytest.approx((4 + events) / (4 + own), rel=1e-6)


def test_what_is_integrated_is_the_integral_over_each_site_s_draw() -> None:
    """The whole likelihood, site by site, by numerical integration of the gamma density; a step counts one more."""
    rows, nu = study(0.3, sites_per_arm=3), 5.0
    laid = event_design(rows, ())
    found = fit_frailty(laid, 1 / nu)
    site, days, event = laid.site.astype(int), rows["days"].to_numpy(), rows["event"].to_numpy() == 1
    fixed = np.exp(laid.X[:, 1] * found.beta[0])
    jump = np.array([1 / (fixed * found.frailty[site])[days >= day].sum() for day in days[event]])
    cumulated = np.bincount(site, fixed * np.array([jump[days[event] <= day].sum() for day in days]))
    total = np.log(fixed[event]).sum() + np.log(jump).sum()
    for d, hazard in zip(np.bincount(site[event]), cumulated, strict=True):

        def density(z: float, d: int = d, hazard: float = hazard) -> float:
            return math.exp((nu + d - 1) * math.log(z) - (nu + hazard) * z + nu * math.log(nu) - math.lgamma(nu))

        total += math.log(integrate.quad(density, 1e-9, 20, epsabs=0, limit=400)[0])
    assert found.log_likelihood == pytest.approx(total + event.sum(), abs=1e-5)


@given(seed=st.integers(0, 1000), theta=st.floats(0.01, 2))
@settings(max_examples=8, deadline=None)
def test_the_slope_is_that_of_the_likelihood(seed: int, theta: float) -> None:
    laid = event_design(study(0.2, sites_per_arm=4, each=12, seed=seed), ())
    low, high = (fit_frailty(laid, theta * math.exp(step)).log_likelihood for step in (-1e-4, 1e-4))
    assert fit_frailty(laid, theta).slope == pytest.approx((high - low) / 2e-4, abs=1e-5)


# ---------------------------------------------------------------------------- what was put in comes out


def test_sites_that_differ_much_are_found_to_and_the_ratio_comes_out() -> None:
    found = [frailty(study(0.4, seed=seed), covariates=AGE) for seed in range(12)]
    variances = [each.terms[-1].estimate for each in found]
    logs = [each.terms[0].estimate for each in found]
    assert np.mean(variances) == pytest.approx(0.4, abs=0.1)
    assert np.mean(logs) == pytest.approx(math.log(0.7), abs=0.15)
    assert np.mean([each.terms[1].estimate for each in found]) == pytest.approx(0.3, abs=0.05)
    assert np.mean([each.terms[0].std_error for each in found]) == pytest.approx(np.std(logs, ddof=1), rel=0.6)


def test_where_nothing_happens_one_study_in_twenty_says_it_does_and_errors_between_people_far_more() -> None:
    """Eight sites that differ: sites less two degrees of freedom hold the level."""
    wrong = {"sites": 0, "people": 0}
    for seed in range(150):
        rows = study(0.15, ratio=1.0, sites_per_arm=4, each=25, seed=seed)
        own, plain = frailty(rows, covariates=()).main, cox(rows, covariates=(), errors="classical").main
        assert own.p_value is not None
        assert plain.p_value is not None
        wrong["sites"] += own.p_value < 0.05
        wrong["people"] += plain.p_value < 0.05
    assert wrong["sites"] <= 14
    assert wrong["people"] >= 25


def test_sites_more_alike_than_chance_give_cox_s_model_and_say_so() -> None:
    """Every site has the same people."""
    one = study(0.0, ratio=1.0, sites_per_arm=1, each=25)
    arms = [one[one["site"] == number] for number in (0, 1)]
    rows = pd.concat([arm.assign(site=f"{arm.iloc[0]['site']}{copy}") for arm in arms for copy in range(5)])
    found, plain = frailty(rows, covariates=AGE), cox(rows, covariates=AGE, errors="classical")
    assert found.terms[-1].estimate == 0
    assert found.main.estimate == pytest.approx(plain.main.estimate, rel=1e-10)
    assert found.main.std_error == pytest.approx(plain.main.std_error, rel=1e-10)
    assert in_words(found) == ALIKE


# ---------------------------------------------------------------------------- what it says


def test_the_answer_is_a_ratio_given_the_site_and_the_variance_stands_among_the_terms() -> None:
    rows = study(0.4)
    found = frailty(rows, covariates=AGE)
    assert (found.main.scale, found.main.df, found.main.n_clusters) == (SCALE, 22, 24)
    assert found.main.estimate == pytest.approx(math.exp(found.terms[0].estimate))
    assert [term.term for term in found.terms] == ["arm", "age", VARIANCE]
    variance = found.terms[-1]
    assert (variance.std_error, variance.df, variance.conf_low, variance.p_value) == (None, None, None, None)
    percent = 100 * math.sqrt(variance.estimate)
    assert f"with a standard deviation of {percent:.0f}% (gamma frailty, variance" in in_words(found)
    assert found.had == tuple(int(rows.loc[rows["arm"] == arm, "event"].sum()) for arm in (1, 0))


def test_another_method_has_nothing_to_say_of_frailties() -> None:
    assert in_words(cox(study(0.4), covariates=AGE)) == ""


def test_a_plan_may_name_it() -> None:
    assert "frailty" in METHODS["time-to-event"]


# ---------------------------------------------------------------------------- what it refuses


def test_a_negative_variance_is_refused() -> None:
    with pytest.raises(AnalysisError, match=r"theta: -0\.1 is below zero; a variance is 0 or more"):
        frailty(study(0.4), covariates=(), theta=-0.1)


def test_sites_in_which_all_or_nobody_had_it_are_refused() -> None:
    """Two sites of each arm have all events at once, the twenty others none."""
    rows = study(0.0, each=40)
    all_of_them = rows["site"].isin([0, 12])
    rows["event"] = all_of_them.astype(float)
    rows["days"] = np.where(all_of_them, 1 + rows.index % 40, 182.0)
    with pytest.raises(AnalysisError) as refused:
        frailty(rows, covariates=())
    assert str(refused.value) == BOUNDLESS


def test_one_site_an_arm_gives_no_interval() -> None:
    found = frailty(study(0.1, sites_per_arm=1, each=60), covariates=AGE)
    assert (found.main.std_error, found.main.conf_low, found.main.p_value) == (None, None, None)
    assert "One arm has only 1 site." in found.warnings[0]
