"""The flow of people as a diagram: what the boxes say, that they fit, and that nothing small is in them."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import replace

import pytest

from analysis import compare, load
from analysis.disclosure import Gate
from analysis.report import flow_figure
from analysis.report.comparison import Comparison
from analysis.report.contents import Drawing, lay_out
from analysis.report.flow_figure import Box, Shown, columns, diagram, in_words
from tests.unit.analysis import study
from tests.unit.analysis.test_small_numbers_of_reports import thin_study

OPEN = Gate({}, 0)
SPACE = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    """A study some of whose people were lost for this and that."""
    return compare(load.read(study.write(tmp_path_factory.mktemp("flow") / "bundle", thin_study(2))))


@pytest.fixture(scope="module")
def drawing(made: Comparison) -> Drawing:
    return next(each for each in lay_out(made).drawings if each.name == "flow")


def lines(found: dict[str, list[Box]], role: str, title: str) -> tuple[str, ...]:
    return next(box.lines for box in found[role] if box.title == title)


# ---------------------------------------------------------------------------- what the boxes say


def test_each_arm_goes_from_the_study_through_every_timepoint_to_the_analysis(made: Comparison) -> None:
    for role, label in (("intervention", "Link worker"), ("comparison", "Usual care")):
        titles = [box.title for box in columns(made, OPEN)[role]]
        assert titles == [label, "Baseline", "3 months", "6 months", "Primary outcome"]


def test_those_measured_and_not_make_up_the_arm_and_so_do_the_reasons(made: Comparison) -> None:
    for role in ("intervention", "comparison"):
        for title in ("Baseline", "3 months", "6 months"):
            measured, lost, *reasons = lines(columns(made, OPEN), role, title)
            number = [int(re.findall(r": (\d+)", line)[0]) for line in (measured, lost)]
            assert sum(number) == 80
            assert sum(int(line.rpartition(": ")[2]) for line in reasons) == number[1]


def test_people_analysed_are_those_of_the_estimate(made: Comparison) -> None:
    n = made.fitted["eq5d-6m"].n
    kept, left = lines(columns(made, OPEN), "comparison", "Primary outcome")
    assert kept == f"Analysed: {n[1]} ({100 * n[1] / 80:.0f}%)"
    assert left == f"Not analysed: {80 - n[1]}"


def test_sites_are_named_where_there_are_any(made: Comparison) -> None:
    assert lines(columns(made, OPEN), "intervention", "Link worker") == ("In the study: 80", "Sites: 4")
    alone = replace(made.cohort, people=made.cohort.people.assign(site=None))
    found = columns(replace(made, cohort=alone), OPEN)
    assert lines(found, "intervention", "Link worker") == ("In the study: 80",)


def test_an_outcome_without_an_estimate_says_so(made: Comparison) -> None:
    found = columns(replace(made, fitted={}), OPEN)
    assert lines(found, "comparison", "Primary outcome") == ("Could not be estimated",)


def test_without_a_scale_there_is_nothing_between_study_and_analysis(
    read: Callable[..., load.Dataset], rows: study.Rows
) -> None:
    head, *outcomes = study.PLAN.split("[[outcomes]]")
    plan = head + "[[outcomes]]" + outcomes[-1] + "primary = true\n"
    found = columns(compare(read(rows, plan)), OPEN)
    assert [box.title for box in found["comparison"]] == ["Usual care", "Primary outcome"]


# ---------------------------------------------------------------------------- small numbers


def test_no_small_number_stands_in_the_diagram_or_its_words(drawing: Drawing) -> None:
    text = " ".join(ET.fromstring(drawing.svg).itertext()) + drawing.alt
    small = [int(number) for number in re.findall(r": (\d+)(?! months)", text) if 0 < int(number) < 10]
    assert small == [4, 4]  # the sites
    assert "<10" in text


def test_what_the_table_withholds_the_diagram_withholds(made: Comparison, drawing: Drawing) -> None:
    table = next(each for each in lay_out(made).tables if each.name == "flow")
    text = " ".join(ET.fromstring(drawing.svg).itertext())
    for label, cells in table.rows:
        if label.startswith("Measured"):
            for cell in cells:
                assert f"Measured: {cell.text}" in text


def test_a_size_that_is_held_back_takes_the_shares_and_the_total_with_it(made: Comparison) -> None:
    guard = Gate({("study", "intervention"): "withheld"}, 10)
    found = columns(made, guard)
    assert lines(found, "intervention", "Baseline")[0] == "Measured: 80"
    assert lines(found, "comparison", "Baseline")[0] == "Measured: 80 (100%)"
    assert flow_figure.everybody(made, guard) == "people of two arms"
    assert flow_figure.everybody(made, OPEN) == "160 people"


@pytest.mark.parametrize(
    ("shown", "text"),
    [
        (Shown(1200, 2400), "1,200 (50%)"), (Shown(0, 80), "0 (0%)"), (Shown(0, 0), "0"), (Shown("<10", 80), "<10"),
        (Shown(70, "withheld"), "70"),
    ],
)  # fmt: skip
def test_a_count_is_shown_with_its_share_where_both_may_leave(shown: Shown, text: str) -> None:
    assert str(shown) == text


# ---------------------------------------------------------------------------- the picture


def test_it_is_one_element_whose_text_is_text(drawing: Drawing) -> None:
    root = ET.fromstring(drawing.svg)
    assert root.tag == f"{SPACE}svg"
    said = [text.text for text in root.iter(f"{SPACE}text")]
    assert {"Link worker", "Usual care", "3 months"} <= set(said)


def test_it_says_in_words_what_it_shows(drawing: Drawing) -> None:
    assert drawing.alt.startswith(
        "Flow diagram with a column for each arm. Link worker: in the study: 80; baseline, meas"
    )
    assert drawing.alt.endswith("The table has every number.")


def test_it_stands_before_the_tables_about_people(made: Comparison) -> None:
    section = next(each for each in lay_out(made).sections if each.id == "people")
    assert [getattr(block, "name", "") for block in section.blocks] == ["flow", "flow", "baseline"]


LONG = Box(
    "A very long name of an arm that nobody would choose", ("– Answered, but no score could be made: 12", "x" * 60)
)


@pytest.fixture(scope="module")
def crowded() -> ET.Element:
    boxes = [Box("First", ("In the study: 80",), shaded=True), LONG]
    return ET.fromstring(diagram("In the study: 160 people", {"intervention": boxes, "comparison": boxes[::-1]}))


def test_every_line_is_short_enough_for_its_box(crowded: ET.Element) -> None:
    heading, *others = crowded.iter(f"{SPACE}text")
    assert len(heading.text or "") <= 2 * flow_figure.LETTERS[True]
    for text in others:
        letters = len((text.text or "").strip("\N{NO-BREAK SPACE}"))
        assert letters <= flow_figure.LETTERS[text.get("font-weight") == "bold"]
    room = flow_figure.COLUMN - 2 * flow_figure.PADDING
    assert flow_figure.LETTERS[False] * 0.54 * flow_figure.SIZE <= room  # a letter is about half as wide as high


def test_boxes_neither_overlap_nor_leave_the_picture(crowded: ET.Element) -> None:
    boxes = [
        tuple(float(rect.get(name, "")) for name in ("x", "y", "width", "height"))
        for rect in crowded.iter(f"{SPACE}rect")
    ]
    _, _, width, height = (float(each) for each in crowded.get("viewBox", "").split())
    for place, (x, y, w, h) in enumerate(boxes):
        assert x >= 0
        assert x + w <= width
        assert y + h <= height
        for a, b, c, d in boxes[:place]:
            assert x >= a + c or a >= x + w or y >= b + d or b >= y + h


def test_every_line_stands_inside_a_box(crowded: ET.Element) -> None:
    boxes = [
        [float(rect.get(name, "")) for name in ("x", "y", "width", "height")] for rect in crowded.iter(f"{SPACE}rect")
    ]
    for text in crowded.iter(f"{SPACE}text"):
        x, y = float(text.get("x", "")), float(text.get("y", ""))
        assert [1 for a, b, w, h in boxes if a < x < a + w and b < y - 8 and y + 3 < b + h] == [1]


def test_signs_of_markup_in_names_stay_words() -> None:
    boxes = {"intervention": [Box("A & B <c>", ("n: <10",))], "comparison": [Box("D", ())]}
    said = [text.text for text in ET.fromstring(diagram("x", boxes)).iter(f"{SPACE}text")]
    assert said == ["x", "A & B <c>", "n: <10", "D"]
    assert in_words({"intervention": [Box("A", ("In the study: 3",))]}).startswith("Flow diagram")


def test_it_is_drawn_in_greys_and_one_ink_and_fetches_nothing(drawing: Drawing) -> None:
    assert set(re.findall(r'(?:fill|stroke)="(#\w+)"', drawing.svg)) <= {"#e8efed", "#ffffff", "#5b6b73", "#1f2a30"}
    assert "http" not in drawing.svg.replace('xmlns="http://www.w3.org/2000/svg"', "")
