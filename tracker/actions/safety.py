"""Safety flags: set, looked at again, ended with a reason."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from ..extensions import db, today
from ..models import SAFETY_KINDS, Person, SafetyFlag, User
from ..permissions import may_record_care
from .audit import facts, write_event
from .refusal import CHANGED_MEANWHILE, Conflict, Refused, check, translated

LONGEST_UNREVIEWED = timedelta(366)


def set_flag(*, by: User, person: Person, kind: str, note: str | None, review_on: date) -> SafetyFlag:
    """Warn everybody who meets the person."""
    check(may_record_care(by, person))
    if kind not in SAFETY_KINDS:
        raise Refused("kind", f"Choose what to warn of: {', '.join(SAFETY_KINDS.values())}.")
    if kind == "other" and not note:
        raise Refused("note", "Say in a few words what to warn of.")
    _check_review(review_on)
    flag = SafetyFlag(person_id=person.id, kind=kind, note=note, review_on=review_on, recorded_by=by.id)
    flag.person = person
    db.session.add(flag)
    with translated():
        write_event(by=by, action="set_flag", record=flag)
    return flag


def _check_review(review_on: date) -> None:
    if not today() < review_on <= today() + LONGEST_UNREVIEWED:
        raise Refused("review_on", "The flag must be looked at again after today and within a year. Correct the date.")


def keep_flag(*, by: User, flag: SafetyFlag, version: int, review_on: date) -> None:
    """The warning still holds: say when to look at it again."""
    before = _current(by, flag, version)
    _check_review(review_on)
    flag.review_on = review_on
    with translated():
        write_event(by=by, action="keep_flag", record=flag, before=before)


def end_flag(*, by: User, flag: SafetyFlag, version: int, reason: str) -> None:
    """The warning no longer holds, and why."""
    before = _current(by, flag, version)
    flag.ended_at, flag.ended_by, flag.ended_reason = datetime.now(UTC), by.id, reason
    with translated():
        write_event(by=by, action="end_flag", record=flag, before=before, reason=reason)


def _current(by: User, flag: SafetyFlag, version: int) -> dict[str, object]:
    check(may_record_care(by, flag.person))
    if flag.ended_at is not None:
        raise Conflict("form", "This safety flag was ended already. Open the person's page to see what holds now.")
    if flag.version != version:
        raise Conflict("form", CHANGED_MEANWHILE)
    return facts(flag)
