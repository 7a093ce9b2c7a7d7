"""Whether a dataset is fit for a time to a first event: who is followed, what is refused, and that no arm's fare is told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pandas as pd
import pytest

from analysis.cohort import Cohort
from analysis.load import Dataset
from analysis.report.checking import Fitness, fitness, in_lines
from analysis.report.fitting import Task
from analysis.report.rehearsal import refusals, rehearsed
from analysis.times import CENSORED, EVENT, follow_up_of, follow_up_quartiles, longest_of, time_rows_of
from instruments.plan_methods import METHODS
from tests.unit.analysis import study
from tests.unit.analysis.study import Rows

Read = Callable[..., Dataset]
Make = Callable[..., Cohort]
PLAN = study.PLAN + study.ADMISSION
RANDOMISED = PLAN.replace("controlled-before-after", "individually-randomised")
FOLLOWED = "Days followed, median (quartiles)"


def offered(person: str) -> bool:
    return int(person[1]) <= 4


def followed(rows: Rows, until: int = 182) -> Rows:
    """The study with every fifth person's admission on some day, and nobody's record cut by it."""
    for place, person in enumerate(rows["people"]):
        day = 10 + place % (until - 50)
        if place % 5:
            study.use(rows, person, (0, until, 0))
        else:
            study.use(rows, person, (0, day, 0), (day, day + 1, 1), (day + 1, until, 0))
    return rows


def of(found: Fitness) -> dict[str, tuple[str, ...]]:
    """The texts of the outcome's table by row."""
    (one,) = [each for each in found.tables if each.name == "fit-admission"]
    return {label: tuple(cell.text for cell in row) for label, row in one.rows}


def without(rows: Rows, lost: Callable[[str], bool]) -> None:
    """Take somebody's time in hospital away."""
    rows["service_use"] = [
        line for line in rows["service_use"] if not (line["setting"] == "in-patient" and lost(line["person"]))
    ]


def time_rows(cohort: Cohort) -> pd.DataFrame:
    return time_rows_of(cohort, cohort.plan.outcomes[-1])


def made_up(cohort: Cohort) -> pd.DataFrame:
    """Times of the study's people with made-up events."""
    return time_rows_of(rehearsed(cohort, cohort.plan.outcomes[-1]), cohort.plan.outcomes[-1])


# ---------------------------------------------------------------------------- what the data hold


def test_a_study_that_follows_people_is_fit(rows: Rows, read: Read) -> None:
    found = fitness(read(followed(rows), PLAN))
    assert found.faults == ()
    assert found.notes == ()
    assert of(found) == {
        "In the study": ("80", "80"),
        "Followed from entry on": ("80 (100%)", "80 (100%)"),
        "Not followed from entry on": ("0 (0%)", "0 (0%)"),
        "The same, covariates known": ("80 (100%)", "80 (100%)"),
        "Sites with such people": ("4", "4"),
        FOLLOWED: ("180 (180 to 180)", "180 (180 to 180)"),
    }


def test_the_title_says_by_which_methods(rows: Rows, read: Read) -> None:
    plan = PLAN + 'beside = ["fine-gray"]\n'
    titles = [table.title for table in fitness(read(followed(rows), plan)).tables]
    assert titles[-1] == "First admission: restricted-mean, beside it cox, cumulative-incidence, fine-gray"


def test_every_method_is_tried(rows: Rows, read: Read) -> None:
    told: list[Task] = []
    fitness(read(followed(rows), PLAN), watch=lambda _done, _of, task: told.append(task))
    assert [method for outcome, method in told if outcome.id == "admission"] == [
        "restricted-mean", "cox", "cumulative-incidence"
    ]  # fmt: skip


def test_who_is_not_followed_is_counted_by_arm(rows: Rows, read: Read) -> None:
    without(followed(rows), lambda person: person.startswith("s1-"))
    here = of(fitness(read(rows, PLAN)))
    assert here["Followed from entry on"] == ("60 (75%)", "80 (100%)")
    assert here["Not followed from entry on"] == ("20 (25%)", "0 (0%)")
    assert here["Sites with such people"] == ("3", "4")


def test_people_without_a_covariate_are_followed_and_not_compared(rows: Rows, read: Read) -> None:
    for line in followed(rows)["people"][:20]:
        line["birth_year"] = None
    here = of(fitness(read(rows, PLAN)))
    assert here["Followed from entry on"][0] == "80 (100%)"
    assert here["The same, covariates known"][0] == "60 (75%)"


@pytest.mark.parametrize("lost", [3, 77])
def test_a_few_people_are_not_counted_and_cannot_be_worked_out(lost: int, rows: Rows, read: Read) -> None:
    gone = {f"s{site}-{place}" for site in range(1, 5) for place in range(20)} - {
        f"s4-{place}" for place in range(17, 20)
    }
    few = gone if lost == 77 else {f"s1-{place}" for place in range(lost)}
    without(followed(rows), few.__contains__)
    found = fitness(read(rows, PLAN))
    shown = of(found)
    for row in ("Followed from entry on", "Not followed from entry on", "The same, covariates known"):
        assert shown[row][0] in ("<10", "withheld")
        assert shown[row][1] in ("80 (100%)", "0 (0%)")
    (table,) = [each for each in found.tables if each.name == "fit-admission"]
    assert "77" not in " ".join(in_lines(table))


def test_few_sites_are_a_note(rows: Rows, read: Read) -> None:
    for line in followed(rows)["people"]:
        line["site"] = "s1" if line["site"] == "s2" else line["site"]
    found = fitness(read(rows, PLAN))
    assert found.faults == ()
    assert "plan.outcomes.admission: 'Link worker' has 3 sites to compare; with fewer than 4" in found.notes[-1]


# ---------------------------------------------------------------------------- for how long


def cut(*days: int) -> pd.DataFrame:
    """Followed for so many days; a minus says that the record broke off."""
    return pd.DataFrame({"arm": 1, "days": [float(abs(day)) for day in days], "cut": [day < 0 for day in days]})


def test_quartiles_of_whole_records_are_those_of_their_days() -> None:
    assert follow_up_quartiles(cut(10, 20, 30, 40), 99) == (10, 20, 30)
    assert follow_up_quartiles(cut(40, 10, 30, 20, 50), 99) == (20, 30, 40)


def test_a_record_that_breaks_off_would_have_been_longer() -> None:
    """By hand: of the curve 1/4 goes at 10 and half of the rest at 30, all at 40."""
    assert follow_up_quartiles(cut(10, -20, 30, 40), 99) == (10, 30, 40)


def test_where_all_records_break_off_the_longest_of_both_arms_stands_for_the_quartiles() -> None:
    assert follow_up_quartiles(cut(-10, -20, -35), 99) == (99, 99, 99)
    assert follow_up_quartiles(cut(10, -20, -35), 99) == (10, 99, 99)
    assert follow_up_quartiles(cut(10, 10, -35), 99) == (10, 10, 99)


def test_who_was_not_followed_has_no_part_in_the_quartiles() -> None:
    nobody = pd.DataFrame({"arm": [1], "days": [float("nan")], "cut": [False]})
    assert follow_up_quartiles(pd.concat([cut(10, 20), nobody]), 99) == (10, 10, 20)


def test_a_record_that_breaks_off_is_taken_to_be_as_long_as_any_of_its_arm() -> None:
    both = pd.concat([cut(100, -20), cut(60, -20, -70).assign(arm=0)], ignore_index=True)
    assert [*longest_of(both)] == [100, 100, 60, 60, 70]


def test_where_all_of_an_arm_break_off_the_other_arm_says_how_long_they_are_taken_to_be() -> None:
    both = pd.concat([cut(-20, -30), cut(60, 90).assign(arm=0)], ignore_index=True)
    assert [*longest_of(both)] == [90, 90, 60, 90]


def test_follow_up_ends_with_the_record_with_leaving_or_with_the_plan(rows: Rows, cohort_of: Make) -> None:
    people = {line["person"]: line for line in rows["people"]}
    study.use(rows, people["s1-0"], (0, 90, 0))
    study.use(rows, people["s1-1"], (0, 400, 0))
    study.use(rows, people["s1-2"], (0, 150, 0))
    people["s1-2"] |= {"left_on": people["s1-2"]["entered_on"] + timedelta(70), "left_reason": "moved"}
    study.use(rows, people["s1-3"], (0, 30, 0), (30, 31, 1))
    study.use(rows, people["s1-4"], (0, 150, 0))
    people["s1-4"] |= {"left_on": people["s1-4"]["entered_on"] + timedelta(70), "left_reason": "died"}
    study.use(rows, people["s1-5"], (0, 30, 0), (30, 31, 1), (31, 120, 0))
    cohort = cohort_of(rows, PLAN)
    found = follow_up_of(cohort, cohort.plan.outcomes[-1])
    assert [*found["days"].iloc[:6]] == [90, 180, 70, 31, 70, 120]
    assert [*found["cut"].iloc[:6]] == [False, False, False, True, True, False]
    assert found["days"].iloc[6:].isna().all()


Leaving = tuple[int, str] | None


@pytest.mark.parametrize(
    ("periods", "left", "days", "broke_off"),
    [
        ([(0, 90, 0)], (150, "moved"), 90, False),
        ([(0, 60, 0), (60, 61, 1)], (40, "withdrew"), 40, False),
        ([(0, 60, 0), (60, 61, 1)], (100, "withdrew"), 61, True),
        ([(0, 90, 0)], (150, "died"), 90, False),
        ([(0, 90, 0)], (0, "died"), 0, True),
        ([(0, 179, 0), (179, 180, 1)], None, 180, False),
        ([(0, 180, 0), (180, 181, 1)], None, 180, False),
    ],
)
def test_a_record_breaks_off_only_where_the_event_or_a_death_ends_it_early(
    periods: list[tuple[int, int, int]], left: Leaving, days: int, broke_off: bool, rows: Rows, cohort_of: Make
) -> None:
    person = rows["people"][0]
    study.use(rows, person, *periods)
    if left is not None:
        person |= {"left_on": person["entered_on"] + timedelta(left[0]), "left_reason": left[1]}
    cohort = cohort_of(rows, PLAN)
    found = follow_up_of(cohort, cohort.plan.outcomes[-1]).loc[person["person"]]
    assert (found["days"], found["cut"]) == (days, broke_off)


def test_who_left_on_the_day_of_entry_was_not_followed(rows: Rows, cohort_of: Make) -> None:
    person = followed(rows)["people"][1]
    person |= {"left_on": person["entered_on"], "left_reason": "withdrew"}
    cohort = cohort_of(rows, PLAN)
    assert follow_up_of(cohort, cohort.plan.outcomes[-1])["days"].isna().sum() == 1
    assert time_rows(cohort)["days"].isna().sum() == 1


# ---------------------------------------------------------------------------- what is not fit


def test_an_arm_that_nobody_followed_is_a_fault(rows: Rows, read: Read) -> None:
    without(followed(rows), offered)
    assert fitness(read(rows, PLAN)).faults == (
        "plan.outcomes.admission: nobody of 'Link worker' has a period of 'in-patient' from entry on; add service_use, or "
        "take the outcome out of the plan",
    )


def test_an_arm_without_a_covariate_is_a_fault(rows: Rows, read: Read) -> None:
    for line in followed(rows)["people"]:
        line["birth_year"] = None if offered(line["person"]) else line["birth_year"]
    assert (
        "plan.outcomes.admission: nobody of 'Link worker' has every covariate; take out of the plan"
        in (fitness(read(rows, PLAN)).faults[-1])
    )


@pytest.mark.parametrize(("many", "who"), [(3, "fewer than 10 people"), (24, "24 people")])
def test_a_first_event_in_a_longer_period_is_a_fault_that_names_no_arm(
    many: int, who: str, rows: Rows, read: Read
) -> None:
    hidden = {line["person"] for line in rows["people"][:many]}
    without(followed(rows), hidden.__contains__)
    for line in rows["people"][:many]:
        study.use(rows, line, (0, 60, 0), (60, 90, 1))
    found = fitness(read(rows, PLAN))
    (fault,) = found.faults
    assert fault.startswith(f"plan.outcomes.admission: {who} had '")
    assert "counted over a longer period than a day" in fault
    assert "Link worker" not in fault


def test_an_end_that_nobody_is_followed_to_is_a_fault(rows: Rows, read: Read) -> None:
    (fault,) = fitness(read(followed(rows, until=160), PLAN)).faults[:1]
    assert fault.startswith("plan.outcomes.admission: 'restricted-mean' would refuse: horizon: nobody in the ")
    assert "was followed to day 180; name one up to 160 (in a plan: until_day)" in fault


def test_no_event_at_all_is_a_fault_that_names_no_arm(rows: Rows, read: Read) -> None:
    for line in followed(rows)["service_use"]:
        line["count"] = 0 if line["setting"] == "in-patient" else line["count"]
    assert fitness(read(rows, PLAN)).faults == (
        "plan.outcomes.admission: nobody at all had the event while followed; nothing can be compared, say so instead",
    )


def test_a_method_by_site_among_people_allocated_one_by_one_is_a_fault(rows: Rows, read: Read) -> None:
    followed(rows)["allocations"] = [
        {"arm": "link-worker" if offered(line["person"]) else "usual-care", "person": line["person"],
         "from_on": line["entered_on"], "method": "randomised"}
        for line in rows["people"]
    ]  # fmt: skip
    found = fitness(read(rows, RANDOMISED + 'beside = ["frailty"]\n'))
    assert found.faults == (
        "plan.outcomes.admission: 'frailty' would refuse: the method compares sites, and the plan takes people for the "
        "units; leave it out",
    )


def test_a_covariate_that_is_the_same_for_everybody_is_found_by_trying(rows: Rows, read: Read) -> None:
    for line in followed(rows)["people"]:
        line["sex"] = "female"
    assert any(
        fault.startswith("plan.outcomes.admission: 'restricted-mean' would refuse: 'sex' has the same value")
        for fault in fitness(read(rows, PLAN)).faults
    )


# ---------------------------------------------------------------------------- made-up times


@pytest.mark.parametrize("method", METHODS["time-to-event"])
@pytest.mark.parametrize("study_of", [followed, study.with_admissions])
def test_no_method_refuses_made_up_times_of_a_sound_study(
    method: str, study_of: Callable[[Rows], Rows], rows: Rows, cohort_of: Make
) -> None:
    cohort = cohort_of(study_of(rows), PLAN)
    assert refusals(cohort, (cohort.plan.outcomes[-1], method)) == ()


def test_every_second_person_of_each_arm_has_a_made_up_event(rows: Rows, cohort_of: Make) -> None:
    made = made_up(cohort_of(study.with_admissions(rows), PLAN))
    assert [*made.groupby("arm")["event"].mean()] == [0.5, 0.5]
    days = made.loc[made["event"] == EVENT, "days"]
    assert [int((days // 60 == part).sum()) > 10 for part in range(3)] == [True, True, True]


def test_made_up_events_do_not_shorten_the_follow_up_of_an_arm(rows: Rows, cohort_of: Make) -> None:
    """One person of each arm is followed to the end, and has no event."""
    without(followed(rows, until=90), {"s1-3", "s8-3"}.__contains__)
    for line in rows["people"]:
        if line["person"] in ("s1-3", "s8-3"):
            study.use(rows, line, (0, 182, 0))
    made = made_up(cohort_of(rows, PLAN))
    for person in ("s1-3", "s8-3"):
        assert tuple(made.loc[person, ["days", "event"]]) == (180, CENSORED)
    assert made["days"].drop(index=["s1-3", "s8-3"]).max() <= 90


@pytest.mark.parametrize("lacking", ["s1-3", "s1-4"])
def test_of_two_followed_to_the_end_the_one_with_every_covariate_has_no_made_up_event(
    lacking: str, rows: Rows, cohort_of: Make
) -> None:
    longest = {"s1-3", "s1-4"}
    without(followed(rows, until=90), longest.__contains__)
    for line in rows["people"]:
        if line["person"] in longest:
            study.use(rows, line, (0, 182, 0))
        line["birth_year"] = None if line["person"] == lacking else line["birth_year"]
    made = made_up(cohort_of(rows, PLAN))
    (whole,) = longest - {lacking}
    assert tuple(made.loc[whole, ["days", "event"]]) == (180, CENSORED)


def test_who_is_alone_in_an_arm_has_a_made_up_event(rows: Rows, cohort_of: Make) -> None:
    without(followed(rows), lambda person: offered(person) and person != "s1-3")
    made = made_up(cohort_of(rows, PLAN))
    assert made.loc[made["arm"] == 1, "event"].dropna().to_dict() == {"s1-3": EVENT}


def test_nobody_who_was_not_followed_has_a_made_up_time(rows: Rows, cohort_of: Make) -> None:
    without(followed(rows), lambda person: person.startswith("s5-"))
    cohort = cohort_of(rows, PLAN)
    assert made_up(cohort)["days"].isna().equals(time_rows(cohort)["days"].isna())


# ---------------------------------------------------------------------------- nobody learns how the arms fare


def move(rows: Rows, whose: Callable[[str], bool], every: int) -> None:
    """Other first admissions of an arm: every so manieth person has one."""
    without(rows, whose)
    for place, person in enumerate(rows["people"]):
        if whose(person["person"]):
            day = 1 + place % 100
            admitted = place % every == 0
            study.use(rows, person, (0, day, 0), (day, day + 1, int(admitted)), (day + 1, 182, 0))


@pytest.mark.parametrize("every", [1, 2, 7, 1000])
def test_how_many_were_admitted_of_an_arm_changes_nothing_that_is_said(every: int, rows: Rows, read: Read) -> None:
    """All or none of them: `compare` would refuse where none were; before that nobody may know."""
    before = fitness(read(followed(rows), PLAN))
    move(rows, offered, every)
    assert fitness(read(rows, PLAN)) == before


@pytest.mark.parametrize("every", [1, 2, 5])
def test_records_that_end_with_the_event_tell_nothing_either(every: int, rows: Rows, read: Read) -> None:
    before = fitness(read(followed(rows), PLAN))
    without(rows, offered)
    for place, person in enumerate(rows["people"]):
        if offered(person["person"]):
            day = 1 + place % 100 if place % every == 0 else 182
            study.use(rows, person, (0, day, 0), *[(day, day + 1, 1)] * (day < 182))
    assert fitness(read(rows, PLAN)) == before


@pytest.mark.parametrize("dated", [True, False])
def test_how_many_died_of_an_arm_changes_nothing_that_is_said(dated: bool, rows: Rows, read: Read) -> None:
    before = fitness(read(followed(rows), PLAN))
    for place, person in enumerate(rows["people"]):
        if offered(person["person"]) and place % 3 == 0:
            person["left_reason"] = "died"
            if dated:
                person["left_on"] = person["entered_on"] + timedelta(5 + place)
    assert fitness(read(rows, PLAN)) == before


def test_made_up_times_do_not_depend_on_the_real_ones(rows: Rows, cohort_of: Make) -> None:
    one = made_up(cohort_of(followed(rows), PLAN))
    move(rows, offered, 3)
    assert made_up(cohort_of(rows, PLAN)).equals(one)
