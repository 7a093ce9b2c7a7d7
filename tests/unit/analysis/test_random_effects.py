"""Mixed models from sums: against matrices written out in full, against closed forms, and at their edges."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.moments import Array, classical, from_rows, least_squares
from analysis.random_effects import MixedFit, people_within_sites, random_coefficients
from analysis.result import AnalysisError

TERMS = ("(Intercept)", "arm", "x")
seeds = st.integers(0, 10_000)
Rows = tuple[Array, Array, dict[str, np.ndarray]]


def one_time(seed: int, sites: int = 10, spread: float = 1.0) -> tuple[Array, Array, Array]:
    """People within sites, measured once: design (n, 3), outcome (n,), site (n,)."""
    dice = np.random.default_rng(seed)
    site = np.repeat(np.arange(sites), dice.integers(2, 9, sites))
    x = dice.normal(size=len(site))
    X = np.column_stack([np.ones(len(site)), site < sites // 2, x])
    shift, slope = spread * dice.normal(size=sites), 0.7 * spread * dice.normal(size=sites)
    return X, X @ [1, 2, 3] + shift[site] + slope[site] * x + dice.normal(size=len(site)), site


def repeated(seed: int, sites: int = 6, each: int = 6, kept: float = 0.8) -> Rows:
    """People within sites, measured up to three times."""
    dice = np.random.default_rng(seed)
    n = sites * each
    person, period = np.repeat(np.arange(n), 3), np.tile(np.arange(3), n)
    site = person // each
    levels = dice.normal(size=n)[person] + dice.normal(size=sites)[site] + dice.normal(size=(sites, 3))[site, period]
    X = np.column_stack([np.ones(3 * n), site < sites // 2, period == 1, period == 2]).astype(float)
    y = levels + dice.normal(size=3 * n)
    here = dice.random(3 * n) < kept
    codes = {"site": site[here], "period": period[here], "person": np.unique(person[here], return_inverse=True)[1]}
    return X[here], y[here], codes


def same(codes: np.ndarray) -> Array:
    """1 where two rows have the same code, (n, n)."""
    return (codes[:, None] == codes).astype(float)


def check_against_matrices(fit: MixedFit, X: Array, y: Array, parts: list[Array]) -> None:
    """Everything of the likelihood by its textbook formula on n x n matrices."""
    found = fit.maximum
    V = sum(value * part for value, part in zip(found.theta, parts, strict=True))
    inverse = np.linalg.inv(V)
    phi = np.linalg.inv(X.T @ inverse @ X)
    beta = phi @ X.T @ inverse @ y
    P = inverse - inverse @ X @ phi @ X.T @ inverse
    deviance = np.linalg.slogdet(V)[1] - np.linalg.slogdet(phi)[1] + y @ P @ y
    assert found.beta == pytest.approx(beta, rel=1e-7, abs=1e-9)
    assert found.phi == pytest.approx(phi, rel=1e-7, abs=1e-10)
    assert found.deviance == pytest.approx(deviance + (len(y) - X.shape[1]) * np.log(2 * np.pi), rel=1e-9)
    scale = np.abs(found.expected).max()
    for i, K in enumerate(parts):
        assert found.gradient[i] == pytest.approx(np.trace(P @ K) - y @ P @ K @ P @ y, abs=1e-6 * np.sqrt(scale))
        assert found.first[i] == pytest.approx(X.T @ inverse @ K @ inverse @ X, rel=1e-6, abs=1e-8 * scale)
        for j, other in enumerate(parts):
            expected = np.trace(P @ K @ P @ other) / 2
            second = X.T @ inverse @ K @ inverse @ other @ inverse @ X
            assert found.second[i, j] == pytest.approx(second, rel=1e-6, abs=1e-8 * scale)
            assert found.expected[i, j] == pytest.approx(expected, abs=1e-8 * scale)
            assert found.observed[i, j] == pytest.approx(y @ P @ K @ P @ other @ P @ y - expected, abs=1e-7 * scale)


@given(seeds)
@settings(max_examples=15, deadline=None)
def test_a_random_intercept_is_what_matrices_of_all_rows_give(seed: int) -> None:
    X, y, site = one_time(seed)
    fit = random_coefficients(from_rows(X, y, site, TERMS))
    check_against_matrices(fit, X, y, [same(site), np.eye(len(y))])


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_random_slope_is_what_matrices_of_all_rows_give(seed: int) -> None:
    X, y, site = one_time(seed, sites=14)
    fit = random_coefficients(from_rows(X, y, site, TERMS), ["(Intercept)", "x"])
    x, here = X[:, 2], same(site)
    parts = [here, here * np.outer(x, x), here * (x[:, None] + x), np.eye(len(y))]
    check_against_matrices(fit, X, y, parts)
    assert np.abs(fit.maximum.gradient).max() < 1e-5


@pytest.mark.parametrize("by_period", [True, False])
@given(seeds)
@settings(max_examples=10, deadline=None)
def test_people_within_sites_are_what_matrices_of_all_rows_give(by_period: bool, seed: int) -> None:
    X, y, codes = repeated(seed)
    fit = people_within_sites(X, y, ["one", "arm", "second", "third"], **codes, by_period=by_period)
    cell = codes["site"] * 3 + codes["period"]
    parts = [same(codes["site"]), *([same(cell)] if by_period else []), same(codes["person"]), np.eye(len(y))]
    check_against_matrices(fit, X, y, parts)
    assert (fit.maximum.theta >= 0).all()
    assert np.abs(fit.maximum.gradient[fit.free]).max() < 1e-4
    assert (fit.maximum.gradient[~fit.free] >= 0).all()


@pytest.mark.parametrize(("seed", "each"), [(125, 2), (135, 2), (150, 2), (205, 2), (280, 2), (305, 2)])
def test_small_studies_settle_too(seed: int, each: int) -> None:
    """Cases in which steps by the expected information alone go round for hundreds of times."""
    X, y, codes = repeated(seed, sites=4, each=each, kept=0.7)
    fit = people_within_sites(X, y, list("abcd"), **codes)
    assert np.abs(fit.maximum.gradient[fit.free]).max() < 1e-6
    assert (fit.maximum.gradient[~fit.free] > 0).all()


# ---------------------------------------------------------------------------- closed forms


def test_equal_sites_give_the_variances_of_a_table_of_squares() -> None:
    """Between and within mean squares; an arm of sites is compared on as many df as sites less two."""
    sites, each = 10, 6
    dice = np.random.default_rng(5)
    site = np.repeat(np.arange(sites), each)
    arm = (site < 5).astype(float)
    y = arm + dice.normal(size=sites)[site] + dice.normal(size=len(site))
    table = y.reshape(sites, each)
    within = table.var(axis=1, ddof=1).mean()
    between = each * sum(half.mean(axis=1).var(ddof=1) for half in (table[:5], table[5:])) / 2
    fit = random_coefficients(from_rows(np.column_stack([np.ones(len(y)), arm]), y, site, TERMS[:2]))
    assert fit.variances == pytest.approx({"site": (between - within) / each, "residual": within}, rel=1e-8)
    for kind in ("Kenward-Roger", "Satterthwaite"):
        assert fit.errors(kind).std_error[1] == pytest.approx(np.sqrt(between / each * 2 / 5))
        assert fit.errors(kind).df[1] == pytest.approx(8)


def test_sites_that_differ_less_than_chance_are_taken_not_to_differ() -> None:
    """Site means all alike: the estimate lies at zero, and Satterthwaite's errors are those of least squares."""
    y = np.tile([-2.0, -1.0, 0.0, 1.0, 2.0], 8)
    site = np.repeat(np.arange(8), 5)
    moments = from_rows(np.column_stack([np.ones(40), site < 4]).astype(float), y, site, TERMS[:2])
    fit = random_coefficients(moments)
    plain = classical(least_squares(moments))
    assert fit.variances["site"] == 0
    assert fit.free.tolist() == [False, True]
    assert fit.errors("Satterthwaite").std_error == pytest.approx(plain.std_error)
    assert fit.errors("Satterthwaite").df == pytest.approx(plain.df)
    assert fit.errors("Kenward-Roger").df[1] < 10


@given(seeds, st.floats(0.01, 100), st.floats(-50, 50))
@settings(max_examples=15, deadline=None)
def test_a_change_of_unit_changes_everything_alike(seed: int, factor: float, shift: float) -> None:
    X, y, site = one_time(seed)
    one = random_coefficients(from_rows(X, y, site, TERMS))
    other = random_coefficients(from_rows(X, factor * y + shift, site, TERMS))
    assert other.maximum.beta[1] == pytest.approx(factor * one.maximum.beta[1], rel=1e-5, abs=1e-7)
    assert other.maximum.theta == pytest.approx(factor**2 * one.maximum.theta, rel=1e-5, abs=1e-9 * factor**2)
    assert other.errors().df == pytest.approx(one.errors().df, rel=1e-4)


def test_kenward_and_roger_never_promise_more_precision() -> None:
    X, y, site = one_time(3, sites=6)
    fit = random_coefficients(from_rows(X, y, site, TERMS))
    assert (fit.errors("Kenward-Roger").std_error >= fit.errors("Satterthwaite").std_error).all()


# ---------------------------------------------------------------------------- refusals


def test_one_person_a_site_is_refused() -> None:
    X, y, _ = one_time(1)
    with pytest.raises(AnalysisError, match="no site has two people; what sites share cannot be told"):
        random_coefficients(from_rows(X, y, np.arange(len(y)), TERMS))


def test_nobody_measured_twice_is_refused() -> None:
    X, y, codes = repeated(1)
    first = np.unique(codes["person"], return_index=True)[1]
    once = {name: code[first] for name, code in codes.items()}
    with pytest.raises(AnalysisError, match="nobody was measured twice"):
        people_within_sites(X[first], y[first], ["a", "b", "c", "d"], **once)


def test_scores_without_variation_are_refused() -> None:
    X, _, site = one_time(1)
    with pytest.raises(AnalysisError, match="fits every score exactly; there is no variation to judge it by"):
        random_coefficients(from_rows(X, X @ [1.0, 2.0, 3.0], site, TERMS))


def test_people_who_never_change_are_refused() -> None:
    """Each person has one score, repeated: the residual variance is nothing, and the search does not settle."""
    X, _, codes = repeated(1)
    levels = np.random.default_rng(1).normal(size=codes["person"].max() + 1)
    with pytest.raises(AnalysisError):
        people_within_sites(X, levels[codes["person"]], ["a", "b", "c", "d"], **codes)


def test_slopes_that_follow_from_intercepts_are_refused() -> None:
    """Every site's line goes through one point, so that intercept and slope are perfectly correlated."""
    dice = np.random.default_rng(4)
    site = np.repeat(np.arange(12), 8)
    x = dice.normal(size=96)
    slope = 3 * dice.normal(size=12)
    y = slope[site] * (x - 1) + 0.01 * dice.normal(size=96)
    X = np.column_stack([np.ones(96), x])
    with pytest.raises(AnalysisError, match=r"did not settle|cannot be told apart"):
        random_coefficients(from_rows(X, y, site, ("(Intercept)", "x")), ["(Intercept)", "x"])


def test_a_site_effect_that_is_the_arm_s_cannot_be_told_apart() -> None:
    X, y, codes = repeated(2, sites=2)
    with pytest.raises(AnalysisError, match=r"cannot be (told apart|estimated)"):
        people_within_sites(X, y, ["a", "b", "c", "d"], **codes)


def test_unknown_errors_are_refused_with_those_that_there_are() -> None:
    fit = random_coefficients(from_rows(*one_time(1), TERMS))
    with pytest.raises(AnalysisError, match="unknown errors 'CR2'; allowed: Kenward-Roger, Satterthwaite"):
        fit.errors("CR2")
