"""Curves, restricted means and incidences against survival 3.5-3, survRM2 1.0-4 and cmprsk 2.2-11.

`06b_km_rmst_aj`: days to the first admission, and of the intervention arm days to first contact and to the end of the
engagement. survRM2 and survival take people as independent, and normal intervals; curves have theirs on the log scale,
but for the engagement, where they are plain.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.estimators.cumulative_incidence import cumulative_incidence
from analysis.estimators.product_limit import Point, aalen_johansen, kaplan_meier, median_day
from analysis.estimators.restricted_mean import restricted_mean

from .conftest import by_normal, numbers

ORACLE = "06b_km_rmst_aj"
Row = Callable[..., dict[str, Any]]


def as_in_r(point: Point) -> tuple[float, float, float, float, float]:
    """With the p-value that R's table adds to every row: how far from zero, taken as normal."""
    p_value = by_normal(point.estimate, point.std_error)[-1]
    return point.estimate, point.std_error, point.conf_low, point.conf_high, p_value


@pytest.mark.parametrize("arm", [0, 1])
def test_kaplan_meier_is_that_of_r(arm: int, admissions: pd.DataFrame, oracle_row: Row) -> None:
    own = admissions[admissions["arm"] == arm]
    for point in kaplan_meier(own["days"], own["event"] == 1, at=(90, 180, 270, 365)):
        row = oracle_row(ORACLE, f"KM_arm={arm}", f"S({point.day:g})")
        assert as_in_r(point) == pytest.approx(numbers(row), rel=1e-10)


def test_kaplan_meier_of_first_contact_and_its_median_are_those_of_r(
    people: pd.DataFrame, oracle_row: Row, oracle_extra: Callable[[str], dict[str, Any]]
) -> None:
    own = people[people["arm"] == 1]
    for point in kaplan_meier(own["fc_days"], own["fc_event"], at=(14, 28, 60, 90, 180)):
        row = oracle_row(ORACLE, "KM_first_contact", f"S({point.day:g})")
        assert as_in_r(point) == pytest.approx(numbers(row), rel=1e-10)
    extra = oracle_extra(ORACLE)
    expected = (extra["first_contact_median"], extra["fc_lower"], extra["fc_upper"])
    assert median_day(own["fc_days"], own["fc_event"]) == expected


@pytest.mark.parametrize("arm", [0, 1])
@pytest.mark.parametrize(("kind", "name"), [(1, "adm"), (2, "death")])
def test_aalen_johansen_is_that_of_r(arm: int, kind: int, name: str, admissions: pd.DataFrame, oracle_row: Row) -> None:
    own = admissions[admissions["arm"] == arm]
    for point in aalen_johansen(own["days"], own["event"], kind=kind, at=(180, 365)):
        row = oracle_row(ORACLE, f"AalenJohansen_arm={arm}", f"{name}@{point.day:g}")
        assert as_in_r(point) == pytest.approx(numbers(row), rel=1e-10)


@pytest.mark.parametrize(("kind", "name"), [(1, "disengaged"), (2, "completed")])
def test_aalen_johansen_of_the_engagement_is_that_of_r(
    kind: int, name: str, people: pd.DataFrame, oracle_row: Row
) -> None:
    own = people.dropna(subset=["eng_days"])
    for point in aalen_johansen(own["eng_days"], own["eng_status"], kind=kind, at=(60, 120, 240)):
        row = oracle_row(ORACLE, "AJ_engagement", f"{name}@{point.day:g}")
        assert by_normal(point.estimate, point.std_error) == pytest.approx(numbers(row), rel=1e-10)


def test_restricted_means_and_their_difference_are_those_of_survrm2(admissions: pd.DataFrame, oracle_row: Row) -> None:
    fitted = restricted_mean(admissions, horizon=360, errors="classical")
    terms = {term.term: term for term in fitted.terms}
    for ours, theirs in {"intervention": "arm1", "comparison": "arm0"}.items():
        expected = numbers(oracle_row(ORACLE, "RMST_360", theirs))
        assert by_normal(terms[ours].estimate, terms[ours].std_error) == pytest.approx(expected, rel=1e-10)
    expected = numbers(oracle_row(ORACLE, "RMST_360_difference", "arm1-arm0"))
    main = fitted.main
    found = (main.estimate, main.std_error, main.conf_low, main.conf_high, main.p_value)
    assert found == pytest.approx(expected, rel=1e-10)
    assert (main.unit, main.df, main.n_clusters) == ("days", None, None)


def test_by_site_the_error_is_that_of_the_sites_sums(admissions: pd.DataFrame) -> None:
    """Sums per site of what people move, arm by arm; no outside value for the small-sample correction."""
    from analysis.estimators.product_limit import influence_on_mean, life_table

    variance = 0.0
    for arm in (0, 1):
        own = admissions[admissions["arm"] == arm]
        moved = influence_on_mean(life_table(own["days"], own["event"] == 1), 360)
        variance += float((pd.Series(moved).groupby(own["site"].to_numpy()).sum() ** 2).sum())
    plain, reduced = (restricted_mean(admissions, horizon=360, errors=errors).main for errors in ("CR0", "CR2"))
    assert plain.std_error == pytest.approx(np.sqrt(variance), rel=1e-10)
    assert reduced.std_error is not None
    assert reduced.std_error > np.sqrt(variance)
    assert reduced.df == pytest.approx(18.9, abs=0.1)


def test_each_arm_s_incidence_is_that_of_r(admissions: pd.DataFrame, oracle_row: Row) -> None:
    fitted = cumulative_incidence(admissions, horizon=180, errors="classical")
    terms = {term.term: term for term in fitted.terms}
    values = []
    for ours, arm in {"intervention": 1, "comparison": 0}.items():
        expected = numbers(oracle_row(ORACLE, f"AalenJohansen_arm={arm}", "adm@180"))
        assert (terms[ours].estimate, terms[ours].std_error) == pytest.approx(expected[:2], rel=1e-10)
        values.append(expected[:2])
    (one, one_error), (other, other_error) = values
    difference, ratio = fitted.answers
    assert difference.estimate == pytest.approx(one - other, rel=1e-9)
    assert difference.std_error == pytest.approx(np.hypot(one_error, other_error), rel=1e-9)
    assert ratio.estimate == pytest.approx(one / other, rel=1e-9)
    assert ratio.std_error == pytest.approx(np.hypot(one_error / one, other_error / other), rel=1e-9)
