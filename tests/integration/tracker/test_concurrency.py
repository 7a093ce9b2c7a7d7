"""Several people at once: one of two wins, the other is told; nothing is counted twice, lost or left half-done."""

from __future__ import annotations

import random
import time
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from sqlalchemy import func, select

from instruments import get
from tests.world import COMPLETE, PASSWORD, World, contact, days_ago, signpost
from tracker.actions import audit, care, invitations, outcomes, people, second_factor, self_completion, staff
from tracker.actions.refusal import Conflict, Refused
from tracker.extensions import db, today
from tracker.models import (
    Assessment,
    Assignment,
    AuditEvent,
    Contact,
    DraftResponse,
    ItemResponse,
    Membership,
    Person,
    Post,
    RecoveryCode,
    Referral,
    SelfCompletion,
    ServiceUse,
    Signpost,
)
from tracker.queries import care as care_queries
from tracker.queries import command
from tracker.queries import self_completion as self_completion_queries
from tracker.queries.scope import NotFound

Work = Callable[[], Any]


@pytest.fixture(autouse=True)
def the_trail_is_whole(world: World):
    yield
    db.session.rollback()
    events = list(command.trail(by=None))
    assert list(audit.faults(iter(events))) == []


def count(kind: type[Any], *conditions: Any) -> int:
    return db.session.scalar(select(func.count()).select_from(kind).where(*conditions)) or 0


def refused(gave: Sequence[Any]) -> list[Any]:
    return [each for each in gave if isinstance(each, Exception)]


def answer(world: World, id: uuid.UUID, who: str, outcome: str) -> Work:
    """Write what came of a signpost, as seen on a page of version 1."""

    def work() -> str:
        care.answer_signpost(by=world.user(who), signpost=db.session.get(Signpost, id), version=1, outcome=outcome)
        return outcome

    return work


def test_of_two_who_answer_one_signpost_one_is_kept_and_the_other_is_told(world: World, at_once):
    with db.transaction():
        id = signpost(world).id
    gave = at_once([answer(world, id, "link-worker", "attended"), answer(world, id, "supervisor", "declined")])
    (told,) = refused(gave)
    assert isinstance(told, Conflict)
    assert "Somebody else changed" in str(told)
    kept = db.session.get(Signpost, id)
    assert (kept.outcome, kept.version) == (next(each for each in gave if isinstance(each, str)), 2)
    assert count(AuditEvent, AuditEvent.action == "answer_signpost") == 1


def test_of_eight_who_answer_one_signpost_one_is_kept(world: World, at_once):
    with db.transaction():
        id = signpost(world).id
    gave = at_once([answer(world, id, "supervisor", outcome) for outcome in ("attended", "declined") * 4])
    assert [type(each) for each in refused(gave)] == [Conflict] * 7
    assert db.session.get(Signpost, id).version == 2


def log(world: World, key: uuid.UUID, minutes: int = 30) -> Work:
    def work() -> uuid.UUID:
        made = care.record_contact(
            by=world.user("link-worker"), referral=world.referral("own"), client_key=key, contacted_on=days_ago(2),
            mode="phone", attendance="attended", minutes=minutes,
        )  # fmt: skip
        return made.id

    return work


def test_one_contact_sent_six_times_at_once_is_one_contact(world: World, at_once):
    gave = at_once([log(world, uuid.uuid4())] * 6)
    assert refused(gave) == []
    assert len(set(gave)) == 1
    assert (count(Contact), count(AuditEvent, AuditEvent.action == "record_contact")) == (1, 1)


def test_one_key_with_two_contents_at_once_keeps_one_and_tells_the_other(world: World, at_once):
    key = uuid.uuid4()
    gave = at_once([log(world, key, 30), log(world, key, 45)])
    (told,) = refused(gave)
    assert isinstance(told, Conflict)
    assert db.session.scalars(select(Contact.minutes)).all() == [45 if isinstance(gave[0], Conflict) else 30]


def add(world: World, study: str = "garden") -> Work:
    def work() -> str:
        by = {"garden": "link-worker", "orchard": "orchard-worker"}[study]
        person = people.add_person(
            by=world.user(by), study=world.study(study), site=world.site("mill"), entered_on=today(),
            identity=people.IdentityFacts("New Person"),
        )  # fmt: skip
        return person.study_number

    return work


def test_study_numbers_given_at_once_are_each_others_neighbours(world: World, at_once):
    """Unique and without a gap in each of two studies, though eight people add at the same moment."""
    before = {study: count(Person, Person.study_id == world.studies[study]) for study in ("garden", "orchard")}
    gave = at_once([add(world), add(world, "orchard")] * 4)
    assert refused(gave) == []
    for study, numbers in (("garden", gave[::2]), ("orchard", gave[1::2])):
        assert sorted(numbers) == [f"P{before[study] + n:05d}" for n in range(1, 5)]


def test_a_person_who_was_refused_leaves_no_gap(world: World, at_once):
    def spoilt() -> None:
        add(world)()
        raise Refused("form", "changed my mind")

    gave = at_once([add(world), spoilt, add(world), spoilt])
    numbers = sorted(int(each[1:]) for each in gave if isinstance(each, str))
    total = count(Person, Person.study_id == world.studies["garden"])
    assert numbers == [total - 1, total]


def test_a_number_that_an_import_took_is_passed_over(world: World):
    taken = f"P{count(Person, Person.study_id == world.studies['garden']) + 2:05d}"
    with db.transaction():
        people.add_person(
            by=world.user("link-worker"), study=world.study(), site=world.site("mill"), entered_on=today(),
            study_number=taken,
        )  # fmt: skip
    with db.transaction():
        given = [add(world)(), add(world)()]
    assert taken not in given
    assert len(set(given)) == 2


def assess(world: World, key: uuid.UUID, who: str = "outcome-assessor", first: int = 1) -> Work:
    def work() -> uuid.UUID:
        made = outcomes.record_assessment(
            by=world.user(who), person=world.person("own"), instrument=get("phq9"), client_key=key,
            responses=COMPLETE["phq9"] | {"i1": first},
            administration=outcomes.Administration("baseline", days_ago(199), "in-person", "self"),
        )  # fmt: skip
        return made.id

    return work


def test_one_occasion_answered_by_two_people_at_once_is_kept_once_and_whole(world: World, at_once):
    gave = at_once([assess(world, uuid.uuid4(), "outcome-assessor", 0), assess(world, uuid.uuid4(), "link-worker", 3)])
    (told,) = refused(gave)
    assert isinstance(told, Refused)
    assert (count(Assessment), count(ItemResponse)) == (1, 9)
    answered = db.session.scalars(select(ItemResponse.value).where(ItemResponse.item == "i1")).one()
    assert answered == (3 if gave[0] is told else 0)


def close(world: World) -> Work:
    return lambda: care.close_referral(
        by=world.user("link-worker"), referral=care_queries.referral(world.referrals["own"], by=world.user("link-worker")),
        closed_on=today(), closure_reason="completed",
    )  # fmt: skip


def hand_over(world: World, to: str) -> Work:
    return lambda: care.assign(
        by=world.user("supervisor"), referral=world.referral("own"), worker=world.user(to), from_on=days_ago(1)
    )


def current() -> int:
    return count(Assignment, Assignment.until_on.is_(None), Assignment.referral_id == db.session.scalar(OWN))


OWN = select(Referral.id).join(Person).where(Person.study_number == "P00001").order_by(Referral.referred_on).limit(1)


@pytest.mark.parametrize("attempt", range(3))
def test_a_referral_handed_over_twice_at_once_is_held_by_one(world: World, at_once, attempt: int):
    gave = at_once([hand_over(world, "supervisor"), hand_over(world, "link-worker")])
    assert [each for each in refused(gave) if not isinstance(each, Refused)] == []
    assert count(Assignment, Assignment.referral_id == world.referrals["own"], Assignment.until_on.is_(None)) == 1


@pytest.mark.parametrize("attempt", range(4))
def test_a_referral_closed_while_it_is_handed_over_is_closed_and_held_by_nobody_or_told(
    world: World, at_once, attempt: int
):
    """Whoever comes first: the second sees what the first did. Nobody waits for the other for ever."""
    works = [close(world), hand_over(world, "supervisor")]
    random.Random(attempt).shuffle(works)
    gave = at_once(works)
    assert [each for each in refused(gave) if not isinstance(each, Refused)] == []
    referral = world.referral("own")
    held = count(Assignment, Assignment.referral_id == referral.id, Assignment.until_on.is_(None))
    assert held == (0 if referral.closed_on else 1)


def test_a_referral_closed_by_two_people_at_once_is_closed_once(world: World, at_once):
    gave = at_once([close(world), close(world)])
    (told,) = refused(gave)
    assert isinstance(told, Refused)
    assert count(AuditEvent, AuditEvent.action == "close_referral") == 1


def test_the_same_attendances_counted_by_two_people_are_counted_once(world: World, at_once):
    def work() -> int:
        made = outcomes.record_service_use(
            by=world.user("link-worker"), person=world.person("own"), setting="gp", from_on=days_ago(100),
            until_on=days_ago(10), count=4, source="record-extract",
        )  # fmt: skip
        return made.count

    gave = at_once([work] * 3)
    assert [type(each) for each in refused(gave)] == [Refused, Refused]
    assert db.session.scalars(select(ServiceUse.count)).all() == [4]


def test_one_address_is_given_to_one_of_three_new_accounts(world: World, at_once):
    def work() -> str:
        return staff.create_user(
            by=world.user("administrator"), email="new@test.example", name="New", password=PASSWORD
        ).email

    gave = at_once([work] * 3)
    assert [str(each).split(".")[0] for each in refused(gave)] == [
        "Somebody with this e-mail address is already here"
    ] * 2


def test_one_link_is_opened_by_one_of_two(world: World, at_once):
    with db.transaction():
        _, token = invitations.invite_again(
            by=world.user("administrator"), user=world.user("link-worker"), reason="Forgot it"
        )
    gave = at_once([lambda: str(invitations.open_invitation(by=None, token=token).id)] * 2)
    assert [type(each) for each in refused(gave)] == [Refused]
    assert db.session.scalar(select(func.count()).where(AuditEvent.action == "open_invitation")) == 1


def alone(world: World, *instruments: str) -> str:
    """A link by which somebody answers alone; gives its token."""
    with db.transaction():
        _, token = self_completion.make_link(
            by=world.user("link-worker"), person=world.person("own"), timepoint="6m", instruments=instruments
        )
    return token


def as_respondent(cookie: str, act: Callable[..., None], **given: Any) -> Work:
    def work() -> str:
        asked = self_completion_queries.answering(cookie, by=None)
        act(by=asked.author, asked=asked, **given)
        return "done"

    return work


def test_one_link_to_answer_alone_is_opened_by_one_of_four(world: World, at_once):
    token = alone(world, "ons4")
    gave = at_once([lambda: self_completion.open_link(by=None, token=token)] * 4)
    assert [type(each) for each in refused(gave)] == [Refused] * 3
    (cookie,) = [each for each in gave if isinstance(each, str)]
    assert self_completion_queries.answering(cookie, by=None).parts
    assert count(AuditEvent, AuditEvent.action == "open_self_completion") == 1


def test_of_two_links_made_at_once_for_one_timepoint_one_opens(world: World, at_once):
    def make() -> str:
        _, token = self_completion.make_link(
            by=world.user("link-worker"), person=world.person("own"), timepoint="6m", instruments=["ons4"]
        )
        return token

    tokens = at_once([make] * 2)
    assert refused(tokens) == []
    open_ones = count(SelfCompletion, SelfCompletion.ended_at.is_(None))
    assert open_ones == 1


def test_answers_sent_twice_at_once_are_saved_once(world: World, at_once):
    with db.transaction():
        cookie = self_completion.open_link(by=None, token=alone(world, "ons4"))
    with db.transaction():
        as_respondent(cookie, self_completion.keep_answer, number=1, answers=COMPLETE["ons4"])()
    gave = at_once([as_respondent(cookie, self_completion.finish)] * 3)
    assert gave.count("done") == 1
    assert {type(each) for each in refused(gave)} <= {Conflict, NotFound}
    assert count(Assessment) == 1
    assert count(ItemResponse) == 4


@pytest.mark.parametrize("attempt", range(3))
def test_an_answer_and_the_end_of_its_link_at_once_leave_it_kept_or_refused(world: World, at_once, attempt: int):
    with db.transaction():
        cookie = self_completion.open_link(by=None, token=alone(world, "ons4"))
    id = db.session.scalars(select(SelfCompletion.id)).one()

    def end() -> str:
        self_completion.end(by=world.user("supervisor"), asked=db.session.get(SelfCompletion, id))
        return "ended"

    works = [end, as_respondent(cookie, self_completion.keep_answer, number=1, answers={"happy": 3})]
    random.Random(attempt).shuffle(works)
    gave = at_once(works)
    assert "ended" in gave
    assert count(DraftResponse) == gave.count("done")
    assert all(isinstance(each, Conflict | NotFound) for each in refused(gave))


def test_the_person_and_staff_who_save_one_instrument_at_once_save_it_once(world: World, at_once):
    with db.transaction():
        cookie = self_completion.open_link(by=None, token=alone(world, "ons4"))
    with db.transaction():
        as_respondent(cookie, self_completion.keep_answer, number=1, answers=COMPLETE["ons4"])()

    def staff_save() -> str:
        outcomes.record_assessment(
            by=world.user("outcome-assessor"), person=world.person("own"), instrument=get("ons4"), client_key=uuid.uuid4(),
            responses={"satisfied": 1}, administration=outcomes.Administration("6m", today(), "telephone", "self"),
        )  # fmt: skip
        return "staff"

    gave = at_once([as_respondent(cookie, self_completion.finish), staff_save])
    assert all(isinstance(each, Refused | NotFound) for each in refused(gave)), gave
    assert count(Assessment) == 1


def test_one_recovery_code_lets_one_of_three_in(world: World, at_once):
    with db.transaction():
        code, *_ = second_factor.make_recovery_codes(by=world.user("link-worker"))
    gave = at_once([lambda: second_factor.accept_recovery_code(by=world.user("link-worker"), code=code)] * 3)
    assert Counter(gave) == {None: 1, second_factor.WRONG_RECOVERY_CODE: 2}
    assert count(RecoveryCode) == 9


def test_many_guesses_at_once_are_counted_each(world: World, at_once):
    gave = at_once([lambda: second_factor.accept_code(by=world.user("link-worker"), code="000000")] * 8)
    told = Counter("wrong" if each == second_factor.WRONG_CODE else str(each).split(".")[0] for each in gave)
    assert told == {"wrong": 5, "Too many attempts": 3}


def test_two_posts_that_overlap_are_not_both_written_down_at_once(world: World, at_once):
    def appoint(day: int) -> Work:
        return lambda: staff.appoint(
            by=world.user("administrator"), user=world.user("quay-worker"), site=world.site("quay"), fte=0.5,
            from_on=days_ago(day),
        ).fte  # fmt: skip

    before = count(Post)
    gave = at_once([appoint(day) for day in (30, 20, 10)])
    assert [type(each) for each in refused(gave)] == [Refused, Refused]
    assert count(Post) == before + 1


def test_one_role_is_given_once_by_two(world: World, at_once):
    def work() -> str:
        return staff.grant(
            by=world.user("administrator"), user=world.user("evaluator"), role="supervisor", study=world.study(),
            site=world.site("quay"),
        ).role  # fmt: skip

    before = count(Membership)
    gave = at_once([work] * 2)
    assert [type(each) for each in refused(gave)] == [Refused]
    assert count(Membership) == before + 1


def test_a_day_of_mixed_work_by_six_people_adds_up(world: World, at_once):
    """Everything at once, four times over; what was acknowledged is there, and nothing else."""
    gave: list[Any] = []
    for turn in range(4):
        day = days_ago(turn)
        gave += at_once(
            [
                log(world, uuid.uuid4()), add(world), log(world, uuid.uuid4(), 20), add(world, "orchard"),
                lambda day=day: signpost(world, signposted_on=day).id, assess(world, uuid.uuid4()),
            ]
        )  # fmt: skip
    done = Counter(type(each).__name__ for each in gave)
    assert count(Contact) == 8
    assert count(Signpost) == 4
    assert count(Assessment) == 1
    assert done["Refused"] + done["Conflict"] == 3  # the same occasion again
    assert done["UUID"] + done["str"] == len(gave) - 3


def test_a_contact_is_corrected_while_its_referral_is_being_closed(world: World, at_once):
    """Who closes holds the referral and wants the turn; who corrects has the turn, and sums up for that referral."""
    with db.transaction():
        id = contact(world, contacted_on=days_ago(3)).id

    def close() -> None:
        referral = world.referral("own")
        care._hold(referral)
        time.sleep(0.4)
        care.close_referral(
            by=world.user("link-worker"), referral=referral, closed_on=today(), closure_reason="completed"
        )

    def correct() -> None:
        time.sleep(0.2)
        logged = db.session.get_one(Contact, id)
        care.correct_contact(
            by=world.user("link-worker"), contact=logged, version=1, reason=None, contacted_on=days_ago(3),
            mode="phone", attendance="attended", minutes=45,
        )  # fmt: skip

    assert refused(at_once([close, correct])) == []
    assert db.session.get_one(Contact, id).minutes == 45
    assert world.referral("own").closed_on == today()
