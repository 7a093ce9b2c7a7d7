"""What a change means: its direction by the scale, its size beside what is known to matter."""

from __future__ import annotations

import pytest

from instruments import get, value_sets
from instruments.meaning import Change, change, mid

PHQ9 = get("phq9").scale("total")
VALUE = get("eq5d-5l").scale("value")
VAS = get("eq5d-5l").scale("vas")


@pytest.mark.parametrize(
    ("earlier", "later", "difference", "direction"),
    [(14, 9, -5, "better"), (9, 14, 5, "worse"), (9, 9, 0, "same")],
)
def test_lower_is_better_on_the_phq9(earlier: float, later: float, difference: float, direction: str) -> None:
    found = change(PHQ9, earlier, later)
    assert (found.difference, found.direction) == (difference, direction)


@pytest.mark.parametrize(("later", "direction"), [(0.7, "better"), (0.5, "worse"), (0.6, "same")])
def test_higher_is_better_for_a_value(later: float, direction: str) -> None:
    assert change(VALUE, 0.6, later, "uk-2026-rowen").direction == direction


def test_a_difference_of_decimals_is_exact() -> None:
    assert change(VALUE, 0.378, 0.566, "uk-2026-rowen").difference == 0.188
    assert change(VALUE, 0.3, 0.1, "uk-2026-rowen").difference == -0.2


@pytest.mark.parametrize(("later", "matters"), [(0.677, False), (0.678, True), (0.522, True), (0.523, False)])
def test_a_change_matters_from_the_important_difference_on_either_way(later: float, matters: bool) -> None:
    assert change(VALUE, 0.6, later, "uk-2026-rowen").matters is matters


def test_each_value_set_has_its_own_important_difference() -> None:
    found = {id: mid(VALUE, id) for id in ("uk-2026-rowen", "england-2018-devlin")}
    assert {id: each.value for id, each in found.items() if each} == {
        "uk-2026-rowen": 0.078,
        "england-2018-devlin": 0.064,
    }
    assert found["uk-2026-rowen"] is not None
    assert found["uk-2026-rowen"].kind == "instrument-defined"
    assert value_sets.load("uk-2026-rowen").title in found["uk-2026-rowen"].source


def test_a_scale_without_a_known_difference_says_nothing_of_importance() -> None:
    assert mid(VAS) is None
    assert change(VAS, 40, 90) == Change(50, "better", None)
    assert change(VAS, 40, 90).matters is None


def test_the_source_of_the_difference_comes_with_it() -> None:
    found = mid(PHQ9)
    assert found is not None
    assert (found.value, found.kind) == (1.7, "anchor")
    assert "Kounali" in found.source
