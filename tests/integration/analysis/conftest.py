"""A bundle on disk to be damaged, and the commands run on it as a person would."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from analysis.__main__ import main
from tests.unit.analysis import study

Line = dict[str, str]


@dataclass(frozen=True)
class Ran:
    """How a command ended: exit code, what it printed, what it said on stderr."""

    code: int
    out: str
    err: str


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """The invented study as a bundle."""
    return study.write(tmp_path / "bundle")


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """Runs `analysis` with these arguments."""

    def ran(*arguments: object) -> Ran:
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        printed = capsys.readouterr()
        return Ran(code, printed.out, printed.err)

    return ran


@pytest.fixture
def damaged(bundle: Path) -> Callable[[str], object]:
    """Opens a table of the bundle as lines; what is done to them is written back."""

    @contextmanager
    def lines(table: str) -> Iterator[list[Line]]:
        path = bundle / f"{table}.csv"
        with path.open(newline="", encoding="utf-8") as file:
            found = list(csv.DictReader(file))
        header = list(found[0])
        yield found
        header = [name for name in header if name in found[0]] + [name for name in found[0] if name not in header]
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, header, lineterminator="\n")
            writer.writeheader()
            writer.writerows(found)

    return lines
