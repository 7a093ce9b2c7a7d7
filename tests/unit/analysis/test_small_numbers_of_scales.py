"""Small numbers where people answer several questionnaires at once: the count on one tells that on another."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from analysis.cohort import Cohort, scales
from analysis.disclosure import WITHHELD, gate
from analysis.report import description, outcomes, participants
from analysis.result import Key, Sum, Table
from tests.unit.analysis import study

CohortOf = Callable[..., Cohort]


def unanswered(rows: study.Rows, names: set[str]) -> None:
    """Take assessments out, with their scores."""
    for table in ("assessments", "scores"):
        rows[table] = [line for line in rows[table] if line["assessment"] not in names]


@pytest.fixture
def together(rows: study.Rows) -> study.Rows:
    """Everybody answers both questionnaires at 6 months, but for 15 of usual care, three of whom have died."""
    kept = {line["assessment"] for line in rows["assessments"]}
    people = [person["person"] for person in rows["people"]]
    for name in people:
        both = {f"{name}.{instrument}.6m" for instrument in ("eq5d-5l", "phq9")}
        if not both <= kept:
            unanswered(rows, both)
    here = [person for person in rows["people"] if f"{person['person']}.phq9.6m" in kept]
    usual = [person for person in here if study.SITES[person["site"]] == "usual-care"][:15]
    for place, person in enumerate(usual):
        unanswered(rows, {f"{person['person']}.{instrument}.6m" for instrument in ("eq5d-5l", "phq9")})
        if place < 3:
            person |= {"left_on": person["entered_on"] + timedelta(30), "left_reason": "died"}
    return rows


def courses(cohort: Cohort) -> list[Table]:
    comparison: Any = SimpleNamespace(plan=cohort.plan, cohort=cohort)
    return [outcomes.course(comparison, outcome) for outcome in scales(cohort.plan)]


def in_many_sums(key: Key) -> Table:
    """A table that makes a count dear to hold back."""
    sums = tuple(Sum(("whole", str(place)), (key, ("rest", str(place)))) for place in range(5))
    implied = tuple(pair for known in sums for pair in ((known.total, 500), (known.parts[1], 400)))
    return Table("dear", "Dear", (), (), sums, implied)


def test_where_the_number_measured_is_held_back_it_is_so_on_every_scale(
    together: study.Rows, cohort_of: CohortOf
) -> None:
    cohort = cohort_of(together)
    dear = in_many_sums(participants.reason_key("6m", "comparison", "Not recorded"))
    guard = gate([participants.flow_table(cohort), *courses(cohort), dear], 10)
    assert guard.hidden[participants.reason_key("6m", "comparison", "Died")] == "<10"
    for outcome in scales(cohort.plan):
        assert guard.hidden[participants.measured_key(outcome, "6m", "comparison")] == WITHHELD
        assert participants.measured_key(outcome, "6m", "intervention") not in guard.hidden


def test_the_counts_are_one_only_where_the_people_are(together: study.Rows, cohort_of: CohortOf) -> None:
    first, second = scales(cohort_of(together).plan)
    assert list(participants.same_people(cohort_of(together), first, "6m")) == []
    found = list(participants.same_people(cohort_of(together), second, "6m"))
    assert [known.total[-1] for known, _ in found] == ["intervention", "comparison"]
    for known, counts in found:
        assert [key for key, _ in counts] == [known.total, *known.parts]
        assert counts[0][1] == counts[1][1]


def test_one_person_more_on_one_scale_makes_them_others(together: study.Rows, cohort_of: CohortOf) -> None:
    there = [line["assessment"] for line in together["assessments"] if line["assessment"].endswith(".phq9.6m")]
    unanswered(together, {there[0]})
    cohort = cohort_of(together)
    assert len(list(participants.same_people(cohort, scales(cohort.plan)[1], "6m"))) == 1


def test_a_description_ties_the_counts_too(together: study.Rows, cohort_of: CohortOf) -> None:
    cohort = cohort_of(together)
    *_, second = (table for table in description.together(cohort) if table.name.startswith("together"))
    expected = {known for known, _ in participants.same_people(cohort, scales(cohort.plan)[1], "6m")}
    assert expected
    assert expected <= set(second.sums)
