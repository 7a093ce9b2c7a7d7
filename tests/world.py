"""A small world to test in: two studies, practices in both arms, one member of staff for each role, a few people.

Everything is made through the application's own actions.
"""

from __future__ import annotations

import uuid
from contextvars import Context
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from types import CodeType
from typing import Any, TypeVar

from flask import Flask, has_app_context
from flask.testing import FlaskClient
from jinja2.bccache import Bucket, BytecodeCache
from sqlalchemy import select
from werkzeug.routing import Rule

from instruments import get
from tracker import create_app
from tracker.actions import care, directory, drafts, outcomes, people, staff, studies
from tracker.config import Config, Keys
from tracker.extensions import db, today
from tracker.models import Contact, Draft, Person, Referral, Resource, Signpost, Site, Study, User

PASSWORD = "a-long-enough-password"
KEYS = Keys(*(f"{number:02x}" * 32 for number in range(1, 6)))
PLAN = (Path(__file__).parent / "data" / "plan.toml").read_text(encoding="utf-8")
ROLES = ("link-worker", "outcome-assessor", "supervisor", "evaluator", "administrator")

COMPLETE = {
    "ons4": {"satisfied": 7, "worthwhile": 6, "happy": 8, "anxious": 3},
    "phq9": {f"i{n}": 1 for n in range(1, 9)} | {"i9": 0},
    "eq5d-5l": {"mo": 2, "sc": 1, "ua": 2, "pd": 3, "ad": 2, "vas": 65},
}

Record = TypeVar("Record")


@dataclass
class World:
    """Handles on what was made; ids and not records, so that they outlive a transaction."""

    users: dict[str, uuid.UUID] = field(default_factory=dict)
    studies: dict[str, uuid.UUID] = field(default_factory=dict)
    sites: dict[str, uuid.UUID] = field(default_factory=dict)
    people: dict[str, uuid.UUID] = field(default_factory=dict)
    referrals: dict[str, uuid.UUID] = field(default_factory=dict)
    resources: dict[str, uuid.UUID] = field(default_factory=dict)

    def user(self, name: str) -> User:
        return _found(User, self.users[name])

    def study(self, name: str = "garden") -> Study:
        return _found(Study, self.studies[name])

    def site(self, name: str) -> Site:
        return _found(Site, self.sites[name])

    def person(self, name: str) -> Person:
        return _found(Person, self.people[name])

    def referral(self, name: str) -> Referral:
        return _found(Referral, self.referrals[name])

    def resource(self, name: str = "garden") -> Resource:
        return _found(Resource, self.resources[name])


def _found(kind: type[Record], id: uuid.UUID) -> Record:
    record = db.session.get(kind, id)
    assert record is not None
    return record


class Visitor(FlaskClient):
    """A browser without pages. Each request has a context of its own, as on a server, whatever the test holds open."""

    def open(self, *args: Any, **kwargs: Any) -> Any:
        response = Context().run(super().open, *args, **kwargs)
        if has_app_context():
            db.session.rollback()  # so that the test looks at what stands in the database now
        return response


class Compiled(BytecodeCache):
    """Each template is compiled once, however many applications a run makes."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], CodeType | None] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self.kept.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        self.kept[bucket.key, bucket.checksum] = bucket.code


COMPILED = Compiled()
BUILDERS: dict[tuple[str, str, bool], Any] = {}
PARSED: dict[tuple[Any, ...], Any] = {}
_compile, _parse = Rule._compile_builder, Rule._parse_rule


def _compiled(rule: Rule, append_unknown: bool = True) -> Any:
    """What makes addresses from a route is the same in every application: most of the time of making one goes here."""
    key = rule.rule, str(rule.defaults), append_unknown
    if key not in BUILDERS:
        BUILDERS[key] = _compile(rule, append_unknown)
    return BUILDERS[key]


def _parsed(rule: Rule, text: str) -> Any:
    """Nor are a route's words and variables read anew: what they are, and what the route keeps of them."""
    key = text, *rule.map.converters.values()
    if key not in PARSED:
        known = len(rule._trace)
        PARSED[key] = list(_parse(rule, text)), rule._trace[known:], dict(rule._converters)
        return PARSED[key][0]
    parts, trace, converters = PARSED[key]
    rule._trace.extend(trace)
    rule._converters.update(converters)
    rule.arguments.update(converters)
    return parts


Rule._compile_builder, Rule._parse_rule = _compiled, _parsed
QUICK = {"argon2__rounds": 1, "argon2__memory_cost": 8, "argon2__parallelism": 1}
"""A password of a test is hashed as a real one is, with less toil: thousands of them are made."""


def application(url: str, folder: Path, *, second_factor: bool = False) -> Flask:
    """An installation in which a second factor may be had and need not be; tests that need it say so."""
    app = create_app(Config(folder, url, KEYS, secure_cookies=False, testing=True, second_factor=second_factor))
    app.jinja_env.bytecode_cache = COMPILED
    app.extensions["security"].pwd_context.update(**QUICK)
    app.test_client_class = Visitor
    return app


def days_ago(days: int) -> date:
    return today() - timedelta(days)


def build() -> World:
    """Study 'garden' at mill and quay (link workers) and pond (comparison); study 'orchard' at mill alone."""
    world = World()
    with db.transaction():
        admin = staff.create_user(by=None, email="administrator@test.example", name="Ada Admin", password=PASSWORD)
        staff.grant(by=None, user=admin, role="administrator")
        world.users["administrator"] = admin.id
        _studies_and_sites(world, admin)
        _staff(world, admin)
        for name, site, study in (
            ("own", "mill", "garden"), ("same-site", "mill", "garden"), ("other-site", "quay", "garden"), ("compared", "pond", "garden"),
            ("other-study", "mill", "orchard"), ("withdrawn", "mill", "garden"),
        ):  # fmt: skip
            _person(world, name, site, study)
        care.assign(
            by=world.user("supervisor"), referral=world.referral("same-site"), worker=world.user("supervisor"),
            from_on=days_ago(199),
        )  # fmt: skip
        people.withdraw(
            by=world.user("supervisor"), person=world.person("withdrawn"), withdrawn_on=today(), on_withdrawal="erase"
        )
    return world


def _studies_and_sites(world: World, admin: User) -> None:
    for slug in ("garden", "orchard"):
        study = studies.create_study(by=admin, plan_text=PLAN.replace('id = "garden"', f'id = "{slug}"'))
        world.studies[slug] = study.id
    for slug, arm in (("mill", "intervention"), ("quay", "intervention"), ("pond", "comparison")):
        site = studies.create_site(by=admin, slug=slug, name=f"{slug.title()} Practice")
        world.sites[slug] = site.id
        for name in ("garden", "orchard"):
            studies.allocate(
                by=admin, study=world.study(name), arm=arm, site=site, from_on=days_ago(800), method="geography"
            )


def _staff(world: World, admin: User) -> None:
    places = {
        "link-worker": ("link-worker", "garden", ("mill",)),
        "outcome-assessor": ("outcome-assessor", "garden", ("mill",)),
        "supervisor": ("supervisor", "garden", ("mill",)),
        "evaluator": ("evaluator", "garden", ()),
        "quay-worker": ("link-worker", "garden", ("quay",)),
        "pond-keeper": ("supervisor", "garden", ("pond",)),
        "orchard-worker": ("link-worker", "orchard", ("mill",)),
    }
    for name, (role, study, sites) in places.items():
        user = staff.create_user(by=admin, email=f"{name}@test.example", name=name.title(), password=PASSWORD)
        world.users[name] = user.id
        for site in sites or (None,):
            at = world.site(site) if site else None
            staff.grant(by=admin, user=user, role=role, study=world.study(study), site=at)
    staff.appoint(by=admin, user=world.user("link-worker"), site=world.site("mill"), fte=0.8, from_on=days_ago(700))


RECORDERS = {
    ("mill", "garden"): "link-worker",
    ("quay", "garden"): "quay-worker",
    ("pond", "garden"): "pond-keeper",
    ("mill", "orchard"): "orchard-worker",
}


def _person(world: World, name: str, site: str, study: str) -> None:
    by = world.user(RECORDERS[site, study])
    person = people.add_person(
        by=by, study=world.study(study), site=world.site(site), entered_on=days_ago(200),
        identity=people.IdentityFacts(f"Person {name.title()}", date_of_birth=date(1950, 5, 17), phone="07700 900123"),
        facts_at_entry={"sex": "female", "ltc_count": 2, "lives_alone": True},
    )  # fmt: skip
    world.people[name] = person.id
    for kind in ("service", "research"):
        people.record_consent(by=by, person=person, kind=kind, given_on=days_ago(200))
    if site == "pond":
        return
    referral = care.record_referral(by=by, person=person, source="gp", referred_on=days_ago(200))
    world.referrals[name] = referral.id
    care.assign(by=by, referral=referral, worker=by, from_on=days_ago(200))
    if study not in world.resources:
        resource = directory.add_resource(
            by=by, study_id=world.studies[study], name="Walking group", category="exercise", details={}
        )
        world.resources[study] = resource.id


def contact(world: World, person: str = "own", **changes: object) -> Contact:
    """Log a contact as the person's link worker."""
    given = {"contacted_on": days_ago(5), "mode": "phone", "attendance": "attended", "minutes": 30}
    return care.record_contact(
        by=world.user("link-worker"), referral=world.referral(person),
        **({"client_key": uuid.uuid4()} | given | changes),  # type: ignore[arg-type]
    )  # fmt: skip


def signpost(world: World, person: str = "own", **changes: object) -> Signpost:
    """Signpost the person to the directory's one resource."""
    given = {"signposted_on": days_ago(4), "kind": "referral"}
    return care.record_signpost(
        by=world.user("link-worker"), person=world.person(person), resource=world.resource(),
        **({"client_key": uuid.uuid4()} | given | changes),  # type: ignore[arg-type]
    )  # fmt: skip


def assessment(
    world: World, instrument: str, timepoint: str = "baseline", person: str = "own", by: str = "link-worker",
    responses: dict[str, int | None] | None = None,
) -> outcomes.Assessment:  # fmt: skip
    """Record an answered instrument."""
    day = days_ago(200) if timepoint == "baseline" else days_ago(15)
    return outcomes.record_assessment(
        by=world.user(by), person=world.person(person), instrument=get(instrument), client_key=uuid.uuid4(),
        responses=COMPLETE[instrument] if responses is None else responses,
        administration=outcomes.Administration(timepoint, day, "in-person", "self"),
    )  # fmt: skip


def draft(
    world: World, answers: dict[str, int | str | None], instrument: str = "phq9", timepoint: str = "6m",
    person: str = "own", by: str = "link-worker",
) -> None:  # fmt: skip
    """Keep some answers to an instrument that is not finished."""
    drafts.keep_answers(
        by=world.user(by), person=world.person(person), instrument=get(instrument), timepoint=timepoint,
        answers=answers,
    )  # fmt: skip


def draft_of(world: World, instrument: str = "phq9", person: str = "own", timepoint: str = "6m") -> Draft | None:
    """What was answered so far."""
    found: Draft | None = db.session.scalar(
        select(Draft).where(
            Draft.person_id == world.people[person], Draft.instrument == instrument, Draft.timepoint == timepoint
        )
    )  # fmt: skip
    return found
