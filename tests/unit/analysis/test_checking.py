"""Is a dataset fit for a plan: who can be compared, what would be refused, and that nobody learns how the arms fare."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from analysis.cohort import Cohort, long_rows_of, rows_of
from analysis.load import Dataset
from analysis.report.checking import Fitness, fitness, in_lines
from analysis.report.comparison import planned
from analysis.report.fitting import Task
from analysis.report.rehearsal import refusals, rehearsed
from instruments.plan_methods import METHODS
from tests.unit.analysis.study import PLAN, Rows

Read = Callable[..., Dataset]
Make = Callable[..., Cohort]
EVENT = '[[outcomes]]\nid = "low-6m"\nlabel = "Low"\nkind = "binary"\ninstrument = "phq9"\nat_least = 10\n'
RANDOMISED = PLAN.replace("controlled-before-after", "individually-randomised")


def offered(person: str) -> bool:
    return int(person[1]) <= 4


def cells(found: Fitness, table: str) -> dict[str, tuple[str, ...]]:
    """The texts of a table by row."""
    (one,) = [each for each in found.tables if each.name == table]
    return {label: tuple(cell.text for cell in row) for label, row in one.rows}


def measured(rows: Rows, instrument: str, timepoint: str) -> set[str]:
    return {
        line["person"] for line in rows["scores"] if (line["instrument"], line["timepoint"]) == (instrument, timepoint)
    }


def lose(rows: Rows, instrument: str, timepoint: str, lost: Callable[[str], bool]) -> None:
    """Take somebody's assessments of a timepoint away."""
    for table in ("scores", "assessments"):
        rows[table] = [
            line
            for line in rows[table]
            if not (line["instrument"] == instrument and line["timepoint"] == timepoint and lost(line["person"]))
        ]


def late(rows: Rows, days: int, whose: Callable[[str], bool]) -> None:
    """Move the PHQ-9 at 6 months by so many days."""
    for line in rows["assessments"]:
        if (line["instrument"], line["timepoint"]) == ("phq9", "6m") and whose(line["person"]):
            line["assessed_on"] += timedelta(days)


def everybody(_: str) -> bool:
    return True


# ---------------------------------------------------------------------------- who can be compared


def test_a_study_that_holds_what_was_planned_is_fit(rows: Rows, read: Read) -> None:
    found = fitness(read(rows))
    assert found.faults == ()
    assert found.notes == ()
    assert [table.name for table in found.tables] == ["fit-covariates", "fit-eq5d-6m", "fit-phq9-6m", "fit-gp"]


def test_people_sites_and_days_are_counted_by_arm(rows: Rows, read: Read) -> None:
    after = measured(rows, "phq9", "6m")
    here = cells(fitness(read(rows)), "fit-phq9-6m")
    counts = [sum(offered(person) is arm for person in after) for arm in (True, False)]
    assert here["In the study"] == ("80", "80")
    assert here["Measured: Baseline"] == ("80 (100%)", "80 (100%)")
    expected = tuple(f"{count} ({100 * count / 80:.0f}%)" for count in counts)
    assert here["Measured: 6 months"] == expected
    assert here["Measured both times"] == expected
    assert here["Sites with such people"] == ("4", "4")
    assert here["Days from the first to the second, median (quartiles)"] == ("182 (182 to 182)",) * 2


def test_measured_both_times_is_less_than_either_alone(rows: Rows, read: Read) -> None:
    before = {f"s1-{place}" for place in range(20)}
    lose(rows, "phq9", "baseline", before.__contains__)
    lose(rows, "phq9", "6m", lambda person: offered(person) and person not in before)
    lose(rows, "phq9", "6m", {f"s1-{place}" for place in range(8)}.__contains__)
    here = cells(fitness(read(rows)), "fit-phq9-6m")
    assert here["Measured: Baseline"][0] == "60 (75%)"
    assert here["Measured both times"][0] == "0 (0%)"


def test_a_count_shows_who_has_periods_and_how_long_they_were_followed(rows: Rows, read: Read) -> None:
    here = cells(fitness(read(rows)), "fit-gp")
    assert here["Service use before entry"] == here["Service use from entry on"] == ("80 (100%)", "80 (100%)")
    assert here["Days followed, median (quartiles)"] == ("182 (182 to 182)", "182 (182 to 182)")


def test_covariates_say_how_complete_they_are(rows: Rows, read: Read) -> None:
    for line in rows["people"][:20]:
        line["birth_year"] = None
    found = fitness(read(rows))
    assert cells(found, "fit-covariates") == {"age": ("60 (75%)", "80 (100%)"), "sex": ("80 (100%)", "80 (100%)")}
    left = sum(offered(person) and not person.startswith("s1-") for person in measured(rows, "phq9", "6m"))
    assert cells(found, "fit-phq9-6m")["The same, covariates known"][0] == f"{left} ({100 * left / 80:.0f}%)"
    assert cells(found, "fit-phq9-6m")["Sites with such people"] == ("3", "4")


def test_a_plan_without_covariates_says_so(rows: Rows, read: Read) -> None:
    found = fitness(read(rows, PLAN.replace('[covariates]\nage = "number"\nsex = "category"\n', "")))
    assert found.tables[0].title == "The plan names no covariates"
    assert [*in_lines(found.tables[0])] == ["The plan names no covariates"]


def test_the_title_says_by_which_methods(rows: Rows, read: Read) -> None:
    plan = PLAN.replace('instrument = "phq9"\n', 'instrument = "phq9"\nbeside = ["mmrm"]\n')
    titles = [table.title for table in fitness(read(rows, plan)).tables]
    assert "EQ-5D value at 6 months (primary): ancova, beside it did" in titles
    assert "Depression at 6 months: ancova, beside it did, mmrm" in titles


# ---------------------------------------------------------------------------- small numbers


def test_a_few_people_are_not_counted_and_cannot_be_worked_out(rows: Rows, read: Read) -> None:
    """Three lack the score: neither they nor those who have it are shown."""
    lose(rows, "phq9", "6m", everybody)
    again = [
        (f"s{site}-{place}", 5.0 + place)
        for site in range(1, 9)
        for place in range(20)
        if not (site == 1 and place < 3)
    ]
    for person, score in again:
        entered = next(line["entered_on"] for line in rows["people"] if line["person"] == person)
        about = {"person": person, "instrument": "phq9", "version": "1", "timepoint": "6m"}
        key = f"{person}.phq9.6m"
        how = {"mode": "in-person", "respondent": "self", "status": "complete"}
        rows["assessments"].append({"assessment": key, **about, "assessed_on": entered + timedelta(182), **how})
        rows["scores"].append(
            {"assessment": key, **about, "scale": "total", "value_set": None, "score": score, "origin": "reported"}
        )
    found = fitness(read(rows))
    here = cells(found, "fit-phq9-6m")
    for row in ("Measured: 6 months", "Measured both times", "The same, covariates known"):
        assert here[row] == ("withheld", "80 (100%)")
    assert "77" not in " ".join(line for table in found.tables for line in in_lines(table))


def test_the_same_number_of_two_outcomes_is_held_back_in_both(rows: Rows, read: Read) -> None:
    lose(rows, "phq9", "6m", lambda person: person in {f"s1-{place}" for place in range(17)} or person[1] in "234")
    found = fitness(read(rows, PLAN + EVENT))
    for table in ("fit-phq9-6m", "fit-low-6m"):
        assert cells(found, table)["Measured: 6 months"][0] == "<10"
        assert cells(found, table)["Days from the first to the second, median (quartiles)"][0] == "n<10"


# ---------------------------------------------------------------------------- what is not fit


def test_a_window_that_holds_nobody_of_an_arm_says_where_the_answers_are(rows: Rows, read: Read) -> None:
    late(rows, 60, offered)
    found = fitness(read(rows))
    assert found.faults == (
        "plan.outcomes.phq9-6m: nobody of 'Link worker' was measured in the window of '6m' (days 154 to 210), and of "
        "everybody's answers there half were given on days 182 to 242; widen the window, or correct the dates",
    )
    assert cells(found, "fit-phq9-6m")["Measured: 6 months"][0] == "0 (0%)"


def test_where_few_answers_were_given_nobody_is_told_when(rows: Rows, read: Read) -> None:
    late(rows, 60, everybody)
    few = sorted(measured(rows, "phq9", "6m"))[::30]
    lose(rows, "phq9", "6m", lambda person: person not in few)
    faults = fitness(read(rows)).faults
    assert len(faults) == 2
    assert all("(days 154 to 210); widen the window" in fault for fault in faults)


def test_a_baseline_outside_its_window_is_a_fault_too(rows: Rows, read: Read) -> None:
    for line in rows["assessments"]:
        if (line["instrument"], line["timepoint"]) == ("phq9", "baseline") and not offered(line["person"]):
            line["assessed_on"] -= timedelta(40)
    (fault,) = fitness(read(rows)).faults
    assert "nobody of 'Usual care' was measured in the window of 'baseline' (days -28 to 28)" in fault


def test_nobody_measured_twice_is_a_fault(rows: Rows, read: Read) -> None:
    lose(rows, "phq9", "baseline", lambda person: offered(person) and person[1] in "12")
    lose(rows, "phq9", "6m", lambda person: offered(person) and person[1] in "34")
    (fault,) = fitness(read(rows)).faults
    assert fault == (
        "plan.outcomes.phq9-6m: nobody of 'Link worker' has it both before and after; widen the windows, or correct the "
        "dates"
    )


def test_nobody_with_every_covariate_is_a_fault_of_every_outcome(rows: Rows, read: Read) -> None:
    for line in rows["people"]:
        line["birth_year"] = None if offered(line["person"]) else line["birth_year"]
    faults = fitness(read(rows)).faults
    assert [fault.partition(":")[0] for fault in faults] == [
        f"plan.outcomes.{id}" for id in ("eq5d-6m", "phq9-6m", "gp")
    ]
    assert all("nobody of 'Link worker' has every covariate; take out of the plan" in fault for fault in faults)


@pytest.mark.parametrize(
    ("length", "side", "remedy"),
    [
        (365, "before entry", "write baseline = false in the outcome"),
        (182, "from entry on", "take the outcome out of the plan"),
    ],
)
def test_service_use_on_one_side_only_is_a_fault(rows: Rows, read: Read, length: int, side: str, remedy: str) -> None:
    rows["service_use"] = [
        line
        for line in rows["service_use"]
        if not ((line["until_on"] - line["from_on"]).days == length and offered(line["person"]))
    ]
    (fault,) = fitness(read(rows)).faults
    assert fault == (
        f"plan.outcomes.gp: nobody of 'Link worker' has a period of 'gp' {side}; add service_use, or {remedy}"
    )


def test_an_outcome_that_is_the_same_for_everybody_is_a_fault_that_names_no_arm(rows: Rows, read: Read) -> None:
    for line in rows["scores"]:
        if line["timepoint"] == "6m" and line["instrument"] == "phq9":
            line["score"] = 4.0
    for line in rows["service_use"]:
        line["count"] = 0 if (line["until_on"] - line["from_on"]).days == 182 else line["count"]
    assert fitness(read(rows, PLAN + EVENT)).faults == (
        "plan.outcomes.phq9-6m: everybody has the same score; nothing can be compared, say so instead",
        "plan.outcomes.gp: nobody at all had an event from entry on; nothing can be compared, say so instead",
        "plan.outcomes.low-6m: nobody at all, or everybody, has the event; nothing can be compared, say so instead",
    )


def test_few_sites_are_a_note(rows: Rows, read: Read) -> None:
    for line in rows["people"]:
        line["site"] = "s1" if line["site"] == "s2" else line["site"]
    found = fitness(read(rows))
    assert found.faults == ()
    assert found.notes[0] == (
        "plan.outcomes.eq5d-6m: 'Link worker' has 3 sites to compare; with fewer than 4 no p-value is given, with one no "
        "interval either."
    )
    assert len(found.notes) == 3


def test_an_empty_window_that_nothing_needs_is_a_note(rows: Rows, read: Read) -> None:
    lose(rows, "phq9", "3m", everybody)
    assert fitness(read(rows)).notes == ("plan.outcomes.phq9-6m: the window of '3m' holds nothing.",)


def test_a_kind_of_outcome_that_is_not_known_here_is_left_to_the_comparison(rows: Rows, read: Read) -> None:
    dataset = read(rows)
    first, *others = dataset.plan.outcomes
    changed = replace(dataset.plan, outcomes=(first, *(replace(other, kind="else") for other in others)))
    found = fitness(replace(dataset, plan=changed))
    assert [table.name for table in found.tables] == ["fit-covariates", "fit-eq5d-6m"]
    assert found.notes[0] == (
        "plan.outcomes.phq9-6m: 'else' is not checked beforehand; `analysis compare` says what fails."
    )
    assert len(found.notes) == 2


# ---------------------------------------------------------------------------- methods that would refuse


def one_by_one(rows: Rows) -> None:
    rows["allocations"] = [
        {"arm": "link-worker" if offered(line["person"]) else "usual-care", "person": line["person"],
         "from_on": line["entered_on"], "method": "randomised"}
        for line in rows["people"]
    ]  # fmt: skip


def test_a_method_by_site_among_people_allocated_one_by_one_is_a_fault(rows: Rows, read: Read) -> None:
    one_by_one(rows)
    plan = RANDOMISED.replace('instrument = "phq9"\n', 'instrument = "phq9"\nbeside = ["permutation"]\n')
    found = fitness(read(rows, plan))
    assert found.faults == (
        "plan.outcomes.phq9-6m: 'permutation' would refuse: the method compares sites, and the plan takes people for the "
        "units; leave it out",
    )
    assert found.notes == ()


def test_arms_that_nobody_drew_lots_for_are_not_taken_to_start_alike(rows: Rows, read: Read) -> None:
    plan = PLAN.replace('instrument = "phq9"\n', 'instrument = "phq9"\nestimator = "clda"\n')
    (fault,) = fitness(read(rows, plan)).faults
    assert fault.startswith("plan.outcomes.phq9-6m: 'clda' would refuse: nobody drew lots, so the arms need not start")


def test_what_stands_beside_by_itself_may_refuse(rows: Rows, read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: Cohort, task: Task) -> tuple[str, ...]:
        return ("it cannot",) if task[1] == "did" else ()

    monkeypatch.setattr("analysis.report.checking.refusals", refuse)
    plan = PLAN.replace('instrument = "phq9"\n', 'instrument = "phq9"\nestimator = "did"\n')
    found = fitness(read(rows, plan))
    assert found.notes == ("plan.outcomes.eq5d-6m: 'did' would refuse: it cannot",)
    assert found.faults == ("plan.outcomes.phq9-6m: 'did' would refuse: it cannot",)


def test_a_covariate_that_is_the_same_for_everybody_is_found_by_trying(rows: Rows, read: Read) -> None:
    for line in rows["people"]:
        line["sex"] = "female"
    found = fitness(read(rows))
    assert "plan.outcomes.eq5d-6m: 'ancova' would refuse: 'sex' has the same value for everyone" in found.faults[0]


def test_every_method_is_tried_once_and_told_of(rows: Rows, read: Read) -> None:
    told: list[Task] = []
    dataset = read(rows)
    fitness(dataset, watch=lambda _done, _of, task: told.append(task))
    assert told == planned(dataset.plan)


def test_no_method_is_tried_on_an_outcome_that_nobody_of_an_arm_has(rows: Rows, read: Read) -> None:
    late(rows, 60, offered)
    told: list[Task] = []
    fitness(read(rows), watch=lambda _done, _of, task: told.append(task))
    assert {outcome.id for outcome, _ in told} == {"eq5d-6m", "gp"}


@pytest.mark.parametrize("method", METHODS["continuous"])
def test_no_method_for_scores_refuses_made_up_ones_of_a_sound_study(method: str, rows: Rows, cohort_of: Make) -> None:
    cohort = cohort_of(rows, PLAN.replace("controlled-before-after", "cluster-randomised"))
    assert refusals(cohort, (cohort.plan.outcomes[1], method)) == ()


@pytest.mark.parametrize(("kind", "place"), [("count", 2), ("binary", 3)])
def test_no_method_for_events_refuses_made_up_ones_of_a_sound_study(
    kind: str, place: int, rows: Rows, cohort_of: Make
) -> None:
    cohort = cohort_of(rows, PLAN + EVENT)
    assert {method: refusals(cohort, (cohort.plan.outcomes[place], method)) for method in METHODS[kind]} == (
        dict.fromkeys(METHODS[kind], ())
    )


# ---------------------------------------------------------------------------- nobody learns how the arms fare


def fare(rows: Rows, well: float) -> None:
    """Give everybody who was offered a link worker other outcomes after entry."""
    for line in rows["scores"]:
        if line["timepoint"] != "baseline" and offered(line["person"]):
            line["score"] = round(well * (1.0 if line["instrument"] == "eq5d-5l" else 27.0), 2)
    for line in rows["service_use"]:
        if (line["until_on"] - line["from_on"]).days == 182 and offered(line["person"]):
            line["count"] = int(9 * well)


@pytest.mark.parametrize("well", [0.0, 1.0])
def test_how_the_arms_fare_changes_nothing_that_is_said(well: float, rows: Rows, read: Read) -> None:
    """Nobody had an event, everybody scored the same: `compare` would refuse; before that nobody may know."""
    plan = PLAN + EVENT
    before = fitness(read(rows, plan))
    fare(rows, well)
    assert fitness(read(rows, plan)) == before


def test_made_up_scores_are_there_for_the_same_people_and_are_not_theirs(rows: Rows, cohort_of: Make) -> None:
    cohort = cohort_of(rows)
    outcome = cohort.plan.outcomes[1]
    real, made = (rows_of(each, outcome) for each in (cohort, rehearsed(cohort, outcome)))
    assert (real["score"].isna() == made["score"].isna()).all()
    assert real["baseline"].equals(made["baseline"])
    known = real["score"].notna()
    assert (real.loc[known, "score"] != made.loc[known, "score"]).all()
    assert long_rows_of(rehearsed(cohort, outcome), outcome)["score"].std() > 0


def test_made_up_scores_do_not_depend_on_the_real_ones(rows: Rows, cohort_of: Make) -> None:
    cohort = cohort_of(rows)
    one = rows_of(rehearsed(cohort, cohort.plan.outcomes[1]), cohort.plan.outcomes[1])
    fare(rows, 0.5)
    again = cohort_of(rows)
    other = rows_of(rehearsed(again, again.plan.outcomes[1]), again.plan.outcomes[1])
    assert one.equals(other)


@pytest.mark.parametrize("bar", ["at_least = 10", "at_most = 10"])
def test_every_second_person_of_each_arm_has_a_made_up_event(bar: str, rows: Rows, cohort_of: Make) -> None:
    cohort = cohort_of(rows, PLAN + EVENT.replace("at_least = 10", bar))
    outcome = cohort.plan.outcomes[3]
    made = rows_of(rehearsed(cohort, outcome), outcome).dropna(subset=["score"])
    shares = made.groupby("arm")["score"].mean()
    assert shares.to_numpy() == pytest.approx(0.5, abs=0.02)


def test_made_up_counts_stand_where_the_real_ones_did(rows: Rows, cohort_of: Make) -> None:
    plan = PLAN.replace('setting = "gp"\n', 'setting = "gp"\nleave_out = [30, 0]\n')
    for text in (PLAN, plan):
        cohort = cohort_of(rows, text)
        outcome = cohort.plan.outcomes[2]
        real, made = (rows_of(each, outcome) for each in (cohort, rehearsed(cohort, outcome)))
        assert real[["baseline_count", "baseline_years", "years"]].equals(
            made[["baseline_count", "baseline_years", "years"]]
        )
        assert made["count"].min() >= 1
        assert made["count"].var() > 1.2 * made["count"].mean()


def test_scores_without_a_baseline_to_go_by_are_made_up_all_the_same(rows: Rows, cohort_of: Make) -> None:
    lose(rows, "phq9", "baseline", everybody)
    cohort = cohort_of(rows)
    made = rows_of(rehearsed(cohort, cohort.plan.outcomes[1]), cohort.plan.outcomes[1])["score"].dropna()
    assert np.isfinite(made).all()
    assert made.nunique() == len(made)


# ---------------------------------------------------------------------------- in words


def test_a_table_in_lines_has_its_columns_one_below_another(rows: Rows, read: Read) -> None:
    title, *lines = in_lines(fitness(read(rows)).tables[0])
    assert title == "Covariates known"
    assert lines == [
        "       Link worker  Usual care",
        "  age  80 (100%)    80 (100%)",
        "  sex  80 (100%)    80 (100%)",
    ]


def test_the_order_of_rows_does_not_matter(rows: Rows, read: Read) -> None:
    one = fitness(read(rows))
    for table in rows.values():
        random.Random(3).shuffle(table)
    assert fitness(read(rows)) == one


def test_a_period_that_reaches_into_the_days_left_out_is_named_with_its_remedy(rows: Rows, read: Read) -> None:
    plan = PLAN.replace('setting = "gp"\n', 'setting = "gp"\nleave_out = [90, 0]\n')
    first, second = fitness(read(rows, plan)).faults
    assert first == (
        "plan.outcomes.gp: nobody of 'Link worker' has a period of 'gp' before entry outside leave_out (90 days before, 0 "
        "after); leave out fewer days, or give counts of shorter periods"
    )
    assert second == first.replace("Link worker", "Usual care")
