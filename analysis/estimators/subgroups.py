"""Whether the difference between the arms differs between subgroups: one model, one test, estimates in each level."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import special

from instruments.plan import Covariate

from ..glm import GAUSSIAN, POISSON, Family, Spread
from ..moments import Array, redundant_term
from ..result import AnalysisError, Estimate
from ..small_sample import JointTest, wald_test
from .design import Design, baseline_of, design
from .inference import CLUSTERS_FOR_P, exponentiated
from .poisson_rate import count_design
from .regression import Regression, binary_design, regression

FEWEST = 2


@dataclass(frozen=True, slots=True)
class Level:
    """One level of a subgroup: the people analysed (intervention, comparison), and the difference among them.

    `estimate` is None where too few in an arm have the level; they are not in the model. It never has a p-value.
    """

    name: str
    n: tuple[int, int]
    estimate: Estimate | None


@dataclass(frozen=True, slots=True)
class Subgroups:
    """The levels in order, and the test of interaction: None where `untested` says why there is none."""

    levels: tuple[Level, ...]
    test: JointTest | None
    untested: str = ""


@dataclass(frozen=True, slots=True)
class _Kind:
    """How an outcome of a kind is modelled: its family, the design, names of the method and of what it estimates."""

    family: Family
    lay: Callable[[pd.DataFrame, Sequence[Covariate]], tuple[Design, Array, Array | float]]
    name: str
    scale: str


def _scores(rows: pd.DataFrame, covariates: Sequence[Covariate]) -> tuple[Design, Array, float]:
    laid = design(rows, ("score",), baseline_of(rows), covariates)
    return laid, laid.rows["score"].to_numpy(dtype=float), 0.0


def _events(rows: pd.DataFrame, covariates: Sequence[Covariate]) -> tuple[Design, Array, float]:
    return *binary_design(rows, covariates), 0.0


def _counts(rows: pd.DataFrame, covariates: Sequence[Covariate]) -> tuple[Design, Array, Array]:
    laid, count, years = count_design(rows, covariates)
    return laid, count, np.log(years)


KINDS: Mapping[str, _Kind] = {
    "continuous": _Kind(GAUSSIAN, _scores, "ANCOVA", "difference"),
    "binary": _Kind(GAUSSIAN, _events, "Linear probability", "risk difference"),
    "count": _Kind(POISSON, _counts, "Poisson", "rate ratio"),
}


def subgroup_differences(
    rows: pd.DataFrame,
    subgroup: str,
    *,
    kind: str = "continuous",
    covariates: Sequence[Covariate],
    errors: str = "CR2",
    confidence: float = 0.95,
    fewest: int = FEWEST,
) -> Subgroups:
    """Estimate the arms' difference in each level of a subgroup and test whether the levels differ, in one model.

    The model of the kind (ANCOVA for scores, linear probability for events, Poisson for counts) with a term for the
    arm, the levels, and the arm in each level but the first. The test is that all of the latter are zero: with errors
    by site Pustejovsky and Tipton's HTZ, else F. Levels share the coefficients of baseline and covariates.

    Parameters
    ----------
    rows
        One row a person, as the model of the kind takes them, and the column `subgroup`, categories in order.
    subgroup
        Name of that column. Its levels are adjusted for whether or not it is among the covariates.
    kind
        'continuous', 'binary' or 'count'.
    covariates
        Facts known at entry; categories enter as indicators with the first level as reference.
    errors
        'CR2' or 'classical' (for events: robust between people).
    confidence
        Level of the intervals.
    fewest
        A level with fewer complete people in an arm is not estimated, and its people are left out.

    Returns
    -------
    Subgroups
        Differences in the units of the outcome (risk differences, or rate ratios), intervention less comparison.
        Without two sites in each arm a level has no interval; without four in each arm there is no test.

    Raises
    ------
    AnalysisError
        For an unknown kind, fewer than two levels that can be estimated, or a term determined by others.

    References
    ----------
    Wang R et al. N Engl J Med 2007;357:2189-2194. doi:10.1056/NEJMsr077003
    Pustejovsky JE, Tipton E. J Bus Econ Stat 2018;36:672-683. doi:10.1080/07350015.2016.1247004
    Checked against least squares on rows: `tests/reference/analysis/test_subgroups.py`.
    """
    if kind not in KINDS:
        raise AnalysisError(
            f"subgroups of an outcome of kind '{kind}' cannot be estimated; allowed: {', '.join(KINDS)}"
        )
    model, named = KINDS[kind], _named(subgroup, covariates)
    first, _, _ = model.lay(rows, [covariate for covariate in named if covariate.name != subgroup])
    sizes = _sizes(first.rows, subgroup)
    kept = [level for level, n in sizes.items() if min(n) >= fewest]
    if len(kept) < 2:
        raise AnalysisError(f"'{subgroup}' has fewer than two levels with {fewest} people or more in each arm")
    members = rows[rows[subgroup].isin(kept)].copy()
    members[subgroup] = pd.Categorical(members[subgroup], kept)
    laid, y, offset = model.lay(members, named)
    whole = _with_interactions(laid, subgroup, kept)
    fitted = regression(
        whole,
        model.family,
        y,
        offset=offset,
        name=model.name,
        scale=model.scale,
        errors=errors,
        confidence=confidence,
        misfits=kind == "binary",
    )
    found = {level: _estimate(fitted, subgroup, level, model.scale) for level in kept}
    test, untested = _test(fitted, len(kept) - 1)
    return Subgroups(tuple(Level(level, n, found.get(level)) for level, n in sizes.items()), test, untested)


def _named(subgroup: str, covariates: Sequence[Covariate]) -> list[Covariate]:
    others = [covariate for covariate in covariates if covariate.name != subgroup]
    return [*others, Covariate(subgroup, "category")]


def _sizes(rows: pd.DataFrame, subgroup: str) -> dict[str, tuple[int, int]]:
    """How many people of each arm have each level."""
    found = rows.groupby([subgroup, "arm"], observed=False).size()
    levels = rows[subgroup].cat.categories
    return {str(level): (int(found.get((level, 1), 0)), int(found.get((level, 0), 0))) for level in levels}


def _with_interactions(laid: Design, subgroup: str, levels: Sequence[str]) -> Design:
    """The design with a column for the arm in each level but the first at its end."""
    arm, known = laid.X[:, 1], laid.rows[subgroup]
    columns = {f"arm:{subgroup}={level}": arm * (known == level).to_numpy() for level in levels[1:]}
    X, terms = np.column_stack([laid.X, *columns.values()]), (*laid.terms, *columns)
    redundant = redundant_term(X.T @ X, terms)
    if redundant is not None:
        raise AnalysisError(f"'{redundant}' is determined by the other terms; join levels of '{subgroup}', or leave it")
    return Design(X, terms, laid.rows)


def _estimate(fitted: Regression, subgroup: str, level: str, scale: str) -> Estimate:
    """The difference among the people of one level, with no more error than their own sites can carry."""
    direction = np.zeros(len(fitted.fit.beta))
    direction[1] = 1.0
    if (own := f"arm:{subgroup}={level}") in fitted.laid.terms:
        direction[fitted.laid.terms.index(own)] = 1.0
    members = (fitted.laid.rows[subgroup] == level).to_numpy()
    people = Design(fitted.laid.X[members], fitted.laid.terms, fitted.laid.rows[members])
    inference = replace(fitted.inference, design=people)
    value = float(direction @ fitted.fit.beta)
    found = inference.estimate(level, value, fitted.spread.error(direction), scale)
    return replace(exponentiated(found, scale) if scale == "rate ratio" else found, p_value=None)


def _test(fitted: Regression, terms: int) -> tuple[JointTest | None, str]:
    """The test that the last terms are all zero, or why there is none."""
    if fitted.inference.fewest < CLUSTERS_FOR_P:
        return None, f"with fewer than {CLUSTERS_FOR_P} sites in an arm there is no test"
    beta, covariance = fitted.fit.beta[-terms:], fitted.spread.covariance[-terms:, -terms:]
    try:
        if fitted.spread.df is None:
            return wald_test(beta, covariance, *_by_site(fitted.spread, terms)), ""
        return _f_test(beta, covariance, fitted.spread.df), ""
    except AnalysisError as error:
        return None, str(error)


def _by_site(spread: Spread, terms: int) -> tuple[Array, Array]:
    """What each site adds to the covariance of the last terms, as `wald_test` takes it."""
    bread = spread.root @ spread.root.T
    levers = bread[-terms:]
    return levers @ spread.own @ levers.T, np.swapaxes(spread.shared @ levers.T, 1, 2) @ spread.root


def _f_test(beta: Array, covariance: Array, df: float) -> JointTest:
    """Wald's statistic over its terms, against F, or against chi-squared where the degrees of freedom are infinite."""
    q = len(beta)
    statistic = float(beta @ np.linalg.solve(covariance, beta)) / q
    p = special.fdtrc(q, df, statistic) if math.isfinite(df) else special.chdtrc(q, q * statistic)
    return JointTest(statistic, (float(q), df), float(p))
