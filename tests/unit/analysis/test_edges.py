"""Studies at the edge of what can be analysed: an answer that is right, or a refusal that says why; never a wrong number."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from analysis.estimators.cox import cox
from analysis.estimators.doubly_robust import doubly_robust_change
from analysis.estimators.interrupted_series import interrupted_series
from analysis.estimators.linear_probability import linear_probability
from analysis.estimators.logistic import logistic
from analysis.estimators.negative_binomial import negative_binomial
from analysis.estimators.poisson_change import poisson_change
from analysis.estimators.restricted_mean import restricted_mean
from analysis.estimators.staggered import staggered
from analysis.estimators.weighted_difference import weighted_difference
from analysis.glm import GAUSSIAN, binomial, fit, spread
from analysis.result import AnalysisError
from analysis.weighting import entropy_weights
from instruments.plan import Covariate

X = (Covariate("x", "number"),)


def sites(*sizes: int) -> np.ndarray:
    return np.repeat(np.arange(len(sizes)), sizes)


def test_the_rarest_outcome_that_there_is() -> None:
    """One person in each arm of two hundred: the risk ratio is one, and the interval says how little that means."""
    site = sites(*[20] * 20)
    rows = pd.DataFrame({"arm": site % 2, "site": site, "baseline": np.tile([0.0, 1.0], 200), "score": 0.0})
    rows.loc[[0, 20], "score"] = 1.0
    rows["baseline"] = np.tile([0.0, 1.0, 1.0, 0.0], 100)
    rows.loc[[0, 20], "baseline"] = [0.0, 1.0]
    difference, ratio = logistic(rows, covariates=(), errors="CR1").answers
    assert difference.estimate == pytest.approx(0, abs=1e-3)
    assert ratio.conf_low is not None
    assert ratio.conf_high is not None
    assert ratio.conf_low < 0.5 < 2 < ratio.conf_high


def test_a_site_of_one_person_among_large_ones() -> None:
    site = sites(1, 40, 40, 40, 40, 40, 40, 1)
    dice = np.random.default_rng(2)
    rows = pd.DataFrame({"arm": site % 2, "site": site, "baseline": dice.integers(0, 2, len(site)).astype(float)})
    rows["score"] = (dice.uniform(size=len(site)) < 0.4).astype(float)
    for estimator in (logistic, linear_probability):
        main = estimator(rows, covariates=()).main
        assert main.std_error is not None
        assert main.df is not None
        assert 2 < main.df < 7


def test_everybody_with_the_event_on_one_day() -> None:
    """A single tie of all: Efron's steps run down to the last one at risk, and the ratio is one."""
    site = sites(*[6] * 8)
    rows = pd.DataFrame({"arm": site % 2, "site": site, "days": 30.0, "event": 1.0})
    fitted = cox(rows, covariates=(), errors="classical")
    assert fitted.main.estimate == pytest.approx(1, rel=1e-6)
    means = restricted_mean(rows, horizon=60, errors="classical")
    assert means.main.estimate == pytest.approx(0, abs=1e-9)
    assert (means.main.std_error, means.main.p_value) == (pytest.approx(0, abs=1e-9), None)


def test_one_event_in_each_arm() -> None:
    site = sites(*[6] * 8)
    rows = pd.DataFrame({"arm": site % 2, "site": site, "days": 100.0, "event": 0.0})
    rows.loc[[0, 6], ["days", "event"]] = [[20.0, 1.0], [40.0, 1.0]]
    main = cox(rows, covariates=(), errors="classical").main
    assert main.conf_low is not None
    assert main.conf_low < 0.2
    assert main.estimate == pytest.approx(1, rel=0.1)


def test_counts_of_nothing_but_noughts_and_ones() -> None:
    site = sites(*[10] * 8)
    dice = np.random.default_rng(4)
    rows = pd.DataFrame({"arm": site % 2, "site": site, "baseline_count": dice.integers(0, 2, 80).astype(float)})
    rows = rows.assign(count=dice.integers(0, 2, 80).astype(float), years=1.0, baseline_years=1.0)
    with pytest.raises(AnalysisError, match="no more spread than Poisson"):
        negative_binomial(rows, covariates=())
    assert poisson_change(rows).main.std_error is not None


def test_a_person_with_a_million_events_does_not_stop_the_fit() -> None:
    site = sites(*[10] * 8)
    dice = np.random.default_rng(4)
    rows = pd.DataFrame({"arm": site % 2, "site": site, "baseline_count": dice.poisson(3, 80).astype(float)})
    rows = rows.assign(count=dice.poisson(3, 80).astype(float), years=1.0, baseline_years=1.0)
    rows.loc[5, "count"] = 1e6
    main = poisson_change(rows).main
    assert main.conf_low is not None
    assert main.conf_low < 1


def test_weights_of_a_single_covariate_that_is_all_but_the_arm() -> None:
    """The arms meet in two people only, and everybody else is pointed out."""
    site = sites(*[10] * 8)
    dice = np.random.default_rng(9)
    rows = pd.DataFrame({"arm": site % 2, "site": site, "x": dice.normal(3.0 * (site % 2), 1)})
    rows = rows.assign(baseline=dice.normal(size=80), score=dice.normal(size=80))
    fitted = weighted_difference(rows, covariates=X)
    assert any("have a propensity score that nobody of the other arm has" in warning for warning in fitted.warnings)


def test_entropy_weights_at_the_edge_of_what_is_possible_are_refused() -> None:
    """The intervention arm's average is that of the one most extreme person: only that one could be weighed."""
    values = np.array([[5.0], [5.0], [5.0], [1.0], [2.0]])
    with pytest.raises(AnalysisError, match="no weights make the comparison arm's average of 'x'"):
        entropy_weights(values, np.array([1, 1, 0, 0, 0]), ("x",))


def test_changes_all_alike_have_no_error() -> None:
    site = sites(*[5] * 8)
    rows = pd.DataFrame({"arm": site % 2, "site": site, "baseline": np.arange(40.0)})
    rows["score"] = rows["baseline"] + 1.0 + 2.0 * rows["arm"]
    main = doubly_robust_change(rows, covariates=(), errors="CR1").main
    assert main.estimate == pytest.approx(2)
    assert main.std_error == pytest.approx(0, abs=1e-9)


def test_a_roll_out_in_which_nobody_starts_in_the_periods_seen_is_refused() -> None:
    rows = pd.DataFrame({"person": np.repeat(np.arange(8), 2), "site": np.repeat(np.arange(8), 2), "arm": 0,
                         "period": [1, 2] * 8, "start": np.nan, "score": 1.0})  # fmt: skip
    with pytest.raises(AnalysisError, match="the intervention arm has nobody"):
        staggered(rows)


def test_a_series_of_one_site_an_arm_has_an_answer_without_an_interval() -> None:
    rows = pd.DataFrame([(arm, month) for arm in (0, 1) for month in range(-12, 12)], columns=["arm", "month"])
    rows = rows.assign(site=rows["arm"], years=10.0, count=100.0 + rows["month"] % 5 + 5 * rows["arm"])
    main = interrupted_series(rows, horizon=6, harmonics=0).main
    assert (main.std_error, main.conf_low, main.p_value) == (None, None, None)
    assert main.estimate == pytest.approx(1, abs=0.1)


def test_a_fit_of_one_value_and_a_model_without_room_for_error() -> None:
    ones = np.ones((4, 1))
    found = fit(binomial(), ones, np.array([1.0, 0, 0, 0]), site=np.arange(4), terms=("mean",))
    assert found.mu == pytest.approx(0.25)
    with pytest.raises(AnalysisError, match="perfect separation"):
        fit(binomial(), ones, np.zeros(4), site=np.arange(4), terms=("mean",))
    line = fit(GAUSSIAN, ones, np.full(4, 1e9), site=np.arange(4), terms=("mean",))
    assert line.beta == pytest.approx([1e9])
    assert spread(line, "CR1").covariance == pytest.approx(0, abs=1e-3)
