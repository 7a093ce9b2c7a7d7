"""Assessments, scores that others report, and use of health services."""

from __future__ import annotations

import json
import uuid
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from instruments import get
from tests.world import COMPLETE, World, assessment, days_ago
from tracker.actions import outcomes
from tracker.actions.refusal import Conflict, Refused
from tracker.extensions import db, today
from tracker.models import Assessment, AuditEvent, ItemResponse, ServiceUse
from tracker.permissions import Forbidden
from tracker.queries import alarms, occasions, people


@pytest.mark.parametrize("instrument", COMPLETE)
def test_a_full_set_of_answers_is_complete_and_scores(world: World, instrument: str):
    with db.transaction():
        made = assessment(world, instrument)
    scores = people.scores(made, by=world.user("link-worker"))
    assert made.status == "complete"
    assert all(score.value is not None for score in scores.values())


def test_one_unanswered_item_is_partial_and_says_why_there_is_no_total(world: World):
    answers = COMPLETE["phq9"] | {"i4": None}
    with db.transaction():
        made = assessment(world, "phq9", responses=answers)
    score = people.scores(made, by=world.user("link-worker"))["total"]
    unanswered = db.session.get(ItemResponse, (made.id, "i4"))
    assert (made.status, score.value, score.reason) == ("partial", None, "too-few-answers")
    assert (unanswered.value, unanswered.missing_reason) == (None, "not-answered")


def test_a_rule_that_asks_for_age_gets_it(world: World):
    """Born in 1950: the IPAQ stops at 69."""
    moved = {"walking_days": 7, "walking_minutes": 30, "vigorous_days": 0, "moderate_days": 0, "sitting_minutes": 60}
    with db.transaction():
        made = assessment(world, "ipaq-sf", responses=moved)
        made.person.birth_year = 1950
    assert made.age == made.assessed_on.year - 1950
    assert people.scores(made, by=world.user("link-worker"))["total"].reason == "out-of-age-range"
    with db.transaction():
        made.person.birth_year = made.assessed_on.year - 50
    assert people.scores(made, by=world.user("link-worker"))["total"].value == 693
    with db.transaction():
        made.person.birth_year = None
    assert made.age is None
    assert people.scores(made, by=world.user("link-worker"))["total"].value == 693


@pytest.mark.parametrize("sex", ["female", "unknown", None])
def test_a_value_that_needs_a_table_says_that_there_is_none(
    world: World, monkeypatch: pytest.MonkeyPatch, sex: str | None
):
    monkeypatch.delenv("INSTRUMENTS_DSU_TABLE", raising=False)
    with db.transaction():
        made = assessment(world, "eq5d-5l")
        made.person.sex = sex
    assert made.scored("uk-3l-2022-dsu")["value"].reason == "no-table"


def test_an_answer_out_of_range_is_refused_by_name_and_nothing_is_kept(world: World):
    with pytest.raises(Refused, match=r"phq9\.i3: 7 is not an answer; allowed: 0, 1, 2, 3"), db.transaction():
        assessment(world, "phq9", responses=COMPLETE["phq9"] | {"i3": 7})
    assert db.session.scalar(select(func.count()).select_from(Assessment)) == 0


def test_a_form_without_any_answer_is_not_an_assessment(world: World):
    with pytest.raises(Refused, match="No question is answered"), db.transaction():
        assessment(world, "phq9", responses={})


def test_an_outcome_is_recorded_once_for_each_timepoint(world: World):
    with db.transaction():
        assessment(world, "phq9")
    with pytest.raises(Refused, match="recorded already for this timepoint"), db.transaction():
        assessment(world, "phq9")
    with db.transaction():
        assessment(world, "phq9", "6m")
    assert db.session.scalar(select(func.count()).select_from(Assessment)) == 2


@pytest.mark.parametrize(("days", "says"), [(-1, "in the future"), (200 + 367, "more than a year before entry")])
def test_an_assessment_has_a_date_that_can_be(world: World, days: int, says: str):
    administration = outcomes.Administration("baseline", days_ago(days), "in-person", "self")
    with pytest.raises(Refused, match=says), db.transaction():
        outcomes.record_assessment(
            by=world.user("link-worker"), person=world.person("own"), instrument=get("phq9"),
            responses=COMPLETE["phq9"], client_key=uuid.uuid4(), administration=administration,
        )  # fmt: skip


def test_the_assessor_records_outcomes_and_people_of_other_sites_do_not(world: World):
    with db.transaction():
        assessment(world, "ons4", by="outcome-assessor")
    for name in ("quay-worker", "orchard-worker", "administrator"):
        with pytest.raises(Forbidden), db.transaction():
            assessment(world, "phq9", by=name)


def test_a_missed_outcome_keeps_its_reason_and_no_answers(world: World):
    with db.transaction():
        made = outcomes.record_missed_assessment(
            by=world.user("outcome-assessor"), person=world.person("own"), instrument=get("phq9"), status="missed",
            missing_reason="not-reached", client_key=uuid.uuid4(),
            administration=outcomes.Administration("6m", today(), "telephone", "self"),
        )  # fmt: skip
    assert (made.status, made.missing_reason, made.responses) == ("missed", "not-reached", [])


def test_what_was_missed_can_be_answered_after_all_and_the_trail_keeps_both(world: World):
    with db.transaction():
        missed = outcomes.record_missed_assessment(
            by=world.user("link-worker"), person=world.person("own"), instrument=get("phq9"), status="missed",
            missing_reason="not-reached", client_key=uuid.uuid4(),
            administration=outcomes.Administration("6m", days_ago(20), "telephone", "self"),
        )  # fmt: skip
        id = missed.id
    with db.transaction():
        answered = assessment(world, "phq9", "6m")
        assert answered.id == id
    assert (answered.status, answered.missing_reason, answered.assessed_on) == ("complete", None, days_ago(15))
    assert people.scores(answered, by=world.user("link-worker"))["total"].value == 8
    event = db.session.scalars(select(AuditEvent).order_by(AuditEvent.number.desc())).first()
    assert json.loads(event.before)["status"] == "missed"
    assert json.loads(event.after)["responses"]["i1"] == 1


@pytest.mark.parametrize(("instrument", "respondent"), [("phq9", "proxy")])
def test_an_instrument_is_answered_only_by_those_it_is_made_for(world: World, instrument: str, respondent: str):
    made_for = get(instrument).respondents
    assert respondent not in made_for
    with (
        pytest.raises(Refused, match=r"PHQ-9 cannot be answered like that\. Choose: The person") as refused,
        db.transaction(),
    ):
        outcomes.record_assessment(
            by=world.user("link-worker"), person=world.person("own"), instrument=get(instrument), client_key=uuid.uuid4(),
            responses=COMPLETE[instrument],
            administration=outcomes.Administration("baseline", days_ago(200), "in-person", respondent),
        )  # fmt: skip
    assert refused.value.field == "respondent"


def test_a_correction_needs_a_reason_and_the_trail_keeps_both_answers(world: World):
    with db.transaction():
        made = assessment(world, "phq9")
    with pytest.raises(Refused, match="Say why"), db.transaction():
        outcomes.correct_assessment(
            by=world.user("link-worker"), assessment=made, version=1, responses=COMPLETE["phq9"], reason=" "
        )
    with db.transaction():
        outcomes.correct_assessment(
            by=world.user("link-worker"), assessment=made, version=1, responses=COMPLETE["phq9"] | {"i1": 3},
            reason="Ticked the wrong box",
        )  # fmt: skip
    event = db.session.scalar(select(AuditEvent).where(AuditEvent.action == "correct_assessment"))
    assert event.reason == "Ticked the wrong box"
    assert json.loads(event.before)["responses"]["i1"] == 1
    assert json.loads(event.after)["responses"]["i1"] == 3
    assert (made.version, people.scores(made, by=world.user("link-worker"))["total"].value) == (2, 10)


def test_a_correction_of_what_somebody_else_changed_meanwhile_is_a_conflict(world: World):
    with db.transaction():
        made = assessment(world, "phq9")
        outcomes.correct_assessment(
            by=world.user("link-worker"), assessment=made, version=1, responses=COMPLETE["phq9"], reason="again"
        )
    with pytest.raises(Conflict), db.transaction():
        outcomes.correct_assessment(
            by=world.user("supervisor"), assessment=made, version=1, responses=COMPLETE["phq9"], reason="late"
        )


def test_a_correction_is_held_to_the_instrument_too(world: World):
    with db.transaction():
        made = assessment(world, "phq9")
    with pytest.raises(Refused, match="4 is not an answer"), db.transaction():
        outcomes.correct_assessment(
            by=world.user("link-worker"), assessment=made, version=1, responses=COMPLETE["phq9"] | {"i1": 4},
            reason="typo",
        )  # fmt: skip


def raised(world: World) -> list[tuple[str, str]]:
    person = world.person("own")
    found = alarms.alarms([person], by=world.user("link-worker")).get(person.id, [])
    return [(each.timepoint, each.alert.item) for each in found]


def test_item_nine_raises_the_safety_path_until_a_later_answer_does_not(world: World):
    with db.transaction():
        assessment(world, "phq9", responses=COMPLETE["phq9"] | {"i9": 1})
    assert raised(world) == [("baseline", "i9")]
    with db.transaction():
        assessment(world, "phq9", "6m")
    assert raised(world) == []


def test_a_later_form_that_skips_item_nine_does_not_hide_the_safety_path(world: World):
    with db.transaction():
        assessment(world, "phq9", responses=COMPLETE["phq9"] | {"i9": 2})
        assessment(world, "phq9", "6m", responses=COMPLETE["phq9"] | {"i9": None})
    assert raised(world) == [("baseline", "i9")]


def test_nobody_is_told_of_alarms_at_another_site(world: World):
    with db.transaction():
        assessment(world, "phq9", responses=COMPLETE["phq9"] | {"i9": 2})
    everyone = [world.person(name) for name in ("own", "other-site", "withdrawn")]
    assert set(alarms.alarms(everyone, by=world.user("outcome-assessor"))) == {world.people["own"]}
    for name in ("quay-worker", "evaluator", "administrator"):
        assert alarms.alarms(everyone, by=world.user(name)) == {}


def test_scores_over_time_stand_in_the_order_of_their_dates(world: World):
    with db.transaction():
        assessment(world, "phq9", "6m", responses=COMPLETE["phq9"] | {"i1": 0})
        assessment(world, "phq9")
    given = people.assessments(world.person("own"), by=world.user("link-worker"))
    (history,) = people.histories(given, by=world.user("link-worker"))
    assert [(point.timepoint, point.value) for point in history.points] == [("baseline", 8), ("6m", 7)]


def test_the_latest_score_is_measured_from_the_baseline(world: World):
    with db.transaction():
        assessment(world, "phq9", "6m", responses=COMPLETE["phq9"] | {"i1": 0})
        assessment(world, "phq9")
    given = people.assessments(world.person("own"), by=world.user("link-worker"))
    (history,) = people.histories(given, by=world.user("link-worker"))
    assert history.change is not None
    assert (history.change.difference, history.change.direction, history.change.matters) == (-1, "better", False)


@pytest.mark.parametrize("second", [None, {"i1": None}])
def test_there_is_no_change_before_a_second_score(world: World, second: dict[str, None] | None):
    with db.transaction():
        assessment(world, "phq9")
        if second:
            assessment(world, "phq9", "6m", responses=COMPLETE["phq9"] | second)
    given = people.assessments(world.person("own"), by=world.user("link-worker"))
    (history,) = people.histories(given, by=world.user("link-worker"))
    assert history.change is None


def test_what_is_due_follows_from_the_plans_windows(world: World):
    with db.transaction():
        assessment(world, "ons4")
    found = occasions.occasions(world.person("own"), by=world.user("outcome-assessor"))
    states = {(o.instrument.id, o.timepoint.id): o.state(today()) for o in found}
    assert states == {
        ("ons4", "baseline"): "complete", ("phq9", "baseline"): "overdue", ("eq5d-5l", "baseline"): "overdue",
        ("ons4", "6m"): "due", ("phq9", "6m"): "due", ("eq5d-5l", "6m"): "due",
    }  # fmt: skip
    assert found[0].state(days_ago(300)) == "complete"
    assert found[3].state(days_ago(190)) == "later"


def test_the_list_of_what_is_due_shows_own_sites_and_nobody_who_withdrew(world: World):
    people_due = {o.person.id for o in occasions.due_occasions(today(), by=world.user("outcome-assessor"))}
    assert people_due == {world.people["own"], world.people["same-site"]}


def test_gp_attendance_is_counted_over_a_period(world: World):
    with db.transaction():
        outcomes.record_service_use(
            by=world.user("pond-keeper"), person=world.person("compared"), setting="gp", from_on=days_ago(565),
            until_on=days_ago(200), count=7, source="record-extract",
        )  # fmt: skip
    assert db.session.scalars(select(ServiceUse.count)).all() == [7]


def test_an_admission_of_today_is_a_period_of_one_day(world: World):
    with db.transaction():
        outcomes.record_service_use(
            by=world.user("link-worker"), person=world.person("own"), setting="in-patient", from_on=days_ago(0),
            until_on=days_ago(-1), count=1, source="self-report",
        )  # fmt: skip
    assert db.session.scalars(select(ServiceUse.from_on)).all() == [today()]


@pytest.mark.parametrize(
    ("change", "field", "says"),
    [
        ({"until_on": 300}, "until_on", "ends before it begins"),
        ({"until_on": -2}, "until_on", "The period goes on after today. Enter tomorrow or an earlier date."),
        ({"count": 1001}, "count", "between 0 and 1,000"),
        ({"count": -1}, "count", "between 0 and 1,000"),
    ],
)
def test_a_period_or_count_that_cannot_be_is_refused(world: World, change: dict, field: str, says: str):
    given = {"from_on": 300, "until_on": 100, "count": 3} | change
    with pytest.raises(Refused, match=says) as refused, db.transaction():
        outcomes.record_service_use(
            by=world.user("link-worker"), person=world.person("own"), setting="gp", source="self-report",
            from_on=today() - timedelta(given["from_on"]), until_on=today() - timedelta(given["until_on"]),
            count=given["count"],
        )  # fmt: skip
    assert refused.value.field == field


def test_the_same_period_is_not_counted_twice(world: World):
    def count() -> None:
        with db.transaction():
            outcomes.record_service_use(
                by=world.user("link-worker"), person=world.person("own"), setting="gp", from_on=days_ago(100),
                until_on=days_ago(10), count=2, source="self-report",
            )  # fmt: skip

    count()
    with pytest.raises(Refused, match="already recorded") as refused:
        count()
    assert refused.value.field == "from_on"


def test_an_assessor_does_not_record_attendance(world: World):
    with pytest.raises(Forbidden), db.transaction():
        outcomes.record_service_use(
            by=world.user("outcome-assessor"), person=world.person("own"), setting="gp", from_on=days_ago(100),
            until_on=days_ago(10), count=2, source="self-report",
        )  # fmt: skip


def test_reported_scores_stand_apart_from_answers_and_come_only_by_import(world: World):
    def report(by: str) -> Assessment:
        with db.transaction():
            return outcomes.record_reported_scores(
                by=world.user(by), person=world.person("own"), instrument="bdi", version="as reported",
                administration=outcomes.Administration("baseline", days_ago(200), "import", "self"),
                scores={"total": (None, 21.0)},
            )  # fmt: skip

    with pytest.raises(Forbidden):
        report("link-worker")
    made = report("evaluator")
    assert [(each.scale, each.score) for each in made.reported_scores] == [("total", 21.0)]
    assert made.responses == []
