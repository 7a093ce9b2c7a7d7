"""Brings somebody else's directory in, through the same actions as the pages: previewed, and all of it or nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select

from ..actions import directory
from ..actions.audit import write_event
from ..actions.refusal import check
from ..extensions import db, today
from ..models import Resource, Study, User
from ..permissions import may_import_directory
from .entries import Entry, read
from .files import Found, Unreadable


@dataclass(frozen=True, slots=True)
class Change:
    """An entry that is here and says something else in the file: by field, what it says now and then."""

    entry: Entry
    resource: Resource
    differences: dict[str, tuple[Any, Any]]


@dataclass(slots=True)
class Preview:
    """What bringing a file in would do to the directory, and why some of it does nothing."""

    added: list[Entry] = field(default_factory=list)
    changed: list[Change] = field(default_factory=list)
    skipped: list[tuple[Entry, str]] = field(default_factory=list)


def preview(*, by: User, study: Study, found: list[Found]) -> Preview:
    """Compare a file with the directory; raises `Unreadable` with every fault of every row, and writes nothing."""
    check(may_import_directory(by, study.id))
    here = _here(study)
    planned = Preview()
    for entry, again in _each_once(found):
        resource = here.get(entry.open_referral_id)
        if again:
            planned.skipped.append((entry, "stands in the file twice"))
        elif resource is None and entry.closed:
            planned.skipped.append((entry, "is closed, and not in the directory"))
        elif resource is None:
            planned.added.append(entry)
        elif differences := _differences(resource, entry):
            planned.changed.append(Change(entry, resource, differences))
        else:
            planned.skipped.append((entry, "is in the directory as it is"))
    return planned


def bring_in(*, by: User, study: Study, planned: Preview) -> dict[str, int]:
    """Do what the preview says; how many entries were added, changed and skipped."""
    check(may_import_directory(by, study.id))
    for entry in planned.added:
        details = {name: value for name, value in entry.facts.items() if name not in ("name", "category")}
        directory.add_resource(
            by=by, study_id=study.id, name=entry.name, category=entry.facts["category"],
            details=details | {"open_referral_id": entry.open_referral_id},
        )  # fmt: skip
    for change in planned.changed:
        after = {name: value for name, (_, value) in change.differences.items()}
        directory.edit_resource(by=by, resource=change.resource, version=change.resource.version, changes=after)
    counts = {name: len(getattr(planned, name)) for name in ("added", "changed", "skipped")}
    write_event(by=by, action="import_directory", record=study, after=counts)
    return counts


def _each_once(found: list[Found]) -> Iterator[tuple[Entry, bool]]:
    """Every entry, and whether it stood before; only when no row of the file is at fault."""
    day, faults, entries = today(), [], []
    first: dict[str, Entry] = {}
    for each in found:
        entry, wrong = read(each, day)
        faults += wrong
        if entry is None:
            continue
        known = first.setdefault(entry.open_referral_id, entry)
        if known.facts != entry.facts:
            faults.append(f"{entry.place}: has the id of {known.place} and says something else; give each its own id")
        entries.append((entry, known is not entry))
    if faults:
        raise Unreadable(faults)
    yield from entries


def _here(study: Study) -> dict[str, Resource]:
    """The directory by the id under which each entry came, and by its own, which our feed shows."""
    entries = db.session.scalars(select(Resource).where(Resource.study_id == study.id)).all()
    came = {each.open_referral_id: each for each in entries if each.open_referral_id}
    return {str(each.id): each for each in entries} | came


def _differences(resource: Resource, entry: Entry) -> dict[str, tuple[Any, Any]]:
    """What the file knows better. Silence erases nothing, and what staff of the study know stays:
    a category of theirs, a later check, that it is full or closed."""
    told = dict(entry.facts)
    if told["category"] == "other":
        del told["category"]
    if resource.checked_on is not None and told.get("checked_on", resource.checked_on) <= resource.checked_on:
        told.pop("checked_on", None)
    if entry.closed:
        told["capacity"] = "closed"
    now = {name: getattr(resource, name) for name in told}
    return {name: (now[name], value) for name, value in told.items() if now[name] != value}
