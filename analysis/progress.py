"""What a person sees while the numbers are worked out; at a terminal a bar, written over and gone at the end."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass, field
from typing import Any, TextIO

WIDTH = 20
CLEARED = "\r\x1b[K"


@dataclass
class Progress:
    """Says on a stream what is being done.

    Lines are said wherever the stream leads, bars only to a terminal; neither where `quiet`.
    """

    stream: TextIO
    quiet: bool = False
    began: float = field(default_factory=time.monotonic)

    def say(self, text: str) -> None:
        """A line of its own."""
        if not self.quiet:
            print(text, file=self.stream, flush=True)

    def bar(self, done: int, of: int, task: tuple[Any, str]) -> None:
        """How many estimates are made, of how many; which one it is about, and how long it took so far."""
        if self.quiet or not self.stream.isatty():
            return
        outcome, method = task
        full = WIDTH * done // of
        drawn = f"[{'#' * full}{'.' * (WIDTH - full)}] {done} of {of}"
        seconds = time.monotonic() - self.began
        line = f"{drawn}  {seconds:.0f} s  {outcome.label}: {method}"[: shutil.get_terminal_size().columns - 1]
        print(f"{CLEARED}{line}", end="", file=self.stream, flush=True)

    def __enter__(self) -> None:
        """Begin something long, of which `bar` will be told."""

    def __exit__(self, *_: object) -> None:
        """Take the bar away, so that what is said next stands on a line of its own."""
        if not self.quiet and self.stream.isatty():
            print(CLEARED, end="", file=self.stream, flush=True)
