"""Flat tables by a mapping: what arrives, and that every fault is listed with its row and remedy."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from instruments import flat, mapping
from instruments.flat import FlatError

PLAN = """
study = { id = "s", title = "A study", design = "controlled-before-after" }
arms.a = { role = "intervention" }
arms.b = { role = "comparison" }
timepoints = [{ id = "baseline", day = 0 }, { id = "12m", day = 365 }]
outcomes = [{ id = "bdi", instrument = "bdi", primary = true }]
measures = [{ id = "bdi", minimum = 0, maximum = 63, better = "lower" }]
"""
MAPPING = """
plan = "plan.toml"

[people]
file = "people.csv"
person = "id"
site = "practice"
arm = { column = "arm", codes = { 1 = "a", 0 = "b" } }
entered_on = { value = "2024-01-01" }
age = "age"
left_on = { column = "left_day", days_after_entry = true }
left_reason = { column = "left_day", codes = { 30 = "died" } }

[[scores]]
instrument = "bdi"
columns = { baseline = "bdi_0", 12m = "bdi_12" }

[[service_use]]
setting = "gp"
column = "visits"
from_day = 0
until_day = { column = "years", times = 365 }
"""
PEOPLE = """id,practice,arm,age,left_day,bdi_0,bdi_12,visits,years
1,x,1,60,,20,11,4,1
2,x,1,48,30,31,,1,0.082192
3,y,0,71,NA,25,25,7,1.0
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in (("plan.toml", PLAN), ("mapping.toml", MAPPING), ("people.csv", PEOPLE)):
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def change(folder: Path, name: str, *pairs: tuple[str, str]) -> None:
    path = folder / name
    text = path.read_text(encoding="utf-8")
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8")


def read(folder: Path) -> flat.Flat:
    return flat.read(folder / "mapping.toml")


def faults(folder: Path) -> tuple[str, ...]:
    with pytest.raises(FlatError) as refused:
        read(folder)
    return refused.value.faults


def test_people_arrive_with_their_facts(folder: Path):
    first, second, _ = read(folder).tables["people"]
    assert (first["person"], first["site"], first["birth_year"]) == ("1", "x", 1964)
    assert (second["left_on"], second["left_reason"]) == (date(2024, 1, 31), "died")
    assert (first["left_on"], first["left_reason"]) == (None, None)


def test_sites_are_allocated_once_each_by_their_peoples_arm(folder: Path):
    tables = read(folder).tables
    assert [(row["site"], row["arm"], row["person"]) for row in tables["allocations"]] == [
        ("x", "a", None),
        ("y", "b", None),
    ]
    assert [row["site"] for row in tables["sites"]] == ["x", "y"]


def test_people_are_allocated_where_the_design_allocates_people(folder: Path):
    change(folder, "plan.toml", ("controlled-before-after", "individually-randomised"))
    change(folder, "mapping.toml", ('site = "practice"\n', ""))
    rows = read(folder).tables["allocations"]
    assert [(row["person"], row["arm"], row["site"], row["method"]) for row in rows] == [
        ("1", "a", None, "randomised"), ("2", "a", None, "randomised"), ("3", "b", None, "randomised"),
    ]  # fmt: skip


def third_arm(folder: Path, arm: str = "2") -> None:
    """A fourth person, of an arm for which the mapping has an empty code."""
    change(folder, "mapping.toml", ('0 = "b" }', '0 = "b", 2 = "" }'))
    with (folder / "people.csv").open("a", encoding="utf-8") as file:
        file.write(f"4,z,{arm},50,,99,x,1,0\n")


def test_people_of_an_arm_that_is_none_of_the_plans_are_left_out_and_counted(folder: Path):
    whole = read(folder)
    third_arm(folder)
    found = read(folder)
    assert (found.tables, found.rows, found.left_out, whole.left_out) == (whole.tables, whole.rows, 1, 0)


def test_who_has_no_arm_is_a_fault_all_the_same(folder: Path):
    third_arm(folder, "")
    assert "people.csv row 5: arm '' is not in the plan; allowed: a, b" in faults(folder)


def test_an_arm_without_codes_is_taken_as_it_stands(folder: Path):
    change(folder, "mapping.toml", ('arm = { column = "arm", codes = { 1 = "a", 0 = "b" } }', 'arm = "arm"'))
    assert "people.csv row 2: arm '1' is not in the plan; allowed: a, b" in faults(folder)


def test_a_missing_score_makes_no_assessment(folder: Path):
    tables = read(folder).tables
    assert [(row["person"], row["timepoint"], row["score"]) for row in tables["scores"]] == [
        ("1", "baseline", 20.0), ("1", "12m", 11.0), ("2", "baseline", 31.0), ("3", "baseline", 25.0), ("3", "12m", 25.0),
    ]  # fmt: skip
    assert len(tables["assessments"]) == 5
    assert {row["origin"] for row in tables["scores"]} == {"reported"}


def test_periods_of_service_use_are_whole_days(folder: Path):
    uses = read(folder).tables["service_use"]
    assert [(row["until_on"] - row["from_on"]).days for row in uses] == [365, 30, 365]
    assert [row["count"] for row in uses] == [4, 1, 7]


def test_an_unmapped_column_stays_empty(folder: Path):
    assert all(row.get("sex") is None for row in read(folder).tables["people"])


def test_the_two_scales_of_one_instrument_share_an_assessment(folder: Path):
    change(
        folder,
        "plan.toml",
        ("measures = [", 'measures = [{ id = "bdi", scale = "mood", minimum = 0, maximum = 63, better = "lower" }, '),
    )
    change(
        folder,
        "mapping.toml",
        (
            "[[service_use]]",
            '[[scores]]\ninstrument = "bdi"\nscale = "mood"\ncolumns = { baseline = "bdi_0" }\n\n[[service_use]]',
        ),
    )
    tables = read(folder).tables
    assert (len(tables["assessments"]), len(tables["scores"])) == (5, 8)


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("2,x,1,48", "1,x,1,48", "people.csv row 3: the person stands twice; keep one row a person"),
        ("2,x,1,48", "2,x,2,48", "people.csv row 3: arm has '2', which its codes do not name; known: 1, 0"),
        ("2,x,1,48", "2,x,0,48", "people.csv row 3: site x is in 'a' and in 'b'; a site has one arm"),
        (
            "2,x,1,48",
            "2,,1,48",
            "people.csv row 3: has no site, and the plan's design allocates sites; map people.site",
        ),
        ("2,x,1,48", "2,x,1,old", "people.csv row 3: age has 'old', expected a number"),
        ("2,x,1,48", "2,x,1,480", "people.csv row 3: people.birth_year 1544 is below 1890; correct the value"),
        ("20,11", "20,64", "people.csv row 2: bdi_12 64 is outside 0 to 63; correct it"),
        ("20,11", "20,x", "people.csv row 2: bdi_12 has 'x', expected a number"),
        (",4,1\n", ",4.5,1\n", "people.csv row 2: visits 4.5 is not a whole number; correct it"),
        (
            ",4,1\n",
            ",4,-1\n",
            "people.csv row 2: the period of visits ends before it begins; correct its days, or leave",
        ),
        (
            ",4,1\n",
            ",4,0\n",
            "people.csv row 2: the period of visits holds no day; correct its days, or leave the count",
        ),
        (",4,1\n", ",4,0.0004\n", "people.csv row 2: the period of visits holds no day; correct its days, or leave"),
        (",4,1\n", ",-4,1\n", "people.csv row 2: service_use.count -4 is below 0; correct the value"),
        (",4,1\n", ",4,1,9\n", "people.csv row 2: has more or fewer cells than the header; correct the row"),
        (",4,1\n", ",4\n", "people.csv row 2: has more or fewer cells than the header; correct the row"),
        ("bdi_12,", "bdi_13,", "people.csv: no column 'bdi_12'; the file has: id, practice, arm"),
    ],
)
def test_a_bad_row_is_named_with_its_fault_and_remedy(folder: Path, old: str, new: str, fault: str):
    change(folder, "people.csv", (old, new))
    assert any(each.startswith(fault) for each in faults(folder))


BETWEEN_PEOPLE = '\nanalysis = { errors = "classical" }\n'
NO_SITE = ('site = "practice"\n', "")


def test_where_people_are_the_units_and_no_site_is_mapped_each_person_is_allocated(folder: Path):
    change(folder, "mapping.toml", NO_SITE)
    (folder / "plan.toml").write_text(PLAN + BETWEEN_PEOPLE, encoding="utf-8")
    tables = read(folder).tables
    assert [(row["person"], row["site"], row["arm"], row["method"]) for row in tables["allocations"]] == [
        ("1", None, "a", "other"),
        ("2", None, "a", "other"),
        ("3", None, "b", "other"),
    ]
    assert tables["sites"] == []
    assert all(row.get("site") is None for row in tables["people"])


def test_where_people_are_the_units_and_a_site_is_mapped_sites_are_allocated(folder: Path):
    (folder / "plan.toml").write_text(PLAN + BETWEEN_PEOPLE, encoding="utf-8")
    assert [(row["person"], row["site"]) for row in read(folder).tables["allocations"]] == [(None, "x"), (None, "y")]
    change(folder, "people.csv", ("2,x,1,48", "2,,1,48"))
    assert faults(folder) == ("people.csv row 3: has no site, and the plan's design allocates sites; map people.site",)


@pytest.mark.parametrize(
    ("design", "more", "remedy"),
    [
        (
            "controlled-before-after",
            "",
            ', or where people, not sites, are the units write errors = "classical" under [analysis] in the plan',
        ),
        ("cluster-randomised", "", ""),
        ("cluster-randomised", BETWEEN_PEOPLE, ""),
    ],
)
def test_a_mapping_without_sites_is_one_fault_that_names_the_way(folder: Path, design: str, more: str, remedy: str):
    """Once for the table, not for every row. Where clusters drew lots there is no other way."""
    change(folder, "mapping.toml", NO_SITE)
    text = PLAN.replace("controlled-before-after", design) + more
    (folder / "plan.toml").write_text(text, encoding="utf-8")
    said = f"mapping: names no site, and the plan's design allocates sites; map people.site{remedy}"
    assert faults(folder) == (said,)


def test_where_people_drew_lots_no_site_is_asked_for(folder: Path):
    change(folder, "mapping.toml", NO_SITE)
    (folder / "plan.toml").write_text(
        PLAN.replace("controlled-before-after", "individually-randomised"), encoding="utf-8"
    )
    assert {row["method"] for row in read(folder).tables["allocations"]} == {"randomised"}


def test_a_site_in_both_arms_is_said_once_with_what_to_do_where_people_drew_lots(folder: Path):
    change(folder, "people.csv", ("2,x,1,48", "2,x,0,48"), ("3,y,0,71", "3,x,0,71"))
    (fault,) = faults(folder)
    assert fault == (
        "people.csv row 3: site x is in 'a' and in 'b'; a site has one arm: correct it, map site to what was allocated, "
        'or where people drew lots write design = "individually-randomised" in the plan'
    )


def test_each_site_in_both_arms_is_named(folder: Path):
    change(
        folder,
        "people.csv",
        ("2,x,1,48", "2,x,0,48"),
        ("3,y,0,71,NA,25,25,7,1.0", "3,y,0,71,,25,25,7,1\n4,y,1,50,,9,9,1,1"),
    )
    assert [each.partition(" is in ")[0] for each in faults(folder)] == [
        "people.csv row 3: site x",
        "people.csv row 5: site y",
    ]


def test_the_remedy_for_a_site_in_both_arms_helps(folder: Path):
    change(folder, "people.csv", ("2,x,1,48", "2,x,0,48"))
    change(folder, "plan.toml", ("controlled-before-after", "individually-randomised"))
    allocated = read(folder).tables["allocations"]
    assert [(row["person"], row["site"], row["arm"]) for row in allocated] == [
        ("1", None, "a"),
        ("2", None, "b"),
        ("3", None, "b"),
    ]


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ('person = "id"\n', "", "mapping.toml: people has no 'person'; name its column"),
        ('plan = "plan.toml"\n', "", "mapping.toml: has no 'plan'; add it"),
        ('age = "age"', 'ages = "age"', "mapping.toml: people: 'ages' is not known here; allowed: file, person"),
        ('setting = "gp"', 'place = "gp"', "mapping.toml: service_use[0]: 'place' is not known here"),
        ('setting = "gp"', 'setting = "moon"', "people.csv row 2: service_use.setting unexpected value 'moon'"),
        ('12m = "bdi_12"', '6m = "bdi_12"', "mapping: scores of bdi name timepoint '6m', which the plan does not have"),
        (
            'instrument = "bdi"',
            'instrument = "hads"',
            "mapping: no measure 'hads' with scale 'total'; declare it under",
        ),
        ('value = "2024-01-01"', 'value = "1 Jan"', "people.csv row 2: people.entered_on unexpected value '1 Jan'"),
        ("[people]", "[people", "mapping.toml: is not valid TOML"),
        ("people.csv", "persons.csv", "persons.csv: cannot be read; put it beside the mapping or correct its name"),
        ("people.csv", "../", "..: is a folder; name a file"),
    ],
)
def test_a_bad_mapping_is_named_with_its_fault_and_remedy(folder: Path, old: str, new: str, fault: str):
    change(folder, "mapping.toml", (old, new))
    assert any(each.startswith(fault) for each in faults(folder))


def test_a_fault_of_the_mapping_is_told_once_and_not_for_every_row(folder: Path):
    change(folder, "mapping.toml", ('instrument = "bdi"', 'instrument = "hads"'))
    assert len([fault for fault in faults(folder) if "hads" in fault]) == 1


def test_a_bad_plan_is_told_with_the_plans_own_faults(folder: Path):
    change(folder, "plan.toml", ("day = 365", "day = 10"))
    assert faults(folder)[0].startswith("plan.timepoints: the windows of")


def test_a_mapping_that_is_not_there_or_is_a_folder_is_not_sought_beside_itself(folder: Path):
    for name, fault in (("maping.toml", "maping.toml: cannot be read; correct its name"), ("", "is a folder")):
        with pytest.raises(FlatError) as caught:
            mapping.read(folder / name)
        assert fault in caught.value.faults[0]


def test_a_table_of_nobody_is_refused(folder: Path):
    (folder / "people.csv").write_text(PEOPLE.splitlines()[0], encoding="utf-8")
    assert faults(folder) == ("people.csv: has a header and nobody below it; save the whole table again",)


@pytest.mark.parametrize(("sign", "shown"), [(";", "';'"), ("\t", r"'\t'")])
def test_a_table_without_commas_says_what_to_save(folder: Path, sign: str, shown: str):
    (folder / "people.csv").write_text(PEOPLE.replace(",", sign), encoding="utf-8")
    assert faults(folder) == (f"people.csv: its cells are parted by {shown}; save it as CSV with commas",)


def test_a_file_in_another_encoding_says_so(folder: Path):
    (folder / "people.csv").write_bytes(PEOPLE.replace("x", "é").encode("latin-1"))
    assert faults(folder) == ("people.csv: is not UTF-8 text; save it as UTF-8",)


def test_a_byte_order_mark_from_a_spreadsheet_does_no_harm(folder: Path):
    (folder / "people.csv").write_text("\ufeff" + PEOPLE, encoding="utf-8")
    assert len(read(folder).tables["people"]) == 3


SITES = "practice,size\nx,8000\ny,9500\n"


def with_sites(folder: Path, text: str = SITES) -> None:
    change(
        folder,
        "mapping.toml",
        ("[[scores]]", '[sites]\nfile = "sites.csv"\nsite = "practice"\nlist_size = "size"\n\n[[scores]]'),
    )
    (folder / "sites.csv").write_text(text, encoding="utf-8")


def test_sites_may_have_a_table_of_their_own(folder: Path):
    with_sites(folder)
    assert read(folder).tables["sites"] == [{"site": "x", "list_size": 8000}, {"site": "y", "list_size": 9500}]


def test_a_site_that_the_table_lacks_and_a_size_that_is_none_are_named(folder: Path):
    with_sites(folder, "practice,size\nx,big\n")
    assert faults(folder) == (
        "sites.csv row 2: sites.list_size unexpected value 'big'; expected a whole number",
        "people: site 'y' is not in sites.csv; add it there",
    )


@pytest.mark.parametrize(("value", "fits"), [(-0.567, True), (-0.594, False), (1.0, True), (1.01, False)])
def test_an_eq5d_value_is_held_to_its_value_set(folder: Path, value: float, fits: bool):
    """The worst state is worth -0.567 under the UK set of 2026."""
    change(
        folder,
        "mapping.toml",
        ('instrument = "bdi"', 'instrument = "eq5d-5l"\nscale = "value"\nvalue_set = "uk-2026-rowen"'),
    )
    change(folder, "people.csv", ("20,11", f"{value},0.5"), ("31,,", "0.5,,"), ("25,25", "0.5,0.5"))
    if fits:
        assert read(folder).tables["scores"][0]["score"] == value
    else:
        assert any("is outside -0.567 to 1" in fault for fault in faults(folder))


def test_an_eq5d_value_of_an_unknown_set_is_held_to_what_any_set_gives(folder: Path):
    change(folder, "mapping.toml", ('instrument = "bdi"', 'instrument = "eq5d-5l"\nscale = "value"'))
    change(folder, "people.csv", ("20,11", "-0.594,0.5"), ("31,,", "0.5,,"), ("25,25", "0.5,0.5"))
    assert read(folder).tables["scores"][0]["score"] == -0.594
