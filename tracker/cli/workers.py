"""The processes that serve one address together: a page takes one core, and a machine has several."""

from __future__ import annotations

import gc
import multiprocessing
import os
import select
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.connection import wait
from typing import Any, NoReturn

from flask import Flask
from waitress import wasyncore
from waitress.channel import HTTPChannel
from waitress.server import BaseWSGIServer, create_server

from ..extensions import db

MOST = 4
"""Workers that are started without being asked for; each takes some 150 MB."""
AT_MOST = 0.5
"""Seconds for which a worker takes nobody else while it answers."""
RARELY = (20_000, 20, 20)
"""How many new objects there are before the collector looks at them; a page makes thousands that go by themselves."""
ENDINGS = {signal.SIGINT, signal.SIGTERM}
WAITING = 1024
"""Visitors who may stand in line before the next is turned away."""


def by_default() -> int:
    """One for each core. Elsewhere than on Linux a copy of a running process is not safe to go on with."""
    return min(MOST, len(os.sched_getaffinity(0))) if sys.platform == "linux" else 1


def listen(host: str, port: int) -> list[socket.socket]:
    """Take the address, under each of the names that a host has; OSError if it cannot be had."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    places = dict.fromkeys((family, address) for family, _, _, _, address in found)
    return [socket.create_server(address[:2], family=family, backlog=WAITING) for family, address in places]


def serve(app: Flask, sockets: Sequence[socket.socket], workers: int, **options: Any) -> None:
    """Serve until Ctrl+C or SIGTERM. When one worker ends by itself all do, and the exit code says so."""
    db.close()
    gc.collect()
    gc.freeze()  # what stays for good is not looked through again and again while people wait
    gc.set_threshold(*RARELY)
    if workers == 1:
        create_server(app, sockets=sockets, **options).run()
        return
    crew = [_CONTEXT.Process(target=_work, args=(app, sockets, options), daemon=True) for _ in range(workers)]
    signal.signal(signal.SIGTERM, _end)
    try:
        _start(crew)
        wait([each.sentinel for each in crew])
    except (KeyboardInterrupt, SystemExit):
        return
    finally:
        _dismiss(crew)
    sys.exit("A worker ended by itself; start the tracker again. What had been saved is safe.")


_CONTEXT = multiprocessing.get_context("fork" if sys.platform != "win32" else None)


def _start(crew: Sequence[Any]) -> None:
    """Whoever says to end while they are being started is heard once all are there. Ctrl+C reaches a whole terminal,
    and is for the process that started the others: they never hear of it.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDINGS)
    for each in crew:
        each.start()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDINGS)


def _dismiss(crew: Sequence[Any]) -> None:
    for each in crew:
        if each.pid is not None:
            each.terminate()
            each.join()


def _work(app: Flask, sockets: Sequence[socket.socket], options: dict[str, Any]) -> None:
    """One of them: it ends when it is told to, or when the process that started it is gone."""
    signal.signal(signal.SIGTERM, _end)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    threading.Thread(target=_follow, daemon=True).start()
    everything: dict[int, Any] = {}
    server = create_server(app, map=everything, sockets=sockets, **options)
    for each in list(everything.values()):
        if isinstance(each, BaseWSGIServer):
            each.readable = _in_turn(each.readable, everything)  # type: ignore[method-assign]
            each.channel_class = Heard
    server.run()


class Heard(HTTPChannel):
    """A visitor who is listened to on arrival: what most ask for is there already, and until it is read nobody knows
    that this worker has something to do, so that it would take the next visitor too.

    An error while reading ends this visit, as it would later: let out of here, it would be taken for the server's own.
    """

    def __init__(self, server: BaseWSGIServer, line: socket.socket, *more: Any, **named: Any) -> None:
        super().__init__(server, line, *more, **named)
        if select.select([line], [], [], 0)[0]:
            wasyncore.read(self)


def _in_turn(takes_visitors: Callable[[], bool], everything: Mapping[int, Any]) -> Callable[[], bool]:
    """Take the next visitor once the last one is answered: until then the line is open for a worker who is free.

    Otherwise one takes six at a time while another takes two, and who waits how long is chance. Nobody who sends
    slowly or asks for much stops the line for longer than a moment.
    """

    def readable() -> bool:
        since = time.time() - AT_MOST
        visitors = [each for each in everything.values() if isinstance(each, HTTPChannel)]
        return takes_visitors() and not any(each.requests and each.last_activity > since for each in visitors)

    return readable


def _follow() -> None:
    if parent := multiprocessing.parent_process():
        parent.join()
        os._exit(1)


def _end(*_: object) -> NoReturn:
    raise SystemExit
