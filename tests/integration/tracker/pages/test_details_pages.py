"""Who somebody is and how they are reached: shown, corrected, and followed by the one fact that research keeps."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import select

from tests.integration.tracker.pages.conftest import Desk, newest_event, written
from tests.integration.tracker.pages.forms import ADD_REFERRED, ENTRY, PERSON_DETAILS
from tests.integration.tracker.pages.reading import check_kept, check_rejected
from tests.world import World
from tracker.actions import people
from tracker.actions.refusal import Conflict
from tracker.extensions import db
from tracker.models import AuditEvent, Identity, Person
from tracker.permissions import Forbidden

NUMBER = "943 476 5919"


def own(desk: Desk) -> Person:
    db.session.rollback()
    return db.session.get_one(Person, desk.places["own"])


def test_a_phone_number_is_shown_to_be_dialled_and_an_address_to_be_found(desk: Desk):
    page, _ = desk.submit(PERSON_DETAILS, address="3 Brook Row\nElmstead")
    assert page.location == desk.address("/people/{own}")
    glance = desk.open("link-worker", "/people/{own}").main.all("div", class_="lwk-glance")[0]
    (dialled,) = [each for each in glance.all("a") if each["href"].startswith("tel:")]
    assert (dialled.text, dialled["href"]) == ("07700 900456", "tel:07700900456")
    assert "3 Brook Row" in glance.text


def test_whoever_asks_about_outcomes_can_reach_the_person_and_not_change_how(desk: Desk):
    desk.submit(PERSON_DETAILS)
    page = desk.open("outcome-assessor", "/people/{own}")
    assert "07700 900456" in page.main.text
    assert "/details" not in page.main.raw
    assert desk.open("outcome-assessor", PERSON_DETAILS.path).status == 403


def test_the_form_shows_what_is_known_and_saves_what_is_corrected(desk: Desk):
    desk.submit(PERSON_DETAILS)
    shown = desk.open("link-worker", PERSON_DETAILS.path).typed
    assert {name: shown[name] for name in ("name", "nhs_number", "phone", "address")} == {
        "name": "Nora Newcomer", "nhs_number": "9434765870", "phone": "07700 900456", "address": "3 Brook Row, Elmstead",
    }  # fmt: skip
    assert [shown[f"date_of_birth-{part}"] for part in ("day", "month", "year")] == ["31", "3", "1956"]
    desk.send("link-worker", PERSON_DETAILS.path, shown | {"name": "Nora Newcombe", "phone": ""})
    identity = own(desk).identity
    assert identity is not None
    assert (identity.name, identity.phone, identity.nhs_number) == ("Nora Newcombe", None, "9434765870")


def test_the_year_of_birth_follows_the_date_of_birth(desk: Desk):
    desk.submit(PERSON_DETAILS)
    assert own(desk).birth_year == 1956
    desk.submit(PERSON_DETAILS, date_of_birth=date(1961, 1, 2))
    assert own(desk).birth_year == 1961
    assert newest_event().action == "correct_birth_year"
    without = {name: value for name, value in desk.fill(PERSON_DETAILS).items() if "date_of_birth" not in name}
    desk.send("link-worker", PERSON_DETAILS.path, without)
    assert own(desk).birth_year == 1961, "a date that is taken away says nothing about the year"


def test_the_trail_says_that_details_changed_and_not_what_they_are(desk: Desk):
    desk.submit(PERSON_DETAILS)
    desk.submit(PERSON_DETAILS, phone="07700 900999")
    event = db.session.scalars(
        select(AuditEvent).where(AuditEvent.action == "correct_identity").order_by(AuditEvent.number.desc())
    ).first()
    assert event is not None
    assert '"phone"' in event.after
    assert "900999" not in event.after
    assert "900456" not in str(event.before)


def test_an_nhs_number_that_somebody_else_has_is_told_beside_the_box(desk: Desk):
    desk.submit(ADD_REFERRED)
    before = written()
    page, sent = desk.submit(PERSON_DETAILS, name="Somebody Else", nhs_number=NUMBER)
    number = db.session.scalars(select(Person.study_number).join(Person.identity).where(Person.id != desk.places["own"])
                                .order_by(Person.recorded_at.desc())).first()  # fmt: skip
    check_rejected(page, "nhs_number", f"{number} has this NHS number. Find out whose it is.")
    check_kept(page, sent)
    assert written() == before


def test_a_number_that_the_person_has_already_is_kept_though_somebody_else_has_it_too(desk: Desk):
    desk.submit(PERSON_DETAILS, nhs_number=NUMBER)
    desk.send("link-worker", ADD_REFERRED.path, desk.fill(ADD_REFERRED) | {"same_person": "no"})
    assert desk.submit(PERSON_DETAILS, nhs_number=NUMBER, phone="01632 960 002")[0].status == 302


@pytest.mark.parametrize(
    ("changes", "field", "says"),
    [
        ({"name": ""}, "name", "Enter the person's full name"),
        ({"nhs_number": "943 476 5918"}, "nhs_number", "This is not a valid NHS number: its last digit does not fit"),
        ({"phone": "0" * 41}, "phone", "Phone (if they agree) has 41 characters. Shorten it to 40."),
        ({"address": "a" * 401}, "address", "Address (if they agree) has 401 characters. Shorten it to 400."),
    ],
)
def test_what_cannot_be_saved_is_told_beside_its_box_and_kept(
    desk: Desk, changes: dict[str, object], field: str, says: str
):
    page, sent = desk.submit(PERSON_DETAILS, **changes)
    assert page.status == 422
    assert page.errors[field].startswith(says)
    check_kept(page, sent)


def test_somebody_without_a_name_is_given_one(world: World):
    with db.transaction():
        person = people.add_person(
            by=world.user("link-worker"), study=world.study(), site=world.site("mill"), entered_on=date(2026, 1, 2)
        )
        facts = people.IdentityFacts("Nameless No Longer", NUMBER)
        people.correct_identity(by=world.user("link-worker"), person=person, version=0, given=facts)
        assert person.label == "Nameless No Longer"
        with pytest.raises(Conflict):
            people.correct_identity(by=world.user("link-worker"), person=person, version=0, given=facts)


@pytest.mark.parametrize("name", ["outcome-assessor", "evaluator", "administrator", "orchard-worker"])
def test_only_who_cares_for_people_at_the_site_corrects_details(world: World, name: str):
    facts = people.IdentityFacts("Somebody Else")
    with pytest.raises(Forbidden), db.transaction():
        people.correct_identity(by=world.user(name), person=world.person("own"), version=1, given=facts)
    with pytest.raises(Forbidden), db.transaction():
        people.correct_entry_facts(by=world.user(name), person=world.person("own"), version=1, known={}, conditions=[])
    assert db.session.scalar(select(Identity.version).where(Identity.person_id == world.person("own").id)) == 1


def test_what_was_known_at_entry_is_corrected_and_shown(desk: Desk):
    assert desk.submit(ENTRY)[0].location == desk.address("/people/{own}")
    person = own(desk)
    assert (person.sex, person.ethnicity, person.lives_alone, person.carer, person.deprivation) == (
        "female", "white", True, False, 2,
    )  # fmt: skip
    assert person.deprivation_index == "imd2019-decile"
    glance = desk.open("link-worker", "/people/{own}").main.all("div", class_="lwk-glance")[0].text
    assert "Female; White; Lives alone; Not an unpaid carer; Deprivation decile 2" in glance


def test_a_decile_that_stays_keeps_the_index_it_was_read_from(desk: Desk):
    desk.submit(ENTRY, deprivation=4)
    with db.transaction():
        db.session.get_one(Person, desk.places["own"]).deprivation_index = "imd2025-decile"
    desk.submit(ENTRY, deprivation=4, sex="male")
    assert (own(desk).sex, own(desk).deprivation_index) == ("male", "imd2025-decile")
    desk.submit(ENTRY, deprivation=5)
    assert own(desk).deprivation_index == "imd2019-decile"
    desk.submit(ENTRY, deprivation="")
    assert (own(desk).deprivation, own(desk).deprivation_index) == (None, None)
