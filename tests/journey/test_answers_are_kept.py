"""A closed page loses no answer: on a phone, with and without a connection, one question at a time."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import watched_page
from tests.journey.conftest import Live

FORM = "/people/{own}/assessments/{instrument}/6m"
KEPT = "The answers so far are kept."


def open_form(live: Live, page: Page, instrument: str, who: str = "link-worker", then: str = "") -> None:
    live.sign_in(page, who)
    page.goto(live.address + FORM.format(own=live.places["own"], instrument=instrument) + then)


def test_given_answers_when_the_page_is_closed_then_another_phone_goes_on_with_them(live: Live, chromium: Browser):
    with watched_page(chromium, 390, 844) as phone:
        open_form(live, phone, "phq9")
        phone.locator("input[name=item-i1][value='1']").check()
        phone.locator("input[name=item-i2][value='prefer-not-to-say']").check()
        expect(phone.locator("[data-kept]")).to_have_text(KEPT)
    with watched_page(chromium, 390, 844) as other:
        open_form(live, other, "phq9", "supervisor")
        expect(other.locator("input[name=item-i1][value='1']")).to_be_checked()
        expect(other.locator("input[name=item-i2][value='prefer-not-to-say']")).to_be_checked()


def test_given_a_number_and_the_ruler_when_they_are_left_then_they_are_kept(live: Live, phone: Page):
    open_form(live, phone, "eq5d-5l")
    phone.locator("#item-vas").fill("64")
    phone.locator("#item-vas").blur()
    expect(phone.locator("[data-kept]")).to_have_text(KEPT)
    with phone.expect_response(lambda answer: "item-vas=65" in (answer.request.post_data or "")):
        phone.locator("#item-vas-slider").focus()
        phone.keyboard.press("ArrowUp")
        phone.locator("#item-vas-slider").blur()
    phone.reload()
    expect(phone.locator("#item-vas")).to_have_value("65")


def test_given_a_number_when_it_is_refused_instead_then_one_takes_the_place_of_the_other(live: Live, phone: Page):
    open_form(live, phone, "eq5d-5l")
    box, refusal = phone.locator("#item-vas"), phone.locator("#item-vas-not-said")
    box.fill("40")
    refusal.check()
    expect(box).to_have_value("")
    box.fill("41")
    expect(refusal).not_to_be_checked()


def test_given_a_number_off_the_scale_when_it_is_left_then_it_is_told_and_can_be_mended(live: Live, chromium: Browser):
    with watched_page(chromium, 390, 844, refused="/answers") as phone:
        open_form(live, phone, "eq5d-5l")
        phone.locator("#item-vas").fill("101")
        phone.locator("#item-vas").blur()
        expect(phone.locator("[data-kept]")).to_contain_text("Not kept yet: 101 is not an answer here")
        phone.locator("#item-vas").fill("99")
        phone.locator("#item-vas").blur()
        expect(phone.locator("[data-kept]")).to_have_text(KEPT)


def test_given_no_connection_when_it_is_back_then_the_waiting_answers_are_sent(live: Live, phone: Page):
    open_form(live, phone, "ons4")
    phone.context.set_offline(True)
    phone.locator("input[name=item-happy][value='3']").check()
    expect(phone.locator("[data-kept]")).to_contain_text("not kept yet")
    phone.context.set_offline(False)
    expect(phone.locator("[data-kept]")).to_have_text(KEPT)
    phone.reload()
    expect(phone.locator("input[name=item-happy][value='3']")).to_be_checked()


def test_given_a_session_that_ended_when_an_answer_is_given_then_it_is_said(live: Live, chromium: Browser):
    with watched_page(chromium, 390, 844, refused="/answers") as phone:
        open_form(live, phone, "ons4")
        phone.context.clear_cookies()
        phone.locator("input[name=item-anxious][value='5']").check()
        expect(phone.locator("[data-kept]")).to_contain_text("you were signed out")


def test_given_one_question_at_a_time_when_the_keyboard_is_all_there_is_then_it_is_enough(live: Live, phone: Page):
    open_form(live, phone, "ons4", "outcome-assessor", then="/questions/1")
    for number in range(1, 5):
        expect(phone.locator(".lwk-progress")).to_contain_text(f"question {number} of 4")
        radio = phone.locator("main input[type=radio]").first
        radio.focus()
        phone.keyboard.press("Space")
        phone.keyboard.press("ArrowRight")
        phone.keyboard.press("Enter")
    expect(phone.get_by_role("heading", level=1)).to_have_text("Check the answers: ONS4")
    expect(phone.locator(".nhsuk-summary-list__value").first).to_have_text("1")


@pytest.mark.parametrize("then", ["", "/questions/9"], ids=["one page", "one question"])
def test_given_item_nine_when_somebody_prefers_not_to_say_then_no_prompt_appears(live: Live, phone: Page, then: str):
    open_form(live, phone, "phq9", then=then)
    panel = phone.locator(".lwk-safety[data-alert-field]")
    phone.locator("input[name=item-i9][value='2']").check()
    expect(panel).to_be_visible()
    phone.locator("input[name=item-i9][value='prefer-not-to-say']").check()
    expect(panel).to_be_hidden()
    phone.locator("input[name=item-i9][value='0']").check()
