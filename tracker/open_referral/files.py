"""Finds the services in HSDS JSON: in a file, a folder of files or a zip. Nothing is unpacked to disk."""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, NoReturn

from ..actions.refusal import Refused

MOST_BYTES = 50_000_000
MOST_FILES = 5_000
DEEPEST = 4
LISTS = ("contents", "content", "services")
A_SERVICE = {
    "status", "organization", "organization_id", "service_at_locations", "schedules", "service_areas", "cost_options",
    "eligibility_description", "fees", "fees_description", "assured_date",
}  # fmt: skip
SOMETHING_ELSE = {
    "taxonomy", "taxonomy_id", "taxonomy_terms", "term", "location_type", "addresses", "website", "openapi_url",
    "organization_identifiers", "legal_status", "uri", "version",
}  # fmt: skip
"""What services, and what organizations, locations, categories and the feed's own page are known by."""


class Unreadable(Refused):
    """The file is not what it should be: every fault, each with its place."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("file", "\n".join(faults))
        self.faults = tuple(faults)


@dataclass(frozen=True, slots=True)
class Found:
    """What stands where a service should, and the place to name when it is at fault."""

    place: str
    value: Any


def services(path: Path) -> list[Found]:
    """Every service in a JSON file, a folder of them or a zip of them."""
    found = [each for name, data in _documents(path) for each in _services(name, _parsed(name, data))]
    if not found:
        _refuse(f"{path.name}: holds no services; give HSDS JSON, or a saved answer of a feed's /services")
    return found


def _documents(path: Path) -> Iterator[tuple[str, bytes]]:
    if path.is_dir():
        yield from _in_folder(path)
        return
    if path.stat().st_size > MOST_BYTES:
        _refuse(f"{path.name}: {_too_large()}")
    data = path.read_bytes()
    if data.startswith(b"PK\x03\x04"):
        yield from _in_zip(path.name, data)
    else:
        yield path.name, data


def _in_folder(folder: Path) -> Iterator[tuple[str, bytes]]:
    files = sorted(each for each in folder.rglob("*.json") if each.is_file() and not each.is_symlink())
    if len(files) > MOST_FILES or sum(each.stat().st_size for each in files) > MOST_BYTES:
        _refuse(f"{folder.name}: {_too_large()}")
    for each in files:
        yield each.relative_to(folder).as_posix(), each.read_bytes()


def _in_zip(name: str, data: bytes) -> Iterator[tuple[str, bytes]]:
    """Read at most what is allowed, whatever the zip says of its own size."""
    left = MOST_BYTES
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for member in _members(name, archive):
                with archive.open(member) as file:
                    content = file.read(left + 1)
                left -= len(content)
                if left < 0:
                    _refuse(f"{name}: {_too_large()}")
                yield member.filename, content
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, OSError):
        _refuse(f"{name}: cannot be unpacked; make the zip anew, without a password")


def _members(name: str, archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    if len(archive.infolist()) > MOST_FILES:
        _refuse(f"{name}: {_too_large()}")
    for each in archive.infolist():
        parts = PurePosixPath(each.filename.replace("\\", "/"))
        if parts.is_absolute() or ".." in parts.parts:
            _refuse(f"{name}: names a file outside itself ({each.filename!r}); make the zip anew")
    wanted = [each for each in archive.infolist() if each.filename.lower().endswith(".json")]
    return [each for each in wanted if not each.filename.startswith("__MACOSX/")]


def _too_large() -> str:
    return f"is larger than {MOST_BYTES // 1_000_000} MB or {MOST_FILES:,} files; bring it in by parts"


def _parsed(name: str, data: bytes) -> Any:
    try:
        return json.loads(data.decode("utf-8-sig"), parse_constant=_no_number)
    except UnicodeDecodeError:
        _refuse(f"{name}: is not UTF-8; save it as UTF-8")
    except json.JSONDecodeError as error:
        _refuse(f"{name} line {error.lineno}: is not JSON ({error.msg}); save the feed's answer as it came")
    except (ValueError, RecursionError):
        _refuse(f"{name}: is not JSON that can be read; save the feed's answer as it came")


def _no_number(text: str) -> NoReturn:
    raise ValueError(text)


def _services(place: str, value: Any, depth: int = 0) -> Iterator[Found]:
    """Services inside pages, lists, organizations with their services, and services at a location."""
    if isinstance(value, list) and depth < DEEPEST:
        for number, each in enumerate(value, start=1):
            yield from _services(f"{place} entry {number}", each, depth + 1)
    elif not isinstance(value, dict):
        yield Found(place, value)
    elif (inner := next((value[name] for name in LISTS if isinstance(value.get(name), list)), None)) is not None:
        for each in _services(place, inner, depth + 1):
            yield Found(each.place, _by_their_owner(each.value, value))
    elif isinstance(value.get("service"), dict) and depth < DEEPEST:
        here = {name: each for name, each in value.items() if name != "service"}
        yield from _services(place, {"service_at_locations": [here]} | value["service"], depth + 1)
    elif A_SERVICE & value.keys() or not SOMETHING_ELSE & value.keys():
        yield Found(place, value)


def _by_their_owner(service: Any, owner: Mapping[str, Any]) -> Any:
    """Services that stand inside their organization do not name it again."""
    if not isinstance(service, dict) or "organization" in service or not isinstance(owner.get("name"), str):
        return service
    return service | {"organization": {name: owner[name] for name in ("name", "email", "website") if name in owner}}


def _refuse(fault: str) -> NoReturn:
    raise Unreadable([fault])
