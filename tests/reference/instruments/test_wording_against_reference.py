"""The words on the screen are the holder's words, unchanged."""

from __future__ import annotations

from typing import Any

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
