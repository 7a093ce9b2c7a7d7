"""The intervention by the items of TIDieR: the plan's words, the data's facts, and what is still to be written."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from analysis import compare, load
from analysis.cohort import Cohort
from analysis.report import tidier
from analysis.report.contents import lay_out
from instruments.plan_sections import INTERVENTION_TEXTS
from tests.unit.analysis import study

CohortOf = Callable[..., Cohort]
WRITTEN = '[intervention]\nname = "A {link} worker"\nwhy = "Loneliness makes ill"\n'


def cells(cohort: Cohort) -> dict[str, tuple[str, str]]:
    """Rows as text, every number shown."""
    found = {}
    for label, (plan, data) in tidier.sheet(cohort).rows:
        values = data.stats if data.count is None else {"count": data.count, **data.stats}
        found[label] = (plan.text.format(), data.text.format(**values))
    return found


def numbered(cohort: Cohort) -> list[str]:
    return [label for label in cells(cohort) if label.split(".")[0].isdigit()]


def test_the_twelve_items_stand_in_the_order_of_the_checklist(cohort_of: CohortOf, rows: study.Rows) -> None:
    found = numbered(cohort_of(rows))
    assert [label.partition(". ")[2] for label in found] == [*INTERVENTION_TEXTS.values(), "How well: as delivered"]
    assert [int(label.partition(".")[0]) for label in found] == list(range(1, 13))


def test_what_the_plan_says_is_shown_and_the_rest_is_to_be_written(cohort_of: CohortOf, rows: study.Rows) -> None:
    found = cells(cohort_of(rows, study.PLAN + WRITTEN))
    assert found["1. Brief name"][0] == "A {link} worker"
    assert found["2. Why: rationale, theory, goal"][0] == "Loneliness makes ill"
    assert found["9. Tailoring"] == ("To be written", "")
    assert found["12. How well: as delivered"] == ("–", "")


def test_the_source_of_the_items_is_cited(cohort_of: CohortOf, rows: study.Rows) -> None:
    assert "doi:10.1136/bmj.g1687" in tidier.sheet(cohort_of(rows)).notes[0]


@pytest.mark.parametrize(
    ("label", "said"),
    [
        ("The arm's name", "Link worker"),
        ("Resources that people were signposted to", "2"),
        ("Categories of those resources", "2"),
        ("Link workers who made contacts", "1"),
        ("Full-time equivalents in post, 30 September 2024", "0.8"),
        ("People for each full-time post, 30 September 2024", "100"),
        ("Sites", "4"),
        ("People with at least one attended contact", "80 (100%)"),
    ],
)
def test_facts_that_the_data_have_stand_under_their_item(
    label: str, said: str, cohort_of: CohortOf, rows: study.Rows
) -> None:
    assert cells(cohort_of(rows))[label] == ("", said)


def test_attended_contacts_are_split_by_how_they_were_made(cohort_of: CohortOf, rows: study.Rows) -> None:
    attended = [line for line in rows["contacts"] if line["attendance"] == "attended"]
    home = sum(line["mode"] == "home" for line in attended)
    found = cells(cohort_of(rows))
    assert found["Attended: home visit"][1] == f"{home} ({100 * home / len(attended):.0f}%)"
    assert found["Contacts that were attended"][1].startswith(f"{len(attended)} (")


def test_weeks_and_contacts_are_those_of_the_people_reached(cohort_of: CohortOf, rows: study.Rows) -> None:
    one = dict(rows["contacts"][0], attendance="attended", minutes=40)
    rows["contacts"] = [
        one | {"contact": f"c{place}", "contacted_on": study.ENTRY + timedelta(70 + 14 * place)} for place in range(4)
    ]
    rows["signposts"] = []
    found = cells(cohort_of(rows))
    assert found["Attended contacts of each person reached: median (quartiles)"][1] == "4 (4 to 4)"
    assert found["Minutes with each person reached: median (quartiles)"][1] == "160 (160 to 160)"
    assert found["Weeks from the first contact to the last: median (quartiles)"][1] == "6 (6 to 6)"
    assert found["People with at least one attended contact"][1] == "1 (1%)"


def test_numbers_about_few_people_carry_how_few_they_are(cohort_of: CohortOf, rows: study.Rows) -> None:
    rows["contacts"], rows["signposts"] = rows["contacts"][:1], []
    sheet = dict(tidier.sheet(cohort_of(rows)).rows)
    for label in ("Minutes of an attended contact", "Minutes with each person reached", "Weeks from the first contact"):
        ((_, cell),) = (found for name, found in sheet.items() if name.startswith(label))
        assert cell.n == 1


def test_contacts_with_the_other_arm_do_not_count(cohort_of: CohortOf, rows: study.Rows) -> None:
    before = cells(cohort_of(rows))
    rows["referrals"].append(dict(rows["referrals"][0], referral="r-x", person="s7-0"))
    rows["contacts"].append(dict(rows["contacts"][0], contact="c-x", referral="r-x", person="s7-0", mode="video"))
    assert cells(cohort_of(rows)) == before


def test_needs_are_told_where_they_are_recorded(cohort_of: CohortOf, rows: study.Rows) -> None:
    rows["needs"] = [
        {"referral": f"ref-s1-{place}", "person": f"s1-{place}", "need": need}
        for place in range(3)
        for need in ("loneliness", "mental-wellbeing")
    ]
    found = cells(cohort_of(rows))
    assert found["Different needs recorded"][1] == "2"
    assert found["Needs of each person with any: median (quartiles)"][1] == "2 (2 to 2)"


def test_a_source_that_only_counts_contacts_says_how_many_and_no_more(cohort_of: CohortOf, rows: study.Rows) -> None:
    rows["contacts"], rows["signposts"] = [], []
    for person in rows["people"]:
        if person["site"] < "s5":
            period = {"from_on": person["entered_on"], "until_on": person["entered_on"] + timedelta(182)}
            use = {"person": person["person"], "setting": "link-worker", "count": 3, "source": "record-extract"}
            rows["service_use"].append(use | period)
    found = cells(cohort_of(rows))
    assert found["Attended contacts of each person reached: median (quartiles)"][1] == "3 (3 to 3)"
    assert found["People with at least one attended contact"][1] == "80 (100%)"
    assert not [label for label in found if "Minutes" in label or "Weeks" in label]


def test_without_any_record_the_items_stand_alone(cohort_of: CohortOf, rows: study.Rows) -> None:
    for name in ("contacts", "signposts", "assignments", "posts", "referrals"):
        rows[name] = []
    found = cells(cohort_of(rows))
    assert [label for label in found if not label.split(".")[0].isdigit()] == ["The arm's name", "Sites"]


def test_in_the_report_it_stands_with_what_was_delivered(read: Callable[..., load.Dataset], rows: study.Rows) -> None:
    whole = lay_out(compare(read(rows, study.PLAN + WRITTEN)))
    section = next(each for each in whole.sections if each.id == "delivery")
    last = section.blocks[-1]
    assert getattr(last, "name", "") == "intervention"
    assert last.rows[0][1][0].text == "A {link} worker"  # type: ignore[union-attr]
