"""The tables of the report, cell by cell, on studies small enough to count by hand."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest

from analysis.cohort import Cohort
from analysis.disclosure import gate
from analysis.report import delivery, epoc, outcomes, participants
from analysis.report.cells import (
    BLANK,
    DASH,
    interval,
    mean_sd,
    median_quartiles,
    number,
    people,
    sites,
    words,
)
from analysis.report.comparison import Comparison, compare
from analysis.report.description import together
from analysis.report.scale import about
from analysis.result import Cell, Table
from tests.unit.analysis.study import ADMISSION, PLAN, Rows, use, with_admissions

Make = Callable[..., Cohort]
Shown = dict[tuple[str, str], str]


def shown(table: Table | None) -> Shown:
    """A table as a reader sees it who may see everything."""
    assert table is not None
    released = gate([table], 0).table(table)
    return {
        (label, column): cell.text
        for label, cells in released.rows
        for column, cell in zip(released.columns, cells, strict=True)
    }


def text(cell: Cell) -> str:
    values: dict[str, Any] = {} if cell.count is None else {"count": cell.count}
    return cell.text.format(**values, **cell.stats)


# ---------------------------------------------------------------------------- cells


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        (people(1234), "1,234"),
        (people(25, 100), "25 (25%)"),
        (people(0, 100), "0 (0%)"),
        (people(0, 0), "–"),
        (number("fte", 2.25, "{:,.1f}"), "2.2"),
        (sites(12, 9), "12 and 9"),
        (words("100 % {sure}"), "100 % {sure}"),
        (interval(0.5, 0.4, 0.6, 30, 2), "0.50 (0.40 to 0.60)"),
        (interval(0.5, float("nan"), float("nan"), 30, 2), "0.50"),
        (interval(float("nan"), float("nan"), float("nan"), 0, 2), "–"),
        (BLANK, ""),
        (DASH, "–"),
    ],
)
def test_a_cell_reads_as_it_should(cell: Cell, expected: str) -> None:
    assert text(cell) == expected


def test_a_mean_leaves_out_what_is_missing_and_says_of_how_many_it_is() -> None:
    import pandas as pd

    cell = mean_sd(pd.Series([1.0, 3.0, None]), 1)
    assert (text(cell), cell.n) == ("2.0 (1.4)", 2)
    assert mean_sd(pd.Series([1.0])) is DASH


def test_a_median_comes_with_its_quartiles() -> None:
    import pandas as pd

    cell = median_quartiles(pd.Series([1.0, 2.0, 3.0, 4.0, 5.0, None]))
    assert (text(cell), cell.n) == ("3 (2 to 4)", 5)
    assert median_quartiles(pd.Series([], dtype=float)) is DASH


# ---------------------------------------------------------------------------- design and EPOC


def test_the_design_counts_people_and_sites_by_arm(rows: Rows, cohort_of: Make) -> None:
    found = shown(participants.design(cohort_of(rows)))
    assert found["People", "Link worker"] == "80"
    assert found["Sites", "Usual care"] == "4"
    assert found["Registered people per site, mean (SD)", "Link worker"] == "4,750 (645)"
    assert found["How allocated", "Usual care"] == "By place or practice list"


def test_where_list_sizes_are_not_known_nothing_is_made_up(rows: Rows, cohort_of: Make) -> None:
    for site in rows["sites"]:
        site["list_size"] = None
    found = shown(participants.design(cohort_of(rows)))
    assert found["Registered people per site, mean (SD)", "Link worker"] == "–"


def criteria(cohort: Cohort) -> dict[str, tuple[str, str]]:
    found = shown(epoc.epoc(cohort))
    return {label: (found[label, "What the data say"], found[label, "Met"]) for label, _ in found}


def test_two_sites_in_each_arm_are_asked_for(rows: Rows, cohort_of: Make) -> None:
    assert criteria(cohort_of(rows))["At least two sites in each arm"] == ("4 and 4", "Yes")


def test_one_site_in_an_arm_does_not_meet_it(rows: Rows, cohort_of: Make) -> None:
    for person in rows["people"]:
        person["site"] = "s8" if person["site"] > "s4" else person["site"]
    assert criteria(cohort_of(rows))["At least two sites in each arm"] == ("4 and 1", "No")


def test_arms_measured_in_the_same_months_meet_the_criterion(rows: Rows, cohort_of: Make) -> None:
    found = criteria(cohort_of(rows))["Arms measured over the same months: baseline"]
    assert found == ("March 2024 to April 2024; March 2024 to April 2024", "Yes")


def test_arms_measured_one_after_the_other_do_not(rows: Rows, cohort_of: Make) -> None:
    later = {person["person"] for person in rows["people"] if person["site"] > "s4"}
    for table, columns in (
        ("people", ("entered_on",)),
        ("assessments", ("assessed_on",)),
        ("service_use", ("from_on", "until_on")),
    ):
        for line in rows[table]:
            for column in columns:
                line[column] += timedelta(400) if line["person"] in later else timedelta(0)
    found = criteria(cohort_of(rows))
    assert found["Arms measured over the same months: baseline"][1] == "No"
    assert found["Arms measured over the same months: follow-up"][1] == "No"


def test_an_arm_nobody_measured_at_baseline_does_not_meet_it(rows: Rows, cohort_of: Make) -> None:
    rows["scores"] = [
        line
        for line in rows["scores"]
        if not (line["person"][1] > "4" and line["timepoint"] == "baseline" and line["instrument"] == "eq5d-5l")
    ]
    found = criteria(cohort_of(rows))["Arms measured over the same months: baseline"]
    assert found == ("No measurement in one arm", "No")


def test_follow_up_is_held_to_eighty_per_cent_in_each_arm(rows: Rows, cohort_of: Make) -> None:
    gone = {f"s8-{place}" for place in range(20)}
    rows["scores"] = [line for line in rows["scores"] if not (line["person"] in gone and line["timepoint"] == "6m")]
    found = criteria(cohort_of(rows))
    assert found["At least 80% followed up: Link worker"] == ("81%", "Yes")
    share, met = found["At least 80% followed up: Usual care"]
    assert int(share.rstrip("%")) < 80
    assert met == "No"
    apart, verdict = found["Losses alike in both arms"]
    assert apart.endswith("percentage points apart")
    assert verdict == "For judgement"


def test_large_differences_at_baseline_are_named_for_judgement(rows: Rows, cohort_of: Make) -> None:
    for person in rows["people"]:
        person["sex"] = "female" if person["site"] in ("s1", "s2", "s3", "s8") else "male"
    said, verdict = criteria(cohort_of(rows))["Arms alike at baseline"]
    assert said == "1 of 6 differ by more than 0.25 standard deviations: Sex"
    assert verdict == "For judgement"


# ---------------------------------------------------------------------------- flow


def lose(rows: Rows, people: set[str], timepoint: str = "6m") -> None:
    """Everybody has an EQ-5D at the timepoint but these."""
    known = {line["person"] for line in rows["scores"] if line["assessment"].endswith(f"eq5d-5l.{timepoint}")}
    asked = next(line for line in rows["assessments"] if line["assessment"].endswith(f"eq5d-5l.{timepoint}"))
    score = next(line for line in rows["scores"] if line["assessment"] == asked["assessment"])
    day = {"3m": 91, "6m": 182}[timepoint]
    for person in rows["people"]:
        key = f"{person['person']}.eq5d-5l.{timepoint}"
        who = {"assessment": key, "person": person["person"]}
        if person["person"] in people:
            for table in ("scores", "assessments"):
                rows[table] = [line for line in rows[table] if line["assessment"] != key]
        elif person["person"] not in known:
            rows["assessments"].append(asked | who | {"assessed_on": person["entered_on"] + timedelta(day)})
            rows["scores"].append(score | who)


def test_losses_are_counted_by_reason(rows: Rows, cohort_of: Make) -> None:
    lose(rows, {f"s1-{place}" for place in range(15)})
    for person in rows["people"][:4]:
        person |= {"left_on": person["entered_on"] + timedelta(30), "left_reason": "moved"}
    found = shown(participants.flow_table(cohort_of(rows)))
    assert found["Measured: 6 months", "Link worker"] == "65 (81%)"
    assert found["Not measured at 6 months: Moved away", "Link worker"] == "4 (5%)"
    assert found["Not measured at 6 months: Not recorded", "Link worker"] == "11 (14%)"
    assert found["Not measured at 6 months: Not recorded", "Usual care"] == "0 (0%)"


def test_a_small_loss_for_two_reasons_is_not_told_by_subtraction(rows: Rows, cohort_of: Make) -> None:
    """Neither reason is shown, and neither is how many were measured: 80 less 74 would tell that six were lost."""
    lose(rows, {f"s1-{place}" for place in range(6)})
    for person in rows["people"][:3]:
        person |= {"left_on": person["entered_on"] + timedelta(30), "left_reason": "moved"}
    table = participants.flow_table(cohort_of(rows))
    by_label = {label: cells[0].text for label, cells in gate([table], 10).table(table).rows}
    assert by_label["Not measured at 6 months: Moved away"] == "<10"
    assert by_label["Not measured at 6 months: Not recorded"] == "<10"
    assert by_label["Measured: 6 months"] == "withheld"
    assert by_label["In the study"] == "80"


# ---------------------------------------------------------------------------- baseline


def test_the_baseline_shows_what_is_known_and_nothing_else(rows: Rows, cohort_of: Make) -> None:
    labels = [label for label, _ in participants.baseline(cohort_of(rows)).rows]
    assert labels == [
        "Age, years: mean (SD)",
        "Sex: Female",
        "Sex: Male",
        "Long-term conditions: mean (SD)",
        "EQ-5D-5L value (uk-2026-rowen) at baseline: mean (SD)",
        f"{about(cohort_of(rows).plan, cohort_of(rows).plan.outcomes[1]).label} at baseline: mean (SD)",
        "GP attendances per year before entry: mean (SD)",
    ]


SERIES = """
[[outcomes]]
id = "gp-series"
label = "GP attendances of whole practices"
setting = "gp"
estimator = "interrupted-series"
"""


def of_services(cohort: Cohort) -> list[str]:
    return [label for label, _ in participants.baseline(cohort).rows if "before entry" in label]


@pytest.mark.parametrize("plan", [PLAN + SERIES, PLAN.replace("[[outcomes]]", SERIES + "[[outcomes]]", 1)])
def test_attendances_before_entry_stand_once_beside_a_series_of_sites(plan: str, rows: Rows, cohort_of: Make) -> None:
    assert of_services(cohort_of(rows, plan)) == ["GP attendances per year before entry: mean (SD)"]


def test_a_service_whose_use_before_entry_nobody_knows_has_no_row(rows: Rows, cohort_of: Make) -> None:
    plan = PLAN + ADMISSION
    with_admissions(rows)
    assert not any("First admission" in label for label in of_services(cohort_of(rows, plan)))
    for person in rows["people"]:
        use(rows, person, (-365, -1, 1), setting="in-patient")
    assert "First admission per year before entry: mean (SD)" in of_services(cohort_of(rows, plan))


def test_days_around_entry_left_out_make_it_another_use(rows: Rows, cohort_of: Make) -> None:
    outside = '[[outcomes]]\nid = "outside"\nlabel = "Outside"\nsetting = "gp"\nleave_out = [0, 30]\n'
    assert [each.id for each in participants.uses(cohort_of(rows, PLAN + SERIES + outside))] == ["gp", "outside"]


def test_a_description_counts_each_use_once_and_no_times(rows: Rows, cohort_of: Make) -> None:
    with_admissions(rows)
    tables = [block for block in together(cohort_of(rows, PLAN + ADMISSION + SERIES)) if isinstance(block, Table)]
    (table,) = (table for table in tables if table.name == "use")
    assert [label for label, _ in table.rows] == ["GP attendances, before entry", "GP attendances, from entry on"]


def test_nothing_known_at_entry_is_said_to_be_not_in_the_data(
    rows: Rows, cohort_of: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    cohort = cohort_of(rows)
    known = dict(epoc.epoc(cohort).rows)["Arms alike at baseline"]
    monkeypatch.setattr(epoc, "differences", lambda _: {})
    unknown = dict(epoc.epoc(cohort).rows)["Arms alike at baseline"]
    assert (unknown[0].text, unknown[1]) == ("Not in the data", known[1])
    assert " of 7 differ" in known[0].text or " of 6 differ" in known[0].text


def test_levels_of_a_category_are_counted_with_their_share(rows: Rows, cohort_of: Make) -> None:
    for place, person in enumerate(rows["people"]):
        person["sex"] = "female" if place % 4 else "male"
    found = shown(participants.baseline(cohort_of(rows)))
    assert found["Sex: Female", "Link worker"] == "60 (75%)"
    assert found["Sex: Male", "Usual care"] == "20 (25%)"
    assert found["Sex: Female", "Standardised difference"] == "0.00"
    assert found["Sex: Male", "Standardised difference"] == ""


def test_what_was_not_recorded_has_a_row_of_its_own(rows: Rows, cohort_of: Make) -> None:
    for person in rows["people"][:20]:
        person["sex"] = None
    for person in rows["people"][:5]:
        person["birth_year"] = None
    found = shown(participants.baseline(cohort_of(rows)))
    assert found["Sex: not recorded", "Link worker"] == "20 (25%)"
    assert found["Sex: not recorded", "Usual care"] == "0 (0%)"
    assert found["Age, years: not recorded", "Link worker"] == "5 (6%)"


@pytest.mark.parametrize(
    ("column", "value", "other", "label"),
    [
        ("lives_alone", True, False, "Lives alone: yes"),
        ("carer", True, False, "Unpaid carer: yes"),
        ("ethnicity", "asian", "white", "Ethnic group: Asian or Asian British"),
        ("deprivation", 2, 9, "Deprivation (1 = most deprived): 2"),
    ],
)
def test_each_fact_of_the_contract_has_its_words(
    column: str, value: Any, other: Any, label: str, rows: Rows, cohort_of: Make
) -> None:
    for place, person in enumerate(rows["people"]):
        person[column] = value if place % 2 else other
    found = shown(participants.baseline(cohort_of(rows)))
    assert found[label, "Link worker"] == "40 (50%)"


def test_a_characteristic_that_the_plan_names_is_shown(rows: Rows, cohort_of: Make) -> None:
    rows["characteristics"] = [
        {"person": person["person"], "name": "town", "value": "Elm" if place % 2 else "Oak"}
        for place, person in enumerate(rows["people"])
    ]
    plan = PLAN.replace('sex = "category"', 'sex = "category"\ntown = "category"')
    assert shown(participants.baseline(cohort_of(rows, plan)))["town: Elm", "Usual care"] == "40 (50%)"


# ---------------------------------------------------------------------------- delivery


def test_contacts_per_person_count_those_without_any(rows: Rows, cohort_of: Make) -> None:
    keep = {f"s1-{place}" for place in range(10)}
    rows["signposts"] = []
    rows["contacts"] = [line for line in rows["contacts"] if line["person"] in keep]
    for line in rows["contacts"]:
        line["attendance"] = "attended"
    found = shown(delivery.contacts(cohort_of(rows)))
    assert found["With at least one attended contact", "Link worker"] == "10 (12%)"
    assert found["With none", "Link worker"] == "70 (88%)"
    mean = len(rows["contacts"]) / 80
    assert found["Attended contacts per person: mean (SD)", "Link worker"].startswith(f"{mean:.1f} (")
    assert found["Attended contacts per person: median (quartiles)", "Link worker"] == "0 (0 to 0)"


def test_a_contact_that_nobody_attended_is_no_attended_contact(rows: Rows, cohort_of: Make) -> None:
    for line in rows["contacts"]:
        line["attendance"] = "did-not-attend"
    found = shown(delivery.contacts(cohort_of(rows)))
    assert found["With at least one attended contact", "Link worker"] == "0 (0%)"
    assert found["Contacts: did not attend", "Link worker"] == f"{len(rows['contacts'])} (100%)"
    assert found["Minutes per attended contact: mean (SD)", "Link worker"] == "–"


def test_where_the_source_has_only_counts_they_are_used(rows: Rows, cohort_of: Make) -> None:
    rows["contacts"] = rows["signposts"] = []
    for person in rows["people"][:40]:
        entered = person["entered_on"]
        rows["service_use"].append(
            {"person": person["person"], "setting": "link-worker", "from_on": entered,
             "until_on": entered + timedelta(182), "count": 6, "source": "record-extract"}
        )  # fmt: skip
    cohort = cohort_of(rows)
    assert delivery.only_counts(cohort)
    table = delivery.contacts(cohort)
    assert table is not None
    assert table.title == "Contacts with link workers (the source gives only their number)"
    assert shown(table)["Attended contacts per person: mean (SD)", "Link worker"] == "3.0 (3.0)"


def test_contacts_go_before_counts_where_there_are_both(rows: Rows, cohort_of: Make) -> None:
    first = rows["people"][0]
    period = {"from_on": first["entered_on"], "until_on": first["entered_on"] + timedelta(9)}
    rows["service_use"].append(
        {"person": first["person"], "setting": "link-worker", "count": 99, "source": "record-extract", **period}
    )
    assert not delivery.only_counts(cohort_of(rows))


def test_the_wait_is_from_referral_to_the_first_contact_that_was_attended(rows: Rows, cohort_of: Make) -> None:
    first = {}
    for line in rows["contacts"]:
        line["attendance"] = "did-not-attend" if line["contact"].endswith("-0") else "attended"
        if line["attendance"] == "attended":
            first.setdefault(line["referral"], line["contacted_on"])
    found = shown(delivery.waiting(cohort_of(rows)))
    waited = [(first[line["referral"]] - line["referred_on"]).days for line in rows["referrals"]
              if line["referral"] in first]  # fmt: skip
    assert set(waited) == {21}
    assert found["Days from referral to first attended contact: median (quartiles)", "Link worker"] == "21 (21 to 21)"
    without = len(rows["referrals"]) - len(waited)
    assert found["Referrals without an attended contact", "Link worker"].startswith(f"{without} (")


HALF = "Days until half of all referred had been met (Kaplan-Meier): median (limits)"


def test_who_has_not_been_met_yet_waits_on_in_the_median_of_everybody(rows: Rows, cohort_of: Make) -> None:
    """Of ten referrals, four are met on days 1 to 4, two close on day 5 unmet, and the rest on day 10: half by day 10."""
    rows["referrals"], rows["contacts"], rows["assignments"] = rows["referrals"][:20], [], []
    for place, line in enumerate(rows["referrals"]):
        kind, later = place % 10, timedelta(1 + place % 10)
        if kind < 4 or kind > 5:
            met = line["referred_on"] + (later if kind < 4 else timedelta(10))
            rows["contacts"].append({"contact": f"c{place}", "person": line["person"], "referral": line["referral"],
                                     "worker": "w1", "contacted_on": met, "attendance": "attended", "mode": "home", "minutes": 9})  # fmt: skip
        else:
            line["closed_on"] = line["referred_on"] + timedelta(5)
    rows["signposts"] = []
    cells = shown(delivery.waiting(cohort_of(rows)))
    assert cells["Days from referral to first attended contact: median (quartiles)", "Link worker"] == "7 (3 to 10)"
    assert cells[HALF, "Link worker"].startswith("10 (")
    assert cells[HALF, "Usual care"] == "–"


def test_where_fewer_than_half_were_met_the_median_is_not_reached(rows: Rows, cohort_of: Make) -> None:
    met = {line["referral"] for line in rows["referrals"][:20]}
    for line in rows["contacts"]:
        line["attendance"] = "attended" if line["referral"] in met else "cancelled"
    assert shown(delivery.waiting(cohort_of(rows)))[HALF, "Link worker"] == "not reached"


def test_a_contact_on_the_day_of_the_referral_counts_and_a_wait_ends_where_somebody_left(
    rows: Rows, cohort_of: Make
) -> None:
    """All but twenty are met at once; of those who left on the day they were referred nothing is known."""
    first = {line["referral"]: line["referred_on"] for line in rows["referrals"]}
    rows["contacts"] = [line for line in rows["contacts"] if line["contact"].endswith("-0")]
    rows["signposts"] = []
    unmet = {line["person"] for line in rows["referrals"][:20]}
    for line in rows["contacts"]:
        line["contacted_on"] = first[line["referral"]]
        line["attendance"] = "cancelled" if line["person"] in unmet else "attended"
    for person in rows["people"]:
        if person["person"] in unmet:
            person |= {"left_on": person["entered_on"], "left_reason": "withdrew"}
    assert shown(delivery.waiting(cohort_of(rows)))[HALF, "Link worker"] == "0 (0 to 0)"


def test_referrals_are_counted_by_the_answer_to_the_offer(rows: Rows, cohort_of: Make) -> None:
    for line in rows["referrals"][:16]:
        line["status"] = "declined"
    found = shown(delivery.waiting(cohort_of(rows)))
    assert found["Referrals: declined", "Link worker"] == "16 (20%)"
    assert found["Referrals: accepted", "Link worker"] == "64 (80%)"
    assert ("Referrals: could not be reached", "Link worker") not in found


def test_signposts_are_counted_by_category_and_by_what_came_of_them(rows: Rows, cohort_of: Make) -> None:
    for place, line in enumerate(rows["signposts"]):
        line["resource"] = "r1" if place < 20 else "r2"
        line["outcome"] = "attended" if place % 2 else "declined"
    found = shown(delivery.signposts(cohort_of(rows)))
    assert found["Arts and craft", "Signposts"] == "20"
    assert found["Arts and craft", "Attended"] == "10 (50%)"
    assert found["All", "Declined"] == "40 (50%)"


def test_the_caseload_counts_a_person_with_two_referrals_once(rows: Rows, cohort_of: Make) -> None:
    first = rows["referrals"][0]
    rows["referrals"].append(first | {"referral": "again"})
    rows["assignments"].append({"referral": "again", "worker": "w1", "from_on": first["referred_on"]})
    assert shown(delivery.caseload(cohort_of(rows)))["30 June 2024", "People open"] == "80"


def test_a_worker_who_left_is_no_longer_in_post(rows: Rows, cohort_of: Make) -> None:
    rows["posts"][0]["until_on"] = date(2024, 6, 1)
    found = shown(delivery.caseload(cohort_of(rows)))
    assert found["31 March 2024", "Full-time equivalents in post"] == "0.8"
    assert found["30 June 2024", "Full-time equivalents in post"] == "0.0"
    assert found["30 June 2024", "People per full-time post"] == "–"


def test_an_assignment_that_ended_is_no_longer_open(rows: Rows, cohort_of: Make) -> None:
    for line in rows["assignments"][:25]:
        line["until_on"] = date(2024, 5, 31)
    assert shown(delivery.caseload(cohort_of(rows)))["30 June 2024", "People open"] == "55"


@pytest.mark.parametrize("table", ["contacts", "waiting", "signposts", "caseload"])
def test_what_the_data_do_not_hold_makes_no_table(table: str, rows: Rows, cohort_of: Make) -> None:
    for name in ("contacts", "referrals", "signposts", "assignments"):
        rows[name] = []
    assert getattr(delivery, table)(cohort_of(rows)) is None


# ---------------------------------------------------------------------------- outcomes


@pytest.fixture
def comparison(rows: Rows, read: Callable[..., Any]) -> Comparison:
    return compare(read(rows))


def test_an_answer_stands_behind_what_it_stands_on(comparison: Comparison) -> None:
    plan = comparison.plan
    table = outcomes.estimates(comparison, (plan.primary,), "primary", "Primary outcome")
    ((label, cells),) = table.rows
    assert label == "EQ-5D value at 6 months: difference"
    main = comparison.fitted["eq5d-6m"].main
    assert [text(cell) for cell in cells] == [
        str(main.n), "4 and 4", f"{main.df:.1f}", "-0.020", "-0.086 to 0.047", "0.496", "ANCOVA, CR2 by site",
    ]  # fmt: skip


def test_a_rate_has_two_rows(comparison: Comparison) -> None:
    table = outcomes.estimates(comparison, comparison.plan.outcomes[2:], "others", "Others")
    assert [label for label, _ in table.rows] == [
        "GP attendances: rate ratio",
        "GP attendances: rate difference per person-year",
    ]


def test_a_very_small_p_value_is_not_spelt_out(comparison: Comparison) -> None:
    from dataclasses import replace

    fitted = comparison.fitted["eq5d-6m"]
    tiny = replace(fitted, answers=(replace(fitted.main, p_value=0.0000123),))
    made = Comparison(comparison.cohort, comparison.fitted | {"eq5d-6m": tiny})
    table = outcomes.estimates(made, (made.plan.primary,), "primary", "Primary")
    assert text(table.rows[0][1][5]) == "<0.001"


def test_people_analysed_are_those_of_the_models(comparison: Comparison) -> None:
    found = shown(outcomes.analysed(comparison, comparison.plan.outcomes, "analysed"))
    for outcome in comparison.plan.outcomes:
        first, second = comparison.fitted[outcome.id].n
        assert found[outcome.label, "Link worker"].startswith(f"{first} (")
        assert found[outcome.label, "Both"] == str(first + second)


def test_every_coefficient_of_every_model_is_listed(comparison: Comparison) -> None:
    labels = [label for label, _ in outcomes.coefficients(comparison).rows]
    assert len(labels) == 15
    assert labels[:2] == ["EQ-5D value at 6 months: (Intercept)", "EQ-5D value at 6 months: arm"]
    assert labels[-1] == "GP attendances: sex=male"


def test_a_small_coefficient_is_not_rounded_to_nothing(comparison: Comparison) -> None:
    found = shown(outcomes.coefficients(comparison))
    for (label, column), value in found.items():
        if column == "Standard error":
            assert float(value) > 0, label


def test_rates_tie_events_to_person_years(comparison: Comparison) -> None:
    found = shown(outcomes.rates(comparison, comparison.plan.outcomes[2]))
    events = int(found["Events from entry on", "Usual care"].replace(",", ""))
    years = float(found["Person-years from entry on", "Usual care"])
    assert float(found["Rate per person-year from entry on", "Usual care"]) == pytest.approx(events / years, rel=0.002)


def test_a_rate_of_few_events_goes_with_them(rows: Rows, cohort_of: Make) -> None:
    """Events could be worked out from a rate and the person-years."""
    for line in rows["service_use"]:
        if (line["until_on"] - line["from_on"]).days == 182:
            line["count"] = int(line["person"] in ("s1-0", "s2-3", "s7-1", "s8-1"))
    cohort = cohort_of(rows)
    table = outcomes.rates(Comparison(cohort, {}), cohort.plan.outcomes[2])
    by_label = {label: [cell.text for cell in cells] for label, cells in gate([table], 10).table(table).rows}
    assert by_label["Events from entry on"] == ["<10", "<10"]
    assert by_label["Rate per person-year from entry on"] == ["<10", "<10"]
    assert by_label["Person-years from entry on"] == ["39.9", "39.9"]


def test_nothing_noticed_makes_no_table(comparison: Comparison) -> None:
    assert outcomes.notices(comparison.cohort) is None


def test_what_was_noticed_is_counted(rows: Rows, read: Callable[..., Any]) -> None:
    for line in rows["assessments"][:12]:
        line["assessed_on"] += timedelta(45)
    table = outcomes.notices(compare(read(rows)).cohort)
    assert shown(table) == {("Assessments outside their timepoint's window were left out.", "Rows"): "12"}


def test_every_count_in_a_sum_is_known_to_the_gate(comparison: Comparison) -> None:
    """A sum that names a quantity which no table has would fail when the report is made."""
    cohort = comparison.cohort
    tables = [
        participants.design(cohort), participants.flow_table(cohort), participants.baseline(cohort),
        *delivery.tables(cohort), outcomes.analysed(comparison, comparison.plan.outcomes, "analysed"),
        *(outcomes.within_arms(comparison, outcome) for outcome in comparison.plan.outcomes[:2]),
        *(outcomes.course(comparison, outcome) for outcome in comparison.plan.outcomes[:2]),
    ]  # fmt: skip
    known = {key for table in tables for key, _ in table.counts()}
    for table in tables:
        for found in table.sums:
            assert {found.total, *found.parts} <= known, table.name


def test_every_sum_of_the_report_adds_up(comparison: Comparison) -> None:
    cohort = comparison.cohort
    tables = [
        participants.flow_table(cohort), participants.baseline(cohort), *delivery.tables(cohort),
        outcomes.analysed(comparison, comparison.plan.outcomes, "analysed"),
        *(outcomes.within_arms(comparison, outcome) for outcome in comparison.plan.outcomes[:2]),
        *(outcomes.course(comparison, outcome) for outcome in comparison.plan.outcomes[:2]),
    ]  # fmt: skip
    counts = dict(pair for table in tables for pair in table.counts())
    sums = [found for table in tables for found in table.sums]
    assert len(sums) > 20
    for found in sums:
        assert counts[found.total] == sum(counts[part] for part in found.parts), found
