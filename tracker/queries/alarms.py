"""Answers that ask for action at once, whether their form was finished or not."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple

from sqlalchemy import ColumnElement, Select, exists, or_, select
from sqlalchemy.orm import lazyload

from instruments import definition, get, library

from ..extensions import db, local_day, today
from ..models import Assessment, Draft, DraftResponse, ItemResponse, Person, User
from ..permissions import CARE_ROLES, SITE_ROLES, may_see_person
from .scope import is_referred, visible_people

RECENT = timedelta(weeks=4)
"""How long somebody whom no link worker holds stands on the lists of those whose answers ask for action."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """An alert that the latest answer to its item raises; `assessment` is None while the form is not finished."""

    alert: definition.Alert
    person: uuid.UUID
    instrument: str
    timepoint: str
    answered_on: date
    assessment: uuid.UUID | None


class _Answer(NamedTuple):
    """An answer to an item that is watched; columns in the order of the queries."""

    person: uuid.UUID
    instrument: str
    version: str
    timepoint: str
    answered_on: date
    assessment: uuid.UUID | None
    item: str
    value: int


def alarms(people: Sequence[Person], *, by: User) -> dict[uuid.UUID, list[Alarm]]:
    """Of each person, the newest first; of each item the latest answer counts, a skipped one does not."""
    seen = [person.id for person in people if may_see_person(by, person)]
    latest = {(each.person, each.instrument, each.item): each for each in _watched_answers(seen)}
    found: dict[uuid.UUID, list[Alarm]] = {}
    for each in sorted(latest.values(), key=lambda answer: answer.answered_on, reverse=True):
        for alert in get(each.instrument, each.version).alerts_for({each.item: each.value}):
            alarm = Alarm(alert, each.person, each.instrument, each.timepoint, each.answered_on, each.assessment)
            found.setdefault(each.person, []).append(alarm)
    return found


def gave_alarm() -> ColumnElement[bool]:
    """Whether a person ever gave an answer that asks for action; `alarmed` knows whether it still does."""
    finished = exists().where(
        Assessment.person_id == Person.id, ItemResponse.assessment_id == Assessment.id,
        _asks_for_action(Assessment, ItemResponse),
    )  # fmt: skip
    begun = exists().where(
        Draft.person_id == Person.id, DraftResponse.draft_id == Draft.id, _asks_for_action(Draft, DraftResponse)
    )
    return finished | begun


def alarmed(people: Sequence[uuid.UUID], *, by: User) -> set[uuid.UUID]:
    """Those of these people whose latest answer asks for action; nobody's name is opened."""
    if not people:
        return set()
    few = visible_people(by, SITE_ROLES).where(Person.id.in_(people)).options(lazyload(Person.identity))
    return set(alarms(db.session.scalars(few).unique().all(), by=by))


def alarmed_people(*, by: User) -> Sequence[Person]:
    """Everybody at the asker's sites whose latest answer asks for action and is recent, by study number."""
    return _alarmed(visible_people(by, SITE_ROLES), by)


def alarmed_off_caseload(*, by: User) -> Sequence[Person]:
    """Those of them whom nobody holds now: never referred, not accepted yet, or closed."""
    return _alarmed(visible_people(by, CARE_ROLES).where(~is_referred("accepted")), by)


def _alarmed(people: Select[Person], by: User) -> Sequence[Person]:
    """Looked for among those who gave such an answer lately: they are few. A draft's moment is compared by the day
    before, in whichever zone, and by its own day below.
    """
    since = today() - RECENT
    finished = select(Assessment.person_id).join(Assessment.responses).where(Assessment.assessed_on >= since)
    begun = select(Draft.person_id).join(Draft.responses).where(Draft.recorded_at >= _day_before(since))
    finished = finished.where(_asks_for_action(Assessment, ItemResponse))
    begun = begun.where(_asks_for_action(Draft, DraftResponse))
    few = people.where(Person.left_on.is_(None), or_(Person.id.in_(finished), Person.id.in_(begun)))
    found = db.session.scalars(few.order_by(Person.study_number)).unique().all()
    now = alarms(found, by=by) if found else {}
    return [person for person in found if any(each.answered_on >= since for each in now.get(person.id, ()))]


def _day_before(day: date) -> datetime:
    return datetime.combine(day - timedelta(days=1), time(), UTC)


def _asks_for_action(form: type[Assessment | Draft], answer: type[ItemResponse | DraftResponse]) -> ColumnElement[bool]:
    return or_(
        *(
            (form.instrument == instrument.id) & (answer.item == alert.item) & (answer.value >= alert.at_least)
            for instrument in library()
            for alert in instrument.alerts
        )
    )


def _watched_answers(people: Sequence[uuid.UUID]) -> Iterator[_Answer]:
    """The oldest first; what was only begun comes after what was finished."""
    finished = select(
        Assessment.person_id, Assessment.instrument, Assessment.instrument_version, Assessment.timepoint,
        Assessment.assessed_on, Assessment.id, ItemResponse.item, ItemResponse.value,
    ).join(Assessment.responses)  # fmt: skip
    begun = select(
        Draft.person_id, Draft.instrument, Draft.instrument_version, Draft.timepoint, Draft.recorded_at,
        DraftResponse.item, DraftResponse.value,
    ).join(Draft.responses)  # fmt: skip
    for row in db.session.execute(
        _watched(finished, Assessment, ItemResponse, people).order_by(Assessment.assessed_on)
    ):
        yield _Answer(*row)
    unfinished = db.session.execute(_watched(begun, Draft, DraftResponse, people))
    for person, instrument, version, timepoint, moment, item, value in unfinished:
        yield _Answer(person, instrument, version, timepoint, local_day(moment), None, item, value)


def _watched(
    query: Select,
    form: type[Assessment | Draft],
    answer: type[ItemResponse | DraftResponse],
    people: Sequence[uuid.UUID],
) -> Select:
    watching = [instrument for instrument in library() if instrument.alerts]
    items = {alert.item for instrument in watching for alert in instrument.alerts}
    return query.where(
        form.person_id.in_(people), form.instrument.in_([each.id for each in watching]), answer.item.in_(items),
        answer.value.is_not(None),
    )  # fmt: skip
