"""Expected scores from published tables and from other people's software."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Rows = list[dict[str, str]]
Vectors = Callable[[str], Rows]


@pytest.fixture(scope="session")
def vectors(reference: Path) -> Vectors:
    """The rows of one CSV file of the reference; a file that is absent or empty fails the test."""

    def read(name: str) -> Rows:
        path = reference / "instruments" / name
        if not path.is_file():
            pytest.fail(f"reference data: no file {path}; put it there or name its folder in KIT_REFERENCE")
        with path.open(encoding="utf-8", newline="") as lines:
            rows = list(csv.DictReader(lines))
        assert rows, f"{name} has no rows"
        return rows

    return read


@pytest.fixture(scope="session")
def wording(reference: Path) -> dict[str, Any]:
    """The wording whose holders let it be printed."""
    return json.loads((reference / "instruments" / "wording_open.json").read_text(encoding="utf-8"))
