"""Cross-products per site straight from Parquet files, of which there may be more than memory holds.

DuckDB adds up; what comes back is a table of a few hundred rows, whoever many people it stands for. Everything in
`moments` follows from that table exactly as from rows in memory.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from itertools import combinations_with_replacement
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .moments import Array, Moments
from .result import AnalysisError

MEMORY = "300MB"
"""What DuckDB may keep in memory at once; beyond it, it writes to a temporary folder."""
SETTINGS: dict[str, str | bool | int | float | list[str]] = {"autoinstall_known_extensions": False}
"""It may not fetch what it lacks."""


def from_parquet(
    path: str | Path,
    terms: Mapping[str, str],
    *,
    outcome: str,
    site: str,
    within: str | None = None,
    memory: str = MEMORY,
) -> Moments:
    """Sum the rows of Parquet files into cross-products per site.

    Parameters
    ----------
    path
        A Parquet file, or a pattern such as `scores/*.parquet`.
    terms
        Of each of the p terms, its name and what it is: an expression of DuckDB over the file's columns, such as `1`,
        `arm` or `arm * after`.
    outcome
        The outcome, such an expression too.
    site
        The column that names the site. Sites are put in its order.
    within
        A column of groups within sites, such as people, whose own effects are taken off every term and the outcome
        (a fixed effect of each). Terms that do not change within a group must be left out.
    memory
        What DuckDB may keep in memory, such as `300MB`.

    Returns
    -------
    Moments
        Those of `moments.from_rows` on the same rows (with `within`: on what is left of them once each group's means
        are taken off), but for the order in which they were added up.

    Raises
    ------
    AnalysisError
        When a value is missing or infinite, a group stands at two sites or nowhere, or the files cannot be read so.

    Notes
    -----
    `cluster_robust(least_squares(from_parquet(...)), "CR2")` is the analysis of covariance or, with `within`, the
    difference in differences of ten million rows. Sums of floating-point numbers differ in the last digits from one
    run to the next, because several threads add up.
    """
    values = [*terms.values(), outcome]
    totals = _asked(path, _totals(path, values, site), memory)
    if _count(totals, "unknown"):
        raise AnalysisError("a row has a missing or infinite value; keep complete rows only")
    sums = _square(totals, len(values))
    if within is not None:
        means = _asked(path, _means(path, values, site, within), memory)
        if _count(means, "moved"):
            raise AnalysisError(f"a group of '{within}' has no name, or two sites; give each one name and one site")
        sums = sums - _square(means, len(values))
    return Moments(tuple(terms), sums[:, :-1, :-1], sums[:, :-1, -1], sums[:, -1, -1], totals["n"].astype(np.int64))


def _asked(path: str | Path, query: str, memory: str) -> Mapping[str, NDArray[np.generic]]:
    import duckdb  # takes a while to load, and few need it

    with tempfile.TemporaryDirectory() as folder:
        settings = SETTINGS | {"memory_limit": memory, "temp_directory": folder}
        try:
            with duckdb.connect(config=settings) as database:
                found = database.execute(query).fetchnumpy()
                return {name: np.asarray(column) for name, column in found.items()}
        except duckdb.Error as error:
            said = f"cannot be added up ({str(error).splitlines()[0]})"
            raise AnalysisError(f"{path}: {said}; check the path and the names of columns") from None


def _rows(path: str | Path, values: Sequence[str], site: str, more: str = "") -> str:
    named = ", ".join(f"CAST(({value}) AS DOUBLE) AS v{place}" for place, value in enumerate(values))
    place = str(path).replace("'", "''")
    return f"SELECT {_name(site)} AS site, {more}{named} FROM read_parquet('{place}')"


def _totals(path: str | Path, values: Sequence[str], site: str) -> str:
    """Of each site the rows, the sum of each product, and how many rows have something unknown."""
    known = " AND ".join(["site IS NOT NULL", *(f"isfinite(v{place})" for place, _ in enumerate(values))])
    products = ", ".join(f"sum(v{i} * v{j}) AS q{i}_{j}" for i, j in _pairs(len(values)))
    unknown = f"sum(CASE WHEN {known} THEN 0 ELSE 1 END) AS unknown"
    return f"SELECT site, count(*) AS n, {unknown}, {products} FROM ({_rows(path, values, site)}) GROUP BY 1 ORDER BY 1"


def _means(path: str | Path, values: Sequence[str], site: str, within: str) -> str:
    """What the groups' own means make of the products: of each group, its rows times the product of its means."""
    sums = ", ".join(f"sum(v{place}) AS s{place}" for place, _ in enumerate(values))
    rows = _rows(path, values, site, f"{_name(within)} AS member, ")
    groups = f"SELECT member, min(site) AS site, max(site) AS other, count(*) AS n, {sums} FROM ({rows}) GROUP BY 1"
    products = ", ".join(f"sum(s{i} * s{j} / n) AS q{i}_{j}" for i, j in _pairs(len(values)))
    moved = "sum(CASE WHEN member IS NULL OR site <> other THEN 1 ELSE 0 END) AS moved"
    return f"SELECT site, {moved}, {products} FROM ({groups}) GROUP BY 1 ORDER BY 1"


def _name(column: str) -> str:
    return '"' + column.replace('"', '""') + '"'


def _pairs(size: int) -> list[tuple[int, int]]:
    return list(combinations_with_replacement(range(size), 2))


def _count(table: Mapping[str, NDArray[np.generic]], column: str) -> int:
    return int(np.asarray(table[column], dtype=float).sum())


def _square(table: Mapping[str, NDArray[np.generic]], size: int) -> Array:
    """Products as a symmetric matrix (size, size) of each site."""
    found = np.empty((len(table["site"]), size, size))
    for i, j in _pairs(size):
        found[:, i, j] = found[:, j, i] = np.asarray(table[f"q{i}_{j}"], dtype=float)
    return found
