"""FHIR R4: valid to another program, whole on the way there and back, and careful with wording."""

from __future__ import annotations

import json
import tomllib
from copy import deepcopy
from datetime import date
from typing import Any

import pytest
from fhir.resources.R4B.questionnaire import Questionnaire
from fhir.resources.R4B.questionnaireresponse import QuestionnaireResponse

from instruments import get, library
from instruments.definition import Instrument, Item
from instruments.exchange import fhir
from instruments.reading import _entries, _with_options
from instruments.scoring import BadResponse

ALL = pytest.mark.parametrize("instrument", library(), ids=lambda each: each.id)
CHOICES = [each for each in library() if all(item.kind == "choice" for item in each.items)]
DAY = date(2026, 3, 1)


def answers(instrument: Instrument) -> dict[str, int | None]:
    return {item.id: max(item.codes) for item in instrument.items}


@ALL
def test_every_instrument_is_a_valid_questionnaire(instrument: Instrument) -> None:
    made = fhir.questionnaire(instrument)
    read = Questionnaire.model_validate(json.loads(json.dumps(made)))
    asked = [item for item in read.item if item.type != "display"]
    assert [item.linkId for item in asked] == [item.id for item in instrument.items]
    assert read.version == instrument.version
    assert instrument.licence.notice in read.copyright


@ALL
def test_every_form_is_a_valid_response(instrument: Instrument) -> None:
    made = fhir.response(instrument, answers(instrument), subject="S-17", authored=DAY)
    read = QuestionnaireResponse.model_validate(json.loads(json.dumps(made)))
    assert read.questionnaire == f"{fhir.questionnaire(instrument)['url']}|{instrument.version}"
    assert [item.linkId for item in read.item] == [item.id for item in instrument.items]
    assert read.subject.identifier.value == "S-17"


def test_a_response_carries_codes_labels_and_weights() -> None:
    made = fhir.response(get("phq9"), {"i1": 2, "i2": None}, subject="S-17", authored=DAY)
    (only,) = made["item"]
    assert only["answer"][0]["valueCoding"] == {
        "extension": [{"url": fhir.ORDINAL, "valueDecimal": 2}],
        "system": "urn:link-worker-kit:coding:frequency-0-3",
        "code": "2",
        "display": "More than half the days",
    }
    number = fhir.response(get("eq5d-5l"), {"vas": 70}, subject="S-17", authored=DAY)["item"]
    assert number == [{"linkId": "vas", "answer": [{"valueInteger": 70}]}]


@pytest.mark.parametrize(
    ("given", "said"),
    [({"i1": 7}, r"phq9\.i1: 7 is not an answer"), ({"i99": 1}, "'i99' is not an item; use one of i1, ")],
)
def test_what_is_not_an_answer_is_not_sent(given: dict[str, int | None], said: str) -> None:
    with pytest.raises(BadResponse, match=said):
        fhir.response(get("phq9"), given, subject="S-17", authored=DAY)


def test_no_wording_leaves_that_is_not_ours_to_give() -> None:
    for instrument in library():
        made = fhir.questionnaire(instrument)
        marked = [any(each["url"] == fhir.SLOT for each in item.get("extension", [])) for item in made["item"]]
        assert all(marked) if instrument.licence.kind != "open" else not any(marked)
        displays = [o["valueCoding"].get("display") for item in made["item"] for o in item.get("answerOption", [])]
        if instrument.licence.kind != "open":
            assert set(displays) <= {None}


def test_numbers_keep_their_range_ends_unit_and_condition() -> None:
    (satisfied, *_) = [item for item in fhir.questionnaire(get("ons4"))["item"] if item["type"] == "integer"]
    urls = {each["url"].rpartition("/")[2]: each for each in satisfied["extension"]}
    assert urls["minValue"]["valueInteger"] == 0
    assert urls["maxValue"]["valueInteger"] == 10
    assert [each["text"] for each in satisfied["item"]] == ["Not at all", "Completely"]
    minutes = fhir.questionnaire(get("ipaq-sf"))["item"][1]
    assert minutes["enableWhen"] == [{"question": "vigorous_days", "operator": ">=", "answerInteger": 1}]
    assert minutes["extension"][-1]["valueCoding"] == {"display": "minutes"}


# ---------------------------------------------------------------- read back


@pytest.mark.parametrize("instrument", CHOICES, ids=lambda each: each.id)
def test_choices_come_back_whole(instrument: Instrument) -> None:
    there = json.loads(json.dumps(fhir.questionnaire(instrument)))
    assert fhir.items(there) == instrument.items
    table = tomllib.loads(fhir.definition(there))
    read = _entries(Item, _with_options(dict(table))["items"], "items")
    assert tuple(read) == instrument.items
    facts = ("id", "version", "title", "construct", "language", "loinc", "intro", "stem")
    assert [table.get(name) for name in facts] == [getattr(instrument, name) for name in facts]
    assert instrument.licence.notice in table["licence"]["notice"]


def test_more_than_half_of_the_library_is_choices() -> None:
    assert len(CHOICES) > len(library()) / 2


def test_words_with_quotes_and_line_breaks_come_back_whole() -> None:
    odd = 'Say "no", or:\n\\ yes | é'
    there = fhir.questionnaire(get("phq2"))
    there["item"][1]["text"] = odd
    there["item"][1]["answerOption"][0]["valueCoding"]["display"] = odd
    del there["item"][1]["answerOption"][0]["valueCoding"]["system"]
    for option in there["item"][1]["answerOption"]:
        option["valueCoding"].pop("system", None)
    (first, _) = tomllib.loads(fhir.definition(there))["items"]
    assert first["text"] == odd
    assert first["options"][0] == {"code": 0, "label": odd}


def bent(change: Any) -> dict[str, Any]:
    made = deepcopy(fhir.questionnaire(get("phq2")))
    change(made["item"][1])
    return made


BENT = {
    "another type": (lambda item: item.update(type="string"), "item.i1: type is 'string'; only choices can be taken"),
    "a nested item": (lambda item: item.update(item=[{"linkId": "x"}]), "item.i1: has item; ask it as a plain choice"),
    "a condition": (lambda item: item.update(enableWhen=[{}]), "item.i1: has enableWhen; ask it"),
    "many answers": (lambda item: item.update(repeats=True), "item.i1: has repeats; ask it"),
    "no text": (lambda item: item.pop("text"), "item.i1: has no text; add it"),
    "one option": (lambda item: item.update(answerOption=item["answerOption"][:1]), "item.i1: has fewer than two"),
    "no number": (
        lambda item: item["answerOption"][0].update(valueCoding={"code": "LA6568-5"}),
        "item.i1: an option has no whole ordinal value or code; add the ordinalValue extension",
    ),
    "half a number": (
        lambda item: item["answerOption"][0]["valueCoding"]["extension"][0].update(valueDecimal=0.5),
        "item.i1: an option has no whole ordinal value or code",
    ),
}


@pytest.mark.parametrize(("change", "said"), BENT.values(), ids=BENT.keys())
def test_what_would_be_lost_is_refused_by_name(change: Any, said: str) -> None:
    with pytest.raises(fhir.BadQuestionnaire) as refused:
        fhir.definition(bent(change))
    assert len(refused.value.faults) == 1
    assert str(refused.value).startswith(said)


def test_every_fault_is_named_at_once() -> None:
    with pytest.raises(fhir.BadQuestionnaire) as refused:
        fhir.items(fhir.questionnaire(get("ons4")))
    assert len(refused.value.faults) == 4


@pytest.mark.parametrize("source", [{}, {"resourceType": "Patient"}, {"resourceType": "Questionnaire"}])
def test_what_is_no_questionnaire_is_refused(source: dict[str, Any]) -> None:
    with pytest.raises(fhir.BadQuestionnaire, match=r"give a FHIR R4 Questionnaire|there are none; add one"):
        fhir.items(source)
