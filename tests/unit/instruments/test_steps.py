"""The steps of the scoring vocabulary, one at a time, on the invented garden; then what the validator says of them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from instruments import from_toml
from instruments.definition import BadDefinition, Instrument
from instruments.scoring import Score, score

Bend = Callable[..., str]

TOTAL = 'method = "sum"\nitems = ["dig", "sow", "sit"]\n'
RULE = 'missing = { min_answered = 2, fill = "mean", source = "invented: one may be missing" }\n'
RANGE = 'minimum = 0\nmaximum = 6\nbetter = "higher"\n'
BANDS = """bands = [
  { low = 0, high = 2, id = "low", label = "Low" },
  { low = 3, high = 6, id = "high", label = "High" },
]
"""
EXAMPLE = 'scores = { total = 5, bees = 12 }\nbands = { total = "high" }'
ALL = 'missing = { min_answered = 3, source = "invented: all" }\n'


@pytest.fixture
def total(bent: Bend) -> Callable[..., Instrument]:
    """The garden with another total: its steps, its range, and what a good day (2, 1, 2) then scores."""

    def make(
        steps: str, low: float, high: float, good_day: float, *, rule: str = ALL, method: str = "sum"
    ) -> Instrument:
        changed = (
            TOTAL.replace("sum", method) + steps + rule + f'minimum = {low}\nmaximum = {high}\nbetter = "higher"\n'
        )
        example = f"scores = {{ total = {good_day}, bees = 12 }}"
        return from_toml(bent((TOTAL + RULE + RANGE + BANDS, changed), (EXAMPLE, example)))

    return make


Total = Callable[..., Instrument]


def of(instrument: Instrument, dig: int | None, sow: int | None, sit: int | None, **person: int) -> Score:
    return score(instrument, {"dig": dig, "sow": sow, "sit": sit}, **person)["total"]  # type: ignore[arg-type]


def test_a_reversed_answer_counts_from_the_other_end(total: Total) -> None:
    turned = total('reverse = ["sow"]\n', 0, 6, 5)
    assert of(turned, 0, 0, 0).value == 2
    assert of(turned, 0, 2, 0).value == 0


def test_recoded_answers_count_as_the_file_says(total: Total) -> None:
    yes_or_no = total('recode = [{ items = ["dig", "sow", "sit"], codes = { 0 = 0, 1 = 1, 2 = 1 } }]\n', 0, 3, 3)
    assert of(yes_or_no, 0, 1, 2).value == 2


def test_an_answer_can_count_as_not_given(total: Total) -> None:
    rule = 'missing = { min_answered = 2, fill = "mean", codes = [0], source = "invented" }\n'
    never_is_no_answer = total("", 3, 6, 5, rule=rule)
    assert of(never_is_no_answer, 2, 2, 0).value == 6
    assert of(never_is_no_answer, 2, 0, 0) == Score(None, "too-few-answers")


def test_nought_can_stand_in_for_a_missing_answer(total: Total) -> None:
    rule = 'missing = { min_answered = 2, fill = "zero", source = "invented" }\n'
    assert of(total("", 0, 6, 5, rule=rule), 2, 2, None).value == 4


def test_a_mean_is_over_what_was_answered(total: Total) -> None:
    mean = total("digits = 2\n", 0, 2, 1.67, rule=RULE, method="mean")
    assert of(mean, 2, 1, None).value == 1.5


def test_a_count_says_how_many_answers_reach_a_mark(total: Total) -> None:
    often = total("parameters = { at_least = 2 }\n", 0, 3, 2, method="count")
    assert of(often, 2, 1, 0).value == 1


def test_no_more_than_the_cap_is_counted(total: Total) -> None:
    assert of(total("cap = 4\n", 0, 4, 4), 2, 2, 2).value == 4


def test_a_linear_change_can_turn_a_scale_round(total: Total) -> None:
    turned = total("cap = 4\nlinear = { subtract = 4, multiply = -25 }\n", 0, 100, 0)
    assert [of(turned, *answers).value for answers in ((0, 0, 0), (1, 0, 0), (2, 2, 2))] == [100, 75, 0]


def test_a_table_gives_each_sum_its_entry(total: Total) -> None:
    table = "digits = 1\ntable = { 0 = 0, 1 = 1.5, 2 = 2, 3 = 2.5, 4 = 3, 5 = 3.5, 6 = 9.9 }\n"
    assert [of(total(table, 0, 9.9, 3.5), *answers).value for answers in ((1, 0, 0), (2, 2, 2))] == [1.5, 9.9]


def test_the_rest_of_the_form_can_matter(total: Total) -> None:
    rule = 'missing = { min_answered = 3, min_of_form = 4, source = "invented" }\n'
    strict = total("", 0, 6, 5, rule=rule)
    assert of(strict, 1, 1, 1) == Score(None, "too-few-answers")
    assert score(strict, {"dig": 1, "sow": 1, "sit": 1, "bees": 0})["total"].value == 3


def test_a_scale_for_some_ages_has_no_score_outside_them(total: Total) -> None:
    for_adults = total("ages = { lowest = 15, highest = 69 }\n", 0, 6, 5)
    assert [of(for_adults, 1, 1, 1, age=age).value for age in (15, 69)] == [3, 3]
    assert of(for_adults, 1, 1, 1, age=14) == of(for_adults, 1, 1, 1, age=70) == Score(None, "out-of-age-range")
    assert of(for_adults, 1, 1, 1).value == 3


def test_what_was_not_asked_because_of_an_earlier_answer_counts_as_nought(bent: Bend) -> None:
    asked = 'text = "How often do you sit in it?"\nasked_if = { item = "dig", at_least = 1 }\n'
    garden = from_toml(
        bent(('text = "How often do you sit in it?"\n', asked), (RULE, ALL), ('"a-lazy-day"', '"another-day"'))
    )
    assert of(garden, 0, 2, None).value == 2
    assert of(garden, 0, 2, 2).value == 2
    assert of(garden, 1, 2, None) == of(garden, None, 2, None) == Score(None, "too-few-answers")


STEP_FAULTS = {
    "an item reversed that is not the scale's": (
        'reverse = ["bees"]\n',
        "scales.total: 'bees' is not among the items of the scale; use one of dig, sow, sit",
    ),
    "an item changed twice": (
        'reverse = ["dig"]\nrecode = [{ items = ["dig"], codes = { 0 = 0, 1 = 1, 2 = 1 } }]\n',
        "scales.total: 'dig' is changed twice; reverse it or recode it, once",
    ),
    "a code that becomes nothing": (
        'recode = [{ items = ["dig"], codes = { 0 = 0, 2 = 1 } }]\n',
        "scales.total: recode does not say what 1 of 'dig' becomes; give every code",
    ),
    "ages that run backwards": (
        "ages = { lowest = 70, highest = 15 }\n",
        "scales.total: lowest age 70 is above highest age 15; swap or correct them",
    ),
    "a table with a mean for missing answers": (
        "table = { 0 = 0 }\n",
        "scales.total: a table needs whole sums, and fill gives fractions; remove one of them",
    ),
    "a cap that the range does not know": (
        "cap = 4\n",
        "scales.total: range is 0 to 6 but its items give 0 to 4; correct the range or the items",
    ),
    "a linear change that the range does not know": (
        "linear = { subtract = 0, multiply = 10 }\n",
        "scales.total: range is 0 to 6 but its items give 0 to 60; correct the range or the items",
    ),
    "a parameter for a method without": (
        "parameters = { at_least = 2 }\n",
        "scales.total: method 'sum' takes no parameter 'at_least'; remove it",
    ),
}


@pytest.mark.parametrize(("steps", "said"), STEP_FAULTS.values(), ids=STEP_FAULTS.keys())
def test_a_step_that_cannot_be_taken_is_refused(bent: Bend, steps: str, said: str) -> None:
    with pytest.raises(BadDefinition) as refused:
        from_toml(bent((TOTAL, TOTAL + steps)))
    assert f"definition: {said}" in str(refused.value).splitlines()


RULE_FAULTS = {
    "more of the form than there is": (
        'missing = { min_answered = 3, min_of_form = 5, source = "invented" }\n',
        "scales.total: min_of_form is 5 for 4 items of the form; give 1 to 4",
    ),
    "a table that stops short": (
        ALL + "table = { 0 = 0, 1 = 1, 2 = 2, 3 = 3, 4 = 4, 5 = 5 }\n",
        "scales.total: the table has no entry for 6; give one for each of 0 to 6",
    ),
}


@pytest.mark.parametrize(("rule", "said"), RULE_FAULTS.values(), ids=RULE_FAULTS.keys())
def test_a_rule_that_cannot_be_kept_is_refused(bent: Bend, rule: str, said: str) -> None:
    with pytest.raises(BadDefinition) as refused:
        from_toml(bent((RULE, rule)))
    assert f"definition: {said}" in str(refused.value).splitlines()


METHOD_FAULTS = {
    "a count without its mark": ("count", "scales.total: method 'count' needs the parameter 'at_least'; add it"),
    "activity that is not six numbers": (
        "met_minutes",
        "scales.total: method 'met_minutes' takes days and minutes of three activities, not 3 items; name six",
    ),
}


@pytest.mark.parametrize(("method", "said"), METHOD_FAULTS.values(), ids=METHOD_FAULTS.keys())
def test_a_method_without_what_it_needs_is_refused(bent: Bend, method: str, said: str) -> None:
    with pytest.raises(BadDefinition) as refused:
        from_toml(bent(('method = "sum"', f'method = "{method}"')))
    assert f"definition: {said}" in str(refused.value).splitlines()


def test_a_condition_looks_back_not_ahead(bent: Bend) -> None:
    with pytest.raises(BadDefinition) as refused:
        from_toml(bent(('text = "How often do you dig?"', 'text = "Dig?"\nasked_if = { item = "sit", at_least = 1 }')))
    said = "items.dig: asked_if names 'sit', which does not come before it; name an earlier item"
    assert f"definition: {said}" in str(refused.value).splitlines()
