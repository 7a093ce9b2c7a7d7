"""The command behind the claim about scoring speed runs, counts, and can fail."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).parents[2] / "benchmarks" / "bench_instruments.py"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    top = BENCH.parents[2]
    return subprocess.run([sys.executable, BENCH, *arguments], capture_output=True, text=True, cwd=top, env={"PYTHONPATH": str(top)})  # fmt: skip


@pytest.fixture(scope="module")
def printed() -> list[str]:
    return run("--rows", "300").stdout.splitlines()


@pytest.mark.parametrize("instrument", ["phq9", "eq5d-5l"])
def test_each_instrument_is_timed_against_a_bare_loop(printed: list[str], instrument: str) -> None:
    (line,) = [line for line in printed if line.startswith(instrument)]
    assert "300 forms" in line
    assert "times a bare loop" in line


def test_too_slow_is_a_failure() -> None:
    assert run("--rows", "300", "--limit", "0").returncode == 1
    assert run("--rows", "300", "--limit", "60").returncode == 0
