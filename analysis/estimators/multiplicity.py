"""P-values of several outcomes, adjusted so that one alone among many does not mislead."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from scipy import stats

from ..moments import Array
from ..result import AnalysisError


def adjusted_p_values(p_values: Sequence[float], method: str = "holm") -> Array:
    """Adjust the p-values of one family.

    Parameters
    ----------
    p_values
        Between 0 and 1, (m,); none missing.
    method
        'holm' (always right) or 'hochberg' (where tests are independent or go together) keep the chance of any false
        finding; so do 'bonferroni' and 'hommel'. 'BH' and 'BY' keep the expected share of false ones among findings.

    Returns
    -------
    Array
        In the order given, (m,).

    Raises
    ------
    AnalysisError
        For an unknown method, or a number that is no p-value.

    References
    ----------
    Holm S. Scand J Stat 1979;6:65-70.
    Hochberg Y. Biometrika 1988;75:800-802. doi:10.1093/biomet/75.4.800
    Hommel G. Biometrika 1988;75:383-386. doi:10.1093/biomet/75.2.383
    Reference: `16_misc` (p.adjust of R 4.2.2).
    """
    if method not in METHODS:
        raise AnalysisError(f"unknown method '{method}'; allowed: {', '.join(METHODS)}")
    given = np.asarray(p_values, dtype=float)
    if not ((given >= 0) & (given <= 1)).all():
        raise AnalysisError("a p-value is missing, or not between 0 and 1; leave out what has none")
    order = np.argsort(given, kind="stable")
    adjusted = np.empty(len(given))
    adjusted[order] = np.minimum(METHODS[method](given[order]), 1.0)
    return adjusted


def _bonferroni(p: Array) -> Array:
    return len(p) * p


def _holm(p: Array) -> Array:
    return np.asarray(np.maximum.accumulate(np.arange(len(p), 0, -1) * p))


def _hochberg(p: Array) -> Array:
    return np.asarray(np.minimum.accumulate((np.arange(len(p), 0, -1) * p)[::-1])[::-1])


def _hommel(p: Array) -> Array:
    """The largest, over sets of m hypotheses, of what Simes's test of the set says."""
    n = len(p)
    found = np.full(n, (n * p / np.arange(1, n + 1)).min()) if n else p
    for m in range(n - 1, 1, -1):
        tail = (m * p[n - m + 1 :] / np.arange(2, m + 1)).min()
        within = np.minimum(m * p[: n - m + 1], tail)
        found = np.maximum(found, np.append(within, np.full(m - 1, within[-1])))
    return np.maximum(found, p)


METHODS: Mapping[str, Callable[[Array], Array]] = {
    "holm": _holm,
    "hochberg": _hochberg,
    "bonferroni": _bonferroni,
    "hommel": _hommel,
    "BH": lambda p: np.asarray(stats.false_discovery_control(p, method="bh")),
    "BY": lambda p: np.asarray(stats.false_discovery_control(p, method="by")),
}
