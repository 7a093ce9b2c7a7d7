"""A definition that contradicts itself does not exist; its message names file, id, fault and remedy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from instruments import FOLDER, from_toml, value_sets
from instruments.definition import BadDefinition

Bend = Callable[..., str]

EQ5D_SETS = ", ".join(value_sets.known("eq5d-5l"))


def refusal(text: str) -> str:
    with pytest.raises(BadDefinition) as refused:
        from_toml(text)
    return str(refused.value)


def test_the_garden_itself_stands(garden_text: str) -> None:
    assert from_toml(garden_text).title == "Garden gladness"


# old part, new part, what is said of it
FIELDS = {
    "a text that is not TOML": (
        "minutes = 1",
        "minutes = one",
        "definition: is not TOML (Invalid value (at line 11, column 11)); correct the line",
    ),
    "a missing title": (
        'title = "Garden gladness"\n',
        "",
        "definition: title: is missing; add it",
    ),
    "a missing licence": (
        '[licence]\nkind = "open"\nholder = "Nobody"\nnotice = "Invented for tests; free for all."\n'
        'url = "https://example.org"\n',
        "",
        "definition: licence: is missing; add it",
    ),
    "a licence without a notice": (
        'notice = "Invented for tests; free for all."\n',
        "",
        "definition: licence.notice: is missing; add it",
    ),
    "an empty notice": (
        'notice = "Invented for tests; free for all."',
        'notice = " "',
        "definition: licence.notice: is empty; write it, or leave the line out if it is not needed",
    ),
    "a licence of no known kind": (
        'kind = "open"',
        'kind = "free"',
        "definition: licence.kind: unexpected value 'free'; allowed: open, text-pack, scoring-only",
    ),
    "a licence that is a word": (
        '[licence]\nkind = "open"\nholder = "Nobody"\nnotice = "Invented for tests; free for all."\n'
        'url = "https://example.org"\n',
        'licence = "open"\n',
        "definition: licence: must be a table, not 'open'; write it as key = value",
    ),
    "a field with a slip of the pen": (
        'text = "How often do you sow?"',
        'txt = "How often do you sow?"',
        "definition: items.sow.txt: is not a known field; use one of id, kind, text, slot, options, minimum, "
        "maximum, low_label, high_label, unit, asked_if, loinc",
    ),
    "words where a number belongs": (
        "minutes = 1",
        'minutes = "one"',
        "definition: minutes: must be a whole number, not 'one'; correct it",
    ),
    "a fraction where a whole number belongs": (
        "{ code = 0,",
        "{ code = 0.5,",
        "definition: codings.often-0-2.options.1.code: must be a whole number, not 0.5; correct it",
    ),
    "true where a number belongs": (
        "maximum = 50\nunit",
        "maximum = true\nunit",
        "definition: items.bees.maximum: must be a whole number, not True; correct it",
    ),
    "words where a score belongs": (
        "scores = { total = 5,",
        'scores = { total = "five",',
        "definition: examples.a-good-day.scores.total: must be a number, not 'five'; correct it",
    ),
    "a number where words belong": (
        'recall = "today"',
        "recall = 7",
        "definition: recall: must be words, not 7; correct it",
    ),
    "one respondent without brackets": (
        'respondents = ["self"]',
        'respondents = "self"',
        "definition: respondents: must be a list, not 'self'; put it in square brackets",
    ),
    "a respondent who is not known": (
        'respondents = ["self"]',
        'respondents = ["self", "neighbour"]',
        "definition: respondents.2: unexpected value 'neighbour'; allowed: self, proxy, interviewer",
    ),
    "no respondent": (
        'respondents = ["self"]',
        "respondents = []",
        "definition: respondents: there are none; add at least one",
    ),
    "responses that are a list": (
        "responses = { sit = 2 }",
        "responses = [2]",
        "definition: examples.a-lazy-day.responses: must be a table, not [2]; write it as key = value",
    ),
    "a direction that is not one": (
        'better = "higher"\nbands',
        'better = "up"\nbands',
        "definition: scales.total.better: unexpected value 'up'; allowed: higher, lower",
    ),
    "a code list that is not there": (
        'text = "How often do you sow?"\ncoding = "often-0-2"',
        'text = "How often do you sow?"\ncoding = "often-0-3"',
        "definition: items.sow: coding 'often-0-3' is not in this file; use one of often-0-2",
    ),
    "options beside a code list": (
        'text = "How often do you sow?"\n',
        'text = "How often do you sow?"\noptions = [{ code = 1 }, { code = 2 }]\n',
        "definition: items.sow: has both options and coding; give one of them",
    ),
}


@pytest.mark.parametrize(("old", "new", "said"), FIELDS.values(), ids=FIELDS.keys())
def test_a_file_whose_fields_are_wrong_is_refused(bent: Bend, old: str, new: str, said: str) -> None:
    assert refusal(bent((old, new))) == said


CONTRADICTIONS = {
    "an id with capitals": (
        'id = "garden"',
        'id = "Garden"',
        "definition: id: 'Garden' is not an id; use small letters, digits and single hyphens",
    ),
    "a version that is a word": (
        'version = "1"',
        'version = "final"',
        "definition: version: 'final' is not a version; use a whole number such as \"1\"",
    ),
    "two items with one id": (
        'id = "sow"\nkind',
        'id = "dig"\nkind',
        "definition: items.dig: is there twice; give each its own id",
    ),
    "an item id with a space": (
        'id = "bees"\nkind',
        'id = "the bees"\nkind',
        "definition: items.the bees: is not an id; use small letters, digits, hyphens and underscores",
    ),
    "two scales with one id": (
        'id = "bees"\nlabel',
        'id = "total"\nlabel',
        "definition: scales.total: is there twice; give each its own id",
    ),
    "two examples with one id": (
        'id = "a-lazy-day"',
        'id = "a-good-day"',
        "definition: examples.a-good-day: is there twice; give each its own id",
    ),
    "two options with one code": (
        "{ code = 2,",
        "{ code = 1,",
        "definition: items.sow: code 1 stands for two options; give each option its own code",
    ),
    "a choice with a range": (
        'text = "How often do you sow?"\n',
        'text = "How often do you sow?"\nminimum = 0\nmaximum = 2\n',
        "definition: items.sow: a choice has no minimum or maximum; remove them, the options say what is allowed",
    ),
    "a choice without options": (
        'text = "How often do you sow?"\ncoding = "often-0-2"\n',
        'text = "How often do you sow?"\n',
        "definition: items.sow: a choice has 0 options; give two or more, or another kind",
    ),
    "a count with options": (
        'unit = "bees"\n',
        'unit = "bees"\noptions = [{ code = 1 }, { code = 2 }]\n',
        "definition: items.bees: a count has no options; remove them or make it a choice",
    ),
    "a count without an end": (
        'maximum = 50\nunit = "bees"',
        'unit = "bees"',
        "definition: items.bees: a count needs minimum and maximum; add them",
    ),
    "a count that runs backwards": (
        'minimum = 0\nmaximum = 50\nunit = "bees"',
        'minimum = 50\nmaximum = 0\nunit = "bees"',
        "definition: items.bees: minimum 50 is not below maximum 0; swap or correct them",
    ),
    "an item with wording and a slot": (
        'text = "How often do you sow?"',
        'text = "How often do you sow?"\nslot = "Sowing"',
        "definition: items.sow: has both or neither of text and slot; give one, the wording or a label",
    ),
    "an item without a word": (
        'text = "How often do you sow?"\n',
        "",
        "definition: items.sow: has both or neither of text and slot; give one, the wording or a label",
    ),
    "a scale over an item that is not there": (
        'items = ["dig", "sow", "sit"]',
        'items = ["dig", "sow", "nap"]',
        "definition: scales.total: item 'nap' is not in this instrument; use one of dig, sow, sit, bees",
    ),
    "a scale that counts an item twice": (
        'items = ["dig", "sow", "sit"]',
        'items = ["dig", "sow", "sow"]',
        "definition: scales.total: item 'sow' is named twice; name it once",
    ),
    "a scale that runs backwards": (
        "minimum = 0\nmaximum = 50\nbetter",
        "minimum = 50\nmaximum = 0\nbetter",
        "definition: scales.bees: minimum 50 is not below maximum 0; swap or correct them",
    ),
    "a scale with fewer than no decimals": (
        "maximum = 50\nbetter",
        "maximum = 50\ndigits = -1\nbetter",
        "definition: scales.bees: digits is -1; give 0 or more decimals",
    ),
    "a missing rule that needs more items than there are": (
        "min_answered = 2",
        "min_answered = 4",
        "definition: scales.total: min_answered is 4 for 3 items; give 1 to 3",
    ),
    "a missing rule that scores an empty form": (
        "min_answered = 2",
        "min_answered = 0",
        "definition: scales.total: min_answered is 0 for 3 items; give 1 to 3",
    ),
    "a missing rule that does not say what stands in": (
        'fill = "mean", ',
        "",
        "definition: scales.total: min_answered is 2 of 3, fill is absent; say what stands in for a missing answer "
        "exactly when one may be missing",
    ),
    "a stand-in that is never needed": (
        "min_answered = 2",
        "min_answered = 3",
        "definition: scales.total: min_answered is 3 of 3, fill is mean; say what stands in for a missing answer "
        "exactly when one may be missing",
    ),
    "bands that overlap": (
        "{ low = 3, high = 6",
        "{ low = 2, high = 6",
        "definition: scales.total: bands 'low' and 'high' overlap; let 'high' start at 3",
    ),
    "bands that leave a hole": (
        "{ low = 3, high = 6",
        "{ low = 4, high = 6",
        "definition: scales.total: bands 'low' and 'high' leave a hole; let 'high' start at 3",
    ),
    "bands that stop short": (
        "{ low = 3, high = 6",
        "{ low = 3, high = 5",
        "definition: scales.total: bands run from 0 to 5; let them cover the range 0 to 6",
    ),
    "a band that runs backwards": (
        "{ low = 0, high = 2,",
        "{ low = 2, high = 0,",
        "definition: scales.total: band 'low' runs from 2 to 0; swap or correct them",
    ),
    "two bands with one id": (
        'id = "high", label',
        'id = "low", label',
        "definition: scales.total: band 'low' is there twice; give each band its own id",
    ),
    "an alert on an item that is not there": (
        'item = "bees"',
        'item = "wasps"',
        "definition: alerts.swarm: item 'wasps' is not in this instrument; use one of dig, sow, sit, bees",
    ),
    "an alert that no answer can raise": (
        "at_least = 40",
        "at_least = 51",
        "definition: alerts.swarm: 51 is not an answer to 'bees'; allowed: 0 to 50",
    ),
    "an example with an item that is not there": (
        "responses = { sit = 2 }",
        "responses = { nap = 2 }",
        "definition: examples.a-lazy-day: item 'nap' is not in this instrument; use one of dig, sow, sit, bees",
    ),
    "an example with an answer that is not allowed": (
        "responses = { sit = 2 }",
        "responses = { sit = 3 }",
        "definition: examples.a-lazy-day: 3 is not an answer to 'sit'; allowed: 0, 1, 2",
    ),
    "an example for a scale that is not there": (
        "bands = { total",
        "bands = { sum",
        "definition: examples.a-good-day: scale 'sum' is not in this instrument; use one of total, bees",
    ),
    "a scale that no example proves": (
        "scores = { total = 5, bees = 12 }",
        "scores = { total = 5 }",
        "definition: scales.bees: no worked example gives its score; add one with its source",
    ),
}


@pytest.mark.parametrize(("old", "new", "said"), CONTRADICTIONS.values(), ids=CONTRADICTIONS.keys())
def test_a_definition_that_contradicts_itself_is_refused(bent: Bend, old: str, new: str, said: str) -> None:
    assert said in refusal(bent((old, new))).splitlines()


SCORING = {
    "a method that is not in the list": (
        'method = "sum"',
        'method = "magic"',
        "definition: scales.total: method 'magic' is not known; use one of sum, mean, item, count, additive, met_minutes, activity_level",
    ),
    "a parameter that the method does not take": (
        'method = "sum"\n',
        'method = "sum"\nparameters = { weight = 2 }\n',
        "definition: scales.total: method 'sum' takes no parameter 'weight'; remove it",
    ),
    "the answers as a parameter": (
        'method = "sum"\n',
        'method = "sum"\nparameters = { answers = 2 }\n',
        "definition: scales.total: method 'sum' takes no parameter 'answers'; remove it",
    ),
    "a single item that is three": (
        'method = "sum"',
        'method = "item"',
        "definition: scales.total: method 'item' takes one item, not 3; name one or use another method",
    ),
    "a value set for a sum": (
        'method = "sum"\n',
        'method = "sum"\nvalue_set = "uk-2026-rowen"\n',
        "definition: scales.total: method 'sum' uses no value set; remove it",
    ),
    "a value set of another instrument": (
        'method = "sum"\n',
        'method = "additive"\nvalue_set = "uk-2026-rowen"\n',
        "definition: scales.total: value set: 'uk-2026-rowen' is not known for garden; use one of none",
    ),
    "a value of a profile with a gap": (
        'method = "sum"\n',
        'method = "additive"\n',
        "definition: scales.total: a value needs every item; let min_answered be 3",
    ),
    "a range that the items cannot give": (
        "maximum = 50\nbetter",
        "maximum = 60\nbetter",
        "definition: scales.bees: range is 0 to 60 but its items give 0 to 50; correct the range or the items",
    ),
    "an example with the wrong score": (
        "scores = { total = 5,",
        "scores = { total = 4,",
        "definition: examples.a-good-day: total has value 5.0, not 4; correct the example or the scale",
    ),
    "an example with the wrong band": (
        'bands = { total = "high" }',
        'bands = { total = "low" }',
        "definition: examples.a-good-day: total has band high, not low; correct the example or the scale",
    ),
    "an example with the wrong reason": (
        'reasons = { total = "too-few-answers"',
        'reasons = { total = "no-value-set"',
        "definition: examples.a-lazy-day: total has reason too-few-answers, not no-value-set; "
        "correct the example or the scale",
    ),
}


@pytest.mark.parametrize(("old", "new", "said"), SCORING.values(), ids=SCORING.keys())
def test_a_definition_that_cannot_score_as_it_says_is_refused(bent: Bend, old: str, new: str, said: str) -> None:
    assert said in refusal(bent((old, new))).splitlines()


EQ5D = {
    "dimensions in another order": (
        'items = ["mo", "sc", "ua", "pd", "ad"]',
        'items = ["sc", "mo", "ua", "pd", "ad"]',
        "definition: scales.value: items differ from those of 'uk-2026-rowen'; let them be mo, sc, ua, pd, ad",
    ),
    "the range of another set": (
        "minimum = -0.567",
        "minimum = -0.594",
        "definition: scales.value: range is -0.594 to 1 but its items give -0.567 to 1; correct the range or the items",
    ),
    "a default set that is not there": (
        'value_set = "uk-2026-rowen"',
        'value_set = "uk-1997"',
        f"definition: scales.value: value set: 'uk-1997' is not known for eq5d-5l; use one of {EQ5D_SETS}",
    ),
    "an example in a set that is not there": (
        'value_set = "england-2018-devlin"',
        'value_set = "uk-1997"',
        "definition: examples.worst-profile-in-england: value set: 'uk-1997' is not known for eq5d-5l; "
        f"use one of {EQ5D_SETS}",
    ),
    "an example that another set would score": (
        'value_set = "england-2018-devlin"\nscores = { value = -0.285 }',
        "scores = { value = -0.285 }",
        "definition: examples.worst-profile-in-england: value has value -0.567, not -0.285; "
        "correct the example or the scale",
    ),
}


@pytest.mark.parametrize(("old", "new", "said"), EQ5D.values(), ids=EQ5D.keys())
def test_a_value_is_refused_unless_its_value_set_fits(old: str, new: str, said: str) -> None:
    text = (FOLDER / "eq5d-5l-1.toml").read_text(encoding="utf-8")
    assert old in text
    assert refusal(text.replace(old, new, 1)) == said


def test_a_definition_without_a_worked_example_is_refused(garden_text: str) -> None:
    without = garden_text.partition("[[examples]]")[0]
    assert refusal(without) == "definition: examples: is missing; add it"


def test_an_empty_list_of_worked_examples_is_refused(garden_text: str) -> None:
    without = "examples = []\n" + garden_text.partition("[[examples]]")[0]
    assert refusal(without).splitlines() == [
        "definition: scales.total: no worked example gives its score; add one with its source",
        "definition: scales.bees: no worked example gives its score; add one with its source",
    ]


def test_a_definition_that_asks_nothing_is_refused(garden_text: str) -> None:
    head, _, rest = garden_text.partition("[[items]]")
    nothing = "items = []\n" + head + rest[rest.index("[[scales]]") :]
    assert "definition: items: there are none; add at least one" in refusal(nothing).splitlines()


def test_a_coding_that_is_not_written_down_at_all_is_asked_for(garden_text: str) -> None:
    head, _, rest = garden_text.partition("[[codings]]")
    assert refusal(head + rest[rest.index("[[items]]") :]).splitlines() == [
        f"definition: items.{id}: coding 'often-0-2' is not in this file; add it under codings"
        for id in ("dig", "sow", "sit")
    ]


def test_an_item_that_is_a_word_is_refused(bent: Bend, garden_text: str) -> None:
    head, _, rest = garden_text.partition("[[items]]")
    items_as_words = 'items = ["dig"]\n' + head + rest[rest.index("[[scales]]") :]
    assert refusal(items_as_words) == "definition: items.1: must be a table, not 'dig'; write it as key = value"


def test_a_coding_that_is_a_number_is_refused(bent: Bend) -> None:
    said = refusal(bent(('coding = "often-0-2"', "coding = 2")))
    assert said == "definition: items.dig.coding: must be words, not 2; correct it"


def test_every_contradiction_is_told_at_once(bent: Bend) -> None:
    said = refusal(bent(('version = "1"', 'version = "x"'), ("at_least = 40", "at_least = 99")))
    assert [line.split(":")[1].strip() for line in said.splitlines()] == ["version", "alerts.swarm"]


@pytest.mark.parametrize("kind", ["scoring-only", "text-pack"])
def test_wording_that_the_licence_keeps_is_refused_wherever_it_stands(bent: Bend, kind: str) -> None:
    stem = 'intro = "Think of a garden."\nstem = "How often?"'
    said = refusal(bent(('kind = "open"', f'kind = "{kind}"'), ('intro = "Think of a garden."', stem)))
    remedy = f"the licence is {kind}, so remove the wording and use a slot"
    assert f"definition: intro: has wording; {remedy}" in said
    assert f"definition: stem: has wording; {remedy}" in said
    assert f"definition: items.dig: has wording ('How often do you dig?'); {remedy}" in said
    assert f"definition: items.dig: has wording ('Never'); {remedy}" in said


@pytest.mark.parametrize("end", ["low_label", "high_label"])
def test_the_words_at_the_ends_of_a_line_are_wording_too(bent: Bend, end: str) -> None:
    said = refusal(
        bent(
            ('kind = "open"', 'kind = "scoring-only"'),
            ('text = "How many bees did you see?"', f'slot = "Bees"\n{end} = "A great many"'),
        )
    )
    assert "items.bees: has wording ('A great many')" in said


def test_a_file_is_named_by_its_id_and_version(tmp_path: Path, garden_text: str) -> None:
    path = tmp_path / "garten-2.toml"
    path.write_text(garden_text, encoding="utf-8")
    with pytest.raises(BadDefinition) as refused:
        from_toml(path)
    assert str(refused.value) == ("garten-2.toml: id and version say garden-1.toml; rename the file or correct them")


def test_messages_about_a_file_start_with_its_name(tmp_path: Path, bent: Bend) -> None:
    path = tmp_path / "garden-1.toml"
    path.write_text(bent(("at_least = 40", "at_least = 99")), encoding="utf-8")
    with pytest.raises(BadDefinition, match=r"^garden-1\.toml: alerts\.swarm: 99 is not an answer to 'bees'"):
        from_toml(path)


def test_a_file_in_another_encoding_is_refused_with_its_name(tmp_path: Path, bent: Bend) -> None:
    path = tmp_path / "garden-1.toml"
    path.write_bytes(bent(("Think of a garden.", "Think of a caf\u00e9.")).encode("latin-1"))
    with pytest.raises(BadDefinition, match=r"^garden-1\.toml: is not UTF-8 text; save it as UTF-8$"):
        from_toml(path)


def test_a_sound_file_is_read(tmp_path: Path, garden_text: str) -> None:
    path = tmp_path / "garden-1.toml"
    path.write_text(garden_text, encoding="utf-8")
    assert from_toml(path) == from_toml(garden_text)


def test_every_faulty_field_is_told_at_once(bent: Bend) -> None:
    text = bent(
        ("minutes = 1", 'minutes = "one"'), ('title = "Garden gladness"\n', ""), ('text = "How often do you sow?"', "txt = 1"),
        ('respondents = ["self"]', 'respondents = ["me", "you"]'),
    )  # fmt: skip
    assert [line.split(": ")[1] for line in refusal(text).splitlines()] == [
        "title", "respondents.1", "respondents.2", "minutes", "items.sow.txt",
    ]  # fmt: skip


def test_an_option_is_named_by_its_code(bent: Bend) -> None:
    said = refusal(bent(('{ code = 0, label = "Never" }', '{ code = 0, label = "" }')))
    assert said.startswith("definition: codings.often-0-2.options.0.label: is empty")


def test_a_number_too_long_for_python_is_not_toml(bent: Bend) -> None:
    assert refusal(bent(("minutes = 1", "minutes = " + "9" * 5000))).startswith("definition: is not TOML (")
