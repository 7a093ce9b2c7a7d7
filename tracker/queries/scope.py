"""What the asker may see at all: the sites, studies and people that every other query starts from."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from datetime import date
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, false, or_, select, true
from sqlalchemy.orm import aliased, selectinload

from ..extensions import db
from ..models import Allocation, Arm, Consent, Person, Referral, Site, Study, User
from ..permissions import CARE_ROLES, SITE_ROLES, current, may_see_care, may_see_person

Places = tuple[tuple[uuid.UUID | None, uuid.UUID | None], ...]
"""Studies, each with a site of it."""
MANY = 500
"""Statements of one kind that are kept once they are built, which takes longer than to run them; askers share them."""


class NotFound(LookupError):
    """There is no such record, or the asker may not see it: the answer is the same."""


def is_one_of(column: Any, values: Iterable[str]) -> ColumnElement[bool]:
    """Whether a column is one of a few words, written out: a list is put into the statement anew at each use."""
    return or_(*(column == value for value in values))


@cache
def has_withdrawn() -> ColumnElement[bool]:
    """The SQL twin of `permissions.has_withdrawn`: no consent of the kind is current, and one was withdrawn."""
    taken_back, again = aliased(Consent), aliased(Consent)
    given_again = exists().where(
        again.person_id == taken_back.person_id, again.kind == taken_back.kind, again.withdrawn_on.is_(None)
    )
    return exists().where(
        taken_back.person_id == Person.id,
        is_one_of(taken_back.kind, ("service", "research")),
        taken_back.withdrawn_on.is_not(None),
        ~given_again,
    )


def in_research() -> ColumnElement[bool]:
    """Whether a person's data may be used: they agreed to research, and did not withdraw with the wish to erase."""
    given = aliased(Consent)
    return exists().where(
        given.person_id == Person.id, given.kind == "research", given.on_withdrawal.is_distinct_from("erase")
    )


def own_places(by: User, roles: Sequence[str] = SITE_ROLES) -> Places:
    """Where the asker holds one of the roles."""
    return tuple((m.study_id, m.site_id) for m in current(by) if m.role in roles)


def at_places(places: Places) -> ColumnElement[bool]:
    """People of these sites and studies."""
    at_each = [and_(Person.study_id == study, Person.site_id == site) for study, site in places]
    return or_(*at_each) if at_each else false()


def at_own_sites(by: User, roles: Sequence[str] = SITE_ROLES) -> ColumnElement[bool]:
    """People of the sites and studies at which the asker holds one of the roles."""
    return at_places(own_places(by, roles))


def is_referred(*statuses: str) -> ColumnElement[bool]:
    """Whether somebody has a referral that is not closed and stands so."""
    return exists().where(
        Referral.person_id == Person.id, is_one_of(Referral.status, statuses), Referral.closed_on.is_(None)
    )  # fmt: skip


def visible_people(by: User, roles: Sequence[str] = SITE_ROLES) -> Select[Person]:
    """With their consents, of which every rule about a person asks: one query more, and not one a person."""
    found = select(Person).where(at_own_sites(by, roles), ~has_withdrawn())
    return found.options(selectinload(Person.consents))


def person(id: uuid.UUID, *, by: User) -> Person:
    """One person, by anyone of their site."""
    found = db.session.get(Person, id, options=[selectinload(Person.consents)])
    if found is None or not may_see_person(by, found):
        raise NotFound
    return found


def person_in_care(id: uuid.UUID, *, by: User) -> Person:
    """One person, by those who may know their arm and their care."""
    found = person(id, by=by)
    if not may_see_care(by, found):
        raise NotFound
    return found


def sites(by: User, roles: Sequence[str] = CARE_ROLES) -> Sequence[tuple[Site, Study]]:
    """The asker's sites, each with its study."""
    pairs = {(m.site_id, m.study_id) for m in current(by) if m.role in roles and m.site_id}
    rows = db.session.execute(
        select(Site, Study)
        .join(Study, true())
        .where(or_(*(and_(Site.id == site, Study.id == study) for site, study in pairs)) if pairs else false())
        .order_by(Site.name)
    )
    return [(site, study) for site, study in rows]


def site(id: uuid.UUID, study_id: uuid.UUID, *, by: User) -> tuple[Site, Study]:
    """One of the asker's sites, in a study."""
    for found, study in sites(by):
        if (found.id, study.id) == (id, study_id):
            return found, study
    raise NotFound


def arm_of(person: Person, *, by: User) -> Arm | None:
    """The arm that the person, or their site, was allocated to most recently before they entered."""
    if not may_see_care(by, person):
        raise NotFound
    return arm_at(person.study_id, person.site_id, person.id, person.entered_on, by=by)


def arm_at(
    study_id: uuid.UUID, site_id: uuid.UUID | None, person_id: uuid.UUID | None, day: date, *, by: User
) -> Arm | None:
    """The arm of a site (or of one person, which goes first) on a day; only for staff who may know it."""
    if not any(m.study_id == study_id and m.role in (*CARE_ROLES, "evaluator") for m in current(by)):
        raise NotFound
    where = [Allocation.site_id == site_id] if site_id else []
    where += [Allocation.person_id == person_id] if person_id else []
    return db.session.scalar(
        select(Arm)
        .join(Allocation, Allocation.arm_id == Arm.id)
        .where(Allocation.study_id == study_id, Allocation.from_on <= day, or_(false(), *where))
        .order_by(Allocation.person_id.is_(None), Allocation.from_on.desc())
        .limit(1)
    )
