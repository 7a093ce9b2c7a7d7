"""The `tracker` command: what it prints, and that bad input ends in exit code 2 with a message."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tracker import cli, config

PASSWORD = "0123456789abcdef"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TRACKER_DATA", str(tmp_path / "data"))
    monkeypatch.delenv("TRACKER_DATABASE_URL", raising=False)

    def run(*words: str) -> Result:
        return CliRunner().invoke(cli.commands, list(words))

    return run


@pytest.fixture
def installed(run):
    assert run("setup", "--email", "ada@test.example", "--name", "Ada", "--password", PASSWORD).exit_code == 0
    return run


def test_help_teaches_the_first_steps(run):
    said = run("--help").output
    for part in ("tracker setup", "tracker serve", "tracker import", "tracker export", "TRACKER_DATA"):
        assert part in said


def test_setting_up_makes_keys_that_only_their_owner_reads(installed, tmp_path: Path):
    assert (tmp_path / "data" / config.KEYS_FILE).stat().st_mode & 0o077 == 0


def test_setting_up_twice_is_refused_and_keeps_the_keys(installed, tmp_path: Path):
    keys = (tmp_path / "data" / config.KEYS_FILE).read_bytes()
    again = installed("setup", "--email", "eve@test.example", "--name", "Eve", "--password", PASSWORD)
    assert again.exit_code == 2
    assert (tmp_path / "data" / config.KEYS_FILE).read_bytes() == keys


def test_without_an_installation_every_command_says_what_to_do(run):
    for words in (("user", "list"), ("audit", "verify"), ("export", "x", "y", "--as", "z"), ("upgrade",)):
        result = run(*words)
        assert result.exit_code == 2
        assert "run `tracker setup` first, or set TRACKER_DATA" in result.output


def test_keys_that_are_not_keys_are_named(installed, tmp_path: Path):
    (tmp_path / "data" / config.KEYS_FILE).write_text("{}", encoding="utf-8")
    result = installed("user", "list")
    assert (result.exit_code, "restore it from your backup" in result.output) == (2, True)


def test_staff_are_added_listed_and_told_apart(installed):
    added = installed(
        "user", "add", "adam@test.example", "--name", "Adam", "--role", "administrator", "--password", PASSWORD,
        "--as", "ada@test.example",
    )  # fmt: skip
    assert "Adam can sign in as administrator" in added.output
    assert re.findall(r"(\S+@\S+) +(.+)", installed("user", "list").output) == [
        ("ada@test.example", "administrator"),
        ("adam@test.example", "administrator"),
    ]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--role", "administrator", "--password", "short", "--as", "ada@test.example"), "at least 12 characters"),
        (("--role", "evaluator", "--password", PASSWORD, "--as", "nobody@test.example"), "no active account"),
        (
            ("--role", "evaluator", "--study", "x", "--password", PASSWORD, "--as", "ada@test.example"),
            "study 'x': is not here",
        ),
        (
            ("--role", "evaluator", "--site", "x", "--password", PASSWORD, "--as", "ada@test.example"),
            "site 'x': is not here",
        ),
        (("--role", "evaluator", "--password", PASSWORD, "--as", "ada@test.example"), "refused this record"),
        (("--role", "boss", "--password", PASSWORD, "--as", "ada@test.example"), "'boss' is not one of"),
    ],
)
def test_a_member_of_staff_that_cannot_be_is_refused_and_nothing_is_kept(installed, words, says: str):
    result = installed("user", "add", "new@test.example", "--name", "New", *words)
    assert result.exit_code == 2
    assert says in result.output
    assert "new@test.example" not in installed("user", "list").output


def test_the_trail_is_verified_and_a_change_behind_its_back_is_found(installed, tmp_path: Path):
    whole = installed("audit", "verify")
    assert (whole.exit_code, "The trail is whole" in whole.output) == (0, True)
    connection = sqlite3.connect(tmp_path / "data" / config.DATABASE_FILE)
    connection.execute("DROP TRIGGER audit_event_refuses_UPDATE")
    connection.execute("UPDATE audit_event SET actor_id = NULL, action = 'x' WHERE number = 2")
    connection.commit()
    connection.close()
    changed = installed("audit", "verify")
    assert changed.exit_code == 2
    assert "audit_event 2: was changed after it was written" in changed.output


def test_an_import_without_its_mapping_or_with_bad_rows_ends_in_two(installed, tmp_path: Path):
    result = installed("import", str(tmp_path / "none.toml"), "--as", "ada@test.example")
    assert (result.exit_code, "none.toml: cannot be read" in result.output) == (2, True)


def test_an_account_that_may_not_export_is_told_so(installed):
    from tests.world import PLAN
    from tracker.actions import studies
    from tracker.extensions import db
    from tracker.queries import command

    with cli._installation(), db.transaction():
        studies.create_study(by=command.staff_member("ada@test.example", by=None), plan_text=PLAN)
    result = installed("export", "garden", "out", "--as", "ada@test.example")
    assert result.exit_code == 2
    assert "use one whose role allows it" in result.output


def test_the_demo_leaves_a_folder_with_strangers_files_alone(run, tmp_path: Path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "thesis.docx").write_text("years of work", encoding="utf-8")
    result = run("demo")
    assert result.exit_code == 2
    assert "holds other files (thesis.docx)" in result.output
    assert (tmp_path / "data" / "thesis.docx").exists()


def test_a_port_in_use_is_named_with_its_remedy(installed):
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        result = installed("serve", "--port", str(taken.getsockname()[1]))
    assert result.exit_code == 2
    assert "is in use; stop what uses it, or choose another with --port" in result.output
