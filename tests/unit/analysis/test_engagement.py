"""From referral to first contact and to disengagement: who counts from when, what came first, what may be told."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest

from analysis.cohort import Cohort, assemble
from analysis.disclosure import gate
from analysis.load import Dataset
from analysis.load import read as read_bundle
from analysis.report import compare, delivery, engagement
from analysis.report.contents import Contents, lay_out
from analysis.result import Table
from tests.unit.analysis import study

CohortOf = Callable[..., Cohort]
Reader = Callable[..., Dataset]


def contact(rows: study.Rows, person: str, day: int, attendance: str = "attended", referral: str = "") -> None:
    """One more contact of a person, so many days after their referral."""
    mine = next(line for line in rows["referrals"] if line["person"] == person)
    name, on = f"x-{person}-{len(rows['contacts'])}", mine["referred_on"] + timedelta(day)
    about = {"person": person, "referral": referral or mine["referral"], "worker": "w1", "mode": "phone"}
    rows["contacts"].append({"contact": name, **about, "contacted_on": on, "attendance": attendance, "minutes": 20})


def referral(rows: study.Rows, person: str) -> dict[str, Any]:
    return next(line for line in rows["referrals"] if line["person"] == person)


def bare() -> study.Rows:
    """The study with its referrals and no contacts."""
    rows = study.tables()
    rows["contacts"], rows["signposts"] = [], []
    return rows


def one(cohort: Cohort, name: str, person: str) -> tuple[float, float]:
    course = next(course for course in engagement.courses_of(cohort) if course.name == name)
    return float(course.people.loc[person, "days"]), float(course.people.loc[person, "event"])


# ---------------------------------------------------------------------------- what came first


def test_the_first_attended_contact_ends_the_wait_and_attempts_do_not(cohort_of: CohortOf) -> None:
    rows = bare()
    contact(rows, "s1-0", 3, "did-not-attend")
    contact(rows, "s1-0", 9)
    contact(rows, "s1-0", 20)
    assert one(cohort_of(rows), "first-contact", "s1-0") == (9, 1)


def test_a_contact_on_the_day_of_the_referral_comes_after_half_a_day(cohort_of: CohortOf) -> None:
    rows = bare()
    contact(rows, "s1-0", 0)
    assert one(cohort_of(rows), "first-contact", "s1-0") == (0.5, 1)


def test_a_contact_before_the_referral_leaves_the_wait_unknown(cohort_of: CohortOf) -> None:
    rows = bare()
    contact(rows, "s1-0", -3)
    contact(rows, "s1-1", 5)
    assert np.isnan(one(cohort_of(rows), "first-contact", "s1-0")).all()


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"status": "declined", "decided": 6}, (6, 2)),
        ({"status": "unreachable", "decided": 30, "closed": 33}, (33, 2)),
        ({"status": "accepted", "decided": 4, "closed": 12, "closure_reason": "moved"}, (12, 2)),
    ],
    ids=["declined", "never reached", "closed"],
)
def test_a_referral_that_is_over_before_anybody_came_ends_the_wait_otherwise(
    changed: dict[str, Any], expected: tuple[float, float], cohort_of: CohortOf
) -> None:
    rows = bare()
    contact(rows, "s1-1", 5)
    mine = referral(rows, "s1-0")
    mine |= {name: value for name, value in changed.items() if name not in ("decided", "closed")}
    for name, column in (("decided", "decided_on"), ("closed", "closed_on")):
        if name in changed:
            mine[column] = mine["referred_on"] + timedelta(changed[name])
    assert one(cohort_of(rows), "first-contact", "s1-0") == expected


def test_who_died_while_waiting_is_not_waiting_on(cohort_of: CohortOf) -> None:
    rows = bare()
    contact(rows, "s1-1", 5)
    person = next(line for line in rows["people"] if line["person"] == "s1-0")
    person |= {"left_on": referral(rows, "s1-0")["referred_on"] + timedelta(8), "left_reason": "died"}
    assert one(cohort_of(rows), "first-contact", "s1-0") == (8, 2)


def test_who_left_the_study_was_followed_to_that_day_and_no_further(cohort_of: CohortOf) -> None:
    rows = bare()
    contact(rows, "s1-0", 30)
    contact(rows, "s1-1", 5)
    person = next(line for line in rows["people"] if line["person"] == "s1-0")
    person |= {"left_on": referral(rows, "s1-0")["referred_on"] + timedelta(21), "left_reason": "withdrew"}
    assert one(cohort_of(rows), "first-contact", "s1-0") == (21, 0)


def test_who_waits_still_is_followed_to_the_last_day_of_anything(cohort_of: CohortOf) -> None:
    rows = bare()
    contact(rows, "s1-1", 5)
    cohort = cohort_of(rows)
    waited = (
        delivery.last_day(cohort) - cohort.dataset["referrals"].set_index("person").loc["s1-0", "referred_on"]
    ).days
    assert one(cohort, "first-contact", "s1-0") == (waited, 0)


def test_closed_because_the_person_stopped_attending_is_disengagement_and_other_reasons_are_not(
    cohort_of: CohortOf,
) -> None:
    rows = study.tables()
    for person, day, reason in (("s1-0", 50, "disengaged"), ("s1-1", 70, "completed")):
        mine = referral(rows, person)
        mine |= {"closed_on": mine["referred_on"] + timedelta(day), "closure_reason": reason}
    cohort = cohort_of(rows)
    assert one(cohort, "disengagement", "s1-0") == (50, 1)
    assert one(cohort, "disengagement", "s1-1") == (70, 2)
    assert one(cohort, "disengagement", "s1-2")[1] == 0


def test_of_several_referrals_the_one_nearest_entry_counts(cohort_of: CohortOf) -> None:
    rows = bare()
    mine = referral(rows, "s1-0")
    rows["referrals"].append(mine | {"referral": "later", "referred_on": mine["referred_on"] + timedelta(300)})
    contact(rows, "s1-0", 305, referral="later")
    contact(rows, "s1-0", 11)
    contact(rows, "s1-1", 5)
    assert one(cohort_of(rows), "first-contact", "s1-0") == (11, 1)


def test_nobody_of_the_other_arm_is_in_it(cohort_of: CohortOf) -> None:
    rows = study.tables()
    about = {"source": "gp", "referred_on": study.ENTRY, "status": "accepted"}
    rows["referrals"].append({"referral": "other", "person": "s8-0", **about})
    cohort = cohort_of(rows)
    (course,) = engagement.courses_of(cohort)
    assert set(cohort.people.loc[course.people.index, "arm"]) == {1}
    assert len(course.people) == 80


def test_without_referrals_there_is_nothing_to_describe(cohort_of: CohortOf) -> None:
    rows = study.tables()
    for table in ("contacts", "signposts", "assignments", "referrals"):
        rows[table] = []
    assert engagement.courses_of(cohort_of(rows)) == ()


def test_referrals_without_any_contact_or_closing_have_no_course(cohort_of: CohortOf) -> None:
    assert engagement.courses_of(cohort_of(bare())) == ()


# ---------------------------------------------------------------------------- the numbers


def test_where_everybody_is_followed_percentages_are_shares_of_people(cohort_of: CohortOf) -> None:
    """Of eighty: twenty met on day 5, twenty on day 20, ten declined on day 10; thirty wait."""
    rows = bare()
    names = [line["person"] for line in rows["referrals"]]
    for person in names[:20]:
        contact(rows, person, 5)
    for person in names[20:40]:
        contact(rows, person, 20)
    for person in names[40:50]:
        mine = referral(rows, person)
        mine |= {"status": "declined", "decided_on": mine["referred_on"] + timedelta(10)}
    cohort = cohort_of(rows)
    (course,) = engagement.courses_of(cohort)
    found = {each.day: each for each in engagement.read(cohort, course)}
    shares = {
        day: [round(100 * point.estimate, 6) for point in (*each.ends, each.rest) if point]
        for day, each in found.items()
    }
    assert shares[7] == [25, 0, 75]
    assert shares[14] == [25, 12.5, 62.5]
    assert shares[28] == [50, 12.5, 37.5]
    assert [found[day].followed for day in (7, 14, 28)] == [60, 50, 30]


def test_days_are_told_between_which_nobody_or_enough_came() -> None:
    came = np.array([1.0] * 12 + [10.0] * 3 + [20.0] * 9 + [50.0] * 15)
    assert engagement.told(came, 100, (7.0, 14.0, 28.0, 56.0), 10, True) == [7, 28, 56]
    assert engagement.told(came, 100, (7.0, 14.0, 28.0, 56.0), 0, True) == [7, 14, 28, 56]


def test_where_all_but_a_few_have_come_that_day_is_not_told() -> None:
    came = np.array([1.0] * 95)
    assert engagement.told(came, 100, (7.0,), 10, False) == []
    assert engagement.told(came, 105, (7.0,), 10, False) == [7]
    assert engagement.told(came, 95, (7.0,), 10, False) == [7]


def test_a_few_who_came_later_matter_where_their_number_can_be_worked_out() -> None:
    came = np.array([1.0] * 20 + [300.0] * 2)
    assert engagement.told(came, 100, (7.0,), 10, True) == []
    assert engagement.told(came, 100, (7.0,), 10, False) == [7]


@pytest.mark.parametrize("seed", range(12))
def test_no_step_and_no_rest_is_of_few_whatever_happened(seed: int, cohort_of: CohortOf) -> None:
    dice = random.Random(seed)
    rows = bare()
    for line in rows["referrals"]:
        if dice.random() < 0.8:
            contact(rows, line["person"], int(dice.expovariate(1 / 15)))
        elif dice.random() < 0.5:
            line |= {"status": "declined", "decided_on": line["referred_on"] + timedelta(dice.randrange(1, 60))}
    cohort = cohort_of(rows)
    (course,) = engagement.courses_of(cohort)
    days, event = course.people["days"], course.people["event"]
    for place, kind in enumerate(engagement.ENDS):
        before = 0
        for each in engagement.read(cohort, course):
            by = int(((event == kind) & (days <= each.day)).sum())
            if each.ends[place] is not None:
                parts = (by - before, len(days) - by, int((event == kind).sum()) - by)
                assert all(part == 0 or part >= 10 for part in parts)
                before = by
            if all(each.ends):
                rest = int(((event == 0) | (days > each.day)).sum())
                assert rest == 0 or rest >= 10


# ---------------------------------------------------------------------------- in the report


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Contents:
    rows = study.tables()
    for place, line in enumerate(rows["referrals"]):
        if place % 3 == 0:
            line |= {"closed_on": line["referred_on"] + timedelta(100), "closure_reason": "disengaged"}
    return lay_out(compare(read_bundle(study.write(tmp_path_factory.mktemp("engaged") / "bundle", rows))))


def test_both_courses_stand_among_what_was_delivered_with_figure_and_table(whole: Contents) -> None:
    section = next(section for section in whole.sections if section.id == "delivery")
    names = [getattr(block, "name", "") for block in section.blocks]
    assert names[-6:] == ["", "first-contact", "first-contact", "disengagement", "disengagement", "intervention"]
    assert any("described, and never compared" in str(block) for block in section.blocks)


def test_the_table_has_every_number_of_the_figure(whole: Contents) -> None:
    table = next(table for table in whole.tables if table.name == "disengagement")
    shown = {label: cells[1].values.get("mean") for label, cells in table.rows}
    assert shown["Day 84"] == 0
    assert shown["Day 182"] == pytest.approx(33.8, abs=0.05), "27 of 80"
    drawing = next(drawing for drawing in whole.drawings if drawing.name == "disengagement")
    assert "stopped attending: 33.8% by day 182" in drawing.alt


def test_nothing_of_it_is_of_the_other_arm_or_compared(whole: Contents) -> None:
    for name in ("first-contact", "disengagement"):
        table = next(table for table in whole.tables if table.name == name)
        assert not {"Link worker", "Usual care"} & set(table.columns)
        assert not any("p" in column.split() for column in table.columns)


def test_who_died_in_few_numbers_is_not_told_by_the_table(read: Reader) -> None:
    whole = lay_out(compare(read(study.tables(), study.PLAN + "\n[analysis]\nsmall_number = 1000\n")))
    table = next(table for table in whole.tables if table.name == "first-contact")
    assert {cell.text for _, cells in table.rows for cell in cells} <= {"<1000", "–", "n<1000"}
    assert "first-contact" not in [drawing.name for drawing in whole.drawings]


def test_the_few_met_otherwise_cannot_be_worked_out(cohort_of: CohortOf) -> None:
    """Three were met on another referral only, so the arm's people with a contact are three more."""
    rows = bare()
    names = [line["person"] for line in rows["referrals"]]
    for person in names[:40]:
        contact(rows, person, 5)
    for person in names[40:43]:
        mine = referral(rows, person)
        rows["referrals"].append(mine | {"referral": f"late-{person}", "referred_on": date(2025, 6, 1)})
        contact(rows, person, 600, referral=f"late-{person}")
    cohort = cohort_of(rows)
    tables: list[Table] = [*delivery.tables(cohort)]
    tables += [engagement.table(cohort, course) for course in engagement.courses_of(cohort)]
    guard = gate(tables, 10)
    hidden = {("first-contact", "1"), ("reached", "True", "intervention")} & set(guard.hidden)
    assert hidden, "one of the two counts that are three apart stays behind"


def test_a_study_of_people_without_sites_has_intervals_between_people(read: Reader) -> None:
    plan = study.PLAN.replace("controlled-before-after", "individually-randomised")
    rows = study.tables()
    rows["allocations"] = [
        {"arm": study.SITES[line["site"]], "person": line["person"], "from_on": study.ENTRY, "method": "randomised"}
        for line in rows["people"]
    ]
    cohort = assemble(read(rows, plan))
    (course,) = engagement.courses_of(cohort)
    (first, *_) = engagement.read(cohort, course)
    point = first.ends[0]
    assert point is not None
    assert point.std_error == pytest.approx((point.estimate * (1 - point.estimate) / 80) ** 0.5)
