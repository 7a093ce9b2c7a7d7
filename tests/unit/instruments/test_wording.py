"""The holder's wording in an instrument's slots: a file to fill in, every fault of it, and no change in any score."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from instruments import get, library, wording
from instruments.__main__ import main
from instruments.definition import BadDefinition, Instrument
from instruments.scoring import score

CLOSED = [each for each in library() if each.licence.kind != "open"]
EVERY = pytest.mark.parametrize("instrument", CLOSED, ids=lambda each: each.id)
EQ5D = get("eq5d-5l")


def filled(instrument: Instrument) -> str:
    """The empty file with invented words in it, a number in each so that no two are alike."""
    words = iter(range(10_000))
    return re.sub('""', lambda _: f'"Invented {next(words)}"', wording.template(instrument))


def worded(instrument: Instrument, text: str) -> Instrument:
    return wording.worded(instrument, wording.from_toml(text, "words.toml"), "words.toml")


def faults(text: str, instrument: Instrument = EQ5D) -> tuple[str, ...]:
    with pytest.raises(BadDefinition) as refused:
        worded(instrument, text)
    return refused.value.faults


@EVERY
def test_an_empty_file_is_refused_because_it_is_empty_and_a_filled_one_fits(instrument: Instrument) -> None:
    assert any("is empty; write it" in fault for fault in faults(wording.template(instrument), instrument))
    made = worded(instrument, filled(instrument))
    assert made.licence.notice == f"Invented 0 Licence holder: {instrument.licence.holder}."
    assert all(item.text and item.slot is None for item in made.items)
    assert all(option.label for item in made.items for option in item.options)
    printed = [words for item in made.items for words in item.wording]
    assert len(set(printed)) == len(printed), "every word stands in its own place"


@EVERY
def test_words_change_no_score(instrument: Instrument) -> None:
    made = worded(instrument, filled(instrument))
    for example in instrument.examples:
        facts = {"value_set": example.value_set, "age": example.age, "sex": example.sex}
        assert score(made, example.responses, **facts) == score(instrument, example.responses, **facts)


@EVERY
def test_the_file_to_fill_in_holds_no_word_of_the_holder(instrument: Instrument) -> None:
    text = wording.template(instrument)
    quoted = re.findall(r'= "([^"]*)"', text)
    assert set(quoted) <= {"", instrument.id, instrument.version, instrument.language}


def test_wording_that_is_printed_already_has_no_slot() -> None:
    with pytest.raises(BadDefinition, match="ships with the kit; there is no slot to fill"):
        wording.template(get("phq9"))
    text = 'id = "phq9"\nversion = "1"\nlanguage = "en"\nnotice = "mine"\n[items]\n'
    assert faults(text, get("phq9")) == (
        "words.toml: id: the wording of phq9 ships with the kit; there is no slot to fill",
    )


WHOLE = filled(EQ5D)
BROKEN = {
    "not TOML": (WHOLE.replace('id = "eq5d-5l"', "id = eq5d"), "words.toml: is not TOML"),
    "another instrument": (WHOLE.replace("eq5d-5l", "eq5d-3l"), "is the wording of eq5d-3l, version 1; give that of"),
    "another version": (WHOLE.replace('version = "1"', 'version = "2"'), "is the wording of eq5d-5l, version 2"),
    "no notice": (re.sub("notice = .*", "", WHOLE), "words.toml: notice: is missing; add it"),
    "a field too many": ("colour = 1\n" + WHOLE, "words.toml: colour: is not a known field; use one of id, version"),
    "an item too many": (WHOLE + '[items.mood]\ntext = "How?"\n', "items.mood: item 'mood' is not in this instrument"),
    "an item too few": (WHOLE.split('[items."vas"]', maxsplit=1)[0], "items.vas: has no words; add its text"),
    "an option too many": (WHOLE.replace("{ 1 =", '{ 0 = "None", 1 =', 1), "items.mo: there is no option 0; allowed: 1, 2"),
    "an option too few": (re.sub(r", 5 = \"[^\"]*\"", "", WHOLE, count=1), "items.mo: option 5 has no label; add it"),
    "ends of a choice": (
        WHOLE.replace('[items."sc"]', '[items."sc"]\nlow_label = "Low"'), "items.sc: is a choice and has no ends",
    ),
    "a text that is empty": (re.sub('text = "[^"]*"', 'text = " "', WHOLE, count=1), "items.mo.text: is empty"),
    "a number for words": (re.sub('text = "[^"]*"', "text = 7", WHOLE, count=1), "items.mo.text: must be words, not 7"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "says"), BROKEN.values(), ids=BROKEN)
def test_a_fault_is_told_with_its_file_place_and_remedy(text: str, says: str) -> None:
    told = faults(text)
    assert any(says in fault for fault in told), told
    assert all(fault.startswith("words.toml: ") for fault in told)


@pytest.mark.parametrize("text", ["x = " + "1" * 5000, "x = " + "[" * 20_000], ids=["a long number", "many brackets"])
def test_what_the_reader_of_toml_chokes_on_is_a_fault_and_no_crash(text: str) -> None:
    (told,) = faults(text)
    assert told.startswith("words.toml: is not TOML")


@EVERY
def test_every_gap_of_an_empty_file_is_told(instrument: Instrument) -> None:
    told = faults(wording.template(instrument), instrument)
    gaps = wording.template(instrument).count('""')
    assert len(told) == gaps


def test_every_fault_is_told_at_once() -> None:
    text = WHOLE.split('[items."vas"]', maxsplit=1)[0].replace("{ 1 =", '{ 9 = "None", 1 =', 1)
    assert len(faults(text + '[items.mood]\ntext = "How?"\n')) == 3


def test_what_is_put_around_the_questions_is_taken_over() -> None:
    text = WHOLE.replace("notice =", 'intro = "Please begin."\nstem = "Today:"\nnotice =', 1)
    made = worded(EQ5D, text)
    assert (made.intro, made.stem) == ("Please begin.", "Today:")


def test_the_command_prints_a_file_to_fill_in_and_checks_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["wording", "eq5d-5l"]) == 0
    file = tmp_path / "mine.toml"
    file.write_text(capsys.readouterr().out, encoding="utf-8")
    assert main(["wording", "eq5d-5l", "--check", str(file)]) == 1
    assert "mine.toml: notice: is empty; write it" in capsys.readouterr().err
    file.write_text(WHOLE, encoding="utf-8")
    assert main(["wording", "eq5d-5l", "--check", str(file)]) == 0
    assert capsys.readouterr().out == "mine.toml fits eq5d-5l, version 1\n"


def test_the_command_refuses_what_it_cannot_read_in_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "bad.toml"
    file.write_bytes(b"\xff\xfe\x00")
    assert main(["wording", "eq5d-5l", "--check", str(file)]) == 2
    assert main(["wording", "phq9"]) == 2
    assert main(["wording", "nobody"]) == 2
    assert "Traceback" not in capsys.readouterr().err
