"""People at a desk: each opens pages and sends forms as the browser would, in a world with something of everything."""

from __future__ import annotations

import functools
import shutil
import sqlite3
import time
import uuid
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Select, func, select, update

from tests import world as worlds
from tests.codes import code
from tests.integration.tracker.pages.forms import Form, boxes
from tests.integration.tracker.pages.reading import Page
from tests.world import World, days_ago
from tracker.actions import care, directory, goals, people, safety, second_factor, self_completion, staff
from tracker.extensions import db, security
from tracker.models import AuditEvent, Base, Post, SignIn, SignInFailure


@pytest.fixture(scope="session")
def furnished_world(
    sqlite_world: tuple[Path, World], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, World, dict[str, uuid.UUID]]:
    """The small world with something of everything in it: built once, copied for each test."""
    folder = tmp_path_factory.mktemp("furnished")
    path = folder / "world.db"
    shutil.copyfile(sqlite_world[0], path)
    app = worlds.application(f"sqlite:///{path}", folder)
    with app.app_context():
        places = furnished(sqlite_world[1])
    db.close()
    return path, sqlite_world[1], places


@pytest.fixture
def placed(furnished_world: tuple[Path, World, dict[str, uuid.UUID]], tmp_path: Path) -> tuple[str, World]:
    """Pages are tried on SQLite; `test_on_postgres` tries again what the other database sees differently."""
    shutil.copyfile(furnished_world[0], tmp_path / "tracker.db")
    return f"sqlite:///{tmp_path / 'tracker.db'}", furnished_world[1]


@pytest.fixture
def places(furnished_world: tuple[Path, World, dict[str, uuid.UUID]]) -> dict[str, uuid.UUID]:
    """The ids that stand in addresses."""
    return furnished_world[2]


@pytest.fixture
def app(app: Flask) -> Flask:
    """As on a server: what fails inside is answered with a page. Forms need no token here."""
    app.config["WTF_CSRF_ENABLED"] = False
    app.config["PROPAGATE_EXCEPTIONS"] = False
    return app


@dataclass
class Desk:
    """Opens pages and sends forms as somebody of the staff. Names in braces in an address stand for ids."""

    app: Flask
    world: World
    places: dict[str, uuid.UUID]
    copy: Path
    clients: dict[str, FlaskClient] = field(default_factory=dict)

    def client(self, who: str) -> FlaskClient:
        if who not in self.clients:
            self.clients[who] = self.app.test_client()
            if who != "nobody":
                self._sign_in(self.clients[who], who)
        return self.clients[who]

    def _sign_in(self, client: FlaskClient, who: str) -> None:
        """What signing in leaves behind, without the half second that a password takes."""
        with db.transaction():
            user = self.world.user(who)
            row = staff.start_sign_in(by=user)
            kept = {"_user_id": user.fs_uniquifier, "sign_in": str(row.id), "fs_paa": time.time()}
        with client.session_transaction() as session:
            session.update(kept | {"_fresh": True})

    def address(self, path: str) -> str:
        return path.format(**self.places)

    def open(self, who: str, path: str) -> Page:
        return _page(self.client(who).get(self.address(path)))

    def send(self, who: str, path: str, answers: Mapping[str, object]) -> Page:
        """Send just these answers."""
        return _page(self.client(who).post(self.address(path), data=boxes(answers)))

    def fill(self, form: Form, **changes: object) -> dict[str, str]:
        """What the browser would send: the form as it stands, the form's good answers, and these changes."""
        page = self.open(form.who, form.path)
        assert page.status == 200, (page.status, page.text)
        good = {name: self.address(text) for name, text in boxes(form.answers).items()}
        return page.typed | good | boxes(changes)

    def remember(self) -> None:
        """Keep a copy of everything that is recorded now."""
        with closing(self._file()) as live, closing(sqlite3.connect(self.copy)) as copy:
            live.backup(copy)

    def put_back(self) -> None:
        """Let everything be recorded as it was then."""
        db.session.rollback()
        with closing(self._file()) as live, closing(sqlite3.connect(self.copy)) as copy:
            copy.backup(live)

    def _file(self) -> sqlite3.Connection:
        assert db.engine is not None
        assert db.engine.url.database is not None
        file = sqlite3.connect(db.engine.url.database)
        file.execute("PRAGMA synchronous=OFF")
        return file

    def submit(self, form: Form, **changes: object) -> tuple[Page, dict[str, str]]:
        """Fill the form in and send it; gives the answer and what was sent."""
        sent = self.fill(form, **changes)
        return self.send(form.who, form.path, sent), sent


def _page(response: object) -> Page:
    return Page(response.status_code, response.location, response.get_data(as_text=True))  # type: ignore[attr-defined]


@pytest.fixture
def desk(app: Flask, world: World, places: dict[str, uuid.UUID], tmp_path: Path) -> Desk:
    with db.transaction() as session:  # those of the furnished world must not have timed out in a long run
        session.execute(update(SignIn).values(seen_at=datetime.now(UTC), started_at=datetime.now(UTC)))
    return Desk(app, world, places, tmp_path / "copy.db")


def furnished(world: World) -> dict[str, uuid.UUID]:
    """Something of everything, and the ids that stand in addresses."""
    with db.transaction():
        worker = world.user("link-worker")
        staff.grant(
            by=world.user("administrator"), user=world.user("supervisor"), role="supervisor", study=world.study(),
            site=world.site("quay"),
        )  # fmt: skip
        logged = worlds.contact(world, topics="Money", note="Prefers mornings")
        signpost = worlds.signpost(world)
        answered = worlds.assessment(world, "phq9")
        worlds.draft(world, {"i1": 2, "i2": "prefer-not-to-say"}, person="same-site")
        waiting = people.add_person(
            by=worker, study=world.study(), site=world.site("mill"), entered_on=days_ago(10),
            identity=people.IdentityFacts("Ines Waiting"),
        )  # fmt: skip
        people.record_consent(by=worker, person=waiting, kind="service", given_on=days_ago(10))
        offered = care.record_referral(
            by=worker, person=waiting, source="gp", referred_on=days_ago(10), status="offered"
        )
        closed = _closed(world)
        goal = _goal(world)
        flag = safety.set_flag(
            by=worker, person=world.person("own"), kind="not-alone", note="Angry neighbour", review_on=days_ago(-30)
        )
        report = directory.report_fault(by=worker, resource=world.resource(), reason="It moved to Mondays")
        asked, _ = self_completion.make_link(
            by=worker, person=world.person("own"), timepoint="6m", instruments=["ons4", "phq9"]
        )
    return {
        **world.people, **{f"study_{name}": id for name, id in world.studies.items()},
        **{f"site_{name}": id for name, id in world.sites.items()}, "referral": world.referrals["own"],
        **{f"user_{name}": id for name, id in world.users.items()}, "closed": closed.id, "returned": closed.person_id,
        "flag": flag.id, "offered": offered.id, "waiting": waiting.id, "contact": logged.id, "signpost": signpost.id,
        "phq9": answered.id, "asked": asked.id, "resource": world.resources["garden"], "report": report.id,
        "goal": goal.id, **_accounts(world),
    }  # fmt: skip


def _goal(world: World) -> goals.Goal:
    """Something that the person wants, with a first note of how close it is."""
    worker = world.user("link-worker")
    goal = goals.set_goal(by=worker, person=world.person("own"), words="Walk to the shop alone", set_on=days_ago(9))
    goals.note_progress(by=worker, goal=goal, version=1, noted_on=days_ago(8), closeness=2, status="open")
    return goal


def _closed(world: World) -> care.Referral:
    """Somebody whose referral was closed three weeks ago."""
    worker = world.user("link-worker")
    person = people.add_person(
        by=worker, study=world.study(), site=world.site("mill"), entered_on=days_ago(150),
        identity=people.IdentityFacts("Rosa Returned"),
    )  # fmt: skip
    people.record_consent(by=worker, person=person, kind="service", given_on=days_ago(150))
    referral = care.record_referral(
        by=worker, person=person, source="nurse", referred_on=days_ago(150), needs=["housing"]
    )
    care.assign(by=worker, referral=referral, worker=worker, from_on=days_ago(150))
    care.close_referral(by=worker, referral=referral, closed_on=days_ago(21), closure_reason="completed")
    return referral


def _accounts(world: World) -> dict[str, uuid.UUID]:
    """Somebody with a second device, somebody with both second factors, and somebody who left."""
    admin, worker, keeper = world.user("administrator"), world.user("link-worker"), world.user("pond-keeper")
    with db.transaction():
        left = staff.create_user(by=admin, email="left@test.example", name="Lou Left", password=worlds.PASSWORD)
        staff.disable_user(by=admin, user=left, reason="Left the service")
        passkey = second_factor.add_passkey(by=keeper, name="Phone", credential_id=b"1", public_key=b"2", sign_count=0)
        factory = security.totp_factory
        secret = factory.generate_totp_secret()
        second_factor.add_authenticator(by=keeper, secret=secret, code=code(factory.get_totp_pretty_key(secret)))
        return {
            "left": left.id, "worker": worker.id, "keeper": keeper.id, "passkey": passkey.id,
            "sign_in": staff.start_sign_in(by=worker, device="Firefox on Windows").id,
            "membership": worker.memberships[0].id,
            "post": db.session.scalars(select(Post.id).where(Post.user_id == worker.id)).one(),
        }  # fmt: skip


def written() -> dict[str, int]:
    """How many rows stand in each table of what people record, and in the trail without the signing in."""
    db.session.rollback()
    return dict(db.session.execute(_counts()).mappings().one())


@functools.cache
def _counts() -> Select[Any]:
    """One statement for all tables: it is asked before and after every form that is sent."""
    apart = (SignIn, SignInFailure, AuditEvent)
    kinds = [mapper.class_ for mapper in Base.registry.mappers if mapper.class_ not in apart]
    counts = [select(func.count()).select_from(kind).scalar_subquery().label(kind.__tablename__) for kind in kinds]
    told = select(func.count()).select_from(AuditEvent).where(AuditEvent.action != "sign_in")
    return select(*counts, told.scalar_subquery().label("trail"))


def newest_event() -> AuditEvent:
    db.session.rollback()
    return db.session.scalars(select(AuditEvent).order_by(AuditEvent.number.desc()).limit(1)).one()
