"""From rows to a design matrix: complete cases, arm, baseline, named covariates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from instruments.plan import Covariate

from ..moments import Array, redundant_term
from ..result import AnalysisError


@dataclass(frozen=True, slots=True)
class Design:
    """Complete rows: `X` (n, p) with intercept and arm first, names of its columns, arm (n,) as 0 or 1, site (n,).

    `n` are the people and `n_clusters` the sites in the intervention and in the comparison arm.
    """

    X: Array
    terms: tuple[str, ...]
    rows: pd.DataFrame
    n: tuple[int, int] = field(init=False)
    n_clusters: tuple[int, int] = field(init=False)

    def __post_init__(self) -> None:
        arm = self.rows["arm"]
        sited = "site" in self.rows
        sites = [self.rows.loc[arm == role, "site"].nunique() if sited else 0 for role in (1, 0)]
        object.__setattr__(self, "n", (int((arm == 1).sum()), int((arm == 0).sum())))
        object.__setattr__(self, "n_clusters", (sites[0], sites[1]))

    @property
    def sites(self) -> int:
        """Sites, each counted once, also where it has people of both arms."""
        return self.rows["site"].nunique() if "site" in self.rows else 0

    @property
    def site(self) -> Array:
        """Site of each row, as codes (n,)."""
        return np.asarray(pd.factorize(self.rows["site"])[0])


def design(
    rows: pd.DataFrame, measured: Sequence[str], baseline: Array | None, covariates: Sequence[Covariate]
) -> Design:
    """Lay out the design for the rows that are complete.

    Parameters
    ----------
    rows
        One row a person, with `arm` (1 intervention, 0 comparison), `site`, the `measured` columns and the covariates.
    measured
        Columns, beside the covariates, that a row needs.
    baseline
        The baseline adjustment, (n,); missing where it is not known. None where the outcome has no baseline.
    covariates
        Adjusted for as numbers, or as categories with the first level as reference.

    Raises
    ------
    AnalysisError
        When an arm has no complete row, or a term is determined by others.
    """
    table = rows if baseline is None else rows.assign(baseline=baseline)
    known = ["arm"] if baseline is None else ["arm", "baseline"]
    complete = table.dropna(subset=[*measured, *known, *(covariate.name for covariate in covariates)])
    for value, role in ((1, "intervention"), (0, "comparison")):
        if not (complete["arm"] == value).any():
            needed = "baseline, outcome and covariates" if baseline is not None else "outcome and covariates"
            why = nobody_has(table[table["arm"] == value], [*measured, *known[1:], *(each.name for each in covariates)])
            raise AnalysisError(f"the {role} arm has nobody with {needed}: {why}")
    columns = dict(_columns(complete, known, covariates))
    X = np.column_stack(list(columns.values()))
    redundant = redundant_term(X.T @ X, tuple(columns))
    if redundant == "baseline":
        raise AnalysisError("everybody in an arm has the same baseline; there is nothing to adjust the outcome for")
    if redundant is not None:
        raise AnalysisError(f"'{redundant}' is constant or determined by the other terms; take it out of the plan")
    return Design(X, tuple(columns), complete)


def baseline_of(rows: pd.DataFrame) -> Array | None:
    """The baseline (n,) of rows that have one; None where the plan says that the outcome has none."""
    return rows["baseline"].to_numpy(dtype=float) if "baseline" in rows else None


def known_at_entry(rows: pd.DataFrame, baseline: Array | None, covariates: Sequence[Covariate]) -> Design:
    """The design of what arms can be made alike in, for everybody who has it, measured later or not.

    Raises
    ------
    AnalysisError
        As `design`, and when there is nothing.
    """
    if baseline is None and not covariates:
        raise AnalysisError("nothing known at entry is named, in which the arms could be made alike; name covariates")
    return design(rows, (), baseline, covariates)


def nobody_has(arm: pd.DataFrame, columns: Sequence[str]) -> str:
    """Why an arm has no complete row, and what to do about it."""
    if arm.empty:
        return "nobody of the study is in it; check who was allocated, and the enrolment dates"
    empty = [f"'{name}'" for name in dict.fromkeys(columns) if arm[name].isna().all()]
    if not empty:
        return "each lacks one of them; name fewer covariates"
    without = "write baseline = false in the outcome" if empty == ["'baseline'"] else "plan without it"
    return f"{' and '.join(empty)} is missing for everybody there; record it, or {without}"


def _columns(rows: pd.DataFrame, known: Sequence[str], covariates: Sequence[Covariate]) -> Iterator[tuple[str, Array]]:
    yield "(Intercept)", np.ones(len(rows))
    for name in known:
        yield name, rows[name].to_numpy(dtype=float)
    yield from covariate_columns(rows, covariates)


def covariate_columns(rows: pd.DataFrame, covariates: Sequence[Covariate]) -> Iterator[tuple[str, Array]]:
    """Columns of the design for facts known at entry, by name."""
    for covariate in covariates:
        if covariate.kind == "number":
            yield covariate.name, rows[covariate.name].to_numpy(dtype=float)
        else:
            yield from _dummies(covariate.name, pd.Categorical(rows[covariate.name]).remove_unused_categories())


def _dummies(name: str, values: pd.Categorical) -> Iterator[tuple[str, Array]]:
    if len(values.categories) < 2:
        raise AnalysisError(f"'{name}' has the same value for everyone; take it out of the plan")
    for code, level in enumerate(values.categories[1:], start=1):
        yield f"{name}={level}", (values.codes == code).astype(float)
