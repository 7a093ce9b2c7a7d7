"""How fast the caseload opens: 200 people and 24,000 contacts, several readers at once, on both databases.

./kit bench caseload                   prints the middle and the 95th percentile of a page, in milliseconds
./kit bench caseload --people 50 --contacts 1000 --pages 40
./kit bench caseload --limit 100       fails if the 95th percentile on PostgreSQL is above 100 ms
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles

from tests import postgres
from tests import world as worlds
from tests.server import Visitor, installed, serving
from tests.world import days_ago
from tracker import extensions
from tracker.actions import care, people
from tracker.extensions import db
from tracker.models import Contact

SEED = 20260101
READERS = 8


def fill(url: str, folder: Path, n_people: int, n_contacts: int) -> None:
    """The small world, and a link worker with this many people and contacts."""
    extensions.upgrade(url)
    app = worlds.application(url, folder)
    with app.app_context():
        world = worlds.build()
        with db.transaction() as session:
            worker = world.user("link-worker")
            referrals = [_add(world, worker, n) for n in range(n_people - 1)] + [world.referrals["own"]]
            session.add_all(_contacts(referrals, worker.id, n_contacts))
        extensions.analyze()
        db.close()


def _add(world: worlds.World, worker: worlds.User, number: int) -> uuid.UUID:
    person = people.add_person(
        by=worker, study=world.study(), site=world.site("mill"), entered_on=days_ago(200),
        identity=people.IdentityFacts(f"Somebody {number:03}", phone=f"07700 9{number:05}"),
    )  # fmt: skip
    referral = care.record_referral(by=worker, person=person, source="gp", referred_on=days_ago(200))
    care.assign(by=worker, referral=referral, worker=worker, from_on=days_ago(200))
    return referral.id


def _contacts(referrals: list[uuid.UUID], worker: uuid.UUID, n_contacts: int) -> Iterator[Contact]:
    """Spread evenly over the people; written past the actions, because reading is what is timed."""
    draw = random.Random(SEED)
    for number in range(n_contacts):
        yield Contact(
            client_key=uuid.uuid4(), referral_id=referrals[number % len(referrals)], worker_id=worker,
            contacted_on=days_ago(draw.randrange(200)), mode="phone", attendance="attended", minutes=30,
            recorded_by=worker,
        )  # fmt: skip


def timed(address: str, n_pages: int) -> list[float]:
    """Milliseconds of each page, read by several at once who have signed in before."""
    took: list[float] = []
    visitors = [Visitor(address) for _ in range(READERS)]
    for visitor in visitors:
        visitor.sign_in("link-worker@test.example")

    def read(visitor: Visitor) -> None:
        for _ in range(n_pages // READERS):
            start = time.perf_counter()
            page = visitor.look("/")
            took.append((time.perf_counter() - start) * 1000)
            assert "My caseload" in page

    threads = [threading.Thread(target=read, args=(visitor,)) for visitor in visitors]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return took


@contextmanager
def databases(folder: Path) -> Iterator[dict[str, str]]:
    with postgres.running_server() as server:
        server.execute('CREATE DATABASE "bench"')
        yield {"SQLite": f"sqlite:///{folder / 'bench.db'}", "PostgreSQL": server.url("bench")}


def main() -> int:
    """Time the page on each database and print a line for each."""
    parser = argparse.ArgumentParser("./kit bench caseload", description=__doc__)
    parser.add_argument("--people", type=int, default=200)
    parser.add_argument("--contacts", type=int, default=24_000)
    parser.add_argument("--pages", type=int, default=400)
    parser.add_argument("--limit", type=float, help="fail if the 95th percentile on PostgreSQL is above so many ms")
    chosen = parser.parse_args()
    slow = False
    with tempfile.TemporaryDirectory() as name, databases(Path(name)) as urls:
        for database, url in urls.items():
            data = installed(Path(name) / database)
            fill(url, data, chosen.people, chosen.contacts)
            with serving(data, url) as served:
                took = timed(served.address, chosen.pages)
            p95 = quantiles(took, n=20)[-1]
            print(f"{database:<11} {chosen.people} people, {chosen.contacts:,} contacts, {READERS} at once: "
                  f"half of the pages within {median(took):.0f} ms, 95 % within {p95:.0f} ms")  # fmt: skip
            slow |= chosen.limit is not None and database == "PostgreSQL" and p95 > chosen.limit
    return int(slow)


if __name__ == "__main__":
    sys.exit(main())
