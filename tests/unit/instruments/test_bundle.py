"""Writing a bundle: whole or not at all, described well enough for a stranger."""

from __future__ import annotations

import csv
import hashlib
import json
from datetime import date
from pathlib import Path

import pytest

from instruments import bundle
from instruments.dataset import TABLES, ContractError
from tests.unit.instruments.test_plan import SHORT

PEOPLE = [
    {"person": "p1", "site": "x", "entered_on": date(2025, 1, 2), "sex": "female", "lives_alone": True},
    {"person": "p2", "site": "x", "entered_on": date(2025, 1, 3), "ltc_count": 3},
]
TABLES_GIVEN = {"sites": [{"site": "x", "list_size": 8000}], "people": PEOPLE}


def write(folder: Path, **tables: object) -> dict[str, int]:
    return bundle.write(folder, {**TABLES_GIVEN, **tables}, SHORT, made_by="a test")  # type: ignore[arg-type]


def described(folder: Path) -> dict:
    return json.loads((folder / "datapackage.json").read_text(encoding="utf-8"))


def test_rows_are_counted_by_table_and_tables_that_are_not_given_are_empty(tmp_path: Path):
    written = write(tmp_path / "b")
    assert {name: count for name, count in written.items() if count} == {"sites": 1, "people": 2}
    assert set(written) == set(TABLES)
    with (tmp_path / "b" / "contacts.csv").open(encoding="utf-8") as file:
        assert list(csv.reader(file)) == [list(TABLES["contacts"].names)]


def test_the_description_carries_types_units_codes_labels_and_hashes(tmp_path: Path):
    write(tmp_path / "b")
    package = described(tmp_path / "b")
    people = next(resource for resource in package["resources"] if resource["name"] == "people")
    fields = {field["name"]: field for field in people["schema"]["fields"]}
    assert fields["entered_on"]["type"] == "date"
    assert fields["ltc_count"]["unit"] == "conditions"
    assert {"value": "female", "label": "Female"} in fields["sex"]["categories"]
    assert people["schema"]["missingValues"] == [""]
    content = (tmp_path / "b" / "people.csv").read_bytes()
    assert people["hash"] == "sha256:" + hashlib.sha256(content).hexdigest()
    assert (people["bytes"], people["rows"]) == (len(content), 2)


def test_the_plan_travels_along_with_its_hash(tmp_path: Path):
    from instruments import plan

    write(tmp_path / "b")
    assert (tmp_path / "b" / "plan.toml").read_text(encoding="utf-8") == SHORT
    assert described(tmp_path / "b")["plan"] == {"path": "plan.toml", "sha256": plan.parse(SHORT).sha256}


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ({"person": "p3", "site": "x"}, "people.entered_on, row 1: is empty; every row needs a value"),
        (
            {"person": "p3", "entered_on": date(2025, 1, 1), "sex": "f"},
            "people.sex, row 1: unexpected value 'f'; allowed",
        ),
        ({"person": "p3", "entered_on": "2025-01-01"}, "people.entered_on, row 1: unexpected value '2025-01-01'"),
    ],
)
def test_a_row_that_breaks_the_contract_stops_everything(tmp_path: Path, row: dict, says: str):
    with pytest.raises(ContractError, match=says.replace(".", r"\.")):
        write(tmp_path / "b", people=[row])
    assert list(tmp_path.iterdir()) == []


def test_a_new_bundle_takes_the_place_of_the_old_one_whole(tmp_path: Path):
    write(tmp_path / "b")
    write(tmp_path / "b", people=PEOPLE[:1])
    assert described(tmp_path / "b")["resources"][2]["rows"] == 1
    assert [path.name for path in tmp_path.iterdir()] == ["b"]


@pytest.mark.parametrize("in_a_bundle", [False, True], ids=["in a folder", "in an earlier bundle"])
@pytest.mark.parametrize("name", ["thesis.docx", "notes/diary.txt", "people-old.csv"])
def test_a_folder_with_anything_else_in_it_is_left_alone(tmp_path: Path, in_a_bundle: bool, name: str):
    if in_a_bundle:
        write(tmp_path / "b")
    path = tmp_path / "b" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("years of work", encoding="utf-8")
    with pytest.raises(ContractError, match=r"holds other files \(.*\); name a new or empty folder"):
        write(tmp_path / "b")
    assert path.read_text(encoding="utf-8") == "years of work"
    assert [each.name for each in tmp_path.iterdir()] == ["b"]


def test_somebody_elses_data_package_is_not_taken_for_a_bundle(tmp_path: Path):
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "datapackage.json").write_text('{"name": "theirs"}', encoding="utf-8")
    with pytest.raises(ContractError, match=r"holds other files \(datapackage\.json\)"):
        write(tmp_path / "b")


def test_a_file_is_not_a_folder(tmp_path: Path):
    (tmp_path / "b").write_text("x", encoding="utf-8")
    with pytest.raises(ContractError, match="is a file; name a new or empty folder"):
        write(tmp_path / "b")


def test_only_its_owner_reads_a_bundle(tmp_path: Path):
    write(tmp_path / "b")
    write(tmp_path / "b")
    assert (tmp_path / "b").stat().st_mode & 0o077 == 0


def test_rows_are_streamed_and_never_held_all_at_once(tmp_path: Path):
    alive = []

    class Watched(dict):
        def __init__(self, number: int) -> None:
            super().__init__(person=f"p{number}", entered_on=date(2025, 1, 1))
            alive.append(number)

        def __del__(self) -> None:
            alive.pop()

    most = 0

    def rows():
        nonlocal most
        for number in range(1000):
            yield Watched(number)
            most = max(most, len(alive))

    assert write(tmp_path / "b", people=rows())["people"] == 1000
    assert most <= 3


def test_the_codebook_names_every_column_code_and_scale(tmp_path: Path):
    write(tmp_path / "b")
    page = (tmp_path / "b" / "codebook.html").read_text(encoding="utf-8")
    for table in TABLES.values():
        for column in table.columns:
            assert f"<td>{column.name}</td>" in page
    assert "female = Female" in page
    assert "0 to 27" in page
    assert "12m" in page
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert "<script" not in page


def test_a_title_cannot_smuggle_markup_into_the_codebook(tmp_path: Path):
    hostile = SHORT.replace("A study", "<script>alert(1)</script>")
    bundle.write(tmp_path / "b", TABLES_GIVEN, hostile, made_by="a test")
    assert "<script" not in (tmp_path / "b" / "codebook.html").read_text(encoding="utf-8")
