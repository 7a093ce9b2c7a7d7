"""The processes that serve one address together: a page takes one core, and a machine has several."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import socket
import sys
import threading
from collections.abc import Sequence
from multiprocessing.connection import wait
from typing import Any, NoReturn

from flask import Flask
from waitress.server import create_server

from ..extensions import db

MOST = 4
"""Workers that are started without being asked for; each takes some 150 MB."""
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
    if workers == 1:
        create_server(app, sockets=sockets, **options).run()
        return
    crew = [_CONTEXT.Process(target=_work, args=(app, sockets, options), daemon=True) for _ in range(workers)]
    signal.signal(signal.SIGTERM, _end)
    try:
        for each in crew:
            each.start()
        wait([each.sentinel for each in crew])
    except (KeyboardInterrupt, SystemExit):
        return
    finally:
        _dismiss(crew)
    sys.exit("A worker ended by itself; start the tracker again. What had been saved is safe.")


_CONTEXT = multiprocessing.get_context("fork" if sys.platform != "win32" else None)


def _dismiss(crew: Sequence[Any]) -> None:
    for each in crew:
        if each.pid is not None:
            each.terminate()
            each.join()


def _work(app: Flask, sockets: Sequence[socket.socket], options: dict[str, Any]) -> None:
    """Ctrl+C reaches a whole terminal, and is for the process that started this one; when that is gone, so is this."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _end)
    threading.Thread(target=_follow, daemon=True).start()
    create_server(app, sockets=sockets, **options).run()


def _follow() -> None:
    if parent := multiprocessing.parent_process():
        parent.join()
        os._exit(1)


def _end(*_: object) -> NoReturn:
    raise SystemExit
