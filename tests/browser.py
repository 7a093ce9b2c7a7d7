"""The real browser that the journey tests drive. As a command: exit 0 if one starts, else say why not."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from playwright.sync_api import Browser, Error, Playwright, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
MAC_APPLICATIONS = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
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
