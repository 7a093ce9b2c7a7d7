"""`analysis describe`: what a study holds, for who must not know yet how the arms compare."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from analysis import describe
from analysis.load import read
from analysis.result import AnalysisError
from tests.integration.analysis.conftest import Ran
from tests.unit.analysis import study

Run = Callable[..., Ran]


@pytest.fixture
def described(run: Run, bundle: Path, tmp_path: Path) -> Path:
    done = run("describe", bundle, bundle / "plan.toml", tmp_path / "out")
    assert done.code == 0, done.err
    assert done.out.splitlines()[0] == "The study has 160 people of 8 sites and 3 planned outcomes."
    return tmp_path / "out"


def lines(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def page_of(folder: Path) -> str:
    return (folder / "report.html").read_text(encoding="utf-8")


def test_it_is_the_report_without_a_comparison(described: Path) -> None:
    page = page_of(described)
    sections = re.findall(r'<section id="([^"]+)"', page)
    assert sections == ["design", "people", "delivery", "outcomes", "deviations", "made"]
    assert {path.name for path in described.iterdir()} == {"report.html", "provenance.json", "tables"}
    assert "<svg" not in page
    for word in ("interval", "ANCOVA", "Degrees of freedom", "higher in", "times those in"):
        assert word not in page, word


def test_no_mean_after_entry_is_of_one_arm(described: Path) -> None:
    """Whatever is by arm is about people, losses and delivery, or from before the offer."""
    by_arm = {
        path.stem
        for path in (described / "tables").iterdir()
        if {"Link worker", "Usual care"} & {row["column"] for row in lines(path)}
    }
    assert by_arm == {"baseline", "design", "flow", "contacts", "waiting"}
    scores = [row for row in lines(described / "tables" / "baseline.csv") if "at baseline" not in row["row"]]
    assert not [row for row in scores if re.search(r"month|EQ-5D|PHQ", row["row"])]


def test_scores_are_those_of_everybody(described: Path, bundle: Path) -> None:
    rows = lines(bundle / "scores.csv")
    found = [float(row["score"]) for row in rows if row["instrument"] == "phq9" and row["timepoint"] == "6m"]
    shown = {
        row["statistic"]: float(row["value"])
        for row in lines(described / "tables" / "together-phq9-total.csv")
        if row["row"] == "6 months"
    }
    assert shown["count"] == len(found)
    assert shown["mean"] == pytest.approx(np.mean(found))
    assert shown["sd"] == pytest.approx(np.std(found, ddof=1))


def test_service_use_is_that_of_everybody(described: Path) -> None:
    rows = lines(described / "tables" / "use.csv")
    assert {row["row"] for row in rows} == {"GP attendances, before entry", "GP attendances, from entry on"}
    assert {row["value"] for row in rows if row["statistic"] == "count"} == {"160"}


def test_the_arms_trading_places_in_their_outcomes_changes_nothing_that_is_shown(tmp_path: Path) -> None:
    """Follow-up scores swapped between the arms, person by person: whoever reads this cannot tell."""
    rows = study.tables()
    swapped = study.tables()
    partner = {
        f"s{number}-{place}": f"s{(number + 3) % 8 + 1}-{place}" for number in range(1, 9) for place in range(20)
    }
    later = {(line["person"], line["instrument"], line["timepoint"]): line["score"] for line in rows["scores"]}
    for line in swapped["scores"]:
        other = (partner[line["person"]], line["instrument"], line["timepoint"])
        if line["timepoint"] != "baseline" and other in later and (line["person"], *other[1:]) in later:
            line["score"] = later[other]
    seen = []
    for name, content in (("one", rows), ("other", swapped)):
        folder = tmp_path / name
        describe(read(study.write(folder / "bundle", content)), folder / "out")
        seen.append({path.name: path.read_text(encoding="utf-8") for path in (folder / "out" / "tables").iterdir()})
    assert seen[0].keys() == seen[1].keys()
    kept = [name for name in seen[0] if not name.startswith("together")]
    assert all(seen[0][name] == seen[1][name] for name in kept)


def test_small_numbers_stay_behind(tmp_path: Path) -> None:
    rows = study.tables()
    few = {f"s1-{place}.phq9.3m" for place in range(20)} | {f"s{n}-{p}.phq9.3m" for n in range(2, 9) for p in range(19)}
    for table in ("assessments", "scores"):
        rows[table] = [line for line in rows[table] if line["assessment"] not in few]
    describe(read(study.write(tmp_path / "bundle", rows)), tmp_path / "out")
    shown = [
        row["value"]
        for row in lines(tmp_path / "out" / "tables" / "together-phq9-total.csv")
        if row["row"] == "3 months"
    ]
    assert shown[0] == "<10"
    assert set(shown[2:]) == {"n<10"}


def test_a_folder_with_something_else_in_it_is_left_alone(run: Run, bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("Dear all", encoding="utf-8")
    done = run("describe", bundle, bundle / "plan.toml", tmp_path / "mine")
    assert (done.code, done.err.splitlines()[-1]) == (2, "mine: holds something else already; name a new folder")
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["letter.txt"]
    with pytest.raises(AnalysisError):
        describe(read(bundle), tmp_path / "mine")


def test_it_is_the_same_for_the_same_input(bundle: Path, tmp_path: Path) -> None:
    for name in ("one", "other"):
        describe(read(bundle), tmp_path / name)
    assert page_of(tmp_path / "one") == page_of(tmp_path / "other")


def test_the_command_says_what_it_was_asked(described: Path) -> None:
    assert "analysis describe bundle plan.toml out" in page_of(described)


def test_a_study_without_service_use_or_contacts_is_described_all_the_same(tmp_path: Path) -> None:
    rows = study.tables()
    for table in ("service_use", "contacts", "signposts", "assignments", "referrals"):
        rows[table] = []
    plan = study.PLAN[: study.PLAN.index('[[outcomes]]\nid = "gp"')]
    describe(read(study.write(tmp_path / "bundle", rows, plan)), tmp_path / "out")
    page = page_of(tmp_path / "out")
    assert "Nothing about contacts or signposts." in page
    assert not (tmp_path / "out" / "tables" / "use.csv").exists()
