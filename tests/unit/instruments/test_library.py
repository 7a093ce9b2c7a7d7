"""What ships: every instrument is found, proved on its own examples, and within its licence."""

from __future__ import annotations

from pathlib import Path

import pytest

import instruments
from instruments import UnknownInstrument, from_toml, get, library, value_sets
from instruments.definition import Instrument, WorkedExample
from instruments.scoring import METHODS, score

FILES = sorted(instruments.FOLDER.glob("*.toml"))
KNOWN = ", ".join(sorted(each.id for each in library()))
EXAMPLES = [(instrument, example) for instrument in library() for example in instrument.examples]


# By what the review measured; in each domain what is printed with its wording, then what is scored only.
STARTER_SET = {
    "health-related quality of life": "hrqol4 / eq5d-5l eq5d-3l promis-global10 icecap-o whoqol-bref",
    "wellbeing": "ons4 / swemwbs wemwbs who5",
    "mental health": "phq9 phq2 gad7 gad2 / k6 k10 reqol10",
    "loneliness and social support": "ucla3 ons-loneliness / osss3 djg6 lsns6",
    "self-rated health": "gsrh /",
    "physical activity and function": "/ ipaq-sf wsas",
    "quality of care": "/ fft care mtbq",
}


def test_the_whole_starter_set_ships_in_its_domains() -> None:
    for domain, ids in STARTER_SET.items():
        printed, scored = (set(half.split()) for half in ids.split("/"))
        of_domain = {each.id: each.licence.kind for each in library() if each.domain == domain}
        assert set(of_domain) == printed | scored
        assert {id for id, kind in of_domain.items() if kind == "open"} == printed
    assert len(library()) == 28
    assert [each.id for each in library() if each.licence.kind == "text-pack"] == ["who5"]


def test_the_library_is_ordered_by_title() -> None:
    titles = [instrument.title for instrument in library()]
    assert titles == sorted(titles)


def test_the_latest_version_is_given_unless_another_is_named() -> None:
    assert get("phq9") is get("phq9", "1")
    assert get("phq9") in library()


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
    assert str(refused.value) == f"instrument: 'phq8' is not known; use one of {KNOWN}"


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
    scores = score(instrument, example.responses, value_set=example.value_set, age=example.age, sex=example.sex)
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
    for instrument in library():
        if instrument.licence.kind != "open":
            continue
        assert instrument.licence.notice
        assert all(item.text and item.slot is None for item in instrument.items)


def test_what_is_not_open_ships_without_a_word_of_its_holder() -> None:
    closed = [each for each in library() if each.licence.kind != "open"]
    assert len(closed) == 19
    for instrument in closed:
        assert [words for item in instrument.items for words in item.wording] == [], instrument.id
        assert (instrument.intro, instrument.stem) == (None, None)
        assert all(item.slot for item in instrument.items)
        assert "not part of this kit" in " ".join(instrument.licence.notice.split()) or instrument.id == "who5"


@pytest.mark.parametrize("instrument", library(), ids=lambda each: each.id)
def test_every_scale_is_scored_in_an_example_within_its_range(instrument: Instrument) -> None:
    for scale in instrument.scales:
        used = [
            value for example in instrument.examples for value in [example.scores.get(scale.id)] if value is not None
        ]
        assert used, f"no worked example scores {scale.id}"
        assert all(scale.minimum <= value <= scale.maximum for value in used) or scale.value_set


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
