"""Days without the event up to a horizon: the area between two survival curves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from instruments.plan import Covariate

from ..result import Fitted
from .product_limit import COMPETING, EVENT, influence_on_mean, mean_up_to
from .pseudo_values import Reading, compare, event_design

CENSORED_DEATHS = (
    "People who had a competing event, such as death, are treated as if they could still have had this one later: read "
    "the cumulative incidence beside it, or count competing events as events."
)


def restricted_mean(
    rows: pd.DataFrame,
    *,
    horizon: float,
    covariates: Sequence[Covariate] = (),
    errors: str = "CR2",
    confidence: float = 0.95,
    composite: bool = False,
) -> Fitted:
    """Estimate how many more days without the event people have up to a horizon.

    The restricted mean survival time of each arm is the area under its Kaplan-Meier curve. It needs no constant ratio
    of hazards, and is said in days. With covariates the difference is adjusted by regression of pseudo-values, which
    assumes that within an arm censoring does not depend on them.

    Parameters
    ----------
    rows
        One row a person: `arm` (1 intervention, 0 comparison), `site`, `days` from entry to the event or the last day
        seen, `event` (0 not seen, 1 the event, 2 a competing event; missing as NaN), and the covariates' columns.
    horizon
        Days; nobody may be extrapolated, so both arms must have been followed that long.
    covariates
        Facts known at entry; none by default.
    errors
        'CR2' (Satterthwaite), 'CR0', 'CR1', 'CR1S' by site, or 'classical': people independent, normal.
    confidence
        Level of the intervals.
    composite
        Count competing events as events: days alive and without the event.

    Returns
    -------
    Fitted
        Difference in days and ratio of the two means (error that of the logarithm). After the coefficients the terms
        hold each arm's own mean, without covariates. A warning says where competing events were censored.

    Raises
    ------
    AnalysisError
        When an arm has nobody or no event, a time is not above zero, or the horizon is beyond what was seen.

    References
    ----------
    Royston P, Parmar MKB. BMC Med Res Methodol 2013;13:152. doi:10.1186/1471-2288-13-152
    Andersen PK, Hansen MG, Klein JP. Lifetime Data Anal 2004;10:335-350. doi:10.1007/s10985-004-4771-0
    Reference: `06b_km_rmst_aj` (survRM2 1.0-4).
    """
    laid = event_design(rows, covariates)
    kind = laid.rows["event"].to_numpy(dtype=float)
    event = np.asarray(kind > 0 if composite else kind == EVENT, dtype=float)
    reading = Reading(
        name="Restricted mean time",
        scales=("difference", "mean time ratio"),
        unit="days",
        number=lambda table: mean_up_to(table, horizon),
        influence=lambda table: influence_on_mean(table, horizon),
    )
    fitted = compare(laid, event, reading, horizon, errors, confidence)
    noted = (CENSORED_DEATHS,) if (kind >= COMPETING).any() and not composite else ()
    return replace(fitted, warnings=(*fitted.warnings, *noted))
