"""Answering alone, page by page: the link and its cookie, one question at a time, and nothing about the person anywhere."""

from __future__ import annotations

import logging
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, update

from instruments import get
from tests.integration.tracker.pages.conftest import Desk, written
from tests.integration.tracker.pages.forms import ASK_ALONE, HAND_OVER_DEVICE
from tests.integration.tracker.pages.reading import Page, check_rejected
from tests.world import COMPLETE, days_ago, draft_of
from tracker.actions import outcomes, people, staff
from tracker.extensions import db, today
from tracker.languages import LANGUAGES
from tracker.models import LINK_VALID, MOST_IDLE, Assessment, AuditEvent, SelfCompletion, SignIn, SignInFailure, Study
from tracker.queries import people as histories
from tracker.views import answers

CLOSED = "There is nothing to answer here"
ALARMING = COMPLETE["phq9"] | {"i9": 2}
ABOUT_THE_PERSON = (
    "Person Own", "P0000", "Mill Practice", "Link worker", "Usual care", "1950", "07700", "garden", "Garden study", "6 months",
    "6m", "ons4", "ONS4", "phq9", "PHQ", "Depression", "depression severity", "baseline", "Angry neighbour",
)  # fmt: skip


@dataclass
class Respondent:
    """Somebody with a link, at a browser of their own."""

    client: FlaskClient
    page: Page = None  # type: ignore[assignment]
    headers: Any = None

    def open(self, path: str) -> Page:
        return self._took(self.client.get(path))

    def send(self, path: str, **sent: object) -> Page:
        return self._took(
            self.client.post(path, data={name.replace("__", "-"): str(each) for name, each in sent.items()})
        )

    def _took(self, response: Any) -> Page:
        self.headers = response.headers
        self.page = Page(response.status_code, response.location, response.get_data(as_text=True))
        return self.page

    def open_link(self, path: str) -> Page:
        return self.send(path, sure="yes")

    def say(self, part: int, number: int, **said: object) -> Page:
        """Answer one question; gives where it leads."""
        return self.send(f"/answers/{part}/{number}", **{f"item-{item}": each for item, each in said.items()})

    def say_all(self, part: int, given: dict[str, int]) -> None:
        for number, (item, value) in enumerate(given.items(), start=1):
            assert self.say(part, number, **{item: value}).status == 302

    @property
    def cookie(self) -> str:
        kept = self.client.get_cookie("answers")
        return kept.value if kept else ""


@pytest.fixture
def own_phone(desk: Desk) -> Respondent:
    return Respondent(desk.app.test_client())


def another(respondent: Respondent) -> Respondent:
    return Respondent(respondent.client.application.test_client())


def link(desk: Desk, *instruments: str, path: str = ASK_ALONE.path, who: str = "link-worker") -> str:
    """Make a link on the page; gives the path of the link that it shows."""
    made = desk.client(who).post(
        desk.address(path), data={"instruments": list(instruments) or ["ons4", "phq9"], "way": "link"}
    )
    found = re.search(r"<code>http://localhost(/answer/[\w-]+)</code>", made.get_data(as_text=True))
    assert found, made.status_code
    return found.group(1)


def the_one() -> SelfCompletion:
    db.session.rollback()
    return db.session.scalars(select(SelfCompletion).order_by(SelfCompletion.recorded_at.desc()).limit(1)).one()


# ------------------------------------------------------------------------------------ asking for it


def test_the_page_offers_what_can_be_answered_alone_and_says_what_cannot(desk: Desk):
    page = desk.open("link-worker", ASK_ALONE.path)
    boxes = {
        box["value"]: "checked" in box.attributes for box in page.form.all("input") if box["name"] == "instruments"
    }
    assert boxes == {"ons4": True, "phq9": True}
    assert "EQ-5D-5L: its wording is not in this installation" in page.text
    assert "PHQ-9 asks about safety." in page.text


@pytest.mark.parametrize(
    ("sent", "field", "says"),
    [
        ({"way": "link"}, "instruments", "Choose what the person is asked"),
        ({"instruments": "ons4"}, "way", "Choose how they answer"),
    ],
)
def test_what_is_missing_is_told_beside_its_field(desk: Desk, sent: dict[str, str], field: str, says: str):
    before = written()
    check_rejected(desk.send("link-worker", ASK_ALONE.path, sent), field, says)
    assert written() == before


@pytest.mark.parametrize("tampered", [{"instruments": "eq5d-5l"}, {"instruments": "gad7"}, {"way": "post"}])
def test_what_is_not_offered_cannot_be_sent(desk: Desk, tampered: dict[str, str]):
    before = written()
    page = desk.send("link-worker", ASK_ALONE.path, {"instruments": "ons4", "way": "link"} | tampered)
    assert page.status == 422
    assert written() == before


def test_the_link_is_shown_once_with_a_picture_and_stands_in_no_address(desk: Desk):
    page, _ = desk.submit(ASK_ALONE)
    assert page.title == "Give this link to the person – Link worker kit"
    assert page.main.all("img")[0]["src"].startswith("data:image/svg+xml")
    token = page.main.all("code")[0].text.rpartition("/")[2]
    again = desk.open("link-worker", ASK_ALONE.path)
    for later in (again, desk.open("link-worker", "/people/{own}")):
        assert token not in later.html
        assert "Link made, not opened: 1 instrument, from Link-Worker, today at" in later.text


def test_a_timepoint_ahead_of_its_time_may_be_asked_and_says_so(desk: Desk):
    with db.transaction():
        desk.world.person("own").entered_on = today()
    assert "6 months is asked from" in desk.open("link-worker", ASK_ALONE.path).text
    assert "let the person answer 6 months" in desk.open("link-worker", "/people/{own}").text
    assert link(desk)


def test_a_person_who_left_is_not_asked(desk: Desk):
    with db.transaction():
        people.leave(
            by=desk.world.user("link-worker"), person=desk.world.person("own"), left_on=days_ago(1), left_reason="moved"
        )
    assert "Nothing more is asked of them." in desk.open("link-worker", ASK_ALONE.path).text
    assert "self-completion" not in desk.open("link-worker", "/people/{own}").html
    before = written()
    assert desk.send("link-worker", ASK_ALONE.path, {"instruments": "ons4", "way": "link"}).status == 422
    assert written() == before


def test_answers_given_before_are_named_to_the_worker_because_the_link_shows_them(desk: Desk):
    page = desk.open("link-worker", "/people/{same-site}/self-completion/6m")
    assert "PHQ-9 was begun on" in page.text


@pytest.mark.parametrize("who", ["outcome-assessor", "link-worker", "supervisor"])
def test_any_of_the_site_ends_what_is_open(desk: Desk, own_phone: Respondent, who: str):
    path = link(desk)
    own_phone.open_link(path)
    asked = the_one()
    assert "Answering now: 2 instruments" in desk.open(who, "/people/{own}").text
    assert desk.send(who, f"/self-completion/{asked.id}/end", {}).location == desk.address("/people/{own}")
    page = desk.open(who, "/people/{own}")
    assert "It was ended. What was answered so far is kept." in page.text
    assert "Answering now" not in page.text
    assert own_phone.open("/answers").status == 404
    assert "ended already" in Page(*_followed(desk, who, f"/self-completion/{asked.id}/end")).text


def _followed(desk: Desk, who: str, path: str) -> tuple[int, None, str]:
    answer = desk.client(who).post(path, follow_redirects=True)
    return answer.status_code, None, answer.get_data(as_text=True)


def test_an_assessor_learns_nothing_of_care_from_it(desk: Desk):
    page = desk.open("outcome-assessor", ASK_ALONE.path)
    secrets = ("Link worker arm", "Mill Practice", "Usual care", "Contact")
    assert [secret for secret in secrets if secret in page.text] == []
    (told,) = page.main.all("div", class_="lwk-asked")
    assert told.text.startswith("Link made, not opened: 2 instruments, today at ")
    assert "Link-Worker" not in told.text


# ------------------------------------------------------------------------------------ link and cookie


def test_looking_at_a_link_tells_nothing_and_changes_nothing(desk: Desk, own_phone: Respondent):
    path, before = link(desk), written()
    real = own_phone.open(path)
    assert own_phone.client.head(path).status_code == 200
    unreal = own_phone.open("/answer/" + "x" * 43)
    assert real.html.replace(path, "") == unreal.html.replace("/answer/" + "x" * 43, "")
    assert written() == before
    assert own_phone.cookie == ""


def test_the_button_exchanges_the_link_for_a_cookie(desk: Desk, own_phone: Respondent):
    path = link(desk)
    page = own_phone.open_link(path)
    assert (page.status, page.location) == (302, "/answers")
    kept = own_phone.client.get_cookie("answers")
    assert (kept.http_only, kept.same_site, kept.path) == (True, "Lax", "/")
    assert path.rpartition("/")[2] not in kept.value
    assert own_phone.open("/answers").status == 200


def test_on_a_real_server_the_cookie_belongs_to_this_host_and_travels_encrypted(desk: Desk, own_phone: Respondent):
    path = link(desk)
    desk.app.config["SESSION_COOKIE_SECURE"] = True
    answer = own_phone.client.post(path, data={"sure": "yes"}, base_url="https://localhost")
    (cookie,) = [each for each in answer.headers.getlist("Set-Cookie") if "answers" in each]
    assert cookie.startswith("__Host-answers=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= {part.strip() for part in cookie.split(";")}
    assert "Domain" not in cookie


def dead_links(desk: Desk, respondent: Respondent) -> Iterator[tuple[str, str]]:
    """A link of each kind that opens nothing."""
    used = link(desk)
    another(respondent).open_link(used)
    yield "used", used
    replaced = link(desk)
    link(desk)
    yield "replaced", replaced
    ended = link(desk)
    desk.send("link-worker", f"/self-completion/{the_one().id}/end", {})
    yield "ended", ended
    old = link(desk)
    with db.transaction():
        the_newest = db.session.scalars(
            select(SelfCompletion).order_by(SelfCompletion.recorded_at.desc()).limit(1)
        ).one()
        the_newest.valid_until -= timedelta(days=8)
    yield "expired", old
    yield "unknown", "/answer/" + "x" * 43
    yield "strange", "/answer/%27%20OR%201=1%20--"


def test_every_link_that_opens_nothing_gets_one_and_the_same_page(desk: Desk, own_phone: Respondent):
    pages = {}
    for kind, path in dead_links(desk, own_phone):
        page = own_phone.open_link(path)
        assert page.status == 404, kind
        pages[kind] = (
            page.html.replace(path, "").replace("/answer/&#39; OR 1=1 --", "").replace("/answer/' OR 1=1 --", "")
        )
        assert own_phone.cookie == "", kind
    assert len(pages) == 6
    assert len({re.sub(r"/answer/[^\"?]*", "", page) for page in pages.values()}) == 1
    assert CLOSED in own_phone.page.text
    assert "Else ask the team for a new link." in own_phone.page.text


def test_many_guesses_are_slowed_where_they_come_from_and_then_the_link_still_opens(desk: Desk, own_phone: Respondent):
    path = link(desk)
    for number in range(20):
        assert own_phone.open_link(f"/answer/guess-{number}").status == 404
    page = own_phone.open_link(path)
    assert (page.status, page.title) == (429, "Please wait a little – Your answers")
    elsewhere = own_phone.client.post(path, data={"sure": "yes"}, environ_overrides={"REMOTE_ADDR": "192.0.2.7"})
    assert elsewhere.status_code == 302
    with db.transaction() as session:
        session.execute(update(SignInFailure).values(failed_at=SignInFailure.failed_at))
        for each in session.scalars(select(SignInFailure)):
            each.failed_at -= timedelta(seconds=31)
    assert own_phone.open_link("/answer/one-more").status == 404


def test_the_same_link_in_the_same_browser_leads_back_to_the_answers(desk: Desk, own_phone: Respondent):
    path = link(desk)
    own_phone.open_link(path)
    own_phone.say(1, 1, satisfied=4)
    page = own_phone.open(path)
    assert "You have begun to answer on this device." in page.text
    assert "/answers" in [each["href"] for each in page.main.all("a")]
    assert "You have begun" not in another(own_phone).open(path).text


def test_a_new_link_in_the_same_browser_takes_the_old_one_s_place(desk: Desk, own_phone: Respondent):
    own_phone.open_link(link(desk))
    own_phone.say(1, 1, satisfied=4)
    first = own_phone.cookie
    own_phone.open_link(link(desk, path="/people/{same-site}/self-completion/6m"))
    assert own_phone.cookie != first
    assert own_phone.open("/answers/1/1").typed.get("item-satisfied") is None


def test_a_stolen_cookie_opens_only_its_own_questions_and_no_page_of_the_record(desk: Desk, own_phone: Respondent):
    own_phone.open_link(link(desk))
    thief = another(own_phone)
    thief.client.set_cookie("answers", own_phone.cookie)
    assert thief.open("/answers").status == 200
    for path in ("/", "/people/{own}", "/outcomes-due", ASK_ALONE.path, "/account"):
        assert thief.open(desk.address(path)).location.startswith("/sign-in"), path
    for part, number in ((3, 1), (1, 5), (0, 1), (2, 99)):
        assert thief.open(f"/answers/{part}/{number}").location == "/answers"


@pytest.mark.parametrize("value", ["", "x", "x" * 3000, "\u00e4", "../../etc", "'; DROP TABLE person; --"])
def test_a_cookie_that_is_none_opens_nothing(desk: Desk, own_phone: Respondent, value: str):
    link(desk)
    own_phone.client.set_cookie("answers", value)
    for path in ("/answers", "/answers/1/1", "/answers/check", "/answers/stop", "/answers/1/1/help"):
        page = own_phone.open(path)
        assert (page.status, CLOSED in page.text) == (404, True), path
    before = written()
    for path in ("/answers/1/1", "/answers/check", "/answers/stop"):
        assert own_phone.send(path, sure="yes", **{"item-satisfied": 3}).status == 404
    assert written() == before


def test_what_is_sent_for_another_person_or_as_staff_is_ignored(desk: Desk, own_phone: Respondent):
    """There is nothing in the form that says whose answers they are."""
    own_phone.open_link(link(desk))
    sent = {
        "item-satisfied": 4,
        "person_id": str(desk.places["same-site"]),
        "by": "x",
        "timepoint": "baseline",
        "mode": "paper",
    }
    assert own_phone.send("/answers/1/1", **sent).status == 302
    assert draft_of(desk.world, "ons4").answers == {"satisfied": 4}
    assert draft_of(desk.world, "ons4", "same-site") is None


def test_forms_need_the_token_of_their_page(desk: Desk, own_phone: Respondent):
    path = link(desk)
    desk.app.config["WTF_CSRF_ENABLED"] = True
    page = own_phone.open_link(path)
    assert (page.status, page.title) == (400, "This page was open for too long – Your answers")
    assert the_one().opened_at is None


# ------------------------------------------------------------------------------- one question at a time


@pytest.fixture
def answering(desk: Desk, own_phone: Respondent) -> Respondent:
    own_phone.open_link(link(desk))
    return own_phone


def test_the_first_page_says_what_to_expect(answering: Respondent):
    page = answering.open("/answers")
    assert "Questions: 13. Most people need about this many minutes: 5." in page.text
    assert "We do not ask for your name" in page.text
    assert [each["href"] for each in page.main.all("a") if "nhsuk-button" in each["class"]] == ["/answers/1/1"]


def test_every_question_has_its_page_with_its_place_and_a_way_back(answering: Respondent):
    page = answering.open("/answers/1/1")
    assert "Question 1 of 13" in page.text
    assert [h.text for h in page.main.all("h1")] == ["Overall, how satisfied are you with your life nowadays?"]
    assert answering.say(1, 1, satisfied=7).location == "/answers/1/2"
    answering.say_all(1, COMPLETE["ons4"])
    assert answering.page.location == "/answers/2/1"
    page = answering.open("/answers/2/1")
    assert "Question 5 of 13" in page.text
    assert "Over the last 2 weeks" in page.text
    assert page.root.all("a", class_="nhsuk-back-link")[0]["href"] == "/answers/1/4"
    answering.say_all(2, COMPLETE["phq9"])
    assert answering.page.location == "/answers/check"


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ({}, "Choose an answer, or choose that you prefer not to say"),
        ({"satisfied": ""}, "Choose an answer, or choose that you prefer not to say"),
        ({"satisfied": "11"}, "That is not an answer to this question. Choose one of 0 to 10."),
        ({"satisfied": "<script>"}, "That is not an answer to this question. Choose one of 0 to 10."),
    ],
)
def test_an_answer_that_is_none_is_told_beside_its_question(
    answering: Respondent, desk: Desk, said: dict[str, str], says: str
):
    page = answering.say(1, 1, **said)
    check_rejected(page, "item-satisfied", says)
    assert page.title == "Error: Question 1 of 13 – Your answers"
    assert draft_of(desk.world, "ons4") is None


def test_nobody_has_to_answer(answering: Respondent, desk: Desk):
    assert answering.say(1, 1, satisfied="prefer-not-to-say").location == "/answers/1/2"
    assert draft_of(desk.world, "ons4").answers == {"satisfied": "prefer-not-to-say"}


def test_answers_are_there_again_when_the_page_is_opened_later(answering: Respondent):
    answering.say(1, 1, satisfied=7)
    later = another(answering)
    later.client.set_cookie("answers", answering.cookie)
    page = later.open("/answers")
    assert page.title == "Welcome back – Your answers"
    assert "/answers/1/2" in [each["href"] for each in page.main.all("a")]
    assert later.open("/answers/1/1").typed["item-satisfied"] == "7"


def test_answers_can_be_looked_at_and_changed_before_they_are_sent(answering: Respondent, desk: Desk):
    answering.say_all(1, COMPLETE["ons4"])
    answering.say(2, 1, i1=1)
    page = answering.open("/answers/check")
    values = [each.text for each in page.main.all("dd", class_="nhsuk-summary-list__value")]
    assert values == ["7", "6", "8", "3", "Several days", *["Not answered"] * 8]
    assert "Questions without an answer: 8." in page.text
    answering.say(1, 1, satisfied=2)
    assert draft_of(desk.world, "ons4").answers["satisfied"] == 2


def test_sent_answers_are_saved_and_the_cookie_opens_nothing_more(answering: Respondent, desk: Desk):
    answering.say_all(1, COMPLETE["ons4"])
    answering.say_all(2, COMPLETE["phq9"])
    cookie = answering.cookie
    page = answering.send("/answers/check", sure="yes")
    assert page.location == "/answers/thank-you"
    assert answering.cookie == ""
    answering.client.set_cookie("answers", cookie)
    assert answering.open("/answers").status == 404
    assert answering.send("/answers/check", sure="yes").status == 404
    own = desk.world.person("own")
    made = [each for each in histories.assessments(own, by=desk.world.user("link-worker")) if each.timepoint == "6m"]
    assert {(each.instrument, each.status, each.mode, each.respondent) for each in made} == {
        ("ons4", "complete", "online", "self"), ("phq9", "complete", "online", "self"),
    }  # fmt: skip
    text = desk.open("link-worker", f"/assessments/{made[0].id}").text
    assert "Online. Answered by: the person." in text


def test_what_staff_save_meanwhile_leads_the_person_on(answering: Respondent, desk: Desk):
    answering.say(1, 1, satisfied=7)
    with db.transaction():
        outcomes.record_assessment(
            by=desk.world.user("link-worker"), person=desk.world.person("own"), instrument=get("ons4"),
            responses=COMPLETE["ons4"], client_key=uuid.uuid4(),
            administration=outcomes.Administration("6m", today(), "telephone", "self"),
        )  # fmt: skip
    assert answering.say(1, 2, worthwhile=1).location == "/answers"
    page = answering.open("/answers")
    assert "Questions: 9." in page.text
    assert "/answers/2/1" in [each["href"] for each in page.main.all("a")]


def test_stopping_for_good_closes_it_here_and_keeps_the_answers(answering: Respondent, desk: Desk):
    answering.say(1, 1, satisfied=7)
    assert "within 2 days" in answering.open("/answers/stop").text
    assert answering.send("/answers/stop", sure="yes").location == "/answers/stopped"
    assert answering.cookie == ""
    assert "What you answered so far is with the team" in answering.open("/answers/stopped").text
    assert draft_of(desk.world, "ons4").answers == {"satisfied": 7}


def test_what_a_page_promises_is_what_the_tables_hold():
    assert (MOST_IDLE["link"], MOST_IDLE["device"], LINK_VALID) == (
        timedelta(days=2), timedelta(minutes=30), timedelta(days=7),
    )  # fmt: skip


# --------------------------------------------------------------------------------------------- safety


def test_an_alarming_answer_leads_to_help_and_to_the_worker_s_start_page_at_once(answering: Respondent, desk: Desk):
    with db.transaction() as session:  # whatever the furnished world has of her goes
        for each in session.scalars(select(Assessment).where(Assessment.person_id == desk.world.people["own"])):
            for response in each.responses:
                response.say(0)
    assert "Safety" not in _row(desk.open("link-worker", "/"))
    assert answering.say(2, 9, i9=1).location == "/answers/2/9/help"
    page = answering.open("/answers/2/9/help")
    assert page.title == "Thank you for telling us – Your answers"
    assert [each["href"] for each in page.main.all("a", class_="lwk-call")] == ["tel:999", "tel:111", "tel:116123"]
    assert "/answers/check" in [each["href"] for each in page.main.all("a")]
    for staff_words in ("This person", "Ask about safety", "plan", "depress", "risk"):
        assert staff_words not in page.text
    assert "Safety" in _row(desk.open("link-worker", "/"))
    assert "Ask about safety now" in desk.open("link-worker", "/people/{own}").text
    assert (
        "Person Own" in desk.open("outcome-assessor", "/outcomes-due").main.all("section", class_="lwk-alarmed")[0].text
    )


def _row(page: Page) -> str:
    """The name and the reasons, without the facts and the safety flags of the record."""
    return next(each.text for each in page.main.all("div", class_="lwk-row__who") if "Person Own" in each.text)


@pytest.mark.parametrize("said", [0, "prefer-not-to-say"])
def test_any_other_answer_leads_on(answering: Respondent, said: object):
    assert answering.say(2, 9, i9=said).location == "/answers/check"


def test_somebody_followed_for_comparison_is_told_of_on_their_keeper_s_start_page(desk: Desk, own_phone: Respondent):
    path = link(desk, "phq9", path="/people/{compared}/self-completion/6m", who="pond-keeper")
    assert desk.open("pond-keeper", "/").main.all("section", class_="lwk-alarmed") == []
    own_phone.open_link(path)
    own_phone.say(1, 9, i9=3)
    (told,) = desk.open("pond-keeper", "/").main.all("section", class_="lwk-alarmed")
    assert "Person Compared" in told.text
    assert desk.open("quay-worker", "/").main.all("section", class_="lwk-alarmed") == []


def test_help_is_one_tap_away_on_every_page_and_names_the_team(answering: Respondent, desk: Desk):
    desk.app.config["CONTACT"] = "Elmstead team, 01632 960 100"
    for path in (
        "/answers",
        "/answers/1/1",
        "/answers/check",
        "/answers/stop",
        "/answers/2/9/help",
        "/answers/thank-you",
    ):
        page = answering.open(path)
        assert "Elmstead team, 01632 960 100" in page.root.text, path
        assert "tel:999" in [each["href"] for each in page.root.all("a")], path


# --------------------------------------------------------------------------- nothing about the person


def every_page(respondent: Respondent, path: str) -> Iterator[Page]:
    """A whole way through, in each language."""
    yield respondent.open(path)
    respondent.open_link(path)
    respondent.say_all(1, COMPLETE["ons4"])
    respondent.say_all(2, ALARMING)
    addresses = [f"/answers/1/{n}" for n in range(1, 5)] + [f"/answers/2/{n}" for n in range(1, 10)]
    others = [
        "/answers",
        "/answers/check",
        "/answers/stop",
        "/answers/2/9/help",
        "/answers/thank-you",
        "/answers/stopped",
    ]
    for language in LANGUAGES:
        for each in (*addresses, *others):
            yield respondent.open(f"{each}?language={language}")
    respondent.send("/answers/check", sure="yes")
    yield respondent.open("/answers")


def test_no_page_says_anything_about_the_person_or_the_study(desk: Desk, own_phone: Respondent):
    notices = {get(id).licence.notice for id in ("ons4", "phq9")}
    seen = list(every_page(own_phone, link(desk)))
    assert len(seen) == 40
    for page in seen:
        html = re.sub(r'name="csrf_token" value="[^"]*"', "", page.html)  # drawn anew, and "6m" is two letters of many
        assert "csrf_token" not in html
        for notice in notices:
            html = html.replace(notice, "")
        for id in desk.places.values():
            assert str(id) not in html
        assert [secret for secret in ABOUT_THE_PERSON if secret in html] == [], page.title


def test_addresses_name_neither_the_person_nor_the_instrument(desk: Desk, own_phone: Respondent):
    path = link(desk)
    seen = set()
    for page in every_page(own_phone, path):
        seen |= {each["href"] for each in page.root.all("a")} | {each["action"] for each in page.root.all("form")}
        seen.add(page.location or "")
    ours = {address.partition("?")[0] for address in seen if address.startswith("/")} - {path}
    shapes = {re.sub(r"/\d+/\d+", "/N/N", address) for address in ours}
    assert shapes == {
        "/answers", "/answers/N/N", "/answers/N/N/help", "/answers/check", "/answers/stop", "/answers/stopped",
        "/answers/thank-you",
    }  # fmt: skip


def test_the_log_holds_neither_links_nor_answers(desk: Desk, own_phone: Respondent, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO)
    path = link(desk)
    list(every_page(own_phone, path))
    own_phone.open_link("/answer/not-a-link-of-ours")
    cookie = the_one().digest or "-"
    for secret in (
        path.rpartition("/")[2],
        cookie,
        "Person Own",
        "not-a-link-of-ours",
        *map(str, desk.world.people.values()),
    ):
        assert secret not in caplog.text


def test_nothing_is_kept_by_the_browser_nor_told_to_the_next_page(desk: Desk, own_phone: Respondent):
    path = link(desk)
    for address in (path, "/answers", "/answers/thank-you"):
        own_phone.open(address)
        assert own_phone.headers["Cache-Control"] == "no-store"
        assert own_phone.headers["Referrer-Policy"] == "strict-origin", "the address of the first page holds the link"
        assert "default-src 'none'" in own_phone.headers["Content-Security-Policy"]
    assert desk.client("nobody").get("/sign-in").headers["Referrer-Policy"] == "same-origin"


def test_no_page_asks_another_host_for_anything(answering: Respondent):
    for path in ("/answers", "/answers/1/1", "/answers/check"):
        page = answering.open(path)
        asked = [each["src"] or each["href"] for each in page.root.all("script", "link", "img")]
        assert all(address.startswith("/static/") for address in asked), asked


@pytest.mark.parametrize("name", ['<script>alert("x")</script>', "{{ config }}"])
def test_the_team_s_own_words_are_only_words(desk: Desk, answering: Respondent, name: str):
    with db.transaction() as session:
        session.execute(update(Study).values(title=name))
    desk.app.config["CONTACT"] = name
    page = answering.open("/answers/2/9/help")
    assert name in page.root.raw
    assert [each["src"] for each in page.root.all("script")] == ["/static/tracker.js"]


# -------------------------------------------------------------------------------- handing the device over


def hand_over(desk: Desk, who: str = "link-worker", path: str = HAND_OVER_DEVICE.path) -> Respondent:
    client = desk.client(who)
    answer = client.post(desk.address(path), data={"instruments": ["ons4", "phq9"], "way": "device"})
    assert (answer.status_code, answer.location) == (302, "/answers")
    assert answer.headers["Clear-Site-Data"] == '"cache"'
    return Respondent(client)


def test_the_worker_is_signed_out_on_the_server_and_the_person_s_pages_open(desk: Desk):
    desk.client("link-worker")
    device = hand_over(desk)
    db.session.rollback()
    ours = db.session.scalars(
        select(SignIn).where(SignIn.user_id == desk.world.users["link-worker"], SignIn.device.is_(None))
    )
    assert [each.ended_at is not None for each in ours] == [True]
    for path in ("/", "/people/{own}", "/account", ASK_ALONE.path):
        assert device.open(desk.address(path)).location.startswith("/sign-in"), path
    assert device.open("/answers/1/1").status == 200


def test_the_cookie_of_before_signs_nobody_in_again(desk: Desk):
    before = desk.client("link-worker").get_cookie("tracker").value
    device = hand_over(desk)
    device.client.set_cookie("tracker", before)
    assert device.open("/").location.startswith("/sign-in")


def test_nothing_of_the_worker_stays_in_the_session(desk: Desk):
    device = hand_over(desk)
    with device.client.session_transaction() as session:
        assert set(session) <= {answers.HANDED_OVER, "csrf_token"}


def test_the_device_is_asked_back_at_the_end_and_a_phone_of_one_s_own_is_not(desk: Desk, answering: Respondent):
    assert "give the device back" not in answering.open("/answers/thank-you").text
    device = hand_over(desk)
    assert "go on later" not in device.open("/answers").text
    device.say_all(1, COMPLETE["ons4"])
    assert "give the device back" not in device.open("/answers/check").text
    device.send("/answers/check", sure="yes")
    page = device.open("/answers/thank-you")
    assert "Please give the device back now." in page.text
    assert "/sign-in" in [each["href"] for each in page.main.all("a")]


def test_on_the_worker_s_device_help_is_also_the_worker(desk: Desk):
    device = hand_over(desk)
    device.say(2, 9, i9=2)
    assert "tell the person who gave you this device" in device.open("/answers/2/9/help").text


def test_the_trail_says_by_whom_and_that_they_signed_out(desk: Desk):
    hand_over(desk)
    db.session.rollback()
    events = db.session.scalars(select(AuditEvent).order_by(AuditEvent.number.desc()).limit(4)).all()[::-1]
    assert [each.action for each in events] == [
        "replace_self_completion",
        "ask_alone",
        "open_self_completion",
        "sign_out",
    ]


def test_a_hand_over_that_is_refused_signs_nobody_out(desk: Desk):
    page = desk.send("link-worker", HAND_OVER_DEVICE.path, {"instruments": "eq5d-5l", "way": "device"})
    assert page.status == 422
    assert desk.open("link-worker", "/").status == 200


def test_whoever_asked_and_was_disabled_meanwhile_leaves_an_open_device_closed(desk: Desk):
    device = hand_over(desk)
    with db.transaction():
        staff.disable_user(
            by=desk.world.user("administrator"), user=desk.world.user("link-worker"), reason="Left the service"
        )
    assert device.say(1, 1, satisfied=7).status == 404


# ------------------------------------------------------------------------------------------ language


def test_welsh_is_spoken_when_it_is_chosen_and_remembered(answering: Respondent):
    page = answering.open("/answers/1/1?language=cy")
    html = page.root.all("html")[0]
    assert (html["lang"], page.title) == ("cy", "Cwestiwn 1 o 13 – Eich atebion")
    assert "Drafftiwyd y cyfieithiad hwn gan beiriant" in page.text
    assert answering.open("/answers/1/2").root.all("html")[0]["lang"] == "cy"
    assert answering.open("/answers/1/2?language=en").root.all("html")[0]["lang"] == "en-GB"
    assert "Drafftiwyd" not in answering.open("/answers/1/2").text


def test_the_question_keeps_its_own_language_and_says_so(answering: Respondent):
    page = answering.open("/answers/1/1?language=cy")
    box = page.main.all("div", class_="lwk-one")[0]
    assert box["lang"] == "en-GB"
    assert "Overall, how satisfied are you with your life nowadays?" in box.text
    label = next(each for each in box.all("label") if "beidio â dweud" in each.text)
    assert label["lang"] == "cy"


def test_mistakes_are_told_in_welsh_too(answering: Respondent):
    answering.open("/answers?language=cy")
    page = answering.say(1, 1)
    check = "Dewiswch ateb, neu dewiswch ei bod yn well gennych beidio â dweud"
    assert page.errors == {"item-satisfied": f"Gwall: {check}"} or check in page.text
    assert page.title.startswith("Gwall: ")


@pytest.mark.parametrize("language", ["", "fr", "CY", "../cy", "<script>", "x" * 3000])
def test_a_language_that_is_not_here_is_english_and_is_not_remembered(answering: Respondent, language: str):
    page = answering.open("/answers/1/1?language=" + language)
    assert page.root.all("html")[0]["lang"] == "en-GB"
    assert answering.client.get_cookie("language") is None


def test_the_pages_of_staff_stay_english(desk: Desk):
    desk.client("link-worker").set_cookie("language", "cy")
    page = desk.open("link-worker", "/people/{own}/assessments/ons4/6m")
    assert page.root.all("html")[0]["lang"] == "en-GB"
    assert "Prefer not to say" in page.text
    rejected = desk.send("link-worker", "/people/{own}/assessments/ons4/6m", {})
    assert "There is a problem" in rejected.text
