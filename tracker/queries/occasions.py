"""Which outcomes are due for whom, from the study's timepoints and their windows."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import NamedTuple, Self

from sqlalchemy import ColumnElement, bindparam, func, select
from sqlalchemy.orm import selectinload

from instruments import definition, get
from instruments.plan import Plan, Timepoint, parse

from ..extensions import db
from ..models import ANSWERED, Assessment, Draft, Person, Study, User
from ..permissions import SITE_ROLES, may_see_person
from .scope import NotFound, visible_people
from .wordings import Key, active_texts, printed


@dataclass(frozen=True, slots=True)
class Occasion:
    """One instrument at one timepoint for one person, and how it stands."""

    person: Person
    instrument: definition.Instrument
    timepoint: Timepoint
    opens_on: date
    closes_on: date
    assessment: Assessment | None
    draft: Draft | None = None

    @property
    def answered(self) -> Assessment | None:
        """The assessment that has answers, or a score from elsewhere; what was missed can still be answered."""
        given = self.assessment
        return given if given is not None and given.status in ANSWERED else None

    def state(self, today: date) -> str:
        if self.assessment is not None:
            return self.assessment.status
        if today < self.opens_on:
            return "later"
        return "due" if today <= self.closes_on else "overdue"


def plan_of(study: Study, *, by: User) -> Plan:
    """The study's plan, for anyone who works on the study."""
    _refuse_strangers(study.id, by)
    return _parsed(study.plan_text)


def _refuse_strangers(study_id: uuid.UUID, by: User) -> None:
    if not any(m.study_id == study_id for m in by.memberships):
        raise NotFound


@lru_cache(maxsize=64)
def _parsed(plan_text: str) -> Plan:
    return parse(plan_text)


def occasions(person: Person, *, by: User) -> Sequence[Occasion]:
    """Every planned assessment of one person, in order of time."""
    if not may_see_person(by, person):
        raise NotFound
    recorded = _recorded([person.id]).get(person.id, [])
    return list(_occasions(person, plan_of(person.study, by=by), recorded, active_texts(by=by), by))


def due_occasions(today: date, *, by: User) -> Sequence[Occasion]:
    """What is due or overdue at the asker's sites, the one that closes first first."""
    people = db.session.scalars(visible_people(by, SITE_ROLES).where(Person.left_on.is_(None))).unique().all()
    recorded = _recorded([person.id for person in people])
    plans = {person.study_id: plan_of(person.study, by=by) for person in people}
    texts = active_texts(by=by)
    found = [o for p in people for o in _occasions(p, plans[p.study_id], recorded.get(p.id, []), texts, by)]
    return sorted(
        (o for o in found if o.state(today) in ("due", "overdue")),
        key=lambda o: (o.closes_on, o.person.study_number),
    )


def recorded_already() -> ColumnElement[str | None]:
    """A column beside `Person`: what is recorded of them and need not be asked again, in one text for `Schedule`."""
    each = Assessment.timepoint + "/" + Assessment.instrument
    recorded = select(func.aggregate_strings(each, " ")).where(Assessment.person_id == Person.id)
    return recorded.correlate(Person).scalar_subquery()


class Window(NamedTuple):
    """A timepoint: on which days after entry it opens and closes, and what is recorded once all is answered."""

    opens: int
    closes: int
    asked: frozenset[str]


@dataclass(frozen=True, slots=True)
class Schedule:
    """What a study's plan asks for, as it stands on a day."""

    windows: Sequence[Window]
    today: date

    @classmethod
    def of(cls, plan: Plan, today: date) -> Self:
        windows = [
            Window(at.day + at.opens, at.day + at.closes, frozenset(f"{at.id}/{id}" for id in plan.instruments))
            for at in plan.timepoints
        ]
        return cls(windows, today)

    def state(self, entered_on: date, recorded: str | None) -> str | None:
        """Whether somebody who is still in the study has something to answer: a window is open (due), or has closed."""
        done, state, day = (recorded or "").split(), None, (self.today - entered_on).days
        for window in self.windows:
            if day >= window.opens and not window.asked.issubset(done):
                if day > window.closes:
                    return "overdue"
                state = "due"
        return state


def schedules(studies: Set[uuid.UUID], today: date, *, by: User) -> Mapping[uuid.UUID, Schedule]:
    """That of each study that the asker works on; lists need nothing else of a study than its plan."""
    return {id: Schedule.of(_parsed(_plan_text(id, by)), today) for id in studies}


def _plan_text(study_id: uuid.UUID, by: User) -> str:
    _refuse_strangers(study_id, by)
    ((text,),) = db.rows(_PLAN_TEXT, {"id": study_id})
    return text


_PLAN_TEXT = select(Study.plan_text).where(Study.id == bindparam("id"))


def _recorded(people: Iterable[uuid.UUID]) -> Mapping[uuid.UUID, Sequence[Assessment | Draft]]:
    """What there is of each person: assessments, and drafts with their answers."""
    ids = list(people)
    found: dict[uuid.UUID, list[Assessment | Draft]] = {}
    drafts = select(Draft).where(Draft.person_id.in_(ids)).options(selectinload(Draft.responses))
    for query in (select(Assessment).where(Assessment.person_id.in_(ids)), drafts):
        for each in db.session.scalars(query):
            found.setdefault(each.person_id, []).append(each)
    return found


def _occasions(
    person: Person, plan: Plan, recorded: Sequence[Assessment | Draft], texts: Mapping[Key, str], by: User
) -> Iterator[Occasion]:
    done = {(each.instrument, each.timepoint): each for each in recorded if isinstance(each, Assessment)}
    begun = {(each.instrument, each.timepoint): each for each in recorded if isinstance(each, Draft)}
    for timepoint in plan.timepoints:
        opens, closes = timepoint.window(person.entered_on)
        for id in plan.instruments:
            draft = begun.get((id, timepoint.id))
            instrument = printed(get(id, draft.instrument_version if draft else None), texts, by=by)
            yield Occasion(person, instrument, timepoint, opens, closes, done.get((id, timepoint.id)), draft)
