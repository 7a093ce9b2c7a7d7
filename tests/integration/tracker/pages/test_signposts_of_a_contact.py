"""Signposts made in the form of a contact: saved with it or not at all, once each, and told beside their row."""

from __future__ import annotations

import uuid

import pytest
from sqlalchemy import select

from tests.integration.tracker.pages.conftest import Desk, written
from tests.integration.tracker.pages.forms import LOG, Ago
from tests.integration.tracker.pages.reading import Page
from tests.world import days_ago
from tracker.actions import directory
from tracker.extensions import db
from tracker.models import Contact, Resource, Signpost

NO_SIGNPOST = {f"{name}_{number}": None for name in ("resource", "kind", "although_full") for number in (1, 2, 3)}
PLAIN = {name: value for name, value in LOG.answers.items() if name not in NO_SIGNPOST}


@pytest.fixture
def chess(desk: Desk) -> uuid.UUID:
    """A second resource of the study."""
    with db.transaction():
        made = directory.add_resource(
            by=desk.world.user("link-worker"), study_id=desk.world.study().id, name="Chess", category="social-group",
            details={},
        )  # fmt: skip
    return made.id


def fill_up(desk: Desk, id: uuid.UUID, capacity: str) -> None:
    with db.transaction() as session:
        found = session.get(Resource, id)
        assert found is not None
        directory.edit_resource(
            by=desk.world.user("link-worker"), resource=found, version=found.version, changes={"capacity": capacity}
        )


def log(desk: Desk, **signposts: object) -> dict[str, str]:
    """The form with these signposts and no others."""
    filled = desk.fill(LOG)
    plain = {name: value for name, value in filled.items() if name not in NO_SIGNPOST}
    return plain | {name: str(value) for name, value in signposts.items()}


def made() -> list[Signpost]:
    """The signposts of the contact that was logged last."""
    contact = db.session.scalars(select(Contact).order_by(Contact.recorded_at.desc()).limit(1)).one()
    query = select(Signpost).where(Signpost.contact_id == contact.id).join(Signpost.resource)
    return list(db.session.scalars(query.order_by(Resource.name)))


def test_each_row_that_is_filled_in_is_a_signpost_of_the_contact(desk: Desk, chess: uuid.UUID):
    sent = log(desk, resource_1=desk.places["resource"], kind_1="accompanied", resource_3=chess, kind_3="information")
    assert desk.send(LOG.who, LOG.path, sent).status == 302
    found = made()
    assert [(each.resource.name, each.kind) for each in found] == [
        ("Chess", "information"), ("Walking group", "accompanied"),
    ]  # fmt: skip
    assert {each.signposted_on for each in found} == {days_ago(2)}
    assert {each.ask_again_on for each in found} == {days_ago(-14)}
    assert {each.person_id for each in found} == {desk.places["own"]}


def test_a_contact_without_signposts_makes_none(desk: Desk):
    assert desk.send(LOG.who, LOG.path, log(desk)).status == 302
    assert made() == []


def test_the_same_form_sent_twice_signposts_once(desk: Desk, chess: uuid.UUID):
    sent = log(desk, resource_1=chess, kind_1="referral", resource_2=desk.places["resource"], kind_2="referral")
    desk.send(LOG.who, LOG.path, sent)
    before = written()
    assert desk.send(LOG.who, LOG.path, sent).status == 302
    assert written() == before
    assert len(made()) == 2


@pytest.mark.parametrize(
    ("half", "field", "words"),
    [
        ({"kind_2": "referral"}, "resource_2", "Choose a resource, or tap No signpost"),
        ({"resource_3": "{resource}"}, "kind_3", "Choose how you signposted"),
    ],
)
def test_half_a_signpost_is_asked_for_beside_its_row_and_nothing_is_saved(
    desk: Desk, half: dict[str, str], field: str, words: str
):
    before = written()
    sent = log(desk, **{name: desk.address(text) for name, text in half.items()})
    page = desk.send(LOG.who, LOG.path, sent)
    assert page.status == 422
    assert page.errors == {field: words}
    assert {name: page.typed[name] for name in half} == {name: sent[name] for name in half}
    assert written() == before


def kinds(page: Page, row: int) -> list[str]:
    """The codes on offer in a row."""
    return [each["value"] for each in page.main.all("input") if each["name"] == f"kind_{row}"]


def test_a_kind_that_was_tapped_by_mistake_can_be_taken_back(desk: Desk):
    page = desk.send(LOG.who, LOG.path, log(desk, kind_1="referral"))
    assert {row: "" in kinds(page, row) for row in (1, 2)} == {1: True, 2: False}
    assert desk.send(LOG.who, LOG.path, page.typed | {"kind_1": ""}).status == 302
    assert made() == []


def test_a_full_resource_is_asked_about_and_taken_when_it_is_meant(desk: Desk, chess: uuid.UUID):
    fill_up(desk, chess, "full")
    before = written()
    sent = log(desk, resource_1=desk.places["resource"], kind_1="referral", resource_2=chess, kind_2="referral")
    page = desk.send(LOG.who, LOG.path, sent)
    assert (page.status, list(page.errors)) == (422, ["although_full_2"])
    assert written() == before, "neither the contact nor the first signpost was kept"
    assert "although_full_2" in page.names
    assert "although_full_1" not in page.names
    assert page.typed["note"] == sent["note"]
    assert desk.send(LOG.who, LOG.path, sent | {"although_full_2": "y"}).status == 302
    assert [each.resource.name for each in made()] == ["Chess", "Walking group"]


def test_a_closed_resource_is_not_offered_and_not_taken(desk: Desk, chess: uuid.UUID):
    fill_up(desk, chess, "closed")
    offered = desk.open(LOG.who, LOG.path)
    assert str(chess) not in offered.html
    page = desk.send(LOG.who, LOG.path, log(desk, resource_1=chess, kind_1="referral"))
    assert list(page.errors) == ["resource_1"]


def test_a_resource_of_another_study_is_not_offered_and_not_taken(desk: Desk):
    orchard = desk.world.resources["orchard"]
    assert str(orchard) not in desk.open(LOG.who, LOG.path).html
    page = desk.send(LOG.who, LOG.path, log(desk, resource_1=orchard, kind_1="referral"))
    assert list(page.errors) == ["resource_1"]


def test_where_the_directory_is_empty_nothing_is_asked_about_signposts(desk: Desk):
    with db.transaction():
        fill_up(desk, desk.places["resource"], "closed")
    page = desk.open(LOG.who, LOG.path)
    assert "resource_1" not in page.names
    assert desk.send(LOG.who, LOG.path, log(desk)).status == 302


def test_a_signpost_in_the_future_cannot_be_made_by_dating_the_contact(desk: Desk):
    sent = desk.fill(LOG, contacted_on=Ago(-1))
    page = desk.send(LOG.who, LOG.path, sent)
    assert list(page.errors) == ["contacted_on"]
