"""Invitations: a link that is good once and for a week, kept only as a digest, and past nobody's second factor."""

from __future__ import annotations

import logging
import re
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select, update

from tests.codes import code
from tests.integration.tracker.test_second_factor import another, set_up_app
from tests.integration.tracker.visiting import Visit
from tests.world import PASSWORD, World
from tracker.actions import invitations, staff
from tracker.actions.passwords import EASY
from tracker.actions.refusal import Refused
from tracker.extensions import db
from tracker.models import AuditEvent, Invitation, SignIn, User
from tracker.permissions import Forbidden, current

GOOD = "velvet harbour kettle"


@pytest.fixture
def visit(app: Flask, world: World) -> Visit:
    return Visit(app.test_client())


@pytest.fixture
def admin(visit: Visit) -> Visit:
    signed_in = another(visit)
    signed_in.sign_in("administrator")
    return signed_in


def invite(admin: Visit, world: World, **changes: str) -> str:
    """Invite somebody on the page; gives the path of the link that it shows."""
    answers = {
        "name": "Rowan Hill", "email": "rowan@test.example", "role": "link-worker",
        "study": str(world.studies["garden"]), "site": str(world.sites["mill"]),
    }  # fmt: skip
    admin.send("/staff/invite", **(answers | changes))
    assert admin.status == 200, admin.fault
    return path_of(admin)


def path_of(admin: Visit) -> str:
    found = re.search(r"http://localhost(/invitation/[\w-]+)</code>", admin.page)
    assert found, admin.page
    return found.group(1)


def rowan() -> User:
    db.session.rollback()
    return db.session.scalars(select(User).where(User.email == "rowan@test.example")).one()


def accept(visit: Visit, path: str, password: str = GOOD) -> None:
    visit.send(path)
    assert visit.location == "/invitation", visit.fault
    visit.send("/invitation", password=password, again=password)


def test_from_the_link_to_the_caseload(visit: Visit, admin: Visit, world: World):
    path = invite(admin, world)
    assert [(m.role, m.site_id) for m in current(rowan())] == [("link-worker", world.sites["mill"])]
    assert rowan().password is None
    accept(visit, path)
    assert (visit.status, visit.location) == (302, "/")
    assert "My caseload" in visit.open("/")
    assert another(visit).sign_in("rowan", GOOD) == "/"


def test_the_trail_tells_the_whole_story_and_no_secret(visit: Visit, admin: Visit, world: World):
    path = invite(admin, world)
    accept(visit, path)
    events = db.session.scalars(select(AuditEvent).order_by(AuditEvent.number)).all()[-7:]
    assert [each.action for each in events] == [
        "create_user", "grant", "invite", "open_invitation", "set_password", "accept_invitation", "sign_in"
    ]  # fmt: skip
    everything = "".join(f"{each.before}{each.after}{each.reason}" for each in events)
    for secret in (path.rpartition("/")[2], GOOD, "rowan", "Rowan", "argon2"):
        assert secret not in everything


def test_only_a_digest_is_kept_and_that_until_the_link_is_opened(visit: Visit, admin: Visit, world: World):
    path = invite(admin, world)
    token = path.rpartition("/")[2]
    kept = db.session.scalars(select(Invitation.digest)).one()
    assert len(token) >= 40
    assert re.fullmatch("[0-9a-f]{64}", kept or "")
    visit.send(path)
    db.session.rollback()
    assert db.session.scalars(select(Invitation.digest)).one() is None


def test_looking_at_the_link_does_not_use_it_up_and_opening_it_does(visit: Visit, admin: Visit, world: World):
    path = invite(admin, world)
    for _ in range(3):
        assert "You are invited" in another(visit).open(path)
        assert visit.client.head(path).status_code == 200
    thief = another(visit)
    thief.open(path)
    visit.send(path)
    thief.send_on(path)
    assert thief.fault == invitations.NO_LONGER
    assert "Choose a password" in visit.open("/invitation")
    assert "There is no open invitation in this browser" in thief.open("/invitation")


def test_a_link_is_good_once_and_so_is_its_cookie(visit: Visit, admin: Visit, world: World):
    path = invite(admin, world)
    visit.send(path)
    cookie = visit.client.get_cookie("tracker").value
    visit.send("/invitation", password=GOOD, again=GOOD)
    thief = another(visit)
    thief.client.set_cookie("tracker", cookie)
    assert "There is no open invitation in this browser" in thief.open("/invitation")


@pytest.mark.parametrize(
    ("age", "step"), [(timedelta(days=7, seconds=1), "link"), (timedelta(hours=1, seconds=1), "password")]
)
def test_a_link_is_good_for_a_week_and_for_an_hour_once_it_is_opened(
    visit: Visit, admin: Visit, world: World, age: timedelta, step: str
):
    path = invite(admin, world)
    if step == "password":
        visit.send(path)
    with db.transaction() as session:
        until = session.scalars(select(Invitation.valid_until)).one()
        session.execute(update(Invitation).values(valid_until=until - age))
    if step == "link":
        visit.send(path)
        assert visit.fault == invitations.NO_LONGER
    else:
        assert "There is no open invitation in this browser" in visit.open("/invitation")


@pytest.mark.parametrize("token", ["x", "a" * 43, "%00", "../staff", "' OR 1=1 --", "<script>"])
def test_a_made_up_link_opens_nothing(visit: Visit, token: str):
    visit.open(f"/invitation/{token}")
    if visit.status == 200:
        visit.send_on(f"/invitation/{token}", **visit.hidden())
        assert visit.fault == invitations.NO_LONGER
        assert "<script>" not in visit.page.replace('<script src="/static/tracker.js" defer></script>', "")
    else:
        assert visit.status == 404


@pytest.mark.parametrize(
    ("password", "again", "words"),
    [
        ("", "", "Enter a new password"),
        ("short", "short", "The password is too short. Use at least 12 characters."),
        (GOOD, GOOD + "s", "Enter the same new password twice"),
        ("password1234", "password1234", EASY),
        ("qwertyuiop12", "qwertyuiop12", EASY),
        ("rowanhill2026", "rowanhill2026", EASY),
        ("rowan@test.example", "rowan@test.example", EASY),
        ("x" * 1001, "x" * 1001, "Enter at most 1,000 characters"),
    ],
)
def test_a_password_is_long_not_common_and_typed_twice(
    visit: Visit, admin: Visit, world: World, password: str, again: str, words: str
):
    visit.send(invite(admin, world))
    visit.send("/invitation", password=password, again=again)
    assert (visit.status, visit.fault) == (422, words)
    assert f'value="{password}"' not in visit.page or password == ""
    assert rowan().password is None


def test_a_new_link_replaces_the_one_before_and_ends_what_is_signed_in(visit: Visit, admin: Visit, world: World):
    first = invite(admin, world)
    opened_before = another(visit)
    admin.send(f"/staff/{rowan().id}/link", reason="The first one was lost")
    second = path_of(admin)
    opened_before.send(first)
    assert opened_before.fault == invitations.NO_LONGER
    accept(visit, second)
    forgot = another(visit)
    admin.send(f"/staff/{rowan().id}/link", reason="Forgot the password")
    accept(forgot, path_of(admin), "seven quiet lanterns")
    assert visit.client.get("/").location.startswith("/sign-in")
    assert another(visit).sign_in("rowan", GOOD) == ""
    assert another(visit).sign_in("rowan", "seven quiet lanterns") == "/"


def test_a_link_leads_past_nobody_s_second_factor(visit: Visit, admin: Visit, world: World):
    visit.sign_in()
    key = set_up_app(visit)
    thief = another(visit)
    admin.send(f"/staff/{world.users['link-worker']}/link", reason="Somebody rang and said so")
    accept(thief, path_of(admin))
    assert thief.location == "/sign-in/second-step"
    assert thief.client.get("/").location.startswith("/sign-in")
    assert (
        db.session.scalars(
            select(SignIn).where(SignIn.user_id == world.users["link-worker"], SignIn.ended_at.is_(None))
        ).all()
        == []
    )
    thief.send("/sign-in/second-step", code=code(key, steps=1))
    assert thief.location == "/"


def test_whoever_is_invited_and_has_no_password_hears_the_same_words_as_a_stranger(
    visit: Visit, admin: Visit, world: World
):
    invite(admin, world)
    visit.sign_in("rowan", PASSWORD)
    assert visit.fault == "The e-mail address or password is not right. Check both and try again."


def test_a_disabled_account_gets_no_link_and_its_open_one_is_dead(visit: Visit, admin: Visit, world: World):
    path = invite(admin, world)
    with db.transaction():
        staff.disable_user(by=world.user("administrator"), user=rowan(), reason="Not coming after all")
    visit.send(path)
    assert visit.fault == invitations.NO_LONGER
    with pytest.raises(Refused, match=r"disabled\. Enable it first"), db.transaction():
        invitations.invite_again(by=world.user("administrator"), user=rowan(), reason="x")


def test_only_administrators_invite(world: World):
    for act in (
        lambda by: invitations.invite(
            by=by, email="x@test.example", name="X", role="administrator", study=None, site=None
        ),
        lambda by: invitations.invite_again(by=by, user=by, reason="x"),
    ):
        with pytest.raises(Forbidden), db.transaction():
            act(world.user("supervisor"))


def test_nobody_accepts_somebody_else_s_invitation(world: World):
    with db.transaction():
        made, _ = invitations.invite_again(
            by=world.user("administrator"), user=world.user("link-worker"), reason="forgot"
        )
        id = made.id
    found = db.session.get(Invitation, id)
    assert found is not None
    with pytest.raises(Forbidden), db.transaction():
        invitations.accept_invitation(by=world.user("supervisor"), invitation=found, password=GOOD)


def test_a_second_account_of_one_address_is_refused_and_nothing_is_made(admin: Visit, world: World):
    before = db.session.scalars(select(User.id)).all()
    admin.send(
        "/staff/invite", name="Twin", email="Link-Worker@test.example", role="evaluator",
        study=str(world.studies["garden"]), site="",
    )  # fmt: skip
    assert admin.fault == "Somebody with this e-mail address is already here. Use another address."
    db.session.rollback()
    assert db.session.scalars(select(User.id)).all() == before
    assert db.session.scalars(select(Invitation)).all() == []


@pytest.mark.parametrize(
    ("role", "study", "site", "words"),
    [
        ("link-worker", True, False, "Choose the site at which the role holds"),
        ("supervisor", False, True, "Choose the study in which the role holds"),
        ("evaluator", True, True, "This role holds at every site. Choose no site."),
        ("evaluator", False, False, "Choose the study in which the role holds"),
        ("administrator", True, False, "An administrator's role holds everywhere. Choose no study."),
        ("administrator", False, True, "This role holds at every site. Choose no site."),
    ],
)
def test_a_role_holds_where_it_can(admin: Visit, world: World, role: str, study: bool, site: bool, words: str):
    admin.send(
        "/staff/invite", name="Rowan Hill", email="rowan@test.example", role=role,
        study=str(world.studies["garden"]) if study else "", site=str(world.sites["mill"]) if site else "",
    )  # fmt: skip
    assert (admin.status, admin.fault) == (422, words)
    assert 'value="Rowan Hill"' in admin.page


def test_neither_token_nor_password_stands_in_a_log_an_address_or_a_message(
    visit: Visit, admin: Visit, world: World, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)
    path = invite(admin, world)
    visit.send(path)
    assert path.rpartition("/")[2] not in visit.location
    visit.send("/invitation", password="short", again="short")
    visit.send("/invitation", password=GOOD, again=GOOD)
    for secret in (path.rpartition("/")[2], GOOD, "rowan@test.example"):
        assert secret not in caplog.text
        for browser in (visit, admin):
            with browser.client.session_transaction() as session:
                assert secret not in str(dict(session))


def test_an_hour_begins_when_the_link_is_opened_and_never_outlasts_the_week(world: World):
    with db.transaction() as session:
        made, token = invitations.invite_again(
            by=world.user("administrator"), user=world.user("link-worker"), reason="forgot"
        )
        soon = made.valid_until = datetime.now(UTC) + timedelta(minutes=10)
        session.flush()
        assert invitations.open_invitation(by=None, token=token).valid_until == soon
