"""The mean of one arm, with an interval that knows of its sites."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from ..moments import classical, cluster_robust, from_rows, least_squares
from .inference import t_quantile


def arm_mean(
    values: pd.Series[Any], site: pd.Series[Any], *, errors: str, confidence: float
) -> tuple[float, float, float]:
    """Estimate a mean and its confidence interval.

    Parameters
    ----------
    values
        One number a person, none missing, of one arm.
    site
        Site of each person.
    errors
        'classical', or a cluster-robust kind such as 'CR2'.
    confidence
        Level of the interval.

    Returns
    -------
    tuple
        Mean, lower and upper limit; the limits are NaN with fewer than two people, or two sites where errors are by
        site.

    References
    ----------
    As for `ancova`, of which this is the case without covariates; `tests/reference/analysis/arm_mean.R`.
    """
    if values.empty:
        return math.nan, math.nan, math.nan
    if len(values) < 2 or (errors != "classical" and site.nunique() < 2):
        return float(values.mean()), math.nan, math.nan
    X = np.ones((len(values), 1))
    fit = least_squares(from_rows(X, values.to_numpy(dtype=float), pd.factorize(site)[0], ("mean",)))
    found = classical(fit) if errors == "classical" else cluster_robust(fit, errors)
    reach = t_quantile(confidence, float(found.df[0])) * found.std_error[0]
    return float(fit.beta[0]), float(fit.beta[0] - reach), float(fit.beta[0] + reach)
