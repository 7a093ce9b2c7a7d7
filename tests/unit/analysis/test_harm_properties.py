"""Counts of harms, flow and delivery hold together whatever happened to people, and do not depend on their order."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from analysis.cohort import Cohort
from analysis.disclosure import gate
from analysis.report import harms, tidier
from analysis.result import Sum, Table
from tests.unit.analysis import study
from tests.unit.analysis.test_disclosure import solve
from tests.unit.analysis.test_small_numbers_of_reports import equations, thin_study

CohortOf = Callable[..., Cohort]
SEEDS = pytest.mark.parametrize("seed", range(5))


def with_answers(seed: int) -> study.Rows:
    """A thin study in which the PHQ-9 was answered item by item, and a few raised an alert."""
    dice = random.Random(seed)
    rows = thin_study(seed)
    rows["item_responses"] = [
        {"assessment": line["assessment"], "item": "i9", "value": dice.choice([0] * dice.choice([5, 20]) + [1, 3])}
        for line in rows["assessments"]
        if line["instrument"] == "phq9" and dice.random() < 0.9
    ]
    return rows


def sums_hold(table: Table) -> list[Sum]:
    counts = dict(table.counts())
    return [known for known in table.sums if counts[known.total] != sum(counts[part] for part in known.parts)]


@SEEDS
def test_every_total_is_the_sum_of_its_parts(seed: int, cohort_of: CohortOf) -> None:
    assert sums_hold(harms.table(cohort_of(with_answers(seed)))) == []


@SEEDS
def test_no_small_count_of_harms_can_be_worked_out(seed: int, cohort_of: CohortOf) -> None:
    table = harms.table(cohort_of(with_answers(seed)))
    guard, counts = gate([table], 10), dict(table.counts())
    found = solve(list(equations([table], guard)))
    assert {key: value for key, value in found.items() if 0 < counts[key] < 10} == {}


@SEEDS
def test_no_small_count_of_harms_is_shown(seed: int, cohort_of: CohortOf) -> None:
    table = harms.table(cohort_of(with_answers(seed)))
    for label, cells in gate([table], 10).table(table).rows:
        for cell in cells:
            count = cell.values.get("count", 0)
            assert isinstance(count, str) or count == 0 or count >= 10, label


@SEEDS
def test_the_order_of_rows_changes_no_count(seed: int, cohort_of: CohortOf) -> None:
    rows, mixed = with_answers(seed), with_answers(seed)
    for lines in mixed.values():
        random.Random(seed).shuffle(lines)
    one, other = (harms.table(cohort_of(each)) for each in (rows, mixed))
    assert one.rows == other.rows
    assert tidier.sheet(cohort_of(rows)).rows == tidier.sheet(cohort_of(mixed)).rows


@SEEDS
def test_everybody_who_left_is_in_one_row(seed: int, cohort_of: CohortOf) -> None:
    cohort = cohort_of(with_answers(seed))
    left = [cells for label, cells in harms.table(cohort).rows if label.startswith(("Died", "Left the study"))]
    total = sum(cell.count or 0 for cells in left for cell in cells)
    assert total == int(cohort.people["left_reason"].notna().sum())


@SEEDS
def test_alerts_never_outnumber_those_who_answered(seed: int, cohort_of: CohortOf) -> None:
    for label, cells in harms.table(cohort_of(with_answers(seed))).rows:
        if "answered" in label:
            assert all(0 <= cell.stats["percent"] <= 100 for cell in cells if cell.stats)
