"""The reference study as the estimators take it, and the results that R gave."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from instruments.plan import Covariate

HERE = Path(__file__).parent
COVARIATES = (
    Covariate("age", "number"),
    Covariate("female", "number"),
    Covariate("imd", "category"),
    Covariate("ltc", "number"),
)


@pytest.fixture(scope="session")
def comparison_folder(reference: Path) -> Path:
    """Where the reference study and its results stand."""
    return reference / "comparison"


@pytest.fixture(scope="session")
def people(comparison_folder: Path) -> pd.DataFrame:
    """The 1,200 people of the reference study."""
    return pd.read_csv(comparison_folder / "data" / "cba_person.csv")


@pytest.fixture(scope="session")
def oracle(comparison_folder: Path) -> Callable[[str], list[dict[str, Any]]]:
    """Rows of a stored reference result by its name."""

    def rows(name: str) -> list[dict[str, Any]]:
        stored = comparison_folder / f"{name}.json"
        return list(json.loads(stored.read_text(encoding="utf-8"))["results"])

    return rows


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
