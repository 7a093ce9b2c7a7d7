"""When they meet again: tapped or typed, and what was tapped last counts."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from tests.integration.tracker.pages.conftest import Desk, written
from tests.integration.tracker.pages.forms import CORRECT_CONTACT, LOG, Ago, Form
from tests.integration.tracker.pages.reading import check_kept, check_rejected
from tests.world import contact, days_ago
from tracker.extensions import db
from tracker.models import Contact

NO_DAY = {f"next_contact_on-{part}": "" for part in ("day", "month", "year")}
CHIPS = {"7": 5, "14": 12, "28": 26}
"""So many days from today is what each of them means for a contact of the day before yesterday."""


def agreed() -> object:
    """What the contact that was written last agreed."""
    db.session.rollback()
    return db.session.scalars(select(Contact).order_by(Contact.recorded_at.desc()).limit(1)).one().next_contact_on


@pytest.fixture
def corrected(desk: Desk) -> Form:
    """The form of a contact that agreed a day already."""
    with db.transaction():
        logged = contact(desk.world, contacted_on=days_ago(2), next_contact_on=days_ago(-20))
    return Form(CORRECT_CONTACT.route, "correct", CORRECT_CONTACT.who, f"/contacts/{logged.id}/edit", {})


@pytest.mark.parametrize("chip", CHIPS)
def test_a_tap_counts_from_the_day_of_the_contact(desk: Desk, chip: str):
    sent = desk.fill(LOG, next_in=chip) | NO_DAY
    assert desk.send(LOG.who, LOG.path, sent).status == 302
    assert agreed() == days_ago(-CHIPS[chip])


@pytest.mark.parametrize("chip", CHIPS)
def test_a_tap_takes_the_place_of_a_day_that_was_agreed_before(desk: Desk, corrected: Form, chip: str):
    assert desk.submit(corrected, next_in=chip)[0].status == 302
    assert agreed() == days_ago(-CHIPS[chip])


def test_a_correction_without_a_tap_keeps_the_day_and_an_emptied_one_takes_it_away(desk: Desk, corrected: Form):
    sent = desk.fill(corrected)
    assert sent["next_in"] == "", "it says that the day below counts"
    desk.send(corrected.who, corrected.path, sent | {"minutes": "25"})
    assert agreed() == days_ago(-20)
    sent = desk.fill(corrected) | NO_DAY
    desk.send(corrected.who, corrected.path, sent)
    assert agreed() is None


def test_a_tap_and_another_day_are_not_both_taken(desk: Desk, corrected: Form):
    for form in (LOG, corrected):
        before = written()
        page, sent = desk.submit(form, next_in="7", next_contact_on=Ago(-30))
        check_rejected(page, "next_in", "Choose one of these or enter a day below, not both")
        check_kept(page, sent)
        assert written() == before
        assert desk.send(form.who, form.path, page.typed | {"next_in": ""}).status == 302, "a tap can be taken back"
        assert agreed() == days_ago(-30)


def test_a_tap_and_the_same_day_agree(desk: Desk):
    assert desk.submit(LOG, next_in="7", next_contact_on=Ago(-5))[0].status == 302
    assert agreed() == days_ago(-5)


def test_a_tap_beside_a_date_at_fault_is_told_of_the_date_alone(desk: Desk):
    page, _ = desk.submit(LOG, next_in="7", contacted_on=Ago(-1), **NO_DAY)
    assert list(page.errors) == ["contacted_on"]
