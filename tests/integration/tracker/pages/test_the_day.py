"""The first page of a link worker: who needs something today, in parts of a long list, with filters in the address."""

from __future__ import annotations

import pytest

from tests.integration.tracker.pages.conftest import Desk
from tests.integration.tracker.pages.forms import CLOSE, LOG, Ago
from tests.integration.tracker.pages.reading import Page
from tests.world import days_ago
from tracker.actions import care, people
from tracker.extensions import db
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
