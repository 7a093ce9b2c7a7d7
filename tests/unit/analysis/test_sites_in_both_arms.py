"""Where people drew lots within sites, a site has people of both arms: it is one site all the same."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from analysis.estimators.ancova import ancova
from analysis.estimators.design import design
from analysis.estimators.did import did
from analysis.estimators.frailty import frailty
from analysis.estimators.gee import gee_binary, gee_count
from analysis.estimators.mixed_logistic import mixed_logistic
from analysis.estimators.mixed_model import mixed_model, random_intercept
from analysis.estimators.mixed_negative_binomial import mixed_negative_binomial
from analysis.estimators.mmrm import mmrm
from analysis.estimators.weighted_difference import weighted_difference
from analysis.result import Fitted

Method = Callable[..., Fitted]
SITES, EACH = 12, 10


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    """Twelve sites of ten people, of whom five and five; scores, events, counts and times of everybody."""
    dice = np.random.default_rng(5)
    site, arm = np.repeat(np.arange(SITES), EACH), np.tile(np.arange(EACH) % 2, SITES)
    n, common = SITES * EACH, dice.normal(0, 0.6, SITES)[site]
    facts = {"person": np.arange(n), "arm": arm, "site": site, "baseline": dice.normal(0, 1, n)}
    scores = {"score": facts["baseline"] * 0.5 + common + 0.3 * arm + dice.normal(0, 1, n)}
    before = {"baseline_count": dice.poisson(3, n).astype(float), "baseline_years": 1.0}
    after = {"count": dice.poisson(np.exp(1 + common)).astype(float), "years": 1.0}
    times = {"days": dice.integers(1, 180, n).astype(float), "event": dice.integers(0, 2, n).astype(float)}
    return pd.DataFrame({**facts, **scores, **before, **after, **times})


@pytest.fixture(scope="module")
def events(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(score=(rows["score"] > 0).astype(float))


@pytest.fixture(scope="module")
def visits(rows: pd.DataFrame) -> pd.DataFrame:
    """One row a person and timepoint."""
    known = ["person", "arm", "site"]
    before = rows[known].assign(timepoint=0, score=rows["baseline"])
    return pd.concat([before, rows[[*known, "score"]].assign(timepoint=1)], ignore_index=True)


def sites_said(found: Fitted) -> set[int | None]:
    return {each.n_clusters for each in (*found.answers, *found.terms)}


def test_a_site_counts_in_each_arm_and_once_in_all(rows: pd.DataFrame) -> None:
    laid = design(rows, ("score",), None, ())
    assert (laid.n_clusters, laid.n_sites) == ((SITES, SITES), SITES)


def test_sites_of_one_arm_each_are_as_many_as_both_arms_have(rows: pd.DataFrame) -> None:
    apart = rows.assign(arm=(rows["site"] < 5).astype(int))
    laid = design(apart, ("score",), None, ())
    assert (laid.n_clusters, laid.n_sites) == ((5, 7), SITES)


def test_without_sites_there_are_none(rows: pd.DataFrame) -> None:
    assert design(rows.drop(columns="site"), ("score",), None, ()).n_sites == 0


@pytest.mark.parametrize("method", [ancova, random_intercept, weighted_difference])
def test_estimates_of_scores_say_how_many_sites_there_are(method: Method, rows: pd.DataFrame) -> None:
    found = method(rows, covariates=())
    assert sites_said(found) == {SITES}
    assert found.n_clusters == (SITES, SITES)


@pytest.mark.parametrize("method", [did, mixed_model, mmrm])
def test_estimates_of_changes_do_too(method: Method, visits: pd.DataFrame) -> None:
    assert sites_said(method(visits, covariates=())) == {SITES}


def test_estimates_of_events_and_counts_do_too(rows: pd.DataFrame, events: pd.DataFrame) -> None:
    assert sites_said(gee_binary(events, covariates=())) == {SITES}
    assert sites_said(gee_count(rows, covariates=())) == {SITES}


def test_degrees_of_freedom_between_and_within_count_a_site_once(rows: pd.DataFrame, events: pd.DataFrame) -> None:
    logistic, counts = mixed_logistic(events, covariates=()), mixed_negative_binomial(rows, covariates=())
    hazards = frailty(rows.drop(columns="baseline"), covariates=())
    for found in (logistic, counts, hazards):
        assert {answer.df for answer in found.answers} == {SITES - 2}
        assert {answer.n_clusters for answer in found.answers} == {SITES}


def test_errors_by_site_are_those_of_sites_and_not_of_parts_of_them(rows: pd.DataFrame) -> None:
    """Arms of the same people within sites: the error is that of the sites' own differences, 11 degrees of freedom."""
    found = ancova(rows.drop(columns="baseline"), covariates=()).main
    means = rows.pivot_table(index="site", columns="arm", values="score")
    gaps = means[1] - means[0]
    assert found.estimate == pytest.approx(gaps.mean())
    assert found.std_error == pytest.approx(gaps.std() / np.sqrt(SITES))
    assert found.df == pytest.approx(SITES - 1)
