"""Who somebody is and what was known of them at entry, corrected: by whom, at once, and what is left to see of it."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from sqlalchemy import func, select, text

from tests.world import World, days_ago
from tracker.actions import people
from tracker.actions.refusal import Conflict, Refused
from tracker.extensions import db
from tracker.models import AuditEvent, Identity, Person
from tracker.permissions import Forbidden
from tracker.queries import people as histories

NUMBER, OTHER = "943 476 5919", "943 476 5870"
FACTS = people.IdentityFacts("Nora Newcombe", NUMBER, date(1956, 3, 31), "07700 900456", "3 Brook Row\nElmstead")


def events(action: str) -> list[AuditEvent]:
    return list(db.session.scalars(select(AuditEvent).where(AuditEvent.action == action).order_by(AuditEvent.number)))


def correct(world: World, given: people.IdentityFacts = FACTS, *, by: str = "link-worker", name: str = "own") -> None:
    with db.transaction():
        person = world.person(name)
        version = person.identity.version if person.identity else 0
        people.correct_identity(by=world.user(by), person=person, version=version, given=given)


def known(world: World, changes: dict[str, Any], conditions: tuple[str, ...] = (), by: str = "link-worker") -> None:
    with db.transaction():
        person = world.person("own")
        people.correct_entry_facts(
            by=world.user(by), person=person, version=person.version, known=changes, conditions=conditions
        )


def nameless(world: World) -> uuid.UUID:
    with db.transaction():
        person = people.add_person(
            by=world.user("link-worker"), study=world.study(), site=world.site("mill"), entered_on=days_ago(3)
        )
        return person.id


# ------------------------------------------------------------------------------------- who somebody is


def test_a_correction_replaces_everything_and_lies_encrypted(world: World):
    correct(world)
    kept = world.person("own").identity
    assert kept is not None
    assert (kept.name, kept.nhs_number, kept.date_of_birth, kept.phone, kept.address) == (
        "Nora Newcombe", "9434765919", "1956-03-31", "07700 900456", "3 Brook Row\nElmstead",
    )  # fmt: skip
    stored = db.session.execute(text("SELECT name, nhs_number, date_of_birth, phone, address FROM identity")).all()
    everything = b"".join(bytes(value) for row in stored for value in row if value is not None)
    for secret in (b"Newcombe", b"9434765919", b"1956-03-31", b"900456", b"Brook"):
        assert secret not in everything


def test_what_is_left_empty_is_forgotten(world: World):
    correct(world)
    correct(world, people.IdentityFacts("Nora Newcombe"))
    kept = world.person("own").identity
    assert kept is not None
    assert (kept.nhs_number, kept.nhs_number_index, kept.date_of_birth, kept.phone, kept.address) == (None,) * 5


def test_a_person_is_found_by_the_new_name_and_phone_and_not_by_the_old(world: World):
    correct(world)
    by = world.user("link-worker")
    own = world.people["own"]
    assert [each.id for each in histories.find("newcombe", by=by)] == [own]
    assert [each.id for each in histories.find("900456", by=by)] == [own]
    assert own not in {each.id for each in histories.find("Person Own", by=by)}


@pytest.mark.parametrize("by", ["link-worker", "supervisor"])
def test_whoever_cares_for_the_person_may_correct(world: World, by: str):
    correct(world, by=by)
    assert world.person("own").label == "Nora Newcombe"


@pytest.mark.parametrize(
    ("by", "name"),
    [
        ("outcome-assessor", "own"), ("evaluator", "own"), ("administrator", "own"), ("orchard-worker", "own"),
        ("quay-worker", "own"), ("link-worker", "other-site"), ("link-worker", "other-study"), ("link-worker", "withdrawn"),
    ],
)  # fmt: skip
def test_nobody_else_may(world: World, by: str, name: str):
    with pytest.raises(Forbidden):
        correct(world, by=by, name=name)


def test_the_trail_keeps_that_there_was_a_change_and_whether_it_came_back(world: World):
    """Marks say the same for the same value, and nothing of it."""
    correct(world)
    for phone in ("01632 960 001", "07700 900456"):
        correct(world, people.IdentityFacts("Nora Newcombe", NUMBER, date(1956, 3, 31), phone, "3 Brook Row\nElmstead"))
    there, back = events("correct_identity")[1:]
    assert set(json.loads(there.after)) == {"phone", "version"}
    assert json.loads(there.before)["phone"] == json.loads(back.after)["phone"]
    assert "900456" not in there.before + there.after + back.before + back.after


def test_a_wrong_number_is_refused_beside_its_box_and_changes_nothing(world: World):
    with pytest.raises(Refused, match="its last digit does not fit") as refused:
        correct(world, people.IdentityFacts("Nora Newcombe", "943 476 5918"))
    assert refused.value.field == "nhs_number"
    assert world.person("own").label == "Person Own"


def test_a_number_of_somebody_at_another_site_is_not_told(world: World):
    """Who may not see a person is not told that they exist."""
    with db.transaction():
        person = world.person("other-site")
        version = person.identity.version if person.identity else 0
        people.correct_identity(
            by=world.user("quay-worker"), person=person, version=version, given=people.IdentityFacts("Far", NUMBER)
        )
    correct(world)
    assert world.person("own").identity.nhs_number == "9434765919"


def test_a_number_of_somebody_at_the_same_site_is_told_by_study_number(world: World):
    correct(world, people.IdentityFacts("Near", NUMBER), name="same-site")
    with pytest.raises(Refused) as refused:
        correct(world)
    assert (
        refused.value.message == f"{world.person('same-site').study_number} has this NHS number. Find out whose it is."
    )
    correct(world, people.IdentityFacts("Nora Newcombe", OTHER))


# ------------------------------------------------------------------------------------- at the same moment


def test_of_two_who_correct_at_once_one_is_kept_and_the_other_is_told(world: World, at_once: Callable[..., list[Any]]):
    def work(phone: str) -> Callable[[], str]:
        def write() -> str:
            given = people.IdentityFacts("Person Own", phone=phone)
            people.correct_identity(by=world.user("link-worker"), person=world.person("own"), version=1, given=given)
            return phone

        return write

    gave = at_once([work("01632 960 001"), work("01632 960 002")])
    (told,) = [each for each in gave if isinstance(each, Exception)]
    assert isinstance(told, Conflict)
    assert world.person("own").identity.phone == next(each for each in gave if isinstance(each, str))
    assert len(events("correct_identity")) == 1


def test_of_two_who_name_a_nameless_person_at_once_one_is_kept_and_the_other_is_told(
    world: World, at_once: Callable[..., list[Any]]
):
    id = nameless(world)

    def work(name: str) -> Callable[[], str]:
        def write() -> str:
            person = db.session.get_one(Person, id)
            given = people.IdentityFacts(name)
            people.correct_identity(by=world.user("link-worker"), person=person, version=0, given=given)
            return name

        return write

    gave = at_once([work("One"), work("Other")])
    (told,) = [each for each in gave if isinstance(each, Exception)]
    assert isinstance(told, Refused)
    assert db.session.scalar(select(func.count()).select_from(Identity).where(Identity.person_id == id)) == 1


def test_of_two_who_correct_facts_at_once_one_is_kept_and_the_other_is_told(
    world: World, at_once: Callable[..., list[Any]]
):
    def work(conditions: list[str]) -> Callable[[], list[str]]:
        def write() -> list[str]:
            people.correct_entry_facts(
                by=world.user("link-worker"), person=world.person("own"), version=1, known={"ltc_count": None},
                conditions=conditions,
            )  # fmt: skip
            return conditions

        return write

    gave = at_once([work(["asthma"]), work(["gout", "hiv"])])
    (told,) = [each for each in gave if isinstance(each, Exception)]
    assert isinstance(told, Conflict)
    kept = next(each for each in gave if isinstance(each, list))
    db.session.expire_all()
    assert [each.condition for each in world.person("own").conditions] == kept
    assert world.person("own").ltc_count == len(kept)


# ------------------------------------------------------------------------------------- known at entry


def test_facts_at_entry_are_corrected_and_the_trail_keeps_both(world: World):
    known(world, {"sex": "male", "lives_alone": False, "ltc_count": 4}, ("asthma",))
    person = world.person("own")
    assert (person.sex, person.lives_alone, person.ltc_count) == ("male", False, 4)
    (event,) = events("correct_entry_facts")
    after = json.loads(event.after)
    assert (after["sex"], after["lives_alone"], after["ltc_count"]) == ("male", False, 4)
    assert json.loads(event.before).keys() == after.keys()


def test_what_is_not_named_stays(world: World):
    known(world, {"sex": "male"})
    known(world, {"carer": True})
    person = world.person("own")
    assert (person.sex, person.carer) == ("male", True)


def test_a_number_below_the_named_conditions_changes_nothing(world: World):
    known(world, {"ltc_count": 2}, ("asthma", "gout"))
    with pytest.raises(Refused, match=r"2 are named above\. Enter 2 or more") as refused:
        known(world, {"sex": "male", "ltc_count": 1}, ("asthma", "gout"))
    assert refused.value.field == "ltc_count"
    person = world.person("own")
    assert (person.sex, person.ltc_count) != ("male", 1)
    assert len(person.conditions) == 2


def test_a_value_that_no_list_knows_is_refused_by_the_database(world: World):
    with pytest.raises(Refused, match="The database refused this record"):
        known(world, {"sex": "unheard-of"})
    assert world.person("own").sex != "unheard-of"
