"""What an item takes as an answer, and how it says so."""

from __future__ import annotations

import pytest

from instruments import get
from instruments.definition import Instrument


@pytest.mark.parametrize(
    ("instrument", "item", "taken", "refused"),
    [
        ("phq9", "i1", [0, 1, 2, 3], [-1, 4, 27]),
        ("ons4", "happy", [0, 5, 10], [-1, 11]),
        ("eq5d-5l", "mo", [1, 2, 3, 4, 5], [0, 6]),
        ("eq5d-5l", "vas", [0, 73, 100], [-1, 101]),
    ],
)
def test_an_item_takes_its_own_answers_and_no_others(
    instrument: str, item: str, taken: list[int], refused: list[int]
) -> None:
    asked = get(instrument).item(item)
    assert [answer for answer in taken if not asked.accepts(answer)] == []
    assert [answer for answer in refused if asked.accepts(answer)] == []


@pytest.mark.parametrize("not_a_whole_number", [True, 1.0, "1", None, [1]])
def test_only_a_whole_number_is_an_answer(not_a_whole_number: object) -> None:
    assert not get("phq9").item("i1").accepts(not_a_whole_number)
    assert not get("ons4").item("happy").accepts(not_a_whole_number)


@pytest.mark.parametrize(
    ("instrument", "item", "words"),
    [
        ("phq9", "i1", "0, 1, 2, 3"),
        ("ons4", "happy", "0 to 10"),
        ("eq5d-5l", "mo", "1, 2, 3, 4, 5"),
        ("eq5d-5l", "vas", "0 to 100"),
    ],
)
def test_an_item_says_what_it_takes(instrument: str, item: str, words: str) -> None:
    assert get(instrument).item(item).allowed == words


def test_items_that_share_a_code_list_have_the_same_options(garden: Instrument) -> None:
    assert garden.item("dig").options == garden.item("sit").options
    assert [(option.code, option.label, option.coding) for option in garden.item("dig").options] == [
        (0, "Never", "often-0-2"),
        (1, "Sometimes", "often-0-2"),
        (2, "Often", "often-0-2"),
    ]


def test_asking_for_an_item_or_scale_that_is_not_there_is_an_error(garden: Instrument) -> None:
    with pytest.raises(KeyError, match="nap"):
        garden.item("nap")
    with pytest.raises(KeyError, match="nap"):
        garden.scale("nap")


def test_one_version_of_an_instrument_can_be_looked_up_like_a_word(garden: Instrument) -> None:
    assert {garden: "kept"}[garden] == "kept"
    assert garden != get("ons4")
