"""The link worker's work: referrals, who holds them, contacts and signposts."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm.attributes import flag_modified

from instruments.codes import ANSWER_REASONS, ATTENDANCES, CONTACT_MODES, REFERRAL_STATUSES

from ..extensions import db, local_day, today
from ..models import (
    MOST_ATTEMPTS,
    MOST_MINUTES,
    STILL_ASKED,
    Assignment,
    Base,
    Contact,
    Need,
    Person,
    Referral,
    Reopening,
    Resource,
    Signpost,
    User,
)
from ..permissions import may_correct_contact, may_reassign, may_record_care
from .audit import facts, write_event
from .refusal import CHANGED_MEANWHILE, SENT_BEFORE, Conflict, Refused, check, translated

Record = TypeVar("Record", bound=Base)
REOPENING_PERIOD = timedelta(90)
"""How long after its closing a referral may be taken up again; after that a new episode begins."""
REASONS_OF = {
    "declined": ("not-wanted", "has-support", "not-now", "too-unwell", "not-suitable", "moved", "died", "other"),
    "unreachable": ("no-answer", "wrong-details", "moved", "died", "other"),
}
"""Which reasons go with which answer."""
FURTHEST_ASKED = timedelta(730)
NOT_ALL = "Not everybody can be handed over, so nothing was changed. Each of them is named below, with the reason."


def record_referral(
    *, by: User, person: Person, source: str, referred_on: date, status: str = "accepted",
    decided_on: date | None = None, reason: str | None = None, needs: Collection[str] = (),
    answer_reason: str | None = None,
) -> Referral:  # fmt: skip
    """Open an episode: who referred the person, when and what for, and their answer to the offer."""
    check(may_record_care(by, person))
    if referred_on > today():
        raise Refused("referred_on", "The date of the referral is in the future. Enter today or an earlier date.")
    decided = decided_on or (referred_on if status != "offered" else None)
    if decided is not None and decided < referred_on:
        raise Refused("decided_on", "The answer is dated before the referral. Correct one of the dates.")
    _check_reason(status, answer_reason)
    referral = Referral(
        person_id=person.id, source=source, referred_on=referred_on, status=status,
        decided_on=decided, reason=reason, answer_reason=answer_reason, recorded_by=by.id,
    )  # fmt: skip
    referral.person = person
    db.session.add(referral)
    with translated():
        write_event(by=by, action="record_referral", record=referral)
    _change_needs(by, referral, needs)
    return referral


def _check_reason(status: str, answer_reason: str | None) -> None:
    if status not in REASONS_OF:
        if answer_reason is not None:
            raise Refused("answer_reason", "A reason is for a referral that was not accepted. Choose no reason.")
    elif answer_reason is None:
        raise Refused("answer_reason", "Choose why, so that it is known later who was not helped.")
    elif answer_reason not in REASONS_OF[status]:
        says, answer = ANSWER_REASONS[answer_reason], REFERRAL_STATUSES[status]
        raise Refused("answer_reason", f"'{says}' does not go with '{answer}'. Choose another reason or answer.")


def set_needs(*, by: User, referral: Referral, version: int, needs: Collection[str]) -> None:
    """Write down what a referral is about; what is not named any more goes, and the trail keeps it."""
    check(may_record_care(by, referral.person))
    if referral.version != version:
        raise Conflict("form", CHANGED_MEANWHILE)
    _touch(referral)
    _change_needs(by, referral, needs)


def _change_needs(by: User, referral: Referral, needs: Collection[str]) -> None:
    known = {each.need: each for each in referral.needs}
    for gone in known.keys() - set(needs):
        write_event(by=by, action="remove_need", record=known[gone], before=facts(known[gone]), after={})
        referral.needs.remove(known[gone])
    for new in sorted(set(needs) - known.keys()):
        need = Need(need=new, recorded_by=by.id)
        referral.needs.append(need)
        with translated():
            write_event(by=by, action="record_need", record=need)


def _touch(referral: Referral) -> None:
    """What hangs on it changes: whoever still looks at it as it was is told so when they save."""
    flag_modified(referral, "status")


def note_attempt(*, by: User, referral: Referral, version: int, tried_on: date, attempts: int | None) -> None:
    """Write down that the person was not reached, and is to be tried again."""
    check(may_record_care(by, referral.person))
    _check_unanswered(referral, version, tried_on, attempts)
    before = facts(referral)
    referral.tried_on, referral.attempts = tried_on, attempts or (referral.attempts or 0) + 1
    with translated():
        write_event(by=by, action="note_attempt", record=referral, before=before)


def answer_referral(
    *, by: User, referral: Referral, version: int, status: str, decided_on: date, answer_reason: str | None = None,
    attempts: int | None = None,
) -> None:  # fmt: skip
    """Write down the person's answer to an offer: why they declined or were not reached, after how many attempts."""
    check(may_record_care(by, referral.person))
    _check_unanswered(referral, version, decided_on, attempts)
    _check_reason(status, answer_reason)
    before = facts(referral)
    referral.status, referral.decided_on, referral.answer_reason = status, decided_on, answer_reason
    referral.attempts = referral.attempts if attempts is None else attempts
    with translated():
        write_event(by=by, action="answer_referral", record=referral, before=before)


def _check_unanswered(referral: Referral, version: int, day: date, attempts: int | None) -> None:
    if referral.status != "offered":
        raise Conflict("form", "This referral is answered already. Open the person's page to see the answer.")
    if referral.version != version:
        raise Conflict("form", CHANGED_MEANWHILE)
    if day < referral.referred_on or day > today():
        raise Refused("decided_on", "The answer must lie between the referral and today. Correct the date.")
    fewest = referral.attempts or 0
    if attempts is not None and not fewest <= attempts <= MOST_ATTEMPTS:
        raise Refused("attempts", f"Enter {fewest} to {MOST_ATTEMPTS} attempts: {fewest} are recorded already.")


def assign(
    *, by: User, referral: Referral, worker: User, from_on: date, version: int | None = None, reason: str | None = None
) -> Assignment:
    """Give a referral to a link worker; whoever held it hands it over that day."""
    check(may_record_care(by, referral.person) and may_record_care(worker, referral.person))
    _hold(referral)
    if version is not None and referral.version != version:
        raise Conflict("form", CHANGED_MEANWHILE)
    if (refusal := _refusal_of(referral, worker, from_on)) is not None:
        raise refusal
    if (current := referral.current) is not None:
        before = facts(current)
        current.until_on = from_on
        with translated():
            write_event(by=by, action="hand_over", record=current, before=before, reason=reason)
    assignment = Assignment(worker_id=worker.id, from_on=from_on, recorded_by=by.id)
    referral.assignments.append(assignment)
    _touch(referral)
    with translated():
        write_event(by=by, action="assign", record=assignment, reason=reason)
    return assignment


def _refusal_of(referral: Referral, worker: User, from_on: date) -> Refused | None:
    """Why a referral cannot be given to somebody from a day on, if it cannot."""
    current = referral.current
    if referral.closed_on is not None:
        return Conflict("form", "This referral is closed. Record a new referral to go on.")
    if current is not None and current.worker_id == worker.id:
        return Refused("worker", f"{worker.name} holds this referral already. Choose somebody else.")
    if not (current.from_on if current else referral.decided_on or referral.referred_on) <= from_on <= today():
        return Refused(
            "from_on", "The day must lie between the last hand-over, the answer or the referral and today. Correct it."
        )
    return None


def hand_over_faults(
    *, by: User, referrals: Collection[Referral], holder: User | None, worker: User, from_on: date
) -> dict[uuid.UUID, str]:
    """Which of these referrals could not be handed over together, and why; only looks."""
    check(all(may_reassign(by, each.person) for each in referrals))
    faults = {each.id: _fault_of(each, holder, worker, from_on) for each in referrals}
    return {id: fault for id, fault in faults.items() if fault}


def _fault_of(referral: Referral, holder: User | None, worker: User, from_on: date) -> str | None:
    current = referral.current
    if (current.worker_id if current else None) != (holder.id if holder else None):
        return f"{current.worker.name if current else 'Nobody'} holds them now."
    if not may_record_care(worker, referral.person):
        return f"{worker.name} has no role at {referral.person.site.name if referral.person.site else 'their site'}."
    if current is not None and from_on < current.from_on:
        return f"{current.worker.name} has held them only since {current.from_on:%-d %B %Y}."
    if current is None and from_on < referral.referred_on:
        return f"They were referred on {referral.referred_on:%-d %B %Y}."
    refusal = _refusal_of(referral, worker, from_on)
    return refusal.message if refusal else None


def hand_over_all(
    *, by: User, referrals: Collection[Referral], holder: User | None, worker: User, from_on: date, reason: str
) -> None:
    """Give all of these from whoever holds them (or nobody) to a link worker, or none of them."""
    for each in sorted(referrals, key=lambda referral: referral.id):
        _hold(each)
    if hand_over_faults(by=by, referrals=referrals, holder=holder, worker=worker, from_on=from_on):
        raise Conflict("form", NOT_ALL)
    for each in referrals:
        assign(by=by, referral=each, worker=worker, from_on=from_on, reason=reason)


def close_referral(*, by: User, referral: Referral, closed_on: date, closure_reason: str) -> None:
    """End an episode."""
    check(may_record_care(by, referral.person))
    _hold(referral)
    opened_on, how = _last_opened(referral)
    if not opened_on <= closed_on <= today():
        since = f"{opened_on:%-d %B %Y}, when the referral was {how}"
        raise Refused("closed_on", f"The closing date must lie between {since}, and today. Correct the date.")
    if referral.closed_on is not None:
        raise Conflict("form", "This referral is closed already. Open the person's page to see when and why.")
    before = facts(referral)
    referral.closed_on, referral.closure_reason = closed_on, closure_reason
    with translated():
        write_event(by=by, action="close_referral", record=referral, before=before)
    for assignment in referral.assignments:
        if assignment.until_on is None:
            held = facts(assignment)
            assignment.until_on = max(closed_on, assignment.from_on)
            write_event(by=by, action="hand_over", record=assignment, before=held)


def _last_opened(referral: Referral) -> tuple[date, str]:
    """Since when it can be closed, and what happened then."""
    if referral.reopenings:
        return max(each.reopened_on for each in referral.reopenings), "reopened"
    return (referral.decided_on, "answered") if referral.decided_on else (referral.referred_on, "made")


def reopen_referral(*, by: User, referral: Referral, reopened_on: date, reason: str) -> Reopening:
    """Go on with a referral that was closed too early. Whoever reopens it holds it; its closing stays written."""
    check(may_record_care(by, referral.person))
    _hold(referral)
    if referral.closed_on is None or referral.closure_reason is None:
        raise Conflict("form", "This referral is open. Open the person's page to go on with it.")
    if not referral.closed_on <= reopened_on <= today():
        raise Refused("reopened_on", "The day must lie between the closing and today. Correct the date.")
    if reopened_on - referral.closed_on > REOPENING_PERIOD:
        raise Refused(
            "reopened_on",
            f"The referral was closed on {referral.closed_on:%-d %B %Y}, more than {REOPENING_PERIOD.days} days before "
            "that day. Record a new referral instead.",
        )
    before = facts(referral)
    reopening = Reopening(
        closed_on=referral.closed_on, closure_reason=referral.closure_reason, reopened_on=reopened_on, reason=reason,
        recorded_by=by.id,
    )  # fmt: skip
    referral.reopenings.append(reopening)
    referral.closed_on = referral.closure_reason = None
    with translated():
        write_event(by=by, action="reopen_referral", record=referral, before=before, reason=reason)
        write_event(by=by, action="record_reopening", record=reopening)
    assign(by=by, referral=referral, worker=by, from_on=reopened_on)
    return reopening


def _hold(referral: Referral) -> None:
    """See it as it is now, and let nobody close or hand it over until this transaction ends. Records that only refer
    to it may be written meanwhile: whoever writes them may have the turn that this transaction waits for.
    """
    db.session.refresh(referral, ["version", "closed_on", "closure_reason"], with_for_update={"key_share": True})
    db.session.expire(referral, ["assignments", "reopenings"])


def record_contact(
    *, by: User, referral: Referral, client_key: uuid.UUID, contacted_on: date, mode: str, attendance: str,
    minutes: int, travel_minutes: int | None = None, topics: str | None = None, note: str | None = None,
    next_contact_on: date | None = None,
) -> Contact:  # fmt: skip
    """Log a contact. The same key with the same content is the same contact, however often it is sent."""
    check(may_record_care(by, referral.person))
    _check_contact(referral, contacted_on, mode, attendance, minutes, travel_minutes)
    _check_next_contact(contacted_on, next_contact_on)
    content = {
        "referral_id": referral.id, "contacted_on": contacted_on, "mode": mode, "attendance": attendance,
        "minutes": minutes, "travel_minutes": travel_minutes, "topics": topics, "note": note,
        "next_contact_on": next_contact_on,
    }  # fmt: skip
    contact = Contact(client_key=client_key, worker_id=by.id, recorded_by=by.id, **content)
    return _add_once(by, contact, "record_contact", content)


def correct_contact(
    *, by: User, contact: Contact, version: int, reason: str | None, contacted_on: date, mode: str, attendance: str,
    minutes: int, travel_minutes: int | None = None, topics: str | None = None, note: str | None = None,
    next_contact_on: date | None = None,
) -> None:  # fmt: skip
    """Change a logged contact: freely on the day it was logged, later with a reason that the trail keeps."""
    check(may_correct_contact(by, contact))
    if contact.version != version:
        raise Conflict("form", CHANGED_MEANWHILE)
    if not reason and local_day(contact.recorded_at) != today():
        raise Refused("reason", "Say why the contact changes: it was not logged today.")
    _check_contact(contact.referral, contacted_on, mode, attendance, minutes, travel_minutes)
    _check_next_contact(contacted_on, next_contact_on)
    before = facts(contact)
    content = {
        "contacted_on": contacted_on, "mode": mode, "attendance": attendance, "minutes": minutes,
        "travel_minutes": travel_minutes, "topics": topics, "note": note, "next_contact_on": next_contact_on,
    }  # fmt: skip
    for name, value in content.items():
        setattr(contact, name, value)
    with translated():
        write_event(by=by, action="correct_contact", record=contact, before=before, reason=reason)


def remove_contact(*, by: User, contact: Contact, version: int, reason: str | None) -> None:
    """Take a contact off the record that was never made, or not with this person, and the signposts made at it.

    The trail keeps that they were there, and why they went.
    """
    check(may_correct_contact(by, contact))
    if contact.version != version:
        raise Conflict("form", CHANGED_MEANWHILE)
    if not reason:
        raise Refused("reason", "Say why the contact goes, such as: logged for another person.")
    with translated():
        for signpost in db.session.scalars(select(Signpost).where(Signpost.contact_id == contact.id)).all():
            _remove(by, signpost, "remove_signpost", reason)
        _remove(by, contact, "remove_contact", reason)


def _remove(by: User, record: Base, action: str, reason: str) -> None:
    write_event(by=by, action=action, record=record, before=facts(record), after={}, reason=reason)
    db.session.delete(record)
    db.session.flush()


def _check_next_contact(contacted_on: date, next_contact_on: date | None) -> None:
    if next_contact_on is not None and not 0 < (next_contact_on - contacted_on).days <= 366:
        raise Refused("next_contact_on", "The next contact must lie within a year after this one. Correct the date.")


def _check_contact(
    referral: Referral, contacted_on: date, mode: str, attendance: str, minutes: int, travel: int | None
) -> None:
    if mode not in CONTACT_MODES:
        raise Refused("mode", f"Choose how the contact was made: {', '.join(CONTACT_MODES.values())}.")
    if attendance not in ATTENDANCES:
        raise Refused("attendance", f"Choose whether the person attended: {', '.join(ATTENDANCES.values())}.")
    if contacted_on > today():
        raise Refused("contacted_on", "The date of the contact is in the future. Enter today or an earlier date.")
    if referral.status != "accepted":
        raise Refused("form", "This referral is not accepted. Record the person's answer first.")
    if contacted_on < referral.referred_on:
        raise Refused(
            "contacted_on",
            f"The contact is before the referral of {referral.referred_on:%-d %B %Y}. Enter that day or a later one.",
        )
    if referral.closed_on is not None and contacted_on > referral.closed_on:
        raise Refused(
            "contacted_on",
            f"The referral was closed on {referral.closed_on:%-d %B %Y}. Enter that day or an earlier one.",
        )
    least = 1 if attendance == "attended" else 0
    if not least <= minutes <= MOST_MINUTES:
        raise Refused(
            "minutes", f"Minutes must be between {least} and {MOST_MINUTES}. Enter how long the contact took."
        )
    if travel is not None and not 0 <= travel <= MOST_MINUTES:
        raise Refused("travel_minutes", f"Travel must be between 0 and {MOST_MINUTES} minutes. Correct the number.")


def record_signpost(
    *, by: User, person: Person, resource: Resource, client_key: uuid.UUID, signposted_on: date, kind: str,
    contact: Contact | None = None, outcome: str = "unknown", sessions_attended: int | None = None,
    ask_again_on: date | None = None, although_full: bool = False,
) -> Signpost:  # fmt: skip
    """Signpost a person to a resource; its outcome is asked for later."""
    check(may_record_care(by, person) and resource.study_id == person.study_id)
    check(contact is None or contact.referral.person_id == person.id)
    if signposted_on > today():
        raise Refused("signposted_on", "The date of the signpost is in the future. Enter today or an earlier date.")
    if signposted_on < person.entered_on:
        raise Refused("signposted_on", "The signpost is dated before the person's entry. Correct the date.")
    content: dict[str, Any] = {
        "person_id": person.id, "resource_id": resource.id, "contact_id": contact.id if contact else None,
        "signposted_on": signposted_on, "kind": kind, "outcome": outcome, "sessions_attended": sessions_attended,
        "ask_again_on": ask_again_on if outcome in STILL_ASKED else None,
    }  # fmt: skip
    if not _was_sent(client_key):
        _check_capacity(resource, although_full)
        _check_ask_again(content["ask_again_on"])
        if outcome in STILL_ASKED:
            _check_waits_once(person, resource, signposted_on, kind)
    signpost = Signpost(client_key=client_key, recorded_by=by.id, **content)
    return _add_once(by, signpost, "record_signpost", content)


def _was_sent(client_key: uuid.UUID) -> bool:
    """A replay is not judged anew: the resource may have filled up since."""
    return db.session.scalar(select(Signpost.id).where(Signpost.client_key == client_key)) is not None


def _check_capacity(resource: Resource, although_full: bool) -> None:
    if resource.capacity == "closed":
        raise Refused("resource", f"{resource.name} is closed. Choose another resource.")
    if resource.capacity == "full" and not although_full:
        raise Refused(
            "although_full",
            f"{resource.name} is full at present. Choose another, or tick that you signpost although it is full.",
        )


def _check_ask_again(ask_again_on: date | None) -> None:
    if ask_again_on is not None and not today() < ask_again_on <= today() + FURTHEST_ASKED:
        raise Refused("ask_again_on", "The day to ask again must lie in the next two years. Enter a later date.")


def _check_waits_once(person: Person, resource: Resource, signposted_on: date, kind: str) -> None:
    """Going back after saving gives a fresh page with a key of its own: nobody is asked twice what came of one day."""
    same = {"person_id": person.id, "resource_id": resource.id, "signposted_on": signposted_on, "kind": kind}
    waits = select(Signpost.id).filter_by(**same).where(Signpost.outcome.in_(STILL_ASKED))
    if db.session.scalar(waits.limit(1)) is not None:
        raise Refused(
            "resource",
            f"This signpost to {resource.name} is saved already, and waits for its answer. "
            "Leave it out, or choose another.",
        )


def answer_signpost(
    *, by: User, signpost: Signpost, version: int, outcome: str, sessions_attended: int | None = None,
    ask_again_on: date | None = None,
) -> None:  # fmt: skip
    """Write down what came of a signpost; while that is not known, when to ask again."""
    check(may_record_care(by, signpost.person))
    if signpost.version != version:
        raise Conflict("form", CHANGED_MEANWHILE)
    if sessions_attended and outcome != "attended":
        raise Refused("sessions_attended", "Sessions are counted only when the person attended. Leave it empty.")
    known = outcome not in STILL_ASKED
    if not known and ask_again_on != signpost.ask_again_on:
        _check_ask_again(ask_again_on)
    before = facts(signpost)
    signpost.outcome, signpost.sessions_attended = outcome, sessions_attended
    signpost.ask_again_on = None if known else ask_again_on
    signpost.answered_at, signpost.answered_by = (datetime.now(UTC), by.id) if known else (None, None)
    with translated():
        write_event(by=by, action="answer_signpost", record=signpost, before=before)


def _add_once(by: User, record: Record, action: str, content: Mapping[str, Any]) -> Record:
    """Add a record under its client-made key; a replay finds the first, and other content is a conflict."""
    content_key = record.client_key  # type: ignore[attr-defined]
    try:
        with db.session.begin_nested():
            db.session.add(record)
    except IntegrityError as error:
        kind: Any = type(record)
        first: Record | None = db.session.scalar(select(kind).where(kind.client_key == content_key))
        if first is None:
            with translated():
                raise error
        if any(getattr(first, name) != value for name, value in content.items()):
            raise Conflict("form", SENT_BEFORE) from None
        return first
    write_event(by=by, action=action, record=record)
    return record
