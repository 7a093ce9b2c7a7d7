"""Adjusted p-values: which outcomes are a family, what stands beside what, and that none gives a small group away."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from analysis import compare, load, write
from analysis.disclosure import Gate
from analysis.estimators.multiplicity import adjusted_p_values
from analysis.report import outcomes
from analysis.report.comparison import Comparison
from analysis.report.families import Adjusted, adjusted, said
from analysis.result import Estimate, Fitted
from instruments import plan as plans
from instruments.plan import Plan
from tests.unit.analysis import study

TOP = """
study = { id = "s", title = "A study", design = "controlled-before-after" }
arms.a = { role = "intervention" }
arms.b = { role = "comparison" }
timepoints = [{ id = "baseline", day = 0 }, { id = "12m", day = 365 }]
analysis.multiplicity = "%s"
outcomes = [{ id = "first", primary = true, instrument = "phq9" }, %s]
"""


def planned(*named: str, multiplicity: str = "holm") -> Plan:
    """A plan whose other outcomes are written 'id' or 'id/family'."""
    others = []
    for each in named:
        id, _, family = each.partition("/")
        others.append(f'{{ id = "{id}", instrument = "phq9"' + (f', family = "{family}" }}' if family else " }"))
    return plans.parse(TOP % (multiplicity, ", ".join(others)))


def found(p_value: float | None, n: tuple[int, int] = (50, 50)) -> Fitted:
    answer = Estimate("arm", 1.0, 0.5, 20.0, 0.0, 2.0, p_value, sum(n), 10, "ANCOVA")
    return Fitted((answer,), (answer,), n, (5, 5), ())


def values(plan: Plan, **p_values: float | None) -> dict[str, float]:
    fitted = {id: found(p) for id, p in {"first": 0.01, **p_values}.items()}
    return {id: each.p_value for id, each in adjusted(plan, fitted).items()}


# ---------------------------------------------------------------------------- who is a family


def test_all_other_outcomes_are_one_family_and_the_primary_is_not_in_it() -> None:
    assert values(planned("a", "b"), a=0.01, b=0.04) == pytest.approx({"a": 0.02, "b": 0.04})


def test_by_hochberg_the_larger_p_value_protects_the_smaller() -> None:
    assert values(planned("a", "b", multiplicity="hochberg"), a=0.03, b=0.04) == pytest.approx({"a": 0.04, "b": 0.04})
    assert values(planned("a", "b"), a=0.03, b=0.04) == pytest.approx({"a": 0.06, "b": 0.06})


def test_nothing_is_adjusted_where_the_plan_says_so() -> None:
    assert values(planned("a", "b", multiplicity="none"), a=0.03, b=0.04) == {}


def test_one_other_outcome_has_nothing_to_be_adjusted_for() -> None:
    assert values(planned("a"), a=0.03) == {}


def test_outcomes_without_a_p_value_or_an_estimate_do_not_count() -> None:
    assert values(planned("a", "b", "c", "d"), a=0.01, b=0.04, c=None) == pytest.approx({"a": 0.02, "b": 0.04})


def test_a_p_value_of_nought_counts() -> None:
    assert values(planned("a", "b"), a=0.0, b=0.04) == pytest.approx({"a": 0.0, "b": 0.04})


def test_named_families_are_adjusted_each_by_itself() -> None:
    plan = planned("a/mood", "b/mood", "c", "d", "e", "f/alone")
    p = values(plan, a=0.02, b=0.03, c=0.01, d=0.02, e=0.5, f=0.01)
    assert p == pytest.approx({"a": 0.04, "b": 0.04, "c": 0.03, "d": 0.04, "e": 0.5})


# ---------------------------------------------------------------------------- words


def sentence(plan: Plan, **p_values: float | None) -> str:
    return " ".join(said(plan, {id: found(p) for id, p in {"first": 0.01, **p_values}.items()}))


def test_it_says_by_which_method_over_how_many() -> None:
    assert sentence(planned("a", "b"), a=0.1, b=0.2) == (
        "Adjusted p-values: Holm's method over the 2 outcomes here that have a p-value, one test each. The primary outcome is "
        "tested by itself. Intervals are not adjusted."
    )
    assert "Hochberg's method over the 3 outcomes" in sentence(
        planned("a", "b", "c", multiplicity="hochberg"), a=0.1, b=0.2, c=0.3
    )


def test_it_names_the_families_of_the_plan() -> None:
    words = sentence(planned("a/mood", "b/mood", "c", "d"), a=0.1, b=0.1, c=0.2, d=0.2)
    assert "over mood (2 outcomes); all other outcomes without a family of their own (2 outcomes), one test" in words


def test_it_says_where_nothing_is_adjusted() -> None:
    words = sentence(planned("a", "b", multiplicity="none"), a=0.1, b=0.2)
    assert words.startswith("There are 2 tests here, and the plan adjusts none of them for that")


def test_it_says_nothing_of_a_single_test() -> None:
    assert sentence(planned("a"), a=0.1) == ""
    assert sentence(planned("a", multiplicity="none"), a=0.1) == ""


# ---------------------------------------------------------------------------- tables and files


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    return compare(load.read(study.write(tmp_path_factory.mktemp("families") / "bundle")))


def table(made: Comparison, own: dict[str, Adjusted]) -> dict[str, dict[str, object]]:
    others = tuple(outcome for outcome in made.plan.outcomes if not outcome.primary)
    whole = outcomes.estimates(made, others, "others", "Others", own)
    guard = Gate({}, 10)
    released = guard.table(whole)
    return {
        label: dict(zip(released.columns, (cell.text for cell in cells), strict=True)) for label, cells in released.rows
    }


def test_the_adjusted_p_value_stands_beside_the_other_in_the_row_of_the_main_answer(made: Comparison) -> None:
    own = adjusted(made.plan, made.fitted)
    rows = table(made, own)
    columns = list(next(iter(rows.values())))
    assert columns[-3:] == ["p", "p, adjusted", "Method"]
    main, beside = rows["GP attendances: rate ratio"], rows["GP attendances: rate difference per person-year"]
    assert main["p, adjusted"] == f"{own['gp'].p_value:.3f}"
    assert beside["p, adjusted"] == "–"
    assert beside["p"] != "–"


def test_they_are_those_of_the_unadjusted_ones(made: Comparison) -> None:
    own = adjusted(made.plan, made.fitted)
    p_values = [made.fitted[id].main.p_value or 0 for id in ("phq9-6m", "gp")]
    assert [own[id].p_value for id in ("phq9-6m", "gp")] == pytest.approx(list(adjusted_p_values(p_values, "holm")))


def test_without_any_there_is_no_column_for_them(made: Comparison) -> None:
    assert "p, adjusted" not in next(iter(table(made, {}).values()))


def test_where_one_of_the_family_is_of_few_people_none_is_shown(made: Comparison) -> None:
    few = {**made.fitted, "phq9-6m": replace(made.fitted["phq9-6m"], n=(4, 60))}
    own = adjusted(made.plan, few)
    assert {each.n for each in own.values()} == {4}
    assert table(made, own)["GP attendances: rate ratio"]["p, adjusted"] == "n<10"
    assert own["gp"].shown(Gate({}, 10)) is None
    assert own["gp"].shown(Gate({}, 0)) == own["gp"].p_value


def test_the_files_have_them_for_the_main_answers_of_a_family_alone(made: Comparison, tmp_path: Path) -> None:
    write(made, tmp_path / "out")
    with (tmp_path / "out" / "estimates.csv").open(newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    rows = json.loads((tmp_path / "out" / "estimates.json").read_text(encoding="utf-8"))
    own = adjusted(made.plan, made.fitted)
    filled = {(row["outcome"], row["term"], row["scale"]): row["p_adjusted"] for row in rows if row["p_adjusted"]}
    assert filled == pytest.approx(
        {("phq9-6m", "arm", "difference"): own["phq9-6m"].p_value, ("gp", "arm", "rate ratio"): own["gp"].p_value}
    )
    assert sum(bool(line["p_adjusted"]) for line in lines) == 2
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "Holm&#x27;s method over the 2 outcomes here that have a p-value" in page


def test_a_plan_that_adjusts_nothing_leaves_them_empty(
    read: Callable[..., load.Dataset], rows: study.Rows, tmp_path: Path
) -> None:
    write(compare(read(rows, study.PLAN + '[analysis]\nmultiplicity = "none"\n')), tmp_path / "out")
    found_rows = json.loads((tmp_path / "out" / "estimates.json").read_text(encoding="utf-8"))
    assert {row["p_adjusted"] for row in found_rows} == {None}
