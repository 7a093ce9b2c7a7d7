"""The demo study: invented people at eight practices, recorded through the same actions as the pages.

Half the practices have a link worker. Everything is drawn from one seeded generator, so that every demo tells the same
story; dates lie relative to today, so that the caseload is alive.
"""

from __future__ import annotations

import random
import tomllib
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from importlib.resources import files
from typing import Any

from sqlalchemy import select

from instruments import get

from .actions import care, outcomes, people, safety, staff, studies
from .actions import directory as directory_actions
from .extensions import db, today
from .models import Person, Referral, Resource, Site, Study, User

Progress = Callable[[str, int, int], None]
SEED, PEOPLE_PER_SITE, NEWCOMERS = 20261101, 22, 5
SITES = (
    ("ash-lane", "Ash Lane Surgery", "intervention", 8200, 3),
    ("brook-street", "Brook Street Practice", "intervention", 11400, 2),
    ("canal-side", "Canal Side Health Centre", "intervention", 6900, 4),
    ("dean-hill", "Dean Hill Surgery", "intervention", 9800, 3),
    ("elm-park", "Elm Park Practice", "comparison", 7600, 4),
    ("ferry-road", "Ferry Road Surgery", "comparison", 10100, 3),
    ("gate-house", "Gate House Medical Centre", "comparison", 8800, 3),
    ("high-moor", "High Moor Practice", "comparison", 5900, 5),
)
STAFF = (
    ("worker@demo.example", "Robin Carter", "link-worker", ("ash-lane", "brook-street"), 1.0),
    ("worker2@demo.example", "Sam Okafor", "link-worker", ("canal-side", "dean-hill"), 0.8),
    ("supervisor@demo.example", "Jo Whitfield", "supervisor", tuple(slug for slug, *_ in SITES), None),
    ("assessor@demo.example", "Kit Marlow", "outcome-assessor", tuple(slug for slug, *_ in SITES), None),
)
FIRST = (
    "Ada", "Brian", "Carol", "Derek", "Elsie", "Frank", "Gwen", "Harold", "Irene", "Jack", "Kath", "Len", "Mavis",
    "Norman", "Olive", "Percy", "Rita", "Stan", "Una", "Vic",
)  # fmt: skip
LAST = (
    "Abbott", "Barlow", "Crane", "Duffy", "Ellis", "Firth", "Garside", "Holt", "Ingham", "Jessop", "Kershaw", "Lomax",
    "Mellor", "Naylor", "Ogden", "Platt",
)  # fmt: skip
CONDITIONS = (
    "diabetes", "hypertension", "depression", "anxiety", "asthma", "copd", "osteoarthritis", "chronic-pain", "stroke",
    "hearing-impairment",
)  # fmt: skip
NEEDS = ("loneliness", "mental-wellbeing", "money", "housing", "healthy-living", "caring", "bereavement", "transport")
PHQ9_CUTS, EQ5D_CUTS = (0.0, 0.9, 1.7), (0.1, 0.8, 1.6, 2.4)


@dataclass
class Life:
    """One invented person: how badly off they are, and how that changes."""

    burden: float
    entered_on: date
    helped: bool
    visits: float


def load(*, password: str, progress: Progress) -> None:
    """Make the whole study, every member of staff with the same password; the caller owns the transaction."""
    draw = random.Random(SEED)
    study, sites, users = _set_up(password, progress)
    directory = _directory(users["worker"], study)
    total = len(SITES) * PEOPLE_PER_SITE + 4 * NEWCOMERS
    done = 0
    for slug, _, role, _, _ in SITES:
        recorder = users[slug]
        for number in range(PEOPLE_PER_SITE + (NEWCOMERS if role == "intervention" else 0)):
            _person(draw, recorder, study, sites[slug], directory, number, role == "intervention")
            done += 1
            progress("People, contacts and outcomes", done, total)
    for slug in ("ash-lane", "canal-side"):
        _loose_ends(users[slug], sites[slug])
    _lately(users["worker"], directory)


def _loose_ends(worker: User, site: Site) -> None:
    """What a day brings besides: two who came back and have not answered, and one taken up again with a warning."""
    closed = db.session.scalars(
        select(Referral)
        .join(Referral.person)
        .where(Person.site_id == site.id, Referral.closed_on.is_not(None))
        .order_by(Referral.closed_on, Person.study_number)
    ).all()
    returned, just_back, resumed = closed[0], closed[1], closed[-1]
    for earlier, days, needs in ((returned, 16, ("money", "housing")), (just_back, 1, ("bereavement",))):
        referral = care.record_referral(
            by=worker, person=earlier.person, source="gp", referred_on=today() - timedelta(days), status="offered",
            needs=needs,
        )  # fmt: skip
        if earlier is returned:
            tried_on = today() - timedelta(3)
            care.note_attempt(by=worker, referral=referral, version=referral.version, tried_on=tried_on, attempts=2)
    assert resumed.closed_on is not None
    again = min(resumed.closed_on + timedelta(12), today())
    care.reopen_referral(by=worker, referral=resumed, reopened_on=again, reason="The lunch group closed down")
    safety.set_flag(
        by=worker, person=resumed.person, kind="not-alone", note="Neighbour has threatened visitors",
        review_on=today() + timedelta(60),
    )  # fmt: skip


def _directory(worker: User, study: Study) -> list[Resource]:
    """The resources of the demo, each checked some days ago or never."""
    entries = tomllib.loads(files(__package__).joinpath("demo_directory.toml").read_text(encoding="utf-8"))["resource"]
    for entry in entries:
        days = entry.pop("checked_days_ago", None)
        entry["checked_on"] = today() - timedelta(days) if days is not None else None
    return [
        directory_actions.add_resource(
            by=worker, study_id=study.id, name=entry.pop("name"), category=entry.pop("category"), details=entry
        )
        for entry in entries
    ]


def _lately(worker: User, directory: list[Resource]) -> None:
    """What became of some resources: one filled up, one closed, and one is said to be wrong."""
    by_name = {resource.name: resource for resource in directory}
    for name, capacity in (("Talking it over", "full"), ("Computers from scratch", "closed")):
        resource = by_name[name]
        directory_actions.edit_resource(
            by=worker, resource=resource, version=resource.version, changes={"capacity": capacity}
        )
    directory_actions.report_fault(
        by=worker, resource=by_name["Clay and paint"], reason="Nobody answers the phone; has the number changed?"
    )


def _set_up(password: str, progress: Progress) -> tuple[Study, dict[str, Site], dict[str, User]]:
    admin = staff.create_user(by=None, email="admin@demo.example", name="Alex Reed", password=password)
    staff.grant(by=None, user=admin, role="administrator")
    study = studies.create_study(by=admin, plan_text=plan_text())
    sites: dict[str, Site] = {}
    for slug, name, role, size, quintile in SITES:
        details = {"list_size": size, "deprivation": quintile, "deprivation_index": "imd2019-quintile"}
        sites[slug] = studies.create_site(by=admin, slug=slug, name=name, details=details)
        began = _plan_days()[0]
        studies.allocate(by=admin, study=study, arm=role, from_on=began, method="commissioned", site=sites[slug])
    users = {"admin": admin}
    for count, (email, name, role, places, fte) in enumerate(STAFF, start=1):
        users |= _employ(admin, password, study, {slug: sites[slug] for slug in places}, email, name, role, fte)
        progress("Staff", count, len(STAFF) + 1)
    evaluator = staff.create_user(by=admin, email="evaluator@demo.example", name="Dr Lee Moss", password=password)
    staff.grant(by=admin, user=evaluator, role="evaluator", study=study)
    studies.lock_plan(by=admin, study=study)
    progress("Staff", len(STAFF) + 1, len(STAFF) + 1)
    return study, sites, users | {"evaluator": evaluator}


def accounts() -> Iterator[tuple[str, str]]:
    """Sign-in address and role of each demo account."""
    yield from ((email, f"{role.replace('-', ' ')}, {name}") for email, name, role, _, _ in STAFF)
    yield "evaluator@demo.example", "evaluator, Dr Lee Moss"
    yield "admin@demo.example", "administrator, Alex Reed"


def _employ(
    admin: User,
    password: str,
    study: Study,
    places: dict[str, Site],
    email: str,
    name: str,
    role: str,
    fte: float | None,
) -> dict[str, User]:
    """One member of staff; whoever comes first to a site records there."""
    user = staff.create_user(by=admin, email=email, name=name, password=password)
    for site in places.values():
        staff.grant(by=admin, user=user, role=role, study=study, site=site)
        if fte is not None:
            staff.appoint(by=admin, user=user, site=site, fte=fte / len(places), from_on=_plan_days()[0])
    known = {email.split("@")[0]: user}
    recording = {"link-worker": "intervention", "supervisor": "comparison"}.get(role)
    return known | {slug: user for slug, _, arm, _, _ in SITES if slug in places and arm == recording}


def _plan_days() -> tuple[date, date]:
    return today() - timedelta(430), today() - timedelta(235)


def plan_text() -> str:
    """The study's plan, with its enrolment dates filled in."""
    opened, closed = _plan_days()
    text = files("tracker").joinpath("demo_plan.toml").read_text(encoding="utf-8")
    return text.replace("{opened}", opened.isoformat()).replace("{closed}", closed.isoformat())


def _person(
    draw: random.Random, recorder: User, study: Study, site: Site, directory: list[Resource], number: int, helped: bool
) -> None:
    newcomer = number >= PEOPLE_PER_SITE
    opened, closed = _plan_days()
    days = draw.randint(5, 70) if newcomer else 0
    entered = today() - timedelta(days) if newcomer else opened + timedelta(draw.randint(0, (closed - opened).days))
    life = Life(draw.gauss(1.15 if helped else 1.05, 0.55), entered, helped, draw.gammavariate(4, 1.6))
    facts = _facts(draw, life)
    aside = random.Random(f"{SEED} {site.slug} {number}")
    person = people.add_person(
        by=recorder, study=study, site=site, entered_on=entered,
        identity=_identity(draw), facts_at_entry=facts, conditions=aside.sample(CONDITIONS, min(facts["ltc_count"], 3)),
    )  # fmt: skip
    for kind in ("service", "research") if helped else ("research",):
        people.record_consent(by=recorder, person=person, kind=kind, given_on=entered, form_version="2025-01")
    if helped:
        _care(draw, recorder, person, directory, life, aside.sample(NEEDS, aside.choice((1, 1, 2, 3))))
    _outcomes(draw, recorder, person, life)
    _attendance(draw, recorder, person, life)


def _identity(draw: random.Random) -> people.IdentityFacts:
    born = date(draw.randint(1938, 1992), draw.randint(1, 12), draw.randint(1, 28))
    name = f"{draw.choice(FIRST)} {draw.choice(LAST)}"
    return people.IdentityFacts(name, _test_nhs_number(draw), born, f"07700 900{draw.randint(100, 999)}")


def _test_nhs_number(draw: random.Random) -> str:
    """A number from the range that is never given to anybody (it begins with 999)."""
    while True:
        number = f"999{draw.randint(0, 9_999_999):07d}"
        if people.nhs_number_fault(number) is None:
            return number


def _facts(draw: random.Random, life: Life) -> dict[str, Any]:
    return {
        "sex": draw.choice(("female", "female", "male")),
        "ethnicity": draw.choice(("white", "white", "white", "asian", "black", "not-stated")),
        "lives_alone": draw.random() < 0.3 + 0.1 * life.burden,
        "carer": draw.random() < 0.2,
        "ltc_count": max(0, round(draw.gauss(1.2 + life.burden, 1.1))),
        "deprivation": min(5, max(1, round(draw.gauss(2.6, 1.1)))),
        "deprivation_index": "imd2019-quintile",
    }


def _care(
    draw: random.Random,
    worker: User,
    person: people.Person,
    directory: list[Resource],
    life: Life,
    needs: list[str],
) -> None:
    source = draw.choice(("gp", "gp", "nurse", "self"))
    referral = care.record_referral(by=worker, person=person, source=source, referred_on=life.entered_on, needs=needs)
    care.assign(by=worker, referral=referral, worker=worker, from_on=life.entered_on)
    contact, day = None, life.entered_on + timedelta(draw.randint(2, 25))
    for _ in range(round(life.visits)):
        if day > today():
            break
        contact = _contact(draw, worker, referral, day)
        if draw.random() < 0.3:
            _signpost(draw, worker, person, directory, contact, day)
        day += timedelta(draw.randint(10, 35))
    if contact is not None and day < today() - timedelta(30):
        reason = draw.choice(("completed", "completed", "completed", "disengaged", "referred-on"))
        care.close_referral(by=worker, referral=referral, closed_on=day, closure_reason=reason)


def _contact(draw: random.Random, worker: User, referral: Referral, day: date) -> care.Contact:
    attendance = draw.choices(("attended", "did-not-attend", "attempted"), (8, 1, 1))[0]
    minutes = draw.choice((15, 30, 30, 45, 60)) if attendance == "attended" else draw.choice((0, 5))
    mode = draw.choice(("home", "phone", "phone", "face-to-face"))
    return care.record_contact(
        by=worker, referral=referral, client_key=uuid.UUID(int=draw.getrandbits(128)), contacted_on=day, mode=mode,
        attendance=attendance, minutes=minutes, travel_minutes=draw.choice((10, 20)) if mode == "home" else None,
    )  # fmt: skip


def _signpost(
    draw: random.Random,
    worker: User,
    person: people.Person,
    directory: list[Resource],
    contact: care.Contact,
    day: date,
) -> None:
    outcome = draw.choice(("attended", "attended", "did-not-attend", "declined", "waiting", "unknown"))
    care.record_signpost(
        by=worker, person=person, resource=draw.choice(directory), client_key=uuid.UUID(int=draw.getrandbits(128)),
        signposted_on=day, kind=draw.choice(("information", "referral", "accompanied")), contact=contact,
        outcome=outcome, sessions_attended=draw.randint(1, 8) if outcome == "attended" else None,
        ask_again_on=asked_on if (asked_on := day + timedelta(14)) > today() else None,
    )  # fmt: skip


def _outcomes(draw: random.Random, recorder: User, person: people.Person, life: Life) -> None:
    """Answers at each timepoint that has come; a few people are lost, more of those who are worse off."""
    lost = False
    for timepoint, day, gain in (("baseline", 0, 0.0), ("3m", 91, 0.10), ("6m", 182, 0.14)):
        when = life.entered_on + timedelta(day + draw.randint(0, 9))
        lost = lost or (day > 0 and draw.random() < 0.05 + 0.06 * max(life.burden, 0))
        now = life.burden - 0.12 * (day > 0) - (gain if life.helped else 0.0) + draw.gauss(0, 0.25)
        if when > today() or (day == 0 and _not_asked_yet(draw, life)):
            return
        if lost:
            _missed(draw, recorder, person, timepoint, when)
            continue
        for instrument, answers in (("ons4", _ons4), ("phq9", _phq9), ("eq5d-5l", _eq5d)):
            outcomes.record_assessment(
                by=recorder, person=person, instrument=get(instrument), responses=answers(draw, now),
                client_key=uuid.UUID(int=draw.getrandbits(128)),
                administration=_administered(timepoint, when, draw.choice(("in-person", "telephone"))),
            )  # fmt: skip


def _not_asked_yet(draw: random.Random, life: Life) -> bool:
    """Some who came in the last weeks have not been asked: there is something to do in the demo."""
    return (today() - life.entered_on).days < 45 and draw.random() < 0.5


def _administered(timepoint: str, when: date, mode: str) -> outcomes.Administration:
    return outcomes.Administration(timepoint, when, mode, respondent="self")


def _missed(draw: random.Random, recorder: User, person: people.Person, timepoint: str, when: date) -> None:
    reason = draw.choice(("not-reached", "not-reached", "too-unwell", "prefer-not-to-say"))
    for instrument in ("ons4", "phq9", "eq5d-5l"):
        outcomes.record_missed_assessment(
            by=recorder, person=person, instrument=get(instrument), status="missed", missing_reason=reason,
            client_key=uuid.UUID(int=draw.getrandbits(128)),
            administration=_administered(timepoint, when, "telephone"),
        )  # fmt: skip


def _level(draw: random.Random, burden: float, cuts: tuple[float, ...], spread: float = 0.6) -> int:
    felt = draw.gauss(burden, spread)
    return sum(felt > cut for cut in cuts)


def _ons4(draw: random.Random, burden: float) -> dict[str, int | None]:
    well = {
        item: min(10, max(0, round(draw.gauss(8 - 1.8 * burden, 1.2)))) for item in ("satisfied", "worthwhile", "happy")
    }
    return {**well, "anxious": min(10, max(0, round(draw.gauss(2 + 1.9 * burden, 1.5))))}


def _phq9(draw: random.Random, burden: float) -> dict[str, int | None]:
    answers: dict[str, int | None] = {f"i{n}": _level(draw, burden, PHQ9_CUTS) for n in range(1, 9)}
    return answers | {"i9": _level(draw, burden - 1.6, PHQ9_CUTS, 0.4)}


def _eq5d(draw: random.Random, burden: float) -> dict[str, int | None]:
    levels: dict[str, int | None] = {
        d: 1 + _level(draw, burden, EQ5D_CUTS, 0.7) for d in ("mo", "sc", "ua", "pd", "ad")
    }
    return levels | {"vas": min(100, max(0, round(draw.gauss(78 - 14 * burden, 9))))}


def _attendance(draw: random.Random, recorder: User, person: people.Person, life: Life) -> None:
    """GP attendances in the year before entry and since, from the practice record."""
    rate = draw.gammavariate(3, 2.1) * (0.6 + 0.4 * life.burden if life.burden > 0 else 0.6)
    until = min(today(), life.entered_on + timedelta(182))
    before = (life.entered_on - timedelta(365), life.entered_on, rate)
    since = (life.entered_on, until, rate * (0.86 if life.helped else 0.97))
    for opens, closes, yearly in (before, since):
        if closes > opens:
            outcomes.record_service_use(
                by=recorder, person=person, setting="gp", from_on=opens, until_on=closes, source="record-extract",
                count=_poisson(draw, yearly * (closes - opens).days / 365),
            )  # fmt: skip


def _poisson(draw: random.Random, mean: float) -> int:
    """Arrivals before the time is up."""
    count, elapsed = 0, draw.expovariate(1.0)
    while elapsed < mean:
        count, elapsed = count + 1, elapsed + draw.expovariate(1.0)
    return count
