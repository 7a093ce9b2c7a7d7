"""Making the demo, in a folder that says it is one; nothing else is ever thrown away."""

from __future__ import annotations

import os
import secrets
import shutil
from pathlib import Path

import click

from .. import config, demo, export, extensions
from ..extensions import db
from ..queries import command
from .installation import Faulty, in_words, opened, progress

MARKER = config.DEMO_MARKER
MARKER_SAYS = """This folder holds a demo of the link worker kit: everybody in it is invented.
`tracker demo --fresh` deletes what is here and makes it anew. Keep nothing of your own in this folder.
"""
PASSWORD_FILE = "demo-password.txt"
DATABASE_FILES = tuple(config.DATABASE_FILE + ending for ending in ("", "-wal", "-shm"))
OURS = (PASSWORD_FILE, config.KEYS_FILE, *DATABASE_FILES, "bundle", "report", MARKER)
DRAFTS = (".bundle-", ".report-")
ELSEWHERE = "set TRACKER_DATA to another folder"


@click.command("demo")
@click.option("--fresh", is_flag=True, help="Throw the demo's data away and start anew.")
def make_demo(fresh: bool) -> None:
    """Make the demo study through the application's own actions, and export its bundle.

    It lives in the folder that TRACKER_DATA names, which must be empty, not there yet, or a demo.

    \b
      TRACKER_DATA=instance/demo tracker demo
      TRACKER_DATA=instance/demo tracker serve --demo
    """
    data = config.data_folder()
    with in_words():
        _refuse_other_database()
        if fresh or not _is_whole(data):
            _throw_away(data)
            _make(data)
    with opened() as (_, settings):
        extensions.upgrade(settings.database_url)  # a demo that an older version made goes on too
        evaluator = command.staff_member("evaluator@demo.example", by=None)
        study = command.study("demo", by=evaluator)
        rows = export.export_bundle(by=evaluator, study=study, folder=data / "bundle")
    click.echo(f"Exported {sum(rows.values()):,} rows to {data / 'bundle'}", err=True)


def refuse_without_demo(data: Path) -> None:
    if not _is_whole(data):
        raise Faulty(f"{data}: there is no demo here; make one with `tracker demo`, or serve without --demo")


def print_accounts(data: Path) -> None:
    """The demo's accounts and the password that they share."""
    password = (data / PASSWORD_FILE).read_text(encoding="utf-8").strip()
    click.echo(f"Sign in with the password  {password}  as one of")
    for email, who in demo.accounts():
        click.echo(f"  {email:28} {who}")
    click.echo("A password is enough here; a real service also asks everybody for a second factor (see My account).")


def refuse_demo_folder(data: Path) -> None:
    """Real data must not be kept where a demo is made and thrown away."""
    if (data / MARKER).exists():
        raise Faulty(f"{data}: holds the demo, which is thrown away one day; {ELSEWHERE}")


def _refuse_other_database() -> None:
    if os.environ.get("TRACKER_DATABASE_URL"):
        raise Faulty("TRACKER_DATABASE_URL: is set, and a demo keeps to a database of its own; unset it")


def _is_whole(data: Path) -> bool:
    """The password is written last: without it the demo was interrupted."""
    return (data / MARKER).is_file() and (data / PASSWORD_FILE).is_file()


def _make(data: Path) -> None:
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    (data / MARKER).write_text(MARKER_SAYS, encoding="utf-8")
    with opened(create=True) as (_, settings):
        extensions.upgrade(settings.database_url)
        password = "-".join(secrets.token_hex(2) for _ in range(4))
        with db.transaction():
            demo.load(password=password, progress=progress)
        extensions.analyze()
    _write_private(data / PASSWORD_FILE, password)


def _throw_away(data: Path) -> None:
    """Only a demo, and of it only what a demo is made of; the marker stays, so that half a deletion is still a demo."""
    found = sorted(each.name for each in data.iterdir()) if data.exists() else []
    if found and MARKER not in found:
        raise Faulty(f"{data}: is not a demo and is left as it is; move it away, or {ELSEWHERE}")
    strangers = [name for name in found if name not in OURS and not name.startswith(DRAFTS)]
    if strangers:
        raise Faulty(f"{data}: holds other files ({', '.join(strangers)}); move them away, or {ELSEWHERE}")
    for name in sorted(set(found) - {MARKER}, key=lambda name: name != PASSWORD_FILE):
        _remove(data / name)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def _write_private(path: Path, text: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="utf-8") as file:
        file.write(text + "\n")
