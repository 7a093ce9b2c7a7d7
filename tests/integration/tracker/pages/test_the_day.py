"""The first page of a link worker: who needs something today, in parts of a long list, with filters in the address."""

from __future__ import annotations

import uuid

import pytest

from instruments import get
from tests.integration.tracker.pages.conftest import Desk
from tests.integration.tracker.pages.forms import CLOSE, LOG, Ago
from tests.integration.tracker.pages.reading import Page
from tests.integration.tracker.teamwork import statements
from tests.world import COMPLETE, contact, days_ago
from tracker.actions import care, outcomes, people
from tracker.extensions import db
from tracker.models import Person
from tracker.views import home


def names(page: Page) -> list[str]:
    """The people of the first list on the page."""
    lists = page.main.all("ul", class_="lwk-rows")
    return [each.text for each in lists[0].all("a", class_="lwk-row__name")] if lists else []


def test_reasons_are_counted_and_each_leads_to_its_people(desk: Desk):
    desk.submit(LOG, next_in="", next_contact_on=Ago(-1))
    page = desk.open("link-worker", "/?show=all")
    (reasons,) = page.main.all("nav", class_="lwk-reasons")
    assert reasons.text == "All 2 Outcome overdue: 2 Ask about a signpost: 1 No contact for 4 weeks: 1"
    hrefs = {link.text: link["href"] for link in reasons.all("a")}
    assert names(desk.open("link-worker", hrefs["No contact for 4 weeks: 1"])) == ["Person Same-Site"]
    assert set(names(desk.open("link-worker", hrefs["All 2"]))) == {"Person Own", "Person Same-Site"}


def test_a_reason_that_nobody_has_says_so_and_leads_back(desk: Desk):
    page = desk.open("link-worker", "/?need=contact-due")
    assert "Nobody needs that today" in page.text
    assert "/?show=mine" in {link["href"] for link in page.main.all("a")}


def test_the_next_contact_that_was_agreed_stands_in_the_row(desk: Desk):
    desk.submit(LOG)
    day = days_ago(-20)
    assert f"Next {day.day} {day:%B %Y}" in desk.open("link-worker", "/").text


def test_who_was_only_tried_has_had_no_contact(desk: Desk):
    with db.transaction():
        contact(desk.world, "same-site", attendance="did-not-attend", minutes=0)
    page = desk.open("link-worker", "/?show=all").text
    assert "No contact yet, last tried 5 days ago" in page
    assert "0 contacts" not in page


ODD = ("page=0", "page=-1", "page=x", "page=%D9%A3", "page=" + "9" * 400, "need=<script>", "state=open", "show=nobody")


@pytest.mark.parametrize("query", ODD, ids=lambda query: query[:12])
def test_whatever_stands_in_the_address_is_a_page(desk: Desk, query: str):
    page = desk.open("link-worker", f"/?{query}")
    assert page.status == 200
    assert "need=<script>" not in page.html


def test_a_long_list_comes_in_parts_and_each_person_stands_in_one(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(home, "AT_ONCE", 4)
    with db.transaction():
        worker = desk.world.user("link-worker")
        for n in range(9):
            person = people.add_person(
                by=worker, study=desk.world.study(), site=desk.world.site("mill"), entered_on=days_ago(5),
                identity=people.IdentityFacts(f"Extra {n}"),
            )  # fmt: skip
            referral = care.record_referral(by=worker, person=person, source="gp", referred_on=days_ago(5))
            care.assign(by=worker, referral=referral, worker=worker, from_on=days_ago(5))
    parts = [desk.open("link-worker", f"/?show=mine&page={n}") for n in (1, 2, 3)]
    assert [len(names(part)) for part in parts] == [4, 4, 2]
    assert len({name for part in parts for name in names(part)}) == 10
    assert "Page 2 of 3" in parts[1].text
    links = {link.text: link["href"] for link in parts[1].main.all("nav", class_="lwk-pager")[0].all("a")}
    assert links == {"Previous": "/?page=1&show=mine", "Next": "/?page=3&show=mine"}
    assert names(desk.open("link-worker", "/?show=mine&page=99")) == names(parts[2])


def test_closed_referrals_are_a_list_of_their_own_with_an_empty_state(desk: Desk):
    assert "No referral was closed yet" in desk.open("pond-keeper", "/?state=closed").text
    desk.submit(CLOSE)
    page = desk.open("link-worker", "/?state=closed")
    assert "Closed yesterday: support completed" in page.text
    assert names(page) == ["Person Own", "Rosa Returned"]
    assert names(desk.open("pond-keeper", "/?state=closed&show=all")) == []


def test_an_alarming_answer_brings_its_person_to_the_top(desk: Desk):
    desk.send("link-worker", "/people/{same-site}/assessments/phq9/6m/answers", {"item-i9": 2})
    page = desk.open("link-worker", "/?show=all&need=safety")
    assert names(page) == ["Person Same-Site"]
    assert names(desk.open("link-worker", "/?show=all"))[0] == "Person Same-Site"


# --------------------------------------------------------------------- outcomes of those whom nobody holds


def after_support(page: Page) -> str:
    """The words from the heading on; empty where there is none."""
    return page.text.partition("Outcomes after support")[2]


def answer_all_of_rosa(desk: Desk) -> None:
    with db.transaction():
        for instrument in ("ons4", "phq9", "eq5d-5l"):
            for timepoint, days in (("baseline", 150), ("6m", 2)):
                outcomes.record_assessment(
                    by=desk.world.user("link-worker"), person=db.session.get(Person, desk.places["returned"]),
                    instrument=get(instrument), client_key=uuid.uuid4(), responses=COMPLETE[instrument],
                    administration=outcomes.Administration(timepoint, days_ago(days), "in-person", "self"),
                )  # fmt: skip


@pytest.mark.parametrize("who", ["link-worker", "supervisor"])
def test_somebody_who_is_on_no_caseload_stands_on_the_page_when_an_outcome_is_due(desk: Desk, who: str):
    page = desk.open(who, "/")
    words = after_support(page)
    assert "1 person whom no link worker holds now has an outcome to answer: 1 overdue" in words
    assert "Rosa Returned Outcome overdue" in words
    links = {each["href"] for each in page.main.all("a")}
    assert {desk.address("/people/{returned}"), "/outcomes-due"} <= links
    assert "Rosa Returned" in desk.open(who, "/outcomes-due").text


@pytest.mark.parametrize("who", ["quay-worker", "orchard-worker", "pond-keeper"])
def test_nobody_of_another_site_is_told_of_them(desk: Desk, who: str):
    page = desk.open(who, "/?show=all")
    assert page.status == 200
    assert after_support(page) == ""
    assert "Rosa Returned" not in page.text


def test_with_nothing_due_it_says_who_would_stand_there(desk: Desk):
    answer_all_of_rosa(desk)
    page = desk.open("link-worker", "/")
    assert "Nothing is due for people whose referral was closed, declined or never answered." in after_support(page)
    assert "Rosa Returned" not in page.text


def test_when_the_referral_is_closed_the_reminder_goes_on(desk: Desk):
    answer_all_of_rosa(desk)
    desk.submit(CLOSE)
    assert "Person Own Outcome overdue" in after_support(desk.open("link-worker", "/"))


def test_a_long_list_of_them_ends_with_how_many_more_there_are(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(home, "AT_ONCE", 1)
    desk.submit(CLOSE)
    words = after_support(desk.open("link-worker", "/"))
    assert "2 people whom no link worker holds now have an outcome to answer: 2 overdue" in words
    assert "And 1 more on the list of outcomes due." in words
    assert ("Rosa Returned" in words) is not ("Person Own" in words)


def test_whoever_has_not_answered_the_offer_yet_is_told_of_with_their_outcome(desk: Desk):
    rows = [each.text for each in desk.open("link-worker", "/").main.all("li", class_="lwk-row")]
    (waiting,) = (each for each in rows if each.startswith("Ines Waiting"))
    assert waiting.startswith("Ines Waiting Outcome due")


def somebody(desk: Desk, name: str, kind: str) -> None:
    """Somebody more on one of the lists of the page."""
    worker = desk.world.user("link-worker")
    person = people.add_person(
        by=worker, study=desk.world.study(), site=desk.world.site("mill"), entered_on=days_ago(5),
        identity=people.IdentityFacts(name),
    )  # fmt: skip
    people.record_consent(by=worker, person=person, kind="service", given_on=days_ago(5))
    if kind == "followed":
        return
    status, reason = ("declined", "not-now") if kind == "declined" else (kind, None)
    referral = care.record_referral(
        by=worker, person=person, source="gp", referred_on=days_ago(5), status=status, answer_reason=reason
    )
    if status == "accepted":
        care.assign(by=worker, referral=referral, worker=worker, from_on=days_ago(5))


def asked_with(desk: Desk, people_more: int, kind: str) -> int:
    with db.transaction():
        for number in range(people_more):
            somebody(desk, f"Somebody {kind} {number}", kind)
    with statements() as asked:
        assert desk.open("link-worker", "/").status == 200
    return len(asked)


@pytest.mark.parametrize("kind", ["accepted", "offered", "declined", "followed"])
def test_a_long_page_asks_the_database_no_more_often_than_a_short_one(desk: Desk, kind: str):
    asked_with(desk, 3, kind)
    few = asked_with(desk, 0, kind)
    assert asked_with(desk, 20, kind) == few
