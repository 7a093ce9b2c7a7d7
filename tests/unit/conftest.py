"""Unit tests are about rules, not about plumbing: they cannot reach a database or the network."""

from __future__ import annotations

import socket
from typing import NoReturn

import pytest
from sqlalchemy import Engine


@pytest.fixture(autouse=True)
def no_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Opening a database or a connection is an error here."""

    def refuse(*_args: object, **_options: object) -> NoReturn:
        pytest.fail("a unit test may not open a database or a connection; move it to tests/integration")

    monkeypatch.setattr(Engine, "connect", refuse)
    monkeypatch.setattr(Engine, "raw_connection", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket.socket, "connect_ex", refuse)
