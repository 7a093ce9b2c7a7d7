"""An outcome planned at a timepoint that the plan declares and at which nobody has a score: it alone refuses."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from analysis import load
from analysis.cohort import assemble
from analysis.estimators import ESTIMATORS
from analysis.result import AnalysisError
from instruments.plan import PlanError
from instruments.plan_methods import METHODS
from tests.unit.analysis import study

from .conftest import Ran

Run = Callable[..., Ran]
LATE = '[[timepoints]]\nid = "12m"\nlabel = "12 months"\nday = 365\n\n[covariates]'
AT_12 = '[[outcomes]]\nid = "phq9-12m"\nlabel = "Depression at 12 months"\ninstrument = "phq9"\ntimepoint = "12m"\n'
WITH_12 = study.PLAN.replace("[covariates]", LATE).replace(
    'instrument = "phq9"', 'instrument = "phq9"\ntimepoint = "6m"'
)
PLAN = WITH_12.replace('value_set = "uk-2026-rowen"', 'value_set = "uk-2026-rowen"\ntimepoint = "6m"') + AT_12
WHY = "nobody has a score in the window of '12m' (days 337 to 393); record it, widen the window, or take the outcome out of"
TOLD = f"plan.outcomes.phq9-12m: {WHY} the plan"


def compared(run: Run, folder: Path, text: str, rows: study.Rows | None = None) -> Ran:
    bundle = study.write(folder / "bundle", rows, text)
    return run("compare", bundle, bundle / "plan.toml", folder / "out")


def estimated(folder: Path) -> list[str]:
    with (folder / "out" / "estimates.csv").open(encoding="utf-8", newline="") as file:
        return list(dict.fromkeys(row["outcome"] for row in csv.DictReader(file)))


def not_estimated(ran: Ran) -> list[str]:
    return [line for line in ran.err.splitlines() if not line.endswith("...")]


def test_it_is_named_with_a_remedy_and_everything_else_comes_out(run: Run, tmp_path: Path) -> None:
    ran = compared(run, tmp_path, PLAN)
    assert (ran.code, not_estimated(ran)) == (0, [f"Not estimated: {TOLD}"])
    assert estimated(tmp_path) == ["eq5d-6m", "phq9-6m", "gp"]
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "Depression at 12 months could not be estimated: nobody has a score in the window of" in page


def test_what_else_comes_out_is_what_comes_out_without_it(run: Run, tmp_path: Path) -> None:
    numbers = []
    for name, text in (("with", PLAN), ("without", PLAN.replace(AT_12, ""))):
        compared(run, tmp_path / name, text)
        rows = json.loads((tmp_path / name / "out" / "estimates.json").read_text(encoding="utf-8"))
        numbers.append([(row["outcome"], row["term"], row["estimate"], row["std_error"]) for row in rows])
    assert numbers[0] == numbers[1]


def test_as_the_primary_outcome_it_leaves_a_report_without_an_answer(run: Run, tmp_path: Path) -> None:
    primary = PLAN.replace("primary = true\n", "") + "primary = true\n"
    ran = compared(run, tmp_path, primary)
    assert ran.code == 0
    assert ran.out.startswith("Depression at 12 months could not be estimated: nobody has a score in the window of")
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "There is no answer to be sure of: mend what is named above, then compare again." in page


def test_scores_outside_the_window_are_none(run: Run, tmp_path: Path) -> None:
    """Everybody was asked a year and three months after entry."""
    rows = study.tables()
    for table in ("assessments", "scores"):
        late = [dict(line) for line in rows[table] if line["timepoint"] == "6m" and line["instrument"] == "phq9"]
        for line in late:
            line |= {"timepoint": "12m", "assessment": f"{line['assessment']}-late"}
            if "assessed_on" in line:
                line["assessed_on"] = line["assessed_on"].replace(year=line["assessed_on"].year + 1)
        rows[table] += late
    ran = compared(run, tmp_path, PLAN, rows)
    assert (ran.code, not_estimated(ran)) == (0, [f"Not estimated: {TOLD}"])


def test_check_says_beforehand_that_nobody_has_it(run: Run, tmp_path: Path) -> None:
    bundle = study.write(tmp_path / "bundle", None, PLAN)
    ran = run("check", bundle, bundle / "plan.toml")
    assert ran.code == 2
    faults = [line for line in ran.err.splitlines() if line.startswith("plan.")]
    assert faults == [
        f"plan.outcomes.phq9-12m: nobody of '{arm}' has a score at '12m'; record it, or take the outcome out of the plan"
        for arm in ("Link worker", "Usual care")
    ]


def test_where_it_is_the_only_outcome_nothing_is_written(run: Run, tmp_path: Path) -> None:
    head = PLAN.partition("[[outcomes]]")[0]
    ran = compared(run, tmp_path, f"{head}{AT_12}primary = true\n")
    assert (ran.code, not_estimated(ran)) == (2, [TOLD])
    assert not (tmp_path / "out").exists()


def test_a_description_counts_nobody_then(run: Run, tmp_path: Path) -> None:
    bundle = study.write(tmp_path / "bundle", None, PLAN)
    assert run("describe", bundle, bundle / "plan.toml", tmp_path / "out").code == 0


@pytest.mark.parametrize("method", [*METHODS["continuous"], *METHODS["binary"]])
def test_every_method_gives_the_same_reason(method: str, tmp_path: Path) -> None:
    kind = "binary" if method in METHODS["binary"] else "continuous"
    text = PLAN + (f'kind = "{kind}"\nat_least = 10\n' if kind == "binary" else "")
    cohort = assemble(load.read(study.write(tmp_path / "bundle", None, text)))
    with pytest.raises(AnalysisError) as refused:
        ESTIMATORS[method](cohort, cohort.plan.outcomes[-1])
    assert str(refused.value) == f"{WHY} the plan"


def test_a_timepoint_that_the_plan_does_not_declare_stays_a_fault_of_the_plan(tmp_path: Path) -> None:
    bundle = study.write(tmp_path / "bundle")
    plan = tmp_path / "plan.toml"
    plan.write_text(study.PLAN + AT_12, encoding="utf-8")
    with pytest.raises(PlanError, match=r"timepoint: unexpected value '12m'; allowed: 3m, 6m"):
        load.read(bundle, plan)


def test_a_timepoint_that_the_data_s_own_plan_does_not_have_stays_a_fault_too(tmp_path: Path) -> None:
    bundle = study.write(tmp_path / "bundle")
    plan = tmp_path / "plan.toml"
    plan.write_text(PLAN, encoding="utf-8")
    with pytest.raises(PlanError, match=r"plan\.timepoints: '12m' is not in the dataset; known: baseline, 3m, 6m"):
        load.read(bundle, plan)
