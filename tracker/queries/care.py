"""Single records of care: a referral, a contact."""

from __future__ import annotations

import uuid

from sqlalchemy.orm import joinedload, selectinload

from ..extensions import db
from ..models import Referral, User
from ..permissions import may_see_care
from .scope import NotFound


def referral(id: uuid.UUID, *, by: User) -> Referral:
    """One referral with its person and assignments."""
    found = db.session.get(Referral, id, options=[joinedload(Referral.person), selectinload(Referral.assignments)])
    if found is None or not may_see_care(by, found.person):
        raise NotFound
    return found
