"""Small numbers where a plan names other methods and events: the tables beside an answer, and those of risks."""

from __future__ import annotations

import csv
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from analysis import compare, load, write
from analysis.cohort import Cohort
from analysis.disclosure import WITHHELD, Gate, gate
from analysis.report import contents as room
from analysis.report import delivery, outcomes, participants, sensitivity
from analysis.report.comparison import Beside, Comparison
from analysis.result import Key, Table
from tests.unit.analysis import study
from tests.unit.analysis.test_disclosure import solve
from tests.unit.analysis.test_small_numbers_of_reports import equations, thin_study

EVENTS = """
[[outcomes]]
id = "depressed-6m"
label = "Depressed at 6 months"
kind = "binary"
instrument = "phq9"
at_least = 15
beside = ["linear-probability"]

[[outcomes]]
id = "well-3m"
label = "Well at 3 months"
kind = "binary"
instrument = "phq9"
timepoint = "3m"
at_most = 8
estimator = "modified-poisson"
"""
PLAN = study.PLAN.replace('instrument = "phq9"', 'instrument = "phq9"\nbeside = ["mmrm", "mixed-model"]') + EVENTS


@pytest.fixture(scope="module", params=[20, 24])
def comparison(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    folder = tmp_path_factory.mktemp("thin") / "bundle"
    return compare(load.read(study.write(folder, thin_study(request.param), PLAN)))


@pytest.fixture(scope="module")
def let_through(comparison: Comparison) -> tuple[list[Table], Gate]:
    return seen(comparison)


def seen(comparison: Comparison) -> tuple[list[Table], Gate]:
    """Every table of the report as it was before the gate, and the gate."""
    found: list[Table] = []

    def watched(tables: list[Table], threshold: int) -> Gate:
        found.extend(tables)
        return gate(tables, threshold)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(room, "gate", watched)
        for figure in ("courses", "forest", "love"):  # what they show is looked at elsewhere
            patch.setattr(room, figure, lambda *_: "<svg></svg>")
        return found, room.lay_out(comparison).gate


def given_away(tables: list[Table], guard: Gate) -> Iterator[tuple[str, str, Key]]:
    """Totals held back that a count beside its percentage tells."""
    counts = dict(pair for table in tables for pair in table.counts())
    totals: dict[Key, set[Key]] = {}
    for known in (known for table in tables for known in table.sums):
        for part in known.parts:
            totals.setdefault(part, set()).add(known.total)
    for table in tables:
        for row, (label, cells) in enumerate(guard.table(table).rows):
            for column, cell in enumerate(cells):
                percent, count = cell.values.get("percent"), cell.values.get("count")
                if isinstance(percent, str) or isinstance(count, str) or not percent or not count:
                    continue
                for total in totals.get(table.key(row, column), ()):
                    if total in guard.hidden and round(100 * count / percent) == counts[total]:
                        yield table.name, label, total


# ---------------------------------------------------------------------------- studies made up at random


def test_no_small_count_can_be_worked_out_from_any_table(let_through: tuple[list[Table], Gate]) -> None:
    tables, guard = let_through
    assert {"beside-phq9-6m", "risks-depressed-6m", "risks-well-3m"} <= {table.name for table in tables}
    counts = dict(pair for table in tables for pair in table.counts())
    found = {key: value for key, value in solve(list(equations(tables, guard))).items() if 0 < counts[key] < 10}
    assert found == {}


def test_no_percentage_gives_a_total_away_that_is_held_back(let_through: tuple[list[Table], Gate]) -> None:
    assert list(given_away(*let_through)) == []


def test_every_count_beside_a_method_s_answer_is_tied_to_the_study(let_through: tuple[list[Table], Gate]) -> None:
    """A method that uses other people than the planned one tells how many more or fewer: both are in sums."""
    tables, _ = let_through
    counts = dict(pair for table in tables for pair in table.counts())
    apart = {key[3] for key in counts if key[0] == "apart"}
    assert {"mmrm", "mixed-model", "poisson-change"} <= apart
    assert "linear-probability" not in apart
    for known in (known for table in tables if table.name.startswith("beside-") for known in table.sums):
        assert counts[known.total] == sum(counts[part] for part in known.parts), known


# ---------------------------------------------------------------------------- studies made up for one number


def with_phq9(missing: set[str], score: Callable[[int], float]) -> study.Rows:
    """The invented study with a PHQ-9 of everybody at every timepoint, at the follow-ups of all but the missing."""
    rows = study.tables()
    for table in ("scores", "assessments"):
        rows[table] = [line for line in rows[table] if line["instrument"] != "phq9"]
    for place, person in enumerate(rows["people"]):
        for timepoint, day in study.DAYS.items():
            if timepoint == "baseline" or person["person"] not in missing:
                about = {"person": person["person"], "instrument": "phq9", "version": "1", "timepoint": timepoint}
                study._score(rows, about, person["entered_on"] + timedelta(day), "total", None, score(place + day))
    return rows


def released(cohort: Cohort, outcome_id: str = "depressed-6m") -> dict[str, list[str]]:
    """The risks as they leave beside the flow of people."""
    outcome = next(outcome for outcome in cohort.plan.outcomes if outcome.id == outcome_id)
    flow, table = participants.flow_table(cohort), outcomes.risks(Comparison(cohort, {}), outcome)
    passed = gate([flow, table], 10).table(table).rows
    return {label: [cell.text for cell in cells] for label, cells in passed}


SIX = {f"s1-{place}" for place in range(6)}
ON_PHQ9 = PLAN.replace('instrument = "eq5d-5l"\nscale = "value"\nvalue_set = "uk-2026-rowen"', 'instrument = "phq9"')


def test_a_risk_does_not_tell_how_few_were_lost(cohort_of: Callable[..., Cohort]) -> None:
    """52 (70%) would be 52 of 74, and six of the 80 lost; the arm that lost nobody shows its risk."""
    dice = random.Random(4)
    cohort = cohort_of(with_phq9(SIX, lambda _: dice.randrange(12, 24)), ON_PHQ9)
    lost, whole = released(cohort)["6 months"]
    assert lost == WITHHELD
    assert whole.endswith("%)")


@pytest.mark.parametrize("few", [4, 9])
def test_a_risk_does_not_tell_how_few_do_not_have_it(few: int, cohort_of: Callable[..., Cohort]) -> None:
    """All but four is four."""
    rows = with_phq9(set(), lambda place: 20 if place % 3 else 4)
    well = {f"s6-{place}" for place in range(few)}
    for line in rows["scores"]:
        if line["instrument"] == "phq9" and line["timepoint"] == "6m" and line["person"][1] in "5678":
            line["score"] = 3 if line["person"] in well else 20
    first, second = released(cohort_of(rows, ON_PHQ9))["6 months"]
    assert second == WITHHELD
    assert first.endswith("%)")


def test_a_risk_of_few_is_not_shown_and_one_of_nobody_is(cohort_of: Callable[..., Cohort]) -> None:
    rows = with_phq9(set(), lambda place: 20 if place % 3 else 4)
    for line in rows["scores"]:
        if line["instrument"] == "phq9" and line["timepoint"] == "6m":
            line["score"] = 20 if line["person"] in {"s1-0", "s1-1", "s1-2"} else 4
    assert released(cohort_of(rows, ON_PHQ9))["6 months"] == ["<10", "0 (0%)"]


def test_a_share_of_signposts_does_not_tell_a_number_of_signposts_that_is_held_back(
    rows: study.Rows, cohort_of: Callable[..., Cohort]
) -> None:
    """10 (33%) of one kind are 10 of 30; with 34 of both kinds there would be four of the other."""
    rows["signposts"] = rows["signposts"][:34]
    for place, line in enumerate(rows["signposts"]):
        line["resource"] = "r1" if place < 4 else "r2"
        line["outcome"] = "declined" if place >= 24 else "attended"
    table = delivery.signposts(cohort_of(rows))
    assert table is not None
    guard = gate([table], 10)
    assert list(given_away([table], guard)) == []
    texts = {label: [cell.text for cell in cells] for label, cells in guard.table(table).rows}
    assert texts["All"] == ["34", "24 (71%)", "10 (29%)"]
    assert set(texts["Welfare and debt advice"]) == {WITHHELD}
    assert texts["Arts and craft"][:2] == ["<10", "<10"]


def test_referrals_without_a_contact_do_not_tell_how_few_had_one(
    rows: study.Rows, cohort_of: Callable[..., Cohort]
) -> None:
    """76 of 80 referrals without an attended contact would leave four with one."""
    met = {f"ref-s1-{place}" for place in range(4)}
    for line in rows["contacts"]:
        line["attendance"] = "attended" if line["referral"] in met else "cancelled"
    table = delivery.waiting(cohort_of(rows))
    assert table is not None
    (cells,) = [cells for label, cells in gate([table], 10).table(table).rows if label.startswith("Referrals without")]
    assert [cell.text for cell in cells] == [WITHHELD, "0"]


# ---------------------------------------------------------------------------- what leaves with few people


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> tuple[Comparison, Path]:
    """A study in which every arm is too small, and its report."""
    folder = tmp_path_factory.mktemp("few")
    plan = f"{PLAN}\n[analysis]\nsmall_number = 100\n"
    made = compare(load.read(study.write(folder / "bundle", None, plan)))
    write(made, folder / "out")
    return made, folder / "out"


@pytest.mark.parametrize("name", ["estimates", "sensitivity"])
def test_no_estimate_of_too_few_people_leaves_in_a_file(name: str, few: tuple[Comparison, Path]) -> None:
    with (few[1] / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    assert {line["outcome"] for line in lines} == {outcome.id for outcome in few[0].plan.outcomes}
    for line in lines:
        numbers = [line[column] for column in ("estimate", "std_error", "df", "conf_low", "conf_high", "p_value")]
        assert numbers == [""] * 6, (line["outcome"], line["method"])
        assert line["method"]


def test_no_figure_and_no_bracket_is_made_of_too_few_people(few: tuple[Comparison, Path]) -> None:
    page = (few[1] / "report.html").read_text(encoding="utf-8")
    assert "Two assumptions, two estimates" not in page
    assert [path.name for path in (few[1] / "figures").glob("beside-*")] == []
    assert not (few[1] / "figures" / "love.svg").exists()
    for outcome in few[0].plan.outcomes:
        assert f"{outcome.label}: too few people were analysed for the result to be shown." in page


def test_the_numbers_beside_an_answer_of_too_few_people_are_held_back(few: tuple[Comparison, Path]) -> None:
    for path in (few[1] / "tables").glob("beside-*.csv"):
        with path.open(encoding="utf-8", newline="") as file:
            values = {
                line["value"] for line in csv.DictReader(file) if line["column"] in ("Estimate", "95% interval", "p")
            }
        assert values <= {"n<100"}, path.name


def test_one_method_of_too_few_people_is_left_out_of_the_figure_and_ends_the_bracket(comparison: Comparison) -> None:
    outcome, guard = comparison.plan.primary, Gate({}, 10)
    thin = tuple(_thinned(each) for each in comparison.beside[outcome.id])
    bent = replace(comparison, beside={**comparison.beside, outcome.id: thin})
    whole = [bar.label for bar in sensitivity.bars(comparison, outcome, guard)]
    assert [bar.label for bar in sensitivity.bars(bent, outcome, guard)] == whole[:1]
    assert len(list(sensitivity.bracket(comparison, outcome, guard))) == 1
    assert list(sensitivity.bracket(bent, outcome, guard)) == []


def _thinned(each: Beside) -> Beside:
    assert each.fitted is not None
    return replace(each, fitted=replace(each.fitted, n=(each.fitted.n[0], 9)))
