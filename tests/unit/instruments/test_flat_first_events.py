"""Days to a first event in somebody's table: the periods they become, and what is refused."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from instruments import flat
from instruments.flat import FlatError

PLAN = """
study = { id = "s", title = "A study", design = "controlled-before-after" }
arms.a = { role = "intervention" }
arms.b = { role = "comparison" }
timepoints = [{ id = "baseline", day = 0 }, { id = "12m", day = 365 }]
outcomes = [{ id = "adm", kind = "time-to-event", setting = "in-patient", until_day = 365, primary = true }]
"""
MAPPING = """
plan = "plan.toml"

[people]
file = "people.csv"
person = "id"
site = "practice"
arm = { column = "arm", codes = { 1 = "a", 0 = "b" } }
entered_on = "start"

[[first_events]]
setting = "in-patient"
day = "adm_days"
happened = { column = "adm_status", codes = { 0 = 0, 1 = 1, 2 = 0 } }
"""
PEOPLE = "id,practice,arm,start,adm_days,adm_status"
Period = tuple[date, date, int]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in (("plan.toml", PLAN), ("mapping.toml", MAPPING)):
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def periods(folder: Path, *lines: str) -> list[Period]:
    """The periods of people of whom these are the days and the status."""
    people = [f"{number},x,1,2024-01-01,{line}" for number, line in enumerate(lines)]
    (folder / "people.csv").write_text("\n".join([PEOPLE, *people]) + "\n", encoding="utf-8")
    rows = flat.read(folder / "mapping.toml").tables["service_use"]
    assert {row["setting"] for row in rows} <= {"in-patient"}
    return [(row["from_on"], row["until_on"], row["count"]) for row in rows]  # type: ignore[misc]


def faults(folder: Path, *lines: str) -> tuple[str, ...]:
    with pytest.raises(FlatError) as refused:
        periods(folder, *lines)
    return refused.value.faults


def changed(folder: Path, old: str, new: str) -> None:
    assert old in MAPPING
    (folder / "mapping.toml").write_text(MAPPING.replace(old, new), encoding="utf-8")


def test_an_event_becomes_a_day_after_a_period_without_any(folder: Path):
    entry, on, after = date(2024, 1, 1), date(2024, 1, 31), date(2024, 2, 1)
    assert periods(folder, "30,1") == [(entry, on, 0), (on, after, 1)]


@pytest.mark.parametrize("status", ["0", "2"])
def test_no_event_becomes_a_period_without_any(folder: Path, status: str):
    """A competing event, such as death, stands under people: left_on and left_reason."""
    assert periods(folder, f"30,{status}") == [(date(2024, 1, 1), date(2024, 1, 31), 0)]


def test_an_event_on_the_day_of_entry_has_no_time_before_it(folder: Path):
    assert periods(folder, "0,1") == [(date(2024, 1, 1), date(2024, 1, 2), 1)]


def test_who_was_not_followed_for_a_day_has_no_period(folder: Path):
    assert periods(folder, "0,0") == []


@pytest.mark.parametrize(
    ("left", "reason", "followed"),
    [
        ("2024-01-01", "died", [(date(2024, 1, 1), date(2024, 1, 2), 0)]),
        ("2024-01-01", "withdrew", []),
        ("2024-01-02", "died", []),
        ("", "", []),
    ],
)
def test_who_died_on_the_day_of_entry_was_followed_until_then(
    folder: Path, left: str, reason: str, followed: list[Period]
):
    """The period of that day tells the death from somebody of whom nothing is known."""
    changed(folder, 'entered_on = "start"', 'entered_on = "start"\nleft_on = "left"\nleft_reason = "reason"')
    people = f"{PEOPLE},left,reason\n1,x,1,2024-01-01,0,2,{left},{reason}\n"
    (folder / "people.csv").write_text(people, encoding="utf-8")
    rows = flat.read(folder / "mapping.toml").tables["service_use"]
    assert [(row["from_on"], row["until_on"], row["count"]) for row in rows] == followed


@pytest.mark.parametrize("line", [",1", "30,", "NA,NA", "30,NA"])
def test_who_lacks_the_days_or_whether_it_came_has_no_period(folder: Path, line: str):
    assert periods(folder, line) == []


def test_days_may_be_written_with_a_decimal_or_in_another_unit(folder: Path):
    assert periods(folder, "30.0,0") == periods(folder, "30,0")
    changed(folder, 'day = "adm_days"', 'day = { column = "adm_days", times = 7 }')
    assert periods(folder, "2,0") == [(date(2024, 1, 1), date(2024, 1, 15), 0)]


@pytest.mark.parametrize(("written", "days"), [("46.23", 4623), ("0.29", 29), ("1.15", 115)])
def test_a_product_is_the_decimal_one(folder: Path, written: str, days: int):
    """In binary 0.29 times 100 is a little less than 29, which would be no whole number of days."""
    changed(folder, 'day = "adm_days"', 'day = { column = "adm_days", times = 100 }')
    assert periods(folder, f"{written},0") == periods_of(days)


def periods_of(days: int) -> list[Period]:
    """The period of somebody who was followed so long without an event."""
    return [(date(2024, 1, 1), date(2024, 1, 1) + timedelta(days=days), 0)]


def test_it_is_from_a_health_record_unless_the_mapping_says_that_people_reported_it(folder: Path):
    for source, setting in (("record-extract", ""), ("self-report", '\nsource = "self-report"')):
        changed(folder, 'setting = "in-patient"', f'setting = "in-patient"{setting}')
        assert len(periods(folder, "30,1")) == 2
        assert {row["source"] for row in flat.read(folder / "mapping.toml").tables["service_use"]} == {source}


def test_several_first_events_of_a_person_stand_beside_each_other(folder: Path):
    second = MAPPING[MAPPING.index("[[first_events]]") :].replace('"in-patient"', '"emergency"')
    (folder / "mapping.toml").write_text(MAPPING + second, encoding="utf-8")
    (folder / "people.csv").write_text(f"{PEOPLE}\n1,x,1,2024-01-01,30,1\n", encoding="utf-8")
    rows = flat.read(folder / "mapping.toml").tables["service_use"]
    assert [row["setting"] for row in rows] == ["in-patient", "in-patient", "emergency", "emergency"]


REFUSED = {
    "days below nought": ("-3,1", "people.csv row 2: adm_days -3 is not a whole number of days from entry on; correct it, or say times where it is in another unit"),
    "half a day": ("2.5,1", "people.csv row 2: adm_days 2.5 is not a whole number of days from entry on; correct it, or say times where it is in another unit"),
    "days in words": ("soon,1", "people.csv row 2: adm_days has 'soon', expected a number"),
    "days without end": ("1e300,1", "people.csv row 2: adm_days is 1e+300 days after entry, beyond any calendar; correct it"),
    "a status without a code": ("30,9", "people.csv row 2: adm_status has '9', which its codes do not name; known: 0, 1, 2"),
}  # fmt: skip


@pytest.mark.parametrize(("line", "said"), REFUSED.values(), ids=REFUSED)
def test_what_does_not_fit_is_refused_with_its_row_and_remedy(folder: Path, line: str, said: str):
    assert said in faults(folder, line)


def test_a_status_that_is_neither_yes_nor_no_asks_for_codes(folder: Path):
    changed(folder, '{ column = "adm_status", codes = { 0 = 0, 1 = 1, 2 = 0 } }', '"adm_status"')
    assert faults(folder, "30,2") == (
        "people.csv row 2: adm_status has 2, expected 1 (it happened) or 0 (it did not); give it codes",
    )


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('day = "adm_days"\n', "", "first_events[0] has no 'day'; name the column with the days from entry to the first"),
        ('setting = "in-patient"\n', "", "first_events[0] has no 'setting'; name it"),
        ("happened = {", "occurred = {", "first_events[0]: 'occurred' is not known here; allowed: setting, day, happened, source"),
        ('"adm_days"', '"admission"', "people.csv: no column 'admission'; the file has: id, practice"),
        ('"in-patient"', '"moon"', "people.csv row 2: service_use.setting unexpected value 'moon'"),
    ],
)  # fmt: skip
def test_a_mapping_that_does_not_fit_is_refused_with_its_remedy(folder: Path, old: str, new: str, said: str):
    changed(folder, old, new)
    assert any(said in fault for fault in faults(folder, "30,1"))
