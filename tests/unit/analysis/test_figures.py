"""Figures that can be read in grey, on any screen, and by somebody who hears them."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest

from analysis.figures import LOOKS, Series, courses, shifts

TICKS = [(0.0, "Baseline"), (91.0, "3 months"), (182.0, "6 months")]
FIRST = Series("Link worker offered", (0.0, 91.0, 182.0), (0.60, 0.64, 0.66), (0.58, 0.61, 0.62), (0.62, 0.67, 0.70))
SECOND = Series("Usual care", (0.0, 91.0, 182.0), (0.65, 0.66, 0.68), (0.61, 0.62, 0.64), (0.69, 0.70, 0.72))


@pytest.fixture(scope="module")
def drawn() -> str:
    return courses("eq5d", "EQ-5D value", [FIRST, SECOND], TICKS)


def words(svg: str) -> str:
    return " ".join("".join(text.itertext()) for text in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text"))


def test_it_is_one_svg_element(drawn: str) -> None:
    assert drawn.startswith("<svg")
    assert drawn.rstrip().endswith("</svg>")
    assert ET.fromstring(drawn).tag == "{http://www.w3.org/2000/svg}svg"


def test_text_stays_text(drawn: str) -> None:
    for part in ("EQ-5D value", "Baseline", "months", "Usual care"):
        assert part in words(drawn)


def test_each_arm_is_named_where_its_line_ends(drawn: str) -> None:
    assert "Link worker" in words(drawn)
    assert "offered" in words(drawn)
    assert "legend" not in drawn


def test_the_arms_differ_in_line_and_marker_and_not_only_in_colour(drawn: str) -> None:
    assert len({look["linestyle"] for look in LOOKS}) == 2
    assert len({look["marker"] for look in LOOKS}) == 2
    assert len({look["markerfacecolor"] for look in LOOKS}) == 2
    assert "stroke-dasharray" in drawn


def test_the_colours_differ_from_white_enough_to_be_read() -> None:
    """Contrast of at least 4.5 against white (WCAG 2.2, 1.4.3)."""
    for look in LOOKS:
        channels = [int(look["color"][place : place + 2], 16) / 255 for place in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
        assert 1.05 / (luminance + 0.05) >= 4.5


def test_it_loads_nothing(drawn: str) -> None:
    assert "<image" not in drawn
    assert not re.search(r'href="(?!#)', drawn)
    assert "url(http" not in drawn
    assert "<metadata" not in drawn


def test_it_uses_the_page_s_own_font(drawn: str) -> None:
    assert set(re.findall(r'font-family: ([^;"]+)', drawn)) == {"system-ui, sans-serif"}


def test_the_same_numbers_give_the_same_bytes(drawn: str) -> None:
    assert courses("eq5d", "EQ-5D value", [FIRST, SECOND], TICKS) == drawn


def test_figures_of_one_page_do_not_share_the_ids_that_they_refer_to(drawn: str) -> None:
    other = courses("phq9", "PHQ-9", [FIRST, SECOND], TICKS)
    assert not set(re.findall(r'href="#([^"]+)"', drawn)) & set(re.findall(r'href="#([^"]+)"', other))


def test_an_arm_that_was_measured_less_often_is_drawn_as_far_as_it_goes() -> None:
    short = replace(FIRST, at=(0.0,), mean=(0.6,), low=(0.58,), high=(0.62,))
    assert "Link worker" in words(courses("short", "EQ-5D value", [short, SECOND], TICKS))


def test_an_arm_that_may_not_be_shown_is_left_out() -> None:
    nothing = Series("Link worker", (), (), (), ())
    found = words(courses("one", "EQ-5D value", [nothing, SECOND], TICKS))
    assert "Link worker" not in found
    assert "Usual care" in found


# ---------------------------------------------------------------------------- shifts

LINE = Series(
    "Link worker offered", (-0.1, -0.05, 0.0, 0.05, 0.1), (-0.03, -0.02, -0.01, 0.0, 0.01), (-0.1,) * 5, (0.1,) * 5
)
OTHER = replace(LINE, label="Usual care", mean=(0.01, 0.0, -0.01, -0.02, -0.03))


@pytest.fixture(scope="module")
def shifted() -> str:
    return shifts("tipping", ("Shift of imputed scores", "Difference between the arms"), [LINE, OTHER])


def test_a_shift_has_both_axes_and_both_arms_in_words(shifted: str) -> None:
    said = words(shifted)
    for part in ("Shift of imputed scores", "Difference between the arms", "Usual care", "0.10"):
        assert part in said


def test_lines_of_shifts_differ_without_colour_and_no_difference_is_marked(shifted: str) -> None:
    assert shifted.count("stroke-dasharray") >= 2


def test_one_arm_alone_may_be_drawn() -> None:
    alone = words(shifts("tipping", ("Shift", "Difference"), [LINE]))
    assert "Usual care" not in alone
    assert "Link worker" in alone


def test_a_long_name_of_the_axis_takes_two_lines() -> None:
    long = "Shift of imputed scores (EQ-5D-5L value (uk-2026-rowen))"
    svg = shifts("tipping", (long, "Difference"), [LINE, OTHER])
    texts = ["".join(text.itertext()) for text in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]
    assert long not in texts
    assert all(word in " ".join(texts) for word in long.split())


def test_shifts_load_nothing_and_are_the_same_each_time(shifted: str) -> None:
    assert shifts("tipping", ("Shift of imputed scores", "Difference between the arms"), [LINE, OTHER]) == shifted
    assert "url(http" not in shifted
    assert "<metadata" not in shifted
