"""How far two arms differ in one characteristic, in standard deviations."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd


def standardised_difference(values: pd.Series[Any], arm: pd.Series[Any]) -> float:
    """Measure the difference between the arms (intervention minus comparison) in pooled standard deviations.

    For a category it is the Mahalanobis distance between the arms' proportions, which has no sign and for two levels
    is the size of the usual standardised difference.

    Parameters
    ----------
    values
        Numbers, or a categorical; none missing, (n,).
    arm
        1 intervention, 0 comparison, (n,).

    Returns
    -------
    float
        NaN where an arm has fewer than two people or nobody differs from anybody.

    References
    ----------
    Austin PC. Stat Med 2009;28:3083-3107. doi:10.1002/sim.3697
    Yang D, Dalton JE. SAS Global Forum 2012, paper 335.
    Reference: `tests/reference/analysis/imbalance.R`.
    """
    if min((arm == 1).sum(), (arm == 0).sum()) < 2:
        return math.nan
    if isinstance(values.dtype, pd.CategoricalDtype):
        return _distance(values.cat.remove_unused_categories(), arm)
    numbers = values.astype(float)
    groups = [numbers[arm == role].to_numpy() for role in (1, 0)]
    spread = math.sqrt((np.var(groups[0], ddof=1) + np.var(groups[1], ddof=1)) / 2)
    gap = float(groups[0].mean() - groups[1].mean())
    return gap / spread if spread > 0 else math.nan


def _distance(values: pd.Series[Any], arm: pd.Series[Any]) -> float:
    if len(values.cat.categories) < 2:
        return math.nan
    shares = [values[arm == role].value_counts(normalize=True, sort=False).to_numpy()[1:] for role in (1, 0)]
    spread = sum(np.diag(share) - np.outer(share, share) for share in shares) / 2
    gap = shares[0] - shares[1]
    return math.sqrt(max(float(gap @ np.linalg.pinv(spread) @ gap), 0.0))
