"""What a journey needs: the application on a port of its own, and a visitor with a phone or a desk."""

from __future__ import annotations

import shutil
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, current_app
from playwright.sync_api import Browser, Page
from sqlalchemy import select
from werkzeug.serving import make_server

from tests import world as worlds
from tests.browser import watched_page
from tests.codes import code
from tests.world import PASSWORD, World, days_ago
from tracker.actions import care, directory, goals, outcomes, people, safety, second_factor, self_completion, staff
from tracker.extensions import db, security
from tracker.models import Post

Serve = Callable[[Any], str]


def _at_once(application: Any) -> Any:
    """Hand every answer over whole: this server leaves files open when a visitor goes away while it sends them."""

    def answer(environ: Any, start_response: Any) -> list[bytes]:
        with closing(application(environ, start_response)) as parts:
            return [b"".join(parts)]

    return answer


@contextmanager
def serving(application: Any) -> Iterator[str]:
    """Serve a WSGI application on a free port for as long as this lasts."""
    server = make_server("127.0.0.1", 0, _at_once(application), threaded=True)
    server.daemon_threads = False  # closing waits for the answers under way, and so for their connections
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Serve an application until the test ends; gives its address."""
    with ExitStack() as stack:
        yield lambda application: stack.enter_context(serving(application))


@pytest.fixture
def phone(chromium: Browser) -> Iterator[Page]:
    """A visitor with a phone, 390 px wide."""
    with watched_page(chromium, 390, 844, refused="/answers") as page:
        yield page


@pytest.fixture
def desktop(chromium: Browser) -> Iterator[Page]:
    """A visitor at a desk, 1280 px wide."""
    with watched_page(chromium, 1280, 900, refused="/answers") as page:
        yield page


@dataclass
class Live:
    """The tracker, running, with the small world in it."""

    app: Flask
    address: str
    world: World
    places: dict[str, uuid.UUID]
    cookies: dict[str, list[Any]] = field(default_factory=dict)

    def sign_in(self, page: Page, name: str) -> None:
        """By the page itself, the first time; then with the cookie that came of it.

        A respondent is nobody of the staff: they have opened a link.
        """
        if name == "respondent" and name not in self.cookies:
            self.cookies[name] = [{"name": "answers", "value": self._opened_link(), "url": self.address}]
        if name in self.cookies:
            page.context.add_cookies(self.cookies[name])
            return
        page.goto(f"{self.address}/sign-in")
        page.get_by_label("E-mail address").fill(f"{name}@test.example")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        if name == "keeper":
            page.get_by_label("Code", exact=True).fill(code(self.app.config["KEEPER_S_KEY"], steps=1))
            page.get_by_role("button", name="Continue").click()
        page.wait_for_url(lambda url: "sign-in" not in url)
        self.cookies[name] = page.context.cookies()

    def _opened_link(self) -> str:
        with self.app.app_context(), db.transaction():
            worker, person = self.world.user("link-worker"), self.world.person("same-site")
            _, token = self_completion.make_link(
                by=worker, person=person, timepoint="baseline", instruments=["ons4", "phq9"]
            )  # fmt: skip
            return self_completion.open_link(by=None, token=token)

    def open(self, page: Page, path: str) -> None:
        page.goto(self.address + path.format(**self.places))


@pytest.fixture(scope="module")
def live(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """The tracker on a port, for one file of tests: what one test writes the next ones see."""
    with _living(sqlite_template, tmp_path_factory.mktemp("live")) as made:
        yield made


@pytest.fixture(scope="module")
def strict(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """The same as a real service is: everybody must have a second factor."""
    with _living(sqlite_template, tmp_path_factory.mktemp("strict"), second_factor=True) as made:
        yield made


@contextmanager
def _living(template: Path, folder: Path, **options: bool) -> Iterator[Live]:
    shutil.copyfile(template, folder / "tracker.db")
    app = worlds.application(f"sqlite:///{folder / 'tracker.db'}", folder, **options)
    with app.app_context():
        world = worlds.build()
        places = _furnished(world)
    with serving(app) as address:
        yield Live(app, address, world, places)
    assert db.engine is not None
    db.engine.dispose()


def _furnished(world: World) -> dict[str, uuid.UUID]:
    """Something of everything, so that no page is empty; and the ids that stand in addresses."""
    with db.transaction():
        admin, worker = world.user("administrator"), world.user("link-worker")
        staff.create_user(by=admin, email="newcomer@test.example", name="Newcomer", password=PASSWORD)
        staff.grant(
            by=admin, user=world.user("supervisor"), role="supervisor", study=world.study(), site=world.site("quay")
        )
        for minutes in (15, 45):
            logged = worlds.contact(world, minutes=minutes, topics="Money", note="Prefers mornings")
        worlds.signpost(world, outcome="attended", sessions_attended=3)
        waiting = worlds.signpost(world)  # last: while one waits, the same is not made again
        answers = {"phq9": worlds.COMPLETE["phq9"] | {"i9": 1}}
        answered = [worlds.assessment(world, id, responses=answers.get(id)) for id in ("ons4", "phq9", "eq5d-5l")]
        worlds.draft(world, {"i1": 2, "i9": 1}, person="same-site")
        outcomes.record_service_use(
            by=worker, person=world.person("own"), setting="gp", from_on=days_ago(565), until_on=days_ago(200),
            count=7, source="record-extract",
        )  # fmt: skip
        offered, talking, report = _offered(world), *_directory(world)
        closed = _closed(world)
        flag = safety.set_flag(
            by=worker, person=closed.person, kind="not-alone", note="Angry neighbour", review_on=days_ago(-30)
        )
        care.set_needs(
            by=worker, referral=world.referral("own"), version=world.referral("own").version, needs=["money", "food"]
        )
        self_completion.make_link(by=worker, person=world.person("own"), timepoint="6m", instruments=["ons4"])
        accounts = _accounts(world)
        goal = goals.set_goal(
            by=worker, person=world.person("own"), words="Walk to the shop alone", set_on=days_ago(90)
        )
        for days, closeness in ((80, 1), (40, 4), (9, 7)):
            goals.note_progress(
                by=worker,
                goal=goal,
                version=goal.version,
                noted_on=days_ago(days),
                closeness=closeness,
                status="open",
            )
    return {
        **accounts, **world.people, "referral": world.referrals["own"], "offered": offered.id, "closed": closed.id,
        "returned": closed.person_id, "flag": flag.id, "signpost": waiting.id,
        "phq9": answered[1].id, "contact": logged.id, "resource": talking.id, "report": report.id, "goal": goal.id,
        "garden": world.studies["garden"], "mill": world.sites["mill"], "pond": world.sites["pond"],
    }  # fmt: skip


def _closed(world: World) -> care.Referral:
    """Somebody whose referral was closed three weeks ago."""
    worker = world.user("link-worker")
    person = people.add_person(
        by=worker, study=world.study(), site=world.site("mill"), entered_on=days_ago(150),
        identity=people.IdentityFacts("Rosa Returned"), conditions=["diabetes", "depression"],
    )  # fmt: skip
    referral = care.record_referral(
        by=worker, person=person, source="nurse", referred_on=days_ago(150), needs=["housing"]
    )
    care.assign(by=worker, referral=referral, worker=worker, from_on=days_ago(150))
    care.close_referral(by=worker, referral=referral, closed_on=days_ago(21), closure_reason="completed")
    return referral


def _accounts(world: World) -> dict[str, uuid.UUID]:
    """Somebody with a second device and two posts, somebody with both second factors, and somebody who left."""
    admin, worker = world.user("administrator"), world.user("link-worker")
    left = staff.create_user(by=admin, email="left@test.example", name="Lou Left", password=PASSWORD)
    staff.disable_user(by=admin, user=left, reason="Left the service")
    staff.appoint(by=admin, user=worker, site=world.site("quay"), fte=0.5, from_on=days_ago(90))
    keeper = staff.create_user(by=admin, email="keeper@test.example", name="Kim Keeper", password=PASSWORD)
    passkey = second_factor.add_passkey(by=keeper, name="Phone", credential_id=b"1", public_key=b"2", sign_count=0)
    secret = security.totp_factory.generate_totp_secret()
    current_app.config["KEEPER_S_KEY"] = key = security.totp_factory.get_totp_pretty_key(secret)
    second_factor.add_authenticator(by=keeper, secret=secret, code=code(key))
    return {
        "worker": worker.id, "left": left.id, "membership": worker.memberships[0].id, "passkey": passkey.id,
        "post": db.session.scalars(select(Post.id).where(Post.fte == 0.5)).one(),
        "device": staff.start_sign_in(by=worker, device="Firefox on Windows").id,
    }  # fmt: skip


def _offered(world: World) -> care.Referral:
    """Somebody who has not answered yet."""
    worker = world.user("link-worker")
    person = people.add_person(
        by=worker, study=world.study(), site=world.site("mill"), entered_on=days_ago(10),
        identity=people.IdentityFacts("Ines Waiting"),
    )  # fmt: skip
    return care.record_referral(by=worker, person=person, source="gp", referred_on=days_ago(10), status="offered")


def _directory(world: World) -> tuple[directory.Resource, directory.FaultReport]:
    """An entry with everything in it that is full and said to be wrong, and one that closed."""
    worker, study = world.user("link-worker"), world.studies["garden"]
    details = {
        "provider": "Elmstead Counselling", "area": "Elmstead and villages", "cost": "By income, from £5",
        "description": "Six to twelve sessions with a trained counsellor.", "eligibility": "Adults; not in a crisis",
        "opening_times": "Weekdays, 9.00 to 19.00\nSaturdays by appointment", "phone": "01632 960 055 (option 2)",
        "email": "talk@example.org", "website": "https://counselling.example.org/how-it-works", "town": "Elmstead",
        "address": "4 Church Lane", "postcode": "EX1 0AB", "checked_on": days_ago(200), "capacity": "full",
    }  # fmt: skip
    talking = directory.add_resource(
        by=worker, study_id=study, name="Talking it over", category="counselling", details=details
    )
    directory.add_resource(
        by=worker,
        study_id=study,
        name="Choir of the closed hall",
        category="social-group",
        details={"capacity": "closed"},
    )
    report = directory.report_fault(by=worker, resource=talking, reason="The phone number has changed")
    return talking, report
