"""Takes the README's pictures from the demo. Run `./kit demo --no-serve` first, then this with `.venv/bin/python`."""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
import sys
import time
import uuid
from contextlib import closing
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests import browser  # noqa: E402

DATA, PICTURES, PORT = ROOT / "instance" / "demo", ROOT / "docs" / "pictures", 5961
PHONE, DESK = {"width": 390, "height": 844}, {"width": 1280, "height": 900}


def main() -> None:
    PICTURES.mkdir(exist_ok=True)
    environment = {**os.environ, "TRACKER_DATA": str(DATA)}
    command = [sys.executable, "-m", "tracker", "serve", "--port", str(PORT)]
    server = subprocess.Popen(command, env=environment, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        address = re.search(r"http://\S+", server.stdout.readline())
        assert address is not None, "the tracker did not start"
        with sync_playwright() as playwright:
            chromium = browser.launch(playwright)
            take(chromium, address.group())
            chromium.close()
    finally:
        server.terminate()
        server.wait()


def take(chromium: Browser, address: str) -> None:
    phone = chromium.new_context(viewport=PHONE, device_scale_factor=2).new_page()  # type: ignore[arg-type]
    sign_in(phone, address)
    shot(phone, "caseload")
    phone.get_by_role("link", name="Log contact").first.click()
    phone.get_by_label("Home visit").check()
    phone.get_by_label("Minutes", exact=True).fill("2000")
    phone.get_by_role("button", name="Save contact").click()
    phone.get_by_text("There is a problem").wait_for()
    phone.evaluate("window.scrollTo(0, 0)")
    shot(phone, "form-with-an-error")
    phone.goto(f"{address}/people/{somebody_with_three_timepoints()}")
    phone.evaluate("document.querySelector('.lwk-charts').scrollIntoView()")
    shot(phone, "scores-over-time")
    desk = chromium.new_context(viewport=DESK).new_page()  # type: ignore[arg-type]
    desk.goto((DATA / "report" / "report.html").as_uri())
    shot(desk, "report")


def somebody_with_three_timepoints() -> uuid.UUID:
    """A person at the first link worker's practice who was measured every time."""
    query = """
        SELECT person.id FROM person JOIN site ON site.id = person.site_id JOIN assessment ON person_id = person.id
        WHERE site.slug = 'ash-lane' AND instrument = 'phq9' AND status = 'complete'
        GROUP BY person.id HAVING count(*) = 3 ORDER BY study_number LIMIT 1
    """
    with closing(sqlite3.connect(DATA / "tracker.db")) as connection:
        return uuid.UUID(connection.execute(query).fetchone()[0])


def sign_in(page: Page, address: str) -> None:
    password = (DATA / "demo-password.txt").read_text(encoding="utf-8").strip()
    page.goto(f"{address}/sign-in")
    page.get_by_label("E-mail address").fill("worker@demo.example")
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", name="My caseload").wait_for()


def shot(page: Page, name: str) -> None:
    time.sleep(0.3)
    page.screenshot(path=PICTURES / f"{name}.png")


if __name__ == "__main__":
    main()
