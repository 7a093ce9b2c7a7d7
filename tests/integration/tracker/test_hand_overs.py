"""Handing many people over at once: all or none, each in the trail, nobody lost on the way; and who left people behind."""

from __future__ import annotations

import uuid
from collections import Counter
from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from tests.integration.tracker.teamwork import ANN, BEN, CAT, JO, Story, clear, day, post, statements, tell
from tests.world import World
from tracker.actions import audit, care, people, staff
from tracker.actions.refusal import Conflict, Refused
from tracker.extensions import db, today
from tracker.models import Assignment, AuditEvent, Consent, Membership, Person, Referral
from tracker.permissions import Forbidden
from tracker.queries import hand_overs, workload
from tracker.queries.scope import NotFound


@pytest.fixture
def world(world: World) -> World:
    clear(world)
    return world


def held(world: World, who: str | None = ANN, by: str = JO) -> list[Referral]:
    return list(hand_overs.held_now(world.users[who] if who else None, by=world.user(by)))


def hand_over(
    world: World, who: str | None, to: str, ids: set[uuid.UUID] | None = None, on: date | None = None, by: str = JO
) -> None:
    """All that they hold, or these of it."""
    with db.transaction():
        care.hand_over_all(
            by=world.user(by), referrals=[each for each in held(world, who) if ids is None or each.id in ids],
            holder=world.user(who) if who else None, worker=world.user(to), from_on=on or today(), reason="On leave",
        )  # fmt: skip


def holders(world: World) -> Counter[str]:
    """How many each holds now, by name."""
    names = {id: name for name, id in world.users.items()}
    db.session.rollback()
    rows = db.session.scalars(select(Assignment.worker_id).where(Assignment.until_on.is_(None)))
    return Counter(names[id] for id in rows)


def assignments() -> int | None:
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(Assignment))


# ------------------------------------------------------------------------------------------ all of them


def test_everybody_is_handed_over_on_the_day_and_counts_for_whoever_takes_them(world: World):
    ids = tell(world, *(Story("2 Feb 2026", ["A 2 Feb 2026"]) for _ in range(3)), Story("2 Feb 2026", ["B 2 Feb 2026"]))
    hand_over(world, ANN, BEN, on=day("9 Mar 2026"))
    assert holders(world) == {BEN: 4}
    on = {d: workload.held_on(day(d), by=world.user(JO)) for d in ("8 Mar 2026", "9 Mar 2026")}
    assert {d: len(found.get(world.users[ANN], ())) for d, found in on.items()} == {"8 Mar 2026": 3, "9 Mar 2026": 0}
    assert on["9 Mar 2026"][world.users[BEN]] == frozenset(ids)


def test_only_those_who_were_chosen_are_handed_over(world: World):
    first, second, _ = tell(world, *(Story("2 Feb 2026", ["A 2 Feb 2026"]) for _ in range(3)))
    hand_over(world, ANN, BEN, {first, second})
    assert holders(world) == {ANN: 1, BEN: 2}


def test_what_nobody_holds_is_given_to_somebody(world: World):
    tell(world, Story("2 Feb 2026"), Story("2 Feb 2026", ["A 2 Feb 2026"]))
    hand_over(world, None, CAT)
    assert holders(world) == {ANN: 1, CAT: 1}


def test_the_trail_has_each_of_them_with_the_reason(world: World):
    tell(world, *(Story("2 Feb 2026", ["A 2 Feb 2026"]) for _ in range(3)))
    hand_over(world, ANN, BEN)
    events = db.session.scalars(select(AuditEvent).where(AuditEvent.reason == "On leave")).all()
    assert Counter(each.action for each in events) == {"hand_over": 3, "assign": 3}
    assert {each.actor_id for each in events} == {world.users[JO]}
    assert len({each.record_id for each in events}) == 6
    trail = db.session.scalars(select(AuditEvent).order_by(AuditEvent.number))
    assert list(audit.faults(iter(trail))) == []


def test_a_supervisor_may_take_them_too(world: World):
    tell(world, Story("2 Feb 2026", ["A 2 Feb 2026"]))
    hand_over(world, ANN, JO)
    assert holders(world) == {JO: 1}


def test_whoever_looks_at_one_of_them_still_is_told_that_it_changed(world: World):
    (id,) = tell(world, Story("2 Feb 2026", ["A 2 Feb 2026"]))
    seen = db.session.get(Referral, id).version
    hand_over(world, ANN, BEN)
    with pytest.raises(Conflict, match="changed this record"), db.transaction():
        care.set_needs(by=world.user(ANN), referral=db.session.get(Referral, id), version=seen, needs=["money"])


# ------------------------------------------------------------------------------------------ or none of them


def faults(world: World, to: str = BEN, on: date | None = None, holder: str | None = ANN) -> list[str]:
    referrals = held(world, ANN)
    found = care.hand_over_faults(
        by=world.user(JO), referrals=referrals, holder=world.user(holder) if holder else None, worker=world.user(to),
        from_on=on or today(),
    )  # fmt: skip
    return [found[each.id] for each in referrals if each.id in found]


def refused(world: World, to: str = BEN, on: date | None = None, who: str = ANN) -> None:
    """Nothing at all is changed."""
    before = (holders(world), assignments(), db.session.scalar(select(func.count()).select_from(AuditEvent)))
    with pytest.raises(Refused) as caught:
        hand_over(world, who, to, on=on)
    assert caught.value.message == care.NOT_ALL
    assert (holders(world), assignments(), db.session.scalar(select(func.count()).select_from(AuditEvent))) == before


def test_one_who_came_later_than_the_day_keeps_everybody_where_they_are(world: World):
    tell(world, *(Story("2 Feb 2026", [f"A {on}"]) for on in ("2 Feb 2026", "9 Mar 2026", "3 Feb 2026")))
    assert faults(world, on=day("8 Mar 2026")) == ["Link-Worker has held them only since 9 March 2026."]
    refused(world, on=day("8 Mar 2026"))
    assert faults(world, on=day("9 Mar 2026")) == []


def test_a_day_in_the_future_is_refused(world: World):
    tell(world, Story("2 Feb 2026", ["A 2 Feb 2026"]))
    assert len(faults(world, on=today() + timedelta(1))) == 1
    refused(world, on=today() + timedelta(1))


def test_somebody_of_another_site_is_named(world: World):
    with db.transaction():
        admin, quay = world.user("administrator"), world.site("quay")
        staff.grant(by=admin, user=world.user(JO), role="supervisor", study=world.study(), site=quay)
    tell(world, Story("2 Feb 2026", ["A 2 Feb 2026"]), Story("2 Feb 2026", ["A 2 Feb 2026"], place=("garden", "quay")))
    assert faults(world) == ["Ben has no role at Quay Practice."]
    refused(world)
    assert faults(world, to="quay-worker") == ["Quay-Worker has no role at Mill Practice."]


def test_nobody_is_given_to_somebody_whose_account_is_closed(world: World):
    tell(world, Story("2 Feb 2026", ["A 2 Feb 2026"]))
    with db.transaction():
        staff.disable_user(by=world.user("administrator"), user=world.user(BEN), reason="Left")
    assert faults(world) == ["Ben has no role at Mill Practice."]
    refused(world)


def test_nobody_is_given_to_whoever_holds_them_already(world: World):
    tell(world, Story("2 Feb 2026", ["A 2 Feb 2026"]))
    assert faults(world, to=ANN) == ["Link-Worker holds this referral already. Choose somebody else."]
    refused(world, to=ANN)


def test_what_was_handed_over_meanwhile_is_told(world: World):
    tell(world, Story("2 Feb 2026", ["A 2 Feb 2026"]), Story("2 Feb 2026", ["A 2 Feb 2026"]))
    stale = held(world)
    with db.transaction():
        care.assign(by=world.user(JO), referral=held(world)[0], worker=world.user(CAT), from_on=today())
    with pytest.raises(Conflict), db.transaction():
        care.hand_over_all(
            by=world.user(JO),
            referrals=stale,
            holder=world.user(ANN),
            worker=world.user(BEN),
            from_on=today(),
            reason="-",
        )
    assert holders(world) == {ANN: 1, CAT: 1}
    found = care.hand_over_faults(
        by=world.user(JO), referrals=stale, holder=world.user(ANN), worker=world.user(BEN), from_on=today()
    )
    assert list(found.values()) == ["Cat holds them now."]


def test_what_was_closed_meanwhile_is_told(world: World):
    tell(world, Story("2 Feb 2026", ["A 2 Feb 2026"]))
    stale = held(world)
    with db.transaction():
        care.close_referral(by=world.user(JO), referral=held(world)[0], closed_on=today(), closure_reason="completed")
    found = care.hand_over_faults(
        by=world.user(JO), referrals=stale, holder=None, worker=world.user(BEN), from_on=today()
    )
    assert list(found.values()) == ["This referral is closed. Record a new referral to go on."]


def test_what_nobody_holds_is_not_given_from_before_it_was_referred(world: World):
    tell(world, Story("2 Feb 2026"))
    found = care.hand_over_faults(
        by=world.user(JO), referrals=held(world, None), holder=None, worker=world.user(BEN), from_on=day("1 Feb 2026")
    )
    assert list(found.values()) == ["They were referred on 2 February 2026."]


@pytest.mark.parametrize(
    "who", [ANN, BEN, "outcome-assessor", "evaluator", "administrator", "pond-keeper", "quay-worker"]
)
def test_only_a_supervisor_of_the_site_hands_over_many(world: World, who: str):
    tell(world, Story("2 Feb 2026", ["A 2 Feb 2026"]))
    with pytest.raises(Forbidden):
        hand_over(world, ANN, BEN, by=who)
    assert holders(world) == {ANN: 1}


def test_one_person_of_another_site_among_them_forbids_it_all(world: World):
    tell(world, Story("2 Feb 2026", ["A 2 Feb 2026"]))
    (elsewhere,) = tell(world, Story("2 Feb 2026", ["A 2 Feb 2026"], place=("garden", "quay")))
    with pytest.raises(Forbidden), db.transaction():
        care.hand_over_all(
            by=world.user(JO), referrals=[*held(world), db.session.get(Referral, elsewhere)], holder=world.user(ANN),
            worker=world.user(BEN), from_on=today(), reason="-",
        )  # fmt: skip
    assert holders(world) == {ANN: 2}


# ------------------------------------------------------------------------------------- whatever is handed over


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(moves=st.lists(
    st.tuples(st.sampled_from([ANN, BEN, CAT, JO, None]), st.sampled_from([ANN, BEN, CAT, JO]), st.sets(st.integers(0, 9))),
    min_size=1, max_size=4,
))  # fmt: skip
def test_no_hand_over_makes_or_loses_anybody(world: World, moves: list[tuple[str | None, str, set[int]]]):
    """What each holds moves from one to the other; together it stays, today and on every day before."""
    if not holders(world):
        tell(
            world, *(Story("2 Feb 2026", ["A 2 Feb 2026"]) for _ in range(6)), *(Story("2 Feb 2026") for _ in range(4))
        )
    past = workload.held_on(day("9 Mar 2026"), by=world.user(JO))
    for who, to, chosen in moves:
        before = Counter(holders(world)) + Counter({None: len(held(world, None))})
        ids = {each.id for number, each in enumerate(held(world, who)) if number in chosen}
        try:
            hand_over(world, who, to, ids)
        except Refused:
            assert ids
            assert who == to
            ids = set()
        after = Counter(holders(world)) + Counter({None: len(held(world, None))})
        assert sum(after.values()) == sum(before.values()) == 10
        assert after == before - Counter({who: len(ids)}) + Counter({to: len(ids)})
    assert workload.held_on(day("9 Mar 2026"), by=world.user(JO)) == past


# ------------------------------------------------------------------------------- who holds, and who could take


def test_the_open_ones_of_one_worker_at_the_supervised_sites_by_name(world: World):
    ids = tell(
        world, Story("2 Feb 2026", ["A 2 Feb 2026"]), Story("2 Feb 2026", ["B 2 Feb 2026"]), Story("2 Feb 2026"),
        Story("2 Feb 2026", ["A 2 Feb 2026 - 3 Mar 2026", "B 3 Mar 2026"]),
        Story("2 Feb 2026", ["A 2 Feb 2026 - 3 Mar 2026"], closed="3 Mar 2026"),
        Story("2 Feb 2026", ["A 2 Feb 2026"], place=("garden", "quay")),
    )  # fmt: skip
    assert {who: {each.id for each in held(world, who)} for who in (ANN, BEN, CAT, None)} == {
        ANN: {ids[0]}, BEN: {ids[1], ids[3]}, CAT: set(), None: {ids[2]},
    }  # fmt: skip
    assert held(world, ANN, by="pond-keeper") == held(world, ANN, by=ANN) == held(world, None, by="evaluator") == []


def test_people_who_withdrew_are_on_no_list(world: World):
    story = Story("2 Feb 2026", ["A 2 Feb 2026"])
    tell(world, story)
    with db.transaction() as session:
        session.add(
            Consent(person_id=story.person, kind="service", given_on=day("2 Feb 2026"), recorded_by=world.users[JO])
        )
        session.flush()
        person = session.get(Person, story.person)
        people.withdraw(by=world.user(JO), person=person, withdrawn_on=today(), on_withdrawal="keep")
    assert held(world) == []
    assert hand_overs.leavers(today(), by=world.user(JO)) == []


def test_who_can_take_them_works_at_one_of_their_sites_and_may_still_sign_in(world: World):
    tell(world, Story("2 Feb 2026", ["A 2 Feb 2026"]))
    with db.transaction():
        staff.disable_user(by=world.user("administrator"), user=world.user(CAT), reason="Left")
    names = [each.name for each in hand_overs.takers(held(world), by=world.user(JO))]
    assert names == ["Ben", "Link-Worker", "Supervisor"]
    assert hand_overs.takers(held(world), by=world.user(ANN)) == []
    assert hand_overs.takers([], by=world.user(JO)) == []


@pytest.mark.parametrize(("who", "known"), [(ANN, True), (BEN, True), (JO, True), ("quay-worker", False), ("orchard-worker", False), ("outcome-assessor", False), ("evaluator", False)])  # fmt: skip
def test_a_colleague_is_known_who_works_at_a_supervised_site(world: World, who: str, known: bool):
    asker = world.user(JO)
    if known:
        assert hand_overs.worker(world.users[who], by=asker).id == world.users[who]
    else:
        with pytest.raises(NotFound):
            hand_overs.worker(world.users[who], by=asker)


def test_a_colleague_without_a_role_is_known_by_a_post_or_by_whom_they_hold(world: World):
    post(world, "quay-worker", 0.2, "1 Jan 2026", "31 Jan 2026")
    assert hand_overs.worker(world.users["quay-worker"], by=world.user(JO)).name == "Quay-Worker"
    with db.transaction() as session:
        for membership in session.scalars(select(Membership).where(Membership.user_id == world.users[CAT])):
            session.delete(membership)
    with pytest.raises(NotFound):
        hand_overs.worker(world.users[CAT], by=world.user(JO))
    tell(world, Story("2 Feb 2026", ["C 2 Feb 2026"]))
    assert hand_overs.worker(world.users[CAT], by=world.user(JO)).name == "Cat"


@pytest.mark.parametrize("by", [ANN, "outcome-assessor", "evaluator", "administrator", "pond-keeper"])
def test_nobody_else_learns_who_works_there(world: World, by: str):
    with pytest.raises(NotFound):
        hand_overs.worker(world.users[BEN], by=world.user(by))
    with pytest.raises(NotFound):
        hand_overs.worker(uuid.uuid4(), by=world.user(JO))


# -------------------------------------------------------------------------------------------- who left


def left(world: World, by: str = JO) -> list[tuple[str, int, str]]:
    db.session.rollback()
    return [(each.worker.name, each.referrals, each.why) for each in hand_overs.leavers(today(), by=world.user(by))]


def test_nobody_has_left_who_works_there(world: World):
    tell(world, *(Story("2 Feb 2026", [f"{letter} 2 Feb 2026"]) for letter in "ABCJ"))
    assert left(world) == []


def test_who_left_and_holds_nobody_is_not_mentioned(world: World):
    with db.transaction():
        staff.disable_user(by=world.user("administrator"), user=world.user(BEN), reason="Left")
    assert left(world) == []


def test_an_account_that_was_closed_a_role_and_a_post_that_ended_leave_people_behind(world: World):
    stories = [Story("2 Feb 2026", [f"{letter} 2 Feb 2026"]) for letter in "AABBBC"]
    tell(world, *stories)
    admin = world.user("administrator")
    with db.transaction():
        staff.disable_user(by=admin, user=world.user(ANN), reason="Left")
        (held,) = world.user(BEN).memberships
        staff.end_membership(by=world.user("administrator"), membership=held, reason="Moved")
    post(world, CAT, 0.5, "1 Jan 2026", "28 Feb 2026")
    post(world, CAT, 0.5, "1 Mar 2026", "15 Mar 2026")
    assert left(world) == [
        ("Ben", 3, "the role at the site has ended"),
        ("Cat", 1, "the last post at the site ended on 15 March 2026"),
        ("Link-Worker", 2, "the account is closed"),
    ]
    assert left(world, by="pond-keeper") == left(world, by=BEN) == left(world, by="evaluator") == []


@pytest.mark.parametrize("until", [None, 0, -30])
def test_a_post_that_goes_on_or_ends_today_has_not_ended(world: World, until: int | None):
    tell(world, Story("2 Feb 2026", ["C 2 Feb 2026"]))
    last = None if until is None else today() - timedelta(until)
    post(world, CAT, 0.5, "1 Jan 2026", f"{last.day} {last:%b %Y}" if last else None)
    assert left(world) == []


def test_a_post_at_another_site_keeps_nobody_here(world: World):
    tell(world, Story("2 Feb 2026", ["C 2 Feb 2026"]))
    post(world, CAT, 0.5, "1 Jan 2026", "28 Feb 2026")
    post(world, CAT, 0.5, "1 Jan 2026", site="quay")
    assert [name for name, *_ in left(world)] == ["Cat"]


def asked_with(world: World, n_people: int) -> int:
    tell(world, *(Story("2 Feb 2026", ["A 2 Feb 2026"]) for _ in range(n_people)))
    db.session.rollback()
    asker = world.user(JO)
    with statements() as asked:
        for referral in hand_overs.held_now(world.users[ANN], by=asker):
            assert referral.current.worker.name == "Link-Worker"
            assert referral.person.site.name == "Mill Practice"
        hand_overs.leavers(today(), by=asker)
    return len(asked)


def test_a_long_list_asks_the_database_no_more_often_than_a_short_one(world: World):
    few = asked_with(world, 5)
    assert asked_with(world, 35) == few
