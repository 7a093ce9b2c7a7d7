"""Answering alone, below the pages: who may ask for it, what a link opens and when, and what the record then says."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from tests.world import COMPLETE, World, assessment, days_ago, draft, draft_of
from tracker.actions import audit, care, people, self_completion, staff
from tracker.actions.refusal import Conflict, Refused
from tracker.extensions import db, today
from tracker.models import Assessment, AuditEvent, SelfCompletion, SelfCompletionPart, SignInFailure, Wording, digest_of
from tracker.permissions import Forbidden
from tracker.queries import agenda, alarms, command, scope
from tracker.queries import self_completion as queries

ONS4, PHQ9 = COMPLETE["ons4"], COMPLETE["phq9"]
LONG_AGO = timedelta(days=30)


def ask(world: World, *instruments: str, by: str = "link-worker", person: str = "own", timepoint: str = "6m") -> str:
    """Make a link; gives its token."""
    with db.transaction():
        _, token = self_completion.make_link(
            by=world.user(by),
            person=world.person(person),
            timepoint=timepoint,
            instruments=instruments or ("ons4", "phq9"),
        )
    return token


def open_it(token: str) -> str:
    with db.transaction():
        return self_completion.open_link(by=None, token=token)


def say(cookie: str, part: int, **answers: int | str) -> None:
    """Answer as whoever has this cookie."""
    with db.transaction():
        asked = queries.answering(cookie, by=None)
        self_completion.keep_answer(by=asked.author, asked=asked, number=part, answers=answers)


def send(cookie: str) -> None:
    with db.transaction():
        asked = queries.answering(cookie, by=None)
        self_completion.finish(by=asked.author, asked=asked)


def the_one() -> SelfCompletion:
    db.session.rollback()
    return db.session.scalars(select(SelfCompletion).order_by(SelfCompletion.recorded_at.desc()).limit(1)).one()


def shift(**moments: timedelta) -> None:
    """Move moments of the newest one into the past."""
    with db.transaction():
        asked = db.session.scalars(select(SelfCompletion).order_by(SelfCompletion.recorded_at.desc()).limit(1)).one()
        for name, back in moments.items():
            setattr(asked, name, getattr(asked, name) - back)


def nothing_opens(token: str) -> None:
    with pytest.raises(Refused, match=re.escape(self_completion.NO_LONGER)):
        open_it(token)


def saved(instrument: str) -> Assessment | None:
    db.session.rollback()
    return db.session.scalar(select(Assessment).where(Assessment.instrument == instrument))


# ---------------------------------------------------------------------------------- who may ask, and what


@pytest.mark.parametrize("who", ["link-worker", "supervisor", "outcome-assessor"])
def test_whoever_may_record_outcomes_may_let_the_person_answer(world: World, who: str):
    token = ask(world, by=who)
    assert len(token) >= 40
    assert the_one().recorded_by == world.users[who]


@pytest.mark.parametrize("who", ["quay-worker", "pond-keeper", "orchard-worker", "evaluator", "administrator"])
def test_nobody_else_may(world: World, who: str):
    with pytest.raises(Forbidden):
        ask(world, by=who)


@pytest.mark.parametrize(
    ("instruments", "says"),
    [
        ((), "Choose what the person is asked."),
        (("eq5d-5l",), "EQ-5D-5L cannot be answered alone: its wording is not in this installation"),
        (("ons4", "gad7"), "gad7 cannot be answered alone: it is not planned for this timepoint. Choose others."),
    ],
)
def test_what_cannot_be_answered_alone_is_refused_with_its_reason(
    world: World, instruments: tuple[str, ...], says: str
):
    with pytest.raises(Refused) as refused, db.transaction():
        self_completion.make_link(
            by=world.user("link-worker"), person=world.person("own"), timepoint="6m", instruments=instruments
        )
    assert (refused.value.field, refused.value.message[: len(says)]) == ("instruments", says)


def test_what_is_answered_already_is_refused(world: World):
    with db.transaction():
        assessment(world, "ons4", "6m")
    with pytest.raises(Refused, match="ONS4 cannot be answered alone: it is answered already"):
        ask(world)


def test_the_wording_that_an_administrator_switches_on_makes_an_instrument_answerable(world: World):
    def obstacles() -> dict[str, bool]:
        found = queries.choices(world.person("own"), "6m", by=world.user("link-worker"))
        return {each.occasion.instrument.id: each.obstacle is not None for each in found}

    assert obstacles() == {"ons4": False, "phq9": False, "eq5d-5l": True}
    from tests.integration.tracker.pages.forms import WORDS

    with db.transaction() as session:
        session.add(
            Wording(instrument="eq5d-5l", instrument_version="1", text=WORDS, active=True, recorded_by=world.users["administrator"])
        )  # fmt: skip
    assert obstacles()["eq5d-5l"] is False


def test_a_timepoint_that_is_not_planned_is_unknown(world: World):
    with pytest.raises(scope.NotFound):
        ask(world, timepoint="12m")


def test_whoever_left_the_study_is_asked_nothing_more(world: World):
    with db.transaction():
        people.leave(by=world.user("link-worker"), person=world.person("own"), left_on=days_ago(1), left_reason="moved")
    with pytest.raises(Refused, match="The person left the study"):
        ask(world)


def test_parts_stand_in_the_plan_s_order_whatever_was_ticked_first(world: World):
    ask(world, "phq9", "ons4")
    assert [(part.number, part.instrument) for part in the_one().parts] == [(1, "ons4"), (2, "phq9")]


# ------------------------------------------------------------------------------------- what a link opens


def test_only_a_digest_is_kept_of_the_link_and_then_of_the_cookie_and_then_nothing(world: World):
    token = ask(world)
    assert the_one().digest == digest_of("link", token)
    cookie = open_it(token)
    assert the_one().digest == digest_of("cookie", cookie)
    say(cookie, 1, satisfied=7)
    send(cookie)
    assert the_one().digest is None


def test_a_link_opens_once(world: World):
    token = ask(world)
    open_it(token)
    nothing_opens(token)


def test_a_link_is_no_cookie_and_a_cookie_no_link(world: World):
    token = ask(world)
    with pytest.raises(scope.NotFound):
        queries.answering(token, by=None)
    nothing_opens(open_it(token))


def test_one_cookie_answers_its_own_questions_and_nobody_else_s(world: World):
    first = open_it(ask(world, "ons4"))
    second = open_it(ask(world, "phq9", person="same-site"))
    say(first, 1, happy=3)
    say(second, 1, i1=2)
    assert (draft_of(world, "ons4").answers, draft_of(world, "phq9")) == ({"happy": 3}, None)
    assert draft_of(world, "phq9", "same-site").answers == {"i1": 2}
    with pytest.raises(Conflict):
        say(first, 2, i1=3)


@pytest.mark.parametrize("token", ["", "x", "x" * 43, "\x00", "' OR 1=1 --", "ä" * 50])
def test_what_is_no_link_opens_nothing(world: World, token: str):
    ask(world)
    nothing_opens(token)
    with pytest.raises(scope.NotFound):
        queries.answering(token, by=None)


def test_a_link_opens_nothing_after_a_week(world: World):
    token = ask(world)
    shift(valid_until=timedelta(days=7) - timedelta(minutes=1))
    open_it(token)
    token = ask(world)
    shift(valid_until=timedelta(days=7) + timedelta(minutes=1))
    nothing_opens(token)


@pytest.mark.parametrize(("idle", "live"), [(timedelta(hours=47), True), (timedelta(hours=49), False)])
def test_answers_may_be_left_for_two_days(world: World, idle: timedelta, live: bool):
    cookie = open_it(ask(world))
    shift(seen_at=idle)
    if live:
        say(cookie, 1, happy=3)
    else:
        with pytest.raises(scope.NotFound):
            say(cookie, 1, happy=3)


def test_each_answer_begins_the_two_days_anew_and_a_week_ends_them(world: World):
    cookie = open_it(ask(world))
    for _ in range(3):
        shift(seen_at=timedelta(hours=47), valid_until=timedelta(hours=47))
        say(cookie, 1, happy=3)
    shift(valid_until=timedelta(hours=28))
    with pytest.raises(scope.NotFound):
        queries.answering(cookie, by=None)


@pytest.mark.parametrize(("idle", "live"), [(timedelta(minutes=29), True), (timedelta(minutes=31), False)])
def test_a_device_that_was_handed_over_closes_after_half_an_hour(world: World, idle: timedelta, live: bool):
    with db.transaction():
        _, cookie = self_completion.hand_over(
            by=world.user("link-worker"), person=world.person("own"), timepoint="6m", instruments=["ons4"]
        )
    say(cookie, 1, happy=3)
    shift(seen_at=idle)
    if live:
        say(cookie, 1, happy=4)
    else:
        with pytest.raises(scope.NotFound):
            queries.answering(cookie, by=None)


def test_a_new_link_ends_the_old_one_and_the_answers_are_still_there(world: World):
    lost = ask(world)
    cookie = open_it(lost)
    say(cookie, 1, happy=3)
    again = ask(world, by="supervisor")
    with pytest.raises(scope.NotFound):
        queries.answering(cookie, by=None)
    new = open_it(again)
    say(new, 1, anxious=2)
    assert draft_of(world, "ons4").answers == {"happy": 3, "anxious": 2}


def test_links_of_two_timepoints_stand_beside_each_other(world: World):
    early, late = ask(world, timepoint="baseline"), ask(world)
    say(open_it(early), 1, happy=3)
    say(open_it(late), 1, happy=4)
    assert (draft_of(world, "ons4", timepoint="baseline").answers, draft_of(world, "ons4").answers) == (
        {"happy": 3}, {"happy": 4},
    )  # fmt: skip


def end_it(world: World, who: str = "supervisor") -> None:
    with db.transaction():
        self_completion.end(by=world.user(who), asked=the_one())


ENDINGS = {
    "staff end it": end_it,
    "the person withdraws": lambda world: people.withdraw(
        by=world.user("supervisor"), person=world.person("own"), withdrawn_on=today(), on_withdrawal="keep"
    ),
    "the person leaves": lambda world: people.leave(
        by=world.user("link-worker"), person=world.person("own"), left_on=days_ago(0), left_reason="died"
    ),
    "whoever asked is disabled": lambda world: staff.disable_user(
        by=world.user("administrator"), user=world.user("link-worker"), reason="Left"
    ),
    "whoever asked loses the role": lambda world: staff.end_membership(
        by=world.user("administrator"), membership=world.user("link-worker").memberships[0], reason="Moved"
    ),
}


@pytest.mark.parametrize("what", ENDINGS)
@pytest.mark.parametrize("opened", [False, True], ids=["before it is opened", "while they answer"])
def test_from_then_on_nothing_opens_and_nothing_is_written(world: World, what: str, opened: bool):
    token = ask(world)
    cookie = open_it(token) if opened else ""
    if what == "staff end it":
        end_it(world)
    else:
        with db.transaction():
            ENDINGS[what](world)
    nothing_opens(token)
    with pytest.raises(scope.NotFound):
        say(cookie, 1, happy=1)
    assert draft_of(world, "ons4") is None


def test_ending_twice_tells_the_second(world: World):
    ask(world)
    end_it(world)
    with pytest.raises(Conflict, match="finished or ended already"):
        end_it(world, "link-worker")


@pytest.mark.parametrize("who", ["quay-worker", "evaluator", "administrator"])
def test_nobody_of_elsewhere_sees_or_ends_what_is_open(world: World, who: str):
    ask(world)
    asked, stranger = the_one(), world.user(who)
    with pytest.raises(scope.NotFound):
        queries.one(asked.id, by=stranger)
    with pytest.raises(scope.NotFound):
        queries.current(world.person("own"), by=stranger)
    with pytest.raises(Forbidden), db.transaction():
        self_completion.end(by=world.user(who), asked=the_one())


def test_staff_see_what_is_open_and_what_is_not_any_more(world: World):
    def seen() -> list[tuple[str, bool]]:
        db.session.rollback()
        found = queries.current(world.person("own"), by=world.user("outcome-assessor"))
        return [(each.asked.timepoint, each.asked.opened_at is not None) for each in found]

    ask(world, timepoint="baseline")
    cookie = open_it(ask(world))
    assert seen() == [("6m", True), ("baseline", False)]
    say(cookie, 1, happy=3)
    send(cookie)
    assert seen() == [("baseline", False)]
    shift(seen_at=timedelta())
    with db.transaction():
        db.session.scalars(
            select(SelfCompletion).where(SelfCompletion.timepoint == "baseline")
        ).one().valid_until -= LONG_AGO
    assert seen() == []


@pytest.mark.parametrize(("who", "told"), [("supervisor", "Link-Worker"), ("outcome-assessor", None)])
def test_an_assessor_does_not_learn_that_a_link_worker_made_the_link(world: World, who: str, told: str | None):
    ask(world)
    (found,) = queries.current(world.person("own"), by=world.user(who))
    assert found.author == told


# ------------------------------------------------------------------------------------- what is recorded


def test_whole_answers_become_assessments_by_the_person_themselves(world: World):
    cookie = open_it(ask(world))
    say(cookie, 1, **ONS4)
    say(cookie, 2, **PHQ9)
    assert (saved("ons4"), saved("phq9")) == (None, None)
    send(cookie)
    for instrument in ("ons4", "phq9"):
        made = saved(instrument)
        assert (made.status, made.mode, made.respondent, made.assessed_on) == ("complete", "online", "self", today())
        assert {each.item: each.value for each in made.responses} == COMPLETE[instrument]
        assert draft_of(world, instrument) is None


def test_what_was_left_out_or_not_said_is_kept_as_that(world: World):
    cookie = open_it(ask(world, "ons4"))
    say(cookie, 1, satisfied=7, happy="prefer-not-to-say")
    send(cookie)
    made = saved("ons4")
    assert made.status == "partial"
    assert {each.item: each.said for each in made.responses} == {
        "satisfied": 7, "happy": "prefer-not-to-say", "worthwhile": "not-answered", "anxious": "not-answered",
    }  # fmt: skip


def test_a_part_without_any_answer_stays_due(world: World):
    cookie = open_it(ask(world))
    say(cookie, 1, **ONS4)
    say(cookie, 2, i1="prefer-not-to-say")
    send(cookie)
    assert saved("ons4") is not None
    assert saved("phq9") is None
    assert draft_of(world, "phq9").answers == {"i1": "prefer-not-to-say"}


def test_what_staff_record_meanwhile_is_not_asked_or_written_over(world: World):
    cookie = open_it(ask(world))
    say(cookie, 2, i1=3)
    with db.transaction():
        assessment(world, "phq9", "6m")
    with pytest.raises(Conflict, match="answered meanwhile"):
        say(cookie, 2, i1=2)
    say(cookie, 1, **ONS4)
    send(cookie)
    assert {each.item: each.value for each in saved("phq9").responses} == PHQ9
    assert saved("ons4").mode == "online"


def test_an_answer_that_is_none_is_refused(world: World):
    cookie = open_it(ask(world))
    with pytest.raises(Refused):
        say(cookie, 1, happy=11)
    assert draft_of(world, "ons4") is None


def test_only_whoever_asked_writes_for_the_person(world: World):
    open_it(ask(world))
    for write in (
        lambda asked: self_completion.keep_answer(
            by=world.user("supervisor"), asked=asked, number=1, answers={"happy": 1}
        ),
        lambda asked: self_completion.finish(by=world.user("supervisor"), asked=asked),
        lambda asked: self_completion.stop(by=world.user("supervisor"), asked=asked),
    ):
        with pytest.raises(Forbidden), db.transaction():
            write(the_one())


def test_stopping_keeps_the_answers_and_closes_the_cookie(world: World):
    cookie = open_it(ask(world))
    say(cookie, 1, happy=3)
    with db.transaction():
        asked = queries.answering(cookie, by=None)
        self_completion.stop(by=asked.author, asked=asked)
    with pytest.raises(scope.NotFound):
        queries.answering(cookie, by=None)
    assert draft_of(world, "ons4").answers == {"happy": 3}
    assert the_one().finished_at is None


def test_the_trail_tells_how_the_answers_came_and_keeps_no_token(world: World):
    token = ask(world)
    cookie = open_it(token)
    say(cookie, 1, happy=3)
    send(cookie)
    events = db.session.scalars(select(AuditEvent).order_by(AuditEvent.number.desc()).limit(5)).all()[::-1]
    assert [(each.action, each.reason) for each in events] == [
        ("ask_alone", None), ("open_self_completion", None), ("keep_answers", "Self-completion"),
        ("record_assessment", "Self-completion"), ("finish_self_completion", None),
    ]  # fmt: skip
    assert {each.actor_id for each in events} == {world.users["link-worker"]}
    assert json.loads(events[0].after)["instruments"] == ["ons4", "phq9"]
    everything = "".join(f"{each.before}{each.after}" for each in events)
    secrets = (token, cookie, digest_of("link", token), digest_of("cookie", cookie))
    assert not [secret for secret in secrets if secret in everything]
    assert list(audit.faults(iter(command.trail(by=None)))) == []


# --------------------------------------------------------------------------------------------- safety


def reasons(world: World, person: str = "own") -> tuple[str, ...]:
    db.session.rollback()
    by = world.user("link-worker")
    return {entry.row.person.id: entry.reasons for entry in agenda.agenda(today(), by=by)}[world.people[person]]


def test_an_alarming_answer_stands_on_the_worker_s_list_before_the_form_is_finished(world: World):
    cookie = open_it(ask(world))
    assert "safety" not in reasons(world)
    say(cookie, 2, i9=1)
    assert reasons(world)[0] == "safety"


def test_it_stands_there_though_the_person_stops_or_the_link_ends(world: World):
    cookie = open_it(ask(world))
    say(cookie, 2, i9=1)
    end_it(world)
    assert reasons(world)[0] == "safety"


def test_sent_answers_alarm_like_any_others(world: World):
    cookie = open_it(ask(world))
    say(cookie, 2, **PHQ9 | {"i9": 2})
    send(cookie)
    (alarm,) = alarms.alarms([world.person("own")], by=world.user("link-worker"))[world.people["own"]]
    assert (alarm.instrument, alarm.assessment, alarm.answered_on) == ("phq9", saved("phq9").id, today())


def names(found: Sequence[Any]) -> list[str]:
    return [each.label for each in found]


def test_somebody_whom_no_link_worker_holds_is_told_of_too(world: World):
    """Followed for comparison, or closed: they stand on no caseload."""
    assert names(alarms.alarmed_off_caseload(by=world.user("pond-keeper"))) == []
    cookie = open_it(ask(world, "phq9", by="pond-keeper", person="compared"))
    say(cookie, 1, i9=3)
    db.session.rollback()
    assert names(alarms.alarmed_off_caseload(by=world.user("pond-keeper"))) == ["Person Compared"]
    assert names(alarms.alarmed_off_caseload(by=world.user("link-worker"))) == []
    say(open_it(ask(world, "phq9")), 1, i9=1)
    assert names(alarms.alarmed_off_caseload(by=world.user("link-worker"))) == [], "the caseload itself tells it"
    with db.transaction():
        care.close_referral(
            by=world.user("link-worker"), referral=world.referral("own"), closed_on=today(), closure_reason="completed"
        )
    assert names(alarms.alarmed_off_caseload(by=world.user("link-worker"))) == ["Person Own"]


def test_an_assessor_is_told_of_everybody_at_their_site(world: World):
    say(open_it(ask(world, "phq9", by="outcome-assessor")), 1, i9=1)
    db.session.rollback()
    assert names(alarms.alarmed_people(by=world.user("outcome-assessor"))) == ["Person Own"]
    for stranger in ("quay-worker", "pond-keeper", "orchard-worker", "evaluator", "administrator"):
        assert names(alarms.alarmed_people(by=world.user(stranger))) == []


@pytest.mark.parametrize(("days", "told"), [(28, True), (29, False)])
def test_that_list_is_of_four_weeks(world: World, days: int, told: bool):
    with db.transaction():
        draft(world, {"i9": 1})
        draft_of(world).recorded_at = datetime.now(UTC) - timedelta(days=days)
    db.session.rollback()
    assert bool(alarms.alarmed_people(by=world.user("outcome-assessor"))) is told


def test_a_later_harmless_answer_takes_somebody_off_it(world: World):
    with db.transaction():
        assessment(world, "phq9", "baseline", responses=PHQ9 | {"i9": 3})
        assessment(world, "phq9", "6m", responses=PHQ9)
    assert alarms.alarmed_people(by=world.user("outcome-assessor")) == []


@pytest.mark.parametrize("gone", ["withdrawn", "left"])
def test_whoever_withdrew_or_left_is_not_on_it(world: World, gone: str):
    with db.transaction():
        draft(world, {"i9": 1})
    with db.transaction():
        if gone == "left":
            people.leave(by=world.user("link-worker"), person=world.person("own"), left_on=today(), left_reason="moved")
        else:
            people.withdraw(
                by=world.user("supervisor"), person=world.person("own"), withdrawn_on=today(), on_withdrawal="keep"
            )
    assert alarms.alarmed_people(by=world.user("outcome-assessor")) == []


# ---------------------------------------------------------------------------------- guesses and crowds


def guess(address: str, times: int) -> None:
    for _ in range(times):
        with db.transaction():
            self_completion.note_guess(by=None, address=address)


def test_guessing_waits_after_twenty_and_only_where_it_is_done(world: World):
    guess("192.0.2.1", 19)
    assert self_completion.wait_before_guess(by=None, address="192.0.2.1") == timedelta()
    guess("192.0.2.1", 1)
    wait = self_completion.wait_before_guess(by=None, address="192.0.2.1")
    assert timedelta(seconds=25) < wait <= timedelta(seconds=30)
    assert self_completion.wait_before_guess(by=None, address="192.0.2.2") == timedelta()


def test_what_is_kept_of_a_guess_is_no_address_and_not_for_long(world: World):
    guess("192.0.2.1", 2)
    kept = db.session.scalars(select(SignInFailure.digest)).all()
    assert len(set(kept)) == 1
    assert "192" not in kept[0][:6]
    with db.transaction() as session:
        for each in session.scalars(select(SignInFailure)):
            each.failed_at -= timedelta(minutes=16)
    guess("192.0.2.9", 1)
    assert db.session.scalar(select(func.count()).select_from(SignInFailure)) == 1


def test_nothing_of_it_may_ever_be_exported():
    tables = (SelfCompletion.__table__, SelfCompletionPart.__table__)
    classes = {column.name: column.info["privacy"] for table in tables for column in table.columns}
    assert classes["digest"] == "never"
    assert "research" not in classes.values()
