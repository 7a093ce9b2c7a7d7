"""The reference study as the estimators take it, and the results that R gave."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import special

from analysis.result import Estimate
from instruments.plan import Covariate

HERE = Path(__file__).parent
COVARIATES = (
    Covariate("age", "number"),
    Covariate("female", "number"),
    Covariate("imd", "category"),
    Covariate("ltc", "number"),
)

NUMBERS = ("age", "female", "ltc", "alone0", "alone_m", "swemwbs_0", "lonely_0", "lgp")
BALANCED = (*(Covariate(name, "number") for name in NUMBERS), Covariate("imd", "category"))
IMD_TERMS = {f"imdf{level}": f"imd={level}" for level in range(2, 6)}


def by_t(found: Estimate) -> tuple[float | None, ...]:
    """What a reference row holds where the model has degrees of freedom."""
    return found.estimate, found.std_error, found.df, found.conf_low, found.conf_high, found.p_value


def by_normal(estimate: float, std_error: float | None) -> tuple[float, float, float, float, float]:
    """What a reference row holds where R used the normal distribution: estimate, error, interval, p."""
    assert std_error is not None
    reach = special.ndtri(0.975) * std_error
    p_value = 2 * special.ndtr(-abs(estimate) / std_error)
    return estimate, std_error, estimate - reach, estimate + reach, float(p_value)


def numbers(row: dict[str, Any], *names: str) -> tuple[float, ...]:
    """Some or all numbers of a reference row; without degrees of freedom where it has none."""
    wanted = names or tuple(
        name for name in ("estimate", "se", "df", "lower", "upper", "p") if name != "df" or row["df"] is not None
    )
    return tuple(np.nan if row[name] is None else float(row[name]) for name in wanted)


@pytest.fixture(scope="session")
def comparison_folder(reference: Path) -> Path:
    """Where the reference study and its results stand."""
    return reference / "comparison"


@pytest.fixture(scope="session")
def people(comparison_folder: Path) -> pd.DataFrame:
    """The 1,200 people of the reference study."""
    return pd.read_csv(comparison_folder / "data" / "cba_person.csv")


@pytest.fixture(scope="session")
def with_propensity_facts(people: pd.DataFrame) -> pd.DataFrame:
    """The same with the facts that R's propensity model read, and the EQ-5D value before and at 12 months."""
    derived = {
        "alone_m": people["alone"].isna().astype(float),
        "alone0": people["alone"].fillna(0.0),
        "lgp": np.log(people["gp_pre"] + 0.5),
    }
    return people.assign(**derived).rename(columns={"practice": "site", "eq5d_0": "baseline", "eq5d_12": "score"})


@pytest.fixture(scope="session")
def oracle(comparison_folder: Path) -> Callable[[str], list[dict[str, Any]]]:
    """Rows of a stored reference result by its name."""

    def rows(name: str) -> list[dict[str, Any]]:
        stored = comparison_folder / f"{name}.json"
        return list(json.loads(stored.read_text(encoding="utf-8"))["results"])

    return rows


@pytest.fixture(scope="session")
def oracle_row(oracle: Callable[[str], list[dict[str, Any]]]) -> Callable[..., dict[str, Any]]:
    """The one row of a stored reference result with this method and term."""

    def row(name: str, method: str, term: str = "arm") -> dict[str, Any]:
        (found,) = [row for row in oracle(name) if (row["method"], row["term"]) == (method, term)]
        return found

    return row


@pytest.fixture(scope="session")
def oracle_extra(comparison_folder: Path) -> Callable[[str], dict[str, Any]]:
    """What else a stored reference result holds."""

    def extra(name: str) -> dict[str, Any]:
        return dict(json.loads((comparison_folder / f"{name}.json").read_text(encoding="utf-8"))["extra"])

    return extra


@pytest.fixture(scope="session")
def lonely(people: pd.DataFrame) -> pd.DataFrame:
    """Loneliness at six months, as the binary estimators take it."""
    return people.rename(columns={"practice": "site", "lonely_0": "baseline", "lonely_6": "score"})


@pytest.fixture(scope="session")
def attendances(people: pd.DataFrame) -> pd.DataFrame:
    """General practice attendances before and after entry, as the estimators of counts take them."""
    names = {"gp_pre": "baseline_count", "gp_post": "count", "fu_years": "years", "practice": "site"}
    return people.rename(columns=names).assign(baseline_years=1.0)


@pytest.fixture(scope="session")
def admissions(people: pd.DataFrame) -> pd.DataFrame:
    """Days to the first admission, death competing, as the estimators of times take them."""
    return people.rename(columns={"practice": "site", "adm_days": "days", "adm_status": "event"})


@pytest.fixture(scope="session")
def r_results() -> Callable[[str], Any]:
    """What the R script of this name beside the tests printed."""

    def results(name: str) -> Any:
        return json.loads((HERE / f"{name}.json").read_text(encoding="utf-8"))["results"]

    return results


@pytest.fixture(scope="session")
def study_folder(
    comparison_folder: Path, root: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Path]:
    """A folder with the mapping, the plan and the data of a reference study, as an analyst would have them."""

    def folder(name: str) -> Path:
        here = tmp_path_factory.mktemp("study") / name
        shutil.copytree(root / "tests" / "reference" / name, here)
        for data in (comparison_folder / "data").glob(f"{name}*.csv"):
            shutil.copy(data, here)
        return here

    return folder
