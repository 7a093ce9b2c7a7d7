"""Any history of referrals, hand-overs, closings, reopenings and contacts: the records tell what a plain model tells.

The model is a few lists; the application writes through its actions. Whatever is replayed, shuffled or refused on the
way, the two agree on every count and on who held whom on any day.
"""

from __future__ import annotations

import random
import shutil
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import func, select

from instruments import get
from tests import world as worlds
from tests.world import COMPLETE, World, days_ago
from tracker.actions import audit, care, outcomes
from tracker.actions.refusal import Refused
from tracker.extensions import db
from tracker.models import Assessment, Assignment, AuditEvent, Contact, ItemResponse, Referral, Signpost, User
from tracker.queries import caseload, command, workload

WORKERS = ("link-worker", "supervisor")
DAYS = st.integers(0, 210)


@dataclass
class Held:
    worker: str
    from_day: int
    until_day: int | None = None

    def covers(self, day: int) -> bool:
        """Days are counted backwards; the day of a hand-over or closing belongs to what comes after."""
        return self.from_day >= day and (self.until_day is None or day > self.until_day)


@dataclass
class Episode:
    """What should be true of one referral."""

    id: uuid.UUID
    referred: int
    closed: int | None = None
    spells: list[tuple[int, int]] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)
    contacts: dict[uuid.UUID, tuple[int, int]] = field(default_factory=dict)

    @property
    def current(self) -> Held | None:
        return next((each for each in self.held if each.until_day is None), None)

    @property
    def opened(self) -> int:
        """The day on which it was opened, or opened again."""
        return self.spells[-1][1] if self.spells else self.referred


def held_on(worker: uuid.UUID, day: date, by: User) -> int:
    """Caseload on a day, as somebody sees it who works at the site."""
    return len(workload.held_on(day, by=by).get(worker, ()))


class History(RuleBasedStateMachine):
    """Random work on one person's and another's referrals, in the application and in the model."""

    template: ClassVar[Path]
    made: ClassVar[World]

    @initialize()
    def begin(self) -> None:
        self.folder = Path(mkdtemp(prefix="kit-history-"))
        shutil.copyfile(self.template, self.folder / "tracker.db")
        app = worlds.application(f"sqlite:///{self.folder / 'tracker.db'}", self.folder)
        self.context = app.app_context()
        self.context.push()
        self.episodes = [
            Episode(self.made.referrals["own"], 200, held=[Held("link-worker", 200)]),
            Episode(
                self.made.referrals["same-site"], 200, held=[Held("link-worker", 200, 199), Held("supervisor", 199)]
            ),
        ]
        self.others = db.session.scalar(select(func.count()).select_from(Referral)) - len(self.episodes)  # type: ignore[operator]

    def teardown(self) -> None:
        if hasattr(self, "context"):
            self.context.pop()
            db.close()
            shutil.rmtree(self.folder)

    def _do(self, allowed: bool, work: Callable[[], Any]) -> bool:
        """Do it in a transaction; refused exactly when the model does not allow it."""
        told: Refused | None = None
        try:
            with db.transaction():
                work()
        except Refused as refused:
            told = refused
        assert (told is None) == allowed, told or "done though not allowed"
        return allowed

    def _referral(self, episode: Episode) -> Referral:
        found = db.session.get(Referral, episode.id)
        assert found is not None
        return found

    @rule(who=st.sampled_from(["own", "same-site"]), day=st.integers(-3, 210))
    def refer(self, who: str, day: int) -> None:
        made: list[uuid.UUID] = []

        def work() -> None:
            referral = care.record_referral(
                by=self.made.user("link-worker"), person=self.made.person(who), source="gp", referred_on=days_ago(day)
            )
            made.append(referral.id)

        if self._do(day >= 0, work):
            self.episodes.append(Episode(made[0], day))

    @rule(place=st.integers(0, 9), worker=st.sampled_from(WORKERS), day=DAYS)
    def hand_over(self, place: int, worker: str, day: int) -> None:
        episode = self.episodes[place % len(self.episodes)]
        current = episode.current
        earliest = current.from_day if current else episode.referred
        done = self._do(
            episode.closed is None and day <= earliest and not (current and current.worker == worker),
            lambda: care.assign(
                by=self.made.user("supervisor"), referral=self._referral(episode), worker=self.made.user(worker),
                from_on=days_ago(day),
            ),
        )  # fmt: skip
        if done:
            if current:
                current.until_day = day
            episode.held.append(Held(worker, day))

    @rule(place=st.integers(0, 9), day=DAYS)
    def close(self, place: int, day: int) -> None:
        episode = self.episodes[place % len(self.episodes)]
        done = self._do(
            episode.closed is None and day <= episode.opened,
            lambda: care.close_referral(
                by=self.made.user("link-worker"), referral=self._referral(episode), closed_on=days_ago(day),
                closure_reason="completed",
            ),
        )  # fmt: skip
        if done:
            episode.closed = day
            if episode.current:
                episode.current.until_day = min(day, episode.current.from_day)

    @rule(place=st.integers(0, 9), worker=st.sampled_from(WORKERS), day=st.integers(-3, 210))
    def reopen(self, place: int, worker: str, day: int) -> None:
        episode = self.episodes[place % len(self.episodes)]
        closed = episode.closed
        done = self._do(
            closed is not None and 0 <= day <= closed and closed - day <= care.REOPENING_PERIOD.days,
            lambda: care.reopen_referral(
                by=self.made.user(worker), referral=self._referral(episode), reopened_on=days_ago(day), reason="Back",
            ),
        )  # fmt: skip
        if done and closed is not None:
            episode.spells.append((closed, day))
            episode.held.append(Held(worker, day))
            episode.closed = None

    @rule(place=st.integers(0, 9), day=st.integers(-3, 210), minutes=st.integers(-5, 500), again=st.integers(0, 3))
    def contact(self, place: int, day: int, minutes: int, again: int) -> None:
        episode, key = self.episodes[place % len(self.episodes)], uuid.uuid4()
        still_open = episode.closed is None or day >= episode.closed
        allowed = 0 <= day <= episode.referred and 1 <= minutes <= 480 and still_open
        for _ in range(1 + again):
            self._do(
                allowed,
                lambda: care.record_contact(
                    by=self.made.user("link-worker"), referral=self._referral(episode), client_key=key,
                    contacted_on=days_ago(day), mode="phone", attendance="attended", minutes=minutes,
                ),
            )  # fmt: skip
        if allowed:
            episode.contacts[key] = (day, minutes)

    @rule(place=st.integers(0, 9), chosen=st.integers(0, 9))
    def send_an_old_key_with_other_content(self, place: int, chosen: int) -> None:
        episode = self.episodes[place % len(self.episodes)]
        if episode.contacts:
            key, (day, minutes) = list(episode.contacts.items())[chosen % len(episode.contacts)]
            self._do(
                False,
                lambda: care.record_contact(
                    by=self.made.user("link-worker"), referral=self._referral(episode), client_key=key,
                    contacted_on=days_ago(day), mode="home", attendance="attended", minutes=minutes,
                ),
            )  # fmt: skip

    @invariant()
    def nobody_shares_a_referral(self) -> None:
        if not hasattr(self, "context"):
            return
        shares = db.session.execute(
            select(Assignment.referral_id, func.count()).where(Assignment.until_on.is_(None)).group_by("referral_id")
        ).all()
        assert [count for _, count in shares if count > 1] == []

    @invariant()
    def records_and_model_agree(self) -> None:
        if not hasattr(self, "context"):
            return
        count = db.session.scalar(select(func.count()).select_from(Referral))
        assert count == self.others + len(self.episodes)
        for episode in self.episodes:
            referral = self._referral(episode)
            contacts = db.session.scalars(select(Contact).where(Contact.referral_id == episode.id)).all()
            assert {each.client_key: (each.contacted_on, each.minutes) for each in contacts} == {
                key: (days_ago(day), minutes) for key, (day, minutes) in episode.contacts.items()
            }
            assert referral.closed_on == (None if episode.closed is None else days_ago(episode.closed))
            assert Counter((each.closed_on, each.reopened_on) for each in referral.reopenings) == Counter(
                (days_ago(closed), days_ago(again)) for closed, again in episode.spells
            )
            assert Counter((each.worker_id, each.from_on, each.until_on) for each in referral.assignments) == Counter(
                (
                    self.made.users[each.worker],
                    days_ago(each.from_day),
                    None if each.until_day is None else days_ago(each.until_day),
                )
                for each in episode.held
            )

    @rule(worker=st.sampled_from(WORKERS), day=DAYS)
    def the_caseload_on_any_day_is_exact(self, worker: str, day: int) -> None:
        held = [each for each in self.episodes if any(h.worker == worker and h.covers(day) for h in each.held)]
        by = self.made.user("supervisor")
        assert held_on(self.made.users[worker], days_ago(day), by) == len(held)
        db.session.rollback()

    @rule()
    def what_each_person_was_given_is_the_sum_of_it(self) -> None:
        given = sum(minutes for each in self.episodes for _, minutes in each.contacts.values())
        doses = workload.doses(by=self.made.user("supervisor"))
        assert sum(each.minutes for each in doses.values()) == given
        assert sum(each.attended for each in doses.values()) == sum(len(each.contacts) for each in self.episodes)
        db.session.rollback()

    @rule(worker=st.sampled_from(WORKERS))
    def the_screen_shows_who_is_held_now(self, worker: str) -> None:
        by = self.made.user(worker)
        rows = caseload.caseload(by=by)
        now = [each for each in self.episodes if each.closed is None and each.current and each.current.worker == worker]
        assert {(row.referral_id, row.attended) for row in rows} == {(each.id, len(each.contacts)) for each in now}
        db.session.rollback()

    @rule()
    def the_trail_is_whole(self) -> None:
        events = list(command.trail(by=None))
        assert list(audit.faults(iter(events))) == []
        recorded = Counter(event.action for event in events)
        assert recorded["record_contact"] == sum(len(each.contacts) for each in self.episodes)
        assert recorded["reopen_referral"] == sum(len(each.spells) for each in self.episodes)
        closings = sum(each.closed is not None for each in self.episodes) + recorded["reopen_referral"]
        assert recorded["close_referral"] == closings


def test_any_history_of_care_is_told_as_it_was(sqlite_world: tuple[Path, World]):
    History.template, History.made = sqlite_world
    run_state_machine_as_test(History, settings=settings(max_examples=15, stateful_step_count=25, deadline=None))


# -------------------------------------------------------------------------------------- replay


@settings(max_examples=12)
@given(st.randoms(use_true_random=False), st.lists(st.integers(1, 5), min_size=6, max_size=6))
def _replay(world: World, chance: random.Random, times: list[int]) -> None:
    """Two contacts, two signposts and two assessments, each sent some times, in any order, some sent twice in a row."""
    before = (_count(Contact), _count(Signpost))
    keys = [uuid.uuid4() for _ in times]
    sendings = [place for place, often in enumerate(times) for _ in range(often)]
    chance.shuffle(sendings)
    for place in sendings:
        with db.transaction():
            _send(world, place, keys[place])
    assert (_count(Contact), _count(Signpost)) == (before[0] + 2, before[1] + 2)
    assert (_count(Assessment), _count(ItemResponse)) == (2, 13)
    for place, kind in enumerate((Contact, Contact, Signpost, Signpost, Assessment, Assessment)):
        assert _count(kind, kind.client_key == keys[place]) == 1
    _forget_assessments()


def _send(world: World, place: int, key: uuid.UUID) -> None:
    if place < 2:
        worlds.contact(world, client_key=key, minutes=20 + place)
    elif place < 4:
        worlds.signpost(world, client_key=key, signposted_on=days_ago(place), outcome="attended")
    else:
        instrument = ("ons4", "phq9")[place - 4]
        outcomes.record_assessment(
            by=world.user("link-worker"), person=world.person("own"), instrument=get(instrument), client_key=key,
            responses=COMPLETE[instrument],
            administration=outcomes.Administration("baseline", days_ago(199), "in-person", "self"),
        )  # fmt: skip


def _count(kind: type[Any], *conditions: Any) -> int:
    return db.session.scalar(select(func.count()).select_from(kind).where(*conditions)) or 0


def _forget_assessments() -> None:
    """An occasion is answered once; the next example needs it free again."""
    with db.transaction() as session:
        for table in (ItemResponse, Assessment):
            session.execute(table.__table__.delete())


def test_whatever_is_sent_again_in_whatever_order_stands_once(world: World):
    _replay(world)
    events = list(command.trail(by=None))
    assert list(audit.faults(iter(events))) == []
    written = Counter(event.action for event in events)
    assert written["record_contact"] == _count(Contact)
    assert written["record_signpost"] == _count(Signpost)


# -------------------------------------------------------------------------------------- histories made by hand

# worker, from, until (days ago), then who holds how many on the day
HANDS = [
    ("one worker all along", [("a", 100, None)], {150: "", 100: "a", 50: "a", 0: "a"}),
    ("handed over in the morning", [("a", 100, 40), ("b", 40, None)], {41: "a", 40: "b", 39: "b"}),
    ("handed over twice on a day", [("a", 100, 40), ("b", 40, 40), ("a", 40, None)], {41: "a", 40: "a", 0: "a"}),
    ("closed", [("a", 100, 40)], {41: "a", 40: "", 0: ""}),
    ("closed on the day it began", [("a", 100, 100)], {101: "", 100: "", 99: ""}),
    ("come back after a while", [("a", 100, 80), ("a", 20, None)], {90: "a", 80: "", 50: "", 20: "a"}),
    ("three in turn", [("a", 100, 70), ("b", 70, 30), ("c", 30, None)], {100: "a", 70: "b", 31: "b", 30: "c"}),
]


@pytest.mark.parametrize(("story", "held", "expected"), HANDS, ids=[each[0] for each in HANDS])
def test_who_holds_the_referral_on_a_day(
    world: World, story: str, held: list[tuple[str, int, int | None]], expected: dict[int, str]
):
    workers = {"a": "link-worker", "b": "supervisor", "c": "quay-worker"}
    referral = world.referrals["own"]
    with db.transaction() as session:
        session.execute(Assignment.__table__.delete())
        for worker, began, ended in held:
            session.execute(
                Assignment.__table__.insert().values(
                    id=uuid.uuid4(), referral_id=referral, worker_id=world.users[workers[worker]],
                    from_on=days_ago(began), until_on=None if ended is None else days_ago(ended),
                    recorded_at=_now(), recorded_by=world.users["supervisor"],
                )
            )  # fmt: skip
    for day, holders in expected.items():
        by = world.user("supervisor")
        found = "".join(each for each, name in workers.items() if held_on(world.users[name], days_ago(day), by))
        assert found == holders, f"{story}, {day} days ago"


def _now() -> Any:
    from datetime import UTC, datetime

    return datetime.now(UTC)


def test_every_line_of_a_busy_trail_names_a_record_that_is_there(world: World):
    chance = random.Random(5)
    for number in range(30):
        with db.transaction():
            if chance.random() < 0.5:
                worlds.contact(world)
            else:
                worlds.signpost(world, signposted_on=days_ago(number))
    kinds = {"contact": Contact, "signpost": Signpost, "assignment": Assignment, "referral": Referral}
    events = [e for e in db.session.scalars(select(AuditEvent)) if e.table_name in kinds]
    assert [e.number for e in events if db.session.get(kinds[e.table_name], uuid.UUID(e.record_id)) is None] == []
    assert len(events) >= 30
