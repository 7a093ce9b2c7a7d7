"""Flat tables to tidy estimates, and these beside what an R script printed of the same tables."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from analysis.__main__ import main

Row = dict[str, Any]
EXACT, AT_SEARCH = 1e-7, 2e-5
"""How far numbers may be from R's, as a part of R's: those in closed form or by Newton's method, and those of optimisers."""
NUMBERS = ("estimate", "std_error", "df")


def compared(folder: Path) -> Path:
    """Convert, check and compare; where the report is."""
    bundle, plan, out = folder / "bundle", folder / "plan.toml", folder / "out"
    assert main(["convert", str(folder / "mapping.toml"), str(bundle)]) == 0
    assert main(["check", str(bundle), str(plan)]) == 0
    assert main(["compare", "--quiet", str(bundle), str(plan), str(out)]) == 0
    return out


def estimates(out: Path, *names: str) -> list[Row]:
    """A report's tidy rows: of the files named, or every planned estimate and every one beside it."""
    files = (out / f"{name}.json" for name in names or ("estimates", "sensitivity"))
    return [row for file in files for row in json.loads(file.read_text(encoding="utf-8"))]


def of_study(stored: list[Row], study: str) -> list[Row]:
    """The rows of R that are about a study; there must be some."""
    rows = [row for row in stored if row["study"] == study]
    assert rows, study
    return rows


def unlike(found: list[Row], stored: list[Row]) -> list[str]:
    """Where R's numbers are not found, or are others; nothing where all agree."""
    return [fault for row in stored for fault in _faults(found, row)]


def _faults(found: list[Row], row: Row) -> Iterator[str]:
    about = ("outcome", "scale", "term")
    same = [each for each in found if all(each[name] == row[name] for name in about)]
    own = [each for each in same if each["method"].startswith(row["method"])]
    named = " | ".join(row[name] for name in ("study", "outcome", "method", "scale", "term"))
    if not own:
        yield f"{named}: not estimated"
        return
    near = AT_SEARCH if "random" in row["method"] or "GEE" in row["method"] or "frailty" in row["method"] else EXACT
    for name in NUMBERS:
        if row[name] is not None and not _close(own[0][name], row[name], 100 * near if name == "df" else near):
            yield f"{named}: {name} is {own[0][name]}, R has {row[name]}"


def _close(found: float | None, expected: float, near: float) -> bool:
    return found is not None and math.isclose(found, expected, rel_tol=near, abs_tol=near * 1e-2)
