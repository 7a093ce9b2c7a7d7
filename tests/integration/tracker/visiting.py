"""Somebody at a browser without pages: opens, fills in and sends, and reads what a page shows."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from typing import Any

from flask.testing import FlaskClient

from tests.world import PASSWORD


@dataclass
class Visit:
    """One browser of somebody. Every form is opened before it is sent, so that its token is the page's own."""

    client: FlaskClient
    page: str = ""
    status: int = 0
    location: str = ""

    def open(self, path: str) -> str:
        return self._take(self.client.get(path))

    def send(self, path: str, **answers: str) -> str:
        """Open the page and send its form with these answers; what it was asked by the page is kept."""
        self.open(path)
        return self.send_on(path, **answers)

    def send_on(self, path: str, **answers: str) -> str:
        """Send the form that is open."""
        return self._take(self.client.post(path, data=self.hidden() | answers))

    def _take(self, response: Any) -> str:
        self.page, self.status = response.get_data(as_text=True), response.status_code
        self.location = response.location or ""
        return self.page

    def hidden(self) -> dict[str, str]:
        """What stands in the hidden boxes of the page's last form."""
        form = self.page.rpartition("<form")[2]
        boxes = re.findall(r"<input[^>]*>", form)
        found = {attribute(box, "name"): attribute(box, "value") for box in boxes if attribute(box, "type") == "hidden"}
        return {name: value for name, value in found.items() if name}

    def question(self) -> str:
        """What the page asks a passkey."""
        box = next(box for box in re.findall(r"<input[^>]*>", self.page) if "data-passkey" in box)
        return attribute(box, "data-options")

    @property
    def fault(self) -> str:
        """The first message of the list of errors; empty if there is none."""
        found = re.search(r'nhsuk-error-summary__list">\s*<li>(?:<a[^>]*>)?([^<]+)', self.page)
        return html.unescape(found.group(1)) if found else ""

    def shown(self, class_: str) -> list[str]:
        """What stands in code in the box of this class, or in the code of this class."""
        inside = re.search(rf'class="{class_}">(.*?)</(?:ul|div)>', self.page, re.DOTALL)
        return re.findall(r"<code>([^<]+)</code>", inside.group(1)) if inside else []

    def key(self) -> str:
        found = re.search(r'class="lwk-key">([^<]+)<', self.page)
        assert found, self.page
        return found.group(1)

    def sign_in(self, name: str = "link-worker", password: str = PASSWORD) -> str:
        """The first step; gives the address that it leads to."""
        self.send("/sign-in", email=f"{name}@test.example", password=password)
        return self.location


def attribute(box: str, name: str) -> str:
    found = re.search(rf'\b(?<!-){name}="([^"]*)"', box)
    return html.unescape(found.group(1)) if found else ""
