"""Bringing a person into the study, their consents, and their leaving."""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm.attributes import flag_modified

from ..extensions import db, take_turn, today
from ..models import Characteristic, Condition, Consent, Identity, Person, Site, Study, User
from ..models.person import bare_number, nhs_number_index
from ..permissions import may_add_person, may_import, may_record_care, may_withdraw
from ..queries.duplicates import same_person
from .audit import facts, write_event
from .refusal import CHANGED_MEANWHILE, Conflict, Refused, check, translated

ENTRY_FACTS = ("sex", "ethnicity", "lives_alone", "carer", "ltc_count", "deprivation")
"""What the pages ask about a person at entry, beside their long-term conditions by name."""

NO_CONSENT = (
    "There is no consent to withdraw; nothing was changed. "
    "If they once agreed, record that consent first and withdraw it then."
)


class AlreadyHere(Exception):
    """Nothing was done: one of these may be the same person, and whoever asked has to choose."""

    def __init__(self, found: Sequence[Person]) -> None:
        super().__init__("somebody with this NHS number, or this name and date of birth, is here already")
        self.found = found


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
    digits = bare_number(number)
    if not re.fullmatch(r"[0-9]{10}", digits):
        return "An NHS number has 10 digits, like 943 476 5919. Check it against the referral."
    remainder = 11 - sum(int(digit) * (10 - place) for place, digit in enumerate(digits[:9])) % 11
    if remainder % 11 != int(digits[9]) or remainder == 10:
        return "This is not a valid NHS number: its last digit does not fit the others. Check it against the referral."
    return None


def add_person(
    *, by: User, study: Study, site: Site | None, entered_on: date, identity: IdentityFacts | None = None,
    facts_at_entry: Mapping[str, Any] | None = None, conditions: Collection[str] = (), study_number: str | None = None,
    duplicate_is_wanted: bool = False,
) -> Person:  # fmt: skip
    """Bring a person into the study at a site; the study number is the next free one unless it is given.

    Raises `AlreadyHere` when the asker may see somebody who seems to be the same person, unless they said otherwise.
    """
    check(may_add_person(by, study, site))
    if entered_on > today():
        raise Refused("entered_on", "The date of entry is in the future. Enter today or an earlier date.")
    number = study_number or _next_number(study)
    if identity:
        _check_identity(by, identity, duplicate_is_wanted)
    person = Person(
        study_id=study.id, site_id=site.id if site else None, entered_on=entered_on, recorded_by=by.id,
        study_number=number, **(facts_at_entry or {}),
    )  # fmt: skip
    if identity and identity.date_of_birth and person.birth_year is None:
        person.birth_year = identity.date_of_birth.year
    person.ltc_count = _counted(conditions, person.ltc_count)
    db.session.add(person)
    with translated():
        write_event(by=by, action="add_person", record=person)
    _change_conditions(by, person, conditions)
    if identity:
        _add_identity(by, person, identity)
    return person


def _check_identity(by: User, given: IdentityFacts, duplicate_is_wanted: bool) -> None:
    if given.nhs_number and (fault := nhs_number_fault(given.nhs_number)):
        raise Refused("nhs_number", fault)
    if duplicate_is_wanted:
        return
    found = same_person(by=by, nhs_number=given.nhs_number, name=given.name, date_of_birth=given.date_of_birth)
    if found:
        raise AlreadyHere(found)


def _next_number(study: Study) -> str:
    take_turn(db.session)
    count = db.session.scalar(select(func.count()).select_from(Person).where(Person.study_id == study.id)) or 0
    free = (number for each in itertools.count(count + 1) if not _is_taken(study, number := f"P{each:05d}"))
    return next(free)


def _is_taken(study: Study, number: str) -> bool:
    """An import brings numbers of its own."""
    found = select(Person.id).where(Person.study_id == study.id, Person.study_number == number)
    return db.session.scalar(found) is not None


def _add_identity(by: User, person: Person, given: IdentityFacts) -> None:
    identity = Identity(**_kept(given), person_id=person.id, recorded_by=by.id)
    db.session.add(identity)
    person.identity = identity
    write_event(by=by, action="add_identity", record=identity)


def _kept(given: IdentityFacts) -> dict[str, Any]:
    number = bare_number(given.nhs_number) if given.nhs_number else None
    index = nhs_number_index(number) if number else None
    written = {"nhs_number": number, "nhs_number_index": index, "date_of_birth": _iso(given.date_of_birth)}
    return asdict(given) | written


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None


def correct_identity(*, by: User, person: Person, version: int, given: IdentityFacts) -> None:
    """Correct who a person is, or write it down for the first time (`version` 0)."""
    check(may_record_care(by, person))
    known = person.identity
    if (known.version if known else 0) != version:
        raise Conflict("form", CHANGED_MEANWHILE)
    _check_number(by, person, given)
    if known is None:
        with translated():
            _add_identity(by, person, given)
    else:
        before = facts(known)
        for name, value in _kept(given).items():
            setattr(known, name, value)
        with translated():
            write_event(by=by, action="correct_identity", record=known, before=before)
    _correct_birth_year(by, person, given.date_of_birth)


def _check_number(by: User, person: Person, given: IdentityFacts) -> None:
    """A number that is new to the person belongs to nobody else whom the asker may see."""
    if not given.nhs_number:
        return
    if fault := nhs_number_fault(given.nhs_number):
        raise Refused("nhs_number", fault)
    if person.identity and person.identity.nhs_number_index == nhs_number_index(given.nhs_number):
        return
    found = same_person(by=by, nhs_number=given.nhs_number, name="", date_of_birth=None)
    if found:
        raise Refused("nhs_number", f"{found[0].study_number} has this NHS number. Find out whose it is.")


def _correct_birth_year(by: User, person: Person, date_of_birth: date | None) -> None:
    """The research fact follows the date that is kept apart."""
    if date_of_birth is None or date_of_birth.year == person.birth_year:
        return
    before = facts(person)
    person.birth_year = date_of_birth.year
    with translated():
        write_event(by=by, action="correct_birth_year", record=person, before=before)


def correct_entry_facts(
    *, by: User, person: Person, version: int, known: Mapping[str, Any], conditions: Collection[str]
) -> None:
    """Correct what was known of a person at entry: `known` facts by name, long-term conditions by theirs."""
    check(may_record_care(by, person))
    if person.version != version:
        raise Conflict("form", CHANGED_MEANWHILE)
    before = facts(person)
    for name, value in known.items():
        setattr(person, name, value)
    person.ltc_count = _counted(conditions, person.ltc_count)
    flag_modified(person, "ltc_count")
    with translated():
        write_event(by=by, action="correct_entry_facts", record=person, before=before)
    _change_conditions(by, person, conditions)


def _counted(conditions: Collection[str], ltc_count: int | None) -> int | None:
    """How many there are in all: at least the named ones."""
    named = len(set(conditions))
    if ltc_count is not None and ltc_count < named:
        are = "is" if named == 1 else "are"
        raise Refused("ltc_count", f"{named} {are} named above. Enter {named} or more, or leave the number empty.")
    return ltc_count if ltc_count is not None else named or None


def _change_conditions(by: User, person: Person, conditions: Collection[str]) -> None:
    known = {each.condition: each for each in person.conditions}
    for gone in known.keys() - set(conditions):
        write_event(by=by, action="remove_condition", record=known[gone], before=facts(known[gone]), after={})
        person.conditions.remove(known[gone])
    for new in sorted(set(conditions) - known.keys()):
        condition = Condition(condition=new, recorded_by=by.id)
        person.conditions.append(condition)
        with translated():
            write_event(by=by, action="record_condition", record=condition)


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
        raise Conflict("form", NO_CONSENT)
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


def stay(*, by: User, person: Person, version: int, reason: str) -> None:
    """Take a leaving back that was written down by mistake; the trail keeps what it said, and why it went."""
    check(may_add_person(by, person.study, person.site))
    if person.left_on is None:
        raise Conflict("form", "The leaving was taken back already: this person is in the study.")
    if person.version != version:
        raise Conflict("form", CHANGED_MEANWHILE)
    before = facts(person)
    person.left_on, person.left_reason = None, None
    with translated():
        write_event(by=by, action="stay", record=person, before=before, reason=reason)
