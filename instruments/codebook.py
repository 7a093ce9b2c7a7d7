"""The codebook page of a bundle: every table, column, code, instrument and scale in one readable page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from . import get, library
from .dataset import CONTRACT_VERSION, TABLES, Column, Table
from .definition import Instrument
from .plan import Plan

_STYLE = """
body{font:1rem/1.5 system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem;color:#212b32}
table{border-collapse:collapse;width:100%;margin:0 0 2rem;display:block;overflow-x:auto}
th,td{text-align:left;vertical-align:top;padding:.4rem .75rem .4rem 0;border-bottom:1px solid #d8dde0}
caption{text-align:left;font-weight:600;padding:.5rem 0}
code{font:0.95em ui-monospace,monospace}
"""


def page(plan: Plan) -> str:
    """The whole page for one plan, self-contained HTML."""
    parts = [
        f"<h1>Codebook: {escape(plan.title)}</h1>",
        f"<p>Dataset contract {CONTRACT_VERSION}. Study <code>{escape(plan.id)}</code>, plan SHA-256 "
        f"<code>{plan.sha256}</code>. An empty cell is missing; where the reason is known, it stands in the row's "
        "own reason column. Dates are ISO 8601. A text that begins with = + - @ or an apostrophe carries one "
        "apostrophe in front, so that no spreadsheet runs it.</p>",
        "<h2>Tables</h2>",
        *(_table(table) for table in TABLES.values()),
        "<h2>Timepoints</h2>",
        _grid(
            "Days after entry; an assessment inside the window belongs to the timepoint",
            ("Timepoint", "Label", "Day", "Window"),
            [(t.id, t.label, str(t.day), f"{t.day + t.opens} to {t.day + t.closes}") for t in plan.timepoints],
        ),
        "<h2>Instruments</h2>",
        *(_instrument(instrument) for instrument in instruments_of(plan)),
        *_measures(plan),
    ]
    body = "\n".join(parts)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Codebook: {escape(plan.title)}</title><style>{_STYLE}</style></head>\n"
        f"<body>\n<main>\n{body}\n</main>\n</body></html>\n"
    )


def instruments_of(plan: Plan) -> tuple[Instrument, ...]:
    """The library's instruments that the plan names, each once and in order."""
    shipped = {instrument.id for instrument in library()}
    named = [*plan.instruments, *(outcome.instrument for outcome in plan.outcomes if outcome.instrument)]
    return tuple(get(id) for id in dict.fromkeys(named) if id in shipped)


def _grid(caption: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    top = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in head)
    lines = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>\n" for row in rows)
    return f"<table><caption>{escape(caption)}</caption><thead><tr>{top}</tr></thead>\n<tbody>{lines}</tbody></table>"


def _table(table: Table) -> str:
    rows = [(column.name, column.label, column.type, _values(column)) for column in table.columns]
    return f'<h3 id="{table.name}"><code>{table.name}.csv</code></h3>' + _grid(
        table.title, ("Column", "Meaning", "Type", "Values"), rows
    )


def _values(column: Column) -> str:
    parts = ["required" if column.required else "may be empty"]
    if column.unit:
        parts.append(column.unit)
    if column.minimum is not None or column.maximum is not None:
        low = "" if column.minimum is None else f"from {column.minimum:g}"
        high = "" if column.maximum is None else f"up to {column.maximum:g}"
        parts.append(f"{low} {high}".strip())
    parts += [f"{code} = {label}" for code, label in column.codes.items()]
    return "; ".join(parts)


def _instrument(instrument: Instrument) -> str:
    heading = (
        f"<h3>{escape(instrument.title)} (<code>{instrument.id}</code>, version {escape(instrument.version)})</h3>"
    )
    items = [(item.id, item.text or item.slot or "", item.allowed) for item in instrument.items]
    scales = [
        (scale.id, scale.label, f"{scale.minimum:g} to {scale.maximum:g}", f"{scale.better} is better")
        for scale in instrument.scales
    ]
    return "\n".join(
        (
            heading,
            f"<p>{escape(instrument.citation)} {escape(instrument.licence.notice)}</p>",
            _grid("Items", ("Item", "Text or slot", "Answers"), items),
            _grid("Scales", ("Scale", "Meaning", "Range", "Direction"), scales),
        )
    )


def _measures(plan: Plan) -> list[str]:
    if not plan.measures:
        return []
    rows = [(m.id, m.scale, m.label, f"{m.minimum:g} to {m.maximum:g}", f"{m.better} is better") for m in plan.measures]
    return [_grid("Measures declared by the plan", ("Measure", "Scale", "Meaning", "Range", "Direction"), rows)]
