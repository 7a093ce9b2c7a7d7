"""Tables about who is missing, and about what the answer would be if they were unlike those who are not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from analysis import load
from analysis.cohort import Cohort, flow
from analysis.disclosure import Gate, gate
from analysis.estimators import ESTIMATORS
from analysis.estimators.imbalance import standardised_difference
from analysis.load import Dataset
from analysis.report import missing
from analysis.report.comparison import Comparison, compare
from analysis.report.contents import lay_out
from analysis.result import Table
from tests.unit.analysis.study import PLAN, Rows, tables, write

Read = Callable[..., Dataset]
Make = Callable[..., Cohort]


def lose(rows: Rows, people: list[str], timepoints: tuple[str, ...] = ("6m",), instrument: str | None = None) -> None:
    """Take scores and assessments from people."""
    for table in ("scores", "assessments"):
        rows[table] = [
            line
            for line in rows[table]
            if not (
                line["person"] in people
                and line["timepoint"] in timepoints
                and instrument in (None, line["instrument"])
            )
        ]


def leave(rows: Rows, people: list[str], reason: str, day: int = 30) -> None:
    for line in rows["people"]:
        if line["person"] in people:
            line |= {"left_reason": reason, "left_on": line["entered_on"] + timedelta(day)}


def members(site: str, first: int, last: int) -> list[str]:
    return [f"{site}-{place}" for place in range(first, last)]


def texts(table: Table, guard: Gate | None = None) -> dict[str, list[str]]:
    """What stands in each row, everything let through unless a gate is given."""
    released = (guard or gate([table], 0)).table(table)
    return {label: [cell.text for cell in cells] for label, cells in released.rows}


def thinned() -> Rows:
    """Thirty of the first arm lost at six months, twelve of whom had died; eleven of the other; some in between."""
    rows = tables()
    lose(rows, [*members("s1", 0, 20), *members("s2", 0, 10)])
    leave(rows, members("s1", 0, 12), "died")
    lose(rows, members("s6", 0, 11))
    return rows


@pytest.fixture(scope="module")
def comparison(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    return compare(load.read(write(tmp_path_factory.mktemp("thinned") / "bundle", thinned())))


# ---------------------------------------------------------------------------- follow-up


def test_follow_up_counts_those_measured_and_marks_what_is_below_the_line(comparison: Comparison) -> None:
    cohort, outcome = comparison.cohort, comparison.plan.primary
    found = texts(missing.followed_up(cohort, outcome))
    fates = flow(cohort, outcome)
    for timepoint, label in (("3m", "3 months"), ("6m", "6 months")):
        here = fates[fates["timepoint"] == timepoint]
        for cell, arm in zip(found[f"Measured: {label}"], (1, 0), strict=False):
            there = int(here.loc[here["arm"] == arm, "measured"].sum())
            mark = " · below 80%" if there < 64 else ""
            assert cell == f"{there} ({100 * there / 80:.0f}%){mark}"
    assert "below 80%" in found["Measured: 6 months"][0]


def test_the_difference_in_follow_up_is_in_percentage_points_with_its_sign(comparison: Comparison) -> None:
    cohort, outcome = comparison.cohort, comparison.plan.primary
    shares = flow(cohort, outcome).groupby(["timepoint", "arm"])["measured"].mean()
    found = texts(missing.followed_up(cohort, outcome))
    for timepoint, label in (("3m", "3 months"), ("6m", "6 months")):
        gap = 100 * (shares[timepoint, 1] - shares[timepoint, 0])
        assert found[f"Measured: {label}"][2] == f"{gap:+.0f}"
    assert found["Measured: 6 months"][2].startswith("-")


def test_reasons_are_those_of_the_outcome_s_timepoint_and_add_up(comparison: Comparison) -> None:
    table = missing.followed_up(comparison.cohort, comparison.plan.primary)
    counts = dict(table.counts())
    for role in ("intervention", "comparison"):
        reasons = [count for key, count in counts.items() if key[:3] == ("lost", "6m", role)]
        assert sum(reasons) == counts["lost", "eq5d-5l", "value", "uk-2026-rowen", "6m", role]
    assert counts["lost", "6m", "intervention", "Died"] == 12
    assert not any("3 months:" in label for label in texts(table))


def test_where_a_count_stays_behind_so_does_the_difference(rows: Rows, read: Read) -> None:
    for timepoint in ("3m", "6m"):
        lose(rows, [person["person"] for person in rows["people"] if person["person"][:2] in ("s1", "s2", "s3", "s4")][:75],
             (timepoint,))  # fmt: skip
    comparison = compare(read(rows))
    guard = lay_out(comparison).gate
    found = texts(missing.followed_up(comparison.cohort, comparison.plan.primary), guard)
    assert found["Measured: 6 months"][0] == "<10"
    assert found["Measured: 6 months"][2] == "withheld"


# ---------------------------------------------------------------------------- patterns


def test_everybody_has_one_pattern(comparison: Comparison) -> None:
    table = missing.patterns(comparison.cohort, comparison.plan.primary)
    counts = dict(table.counts())
    for role in ("intervention", "comparison"):
        assert sum(count for key, count in counts.items() if key[-1] == role) == 80


def test_patterns_are_named_by_what_is_missing_and_the_commonest_comes_first(comparison: Comparison) -> None:
    found = texts(missing.patterns(comparison.cohort, comparison.plan.primary))
    labels = list(found)
    assert labels[0] == "Every time"
    assert set(labels) == {"Every time", "Not at 3 months", "Not at 6 months", "Not at 3 months and 6 months"}
    sizes = [sum(int(cell.split()[0]) for cell in cells) for cells in found.values()]
    assert sizes == sorted(sizes, reverse=True)


def test_who_was_never_measured_has_a_pattern_too(rows: Rows, cohort_of: Make) -> None:
    lose(rows, members("s1", 0, 3), ("baseline", "3m", "6m"))
    cohort = cohort_of(rows)
    found = texts(missing.patterns(cohort, cohort.plan.primary))
    assert found["Never"][0].startswith("3 ")


def test_patterns_add_up_to_those_measured_at_every_timepoint(comparison: Comparison) -> None:
    """So that the gate knows what a reader could subtract."""
    cohort, outcome = comparison.cohort, comparison.plan.primary
    tables = [missing.patterns(cohort, outcome), missing.followed_up(cohort, outcome)]
    counts = dict(pair for table in tables for pair in table.counts())
    known = [sum_ for sum_ in tables[0].sums if sum_.total in counts]
    assert len(known) >= 8
    for each in known:
        assert counts[each.total] == sum(counts[part] for part in each.parts)


# ---------------------------------------------------------------------------- lost and kept


def test_those_lost_stand_beside_those_kept(comparison: Comparison) -> None:
    cohort, outcome = comparison.cohort, comparison.plan.primary
    fates = flow(cohort, outcome)
    kept = fates[fates["timepoint"] == "6m"].set_index("person")["measured"]
    age, arm = cohort.people["age"], cohort.people["arm"]
    found = texts(missing.lost_and_kept(cohort, outcome))["Age, years"]
    for place, role in enumerate((1, 0)):
        here = arm == role
        assert found[3 * place] == f"{age[here & kept].mean():.1f}"
        assert found[3 * place + 1] == f"{age[here & ~kept].mean():.1f}"
        apart = standardised_difference(age[here], (~kept[here]).astype(int))
        assert found[3 * place + 2].split(" ")[0] == f"{apart:.2f}"


def test_large_differences_are_marked(rows: Rows, cohort_of: Make) -> None:
    old = sorted(
        (line for line in rows["people"] if line["person"][:2] in ("s1", "s2", "s3")), key=lambda p: p["birth_year"]
    )
    lose(rows, [line["person"] for line in old[:20]])
    cohort = cohort_of(rows)
    cell = texts(missing.lost_and_kept(cohort, cohort.plan.primary))["Age, years"][2]
    assert float(cell.split(" ")[0]) > 1
    assert cell.endswith(" · over 0.25")


def test_categories_have_a_difference_and_no_mean(comparison: Comparison) -> None:
    found = texts(missing.lost_and_kept(comparison.cohort, comparison.plan.primary))["Sex"]
    assert (found[0], found[1], found[3], found[4]) == ("", "", "", "")
    assert float(found[2].split(" ")[0]) >= 0


def test_where_few_were_lost_neither_group_is_described(rows: Rows, cohort_of: Make) -> None:
    """The mean of those kept, taken from that of everybody, would give the others away."""
    for site in range(1, 5):
        for place in range(20):
            _have(rows, f"s{site}-{place}")
    lose(rows, members("s1", 0, 4))
    cohort = cohort_of(rows)
    table = missing.lost_and_kept(cohort, cohort.plan.primary)
    cells = texts(table, gate([table], 10))["Age, years"]
    assert cells[:3] == ["n<10"] * 3


def _have(rows: Rows, person: str) -> None:
    """Give somebody without a score at six months one."""
    if any(
        line["person"] == person and line["timepoint"] == "6m" and line["scale"] == "value" for line in rows["scores"]
    ):
        return
    (score,) = (
        s for s in rows["scores"] if s["person"] == person and s["timepoint"] == "baseline" and s["scale"] == "value"
    )
    (asked,) = (a for a in rows["assessments"] if a["assessment"] == score["assessment"])
    new = {"assessment": f"{person}.again", "timepoint": "6m"}
    rows["scores"].append(score | new)
    rows["assessments"].append(asked | new | {"assessed_on": asked["assessed_on"] + timedelta(182)})


def test_where_nobody_was_lost_there_is_nothing_beside(rows: Rows, cohort_of: Make) -> None:
    for line in rows["people"]:
        _have(rows, line["person"])
    cohort = cohort_of(rows)
    found = texts(missing.lost_and_kept(cohort, cohort.plan.primary))["Age, years"]
    assert (found[1], found[2], found[4], found[5]) == ("–", "–", "–", "–")


# ---------------------------------------------------------------------------- imputed


@pytest.fixture(scope="module")
def tipped(comparison: Comparison) -> Any:
    found = missing.tipping(comparison, comparison.plan.primary)
    assert not isinstance(found, str)
    assert found is not None
    return found


def test_without_a_shift_it_is_what_the_plan_s_method_gives(comparison: Comparison, tipped: Any) -> None:
    fitted = ESTIMATORS["imputation"](comparison.cohort, comparison.plan.primary)
    assert tipped.unshifted.estimate == pytest.approx(fitted.main.estimate)
    assert tipped.unshifted.std_error == pytest.approx(fitted.main.std_error)
    assert tipped.n == fitted.n


def test_imputed_and_dead_make_up_the_lost(comparison: Comparison, tipped: Any) -> None:
    found = texts(missing.imputed_table(comparison, comparison.plan.primary, tipped))
    fates = flow(comparison.cohort, comparison.plan.primary)
    here = fates[fates["timepoint"] == "6m"]
    lost = [int((~here.loc[here["arm"] == arm, "measured"]).sum()) for arm in (1, 0)]
    counts = {label: [int(cell.split()[0]) for cell in cells] for label, cells in found.items()}
    assert counts["Left out: had died"] == [12, 0]
    assert counts["In the estimate"] == [68, 80]
    assert [a + b for a, b in zip(counts["Scores imputed"], counts["Left out: had died"], strict=True)] == lost


def test_every_sum_that_is_declared_holds(comparison: Comparison) -> None:
    """Across all tables of the section, with those that show the same quantities."""
    seen: list[Table] = []

    def watched(tables: list[Table], threshold: int) -> Gate:
        seen.extend(tables)
        return gate(tables, threshold)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("analysis.report.contents.gate", watched)
        lay_out(comparison)
    counts = dict(pair for table in seen for pair in table.counts())
    for table in seen:
        for key, count in table.counts():
            assert counts[key] == count, key
        for known in table.sums:
            if known.total in counts and all(part in counts for part in known.parts):
                assert counts[known.total] == sum(counts[part] for part in known.parts), known


def test_the_table_has_a_row_a_shift_and_a_column_an_arm(comparison: Comparison, tipped: Any) -> None:
    found = texts(missing.tipping_table(comparison, comparison.plan.primary, tipped))
    assert len(found) == 11
    assert list(found)[5] == "As imputed"
    assert next(iter(found)).startswith("Shifted by −")
    assert list(found)[-1].startswith("Shifted by +")
    assert len(set(found["As imputed"])) == 1
    first = [float(cells[0].split(" ")[0]) for cells in found.values()]
    assert first == sorted(first)


def test_too_few_imputed_scores_show_no_shift_in_their_arm(rows: Rows, read: Read) -> None:
    """How far the estimate moves would tell how many there are."""
    for site in range(1, 5):
        for place in range(20):
            _have(rows, f"s{site}-{place}")
    lose(rows, members("s1", 0, 4))
    comparison = compare(read(rows))
    outcome, guard = comparison.plan.primary, lay_out(comparison).gate
    found = missing.tipping(comparison, outcome)
    assert found is not None
    assert not isinstance(found, str)
    cells = texts(missing.tipping_table(comparison, outcome, found), guard)
    for label, (first, second, both) in cells.items():
        assert first in ("n<10", "withheld"), label
        assert both in ("n<10", "withheld"), label
        assert "to" in second or second == "withheld"
    assert [line.label for line in missing.lines(comparison, outcome, found, guard)] != ["Link worker", "Usual care"]
    assert "“Link worker”" not in " ".join(list(missing.in_words(comparison, outcome, found, guard))[1:])


def test_the_sentences_say_the_answer_and_where_it_turns(comparison: Comparison, tipped: Any) -> None:
    outcome, guard = comparison.plan.primary, gate([], 0)
    first, second = missing.in_words(comparison, outcome, tipped, guard)
    assert "With everybody alive, missing scores imputed" in first
    assert f"{100 * tipped.fraction_missing:.0f}% of the information about it is missing" in first
    assert second.count("the interval") == 2
    assert "“Link worker”" in second
    assert "“Usual care”" in second


@pytest.mark.parametrize(
    ("turns", "expected"),
    [
        ((None, None), "No shift of imputed scores in “A” from −1 to +1 makes the interval cease to hold zero."),
        ((-0.5, None), "Shifting imputed scores in “A” by −0.5 makes the interval cease to hold zero."),
        ((-0.5, 0.25), "Shifting imputed scores in “A” by −0.5 or by +0.25 makes the interval cease to hold zero."),
    ],
)
def test_a_turn_in_words(turns: tuple[float | None, float | None], expected: str, tipped: Any) -> None:
    from dataclasses import replace

    found = replace(tipped, deltas=(-1.0, 0.0, 1.0), turns={"intervention": turns},
                    answers={"both": (tipped.unshifted, replace(tipped.unshifted, conf_low=-1.0, conf_high=1.0), tipped.unshifted)})  # fmt: skip
    assert missing._turn(found, "intervention", "A") == expected
    settled = replace(
        found, answers={"both": (tipped.unshifted, replace(tipped.unshifted, conf_low=0.5, conf_high=1.0))}
    )
    assert missing._turn(settled, "intervention", "A") == expected.replace("cease", "begin")


def test_a_line_for_each_arm_is_drawn_and_told(comparison: Comparison, tipped: Any) -> None:
    drawn = missing.lines(comparison, comparison.plan.primary, tipped, gate([], 0))
    assert [line.label for line in drawn] == ["Link worker", "Usual care"]
    assert drawn[0].at == tipped.deltas
    assert np.all(np.array(drawn[0].low) < np.array(drawn[0].mean))
    said = missing.lines_in_words(drawn, 3)
    assert "imputed scores shifted in Link worker from" in said
    assert said.endswith("The table has every number.")


def test_with_one_site_in_an_arm_the_table_has_estimates_and_there_is_no_figure(rows: Rows, read: Read) -> None:
    for line in rows["people"]:
        if line["site"] in ("s6", "s7", "s8"):
            line["site"] = "s5"
    comparison = compare(read(rows))
    outcome = comparison.plan.primary
    found = missing.tipping(comparison, outcome)
    assert found is not None
    assert not isinstance(found, str)
    cells = texts(missing.tipping_table(comparison, outcome, found))
    assert all(" to " not in cell for row in cells.values() for cell in row)
    assert missing.lines(comparison, outcome, found, gate([], 0)) == []
    assert len(list(missing.in_words(comparison, outcome, found, gate([], 0)))) == 1


# ---------------------------------------------------------------------------- in a report


def blocks(comparison: Comparison) -> list[Any]:
    (section,) = (each for each in lay_out(comparison).sections if each.id == "missing")
    return list(section.blocks)


def test_the_section_has_its_tables_and_its_figure(comparison: Comparison) -> None:
    found = blocks(comparison)
    assert [block.name for block in found if hasattr(block, "rows")] == [
        "follow-up", "patterns", "lost-and-kept", "imputed-eq5d-6m", "tipping-eq5d-6m",
    ]  # fmt: skip
    (drawing,) = (block for block in found if hasattr(block, "svg"))
    assert drawing.name == "tipping-eq5d-6m"
    assert drawing.alt.startswith("Line chart of the difference between the arms, imputed scores shifted in")
    assert drawing.svg.startswith("<svg")


def test_where_nobody_alive_lacks_a_score_it_says_so(rows: Rows, read: Read) -> None:
    for line in rows["people"]:
        _have(rows, line["person"])
    found = blocks(compare(read(rows)))
    assert found[-1] == "No score is missing of anybody alive at 6 months: nothing was imputed."


def test_scores_that_cannot_be_imputed_say_why(rows: Rows, read: Read) -> None:
    """An arm in which three people have a score cannot foretell the others' from five terms."""
    lose(rows, [f"s{site}-{place}" for site in range(5, 9) for place in range(20)][4:], instrument="eq5d-5l")
    plan = PLAN.replace("primary = true", "primary = true\ncovariates = []")
    comparison = compare(read(rows, plan))
    found = blocks(comparison)
    assert isinstance(found[-1], str)
    assert found[-1].startswith("Missing scores could not be imputed: 'score' is known for ")


def test_a_primary_outcome_without_an_estimate_has_no_tipping_point(rows: Rows, read: Read) -> None:
    for line in rows["scores"]:
        if line["instrument"] == "eq5d-5l" and line["timepoint"] == "baseline":
            line["score"] = 0.5
    found = blocks(compare(read(rows)))
    assert [block.name for block in found] == ["follow-up", "patterns", "lost-and-kept"]


def test_an_event_has_tables_and_no_tipping_point(rows: Rows, read: Read) -> None:
    event = PLAN.replace('scale = "value"', 'kind = "binary"\nat_least = 0.6\nscale = "value"')
    found = blocks(compare(read(rows, event)))
    assert [block.name for block in found] == ["follow-up", "patterns", "lost-and-kept"]


def test_a_plan_without_a_scale_has_no_such_section(rows: Rows, read: Read) -> None:
    plan = PLAN[: PLAN.index("[[outcomes]]")]
    plan += '[[outcomes]]\nid = "gp"\nlabel = "GP attendances"\nsetting = "gp"\nprimary = true\n'
    assert "missing" not in [section.id for section in lay_out(compare(read(rows, plan))).sections]


@pytest.mark.parametrize("place", ["estimator", "beside"])
def test_imputation_may_be_planned_and_the_counts_agree(place: str, read: Read) -> None:
    named = {"estimator": 'estimator = "imputation"', "beside": 'beside = ["imputation"]'}[place]
    comparison = compare(read(thinned(), PLAN.replace("primary = true", f"primary = true\n{named}")))
    fitted = {
        "estimator": comparison.fitted["eq5d-6m"],
        "beside": next(each.fitted for each in comparison.beside["eq5d-6m"] if each.method == "imputation")
        if place == "beside"
        else None,
    }[place]
    assert fitted is not None
    assert fitted.n == (68, 80)
    contents = lay_out(comparison)
    (table,) = (each for each in contents.tables if each.name == "imputed-eq5d-6m")
    shown = dict(table.rows)["In the estimate"]
    assert [cell.values.get("count") for cell in shown] == [68, 80]
