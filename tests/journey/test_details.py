"""A link worker mends a phone number, dials it, and meets a colleague's change; in a real browser."""

from __future__ import annotations

from playwright.sync_api import Browser, Page, expect

from tests.browser import check_accessible, watched_page
from tests.journey.conftest import Live

DETAILS = "/people/{own}/details"
BOTH = "Two versions"


def open_details(live: Live, page: Page) -> None:
    page.on("dialog", lambda dialog: dialog.accept())
    live.sign_in(page, "link-worker")
    live.open(page, DETAILS)


def save(page: Page) -> None:
    page.get_by_role("button", name="Save details").click()


def test_given_a_new_number_when_it_is_saved_then_it_can_be_dialled_from_the_person_s_page(live: Live, phone: Page):
    open_details(live, phone)
    phone.get_by_label("Phone (if they agree)").fill("07700 900 321")
    phone.get_by_label("Address (if they agree)").fill("Flat 2\n3 Brook Row")
    save(phone)
    expect(phone.get_by_role("alert", name="Done")).to_contain_text("The details were saved.")
    expect(phone.get_by_role("link", name="07700 900 321")).to_have_attribute("href", "tel:07700900321")
    expect(phone.get_by_text("3 Brook Row")).to_be_visible()
    check_accessible(phone)


def test_given_a_colleague_s_change_when_mine_is_saved_then_both_stand_there_and_mine_is_kept(
    live: Live, chromium: Browser, phone: Page
):
    # Given two people who have the same form open
    open_details(live, phone)
    phone.get_by_label("Phone (if they agree)").fill("07700 900 222")
    with watched_page(chromium, 1280, 900) as colleague:
        open_details(live, colleague)
        colleague.get_by_label("Phone (if they agree)").fill("07700 900 111")
        save(colleague)
        expect(colleague.get_by_role("alert", name="Done")).to_contain_text("The details were saved.")
    # When the second one saves
    save(phone)
    # Then both versions are there, nothing typed is lost, and the keyboard is at the summary
    versions = phone.get_by_role("region", name=BOTH)
    expect(versions).to_contain_text("Saved now")
    expect(versions).to_contain_text("07700 900 111")
    expect(versions).to_contain_text("You typed")
    expect(phone.get_by_label("Phone (if they agree)")).to_have_value("07700 900 222")
    expect(phone.locator("[data-error-summary]")).to_be_focused()
    check_accessible(phone)
    # And whoever has seen both may save
    save(phone)
    expect(phone.get_by_role("link", name="07700 900 222")).to_be_visible()


def test_given_a_form_nobody_else_touched_when_it_is_wrong_then_no_second_version_is_shown(live: Live, desktop: Page):
    open_details(live, desktop)
    desktop.get_by_label("Full name").fill("")
    save(desktop)
    expect(desktop.locator("[data-error-summary]")).to_contain_text("Enter the person's full name")
    expect(desktop.get_by_role("region", name=BOTH)).to_have_count(0)


def test_given_facts_at_entry_when_they_are_corrected_then_the_person_s_page_says_them(live: Live, phone: Page):
    live.sign_in(phone, "link-worker")
    live.open(phone, "/people/{own}")
    phone.get_by_role("link", name="Change Known at entry").click()
    carer = phone.get_by_role("group", name="Are they an unpaid carer?").get_by_label("Yes")
    carer.tap()
    expect(carer).to_be_checked()
    phone.get_by_label("Deprivation decile of their address").fill("3")
    phone.get_by_role("button", name="Save what was known").click()
    expect(phone.get_by_text("Unpaid carer; Deprivation decile 3")).to_be_visible()
