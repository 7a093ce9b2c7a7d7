"""Errors of roll-outs with few sites at a start, next to explicit matrices over all sites' series at once.

An average of effects is a sum a'y over the stacked series y of all sites. Its variance is a quadratic form y'Qy, whose
mean is to be the variance where sites vary alike and whose own variance is 2 tr(QWQW), W the covariance of y: degrees of
freedom are twice the squared mean over that. Here Q, W and a are written out in full, cell by cell, with none of the
shortcuts of the estimator; there is no other program that pools over starts.
"""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pandas as pd
import pytest

from analysis.estimators.course import course_of
from analysis.estimators.roll_out import sun_abraham
from analysis.estimators.staggered import staggered
from analysis.result import Course

PERIODS = 6
STARTS = {
    "singly": (3, 4, 5, 6, *(None,) * 5),
    "in pairs": (3, 3, 5, 5, *(None,) * 5),
    "some enough": (3, 4, 4, 4, 4, 5, *(None,) * 5),
    "few never": (3, 3, 4, 5, *(None,) * 3),
}
EACH = pytest.mark.parametrize("starts", STARTS.values(), ids=list(STARTS))
Starts = tuple[int | None, ...]
Cells = list[tuple[int, int]]


def series_of(starts: Starts) -> np.ndarray:
    dice = np.random.default_rng(len(starts))
    return np.asarray(np.cumsum(dice.normal(size=(len(starts), PERIODS)), axis=1))


def panel_of(starts: Starts) -> pd.DataFrame:
    rows = [
        (i, i, t + 1, math.nan if starts[i] is None else starts[i], score)
        for i, own in enumerate(series_of(starts))
        for t, score in enumerate(own)
    ]
    return pd.DataFrame(rows, columns=["person", "site", "period", "start", "score"])


def after_of(starts: Starts) -> Cells:
    return [(g, t) for g in sorted({g for g in starts if g}) for t in range(g, PERIODS + 1)]


def effect_of(starts: Starts, cell: tuple[int, int]) -> np.ndarray:
    """The effect of a start in a period from it on, as a sum over all sites' series, (n, t)."""
    group, period = cell
    a = np.zeros((len(starts), PERIODS))
    for i, start in enumerate(starts):
        sign = 1.0 if start == group else -1.0 if start is None else 0.0
        for t, way in ((period, 1), (group - 1, -1)):
            a[i, t - 1] = sign * way / starts.count(start)
    return a


def average_of(starts: Starts, cells: Cells) -> np.ndarray:
    share = [starts.count(group) for group, _ in cells]
    return np.asarray(sum(n * effect_of(starts, cell) for n, cell in zip(share, cells, strict=True)) / np.sum(share))


def taken(starts: Starts) -> dict[int | None, np.ndarray]:
    """The covariance taken for each start: its own from four sites on, else that of all."""
    own, together = {}, np.zeros((PERIODS, PERIODS))
    for start in set(starts):
        mine = series_of(starts)[[i for i, each in enumerate(starts) if each == start]]
        squares = sum(np.outer(each - mine.mean(axis=0), each - mine.mean(axis=0)) for each in mine)
        together = together + squares
        own[start] = squares / max(len(mine) - 1, 1)
    together = together / (len(starts) - len(own))
    return {start: own[start] if starts.count(start) >= 4 else together for start in own}


def within(starts: Starts, a: np.ndarray, b: np.ndarray) -> float:
    return float(sum(a[i] @ taken(starts)[start] @ b[i] for i, start in enumerate(starts)))


def form(starts: Starts, a: np.ndarray) -> np.ndarray:
    """Q, (n t, n t): what cross-products of the series of any two sites count in the variance."""
    n, Q = len(starts), np.zeros((len(starts), PERIODS, len(starts), PERIODS))
    left = n - len(set(starts))
    for i, j in product(range(n), range(n)):
        if starts[i] != starts[j]:
            continue
        size = starts.count(starts[i])
        centred = float(i == j) - 1 / size
        for k in range(n):
            if starts.count(starts[k]) < 4:
                Q[i, :, j, :] += centred * np.outer(a[k], a[k]) / left
            elif starts[k] == starts[i]:
                Q[i, :, j, :] += centred * np.outer(a[k], a[k]) / (size - 1)
    return Q.reshape(n * PERIODS, n * PERIODS)


def df_of(starts: Starts, a: np.ndarray) -> float:
    n, covariances, Q = len(starts), taken(starts), form(starts, a)
    W = np.zeros((n, PERIODS, n, PERIODS))
    for i, start in enumerate(starts):
        W[i, :, i, :] = covariances[start]
    QW = Q @ W.reshape(n * PERIODS, n * PERIODS)
    return float(np.trace(QW) ** 2 / np.trace(QW @ QW))


def share_s_cost(starts: Starts, cells: Cells) -> float:
    """What it costs that the shares are estimated: a site more at a start moves the average towards its effects."""
    n, share = len(starts), np.array([starts.count(group) for group, _ in cells]) / len(starts)
    effects = [effect_of(starts, cell) for cell in cells]
    seen, by_chance = 0.0, 0.0
    for start in starts:
        moved = np.zeros((n, PERIODS))
        for own, (group, _), each in zip(share, cells, effects, strict=True):
            moved += (float(start == group) - own) * (each - average_of(starts, cells)) / share.sum() / n
        seen += float((moved * series_of(starts)).sum()) ** 2
        by_chance += within(starts, moved, moved)
    return max(seen - by_chance, 0.0)


# ---------------------------------------------------------------------------- the answer


@EACH
def test_the_quadratic_form_is_the_variance(starts: Starts) -> None:
    """Of the reference itself: y'Qy is the sum over starts of what their covariance makes of the average."""
    a, y = average_of(starts, after_of(starts)), series_of(starts).ravel()
    assert y @ form(starts, a) @ y == pytest.approx(within(starts, a, a))


@EACH
def test_the_answer_s_error_and_degrees_of_freedom(starts: Starts) -> None:
    cells = after_of(starts)
    a = average_of(starts, cells)
    main = staggered(panel_of(starts)).main
    assert main.estimate == pytest.approx(float((a * series_of(starts)).sum()))
    assert main.std_error == pytest.approx(math.sqrt(within(starts, a, a) + share_s_cost(starts, cells)))
    assert main.df == pytest.approx(df_of(starts, a))


@EACH
def test_every_effect_from_the_start_on_has_the_error_of_its_own_sum(starts: Starts) -> None:
    found = {term.term: term for term in staggered(panel_of(starts)).terms}
    for cell in after_of(starts):
        a, term = effect_of(starts, cell), found[f"{cell[0]} in {cell[1]}"]
        assert term.std_error == pytest.approx(math.sqrt(within(starts, a, a)))
        assert term.df == pytest.approx(df_of(starts, a))


@EACH
def test_sun_and_abraham_s_errors_take_shares_as_given(starts: Starts) -> None:
    rows = panel_of(starts).assign(count=lambda each: np.exp(each["score"] + 9), years=math.exp(9))
    fitted, a = sun_abraham(rows), average_of(starts, after_of(starts))
    assert fitted.main.std_error == pytest.approx(math.sqrt(within(starts, a, a)))
    assert fitted.main.df == pytest.approx(df_of(starts, a))
    at_the_start = average_of(starts, [cell for cell in after_of(starts) if cell[0] == cell[1]])
    (term,) = [each for each in fitted.terms if each.term == "start+0"]
    assert term.std_error == pytest.approx(math.sqrt(within(starts, at_the_start, at_the_start)))


# ---------------------------------------------------------------------------- the course of effects


def test_the_covariance_of_the_course_is_that_of_its_sums_where_one_start_is_seen_at_a_time() -> None:
    """Sites that start in one period: no shares to estimate, and every entry is that of two sums."""
    starts: Starts = (4, 4, None, None, None, None, None)
    found = course_of(panel_of(starts), "CR2")
    assert isinstance(found, Course)
    sums = [effect_of(starts, (4, 4 + since)) for since in found.since]
    for (k, one), (j, other) in product(enumerate(sums), enumerate(sums)):
        assert found.covariance[k][j] == pytest.approx(within(starts, one, other))


@EACH
def test_from_the_start_on_the_course_s_variances_are_no_smaller_than_those_of_its_sums(starts: Starts) -> None:
    found = course_of(panel_of(starts), "CR2")
    assert isinstance(found, Course)
    for place, since in enumerate(found.since):
        cells = [cell for cell in after_of(starts) if cell[1] - cell[0] == since]
        if cells:
            a = average_of(starts, cells)
            assert found.covariance[place][place] >= within(starts, a, a) * (1 - 1e-9)
