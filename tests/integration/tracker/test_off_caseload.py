"""Reminders of outcomes for people whom no link worker holds any more: closed, declined, or never reached."""

from __future__ import annotations

from datetime import date

import pytest

from tests.integration.tracker.teamwork import statements
from tests.world import World, assessment, days_ago
from tracker.actions import care, people
from tracker.extensions import db, keyring, today
from tracker.queries import agenda, caseload
from tracker.queries import people as histories

INSTRUMENTS = ("ons4", "phq9", "eq5d-5l")
ENDINGS = ("closed", "declined", "unreachable")
BASELINE_ENDS, LATER_OPENS, LATER_ENDS = 28, 182 - 42, 182 + 60
"""Days after entry, from the plan of the small world: baseline until the first, 6 months from the second to the third."""


def reminders(world: World, who: str = "link-worker", day: date | None = None, at_most: int = 50) -> agenda.Reminders:
    return agenda.unheld(day or today(), by=world.user(who)).after_support(at_most)


def told(found: agenda.Reminders) -> dict[str, str]:
    return {person.label: found.states[person.id] for person in found.shown}


def end(world: World, how: str, name: str = "own", who: str = "link-worker") -> None:
    """End somebody's support: the referral that they have is closed, and one that they declined may come after it."""
    by, person = world.user(who), world.person(name)
    with db.transaction():
        care.close_referral(
            by=by, referral=world.referral(name), closed_on=days_ago(9), closure_reason="completed"
        )  # fmt: skip
        if how != "closed":
            care.record_referral(
                by=by, person=person, source="gp", referred_on=days_ago(3), status=how,
                answer_reason=next(iter(care.REASONS_OF[how])),
            )  # fmt: skip


def newcomer(world: World, name: str, entered: int, status: str, who: str = "link-worker", site: str = "mill") -> None:
    """Somebody whose only referral stands so."""
    by = world.user(who)
    person = people.add_person(
        by=by, study=world.study(), site=world.site(site), entered_on=days_ago(entered),
        identity=people.IdentityFacts(name),
    )  # fmt: skip
    people.record_consent(by=by, person=person, kind="service", given_on=days_ago(entered))
    reason = next(iter(care.REASONS_OF[status])) if status in care.REASONS_OF else None
    care.record_referral(
        by=by, person=person, source="gp", referred_on=days_ago(entered), status=status, answer_reason=reason
    )
    world.people[name] = person.id


# ------------------------------------------------------------------------------------------- who is told


def test_nobody_is_told_of_while_everybody_is_held(world: World):
    found = reminders(world)
    assert (found.followed, found.states, list(found.shown)) == (0, {}, [])


@pytest.mark.parametrize("how", ENDINGS)
def test_whoever_is_on_no_caseload_any_more_is_told_of_when_their_outcome_is_due(world: World, how: str):
    end(world, how)
    assert caseload.caseload(by=world.user("link-worker")) == []
    assert told(reminders(world)) == {"Person Own": "overdue"}


@pytest.mark.parametrize("status", ["declined", "unreachable"])
def test_somebody_who_was_never_on_a_caseload_is_told_of_too(world: World, status: str):
    with db.transaction():
        newcomer(world, "Nina Never", 5, status)
    assert told(reminders(world)) == {"Nina Never": "due"}


@pytest.mark.parametrize(
    ("day", "state"),
    [(0, "due"), (BASELINE_ENDS, "due"), (BASELINE_ENDS + 1, "overdue"), (400, "overdue")],
)
def test_an_outcome_is_due_within_its_window_and_overdue_behind_it(world: World, day: int, state: str):
    with db.transaction():
        newcomer(world, "Nina Never", 0, "declined")
    assert told(reminders(world, day=days_ago(-day))) == {"Nina Never": state}


@pytest.mark.parametrize(
    ("day", "states"),
    [
        (LATER_OPENS - 1, {}), (LATER_OPENS, {"Person Own": "due"}), (LATER_ENDS, {"Person Own": "due"}),
        (LATER_ENDS + 1, {"Person Own": "overdue"}),
    ],
)  # fmt: skip
def test_between_two_timepoints_nothing_is_told(world: World, day: int, states: dict[str, str]):
    end(world, "closed")
    with db.transaction():
        for instrument in INSTRUMENTS:
            assessment(world, instrument)
    found = reminders(world, day=days_ago(200 - day))
    assert (found.followed, told(found)) == (1, states)


def test_whoever_answered_everything_is_followed_and_not_told_of(world: World):
    end(world, "closed")
    with db.transaction():
        for instrument in INSTRUMENTS:
            for timepoint in ("baseline", "6m"):
                assessment(world, instrument, timepoint)
    found = reminders(world)
    assert (found.followed, found.states) == (1, {})


def test_somebody_who_is_referred_again_is_no_longer_told_of_here(world: World):
    end(world, "closed")
    worker = world.user("link-worker")
    with db.transaction():
        again = care.record_referral(
            by=worker, person=world.person("own"), source="gp", referred_on=days_ago(2), status="offered"
        )
        assert reminders(world).followed == 0
        care.answer_referral(by=worker, referral=again, version=again.version, status="accepted", decided_on=today())
        assert reminders(world).followed == 0
        care.close_referral(by=worker, referral=again, closed_on=today(), closure_reason="completed")
    assert told(reminders(world)) == {"Person Own": "overdue"}


def test_somebody_who_left_the_study_is_asked_nothing_more(world: World):
    end(world, "closed")
    with db.transaction():
        people.leave(by=world.user("link-worker"), person=world.person("own"), left_on=today(), left_reason="moved")
    assert reminders(world).followed == 0


def test_somebody_who_withdrew_is_not_told_of(world: World):
    end(world, "closed")
    with db.transaction():
        people.withdraw(
            by=world.user("link-worker"), person=world.person("own"), withdrawn_on=today(), on_withdrawal="keep"
        )
    assert reminders(world).followed == 0


# ------------------------------------------------------------------------------------------- who is told it


def test_it_is_told_to_those_who_care_for_people_of_the_site_and_to_nobody_else(world: World):
    end(world, "closed")
    end(world, "declined", "other-site", "quay-worker")
    with db.transaction():
        newcomer(world, "Pia Pond", 5, "unreachable", "pond-keeper", "pond")
    mill, quay, pond = {"Person Own": "overdue"}, {"Person Other-Site": "overdue"}, {"Pia Pond": "due"}
    expected = {
        "link-worker": mill, "supervisor": mill, "quay-worker": quay, "pond-keeper": pond, "orchard-worker": {},
        "outcome-assessor": {}, "evaluator": {}, "administrator": {},
    }  # fmt: skip
    for who, states in expected.items():
        found = reminders(world, who)
        assert (told(found), found.followed) == (states, len(states)), who


# ------------------------------------------------------------------------------------------- many of them


def many(world: World, number: int, first: int = 0) -> None:
    with db.transaction():
        for each in range(first, first + number):
            newcomer(world, f"Extra {each}", 60 if each % 3 else 5, "declined")


def test_what_can_still_be_asked_in_time_stands_first_and_all_are_counted(world: World):
    many(world, 9)
    found = reminders(world, at_most=4)
    assert [found.states[each.id] for each in found.shown] == ["due", "due", "due", "overdue"]
    assert (found.followed, found.count("due"), found.count("overdue")) == (9, 3, 6)
    assert len({each.label for each in reminders(world).shown}) == 9


def test_many_people_are_asked_of_as_often_as_few(world: World):
    def asked_of() -> int:
        db.session.rollback()
        db.session.expunge_all()
        worker = world.user("link-worker")
        with statements() as asked:
            found = agenda.unheld(today(), by=worker).after_support(5)
            assert all(each.label.startswith("Extra ") for each in found.shown)
        return len(asked)

    many(world, 6)
    few = asked_of()
    many(world, 30, first=6)
    assert asked_of() == few


def test_names_are_opened_only_of_those_who_are_shown(world: World, monkeypatch: pytest.MonkeyPatch):
    many(world, 6)
    opened: list[str] = []
    decrypt = keyring.decrypt
    monkeypatch.setattr(keyring, "decrypt", lambda blob, place: opened.append(place) or decrypt(blob, place))
    found = reminders(world, at_most=2)
    assert (len(found.states), opened) == (6, [])
    assert sorted(each.label for each in found.shown) == ["Extra 0", "Extra 3"]
    assert opened == ["identity.name"] * 2


def test_somebody_without_a_name_is_listed_by_the_study_number(world: World):
    by = world.user("link-worker")
    with db.transaction():
        nameless = people.add_person(by=by, study=world.study(), site=world.site("mill"), entered_on=days_ago(5))
        people.record_consent(by=by, person=nameless, kind="research", given_on=days_ago(5))
    found = agenda.unheld(today(), by=by).without_referral(5)
    assert [(each.label, each.study_number) for each in found.shown] == [(nameless.study_number,) * 2]


def test_whoever_is_followed_for_comparison_with_something_to_answer_comes_before_the_others(world: World):
    by = world.user("link-worker")
    with db.transaction():
        for name, entered in (("Ada Answered", 100), ("Ned Now", 5), ("Lou Late", 60)):
            person = people.add_person(
                by=by, study=world.study(), site=world.site("mill"), entered_on=days_ago(entered),
                identity=people.IdentityFacts(name),
            )  # fmt: skip
            people.record_consent(by=by, person=person, kind="research", given_on=days_ago(entered))
            world.people[name] = person.id
        for instrument in INSTRUMENTS:
            assessment(world, instrument, person="Ada Answered")
    found = agenda.unheld(today(), by=by).without_referral(2)
    assert (found.followed, [each.label for each in found.shown]) == (3, ["Ned Now", "Lou Late"])


def test_the_consents_of_everyone_are_read_at_once(world: World):
    """Every rule about a person asks for their consents."""

    def asked_of() -> int:
        db.session.rollback()
        db.session.expunge_all()
        supervisor = world.user("supervisor")
        with statements() as asked:
            histories.everyone(by=supervisor)
        return len(asked)

    def more(number: int) -> None:
        with db.transaction():
            supervisor = world.user("supervisor")
            for _ in range(number):
                added = people.add_person(
                    by=supervisor, study=world.study(), site=world.site("mill"), entered_on=days_ago(9)
                )
                people.record_consent(by=supervisor, person=added, kind="service", given_on=days_ago(9))

    more(2)
    few = asked_of()
    more(20)
    assert asked_of() == few
