"""Harms: who died, left, became worse or raised an alert, by arm, and what an empty row does not mean."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

import instruments
from analysis import compare, load
from analysis.cohort import Cohort
from analysis.disclosure import gate
from analysis.report import harms
from analysis.report.contents import lay_out
from analysis.result import Key
from tests.unit.analysis import study

CohortOf = Callable[..., Cohort]
WORSE = "PHQ-9: Depression severity: worse by 1.7 or more at 6 months, of those measured twice"
ALERT = (
    "PHQ-9: “Thoughts that you would be better off dead, or of hurting yourself in some way”, answered 1 or more "
)  # fmt: skip


def counts(cohort: Cohort, threshold: int = 0) -> dict[str, list[str]]:
    """The rows of the table once they have passed the gate."""
    made = harms.table(cohort)
    released = gate([made], threshold).table(made)
    return {label: [cell.text for cell in cells] for label, cells in released.rows}


def leave(rows: study.Rows, people: list[str], reason: str, after: int = 30) -> None:
    for person in rows["people"]:
        if person["person"] in people:
            person |= {"left_on": person["entered_on"] + timedelta(after), "left_reason": reason}


def score(rows: study.Rows, person: str, instrument: str, timepoint: str, value: float) -> None:
    for line in rows["scores"]:
        if (line["person"], line["instrument"], line["timepoint"]) == (person, instrument, timepoint):
            line["score"] = value


# ---------------------------------------------------------------------------- deaths and leaving


def test_nobody_who_died_is_said_to_be_nobody(cohort_of: CohortOf, rows: study.Rows) -> None:
    assert counts(cohort_of(rows))["Died"] == ["0 (0%)", "0 (0%)"]


def test_zeros_where_nobody_is_recorded_to_have_left_may_be_no_finding(cohort_of: CohortOf, rows: study.Rows) -> None:
    assert harms.NOBODY_LEFT in list(harms.said(cohort_of(rows)))
    leave(rows, ["s6-1"], "withdrew")
    assert harms.NOBODY_LEFT not in list(harms.said(cohort_of(rows)))


def test_deaths_and_reasons_for_leaving_are_counted_by_arm(cohort_of: CohortOf, rows: study.Rows) -> None:
    leave(rows, ["s1-0", "s2-0", "s5-0"], "died")
    leave(rows, ["s6-1"], "withdrew")
    found = counts(cohort_of(rows))
    assert found["Died"] == ["2 (2%)", "1 (1%)"]
    assert found["Left the study: withdrew from the study"] == ["0 (0%)", "1 (1%)"]
    assert not [label for label in found if "moved" in label]


def test_a_few_deaths_are_not_counted_out(cohort_of: CohortOf, rows: study.Rows) -> None:
    leave(rows, ["s1-0", "s2-0", "s5-0"], "died")
    assert counts(cohort_of(rows), threshold=10)["Died"] == ["<10", "<10"]


def test_who_died_after_the_last_measurement_is_apart_from_the_flow(cohort_of: CohortOf, rows: study.Rows) -> None:
    """The flow shows the deaths before the last timepoint; the difference is a count that nobody shows."""
    gone = [f"s{site}-{place}" for site in (1, 2) for place in range(10)]
    for name in ("scores", "assessments"):
        rows[name] = [line for line in rows[name] if line["person"] not in gone or line["timepoint"] == "baseline"]
    leave(rows, gone, "died")
    leave(rows, ["s3-0", "s3-1"], "died", after=400)
    made = harms.table(cohort_of(rows))
    implied: dict[Key, int] = dict(made.implied)
    assert implied["lost", "6m", "intervention", "Died"] == 20
    assert implied["left beside", "died", "intervention"] == 2
    hidden = gate([made], 10).hidden
    assert ("left for", "died", "intervention") in hidden or ("lost", "6m", "intervention", "Died") in hidden


# ---------------------------------------------------------------------------- worse


def test_who_is_worse_by_what_matters_is_counted_of_those_measured_twice(cohort_of: CohortOf, rows: study.Rows) -> None:
    for line in rows["scores"]:
        if line["instrument"] == "phq9":
            line["score"] = 10
    there = {line["person"] for line in rows["scores"] if line["instrument"] == "phq9" and line["timepoint"] == "6m"}
    first, second, third = sorted(person for person in there if person < "s5")[:3]
    score(rows, first, "phq9", "6m", 12)
    score(rows, second, "phq9", "6m", 11)  # less than what matters
    score(rows, third, "phq9", "6m", 5)  # better
    n = len([person for person in there if person < "s5"])
    assert counts(cohort_of(rows))[WORSE][0] == f"1 ({100 / n:.0f}%)"
    assert counts(cohort_of(rows))[WORSE][1] == "0 (0%)"


def test_on_a_scale_where_higher_is_better_less_is_worse(cohort_of: CohortOf, rows: study.Rows) -> None:
    mid = instruments.get("wemwbs").scale("total").mid
    assert mid
    for name in ("scores", "assessments"):
        rows[name] = [line for line in rows[name] if line["instrument"] != "phq9"] + [
            dict(line, instrument="wemwbs", assessment=line["assessment"].replace("phq9", "wemwbs"))
            for line in rows[name]
            if line["instrument"] == "phq9"
        ]
    for line in rows["scores"]:
        if line["instrument"] == "wemwbs":
            line["score"] = 45
    score(rows, "s5-1", "wemwbs", "baseline", 45 + mid.value)
    cohort = cohort_of(rows, study.PLAN.replace('"phq9"', '"wemwbs"'))
    (row,) = (cells for label, cells in counts(cohort).items() if "worse by" in label)
    assert [text.split()[0] for text in row] == ["0", "1"]


def test_without_a_known_smallest_difference_it_says_so_and_counts_nobody(
    cohort_of: CohortOf, rows: study.Rows
) -> None:
    cohort = cohort_of(rows)
    assert not [label for label in counts(cohort) if "EQ-5D" in label]
    assert "No smallest difference that matters is known for EQ-5D-5L value" in " ".join(harms.said(cohort))


# ---------------------------------------------------------------------------- alerts


def answered(rows: study.Rows, answers: dict[tuple[str, str], int]) -> None:
    """Items of the PHQ-9 that raise an alert, by person and timepoint."""
    known = {
        (line["person"], line["timepoint"]): line["assessment"]
        for line in rows["assessments"]
        if line["instrument"] == "phq9"
    }
    rows["item_responses"] = [
        {"assessment": known[key], "item": "i9", "value": value} for key, value in answers.items() if key in known
    ]


def test_alerts_are_counted_before_and_after_of_those_who_answered(cohort_of: CohortOf, rows: study.Rows) -> None:
    there = {(line["person"], line["timepoint"]) for line in rows["assessments"] if line["instrument"] == "phq9"}
    someone = next(person for person, timepoint in sorted(there) if timepoint == "3m" and (person, "6m") in there)
    answered(
        rows,
        {
            ("s1-0", "baseline"): 2,
            ("s1-1", "baseline"): 0,
            ("s5-0", "baseline"): 0,
            (someone, "3m"): 0,
            (someone, "6m"): 1,
        },
    )
    found = counts(cohort_of(rows))
    assert found[f"{ALERT}at baseline"] == ["1 (50%)", "0 (0%)"]
    assert found[f"{ALERT}after baseline"] == ["1 (100%)", "–"]


def test_alerts_of_few_are_not_counted_out(cohort_of: CohortOf, rows: study.Rows) -> None:
    answered(rows, {(person["person"], "baseline"): int(place < 3) for place, person in enumerate(rows["people"])})
    assert counts(cohort_of(rows), threshold=10)[f"{ALERT}at baseline"] == ["<10", "0 (0%)"]


@pytest.mark.parametrize("item", ["i1", "i8"])
def test_other_answers_raise_no_alert(item: str, cohort_of: CohortOf, rows: study.Rows) -> None:
    answered(rows, {("s1-0", "baseline"): 3})
    rows["item_responses"][0]["item"] = item
    assert not [label for label in counts(cohort_of(rows)) if "answered" in label]


def test_an_answer_that_was_not_given_is_not_counted(cohort_of: CohortOf, rows: study.Rows) -> None:
    answered(rows, {("s1-0", "baseline"): 1})
    rows["item_responses"][0] |= {"value": None, "missing_reason": "prefer-not-to-say"}
    assert not [label for label in counts(cohort_of(rows)) if "answered" in label]


# ---------------------------------------------------------------------------- words and place


def words(cohort: Cohort) -> str:
    return " ".join(harms.said(cohort))


def test_without_a_plan_for_harms_it_says_that_nobody_looked(cohort_of: CohortOf, rows: study.Rows) -> None:
    assert "The plan says nothing of harms." in words(cohort_of(rows))


def test_the_plan_s_way_of_looking_for_harms_is_quoted(cohort_of: CohortOf, rows: study.Rows) -> None:
    found = words(cohort_of(rows, study.PLAN + '[harms]\nsought = "Asked at every visit."\n'))
    assert found.startswith("How harms were looked for, as the plan says: Asked at every visit.")
    assert "nothing of harms" not in found


@pytest.mark.parametrize(
    ("written", "said"), [("Asked", "Asked."), ("Asked. ", "Asked."), ("Who asked?", "Who asked?")]
)
def test_the_quoted_words_end_as_a_sentence(written: str, said: str, cohort_of: CohortOf, rows: study.Rows) -> None:
    (first, *_) = harms.said(cohort_of(rows, study.PLAN + f'[harms]\nsought = "{written}"\n'))
    assert first.endswith(f"as the plan says: {said}")


def test_it_says_that_no_record_is_not_no_harm(cohort_of: CohortOf, rows: study.Rows) -> None:
    assert "What is not recorded may have happened all the same" in words(cohort_of(rows))


def test_in_the_report_they_stand_after_the_missing_data(read: Callable[..., load.Dataset], rows: study.Rows) -> None:
    whole = lay_out(compare(read(rows)))
    ids: list[Any] = [section.id for section in whole.sections]
    assert ids[ids.index("harms") - 1 : ids.index("harms") + 2] == ["missing", "harms", "bias"]
    assert "harms" in [table.name for table in whole.tables]
