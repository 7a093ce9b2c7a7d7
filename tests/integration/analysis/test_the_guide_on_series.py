"""What docs/analysis.md shows of series of sites is true: its plans and mappings run as they stand."""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from instruments import plan
from instruments.plan_methods import SERIES
from tests.unit.analysis import study

from .conftest import Ran

PEOPLE = """plan = "plan.toml"

[people]
file = "people.csv"
person = "id"
site = "practice"
arm = { column = "group", codes = { "1" = "link-worker", "0" = "usual-care" } }
entered_on = "start"
age = "age"
sex = { column = "sex", codes = { "F" = "female", "M" = "male" } }

[[scores]]
instrument = "eq5d-5l"
scale = "value"
columns = { baseline = "value_before", 6m = "value_after" }
"""
SCORE = study.PLAN[: study.PLAN.index('[[outcomes]]\nid = "phq9-6m"')].replace('value_set = "uk-2026-rowen"\n', "")
OFFERED = {0: "2023-09-01", 1: "2023-09-01", 2: "2024-03", 3: "2024-09-01"}
"""From when each practice has a link worker; the others never have one."""


@pytest.fixture(scope="module")
def guide(root: Path) -> str:
    return (root / "docs" / "analysis.md").read_text(encoding="utf-8")


def shown(guide: str, name: str) -> str:
    """The one block of the guide with this name."""
    (block,) = re.findall(rf"```toml {name}\n(.*?)```", guide, flags=re.DOTALL)
    return str(block)


def lay_out(folder: Path, guide: str, which: str) -> Path:
    """A table of people, one of months, and the guide's plan and mapping on top of ordinary ones."""
    (folder / "plan.toml").write_text(SCORE + shown(guide, f"{which}-plan"), encoding="utf-8")
    (folder / "mapping.toml").write_text(PEOPLE + shown(guide, f"{which}-mapping"), encoding="utf-8")
    _people(folder / "people.csv")
    starts = (
        {place: date(2024, 3, 1) for place in range(4)}
        if which == "series"
        else {place: date.fromisoformat(f"{day}-01"[:10]) for place, day in OFFERED.items()}
    )
    _months(folder / "months.csv", starts)
    return folder


def _people(path: Path) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        lines = csv.writer(file)
        lines.writerow(["id", "practice", "group", "start", "age", "sex", "value_before", "value_after", "offered"])
        for number in range(96):
            place = number % 8
            facts = [30 + number % 41, "FM"[number % 3 == 0], 0.5 + number % 7 / 20, 0.6 + number * 5 % 9 / 30]
            lines.writerow([number, place, int(place < 4), "2024-03-01", *facts, OFFERED.get(place, "")])


def _months(path: Path, starts: dict[int, date]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        lines = csv.writer(file)
        lines.writerow(["practice", "month", "attendances", "list"])
        for place in range(8):
            for number in range(36):
                year, month = divmod(2022 * 12 + 2 + number, 12)
                here = date(year, month + 1, 1)
                rate = 400 * (1 + place / 10) * (1 + 0.1 * math.cos(number / 12 * 2 * math.pi))
                offered = 0.8 if place in starts and here >= starts[place] else 1
                seen = round(rate * offered) + (number * 7 + place * 3) % 11 - 5
                lines.writerow([place, f"{here:%Y-%m}", seen, 1200 + 100 * place])


@pytest.mark.parametrize("which", ["series", "roll-out"])
def test_the_plans_shown_are_plans_that_name_what_the_guide_says(guide: str, which: str) -> None:
    outcome = plan.parse(SCORE + shown(guide, f"{which}-plan")).outcomes[-1]
    expected = {
        "series": ("interrupted-series", ("event-study",), 11, 3),
        "roll-out": ("callaway-santanna", ("sun-abraham",), None, 6),
    }
    assert (outcome.estimator, outcome.beside, outcome.horizon, outcome.period) == expected[which]


def test_every_method_for_series_is_in_the_guide(guide: str) -> None:
    assert set(SERIES) <= set(re.findall(r"`([a-z-]+)`", guide))


@pytest.mark.parametrize(
    ("which", "said", "figures"),
    [
        ("series", " 11 months after the start were 0.8", {"since-gp-series-event-study"}),
        (
            "roll-out",
            " from their start on were 0.8",
            {"since-gp-roll-out-callaway-santanna", "since-gp-roll-out-sun-abraham"},
        ),
    ],
)
def test_the_mappings_shown_make_bundles_that_the_plans_shown_compare(
    guide: str, which: str, said: str, figures: set[str], tmp_path: Path, run: Callable[..., Ran]
) -> None:
    """The practices with a link worker have a fifth fewer attendances from their start on."""
    desk = lay_out(tmp_path, guide, which)
    assert run("convert", desk / "mapping.toml", desk / "bundle").code == 0
    assert run("check", desk / "bundle", desk / "plan.toml").code == 0
    assert run("compare", desk / "bundle", desk / "plan.toml", desk / "out").code == 0
    page = (desk / "out" / "report.html").read_text(encoding="utf-8")
    assert said in page
    assert figures <= {path.stem for path in (desk / "out" / "figures").iterdir()}
    rows = json.loads((desk / "out" / "estimates.json").read_text(encoding="utf-8"))
    (ratio,) = [row["estimate"] for row in rows if row["scale"] == "rate ratio"]
    assert ratio == pytest.approx(0.8, abs=0.02)


def test_the_guide_s_placebo_and_test_before_the_start_stand_in_the_report(
    guide: str, tmp_path: Path, run: Callable[..., Ran]
) -> None:
    desk = lay_out(tmp_path, guide, "series")
    run("convert", desk / "mapping.toml", desk / "bundle")
    run("compare", desk / "bundle", desk / "plan.toml", desk / "out")
    page = (desk / "out" / "report.html").read_text(encoding="utf-8")
    assert page.count("Nothing had been offered then, so the rate ratio should be 1.") == 2
    assert "before the start" in page
    assert (desk / "out" / "tables" / "placebo-gp-series.csv").is_file()
