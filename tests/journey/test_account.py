"""One's own account in a real browser: an app that shows codes, a passkey, recovery codes, other devices, large text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import check_accessible, watched_page
from tests.codes import code
from tests.journey.conftest import Live
from tests.world import PASSWORD


def named(live: Live) -> str:
    """The tracker by a name: browsers bind no passkey to a bare number."""
    return live.address.replace("127.0.0.1", "localhost")


def enter(page: Page, live: Live, who: str, password: str = PASSWORD) -> None:
    page.goto(f"{named(live)}/sign-in")
    page.get_by_label("E-mail address").fill(f"{who}@test.example")
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def sign_out(page: Page) -> None:
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")


def heading(page: Page, words: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(words)
    check_accessible(page)


def press(page: Page, words: str) -> None:
    page.get_by_role("main").get_by_role("button", name=words, exact=True).click()


def follow(page: Page, words: str) -> None:
    page.get_by_role("main").get_by_role("link", name=words).click()


@contextmanager
def device(page: Page, *, verified: bool = True) -> Iterator[str]:
    """A phone or computer that keeps passkeys, whose owner shows a finger (or cannot)."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
        "isUserVerified": verified, "automaticPresenceSimulation": True,
    }  # fmt: skip
    made = session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    yield made["authenticatorId"]
    session.send("WebAuthn.removeVirtualAuthenticator", {"authenticatorId": made["authenticatorId"]})


def key_shown(page: Page) -> str:
    return page.locator(".lwk-key").inner_text()


def codes_shown(page: Page) -> list[str]:
    codes = page.locator(".lwk-codes code")
    expect(codes).not_to_have_count(0)
    return codes.all_inner_texts()


def test_whoever_has_no_second_factor_sets_one_up_before_any_page_opens(strict: Live, phone: Page):
    # Given a link worker of a real service, who has a password alone
    enter(phone, strict, "link-worker")
    heading(phone, "Set up a second factor")
    expect(phone.get_by_role("navigation", name="Main")).to_have_count(0)
    phone.goto(f"{named(strict)}/people/{strict.world.people['own']}")
    heading(phone, "Set up a second factor")

    # When they set up an app: a wrong code first, then the one it shows
    follow(phone, "Set up an app")
    heading(phone, "Set up an app that shows codes")
    expect(phone.get_by_role("img", name="QR code")).to_be_visible()
    key = key_shown(phone)
    phone.get_by_label("Code", exact=True).fill("000000")
    press(phone, "Continue")
    expect(phone.locator("[data-error-summary]")).to_contain_text("This code is not right")
    assert key_shown(phone) == key, "the app knows this key already"
    used = code(key)
    phone.get_by_label("Code", exact=True).fill(used)
    press(phone, "Continue")

    # Then recovery codes are made, shown once, and their own pages open
    heading(phone, "Recovery codes")
    press(phone, "Make my codes")
    heading(phone, "Your recovery codes")
    codes = codes_shown(phone)
    assert len(set(codes)) == 10
    follow(phone, "I have them: go on")
    heading(phone, "My caseload")

    # And from now on the password alone does not let them in, nor does a code that was used
    sign_out(phone)
    enter(phone, strict, "link-worker")
    heading(phone, "Show that it is you")
    phone.goto(f"{named(strict)}/people")
    expect(phone.get_by_role("heading", level=1)).to_have_text("Sign in")
    enter(phone, strict, "link-worker")
    phone.get_by_label("Code", exact=True).fill(used)
    press(phone, "Continue")
    told = re.compile("was used already|is not right")  # the second, should more than a minute have gone by
    expect(phone.locator("[data-error-summary]")).to_contain_text(told)
    phone.get_by_label("Code", exact=True).fill(code(key, steps=1))
    press(phone, "Continue")
    heading(phone, "My caseload")

    # And a recovery code lets them in once
    for answer in ("My caseload", None):
        sign_out(phone)
        enter(phone, strict, "link-worker")
        follow(phone, "I do not have my device")
        heading(phone, "Use a recovery code")
        phone.get_by_label("Recovery code").fill(codes[0].lower().replace("-", " "))
        press(phone, "Continue")
        if answer:
            heading(phone, answer)
    expect(phone.locator("[data-error-summary]")).to_contain_text("This recovery code is not right, or was used")


def test_the_button_for_a_passkey_stands_there_once_a_tap_on_it_is_heard(strict: Live, phone: Page):
    button, script = phone.get_by_role("button", name="Use my passkey"), "**/passkeys.js"
    phone.route(script, lambda route: route.abort())
    phone.goto(f"{named(strict)}/sign-in/passkey")
    expect(phone.get_by_role("heading", level=1)).to_have_text("Sign in with a passkey")
    expect(button).to_have_count(0)
    phone.unroute(script)
    phone.reload()
    expect(button).to_be_visible()


def test_a_passkey_is_added_and_signs_its_owner_in_without_a_password(strict: Live, phone: Page):
    # Given a supervisor who adds a passkey on this phone
    with device(phone):
        enter(phone, strict, "supervisor")
        follow(phone, "Add a passkey")
        heading(phone, "Add a passkey")
        press(phone, "Make the passkey")
        expect(phone.locator("[data-error-summary]")).to_contain_text("Enter a name for this device")
        phone.get_by_label("What do you call this device?").fill("Work phone")
        press(phone, "Make the passkey")
        heading(phone, "Recovery codes")
        phone.goto(f"{named(strict)}/account")
        expect(phone.get_by_text("Passkey: Work phone")).to_be_visible()
        # Everybody needs one, so the only one stays
        follow(phone, "Remove the passkey Work phone")
        press(phone, "Remove the passkey")
        expect(phone.locator("[data-error-summary]")).to_contain_text("This is your only second factor")
        sign_out(phone)

        # When they come back, they need no password and land on the page they wanted
        phone.goto(f"{named(strict)}/people")
        follow(phone, "Sign in with a passkey instead")
        heading(phone, "Sign in with a passkey")
        press(phone, "Use my passkey")
        heading(phone, "Everyone at my sites")
        phone.get_by_role("link", name="My account").click()
        heading(phone, "My account")
        expect(phone.get_by_role("listitem").filter(has_text="This device")).to_contain_text("Passkey, since today")
        sign_out(phone)

        # And after a password, the passkey is the second step
        enter(phone, strict, "supervisor")
        heading(phone, "Show that it is you")
        expect(phone.get_by_label("Code")).to_have_count(0)
        follow(phone, "Use a passkey")
        press(phone, "Use my passkey")
        heading(phone, "Everyone at my sites")


def test_a_device_whose_owner_does_not_show_themselves_makes_no_passkey(live: Live, phone: Page):
    with device(phone, verified=False):
        enter(phone, live, "evaluator")
        phone.goto(f"{named(live)}/account/passkeys/new")
        phone.get_by_label("What do you call this device?").fill("Found phone")
        press(phone, "Make the passkey")
        expect(phone.get_by_text("Your device did not answer. Try again")).to_be_visible()
        check_accessible(phone)


def test_a_bare_number_in_the_address_says_why_there_are_no_passkeys(live: Live, phone: Page):
    phone.goto(f"{live.address}/sign-in/passkey")
    expect(phone.get_by_text("a passkey belongs to the name of a site", exact=False)).to_be_visible()
    expect(phone.get_by_role("button", name="Use my passkey")).to_have_count(0)
    check_accessible(phone)


def test_a_lost_phone_is_signed_out_from_the_other_device(live: Live, phone: Page, chromium: Browser):
    # Given somebody who is signed in on two devices
    enter(phone, live, "quay-worker")
    with watched_page(chromium, 1280, 900) as desk:
        enter(desk, live, "quay-worker")
        # When they sign the other one out from here
        desk.get_by_role("link", name="My account").click()
        heading(desk, "My account")
        follow(desk, "Sign out Chrome on")
        heading(desk, "Sign a device out")
        press(desk, "Sign this device out")
        expect(desk.get_by_role("alert").filter(has_text="That device was signed out.")).to_be_visible()
        # Then that one is out with its next tap, and this one is not
        phone.reload()
        expect(phone.get_by_role("heading", level=1)).to_have_text("Sign in")
        desk.reload()
        heading(desk, "My account")


def test_a_new_password_needs_the_old_one_and_signs_the_others_out(live: Live, phone: Page, chromium: Browser):
    enter(phone, live, "pond-keeper")
    with watched_page(chromium, 1280, 900) as other:
        enter(other, live, "pond-keeper")
        phone.goto(f"{named(live)}/account/password")
        for current, new, words in (
            ("not it at all", "quiet orchard lamp", "This is not your password"),
            (PASSWORD, "password123456", "This password is easy to guess"),
            (PASSWORD, PASSWORD, "This is the password you have now"),
        ):
            phone.get_by_label("The password you have now").fill(current)
            phone.get_by_label("New password", exact=True).fill(new)
            phone.get_by_label("New password again").fill(new)
            press(phone, "Change my password")
            expect(phone.locator("[data-error-summary]")).to_contain_text(words)
            check_accessible(phone)
        phone.get_by_label("The password you have now").fill(PASSWORD)
        phone.get_by_label("New password", exact=True).fill("quiet orchard lamp")
        phone.get_by_label("New password again").fill("quiet orchard lamp")
        press(phone, "Change my password")
        expect(phone.get_by_role("alert").filter(has_text="Your password was changed.")).to_be_visible()
        other.reload()
        expect(other.get_by_role("heading", level=1)).to_have_text("Sign in")
    sign_out(phone)
    enter(phone, live, "pond-keeper", "quiet orchard lamp")
    expect(phone.get_by_role("heading", level=1)).not_to_have_text("Sign in")


@pytest.mark.parametrize(("size", "grows"), [("Large", 1.125), ("Larger", 1.3125), ("Normal", 1)])
def test_the_text_is_as_large_as_one_chose_on_every_page(live: Live, phone: Page, size: str, grows: float):
    enter(phone, live, "orchard-worker")
    phone.goto(f"{named(live)}/account/appearance")
    phone.get_by_label(size, exact=True).check()
    press(phone, "Save")
    assert "style=" not in phone.content()
    for path in ("/account", "/", f"/people/{live.world.people['other-study']}"):
        phone.goto(named(live) + path)
        check_accessible(phone)
        letters = phone.evaluate("parseFloat(getComputedStyle(document.documentElement).fontSize)")
        assert letters == pytest.approx(16 * grows)
        paragraph = phone.evaluate("parseFloat(getComputedStyle(document.querySelector('h1')).fontSize)")
        assert paragraph >= 24 * grows * 0.9


def test_an_invitation_leads_from_the_link_to_the_first_page(strict: Live, phone: Page, chromium: Browser):
    # Given an administrator with a second factor, who invites a link worker
    with watched_page(chromium, 1280, 900) as desk, device(desk):
        enter(desk, strict, "administrator")
        follow(desk, "Add a passkey")
        desk.get_by_label("What do you call this device?").fill("Desk")
        press(desk, "Make the passkey")
        heading(desk, "Recovery codes")
        desk.goto(f"{named(strict)}/staff")
        follow(desk, "Invite somebody")
        desk.get_by_label("Name").fill("Rowan Hill")
        desk.get_by_label("E-mail address").fill("Rowan@Test.example")
        desk.get_by_label("Link worker", exact=True).check()
        press(desk, "Make the link")
        expect(desk.locator("[data-error-summary]")).to_contain_text("Choose the study in which the role holds")
        expect(desk.get_by_label("Name")).to_have_value("Rowan Hill")
        check_accessible(desk)
        desk.get_by_label("Study").select_option(index=1)
        desk.get_by_label("Site").select_option("Mill Practice")
        press(desk, "Make the link")
        heading(desk, "Pass this link on")
        link = desk.locator(".lwk-once code").inner_text()
        follow(desk, "Done")
        heading(desk, "Rowan Hill")
        assert link not in desk.content()

    # When the link worker opens it, chooses a password and sets up an app
    phone.goto(link)
    heading(phone, "You are invited")
    press(phone, "Choose a password")
    heading(phone, "Choose a password")
    assert re.fullmatch(r"http://localhost:\d+/invitation", phone.url), "the token stands in no address any more"
    phone.get_by_label("New password", exact=True).fill("velvet harbour kettle")
    phone.get_by_label("New password again").fill("velvet harbour kettle")
    press(phone, "Save and go on")
    heading(phone, "Set up a second factor")
    follow(phone, "Set up an app")
    phone.get_by_label("Code", exact=True).fill(code(key_shown(phone)))
    press(phone, "Continue")
    follow(phone, "Not now")

    # Then their caseload opens, and the link is worth nothing to anybody else
    heading(phone, "My caseload")
    with watched_page(chromium, 390, 844) as stranger:
        stranger.goto(link)
        press(stranger, "Choose a password")
        expect(stranger.locator("[data-error-summary]")).to_contain_text("This link is no longer good")
        stranger.goto(f"{named(strict)}/invitation")
        heading(stranger, "No open invitation")
