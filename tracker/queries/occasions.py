"""Which outcomes are due for whom, from the study's timepoints and their windows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select

from instruments import definition, get
from instruments.plan import Plan, Timepoint, parse

from ..extensions import db
from ..models import Assessment, Person, Study, User
from ..permissions import SITE_ROLES, may_see_person
from .scope import NotFound, visible_people


@dataclass(frozen=True, slots=True)
class Occasion:
    """One instrument at one timepoint for one person, and how it stands."""

    person: Person
    instrument: definition.Instrument
    timepoint: Timepoint
    opens_on: date
    closes_on: date
    assessment: Assessment | None

    @property
    def answered(self) -> Assessment | None:
        """The assessment that has answers, or a score from elsewhere; what was missed can still be answered."""
        given = self.assessment
        return given if given is not None and given.status in ("complete", "partial") else None

    def state(self, today: date) -> str:
        if self.assessment is not None:
            return self.assessment.status
        if today < self.opens_on:
            return "later"
        return "due" if today <= self.closes_on else "overdue"


def plan_of(study: Study, *, by: User) -> Plan:
    """The study's plan, for anyone who works on the study."""
    if not any(m.study_id == study.id for m in by.memberships):
        raise NotFound
    return parse(study.plan_text)


def occasions(person: Person, *, by: User) -> Sequence[Occasion]:
    """Every planned assessment of one person, in order of time."""
    if not may_see_person(by, person):
        raise NotFound
    done = db.session.scalars(select(Assessment).where(Assessment.person_id == person.id)).all()
    return list(_occasions(person, plan_of(person.study, by=by), done))


def due_occasions(today: date, *, by: User) -> Sequence[Occasion]:
    """What is due or overdue at the asker's sites, the one that closes first first."""
    people = db.session.scalars(visible_people(by, SITE_ROLES).where(Person.left_on.is_(None))).unique().all()
    done: dict[object, list[Assessment]] = {}
    for each in db.session.scalars(select(Assessment).where(Assessment.person_id.in_([p.id for p in people]))):
        done.setdefault(each.person_id, []).append(each)
    plans = {person.study_id: plan_of(person.study, by=by) for person in people}
    found = [o for p in people for o in _occasions(p, plans[p.study_id], done.get(p.id, []))]
    return sorted(
        (o for o in found if o.state(today) in ("due", "overdue")),
        key=lambda o: (o.closes_on, o.person.study_number),
    )


def _occasions(person: Person, plan: Plan, done: Sequence[Assessment]) -> Iterator[Occasion]:
    given = {(each.instrument, each.timepoint): each for each in done}
    for timepoint in plan.timepoints:
        opens, closes = timepoint.window(person.entered_on)
        for id in plan.instruments:
            yield Occasion(person, get(id), timepoint, opens, closes, given.get((id, timepoint.id)))
