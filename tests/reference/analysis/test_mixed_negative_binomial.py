"""Random intercepts of sites in negative binomial regression: against glmmTMB, and against the integral itself.

- `05_counts_ancova`: glmmTMB 1.1.5 (nbinom2, Laplace's approximation, a random intercept of 24 practices; intervals and
  p from the normal distribution). The estimate agrees to 1e-6. R's optimiser stops where the likelihood is flat to its
  tolerance, and its errors are those of differences at that place: they agree to 1e-4, as those of other mixed models.
- Laplace's likelihood written down anew, with effects on the scale of the rates and scipy's distribution of counts.
- Integrals over a site's draw, by scipy's adaptive quadrature, which knows nothing of modes and nodes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, special, stats

from analysis.estimators.mixed_negative_binomial import mixed_negative_binomial
from analysis.estimators.negative_binomial import size_of
from analysis.estimators.poisson_rate import count_design
from analysis.quadrature import RandomIntercepts, random_count_intercepts
from analysis.result import Fitted
from tests.unit.analysis.test_mixed_negative_binomial import study

from .conftest import COVARIATES, by_normal, numbers

Likelihood = Callable[[np.ndarray], float]
NAME = "05_counts_ancova"


@pytest.fixture(scope="module")
def laplace(attendances: pd.DataFrame) -> Fitted:
    """The reference study with one point."""
    return mixed_negative_binomial(attendances, covariates=COVARIATES, points=1)


def test_the_coefficient_is_that_of_r(laplace: Fitted, oracle_row: Callable[..., dict[str, Any]]) -> None:
    expected = oracle_row(NAME, "glmmTMB_nbinom2_ri")["estimate"]
    assert laplace.terms[1].estimate == pytest.approx(expected, rel=1e-6)
    assert laplace.main.estimate == pytest.approx(math.exp(expected), rel=1e-6)


def test_its_error_and_interval_are_those_of_r(laplace: Fitted, oracle_row: Callable[..., dict[str, Any]]) -> None:
    arm = laplace.terms[1]
    _, *found, p_value = by_normal(arm.estimate, arm.std_error)
    _, *expected, p_in_r = numbers(oracle_row(NAME, "glmmTMB_nbinom2_ri"))
    assert found == pytest.approx(expected, rel=1e-4)
    assert p_value == pytest.approx(p_in_r, rel=1e-3)


def test_the_kit_reads_t_with_two_degrees_of_freedom_less_than_there_are_sites(laplace: Fitted) -> None:
    assert {answer.df for answer in laplace.answers} == {22}
    log_ratio = laplace.terms[1]
    assert log_ratio.std_error is not None
    expected = 2 * stats.t.sf(abs(log_ratio.estimate) / log_ratio.std_error, 22)
    assert laplace.main.p_value == pytest.approx(expected, rel=1e-10)


def test_the_size_and_the_variance_of_practices_are_those_of_r(
    laplace: Fitted, oracle_extra: Callable[[str], dict[str, Any]]
) -> None:
    extra = oracle_extra(NAME)
    size, variance = laplace.terms[-2:]
    assert (size.term, variance.term) == ("size", "variance: site")
    assert size.estimate == pytest.approx(extra["glmmTMB_sigma"], rel=1e-5)
    assert variance.estimate == pytest.approx(extra["glmmTMB_var_practice"], rel=1e-5)


def test_with_the_usual_points_laplace_is_seen_to_have_been_near(laplace: Fitted, attendances: pd.DataFrame) -> None:
    """Practices of fifty people are told well: a ten thousandth of an error apart."""
    usual = mixed_negative_binomial(attendances, covariates=COVARIATES)
    for one, other in zip(usual.answers, laplace.answers, strict=True):
        assert (one.estimate, one.std_error) == pytest.approx((other.estimate, other.std_error), rel=2e-4)
    assert usual.main.estimate != laplace.main.estimate


# ---------------------------------------------------------------------------- Laplace's likelihood written down anew


def written_down(attendances: pd.DataFrame) -> Likelihood:
    """The log likelihood of coefficients, and the logarithms of the size and of the sites' deviation."""
    laid, y, years = count_design(attendances, COVARIATES)
    site, offset = pd.factorize(laid.rows["site"])[0], np.log(years)
    sites = int(site.max()) + 1

    def at(theta: np.ndarray) -> float:
        size, spread, effect = np.exp(theta[-2]), np.exp(2 * theta[-1]), np.zeros(sites)
        line = laid.X @ theta[:-2] + offset
        for _ in range(8):
            mean = np.exp(line + effect[site])
            slope = np.bincount(site, (y - mean) * size / (size + mean)) - effect / spread
            curve = np.bincount(site, mean * size * (size + y) / (size + mean) ** 2) + 1 / spread
            effect = effect + slope / curve
        mean = np.exp(line + effect[site])
        people_s = stats.nbinom.logpmf(y, size, size / (size + mean)).sum()
        return float(people_s - (effect @ effect / spread + sites * np.log(spread) + np.log(curve).sum()) / 2)

    return at


def slope_by_differences(of: Likelihood, at: np.ndarray, step: np.ndarray) -> np.ndarray:
    """In units of the steps."""
    return np.array([of(at + each) - of(at - each) for each in np.diag(step)]) / 2


def curve_by_differences(of: Likelihood, at: np.ndarray, step: np.ndarray) -> np.ndarray:
    """In units of the steps."""
    steps, middle, k = np.diag(step), of(at), len(at)
    up, down = (np.array([of(at + sign * each) for each in steps]) for sign in (1, -1))
    curve = np.diag(up + down - 2 * middle)
    for i in range(k):
        for j in range(i):
            both = of(at + steps[i] + steps[j]) + of(at - steps[i] - steps[j])
            curve[i, j] = curve[j, i] = (both - up[i] - up[j] - down[i] - down[j] + 2 * middle) / 2
    return curve


def test_the_fit_is_the_maximum_of_laplace_s_likelihood_and_its_curvature_gives_the_errors(
    attendances: pd.DataFrame,
) -> None:
    laid, y, years = count_design(attendances, COVARIATES)
    offset = np.log(years)
    found = random_count_intercepts(
        laid.X, y, site=laid.site, terms=laid.terms, offset=offset, size=size_of(laid, y, offset), points=1
    )
    best = np.append(found.beta, (math.log(found.size), math.log(found.sigma)))
    errors = np.sqrt(np.diagonal(found.covariance)) / np.append(np.ones(len(best) - 1), found.sigma)
    of = written_down(attendances)
    assert of(best) == pytest.approx(found.log_likelihood - special.gammaln(y + 1).sum(), abs=1e-8)
    assert slope_by_differences(of, best, 0.01 * errors) == pytest.approx(np.zeros(len(best)), abs=1e-6)
    covariance = np.linalg.inv(-curve_by_differences(of, best, 0.05 * errors)) * 0.05**2
    assert np.sqrt(np.diagonal(covariance)) == pytest.approx(np.ones(len(best)), rel=3e-3), "in units of the errors"


# ---------------------------------------------------------------------------- the integral itself


@pytest.fixture(scope="module")
def few() -> pd.DataFrame:
    """Ten sites of four people, whose rates differ."""
    return study(0.9, size=1.5, sites_per_arm=5, each=4, seed=8)


def line_of(rows: pd.DataFrame, beta: np.ndarray) -> np.ndarray:
    before = np.log(rows["baseline_count"] + 0.5)
    return np.asarray(beta[0] + beta[1] * rows["arm"] + beta[2] * before + np.log(rows["years"]), dtype=float)


def integrated(rows: pd.DataFrame, beta: np.ndarray, size: float, sigma: float) -> float:
    """The log likelihood, each site's integral by itself."""
    total = 0.0
    for _, own in rows.assign(line=line_of(rows, beta)).groupby("site"):
        line, y = own["line"].to_numpy(), own["count"].to_numpy()

        def density(z: float, line: np.ndarray = line, y: np.ndarray = y) -> float:
            chance = stats.nbinom.pmf(y, size, size / (size + np.exp(line + sigma * z)))
            return float(chance.prod() * stats.norm.pdf(z))

        total += math.log(integrate.quad(density, -10, 10, epsabs=0, epsrel=1e-10, limit=400)[0])
    return total


def fitted(rows: pd.DataFrame) -> RandomIntercepts:
    laid, y, years = count_design(rows, ())
    offset = np.log(years)
    return random_count_intercepts(
        laid.X, y, site=laid.site, terms=laid.terms, offset=offset, size=size_of(laid, y, offset)
    )


def test_the_likelihood_at_the_estimate_is_the_product_of_the_sites_integrals(few: pd.DataFrame) -> None:
    found = fitted(few)
    assert found.sigma > 0.4
    factorials = float(special.gammaln(few["count"] + 1).sum())
    expected = integrated(few, found.beta, found.size, found.sigma)
    assert found.log_likelihood - factorials == pytest.approx(expected, abs=1e-7)


def test_no_other_values_are_more_likely_and_the_curvature_there_gives_the_errors(few: pd.DataFrame) -> None:
    """On a grid, whose sums are as exact for so smooth a curve and much faster."""
    found, z = fitted(few), np.linspace(-10, 10, 401)
    y, site = few["count"].to_numpy()[:, None], few["site"].to_numpy()

    def at(theta: np.ndarray) -> float:
        size = np.exp(theta[-2])
        mean = np.exp(line_of(few, theta)[:, None] + theta[-1] * z)
        logs = pd.DataFrame(stats.nbinom.logpmf(y, size, size / (size + mean))).groupby(site).sum().to_numpy()
        return float(np.log((np.exp(logs) * stats.norm.pdf(z)).sum(axis=1) * (z[1] - z[0])).sum())

    best = np.append(found.beta, (math.log(found.size), found.sigma))
    errors = np.sqrt(np.diagonal(found.covariance))
    assert at(best) == pytest.approx(integrated(few, found.beta, found.size, found.sigma), abs=1e-8)
    assert slope_by_differences(at, best, 0.005 * errors) == pytest.approx(np.zeros(5), abs=1e-6)
    covariance = np.linalg.inv(-curve_by_differences(at, best, 0.03 * errors)) * 0.03**2
    assert np.sqrt(np.diagonal(covariance)) == pytest.approx(np.ones(5), rel=2e-3), "in units of the errors given"


def test_rates_are_averages_over_all_sites_that_there_could_be(few: pd.DataFrame) -> None:
    """Person by person, the rate of a year integrated over the sites' distribution."""
    answer = mixed_negative_binomial(few, covariates=())
    beta = np.array([term.estimate for term in answer.terms[:3]])
    sigma = math.sqrt(answer.terms[-1].estimate)

    def rate(arm: int) -> float:
        line = line_of(few.assign(arm=arm, years=1.0), beta)
        return float(
            integrate.quad(lambda z: float(np.exp(line + sigma * z).mean()) * stats.norm.pdf(z), -12, 12, epsabs=1e-12)[
                0
            ]
        )

    ratio, difference = answer.answers
    assert difference.estimate == pytest.approx(rate(1) - rate(0), rel=1e-8)
    assert ratio.estimate == pytest.approx(rate(1) / rate(0), rel=1e-8)
