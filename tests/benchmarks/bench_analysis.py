"""How fast the analysis is, and how much memory ten million rows take, in one run and beside R where R is there.

./kit bench analysis                   all of it, about five minutes; beside R about ten
./kit bench analysis --quick           small sizes, to see that it works
./kit bench analysis --limit 60        fails if the report on 1,200 people takes longer, or another bar is missed

Ten million rows are read from Parquet by DuckDB and leave one table of cross-products per site. R's times are those of
this run, of the call alone: rows from a file are in its memory already. Without Rscript on the PATH nothing is compared,
and what was measured elsewhere is only quoted. Debian has R and most of its packages:

apt-get install r-base-core r-cran-lme4 r-cran-survival r-cran-mice r-cran-nlme r-cran-sandwich r-cran-estimatr
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

from analysis.__main__ import ONE_THREAD
from analysis.estimators.ancova import ancova
from analysis.estimators.cox import cox
from analysis.estimators.did import did
from analysis.estimators.imputed import completed
from analysis.estimators.mixed_model import random_intercept
from analysis.estimators.mmrm import mmrm
from analysis.moments import Array, cluster_robust, least_squares
from analysis.parquet import from_parquet
from instruments.plan import Covariate
from tests.benchmarks import beside_r
from tests.benchmarks.bench_linear import long, resampling, wide
from tests.benchmarks.beside_r import ESTIMATR, FIXEST, FIXEST_WITHIN, GLS, LM, LME4, MICE, MMRM, PEERS, SURVIVAL, Peer
from tests.unit.analysis import study

SEED, SITES = 20260101, 200
ROWS, QUICK_ROWS = (100_000, 1_000_000, 10_000_000), (2_000, 20_000, 200_000)
RAW = argparse.RawDescriptionHelpFormatter
MEMORY, GROWTH = 500.0, 1.1
BOOTSTRAP = {"a loop over arrays": 25.0, "a loop of refits": 1_000.0}
NO_R = "Rscript is not on the PATH: nothing of this run is compared with R."
ELSEWHERE = (
    "Measured elsewhere, on another machine's two cores in November 2026 (methods notes of the project, section 8), and "
    "not to be set against the seconds above:"
)


@dataclass
class Bench:
    """What was measured, and which bars were missed."""

    folder: Path
    quick: bool
    missed: list[str] = field(default_factory=list)

    def line(self, name: str, size: str, took: float, more: str = "") -> None:
        print(f"{name:<36} {size:<26} {took:8.3f} s  {more}".rstrip(), flush=True)

    def bar(self, name: str, value: float, holds: bool, unit: str) -> None:
        """Say whether a bar was reached."""
        print(f"{'':<36} {name}: {value:.4g} {unit}: {'reached' if holds else 'missed'}", flush=True)
        if not holds:
            self.missed.append(name)

    def beside(self, peers: tuple[Peer, ...], rows: Callable[[], pd.DataFrame], size: int, ours: float) -> None:
        """R's time for the same rows, and how many times as long it is; or plainly why there is none."""
        for peer in peers if beside_r.is_there() else ():
            if size > peer.most:
                continue
            found = beside_r.seconds(peer, rows(), self.folder)
            if isinstance(found, str):
                print(f"{'':<36} R, {peer.packages}: {found}", flush=True)
            elif peer.least is None or size < peer.bar_from:
                print(f"{'':<36} R, {peer.packages}: {found:.3f} s, {found / ours:.1f} times as long", flush=True)
            else:
                name = f"R, {peer.packages}: {found:.3f} s, as long (at least {peer.least:g} times)"
                self.bar(name, found / ours, found / ours >= peer.least, "times")


# ---------------------------------------------------------------------------- rows from Parquet


def write_rows(path: Path, method: str, rows: int) -> None:
    """A Parquet file: for `ancova` a row a person, for `did` two, one before and one after."""
    dice = np.random.default_rng(SEED)
    people = rows // len(READ[method].periods)
    person, after = np.repeat(np.arange(people), rows // people), np.tile(READ[method].periods, people)
    site = (person % SITES).astype(np.int16)
    baseline, age, of_site = dice.normal(size=people)[person], dice.normal(size=people)[person], dice.normal(size=SITES)
    score = baseline + of_site[site] + dice.normal(size=rows)
    frame = pd.DataFrame({"person": person, "site": site, "arm": (site < SITES // 2).astype(float), "after": after,
                          "baseline": baseline, "age": age, "score": score})  # fmt: skip
    with duckdb.connect() as database:
        database.register("made", frame)
        database.execute(f"COPY made TO '{path}' (FORMAT parquet)")


def read(path: Path) -> pd.DataFrame:
    """All rows of a Parquet file, in their order."""
    with duckdb.connect() as database:
        return database.execute(f"SELECT * FROM '{path}' ORDER BY person, after").df()


@dataclass(frozen=True)
class Reading:
    """What is read of each row, and whose own effects are taken off."""

    terms: dict[str, str]
    peers: tuple[Peer, ...]
    periods: tuple[float, ...] = (1.0,)
    within: str | None = None


READ = {
    "ancova": Reading({"(Intercept)": "1", "arm": "arm", "baseline": "baseline", "age": "age"}, (FIXEST, LM)),
    "did": Reading({"arm:after": "arm * after", "after": "after"}, (FIXEST_WITHIN,), (0.0, 1.0), "person"),
}


def streamed(method: str, path: Path) -> Array:
    """Coefficient and CR2 error of the arm, and degrees of freedom, from rows in a Parquet file."""
    read = READ[method]
    fit = least_squares(from_parquet(path, read.terms, outcome="score", site="site", within=read.within))
    found, place = cluster_robust(fit, "CR2"), next(i for i, term in enumerate(read.terms) if term.startswith("arm"))
    return np.array([fit.beta[place], found.std_error[place], found.df[place]])


def peak_memory() -> float:
    """The most memory that this process ever had, in MB."""
    status = Path("/proc/self/status")
    if status.exists():
        return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM")) / 1024
    import resource  # macOS counts bytes

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def in_a_process_of_its_own(method: str, path: Path) -> dict[str, float]:
    """Seconds and peak memory of a process that does nothing else."""
    words = [sys.executable, "-P", __file__, "--child", method, str(path)]
    return dict(json.loads(subprocess.run(words, capture_output=True, text=True, check=True).stdout))


def child(method: str, path: str) -> None:
    took, worked = timed(lambda: streamed(method, Path(path)))
    print(json.dumps({"seconds": took, "worked": worked, "memory": peak_memory()}))


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """The best of three: seconds by the clock, and of the processor, which others on the machine hardly change."""
    clock, processor = [], []
    for _ in range(3):
        start, begun = time.perf_counter(), time.process_time()
        work()
        clock.append(time.perf_counter() - start)
        processor.append(time.process_time() - begun)
    return min(clock), min(processor)


# ---------------------------------------------------------------------------- what is timed
def growth(bench: Bench, name: str, worked: dict[int, float]) -> None:
    """By how much more than the rows the processor's time grows: the slope on log scales between the largest sizes."""
    few, many = sorted(worked)[-2:]
    exponent = math.log(worked[many] / worked[few]) / math.log(many / few)
    bench.bar(f"{name}, work grows by rows to the power of (at most {GROWTH})", exponent, exponent <= GROWTH, "")


def from_files(bench: Bench, sizes: tuple[int, ...]) -> None:
    for method in READ:
        worked = {}
        for rows in sizes:
            path = bench.folder / f"{method}-{rows}.parquet"
            write_rows(path, method, rows)
            found = in_a_process_of_its_own(method, path)
            worked[rows] = found["worked"]
            bench.line(
                f"{method}, CR2, from Parquet", f"{rows:,} rows", found["seconds"], f"{found['memory']:.0f} MB at most"
            )
            bench.beside(READ[method].peers, lambda: read(path), rows, found["seconds"])  # noqa: B023  (called at once)
            path.unlink()
        name = f"{method}, MB (at most {MEMORY:.0f})"
        bench.bar(name, found["memory"], found["memory"] <= MEMORY, "MB with Python and its packages")
        growth(bench, method, worked)


def events(people: int) -> pd.DataFrame:
    """Days to a first event in whole days, so that many are tied; a third are not seen to have it."""
    dice = np.random.default_rng(SEED)
    site = dice.integers(0, SITES, people)
    age = dice.normal(size=people)
    hazard = np.exp(0.3 * age + dice.normal(0, 0.2, SITES)[site]) / 400
    days = np.ceil(dice.exponential(1 / hazard))
    columns = {"arm": (site < SITES // 2).astype(int), "site": site, "age": age}
    return pd.DataFrame({**columns, "days": np.minimum(days, 365.0), "event": (days <= 365).astype(float)})


def with_gaps(people: int) -> pd.DataFrame:
    """Scores at four timepoints, a quarter of the later ones and some ages missing, in 24 sites."""
    dice = np.random.default_rng(SEED)
    site = dice.integers(0, 24, people)
    lasting = dice.normal(size=people)
    names = ("baseline", "score3", "score6", "score")
    scores = {name: lasting + dice.normal(size=people) for name in names}
    for name in names[1:]:
        scores[name][dice.random(people) < 0.25] = np.nan
    age = np.where(dice.random(people) < 0.05, np.nan, dice.normal(size=people))
    return pd.DataFrame({"arm": (site < 12).astype(int), "site": site, "age": age, **scores})


def visits(people: int) -> pd.DataFrame:
    """The same people, one row a visit, in 24 sites."""
    rows = long(4 * people)
    return rows.assign(site=rows["person"] % 24, arm=(rows["person"] % 24 < 12).astype(int)).dropna()


def imputing(rows: pd.DataFrame) -> object:
    return completed(rows, AGE, auxiliaries=("score3", "score6"), imputations=20, iterations=10, seed=SEED)


@dataclass(frozen=True)
class Work:
    """Something to be timed: on which rows, for how many people or rows, and how R does it."""

    name: str
    unit: str
    rows: Callable[[int], pd.DataFrame]
    does: Callable[[pd.DataFrame], object]
    sizes: tuple[int, ...]
    peers: tuple[Peer, ...] = ()


AGE = (Covariate("age", "number"),)
WORKS = (
    Work("ancova, CR2", "people", wide, lambda rows: ancova(rows, covariates=()), ROWS[:2], (FIXEST, LM, ESTIMATR)),
    Work("did, CR2", "rows", long, lambda rows: did(rows, covariates=()), ROWS[:2]),
    Work("mixed model, random intercept", "people", wide, lambda r: random_intercept(r, covariates=()), ROWS[:2], (LME4,)),
    Work("Cox, CR0 by site", "people", events, lambda r: cox(r, covariates=AGE, errors="CR0"), ROWS[:1], (SURVIVAL,)),
    Work("Cox, CR2 by site", "people", events, lambda r: cox(r, covariates=AGE), ROWS[:1]),
    Work("20 imputations x 10 iterations", "people", with_gaps, imputing, (1_200,), (MICE,)),
    Work("MMRM, Kenward-Roger, 4 visits", "people", visits,
         lambda rows: mmrm(rows, covariates=(), errors="Kenward-Roger"), (1_200,), (MMRM, GLS)),
    Work("MMRM, CR2 by site, 4 visits", "people", visits, lambda rows: mmrm(rows, covariates=()), (1_200,)),
)  # fmt: skip


def in_memory(bench: Bench, work: Work) -> None:
    worked = {}
    for size in (min(size, QUICK_ROWS[place]) if bench.quick else size for place, size in enumerate(work.sizes)):
        rows = work.rows(size)
        took, worked[size] = timed(lambda: work.does(rows))  # noqa: B023  (called before the next)
        bench.line(work.name, f"{size:,} {work.unit}", took)
        bench.beside(work.peers, lambda: rows, size, took)  # noqa: B023  (called at once)
    if len(worked) > 1:
        growth(bench, work.name, worked)


def bootstrap(bench: Bench) -> None:
    ours, *loops = resampling()
    beside = f"a loop over arrays {loops[0]:.2f} s, of refits {loops[1]:.1f} s"
    bench.line("2,000 resamples of sites, adjusted", "818 people", ours, beside)
    for loop, (kind, least) in zip(loops, BOOTSTRAP.items(), strict=True):
        bench.bar(
            f"resamples, times as fast as {kind} (at least {least:,.0f})", loop / ours, loop / ours >= least, "times"
        )


def report(bench: Bench, limit: float) -> None:
    """The whole command, from starting Python to the last figure."""
    people = 160 if bench.quick else 1_200
    study.PEOPLE_PER_SITE = people // len(study.SITES)
    bundle = study.write(bench.folder / "bundle")
    words = [bundle, bundle / "plan.toml", bench.folder / "out", "--quiet"]
    start = time.perf_counter()
    subprocess.run([sys.executable, "-P", "-m", "analysis", "compare", *words], check=True, capture_output=True)
    took = time.perf_counter() - start
    bench.line("analysis compare, 20 imputations", f"{people:,} people", took, "with starting Python")
    bench.bar(f"report, seconds (at most {limit:g})", took, took <= limit, "s")


def main() -> int:
    """Time everything and print a line for each."""
    parser = argparse.ArgumentParser("./kit bench analysis", description=__doc__, formatter_class=RAW)
    parser.add_argument("--quick", action="store_true", help="small sizes")
    parser.add_argument("--limit", type=float, help="fail if the report takes more seconds, or a bar is missed")
    chosen = parser.parse_args()
    if not beside_r.is_there():
        print(NO_R)
    with tempfile.TemporaryDirectory() as name:
        bench = Bench(Path(name), chosen.quick)
        from_files(bench, QUICK_ROWS if chosen.quick else ROWS)
        for work in WORKS:
            in_memory(bench, work)
        bootstrap(bench)
        report(bench, 60.0 if chosen.limit is None else chosen.limit)
    print(ELSEWHERE)
    for peer in PEERS:
        if peer.elsewhere:
            print(f"  R, {peer.packages}: {peer.elsewhere}")
    print("What else this machine does at the time slows all of it; times of one run can be compared, of two not.")
    return int(chosen.limit is not None and bool(bench.missed))


if __name__ == "__main__":
    if not os.environ.keys() >= ONE_THREAD.keys():  # as the command does, before numpy is loaded
        os.execve(sys.executable, [sys.executable, "-P", *sys.argv], ONE_THREAD | os.environ)
    if sys.argv[1:2] == ["--child"]:
        child(*sys.argv[2:])
    else:
        sys.exit(main())
