"""The sheet for judging risk of bias: facts by domain, none judged, none that gives somebody away."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from analysis import compare, load
from analysis.disclosure import gate
from analysis.report import robins
from analysis.report.balance import e_values
from analysis.report.comparison import Comparison
from analysis.result import Table
from tests.unit.analysis import study

Read = Callable[..., load.Dataset]
ALL_SHOWN = study.PLAN + "[analysis]\nsmall_number = 0\n"
NUMBERED = (
    "1. Confounding", "2. Selection of participants into the study", "3. Classification of interventions",
    "4. Deviations from intended interventions", "5. Missing data", "6. Measurement of outcomes",
    "7. Selection of the reported result",
)  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    return compare(load.read(study.write(tmp_path_factory.mktemp("bias") / "bundle")))


def facts(table: Table, threshold: int = 10) -> dict[str, str]:
    """What the sheet says, row by row, once it has passed the gate."""
    released = gate([table], threshold).table(table)
    return {label: cells[0].text for label, cells in released.rows}


def of(read: Read, rows: study.Rows, plan: str = ALL_SHOWN) -> dict[str, str]:
    return facts(robins.sheet(compare(read(rows, plan))), threshold=0)


def randomised(plan: str = ALL_SHOWN) -> str:
    return plan.replace("controlled-before-after", "cluster-randomised")


# ---------------------------------------------------------------------------- domains


def test_the_seven_domains_stand_in_order(made: Comparison) -> None:
    assert tuple(label for label in facts(robins.sheet(made)) if label[0].isdigit()) == NUMBERED


def test_every_judgement_is_left_open(made: Comparison) -> None:
    table = robins.sheet(made)
    assert table.columns == ("What the data say", "Judgement (left to people)")
    assert {cells[1].text for _, cells in table.rows} == {""}


def test_the_source_of_the_domains_is_cited(made: Comparison) -> None:
    assert "doi:10.1136/bmj.i4919" in robins.sheet(made).notes[0]


def test_a_trial_has_the_five_domains_of_its_own_tool(read: Read, rows: study.Rows) -> None:
    table = robins.sheet(compare(read(rows, randomised())))
    assert [label for label in facts(table) if label[0].isdigit()] == [
        "1. Randomisation process", "2. Deviations from intended interventions", "3. Missing outcome data",
        "4. Measurement of the outcome", "5. Selection of the reported result",
    ]  # fmt: skip
    assert "doi:10.1136/bmj.l4898" in table.notes[0]
    assert not [label for label in facts(table) if "E-value" in label]


# ---------------------------------------------------------------------------- confounding


def test_the_largest_difference_is_named_with_its_size(read: Read, rows: study.Rows) -> None:
    for person in rows["people"]:
        person["ltc_count"] = (5 if person["site"] in ("s1", "s2", "s3", "s4") else 1) + (person["birth_year"] % 2)
    found = of(read, rows)
    assert float(found["Largest standardised difference at baseline: Long-term conditions"]) > 5


def test_a_difference_of_few_people_is_not_the_one_shown(read: Read, rows: study.Rows) -> None:
    for place, person in enumerate(rows["people"]):
        person["ltc_count"] = (9 + place % 2 if person["site"] < "s5" else place % 2) if place % 20 < 2 else None
    shown = facts(robins.sheet(compare(read(rows))))
    assert not [label for label in shown if "Long-term conditions" in label]


def test_it_says_what_the_estimate_is_adjusted_for(made: Comparison) -> None:
    assert facts(robins.sheet(made))["Adjusted for"] == "the baseline score, age and sex"


def test_the_e_value_is_that_of_the_first_page(made: Comparison) -> None:
    values = e_values(made, made.plan.primary)
    assert values
    row = facts(robins.sheet(made))["E-value of the estimate, and of the limit nearer to no difference"]
    assert row == f"{values[0]:.1f}; the interval holds no difference"


def test_a_clear_difference_has_two_e_values(read: Read, rows: study.Rows) -> None:
    for line in rows["scores"]:
        if line["timepoint"] == "6m" and line["instrument"] == "eq5d-5l":
            line["score"] = min(max(line["score"] - 0.3 * (line["person"] > "s5"), -0.3), 1)
    row = of(read, rows)["E-value of the estimate, and of the limit nearer to no difference"]
    first, second = (float(value) for value in row.split(" and "))
    assert first > second > 1


def test_the_estimates_of_all_methods_are_spanned(made: Comparison) -> None:
    values = [
        made.fitted["eq5d-6m"].main.estimate,
        *(b.fitted.main.estimate for b in made.beside["eq5d-6m"] if b.fitted),
    ]
    row = facts(robins.sheet(made))["Estimates by different methods"]
    assert row == f"2, from {min(values):.3f} to {max(values):.3f}"


# ---------------------------------------------------------------------------- selection, classification, deviations


def test_who_met_a_link_worker_before_entry_is_counted(read: Read, rows: study.Rows) -> None:
    early = {f"c-s1-{place}-0" for place in range(6)}
    for contact in rows["contacts"]:
        if contact["contact"] in early:
            contact["contacted_on"] -= timedelta(30)
    assert of(read, rows)["First attended contact before entry: Link worker"] == "6 (8%)"


def test_without_contacts_it_says_so_and_counts_nobody(read: Read, rows: study.Rows) -> None:
    rows["contacts"], rows["signposts"] = [], []
    found = of(read, rows)
    assert found["First attended contact before entry: Link worker"] == robins.NOT_IN_THE_DATA
    assert found["Usual care: met a link worker"] == robins.NOT_IN_THE_DATA


def test_sites_allocated_after_people_entered_are_counted_by_people(read: Read, rows: study.Rows) -> None:
    for line in rows["allocations"]:
        if line["site"] == "s6":
            line["from_on"] = study.ENTRY + timedelta(400)
    found = of(read, rows)
    assert found["Allocation began after they entered: Usual care"] == "20 (25%)"
    assert found["Allocation began after they entered: Link worker"] == "0 (0%)"


def test_arms_are_said_to_be_those_of_the_allocation(made: Comparison) -> None:
    row = facts(robins.sheet(made))["Arm of each person"]
    assert row == "By their site's allocation at entry, whatever they received"


def test_contamination_and_people_never_reached_are_counted(read: Read, rows: study.Rows) -> None:
    gone = {f"s1-{place}" for place in range(5)}
    rows["contacts"] = [line for line in rows["contacts"] if line["person"] not in gone]
    rows["signposts"] = [line for line in rows["signposts"] if line["person"] not in gone]
    like = dict(rows["contacts"][0], attendance="attended")
    answered = dict(rows["referrals"][0])
    for place in range(3):
        person = f"s7-{place}"
        rows["referrals"].append(answered | {"referral": f"ref-{person}", "person": person})
        rows["contacts"].append(like | {"contact": f"c-{person}", "person": person, "referral": f"ref-{person}"})
    found = of(read, rows)
    assert found["Link worker: never met a link worker"] == "5 (6%)"
    assert found["Usual care: met a link worker"] == "3 (4%)"


def test_few_who_met_one_are_not_counted_out(read: Read, rows: study.Rows) -> None:
    gone = {f"s1-{place}" for place in range(5)}
    rows["contacts"] = [line for line in rows["contacts"] if line["person"] not in gone]
    rows["signposts"] = [line for line in rows["signposts"] if line["person"] not in gone]
    assert facts(robins.sheet(compare(read(rows))))["Link worker: never met a link worker"] == "<10"


# ---------------------------------------------------------------------------- missing data, measurement, reporting


def test_follow_up_and_people_analysed_are_shown_by_arm_with_their_difference(made: Comparison) -> None:
    found = facts(robins.sheet(made), threshold=0)
    assert found["Measured at 6 months: Link worker"] == "65 (81%)"
    assert found["Analysed: Usual care"] == "69 (86%)"
    assert found["Analysed: difference"] == "5.0 percentage points"


def test_where_a_count_is_held_back_so_is_the_difference(read: Read, rows: study.Rows) -> None:
    few = {f"s{site}-{place}" for site in range(1, 5) for place in range(18)}
    for name in ("scores", "assessments"):
        rows[name] = [line for line in rows[name] if line["person"] not in few or line["timepoint"] != "6m"]
    found = facts(robins.sheet(compare(read(rows))))
    assert found["Analysed: Link worker"] == "<10"
    assert found["Analysed: difference"] == "withheld"


def test_who_answered_and_how_stands_by_arm(read: Read, rows: study.Rows) -> None:
    for line in rows["assessments"]:
        if line["person"].startswith("s2"):
            line |= {"mode": "telephone", "respondent": "proxy"}
    found = of(read, rows)
    there = int(found["Answered by: someone on their behalf: Link worker"].split()[0])
    assert 10 <= there <= 20
    assert found["How: telephone: Link worker"].split()[0] == str(there)
    assert found["How: in person: Link worker"].split()[0] == str(65 - there)
    assert found["How: telephone: Usual care"] == "0 (0%)"
    assert found["Whether whoever asked knew the arm"] == robins.NOT_IN_THE_DATA


def test_a_count_says_where_it_comes_from(read: Read, rows: study.Rows) -> None:
    plan = ALL_SHOWN.replace("primary = true\n", "").replace('setting = "gp"', 'setting = "gp"\nprimary = true')
    found = of(read, rows, plan)
    assert found["Where the counts come from"] == "Extract from the health record"
    assert "Measured at 6 months: Link worker" not in found
    assert found["Analysed: Link worker"] == "80 (100%)"


def test_the_plan_s_hash_and_what_was_reported_of_it_are_there(made: Comparison) -> None:
    found = facts(robins.sheet(made))
    (shown,) = (text for label, text in found.items() if label.startswith("SHA-256 of the plan"))
    assert shown == f"{made.plan.sha256[:12]}…"
    assert found["Outcomes"] == "3 planned, 3 estimated, all in the order of the plan"
    assert found["Subgroups"] == "None planned, none shown"
    assert found["Departures from the plan, and what was left out"] == "None"


def test_what_the_plan_leaves_out_is_not_called_a_departure(read: Read, rows: study.Rows) -> None:
    until = rows["people"][0]["entered_on"]
    found = of(read, rows, ALL_SHOWN.replace("[study]", f"[study]\nenrolled_until = {until}"))
    listed = {label for label, text in found.items() if text == "Listed at the end of this report"}
    assert listed == {"Departures from the plan, and what was left out"}


def test_an_outcome_without_an_estimate_says_so_in_its_place(read: Read, rows: study.Rows) -> None:
    for name in ("scores", "assessments"):
        rows[name] = [
            line
            for line in rows[name]
            if (line["instrument"], line["timepoint"]) != ("eq5d-5l", "6m") or line["person"] < "s5"
        ]
    found = of(read, rows)
    assert found["Analysed"] == "The primary outcome could not be estimated"
    assert found["E-value of the estimate, and of the limit nearer to no difference"] == "Cannot be given"
    assert found["Outcomes"].startswith("3 planned, 2 estimated")
    assert "Estimates by different methods" not in found
