"""What the people on a caseload need today, most urgent first."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from ..models import Person, User
from ..permissions import may_see_care
from .alarms import alarms
from .caseload import CaseloadRow, named, people_off_caseload
from .occasions import due_states
from .signposts import people_to_ask

REASONS = {
    "safety": "Safety",
    "contact-due": "Contact due",
    "outcome-overdue": "Outcome overdue",
    "outcome-due": "Outcome due",
    "signpost-waiting": "Ask about a signpost",
    "no-contact": "No contact for 4 weeks",
}
"""Why somebody stands on the list of today, in the order of urgency."""
LONG_WITHOUT_CONTACT = timedelta(weeks=4)


@dataclass(frozen=True, slots=True)
class Entry:
    """Somebody on the caseload, and why they need something today (keys of `REASONS`)."""

    row: CaseloadRow
    reasons: tuple[str, ...]


def agenda(rows: Sequence[CaseloadRow], today: date, *, by: User) -> list[Entry]:
    """Who needs something comes first, the most urgent at the top; the others keep their order."""
    people = [row.person for row in rows if may_see_care(by, row.person)]
    alarmed, due = alarms(people, by=by), due_states(people, today, by=by)
    asked = people_to_ask(people, today, by=by)
    entries = [
        Entry(row, _reasons(row, today, row.person.id in alarmed, due.get(row.person.id), asked)) for row in rows
    ]
    order = list(REASONS)
    return sorted(entries, key=lambda entry: order.index(entry.reasons[0]) if entry.reasons else len(order))


@dataclass(frozen=True, slots=True)
class Reminders:
    """Whose outcomes are due although no link worker holds them: how many, and the first of them by name."""

    followed: int
    states: Mapping[uuid.UUID, str]
    shown: Sequence[Person]

    def count(self, state: str) -> int:
        return sum(each == state for each in self.states.values())


def reminders_off_caseload(today: date, *, by: User, at_most: int) -> Reminders:
    """Of people whose referral ended, those with an outcome due or overdue; what can still be asked in time first."""
    followed = people_off_caseload(by=by)
    states = due_states(followed, today, by=by)
    asked = sorted((each for each in followed if each.id in states), key=lambda each: states[each.id])
    return Reminders(len(followed), states, named(asked[:at_most], by=by))


def _reasons(
    row: CaseloadRow, today: date, alarmed: bool, due: str | None, asked: Collection[uuid.UUID]
) -> tuple[str, ...]:
    agreed = row.next_contact_on
    silent = today - (row.last_contact_on or row.referral.referred_on) >= LONG_WITHOUT_CONTACT
    standing = {
        "safety": alarmed,
        "contact-due": agreed is not None and agreed <= today,
        "outcome-overdue": due == "overdue",
        "outcome-due": due == "due",
        "signpost-waiting": row.person.id in asked,
        "no-contact": agreed is None and silent,
    }
    return tuple(reason for reason in REASONS if standing[reason])
