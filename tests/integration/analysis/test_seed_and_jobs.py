"""`--seed`, `--jobs` and `--quiet`: what they change, what they must not change, and what the record says of it."""

from __future__ import annotations

import csv
import html
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from analysis.__main__ import ONE_THREAD, _cores, main
from analysis.progress import CLEARED
from analysis.report import fitting
from instruments.plan import parse
from tests.server import ROOT
from tests.unit.analysis import study

from .conftest import Ran

Run = Callable[..., Ran]
DRAWN = '[[outcomes]]\nid = "b"\ninstrument = "phq9"\nestimator = "imputation"\nbeside = ["permutation", "clda"]\n'
PLANNED = 20260101
DEPARTURE = f"Random numbers were drawn from the seed 7, given for this run; the plan says {PLANNED}."


@pytest.fixture
def drawing(tmp_path: Path) -> Path:
    """A bundle whose plan has steps that draw random numbers."""
    return study.write(tmp_path / "bundle", None, study.PLAN + DRAWN)


def files(folder: Path) -> dict[str, bytes]:
    """Every file of a report."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def made_of(folder: Path) -> dict[str, object]:
    return dict(json.loads((folder / "provenance.json").read_text(encoding="utf-8")))


def answer(folder: Path, outcome: str) -> str:
    with (folder / "estimates.csv").open(encoding="utf-8", newline="") as file:
        return next(row["estimate"] for row in csv.DictReader(file) if row["outcome"] == outcome)


def page(folder: Path) -> str:
    return (folder / "report.html").read_text(encoding="utf-8")


# ---------------------------------------------------------------------------- the same


def test_any_number_of_jobs_gives_the_same_files(
    run: Run, drawing: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = drawing / "plan.toml"
    assert run("compare", drawing, plan, tmp_path / "one" / "out", "--jobs", "1").code == 0
    monkeypatch.setattr(fitting, "PATIENCE", 0.0)
    together = run("compare", drawing, plan, tmp_path / "two" / "out", "--jobs", "2")
    assert together.code == 0
    assert files(tmp_path / "one" / "out") == files(tmp_path / "two" / "out")
    assert "nobody drew lots" in page(tmp_path / "two" / "out")


def test_the_plan_s_own_seed_departs_from_nothing(run: Run, drawing: Path, tmp_path: Path) -> None:
    plan = drawing / "plan.toml"
    run("compare", drawing, plan, tmp_path / "one" / "out")
    run("compare", drawing, plan, tmp_path / "two" / "out", "--seed", PLANNED)
    one, two = files(tmp_path / "one" / "out"), files(tmp_path / "two" / "out")
    assert {name for name in one if one[name] != two[name]} == {"provenance.json", "report.html"}
    first, second = made_of(tmp_path / "one" / "out"), made_of(tmp_path / "two" / "out")
    assert second.pop("Command") == f"{first.pop('Command')} --seed {PLANNED}"
    assert first == second
    assert "from the seed" not in page(tmp_path / "two" / "out")


# ---------------------------------------------------------------------------- another seed


def test_another_seed_draws_anew_and_everything_says_so(run: Run, drawing: Path, tmp_path: Path) -> None:
    plan = drawing / "plan.toml"
    run("compare", drawing, plan, tmp_path / "planned")
    ran = run("compare", drawing, plan, tmp_path / "out", "--seed", "7")
    assert ran.code == 0
    assert answer(tmp_path / "out", "b") != answer(tmp_path / "planned", "b")
    assert answer(tmp_path / "out", "eq5d-6m") == answer(tmp_path / "planned", "eq5d-6m")
    record = made_of(tmp_path / "out")
    assert record["Plan"] == {"study": "elmstead", "SHA-256": parse(plan.read_text(encoding="utf-8")).sha256}
    assert str(record["Seed"]).startswith(f"7, in place of the plan's {PLANNED} (random numbers are drawn from it for:")
    assert record["Command"] == "analysis compare bundle plan.toml out --seed 7"
    _, _, departures = page(tmp_path / "out").partition('id="deviations"')
    assert DEPARTURE in html.unescape(departures)


def test_the_same_seed_gives_the_same_files_again(run: Run, drawing: Path, tmp_path: Path) -> None:
    for place in ("one", "two"):
        run("compare", drawing, drawing / "plan.toml", tmp_path / place / "out", "--seed", "7")
    assert files(tmp_path / "one" / "out") == files(tmp_path / "two" / "out")


def test_a_description_says_that_a_seed_has_no_effect_and_is_the_same(run: Run, drawing: Path, tmp_path: Path) -> None:
    plan = drawing / "plan.toml"
    assert run("describe", drawing, plan, tmp_path / "one" / "out", "--quiet").err == ""
    ran = run("describe", drawing, plan, tmp_path / "two" / "out", "--quiet", "--seed", "7")
    assert (ran.code, ran.err) == (0, "--seed 7 has no effect: nothing here draws random numbers.\n")
    assert files(tmp_path / "one" / "out") == files(tmp_path / "two" / "out")
    assert DEPARTURE not in html.unescape(page(tmp_path / "two" / "out"))
    record = made_of(tmp_path / "two" / "out")
    assert record["Command"] == "analysis describe bundle plan.toml out"
    assert str(record["Seed"]).endswith("(no step of this report draws random numbers)")


def test_a_comparison_in_which_nothing_is_drawn_says_so_too(run: Run, tmp_path: Path) -> None:
    """Counts alone: nothing is imputed, and no method of theirs draws."""
    rows = study.tables()
    start, counts = study.PLAN.index("[[outcomes]]"), study.PLAN.index('[[outcomes]]\nid = "gp"')
    plan = study.PLAN[:start] + study.PLAN[counts:].replace('setting = "gp"', 'setting = "gp"\nprimary = true')
    bundle = study.write(tmp_path / "bundle", rows, plan)
    ran = run("compare", bundle, bundle / "plan.toml", tmp_path / "out", "--seed", "7", "--quiet")
    assert (ran.code, ran.err) == (0, "--seed 7 has no effect: nothing here draws random numbers.\n")
    assert made_of(tmp_path / "out")["Command"] == "analysis compare bundle plan.toml out"
    assert DEPARTURE not in html.unescape(page(tmp_path / "out"))


@pytest.mark.parametrize("seed", ["-1", "1.5", "seven", "٧", "9223372036854775808", ""])
def test_a_seed_that_is_none_is_refused_before_anything_is_read(
    seed: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["compare", str(tmp_path / "nothing"), "plan.toml", str(tmp_path / "out"), f"--seed={seed}"])
    assert ended.value.code == 2
    assert f"argument --seed: '{seed}' is not a whole number from 0 to 9223372036854775807" in capsys.readouterr().err


# ---------------------------------------------------------------------------- jobs, and what is said


@pytest.mark.parametrize("jobs", ["0", "-2", "many"])
def test_there_is_at_least_one_job(jobs: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["check", str(tmp_path / "nothing"), "plan.toml", f"--jobs={jobs}"])
    assert ended.value.code == 2
    assert f"'{jobs}' is not a whole number from 1 to 1024; give one" in capsys.readouterr().err


def test_without_being_told_as_many_jobs_as_processors_may_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 3, 5}, raising=False)
    assert _cores() == 3
    monkeypatch.delattr("os.sched_getaffinity")  # as on macOS
    monkeypatch.setattr("os.cpu_count", lambda: 4)
    assert _cores() == 4
    monkeypatch.setattr("os.cpu_count", lambda: None)
    assert _cores() == 1


@pytest.mark.parametrize(("given", "threads"), [({}, "1"), ({"OPENBLAS_NUM_THREADS": "3"}, "3")])
def test_the_command_keeps_numpy_to_one_thread_unless_told_otherwise(given: dict[str, str], threads: str) -> None:
    script = (
        "import os, sys\nfrom analysis.__main__ import main\nassert 'numpy' not in sys.modules\n"
        "main(['check', 'nothing'])\nprint(os.environ['OPENBLAS_NUM_THREADS'])"
    )
    kept = {name: value for name, value in os.environ.items() if name not in ONE_THREAD}
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env=kept | {"PYTHONPATH": str(ROOT)} | given
    )  # fmt: skip
    assert done.stdout.split() == [threads]


def test_where_numpy_is_loaded_already_nothing_is_changed(run: Run, tmp_path: Path) -> None:
    before = dict(os.environ)
    assert run("check", tmp_path / "nothing").code == 2
    assert dict(os.environ) == before


def test_quiet_prints_the_answer_and_nothing_else(run: Run, bundle: Path, tmp_path: Path) -> None:
    ran = run("compare", bundle, bundle / "plan.toml", tmp_path / "out", "--quiet")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.splitlines()[-1] == f"Report: {tmp_path / 'out' / 'report.html'}"
    assert run("describe", bundle, bundle / "plan.toml", tmp_path / "described", "--quiet").err == ""


def test_quiet_keeps_no_fault_back(run: Run, bundle: Path, tmp_path: Path) -> None:
    (bundle / "people.csv").unlink()
    ran = run("compare", bundle, bundle / "plan.toml", tmp_path / "out", "--quiet")
    assert (ran.code, ran.err) == (2, "people.csv: is not in the bundle; export it again\n")


def test_a_terminal_sees_how_far_it_is(bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = io.StringIO()
    monkeypatch.setattr(seen, "isatty", lambda: True)
    monkeypatch.setattr("sys.stderr", seen)
    monkeypatch.setenv("COLUMNS", "200")
    assert main(["compare", str(bundle), str(bundle / "plan.toml"), str(tmp_path / "out")]) == 0
    bars = [part for part in seen.getvalue().split(CLEARED) if part.startswith("[")]
    assert [bar.split("]")[1].split(" s ")[0].split("  ")[0].strip() for bar in bars] == [f"{n} of 6" for n in range(6)]
    assert bars[0].endswith("EQ-5D value at 6 months: ancova")
    assert bars[-1].endswith("GP attendances: poisson-change")
    assert seen.getvalue().endswith(f"{CLEARED}Writing out ...\n")
