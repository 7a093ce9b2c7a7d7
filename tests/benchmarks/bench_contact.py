"""How long a link worker who has done it before needs to log a contact, on a phone's screen.

./kit bench contact                    logs contacts in a real browser; counts taps, swipes and keys; prints the middle
./kit bench contact --rounds 5 --people 10
./kit bench contact --limit 20         fails if the middle is above 20 seconds

The pages' own time is measured. A person's is added as Card, Moran and Newell have it (Commun ACM 1980;23:396-410,
doi:10.1145/358886.358895): before each tap and each number 1.35 s to make up one's mind, 1.1 s to reach for it, 0.28 s
a key; a swipe is reached for as a tap is.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from playwright.sync_api import Page, expect, sync_playwright

from tests.benchmarks.bench_caseload import SEED, fill
from tests.browser import Thumb, launch, watched_page
from tests.server import installed, serving
from tests.world import PASSWORD

MIND, REACH, KEY = 1.35, 1.10, 0.28


@dataclass(frozen=True)
class Round:
    """One contact logged: what the hand did, and seconds that the pages took."""

    taps: int
    swipes: int
    keys: int
    waited: float

    @property
    def seconds(self) -> float:
        """With the person's own time; minutes are typed into a box that is reached for once."""
        return self.taps * (MIND + REACH) + self.swipes * REACH + (MIND + REACH) + self.keys * KEY + self.waited


def log_contact(page: Page, who: str, minutes: int) -> Round:
    """From the caseload to the caseload, as in three taps and the minutes."""
    thumb, began = Thumb(), time.perf_counter()
    thumb.find(page.get_by_role("link", name=f"Log contact with {who}", exact=True))
    thumb.tap(page.get_by_label("Phone", exact=True))
    thumb.type(page.get_by_label("Minutes", exact=True), str(minutes))
    thumb.tap(page.get_by_role("button", name="Save contact"))
    expect(page.get_by_role("alert").filter(has_text="was saved")).to_be_visible()
    return Round(thumb.taps, thumb.swipes, thumb.keys, time.perf_counter() - began)


def logged(address: str, rounds: int) -> list[Round]:
    draw = random.Random(SEED)
    with sync_playwright() as playwright, watched_page(launch(playwright), 390, 844) as page:
        page.goto(f"{address}/sign-in")
        page.get_by_label("E-mail address").fill("link-worker@test.example")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"{address}/")
        links = page.get_by_role("link", name=re.compile("^Log contact with ")).all_inner_texts()
        people = [text.split(" with ", 1)[1].strip() for text in links]
        return [log_contact(page, draw.choice(people), draw.randint(10, 60)) for _ in range(rounds)]


def main() -> int:
    """Log some contacts and print what each took."""
    parser = argparse.ArgumentParser(
        "./kit bench contact", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--people", type=int, default=40)
    parser.add_argument("--limit", type=float, help="fail if the middle is above so many seconds")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        data, url = installed(Path(name) / "data"), f"sqlite:///{Path(name) / 'bench.db'}"
        fill(url, data, chosen.people, chosen.people * 12)
        with serving(data, url) as served:
            rounds = logged(served.address, chosen.rounds)
    middle = median(each.seconds for each in rounds)
    print(f"{len(rounds)} contacts, {chosen.people} people, 390 px: {rounds[0].taps} taps and the minutes each")
    print(f"pages: half answer all of it within {median(each.waited for each in rounds):.1f} s")
    print(f"with a person's own time: half within {middle:.1f} s, the slowest {max(e.seconds for e in rounds):.1f} s "
          f"({max(each.swipes for each in rounds)} swipes)")  # fmt: skip
    return int(chosen.limit is not None and middle > chosen.limit)


if __name__ == "__main__":
    sys.exit(main())
