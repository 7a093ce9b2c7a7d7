"""`python -m instruments`: what each command prints, and how it refuses."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from instruments import FOLDER, get, library, value_sets
from instruments.__main__ import main
from instruments.card import METHODS as METHOD_WORDS
from instruments.card import WIDTH, card
from instruments.catalogue import DOMAINS, markdown
from instruments.scoring import METHODS

Bend = Callable[..., str]
Capture = pytest.CaptureFixture[str]


# ---------------------------------------------------------------- list and show


def test_the_list_names_every_instrument_and_value_set(capsys: Capture) -> None:
    assert main(["list"]) == 0
    printed = capsys.readouterr().out
    first_words = [line.split()[0] for line in printed.splitlines() if line]
    assert first_words == [each.id for each in library()] + ["value"] + list(value_sets.known())


def test_the_card_of_the_phq9_says_what_its_file_says(capsys: Capture) -> None:
    assert main(["show", "phq9"]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    for words in (
        "Patient Health Questionnaire (PHQ-9) [phq9, version 1]",
        "Little interest or pleasure in doing things 0 Not at all · 1 Several days",
        "total Depression severity: 0 to 27, lower is better the sum of the answers; items i1, i2, i3",
        "missing: 9 of 9 must be answered (none stated: all items needed)",
        "bands: 0-4 Minimal · 5-9 Mild · 10-14 Moderate · 15-19 Moderately severe · 20-27 Severe",
        "minimal important difference: 1.7 (anchor; Kounali 2022",
        "Alert: Ask about safety now when i9 is 1 or more.",
    ):
        assert words in printed


@pytest.mark.parametrize("instrument", library(), ids=lambda each: each.id)
def test_every_instrument_has_a_card_that_fits_a_screen(instrument: object) -> None:
    text = card(instrument)  # type: ignore[arg-type]
    words = [word for line in text.splitlines() for word in [line] if len(word) > WIDTH and " " in word.strip()]
    assert words == []
    assert "{" not in text


def test_the_card_has_words_for_every_method() -> None:
    assert set(METHOD_WORDS) == set(METHODS)


def test_an_unknown_instrument_is_refused_by_name(capsys: Capture) -> None:
    assert main(["show", "phq8"]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("instrument: 'phq8' is not known; use one of")


# ---------------------------------------------------------------- check


def test_the_whole_library_is_sound(capsys: Capture) -> None:
    assert main(["check"]) == 0
    assert capsys.readouterr().out == f"{len(list(FOLDER.glob('*.toml')))} definitions are sound\n"


def test_a_file_of_ones_own_is_checked(garden_text: str, tmp_path: Path, capsys: Capture) -> None:
    (mine := tmp_path / "garden-1.toml").write_text(garden_text, encoding="utf-8")
    assert main(["check", str(mine)]) == 0
    assert capsys.readouterr().out == "1 definition is sound\n"


def test_every_fault_of_every_file_is_told_with_the_file(bent: Bend, tmp_path: Path, capsys: Capture) -> None:
    one = tmp_path / "garden-1.toml"
    one.write_text(bent(("min_answered = 2", "min_answered = 4"), ("at_least = 40", "at_least = 51")), encoding="utf-8")
    (two := tmp_path / "other-1.toml").write_text(bent(), encoding="utf-8")
    assert main(["check", str(one), str(two)]) == 1
    assert capsys.readouterr().err.splitlines() == [
        "garden-1.toml: scales.total: min_answered is 4 for 3 items; give 1 to 3",
        "garden-1.toml: alerts.swarm: 51 is not an answer to 'bees'; allowed: 0 to 50",
        "other-1.toml: id and version say garden-1.toml; rename the file or correct them",
    ]


def test_a_file_that_is_not_there_is_refused(tmp_path: Path, capsys: Capture) -> None:
    assert main(["check", str(tmp_path / "none-1.toml")]) == 1
    assert (
        capsys.readouterr().err
        == f"{tmp_path / 'none-1.toml'}: cannot be read (No such file or directory); name a file\n"
    )


def test_a_file_that_cannot_be_read_does_not_hide_the_faults_of_the_next(
    bent: Bend, tmp_path: Path, capsys: Capture
) -> None:
    (bad := tmp_path / "garden-1.toml").write_text("id = garden", encoding="utf-8")
    assert main(["check", str(tmp_path), str(bad)]) == 1
    said = capsys.readouterr().err.splitlines()
    assert said[0].startswith(f"{tmp_path}: cannot be read (")
    assert said[1].startswith("garden-1.toml: is not TOML")


def test_two_files_of_one_instrument_and_version_are_told(garden_text: str, tmp_path: Path, capsys: Capture) -> None:
    files = [tmp_path / name / "garden-1.toml" for name in ("a", "b")]
    for file in files:
        file.parent.mkdir()
        file.write_text(garden_text, encoding="utf-8")
    assert main(["check", *map(str, files)]) == 1
    said = f"{files[1]}: is garden, version 1, as {files[0]} is; give it another version\n"
    assert capsys.readouterr().err == said


def test_an_id_may_be_written_in_capitals(capsys: Capture) -> None:
    assert main(["show", "PHQ9"]) == 0
    assert "Patient Health Questionnaire" in capsys.readouterr().out


# ---------------------------------------------------------------- score


@pytest.fixture
def scored(tmp_path: Path, capsys: Capture) -> Callable[..., tuple[int, list[dict[str, str]], str]]:
    """Score a table that is given as text: exit status, the rows that were printed, what was said besides."""

    def run(text: str, *arguments: str) -> tuple[int, list[dict[str, str]], str]:
        (file := tmp_path / "answers.csv").write_text(text, encoding="utf-8")
        status = main(["score", str(file), *arguments])
        printed = capsys.readouterr()
        return status, list(csv.DictReader(io.StringIO(printed.out))), printed.err

    return run


Run = Callable[..., tuple[int, list[dict[str, str]], str]]

PHQ9 = "person,i1,i2,i3,i4,i5,i6,i7,i8,i9,site\n"


def test_scores_stand_after_the_columns_as_they_came(scored: Run) -> None:
    status, rows, said = scored(PHQ9 + "a,3,0,1,2,0,0,1,0,3,x\nb,3,0,1,,0,0,1,0,3,y\n", "--instrument", "phq9")
    assert (status, said) == (0, "")
    assert list(rows[0]) == [*PHQ9.strip().split(","), "total", "total_reason"]
    assert [(row["person"], row["site"], row["total"], row["total_reason"]) for row in rows] == [
        ("a", "x", "10", ""),
        ("b", "y", "", "too-few-answers"),
    ]


@pytest.mark.parametrize("blank", ["", " ", "NA", "NaN", ".", "n/a", "<NA>", "None", "null", "-"])
def test_a_blank_is_an_answer_not_given(scored: Run, blank: str) -> None:
    _, (row,), _ = scored(PHQ9 + f"a,3,0,1,{blank},0,0,1,0,3,x\n", "--instrument", "phq9")
    assert row["total_reason"] == "too-few-answers"


def test_whole_numbers_with_a_point_are_whole_numbers(scored: Run) -> None:
    _, (row,), _ = scored(PHQ9 + "a,3.0,0.0,1.,2,0,0,1,0,3,x\n", "--instrument", "phq9")
    assert row["total"] == "10"


def test_the_value_set_can_be_chosen(scored: Run) -> None:
    table = "mo,sc,ua,pd,ad,vas\n5,5,5,5,5,40\n"
    values = [
        scored(table, "--instrument", "eq5d-5l", *choice)[1][0]["value"]
        for choice in ((), ("--value-set", "england-2018-devlin"))
    ]
    assert values == ["-0.567", "-0.285"]


def test_columns_can_be_taken_in_order_whatever_their_names(scored: Run) -> None:
    _, (row,), said = scored("a,b,c,d,e\n2,1,2,3,2\n", "--instrument", "eq5d-5l", "--in-order")
    assert (row["value"], row["vas"], row["vas_reason"]) == ("0.812", "", "too-few-answers")
    assert said == "note: no column for vas: counted as not answered in every row\n"


def test_in_order_the_columns_after_the_items_are_passed_on(scored: Run) -> None:
    _, (row,), _ = scored("a,b,c,d,who\n1,2,3,4,me\n", "--instrument", "ons4", "--in-order")
    assert (row["who"], row["satisfied"], row["anxious"]) == ("me", "1", "4")


def test_an_item_that_is_a_scale_too_stands_twice_with_one_number(scored: Run) -> None:
    _, (row,), _ = scored("satisfied,worthwhile,happy,anxious\n7,8,9,1\n", "--instrument", "ons4")
    assert [row[id] for id in ("satisfied", "worthwhile", "happy", "anxious")] == ["7", "8", "9", "1"]


FAULTS = {
    "an answer out of range": (
        PHQ9 + "a,7,0,1,2,0,0,1,0,3,x\n",
        "row 2, i1: '7' is not an answer to i1; allowed: 0, 1, 2, 3",
    ),
    "a fraction": (PHQ9 + "a,1.5,0,1,2,0,0,1,0,3,x\n", "row 2, i1: '1.5' is not an answer to i1; allowed: 0, 1, 2, 3"),
    "a word": (PHQ9 + "a,never,0,1,2,0,0,1,0,3,x\n", "row 2, i1: 'never' is not an answer to i1; allowed: 0, 1, 2, 3"),
    "a short row": (PHQ9 + "a,1,1\n", "row 2: has 3 cells for 11 columns; correct the row"),
    "a column twice": ("i1,i1\n1,1\n", "column 'i1' is there twice; rename one"),
    "a column named as a score": (
        PHQ9.replace("site", "total") + "",
        "column 'total' has the name of a score; rename it",
    ),
    "no column of the instrument": (
        "a,b\n1,2\n",
        "no column is an item of phq9; name them i1, i2, i3, i4, i5, i6, i7, i8, i9, or say --in-order",
    ),
    "an empty file": (
        "",
        "no column is an item of phq9; name them i1, i2, i3, i4, i5, i6, i7, i8, i9, or say --in-order",
    ),
    "a column twice, once in capitals": (PHQ9.replace("site", "I1"), "column 'i1' is there twice; rename one"),
    "a fault after an empty line": (
        PHQ9 + "\n\na,7,0,1,2,0,0,1,0,3,x\n",
        "row 4, i1: '7' is not an answer to i1; allowed: 0, 1, 2, 3",
    ),
}
IPAQ = "vigorous_days,vigorous_minutes,moderate_days,moderate_minutes,walking_days,walking_minutes,sitting_minutes"
WALKS = "0,,0,,7,30,60"


@pytest.mark.parametrize(("text", "said"), FAULTS.values(), ids=FAULTS.keys())
def test_a_table_with_a_fault_is_refused_whole(scored: Run, text: str, said: str) -> None:
    assert scored(text, "--instrument", "phq9") == (2, [], f"{said}\n")


@pytest.mark.parametrize(
    ("column", "cell", "reason"),
    [
        ("age", "80", "out-of-age-range"), ("Age", "80", "out-of-age-range"), (" AGE ", "80", "out-of-age-range"),
        ("age", "50", ""), ("age", "", ""), ("years", "80", ""),
    ],
)  # fmt: skip
def test_a_column_of_ages_is_found_however_it_is_written(scored: Run, column: str, cell: str, reason: str) -> None:
    _, (row,), _ = scored(f"{IPAQ},{column}\n{WALKS},{cell}\n", "--instrument", "ipaq-sf")
    assert (row["total"], row["total_reason"]) == ("" if reason else "693.0", reason)


@pytest.mark.parametrize("cell", ["old", "34.5", "-"])
def test_an_age_matters_only_where_a_rule_looks_at_it(scored: Run, cell: str) -> None:
    status, (row,), _ = scored(PHQ9.replace("site", "age") + f"a,1,0,1,2,0,0,1,0,3,{cell}\n", "--instrument", "phq9")
    assert (status, row["total"]) == (0, "8")
    status, rows, said = scored(f"{IPAQ},age\n{WALKS},{cell}\n", "--instrument", "ipaq-sf")
    if cell == "-":
        assert status == 0
    else:
        assert (status, rows, said) == (2, [], f"row 2, age: '{cell}' is not an age; give whole years\n")


@pytest.mark.parametrize("cell", ["other", "unknown", "x", ""])
def test_a_sex_matters_only_where_a_rule_looks_at_it(scored: Run, cell: str) -> None:
    text = PHQ9.replace("site", "sex") + f"a,1,0,1,2,0,0,1,0,3,{cell}\n"
    status, (row,), _ = scored(text, "--instrument", "phq9")
    assert (status, row["total"]) == (0, "8")


def test_a_sex_that_no_rule_knows_is_refused_or_has_no_value(scored: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("INSTRUMENTS_DSU_TABLE", raising=False)
    asked = ("--instrument", "eq5d-5l", "--value-set", "uk-3l-2022-dsu")
    status, rows, said = scored("mo,sc,ua,pd,ad,sex,age\n1,1,1,1,1,q,40\n", *asked)
    assert (status, rows) == (2, [])
    assert said == "row 2, sex: 'q' is not known; give female, f, male, m, other, unknown, or leave it empty\n"
    status, (row,), _ = scored("mo,sc,ua,pd,ad,sex,age\n1,1,1,1,1,other,40\n", *asked)
    assert (status, row["value"]) == (0, "")
    assert row["value_reason"] in ("no-table", "age-or-sex-missing")


def test_columns_are_found_in_capitals_and_with_spaces_and_come_out_as_they_were(scored: Run) -> None:
    _, (row,), said = scored("MO, sc,Ua,PD ,ad\n1,1,1,1,1\n", "--instrument", "eq5d-5l")
    assert list(row)[:5] == ["MO", " sc", "Ua", "PD ", "ad"]
    assert row["value"] == "1.000"
    assert "no column for vas" in said


@pytest.mark.parametrize("id", ["gsrh", "fft", "ons-loneliness"])
def test_an_empty_line_of_one_column_is_a_missing_answer_and_keeps_its_row(scored: Run, id: str) -> None:
    item = get(id).items[0].id
    status, rows, _ = scored(f"{item}\n1\n\n3\n", "--instrument", id)
    assert (status, [row[item] for row in rows]) == (0, ["1", "", "3"])
    reasons = [name for name in rows[1] if name.endswith("_reason")]
    assert {rows[1][name] for name in reasons} == {"too-few-answers"}


def test_an_empty_line_between_rows_of_several_columns_is_none(scored: Run) -> None:
    _, rows, _ = scored("happy,anxious\n7,1\n\n8,2\n", "--instrument", "ons4")
    assert [row["happy"] for row in rows] == ["7", "8"]


def test_a_mark_at_the_start_of_standard_input_is_no_part_of_the_first_name(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("\ufeffhealth\n2\n"))
    assert main(["score", "-", "--instrument", "gsrh"]) == 0
    header, row = capsys.readouterr().out.splitlines()
    assert header.startswith("health,")
    assert "too-few-answers" not in row


def test_a_table_that_is_not_utf_8_is_told_by_name_with_what_to_do(tmp_path: Path, capsys: Capture) -> None:
    (file := tmp_path / "answers.csv").write_bytes("Größe,happy\n1,7\n".encode("latin-1"))
    assert main(["score", str(file), "--instrument", "ons4"]) == 2
    assert capsys.readouterr().err == f"{file}: is not text in UTF-8; save it as CSV in UTF-8\n"


def test_every_bad_cell_is_listed(scored: Run) -> None:
    status, rows, said = scored(
        PHQ9 + "a,7,0,1,2,0,0,1,0,x,s\nb,1,1,1,1,1,1,1,1,1,s\nc,9,0,1,2,0,0,1,0,3,s\n", "--instrument", "phq9"
    )
    assert (status, rows) == (2, [])
    assert [line.split(":")[0] for line in said.splitlines()] == ["row 2, i1", "row 2, i9", "row 4, i1"]


def test_an_unknown_value_set_is_refused_even_for_an_empty_table(scored: Run) -> None:
    status, rows, said = scored("mo,sc,ua,pd,ad\n", "--instrument", "eq5d-5l", "--value-set", "mars")
    assert (status, rows) == (2, [])
    assert said.startswith("value set: 'mars' is not known for eq5d-5l; use one of")


def test_a_table_from_a_spreadsheet_with_a_mark_at_its_start_is_read(tmp_path: Path, capsys: Capture) -> None:
    (file := tmp_path / "answers.csv").write_bytes(b"\xef\xbb\xbfsatisfied,happy\r\n7,8\r\n")
    assert main(["score", str(file), "--instrument", "ons4"]) == 0
    assert capsys.readouterr().out.splitlines()[1].startswith("7,8,7,")


def test_the_module_runs_and_its_help_teaches() -> None:
    said = subprocess.run(
        [sys.executable, "-m", "instruments", "--help"],
        capture_output=True,
        text=True,
        check=True,
        cwd=FOLDER.parent.parent,
    ).stdout
    assert "python -m instruments score answers.csv --instrument eq5d-5l" in said
    assert get("phq9").title not in said


# ---------------------------------------------------------------- export and import


@pytest.mark.parametrize(("form", "begins"), [("fhir", b"{"), ("redcap", b"Variable / Field Name"), ("xlsform", b"PK")])
def test_an_instrument_is_written_for_another_system(
    form: str, begins: bytes, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    out = tmp_path / "there"
    assert main(["export", "phq9", "--format", form, "--out", str(out)]) == 0
    assert out.read_bytes().startswith(begins)
    capfdbinary.readouterr()
    command = [sys.executable, "-m", "instruments", "export", "phq9", "--format", form]
    printed = subprocess.run(command, capture_output=True, check=True, cwd=FOLDER.parents[1]).stdout
    assert printed == out.read_bytes()


def test_a_questionnaire_comes_back_as_a_definition_to_finish(tmp_path: Path, capsys: Capture) -> None:
    there = tmp_path / "phq9.json"
    assert main(["export", "phq9", "--format", "fhir", "--out", str(there)]) == 0
    capsys.readouterr()
    assert main(["import", str(there)]) == 0
    draft = tmp_path / "phq9-1.toml"
    draft.write_text(capsys.readouterr().out, encoding="utf-8")
    assert main(["check", str(draft)]) == 1
    assert "phq9-1.toml: short_title: is missing; add it" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nonsense", "there.json: is not JSON ("),
        ("[]", "there.json: is not an object; give a FHIR R4 Questionnaire"),
        ("{}", "resourceType: is None; give a FHIR R4 Questionnaire"),
    ],
)
def test_what_is_no_questionnaire_is_refused(text: str, said: str, tmp_path: Path, capsys: Capture) -> None:
    there = tmp_path / "there.json"
    there.write_text(text, encoding="utf-8")
    assert main(["import", str(there)]) == 2
    assert said in capsys.readouterr().err


# ---------------------------------------------------------------- the catalogue


def test_the_page_in_the_docs_is_the_catalogue(capsys: Capture) -> None:
    assert main(["catalogue"]) == 0
    page = FOLDER.parents[1] / "docs" / "instruments.md"
    assert capsys.readouterr().out == page.read_text(encoding="utf-8")


def test_the_catalogue_names_every_instrument_once_and_what_was_left_out() -> None:
    page = markdown(library())
    assert {each.domain for each in library()} == set(DOMAINS)
    for each in library():
        assert page.count(f"| `{each.id}` |") == 1
    for name in ("PAM-13", "HADS", "Outcomes Star", "SF-12, SF-6D", "HLQ", "AQoL"):
        assert f"| {name} |" in page
