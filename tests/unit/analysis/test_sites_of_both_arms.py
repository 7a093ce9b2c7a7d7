"""Where people of one site are in both arms, as where lots were drawn within practices, each site counts once."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
import pytest

from analysis.estimators.design import design
from analysis.estimators.frailty import frailty
from analysis.estimators.mixed_logistic import mixed_logistic
from analysis.estimators.mixed_model import random_intercept
from analysis.estimators.mixed_negative_binomial import mixed_negative_binomial
from analysis.estimators.poisson_rate import poisson_rate
from analysis.report.words import _sites as in_words
from analysis.result import Fitted

SITES, EACH = 9, 40
Method = Callable[..., Fitted]
OF_LIKELIHOOD: Mapping[str, Method] = {
    "mixed-negative-binomial": mixed_negative_binomial,
    "mixed-logistic": mixed_logistic,
    "frailty": frailty,
}


@pytest.fixture(scope="module")
def within() -> pd.DataFrame:
    """People of nine sites that differ; in each every other person is in the intervention arm."""
    dice = np.random.default_rng(8)
    site = np.repeat(np.arange(SITES), EACH)
    own = dice.normal(scale=0.5, size=SITES)[site]
    rate = np.exp(0.5 + own) * dice.gamma(2, 0.5, size=len(site))
    return pd.DataFrame(
        {
            "arm": np.arange(len(site)) % 2,
            "site": site,
            "count": dice.poisson(rate),
            "years": 1.0,
            "score": (dice.random(len(site)) < 1 / (1 + np.exp(-own))).astype(float),
            "days": np.ceil(dice.exponential(100 * np.exp(-own))),
            "event": 1.0,
        }
    )


@pytest.mark.parametrize("method", OF_LIKELIHOOD)
def test_degrees_of_freedom_are_those_of_sites_and_not_of_their_halves(method: str, within: pd.DataFrame) -> None:
    found = OF_LIKELIHOOD[method](within, covariates=())
    assert (found.main.df, found.main.n_clusters) == (SITES - 2, SITES)
    assert found.n_clusters == (SITES, SITES)


def test_tidy_estimates_and_variances_count_each_site_once(within: pd.DataFrame) -> None:
    for found in (poisson_rate(within, covariates=()), random_intercept(within, covariates=())):
        assert {term.n_clusters for term in (*found.answers, *found.terms)} == {SITES}


def test_sites_of_one_arm_and_of_both_are_told_apart(within: pd.DataFrame) -> None:
    some = within[(within["site"] > 2) | (within["arm"] == 1)]
    laid = design(some, ("score",), None, ())
    assert (laid.n_clusters, laid.sites) == ((SITES, SITES - 3), SITES)
    found = poisson_rate(some, covariates=())
    assert in_words(found) == "9 sites in one arm and 6 in the other, 6 of them with people of both arms"


def test_nothing_is_said_of_both_arms_where_no_site_has_them(within: pd.DataFrame) -> None:
    apart = within[within["arm"] == within["site"] % 2]
    assert in_words(poisson_rate(apart, covariates=())) == "4 sites in one arm and 5 in the other"


def test_rows_without_a_site_have_none(within: pd.DataFrame) -> None:
    assert design(within.drop(columns="site"), ("score",), None, ()).sites == 0
