"""Who needs something today, held against a plain reading of the same history."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.world import World, contact, days_ago, signpost
from tracker.extensions import db, today
from tracker.models import Contact, Signpost
from tracker.queries import agenda

FOUR_WEEKS = 28


@dataclass(frozen=True)
class Day:
    """A contact so many days ago, and in how many days the next was agreed."""

    ago: int
    agreed_in: int | None


DAYS = st.builds(Day, st.integers(0, 190), st.none() | st.integers(1, 60))
OUTCOMES = st.sampled_from(["unknown", "waiting", "attended", "declined", "full"])
SIGNPOSTS = st.tuples(st.integers(0, 60), OUTCOMES, st.none() | st.integers(1, 60))
"""How many days ago, what came of it, and in how many days it is to be asked about."""


def expected(history: list[Day], signposts: list[tuple[int, str, int | None]], now: date) -> set[str]:
    """As one would work it out by hand from the notes."""
    reasons = set()
    last = min((day.ago for day in history), default=None)
    agreed = [day.agreed_in for day in history if day.ago == last and day.agreed_in is not None]
    if agreed and last is not None:
        if now - timedelta(last) + timedelta(agreed[-1]) <= now:
            reasons.add("contact-due")
    elif (200 if last is None else last) >= FOUR_WEEKS:
        reasons.add("no-contact")
    if any(outcome in ("unknown", "waiting") and asked_in is None for _, outcome, asked_in in signposts):
        reasons.add("signpost-waiting")
    return reasons


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    history=st.lists(DAYS, max_size=5, unique_by=lambda day: day.ago),
    signposts=st.lists(SIGNPOSTS, max_size=3, unique_by=lambda made: made[0]),
)
def test_any_history_gives_the_reasons_that_a_reader_would_give(
    world: World, history: list[Day], signposts: list[tuple[int, str, int | None]]
):
    with db.transaction() as session:
        for kind in (Signpost, Contact):
            for each in session.query(kind):
                session.delete(each)
    with db.transaction():
        for day in history:
            agreed = None if day.agreed_in is None else days_ago(day.ago) + timedelta(day.agreed_in)
            contact(world, contacted_on=days_ago(day.ago), next_contact_on=agreed)
        for ago, outcome, asked_in in signposts:
            asked_on = None if asked_in is None else days_ago(-asked_in)
            signpost(world, signposted_on=days_ago(ago), outcome=outcome, ask_again_on=asked_on)
    asker = world.user("link-worker")
    (entry,) = agenda.agenda(today(), by=asker)
    watched = {"contact-due", "no-contact", "signpost-waiting"}
    assert set(entry.reasons) & watched == expected(history, signposts, today())
    assert list(entry.reasons) == [reason for reason in agenda.REASONS if reason in entry.reasons]


@pytest.mark.parametrize("attendance", ["attended", "attempted", "did-not-attend", "cancelled"])
def test_any_kind_of_contact_breaks_the_silence(world: World, attendance: str):
    minutes = 20 if attendance == "attended" else 0
    with db.transaction():
        contact(world, contacted_on=days_ago(3), attendance=attendance, minutes=minutes)
    asker = world.user("link-worker")
    (entry,) = agenda.agenda(today(), by=asker)
    assert "no-contact" not in entry.reasons


def test_people_of_another_site_stand_on_no_list(world: World):
    with db.transaction():
        signpost(world, person="own", signposted_on=days_ago(30))
    for who, listed in (("quay-worker", {"Person Other-Site"}), ("orchard-worker", {"Person Other-Study"})):
        entries = agenda.agenda(today(), by=world.user(who), mine=False)
        assert {entry.row.person.label for entry in entries} == listed
        assert "signpost-waiting" not in {reason for entry in entries for reason in entry.reasons}
    for who in ("outcome-assessor", "evaluator", "administrator"):
        assert agenda.agenda(today(), by=world.user(who), mine=False) == []
