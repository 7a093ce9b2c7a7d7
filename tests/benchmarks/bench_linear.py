"""How fast linear models from sums are: a random intercept, repeated scores, differences, and 2,000 resamples of sites.

./kit bench linear                    prints seconds, and how they compare with the plain way of doing it
./kit bench linear --rows 100000
./kit bench linear --bar 25           fails if resampling is not 25 times as fast as refitting the rows in a loop
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable

import numpy as np
import pandas as pd

from analysis.estimators.did import did
from analysis.estimators.mixed_model import mixed_model, random_intercept
from analysis.estimators.mmrm import mmrm
from analysis.moments import Array, from_rows
from analysis.small_sample import cluster_bootstrap, drawn_counts

SEED, SITES, REPLICATES, LOOPED, PEOPLE = 20260101, 200, 2_000, 100, 818
TERMS = ("(Intercept)", "arm", "baseline", "age", "sex", "a", "b", "c", "d", "e")


def seconds(work: Callable[[], object]) -> float:
    """The best of three."""
    times = []
    for _ in range(3):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def wide(rows: int) -> pd.DataFrame:
    dice = np.random.default_rng(SEED)
    site = dice.integers(0, SITES, rows)
    baseline = dice.normal(size=rows)
    score = baseline + dice.normal(size=SITES)[site] + dice.normal(size=rows)
    return pd.DataFrame({"arm": (site < SITES // 2).astype(int), "site": site, "baseline": baseline, "score": score})


def long(rows: int) -> pd.DataFrame:
    """Four timepoints a person, a fifth of them missing."""
    dice = np.random.default_rng(SEED)
    people = rows // 4
    person, timepoint = np.repeat(np.arange(people), 4), np.tile([0, 3, 6, 12], people)
    site = person % SITES
    score = dice.normal(size=people)[person] + dice.normal(size=SITES)[site] + dice.normal(size=4 * people)
    columns = {"person": person, "timepoint": timepoint, "site": site, "arm": (site < SITES // 2).astype(int)}
    return pd.DataFrame({**columns, "score": np.where(dice.random(4 * people) < 0.2, np.nan, score)})


def resampling() -> tuple[float, float]:
    """Seconds for 2,000 resamples of 24 sites with 818 people: from sums, and by fitting the rows in a loop."""
    dice = np.random.default_rng(SEED)
    site = np.sort(dice.integers(0, 24, PEOPLE))
    X = np.column_stack([np.ones(PEOPLE), site < 12, dice.normal(size=(PEOPLE, 8))])
    y = dice.normal(size=PEOPLE)
    counts = drawn_counts(24, REPLICATES, seed=SEED, strata=np.arange(24) < 12)
    rows = [np.flatnonzero(site == each) for each in range(24)]

    def refit(count: Array) -> Array:
        drawn = np.concatenate([rows[each] for each in np.repeat(np.arange(24), count)])
        return np.asarray(np.linalg.lstsq(X[drawn], y[drawn], rcond=None)[0])

    from_sums = seconds(lambda: cluster_bootstrap(from_rows(X, y, site, TERMS), counts))
    return from_sums, seconds(lambda: [refit(count) for count in counts[:LOOPED]]) * REPLICATES / LOOPED


def main() -> int:
    """Time each and print a line."""
    parser = argparse.ArgumentParser("./kit bench linear", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--bar", type=float, help="fail below so many times the speed of the loop")
    chosen = parser.parse_args()
    people, measured = wide(chosen.rows), long(chosen.rows)
    works: dict[str, Callable[[], object]] = {
        "random intercept": lambda: random_intercept(people, covariates=()),
        "differences": lambda: did(measured, covariates=()),
        "site, site x period, person": lambda: mixed_model(measured, covariates=()),
        "any covariance": lambda: mmrm(measured, covariates=(), errors="Kenward-Roger"),
    }
    for name, work in works.items():
        print(f"{name:<28} {chosen.rows:,} rows  {seconds(work):.2f} s")
    ours, loop = resampling()
    print(f"{'resampling sites':<28} {REPLICATES:,} times  {ours:.3f} s  {loop / ours:.0f} times as fast as a loop")
    return int(chosen.bar is not None and loop / ours < chosen.bar)


if __name__ == "__main__":
    sys.exit(main())
