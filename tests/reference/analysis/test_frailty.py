"""Sites' gamma frailties against survival 3.5-3 (`06_cox_admission`), and against the integrated likelihood itself.

R stops its search of the variance early, near 0.0153 on a profile as flat as a tenth of a likelihood unit, and reckons
the sites' part of the information by its diagonal alone. The reference gives the coefficient and its error: at the one
variance that gives R's coefficient, the error must be R's. The maximum is proven by the likelihood written out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import optimize, special

from analysis.estimators.cox import cox
from analysis.estimators.frailty import FrailtyFit, fit_frailty, frailty
from analysis.estimators.pseudo_values import event_design

from .conftest import COVARIATES, by_normal, numbers


@pytest.fixture(scope="module")
def expected(oracle_row: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    return oracle_row("06_cox_admission", "cox_gamma_frailty", "arm")


@pytest.fixture(scope="module")
def as_r(admissions: pd.DataFrame, expected: dict[str, Any]) -> FrailtyFit:
    """The fit at the variance at which R stopped."""
    laid = event_design(admissions, COVARIATES)
    apart = lambda theta: fit_frailty(laid, theta).beta[0] - expected["estimate"]  # noqa: E731
    return fit_frailty(laid, optimize.brentq(apart, 1e-3, 0.05, xtol=1e-13))


def test_where_r_stopped_the_error_is_r_s(as_r: FrailtyFit, expected: dict[str, Any]) -> None:
    """With the sites' block of the information cut down to its diagonal, as R does; R itself stops at 1e-9."""
    information, p = as_r.information.copy(), len(as_r.beta)
    information[p:, p:] = np.diag(np.diagonal(information)[p:])
    error = float(np.sqrt(np.linalg.inv(information)[0, 0]))
    assert as_r.theta == pytest.approx(0.0153, abs=1e-4)
    assert by_normal(as_r.beta[0], error) == pytest.approx(numbers(expected), rel=1e-6)


def test_the_whole_information_changes_little_of_it(as_r: FrailtyFit, expected: dict[str, Any]) -> None:
    assert as_r.std_error[0] == pytest.approx(expected["se"], rel=5e-5)
    assert as_r.std_error[0] != pytest.approx(expected["se"], rel=1e-5)


def test_a_variance_that_is_told_is_the_one_used(admissions: pd.DataFrame, as_r: FrailtyFit) -> None:
    told = frailty(admissions, covariates=COVARIATES, theta=as_r.theta)
    assert told.terms[0].estimate == as_r.beta[0]
    assert told.terms[0].std_error == as_r.std_error[0]
    assert told.main.df == 22
    assert (told.main.n, told.n, told.n_clusters) == (1200, (670, 530), (12, 12))


def test_the_variance_found_is_more_likely_than_r_s_and_than_any_near(
    admissions: pd.DataFrame, as_r: FrailtyFit
) -> None:
    laid = event_design(admissions, COVARIATES)
    found = fit_frailty(laid)
    assert found.theta == pytest.approx(0.01993, abs=1e-5)
    assert 0 < found.log_likelihood - as_r.log_likelihood < 0.01
    for factor in (0.9, 1.1):
        assert fit_frailty(laid, factor * found.theta).log_likelihood < found.log_likelihood
    assert 0 < found.log_likelihood - fit_frailty(laid, 0).log_likelihood < 0.2


def test_sites_all_alike_give_cox_s_model(admissions: pd.DataFrame) -> None:
    plain = cox(admissions, covariates=COVARIATES, errors="classical").terms
    none, hardly = (frailty(admissions, covariates=COVARIATES, theta=theta).terms for theta in (0.0, 1e-7))
    for term, same, near in zip(plain, none, hardly, strict=False):
        assert (same.estimate, same.std_error) == pytest.approx((term.estimate, term.std_error), rel=1e-9)
        assert (near.estimate, near.std_error) == pytest.approx((term.estimate, term.std_error), rel=1e-4)


# ---------------------------------------------------------------------------- the likelihood written out


def test_the_maximum_is_that_of_the_integrated_likelihood_written_out(admissions: pd.DataFrame) -> None:
    """Days made unlike, so that there are no ties: each event day has a hazard of its own, found like all the rest.

    A site with d events and cumulative hazard H adds the logarithm of
    nu^nu gamma(nu + d) / (gamma(nu) (nu + H)^(nu + d)), nu being one over the variance.
    """
    rows = admissions.assign(days=admissions["days"] + admissions.index / 1e4)
    X = rows[["arm", "age", "ltc"]].to_numpy(dtype=float)
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    site = pd.factorize(rows["site"])[0]
    had = (rows["event"] == 1).to_numpy()
    days = rows["days"].to_numpy()
    order = np.argsort(days[had])
    at_risk = (days[:, None] >= days[had][order][None, :]).astype(float)
    d = np.bincount(site[had], minlength=24)

    def worth(all_of_it: np.ndarray) -> tuple[float, np.ndarray]:
        beta, steps, nu = all_of_it[:3], np.exp(all_of_it[3:-1]), np.exp(-all_of_it[-1])
        r = np.exp(X @ beta)
        own = r * (at_risk @ steps)
        H = np.bincount(site, own, 24)
        weight = ((nu + d) / (nu + H))[site]
        value = (X[had] @ beta).sum() + np.log(steps).sum()
        value += (nu * np.log(nu) - special.gammaln(nu) + special.gammaln(nu + d) - (nu + d) * np.log(nu + H)).sum()
        by_nu = np.log(nu) + 1 - special.digamma(nu) + special.digamma(nu + d) - np.log(nu + H) - (nu + d) / (nu + H)
        by_beta = X[had].sum(axis=0) - (weight * own) @ X
        by_steps = 1 - steps * ((weight * r) @ at_risk)
        return -float(value), -np.concatenate([by_beta, by_steps, [-nu * by_nu.sum()]])

    events = int(had.sum())
    start = np.concatenate([np.zeros(3), np.log(1 / at_risk.sum(axis=0)), [np.log(0.1)]])
    options = {"maxiter": 5000, "maxfun": 20000, "ftol": 1e-15, "gtol": 1e-7, "maxcor": 50}
    best = optimize.minimize(worth, start, jac=True, method="L-BFGS-B", options=options)
    scaled = rows.assign(arm=rows["arm"], age=X[:, 1], ltc=X[:, 2])
    found = fit_frailty(event_design(scaled, (COVARIATES[0], COVARIATES[3])))
    spread = rows["arm"].to_numpy(dtype=float).std()
    assert [found.beta[0] * spread, *found.beta[1:]] == pytest.approx(best.x[:3], abs=1e-5)
    assert found.theta == pytest.approx(np.exp(best.x[-1]), rel=1e-3)
    assert found.log_likelihood == pytest.approx(events - best.fun, abs=1e-5)
