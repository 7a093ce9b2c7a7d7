"""Writes a dataset bundle: one CSV a table, `datapackage.json`, the plan and a codebook page.

The bundle is the seam between whoever records and whoever analyses. It is written beside its place and moved there
when whole, so a reader never meets half of one.
"""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from . import codebook
from .dataset import CONTRACT_VERSION, TABLES, Column, ContractError, Table, Value
from .plan import Plan
from .plan import parse as parse_plan

PLAN_FILE, PACKAGE_FILE, CODEBOOK_FILE = "plan.toml", "datapackage.json", "codebook.html"
_RISKY = ("=", "+", "-", "@", "\t", "\r", "'")

Row = Mapping[str, Value]


def cell(value: Value) -> str:
    """Text of one cell: empty for missing, and a leading apostrophe where a spreadsheet would run the text."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str):
        return "'" + value if value.startswith(_RISKY) else value
    return repr(value)


def uncell(text: str) -> str:
    """The text that `cell` was given."""
    return text[1:] if text.startswith("'") else text


def write(folder: Path, tables: Mapping[str, Iterable[Row]], plan_text: str, *, made_by: str) -> dict[str, int]:
    """Write a whole bundle; tables that are not given are written empty.

    Parameters
    ----------
    folder
        Where the bundle goes; a bundle that is there is replaced once the new one is whole.
    tables
        Rows by table name, read once and streamed.
    plan_text
        The analysis plan in TOML.
    made_by
        Name and version of the program that holds the data.

    Returns
    -------
    dict
        Rows written, by table.

    Raises
    ------
    ContractError
        When a row does not keep the contract or the folder holds something else; nothing is written then.
    """
    folder = folder.resolve()
    _check_place(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    plan = parse_plan(plan_text)
    draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        resources = [_write_table(draft, table, tables.get(table.name, ())) for table in TABLES.values()]
        (draft / PLAN_FILE).write_text(plan_text, encoding="utf-8")
        (draft / CODEBOOK_FILE).write_text(codebook.page(plan), encoding="utf-8")
        (draft / PACKAGE_FILE).write_text(_package(plan, resources, made_by), encoding="utf-8")
        _replace(draft, folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return {resource["name"]: resource["rows"] for resource in resources}


def _check_place(folder: Path) -> None:
    """Only an empty folder or an earlier bundle, with nothing else in it, is replaced."""
    if not folder.exists():
        return
    if not folder.is_dir():
        raise ContractError(f"{folder}: is a file; name a new or empty folder, or an earlier bundle")
    there = {path.name for path in folder.iterdir()}
    ours = {f"{name}.csv" for name in TABLES} | {PLAN_FILE, PACKAGE_FILE, CODEBOOK_FILE}
    strangers = sorted(there - ours) or ([] if not there or _is_ours(folder) else sorted(there))
    if strangers:
        named = ", ".join(strangers[:3])
        raise ContractError(f"{folder}: holds other files ({named}); name a new or empty folder, or an earlier bundle")


def _is_ours(folder: Path) -> bool:
    try:
        return "contract" in json.loads((folder / PACKAGE_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False


def _replace(draft: Path, folder: Path) -> None:
    """The draft was made for its owner alone, and stays so: what is in it is about people's health."""
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as old:
        if folder.exists():
            folder.rename(Path(old) / "bundle")
        draft.rename(folder)


def _write_table(folder: Path, table: Table, rows: Iterable[Row]) -> dict[str, Any]:
    path = folder / f"{table.name}.csv"
    count = 0
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)  # ends lines with \r\n: with \n alone it leaves a bare \r in a text unquoted
        writer.writerow(table.names)
        for line in _lines(table, rows):
            writer.writerow(line)
            count += 1
    with path.open("rb") as file_to_hash:
        digest = hashlib.file_digest(file_to_hash, "sha256").hexdigest()
    return {
        "name": table.name,
        "title": table.title,
        "path": path.name,
        "profile": "tabular-data-resource",
        "encoding": "utf-8",
        "rows": count,
        "bytes": path.stat().st_size,
        "hash": f"sha256:{digest}",
        "schema": _schema(table),
    }


def _lines(table: Table, rows: Iterable[Row]) -> Iterator[list[str]]:
    for number, row in enumerate(rows, start=1):
        for column in table.columns:
            try:
                column.check(row.get(column.name))
            except ContractError as error:
                raise ContractError(f"{table.name}.{column.name}, row {number}: {error}") from None
        yield [cell(row.get(name)) for name in table.names]


def _schema(table: Table) -> dict[str, Any]:
    schema: dict[str, Any] = {
        "fields": [_field(column) for column in table.columns],
        "missingValues": [""],
    }
    if not any(not table.column(name).required for name in table.key):
        schema["primaryKey"] = list(table.key)
    links = [column for column in table.columns if column.refers_to]
    if links:
        schema["foreignKeys"] = [_foreign_key(column) for column in links]
    return schema


def _foreign_key(column: Column) -> dict[str, Any]:
    resource, field = str(column.refers_to).split(".")
    return {"fields": [column.name], "reference": {"resource": resource, "fields": [field]}}


def _field(column: Column) -> dict[str, Any]:
    constraints: dict[str, Any] = {"required": True} if column.required else {}
    if column.codes:
        constraints["enum"] = list(column.codes)
    for bound in ("minimum", "maximum"):
        if getattr(column, bound) is not None:
            constraints[bound] = getattr(column, bound)
    field: dict[str, Any] = {"name": column.name, "type": column.type, "title": column.label}
    if column.unit:
        field["unit"] = column.unit
    if column.codes:
        field["categories"] = [{"value": code, "label": label} for code, label in column.codes.items()]
    return {**field, "constraints": constraints} if constraints else field


def _package(plan: Plan, resources: list[dict[str, Any]], made_by: str) -> str:
    package = {
        "name": plan.id,
        "title": plan.title,
        "profile": "tabular-data-package",
        "contract": CONTRACT_VERSION,
        "made_by": made_by,
        "plan": {"path": PLAN_FILE, "sha256": plan.sha256},
        "codebook": CODEBOOK_FILE,
        "resources": resources,
    }
    return json.dumps(package, indent=2, ensure_ascii=False) + "\n"
