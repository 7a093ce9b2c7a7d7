"""How fast the caseload opens: 200 people and 24,000 contacts, several readers at once, on both databases.

./kit bench caseload                   prints the middle and the 95th percentile of a page, in milliseconds
./kit bench caseload --people 50 --contacts 1000 --pages 40
./kit bench caseload --limit 100       fails if, on PostgreSQL and for people who look at what they get, it is above 100 ms
"""

from __future__ import annotations

import argparse
import http.client
import random
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from statistics import median, quantiles

from sqlalchemy import text

from tests import postgres
from tests import world as worlds
from tests.server import PATIENCE, Visitor, installed, serving
from tests.world import days_ago
from tracker import extensions
from tracker.actions import care, people
from tracker.extensions import db
from tracker.models import Contact

SEED = 20260101
READERS = 8
LOOKED_BEFORE = 6
PACES = {1.0: "each looks at a page for a second", 0.0: "each asks for the next at once"}


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


def rest(url: str) -> None:
    """What PostgreSQL does by itself while nobody waits: it notes which pages every reader may see whole."""
    if url.startswith("postgresql"):
        with extensions.engine_for(url).connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            for _ in range(2):  # the first may come too early for what was written last
                connection.execute(text("CHECKPOINT"))
                connection.execute(text("VACUUM (ANALYZE)"))
                time.sleep(1)


def timed(address: str, n_pages: int, seconds: float) -> list[float]:
    """Milliseconds of each page, asked for by several at once, each of whom looks at it for so long, more or less."""
    took: list[float] = []
    cookies = [_signed_in(address) for _ in range(READERS)]
    for kept, pages, pause in (([], READERS * LOOKED_BEFORE, 0.0), (took, n_pages, seconds)):
        told = [(address, each, pages // READERS, pause, kept) for each in cookies]
        threads = [threading.Thread(target=_read, args=each) for each in told]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(took) == n_pages // READERS * READERS, "a page did not come"
    return took


def _signed_in(address: str) -> str:
    visitor = Visitor(address)
    visitor.sign_in("link-worker@test.example")
    return "; ".join(f"{cookie.name}={cookie.value}" for cookie in visitor.cookies)


def _read(address: str, cookie: str, n_pages: int, pause: float, took: list[float]) -> None:
    """One page after the other, each over a connection of its own, as from a reverse proxy."""
    draw = random.Random(cookie)
    for _ in range(n_pages):
        time.sleep(draw.uniform(0, 2 * pause))
        start = time.perf_counter()
        with closing(http.client.HTTPConnection(address.removeprefix("http://"), timeout=PATIENCE)) as connection:
            connection.request("GET", "/", headers={"Cookie": cookie, "Connection": "close"})
            page = connection.getresponse().read()
        took.append((time.perf_counter() - start) * 1000)
        assert b"My caseload" in page


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
    parser.add_argument(
        "--limit", type=float, help="fail above so many ms: 95th percentile, PostgreSQL, people who look"
    )
    chosen = parser.parse_args()
    slow = False
    with tempfile.TemporaryDirectory() as name, databases(Path(name)) as urls:
        for database, url in urls.items():
            data = installed(Path(name) / database)
            fill(url, data, chosen.people, chosen.contacts)
            rest(url)
            print(f"{database}: {chosen.people} people, {chosen.contacts:,} contacts, {READERS} at once")
            with serving(data, url) as served:
                for seconds, how in PACES.items():
                    took = timed(served.address, chosen.pages, seconds)
                    p95 = quantiles(took, n=20)[-1]
                    print(f"  {how}: half of the pages within {median(took):.0f} ms, 95 % within {p95:.0f} ms")
                    judged = database == "PostgreSQL" and seconds > 0
                    slow |= judged and chosen.limit is not None and p95 > chosen.limit
    return int(slow)


if __name__ == "__main__":
    sys.exit(main())
