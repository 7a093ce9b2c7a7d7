"""What the people on a caseload need today, most urgent first, and which outcomes are due to those nobody holds."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import NamedTuple

from sqlalchemy import Select, case, exists, select

from ..extensions import db
from ..models import Person, Referral, User
from ..permissions import CARE_ROLES
from .alarms import alarmed, gave_alarm
from .caseload import LISTED, CaseloadRow, Listed, held_now
from .occasions import recorded_already, schedules
from .scope import MANY, Places, at_places, has_withdrawn, is_referred, own_places
from .signposts import is_to_be_asked

REASONS = {
    "died": "Died, referral open",
    "safety": "Safety",
    "contact-due": "Contact due",
    "outcome-overdue": "Outcome overdue",
    "outcome-due": "Outcome due",
    "signpost-waiting": "Ask about a signpost",
    "no-contact": "No contact for 4 weeks",
}
"""Why somebody stands on the list of today, in the order of urgency."""
_ORDER = {reason: number for number, reason in enumerate(REASONS)}
LONG_WITHOUT_CONTACT = timedelta(weeks=4)


class Entry(NamedTuple):
    """Somebody on the caseload, and why they need something today (keys of `REASONS`)."""

    row: CaseloadRow
    reasons: tuple[str, ...]


def agenda(today: date, *, by: User, mine: bool = True) -> list[Entry]:
    """Who needs something comes first, the most urgent at the top; the others by how long nobody contacted them.

    Of somebody who died nothing is asked but that their referral be closed.
    """
    places = own_places(by, CARE_ROLES)
    found = [(CaseloadRow.of(each), *each[-4:]) for each in db.rows(_caseload(places, by.id if mine else None, today))]
    alarming = alarmed([row.person_id for row, _, _, alarm, _ in found if alarm], by=by)
    planned = schedules({study for study, _ in places if study}, today, by=by)
    entries = []
    for row, died, asked, alarm, recorded in found:
        if died:
            entries.append(Entry(row, ("died",)))
            continue
        due = None if row.left_on else planned[row.study_id].state(row.entered_on, recorded)
        entries.append(Entry(row, tuple(_reasons(row, today, alarm and row.person_id in alarming, due, asked))))
    return sorted(entries, key=lambda entry: (_urgency(entry), entry.row.since))


@lru_cache(maxsize=MANY)
def _caseload(places: Places, worker: uuid.UUID | None, day: date) -> Select:
    """What `held_now` gives, and what the reasons are worked out from."""
    return held_now(places, worker).add_columns(
        (Person.left_reason == "died").label("died"),
        is_to_be_asked(day).label("asked"),
        gave_alarm().label("alarm"),
        recorded_already().label("recorded"),
    )


def _urgency(entry: Entry) -> int:
    return _ORDER[entry.reasons[0]] if entry.reasons else len(_ORDER)


def _reasons(row: CaseloadRow, today: date, alarmed: bool, due: str | None, asked: bool) -> Iterator[str]:
    """In the order of `REASONS`."""
    agreed = row.next_contact_on
    if alarmed:
        yield "safety"
    if agreed is not None and agreed <= today:
        yield "contact-due"
    if due is not None:
        yield f"outcome-{due}"
    if asked:
        yield "signpost-waiting"
    if agreed is None and today - row.quiet_since >= LONG_WITHOUT_CONTACT:
        yield "no-contact"


@dataclass(frozen=True, slots=True)
class Unheld:
    """Somebody whom no link worker holds: how that came ("never" referred, "offered" and not answered, or "ended"),
    whether an outcome is due or overdue, and whether an answer of theirs ever asked for action.
    """

    person: Listed
    standing: str
    state: str | None
    alarm: bool


@dataclass(frozen=True, slots=True)
class Reminders:
    """Whose outcomes are to be asked for although nobody holds them: how many, and the first of them by name."""

    followed: int
    states: Mapping[uuid.UUID, str]
    shown: Sequence[Listed]

    def count(self, state: str) -> int:
        return sum(each == state for each in self.states.values())


@dataclass(frozen=True, slots=True)
class Following:
    """Those whom no link worker holds, for the parts of the page that tell of them."""

    people: Sequence[Unheld]

    def after_support(self, at_most: int) -> Reminders:
        """Those whose referral ended, of whom an outcome is due or overdue; what can still be asked in time first."""
        followed = [each for each in self.people if each.standing == "ended" and each.person.left_on is None]
        return _reminders(followed, [each for each in followed if each.state], at_most)

    def without_referral(self, at_most: int) -> Reminders:
        """Everybody who is followed without a link worker, those with something to answer first."""
        followed = [each for each in self.people if each.standing == "never"]
        return _reminders(followed, followed, at_most)


def _reminders(followed: Sequence[Unheld], listing: Sequence[Unheld], at_most: int) -> Reminders:
    urgency = {"due": 0, "overdue": 1, None: 2}
    first = sorted(listing, key=lambda each: urgency[each.state])[:at_most]
    states = {each.person.id: each.state for each in followed if each.state}
    return Reminders(len(followed), states, [each.person for each in first])


def unheld(today: date, *, by: User) -> Following:
    """Everybody at the asker's sites who is on no caseload, who entered last first."""
    found = db.rows(_unheld(own_places(by, CARE_ROLES)))
    planned = schedules({row.study_id for row in found}, today, by=by)
    people = []
    for row in found:
        due = None if row.left_on else planned[row.study_id].state(row.entered_on, row.recorded)
        people.append(Unheld(Listed._make(row[:6]), row.standing, due, row.alarm))
    return Following(people)


@lru_cache(maxsize=MANY)
def _unheld(places: Places) -> Select:
    referred = exists().where(Referral.person_id == Person.id)
    standing = case((is_referred("offered"), "offered"), (referred, "ended"), else_="never")
    return (
        select(*LISTED, standing.label("standing"), recorded_already().label("recorded"), gave_alarm().label("alarm"))
        .outerjoin(Person.identity)
        .where(at_places(places), ~has_withdrawn(), ~is_referred("accepted"))
        .order_by(Person.entered_on.desc(), Person.study_number)
    )
