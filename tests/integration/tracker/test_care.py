"""Contacts and signposts: what is refused, what a replay does, and who may."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError

from tests.world import World, contact, days_ago, signpost
from tracker.actions import care
from tracker.actions.refusal import Conflict, Refused
from tracker.extensions import db, today
from tracker.models import Assignment, AuditEvent, Contact, Signpost
from tracker.permissions import Forbidden


def test_a_contact_keeps_what_was_said_and_who_said_it(world: World):
    with db.transaction():
        made = contact(world, minutes=45, travel_minutes=20, note="Talked about the garden")
    saved = db.session.get(Contact, made.id)
    assert (saved.minutes, saved.travel_minutes, saved.note) == (45, 20, "Talked about the garden")
    assert saved.worker_id == saved.recorded_by == world.users["link-worker"]


@pytest.mark.parametrize(
    ("changes", "field", "says"),
    [
        ({"contacted_on": lambda: today() + timedelta(1)}, "contacted_on", "is in the future. Enter today"),
        ({"contacted_on": lambda: days_ago(201)}, "contacted_on", "is before the referral of"),
        ({"minutes": 0}, "minutes", "between 1 and 480"),
        ({"minutes": 2000}, "minutes", "between 1 and 480"),
        ({"minutes": -5, "attendance": "attempted"}, "minutes", "between 0 and 480"),
        ({"travel_minutes": 481}, "travel_minutes", "between 0 and 480 minutes"),
        ({"mode": "pigeon"}, "mode", "Choose how the contact was made"),
        ({"attendance": "maybe"}, "attendance", "Choose whether the person attended"),
    ],
)
def test_a_contact_that_cannot_be_is_refused_by_field(world: World, changes: dict, field: str, says: str):
    given = {name: value() if callable(value) else value for name, value in changes.items()}
    with pytest.raises(Refused, match=says) as refused, db.transaction():
        contact(world, **given)
    assert refused.value.field == field
    assert db.session.scalar(select(func.count()).select_from(Contact)) == 0


def test_nobody_at_home_may_take_no_minutes(world: World):
    with db.transaction():
        made = contact(world, attendance="attempted", minutes=0)
    assert made.minutes == 0


def test_the_same_contact_sent_again_is_one_contact(world: World):
    key = uuid.uuid4()
    with db.transaction():
        first = contact(world, client_key=key)
        id = first.id
    with db.transaction():
        again = contact(world, client_key=key)
        assert again.id == id
    assert db.session.scalar(select(func.count()).select_from(Contact)) == 1


def test_the_same_key_with_other_content_is_a_conflict_and_overwrites_nothing(world: World):
    key = uuid.uuid4()
    with db.transaction():
        contact(world, client_key=key, minutes=30)
    with pytest.raises(Conflict, match="saved before with other content"), db.transaction():
        contact(world, client_key=key, minutes=60)
    assert db.session.scalars(select(Contact.minutes)).all() == [30]


def test_a_replay_writes_no_second_line_in_the_trail(world: World):
    key = uuid.uuid4()
    for _ in range(3):
        with db.transaction():
            contact(world, client_key=key)
    count = select(func.count()).select_from(AuditEvent).where(AuditEvent.action == "record_contact")
    assert db.session.scalar(count) == 1


@pytest.mark.parametrize("name", ["outcome-assessor", "evaluator", "administrator", "quay-worker", "orchard-worker"])
def test_only_staff_who_care_for_people_at_the_site_log_contacts(world: World, name: str):
    with pytest.raises(Forbidden), db.transaction():
        care.record_contact(
            by=world.user(name), referral=world.referral("own"), client_key=uuid.uuid4(), contacted_on=today(),
            mode="phone", attendance="attended", minutes=10,
        )  # fmt: skip


def test_nobody_logs_a_contact_with_a_person_who_withdrew(world: World):
    with pytest.raises(Forbidden), db.transaction():
        contact(world, person="withdrawn")


@pytest.mark.parametrize(
    ("statement", "constraint"),
    [
        ("UPDATE contact SET minutes = 481", "ck_contact_minutes_range"),
        ("UPDATE contact SET minutes = 0", "ck_contact_attended_takes_time"),
        ("UPDATE contact SET mode = 'pigeon'", "ck_contact_mode_is_known"),
        ("UPDATE referral SET closed_on = '2030-01-01'", "ck_referral_closed_on_with_reason"),
        ("UPDATE referral SET decided_on = '1999-01-01'", "ck_referral_decided_on_not_before_referred_on"),
        ("UPDATE person SET ltc_count = -1", "ck_person_ltc_count_range"),
    ],
)
def test_the_database_itself_says_no_by_name(world: World, statement: str, constraint: str):
    with db.transaction():
        contact(world)
    with pytest.raises(IntegrityError, match=constraint), db.transaction() as session:
        session.execute(text(statement))


def test_handing_over_ends_one_assignment_and_begins_the_next_on_the_same_day(world: World):
    with db.transaction():
        care.assign(
            by=world.user("supervisor"), referral=world.referral("own"), worker=world.user("supervisor"),
            from_on=days_ago(30),
        )  # fmt: skip
    held = db.session.execute(
        select(Assignment.worker_id, Assignment.from_on, Assignment.until_on)
        .where(Assignment.referral_id == world.referrals["own"])
        .order_by(Assignment.from_on)
    ).all()
    assert held == [
        (world.users["link-worker"], days_ago(200), days_ago(30)),
        (world.users["supervisor"], days_ago(30), None),
    ]


def test_a_referral_is_not_given_to_somebody_of_another_site(world: World):
    with pytest.raises(Forbidden), db.transaction():
        care.assign(
            by=world.user("supervisor"), referral=world.referral("own"), worker=world.user("quay-worker"),
            from_on=today(),
        )  # fmt: skip


def test_closing_a_referral_ends_its_assignment(world: World):
    with db.transaction():
        care.close_referral(
            by=world.user("link-worker"), referral=world.referral("own"), closed_on=today(), closure_reason="completed"
        )
    assert db.session.scalars(
        select(Assignment.until_on).where(Assignment.referral_id == world.referrals["own"])
    ).all() == [today()]


def test_a_referral_is_not_closed_before_it_was_made(world: World):
    with pytest.raises(Refused, match="when the referral was answered, and today"), db.transaction():
        care.close_referral(
            by=world.user("link-worker"), referral=world.referral("own"), closed_on=days_ago(201),
            closure_reason="other",
        )  # fmt: skip


def test_a_signpost_waits_for_its_outcome_and_then_has_it(world: World):
    with db.transaction():
        made = signpost(world)
        assert made.outcome == "unknown"
        care.answer_signpost(
            by=world.user("link-worker"), signpost=made, version=made.version, outcome="attended", sessions_attended=3
        )
    saved = db.session.scalar(select(Signpost))
    assert (saved.outcome, saved.sessions_attended, saved.version) == ("attended", 3, 2)


def test_an_answer_on_a_page_that_is_out_of_date_is_a_conflict(world: World):
    with db.transaction():
        made = signpost(world)
        seen = made.version
        care.answer_signpost(by=world.user("link-worker"), signpost=made, version=seen, outcome="declined")
    late = db.session.get(Signpost, made.id)
    with pytest.raises(Conflict, match="Somebody else changed"), db.transaction():
        care.answer_signpost(by=world.user("supervisor"), signpost=late, version=seen, outcome="attended")
    assert db.session.scalars(select(Signpost.outcome)).all() == ["declined"]


def test_sessions_are_counted_only_for_people_who_attended(world: World):
    with db.transaction():
        made = signpost(world)
    with pytest.raises(Refused, match="Sessions are counted only"), db.transaction():
        care.answer_signpost(
            by=world.user("link-worker"), signpost=made, version=made.version, outcome="full", sessions_attended=1
        )


@pytest.mark.parametrize("day", [-1, 201])
def test_a_signpost_lies_between_entry_and_today(world: World, day: int):
    with pytest.raises(Refused, match="signpost is"), db.transaction():
        signpost(world, signposted_on=days_ago(day))


def test_a_signpost_keeps_to_the_directory_of_its_study(world: World):
    with pytest.raises(Forbidden), db.transaction():
        care.record_signpost(
            by=world.user("link-worker"), person=world.person("own"), resource=world.resource("orchard"),
            client_key=uuid.uuid4(), signposted_on=today(), kind="information",
        )  # fmt: skip
