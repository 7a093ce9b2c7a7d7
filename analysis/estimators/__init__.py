"""One method per module; the plan names the kind of outcome and `ESTIMATORS` names the method for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import pandas as pd

from instruments.plan import Covariate

from ..result import Fitted
from .ancova import ancova
from .poisson_rate import poisson_rate


class Estimator(Protocol):
    """How every estimator is called: rows of one outcome, the named covariates, the errors, the confidence level."""

    def __call__(
        self, rows: pd.DataFrame, *, covariates: Sequence[Covariate], errors: str, confidence: float
    ) -> Fitted: ...


ESTIMATORS: Mapping[str, Estimator] = {"continuous": ancova, "count": poisson_rate}
