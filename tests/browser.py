"""The real browser that the journey tests drive. As a command: exit 0 if one starts, else say why not."""

from __future__ import annotations

import math
import os
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from axe_playwright_python.base import AxeResults
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Error,
    Locator,
    Page,
    Playwright,
    Response,
    Route,
    expect,
    sync_playwright,
)

# The first has no desktop around its pages, and works half as long for each.
NAMES = (
    "chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome",
)  # fmt: skip
MAC_APPLICATIONS = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
PATIENCE = 30_000  # milliseconds; everything is on this machine, which may be busy
expect.set_options(timeout=PATIENCE)
OUTSIDE = re.compile(r"^(?!(http://127\.0\.0\.1:|http://localhost:|data:|blob:))")
# What is in order stays in the page: carrying it out takes as long as looking.
AXE = "axe.run({resultTypes: ['violations']}).then(({violations}) => ({violations}))"
# Nothing on the network but the page under test, and no graphics card.
FLAGS = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
)


def candidates(playwright: Playwright) -> list[str]:
    """Paths of browsers on this machine, the one asked for by CHROMIUM first and alone."""
    if asked := os.environ.get("CHROMIUM"):
        return [asked]
    on_path = [path for name in NAMES if (path := shutil.which(name))]
    bundled = [playwright.chromium.executable_path]
    return [path for path in [*on_path, *MAC_APPLICATIONS, *bundled] if Path(path).exists()]


def launch(playwright: Playwright) -> Browser:
    """Start the first browser that will start."""
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    flags = [*FLAGS, "--no-sandbox"] if root else list(FLAGS)
    faults = []
    for path in candidates(playwright):
        try:
            return playwright.chromium.launch(executable_path=path, args=flags)
        except Error as fault:
            faults.append(f"{path} does not start: {fault.message}")
    raise RuntimeError("\n".join(faults) or "no Chromium or Chrome is on this machine")


def watch(context: BrowserContext, refused: str = "") -> list[str]:
    """What goes wrong in the pages of a context from now on, as it happens; an address ending in `refused` may be."""
    complaints: list[str] = []

    def refuse(route: Route) -> None:
        complaints.append(f"asked for {route.request.url}, which is not on this machine")
        route.abort()

    def missing(response: Response) -> None:  # a page may be refused; what it is made of must be there
        expected = refused and response.url.endswith(refused)
        if response.status >= 400 and response.request.resource_type != "document" and not expected:
            complaints.append(f"{response.url} answered {response.status}")

    def said(kind: str, text: str) -> None:
        if kind == "error" and not text.startswith("Failed to load resource"):
            complaints.append(f"console: {text}")

    context.route(OUTSIDE, refuse)
    context.on("response", missing)
    context.on("console", lambda message: said(message.type, message.text))
    context.on("weberror", lambda error: complaints.append(f"script: {error.error}"))
    return complaints


@contextmanager
def watched_page(browser: Browser, width: int, height: int, refused: str = "") -> Iterator[Page]:
    """A fresh visitor's page; leaving it fails if a script, the console or a request had a complaint.

    What the page itself sends to an address that ends in `refused` may be refused.
    """
    small = width < 600
    context = browser.new_context(
        viewport={"width": width, "height": height},
        is_mobile=small,
        has_touch=small,
        locale="en-GB",
        timezone_id="Europe/London",
    )
    context.set_default_timeout(PATIENCE)
    complaints = watch(context, refused)
    try:
        yield context.new_page()
    finally:
        context.close()
    assert not complaints, "\n".join(complaints)


class Thumb:
    """Taps on a phone, and counts what the hand does."""

    def __init__(self) -> None:
        self.taps = self.swipes = self.keys = 0

    def tap(self, target: Locator) -> None:
        """Something that is on the screen already."""
        expect(target).to_be_in_viewport(ratio=1)
        target.tap()
        self.taps += 1

    def find(self, target: Locator) -> None:
        """Something that may stand further down: a swipe brings the next half of a screen."""
        expect(target).to_be_visible()
        box, screen = target.bounding_box(), target.page.viewport_size
        assert box is not None
        assert screen is not None
        below = box["y"] + box["height"] - screen["height"]
        self.swipes += max(0, math.ceil(below / (screen["height"] / 2)))
        target.scroll_into_view_if_needed()
        self.tap(target)

    def type(self, target: Locator, text: str) -> None:
        """Into a box that is on the screen already."""
        expect(target).to_be_in_viewport(ratio=1)
        target.fill(text)
        self.keys += len(text)


def check_accessible(page: Page) -> None:
    """Nothing that axe can see stands in anybody's way, and nothing needs scrolling sideways."""
    page.wait_for_load_state()
    page.evaluate(Axe().axe_script)
    found = AxeResults(page.evaluate(AXE))
    assert found.violations_count == 0, f"{page.url}\n{found.generate_report()}"
    too_wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert too_wide <= 0, f"{page.url}: {too_wide} px wider than the screen"


def main() -> int:
    with sync_playwright() as playwright:
        try:
            browser = launch(playwright)
        except RuntimeError as fault:
            print(fault, file=sys.stderr)
            return 1
        print(f"{browser.browser_type.name} {browser.version}")
        browser.close()
        return 0


if __name__ == "__main__":
    sys.exit(main())
