"""What somebody's people reported before and after: counted by hand, with what is missing, and who may look."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import date, timedelta
from math import sqrt
from typing import Any

import pytest

from tests.integration.tracker.teamwork import ANN, BEN, JO, Story, clear, day, statements, tell
from tests.world import World
from tracker.actions import people, staff
from tracker.extensions import db, today
from tracker.models import Assessment, Consent, ItemResponse, Person, ReportedScore, ServiceUse, Signpost
from tracker.queries import occasions, results
from tracker.queries.scope import NotFound

ENTERED = "2 Feb 2026"
"""So that the window of six months after (20 June to 30 September 2026) is over."""
LATER = day("3 Aug 2026")


@pytest.fixture
def world(world: World) -> World:
    clear(world)
    return world


def seen(world: World, n_people: int, stays: Sequence[str] = ("A 2 Feb 2026",), **story: Any) -> list[uuid.UUID]:
    """People whom somebody held, everybody alike."""
    stories = [Story(ENTERED, stays, **story) for _ in range(n_people)]
    tell(world, *stories)
    return [each.person for each in stories]


def answer(world: World, person: uuid.UUID, timepoint: str, total: int | None, **changes: Any) -> None:
    """A PHQ-9 with this total; none is one with an answer left out."""
    items = {f"i{n}": 0 for n in range(1, 10)}
    for n in range(total or 0):
        items[f"i{n % 9 + 1}"] += 1
    given: dict[str, Any] = {
        "client_key": uuid.uuid4(), "person_id": person, "instrument": "phq9", "instrument_version": "1",
        "timepoint": timepoint, "assessed_on": day(ENTERED) if timepoint == "baseline" else LATER, "mode": "in-person",
        "respondent": "self", "status": "complete" if total is not None else "partial", "recorded_by": world.users[JO],
    }  # fmt: skip
    with db.transaction() as session:
        made = Assessment(**given | changes)
        session.add(made)
        session.flush()
        for item, value in items.items() if made.status in ("complete", "partial") else ():
            left_out = total is None and item == "i9"
            session.add(ItemResponse(
                assessment_id=made.id, item=item, value=None if left_out else value,
                missing_reason="not-answered" if left_out else None,
            ))  # fmt: skip


def missed(world: World, person: uuid.UUID, status: str, reason: str) -> None:
    answer(world, person, "6m", 0, status=status, missing_reason=reason)


def look(world: World, worker: str | None = ANN, by: str = ANN, on: date | None = None) -> results.Results:
    db.session.rollback()
    asker, study = world.user(by), world.study()
    timepoint = occasions.plan_of(study, by=asker).timepoint("6m")
    return results.results(world.users[worker] if worker else None, study, timepoint, on or today(), by=asker)


def phq9(found: results.Results) -> results.ScaleResult:
    return next(each for each in found.scales if each.instrument.id == "phq9")


def collected(found: results.Results, instrument: str = "phq9") -> results.Collected:
    return next(each for each in found.collected if each.instrument.id == instrument)


PAIRS = [(14, 9), (12, 12), (20, 15), (9, 11), (17, 10), (22, 19), (8, 6), (15, 16), (11, 5), (18, 13)]
"""Changes -5, 0, -5, 2, -7, -3, -2, 1, -6, -5; by the 1.7 that matters 7 better, 1 worse, 2 neither. Lower is better."""


def answered(world: World, pairs: Sequence[tuple[int, int]] = PAIRS, **story: Any) -> list[uuid.UUID]:
    found = seen(world, len(pairs), **story)
    for person, (before, after) in zip(found, pairs, strict=True):
        answer(world, person, "baseline", before)
        answer(world, person, "6m", after)
    return found


# ---------------------------------------------------------------------------------------- what changed


def test_ten_pairs_worked_out_by_hand(world: World):
    """Mean -3, SD sqrt(88/9), reach 2.262157 * SD / sqrt(10) = 2.2369: see test_paired."""
    answered(world)
    scale = phq9(look(world))
    change = scale.change
    assert change is not None
    assert (scale.baseline, scale.follow_up, change.n) == (10, 10, 10)
    assert (change.mean_before, change.mean_after, change.mean) == (14.6, 11.6, -3)
    assert change.sd == pytest.approx(sqrt(88 / 9))
    assert (round(change.low, 4), round(change.high, 4)) == (-5.2369, -0.7631)


def test_how_many_became_better_and_worse_by_the_change_that_matters(world: World):
    answered(world)
    scale = phq9(look(world))
    assert scale.mid is not None
    assert scale.mid.value == 1.7
    assert scale.directions == {"better": 7, "same": 2, "worse": 1}


def test_where_no_change_is_known_to_matter_any_counts(world: World):
    """Life satisfaction, higher is better: up by one, down by one, and the same."""
    found = seen(world, 3)
    for person, (before, after) in zip(found, [(5, 6), (5, 4), (5, 5)], strict=True):
        for timepoint, value in (("baseline", before), ("6m", after)):
            ons4(world, person, timepoint, value)
    scale = next(each for each in look(world).scales if each.scale.id == "satisfied")
    assert scale.mid is None
    assert scale.directions == {"better": 1, "same": 1, "worse": 1}


def ons4(world: World, person: uuid.UUID, timepoint: str, value: int) -> None:
    answer(world, person, timepoint, 0, instrument="ons4", status="missed", missing_reason="other")
    with db.transaction() as session:
        made = session.query(Assessment).filter_by(person_id=person, instrument="ons4", timepoint=timepoint).one()
        made.status, made.missing_reason = "complete", None
        for item in ("satisfied", "worthwhile", "happy", "anxious"):
            session.add(ItemResponse(assessment_id=made.id, item=item, value=value))


def test_a_lower_anxiety_is_the_better_one(world: World):
    (person,) = seen(world, 1)
    ons4(world, person, "baseline", 8)
    ons4(world, person, "6m", 3)
    ways = {each.scale.id: each.directions for each in look(world).scales if each.instrument.id == "ons4"}
    assert ways["anxious"] == {"better": 1, "same": 0, "worse": 0}
    assert ways["happy"] == {"better": 0, "same": 0, "worse": 1}


@pytest.mark.parametrize(("n_pairs", "told"), [(0, False), (1, False), (4, False), (5, True)])
def test_fewer_than_five_pairs_have_counts_and_no_means(world: World, n_pairs: int, told: bool):
    answered(world, PAIRS[:n_pairs])
    seen(world, 1)
    scale = phq9(look(world))
    assert len(scale.pairs) == n_pairs
    assert (scale.change is not None) is told
    assert sum(scale.directions.values()) == n_pairs


def test_only_people_with_both_scores_are_in_the_means(world: World):
    answered(world)
    for person, total in zip(seen(world, 5), (27, 26, 25, 24, 23), strict=True):
        answer(world, person, "baseline", total)
    (late,) = seen(world, 1)
    answer(world, late, "6m", 27)
    scale = phq9(look(world))
    assert scale.change is not None
    assert (scale.change.n, scale.change.mean_before, scale.change.mean_after) == (10, 14.6, 11.6)
    assert (scale.baseline, scale.follow_up, len(scale.alone), scale.mean_alone) == (15, 11, 5, 25)


def test_the_baseline_of_few_who_did_not_answer_again_is_not_averaged(world: World):
    for person in seen(world, 4):
        answer(world, person, "baseline", 20)
    scale = phq9(look(world))
    assert (len(scale.alone), scale.mean_alone) == (4, None)


def test_answers_without_a_score_count_as_answers_and_not_in_the_means(world: World):
    found = answered(world)
    extra = seen(world, 1)[0]
    answer(world, extra, "baseline", 10)
    answer(world, extra, "6m", None)
    told = look(world)
    assert (collected(told).follow_up, collected(told).both, len(phq9(told).pairs)) == (11, 11, 10)
    assert len(found) == 10


def test_a_score_of_another_timepoint_is_not_the_one_asked_for(world: World):
    (person,) = seen(world, 1)
    answer(world, person, "baseline", 10)
    answer(world, person, "3m", 2)
    assert (phq9(look(world)).baseline, phq9(look(world)).follow_up) == (1, 0)


# -------------------------------------------------------------------------------------- what is missing


def test_everybody_without_an_answer_is_there_with_the_reason(world: World):
    answered(world, PAIRS[:2])
    found = seen(world, 7)
    missed(world, found[0], "missed", "not-reached")
    missed(world, found[1], "missed", "not-reached")
    missed(world, found[2], "missed", "died")
    missed(world, found[3], "declined", "prefer-not-to-say")
    leave(world, found[4], "1 Mar 2026", "moved")
    leave(world, found[5], "1 Nov 2026", "moved")
    told = collected(look(world))
    assert (told.people, told.baseline, told.follow_up, told.both) == (9, 2, 2, 2)
    assert told.reasons == {
        "Could not be reached": 2, "Not recorded, and overdue": 2, "Died": 1, "Declined": 1, "Left the study: moved away": 1,
    }  # fmt: skip
    assert told.people == told.follow_up + sum(told.reasons.values())
    assert look(world).left == 2


def leave(world: World, person: uuid.UUID, on: str, reason: str) -> None:
    with db.transaction() as session:
        left = session.get(Person, person)
        left.left_on, left.left_reason = day(on), reason


@pytest.mark.parametrize(
    ("on", "reason"),
    [
        ("21 Jun 2026", "Not due yet"),
        ("22 Jun 2026", "Due now, not asked yet"),
        ("2 Oct 2026", "Due now, not asked yet"),
        ("3 Oct 2026", "Not recorded, and overdue"),
    ],
)
def test_nobody_is_missing_before_the_window_is_over(world: World, on: str, reason: str):
    """Six months are 182 days, the window opens 42 days before and closes 60 days after."""
    seen(world, 1)
    assert collected(look(world, on=day(on))).reasons == {reason: 1}


def test_a_score_that_came_without_answers_is_told_apart(world: World):
    (person,) = seen(world, 1)
    with db.transaction() as session:
        made = Assessment(
            client_key=uuid.uuid4(), person_id=person, instrument="phq9", instrument_version="1", timepoint="6m",
            assessed_on=LATER, mode="import", respondent="self", status="complete", recorded_by=world.users[JO],
        )  # fmt: skip
        session.add(made)
        session.flush()
        session.add(ReportedScore(assessment_id=made.id, scale="total", score=7))
    assert collected(look(world)).reasons == {"A score from elsewhere, without answers": 1}
    assert phq9(look(world)).follow_up == 0


# ---------------------------------------------------------------------------------------- whose people


def test_whom_somebody_held_for_a_day_counts_as_theirs_whoever_holds_them_now(world: World):
    stays = {
        "held all along": (["A 2 Feb 2026"], "AJ"),
        "handed over": (["A 2 Feb 2026 - 3 Mar 2026", "B 3 Mar 2026"], "ABJ"),
        "closed": (["A 2 Feb 2026 - 3 Mar 2026"], "AJ"),
        "handed on at once": (["A 2 Feb 2026 - 2 Feb 2026", "B 2 Feb 2026"], "BJ"),
        "nobody's": ([], ""),
    }
    for held, _ in stays.values():
        seen(world, 1, held)
    who = {"A": ANN, "B": BEN, "J": None}
    expected = {letter: sum(letter in those for _, those in stays.values()) for letter in "ABJ"}
    found = {letter: look(world, worker, by=JO).people for letter, worker in who.items()}
    assert found == expected == {"A": 3, "B": 2, "J": 4}


def test_a_person_with_two_referrals_is_one_person(world: World):
    story = Story(ENTERED, ["A 2 Feb 2026 - 3 Mar 2026"], closed="3 Mar 2026")
    tell(world, story)
    with db.transaction() as session:
        from tracker.models import Assignment, Referral

        again = Referral(
            person_id=story.person, source="gp", referred_on=day("3 May 2026"), decided_on=day("3 May 2026"),
            status="accepted", recorded_by=world.users[JO],
        )  # fmt: skip
        session.add(again)
        session.flush()
        session.add(Assignment(
            referral_id=again.id, worker_id=world.users[ANN], from_on=day("3 May 2026"), recorded_by=world.users[JO]
        ))  # fmt: skip
    assert look(world).people == 1


def test_people_who_withdrew_are_in_no_number(world: World):
    found = answered(world, PAIRS[:6])
    with db.transaction() as session:
        session.add(Consent(person_id=found[0], kind="research", given_on=day(ENTERED), recorded_by=world.users[JO]))
        session.flush()
        person = session.get(Person, found[0])
        people.withdraw(by=world.user(JO), person=person, withdrawn_on=today(), on_withdrawal="keep")
    told = look(world)
    assert (told.people, len(phq9(told).pairs), len(told.given.contacts)) == (5, 5, 5)


def test_a_link_worker_looks_at_their_own_and_at_nobody_else_s(world: World):
    seen(world, 2)
    seen(world, 3, ["B 2 Feb 2026"])
    assert look(world, BEN, by=BEN).people == 3
    for worker in (ANN, None):
        with pytest.raises(NotFound):
            look(world, worker, by=BEN)
    assert results.workers(by=world.user(BEN)) == []


@pytest.mark.parametrize("by", ["outcome-assessor", "administrator"])
def test_who_is_blind_or_has_no_business_there_finds_nothing(world: World, by: str):
    seen(world, 2)
    study, asker = world.study(), world.user(by)
    timepoint = occasions.plan_of(study, by=world.user(JO)).timepoint("6m")
    for worker in (None, world.users[by], world.users[ANN]):
        with pytest.raises(NotFound):
            results.results(worker, study, timepoint, today(), by=asker)
    assert (results.choices(by=asker), results.workers(by=asker)) == ([], [])


def test_an_evaluator_finds_nothing(world: World):
    seen(world, 2)
    with pytest.raises(NotFound):
        look(world, None, by="evaluator")


def test_a_supervisor_looks_at_everybody_of_their_sites_and_at_nobody_of_another(world: World):
    seen(world, 2)
    seen(world, 3, ["B 2 Feb 2026"])
    seen(world, 4, ["A 2 Feb 2026"], place=("garden", "quay"))
    seen(world, 5, ["A 2 Feb 2026"], place=("orchard", "mill"))
    assert [look(world, worker, by=JO).people for worker in (ANN, BEN, None)] == [2, 3, 5]
    assert [each.name for each in results.workers(by=world.user(JO))] == ["Ben", "Link-Worker"]
    assert look(world, None, by="pond-keeper").people == 0
    with db.transaction():
        staff.grant(
            by=world.user("administrator"), user=world.user(ANN), role="link-worker", study=world.study(),
            site=world.site("quay"),
        )  # fmt: skip
    assert look(world, ANN, by=ANN).people == 6, "one's own people at both of one's sites"
    assert look(world, ANN, by=JO).people == 2


def test_the_timepoints_to_choose_from_are_those_after_the_baseline(world: World):
    assert [(study.slug, each.id) for study, each in results.choices(by=world.user(ANN))] == [("garden", "6m")]


# -------------------------------------------------------------------------------- what they were given, and used


def test_contacts_and_minutes_per_person_whoever_gave_them(world: World):
    seen(world, 1, contacts=[("A", "3 Mar 2026", "attended", 40), ("B", "4 Mar 2026", "attended", 20)])
    seen(world, 1, contacts=[("A", "3 Mar 2026", "attended", 30), ("A", "5 Mar 2026", "did-not-attend", 6)])
    seen(world, 2)
    seen(world, 1, ["B 2 Feb 2026"], contacts=[("A", "3 Mar 2026", "attended", 400)])
    given = look(world).given
    assert sorted(given.contacts) == [0, 0, 1, 2]
    assert sorted(given.minutes) == [0, 0, 36, 60]
    assert (given.mean_contacts, given.median_contacts) == (0.75, 0.5)
    assert (given.mean_minutes, given.median_minutes) == (24, 18)


def test_what_came_of_their_signposts(world: World):
    mine, (other,) = seen(world, 2), seen(world, 1, ["B 2 Feb 2026"])
    outcomes = [
        ("attended", 3), ("attended", None), ("did-not-attend", None), ("declined", None), ("full", None),
        ("unknown", None), ("waiting", None),
    ]  # fmt: skip
    with db.transaction() as session:
        for person, outcome, sessions in [*((mine[0], *each) for each in outcomes), (other, "attended", 9)]:
            session.add(Signpost(
                client_key=uuid.uuid4(), person_id=person, resource_id=world.resources["garden"], kind="referral",
                signposted_on=day("3 Mar 2026"), outcome=outcome, sessions_attended=sessions, recorded_by=world.users[JO],
            ))  # fmt: skip
    found = look(world).signposts
    assert (found.made, found.attended, found.not_attended, found.not_known, found.sessions) == (7, 2, 3, 2, 3)


def used(world: World, person: uuid.UUID, first: str, last: str, count: int, setting: str = "gp", source: str = "record-extract") -> None:  # fmt: skip
    with db.transaction() as session:
        session.add(ServiceUse(
            person_id=person, setting=setting, from_on=day(first), until_on=day(last), count=count, source=source,
            recorded_by=world.users[JO],
        ))  # fmt: skip


def test_attendances_a_year_are_of_those_with_a_period_on_both_sides(world: World):
    """Five people: 6 each in the 365 days before, 2 each in the 181 after: 30 in 1825 days, 10 in 905."""
    for person in seen(world, 5):
        used(world, person, "2 Feb 2025", ENTERED, 6)
        used(world, person, ENTERED, "2 Aug 2026", 2)
    (only_before,) = seen(world, 1)
    used(world, only_before, "2 Feb 2025", ENTERED, 99)
    (gp,) = look(world).used
    assert (gp.setting, gp.people, gp.before, gp.after) == ("gp", 5, 30, 10)
    assert (gp.years_before, gp.years_after) == (pytest.approx(1825 / 365.25), pytest.approx(905 / 365.25))
    assert gp.rates == (pytest.approx(30 / (1825 / 365.25)), pytest.approx(10 / (905 / 365.25)))


def test_few_people_have_counts_of_attendances_and_no_rate(world: World):
    for person in seen(world, 4):
        used(world, person, "2 Feb 2025", ENTERED, 6)
        used(world, person, ENTERED, "2 Aug 2026", 2)
    (gp,) = look(world).used
    assert (gp.people, gp.before, gp.after, gp.rates) == (4, 24, 8, None)


def test_a_period_across_the_day_of_entry_is_on_neither_side(world: World):
    (person,) = seen(world, 1)
    used(world, person, "1 Jan 2026", "1 Mar 2026", 50)
    used(world, person, "1 Jan 2025", "1 Jan 2026", 6)
    assert look(world).used == []
    used(world, person, "1 Mar 2026", "1 Apr 2026", 1)
    (gp,) = look(world).used
    assert (gp.before, gp.after) == (6, 1)


def test_before_and_after_come_from_one_source_the_record_first(world: World):
    first, second = seen(world, 2)
    for person in (first, second):
        used(world, person, "2 Feb 2025", ENTERED, 5, source="self-report")
        used(world, person, ENTERED, "2 Aug 2026", 4, source="self-report")
    used(world, first, "3 Feb 2025", ENTERED, 10)
    used(world, first, ENTERED, "3 Aug 2026", 8)
    used(world, second, "3 Feb 2025", ENTERED, 100)
    (gp,) = look(world).used
    assert (gp.people, gp.before, gp.after) == (2, 15, 12)


def test_each_setting_stands_by_itself(world: World):
    (person,) = seen(world, 1)
    for setting, count in (("gp", 6), ("emergency", 1)):
        used(world, person, "2 Feb 2025", ENTERED, count, setting=setting)
        used(world, person, ENTERED, "2 Aug 2026", count, setting=setting)
    assert {each.setting: (each.before, each.after) for each in look(world).used} == {"gp": (6, 6), "emergency": (1, 1)}


def test_nobody_s_results_are_none(world: World):
    told = look(world)
    assert (told.people, told.used, told.signposts.made) == (0, [], 0)
    assert [each.change for each in told.scales] == [None] * len(told.scales)


# ------------------------------------------------------------------------------------------------- size


def asked_with(world: World, pairs: Sequence[tuple[int, int]]) -> int:
    for person in answered(world, pairs):
        used(world, person, "2 Feb 2025", ENTERED, 6)
        used(world, person, ENTERED, "2 Aug 2026", 2)
    with statements() as asked:
        look(world)
    return len(asked)


def test_forty_people_ask_the_database_no_more_often_than_five(world: World):
    few = asked_with(world, PAIRS[:5])
    assert asked_with(world, [(10 + n % 9, n % 20) for n in range(35)]) == few
    assert len(phq9(look(world)).pairs) == 40


def test_the_day_after_the_window_closes_is_the_first_overdue_one(world: World):
    seen(world, 1)
    closes = occasions.plan_of(world.study(), by=world.user(JO)).timepoint("6m").window(day(ENTERED))[1]
    reasons = [next(iter(collected(look(world, on=closes + timedelta(n))).reasons)) for n in (0, 1)]
    assert reasons == ["Due now, not asked yet", "Not recorded, and overdue"]
