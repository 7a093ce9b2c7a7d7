"""Whether the default methods keep their promises: bias, coverage and false alarms on simulated studies.

./kit bench validation                        1,000 studies of each kind, by the methods of every report
./kit bench validation --studies 200 --only dip
./kit bench validation --write docs/validation.md

Each study has people in sites, arms that differ in who comes, an outcome that depends on covariates, sites and people,
and a true effect that is known. An estimate's interval should hold it 95 times of 100; where there is no effect, 5
studies of 100 should say there is one. The Monte-Carlo error stands beside each share.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from math import log, sqrt
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd

from analysis.estimators.ancova import ancova
from analysis.estimators.did import did
from analysis.estimators.mixed_model import random_intercept
from analysis.estimators.roll_out import callaway_santanna, sun_abraham
from analysis.result import Fitted
from instruments.plan import Covariate

SEED = 20260101
EFFECT, PEOPLE_A_SITE = 0.03, 50
PASSING, LASTING, OF_SITE, OF_PERIOD = 0.10, 0.15, 0.03, 0.012
STARTING, NEVER, PERIODS, EVENTS, OF_SITE_PERIOD = 12, 12, 18, 60, 0.15
COVARIATES = (Covariate("age", "number"), Covariate("ltc", "number"))


@dataclass(frozen=True)
class Kind:
    """A kind of study: what is true of it."""

    says: str
    sites: int = 24
    effect: float = 0.0
    unequal: float = 0.45
    dip: tuple[float, float] = (0.0, 0.0)
    """How many times the passing spread (intervention, comparison) arm lies low when people are picked."""
    second_baseline: bool = False
    lost: tuple[float, float] = (0.1, 0.1)
    curved: float = 0.0
    nothing: ClassVar[float] = 0.0

    def off(self, estimate: float) -> float:
        """By how much an estimate misses the truth."""
        return estimate - self.effect


@dataclass(frozen=True)
class RollOut:
    """A roll-out to half of the sites, whose counts are seen in 18 periods: how many start together, and what it does."""

    says: str
    together: int
    effect: float = 1.0
    """Ratio of the rates."""
    nothing: ClassVar[float] = 1.0

    def off(self, estimate: float) -> float:
        """By how much the logarithm of an estimate misses the truth's."""
        return log(estimate / self.effect)


KINDS: Mapping[str, Kind | RollOut] = {
    "nothing": Kind("no effect, 24 sites"),
    "effect": Kind("an effect of 0.03, 24 sites", effect=EFFECT),
    "12-sites": Kind("no effect, 12 sites", sites=12),
    "8-sites": Kind("no effect, 8 sites", sites=8),
    "6-sites": Kind("no effect, 6 sites", sites=6),
    "unequal": Kind("no effect, 24 very unequal sites", unequal=1.2),
    "dip-both": Kind("no effect, both arms picked at a low moment", dip=(1.0, 1.0)),
    "dip-one": Kind("no effect, one arm picked at a low moment, one baseline", dip=(1.0, 0.0)),
    "dip-screened": Kind("the same, and a second baseline after the screening", dip=(1.0, 0.0), second_baseline=True),
    "lost": Kind("an effect of 0.03, twice as many lost in one arm, the worse off first", effect=EFFECT, lost=(0.4, 0.2)),
    "curved": Kind("an effect of 0.03, and the model is wrong about a covariate", effect=EFFECT, curved=0.01),
    "roll-out-1": RollOut("no effect, a roll-out to 12 of 24 sites, which start one by one", 1),
    "roll-out-2": RollOut("the same, in pairs", 2),
    "roll-out-6": RollOut("the same, six at a time", 6),
}  # fmt: skip
DIPS = tuple(name for name in KINDS if name.startswith("dip"))
METHODS: Mapping[str, Callable[[pd.DataFrame], Fitted]] = {
    "ancova": lambda wide: ancova(wide, covariates=COVARIATES),
    "did": lambda wide: did(long(wide), covariates=COVARIATES),
    "random-intercept": lambda wide: random_intercept(wide, covariates=COVARIATES),
}
OF_ROLL_OUTS: Mapping[str, Callable[[pd.DataFrame], Fitted]] = {
    "callaway-santanna": callaway_santanna,
    "sun-abraham": sun_abraham,
}


def study(kind: Kind, seed: int) -> pd.DataFrame:
    """One row a person, as a cohort gives them."""
    dice = np.random.default_rng(seed)
    arm_of = np.repeat([1, 0], kind.sites // 2)
    share = np.exp(dice.normal(0, kind.unequal, kind.sites))
    sizes = np.maximum(8, np.round(share / share.sum() * PEOPLE_A_SITE * kind.sites)).astype(int)
    site = np.repeat(np.arange(kind.sites), sizes)
    arm, n = arm_of[site], len(site)
    age = dice.normal(62 + 3 * arm, 12)
    ltc = dice.poisson(2 + 0.4 * arm)
    lasting = dice.normal(0, LASTING, n) + dice.normal(0, OF_SITE, kind.sites)[site]
    level = 0.66 - 0.002 * (age - 62) - 0.04 * (ltc - 2) - kind.curved * (ltc - 2) ** 2 + lasting

    def measured(low: np.ndarray, gain: np.ndarray) -> np.ndarray:
        period = dice.normal(0, OF_PERIOD, kind.sites)[site]
        return np.asarray(level + period + gain + dice.normal(0, PASSING, n) - low)

    low = PASSING * np.where(arm == 1, *kind.dip)
    nothing = np.zeros(n)
    screened = measured(low, nothing)
    baseline = measured(nothing, nothing) if kind.second_baseline else screened
    score = measured(nothing, 0.01 + kind.effect * arm)
    worse_first = 0.5 * np.tanh((level - level.mean()) / LASTING)
    lost = dice.random(n) < np.where(arm == 1, *kind.lost) * (1 - worse_first)
    columns = {"arm": arm, "site": site, "baseline": baseline, "score": np.where(lost, np.nan, score)}
    return pd.DataFrame({**columns, "age": age, "ltc": ltc.astype(float)})


def long(wide: pd.DataFrame) -> pd.DataFrame:
    """One row a person and timepoint."""
    common = wide.drop(columns=["baseline", "score"]).assign(person=np.arange(len(wide)))
    parts = [common.assign(timepoint=place, score=wide[name]) for place, name in enumerate(("baseline", "score"))]
    return pd.concat(parts).dropna(subset=["score"])


def roll_out(kind: RollOut, seed: int) -> pd.DataFrame:
    """One row a site and period: half of a period's shock lasts to the next, and counts vary as Poisson beside."""
    dice = np.random.default_rng(seed)
    sites, period = STARTING + NEVER, np.arange(1, PERIODS + 1)
    start = np.full(sites, np.nan)
    start[:STARTING] = 4 + kind.together * (np.arange(STARTING) // kind.together)
    shocks = [dice.normal(size=sites)]
    for _ in period[1:]:
        shocks.append(0.5 * shocks[-1] + sqrt(0.75) * dice.normal(size=sites))
    level = np.log(EVENTS) + dice.normal(0, 0.3, (sites, 1)) + OF_SITE_PERIOD * np.stack(shocks, axis=1)
    on = period >= start[:, None]
    count = dice.poisson(np.exp(level) * np.where(on, kind.effect, 1.0)).astype(float)
    laid = {"site": np.repeat(np.arange(sites), PERIODS), "period": np.tile(period, sites)}
    return pd.DataFrame({**laid, "start": np.repeat(start, PERIODS), "count": count.ravel(), "years": 100.0})


@dataclass(frozen=True)
class Held:
    """What a method made of many studies of one kind."""

    kind: str
    method: str
    bias: float
    bias_error: float
    covered: float
    alarms: float
    studies: int

    def error(self, share: float) -> float:
        """Monte-Carlo error of a share."""
        return sqrt(share * (1 - share) / self.studies)


def within(low: float | None, value: float, high: float | None) -> bool:
    """Whether there is an interval, and it holds a value."""
    return low is not None and high is not None and low <= value <= high


def methods_of(name: str) -> Mapping[str, Callable[[pd.DataFrame], Fitted]]:
    """What studies of a kind are estimated by."""
    return OF_ROLL_OUTS if isinstance(KINDS[name], RollOut) else METHODS


def estimates(name: str, seed: int) -> list[tuple[float, bool, bool]]:
    """By method: the error of the estimate, whether its interval holds the truth, and whether p is below 0.05."""
    kind = KINDS[name]
    rows = roll_out(kind, seed) if isinstance(kind, RollOut) else study(kind, seed)
    found = []
    for method in methods_of(name).values():
        main = method(rows).main
        low, high = main.conf_low, main.conf_high
        holds = within(low, kind.effect, high)
        # with fewer than four sites in an arm no p is given: the interval says the same
        alarm = main.p_value < 0.05 if main.p_value is not None else not within(low, kind.nothing, high)
        found.append((kind.off(main.estimate), holds, bool(alarm)))
    return found


def tried(name: str, studies: int, jobs: int) -> Iterator[Held]:
    seeds = [SEED + 1_000_003 * place for place in range(studies)]
    if jobs == 1:
        made = [estimates(name, seed) for seed in seeds]
    else:
        with ProcessPoolExecutor(jobs) as pool:
            made = list(pool.map(partial(estimates, name), seeds, chunksize=20))
    for method, each in zip(methods_of(name), zip(*made, strict=True), strict=True):
        off, holds, alarms = (np.array(column, dtype=float) for column in zip(*each, strict=True))
        yield Held(name, method, off.mean(), off.std() / sqrt(studies), holds.mean(), alarms.mean(), studies)


def line(held: Held) -> str:
    kind = KINDS[held.kind]
    null = kind.effect == kind.nothing
    said = f"{100 * held.alarms:5.1f} % (± {100 * held.error(held.alarms):.1f})" if null else "      –"
    return (
        f"{held.kind:<13} {held.method:<17} {held.bias:+.4f} (± {held.bias_error:.4f})   "
        f"{100 * held.covered:5.1f} % (± {100 * held.error(held.covered):.1f})   {said}"
    )


HEAD = f"{'kind':<13} {'method':<17} {'bias':<19} {'interval holds truth':<18} {'false alarms'}"


def page(held: list[Held], studies: int) -> str:
    """The results as a page of the docs."""
    kinds = "\n".join(f"- `{name}`: {kind.says}" for name, kind in KINDS.items())
    table = "\n".join([HEAD, *map(line, held)])
    return (
        "# Do the methods keep their promises?\n\n"
        f"{studies:,} simulated studies of each kind, {datetime.now(UTC):%-d %B %Y}, by `./kit bench validation`; "
        "the generator stands in `tests/benchmarks/bench_validation.py`.\n\n"
        f"{kinds}\n\n```\n{table}\n```\n\n{MEANING}\n"
    )


MEANING = """An interval at 95 % should hold the truth in 93 to 97 of 100 studies, and where there is no effect no more than 7 of 100
should say that there is one. That holds wherever both arms come at the same kind of moment and nobody is lost for what
the data do not show. With few sites the mixed model is careful rather than bold: its intervals are too wide.

**Where people are lost for how they are** (`lost`: twice as many in one arm, the worse off first, by a level that the
baseline shows only in part), `ancova` and the mixed model are off by a fifth of the effect and their intervals hold it
a little too seldom; `did`, which takes each person's own level out, is not. That is why reports show both.

**Where no calculation helps.** When one arm alone is picked at a low moment (`dip-one`), every method from one baseline
takes the way back for an effect, in every one of these studies. The report says how large a difference such a low would make. With a
second baseline after the screening (`dip-screened`) the promise holds again. `did` and `ancova` part ways where arms
differ in what fades: read them as a bracket.

**Roll-outs.** The bias is that of the ratio's logarithm. Sites that start alone or in pairs are judged by how all sites
vary, since two cannot tell how much they do; that holds here, where sites vary alike."""


def main() -> int:
    """Simulate and print a line for each kind of study and method."""
    parser = argparse.ArgumentParser(
        "./kit bench validation", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--studies", type=int, default=1000)
    parser.add_argument("--only", default="", help="kinds whose name begins so")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--write", type=Path, help="put the results into this file too")
    chosen = parser.parse_args()
    print(HEAD)
    held: list[Held] = []
    for name in [name for name in KINDS if name.startswith(chosen.only)]:
        for each in tried(name, chosen.studies, chosen.jobs):
            held.append(each)
            print(line(each), flush=True)
    if chosen.write:
        chosen.write.write_text(page(held, chosen.studies), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
