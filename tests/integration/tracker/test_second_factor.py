"""The second factor: codes good once, passkeys that nobody else can use, recovery codes, waits, and who must have one."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import func, select, update

from tests import world as worlds
from tests.authenticator import Device
from tests.codes import code
from tests.integration.tracker.visiting import Visit
from tests.world import PASSWORD, World
from tracker.actions import second_factor, staff
from tracker.actions.refusal import Refused
from tracker.extensions import db, security
from tracker.models import AuditEvent, Authenticator, Passkey, RecoveryCode, SignIn, SignInFailure
from tracker.permissions import Forbidden
from tracker.views import passkeys, second_step

ALL_PAGES = ("/", "/people", "/people/{own}", "/account", "/account/password", "/outcomes-due", "/nothing-yet")


@pytest.fixture
def visit(app: Flask, world: World) -> Visit:
    return Visit(app.test_client())


@pytest.fixture
def strict(placed: tuple[str, World], tmp_path: Path) -> Iterator[Flask]:
    """A real service: everybody must have a second factor."""
    made = worlds.application(placed[0], tmp_path, second_factor=True)
    with made.app_context():
        yield made


def set_up_app(visit: Visit) -> str:
    """Set an app up on the page; gives its key."""
    visit.open("/account/app")
    key = visit.key()
    visit.send_on("/account/app", code=code(key))
    assert visit.status == 302, visit.fault
    return key


def set_up_passkey(visit: Visit, device: Device, title: str = "Phone") -> None:
    visit.open("/account/passkeys/new")
    visit.send_on("/account/passkeys/new", title=title, credential=device.create(visit.question()))
    assert visit.status == 302, visit.fault


def another(visit: Visit) -> Visit:
    return Visit(visit.client.application.test_client())


def newest() -> tuple[str, str | None]:
    db.session.rollback()
    event = db.session.scalars(select(AuditEvent).order_by(AuditEvent.number.desc()).limit(1)).one()
    return event.action, event.reason


def count(kind: type) -> int | None:
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(kind))


# ------------------------------------------------------------------------------------------- codes


def test_an_app_counts_only_once_it_has_shown_that_it_has_the_key(visit: Visit):
    visit.sign_in()
    visit.open("/account/app")
    key = visit.key()
    for wrong in ("", "12345", "1234567", "abcdef", "٣٤٥٦٧٨", "000000"):
        visit.send_on("/account/app", code=wrong)
        assert visit.status == 422
        assert visit.key() == key
    assert count(Authenticator) == 0
    visit.send_on("/account/app", code=f"{code(key)[:3]} {code(key)[3:]}")
    assert (visit.status, visit.location) == (302, "/account/recovery-codes")
    assert newest()[0] == "add_authenticator"


def test_the_key_is_in_no_address_and_no_cookie_and_encrypted_where_it_is_kept(visit: Visit):
    visit.sign_in()
    key = set_up_app(visit).replace("-", "")
    cookie = visit.client.get_cookie("tracker").value
    kept = db.session.scalar(select(Authenticator.secret))
    assert key not in cookie + kept
    assert kept.startswith('{"enckey"')


def test_after_the_password_comes_the_code_and_then_the_page_that_was_wanted(visit: Visit, world: World):
    visit.sign_in()
    key = set_up_app(visit)
    fresh, wanted = another(visit), f"/people/{world.people['own']}"
    fresh.send(f"/sign-in?next={wanted}", email="link-worker@test.example", password=PASSWORD, next=wanted)
    assert fresh.location.startswith("/sign-in/second-step?next=")
    second = fresh.location
    assert fresh.client.get(wanted).location.startswith("/sign-in"), "half signed in is not signed in"
    fresh.send(second, code=code(key, steps=1))
    assert fresh.location == wanted
    assert fresh.client.get(wanted).status_code == 200
    assert db.session.scalars(select(SignIn.method).order_by(SignIn.started_at)).all() == ["password", "code"]


@pytest.mark.parametrize(
    "wanted", ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)"]
)
def test_the_second_step_leads_to_no_other_host(visit: Visit, wanted: str):
    visit.sign_in()
    key = set_up_app(visit)
    fresh = another(visit)
    fresh.sign_in()
    fresh.open("/sign-in/second-step")
    fresh._take(fresh.client.post(
        "/sign-in/second-step", query_string={"next": wanted}, data=fresh.hidden() | {"code": code(key, steps=1)}
    ))  # fmt: skip
    assert (fresh.status, fresh.location) == (302, "/")


def test_a_code_is_good_once_even_for_another_browser_and_an_older_one_not_at_all(visit: Visit):
    visit.sign_in()
    key = set_up_app(visit)
    fresh, thief = another(visit), another(visit)
    for each in (fresh, thief):
        each.sign_in()
    fresh.send("/sign-in/second-step", code=code(key, steps=1))
    assert fresh.location == "/"
    for seen in (code(key, steps=1), code(key), code(key, steps=-1)):
        thief.send("/sign-in/second-step", code=seen)
        assert thief.fault == second_factor.WRONG_CODE


@pytest.mark.parametrize("steps", [-3, -2, 3, 60])
def test_a_code_of_another_time_is_not_taken(visit: Visit, steps: int):
    visit.sign_in()
    visit.open("/account/app")
    visit.send_on("/account/app", code=code(visit.key(), steps=steps))
    assert visit.fault == second_factor.WRONG_CODE


def test_guessing_at_codes_is_slowed_and_the_right_one_has_to_wait_too(visit: Visit):
    visit.sign_in()
    key = set_up_app(visit)
    thief = another(visit)
    thief.sign_in()
    for _ in range(5):
        thief.send("/sign-in/second-step", code="000000")
        assert thief.fault == second_factor.WRONG_CODE
    thief.send("/sign-in/second-step", code=code(key, steps=1))
    assert thief.fault.startswith("Too many attempts. Wait ")
    elsewhere = another(visit)
    elsewhere.client.environ_base["REMOTE_ADDR"] = "203.0.113.7"
    elsewhere.sign_in()
    elsewhere.send("/sign-in/recovery-code", code="AAAA-AAAA-AAAA-AAAA")
    assert elsewhere.fault.startswith("Too many attempts. Wait "), "other addresses and other kinds of code count too"
    with db.transaction() as session:
        session.execute(update(SignInFailure).values(failed_at=datetime.now(UTC) - timedelta(minutes=16)))
    thief.send("/sign-in/second-step", code=code(key, steps=1))
    assert thief.location == "/"


def test_waiting_for_a_code_slows_nobody_else(visit: Visit, world: World):
    with db.transaction():
        for _ in range(40):
            second_factor.accept_code(by=world.user("link-worker"), code="000000")
    assert db.session.scalar(select(func.count()).select_from(SignInFailure)) == 5
    assert visit.sign_in("supervisor") == "/"


def test_between_the_steps_there_are_ten_minutes(visit: Visit, monkeypatch: pytest.MonkeyPatch):
    visit.sign_in()
    key = set_up_app(visit)
    fresh = another(visit)
    fresh.sign_in()
    fresh.open("/sign-in/second-step")
    late = time.time() + second_step.PATIENCE + 1
    monkeypatch.setattr(second_step.time, "time", lambda: late)
    fresh.send_on("/sign-in/second-step", code=code(key))
    assert fresh.location == "/sign-in"


def test_somebody_disabled_between_the_steps_does_not_get_in(visit: Visit, world: World):
    visit.sign_in()
    key = set_up_app(visit)
    fresh = another(visit)
    fresh.sign_in()
    fresh.open("/sign-in/second-step")
    with db.transaction():
        staff.disable_user(by=world.user("administrator"), user=world.user("link-worker"), reason="left")
    fresh.send_on("/sign-in/second-step", code=code(key, steps=1))
    assert fresh.location == "/sign-in"


@pytest.mark.parametrize("path", ["/sign-in/second-step", "/sign-in/recovery-code"])
def test_the_second_step_without_the_first_leads_back(visit: Visit, path: str):
    visit.open(path)
    assert visit.location == "/sign-in"


def test_another_app_takes_the_place_of_the_one_before(visit: Visit):
    visit.sign_in()
    old = set_up_app(visit)
    new = set_up_app(visit)
    assert newest()[0] == "change_authenticator"
    assert count(Authenticator) == 1
    fresh = another(visit)
    fresh.sign_in()
    fresh.send("/sign-in/second-step", code=code(old, steps=1))
    assert fresh.fault == second_factor.WRONG_CODE
    fresh.send("/sign-in/second-step", code=code(new, steps=1))
    assert fresh.location == "/"


# ------------------------------------------------------------------------------------------ recovery


def make_codes(visit: Visit) -> list[str]:
    visit.send("/account/recovery-codes")
    return visit.shown("lwk-codes")


def test_a_recovery_code_lets_somebody_in_once_however_it_is_typed(visit: Visit):
    visit.sign_in()
    set_up_app(visit)
    codes = make_codes(visit)
    assert len({*codes}) == 10
    for used, typed in ((codes[0], codes[0]), (codes[1], codes[1].lower().replace("-", "  "))):
        fresh = another(visit)
        fresh.sign_in()
        fresh.send("/sign-in/recovery-code", code=typed)
        assert fresh.location == "/", used
        assert "use_recovery_code" in db.session.scalars(select(AuditEvent.action)).all()
        again = another(visit)
        again.sign_in()
        again.send("/sign-in/recovery-code", code=typed)
        assert again.fault == second_factor.WRONG_RECOVERY_CODE
    assert count(RecoveryCode) == 8
    assert "8 of 10 left" in visit.open("/account")


def test_recovery_codes_are_shown_once_kept_as_digests_and_replaced_whole(visit: Visit):
    visit.sign_in()
    set_up_app(visit)
    first = make_codes(visit)
    assert not any(each in visit.open("/account/recovery-codes") + visit.open("/account") for each in first)
    kept = "".join(db.session.scalars(select(RecoveryCode.digest)))
    assert not any(each in kept or each.replace("-", "") in kept for each in first)
    second = make_codes(visit)
    assert not set(first) & set(second)
    fresh = another(visit)
    fresh.sign_in()
    fresh.send("/sign-in/recovery-code", code=first[0])
    assert fresh.fault == second_factor.WRONG_RECOVERY_CODE


def test_somebody_else_s_recovery_code_opens_nothing(visit: Visit):
    visit.sign_in()
    set_up_app(visit)
    codes = make_codes(visit)
    other = another(visit)
    other.sign_in("supervisor")
    set_up_app(other)
    make_codes(other)
    thief = another(visit)
    thief.sign_in("supervisor")
    thief.send("/sign-in/recovery-code", code=codes[0])
    assert thief.fault == second_factor.WRONG_RECOVERY_CODE


def test_there_are_no_recovery_codes_without_a_factor_to_recover(visit: Visit):
    visit.sign_in()
    visit.open("/account/recovery-codes")
    assert visit.location == "/account/begin"


# ------------------------------------------------------------------------------------------ passkeys


def use(visit: Visit, device: Device) -> str:
    visit.open("/sign-in/passkey")
    visit.send_on("/sign-in/passkey", credential=device.get(visit.question()))
    return visit.location


def test_a_passkey_signs_its_owner_in_and_is_known_by_its_name(visit: Visit, world: World):
    device = Device()
    visit.sign_in()
    set_up_passkey(visit, device, "Work phone")
    assert newest()[0] == "add_passkey"
    assert "Passkey: Work phone" in visit.open("/account")
    fresh = another(visit)
    assert use(fresh, device) == "/"
    assert "My caseload" in fresh.open("/")
    row = db.session.scalars(select(SignIn).order_by(SignIn.started_at.desc()).limit(1)).one()
    assert (row.user_id, row.method) == (world.users["link-worker"], "passkey")
    assert "last used today" in fresh.open("/account")
    assert db.session.scalar(select(Passkey.sign_count)) == 1


def test_after_a_password_too_the_passkey_is_asked_for(visit: Visit):
    device = Device()
    visit.sign_in()
    set_up_passkey(visit, device)
    fresh = another(visit)
    assert fresh.sign_in() == "/sign-in/second-step"
    page = fresh.open("/sign-in/second-step")
    assert "Use a passkey" in page
    assert 'name="code"' not in page, "there is no app whose code could be right"
    assert use(fresh, device) == "/"


def refused(visit: Visit, answer: str, path: str = "/sign-in/passkey", **more: str) -> str:
    visit.send_on(path, credential=answer, **more)
    assert visit.status == 422
    if path == "/sign-in/passkey":
        assert visit.client.get("/").location.startswith("/sign-in")
    return visit.fault


def test_no_other_answer_than_the_passkey_s_own_to_this_question_lets_anybody_in(visit: Visit):
    device = Device()
    visit.sign_in()
    set_up_passkey(visit, device)
    thief = another(visit)
    thief.open("/sign-in/passkey")
    answers = {
        "an unknown passkey": Device(handle=device.handle).get(thief.question()),
        "another key under its id": Device(id=device.id, handle=device.handle).get(thief.question()),
        "a page that only looks like ours": Device("http://l0calhost", id=device.id, key=device.key, handle=device.handle).get(thief.question()),
        "nobody's finger": Device(verified=False, id=device.id, key=device.key, handle=device.handle).get(thief.question()),
        "somebody else's handle": Device(id=device.id, key=device.key, handle="eA").get(thief.question()),
        "nothing": "", "no answer": "{}", "not even JSON": "<script>", "a list": "[]",
    }  # fmt: skip
    for what, answer in answers.items():
        assert "This passkey did not work here" in refused(thief, answer), what
        thief.open("/sign-in/passkey")


def test_an_answer_is_good_once_and_for_five_minutes(visit: Visit, monkeypatch: pytest.MonkeyPatch):
    device = Device()
    visit.sign_in()
    set_up_passkey(visit, device)
    fresh = another(visit)
    fresh.open("/sign-in/passkey")
    answer = device.get(fresh.question())
    fresh.send_on("/sign-in/passkey", credential=answer)
    assert fresh.location == "/"
    thief = another(visit)
    thief.open("/sign-in/passkey")
    assert "did not work here" in refused(thief, answer)
    slow = another(visit)
    slow.open("/sign-in/passkey")
    late = time.time() + passkeys.PATIENCE + 1
    monkeypatch.setattr(passkeys.time, "time", lambda: late)
    assert "did not work here" in refused(slow, device.get(slow.question()))


def test_a_copied_passkey_is_noticed_by_its_count(visit: Visit):
    device = Device()
    visit.sign_in()
    set_up_passkey(visit, device)
    for _ in range(3):
        assert use(another(visit), device) == "/"
    copy = Device(id=device.id, key=device.key, handle=device.handle)
    thief = another(visit)
    thief.open("/sign-in/passkey")
    assert "did not work here" in refused(thief, copy.get(thief.question()))


def test_the_passkey_of_a_disabled_account_opens_nothing(visit: Visit, world: World):
    device = Device()
    visit.sign_in()
    set_up_passkey(visit, device)
    with db.transaction():
        staff.disable_user(by=world.user("administrator"), user=world.user("link-worker"), reason="left")
    thief = another(visit)
    thief.open("/sign-in/passkey")
    assert "did not work here" in refused(thief, device.get(thief.question()))


@pytest.mark.parametrize(
    "device", [Device(verified=False), Device("http://evil.example")], ids=["unverified", "elsewhere"]
)
def test_a_passkey_is_made_only_here_and_by_somebody_who_shows_themselves(visit: Visit, device: Device):
    visit.sign_in()
    visit.open("/account/passkeys/new")
    words = refused(visit, device.create(visit.question()), "/account/passkeys/new", title="Phone")
    assert words.startswith("Your device did not make a passkey")
    assert count(Passkey) == 0


def test_a_passkey_needs_a_name_of_its_own_and_is_not_taken_twice(visit: Visit):
    device = Device()
    visit.sign_in()
    set_up_passkey(visit, device, "Phone")
    visit.open("/account/passkeys/new")
    assert (
        refused(visit, Device().create(visit.question()), "/account/passkeys/new", title=" ")
        == "Enter a name for this device"
    )
    words = refused(visit, Device().create(visit.question()), "/account/passkeys/new", title="Phone")
    assert words == "You have a passkey of this name already. Use another name."
    assert 'value="Phone"' in visit.page
    words = refused(visit, device.create(visit.question()), "/account/passkeys/new", title="Again")
    assert words.startswith("Your device did not make a passkey")


# --------------------------------------------------------------------------- removing and resetting


def test_a_removed_factor_opens_nothing_and_leaves_no_secret_behind(visit: Visit, world: World):
    device = Device()
    visit.sign_in()
    set_up_passkey(visit, device)
    set_up_app(visit)
    passkey = db.session.scalar(select(Passkey.id))
    visit.send(f"/account/passkeys/{passkey}/remove")
    assert newest()[0] == "remove_passkey"
    visit.send("/account/app/remove")
    assert newest()[0] == "remove_authenticator"
    assert (count(Passkey), count(Authenticator)) == (0, 0)
    thief = another(visit)
    thief.open("/sign-in/passkey")
    assert "did not work here" in refused(thief, device.get(thief.question()))
    visit.send("/account/app/remove")
    assert visit.fault == "No app is set up. There is nothing to remove."


def test_nobody_removes_the_only_factor_that_they_must_have(strict: Flask, placed: tuple[str, World]):
    visit = Visit(strict.test_client())
    visit.sign_in()
    set_up_app(visit)
    visit.send("/account/app/remove")
    assert visit.fault == second_factor.ONLY_ONE
    set_up_passkey(visit, Device())
    visit.send("/account/app/remove")
    assert visit.status == 302
    visit.send(f"/account/passkeys/{db.session.scalar(select(Passkey.id))}/remove")
    assert visit.fault == second_factor.ONLY_ONE


def test_an_administrator_resets_the_factors_of_somebody_who_lost_theirs(visit: Visit, world: World):
    visit.sign_in()
    key = set_up_app(visit)
    set_up_passkey(visit, Device())
    make_codes(visit)
    admin = another(visit)
    admin.sign_in("administrator")
    admin.send(f"/staff/{world.users['link-worker']}/reset-second-factor", reason="Lost the phone, came in person")
    assert admin.status == 302
    assert (count(Authenticator), count(Passkey), count(RecoveryCode)) == (0, 0, 0)
    events = db.session.scalars(select(AuditEvent).where(AuditEvent.action == "reset_second_factor")).all()
    assert [(each.reason, each.actor_id) for each in events] == [
        ("Lost the phone, came in person", world.users["administrator"])
    ]
    assert visit.client.get("/").location.startswith("/sign-in"), "every sign-in ended"
    assert another(visit).sign_in() == "/"
    assert key not in "".join(filter(None, db.session.scalars(select(AuditEvent.after))))


def test_only_administrators_reset_the_factors_of_others(visit: Visit, world: World):
    with pytest.raises(Forbidden), db.transaction():
        second_factor.reset_second_factor(by=world.user("supervisor"), user=world.user("link-worker"), reason="curious")


def test_nobody_s_passkey_is_used_or_removed_by_somebody_else(visit: Visit, world: World):
    with db.transaction():
        theirs = second_factor.add_passkey(
            by=world.user("supervisor"), name="Phone", credential_id=b"1", public_key=b"2", sign_count=0
        )
        id = theirs.id
    for act in (
        lambda key: second_factor.remove_passkey(by=world.user("link-worker"), passkey=key),
        lambda key: second_factor.use_passkey(by=world.user("link-worker"), passkey=key, sign_count=1),
    ):
        with pytest.raises(Forbidden), db.transaction() as session:
            act(session.get(Passkey, id))


# ---------------------------------------------------------------------------------- who must have one


@pytest.mark.parametrize("role", worlds.ROLES)
def test_where_everybody_must_have_one_no_page_opens_before(strict: Flask, placed: tuple[str, World], role: str):
    visit = Visit(strict.test_client())
    assert visit.sign_in(role) == "/"
    for path in ALL_PAGES:
        visit.open(path.format(**placed[1].people))
        assert (visit.status, visit.location) == (302, "/account/begin"), path
    assert "Set up a second factor" in visit.open("/account/begin")
    assert "Main" not in visit.page.partition("<main")[0], "no page to go to"
    set_up_app(visit)
    visit.open("/")
    assert visit.location != "/account/begin"


def test_a_post_does_nothing_before_either(strict: Flask, placed: tuple[str, World]):
    visit = Visit(strict.test_client())
    visit.sign_in()
    before = count(AuditEvent)
    token = visit.open("/account/app") and visit.hidden()
    visit._take(visit.client.post("/account/appearance", data=token | {"name": "X", "text_size": "large"}))
    assert (visit.location, count(AuditEvent)) == ("/account/begin", before)


def test_where_nobody_must_the_page_says_so_and_offers_it(visit: Visit):
    assert visit.sign_in() == "/"
    page = visit.open("/account")
    assert "nobody has to have one" in page
    assert "Set up an app" in page
    visit.open("/account/begin")
    assert visit.location == "/account"


def test_what_decides_who_gets_in_asks_for_the_password_again(visit: Visit):
    visit.sign_in()
    with visit.client.session_transaction() as session:
        session["fs_paa"] = time.time() - 16 * 60
    visit.open("/account/app")
    assert visit.location == "/password-again?next=/account/app"
    assert "Enter your password again" in visit.open(visit.location)
    visit.send("/password-again?next=/account/app", password="not it at all")
    assert visit.fault == "This is not your password. Check it and try again."
    visit.send("/password-again?next=/account/app", password=PASSWORD)
    assert visit.location == "/account/app"
    visit.open("/account/app")
    assert visit.status == 200


def test_guessing_at_an_unlocked_screen_is_slowed(visit: Visit):
    visit.sign_in()
    for _ in range(5):
        visit.send("/password-again", password="guess")
    visit.send("/password-again", password=PASSWORD)
    assert visit.fault.startswith("Too many attempts. Wait ")


def test_a_code_of_nobody_is_no_code(visit: Visit, world: World):
    with db.transaction():
        assert second_factor.accept_code(by=world.user("link-worker"), code="123456") == second_factor.WRONG_CODE
    secret = security.totp_factory.generate_totp_secret()
    with pytest.raises(Refused, match="not right"), db.transaction():
        second_factor.add_authenticator(by=world.user("link-worker"), secret=secret, code="000000")
    assert count(Authenticator) == 0
