"""Reference numbers of what the kit does not offer, computed here by other libraries or from the formulas themselves.

Nothing of the kit is tested by most of these: they show that the reference files are read as they were meant, so that
whoever adds such a method finds its numbers confirmed. Two-way fixed effects under a staggered roll-out stand here as
the warning that they are, beside the estimates that the kit gives of the same data.

- Intervals of proportions and rates (`16_misc`): scipy.
- Sun and Abraham, and two-way fixed effects (`10_callaway_santanna_mpdta`): least squares with numpy.
- Gray's test of two incidences (`06b_km_rmst_aj`): the formulas of his paper with numpy. The log-rank test: lifelines.
- The concordance of Cox's model (`06_cox_admission`): lifelines, and all pairs of people counted.
- Intraclass correlations (`14_icc`): analysis of variance with numpy and scipy, and the kit's own variances.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from lifelines.statistics import logrank_test
from lifelines.utils import concordance_index
from scipy import optimize, stats

from analysis.estimators.cox import fit_cox
from analysis.estimators.product_limit import LifeTable, life_table
from analysis.estimators.pseudo_values import event_design
from analysis.estimators.staggered import staggered
from analysis.moments import from_rows
from analysis.random_effects import random_coefficients

from .conftest import COVARIATES, by_normal, numbers

Row = Callable[..., dict[str, Any]]
Extra = Callable[[str], dict[str, Any]]
ROLL_OUT = "10_callaway_santanna_mpdta"
SCORES = pytest.mark.parametrize("name", ["eq5d_0", "swemwbs_0", "swemwbs_6"])

# ---------------------------------------------------------------------------- proportions and rates


@pytest.mark.parametrize(("method", "scipy_s"), [("Wilson", "wilson"), ("ClopperPearson", "exact")])
@pytest.mark.parametrize(("count", "of"), [(818, 1200), (7, 50), (0, 20)])
def test_intervals_of_a_proportion_are_those_of_r(
    method: str, scipy_s: str, count: int, of: int, oracle_row: Row
) -> None:
    found = stats.binomtest(count, of).proportion_ci(0.95, method=scipy_s)
    expected = numbers(oracle_row("16_misc", method, f"{count}/{of}"), "estimate", "lower", "upper")
    assert (count / of, found.low, found.high) == pytest.approx(expected, abs=1e-12)


def test_the_exact_interval_of_a_rate_ratio_is_that_of_r(oracle_row: Row) -> None:
    """Given both counts together, one of them is binomial."""
    (one, other), (years, further) = (30, 20), (100, 95)
    test = stats.binomtest(one, one + other, years / (years + further))
    share = test.proportion_ci(0.95, method="exact")
    low, high = (limit / (1 - limit) * further / years for limit in (share.low, share.high))
    row = oracle_row("16_misc", "poisson.test rate 30/100 v 20/95 (exact conditional)", "RR")
    expected = numbers(row, "estimate", "lower", "upper", "p")
    assert (one / years / (other / further), low, high, test.pvalue) == pytest.approx(expected, rel=1e-9)


# ---------------------------------------------------------------------------- staggered roll-out


@pytest.fixture(scope="module")
def counties(comparison_folder: Path) -> pd.DataFrame:
    data = pd.read_csv(comparison_folder / "data" / "mpdta.csv")
    data = data.rename(columns={"year": "period", "countyreal": "person", "lemp": "score"})
    return data.assign(site=data["person"], start=data["first.treat"].where(data["first.treat"] > 0))


def two_way(data: pd.DataFrame, columns: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Least squares on columns with effects of county and year; errors by county, with fixest's small-sample factor."""
    years = pd.get_dummies(data["period"], drop_first=True).astype(float)
    whole = pd.concat([columns.astype(float), years, data["score"]], axis=1)
    within = (whole - whole.groupby(data["person"]).transform("mean")).to_numpy()
    X, y = within[:, :-1], within[:, -1]
    bread = np.linalg.inv(X.T @ X)
    beta = bread @ X.T @ y
    by_county = pd.DataFrame(X * (y - X @ beta)[:, None]).groupby(data["person"].to_numpy()).sum().to_numpy()
    n, k, groups = len(y), X.shape[1] + 1, len(by_county)
    factor = groups / (groups - 1) * (n - 1) / (n - k)
    kept = columns.shape[1]
    return beta[:kept], (factor * bread @ by_county.T @ by_county @ bread)[:kept, :kept]


@pytest.fixture(scope="module")
def saturated(counties: pd.DataFrame) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """An effect for every first year and year since, but the year before the start."""
    since = counties["period"] - counties["start"]
    kinds = sorted({(g, e) for g, e in zip(counties["start"], since, strict=True) if g == g and e != -1})
    columns = {(g, e): (counties["start"] == g) & (since == e) for g, e in kinds}
    beta, covariance = two_way(counties, pd.DataFrame(columns))
    table = pd.DataFrame(kinds, columns=["start", "since"])
    return table.assign(people=[int(column.sum()) for column in columns.values()]), beta, covariance


def averaged(
    saturated: tuple[pd.DataFrame, np.ndarray, np.ndarray], which: Callable[[pd.Series], pd.Series]
) -> tuple[float, float]:
    table, beta, covariance = saturated
    share = np.where(which(table["since"]), table["people"], 0.0)
    share = share / share.sum()
    return float(share @ beta), float(np.sqrt(share @ covariance @ share))


@pytest.mark.parametrize("since", [-4, -3, -2, 0, 1, 2, 3])
def test_sun_and_abraham_s_effects_are_those_of_r(since: int, saturated: Any, oracle_row: Row) -> None:
    found = averaged(saturated, lambda each: each == since)
    expected = numbers(oracle_row(ROLL_OUT, "sunab", f"year::{since}"))
    assert by_normal(*found) == pytest.approx(expected, rel=1e-8)


def test_sun_and_abraham_s_average_is_that_of_r_and_the_kit_s_own(
    saturated: Any, counties: pd.DataFrame, oracle_row: Row
) -> None:
    """Without covariates their estimates after the start are those of Callaway and Sant'Anna."""
    found = averaged(saturated, lambda each: each >= 0)
    assert by_normal(*found) == pytest.approx(numbers(oracle_row(ROLL_OUT, "sunab", "ATT")), rel=1e-8)
    ours = {term.term: term.estimate for term in staggered(counties, errors="classical").terms}
    for since in range(4):
        expected = oracle_row(ROLL_OUT, "sunab", f"year::{since}")["estimate"]
        assert ours[f"start+{since}"] == pytest.approx(expected, abs=1e-9)


def test_two_way_fixed_effects_are_those_of_r_and_not_what_the_kit_says(
    counties: pd.DataFrame, oracle_row: Row
) -> None:
    """They set counties that start against counties that have started: a warning, and never offered."""
    on = (counties["period"] >= counties["start"]).to_frame("treat")
    (beta,), covariance = two_way(counties, on)
    found = by_normal(float(beta), float(np.sqrt(covariance[0, 0])))
    assert found == pytest.approx(numbers(oracle_row(ROLL_OUT, "twfe", "treat")), rel=1e-8)
    assert abs(staggered(counties, errors="classical").main.estimate - beta) > 0.003


# ---------------------------------------------------------------------------- intraclass correlation


def sums_of_squares(values: pd.Series, site: pd.Series) -> tuple[float, float, np.ndarray]:
    """Mean squares between and within sites, and the sizes of sites."""
    groups = values.groupby(site)
    size, n = groups.size().to_numpy(dtype=float), len(values)
    between = float((size * (groups.mean() - values.mean()) ** 2).sum() / (len(size) - 1))
    within = float(((values - groups.transform("mean")) ** 2).sum() / (n - len(size)))
    return between, within, size


def usual_size(size: np.ndarray) -> float:
    return float((size.sum() - (size**2).sum() / size.sum()) / (len(size) - 1))


@SCORES
def test_the_analysis_of_variance_and_its_intervals_are_those_of_r(
    name: str, people: pd.DataFrame, oracle_row: Row
) -> None:
    known = people.dropna(subset=[name])
    between, within, size = sums_of_squares(known[name], known["practice"])
    n, k, usual = size.sum(), len(size), usual_size(size)
    icc = (between - within) / (between + (usual - 1) * within)
    ratios = [between / within / stats.f.ppf(level, k - 1, n - k) for level in (0.975, 0.025)]
    limits = [(ratio - 1) / (ratio + usual - 1) for ratio in ratios]
    expected = numbers(oracle_row("14_icc", "ANOVA_SearleF", name), "estimate", "lower", "upper")
    assert (icc, *limits) == pytest.approx(expected, rel=1e-8)
    unequal = (size**2).sum() - 2 * (size**3).sum() / n + ((size**2).sum() / n) ** 2
    parts = (1 + icc * (usual - 1)) ** 2 / (n - k)
    parts += ((k - 1) * (1 - icc) * (1 + icc * (2 * usual - 1)) + icc**2 * unequal) / (k - 1) ** 2
    error = np.sqrt(2 * (1 - icc) ** 2 / usual**2 * parts)
    assert by_normal(icc, error) == pytest.approx(numbers(oracle_row("14_icc", "ANOVA_Smith1957", name)), rel=1e-8)


@SCORES
def test_the_kit_s_variances_give_r_s_correlation_by_restricted_likelihood(
    name: str, people: pd.DataFrame, oracle_row: Row
) -> None:
    known = people.dropna(subset=[name])
    sums = from_rows(np.ones((len(known), 1)), known[name].to_numpy(), known["practice"], ("(Intercept)",))
    variances = random_coefficients(sums).variances
    icc = variances["site"] / sum(variances.values())
    assert icc == pytest.approx(oracle_row("14_icc", "REML", name)["estimate"], rel=1e-6)


@SCORES
def test_the_profile_interval_is_that_of_r(name: str, people: pd.DataFrame, oracle_row: Row) -> None:
    """Where the restricted likelihood of the correlation alone falls by half the 95th percentile of chi-squared."""
    known = people.dropna(subset=[name])
    between, within, size = sums_of_squares(known[name], known["practice"])
    means, n = known[name].groupby(known["practice"]).mean().to_numpy(), size.sum()

    def likelihood(icc: float) -> float:
        weight = size / (1 + (size - 1) * icc)
        apart = (weight * (means - (weight @ means) / weight.sum()) ** 2).sum()
        spread = within * (n - len(size)) / (1 - icc) + apart
        curved = ((size - 1) * np.log(1 - icc) + np.log(1 + (size - 1) * icc)).sum() + np.log(weight.sum())
        return float(-0.5 * ((n - 1) * np.log(spread / (n - 1)) + curved))

    best = optimize.minimize_scalar(lambda icc: -likelihood(icc), bounds=(0, 0.5), options={"xatol": 1e-10}).x
    fallen = likelihood(best) - stats.chi2.ppf(0.95, 1) / 2
    limits = [
        optimize.brentq(lambda icc: likelihood(icc) - fallen, *ends, xtol=1e-12) for ends in ((1e-9, best), (best, 0.6))
    ]
    expected = numbers(oracle_row("14_icc", "REML_profile_ICC", name), "estimate", "lower", "upper")
    assert between > within
    assert (best, *limits) == pytest.approx(expected, abs=1e-6)


def test_correlations_of_a_yes_or_no_are_those_of_r(people: pd.DataFrame, oracle_row: Row) -> None:
    known = people.dropna(subset=["lonely_0"])
    between, within, size = sums_of_squares(known["lonely_0"], known["practice"])
    anova = (between - within) / (between + (usual_size(size) - 1) * within)
    assert anova == pytest.approx(oracle_row("14_icc", "ANOVA_binary", "lonely_0")["estimate"], rel=1e-8)
    share, whole = known["lonely_0"].groupby(known["practice"]).mean().to_numpy(), known["lonely_0"].mean()
    left = (size * share * (1 - share)).sum() / ((size.sum() - len(size)) * whole * (1 - whole))
    row = oracle_row("14_icc", "FleissCuzick_binary", "lonely_0")
    assert 1 - left == pytest.approx(row["estimate"], rel=1e-8)


# ---------------------------------------------------------------------------- times to the first admission


def test_the_log_rank_test_is_that_of_r(admissions: pd.DataFrame, oracle_extra: Extra) -> None:
    one, other = (admissions[admissions["arm"] == arm] for arm in (1, 0))
    found = logrank_test(one["days"], other["days"], one["event"] == 1, other["event"] == 1)
    assert found.test_statistic == pytest.approx(oracle_extra("06b_km_rmst_aj")["logrank_chisq"], rel=1e-10)


def test_the_concordance_of_the_kit_s_model_is_that_of_r(admissions: pd.DataFrame, oracle_extra: Extra) -> None:
    """Of the fit with Breslow's ties, as R's log likelihood; with Efron's, nine of 232,962 pairs turn over.

    A pair counts where one is known to have come first: who is censored on the day came later, and two events of one
    day are left out.
    """
    laid = event_design(admissions, COVARIATES)
    days, had = laid.rows["days"].to_numpy(), laid.rows["event"].to_numpy() == 1
    first = had[:, None] & ((days[:, None] < days) | ((days[:, None] == days) & ~had))
    found = {}
    for ties in ("breslow", "efron"):
        risk = laid.X[:, 1:] @ fit_cox(laid, ties).state.beta
        above = risk[:, None] - risk
        found[ties] = float(((above > 0) + (above == 0) / 2)[first].mean())
        assert concordance_index(days, -risk, had) == pytest.approx(found[ties], rel=1e-12)
    expected = oracle_extra("06_cox_admission")["concordance"]
    assert found["breslow"] == pytest.approx(expected, rel=1e-12)
    assert (expected - found["efron"]) * first.sum() == pytest.approx(9, abs=1e-6)


def on_days(table: LifeTable, days: np.ndarray) -> dict[str, np.ndarray]:
    """At risk, events of each kind, and survival before and after, on the days of another table."""
    place = np.searchsorted(table.days, days)
    met = (place < len(table.days)) & (table.days[np.minimum(place, len(table.days) - 1)] == days)
    survival = np.append(1.0, table.survival)
    events = [np.where(met, np.append(table.of_kind(kind), 0.0)[place], 0.0) for kind in (1, 2)]
    return {"risk": np.append(table.at_risk, 0.0)[place], "had": events[0], "died": events[1],
            "before": survival[place], "after": survival[place + met]}  # fmt: skip


def test_gray_s_test_of_the_arms_incidences_is_that_of_r(admissions: pd.DataFrame, oracle_extra: Extra) -> None:
    """Gray RJ. Ann Stat 1988;16:1141-1154, doi:10.1214/aos/1176350951, with the weight one.

    The score sets each arm's events against the arms' shares of those at risk in the subdistribution. Its variance
    takes one incidence for both arms, and for ties the factor of drawing without replacement.
    """
    every = np.unique(admissions.loc[admissions["event"] > 0, "days"])
    arms = [admissions[admissions["arm"] == arm] for arm in (1, 0)]
    seen = [on_days(life_table(own["days"], own["event"]), every) for own in arms]
    h = np.array([own["risk"] / own["before"] for own in seen])
    had = np.array([own["had"] for own in seen])
    free = np.array([1 - np.cumsum(row / each) + row / each for row, each in zip(had, h, strict=True)])
    at_risk = h * free
    score = float((had[0] - at_risk[0] / at_risk.sum(axis=0) * had.sum(axis=0)).sum())

    step = had.sum(axis=0) / h.sum(axis=0)
    left = 1 - np.cumsum(step)
    variance = 0.0
    for place, own in enumerate(seen):
        apart = h[0] * ((place == 0) - h[place] / h.sum(axis=0))
        later = np.cumsum(apart * step / (left + step))
        later = later[-1] - later
        through = left / own["after"] * later
        crowd, died = h.sum(axis=0) * own["before"], own["died"]
        ties = (crowd - had.sum(axis=0)) / (crowd - 1)
        variance += float(((apart + later - through) ** 2 / h[place] * step * ties).sum())
        ties = (own["risk"] - died) / (own["risk"] - 1)
        variance += float((through**2 / h[place] ** 2 * died * ties).sum())

    expected = oracle_extra("06b_km_rmst_aj")["gray_test"]
    statistic = score**2 / variance
    found = (statistic, stats.chi2.sf(statistic, expected["df"]))
    assert found == pytest.approx((expected["stat"], expected["pv"]), rel=1e-10)
    assert expected["df"] == len(arms) - 1
