"""Many estimates, one after the other or by several processes at once: the answers and their order are the same."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from typing import Any, TypeVar

from instruments.plan import Outcome

Task = tuple[Outcome, str]
"""An outcome of the plan and the method by which it is estimated."""
Watch = Callable[[int, int, Task], None]
"""Told how many estimates are made, of how many, and which one it is about."""
Shared = TypeVar("Shared")
Found = TypeVar("Found")
PATIENCE = 3.0
"""Seconds after which other processes may begin: about as long as one needs to load what it needs."""


def unwatched(done: int, of: int, task: Task) -> None:
    """Say nothing."""


def work_through(
    work: Callable[[Shared, Task], Found],
    shared: Shared,
    tasks: Sequence[Task],
    *,
    jobs: int = 1,
    watch: Watch = unwatched,
) -> list[Found]:
    """Do a piece of work for each task.

    Begun in turn; what is left after some seconds is dealt out to several processes. They are spawned, not forked, so
    that it works alike on Linux and macOS. Threads would not help: between calls of numpy they wait for one another.

    Parameters
    ----------
    work
        Done with what is shared and a task; a function of a module, which other processes can find. It draws no random
        numbers but from a seed, so that it does not matter where it is done.
    shared
        What every task needs, sent to each process once.
    tasks
        In the order of the answers.
    jobs
        How many processes may work at once; 1 starts none.
    watch
        Told of each task: before it is begun in turn, or once it is done by another process.

    Returns
    -------
    list
        What the work gave for each task, in the order of the tasks.
    """
    began = time.monotonic()
    found: list[Found] = []
    for place, task in enumerate(tasks):
        left = len(tasks) - place
        if jobs > 1 and left > 1 and time.monotonic() - began >= PATIENCE:
            return found + _at_once(work, shared, tasks, place, min(jobs, left), watch)
        watch(place, len(tasks), task)
        found.append(work(shared, task))
    return found


def _at_once(
    work: Callable[[Shared, Task], Found], shared: Shared, tasks: Sequence[Task], done: int, jobs: int, watch: Watch
) -> list[Found]:
    spawned = ProcessPoolExecutor(jobs, get_context("spawn"), initializer=_begin, initargs=(work, shared))
    with spawned as pool:
        futures: dict[Future[Found], Task] = {pool.submit(_continue, task): task for task in tasks[done:]}
        _watched(as_completed(futures), futures, done, len(tasks), watch)
        return [future.result() for future in futures]


def _watched(
    ended: Iterable[Future[Found]], tasks: dict[Future[Found], Task], done: int, of: int, watch: Watch
) -> None:
    """Tell of each task once it has ended."""
    for place, future in enumerate(ended, start=done + 1):
        watch(place, of, tasks[future])


_given: list[Any] = []


def _begin(work: object, shared: object) -> None:
    """What a new process does first: keep what all of its tasks need."""
    _given[:] = work, shared


def _continue(task: Task) -> Any:
    work, shared = _given
    return work(shared, task)
