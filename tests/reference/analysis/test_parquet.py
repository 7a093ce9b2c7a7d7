"""Sums from a Parquet file, held against R.

`01_ancova_eq5d12`: lm with clubSandwich 0.5.8, model eq5d_12 ~ arm + eq5d_0 + age + female + factor(imd) + ltc,
clusters: 24 practices.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest

from analysis.moments import cluster_robust, least_squares
from analysis.parquet import from_parquet

COLUMNS = ["practice", "arm", "eq5d_0", "eq5d_12", "age", "female", "imd", "ltc"]
TERMS = {
    "(Intercept)": "1", "arm": "arm", "eq5d_0": "eq5d_0", "age": "age", "female": "female",
    **{f"imdf{level}": f"CAST(imd = {level} AS INT)" for level in range(2, 6)}, "ltc": "ltc",
}  # fmt: skip


@pytest.mark.parametrize(("method", "errors"), [("ols_CR2_satt", "CR2"), ("ols_CR3_satt", "CR3")])
def test_from_parquet_agrees_with_club_sandwich(
    method: str, errors: str, people: pd.DataFrame, oracle: Callable[[str], Any], tmp_path: Path
) -> None:
    complete = people[COLUMNS].dropna()
    with duckdb.connect() as database:
        database.register("made", complete)
        database.execute(f"COPY made TO '{tmp_path / 'people.parquet'}' (FORMAT parquet)")
    fit = least_squares(from_parquet(tmp_path / "people.parquet", TERMS, outcome="eq5d_12", site="practice"))
    found = cluster_robust(fit, errors)
    expected = {row["term"]: row for row in oracle("01_ancova_eq5d12") if row["method"] == method}
    assert set(expected) <= set(TERMS)
    for place, term in enumerate(TERMS):
        if term in expected:
            row = expected[term]
            ours = (fit.beta[place], found.std_error[place], found.df[place])
            assert ours == pytest.approx((row["estimate"], row["se"], row["df"]), rel=1e-8, abs=1e-8), term
    assert fit.n == 818
