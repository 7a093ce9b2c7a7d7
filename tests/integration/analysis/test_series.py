"""Series of sites by the commands: what is wrong is named in its place, and the rest of the report comes out."""

from __future__ import annotations

import csv
import html
import json
import re
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest

from instruments import bundle as bundles
from instruments.bundle import PACKAGE_FILE
from tests.unit.analysis import study
from tests.unit.analysis.series_study import allocated, day, plan, with_months

from .conftest import Ran

Run = Callable[..., Ran]
Bend = Callable[[study.Rows], None]
STARTS = {"s1": -12, "s2": -12, "s3": 0, "s4": 0, "s5": None, "s6": None, "s7": None, "s8": None}


def report(run: Run, folder: Path, rows: study.Rows, text: str) -> str:
    """The words of the report's page."""
    study.write(folder / "bundle", rows, text)
    ran = run("compare", folder / "bundle", folder / "bundle" / "plan.toml", folder / "out")
    assert ran.code == 0, ran.err
    page = (folder / "out" / "report.html").read_text(encoding="utf-8")
    return html.unescape(re.sub(r"<[^>]+>", " ", page))


def fresh(starts: dict[str, int | None] | None = None) -> study.Rows:
    rows = with_months(study.tables(), starts=starts)
    return allocated(rows, starts) if starts else rows


def lacking(rows: study.Rows) -> None:
    rows["site_use"] = [u for u in rows["site_use"] if (u["site"], u["from_on"]) != ("s3", day(5))]


def without_before(rows: study.Rows) -> None:
    rows["site_use"] = [u for u in rows["site_use"] if u["from_on"] >= day(0)]


def idle(rows: study.Rows) -> None:
    rows["site_use"][7]["person_years"] = 0.0


def nobody_never(rows: study.Rows) -> None:
    rows["site_use"] = [u for u in rows["site_use"] if u["site"] in ("s1", "s2", "s3", "s4")]


# ---------------------------------------------------------------------------- what is wrong has its place


@pytest.mark.parametrize(
    ("bend", "method", "starts", "said"),
    [
        (lacking, "interrupted-series", None, "site 's3' has nothing for month 5 (0 is the first from the start on); add it, or leave that site out"),
        (lacking, "event-study", None, "site 's3' has nothing for month 5 (0 is the first from the start on); add it, or leave that site out"),
        (lacking, "callaway-santanna", STARTS, "site 's3' has 2 of 3 months of period 10; add the others, or leave that site out"),
        (without_before, "interrupted-series", None, "the intervention arm has no month before or none after the start; nothing to compare"),
        (without_before, "event-study", None, "the intervention arm has no period just before or none after the start; nothing to compare"),
        (idle, "interrupted-series", None, "site_use: site 's1' has no person-years from 2022-10-01; correct them, or leave the site out"),
        (idle, "sun-abraham", STARTS, "site_use: site 's1' has no person-years from 2022-10-01; correct them, or leave the site out"),
        (nobody_never, "callaway-santanna", STARTS, "no site stays without a link worker; leave out the periods from the last start on"),
        (lambda rows: None, "interrupted-series", STARTS, "sites start on 2 different days, the first on 2023-03-01; name 'callaway-santanna'"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_and_the_rest_comes_out(
    tmp_path: Path, run: Run, bend: Bend, method: str, starts: dict[str, int | None] | None, said: str
) -> None:
    rows = fresh(starts)
    bend(rows)
    page = report(run, tmp_path, rows, plan(method))
    assert f"GP attendances of whole practices could not be estimated: {said}" in page
    assert "EQ-5D value at 6 months was 0." in page
    estimates = json.loads((tmp_path / "out" / "estimates.json").read_text(encoding="utf-8"))
    assert {row["outcome"] for row in estimates} == {"eq5d-6m", "phq9-6m", "gp"}


def test_a_roll_out_without_what_whole_sites_used_says_where_it_belongs(tmp_path: Path, run: Run) -> None:
    page = report(run, tmp_path, study.tables(), plan("callaway-santanna"))
    assert "could not be estimated: site_use: has no 'gp'; a staggered roll-out is seen in what whole sites use" in page


def test_a_check_that_fails_leaves_the_answer(tmp_path: Path, run: Run) -> None:
    """Two months before the start make no quarter: the interrupted series stands, the event study says why not."""
    rows = with_months(study.tables(), months=range(-2, 12))
    page = report(run, tmp_path, rows, plan("interrupted-series"))
    assert "11 months after" not in page
    assert "in the last month were " in page
    assert "Not estimated: the intervention arm has no period just before or none after the start" in page


# ---------------------------------------------------------------------------- studies as the tracker exports them


def test_people_who_all_entered_before_their_site_started_do_not_stop_a_roll_out(tmp_path: Path, run: Run) -> None:
    """Everybody was in usual care when they entered, and so nobody can be compared by their own arm."""
    rows = fresh({site: 6 if start is not None else None for site, start in STARTS.items()})
    page = report(run, tmp_path, rows, plan("callaway-santanna"))
    assert (
        "GP attendances of whole practices per person-year at sites of “Link worker” from their start on were " in page
    )
    assert "EQ-5D value at 6 months could not be estimated: the intervention arm has nobody" in page


def test_a_site_s_own_start_is_when_its_arm_changed(tmp_path: Path, run: Run) -> None:
    rows = fresh(STARTS)
    report(run, tmp_path, rows, plan("callaway-santanna", "period = 6"))
    estimates = json.loads((tmp_path / "out" / "estimates.json").read_text(encoding="utf-8"))
    effects = {row["term"] for row in estimates if row["outcome"] == "gp-series" and " in " in row["term"]}
    assert effects == {f"{start} in {period}" for start in (3, 5) for period in range(2, 7)}


def test_months_of_the_study_s_people_make_series_too(tmp_path: Path, run: Run) -> None:
    rows = study.tables()
    for line in [line for line in rows["service_use"] if line["from_on"] > date(2024, 2, 29)]:
        rows["service_use"].remove(line)
    rows["service_use"] = []
    for number, person in enumerate(rows["people"]):
        for month in range(-12, 12):
            opens, closes = (person["entered_on"] + timedelta(round(edge * 30.4375)) for edge in (month, month + 1))
            rows["service_use"].append(
                {"person": person["person"], "setting": "gp", "from_on": opens, "until_on": closes,
                 "count": (number + month) % 4, "source": "record-extract"}
            )  # fmt: skip
    page = report(run, tmp_path, rows, plan("event-study", "period = 3"))
    assert "GP attendances of whole practices per person-year at sites of “Link worker” from the start on were " in page
    assert "by quarters since the start (event study)" in page


# ---------------------------------------------------------------------------- the table in a bundle


def test_a_bundle_of_before_has_no_such_file_and_is_read(tmp_path: Path, run: Run) -> None:
    folder = study.write(tmp_path / "bundle")
    (folder / "site_use.csv").unlink()
    package = json.loads((folder / PACKAGE_FILE).read_text(encoding="utf-8"))
    package["contract"] = "1.1"
    package["resources"] = [each for each in package["resources"] if each["name"] != "site_use"]
    (folder / PACKAGE_FILE).write_text(json.dumps(package), encoding="utf-8")
    assert run("check", folder).code == 0
    ran = run("compare", folder, folder / "plan.toml", tmp_path / "out")
    assert (ran.code, ran.err.count("site_use")) == (0, 0)


def test_no_other_table_may_be_away(tmp_path: Path, run: Run) -> None:
    folder = study.write(tmp_path / "bundle")
    (folder / "service_use.csv").unlink()
    ran = run("check", folder)
    assert ran.code == 2
    assert "service_use.csv: is not in the bundle; export it again" in ran.err


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"site": "s99"}, "site_use.site: row 2 is not in sites; add it there or correct it"),
        ({"until_on": "2022-03-01"}, "site_use.until_on: row 2 is not after from_on; correct the period"),
        ({"until_on": "2022-04-15"}, "site_use.from_on: row 3 begins inside another period; count a day once"),
        ({"count": "2.5"}, "site_use.count: unexpected value '2.5' (row 2); expected a whole number"),
        ({"count": ""}, "site_use.count: is empty (row 2); every row needs a value"),
        ({"person_years": "-3"}, "site_use.person_years: -3 is below 0 (row 2); correct the value"),
        ({"setting": "dentist"}, "site_use.setting: unexpected value 'dentist' (row 2); allowed: gp"),
        (
            {"from_on": "2022-04-01", "until_on": "2022-05-01"},
            "site_use: row 3 repeats another row's site, setting, from_on; keep one of them",
        ),
    ],
)
def test_a_damaged_row_is_named(tmp_path: Path, run: Run, change: dict[str, str], said: str) -> None:
    folder = study.write(tmp_path / "bundle", fresh(), plan("interrupted-series"))
    path = folder / "site_use.csv"
    with path.open(newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    lines[0] |= change
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(lines[0]))
        writer.writeheader()
        writer.writerows(lines)
    ran = run("check", folder)
    assert ran.code == 2
    assert said in ran.err


def test_a_setting_that_only_whole_sites_have_is_known_to_the_plan(tmp_path: Path, run: Run) -> None:
    rows = fresh()
    for line in rows["site_use"]:
        line["setting"] = "emergency"
    text = plan("interrupted-series").replace('setting = "gp"\nestimator', 'setting = "emergency"\nestimator')
    folder = study.write(tmp_path / "bundle", rows, text)
    assert run("check", folder).code == 0
    nowhere = text.replace('"emergency"', '"nurse"')
    bundles.write(tmp_path / "other", rows, nowhere, made_by="an invented study")
    ran = run("check", tmp_path / "other")
    assert ran.code == 2
    assert "plan.outcomes.gp-series: setting 'nurse' is not in the dataset; known: emergency, gp" in ran.err


# ---------------------------------------------------------------------------- what leaves


def test_what_rests_on_few_events_leaves_by_no_door(tmp_path: Path, run: Run) -> None:
    """One quarter of one arm has five attendances in all."""
    rows = with_months(study.tables(), per_month=40)
    for line in rows["site_use"]:
        if line["from_on"] in (day(3), day(4), day(5)) and study.SITES[line["site"]] == "link-worker":
            line["count"] = 1 if line["site"] == "s1" else 0
    rows["site_use"] = list(rows["site_use"])
    page = report(run, tmp_path, rows, plan("event-study"))
    assert "1 after the start n<10" in re.sub(r"\s+", " ", page)
    estimates = json.loads((tmp_path / "out" / "estimates.json").read_text(encoding="utf-8"))
    (row,) = [row for row in estimates if row["term"] == "start+1"]
    assert {row[name] for name in ("estimate", "std_error", "conf_low", "conf_high", "p_value")} == {None}
    (other,) = [row for row in estimates if row["term"] == "start+2"]
    assert other["estimate"] is not None
    table = (tmp_path / "out" / "tables" / "since-gp-series-event-study.csv").read_text(encoding="utf-8")
    assert [line for line in table.splitlines() if line.startswith("1 after the start,Rate ratio")] == [
        "1 after the start,Rate ratio,estimate,n<10"
    ]


def test_two_runs_write_the_same_report(tmp_path: Path, run: Run) -> None:
    folder = study.write(tmp_path / "bundle", fresh(), plan("event-study"))
    for out in ("one", "two"):
        assert run("compare", folder, folder / "plan.toml", tmp_path / out).code == 0
    for name in ("estimates.csv", "sensitivity.csv", "figures/since-gp-series-event-study.svg"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
