"""The tracker as a process of its own, and a visitor who talks to it over HTTP and keeps cookies."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from http.cookiejar import CookieJar
from pathlib import Path
from typing import IO

from tests.world import KEYS, PASSWORD

ROOT = Path(__file__).resolve().parents[1]
PATIENCE = 60  # seconds; a busy machine is not a failure
NO_ANSWER = (OSError, http.client.HTTPException)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def surroundings(data: Path, url: str | None = None) -> dict[str, str]:
    """The environment of an installation, and nothing of another's."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TRACKER_", "PORT"))}
    database = {"TRACKER_DATABASE_URL": url} if url else {}
    return (
        kept
        | database
        | {"TRACKER_SECOND_FACTOR": "optional"}
        | {"TRACKER_DATA": str(data), "PYTHONUNBUFFERED": "1", "PYTHONPATH": str(ROOT)}
    )


def installed(data: Path) -> Path:
    """A folder with the world's keys in it."""
    data.mkdir(mode=0o700, exist_ok=True)
    (data / "keys.json").write_text(json.dumps(asdict(KEYS)), encoding="utf-8")
    return data


@dataclass
class Served:
    """`tracker serve`, running."""

    process: subprocess.Popen[str]
    address: str
    said: list[str]
    errors: Path

    def kill(self) -> None:
        """As a power cut would."""
        self.process.kill()
        self.process.wait(PATIENCE)
        self._close()

    def interrupt(self) -> int:
        """As Ctrl+C would; the exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.ended()

    def ended(self) -> int:
        """Wait for the end; the exit code."""
        code = self.process.wait(PATIENCE)
        self.said += list(self._out)
        self._close()
        return code

    @property
    def complaints(self) -> str:
        return self.errors.read_text(encoding="utf-8")

    @property
    def _out(self) -> IO[str]:
        assert self.process.stdout is not None
        return self.process.stdout

    def _close(self) -> None:
        self._out.close()


def hears_ctrl_c() -> None:
    """Tests that run in the background were told to ignore Ctrl+C, and would hand that on."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@contextmanager
def serving(data: Path, url: str | None = None, *words: str) -> Iterator[Served]:
    """Serve an installation until this ends; it is up when this begins."""
    command = [sys.executable, "-m", "tracker", "serve", "--port", str(free_port()), *words]
    errors = data / "stderr.txt"
    with errors.open("a") as sink:
        process = subprocess.Popen(
            command, env=surroundings(data, url), cwd=data, stdout=subprocess.PIPE, stderr=sink, text=True,
            preexec_fn=hears_ctrl_c,
        )  # fmt: skip
    assert process.stdout is not None
    first = process.stdout.readline()
    found = re.search(r"http://(\S+):(\d+)", first)
    served = Served(process, f"http://127.0.0.1:{found[2]}" if found else "", [first], errors)
    try:
        assert found, f"the server did not start: {served.complaints}"
        yield served
    finally:
        if process.poll() is None:
            served.kill()


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_args: object, **_options: object) -> None:
        return None


@dataclass
class Visitor:
    """A browser without pages: keeps cookies, follows nothing, sends forms."""

    address: str
    cookies: CookieJar = field(default_factory=CookieJar)
    token: str = ""

    def open(self, path: str, form: Mapping[str, object] | None = None) -> tuple[int, str, http.client.HTTPMessage]:
        """Status, page and headers."""
        opener = urllib.request.build_opener(_Stay, urllib.request.HTTPCookieProcessor(self.cookies))
        data = None if form is None else urllib.parse.urlencode({**form, "csrf_token": self.token}).encode()
        try:
            with opener.open(urllib.request.Request(self.address + path, data=data), timeout=PATIENCE) as answer:
                return answer.status, answer.read().decode(), answer.headers
        except urllib.error.HTTPError as answer:
            with answer:
                return answer.code, answer.read().decode(), answer.headers

    def look(self, path: str) -> str:
        """A page, and the token of its form for what is sent next."""
        status, page, _ = self.open(path)
        assert status == 200, (status, page)
        if found := re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page):
            self.token = found[1]
        return page

    def sign_in(self, email: str, password: str = PASSWORD) -> None:
        self.look("/sign-in")
        status, page, headers = self.open("/sign-in", {"email": email, "password": password})
        assert (status, headers["Location"]) == (302, "/"), page
