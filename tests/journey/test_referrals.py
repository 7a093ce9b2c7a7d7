"""A referral in a real browser, on a phone: somebody known comes again, is not reached, is handed over, closed, reopened."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.browser import check_accessible
from tests.journey.conftest import Live


def press(page: Page, name: str) -> None:
    page.get_by_role("main").get_by_role("button", name=name).click()


def done(page: Page, words: str) -> None:
    expect(page.get_by_role("alert").filter(has_text=words)).to_be_visible()


def typed_birthday(page: Page, day: str, month: str, year: str) -> None:
    group = page.get_by_role("group", name="Date of birth")
    for part, value in (("Day", day), ("Month", month), ("Year", year)):
        group.get_by_label(part).fill(value)


def test_somebody_who_is_known_gets_a_new_referral_and_nothing_is_typed_twice(live: Live, phone: Page):
    # Given a link worker who takes in somebody whom they do not recognise
    live.sign_in(phone, "link-worker")
    live.open(phone, "/studies/{garden}/sites/{mill}/people/new")
    phone.get_by_label("Full name").fill("own, person")
    typed_birthday(phone, "17", "5", "1950")
    phone.get_by_label("Who referred them?").select_option("Hospital")
    phone.get_by_label("Bereavement").check()
    phone.get_by_label("Housing").check()
    phone.get_by_label("Reason for the referral").fill("Lost her husband")
    phone.get_by_label("Offered, not answered").check()

    # When they send the form, they are asked before anything is saved
    press(phone, "Add this person")
    expect(phone.get_by_role("heading", level=1)).to_have_text("Is this somebody you know?")
    check_accessible(phone)

    # And when they say that it is the same person, what they typed is there already
    press(phone, "Add a new referral to them")
    expect(phone.get_by_role("heading", level=1)).to_have_text("New referral")
    expect(phone.get_by_label("Who referred them?")).to_have_value("hospital")
    expect(phone.get_by_label("Bereavement")).to_be_checked()
    expect(phone.get_by_label("Housing")).to_be_checked()
    expect(phone.get_by_label("Reason for the referral")).to_have_value("Lost her husband")
    check_accessible(phone)
    press(phone, "Save referral")

    # Then it stands on her page and waits for her answer
    done(phone, "was saved.")
    expect(phone.get_by_role("heading", level=1)).to_have_text("Person Own")
    expect(phone.locator(".lwk-timeline").get_by_text("Referred: Hospital")).to_be_visible()
    live.open(phone, "/referrals/unanswered")
    expect(phone.get_by_role("listitem").filter(has_text="Person Own")).to_contain_text("0 working days")


def test_a_different_person_with_the_same_name_is_added_after_going_back_once(live: Live, phone: Page):
    live.sign_in(phone, "link-worker")
    live.open(phone, "/studies/{garden}/sites/{mill}/people/new")
    phone.get_by_label("Full name").fill("Person Own")
    typed_birthday(phone, "17", "5", "1950")
    phone.get_by_label("Who referred them?").select_option("GP")
    phone.get_by_label("Food", exact=True).check()
    press(phone, "Add this person")
    press(phone, "Back to the form")
    expect(phone.get_by_label("Full name")).to_have_value("Person Own")
    expect(phone.get_by_label("Food", exact=True)).to_be_checked()
    press(phone, "Add this person")
    press(phone, "A different person: add them")
    done(phone, "was added.")
    expect(phone.locator(".lwk-glance")).to_contain_text("Food")


def test_an_episode_from_the_first_attempt_to_a_second_closing(live: Live, phone: Page):
    # Given somebody who was referred ten days ago and not reached yet
    live.sign_in(phone, "link-worker")
    live.open(phone, "/")
    phone.get_by_role("link", name=re.compile("unanswered referral")).click()
    waiting = phone.get_by_role("listitem").filter(has_text="Ines Waiting")
    expect(waiting).to_contain_text("Late")

    # When nobody answers the first time and she accepts the second
    for answer, words in (("Tried, no answer yet", "The attempt was saved."), ("Accepted", "The answer was saved.")):
        live.open(phone, "/referrals/unanswered")
        waiting.get_by_role("link", name="Record answer").click()
        phone.get_by_label(answer, exact=True).check()
        press(phone, "Save answer")
        done(phone, words)

    # And the referral is handed to a supervisor
    phone.get_by_role("link", name="Hand the referral over").click()
    phone.get_by_label(re.compile("^Supervisor: ")).check()
    press(phone, "Save")
    done(phone, "was handed over.")
    expect(phone.locator(".lwk-glance")).to_contain_text("Supervisor, since")

    # And closed, the outcomes that are due are offered at once
    phone.get_by_role("link", name="Close the referral").click()
    phone.get_by_label("Support completed").check()
    press(phone, "Close the referral")
    expect(phone.get_by_role("heading", level=1)).to_have_text("Referral closed")
    expect(phone.get_by_text("these outcomes are due")).to_be_visible()
    expect(phone.get_by_role("link", name=re.compile(r"^PHQ-9\s+Baseline"))).to_be_visible()

    # And closed by mistake, it is reopened, and its page tells all of it
    phone.get_by_role("link", name="Reopen the referral").click()
    phone.get_by_label("Why is it reopened?").fill("She rang again the same day")
    press(phone, "Reopen the referral")
    done(phone, "The referral was reopened, and you hold it.")
    events = phone.locator(".lwk-timeline")
    for told in ("Supervisor took over", "Referral closed", "Referral reopened", "She rang again the same day"):
        expect(events.get_by_text(told).first).to_be_visible()
    check_accessible(phone)


def test_a_warning_follows_the_person_until_it_is_ended(live: Live, phone: Page):
    live.sign_in(phone, "link-worker")
    live.open(phone, "/people/{same-site}")
    phone.get_by_role("link", name="Set a safety flag").click()
    phone.get_by_label("Dog or other animal").check()
    phone.get_by_label("In a few words").fill("Two dogs, loose")
    press(phone, "Save safety flag")
    warning = phone.get_by_role("region", name="Safety flags")
    for path in ("/people/{same-site}", "/people/{same-site}/attendance/new"):
        live.open(phone, path)
        expect(warning).to_contain_text("Dog or other animal: Two dogs, loose")
        check_accessible(phone)
    warning.get_by_role("link", name="Keep or end it").click()
    phone.get_by_label("No, end it").check()
    phone.get_by_label("If no, why not?").fill("The dogs are gone")
    press(phone, "Save")
    done(phone, "The safety flag was ended.")
    expect(warning).to_have_count(0)
