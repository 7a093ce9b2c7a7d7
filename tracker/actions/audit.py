"""The trail of changes: appended in the same transaction, each row's hash covering the one before it."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import inspect, select

from ..extensions import db, keyring, take_turn
from ..models import AuditEvent, Base, User
from ..permissions import may_manage
from .refusal import Refused, check

WITHHELD = "withheld"
FIRST = "0" * 64
_SAID = ("number", "happened_at", "actor_id", "action", "table_name", "record_id", "before", "after", "reason")
_WRITTEN = (*_SAID, "previous", "hash")


@dataclass(frozen=True, slots=True)
class Fault:
    """A row of the trail that is not as it was written."""

    number: int
    what: str


def facts(record: Base) -> dict[str, Any]:
    """What the trail keeps of a record: research facts as they are; identity, secrets and free text withheld."""
    kept = {}
    for name, column in inspect(type(record)).columns.items():
        value = getattr(record, name)
        withheld = column.info["privacy"] in ("never", "text") and value is not None
        kept[name] = _mark(str(value)) if withheld else _plain(value)
    return kept


def _mark(value: str) -> str:
    """That there was a value, and with the keys whether it is still the same; nothing else."""
    return f"({WITHHELD} {keyring.index(value, 'audit')[:12]})"


def write_event(
    *, by: User | None, action: str, record: Base, before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None, reason: str | None = None,
) -> AuditEvent:  # fmt: skip
    """Append one event; `by` is None only for the command line's own set-up."""
    session = db.session
    session.flush()
    take_turn(session)
    last = session.execute(
        select(AuditEvent.number, AuditEvent.hash).order_by(AuditEvent.number.desc()).limit(1)
    ).first()
    now = facts(record) if after is None else dict(after)
    event = AuditEvent(
        number=last.number + 1 if last else 1,
        happened_at=datetime.now(UTC),
        actor_id=by.id if by else None,
        action=action,
        table_name=record.__tablename__,
        record_id=":".join(str(part) for part in inspect(record).identity or ()),
        before=_json(_changed(before, now)) if before is not None else None,
        after=_json(now if before is None else _changed(now, before)),
        reason=reason,
        previous=last.hash if last else FIRST,
    )
    event.hash = digest(event)
    session.add(event)
    session.flush()
    return event


def digest(event: AuditEvent) -> str:
    """The hash of one event: everything it says, and the hash before it."""
    said = {name: _plain(getattr(event, name)) for name in _SAID}
    return hashlib.sha256(_json([event.previous, said]).encode()).hexdigest()


def faults(events: Iterator[AuditEvent]) -> Iterator[Fault]:
    """Each place where the trail, read in order, is not as it was written."""
    previous, number = FIRST, 0
    for event in events:
        if event.number != number + 1:
            yield Fault(event.number, f"follows number {number}: a row is missing or was added")
        if event.previous != previous:
            yield Fault(event.number, "does not continue the row before it")
        if event.hash != digest(event):
            yield Fault(event.number, "was changed after it was written")
        previous, number = event.hash, event.number


def take_out(*, by: User) -> Sequence[str]:
    """Every row so far as a line of JSON, for whoever shall read or verify it elsewhere; a row more says who asked."""
    check(may_manage(by))
    events = db.session.scalars(select(AuditEvent).order_by(AuditEvent.number))
    lines = [_json({name: _plain(getattr(event, name)) for name in _WRITTEN}) for event in events]
    write_event(by=by, action="export_trail", record=by, after={"rows": len(lines)})
    return lines


def read_back(lines: Iterable[str]) -> Iterator[AuditEvent]:
    """The rows of a trail that was taken out; it needs no database and no keys."""
    for number, line in enumerate(lines, start=1):
        try:
            yield _row(json.loads(line))
        except (ValueError, TypeError, KeyError, AttributeError):
            raise Refused("form", f"Line {number} is not a row of an audit trail. Take the trail out again.") from None


def _row(said: Mapping[str, Any]) -> AuditEvent:
    actor = said["actor_id"]
    return AuditEvent(
        **{name: said[name] for name in _WRITTEN}
        | {"happened_at": datetime.fromisoformat(said["happened_at"]), "actor_id": uuid.UUID(actor) if actor else None}
    )


def _changed(side: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in side.items() if other.get(name) != value}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    return str(value) if isinstance(value, date | uuid.UUID) else value


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))
