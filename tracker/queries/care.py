"""Single records of care: a referral, a contact."""

from __future__ import annotations

import uuid

from sqlalchemy import select
from sqlalchemy.orm import joinedload, selectinload

from ..extensions import db
from ..models import Contact, Referral, User
from ..permissions import may_see_care
from .scope import NotFound


def referral(id: uuid.UUID, *, by: User) -> Referral:
    """One referral with its person and assignments."""
    found = db.session.get(Referral, id, options=[joinedload(Referral.person), selectinload(Referral.assignments)])
    if found is None or not may_see_care(by, found.person):
        raise NotFound
    return found


def contact(id: uuid.UUID, *, by: User) -> Contact:
    """One contact with its referral and person."""
    found = db.session.get(Contact, id, options=[joinedload(Contact.referral).joinedload(Referral.person)])
    if found is None or not may_see_care(by, found.referral.person):
        raise NotFound
    return found


def last_contact(referral: Referral, *, by: User) -> Contact | None:
    """The latest contact of an episode, of any kind."""
    if not may_see_care(by, referral.person):
        raise NotFound
    return db.session.scalar(
        select(Contact)
        .where(Contact.referral_id == referral.id)
        .order_by(Contact.contacted_on.desc(), Contact.recorded_at.desc())
        .limit(1)
    )
