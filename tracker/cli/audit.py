"""Verifying the audit trail."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click

from ..actions import audit as trail
from ..extensions import db
from ..queries import command
from .installation import AS, Faulty, in_words, opened

Checked = tuple[list[trail.AuditEvent], list[trail.Fault]]
"""The rows of a trail, and what is wrong with them."""


@click.group()
def audit() -> None:
    """The audit trail."""


def _row(text: str) -> tuple[int, str]:
    found = re.fullmatch(r"([0-9]{1,18}):([0-9a-f]{64})", text)
    if found is None:
        raise click.BadParameter(f"'{text}' is not NUMBER:HASH; copy it from an earlier `tracker audit verify`")
    return int(found[1]), found[2]


@audit.command()
@click.option(
    "--expect", type=_row, metavar="NUMBER:HASH",
    help="The last row as an earlier verification printed it, kept elsewhere: finds a trail whose end was cut off.",
)  # fmt: skip
@click.option(
    "--file", "file", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
    help="Check a trail that was taken out, anywhere: no installation is needed, and no keys.",
)  # fmt: skip
def verify(expect: tuple[int, str] | None, file: Path | None) -> None:
    """Check the whole trail: every row as it was written, none missing, none added.

    Keep what it prints away from the database, and hand it to the next verification:

    \b
      tracker audit verify --expect 1204:9f86d081884c7d65...
      tracker audit verify --file trail.jsonl
    """
    events, faults = _read(file, expect) if file else _kept(expect)
    last = f"{events[-1].number}:{events[-1].hash}" if events else ""
    for fault in faults:
        click.echo(f"audit_event {fault.number}: {fault.what}", err=True)
    if faults:
        raise Faulty(
            f"{len(faults)} faults in {len(events):,} rows. Keep the database as it is and call your administrator."
        )
    click.echo(f"The trail is whole: {len(events):,} rows. The last is\n{last}")


def _kept(expect: tuple[int, str] | None) -> Checked:
    with opened():
        return _checked([*command.trail(by=None)], expect)


def _read(file: Path, expect: tuple[int, str] | None) -> Checked:
    with in_words(), file.open(encoding="utf-8") as lines:
        return _checked([*trail.read_back(lines)], expect)


def _checked(events: list[trail.AuditEvent], expect: tuple[int, str] | None) -> Checked:
    faults = [*trail.faults(iter(events)), *_cut_off({each.number: each.hash for each in events}, expect)]
    return events, faults


@audit.command("export")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@AS
def take_out(file: Path, email: str) -> None:
    """Write the whole trail to FILE, a row a line, for whoever shall read or verify it. Names and notes are not in it.

    \b
      tracker audit export trail.jsonl --as ada@example.org
      tracker audit verify --file trail.jsonl
    """
    with opened():
        asker = command.staff_member(email, by=None)
        with db.transaction():
            lines = trail.take_out(by=asker)
            file.touch(mode=0o600, exist_ok=False)
            file.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    click.echo(f"{len(lines):,} rows. Whoever has the file can tell people by their records: pass it on with care.")


def _cut_off(hashes: dict[int, str], expect: tuple[int, str] | None) -> Iterator[trail.Fault]:
    if expect is None or hashes.get(expect[0]) == expect[1]:
        return
    here = "is another than" if expect[0] in hashes else "is not here; the trail was cut off since"
    yield trail.Fault(expect[0], f"{here} the row that --expect names")
