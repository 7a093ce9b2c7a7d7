"""What somebody's people reported and attended before and after, in numbers, with what is missing. Never an effect."""

from __future__ import annotations

import uuid
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from statistics import fmean, median

from sqlalchemy import ColumnElement, and_, exists, func, or_, select
from sqlalchemy.orm import lazyload, selectinload

from instruments import definition, get, meaning
from instruments.codes import LEAVING_REASONS, MISSING_REASONS, USE_SOURCES
from instruments.plan import Timepoint
from instruments.scoring import Score

from ..extensions import db
from ..models import STILL_ASKED, Assessment, Assignment, Person, Referral, ServiceUse, Signpost, Study, User
from ..paired import PairedChange, paired_change
from ..permissions import CARE_ROLES, holds
from .occasions import plan_of
from .scope import NotFound, at_own_sites, has_withdrawn, sites
from .team import SUPERVISES
from .workload import doses

FEWEST, YEAR = 5, 365.25
"""With fewer pairs there are counts and no means: they would say more about one person than about all of them."""


@dataclass(frozen=True, slots=True)
class Collected:
    """One instrument: of how many people there are answers, and why the rest have none at follow-up."""

    instrument: definition.Instrument
    people: int
    baseline: int
    follow_up: int
    both: int
    reasons: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class ScaleResult:
    """One scale: who has a score when, the pairs (baseline, follow-up), and the baselines that have no second score."""

    instrument: definition.Instrument
    scale: definition.Scale
    baseline: int
    follow_up: int
    pairs: Sequence[tuple[float, float]]
    alone: Sequence[float]
    value_set: str | None

    @property
    def mid(self) -> definition.Mid | None:
        return meaning.mid(self.scale, self.value_set)

    @property
    def change(self) -> PairedChange | None:
        """None with too few pairs."""
        return paired_change(self.pairs) if len(self.pairs) >= FEWEST else None

    @property
    def mean_alone(self) -> float | None:
        return fmean(self.alone) if len(self.alone) >= FEWEST else None

    @property
    def directions(self) -> Mapping[str, int]:
        """How many became better, worse or neither; by the size that matters where one is known."""
        changes = [meaning.change(self.scale, before, after, self.value_set) for before, after in self.pairs]
        ways = Counter("same" if each.matters is False else each.direction for each in changes)
        return {way: ways[way] for way in ("better", "same", "worse")}


@dataclass(frozen=True, slots=True)
class Signposted:
    """What came of the signposts of these people."""

    made: int
    attended: int
    not_known: int
    sessions: int

    @property
    def not_attended(self) -> int:
        """Known, and not attended: did not come, declined, or the resource was full."""
        return self.made - self.attended - self.not_known


@dataclass(frozen=True, slots=True)
class Given:
    """Contacts and minutes of these people, whoever gave them."""

    contacts: Sequence[int]
    minutes: Sequence[int]

    @property
    def mean_contacts(self) -> float:
        return fmean(self.contacts)

    @property
    def median_contacts(self) -> float:
        return median(self.contacts)

    @property
    def mean_minutes(self) -> float:
        return fmean(self.minutes)

    @property
    def median_minutes(self) -> float:
        return median(self.minutes)


@dataclass(frozen=True, slots=True)
class Used:
    """Attendances of those who have a period before entry and one after it, from one source."""

    setting: str
    people: int
    before: int
    years_before: float
    after: int
    years_after: float

    @property
    def rates(self) -> tuple[float, float] | None:
        """Attendances a year before and after; None of too few people."""
        return (self.before / self.years_before, self.after / self.years_after) if self.people >= FEWEST else None


@dataclass(frozen=True, slots=True)
class Results:
    """Everything about the people of one worker (or of all), from the baseline to one later timepoint."""

    people: int
    left: int
    baseline: Timepoint
    follow_up: Timepoint
    collected: Sequence[Collected]
    scales: Sequence[ScaleResult]
    signposts: Signposted
    given: Given
    used: Sequence[Used]


def choices(*, by: User) -> Sequence[tuple[Study, Timepoint]]:
    """The timepoints after the baseline, of each study in which the asker cares for people."""
    studies = {study.id: study for _, study in sites(by, CARE_ROLES)}
    own = sorted(studies.values(), key=lambda study: study.title)
    return [(study, each) for study in own for each in plan_of(study, by=by).follow_ups]


def workers(*, by: User) -> Sequence[User]:
    """Whose people a supervisor may look at: whoever held somebody at the supervised sites, by name."""
    held = select(Assignment.worker_id).join(Assignment.referral).join(Referral.person)
    held = held.where(at_own_sites(by, SUPERVISES), ~has_withdrawn())
    return db.session.scalars(select(User).where(User.id.in_(held)).order_by(User.name, User.id)).all()


def results(worker: uuid.UUID | None, study: Study, follow_up: Timepoint, today: date, *, by: User) -> Results:
    """Of the people whom one worker held at some time; of nobody in particular, of all who were held."""
    condition = _people(worker, study, by)
    people = db.session.scalars(select(Person).where(condition).options(lazyload(Person.identity))).all()
    plan = plan_of(study, by=by)
    given = _assessments(condition, (plan.baseline.id, follow_up.id))
    before, after = (_at(given, each.id) for each in (plan.baseline, follow_up))
    return Results(
        people=len(people),
        left=sum(person.left_on is not None for person in people),
        baseline=plan.baseline,
        follow_up=follow_up,
        collected=[_collected(get(id), people, before, after, follow_up, today) for id in plan.instruments],
        scales=[scale for id in plan.instruments for scale in _scales(get(id), before, after)],
        signposts=_signposts(condition),
        given=_given(people, condition, by),
        used=_used(condition),
    )


def _people(worker: uuid.UUID | None, study: Study, by: User) -> ColumnElement[bool]:
    """A day is the least for which one can have held somebody: what was handed on at once does not count."""
    own = worker == by.id and holds(by, ("link-worker",))
    if not own and not holds(by, SUPERVISES):
        raise NotFound
    held = exists().where(
        Assignment.referral_id == Referral.id, Referral.person_id == Person.id, Referral.status == "accepted",
        or_(Assignment.until_on.is_(None), Assignment.until_on > Assignment.from_on),
    )  # fmt: skip
    held = held.where(Assignment.worker_id == worker) if worker else held
    at_sites = at_own_sites(by, CARE_ROLES if own else SUPERVISES)
    return and_(Person.study_id == study.id, at_sites, ~has_withdrawn(), held)


# ------------------------------------------------------------------------------------ what was answered

Answered = Mapping[tuple[uuid.UUID, str], Assessment]
"""By person and instrument."""


def _assessments(condition: ColumnElement[bool], timepoints: Sequence[str]) -> Sequence[Assessment]:
    return db.session.scalars(
        select(Assessment)
        .join(Assessment.person)
        .where(condition, Assessment.timepoint.in_(timepoints))
        .options(selectinload(Assessment.responses))
    ).all()


def _at(given: Sequence[Assessment], timepoint: str) -> Answered:
    return {(each.person_id, each.instrument): each for each in given if each.timepoint == timepoint}


def _collected(
    instrument: definition.Instrument, people: Sequence[Person], before: Answered, after: Answered,
    follow_up: Timepoint, today: date,
) -> Collected:  # fmt: skip
    first, last = (
        {id for (id, name), each in at.items() if name == instrument.id and each.responses} for at in (before, after)
    )
    reasons = Counter(
        _reason(after.get((person.id, instrument.id)), person, follow_up, today)
        for person in people
        if person.id not in last
    )
    return Collected(instrument, len(people), len(first), len(last), len(first & last), dict(reasons.most_common()))


def _reason(given: Assessment | None, person: Person, follow_up: Timepoint, today: date) -> str:
    """Why there are no answers at follow-up."""
    if given is not None and given.status == "declined":
        return "Declined"
    if given is not None and given.missing_reason is not None:
        return MISSING_REASONS[given.missing_reason]
    if given is not None:
        return "A score from elsewhere, without answers"
    opens, closes = follow_up.window(person.entered_on)
    if person.left_on is not None and person.left_reason is not None and person.left_on <= closes:
        return f"Left the study: {LEAVING_REASONS[person.left_reason].lower()}"
    if today <= closes:
        return "Not due yet" if today < opens else "Due now, not asked yet"
    return "Not recorded, and overdue"


# ---------------------------------------------------------------------------------------- what changed


def _scales(instrument: definition.Instrument, before: Answered, after: Answered) -> Iterator[ScaleResult]:
    """Only scores of the same version, valued by the same set, are compared."""
    first, last = _scored(instrument, before), _scored(instrument, after)
    for scale in instrument.scales:
        earlier, later = _values(first, scale), _values(last, scale)
        both = [(earlier[id], later[id]) for id in earlier if id in later]
        pairs = [(one.value, two.value) for one, two in both if one.value_set == two.value_set]
        alone = [each.value for id, each in earlier.items() if id not in later]
        value_set = next((one.value_set for one, _ in both), None)
        yield ScaleResult(instrument, scale, len(earlier), len(later), pairs, alone, value_set)  # type: ignore[arg-type]


def _scored(instrument: definition.Instrument, at: Answered) -> Mapping[uuid.UUID, Mapping[str, Score]]:
    mine = (instrument.id, instrument.version)
    return {
        id: each.scored()
        for (id, _), each in at.items()
        if (each.instrument, each.instrument_version) == mine and each.responses
    }


def _values(scored: Mapping[uuid.UUID, Mapping[str, Score]], scale: definition.Scale) -> dict[uuid.UUID, Score]:
    return {id: scores[scale.id] for id, scores in scored.items() if scores[scale.id].value is not None}


# --------------------------------------------------------------------------- what they were given, and used


def _signposts(condition: ColumnElement[bool]) -> Signposted:
    known = Signpost.outcome.not_in(STILL_ASKED)
    row = db.session.execute(
        select(
            func.count(), func.count().filter(Signpost.outcome == "attended"), func.count().filter(~known),
            func.coalesce(func.sum(Signpost.sessions_attended), 0),
        ).join(Signpost.person).where(condition)
    ).one()  # fmt: skip
    return Signposted(*(number or 0 for number in row))


def _given(people: Sequence[Person], condition: ColumnElement[bool], by: User) -> Given:
    """Who was given nothing counts with nothing."""
    told = doses(by=by, among=condition)
    mine = [told.get(person.id) for person in people]
    return Given([each.attended if each else 0 for each in mine], [each.minutes if each else 0 for each in mine])


def _used(condition: ColumnElement[bool]) -> Sequence[Used]:
    rows = db.session.execute(
        select(ServiceUse, Person.entered_on).join(ServiceUse.person).where(condition).order_by(ServiceUse.setting)
    )
    periods: dict[str, dict[uuid.UUID, _Periods]] = defaultdict(dict)
    for use, entered_on in rows:
        periods[use.setting].setdefault(use.person_id, _Periods()).add(use, entered_on)
    return [used for setting, mine in periods.items() if (used := _rates(setting, mine.values())).people]


@dataclass(slots=True)
class _Periods:
    """Counts and days of one person in one setting, by source, before and after entry."""

    before: dict[str, tuple[int, int]] = field(default_factory=dict)
    after: dict[str, tuple[int, int]] = field(default_factory=dict)

    def add(self, use: ServiceUse, entered_on: date) -> None:
        """A period that lies on both sides of entry says nothing about either."""
        if use.from_on < entered_on < use.until_on:
            return
        side = self.before if use.until_on <= entered_on else self.after
        count, days = side.get(use.source, (0, 0))
        side[use.source] = count + use.count, days + (use.until_on - use.from_on).days

    @property
    def paired(self) -> tuple[int, int, int, int] | None:
        """Count and days before, count and days after, of the best source that tells both."""
        source = next((each for each in USE_SOURCES if each in self.before and each in self.after), None)
        return (*self.before[source], *self.after[source]) if source else None


def _rates(setting: str, everyone: Iterable[_Periods]) -> Used:
    both = [each.paired for each in everyone if each.paired]
    before, days_before, after, days_after = (sum(column) for column in zip(*both, strict=True)) if both else (0,) * 4
    return Used(setting, len(both), before, days_before / YEAR, after, days_after / YEAR)
