"""The words on the screen are the holder's words, unchanged."""

from __future__ import annotations

from typing import Any

import pytest

from instruments import get


def test_the_ons4_asks_in_the_published_words(wording: dict[str, Any]) -> None:
    published, ons4 = wording["ons4"], get("ons4")
    assert ons4.intro == published["intro"]
    assert [item.text for item in ons4.items] == published["items"]
    assert [scale.better for scale in ons4.scales] == published["direction"]
    assert {item.allowed for item in ons4.items} == {"0 to 10"}


def test_the_phq9_asks_in_the_published_words(wording: dict[str, Any]) -> None:
    published, phq9 = wording["phq9"], get("phq9")
    assert phq9.stem == published["stem"]
    assert [item.text for item in phq9.items] == published["items"]
    for item in phq9.items:
        assert {str(option.code): option.label for option in item.options} == published["options"]


def test_the_phq9_carries_the_notice_of_its_holder(wording: dict[str, Any]) -> None:
    notice = get("phq9").licence.notice
    assert "No permission required to reproduce, translate, display or distribute" in notice
    credit = "Developed by Drs Robert L. Spitzer, Janet B.W. Williams, Kurt Kroenke and colleagues"
    assert credit in notice
    assert credit in wording["phq9"]["licence"]


def test_the_ons4_names_the_licence_it_is_printed_under(wording: dict[str, Any]) -> None:
    assert "Open Government Licence v3" in wording["ons4"]["licence"]
    assert "Open Government Licence v3.0" in get("ons4").licence.notice
    assert get("ons4").licence.url in wording["ons4"]["source"]


@pytest.mark.parametrize(("id", "n"), [("gad7", 7), ("gad2", 2)])
def test_the_gad_asks_in_the_published_words(wording: dict[str, Any], id: str, n: int) -> None:
    published, gad = wording["gad7"], get(id)
    assert gad.stem == published["stem"]
    assert [item.text for item in gad.items] == published["items"][:n]
    for item in gad.items:
        assert {str(option.code): option.label for option in item.options} == published["options"]
    assert published["options"]["0"] == "Not at all"


def test_the_phq2_is_the_first_two_questions_of_the_phq9() -> None:
    assert [item.text for item in get("phq2").items] == [item.text for item in get("phq9").items[:2]]
    assert [item.options for item in get("phq2").items] == [item.options for item in get("phq9").items[:2]]
    assert get("phq2").stem == get("phq9").stem


def test_loneliness_is_asked_in_the_words_of_the_national_indicators(wording: dict[str, Any]) -> None:
    published = wording["ons_loneliness"]
    ucla = get("ucla3").items
    assert [item.text for item in ucla] == published["ucla3_items"]
    for item in ucla:
        assert {str(option.code): option.label for option in item.options} == published["ucla3_options"]
    (direct,) = get("ons-loneliness").items
    assert direct.text == published["direct_item"]
    assert [option.label for option in direct.options] == published["direct_options"]


def test_general_health_is_asked_in_the_published_words(wording: dict[str, Any]) -> None:
    (item,) = get("gsrh").items
    assert [item.text] == wording["gsrh"]["items"]
    assert {str(option.code): option.label for option in item.options} == wording["gsrh"]["options"]


def test_the_hrqol4_asks_in_the_published_words(wording: dict[str, Any]) -> None:
    hrqol4 = get("hrqol4")
    assert [item.text for item in hrqol4.items] == wording["cdc_hrqol4"]["items"]
    assert hrqol4.items[0].text is not None
    for option in hrqol4.items[0].options:
        assert option.label is not None
        assert option.label.lower() in hrqol4.items[0].text
