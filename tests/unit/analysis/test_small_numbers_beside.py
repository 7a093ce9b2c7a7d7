"""Methods that count different people: nobody can be found by subtracting one method's people from another's.

The usual methods analyse those who were measured; others also those who were not (imputation), or who were measured
only once (repeated measures). Whichever is planned and whichever stands beside it, their differences are counts too.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from analysis import compare, load
from analysis.disclosure import Gate, gate
from analysis.report import contents as room
from analysis.report.comparison import Comparison
from analysis.report.outcomes import analysed_key, apart, within_arms
from analysis.report.sensitivity import bars, bracket, others, side_key, who
from analysis.result import Sum, Table
from tests.unit.analysis import study
from tests.unit.analysis.test_disclosure import solve
from tests.unit.analysis.test_small_numbers_of_reports import equations, thin_study

PLANS = {
    "many beside": 'beside = ["imputation", "mmrm"]',
    "imputation planned": 'estimator = "imputation"\nbeside = ["mmrm"]',
    "repeated measures planned": 'estimator = "mmrm"\nbeside = ["imputation"]',
}


@dataclass(frozen=True)
class Released:
    """A comparison, its tables as they were before the gate, and the gate."""

    comparison: Comparison
    tables: list[Table]
    guard: Gate


@pytest.fixture(
    scope="module", params=[(name, seed) for name in PLANS for seed in (1, 4)], ids=lambda each: f"{each[0]} {each[1]}"
)
def released(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Released:
    name, seed = request.param
    plan = study.PLAN.replace("primary = true", f"primary = true\n{PLANS[name]}") + study.FEW_DRAWS
    comparison = compare(load.read(study.write(tmp_path_factory.mktemp("thin") / "bundle", thin_study(seed), plan)))
    seen: list[Table] = []

    def watched(tables: list[Table], threshold: int) -> Gate:
        seen.extend(tables)
        return gate(tables, threshold)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(room, "gate", watched)
        guard = room.lay_out(comparison).gate
    return Released(comparison, seen, guard)


def test_no_small_count_can_be_worked_out_between_methods(released: Released) -> None:
    counts = dict(pair for table in released.tables for pair in table.counts())
    solved = solve(list(equations(released.tables, released.guard)))
    assert {key: value for key, value in solved.items() if 0 < counts[key] < 10} == {}


def test_no_count_is_below_zero(released: Released) -> None:
    """What is left when the larger is taken from the smaller would pass for harmless."""
    for table in released.tables:
        for key, count in table.counts():
            assert count >= 0, key


def test_every_sum_holds(released: Released) -> None:
    counts = dict(pair for table in released.tables for pair in table.counts())
    for table in released.tables:
        for known in table.sums:
            if {known.total, *known.parts} <= counts.keys():
                assert counts[known.total] == sum(counts[part] for part in known.parts), known


def test_one_quantity_has_one_count_wherever_it_stands(released: Released) -> None:
    counts = dict(pair for table in released.tables for pair in table.counts())
    for table in released.tables:
        for key, count in table.counts():
            assert counts[key] == count, key


def test_methods_differ_in_whom_they_count(released: Released) -> None:
    """Otherwise nothing of the above would be tried."""
    outcome = released.comparison.plan.primary
    sizes = {released.comparison.fitted[outcome.id].n}
    sizes |= {each.fitted.n for each in released.comparison.beside[outcome.id] if each.fitted}
    assert len(sizes) >= 2


def test_the_table_of_methods_shows_no_small_number(released: Released) -> None:
    table = others(released.comparison, released.comparison.plan.primary)
    for label, cells in released.guard.table(table).rows:
        count = cells[0].values.get("count", 0)
        assert isinstance(count, str) or count >= 10, label


# ---------------------------------------------------------------------------- piece by piece


@pytest.fixture(scope="module")
def comparison(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    plan = study.PLAN.replace("primary = true", f"primary = true\n{PLANS['many beside']}") + study.FEW_DRAWS
    return compare(load.read(study.write(tmp_path_factory.mktemp("methods") / "bundle", plan=plan)))


def test_the_smaller_of_two_counts_is_taken_from_the_larger() -> None:
    for one, other in ((9, 4), (4, 9)):
        known, (rest, left) = apart((("a",), one), (("b",), other), ("rest",))
        assert left == 5
        assert rest == ("rest",)
        assert known.total == (("a",) if one > other else ("b",))
        assert set(known.parts) == {("b",) if one > other else ("a",), ("rest",)}


def test_equal_counts_leave_nothing_between_them() -> None:
    assert apart((("a",), 4), (("b",), 4), ("rest",))[1] == (("rest",), 0)


def test_a_method_that_counts_the_same_people_adds_nothing_to_subtract(comparison: Comparison) -> None:
    outcome = comparison.plan.primary
    assert list(who(comparison, outcome, "did", comparison.fitted[outcome.id].n)) == []


def test_a_method_that_counts_others_is_set_against_the_study_and_the_planned(comparison: Comparison) -> None:
    outcome = comparison.plan.primary
    first, second = comparison.fitted[outcome.id].n
    found = list(who(comparison, outcome, "imputation", (80, 80)))
    totals = [total for total, _ in found]
    assert totals[0] == Sum(
        side_key(outcome, "imputation", "both"),
        (side_key(outcome, "imputation", "intervention"), side_key(outcome, "imputation", "comparison")),
    )
    counts = dict(pair for _, pairs in found for pair in pairs)
    assert counts["left out", outcome.id, "intervention", "imputation"] == 0
    assert counts["apart", outcome.id, "intervention", "imputation"] == 80 - first
    assert counts["apart", outcome.id, "comparison", "imputation"] == 80 - second
    assert ("study", "intervention") in [total.total for total in totals]


def test_people_of_the_planned_method_have_the_key_of_the_headline(comparison: Comparison) -> None:
    outcome = comparison.plan.primary
    table = others(comparison, outcome)
    keys = [table.key(row, 0) for row in range(len(table.rows))]
    assert keys[0] == analysed_key(outcome, "both")
    assert side_key(outcome, "imputation", "both") in keys


def test_too_few_people_are_in_no_figure_and_no_bracket(comparison: Comparison) -> None:
    outcome = comparison.plan.primary
    assert len(bars(comparison, outcome, Gate({}, 10))) >= 3
    assert list(bracket(comparison, outcome, Gate({}, 10)))
    assert bars(comparison, outcome, Gate({}, 1_000)) == []
    assert list(bracket(comparison, outcome, Gate({}, 1_000))) == []


def test_changes_within_arms_count_no_more_than_were_measured_twice(comparison: Comparison) -> None:
    outcome = comparison.plan.primary
    table = within_arms(comparison, outcome)
    assert all(count >= 0 for _, count in table.counts())
    assert all(known.total != known.parts[0] for known in table.sums)
