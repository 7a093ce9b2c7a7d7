"""Every test gets a database of its own, of each kind."""

from __future__ import annotations

import pytest
from sqlalchemy import create_engine, inspect, text


@pytest.mark.parametrize("turn", [1, 2])
def test_what_one_test_writes_the_next_does_not_see(database_url: str, turn: int):
    engine = create_engine(database_url)
    with engine.begin() as connection:
        assert not inspect(connection).has_table("left_behind")
        connection.execute(text("CREATE TABLE left_behind (turn INTEGER)"))
    engine.dispose()


def test_the_server_is_a_real_postgresql(postgres_url: str):
    engine = create_engine(postgres_url)
    with engine.connect() as connection:
        assert connection.scalar(text("SHOW server_version_num")) >= "140000"
    engine.dispose()
