"""What the estimators are for: where link workers do nothing, one study in twenty says they do; where they do, it shows.

Made-up studies of twelve sites whose people resemble each other, sixty for each estimator, the same draws every time:
three alarms are expected, seven hardly ever. Of two hundred studies each, all gave between 1.5% and 9.5%.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from analysis.estimators.cox import cox
from analysis.estimators.cumulative_incidence import cumulative_incidence
from analysis.estimators.doubly_robust import METHODS, doubly_robust_change
from analysis.estimators.fine_gray import fine_gray
from analysis.estimators.gee import gee_binary
from analysis.estimators.linear_probability import linear_probability
from analysis.estimators.logistic import logistic
from analysis.estimators.modified_poisson import modified_poisson
from analysis.estimators.negative_binomial import negative_binomial
from analysis.estimators.poisson_change import poisson_change
from analysis.estimators.restricted_mean import restricted_mean
from analysis.estimators.staggered import staggered
from analysis.estimators.weighted_difference import weighted_difference
from analysis.result import Fitted
from instruments.plan import Covariate

STUDIES, SITES = 60, 12
HIGHEST = 0.11
AGE = (Covariate("age", "number"),)


def sites_of(dice: np.random.Generator) -> np.ndarray:
    return np.repeat(np.arange(SITES), dice.integers(12, 30, SITES))


def yes_or_no(dice: np.random.Generator) -> pd.DataFrame:
    site = sites_of(dice)
    before = dice.integers(0, 2, len(site)).astype(float)
    eta = -0.5 + before + 0.4 * dice.normal(size=SITES)[site]
    happened = dice.uniform(size=len(site)) < 1 / (1 + np.exp(-eta))
    return pd.DataFrame({"arm": site % 2, "site": site, "baseline": before, "score": happened.astype(float)})


def counts(dice: np.random.Generator) -> pd.DataFrame:
    site = sites_of(dice)
    level = dice.gamma(3, 1.3, len(site))
    after = level * np.exp(0.2 * dice.normal(size=SITES)[site]) * dice.gamma(4, 0.25, len(site))
    return pd.DataFrame(
        {
            "arm": site % 2,
            "site": site,
            "baseline_count": dice.poisson(level).astype(float),
            "baseline_years": 1.0,
            "count": dice.poisson(after).astype(float),
            "years": 1.0,
        }
    )


def times(dice: np.random.Generator) -> pd.DataFrame:
    site = sites_of(dice)
    rate = np.exp(0.3 * dice.normal(size=SITES)[site])
    to_event, to_death = dice.exponential(150 / rate), dice.exponential(700, len(site))
    until = np.where(dice.uniform(size=len(site)) < 0.2, dice.uniform(30, 200, len(site)), 200)
    first = np.minimum(to_event, to_death)
    event = np.where(first > until, 0.0, np.where(to_event < to_death, 1.0, 2.0))
    return pd.DataFrame({"arm": site % 2, "site": site, "days": np.ceil(np.minimum(first, until)), "event": event})


def scores(dice: np.random.Generator) -> pd.DataFrame:
    """The intervention arm is older, and older people decline: only those who look at age are right."""
    site = sites_of(dice)
    arm = site % 2
    age = dice.normal(60 + 6 * arm, 10)
    before = dice.normal(0.6, 0.15, len(site))
    after = before - 0.005 * (age - 60) + 0.04 * dice.normal(size=SITES)[site] + 0.1 * dice.normal(size=len(site))
    return pd.DataFrame({"arm": arm, "site": site, "baseline": before, "score": after, "age": age})


def starts(dice: np.random.Generator) -> pd.DataFrame:
    """Four sites start in the third period, four in the fourth, four never; sites drift on their own."""
    site = np.repeat(np.arange(SITES), 8)
    person = np.arange(len(site))
    level = dice.normal(size=len(site))
    drift = np.cumsum(0.2 * dice.normal(size=(SITES, 4)), axis=1)
    start = np.array([3.0, 4.0, np.nan])[site % 3]
    parts = [
        pd.DataFrame({"person": person, "site": site, "period": period, "start": start, "arm": 0,
                      "score": level + drift[site, period - 1] + 0.3 * dice.normal(size=len(site))})
        for period in range(1, 5)
    ]  # fmt: skip
    return pd.concat(parts, ignore_index=True)


Analysis = Callable[[pd.DataFrame], Fitted]
NOTHING_HAPPENS: dict[str, tuple[Callable[[np.random.Generator], pd.DataFrame], Analysis]] = {
    "logistic": (yes_or_no, lambda rows: logistic(rows, covariates=())),
    "modified Poisson": (yes_or_no, lambda rows: modified_poisson(rows, covariates=())),
    "linear probability": (yes_or_no, lambda rows: linear_probability(rows, covariates=())),
    "GEE": (yes_or_no, lambda rows: gee_binary(rows, covariates=())),
    "negative binomial": (counts, lambda rows: negative_binomial(rows, covariates=())),
    "conditional Poisson": (counts, poisson_change),
    "Cox": (times, lambda rows: cox(rows, covariates=())),
    "Fine-Gray": (times, lambda rows: fine_gray(rows, covariates=())),
    "restricted mean": (times, lambda rows: restricted_mean(rows, horizon=180)),
    "cumulative incidence": (times, lambda rows: cumulative_incidence(rows, horizon=180)),
    "overlap weights": (scores, lambda rows: weighted_difference(rows, covariates=AGE)),
    "entropy weights": (scores, lambda rows: weighted_difference(rows, covariates=AGE, weights="entropy")),
    "doubly robust": (scores, lambda rows: doubly_robust_change(rows, covariates=AGE)),
    "staggered": (starts, staggered),
}


def share_of_findings(draw: Callable[[np.random.Generator], pd.DataFrame], analysis: Analysis, seed: int) -> float:
    dice = np.random.default_rng(seed)
    found = [analysis(draw(dice)).main.p_value for _ in range(STUDIES)]
    return sum(p_value is not None and p_value < 0.05 for p_value in found) / STUDIES


@pytest.mark.parametrize("name", NOTHING_HAPPENS)
def test_where_link_workers_do_nothing_one_study_in_twenty_says_they_do(name: str) -> None:
    draw, analysis = NOTHING_HAPPENS[name]
    assert share_of_findings(draw, analysis, 20260301) <= HIGHEST


def test_errors_that_know_of_no_sites_find_it_far_more_often() -> None:
    share = share_of_findings(times, lambda rows: cox(rows, covariates=(), errors="classical"), 20260301)
    assert share > 0.1


def test_who_does_not_look_at_age_is_wrong_more_often_than_not() -> None:
    share = share_of_findings(scores, lambda rows: doubly_robust_change(rows, covariates=()), 20260301)
    assert share > 0.15


@pytest.mark.parametrize("method", METHODS)
def test_what_was_put_in_comes_out_on_average(method: str) -> None:
    """An effect of 0.1 on top of a decline with age; the intervals hold it nineteen times in twenty."""
    dice, inside, estimates = np.random.default_rng(20260302), 0, []
    for _ in range(STUDIES):
        rows = scores(dice)
        rows["score"] += 0.1 * rows["arm"]
        main = doubly_robust_change(rows, covariates=AGE, method=method).main
        assert main.conf_low is not None
        assert main.conf_high is not None
        inside += main.conf_low <= 0.1 <= main.conf_high
        estimates.append(main.estimate)
    assert np.mean(estimates) == pytest.approx(0.1, abs=0.01)
    assert inside / STUDIES > 0.9


def test_one_right_model_of_two_is_enough() -> None:
    """Decline by age squared, membership by age squared: the doubly robust one is given only one of the two rightly.

    Right regression, wrong score: changes follow x, membership its square. Wrong regression, right score: the other way
    about, where the plain regression is off.
    """
    dice = np.random.default_rng(20260303)
    off: dict[tuple[str, str], list[float]] = {}
    for _ in range(40):
        x = dice.uniform(-1, 2, 600)
        for case, (member, moves) in {"regression": (x**2 - 1, x), "score": (x, x**2)}.items():
            arm = (dice.uniform(size=600) < 1 / (1 + np.exp(-member))).astype(int)
            change = moves + 0.2 * dice.normal(size=600)
            rows = pd.DataFrame({"arm": arm, "site": np.arange(600), "baseline": 0.0, "score": change, "x": x})
            for method in METHODS:
                fitted = doubly_robust_change(
                    rows, covariates=(Covariate("x", "number"),), errors="classical", method=method
                )
                off.setdefault((case, method), []).append(fitted.main.estimate)
    bias = {key: abs(float(np.mean(values))) for key, values in off.items()}
    assert bias["regression", "doubly robust"] < 0.02
    assert bias["score", "doubly robust"] < 0.03
    assert bias["regression", "weights"] > 0.1
    assert bias["score", "regression"] > 0.05
