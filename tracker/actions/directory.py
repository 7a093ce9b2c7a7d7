"""The directory of resources: adding, changing and checking an entry, and what is reported wrong with it."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from ..extensions import db, today
from ..models import FaultReport, Resource, User
from ..permissions import may_edit_directory, may_see_directory
from .audit import facts, write_event
from .refusal import CHANGED_MEANWHILE, Conflict, Refused, check, translated

LONGEST = {
    "open_referral_id": 100, "name": 200, "provider": 200, "area": 100, "cost": 100, "description": 2000,
    "eligibility": 1000, "opening_times": 1000, "phone": 40, "email": 254, "website": 500, "address": 200, "town": 100,
    "postcode": 10, "reason": 400,
}  # fmt: skip
"""How many characters each text of an entry has room for."""


def website_fault(text: str) -> str | None:
    """What is wrong with an address on the web, or None: only what a browser opens as a page is followed."""
    try:
        parts = urlsplit(text)
        usable = parts.scheme in ("http", "https") and re.fullmatch(r"[\w.-]+\.\w{2,}", parts.hostname or "")
    except ValueError:
        usable = None
    if usable and not re.search(r"[\s<>\"'\\]", text):
        return None
    return "Enter the whole address of the website, such as https://www.example.org"


def email_fault(text: str) -> str | None:
    """What is wrong with an e-mail address, or None."""
    if re.fullmatch(r"[\w.+'’-]+@[\w-]+(\.[\w-]+)+", text):
        return None
    return "Enter an e-mail address such as hello@example.org"


def phone_fault(text: str) -> str | None:
    """What is wrong with a phone number, or None; words beside it, such as an extension, are welcome."""
    if len(re.findall("[0-9]", text)) >= 3:
        return None
    return "Enter a phone number with its digits, such as 01632 960 001"


def add_resource(*, by: User, study_id: uuid.UUID, name: str, category: str, details: Mapping[str, Any]) -> Resource:
    """Add an entry to the directory."""
    check(may_edit_directory(by, study_id))
    _check_facts(details)
    resource = Resource(study_id=study_id, name=name, category=category, recorded_by=by.id, **details)
    db.session.add(resource)
    with translated():
        write_event(by=by, action="add_resource", record=resource)
    return resource


def edit_resource(*, by: User, resource: Resource, version: int, changes: Mapping[str, Any]) -> None:
    """Change an entry; what stays as it was leaves no trace."""
    check(may_edit_directory(by, resource.study_id))
    if resource.version != version:
        raise Conflict("form", CHANGED_MEANWHILE)
    _check_facts(changes)
    _change(by, "edit_resource", resource, changes)


def mark_checked(*, by: User, resource: Resource) -> None:
    """Say that an entry was looked at today and is right."""
    check(may_edit_directory(by, resource.study_id))
    _change(by, "mark_checked", resource, {"checked_on": today()})


def report_fault(*, by: User, resource: Resource, reason: str) -> FaultReport:
    """Say that an entry is wrong; it stands beside the entry until somebody settles it."""
    check(may_see_directory(by, resource.study_id))
    report = FaultReport(resource_id=resource.id, reason=reason, recorded_by=by.id)
    db.session.add(report)
    with translated():
        write_event(by=by, action="report_fault", record=report)
    return report


def settle_fault(*, by: User, report: FaultReport) -> None:
    """Say that what was reported wrong is put right, or was right; a second time changes nothing."""
    check(may_see_directory(by, report.resource.study_id))
    if report.settled_at is not None:
        return
    before = facts(report)
    report.settled_at, report.settled_by = datetime.now(UTC), by.id
    with translated():
        write_event(by=by, action="settle_fault", record=report, before=before)


def _check_facts(given: Mapping[str, Any]) -> None:
    checked_on = given.get("checked_on")
    if checked_on is not None and checked_on > today():
        raise Refused("checked_on", "The day of the check is in the future. Enter today or an earlier date.")
    for field, fault_of in (("website", website_fault), ("email", email_fault), ("phone", phone_fault)):
        if given.get(field) and (fault := fault_of(given[field])):
            raise Refused(field, fault)


def _change(by: User, action: str, resource: Resource, changes: Mapping[str, Any]) -> None:
    before = facts(resource)
    changed = {name: value for name, value in changes.items() if getattr(resource, name) != value}
    if not changed:
        return
    for name, value in changed.items():
        setattr(resource, name, value)
    resource.changed_at, resource.changed_by = datetime.now(UTC), by.id
    with translated():
        write_event(by=by, action=action, record=resource, before=before)
