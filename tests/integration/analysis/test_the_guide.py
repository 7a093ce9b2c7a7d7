"""What docs/analysis.md shows is true: its plan, its mapping and its Python run as they stand."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from analysis.report.estimand import BETWEEN
from instruments import plan
from instruments.codes import SETTINGS
from instruments.plan_methods import ALWAYS_SITES, METHODS, SITES_ALIKE

from .conftest import Ran


@pytest.fixture(scope="module")
def guide(root: Path) -> str:
    return (root / "docs" / "analysis.md").read_text(encoding="utf-8")


def blocks(guide: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", guide, flags=re.DOTALL)


@pytest.fixture
def desk(guide: str, tmp_path: Path) -> Path:
    """The guide's plan and mapping beside a table such as the mapping describes."""
    *shown_plan, shown_mapping = blocks(guide, "toml")
    (tmp_path / "plan.toml").write_text("\n".join(shown_plan), encoding="utf-8")
    (tmp_path / "mapping.toml").write_text(shown_mapping, encoding="utf-8")
    lines = ["id,practice,group,start,age,sex,phq_before,phq_after,gp_year_before,gp_after,admission_days,admission"]
    for number in range(96):
        practice, group, sex = number % 8, int(number % 8 < 4), "FM"[number % 3 == 0]
        scores = f"{9 + number % 7},{5 + (number * 5) % 9}"
        admission = f"{1 + (number * 37) % 181},1" if number % 3 == 0 else ("60,died" if number % 11 == 0 else "182,0")
        lines.append(
            f"{number},{practice},{group},2024-03-01,{30 + number % 41},{sex},{scores},{number % 6},{number % 5},{admission}"
        )
    (tmp_path / "people.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return tmp_path


def test_the_plan_shown_is_a_plan(guide: str) -> None:
    shown = plan.parse(blocks(guide, "toml")[0])
    assert shown.primary.id == "phq9-6m"
    assert (shown.errors, shown.confidence, shown.small_number) == ("CR2", 0.95, 10)


def test_the_outcome_shown_without_a_baseline_is_one(guide: str) -> None:
    (alone,) = blocks(guide, "toml baseline-plan")
    shown = plan.parse(f"{blocks(guide, 'toml')[0]}\n{alone}")
    assert {outcome.id: outcome.baseline for outcome in shown.outcomes} == {
        "phq9-6m": True,
        "gp": True,
        "admissions": False,
    }


def test_the_repeated_measures_shown_have_no_baseline(guide: str) -> None:
    """The guide's first plan with its follow-up called as the block has it, and the measure declared."""
    (visits,) = blocks(guide, "toml visits-plan")
    measure = '[[measures]]\nid = "fev1"\nminimum = 0\nmaximum = 100\nbetter = "higher"\n'
    first = blocks(guide, "toml")[0].replace('id = "6m"', 'id = "vis4"')
    shown = plan.parse(f"{first}\n{visits}\n{measure}").outcomes[-1]
    assert (shown.estimator, shown.baseline, shown.beside) == ("mmrm", False, ("ancova",))


def test_the_outcome_shown_that_counts_sites_alike_is_one(guide: str) -> None:
    (alone,) = blocks(guide, "toml average-plan")
    shown = plan.parse(f"{blocks(guide, 'toml')[0]}\n{alone}")
    assert {outcome.id: outcome.average for outcome in shown.outcomes} == {
        "phq9-6m": "people",
        "gp": "people",
        "depressed-by-site": "sites",
    }


def test_the_guide_names_every_method_that_can_count_sites_alike_and_every_one_between(guide: str) -> None:
    section = guide.partition("**Of people, or of sites.**")[2].partition("A measure that the kit")[0]
    for method in (*SITES_ALIKE, *ALWAYS_SITES, *BETWEEN):
        assert f"`{method}`" in section, method


def test_every_setting_that_may_be_compared_is_in_the_guide(guide: str) -> None:
    (settings,) = re.findall(r"Settings are (.*?);", guide, flags=re.DOTALL)
    assert set(re.findall(r"`([a-z-]+)`", settings)) == set(SETTINGS) - {"link-worker"}


def test_every_example_that_the_guide_names_is_there(guide: str, root: Path) -> None:
    (named,) = re.findall(r"Whole examples stand in `tests/reference`: (.*?)\.\n", guide, flags=re.DOTALL)
    for folder in re.findall(r"`([a-z_]+)`", named):
        assert (root / "tests" / "reference" / folder / "mapping.toml").is_file()


def test_every_method_that_a_plan_may_name_is_in_the_guide(guide: str) -> None:
    assert {method for methods in METHODS.values() for method in methods} <= set(re.findall(r"`([a-z-]+)`", guide))


def test_the_mapping_shown_makes_a_bundle_that_the_plan_shown_compares(desk: Path, run: Callable[..., Ran]) -> None:
    assert run("convert", desk / "mapping.toml", desk / "bundle").code == 0
    assert run("check", desk / "bundle").code == 0
    checked = run("check", desk / "bundle", desk / "plan.toml")
    whole_years = "outside leave_out (90 days before, 0 after); leave out fewer days, or give counts of shorter periods"
    *faults, verdict = checked.err.splitlines()[1:]
    assert (checked.code, verdict) == (2, "The bundle is not fit for plan.toml.")
    assert [fault.split(":")[0] for fault in faults] == ["plan.outcomes.gp-outside"] * 2
    assert all(fault.endswith(whole_years) for fault in faults)
    ran = run("compare", desk / "bundle", desk / "plan.toml", desk / "out")
    assert ran.code == 0
    assert ran.out.startswith("Depression at 6 months was ")
    assert "first-admission" not in ran.err
    assert "First admission: up to day 182 people in “Link worker” had " in page_of(desk)


def page_of(desk: Path) -> str:
    return (desk / "out" / "report.html").read_text(encoding="utf-8")


def test_the_python_shown_runs(
    guide: str, desk: Path, run: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run("convert", desk / "mapping.toml", desk / "bundle")
    monkeypatch.chdir(desk)
    script, _ = blocks(guide, "python")
    exec(compile(script, "docs/analysis.md", "exec"), {})
    assert "Estimate(term='arm'" in capsys.readouterr().out
    assert (desk / "out" / "report.html").is_file()


def test_the_python_shown_for_files_runs(
    guide: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On made-up files that hold the columns it names."""
    monkeypatch.chdir(tmp_path)
    Path("visits").mkdir()
    columns = "i AS person, i % 8 AS practice, i % 2 AS arm, random() AS phq9_0, random() AS phq9_6, random() AS phq9"
    with duckdb.connect() as database:
        database.execute(f"COPY (SELECT {columns} FROM range(80) t(i)) TO 'people.parquet'")
        database.execute(
            f"COPY (SELECT {columns}, a AS after FROM range(80) t(i), range(2) u(a)) TO 'visits/1.parquet'"
        )
    _, script = blocks(guide, "python")
    exec(compile(script, "docs/analysis.md", "exec"), {})
    adjusted, changes = capsys.readouterr().out.splitlines()
    assert adjusted.startswith("{'(Intercept)': ")
    assert changes.startswith("{'arm:after': ")


def test_every_command_is_told_of(guide: str) -> None:
    from analysis.__main__ import _COMMANDS

    for command in _COMMANDS:
        assert f"`analysis {command.name} " in guide
        assert all(f"`--{option}" in guide for option in command.options)
