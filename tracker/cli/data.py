"""Data out as a bundle, and in from flat tables."""

from __future__ import annotations

from pathlib import Path

import click

from .. import export, extensions, intake
from ..extensions import db
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
        if preview:
            click.echo("Nothing was written: this was a preview.")
            return
        with db.transaction():
            intake.import_flat(by=asker, source=source, progress=progress)
        extensions.analyze()
    click.echo(f"Imported as study '{source.plan.id}'.")
