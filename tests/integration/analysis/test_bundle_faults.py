"""A bundle or plan that does not fit is refused: a message with the thing, the fault and the remedy, exit code 2,
and nothing written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.analysis.study import PLAN

from .conftest import Ran

Run = Callable[..., Ran]
Damaged = Callable[[str], Any]


def refused(run: Run, bundle: Path, plan: Path | None = None) -> list[str]:
    """The lines that say why, once it is sure that nothing was written."""
    out = bundle.parent / "out"
    ran = run("compare", bundle, plan or bundle / "plan.toml", out)
    assert ran.code == 2
    assert ran.out == ""
    assert not out.exists()
    assert {path.name for path in bundle.parent.iterdir()} <= {"bundle", "plan.toml"}
    return [line for line in ran.err.splitlines() if not line.endswith("...")]


# ---------------------------------------------------------------------------- cells

CELLS = {
    "an unknown code": (
        ("contacts", 0, "mode", "pigeon"),
        "contacts.mode: unexpected value 'pigeon' (row 2); allowed: face-to-face, home, phone, video, text, email, group",
    ),
    "an unknown timepoint": (
        ("scores", 10, "timepoint", "week 6"),
        "scores.timepoint: unexpected value 'week 6' (row 12); allowed: baseline, 3m, 6m",
    ),
    "an unknown arm": (
        ("allocations", 1, "arm", "control"),
        "allocations.arm: unexpected value 'control' (row 3); allowed: link-worker, usual-care",
    ),
    "a word for a number": (
        ("people", 4, "birth_year", "fifty"),
        "people.birth_year: unexpected value 'fifty' (row 6); expected a whole number",
    ),
    "half a person": (
        ("service_use", 0, "count", "2.5"),
        "service_use.count: unexpected value '2.5' (row 2); expected a whole number",
    ),
    "a date as people write it": (
        ("people", 0, "entered_on", "31/03/2024"),
        "people.entered_on: unexpected value '31/03/2024' (row 2); expected a date such as 2025-03-31",
    ),
    "a day that does not exist": (
        ("people", 0, "entered_on", "2024-02-30"),
        "people.entered_on: unexpected value '2024-02-30' (row 2); expected a date such as 2025-03-31",
    ),
    "a number that is none": (
        ("scores", 0, "score", "nan"),
        "scores.score: unexpected value 'nan' (row 2); expected a number",
    ),
    "an empty cell that must be filled": (
        ("people", 2, "entered_on", ""),
        "people.entered_on: is empty (row 4); every row needs a value",
    ),
    "more minutes than a contact can have": (
        ("contacts", 3, "minutes", "2000"),
        "contacts.minutes: 2000 is above 480 (row 5); correct the value",
    ),
    "a count below zero": (
        ("service_use", 1, "count", "-1"),
        "service_use.count: -1 is below 0 (row 3); correct the value",
    ),
}


@pytest.mark.parametrize("case", CELLS)
def test_a_cell_that_does_not_fit_is_named_with_its_row_and_remedy(
    case: str, run: Run, bundle: Path, damaged: Damaged
) -> None:
    (table, place, column, text), message = CELLS[case]
    with damaged(table) as lines:
        lines[place][column] = text
    assert refused(run, bundle) == [message]


def test_a_wrong_code_in_many_rows_is_said_once(run: Run, bundle: Path, damaged: Damaged) -> None:
    with damaged("contacts") as lines:
        for line in lines:
            line["mode"] = "pigeon"
    (message,) = refused(run, bundle)
    assert message.startswith("contacts.mode: unexpected value 'pigeon' (row 2)")


# ---------------------------------------------------------------------------- tables and columns


def test_a_missing_column_is_named(run: Run, bundle: Path, damaged: Damaged) -> None:
    with damaged("people") as lines:
        for line in lines:
            del line["sex"]
    assert refused(run, bundle) == ["people.sex: the column is missing; add it (its cells may stay empty)"]


def test_a_column_that_the_contract_does_not_have_is_named(run: Run, bundle: Path, damaged: Damaged) -> None:
    with damaged("sites") as lines:
        for line in lines:
            line["manager"] = "somebody"
    (message,) = refused(run, bundle)
    assert message.startswith("sites.manager: the column is not in the contract; known: site, list_size")


def test_a_column_that_stands_twice_is_refused(run: Run, bundle: Path) -> None:
    (bundle / "sites.csv").write_text(
        "site,site,list_size,deprivation,deprivation_index\ns1,s1,1,,\n", encoding="utf-8"
    )
    assert "sites: a column stands twice; keep one" in refused(run, bundle)


def test_a_missing_table_is_named(run: Run, bundle: Path) -> None:
    (bundle / "contacts.csv").unlink()
    assert refused(run, bundle)[0] == "contacts.csv: is not in the bundle; export it again"


def test_a_row_with_too_few_cells_is_named(run: Run, bundle: Path) -> None:
    path = bundle / "sites.csv"
    path.write_text(path.read_text(encoding="utf-8").replace("s2,4500,,", "s2,4500"), encoding="utf-8")
    assert refused(run, bundle) == ["sites: row 3 has 2 cells, the header 4"]


def test_a_table_that_is_not_utf_8_is_named(run: Run, bundle: Path) -> None:
    path = bundle / "resources.csv"
    path.write_bytes(path.read_bytes().replace(b"choir", b"ch\xf6r"))
    assert "resources.csv: is not UTF-8 text; save it as UTF-8" in refused(run, bundle)


def test_a_cell_with_a_line_break_is_one_cell(run: Run, bundle: Path, damaged: Damaged) -> None:
    with damaged("resources") as lines:
        lines[0]["name"] = "Elmstead\nchoir \u2028 and band"
    assert run("check", bundle).code == 0


def test_what_was_made_safe_for_spreadsheets_is_read_back_as_it_was(bundle: Path) -> None:
    from analysis import load
    from instruments.bundle import cell

    path = bundle / "resources.csv"
    text = path.read_text(encoding="utf-8").replace("Elmstead choir", cell("=1+1"))
    path.write_text(text, encoding="utf-8")
    assert "'=1+1" in text
    assert load.read(bundle)["resources"]["name"].iloc[0] == "=1+1"


# ---------------------------------------------------------------------------- links, keys, sense


def test_a_reference_to_nobody_is_named(run: Run, bundle: Path, damaged: Damaged) -> None:
    with damaged("contacts") as lines:
        lines[7]["person"] = "nobody"
    assert refused(run, bundle) == ["contacts.person: row 9 is not in people; add it there or correct it"]


def test_a_row_that_stands_twice_is_named(run: Run, bundle: Path, damaged: Damaged) -> None:
    with damaged("people") as lines:
        lines.append(lines[0])
    assert refused(run, bundle)[0] == "people: row 162 repeats another row's person; keep one of them"


def test_a_site_allocated_twice_on_one_day_is_named_though_part_of_the_key_is_empty(
    run: Run, bundle: Path, damaged: Damaged
) -> None:
    with damaged("allocations") as lines:
        lines.append(lines[0])
    message = "allocations: row 10 repeats another row's arm, site, person, from_on; keep one of them"
    assert message in refused(run, bundle)


SENSE = {
    "leaving before entering": (
        ("people", {"left_on": "2020-01-01"}),
        "people.left_on: row 2 is before entered_on; correct one of them",
    ),
    "a period that ends before it begins": (
        ("service_use", {"until_on": "2000-01-01"}),
        "service_use.until_on: row 2 is not after from_on; correct the period",
    ),
    "a score whose person is not its assessment's": (
        ("scores", {"person": "s8-0"}),
        "scores.person: row 2 is not its assessment's; correct one of them",
    ),
    "a score whose timepoint is not its assessment's": (
        ("scores", {"timepoint": "3m"}),
        "scores.timepoint: row 2 is not its assessment's; correct one of them",
    ),
    "an allocation of nobody": (
        ("allocations", {"site": ""}),
        "allocations.site: row 2 needs a site or a person, and not both",
    ),
    "an allocation of site and person at once": (
        ("allocations", {"person": "s1-0"}),
        "allocations.site: row 2 needs a site or a person, and not both",
    ),
}


@pytest.mark.parametrize("case", SENSE)
def test_what_cannot_be_is_named(case: str, run: Run, bundle: Path, damaged: Damaged) -> None:
    (table, change), message = SENSE[case]
    with damaged(table) as lines:
        lines[0].update(change)
    assert message in refused(run, bundle)


def test_a_day_counted_twice_is_named(run: Run, bundle: Path, damaged: Damaged) -> None:
    with damaged("service_use") as lines:
        lines.append(lines[1] | {"from_on": "2024-08-01", "until_on": "2024-08-02"})
    assert refused(run, bundle) == ["service_use.from_on: row 322 begins inside another period; count a day once"]


def test_who_is_in_no_arm_is_named(run: Run, bundle: Path, damaged: Damaged) -> None:
    with damaged("allocations") as lines:
        del lines[7]
    messages = refused(run, bundle)
    assert len(messages) == 20
    assert messages[0] == "people.person: row 142 is in no arm; allocate the person or their site"


# ---------------------------------------------------------------------------- many faults


def test_all_faults_are_collected_and_the_first_twenty_shown(run: Run, bundle: Path, damaged: Damaged) -> None:
    with damaged("people") as lines:
        for place, line in enumerate(lines[:33]):
            line["birth_year"] = f"year {place}"
    *first, last = refused(run, bundle)
    assert len(first) == 20
    assert first[0].startswith("people.birth_year: unexpected value 'year 0' (row 2)")
    assert last == "... and 13 more"


def test_faults_of_several_tables_come_together(run: Run, bundle: Path, damaged: Damaged) -> None:
    for table, column in (("people", "sex"), ("contacts", "mode"), ("signposts", "outcome")):
        with damaged(table) as lines:
            lines[0][column] = "?"
    assert [message.split(":")[0] for message in refused(run, bundle)] == [
        "people.sex",
        "contacts.mode",
        "signposts.outcome",
    ]


def test_no_message_holds_a_person_s_facts(run: Run, bundle: Path, damaged: Damaged) -> None:
    """A row number leads to the person in the file; the study number itself stays there."""
    with damaged("contacts") as lines:
        lines[0]["minutes"] = "900"
        person = lines[0]["person"]
    assert person not in " ".join(refused(run, bundle))


# ---------------------------------------------------------------------------- the package


def test_a_folder_that_is_no_bundle_is_named(run: Run, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    ran = run("check", tmp_path / "empty")
    assert (ran.code, ran.err) == (2, "empty: has no datapackage.json; name the folder of a dataset bundle\n")


def test_a_package_that_is_not_json_is_named(run: Run, bundle: Path) -> None:
    (bundle / "datapackage.json").write_text("{", encoding="utf-8")
    assert refused(run, bundle) == ["datapackage.json: is not JSON; export the bundle again"]


@pytest.mark.parametrize("text", ['{"contract": "7.2"}', "{}", "[]"])
def test_another_contract_is_refused(text: str, run: Run, bundle: Path) -> None:
    (bundle / "datapackage.json").write_text(text, encoding="utf-8")
    (message,) = refused(run, bundle)
    assert message.startswith("datapackage.json: contract '")
    assert message.endswith("is not 1.3; export the bundle again")


def test_a_file_that_was_changed_after_export_is_noticed_and_read(run: Run, bundle: Path, damaged: Damaged) -> None:
    with damaged("people") as lines:
        lines[0]["birth_year"] = "1950"
    ran = run("check", bundle)
    assert ran.code == 0
    assert (
        "Note: people.csv was changed after it was exported: its SHA-256 is not the one in datapackage.json." in ran.out
    )


# ---------------------------------------------------------------------------- the plan

PLANS = {
    "an instrument": (
        ('instrument = "phq9"', 'instrument = "gad7"'),
        "plan.outcomes.phq9-6m: instrument 'gad7' is not in the dataset; known: eq5d-5l, phq9",
    ),
    "a scale": (
        ('scale = "value"', 'scale = "vas"'),
        "plan.outcomes.eq5d-6m: scale 'vas' is not in the dataset; known: value",
    ),
    "a value set": (
        ('value_set = "uk-2026-rowen"', 'value_set = "us-2019-pickard"'),
        "plan.outcomes.eq5d-6m: value set 'us-2019-pickard' is not in the dataset; known: uk-2026-rowen",
    ),
    "a setting": (
        ('setting = "gp"', 'setting = "emergency"'),
        "plan.outcomes.gp: setting 'emergency' is not in the dataset; known: gp",
    ),
    "a timepoint": (
        ('id = "6m"\nlabel = "6 months"\nday = 182', 'id = "9m"\nlabel = "9 months"\nday = 274'),
        "plan.timepoints: '9m' is not in the dataset; known: baseline, 3m, 6m",
    ),
    "an arm": (
        ("[arms.usual-care]", "[arms.waiting-list]"),
        "plan.arms: 'waiting-list' is not in the dataset; known: link-worker, usual-care",
    ),
}


@pytest.mark.parametrize("case", PLANS)
def test_a_plan_that_names_what_the_data_do_not_hold_is_refused(case: str, run: Run, bundle: Path) -> None:
    (old, new), message = PLANS[case]
    plan = bundle.parent / "plan.toml"
    plan.write_text(PLAN.replace(old, new), encoding="utf-8")
    assert message in refused(run, bundle, plan)


def test_a_plan_whose_covariate_is_not_in_the_data_is_refused(run: Run, bundle: Path) -> None:
    plan = bundle.parent / "plan.toml"
    plan.write_text(PLAN.replace('age = "number"', 'height = "number"'), encoding="utf-8")
    (message,) = refused(run, bundle, plan)
    assert message.startswith("plan.covariates.height: is not in the dataset; known: age, birth_year")


def test_a_plan_must_choose_where_the_data_hold_several_value_sets(run: Run, bundle: Path, damaged: Damaged) -> None:
    with damaged("scores") as lines:
        lines += [line | {"value_set": "us-2019-pickard"} for line in lines if line["value_set"]]
    plan = bundle.parent / "plan.toml"
    plan.write_text(PLAN.replace('value_set = "uk-2026-rowen"\n', ""), encoding="utf-8")
    assert refused(run, bundle, plan) == [
        "plan.outcomes.eq5d-6m: names no value set and the dataset has several; choose one of: uk-2026-rowen, us-2019-pickard"
    ]


def test_a_plan_need_not_choose_where_the_data_hold_one_value_set(run: Run, bundle: Path) -> None:
    plan = bundle.parent / "plan.toml"
    plan.write_text(PLAN.replace('value_set = "uk-2026-rowen"\n', ""), encoding="utf-8")
    assert run("check", bundle, plan).code == 0


def test_a_plan_that_contradicts_itself_is_refused(run: Run, bundle: Path) -> None:
    plan = bundle.parent / "plan.toml"
    plan.write_text(PLAN.replace("primary = true\n", ""), encoding="utf-8")
    assert refused(run, bundle, plan) == ["plan.outcomes: needs exactly one outcome with primary = true"]


def test_a_plan_that_is_not_there_is_named(run: Run, bundle: Path) -> None:
    assert refused(run, bundle, bundle.parent / "plans.toml") == ["plans.toml: cannot be read; correct its name"]
    assert refused(run, bundle, bundle) == ["bundle: is a folder; name the plan in it, such as plan.toml"]


def test_an_outcome_that_cannot_be_estimated_is_named(run: Run, bundle: Path, damaged: Damaged) -> None:
    with damaged("people") as lines:
        for line in lines:
            line["sex"] = "female"
    messages = refused(run, bundle)
    fault = "'sex' has the same value for everyone; take it out of the plan"
    assert messages == [f"plan.outcomes.{id}: {fault}" for id in ("eq5d-6m", "phq9-6m", "gp")]
