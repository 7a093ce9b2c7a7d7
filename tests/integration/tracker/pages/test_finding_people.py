"""Finding somebody: what is looked for is never in the address, and nobody of another site is found."""

from __future__ import annotations

import pytest

from tests.integration.tracker.pages.conftest import Desk, written
from tests.integration.tracker.pages.forms import CLOSE, LOG
from tests.integration.tracker.pages.reading import Page, check_rejected
from tests.integration.tracker.pages.test_every_form import PAYLOADS
from tests.integration.tracker.teamwork import statements
from tests.world import assessment, days_ago, signpost
from tracker.actions import care, people
from tracker.extensions import db
from tracker.queries import care as care_queries

PATH = "/people/search"
EMPTY = "Enter a name, a study number or a phone number"


@pytest.mark.parametrize("who", ["link-worker", "outcome-assessor", "supervisor"])
def test_a_name_finds_its_person_and_leads_to_their_page(desk: Desk, who: str):
    page = desk.send(who, PATH, {"words": "person own"})
    assert (page.status, page.location) == (200, None)
    (link,) = page.main.all("a", class_="lwk-row__name")
    assert (link.text, link["href"]) == ("Person Own", desk.address("/people/{own}"))
    assert page.typed["words"] == "person own"


@pytest.mark.parametrize("words", ["Other-Site", "Other-Study", "Withdrawn", "Compared", "zzz"])
def test_nobody_else_is_found_and_it_says_what_to_try(desk: Desk, words: str):
    page = desk.send("link-worker", PATH, {"words": words})
    assert not page.main.all("a", class_="lwk-row__name")
    assert "Nobody found" in page.text
    assert "Only people at your own sites are found" in page.text


def test_nothing_to_look_for_is_told_beside_its_box(desk: Desk):
    check_rejected(desk.send("link-worker", PATH, {"words": " "}), "words", EMPTY)


def test_whatever_is_looked_for_comes_back_as_words_and_is_kept_nowhere(desk: Desk):
    before = written()
    for words in PAYLOADS:
        page = desk.send("link-worker", PATH, {"words": words})
        assert page.status in (200, 422), words[:40]
        assert "<script>" not in page.html
    assert written() == before


def test_looking_leaves_nothing_in_the_address_even_when_it_is_put_there(desk: Desk):
    page = desk.open("link-worker", PATH + "?words=own")
    assert not page.main.all("a", class_="lwk-row__name")


# ------------------------------------------------------------------------ a contact from wherever somebody is listed

LISTS = ("/people", "/outcomes-due", "/signposts/waiting?show=all")


def contact_links(page: Page) -> dict[str, str]:
    """Where the links lead that log a contact, by what they say."""
    return {each.text: each["href"] for each in page.main.all("a") if each.text.startswith("Log contact")}


def test_whoever_is_found_has_a_link_to_log_a_contact_that_opens_its_form(desk: Desk):
    links = contact_links(desk.send("link-worker", PATH, {"words": "person own"}))
    assert links == {"Log contact with Person Own": desk.address(LOG.path)}
    form = desk.open("link-worker", links["Log contact with Person Own"])
    assert (form.status, form.title) == (200, "Log a contact – Link worker kit")
    assert desk.submit(LOG)[0].status == 302


def test_a_supervisor_finds_it_too_and_a_number_of_the_phone_is_enough(desk: Desk):
    links = contact_links(desk.send("supervisor", PATH, {"words": "+44 (0)7700 900123"}))
    people_of_both_sites = ("Person Own", "Person Same-Site", "Person Other-Site")
    assert set(links) == {f"Log contact with {name}" for name in people_of_both_sites}


@pytest.mark.parametrize("words", ["Rosa Returned", "Ines Waiting"])
def test_there_is_none_for_somebody_whom_no_link_worker_holds(desk: Desk, words: str):
    page = desk.send("link-worker", PATH, {"words": words})
    assert [each.text for each in page.main.all("a", class_="lwk-row__name")] == [words]
    assert contact_links(page) == {}


def test_an_assessor_who_must_stay_blind_sees_none_in_any_list(desk: Desk):
    searched = desk.send("outcome-assessor", PATH, {"words": "person"})
    assert len(searched.main.all("a", class_="lwk-row__name")) == 2
    due = desk.open("outcome-assessor", "/outcomes-due")
    assert "Person Own" in due.text
    for page in (searched, due):
        assert "Log contact" not in page.text
        assert "/contacts/new" not in page.html


def test_somebody_of_the_comparison_arm_has_none(desk: Desk):
    page = desk.send("pond-keeper", PATH, {"words": "compared"})
    assert [each.text for each in page.main.all("a", class_="lwk-row__name")] == ["Person Compared"]
    assert contact_links(page) == {}
    assert contact_links(desk.open("pond-keeper", "/outcomes-due")) == {}


@pytest.mark.parametrize("path", LISTS)
def test_every_list_of_people_has_the_link(desk: Desk, path: str):
    page = desk.open("link-worker", path)
    assert contact_links(page)["Log contact with Person Own"] == desk.address(LOG.path)
    rows = [each.text for each in page.main.all("li", class_="lwk-row")]
    assert all("Log contact" in row for row in rows if row.startswith("Person Own"))
    assert not any("Log contact" in row for row in rows if row.startswith(("Rosa", "Ines")))


@pytest.mark.parametrize("path", LISTS)
def test_when_the_referral_is_closed_the_link_is_gone_from_every_list(desk: Desk, path: str):
    desk.submit(CLOSE)
    page = desk.open("link-worker", path)
    assert "Person Own" in page.text
    assert "Log contact with Person Own" not in contact_links(page)


def test_whom_an_answer_of_asks_for_action_has_it_at_the_top_of_the_outcomes(desk: Desk):
    desk.send("link-worker", "/people/{same-site}/assessments/phq9/6m/answers", {"item-i9": 2})
    page = desk.open("link-worker", "/outcomes-due")
    (alarmed,) = page.main.all("section", class_="lwk-alarmed")
    assert alarmed.text.endswith("Log contact with Person Same-Site")
    (blind,) = desk.open("outcome-assessor", "/outcomes-due").main.all("section", class_="lwk-alarmed")
    assert "Log contact" not in blind.text


def test_the_newest_of_two_open_referrals_is_the_one_that_is_logged_on(desk: Desk):
    worker, own = desk.world.user("link-worker"), desk.world.person("own")
    with db.transaction():
        newer = care.record_referral(by=worker, person=own, source="gp", referred_on=days_ago(3)).id
    assert care_queries.held_referrals([own], by=worker) == {own.id: newer}


@pytest.mark.parametrize("who", ["outcome-assessor", "quay-worker", "orchard-worker", "evaluator", "administrator"])
def test_nobody_else_learns_of_an_open_referral(desk: Desk, who: str):
    asker = desk.world.user(who)
    with statements() as asked:
        assert care_queries.held_referrals([desk.world.person("own")], by=asker) == {}
    assert not any("FROM referral" in each for each in asked)


def somebody_with_everything(desk: Desk, name: str) -> None:
    """On a caseload, with outcomes due and a signpost that waits."""
    worker = desk.world.user("link-worker")
    person = people.add_person(
        by=worker, study=desk.world.study(), site=desk.world.site("mill"), entered_on=days_ago(9),
        identity=people.IdentityFacts(name, phone="01632 960 055"),
    )  # fmt: skip
    people.record_consent(by=worker, person=person, kind="service", given_on=days_ago(9))
    referral = care.record_referral(by=worker, person=person, source="gp", referred_on=days_ago(9))
    care.assign(by=worker, referral=referral, worker=worker, from_on=days_ago(9))
    desk.world.people[name] = person.id
    signpost(desk.world, name)
    assessment(desk.world, "ons4", "6m", name)


@pytest.mark.parametrize("path", [*LISTS, PATH])
def test_a_long_list_asks_the_database_no_more_often_than_a_short_one(desk: Desk, path: str):
    def asked_with(more: range) -> int:
        with db.transaction():
            for number in more:
                somebody_with_everything(desk, f"Somebody {number}")
        desk.client("link-worker")
        with statements() as asked:
            page = (
                desk.open("link-worker", path) if path != PATH else desk.send("link-worker", PATH, {"words": "01632"})
            )
            assert len(contact_links(page)) >= 3
        return len(asked)

    few = asked_with(range(3))
    assert asked_with(range(3, 15)) == few


def test_the_list_of_everyone_leads_to_the_search(desk: Desk):
    assert "/people/search" in {link["href"] for link in desk.open("link-worker", "/people").main.all("a")}
