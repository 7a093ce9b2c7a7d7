"""A made-up study whose arms differ before anything happens, for what makes them alike."""

from __future__ import annotations

import numpy as np
import pandas as pd

from instruments.plan import Covariate

AGE, TOWN = Covariate("age", "number"), Covariate("town", "category")


def study(sites_per_arm: int = 6, each: int = 15, seed: int = 11) -> pd.DataFrame:
    """A made-up study whose intervention arm is older and starts lower."""
    dice = np.random.default_rng(seed)
    site = np.repeat(np.arange(2 * sites_per_arm), each)
    arm = (site < sites_per_arm).astype(int)
    age = dice.normal(60 + 5 * arm, 12)
    before = dice.normal(0.6 - 0.05 * arm, 0.15)
    return pd.DataFrame(
        {
            "arm": arm,
            "site": [f"s{number}" for number in site],
            "baseline": before,
            "age": age,
            "town": pd.Categorical(np.where(dice.uniform(size=len(site)) < 0.3 + 0.2 * arm, "Oak", "Elm")),
            "score": 0.5 * before - 0.002 * age + 0.04 * arm + 0.1 * dice.normal(size=len(site)),
        }
    )
