"""docs/methods.md has every method, and says what the methods give."""

from __future__ import annotations

import re
import runpy
import shutil
from pathlib import Path
from typing import Any

import pytest

from instruments.plan_methods import METHODS, SERIES
from tests.server import ROOT

EXAMPLES, PAGE = ROOT / "docs" / "examples", ROOT / "docs" / "methods.md"
NUMBER = re.compile(r"\N{MINUS SIGN}?\d+(?:\.\d+)?")
EVERY = [*(method for methods in METHODS.values() for method in methods), *SERIES]
"""In the order of the plan's own list."""


def numbers(text: str) -> list[float]:
    return [float(each.replace("\N{MINUS SIGN}", "-")) for each in NUMBER.findall(text)]


@pytest.fixture(scope="module")
def made() -> str:
    """The page as it would be written today."""
    wrote: dict[str, Any] = runpy.run_path(str(EXAMPLES / "methods.py"))
    return str(wrote["page"]())


def test_the_page_says_what_the_methods_give(made: str) -> None:
    """Words exactly; numbers to the last digit shown, which another machine may round the other way."""
    kept = PAGE.read_text(encoding="utf-8")
    assert NUMBER.sub("0", made).split() == NUMBER.sub("0", kept).split()
    assert numbers(made) == pytest.approx(numbers(kept), rel=2e-3, abs=0.0101)


def sections() -> dict[str, str]:
    parts = re.split(r"^### `(.+)`$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_every_method_is_worked_through_once() -> None:
    assert sorted(sections()) == sorted(EVERY)


@pytest.mark.parametrize("method", EVERY)
def test_each_is_asked_for_read_and_has_a_number_with_its_interval(method: str) -> None:
    words = sections()[method]
    assert f'"{method}"' in words
    assert len(words.strip().split("\n\n")[0].split()) > 10, "it says how to read the number"
    assert re.search(r"^\| [a-z -]+ \| .*\d.* \|", words, re.MULTILINE)
    assert ("(" in words.rpartition("|---|")[2]) is (method != "permutation")


def test_the_tables_are_those_that_the_script_makes(tmp_path: Path) -> None:
    shutil.copy(EXAMPLES / "make_study.py", tmp_path)
    runpy.run_path(str(tmp_path / "make_study.py"), run_name="__main__")
    made = sorted(path.name for path in tmp_path.glob("*.csv"))
    assert made == sorted(path.name for path in EXAMPLES.glob("*.csv"))
    for name in made:
        assert (tmp_path / name).read_bytes() == (EXAMPLES / name).read_bytes(), name


def test_what_is_built_in_lies_within_the_intervals_of_the_usual_methods() -> None:
    """One draw of a study with known truth: a page whose examples missed it would teach the wrong thing."""
    truth = {"ancova": -2.0, "poisson-rate": 0.85, "cox": 0.7, "interrupted-series": 0.9, "callaway-santanna": 0.9}
    for method, true in truth.items():
        first = next(line for line in sections()[method].splitlines() if re.match(r"\| [a-z]", line) and "(" in line)
        _, low, high = numbers(first.split("|")[2])
        assert low <= true <= high, method
