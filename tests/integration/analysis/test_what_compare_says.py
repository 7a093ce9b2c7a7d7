"""What the commands say where an outcome, a method or everything cannot be had, and what the record says of chance."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from analysis.__main__ import SHOWN_FAULTS, main
from analysis.report import _use_of_seed, random_steps
from instruments.plan import parse
from tests.unit.analysis import study

from .conftest import Ran

Run = Callable[..., Ran]


@pytest.fixture
def compared(run: Run, tmp_path: Path) -> Callable[..., Ran]:
    """Runs `analysis compare` on changed rows or another plan."""

    def ran(rows: study.Rows | None = None, plan: str = study.PLAN) -> Ran:
        bundle = study.write(tmp_path / "bundle", rows, plan)
        return run("compare", bundle, bundle / "plan.toml", tmp_path / "out")

    return ran


def nobody_came(rows: study.Rows) -> None:
    for line in rows["service_use"]:
        line["count"] = 0 if (line["until_on"] - line["from_on"]).days == 182 else line["count"]


def test_an_outcome_that_cannot_be_estimated_is_told_after_the_progress_and_the_rest_is_done(
    compared: Callable[..., Ran], tmp_path: Path
) -> None:
    rows = study.tables()
    nobody_came(rows)
    ran = compared(rows)
    assert ran.code == 0
    *progress, told = ran.err.splitlines()
    assert progress == ["Reading bundle ...", "Comparing 160 people ...", "Writing out ..."]
    assert told.startswith("Not estimated: plan.outcomes.gp: nobody in the intervention arm had an event")
    assert ran.out.startswith("EQ-5D value at 6 months was ")
    files = {
        name: (tmp_path / "out" / name).read_text(encoding="utf-8") for name in ("estimates.csv", "sensitivity.csv")
    }
    assert all("\ngp," not in text and "\nphq9-6m," in text for text in files.values())
    assert not (tmp_path / "out" / "tables" / "beside-gp.csv").exists()


def test_where_nothing_can_be_estimated_nothing_is_written_and_every_reason_is_told(
    compared: Callable[..., Ran], tmp_path: Path
) -> None:
    rows = study.tables()
    nobody_came(rows)
    for line in rows["scores"]:
        line["score"] = 0.5
    ran = compared(rows)
    assert (ran.code, ran.out) == (2, "")
    assert [line.split(":")[0] for line in ran.err.splitlines()[2:]] == [
        "plan.outcomes.eq5d-6m", "plan.outcomes.phq9-6m", "plan.outcomes.gp",
    ]  # fmt: skip
    assert not (tmp_path / "out").exists()


def test_a_method_beside_that_fails_is_in_the_report_and_no_fault_of_the_command(
    compared: Callable[..., Ran], tmp_path: Path
) -> None:
    ran = compared(plan=study.PLAN.replace("primary = true", 'primary = true\nbeside = ["clda"]'))
    assert ran.code == 0
    assert "Not estimated" not in ran.err
    table = (tmp_path / "out" / "tables" / "beside-eq5d-6m.csv").read_text(encoding="utf-8")
    assert "Not estimated: nobody drew lots, so the arms need not start alike; use 'mmrm'" in table
    sensitivity = json.loads((tmp_path / "out" / "sensitivity.json").read_text(encoding="utf-8"))
    assert {row["method"].split(",")[0] for row in sensitivity if row["outcome"] == "eq5d-6m"} == {
        "Difference-in-differences with person and period effects"
    }


def test_both_forms_of_the_other_methods_answers_agree(compared: Callable[..., Ran], tmp_path: Path) -> None:
    import csv

    compared()
    rows = json.loads((tmp_path / "out" / "sensitivity.json").read_text(encoding="utf-8"))
    with (tmp_path / "out" / "sensitivity.csv").open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    assert [list(line) for line in lines] == [list(row) for row in rows]
    for line, row in zip(lines, rows, strict=True):
        assert (line["outcome"], line["term"], line["method"]) == (row["outcome"], row["term"], row["method"])
        for name in ("estimate", "std_error", "p_value"):
            assert float(line[name] or "nan") == pytest.approx(
                float("nan") if row[name] is None else row[name], nan_ok=True
            )


@pytest.mark.parametrize(
    ("many", "said"), [(SHOWN_FAULTS, None), (SHOWN_FAULTS + 1, "... and 1 more"), (60, "... and 40 more")]
)
def test_of_many_faults_the_first_are_told_and_the_others_counted(
    many: int, said: str | None, run: Run, bundle: Path, tmp_path: Path
) -> None:
    plan = tmp_path / "other.toml"
    plan.write_text(study.PLAN + "\n[capture]\n" + "".join(f"wish{n} = {n}\n" for n in range(many)), encoding="utf-8")
    ran = run("check", bundle, plan)
    lines = ran.err.splitlines()
    assert (ran.code, ran.out) == (2, "")
    assert lines[:SHOWN_FAULTS] == [
        f"plan.capture.wish{n}: is not known here; allowed: instruments" for n in range(SHOWN_FAULTS)
    ]
    assert lines[SHOWN_FAULTS:] == ([] if said is None else [said])


@pytest.mark.parametrize(
    ("command", "arguments"), [("compare", "BUNDLE PLAN OUT"), ("check", "BUNDLE [PLAN]"), ("convert", "MAPPING OUT")]
)
def test_help_names_the_arguments_in_order_and_their_meaning(
    command: str, arguments: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main([command, "--help"])
    said = capsys.readouterr().out
    usage = said.splitlines()[0]
    assert usage.startswith(f"usage: analysis {command} [-h] ")
    assert usage.endswith(f"[--quiet] {arguments}")
    for name in arguments.replace("[", "").replace("]", "").split():
        assert [line for line in said.splitlines() if line.split()[:1] == [name] and len(line.split()) > 1], name


@pytest.mark.parametrize("arguments", [["compare"], ["compare", "a", "b"], ["check", "a", "b", "c"], ["guess", "a"]])
def test_a_command_with_too_few_or_too_many_arguments_ends_with_its_usage(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("usage: analysis")


@pytest.mark.parametrize(
    ("beside", "said"),
    [
        ("[]", "random numbers are drawn from it for: imputations"),
        ('["mmrm"]', "random numbers are drawn from it for: imputations"),
        ('["permutation"]', "random numbers are drawn from it for: imputations, permutation"),
        (
            '["permutation", "wild-bootstrap"]',
            "random numbers are drawn from it for: imputations, wild-bootstrap, permutation",
        ),
    ],
)
def test_the_record_says_which_methods_draw_random_numbers(beside: str, said: str) -> None:
    plan = parse(study.PLAN.replace("primary = true", f"primary = true\nbeside = {beside}"))
    assert _use_of_seed(random_steps(plan)) == said
