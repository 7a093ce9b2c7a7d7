"""EQ-5D-5L values, against published tables, coefficients of the cited papers, and other people's software.

Sources: Rowen 2026 (doi:10.1016/j.jval.2026.03.008), Devlin 2018 (doi:10.1002/hec.3564), Pickard 2019
(doi:10.1016/j.jval.2019.02.009), Hobbins 2018 (doi:10.1007/s40273-018-0690-x); tests of the R package eq5d.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from decimal import Decimal
from itertools import product
from pathlib import Path

import pytest

from instruments import get, value, value_sets
from instruments.scoring import score
from instruments.value_sets import BadValueTable
from instruments.valuing import Crosswalk

Rows = list[dict[str, str]]
Vectors = Callable[[str], Rows]

DIMENSIONS = ("mo", "sc", "ua", "pd", "ad")
# Each set as the reference file calls it, and as we do.
SETS = {
    "Australia": "au-2023-norman",
    "Canada": "ca-2016-xie",
    "China": "cn-2017-luo",
    "Denmark": "dk-2021-jensen",
    "England": "england-2018-devlin",
    "France": "fr-2020-andrade",
    "Ghana": "gh-2024-addo",
    "HongKong": "hk-2018-wong",
    "Hungary": "hu-2020-rencz",
    "India": "in-2022-jyani",
    "Indonesia": "id-2017-purba",
    "Ireland": "ie-2018-hobbins",
    "Italy": "it-2022-finch",
    "Mexico": "mx-2021-gutierrez-delgado",
    "Morocco": "ma-2025-azizi",
    "NewZealand": "nz-2020-sullivan",
    "Norway": "no-2025-garratt",
    "Peru_cTTO": "pe-2020-augustovski",
    "Philippines": "ph-2022-miguel",
    "Poland": "pl-2019-golicki",
    "Portugal": "pt-2019-ferreira",
    "Romania": "ro-2023-olariu",
    "SaudiArabia": "sa-2024-al-jedai",
    "Slovenia": "si-2023-prevolnik-rupel",
    "SouthKorea": "kr-2016-kim",
    "Sweden_2020": "se-2020-burstrom",
    "Sweden_2022": "se-2022-sun",
    "Taiwan": "tw-2018-lin",
    "Thailand": "th-2018-pattanaphesaj",
    "Trinidad_and_Tobago": "tt-2024-bailey",
    "UAE": "ae-2025-al-sayah",
    "UK": "uk-2026-rowen",
    "USA": "us-2019-pickard",
    "Uganda": "ug-2022-yang",
    "Uruguay": "uy-2016-augustovski",
    "Vietnam": "vn-2020-mai",
}
TERMS = {f"{dimension}{levels}" for dimension in ("MO", "SC", "UA", "PD", "AD") for levels in (1, 2, 3, 4, 5, 45)} | {
    "StartValue", "Intercept", "N4", "N5", "Num45sq",
}  # fmt: skip


def test_all_3125_english_values_are_ours(vectors: Vectors) -> None:
    rows = vectors("vectors_eq5d5l_england_devlin.csv")
    assert len({row["state"] for row in rows}) == 3125
    differing = [
        row["state"] for row in rows if value(row["state"], "england-2018-devlin") != float(row["expected_utility"])
    ]
    assert differing == []


def test_a_form_scores_the_same_as_its_profile(vectors: Vectors) -> None:
    for row in vectors("vectors_eq5d5l_england_devlin.csv"):
        form = {dimension: int(row[dimension]) for dimension in DIMENSIONS}
        scored = score(get("eq5d-5l"), form, value_set="england-2018-devlin")["value"]
        assert scored.value == float(row["expected_utility"]), row["state"]


@pytest.mark.parametrize(
    ("theirs", "ours", "n_tests"),
    [
        ("UK", "uk-2026-rowen", 5),
        ("England", "england-2018-devlin", 7),
        ("USA", "us-2019-pickard", 8),
        ("Ireland", "ie-2018-hobbins", 4),
    ],
)
def test_every_value_that_the_eq5d_package_tests_is_ours(
    vectors: Vectors, theirs: str, ours: str, n_tests: int
) -> None:
    rows = [
        row
        for row in vectors("vectors_eq5d_named_package_tests.csv")
        if (row["instrument"], row["value_set"]) == ("EQ-5D-5L", theirs)
    ]
    assert len(rows) == n_tests
    assert {row["state"]: value(row["state"], ours) for row in rows} == {
        row["state"]: float(row["expected_utility"]) for row in rows
    }


@pytest.mark.parametrize(("theirs", "ours"), SETS.items())
def test_every_set_holds_the_published_coefficients(vectors: Vectors, theirs: str, ours: str) -> None:
    rows = [row for row in vectors("eq5d5l_value_sets.csv") if row["value_set"] == theirs]
    shipped = value_sets.load(ours, "eq5d-5l")
    assert {row["doi"] for row in rows} == {shipped.doi}
    published = {row["term"]: Decimal(row["value"]) for row in rows}
    assert set(published) <= TERMS
    for profile in product(range(1, 6), repeat=5):
        assert shipped.value(profile) == by_the_paper(published, profile), profile


def by_the_paper(published: dict[str, Decimal], profile: tuple[int, ...]) -> Decimal:
    """The value of a profile from the signed coefficients as they were printed, term by term."""
    total = published["StartValue"]
    for dimension, level in zip(DIMENSIONS, profile, strict=True):
        total += published.get(f"{dimension.upper()}{level}", Decimal(0))
        if level >= 4:
            total += published.get(f"{dimension.upper()}45", Decimal(0))
    n_severe = sum(level >= 4 for level in profile)
    for term, applies in (("Intercept", profile != (1,) * 5), ("N4", n_severe > 0), ("N5", 5 in profile)):
        if applies:
            total += published.get(term, Decimal(0))
    return total + (published.get("Num45sq", Decimal(0)) * (n_severe - 1) ** 2 if n_severe else 0)


def test_every_published_set_ships(vectors: Vectors) -> None:
    assert {row["value_set"] for row in vectors("eq5d5l_value_sets.csv")} == set(SETS)
    assert len(set(SETS.values())) == 36


def important_differences(vectors: Vectors) -> dict[str, dict[str, str]]:
    ours = {**SETS, "UK_crosswalk_2012": "uk-3l-2012-vanhout", "UK_TTO": "uk-3l-1997-dolan"}
    rows = vectors("mid_eq5d_instrument_defined.csv")
    return {ours[row["value_set"]]: row for row in rows if row["value_set"] in ours}


def test_the_important_differences_are_the_published_ones(vectors: Vectors) -> None:
    rows = important_differences(vectors)
    assert len(rows) == 17
    for id, row in rows.items():
        mean, sd = value_sets.important_difference(value_sets.load(id))
        assert (f"{mean:.3f}", f"{sd:.3f}") == (row["computed_mean"], row["computed_sd"]), id
        assert row["published_mean"] in ("", f"{mean:.3f}")
        assert row["published_sd"] in ("", f"{sd:.3f}")


@pytest.mark.parametrize("id", [*SETS.values(), "uk-3l-2012-vanhout", "uk-3l-1997-dolan"])
def test_each_set_carries_its_own_important_difference(id: str) -> None:
    mean, _ = value_sets.important_difference(value_sets.load(id))
    assert value_sets.load(id).mid == round(mean, 3)


def test_all_243_values_of_the_three_level_form_are_ours(vectors: Vectors) -> None:
    rows = vectors("vectors_eq5d3l_uk_tto.csv")
    assert len({row["state"] for row in rows}) == 243
    differing = [
        row["state"] for row in rows if value(row["state"], "uk-3l-1997-dolan") != float(row["expected_utility"])
    ]
    assert differing == []


def test_all_3125_values_of_the_crosswalk_are_ours_rounded_twice(vectors: Vectors) -> None:
    rows = vectors("vectors_eq5d5l_xw_uk_vanhout.csv")
    assert len({row["state"] for row in rows}) == 3125
    crosswalk = value_sets.load("uk-3l-2012-vanhout", "eq5d-5l")
    assert isinstance(crosswalk, Crosswalk)
    for row in rows:
        assert crosswalk.value(row["state"]) == Decimal(row["expected_utility"]), row["state"]
        expected = float(crosswalk.expected([int(level) for level in row["state"]]))
        assert expected == pytest.approx(float(row["raw_unrounded"]), abs=5e-9), row["state"]
    assert sum(row["differs_if_rounded_once"] == "1" for row in rows) > 0


@pytest.mark.parametrize(
    ("theirs", "ours"), [("UK_TTO", "uk-3l-1997-dolan"), ("UK_crosswalk_2012", "uk-3l-2012-vanhout")]
)
def test_the_states_that_the_eq5d_package_tests_are_ours_too(vectors: Vectors, theirs: str, ours: str) -> None:
    rows = [row for row in vectors("vectors_eq5d_named_package_tests.csv") if row["value_set"] == theirs]
    assert len(rows) == 5
    assert {row["state"]: value(row["state"], ours) for row in rows} == {
        row["state"]: float(row["expected_utility"]) for row in rows
    }


def test_every_icecap_value_is_the_sum_of_the_published_level_values(vectors: Vectors) -> None:
    worth = {(row["attribute"], int(row["level"])): Decimal(row["value"]) for row in vectors("coef_icecap_o_uk.csv")}
    shipped = value_sets.load("uk-2008-flynn", "icecap-o")
    for profile in product(range(1, 5), repeat=5):
        published = sum(worth[each] for each in zip(shipped.dimensions, profile, strict=True))
        assert shipped.value(profile) == published, profile


# ---------------------------------------------------------------- the mapping by age and sex


@pytest.fixture
def supplied(reference: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The table of the mapping, found by the environment as a user would name it."""
    path = reference / "instruments" / "data_dsu_uk_5l_to_3l.csv"
    monkeypatch.setattr(value_sets, "_supplied", {})
    monkeypatch.setenv("INSTRUMENTS_DSU_TABLE", str(path))
    return path


AGES = {"band3": 50, "band5": 70}


@pytest.mark.usefixtures("supplied")
def test_the_mapping_by_age_and_sex_gives_what_the_eq5d_package_gives(vectors: Vectors) -> None:
    rows = [
        row
        for row in vectors("vectors_eq5d_dsu_uk.csv")
        if row["from_version"] == "5L" and re.fullmatch("[1-5]{5}", row["input_state_or_score"])
    ]
    assert len(rows) == 3
    for row in rows:
        age = AGES.get(row["age"]) or int(row["age"])
        form = dict(zip(DIMENSIONS, map(int, row["input_state_or_score"]), strict=True))
        scored = score(get("eq5d-5l"), form, value_set="uk-3l-2022-dsu", age=age, sex=row["sex"])["value"]
        assert scored.value == float(row["expected_utility"]), row


def test_every_row_of_the_table_is_found_by_any_age_of_its_band(supplied: Path) -> None:
    mapping = value_sets.load("uk-3l-2022-dsu")
    with supplied.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 31250
    ends = {"18-34": (18, 34), "35-44": (35, 44), "45-54": (45, 54), "55-64": (55, 64), "65+": (65, 101)}
    for row in rows:
        for age in ends[row["age_band"]]:
            assert mapping.value(row["state_5l"], age, row["sex"]) == Decimal(row["mapped_uk_3l_utility"])


@pytest.mark.usefixtures("supplied")
@pytest.mark.parametrize(
    ("age", "sex", "reason"),
    [
        (None, "female", "age-or-sex-missing"),
        (40, None, "age-or-sex-missing"),
        (40, "other", "age-or-sex-missing"),
        (17, "male", "out-of-age-range"),
    ],
)
def test_who_is_not_in_the_table_has_no_value(age: int | None, sex: str | None, reason: str) -> None:
    scored = score(get("eq5d-5l"), dict.fromkeys(DIMENSIONS, 1), value_set="uk-3l-2022-dsu", age=age, sex=sex)["value"]
    assert (scored.value, scored.reason) == (None, reason)


def test_a_table_with_faults_is_refused_whole(supplied: Path, tmp_path: Path) -> None:
    lines = supplied.read_text(encoding="utf-8").splitlines()
    bad = tmp_path / "official.csv"
    bad.write_text(
        "\n".join([*lines[:3], "11115,18-35,male,0.1,0.5", "61111,65+,f,1,much", lines[1], *lines[3:]]),
        encoding="utf-8",
    )
    with pytest.raises(BadValueTable) as refused:
        value_sets.add_table(bad)
    assert refused.value.faults == (
        "official.csv, row 4: age_band '18-35' is not known; use one of 18-34, 35-44, 45-54, 55-64, 65+",
        "official.csv, row 5: state_5l '61111' is not a profile; give five digits from 1 to 5",
        "official.csv, row 5: sex 'f' is not known; use female or male",
        "official.csv, row 5: mapped_uk_3l_utility 'much' is not a value; give a number from -1 to 1",
        "official.csv, row 6: 11111, 18-34, male is there twice; keep one",
    )
    assert value_sets._supplied == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("state_5l,sex,mapped_uk_3l_utility\n", "official.csv: column 'age_band' is missing; add it"),
        (
            "state_5l,age_band,sex,mapped_uk_3l_utility\n11111,18-34,female,0.98\n",
            "official.csv: 31,249 rows are missing, the first 11111, 65+, female; use the whole table",
        ),
    ],
)
def test_half_a_table_is_refused(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "official.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BadValueTable) as refused:
        value_sets.add_table(path)
    assert str(refused.value) == said
