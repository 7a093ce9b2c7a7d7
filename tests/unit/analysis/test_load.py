"""What a read dataset looks like: types, missing cells, hashes, notices."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from analysis import load
from analysis.result import AnalysisError
from instruments.dataset import TABLES
from tests.unit.analysis import study
from tests.unit.analysis.study import PLAN, Rows

Read = Callable[..., load.Dataset]
DTYPES = {"string": "object", "integer": "Int64", "number": "float64", "date": "datetime64[ns]", "boolean": "boolean"}


@pytest.mark.parametrize("table", TABLES)
def test_every_table_comes_with_its_columns_in_order_and_their_types(table: str, rows: Rows, read: Read) -> None:
    frame = read(rows)[table]
    assert tuple(frame.columns) == TABLES[table].names
    for column in TABLES[table].columns:
        assert str(frame[column.name].dtype) == DTYPES[column.type], column.name


@pytest.mark.parametrize("table", TABLES)
def test_an_empty_table_has_its_columns_and_types_too(table: str, rows: Rows, read: Read) -> None:
    rows["characteristics"] = rows["item_responses"] = []
    for name in ("contacts", "signposts", "referrals", "assignments", "posts", "resources", "consents"):
        rows[name] = []
    frame = read(rows)[table]
    assert tuple(frame.columns) == TABLES[table].names
    for column in TABLES[table].columns:
        assert str(frame[column.name].dtype) == DTYPES[column.type], column.name


def test_rows_come_back_as_they_were_written(rows: Rows, read: Read) -> None:
    people = read(rows)["people"]
    for written, found in zip(rows["people"], people.to_dict("records"), strict=True):
        assert found["person"] == written["person"]
        assert found["entered_on"].date() == written["entered_on"]
        assert found["birth_year"] == written["birth_year"]
        assert found["sex"] == written["sex"]


def test_what_is_missing_is_missing_whatever_its_type(rows: Rows, read: Read) -> None:
    rows["people"][0] |= {"sex": None, "birth_year": None, "lives_alone": None, "left_on": None}
    first = read(rows)["people"].iloc[0]
    assert first[["sex", "birth_year", "lives_alone", "left_on"]].isna().all()


@pytest.mark.parametrize("value", [True, False])
def test_yes_and_no_come_back(value: bool, rows: Rows, read: Read) -> None:
    rows["people"][0]["carer"] = value
    assert read(rows)["people"]["carer"].iloc[0] == value


@pytest.mark.parametrize("text", ["=SUM(A1)", "+44", "-", "@home", "'quoted", "plain", "à côté", "a,b", 'say "x"'])
def test_texts_that_a_spreadsheet_might_run_come_back_as_they_were(text: str, rows: Rows, read: Read) -> None:
    rows["resources"][0]["name"] = text
    assert read(rows)["resources"]["name"].iloc[0] == text


@pytest.mark.parametrize("score", [0.1 + 0.2, -0.285, 1e-9, 1 / 3])
def test_a_number_keeps_every_digit(score: float, rows: Rows, read: Read) -> None:
    rows["scores"][0]["score"] = score
    assert read(rows)["scores"]["score"].iloc[0] == score


def test_the_hash_of_every_file_is_kept(tmp_path: Path) -> None:
    folder = study.write(tmp_path / "bundle")
    hashes = load.read(folder).hashes
    assert set(hashes) == {f"{name}.csv" for name in TABLES}
    for name, found in hashes.items():
        assert found == hashlib.sha256((folder / name).read_bytes()).hexdigest()


def test_an_untouched_bundle_has_nothing_to_notice(rows: Rows, read: Read) -> None:
    assert read(rows).notices == ()


def test_the_given_plan_decides_and_its_difference_is_noticed(tmp_path: Path) -> None:
    folder = study.write(tmp_path / "bundle")
    other = tmp_path / "other.toml"
    other.write_text(PLAN + "\n[analysis]\nconfidence = 0.9\n", encoding="utf-8")
    dataset = load.read(folder, other)
    assert dataset.plan.confidence == 0.9
    (notice,) = dataset.notices
    assert notice.text == "The plan given is not the plan that travelled with the data: their hashes differ."


def test_the_same_plan_in_another_layout_is_the_same_plan(tmp_path: Path) -> None:
    folder = study.write(tmp_path / "bundle")
    other = tmp_path / "other.toml"
    other.write_text("# written anew\n\n" + PLAN.replace("\n\n", "\n\n\n"), encoding="utf-8")
    assert load.read(folder, other).notices == ()


def test_columns_in_another_order_are_read_by_their_names(tmp_path: Path) -> None:
    folder = study.write(tmp_path / "bundle")
    path = folder / "sites.csv"
    frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    frame[frame.columns[::-1]].to_csv(path, index=False)
    found = load.read(folder)["sites"]
    assert tuple(found.columns) == TABLES["sites"].names
    assert found["list_size"].iloc[0] == 4000


def test_a_byte_order_mark_as_spreadsheets_write_it_does_no_harm(tmp_path: Path) -> None:
    folder = study.write(tmp_path / "bundle")
    path = folder / "sites.csv"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert load.read(folder)["sites"]["site"].iloc[0] == "s1"


def test_a_dataset_cannot_be_changed_by_accident(rows: Rows, read: Read) -> None:
    dataset = read(rows)
    with pytest.raises(AttributeError):
        dataset.plan = dataset.plan  # type: ignore[misc]


def test_faults_are_kept_one_by_one(rows: Rows, read: Read, tmp_path: Path) -> None:
    read(rows)
    (tmp_path / "bundle" / "contacts.csv").unlink()
    (tmp_path / "bundle" / "posts.csv").unlink()
    with pytest.raises(AnalysisError) as refused:
        load.read(tmp_path / "bundle")
    assert refused.value.faults == (
        "posts.csv: is not in the bundle; export it again",
        "contacts.csv: is not in the bundle; export it again",
    )
    assert str(refused.value) == "\n".join(refused.value.faults)


def test_dates_are_dates_and_not_times(rows: Rows, read: Read) -> None:
    rows["people"][0]["entered_on"] = date(2024, 2, 29)
    found = read(rows)["people"]["entered_on"].iloc[0]
    assert found == pd.Timestamp("2024-02-29")
    assert found.hour == 0
