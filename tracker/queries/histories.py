"""Accepted referrals as histories: when each was open, who held it, and when somebody was first met."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from sqlalchemy import ColumnElement, Select, func, or_, select

from ..extensions import db
from ..models import Assignment, Contact, Referral, Reopening, User
from ..permissions import CARE_ROLES
from .scope import at_own_sites, has_withdrawn

ONE_DAY = timedelta(1)


@dataclass(frozen=True, slots=True)
class Stay:
    """From when to when a worker held a referral; the day of a hand-over belongs to who takes it."""

    worker: uuid.UUID
    from_on: date
    until_on: date | None

    def covers(self, day: date) -> bool:
        return self.from_on <= day and (self.until_on is None or self.until_on > day)


@dataclass(frozen=True, slots=True)
class Closing:
    """A day on which a referral was closed, and the one on which that ended, if it did."""

    closed_on: date
    reopened_on: date | None = None

    def covers(self, day: date) -> bool:
        return self.closed_on <= day and (self.reopened_on is None or self.reopened_on > day)


@dataclass(slots=True)
class Episode:
    """One accepted referral: its days, whoever held it in the order of time, its closings, its first meeting."""

    referred_on: date
    accepted_on: date
    stays: list[Stay] = field(default_factory=list)
    closings: list[Closing] = field(default_factory=list)
    met_on: date | None = None

    def holders(self, day: date) -> frozenset[uuid.UUID]:
        return frozenset(stay.worker for stay in self.stays if stay.covers(day))

    def is_open(self, day: date) -> bool:
        return self.accepted_on <= day and not any(closing.covers(day) for closing in self.closings)

    @property
    def begun(self) -> tuple[uuid.UUID | None, date]:
        """Who held it first, and from when; where nobody did, when it was accepted.

        What was handed on within the first day began with whoever held it that evening.
        """
        if not self.stays:
            return None, self.accepted_on
        first_day = min(stay.from_on for stay in self.stays)
        return [stay.worker for stay in self.stays if stay.from_on == first_day][-1], first_day

    def taken_over(self, first: date, last: date) -> set[uuid.UUID]:
        """Who took it from somebody else, or after a time when nobody held it, between two days, both counted."""
        _, began = self.begun
        return {
            stay.worker
            for stay in self.stays
            if first <= stay.from_on <= last and stay.from_on > began and stay.until_on != stay.from_on
            and stay.worker not in self.holders(stay.from_on - ONE_DAY)
        }  # fmt: skip

    def closing(self, first: date, last: date) -> Closing | None:
        """The closing between two days, both counted, that still held on the last."""
        return next((each for each in self.closings if first <= each.closed_on and each.covers(last)), None)

    def closed_by(self, closing: Closing) -> uuid.UUID | None:
        """Who held it until then; None where nobody did."""
        return next((stay.worker for stay in reversed(self.stays) if stay.until_on == closing.closed_on), None)

    def days_to_meeting(self, day: date) -> int | None:
        """From the referral to the first contact that took place, as it stood on a day."""
        return None if self.met_on is None or self.met_on > day else (self.met_on - self.referred_on).days


def episodes(since: date, *, by: User, people: ColumnElement[bool]) -> Sequence[Episode]:
    """Every accepted referral of these people at the asker's sites that was not closed for good before a day."""
    where = (at_own_sites(by, CARE_ROLES), ~has_withdrawn(), people, Referral.status == "accepted",
             or_(Referral.closed_on.is_(None), Referral.closed_on >= since))  # fmt: skip
    found: dict[uuid.UUID, Episode] = {}
    mine = _of_referrals(Referral.id, Referral.referred_on, Referral.decided_on, Referral.closed_on).where(*where)
    for id, referred, accepted, closed in db.session.execute(mine.order_by(Referral.id)):
        found[id] = Episode(referred, accepted, closings=[Closing(closed)] if closed else [])
    stays = _of_referrals(Assignment.referral_id, Assignment.worker_id, Assignment.from_on, Assignment.until_on)
    stays = stays.join(Assignment, Assignment.referral_id == Referral.id).where(*where)
    for id, *stay in db.session.execute(stays.order_by(Assignment.from_on, Assignment.recorded_at)):
        found[id].stays.append(Stay(*stay))
    closings = _of_referrals(Reopening.referral_id, Reopening.closed_on, Reopening.reopened_on)
    closings = closings.join(Reopening, Reopening.referral_id == Referral.id).where(*where)
    for id, *closing in db.session.execute(closings):
        found[id].closings.append(Closing(*closing))
    for id, met_on in _first_meetings(where).items():
        found[id].met_on = met_on
    return list(found.values())


def _of_referrals(*columns: object) -> Select:
    return select(*columns).select_from(Referral).join(Referral.person)  # type: ignore[call-overload]


def _first_meetings(where: Sequence[ColumnElement[bool]]) -> Mapping[uuid.UUID, date]:
    met = _of_referrals(Contact.referral_id, func.min(Contact.contacted_on))
    met = met.join(Contact, Contact.referral_id == Referral.id).where(*where, Contact.attendance == "attended")
    return {id: day for id, day in db.session.execute(met.group_by(Contact.referral_id)) if day is not None}
