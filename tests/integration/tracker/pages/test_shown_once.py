"""What is shown once: whoever reloads the page that shows it makes no other, which would end what they wrote down."""

from __future__ import annotations

import re

import pytest

from tests.integration.tracker.pages.conftest import Desk, newest_event, written
from tests.integration.tracker.pages.forms import ASK_ALONE, INVITE, NEW_LINK, RECOVERY_CODES, Form

MADE = "You made this already, and what you saw then is good."
FORMS = (RECOVERY_CODES, NEW_LINK, ASK_ALONE)
SECRET = re.compile(r"/(?:answer|invitation)/[\w-]{40,}|\b[A-Z0-9]{4}(?:-[A-Z0-9]{4}){3}\b")
EACH = pytest.mark.parametrize("form", FORMS, ids=str)


@EACH
def test_reloading_what_was_shown_makes_nothing_and_says_so(desk: Desk, form: Form):
    shown, sent = desk.submit(form)
    assert SECRET.search(shown.html)
    before, last = written(), newest_event().number
    again = desk.send(form.who, form.path, sent)
    assert again.status == 422
    assert MADE in again.text
    assert not SECRET.search(again.html)
    assert (written(), newest_event().number) == (before, last)


@EACH
def test_what_is_reloaded_a_second_time_makes_nothing_either(desk: Desk, form: Form):
    _, sent = desk.submit(form)
    last = newest_event().number
    for _ in range(2):
        assert desk.send(form.who, form.path, sent).status == 422
    assert newest_event().number == last


@EACH
def test_whoever_lost_it_makes_another_from_the_page_that_says_so(desk: Desk, form: Form):
    _, sent = desk.submit(form)
    again = desk.send(form.who, form.path, sent)
    made = desk.send(form.who, form.path, sent | {"once": again.typed["once"]})
    assert made.status == 200
    assert SECRET.search(made.html)


@EACH
def test_a_fresh_page_makes_another_at_once(desk: Desk, form: Form):
    first, _ = desk.submit(form)
    second, _ = desk.submit(form)
    assert second.status == 200
    assert set(SECRET.findall(first.html)).isdisjoint(SECRET.findall(second.html))


@pytest.mark.parametrize("form", [INVITE, NEW_LINK], ids=str)
def test_what_was_typed_is_offered_no_more_once_it_is_made(desk: Desk, form: Form):
    sent = desk.fill(form)
    assert desk.send(form.who, "/held-form", sent | {"held_path": desk.address(form.path)}).status == 204
    assert "was not saved" in desk.open(form.who, form.path).text
    assert desk.send(form.who, form.path, sent).status == 200
    assert "was not saved" not in desk.open(form.who, form.path).text


@EACH
def test_a_form_that_was_refused_made_nothing_and_may_be_sent_again(desk: Desk, form: Form):
    sent = desk.fill(form)
    refused = desk.send(form.who, form.path, sent | {"once": "not a key"})
    assert refused.status == 422
    assert MADE not in refused.text
    assert desk.send(form.who, form.path, sent).status == 200
