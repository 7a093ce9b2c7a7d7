"""Somebody answers alone: by a link on a phone of their own, and on the worker's device, handed over."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser import check_accessible, watch
from tests.journey.conftest import Live

SIZES = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True, "locale": "en-GB"}
QUESTIONS = 13
ALONE = re.compile(r"^Let the person answer.*6 months$")


@pytest.fixture
def phones(chromium: Browser) -> Iterator[list[BrowserContext]]:
    """Two phones that know nothing of each other; leaving them fails if a page of theirs had a complaint."""
    contexts = [chromium.new_context(**SIZES) for _ in range(2)]  # type: ignore[arg-type]
    complaints = [watch(context) for context in contexts]
    yield contexts
    for context in contexts:
        context.close()
    assert [each for found in complaints for each in found] == []


def make_link(live: Live, page: Page, person: str) -> str:
    live.open(page, f"/people/{{{person}}}")
    page.get_by_role("link", name=ALONE).tap()
    page.get_by_label("By a link").check()
    page.get_by_role("button", name="Continue").tap()
    expect(page.get_by_role("heading", level=1)).to_have_text("Give this link to the person")
    expect(page.get_by_alt_text("QR code of the link that is written below")).to_be_visible()
    check_accessible(page)
    return page.locator(".lwk-once code").inner_text()


def asked(page: Page, number: int) -> None:
    expect(page.locator(".lwk-progress")).to_contain_text(f"Question {number} of {QUESTIONS}")


def answer(page: Page, value: int, number: int) -> None:
    """Answer the question that is asked, and go on."""
    asked(page, number)
    page.locator(f"main input[type=radio][value='{value}']").check()
    page.get_by_role("button", name="Next").tap()


def test_given_a_link_when_somebody_answers_in_two_sittings_then_the_worker_sees_safety_and_scores(
    live: Live, phones: list[BrowserContext]
):
    # Given a worker who makes a link for somebody on their caseload
    worker, theirs = phones[0].new_page(), phones[1].new_page()
    live.sign_in(worker, "link-worker")
    url = make_link(live, worker, "same-site")

    # When the person opens it on their own phone
    theirs.goto(url)
    check_accessible(theirs)
    theirs.get_by_role("button", name="Open the questions").tap()
    expect(theirs.get_by_text(f"Questions: {QUESTIONS}.")).to_be_visible()
    assert url.rpartition("/")[2] not in theirs.url
    check_accessible(theirs)

    # And answers the first instrument and half of the second, with thoughts of being better off dead, and closes the page
    theirs.get_by_role("link", name="Go on").tap()
    theirs.wait_for_url("**/answers/*/*")
    theirs.goto(live.address + "/answers/1/1")
    for number in range(1, 5):
        asked(theirs, number)
        check_accessible(theirs)
        answer(theirs, 6, number)
    asked(theirs, 5)
    theirs.goto(live.address + "/answers/2/9")
    answer(theirs, 1, 13)
    expect(theirs.get_by_role("heading", level=1)).to_have_text("Thank you for telling us")
    expect(theirs.get_by_role("link", name="Call 116 123")).to_have_attribute("href", "tel:116123")
    check_accessible(theirs)
    theirs.close()

    # Then it stands on the worker's start page at once, though nothing is finished
    live.open(worker, "/?show=all")
    row = worker.get_by_role("listitem").filter(has_text="Person Same-Site")
    expect(row.get_by_text("Safety", exact=True)).to_be_visible()
    live.open(worker, "/people/{same-site}")
    expect(worker.get_by_text("Answering now")).to_be_visible()
    check_accessible(worker)

    # When the person taps the same link again, it leads them back, and they finish
    again = phones[1].new_page()
    again.goto(url)
    again.get_by_role("link", name="Go on with your answers").tap()
    expect(again.get_by_role("heading", level=1)).to_have_text("Welcome back")
    again.goto(live.address + "/answers/2/1")
    for number in range(5, 14):
        answer(again, 1, number)
    again.get_by_role("link", name="Go on", exact=True).tap()
    expect(again.get_by_role("heading", level=1)).to_have_text("Check your answers")
    check_accessible(again)
    again.get_by_role("button", name="Send your answers").tap()
    expect(again.get_by_role("heading", level=1)).to_have_text("Thank you")
    check_accessible(again)

    # Then Back shows none of the answers, and the link opens nothing more
    again.go_back()
    again.reload()
    expect(again.get_by_role("heading", level=1)).to_have_text("There is nothing to answer here")
    again.goto(url)
    again.get_by_role("button", name="Open the questions").tap()
    expect(again.get_by_role("heading", level=1)).to_have_text("There is nothing to answer here")

    # And the worker finds the scores, and the alarm still
    live.open(worker, "/people/{same-site}")
    expect(worker.get_by_role("img", name=re.compile(r"Depression severity.*6 months 9"))).to_be_visible()
    expect(worker.get_by_role("heading", name="Ask about safety now")).to_be_visible()
    check_accessible(worker)


def test_given_a_device_handed_over_when_the_person_goes_back_then_nothing_of_the_record_is_there(
    live: Live, phones: list[BrowserContext]
):
    # Given a worker at the person's page
    device = phones[0].new_page()
    live.sign_in(device, "quay-worker")
    live.open(device, "/people/{other-site}")
    expect(device.get_by_role("heading", level=1)).to_have_text("Person Other-Site")

    # When they hand the device over
    device.get_by_role("link", name=ALONE).tap()
    device.get_by_label("On this device, now").check()
    device.get_by_role("button", name="Continue").tap()

    # Then the questions are there, and nothing of the record: neither by Back nor by its address
    expect(device.get_by_role("heading", level=1)).to_have_text("Before you begin")
    assert "Other-Site" not in device.content()
    check_accessible(device)
    for _ in range(3):
        device.go_back()
        expect(device.locator("body")).not_to_contain_text("Person Other-Site")
        assert device.get_by_label("Study number").count() == 0
    live.open(device, "/people/{other-site}")
    expect(device.get_by_role("heading", level=1)).to_have_text("Sign in")
    live.open(device, "/")
    expect(device.get_by_role("heading", level=1)).to_have_text("Sign in")

    # When the person has answered, the device is asked back, and the worker signs in again
    device.goto(live.address + "/answers/1/1")
    for number in range(1, 5):
        answer(device, 5, number)
    device.get_by_role("link", name="Check your answers").tap()
    device.get_by_role("button", name="Send your answers").tap()
    expect(device.get_by_text("Please give the device back now.")).to_be_visible()
    check_accessible(device)
    device.get_by_role("link", name="Staff: sign in").tap()
    expect(device.get_by_role("heading", level=1)).to_have_text("Sign in")
    live.cookies.pop("quay-worker", None)
    live.sign_in(device, "quay-worker")
    live.open(device, "/people/{other-site}")
    expect(device.get_by_role("img", name=re.compile(r"Life satisfaction.*6 months 5"))).to_be_visible()


def test_given_the_keyboard_alone_and_no_script_when_questions_are_answered_then_it_is_enough(
    live: Live, chromium: Browser
):
    context = chromium.new_context(viewport={"width": 390, "height": 844}, java_script_enabled=False)
    page = context.new_page()
    live.sign_in(page, "respondent")
    live.open(page, "/answers/1/1")
    for number in range(1, 4):
        asked(page, number)
        page.locator("main input[type=radio]").first.focus()
        page.keyboard.press("Space")
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Enter")
    asked(page, 4)
    live.open(page, "/answers/check")
    expect(page.locator(".nhsuk-summary-list__value").first).to_have_text("1")
    context.close()


@pytest.mark.parametrize("path", ["/answers/1/1", "/answers/2/9", "/answers/check", "/answers/2/9/help"])
def test_given_text_twice_as_large_when_a_page_is_read_then_nothing_needs_scrolling_sideways(
    live: Live, chromium: Browser, path: str
):
    """As on a screen of 640 px at 200 %."""
    context = chromium.new_context(viewport={"width": 320, "height": 640})
    page = context.new_page()
    live.sign_in(page, "respondent")
    for language in ("en", "cy"):
        live.open(page, f"{path}?language={language}")
        check_accessible(page)
    size = page.evaluate("parseFloat(getComputedStyle(document.querySelector('main')).fontSize)")
    assert size >= 20, "the type is large without being asked for"
    context.close()


def test_given_letters_twice_their_size_when_any_question_is_read_then_it_fits_the_phone(
    live: Live, phones: list[BrowserContext]
):
    """A long word in a question's heading, such as "television", is broken rather than run off the screen."""
    page = phones[0].new_page()
    live.sign_in(page, "respondent")
    for number in range(1, 10):
        live.open(page, f"/answers/2/{number}")
        page.evaluate("document.documentElement.style.fontSize = '200%'")
        assert page.evaluate("document.documentElement.scrollWidth") == 390, f"question {number}"
