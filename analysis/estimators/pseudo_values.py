"""Numbers read from curves, compared like means: everybody gets a value of their own, and regression does the rest.

A person's value is the arm's number plus the arm's size times what the person moves in it (the infinitesimal
jackknife). The values of an arm average to its number exactly, so that without covariates their difference is the
difference between the curves' numbers, and its errors are theirs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from instruments.plan import Covariate

from ..glm import GAUSSIAN, Fit, Spread, fit, spread
from ..moments import Array, sandwich
from ..result import AnalysisError, Estimate, Fitted
from .design import Design, design
from .inference import Inference
from .product_limit import EVENT, LifeTable, life_table, refuse_beyond
from .regression import coefficients, difference, errors_for, marginal, ratio

ROLES = ((1, "intervention"), (0, "comparison"))


@dataclass(frozen=True, slots=True)
class Reading:
    """A number read from a curve: what it is called, the number, and what each person moves in it (n,)."""

    name: str
    scales: tuple[str, str]
    unit: str
    number: Callable[[LifeTable], float]
    influence: Callable[[LifeTable], Array]


def event_design(rows: pd.DataFrame, covariates: Sequence[Covariate]) -> Design:
    """The design of a time to an event, for people whose time is known.

    Raises
    ------
    AnalysisError
        When an arm has nobody left or nobody with the event, a time is not above zero, or a term is determined by
        others.
    """
    laid = design(rows, ("days", "event"), None, covariates)
    life_table(laid.rows["days"], laid.rows["event"])
    for value, role in ROLES:
        if not (laid.rows.loc[laid.rows["arm"] == value, "event"] == EVENT).any():
            raise AnalysisError(f"nobody in the {role} arm had the event; the arms' times to it cannot be compared")
    return laid


def events_of(laid: Design) -> tuple[int, int]:
    """People with the event in the intervention and in the comparison arm."""
    had = laid.rows.loc[laid.rows["event"] == EVENT, "arm"]
    return int((had == 1).sum()), int((had == 0).sum())


def compare(laid: Design, event: Array, reading: Reading, horizon: float, errors: str, confidence: float) -> Fitted:
    """Compare a number read from the arms' curves.

    Parameters
    ----------
    laid
        People and their design.
    event
        What becomes of each for this reading, (n,): 0 censored, 1 the event, 2 a competing one.
    reading
        The number.
    horizon
        Day up to which the curves are read.
    errors
        'CR2', 'CR0', 'CR1', 'CR1S', or 'classical': people independent, each arm with its own spread, normal.
    confidence
        Level of the intervals.

    Returns
    -------
    Fitted
        Difference and ratio; the coefficients, then each arm's own number.
    """
    values = _values(laid, event, reading, horizon)
    label = "errors between people" if errors == "classical" else f"{errors} by site"
    inference = Inference(laid, f"{reading.name} to day {horizon:g}, {label}", confidence, errors != "classical")
    found = fit(GAUSSIAN, laid.X, values, site=laid.site, terms=laid.terms)
    spreading = _spread(found, errors_for(laid, errors))
    means = marginal(found)
    answers = (
        difference(inference, means, spreading, reading.scales[0], reading.unit),
        ratio(inference, means, spreading, reading.scales[1]),
    )
    arms = (_of_arm(laid, values, value, role, reading, errors, inference) for value, role in ROLES)
    terms = (*coefficients(inference, found.beta, spreading, reading.scales[0]), *arms)
    return Fitted(answers, terms, laid.n, inference.n_clusters, inference.warnings(), had=events_of(laid))


def _values(laid: Design, event: Array, reading: Reading, horizon: float) -> Array:
    values = np.empty(len(event))
    days = laid.rows["days"].to_numpy(dtype=float)
    for value, role in ROLES:
        own = (laid.rows["arm"] == value).to_numpy()
        table = life_table(days[own], event[own])
        refuse_beyond(table, horizon, f"{role} arm")
        values[own] = reading.number(table) + own.sum() * reading.influence(table)
    return values


def _spread(found: Fit, errors: str) -> Spread:
    """As for any linear model, but that between people the arms need not be equally spread."""
    by_site = spread(found, errors)
    if errors != "classical":
        return by_site
    scores = found.X * found.residual[:, None]
    return Spread(sandwich(found.bread, scores), by_site.own, by_site.shared, by_site.root, math.inf)


def _of_arm(
    laid: Design, values: Array, value: int, role: str, reading: Reading, errors: str, inference: Inference
) -> Estimate:
    own = (laid.rows["arm"] == value).to_numpy()
    found = fit(GAUSSIAN, np.ones((own.sum(), 1)), values[own], site=laid.site[own], terms=("mean",))
    error = _spread(found, errors_for(laid, errors)).error(np.ones(1))
    return inference.estimate(role, float(found.beta[0]), error, reading.name, reading.unit)
