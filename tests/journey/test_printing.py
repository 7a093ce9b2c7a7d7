"""Every page on paper: an A4 sheet wide, without what can only be tapped, and with what is folded on the screen."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import watched_page
from tests.journey.conftest import Live
from tests.journey.test_pages import LOOKS, look

SHEET = (717, 1000)
"""An A4 sheet between its margins, in CSS pixels."""

LEFT_OUT = "header, footer, nav, button, [type=submit], form[method=get], [role=search], .nhsuk-skip-link, .nhsuk-button:not(.lwk-due a)"
STANDING = """(left_out) => [...document.querySelectorAll(left_out)]
    .filter((each) => each.checkVisibility()).map((each) => each.outerHTML.slice(0, 120))"""
FOLDED = """() => [...document.querySelectorAll("details > :not(summary)")]
    .filter((each) => each.parentElement.checkVisibility())
    .filter((each) => !each.checkVisibility() || each.getBoundingClientRect().height === 0)
    .map((each) => each.outerHTML.slice(0, 120))"""
WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
ADDRESSES = """() => [...document.querySelectorAll("a")]
    .map((each) => getComputedStyle(each, "::after").content).filter((words) => words.includes("Link"))"""


def on_paper(live: Live, page: Page, who: str, path: str) -> None:
    """The page as it prints; signing in needs the buttons that paper does without."""
    page.emulate_media(media="screen")
    look(live, page, who, path)
    page.wait_for_load_state()
    page.emulate_media(media="print")


@pytest.mark.parametrize("who", sorted({who for who, _ in LOOKS}))
def test_every_page_of_theirs_fits_a_sheet_and_shows_what_is_folded_and_no_menus(
    live: Live, chromium: Browser, who: str
):
    with watched_page(chromium, *SHEET) as page:
        for path in (path for each, path in LOOKS if each == who):
            on_paper(live, page, who, path)
            assert page.evaluate(WIDE) <= 0, path
            assert page.evaluate(STANDING, LEFT_OUT) == [], path
            assert page.evaluate(FOLDED) == [], path
            assert page.evaluate(ADDRESSES) == [], path
            expect(page.locator("h1")).to_be_visible()


def test_the_tables_of_pictures_and_whom_the_caseload_folds_stand_on_paper(live: Live, desktop: Page):
    # Given a team whose pictures fold their tables away
    live.sign_in(desktop, "supervisor")
    live.open(desktop, "/team")
    tables = desktop.locator("figure table")
    assert tables.count() >= 3
    expect(tables.first).to_be_hidden()
    # When the page is printed, then each table is there, and folded again on the screen
    desktop.emulate_media(media="print")
    for table in tables.all():
        expect(table).to_be_visible()
    desktop.emulate_media(media="screen")
    expect(tables.first).to_be_hidden()


def test_what_is_due_is_named_on_paper_where_it_is_a_button_on_the_screen(live: Live, desktop: Page):
    live.sign_in(desktop, "link-worker")
    live.open(desktop, "/people/{same-site}")
    desktop.emulate_media(media="print")
    due = desktop.locator(".lwk-due", has_text="6 months")
    expect(due.get_by_role("link", name=re.compile("^PHQ-9"))).to_be_visible()
    expect(due.get_by_text("Let the person answer")).to_be_hidden()
    expect(desktop.get_by_role("link", name="Log contact")).to_be_hidden()


def test_a_browser_that_cannot_unfold_by_style_is_unfolded_by_script_while_it_prints(live: Live, desktop: Page):
    # Given a browser that does not know the folded part of a page by name, and one table that somebody has opened
    desktop.add_init_script("CSS.supports = () => false")
    live.sign_in(desktop, "supervisor")
    live.open(desktop, "/team")
    folded = desktop.locator("main details")
    folded.first.locator("summary").click()
    states = "all => all.map((each) => each.open)"
    before = folded.evaluate_all(states)
    assert before[0]
    assert not any(before[1:])
    # When it prints, everything is open; and afterwards what was folded is folded again
    desktop.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert all(folded.evaluate_all(states))
    desktop.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert folded.evaluate_all(states) == before
