"""Half-filled forms survive a dead battery, a stray tap and a sign-in that timed out; in a real browser."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from playwright.sync_api import Page, expect
from sqlalchemy import update

from tests.journey.conftest import Live
from tests.world import PASSWORD
from tracker.extensions import db
from tracker.models import IDLE, SignIn

LOG = "/referrals/{referral}/contacts/new"
HELD = "Not saved yet"


def open_log(live: Live, page: Page) -> str:
    page.on("dialog", lambda dialog: dialog.accept())
    live.sign_in(page, "link-worker")
    live.open(page, LOG)
    return live.address + LOG.format(**live.places)


def more(page: Page) -> None:
    page.get_by_text("Next contact, signposts, day, note").click()


def test_given_a_half_filled_form_when_the_page_is_gone_then_it_goes_on_where_it_was_left(live: Live, phone: Page):
    address = open_log(live, phone)
    more(phone)
    with phone.expect_response("**/held-form") as kept:
        phone.get_by_label("Private note").fill("Prefers evenings")
    assert kept.value.status == 204
    phone.close(run_before_unload=False)
    again = phone.context.new_page()
    again.goto(address)
    again.get_by_role("region", name=HELD).get_by_role("button", name="Go on with it").click()
    expect(again.get_by_label("Private note")).to_have_value("Prefers evenings")
    expect(again.locator("[data-error-summary]")).to_have_count(0)


def test_given_a_form_that_is_saved_at_once_when_it_is_opened_again_then_nothing_is_offered(live: Live, phone: Page):
    address = open_log(live, phone)
    phone.get_by_label("Phone", exact=True).check()
    phone.get_by_role("textbox", name="Minutes", exact=True).fill("15")
    phone.get_by_role("button", name="Save contact").click()
    expect(phone.get_by_text("was saved")).to_be_visible()
    phone.goto(address)
    expect(phone.get_by_role("region", name=HELD)).to_have_count(0)


def test_given_a_sign_in_that_timed_out_when_the_form_is_sent_then_it_waits_behind_the_sign_in(live: Live, phone: Page):
    address = open_log(live, phone)
    more(phone)
    phone.get_by_label("Phone", exact=True).check()
    phone.get_by_role("textbox", name="Minutes", exact=True).fill("25")
    phone.get_by_label("Private note").fill("Her sister rang")
    with live.app.app_context(), db.transaction() as session:
        session.execute(update(SignIn).values(seen_at=datetime.now(UTC) - IDLE - timedelta(minutes=1)))
    phone.get_by_role("button", name="Save contact").click()
    expect(phone.get_by_text("What you had filled in is kept")).to_be_visible()
    phone.get_by_label("E-mail address").fill("link-worker@test.example")
    phone.get_by_label("Password").fill(PASSWORD)
    phone.get_by_role("button", name="Sign in").click()
    live.cookies.clear()
    expect(phone).to_have_url(address)
    phone.get_by_role("button", name="Go on with it").click()
    expect(phone.get_by_label("Private note")).to_have_value("Her sister rang")
    phone.get_by_role("button", name="Save contact").click()
    expect(phone.get_by_text("was saved")).to_be_visible()


def test_given_something_held_when_it_is_thrown_away_then_the_form_is_empty(live: Live, phone: Page):
    address = open_log(live, phone)
    more(phone)
    with phone.expect_response("**/held-form"):
        phone.get_by_label("Topics").fill("Money")
    phone.goto("about:blank")
    phone.goto(address)
    phone.get_by_role("button", name="Throw it away").click()
    expect(phone.get_by_role("region", name=HELD)).to_have_count(0)
    expect(phone.get_by_label("Topics")).to_have_value("")


def test_a_second_signpost_row_appears_when_the_first_is_used(live: Live, phone: Page):
    open_log(live, phone)
    more(phone)
    second = phone.get_by_label("Second resource")
    expect(second).to_be_hidden()
    phone.get_by_label("Signposted to").select_option(index=1)
    expect(second).to_be_visible()
    expect(phone.get_by_label("Third resource")).to_be_hidden()
