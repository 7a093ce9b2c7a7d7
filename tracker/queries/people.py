"""A person's page: what happened, and each score over time."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import joinedload, selectinload

from instruments import definition, get, meaning
from instruments.codes import CLOSURE_REASONS, LEAVING_REASONS, REFERRAL_STATUSES
from instruments.scoring import Score

from ..extensions import db
from ..models import Assessment, Assignment, Contact, Person, Referral, ServiceUse, Signpost, User
from ..permissions import CARE_ROLES, SITE_ROLES, may_see_care, may_see_person
from .scope import NotFound, visible_people

LEAST_DIGITS = 4
"""Fewer digits of a phone number than these find too many people."""
PHONE = re.compile(r"[0-9\s()+./\u2010-\u2015-]+")
"""What may be a phone number, or part of one, in whichever way people write them."""
ABROAD = re.compile(r"(?:\+|^00)440?")
"""How a number of this country begins when it is written as from abroad; at times with its 0, as in +44 (0)."""


@dataclass(frozen=True, slots=True)
class ScorePoint:
    """One score on one date; `value` is None where there is no score, with the reason."""

    timepoint: str
    assessed_on: date
    value: float | None
    band: str | None
    reason: str | None
    value_set: str | None = None


@dataclass(frozen=True, slots=True)
class ScaleHistory:
    """A scale over time."""

    instrument: definition.Instrument
    scale: definition.Scale
    points: tuple[ScorePoint, ...]

    @property
    def change(self) -> meaning.Change | None:
        """From the baseline (the first score where there is none) to the latest score; None before two scores."""
        scored = [point for point in self.points if point.value is not None]
        baselines = [point for point in scored if point.timepoint == "baseline"]
        if len(scored) < 2 or (first := (baselines or scored)[0]) is (last := scored[-1]):
            return None
        assert first.value is not None
        assert last.value is not None
        return meaning.change(self.scale, first.value, last.value, last.value_set)


@dataclass(frozen=True, slots=True)
class Standing:
    """Somebody at one of the asker's sites and how they stand with the service."""

    person: Person
    state: str


def everyone(*, by: User) -> Sequence[Standing]:
    """Everybody at the asker's sites, open or closed, by study number."""
    found = db.session.scalars(visible_people(by, CARE_ROLES).order_by(Person.study_number)).unique().all()
    return standings(found, by=by)


def standings(found: Sequence[Person], *, by: User) -> Sequence[Standing]:
    """How people stand with the service, those whom the asker cares for."""
    known = [person for person in found if may_see_care(by, person)]
    latest: dict[uuid.UUID, Referral] = {}
    ids = [person.id for person in known]
    for each in db.session.scalars(
        select(Referral).where(Referral.person_id.in_(ids)).order_by(Referral.referred_on, Referral.recorded_at)
    ):
        latest[each.person_id] = each
    return [Standing(person, _state(person, latest.get(person.id))) for person in known]


def find(words: str, *, by: User) -> Sequence[Person]:
    """People at the asker's sites whose name, study number or phone holds these words.

    Names and phones lie encrypted, so they are opened and looked through here, and only those of the asker's sites.
    """
    sought = words.casefold().split()
    if not sought:
        return []
    number = _dialled(words) if PHONE.fullmatch(words) else ""
    seen = db.session.scalars(visible_people(by, SITE_ROLES).order_by(Person.study_number)).unique()
    return [person for person in seen if _has_number(person, number) or _is_called(person, sought)]


def _dialled(number: str) -> str:
    """The digits that are dialled within the country, however the number is written."""
    return re.sub("[^0-9]", "", ABROAD.sub("0", re.sub("[^0-9+]", "", number)))


def _has_number(person: Person, number: str) -> bool:
    phone = person.identity.phone if person.identity else None
    return len(number) >= LEAST_DIGITS and number in _dialled(phone or "")


def _is_called(person: Person, sought: Sequence[str]) -> bool:
    said = f"{person.label} {person.study_number}".casefold()
    return all(word in said for word in sought)


def _state(person: Person, referral: Referral | None) -> str:
    if person.left_reason is not None:
        return f"Left: {LEAVING_REASONS[person.left_reason].lower()}"
    if referral is None:
        return "Followed without a link worker"
    if referral.closed_on is not None and referral.closure_reason is not None:
        return f"Closed: {CLOSURE_REASONS[referral.closure_reason].lower()}"
    return "With a link worker" if referral.status == "accepted" else REFERRAL_STATUSES[referral.status]


def referrals(person: Person, *, by: User) -> Sequence[Referral]:
    """The person's referrals, newest first."""
    _may_know(by, person)
    return db.session.scalars(
        select(Referral)
        .where(Referral.person_id == person.id)
        .options(
            selectinload(Referral.assignments).joinedload(Assignment.worker),
            selectinload(Referral.needs),
            selectinload(Referral.reopenings),
        )
        .order_by(Referral.referred_on.desc(), Referral.recorded_at.desc())
    ).all()


def contacts(person: Person, *, by: User) -> Sequence[Contact]:
    """The person's contacts, newest first."""
    _may_know(by, person)
    return db.session.scalars(
        select(Contact)
        .join(Contact.referral)
        .where(Referral.person_id == person.id)
        .options(joinedload(Contact.worker), joinedload(Contact.referral))
        .order_by(Contact.contacted_on.desc(), Contact.recorded_at.desc())
    ).all()


def agreed_contact(person: Person, given: Sequence[Contact], *, by: User) -> date | None:
    """The next contact that was agreed at the last one of what is open; `given` are the person's, newest first."""
    _may_know(by, person)
    of_open = [each for each in given if each.referral.status == "accepted" and each.referral.closed_on is None]
    last_day = [each.next_contact_on for each in of_open if each.contacted_on == of_open[0].contacted_on]
    return next((day for day in last_day if day is not None), None)


def signposts(person: Person, *, by: User) -> Sequence[Signpost]:
    """The person's signposts, newest first."""
    _may_know(by, person)
    return db.session.scalars(
        select(Signpost)
        .where(Signpost.person_id == person.id)
        .options(joinedload(Signpost.resource))
        .order_by(Signpost.signposted_on.desc(), Signpost.recorded_at.desc())
    ).all()


def service_use(person: Person, *, by: User) -> Sequence[ServiceUse]:
    """Counts of health-service use, newest period first."""
    _may_know(by, person)
    return db.session.scalars(
        select(ServiceUse).where(ServiceUse.person_id == person.id).order_by(ServiceUse.from_on.desc())
    ).all()


def assessments(person: Person, *, by: User) -> Sequence[Assessment]:
    """The person's assessments with their answers, oldest first."""
    if not may_see_person(by, person):
        raise NotFound
    return db.session.scalars(
        select(Assessment)
        .where(Assessment.person_id == person.id)
        .options(selectinload(Assessment.responses), selectinload(Assessment.reported_scores))
        .order_by(Assessment.assessed_on, Assessment.instrument)
    ).all()


def assessment(id: uuid.UUID, *, by: User) -> Assessment:
    """One assessment with its answers."""
    found = db.session.get(Assessment, id, options=[selectinload(Assessment.responses)])
    if found is None or not may_see_person(by, found.person):
        raise NotFound
    return found


def scores(assessment: Assessment, *, by: User) -> dict[str, Score]:
    """The scores of one assessment, derived from its answers."""
    if not may_see_person(by, assessment.person):
        raise NotFound
    return assessment.scored()


def histories(given: Sequence[Assessment], *, by: User) -> Sequence[ScaleHistory]:
    """Each scale of each answered instrument over time."""
    answered = [each for each in given if each.responses]
    versions = dict.fromkeys((each.instrument, each.instrument_version) for each in answered)
    return [history for version in versions for history in _histories(answered, version, by)]


def _histories(given: Sequence[Assessment], version: tuple[str, str], by: User) -> Iterator[ScaleHistory]:
    instrument = get(*version)
    occasions = [(each, scores(each, by=by)) for each in given if (each.instrument, each.instrument_version) == version]
    for scale in instrument.scales:
        points = tuple(_point(each, got[scale.id]) for each, got in occasions)
        yield ScaleHistory(instrument, scale, points)


def _point(given: Assessment, got: Score) -> ScorePoint:
    return ScorePoint(given.timepoint, given.assessed_on, got.value, got.band, got.reason, got.value_set)


def _may_know(by: User, person: Person) -> None:
    if not may_see_care(by, person):
        raise NotFound
