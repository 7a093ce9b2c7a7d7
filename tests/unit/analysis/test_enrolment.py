"""People who entered outside the plan's enrolment dates are recorded and not compared."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest

from analysis import compare, write
from analysis.cohort import Cohort, rows_of
from analysis.load import Dataset
from tests.unit.analysis.study import ENTRY, PLAN, Rows

Make = Callable[..., Cohort]
OUTSIDE = "People who entered outside the plan's enrolment dates are not compared."


def planned(**dates: date) -> str:
    window = "".join(f"{name} = {day.isoformat()}\n" for name, day in dates.items())
    return PLAN.replace("[arms.link-worker]", f"{window}\n[arms.link-worker]", 1)


def entered(rows: Rows) -> dict[str, date]:
    return {row["person"]: row["entered_on"] for row in rows["people"]}


@pytest.mark.parametrize(
    "dates",
    [
        {"enrolled_from": ENTRY + timedelta(20)},
        {"enrolled_until": ENTRY + timedelta(40)},
        {"enrolled_from": ENTRY + timedelta(20), "enrolled_until": ENTRY + timedelta(40)},
    ],
    ids=["from", "until", "both"],
)
def test_exactly_those_who_entered_between_the_dates_count(cohort_of: Make, rows: Rows, dates: dict[str, date]):
    opens, closes = dates.get("enrolled_from", date.min), dates.get("enrolled_until", date.max)
    expected = {person for person, day in entered(rows).items() if opens <= day <= closes}
    cohort = cohort_of(rows, planned(**dates))
    assert set(cohort.people.index) == expected
    assert 0 < len(expected) < len(rows["people"])
    assert [notice.count for notice in cohort.notices if notice.text == OUTSIDE] == [
        len(rows["people"]) - len(expected)
    ]


def test_the_days_named_are_themselves_inside(cohort_of: Make, rows: Rows):
    day = entered(rows)["s1-0"]
    cohort = cohort_of(rows, planned(enrolled_from=day, enrolled_until=day))
    assert "s1-0" in cohort.people.index
    assert set(cohort.people["entered_on"].dt.date) == {day}


def test_a_plan_without_dates_takes_everybody_and_notices_nothing(cohort_of: Make, rows: Rows):
    cohort = cohort_of(rows)
    assert len(cohort.people) == len(rows["people"])
    assert OUTSIDE not in [notice.text for notice in cohort.notices]


def test_dates_that_leave_nobody_out_are_no_departure(cohort_of: Make, rows: Rows):
    cohort = cohort_of(rows, planned(enrolled_from=ENTRY - timedelta(1)))
    assert OUTSIDE not in [notice.text for notice in cohort.notices]


@pytest.mark.parametrize("table", ["scores", "use"])
def test_nothing_of_those_outside_reaches_an_estimate(cohort_of: Make, rows: Rows, table: str):
    cohort = cohort_of(rows, planned(enrolled_until=ENTRY + timedelta(30)))
    assert set(getattr(cohort, table)["person"]) <= set(cohort.people.index)
    for outcome in cohort.plan.outcomes:
        assert set(rows_of(cohort, outcome).index) == set(cohort.people.index)


def test_contacts_and_signposts_of_those_outside_are_not_delivered_to_the_cohort(cohort_of: Make, rows: Rows):
    cohort = cohort_of(rows, planned(enrolled_until=ENTRY + timedelta(30)))
    for table in ("contacts", "signposts", "assessments"):
        assert set(cohort.dataset[table]["person"]) <= set(cohort.people.index)


def test_a_caseload_keeps_everybody_a_worker_held(cohort_of: Make, rows: Rows):
    cohort = cohort_of(rows, planned(enrolled_until=ENTRY + timedelta(30)))
    assert len(cohort.dataset["referrals"]) == len(rows["referrals"])
    assert len(cohort.dataset["assignments"]) == len(rows["assignments"])


def test_the_estimate_is_that_of_a_dataset_without_them(read: Callable[..., Dataset], rows: Rows):
    closes = ENTRY + timedelta(45)
    with_dates = compare(read(rows, planned(enrolled_until=closes)))
    late = {person for person, day in entered(rows).items() if day > closes}
    contacts = {row["contact"] for row in rows["contacts"] if row["person"] in late}
    fewer: dict[str, list[dict[str, Any]]] = {
        name: [row for row in lines if row.get("person") not in late and row.get("contact") not in contacts]
        for name, lines in rows.items()
    }
    fewer["assignments"] = [row for row in fewer["assignments"] if row["referral"].removeprefix("ref-") not in late]
    without = compare(read(fewer))
    for outcome in without.plan.outcomes:
        assert with_dates.fitted[outcome.id].main == without.fitted[outcome.id].main


def test_the_report_says_that_and_how_many_were_left_out(read: Callable[..., Dataset], rows: Rows, tmp_path: Any):
    write(compare(read(rows, planned(enrolled_until=ENTRY + timedelta(30)))), tmp_path / "report")
    page = (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    assert OUTSIDE.replace("'", "&#39;") in page or OUTSIDE.replace("'", "&#x27;") in page or OUTSIDE in page
