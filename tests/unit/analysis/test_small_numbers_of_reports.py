"""Whatever the study, no small number of its people can be worked out from a report as a whole.

Studies are made up at random, thin on purpose; every table that a report would hold goes through the gate together,
and a patient reader then solves every sum that holds among the counts.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from analysis import compare, load, write
from analysis.disclosure import WITHHELD, Gate, gate
from analysis.report import contents as room
from analysis.report.comparison import Comparison
from analysis.result import Key, Table
from tests.unit.analysis import study
from tests.unit.analysis.test_disclosure import Equation, solve

REASONS = ("died", "moved", "withdrew", "lost")
SUBGROUPS = '[[subgroups]]\nname = "sex"\n[[subgroups]]\nname = "age"\ncut = [40, 80]\n'


def thin_study(seed: int) -> study.Rows:
    """The invented study with some people lost for this and that reason, and some facts not recorded."""
    dice = random.Random(seed)
    rows = study.tables(seed)
    lost_share, blank_share = dice.choice([0.02, 0.1, 0.3]), dice.choice([0.0, 0.04, 0.2])
    for person in rows["people"]:
        if dice.random() < lost_share:
            _lose(rows, person, dice)
        if dice.random() < blank_share:
            person["sex"] = None
        person["lives_alone"] = dice.choice([True, False, False, False, None])
        person["ethnicity"] = dice.choice(["white"] * 12 + ["asian", "black", "mixed"])
    return rows


def _lose(rows: study.Rows, person: dict[str, object], dice: random.Random) -> None:
    name = person["person"]
    gone = {f"{name}.{instrument}.6m" for instrument in ("eq5d-5l", "phq9")}
    for table in ("assessments", "scores"):
        rows[table] = [line for line in rows[table] if line["assessment"] not in gone]
    if dice.random() < 0.6:
        person["left_on"] = person["entered_on"] + timedelta(dice.randrange(1, 180))  # type: ignore[operator]
        person["left_reason"] = dice.choice(REASONS)


@pytest.fixture(scope="module", params=range(8))
def comparison(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    folder = tmp_path_factory.mktemp("thin") / "bundle"
    often, deaths = (0.004, 0.3) if request.param % 2 else (0.0015, 0.05)
    rows = study.with_admissions(thin_study(request.param), request.param, often, deaths)
    plan = study.PLAN + study.ADMISSION + study.FEW_DRAWS + (SUBGROUPS if request.param % 2 else "")
    return compare(load.read(study.write(folder, rows, plan)))


@pytest.fixture(scope="module")
def let_through(comparison: Comparison) -> tuple[list[Table], Gate]:
    """Every table of the report as it was before the gate, and the gate."""
    seen: list[Table] = []

    def watched(tables: list[Table], threshold: int) -> Gate:
        seen.extend(tables)
        return gate(tables, threshold)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(room, "gate", watched)
        found = room.lay_out(comparison).gate
    return seen, found


def equations(tables: list[Table], guard: Gate) -> Iterator[Equation]:
    """What a reader knows: every sum, with the shown counts put in."""
    counts = dict(pair for table in tables for pair in table.counts())
    for table in tables:
        for known in table.sums:
            signs: dict[Key, int] = {known.total: -1} | dict.fromkeys(known.parts, 1)
            rest = -sum(sign * counts[key] for key, sign in signs.items() if key not in guard.hidden)
            terms = {key: sign for key, sign in signs.items() if key in guard.hidden}
            if terms:
                yield terms, rest


def test_no_small_count_can_be_worked_out(let_through: tuple[list[Table], Gate]) -> None:
    tables, guard = let_through
    counts = dict(pair for table in tables for pair in table.counts())
    found = {key: value for key, value in solve(list(equations(tables, guard))).items() if 0 < counts[key] < 10}
    assert found == {}


def test_every_small_count_is_behind_the_gate(let_through: tuple[list[Table], Gate]) -> None:
    tables, guard = let_through
    for table in tables:
        for key, count in table.counts():
            assert (guard.hidden.get(key) == "<10") == (0 < count < 10), key


def test_no_small_number_stands_in_any_released_table(let_through: tuple[list[Table], Gate]) -> None:
    tables, guard = let_through
    for table in tables:
        for label, cells in guard.table(table).rows:
            for cell in cells:
                count = cell.values.get("count", 0)
                assert isinstance(count, str) or count == 0 or count >= 10, (table.name, label)


def test_where_a_count_is_held_back_so_is_its_percentage(let_through: tuple[list[Table], Gate]) -> None:
    tables, guard = let_through
    for table in tables:
        for _, cells in guard.table(table).rows:
            for cell in cells:
                if isinstance(cell.values.get("count"), str):
                    assert all(isinstance(value, str) for value in cell.values.values())


def test_the_size_of_the_study_is_always_shown(let_through: tuple[list[Table], Gate]) -> None:
    _, guard = let_through
    assert not {("study", "intervention"), ("study", "comparison")} & set(guard.hidden)


def test_little_is_withheld_beside_what_is_small(let_through: tuple[list[Table], Gate]) -> None:
    """Secondary suppression is a price; it stays within what was small in the first place, and a few."""
    _, guard = let_through
    marks = list(guard.hidden.values())
    assert marks.count(WITHHELD) <= 1.5 * (len(marks) - marks.count(WITHHELD)) + 4


def test_the_estimates_file_withholds_the_same(
    comparison: Comparison, let_through: tuple[list[Table], Gate], tmp_path: Path
) -> None:
    import json

    write(comparison, tmp_path / "out")
    files = [tmp_path / "out" / name for name in ("estimates.json", "sensitivity.json")]
    rows = [row for file in files for row in json.loads(file.read_text(encoding="utf-8"))]
    _, guard = let_through
    other = {
        (id, each.fitted.main.method): ("analysed", id, "both", each.method)
        for id, beside in comparison.beside.items()
        for each in beside
        if each.fitted and each.fitted.n != comparison.fitted[id].n
    }
    for row in rows:
        key = other.get((row["outcome"], row["method"]), ("analysed", row["outcome"], "both"))
        assert isinstance(row["n"], str) == (key in guard.hidden)
