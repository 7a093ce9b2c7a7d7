"""Drafts: answers kept as they are given, finished later by whoever may, thrown away on purpose."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence

import pytest
from sqlalchemy import func, select

from instruments import get
from instruments.scoring import score
from tests.world import COMPLETE, World, assessment, days_ago, draft, draft_of
from tracker.actions import drafts, outcomes
from tracker.actions.refusal import Conflict, Refused
from tracker.extensions import db
from tracker.models import AuditEvent, Draft, DraftResponse, codes_of
from tracker.permissions import Forbidden
from tracker.queries import alarms, occasions, people


def kept(world: World, instrument: str = "phq9", person: str = "own") -> dict[str, int | str | None] | None:
    db.session.rollback()
    found = draft_of(world, instrument, person)
    return None if found is None else found.answers


def count(kind: type) -> int:
    return db.session.scalar(select(func.count()).select_from(kind)) or 0


def events(action: str) -> Sequence[AuditEvent]:
    return db.session.scalars(select(AuditEvent).where(AuditEvent.action == action).order_by(AuditEvent.number)).all()


def test_answers_come_one_after_the_other_and_the_last_one_counts(world: World):
    for answers in ({"i1": 1}, {"i2": "prefer-not-to-say", "i3": 0}, {"i1": 3}):
        with db.transaction():
            draft(world, answers)
    assert kept(world) == {"i1": 3, "i2": "prefer-not-to-say", "i3": 0}
    assert count(Draft) == 1


def test_an_answer_can_be_taken_back(world: World):
    with db.transaction():
        draft(world, {"i1": 1, "i2": 2})
    with db.transaction():
        draft(world, {"i1": None})
    assert kept(world) == {"i2": 2}


def test_every_answer_kept_is_in_the_trail_with_what_stood_before(world: World):
    with db.transaction():
        draft(world, {"i1": 1})
    with db.transaction():
        draft(world, {"i1": 2}, by="outcome-assessor")
    first, second = events("keep_answers")
    assert json.loads(first.after or "")["responses"] == {"i1": 1}
    assert json.loads(second.before or "") == {"responses": {"i1": 1}}
    assert json.loads(second.after or "")["responses"] == {"i1": 2}
    assert second.actor_id == world.users["outcome-assessor"]


@pytest.mark.parametrize("answers", [{}, {"i1": None}], ids=["nothing", "an empty box"])
def test_nothing_said_begins_no_draft(world: World, answers: dict[str, None]):
    with db.transaction():
        draft(world, answers)
    assert (count(Draft), len(events("keep_answers"))) == (0, 0)


def test_the_same_answer_again_writes_nothing(world: World):
    for _ in range(3):
        with db.transaction():
            draft(world, {"i1": 1})
    assert len(events("keep_answers")) == 1


@pytest.mark.parametrize("answers", [{"i1": 4}, {"i10": 1}, {"i1": 1, "i2": -1}], ids=str)
def test_what_is_not_an_answer_is_refused_and_nothing_of_it_is_kept(world: World, answers: dict[str, int]):
    with pytest.raises(Refused, match=r"phq9\."), db.transaction():
        draft(world, answers)
    assert count(Draft) == 0


def test_a_draft_is_kept_apart_for_each_timepoint_instrument_and_person(world: World):
    with db.transaction():
        draft(world, {"i1": 1})
        draft(world, {"i1": 2}, timepoint="12m")
        draft(world, {"happy": 3}, instrument="ons4")
        draft(world, {"i1": 0}, person="same-site")
    assert kept(world) == {"i1": 1}
    assert kept(world, person="same-site") == {"i1": 0}
    assert count(Draft) == 4


@pytest.mark.parametrize("name", ["quay-worker", "orchard-worker", "evaluator", "administrator"])
def test_nobody_of_another_site_or_role_keeps_or_throws_away_answers(world: World, name: str):
    with pytest.raises(Forbidden), db.transaction():
        draft(world, {"i1": 1}, by=name)
    with db.transaction():
        draft(world, {"i1": 1})
    found = draft_of(world)
    assert found is not None
    with pytest.raises(Forbidden), db.transaction():
        drafts.discard_draft(by=world.user(name), draft=found)
    assert kept(world) == {"i1": 1}


def test_nobody_keeps_answers_of_somebody_who_withdrew(world: World):
    with pytest.raises(Forbidden), db.transaction():
        draft(world, {"i1": 1}, person="withdrawn", by="supervisor")


def test_a_saved_assessment_ends_its_draft_and_no_other(world: World):
    with db.transaction():
        draft(world, {"i1": 3})
        draft(world, {"happy": 3}, instrument="ons4")
    with db.transaction():
        made = assessment(world, "phq9", "6m")
    assert kept(world) is None
    assert kept(world, "ons4") == {"happy": 3}
    assert {each.item: each.value for each in made.responses} == COMPLETE["phq9"]


def test_no_draft_is_begun_of_what_is_recorded(world: World):
    with db.transaction():
        assessment(world, "phq9", "6m")
    with pytest.raises(Conflict, match="recorded already for this timepoint"), db.transaction():
        draft(world, {"i1": 1})


def test_what_was_missed_can_be_begun_after_all(world: World):
    with db.transaction():
        outcomes.record_missed_assessment(
            by=world.user("link-worker"), person=world.person("own"), instrument=get("phq9"), status="missed",
            missing_reason="not-reached", client_key=uuid.uuid4(),
            administration=outcomes.Administration("6m", days_ago(1), "telephone", "self"),
        )  # fmt: skip
    with db.transaction():
        draft(world, {"i1": 1})
    assert kept(world) == {"i1": 1}


def test_throwing_a_draft_away_leaves_its_answers_in_the_trail(world: World):
    with db.transaction():
        draft(world, {"i1": 1, "i2": 2})
    with db.transaction():
        found = draft_of(world)
        assert found is not None
        drafts.discard_draft(by=world.user("supervisor"), draft=found)
    assert (kept(world), count(DraftResponse)) == (None, 0)
    (event,) = events("discard_draft")
    assert json.loads(event.before or "")["responses"] == {"i1": 1, "i2": 2}


def test_an_occasion_knows_its_draft_and_is_as_due_as_before(world: World):
    asker = world.user("link-worker")
    before = [each.state(days_ago(0)) for each in occasions.occasions(world.person("own"), by=asker)]
    with db.transaction():
        draft(world, {"i1": 1})
    asker = world.user("link-worker")
    found = occasions.occasions(world.person("own"), by=asker)
    assert [each.state(days_ago(0)) for each in found] == before
    begun = [(each.instrument.id, each.timepoint.id) for each in found if each.draft]
    assert begun == [("phq9", "6m")]


def test_a_draft_is_no_score_and_no_part_of_the_history(world: World):
    with db.transaction():
        draft(world, COMPLETE["phq9"])
    asker = world.user("link-worker")
    assert people.assessments(world.person("own"), by=asker) == []


def test_an_alarming_answer_that_was_only_begun_is_shown_like_a_saved_one(world: World):
    with db.transaction():
        draft(world, {"i9": 1})
    asker, person = world.user("link-worker"), world.person("own")
    (alarm,) = alarms.alarms([person], by=asker)[person.id]
    assert (alarm.alert.item, alarm.assessment) == ("i9", None)
    assert (alarm.instrument, alarm.timepoint) == ("phq9", "6m")
    with db.transaction():
        draft(world, {"i9": 0})
    assert alarms.alarms([world.person("own")], by=world.user("link-worker")) == {}


# ------------------------------------------------------------------------------- why there is no answer


def saved(world: World, instrument: str, responses: dict[str, int | str | None]) -> outcomes.Assessment:
    with db.transaction():
        return assessment(world, instrument, "6m", responses=responses)  # type: ignore[arg-type]


def test_each_item_without_an_answer_keeps_its_own_reason(world: World):
    made = saved(world, "phq9", COMPLETE["phq9"] | {"i2": "prefer-not-to-say", "i3": "too-unwell", "i4": None})
    reasons = {each.item: each.missing_reason for each in made.responses if each.value is None}
    assert reasons == {"i2": "prefer-not-to-say", "i3": "too-unwell", "i4": "not-answered"}
    assert made.status == "partial"


def test_an_item_that_those_answers_leave_out_was_not_asked_and_the_form_is_complete(world: World):
    answers = {"vigorous_days": 0, "moderate_days": 0, "walking_days": 2, "walking_minutes": 30, "sitting_minutes": 60}
    made = saved(world, "ipaq-sf", answers)
    reasons = {each.item: each.missing_reason for each in made.responses if each.value is None}
    assert reasons == {"vigorous_minutes": "not-asked", "moderate_minutes": "not-asked"}
    assert made.status == "complete"
    assert score(get("ipaq-sf"), codes_of(answers))["total"].value == 198  # 3.3 MET x 2 days x 30 minutes


def test_refusing_every_item_is_not_an_assessment(world: World):
    with pytest.raises(Refused, match="No question is answered"):
        saved(world, "ons4", dict.fromkeys(COMPLETE["ons4"], "prefer-not-to-say"))


def test_a_correction_can_give_a_reason_and_the_trail_has_both(world: World):
    made = saved(world, "phq9", COMPLETE["phq9"])
    with db.transaction():
        outcomes.correct_assessment(
            by=world.user("link-worker"), assessment=made, version=made.version, reason="Was refused",
            responses=COMPLETE["phq9"] | {"i9": "prefer-not-to-say"},
        )  # fmt: skip
    assert made.status == "partial"
    (event,) = events("correct_assessment")
    assert json.loads(event.before or "")["responses"]["i9"] == 0
    assert json.loads(event.after or "")["responses"]["i9"] == "prefer-not-to-say"
