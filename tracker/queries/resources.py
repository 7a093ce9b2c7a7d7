"""The directory, and signposts that wait for their outcome."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import joinedload

from ..extensions import db
from ..models import Resource, Signpost, User
from ..permissions import CARE_ROLES, current, may_see_care, may_see_directory
from .scope import NotFound


def resources(*, by: User, category: str | None = None, study_id: uuid.UUID | None = None) -> Sequence[Resource]:
    """The directory of the asker's studies, or of one of them, by name."""
    studies = {m.study_id for m in current(by) if m.role in CARE_ROLES and study_id in (None, m.study_id)}
    query = select(Resource).where(Resource.study_id.in_(studies)).order_by(func.lower(Resource.name))
    if category:
        query = query.where(Resource.category == category)
    return db.session.scalars(query).all()


def resource(id: uuid.UUID, *, by: User) -> Resource:
    """One entry of the directory."""
    found = db.session.get(Resource, id)
    if found is None or not may_see_directory(by, found.study_id):
        raise NotFound
    return found


def signpost(id: uuid.UUID, *, by: User) -> Signpost:
    """One signpost, with its person and resource."""
    found = db.session.get(Signpost, id, options=[joinedload(Signpost.resource), joinedload(Signpost.person)])
    if found is None or not may_see_care(by, found.person):
        raise NotFound
    return found
