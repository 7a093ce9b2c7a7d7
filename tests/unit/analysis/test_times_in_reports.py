"""Times to an event in a report: curves that tell of nobody, sentences, and what stands where they cannot be had."""

from __future__ import annotations

import csv
import html
import math
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis import compare, load, write
from analysis.report import times
from analysis.report.comparison import Comparison
from analysis.result import Estimate, Fitted
from tests.unit.analysis import study

ONLY = study.PLAN[: study.PLAN.index("[[outcomes]]")] + study.ADMISSION + "primary = true\n"
RATES = '[[outcomes]]\nid = "gp"\nlabel = "GP attendances"\nsetting = "gp"\n'
Compared = Callable[..., tuple[Comparison, str]]


@pytest.fixture
def compared(tmp_path: Path) -> Compared:
    """The comparison of changed rows by a plan, and the words of its report."""

    def made(rows: study.Rows, plan: str = ONLY) -> tuple[Comparison, str]:
        comparison = compare(load.read(study.write(tmp_path / "bundle", rows, plan)))
        write(comparison, tmp_path / "out")
        page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
        return comparison, html.unescape(re.sub(r"<svg.*?</svg>|<style.*?</style>", "", page, flags=re.DOTALL))

    return made


def people_of(rows: study.Rows, arm: str) -> list[dict[str, Any]]:
    return [person for person in rows["people"] if study.SITES[person["site"]] == arm]


def lines(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / "out" / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def with_firsts(day_of: Callable[[str, int], int], last: int = 182) -> study.Rows:
    """The study with the first admission of each arm's people on these days, by their place in the arm."""
    rows = study.tables()
    for arm in ("link-worker", "usual-care"):
        for place, person in enumerate(people_of(rows, arm)):
            day = day_of(arm, place)
            study.use(rows, person, *([(0, min(day, last), 0)] if day else []))
            if day < last:
                study.use(rows, person, (day, day + 1, 1))
    return rows


# ---------------------------------------------------------------------------- as usual


def test_the_report_holds_answer_methods_table_curves_and_numbers(compared: Compared, tmp_path: Path) -> None:
    comparison, page = compared(
        study.with_admissions(study.tables()), ONLY.replace("[[outcomes]]", RATES + "[[outcomes]]")
    )
    assert comparison.faults == {}
    assert re.search(
        r"First admission: up to day 180 people in “Link worker” had [\d.]+ (more|fewer) days without it", page
    )
    for words in ("Cox, Efron ties, CR2 by site (hazard ratio)", "Cumulative incidence to day 180, CR2 by site (risk difference)",
                  "First admission: who had it, and when", "First admission: difference in days",
                  "First admission: people still followed and without it", "The hazard ratio is "):  # fmt: skip
        assert words in page
    assert (tmp_path / "out" / "figures" / "curve-admission.svg").is_file()
    whole = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert re.search(
        r'aria-label="Survival curves, which begin at 100%: of Link worker [\d.]+% are without it on day', whole
    )


def test_csv_files_hold_what_was_planned_and_what_stands_beside_it(compared: Compared, tmp_path: Path) -> None:
    compared(study.with_admissions(study.tables()))
    planned, beside = (lines(tmp_path, f"{name}.csv") for name in ("estimates", "sensitivity"))
    assert {line["scale"] for line in planned if line["term"] == "arm"} == {"difference", "mean time ratio"}
    assert {"hazard ratio", "risk difference", "risk ratio"} <= {line["scale"] for line in beside}
    assert [(line["term"], line["unit"]) for line in planned][:2] == [("arm", "days"), ("arm", "")]


@pytest.mark.parametrize(
    ("method", "said"),
    [
        ("cox", r"of those who had not had it yet, people in “Link worker” came to it [\d.]+ times as often as"),
        (
            "cumulative-incidence",
            r"up to day 180 [\d.]+ percentage points (more|fewer) had it in “Link worker” than in",
        ),
        ("fine-gray", r"the subdistribution hazard ratio of “Link worker” and “Usual care” up to day 180 is [\d.]+ \("),
        (
            "frailty",
            r"had not had it yet, at sites alike, people in “Link worker” came to it [\d.]+ times as often as .*"
            r"Beyond what was adjusted for, sites (do not )?differ in how soon people come to it",
        ),
    ],
)
def test_each_method_answers_in_its_own_words(method: str, said: str, compared: Compared) -> None:
    _, page = compared(study.with_admissions(study.tables()), f'{ONLY}estimator = "{method}"\ncovariates = []\n')
    (answer,) = set(re.findall(r"First admission: [^<]*adjusted for nothing[^<]*", page))
    assert re.search(said, answer)
    assert "% interval" in answer
    assert "lies inside the interval" in answer or "lies outside the interval" in answer


# ---------------------------------------------------------------------------- the ratio of hazards


def test_a_ratio_that_changes_is_said_to_change(compared: Compared) -> None:
    """One arm has its admissions at the start, the other at the end."""
    days = {"link-worker": range(1, 41), "usual-care": range(130, 170)}
    rows = with_firsts(lambda arm, place: days[arm][place] if place < 40 else 999)
    _, page = compared(rows)
    assert "But the ratio changes over time (Schoenfeld residuals, p < 0.001): this one number is an average" in page
    assert "Read the days without it instead." in page


def test_a_ratio_that_stays_is_said_to_stay(compared: Compared) -> None:
    _, page = compared(with_firsts(lambda arm, place: 4 * place + 4 if place < 40 else 999))
    assert re.search(
        r"(the same at all times|stays the same over time)[^<]*Schoenfeld residuals[^<]*p = [01]\.\d{3}", page
    )


def test_where_all_came_on_one_day_it_cannot_be_said(compared: Compared) -> None:
    _, page = compared(with_firsts(lambda _, place: 50 if place < 30 else 999))
    assert "cannot be checked: everybody who had it had it on one day." in page


# ---------------------------------------------------------------------------- what cannot be had


def test_an_arm_in_which_nobody_had_it_is_named_and_the_rest_comes_out(compared: Compared) -> None:
    rows = with_firsts(lambda arm, place: 999 if arm == "usual-care" else 2 * place + 1)
    comparison, page = compared(rows, ONLY.replace("[[outcomes]]", RATES + "[[outcomes]]"))
    assert "First admission could not be estimated: nobody in the comparison arm had the event; the arms' times" in page
    assert list(comparison.fitted) == ["gp"]
    assert "GP attendances per person-year in “Link worker” were" in page


def test_a_time_that_one_arm_was_not_followed_to_is_named_with_the_day_that_was(compared: Compared) -> None:
    rows = with_firsts(lambda arm, place: 2 * place + 1 if place < 40 else 999)
    short = {person["person"] for person in people_of(rows, "usual-care")}
    limit = {person["person"]: person["entered_on"] + timedelta(100) for person in rows["people"]}
    for row in rows["service_use"]:
        if row["setting"] == "in-patient" and row["person"] in short:
            row["until_on"] = min(row["until_on"], limit[row["person"]])
    _, page = compared(rows, ONLY.replace("[[outcomes]]", RATES + "[[outcomes]]"))
    assert (
        "First admission could not be estimated: horizon: nobody in the comparison arm was followed to day 180" in page
    )
    assert "name one up to 100 (in a plan: until_day)" in page


def test_a_horizon_beyond_follow_up_leaves_the_ratio_of_hazards_to_whoever_asks_for_it(compared: Compared) -> None:
    """A ratio needs nobody to be followed to the end; what stands beside it says what is missing."""
    rows = with_firsts(lambda _, place: 2 * place + 1 if place < 40 else 999, last=120)
    comparison, page = compared(rows, f'{ONLY}estimator = "cox"\n')
    assert list(comparison.fitted) == ["admission"]
    fault = "Not estimated: horizon: nobody in the intervention arm was followed to day 180; name one up to 120"
    assert f"{fault} (in a plan: until_day)" in page
    assert "came to it" in page


def test_nobody_followed_in_an_arm_is_named(compared: Compared) -> None:
    rows = with_firsts(lambda arm, place: 2 * place + 1)
    gone = {person["person"] for person in people_of(rows, "link-worker")}
    rows["service_use"] = [
        row for row in rows["service_use"] if row["setting"] != "in-patient" or row["person"] not in gone
    ]
    _, page = compared(rows, ONLY.replace("[[outcomes]]", RATES + "[[outcomes]]"))
    assert "First admission could not be estimated: the intervention arm has nobody with outcome and covariates" in page


def test_events_without_a_date_are_told_of_in_their_place(compared: Compared) -> None:
    rows = with_firsts(lambda _, place: 2 * place + 1)
    for row in rows["service_use"]:
        if row["setting"] == "in-patient" and row["count"]:
            row["until_on"] += timedelta(30)
    _, page = compared(rows, ONLY.replace("[[outcomes]]", RATES + "[[outcomes]]"))
    assert (
        "First admission could not be estimated: 160 people had 'In-patient admissions' counted over a longer period"
        in page
    )
    assert "record each one as a period of one day" in page


def test_one_site_an_arm_gives_numbers_without_intervals(compared: Compared) -> None:
    rows = study.with_admissions(study.tables(), daily=0.005)
    for person in rows["people"]:
        person["site"] = "s1" if study.SITES[person["site"]] == "link-worker" else "s5"
    comparison, page = compared(rows)
    main = comparison.fitted["admission"].main
    assert (main.std_error, main.conf_low, main.p_value) == (None, None, None)
    assert "(no interval can be given)" in page
    assert "One arm has only 1 site." in page
    assert "Whether there is a difference at all cannot be said." in page


# ---------------------------------------------------------------------------- small numbers


def test_where_few_of_an_arm_had_it_no_number_of_the_outcome_leaves(compared: Compared, tmp_path: Path) -> None:
    rows = with_firsts(lambda arm, place: 2 * place + 1 if place < (4 if arm == "usual-care" else 30) else 999)
    comparison, page = compared(rows)
    assert comparison.fitted["admission"].rests_on("arm") == 4
    assert "First admission: too few people had it, or did not, for the result to be shown." in page
    assert "The hazard ratio is" not in page
    for name in ("estimates", "sensitivity"):
        assert all(line["estimate"] == line["std_error"] == "" for line in lines(tmp_path, f"{name}.csv"))
    shown = [line for line in lines(tmp_path, "tables/times-admission.csv") if line["column"] == "Usual care"]
    by_row = {(line["row"].partition(" ")[0], line["statistic"]): line["value"] for line in shown}
    assert by_row["Had", "count"] == "<10"
    assert by_row["Without", "mean"] == by_row["Days", "mean"] == "withheld"
    assert {line["column"] for line in lines(tmp_path, "tables/curve-admission.csv") if line["value"] != "–"} == {
        "Link worker, followed", "Link worker, % without it",
    }  # fmt: skip


@pytest.mark.parametrize(("afterwards", "both_shown"), [(3, False), (12, True), (0, True)])
def test_who_had_it_and_then_died_cannot_be_found_by_subtracting(
    afterwards: int, both_shown: bool, compared: Compared, tmp_path: Path
) -> None:
    """The harms count every death, the times only those before the event: a few between them are somebody."""
    rows = study.with_admissions(study.tables(), deaths=0.5)
    had = {line["person"] for line in rows["service_use"] if line["setting"] == "in-patient" and line["count"] == 1}
    for person in [each for each in people_of(rows, "link-worker") if each["person"] in had][:afterwards]:
        person |= {"left_on": person["entered_on"] + timedelta(183), "left_reason": "died"}
    compared(rows)
    harms = [line for line in lines(tmp_path, "tables/harms.csv") if line["row"] == "Died"]
    times = [line for line in lines(tmp_path, "tables/times-admission.csv") if line["row"] == "Died before"]
    shown = [
        [line["value"] for line in table if line["column"] == "Link worker" and line["statistic"] == "count"]
        for table in (harms, times)
    ]
    assert all(cells and cells[0].isdigit() for cells in shown) == both_shown


def test_where_few_in_both_arms_had_it_there_are_no_curves(compared: Compared, tmp_path: Path) -> None:
    _, page = compared(with_firsts(lambda _, place: 2 * place + 1 if place < 4 else 999))
    assert "So few had it, or were followed, that no curves are drawn: they would show single people." in page
    assert not (tmp_path / "out" / "tables" / "curve-admission.csv").exists()


def test_a_plan_that_shows_every_count_shows_every_curve(compared: Compared) -> None:
    rows = with_firsts(lambda _, place: 2 * place + 1 if place < 4 else 999)
    _, page = compared(rows, ONLY + "[analysis]\nsmall_number = 0\n")
    assert "First admission: too few" not in page
    assert "no curves are drawn" not in page


def arm_of(days: list[float], event: list[float]) -> pd.DataFrame:
    return pd.DataFrame({"days": days, "event": event})


@st.composite
def arms(draw: st.DrawFn) -> pd.DataFrame:
    n = draw(st.integers(1, 120))
    days = draw(st.lists(st.integers(1, 180), min_size=n, max_size=n))
    kinds = draw(st.lists(st.sampled_from([0, 0, 0, 1, 1, 2]), min_size=n, max_size=n))
    return arm_of([float(day) for day in days], [float(kind) for kind in kinds])


@given(arms(), st.sampled_from([0, 1, 5, 10]))
@settings(max_examples=150, deadline=None)
def test_between_the_days_of_a_curve_nobody_or_enough_had_it_or_were_lost(arm: pd.DataFrame, least: int) -> None:
    """Whatever a reader subtracts, of the curve or of the numbers followed, is nothing or may be shown."""
    days = times._days_shown(arm, 180, least)
    had = [int(((arm["event"] == 1) & (arm["days"] <= day)).sum()) for day in days]
    total = int((arm["event"] == 1).sum())
    if len(days) > 1:
        assert all(gone == 0 or gone >= least for gone in np.diff([*had, total]))
        still = list(times._followed(arm, days, least))
        told = [(len(arm) - number - events) for number, events in zip(still, had, strict=True) if number is not None]
        assert still[0] == len(arm)
        assert all(lost == 0 or lost >= least for lost in np.diff(told))
        assert all(number is None or number >= least for number in still)
    assert days == sorted(set(days))


def test_an_arm_that_may_be_shown_whole_is_read_on_every_day_of_the_grid() -> None:
    arm = arm_of([180.0] * 50 + [15.0 * part - 1 for part in range(1, 13) for _ in range(10)], [0.0] * 50 + [1.0] * 120)
    assert times._days_shown(arm, 180, 10) == [15.0 * part for part in range(13)]
    assert list(times._followed(arm, [0, 90, 180], 10)) == [170, 110, 50]


def test_a_curve_ends_where_few_are_followed() -> None:
    arm = arm_of([180.0] * 5 + [100.0] * 40 + [50.0] * 20, [0.0] * 45 + [1.0] * 20)
    assert max(times._days_shown(arm, 180, 10)) == 90
    assert max(times._days_shown(arm, 180, 0)) == 180


def test_percentages_of_a_curve_are_rounded_for_all_their_digits_would_tell() -> None:
    point = times.Point(30, 0.123456, 0.01, 0.1, math.nan, 40)
    assert times._in_percent(point)[:2] == (12.3, 10.0)
    assert math.isnan(times._in_percent(point)[2])


def test_the_smallest_group_is_an_arm_or_those_with_or_without_the_event() -> None:
    answer = Estimate("arm", 1, 1, None, None, None, None, 100, None, "any")
    fitted = Fitted((answer,), (), (60, 40), None, ())
    assert fitted.fewest == 40
    assert Fitted((answer,), (), (60, 40), None, (), had=(57, 20)).rests_on("arm") == 3
    assert Fitted((answer,), (), (60, 40), None, (), had=(30, 4)).rests_on("arm") == 4
    assert Fitted((answer,), (), (60, 40), None, (), had=(60, 20)).rests_on("arm") == 20, "all of them is no secret"
