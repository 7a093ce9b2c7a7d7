"""Signing in and out: the server's own word, the same words for everyone, and waits that grow."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from flask import Flask, request
from flask.testing import FlaskClient
from flask_security.utils import hash_password
from sqlalchemy import select, update

from tests.world import KEYS, PASSWORD, World
from tracker import create_app
from tracker.actions import staff
from tracker.config import Config
from tracker.extensions import db
from tracker.models import ABSOLUTE, IDLE, AuditEvent, SignIn, SignInFailure, User
from tracker.views import gate

WRONG = "The e-mail address or password is not right"


def token(client: FlaskClient, page: str = "/sign-in") -> str:
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', client.get(page).get_data(as_text=True))
    return found.group(1) if found else "there is no token on this page"


def sign_in(client: FlaskClient, name: str = "link-worker", password: str = PASSWORD, **options):
    form = {"email": f"{name}@test.example", "password": password, "csrf_token": token(client)}
    return client.post("/sign-in", data=form, **options)


def test_the_right_password_leads_to_the_caseload(client: FlaskClient, world: World):
    response = sign_in(client)
    assert (response.status_code, response.location) == (302, "/")
    assert client.get("/").status_code == 200


def test_a_sign_in_is_a_row_on_the_server_and_a_line_in_the_trail(client: FlaskClient, world: World):
    sign_in(client)
    row = db.session.scalar(select(SignIn))
    assert (row.user_id, row.ended_at) == (world.users["link-worker"], None)
    assert db.session.scalar(select(AuditEvent.action).order_by(AuditEvent.number.desc()).limit(1)) == "sign_in"


def test_signing_out_ends_it_on_the_server_so_that_a_stolen_cookie_opens_nothing(client: FlaskClient, world: World):
    sign_in(client)
    cookie = client.get_cookie("tracker").value
    client.post("/sign-out", data={"csrf_token": token(client, "/")})
    assert db.session.scalar(select(SignIn.ended_at)) is not None
    client.set_cookie("tracker", cookie)
    assert client.get("/").location.startswith("/sign-in")


def test_signing_out_is_a_button_and_not_a_link(client: FlaskClient, world: World):
    sign_in(client)
    assert client.get("/sign-out").status_code == 405


@pytest.mark.parametrize("name", ["link-worker", "nobody"])
def test_a_wrong_password_and_an_unknown_account_hear_the_same_words(client: FlaskClient, world: World, name: str):
    page = sign_in(client, name, "not-the-password").get_data(as_text=True)
    assert WRONG in page
    assert f"{name}@test.example" in page
    assert "not-the-password" not in page


def test_a_disabled_account_hears_the_same_words_as_a_wrong_password(client: FlaskClient, world: World):
    with db.transaction():
        staff.disable_user(by=world.user("administrator"), user=world.user("link-worker"), reason="left")
    assert WRONG in sign_in(client).get_data(as_text=True)


def test_the_sixth_attempt_has_to_wait_even_with_the_right_password(client: FlaskClient, world: World):
    for _ in range(5):
        assert WRONG in sign_in(client, password="guess").get_data(as_text=True)
    page = sign_in(client).get_data(as_text=True)
    assert "Too many attempts. Wait" in page
    assert WRONG not in page


def fail(times: int, account: str = "x@test.example", address: str = "10.0.0.1") -> list[float]:
    """The wait after each of so many failures, in seconds."""
    waits = []
    for _ in range(times):
        with db.transaction():
            staff.note_failure(by=None, account=account, address=address)
        waits.append(wait(account, address))
    return waits


def wait(account: str = "x@test.example", address: str = "10.0.0.1") -> float:
    return staff.wait_before_sign_in(by=None, account=account, address=address).total_seconds()


def test_the_wait_doubles_with_every_failure_and_never_passes_a_quarter_of_an_hour(world: World):
    waits = fail(40)
    assert max(waits[:4]) <= 0
    assert waits[4:8] == pytest.approx([2, 4, 8, 16], abs=1)
    assert max(waits) <= 15 * 60
    assert waits[-1] > 14 * 60


def test_a_stranger_who_guesses_does_not_lock_the_owner_out(world: World):
    fail(40, address="203.0.113.9")
    assert wait(address="10.0.0.1") <= 30


def test_guessing_at_one_account_from_many_places_is_slowed(world: World):
    for place in range(25):
        fail(1, address=f"203.0.113.{place}")
    assert 0 < wait(address="203.0.113.99") <= 30


def test_one_place_that_guesses_at_many_accounts_is_slowed_and_its_neighbours_wait_half_a_minute_at_most(world: World):
    for number in range(25):
        fail(1, account=f"{number}@test.example")
    assert 0 < wait(account="innocent@test.example") <= 30


def test_signing_in_starts_the_count_anew(client: FlaskClient, world: World):
    for _ in range(4):
        sign_in(client, password="guess")
    assert sign_in(client).location == "/"
    another = client.application.test_client()
    for _ in range(5):
        assert WRONG in sign_in(another, password="guess").get_data(as_text=True)


def test_an_unknown_account_has_to_wait_just_the_same(client: FlaskClient, world: World):
    for _ in range(5):
        sign_in(client, "nobody", "guess")
    assert "Too many attempts" in sign_in(client, "nobody", "guess").get_data(as_text=True)


def test_failures_are_forgotten_after_a_quarter_of_an_hour(client: FlaskClient, world: World):
    for _ in range(6):
        sign_in(client, password="guess")
    with db.transaction() as session:
        session.execute(update(SignInFailure).values(failed_at=datetime.now(UTC) - timedelta(minutes=16)))
    assert sign_in(client).location == "/"


def test_failures_are_kept_without_the_address_that_was_typed(client: FlaskClient, world: World):
    sign_in(client, "someone.private", "guess")
    digests = db.session.scalars(select(SignInFailure.digest)).all()
    assert len(digests) == 3
    assert all(re.fullmatch("[0-9a-f]{64}", digest) for digest in digests)


@pytest.mark.parametrize(("column", "age"), [("seen_at", IDLE), ("started_at", ABSOLUTE)], ids=["idle", "absolute"])
def test_a_sign_in_ends_by_itself(client: FlaskClient, world: World, column: str, age: timedelta):
    sign_in(client)
    old = datetime.now(UTC) - age - timedelta(seconds=5)
    with db.transaction() as session:
        session.execute(update(SignIn).values({column: old}))
    assert client.get("/").location.startswith("/sign-in")
    assert "You were signed out" in client.get("/sign-in").get_data(as_text=True)
    assert db.session.scalar(select(SignIn.ended_at)) is not None


def test_being_in_use_keeps_a_sign_in_alive(client: FlaskClient, world: World):
    sign_in(client)
    with db.transaction() as session:
        session.execute(update(SignIn).values(seen_at=datetime.now(UTC) - timedelta(minutes=20)))
    client.get("/")
    assert datetime.now(UTC) - db.session.scalar(select(SignIn.seen_at)) < timedelta(seconds=30)


def test_a_role_taken_away_bites_on_the_next_request(client: FlaskClient, world: World):
    sign_in(client)
    assert client.get(f"/people/{world.people['own']}").status_code == 200
    with db.transaction():
        staff.end_membership(
            by=world.user("administrator"), membership=world.user("link-worker").memberships[0], reason="moved"
        )
    assert client.get(f"/people/{world.people['own']}").status_code == 403


def test_disabling_somebody_ends_their_sign_in_at_once(client: FlaskClient, world: World):
    sign_in(client)
    with db.transaction():
        staff.disable_user(by=world.user("administrator"), user=world.user("link-worker"), reason="left")
    assert client.get("/").location.startswith("/sign-in")


def test_somebody_elses_sign_in_opens_nothing_and_is_not_ended_by_it(client: FlaskClient, app: Flask, world: World):
    """Who the browser says it is and whose the sign-in is are looked up together, and held against each other."""
    sign_in(client)
    other = app.test_client()
    sign_in(other, "supervisor")
    with other.session_transaction() as theirs, client.session_transaction() as session:
        session["sign_in"] = theirs["sign_in"]
    assert client.get("/").location.startswith("/sign-in")
    assert client.get("/nowhere").status_code == 404
    assert other.get("/").status_code == 200
    assert db.session.scalars(select(SignIn.ended_at)).all() == [None, None]


def test_after_signing_in_one_comes_back_to_the_page_one_wanted(client: FlaskClient, world: World):
    wanted = f"/people/{world.people['own']}"
    asked = client.get(wanted)
    assert (
        asked.location == f"/sign-in?next={wanted.replace('/', '%2F')}" or asked.location == f"/sign-in?next={wanted}"
    )
    form = {
        "email": "link-worker@test.example", "password": PASSWORD, "csrf_token": token(client, asked.location),
        "next": wanted,
    }  # fmt: skip
    assert client.post(asked.location, data=form).location == wanted


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example/", "/\\evil.example"])
def test_coming_back_never_leads_to_another_host(client: FlaskClient, world: World, target: str):
    form = {"email": "link-worker@test.example", "password": PASSWORD, "csrf_token": token(client), "next": target}
    location = client.post(f"/sign-in?next={target}", data=form).location or "/"
    assert urlsplit(location).netloc == ""
    assert re.match(r"/(?![/\\])", location)


def test_a_form_without_its_token_is_refused_and_says_what_to_do(client: FlaskClient, world: World):
    sign_in(client)
    page = client.post(f"/referrals/{world.referrals['own']}/contacts/new", data={"minutes": "5"})
    assert page.status_code == 400
    assert "Go back and reload the page; sign in again if you are asked to." in page.get_data(as_text=True)


def test_passwords_are_kept_as_argon2id(world: World):
    hashes = db.session.scalars(select(User.password)).all()
    assert all(each.startswith("$argon2id$") for each in hashes)


def test_a_service_spares_no_toil_in_hashing_a_password(tmp_path: Path):
    """Only applications made for tests are quick about it; OWASP asks for 19 MiB in two rounds, or more."""
    app = create_app(Config(tmp_path, f"sqlite:///{tmp_path / 'tracker.db'}", KEYS))
    with app.app_context():
        found = re.match(r"\$argon2id\$v=19\$m=(\d+),t=(\d+),p=\d+\$", hash_password(PASSWORD))
    assert found is not None
    assert int(found[1]) >= 19 * 1024
    assert int(found[2]) >= 2


def test_cookies_are_out_of_reach_of_scripts_and_other_sites(client: FlaskClient, world: World):
    header = sign_in(client).headers["Set-Cookie"]
    assert "HttpOnly" in header
    assert "SameSite=Lax" in header


def test_every_page_forbids_inline_script_frames_and_keeping(client: FlaskClient, world: World):
    sign_in(client)
    headers = client.get("/").headers
    policy = headers["Content-Security-Policy"]
    assert "'unsafe-inline'" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(("proxies", "counted"), [(0, "127.0.0.1"), (1, "203.0.113.7")])
def test_the_address_that_counts_is_the_visitors_and_not_the_proxys(
    sqlite_url: str, tmp_path, proxies: int, counted: str
):
    """Only as many addresses are believed as there are proxies of our own; a visitor cannot claim to be another."""
    app = create_app(Config(tmp_path, sqlite_url, KEYS, secure_cookies=False, testing=True, proxies=proxies))
    seen = []
    app.add_url_rule("/seen", "static-twin", lambda: seen.append(request.remote_addr) or "")
    gate.OUTSIDE_RULES["static-twin"] = gate.PUBLIC
    try:
        app.test_client().get("/seen", headers={"X-Forwarded-For": "198.51.100.1, 203.0.113.7"})
    finally:
        del gate.OUTSIDE_RULES["static-twin"]
    assert seen == [counted]
