"""From an estimate and its error to an interval and a p-value, and what few clusters forbid."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from scipy import special

from ..result import Estimate
from .design import Design

CLUSTERS_FOR_ERRORS, CLUSTERS_FOR_P = 2, 4
ROUNDING = 1e-12


def t_quantile(confidence: float, df: float) -> float:
    """How many standard errors an interval of this confidence reaches on either side."""
    return float(special.stdtrit(df, (1 + confidence) / 2))


def exponentiated(logarithm: Estimate, scale: str, unit: str = "") -> Estimate:
    """A ratio from the estimate of its logarithm; error and p-value stay those of the logarithm."""
    low, high = logarithm.conf_low, logarithm.conf_high
    return replace(
        logarithm,
        estimate=math.exp(logarithm.estimate),
        conf_low=None if low is None else math.exp(low),
        conf_high=None if high is None else math.exp(high),
        scale=scale,
        unit=unit,
    )


@dataclass(frozen=True, slots=True)
class Inference:
    """What is the same for every estimate of one model: sizes, method, confidence level, clustered or not."""

    design: Design
    method: str
    confidence: float
    clustered: bool

    @property
    def n_clusters(self) -> tuple[int, int] | None:
        """Sites by arm, None where people are the units."""
        return self.design.n_clusters if self.clustered else None

    @property
    def fewest(self) -> float:
        """Clusters in the smaller arm."""
        return min(self.n_clusters) if self.n_clusters else math.inf

    def estimate(
        self, term: str, value: float, error: tuple[float, float], scale: str = "difference", unit: str = ""
    ) -> Estimate:
        """An estimate with the errors that this many clusters can carry; `error` is (std_error, df).

        Infinite degrees of freedom mean the normal distribution, and stand as None in the estimate. Without any error
        but that of rounding, as where every site says exactly the same, there is no p-value.
        """
        std_error, df = error
        known = self.fewest >= CLUSTERS_FOR_ERRORS
        reach = t_quantile(self.confidence, df) * std_error if known else math.nan
        with_p = self.fewest >= CLUSTERS_FOR_P and std_error > ROUNDING
        return Estimate(
            term=term,
            estimate=value,
            std_error=std_error if known else None,
            df=df if known and math.isfinite(df) else None,
            conf_low=value - reach if known else None,
            conf_high=value + reach if known else None,
            p_value=float(2 * special.stdtr(df, -abs(value) / std_error)) if with_p else None,
            n=sum(self.design.n),
            n_clusters=self.design.sites if self.n_clusters else None,
            method=self.method,
            scale=scale,
            unit=unit,
        )

    def warnings(self) -> tuple[str, ...]:
        """What the number of clusters forbids, in plain words."""
        if self.fewest >= CLUSTERS_FOR_P:
            return ()
        lost = "no interval and no p-value are" if self.fewest < CLUSTERS_FOR_ERRORS else "no p-value is"
        sites = f"{self.fewest:.0f} site{'' if self.fewest == 1 else 's'}"
        return (
            f"One arm has only {sites}. Sites differ from one another for many reasons; with fewer than "
            f"{CLUSTERS_FOR_P} in an arm those reasons cannot be told apart from the arm itself: {lost} given.",
        )
