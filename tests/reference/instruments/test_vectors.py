"""Every vector of the reference whose instrument ships: other people's software, published tables and rules.

A row marked `unverified` or `house_rule` is not the instrument's own rule; what we do instead is checked below.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import pytest

from instruments import get
from instruments.scoring import score

Rows = list[dict[str, str]]
Vectors = Callable[[str], Rows]
NOT_ITS_RULE = ("unverified", "house_rule")


def numbered(n: int) -> dict[str, str]:
    return {f"i{k}": f"i{k}" for k in range(1, n + 1)}


def named(*names: str) -> dict[str, str]:
    return {name: name for name in names}


class Vector(NamedTuple):
    """A file's columns: item ids for the answers, scale ids for the numbers, bands for the named stretches."""

    file: str
    instrument: str
    n_rows: int
    items: Mapping[str, str]
    scores: Mapping[str, str] = {}
    bands: Mapping[str, str] = {}
    only: str | None = None


PROMIS = {name: name.removesuffix("_raw0_10") for name in (
    "g01", "g02", "g03", "g04", "g05", "g06", "g07_raw0_10", "g08r", "g09r", "g10r")}  # fmt: skip
VECTORS = [
    Vector("vectors_care_measure.csv", "care", 6, numbered(10), {"expected_total": "total"}),
    Vector(
        "vectors_cdc_hrqol4.csv", "hrqol4", 5,
        {"q1_general_1to5": "general", "q2_phys_days": "physical_days", "q3_mental_days": "mental_days",
         "q4_limited_days": "limited_days"},
        {"expected_unhealthy_days": "unhealthy_days", "expected_healthy_days": "healthy_days"},
    ),
    Vector("vectors_gad7.csv", "gad7", 9, numbered(7), {"expected_total": "total"}, {"expected_band": "total"}),
    Vector("vectors_gsrh_ons.csv", "gsrh", 5, {"code": "health"}, {"expected_good_dichotomous": "good"}, {"expected_trichotomous": "general"}),
    Vector("vectors_k6.csv", "k6", 5, numbered(6), {"expected_total_0to24": "total"}),
    Vector(
        "vectors_lsns6.csv", "lsns6", 9, named("f1", "f2", "f3", "fr1", "fr2", "fr3"),
        {"expected_total": "total", "expected_family": "family", "expected_friends": "friends"},
    ),
    Vector("vectors_ons_loneliness_direct.csv", "ons-loneliness", 5, {"code": "lonely"}, {"expected_high_loneliness": "high_loneliness", "code": "frequency"}),
    Vector("vectors_phq2_gad2_phq4.csv", "phq2", 3, numbered(2), {"expected_total": "total"}, only="PHQ-2"),
    Vector("vectors_phq2_gad2_phq4.csv", "gad2", 2, numbered(2), {"expected_total": "total"}, only="GAD-2"),
    Vector(
        "vectors_promis_global10.csv", "promis-global10", 4, PROMIS,
        {"expected_physical_raw": "physical_raw", "expected_mental_raw": "mental_raw", "expected_physical_T": "physical_t", "expected_mental_T": "mental_t"},
    ),
    Vector("vectors_swemwbs.csv", "swemwbs", 20, numbered(7), {"expected_raw": "raw", "expected_metric": "metric"}),
    Vector("vectors_ucla3.csv", "ucla3", 27, named("companionship", "left_out", "isolated"), {"expected_total": "total"}),
    Vector("vectors_who5.csv", "who5", 9, numbered(5), {"expected_raw": "raw", "expected_percent": "percent"}),
    Vector(
        "vectors_whoqol_bref.csv", "whoqol-bref", 4, named(*(f"q{n}" for n in range(1, 27))),
        {f"expected_{domain}": domain for domain in ("physical", "psychological", "social", "environment")},
    ),
]  # fmt: skip


def answers(row: Mapping[str, str], items: Mapping[str, str]) -> dict[str, int | None]:
    return {id: int(row[column]) if row[column] else None for column, id in items.items()}


@pytest.mark.parametrize("vector", VECTORS, ids=lambda each: each.instrument)
def test_every_vector_is_scored_as_expected(vectors: Vectors, vector: Vector) -> None:
    rows = [
        row
        for row in vectors(vector.file)
        if row["source_type"] not in NOT_ITS_RULE and vector.only in (None, row.get("instrument"))
    ]
    assert len(rows) == vector.n_rows
    for row in rows:
        scored = score(get(vector.instrument), answers(row, vector.items))
        for column, scale in vector.scores.items():
            assert scored[scale].value == (float(row[column]) if row[column] else None), (column, row)
            assert (scored[scale].reason is None) == bool(row[column])
        for column, scale in vector.bands.items():
            assert scored[scale].band == row[column], (column, row)


# file, instrument, items, the column of the flag, the scale whose band says it, the band that is flagged
FLAGS = [
    ("vectors_k6.csv", "k6", numbered(6), "expected_smi_13plus", "total", "serious"),
    (
        "vectors_lsns6.csv",
        "lsns6",
        named("f1", "f2", "f3", "fr1", "fr2", "fr3"),
        "expected_risk_lt12",
        "total",
        "at_risk",
    ),
    ("vectors_who5.csv", "who5", numbered(5), "expected_low_flag", "percent", "low"),
]


@pytest.mark.parametrize(("file", "id", "items", "column", "scale", "band"), FLAGS, ids=[each[1] for each in FLAGS])
def test_every_published_cut_off_is_a_band(
    vectors: Vectors, file: str, id: str, items: Mapping[str, str], column: str, scale: str, band: str
) -> None:
    rows = [row for row in vectors(file) if row["source_type"] not in NOT_ITS_RULE and row[column]]
    assert {row[column] for row in rows} == {"0", "1"}
    for row in rows:
        assert (score(get(id), answers(row, items))[scale].band == band) == (row[column] == "1"), row


@pytest.mark.parametrize(("file", "id", "n"), [("vectors_gad7.csv", "gad7", 7), ("vectors_swemwbs.csv", "swemwbs", 7)])
def test_a_rule_that_could_not_be_verified_is_not_ours(vectors: Vectors, file: str, id: str, n: int) -> None:
    rows = [row for row in vectors(file) if row["source_type"] in NOT_ITS_RULE]
    assert rows
    for row in rows:
        scored = score(get(id), answers(row, numbered(n)))
        assert {each.reason for each in scored.values()} == {"too-few-answers"}


def test_every_table_is_the_published_one(vectors: Vectors) -> None:
    swemwbs = {row["raw_sum"]: float(row["metric"]) for row in vectors("table_swemwbs_raw_to_metric.csv")}
    assert dict(get("swemwbs").scale("metric").table) == swemwbs
    rows = vectors("table_promis_global10_t_scores.csv")
    for scale in ("physical", "mental"):
        published = {row["raw"]: float(row[f"{scale}_T"]) for row in rows}
        assert dict(get("promis-global10").scale(f"{scale}_t").table) == published
    pain = {row["pain_0_10"]: int(row["recoded_1_5"]) for row in vectors("table_promis_global07_recode.csv")}
    (recode,) = get("promis-global10").scale("physical_t").recode
    assert dict(recode.codes) == pain


def test_the_verified_codes_are_ours(vectors: Vectors) -> None:
    rows = {(row["instrument"], row["meaning"]): row for row in vectors("loinc_codes.csv")}
    for id in ("phq9", "gad7"):
        (row,) = [each for (which, meaning), each in rows.items() if which == id and meaning.startswith("items 1-")]
        assert [item.loinc for item in get(id).items] == row["code"].split("|")
    assert get("phq9").loinc == rows["phq9", "PHQ-9 panel"]["code"]
