"""What never stands in a log, an address or an error page; what hostile names cannot do; and what a failure leaves."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text, update

import tracker
from tests.integration.tracker.pages.conftest import Desk, written
from tests.integration.tracker.pages.forms import (
    ADD_COMPARED,
    ADD_REFERRED,
    ADD_RESOURCE,
    ANSWER,
    ATTEND,
    CAME_OF,
    CLOSE,
    CONSENT,
    CORRECT,
    EDIT_RESOURCE,
    ENTRY,
    EQ5D,
    FLAG,
    GOAL,
    HAND_OVER,
    LEAVE,
    LOG,
    MISS,
    NEEDS,
    ONS4,
    PERSON_DETAILS,
    PHQ9,
    PROGRESS,
    REFER_AGAIN,
    REOPEN,
    REVIEW,
    REWORD,
    SIGNPOST,
    WITHDRAW,
    WRONG,
    Form,
)
from tests.integration.tracker.pages.reading import Page
from tracker import extensions
from tracker.actions import care
from tracker.extensions import db, today
from tracker.models import Arm, FaultReport, Resource, SafetyFlag, Site, Study, User
from tracker.queries import scope
from tracker.queries.agenda import REASONS

JOURNEY = (
    ADD_REFERRED, ADD_COMPARED, PERSON_DETAILS, ENTRY, NEEDS, ANSWER, FLAG, REVIEW, GOAL, REWORD, PROGRESS, LOG, SIGNPOST,
    CAME_OF, ADD_RESOURCE, EDIT_RESOURCE, WRONG, ATTEND, PHQ9, EQ5D, CORRECT, MISS, ONS4, CONSENT, HAND_OVER, LEAVE, CLOSE, REFER_AGAIN,
    REOPEN, WITHDRAW,
)  # fmt: skip
CHOICES = ("outcome", "category", "item-i1", "needs", "conditions")
SECRETS = {
    "name": "Zebedee Quillfeather", "nhs_number": "943 476 5919", "phone": "07700 900999", "note": "Fears the bailiff",
    "reason": "Grief after the fire", "topics": "Gambling debts", "description": "Behind the chapel",
    "address": "9 Gallows Hill",
}  # fmt: skip
OTHER_NUMBER = "943 476 5870"  # no two people of the journey have the same
PRIVATE = (
    *SECRETS.values(),
    "9434765919",
    OTHER_NUMBER,
    OTHER_NUMBER.replace(" ", ""),
    "Person Own",
    "Ines Waiting",
    "a-long-enough-password",
    "@test.example",
)
UUID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"


def with_secrets(desk: Desk, form: Form) -> dict[str, str]:
    sent = desk.fill(form)
    secrets = SECRETS | ({"nhs_number": OTHER_NUMBER} if form is PERSON_DETAILS else {})
    return sent | {name: value for name, value in secrets.items() if name in sent}


def a_whole_journey(desk: Desk, after: Callable[[Page], object] = lambda page: page) -> None:
    """Each form sent badly, then well, and the page it leads to."""
    for form in JOURNEY:
        sent = with_secrets(desk, form)
        wrong = {name: "99" for name in sent if name.endswith("-day") or name in CHOICES}
        for answers in (sent | wrong, sent) if wrong else (sent,):
            page = desk.send(form.who, form.path, answers)
            after(page)
        assert page.status == 302, (form.name, page.summary)
        after(desk.open(form.who, page.location or ""))


# ------------------------------------------------------------------------------------------- logs


def test_a_whole_journey_with_its_mistakes_leaves_nothing_private_in_the_log(
    desk: Desk, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.INFO)
    a_whole_journey(desk)
    desk.open("link-worker", "/?show=mine&name=Zebedee+Quillfeather")
    desk.client("nobody").post(
        "/sign-in", data={"email": "link-worker@test.example", "password": "a-long-enough-password"}
    )
    assert [secret for secret in PRIVATE if secret in caplog.text] == []


BREAKS = {
    "a mistake in the code": lambda: {}["nothing"],
    "a refusal of the database": lambda: db.session.execute(
        text("INSERT INTO contact (id, note) VALUES (:id, :note)"), {"id": "1", "note": SECRETS["note"]}
    ),
    "a statement that the database does not know": lambda: db.session.execute(
        text("SELECT :note FROM nowhere"), {"note": SECRETS["note"]}
    ),
}


@pytest.fixture(params=BREAKS)
def breaking(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Something breaks after the contact was written and before all of it is saved."""
    whole = care.record_contact

    def broken(**given: object) -> None:
        whole(**given)  # type: ignore[arg-type]
        BREAKS[request.param]()

    monkeypatch.setattr(care, "record_contact", broken)


def test_a_failure_is_logged_with_its_place_and_without_what_was_typed(
    desk: Desk, breaking: None, caplog: pytest.LogCaptureFixture
):
    desk.send(LOG.who, LOG.path, with_secrets(desk, LOG))
    assert "Traceback" in caplog.text
    assert [secret for secret in PRIVATE if secret in caplog.text] == []


def test_a_failure_says_that_nothing_was_saved_and_nothing_was(desk: Desk, breaking: None):
    sent = with_secrets(desk, LOG)
    before = written()
    page = desk.send(LOG.who, LOG.path, sent)
    assert page.status == 500
    assert "Nothing was saved. Try again; if it happens twice, tell your administrator the time." in page.text
    assert [secret for secret in SECRETS.values() if secret in page.html] == []
    assert "Traceback" not in page.html
    assert written() == before


def test_the_next_page_after_a_failure_is_well_again(desk: Desk, breaking: None, monkeypatch: pytest.MonkeyPatch):
    sent = desk.fill(LOG)
    assert desk.send(LOG.who, LOG.path, sent).status == 500
    assert desk.open("link-worker", "/").status == 200
    monkeypatch.undo()
    assert desk.send(LOG.who, LOG.path, sent).status == 302


def test_a_failure_while_reading_is_a_page_too(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    def broken(*_: object, **__: object) -> None:
        db.session.execute(text("SELECT nothing FROM nowhere"))

    desk.client("link-worker")
    monkeypatch.setattr(scope, "person", broken)
    page = desk.open("link-worker", "/people/{own}")
    assert (page.status, page.title) == (500, "Something went wrong – Link worker kit")


@pytest.mark.parametrize(
    ("method", "path", "status", "title"),
    [
        ("GET", "/no-such-page", 404, "Page not found"),
        ("GET", "/people/{other-site}", 404, "Page not found"),
        ("GET", "/people/not-an-id", 404, "Page not found"),
        ("GET", "/people/%00", 404, "Page not found"),
        ("GET", "/studies", 403, "You cannot open this page"),
        ("POST", "/staff", 405, "This page cannot be used that way"),
        ("DELETE", "/people/{own}", 405, "This page cannot be used that way"),
        ("GET", "/sign-out", 405, "This page cannot be used that way"),
    ],
)
def test_what_goes_wrong_has_a_page_that_leads_home(desk: Desk, method: str, path: str, status: int, title: str):
    response = desk.client("link-worker").open(desk.address(path), method=method)
    page = Page(response.status_code, response.location, response.get_data(as_text=True))
    assert (page.status, page.title) == (status, f"{title} – Link worker kit")
    assert [each["href"] for each in page.main.all("a")] == ["/"]
    assert "Person" not in page.main.text


@pytest.mark.parametrize(("size", "status"), [(900_000, 422), (1_100_000, 413)])
def test_what_is_too_large_is_refused_at_the_size_that_the_page_names(desk: Desk, size: int, status: int):
    before = written()
    page, _ = desk.submit(LOG, note="x" * size)
    assert page.status == status
    assert written() == before
    assert (status == 422) or "Send less than 1 MB." in page.text


# -------------------------------------------------------------------------------------- addresses


def test_addresses_of_a_whole_journey_are_made_of_ids_and_fixed_words(desk: Desk):
    seen: set[str] = set()

    def follow(page: Page) -> None:
        seen.update(each["href"] for each in page.root.all("a"))
        seen.update(each["action"] for each in page.root.all("form"))
        seen.add(page.location or "")

    a_whole_journey(desk, after=follow)
    ours = {address for address in seen if not address.startswith(("tel:", "mailto:", "https:"))}  # a provider's, else
    bare = {re.sub(UUID, "ID", address) for address in ours}
    words = {word for address in bare for word in re.split(r"[/?=&#]", address)}
    fixed = (
        "people referrals contacts signposts resources assessments attendance studies sites new answer close leaving "
        "withdrawal outcome correct missed consents sign-out outcomes-due show mine all category ID main phq9 ons4 eq5d-5l "
        "baseline 6m unanswered needs hand-over closed reopen details entry safety-flags instruments state need page search edit "
        "again questions check account answers draft discard goals progress wrong checked settled waiting back team results "
        "self-completion end " + " ".join(REASONS)
    )
    fields = {"minutes", "mode", "kind", "status", "name", "conditions", "signpost-ID"}
    unknown = {
        word
        for word in words - set(fixed.split()) - fields
        if word and not re.fullmatch(r"[a-z_]+-(day|month|year)|item-\w+", word)
    }
    assert len(ours) > 40
    assert unknown == set()


# ---------------------------------------------------------------------------------- hostile names

HOSTILE = ('<script>alert("x")</script>', '"><img src=x onerror=alert(1)>', "{{ config }}", "'; DROP TABLE person;--")
PAGES = """
link-worker        /
link-worker        /?show=all
link-worker        /people
link-worker        /people/{own}
link-worker        /referrals/{referral}/contacts/new
link-worker        /people/{own}/goals/new
link-worker        /goals/{goal}/progress
link-worker        /goals/{goal}/edit
link-worker        /referrals/{referral}/close
link-worker        /referrals/{referral}/needs
link-worker        /referrals/{referral}/hand-over
link-worker        /referrals/{closed}/closed
link-worker        /referrals/{closed}/reopen
link-worker        /referrals/{offered}/answer
link-worker        /referrals/unanswered
link-worker        /people/{own}/referrals/new
link-worker        /people/{own}/details
link-worker        /people/{own}/entry
link-worker        /people/{own}/safety-flags/new
link-worker        /safety-flags/{flag}
link-worker        /people/{own}/leaving
link-worker        /people/{own}/withdrawal
link-worker        /people/{own}/consents/new
link-worker        /people/{own}/signposts/new
link-worker        /signposts/{signpost}/outcome
link-worker        /signposts/waiting
link-worker        /people/{own}/attendance/new
link-worker        /people/{own}/assessments/phq9/6m
link-worker        /people/{own}/assessments/phq9/6m/questions/1
link-worker        /people/{same-site}/assessments/phq9/6m/check
link-worker        /people/{own}/self-completion/6m
link-worker        /contacts/{contact}/edit
link-worker        /people/search
link-worker        /people/{own}/assessments/ons4/6m/missed
link-worker        /assessments/{phq9}
link-worker        /assessments/{phq9}/correct
link-worker        /resources
link-worker        /resources/{resource}
link-worker        /resources/{resource}/edit
link-worker        /resources/{resource}/wrong
supervisor         /resources/uptake
supervisor         /team
supervisor         /team/workers/{worker}/hand-over
link-worker        /results
link-worker        /studies/{study_garden}/sites/{site_mill}/people/new
supervisor         /people/new
outcome-assessor   /outcomes-due
outcome-assessor   /people/{own}
evaluator          /studies
evaluator          /studies/{study_garden}
administrator      /staff
link-worker        /account
link-worker        /account/password
link-worker        /account/appearance
link-worker        /account/sign-ins/{sign_in}/end
link-worker        /account/sign-ins/end-others
link-worker        /account/app
link-worker        /account/passkeys/new
pond-keeper        /account/app/remove
pond-keeper        /account/passkeys/{passkey}/remove
pond-keeper        /account/recovery-codes
administrator      /staff/invite
administrator      /staff/{worker}
administrator      /staff/{worker}/link
administrator      /staff/{worker}/disable
administrator      /staff/{left}/enable
administrator      /staff/{worker}/end-sign-ins
administrator      /staff/{keeper}/reset-second-factor
administrator      /staff/{worker}/roles/new
administrator      /roles/{membership}/end
administrator      /staff/{worker}/posts/new
administrator      /posts/{post}/end
administrator      /sites
administrator      /sites/new
administrator      /sites/{site_mill}/edit
"""


NOT_LOOKED_AT = {
    "static", "security.login", "security.logout", "security.static", "security.verify", "security.tf_select",
    "security.two_factor_rescue", "security.two_factor_setup", "security.two_factor_setup_validate",
    "security.two_factor_token_validation", "second_step.ask", "second_step.recover", "second_step.use_passkey",
    "invitations.arrive", "invitations.accept",
}  # fmt: skip
"""They know nobody yet."""
SHOW_NO_NAMES = {
    "home.nothing", "studies.plan", "resources.add", "resources.check", "resources.settle", "library.every",
    "library.one", "library.words", "library.template", "library.switch", "assessments.keep_sent",
    "assessments.discard", "questions.start", "contacts.again", "account.begin", "held_forms.keep", "held_forms.discard",
    "self_completion.end", "answers.arrive", "answers.start", "answers.answer", "answers.help_now", "answers.check",
    "answers.thank_you", "answers.stop", "answers.stopped",
}  # fmt: skip


def test_every_page_that_shows_a_name_is_looked_at(desk: Desk):
    routes = desk.app.url_map.bind("")
    seen = {routes.match(desk.address(line.split()[1]).partition("?")[0])[0] for line in PAGES.strip().splitlines()}
    pages = {rule.endpoint for rule in desk.app.url_map.iter_rules() if not rule.endpoint.startswith("open_referral.")}
    assert seen == pages - NOT_LOOKED_AT - SHOW_NO_NAMES


@pytest.fixture(params=HOSTILE)
def hostile(desk: Desk, request: pytest.FixtureRequest) -> str:
    """Everything that has a name has this one."""
    name: str = request.param
    with db.transaction() as session:
        for kind in (Resource, Site, Study, User, Arm):
            column = {Study: "title", Arm: "label"}.get(kind, "name")
            session.execute(update(kind).values({column: name}))
        everything = dict.fromkeys(
            ("provider", "area", "cost", "description", "eligibility", "opening_times", "phone"), name
        )
        session.execute(update(Resource).values(**everything, address=name, town=name))
        session.execute(update(FaultReport).values(reason=name))
        session.execute(update(SafetyFlag).values(note=name))
        for person in ("own", "same-site"):
            desk.world.person(person).identity.name = name
    sent = desk.fill(LOG, topics=name, note=name)
    desk.send(LOG.who, LOG.path, sent)
    return name


def test_hostile_names_are_only_words_on_every_page_that_shows_them(desk: Desk, hostile: str):
    shown_on = 0
    for line in PAGES.strip().splitlines():
        who, path = line.split()
        page = desk.open(who, path)
        assert page.status == 200, path
        assert [
            each["src"] for each in page.root.all("img") if not each["src"].startswith("data:image/svg+xml")
        ] == [], path
        scripts = [each["src"] for each in page.root.all("script")]
        assert set(scripts) - {"/static/passkeys.js"} == {"/static/tracker.js"}, path
        assert not [name for each in page.root.walk() for name in each.attributes if name.startswith("on")], path
        shown_on += hostile in page.root.raw
    assert shown_on == len(PAGES.strip().splitlines()), "somebody's name, at least one's own, stands on every page"


# ------------------------------------------------------------------------------------ days at midnight


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        (datetime(2026, 6, 30, 22, 59, tzinfo=UTC), "30 June"),
        (datetime(2026, 6, 30, 23, 1, tzinfo=UTC), "1 July"),
        (datetime(2026, 12, 31, 23, 59, tzinfo=UTC), "31 December"),
        (datetime(2027, 1, 1, 0, 1, tzinfo=UTC), "1 January"),
        (datetime(2026, 3, 29, 0, 59, tzinfo=UTC), "29 March"),
        (datetime(2026, 3, 29, 23, 1, tzinfo=UTC), "30 March"),
        (datetime(2026, 10, 25, 23, 59, tzinfo=UTC), "25 October"),
    ],
    ids=str,
)
def test_the_day_turns_at_midnight_in_london_in_winter_and_in_summer(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, moment: datetime, day: str
):
    stop_the_clock(monkeypatch, moment)
    assert f"{today().day} {today():%B}" == day
    offered = desk.open(LOG.who, LOG.path).typed
    assert (offered["contacted_on-day"], offered["contacted_on-month"]) == (str(today().day), str(today().month))


def stop_the_clock(monkeypatch: pytest.MonkeyPatch, moment: datetime) -> None:
    class Stopped(datetime):
        @classmethod
        def now(cls, tz=None):
            return moment.astimezone(tz)

    monkeypatch.setattr(extensions, "datetime", Stopped)


def test_a_contact_after_midnight_in_summer_may_bear_the_new_day_and_not_the_next(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
):
    sent = desk.fill(LOG, next_in="")
    sent |= {f"next_contact_on-{part}": "" for part in ("day", "month", "year")}
    stop_the_clock(monkeypatch, datetime(2027, 6, 30, 23, 30, tzinfo=UTC))
    tomorrow = {"contacted_on-day": "2", "contacted_on-month": "7", "contacted_on-year": "2027"}
    page = desk.send(LOG.who, LOG.path, sent | tomorrow)
    assert page.errors == {"contacted_on": "Date is in the future. Enter today or an earlier date."}
    assert desk.send(LOG.who, LOG.path, sent | tomorrow | {"contacted_on-day": "1"}).status == 302


@pytest.mark.parametrize(
    ("reported", "says"),
    [
        (datetime(2026, 6, 30, 22, 59, tzinfo=UTC), "yesterday"),
        (datetime(2026, 6, 30, 23, 1, tzinfo=UTC), "today"),
        (datetime(2026, 6, 30, 23, 59, tzinfo=UTC), "today"),
    ],
    ids=str,
)
def test_a_fault_reported_after_midnight_in_summer_bears_the_new_day(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, reported: datetime, says: str
):
    with db.transaction():
        db.session.get(FaultReport, desk.places["report"]).recorded_at = reported
    stop_the_clock(monkeypatch, datetime(2026, 7, 1, 8, 0, tzinfo=UTC))
    assert f", {says}. Put it right" in desk.open("link-worker", "/resources/{resource}").text


def test_no_page_reads_the_day_of_a_moment_off_the_clock_in_greenwich():
    pages = (Path(tracker.__file__).parent / "templates").rglob("*.html")
    assert [page.name for page in pages if re.search(r"_at\.(date|day|strftime)\b", page.read_text("utf-8"))] == []


def test_a_database_that_cannot_be_read_at_all_is_still_a_page(desk: Desk, caplog: pytest.LogCaptureFixture):
    sent = desk.fill(LOG)
    with db.transaction() as session:
        session.execute(text('ALTER TABLE "user" RENAME TO gone'))
    for page in (desk.open("link-worker", "/"), desk.send(LOG.who, LOG.path, sent)):
        assert (page.status, page.title) == (500, "Something went wrong – Link worker kit")
        assert "Nothing was saved" in page.text
