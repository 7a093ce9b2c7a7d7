"""`analysis describe` on times to an event and on series of sites: what is there, and nothing of how the arms fare."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import pytest

from analysis import describe
from analysis.cohort import assemble
from analysis.load import read
from analysis.report.contents import Contents
from analysis.report.description import lay_out_description
from tests.unit.analysis import series_study, study

TIMED = study.PLAN + study.ADMISSION
FOLLOWED = "Days for which people could be followed: median (quartiles)"
Shown = dict[str, list[str]]


def described(folder: Path, rows: study.Rows, plan: str) -> Contents:
    return lay_out_description(assemble(read(study.write(folder / "bundle", rows, plan))))


def shown(whole: Contents, name: str) -> Shown:
    table = next(table for table in whole.tables if table.name == name)
    return {label: [cell.text for cell in cells] for label, cells in table.rows}


def sentences(whole: Contents) -> list[str]:
    section = next(section for section in whole.sections if section.id == "outcomes")
    return [block for block in section.blocks if isinstance(block, str)]


# ---------------------------------------------------------------------------- times


@pytest.fixture(scope="module")
def timed(tmp_path_factory: pytest.TempPathFactory) -> Contents:
    return described(tmp_path_factory.mktemp("timed"), study.with_admissions(study.tables()), TIMED)


def test_a_time_has_everybody_followed_the_events_and_the_deaths_of_both_arms_as_one(timed: Contents) -> None:
    rows = study.with_admissions(study.tables())
    first = {line["person"] for line in rows["service_use"] if line["setting"] == "in-patient" and line["count"]}
    table = shown(timed, "together-admission")
    had = int(table["Had it by day 180"][0].split()[0])
    assert table["Followed from entry on"] == ["160 (100%)"]
    assert table["Not followed from entry on"] == ["0"]
    assert len(first) - 5 <= had <= len(first), "one or two came after day 180"
    assert table["Died before it by day 180"][0] in {"<10", "withheld"} or int(
        table["Died before it by day 180"][0].split()[0]
    )


def test_a_time_tells_how_long_people_could_be_followed(timed: Contents) -> None:
    """A quarter were followed for 150 days, the others beyond the planned 180."""
    assert shown(timed, "together-admission")[FOLLOWED] == ["180 (150 to 180)"]


def test_nothing_of_a_time_is_by_arm(timed: Contents) -> None:
    table = next(table for table in timed.tables if table.name == "together-admission")
    assert table.columns == ("Everybody",)
    assert "hazard" not in " ".join(sentences(timed)).lower()


def swapped(rows: study.Rows) -> study.Rows:
    """What came of people after entry, dealt to the person in the same place of the other arm."""
    partner = {f"s{n}-{place}": f"s{(n + 3) % 8 + 1}-{place}" for n in range(1, 9) for place in range(20)}
    people = {line["person"]: line for line in rows["people"]}
    moved = []
    for line in rows["service_use"]:
        if line["setting"] != "in-patient":
            moved.append(line)
            continue
        there, here = people[partner[line["person"]]], people[line["person"]]
        shift = there["entered_on"] - here["entered_on"]
        dates = {name: line[name] + shift for name in ("from_on", "until_on")}
        moved.append(line | {"person": there["person"]} | dates)
    return rows | {"service_use": moved}


def test_the_arms_trading_places_in_their_events_changes_nothing_that_is_shown(tmp_path: Path) -> None:
    rows = study.with_admissions(study.tables(), deaths=0.0)
    seen = []
    for name, content in (("one", rows), ("other", swapped(rows))):
        folder = tmp_path / name
        describe(read(study.write(folder / "bundle", content, TIMED)), folder / "out")
        seen.append({path.name: path.read_text(encoding="utf-8") for path in (folder / "out" / "tables").iterdir()})
    assert seen[0] == seen[1]


def test_few_events_stay_behind_and_so_does_what_would_tell_of_them(tmp_path: Path) -> None:
    rows = study.with_admissions(study.tables(), daily=0.0002, deaths=0.0)
    whole = described(tmp_path, rows, TIMED)
    table = shown(whole, "together-admission")
    assert table["Had it by day 180"] == ["<10"]
    assert table["Followed from entry on"] == ["160 (100%)"], "nobody shows how many were without it"


def test_a_time_that_nobody_can_tell_is_said_and_stops_nothing(tmp_path: Path) -> None:
    rows = study.tables()
    for person in rows["people"]:
        study.use(rows, person, (0, 90, 1), (90, 180, 0))
    whole = described(tmp_path, rows, TIMED)
    assert "together-admission" not in [table.name for table in whole.tables]
    assert any(text.startswith("First admission: 160 people had") for text in sentences(whole))


def test_nobody_followed_has_a_dash_for_how_long(tmp_path: Path) -> None:
    rows = study.tables()
    for person in rows["people"]:
        study.use(rows, person, (10, 90, 0))
    table = shown(described(tmp_path, rows, TIMED), "together-admission")
    assert table["Followed from entry on"] == ["0 (0%)"]
    assert table[FOLLOWED] == ["–"]


# ---------------------------------------------------------------------------- series

Bend = Callable[[study.Rows], None]


def of_series(folder: Path, bend: Bend | None = None, estimator: str = "interrupted-series") -> Contents:
    rows = series_study.with_months(study.tables())
    if bend is not None:
        bend(rows)
    more = "horizon = 11" if estimator == "interrupted-series" else "period = 6"
    return described(folder, rows, series_study.plan(estimator, more))


def without(rows: study.Rows, site: str, months: tuple[int, ...]) -> None:
    gone = {series_study.day(month) for month in months}
    rows["site_use"] = [line for line in rows["site_use"] if line["site"] != site or line["from_on"] not in gone]


def test_a_series_has_its_sites_and_periods_by_arm_and_its_events_of_both_as_one(tmp_path: Path) -> None:
    whole = of_series(tmp_path)
    held = shown(whole, "periods-gp-series")
    assert held["Sites"] == ["4", "4"]
    assert held["Periods of a site before the start"] == ["24", "24"]
    assert held["Periods of a site from the start on"] == ["12", "12"]
    rows = series_study.with_months(study.tables())["site_use"]
    after = sum(line["count"] for line in rows if line["from_on"] >= series_study.START)
    assert shown(whole, "together-gp-series")["Events from the start on"] == [f"{after:,}"]
    table = next(table for table in whole.tables if table.name == "together-gp-series")
    assert table.columns == ("Everybody",)


def test_without_gaps_that_is_said(tmp_path: Path) -> None:
    whole = of_series(tmp_path)
    assert "GP attendances of whole practices: no site lacks a period that another has." in sentences(whole)
    assert "gaps-gp-series" not in [table.name for table in whole.tables]


def test_months_that_a_site_lacks_are_named_site_by_site(tmp_path: Path) -> None:
    def bend(rows: study.Rows) -> None:
        without(rows, "s3", (-7, -3, -2, -1, 5))
        without(rows, "s6", (11,))

    whole = of_series(tmp_path, bend)
    assert shown(whole, "gaps-gp-series") == {
        "s3": ["31 of 36", "−7, −3 to −1, 5"],
        "s6": ["35 of 36", "11"],
    }
    assert shown(whole, "periods-gp-series")["Sites that lack a period which others have"] == ["1", "1"]


def test_a_roll_out_is_described_as_well(tmp_path: Path) -> None:
    starts = {f"s{number}": (number - 1) * 6 - 12 if number <= 4 else None for number in range(1, 9)}
    rows = series_study.allocated(series_study.with_months(study.tables(), starts=starts), starts)
    for person in rows["people"]:
        person["entered_on"] = max(person["entered_on"], series_study.day(11))
    plan = series_study.plan("callaway-santanna", "period = 6")
    whole = described(tmp_path, rows, plan)
    assert shown(whole, "periods-gp-series")["Sites"] == ["4", "4"]


def test_few_events_of_series_stay_behind(tmp_path: Path) -> None:
    rows = series_study.with_months(study.tables())
    for place, line in enumerate(rows["site_use"]):
        line["count"] = int(place % 50 == 0)
    whole = described(tmp_path, rows, series_study.plan("interrupted-series", "horizon = 11"))
    assert set(shown(whole, "together-gp-series")["Events from the start on"]) == {"<10"}


def test_the_tables_are_written_beside_the_page(tmp_path: Path) -> None:
    rows = series_study.with_months(study.with_admissions(study.tables()))
    plan = series_study.plan("interrupted-series", "horizon = 11", of=TIMED)
    describe(read(study.write(tmp_path / "bundle", rows, plan)), tmp_path / "out")
    for name in ("together-admission", "together-gp-series", "periods-gp-series"):
        with (tmp_path / "out" / "tables" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            assert list(csv.DictReader(file)), name
