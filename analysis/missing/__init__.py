"""Missing values: drawn several times from what is known (`chained`), and what the several answers say (`rubin`)."""

from __future__ import annotations

from .chained import DRAWS, Variable, chained
from .rubin import Pooled, Shifted, pool, relative_efficiency

__all__ = ["DRAWS", "Pooled", "Shifted", "Variable", "chained", "pool", "relative_efficiency"]
