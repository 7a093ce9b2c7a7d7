"""An answer that should worry someone is shown at once, whatever the total."""

from __future__ import annotations

import pytest

from instruments import get
from instruments.definition import Instrument


@pytest.mark.parametrize("answer", [1, 2, 3])
def test_any_thought_of_self_harm_raises_the_safety_alert(answer: int) -> None:
    (alert,) = get("phq9").alerts_for({"i9": answer})
    assert (alert.id, alert.item) == ("self-harm", "i9")


def test_the_alert_does_not_wait_for_the_rest_of_the_form() -> None:
    assert len(get("phq9").alerts_for({"i1": None, "i9": 1})) == 1


def test_the_alert_does_not_look_at_the_total() -> None:
    nothing_else = {f"i{n}": 0 for n in range(1, 9)}
    assert len(get("phq9").alerts_for({**nothing_else, "i9": 1})) == 1


def test_the_highest_other_answers_raise_no_alert() -> None:
    everything_else = {f"i{n}": 3 for n in range(1, 9)}
    assert get("phq9").alerts_for({**everything_else, "i9": 0}) == ()


@pytest.mark.parametrize("responses", [{}, {"i9": None}])
def test_an_unanswered_item_raises_no_alert(responses: dict[str, int | None]) -> None:
    assert get("phq9").alerts_for(responses) == ()


def test_the_alert_tells_the_worker_what_to_do_in_plain_words() -> None:
    (alert,) = get("phq9").alerts
    assert alert.title == "Ask about safety now"
    assert "Follow your service's safety procedure" in alert.text
    assert not any(character.isdigit() for character in alert.text), "urgent numbers are for the service to set"


def test_an_alert_starts_at_its_threshold(garden: Instrument) -> None:
    assert garden.alerts_for({"bees": 39}) == ()
    assert [alert.id for alert in garden.alerts_for({"bees": 40})] == ["swarm"]


@pytest.mark.parametrize("id", ["ons4", "eq5d-5l"])
def test_an_instrument_without_alerts_raises_none(id: str) -> None:
    highest = {item.id: max(item.codes) for item in get(id).items}
    assert get(id).alerts_for(highest) == ()
