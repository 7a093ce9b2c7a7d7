"""ONS4 thresholds, against the groupings that the Office for National Statistics publishes."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from instruments import get
from instruments.scoring import score

Rows = list[dict[str, str]]
Vectors = Callable[[str], Rows]


@pytest.mark.parametrize(
    ("question", "column"),
    [
        ("satisfied", "expected_band_satisfied_worthwhile_happy"),
        ("worthwhile", "expected_band_satisfied_worthwhile_happy"),
        ("happy", "expected_band_satisfied_worthwhile_happy"),
        ("anxious", "expected_band_anxious"),
    ],
)
def test_every_answer_falls_in_the_published_group(vectors: Vectors, question: str, column: str) -> None:
    rows = vectors("vectors_ons4.csv")
    assert [int(row["score"]) for row in rows] == list(range(11))
    for row in rows:
        scored = score(get("ons4"), {question: int(row["score"])})[question]
        assert (scored.value, scored.band) == (float(row["score"]), row[column])
