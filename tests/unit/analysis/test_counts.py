"""Counts in cases whose answer is known without a computer: more spread than Poisson, before and after, by month."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from analysis.estimators.interrupted_series import interrupted_series
from analysis.estimators.negative_binomial import negative_binomial
from analysis.estimators.poisson_change import poisson_change
from analysis.estimators.single_series import single_series
from analysis.result import AnalysisError
from instruments.plan import Covariate

AGE = Covariate("age", "number")


def people(sites_per_arm: int = 5, each: int = 10, seed: int = 5, spread: float = 1.5) -> pd.DataFrame:
    """A made-up study whose counts are more spread than Poisson, the smaller `spread` the more."""
    dice = np.random.default_rng(seed)
    site = np.repeat(np.arange(2 * sites_per_arm), each)
    arm = (site < sites_per_arm).astype(int)
    level = dice.gamma(3, 1.2, len(site))
    return pd.DataFrame(
        {
            "arm": arm,
            "site": [f"s{number}" for number in site],
            "baseline_count": dice.poisson(level).astype(float),
            "baseline_years": 1.0,
            "count": dice.poisson(level * dice.gamma(spread, 1 / spread, len(site)) * np.where(arm == 1, 0.7, 1.0)),
            "years": dice.uniform(0.5, 1.5, len(site)),
            "age": dice.integers(20, 90, len(site)).astype(float),
        }
    ).astype({"count": float})


def months(ratio: float = 0.9, slope: float = -0.01, sites_per_arm: int = 4) -> pd.DataFrame:
    """Monthly counts that follow the model exactly: the intervention sites' level times `ratio`, slope plus `slope`."""
    rows = []
    for site in range(2 * sites_per_arm):
        arm = int(site < sites_per_arm)
        for month in range(-24, 12):
            trend = 0.002 * month + 0.001 * arm * month
            parted = (math.log(ratio) + slope * month) * arm * (month >= 0) + 0.03 * (month >= 0)
            rate = math.exp(1 + 0.1 * site + trend + parted + 0.05 * math.cos(2 * math.pi * month / 12))
            rows.append({"site": f"s{site}", "arm": arm, "month": month, "count": rate * 100, "years": 100.0})
    return pd.DataFrame(rows)


def uneven(rows: pd.DataFrame, seed: int = 1) -> pd.DataFrame:
    dice = np.random.default_rng(seed)
    return rows.assign(count=dice.poisson(rows["count"]).astype(float))


# ---------------------------------------------------------------------------- negative binomial


def test_the_size_makes_the_derivative_of_the_likelihood_vanish() -> None:
    """The likelihood by scipy's own distribution, at the size and a little to either side."""
    from scipy import stats

    rows = people()
    terms = {term.term: term.estimate for term in negative_binomial(rows, covariates=()).terms}
    before = np.log(rows["baseline_count"] + 0.5)
    mu = rows["years"] * np.exp(terms["(Intercept)"] + terms["arm"] * rows["arm"] + terms["baseline"] * before)

    def likelihood(size: float) -> float:
        return float(stats.nbinom.logpmf(rows["count"], size, size / (size + mu)).sum())

    best = likelihood(terms["size"])
    assert best > likelihood(terms["size"] * 1.01)
    assert best > likelihood(terms["size"] * 0.99)


def test_counts_as_even_as_poisson_have_no_size() -> None:
    rows = people(spread=1e9)
    rows["count"] = np.round(rows["baseline_count"] * rows["years"]) + 1
    with pytest.raises(AnalysisError, match="no more spread than Poisson; take the Poisson estimator"):
        negative_binomial(rows, covariates=())


def test_exchanging_the_arms_turns_the_rate_ratio_round() -> None:
    rows = people()
    one = negative_binomial(rows, covariates=(AGE,)).main
    other = negative_binomial(rows.assign(arm=1 - rows["arm"]), covariates=(AGE,)).main
    assert other.estimate == pytest.approx(1 / one.estimate, rel=1e-8)
    assert (other.std_error, other.df) == pytest.approx((one.std_error, one.df), rel=1e-5)


def test_the_size_keeps_its_error_with_one_site_in_an_arm() -> None:
    rows = people()
    rows.loc[rows["arm"] == 1, "site"] = "only one"
    fitted = negative_binomial(rows, covariates=())
    assert fitted.main.std_error is None
    assert fitted.terms[-1].std_error is not None


# ---------------------------------------------------------------------------- before and after


def test_the_ratio_of_ratios_is_that_of_the_arms_events() -> None:
    """Same time for everybody: (after / before) of one arm over that of the other."""
    rows = people().assign(years=0.5)
    sums = rows.groupby("arm")[["count", "baseline_count"]].sum()
    expected = (sums["count"] / sums["baseline_count"])[1] / (sums["count"] / sums["baseline_count"])[0]
    assert poisson_change(rows).main.estimate == pytest.approx(expected, rel=1e-9)


def test_its_model_based_error_is_that_of_two_binomials_scaled() -> None:
    """Everybody has 4 events, 1 or 3 of them after: the variance of a logit is 1 / (n p (1 - p)), times dispersion."""
    rows = pd.DataFrame(
        {
            "arm": [1] * 8 + [0] * 8,
            "site": [f"s{number}" for number in range(16)],
            "baseline_count": [3.0, 3.0, 3.0, 1.0] * 2 + [2.0, 2.0, 3.0, 1.0] * 2,
            "count": [1.0, 1.0, 1.0, 3.0] * 2 + [2.0, 2.0, 1.0, 3.0] * 2,
            "years": 1.0,
            "baseline_years": 1.0,
        }
    )
    shares = {1: 12 / 32, 0: 16 / 32}
    variance = sum(1 / (32 * share * (1 - share)) for share in shares.values())
    share = rows["arm"].map(shares)
    pearson = ((rows["count"] - 4 * share) ** 2 / (4 * share * (1 - share))).sum()
    arm = poisson_change(rows, errors="classical").terms[1]
    assert arm.std_error == pytest.approx(math.sqrt(variance * pearson / 14), rel=1e-9)
    assert arm.df == 14


def test_a_level_of_one_s_own_changes_nothing() -> None:
    """Multiply the events of one person before and after: their ratio stays, their weight grows, no other moves."""
    rows = people()
    fair = rows.assign(count=rows["baseline_count"] * np.where(rows["arm"] == 1, 2, 4), years=1.0)
    many = fair.assign(
        **{name: fair[name] * np.where(fair.index % 3 == 0, 5, 1) for name in ("count", "baseline_count")}
    )
    for frame in (fair, many):
        ratio = poisson_change(frame, errors="CR0").main
        assert ratio.estimate == pytest.approx(0.5, rel=1e-9)
        assert ratio.std_error == pytest.approx(0, abs=1e-9)


def test_who_had_no_event_is_left_out_and_still_counts_in_the_rate() -> None:
    rows = people().assign(years=1.0)
    rows.loc[[0, 1, 60], ["count", "baseline_count"]] = 0.0
    fitted = poisson_change(rows)
    assert fitted.n == ((rows["arm"] == 1).sum() - 2 - _idle(rows, 1), (rows["arm"] == 0).sum() - 1 - _idle(rows, 0))
    seen = rows.loc[rows["arm"] == 1, "count"].mean()
    assert fitted.answers[1].estimate == pytest.approx(seen * (1 - 1 / fitted.main.estimate), rel=1e-9)


def _idle(rows: pd.DataFrame, arm: int) -> int:
    own = rows[(rows["arm"] == arm) & ~rows.index.isin([0, 1, 60])]
    return int((own["count"] + own["baseline_count"] == 0).sum())


def test_a_covariate_may_bend_the_change() -> None:
    fitted = poisson_change(people(), covariates=(AGE,))
    assert [term.term for term in fitted.terms] == ["(Intercept)", "arm", "age"]


@pytest.mark.parametrize("column", ["years", "baseline_years"])
def test_time_that_is_not_above_zero_is_refused(column: str) -> None:
    rows = people()
    rows.loc[3, column] = 0.0
    with pytest.raises(AnalysisError, match="time before or after entry is not above zero; correct the periods"):
        poisson_change(rows)


def test_events_on_one_side_of_entry_only_are_refused() -> None:
    rows = people()
    rows.loc[rows["arm"] == 1, "count"] = 0.0
    with pytest.raises(AnalysisError, match="as when all events of some group lie before entry, or all after"):
        poisson_change(rows)


# ---------------------------------------------------------------------------- by month


@pytest.mark.parametrize("model", ["counts", "log rates"])
@pytest.mark.parametrize("horizon", [0, 6, 24])
def test_months_that_follow_the_model_exactly_give_back_its_numbers(model: str, horizon: float) -> None:
    fitted = interrupted_series(months(0.9, -0.01), horizon=horizon, model=model, errors="CR0")
    assert fitted.main.estimate == pytest.approx(0.9 * math.exp(-0.01 * horizon), rel=1e-8)
    terms = {term.term: term.estimate for term in fitted.terms}
    assert terms["arm:month"] == pytest.approx(0.001, abs=1e-9)
    assert terms["post"] == pytest.approx(0.03, abs=1e-8)
    assert terms["cos 1"] == pytest.approx(0.05, abs=1e-8)


def test_the_rate_difference_is_what_the_ratio_makes_of_the_rate_without() -> None:
    """At month 11 every intervention site's rate would be the other trend's, whatever the season."""
    rows = months(0.8, 0.0)
    fitted = interrupted_series(rows, horizon=11, errors="CR0")
    after = rows[(rows["arm"] == 1) & (rows["month"] >= 0)]
    moved = np.exp((0.002 + 0.001) * (11 - after["month"]))
    without = (after["count"] / after["years"] / 0.8 * moved).mean()
    assert fitted.answers[1].estimate == pytest.approx(-0.2 * without, rel=1e-7)


def test_the_error_of_the_rate_difference_is_nearly_that_of_the_ratio_times_the_rate() -> None:
    """The level of the rate is known far better than the ratio, so that little more comes on top."""
    rows = uneven(months())
    fitted = interrupted_series(rows, horizon=6, errors="CR1")
    ratio, difference = fitted.answers
    assert ratio.std_error is not None
    assert difference.std_error is not None
    assert difference.unit == "per person-year"
    nearly = abs(difference.estimate) / abs(math.log(ratio.estimate)) * ratio.std_error
    assert difference.std_error == pytest.approx(nearly, rel=0.2)


def test_few_sites_forbid_a_p_value_of_months_too() -> None:
    fitted = interrupted_series(uneven(months(sites_per_arm=3)), horizon=6)
    assert {answer.p_value for answer in fitted.answers} == {None}
    assert "no p-value is given" in fitted.warnings[0]


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"count": np.nan}, "a month of a site lacks one of arm, site, month, count, years"),
        ({"years": 0.0}, "the person-years of some month are not above zero"),
        ({"month": 0.5}, "month: counts whole months from the start"),
    ],
)
def test_months_that_cannot_be_are_refused(change: dict[str, float], fault: str) -> None:
    rows = months().astype({"month": float})
    for name, value in change.items():
        rows.loc[7, name] = value
    with pytest.raises(AnalysisError, match=fault):
        interrupted_series(rows, horizon=6)


def test_a_month_without_an_event_has_no_logarithm() -> None:
    rows = months()
    rows.loc[3, "count"] = 0.0
    with pytest.raises(AnalysisError, match="has no logarithm; take the model 'counts'"):
        interrupted_series(rows, horizon=6, model="log rates")


def test_an_arm_without_months_after_the_start_is_refused() -> None:
    rows = months()
    with pytest.raises(AnalysisError, match="the comparison arm has no month before or none after the start"):
        interrupted_series(rows[(rows["arm"] == 1) | (rows["month"] < 0)], horizon=6)


def test_too_few_months_for_the_season_are_refused() -> None:
    rows = months()
    with pytest.raises(AnalysisError, match=r"the months are too few to tell '.*' from the other terms"):
        interrupted_series(rows[rows["month"].between(-2, 1)], horizon=1, harmonics=2)


def test_a_horizon_before_the_start_and_an_unknown_model_are_refused() -> None:
    with pytest.raises(AnalysisError, match="horizon: -1 is before the start; name a month from 0 on"):
        interrupted_series(months(), horizon=-1)
    with pytest.raises(AnalysisError, match="unknown model 'splines'; allowed: counts, log rates"):
        interrupted_series(months(), horizon=6, model="splines")


# ---------------------------------------------------------------------------- one series


def one_series() -> pd.DataFrame:
    rows = uneven(months())
    return rows[rows["site"] == "s0"]


@pytest.mark.parametrize("errors", ["NeweyWest", "AR1"])
def test_one_series_moves_by_what_its_level_and_slope_moved(errors: str) -> None:
    rows = months(0.9, -0.01)
    fitted = single_series(rows[rows["site"] == "s0"].assign(count=lambda own: own["count"] * 1.0001 ** (own.index % 2)),
                           horizon=6, errors=errors)  # fmt: skip
    assert fitted.main.estimate == pytest.approx(0.9 * math.exp(0.03 - 0.06), rel=1e-3)
    assert fitted.warnings[0].startswith("There is no comparison")


def test_without_a_lag_newey_and_west_are_white() -> None:
    """Lag 0: each month's squared error weighted by its leverage, corrected by n / (n - p)."""
    rows = one_series()
    fitted = single_series(rows, horizon=0, lag=0, harmonics=0)
    month = rows["month"].to_numpy(dtype=float)
    X = np.column_stack([np.ones(36), month >= 0, month, month * (month >= 0)])
    y = np.log(rows["count"] / rows["years"]).to_numpy()
    bread = np.linalg.inv(X.T @ X)
    rest = y - X @ bread @ X.T @ y
    white = 36 / 32 * bread @ (X * (rest**2)[:, None]).T @ X @ bread
    assert [term.std_error for term in fitted.terms] == pytest.approx(np.sqrt(np.diag(white)), rel=1e-9)


def test_gaps_doubles_and_empty_months_of_one_series_are_refused() -> None:
    rows = one_series()
    with pytest.raises(AnalysisError, match="month: is missing, doubled or not whole"):
        single_series(rows.drop(index=rows.index[5]), horizon=6)
    with pytest.raises(AnalysisError, match="a month without an event or person-years"):
        single_series(rows.assign(count=0.0), horizon=6)
    with pytest.raises(AnalysisError, match="the months are too few, or all on one side of the start"):
        single_series(rows[rows["month"] < 0], horizon=6)
    with pytest.raises(AnalysisError, match="unknown errors 'CR2'; allowed: NeweyWest, AR1"):
        single_series(rows, horizon=6, errors="CR2")
