"""The holder's wording of an instrument whose licence keeps it out of this kit: a file, checked, put into the slots.

Scoring does not change: only what is printed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from .definition import BadDefinition, Instrument, Item
from .messages import say
from .reading import named, record, table_of


@dataclass(frozen=True)
class ItemWording:
    """The words of one item: the question, the label of each option by its code, the ends of a scale."""

    text: str
    options: Mapping[str, str] = field(default_factory=dict)
    low_label: str | None = None
    high_label: str | None = None


@dataclass(frozen=True)
class Wording:
    """The wording of one version of an instrument, and on what terms it may be used here (`notice`)."""

    id: str
    version: str
    language: str
    notice: str
    items: Mapping[str, ItemWording]
    intro: str | None = None
    stem: str | None = None


def from_toml(text: str, name: str = "wording") -> Wording:
    """Read a wording; whether it fits an instrument is for `worded` to say.

    Raises
    ------
    BadDefinition
        When the text is not TOML, or a field is missing, unknown or of the wrong kind.
    """
    with named(name):
        wording: Wording = record(Wording, table_of(text), "")
        return wording


def worded(instrument: Instrument, wording: Wording, name: str = "wording") -> Instrument:
    """The instrument with these words in its slots, and their notice, with the holder's name, for the licence's.

    Raises
    ------
    BadDefinition
        With every fault: another instrument or version, wording that is printed already, an item or option that the
        instrument does not have or that has no words.
    """
    with named(name):
        if faults := list(_faults(instrument, wording)):
            raise BadDefinition(faults)
    notice = f"{wording.notice} Licence holder: {instrument.licence.holder}."
    return replace(
        instrument,
        language=wording.language,
        licence=replace(instrument.licence, notice=notice),
        items=tuple(_item(item, wording.items[item.id]) for item in instrument.items),
        intro=wording.intro,
        stem=wording.stem,
    )


def _item(item: Item, words: ItemWording) -> Item:
    options = tuple(replace(option, label=words.options[str(option.code)]) for option in item.options)
    return replace(
        item, text=words.text, slot=None, options=options, low_label=words.low_label, high_label=words.high_label
    )


def _faults(instrument: Instrument, wording: Wording) -> Iterator[str]:
    if (wording.id, wording.version) != (instrument.id, instrument.version):
        yield say("other-instrument", where="id", id=wording.id, version=wording.version, wanted=instrument.id,
                  wanted_version=instrument.version)  # fmt: skip
        return
    if instrument.licence.kind == "open":
        yield say("printed-already", where="id", id=instrument.id)
        return
    known = instrument.items_by_id
    for id in wording.items:
        if id not in known:
            yield say("unknown-part", where=f"items.{id}", kind="item", id=id, known=", ".join(known))
    for item in instrument.items:
        if item.id not in wording.items:
            yield say("no-words", where=f"items.{item.id}")
        else:
            yield from _item_faults(item, wording.items[item.id])


def _item_faults(item: Item, words: ItemWording) -> Iterator[str]:
    where = f"items.{item.id}"
    codes = {str(option.code) for option in item.options}
    for code in words.options:
        if code not in codes:
            yield say("unknown-option", where=where, code=code, allowed=item.allowed)
    for option in item.options:
        if str(option.code) not in words.options:
            yield say("no-label", where=where, code=option.code)
    if item.kind == "choice" and (words.low_label or words.high_label):
        yield say("ends-of-a-choice", where=where)


def template(instrument: Instrument) -> str:
    """A file to fill in: every item with its slot's label as a comment, every option by its code.

    Raises
    ------
    BadDefinition
        When the wording ships with the kit, so that there is no slot to fill.
    """
    if instrument.licence.kind == "open":
        raise BadDefinition([f"{instrument.id}: {say('printed-already', where='id', id=instrument.id)}"])
    head = (
        f"# The wording of {instrument.title}. Its holder: {instrument.licence.holder}, {instrument.licence.url}",
        "# Fill in every pair of quotation marks from your licensed copy.",
        "# `intro` and `stem` may be added above the items.",
        f'id = "{instrument.id}"',
        f'version = "{instrument.version}"',
        f'language = "{instrument.language}"',
        "# On what terms you may use the wording; it is printed under the form.",
        'notice = ""',
    )
    return "\n".join([*head, *(line for item in instrument.items for line in _template_lines(item))]) + "\n"


def _template_lines(item: Item) -> Iterator[str]:
    yield from ("", f"[items.{json.dumps(item.id)}]", f"# {item.slot}", 'text = ""')
    if item.options:
        yield "options = { " + ", ".join(f'{option.code} = ""' for option in item.options) + " }"
    elif item.kind == "scale":
        yield from ('low_label = ""', 'high_label = ""')
