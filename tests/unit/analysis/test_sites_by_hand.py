"""Estimating equations, weights and roll-outs by another road, with every matrix and every comparison written out."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize

from analysis.estimators.gee import equations, gee_binary, gee_count
from analysis.estimators.interrupted_series import interrupted_series
from analysis.estimators.poisson_rate import count_design, poisson_rate
from analysis.estimators.regression import binary_design
from analysis.estimators.staggered import group_time_effects, staggered
from analysis.estimators.weighted_difference import weigh
from analysis.glm import POISSON, binomial
from analysis.moments import Array
from analysis.result import AnalysisError
from analysis.weighting import entropy_weights, propensity
from instruments.plan import Covariate

AGE = (Covariate("age", "number"),)
seeds = st.integers(0, 10_000)


def draw(seed: int, sites: int = 8) -> pd.DataFrame:
    """A small made-up study with a binary outcome, a count and a covariate; sites of different sizes, people alike."""
    dice = np.random.default_rng(seed)
    site = np.repeat(np.arange(sites), dice.integers(6, 16, sites))
    n, common = len(site), 0.2 * dice.normal(size=sites)[site]
    before = dice.integers(0, 2, n).astype(float)
    age = dice.normal(60, 10, n)
    eta = 0.2 + 0.5 * before - 0.3 * (site % 2) + common
    return pd.DataFrame(
        {
            "arm": site % 2,
            "site": site,
            "baseline": before,
            "score": (dice.uniform(size=n) < 1 / (1 + np.exp(-eta))).astype(float),
            "baseline_count": dice.poisson(3, n).astype(float),
            "baseline_years": 1.0,
            "count": dice.poisson(np.exp(eta + 0.5)).astype(float),
            "years": dice.uniform(0.5, 1.5, n),
            "age": age,
        }
    )


# ---------------------------------------------------------------------------- estimating equations


def correlated(site: Array, correlation: float) -> Array:
    return np.where(site[:, None] == site, correlation, 0.0) + (1 - correlation) * np.eye(len(site))


@pytest.mark.parametrize("kind", ["binary", "count"])
@pytest.mark.parametrize("seed", [0, 2, 4, 5, 6, 7, 8, 9])
def test_the_equations_are_solved_with_the_correlation_that_the_residuals_have(kind: str, seed: int) -> None:
    """Z' V^-1 (y - mu) vanishes for V of all people; dispersion and correlation are means over people and pairs."""
    rows = draw(seed)
    if kind == "binary":
        laid, y = binary_design(rows, ())
        solved = equations(laid, binomial(), y)
    else:
        laid, y, years = count_design(rows, ())
        solved = equations(laid, POISSON, y, np.log(years))
    found = solved.fit
    pearson = (y - found.mu) / np.sqrt(found.variance)
    assert solved.dispersion == pytest.approx((pearson**2).mean())
    products = [pearson[i] * pearson[j] for i in range(len(y)) for j in range(i) if laid.site[i] == laid.site[j]]
    assert solved.correlation == pytest.approx(np.mean(products) / solved.dispersion, rel=1e-9, abs=1e-12)
    scale = np.sqrt(solved.dispersion * found.variance)
    V = scale[:, None] * correlated(laid.site, solved.correlation) * scale
    Z = found.X * found.slope[:, None]
    assert Z.T @ np.linalg.solve(V, y - found.mu) == pytest.approx(0, abs=1e-6)
    assert found.bread == pytest.approx(np.linalg.inv(Z.T @ np.linalg.solve(V, Z)), rel=1e-6)


@pytest.mark.parametrize("seed", [0, 2, 4, 5])
def test_the_plain_sandwich_is_that_of_all_people_s_matrices(seed: int) -> None:
    rows = draw(seed)
    laid, y = binary_design(rows, ())
    solved = equations(laid, binomial(), y)
    found = solved.fit
    scale = np.sqrt(solved.dispersion * found.variance)
    V = scale[:, None] * correlated(laid.site, solved.correlation) * scale
    each = (found.X * found.slope[:, None]).T @ np.linalg.inv(V) * (y - found.mu)
    sums = np.stack([each[:, laid.site == code].sum(axis=1) for code in np.unique(laid.site)])
    expected = np.sqrt(np.diag(found.bread @ sums.T @ sums @ found.bread))
    terms = gee_binary(rows, covariates=(), errors="CR0").terms
    assert [term.std_error for term in terms] == pytest.approx(expected, rel=1e-6)


def test_a_correlation_that_sites_of_that_size_cannot_have_is_cut_off() -> None:
    """Half yes and half no in every site: people of a site are as unlike as can be."""
    rows = pd.DataFrame(
        [
            {"arm": site % 2, "site": site, "baseline": float(person % 2), "score": float(person // 2 % 2)}
            for site in range(8)
            for person in range(8)
        ]
    )
    laid, y = binary_design(rows, ())
    solved = equations(laid, binomial(), y)
    assert solved.correlation == pytest.approx(-0.9 / 7)
    assert gee_binary(rows, covariates=()).main.estimate == pytest.approx(0, abs=1e-9)


def test_equations_without_a_solution_are_refused() -> None:
    """Two sites with nearly all the events: the more alike their people, the less the others weigh, and so on."""
    with pytest.raises(AnalysisError, match="the estimating equations did not settle; name fewer covariates, or take"):
        gee_count(draw(3), covariates=())


def test_with_one_person_a_site_there_is_no_correlation_and_the_model_is_the_plain_one() -> None:
    rows = draw(1)
    rows["site"] = np.arange(len(rows))
    for errors in ("CR0", "CR1"):
        one, other = gee_count(rows, covariates=(), errors=errors), poisson_rate(rows, covariates=(), errors=errors)
        for ours, theirs in zip(one.answers, other.answers, strict=True):
            assert (ours.estimate, ours.std_error) == pytest.approx((theirs.estimate, theirs.std_error), rel=1e-8)


def test_where_all_sites_are_of_one_size_and_alike_inside_correlation_moves_next_to_nothing() -> None:
    """Design and size the same in every site of an arm: people weigh the same but for what the baseline tells."""
    rows = pd.DataFrame(
        [
            {"arm": site % 2, "site": site, "baseline_count": float(person % 2 * 3), "baseline_years": 1.0,
             "count": float((site * 5 + person * 3) % 7), "years": 1.0}
            for site in range(10)
            for person in range(6)
        ]
    )  # fmt: skip
    one, other = gee_count(rows, covariates=()).main, poisson_rate(rows, covariates=()).main
    assert one.estimate == pytest.approx(other.estimate, rel=1e-3)


# ---------------------------------------------------------------------------- weights


@given(seed=seeds)
@settings(max_examples=8, deadline=None)
def test_propensity_scores_are_those_of_a_general_optimiser(seed: int) -> None:
    rows = draw(seed)
    X = np.column_stack([np.ones(len(rows)), rows["baseline"], (rows["age"] - 60) / 10])
    arm = rows["arm"].to_numpy(dtype=float)

    def minus_log_likelihood(beta: Array) -> float:
        return float(-(arm * (X @ beta) - np.logaddexp(0, X @ beta)).sum())

    best = optimize.minimize(minus_log_likelihood, np.zeros(3), method="BFGS", options={"gtol": 1e-9}).x
    found = propensity(X, arm, ("(Intercept)", "baseline", "age"))
    assert found.beta == pytest.approx(best, abs=1e-5)
    assert found.mu.sum() == pytest.approx(arm.sum())


@given(seed=seeds)
@settings(max_examples=6, deadline=None)
def test_entropy_weights_are_the_most_even_of_all_that_balance(seed: int) -> None:
    """Among weights with the same averages none has a larger entropy: move along what leaves the averages alone."""
    rows = draw(seed)
    X, arm = rows[["baseline", "age"]].to_numpy(), rows["arm"].to_numpy()
    weights = entropy_weights(X, arm, ("baseline", "age"))[arm == 0]
    share = weights / weights.sum()
    constraints = np.column_stack([np.ones(len(share)), X[arm == 0]])
    free = np.linalg.svd(constraints.T)[2][3:]
    dice = np.random.default_rng(seed)

    def entropy(of: Array) -> float:
        return float(-(of * np.log(of)).sum())

    for _ in range(20):
        step = dice.normal(size=len(free)) @ free
        other = share + 0.2 * share.min() * step / np.abs(step).max()
        assert other @ X[arm == 0] == pytest.approx(share @ X[arm == 0])
        assert entropy(other) <= entropy(share) + 1e-12


@given(seed=seeds)
@settings(max_examples=8, deadline=None)
def test_overlap_weights_say_as_much_as_any(seed: int) -> None:
    """Of the weights by the score they have the least variance for a difference of people of equal variance.

    But for a hundredth, by which a chance agreement of scores and sizes may help the others.
    """
    rows = draw(seed)
    variance = {}
    for kind in ("overlap", "ATT", "ATE"):
        weighing = weigh(rows, AGE, kind)
        variance[kind] = sum(1 / size for size in weighing.balance.effective)
    assert variance["overlap"] <= variance["ATT"] * 1.01
    assert variance["overlap"] <= variance["ATE"] * 1.01


# ---------------------------------------------------------------------------- months


@given(seed=seeds)
@settings(max_examples=5, deadline=None)
def test_a_series_of_counts_is_the_maximum_of_its_likelihood(seed: int) -> None:
    dice = np.random.default_rng(seed)
    rows = pd.DataFrame([(site, site % 2, month) for site in range(4) for month in range(-12, 12)],
                        columns=["site", "arm", "month"])  # fmt: skip
    rows["years"] = 50.0
    rows["count"] = dice.poisson(100 * np.exp(0.1 * dice.normal(size=4))[rows["site"]]).astype(float)
    post = (rows["month"] >= 0).astype(float)
    columns = {"one": 1.0, "arm": rows["arm"], "post": post, "month": rows["month"], "more": rows["month"] * post}
    season = {"cos": np.cos(2 * np.pi * rows["month"] / 12), "sin": np.sin(2 * np.pi * rows["month"] / 12)}
    apart = {f"arm {name}": rows["arm"] * columns[name] for name in ("post", "month", "more")}
    X = pd.DataFrame({**columns, **season, **apart}).to_numpy(dtype=float)
    scale = np.abs(X).max(axis=0)
    y = rows["count"].to_numpy()

    def minus_log_likelihood(beta: Array) -> tuple[float, Array]:
        eta = X / scale @ beta + math.log(50)
        return float((np.exp(eta) - y * eta).sum()), (X / scale).T @ (np.exp(eta) - y)

    found = optimize.minimize(minus_log_likelihood, np.zeros(10), jac=True, method="BFGS", options={"gtol": 1e-7})
    terms = interrupted_series(rows, horizon=6, site_effects=False).terms
    assert [term.estimate for term in terms] == pytest.approx(found.x / scale, abs=1e-5)


# ---------------------------------------------------------------------------- roll-outs


def roll_out(seed: int) -> pd.DataFrame:
    dice = np.random.default_rng(seed)
    parts = []
    for period in range(1, 6):
        site = np.repeat(np.arange(9), 4)
        start = np.array([3.0, 4.0, np.nan])[site % 3]
        score = dice.normal(size=len(site)) + 0.2 * period * (period >= start)
        parts.append(pd.DataFrame({"person": np.arange(36), "site": site, "period": period, "start": start,
                                   "score": score, "arm": 0}))  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def mean_of(rows: pd.DataFrame, start: float, period: int) -> float:
    group = rows["start"].isna() if math.isnan(start) else rows["start"] == start
    return float(rows.loc[group & (rows["period"] == period), "score"].mean())


@given(seed=seeds)
@settings(max_examples=10, deadline=None)
def test_every_effect_is_a_difference_of_differences_of_means(seed: int) -> None:
    rows = roll_out(seed)
    found = group_time_effects(rows)
    for group, period, effect in zip(found.group, found.period, found.effect, strict=True):
        base = int(group) - 1 if period >= group else int(period) - 1
        own = mean_of(rows, group, int(period)) - mean_of(rows, group, base)
        others = mean_of(rows, math.nan, int(period)) - mean_of(rows, math.nan, base)
        assert effect == pytest.approx(own - others, abs=1e-12), (group, period)


@given(seed=seeds)
@settings(max_examples=10, deadline=None)
def test_those_not_yet_starting_help_until_they_start(seed: int) -> None:
    rows = roll_out(seed)
    found = group_time_effects(rows, compared_with="not yet")
    effects = dict(zip(zip(found.group, found.period, strict=True), found.effect, strict=True))
    waiting = rows[rows["start"].isna() | (rows["start"] == 4)]
    by_period = waiting.groupby("period")["score"].mean()
    own = mean_of(rows, 3.0, 3) - mean_of(rows, 3.0, 2)
    assert effects[3.0, 3.0] == pytest.approx(own - (by_period[3] - by_period[2]))
    never = rows[rows["start"].isna()].groupby("period")["score"].mean()
    late = mean_of(rows, 3.0, 4) - mean_of(rows, 3.0, 2)
    assert effects[3.0, 4.0] == pytest.approx(late - (never[4] - never[2]))


@given(seed=seeds)
@settings(max_examples=10, deadline=None)
def test_averages_are_what_they_say(seed: int) -> None:
    rows = roll_out(seed)
    fitted = staggered(rows, errors="classical")
    terms = {term.term: term.estimate for term in fitted.terms}
    three, four = [terms[f"3 in {p}"] for p in (3, 4, 5)], [terms[f"4 in {p}"] for p in (4, 5)]
    averages = {answer.term: answer.estimate for answer in fitted.answers}
    assert averages["simple"] == pytest.approx(np.mean(three + four))
    assert averages["group"] == pytest.approx((np.mean(three) + np.mean(four)) / 2)
    since = [(three[0] + four[0]) / 2, (three[1] + four[1]) / 2, three[2]]
    assert [terms[f"start+{e}"] for e in range(3)] == pytest.approx(since)
    assert averages["dynamic"] == pytest.approx(np.mean(since))
    months = [three[0], (three[1] + four[0]) / 2, (three[2] + four[1]) / 2]
    assert averages["calendar"] == pytest.approx(np.mean(months))


def test_errors_of_averages_are_near_those_of_drawing_people_anew() -> None:
    """The bootstrap over people, 60 draws; sizes of groups vary with the draw, as in the influences."""
    rows = roll_out(7)
    people, dice = rows.set_index("person").sort_index(), np.random.default_rng(1)
    found: dict[str, list[float]] = {}
    for _ in range(60):
        drawn = dice.integers(0, 36, 36)
        again = (
            people.loc[drawn]
            .reset_index(drop=True)
            .assign(person=np.repeat(np.arange(36), 5), site=np.repeat(np.arange(36), 5))
        )
        for answer in staggered(again, errors="classical").answers:
            found.setdefault(answer.term, []).append(answer.estimate)
    for answer in staggered(rows, errors="classical").answers:
        assert answer.std_error == pytest.approx(np.std(found[answer.term]), rel=0.3), answer.term
