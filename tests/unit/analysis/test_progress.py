"""What is said while the numbers are worked out: lines anywhere, a bar at a terminal, nothing where nobody wants it."""

from __future__ import annotations

import io

import pytest

from analysis.progress import CLEARED, Progress
from instruments.plan import parse
from tests.unit.analysis.study import PLAN

OUTCOME = parse(PLAN).outcomes[1]


class Terminal(io.StringIO):
    """A stream that somebody looks at."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def width(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")


def test_a_line_goes_anywhere() -> None:
    for stream in (io.StringIO(), Terminal()):
        Progress(stream).say("Reading bundle ...")
        assert stream.getvalue() == "Reading bundle ...\n"


def test_a_bar_says_how_many_of_how_many_by_what_and_how_long_it_took() -> None:
    stream = Terminal()
    progress = Progress(stream)
    progress.began -= 12.4
    progress.bar(2, 8, (OUTCOME, "mmrm"))
    assert stream.getvalue() == f"{CLEARED}[#####...............] 2 of 8  12 s  Depression at 6 months: mmrm"


@pytest.mark.parametrize(("done", "drawn"), [(0, "." * 20), (4, "#" * 10 + "." * 10), (8, "#" * 20)])
def test_a_bar_fills_with_what_is_done(done: int, drawn: str) -> None:
    stream = Terminal()
    Progress(stream).bar(done, 8, (OUTCOME, "did"))
    assert f"[{drawn}] {done} of 8" in stream.getvalue()


def test_a_bar_is_written_over_the_one_before_and_gone_at_the_end() -> None:
    stream = Terminal()
    progress = Progress(stream)
    with progress:
        progress.bar(0, 2, (OUTCOME, "ancova"))
        progress.bar(1, 2, (OUTCOME, "did"))
    progress.say("Writing out ...")
    *bars, last = stream.getvalue().split(CLEARED)[1:]
    assert [bar.split()[-1] for bar in bars] == ["ancova", "did"]
    assert last == "Writing out ...\n"
    assert "\n" not in "".join(bars)


def test_a_bar_is_gone_after_a_fault_too() -> None:
    stream = Terminal()
    progress = Progress(stream)
    with pytest.raises(ZeroDivisionError), progress:
        progress.bar(0, 0, (OUTCOME, "ancova"))
    assert stream.getvalue().endswith(CLEARED)


def test_a_bar_never_runs_into_the_next_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    stream = Terminal()
    Progress(stream).bar(1, 2, (OUTCOME, "doubly-robust-did"))
    assert len(stream.getvalue().removeprefix(CLEARED)) == 39


def test_there_is_no_bar_where_nobody_looks() -> None:
    stream = io.StringIO()
    progress = Progress(stream)
    with progress:
        progress.bar(1, 2, (OUTCOME, "ancova"))
    assert stream.getvalue() == ""


def test_quiet_says_nothing_at_all() -> None:
    stream = Terminal()
    progress = Progress(stream, quiet=True)
    with progress:
        progress.say("Reading bundle ...")
        progress.bar(1, 2, (OUTCOME, "ancova"))
    assert stream.getvalue() == ""
