"""Few people of both arms together: nobody has them by subtraction from the study, or from another report of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta

import pytest

from analysis import compare, load
from analysis.cohort import Cohort, assemble
from analysis.report.contents import Contents, lay_out
from analysis.report.description import lay_out_description
from tests.unit.analysis import study

Read = Callable[..., load.Dataset]
SCALE_OF = {
    "eq5d": 'instrument = "eq5d-5l"\nscale = "value"\nvalue_set = "uk-2026-rowen"',
    "phq9": 'instrument = "phq9"',
}
PHQ9_FIRST = study.PLAN.replace(SCALE_OF["phq9"], "LATER").replace(SCALE_OF["eq5d"], SCALE_OF["phq9"])
PHQ9_FIRST = PHQ9_FIRST.replace("LATER", SCALE_OF["eq5d"])
FEW = ("s1-0", "s2-0", "s3-0", "s5-0", "s6-0", "s7-0")  # three of each arm


def table(found: Contents, name: str) -> dict[str, tuple[str, ...]]:
    """The rows of one table that leaves, by label."""
    rows = next(each for each in found.tables if each.name == name).rows
    return {label: tuple(cell.text for cell in cells) for label, cells in rows}


def lost(rows: study.Rows, people: Iterable[str], *timepoints: str) -> study.Rows:
    """The same without the scores of some people at some timepoints."""
    gone = set(people)
    for name in ("assessments", "scores"):
        rows[name] = [line for line in rows[name] if line["person"] not in gone or line["timepoint"] not in timepoints]
    return rows


@pytest.fixture
def whole(rows: study.Rows) -> study.Rows:
    """The invented study with every score of everybody, and some event before and after each entry."""
    for line in rows["service_use"]:
        line["count"] += 1
    there = {line["assessment"] for line in rows["scores"]}
    for person in rows["people"]:
        for instrument, scale, value_set, mean, *_ in study.SCALES:
            for timepoint, day in study.DAYS.items():
                about = {"person": person["person"], "instrument": instrument, "version": "1", "timepoint": timepoint}
                if f"{person['person']}.{instrument}.{timepoint}" not in there:
                    study._score(rows, about, person["entered_on"] + timedelta(day), scale, value_set, mean)
    return rows


def test_those_an_estimate_leaves_out_are_few_in_both_arms_together(read: Read, whole: study.Rows) -> None:
    """154 of the 160 people would tell that six had no score."""
    found = lay_out(compare(read(lost(whole, FEW, "6m"))))
    assert table(found, "analysed")["EQ-5D value at 6 months"] == ("withheld", "withheld", "withheld")
    assert "154" not in str(found.sections[0])


def test_so_are_those_whom_another_method_leaves_out(read: Read, whole: study.Rows) -> None:
    """Who had no event at all says nothing of a change: 154 of 160 would tell that six had none."""
    for line in whole["service_use"]:
        line["count"] *= line["person"] not in FEW
    beside = table(lay_out(compare(read(whole))), "beside-gp")
    assert {label: cells[0] for label, cells in beside.items()} == {
        "Poisson, CR2 by site (planned)": "160",
        "Conditional Poisson, person effects, CR2 by site": "withheld",
    }


def test_a_description_does_not_show_how_few_were_not_measured(
    cohort_of: Callable[..., Cohort], whole: study.Rows
) -> None:
    found = table(lay_out_description(cohort_of(lost(whole, FEW, "3m"))), "together-eq5d-5l-value")
    assert {label: cells[0] for label, cells in found.items()} == {
        "Baseline": "160 (100%)",
        "3 months": "withheld",
        "6 months": "160 (100%)",
    }


def test_nor_of_how_few_the_service_use_is_unknown(cohort_of: Callable[..., Cohort], whole: study.Rows) -> None:
    whole["service_use"] = [
        line
        for line in whole["service_use"]
        if line["person"] not in FEW or line["until_on"] > study.ENTRY + timedelta(60)
    ]
    found = table(lay_out_description(cohort_of(whole)), "use")
    assert [cells[0] for cells in found.values()] == ["withheld", "160"]


def test_a_description_holds_back_what_the_comparison_does(read: Read, whole: study.Rows) -> None:
    """Eight were lost at the last time alone: all who were lost then, less those lost earlier, would tell."""
    for site in ("s1", "s5"):
        lost(whole, [f"{site}-{place}" for place in range(12)], "3m", "6m")
    dataset = read(lost(whole, [f"s1-{place}" for place in range(12, 20)], "6m"))
    compared, described = (
        table(each, "flow") for each in (lay_out(compare(dataset)), lay_out_description(assemble(dataset)))
    )
    assert compared["Measured: 3 months"][0] == "withheld"
    assert described["Measured: 3 months"][0] == "withheld"


def test_a_percentage_of_those_asked_does_not_tell_how_few_were_lost_late(read: Read, whole: study.Rows) -> None:
    """20 of 68 asked are 29.4 %: that gives the 68, hence the 12 lost both times, and of the 20 lost at last the 8."""
    lost(whole, [f"s1-{place}" for place in range(12)], "3m", "6m")
    lost(whole, [f"s1-{place}" for place in range(12, 20)], "6m")
    later = [line for line in whole["assessments"] if line["instrument"] == "phq9" and line["timepoint"] == "3m"]
    whole["item_responses"] = [
        {"assessment": line["assessment"], "item": "i9", "value": int(place % 3 == 0)}
        for place, line in enumerate(later)
    ]
    found = lay_out(compare(read(whole, PHQ9_FIRST)))
    assert table(found, "patterns")["Not at 6 months"][0] == "<10"
    (row,) = (cells for label, cells in table(found, "harms").items() if "after baseline" in label)
    assert "%" not in row[0]
