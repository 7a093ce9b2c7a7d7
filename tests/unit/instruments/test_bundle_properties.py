"""Whatever the contract allows survives the journey to a file and back; whatever it does not allow makes no file."""

from __future__ import annotations

import csv
import json
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from instruments import bundle
from instruments.bundle import Row
from instruments.dataset import LARGEST, TABLES, Column, ContractError, Table, Value, table
from tests.unit.instruments.test_plan import SHORT

TRICKY = (
    "'", "''quoted", "=1+1", "+44 7700", "-0.5", "@handle", "\ttab first", "\rreturn first", "two\nlines", "two\rlines",
    "two\r\nlines", 'with "quotes"', "comma, here", "007", "1.50", "true", "NA", "null", " spaces ", "é", "e\u0301",
    "مرحبا", "👩‍👩‍👧", "\u2028", "\x85", "\x0b", "\x1c", "\ufeff", "\u200b", "a" * 5000,
)  # fmt: skip
TEXTS = st.one_of(st.sampled_from(TRICKY), st.text(min_size=1, max_size=40))


def numbers_of(column: Column) -> dict[str, float | None]:
    return {"min_value": column.minimum, "max_value": column.maximum}


def whole_numbers_of(column: Column) -> dict[str, int]:
    low, high = column.minimum, column.maximum
    return {"min_value": -LARGEST if low is None else int(low), "max_value": LARGEST if high is None else int(high)}


def values(column: Column) -> st.SearchStrategy[Value]:
    """Anything that the column allows."""
    kinds: dict[str, st.SearchStrategy[Any]] = {
        "string": st.sampled_from(sorted(column.codes)) if column.codes else TEXTS,
        "integer": st.integers(**whole_numbers_of(column)),
        "number": st.floats(allow_nan=False, allow_infinity=False, **numbers_of(column)),
        "date": st.dates(),
        "boolean": st.booleans(),
    }
    return kinds[column.type] if column.required else st.none() | kinds[column.type]


def rows_of(declared: Table) -> st.SearchStrategy[list[Row]]:
    return st.lists(st.fixed_dictionaries({column.name: values(column) for column in declared.columns}), max_size=4)


SOME_TABLE = st.sampled_from(list(TABLES.values())).flatmap(lambda each: st.tuples(st.just(each), rows_of(each)))


def read_back(folder: Path, declared: Table) -> list[Row]:
    """Rows as another program reads them: a CSV file, cells as text, each by its column's type."""
    with (folder / f"{declared.name}.csv").open(newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    return [
        {column.name: column.parse(bundle.uncell(line[column.name])) for column in declared.columns} for line in lines
    ]


def exact(rows: list[Row]) -> list[dict[str, tuple[type, Value]]]:
    """Rows with their types, so that 1, 1.0 and True are three things."""
    return [{name: (type(value), value) for name, value in row.items()} for row in rows]


@settings(max_examples=150)
@given(SOME_TABLE)
def test_every_row_that_keeps_the_contract_comes_back_as_it_went(drawn: tuple[Table, list[Row]]):
    declared, rows = drawn
    with TemporaryDirectory() as place:
        folder = Path(place) / "b"
        written = bundle.write(folder, {declared.name: rows}, SHORT, made_by="a test")
        assert exact(read_back(folder, declared)) == exact(rows)
        assert written[declared.name] == len(rows)


@pytest.mark.parametrize("text", TRICKY)
def test_a_tricky_name_fills_one_cell_of_one_row(tmp_path: Path, text: str):
    rows = [{"resource": "d1", "name": text, "category": "other"}, {"resource": "d2", "name": "x", "category": "other"}]
    bundle.write(tmp_path / "b", {"resources": rows}, SHORT, made_by="a test")
    assert [row["name"] for row in read_back(tmp_path / "b", table("resources"))] == [text, "x"]


@given(TEXTS)
def test_no_written_line_can_be_run_by_a_spreadsheet(text: str):
    with TemporaryDirectory() as place:
        row = {"person": text, "name": text, "value": text}
        bundle.write(Path(place) / "b", {"characteristics": [row]}, SHORT, made_by="a test")
        with (Path(place) / "b" / "characteristics.csv").open(newline="", encoding="utf-8") as file:
            cells = list(csv.reader(file))[1]
    assert [cell[0] for cell in cells if cell[0] in "=+-@\t\r"] == []


@given(SOME_TABLE, st.randoms(use_true_random=False))
def test_the_order_of_a_rows_keys_changes_nothing_in_the_files(drawn: tuple[Table, list[Row]], chance: Any):
    declared, rows = drawn
    shuffled = [dict(chance.sample(list(row.items()), len(row))) for row in rows]
    with TemporaryDirectory() as place:
        for name, given_rows in (("a", rows), ("b", shuffled)):
            bundle.write(Path(place) / name, {declared.name: given_rows}, SHORT, made_by="a test")
        assert [(Path(place) / name / f"{declared.name}.csv").read_bytes() for name in "ab"] == [
            (Path(place) / "a" / f"{declared.name}.csv").read_bytes()
        ] * 2


@given(SOME_TABLE)
def test_the_same_rows_make_the_same_description(drawn: tuple[Table, list[Row]]):
    declared, rows = drawn
    with TemporaryDirectory() as place:
        for name in "ab":
            bundle.write(Path(place) / name, {declared.name: rows}, SHORT, made_by="a test")
        packages = [json.loads((Path(place) / name / "datapackage.json").read_text("utf-8")) for name in "ab"]
    assert packages[0] == packages[1]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("number", float("nan")),
        ("number", float("inf")),
        ("number", float("-inf")),
        ("date", datetime(2025, 1, 2, 3, 4, tzinfo=UTC)),
        ("integer", 2.0),
        ("boolean", 1),
        ("string", b"bytes"),
    ],
)
def test_a_value_that_could_not_be_read_back_is_not_written(kind: str, value: Any):
    with pytest.raises(ContractError, match="unexpected value"):
        Column("x", kind, "X").check(value)


def test_an_empty_text_does_not_stand_for_a_required_one():
    """In a file it could not be told from a missing one."""
    with pytest.raises(ContractError, match="is empty; every row needs a value"):
        Column("x", "string", "X", required=True).check("")


@given(st.integers(-LARGEST, LARGEST))
@example(LARGEST)
@example(-LARGEST)
def test_a_whole_number_keeps_every_digit(number: int):
    assert Column("x", "integer", "X").parse(bundle.cell(number)) == number


@pytest.mark.parametrize("text", ["2147483648", "-2147483648", "9007199254740993", "1e30"])
def test_a_whole_number_that_some_database_would_not_hold_is_refused(text: str):
    with pytest.raises(ContractError, match=r"is beyond 2147483647; correct the value"):
        Column("x", "integer", "X").parse(text)


@pytest.mark.parametrize("kind", ["integer", "number"])
@pytest.mark.parametrize("text", ["1_0", "1 0", "1,0", "٣", "0x10", "1e", "--1", "+", ".", "½", "１"])
def test_what_only_a_programmer_reads_as_a_number_is_not_one(kind: str, text: str):
    with pytest.raises(ContractError, match=r"expected a (whole )?number"):
        Column("x", kind, "X").parse(text)


@pytest.mark.parametrize("text", ["٢٠٢٥-٠١-٠٢", "2025-01-0١", "2025-W01-1", " 2025-1-2", "2025/01/02", "02-01-2025"])
def test_what_only_a_programmer_reads_as_a_date_is_not_one(text: str):
    with pytest.raises(ContractError, match="expected a date such as 2025-03-31"):
        Column("x", "date", "X").parse(text)


@given(st.sampled_from(["integer", "number", "date", "boolean"]), st.text(max_size=15))
def test_any_cell_is_read_or_refused_and_a_value_read_is_one_that_may_be_written(kind: str, text: str):
    column = Column("x", kind, "X")
    try:
        value = column.parse(text)
    except ContractError:
        return
    column.check(value)
    assert column.parse(bundle.uncell(bundle.cell(value))) == value


@pytest.mark.parametrize("name", TABLES)
def test_each_missing_required_value_stops_the_whole_bundle(tmp_path: Path, name: str):
    declared = table(name)
    good = {
        column.name: next(iter(column.codes), None) or {"string": "x", "date": date(2025, 1, 2)}.get(column.type, 1)
        for column in declared.columns
        if column.required
    }
    bundle.write(tmp_path / "good", {name: [good]}, SHORT, made_by="a test")
    for missing in good:
        with pytest.raises(ContractError, match=rf"{name}\.{missing}, row 2: is empty; every row needs a value"):
            bundle.write(tmp_path / "b", {name: [good, good | {missing: None}]}, SHORT, made_by="a test")
    assert [path.name for path in tmp_path.iterdir()] == ["good"]
