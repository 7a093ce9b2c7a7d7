"""What is remembered of a bundle is what writing and reading it anew gives, and belongs to nobody."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from analysis import load
from analysis.result import AnalysisError
from instruments import bundle
from instruments.dataset import ContractError
from tests import remembering
from tests.unit.analysis import study


@pytest.fixture(autouse=True)
def nothing_known() -> Iterator[None]:
    known = dict(remembering.WRITTEN), dict(remembering.READ)
    remembering.WRITTEN.clear()
    remembering.READ.clear()
    yield
    remembering.WRITTEN.update(known[0])
    remembering.READ.update(known[1])


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != bundle.PACKAGE_FILE}


def test_a_bundle_written_from_memory_is_the_one_written_anew(tmp_path: Path):
    first, again = study.write(tmp_path / "first"), study.write(tmp_path / "again")
    assert len(remembering.WRITTEN) == len(list(first.glob("*.csv")))
    assert contents(again) == contents(first)
    assert load.read(again).hashes == load.read(first).hashes
    assert load.read(again).notices == ()


def test_a_bundle_read_from_memory_is_the_one_read_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    folder = study.write(tmp_path / "bundle")
    _, remembered = load.read(folder), load.read(folder)
    monkeypatch.setattr(load._Reader, "table", remembering.read_anew)
    anew = load.read(folder)
    assert remembered.hashes == anew.hashes
    for name, table in anew.tables.items():
        pd.testing.assert_frame_equal(remembered.tables[name], table)


def test_what_somebody_does_to_a_table_the_next_one_does_not_see(tmp_path: Path):
    folder = study.write(tmp_path / "bundle")
    for _ in range(2):
        people = load.read(folder)["people"]
        assert people["ltc_count"].max() < 5
        people.loc[:, "ltc_count"] = 99


@pytest.mark.parametrize(("name", "wrong"), [("ltc_count", -1), ("sex", "other sort"), ("entered_on", "soon")])
def test_a_row_that_breaks_the_contract_is_refused_each_time(tmp_path: Path, name: str, wrong: Any):
    rows = study.tables()
    study.write(tmp_path / "bundle", rows)
    rows["people"][3][name] = wrong
    for _ in range(2):
        with pytest.raises(ContractError, match=rf"people\.{name}, row 4"):
            study.write(tmp_path / "bundle", rows)


def test_numbers_that_are_equal_and_written_differently_stay_apart(tmp_path: Path):
    rows = study.tables()
    for score, text in ((0.0, "0.0"), (-0.0, "-0.0")):
        rows["scores"] = [rows["scores"][0] | {"score": score}]
        folder = study.write(tmp_path / "bundle", rows)
        assert f",{text}," in (folder / "scores.csv").read_text(encoding="utf-8").splitlines()[1]


def test_a_fault_in_a_file_is_told_each_time(tmp_path: Path):
    folder = study.write(tmp_path / "bundle")
    load.read(folder)
    people = folder / "people.csv"
    people.write_text(people.read_text(encoding="utf-8").replace("s1-0,", "s1-1,", 1), encoding="utf-8")
    for _ in range(2):
        with pytest.raises(AnalysisError, match="repeats another row's"):
            load.read(folder)


def test_a_code_that_only_the_first_plan_declares_is_refused_under_the_second(tmp_path: Path):
    load.read(study.write(tmp_path / "bundle"))
    other = study.PLAN.replace('id = "3m"', 'id = "4m"')
    with pytest.raises(AnalysisError, match="unexpected value '3m'"):
        load.read(study.write(tmp_path / "other", plan=other))


def test_only_so_many_tables_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(remembering, "MOST", 3)
    load.read(study.write(tmp_path / "bundle"))
    assert (len(remembering.WRITTEN), len(remembering.READ)) == (3, 3)


def test_rows_that_come_one_by_one_are_written_as_they_come(tmp_path: Path):
    rows = study.tables()
    streamed = {name: iter(lines) for name, lines in rows.items()}
    bundle.write(tmp_path / "streamed", streamed, study.PLAN, made_by="an invented study")
    assert contents(tmp_path / "streamed") == contents(study.write(tmp_path / "whole", rows))
