"""A county's worth of people: the export streams, so its memory does not grow with the study."""

from __future__ import annotations

import csv
import random
import time
import tracemalloc
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from instruments import get
from tests import world as worlds
from tests.world import COMPLETE, World, days_ago
from tracker.export import export_bundle
from tracker.extensions import db
from tracker.models import Assessment, Consent, Contact, ItemResponse, Person, Referral, sum_up_contacts
from tracker.queries import caseload

MANY, FEWER, CONTACTS_EACH = 5_000, 1_500, 10
MOST_SECONDS = 60  # on an idle machine a tenth of it
MOST_MEMORY = 16_000_000  # bytes, however many people; their rows, held at once, are several times as much


Crowd = Callable[[int], World]


@pytest.fixture
def app(on_sqlite: tuple[str, World], tmp_path: Path) -> Iterator[Flask]:
    yield worlds.application(on_sqlite[0], tmp_path)
    db.close()


@pytest.fixture
def crowd(app: Flask, on_sqlite: tuple[str, World]) -> Iterator[Crowd]:
    """So many more people with contacts and answers, written straight into the tables."""
    world = on_sqlite[1]

    def gather(people: int) -> World:
        with db.transaction() as session:
            for kind, rows in _rows(world, people, random.Random(3)):
                session.execute(kind.__table__.insert(), rows)
                if kind is Contact:
                    sum_up_contacts(session, {row["referral_id"] for row in rows})
        return world

    with app.app_context():
        yield gather


def _rows(world: World, many: int, chance: random.Random) -> Iterator[tuple[type[Any], list[dict[str, Any]]]]:
    edited = {"recorded_at": datetime.now(UTC), "recorded_by": world.users["link-worker"], "version": 1}
    people = [uuid.UUID(int=chance.getrandbits(128)) for _ in range(many)]
    referrals = [uuid.UUID(int=chance.getrandbits(128)) for _ in range(many)]
    answered = [uuid.UUID(int=chance.getrandbits(128)) for _ in range(many)]
    yield Person, [
        {"id": id, "study_id": world.studies["garden"], "site_id": world.sites["mill"], "study_number": f"X{number}",
         "entered_on": days_ago(chance.randint(100, 300)), "sex": "female", "birth_year": 1950} | edited
        for number, id in enumerate(people)
    ]  # fmt: skip
    yield Consent, [
        {"id": uuid.UUID(int=chance.getrandbits(128)), "person_id": id, "kind": "research", "given_on": days_ago(300)} | edited
        for id in people
    ]  # fmt: skip
    yield Referral, [
        {"id": id, "person_id": person, "source": "gp", "referred_on": days_ago(300), "status": "accepted",
         "decided_on": days_ago(300)} | edited
        for id, person in zip(referrals, people, strict=True)
    ]  # fmt: skip
    yield Contact, [
        {"id": uuid.UUID(int=chance.getrandbits(128)), "client_key": uuid.UUID(int=chance.getrandbits(128)),
         "referral_id": referral, "worker_id": world.users["link-worker"], "contacted_on": days_ago(chance.randint(0, 99)),
         "mode": "phone", "attendance": "attended", "minutes": chance.randint(1, 60), "note": "x" * 200} | edited
        for referral in referrals for _ in range(CONTACTS_EACH)
    ]  # fmt: skip
    yield Assessment, [
        {"id": id, "client_key": id, "person_id": person, "instrument": "phq9", "instrument_version": get("phq9").version,
         "timepoint": "baseline", "assessed_on": days_ago(200), "mode": "paper", "respondent": "self",
         "status": "complete"} | edited
        for id, person in zip(answered, people, strict=True)
    ]  # fmt: skip
    yield ItemResponse, [
        {"assessment_id": id, "item": item, "value": value} for id in answered for item, value in COMPLETE["phq9"].items()
    ]  # fmt: skip


def rows_of(folder: Path, table: str) -> int:
    with (folder / f"{table}.csv").open(newline="", encoding="utf-8") as file:
        return sum(1 for _ in csv.reader(file)) - 1


def test_five_thousand_people_leave_in_reasonable_time(crowd: Crowd, tmp_path: Path):
    world = crowd(MANY)
    began = time.monotonic()
    written = export_bundle(by=world.user("evaluator"), study=world.study(), folder=tmp_path / "bundle")
    assert time.monotonic() - began < MOST_SECONDS
    assert written["people"] >= MANY
    assert written["contacts"] == MANY * CONTACTS_EACH
    assert written["item_responses"] == MANY * 9
    for table in ("people", "contacts", "scores", "item_responses"):
        assert rows_of(tmp_path / "bundle", table) == written[table]


def test_an_export_holds_a_few_rows_at_a_time(crowd: Crowd, tmp_path: Path):
    world = crowd(FEWER)
    study, evaluator = world.study(), world.user("evaluator")
    tracemalloc.start()
    try:
        export_bundle(by=evaluator, study=study, folder=tmp_path / "bundle")
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < MOST_MEMORY, f"{most / 1e6:.0f} MB"


def test_a_caseload_of_thousands_is_listed_by_whoever_may_see_it(crowd: Crowd):
    world = crowd(FEWER)
    began = time.monotonic()
    rows = caseload.caseload(by=world.user("supervisor"), mine=False)
    assert time.monotonic() - began < MOST_SECONDS / 6
    assert len(rows) >= FEWER
    crowded = [row for row in rows if row.person.study_number.startswith("X")]
    assert {row.attended for row in crowded} == {CONTACTS_EACH}
