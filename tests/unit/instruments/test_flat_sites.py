"""Flat tables of sites over time: months and years, starts by site, and every row that does not fit by its name."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from instruments import flat
from instruments.mapping import FlatError
from tests.unit.analysis.study import PLAN

MAPPING = """plan = "plan.toml"

[people]
file = "people.csv"
person = "id"
site = "practice"
arm = { column = "group", codes = { "1" = "link-worker", "0" = "usual-care" } }
entered_on = "entered"
"""
USE = """
[[site_use]]
file = "months.csv"
setting = "gp"
site = "practice"
from_on = "month"
count = "seen"
person_years = { column = "list", times = 0.5 }
"""
PEOPLE = "id,practice,group,entered,offered\n1,a,1,2024-03-10,2024-02\n2,a,1,2024-03-11,2024-02-15\n3,b,0,2024-03-12,\n"
MONTHS = "practice,month,until,number,seen,list\na,2024-01,2024-02-01,-2,40,10\nb,2024-01,2024-02-01,-2,51,20\n"


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    (tmp_path / "plan.toml").write_text(PLAN, encoding="utf-8")
    (tmp_path / "people.csv").write_text(PEOPLE, encoding="utf-8")
    (tmp_path / "months.csv").write_text(MONTHS, encoding="utf-8")
    return tmp_path


def read(desk: Path, more: str, months: str = MONTHS) -> flat.Flat:
    (desk / "mapping.toml").write_text(MAPPING + more, encoding="utf-8")
    (desk / "months.csv").write_text(months, encoding="utf-8")
    return flat.read(desk / "mapping.toml")


def faults(desk: Path, more: str, months: str = MONTHS) -> list[str]:
    with pytest.raises(FlatError) as refused:
        read(desk, more, months)
    return list(refused.value.faults)


def test_every_row_of_the_file_is_one_of_the_table(desk: Path) -> None:
    assert read(desk, USE).tables["site_use"] == [
        {
            "site": "a",
            "setting": "gp",
            "from_on": date(2024, 1, 1),
            "until_on": date(2024, 2, 1),
            "count": 40,
            "person_years": 5.0,
        },
        {
            "site": "b",
            "setting": "gp",
            "from_on": date(2024, 1, 1),
            "until_on": date(2024, 2, 1),
            "count": 51,
            "person_years": 10.0,
        },
    ]


@pytest.mark.parametrize(
    ("written", "opens"),
    [("2024-03-31", date(2024, 3, 31)), ("2024-03", date(2024, 3, 1)), ("2024", date(2024, 1, 1))],
)
def test_a_month_or_a_year_stands_for_its_first_day(desk: Path, written: str, opens: date) -> None:
    (row,) = read(desk, USE, f"practice,month,seen,list\na,{written},4,1\n").tables["site_use"]
    assert row["from_on"] == opens


@pytest.mark.parametrize(
    ("months", "opens", "closes"),
    [(1, "2024-01-31", date(2024, 2, 29)), (1, "2023-01-31", date(2023, 2, 28)), (12, "2024", date(2025, 1, 1)),
     (3, "2024-11", date(2025, 2, 1)), (1, "2024-12", date(2025, 1, 1)), (24, "2024-02-29", date(2026, 2, 28))],
)  # fmt: skip
def test_a_period_ends_so_many_months_on(desk: Path, months: int, opens: str, closes: date) -> None:
    (row,) = read(desk, USE + f"months = {months}\n", f"practice,month,seen,list\na,{opens},4,1\n").tables["site_use"]
    assert row["until_on"] == closes


def test_a_period_ends_where_the_file_says(desk: Path) -> None:
    months = MONTHS.replace("2024-02-01", "2024-01-29")
    assert {row["until_on"] for row in read(desk, USE + 'until_on = "until"\n', months).tables["site_use"]} == {
        date(2024, 1, 29)
    }


@pytest.mark.parametrize(
    ("number", "opens"),
    [(-2, date(2024, 1, 1)), (0, date(2024, 3, 1)), (11, date(2025, 2, 1)), (-24, date(2022, 3, 1))],
)
def test_numbered_months_are_counted_from_the_day_that_the_mapping_names(desk: Path, number: int, opens: date) -> None:
    numbered = USE.replace('from_on = "month"', 'month = "number"\nmonth_0 = 2024-03-01')
    (row,) = read(desk, numbered, f"practice,number,seen,list\na,{number},4,1\n").tables["site_use"]
    assert row["from_on"] == opens


def test_two_files_or_settings_add_up(desk: Path) -> None:
    found = read(desk, USE + USE.replace('"gp"', '"nurse"')).tables["site_use"]
    assert [row["setting"] for row in found] == ["gp", "gp", "nurse", "nurse"]


@pytest.mark.parametrize(
    ("months", "said"),
    [
        (
            MONTHS.replace("\nb,", "\nz,"),
            "months.csv row 3: site 'z' is not among the sites; add somebody there or leave it out",
        ),
        (MONTHS.replace(",40,", ",40.5,"), "months.csv row 2: the count 40.5 is not a whole number; correct it"),
        (MONTHS.replace(",40,", ",-4,"), "months.csv row 2: site_use.count -4 is below 0; correct the value"),
        (MONTHS.replace(",40,", ",,"), "months.csv row 2: site_use.count is empty; every row needs a value"),
        (MONTHS.replace(",40,", ",many,"), "months.csv row 2: seen has 'many', expected a number"),
        (
            MONTHS.replace(",10\n", ",-1\n"),
            "months.csv row 2: site_use.person_years -0.5 is below 0; correct the value",
        ),
        (
            MONTHS.replace("a,2024-01,", "a,Jan 24,"),
            "months.csv row 2: unexpected value 'Jan 24'; expected a date such as 2024-03-31, 2024-03 or 2024",
        ),
        (MONTHS.replace("a,2024-01,", "a,,"), "months.csv row 2: site_use.from_on is empty; every row needs a value"),
        (
            MONTHS.replace("month,", "when,"),
            "months.csv: no column 'month'; the file has: practice, when, until, number, seen, list",
        ),
    ],
)
def test_a_row_that_does_not_fit_is_named(desk: Path, months: str, said: str) -> None:
    assert said in faults(desk, USE, months)


@pytest.mark.parametrize("number", ["1.5", "999999"])
def test_a_month_of_no_calendar_is_named(desk: Path, number: str) -> None:
    numbered = USE.replace('from_on = "month"', 'month = "number"\nmonth_0 = 2024-03-01')
    said = faults(desk, numbered, f"practice,number,seen,list\na,{number},4,1\n")
    assert f"months.csv row 2: month {float(number):g} is no whole month of any calendar; correct it" in said


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (
            USE.replace('from_on = "month"\n', ""),
            "site_use[0] needs either 'from_on' or 'month'; name the column of one of them",
        ),
        (
            USE + 'month = "number"\nmonth_0 = 2024-03-01\n',
            "site_use[0] needs either 'from_on' or 'month'; name the column of one of them",
        ),
        (
            USE.replace("from_on", "month"),
            "site_use[0] needs 'month' and 'month_0' together; month_0 is the first day of the month numbered 0",
        ),
        (USE.replace('setting = "gp"\n', ""), "site_use[0] has no 'setting'; name it"),
        (USE.replace('count = "seen"\n', ""), "site_use[0] has no 'count'; name its column"),
        (USE + "months = true\n", "site_use[0].months has True, expected a number"),
        (
            USE + 'who = "x"\n',
            "site_use[0]: 'who' is not known here; allowed: file, setting, site, count, person_years, month, from_on, until_on, month_0, months",
        ),
    ],
)
def test_a_mapping_that_says_too_little_or_too_much_is_refused(desk: Path, more: str, said: str) -> None:
    assert f"mapping.toml: {said}" in faults(desk, more)


def test_an_unknown_setting_is_named_with_those_that_are_known(desk: Path) -> None:
    assert any(
        "site_use.setting unexpected value 'dentist'; allowed: gp, " in said
        for said in faults(desk, USE.replace('"gp"', '"dentist"'))
    )


# ---------------------------------------------------------------------------- starts


def starts(found: flat.Flat) -> dict[object, object]:
    return {row["site"]: row["from_on"] for row in found.tables["allocations"]}


def test_a_site_is_in_its_arm_from_the_earliest_day_of_its_rows(desk: Path) -> None:
    found = starts(read(desk, '[allocation]\nfrom_on = "offered"\n'))
    assert found == {"a": date(2024, 2, 1), "b": date(2024, 3, 12)}


def test_codes_may_stand_between_a_column_and_a_start(desk: Path) -> None:
    more = '[allocation]\nfrom_on = { column = "group", codes = { "1" = "2023", "0" = "" } }\n'
    assert starts(read(desk, more)) == {"a": date(2023, 1, 1), "b": date(2024, 3, 12)}


def test_one_day_for_all_is_still_one_day(desk: Path) -> None:
    assert set(starts(read(desk, "[allocation]\nfrom_on = 2024-01-01\n")).values()) == {date(2024, 1, 1)}


def test_a_start_that_is_no_day_is_named(desk: Path) -> None:
    more = '[allocation]\nfrom_on = "id"\n'
    assert "people.csv row 2: unexpected value '1'; expected a date such as 2024-03-31, 2024-03 or 2024" in faults(
        desk, more
    )


def test_a_start_s_column_that_is_not_there_is_named(desk: Path) -> None:
    (said,) = faults(desk, '[allocation]\nfrom_on = "begun"\n')
    assert said.startswith("people.csv: no column 'begun'; the file has: ")
