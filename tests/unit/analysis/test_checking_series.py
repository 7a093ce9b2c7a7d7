"""Whether a dataset is fit for series of sites: which periods there are, what is refused, and that no arm's fare is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from analysis.cohort import Cohort
from analysis.load import Dataset
from analysis.report.checking import Fitness, fitness, in_lines
from analysis.report.fitting import Task
from analysis.report.rehearsal import refusals, rehearsed
from analysis.series import calendar_periods, periods_held, site_months
from instruments.plan_methods import SERIES
from tests.unit.analysis import study
from tests.unit.analysis.series_study import allocated, day, plan, with_months
from tests.unit.analysis.study import Rows

Read = Callable[..., Dataset]
Make = Callable[..., Cohort]
INTERRUPTED, ROLL_OUT = plan("interrupted-series"), plan("callaway-santanna", "period = 6")
STARTS = {"s1": -6, "s2": -6, "s3": 0, "s4": 0, "s5": None, "s6": None, "s7": None, "s8": None}
GAPS = "Sites that lack a period which others have"
BEFORE, AFTER = "Periods of a site before the start", "Periods of a site from the start on"
NAMED = "plan.outcomes.gp-series: 'interrupted-series' would refuse: "


def staggered(rows: Rows) -> Rows:
    """The study whose practices start at two times."""
    return with_months(allocated(rows, STARTS), starts=STARTS)


def by_person(rows: Rows, months: range = range(-6, 6)) -> Rows:
    """The study with the GP attendances of each person by month since entry, and nothing of whole sites."""
    rows["service_use"] = []
    for place, person in enumerate(rows["people"]):
        for month in months:
            closes = (month + 1) * 30
            study.use(rows, person, (month * 30, closes, (place + month) % 3), setting="gp")
    return rows


def of(found: Fitness) -> dict[str, tuple[str, ...]]:
    """The texts of the outcome's table by row."""
    (one,) = [each for each in found.tables if each.name == "fit-gp-series"]
    return {label: tuple(cell.text for cell in row) for label, row in one.rows}


def lose(rows: Rows, lost: Callable[[dict[str, Any]], bool]) -> Rows:
    """Take months of sites away."""
    rows["site_use"] = [line for line in rows["site_use"] if not lost(line)]
    return rows


def in_arm(line: dict[str, Any]) -> bool:
    return study.SITES[line["site"]] == "link-worker"


def of_series(found: Fitness) -> list[str]:
    """The faults of the outcome that series answer."""
    return [fault for fault in found.faults if fault.startswith("plan.outcomes.gp-series: ")]


# ---------------------------------------------------------------------------- what the data hold


def test_a_study_with_the_months_of_its_sites_is_fit(rows: Rows, read: Read) -> None:
    found = fitness(read(with_months(rows), INTERRUPTED))
    assert found.faults == ()
    assert found.notes == ()
    assert of(found) == {"Sites": ("4", "4"), BEFORE: ("24", "24"), AFTER: ("12", "12"), GAPS: ("0", "0")}


def test_sites_that_start_at_different_times_have_their_own_before(rows: Rows, read: Read) -> None:
    found = fitness(read(staggered(rows), ROLL_OUT))
    assert found.faults == ()
    assert of(found) == {"Sites": ("4", "4"), BEFORE: ("18 to 24", "18"), AFTER: ("12 to 18", "18"), GAPS: ("0", "0")}


def test_months_of_people_stand_in_for_those_of_sites(rows: Rows, read: Read) -> None:
    found = fitness(read(by_person(rows), plan("event-study", "period = 1")))
    assert of_series(found) == []
    assert of(found) == {"Sites": ("4", "4"), BEFORE: ("6", "6"), AFTER: ("6", "6"), GAPS: ("0", "0")}


@pytest.mark.parametrize("method", SERIES)
def test_every_method_is_tried_and_named_in_the_title(method: str, rows: Rows, read: Read) -> None:
    told: list[Task] = []
    dataset = read(with_months(rows), plan(method))
    found = fitness(dataset, watch=lambda _done, _of, task: told.append(task))
    assert [name for outcome, name in told if outcome.id == "gp-series"] == [method, *SERIES[method]]
    assert found.tables[-1].title == f"GP attendances of whole practices: {method}, beside it {SERIES[method][0]}"


def test_series_beside_an_answer_about_people_are_tried_and_people_are_counted(rows: Rows, read: Read) -> None:
    asked = study.PLAN.replace('setting = "gp"', 'setting = "gp"\nbeside = ["interrupted-series"]')
    found = fitness(read(rows, asked))
    (fault,) = found.faults
    assert fault.startswith(
        "plan.outcomes.gp: 'interrupted-series' would refuse: service_use: a period of 'gp' lasts 365"
    )
    assert "Service use before entry" in [label for label, _ in found.tables[-1].rows]


def test_a_site_with_a_gap_is_counted_in_its_arm(rows: Rows, read: Read) -> None:
    gap = lose(with_months(rows), lambda line: line["site"] in ("s2", "s5", "s6") and line["from_on"] == day(-3))
    here = of(fitness(read(gap, INTERRUPTED)))
    assert here[GAPS] == ("1", "2")
    assert here[BEFORE] == ("23 to 24", "23 to 24")
    assert here[AFTER] == ("12", "12")


def test_an_arm_without_series_has_dashes(rows: Rows, read: Read) -> None:
    found = fitness(read(lose(with_months(rows), in_arm), INTERRUPTED))
    assert of(found)["Sites"] == ("0", "4")
    assert of(found)[BEFORE][0] == of(found)[AFTER][0] == "–"
    assert of_series(found)[0].startswith(NAMED)


def test_few_sites_are_a_note(rows: Rows, read: Read) -> None:
    found = fitness(read(lose(with_months(rows), lambda line: line["site"] == "s8"), INTERRUPTED))
    assert found.faults == ()
    assert found.notes == (
        "plan.outcomes.gp-series: 'Usual care' has 3 sites to compare; with fewer than 4 no p-value is given, with one no "
        "interval either.",
    )


def test_what_is_held_tells_on_which_side_of_the_start_each_period_lies(rows: Rows, cohort_of: Make) -> None:
    cohort = cohort_of(with_months(rows), INTERRUPTED)
    held = periods_held(cohort, cohort.plan.outcomes[-1])
    assert sorted(set(held["month"])) == [*range(-24, 12)]
    assert (held["before"] == (held["month"] < 0)).all()
    assert (held["after"] == (held["month"] >= 0)).all()
    assert dict(held.groupby("site")["arm"].first()) == {site: int(site <= "s4") for site in study.SITES}


def test_a_period_that_the_start_divides_lies_on_neither_side(rows: Rows, cohort_of: Make) -> None:
    for line in with_months(rows)["allocations"]:
        line["from_on"] += timedelta(10)
    cohort = cohort_of(rows, INTERRUPTED)
    held = periods_held(cohort, cohort.plan.outcomes[-1])
    divided = held[~held["before"] & ~held["after"]]
    assert set(divided["month"]) == {0}
    assert len(divided) == len(study.SITES)


# ---------------------------------------------------------------------------- what is not fit


def test_a_month_that_a_site_lacks_is_a_fault(rows: Rows, read: Read) -> None:
    gap = lose(with_months(rows), lambda line: line["site"] == "s2" and line["from_on"] == day(-3))
    assert fitness(read(gap, INTERRUPTED)).faults == (
        NAMED + "site 's2' has nothing for month -3 (0 is the first from the start on); add it, or leave that site out",
    )


def test_a_site_without_person_years_is_a_fault(rows: Rows, read: Read) -> None:
    for line in with_months(rows)["site_use"]:
        line["person_years"] = 0.0 if line["site"] == "s6" else line["person_years"]
    found = fitness(read(rows, INTERRUPTED))
    assert found.faults == (
        NAMED + "site_use: site 's6' has no person-years from 2022-03-01; correct them, or leave the site out",
    )


def test_an_arm_without_sites_is_a_fault(rows: Rows, read: Read) -> None:
    found = fitness(read(lose(with_months(rows), lambda line: not in_arm(line)), INTERRUPTED))
    assert found.faults == (
        NAMED + "the comparison arm has no month before or none after the start; nothing to compare",
    )


def test_what_stands_beside_by_itself_may_refuse(rows: Rows, read: Read) -> None:
    """Seven months after the start are enough for months, and hold no whole year for the event study."""
    dataset = read(with_months(rows, months=range(-24, 7)), plan("interrupted-series", "period = 12"))
    found = fitness(dataset)
    assert found.faults == ()
    (note,) = found.notes
    assert note.startswith("plan.outcomes.gp-series: 'event-study' would refuse: the intervention arm has no period")


def test_what_the_plan_names_beside_may_not_refuse(rows: Rows, read: Read) -> None:
    asked = plan("event-study", 'beside = ["callaway-santanna"]')
    dataset = read(lose(with_months(rows), lambda line: not in_arm(line)), asked)
    assert [fault.split("'")[1] for fault in of_series(fitness(dataset))] == ["event-study", "callaway-santanna"]


def test_no_site_that_never_starts_is_a_fault_of_a_roll_out(rows: Rows, read: Read) -> None:
    gone = lose(staggered(rows), lambda line: STARTS[line["site"]] is None)
    found = fitness(read(gone, ROLL_OUT))
    why = "would refuse: no site stays without a link worker; leave out the periods from the last start on"
    assert found.faults == (f"plan.outcomes.gp-series: 'callaway-santanna' {why}",)
    assert f"plan.outcomes.gp-series: 'sun-abraham' {why}" in found.notes


def test_different_starts_are_a_fault_where_one_is_needed(rows: Rows, read: Read) -> None:
    (fault,) = of_series(fitness(read(staggered(rows), INTERRUPTED)))
    assert fault.startswith(
        NAMED + "sites start on 2 different days, the first on 2023-09-01; name 'callaway-santanna'"
    )


def test_too_few_months_before_the_start_are_a_fault(rows: Rows, read: Read) -> None:
    few = with_months(rows, months=range(-1, 12))
    (fault,) = of_series(fitness(read(few, INTERRUPTED)))
    assert fault.startswith(NAMED + "the months are too few to tell ")


def test_no_month_after_the_start_is_a_fault(rows: Rows, read: Read) -> None:
    (fault,) = of_series(fitness(read(with_months(rows, months=range(-12, 0)), INTERRUPTED)))
    assert fault == NAMED + "site_use: has no 'gp' from the start (2024-03-01) on; add later months"


def test_a_horizon_beyond_the_series_is_a_fault(rows: Rows, read: Read) -> None:
    (fault,) = of_series(fitness(read(with_months(rows), plan("interrupted-series", "horizon = 20"))))
    assert fault == NAMED + "horizon: 20 lies beyond the last month of the series, 11; name one within"


def test_no_event_of_any_site_is_a_fault_that_names_no_arm(rows: Rows, read: Read) -> None:
    for line in with_months(rows)["site_use"]:
        line["count"] = 0 if line["from_on"] >= day(0) else line["count"]
    assert fitness(read(rows, INTERRUPTED)).faults == (
        "plan.outcomes.gp-series: no site at all had an event from the start on; nothing can be compared, say so instead",
    )


# ---------------------------------------------------------------------------- made-up counts


@pytest.mark.parametrize("method", ["interrupted-series", "event-study"])
@pytest.mark.parametrize("study_of", [with_months, by_person])
def test_no_method_refuses_made_up_counts_of_a_sound_study(
    method: str, study_of: Callable[[Rows], Rows], rows: Rows, cohort_of: Make
) -> None:
    cohort = cohort_of(study_of(rows), plan(method))
    assert refusals(cohort, (cohort.plan.outcomes[-1], method)) == ()


@pytest.mark.parametrize("method", ["callaway-santanna", "sun-abraham"])
def test_no_method_refuses_made_up_counts_of_a_sound_roll_out(method: str, rows: Rows, cohort_of: Make) -> None:
    cohort = cohort_of(staggered(rows), ROLL_OUT)
    assert refusals(cohort, (cohort.plan.outcomes[-1], method)) == ()


def test_made_up_counts_have_one_rate_and_stand_from_the_start_on(rows: Rows, cohort_of: Make) -> None:
    cohort = cohort_of(with_months(rows, effect=0.3), INTERRUPTED)
    outcome = cohort.plan.outcomes[-1]
    real, made = (site_months(each, outcome) for each in (cohort, rehearsed(cohort, outcome)))
    before = real["month"] < 0
    assert real[before].equals(made[before])
    assert real["years"].equals(made["years"])
    after = made[~before].groupby("site")[["count", "years"]].sum()
    rate = real.loc[before, "count"].sum() / real.loc[before, "years"].sum()
    assert (after["count"] / after["years"]).to_numpy() == pytest.approx(rate, rel=0.05)


def test_from_the_first_start_on_every_site_of_a_roll_out_has_made_up_counts(rows: Rows, cohort_of: Make) -> None:
    cohort = cohort_of(staggered(rows), plan("callaway-santanna", "period = 1"))
    outcome = cohort.plan.outcomes[-1]
    real, made = (calendar_periods(each, outcome) for each in (cohort, rehearsed(cohort, outcome)))
    before = real["period"] < real["start"].min()
    assert real[before].equals(made[before])
    assert (real.loc[~before, "count"] != made.loc[~before, "count"]).mean() > 0.9


def test_without_a_before_the_made_up_counts_are_still_above_zero(rows: Rows, cohort_of: Make) -> None:
    cohort = cohort_of(with_months(rows, months=range(12)), INTERRUPTED)
    made = rehearsed(cohort, cohort.plan.outcomes[-1]).dataset["site_use"]
    assert (made["count"] > 0).all()
    assert len(made) == len(cohort.dataset["site_use"])


def test_other_settings_of_the_sites_are_left_as_they_are(rows: Rows, cohort_of: Make) -> None:
    others = [line | {"setting": "nurse"} for line in with_months(rows)["site_use"]]
    rows["site_use"] += others
    cohort = cohort_of(rows, INTERRUPTED)
    made = rehearsed(cohort, cohort.plan.outcomes[-1]).dataset["site_use"]
    mine = made["setting"] == "nurse"
    assert (made.loc[mine, "count"] == cohort.dataset["site_use"].loc[mine, "count"]).all()


# ---------------------------------------------------------------------------- nobody learns how the arms fare


@pytest.mark.parametrize("effect", [0.0, 0.5, 3.0])
@pytest.mark.parametrize("method", ["interrupted-series", "event-study"])
def test_what_the_sites_used_after_the_start_changes_nothing_that_is_said(
    method: str, effect: float, rows: Rows, read: Read
) -> None:
    """None at all in one arm: `compare` would refuse an event study; before that nobody may know."""
    before = fitness(read(with_months(rows), plan(method)))
    for line in rows["site_use"]:
        if in_arm(line) and line["from_on"] >= day(0):
            line["count"] = int(line["count"] * effect)
    assert fitness(read(rows, plan(method))) == before


@pytest.mark.parametrize("effect", [0.0, 3.0])
def test_what_the_sites_of_a_roll_out_used_changes_nothing_that_is_said(effect: float, rows: Rows, read: Read) -> None:
    before = fitness(read(staggered(rows), ROLL_OUT))
    for line in rows["site_use"]:
        start = STARTS[line["site"]]
        if start is not None and line["from_on"] >= day(start):
            line["count"] = int(line["count"] * effect)
    assert fitness(read(rows, ROLL_OUT)) == before


def test_what_people_used_after_entry_changes_nothing_that_is_said_of_their_months(rows: Rows, read: Read) -> None:
    asked = plan("event-study", "period = 1")
    before = fitness(read(by_person(rows), asked))
    entered = {line["person"]: line["entered_on"] for line in rows["people"]}
    for line in rows["service_use"]:
        if line["person"] < "s5" and line["from_on"] >= entered[line["person"]]:
            line["count"] = 0
    assert fitness(read(rows, asked)) == before


def test_no_count_of_events_is_in_what_is_printed(rows: Rows, read: Read) -> None:
    dataset = read(with_months(rows), INTERRUPTED)
    found = fitness(dataset)
    (table,) = [each for each in found.tables if each.name == "fit-gp-series"]
    printed = set(" ".join(in_lines(table)).split())
    assert not printed & {str(count) for count in dataset["site_use"]["count"]}


def test_the_plan_s_own_outcome_is_what_is_tried(rows: Rows, cohort_of: Make) -> None:
    cohort = cohort_of(with_months(rows), INTERRUPTED)
    later = replace(cohort.plan.outcomes[-1], horizon=40)
    assert refusals(cohort, (later, "interrupted-series")) == (
        "horizon: 40 lies beyond the last month of the series, 11; name one within",
    )
