"""Random intercepts of sites in logistic regression against lme4, and against the integral itself.

- `cbpp`, the example of lme4's help page of glmer: new cases of a disease of cattle in 15 herds and four quarters
  (Lesnoff M et al. Prev Vet Med 2004;64:27-40), model cbind(incidence, size - incidence) ~ period + (1 | herd). Numbers
  with one point (Laplace) and with seven: lme4 1.1-38, tolPwrss 1e-13, errors from the Hessian, as published in
  `validation/goldens/cbpp_agq_k1.json` and `cbpp_agq_k7.json` of the repository pawlenartowicz/glmm. With 25 points:
  coefficients and deviance in lme4's own tests (`tests/lmer-1.R`). lme4's optimiser stops some 1e-5 from the maximum;
  its deviance and log likelihood there are flat, and agree to the last digits.
- `07_binary_lonely6`: lme4's glmer with 15 points finds no variance between the 24 practices of the reference study.
- Integrals over a site's draw, by scipy's adaptive quadrature, which knows nothing of modes and nodes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, optimize, special, stats

from analysis.estimators.logistic import logistic
from analysis.estimators.mixed_logistic import mixed_logistic
from analysis.quadrature import RandomIntercepts, random_intercepts
from tests.unit.analysis.test_binary import AGE, study

from .conftest import COVARIATES, by_normal, numbers

# Herd: new cases of so many cattle, by quarter (1 to 4), as far as the herd was seen.
CBPP = {
    1: [(2, 14), (3, 12), (4, 9), (0, 5)],
    2: [(3, 22), (1, 18), (1, 21), None],
    3: [(8, 22), (2, 16), (0, 16), (2, 20)],
    4: [(2, 10), (0, 10), (2, 9), (0, 6)],
    5: [(5, 18), (0, 25), (0, 24), (1, 4)],
    6: [(3, 17), (0, 17), (0, 18), (1, 20)],
    7: [(8, 16), (1, 10), (3, 9), (0, 5)],
    8: [(12, 34), None, None, None],
    9: [(2, 9), (0, 6), (0, 8), (0, 6)],
    10: [(1, 22), (1, 22), (0, 18), (2, 22)],
    11: [(0, 25), (5, 27), (3, 22), (1, 22)],
    12: [(2, 10), (1, 8), (0, 6), (0, 5)],
    13: [(1, 21), (2, 24), (0, 19), (0, 23)],
    14: [(11, 19), (0, 2), (0, 3), (0, 2)],
    15: [(1, 19), (1, 15), (1, 15), (0, 15)],
}
TERMS = ("(Intercept)", "period2", "period3", "period4")
LME4 = {
    1: {
        "beta": [-1.39853204368263, -0.992315880328946, -1.12866414695346, -1.58031559790095],
        "error": [0.232473254781808, 0.306641326429934, 0.326637242566145, 0.427437244644503],
        "sigma": 0.642269888687578,
    },
    7: {
        "beta": [-1.3992297549519, -0.991396124455949, -1.12783289187442, -1.57944390789621],
        "error": [0.233511608624572, 0.306767368097157, 0.326769765397074, 0.42759065568573],
        "sigma": 0.647517818318279,
    },
}


@pytest.fixture(scope="module")
def herds() -> pd.DataFrame:
    rows = [
        (herd, quarter, *seen)
        for herd, quarters in CBPP.items()
        for quarter, seen in enumerate(quarters, start=1)
        if seen is not None
    ]
    return pd.DataFrame(rows, columns=["herd", "quarter", "cases", "of"]).astype(float)


def quarters(herds: pd.DataFrame) -> np.ndarray:
    later = [(herds["quarter"] == quarter).to_numpy(dtype=float) for quarter in (2, 3, 4)]
    return np.column_stack([np.ones(len(herds)), *later])


def fitted(herds: pd.DataFrame, points: int) -> RandomIntercepts:
    cases, site, of = (herds[name].to_numpy() for name in ("cases", "herd", "of"))
    return random_intercepts(quarters(herds), cases, site=site, terms=TERMS, trials=of, points=points)


def test_the_table_of_herds_is_that_of_the_help_page(herds: pd.DataFrame) -> None:
    assert (len(herds), herds["cases"].sum(), herds["of"].sum()) == (56, 99, 842)


@pytest.mark.parametrize("points", LME4)
def test_coefficients_errors_and_spread_are_those_of_lme4(points: int, herds: pd.DataFrame) -> None:
    found, expected = fitted(herds, points), LME4[points]
    assert found.beta == pytest.approx(expected["beta"], rel=3e-5)
    assert np.sqrt(np.diagonal(found.covariance))[:-1] == pytest.approx(expected["error"], rel=2e-5)
    assert found.sigma == pytest.approx(expected["sigma"], rel=2e-5)


def test_with_one_point_the_likelihood_is_laplace_s_in_lme4(herds: pd.DataFrame) -> None:
    of, cases = herds["of"].to_numpy(), herds["cases"].to_numpy()
    ways = special.gammaln(of + 1) - special.gammaln(cases + 1) - special.gammaln(of - cases + 1)
    assert fitted(herds, 1).log_likelihood + ways.sum() == pytest.approx(-92.0262818745091, abs=2e-8)


@pytest.mark.parametrize(("points", "deviance"), [(7, 2 * 50.0050005041963), (25, 100.010030538022)])
def test_with_more_points_the_deviance_is_that_of_lme4(points: int, deviance: float, herds: pd.DataFrame) -> None:
    """lme4 counts it from the model with a risk of its own for every row."""
    of, cases = herds["of"].to_numpy(), herds["cases"].to_numpy()
    saturated = (special.xlogy(cases, cases / of) + special.xlogy(of - cases, 1 - cases / of)).sum()
    assert 2 * (saturated - fitted(herds, points).log_likelihood) == pytest.approx(deviance, abs=2e-8)


def test_with_25_points_coefficients_are_those_of_lme4_s_own_tests(herds: pd.DataFrame) -> None:
    expected = [-1.39922533406847, -0.991407294757321, -1.12782184600404, -1.57946627431248]
    assert fitted(herds, 25).beta == pytest.approx(expected, rel=1e-5)


def test_rows_of_single_animals_give_what_rows_of_herds_give(herds: pd.DataFrame) -> None:
    cases = np.concatenate([np.arange(of) < had for had, of in zip(herds["cases"], herds["of"], strict=True)])
    repeated = herds.loc[herds.index.repeat(herds["of"].astype(int))]
    site = repeated["herd"].to_numpy()
    single = random_intercepts(quarters(repeated), cases.astype(float), site=site, terms=TERMS)
    together = fitted(herds, 25)
    assert single.beta == pytest.approx(together.beta, rel=1e-7)
    assert single.covariance == pytest.approx(together.covariance, rel=1e-5, abs=1e-8)
    assert single.log_likelihood == pytest.approx(together.log_likelihood, abs=1e-9)


# ---------------------------------------------------------------------------- the reference study


def test_where_lme4_finds_no_variance_the_coefficient_and_its_error_are_lme4_s(
    lonely: pd.DataFrame, oracle_row: Callable[..., dict[str, Any]]
) -> None:
    """R reads the normal distribution; the kit t with 22 degrees of freedom."""
    fitted = mixed_logistic(lonely, covariates=COVARIATES)
    arm = fitted.terms[1]
    expected = numbers(oracle_row("07_binary_lonely6", "glmer_logit_nAGQ15"))
    assert by_normal(arm.estimate, arm.std_error) == pytest.approx(expected, rel=2e-6)
    assert arm.df == 22
    assert arm.p_value == pytest.approx(2 * stats.t.sf(abs(expected[0] / expected[1]), 22), rel=1e-5)
    assert fitted.terms[-1].estimate == 0


@pytest.mark.parametrize("population", ["everybody", "intervention"])
def test_without_variance_risks_and_their_errors_are_those_of_ordinary_logistic_regression(
    population: str, lonely: pd.DataFrame
) -> None:
    mixed = mixed_logistic(lonely, covariates=COVARIATES, population=population)
    plain = logistic(lonely, covariates=COVARIATES, population=population, errors="classical")
    for one, other in zip(plain.answers, mixed.answers, strict=False):
        assert (other.scale, other.n) == (one.scale, one.n)
        assert (other.estimate, other.std_error) == pytest.approx((one.estimate, one.std_error), rel=1e-10)
        assert (one.df, other.df) == (None, 22)


# ---------------------------------------------------------------------------- the integral itself


def sites_that_differ(seed: int = 2) -> pd.DataFrame:
    """The made-up study with sites much further apart."""
    rows = study(8, 15, seed)
    dice = np.random.default_rng(seed)
    own = dict(zip(rows["site"].unique(), 1.2 * dice.normal(size=16), strict=True))
    line = -0.6 + 0.9 * rows["baseline"] - 0.5 * rows["arm"] + rows["site"].map(own)
    return rows.assign(score=(dice.random(len(rows)) < special.expit(line)).astype(float))


def integrated(rows: pd.DataFrame, beta: np.ndarray, sigma: float) -> float:
    """The log likelihood, each site's integral by itself; beta of intercept, arm, baseline and age."""
    line = beta[0] + beta[1] * rows["arm"] + beta[2] * rows["baseline"] + beta[3] * rows["age"]
    total = 0.0
    for _, own in rows.assign(line=line).groupby("site"):
        eta, had = own["line"].to_numpy(), own["score"].to_numpy() == 1

        def density(z: float, eta: np.ndarray = eta, had: np.ndarray = had) -> float:
            risk = special.expit(eta + sigma * z)
            return float(np.where(had, risk, 1 - risk).prod() * stats.norm.pdf(z))

        total += math.log(integrate.quad(density, -12, 12, epsabs=0, epsrel=1e-10, limit=400)[0])
    return total


def on_a_grid(rows: pd.DataFrame, beta: np.ndarray, sigma: float) -> float:
    """The same by sums over a fine grid, which are as exact for so smooth a curve and much faster."""
    z = np.linspace(-12, 12, 601)
    X = np.column_stack([np.ones(len(rows)), rows[["arm", "baseline", "age"]]])
    line = (X @ beta)[:, None] + sigma * z
    logs = (
        pd.DataFrame(line * rows[["score"]].to_numpy() - np.logaddexp(0, line)).groupby(rows["site"].to_numpy()).sum()
    )
    return float(np.log((np.exp(logs.to_numpy()) * stats.norm.pdf(z)).sum(axis=1) * (z[1] - z[0])).sum())


def test_the_likelihood_at_the_estimate_is_the_product_of_the_sites_integrals() -> None:
    rows = sites_that_differ()
    X = np.column_stack([np.ones(len(rows)), rows[["arm", "baseline", "age"]]])
    found = random_intercepts(X, rows["score"].to_numpy(), site=rows["site"].to_numpy(), terms=TERMS)
    assert found.sigma > 0.8
    assert found.log_likelihood == pytest.approx(integrated(rows, found.beta, found.sigma), abs=1e-7)
    assert found.log_likelihood == pytest.approx(on_a_grid(rows, found.beta, found.sigma), abs=1e-7)


def test_no_other_values_are_more_likely_and_the_curvature_there_gives_the_errors() -> None:
    rows = sites_that_differ()
    fitted = mixed_logistic(rows, covariates=(AGE,))
    errors = np.array([term.std_error for term in fitted.terms[:4]], dtype=float)
    best = np.array([*(term.estimate for term in fitted.terms[:4]), math.sqrt(fitted.terms[-1].estimate)])
    scale = np.append(errors, 0.2)
    steps = 0.05 * np.diag(scale)

    def at(point: np.ndarray) -> float:
        return on_a_grid(rows, point[:4], point[4])

    top, places = at(best), range(5)
    up, down = ([at(best + sign * step) for step in steps] for sign in (1, -1))
    assert max(*up, *down) < top
    slopes = [(one - other) / 0.1 for one, other in zip(up, down, strict=True)]
    assert slopes == pytest.approx([0] * 5, abs=5e-4)
    curves = [
        [(at(best + steps[i] + steps[j]) - up[i] - up[j] + 2 * top - down[i] - down[j] + at(best - steps[i] - steps[j]))
         / (2 * 0.05**2) if i != j else (up[i] - 2 * top + down[i]) / 0.05**2 for j in places]
        for i in places
    ]  # fmt: skip
    covariance = np.linalg.inv(-np.array(curves))
    assert np.sqrt(np.diagonal(covariance))[:4] == pytest.approx([1] * 4, rel=1e-3), "in units of the errors given"


def test_risks_are_averages_over_all_sites_that_there_could_be() -> None:
    """Person by person, the risk integrated over the sites' distribution."""
    rows = sites_that_differ()
    fitted = mixed_logistic(rows, covariates=(AGE,), population="intervention")
    beta, sigma = [term.estimate for term in fitted.terms[:4]], math.sqrt(fitted.terms[-1].estimate)
    own = rows[rows["arm"] == 1]

    def risk(arm: float) -> float:
        line = beta[0] + beta[1] * arm + beta[2] * own["baseline"] + beta[3] * own["age"]
        return float(
            integrate.quad(lambda z: float(special.expit(line + sigma * z).mean()) * stats.norm.pdf(z), -10, 10)[0]
        )

    difference, ratio, odds = fitted.answers
    assert difference.estimate == pytest.approx(risk(1) - risk(0), abs=1e-8)
    assert ratio.estimate == pytest.approx(risk(1) / risk(0), abs=1e-8)
    assert odds.estimate == pytest.approx(math.exp(beta[1]), rel=1e-12)


def test_the_maximum_is_that_of_a_search_which_knows_the_likelihood_alone() -> None:
    """Without covariates, on the likelihood of the integrals, by Nelder and Mead."""
    rows = sites_that_differ(5)[["arm", "site", "score", "baseline"]].assign(age=0.0)
    fitted = mixed_logistic(rows, covariates=())
    ours = [*(term.estimate for term in fitted.terms[:3]), math.sqrt(fitted.terms[-1].estimate)]

    def worse(point: np.ndarray) -> float:
        return -on_a_grid(rows, np.array([*point[:3], 0.0]), abs(point[3]))

    start = np.add(ours, [0.05, -0.05, 0.05, 0.05])
    found = optimize.minimize(worse, start, method="Nelder-Mead", options={"xatol": 1e-5, "fatol": 1e-9})
    assert [*found.x[:3], abs(found.x[3])] == pytest.approx(ours, abs=2e-4)
