"""Data in which something cannot be said: it is named with the fault and the remedy, and the rest still comes out."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.analysis import study

from .conftest import Ran

Run = Callable[..., Ran]
EVERY_METHOD = study.PLAN.replace(
    "primary = true",
    'primary = true\nbeside = ["mmrm", "mixed-model", "overlap-weights", "entropy-balance", "matching", "permutation"]',
)
NOBODY = "the intervention arm has nobody with baseline, outcome and covariates"
OTHERS = ("phq9-6m", "gp")


@pytest.fixture
def compared(run: Run, tmp_path: Path) -> Callable[[study.Rows], Ran]:
    """Runs `analysis compare` with many methods on changed rows."""

    def ran(rows: study.Rows) -> Ran:
        bundle = study.write(tmp_path / "bundle", rows, EVERY_METHOD)
        return run("compare", bundle, bundle / "plan.toml", tmp_path / "out")

    return ran


def outcomes(folder: Path) -> list[str]:
    with (folder / "out" / "estimates.csv").open(encoding="utf-8", newline="") as file:
        return list(dict.fromkeys(row["outcome"] for row in csv.DictReader(file)))


def first_arm(rows: study.Rows) -> set[str]:
    return {line["person"] for line in rows["people"] if study.SITES[line["site"]] == "link-worker"}


def without_scores(rows: study.Rows, gone: Callable[[dict[str, Any]], bool]) -> study.Rows:
    for table in ("scores", "assessments"):
        rows[table] = [line for line in rows[table] if not gone(line)]
    return rows


def not_estimated(ran: Ran) -> list[str]:
    return [line for line in ran.err.splitlines() if not line.endswith("...")]


def test_an_outcome_without_any_baseline_is_named_and_the_others_stand(
    compared: Callable[[study.Rows], Ran], tmp_path: Path
) -> None:
    rows = without_scores(
        study.tables(), lambda line: line["instrument"] == "eq5d-5l" and line["timepoint"] == "baseline"
    )
    ran = compared(rows)
    why = "'baseline' is missing for everybody there; record it, or write baseline = false in the outcome"
    assert (ran.code, not_estimated(ran)) == (0, [f"Not estimated: plan.outcomes.eq5d-6m: {NOBODY}: {why}"])
    assert outcomes(tmp_path) == [*OTHERS]


def test_an_outcome_that_one_arm_lacks_is_named_and_the_others_stand(
    compared: Callable[[study.Rows], Ran], tmp_path: Path
) -> None:
    rows = study.tables()
    offered = first_arm(rows)
    ran = compared(
        without_scores(
            rows,
            lambda line: (line["instrument"], line["timepoint"]) == ("eq5d-5l", "6m") and line["person"] in offered,
        )
    )
    why = "'score' is missing for everybody there; record it, or plan without it"
    assert (ran.code, not_estimated(ran)) == (0, [f"Not estimated: plan.outcomes.eq5d-6m: {NOBODY}: {why}"])
    assert outcomes(tmp_path) == [*OTHERS]


def test_a_covariate_that_nobody_has_is_named_and_nothing_is_written(
    compared: Callable[[study.Rows], Ran], tmp_path: Path
) -> None:
    rows = study.tables()
    for line in rows["people"]:
        line["sex"] = None
    ran = compared(rows)
    why = "'sex' is missing for everybody there; record it, or plan without it"
    assert (ran.code, ran.out) == (2, "")
    assert not_estimated(ran) == [f"plan.outcomes.{id}: {NOBODY}: {why}" for id in ("eq5d-6m", *OTHERS)]
    assert not (tmp_path / "out").exists()


def test_an_arm_in_which_nobody_is_is_named(run: Run, tmp_path: Path) -> None:
    """Its sites had nobody who entered."""
    rows = study.tables()
    gone = first_arm(rows)
    for table, content in rows.items():
        if table not in ("arms", "sites", "allocations", "posts", "resources"):
            rows[table] = [line for line in content if line.get("person") not in gone]
    rows["assignments"] = []
    bundle = study.write(tmp_path / "bundle", rows)
    ran = run("compare", bundle, bundle / "plan.toml", tmp_path / "out")
    why = "nobody of the study is in it; check who was allocated, and the enrolment dates"
    assert ran.code == 2
    assert not_estimated(ran) == [f"plan.outcomes.{id}: {NOBODY}: {why}" for id in ("eq5d-6m", *OTHERS)]


def test_scores_that_are_all_the_same_at_one_timepoint_stop_no_other_outcome(
    compared: Callable[[study.Rows], Ran], tmp_path: Path
) -> None:
    rows = study.tables()
    for line in rows["scores"]:
        if (line["instrument"], line["timepoint"]) == ("eq5d-5l", "6m"):
            line["score"] = 0.5
    ran = compared(rows)
    assert ran.code == 0
    assert outcomes(tmp_path) == ["eq5d-6m", *OTHERS]
    table = (tmp_path / "out" / "tables" / "beside-eq5d-6m.csv").read_text(encoding="utf-8")
    assert "Not estimated: at one timepoint everybody has the same score; leave it out" in table


def test_a_handful_of_people_is_refused_in_words_that_count_nobody(run: Run, tmp_path: Path) -> None:
    rows = study.tables()
    kept = {"s1-0", "s1-1", "s2-0", "s5-0", "s5-1"}
    for table, content in rows.items():
        if table not in ("arms", "sites", "allocations", "posts", "resources", "assignments"):
            rows[table] = [line for line in content if line.get("person") in kept]
    rows["assignments"] = [line for line in rows["assignments"] if line["referral"].removeprefix("ref-") in kept]
    for place, line in enumerate(rows["people"]):
        line["sex"] = ("female", "male")[place % 2]
    bundle = study.write(tmp_path / "bundle", rows)
    ran = run("compare", bundle, bundle / "plan.toml", tmp_path / "out")
    assert ran.code == 2
    assert "plan.outcomes.gp: too few people with everything that is needed for " in ran.err
    assert not any(f" {count} " in line for line in not_estimated(ran) for count in (2, 3))
