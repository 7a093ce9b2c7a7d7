"""The report's HTML, piece by piece: what a browser, a screen reader and a printer get."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from analysis.disclosure import Gate, ReleasedCell, ReleasedTable
from analysis.report.contents import Contents, Drawing, Section
from analysis.report.page import page

NUMBER = ReleasedCell("-0.5 (10)", {"mean": -0.5})
WORDS = ReleasedCell("non-random", {})
TABLE = ReleasedTable(
    name="ages",
    title="Ages & arms",
    columns=("Link worker", "Usual care"),
    rows=(("Age, years", (NUMBER, WORDS)), ("Held back", (ReleasedCell("<10", {"count": "<10"}), WORDS))),
    notes=("A note with <tags>.",),
    stub="What",
)
DRAWING = Drawing("course", "A course", 'It says "up"', '<svg viewBox="0 0 1 1"><text>words</text></svg>')
PROVENANCE = {"Command": "analysis compare a b c", "Versions": {"python": "3.11", "numpy": "2.4"}}


def made(*blocks: object, title: str = "Study") -> str:
    section = Section("one", "First part", blocks)  # type: ignore[arg-type]
    return page(Contents(title, "Headline.", (section,), Gate({}, 10)), PROVENANCE)


class WellFormed(HTMLParser):
    """Fails where an element is closed that is not open."""

    EMPTY = frozenset({"meta", "br", "link", "img", "input"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag, f"</{tag}> closes another element"


@pytest.mark.parametrize(
    "blocks", [(), ("words",), (("one", "two"),), (TABLE,), (DRAWING,), ("a", ("b",), TABLE, DRAWING)]
)
def test_every_element_that_is_opened_is_closed(blocks: tuple[object, ...]) -> None:
    parser = WellFormed()
    parser.feed(made(*blocks))
    assert parser.open == []


def test_it_is_a_whole_page_in_british_english_that_fits_its_screen() -> None:
    text = made()
    assert text.startswith('<!doctype html>\n<html lang="en-GB">')
    assert '<meta charset="utf-8">' in text
    assert '<meta name="viewport" content="width=device-width, initial-scale=1">' in text
    assert "<title>Study: comparison</title>" in text


def test_a_description_is_not_called_a_comparison() -> None:
    text = page(Contents("Study", "Headline.", (Section("one", "First part", ()),), Gate({}, 10), "Description"), {})
    assert "<title>Study: description</title>" in text
    assert '<p class="kind">Description report</p><h1>Study</h1>' in text
    assert "omparison" not in re.sub(r"<style>.*</style>", "", text, flags=re.DOTALL)


@pytest.mark.parametrize("ids", [("summary", "design"), ("summary",)])
def test_the_answer_stands_before_the_contents_so_that_a_phone_shows_it_first(ids: tuple[str, ...]) -> None:
    sections = tuple(Section(id, id.title(), ("words",)) for id in ids)
    text = page(Contents("Study", "Headline.", sections, Gate({}, 10)), PROVENANCE)
    order = re.findall(r'<(section id="\w+"|nav|main)', text)
    expected = [f'section id="{id}"' for id in (*ids, "made")]
    assert order == ["main", expected[0], "nav", *expected[1:]]
    assert re.findall(r'<li><a href="#(.*?)">', text) == [*ids, "made"]


def test_without_an_answer_the_contents_come_first() -> None:
    assert re.findall(r"<(section|nav|main)", made("words")) == ["nav", "main", "section", "section"]


def test_it_has_one_first_heading_and_a_second_for_every_part() -> None:
    text = made("words")
    assert re.findall(r"<h1>(.*?)</h1>", text) == ["Study"]
    assert re.findall(r"<h2>(.*?)</h2>", text) == ["First part", "How this was made"]


def test_its_style_is_inside() -> None:
    style = re.search(r"<style>(.*?)</style>", made(), flags=re.DOTALL)
    assert style
    assert "@media print" in style[1]
    assert "url(" not in style[1]


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", "a & b", '"quoted"', "<b>"])
def test_words_are_words_wherever_they_stand(text: str) -> None:
    table = replace(TABLE, title=text, columns=(text, text), stub=text, notes=(text,), rows=((text, (WORDS, WORDS)),))
    whole = made(text, (text,), table, title=text)
    assert text not in whole.replace('lang="en-GB"', "") or text == "a & b"
    assert "<script" not in whole
    assert "<b>" not in whole


def test_a_list_of_sentences_is_a_list() -> None:
    assert "<ul><li>one</li><li>two</li></ul>" in made(("one", "two"))


# ---------------------------------------------------------------------------- tables


def test_a_table_names_its_rows_and_columns_for_a_screen_reader() -> None:
    text = made(TABLE)
    assert re.findall(r'<th scope="col">(.*?)</th>', text) == ["What", "Link worker", "Usual care"]
    assert re.findall(r'<th scope="row">(.*?)</th>', text) == ["Age, years", "Held back"]


def test_a_table_without_a_word_over_its_rows_has_no_empty_heading() -> None:
    text = made(replace(TABLE, stub=""))
    assert '<th scope="col"></th>' not in text
    assert "<thead><tr><td></td>" in text


def test_a_table_s_title_labels_it_and_the_box_in_which_it_scrolls() -> None:
    text = made(TABLE)
    assert '<h3 id="table-ages">Ages &amp; arms</h3>' in text
    assert text.count('aria-labelledby="table-ages"') == 2
    assert '<div class="table" role="region" tabindex="0"' in text


def test_minus_signs_are_true_ones_in_numbers_and_hyphens_stay_in_words() -> None:
    text = made(TABLE)
    assert "−0.5 (10)" in text
    assert "non-random" in text


def test_numbers_do_not_break_over_lines_and_words_may() -> None:
    text = made(TABLE)
    assert '<td class="number">−0.5 (10)</td>' in text
    assert "<td>non-random</td>" in text


def test_what_is_held_back_is_shown_as_such() -> None:
    assert '<td class="number">&lt;10</td>' in made(TABLE)


def test_notes_stand_below_their_table() -> None:
    text = made(TABLE)
    assert text.index("</table>") < text.index('<p class="note">A note with &lt;tags&gt;.</p>')


# ---------------------------------------------------------------------------- figures and the rest


def test_a_figure_is_inside_with_its_words() -> None:
    text = made(DRAWING)
    assert '<svg role="img" aria-label="It says &quot;up&quot;" viewBox="0 0 1 1">' in text
    assert "<figcaption>A course</figcaption>" in text


def test_the_words_of_a_figure_have_true_minus_signs_and_keep_their_hyphens() -> None:
    said = "Difference-in-differences -0.25; from -1 to 0.5; GAD-7 2020-21"
    assert 'aria-label="Difference-in-differences −0.25; from −1 to 0.5; GAD-7 2020-21"' in made(
        replace(DRAWING, alt=said)
    )


@pytest.mark.parametrize("form", [str, lambda text: (text,)])
def test_sentences_have_true_minus_signs_too_and_what_goes_into_a_plan_has_not(form: Callable[[str], object]) -> None:
    said = "ANCOVA (-0.90) is uk-2026 in GAD-7, from -1.25 on; write window = [-28, 28] and days = [-1]"
    assert "ANCOVA (−0.90) is uk-2026 in GAD-7, from −1.25 on; write window = [-28, 28] and days = [-1]<" in made(
        form(said)
    )


def test_the_contents_lead_to_every_part() -> None:
    text = made("words")
    assert re.findall(r'<li><a href="#(.*?)">(.*?)</a></li>', text) == [
        ("one", "First part"),
        ("made", "How this was made"),
    ]
    assert '<section id="one">' in text
    assert '<section id="made">' in text


def test_how_it_was_made_lists_facts_and_facts_within_them() -> None:
    text = made()
    assert "<dt>Command</dt><dd><code>analysis compare a b c</code></dd>" in text
    assert "<dt>Versions</dt><dd>python: <code>3.11</code><br>numpy: <code>2.4</code></dd>" in text
