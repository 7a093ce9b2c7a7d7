"""The invented study, ready to be bent by a test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from analysis import load
from analysis.cohort import Cohort, assemble
from tests.unit.analysis import study


@pytest.fixture
def rows() -> study.Rows:
    """Rows of every table, to be changed before they are written."""
    return study.tables()


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., load.Dataset]:
    """Writes rows and plan as a bundle and reads them back."""

    def reader(rows: study.Rows, plan: str = study.PLAN) -> load.Dataset:
        return load.read(study.write(tmp_path / "bundle", rows, plan))

    return reader


@pytest.fixture
def cohort_of(read: Callable[..., load.Dataset]) -> Callable[..., Cohort]:
    """The cohort of changed rows."""

    def cohort(rows: study.Rows, plan: str = study.PLAN) -> Cohort:
        return assemble(read(rows, plan))

    return cohort
