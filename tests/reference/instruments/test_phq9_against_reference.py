"""PHQ-9 totals and bands, against Kroenke 2001 (doi:10.1046/j.1525-1497.2001.016009606.x) and the awell-score tests."""

from __future__ import annotations

from collections.abc import Callable

from instruments import get
from instruments.scoring import score

Rows = list[dict[str, str]]
Vectors = Callable[[str], Rows]

ITEMS = [f"i{n}" for n in range(1, 10)]


def answers(row: dict[str, str]) -> dict[str, int | None]:
    return {id: int(row[id]) if row[id] else None for id in ITEMS}


def test_every_published_total_band_and_safety_flag_is_ours(vectors: Vectors) -> None:
    rows = [row for row in vectors("vectors_phq9.csv") if row["source_type"] != "unverified"]
    assert len(rows) == 11
    phq9 = get("phq9")
    ours = []
    for row in rows:
        total = score(phq9, answers(row))["total"]
        ours.append((total.value, total.band, len(phq9.alerts_for(answers(row)))))
    assert ours == [
        (float(row["expected_total"]), row["expected_band"], int(row["expected_item9_flag"])) for row in rows
    ]


def test_the_rule_that_could_not_be_verified_is_not_ours(vectors: Vectors) -> None:
    rows = [row for row in vectors("vectors_phq9.csv") if row["source_type"] == "unverified"]
    assert len(rows) == 2
    for row in rows:
        total = score(get("phq9"), answers(row))["total"]
        assert (total.value, total.reason) == (None, "too-few-answers")
