"""Imputation from the command to the files: what is written, what is said, and that a seed decides it."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.analysis.conftest import Ran
from tests.unit.analysis import study

Run = Callable[..., Ran]
BESIDE = study.PLAN.replace("primary = true", 'primary = true\nbeside = ["imputation"]')
PLANNED = study.PLAN.replace("primary = true", 'primary = true\nestimator = "imputation"')


def lines(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def made(run: Run, folder: Path, plan: str, rows: study.Rows | None = None) -> tuple[Ran, Path]:
    bundle = study.write(folder / "bundle", rows, plan)
    return run("compare", bundle, bundle / "plan.toml", folder / "out"), folder / "out"


def test_beside_the_planned_answer_it_is_in_the_sensitivity_file_with_everybody(run: Run, tmp_path: Path) -> None:
    ran, out = made(run, tmp_path, BESIDE)
    assert ran.code == 0
    rows = [row for row in lines(out / "sensitivity.csv") if row["method"].startswith("ANCOVA, multiple imputation")]
    assert rows[0]["n"] == "160"
    assert {row["outcome"] for row in rows} == {"eq5d-6m"}
    assert [row["term"] for row in rows] == ["arm", "(Intercept)", "baseline", "age", "sex=female"] or len(rows) == 5


def test_as_the_planned_method_it_is_the_headline_and_ancova_stands_beside_it(run: Run, tmp_path: Path) -> None:
    ran, out = made(run, tmp_path, PLANNED)
    assert ran.out.startswith("EQ-5D value at 6 months was ")
    (main, *_) = json.loads((out / "estimates.json").read_text(encoding="utf-8"))
    assert main["method"] == "ANCOVA, multiple imputation (20), CR2 by site"
    assert main["n"] == 160
    beside = {row["method"] for row in lines(out / "sensitivity.csv") if row["outcome"] == "eq5d-6m"}
    assert "ANCOVA, CR2 by site" in beside


def test_the_row_without_a_shift_is_the_planned_estimate(run: Run, tmp_path: Path) -> None:
    _, out = made(run, tmp_path, PLANNED)
    (main, *_) = json.loads((out / "estimates.json").read_text(encoding="utf-8"))
    table = lines(out / "tables" / "tipping-eq5d-6m.csv")
    shown = {row["statistic"]: float(row["value"]) for row in table if row["row"] == "As imputed"}
    for name in ("estimate", "conf_low", "conf_high"):
        assert shown[name] == pytest.approx(main[name])


def test_another_seed_of_the_plan_draws_other_values(run: Run, tmp_path: Path) -> None:
    found = []
    for place, seed in enumerate((1, 2, 1)):
        (tmp_path / str(place)).mkdir()
        _, out = made(run, tmp_path / str(place), f"{PLANNED}\n[analysis]\nseed = {seed}\n")
        found.append(json.loads((out / "estimates.json").read_text(encoding="utf-8"))[0]["estimate"])
    assert found[0] == found[2]
    assert found[0] != found[1]


def test_an_arm_that_cannot_be_imputed_says_why_and_stops_nothing_else(run: Run, tmp_path: Path) -> None:
    rows = study.tables()
    kept = {f"s5-{place}" for place in range(6)}
    for table in ("scores", "assessments"):
        rows[table] = [
            line
            for line in rows[table]
            if line["instrument"] != "eq5d-5l" or line["timepoint"] == "baseline" or line["person"][1] in "1234"
            or line["person"] in kept
        ]  # fmt: skip
    ran, out = made(run, tmp_path, PLANNED, rows)
    assert ran.code == 0
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "could not be estimated" in ran.out or "too few people were analysed" in ran.out
    assert {"phq9-6m", "gp"} <= {row["outcome"] for row in lines(out / "estimates.csv")}
    assert '<section id="missing">' in page


def test_a_kind_of_outcome_that_it_is_not_for_refuses_it(run: Run, tmp_path: Path) -> None:
    bundle = study.write(tmp_path / "bundle")
    plan = tmp_path / "plan.toml"
    plan.write_text(study.PLAN.replace('setting = "gp"', 'setting = "gp"\nbeside = ["imputation"]'), encoding="utf-8")
    ran = run("compare", bundle, plan, tmp_path / "out")
    assert ran.code == 2
    assert "outcomes[2].beside: unexpected value 'imputation'; allowed: poisson-rate, poisson-change" in ran.err
    assert not (tmp_path / "out").exists()


def test_the_plan_says_how_often_values_are_drawn(run: Run, tmp_path: Path) -> None:
    """With fewer draws the answer is another one, and less certain of its own noise."""
    answers = []
    for number in (20, 3):
        _, out = made(run, tmp_path / str(number), f"{PLANNED}\n[analysis]\nimputations = {number}\n")
        answers.append((out / "estimates.csv").read_text(encoding="utf-8"))
    _, usual = made(run, tmp_path / "usual", PLANNED)
    assert answers[0] == (usual / "estimates.csv").read_text(encoding="utf-8")
    assert answers[0] != answers[1]


def test_the_page_says_what_is_assumed_and_where_seeds_come_from(run: Run, tmp_path: Path) -> None:
    _, out = made(run, tmp_path, study.PLAN)
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "With everybody alive, missing scores imputed from what is known of people, the difference is" in page
    assert "random numbers are drawn from it for: imputations" in page
    assert (out / "figures" / "tipping-eq5d-6m.svg").is_file()
    for name in ("follow-up", "patterns", "lost-and-kept", "imputed-eq5d-6m", "tipping-eq5d-6m"):
        assert (out / "tables" / f"{name}.csv").is_file()
