"""The whole report for a referee: subgroups, families, sheets, harms and flow, on the page, on paper and as files."""

from __future__ import annotations

import csv
import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from analysis import compare, load, write
from tests.unit.analysis import study
from tests.unit.analysis.test_harm_properties import with_answers

from .conftest import Ran

MORE = """
[[subgroups]]
name = "sex"

[[subgroups]]
name = "age"
label = "age at entry"
cut = [50, 70]

[intervention]
name = "A link worker at the practice"
why = "Loneliness & debt <make> ill"

[harms]
sought = "Link workers ask at every contact."
"""
SMALLEST_LETTERS = 9  # CSS pixels, on a phone


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One report of a study in which people were lost and answers raised alerts; made once and only read."""
    folder = tmp_path_factory.mktemp("referee")
    write(compare(load.read(study.write(folder / "bundle", with_answers(3), study.PLAN + MORE))), folder / "out")
    return folder / "out"


@pytest.fixture(scope="module")
def page(out: Path) -> str:
    return (out / "report.html").read_text(encoding="utf-8")


def section(page: str, id: str) -> str:
    """The HTML of one section."""
    start = page.index(f'<section id="{id}">')
    return page[start : page.index("</section>", start)]


def table(out: Path, name: str) -> list[dict[str, str]]:
    with (out / "tables" / f"{name}.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


# ---------------------------------------------------------------------------- on the page


def test_the_parts_for_a_referee_stand_in_their_order(page: str) -> None:
    ids = re.findall(r'<section id="([\w-]+)">', page)
    wanted = ["people", "delivery", "primary", "others", "subgroups", "missing", "harms", "bias", "deviations", "made"]
    assert [id for id in ids if id in wanted] == wanted


def test_every_section_can_be_reached_from_the_contents(page: str) -> None:
    links = re.findall(r'href="#([^"]+)"', page[page.index("<nav") : page.index("</nav>")])
    assert {"subgroups", "harms", "bias"} <= set(links)


def test_the_plan_s_words_are_shown_as_words(page: str) -> None:
    assert "Loneliness &amp; debt &lt;make&gt; ill" in section(page, "delivery")
    assert "as the plan says: Link workers ask at every contact." in section(page, "harms")


def test_the_judgement_s_column_is_empty_on_the_page(page: str) -> None:
    body = section(page, "bias")
    rows = re.findall(r"<tr[^>]*>(.*?)</tr>", body[body.index("<tbody>") :])
    assert len(rows) > 20
    assert all(row.endswith('<td class="number"></td>') for row in rows)


def test_domains_head_the_facts_below_them(page: str) -> None:
    heads = re.findall(r'<tr class="group"><th scope="row">([^<]+)</th>', section(page, "bias"))
    assert [head[:2] for head in heads] == [f"{number}." for number in range(1, 8)]


def test_a_subgroup_has_the_plan_s_label(page: str) -> None:
    assert "Age at entry: 50 to below 70" in section(page, "subgroups")


def test_alerts_are_among_the_harms(page: str) -> None:
    assert "answered 1 or more at baseline" in section(page, "harms")
    assert "answered 1 or more after baseline" in section(page, "harms")


# ---------------------------------------------------------------------------- as files


@pytest.mark.parametrize(
    "name", ["flow", "subgroups", "subgroup-tests", "intervention", "harms", "risk-of-bias", "others"]
)
def test_every_table_is_a_file_too(name: str, out: Path) -> None:
    lines = table(out, name)
    assert lines
    assert list(lines[0]) == ["row", "column", "statistic", "value"]


@pytest.mark.parametrize("name", ["flow", "subgroups"])
def test_every_figure_is_a_file_too(name: str, out: Path, page: str) -> None:
    svg = (out / "figures" / f"{name}.svg").read_text(encoding="utf-8")
    assert ET.fromstring(svg).tag == "{http://www.w3.org/2000/svg}svg"
    assert svg.split(">", 1)[1].strip() in page


def test_no_file_holds_a_small_count(out: Path) -> None:
    for path in (out / "tables").glob("*.csv"):
        for line in table(out, path.stem):
            if line["statistic"] == "count" and line["value"].isdigit():
                assert int(line["value"]) == 0 or int(line["value"]) >= 10, (path.name, line)


def test_the_estimates_of_the_plan_hold_no_subgroup(out: Path) -> None:
    rows = json.loads((out / "estimates.json").read_text(encoding="utf-8"))
    assert not [row for row in rows if "Female" in row["term"] or "below" in row["term"]]
    assert {row["outcome"] for row in rows if row["p_adjusted"] is not None} == {"phq9-6m", "gp"}


def test_the_same_study_makes_the_same_files(out: Path, tmp_path: Path) -> None:
    write(compare(load.read(study.write(tmp_path / "bundle", with_answers(3), study.PLAN + MORE))), tmp_path / "out")
    for name in ("flow", "subgroups"):
        parts = ("figures", f"{name}.svg")
        assert (tmp_path / "out").joinpath(*parts).read_bytes() == out.joinpath(*parts).read_bytes()
    for path in (out / "tables").glob("*.csv"):
        assert (tmp_path / "out" / "tables" / path.name).read_bytes() == path.read_bytes()


# ---------------------------------------------------------------------------- on a screen and on paper


@pytest.fixture
def view(out: Path, chromium: Browser) -> Page:
    opened = chromium.new_page(viewport={"width": 390, "height": 900})
    opened.goto((out / "report.html").as_uri())
    yield opened  # type: ignore[misc]
    opened.close()


LETTERS = """id => {
  const svg = document.querySelector(id + ' figure svg'), box = svg.viewBox.baseVal
  const scale = svg.getBoundingClientRect().width / box.width
  return [...svg.querySelectorAll('text')].map(text => parseFloat(getComputedStyle(text).fontSize) * scale)
}"""


@pytest.mark.parametrize("id", ["#people", "#subgroups"])
def test_letters_of_a_figure_can_be_read_on_a_phone(id: str, view: Page) -> None:
    sizes = view.evaluate(LETTERS, id)
    assert sizes
    assert min(sizes) >= SMALLEST_LETTERS


OUTSIDE = """() => {
  const svg = document.querySelector('#people figure svg'), boxes = [...svg.querySelectorAll('rect')]
  const inside = (text, box) => text.left >= box.left && text.right <= box.right
    && text.top >= box.top - 1 && text.bottom <= box.bottom + 1
  return [...svg.querySelectorAll('text')]
    .filter(text => !boxes.some(box => inside(text.getBoundingClientRect(), box.getBoundingClientRect())))
    .map(text => text.textContent)
}"""


def test_every_word_of_the_flow_stands_in_its_box(view: Page) -> None:
    assert view.evaluate(OUTSIDE) == []


def test_the_flow_fits_one_page_of_paper(view: Page) -> None:
    view.emulate_media(media="print")
    height = view.evaluate("document.querySelector('#people figure svg').getBoundingClientRect().height")
    assert 0 < height <= 235 / 25.4 * 96 + 1


def test_figures_say_what_they_show(view: Page) -> None:
    labels = view.evaluate("[...document.querySelectorAll('figure svg')].map(svg => svg.getAttribute('aria-label'))")
    assert any(label.startswith("Flow diagram with a column for each arm.") for label in labels)
    assert any(label.startswith("Forest plot of the difference between the arms by subgroup") for label in labels)
    assert all(len(label) > 40 for label in labels)


# ---------------------------------------------------------------------------- by the command


def test_a_trial_of_people_has_the_other_sheet(tmp_path: Path, run: Callable[..., Ran]) -> None:
    rows = study.tables()
    rows["allocations"] = [
        {
            "arm": study.SITES[person["site"]],
            "person": person["person"],
            "from_on": person["entered_on"],
            "method": "randomised",
        }
        for person in rows["people"]
    ]
    plan = study.PLAN.replace("controlled-before-after", "individually-randomised") + '[[subgroups]]\nname = "sex"\n'
    study.write(tmp_path / "bundle", rows, plan)
    assert run("compare", tmp_path / "bundle", tmp_path / "bundle" / "plan.toml", tmp_path / "out").code == 0
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "1. Randomisation process" in section(page, "bias")
    assert "By their own allocation at entry" in section(page, "bias").replace("&#x27;", "'")
    (df,) = [line["value"] for line in table(tmp_path / "out", "subgroup-tests") if line["statistic"] == "denominator"]
    assert float(df) > 100  # people are the units


def test_a_plan_that_cannot_be_is_refused_by_the_command(tmp_path: Path, run: Callable[..., Ran]) -> None:
    study.write(tmp_path / "bundle")
    (tmp_path / "plan.toml").write_text(study.PLAN + '[[subgroups]]\nname = "age"\n', encoding="utf-8")
    ran = run("compare", tmp_path / "bundle", tmp_path / "plan.toml", tmp_path / "out")
    assert ran.code == 2
    assert "plan.subgroups[0].cut: needs the numbers at which the levels begin" in ran.err
    assert not (tmp_path / "out").exists()
