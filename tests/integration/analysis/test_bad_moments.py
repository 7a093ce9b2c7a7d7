"""People picked at a bad moment: what one baseline cannot tell, and what a second one, or a window left out, can."""

from __future__ import annotations

import csv
import random
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from analysis.cohort import long_rows_of, rows_of, wide_rows_of
from analysis.load import read
from analysis.report import compare, write
from analysis.report.comparison import Comparison, before_the_offer, passing_low
from analysis.report.contents import lay_out
from instruments.plan import PlanError, parse
from tests.unit.analysis import study

SCREENED = study.PLAN.replace(
    '[[timepoints]]\nid = "baseline"',
    '[[timepoints]]\nid = "referral"\nlabel = "Referral"\nday = -42\nwindow = [-10, 10]\nscreening = true\n\n'
    '[[timepoints]]\nid = "baseline"',
)
DONUT = study.PLAN + '\n[[outcomes]]\nid = "gp-outside"\nlabel = "Outside"\nsetting = "gp"\nleave_out = [90, 0]\n'
DIP = 0.2


def rows_with_a_screening(dip: float) -> study.Rows:
    """The invented study, and a score at the referral: as at the baseline but for noise, and a dip in one arm."""
    rows, dice = study.tables(), random.Random(5)
    entered = {line["person"]: line["entered_on"] for line in rows["people"]}
    for line in [
        each for each in rows["scores"] if each["instrument"] == "eq5d-5l" and each["timepoint"] == "baseline"
    ]:
        person = line["person"]
        key, day = f"{person}.eq5d-5l.referral", entered[person] - timedelta(42)
        lower = dip if int(person[1]) <= 4 else 0.0
        about = {"person": person, "instrument": "eq5d-5l", "version": "1", "timepoint": "referral"}
        asked = {"assessed_on": day, "mode": "in-person", "respondent": "self", "status": "complete"}
        score = round(line["score"] + dice.gauss(0, 0.05) - lower, 3)
        rows["assessments"].append({"assessment": key, **about, **asked})
        rows["scores"].append({"assessment": key, **about, "scale": "value", "value_set": "uk-2026-rowen",
                               "score": max(-0.5, min(1.0, score)), "origin": "reported"})  # fmt: skip
    return rows


def made(folder: Path, rows: study.Rows | None = None, plan: str = study.PLAN) -> Comparison:
    return compare(read(study.write(folder / "bundle", rows, plan)))


def lines(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def screened(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    return made(tmp_path_factory.mktemp("screened"), rows_with_a_screening(DIP), SCREENED)


def summary(comparison: Comparison) -> str:
    return " ".join(str(block) for block in lay_out(comparison).sections[0].blocks)


# ------------------------------------------------------------------------------------- a second baseline


def test_a_screening_never_stands_for_the_baseline() -> None:
    plan = parse(SCREENED)
    assert [each.id for each in plan.timepoints] == ["referral", "baseline", "3m", "6m"]
    assert plan.baseline.id == "baseline"
    assert [each.id for each in plan.screenings] == ["referral"]
    assert [each.id for each in plan.follow_ups] == ["3m", "6m"]
    assert plan.sha256 != parse(study.PLAN).sha256


def test_a_dip_at_the_screening_changes_no_estimate(screened: Comparison, tmp_path: Path) -> None:
    """The dip is in one arm only, and nobody's baseline or follow-up knows of it."""
    without = made(tmp_path)
    for id in ("eq5d-6m", "phq9-6m", "gp"):
        assert screened.fitted[id].main == without.fitted[id].main
        assert [each.fitted for each in screened.beside[id]] == [each.fitted for each in without.beside[id]]


def test_methods_that_follow_people_begin_at_the_baseline(screened: Comparison) -> None:
    followed = long_rows_of(screened.cohort, screened.plan.primary)
    assert list(followed["timepoint"].cat.categories) == ["baseline", "3m", "6m"]
    assert followed["timepoint"].notna().all()


def test_a_screening_helps_to_impute_and_the_baseline_stands_once(screened: Comparison) -> None:
    columns = list(wide_rows_of(screened.cohort, screened.plan.primary))
    assert len(columns) == len(set(columns))
    named = [column for column in columns if "referral" in column or "3m" in column]
    assert len(named) == 2
    assert not [column for column in columns if column != "baseline" and "baseline" in column]


def test_the_dip_is_seen_between_screening_and_baseline(screened: Comparison) -> None:
    first, second = before_the_offer(screened.cohort, screened.plan.primary, "referral")
    assert first.n == second.n == 80
    assert first.change.mean == pytest.approx(DIP, abs=0.03)
    assert second.change.mean == pytest.approx(0, abs=0.03)
    assert first.change.low > 0.1
    assert second.change.low < 0 < second.change.high


def test_the_report_shows_it_and_says_what_it_means(screened: Comparison, tmp_path: Path) -> None:
    write(screened, tmp_path / "out")
    rows = lines(tmp_path / "out" / "tables" / "screening-eq5d-5l-value-referral.csv")
    assert {row["column"] for row in rows} == {
        "People measured twice", "Mean at Referral", "Mean at Baseline", "Change (interval)",
    }  # fmt: skip
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "Between screening and baseline nothing had been offered yet." in page
    assert "There is one baseline only" not in page


def test_people_without_a_screening_are_counted_and_not_guessed(tmp_path: Path) -> None:
    rows = rows_with_a_screening(DIP)
    gone = {f"s1-{place}.eq5d-5l.referral" for place in range(15)}
    for table in ("assessments", "scores"):
        rows[table] = [line for line in rows[table] if line["assessment"] not in gone]
    few = made(tmp_path, rows, SCREENED)
    first, second = before_the_offer(few.cohort, few.plan.primary, "referral")
    assert (first.n, second.n) == (65, 80)
    shown = {table.name: table for table in lay_out(few).tables}["screening-eq5d-5l-value-referral"]
    assert [cells[0].text for _, cells in shown.rows] == ["65", "80"]


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("day = -42", "day = 42\n", "plan.timepoints: a screening comes after the baseline; correct its day"),
        ("screening = true", 'screening = "yes"', "plan.timepoints[0].screening: unexpected value 'yes'; write true or false"),
        ('id = "baseline"\nlabel = "Baseline"\nday = 0', 'id = "baseline"\nday = 0\nscreening = true',
         None),
    ],
)  # fmt: skip
def test_a_screening_that_cannot_be_is_refused(old: str, new: str, fault: str | None) -> None:
    text = SCREENED.replace(old, new, 1)
    if fault is None:  # two screenings, and the first follow-up is the baseline then
        assert parse(text).baseline.id == "3m"
        return
    with pytest.raises(PlanError) as refused:
        parse(text)
    assert any(each.startswith(fault) for each in refused.value.faults), refused.value.faults


# ------------------------------------------------------------------------------------- one baseline only


def test_with_one_baseline_the_report_says_what_a_passing_low_would_look_like(tmp_path: Path) -> None:
    comparison = made(tmp_path)
    found = passing_low(comparison, comparison.plan.primary)
    assert found is not None
    rows = rows_of(comparison.cohort, comparison.plan.primary).dropna(subset=["score", "baseline"])
    others = rows[rows["arm"] == 0]
    r = others["score"].corr(others["baseline"])
    assert found.size == pytest.approx(0.5 * others["baseline"].std() * (1 - r) ** 0.5)
    slope = next(term.estimate for term in comparison.fitted["eq5d-6m"].terms if term.term == "baseline")
    assert found.seen_as == pytest.approx({"ANCOVA": slope * found.size, "difference-in-differences": found.size})
    assert f"a passing low of {found.size:.3f}" in summary(comparison)


@pytest.mark.parametrize("low", [0.05, 0.1])
def test_a_real_low_in_one_arm_looks_like_what_was_said(tmp_path: Path, low: float) -> None:
    """Difference-in-differences moves by all of it; ANCOVA by the slope's share, or near it, for the slope moves too."""
    rows = study.tables()
    plain = made(tmp_path / "plain", rows)
    for line in rows["scores"]:
        if (line["instrument"], line["timepoint"]) == ("eq5d-5l", "baseline") and int(line["person"][1]) <= 4:
            line["score"] = line["score"] - low
    lowered = made(tmp_path / "lowered", rows)

    def of(comparison: Comparison) -> tuple[float, float]:
        return comparison.fitted["eq5d-6m"].main.estimate, comparison.beside["eq5d-6m"][0].fitted.main.estimate  # type: ignore[union-attr]

    slope = next(term.estimate for term in plain.fitted["eq5d-6m"].terms if term.term == "baseline")
    assert of(lowered)[1] - of(plain)[1] == pytest.approx(low, abs=1e-9)
    assert of(lowered)[0] - of(plain)[0] == pytest.approx(slope * low, abs=1e-9)


def test_a_trial_needs_no_such_warning(tmp_path: Path) -> None:
    trial = made(tmp_path, plan=study.PLAN.replace("controlled-before-after", "cluster-randomised"))
    assert "There is one baseline only" not in summary(trial)


# ------------------------------------------------------------------------------------- a window left out


def by_month(rows: study.Rows, *, spike: int) -> study.Rows:
    """Attendances month by month, two a month, and `spike` more in the last three months before entry in one arm."""
    entered = {line["person"]: line["entered_on"] for line in rows["people"]}
    rows["service_use"] = []
    for person, day in entered.items():
        for month in range(-12, 6):
            count = 2 + (spike if -3 <= month < 0 and int(person[1]) <= 4 else 0) + int(person[-1]) % 2
            period = {"from_on": day + timedelta(30 * month), "until_on": day + timedelta(30 * month + 30)}
            rows["service_use"].append(
                {"person": person, "setting": "gp", "source": "record-extract", "count": count, **period}
            )
    return rows


def rate_ratio(comparison: Comparison, id: str, beside: bool = False) -> float:
    fitted: Any = comparison.beside[id][0].fitted if beside else comparison.fitted[id]
    return float(fitted.main.estimate)


def test_a_rise_before_entry_in_one_arm_is_no_fall_after_it_once_the_window_is_left_out(tmp_path: Path) -> None:
    comparison = made(tmp_path, by_month(study.tables(), spike=4), DONUT)
    assert rate_ratio(comparison, "gp", beside=True) < 0.75, "before and after: the rise looks like a fall"
    assert rate_ratio(comparison, "gp-outside", beside=True) == pytest.approx(1, abs=0.02)


def test_the_time_left_out_is_no_person_time(tmp_path: Path) -> None:
    comparison = made(tmp_path, by_month(study.tables(), spike=0), DONUT)
    whole, outside = (outcome for outcome in comparison.plan.outcomes if outcome.setting)
    assert rows_of(comparison.cohort, whole)["baseline_years"].iloc[0] == pytest.approx(360 / 365.25)
    assert rows_of(comparison.cohort, outside)["baseline_years"].iloc[0] == pytest.approx(270 / 365.25)
    assert rows_of(comparison.cohort, outside)["years"].iloc[0] == pytest.approx(180 / 365.25)


def test_what_was_left_out_stands_among_the_departures(tmp_path: Path) -> None:
    comparison = made(tmp_path, by_month(study.tables(), spike=0), DONUT)
    said = {notice.text: notice.count for notice in comparison.cohort.notices}
    assert said["Periods within 90 days before or 0 days after entry were left out of: Outside."] == 3 * 160


@pytest.mark.parametrize("value", ["90", "[90]", "[90, -1]", '["90", "0"]', "[90, 0, 0]", "[1.5, 0]"])
def test_a_window_that_is_none_is_refused(value: str) -> None:
    with pytest.raises(PlanError) as refused:
        parse(DONUT.replace("[90, 0]", value))
    assert refused.value.faults == (
        "plan.outcomes[3].leave_out: needs two numbers of days, before and after entry, such as [90, 0]",
    )
