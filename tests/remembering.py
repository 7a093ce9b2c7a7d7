"""A table of a bundle that was written or read before need not be worked out again.

Hundreds of tests change one table of the invented study and leave nineteen as they are. What is remembered depends on
nothing but what stands in the key: rows and table for writing; bytes, table and the plan's code lists for reading.
Everybody gets a copy; what was refused is not remembered.
"""

from __future__ import annotations

import pickle
from collections.abc import Hashable, Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.load import _Reader
from instruments import bundle
from instruments.dataset import Table

MOST = 400  # tables of either kind
write_anew, read_anew = bundle._write_table, _Reader.table
WRITTEN: dict[Hashable, tuple[bytes, bytes]] = {}
SEEN: dict[int, Table] = {}
READ: dict[Hashable, tuple[pd.DataFrame, dict[str, str]]] = {}


def place(table: Table) -> int:
    """Which table it is; one that is known stays, so that its number is nobody else's."""
    SEEN.setdefault(id(table), table)
    return id(table)


def keep(kept: dict[Hashable, Any], key: Hashable, found: Any) -> None:
    """Remember it, and forget the oldest where there are too many."""
    kept[key] = found
    if len(kept) > MOST:
        del kept[next(iter(kept))]


def written(folder: Path, table: Table, rows: Iterable[bundle.Row]) -> dict[str, Any]:
    """As `bundle._write_table`; rows that come one by one are written one by one."""
    if not isinstance(rows, list | tuple):
        return write_anew(folder, table, rows)
    path, key = folder / f"{table.name}.csv", (place(table), pickle.dumps(rows))
    if key not in WRITTEN:
        resource = write_anew(folder, table, rows)
        keep(WRITTEN, key, (path.read_bytes(), pickle.dumps(resource)))
        return resource
    content, resource_kept = WRITTEN[key]
    path.write_bytes(content)
    return dict(pickle.loads(resource_kept))


def read(reader: _Reader, table: Table) -> pd.DataFrame:
    """As `_Reader.table`, of files that are whole; what is said of a faulty one is said anew."""
    path = reader.folder / f"{table.name}.csv"
    if not path.is_file():
        return read_anew(reader, table)
    declared = tuple(each.id for each in (*reader.plan.timepoints, *reader.plan.arms)), len(reader.plan.arms)
    key = place(table), path.read_bytes(), declared
    if key in READ:
        frame, hashes = READ[key]
        reader.hashes |= hashes
        return frame.copy()
    known = len(reader.faults)
    frame = read_anew(reader, table)
    if len(reader.faults) == known:
        keep(READ, key, (frame.copy(), {path.name: reader.hashes[path.name]}))
    return frame


def settle() -> None:
    """From now on tables are remembered."""
    bundle._write_table = written
    _Reader.table = read  # type: ignore[method-assign]
