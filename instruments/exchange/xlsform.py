"""XLSForm: an instrument as a workbook for ODK, KoboToolbox and their like."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from xml.sax.saxutils import escape, quoteattr

from ..definition import Instrument, Item
from . import ends, labels, preamble, words

Row = tuple[str, ...]

SURVEY = ("type", "name", "label", "hint", "constraint", "constraint_message", "relevant")
CHOICES = ("list_name", "name", "label")
SETTINGS = ("form_title", "form_id", "version")

_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_PACKAGE = "http://schemas.openxmlformats.org/package/2006/"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_KIND = "application/vnd.openxmlformats-officedocument.spreadsheetml."


def workbook(instrument: Instrument) -> bytes:
    """An XLSForm as the bytes of an .xlsx file: the sheets survey, choices and settings.

    Questions carry their item ids and answers their codes, so that what comes back can be scored here.
    """
    title = f"{instrument.title}"
    return _xlsx(
        {
            "survey": [SURVEY, *_survey(instrument)],
            "choices": [CHOICES, *_choices(instrument)],
            "settings": [SETTINGS, (title, _name(instrument.id), instrument.version)],
        }
    )


def _survey(instrument: Instrument) -> Iterator[Row]:
    if said := preamble(instrument):
        yield ("note", "preamble", said, "", "", "", "")
    for item in instrument.items:
        relevant = f"${{{item.asked_if.item}}} >= {item.asked_if.at_least}" if item.asked_if else ""
        if item.kind == "choice":
            yield (f"select_one {_list(item)}", item.id, words(item), "", "", "", relevant)
        else:
            allowed = f". >= {item.minimum} and . <= {item.maximum}"
            message = f"Enter a whole number from {item.allowed}"
            yield ("integer", item.id, words(item), ends(item), allowed, message, relevant)


def _choices(instrument: Instrument) -> Iterator[Row]:
    lists = {_list(item): labels(item) for item in instrument.items if item.kind == "choice"}
    for name, options in lists.items():
        for code, label in options.items():
            yield (name, str(code), label)


def _list(item: Item) -> str:
    return _name(item.options[0].coding or item.id)


def _name(id: str) -> str:
    name = re.sub("[^a-z0-9]+", "_", id)
    return name if name[0].isalpha() else f"list_{name}"


# ---------------------------------------------------------------- the least that is an .xlsx file


def _xlsx(sheets: Mapping[str, Sequence[Row]]) -> bytes:
    numbers = range(1, len(sheets) + 1)
    listed = "".join(
        f'<sheet name={quoteattr(name)} sheetId="{n}" r:id="rId{n}"/>' for n, name in zip(numbers, sheets, strict=True)
    )
    parts = {
        "[Content_Types].xml": _types(numbers),
        "_rels/.rels": _relations({1: ("officeDocument", "xl/workbook.xml")}),
        "xl/workbook.xml": f'{_XML}<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>{listed}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": _relations({n: ("worksheet", f"worksheets/sheet{n}.xml") for n in numbers}),
    }
    parts |= {f"xl/worksheets/sheet{n}.xml": _sheet(rows) for n, rows in zip(numbers, sheets.values(), strict=True)}
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        for name, text in parts.items():
            # One fixed moment: the same instrument is the same file, byte for byte.
            file.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), text)
    return out.getvalue()


def _types(numbers: Sequence[int]) -> str:
    override = '<Override PartName="/xl/{}" ContentType="{}"/>'
    sheets = "".join(override.format(f"worksheets/sheet{n}.xml", f"{_KIND}worksheet+xml") for n in numbers)
    book = override.format("workbook.xml", f"{_KIND}sheet.main+xml")
    relations = '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    xml = '<Default Extension="xml" ContentType="application/xml"/>'
    return f'{_XML}<Types xmlns="{_PACKAGE}content-types">{relations}{xml}{book}{sheets}</Types>'


def _relations(targets: Mapping[int, tuple[str, str]]) -> str:
    listed = "".join(
        f'<Relationship Id="rId{n}" Type="{_OFFICE}/{kind}" Target="{target}"/>'
        for n, (kind, target) in targets.items()
    )
    return f'{_XML}<Relationships xmlns="{_PACKAGE}relationships">{listed}</Relationships>'


def _sheet(rows: Sequence[Row]) -> str:
    cells = "".join(f"<row>{''.join(map(_cell, row))}</row>" for row in rows)
    return f'{_XML}<worksheet xmlns="{_MAIN}"><sheetData>{cells}</sheetData></worksheet>'


def _cell(text: str) -> str:
    return f'<c t="inlineStr"><is><t xml:space="preserve">{escape(text)}</t></is></c>'
