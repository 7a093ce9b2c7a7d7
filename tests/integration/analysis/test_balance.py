"""How alike the arms are, before and after weighting, and what something unseen would have to be."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from analysis.cohort import rows_of
from analysis.estimators.matching import match
from analysis.load import Dataset, read
from analysis.report import balance, compare, write
from analysis.report.comparison import Comparison
from analysis.report.contents import lay_out
from tests.unit.analysis import study

Reader = Callable[..., Dataset]
FEW = "\n[analysis]\nsmall_number = 1000\n"


@pytest.fixture(scope="module")
def comparison(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    return compare(read(study.write(tmp_path_factory.mktemp("balance") / "bundle")))


@pytest.fixture(scope="module")
def out(comparison: Comparison, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("out") / "out"
    write(comparison, folder)
    return folder


def lines(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def made(tmp_path: Path, rows: study.Rows | None = None, plan: str = study.PLAN) -> Comparison:
    return compare(read(study.write(tmp_path / "bundle", rows, plan)))


def said(comparison: Comparison) -> list[str]:
    whole = lay_out(comparison)
    return [*balance.unseen(comparison, comparison.plan.primary, whole.gate)]


def test_differences_as_they_came_are_those_of_the_two_arms(comparison: Comparison, out: Path) -> None:
    shown = {
        row["row"]: float(row["value"])
        for row in lines(out / "tables" / "balance.csv")
        if row["column"] == "As they came" and row["statistic"] == "standardised_difference"
    }
    people = comparison.cohort.people
    ages = [people.loc[people["arm"] == arm, "age"].astype(float) for arm in (1, 0)]
    spread = math.sqrt((ages[0].var(ddof=1) + ages[1].var(ddof=1)) / 2)
    assert shown["Age"] == pytest.approx((ages[0].mean() - ages[1].mean()) / spread, abs=1e-9)
    assert set(shown) == {"Baseline score", "Age", "Sex: male"}


def test_what_is_not_adjusted_for_is_not_passed_off_as_alike(out: Path) -> None:
    """The PHQ-9 at the baseline is in no line of the table, however far apart the arms are in it."""
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "in what else the arms differ stands under people, in the baseline by arm" in page


def test_overlap_and_entropy_weights_leave_no_difference_in_what_was_measured(out: Path) -> None:
    rows = lines(out / "tables" / "balance.csv")
    for column in ("Overlap weights", "Entropy balance"):
        gaps = [
            float(row["value"])
            for row in rows
            if (row["column"], row["statistic"]) == (column, "standardised_difference")
        ]
        assert len(gaps) == 3
        assert np.abs(gaps).max() < 1e-6


def test_weights_are_worth_no_more_people_than_there_are(comparison: Comparison, out: Path) -> None:
    sizes = [float(row["value"]) for row in lines(out / "tables" / "balance.csv") if row["statistic"] == "effective"]
    assert len(sizes) == 6
    assert all(0 < size <= len(comparison.cohort.people) / 2 + 1e-9 for size in sizes)


def test_pairs_stand_beside_the_weights_with_what_they_leave(comparison: Comparison, out: Path) -> None:
    rows = [row for row in lines(out / "tables" / "balance.csv") if row["column"] == "Matched pairs"]
    gaps = {row["row"]: float(row["value"]) for row in rows if row["statistic"] == "standardised_difference"}
    found = match(rows_of(comparison.cohort, comparison.plan.primary), comparison.plan.covariates)
    assert gaps == pytest.approx(dict(zip(["Baseline score", "Age", "Sex: male"], found.balance.after, strict=True)))


@pytest.mark.parametrize(("small_number", "shown"), [(0, "72"), (8, "72"), (9, "withheld"), (100, "<100")])
def test_how_many_pairs_there_are_stays_behind_where_it_would_give_a_few_left_out_away(
    small_number: int, shown: str, comparison: Comparison
) -> None:
    """Of the eighty people of each arm eight found nobody."""
    plan = replace(comparison.plan, small_number=small_number)
    dataset = replace(comparison.cohort.dataset, plan=plan)
    other = replace(comparison, cohort=replace(comparison.cohort, plan=plan, dataset=dataset))
    table = next(each for each in lay_out(other).tables if each.name == "balance")
    texts = [cells[table.columns.index("Matched pairs")].text for label, cells in table.rows if "Worth" in label]
    assert texts == [shown, shown]


def test_pairs_by_other_facts_have_no_difference_shown_in_what_they_were_not_made_by(tmp_path: Path) -> None:
    plan = study.PLAN.replace("primary = true", 'primary = true\nbeside = ["matching"]\nmatch_on = ["age"]')
    table = next(each for each in lay_out(made(tmp_path, plan=plan)).tables if each.name == "balance")
    shown = {label: cells[table.columns.index("Matched pairs")].text for label, cells in table.rows}
    assert shown["Baseline score"] == shown["Sex: male"] == "–"
    assert shown["Age"] != "–"


def test_the_love_plot_is_drawn_and_put_into_words(out: Path) -> None:
    page = (out / "report.html").read_text(encoding="utf-8")
    assert (out / "figures" / "love.svg").exists()
    found = re.search(
        r'aria-label="Love plot of standardised differences[^"]*The largest before is ([\d.]+) \(([^)]+)\)', page
    )
    assert found is not None
    assert found[2] in {"Baseline score", "Age", "Sex: male"}
    assert page.index('id="people"') < page.index('id="balance"') < page.index('id="primary"')


def test_a_trial_has_no_such_section_because_chance_made_the_arms(tmp_path: Path) -> None:
    trial = made(tmp_path, plan=study.PLAN.replace("controlled-before-after", "cluster-randomised"))
    assert "balance" not in [section.id for section in lay_out(trial).sections]
    assert said(trial) == []


def test_arms_of_too_few_people_show_no_difference_and_no_figure(tmp_path: Path) -> None:
    few = made(tmp_path, plan=study.PLAN + FEW)
    whole = lay_out(few)
    table = next(table for table in whole.tables if table.name == "balance")
    texts = {cell.text for _, cells in table.rows for cell in cells}
    assert texts <= {"n<1000", "<1000", "–"}
    assert "love" not in [drawing.name for drawing in whole.drawings]
    assert said(few) == []


def test_people_of_a_kind_that_one_arm_lacks_are_told_and_stop_nothing_else(tmp_path: Path) -> None:
    rows = study.tables()
    for line in rows["people"]:
        born = line["birth_year"] % 10
        line["birth_year"] = 1940 + born if int(line["person"][1]) <= 4 else 1980 + born
    apart = made(tmp_path, rows)
    section = next(section for section in lay_out(apart).sections if section.id == "balance")
    assert any("in one arm" in str(block) or "determined" in str(block) for block in section.blocks)
    assert "primary" in [section.id for section in lay_out(apart).sections]


def test_the_e_value_of_a_difference_is_that_of_the_published_formula(comparison: Comparison) -> None:
    """exp(0.91 d) is about the risk ratio of a difference of d standard deviations; then RR + sqrt(RR (RR - 1))."""
    main = replace(comparison.fitted["eq5d-6m"].main, estimate=0.1, conf_low=0.04, conf_high=0.16)
    fitted = replace(comparison.fitted["eq5d-6m"], answers=(main,))
    certain = replace(comparison, fitted=comparison.fitted | {"eq5d-6m": fitted})
    scores = comparison.cohort.scores
    primary = scores[(scores["instrument"] == "eq5d-5l") & (scores["timepoint"] == "6m")]["score"]
    expected = []
    for value in (0.1, 0.04):
        ratio = math.exp(0.91 * value / primary.std())
        expected.append(f"{ratio + math.sqrt(ratio * (ratio - 1)):.1f}")
    (sentence,) = said(certain)
    assert re.findall(r"\d\.\d", sentence) == expected


def test_an_interval_that_holds_no_difference_needs_nothing_unseen(comparison: Comparison) -> None:
    assert said(comparison) == [
        "The interval holds no difference already: nothing unmeasured is needed to explain the answer."
    ]


@pytest.mark.parametrize(("low", "high", "nearer"), [(0.7, 0.9, 0.9), (1.2, 1.9, 1.2)])
def test_a_ratio_is_taken_as_it_is(comparison: Comparison, low: float, high: float, nearer: float) -> None:
    outcome = next(outcome for outcome in comparison.plan.outcomes if outcome.id == "gp")
    middle = math.sqrt(low * high)
    answers = (replace(comparison.fitted["gp"].main, estimate=middle, conf_low=low, conf_high=high),)
    certain = replace(comparison, fitted=comparison.fitted | {"gp": replace(comparison.fitted["gp"], answers=answers)})
    (sentence,) = balance.unseen(certain, outcome, lay_out(comparison).gate)
    away = [max(value, 1 / value) for value in (middle, nearer)]
    assert re.findall(r"\d\.\d", sentence) == [f"{each + math.sqrt(each * (each - 1)):.1f}" for each in away]


def test_an_answer_without_an_interval_has_no_e_value(tmp_path: Path) -> None:
    rows = study.tables()
    kept = {"s1", *(f"s{number}" for number in range(5, 9))}
    for table in ("people", "sites", "allocations"):
        rows[table] = [line for line in rows[table] if line["site"] in kept]
    names = {line["person"] for line in rows["people"]}
    for table, content in rows.items():
        if content and "person" in content[0]:
            rows[table] = [line for line in content if line["person"] in names]
    assigned = {line["referral"] for line in rows["referrals"]}
    rows["assignments"] = [line for line in rows["assignments"] if line["referral"] in assigned]
    alone = made(tmp_path, rows)
    assert alone.fitted["eq5d-6m"].main.conf_low is None
    assert said(alone) == []
