"""The contract: what a cell may say, and that the declaration does not contradict itself."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instruments import bundle
from instruments.dataset import PRIVACY_CLASSES, TABLES, Column, ContractError, table

COUNT = Column("count", "integer", "Number", minimum=0, maximum=10, required=True)
SEX = table("people").column("sex")


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("string", "as it stands ", "as it stands "),
        ("integer", "7", 7),
        ("integer", "7.0", 7),
        ("number", "-0.5", -0.5),
        ("number", "1e3", 1000.0),
        ("date", "2025-03-31", date(2025, 3, 31)),
        ("boolean", "true", True),
        ("boolean", "No", False),
        ("boolean", "1", True),
    ],
)
def test_a_cell_is_read_as_its_type(kind: str, text: str, value: object):
    assert Column("x", kind, "X").parse(text) == value


@pytest.mark.parametrize("kind", ["string", "integer", "number", "date", "boolean"])
def test_an_empty_cell_is_missing(kind: str):
    assert Column("x", kind, "X").parse("") is None


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("integer", "7.5", "a whole number"),
        ("integer", "seven", "a whole number"),
        ("number", "nan", "a number"),
        ("number", "inf", "a number"),
        ("number", "1,5", "a number"),
        ("date", "31/03/2025", "a date such as 2025-03-31"),
        ("date", "2025-02-30", "a date such as 2025-03-31"),
        ("date", "2025-3-1", "a date such as 2025-03-31"),
        ("boolean", "maybe", "true or false"),
    ],
)
def test_a_cell_of_another_type_is_named_with_what_was_expected(kind: str, text: str, expected: str):
    with pytest.raises(ContractError, match=f"unexpected value '{text}'; expected {expected}"):
        Column("x", kind, "X").parse(text)


@pytest.mark.parametrize(
    ("text", "says"), [("", "is empty"), ("-1", "-1 is below 0; correct"), ("11", "11 is above 10; correct")]
)
def test_a_required_number_in_a_range(text: str, says: str):
    with pytest.raises(ContractError, match=says):
        COUNT.parse(text)


def test_an_unknown_code_is_named_beside_the_known_ones():
    with pytest.raises(ContractError, match="unexpected value 'f'; allowed: female, male, other, unknown"):
        SEX.parse("f")


@pytest.mark.parametrize(
    ("kind", "value"), [("integer", True), ("integer", 1.0), ("number", "1"), ("date", "2025-01-01"), ("string", 1)]
)
def test_a_python_value_of_another_type_does_not_pass(kind: str, value: object):
    with pytest.raises(ContractError, match="expected"):
        Column("x", kind, "X").check(value)  # type: ignore[arg-type]


def test_identity_cannot_be_declared_in_the_contract():
    for privacy in set(PRIVACY_CLASSES) - {"open", "research"}:
        with pytest.raises(ContractError, match=f"privacy class '{privacy}' may not be exported"):
            Column("name", "string", "Name", privacy=privacy)


def test_a_column_of_an_unknown_type_refuses_to_exist():
    with pytest.raises(ContractError, match="unknown type 'money'; allowed: string, integer"):
        Column("x", "money", "X")


@pytest.mark.parametrize("name", TABLES)
def test_each_tables_key_and_references_are_there(name: str):
    declared = table(name)
    assert set(declared.key) <= set(declared.names)
    assert len(set(declared.names)) == len(declared.names)
    for column in declared.columns:
        if column.refers_to:
            target, field = column.refers_to.split(".")
            assert field in table(target).names
            assert list(TABLES).index(target) <= list(TABLES).index(name)


def test_an_unknown_table_or_column_is_named_beside_the_known_ones():
    with pytest.raises(ContractError, match="no table 'persons' in the contract; known: arms, sites"):
        table("persons")
    with pytest.raises(ContractError, match="people: no column 'name'; known: person, site"):
        table("people").column("name")


@given(st.text())
def test_any_text_survives_the_journey_through_a_cell(text: str):
    assert bundle.uncell(bundle.cell(text)) == text


@given(st.text(min_size=1))
def test_no_cell_begins_with_what_a_spreadsheet_would_run(text: str):
    assert bundle.cell(text)[0] not in "=+-@\t\r"


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_keep_every_digit(number: float):
    assert float(bundle.cell(number)) == number


@pytest.mark.parametrize(
    ("value", "text"), [(None, ""), (True, "true"), (False, "false"), (date(2025, 1, 2), "2025-01-02"), (3, "3")]
)
def test_values_are_written_plainly(value: object, text: str):
    assert bundle.cell(value) == text  # type: ignore[arg-type]
