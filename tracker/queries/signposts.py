"""Signposts that wait for what came of them."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache

from sqlalchemy import ColumnElement, Select, exists, func, or_, select
from sqlalchemy.orm import aliased, contains_eager, joinedload

from ..extensions import db
from ..models import STILL_ASKED, Assignment, Person, Referral, Signpost, User
from ..permissions import CARE_ROLES, may_see_care
from .scope import MANY, NotFound, Places, at_places, has_withdrawn, is_one_of, own_places

ANSWERED_LATELY = timedelta(7)


def signpost(id: uuid.UUID, *, by: User) -> Signpost:
    """One signpost, with its person and resource."""
    found = db.session.get(Signpost, id, options=[joinedload(Signpost.resource), joinedload(Signpost.person)])
    if found is None or not may_see_care(by, found.person):
        raise NotFound
    return found


def waiting(*, by: User, mine: bool = True) -> Sequence[Signpost]:
    """Signposts without a final outcome, oldest first: the asker's own, or all at their sites."""
    found = _waiting(own_places(by, CARE_ROLES))
    found = found.where(_is_own(by.id)) if mine else found
    return _listed(found.order_by(Signpost.signposted_on, Signpost.recorded_at))


def waiting_count(day: date, *, by: User) -> int:
    """How many of the asker's own signposts are to be asked about by a day."""
    ((count,),) = db.rows(_count_due(own_places(by, CARE_ROLES), by.id, day))
    return count


@lru_cache(maxsize=MANY)
def _count_due(places: Places, asker: uuid.UUID, day: date) -> Select[int]:
    return _waiting(places).where(_is_own(asker), _is_due(day)).with_only_columns(func.count())


def is_to_be_asked(day: date) -> ColumnElement[bool]:
    """Whether a person is to be asked what came of a signpost; nobody is who left the study."""
    waits = exists().where(Signpost.person_id == Person.id, is_one_of(Signpost.outcome, STILL_ASKED), _is_due(day))
    return Person.left_on.is_(None) & waits


def _is_due(day: date) -> ColumnElement[bool]:
    """On the day that was agreed; at once where none was."""
    return or_(Signpost.ask_again_on.is_(None), Signpost.ask_again_on <= day)


def answered_lately(now: datetime, *, by: User) -> Sequence[Signpost]:
    """What the asker answered in the last days, newest first, so that a slip can be put right."""
    query = _at(own_places(by, CARE_ROLES)).where(
        Signpost.answered_by == by.id, Signpost.answered_at > now - ANSWERED_LATELY
    )
    return _listed(query.order_by(Signpost.answered_at.desc()).limit(10))


def _waiting(places: Places) -> Select[Signpost]:
    """People who left the study are not asked any more."""
    return _at(places).where(is_one_of(Signpost.outcome, STILL_ASKED), Person.left_on.is_(None))


def _at(places: Places) -> Select[Signpost]:
    return select(Signpost).join(Signpost.person).where(at_places(places), ~has_withdrawn())


def _listed(query: Select[Signpost]) -> Sequence[Signpost]:
    options = (contains_eager(Signpost.person).selectinload(Person.consents), joinedload(Signpost.resource))
    return db.session.scalars(query.options(*options)).unique().all()


def _is_own(asker: uuid.UUID) -> ColumnElement[bool]:
    """Whoever holds the person's referral asks; while nobody does, whoever made the signpost."""
    held = aliased(Assignment), aliased(Referral)
    holding = (
        exists()
        .where(held[0].referral_id == held[1].id, held[0].until_on.is_(None))
        .where(held[1].person_id == Signpost.person_id)
    )
    return or_(holding.where(held[0].worker_id == asker), (Signpost.recorded_by == asker) & ~holding)
