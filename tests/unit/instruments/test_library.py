"""What ships: every instrument is found, proved on its own examples, and within its licence."""

from __future__ import annotations

from pathlib import Path

import pytest

import instruments
from instruments import UnknownInstrument, from_toml, get, library, value_sets
from instruments.definition import Instrument, WorkedExample
from instruments.scoring import METHODS, score

FILES = sorted(instruments.FOLDER.glob("*.toml"))
EXAMPLES = [(instrument, example) for instrument in library() for example in instrument.examples]


def test_the_first_three_instruments_ship() -> None:
    assert [(instrument.id, instrument.version) for instrument in library()] == [
        ("eq5d-5l", "1"),
        ("ons4", "1"),
        ("phq9", "1"),
    ]


def test_the_library_is_ordered_by_title() -> None:
    titles = [instrument.title for instrument in library()]
    assert titles == sorted(titles)


def test_the_latest_version_is_given_unless_another_is_named() -> None:
    assert get("phq9") is get("phq9", "1")
    assert get("phq9") is library()[2]


def test_versions_are_counted_not_spelt(tmp_path: Path, garden_text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for version in ("2", "9", "10"):
        text = garden_text.replace('version = "1"', f'version = "{version}"')
        (tmp_path / f"garden-{version}.toml").write_text(text, encoding="utf-8")
    monkeypatch.setattr(instruments, "FOLDER", tmp_path)
    caches = (instruments.get, instruments.library, instruments._shelf)
    for cached in caches:
        cached.cache_clear()
    try:
        assert get("garden").version == "10"
        assert get("garden", "2").version == "2"
        assert [(each.id, each.version) for each in library()] == [("garden", "10")]
    finally:
        monkeypatch.undo()
        for cached in caches:
            cached.cache_clear()


def test_an_unknown_instrument_is_refused_by_name() -> None:
    with pytest.raises(UnknownInstrument) as refused:
        get("phq8")
    assert str(refused.value) == "instrument: 'phq8' is not known; use one of eq5d-5l, ons4, phq9"


def test_an_unknown_version_is_refused_by_name() -> None:
    with pytest.raises(UnknownInstrument) as refused:
        get("phq9", "7")
    assert str(refused.value) == "phq9: version '7' is not known; use one of 1"


def test_an_unknown_instrument_can_be_caught_as_a_key_error() -> None:
    with pytest.raises(KeyError):
        get("phq8")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_file_can_be_read(path: Path) -> None:
    instrument = from_toml(path)
    assert get(instrument.id, instrument.version) == instrument


@pytest.mark.parametrize(("instrument", "example"), EXAMPLES, ids=lambda each: each.id)
def test_every_worked_example_scores_as_it_says(instrument: Instrument, example: WorkedExample) -> None:
    scores = score(instrument, example.responses, value_set=example.value_set)
    assert {id: scores[id].value for id in example.scores} == example.scores
    assert {id: scores[id].band for id in example.bands} == example.bands
    assert {id: scores[id].reason for id in example.reasons} == example.reasons
    assert example.source


@pytest.mark.parametrize("instrument", library(), ids=lambda each: each.id)
def test_every_instrument_shows_what_its_missing_rule_does(instrument: Instrument) -> None:
    unscored = {id for example in instrument.examples for id in example.reasons}
    assert unscored, "no worked example leaves an item out"


@pytest.mark.parametrize("instrument", library(), ids=lambda each: each.id)
def test_every_scale_is_scored_by_a_method_in_the_list_and_says_who_made_its_missing_rule(
    instrument: Instrument,
) -> None:
    for scale in instrument.scales:
        assert scale.method in METHODS
        assert scale.missing.source


@pytest.mark.parametrize("instrument", library(), ids=lambda each: each.id)
def test_every_important_difference_has_a_kind_and_a_source(instrument: Instrument) -> None:
    for scale in instrument.scales:
        if scale.mid is not None:
            value, kind, source = scale.mid
            assert 0 < value < scale.maximum - scale.minimum
            assert kind in {"anchor", "distribution", "instrument-defined"}
            assert "doi:" in source


def test_every_open_instrument_prints_its_words_and_its_notice() -> None:
    for instrument in (get("ons4"), get("phq9")):
        assert instrument.licence.kind == "open"
        assert instrument.licence.notice
        assert all(item.text and item.slot is None for item in instrument.items)


def test_the_eq5d_ships_without_a_word_of_its_holder() -> None:
    eq5d = get("eq5d-5l")
    assert eq5d.licence.kind == "scoring-only"
    assert [item.slot for item in eq5d.items] == [
        "Mobility",
        "Self-care",
        "Usual activities",
        "Pain or discomfort",
        "Anxiety or depression",
        "Your health today",
    ]
    assert [words for item in eq5d.items for words in item.wording] == []
    assert (eq5d.intro, eq5d.stem) == (None, None)


def test_the_eq5d_names_the_default_value_set_and_its_range() -> None:
    scale = get("eq5d-5l").scale("value")
    assert scale.value_set == "uk-2026-rowen"
    assert scale.minimum == value_sets.load("uk-2026-rowen").minimum


def test_anxiety_runs_the_other_way() -> None:
    assert {scale.id: scale.better for scale in get("ons4").scales} == {
        "satisfied": "higher",
        "worthwhile": "higher",
        "happy": "higher",
        "anxious": "lower",
    }


def test_the_ons4_has_no_composite() -> None:
    assert all(len(scale.items) == 1 for scale in get("ons4").scales)


def test_the_phq9_needs_all_nine_items_and_says_that_no_other_rule_was_found() -> None:
    missing = get("phq9").scale("total").missing
    assert (missing.min_answered, missing.fill, missing.source) == (9, None, "none stated: all items needed")


def test_nobody_answers_the_ons4_for_someone_else() -> None:
    assert "proxy" not in get("ons4").respondents


def test_an_instrument_cannot_be_changed_after_it_is_read() -> None:
    with pytest.raises(AttributeError):
        get("phq9").title = "PHQ-10"  # type: ignore[misc]
