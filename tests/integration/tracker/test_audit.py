"""The trail: every write has its line, in the same transaction; nothing in it can be changed unnoticed."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from contextlib import suppress

import pytest
from sqlalchemy import func, inspect, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import make_transient

from tests.world import World, contact, signpost
from tracker.actions import audit, care, people
from tracker.extensions import db, today
from tracker.models import AuditEvent, Contact


def trail() -> list[AuditEvent]:
    return list(db.session.scalars(select(AuditEvent).order_by(AuditEvent.number)))


def lines() -> int:
    return db.session.scalar(select(func.count()).select_from(AuditEvent)) or 0


def test_a_write_and_its_line_stand_or_fall_together(world: World):
    before = lines()
    with suppress(RuntimeError), db.transaction():
        contact(world)
        raise RuntimeError
    assert lines() == before
    assert db.session.scalar(select(func.count()).select_from(Contact)) == 0


def test_a_line_says_who_did_what_to_which_record(world: World):
    with db.transaction():
        made = contact(world, minutes=25)
    event = trail()[-1]
    assert (event.actor_id, event.action, event.table_name) == (world.users["link-worker"], "record_contact", "contact")
    assert event.record_id == str(made.id)
    assert json.loads(event.after)["minutes"] == 25
    assert event.before is None


def test_a_change_keeps_what_stood_before_and_what_stands_after(world: World):
    with db.transaction():
        made = signpost(world)
        care.answer_signpost(by=world.user("link-worker"), signpost=made, version=1, outcome="waiting")
    event = trail()[-1]
    assert json.loads(event.before)["outcome"] == "unknown"
    assert json.loads(event.after)["outcome"] == "waiting"


def test_names_numbers_notes_and_passwords_are_withheld_from_the_trail(world: World):
    with db.transaction():
        identity = people.IdentityFacts("Zebedee Quillfeather", nhs_number="943 476 5919", phone="07700 900999")
        people.add_person(
            by=world.user("link-worker"), study=world.study(), site=world.site("mill"), entered_on=today(),
            identity=identity,
        )  # fmt: skip
        contact(world, note="Quillfeather owes rent", topics="rent")
    everything = " ".join(f"{event.before} {event.after} {event.reason}" for event in trail())
    for secret in ("Zebedee", "Quillfeather", "9434765919", "07700", "rent", "@test.example", "$argon2"):
        assert secret not in everything
    assert audit.WITHHELD in everything


def test_the_trail_shows_that_a_withheld_value_changed_and_not_from_what_to_what(world: World):
    with db.transaction():
        person = world.person("own")
        before = audit.facts(person.identity)
        person.identity.phone = "07700 900111"
        audit.write_event(by=world.user("link-worker"), action="change_phone", record=person.identity, before=before)
    event = trail()[-1]
    was, now = json.loads(event.before)["phone"], json.loads(event.after)["phone"]
    assert was != now
    assert set(json.loads(event.after)) == {"phone", "version"}
    assert all(each.startswith(f"({audit.WITHHELD} ") for each in (was, now))


def test_the_trail_of_a_whole_world_is_whole(world: World):
    assert list(audit.faults(iter(trail()))) == []


@pytest.mark.parametrize("statement", ["UPDATE audit_event SET action = 'x'", "DELETE FROM audit_event"])
def test_the_database_refuses_to_change_or_delete_a_line(world: World, statement: str):
    with pytest.raises(DBAPIError, match="rows are only ever added"), db.transaction() as session:
        session.execute(text(statement))


def loose() -> list[AuditEvent]:
    """The trail as rows in memory, to be tampered with."""
    events = trail()
    for event in events:
        make_transient(event)
    return events


def tampered(events: list[AuditEvent], draw: random.Random) -> Iterator[AuditEvent]:
    """The trail with one change that somebody with the database's own password could make."""
    place = draw.randrange(len(events) - 1)
    kind = draw.choice(["field", "drop", "swap", "copy", "rehash"])
    if kind == "drop":
        del events[place]
    elif kind == "swap":
        events[place], events[place + 1] = events[place + 1], events[place]
    elif kind == "copy":
        events.insert(place, events[place])
    else:
        event = events[place]
        name = draw.choice(["action", "table_name", "record_id", "after", "reason", "actor_id", "number"])
        value = getattr(event, name)
        setattr(event, name, value + 1 if name == "number" else None if value is not None else "x")
        if kind == "rehash":
            event.hash = audit.digest(event)
    return iter(events)


def test_a_thousand_of_a_thousand_changes_are_noticed(world: World):
    draw = random.Random(7)
    events = loose()
    kept = [{name: getattr(event, name) for name in list(inspect(AuditEvent).columns.keys())} for event in events]
    missed = 0
    for _ in range(1000):
        copy = [AuditEvent(**fields) for fields in kept]
        missed += not list(audit.faults(tampered(copy, draw)))
    assert missed == 0


def test_a_fault_says_where_and_what(world: World):
    events = loose()
    events[3].action = "nothing_to_see"
    (fault,) = audit.faults(iter(events))
    assert (fault.number, fault.what) == (4, "was changed after it was written")


def test_two_writers_at_once_make_one_chain(app, world: World):
    """Each in its own thread and transaction; on both databases the numbers run on without a gap."""
    import threading

    faults = []

    def work() -> None:
        with app.app_context():
            try:
                for _ in range(5):
                    with db.transaction():
                        contact(world)
            except Exception as error:
                faults.append(error)

    before = lines()
    db.session.rollback()
    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert lines() == before + 20
    assert list(audit.faults(iter(trail()))) == []
