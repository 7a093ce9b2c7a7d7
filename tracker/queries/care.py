"""Single records of care: a referral, and what of it waits when it closes."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import joinedload, selectinload

from ..extensions import db
from ..models import Assignment, Contact, Person, Referral, Signpost, User
from ..permissions import may_record_care, may_see_care
from .scope import NotFound

A_FEW_MINUTES = timedelta(minutes=10)


def referral(id: uuid.UUID, *, by: User) -> Referral:
    """One referral with its person, its needs and who held it."""
    held = selectinload(Referral.assignments).joinedload(Assignment.worker)
    found = db.session.get(Referral, id, options=[joinedload(Referral.person), held, selectinload(Referral.needs)])
    if found is None or not may_see_care(by, found.person):
        raise NotFound
    return found


def held_referrals(people: Iterable[Person], *, by: User) -> dict[uuid.UUID, uuid.UUID]:
    """Of each of these people with whom the asker may log a contact: their accepted, open referral, the newest."""
    known = {person.id for person in people if may_record_care(by, person)}
    query = (
        select(Referral.person_id, Referral.id)
        .where(Referral.person_id.in_(known), Referral.status == "accepted", Referral.closed_on.is_(None))
        .order_by(Referral.referred_on, Referral.recorded_at)
    )
    return dict(db.session.execute(query).all()) if known else {}


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


def twin(referral: Referral, *, by: User, client_key: uuid.UUID, **said: object) -> bool:
    """Whether the asker logged the same a few minutes ago from another page, as who went back and sends it again."""
    if not may_see_care(by, referral.person):
        raise NotFound
    logged = db.session.scalars(
        select(Contact.client_key)
        .where(Contact.referral_id == referral.id, Contact.worker_id == by.id)
        .where(Contact.recorded_at > datetime.now(UTC) - A_FEW_MINUTES)
        .filter_by(**said)
    ).all()
    return bool(logged) and client_key not in logged


def open_signposts(person: Person, *, by: User) -> Sequence[Signpost]:
    """The person's signposts of which nobody knows what came of them, oldest first."""
    if not may_see_care(by, person):
        raise NotFound
    return db.session.scalars(
        select(Signpost)
        .where(Signpost.person_id == person.id, Signpost.outcome.in_(("unknown", "waiting")))
        .options(joinedload(Signpost.resource))
        .order_by(Signpost.signposted_on, Signpost.recorded_at)
    ).all()
