"""What lists show of a referral's contacts is what the contacts say, however they came to be written."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator
from contextlib import suppress
from datetime import date
from typing import Any

import pytest
from sqlalchemy import delete, select, text

from tests.world import World, contact, days_ago
from tracker import extensions
from tracker.actions import care
from tracker.actions.refusal import Refused
from tracker.extensions import db
from tracker.models import Contact, ReferralContacts, sum_up_contacts
from tracker.queries import caseload

Summed = dict[uuid.UUID, tuple[date, date | None, int]]


def kept() -> Summed:
    rows = db.session.execute(select(*ReferralContacts.__table__.columns))
    return {row.referral_id: (row.last_contact_on, row.next_contact_on, row.attended) for row in rows}


def worked_out() -> Summed:
    """By hand, from every contact there is."""
    found: dict[uuid.UUID, list[Contact]] = {}
    for each in db.session.scalars(select(Contact).order_by(Contact.recorded_at)):
        found.setdefault(each.referral_id, []).append(each)
    return {id: of_one(contacts) for id, contacts in found.items()}


def of_one(contacts: list[Contact]) -> tuple[date, date | None, int]:
    last = max(each.contacted_on for each in contacts)
    agreed = [each.next_contact_on for each in contacts if each.contacted_on == last and each.next_contact_on]
    return last, (agreed or [None])[-1], sum(each.attendance == "attended" for each in contacts)


@pytest.fixture(autouse=True)
def the_sum_holds(world: World) -> Iterator[None]:
    """Whatever a test did, the sums are those of the contacts that are there."""
    assert world
    yield
    db.session.rollback()
    assert kept() == worked_out()


def correct(world: World, logged: Contact, **changes: Any) -> None:
    now = {name: getattr(logged, name) for name in ("contacted_on", "mode", "attendance", "minutes", "next_contact_on")}
    care.correct_contact(
        by=world.user("link-worker"), contact=logged, version=logged.version, reason="Put right", **(now | changes)
    )


def test_before_the_first_contact_there_is_nothing_and_a_list_says_so(world: World):
    (row,) = caseload.caseload(by=world.user("link-worker"))
    assert (row.last_contact_on, row.next_contact_on, row.attended) == (None, None, 0)
    assert row.quiet_since == row.referred_on
    assert kept() == {}


def test_the_first_contact_counts_at_once(world: World):
    with db.transaction():
        contact(world, contacted_on=days_ago(3), next_contact_on=days_ago(-4))
    assert kept() == {world.referral("own").id: (days_ago(3), days_ago(-4), 1)}


def test_an_older_contact_that_is_logged_late_changes_the_count_alone(world: World):
    with db.transaction():
        contact(world, contacted_on=days_ago(3), next_contact_on=days_ago(-4))
        contact(world, contacted_on=days_ago(30), next_contact_on=days_ago(20))
    assert kept()[world.referral("own").id] == (days_ago(3), days_ago(-4), 2)


@pytest.mark.parametrize("attendance", ["did-not-attend", "cancelled", "attempted"])
def test_who_was_not_met_was_contacted_and_not_counted(world: World, attendance: str):
    with db.transaction():
        contact(world, contacted_on=days_ago(3), attendance=attendance, minutes=0)
    assert kept()[world.referral("own").id] == (days_ago(3), None, 0)


def test_a_later_contact_without_an_agreement_ends_the_one_before(world: World):
    with db.transaction():
        contact(world, contacted_on=days_ago(9), next_contact_on=days_ago(2))
        contact(world, contacted_on=days_ago(1))
    assert kept()[world.referral("own").id] == (days_ago(1), None, 2)


def test_of_two_agreements_of_one_day_what_was_written_down_last_holds(world: World):
    with db.transaction():
        contact(world, contacted_on=days_ago(1), next_contact_on=days_ago(-2))
        contact(world, contacted_on=days_ago(1), next_contact_on=days_ago(-9))
        contact(world, contacted_on=days_ago(1))
    assert kept()[world.referral("own").id] == (days_ago(1), days_ago(-9), 3)


def test_a_contact_taken_off_the_record_counts_no_more_and_the_one_before_holds_again(world: World):
    with db.transaction():
        contact(world, contacted_on=days_ago(5), next_contact_on=days_ago(-1))
        slip = contact(world, contacted_on=days_ago(1), next_contact_on=days_ago(-30))
    with db.transaction():
        care.remove_contact(by=world.user("link-worker"), contact=slip, version=slip.version, reason="Not hers")
    assert kept()[world.referral("own").id] == (days_ago(5), days_ago(-1), 1)


def test_without_its_only_contact_a_referral_has_no_sum(world: World):
    with db.transaction():
        slip = contact(world, contacted_on=days_ago(1))
    with db.transaction():
        care.remove_contact(by=world.user("link-worker"), contact=slip, version=slip.version, reason="Not hers")
    assert kept() == {}


def test_a_correction_is_summed_up_too(world: World):
    with db.transaction():
        contact(world, contacted_on=days_ago(5), next_contact_on=days_ago(-1))
        slip = contact(world, contacted_on=days_ago(1), next_contact_on=days_ago(-30))
    with db.transaction():
        correct(world, slip, contacted_on=days_ago(6), attendance="cancelled", minutes=0, next_contact_on=None)
    assert kept()[world.referral("own").id] == (days_ago(5), days_ago(-1), 1)


def test_people_are_summed_apart(world: World):
    with db.transaction():
        contact(world, contacted_on=days_ago(5))
        contact(world, person="same-site", contacted_on=days_ago(2))
        contact(world, person="same-site", contacted_on=days_ago(1))
    assert {id: attended for id, (_, _, attended) in kept().items()} == {
        world.referral("own").id: 1, world.referral("same-site").id: 2,
    }  # fmt: skip


def test_what_was_refused_is_not_counted(world: World):
    with db.transaction():
        contact(world, contacted_on=days_ago(5))
    with suppress(Refused), db.transaction():
        contact(world, contacted_on=days_ago(3))
        contact(world, contacted_on=days_ago(-3))
        pytest.fail("a contact of the future was taken")
    assert kept()[world.referral("own").id] == (days_ago(5), None, 1)


def test_the_same_contact_sent_twice_counts_once(world: World):
    key = uuid.uuid4()
    for _ in range(2):
        with db.transaction():
            contact(world, client_key=key)
    assert kept()[world.referral("own").id][2] == 1


def test_the_trail_does_not_speak_of_sums(world: World):
    with db.transaction():
        contact(world)
    tables = db.session.execute(text("SELECT DISTINCT table_name FROM audit_event")).scalars().all()
    assert "contact" in tables
    assert "referral_contacts" not in tables


def test_a_referrals_version_stays_so_that_nobody_who_edits_it_is_told_of_a_conflict(world: World):
    before = world.referral("own").version
    with db.transaction():
        contact(world)
    assert world.referral("own").version == before


def test_of_contacts_that_are_logged_at_the_same_moment_none_is_left_out(world: World, at_once):
    def log(person: str, day: int):
        return lambda: contact(world, person=person, contacted_on=days_ago(day)).id

    gave = at_once([log(person, day) for day in range(1, 5) for person in ("own", "same-site")])
    assert [each for each in gave if isinstance(each, Exception)] == []
    assert {attended for _, _, attended in kept().values()} == {4}
    assert {last for last, _, _ in kept().values()} == {days_ago(1)}


@pytest.mark.parametrize("seed", range(6))
def test_after_any_history_the_sums_are_those_of_the_contacts(world: World, seed: int):
    draw, logged = random.Random(seed), []
    for _ in range(12):
        day = draw.randrange(6)
        facts: dict[str, Any] = {
            "contacted_on": days_ago(day), "next_contact_on": draw.choice([None, days_ago(day - draw.randint(1, 9))]),
            **draw.choice([{"attendance": "attended", "minutes": 20}, {"attendance": "did-not-attend", "minutes": 0}]),
        }  # fmt: skip
        with db.transaction():
            if logged and draw.random() < 0.4:
                correct(world, db.session.get_one(Contact, draw.choice(logged)), **facts)
            else:
                logged.append(contact(world, person=draw.choice(["own", "same-site"]), **facts).id)
        assert kept() == worked_out()


def test_sums_that_were_lost_can_be_worked_out_again(world: World):
    with db.transaction() as session:
        contact(world)
        contact(world, person="same-site", next_contact_on=days_ago(-3))
        before = kept()
        session.execute(delete(ReferralContacts))
    assert kept() == {}
    with db.transaction() as session:
        sum_up_contacts(session, list(before))
    assert kept() == before


def test_a_database_of_before_is_summed_up_when_it_is_brought_up_to_date(placed: tuple[str, World], world: World):
    with db.transaction():
        for day, next_day in ((9, -5), (2, None), (2, -3), (2, -8)):
            contact(world, contacted_on=days_ago(day), next_contact_on=next_day and days_ago(next_day))
        contact(world, person="same-site", attendance="cancelled", minutes=0)
    before = kept()
    db.session.rollback()
    db.close()
    extensions.downgrade(placed[0], "0012")
    extensions.upgrade(placed[0])
    assert kept() == before
    assert before[world.referral("own").id] == (days_ago(2), days_ago(-8), 4)
