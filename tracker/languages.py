"""The language of the pages that people outside the staff read: English, or what a catalogue says in its place.

A catalogue is a gettext file, `translations/LANGUAGE/LC_MESSAGES/messages.po`, as translators' tools read and write it.
It is read as it stands: there is nothing to compile and so nothing that could be out of date.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from flask import Flask, g, has_app_context

SOURCE = "en"
LANGUAGES = {SOURCE: "English", "cy": "Cymraeg"}
TAGS = {SOURCE: "en-GB", "cy": "cy"}
"""What a page says of its language to browsers and screen readers."""
AWAITING_REVIEW = frozenset({"cy"})
"""Drafted by a machine: a page in one of these says so."""

_STRING = re.compile(r'(?:(msgid|msgstr) )?("(?:[^"\\]|\\.)*")')


def init_app(app: Flask) -> None:
    """Let every template translate."""
    app.jinja_env.globals.update(_=translate, spoken=foreign)


def choose(language: str | None) -> None:
    """Speak this language until the request ends; English if it is none that is here."""
    g.language = language if language in LANGUAGES else SOURCE


def chosen() -> str:
    """The language that is spoken now."""
    language: str = g.get("language", SOURCE) if has_app_context() else SOURCE
    return language


def foreign() -> str | None:
    """The language that is spoken now, if it is another than that of the page's own source; for `lang` attributes."""
    return None if chosen() == SOURCE else TAGS[chosen()]


def translate(message: str, **values: object) -> str:
    """The message in the language that is spoken now; a gap in the catalogue is filled in English."""
    words = catalogue(chosen()).get(message) or message
    return words % values if values else words


@cache
def catalogue(language: str) -> Mapping[str, str]:
    """Each message that a language has words for."""
    if language == SOURCE:
        return {}
    path = Path(__file__).parent / "translations" / language / "LC_MESSAGES" / "messages.po"
    return dict(entries(path.read_text(encoding="utf-8")))


def entries(text: str) -> Iterator[tuple[str, str]]:
    """The messages of a catalogue and their words, without its heading.

    Raises
    ------
    ValueError
        When a line is none of a gettext file; plural forms are not used here.
    """
    parts: dict[str, str] = {}
    name = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        if (found := _STRING.fullmatch(line.strip())) is None:
            raise ValueError(f"line {number} is not of a catalogue: {line}")
        name = found[1] or name
        if found[1] == "msgid":
            yield from _whole(parts)
            parts = {}
        parts[name] = parts.get(name, "") + json.loads(found[2])
    yield from _whole(parts)


def _whole(parts: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    if parts.get("msgid"):
        yield parts["msgid"], parts.get("msgstr", "")
