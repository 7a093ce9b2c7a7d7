"""What `tests/unit/conftest.py` promises."""

from __future__ import annotations

import socket

import pytest
from sqlalchemy import create_engine


def test_a_unit_test_cannot_open_a_database():
    with pytest.raises(pytest.fail.Exception, match="may not open a database"):
        create_engine("sqlite://").connect()


def test_a_unit_test_cannot_open_a_connection():
    with socket.socket() as outside, pytest.raises(pytest.fail.Exception, match="a connection"):
        outside.connect(("127.0.0.1", 9))
