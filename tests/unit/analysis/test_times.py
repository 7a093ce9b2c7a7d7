"""The time to a first event, person by person: what dates it, how long people are followed, and what leaves it open."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from analysis import load
from analysis.cohort import Cohort, assemble
from analysis.result import AnalysisError
from analysis.times import time_rows_of
from instruments.plan import Outcome
from tests.unit.analysis import study

SOMEBODY = "s1-0"
Period = tuple[int, int, int]
Followed = Callable[..., tuple[float, float]]


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    rows = study.with_admissions(study.tables())
    return assemble(
        load.read(study.write(tmp_path_factory.mktemp("times") / "bundle", rows, study.PLAN + study.ADMISSION))
    )


@pytest.fixture(scope="module")
def admission(cohort: Cohort) -> Outcome:
    return cohort.plan.outcomes[-1]


def in_patient(cohort: Cohort, person: str, periods: list[Period], **changed: Any) -> pd.DataFrame:
    """Rows of service use, in days after the person's entry."""
    entered_on = cohort.people.loc[person, "entered_on"]
    about = {"person": person, "setting": "in-patient", "source": "record-extract"} | changed
    rows = [
        about | {"from_on": entered_on + pd.Timedelta(days=opens), "until_on": entered_on + pd.Timedelta(days=closes), "count": count}
        for opens, closes, count in periods
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["person", "setting", "from_on", "until_on", "count", "source"])


def having(cohort: Cohort, use: pd.DataFrame, left: tuple[int | None, str] | None = None) -> Cohort:
    """The cohort with nothing but this service use; somebody may have left on a day, for a reason."""
    people = cohort.people.assign(left_on=pd.NaT, left_reason=None)
    if left is not None:
        day, reason = left
        people.loc[SOMEBODY, "left_reason"] = reason
        if day is not None:
            people.loc[SOMEBODY, "left_on"] = people.loc[SOMEBODY, "entered_on"] + pd.Timedelta(days=day)
    tables = {**cohort.dataset.tables, "service_use": use}
    return replace(cohort, people=people, dataset=replace(cohort.dataset, tables=tables))


@pytest.fixture
def followed(cohort: Cohort, admission: Outcome) -> Followed:
    """Days and event of somebody with these periods; the plan follows people to day 180."""

    def found(*periods: Period, left: tuple[int | None, str] | None = None) -> tuple[float, float]:
        rows = time_rows_of(having(cohort, in_patient(cohort, SOMEBODY, list(periods)), left), admission)
        assert rows.drop(index=SOMEBODY)[["days", "event"]].isna().all(axis=None), "nobody else has a period"
        return float(rows.loc[SOMEBODY, "days"]), float(rows.loc[SOMEBODY, "event"])

    return found


def unknown(found: tuple[float, float]) -> bool:
    return math.isnan(found[0]) and math.isnan(found[1])


# ---------------------------------------------------------------------------- the event


def test_an_event_is_dated_by_its_period_of_one_day(followed: Followed) -> None:
    assert followed((0, 30, 0), (30, 31, 1)) == (30, 1)


def test_two_on_one_day_are_one_first(followed: Followed) -> None:
    assert followed((0, 30, 0), (30, 31, 2)) == (30, 1)


def test_what_comes_after_the_first_does_not_matter_even_without_a_date(followed: Followed) -> None:
    assert followed((0, 30, 0), (30, 31, 1), (31, 40, 0), (40, 41, 1)) == (30, 1)
    assert followed((0, 30, 0), (30, 31, 1), (31, 180, 5)) == (30, 1)


def test_an_event_on_the_day_of_entry_stands_for_half_a_day(followed: Followed) -> None:
    assert followed((0, 1, 1)) == (0.5, 1)


def test_an_event_on_the_last_day_planned_counts_and_one_a_day_later_does_not(followed: Followed) -> None:
    assert followed((0, 180, 0), (180, 181, 1)) == (180, 1)
    assert followed((0, 181, 0), (181, 182, 1)) == (180, 0)


def test_events_before_entry_and_in_other_settings_are_no_first(cohort: Cohort, admission: Outcome) -> None:
    mine = in_patient(cohort, SOMEBODY, [(-20, -19, 1), (-19, 180, 0)])
    nurse = in_patient(cohort, SOMEBODY, [(5, 6, 1)], setting="nurse")
    rows = time_rows_of(having(cohort, pd.concat([mine, nurse])), admission)
    assert tuple(rows.loc[SOMEBODY, ["days", "event"]]) == (180, 0)


# ---------------------------------------------------------------------------- how long people are followed


def test_people_without_the_event_are_followed_as_far_as_periods_say(followed: Followed) -> None:
    assert followed((0, 90, 0)) == (90, 0)
    assert followed((0, 90, 0), (90, 120, 0)) == (120, 0)
    assert followed((0, 400, 0)) == (180, 0)


def test_a_gap_ends_what_is_known_whatever_comes_after_it(followed: Followed) -> None:
    assert followed((0, 90, 0), (91, 120, 0), (120, 121, 1)) == (90, 0)
    assert followed((0, 90, 0), (91, 180, 3)) == (90, 0)


def test_who_is_not_followed_from_entry_on_is_missing(followed: Followed) -> None:
    assert unknown(followed((1, 180, 0)))
    assert unknown(followed((-90, 0, 0)))
    assert unknown(followed((3, 4, 1)))


def test_a_period_that_began_before_entry_covers_from_entry_on(followed: Followed) -> None:
    assert followed((-30, 60, 0), (60, 61, 1)) == (60, 1)


def test_periods_of_any_order_are_followed_in_time(followed: Followed) -> None:
    assert followed((60, 61, 1), (30, 60, 0), (0, 30, 0)) == (60, 1)


def test_own_reports_give_way_to_health_records(cohort: Cohort, admission: Outcome) -> None:
    recorded = in_patient(cohort, SOMEBODY, [(0, 90, 0)])
    reported = in_patient(cohort, SOMEBODY, [(0, 20, 0), (20, 21, 1)], source="self-report")
    both, alone = (
        time_rows_of(having(cohort, use), admission).loc[SOMEBODY]
        for use in (pd.concat([recorded, reported]), reported)
    )
    assert (both["days"], both["event"]) == (90, 0)
    assert (alone["days"], alone["event"]) == (20, 1)


# ---------------------------------------------------------------------------- leaving and dying


def test_who_left_is_followed_to_that_day(followed: Followed) -> None:
    assert followed((0, 180, 0), left=(40, "withdrew")) == (40, 0)
    assert followed((0, 30, 0), left=(40, "withdrew")) == (30, 0)


def test_an_event_on_the_day_of_leaving_counts_and_one_after_it_does_not(followed: Followed) -> None:
    assert followed((0, 40, 0), (40, 41, 1), left=(40, "withdrew")) == (40, 1)
    assert followed((0, 41, 0), (41, 42, 1), left=(40, "withdrew")) == (40, 0)


def test_death_before_the_event_competes(followed: Followed) -> None:
    assert followed((0, 180, 0), left=(40, "died")) == (40, 2)
    assert followed((0, 40, 0), left=(40, "died")) == (40, 2)


def test_who_died_on_the_day_of_the_event_had_the_event(followed: Followed) -> None:
    assert followed((0, 40, 0), (40, 41, 1), left=(40, "died")) == (40, 1)


def test_death_on_the_day_of_entry_stands_for_half_a_day(followed: Followed) -> None:
    assert followed((0, 1, 0), left=(0, "died")) == (0.5, 2)


def test_a_death_after_the_last_day_known_or_planned_is_not_seen(followed: Followed) -> None:
    assert followed((0, 60, 0), left=(90, "died")) == (60, 0)
    assert followed((0, 300, 0), left=(200, "died")) == (180, 0)
    assert followed((0, 300, 0), left=(180, "died")) == (180, 2)


def test_who_left_on_the_day_of_entry_was_not_followed(followed: Followed) -> None:
    assert unknown(followed((0, 180, 0), left=(0, "withdrew")))


def test_a_death_on_a_day_not_recorded_leaves_the_time_open_unless_the_event_is_known(followed: Followed) -> None:
    assert unknown(followed((0, 90, 0), left=(None, "died")))
    assert followed((0, 30, 0), (30, 31, 1), left=(None, "died")) == (30, 1)


def test_who_left_otherwise_on_a_day_not_recorded_is_followed_as_far_as_periods_say(followed: Followed) -> None:
    assert followed((0, 90, 0), left=(None, "moved-away")) == (90, 0)


# ---------------------------------------------------------------------------- what cannot be dated


@pytest.mark.parametrize("periods", [[(0, 180, 1)], [(0, 30, 0), (30, 32, 1)], [(-1, 1, 1), (1, 180, 0)]])
def test_a_first_event_in_a_longer_period_is_refused_with_the_remedy(followed: Followed, periods: list[Period]) -> None:
    with pytest.raises(AnalysisError) as refused:
        followed(*periods)
    (fault,) = refused.value.faults
    assert fault.startswith("fewer than 10 people had 'In-patient admissions' counted over a longer period than a day")
    assert "record each one as a period of one day, and the time without any as periods with number 0" in fault


def test_a_longer_period_that_cannot_hold_the_first_event_is_not_asked_for_its_date(followed: Followed) -> None:
    """It begins after the planned time, after leaving, or after a gap."""
    assert followed((0, 181, 0), (181, 300, 4)) == (180, 0)
    assert followed((0, 50, 0), (50, 180, 4), left=(40, "withdrew")) == (40, 0)


def test_how_many_cannot_be_dated_is_said_where_that_many_may_be_shown(cohort: Cohort, admission: Outcome) -> None:
    many = [in_patient(cohort, person, [(0, 180, 2)]) for person in cohort.people.index[:12]]
    with pytest.raises(AnalysisError, match=r"^12 people had 'In-patient admissions'"):
        time_rows_of(having(cohort, pd.concat(many)), admission)
    told = replace(cohort, plan=replace(cohort.plan, small_number=0))
    with pytest.raises(AnalysisError, match=r"^3 people had"):
        time_rows_of(having(told, pd.concat(many[:3])), admission)


def test_every_person_of_the_study_has_a_row_with_the_covariates_of_the_outcome(
    cohort: Cohort, admission: Outcome
) -> None:
    rows = time_rows_of(cohort, admission)
    assert list(rows.columns) == ["arm", "site", "age", "sex", "days", "event"]
    assert rows.index.equals(cohort.people.index)
    assert list(time_rows_of(cohort, replace(admission, covariates=())).columns) == ["arm", "site", "days", "event"]


def test_service_use_of_nobody_in_the_study_does_not_matter(cohort: Cohort, admission: Outcome) -> None:
    """People may be outside the cohort because they entered too late."""
    few = replace(cohort, people=cohort.people.iloc[:50])
    pd.testing.assert_frame_equal(time_rows_of(few, admission), time_rows_of(cohort, admission).iloc[:50])


def test_a_shorter_plan_cuts_every_time_and_moves_no_event_before_its_end(cohort: Cohort, admission: Outcome) -> None:
    long, short = (time_rows_of(cohort, replace(admission, until_day=day)) for day in (180, 60))
    inside = long["days"] <= 60
    pd.testing.assert_frame_equal(short[inside], long[inside])
    assert (short.loc[~inside, "days"] == 60).all()
    assert (short.loc[~inside, "event"] == 0).all()
