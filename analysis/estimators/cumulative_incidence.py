"""The risk of an event by a horizon where another may come first."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from instruments.plan import Covariate

from ..result import Fitted
from .product_limit import EVENT, incidence_at, influence_on_incidence
from .pseudo_values import Reading, compare, event_design


def cumulative_incidence(
    rows: pd.DataFrame,
    *,
    horizon: float,
    covariates: Sequence[Covariate] = (),
    errors: str = "CR2",
    confidence: float = 0.95,
) -> Fitted:
    """Estimate by how much the risk of the event up to a horizon differs, competing events being what they are.

    The Aalen-Johansen probability of each arm: a person who died can no longer be admitted, and is not treated as if
    they could. With covariates the difference is adjusted by regression of pseudo-values.

    Parameters
    ----------
    rows, covariates, errors, confidence
        As for `restricted_mean`.
    horizon
        Day up to which events count; both arms must have been followed that long.

    Returns
    -------
    Fitted
        Risk difference and risk ratio (error that of the logarithm). After the coefficients the terms hold each arm's
        own risk, without covariates.

    Raises
    ------
    AnalysisError
        When an arm has nobody or no event, none by the horizon, a time is not above zero, or the horizon is beyond
        what was seen.

    References
    ----------
    Aalen OO, Johansen S. Scand J Stat 1978;5:141-150.
    Klein JP, Andersen PK. Biometrics 2005;61:223-229. doi:10.1111/j.0006-341X.2005.031209.x
    Reference: `06b_km_rmst_aj` (survival 3.5-3), each arm.
    """
    laid = event_design(rows, covariates)
    reading = Reading(
        name="Cumulative incidence",
        scales=("risk difference", "risk ratio"),
        unit="",
        number=lambda table: incidence_at(table, EVENT, horizon),
        influence=lambda table: influence_on_incidence(table, EVENT, horizon),
    )
    return compare(laid, laid.rows["event"].to_numpy(dtype=float), reading, horizon, errors, confidence)
