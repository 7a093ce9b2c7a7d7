"""Value sets: found by name, valued exactly, and never guessed."""

from __future__ import annotations

from decimal import Decimal
from itertools import product

import pytest

from instruments import value, value_sets
from instruments.value_sets import BadProfile, UnknownValueSet

SETS = ("england-2018-devlin", "ie-2018-hobbins", "uk-2026-rowen", "us-2019-pickard")


def test_four_value_sets_ship_for_the_eq5d_5l() -> None:
    assert value_sets.known("eq5d-5l") == SETS
    assert value_sets.known() == SETS


def test_no_value_set_is_known_for_an_instrument_without_one() -> None:
    assert value_sets.known("phq9") == ()


@pytest.mark.parametrize("id", SETS)
def test_every_set_says_where_it_comes_from(id: str) -> None:
    shipped = value_sets.load(id)
    assert shipped.id == id
    assert shipped.doi.startswith("10.")
    assert str(shipped.year) in id
    assert shipped.country in shipped.title
    assert shipped.method


@pytest.mark.parametrize("id", SETS)
def test_full_health_is_worth_one_and_no_profile_more(id: str) -> None:
    assert value("11111", id) == 1.0
    values = [value_sets.load(id).value(levels) for levels in product(range(1, 6), repeat=5)]
    assert max(values) == 1
    assert len(values) == 3125


@pytest.mark.parametrize("id", SETS)
def test_the_worst_profile_is_worth_least(id: str) -> None:
    values = [value_sets.load(id).value(levels) for levels in product(range(1, 6), repeat=5)]
    assert float(min(values)) == value("55555", id) == value_sets.load(id).minimum


@pytest.mark.parametrize("id", SETS)
def test_a_worse_level_is_never_worth_more(id: str) -> None:
    for levels in value_sets.load(id).decrements.values():
        assert list(levels) == sorted(levels)
        assert levels[0] == 0


def test_a_profile_may_be_digits_or_numbers() -> None:
    uk = value_sets.load("uk-2026-rowen")
    assert uk.value("21232") == uk.value([2, 1, 2, 3, 2]) == Decimal("0.812")
    assert value("21232", "uk-2026-rowen") == 0.812


@pytest.mark.parametrize("profile", ["", "1111", "111111", "11116", "01111", "1111x", "1 111", "-1111", "1111²"])
def test_what_is_not_a_profile_has_no_value(profile: str) -> None:
    with pytest.raises(BadProfile) as refused:
        value(profile, "uk-2026-rowen")
    assert str(refused.value) == (
        f"profile: '{profile}' is not a profile of eq5d-5l; give 5 digits, each 1 to 5, such as 21232"
    )


def test_an_unknown_set_is_refused_with_the_names_that_are_known() -> None:
    with pytest.raises(UnknownValueSet) as refused:
        value("11111", "uk")
    assert str(refused.value) == f"value set: 'uk' is not known; use one of {', '.join(SETS)}"


def test_a_set_of_one_instrument_does_not_value_another() -> None:
    with pytest.raises(UnknownValueSet) as refused:
        value_sets.load("uk-2026-rowen", "phq9")
    assert str(refused.value) == "value set: 'uk-2026-rowen' is not known for phq9; use one of none"


def test_an_unknown_set_can_be_caught_as_a_key_error() -> None:
    with pytest.raises(KeyError):
        value_sets.load("uk")
