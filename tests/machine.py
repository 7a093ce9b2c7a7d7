"""What the tests ask of the machine: less waiting for the disk, less compiling, and one thread to a process.

None of it changes what is tried. It is handed on in the environment to the test processes and to the commands they run.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import MutableMapping, Sequence
from pathlib import Path
from typing import TypeVar

IN_MEMORY = Path("/dev/shm")
ROOM = 4 * 1024**3  # bytes; a container's is often far smaller, and then the disk it is
THREADS = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS")

SECONDS = {
    "tests/integration/test_caseload_bench": 40.0, "tests/contract/": 10.0, "tests/journey/": 3.0,
    "tests/integration/test_": 3.0, "tests/integration/analysis/": 1.0, "tests/unit/analysis/": 0.4,
    "tests/integration/tracker/": 0.25, "tests/reference/analysis/": 0.2, "tests/": 0.03,
}  # fmt: skip
"""What a test of a folder takes, roughly; the first that fits."""

Item = TypeVar("Item")


def longest_first(items: Sequence[Item], files: Sequence[str]) -> list[Item]:
    """Items in the order of how long their file takes; those of a file stay together and as they are."""
    counts = Counter(files)

    def place(at: int) -> tuple[float, str]:
        each = next(seconds for start, seconds in SECONDS.items() if files[at].startswith(start))
        return -each * counts[files[at]], files[at]

    return [items[at] for at in sorted(range(len(items)), key=place)]


def has_room(folder: Path, room: int = ROOM) -> bool:
    """Whether a folder is there for us and roomy enough for databases and bundles."""
    return folder.is_dir() and os.access(folder, os.W_OK | os.X_OK) and shutil.disk_usage(folder).free >= room


def wishes(environ: MutableMapping[str, str], memory: Path = IN_MEMORY, prefix: str = sys.prefix) -> dict[str, str]:
    """What to set; what somebody set already stays as it is."""
    wanted = dict.fromkeys(THREADS, "1")  # as the analysis's own command does; two processes fill two cores
    if prefix != sys.base_prefix:  # compiled code is kept beside the packages, not among the sources
        wanted["PYTHONPYCACHEPREFIX"] = str(Path(prefix) / "bytecode")
    if has_room(memory):
        wanted["TMPDIR"] = str(memory)
    return {name: value for name, value in wanted.items() if name not in environ}


def settle() -> None:
    """Let this process and all it starts have it so."""
    os.environ.update(wishes(os.environ))
    if prefix := os.environ.get("PYTHONPYCACHEPREFIX"):
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        sys.pycache_prefix, sys.dont_write_bytecode = prefix, False
    tempfile.tempdir = None  # asked for again, where it was asked for before
