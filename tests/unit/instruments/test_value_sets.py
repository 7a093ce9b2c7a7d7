"""Value sets: found by name, valued exactly, and never guessed."""

from __future__ import annotations

from decimal import Decimal
from itertools import product

import pytest

from instruments import value, value_sets
from instruments.value_sets import BadProfile, NoValue, UnknownValueSet
from instruments.valuing import Additive

EQ5D_5L = value_sets.known("eq5d-5l")
SETS = tuple(id for id in value_sets.known() if not value_sets.load(id).needs_person)


def profiles(id: str) -> list[tuple[int, ...]]:
    used = value_sets.load(id)
    return list(product(range(1, used.n_levels + 1), repeat=len(used.dimensions)))


def test_every_country_set_and_both_mappings_ship_for_the_eq5d_5l() -> None:
    mappings = {"uk-3l-2012-vanhout", "uk-3l-2022-dsu"}
    assert len(set(EQ5D_5L) - mappings) == 36
    assert mappings < set(EQ5D_5L)
    assert value_sets.known("eq5d-3l") == ("uk-3l-1997-dolan",)
    assert value_sets.known("icecap-o") == ("uk-2008-flynn",)


def test_no_value_set_is_known_for_an_instrument_without_one() -> None:
    assert value_sets.known("phq9") == ()


@pytest.mark.parametrize("id", value_sets.known())
def test_every_set_says_where_it_comes_from(id: str) -> None:
    shipped = value_sets.load(id)
    assert shipped.id == id
    assert shipped.doi.startswith("10.")
    assert str(shipped.year) in id
    assert shipped.country in shipped.title or shipped.title.startswith("EQ-5D-5L to UK EQ-5D-3L")
    assert shipped.method


# Two published models leave a person in full health below 1.
FULL_HEALTH = {"ca-2016-xie": 0.9489, "se-2020-burstrom": 0.9755}


@pytest.mark.parametrize("id", SETS)
def test_no_profile_is_worth_more_than_the_best_or_less_than_the_worst(id: str) -> None:
    used = value_sets.load(id)
    values = {profile: used.value(profile) for profile in profiles(id)}
    assert (float(max(values.values())), float(min(values.values()))) == (used.maximum, used.minimum)
    best, worst = (1, used.n_levels) if id != "uk-2008-flynn" else (used.n_levels, 1)
    n = len(used.dimensions)
    assert float(values[(best,) * n]) == used.maximum == FULL_HEALTH.get(id, 1)
    assert float(values[(worst,) * n]) == used.minimum


@pytest.mark.parametrize("id", SETS)
def test_a_worse_level_is_never_worth_more(id: str) -> None:
    used = value_sets.load(id)
    sign = -1 if id == "uk-2008-flynn" else 1
    for profile in profiles(id):
        here = used.value(profile)
        for at, level in enumerate(profile):
            if level < used.n_levels:
                worse = used.value((*profile[:at], level + 1, *profile[at + 1 :]))
                assert sign * worse <= sign * here, profile


def test_extra_terms_come_off_by_their_published_rule() -> None:
    dolan, korea, australia, canada = map(
        value_sets.load, ("uk-3l-1997-dolan", "kr-2016-kim", "au-2023-norman", "ca-2016-xie")
    )
    assert dolan.value("11113") == 1 - Decimal("0.236") - Decimal("0.081") - Decimal("0.269")
    assert korea.value("11114") - korea.value("11113") != korea.value("44414") - korea.value("44413")
    assert australia.value("11115") == australia.value("11114") - Decimal("0.153")
    one, two = canada.value("11141"), canada.value("11144")
    alone = canada.value("11114")
    assert two - (one + alone - canada.value("11111")) == Decimal("0.0085")


def test_a_mapping_by_age_and_sex_says_what_it_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(value_sets, "_supplied", {})
    monkeypatch.delenv("INSTRUMENTS_DSU_TABLE", raising=False)
    with pytest.raises(NoValue) as refused:
        value("21232", "uk-3l-2022-dsu", age=40, sex="female")
    assert refused.value.reason == "no-table"
    assert value_sets.load("uk-3l-2022-dsu").mid is None


def test_the_important_difference_of_a_tiny_set_is_the_mean_step() -> None:
    tiny = Additive(
        id="t", title="t", country="t", instrument="t", year=2020, doi="t", method="t",
        decrements={"a": (Decimal(0), Decimal("0.1"), Decimal("0.4"))},
    )  # fmt: skip
    mean, sd = value_sets.important_difference(tiny)
    assert mean == pytest.approx((0.1 + 0.2 + 0.3) / 3)
    assert sd == pytest.approx(0.1)


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
    assert str(refused.value) == f"value set: 'uk' is not known; use one of {', '.join(value_sets.known())}"


def test_a_set_of_one_instrument_does_not_value_another() -> None:
    with pytest.raises(UnknownValueSet) as refused:
        value_sets.load("uk-2026-rowen", "phq9")
    assert str(refused.value) == "value set: 'uk-2026-rowen' is not known for phq9; use one of none"


def test_an_unknown_set_can_be_caught_as_a_key_error() -> None:
    with pytest.raises(KeyError):
        value_sets.load("uk")
