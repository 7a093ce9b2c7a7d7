"""The directory: searching it, one entry, what is reported wrong in it, and what came of signposts to each entry."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, and_, func, or_, select, true
from sqlalchemy.orm import joinedload, selectinload

from ..extensions import db
from ..models import STILL_ASKED, FaultReport, Person, Resource, Signpost, Study, User
from ..permissions import CARE_ROLES, current, may_see_directory
from .scope import NotFound, at_own_sites, has_withdrawn

PAGE = 50
SEARCHED = ("name", "provider", "description", "eligibility", "area", "address", "town", "postcode")


@dataclass(frozen=True, slots=True)
class Search:
    """What is looked for in the directory; nothing given means everything."""

    words: str = ""
    category: str | None = None
    area: str | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """One page of the entries that were found, and how many there are in all."""

    entries: Sequence[Resource]
    total: int
    page: int

    @property
    def pages(self) -> int:
        return max(1, -(-self.total // PAGE))


def resources(*, by: User, category: str | None = None, study_id: uuid.UUID | None = None) -> Sequence[Resource]:
    """The directory of the asker's studies, or of one of them, by name."""
    query = _own(by, study_id).order_by(func.lower(Resource.name))
    if category:
        query = query.where(Resource.category == category)
    return db.session.scalars(query).all()


def search(search: Search, page: int, *, by: User) -> Found:
    """Entries of the asker's directories that fit; closed ones last, then by name."""
    query = _own(by).where(matches(search))
    total = db.session.scalar(select(func.count()).select_from(query.subquery())) or 0
    page = min(max(page, 1), max(1, -(-total // PAGE)))
    entries = db.session.scalars(
        query.options(selectinload(Resource.faults))
        .order_by(Resource.capacity == "closed", func.lower(Resource.name), Resource.id)
        .limit(PAGE)
        .offset((page - 1) * PAGE)
    ).all()
    return Found(entries, total, page)


def matches(search: Search) -> ColumnElement[bool]:
    """Each word must stand somewhere in the entry; a percent sign is only a percent sign."""
    texts = [getattr(Resource, name) for name in SEARCHED]
    where = [or_(*(text.icontains(word, autoescape=True) for text in texts)) for word in search.words.split()]
    where += [Resource.category == search.category] if search.category else []
    where += [Resource.area == search.area] if search.area else []
    return and_(true(), *where)


def areas(*, by: User) -> Sequence[str]:
    """The areas that entries of the asker's directories name, in order."""
    named = _own(by).with_only_columns(Resource.area).where(Resource.area.is_not(None)).distinct()
    return sorted((area for area in db.session.scalars(named) if area), key=str.casefold)


def _own(by: User, study_id: uuid.UUID | None = None) -> Select[Resource]:
    studies = {m.study_id for m in current(by) if m.role in CARE_ROLES and study_id in (None, m.study_id)}
    return select(Resource).where(Resource.study_id.in_(studies))


def studies(*, by: User) -> Sequence[Study]:
    """The studies whose directory the asker keeps, by title."""
    ids = {m.study_id for m in current(by) if m.role in CARE_ROLES}
    return db.session.scalars(select(Study).where(Study.id.in_(ids)).order_by(Study.title)).all()


def resource(id: uuid.UUID, *, by: User) -> Resource:
    """One entry of the directory."""
    found = db.session.get(Resource, id, options=[selectinload(Resource.faults).joinedload(FaultReport.reporter)])
    if found is None or not may_see_directory(by, found.study_id):
        raise NotFound
    return found


def fault_report(id: uuid.UUID, *, by: User) -> FaultReport:
    """What was reported wrong, with its entry."""
    found = db.session.get(FaultReport, id, options=[joinedload(FaultReport.resource)])
    if found is None or not may_see_directory(by, found.resource.study_id):
        raise NotFound
    return found


@dataclass(frozen=True, slots=True)
class Uptake:
    """What came of the signposts to one resource."""

    resource: Resource
    signposted: int
    known: int
    attended: int
    sessions: int

    FEWEST = 5
    """With fewer known outcomes a share says more about chance than about the resource."""

    @property
    def share(self) -> float | None:
        return self.attended / self.known if self.known >= self.FEWEST else None


def uptake(*, by: User) -> Sequence[Uptake]:
    """By resource, for people at the sites that the asker supervises; most signposted first."""
    known = Signpost.outcome.not_in(STILL_ASKED)
    counts = (
        select(
            Signpost.resource_id,
            func.count().label("signposted"),
            func.count().filter(known).label("known"),
            func.count().filter(Signpost.outcome == "attended").label("attended"),
            func.coalesce(func.sum(Signpost.sessions_attended), 0).label("sessions"),
        )
        .join(Person, Person.id == Signpost.person_id)
        .where(at_own_sites(by, ("supervisor",)), ~has_withdrawn())
        .group_by(Signpost.resource_id)
        .subquery()
    )
    rows = db.session.execute(
        select(Resource, counts.c.signposted, counts.c.known, counts.c.attended, counts.c.sessions)
        .join(counts, counts.c.resource_id == Resource.id)
        .order_by(counts.c.signposted.desc(), func.lower(Resource.name))
    )
    return [Uptake(*row) for row in rows]
