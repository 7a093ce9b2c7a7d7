"""The command behind docs/validation.md runs, and its page says what the command finds."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.benchmarks.bench_validation import (
    DIPS,
    KINDS,
    METHODS,
    OF_ROLL_OUTS,
    PASSING,
    PERIODS,
    Kind,
    RollOut,
    methods_of,
    roll_out,
    study,
)
from tests.server import ROOT

STUDIES = {name: kind for name, kind in KINDS.items() if isinstance(kind, Kind)}
ROLL_OUTS = {name: kind for name, kind in KINDS.items() if isinstance(kind, RollOut)}


def run(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", ROOT / "tests" / "benchmarks" / "bench_validation.py", *words]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, env=os.environ | {"PYTHONPATH": str(ROOT)}
    )


@pytest.mark.parametrize(("name", "methods"), [("6-sites", METHODS), ("roll-out-6", OF_ROLL_OUTS)])
def test_a_few_studies_of_a_kind_give_a_line_for_each_method_and_a_page(
    name: str, methods: dict[str, object], tmp_path: Path
) -> None:
    done = run("--studies", "3", "--only", name, "--jobs", "1", "--write", str(tmp_path / "page.md"))
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()[1:]
    assert [line.split()[:2] for line in lines] == [[name, method] for method in methods]
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
    assert set(found) == {(kind, method) for kind in KINDS for method in methods_of(kind)}
    for (kind, _), (covered, alarms) in found.items():
        if kind != "dip-one":
            assert 92.5 <= covered <= 99.5
            assert alarms is None or alarms <= 7
    assert all(found["dip-one", method][1] > 50 for method in METHODS), "no calculation helps there"


@pytest.mark.parametrize("name", STUDIES)
def test_a_study_is_what_its_kind_says(name: str) -> None:
    kind = STUDIES[name]
    rows = study(kind, 1)
    assert rows["site"].nunique() == kind.sites
    assert (rows.groupby("site")["arm"].nunique() == 1).all()
    lost = [float(rows.loc[rows["arm"] == arm, "score"].isna().mean()) for arm in (1, 0)]
    assert lost == pytest.approx(kind.lost, abs=0.08)
    assert rows.equals(study(kind, 1))
    assert not rows.equals(study(kind, 2))


@pytest.mark.parametrize("name", DIPS)
def test_a_dip_lies_at_the_baseline_unless_there_is_a_second_one(name: str) -> None:
    kind = STUDIES[name]
    gaps = [
        rows.loc[rows["arm"] == 1, "baseline"].mean() - rows.loc[rows["arm"] == 0, "baseline"].mean()
        for rows in (study(kind, seed) for seed in range(40))
    ]
    usual = np.mean([
        rows.loc[rows["arm"] == 1, "baseline"].mean() - rows.loc[rows["arm"] == 0, "baseline"].mean()
        for rows in (study(STUDIES["nothing"], seed) for seed in range(40))
    ])  # fmt: skip
    expected = 0 if kind.second_baseline else -(kind.dip[0] - kind.dip[1]) * PASSING
    assert np.mean(gaps) - usual == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize("name", ROLL_OUTS)
def test_a_roll_out_is_what_its_kind_says(name: str) -> None:
    kind = ROLL_OUTS[name]
    rows = roll_out(kind, 1)
    start = rows.groupby("site")["start"].first()
    assert set(start.value_counts()) == {kind.together}
    assert start.notna().sum() == start.isna().sum() == 12
    assert start.min() == 4
    assert start.max() < PERIODS
    assert (rows.groupby("site")["period"].count() == PERIODS).all()
    assert rows.equals(roll_out(kind, 1))
    assert not rows.equals(roll_out(kind, 2))


@pytest.mark.parametrize("kind", [*ROLL_OUTS.values(), RollOut("a lower rate once a site has started", 2, 0.85)])
def test_what_a_roll_out_does_begins_with_its_start(kind: RollOut) -> None:
    """As the geometric mean over many draws, of what sites that have started and those that never do change by."""
    changed = []
    for seed in range(60):
        rows = roll_out(kind, seed)
        level, first = np.log(rows["count"]), rows["start"] == 4
        own, never = ([level[of & (rows["period"] >= 4 if on else rows["period"] < 4)].mean() for on in (True, False)]
                      for of in (first, rows["start"].isna()))  # fmt: skip
        changed.append(own[0] - own[1] - (never[0] - never[1]))
    assert np.mean(changed) == pytest.approx(np.log(kind.effect), abs=0.07)


def test_a_ratio_misses_by_its_logarithm_and_a_difference_by_itself() -> None:
    assert RollOut("", 1, 0.5).off(1.0) == pytest.approx(np.log(2))
    assert Kind("", effect=0.5).off(1.0) == 0.5
