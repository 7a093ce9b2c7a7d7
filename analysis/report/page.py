"""A report as one HTML page that needs nothing else: style and figures inside, no scripts, nothing fetched."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape
from importlib import resources
from typing import Any

from ..disclosure import ReleasedCell, ReleasedTable
from .contents import Contents, Drawing, Section
from .words import minus

ANSWER = "summary"
BEFORE_A_NUMBER = re.compile(r"(?<![\w\[-])-(?=\d)")  # [-28, 28] is to be written so in a plan


def page(contents: Contents, provenance: Mapping[str, Any]) -> str:
    """The whole page: the answer first where there is one, so that it is on the first screen of a phone."""
    style = resources.files(__package__).joinpath("report.css").read_text(encoding="utf-8")
    links = "".join(f'<li><a href="#{s.id}">{escape(s.title)}</a></li>' for s in contents.sections)
    nav = f'<nav aria-label="Contents"><ul>{links}<li><a href="#made">How this was made</a></li></ul></nav>\n'
    first, *others = (_section(section) for section in contents.sections)
    start = f"<main>\n{first}\n{nav}" if contents.sections[0].id == ANSWER else f"{nav}<main>\n{first}\n"
    body = "\n".join([*others, _made(provenance)])
    return (
        '<!doctype html>\n<html lang="en-GB">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(contents.title)}: {contents.kind.lower()}</title>\n<style>\n{style}</style>\n</head>\n<body>\n"
        f'<header><p class="kind">{contents.kind} report</p><h1>{escape(contents.title)}</h1></header>\n'
        f"{start}{body}\n</main>\n</body>\n</html>\n"
    )


def _section(section: Section) -> str:
    blocks = "\n".join(_block(block) for block in section.blocks)
    return f'<section id="{escape(section.id)}">\n<h2>{escape(section.title)}</h2>\n{blocks}\n</section>'


def _block(block: str | tuple[str, ...] | ReleasedTable | Drawing) -> str:
    if isinstance(block, ReleasedTable):
        return _table(block)
    if isinstance(block, Drawing):
        return _figure(block)
    if isinstance(block, str):
        return f"<p>{_words(block)}</p>"
    return "<ul>" + "".join(f"<li>{_words(line)}</li>" for line in block) + "</ul>"


def _words(text: str) -> str:
    """Text with true minus signs before its numbers, and hyphens everywhere else."""
    return escape(BEFORE_A_NUMBER.sub("\N{MINUS SIGN}", text))


def _table(table: ReleasedTable) -> str:
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in (table.stub, *table.columns))
    if not table.stub:
        head = head.replace('<th scope="col"></th>', "<td></td>", 1)
    rows = "\n".join(
        f'<tr{_group(cells)}><th scope="row">{escape(label)}</th>{"".join(_cell(cell) for cell in cells)}</tr>'
        for label, cells in table.rows
    )
    name = escape(f"table-{table.name}")
    notes = "".join(f'<p class="note">{escape(note)}</p>' for note in table.notes)
    return (
        f'<h3 id="{name}">{escape(table.title)}</h3>\n'
        f'<div class="table" role="region" tabindex="0" aria-labelledby="{name}"><table aria-labelledby="{name}">\n'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody></table></div>"
        f"{notes}"
    )


def _group(cells: tuple[ReleasedCell, ...]) -> str:
    """The class of a row that only heads those below it."""
    return "" if any(cell.text for cell in cells) else ' class="group"'


def _cell(cell: ReleasedCell) -> str:
    kind = ' class="number"' if cell.values or not cell.text else ""
    return f"<td{kind}>{escape(minus(cell.text) if cell.values else cell.text)}</td>"


def _figure(drawing: Drawing) -> str:
    svg = drawing.svg.replace("<svg", f'<svg role="img" aria-label="{_words(drawing.alt)}"', 1)
    return f"<figure>{svg}<figcaption>{escape(drawing.title)}</figcaption></figure>"


def _made(provenance: Mapping[str, Any]) -> str:
    facts = "".join(f"<dt>{escape(name)}</dt><dd>{_value(value)}</dd>" for name, value in provenance.items())
    return f'<section id="made">\n<h2>How this was made</h2>\n<dl>{facts}</dl>\n</section>'


def _value(value: object) -> str:
    if isinstance(value, Mapping):
        return "<br>".join(f"{escape(str(name))}: <code>{escape(str(entry))}</code>" for name, entry in value.items())
    return f"<code>{escape(str(value))}</code>"
