"""Translations: every wrapped message has its words in every language, and a catalogue is read as tools write it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from flask import Flask, render_template_string

from tests.messages import TRACKER, wrapped
from tracker import languages

FOREIGN = [language for language in languages.LANGUAGES if language != languages.SOURCE]
in_each_language = pytest.mark.parametrize("language", FOREIGN)


@pytest.fixture
def app() -> Flask:
    app = Flask("speaking")
    languages.init_app(app)
    return app


def file_of(language: str) -> Path:
    return TRACKER / "translations" / language / "LC_MESSAGES" / "messages.po"


# ------------------------------------------------------------------------------------- what is translated


@in_each_language
def test_every_wrapped_message_has_its_words(language: str):
    words = languages.catalogue(language)
    missing = {message: place for message, place in wrapped().items() if not words.get(message)}
    assert len(wrapped()) > 60
    assert not missing, "add these to the catalogue, and say that they await review"


@in_each_language
def test_no_words_are_kept_for_what_nobody_says_any_more(language: str):
    assert set(languages.catalogue(language)) - set(wrapped()) == set()


@in_each_language
def test_no_message_stands_twice_in_a_catalogue(language: str):
    messages = [message for message, _ in languages.entries(file_of(language).read_text(encoding="utf-8"))]
    assert len(messages) == len(set(messages))


@in_each_language
def test_what_is_filled_in_stands_in_the_translation_too(language: str):
    def holes(text: str) -> list[str]:
        return sorted(re.findall(r"%\(\w+\)s", text))

    differing = {m: words for m, words in languages.catalogue(language).items() if holes(m) != holes(words)}
    assert differing == {}


@in_each_language
def test_what_is_filled_in_leaves_no_stray_per_cent_sign(language: str):
    for message, words in languages.catalogue(language).items():
        for text in (message, words):
            if "%(" in text:
                assert "%" not in re.sub(r"%\(\w+\)s", "", text)


@in_each_language
def test_numbers_to_call_are_the_same_in_every_language(language: str):
    for message, words in languages.catalogue(language).items():
        assert re.findall(r"\d+", message) == re.findall(r"\d+", words), message


@in_each_language
def test_a_catalogue_that_nobody_checked_says_so_in_the_file_and_on_the_pages(language: str):
    text = file_of(language).read_text(encoding="utf-8")
    unchecked = "Reviewed by: nobody yet" in text
    assert unchecked == (language in languages.AWAITING_REVIEW)
    assert unchecked == ('"X-Review: awaiting a speaker\\n"' in text)


def test_every_public_template_wraps_its_words():
    """What is left of a page of those who answer alone, without code and tags, is nothing that could be read."""
    for path in sorted((TRACKER / "templates" / "answers").glob("*.html")):
        bare = re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}|<[^>]*>", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
        assert not re.search(r"[A-Za-z]{2,}", bare), f"{path.name}: wrap {bare.split()}"


# ---------------------------------------------------------------------------------------- how it is spoken


def test_english_is_spoken_until_another_language_is_chosen(app: Flask):
    with app.test_request_context():
        assert (languages.chosen(), languages.foreign(), languages.translate("Next")) == ("en", None, "Next")
        languages.choose("cy")
        assert (languages.chosen(), languages.foreign(), languages.translate("Next")) == ("cy", "cy", "Nesaf")
        languages.choose("en")
        assert languages.translate("Next") == "Next"


@pytest.mark.parametrize("language", [None, "", "fr", "CY", "../cy", "cy\x00", "en_GB"])
def test_a_language_that_is_not_here_is_english(app: Flask, language: str | None):
    with app.test_request_context():
        languages.choose(language)
        assert languages.chosen() == "en"


def test_one_visitor_s_language_is_not_another_s(app: Flask):
    with app.test_request_context():
        languages.choose("cy")
    with app.test_request_context():
        assert languages.chosen() == "en"


def test_without_a_visitor_english_is_spoken():
    assert languages.translate("Question %(number)s of %(total)s", number=1, total=2) == "Question 1 of 2"


def test_a_gap_in_the_catalogue_is_filled_in_english(app: Flask):
    with app.test_request_context():
        languages.choose("cy")
        assert languages.translate("Nobody ever wrote this") == "Nobody ever wrote this"
        assert languages.translate("100 % of it") == "100 % of it"


def test_what_is_filled_in_is_escaped_where_it_stands(app: Flask):
    with app.test_request_context():
        drawn = render_template_string("{{ _('Call %(number)s', number='<b>') }}")
    assert drawn == "Call &lt;b&gt;"


# --------------------------------------------------------------------------------- how a catalogue is read


def read(text: str) -> dict[str, str]:
    return dict(languages.entries(text))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", {}),
        ('msgid ""\nmsgstr ""\n"Language: cy\\n"\n', {}),
        ('msgid "Next"\nmsgstr "Nesaf"\n', {"Next": "Nesaf"}),
        ('# a word\n#: page.html:3\n#, python-format\nmsgid "Next"\nmsgstr "Nesaf"\n\n', {"Next": "Nesaf"}),
        ('msgid ""\n"Ne"\n"xt"\nmsgstr ""\n"Nes"\n"af"\n', {"Next": "Nesaf"}),
        ('msgid "A \\"word\\""\nmsgstr "Gair\\n\\\\"\n', {'A "word"': "Gair\n\\"}),
        ('msgid "a"\nmsgstr ""\nmsgid "b"\nmsgstr "B"\n', {"a": "", "b": "B"}),
        ('msgid "Back"\nmsgstr "Yn ôl"', {"Back": "Yn ôl"}),
        ('  msgid "Back"  \n  msgstr "Yn ôl"  \r\n', {"Back": "Yn ôl"}),
    ],
)
def test_a_catalogue_is_read_as_tools_write_it(text: str, words: dict[str, str]):
    assert read(text) == words


@pytest.mark.parametrize(
    "line", ['msgid_plural "x"', 'msgstr[0] "x"', "nonsense", 'msgid "open', 'msgctxt "x"', 'msgid "a" "b"']
)
def test_a_line_that_is_not_read_is_named_and_not_passed_over(line: str):
    with pytest.raises(ValueError, match="line 2 is not of a catalogue"):
        read(f'msgid "a"\n{line}\n')
