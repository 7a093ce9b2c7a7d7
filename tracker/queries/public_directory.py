"""What the open feed shows of one study's directory: to anybody, once the installation's settings say so."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from sqlalchemy import ColumnElement, Select, func, or_, select

from ..extensions import db
from ..models import Resource, Study
from .resources import Search, matches
from .scope import NotFound


def study(slug: str, *, by: None) -> Study:
    """The study whose directory is open."""
    assert by is None
    found = db.session.scalar(select(Study).where(Study.slug == slug))
    if found is None:
        raise NotFound
    return found


def entries(study: Study, search: Search, page: int, size: int, *, by: None) -> tuple[Sequence[Resource], int]:
    """One page of the entries that fit, by name, and how many there are in all."""
    assert by is None
    return _paged(_of(study).where(matches(search)), page, size)


def entries_with_a_place(study: Study, page: int, size: int, *, by: None) -> tuple[Sequence[Resource], int]:
    """One page of the entries that name an address."""
    assert by is None
    return _paged(_of(study).where(_has_place()), page, size)


def entry(study: Study, id: str, *, by: None) -> Resource:
    """One entry, by the id it came with or its own."""
    assert by is None
    if not id.isprintable():  # a database takes no null byte, and no id has one
        raise NotFound
    query = _of(study).where(or_(Resource.open_referral_id == id, Resource.id == _uuid(id)))
    found = db.session.scalars(query.order_by(Resource.open_referral_id.is_(None)).limit(1)).first()
    if found is None:
        raise NotFound
    return found


def everything(study: Study, *, by: None) -> Sequence[Resource]:
    """All entries, by name: to find one by an id that is made and not kept."""
    assert by is None
    return db.session.scalars(_of(study).order_by(func.lower(Resource.name), Resource.id)).all()


def _of(study: Study) -> Select[Resource]:
    return select(Resource).where(Resource.study_id == study.id)


def _has_place() -> ColumnElement[bool]:
    return or_(*(func.coalesce(part, "") != "" for part in (Resource.address, Resource.town, Resource.postcode)))


def _paged(query: Select[Resource], page: int, size: int) -> tuple[Sequence[Resource], int]:
    total = db.session.scalar(select(func.count()).select_from(query.subquery())) or 0
    ordered = query.order_by(func.lower(Resource.name), Resource.id)
    return db.session.scalars(ordered.limit(size).offset((page - 1) * size)).all(), total


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None
