"""Every page in a real browser, on a phone and at a desk; and the day's work from sign-in to scores over time."""

from __future__ import annotations

import re
from datetime import date, timedelta

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import Thumb, check_accessible, watched_page
from tests.journey.conftest import Live

SCREENS = {"phone": (390, 844), "desk": (1280, 900)}

# Every page: who looks, and where. Names in braces stand for the ids of the furnished world.
PAGES = """
nobody             /sign-in
nobody             /no-such-page
link-worker        /
link-worker        /?show=all
supervisor         /
link-worker        /?state=closed
link-worker        /?show=all&need=outcome-overdue&page=2
outcome-assessor   /people/search
pond-keeper        /
newcomer           /nothing-yet
supervisor         /people/new
link-worker        /studies/{garden}/sites/{mill}/people/new
pond-keeper        /studies/{garden}/sites/{pond}/people/new
link-worker        /people/{own}
pond-keeper        /people/{compared}
outcome-assessor   /people/{own}
link-worker        /referrals/{offered}/answer
link-worker        /referrals/{referral}/close
link-worker        /referrals/{referral}/needs
link-worker        /referrals/{referral}/hand-over
link-worker        /referrals/{closed}/hand-over
link-worker        /referrals/{closed}/closed
link-worker        /referrals/{closed}/reopen
link-worker        /referrals/{referral}/reopen
link-worker        /referrals/unanswered
quay-worker        /referrals/unanswered
quay-worker        /people/{other-site}
link-worker        /people/{returned}
link-worker        /people/{returned}/referrals/new
pond-keeper        /people/{compared}/referrals/new
link-worker        /people/{own}/details
link-worker        /people/{own}/entry
link-worker        /people/{own}/safety-flags/new
link-worker        /people/{own}/goals/new
link-worker        /goals/{goal}/progress
link-worker        /goals/{goal}/edit
link-worker        /safety-flags/{flag}
link-worker        /people/{own}/leaving
link-worker        /people/{own}/consents/new
link-worker        /people
link-worker        /people/{own}/withdrawal
link-worker        /referrals/{referral}/contacts/new
link-worker        /contacts/{contact}/edit
link-worker        /people/{own}/signposts/new
orchard-worker     /people/{other-study}/signposts/new
link-worker        /signposts/{signpost}/outcome
link-worker        /signposts/waiting
link-worker        /signposts/waiting?show=all
orchard-worker     /signposts/waiting
link-worker        /resources
link-worker        /resources?category=housing
link-worker        /resources?words=walking&area=Elmstead+and+villages
link-worker        /resources/{resource}
link-worker        /resources/{resource}/edit
link-worker        /resources/{resource}/wrong
supervisor         /resources/uptake
pond-keeper        /resources/uptake
supervisor         /team
supervisor         /team?on-day=31&on-month=2&on-year=2026
supervisor         /team?site={garden}:{mill}&on-day=1&on-month=3&on-year=2024
pond-keeper        /team
supervisor         /team/workers/{worker}/hand-over
supervisor         /team/unassigned/hand-over
link-worker        /results
supervisor         /results?worker=all
orchard-worker     /results
pond-keeper        /results
link-worker        /studies/{garden}/resources/new
outcome-assessor   /outcomes-due
link-worker        /people/{own}/assessments/ons4/6m
link-worker        /people/{own}/assessments/phq9/6m
link-worker        /people/{own}/assessments/eq5d-5l/6m
link-worker        /people/{own}/assessments/phq9/6m/questions/3
link-worker        /people/{own}/assessments/eq5d-5l/6m/questions/6
outcome-assessor   /people/{own}/assessments/ons4/6m/questions/1
link-worker        /people/{same-site}/assessments/phq9/6m
link-worker        /people/{same-site}/assessments/phq9/6m/check
link-worker        /people/{own}/assessments/phq9/6m/missed
link-worker        /people/{own}/self-completion/6m
link-worker        /people/{own}/self-completion/baseline
nobody             /answer/not-a-link-of-ours
nobody             /answers
respondent         /answers
respondent         /answers/1/1
respondent         /answers/2/9
respondent         /answers/2/9/help
respondent         /answers/check
respondent         /answers/stop
respondent         /answers/thank-you
respondent         /answers/stopped
respondent         /answer/not-a-link-of-ours
respondent         /answers/check?language=cy
respondent         /answers/1/1
respondent         /answers/2/9/help
link-worker        /assessments/{phq9}
link-worker        /assessments/{phq9}/correct
link-worker        /people/{own}/attendance/new
evaluator          /studies
evaluator          /studies/{garden}
administrator      /staff
evaluator          /instruments
link-worker        /instruments/phq9
outcome-assessor   /instruments/eq5d-5l
administrator      /instruments/eq5d-5l
administrator      /instruments/eq5d-5l/wording
administrator      /instruments/who5/wording
evaluator          /staff
nobody             /sign-in/passkey
nobody             /invitation/not-a-link-of-ours
nobody             /invitation
link-worker        /account
link-worker        /account/begin
link-worker        /account/app
link-worker        /account/passkeys/new
link-worker        /account/password
link-worker        /account/appearance
link-worker        /account/sign-ins/{device}/end
link-worker        /account/sign-ins/end-others
link-worker        /password-again
administrator      /account
keeper             /account
keeper             /account/app
keeper             /account/app/remove
keeper             /account/passkeys/{passkey}/remove
keeper             /account/recovery-codes
administrator      /staff/invite
administrator      /staff/{worker}
administrator      /staff/{left}
administrator      /staff/{worker}/link
administrator      /staff/{worker}/disable
administrator      /staff/{left}/enable
administrator      /staff/{worker}/end-sign-ins
administrator      /staff/{worker}/reset-second-factor
administrator      /staff/{worker}/roles/new
administrator      /roles/{membership}/end
administrator      /staff/{worker}/posts/new
administrator      /posts/{post}/end
administrator      /sites
administrator      /sites/new
administrator      /sites/{mill}/edit
"""
LOOKS = [tuple(line.split()) for line in PAGES.strip().splitlines()]
NOT_A_PAGE = {
    "static", "security.login", "security.logout", "security.static", "studies.plan", "second_step.ask",
    "second_step.recover", "security.tf_select", "security.two_factor_rescue", "security.two_factor_setup",
    "security.two_factor_setup_validate", "security.two_factor_token_validation",
    "assessments.keep_sent", "assessments.discard", "questions.start", "contacts.again", "library.template", "library.switch",
    "resources.check", "resources.settle", "held_forms.keep", "held_forms.discard", "self_completion.end",
}  # fmt: skip
"""The library's own, which open for nobody; and the second step, which is walked through in test_account."""

# Forms that say no to an empty answer, and one of the things they then say.
FORMS = """
nobody             /sign-in                                         Enter your e-mail address and your password
supervisor         /people/new                                      Choose a site
link-worker        /people/search                                   Enter a name, a study number
link-worker        /studies/{garden}/sites/{mill}/people/new        Enter the person's full name
pond-keeper        /studies/{garden}/sites/{pond}/people/new        Enter the person's full name
link-worker        /referrals/{offered}/answer                      Choose the person's answer
link-worker        /referrals/{referral}/close                      Choose a reason
link-worker        /referrals/{closed}/reopen                       Say why it is reopened
link-worker        /people/{returned}/referrals/new                 Choose who referred them
link-worker        /people/{own}/goals/new                          Enter what they want
link-worker        /goals/{goal}/progress                           Choose a number from 0 to 10
link-worker        /people/{own}/safety-flags/new                   Choose what to warn of
link-worker        /safety-flags/{flag}                             Choose whether it still holds
link-worker        /people/{own}/leaving                            Choose a reason
link-worker        /people/{own}/consents/new                       Choose what they consent to
link-worker        /people/{own}/withdrawal                         Choose what the person wants
link-worker        /referrals/{referral}/contacts/new               Enter how many minutes the contact took
link-worker        /people/{own}/signposts/new                      Choose a resource
link-worker        /studies/{garden}/resources/new                  Enter the name of the resource
link-worker        /resources/{resource}/wrong                      Enter what is wrong
link-worker        /people/{own}/assessments/ons4/6m                Choose an answer, or say at the end
link-worker        /people/{own}/assessments/eq5d-5l/6m             Choose an answer, or say at the end
link-worker        /people/{own}/assessments/phq9/6m/missed         Choose what happened
link-worker        /people/{own}/assessments/phq9/6m/questions/3    Choose an answer, or skip this question
link-worker        /people/{same-site}/assessments/phq9/6m/check    Say why questions were left out
link-worker        /people/{own}/self-completion/6m                 Choose how they answer
respondent         /answers/1/1                                     Choose an answer, or choose that you prefer
link-worker        /assessments/{phq9}/correct                      Say why the answers change
link-worker        /people/{own}/attendance/new                     Enter how many times
supervisor         /team/workers/{worker}/hand-over                 Choose who is handed over
administrator      /instruments/eq5d-5l/wording                     Choose a file, or paste
link-worker        /account/app                                     Enter the code that your app shows
link-worker        /account/password                                Enter the password you have now
link-worker        /password-again                                  Enter your password
administrator      /staff/invite                                    Enter their name
administrator      /staff/{worker}/link                             Say why; the audit trail keeps it
administrator      /staff/{worker}/disable                          Say why; the audit trail keeps it
administrator      /staff/{left}/enable                             Say why; the audit trail keeps it
administrator      /staff/{worker}/end-sign-ins                     Say why; the audit trail keeps it
administrator      /staff/{worker}/reset-second-factor              Say why; the audit trail keeps it
administrator      /staff/{worker}/roles/new                        Choose a role
administrator      /roles/{membership}/end                          Say why; the audit trail keeps it
administrator      /staff/{worker}/posts/new                        Choose a site
administrator      /posts/{post}/end                                Say why; the audit trail keeps it
administrator      /sites/new                                       Enter an id for datasets
"""
REFUSALS = [tuple(re.split(r"\s{2,}", line)) for line in FORMS.strip().splitlines()]


def look(live: Live, page: Page, who: str, path: str) -> None:
    if who != "nobody":
        live.sign_in(page, who)
    live.open(page, path)


# ---------------------------------------------------------------------------------------- every page


def test_no_page_is_left_out(live: Live):
    routes = live.app.url_map.bind("")
    paths = (path.partition("?")[0].format(**live.places) for _, path in LOOKS if path != "/no-such-page")
    seen = {routes.match(path)[0] for path in paths}
    routes_of_pages = {
        each.endpoint for each in live.app.url_map.iter_rules() if each.endpoint.split(".")[0] != "open_referral"
    }
    assert seen == routes_of_pages - NOT_A_PAGE | {"security.login"}


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("who", sorted({who for who, _ in LOOKS}))
def test_no_page_of_theirs_stands_in_anybody_s_way(live: Live, chromium: Browser, who: str, screen: str):
    with watched_page(chromium, *SCREENS[screen]) as page:
        for path in (path for each, path in LOOKS if each == who):
            look(live, page, who, path)
            check_accessible(page)
            expect(page.locator("h1")).to_have_count(1)
            assert re.fullmatch(r"[A-Z].+ – (Link worker kit|Your answers|Eich atebion)", page.title()), path
            assert "Person" not in page.title().removeprefix("Person P0"), "a title stays in the browser's history"
            assert "None" not in page.locator("main").inner_text(), path


@pytest.mark.parametrize(("who", "path", "words"), REFUSALS)
def test_an_empty_form_says_what_is_missing_and_where(live: Live, phone: Page, who: str, path: str, words: str):
    look(live, phone, who, path)
    phone.locator("main form button[type=submit]:not(.nhsuk-button--secondary)").last.click()
    expect(phone.get_by_role("heading", name="There is a problem")).to_be_visible()
    expect(phone.locator("[data-error-summary]")).to_contain_text(words)
    assert phone.title().startswith("Error: ")
    check_accessible(phone)


def test_a_page_that_needs_signing_in_is_reached_after_it(live: Live, phone: Page):
    live.open(phone, "/people/{own}")
    expect(phone.get_by_role("heading", level=1)).to_have_text("Sign in")
    live.cookies.pop("link-worker", None)
    phone.get_by_label("E-mail address").fill("link-worker@test.example")
    phone.get_by_label("Password").fill("a-long-enough-password")
    phone.get_by_role("button", name="Sign in").click()
    expect(phone.get_by_role("heading", level=1)).to_have_text("Person Own")


def test_a_wrong_password_is_told_without_saying_which_half_was_wrong(live: Live, phone: Page):
    live.open(phone, "/sign-in")
    phone.get_by_label("E-mail address").fill("somebody@test.example")
    phone.get_by_label("Password").fill("not the password")
    phone.get_by_role("button", name="Sign in").click()
    expect(phone.get_by_text("The e-mail address or password is not right")).to_have_count(1)
    expect(phone.get_by_label("E-mail address")).to_have_value("somebody@test.example")


# ------------------------------------------------------------------------------------- the day's work


def save(page: Page, words: str) -> None:
    page.get_by_role("button", name=words, exact=True).click()


def flashed(page: Page, words: str) -> None:
    expect(page.get_by_role("alert").filter(has_text=words)).to_be_visible()


def typed_date(page: Page, legend: str, day: date) -> None:
    group = page.get_by_role("group", name=legend)
    for part, number in (("Day", day.day), ("Month", day.month), ("Year", day.year)):
        group.get_by_label(part).fill(str(number))


def answer_all(page: Page, answer: str) -> None:
    """Give the same answer to every question of the instrument."""
    page.wait_for_load_state()
    for question in page.locator(".lwk-questions fieldset").all():
        question.get_by_label(answer, exact=True).check()


def add_person(page: Page, name: str) -> None:
    page.get_by_role("link", name="Add a person").click()
    page.get_by_label("Full name").fill(name)
    page.get_by_label("NHS number").fill("943 476 5919")
    page.get_by_label("Who referred them?").select_option("GP")
    page.get_by_label("The person consents").check()
    page.get_by_role("group", name="Do they live alone?").get_by_label("Yes").check()
    save(page, "Add this person")
    flashed(page, "was added.")


def open_outcome(page: Page, instrument: str) -> None:
    page.get_by_role("link", name=re.compile(rf"^{instrument}\s+Baseline, .*answer now")).click()


def test_from_a_referral_to_scores_over_time(live: Live, phone: Page):
    # Given a link worker who has signed in on a phone
    live.sign_in(phone, "link-worker")
    live.open(phone, "/")
    expect(phone.get_by_role("heading", level=1)).to_have_text("My caseload")

    # When they add a person who was referred, the person is on their caseload
    add_person(phone, "Rosa Quill")
    live.open(phone, "/")
    row = phone.get_by_role("listitem").filter(has_text="Rosa Quill")
    expect(row).to_contain_text("No contact yet, referred today")
    expect(row).to_contain_text("Outcome due")

    # And when they log a contact, signpost her, and ask the three instruments
    row.get_by_role("link", name="Log contact").click()
    phone.get_by_label("Home visit").check()
    phone.get_by_role("button", name="45", exact=True).click()
    save(phone, "Save contact")
    phone.get_by_role("link", name="Rosa Quill", exact=True).click()
    phone.get_by_role("link", name="Signpost").click()
    phone.get_by_label("Resource", exact=True).select_option("Walking group")
    phone.get_by_label("Accompanied to the first visit").check()
    save(phone, "Save signpost")

    open_outcome(phone, "ONS4")
    answer_all(phone, "7")
    save(phone, "Save answers")
    phone.get_by_role("main").get_by_role("link", name="Back to the person").click()

    open_outcome(phone, "PHQ-9")
    answer_all(phone, "Not at all")
    prompt = phone.get_by_role("alert").filter(has_text="Ask about safety now")
    expect(prompt).to_have_count(0)
    phone.get_by_role("group", name="Thoughts that you would be better off dead").get_by_label("Several days").check()
    expect(prompt).to_be_visible()
    save(phone, "Save answers")
    expect(prompt).to_be_visible()
    phone.get_by_role("main").get_by_role("link", name="Back to the person").click()

    open_outcome(phone, "EQ-5D-5L")
    expect(phone.get_by_text("The wording belongs to EuroQol Research Foundation")).to_be_visible()
    answer_all(phone, "Level 1")
    phone.get_by_role("textbox", name="Your health today").fill("80")
    save(phone, "Save answers")
    phone.get_by_role("main").get_by_role("link", name="Back to the person").click()

    # Then her page shows the alarm first, everything that happened, and each score
    expect(phone.get_by_role("list", name="Safety")).to_contain_text("Ask about safety now")
    events = phone.locator(".lwk-timeline")
    for words in ("Home visit, 45 minutes", "Signposted to Walking group", "Referred: GP", "PHQ-9, Baseline"):
        expect(events.get_by_text(words).first).to_be_visible()
    expect(phone.get_by_role("img", name="PHQ-9: Depression severity")).to_contain_text("1")
    expect(phone.get_by_role("img", name=re.compile("^EQ-5D-5L value"))).to_contain_text("1")
    expect(phone.get_by_role("img", name="EQ VAS")).to_contain_text("80")
    expect(phone.locator(".lwk-chart")).to_have_count(7)
    check_accessible(phone)


def test_a_contact_takes_three_taps_and_the_minutes(live: Live, phone: Page):
    # Given a returning link worker on their caseload
    live.sign_in(phone, "link-worker")
    live.open(phone, "/")
    thumb = Thumb()
    # When they log a contact, without once scrolling
    thumb.tap(phone.get_by_role("link", name="Log contact with Person Own"))
    thumb.tap(phone.get_by_label("Phone", exact=True))
    phone.get_by_label("Minutes", exact=True).fill("25")
    thumb.tap(phone.get_by_role("button", name="Save contact"))
    # Then it is saved, and they are back on their caseload
    flashed(phone, "The contact with P")
    expect(phone.get_by_role("listitem").filter(has_text="Person Own")).to_contain_text("last today")
    assert thumb.taps == 3


def test_somebody_who_did_not_attend_is_logged_in_three_taps_and_the_same_again_in_two(live: Live, phone: Page):
    # Given a link worker whose last contact with the person was by phone, today
    live.sign_in(phone, "link-worker")
    live.open(phone, "/")
    thumb, log_contact = Thumb(), phone.get_by_role("link", name="Log contact with Person Own")
    thumb.find(log_contact)
    expect(phone.get_by_label("Phone", exact=True)).to_be_checked()
    # When the person did not attend
    thumb.tap(phone.get_by_label("Did not attend", exact=True))
    thumb.tap(phone.get_by_role("button", name="Save contact"))
    flashed(phone, "The contact with P")
    assert thumb.taps == 3
    # And not the next time either
    thumb = Thumb()
    thumb.find(log_contact)
    again = phone.get_by_role("button", name="Log the same again, today")
    thumb.find(again)
    flashed(phone, "The contact with P")
    assert thumb.taps == 2


def test_from_a_search_the_form_of_a_contact_is_two_taps_away(live: Live, phone: Page):
    # Given a link worker whom somebody rings, and who has typed the number
    live.sign_in(phone, "link-worker")
    live.open(phone, "/people/search")
    phone.get_by_label("Name, study number or phone").fill("+44 (0)7700 900123")
    thumb = Thumb()
    # When they tap Find, and the link beside the name
    thumb.tap(phone.get_by_role("button", name="Find"))
    thumb.find(phone.get_by_role("link", name="Log contact with Person Own"))
    # Then the form is there
    expect(phone.get_by_role("heading", level=1)).to_contain_text("Log a contact with Person Own")
    assert thumb.taps == 2


@pytest.mark.parametrize("path", ["/people", "/outcomes-due", "/signposts/waiting"])
def test_from_any_list_of_people_the_same_contact_again_is_logged_in_two_taps(live: Live, phone: Page, path: str):
    # Given a link worker who reads another list than their caseload
    live.sign_in(phone, "link-worker")
    live.open(phone, path)
    thumb = Thumb()
    # When the person beside it is spoken with once more
    thumb.find(phone.get_by_role("link", name="Log contact with Person Own").first)
    thumb.find(phone.get_by_role("button", name="Log the same again, today"))
    # Then it is logged
    flashed(phone, "The contact with P")
    assert thumb.taps == 2


def test_a_signpost_waits_for_its_answer_on_the_person_s_page(live: Live, phone: Page):
    live.sign_in(phone, "link-worker")
    live.open(phone, "/people/{own}")
    signposts = phone.locator(".lwk-timeline__entry").filter(has_text="Signposted to Walking group")
    waiting = signposts.filter(has_text="Not known yet")
    expect(waiting).to_have_count(1)
    waiting.get_by_role("link", name="What came of it?").click()
    phone.get_by_label("Attended", exact=True).check()
    phone.get_by_label("Sessions attended").fill("2")
    save(phone, "Save")
    expect(signposts.filter(has_text="2 sessions")).to_have_count(1)
    expect(waiting).to_have_count(0)


def test_a_person_of_the_comparison_arm_gets_outcomes_and_attendance_the_same_way(live: Live, phone: Page):
    # Given somebody at a practice without a link worker
    live.sign_in(phone, "pond-keeper")
    live.open(phone, "/")
    phone.get_by_role("link", name="Person Compared", exact=True).click()
    expect(phone.get_by_text("Usual care")).to_be_visible()
    expect(phone.get_by_role("link", name="Log contact")).to_have_count(0)
    # When an outcome and the year's GP attendances are recorded
    phone.get_by_role("link", name=re.compile(r"^PHQ-9\s+6 months, .*answer now")).click()
    answer_all(phone, "Several days")
    save(phone, "Save answers")
    phone.get_by_role("main").get_by_role("link", name="Back to the person").click()
    phone.get_by_role("link", name="GP attendance").click()
    phone.get_by_label("How many times").fill("4")
    typed_date(phone, "Counted from", date.today() - timedelta(365))  # noqa: DTZ011
    typed_date(phone, "Counted until", date.today() - timedelta(1))  # noqa: DTZ011
    save(phone, "Save attendance")
    # Then both stand on the page
    flashed(phone, "The attendances were saved.")
    expect(phone.locator(".lwk-timeline").get_by_text("GP attendances, all: 4")).to_be_visible()
    expect(phone.get_by_role("img", name="PHQ-9: Depression severity")).to_contain_text("9")


def test_a_comparison_person_is_added_without_a_referral(live: Live, phone: Page):
    live.sign_in(phone, "pond-keeper")
    live.open(phone, "/people/new")
    expect(phone.get_by_role("heading", level=1)).to_contain_text("Add a person without a link worker")
    expect(phone.get_by_label("Who referred them?")).to_have_count(0)
    phone.get_by_label("Full name").fill("Tom Fallow")
    save(phone, "Add this person")
    flashed(phone, "was added.")
    expect(phone.get_by_role("link", name=re.compile(r"^PHQ-9\s+Baseline, Tom Fallow: answer now"))).to_be_visible()


def test_an_outcome_that_was_not_collected_says_why_on_the_page(live: Live, phone: Page):
    live.sign_in(phone, "outcome-assessor")
    live.open(phone, "/people/{same-site}")
    phone.get_by_role("link", name=re.compile(r"Not collected\s+ONS4, 6 months")).click()
    phone.get_by_label("It was missed").check()
    phone.get_by_label("Too unwell").check()
    save(phone, "Save")
    phone.get_by_role("link", name=re.compile(r"^Missed\s+ONS4, 6 months")).click()
    expect(phone.get_by_text("Not collected: too unwell.")).to_be_visible()


def test_answers_are_corrected_with_a_reason(live: Live, phone: Page):
    live.sign_in(phone, "link-worker")
    live.open(phone, "/assessments/{phq9}")
    phone.get_by_text("The answers", exact=True).click()
    phone.get_by_role("link", name="Correct the answers").click()
    phone.get_by_role("group", name="Feeling down").get_by_label("Nearly every day").check()
    phone.get_by_label("Why do the answers change?").fill("Misheard on the phone")
    save(phone, "Save the correction")
    flashed(phone, "The answers were changed.")
    expect(phone.get_by_role("row").filter(has_text="Depression severity")).to_contain_text("11")


def test_an_assessor_learns_nothing_that_could_tell_the_arm(live: Live, desktop: Page):
    live.sign_in(desktop, "outcome-assessor")
    live.open(desktop, "/people/{own}")
    words = desktop.locator("body").inner_text()
    assert "Person Own" in words
    for secret in (
        "Link worker arm",
        "Mill Practice",
        "Contact",
        "Signpost",
        "Walking group",
        "Referred",
        "GP attendance",
    ):
        assert secret not in words
    assert desktop.get_by_text("Link worker", exact=True).count() == 0


def test_an_evaluator_sees_counts_and_no_names(live: Live, desktop: Page):
    live.sign_in(desktop, "evaluator")
    live.open(desktop, "/studies/{garden}")
    row = desktop.get_by_role("row").filter(has_text="mill")
    expect(row).to_contain_text("Link worker")
    assert "Person" not in desktop.locator("main").inner_text()
    expect(desktop.get_by_text("Baseline: day 0 (-14 to 28)")).to_be_visible()


# ---------------------------------------------------------------- what is typed is not lost


def test_a_contact_in_the_future_comes_back_as_it_was_typed(live: Live, phone: Page):
    live.sign_in(phone, "link-worker")
    live.open(phone, "/referrals/{referral}/contacts/new")
    phone.get_by_label("Video").check()
    phone.get_by_label("Minutes", exact=True).fill("20")
    phone.get_by_text("Next contact, signposts, day, note").click()
    tomorrow = date.today() + timedelta(1)  # noqa: DTZ011
    typed_date(phone, "Date", tomorrow)
    phone.get_by_label("Private note").fill("Two lines\nof a note")
    save(phone, "Save contact")
    phone.get_by_role("link", name="Date is in the future. Enter today or an earlier date.").click()
    expect(phone.locator("#contacted_on-day")).to_be_focused()
    expect(phone.locator("#contacted_on-day")).to_have_value(str(tomorrow.day))
    expect(phone.get_by_label("Video")).to_be_checked()
    expect(phone.get_by_label("Private note")).to_have_value("Two lines\nof a note")


@pytest.mark.parametrize("minutes", ["0", "2000", "2,000", "half"])
def test_impossible_minutes_come_back_as_they_were_typed(live: Live, phone: Page, minutes: str):
    live.sign_in(phone, "link-worker")
    live.open(phone, "/referrals/{referral}/contacts/new")
    phone.get_by_label("Group").check()
    phone.get_by_label("Minutes", exact=True).fill(minutes)
    save(phone, "Save contact")
    expect(phone.locator("[data-error-summary]")).to_contain_text(re.compile("^.*Minutes must be", re.DOTALL))
    expect(phone.get_by_label("Minutes", exact=True)).to_have_value(minutes)
    expect(phone.get_by_label("Group")).to_be_checked()


def test_a_contact_before_the_referral_is_refused_beside_its_date(live: Live, phone: Page):
    live.sign_in(phone, "link-worker")
    live.open(phone, "/referrals/{referral}/contacts/new")
    phone.get_by_label("Phone", exact=True).check()
    phone.get_by_label("Minutes", exact=True).fill("20")
    phone.get_by_text("Next contact, signposts, day, note").click()
    typed_date(phone, "Date", date.today() - timedelta(300))  # noqa: DTZ011
    save(phone, "Save contact")
    expect(phone.get_by_role("group", name="Date")).to_contain_text("The contact is before the referral of")


def test_a_mistyped_nhs_number_comes_back_with_everything_else(live: Live, phone: Page):
    live.sign_in(phone, "link-worker")
    live.open(phone, "/people/new")
    phone.get_by_label("Full name").fill("Bram O'Hara")
    phone.get_by_label("NHS number").fill("943 476 5918")
    typed_date(phone, "Date of birth", date(1950, 2, 7))
    phone.get_by_label("Who referred them?").select_option("Hospital")
    phone.get_by_role("group", name="Sex").get_by_label("Male", exact=True).check()
    save(phone, "Add this person")
    phone.get_by_role("link", name="This is not a valid NHS number").click()
    expect(phone.get_by_label("NHS number")).to_be_focused()
    expect(phone.get_by_label("NHS number")).to_have_value("943 476 5918")
    expect(phone.get_by_label("Full name")).to_have_value("Bram O'Hara")
    expect(phone.get_by_label("Who referred them?")).to_have_value("hospital")
    expect(phone.get_by_role("group", name="Sex").get_by_label("Male", exact=True)).to_be_checked()
    expect(phone.locator("#date_of_birth-year")).to_have_value("1950")


def test_a_date_that_does_not_exist_comes_back_as_it_was_typed(live: Live, phone: Page):
    live.sign_in(phone, "link-worker")
    live.open(phone, "/people/new")
    group = phone.get_by_role("group", name="Date of birth")
    for part, number in (("Day", "31"), ("Month", "2"), ("Year", "1950")):
        group.get_by_label(part).fill(number)
    save(phone, "Add this person")
    expect(group).to_contain_text("31 2 1950 is not a real date")
    expect(group.get_by_label("Day")).to_have_value("31")


def test_some_questions_may_stay_without_an_answer_when_it_is_said_so(live: Live, phone: Page):
    live.sign_in(phone, "link-worker")
    live.open(phone, "/people/{same-site}/assessments/phq9/6m")
    phone.get_by_role("group", name="Little interest").get_by_label("Several days").check()
    save(phone, "Save answers")
    expect(phone.get_by_role("heading", name="There is a problem")).to_be_visible()
    expect(phone.get_by_role("group", name="Little interest").get_by_label("Several days")).to_be_checked()
    phone.get_by_role("group", name="If questions were left out").get_by_label("Not answered").check()
    save(phone, "Save answers")
    flashed(phone, "PHQ-9 was saved.")
    expect(phone.get_by_role("row").filter(has_text="Depression severity")).to_contain_text(
        "too few items were answered"
    )


# ------------------------------------------------------------------- the directory and its signposts


def test_a_resource_is_found_called_reported_and_put_right(live: Live, phone: Page):
    # Given a link worker who looks for counselling
    live.sign_in(phone, "link-worker")
    live.open(phone, "/resources")
    phone.get_by_label("Search", exact=True).fill("counsellor")
    phone.get_by_label("Category").select_option("Counselling")
    phone.get_by_role("button", name="Search").click()
    expect(phone.get_by_role("heading", level=2)).to_contain_text("1 resource")
    # When they open the entry, its phone can be tapped and what is wrong stands first
    phone.get_by_role("link", name="Talking it over").click()
    expect(phone.get_by_role("link", name="01632 960 055 (option 2)")).to_have_attribute("href", "tel:01632960055")
    expect(phone.get_by_role("region", name="Reported wrong")).to_contain_text("The phone number has changed")
    # And they put it right, settle it, and say that it was checked
    phone.get_by_role("link", name="Edit").click()
    phone.get_by_label("Phone", exact=True).fill("01632 960 066")
    save(phone, "Save changes")
    flashed(phone, "The entry was changed.")
    save(phone, "It is settled")
    flashed(phone, "It is settled")
    save(phone, "Checked today: it is right")
    # Then nothing warns any more but that it is full
    flashed(phone, "checked today")
    expect(phone.get_by_role("region", name="Reported wrong")).to_have_count(0)
    expect(phone.get_by_text("Not checked for 6 months")).to_have_count(0)
    expect(phone.locator(".lwk-tags")).to_contain_text("Full at present")
    check_accessible(phone)


def test_a_signpost_is_answered_in_one_tap_and_undone(live: Live, phone: Page):
    # Given a signpost that waits
    live.sign_in(phone, "orchard-worker")
    live.open(phone, "/people/{other-study}/signposts/new")
    phone.get_by_label("Resource", exact=True).select_option("Walking group")
    phone.get_by_label("Referral made").check()
    for part in ("Day", "Month", "Year"):
        phone.get_by_role("group", name="When to ask what came of it").get_by_label(part).fill("")
    save(phone, "Save signpost")
    flashed(phone, "The signpost was saved.")
    live.open(phone, "/")
    phone.get_by_role("link", name="1 signpost waits for an answer").click()
    # When it is answered with one tap, it leaves the list, and undo brings it back
    row = phone.get_by_role("listitem").filter(has_text="Person Other-Study")
    row.get_by_role("button", name="Did not attend").tap()
    flashed(phone, "Did not attend")
    check_accessible(phone)
    expect(phone.get_by_role("heading", name="No signpost waits for an answer")).to_be_visible()
    phone.get_by_role("button", name=re.compile("^Undo")).tap()
    # Then it waits again
    expect(phone.get_by_role("heading", name="1 to ask about, oldest first")).to_be_visible()


def test_a_full_resource_warns_before_it_takes_a_signpost(live: Live, phone: Page):
    live.sign_in(phone, "link-worker")
    live.open(phone, "/people/{own}/signposts/new")
    options = phone.get_by_label("Resource", exact=True).locator("option").all_inner_texts()
    assert "Talking it over (full at present)" in options
    assert not [option for option in options if "Choir of the closed hall" in option]
    phone.get_by_label("Resource", exact=True).select_option("Talking it over (full at present)")
    phone.get_by_label("Information given").check()
    save(phone, "Save signpost")
    phone.get_by_role("link", name="Talking it over is full at present").click()
    phone.get_by_label("Signpost although it is full").check()
    check_accessible(phone)
    save(phone, "Save signpost")
    flashed(phone, "The signpost was saved.")
