"""What the tests ask of the machine: in memory where there is room, never where there is none or somebody chose."""

from __future__ import annotations

import sys
from pathlib import Path

from tests import machine

ELSEWHERE = {"TMPDIR": "/somewhere", "PYTHONPYCACHEPREFIX": "/else", **dict.fromkeys(machine.THREADS, "3")}


def test_folders_stand_in_memory_where_there_is_room(tmp_path: Path):
    assert machine.has_room(tmp_path, room=0)
    assert not machine.has_room(tmp_path, room=2**62)


def test_a_machine_without_such_a_folder_uses_its_disk(tmp_path: Path):
    assert not machine.has_room(tmp_path / "missing", room=0)
    assert "TMPDIR" not in machine.wishes({}, memory=tmp_path / "missing")


def test_what_somebody_chose_stays(tmp_path: Path):
    assert machine.wishes(ELSEWHERE, memory=tmp_path) == {}


def test_one_thread_to_a_process():
    wanted = machine.wishes({})
    assert {wanted[name] for name in machine.THREADS} == {"1"}


def test_compiled_code_stays_in_the_environment_of_the_tests_and_out_of_a_system_s(tmp_path: Path):
    assert machine.wishes({}, prefix=str(tmp_path))["PYTHONPYCACHEPREFIX"] == str(tmp_path / "bytecode")
    assert "PYTHONPYCACHEPREFIX" not in machine.wishes({}, prefix=sys.base_prefix)


def test_a_file_that_takes_long_comes_before_many_quick_tests_and_stays_in_order():
    quick, long = "tests/unit/test_quick.py", "tests/journey/test_long.py"
    files = [quick] * 20 + [long] * 2 + [quick]
    assert machine.longest_first([*range(23)], files) == [20, 21, *range(20), 22]


def test_of_files_of_a_folder_the_one_with_more_tests_comes_first():
    files = [
        "tests/unit/test_b.py",
        "tests/unit/test_a.py",
        "tests/unit/test_a.py",
        "tests/unit/test_b.py",
        "tests/x.py",
    ]
    assert machine.longest_first([*"abcde"], files) == [*"bcade"]
