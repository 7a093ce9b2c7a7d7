"""A referral from its intake to its end: needs, answers and attempts, hand-overs, closing and reopening."""

from __future__ import annotations

import contextlib
from datetime import date
from typing import Any

import pytest
from sqlalchemy import func, select

from tests.world import World, days_ago
from tracker.actions import care, people
from tracker.actions.refusal import Conflict, Refused
from tracker.extensions import db, today
from tracker.models import Assignment, AuditEvent, Condition, Need, Person, Referral, Reopening
from tracker.permissions import Forbidden
from tracker.queries import caseload


def refer(world: World, person: str = "own", **given: Any) -> Referral:
    """A referral of three weeks ago, made by the link worker."""
    facts = {"source": "gp", "referred_on": days_ago(21), "status": "offered"} | given
    return care.record_referral(by=world.user("link-worker"), person=world.person(person), **facts)


def offered(world: World, **given: Any) -> Any:
    """The id of a referral that nobody has answered."""
    with db.transaction():
        return refer(world, **given).id


def needs_of(id: Any) -> set[str]:
    db.session.rollback()
    return set(db.session.scalars(select(Need.need).where(Need.referral_id == id)))


def events(action: str) -> list[AuditEvent]:
    return list(db.session.scalars(select(AuditEvent).where(AuditEvent.action == action)))


def answer(world: World, id: Any, status: str = "declined", **given: Any) -> None:
    referral = db.session.get(Referral, id)
    facts = {"version": referral.version, "decided_on": today(), "answer_reason": "not-now"} | given
    care.answer_referral(by=world.user("link-worker"), referral=referral, status=status, **facts)


# ------------------------------------------------------------------------------------------- needs


def test_a_referral_is_about_as_many_needs_as_there_are(world: World):
    assert needs_of(offered(world, needs=["money", "housing", "loneliness"])) == {"money", "housing", "loneliness"}


def test_a_need_that_is_named_twice_stands_once(world: World):
    assert needs_of(offered(world, needs=["money", "money"])) == {"money"}


def test_needs_change_and_the_trail_keeps_both(world: World):
    id = offered(world, needs=["money", "housing"])
    with db.transaction():
        referral = db.session.get(Referral, id)
        care.set_needs(
            by=world.user("supervisor"), referral=referral, version=referral.version, needs=["housing", "food"]
        )
    assert needs_of(id) == {"housing", "food"}
    (gone,) = events("remove_need")
    assert '"need":"money"' in gone.before
    assert gone.actor_id == world.users["supervisor"]


def test_whoever_changes_needs_that_somebody_changed_meanwhile_is_told(world: World):
    id = offered(world, needs=["money"])
    with db.transaction():
        referral = db.session.get(Referral, id)
        seen = referral.version
        care.set_needs(by=world.user("link-worker"), referral=referral, version=seen, needs=["food"])
    with pytest.raises(Conflict, match="Somebody else changed"), db.transaction():
        care.set_needs(
            by=world.user("supervisor"), referral=db.session.get(Referral, id), version=seen, needs=["legal"]
        )
    assert needs_of(id) == {"food"}


def test_a_need_that_nobody_knows_is_refused_and_nothing_is_kept(world: World):
    before = db.session.scalar(select(func.count()).select_from(Referral))
    with pytest.raises(Refused, match="database refused"), db.transaction():
        refer(world, needs=["money", "a-new-car"])
    assert db.session.scalar(select(func.count()).select_from(Referral)) == before


@pytest.mark.parametrize("name", ["outcome-assessor", "evaluator", "administrator", "quay-worker", "orchard-worker"])
def test_only_staff_who_care_for_people_at_the_site_change_a_referral(world: World, name: str):
    by, referral = world.user(name), world.referral("own")
    attempts = (
        lambda: care.set_needs(by=by, referral=referral, version=1, needs=[]),
        lambda: care.note_attempt(by=by, referral=referral, version=1, tried_on=today(), attempts=1),
        lambda: care.answer_referral(by=by, referral=referral, version=1, status="accepted", decided_on=today()),
        lambda: care.reopen_referral(by=by, referral=referral, reopened_on=today(), reason="x"),
        lambda: people.correct_entry_facts(
            by=by, person=world.person("own"), version=1, conditions=[], known={"ltc_count": None}
        ),
    )
    for attempt in attempts:
        with pytest.raises(Forbidden), db.transaction():
            attempt()


# -------------------------------------------------------------------------------------- conditions


@pytest.mark.parametrize(
    ("named", "count", "kept"),
    [([], None, None), ([], 0, 0), ([], 3, 3), (["asthma", "gout"], None, 2), (["asthma"], 1, 1), (["asthma"], 5, 5)],
)
def test_the_number_of_conditions_counts_at_least_those_that_are_named(
    world: World, named: list[str], count: int | None, kept: int | None
):
    with db.transaction():
        person = people.add_person(
            by=world.user("link-worker"), study=world.study(), site=world.site("mill"), entered_on=today(),
            facts_at_entry={"ltc_count": count}, conditions=named,
        )  # fmt: skip
        id = person.id
    assert db.session.get(Person, id).ltc_count == kept
    assert set(db.session.scalars(select(Condition.condition).where(Condition.person_id == id))) == set(named)


def test_fewer_in_all_than_are_named_is_refused_beside_the_number(world: World):
    with pytest.raises(Refused, match=r"2 are named above\. Enter 2 or more") as refused, db.transaction():
        people.add_person(
            by=world.user("link-worker"), study=world.study(), site=world.site("mill"), entered_on=today(),
            facts_at_entry={"ltc_count": 1}, conditions=["asthma", "gout"],
        )  # fmt: skip
    assert refused.value.field == "ltc_count"


def test_conditions_are_corrected_with_the_number_and_the_trail_keeps_both(world: World):
    with db.transaction():
        person = world.person("own")
        people.correct_entry_facts(
            by=world.user("link-worker"), person=person, version=person.version, conditions=["asthma", "copd", "hiv"],
            known={"ltc_count": None},
        )  # fmt: skip
    with db.transaction():
        person = world.person("own")
        assert person.ltc_count == 3
        people.correct_entry_facts(
            by=world.user("link-worker"),
            person=person,
            version=person.version,
            conditions=["copd"],
            known={"ltc_count": 1},
        )
    assert [each.condition for each in world.person("own").conditions] == ["copd"]
    assert sorted(each.before.split('"condition":"')[1].split('"')[0] for each in events("remove_condition")) == [
        "asthma",
        "hiv",
    ]
    assert '"ltc_count":3' in events("correct_entry_facts")[1].before


def test_whoever_corrects_conditions_that_somebody_corrected_meanwhile_is_told(world: World):
    person = world.person("own")
    seen = person.version
    with db.transaction():
        people.correct_entry_facts(
            by=world.user("supervisor"),
            person=world.person("own"),
            version=seen,
            conditions=["asthma"],
            known={"ltc_count": 2},
        )
    with pytest.raises(Conflict, match="Somebody else changed"), db.transaction():
        people.correct_entry_facts(
            by=world.user("link-worker"),
            person=world.person("own"),
            version=seen,
            conditions=[],
            known={"ltc_count": 2},
        )
    assert [each.condition for each in world.person("own").conditions] == ["asthma"]


# ----------------------------------------------------------------------------------------- answers


@pytest.mark.parametrize(
    ("status", "reason", "says"),
    [
        ("declined", None, "Choose why"), ("unreachable", None, "Choose why"),
        ("declined", "no-answer", "'No answer' does not go with 'Declined'"),
        ("unreachable", "not-wanted", "'Does not want this support' does not go with 'Could not be reached'"),
        ("accepted", "moved", "A reason is for a referral that was not accepted"),
    ],
)  # fmt: skip
def test_a_reason_goes_with_its_answer(world: World, status: str, reason: str | None, says: str):
    id = offered(world)
    with pytest.raises(Refused, match=says) as refused, db.transaction():
        answer(world, id, status, answer_reason=reason)
    assert refused.value.field == "answer_reason"
    with pytest.raises(Refused, match=says), db.transaction():
        refer(world, status=status, answer_reason=reason)


@pytest.mark.parametrize(
    ("status", "reason"), [("declined", "has-support"), ("unreachable", "no-answer"), ("accepted", None)]
)
def test_an_answer_keeps_its_day_its_reason_and_the_attempts_it_took(world: World, status: str, reason: str | None):
    id = offered(world)
    with db.transaction():
        answer(world, id, status, answer_reason=reason, attempts=3, decided_on=days_ago(2))
    saved = db.session.get(Referral, id)
    assert (saved.status, saved.answer_reason, saved.attempts, saved.decided_on) == (status, reason, 3, days_ago(2))


def test_somebody_who_was_not_reached_stays_unanswered_and_every_attempt_counts(world: World):
    id, worker = offered(world), world.user("link-worker")
    for tries, (attempts, day) in enumerate([(None, 9), (None, 8), (5, 3)], start=1):
        with db.transaction():
            referral = db.session.get(Referral, id)
            care.note_attempt(
                by=worker, referral=referral, version=referral.version, tried_on=days_ago(day), attempts=attempts
            )
        saved = db.session.get(Referral, id)
        assert (saved.status, saved.attempts, saved.tried_on) == ("offered", attempts or tries, days_ago(day))
    with db.transaction():
        answer(world, id, "unreachable", answer_reason="no-answer")
    assert db.session.get(Referral, id).attempts == 5


@pytest.mark.parametrize("attempts", [1, 51, -1])
def test_attempts_do_not_become_fewer_or_too_many(world: World, attempts: int):
    id, worker = offered(world), world.user("link-worker")
    with db.transaction():
        referral = db.session.get(Referral, id)
        care.note_attempt(by=worker, referral=referral, version=referral.version, tried_on=today(), attempts=2)
    with pytest.raises(Refused, match=r"Enter 2 to 50 attempts: 2 are recorded already\.") as refused, db.transaction():
        answer(world, id, attempts=attempts)
    assert refused.value.field == "attempts"


@pytest.mark.parametrize("day", [22, -1])
def test_an_attempt_lies_between_the_referral_and_today(world: World, day: int):
    id = offered(world)
    with pytest.raises(Refused, match="between the referral and today") as refused, db.transaction():
        care.note_attempt(
            by=world.user("link-worker"), referral=db.session.get(Referral, id), version=1, tried_on=days_ago(day),
            attempts=1,
        )  # fmt: skip
    assert refused.value.field == "decided_on"


def test_two_who_write_down_one_attempt_at_once_do_not_count_it_twice(world: World):
    id = offered(world)
    seen = db.session.get(Referral, id).version
    for name, refused in (("link-worker", False), ("supervisor", True)):
        try:
            with db.transaction():
                referral = db.session.get(Referral, id)
                care.note_attempt(by=world.user(name), referral=referral, version=seen, tried_on=today(), attempts=1)
        except Conflict:
            assert refused
    assert db.session.get(Referral, id).attempts == 1


# ----------------------------------------------------------------------------------- unanswered


def test_unanswered_referrals_are_late_after_five_working_days_and_the_longest_waits_first(world: World):
    days = {offered(world, referred_on=days_ago(age)): age for age in (1, 30, 12)}
    rows = caseload.unanswered_referrals(by=world.user("link-worker"))
    assert [days[row.referral.id] for row in rows] == [30, 12, 1]
    assert [row.late for row in rows] == [True, True, False]


@pytest.mark.parametrize(
    ("first", "last", "days"),
    [
        (date(2026, 11, 23), date(2026, 11, 23), 0), (date(2026, 11, 23), date(2026, 11, 27), 4),
        (date(2026, 11, 27), date(2026, 11, 30), 1), (date(2026, 11, 27), date(2026, 11, 29), 0),
        (date(2026, 11, 28), date(2026, 11, 30), 1), (date(2026, 11, 23), date(2026, 11, 30), 5),
        (date(2026, 11, 29), date(2026, 12, 6), 5), (date(2026, 11, 2), date(2026, 11, 30), 20),
        (date(2026, 12, 31), date(2027, 1, 1), 1),
    ],
)  # fmt: skip
def test_days_are_counted_from_monday_to_friday(first: date, last: date, days: int):
    assert caseload._working_days(first, last) == days


def test_working_days_agree_with_counting_them_one_by_one():
    from datetime import timedelta

    first = date(2026, 2, 23)
    for start in range(7):
        begin = first + timedelta(start)
        for length in range(40):
            counted = sum((begin + timedelta(step)).isoweekday() <= 5 for step in range(1, length + 1))
            assert caseload._working_days(begin, begin + timedelta(length)) == counted


@pytest.mark.parametrize("name", ["quay-worker", "orchard-worker", "pond-keeper", "outcome-assessor", "evaluator"])
def test_nobody_elsewhere_learns_of_an_unanswered_referral(world: World, name: str):
    offered(world)
    assert caseload.unanswered_referrals(by=world.user(name)) == []


def test_somebody_who_withdraws_waits_no_longer(world: World):
    offered(world, person="same-site")
    with db.transaction():
        people.withdraw(
            by=world.user("supervisor"), person=world.person("same-site"), withdrawn_on=today(), on_withdrawal="keep"
        )
    assert caseload.unanswered_referrals(by=world.user("supervisor")) == []


# --------------------------------------------------------------------------------------- hand-over


def test_whoever_hands_over_a_referral_that_somebody_handed_over_meanwhile_is_told(world: World):
    seen = world.referral("own").version
    with db.transaction():
        care.assign(
            by=world.user("supervisor"), referral=world.referral("own"), worker=world.user("supervisor"),
            from_on=days_ago(2), version=seen,
        )  # fmt: skip
    with pytest.raises(Conflict, match="Somebody else changed"), db.transaction():
        care.assign(
            by=world.user("link-worker"), referral=world.referral("own"), worker=world.user("link-worker"),
            from_on=today(), version=seen,
        )  # fmt: skip
    assert world.referral("own").current.worker_id == world.users["supervisor"]


def test_whoever_holds_it_does_not_take_it_over_from_themselves(world: World):
    with pytest.raises(Refused, match="Link-Worker holds this referral already") as refused, db.transaction():
        care.assign(
            by=world.user("supervisor"),
            referral=world.referral("own"),
            worker=world.user("link-worker"),
            from_on=today(),
        )
    assert refused.value.field == "worker"


@pytest.mark.parametrize(("days", "allowed"), [(8, False), (6, False), (5, True), (0, True), (-1, False)])
def test_nobody_holds_a_referral_before_it_was_accepted(world: World, days: int, allowed: bool):
    # Given somebody who was referred eight days ago and accepted five days ago
    id = offered(world, referred_on=days_ago(8))
    with db.transaction():
        answer(world, id, "accepted", decided_on=days_ago(5), answer_reason=None)

    def take() -> None:
        with db.transaction():
            worker = world.user("link-worker")
            care.assign(by=worker, referral=db.session.get(Referral, id), worker=worker, from_on=days_ago(days))

    # When a worker takes them, then not from a day before
    if allowed:
        take()
    else:
        with pytest.raises(Refused, match="the answer or the referral and today") as refused:
            take()
        assert refused.value.field == "from_on"
    db.session.rollback()
    assert len(db.session.get(Referral, id).assignments) == allowed


# ---------------------------------------------------------------------------------- reopening


def close(world: World, days: int, person: str = "own") -> None:
    with db.transaction():
        care.close_referral(
            by=world.user("link-worker"), referral=world.referral(person), closed_on=days_ago(days),
            closure_reason="completed",
        )  # fmt: skip


def reopen(world: World, days: int, by: str = "supervisor") -> None:
    with db.transaction():
        care.reopen_referral(
            by=world.user(by), referral=world.referral("own"), reopened_on=days_ago(days), reason="It was too early"
        )


def test_a_reopened_referral_goes_on_and_its_closing_stays_written(world: World):
    close(world, 60)
    reopen(world, 40)
    referral = world.referral("own")
    assert (referral.closed_on, referral.closure_reason) == (None, None)
    assert [(each.closed_on, each.closure_reason, each.reopened_on) for each in referral.reopenings] == [
        (days_ago(60), "completed", days_ago(40))
    ]
    assert [(each.worker_id, each.from_on, each.until_on) for each in referral.assignments] == [
        (world.users["link-worker"], days_ago(200), days_ago(60)),
        (world.users["supervisor"], days_ago(40), None),
    ]
    (event,) = events("reopen_referral")
    assert event.reason == "It was too early"


def test_a_referral_is_closed_and_reopened_as_often_as_it_takes(world: World):
    for closed, again in ((100, 90), (70, 65), (30, 30)):
        close(world, closed)
        reopen(world, again)
    close(world, 5)
    assert len(world.referral("own").reopenings) == 3
    assert (
        db.session.scalar(
            select(func.count()).select_from(Assignment).where(Assignment.referral_id == world.referrals["own"])
        )
        == 4
    )


@pytest.mark.parametrize(
    ("closed", "again", "says"),
    [
        (60, 61, "between the closing and today"), (60, -1, "between the closing and today"),
        (120, 29, "more than 90 days before that day. Record a new referral instead."),
    ],
)  # fmt: skip
def test_a_reopening_lies_within_its_period(world: World, closed: int, again: int, says: str):
    close(world, closed)
    with pytest.raises(Refused, match=says) as refused:
        reopen(world, again)
    assert refused.value.field == "reopened_on"
    assert world.referral("own").closed_on == days_ago(closed)
    assert db.session.scalar(select(func.count()).select_from(Reopening)) == 0


def test_the_last_day_of_the_period_is_a_day_of_it(world: World):
    close(world, 120)
    reopen(world, 30)
    assert world.referral("own").closed_on is None


def test_what_is_open_is_not_reopened(world: World):
    with pytest.raises(Conflict, match="This referral is open"):
        reopen(world, 0)


def test_what_was_reopened_is_not_closed_before_that(world: World):
    close(world, 60)
    reopen(world, 40)
    with pytest.raises(Refused, match=f"between {days_ago(40):%-d %B %Y}, when the referral was reopened, and today"):
        close(world, 41)


def test_what_was_accepted_late_is_not_closed_before_that(world: World):
    by = world.user("link-worker")
    with db.transaction():
        offer = care.record_referral(
            by=by, person=world.person("own"), source="gp", referred_on=days_ago(30), status="offered"
        )
        care.answer_referral(
            by=by, referral=offer, version=offer.version, status="accepted", decided_on=days_ago(10)
        )  # fmt: skip
        id = offer.id
    for day, allowed in ((11, False), (10, True)):
        with contextlib.nullcontext() if allowed else pytest.raises(Refused) as refused, db.transaction():
            care.close_referral(
                by=by, referral=db.session.get(care.Referral, id), closed_on=days_ago(day), closure_reason="completed"
            )
        if not allowed:
            assert f"between {days_ago(10):%-d %B %Y}, when the referral was answered, and today" in str(refused.value)
    assert db.session.get(care.Referral, id).closed_on == days_ago(10)


def test_an_offer_that_nobody_answered_can_be_closed_from_the_day_it_was_made(world: World):
    by = world.user("link-worker")
    with db.transaction():
        offer = care.record_referral(
            by=by, person=world.person("own"), source="gp", referred_on=days_ago(3), status="offered"
        )
    with pytest.raises(Refused, match=f"between {days_ago(3):%-d %B %Y}, when the referral was made"), db.transaction():
        care.close_referral(by=by, referral=offer, closed_on=days_ago(4), closure_reason="completed")
    with db.transaction():
        care.close_referral(by=by, referral=offer, closed_on=days_ago(3), closure_reason="completed")
    assert offer.closed_on == days_ago(3)


def test_the_reason_of_a_reopening_is_withheld_from_the_trail_as_text(world: World):
    close(world, 60)
    reopen(world, 40)
    (event,) = events("record_reopening")
    assert "too early" not in event.after
    assert "(withheld " in event.after
