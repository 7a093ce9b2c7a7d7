"""Multiple imputation by chained equations: each variable in turn drawn from a model of it given all the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from ..moments import Array
from ..result import AnalysisError
from .draws import Codes, Given, category, matched, number

COLLINEAR = 1e-6
DRAWS: Mapping[str, Callable[[Given, Array, Generator], Array]] = {"normal": number, "matching": matched}


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable of n people, `values` (n,) with NaN where missing.

    A number has `levels` 0; a category has its levels as 0 to `levels` - 1.
    """

    name: str
    values: Array
    levels: int = 0

    @property
    def known(self) -> NDArray[np.bool_]:
        """Whose value is there, (n,)."""
        return np.asarray(~np.isnan(self.values))


def chained(
    variables: Sequence[Variable],
    site: Codes,
    rng: Generator,
    *,
    imputations: int = 20,
    iterations: int = 10,
    draw: str = "normal",
) -> dict[str, Array]:
    """Draw the missing values of one arm several times.

    Begins with values drawn from those that are there; then, `iterations` times over, every variable with missing
    values is drawn anew given all the others and the site, the one with fewest missing first. Numbers are put on a
    scale of mean 0 and standard deviation 1 for that and back afterwards, so their units do not matter. A number that
    is the same for everybody who has it is so for everybody; a level that nobody has is never drawn.

    Parameters
    ----------
    variables
        All that predicts and is to be predicted, of people of one arm.
    site
        Site of each person as a code from 0, (n,).
    rng
        Source of randomness: the same state gives the same values.
    imputations, iterations
        How many completed data sets, and rounds for each.
    draw
        How numbers are drawn: 'normal', or 'matching' (predictive mean matching).

    Returns
    -------
    dict
        Values (imputations, n) of each variable that had any missing, by name; those that were there unchanged.

    Raises
    ------
    AnalysisError
        When a variable is missing for everybody or known for too few people to be predicted, or for an unknown draw.

    References
    ----------
    van Buuren S, Groothuis-Oudshoorn K. J Stat Softw 2011;45(3). doi:10.18637/jss.v045.i03
    White IR, Royston P, Wood AM. Stat Med 2011;30:377-399. doi:10.1002/sim.4067
    """
    if draw not in DRAWS:
        raise AnalysisError(f"unknown draw '{draw}'; allowed: {', '.join(DRAWS)}")
    if imputations < 1 or iterations < 1:
        raise AnalysisError("imputations and iterations: need one or more of each; 20 and 10 are usual")
    columns = [_column(variable, rng, imputations) for variable in variables]
    turns = sorted((c for c in columns if c.unknown.any() and not c.constant), key=lambda c: int(c.unknown.sum()))
    for column in turns:
        _refuse_too_few(column, columns)
    for _ in range(iterations if len(turns) > 1 else min(iterations, 1)):
        for column in turns:
            X = _predictors(column, columns)
            column.redraw(Given(X, site, column.variable.known), rng, DRAWS[draw])
    return {column.variable.name: column.back(snap=draw == "matching") for column in columns if column.unknown.any()}


@dataclass(slots=True)
class _Column:
    """A variable while it is worked on: `state` (m, n) in standard units, or levels among those that occur.

    `used` says which predictors it is drawn from, once that is known.
    """

    variable: Variable
    state: Array
    centre: float
    unit: float
    occurring: Array | None
    used: NDArray[np.bool_] | None = None

    @property
    def unknown(self) -> NDArray[np.bool_]:
        """Whose value is missing, (n,)."""
        return ~self.variable.known

    @property
    def constant(self) -> bool:
        """Whether everybody who has a value has the same."""
        return self.unit == 0 if self.occurring is None else len(self.occurring) < 2

    def predictors(self) -> Iterator[Array]:
        """What it says about other variables: itself, or an indicator for each level but the first."""
        if self.constant:
            return
        if self.occurring is None:
            yield self.state
            return
        for level in range(1, len(self.occurring)):
            marked = (self.state == level).astype(float)
            yield marked - marked.mean()

    def redraw(self, given: Given, rng: Generator, draw: Callable[[Given, Array, Generator], Array]) -> None:
        """Draw the missing values anew."""
        known = self.state[0, given.known]
        if self.occurring is None:
            self.state[:, self.unknown] = draw(given, known, rng)
        else:
            self.state[:, self.unknown] = category(given, known.astype(np.int64), len(self.occurring), rng)

    def back(self, *, snap: bool) -> Array:
        """Values in their own units, those that were there as they were; `snap` undoes what rounding did to a copy."""
        numbers = self.centre + self.unit * self.state
        if self.occurring is not None:
            numbers = self.occurring[self.state.astype(np.int64)]
        elif snap or self.constant:
            there = np.unique(self.variable.values[self.variable.known])
            numbers = there[np.searchsorted((there[1:] + there[:-1]) / 2, numbers)]
        return np.where(self.unknown, numbers, self.variable.values)


def _predictors(column: _Column, columns: Sequence[_Column]) -> Array:
    """An intercept and what the others say (m, n, p), without what the terms before it determine among the known.

    A level that only people without a value have would otherwise get a coefficient about which nothing is known.
    """
    others = [part for other in columns if other is not column for part in other.predictors()]
    X = np.stack([np.ones_like(column.state), *others], axis=1)
    if column.used is None:
        first = X[0][:, column.variable.known].T
        own = np.abs(np.diagonal(np.linalg.qr(first, mode="r")))
        column.used = own > COLLINEAR * np.linalg.norm(first, axis=0)
    return np.swapaxes(X[:, column.used], 1, 2)


def _column(variable: Variable, rng: Generator, imputations: int) -> _Column:
    there = variable.values[variable.known]
    if not len(there):
        raise AnalysisError(f"'{variable.name}' is missing for everybody in an arm; there is nothing to impute it from")
    state = np.tile(variable.values, (imputations, 1))
    unknown = ~variable.known
    state[:, unknown] = rng.choice(there, (imputations, int(unknown.sum())))
    if variable.levels:
        occurring = np.unique(there)
        return _Column(variable, np.searchsorted(occurring, state).astype(float), 0.0, 1.0, occurring)
    centre, unit = float(there.mean()), float(there.std())
    unit = unit if unit > np.abs(there).max() * np.finfo(float).eps * 8 else 0.0
    return _Column(variable, (state - centre) / (unit or 1.0), centre, unit, None)


def _refuse_too_few(column: _Column, columns: Sequence[_Column]) -> None:
    terms = 1 + sum(1 for other in columns if other is not column for _ in other.predictors())
    known = int((~column.unknown).sum())
    if known <= terms + 1:
        raise AnalysisError(
            f"'{column.variable.name}' is known for too few people of an arm to impute it from {terms} terms; "
            "name fewer covariates"
        )
