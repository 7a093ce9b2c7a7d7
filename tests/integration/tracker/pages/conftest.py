"""People at a desk: each opens pages and sends forms as the browser would, in a world with something of everything."""

from __future__ import annotations

import shutil
import sqlite3
import uuid
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from tests import world as worlds
from tests.integration.tracker.pages.forms import Form, boxes
from tests.integration.tracker.pages.reading import Page
from tests.world import World, days_ago
from tracker.actions import care, directory, people, staff
from tracker.extensions import db
from tracker.models import AuditEvent, Base, SignIn, SignInFailure


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
        client.get("/sign-in")
        with db.transaction():
            user = self.world.user(who)
            row = staff.start_sign_in(by=user)
            kept = {"_user_id": user.fs_uniquifier, "sign_in": str(row.id)}
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
        waiting = people.add_person(
            by=worker, study=world.study(), site=world.site("mill"), entered_on=days_ago(10),
            identity=people.IdentityFacts("Ines Waiting"),
        )  # fmt: skip
        people.record_consent(by=worker, person=waiting, kind="service", given_on=days_ago(10))
        offered = care.record_referral(
            by=worker, person=waiting, source="gp", referred_on=days_ago(10), status="offered"
        )
        report = directory.report_fault(by=worker, resource=world.resource(), reason="It moved to Mondays")
    return {
        **world.people, **{f"study_{name}": id for name, id in world.studies.items()},
        **{f"site_{name}": id for name, id in world.sites.items()}, "referral": world.referrals["own"],
        "offered": offered.id, "waiting": waiting.id, "contact": logged.id, "signpost": signpost.id, "phq9": answered.id,
        "resource": world.resources["garden"], "report": report.id,
    }  # fmt: skip


def written() -> dict[str, int]:
    """How many rows stand in each table of what people record, and in the trail without the signing in."""
    db.session.rollback()
    apart = (SignIn, SignInFailure, AuditEvent)
    counts = {mapper.class_: select(func.count()).select_from(mapper.class_) for mapper in Base.registry.mappers}
    told = select(func.count()).select_from(AuditEvent).where(AuditEvent.action != "sign_in")
    queries = {kind.__tablename__: query for kind, query in counts.items() if kind not in apart} | {"trail": told}
    return {name: db.session.scalar(query) or 0 for name, query in queries.items()}


def newest_event() -> AuditEvent:
    db.session.rollback()
    return db.session.scalars(select(AuditEvent).order_by(AuditEvent.number.desc()).limit(1)).one()
