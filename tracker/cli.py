"""The `tracker` command: set up, serve, import, export, look after staff, verify the trail."""

from __future__ import annotations

import os
import secrets
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from flask import Flask
from waitress.server import create_server

from instruments.flat import FlatError

from . import config, create_app, demo, export, extensions, intake
from .actions import audit as trail
from .actions import staff
from .actions.refusal import Refused
from .config import Config, ConfigError
from .extensions import db
from .permissions import STAFF_ROLES, Forbidden
from .queries import command

BAD_INPUT = 2
PASSWORD_FILE = "demo-password.txt"
AS = click.option(
    "--as", "email", required=True, metavar="E-MAIL", help="Whose role this runs under; the audit trail says so."
)


class Faulty(click.ClickException):
    exit_code = BAD_INPUT

    def show(self, file: Any = None) -> None:  # noqa: ARG002
        click.echo(self.message, err=True)


def main() -> None:
    commands()


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="link-worker-kit", message="%(version)s")
def commands() -> None:
    """Record link workers' caseloads, contacts, signposts and outcomes, and export documented datasets.

    The installation lives in the folder that TRACKER_DATA names (default: ./instance).

    \b
      tracker setup --email you@your.org --name "Your Name"
      tracker serve
      tracker import mapping.toml --as you@your.org
      tracker export demo bundle/ --as evaluator@your.org
    """


@contextmanager
def _installation(**options: Any) -> Iterator[tuple[Flask, Config]]:
    """The application of the installation, and every refusal as one message and exit code 2."""
    try:
        settings = config.load(**options)
        app = create_app(settings)
        with app.app_context():
            yield app, settings
    except (ConfigError, Refused, FlatError) as error:
        raise Faulty(str(error)) from None
    except Forbidden:
        raise Faulty("This account may not do that; use one whose role allows it (see `tracker user list`).") from None
    except LookupError as error:
        raise Faulty(str(error)) from None


def _progress(what: str, done: int, total: int) -> None:
    """One line that counts up on a terminal; a line for every fifth elsewhere."""
    if sys.stderr.isatty():
        click.echo(f"\r{what}: {done}/{total}", err=True, nl=done == total)
    elif done == total or done % max(1, total // 5) == 0:
        click.echo(f"{what}: {done}/{total}", err=True)


@commands.command()
@click.option("--email", prompt=True, help="The first administrator's e-mail address.")
@click.option("--name", prompt=True, help="The first administrator's name.")
@click.option("--password", envvar="TRACKER_PASSWORD", prompt=True, hide_input=True, confirmation_prompt=True)
def setup(email: str, name: str, password: str) -> None:
    """Make the database and keys, and the first administrator."""
    with _installation(create=True) as (_, settings):
        extensions.upgrade(settings.database_url)
        with db.transaction():
            admin = staff.create_user(by=None, email=email, name=name, password=password)
            staff.grant(by=None, user=admin, role="administrator")
    click.echo(f"Ready: {settings.data}. Start it with `tracker serve`.")


@commands.command()
def upgrade() -> None:
    """Bring the database to the newest schema."""
    with _installation() as (_, settings):
        extensions.upgrade(settings.database_url)
    click.echo("The database has the newest schema.")


@commands.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=5000, show_default=True, envvar="PORT")
@click.option("--demo", "is_demo", is_flag=True, help="Print the demo accounts and their password.")
def serve(host: str, port: int, is_demo: bool) -> None:
    """Serve the tracker. Put it behind HTTPS for real data; on this machine only, plain HTTP is used."""
    local = host in ("127.0.0.1", "localhost", "::1")
    with _installation(secure_cookies=not local) as (app, settings):
        try:
            server = create_server(app, host=host, port=port, ident=None)
        except OSError:
            raise Faulty(f"port {port}: is in use; stop what uses it, or choose another with --port") from None
        click.echo(f"The tracker is at http://{host}:{port}  (stop it with Ctrl+C)")
        if is_demo:
            _print_accounts(settings.data)
        sys.stdout.flush()
        server.run()


def _print_accounts(data: Path) -> None:
    password = (data / PASSWORD_FILE).read_text(encoding="utf-8").strip()
    click.echo(f"Sign in with the password  {password}  as one of")
    for email, who in demo.accounts():
        click.echo(f"  {email:28} {who}")


@commands.command("demo")
@click.option("--fresh", is_flag=True, help="Throw the demo's data away and start anew.")
def make_demo(fresh: bool) -> None:
    """Make the demo study through the application's own actions, and export its bundle."""
    data = config.data_folder()
    if fresh:
        _throw_away(data)
    done = data / PASSWORD_FILE
    if not done.exists():
        _throw_away(data)
        with _installation(create=True) as (_, settings):
            extensions.upgrade(settings.database_url)
            password = "-".join(secrets.token_hex(2) for _ in range(4))
            with db.transaction():
                demo.load(password=password, progress=_progress)
            extensions.analyze()
        _write_private(done, password)
    with _installation():
        evaluator = command.staff_member("evaluator@demo.example", by=None)
        study = command.study("demo", by=evaluator)
        rows = export.export_bundle(by=evaluator, study=study, folder=data / "bundle")
    click.echo(f"Exported {sum(rows.values()):,} rows to {data / 'bundle'}", err=True)


def _throw_away(data: Path) -> None:
    """Only what an installation itself made; a folder with anything else in it is left alone."""
    if not data.exists():
        return
    ours = (config.KEYS_FILE, PASSWORD_FILE, "bundle", "report", config.DATABASE_FILE)
    strangers = [each.name for each in data.iterdir() if not each.name.lstrip(".").startswith(ours)]
    if strangers:
        raise Faulty(f"{data}: holds other files ({', '.join(sorted(strangers))}); set TRACKER_DATA to another folder")
    shutil.rmtree(data)


def _write_private(path: Path, text: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="utf-8") as file:
        file.write(text + "\n")


@commands.command("export")
@click.argument("study")
@click.argument("folder", type=click.Path(path_type=Path))
@AS
def export_study(study: str, folder: Path, email: str) -> None:
    """Write the dataset bundle of STUDY (its id) to FOLDER: CSV tables, datapackage.json, plan, codebook."""
    with _installation():
        asker = command.staff_member(email, by=None)
        rows = export.export_bundle(by=asker, study=command.study(study, by=asker), folder=folder)
    for name, count in rows.items():
        click.echo(f"{count:>9,}  {name}")


@commands.command("import")
@click.argument("mapping", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--preview", is_flag=True, help="Check everything and write nothing.")
@AS
def import_flat(mapping: Path, preview: bool, email: str) -> None:
    """Bring flat tables in, as MAPPING (a TOML file) says. All of it or nothing; every bad row is listed."""
    with _installation():
        asker, source = command.staff_member(email, by=None), intake.preview(mapping)
        for name, rows in source.tables.items():
            click.echo(f"{len(rows):>9,}  {name}")
        if preview:
            click.echo("Nothing was written: this was a preview.")
            return
        with db.transaction():
            intake.import_flat(by=asker, source=source, progress=_progress)
        extensions.analyze()
    click.echo(f"Imported as study '{source.plan.id}'.")


@commands.group()
def user() -> None:
    """Look after staff."""


@user.command("add")
@click.argument("new_email")
@click.option("--name", required=True)
@click.option("--role", required=True, type=click.Choice(STAFF_ROLES))
@click.option("--study", help="Id of the study the role holds in.")
@click.option("--site", help="Id of the site the role holds at.")
@click.option("--password", envvar="TRACKER_PASSWORD", prompt=True, hide_input=True, confirmation_prompt=True)
@AS
def add_user(
    new_email: str, name: str, role: str, study: str | None, site: str | None, password: str, email: str
) -> None:
    """Make a member of staff with one role."""
    with _installation(), db.transaction():
        asker = command.staff_member(email, by=None)
        made = staff.create_user(by=asker, email=new_email, name=name, password=password)
        in_study = command.study(study, by=asker) if study else None
        at_site = command.site(site, by=asker) if site else None
        staff.grant(by=asker, user=made, role=role, study=in_study, site=at_site)
    click.echo(f"{name} can sign in as {role}.")


@user.command("list")
def list_users() -> None:
    """List every account and its roles."""
    with _installation():
        for email, roles in command.accounts(by=None):
            click.echo(f"{email:40} {roles}")


@commands.group()
def audit() -> None:
    """The audit trail."""


@audit.command()
def verify() -> None:
    """Check the whole trail: every row as it was written, none missing, none added."""
    with _installation():
        events = list(command.trail(by=None))
        faults = list(trail.faults(iter(events)))
    for fault in faults:
        click.echo(f"audit_event {fault.number}: {fault.what}", err=True)
    if faults:
        raise Faulty(
            f"{len(faults)} faults in {len(events):,} rows. Keep the database as it is and call your administrator."
        )
    click.echo(f"The trail is whole: {len(events):,} rows.")
