"""The trail taken out of the database: an auditor reads it, and verifies it, without the installation."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.world import World, contact
from tracker import cli
from tracker.actions import audit, people
from tracker.actions.refusal import Refused
from tracker.extensions import db
from tracker.permissions import Forbidden

Run = Callable[..., Result]
ADA = "ada@test.example"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("TRACKER_DATA", str(tmp_path / "data"))
    monkeypatch.delenv("TRACKER_DATABASE_URL", raising=False)
    return lambda *words: CliRunner().invoke(cli.commands, [str(word) for word in words])


@pytest.fixture
def trail(run: Run, installation: Path, tmp_path: Path) -> Path:
    """The trail of a fresh installation, in a file."""
    shutil.copytree(installation, tmp_path / "data")
    file = tmp_path / "trail.jsonl"
    assert run("audit", "export", file, "--as", ADA).exit_code == 0
    return file


def test_the_file_says_who_did_what_row_by_row(trail: Path):
    rows = [json.loads(line) for line in trail.read_text().splitlines()]
    assert [row["number"] for row in rows] == list(range(1, len(rows) + 1))
    assert [row["action"] for row in rows][:2] == ["create_user", "grant"]


def test_only_its_owner_reads_the_file(trail: Path):
    assert trail.stat().st_mode & 0o077 == 0


def test_somebody_else_verifies_it_without_the_installation(run: Run, trail: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TRACKER_DATA", str(trail.parent / "nothing-here"))
    done = run("audit", "verify", "--file", trail)
    assert done.exit_code == 0, done.output
    assert "The trail is whole" in done.output


def test_the_file_ends_where_the_database_did(run: Run, trail: Path):
    last = json.loads(trail.read_text().splitlines()[-1])
    assert run("audit", "verify", "--expect", f"{last['number']}:{last['hash']}").exit_code == 0


@pytest.mark.parametrize("field", ["action", "actor_id", "happened_at", "after", "reason", "previous", "hash"])
def test_any_change_to_the_file_is_noticed(run: Run, trail: Path, field: str):
    lines = trail.read_text().splitlines()
    row = json.loads(lines[0])
    other = {"actor_id": "1" * 32, "happened_at": "2020-01-01T00:00:00+00:00"}
    lines[0] = json.dumps(row | {field: other.get(field, "another")})
    trail.write_text("\n".join(lines) + "\n")
    done = run("audit", "verify", "--file", trail)
    assert (done.exit_code, "audit_event 1" in done.output or "audit_event 2" in done.output) == (2, True)


def test_a_row_that_was_taken_away_is_noticed(run: Run, trail: Path):
    lines = trail.read_text().splitlines()
    trail.write_text("\n".join(lines[1:]) + "\n")
    assert "a row is missing or was added" in run("audit", "verify", "--file", trail).output


@pytest.mark.parametrize("line", ["", "{}", "[1]", "null", "not json", '{"number": 1}'])
def test_a_file_that_is_no_trail_is_refused_with_the_line(run: Run, trail: Path, line: str):
    trail.write_text(line + "\n")
    done = run("audit", "verify", "--file", trail)
    assert (done.exit_code, "Line 1 is not a row of an audit trail" in done.output) == (2, True)


def test_a_file_that_is_there_is_not_written_over(run: Run, trail: Path):
    before = trail.read_bytes()
    done = run("audit", "export", trail, "--as", ADA)
    assert done.exit_code == 2
    assert trail.read_bytes() == before


def test_that_it_was_taken_out_stands_in_the_trail_itself(world: World):
    with db.transaction():
        lines = audit.take_out(by=world.user("administrator"))
        again = audit.take_out(by=world.user("administrator"))
    (more,) = again[len(lines) :]
    said = json.loads(more)
    assert (said["action"], json.loads(said["after"])) == ("export_trail", {"rows": len(lines)})
    assert said["actor_id"] == str(world.users["administrator"])


@pytest.mark.parametrize("who", ["link-worker", "supervisor", "outcome-assessor", "evaluator"])
def test_nobody_but_an_administrator_takes_it_out(world: World, who: str):
    with pytest.raises(Forbidden), db.transaction():
        audit.take_out(by=world.user(who))


def test_names_and_notes_are_not_in_it(world: World):
    with db.transaction():
        worker = world.user("link-worker")
        identity = people.IdentityFacts("Zebedee Quillfeather", phone="07700 900999")
        people.add_person(by=worker, study=world.study(), site=world.site("mill"), entered_on=worker.recorded_at.date(),
                          identity=identity)  # fmt: skip
        contact(world, note="Fears the bailiff")
        text = "\n".join(audit.take_out(by=world.user("administrator")))
    assert [said for said in ("Quillfeather", "07700", "bailiff", "@test.example") if said in text] == []


def test_what_is_read_back_is_what_was_written(world: World):
    with db.transaction():
        contact(world)
        lines = audit.take_out(by=world.user("administrator"))
    rows = [*audit.read_back(lines)]
    assert [*audit.faults(iter(rows))] == []
    assert [audit.digest(row) for row in rows] == [row.hash for row in rows]


def test_a_line_that_is_broken_names_its_number(world: World):
    with db.transaction():
        lines = [*audit.take_out(by=world.user("administrator"))]
    with pytest.raises(Refused, match="Line 2 "):
        [*audit.read_back([lines[0], lines[1][:-5]])]
