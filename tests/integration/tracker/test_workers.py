"""Several processes that serve one address: how they start, and how every one of them ends."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.server import BaseWSGIServer

from tests.integration.tracker.test_serve import installation
from tests.server import NO_ANSWER, PATIENCE, Served, Visitor, serving
from tests.world import World
from tracker.cli import workers

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="how many processes there are is read from /proc")


@pytest.fixture
def data(sqlite_world: tuple[Path, World], tmp_path: Path) -> Path:
    return installation(tmp_path / "data", sqlite_world[0])


@pytest.fixture
def crew(data: Path) -> Iterator[Served]:
    with serving(data, None, "--workers", "3") as served:
        eventually(lambda: len(children(served)) == 3)
        yield served


def children(served: Served) -> list[int]:
    pid = served.process.pid
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def is_there(pid: int) -> bool:
    """Alive, and not only waiting to be noticed as ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def eventually(holds) -> None:
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.02)


def test_one_sign_in_holds_whichever_process_answers(crew: Served):
    visitor = Visitor(crew.address)
    visitor.sign_in("link-worker@test.example")
    assert all("Person Own" in visitor.look("/") for _ in range(12))


def test_what_one_process_writes_the_others_show(crew: Served):
    visitors = [Visitor(crew.address) for _ in range(4)]
    for visitor in visitors:
        visitor.sign_in("link-worker@test.example")
    assert 'value="larger"' in visitors[0].look("/account/appearance")
    assert visitors[0].open("/account/appearance", {"text_size": "larger"})[0] == 302
    assert all("lwk-text-larger" in visitor.look("/") for visitor in visitors for _ in range(3))


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_asked_to_end_all_end_without_complaint(crew: Served, how: signal.Signals):
    pids = children(crew)
    crew.process.send_signal(how)
    assert crew.ended() == 0
    assert not [pid for pid in pids if is_there(pid)]
    assert crew.complaints == ""
    with pytest.raises(NO_ANSWER):
        Visitor(crew.address).open("/sign-in")


def test_ctrl_c_in_a_terminal_reaches_all_of_them_and_ends_them_once(crew: Served):
    pids = children(crew)
    for pid in pids:
        os.kill(pid, signal.SIGINT)
    assert "Sign in" in Visitor(crew.address).look("/sign-in"), "it is for the first process"
    assert crew.interrupt() == 0
    assert not [pid for pid in pids if is_there(pid)]


def test_when_the_first_process_is_gone_none_goes_on(crew: Served):
    pids = children(crew)
    crew.kill()
    eventually(lambda: not [pid for pid in pids if is_there(pid)])
    with pytest.raises(NO_ANSWER):
        Visitor(crew.address).open("/sign-in")


def test_when_one_ends_by_itself_all_do_and_somebody_is_told(crew: Served):
    pids = children(crew)
    os.kill(pids[1], signal.SIGKILL)
    assert crew.ended() == 1
    assert "A worker ended by itself; start the tracker again." in crew.complaints
    assert not [pid for pid in pids if is_there(pid)]


def test_alone_it_starts_no_other(data: Path):
    with serving(data, None, "--workers", "1") as served:
        visitor = Visitor(served.address)
        visitor.sign_in("link-worker@test.example")
        assert "Person Own" in visitor.look("/")
        assert children(served) == []
        assert served.interrupt() == 0


def test_there_is_one_for_each_core_and_not_more_than_a_few(monkeypatch: pytest.MonkeyPatch):
    for cores, expected in ((1, 1), (2, 2), (16, workers.MOST)):
        monkeypatch.setattr(os, "sched_getaffinity", lambda _, cores=cores: set(range(cores)))
        assert workers.by_default() == expected
    monkeypatch.setattr(sys, "platform", "darwin")
    assert workers.by_default() == 1


def test_a_name_with_two_addresses_is_listened_at_under_both():
    sockets = workers.listen("localhost", 0)
    with_names = {each.family for each in sockets}
    for each in sockets:
        each.close()
    assert with_names == {found[0] for found in socket.getaddrinfo("localhost", 0, type=socket.SOCK_STREAM)}


def visitor_of(requests: int, seconds_ago: float) -> HTTPChannel:
    """Somebody's connection, with so many pages asked for and not answered yet."""
    made = HTTPChannel.__new__(HTTPChannel)
    made.requests, made.last_activity = [object()] * requests, time.time() - seconds_ago
    return made


@pytest.mark.parametrize(
    ("visitors", "takes"),
    [
        ([], True),
        ([(1, 0.0)], False),
        ([(0, 0.0), (0, 5.0)], True),
        ([(0, 0.0), (2, 0.1)], False),
        ([(1, workers.AT_MOST + 0.1)], True),
        ([(1, workers.AT_MOST + 0.1), (1, 0.1)], False),
    ],
    ids=["nobody", "one who waits", "two who read", "one of two waits", "one who asked for much", "and another"],
)
def test_the_next_visitor_is_taken_when_the_last_is_answered_or_asked_for_much(
    visitors: list[tuple[int, float]], takes: bool
):
    here = dict(enumerate([object(), *(visitor_of(*each) for each in visitors)]))
    assert workers._in_turn(lambda: True, here)() is takes
    assert workers._in_turn(lambda: False, here)() is False


class Told:
    """A server that writes down who has something to be done."""

    def __init__(self) -> None:
        self.adj = Adjustments()
        self.tasks: list[HTTPChannel] = []
        self.active_channels: dict[int, HTTPChannel] = {}

    def add_task(self, visitor: HTTPChannel) -> None:
        self.tasks.append(visitor)


@pytest.fixture
def arriving() -> Iterator[Callable[[bytes], tuple[Told, workers.Heard, socket.socket]]]:
    """Somebody arrives who has sent so much already."""
    lines: list[socket.socket] = []

    def arrive(sent: bytes) -> tuple[Told, workers.Heard, socket.socket]:
        theirs, ours = socket.socketpair()
        lines.extend((theirs, ours))
        theirs.sendall(sent)
        server = Told()
        return server, workers.Heard(server, ours, ("127.0.0.1", 1), server.adj, map={}), theirs

    yield arrive
    for each in lines:
        each.close()


ASKED = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


def test_what_a_visitor_asked_before_arriving_is_known_at_once_so_that_no_other_is_taken(arriving):
    server, visitor, _ = arriving(ASKED)
    assert server.tasks == [visitor]
    assert [each.path for each in visitor.requests] == ["/"]
    assert workers._in_turn(lambda: True, {1: visitor})() is False


@pytest.mark.parametrize("sent", [b"", b"GET / HT"], ids=["nothing", "a part"])
def test_a_visitor_who_has_not_asked_yet_holds_nobody_up_and_is_heard_later(arriving, sent: bytes):
    server, visitor, theirs = arriving(sent)
    assert server.tasks == []
    assert workers._in_turn(lambda: True, {1: visitor})() is True
    theirs.sendall(ASKED[len(sent) :])
    visitor.handle_read()
    assert server.tasks == [visitor]


def test_a_visitor_who_left_on_arrival_is_let_go(arriving):
    server, visitor, theirs = arriving(b"")
    theirs.close()
    visitor.handle_read()
    assert server.tasks == []
    assert visitor.connected is False


def test_what_the_parser_cannot_take_ends_that_visit_and_nothing_else(crew: Served):
    """Read while somebody arrives, an error would be the server's own, which stops listening at one."""
    host, port = crew.address.removeprefix("http://").split(":")
    for _ in range(12):
        with socket.create_connection((host, int(port)), timeout=PATIENCE) as rude:
            rude.sendall(b"GET http://[ HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert rude.recv(100) == b""
    assert len(children(crew)) == 3
    assert "Sign in" in Visitor(crew.address).look("/sign-in")


def test_every_worker_listens_on_arrival(monkeypatch: pytest.MonkeyPatch):
    made: list[Any] = []
    monkeypatch.setattr(workers.signal, "signal", lambda *_: None)
    monkeypatch.setattr(workers, "_follow", lambda: None)
    monkeypatch.setattr(BaseWSGIServer, "run", lambda each: made.append(each))
    sockets = workers.listen("127.0.0.1", 0)
    workers._work(Flask("empty"), sockets, {})
    for each in sockets:
        each.close()
    assert [each.channel_class for each in made] == [workers.Heard]


def test_pages_come_while_somebody_sends_theirs_slowly(crew: Served):
    host, port = crew.address.removeprefix("http://").split(":")
    slow = [socket.create_connection((host, int(port))) for _ in range(6)]
    try:
        for each in slow:
            each.sendall(b"GET /sign-in HTTP/1.1\r\nHost: ")
        assert all("Sign in" in Visitor(crew.address).look("/sign-in") for _ in range(6))
        for each in slow:
            each.sendall(b"localhost\r\nConnection: close\r\n\r\n")
        assert all(_whole_answer(each).startswith(b"HTTP/1.1 200 OK") for each in slow)
    finally:
        for each in slow:
            each.close()


def _whole_answer(connection: socket.socket) -> bytes:
    connection.settimeout(PATIENCE)
    parts = iter(lambda: connection.recv(65_536), b"")
    return b"".join(parts)


def test_a_browser_that_keeps_its_connection_gets_page_after_page(crew: Served):
    connection = http.client.HTTPConnection(crew.address.removeprefix("http://"), timeout=PATIENCE)
    began = time.monotonic()
    for _ in range(20):
        connection.request("GET", "/sign-in")
        assert b"Sign in" in connection.getresponse().read()
    connection.close()
    assert time.monotonic() - began < PATIENCE / 3
