"""A supervisor hands a whole caseload over, on a phone and at a desk, with and without scripts; and prints the results."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import check_accessible, watched_page
from tests.journey.conftest import Live
from tests.journey.test_pages import SCREENS, flashed, save, typed_date
from tests.world import days_ago
from tracker.actions import care, people, staff
from tracker.extensions import db

NAMES = ("Ada Barlow", "Brian Crane", "Carol Duffy", "Derek Ellis")


@pytest.fixture
def team(live: Live) -> str:
    """A colleague of this test's own, who holds four people; their name."""
    with live.app.app_context(), db.transaction():
        world = live.world
        admin, worker = world.user("administrator"), world.user("link-worker")
        number = len(world.users)
        name = f"Robin {number}"
        robin = staff.create_user(
            by=admin, email=f"robin{number}@test.example", name=name, password="a-long-enough-password"
        )
        staff.grant(by=admin, user=robin, role="link-worker", study=world.study(), site=world.site("mill"))
        staff.appoint(by=admin, user=robin, site=world.site("mill"), fte=0.5, from_on=days_ago(100))
        world.users[name] = robin.id
        for person_name in NAMES:
            person = people.add_person(
                by=worker, study=world.study(), site=world.site("mill"), entered_on=days_ago(50),
                identity=people.IdentityFacts(person_name),
            )  # fmt: skip
            referral = care.record_referral(by=worker, person=person, source="gp", referred_on=days_ago(50))
            care.assign(by=worker, referral=referral, worker=robin, from_on=days_ago(50))
    return name


@pytest.fixture(params=SCREENS)
def page(chromium: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    with watched_page(chromium, *SCREENS[request.param]) as opened:
        yield opened


def ago(days: int) -> date:
    return date.today() - timedelta(days)  # noqa: DTZ011


def holds(page: Page, name: str, number: int) -> None:
    """So many people are open with somebody, the first table says (once it is there)."""
    row = page.locator("table").first.get_by_role("row").filter(has_text=name)
    expect(row.get_by_role("cell").nth(1)).to_have_text(re.compile(rf"^\s*Open\s*{number}\s*$"))


def test_a_caseload_is_handed_over_in_one_go(live: Live, page: Page, team: str):
    # Given a supervisor who looks at the team
    live.sign_in(page, "supervisor")
    live.open(page, "/team")
    holds(page, team, 4)

    # When they choose everybody but one of somebody's people
    page.get_by_role("link", name=f"Hand over people of {team}").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Hand over people of {team}")
    page.get_by_role("button", name="Tick all").click()
    expect(page.get_by_label("Only those ticked below")).to_be_checked()
    page.get_by_label("Carol Duffy").uncheck()
    expect(page.get_by_role("button", name="Tick all")).to_be_visible()
    page.get_by_label("Link-Worker:").check()
    typed_date(page, "From", ago(7))
    page.get_by_label("Why?").fill("On leave until June")
    save(page, "See what will happen")

    # Then they see what will happen before it does
    expect(page.get_by_role("heading", level=1)).to_have_text("Is this right?")
    for name in ("Ada Barlow", "Brian Crane", "Derek Ellis"):
        expect(page.get_by_role("listitem").filter(has_text=name)).to_be_visible()
    expect(page.get_by_text("Carol Duffy")).to_have_count(0)
    expect(page.get_by_text("4 now, 1 then")).to_be_visible()
    check_accessible(page)

    # And they can go back, and nothing they chose is lost
    save(page, "Back to the form")
    expect(page.get_by_label("Ada Barlow")).to_be_checked()
    expect(page.get_by_label("Carol Duffy")).not_to_be_checked()
    expect(page.get_by_label("Why?")).to_have_value("On leave until June")
    save(page, "See what will happen")
    save(page, "Hand over 3 people")

    # And after that the team's page counts them where they are now
    flashed(page, "3 people were handed over.")
    holds(page, team, 1)
    check_accessible(page)


def test_who_cannot_be_handed_over_is_named_and_everybody_stays(live: Live, page: Page, team: str):
    live.sign_in(page, "supervisor")
    live.open(page, "/team")
    page.get_by_role("link", name=f"Hand over people of {team}").click()
    page.get_by_label("All 4").check()
    page.get_by_label("Link-Worker:").check()
    typed_date(page, "From", ago(60))
    page.get_by_label("Why?").fill("Moved to another site")
    save(page, "See what will happen")
    expect(page.get_by_role("heading", name="There is a problem")).to_be_visible()
    expect(page.locator(".lwk-fault")).to_contain_text("4 of 4 cannot be handed over")
    expect(page.locator(".lwk-fault")).to_contain_text("Ada Barlow")
    check_accessible(page)
    live.open(page, "/team")
    holds(page, team, 4)


def test_without_scripts_everybody_is_handed_over_as_well(live: Live, chromium: Browser, team: str):
    with watched_page(chromium, *SCREENS["phone"]) as signed_in:
        live.sign_in(signed_in, "supervisor")
    context = chromium.new_context(java_script_enabled=False, viewport={"width": 390, "height": 844})
    context.add_cookies(live.cookies["supervisor"])
    page = context.new_page()
    try:
        live.open(page, "/team")
        page.get_by_role("link", name=f"Hand over people of {team}").click()
        expect(page.get_by_role("button", name="Tick all")).to_be_hidden()
        page.get_by_label("All 4").check()
        page.get_by_label("Link-Worker:").check()
        page.get_by_label("Why?").fill("Left")
        save(page, "See what will happen")
        save(page, "Hand over 4 people")
        flashed(page, "4 people were handed over.")
        holds(page, team, 0)
    finally:
        context.close()


def test_who_left_people_behind_is_met_first(live: Live, phone: Page, team: str):
    with live.app.app_context(), db.transaction():
        admin = live.world.user("administrator")
        staff.disable_user(by=admin, user=live.world.user(team), reason="Left the service")
    live.sign_in(phone, "supervisor")
    live.open(phone, "/team")
    expect(phone.locator("main > div.lwk-fault").first).to_contain_text(f"{team} has left and still holds 4 people")
    phone.get_by_role("link", name=f"Hand them over from {team}").click()
    phone.get_by_label("All 4").check()
    phone.get_by_label("Link-Worker:").check()
    phone.get_by_label("Why?").fill("Left the service")
    save(phone, "See what will happen")
    save(phone, "Hand over 4 people")
    flashed(phone, "4 people were handed over.")
    expect(phone.get_by_text(f"{team} has left")).to_have_count(0)


def test_another_day_is_chosen_and_stays_in_the_address(live: Live, page: Page, team: str):
    live.sign_in(page, "supervisor")
    live.open(page, "/team")
    typed_date(page, "On", ago(70))
    page.get_by_label("Site", exact=True).select_option("Mill Practice")
    save(page, "Show")
    expect(page).to_have_url(re.compile("on-day="))
    holds(page, team, 0)
    page.reload()
    holds(page, team, 0)
    page.get_by_role("link", name="Go to today").click()
    holds(page, team, 4)


def test_each_picture_opens_its_table(live: Live, page: Page, team: str):
    live.sign_in(page, "supervisor")
    live.open(page, "/team")
    for figure in page.locator("figure").all():
        expect(figure.locator("table")).to_be_hidden()
        figure.get_by_text("As a table").click()
        expect(figure.locator("table")).to_be_visible()
    check_accessible(page)


def test_the_results_on_paper_are_two_sheets_with_the_words_first(live: Live, desktop: Page):
    live.sign_in(desktop, "link-worker")
    live.open(desktop, "/results")
    check_accessible(desktop)
    desktop.emulate_media(media="print")
    desktop.set_viewport_size({"width": 717, "height": 1000})  # an A4 sheet between its margins
    for hidden in (".lwk-header", ".lwk-footer", ".lwk-choice"):
        expect(desktop.locator(hidden)).to_be_hidden()
    heads = desktop.locator("thead").all()
    assert heads
    for head in heads:
        expect(head).to_be_visible()
        assert head.evaluate("each => getComputedStyle(each).display") == "table-header-group"
    words = desktop.get_by_text("It is not an effect of the service.").bounding_box()
    assert words
    assert words["y"] < 300
    margins = dict.fromkeys(("top", "bottom", "left", "right"), "12mm")
    sheets = desktop.pdf(format="A4", margin=margins).count(b"/Type /Page\n")
    assert 1 <= sheets <= 2


def test_a_name_without_a_space_leaves_the_page_as_wide_as_the_screen(live: Live, page: Page):
    name = "Llanfairpwllgwyngyll" * 8
    with live.app.app_context(), db.transaction():
        worker = live.world.user("link-worker")
        person = people.add_person(
            by=worker, study=live.world.study(), site=live.world.site("mill"), entered_on=days_ago(40),
            identity=people.IdentityFacts(name),
        )  # fmt: skip
        care.record_referral(by=worker, person=person, source="gp", referred_on=days_ago(40), status="offered")
    live.sign_in(page, "supervisor")
    live.open(page, "/team")
    expect(page.get_by_role("link", name=name).first).to_be_visible()
    check_accessible(page)


def test_given_letters_twice_their_size_when_the_team_is_read_then_it_fits_the_phone(live: Live, phone: Page):
    """A site's name makes a list to choose from as wide as itself, unless it is told not to be."""
    live.sign_in(phone, "supervisor")
    live.open(phone, "/team")
    phone.evaluate("document.querySelector('[name=site] option').textContent = 'Gate House Medical Centre'")
    phone.evaluate("document.documentElement.style.fontSize = '200%'")
    assert phone.evaluate("document.documentElement.scrollWidth") == 390
