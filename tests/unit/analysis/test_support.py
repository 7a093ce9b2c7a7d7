"""Common support: who has a propensity score that nobody of the other arm has, and what may be shown of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from analysis.cohort import rows_of
from analysis.disclosure import Gate, gate
from analysis.estimators.weighted_difference import Weighing, weigh
from analysis.load import Dataset
from analysis.load import read as read_bundle
from analysis.report import compare, support
from analysis.report.comparison import Comparison
from analysis.report.contents import lay_out
from analysis.result import Table
from analysis.weighting import support as where_they_meet
from tests.unit.analysis import study
from tests.unit.analysis.test_small_numbers_of_reports import equations, solve

Reader = Callable[..., Dataset]


def scored(comparison: Comparison, first: list[float], second: list[float]) -> Weighing:
    """A weighing with these scores, of as many people of each arm."""
    found = weigh(rows_of(comparison.cohort, comparison.plan.primary), comparison.plan.covariates)
    arm, score = np.array([1] * len(first) + [0] * len(second)), np.array([*first, *second])
    X = np.column_stack([np.ones(len(arm)), arm])
    laid = replace(found.laid, X=X, rows=pd.DataFrame({"arm": arm}))
    return replace(found, laid=laid, score=score, support=where_they_meet(score, arm))


@pytest.fixture(scope="module")
def comparison(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    return compare(read_bundle(study.write(tmp_path_factory.mktemp("support") / "bundle")))


def spread(low: float, high: float, n: int) -> list[float]:
    return [float(value) for value in np.linspace(low, high, n)]


# ---------------------------------------------------------------------------- parts of the axis


def test_parts_end_where_each_arm_has_nobody_or_enough(comparison: Comparison) -> None:
    given = scored(comparison, spread(0.41, 0.79, 60), spread(0.21, 0.59, 60))
    held = support.counts(given, support.edges(given, 10))
    for counts in held.values():
        assert counts.sum() == 60
        assert all(count == 0 or count >= 10 for count in counts)


@pytest.mark.parametrize("seed", range(20))
def test_no_part_tells_of_few_whatever_the_scores(comparison: Comparison, seed: int) -> None:
    dice = np.random.default_rng(seed)
    first, second = (list(dice.beta(*dice.uniform(0.5, 6, 2), dice.integers(10, 80))) for _ in range(2))
    given = scored(comparison, first, second)
    ends = support.edges(given, 10)
    assert ends[0] == 0
    assert ends[-1] == 1
    assert list(ends) == sorted(set(ends))
    for counts, n in zip(support.counts(given, ends).values(), given.laid.n, strict=True):
        assert counts.sum() == n
        assert all(count == 0 or count >= 10 for count in counts)


def test_empty_parts_are_one_and_the_ends_without_anybody_are_seen(comparison: Comparison) -> None:
    given = scored(comparison, spread(0.51, 0.54, 30), spread(0.51, 0.54, 30))
    assert support.edges(given, 10)[:2] == (0.0, 0.5)
    assert support.edges(given, 10)[-2:] == (0.55, 1.0)


def test_where_everything_may_be_shown_parts_are_as_fine_as_they_get(comparison: Comparison) -> None:
    given = scored(comparison, spread(0.3, 0.6, 40), spread(0.3, 0.6, 40))
    widths = np.diff(support.edges(given, 0))[1:-1]
    assert widths == pytest.approx(np.full(len(widths), 1 / support.PARTS))


def test_an_arm_of_too_few_is_one_part_with_the_rest(comparison: Comparison) -> None:
    given = scored(comparison, spread(0.3, 0.6, 5), spread(0.3, 0.6, 40))
    held = support.counts(given, support.edges(given, 10))["intervention"]
    assert sorted(held)[-1] == 5


def alone(table: Table) -> Table:
    """The table without what ties made-up scores to the people of the study."""
    own = [known for known in table.sums if all(key[0] == "support" and "apart" not in key[2] for key in known.parts)]
    return replace(table, sums=tuple(own), implied=tuple(pair for pair in table.implied if "apart" not in pair[0][-1]))


# ---------------------------------------------------------------------------- the table


def cells(table: Table, label: str) -> tuple[int | None, int | None]:
    first, second = dict(table.rows)[label]
    return first.count, second.count


def test_those_outside_are_counted_arm_by_arm(comparison: Comparison) -> None:
    given = scored(comparison, [0.5] * 20 + [0.9] * 15, [0.5] * 30 + [0.1] * 12 + [0.7] * 10)
    table = support.table(comparison, given)
    assert cells(table, "Outside the other arm's range") == (15, 12)
    assert cells(table, "All with a score") == (35, 52)
    assert table.rows[0][0] == "0 to 0.1"


def test_in_the_report_everybody_with_baseline_and_covariates_has_a_score(comparison: Comparison) -> None:
    rows = rows_of(comparison.cohort, comparison.plan.primary)
    known = rows.dropna(subset=["baseline", "age", "sex"]).groupby("arm").size()
    table = next(table for table in lay_out(comparison).tables if table.name == "support")
    shown = dict(table.rows)["All with a score"]
    assert [cell.text for cell in shown] == [str(known[1]), str(known[0])]


def test_a_few_outside_a_shared_part_cannot_be_worked_out(comparison: Comparison) -> None:
    """Twelve lie beyond anybody of the other arm, three more share a part with its last people."""
    given = scored(comparison, [0.505] * 20 + [0.515] * 3 + [0.9] * 12, [0.505] * 30 + [0.51] * 10)
    table = alone(support.table(comparison, given))
    assert ("support", "intervention", "outside in a shared part") in dict(table.implied)
    guard = gate([table], 10)
    found = solve(list(equations([table], guard)))
    assert ("support", "intervention", "outside in a shared part") not in found
    counts = dict(table.counts())
    assert counts["support", "intervention", "outside in a shared part"] == 3


# ---------------------------------------------------------------------------- figure and words


def drawn(comparison: Comparison, given: Weighing) -> tuple[object, str]:
    guard = gate([alone(support.table(comparison, given))], comparison.plan.small_number)
    return support.histogram(comparison, given, guard), support.outside_in_words(comparison, given, guard)


def test_heights_times_widths_are_all_of_an_arm(comparison: Comparison) -> None:
    given = scored(comparison, spread(0.41, 0.79, 60), spread(0.21, 0.59, 60))
    found, _ = drawn(comparison, given)
    assert isinstance(found, support.Histogram)
    for shares in (found.above, found.below):
        assert (np.array(shares) * np.diff(found.edges) / 0.05).sum() == pytest.approx(100)
    assert found.labels == ("Link worker", "Usual care")


def test_the_words_beside_it_say_where_half_of_each_arm_lies(comparison: Comparison) -> None:
    given = scored(comparison, [0.6] * 30 + [0.8] * 20, [0.3] * 20 + [0.6] * 40)
    found, _ = drawn(comparison, given)
    assert isinstance(found, support.Histogram)
    said = support.in_words(found)
    assert "of Link worker most lie between " in said
    assert "of Usual care most lie between " in said
    first, second = (float(part.split(" and ")[1].split(";")[0].split(". ")[0]) for part in said.split("between ")[1:])
    assert first == second == pytest.approx(0.625)


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        ([0.5] * 40, [0.5] * 40, support.ALIKE),
        ([0.5] * 40 + [0.9] * 12, [0.5] * 40, "12 people in “Link worker” and nobody in “Usual care” have"),
        ([0.5] * 40 + [0.9] * 3, [0.5] * 40, "Fewer than 10 people in “Link worker” and nobody in “Usual care” have"),
        ([0.5] * 40, [0.5] * 40 + [0.2] * 11 + [0.7] * 20, "Nobody in “Link worker” and 31 people in “Usual care”"),
    ],
    ids=["nobody", "twelve", "three", "at both ends"],
)
def test_a_sentence_says_how_many_lie_outside_as_far_as_it_may(
    comparison: Comparison, first: list[float], second: list[float], said: str
) -> None:
    assert drawn(comparison, scored(comparison, first, second))[1].startswith(said)


def test_arms_too_small_to_show_have_no_figure(comparison: Comparison) -> None:
    found, _ = drawn(comparison, scored(comparison, [0.5] * 4, [0.4] * 40))
    assert found is None


def test_a_count_withheld_is_called_so(comparison: Comparison) -> None:
    given = scored(comparison, [0.5] * 40 + [0.9] * 12, [0.5] * 40)
    guard = Gate({("support", "intervention", "outside"): "withheld"}, 10)
    assert support.outside_in_words(comparison, given, guard).startswith("A number withheld in “Link worker”")


def test_the_figure_stands_between_the_love_plot_and_the_table(comparison: Comparison) -> None:
    section = next(each for each in lay_out(comparison).sections if each.id == "balance")
    names = [getattr(block, "name", "words") for block in section.blocks]
    assert names == ["love", "support", "words", "balance", "support"]


def test_without_a_score_there_is_nothing_to_show(comparison: Comparison) -> None:
    assert support.of({}) is None


def test_in_a_report_of_few_nothing_of_it_is_drawn(read: Reader) -> None:
    few = compare(read(study.tables(), study.PLAN + "\n[analysis]\nsmall_number = 1000\n"))
    whole = lay_out(few)
    assert "support" not in [drawing.name for drawing in whole.drawings]
    shown = next(table for table in whole.tables if table.name == "support")
    assert {cell.text for _, row in shown.rows for cell in row} <= {"<1000", "0 (0%)", "withheld"}
