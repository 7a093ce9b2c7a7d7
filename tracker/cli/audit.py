"""Verifying the audit trail."""

from __future__ import annotations

import re
from collections.abc import Iterator

import click

from ..actions import audit as trail
from ..queries import command
from .installation import Faulty, opened


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
def verify(expect: tuple[int, str] | None) -> None:
    """Check the whole trail: every row as it was written, none missing, none added.

    Keep what it prints away from the database, and hand it to the next verification:

    \b
      tracker audit verify --expect 1204:9f86d081884c7d65...
    """
    with opened():
        events = [*command.trail(by=None)]
        faults = [*trail.faults(iter(events)), *_cut_off({each.number: each.hash for each in events}, expect)]
        last = f"{events[-1].number}:{events[-1].hash}" if events else ""
    for fault in faults:
        click.echo(f"audit_event {fault.number}: {fault.what}", err=True)
    if faults:
        raise Faulty(
            f"{len(faults)} faults in {len(events):,} rows. Keep the database as it is and call your administrator."
        )
    click.echo(f"The trail is whole: {len(events):,} rows. The last is\n{last}")


def _cut_off(hashes: dict[int, str], expect: tuple[int, str] | None) -> Iterator[trail.Fault]:
    if expect is None or hashes.get(expect[0]) == expect[1]:
        return
    here = "is another than" if expect[0] in hashes else "is not here; the trail was cut off since"
    yield trail.Fault(expect[0], f"{here} the row that --expect names")
