"""Answers kept before they are saved as an assessment."""

from __future__ import annotations

from sqlalchemy import select

from ..extensions import db
from ..models import Draft, Person, User
from ..permissions import may_see_person
from .scope import NotFound


def draft(person: Person, instrument: str, timepoint: str, *, by: User) -> Draft | None:
    """What was answered so far to an instrument that is not finished."""
    if not may_see_person(by, person):
        raise NotFound
    return db.session.scalar(
        select(Draft).where(
            Draft.person_id == person.id, Draft.instrument == instrument, Draft.timepoint == timepoint
        )
    )  # fmt: skip
