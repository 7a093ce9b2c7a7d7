"""What a journey needs: the application on a port of its own, and a visitor with a phone or a desk."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, Page
from werkzeug.serving import make_server

from tests.browser import watched_page

Serve = Callable[[Any], str]


@contextmanager
def serving(application: Any) -> Iterator[str]:
    """Serve a WSGI application on a free port for as long as this lasts."""
    server = make_server("127.0.0.1", 0, application, threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Serve an application until the test ends; gives its address."""
    with ExitStack() as stack:
        yield lambda application: stack.enter_context(serving(application))


@pytest.fixture
def phone(chromium: Browser) -> Iterator[Page]:
    """A visitor with a phone, 390 px wide."""
    with watched_page(chromium, 390, 844) as page:
        yield page


@pytest.fixture
def desktop(chromium: Browser) -> Iterator[Page]:
    """A visitor at a desk, 1280 px wide."""
    with watched_page(chromium, 1280, 900) as page:
        yield page
