"""Setting an installation up, keeping its schema new, and serving its pages."""

from __future__ import annotations

import errno
import sys

import click

from .. import config, extensions
from ..actions import staff
from ..extensions import db
from ..queries import command
from . import workers as processes
from .demo import print_accounts, refuse_demo_folder, refuse_without_demo
from .installation import PASSWORD, Faulty, address, in_words, opened, words

THIS_MACHINE = ("127.0.0.1", "localhost", "::1")


@click.command()
@click.option("--email", prompt=True, metavar="E-MAIL", help="The first administrator's e-mail address.")
@click.option("--name", prompt=True, type=words(200), metavar="NAME", help="The first administrator's name.")
@PASSWORD
def setup(email: str, name: str, password: str) -> None:
    """Make the database and keys, and the first administrator.

    \b
      tracker setup --email you@example.org --name "Your Name"
    """
    with in_words():
        refuse_demo_folder(config.data_folder())
    with opened(create=True) as (_, settings):
        login = address(email)
        extensions.upgrade(settings.database_url)
        if command.accounts(by=None):
            raise Faulty(f"{settings.data}: is set up already; add staff with `tracker user add` (see its --help)")
        with db.transaction():
            admin = staff.create_user(by=None, email=login, name=name, password=password)
            staff.grant(by=None, user=admin, role="administrator")
    click.echo(f"Ready: {settings.data}. Start it with `tracker serve`.")
    if settings.second_factor:
        click.echo("At their first sign-in everybody sets up a second factor: an app that shows codes, or a passkey.")


@click.command()
def upgrade() -> None:
    """Bring the database to the newest schema.

    \b
      tracker upgrade
    """
    with opened() as (_, settings):
        _schema(settings.database_url)
        extensions.upgrade(settings.database_url)
    click.echo("The database has the newest schema.")


def _schema(url: str) -> tuple[str | None, str]:
    """The database's revision, which this version of the tracker must know, and the newest."""
    found, known = extensions.schemas(url)
    if found is not None and found not in known:
        raise Faulty(
            f"The database was upgraded by a newer tracker (schema {found}; this one knows {known[-1]} at most). "
            "Go back to the newer version; nothing was changed."
        )
    return found, known[-1]


def _refuse_other_schema(url: str) -> None:
    """Pages on an older schema would fail one by one, or write down less than they should."""
    found, newest = _schema(url)
    if found != newest:
        raise Faulty(
            f"The database has the schema of an older tracker ({found or 'none'}; this one needs {newest}). Stop every "
            "tracker that serves it, back it up, and run `tracker upgrade`."
        )


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="The address of this machine to listen at.")
@click.option("--port", default=5000, show_default=True, envvar="PORT", type=click.IntRange(1, 65535))
@click.option(
    "--workers",
    type=click.IntRange(1, 64),
    metavar="N",
    default=processes.by_default,
    help=f"Processes that share the work; without it one for each core, at most {processes.MOST}.",
)
@click.option("--demo", "is_demo", is_flag=True, help="Print the demo accounts and their password.")
def serve(host: str, port: int, workers: int, is_demo: bool) -> None:
    """Serve the tracker. Put it behind HTTPS for real data; on this machine only, plain HTTP is used.

    TRACKER_PROXIES says how many reverse proxies stand in front (default 0). With one or more, cookies are for HTTPS.
    TRACKER_PUBLIC_DIRECTORY names the study whose directory of resources anybody may read at /api/open-referral/.

    \b
      tracker serve
      TRACKER_PROXIES=1 tracker serve --port 8000
    """
    if is_demo:
        refuse_without_demo(config.data_folder())
    local = host in THIS_MACHINE
    with opened(local=local) as (app, settings):
        _refuse_other_schema(settings.database_url)
        try:
            sockets = processes.listen(host, port)
        except (OSError, ValueError) as error:
            raise Faulty(_why_not(host, port, error)) from None
        click.echo(f"The tracker is at http://{host}:{port}  (stop it with Ctrl+C)")
        if not local and not settings.proxies:
            click.echo(
                "Signing in needs HTTPS: put a reverse proxy with a certificate in front, and set TRACKER_PROXIES=1."
            )
        if is_demo:
            print_accounts(settings.data)
        sys.stdout.flush()
        # waitress drops what proxies say unless it is told to leave that to the application.
        processes.serve(app, sockets, workers, ident=None, clear_untrusted_proxy_headers=settings.proxies == 0)


def _why_not(host: str, port: int, error: Exception) -> str:
    number = getattr(error, "errno", None)
    if number == errno.EADDRINUSE:
        return f"port {port}: is in use; stop what uses it, or choose another with --port"
    if number == errno.EACCES:
        return f"port {port}: needs the rights of an administrator; choose one from 1024 up with --port"
    return f"--host {host}: is not an address of this machine; use 127.0.0.1, or 0.0.0.0 for every address it has"
