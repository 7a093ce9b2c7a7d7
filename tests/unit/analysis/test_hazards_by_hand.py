"""Hazard models by another road: every risk set written out person by person, as in the papers.

Slow and simple on purpose. The estimators work from running sums; here a step of the partial likelihood is a weighted
mean over everybody at risk, people can count more or less than once, and what a person moves is found by letting them
count a little more.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.estimators.cox import cox, fit_cox, proportionality, score_residuals
from analysis.estimators.fine_gray import fine_gray
from analysis.estimators.partial_likelihood import Exposure, expected_scores, information_by_site, sums_by
from analysis.estimators.pseudo_values import event_design
from analysis.moments import Array
from instruments.plan import Covariate

X_TERM = (Covariate("x", "number"),)
seeds = st.integers(0, 10_000)


def draw(seed: int, *, ties: bool = True, sites: int = 6) -> pd.DataFrame:
    """Some fifty people, on few days where `ties`, each on a day of their own otherwise."""
    dice = np.random.default_rng(seed)
    site = np.repeat(np.arange(sites), dice.integers(6, 11, sites))
    n = len(site)
    days = dice.integers(1, 9, n).astype(float) if ties else dice.permutation(n) + 1.0
    event = dice.choice([0.0, 1.0, 2.0], n, p=[0.3, 0.5, 0.2])
    arm = site % 2
    event[[np.flatnonzero(arm == value)[0] for value in (0, 1)]] = 1.0
    return pd.DataFrame({"arm": arm, "site": site, "days": days, "event": event, "x": dice.normal(size=n)})


@dataclass(frozen=True)
class Step:
    """One event: the covariates of who had it, how much it counts, and the weight of everybody at risk, (n,)."""

    x: Array
    counts: float
    at_risk: Array


def design_of(rows: pd.DataFrame) -> Array:
    return rows[["arm", "x"]].to_numpy(dtype=float)


def cox_steps(rows: pd.DataFrame, weights: Array, ties: str) -> list[Step]:
    """Efron takes the tied events away by and by, Breslow never."""
    days, event, X = rows["days"].to_numpy(), rows["event"].to_numpy() == 1, design_of(rows)
    steps = []
    for day in np.unique(days[event]):
        tied = np.flatnonzero(event & (days == day))
        for place, person in enumerate(tied):
            at_risk = np.where(days >= day, weights, 0.0)
            if ties == "efron":
                at_risk[tied] *= 1 - place / len(tied)
            steps.append(Step(X[person], weights[person], at_risk))
    return steps


def fine_gray_steps(rows: pd.DataFrame, weights: Array) -> list[Step]:
    """Who had a competing event stays, with the chance of being uncensored until now given that they were till then."""
    days, event, X = rows["days"].to_numpy(), rows["event"].to_numpy(), design_of(rows)

    def uncensored_before(day: float) -> float:
        chance = 1.0
        for earlier in np.unique(days[(event == 0) & (days < day)]):
            at_risk = weights[days >= earlier].sum()
            chance *= 1 - weights[(event == 0) & (days == earlier)].sum() / at_risk
        return chance

    steps = []
    for person in np.flatnonzero(event == 1):
        now = days[person]
        at_risk = np.where(days >= now, weights, 0.0)
        for other in np.flatnonzero((event == 2) & (days < now)):
            at_risk[other] = weights[other] * uncensored_before(now) / uncensored_before(days[other])
        steps.append(Step(X[person], weights[person], at_risk))
    return steps


def score_and_information(steps: list[Step], X: Array, beta: Array) -> tuple[Array, Array]:
    score, information = np.zeros(2), np.zeros((2, 2))
    for step in steps:
        share = step.at_risk * np.exp(X @ beta)
        share = share / share.sum()
        mean = share @ X
        score += step.counts * (step.x - mean)
        information += step.counts * ((X * share[:, None]).T @ X - np.outer(mean, mean))
    return score, information


def maximum(steps: list[Step], X: Array) -> tuple[Array, Array]:
    beta = np.zeros(2)
    for _ in range(30):
        score, information = score_and_information(steps, X, beta)
        beta = beta + np.linalg.solve(information, score)
    return beta, information


def moved(rows: pd.DataFrame, steps_of: Callable[[pd.DataFrame, Array], list[Step]]) -> Array:
    """What each person moves in the coefficients, (n, 2): they count a ten-thousandth more, and less."""
    X, little, found = design_of(rows), 1e-4, []
    for person in range(len(rows)):
        at = []
        for sign in (1, -1):
            weights = np.ones(len(rows))
            weights[person] += sign * little
            at.append(maximum(steps_of(rows, weights), X)[0])
        found.append((at[0] - at[1]) / (2 * little))
    return np.array(found)


# ---------------------------------------------------------------------------- Cox


@pytest.mark.parametrize("ties", ["efron", "breslow"])
@given(seed=seeds)
@settings(max_examples=8, deadline=None)
def test_the_fit_is_that_of_risk_sets_written_out(ties: str, seed: int) -> None:
    rows = draw(seed)
    beta, information = maximum(cox_steps(rows, np.ones(len(rows)), ties), design_of(rows))
    terms = cox(rows, covariates=X_TERM, errors="classical", ties=ties).terms
    assert [term.estimate for term in terms] == pytest.approx(beta, abs=1e-8)
    assert [term.std_error for term in terms] == pytest.approx(np.sqrt(np.diag(np.linalg.inv(information))), rel=1e-7)


@given(seed=seeds)
@settings(max_examples=2, deadline=None)
def test_lin_and_wei_s_errors_are_sums_of_what_people_move(seed: int) -> None:
    rows = draw(seed, ties=False)
    each = moved(rows, lambda frame, weights: cox_steps(frame, weights, "breslow"))
    sums = pd.DataFrame(each).groupby(rows["site"].to_numpy()).sum().to_numpy()
    terms = cox(rows, covariates=X_TERM, errors="CR0").terms
    assert [term.std_error for term in terms] == pytest.approx(np.sqrt((sums**2).sum(axis=0)), rel=1e-5)


@given(seed=seeds)
@settings(max_examples=2, deadline=None)
def test_with_breslow_s_ties_too(seed: int) -> None:
    rows = draw(seed)
    each = moved(rows, lambda frame, weights: cox_steps(frame, weights, "breslow"))
    found = fit_cox(event_design(rows, X_TERM), "breslow")
    residuals = np.empty_like(each)
    residuals[found.order] = score_residuals(found)
    assert residuals @ np.linalg.inv(found.state.information) == pytest.approx(each, abs=1e-5)


@given(seed=seeds)
@settings(max_examples=8, deadline=None)
def test_with_very_many_sites_bias_reduced_errors_are_the_plain_ones(seed: int) -> None:
    """Forty copies of six sites: what one site determines of its own score is next to nothing."""
    rows = draw(seed)
    several = pd.concat([rows.assign(site=rows["site"] + 10 * copy) for copy in range(40)], ignore_index=True)
    plain, reduced = (cox(several, covariates=X_TERM, errors=errors).terms for errors in ("CR1", "CR2"))
    for one, other in zip(plain, reduced, strict=True):
        assert other.std_error == pytest.approx(one.std_error, rel=0.01)
        assert other.df is not None
        assert 30 < other.df < 240


@given(seed=seeds)
@settings(max_examples=5, deadline=None)
def test_leaving_out_one_site_after_another_is_nearly_cr3(seed: int) -> None:
    rows = draw(seed, sites=10)
    whole = [term.estimate for term in cox(rows, covariates=X_TERM, errors="classical").terms]
    moves = []
    for site in rows["site"].unique():
        rest = rows[rows["site"] != site]
        if any(not ((rest["arm"] == arm) & (rest["event"] == 1)).any() for arm in (0, 1)):
            return
        moves.append(np.array([t.estimate for t in cox(rest, covariates=X_TERM, errors="classical").terms]) - whole)
    jackknife = np.sqrt((np.array(moves) ** 2).sum(axis=0))
    terms = cox(rows, covariates=X_TERM, errors="CR3").terms
    assert [term.std_error for term in terms] == pytest.approx(jackknife, rel=0.35)


@given(seed=seeds)
@settings(max_examples=8, deadline=None)
def test_the_test_of_proportionality_is_the_score_test_of_an_interaction_with_time(seed: int) -> None:
    """The arm times the Kaplan-Meier clock, added to the risk sets written out, at a coefficient of nothing."""
    rows = draw(seed)
    X, days = design_of(rows), rows["days"].to_numpy()
    event = rows["event"].to_numpy() == 1
    ones = np.ones(len(rows))
    steps = cox_steps(rows, ones, "efron")
    beta, _ = maximum(steps, X)
    curve, clock, place = 1.0, [], 0
    for day in np.unique(days[event]):
        tied = int((event & (days == day)).sum())
        clock += [1 - curve] * tied
        curve *= 1 - tied / (days >= day).sum()
        place += tied
    assert place == len(steps)
    score, information = np.zeros(3), np.zeros((3, 3))
    for step, time in zip(steps, clock, strict=True):
        share = step.at_risk * np.exp(X @ beta)
        share = share / share.sum()
        longer = np.column_stack([X, time * X[:, 0]])
        mean = share @ longer
        score += np.append(step.x, time * step.x[0]) - mean
        information += (longer * share[:, None]).T @ longer - np.outer(mean, mean)
    expected = score[2] ** 2 * np.linalg.inv(information)[2, 2]
    statistic, p_value = proportionality(fit_cox(event_design(rows, X_TERM)))[0]
    assert statistic == pytest.approx(expected, rel=1e-6, abs=1e-9)
    assert p_value == pytest.approx(math.erfc(math.sqrt(statistic / 2)), rel=1e-9)


# ---------------------------------------------------------------------------- Fine and Gray


@given(seed=seeds)
@settings(max_examples=5, deadline=None)
def test_the_fit_is_that_of_weighted_risk_sets_written_out(seed: int) -> None:
    rows = draw(seed)
    beta, _ = maximum(fine_gray_steps(rows, np.ones(len(rows))), design_of(rows))
    terms = fine_gray(rows, covariates=X_TERM, errors="classical").terms
    assert [term.estimate for term in terms] == pytest.approx(beta, abs=1e-8)


@pytest.mark.parametrize("seed", [3, 14])
def test_its_errors_are_sums_of_what_people_move_weights_included(seed: int) -> None:
    """A person's censoring changes everybody's weights; letting them count a little more shows by how much.

    Fine and Gray leave out what vanishes with the number of people, here some 35.
    """
    rows = draw(seed, ties=False, sites=4)
    each = moved(rows, fine_gray_steps)
    between = np.sqrt((each**2).sum(axis=0))
    sums = pd.DataFrame(each).groupby(rows["site"].to_numpy()).sum().to_numpy()
    people, sites = (fine_gray(rows, covariates=X_TERM, errors=errors).terms for errors in ("classical", "CR0"))
    assert [term.std_error for term in people] == pytest.approx(between, rel=2e-3)
    assert [term.std_error for term in sites] == pytest.approx(np.sqrt((sums**2).sum(axis=0)), rel=2e-2)


# ---------------------------------------------------------------------------- sums


def test_sums_by_an_index_leave_gaps_empty() -> None:
    index, values = np.array([0, 0, 3]), np.array([[1.0, 2], [3, 4], [5, 6]])
    assert sums_by(index, values, 5).tolist() == [[4, 6], [0, 0], [0, 0], [5, 6], [0, 0]]
    assert sums_by(np.array([], dtype=np.intp), np.zeros((0, 2)), 2).tolist() == [[0, 0], [0, 0]]


@given(seed=seeds)
@settings(max_examples=10, deadline=None)
def test_a_site_s_information_is_the_sum_over_its_people_and_their_steps(seed: int) -> None:
    """Three steps with a hazard and a mean each; a person is at risk at the first so many of them."""
    dice = np.random.default_rng(seed)
    n, hazard, mean = 12, dice.uniform(0.1, 1, 3), dice.normal(size=(3, 2))
    X, r, until, site = (
        dice.normal(size=(n, 2)),
        dice.uniform(0.5, 2, n),
        dice.integers(0, 4, n),
        dice.integers(0, 3, n),
    )
    square = hazard[:, None, None] * mean[:, :, None] * mean[:, None, :]
    exposure = Exposure(
        np.array([hazard[:k].sum() for k in until]),
        np.array([(hazard[:k, None] * mean[:k]).sum(axis=0) for k in until]),
        np.array([square[:k].sum(axis=0) for k in until]),
    )
    expected, scores = np.zeros((3, 2, 2)), np.zeros((n, 2))
    for person in range(n):
        for step in range(until[person]):
            apart = X[person] - mean[step]
            expected[site[person]] += r[person] * hazard[step] * np.outer(apart, apart)
            scores[person] += r[person] * hazard[step] * apart
    assert information_by_site(X, r, exposure, site, 3) == pytest.approx(expected)
    assert expected_scores(X, r, exposure) == pytest.approx(scores)
