"""The command behind the claims about the analysis' speed runs, can fail, and times what it says it times."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.estimators.ancova import ancova
from analysis.estimators.did import did
from instruments.plan import Covariate
from tests.benchmarks import beside_r
from tests.benchmarks.bench_analysis import (
    NO_R,
    READ,
    SITES,
    WORKS,
    Bench,
    growth,
    peak_memory,
    read,
    streamed,
    visits,
    with_gaps,
    write_rows,
)
from tests.benchmarks.beside_r import LACKS, LM, LME4, PEERS
from tests.server import ROOT


def run(*words: str, path: str = "/usr/bin:/bin") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", ROOT / "tests" / "benchmarks" / "bench_analysis.py", *words]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, env=os.environ | {"PYTHONPATH": str(ROOT), "PATH": path}
    )


@pytest.fixture
def rscript(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Something that is called Rscript and does what a test writes into it."""
    program = tmp_path / "bin" / "Rscript"
    program.parent.mkdir()
    program.touch(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    return program


# ---------------------------------------------------------------------------- the whole command


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> subprocess.CompletedProcess[str]:
    return run("--quick", "--limit", "0", path=str(tmp_path_factory.mktemp("nothing")))


def test_a_limit_that_nothing_meets_fails_and_without_one_nothing_does(
    quick: subprocess.CompletedProcess[str],
) -> None:
    assert quick.returncode == 1, quick.stderr
    assert "report, seconds (at most 0): " in quick.stdout
    (missed,) = [line for line in quick.stdout.splitlines() if "report, seconds" in line]
    assert missed.endswith(" s: missed")


def test_every_work_has_its_line_for_each_size(quick: subprocess.CompletedProcess[str]) -> None:
    timed = re.findall(r"^(\S.*?)  +([\d,]+) (?:rows|people) +\d+\.\d{3} s", quick.stdout, re.MULTILINE)
    names = [name for name, _ in timed]
    for work in WORKS:
        assert names.count(work.name) == len(work.sizes), work.name
    assert names.count("ancova, CR2, from Parquet") == names.count("did, CR2, from Parquet") == 3
    assert names[-1] == "analysis compare, 20 imputations"
    assert names.count("2,000 resamples of sites, adjusted") == 1


def test_memory_and_growth_have_their_bars(quick: subprocess.CompletedProcess[str]) -> None:
    for method in ("ancova", "did"):
        assert re.search(rf"{method}, MB \(at most 500\): \d+(\.\d+)? MB .*: reached", quick.stdout)
        assert re.search(rf"{method}, work grows by rows to the power of \(at most 1.1\): -?[\d.e-]+", quick.stdout)


def test_without_r_nothing_is_set_against_it(quick: subprocess.CompletedProcess[str]) -> None:
    assert quick.stdout.splitlines()[0] == NO_R
    assert "times as long" not in quick.stdout
    said, _, quoted = quick.stdout.partition("Measured elsewhere")
    for peer in PEERS:
        assert f"R, {peer.packages}" not in said
        assert (f"R, {peer.packages}: {peer.elsewhere}" in quoted) is bool(peer.elsewhere)


def test_help_says_what_it_does() -> None:
    done = run("--help")
    assert done.returncode == 0
    assert "./kit bench analysis --limit 60" in done.stdout


# ---------------------------------------------------------------------------- beside R


def test_r_s_time_stands_beside_ours_as_a_ratio(
    rscript: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rscript.write_text('#!/bin/sh\ncat "$1" >"$0.script"\ncat "$2" >"$0.rows"\necho "$3 $4"\nprintf 3.0\n')
    rows = pd.DataFrame({"score": [1.5, 2.5], "site": [2, 3]})
    bench = Bench(tmp_path, quick=True)
    bench.beside((LM,), lambda: rows, 2, 1.5)
    assert capsys.readouterr().out.strip() == "R, sandwich: 3.000 s, 2.0 times as long"
    assert LM.call in Path(f"{rscript}.script").read_text(encoding="utf-8")
    assert np.fromfile(f"{rscript}.rows").tolist() == [1.5, 2.5, 2, 3]
    assert not bench.missed


@pytest.mark.parametrize(("ours", "verdict", "missed"), [(0.6, "5 times: reached", 0), (0.7, "4.286 times: missed", 1)])
def test_the_project_s_own_bar_is_held_to(
    ours: float, verdict: str, missed: int, rscript: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rscript.write_text("#!/bin/sh\nprintf 3.0\n")
    bench = Bench(tmp_path, quick=True)
    bench.beside((LME4,), lambda: pd.DataFrame({"score": [1.5]}), 100_000, ours)
    assert capsys.readouterr().out.strip() == f"R, lme4: 3.000 s, as long (at least 5 times): {verdict}"
    assert len(bench.missed) == missed


def test_below_its_rows_a_bar_is_not_held_and_above_them_r_is_spared(
    rscript: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rscript.write_text("#!/bin/sh\nprintf 3.0\n")
    peer, bench = replace(LME4, bar_from=10, most=100), Bench(tmp_path, quick=True)
    for size in (9, 10, 101):
        bench.beside((peer,), lambda: pd.DataFrame({"score": [1.5]}), size, 3.0)
    assert capsys.readouterr().out.splitlines() == [
        " " * 37 + "R, lme4: 3.000 s, 1.0 times as long",
        " " * 37 + "R, lme4: 3.000 s, as long (at least 5 times): 1 times: missed",
    ]


def test_a_package_that_r_lacks_is_named(rscript: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rscript.write_text(f"#!/bin/sh\nexit {LACKS}\n")
    bench = Bench(tmp_path, quick=True)
    bench.beside((LME4,), lambda: pd.DataFrame({"score": [1.5]}), 1, 1.5)
    assert capsys.readouterr().out.strip() == "R, lme4: the package is not installed"
    assert not bench.missed


def test_what_goes_wrong_in_r_is_said(rscript: Path, tmp_path: Path) -> None:
    rscript.write_text("#!/bin/sh\necho 'Error: no such column' >&2\nexit 1\n")
    assert beside_r.seconds(LME4, pd.DataFrame({"score": [1.5]}), tmp_path) == "failed: Error: no such column"


def test_the_bars_beside_r_are_those_promised() -> None:
    held = {peer.packages: peer.least for work in WORKS for peer in work.peers if peer.least}
    assert held == {"fixest": 3.0, "lme4": 5.0, "survival": 5.0, "mice": 5.0, "nlme": 5.0}
    assert all(reading.peers[0].packages == "fixest" for reading in READ.values())


# ---------------------------------------------------------------------------- what is timed


def test_ancova_from_parquet_is_the_ancova_of_the_same_rows(tmp_path: Path) -> None:
    write_rows(tmp_path / "rows.parquet", "ancova", 4_500)
    main = ancova(read(tmp_path / "rows.parquet"), covariates=(Covariate("age", "number"),)).main
    found = streamed("ancova", tmp_path / "rows.parquet")
    assert found == pytest.approx([main.estimate, main.std_error, main.df], rel=1e-8)


def test_did_from_parquet_is_the_did_of_the_same_rows(tmp_path: Path) -> None:
    write_rows(tmp_path / "rows.parquet", "did", 5_000)
    rows = read(tmp_path / "rows.parquet").rename(columns={"after": "timepoint"})
    assert (len(rows), rows["person"].nunique(), rows["site"].nunique()) == (5_000, 2_500, SITES)
    main = did(rows, covariates=()).main
    found = streamed("did", tmp_path / "rows.parquet")
    assert found == pytest.approx([main.estimate, main.std_error, main.df], rel=1e-8)


def test_people_with_gaps_lack_a_quarter_of_later_scores_and_have_24_sites() -> None:
    rows = with_gaps(1_200)
    assert rows[["score3", "score6", "score"]].isna().mean().to_numpy() == pytest.approx(0.25, abs=0.05)
    assert rows["baseline"].notna().all()
    assert rows["site"].nunique() == 24


def test_visits_are_four_a_person_but_those_missed() -> None:
    rows = visits(600)
    assert rows["person"].nunique() > 595
    assert len(rows) == pytest.approx(0.8 * 4 * 600, rel=0.05)
    assert (rows.groupby("site")["arm"].nunique() == 1).all()


@pytest.mark.parametrize(("worked", "missed"), [({10: 1.0, 100: 2.0, 1_000: 20.0}, 0), ({10: 1.0, 100: 20.0}, 1)])
def test_growth_is_the_slope_between_the_two_largest(worked: dict[int, float], missed: int, tmp_path: Path) -> None:
    bench = Bench(tmp_path, quick=True)
    growth(bench, "work", worked)
    assert len(bench.missed) == missed


def test_memory_is_that_of_this_process() -> None:
    before = peak_memory()
    held = np.ones(40_000_000)
    assert peak_memory() - before > 200 or before > 600
    assert held.nbytes == 320_000_000
