"""The codebook page: a stranger with the bundle alone can read every column, code, timepoint, item and scale."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instruments import codebook, get, plan
from instruments.dataset import TABLES
from tests.unit.instruments.test_plan import SHORT

WITH_MORE = SHORT.replace(
    "outcomes = [",
    'capture = { instruments = ["ons4", "phq9"] }\n'
    'measures = [{ id = "bdi", label = "Beck", minimum = 0, maximum = 63, better = "lower" }]\n'
    'outcomes = [{ id = "eq", instrument = "eq5d-5l", scale = "value" }, ',
)


class Reading(HTMLParser):
    """The page as a reader meets it: tables by caption, headings, and whether every element was closed."""

    VOID = ("meta",)

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.headings: list[str] = []
        self.tables: dict[str, list[list[str]]] = {}
        self.sources: list[str] = []
        self.ids: list[str] = []
        self._caption = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.sources += [str(given[name]) for name in ("src", "href") if name in given]
        self.ids += [str(given["id"])] if "id" in given else []
        if tag not in self.VOID:
            self.open.append(tag)
        if tag in ("h1", "h2", "h3"):
            self.headings.append("")
        if tag == "caption":
            self._caption = ""
        if tag == "tr":
            self.tables.setdefault(self._caption, []).append([])
        if tag in ("td", "th"):
            self.tables[self._caption][-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes nothing"

    def handle_data(self, text: str) -> None:
        if "caption" in self.open:
            self._caption += text
        elif {"td", "th"} & set(self.open):
            self.tables[self._caption][-1][-1] += text
        elif {"h1", "h2", "h3"} & set(self.open):
            self.headings[-1] += text


def read(text: str = WITH_MORE) -> Reading:
    return Reading(codebook.page(plan.parse(text)))


def test_the_page_is_whole_and_fetches_nothing():
    page = read()
    assert page.open == []
    assert page.sources == []
    assert len(set(page.ids)) == len(page.ids) == len(TABLES)


@pytest.mark.parametrize("name", TABLES)
def test_every_column_stands_in_its_table_in_order_with_type_and_meaning(name: str):
    head, *rows = read().tables[TABLES[name].title]
    assert head == ["Column", "Meaning", "Type", "Values"]
    assert [row[:3] for row in rows] == [[column.name, column.label, column.type] for column in TABLES[name].columns]


@pytest.mark.parametrize("name", TABLES)
def test_every_code_range_and_unit_of_a_column_is_told(name: str):
    values = {row[0]: row[3] for row in read().tables[TABLES[name].title][1:]}
    for column in TABLES[name].columns:
        said = values[column.name]
        assert said.startswith("required" if column.required else "may be empty")
        for code, label in column.codes.items():
            assert f"{code} = {label}" in said
        for bound, word in ((column.minimum, "from"), (column.maximum, "up to")):
            assert (f"{word} {bound:g}" in said) if bound is not None else (f"{word} " not in said.split("=")[0])
        if column.unit:
            assert column.unit in said


def test_timepoints_are_told_with_their_days_and_windows():
    table = next(rows for caption, rows in read().tables.items() if caption.startswith("Days after entry"))
    assert table[1:] == [["baseline", "baseline", "0", "-28 to 28"], ["12m", "12m", "365", "337 to 393"]]


def test_each_instrument_is_told_once_whether_captured_or_compared():
    parsed = plan.parse(WITH_MORE)
    assert [each.id for each in codebook.instruments_of(parsed)] == ["ons4", "phq9", "eq5d-5l"]
    titles = [heading for heading in read().headings if "version" in heading]
    assert len(titles) == 3


@pytest.mark.parametrize("id", ["ons4", "phq9", "eq5d-5l"])
def test_every_item_and_scale_of_an_instrument_is_told_and_its_owner_named(id: str):
    instrument = get(id)
    page = codebook.page(plan.parse(WITH_MORE))
    reading = Reading(page)
    items = [row[0] for caption, rows in reading.tables.items() if caption == "Items" for row in rows]
    scales = {row[0]: row for caption, rows in reading.tables.items() if caption == "Scales" for row in rows}
    assert {item.id for item in instrument.items} <= set(items)
    for scale in instrument.scales:
        assert scales[scale.id][2] == f"{scale.minimum:g} to {scale.maximum:g}"
        assert scales[scale.id][3] == f"{scale.better} is better"
    assert instrument.licence.notice.split("&")[0][:30] in page


def test_a_measure_of_the_plans_own_is_told_with_its_range_and_direction():
    rows = read().tables["Measures declared by the plan"]
    assert rows[1:] == [["bdi", "total", "Beck", "0 to 63", "lower is better"]]
    assert "Measures declared by the plan" not in read(SHORT).tables


def test_the_plans_hash_and_the_meaning_of_an_empty_cell_are_told():
    page = codebook.page(plan.parse(SHORT))
    assert plan.parse(SHORT).sha256 in page
    assert "An empty cell is missing" in page
    assert "apostrophe" in page


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=30).filter(str.strip))
def test_no_title_breaks_the_page_or_adds_to_it(title: str):
    quoted = title.replace("\\", "\\\\").replace('"', '\\"')
    hostile = SHORT.replace("A study", quoted)
    page = Reading(codebook.page(plan.parse(hostile)))
    assert page.open == []
    assert page.sources == []
    assert page.headings[0] == f"Codebook: {title}"


@pytest.mark.parametrize(
    "title", ["<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "</h1><a href=x>", "&lt;b&gt;", "'\\\"<>&"]
)
def test_markup_in_a_title_is_shown_as_it_was_typed(title: str):
    page = Reading(codebook.page(plan.parse(SHORT.replace("A study", title))))
    assert page.headings[0] == f"Codebook: {title.replace(chr(92) + chr(34), chr(34))}"
    assert page.sources == []
    assert page.open == []
