"""Two colleagues of one name: whoever chooses between them, or reads of them, can tell which is which."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from tests.integration.tracker.pages.conftest import Desk
from tests.integration.tracker.pages.forms import HAND_OVER, HAND_OVER_ALL
from tests.integration.tracker.pages.reading import Page
from tracker.actions import care, staff
from tracker.extensions import db, today
from tracker.models import User

ADDRESSES = ("first@test.example", "second@test.example")


@pytest.fixture(autouse=True)
def namesakes(desk: Desk) -> None:
    """Two at the mill who are called the same."""
    world = desk.world
    admin = world.user("administrator")
    with db.transaction():
        for email in ADDRESSES:
            user = staff.create_user(by=admin, email=email, name="Ann Hughes", password=None)
            staff.grant(by=admin, user=user, role="link-worker", study=world.study(), site=world.site("mill"))


def named(page: Page, *elements: str) -> set[str]:
    """What stands on a page of anybody called so, up to what is said of them."""
    found = [each.text for each in page.main.all(*elements)]
    return {text.partition(")")[0] + ")" for text in found if text.startswith("Ann Hughes")}


BOTH = {f"Ann Hughes ({email})" for email in ADDRESSES}


def test_they_are_told_apart_when_one_person_is_handed_over(desk: Desk):
    assert named(desk.open(HAND_OVER.who, HAND_OVER.path), "label") == BOTH


def test_they_are_told_apart_when_many_are_handed_over_and_when_it_is_confirmed(desk: Desk):
    page = desk.open(HAND_OVER_ALL.who, HAND_OVER_ALL.path)
    assert named(page, "label") == BOTH
    (chosen,) = (each["for"] for each in page.main.all("label") if ADDRESSES[0] in each.text)
    (box,) = (each for each in page.main.all("input") if each.attributes.get("id") == chosen)
    confirmed, _ = desk.submit(HAND_OVER_ALL, worker=box["value"])
    assert named(confirmed, "dd") == {f"Ann Hughes ({ADDRESSES[0]})"}


def test_they_are_told_apart_on_the_team_s_page(desk: Desk):
    assert named(desk.open("supervisor", "/team"), "span") == BOTH


def test_they_are_told_apart_among_the_results(desk: Desk):
    world = desk.world
    with db.transaction():
        for user in db.session.scalars(select(User).where(User.email.in_(ADDRESSES))).all():
            care.assign(by=world.user("supervisor"), referral=world.referral("own"), worker=user, from_on=today())
    assert named(desk.open("supervisor", "/results"), "option") == BOTH


def test_somebody_with_a_name_of_their_own_goes_by_it_alone(desk: Desk):
    page = desk.open(HAND_OVER.who, HAND_OVER.path)
    assert "Supervisor: 1 open referral" in [each.text for each in page.main.all("label")]
