"""Whatever was acknowledged is kept: a real server, several people writing over HTTP, killed at random moments.

Each writer sends a contact again until it is acknowledged, as a phone with a bad connection does.
"""

from __future__ import annotations

import json
import random
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import func, select

from tests import world as worlds
from tests.server import NO_ANSWER, PATIENCE, Visitor, installed, serving
from tests.world import World, days_ago
from tracker.actions import audit
from tracker.extensions import WRITING, db
from tracker.models import AuditEvent, Contact, Signpost
from tracker.queries import command

ROUNDS, WRITERS = 5, 4


@dataclass
class Writer:
    """One link worker's phone: it knows what was acknowledged, and keeps the rest to send again."""

    visitor: Visitor
    path: str
    day: date
    chance: random.Random
    kept: dict[str, int] = field(default_factory=dict)
    waiting: dict[str, int] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)

    def work(self, until: threading.Event) -> None:
        """Send what waits, then new contacts, until told to stop or nobody answers."""
        while not until.is_set():
            if not self.waiting:
                self.waiting[str(uuid.uuid4())] = self.chance.randint(1, 480)
            for key, minutes in list(self.waiting.items()):
                try:
                    self._send(key, minutes)
                except NO_ANSWER:
                    return

    def _send(self, key: str, minutes: int) -> None:
        form = {
            "client_key": key, "minutes": minutes, "mode": "phone", "attendance": "attended", "note": f"note of {key}",
            "another": "y",
            "contacted_on-day": self.day.day, "contacted_on-month": self.day.month, "contacted_on-year": self.day.year,
        }  # fmt: skip
        status, page, headers = self.visitor.open(self.path, form)
        if status == 302 and "sign-in" not in headers["Location"]:
            self.kept[key] = self.waiting.pop(key)
        else:
            self.refused.append(f"{status}: {page[:2000]}")


@pytest.fixture
def app(placed: tuple[str, World], tmp_path: Path) -> Iterator[Flask]:
    """Only to look at what stands in the database after each kill."""
    (tmp_path / "look").mkdir()
    yield worlds.application(placed[0], tmp_path / "look")
    db.close()


def kept_as_acknowledged(app: Flask, writers: list[Writer]) -> None:
    """Every acknowledged contact once and whole, none twice, each with its line, and the chain unbroken."""
    with app.app_context():
        stands = {str(each.client_key): each for each in db.session.scalars(select(Contact))}
        acknowledged = {key: minutes for writer in writers for key, minutes in writer.kept.items()}
        unknown = {key: minutes for writer in writers for key, minutes in writer.waiting.items()}
        assert set(acknowledged) - set(stands) == set(), "acknowledged and lost"
        assert set(stands) - set(acknowledged) - set(unknown) == set(), "from nowhere"
        assert db.session.scalar(select(func.count()).select_from(Contact)) == len(stands), "twice"
        for key, contact in stands.items():
            assert (contact.minutes, contact.note) == ((acknowledged | unknown)[key], f"note of {key}")
        events = list(command.trail(by=None))
        assert list(audit.faults(iter(events))) == []
        lines = Counter(event.record_id for event in events if event.action == "record_contact")
        assert lines == Counter(str(contact.id) for contact in stands.values())
        assert all(json.loads(event.after or "{}") for event in events if event.action == "record_contact")


def test_nothing_acknowledged_is_lost_when_the_server_is_killed(placed: tuple[str, World], app: Flask, tmp_path: Path):
    url, world = placed
    chance = random.Random(20261123)
    data = installed(tmp_path / "data")
    writers: list[Writer] = []
    for turn in range(ROUNDS):
        with serving(data, url) as served:
            if not writers:
                writers = _signed_in(app, world, served.address, chance)
            stop = threading.Event()
            threads = [threading.Thread(target=_on(writer, served.address).work, args=(stop,)) for writer in writers]
            for thread in threads:
                thread.start()
            _wait_for(writers, chance.randint(2, 12))
            time.sleep(chance.uniform(0, 0.1))
            served.kill()
            stop.set()
            for thread in threads:
                thread.join()
        assert [writer.refused for writer in writers if writer.refused] == [], f"round {turn}"
        kept_as_acknowledged(app, writers)
    _deliver_what_waits(data, url, app, writers)


def _wait_for(writers: list[Writer], more: int) -> None:
    """Until so many more contacts were acknowledged: however slow the machine, there is work to interrupt."""
    wanted, patience = sum(len(writer.kept) for writer in writers) + more, time.monotonic() + PATIENCE
    while sum(len(writer.kept) for writer in writers) < wanted:
        assert time.monotonic() < patience, "the server takes no contacts"
        time.sleep(0.005)


def _signed_in(app: Flask, world: World, address: str, chance: random.Random) -> list[Writer]:
    """Writers for the first server; their cookies hold for the next ones too."""
    with app.app_context():
        day = days_ago(3)
    path = f"/referrals/{world.referrals['own']}/contacts/new"
    writers = []
    for _ in range(WRITERS):
        visitor = Visitor(address)
        visitor.sign_in("link-worker@test.example")
        visitor.look(path)
        writers.append(Writer(visitor, path, day, random.Random(chance.random())))
    return writers


def _on(writer: Writer, address: str) -> Writer:
    writer.visitor.address = address
    return writer


def _deliver_what_waits(data: Path, url: str, app: Flask, writers: list[Writer]) -> None:
    """What was never acknowledged is sent once more, and then stands once, whether it had arrived or not."""
    with serving(data, url) as served:
        for writer in writers:
            for key, minutes in list(writer.waiting.items()):
                _on(writer, served.address)._send(key, minutes)
        assert [writer.waiting for writer in writers if writer.waiting] == []
        assert served.interrupt() == 0
    kept_as_acknowledged(app, writers)


def test_a_transaction_cut_off_in_the_middle_leaves_nothing(placed: tuple[str, World], app: Flask):
    """A connection that goes away before its end takes everything with it, in both databases."""
    _, world = placed
    with app.app_context():
        before = _counts()
        db.session.rollback()
        db.session.connection(execution_options=WRITING[db.session.get_bind().dialect.name])
        worlds.signpost(world, contact=worlds.contact(world))
        db.session.flush()
        raw = db.session.connection().connection.dbapi_connection
        raw.close()
        db.session.invalidate()
        assert _counts() == before


def _counts() -> tuple[int, ...]:
    return tuple(
        db.session.scalar(select(func.count()).select_from(kind)) or 0 for kind in (Contact, Signpost, AuditEvent)
    )
