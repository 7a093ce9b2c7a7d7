"""Two-stage least squares against systemfit, and against its formulas written out for the reference study.

- Food in the United States, partly invented: Kmenta J, Elements of Econometrics, 2nd ed (1986), the `Kmenta` data of
  systemfit and sem. Supply: consumption on price, last year's farm prices and trend; income is the instrument for
  price. Estimates and errors are those in systemfit's own tests (`tests/test_2sls.Rout.save`, "2SLS estimates for
  'supply'"), with as many digits as are printed.
- The reference study: contact is at least one of its `contacts`. Estimator, CR2 errors and Satterthwaite's degrees of
  freedom by whole matrices (Pustejovsky and Tipton 2018), with the design that the first stage expects, as clubSandwich
  has it for ivreg (`projection_matrix.ivreg`: component "projected").
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import linalg, stats

from analysis.estimators.ancova import ancova
from analysis.estimators.complier_average import complier_average, strength, two_stages
from analysis.estimators.design import Design
from analysis.moments import classical
from analysis.result import Fitted

from .conftest import COVARIATES

# Consumption, price, income, farm prices of the year before; 1922 to 1941.
FOOD = [
    (98.485, 100.323, 87.4, 98.0), (99.187, 104.264, 97.6, 99.1), (102.163, 103.435, 96.7, 99.1),
    (101.504, 104.506, 98.2, 98.1), (104.24, 98.001, 99.8, 110.8), (103.243, 99.456, 100.5, 108.2),
    (103.993, 101.066, 103.2, 105.6), (99.9, 104.763, 107.8, 109.8), (100.35, 96.446, 96.6, 108.7),
    (102.82, 91.228, 88.9, 100.6), (95.435, 93.085, 75.1, 81.0), (92.424, 98.801, 76.9, 68.6),
    (94.535, 102.908, 84.6, 70.9), (98.757, 98.756, 90.6, 81.4), (105.797, 95.119, 103.1, 102.3),
    (100.225, 98.451, 105.1, 105.0), (103.522, 86.498, 96.4, 110.5), (99.929, 104.016, 104.4, 92.5),
    (105.223, 105.769, 110.7, 89.3), (106.232, 113.49, 127.1, 93.0),
]  # fmt: skip


def test_the_supply_of_food_is_that_of_systemfit() -> None:
    consumption, price, income, farm = np.array(FOOD).T
    X = np.column_stack([np.ones(20), income, farm, np.arange(1, 21)])
    rows = pd.DataFrame({"arm": [1, 0] * 10, "site": range(20)})
    found = two_stages(Design(X, ("(Intercept)", "income", "farm", "trend"), rows), consumption, price)
    errors = classical(found.second)
    assert found.second.moments.terms == ("(Intercept)", "contact", "farm", "trend")
    assert found.second.beta == pytest.approx([49.5324417, 0.2400758, 0.2556057, 0.2529242], abs=5.1e-8)
    assert errors.std_error == pytest.approx([12.0105264, 0.0999339, 0.0472501, 0.0996551], abs=5.1e-8)
    assert found.second.rss == pytest.approx(96.633244, abs=5.1e-7)
    assert list(errors.df) == [16] * 4


# ---------------------------------------------------------------------------- the reference study


@pytest.fixture(scope="module")
def rows(people: pd.DataFrame) -> pd.DataFrame:
    known = people.assign(contact=(people["contacts"] > 0).astype(float), imd=people["imd"].astype(str))
    return known.rename(columns={"practice": "site", "eq5d_0": "baseline", "eq5d_12": "score"})


@pytest.fixture(scope="module")
def fitted(rows: pd.DataFrame) -> Fitted:
    return complier_average(rows, covariates=COVARIATES)


@pytest.fixture(scope="module")
def complete(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.dropna(subset=["score", "baseline", "age", "female", "imd", "ltc"])


def instruments_of(complete: pd.DataFrame) -> np.ndarray:
    """Z: intercept, arm, baseline and covariates."""
    fifths = pd.get_dummies(complete["imd"], drop_first=True).astype(float)
    own = complete[["arm", "baseline", "age", "female"]].astype(float)
    return np.column_stack([np.ones(len(complete)), own, fifths, complete["ltc"]])


def by_formula(complete: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """(Z'X)^-1 Z'y, what the first stage expects of X, the residuals, and X."""
    Z, y = instruments_of(complete), complete["score"].to_numpy()
    X = Z.copy()
    X[:, 1] = complete["contact"]
    beta = np.linalg.solve(Z.T @ X, Z.T @ y)
    return beta, Z @ np.linalg.solve(Z.T @ Z, Z.T @ X), y - X @ beta, X


def cr2(design: np.ndarray, residual: np.ndarray, site: np.ndarray, column: int) -> tuple[float, float]:
    """Error of a coefficient and its degrees of freedom, by the hat matrix and the annihilator of all rows at once."""
    n, bread = len(residual), np.linalg.inv(design.T @ design)
    rest = np.eye(n) - design @ bread @ design.T
    direction = bread[column]
    variance, functions = 0.0, []
    for code in np.unique(site):
        own = np.flatnonzero(site == code)
        adjusted = np.real(linalg.fractional_matrix_power(rest[np.ix_(own, own)], -0.5)) @ design[own] @ direction
        variance += float(adjusted @ residual[own]) ** 2
        functions.append(rest[:, own] @ adjusted)
    together = np.array(functions) @ np.array(functions).T
    return float(np.sqrt(variance)), float(np.trace(together) ** 2 / (together**2).sum())


def test_the_estimate_is_that_of_the_formula(fitted: Fitted, complete: pd.DataFrame) -> None:
    beta, *_ = by_formula(complete)
    assert sum(fitted.n) == len(complete)
    assert [term.estimate for term in fitted.terms[:-1]] == pytest.approx(list(beta), rel=1e-8)
    assert fitted.main.estimate == fitted.terms[1].estimate


def test_the_cr2_error_and_its_degrees_of_freedom_are_those_of_whole_matrices(
    fitted: Fitted, complete: pd.DataFrame
) -> None:
    _, expected, residual, _ = by_formula(complete)
    error, df = cr2(expected, residual, complete["site"].to_numpy(), 1)
    assert (fitted.main.std_error, fitted.main.df) == pytest.approx((error, df), rel=1e-7)
    p_value = 2 * stats.t.sf(abs(fitted.main.estimate / error), df)
    assert fitted.main.p_value == pytest.approx(p_value, rel=1e-6)
    assert fitted.n_clusters == (12, 12)


def test_the_first_stage_s_f_is_that_of_whole_matrices(fitted: Fitted, complete: pd.DataFrame) -> None:
    Z, contact = instruments_of(complete), complete["contact"].to_numpy()
    first = np.linalg.lstsq(Z, contact, rcond=None)[0]
    error, df = cr2(Z, contact - Z @ first, complete["site"].to_numpy(), 1)
    raised = fitted.terms[-1]
    assert (raised.term, raised.scale) == ("first stage: arm", "difference in shares")
    assert (raised.estimate, raised.std_error, raised.df) == pytest.approx((first[1], error, df), rel=1e-7)
    assert strength(fitted) == pytest.approx((first[1] / error) ** 2, rel=1e-7)
    assert strength(fitted) > 100


def test_classical_errors_are_those_of_the_formula(rows: pd.DataFrame, complete: pd.DataFrame) -> None:
    _, expected, residual, _ = by_formula(complete)
    covariance = residual @ residual / (len(residual) - expected.shape[1]) * np.linalg.inv(expected.T @ expected)
    found = complier_average(rows, covariates=COVARIATES, errors="classical")
    errors = [term.std_error for term in found.terms[:-1]]
    assert errors == pytest.approx(list(np.sqrt(np.diagonal(covariance))), rel=1e-8)


def test_it_is_what_the_offer_made_over_what_the_offer_made_of_contacts(fitted: Fitted, rows: pd.DataFrame) -> None:
    """With one instrument the two regressions on it are all there is."""
    offer = ancova(rows.dropna(subset=["contact"]), covariates=COVARIATES).main
    assert fitted.main.estimate == pytest.approx(offer.estimate / fitted.terms[-1].estimate, rel=1e-8)
    assert abs(fitted.main.estimate) > abs(offer.estimate)


def test_who_had_a_contact_is_counted_by_arm(fitted: Fitted, complete: pd.DataFrame) -> None:
    met = complete.groupby("arm")["contact"].sum()
    assert fitted.had == (met[1], met[0])
