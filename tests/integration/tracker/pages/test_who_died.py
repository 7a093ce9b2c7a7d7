"""Of somebody who died nobody asks how they are."""

from __future__ import annotations

import pytest

from tests.integration.tracker.pages.conftest import Desk
from tests.integration.tracker.pages.forms import ANSWER, CLOSE, LEAVE, REOPEN, Ago, Form
from tests.world import contact, days_ago
from tracker.extensions import db
from tracker.models import Referral


@pytest.mark.parametrize(
    ("form", "changes"),
    [(CLOSE, {"closure_reason": "died"}), (ANSWER, {"status": "unreachable", "answer_reason": "died"})],
    ids=["closed", "answered"],
)
def test_of_somebody_who_died_no_outcome_is_asked(desk: Desk, form: Form, changes: dict[str, object]):
    page, _ = desk.submit(form, **changes)
    referral = db.session.get(Referral, desk.places["referral" if form is CLOSE else "offered"])
    assert referral.person.left_on is None, "leaving is for a person to say"
    assert page.location == f"/people/{referral.person_id}/leaving"
    leave = desk.open("link-worker", page.location)
    day = days_ago(1)
    assert (
        leave.typed | {"left_reason": "died", "left_on-day": str(day.day), "left_on-year": str(day.year)} == leave.typed
    )
    for path in (f"/people/{referral.person_id}", f"/referrals/{referral.id}/closed"):
        told = desk.open("link-worker", path)
        if told.status == 200:
            assert "The referral says that they died." in told.text
            assert "good time to ask" not in told.text
            assert page.location in {link["href"] for link in told.main.all("a")}
            assert "Ask ahead of time" not in told.text
    desk.send("link-worker", page.location, leave.typed)
    db.session.rollback()
    assert (referral.person.left_reason, referral.person.left_on) == ("died", day)
    assert "Nothing: the person left the study" in desk.open("link-worker", f"/people/{referral.person_id}").text


def test_who_left_already_is_not_asked_about_twice(desk: Desk):
    desk.submit(LEAVE)
    page, _ = desk.submit(CLOSE, closure_reason="died", closed_on=Ago(0))
    assert page.location == desk.address("/referrals/{referral}/closed")


def test_a_referral_that_goes_on_after_all_says_nothing_of_a_death(desk: Desk):
    desk.submit(CLOSE, closure_reason="died")
    path = desk.address("/referrals/{referral}/reopen")
    desk.send("link-worker", path, desk.fill(REOPEN) | {"reason": "A namesake"})
    page = desk.open("link-worker", "/people/{own}")
    assert "Log contact" in page.text
    assert "they died" not in page.text
    assert "left_reason" not in desk.open("link-worker", "/people/{own}/leaving").typed


def test_who_left_with_an_open_referral_is_said_to_stand_on_the_caseload_still(desk: Desk):
    says = "Their referral is still open, and they stand on the caseload."
    assert says not in desk.open("link-worker", "/people/{own}").text
    desk.submit(LEAVE)
    page = desk.open("link-worker", "/people/{own}")
    assert says in page.text
    assert "Close it" in [link.text for link in page.main.all("a")]
    desk.submit(CLOSE, closed_on=Ago(0))
    assert says not in desk.open("link-worker", "/people/{own}").text


# ------------------------------------------------------------------- who left as having died, first


def caseload(desk: Desk) -> str:
    return desk.open("link-worker", "/").main.text


def test_leaving_as_having_died_leads_on_to_closing_the_referral_with_the_day_and_reason(desk: Desk):
    page, _ = desk.submit(LEAVE, left_reason="died", left_on=Ago(3))
    assert page.location == desk.address("/referrals/{referral}/close")
    close = desk.open("link-worker", page.location)
    day = days_ago(3)
    assert (close.typed["closure_reason"], close.typed["closed_on-day"]) == ("died", str(day.day))
    assert "They stay in the study" not in close.text
    done = desk.send("link-worker", page.location, close.typed)
    assert done.location == desk.address("/referrals/{referral}/closed")
    db.session.rollback()
    referral = db.session.get(Referral, desk.places["referral"])
    assert (referral.closure_reason, referral.closed_on) == ("died", day)


def test_until_it_is_closed_the_caseload_asks_for_that_and_nothing_else(desk: Desk):
    with db.transaction():
        contact(desk.world, contacted_on=days_ago(1), next_contact_on=days_ago(0))
    assert "Contact due" in caseload(desk)
    desk.submit(LEAVE, left_reason="died", left_on=Ago(3))
    said = caseload(desk)
    assert "Died, referral open" in said
    assert "Close referral of" in said
    assert "Contact due" not in said
    assert "Next " not in said
    named = desk.open("link-worker", "/?show=mine&need=died").main.text
    assert "1 person: died, referral open" in named
    desk.submit(CLOSE, closure_reason="died", closed_on=Ago(0))
    assert "Died, referral open" not in caseload(desk)


@pytest.mark.parametrize("reason", ["moved", "lost", "withdrew", "other"])
def test_who_left_for_another_reason_may_go_on_being_supported(desk: Desk, reason: str):
    with db.transaction():
        contact(desk.world, contacted_on=days_ago(1), next_contact_on=days_ago(0))
    page, _ = desk.submit(LEAVE, left_reason=reason)
    assert page.location == desk.address("/people/{own}")
    assert "Contact due" in caseload(desk)
    assert desk.open("link-worker", "/referrals/{referral}/close").typed.get("closure_reason") is None


def test_whoever_died_without_an_open_referral_has_none_to_close(desk: Desk):
    desk.submit(CLOSE)
    page, _ = desk.submit(LEAVE, left_reason="died", left_on=Ago(0))
    assert page.location == desk.address("/people/{own}")


def test_who_died_before_the_referral_was_answered_is_said_to_close_the_day_it_was(desk: Desk):
    """As when the news comes late: the closing lies where it can."""
    with db.transaction():
        answered = db.session.get(Referral, desk.places["referral"]).decided_on
    desk.submit(LEAVE, left_reason="died", left_on=Ago(199))
    typed = desk.open("link-worker", "/referrals/{referral}/close").typed
    day = max(answered, days_ago(199))
    assert [typed[f"closed_on-{part}"] for part in ("day", "month", "year")] == [
        str(number) for number in (day.day, day.month, day.year)
    ]
