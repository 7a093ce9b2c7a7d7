"""The command behind docs/validation.md runs, and its page says what the command finds."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.benchmarks.bench_validation import DIPS, KINDS, METHODS, PASSING, study
from tests.server import ROOT


def run(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", ROOT / "tests" / "benchmarks" / "bench_validation.py", *words]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, env=os.environ | {"PYTHONPATH": str(ROOT)}
    )


def test_a_few_studies_of_a_kind_give_a_line_for_each_method_and_a_page(tmp_path: Path) -> None:
    done = run("--studies", "3", "--only", "6", "--jobs", "1", "--write", str(tmp_path / "page.md"))
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()[1:]
    assert [line.split()[:2] for line in lines] == [["6-sites", method] for method in METHODS]
    page = (tmp_path / "page.md").read_text(encoding="utf-8")
    assert all(line in page for line in lines)
    assert page.startswith("# Do the methods keep their promises?\n\n3 simulated studies of each kind, ")


def test_the_page_in_the_docs_has_every_kind_by_every_method_and_keeps_the_promise() -> None:
    """1,000 studies a kind; 7 false alarms of 100 at most wherever both arms come at the same kind of moment."""
    page = (ROOT / "docs" / "validation.md").read_text(encoding="utf-8")
    assert "1,000 simulated studies of each kind" in page
    found = {
        (kind, method): (float(covered), float(alarms) if alarms != "–" else None)
        for kind, method, covered, alarms in re.findall(
            r"^(\S+) +(\S+) +[+-][\d.]+ \(± [\d.]+\) +([\d.]+) % \(± [\d.]+\) +(–|[\d.]+)", page, flags=re.MULTILINE
        )
    }
    assert set(found) == {(kind, method) for kind in KINDS for method in METHODS}
    for (kind, _), (covered, alarms) in found.items():
        if kind != "dip-one":
            assert 92.5 <= covered <= 99.5
            assert alarms is None or alarms <= 7
    assert all(found["dip-one", method][1] > 50 for method in METHODS), "no calculation helps there"


@pytest.mark.parametrize("name", KINDS)
def test_a_study_is_what_its_kind_says(name: str) -> None:
    kind = KINDS[name]
    rows = study(kind, 1)
    assert rows["site"].nunique() == kind.sites
    assert (rows.groupby("site")["arm"].nunique() == 1).all()
    lost = [float(rows.loc[rows["arm"] == arm, "score"].isna().mean()) for arm in (1, 0)]
    assert lost == pytest.approx(kind.lost, abs=0.08)
    assert rows.equals(study(kind, 1))
    assert not rows.equals(study(kind, 2))


@pytest.mark.parametrize("name", DIPS)
def test_a_dip_lies_at_the_baseline_unless_there_is_a_second_one(name: str) -> None:
    kind = KINDS[name]
    gaps = [
        rows.loc[rows["arm"] == 1, "baseline"].mean() - rows.loc[rows["arm"] == 0, "baseline"].mean()
        for rows in (study(kind, seed) for seed in range(40))
    ]
    usual = np.mean([
        rows.loc[rows["arm"] == 1, "baseline"].mean() - rows.loc[rows["arm"] == 0, "baseline"].mean()
        for rows in (study(KINDS["nothing"], seed) for seed in range(40))
    ])  # fmt: skip
    expected = 0 if kind.second_baseline else -(kind.dip[0] - kind.dip[1]) * PASSING
    assert np.mean(gaps) - usual == pytest.approx(expected, abs=0.02)
