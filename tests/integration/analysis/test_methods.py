"""The plan names methods: what answers, what stands beside it, and what happens where one of them cannot."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from analysis.estimators import ESTIMATORS
from analysis.load import Dataset
from analysis.report import compare, write
from analysis.report.comparison import Comparison
from instruments.plan import PlanError, parse
from instruments.plan_methods import METHODS
from tests.integration.analysis.conftest import Ran
from tests.unit.analysis import study

Run = Callable[..., Ran]
BINARY = """
[[outcomes]]
id = "depressed-6m"
label = "Depressed at 6 months"
kind = "binary"
instrument = "phq9"
at_least = 10
beside = ["linear-probability", "gee-logistic"]
"""
EVERYTHING = (
    study.PLAN.replace("primary = true", 'primary = true\nbeside = ["random-intercept", "mixed-model", "wild-bootstrap", "permutation"]')
    .replace('setting = "gp"', 'setting = "gp"\nbeside = ["negative-binomial", "gee-poisson", "mixed-negative-binomial"]')
    + BINARY
)  # fmt: skip


def read(folder: Path, rows: study.Rows | None = None, plan: str = EVERYTHING) -> Dataset:
    from analysis import load

    return load.read(study.write(folder / "study", rows, plan))


@pytest.fixture(scope="module")
def comparison(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    return compare(read(tmp_path_factory.mktemp("methods")))


@pytest.fixture(scope="module")
def out(comparison: Comparison, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report") / "out"
    write(comparison, folder)
    return folder


def lines(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_every_method_that_a_plan_may_name_is_there_and_no_other() -> None:
    assert set(ESTIMATORS) == {method for methods in METHODS.values() for method in methods}


def test_every_method_of_the_plan_gives_an_answer(comparison: Comparison) -> None:
    assert comparison.faults == {}
    for outcome in comparison.plan.outcomes:
        assert [each.method for each in comparison.beside[outcome.id]] == list(outcome.beside)
        assert all(each.fitted is not None for each in comparison.beside[outcome.id])


def test_the_usual_check_stands_beside_an_answer_though_the_plan_names_none(tmp_path: Path) -> None:
    made = compare(read(tmp_path, plan=study.PLAN))
    assert {id: [each.method for each in beside] for id, beside in made.beside.items()} == {
        "eq5d-6m": ["did"], "phq9-6m": ["did"], "gp": ["poisson-change"],
    }  # fmt: skip


def test_a_plan_may_name_another_method_to_answer_and_the_usual_one_stands_beside_it(tmp_path: Path) -> None:
    plan = study.PLAN.replace("primary = true", 'primary = true\nestimator = "did"')
    made = compare(read(tmp_path, plan=plan))
    assert made.fitted["eq5d-6m"].main.method.startswith("Difference-in-differences")
    assert [each.method for each in made.beside["eq5d-6m"]] == ["ancova"]
    assert parse(plan).sha256 != parse(study.PLAN).sha256


def test_methods_that_are_named_though_they_are_the_usual_ones_change_no_hash() -> None:
    named = study.PLAN.replace("primary = true", 'primary = true\nestimator = "ancova"\nbeside = ["did"]')
    assert parse(named).sha256 == parse(study.PLAN).sha256


def test_difference_in_differences_is_that_of_the_changes_by_hand(comparison: Comparison) -> None:
    (did,) = (each.fitted for each in comparison.beside["eq5d-6m"] if each.method == "did")
    assert did is not None
    rows = comparison.cohort.scores
    rows = rows[(rows["instrument"] == "eq5d-5l") & rows["timepoint"].isin(["baseline", "6m"])]
    wide = rows.pivot(index="person", columns="timepoint", values="score").dropna()
    arm = comparison.cohort.people["arm"].reindex(wide.index)
    change = wide["6m"] - wide["baseline"]
    assert did.main.estimate == pytest.approx(change[arm == 1].mean() - change[arm == 0].mean(), abs=1e-12)
    assert sum(did.n) == len(wide)


def test_an_event_is_a_score_that_reaches_its_limit(comparison: Comparison) -> None:
    fitted = comparison.fitted["depressed-6m"]
    assert [answer.scale for answer in fitted.answers] == ["risk difference", "risk ratio"]
    assert -1 < fitted.main.estimate < 1
    assert fitted.n == comparison.fitted["phq9-6m"].n


def test_an_event_may_be_a_low_score_and_turns_every_sign(comparison: Comparison, tmp_path: Path) -> None:
    well = compare(read(tmp_path, plan=EVERYTHING.replace("at_least = 10", "at_most = 9")))
    one, other = comparison.fitted["depressed-6m"].main, well.fitted["depressed-6m"].main
    assert other.estimate == pytest.approx(-one.estimate, abs=1e-9)
    assert other.std_error == pytest.approx(one.std_error, abs=1e-9)


def test_the_planned_estimates_and_the_others_are_in_files_of_their_own(out: Path) -> None:
    planned, others = lines(out / "estimates.csv"), lines(out / "sensitivity.csv")
    assert list(planned[0]) == [*others[0], "p_adjusted"]
    methods = {row["method"].split(",")[0] for row in planned}
    assert methods == {"ANCOVA", "Poisson", "Logistic"}
    assert len({(row["outcome"], row["method"]) for row in others}) == 5 + 1 + 4 + 3
    assert json.loads((out / "sensitivity.json").read_text(encoding="utf-8"))[0]["outcome"] == "eq5d-6m"


def test_the_report_shows_every_method_in_a_table_and_a_figure_and_names_the_bracket(out: Path) -> None:
    page = (out / "report.html").read_text(encoding="utf-8")
    for id in ("eq5d-6m", "phq9-6m", "gp", "depressed-6m"):
        assert (out / "figures" / f"beside-{id}.svg").exists()
        assert {row["row"] for row in lines(out / "tables" / f"beside-{id}.csv")} > {
            "ANCOVA, CR2 by site (planned)"
        } or ("eq5d" not in id)
    assert page.count("Two assumptions, two estimates: ANCOVA (") == 2
    assert "Depressed at 6 months: in “Link worker”" in page
    assert "percentage points" in page
    assert "Depressed at 6 months: who had it, of those measured" in page


def test_a_method_that_fails_says_why_and_the_others_stand(tmp_path: Path) -> None:
    rows = study.tables()
    for line in rows["scores"]:
        if line["instrument"] == "phq9" and line["timepoint"] == "6m" and line["person"][1] in "1234":
            line["score"] = 2.0
    plan = study.PLAN.replace('instrument = "phq9"', 'instrument = "phq9"\nbeside = ["mixed-model"]') + BINARY
    made = compare(read(tmp_path, rows, plan))
    assert "depressed-6m" in made.faults
    assert {"eq5d-6m", "phq9-6m", "gp"} == set(made.fitted)
    write(made, tmp_path / "out")
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "Depressed at 6 months could not be estimated: " in page


def test_a_primary_outcome_that_fails_is_the_headline_and_the_rest_still_comes_out(run: Run, tmp_path: Path) -> None:
    rows = study.tables()
    for line in rows["scores"]:
        if line["instrument"] == "eq5d-5l" and line["timepoint"] == "baseline":
            line["score"] = 0.5
    folder = study.write(tmp_path / "bundle", rows, study.PLAN)
    done = run("compare", folder, folder / "plan.toml", tmp_path / "out")
    assert done.code == 0
    assert done.out.startswith(
        "EQ-5D value at 6 months could not be estimated: everybody in an arm has the same baseline"
    )
    assert "plan.outcomes.eq5d-6m: everybody in an arm has the same baseline" in done.err
    assert {row["outcome"] for row in lines(tmp_path / "out" / "estimates.csv")} == {"phq9-6m", "gp"}


def test_methods_about_sites_say_nothing_where_people_were_allocated(tmp_path: Path) -> None:
    rows, plan = study.tables(), EVERYTHING.replace("controlled-before-after", "individually-randomised")
    made = compare(read(tmp_path, rows, plan))
    reasons = {each.method: each.faults for each in made.beside["eq5d-6m"] if each.fitted is None}
    assert set(reasons) == {"random-intercept", "mixed-model", "wild-bootstrap", "permutation"}
    assert all("takes people for the units" in fault for faults in reasons.values() for fault in faults)
    assert {each.method for each in made.beside["eq5d-6m"] if each.fitted} == {"did"}


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("primary = true", 'primary = true\nestimator = "magic"', "plan.outcomes[0].estimator: unexpected value 'magic'; allowed: ancova, did"),
        ("primary = true", 'primary = true\nbeside = ["logistic"]', "plan.outcomes[0].beside: unexpected value 'logistic'; allowed: ancova"),
        ("primary = true", "primary = true\nat_least = 3", "plan.outcomes[0].at_least: belongs to a binary outcome; write kind"),
        ("primary = true", 'primary = true\nkind = "binary"', "plan.outcomes[0].at_least: is missing; say which score is the event"),
        ("primary = true", 'primary = true\nkind = "binary"\nat_least = 1\nat_most = 3', "plan.outcomes[0].at_least: is missing; say which"),
        ('setting = "gp"', 'setting = "gp"\nkind = "binary"', "plan.outcomes[2].kind: unexpected value 'binary'; allowed: count"),
    ],
)  # fmt: skip
def test_a_plan_that_names_what_cannot_be_is_refused(old: str, new: str, fault: str) -> None:
    with pytest.raises(PlanError) as refused:
        parse(study.PLAN.replace(old, new, 1))
    assert any(each.startswith(fault) for each in refused.value.faults), refused.value.faults


def test_pairs_may_stand_beside_an_answer_or_give_it(tmp_path: Path) -> None:
    beside = 'primary = true\nbeside = ["matching", "matched-did"]'
    first = compare(read(tmp_path / "beside", plan=study.PLAN.replace("primary = true", beside)))
    found = {each.method: each.fitted for each in first.beside["eq5d-6m"]}
    assert list(found) == ["did", "matching", "matched-did"]
    answer = 'primary = true\nestimator = "matching"'
    second = compare(read(tmp_path / "answer", plan=study.PLAN.replace("primary = true", answer)))
    assert found["matching"] == second.fitted["eq5d-6m"]
    write(second, tmp_path / "out")
    rows = lines(tmp_path / "out" / "tables" / "beside-eq5d-6m.csv")
    assert "Matched pairs within 0.2 SD: ANCOVA, CR2 by site (planned)" in {row["row"] for row in rows}


def test_a_plan_that_matches_on_the_baseline_and_differences_is_refused_or_says_that_it_misleads(
    run: Run, tmp_path: Path
) -> None:
    named = 'primary = true\nestimator = "matched-did"\nmatch_on = ["baseline", "age"]'
    plan = tmp_path / "plan.toml"
    plan.write_text(study.PLAN.replace("primary = true", named), encoding="utf-8")
    folder = study.write(tmp_path / "bundle")
    refused = run("compare", folder, plan, tmp_path / "out")
    assert (refused.code, refused.out) == (2, "")
    assert "plan.outcomes[0].match_on: matching on the baseline and then comparing changes misleads" in refused.err
    assert refused.err.endswith("or write difference_anyway = true\n")
    plan.write_text(study.PLAN.replace("primary = true", f"{named}\ndifference_anyway = true"), encoding="utf-8")
    assert run("compare", folder, plan, tmp_path / "out").code == 0
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "Matching on the baseline and then comparing changes misleads: people picked for a baseline" in page
