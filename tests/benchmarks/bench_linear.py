"""How fast linear models from sums are: a random intercept, repeated scores, differences, and 2,000 resamples of sites.

./kit bench linear                    prints seconds, and how they compare with the plain way of doing it
./kit bench linear --rows 100000
./kit bench linear --bar 25           fails if resampling is not 25 times as fast as least squares on arrays in a loop
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable

import numpy as np
import pandas as pd

from analysis.estimators.ancova import ancova
from analysis.estimators.did import did
from analysis.estimators.mixed_model import mixed_model, random_intercept
from analysis.estimators.mmrm import mmrm
from analysis.moments import Array, from_rows
from analysis.small_sample import cluster_bootstrap, drawn_counts
from instruments.plan import Covariate

SEED, SITES, REPLICATES, LOOPED, PEOPLE = 20260101, 200, 2_000, 100, 818
TERMS = ("(Intercept)", "arm", "baseline", "age", "sex", "a", "b", "c", "d", "e")
COVARIATES = tuple(Covariate(name, "number") for name in TERMS[3:])


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


def resampling() -> tuple[float, float, float]:
    """Seconds for 2,000 resamples of 24 sites with 818 people: from sums; by least squares on arrays in a loop; and by
    fitting the method to the drawn people's table in a loop, as one does who has a library and no sums.
    """
    dice = np.random.default_rng(SEED)
    site = np.sort(dice.integers(0, 24, PEOPLE))
    X = np.column_stack([np.ones(PEOPLE), site < 12, dice.normal(size=(PEOPLE, 8))])
    y = dice.normal(size=PEOPLE)
    counts = drawn_counts(24, REPLICATES, seed=SEED, strata=np.arange(24) < 12)
    rows = [np.flatnonzero(site == each) for each in range(24)]
    people = pd.DataFrame(X[:, 1:], columns=TERMS[1:]).assign(score=y, site=site)

    def drawn(count: Array) -> Array:
        return np.concatenate([rows[each] for each in np.repeat(np.arange(24), count)])

    def refit(count: Array) -> Array:
        who = drawn(count)
        return np.asarray(np.linalg.lstsq(X[who], y[who], rcond=None)[0])

    def fit_again(count: Array) -> float:
        return float(ancova(people.iloc[drawn(count)], covariates=COVARIATES, errors="classical").main.estimate)

    def looped(fit: Callable[[Array], object]) -> float:
        return seconds(lambda: [fit(count) for count in counts[:LOOPED]]) * REPLICATES / LOOPED

    from_sums = seconds(lambda: cluster_bootstrap(from_rows(X, y, site, TERMS), counts))
    return from_sums, looped(refit), looped(fit_again)


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
    ours, loop, refits = resampling()
    faster = f"{loop / ours:.0f} times as fast as a loop over arrays, {refits / ours:,.0f} times as one of refits"
    print(f"{'resampling sites':<28} {REPLICATES:,} times  {ours:.3f} s  {faster}")
    return int(chosen.bar is not None and loop / ours < chosen.bar)


if __name__ == "__main__":
    sys.exit(main())
