"""REDCap and XLSForm: what the other program takes, with our codes in it."""

from __future__ import annotations

import csv
import io
import re
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest
from pyxform.xls2xform import convert

from instruments import get, library
from instruments.definition import Instrument
from instruments.exchange import redcap, xlsform

ALL = pytest.mark.parametrize("instrument", library(), ids=lambda each: each.id)


def rows(instrument: Instrument) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(redcap.dictionary(instrument))))


@ALL
def test_a_data_dictionary_has_a_lawful_field_for_every_item(instrument: Instrument) -> None:
    made = rows(instrument)
    assert len(redcap.COLUMNS) == 18
    assert list(made[0]) == list(redcap.COLUMNS)
    names = [row["Variable / Field Name"] for row in made]
    assert len(set(names)) == len(names) == len(instrument.items)
    assert all(re.fullmatch("[a-z][a-z0-9_]*", name) and len(name) <= 100 for name in names)
    assert {row["Form Name"] for row in made} == {instrument.id.replace("-", "_")}


@ALL
def test_choices_and_ranges_are_those_of_the_definition(instrument: Instrument) -> None:
    for item, row in zip(instrument.items, rows(instrument), strict=True):
        if item.kind == "choice":
            choices = row["Choices, Calculations, OR Slider Labels"].split(" | ")
            assert [int(choice.split(", ")[0]) for choice in choices] == [option.code for option in item.options]
            assert row["Field Type"] == "radio"
        else:
            kind = "Text Validation Type OR Show Slider Number"
            limits = (row[kind], row["Text Validation Min"], row["Text Validation Max"])
            assert limits == ("integer", str(item.minimum), str(item.maximum))


def test_the_phq9_in_redcap_reads_as_on_paper() -> None:
    first = rows(get("phq9"))[0]
    assert first["Section Header"] == get("phq9").stem
    assert first["Choices, Calculations, OR Slider Labels"] == (
        "0, Not at all | 1, Several days | 2, More than half the days | 3, Nearly every day"
    )


def test_an_item_asked_only_after_another_is_hidden_until_then() -> None:
    row = rows(get("ipaq-sf"))[1]
    assert row["Branching Logic (Show field only if...)"] == "[ipaq_sf_vigorous_days] >= 1"


def test_odd_labels_break_no_choice() -> None:
    gsrh = get("gsrh")
    (item,) = gsrh.items
    odd = replace(item.options[0], label='Fine, "really" | or\nnot')
    bent = replace(gsrh, items=(replace(item, options=(odd, *item.options[1:])),), examples=gsrh.examples)
    (row,) = rows(bent)
    choices = row["Choices, Calculations, OR Slider Labels"].split(" | ")
    assert len(choices) == len(item.options)
    assert choices[0] == '1, Fine, "really" / or not'


# ---------------------------------------------------------------- XLSForm


def xform(instrument: Instrument) -> ET.Element:
    made = convert(xlsform.workbook(instrument), file_type=".xlsx", validate=False)
    return ET.fromstring(made.xform)


@ALL
def test_every_instrument_becomes_a_form_that_asks_every_item(instrument: Instrument) -> None:
    asked = {element.attrib.get("ref", "").rpartition("/")[2] for element in xform(instrument).iter()}
    assert {item.id for item in instrument.items} <= asked


def test_a_form_keeps_codes_words_limits_and_conditions() -> None:
    phq9 = ET.tostring(xform(get("phq9")), encoding="unicode")
    assert "Little interest or pleasure in doing things" in phq9
    assert "Nearly every day" in phq9
    ipaq = ET.tostring(xform(get("ipaq-sf")), encoding="unicode")
    assert ". &gt;= 0 and . &lt;= 7" in ipaq
    assert "/vigorous_days &gt;= 1" in ipaq.replace("  ", " ")


def test_the_same_instrument_is_the_same_file() -> None:
    assert xlsform.workbook(get("phq9")) == xlsform.workbook(get("phq9"))


@pytest.mark.parametrize("make", [redcap.dictionary, lambda each: ET.tostring(xform(each), encoding="unicode")])
def test_a_slot_is_shown_as_a_label_in_brackets(make: object) -> None:
    made = make(get("eq5d-5l"))  # type: ignore[operator]
    assert "[Mobility]" in made
    assert "Level 3" in made
