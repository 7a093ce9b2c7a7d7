"""A server that is thrown away leaves nothing behind, even where its run was killed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import postgres


@pytest.fixture
def ended() -> int:
    """The number of a process that is no more."""
    with subprocess.Popen([sys.executable, "-c", "pass"]) as process:
        process.wait()
    return process.pid


def left_behind(where: Path, words: str) -> Path:
    folder = where / "kit-pg-left"
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "postmaster.pid").write_text(words, encoding="utf-8")
    return folder


def test_a_folder_whose_server_has_ended_goes(tmp_path: Path, ended: int):
    folder = left_behind(tmp_path, f"{ended}\n/data\n")
    postgres.forget_the_dead(tmp_path)
    assert not folder.exists()


@pytest.mark.parametrize("words", ["{running}\n/data\n", "", "soon"])
def test_a_folder_of_a_server_that_runs_or_starts_stays(tmp_path: Path, words: str):
    folder = left_behind(tmp_path, words.format(running=os.getpid()))
    postgres.forget_the_dead(tmp_path)
    assert folder.exists()


def test_other_people_s_folders_and_those_without_a_server_yet_stay(tmp_path: Path, ended: int):
    (tmp_path / "kit-pg-new").mkdir()
    other = left_behind(tmp_path, str(ended)).rename(tmp_path / "other")
    postgres.forget_the_dead(tmp_path)
    assert other.exists()
    assert (tmp_path / "kit-pg-new").exists()
