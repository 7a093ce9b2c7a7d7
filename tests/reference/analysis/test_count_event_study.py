"""Event study of counts on the months of the reference study, worked out apart.

A practice's population does not change in `cba_monthly.csv`, and so the ratio of ratios in a period is that of the arms'
totals: Poisson regression with a level for each site keeps to the margins. Errors without a correction follow from the
same margins, site by site, written out here with matrices of their own. The joint test is held to a brute one by
indicators, CR2 and the moments of the estimated covariance.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.estimators.count_event_study import count_event_study, periods_of
from analysis.estimators.interrupted_series import interrupted_series
from analysis.result import PreTrend
from analysis.series import site_periods


@pytest.fixture(scope="module")
def months(comparison_folder: Path) -> pd.DataFrame:
    data = pd.read_csv(comparison_folder / "data" / "cba_monthly.csv")
    data = data.rename(columns={"practice": "site", "attendances": "count"})
    return data.assign(years=data["population"] / 12)[["arm", "site", "month", "count", "years"]]


@pytest.fixture(scope="module")
def quarters(months: pd.DataFrame) -> pd.DataFrame:
    return site_periods(months, 3)


@pytest.mark.parametrize("length", [1, 2, 3, 6, 12])
def test_a_period_s_ratio_is_that_of_the_arms_totals(months: pd.DataFrame, length: int) -> None:
    rows = site_periods(months, length)
    totals = rows.pivot_table(index="period", columns="arm", values="count", aggfunc="sum")
    ratio = totals[1] / totals[0]
    expected = np.log(ratio / ratio[-1])
    terms = count_event_study(rows).terms
    assert len(terms) == len(expected) - 1
    for term in terms:
        assert term.estimate == pytest.approx(expected[periods_of(term.term)], abs=1e-9), term.term


def test_the_answer_is_the_geometric_mean_from_the_start_on(quarters: pd.DataFrame) -> None:
    fitted = count_event_study(quarters)
    after = [term.estimate for term in fitted.terms if (periods_of(term.term) or 0) >= 0]
    assert len(after) == 4
    assert np.log(fitted.main.estimate) == pytest.approx(np.mean(after), abs=1e-12)


def brute(rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, list[int]]:
    """Indicators of sites, periods and the intervention arm in each period; counts; expected counts; sites."""
    sites, periods = sorted(rows["site"].unique()), sorted(rows["period"].unique())
    others = [period for period in periods if period != -1]
    columns = [(rows["arm"] * (rows["period"] == period)).to_numpy(dtype=float) for period in others]
    columns += [(rows["period"] == period).to_numpy(dtype=float) for period in others]
    columns += [(rows["site"] == site).to_numpy(dtype=float) for site in sites]
    y = rows["count"].to_numpy(dtype=float)
    arm_total = rows.groupby(["arm", "period"])["count"].transform("sum")
    share = rows.groupby("site")["count"].transform("sum") / rows.groupby("arm")["count"].transform("sum")
    expected = (arm_total * share).to_numpy(dtype=float)
    return np.column_stack(columns), y, expected, rows["site"].to_numpy(), others


def test_uncorrected_errors_are_those_of_the_sites_scores(quarters: pd.DataFrame) -> None:
    X, y, mu, site, others = brute(quarters)
    bread = np.linalg.inv(X.T @ (mu[:, None] * X))
    scores = np.stack([X[site == each].T @ (y - mu)[site == each] for each in np.unique(site)])
    error = np.sqrt(np.diagonal(bread @ scores.T @ scores @ bread))
    terms = {periods_of(term.term): term for term in count_event_study(quarters, errors="CR0").terms}
    for place, period in enumerate(others):
        assert terms[period].std_error == pytest.approx(error[place], rel=1e-6), period


def test_the_rate_difference_is_what_the_ratios_make_of_the_rates_seen(quarters: pd.DataFrame) -> None:
    fitted = count_event_study(quarters)
    own = quarters[(quarters["arm"] == 1) & (quarters["period"] >= 0)]
    terms = {periods_of(term.term): term.estimate for term in fitted.terms}
    otherwise = own["count"] * np.exp(-own["period"].map(terms))
    expected = (own["count"] - otherwise).sum() / own["years"].sum()
    assert fitted.answers[1].estimate == pytest.approx(expected, rel=1e-9)
    assert fitted.answers[1].unit == "per person-year"


def test_the_joint_test_is_hotelling_s_with_the_degrees_of_freedom_of_its_covariance(quarters: pd.DataFrame) -> None:
    """CR2 and the spread of the estimated covariance, from the 288 weighted rows themselves."""
    X, y, mu, site, others = brute(quarters)
    chosen = [place for place, period in enumerate(others) if period < -1]
    root = np.sqrt(mu)
    Z, residual = root[:, None] * X, (y - mu) / root
    inverse = np.linalg.inv(Z.T @ Z)
    beta = np.linalg.solve(Z.T @ Z, Z.T @ (root * _linear(quarters, mu)))
    parts = []
    annihilator = np.eye(len(y)) - Z @ inverse @ Z.T
    for each in np.unique(site):
        own = site == each
        values, vectors = np.linalg.eigh(annihilator[np.ix_(own, own)])
        power = np.where(values > 1e-8, np.maximum(values, 1e-8) ** -0.5, 0.0)
        parts.append((own, (inverse @ Z[own].T)[chosen] @ (vectors * power) @ vectors.T))
    covariance = sum(np.outer(part @ residual[own], part @ residual[own]) for own, part in parts)
    shares = np.stack([part @ annihilator[own] for own, part in parts])
    mean = sum(share @ share.T for share in shares)
    values, axes = np.linalg.eigh(mean)
    unit = (axes / np.sqrt(values)).T
    whitened = np.stack([unit @ share for share in shares])
    q = len(chosen)
    spread = sum(
        np.trace(block) ** 2 + np.sum(block * block.T)
        for one in whitened for other in whitened for block in [one @ other.T]
    )  # fmt: skip
    eta = q * (q + 1) / spread
    wald = beta[chosen] @ np.linalg.solve(covariance, beta[chosen])
    found = count_event_study(quarters).pre_trend
    assert isinstance(found, PreTrend)
    assert found.df == pytest.approx((q, eta - q + 1), rel=1e-4)
    assert found.statistic == pytest.approx((eta - q + 1) / (eta * q) * wald, rel=1e-4)
    assert 0.3 < found.p_value < 0.5


def _linear(rows: pd.DataFrame, mu: np.ndarray) -> np.ndarray:
    """What the last step of the fit regresses: linear predictor without the offset, and the residual on its scale."""
    return np.log(mu / rows["years"].to_numpy()) + (rows["count"].to_numpy() - mu) / mu


def test_it_lies_near_the_interrupted_series_of_the_same_months(months: pd.DataFrame, quarters: pd.DataFrame) -> None:
    """The truth is a fall of 6 % and then a slope; the middle of twelve months is about their mean."""
    study = count_event_study(quarters).main
    series = interrupted_series(months, horizon=5.5).main
    assert study.estimate == pytest.approx(series.estimate, abs=0.02)
    assert study.conf_low is not None
    assert study.conf_low < np.exp(-0.06 - 0.003 * 5.5) < (study.conf_high or 0)


def test_nothing_before_the_start_is_found_apart_from_nothing(quarters: pd.DataFrame) -> None:
    """The study was made so that slopes before the start are alike."""
    before = [term for term in count_event_study(quarters).terms if (periods_of(term.term) or 0) < -1]
    assert len(before) == 7
    assert sum(term.conf_low is not None and term.conf_low > 0 for term in before) == 0
