"""What the asker typed into a form and did not save."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import select

from ..extensions import db
from ..models import KEPT_FOR, HeldForm, User


@dataclass(frozen=True, slots=True)
class Held:
    """The boxes of a form with what stood in them, and when that was."""

    typed: Mapping[str, Sequence[str]]
    held_at: datetime


def held(path: str, *, by: User) -> Held | None:
    """The asker's own form at this address, if one is kept."""
    fresh = HeldForm.held_at > datetime.now(UTC) - KEPT_FOR
    found = db.session.scalar(select(HeldForm).where(HeldForm.user_id == by.id, HeldForm.path == path, fresh))
    return Held(json.loads(found.typed), found.held_at) if found is not None else None
