"""Restricted likelihood in problems small enough to be done by hand."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.moments import Array
from analysis.reml import (
    Problem,
    Sums,
    inverse_information,
    kenward_roger_errors,
    maximise,
    satterthwaite_errors,
    solve_information,
)
from analysis.result import AnalysisError

Y = np.array([3.0, 5.0, 4.0, 8.0])
ALL = np.ones(1, dtype=bool)


def written_out(parts: list[Array], X: Array, y: Array, theta: Array) -> Sums:
    """What the likelihood needs, by the definition of each."""
    V = np.tensordot(theta, np.stack(parts), 1)
    inverse = np.linalg.inv(V)
    A = np.column_stack([X, y])
    turned = [inverse @ K for K in parts]
    return Sums(
        rows=len(y),
        log_det=float(np.linalg.slogdet(V)[1]),
        inner=A.T @ inverse @ A,
        first=np.stack([A.T @ K @ inverse @ A for K in turned]),
        second=np.stack([[A.T @ K @ other @ inverse @ A for other in turned] for K in turned]),
        trace=np.array([np.trace(K) for K in turned]),
        traces=np.array([[np.trace(K @ other) for other in turned] for K in turned]),
    )


def problem(parts: list[Array], X: Array, y: Array, start: list[float]) -> Problem:
    return Problem(
        lambda theta: written_out(parts, X, y, theta),
        np.array(start),
        np.ones(len(parts), dtype=bool),
        lambda theta: bool(np.linalg.eigvalsh(np.tensordot(theta, np.stack(parts), 1))[0] > 1e-9),
    )


@pytest.mark.parametrize("start", [0.01, 1.0, 400.0])
def test_of_one_sample_it_finds_the_mean_and_the_variance_with_n_less_one(start: float) -> None:
    """Mean 5, squares 4 + 0 + 1 + 9 = 14 over 3."""
    found = maximise(problem([np.eye(4)], np.ones((4, 1)), Y, [start]))
    assert found.beta == pytest.approx([5])
    assert found.theta == pytest.approx([14 / 3])
    assert found.deviance == pytest.approx(3 * np.log(14 / 3) + np.log(4) + 3 + 3 * np.log(2 * np.pi))


@pytest.mark.parametrize("errors", [satterthwaite_errors, None])
def test_then_both_kinds_of_errors_are_the_t_test_s(errors: object) -> None:
    found = maximise(problem([np.eye(4)], np.ones((4, 1)), Y, [1.0]))
    given = satterthwaite_errors(found, ALL) if errors else kenward_roger_errors(found)
    assert given.std_error == pytest.approx([np.sqrt(14 / 3 / 4)])
    assert given.df == pytest.approx([3])


def test_pairs_give_the_variances_of_a_table_of_squares() -> None:
    """Pairs (3, 5), (4, 8), (10, 12): half squared differences 2, 8, 2 within; means 4, 6, 11 between."""
    y = np.array([3.0, 5.0, 4.0, 8.0, 10.0, 12.0])
    pairs = np.kron(np.eye(3), np.ones((2, 2)))
    found = maximise(problem([pairs, np.eye(6)], np.ones((6, 1)), y, [1.0, 1.0]))
    within, between = 4.0, 2 * 13.0
    assert found.theta == pytest.approx([(between - within) / 2, within])
    given = kenward_roger_errors(found)
    assert given.std_error == pytest.approx([np.sqrt(between / 6)])
    assert given.df == pytest.approx([2])


def test_a_variance_that_would_be_negative_stops_at_zero_and_is_then_taken_as_known() -> None:
    """Pairs with the same mean: what is between them is less than nothing."""
    y = np.array([1.0, 9.0, 2.0, 8.0, 3.0, 7.0])
    pairs = np.kron(np.eye(3), np.ones((2, 2)))
    asked = problem([pairs, np.eye(6)], np.ones((6, 1)), y, [1.0, 1.0])
    found = maximise(asked)
    assert found.theta[0] == 0
    assert found.theta[1] == pytest.approx(np.var(y, ddof=1))
    assert asked.free(found).tolist() == [False, True]
    assert satterthwaite_errors(found, asked.free(found)).df == pytest.approx([5])
    assert kenward_roger_errors(found).df[0] < 5


def test_two_parts_of_the_variance_that_are_one_are_refused() -> None:
    with pytest.raises(AnalysisError, match="two parts of the variance cannot be told apart in these scores"):
        maximise(problem([np.eye(4), 2 * np.eye(4)], np.ones((4, 1)), Y, [1.0, 1.0]))


def test_scores_that_do_not_vary_never_settle() -> None:
    with pytest.raises(AnalysisError, match=r"did not settle|cannot be estimated"):
        maximise(problem([np.eye(4)], np.ones((4, 1)), np.full(4, 2.0), [1.0]))


def test_information_is_solved_whatever_the_scale_of_its_numbers() -> None:
    plain, scale = np.array([[2.0, 0.5], [0.5, 1.0]]), np.array([1e6, 1e-3])
    scaled = plain * np.outer(scale, scale)
    right = np.array([2.0, -1.0])
    assert solve_information(scaled, right * scale) * scale == pytest.approx(np.linalg.solve(plain, right))
    assert inverse_information(scaled) * np.outer(scale, scale) == pytest.approx(np.linalg.inv(plain))


@pytest.mark.parametrize(
    ("information", "fault"),
    [
        ([[1.0, 1.0], [1.0, 1.0]], "two parts of the variance cannot be told apart"),
        ([[1.0, 0.0], [0.0, 0.0]], "some part of the variance cannot be estimated"),
        ([[1.0, np.nan], [np.nan, 1.0]], "some part of the variance cannot be estimated"),
    ],
)
def test_information_that_says_nothing_of_a_part_is_refused(information: list[list[float]], fault: str) -> None:
    with pytest.raises(AnalysisError, match=fault):
        inverse_information(np.array(information))


def test_a_bend_adds_to_the_errors_what_the_curve_of_theta_costs() -> None:
    """With y ~ N(mu, v) and log v normal about the truth with variance 2 / df, v is too large by v / df on average."""
    found = maximise(problem([np.eye(4)], np.ones((4, 1)), Y, [1.0]))
    plain, bent = kenward_roger_errors(found), kenward_roger_errors(found, bend=found.theta / 3)
    assert bent.covariance == pytest.approx(plain.covariance * (1 - 1 / 3))
    assert bent.df == pytest.approx(plain.df)
