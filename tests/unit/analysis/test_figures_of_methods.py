"""The forest plot of several methods and the love plot of balance: what is drawn where, in which order, and how."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable

import pytest

from analysis.figures import (
    LOOKS,
    Bar,
    Histogram,
    Moment,
    Pair,
    around_start,
    forest,
    love,
    mirrored,
)

SVG = "{http://www.w3.org/2000/svg}"
BARS = [
    Bar("ANCOVA, CR2 by site", 0.4, -1.0, 1.8),
    Bar("Difference-in-differences with person and period effects, CR2 by site", 0.6, -1.2, 2.4),
    Bar("ANCOVA, permutation of sites (all 70 ways)", 0.5, None, None),
]
RATIOS = [Bar("Poisson", 0.5, 0.25, 1.0), Bar("Conditional Poisson", 2.0, 1.0, 4.0)]
PAIRS = [Pair("Baseline score", 0.62, 0.0), Pair("Age", 0.31, 0.04), Pair("Sex: male", 0.05, 0.02)]
MOMENTS = [Moment(-2, 1.1, 0.8, 1.5), Moment(-1, 1.0, None, None), Moment(0, 0.8, 0.6, 1.1)]
SHARES = Histogram(("Link worker", "Usual care"), (0.0, 0.2, 0.5, 1.0), (0.0, 15.0, 1.0), (10.0, 10.0, 0.0))
DRAWN = {
    "forest": lambda name: forest(name, "Difference", BARS, 0.0),
    "forest of ratios": lambda name: forest(name, "Rate ratio", RATIOS, 1.0),
    "love": lambda name: love(name, PAIRS, 0.1),
    "event study": lambda name: around_start(name, ("Months since the start", "Rate ratio"), MOMENTS, 1.0),
    "common support": lambda name: mirrored(name, "Probability", SHARES),
}
EVERY = pytest.mark.parametrize("draw", DRAWN.values(), ids=DRAWN)
Draw = Callable[[str], str]


def texts(svg: str) -> list[str]:
    return ["".join(text.itertext()) for text in ET.fromstring(svg).iter(f"{SVG}text")]


def markers(svg: str) -> list[tuple[float, float, str]]:
    """Where each marker stands, and how it is filled, from top to bottom and left to right."""
    found = [
        (float(use.get("x", "nan")), float(use.get("y", "nan")), _fill(use.get("style", "")))
        for use in ET.fromstring(svg).iter(f"{SVG}use")
        if "stroke" in use.get("style", "") and _fill(use.get("style", "")) in (LOOKS[0]["color"], "#ffffff")
    ]
    return sorted(found, key=lambda marker: (marker[1], marker[0]))


def _fill(style: str) -> str:
    found = re.search(r"fill: (#[0-9a-f]+)", style)
    return found[1] if found else ""


def lines(svg: str, color: str) -> list[tuple[float, float, float]]:
    """The horizontal lines of one colour: where they begin, end, and how high."""
    found = []
    for path in ET.fromstring(svg).iter(f"{SVG}path"):
        points = re.fullmatch(r"M ([\d.]+) ([\d.]+)\s+L ([\d.]+) ([\d.]+)\s*", path.get("d", ""))
        if points and f"stroke: {color}" in path.get("style", "") and points[2] == points[4]:
            found.append((float(points[1]), float(points[3]), float(points[2])))
    return sorted(found, key=lambda line: line[2])


def upright(svg: str) -> list[float]:
    """Where upright dotted lines stand."""
    found = re.findall(r'd="M ([\d.]+) [\d.]+\s+L \1 [\d.]+\s*"[^>]*stroke-dasharray: [\d.]+,', svg)
    return [float(x) for x in found]


# ---------------------------------------------------------------------------- what holds for every figure


@EVERY
def test_it_is_one_svg_element_of_plain_text_in_the_page_s_font_that_loads_nothing(draw: Draw) -> None:
    svg = draw("a")
    assert ET.fromstring(svg).tag == f"{SVG}svg"
    assert set(re.findall(r'font-family: ([^;"]+)', svg)) == {"system-ui, sans-serif"}
    assert "<image" not in svg
    assert "<metadata" not in svg
    assert not re.search(r'href="(?!#)', svg)


@EVERY
def test_the_same_numbers_give_the_same_bytes(draw: Draw) -> None:
    assert draw("a") == draw("a")


@EVERY
def test_what_is_referred_to_is_there_and_belongs_to_one_figure_alone(draw: Draw) -> None:
    one, other = draw("a"), draw("b")
    asked = [set(re.findall(r'href="#([^"]+)"', svg)) for svg in (one, other)]
    assert asked[0]
    assert not asked[0] & asked[1]
    for svg, named in zip((one, other), asked, strict=True):
        ids = re.findall(r' id="([^"]+)"', svg)
        assert named <= set(ids)
        assert len(ids) == len(set(ids))


@pytest.mark.parametrize("label", ['<b>Town & "gown"</b>', "Größe", "a" * 25])
def test_any_label_is_text_and_not_markup(label: str) -> None:
    assert label in texts(forest("a", "Difference", [Bar(label, 1.0, 0.5, 1.5)], 0.0))
    assert label in texts(love("a", [Pair(label, 0.3, 0.1)], 0.1))


# ---------------------------------------------------------------------------- forest


def test_a_forest_names_every_method_and_its_axis() -> None:
    svg = forest("a", "Difference", BARS, 0.0)
    said = " ".join(texts(svg))
    for bar in BARS:
        for word in bar.label.split():
            assert word in said
    assert "Difference" in texts(svg)


LONG = "Difference-in-differences with person and period effects, sites counted alike, CR2 by site"


def test_a_long_name_gets_the_lines_it_needs_and_leaves_half_of_the_width_to_the_bars() -> None:
    svg = forest(
        "a", "Difference", [Bar("One", 1.0, 0.1, 1.5), Bar(LONG, 0.4, 0.2, 0.6), Bar("Two", 0.5, 0.1, 0.6)], 0.0
    )
    parts = [said for said in texts(svg) if said in LONG and len(said) > 10]
    assert " ".join(parts) == LONG
    assert (len(parts), max(map(len, parts))) == (4, 25)
    (_, first, _), (_, long, _), (_, last, _) = sorted(markers(svg), key=lambda mark: mark[1])
    assert min(long - first, last - long) > 2.4 * 10.5, "half of four lines and half of another name"
    width = float(ET.fromstring(svg).get("viewBox", "").split()[2])
    ((low, high, _), *_) = lines(svg, LOOKS[0]["color"])
    assert high - low > 0.3 * width


def test_the_planned_estimate_stands_first_and_alone_is_filled() -> None:
    """In grey it is the round dark mark; the others are squares with nothing in them."""
    found = markers(forest("a", "Difference", BARS, 0.0))
    assert [fill for _, _, fill in found] == [LOOKS[0]["color"], "#ffffff", "#ffffff"]
    across = [x for x, _, _ in found]
    assert across[0] < across[2] < across[1], "0.4, then 0.6, then 0.5"
    assert len({y for _, y, _ in found}) == 3


def test_the_marks_of_planned_and_other_estimates_differ_in_shape() -> None:
    svg = forest("a", "Difference", BARS, 0.0)
    uses = [use for use in ET.fromstring(svg).iter(f"{SVG}use") if _fill(use.get("style", ""))]
    shapes = {_fill(use.get("style", "")): use.get("{http://www.w3.org/1999/xlink}href") for use in uses}
    assert shapes[LOOKS[0]["color"]] != shapes["#ffffff"]


def test_an_interval_goes_from_its_lower_to_its_upper_limit_through_its_mark() -> None:
    svg = forest("a", "Difference", BARS, 0.0)
    first, second, _ = markers(svg)
    ((low, high, height),) = lines(svg, LOOKS[0]["color"])
    assert height == pytest.approx(first[1])
    assert (first[0] - low) / (high - low) == pytest.approx((0.4 + 1.0) / 2.8, abs=1e-3)
    ((low, high, height),) = lines(svg, LOOKS[1]["color"])
    assert height == pytest.approx(second[1])
    assert (second[0] - low) / (high - low) == pytest.approx((0.6 + 1.2) / 3.6, abs=1e-3)


@pytest.mark.parametrize(("low", "high"), [(None, None), (0.1, None), (None, 2.0)])
def test_an_estimate_without_an_interval_is_a_mark_alone(low: float | None, high: float | None) -> None:
    svg = forest("a", "Difference", [BARS[0], Bar("Alone", 0.5, low, high)], 0.0)
    assert len(markers(svg)) == 2
    assert lines(svg, LOOKS[1]["color"]) == []


def test_ratios_stand_on_a_logarithmic_axis() -> None:
    """A half and a double are as far from one; on a plain axis a double would be twice as far."""
    svg = forest("a", "Rate ratio", RATIOS, 1.0)
    (half, double) = (x for x, _, _ in markers(svg))
    ((low, one, _),) = lines(svg, LOOKS[0]["color"])
    assert half == pytest.approx((low + one) / 2, abs=0.01), "0.5 is half way from 0.25 to 1"
    assert double - one == pytest.approx(one - half, abs=0.01)


def test_the_numbers_of_a_logarithmic_axis_are_written_out() -> None:
    said = texts(forest("a", "Rate ratio", RATIOS, 1.0))
    assert not [text for text in said if "10^" in text or "mathdefault" in text]
    assert [text for text in said if re.fullmatch(r"\d+(\.\d+)?", text)]


def ticks(svg: str) -> list[str]:
    return [text for text in texts(svg) if re.fullmatch(r"\N{MINUS SIGN}?\d+(\.\d+)?", text)]


@pytest.mark.parametrize(
    ("bars", "nothing"),
    [
        ([Bar("A", 0.9, 0.86, 0.95), Bar("B", 0.94, 0.91, 0.97)], 1.0),
        ([Bar("A", 0.4, 0.2, 1.3), Bar("B", 2.0, 0.9, 6.0)], 1.0),
        ([Bar("A", 0.035, 0.017, 0.053)], 0.0),
        ([Bar("A", -0.078, -0.136, -0.021)], 0.0),
    ],
    ids=["ratios close together", "ratios far apart", "differences", "differences below nought"],
)
def test_an_axis_has_a_few_numbers_to_read_it_by_however_close_the_estimates(bars: list[Bar], nothing: float) -> None:
    found = ticks(forest("a", "x", bars, nothing))
    assert 3 <= len(found) <= 6
    assert len(set(found)) == len(found)
    for text in found:
        assert text.strip("\N{MINUS SIGN}0.").rstrip("0") != "15", "numbers are round"


def on_a_phone(svg: str) -> float:
    """How many pixels high the smallest letters are on a screen 390 pixels wide, of which 358 are the figure's."""
    sizes = [float(size) for size in re.findall(r"font-size: ([\d.]+)px", svg)]
    return min(sizes) * 358 / float(ET.fromstring(svg).get("viewBox", "").split()[2])


def test_letters_are_nine_pixels_high_or_more_on_a_phone() -> None:
    assert on_a_phone(forest("a", "Difference", BARS, 0.0)) > 9


@pytest.mark.parametrize(
    "svg",
    [
        love("a", PAIRS, 0.1),
        love("a", [Pair("Number of long-term conditions that were recorded", 1.2, 0.0)], 0.1),
        around_start("a", ("Months since the start", "Rate ratio"), MOMENTS, 1.0),
        mirrored("a", "Probability of being in “Link worker”", SHARES),
    ],
    ids=["love", "a long label", "event study", "common support"],
)
def test_letters_are_eleven_pixels_high_or_more_on_a_phone(svg: str) -> None:
    assert on_a_phone(svg) >= 11


def test_the_line_of_no_difference_is_dotted_and_stands_at_nought_or_one() -> None:
    for svg, below, above in ((forest("a", "x", [Bar("A", -1.0, -2.0, 2.0), Bar("B", 1.0, -2.0, 2.0)], 0.0), -1, 1),
                              (forest("a", "x", RATIOS, 1.0), 0.5, 2)):  # fmt: skip
        (left, right) = sorted(x for x, _, _ in markers(svg))
        assert upright(svg) == [pytest.approx((left + right) / 2, abs=0.01)], (below, above)


def test_a_forest_grows_with_its_methods() -> None:
    heights = [
        float(ET.fromstring(forest("a", "x", BARS[:1] * many, 0.0)).get("height", "0pt")[:-2]) for many in (1, 4, 12)
    ]
    steps = [(heights[1] - heights[0]) / 3, (heights[2] - heights[1]) / 8]
    assert steps[0] == pytest.approx(steps[1], abs=0.01)
    assert steps[0] > 20, "room for a label on two lines"


# ---------------------------------------------------------------------------- love


def before_and_after(svg: str) -> list[tuple[float, float]]:
    """Where the open and the filled mark of each line stand, from the top, below the legend's line."""
    rows: dict[float, dict[str, float]] = {}
    for x, y, fill in markers(svg):
        rows.setdefault(y, {})[fill] = x
    _, *lines = rows.values()
    return [(row["#ffffff"], row[LOOKS[0]["color"]]) for row in lines]


def test_a_love_plot_has_an_open_and_a_filled_mark_on_each_line_in_the_order_given() -> None:
    found = before_and_after(love("a", PAIRS, 0.1))
    assert len(found) == len(PAIRS)
    nought = found[0][1]
    step = (found[0][0] - nought) / PAIRS[0].before
    for (before, after), pair in zip(found, PAIRS, strict=True):
        assert (before, after) == pytest.approx((nought + step * pair.before, nought + step * pair.after), abs=0.01)


def test_a_love_plot_says_which_mark_is_which_and_what_it_measures() -> None:
    said = texts(love("a", PAIRS, 0.1))
    assert {"As they came", "Overlap weights", "Standardised difference", "Baseline score", "Age", "Sex: male"} <= set(
        said
    )
    assert said.index("Baseline score") < said.index("Age") < said.index("Sex: male")


@pytest.mark.parametrize("noticeable", [0.1, 0.31])
def test_the_line_of_notice_stands_where_it_was_asked_for(noticeable: float) -> None:
    svg = love("a", PAIRS, noticeable)
    (most, nought), *_ = before_and_after(svg)
    assert upright(svg) == [pytest.approx(nought + (most - nought) * noticeable / PAIRS[0].before, abs=0.01)]


def test_the_legend_of_a_love_plot_stands_above_its_marks() -> None:
    svg = love("a", PAIRS, 0.1)
    (legend, *_), lines = sorted({y for _, y, _ in markers(svg)}), before_and_after(svg)
    assert len(lines) == len(PAIRS)
    assert len([y for _, y, _ in markers(svg) if y == legend]) == 2


# ---------------------------------------------------------------------------- common support


def outlines(svg: str) -> dict[str, list[tuple[float, float]]]:
    """The corners of each arm's outline, by its colour."""
    found = {}
    for path in ET.fromstring(svg).iter(f"{SVG}path"):
        style, points = path.get("style", ""), re.findall(r"[ML] ([\d.]+) ([\d.]+)", path.get("d", ""))
        for look in LOOKS:
            if f"stroke: {look['color']}" in style and "fill: none" in style and len(points) > 4:
                found[look["color"]] = [(float(x), float(y)) for x, y in points]
    return found


def test_arms_lie_back_to_back_and_their_heights_are_their_shares() -> None:
    """Link worker: 15 from 0.2 to 0.5, 1 beyond; usual care 10 up to 0.5; the first goes up, the second down."""
    first, second = (outlines(mirrored("a", "x", SHARES))[look["color"]] for look in LOOKS)
    middle = max(y for _, y in first)
    assert middle == pytest.approx(min(y for _, y in second), abs=0.01)
    assert (middle - min(y for _, y in first)) / (max(y for _, y in second) - middle) == pytest.approx(1.5, abs=0.01)
    high = sorted(x for x, y in first if y == pytest.approx(min(y for _, y in first), abs=0.01))
    left, right = min(x for x, _ in second), max(x for x, _ in second)
    assert [(x - left) / (right - left) for x in (high[0], high[-1])] == pytest.approx([0.2, 0.5], abs=0.01)


def test_arms_differ_without_colour_and_each_is_named() -> None:
    svg = mirrored("a", "Probability", SHARES)
    assert "stroke-dasharray" in svg
    assert "<pattern" in svg, "hatched"
    assert {"Link worker", "Usual care", "Probability", "% of the arm for each 0.05"} <= set(texts(svg))


def test_no_share_is_written_as_a_negative_number() -> None:
    assert "\N{MINUS SIGN}" not in "".join(texts(mirrored("a", "x", SHARES)))
