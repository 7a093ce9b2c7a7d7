"""Signposts that wait for what came of them."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, Select, exists, func, or_, select
from sqlalchemy.orm import aliased, contains_eager, joinedload

from ..extensions import db
from ..models import STILL_ASKED, Assignment, Person, Referral, Signpost, User
from ..permissions import CARE_ROLES, may_see_care
from .scope import NotFound, at_own_sites, has_withdrawn

ANSWERED_LATELY = timedelta(7)


def signpost(id: uuid.UUID, *, by: User) -> Signpost:
    """One signpost, with its person and resource."""
    found = db.session.get(Signpost, id, options=[joinedload(Signpost.resource), joinedload(Signpost.person)])
    if found is None or not may_see_care(by, found.person):
        raise NotFound
    return found


def waiting(*, by: User, mine: bool = True) -> Sequence[Signpost]:
    """Signposts without a final outcome, oldest first: the asker's own, or all at their sites."""
    return _listed(_waiting(by, mine).order_by(Signpost.signposted_on, Signpost.recorded_at))


def waiting_count(day: date, *, by: User) -> int:
    """How many of the asker's own signposts are to be asked about by a day."""
    return db.session.scalar(_waiting(by, mine=True).where(_is_due(day)).with_only_columns(func.count())) or 0


def people_to_ask(people: Sequence[Person], day: date, *, by: User) -> set[uuid.UUID]:
    """Which of these people are to be asked what came of a signpost."""
    among = Signpost.person_id.in_([person.id for person in people if may_see_care(by, person)])
    query = select(Signpost.person_id).where(among, Signpost.outcome.in_(STILL_ASKED), _is_due(day))
    return set(db.session.scalars(query))


def _is_due(day: date) -> ColumnElement[bool]:
    """On the day that was agreed; at once where none was."""
    return or_(Signpost.ask_again_on.is_(None), Signpost.ask_again_on <= day)


def answered_lately(now: datetime, *, by: User) -> Sequence[Signpost]:
    """What the asker answered in the last days, newest first, so that a slip can be put right."""
    query = _at_sites(by).where(Signpost.answered_by == by.id, Signpost.answered_at > now - ANSWERED_LATELY)
    return _listed(query.order_by(Signpost.answered_at.desc()).limit(10))


def _waiting(by: User, mine: bool) -> Select[Signpost]:
    """People who left the study are not asked any more."""
    query = _at_sites(by).where(Signpost.outcome.in_(STILL_ASKED), Person.left_on.is_(None))
    return query.where(_is_own(by)) if mine else query


def _at_sites(by: User) -> Select[Signpost]:
    joined = select(Signpost).join(Signpost.person)
    return joined.where(at_own_sites(by, CARE_ROLES), ~has_withdrawn())


def _listed(query: Select[Signpost]) -> Sequence[Signpost]:
    options = (contains_eager(Signpost.person).selectinload(Person.consents), joinedload(Signpost.resource))
    return db.session.scalars(query.options(*options)).unique().all()


def _is_own(by: User) -> ColumnElement[bool]:
    """Whoever holds the person's referral asks; while nobody does, whoever made the signpost."""
    held = aliased(Assignment), aliased(Referral)
    holding = (
        exists()
        .where(held[0].referral_id == held[1].id, held[0].until_on.is_(None))
        .where(held[1].person_id == Signpost.person_id)
    )
    return or_(holding.where(held[0].worker_id == by.id), (Signpost.recorded_by == by.id) & ~holding)
