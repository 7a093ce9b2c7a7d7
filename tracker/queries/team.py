"""A supervisor's team: each link worker's caseload against their hours on any day, and how it came to be."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from statistics import median

from sqlalchemy import ColumnElement, func, or_, select

from ..extensions import db, local_day
from ..models import Contact, Membership, Post, Referral, Site, Study, User
from .histories import Episode, episodes
from .scope import at_own_sites, at_places, has_withdrawn, sites

SUPERVISES = ("supervisor",)
WEEK = timedelta(7)
WEEKS_SHOWN, WEEKS_COUNTED = 26, 4
"""How far back the pictures reach, and over how many full weeks the work of a week is averaged."""
FEWEST = 5
"""A share of fewer says more about chance than about the work."""

ADDED_UP = (
    "fte", "new", "taken_over", "closed", "contacts", "minutes", "travel_minutes", "not_attended", "unmet",
)  # fmt: skip

Place = tuple[Site, Study]
Worker = uuid.UUID | None
"""Whose it is; None is nobody's."""


def _monday(day: date) -> date:
    return day - timedelta(day.weekday())


@dataclass(slots=True)
class Load:
    """One link worker on one day; of nobody, the people whom nobody holds. Contacts are of the last full weeks."""

    worker: User | None
    fte: float = 0.0
    open: int = 0
    new: int = 0
    taken_over: int = 0
    closed: int = 0
    contacts: int = 0
    minutes: int = 0
    travel_minutes: int = 0
    not_attended: int = 0
    waits: list[int] = field(default_factory=list)
    unmet: int = 0

    @property
    def per_fte(self) -> float | None:
        """Open referrals for each full-time equivalent; None where no post covers the day."""
        return self.open / self.fte if self.fte else None

    @property
    def agreed(self) -> int:
        """Contacts that were agreed: those that took place and those to which the person did not come."""
        return self.contacts + self.not_attended

    @property
    def share_not_attended(self) -> float | None:
        return self.not_attended / self.agreed if self.agreed >= FEWEST else None

    @property
    def median_wait(self) -> float | None:
        """Days from the referral to the first contact that took place; None where nobody was met."""
        return median(self.waits) if self.waits else None


@dataclass(frozen=True, slots=True)
class Week:
    """A week from its Monday: who was open on its last day, and the contacts that took place in it."""

    monday: date
    caseload: int
    contacts: int

    @property
    def sunday(self) -> date:
        return self.monday + timedelta(6)


@dataclass(frozen=True, slots=True)
class Team:
    """Everybody's load on a day, nobody's last where it has people, all together, and the weeks before."""

    day: date
    loads: Sequence[Load]
    together: Load
    weeks: Sequence[Week]

    @property
    def month_began(self) -> date:
        return self.day.replace(day=1)

    @property
    def counted_from(self) -> date:
        return _monday(self.day) - WEEKS_COUNTED * WEEK

    @property
    def counted_until(self) -> date:
        """The Sunday of the last full week."""
        return _monday(self.day) - timedelta(1)


def places(*, by: User) -> Sequence[Place]:
    """The sites that the asker supervises, each with its study."""
    return sites(by, SUPERVISES)


def team(day: date, chosen: Sequence[Place], *, by: User) -> Team:
    """How the work stood at some of the sites that the asker supervises."""
    mine = [place for place in places(by=by) if (place[0].id, place[1].id) in {(s.id, t.id) for s, t in chosen}]
    people = at_places(tuple((study.id, site.id) for site, study in mine)) & at_own_sites(by, SUPERVISES)
    since = _monday(day) - WEEKS_SHOWN * WEEK
    found = episodes(since, by=by, people=people)
    work = _work(since, day, people)
    loads: defaultdict[Worker, Load] = defaultdict(lambda: Load(None))
    for worker, fte in _fte(day, mine).items():
        loads[worker].fte = fte
    for each in found:
        _count(each, day, since, loads)
    _add_work(work, _monday(day) - WEEKS_COUNTED * WEEK, _monday(day), loads)
    return Team(day, _named(loads, day, mine), _together(found, loads, day), _weeks(found, work, day))


def _count(episode: Episode, day: date, since: date, loads: defaultdict[Worker, Load]) -> None:
    """Add what one referral means for whoever has to do with it."""
    month = day.replace(day=1)
    for worker in episode.holders(day) or ([None] if episode.is_open(day) else []):
        loads[worker].open += 1
    for worker in episode.taken_over(month, day):
        loads[worker].taken_over += 1
    if closing := episode.closing(month, day):
        loads[episode.closed_by(closing)].closed += 1
    worker, began = episode.begun
    if month <= began <= day:
        loads[worker].new += 1
    if since <= began <= day:
        _count_wait(episode, day, loads[worker])


def _count_wait(episode: Episode, day: date, load: Load) -> None:
    if (wait := episode.days_to_meeting(day)) is not None:
        load.waits.append(wait)
    elif episode.is_open(day):
        load.unmet += 1


@dataclass(frozen=True, slots=True)
class _Work:
    """What one worker logged on one day with one kind of attendance."""

    worker: uuid.UUID
    day: date
    attendance: str
    contacts: int
    minutes: int
    travel_minutes: int


def _work(since: date, day: date, people: ColumnElement[bool]) -> Sequence[_Work]:
    columns = (Contact.worker_id, Contact.contacted_on, Contact.attendance)
    rows = db.session.execute(
        select(*columns, func.count(), func.sum(Contact.minutes), func.coalesce(func.sum(Contact.travel_minutes), 0))
        .join(Contact.referral)
        .join(Referral.person)
        .where(people, ~has_withdrawn(), Contact.contacted_on >= since, Contact.contacted_on <= day)
        .group_by(*columns)
    )
    return [
        _Work(worker, day, attendance, count, minutes or 0, travel or 0)
        for worker, day, attendance, count, minutes, travel in rows
    ]


def _add_work(work: Iterable[_Work], first: date, end: date, loads: defaultdict[Worker, Load]) -> None:
    for each in work:
        if first <= each.day < end:
            load = loads[each.worker]
            load.contacts += each.contacts if each.attendance == "attended" else 0
            load.not_attended += each.contacts if each.attendance == "did-not-attend" else 0
            load.minutes += each.minutes
            load.travel_minutes += each.travel_minutes


def _fte(day: date, chosen: Sequence[Place]) -> Mapping[uuid.UUID, float]:
    """The last day of a post is a day of it. A site in two studies has its posts once."""
    rows = db.session.execute(
        select(Post.user_id, func.sum(Post.fte))
        .where(Post.site_id.in_({site.id for site, _ in chosen}), Post.from_on <= day)
        .where(or_(Post.until_on.is_(None), Post.until_on >= day))
        .group_by(Post.user_id)
    )
    return {worker: round(fte, 4) for worker, fte in rows}


def _named(loads: Mapping[Worker, Load], day: date, chosen: Sequence[Place]) -> Sequence[Load]:
    """By name, with those who hold the role and nothing else yet; what nobody holds comes last."""
    ids = {worker for worker in loads if worker} | _link_workers(day, chosen)
    workers = db.session.scalars(select(User).where(User.id.in_(ids)).order_by(User.name, User.id))
    named = [_of(worker, loads.get(worker.id)) for worker in workers]
    nobody = loads.get(None)
    return [*named, nobody] if nobody and (nobody.open or nobody.new or nobody.closed or nobody.unmet) else named


def _of(worker: User, load: Load | None) -> Load:
    load = load or Load(None)
    load.worker = worker
    return load


def _link_workers(day: date, chosen: Sequence[Place]) -> set[uuid.UUID]:
    """Who was a link worker at these sites on a day."""
    places = {(site.id, study.id) for site, study in chosen}
    held = db.session.scalars(
        select(Membership)
        .join(User, User.id == Membership.user_id)
        .where(Membership.role == "link-worker", Membership.site_id.in_({site for site, _ in places}), User.active)
    )
    return {
        each.user_id
        for each in held
        if (each.site_id, each.study_id) in places and local_day(each.recorded_at) <= day
        and (each.ended_at is None or local_day(each.ended_at) > day)
    }  # fmt: skip


def _together(found: Sequence[Episode], loads: Mapping[Worker, Load], day: date) -> Load:
    """All of it; a referral that two are said to hold is one."""
    total = Load(None, open=_open(found, day))
    for load in loads.values():
        for name in ADDED_UP:
            setattr(total, name, getattr(total, name) + getattr(load, name))
        total.waits += load.waits
    total.fte = round(total.fte, 4)
    return total


def _open(found: Sequence[Episode], day: date) -> int:
    return sum(bool(each.holders(day)) or each.is_open(day) for each in found)


def _weeks(found: Sequence[Episode], work: Sequence[_Work], day: date) -> Sequence[Week]:
    """The full weeks before the one of the day, the first first."""
    made: dict[date, int] = defaultdict(int)
    for each in work:
        if each.attendance == "attended":
            made[_monday(each.day)] += each.contacts
    mondays = [_monday(day) - back * WEEK for back in range(WEEKS_SHOWN, 0, -1)]
    return [Week(first, _open(found, first + timedelta(6)), made[first]) for first in mondays]
