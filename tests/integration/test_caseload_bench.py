"""The command behind the claim about the caseload's speed runs on both databases, and can fail."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tests.benchmarks.bench_caseload import PACES

TOP = Path(__file__).resolve().parents[2]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, TOP / "tests" / "benchmarks" / "bench_caseload.py", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, cwd=TOP, env={"PYTHONPATH": str(TOP), "PATH": "/usr/bin:/bin"}, check=False
    )  # fmt: skip


def test_a_small_caseload_is_timed_on_both_databases_and_a_limit_that_nothing_meets_fails():
    done = run("--people", "4", "--contacts", "20", "--pages", "16", "--limit", "0")
    assert done.returncode == 1, done.stderr
    lines = done.stdout.splitlines()
    assert lines[::3] == [f"{name}: 4 people, 20 contacts, 8 at once" for name in ("SQLite", "PostgreSQL")]
    times = [re.search(r"  (each .*): half of the pages within \d+ ms, 95 % within \d+ ms", line) for line in lines]
    assert [found and found[1] for found in times] == [None, *PACES.values()] * 2
