"""Who is here already: noticed before anything is saved, and never told of people whom the asker may not see."""

from __future__ import annotations

import uuid
from datetime import date
from typing import Any

import pytest
from sqlalchemy import func, select

from tests.world import World
from tracker.actions import people, staff
from tracker.actions.people import AlreadyHere
from tracker.extensions import db, today
from tracker.models import Person
from tracker.queries import duplicates

NUMBER, OTHER_NUMBER = "943 476 5919", "999 000 0018"
BORN = date(1961, 2, 3)


def add(world: World, by: str = "link-worker", site: str = "mill", study: str = "garden", **given: Any) -> uuid.UUID:
    wanted = given.pop("duplicate_is_wanted", False)
    identity = people.IdentityFacts(**({"name": "Zoë O’Neill", "nhs_number": NUMBER, "date_of_birth": BORN} | given))
    with db.transaction():
        person = people.add_person(
            by=world.user(by), study=world.study(study), site=world.site(site), entered_on=today(), identity=identity,
            duplicate_is_wanted=wanted,
        )  # fmt: skip
        return person.id


def found(world: World, by: str = "link-worker", **given: Any) -> list[uuid.UUID]:
    facts = {"nhs_number": None, "name": "Nobody Known", "date_of_birth": None} | given
    return [each.id for each in duplicates.same_person(by=world.user(by), **facts)]


@pytest.mark.parametrize("number", ["9434765919", "943 476 5919", "943-476-5919"])
def test_a_number_is_known_however_it_is_typed(world: World, number: str):
    id = add(world)
    assert found(world, nhs_number=number) == [id]


@pytest.mark.parametrize(
    "name", ["Zoë O’Neill", "zoe oneill", "ZOE O'NEILL", "O’Neill, Zoë", "  Zoe   O'Neill ", "Zoe\u0308 O'Neill"]
)
def test_a_name_with_its_day_of_birth_is_known_however_it_is_written(world: World, name: str):
    id = add(world, nhs_number=None)
    assert found(world, name=name, date_of_birth=BORN) == [id]


@pytest.mark.parametrize(
    "given",
    [
        {"name": "Zoë O’Neill"}, {"name": "Zoë O’Neill", "date_of_birth": date(1961, 2, 4)},
        {"name": "Zoë Neill", "date_of_birth": BORN}, {"name": "Zoë", "date_of_birth": BORN},
        {"nhs_number": OTHER_NUMBER}, {"date_of_birth": BORN},
    ],
    ids=["name alone", "another day", "another name", "half a name", "another number", "day alone"],
)  # fmt: skip
def test_somebody_who_shares_only_a_part_is_somebody_else(world: World, given: dict[str, Any]):
    add(world)
    assert found(world, **given) == []


def test_somebody_whose_year_of_birth_was_corrected_is_still_found_by_number(world: World):
    id = add(world)
    with db.transaction():
        db.session.get(Person, id).birth_year = 1916
    assert found(world, nhs_number=NUMBER, name="Zoë O’Neill", date_of_birth=BORN) == [id]


def test_nobody_is_added_before_it_was_said_that_they_are_somebody_else(world: World):
    id = add(world)
    before = db.session.scalar(select(func.count()).select_from(Person))
    with pytest.raises(AlreadyHere) as known:
        add(world, name="Zo Neill")
    assert [each.id for each in known.value.found] == [id]
    assert db.session.scalar(select(func.count()).select_from(Person)) == before
    assert add(world, name="Zo Neill", duplicate_is_wanted=True) != id


def test_the_error_itself_names_nobody(world: World):
    add(world)
    with pytest.raises(AlreadyHere) as known:
        add(world)
    assert "Zo" not in str(known.value)
    assert "943" not in str(known.value)


ELSEWHERE = {
    "quay-worker": ("quay", "garden"),
    "orchard-worker": ("mill", "orchard"),
    "pond-keeper": ("pond", "garden"),
}


@pytest.mark.parametrize("who", ELSEWHERE)
def test_whoever_may_not_see_somebody_is_told_nothing_and_adds_them(world: World, who: str):
    site, study = ELSEWHERE[who]
    id = add(world)
    assert found(world, by=who, nhs_number=NUMBER, name="Zoë O’Neill", date_of_birth=BORN) == []
    assert add(world, by=who, site=site, study=study) != id


def test_somebody_at_another_site_of_ones_own_is_known(world: World):
    with db.transaction():
        staff.grant(
            by=world.user("administrator"), user=world.user("link-worker"), role="link-worker", study=world.study(),
            site=world.site("quay"),
        )  # fmt: skip
    id = add(world, by="quay-worker", site="quay")
    with pytest.raises(AlreadyHere) as known:
        add(world)
    assert [each.id for each in known.value.found] == [id]


@pytest.mark.parametrize("who", ["outcome-assessor", "evaluator", "administrator"])
def test_roles_without_care_find_nobody(world: World, who: str):
    add(world)
    assert found(world, by=who, nhs_number=NUMBER, date_of_birth=BORN) == []


def test_somebody_who_withdrew_is_not_given_away_by_coming_back(world: World):
    id = add(world)
    with db.transaction():
        person = db.session.get(Person, id)
        people.record_consent(by=world.user("link-worker"), person=person, kind="service", given_on=today())
        people.withdraw(by=world.user("supervisor"), person=person, withdrawn_on=today(), on_withdrawal="keep")
    assert found(world, nhs_number=NUMBER, name="Zoë O’Neill", date_of_birth=BORN) == []
    assert add(world) != id


def test_everybody_who_may_be_meant_is_named_in_the_order_of_their_numbers(world: World):
    first = add(world)
    second = add(world, nhs_number=None, duplicate_is_wanted=True)
    assert found(world, nhs_number=NUMBER, name="Zoë O’Neill", date_of_birth=BORN) == [first, second]
