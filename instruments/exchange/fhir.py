"""FHIR R4: an instrument as a Questionnaire, answers as a QuestionnaireResponse, and a Questionnaire read back.

Source: HL7 FHIR R4 (4.0.1), Questionnaire and QuestionnaireResponse, https://hl7.org/fhir/R4/questionnaire.html.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from ..definition import Instrument, Item, Option
from ..scoring import BadResponse

HL7 = "http://hl7.org/fhir/StructureDefinition/"
ORDINAL = HL7 + "ordinalValue"
OURS = "urn:link-worker-kit:"
SLOT = OURS + "wording-slot"
CODING = OURS + "coding:"
LOINC = "http://loinc.org"
PREAMBLE = ("-intro", "-stem")

Json = dict[str, Any]


class BadQuestionnaire(ValueError):
    """A Questionnaire that cannot be taken without loss; `faults` has a line for each part at fault."""

    def __init__(self, faults: Sequence[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(self.faults))


def questionnaire(instrument: Instrument) -> Json:
    """An instrument as a FHIR R4 Questionnaire, ready for `json.dumps`.

    Options carry their code as ordinal value. Where the wording is its holder's, `text` is the label of the slot,
    marked by an extension of ours, and options have no display.
    """
    made: Json = {
        "resourceType": "Questionnaire",
        "id": f"{instrument.id}-{instrument.version}",
        "url": f"{OURS}questionnaire:{instrument.id}",
        "version": instrument.version,
        "language": instrument.language,
        "title": instrument.title,
        "status": "active",
        "subjectType": ["Patient"],
        "description": instrument.construct,
        "copyright": f"{instrument.licence.holder}: {instrument.licence.notice}",
    }
    if instrument.loinc:
        made["code"] = [{"system": LOINC, "code": instrument.loinc}]
    said = zip(PREAMBLE, (instrument.intro, instrument.stem), strict=True)
    shown = [{"linkId": id, "text": text, "type": "display"} for id, text in said if text]
    return made | {"item": [*shown, *map(_item, instrument.items)]}


def _item(item: Item) -> Json:
    extensions = [*_slot(item), *_range(item)]
    made: Json = {"extension": extensions} if extensions else {}
    made |= {"linkId": item.id}
    if item.loinc:
        made["code"] = [{"system": LOINC, "code": item.loinc}]
    made |= {"text": item.text or item.slot, "type": "choice" if item.kind == "choice" else "integer"}
    if item.asked_if:
        condition = {"question": item.asked_if.item, "operator": ">=", "answerInteger": item.asked_if.at_least}
        made["enableWhen"] = [condition]
    if item.options:
        made["answerOption"] = [{"valueCoding": _coding(option)} for option in item.options]
    labels = [_end(item, end, label) for end, label in (("lower", item.low_label), ("upper", item.high_label)) if label]
    return made | ({"item": labels} if labels else {})


def _slot(item: Item) -> Iterator[Json]:
    if item.slot:
        yield {"url": SLOT, "valueBoolean": True}


def _range(item: Item) -> Iterator[Json]:
    if item.minimum is None or item.maximum is None:
        return
    if item.kind == "scale":
        yield _control("slider")
    yield {"url": HL7 + "minValue", "valueInteger": item.minimum}
    yield {"url": HL7 + "maxValue", "valueInteger": item.maximum}
    if item.unit:
        yield {"url": HL7 + "questionnaire-unit", "valueCoding": {"display": item.unit}}


def _control(code: str) -> Json:
    coding = {"system": "http://hl7.org/fhir/questionnaire-item-control", "code": code}
    return {"url": HL7 + "questionnaire-itemControl", "valueCodeableConcept": {"coding": [coding]}}


def _end(item: Item, end: str, label: str) -> Json:
    return {"extension": [_control(end)], "linkId": f"{item.id}-{end}", "text": label, "type": "display"}


def _coding(option: Option) -> Json:
    made: Json = {"extension": [{"url": ORDINAL, "valueDecimal": option.code}]}
    if option.coding:
        made["system"] = CODING + option.coding
    made["code"] = str(option.code)
    return made | ({"display": option.label} if option.label else {})


def response(instrument: Instrument, responses: Mapping[str, int | None], *, subject: str, authored: date) -> Json:
    """Answers as a FHIR R4 QuestionnaireResponse; an item without an answer is left out.

    Parameters
    ----------
    responses
        Item id -> code; None or absent is not answered.
    subject
        A study number or pseudonym. Never a name.
    authored
        The day of the answers.

    Raises
    ------
    BadResponse
        When an answer is not one that its item takes, or an item is not the instrument's.
    """
    if unknown := sorted(set(responses) - set(instrument.items_by_id)):
        raise BadResponse(
            f"{instrument.id}: '{unknown[0]}' is not an item; use one of {', '.join(instrument.items_by_id)}"
        )
    given = [(item, responses[item.id]) for item in instrument.items if responses.get(item.id) is not None]
    for item, answer in given:
        if not item.accepts(answer):
            raise BadResponse(item.refusal(f"{instrument.id}.{item.id}", answer))
    return {
        "resourceType": "QuestionnaireResponse",
        "questionnaire": f"{OURS}questionnaire:{instrument.id}|{instrument.version}",
        "status": "completed",
        "subject": {"identifier": {"value": subject}},
        "authored": authored.isoformat(),
        "item": [{"linkId": item.id, "answer": [_answer(item, answer)]} for item, answer in given],
    }


def _answer(item: Item, answer: int | None) -> Json:
    if item.kind != "choice":
        return {"valueInteger": answer}
    return {"valueCoding": _coding(next(option for option in item.options if option.code == answer))}


# ---------------------------------------------------------------- a Questionnaire read back


def items(source: Mapping[str, Any]) -> tuple[Item, ...]:
    """The items of a Questionnaire that asks choices only; nothing of an item is lost.

    Raises
    ------
    BadQuestionnaire
        Naming every item that is no plain choice: another type, a nested or conditional or repeated item, an option
        without a whole ordinal value or code.
    """
    if source.get("resourceType") != "Questionnaire":
        raise BadQuestionnaire([f"resourceType: is {source.get('resourceType')!r}; give a FHIR R4 Questionnaire"])
    asked = [entry for entry in source.get("item", []) if entry.get("linkId") not in PREAMBLE]
    faults = [fault for entry in asked for fault in _faults(entry)] or (
        [] if asked else ["item: there are none; add one"]
    )
    if faults:
        raise BadQuestionnaire(faults)
    return tuple(map(_read, asked))


def _faults(entry: Mapping[str, Any]) -> Iterator[str]:
    where = f"item.{entry.get('linkId', '?')}"
    if entry.get("type") != "choice":
        yield f"{where}: type is {entry.get('type')!r}; only choices can be taken, write other items by hand"
        return
    for part in ("item", "enableWhen", "repeats"):
        if entry.get(part):
            yield f"{where}: has {part}; ask it as a plain choice, or write the item by hand"
    if not entry.get("text"):
        yield f"{where}: has no text; add it"
    if len(entry.get("answerOption", [])) < 2:
        yield f"{where}: has fewer than two answerOption; list them in the item"
    for option in entry.get("answerOption", []):
        if "valueCoding" not in option or _code(option["valueCoding"]) is None:
            yield f"{where}: an option has no whole ordinal value or code; add the ordinalValue extension"


def _code(coding: Mapping[str, Any]) -> int | None:
    ordinals = [each.get("valueDecimal") for each in coding.get("extension", []) if each.get("url") == ORDINAL]
    try:
        number = float(ordinals[0] if ordinals else coding.get("code", ""))
    except (TypeError, ValueError):
        return None
    return int(number) if number.is_integer() else None


def _read(entry: Mapping[str, Any]) -> Item:
    is_slot = any(each.get("url") == SLOT for each in entry.get("extension", []))
    loinc = next((each["code"] for each in entry.get("code", []) if each.get("system") == LOINC), None)
    options = tuple(_option(each["valueCoding"]) for each in entry["answerOption"])
    words = {"slot" if is_slot else "text": entry["text"]}
    return Item(entry["linkId"], "choice", options=options, loinc=loinc, **words)


def _option(coding: Mapping[str, Any]) -> Option:
    code, system = _code(coding), coding.get("system", "")
    assert code is not None  # `_faults` has looked
    return Option(code, coding.get("display"), system.removeprefix(CODING) if system.startswith(CODING) else None)


def definition(source: Mapping[str, Any]) -> str:
    """A Questionnaire as the beginning of a definition file: what it knows; scales and examples are yours to add.

    Raises
    ------
    BadQuestionnaire
        As `items`.
    """
    asked = items(source)
    said = {entry["linkId"]: entry.get("text", "") for entry in source["item"] if entry.get("linkId") in PREAMBLE}
    facts = {
        "id": str(source.get("url", "")).rpartition(":")[2].rpartition("/")[2] or "my-instrument",
        "version": source.get("version", "1"),
        "title": source.get("title"),
        "construct": source.get("description"),
        "language": source.get("language"),
        "loinc": next((each["code"] for each in source.get("code", []) if each.get("system") == LOINC), None),
        "intro": said.get("-intro"),
        "stem": said.get("-stem"),
    }
    head = ["# From a FHIR Questionnaire. `python -m instruments check` names what is still to be written."]
    head += [f"{name} = {_toml(value)}" for name, value in facts.items() if value]
    licence = ["", "[licence]", f"notice = {_toml(source['copyright'])}"] if source.get("copyright") else []
    return "\n".join([*head, *licence, *_codings(asked), *(line for item in asked for line in _lines(item))]) + "\n"


def _codings(asked: Sequence[Item]) -> Iterator[str]:
    shared = {item.options[0].coding: item.options for item in asked if item.options[0].coding}
    for id, options in shared.items():
        yield from ("", "[[codings]]", f"id = {_toml(id)}", f"options = {_options(options)}")


def _lines(item: Item) -> Iterator[str]:
    yield from ("", "[[items]]", f"id = {_toml(item.id)}", 'kind = "choice"')
    for name in ("text", "slot", "loinc"):
        if value := getattr(item, name):
            yield f"{name} = {_toml(value)}"
    coding = item.options[0].coding
    yield f"coding = {_toml(coding)}" if coding else f"options = {_options(item.options)}"


def _options(options: Sequence[Option]) -> str:
    written = [
        f"{{ code = {option.code}" + (f", label = {_toml(option.label)} }}" if option.label else " }")
        for option in options
    ]
    return "[\n" + "".join(f"  {each},\n" for each in written) + "]"


def _toml(text: str | None) -> str:
    """A basic string of TOML, which takes the escapes of JSON."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
