"""The commands as a person meets them: help, progress, exit codes, and what stays when something goes wrong."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from analysis.__main__ import main
from tests.unit.analysis.study import PLAN

from .conftest import Ran

Run = Callable[..., Ran]
MAPPING = """
plan = "plan.toml"

[people]
file = "people.csv"
person = "id"
site = "site"
arm = "arm"
entered_on = "start"
age = "age"
sex = { column = "sex", codes = { "F" = "female", "M" = "male" } }

[[scores]]
instrument = "phq9"
columns = { baseline = "phq0", "6m" = "phq6" }
"""
PLAN_FOR_FLAT = (
    PLAN[: PLAN.index("[[outcomes]]")] + '[[outcomes]]\nid = "phq9-6m"\ninstrument = "phq9"\nprimary = true\n'
)


@pytest.fixture
def flat(tmp_path: Path) -> Path:
    """A flat table with its mapping and plan, as an analyst might have them."""
    lines = ["id,site,arm,start,age,sex,phq0,phq6"]
    for number in range(80):
        arm = "link-worker" if number % 8 < 4 else "usual-care"
        after = "" if number % 9 == 0 else str(4 + number % 7)
        lines.append(
            f"{number},p{number % 8},{arm},2024-03-01,{30 + number % 50},{'FM'[number % 2]},{8 + number % 11},{after}"
        )
    (tmp_path / "people.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (tmp_path / "mapping.toml").write_text(MAPPING, encoding="utf-8")
    (tmp_path / "plan.toml").write_text(PLAN_FOR_FLAT, encoding="utf-8")
    return tmp_path


# ---------------------------------------------------------------------------- help


@pytest.mark.parametrize(
    "arguments", [["--help"], *([command, "--help"] for command in ("compare", "describe", "check", "convert"))]
)
def test_help_teaches_with_an_example(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 0
    assert "  analysis " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("command", "options"),
    [("compare", "seed jobs quiet"), ("describe", "seed quiet"), ("check", "jobs quiet"), ("convert", "quiet")],
)
def test_a_command_explains_its_options_and_has_no_others(
    command: str, options: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main([command, "--help"])
    shown = re.findall(r"^  --(\w+)", capsys.readouterr().out, re.MULTILINE)
    assert shown == options.split()


def test_help_answers_before_anything_heavy_is_loaded(root: Path) -> None:
    script = (
        "import sys\nfrom analysis.__main__ import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "print([name for name in ('pandas', 'numpy', 'scipy', 'matplotlib') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_without_a_command_it_says_how_it_is_used(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([])
    assert ended.value.code == 2
    assert "usage: analysis" in capsys.readouterr().err


# ---------------------------------------------------------------------------- compare


def test_compare_prints_the_headline_and_where_the_report_is(run: Run, bundle: Path, tmp_path: Path) -> None:
    ran = run("compare", bundle, bundle / "plan.toml", tmp_path / "out")
    assert ran.code == 0
    headline, where = ran.out.splitlines()
    assert headline.startswith("EQ-5D value at 6 months was ")
    assert "95% interval" in headline
    assert where == f"Report: {tmp_path / 'out' / 'report.html'}"
    assert (tmp_path / "out" / "report.html").is_file()


def test_progress_goes_to_stderr(run: Run, bundle: Path, tmp_path: Path) -> None:
    ran = run("compare", bundle, bundle / "plan.toml", tmp_path / "out")
    assert ran.err.splitlines() == ["Reading bundle ...", "Comparing 160 people ...", "Writing out ..."]


def test_a_report_that_is_there_is_replaced_whole(run: Run, bundle: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run("compare", bundle, bundle / "plan.toml", out)
    (out / "tables" / "stale.csv").write_text("old", encoding="utf-8")
    assert run("compare", bundle, bundle / "plan.toml", out).code == 0
    assert not (out / "tables" / "stale.csv").exists()
    assert {path.name for path in tmp_path.iterdir()} == {"bundle", "out"}


def test_a_refused_comparison_leaves_the_earlier_report(run: Run, bundle: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run("compare", bundle, bundle / "plan.toml", out)
    before = (out / "report.html").read_bytes()
    (bundle / "people.csv").unlink()
    assert run("compare", bundle, bundle / "plan.toml", out).code == 2
    assert (out / "report.html").read_bytes() == before


@pytest.mark.parametrize("command", ["compare", "convert"])
def test_a_folder_that_holds_something_else_is_not_replaced(command: str, run: Run, flat: Path) -> None:
    diary = flat / "mine" / "diary.txt"
    diary.parent.mkdir()
    diary.write_text("keep me", encoding="utf-8")
    if command == "compare":
        run("convert", flat / "mapping.toml", flat / "bundle")
        ran = run("compare", flat / "bundle", flat / "plan.toml", flat / "mine")
    else:
        ran = run("convert", flat / "mapping.toml", flat / "mine")
    assert (ran.code, ran.err) == (2, "mine: holds something else already; name a new folder\n")
    assert diary.read_text(encoding="utf-8") == "keep me"
    assert list(diary.parent.iterdir()) == [diary]


def test_an_empty_folder_may_be_used(run: Run, bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    assert run("compare", bundle, bundle / "plan.toml", tmp_path / "out").code == 0


def test_writing_that_breaks_off_leaves_nothing(bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[Path] = []
    write_text = Path.write_text

    def full_disk(path: Path, *arguments: object, **options: object) -> int:
        written.append(path)
        if len(written) == 5:
            raise OSError("No space left on device")
        return write_text(path, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Path, "write_text", full_disk)
    with pytest.raises(OSError, match="No space left"):
        main(["compare", str(bundle), str(bundle / "plan.toml"), str(tmp_path / "out")])
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]


# ---------------------------------------------------------------------------- check and convert


def test_check_counts_the_rows_and_says_that_all_is_well(run: Run, bundle: Path) -> None:
    ran = run("check", bundle)
    assert ran.code == 0
    assert "people: 160 rows" in ran.out
    assert ran.out.splitlines()[-1] == "The bundle keeps the contract."


def test_convert_says_how_many_people_of_another_arm_it_left_out(run: Run, flat: Path) -> None:
    whole = run("convert", flat / "mapping.toml", flat / "bundle")
    codes = 'arm = { column = "arm", codes = { link-worker = "link-worker", usual-care = "usual-care", leaflet = "" } }'
    (flat / "mapping.toml").write_text(MAPPING.replace('arm = "arm"', codes), encoding="utf-8")
    with (flat / "people.csv").open("a", encoding="utf-8") as file:
        file.write("80,p8,leaflet,2024-03-01,50,F,9,9\n81,p8,leaflet,2024-03-01,51,M,9,9\n")
    ran = run("convert", flat / "mapping.toml", flat / "bundle")
    assert ran.out == f"{whole.out}left out: 2 people of arms that the mapping codes as none of the plan's\n"


def test_check_with_a_plan_says_who_can_be_compared_and_that_it_is_fit(run: Run, bundle: Path) -> None:
    ran = run("check", bundle, bundle / "plan.toml")
    assert ran.code == 0
    lines = ran.out.splitlines()
    assert "The bundle keeps the contract." in lines
    assert "GP attendances: poisson-rate, beside it poisson-change" in lines
    assert any(line.split() == ["Sites", "with", "such", "people", "4", "4"] for line in lines)
    assert lines[-1] == "The bundle is fit for plan.toml."
    assert ran.err == "Trying the methods of plan.toml on made-up outcomes ...\n"
    assert run("check", bundle, bundle / "plan.toml", "--quiet").err == ""


def test_check_ends_with_2_and_every_fault_where_a_bundle_is_not_fit(run: Run, bundle: Path, tmp_path: Path) -> None:
    plan = tmp_path / "other.toml"
    text = PLAN.replace('instrument = "phq9"', 'instrument = "phq9"\nbeside = ["clda"]')
    plan.write_text(text.replace("day = 182", "day = 300"), encoding="utf-8")
    ran = run("check", bundle, plan)
    assert ran.code == 2
    *faults, last = ran.err.splitlines()[1:]
    assert [fault.split(":")[0] for fault in faults] == ["plan.outcomes.eq5d-6m"] * 2 + ["plan.outcomes.phq9-6m"] * 2
    assert all("(days 272 to 328), and of everybody's answers there half were given on days 182" in f for f in faults)
    assert last == "The bundle is not fit for other.toml."
    assert "Note: The plan given is not the plan that travelled with the data: their hashes differ." in ran.out
    assert "The bundle is fit" not in ran.out


def test_a_method_that_would_refuse_is_named_with_its_remedy(run: Run, bundle: Path, tmp_path: Path) -> None:
    plan = tmp_path / "other.toml"
    plan.write_text(PLAN.replace('instrument = "phq9"', 'instrument = "phq9"\nbeside = ["clda"]'), encoding="utf-8")
    ran = run("check", bundle, plan)
    assert ran.code == 2
    assert "plan.outcomes.phq9-6m: 'clda' would refuse: nobody drew lots" in ran.err
    assert "use 'mmrm', which leaves that free" in ran.err


def test_a_bundle_is_not_fit_for_a_plan_that_names_what_it_does_not_hold(
    run: Run, bundle: Path, tmp_path: Path
) -> None:
    plan = tmp_path / "other.toml"
    plan.write_text(PLAN.replace('setting = "gp"', 'setting = "emergency"'), encoding="utf-8")
    ran = run("check", bundle, plan)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == "plan.outcomes.gp: setting 'emergency' is not in the dataset; known: gp\n"


def test_a_flat_table_becomes_a_bundle_and_a_report(run: Run, flat: Path) -> None:
    ran = run("convert", flat / "mapping.toml", flat / "bundle")
    assert ran.code == 0
    assert "people: 80 rows" in ran.out
    assert "scores: 151 rows" in ran.out
    assert run("compare", flat / "bundle", flat / "plan.toml", flat / "out").code == 0
    (row, *_) = json.loads((flat / "out" / "estimates.json").read_text(encoding="utf-8"))
    assert (row["outcome"], row["term"]) == ("phq9-6m", "arm")


def test_every_row_of_a_flat_table_that_does_not_fit_is_named_and_nothing_written(run: Run, flat: Path) -> None:
    table = flat / "people.csv"
    text = table.read_text(encoding="utf-8").replace("1,p1,link-worker,2024-03-01", "1,p1,link-worker,1 March", 1)
    table.write_text(text.replace(",M,", ",X,", 1), encoding="utf-8")
    ran = run("convert", flat / "mapping.toml", flat / "bundle")
    assert ran.code == 2
    assert "people.csv row 3" in ran.err
    assert "1 March" in ran.err
    assert "has 'X', which its codes do not name; known: F, M" in ran.err
    assert not (flat / "bundle").exists()


def test_a_mapping_that_is_not_there_is_named(run: Run, tmp_path: Path) -> None:
    ran = run("convert", tmp_path / "map.toml", tmp_path / "bundle")
    assert ran.code == 2
    assert "map.toml: cannot be read" in ran.err


# ---------------------------------------------------------------------------- from Python


def test_the_same_from_python(bundle: Path, tmp_path: Path) -> None:
    from analysis import compare, load, write

    comparison = compare(load.read(bundle))
    assert comparison.fitted["gp"].main.scale == "rate ratio"
    headline = write(comparison, tmp_path / "out")
    assert headline.startswith("EQ-5D value at 6 months")
    assert json.loads((tmp_path / "out" / "provenance.json").read_text(encoding="utf-8"))["Command"] == (
        "analysis.compare from Python"
    )


def test_what_the_package_does_not_have_is_an_attribute_error() -> None:
    import analysis

    with pytest.raises(AttributeError, match="module 'analysis' has no attribute 'guess'"):
        analysis.guess  # noqa: B018
