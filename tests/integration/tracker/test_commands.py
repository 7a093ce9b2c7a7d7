"""The `tracker` command: what it prints, and that bad input ends in exit code 2 with a message."""

from __future__ import annotations

import re
import shutil
import socket
import sqlite3
from contextlib import closing
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from tests.world import PLAN
from tracker import cli, config, extensions
from tracker.cli import workers as processes

PASSWORD = "a-long-enough-password"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TRACKER_DATA", str(tmp_path / "data"))
    for name in ("TRACKER_DATABASE_URL", "TRACKER_PASSWORD", "TRACKER_PROXIES", "PORT"):
        monkeypatch.delenv(name, raising=False)

    def run(*words: str) -> Result:
        return CliRunner().invoke(cli.commands, list(words))

    return run


@pytest.fixture
def installed(run, installation: Path, tmp_path: Path):
    shutil.copytree(installation, tmp_path / "data")
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


def database(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'data' / config.DATABASE_FILE}"


@pytest.fixture
def nothing_served(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What would have been served."""
    served: list[object] = []
    monkeypatch.setattr(processes, "listen", lambda *_: [])
    monkeypatch.setattr(processes, "serve", lambda *given, **_: served.append(given))
    return served


@pytest.mark.parametrize("revision", ["-1", "base"])
def test_a_database_of_an_older_version_is_not_served_until_it_is_upgraded(
    installed, tmp_path: Path, nothing_served: list[object], revision: str
):
    extensions.downgrade(database(tmp_path), revision)
    found, known = extensions.schemas(database(tmp_path))
    refused = installed("serve")
    assert (refused.exit_code, nothing_served) == (2, [])
    assert f"the schema of an older tracker ({found or 'none'}; this one needs {known[-1]})" in refused.output
    assert "back it up, and run `tracker upgrade`" in refused.output
    assert installed("upgrade").exit_code == 0
    assert installed("serve").exit_code == 0
    assert len(nothing_served) == 1


@pytest.mark.parametrize("words", ["serve", "upgrade"])
def test_a_database_of_a_newer_version_is_left_alone(
    installed, tmp_path: Path, nothing_served: list[object], words: str
):
    file = tmp_path / "data" / config.DATABASE_FILE
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        before = list(connection.iterdump())
    refused = installed(words)
    assert (refused.exit_code, nothing_served) == (2, [])
    with closing(sqlite3.connect(file)) as connection:
        assert list(connection.iterdump()) == before
    assert (
        f"was upgraded by a newer tracker (schema 9999; this one knows {extensions.schemas(database(tmp_path))[1][-1]} at most)"
        in refused.output
    )


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
        (
            ("--role", "administrator", "--password", "short", "--as", "ada@test.example"),
            "'--password': is too short; use at least 12 characters",
        ),
        (("--role", "administrator", "--password", PASSWORD, "--as", "nobody@test.example"), "no active account"),
        (
            ("--role", "evaluator", "--study", "x", "--password", PASSWORD, "--as", "ada@test.example"),
            "study 'x': is not here",
        ),
        (
            ("--role", "evaluator", "--study", "x", "--site", "x", "--password", PASSWORD, "--as", "ada@test.example"),
            "--site: the role evaluator holds at every site; leave --site away",
        ),
        (
            ("--role", "administrator", "--site", "x", "--password", PASSWORD, "--as", "ada@test.example"),
            "--site: the role administrator holds at every site; leave --site away",
        ),
        (
            ("--role", "administrator", "--study", "x", "--password", PASSWORD, "--as", "ada@test.example"),
            "--study: the role administrator holds in every study; leave --study away",
        ),
        (
            ("--role", "evaluator", "--password", PASSWORD, "--as", "ada@test.example"),
            "--study: the role evaluator holds in a study; name it with --study",
        ),
        (
            ("--role", "outcome-assessor", "--study", "x", "--password", PASSWORD, "--as", "ada@test.example"),
            "--site: the role outcome assessor holds at a site of a study; name both with --study and --site",
        ),
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


MAPPING = """
plan = "plan.toml"

[people]
file = "people.csv"
person = "id"
site = "practice"
arm = { column = "arm", codes = { "1" = "intervention", "0" = "comparison", "2" = "" } }
entered_on = "entered"
"""


@pytest.mark.parametrize(
    ("others", "said"),
    [
        (0, []),
        (1, ["left out: 1 person of an arm that the mapping codes as none of the plan's"]),
        (1200, ["left out: 1,200 people of arms that the mapping codes as none of the plan's"]),
    ],
)
def test_an_import_says_how_many_people_of_another_arm_it_left_out(installed, tmp_path: Path, others: int, said):
    rows = ["id,practice,arm,entered", "1,a,1,2024-03-01", "2,b,0,2024-03-01"]
    rows += [f"{number + 3},c,2,2024-03-01" for number in range(others)]
    for name, text in (("plan.toml", PLAN), ("mapping.toml", MAPPING), ("people.csv", "\n".join(rows))):
        (tmp_path / name).write_text(text, encoding="utf-8")
    words = ("import", str(tmp_path / "mapping.toml"), "--as", "ada@test.example")
    for more, last in (["--preview"], "Nothing was written: this was a preview."), ([], "Imported as study 'garden'."):
        result = installed(*words, *more)
        assert result.exit_code == 0
        lines = result.output.splitlines()
        assert [line for line in lines if line.startswith("left out")] == said
        assert last in lines
        assert f"{2:>9}  people" in lines


def test_an_account_that_may_not_export_is_told_so(installed, tmp_path: Path):
    (tmp_path / "plan.toml").write_text(PLAN, encoding="utf-8")
    assert installed("study", "add", str(tmp_path / "plan.toml"), "--as", "ada@test.example").exit_code == 0
    result = installed("export", "garden", "out", "--as", "ada@test.example")
    assert result.exit_code == 2
    assert "use one whose role allows it" in result.output


def test_a_port_in_use_is_named_with_its_remedy(installed):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        result = installed("serve", "--port", str(taken.getsockname()[1]))
    assert result.exit_code == 2
    assert "is in use; stop what uses it, or choose another with --port" in result.output


@pytest.mark.parametrize("port", ["0", "65536", "-1"])
def test_a_port_that_cannot_be_is_refused_with_those_that_can(installed, port: str):
    result = installed("serve", "--port", port)
    assert (result.exit_code, "1<=x<=65535" in result.output) == (2, True)


@pytest.mark.parametrize("host", ["no.such.host.invalid", "192.0.2.1"])
def test_a_host_that_is_not_this_machine_is_named_with_its_remedy(installed, host: str):
    result = installed("serve", "--host", host, "--port", "1")
    assert result.exit_code == 2
    assert f"--host {host}: is not an address of this machine; use 127.0.0.1" in result.output


# ------------------------------------------------------------------------------------ setting up


def test_setting_up_twice_says_that_it_is_done_and_how_to_go_on(installed):
    again = installed("setup", "--email", "eve@test.example", "--name", "Eve", "--password", PASSWORD)
    assert "is set up already; add staff with `tracker user add`" in again.output
    assert "eve@test.example" not in installed("user", "list").output


@pytest.mark.parametrize("address", ["ada", "ada@", "ada@practice.local", "a b@test.example"])
def test_an_address_that_could_never_sign_in_is_refused(installed, run, address: str):
    result = installed(
        "user", "add", address, "--name", "Ada", "--role", "administrator", "--password", PASSWORD,
        "--as", "ada@test.example",
    )  # fmt: skip
    assert result.exit_code == 2
    assert f"'{address}' is not an e-mail address that one could sign in with" in result.output


def test_setting_up_with_a_bad_address_can_be_done_again_with_a_good_one(run):
    bad = run("setup", "--email", "ada", "--name", "Ada", "--password", PASSWORD)
    assert (bad.exit_code, "'ada' is not an e-mail address" in bad.output) == (2, True)
    assert run("setup", "--email", "ada@test.example", "--name", "Ada", "--password", PASSWORD).exit_code == 0


# ----------------------------------------------------------------------------- paths and databases


def test_a_data_folder_that_is_a_file_is_named(run, tmp_path: Path):
    (tmp_path / "data").write_text("a letter", encoding="utf-8")
    setup = run("setup", "--email", "ada@test.example", "--name", "Ada", "--password", PASSWORD)
    for result in (setup, run("demo")):
        assert result.exit_code == 2
        assert f"{tmp_path / 'data'}" in result.output
        assert "name another path" in result.output
    assert (tmp_path / "data").read_text(encoding="utf-8") == "a letter"


def test_a_path_that_may_not_be_used_is_named(installed, monkeypatch: pytest.MonkeyPatch):
    """As root every path may be used: the system's answer is put in its mouth."""

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", "keys.json")

    monkeypatch.setattr(config, "load", refuse)
    result = installed("user", "list")
    assert result.exit_code == 2
    assert "keys.json: permission denied; name another path" in result.output


def test_an_export_onto_a_file_is_refused_and_the_file_stays(installed, tmp_path: Path):
    (tmp_path / "plan.toml").write_text(PLAN, encoding="utf-8")
    installed("study", "add", str(tmp_path / "plan.toml"), "--as", "ada@test.example")
    installed(
        "user", "add", "eve@test.example", "--name", "Eve", "--role", "evaluator", "--study", "garden",
        "--password", PASSWORD, "--as", "ada@test.example",
    )  # fmt: skip
    (tmp_path / "out").write_text("a letter", encoding="utf-8")
    for target in (tmp_path / "out", tmp_path / "out" / "below"):
        result = installed("export", "garden", str(target), "--as", "eve@test.example")
        assert (result.exit_code, str(tmp_path / "out") in result.output, len(result.output.splitlines())) == (
            2,
            True,
            1,
        )
    assert (tmp_path / "out").read_text(encoding="utf-8") == "a letter"


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("sqlite:////no/such/folder/tracker.db", "unable to open database file"),
        ("not an address", "The database cannot be used"),
    ],
)
def test_a_database_that_cannot_be_opened_is_said_so(installed, monkeypatch: pytest.MonkeyPatch, url: str, says: str):
    monkeypatch.setenv("TRACKER_DATABASE_URL", url)
    result = installed("user", "list")
    assert result.exit_code == 2
    assert says in result.output
    assert "Check TRACKER_DATA and TRACKER_DATABASE_URL" in result.output


@pytest.mark.parametrize("fault", [KeyError("arm"), IndexError("list index out of range"), OSError("no file at fault")])
def test_a_fault_of_the_program_is_not_dressed_as_a_message(
    installed, monkeypatch: pytest.MonkeyPatch, fault: Exception
):
    def break_down(*_: object, **__: object) -> None:
        raise fault

    monkeypatch.setattr("tracker.queries.command.accounts", break_down)
    assert installed("user", "list").exception is fault


def test_a_contract_that_the_data_break_is_one_message(installed, monkeypatch: pytest.MonkeyPatch):
    from instruments.dataset import ContractError

    def break_contract(**_: object) -> None:
        raise ContractError("people.sex: unexpected value 'x'; allowed: female, male")

    monkeypatch.setattr("tracker.queries.command.accounts", break_contract)
    result = installed("user", "list")
    assert (result.exit_code, result.output) == (2, "people.sex: unexpected value 'x'; allowed: female, male\n")


# --------------------------------------------------------------------------------------- the trail


def last_row(said: str) -> str:
    return said.strip().splitlines()[-1]


def test_verifying_prints_the_last_row_to_keep_elsewhere(installed):
    row = last_row(installed("audit", "verify").output)
    assert re.fullmatch(r"[0-9]+:[0-9a-f]{64}", row)
    assert installed("audit", "verify", "--expect", row).exit_code == 0


def test_a_trail_that_has_grown_still_holds_the_row_kept(installed):
    row = last_row(installed("audit", "verify").output)
    installed(
        "user", "add", "adam@test.example", "--name", "Adam", "--role", "administrator", "--password", PASSWORD,
        "--as", "ada@test.example",
    )  # fmt: skip
    assert last_row(installed("audit", "verify").output) != row
    assert installed("audit", "verify", "--expect", row).exit_code == 0


def test_a_cut_off_end_is_noticed_by_the_row_kept(installed, tmp_path: Path):
    row = last_row(installed("audit", "verify").output)
    connection = sqlite3.connect(tmp_path / "data" / config.DATABASE_FILE)
    connection.execute("DROP TRIGGER audit_event_refuses_DELETE")
    connection.execute("DELETE FROM audit_event WHERE number = (SELECT max(number) FROM audit_event)")
    connection.commit()
    connection.close()
    assert installed("audit", "verify").exit_code == 0
    cut = installed("audit", "verify", "--expect", row)
    assert cut.exit_code == 2
    assert "is not here; the trail was cut off since the row that --expect names" in cut.output


def test_a_trail_that_was_written_anew_is_noticed_by_the_row_kept(installed):
    number = last_row(installed("audit", "verify").output).split(":")[0]
    other = installed("audit", "verify", "--expect", f"{number}:{'0' * 64}")
    assert other.exit_code == 2
    assert f"audit_event {number}: is another than the row that --expect names" in other.output


def test_an_expected_row_that_is_none_is_refused(installed):
    result = installed("audit", "verify", "--expect", "the last one")
    assert result.exit_code == 2
    assert "'--expect': 'the last one' is not NUMBER:HASH" in result.output


# --------------------------------------------------------------------------------------- the rules


def every_command(group: click.Group = cli.commands, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found = []
    for name, command in group.commands.items():
        found += every_command(command, (*path, name)) if isinstance(command, click.Group) else [(*path, name)]
    return found


@pytest.mark.parametrize("words", every_command(), ids=" ".join)
def test_the_help_of_every_command_shows_how_it_is_given(run, words: tuple[str, ...]):
    said = run(*words, "--help")
    assert said.exit_code == 0
    assert f"\n    tracker {' '.join(words)}" in re.sub(r"\n    [A-Z_]+=\S+ tracker", "\n    tracker", said.output)


def test_no_help_is_wider_than_a_terminal(run):
    wide = [line for words in every_command() for line in run(*words, "--help").output.splitlines() if len(line) > 120]
    assert not wide
