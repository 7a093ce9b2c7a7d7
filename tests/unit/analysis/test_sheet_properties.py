"""The sheets for referees hold together whatever the study: sums come out, order is nothing, nobody is given away."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pandas as pd
import pytest

from analysis import compare, load
from analysis.cohort import Cohort
from analysis.disclosure import gate
from analysis.report import delivery, flow_figure, robins
from analysis.report.comparison import Comparison
from analysis.result import Table
from tests.unit.analysis import study
from tests.unit.analysis.test_disclosure import solve
from tests.unit.analysis.test_small_numbers_of_reports import equations, thin_study

SEEDS = range(4)


def muddled(seed: int) -> study.Rows:
    """A thin study in which contacts, modes and allocations are not as they should be."""
    rows = thin_study(seed)
    for place, contact in enumerate(rows["contacts"]):
        if place % (seed + 5) == 0:
            contact["contacted_on"] -= timedelta(60)
    for place, line in enumerate(rows["assessments"]):
        if place % (seed + 7) == 0:
            line |= {"mode": "telephone", "respondent": "interviewer"}
    for line in rows["allocations"][:: seed + 2]:
        line["from_on"] = study.ENTRY + timedelta(20)
    gone = {f"s{site}-{seed}" for site in range(1, 5)}
    for name in ("contacts", "signposts"):
        rows[name] = [line for line in rows[name] if line["person"] not in gone]
    return rows


@pytest.fixture(scope="module", params=SEEDS)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    folder = tmp_path_factory.mktemp("muddled") / "bundle"
    return compare(load.read(study.write(folder, muddled(request.param))))


@pytest.fixture(scope="module")
def sheet(made: Comparison) -> Table:
    return robins.sheet(made)


# ---------------------------------------------------------------------------- sums


def test_every_total_of_the_sheet_is_the_sum_of_its_parts(sheet: Table) -> None:
    counts = dict(sheet.counts())
    known = [each for each in sheet.sums if each.total in counts and all(part in counts for part in each.parts)]
    assert len(known) > 8
    assert [each for each in known if counts[each.total] != sum(counts[part] for part in each.parts)] == []


def test_no_key_stands_for_two_counts(sheet: Table) -> None:
    found: dict[object, set[int]] = {}
    for key, count in sheet.counts():
        found.setdefault(key, set()).add(count)
    assert [key for key, counts in found.items() if len(counts) > 1] == []


def test_no_small_count_of_the_sheet_can_be_worked_out(sheet: Table) -> None:
    guard, counts = gate([sheet], 10), dict(sheet.counts())
    found = solve(list(equations([sheet], guard)))
    assert {key: value for key, value in found.items() if 0 < counts[key] < 10} == {}


def test_no_small_count_of_the_sheet_is_shown(sheet: Table) -> None:
    for label, cells in gate([sheet], 10).table(sheet).rows:
        for cell in cells:
            count = cell.values.get("count", 0)
            assert isinstance(count, str) or count == 0 or count >= 10, label


def test_all_is_shown_where_the_plan_says_so(sheet: Table) -> None:
    texts = [cell.text for _, cells in gate([sheet], 0).table(sheet).rows for cell in cells]
    assert not [text for text in texts if "<" in text or "withheld" in text]


# ---------------------------------------------------------------------------- order


def test_the_order_of_people_changes_nothing(made: Comparison, sheet: Table) -> None:
    people = made.cohort.people
    mixed = replace(made, cohort=replace(made.cohort, people=people.sample(frac=1, random_state=2)))
    assert robins.sheet(mixed).rows == sheet.rows


def test_the_order_of_people_changes_no_box_of_the_flow(made: Comparison) -> None:
    guard = gate([], 0)
    people = made.cohort.people
    mixed = replace(made, cohort=replace(made.cohort, people=people.sample(frac=1, random_state=2)))
    assert flow_figure.columns(mixed, guard) == flow_figure.columns(made, guard)


# ---------------------------------------------------------------------------- contacts of everybody


def test_contacts_are_counted_for_everybody_and_only_where_attended(made: Comparison) -> None:
    each = delivery.each_person(made.cohort)
    contacts = made.cohort.dataset["contacts"]
    assert set(each.index) == set(made.cohort.people.index)
    assert each["contacts"].sum() == (contacts["attendance"] == "attended").sum()
    assert (each.loc[each["arm"] == 0, "contacts"] == 0).all()


def test_where_the_source_only_counts_them_the_counts_are_taken(
    cohort_of: Callable[..., Cohort], rows: study.Rows
) -> None:
    rows["contacts"], rows["signposts"] = [], []
    first = rows["people"][0]
    period = {"from_on": first["entered_on"], "until_on": first["entered_on"] + timedelta(100)}
    use = {"person": first["person"], "setting": "link-worker", "count": 7, "source": "record-extract"}
    rows["service_use"].append(use | period)
    each = delivery.each_person(cohort_of(rows))
    assert each["contacts"].to_dict()[first["person"]] == 7
    assert each["contacts"].sum() == 7


def test_people_of_the_sheet_and_of_the_delivery_table_are_the_same(made: Comparison, sheet: Table) -> None:
    """One key is one quantity: what the gate holds back in one table it holds back in the other."""
    table = delivery.contacts(made.cohort)
    assert table
    there, here = dict(table.counts()), dict(sheet.counts())
    shared = there.keys() & here.keys()
    assert {("reached", "True", "intervention"), ("reached", "False", "comparison")} <= shared
    assert [key for key in shared if there[key] != here[key]] == []


def test_the_first_contact_decides_who_met_somebody_before_entry(made: Comparison) -> None:
    contacts = made.cohort.dataset["contacts"]
    attended = contacts[contacts["attendance"] == "attended"].sort_values("contacted_on")
    first: pd.DataFrame = attended.drop_duplicates("person").set_index("person")
    entered = made.cohort.people["entered_on"].reindex(first.index)
    (cell,) = (
        cells[0] for label, cells in robins.sheet(made).rows if label.startswith("First attended contact before")
    )
    assert cell.count == int((first["contacted_on"] < entered).sum())
