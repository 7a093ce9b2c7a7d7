"""What an evaluator sees while a study runs: progress and completeness, no names."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, select

from instruments.plan import Plan, parse

from ..extensions import db
from ..models import ANSWERED, Allocation, Arm, Assessment, Person, Site, Study, User
from ..permissions import current, may_see_study
from .scope import NotFound, in_research


@dataclass(frozen=True, slots=True)
class SiteProgress:
    """One site: its arm, its people, and how many have an answered assessment at each timepoint."""

    site: str
    arm: str
    people: int
    answered: dict[str, int]


def studies(*, by: User) -> Sequence[Study]:
    """The studies that the asker evaluates."""
    ids = {m.study_id for m in current(by) if m.role == "evaluator"}
    return db.session.scalars(select(Study).where(Study.id.in_(ids)).order_by(Study.title)).all()


def study(id: uuid.UUID, *, by: User) -> Study:
    """One study, for its evaluators."""
    found = db.session.get(Study, id)
    if found is None or not may_see_study(by, found):
        raise NotFound
    return found


def plan(study: Study, *, by: User) -> Plan:
    """The study's plan, for its evaluators."""
    if not may_see_study(by, study):
        raise NotFound
    return parse(study.plan_text)


def progress(study: Study, day: date, *, by: User) -> Sequence[SiteProgress]:
    """People whose data may be used, and their answered assessments, by site and timepoint; sites' arms on a day."""
    if not may_see_study(by, study):
        raise NotFound
    arms = _arms_today(study, day)
    in_study = (Person.study_id == study.id) & in_research()
    people = db.session.execute(
        select(Person.site_id, Site.slug, func.count(Person.id))
        .outerjoin(Site, Site.id == Person.site_id)
        .where(in_study)
        .group_by(Person.site_id, Site.slug)
        .order_by(Site.slug)
    ).all()
    answered = db.session.execute(
        select(Person.site_id, Assessment.timepoint, func.count(func.distinct(Person.id)))
        .join(Assessment, Assessment.person_id == Person.id)
        .where(in_study, Assessment.status.in_(ANSWERED))
        .group_by(Person.site_id, Assessment.timepoint)
    ).all()
    counts: dict[uuid.UUID | None, dict[str, int]] = {}
    for site, timepoint, count in answered:
        counts.setdefault(site, {})[timepoint] = count
    return [SiteProgress(slug or "", arms.get(id, ""), count, counts.get(id, {})) for id, slug, count in people]


def _arms_today(study: Study, day: date) -> dict[uuid.UUID | None, str]:
    """The arm that each site is in on a day."""
    rows = db.session.execute(
        select(Allocation.site_id, Arm.label)
        .join(Arm, Arm.id == Allocation.arm_id)
        .where(Allocation.study_id == study.id, Allocation.from_on <= day)
        .order_by(Allocation.from_on)
    )
    return dict(rows.all())
