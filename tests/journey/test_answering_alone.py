"""Somebody answers alone, on a phone of their own or on the worker's device; in a real browser."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import watched_page
from tests.journey.conftest import Live

ASK = "/people/{same-site}/self-completion/6m"


@pytest.fixture
def own(chromium: Browser) -> Iterator[Page]:
    """The person's own phone, which knows nothing of the worker's. Every page of theirs is put to axe in test_pages."""
    with watched_page(chromium, 390, 844, refused="/answers") as page:
        yield page


@pytest.fixture
def worker(chromium: Browser, live: Live) -> Iterator[Page]:
    with watched_page(chromium, 390, 844) as page:
        live.cookies.clear()
        live.sign_in(page, "link-worker")
        yield page


def make_link(live: Live, worker: Page, path: str = ASK) -> str:
    live.open(worker, path)
    worker.get_by_label("By a link").check()
    worker.get_by_role("button", name="Continue").click()
    expect(worker.get_by_alt_text("QR code")).to_be_visible()
    return worker.locator(".lwk-once code").inner_text()


def open_link(page: Page, link: str) -> None:
    page.goto(link)
    page.get_by_role("button", name="Open the questions").click()


def answer_one(page: Page) -> bool:
    """Answer what is asked now; whether it was an answer that asks for action."""
    options, number = page.locator("input[type=radio]"), page.locator("input[inputmode=numeric]")
    if options.count():
        options.nth(1).check(force=True)
    else:
        number.fill("70")
    page.get_by_role("button", name="Next").click()
    return page.get_by_role("heading", name="Thank you for telling us").count() > 0


def test_given_a_link_when_it_is_answered_then_the_worker_sees_safety_and_the_scores(
    live: Live, worker: Page, own: Page
):
    link = make_link(live, worker)
    open_link(own, link)
    assert link.rsplit("/", 1)[1] not in own.url
    own.locator("main a.nhsuk-button").click()
    answered = helped = 0
    while own.get_by_role("button", name="Next").count():
        assert "Same-Site" not in own.content()
        answered += 1
        if answer_one(own):
            helped += 1
            expect(own.get_by_role("link", name="Call 999")).to_be_visible()
            own.get_by_role("link", name="Go on").click()
        if answered == 3:  # the browser is closed and opened again
            own.goto("about:blank")
            own.goto(live.address + "/answers")
            expect(own.get_by_role("heading", name="Welcome back")).to_be_visible()
            own.get_by_role("link", name="Go on").click()
    assert (answered > 10, helped) == (True, 1)
    live.open(worker, "/?show=all&need=safety")
    expect(worker.get_by_role("link", name="Person Same-Site", exact=True).first).to_be_visible()
    own.get_by_role("button", name="Send your answers").click()
    expect(own.get_by_role("heading", name="Thank you", exact=True)).to_be_visible()
    live.open(worker, "/people/{same-site}")
    expect(worker.locator("figure.lwk-chart").first).to_be_visible()


def test_given_a_link_that_was_opened_when_it_is_opened_elsewhere_then_it_opens_nothing(
    live: Live, worker: Page, chromium: Browser
):
    link = make_link(live, worker, "/people/{own}/self-completion/6m")
    for words in ("Before you begin", "There is nothing to answer here"):
        with watched_page(chromium, 390, 844, refused="/answer") as page:
            open_link(page, link)
            expect(page.get_by_role("heading", name=words)).to_be_visible()


def test_given_the_device_is_handed_over_then_the_record_is_closed_and_back_shows_nothing_of_it(
    live: Live, worker: Page
):
    live.open(worker, "/people/{own}")
    live.open(worker, "/people/{own}/self-completion/6m")
    worker.get_by_label("On this device").check()
    worker.get_by_role("button", name="Continue").click()
    expect(worker.get_by_role("heading", name="Before you begin")).to_be_visible()
    worker.go_back()
    assert "Person Own" not in worker.content()
    live.open(worker, "/people/{own}")
    expect(worker.get_by_label("Password")).to_be_visible()
    live.cookies.clear()


def test_the_pages_speak_welsh_and_go_on_speaking_it(live: Live, worker: Page, own: Page):
    own.goto(make_link(live, worker, "/people/{own}/self-completion/6m"))
    own.get_by_role("link", name="Cymraeg").click()
    expect(own.locator("html")).to_have_attribute("lang", "cy")
    own.locator("main button").click()
    expect(own.locator("html")).to_have_attribute("lang", "cy")
    expect(own.get_by_role("heading", name="Before you begin")).to_have_count(0)
