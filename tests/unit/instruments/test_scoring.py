"""From answers to scores: methods, missing answers, rounding, bands, and answers that are refused."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction

import pytest

from instruments import from_toml, get, value_sets
from instruments.definition import Instrument
from instruments.scoring import FILLS, METHODS, REASONS, BadResponse, Score, rounded, score
from instruments.value_sets import UnknownValueSet

Bend = Callable[..., str]

PROFILE = {"mo": 2, "sc": 1, "ua": 2, "pd": 3, "ad": 2}


def phq9_answers(*answers: int | None) -> dict[str, int | None]:
    return {f"i{n}": answer for n, answer in enumerate(answers, start=1)}


# ---------------------------------------------------------------- answers that are refused


@pytest.mark.parametrize(
    ("instrument", "responses", "said"),
    [
        ("phq9", {"i3": 7}, "phq9.i3: 7 is not an answer; allowed: 0, 1, 2, 3"),
        ("phq9", {"i3": -1}, "phq9.i3: -1 is not an answer; allowed: 0, 1, 2, 3"),
        ("phq9", {"i3": "2"}, "phq9.i3: '2' is not an answer; allowed: 0, 1, 2, 3"),
        ("phq9", {"i3": True}, "phq9.i3: True is not an answer; allowed: 0, 1, 2, 3"),
        ("phq9", {"i3": 1.5}, "phq9.i3: 1.5 is not an answer; allowed: 0, 1, 2, 3"),
        ("phq9", {"i10": 1}, "phq9.i10: is not an item; allowed: i1, i2, i3, i4, i5, i6, i7, i8, i9"),
        ("phq9", {"i10": None}, "phq9.i10: is not an item; allowed: i1, i2, i3, i4, i5, i6, i7, i8, i9"),
        ("ons4", {"happy": 11}, "ons4.happy: 11 is not an answer; allowed: 0 to 10"),
        ("eq5d-5l", {"mo": 0}, "eq5d-5l.mo: 0 is not an answer; allowed: 1, 2, 3, 4, 5"),
        ("eq5d-5l", {"vas": 101}, "eq5d-5l.vas: 101 is not an answer; allowed: 0 to 100"),
    ],
)
def test_an_answer_that_the_instrument_does_not_take_is_refused(
    instrument: str, responses: dict[str, int | None], said: str
) -> None:
    with pytest.raises(BadResponse) as refused:
        score(get(instrument), responses)
    assert str(refused.value) == said


# ---------------------------------------------------------------- sums


def test_a_full_form_is_summed_and_banded() -> None:
    assert score(get("phq9"), phq9_answers(3, 0, 1, 2, 0, 0, 1, 0, 3)) == {"total": Score(10.0, band="moderate")}


def test_one_missing_item_gives_no_total() -> None:
    nearly = phq9_answers(3, 3, 3, 3, 3, 3, 3, 3, None)
    assert score(get("phq9"), nearly) == {"total": Score(None, "too-few-answers")}


def test_an_item_that_is_left_out_is_missing_too() -> None:
    assert score(get("phq9"), {"i1": 3}) == {"total": Score(None, "too-few-answers")}


def test_an_empty_form_has_no_score_on_any_scale() -> None:
    for instrument in (get("phq9"), get("ons4"), get("eq5d-5l")):
        scores = score(instrument, {})
        assert list(scores) == [scale.id for scale in instrument.scales]
        assert {each.value for each in scores.values()} == {None}
        assert {each.reason for each in scores.values()} == {"too-few-answers"}


# ---------------------------------------------------------------- single items


def test_each_ons4_question_is_a_score_of_its_own() -> None:
    scores = score(get("ons4"), {"satisfied": 8, "worthwhile": 9, "happy": 4, "anxious": 6})
    assert {id: (each.value, each.band) for id, each in scores.items()} == {
        "satisfied": (8.0, "high"),
        "worthwhile": (9.0, "very_high"),
        "happy": (4.0, "low"),
        "anxious": (6.0, "high"),
    }


def test_one_missing_ons4_question_leaves_the_others() -> None:
    scores = score(get("ons4"), {"satisfied": 8, "anxious": 0})
    assert [id for id, each in scores.items() if each.value is None] == ["worthwhile", "happy"]


# ---------------------------------------------------------------- a missing rule that fills


# dig, sow, sit -> total; the garden allows one missing answer and takes the mean of the others for it
@pytest.mark.parametrize(
    ("dig", "sow", "sit", "total", "band"),
    [
        (2, 2, 2, 6.0, "high"),
        (2, 2, None, 6.0, "high"),
        (0, None, 0, 0.0, "low"),
        (None, 1, 1, 3.0, "high"),
        (1, 0, None, 2.0, "low"),  # 1.5 is rounded up
        (2, 1, None, 5.0, "high"),  # so is 4.5
        (2, None, 0, 3.0, "high"),
        (2, None, None, None, None),
        (None, None, None, None, None),
    ],
)
def test_the_mean_stands_in_for_as_many_answers_as_the_rule_allows(
    garden: Instrument, dig: int | None, sow: int | None, sit: int | None, total: float | None, band: str | None
) -> None:
    scored = score(garden, {"dig": dig, "sow": sow, "sit": sit})["total"]
    assert (scored.value, scored.band) == (total, band)
    assert scored.reason == (None if total is not None else "too-few-answers")


def test_decimals_are_kept_where_the_scale_has_them(bent: Bend) -> None:
    finer = from_toml(
        bent(
            ('maximum = 6\nbetter = "higher"\nbands = [\n', 'maximum = 6\ndigits = 1\nbetter = "higher"\nbands = [\n'),
            ("{ low = 3, high = 6", "{ low = 2.1, high = 6"),
        )
    )
    assert score(finer, {"dig": 1, "sow": 0})["total"] == Score(1.5, band="low")
    assert score(finer, {"dig": 2, "sow": 1})["total"] == Score(4.5, band="high")


def test_a_mean_is_kept_as_a_fraction_so_that_thirds_round_right() -> None:
    # Six items of nine answered, sum 5: 5 / 6 x 9 = 7.5 exactly, which is 8; in decimals the thirds fall short.
    stand_in = FILLS["mean"]([1, 1, 1, 1, 1, 0])
    assert rounded(METHODS["sum"]([1, 1, 1, 1, 1, 0, stand_in, stand_in, stand_in]), 0) == 8.0


# ---------------------------------------------------------------- rounding


@pytest.mark.parametrize(
    ("exact", "digits", "value"),
    [
        (7, 0, 7.0),
        (Fraction(15, 2), 0, 8.0),
        (Fraction(13, 2), 0, 7.0),
        (Fraction(-15, 2), 0, -8.0),
        (Fraction(1, 3), 2, 0.33),
        (Fraction(2, 3), 2, 0.67),
        (Decimal("65.625"), 2, 65.63),
        (Decimal("0.7675"), 3, 0.768),
        (Decimal("-0.0005"), 3, -0.001),
        (Decimal("0.812"), 3, 0.812),
    ],
)
def test_halves_are_rounded_away_from_zero(exact: int | Fraction | Decimal, digits: int, value: float) -> None:
    assert rounded(exact, digits) == value


# ---------------------------------------------------------------- values


def test_a_profile_has_the_value_of_the_default_set_unless_another_is_named() -> None:
    eq5d = get("eq5d-5l")
    assert score(eq5d, PROFILE)["value"] == Score(0.812, value_set="uk-2026-rowen")
    assert score(eq5d, PROFILE, value_set="england-2018-devlin")["value"] == Score(
        0.730, value_set="england-2018-devlin"
    )


@pytest.mark.parametrize("dimension", ["mo", "sc", "ua", "pd", "ad"])
def test_any_missing_dimension_gives_no_value_and_leaves_the_vas(dimension: str) -> None:
    scores = score(get("eq5d-5l"), {**PROFILE, dimension: None, "vas": 64})
    assert scores["value"] == Score(None, "too-few-answers", value_set="uk-2026-rowen")
    assert scores["vas"] == Score(64.0)


def test_a_missing_vas_leaves_the_value() -> None:
    scores = score(get("eq5d-5l"), PROFILE)
    assert scores["value"].value == 0.812
    assert scores["vas"] == Score(None, "too-few-answers")


def test_an_unknown_value_set_is_refused_even_for_an_empty_form() -> None:
    said = f"value set: 'uk-1997' is not known for eq5d-5l; use one of {', '.join(value_sets.known('eq5d-5l'))}"
    for responses in (PROFILE, {}):
        with pytest.raises(UnknownValueSet) as refused:
            score(get("eq5d-5l"), responses, value_set="uk-1997")
        assert str(refused.value) == said


def test_an_empty_name_is_not_the_default_value_set() -> None:
    with pytest.raises(UnknownValueSet, match="'' is not known"):
        score(get("eq5d-5l"), PROFILE, value_set="")


def test_a_value_set_does_not_touch_scales_that_need_none() -> None:
    answers = phq9_answers(1, 1, 1, 1, 1, 1, 1, 1, 1)
    assert score(get("phq9"), answers, value_set="uk-2026-rowen") == score(get("phq9"), answers)


def without_default_value_set() -> Instrument:
    """A made-up version of the EQ-5D-5L that leaves the choice of the value set wholly to the analysis."""
    eq5d = get("eq5d-5l")
    value, vas = eq5d.scales
    return Instrument(
        **{
            **{name: getattr(eq5d, name) for name in eq5d.__dataclass_fields__},
            "scales": (type(value)(**{**vars(value), "value_set": None}), vas),
        }
    )


def test_without_any_value_set_there_is_no_value_and_the_reason_says_so() -> None:
    scores = score(without_default_value_set(), {**PROFILE, "vas": 64})
    assert scores["value"] == Score(None, "no-value-set")
    assert scores["vas"] == Score(64.0)
    named = score(without_default_value_set(), PROFILE, value_set="uk-2026-rowen")
    assert named["value"] == Score(0.812, value_set="uk-2026-rowen")


def test_every_reason_is_explained_in_words() -> None:
    assert score(get("phq9"), {})["total"].reason in REASONS
    assert score(without_default_value_set(), PROFILE)["value"].reason in REASONS
    assert all(words.strip() for words in REASONS.values())
