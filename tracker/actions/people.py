"""Bringing a person into the study, their consents, and their leaving."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import func, select

from ..extensions import db, keyring, take_turn, today
from ..models import Characteristic, Consent, Identity, Person, Site, Study, User
from ..permissions import may_add_person, may_import, may_withdraw
from .audit import facts, write_event
from .refusal import Conflict, Refused, check, translated


@dataclass(frozen=True, slots=True, repr=False)
class IdentityFacts:
    """Who somebody is; kept encrypted and apart."""

    name: str
    nhs_number: str | None = None
    date_of_birth: date | None = None
    phone: str | None = None
    address: str | None = None


def nhs_number_fault(number: str) -> str | None:
    """What is wrong with an NHS number, or None. The tenth digit checks the other nine (modulus 11)."""
    digits = re.sub(r"[\s-]", "", number)
    if not re.fullmatch(r"[0-9]{10}", digits):
        return "An NHS number has 10 digits, like 943 476 5919. Check it against the referral."
    remainder = 11 - sum(int(digit) * (10 - place) for place, digit in enumerate(digits[:9])) % 11
    if remainder % 11 != int(digits[9]) or remainder == 10:
        return "This is not a valid NHS number: its last digit does not fit the others. Check it against the referral."
    return None


def add_person(
    *, by: User, study: Study, site: Site | None, entered_on: date, identity: IdentityFacts | None = None,
    facts_at_entry: Mapping[str, Any] | None = None, study_number: str | None = None, duplicate_is_wanted: bool = False,
) -> Person:  # fmt: skip
    """Bring a person into the study at a site; the study number is the next free one unless it is given."""
    check(may_add_person(by, study, site))
    if entered_on > today():
        raise Refused("entered_on", "The date of entry is in the future. Enter today or an earlier date.")
    person = Person(
        study_id=study.id, site_id=site.id if site else None, entered_on=entered_on, recorded_by=by.id,
        study_number=study_number or _next_number(study), **(facts_at_entry or {}),
    )  # fmt: skip
    if identity and identity.date_of_birth and person.birth_year is None:
        person.birth_year = identity.date_of_birth.year
    db.session.add(person)
    with translated():
        write_event(by=by, action="add_person", record=person)
    if identity:
        _add_identity(by, person, identity, duplicate_is_wanted)
    return person


def _next_number(study: Study) -> str:
    take_turn(db.session)
    count = db.session.scalar(select(func.count()).select_from(Person).where(Person.study_id == study.id)) or 0
    free = (number for each in itertools.count(count + 1) if not _is_taken(study, number := f"P{each:05d}"))
    return next(free)


def _is_taken(study: Study, number: str) -> bool:
    """An import brings numbers of its own."""
    found = select(Person.id).where(Person.study_id == study.id, Person.study_number == number)
    return db.session.scalar(found) is not None


def _add_identity(by: User, person: Person, given: IdentityFacts, duplicate_is_wanted: bool) -> None:
    number = re.sub(r"[\s-]", "", given.nhs_number) if given.nhs_number else None
    if number and (fault := nhs_number_fault(number)):
        raise Refused("nhs_number", fault)
    digest = keyring.index(number, "identity.nhs_number") if number else None
    if digest and not duplicate_is_wanted and _is_known(person, digest):
        raise Refused(
            "nhs_number", "Somebody with this NHS number is already at this site. Look for them under People."
        )
    identity = Identity(
        **(asdict(given) | {"nhs_number": number}) | {"date_of_birth": _iso(given.date_of_birth)},
        person_id=person.id, nhs_number_index=digest, recorded_by=by.id,
    )  # fmt: skip
    db.session.add(identity)
    person.identity = identity
    write_event(by=by, action="add_identity", record=identity)


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None


def _is_known(person: Person, digest: str) -> bool:
    found = db.session.scalar(
        select(Identity.id)
        .join(Person, Person.id == Identity.person_id)
        .where(Identity.nhs_number_index == digest)
        .where(Person.study_id == person.study_id, Person.site_id == person.site_id)
    )
    return found is not None


def describe(*, by: User, person: Person, name: str, value: str) -> Characteristic:
    """Add a further fact known at entry, named by the plan."""
    check(may_import(by, person.study))
    record = Characteristic(person_id=person.id, name=name, value=value, recorded_by=by.id)
    db.session.add(record)
    with translated():
        write_event(by=by, action="describe", record=record)
    return record


def record_consent(*, by: User, person: Person, kind: str, given_on: date, form_version: str | None = None) -> Consent:
    """Write down a consent."""
    check(may_add_person(by, person.study, person.site))
    if given_on > today():
        raise Refused("given_on", "The date of consent is in the future. Enter the day it was given.")
    consent = Consent(kind=kind, given_on=given_on, form_version=form_version, recorded_by=by.id)
    person.consents.append(consent)
    with translated():
        write_event(by=by, action="record_consent", record=consent)
    return consent


def withdraw(*, by: User, person: Person, withdrawn_on: date, on_withdrawal: str, reason: str | None = None) -> None:
    """Take back every current consent, and write down whether what was recorded is kept or erased."""
    check(may_withdraw(by, person))
    current = [consent for consent in person.consents if consent.withdrawn_on is None]
    if not current:
        raise Conflict("form", "There is no consent to withdraw; nothing was changed.")
    if withdrawn_on > today() or any(withdrawn_on < consent.given_on for consent in current):
        raise Refused("withdrawn_on", "The withdrawal must lie between the consent and today. Correct the date.")
    for consent in current:
        before = facts(consent)
        consent.withdrawn_on, consent.on_withdrawal = withdrawn_on, on_withdrawal
        consent.withdrawn_at, consent.withdrawn_by = datetime.now(UTC), by.id
        with translated():
            write_event(by=by, action="withdraw", record=consent, before=before, reason=reason)


def leave(*, by: User, person: Person, left_on: date, left_reason: str) -> None:
    """Write down that, when and why a person left the study."""
    check(may_add_person(by, person.study, person.site))
    if left_on < person.entered_on or left_on > today():
        raise Refused("left_on", "The date of leaving must lie between entry and today. Correct the date.")
    if person.left_on is not None:
        raise Conflict("form", "This person left already. Open the person's page to see when and why.")
    before = facts(person)
    person.left_on, person.left_reason = left_on, left_reason
    with translated():
        write_event(by=by, action="leave", record=person, before=before)
