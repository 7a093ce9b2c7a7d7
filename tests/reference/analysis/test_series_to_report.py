"""From somebody's flat tables of sites and months to a report whose numbers are those of R.

The months of `05c_its_cits` beside the people of the reference study, and the counties of `10_callaway_santanna_mpdta`.
"""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from .flat_against_r import compared, estimates

Tidy = dict[tuple[str, str, str], dict[str, Any]]
Row = Callable[..., dict[str, Any]]
CITS = {"post": "post", "t": "month", "tp": "month:post", "c1": "cos 1", "s1": "sin 1", "post:arm": "arm:post",
        "t:arm": "arm:month", "tp:arm": "arm:month:post"}  # fmt: skip


def tidy(report: Path, name: str = "estimates") -> Tidy:
    return {(row["outcome"], row["term"], row["scale"]): row for row in estimates(report, name)}


@pytest.fixture(scope="module")
def practices(study_folder: Callable[[str], Path], comparison_folder: Path) -> Path:
    folder = study_folder("cba_series")
    for name in ("cba_person.csv", "cba_monthly.csv"):
        shutil.copy(comparison_folder / "data" / name, folder)
    return compared(folder)


@pytest.fixture(scope="module")
def counties(study_folder: Callable[[str], Path], comparison_folder: Path) -> Path:
    """The counties' table as two: a row a county, and a row a county and year with the counts behind the logarithms."""
    folder = study_folder("mpdta")
    data = pd.read_csv(comparison_folder / "data" / "mpdta.csv")
    employed = np.exp(data["lemp"])
    assert np.abs(employed - employed.round()).max() < 1e-8
    years = data.assign(employed=employed.round().astype(int), population=np.exp(data["lpop"]))
    years.to_csv(folder / "years.csv", index=False)
    data.drop_duplicates("countyreal").to_csv(folder / "counties.csv", index=False)
    return compared(folder)


# ---------------------------------------------------------------------------- interrupted series and event study


@pytest.mark.parametrize("theirs", CITS)
def test_every_term_of_the_interrupted_series_is_that_of_fixest(practices: Path, oracle_row: Row, theirs: str) -> None:
    found = tidy(practices)["gp-series", CITS[theirs], "log rate ratio"]
    expected = oracle_row("05c_its_cits", "cits_fepois_cluster", theirs)
    assert found["estimate"] == pytest.approx(expected["estimate"], rel=1e-6, abs=1e-9)
    assert (found["n"], found["n_clusters"]) == (864, 24)


@pytest.mark.parametrize(
    ("ours", "theirs"), [("arm:post", "arm:post"), ("arm:month:post", "arm:tp"), ("arm:month", "arm:t")]
)
def test_its_errors_are_nearly_those_of_clubsandwich_without_site_effects(
    practices: Path, oracle_row: Row, ours: str, theirs: str
) -> None:
    """With them clubSandwich has no right answer here: `05c_its_cits` says why."""
    found = tidy(practices)["gp-series", ours, "log rate ratio"]
    expected = oracle_row("05c_its_cits", "cits_quasipoisson_noFE_CR2", theirs)
    assert found["std_error"] == pytest.approx(expected["se"], rel=0.01)
    assert found["df"] == pytest.approx(expected["df"], rel=0.01)


def test_its_answer_at_the_planned_month_is_level_and_slope_together(practices: Path, oracle_row: Row) -> None:
    level, slope = (
        oracle_row("05c_its_cits", "cits_fepois_cluster", term)["estimate"] for term in ("post:arm", "tp:arm")
    )
    found = tidy(practices)["gp-series", "arm", "rate ratio"]
    assert found["estimate"] == pytest.approx(np.exp(level + 11 * slope), rel=1e-6)


def test_the_event_study_of_quarters_is_that_of_the_arms_totals(practices: Path, comparison_folder: Path) -> None:
    data = pd.read_csv(comparison_folder / "data" / "cba_monthly.csv")
    totals = data.groupby([data["month"] // 3, "arm"])["attendances"].sum().unstack()
    ratio = np.log(totals[1] / totals[0])
    found = tidy(practices)
    for quarter in (-8, -2, 0, 3):
        expected = ratio[quarter] - ratio[-1]
        assert found["gp-study", f"start{quarter:+d}", "log rate ratio"]["estimate"] == pytest.approx(
            expected, abs=1e-9
        )


def test_each_stands_beside_the_other(practices: Path) -> None:
    planned, beside = tidy(practices), tidy(practices, "sensitivity")
    one, other = planned["gp-series", "arm", "rate ratio"], beside["gp-study", "arm", "rate ratio"]
    assert one["estimate"] == other["estimate"]
    assert planned["gp-study", "arm", "rate ratio"]["estimate"] == beside["gp-series", "arm", "rate ratio"]["estimate"]


def test_the_report_says_what_was_seen_before_the_start_and_in_the_placebo_run(practices: Path) -> None:
    page = (practices / "report.html").read_text(encoding="utf-8")
    assert "All effects before the start at once: F 1.16 on 7 and 13.9 degrees of freedom, p = 0.385." in page
    assert "It is 1.01 (95% interval 0.94 to 1.09). One lies inside the interval." in page
    assert "11 months after the start were 0.90 times what they would have been" in page


def test_the_rates_of_the_practices_stand_in_a_table(practices: Path, comparison_folder: Path) -> None:
    data = pd.read_csv(comparison_folder / "data" / "cba_monthly.csv")
    own = data[(data["arm"] == 1) & (data["month"] < 0)]
    with (practices / "tables" / "site-rates-gp-series.csv").open(encoding="utf-8") as file:
        rows = {(row["row"], row["column"], row["statistic"]): row["value"] for row in csv.DictReader(file)}
    arm = "Link worker offered"
    assert int(rows["Events before the start", arm, "count"]) == own["attendances"].sum()
    expected = own["attendances"].sum() / (own["population"].sum() / 12)
    assert float(rows["Rate per person-year before the start", arm, "rate"]) == pytest.approx(expected, rel=1e-9)


# ---------------------------------------------------------------------------- staggered roll-out


def test_the_average_over_starts_is_that_of_did(counties: Path, oracle_row: Row) -> None:
    expected = oracle_row("10_callaway_santanna_mpdta", "aggte_nocov_dr_simple", "overall")
    found = tidy(counties)["employment", "simple", "rate ratio"]
    assert np.log(found["estimate"]) == pytest.approx(expected["estimate"], abs=1e-9)
    assert found["std_error"] == pytest.approx(expected["se"], rel=1e-8)
    assert found["n"] == 500


@pytest.mark.parametrize(("group", "period"), [(g, p) for g in (2004, 2006, 2007) for p in range(2004, 2008)])
def test_effects_by_start_and_year_are_those_of_did(counties: Path, oracle_row: Row, group: int, period: int) -> None:
    expected = oracle_row("10_callaway_santanna_mpdta", "att_gt_nocov_dr", f"ATT({group},{period})")
    found = tidy(counties)["employment", f"{group} in {period}", "log rate ratio"]
    assert found["estimate"] == pytest.approx(expected["estimate"], abs=1e-9)
    assert found["std_error"] == pytest.approx(expected["se"], rel=1e-8)


@pytest.mark.parametrize("since", [-4, -3, -2, 0, 1, 2, 3])
def test_the_check_beside_it_is_that_of_fixest(counties: Path, oracle_row: Row, since: int) -> None:
    expected = oracle_row("10_callaway_santanna_mpdta", "sunab", f"year::{since}")
    found = tidy(counties, "sensitivity")["employment", f"start{since:+d}", "log rate ratio"]
    assert found["estimate"] == pytest.approx(expected["estimate"], abs=1e-9)
    assert found["std_error"] == pytest.approx(expected["se"], rel=1e-8)


def test_both_are_drawn_by_time_since_the_start_and_tested_before_it(counties: Path) -> None:
    page = (counties / "report.html").read_text(encoding="utf-8")
    assert "chi-squared 7.79 on 5 degrees of freedom, p = 0.168" in page
    for method in ("callaway-santanna", "sun-abraham"):
        assert (counties / "figures" / f"since-employment-{method}.svg").is_file()


def test_bounds_of_the_answer_are_those_of_diff_diff_but_for_what_chosen_weights_cost(counties: Path) -> None:
    """`HonestDiD("smoothness")` of diff-diff 3.13.0 with errors as known, see `test_course.py`; ours is a little wider."""
    with (counties / "tables" / "honest-employment-callaway-santanna.csv").open(encoding="utf-8") as file:
        rows = {(row["row"], row["statistic"]): row["value"] for row in csv.DictReader(file)}
    low, high = (float(rows["not at all in a period (years)", name]) for name in ("conf_low", "conf_high"))
    expected = np.exp([-0.07090652189081603, -0.006995937728235049])
    assert (low, high) == pytest.approx(expected, abs=0.001)
    assert low < expected[0] < expected[1] < high
    page = (counties / "report.html").read_text(encoding="utf-8")
    assert "The interval leaves 1 out until the line may bend by 0.2% a period." in page


def test_no_placebo_run_is_claimed_where_there_is_no_one_time_before_the_start(counties: Path) -> None:
    assert "Placebo" not in (counties / "report.html").read_text(encoding="utf-8")
    assert not (counties / "tables" / "placebo-employment.csv").exists()
