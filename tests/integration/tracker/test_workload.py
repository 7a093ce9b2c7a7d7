"""Who held what on any day against their hours, and what each person was given: histories made by hand.

Days are days ago; the day of a hand-over, closing or reopening belongs to what comes after it.
"""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import delete

from tests.world import World, contact, days_ago
from tracker.actions import care, people, staff
from tracker.extensions import db, today
from tracker.models import Assignment, Post
from tracker.queries import workload
from tracker.queries.scope import NotFound

A, B, C = "link-worker", "supervisor", "second-worker"


@pytest.fixture
def world(world: World) -> World:
    """Three who can hold referrals at the mill, nobody holding anything yet, no posts."""
    with db.transaction() as session:
        admin = world.user("administrator")
        user = staff.create_user(
            by=admin, email="c@test.example", name="Second-Worker", password="a-long-enough-password"
        )
        staff.grant(by=admin, user=user, role="link-worker", study=world.study(), site=world.site("mill"))
        world.users[C] = user.id
        session.execute(delete(Assignment))
        session.execute(delete(Post))
    return world


def held(world: World, *stays: tuple[str, str, int, int | None]) -> None:
    """Write down who held whose referral from when to when, as an import might, past the rules of hand-overs."""
    with db.transaction() as session:
        for person, worker, began, ended in stays:
            session.add(
                Assignment(
                    referral_id=world.referrals[person], worker_id=world.users[worker], from_on=days_ago(began),
                    until_on=None if ended is None else days_ago(ended), recorded_at=datetime.now(UTC),
                    recorded_by=world.users[B],
                )
            )  # fmt: skip


def counts(world: World, day: int, by: str = B) -> dict[str, int]:
    names = {id: name for name, id in world.users.items()}
    return {names[id]: len(referrals) for id, referrals in workload.held_on(days_ago(day), by=world.user(by)).items()}


HISTORIES: list[tuple[str, list[tuple[str, str, int, int | None]], dict[int, dict[str, int]]]] = [
    ("one worker all along", [("own", A, 100, None)], {101: {}, 100: {A: 1}, 0: {A: 1}}),
    ("handed over in the morning", [("own", A, 100, 40), ("own", B, 40, None)], {41: {A: 1}, 40: {B: 1}, 0: {B: 1}}),
    (
        "three in turn, one for a day", [("own", A, 100, 40), ("own", C, 40, 39), ("own", B, 39, None)],
        {41: {A: 1}, 40: {C: 1}, 39: {B: 1}},
    ),
    ("handed on the day it came", [("own", A, 100, 40), ("own", C, 40, 40), ("own", B, 40, None)], {40: {B: 1}}),
    ("closed", [("own", A, 100, 40)], {41: {A: 1}, 40: {}, 0: {}}),
    (
        "closed, and reopened by another", [("own", A, 100, 60), ("own", B, 40, None)],
        {61: {A: 1}, 60: {}, 41: {}, 40: {B: 1}},
    ),
    ("closed and reopened on a day", [("own", A, 100, 60), ("own", A, 60, None)], {61: {A: 1}, 60: {A: 1}}),
    (
        "two people, one after the other", [("own", A, 100, 50), ("same-site", A, 70, None)],
        {80: {A: 1}, 60: {A: 2}, 50: {A: 1}},
    ),
    (
        "the same referral twice, overlapping", [("own", A, 100, 50), ("own", A, 70, 30)],
        {80: {A: 1}, 60: {A: 1}, 40: {A: 1}, 30: {}},
    ),
    (
        "two hold one referral, overlapping", [("own", A, 100, 50), ("own", B, 70, None)],
        {80: {A: 1}, 60: {A: 1, B: 1}, 50: {B: 1}},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("story", "stays", "expected"), HISTORIES, ids=[each[0] for each in HISTORIES])
def test_the_caseload_of_each_worker_on_a_day(world: World, story: str, stays: Any, expected: Any):
    held(world, *stays)
    for day, found in expected.items():
        assert counts(world, day) == found, f"{story}, {day} days ago"


def test_the_actions_write_the_history_that_the_query_reads(world: World):
    """Taken on, handed over, closed, reopened: told by the same days as when it was written by hand."""
    referral, supervisor = world.referral, world.user(B)
    steps = (
        lambda: care.assign(by=supervisor, referral=referral("own"), worker=world.user(A), from_on=days_ago(150)),
        lambda: care.assign(by=supervisor, referral=referral("own"), worker=world.user(C), from_on=days_ago(120)),
        lambda: care.close_referral(
            by=supervisor, referral=referral("own"), closed_on=days_ago(90), closure_reason="disengaged"
        ),
        lambda: care.reopen_referral(by=supervisor, referral=referral("own"), reopened_on=days_ago(60), reason="Back"),
        lambda: care.assign(by=supervisor, referral=referral("own"), worker=world.user(A), from_on=days_ago(30)),
    )
    for step in steps:
        with db.transaction():
            step()
    days = {
        151: {},
        150: {A: 1},
        121: {A: 1},
        120: {C: 1},
        91: {C: 1},
        90: {},
        61: {},
        60: {B: 1},
        30: {A: 1},
        0: {A: 1},
    }
    assert {day: counts(world, day) for day in days} == days


@pytest.mark.parametrize(
    ("by", "expected"), [("quay-worker", {}), ("orchard-worker", {}), ("outcome-assessor", {}), (A, {A: 1})]
)
def test_a_caseload_is_told_to_those_who_care_at_the_site(world: World, by: str, expected: dict[str, int]):
    held(world, ("own", A, 100, None))
    assert counts(world, 0, by=by) == expected


def test_somebody_who_withdrew_is_on_nobodys_caseload_any_more(world: World):
    held(world, ("own", A, 100, None))
    with db.transaction():
        people.withdraw(by=world.user(B), person=world.person("own"), withdrawn_on=today(), on_withdrawal="keep")
    assert counts(world, 50) == {}


# ------------------------------------------------------------------------------ against hours


def post(world: World, worker: str, fte: float, began: int, ended: int | None = None, site: str = "mill") -> None:
    with db.transaction():
        staff.appoint(
            by=world.user("administrator"), user=world.user(worker), site=world.site(site), fte=fte,
            from_on=days_ago(began), until_on=None if ended is None else days_ago(ended),
        )  # fmt: skip


def loads(world: World, day: int, by: str = B) -> dict[str, tuple[int, float, float | None]]:
    names = {id: name for name, id in world.users.items()}
    found = workload.workloads(days_ago(day), by=world.user(by))
    return {names[each.worker.id]: (each.referrals, each.fte, each.per_fte) for each in found}


def test_open_referrals_are_read_against_the_post_of_the_day(world: World):
    held(world, ("own", A, 100, None), ("same-site", A, 80, None))
    post(world, A, 0.5, 200, 61)
    post(world, A, 0.8, 60)
    assert loads(world, 90) == {A: (1, 0.5, 2.0)}
    assert loads(world, 70) == {A: (2, 0.5, 4.0)}
    assert loads(world, 61) == {A: (2, 0.5, 4.0)}, "the last day of a post is a day of it"
    assert loads(world, 60) == {A: (2, 0.8, 2.5)}


def test_a_post_without_referrals_and_referrals_without_a_post_are_both_told(world: World):
    held(world, ("own", A, 100, None))
    post(world, C, 0.6, 200)
    assert loads(world, 50) == {A: (1, 0.0, None), C: (0, 0.6, 0.0)}


def test_two_posts_at_ones_own_sites_count_together_and_one_elsewhere_does_not(world: World):
    with db.transaction():
        staff.grant(
            by=world.user("administrator"),
            user=world.user(B),
            role="supervisor",
            study=world.study(),
            site=world.site("quay"),
        )
    held(world, ("own", A, 100, None))
    for site, fte in (("mill", 0.4), ("quay", 0.2), ("pond", 0.3)):
        post(world, A, fte, 200, site=site)
    assert loads(world, 10) == {A: (1, 0.6, pytest.approx(1 / 0.6))}
    assert loads(world, 10, by=A) == {A: (1, 0.4, 2.5)}


def test_two_posts_that_overlap_at_a_site_count_together_while_they_do(world: World):
    """The pages refuse a second one; what was brought in from elsewhere may have it."""
    post(world, A, 0.4, 100, 20)
    with db.transaction() as session:
        user, site = world.users[A], world.sites["mill"]
        session.add(Post(user_id=user, site_id=site, fte=0.4, from_on=days_ago(50), recorded_by=user))
    assert [loads(world, day)[A][1] for day in (60, 50, 20, 19)] == [0.4, 0.8, 0.8, 0.4]


@pytest.mark.parametrize("name", ["evaluator", "administrator", "outcome-assessor"])
def test_roles_without_care_learn_of_no_workload(world: World, name: str):
    held(world, ("own", A, 100, None))
    post(world, A, 0.5, 200)
    assert workload.workloads(today(), by=world.user(name)) == []


# ------------------------------------------------------------------------------------ what was given


def given(world: World, person: str, *talks: tuple[int, str, int, int | None]) -> None:
    with db.transaction():
        for day, attendance, minutes, travel in talks:
            contact(
                world, person, contacted_on=days_ago(day), attendance=attendance, minutes=minutes, travel_minutes=travel,
                client_key=uuid.uuid4(),
            )  # fmt: skip


def test_contacts_and_minutes_of_each_person_whoever_gave_them(world: World):
    given(
        world, "own", (90, "attended", 45, 20), (60, "did-not-attend", 5, 20), (50, "attempted", 0, None),
        (30, "attended", 30, None), (10, "cancelled", 0, None),
    )  # fmt: skip
    given(world, "same-site", (20, "attended", 60, None))
    doses = workload.doses(by=world.user(B))
    assert doses == {
        world.people["own"]: workload.Dose(2, 3, 80, 40),
        world.people["same-site"]: workload.Dose(1, 0, 60, 0),
    }
    assert workload.dose(world.person("own"), by=world.user(A)) == doses[world.people["own"]]


def test_contacts_are_counted_between_two_days_the_first_and_not_the_last(world: World):
    given(world, "own", (30, "attended", 1, None), (20, "attended", 10, None), (10, "attended", 100, None))
    minutes = {
        (since, until): workload.doses(by=world.user(B), since=days_ago(since), until=days_ago(until))
        for since, until in ((30, 20), (30, 19), (29, 10), (31, 0), (9, 0))
    }
    told = {days: doses[world.people["own"]].minutes if doses else 0 for days, doses in minutes.items()}
    assert told == {(30, 20): 1, (30, 19): 11, (29, 10): 10, (31, 0): 111, (9, 0): 0}


def test_two_episodes_of_a_person_are_one_dose(world: World):
    """A closed referral with a contact, and a new one with another."""
    given(world, "own", (90, "attended", 45, None))
    with db.transaction():
        care.close_referral(
            by=world.user(A), referral=world.referral("own"), closed_on=days_ago(80), closure_reason="completed"
        )
        again = care.record_referral(
            by=world.user(A), person=world.person("own"), source="self", referred_on=days_ago(20)
        )
        world.referrals["again"] = again.id
    given(world, "again", (10, "attended", 15, None))
    del world.referrals["again"]
    assert workload.dose(world.person("own"), by=world.user(A)) == workload.Dose(2, 0, 60, 0)


def test_somebody_without_a_contact_was_given_nothing(world: World):
    assert workload.dose(world.person("own"), by=world.user(A)) == workload.Dose()
    assert workload.doses(by=world.user(A)) == {}


@pytest.mark.parametrize("name", ["quay-worker", "orchard-worker", "outcome-assessor", "evaluator", "administrator"])
def test_nobody_else_learns_what_a_person_was_given(world: World, name: str):
    given(world, "own", (90, "attended", 45, None))
    assert workload.doses(by=world.user(name)) == {}
    with pytest.raises(NotFound):
        workload.dose(world.person("own"), by=world.user(name))
