"""Long rows: who is kept, in which order, and what every estimator of change may rely on."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from analysis.estimators.long_rows import long_rows, period_columns, stacked
from analysis.result import AnalysisError
from instruments.plan import Covariate

AGE = Covariate("age", "number")


@pytest.fixture
def rows() -> pd.DataFrame:
    """Out of order; c lacks a score, d lacks an age."""
    return pd.DataFrame(
        [
            ("b", 1, "x", 6, 21.0, 50.0),
            ("a", 1, "x", 0, 10.0, 40.0),
            ("c", 0, "y", 0, 30.0, 60.0),
            ("a", 1, "x", 6, 11.0, 40.0),
            ("b", 1, "x", 0, 20.0, 50.0),
            ("c", 0, "y", 6, np.nan, 60.0),
            ("d", 0, "z", 12, 42.0, np.nan),
            ("d", 0, "z", 0, 40.0, np.nan),
        ],
        columns=["person", "arm", "site", "timepoint", "score", "age"],
    )


def test_rows_come_in_order_of_person_and_timepoint(rows: pd.DataFrame) -> None:
    found = long_rows(rows)
    assert (np.diff(found.person) >= 0).all()
    same = np.diff(found.person) == 0
    assert (np.diff(found.period)[same] > 0).all()
    assert found.timepoints == (0, 6, 12)
    assert sorted(found.score) == [10, 11, 20, 21, 30, 40, 42]
    assert found.rows.groupby("person")["score"].apply(list)["d"] == [40, 42]


def test_a_row_without_a_score_or_a_named_covariate_is_left_out(rows: pd.DataFrame) -> None:
    assert set(long_rows(rows).rows["person"]) == {"a", "b", "c", "d"}
    assert set(long_rows(rows, (AGE,)).rows["person"]) == {"a", "b", "c"}
    assert long_rows(rows, (AGE,)).timepoints == (0, 6)


def test_codes_count_people_sites_and_timepoints_from_nothing(rows: pd.DataFrame) -> None:
    found = long_rows(rows)
    assert set(found.person) == set(range(4))
    assert set(found.site) == set(range(3))
    assert [found.timepoints[place] for place in found.period] == found.rows["timepoint"].tolist()


def test_people_are_counted_once_by_arm_and_site(rows: pd.DataFrame) -> None:
    found = long_rows(rows)
    assert (found.people().n, found.people().n_clusters) == ((2, 2), (1, 2))
    later = found.period > 0
    assert (found.people(later).n, found.people(later).n_clusters) == ((2, 1), (1, 1))


def test_the_answers_are_named_after_the_timepoints(rows: pd.DataFrame) -> None:
    found = long_rows(rows)
    assert found.follow_up(None) == {"arm:timepoint=6", "arm:timepoint=12"}
    assert found.follow_up(12) == found.follow_up(12.0) == {"arm:timepoint=12"}
    with pytest.raises(AnalysisError, match="timepoint '0' is the earliest"):
        found.follow_up(0)
    with pytest.raises(AnalysisError, match="nobody has a score at timepoint '3'; measured at: 0, 6, 12"):
        found.follow_up(3)


def test_where_there_is_no_baseline_the_earliest_is_an_answer_too(rows: pd.DataFrame) -> None:
    found = long_rows(rows)
    assert found.follow_up(None, baseline=False) == {f"arm:timepoint={at}" for at in (0, 6, 12)}
    assert found.follow_up(0, baseline=False) == {"arm:timepoint=0"}
    with pytest.raises(AnalysisError, match="nobody has a score at timepoint '3'"):
        found.follow_up(3, baseline=False)


def test_indicators_leave_the_reference_out(rows: pd.DataFrame) -> None:
    found = long_rows(rows)
    assert [name for name, _ in period_columns(found)] == ["timepoint=6", "timepoint=12"]
    assert [name for name, _ in period_columns(found, 1)] == ["timepoint=0", "timepoint=12"]
    for name, column in period_columns(found):
        assert column.tolist() == (found.rows["timepoint"] == int(name.split("=")[1])).tolist()


def test_a_column_that_follows_from_others_is_named(rows: pd.DataFrame) -> None:
    found = long_rows(rows)
    columns = [("one", np.ones(7)), ("arm", found.arm), ("other arm", 1 - found.arm)]
    with pytest.raises(AnalysisError, match="'other arm' is constant or determined by the other terms"):
        stacked(iter(columns))
    X, names = stacked(iter(columns[:2]))
    assert (X.shape, names) == ((7, 2), ("one", "arm"))


def test_a_timepoint_that_nobody_has_is_no_timepoint(rows: pd.DataFrame) -> None:
    order = pd.CategoricalDtype(["0", "3", "6", "12"], ordered=True)
    named = rows.assign(timepoint=rows["timepoint"].astype(str).astype(order))
    assert long_rows(named).timepoints == ("0", "6", "12")


def test_the_caller_s_rows_are_left_as_they_were(rows: pd.DataFrame) -> None:
    before = rows.copy()
    long_rows(rows, (AGE,))
    pd.testing.assert_frame_equal(rows, before)


def test_indicators_of_all_where_none_is_the_reference(rows: pd.DataFrame) -> None:
    found = long_rows(rows)
    columns = dict(period_columns(found, None))
    assert list(columns) == ["timepoint=0", "timepoint=6", "timepoint=12"]
    assert sum(columns.values()) == pytest.approx(np.ones(len(found.arm)))
