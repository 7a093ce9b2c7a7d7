"""The 0-100 ruler: by keyboard, by touch, by typing, and not before it is touched."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import watched_page
from tests.journey.conftest import Live

FORM = "/people/{own}/assessments/eq5d-5l/6m"


@pytest.fixture
def form(live: Live, phone: Page) -> Page:
    live.sign_in(phone, "link-worker")
    live.open(phone, FORM)
    return phone


def test_the_ruler_answers_nothing_before_it_is_touched(form: Page):
    expect(form.locator("#item-vas")).to_have_value("")
    expect(form.locator("#item-vas-slider")).to_have_attribute("aria-valuetext", "Not answered")


def test_the_keyboard_moves_the_ruler_and_the_number_follows(form: Page):
    ruler, box = form.locator("#item-vas-slider"), form.locator("#item-vas")
    ruler.focus()
    for key, number in (("Home", "0"), ("ArrowUp", "1"), ("End", "100"), ("ArrowDown", "99")):
        form.keyboard.press(key)
        expect(box).to_have_value(number)
        expect(ruler).to_have_attribute("aria-valuetext", number)


def test_a_touch_near_the_top_is_a_high_number(form: Page):
    ruler, box = form.locator("#item-vas-slider"), form.locator("#item-vas")
    ruler.scroll_into_view_if_needed()
    place = ruler.bounding_box()
    assert place is not None
    assert place["height"] > 250
    form.mouse.click(place["x"] + place["width"] / 2, place["y"] + place["height"] * 0.1)
    assert 80 < int(box.input_value()) < 100
    form.mouse.click(place["x"] + place["width"] / 2, place["y"] + place["height"] * 0.9)
    assert 0 < int(box.input_value()) < 20


def test_a_number_that_is_typed_moves_the_ruler(form: Page):
    form.locator("#item-vas").fill("42")
    expect(form.locator("#item-vas-slider")).to_have_value("42")
    form.locator("#item-vas").fill("")
    expect(form.locator("#item-vas-slider")).to_have_attribute("aria-valuetext", "Not answered")


def test_without_a_script_the_number_box_is_enough(live: Live, chromium: Browser):
    with watched_page(chromium, 390, 844) as page:
        live.sign_in(page, "link-worker")
        page.route("**/tracker.js*", lambda route: route.fulfill(body="", content_type="text/javascript"))
        live.open(page, FORM)
        expect(page.locator("#item-vas")).to_be_visible()
        expect(page.locator("#item-vas-slider")).to_be_hidden()
