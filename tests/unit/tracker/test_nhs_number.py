"""The check digit of an NHS number."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.actions.people import nhs_number_fault


@pytest.mark.parametrize("number", ["9434765919", "943 476 5919", "943-476-5919", "9990000018", "4010232137"])
def test_a_valid_number_has_no_fault_however_it_is_spaced(number: str):
    assert nhs_number_fault(number) is None


@pytest.mark.parametrize("number", ["9434765918", "9434765910", "4010232138"])
def test_a_wrong_check_digit_is_named(number: str):
    assert "last digit does not fit" in str(nhs_number_fault(number))


@pytest.mark.parametrize("number", ["", "943476591", "94347659190", "943476591X", "٩٤٣٤٧٦٥٩١٩"])
def test_anything_but_ten_digits_is_named(number: str):
    assert "has 10 digits" in str(nhs_number_fault(number))


def by_the_book(nine: str) -> int:
    """Modulus 11 as the data dictionary words it: weights 10 to 2, eleven less the remainder, 11 becomes 0."""
    total = sum(int(digit) * weight for digit, weight in zip(nine, range(10, 1, -1), strict=True))
    return {11: 0}.get(11 - total % 11, 11 - total % 11)


@given(st.from_regex(r"\A[0-9]{9}\Z"))
def test_exactly_one_last_digit_fits_unless_the_rule_gives_ten(nine: str):
    fitting = [last for last in range(10) if nhs_number_fault(f"{nine}{last}") is None]
    expected = by_the_book(nine)
    assert fitting == ([] if expected == 10 else [expected])


@given(st.from_regex(r"\A[0-9]{9}\Z"), st.integers(0, 8), st.integers(1, 9))
def test_one_mistyped_digit_is_always_noticed(nine: str, place: int, change: int):
    last = by_the_book(nine)
    mistyped = nine[:place] + str((int(nine[place]) + change) % 10) + nine[place + 1 :]
    if last != 10:
        assert nhs_number_fault(f"{mistyped}{last}") is not None
