"""How long R takes for the same rows, where R is there: its own packages and its own clock, in the same run.

Reading the rows is not in R's seconds, though it is in ours where they come from a file.
"""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

LACKS = 9
"""How R ends where it lacks a package."""
PATIENCE = 20
"""Seconds after which no further run is asked for; the best of three otherwise."""
PROGRAM = f"""
asked <- commandArgs(TRUE)
d <- readBin(asked[1], "double", file.size(asked[1]) / 8)
d <- as.data.frame(matrix(d, ncol = length(asked) - 1, dimnames = list(NULL, asked[-1])))
best <- Inf
begun <- proc.time()[["elapsed"]]
for (run in 1:3) {{
  best <- min(best, system.time(work(d))[["elapsed"]])
  if (proc.time()[["elapsed"]] - begun > {PATIENCE}) break
}}
cat(best)
"""


@dataclass(frozen=True)
class Peer:
    """How R does the same: its packages, and the call on a data frame `d`.

    `least` is how many times as long as ours it takes by the project's own bar, held from `bar_from` rows on; above `most`
    rows it is not asked, since it would take minutes. `elsewhere` is what was measured of it on another machine.
    """

    packages: str
    call: str
    least: float | None = None
    bar_from: int = 0
    most: int = 10**9
    elsewhere: str = ""


FIXEST = Peer(
    "fixest", "feols(score ~ arm + baseline, d, cluster = ~site)", 3.0, 10_000_000, elsewhere="10^7 rows: 2.9 s, 2.2 GB"
)
FIXEST_WITHIN = Peer("fixest", "feols(score ~ arm:after + after | person, d, cluster = ~site)", 3.0, 10_000_000)
LM = Peer(
    "sandwich", "vcovCL(lm(score ~ arm + baseline, d), cluster = d$site)", elsewhere="lm and vcovCL, 10^7 rows: 28 s"
)
ESTIMATR = Peer("estimatr", 'lm_robust(score ~ arm + baseline, d, clusters = site, se_type = "CR2")', most=100_000)
LME4 = Peer(
    "lme4",
    "lmer(score ~ arm + baseline + (1 | site), d)",
    5.0,
    100_000,
    elsewhere="10^5 rows: 1.1 to 1.6 s; 10^6: 15 s",
)
SURVIVAL = Peer(
    "survival",
    "coxph(Surv(days, event == 1) ~ arm + age, d, cluster = site)",
    5.0,
    100_000,
    elsewhere="10^5 people, errors by site: 24 s",
)
MICE = Peer(
    "mice",
    'mice(d[c("arm", "score", "baseline", "score3", "score6", "age")], m = 20, maxit = 10, method = "norm", '
    "printFlag = FALSE)",
    5.0,
    elsewhere="1,200 people, 20 imputations x 10 iterations: 6.9 s",
)
MMRM = Peer(
    "mmrm",
    "mmrm(score ~ arm * timepoint + us(timepoint | person), transform(d, timepoint = factor(timepoint), "
    "person = factor(person)))",
)
GLS = Peer(
    "nlme",
    "gls(score ~ arm * factor(timepoint), d, correlation = corSymm(form = ~ match(timepoint, c(0, 3, 6, 12)) | person), "
    "weights = varIdent(form = ~ 1 | timepoint))",
    5.0,
)
PEERS = (FIXEST, LM, LME4, SURVIVAL, MICE)


def is_there() -> bool:
    """Whether R can be asked."""
    return shutil.which("Rscript") is not None


def seconds(peer: Peer, rows: pd.DataFrame, folder: Path) -> float | str:
    """R's seconds, or why there are none."""
    path, script = folder / "rows.bin", folder / "peer.R"
    np.ascontiguousarray(rows.to_numpy(dtype=float).T).tofile(path)
    needs = f"if (!suppressMessages(require({peer.packages}, quietly = TRUE))) quit(status = {LACKS})"
    script.write_text(f"{needs}\nwork <- function(d) {peer.call}\n{PROGRAM}", encoding="utf-8")
    words = ["Rscript", str(script), str(path), *rows.columns]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    path.unlink()
    if done.returncode == LACKS:
        return "the package is not installed"
    if done.returncode:
        return f"failed: {done.stderr.strip()[-200:]}"
    return float(done.stdout.split()[-1])
