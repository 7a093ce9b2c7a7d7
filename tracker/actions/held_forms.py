"""Forms that are not saved yet: kept for whoever typed them, until they are saved, thrown away or a day old."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from sqlalchemy import delete, or_, select

from ..extensions import db
from ..models import KEPT_FOR, HeldForm, User
from .refusal import Refused, check, translated

LONGEST_TYPED = 200_000


def hold(*, by: User, path: str, typed: Mapping[str, Sequence[str]]) -> None:
    """Keep what stands in the boxes of the form at this address; it takes the place of what was kept before."""
    check(by.active)
    text = json.dumps(typed)
    if len(text) > LONGEST_TYPED:
        raise Refused("form", "This is too long to be kept. Save it in parts.")
    held = db.session.scalar(select(HeldForm).where(HeldForm.user_id == by.id, HeldForm.path == path))
    if held is None:
        held = HeldForm(user_id=by.id, path=path)
        db.session.add(held)
    held.typed, held.held_at = text, datetime.now(UTC)
    with translated():
        db.session.flush()


def let_go(*, by: User, path: str) -> None:
    """Keep it no longer, nor anything of anybody that is too old."""
    own = (HeldForm.user_id == by.id) & (HeldForm.path == path)
    db.session.execute(delete(HeldForm).where(or_(own, HeldForm.held_at <= datetime.now(UTC) - KEPT_FOR)))
