"""REDCap: an instrument as a data dictionary to upload, one row a question."""

from __future__ import annotations

import csv
import io
import re

from ..definition import Instrument, Item
from . import ends, labels, preamble, words

COLUMNS = (
    "Variable / Field Name", "Form Name", "Section Header", "Field Type", "Field Label",
    "Choices, Calculations, OR Slider Labels", "Field Note", "Text Validation Type OR Show Slider Number",
    "Text Validation Min", "Text Validation Max", "Identifier?", "Branching Logic (Show field only if...)",
    "Required Field?", "Custom Alignment", "Question Number (surveys only)", "Matrix Group Name", "Matrix Ranking?",
    "Field Annotation",
)  # fmt: skip


def dictionary(instrument: Instrument) -> str:
    """A REDCap data dictionary as CSV text: the 18 columns, fields named `<instrument>_<item>`.

    Answers keep their codes, so that what REDCap exports can be scored here. A bar in a label, which would begin
    another choice there, becomes a slash.
    """
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    for position, item in enumerate(instrument.items):
        header = {} if position else {"Section Header": preamble(instrument) or instrument.title}
        writer.writerow(header | _row(instrument, item))
    return out.getvalue()


def field_name(instrument: Instrument, item: str) -> str:
    """The name of an item's field: small letters, digits and underscores, unique in a project of many instruments."""
    return re.sub(r"[^a-z0-9]+", "_", f"{instrument.id}_{item}")


def _row(instrument: Instrument, item: Item) -> dict[str, str]:
    row = {
        "Variable / Field Name": field_name(instrument, item.id),
        "Form Name": re.sub("[^a-z0-9]+", "_", instrument.id),
        "Field Label": words(item),
    }
    if item.asked_if:
        earlier = field_name(instrument, item.asked_if.item)
        row["Branching Logic (Show field only if...)"] = f"[{earlier}] >= {item.asked_if.at_least}"
    if item.kind == "choice":
        choices = " | ".join(f"{code}, {_plain(label)}" for code, label in labels(item).items())
        return row | {"Field Type": "radio", "Choices, Calculations, OR Slider Labels": choices}
    return row | {
        "Field Type": "text",
        "Field Note": ends(item),
        "Text Validation Type OR Show Slider Number": "integer",
        "Text Validation Min": str(item.minimum),
        "Text Validation Max": str(item.maximum),
    }


def _plain(label: str) -> str:
    return " ".join(label.replace("|", "/").split())
