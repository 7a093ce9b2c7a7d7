"""People: identity apart and encrypted, consents, leaving and withdrawing."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import func, select, text

from tests.world import World, days_ago
from tracker.actions import people
from tracker.actions.refusal import Conflict, Refused
from tracker.extensions import db, today
from tracker.models import Consent, Identity, Person
from tracker.permissions import Forbidden
from tracker.queries import caseload, scope
from tracker.queries.scope import NotFound

NUMBER = "943 476 5919"


def add(
    world: World, name: str = "New Person", by: str = "link-worker", site: str = "mill", **options: object
) -> Person:
    identity = people.IdentityFacts(name, nhs_number=NUMBER, date_of_birth=date(1961, 2, 3))
    given = {"entered_on": today(), "identity": identity} | options
    return people.add_person(by=world.user(by), study=world.study(), site=world.site(site), **given)  # type: ignore[arg-type]


def test_identity_opens_only_with_the_key_and_is_unreadable_in_the_table(world: World):
    with db.transaction():
        person = add(world, "Zebedee Quillfeather")
    assert person.identity.name == "Zebedee Quillfeather"
    stored = db.session.execute(text("SELECT name, nhs_number, date_of_birth FROM identity")).all()
    everything = b"".join(bytes(value) for row in stored for value in row if value is not None)
    assert b"Zebedee" not in everything
    assert b"9434765919" not in everything
    assert b"1961" not in everything


def test_the_same_name_is_never_the_same_ciphertext(world: World):
    with db.transaction():
        add(world, "Same Name")
        add(world, "Same Name", duplicate_is_wanted=True)
    stored = db.session.scalars(text("SELECT name FROM identity")).all()
    assert len({bytes(value) for value in stored}) == len(stored)


def test_a_ciphertext_moved_to_another_column_does_not_open(world: World):
    with db.transaction() as session:
        person = add(world)
        id = person.id
        session.execute(text("UPDATE identity SET phone = name"))
    db.session.expire_all()
    with pytest.raises(Exception, match=r"^$"):
        assert db.session.get(Person, id).identity.phone


def test_the_year_of_birth_is_the_only_part_of_the_birthday_kept_for_research(world: World):
    with db.transaction():
        person = add(world)
    assert person.birth_year == 1961
    assert [column.name for column in Person.__table__.columns if "birth" in column.name] == ["birth_year"]


def test_study_numbers_count_up_within_the_study(world: World):
    with db.transaction():
        first, second = add(world), add(world, duplicate_is_wanted=True)
        assert int(second.study_number[1:]) == int(first.study_number[1:]) + 1


def test_an_nhs_number_with_a_wrong_check_digit_is_refused_and_nothing_is_kept(world: World):
    wrong = people.IdentityFacts("Wrong Number", nhs_number="943 476 5918")
    before = db.session.scalar(select(func.count()).select_from(Person))
    with pytest.raises(Refused, match="last digit does not fit") as refused, db.transaction():
        add(world, identity=wrong)
    assert refused.value.field == "nhs_number"
    assert db.session.scalar(select(func.count()).select_from(Person)) == before


def test_another_site_learns_nothing_of_a_number_it_does_not_know(world: World):
    with db.transaction():
        add(world)
        add(world, by="quay-worker", site="quay")
    assert (
        db.session.scalar(select(func.count()).select_from(Identity).where(Identity.nhs_number_index.is_not(None))) == 2
    )


def test_nobody_enters_in_the_future(world: World):
    with pytest.raises(Refused, match="date of entry is in the future"), db.transaction():
        add(world, entered_on=today() + timedelta(1))


@pytest.mark.parametrize("by", ["outcome-assessor", "quay-worker", "orchard-worker"])
def test_people_are_added_by_staff_of_their_own_site_and_study(world: World, by: str):
    with pytest.raises(Forbidden), db.transaction():
        add(world, by=by)


def test_a_study_number_is_given_once(world: World):
    with db.transaction():
        add(world, study_number="X1")
    with pytest.raises(Refused, match="study number is taken") as refused, db.transaction():
        add(world, study_number="X1", duplicate_is_wanted=True)
    assert refused.value.field == "study_number"


def test_withdrawing_closes_every_consent_and_hides_the_person_at_once(world: World):
    with db.transaction():
        people.withdraw(
            by=world.user("link-worker"), person=world.person("own"), withdrawn_on=today(), on_withdrawal="keep"
        )
    wishes = select(Consent.on_withdrawal).where(Consent.person_id == world.people["own"])
    assert db.session.scalars(wishes).all() == ["keep", "keep"]
    for name in ("link-worker", "supervisor", "outcome-assessor"):
        with pytest.raises(NotFound):
            scope.person(world.people["own"], by=world.user(name))
    assert world.people["own"] not in [row.person.id for row in caseload.caseload(by=world.user("link-worker"))]


def test_withdrawing_twice_changes_nothing(world: World):
    person = world.person("withdrawn")
    with pytest.raises(Forbidden), db.transaction():
        people.withdraw(by=world.user("supervisor"), person=person, withdrawn_on=today(), on_withdrawal="keep")


def test_a_person_without_a_consent_has_nothing_to_withdraw(world: World):
    with db.transaction():
        person = add(world)
    with pytest.raises(Conflict, match="no consent to withdraw"), db.transaction():
        people.withdraw(by=world.user("link-worker"), person=person, withdrawn_on=today(), on_withdrawal="keep")


def test_a_withdrawal_lies_between_the_consent_and_today(world: World):
    for day in (days_ago(201), today() + timedelta(1)):
        with pytest.raises(Refused, match="between the consent and today"), db.transaction():
            people.withdraw(
                by=world.user("link-worker"), person=world.person("own"), withdrawn_on=day, on_withdrawal="keep"
            )


def test_a_consent_is_given_today_or_earlier(world: World):
    with pytest.raises(Refused, match="date of consent is in the future"), db.transaction():
        people.record_consent(
            by=world.user("link-worker"), person=world.person("own"), kind="linkage", given_on=today() + timedelta(1)
        )


def test_leaving_keeps_its_date_and_reason(world: World):
    with db.transaction():
        people.leave(by=world.user("link-worker"), person=world.person("own"), left_on=today(), left_reason="moved")
    assert (world.person("own").left_on, world.person("own").left_reason) == (today(), "moved")
    with pytest.raises(Refused, match="between entry and today"), db.transaction():
        people.leave(
            by=world.user("link-worker"), person=world.person("own"), left_on=days_ago(201), left_reason="moved"
        )


def test_the_arm_is_the_sites_and_no_assessor_learns_it(world: World):
    assert scope.arm_of(world.person("own"), by=world.user("link-worker")).slug == "intervention"
    assert scope.arm_of(world.person("compared"), by=world.user("pond-keeper")).slug == "comparison"
    with pytest.raises(NotFound):
        scope.arm_of(world.person("own"), by=world.user("outcome-assessor"))


def test_one_site_of_many_is_found_only_by_its_own_staff(world: World):
    site, study = scope.site(world.sites["mill"], world.studies["garden"], by=world.user("link-worker"))
    assert (site.slug, study.slug) == ("mill", "garden")
    for who, place in (("link-worker", "quay"), ("orchard-worker", "mill")):
        with pytest.raises(NotFound):
            scope.site(world.sites[place], world.studies["garden"], by=world.user(who))
