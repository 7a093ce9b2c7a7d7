"""What must not matter does not: the order of rows, the names of things, who else is in the files."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from analysis import compare, load
from analysis.cohort import flow
from analysis.report import delivery
from analysis.report.comparison import Comparison
from analysis.report.participants import differences
from analysis.result import Estimate
from tests.unit.analysis import study

Compared = Callable[..., Comparison]
NUMBERS = ("estimate", "std_error", "df", "conf_low", "conf_high", "p_value", "n", "n_clusters")


@pytest.fixture
def compared(tmp_path: Path) -> Compared:
    """The comparison that these rows and this plan give."""
    made = iter(range(100))

    def comparison(rows: study.Rows, plan: str = study.PLAN) -> Comparison:
        return compare(load.read(study.write(tmp_path / f"bundle{next(made)}", rows, plan)))

    return comparison


def numbers(comparison: Comparison) -> dict[tuple[str, str, str], tuple[Any, ...]]:
    """Every number of every estimate."""

    def row(estimate: Estimate) -> tuple[Any, ...]:
        return tuple(getattr(estimate, name) for name in NUMBERS)

    return {
        (outcome, estimate.term, estimate.scale): row(estimate)
        for outcome, fitted in comparison.fitted.items()
        for estimate in (*fitted.answers, *fitted.terms)
    }


def same(one: Comparison, other: Comparison) -> None:
    """Fails where a number differs by more than rounding."""
    first, second = numbers(one), numbers(other)
    assert first.keys() == second.keys()
    for key, row in first.items():
        assert second[key] == pytest.approx(row, rel=1e-7, abs=1e-10), key


def renamed(rows: study.Rows, column: str, name: Callable[[str], str]) -> study.Rows:
    """The rows with another name in a column wherever it stands."""
    return {
        table: [
            {key: name(value) if key == column and value else value for key, value in line.items()} for line in lines
        ]
        for table, lines in rows.items()
    }


@pytest.mark.parametrize("seed", [1, 2])
def test_the_order_of_rows_in_every_file(seed: int, compared: Compared) -> None:
    dice, shuffled = random.Random(seed), study.tables()
    for lines in shuffled.values():
        dice.shuffle(lines)
    same(compared(study.tables()), compared(shuffled))


def test_the_study_numbers_of_people(compared: Compared) -> None:
    other = renamed(study.tables(), "person", lambda name: f"x{hash(name) % 10**9}-{name[::-1]}")
    same(compared(study.tables()), compared(other))


def test_the_names_of_sites(compared: Compared) -> None:
    other = renamed(study.tables(), "site", lambda name: f"practice {9 - int(name[1:])}")
    same(compared(study.tables()), compared(other))


def test_the_names_of_arms(compared: Compared) -> None:
    plan = study.PLAN.replace("arms.link-worker", "arms.b").replace("arms.usual-care", "arms.a")
    other = renamed(study.tables(), "arm", lambda name: {"link-worker": "b", "usual-care": "a"}[name])
    same(compared(study.tables()), compared(other, plan))


def test_the_order_of_arms_in_the_plan(compared: Compared) -> None:
    first = study.PLAN.index("[arms.link-worker]")
    second, end = study.PLAN.index("[arms.usual-care]"), study.PLAN.index("[[timepoints]]")
    plan = study.PLAN[:first] + study.PLAN[second:end] + study.PLAN[first:second] + study.PLAN[end:]
    same(compared(study.tables()), compared(study.tables(), plan))


def test_which_role_is_called_the_intervention_turns_the_sign_and_nothing_else(compared: Compared) -> None:
    plan = study.PLAN.replace('"intervention"', '"x"').replace('"comparison"', '"intervention"')
    plan = plan.replace('"x"', '"comparison"')
    rows = study.tables()
    for arm in rows["arms"]:
        arm["role"] = {"intervention": "comparison", "comparison": "intervention"}[arm["role"]]
    one, other = compared(study.tables()).fitted, compared(rows, plan).fitted
    for outcome in ("eq5d-6m", "phq9-6m"):
        assert other[outcome].main.estimate == pytest.approx(-one[outcome].main.estimate)
        assert other[outcome].main.std_error == pytest.approx(one[outcome].main.std_error)
        assert other[outcome].n == one[outcome].n[::-1]
    assert other["gp"].main.estimate == pytest.approx(1 / one["gp"].main.estimate)


def test_the_calendar(compared: Compared) -> None:
    """The same study two years later: nobody's age at entry changes, nor anything else."""
    later = study.tables()
    for lines in later.values():
        for line in lines:
            for key, value in line.items():
                if key.endswith("_on") and value is not None:
                    line[key] = value + timedelta(731)
    for person in later["people"]:
        person["birth_year"] += 2
    same(compared(study.tables()), compared(later))


def test_how_service_use_was_cut_into_periods(compared: Compared) -> None:
    """One period of 182 days with five attendances, or two of 91 with two and three."""
    cut = study.tables()
    halves = []
    for line in cut["service_use"]:
        middle = line["from_on"] + (line["until_on"] - line["from_on"]) // 2
        halves.append(line | {"until_on": middle, "count": line["count"] // 2})
        halves.append(line | {"from_on": middle, "count": line["count"] - line["count"] // 2})
    cut["service_use"] = halves
    same(compared(study.tables()), compared(cut))


def test_outcomes_and_facts_that_the_plan_does_not_name(compared: Compared) -> None:
    more = study.tables()
    for place, person in enumerate(more["people"]):
        person["ethnicity"] = ("white", "asian", None)[place % 3]
        more.setdefault("characteristics", []).append(
            {"person": person["person"], "name": "shoe size", "value": str(36 + place % 9)}
        )
    same(compared(study.tables()), compared(more))


def test_who_met_a_link_worker_and_how_often(compared: Compared) -> None:
    """The offer is compared, not the contact: without any contact the estimates are the same."""
    fewer = {name: lines for name, lines in study.tables().items() if name not in ("contacts", "signposts")}
    same(compared(study.tables()), compared(fewer))


def test_the_order_in_which_the_plan_names_outcomes(compared: Compared) -> None:
    parts = study.PLAN.split("[[outcomes]]")
    plan = "[[outcomes]]".join([parts[0], *reversed([f"{part.rstrip()}\n\n" for part in parts[1:]])])
    one, other = compared(study.tables()), compared(study.tables(), plan)
    assert list(other.fitted) == list(one.fitted)[::-1]
    same(one, other)


def test_descriptions_do_not_depend_on_the_order_of_rows_either(compared: Compared) -> None:
    dice, shuffled = random.Random(5), study.tables()
    for lines in shuffled.values():
        dice.shuffle(lines)
    one, other = compared(study.tables()), compared(shuffled)
    assert differences(other.cohort) == pytest.approx(differences(one.cohort))
    for first, second in zip(delivery.tables(one.cohort), delivery.tables(other.cohort), strict=True):
        assert [label for label, _ in first.rows] == [label for label, _ in second.rows]
        assert dict(first.counts()) == dict(second.counts())
    losses = [
        flow(made.cohort, made.plan.primary).groupby(["arm", "timepoint", "measured"]).size().to_dict()
        for made in (one, other)
    ]
    assert losses[0] == losses[1]
