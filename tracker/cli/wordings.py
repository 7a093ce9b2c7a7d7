"""The wording of instruments whose licence keeps it out of the kit."""

from __future__ import annotations

from pathlib import Path

import click

from instruments import UnknownInstrument, get, wording
from instruments.definition import BadDefinition, Instrument

from ..actions import wordings as actions
from ..extensions import db
from ..queries import command, wordings
from .installation import AS, Faulty, opened

WHICH = click.argument("which", metavar="INSTRUMENT")


@click.group("wording")
def wording_commands() -> None:
    """Look after the wording of instruments whose licence keeps it out of the kit."""


@wording_commands.command("add")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@AS
def add(file: Path, email: str) -> None:
    """Add the wording in FILE; it is off until it is switched on.

    `python -m instruments wording ID` prints a FILE to fill in.

    \b
      tracker wording add eq5d-5l-1-wording.toml --as you@example.org
    """
    text = _text(file)
    with opened(), db.transaction():
        asker = command.staff_member(email, by=None)
        kept = actions.add_wording(by=asker, instrument=_named_in(text, file.name), text=text)
        click.echo(f"The wording of {kept.instrument}, version {kept.instrument_version}, was added. It is off.")


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise Faulty(f"{file.name}: is not text in UTF-8; save it as UTF-8") from None


def _named_in(text: str, name: str) -> Instrument:
    try:
        found = wording.from_toml(text, name)
        return get(found.id, found.version)
    except (BadDefinition, UnknownInstrument) as error:
        raise Faulty(str(error)) from None


@wording_commands.command("on")
@WHICH
@AS
def switch_on(which: str, email: str) -> None:
    """Print the wording of INSTRUMENT on its forms.

    \b
      tracker wording on eq5d-5l --as you@example.org
    """
    _switch(which, email, active=True)


@wording_commands.command("off")
@WHICH
@AS
def switch_off(which: str, email: str) -> None:
    """Ask INSTRUMENT by neutral labels again.

    \b
      tracker wording off eq5d-5l --as you@example.org
    """
    _switch(which, email, active=False)


def _switch(which: str, email: str, *, active: bool) -> None:
    with opened(), db.transaction():
        asker = command.staff_member(email, by=None)
        kept = wordings.wording_of(_known(which), by=asker)
        if kept is None:
            raise Faulty(f"{which}: no wording was added; add it with `tracker wording add`")
        actions.switch_wording(by=asker, kept=kept, version=kept.version, active=active)
    click.echo(f"The wording of {which} is {'on' if active else 'off'}.")


def _known(which: str) -> Instrument:
    try:
        return get(which)
    except UnknownInstrument as error:
        raise Faulty(str(error)) from None


@wording_commands.command("list")
@AS
def every(email: str) -> None:
    """List the wordings that were added, and whether they are on.

    \b
      tracker wording list --as you@example.org
    """
    with opened():
        found = wordings.installed(by=command.staff_member(email, by=None))
        for (id, version), active in sorted(found.items()):
            click.echo(f"{id:<16} version {version:<4} {'on' if active else 'off'}")
        if not found:
            click.echo("No wording was added. `python -m instruments list` shows which instruments have slots.")
