"""Data out as a bundle, and in from flat tables."""

from __future__ import annotations

from pathlib import Path

import click

from .. import export, extensions, intake
from ..extensions import db
from ..open_referral import bringing, files
from ..queries import command
from .installation import AS, opened, progress


@click.command("export")
@click.argument("study")
@click.argument("folder", type=click.Path(path_type=Path))
@AS
def export_study(study: str, folder: Path, email: str) -> None:
    """Write the dataset bundle of STUDY (its id) to FOLDER: CSV tables, datapackage.json, plan, codebook.

    \b
      tracker export elmstead bundle/ --as evaluator@example.org
    """
    with opened():
        asker = command.staff_member(email, by=None)
        rows = export.export_bundle(by=asker, study=command.study(study, by=asker), folder=folder)
    for name, count in rows.items():
        click.echo(f"{count:>9,}  {name}")


@click.command("import")
@click.argument("mapping", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--preview", is_flag=True, help="Check everything and write nothing.")
@AS
def import_flat(mapping: Path, preview: bool, email: str) -> None:
    """Bring flat tables in, as MAPPING (a TOML file) says. All of it or nothing; every bad row is listed.

    \b
      tracker import mapping.toml --preview --as you@example.org
      tracker import mapping.toml --as you@example.org
    """
    with opened():
        asker, source = command.staff_member(email, by=None), intake.preview(mapping)
        for name, rows in source.tables.items():
            click.echo(f"{len(rows):>9,}  {name}")
        if source.left_out:
            click.echo(source.said_of_left_out)
        if preview:
            click.echo("Nothing was written: this was a preview.")
            return
        with db.transaction():
            intake.import_flat(by=asker, source=source, progress=progress)
        extensions.analyze()
    click.echo(f"Imported as study '{source.plan.id}'.")


@click.command("import-directory")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--study", "study_id", required=True, metavar="STUDY", help="Id of the study whose directory it becomes.")
@click.option("--preview", is_flag=True, help="Say what would be added, changed and skipped; write nothing.")
@AS
def import_directory(file: Path, study_id: str, preview: bool, email: str) -> None:
    """Bring a directory of resources in from FILE: Open Referral UK (HSDS 3) as JSON, a folder or a zip of JSON.

    Entries are known by their Open Referral id, so the same file changes nothing the second time. All of it or nothing;
    every bad row is listed.

    \b
      tracker import-directory services.json --study elmstead --preview --as you@example.org
      tracker import-directory services.json --study elmstead --as you@example.org
    """
    with opened(), db.transaction():
        asker = command.staff_member(email, by=None)
        study = command.study(study_id, by=asker)
        planned = bringing.preview(by=asker, study=study, found=files.services(file))
        _tell(planned)
        if not preview:
            bringing.bring_in(by=asker, study=study, planned=planned)
    click.echo(
        "Nothing was written: this was a preview." if preview else f"Brought into the directory of '{study_id}'."
    )


def _tell(planned: bringing.Preview) -> None:
    """A line for each entry that is not plain, and the counts."""
    for entry in [*planned.added, *(change.entry for change in planned.changed)]:
        for note in entry.notes:
            click.echo(f"note      {entry.name}: {note}")
    for change in planned.changed:
        click.echo(f"changed   {change.entry.name}: {', '.join(sorted(change.differences))}")
    for entry, why in planned.skipped:
        click.echo(f"skipped   {entry.name}: {why}")
    for name in ("added", "changed", "skipped"):
        click.echo(f"{len(getattr(planned, name)):>9,}  {name}")
