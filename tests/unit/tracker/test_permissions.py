"""Who may see and do what, as a table that a governance officer can read."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime

import pytest

from tracker import permissions
from tracker.models import Arm, Consent, Membership, Person, Site, Study, User

STUDY, OTHER_STUDY = Study(id=uuid.uuid4()), Study(id=uuid.uuid4())
SITE, OTHER_SITE = Site(id=uuid.uuid4()), Site(id=uuid.uuid4())
ROLES = ("link-worker", "outcome-assessor", "supervisor", "evaluator", "administrator")


def member(role: str, *, study: Study = STUDY, site: Site | None = SITE, ended: bool = False) -> User:
    """One member of staff with one membership; evaluators and administrators have no site."""
    place = None if role in ("evaluator", "administrator") else site
    membership = Membership(
        role=role,
        study_id=None if role == "administrator" else study.id,
        site_id=place.id if place else None,
        ended_at=datetime.now(UTC) if ended else None,
    )
    return User(active=True, memberships=[membership])


def person(*consents: Consent, study: Study = STUDY, site: Site = SITE) -> Person:
    return Person(study_id=study.id, site_id=site.id, study=study, site=site, consents=list(consents))


def consent(kind: str, *, withdrawn: bool = False) -> Consent:
    return Consent(kind=kind, given_on=date(2025, 1, 1), withdrawn_on=date(2025, 2, 1) if withdrawn else None)


# rule, then for each of ROLES in turn: y may, n may not (person of the asker's own site and study)
OWN_SITE = """
may_see_person           y y y n n
may_see_care             y n y n n
may_record_care          y n y n n
may_record_assessment    y y y n n
may_record_service_use   y n y n n
may_withdraw             y n y n n
"""


def drawn(table: str) -> list[tuple[str, str, bool]]:
    lines = [line.split() for line in table.strip().splitlines()]
    return [(rule, role, may == "y") for rule, *marks in lines for role, may in zip(ROLES, marks, strict=True)]


@pytest.mark.parametrize(("rule", "role", "may"), drawn(OWN_SITE))
def test_each_role_at_its_own_site(rule: str, role: str, may: bool):
    assert getattr(permissions, rule)(member(role), person(consent("service"))) is may


@pytest.mark.parametrize(("rule", "role", "may"), drawn(OWN_SITE))
def test_nobody_reaches_another_site_or_another_study(rule: str, role: str, may: bool):
    allowed = getattr(permissions, rule)
    assert not allowed(member(role), person(site=OTHER_SITE))
    assert not allowed(member(role), person(study=OTHER_STUDY))


@pytest.mark.parametrize(("rule", "role", "may"), drawn(OWN_SITE))
@pytest.mark.parametrize("kind", ["service", "research"])
def test_a_person_who_withdrew_is_closed_to_everyone(rule: str, role: str, may: bool, kind: str):
    assert not getattr(permissions, rule)(member(role), person(consent(kind, withdrawn=True)))


@pytest.mark.parametrize(("rule", "role", "may"), drawn(OWN_SITE))
def test_a_membership_that_ended_and_a_disabled_account_open_nothing(rule: str, role: str, may: bool):
    assert not getattr(permissions, rule)(member(role, ended=True), person())
    disabled = member(role)
    disabled.active = False
    assert not getattr(permissions, rule)(disabled, person())


def test_a_consent_given_again_opens_the_record_again():
    back = person(consent("service", withdrawn=True), consent("service"))
    assert not permissions.has_withdrawn(back)


def test_withdrawing_the_linkage_of_records_closes_nothing():
    assert not permissions.has_withdrawn(person(consent("service"), consent("linkage", withdrawn=True)))


@pytest.mark.parametrize(
    ("role", "may"),
    [
        ("link-worker", True),
        ("supervisor", True),
        ("outcome-assessor", False),
        ("evaluator", True),
        ("administrator", True),
    ],
)
def test_who_brings_people_into_a_study(role: str, may: bool):
    assert permissions.may_add_person(member(role), STUDY, SITE) is may


def test_a_person_without_a_site_comes_only_by_import():
    assert not permissions.may_add_person(member("link-worker"), STUDY, None)
    assert permissions.may_add_person(member("evaluator"), STUDY, None)


@pytest.mark.parametrize("role", ROLES)
def test_only_the_studys_evaluators_see_its_progress_and_export_it(role: str):
    for rule in (permissions.may_see_study, permissions.may_export):
        assert rule(member(role), STUDY) is (role == "evaluator")
        assert not rule(member(role), OTHER_STUDY)


@pytest.mark.parametrize("role", ROLES)
def test_only_administrators_manage_staff_and_sites(role: str):
    assert permissions.may_manage(member(role)) is (role == "administrator")


@pytest.mark.parametrize("role", ROLES)
def test_the_directory_is_for_those_who_signpost(role: str):
    assert permissions.may_see_directory(member(role), STUDY.id) is (role in ("link-worker", "supervisor"))
    assert not permissions.may_see_directory(member(role), OTHER_STUDY.id)


@pytest.mark.parametrize("role", ROLES)
def test_imports_are_for_evaluators_and_administrators(role: str):
    assert permissions.may_import(member(role), STUDY) is (role in ("evaluator", "administrator"))


@pytest.mark.parametrize(
    ("arm", "offered"), [(None, True), (Arm(role="intervention"), True), (Arm(role="comparison"), False)]
)
def test_people_of_the_comparison_arm_are_not_referred(arm: Arm | None, offered: bool):
    assert permissions.is_offered_care(arm) is offered


def test_a_role_is_held_anywhere_or_nowhere():
    assert permissions.holds(member("supervisor"), ("link-worker", "supervisor"))
    assert not permissions.holds(member("supervisor"), ("link-worker",))
    assert not permissions.holds(User(active=True, memberships=[]), ROLES)


@pytest.mark.parametrize(
    ("other", "sees"),
    [
        (member("evaluator"), True), (member("evaluator", study=OTHER_STUDY), False), (member("administrator"), True),
        (member("link-worker"), True), (member("supervisor"), True), (member("supervisor", site=OTHER_SITE), False),
        (member("link-worker", study=OTHER_STUDY), False), (member("outcome-assessor", site=OTHER_SITE), False),
        (member("evaluator", ended=True), False),
    ],
)  # fmt: skip
def test_an_assessor_is_not_blind_by_another_role_that_shows_arms(other: User, sees: bool):
    both = User(active=True, memberships=[*member("outcome-assessor").memberships, *other.memberships])
    assert permissions.assesses_and_sees_arms(both) is sees


@pytest.mark.parametrize("role", ROLES)
def test_whoever_holds_one_role_is_as_blind_as_it_says(role: str):
    assert not permissions.assesses_and_sees_arms(member(role))


def test_whoever_is_disabled_sees_nothing():
    both = User(active=False, memberships=[*member("outcome-assessor").memberships, *member("evaluator").memberships])
    assert not permissions.assesses_and_sees_arms(both)
