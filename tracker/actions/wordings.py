"""The wording of instruments: added by an administrator, and printed only once it is switched on."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

from sqlalchemy import select

from instruments import wording
from instruments.definition import BadDefinition, Instrument

from ..extensions import db
from ..models import User, Wording
from ..permissions import may_manage
from .audit import facts, write_event
from .refusal import CHANGED_MEANWHILE, Conflict, Refused, check, translated


def add_wording(*, by: User, instrument: Instrument, text: str) -> Wording:
    """Keep the wording of an instrument, in place of any other; it is off until it is switched on."""
    check(may_manage(by))
    try:
        wording.worded(instrument, wording.from_toml(text))
    except BadDefinition as error:
        raise Refused("text", str(error)) from None
    kept = db.session.scalar(
        select(Wording).where(Wording.instrument == instrument.id, Wording.instrument_version == instrument.version)
    )
    before = facts(kept) if kept else None
    if kept is None:
        kept = Wording(instrument=instrument.id, instrument_version=instrument.version, recorded_by=by.id)
        db.session.add(kept)
    kept.text, kept.active = text, False
    kept.recorded_at, kept.recorded_by = datetime.now(UTC), by.id
    digest = hashlib.sha256(text.encode()).hexdigest()
    with translated():
        write_event(
            by=by, action="add_wording", record=kept, before=before, after=facts(kept) | {"text_sha256": digest}
        )
    return kept


def switch_wording(*, by: User, kept: Wording, version: int, active: bool) -> None:
    """Print the wording on forms, or no longer."""
    check(may_manage(by))
    if kept.version != version:
        raise Conflict("form", CHANGED_MEANWHILE)
    before = facts(kept)
    kept.active = active
    with translated():
        write_event(by=by, action="switch_wording", record=kept, before=before)
