"""What matters to a person, for those who care for them."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import joinedload, selectinload

from ..extensions import db
from ..models import Goal, Person, User
from ..permissions import may_see_care
from .scope import NotFound


def goals(person: Person, *, by: User) -> Sequence[Goal]:
    """The person's goals with their progress: those they work on first, each group in order of time."""
    if not may_see_care(by, person):
        raise NotFound
    query = select(Goal).where(Goal.person_id == person.id).options(selectinload(Goal.progress))
    return db.session.scalars(query.order_by(Goal.status != "open", Goal.set_on, Goal.recorded_at)).all()


def goal(id: uuid.UUID, *, by: User) -> Goal:
    """One goal, for those who may change it."""
    found = db.session.get(Goal, id, options=[joinedload(Goal.person), selectinload(Goal.progress)])
    if found is None or not may_see_care(by, found.person):
        raise NotFound
    return found
