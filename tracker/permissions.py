"""Who may see and do what. Pure: each rule looks only at the staff member's memberships and the record."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from .models import Arm, Consent, Contact, Membership, Person, SelfCompletion, Site, Study, User

CARE_ROLES = ("link-worker", "supervisor")
SITE_ROLES = (*CARE_ROLES, "outcome-assessor")
STAFF_ROLES = (*SITE_ROLES, "evaluator", "administrator")


class Forbidden(PermissionError):
    """The asker may not do this; nothing about the record is told."""


def current(user: User) -> list[Membership]:
    """The memberships that have not ended; someone who is disabled has none."""
    return [m for m in user.memberships if m.ended_at is None] if user.active else []


def holds(user: User, roles: Iterable[str]) -> bool:
    """Whether the asker has one of these roles anywhere."""
    wanted = set(roles)
    return any(membership.role in wanted for membership in current(user))


def _at(user: User, roles: Iterable[str], study_id: uuid.UUID, site_id: uuid.UUID | None) -> bool:
    wanted = set(roles)
    return any(
        membership.role in wanted and membership.study_id == study_id and membership.site_id == site_id
        for membership in current(user)
    )


def assesses_and_sees_arms(user: User) -> bool:
    """Whether somebody who must be blind as an outcome assessor sees arms by another role: of the study or its sites
    (evaluators, administrators), or with the care of the same people.
    """
    held = current(user)
    assessing = [each for each in held if each.role == "outcome-assessor"]
    return any(_shows_arm(other, assessor) for assessor in assessing for other in held)


def _shows_arm(other: Membership, assessor: Membership) -> bool:
    same_study = other.study_id == assessor.study_id
    return (
        other.role == "administrator"
        or (other.role == "evaluator" and same_study)
        or (other.role in CARE_ROLES and same_study and other.site_id == assessor.site_id)
    )


def has_withdrawn(person: Person) -> bool:
    """Whether the person has taken back the consent to be seen by the service or to be in the study."""
    return any(c.kind in ("service", "research") and c.withdrawn_on is not None for c in _latest(person))


def _latest(person: Person) -> Iterable[Consent]:
    latest: dict[str, Consent] = {}
    for consent in person.consents:
        latest[consent.kind] = consent
    return latest.values()


def may_see_person(user: User, person: Person) -> bool:
    """Name and study number: staff of the person's own site and study, until the person withdraws."""
    return not has_withdrawn(person) and _at(user, SITE_ROLES, person.study_id, person.site_id)


def may_see_care(user: User, person: Person) -> bool:
    """Arm, referrals, contacts and signposts: never an outcome assessor, who must stay blind to them."""
    return not has_withdrawn(person) and _at(user, CARE_ROLES, person.study_id, person.site_id)


def may_record_care(user: User, person: Person) -> bool:
    return may_see_care(user, person)


def may_correct_contact(user: User, contact: Contact) -> bool:
    """Whoever logged it, and supervisors of the person's site."""
    person = contact.referral.person
    supervises = _at(user, ("supervisor",), person.study_id, person.site_id)
    return may_record_care(user, person) and (supervises or contact.worker_id == user.id)


def may_reassign(user: User, person: Person) -> bool:
    """Give many referrals to somebody else at once: supervisors of the person's site."""
    return may_record_care(user, person) and _at(user, ("supervisor",), person.study_id, person.site_id)


def is_offered_care(arm: Arm | None) -> bool:
    """Whether people of this arm are referred to a link worker at all."""
    return arm is None or arm.role == "intervention"


def may_record_assessment(user: User, person: Person) -> bool:
    return may_see_person(user, person)


def may_be_asked_alone(user: User, person: Person) -> bool:
    """Whether somebody's answers may come without a member of staff beside them; nobody who left is asked."""
    return person.left_on is None and may_record_assessment(user, person)


def may_answer_alone(asked: SelfCompletion) -> bool:
    """The person writes with the right of whoever asked them: when that ends, so does this."""
    return asked.is_current and may_be_asked_alone(asked.author, asked.person)


def may_record_service_use(user: User, person: Person) -> bool:
    return may_see_care(user, person)


def may_withdraw(user: User, person: Person) -> bool:
    return may_see_care(user, person)


def may_add_person(user: User, study: Study, site: Site | None) -> bool:
    """Staff who care for people at the site; an evaluator may bring in whole datasets (without identities)."""
    if holds(user, ("administrator",)) or _at(user, ("evaluator",), study.id, None):
        return True
    return site is not None and _at(user, CARE_ROLES, study.id, site.id)


def may_import(user: User, study: Study) -> bool:
    return holds(user, ("administrator",)) or _at(user, ("evaluator",), study.id, None)


def may_see_study(user: User, study: Study) -> bool:
    """Pseudonymous progress and completeness: the study's evaluators."""
    return _at(user, ("evaluator",), study.id, None)


def may_export(user: User, study: Study) -> bool:
    return _at(user, ("evaluator",), study.id, None)


def may_see_directory(user: User, study_id: uuid.UUID) -> bool:
    return any(m.role in CARE_ROLES and m.study_id == study_id for m in current(user))


def may_edit_directory(user: User, study_id: uuid.UUID) -> bool:
    """Whoever signposts to it keeps it; an administrator may bring in somebody else's directory."""
    return may_see_directory(user, study_id) or holds(user, ("administrator",))


def may_import_directory(user: User, study_id: uuid.UUID) -> bool:
    return holds(user, ("administrator",)) or any(
        m.role == "supervisor" and m.study_id == study_id for m in current(user)
    )


def may_manage(user: User) -> bool:
    """Users, sites and studies: administrators, who see no clinical content."""
    return holds(user, ("administrator",))
