"""Times to a first event from somebody's flat table, through bundle and plan, to the numbers of R.

`06_cox_admission` (survival 3.5-3) and `06b_km_rmst_aj` (survival, survRM2 1.0-4, cmprsk 2.2-11): days to the first
admission on the simulated study of 24 practices, death competing. The reference takes people for independent.
"""

from __future__ import annotations

import csv
import html
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from analysis import load
from analysis.cohort import assemble
from analysis.times import time_rows_of

from . import flat_against_r

MAPPED = """
[[first_events]]
setting = "in-patient"
day = "adm_days"
happened = { column = "adm_status", codes = { 0 = 0, 1 = 1, 2 = 0 } }
"""
OUTCOMES = """
[analysis]
errors = "classical"

[[outcomes]]
id = "adjusted"
label = "First admission, people alike"
kind = "time-to-event"
setting = "in-patient"
until_day = 365
primary = true
estimator = "cox"
beside = ["fine-gray"]

[[outcomes]]
id = "plain"
label = "First admission"
kind = "time-to-event"
setting = "in-patient"
until_day = 360
covariates = []

[[outcomes]]
id = "half-a-year"
label = "First admission within half a year"
kind = "time-to-event"
setting = "in-patient"
until_day = 180
covariates = []
"""
SHOWING_ALL = OUTCOMES.replace("until_day = 360", "until_day = 365").replace(
    "[analysis]", "[analysis]\nsmall_number = 0"
)
Row = dict[str, Any]
Oracle = Callable[..., Row]


def compared(folder: Path, outcomes: str) -> Path:
    """The study with first admissions, converted and compared by a plan with these outcomes."""
    plan = (folder / "plan.toml").read_text(encoding="utf-8")
    (folder / "plan.toml").write_text(plan[: plan.index("[[outcomes]]")] + outcomes, encoding="utf-8")
    with (folder / "mapping.toml").open("a", encoding="utf-8") as mapping:
        mapping.write(MAPPED)
    flat_against_r.compared(folder)
    return folder


@pytest.fixture(scope="module")
def study(study_folder: Callable[[str], Path]) -> Path:
    return compared(study_folder("cba"), OUTCOMES)


@pytest.fixture(scope="module")
def year(study_folder: Callable[[str], Path]) -> Path:
    """The same, the unadjusted outcome read on the last day of the year, and every number shown."""
    return compared(study_folder("cba"), SHOWING_ALL)


def found(study: Path, name: str, outcome: str, scale: str, term: str = "arm") -> Row:
    rows = flat_against_r.estimates(study / "out", name)
    return next(row for row in rows if (row["outcome"], row["scale"], row["term"]) == (outcome, scale, term))


def stated(study: Path, table: str) -> dict[tuple[str, str, str], str]:
    """A table of the report by row, column and statistic."""
    with (study / "out" / "tables" / f"{table}.csv").open(encoding="utf-8", newline="") as file:
        return {(line["row"], line["column"], line["statistic"]): line["value"] for line in csv.DictReader(file)}


def test_the_bundle_gives_back_the_days_and_the_event_of_everybody(study: Path, people: pd.DataFrame) -> None:
    cohort = assemble(load.read(study / "bundle", study / "plan.toml"))
    rows = time_rows_of(cohort, cohort.plan.primary)
    rows.index = rows.index.astype(int)
    expected = people.set_index("id")[["adm_days", "adm_status"]].reindex(rows.index)
    assert len(rows) == 1200
    assert (rows["days"] == expected["adm_days"]).all()
    assert (rows["event"] == expected["adm_status"]).all()


def test_the_hazard_ratio_of_the_plan_is_that_of_r(study: Path, oracle_row: Oracle) -> None:
    row, expected = (
        found(study, "estimates", "adjusted", "log hazard ratio"),
        oracle_row("06_cox_admission", "cox_efron_model"),
    )
    assert (row["estimate"], row["std_error"]) == pytest.approx((expected["estimate"], expected["se"]), rel=1e-7)
    ratio = found(study, "estimates", "adjusted", "hazard ratio")
    limits = (math.exp(expected["lower"]), math.exp(expected["upper"]))
    assert (ratio["conf_low"], ratio["conf_high"]) == pytest.approx(limits, rel=1e-6)
    assert ratio["p_value"] == pytest.approx(expected["p"], rel=1e-6)


def test_the_subdistribution_hazard_ratio_beside_it_is_that_of_r(study: Path, oracle_row: Oracle) -> None:
    row = found(study, "sensitivity", "adjusted", "log subdistribution hazard ratio")
    expected = oracle_row("06b_km_rmst_aj", "FineGray_crr")
    assert (row["estimate"], row["std_error"]) == pytest.approx((expected["estimate"], expected["se"]), rel=1e-5)


def test_the_difference_of_restricted_means_is_that_of_r(study: Path, oracle_row: Oracle) -> None:
    row = found(study, "estimates", "plain", "difference")
    expected = oracle_row("06b_km_rmst_aj", "RMST_360_difference", "arm1-arm0")
    assert (row["estimate"], row["std_error"]) == pytest.approx((expected["estimate"], expected["se"]), rel=1e-6)
    assert row["unit"] == "days"


@pytest.mark.parametrize(("role", "term"), [("intervention", "arm1"), ("comparison", "arm0")])
def test_each_arm_s_restricted_mean_is_that_of_r(role: str, term: str, study: Path, oracle_row: Oracle) -> None:
    row = found(study, "estimates", "plain", "Restricted mean time", role)
    expected = oracle_row("06b_km_rmst_aj", "RMST_360", term)
    assert (row["estimate"], row["std_error"]) == pytest.approx((expected["estimate"], expected["se"]), rel=1e-6)
    column = {"intervention": "Link worker offered", "comparison": "Usual care"}[role]
    shown = stated(study, "times-plain")["Days without it up to day 360, deaths aside: mean", column, "mean"]
    assert float(shown) == pytest.approx(expected["estimate"], rel=1e-6)


@pytest.mark.parametrize(("arm", "column"), [(1, "Link worker offered"), (0, "Usual care")])
@pytest.mark.parametrize("day", [180, 365])
def test_each_arm_s_probabilities_by_a_day_are_those_of_r(
    arm: int, column: str, day: int, year: Path, oracle_row: Oracle
) -> None:
    """The report shows them in percent with one decimal."""
    shown = stated(year, "times-half-a-year" if day == 180 else "times-plain")
    survival = oracle_row("06b_km_rmst_aj", f"KM_arm={arm}", f"S({day})")
    had, died = (oracle_row("06b_km_rmst_aj", f"AalenJohansen_arm={arm}", f"{what}@{day}") for what in ("adm", "death"))
    for expected, label in (
        (survival, f"Without it at day {day}, deaths aside (Kaplan-Meier), %"),
        (had, f"Had it by day {day}, where death may come first (Aalen-Johansen), %"),
        (died, f"Died before it by day {day} (Aalen-Johansen), %"),
    ):
        values = [float(shown[label, column, name]) for name in ("mean", "conf_low", "conf_high")]
        wanted = [100 * expected[name] for name in ("estimate", "lower", "upper")]
        assert values == pytest.approx(wanted, abs=0.0501), label


def test_the_drawn_curve_goes_through_the_points_of_r(year: Path, oracle_row: Oracle) -> None:
    shown = stated(year, "curve-plain")
    last = oracle_row("06b_km_rmst_aj", "KM_arm=1", "S(365)")
    value = float(shown["Day 365", "Link worker offered, % without it", "mean"])
    assert value == pytest.approx(100 * last["estimate"], abs=0.0501)
    figure = (year / "out" / "figures" / "curve-plain.svg").read_text(encoding="utf-8")
    assert "Without it, %" in figure
    assert "Link worker" in figure


def test_where_few_died_what_would_tell_how_many_is_withheld(study: Path) -> None:
    """Seven people of the comparison arm died before an admission in the first half year."""
    shown = stated(study, "times-half-a-year")
    assert shown["Died before", "Usual care", "count"] == "<10"
    assert shown["Died before it by day 180 (Aalen-Johansen), %", "Usual care", "mean"] == "withheld"
    assert float(shown["Died before it by day 180 (Aalen-Johansen), %", "Link worker offered", "mean"]) > 0


def test_the_check_of_the_ratio_stands_in_words_beside_it(study: Path, oracle_extra: Callable[[str], Row]) -> None:
    page = html.unescape((study / "out" / "report.html").read_text(encoding="utf-8"))
    p = oracle_extra("06_cox_admission")["zph_arm_p"]
    assert f"nothing speaks against it, p = {p:.3f}." in page
    assert "The hazard ratio is 1.08 (95% interval 0.82 to 1.42)" in page


def test_the_answer_says_who_came_to_it_more_often(study: Path) -> None:
    page = html.unescape((study / "out" / "report.html").read_text(encoding="utf-8"))
    assert re.search(
        r"First admission, people alike: of those who had not had it yet, people in “Link worker offered” came to it 1\.08 "
        r"times as often as people in “Usual care” \(95% interval 0\.82 to 1\.42\), adjusted for age, sex, deprivation and "
        r"number of long-term conditions\. A ratio of one, no difference, lies inside the interval",
        page,
    )
    assert re.search(
        r"First admission: up to day 360 people in “Link worker offered” had 7\.3 fewer days without it", page
    )
    assert "adjusted for nothing" in page
