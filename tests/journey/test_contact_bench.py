"""A returning link worker logs a contact in three taps and the minutes, and in less than 20 seconds."""

from __future__ import annotations

import os
import re
import subprocess
import sys

from tests.server import ROOT

PROMISED = 20


def test_a_contact_is_logged_in_three_taps_and_in_time_and_a_limit_that_nothing_meets_fails():
    command = [sys.executable, "-P", ROOT / "tests" / "benchmarks" / "bench_contact.py"]
    done = subprocess.run(
        [*command, "--rounds", "3", "--people", "6", "--limit", "0"], capture_output=True, text=True, check=False,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert "3 contacts, 6 people, 390 px: 3 taps and the minutes each" in done.stdout
    middle = re.search(r"with a person's own time: half within ([\d.]+) s", done.stdout)
    assert middle is not None
    assert 3 * 2.45 < float(middle[1]) < PROMISED
