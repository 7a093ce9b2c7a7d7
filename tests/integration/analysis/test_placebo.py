"""The comparison from a screening to the baseline: what it finds where one arm was picked at a bad moment, or neither."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from analysis import compare
from analysis.cohort import facts_of, scores_at
from analysis.disclosure import Gate
from analysis.estimators.ancova import ancova
from analysis.load import read as read_bundle
from analysis.report import placebo
from analysis.report.comparison import Comparison
from analysis.report.contents import Contents, lay_out
from analysis.result import Fitted
from instruments.plan import Timepoint
from tests.integration.analysis.test_bad_moments import DIP, SCREENED, rows_with_a_screening
from tests.unit.analysis import study

EARLIER = '\n[[outcomes]]\nid = "eq5d-3m"\nlabel = "EQ-5D value at 3 months"\ninstrument = "eq5d-5l"\nscale = "value"\n'
EARLIER += 'value_set = "uk-2026-rowen"\ntimepoint = "3m"\n'
LOW = '\n[[outcomes]]\nid = "low"\nlabel = "Low value at 6 months"\nkind = "binary"\ninstrument = "eq5d-5l"\n'
LOW += 'scale = "value"\nvalue_set = "uk-2026-rowen"\nat_most = 0.6\n'
OPEN = Gate({}, 0)


def comparison_of(folder: Path, rows: study.Rows, plan: str) -> Comparison:
    return compare(read_bundle(study.write(folder, rows, plan)))


@pytest.fixture(scope="module")
def dipped(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    """One arm was picked when it was low; three outcomes are on the scale that was screened."""
    return comparison_of(
        tmp_path_factory.mktemp("dip") / "bundle", rows_with_a_screening(DIP), SCREENED + EARLIER + LOW
    )


@pytest.fixture(scope="module")
def alike(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    return comparison_of(tmp_path_factory.mktemp("alike") / "bundle", rows_with_a_screening(0.0), SCREENED)


@pytest.fixture(scope="module")
def whole(dipped: Comparison) -> Contents:
    return lay_out(dipped)


def screening(comparison: Comparison) -> Timepoint:
    (only,) = comparison.plan.screenings
    return only


def found(comparison: Comparison, id: str = "eq5d-6m") -> dict[str, Fitted]:
    outcome = next(outcome for outcome in comparison.plan.outcomes if outcome.id == id)
    runs = placebo.runs(comparison, outcome, screening(comparison))
    return {method: run for method, run in runs.items() if not isinstance(run, str)}


# ---------------------------------------------------------------------------- what is run


def test_the_planned_method_and_what_always_stands_beside_it_are_run(dipped: Comparison) -> None:
    assert list(found(dipped)) == ["ancova", "did"]
    assert list(found(dipped, "low")) == ["logistic", "modified-poisson"]


def test_differences_in_differences_finds_all_of_a_dip_in_one_arm(dipped: Comparison) -> None:
    """It is the mean change of one arm less that of the other, by hand."""
    then, now = (scores_at(dipped.cohort, dipped.plan.primary, id) for id in ("referral", "baseline"))
    change = (now - then).groupby(dipped.cohort.people["arm"]).mean()
    run = found(dipped)["did"].main
    assert run.estimate == pytest.approx(change[1] - change[0], abs=1e-9)
    assert run.estimate == pytest.approx(DIP, abs=0.03)
    assert run.conf_low is not None
    assert run.conf_low > 0


def test_ancova_is_that_of_the_baseline_on_the_screening(dipped: Comparison) -> None:
    outcome, plan = dipped.plan.primary, dipped.plan
    then, now = (scores_at(dipped.cohort, outcome, id) for id in ("referral", "baseline"))
    rows = facts_of(dipped.cohort, outcome).join(now.rename("score")).join(then.rename("baseline"))
    by_hand = ancova(rows, covariates=plan.covariates, errors=plan.errors, confidence=plan.confidence)
    assert found(dipped)["ancova"].main == by_hand.main


def test_without_a_dip_it_finds_nothing(alike: Comparison) -> None:
    for run in found(alike).values():
        assert run.main.conf_low is not None
        assert run.main.conf_high is not None
        assert run.main.conf_low < 0 < run.main.conf_high


def test_scores_after_the_baseline_have_no_say(dipped: Comparison) -> None:
    scores = dipped.cohort.scores
    bent = scores.assign(score=scores["score"].where(scores["timepoint"].isin(["referral", "baseline"]), 0.0))
    other = replace(dipped, cohort=replace(dipped.cohort, scores=bent))
    assert found(other) == found(dipped)


def test_of_two_outcomes_that_would_give_the_same_run_the_first_has_it(dipped: Comparison) -> None:
    assert found(dipped, "eq5d-3m") == {}


def test_a_scale_that_was_not_screened_has_none(dipped: Comparison) -> None:
    assert found(dipped, "phq9-6m") == {}


def test_a_plan_without_a_screening_has_none(tmp_path_factory: pytest.TempPathFactory) -> None:
    plain = comparison_of(tmp_path_factory.mktemp("plain") / "bundle", study.tables(), study.PLAN)
    names = [table.name for table in lay_out(plain).tables]
    assert not [name for name in names if name.startswith("placebo")]


def test_a_method_that_refuses_is_told_and_stops_nothing(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Everybody has the same score at the screening, so that it cannot be adjusted for."""
    rows = rows_with_a_screening(0.0)
    for line in rows["scores"]:
        if line["timepoint"] == "referral":
            line["score"] = 0.5
    flat = comparison_of(tmp_path_factory.mktemp("flat") / "bundle", rows, SCREENED)
    runs = placebo.runs(flat, flat.plan.primary, screening(flat))
    assert isinstance(runs["ancova"], str)
    said = list(placebo.in_words(flat, flat.plan.primary, screening(flat), runs, OPEN))
    assert any(text.startswith("No placebo run of ANCOVA") for text in said)
    table = placebo.table(flat, flat.plan.primary, screening(flat), runs)
    assert any(cells[0].text.startswith("Not run: ") for _, cells in table.rows)


# ---------------------------------------------------------------------------- what is said


def test_the_report_says_how_to_read_it_and_what_it_found(whole: Contents) -> None:
    section = next(section for section in whole.sections if section.id == "primary")
    said = [block for block in section.blocks if isinstance(block, str)]
    place = next(place for place, text in enumerate(said) if text.startswith("Placebo: "))
    assert "with “Baseline” as its outcome and “Referral” as its baseline" in said[place]
    assert "it should find a difference of zero" in said[place]
    for text, method in zip(said[place + 1 : place + 3], ("ANCOVA", "Difference-in-differences"), strict=True):
        assert text.startswith(method)
        assert "Zero lies outside the interval: the arms parted before there was anything to part them" in text


def test_the_table_has_the_planned_answer_above_its_placebo(whole: Contents, dipped: Comparison) -> None:
    table = next(table for table in whole.tables if table.name == "placebo-eq5d-6m-referral")
    labels = [label for label, _ in table.rows]
    assert [label.rpartition(": ")[2] for label in labels] == ["as planned", "placebo"] * 2
    shown = [cells[table.columns.index("Estimate")].values["estimate"] for _, cells in table.rows]
    runs = found(dipped)
    beside = dipped.by_method(dipped.plan.primary)
    assert shown == [each[m].main.estimate for m in ("ancova", "did") for each in (beside, runs)]


def test_an_event_has_one_too(whole: Contents) -> None:
    names = [table.name for table in whole.tables]
    assert "placebo-low-referral" in names
    assert "placebo-eq5d-3m-referral" not in names
    assert "placebo-phq9-6m-referral" not in names


def test_an_interval_that_holds_nothing_is_called_so(alike: Comparison) -> None:
    runs = found(alike)
    said = list(placebo.in_words(alike, alike.plan.primary, screening(alike), runs, OPEN))
    assert [text.endswith("Zero lies inside the interval.") for text in said] == [False, True, True]


def test_without_an_interval_nothing_is_claimed(alike: Comparison) -> None:
    run = found(alike)["did"]
    without = replace(run, answers=(replace(run.main, conf_low=None, conf_high=None),))
    said = list(placebo.in_words(alike, alike.plan.primary, screening(alike), {"did": without}, OPEN))
    assert said[-1].endswith("Without an interval it cannot be said whether zero lies inside.")


def test_few_people_are_neither_said_nor_shown(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Six people of one arm were screened: what their placebo finds stays behind."""
    rows, dice = rows_with_a_screening(0.0), random.Random(1)
    kept = {f"s{n}-{place}" for n in range(5, 9) for place in range(20)}
    kept |= {f"s{n}-{place}" for n, many in ((1, 2), (2, 2), (3, 1), (4, 1)) for place in dice.sample(range(20), many)}
    for table in ("assessments", "scores"):
        rows[table] = [line for line in rows[table] if line["timepoint"] != "referral" or line["person"] in kept]
    few = comparison_of(tmp_path_factory.mktemp("few") / "bundle", rows, SCREENED)
    runs = placebo.runs(few, few.plan.primary, screening(few))
    said = list(placebo.in_words(few, few.plan.primary, screening(few), runs, Gate({}, 10)))
    assert len(said) == 1
    table = next(table for table in lay_out(few).tables if table.name == "placebo-eq5d-6m-referral")
    shown = {label.rpartition(": ")[2]: cells[table.columns.index("Estimate")].text for label, cells in table.rows}
    assert shown["placebo"] == "n<10"
    assert shown["as planned"] != "n<10"


def test_two_screenings_give_a_run_each(tmp_path_factory: pytest.TempPathFactory) -> None:
    rows = rows_with_a_screening(DIP)
    for table in ("assessments", "scores"):
        for line in [each for each in rows[table] if each["timepoint"] == "referral"]:
            later = {"assessment": line["assessment"].replace("referral", "again"), "timepoint": "again"}
            if "assessed_on" in line:
                later["assessed_on"] = line["assessed_on"] + timedelta(12)
            rows[table].append(line | later)
    again = '[[timepoints]]\nid = "again"\nlabel = "Again"\nday = -30\nwindow = [-1, 1]\nscreening = true\n\n'
    plan = SCREENED.replace('[[timepoints]]\nid = "baseline"', again + '[[timepoints]]\nid = "baseline"')
    names = [table.name for table in lay_out(comparison_of(tmp_path_factory.mktemp("two") / "b", rows, plan)).tables]
    assert {"placebo-eq5d-6m-referral", "placebo-eq5d-6m-again"} <= set(names)
