"""What accounts allow at the edge: of time, of a count, of a role; and what the trail tells of each step, and what not."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select, update

from tests.codes import code
from tests.world import World
from tracker.actions import invitations, second_factor, staff
from tracker.actions.refusal import Refused
from tracker.extensions import db, security
from tracker.models import (
    ABSOLUTE,
    IDLE,
    AuditEvent,
    Authenticator,
    Invitation,
    Passkey,
    RecoveryCode,
    SignIn,
    SignInFailure,
)
from tracker.permissions import Forbidden
from tracker.queries import administration
from tracker.queries import staff as looks
from tracker.queries.scope import NotFound

SECOND = timedelta(seconds=1)


def told(action: str) -> AuditEvent:
    """The newest event of this name."""
    db.session.rollback()
    events = select(AuditEvent).where(AuditEvent.action == action).order_by(AuditEvent.number.desc())
    return db.session.scalars(events.limit(1)).one()


def trail() -> str:
    """Everything that the trail says, as one text."""
    db.session.rollback()
    columns = (AuditEvent.action, AuditEvent.before, AuditEvent.after, AuditEvent.reason, AuditEvent.record_id)
    return "\n".join(str(each) for each in db.session.execute(select(*columns)))


def started(world: World, name: str = "link-worker", device: str | None = None) -> uuid.UUID:
    with db.transaction():
        return staff.start_sign_in(by=world.user(name), device=device).id


def sign_in(id: uuid.UUID) -> SignIn:
    found = db.session.get(SignIn, id)
    assert found is not None
    return found


def app_of(world: World, name: str = "link-worker") -> str:
    """Set somebody's app up; gives its key as it is shown."""
    secret = security.totp_factory.generate_totp_secret()
    key = str(security.totp_factory.get_totp_pretty_key(secret))
    with db.transaction():
        second_factor.add_authenticator(by=world.user(name), secret=secret, code=code(key))
    return key


def passkey_of(world: World, name: str = "link-worker", title: str = "Phone", id: bytes = b"one") -> uuid.UUID:
    with db.transaction():
        made = second_factor.add_passkey(
            by=world.user(name), name=title, credential_id=id, public_key=b"public half", sign_count=0
        )
        return made.id


def codes_of(world: World, name: str = "link-worker") -> list[str]:
    with db.transaction():
        return second_factor.make_recovery_codes(by=world.user(name))


def use_code(world: World, typed: str, name: str = "link-worker") -> str | None:
    with db.transaction():
        return second_factor.accept_code(by=world.user(name), code=typed)


def use_recovery_code(world: World, typed: str, name: str = "link-worker") -> str | None:
    with db.transaction():
        return second_factor.accept_recovery_code(by=world.user(name), code=typed)


# ------------------------------------------------------------------------------- sign-ins and time


@pytest.mark.parametrize(
    ("seen", "began", "live"),
    [
        (IDLE - 5 * SECOND, IDLE, True),
        (IDLE + SECOND, IDLE + SECOND, False),
        (0 * SECOND, ABSOLUTE - 5 * SECOND, True),
        (0 * SECOND, ABSOLUTE + SECOND, False),
        (ABSOLUTE + IDLE, ABSOLUTE + IDLE, False),
    ],
    ids=["used just in time", "idle a second too long", "nearly twelve hours", "twelve hours in use", "long ago"],
)
def test_a_sign_in_is_live_to_the_second(world: World, seen: timedelta, began: timedelta, live: bool):
    id, now = started(world), datetime.now(UTC)
    with db.transaction() as session:
        session.execute(update(SignIn).values(seen_at=now - seen, started_at=now - began))
    assert sign_in(id).is_live is live
    assert [each.id for each in looks.own_sign_ins(by=world.user("link-worker"))] == ([id] if live else [])
    seen_by_admin = administration.account(world.user("link-worker"), by=world.user("administrator"))
    assert seen_by_admin.signed_in == int(live)


def test_an_ended_sign_in_stays_ended_at_its_hour_however_often_it_is_ended(world: World):
    id = started(world)
    for _ in range(2):
        with db.transaction():
            staff.end_sign_in(by=world.user("link-worker"), sign_in=sign_in(id))
        ended = sign_in(id).ended_at
    with db.transaction():
        staff.end_sign_ins(by=world.user("administrator"), user=world.user("link-worker"), reason="again")
    assert sign_in(id).ended_at == ended
    assert db.session.scalar(select(func.count()).where(AuditEvent.action == "sign_out")) == 1


def test_nobody_ends_or_prolongs_somebody_else_s_sign_in(world: World):
    id = started(world)
    attempts: tuple[Callable[[], None], ...] = (
        lambda: staff.end_sign_in(by=world.user("supervisor"), sign_in=sign_in(id)),
        lambda: staff.touch_sign_in(by=world.user("supervisor"), sign_in=sign_in(id)),
        lambda: staff.touch_sign_in(by=world.user("administrator"), sign_in=sign_in(id)),
    )
    for attempt in attempts:
        with pytest.raises(Forbidden), db.transaction():
            attempt()
    assert sign_in(id).is_live
    assert looks.own_sign_in(id, by=world.user("administrator")) is None
    assert looks.own_sign_in(uuid.uuid4(), by=world.user("link-worker")) is None


def test_ending_all_but_one_spares_that_one_and_everybody_else(world: World):
    spared, lost, other = started(world), started(world, device="Chrome on Mac"), started(world, "supervisor")
    with db.transaction():
        by = world.user("link-worker")
        staff.end_sign_ins(by=by, user=by, spared=sign_in(spared))
    assert [sign_in(each).is_live for each in (spared, lost, other)] == [True, False, True]
    assert told("sign_out").record_id == str(lost)


def test_being_seen_is_no_line_in_the_trail(world: World):
    id = started(world)
    before = trail()
    with db.transaction() as session:
        session.execute(update(SignIn).values(seen_at=datetime.now(UTC) - timedelta(minutes=20)))
        staff.touch_sign_in(by=world.user("link-worker"), sign_in=sign_in(id))
    assert datetime.now(UTC) - sign_in(id).seen_at < timedelta(minutes=1)
    assert trail() == before


# --------------------------------------------------------------------------------- second factors


def test_a_code_is_good_once_and_the_next_one_after_it(world: World):
    key = app_of(world)
    assert use_code(world, code(key)) == second_factor.WRONG_CODE, "it was used to set the app up"
    following = code(key, steps=1)
    assert use_code(world, following) is None
    assert use_code(world, following) == second_factor.WRONG_CODE


def test_a_refused_app_leaves_the_one_before_as_it_was(world: World):
    key = app_of(world)
    db.session.rollback()
    kept = db.session.scalars(select(Authenticator.secret)).one()
    secret = security.totp_factory.generate_totp_secret()
    with pytest.raises(Refused) as refused, db.transaction():
        second_factor.add_authenticator(by=world.user("link-worker"), secret=secret, code="abcdef")
    assert refused.value.field == "code"
    assert db.session.scalars(select(Authenticator.secret)).one() == kept
    assert use_code(world, code(key, steps=1)) is None


def test_the_code_of_a_colleague_s_app_is_none_of_mine(world: World):
    app_of(world)
    theirs = app_of(world, "supervisor")
    assert use_code(world, code(theirs, steps=1)) == second_factor.WRONG_CODE
    assert use_code(world, code(theirs, steps=1), "supervisor") is None, "and trying it did not use it up"


def test_five_wrong_codes_of_any_kind_make_the_right_one_wait_and_only_for_this_account(world: World):
    key, codes, theirs = app_of(world), codes_of(world), app_of(world, "supervisor")
    for number in range(5):
        assert use_code(world, "000000") if number % 2 else use_recovery_code(world, "AAAA-BBBB-CCCC-DDDD")
    for fault in (use_code(world, code(key, steps=1)), use_recovery_code(world, codes[0])):
        assert fault is not None
        assert fault.startswith("Too many attempts")
    db.session.rollback()
    assert db.session.scalar(select(func.count()).select_from(RecoveryCode)) == 10, "waiting used a code up"
    assert use_code(world, code(theirs, steps=1), "supervisor") is None


def test_the_right_code_starts_the_count_anew(world: World):
    codes = codes_of(world)
    for right in codes[:2]:
        for _ in range(4):
            assert use_recovery_code(world, "wrong") == second_factor.WRONG_RECOVERY_CODE
        assert use_recovery_code(world, right) is None
    assert db.session.scalar(select(func.count()).select_from(SignInFailure)) == 0


@pytest.mark.parametrize("typed", ["", "-", "0101-0101", "🙂" * 16, "%", "' OR 1=1 --", "A" * 40])
def test_what_is_no_recovery_code_is_refused_and_uses_none_up(world: World, typed: str):
    codes_of(world)
    assert use_recovery_code(world, typed) == second_factor.WRONG_RECOVERY_CODE
    assert looks.recovery_codes_left(by=world.user("link-worker")) == 10


def test_recovery_codes_look_like_nothing_else_and_none_is_made_twice(world: World):
    codes = codes_of(world) + codes_of(world, "supervisor")
    assert len({*codes}) == 20
    for each in codes:
        assert [len(group) for group in each.split("-")] == [4] * 4
        assert not set(each) & set("IO01il"), "letters that look alike"


def test_the_trail_tells_every_step_of_the_factors_and_no_secret_of_them(world: World):
    key = app_of(world)
    app_of(world)
    passkey_of(world, title="Quillfeather's phone")
    codes = codes_of(world)
    use_recovery_code(world, codes[0])
    with db.transaction():
        second_factor.remove_authenticator(by=world.user("link-worker"))
    names = (
        "add_authenticator", "change_authenticator", "add_passkey", "make_recovery_codes", "use_recovery_code",
        "remove_authenticator",
    )  # fmt: skip
    assert [told(name).actor_id for name in names] == [world.users["link-worker"]] * len(names)
    assert json.loads(told("make_recovery_codes").after or "") == {"recovery_codes": 10}
    digests = db.session.scalars(select(RecoveryCode.digest)).all()
    secrets = [key, key.replace("-", ""), "Quillfeather", "public half", "enckey", *codes, *digests]
    assert not [each for each in secrets if each in trail()]


def test_a_passkey_belongs_to_its_owner_alone(world: World):
    id = passkey_of(world)
    passkey = db.session.get(Passkey, id)
    assert passkey is not None
    for name in ("supervisor", "administrator"):
        with pytest.raises(NotFound):
            looks.own_passkey(id, by=world.user(name))
        for act in (
            lambda by: second_factor.remove_passkey(by=by, passkey=db.session.get(Passkey, id)),
            lambda by: second_factor.use_passkey(by=by, passkey=db.session.get(Passkey, id), sign_count=9),
        ):
            with pytest.raises(Forbidden), db.transaction():
                act(world.user(name))
    assert db.session.scalars(select(Passkey.sign_count)).one() == 0


def test_two_people_may_call_their_passkeys_the_same_and_one_may_not(world: World):
    passkey_of(world)
    passkey_of(world, "supervisor", id=b"two")
    with pytest.raises(Refused):
        passkey_of(world, id=b"three")
    assert db.session.scalar(select(func.count()).select_from(Passkey)) == 2


def test_a_reset_forgets_the_factors_of_one_and_ends_what_is_open(world: World):
    for name in ("link-worker", "supervisor"):
        app_of(world, name)
        codes_of(world, name)
    passkey_of(world)
    mine, theirs = started(world), started(world, "supervisor")
    with db.transaction():
        second_factor.reset_second_factor(
            by=world.user("administrator"), user=world.user("link-worker"), reason="Lost the phone"
        )
    event = told("reset_second_factor")
    assert (event.actor_id, event.reason) == (world.users["administrator"], "Lost the phone")
    assert json.loads(event.before or "") == {"authenticator": 1, "passkey": 1, "recovery_code": 10}
    assert [looks.has_second_factor(by=world.user(name)) for name in ("link-worker", "supervisor")] == [False, True]
    assert looks.recovery_codes_left(by=world.user("supervisor")) == 10
    assert [sign_in(each).is_live for each in (mine, theirs)] == [False, True]


def test_there_is_no_app_to_remove_where_none_is_set_up(world: World):
    with pytest.raises(Refused, match="No app is set up"), db.transaction():
        second_factor.remove_authenticator(by=world.user("link-worker"))


# ------------------------------------------------------------------------------------- invitations


def invited(world: World) -> tuple[uuid.UUID, str]:
    with db.transaction():
        made, token = invitations.invite_again(
            by=world.user("administrator"), user=world.user("link-worker"), reason="Forgot it"
        )
        return made.id, token


def opened(token: str) -> Invitation:
    with db.transaction():
        return invitations.open_invitation(by=None, token=token)


@pytest.mark.parametrize(("left", "good"), [(5 * SECOND, True), (-SECOND, False)], ids=["just in time", "too late"])
def test_a_link_is_good_to_the_second(world: World, left: timedelta, good: bool):
    id, token = invited(world)
    with db.transaction() as session:
        session.execute(update(Invitation).values(valid_until=datetime.now(UTC) + left))
    if good:
        assert opened(token).id == id
        return
    with pytest.raises(Refused, match="no longer good"):
        opened(token)
    assert administration.account(world.user("link-worker"), by=world.user("administrator")).invited_until is None


def test_a_link_that_was_opened_opens_nothing_again_and_only_its_cookie_goes_on(world: World):
    id, token = invited(world)
    with pytest.raises(NotFound):
        looks.opened_invitation(id, by=None)
    opened(token)
    assert looks.opened_invitation(id, by=None).id == id
    with pytest.raises(Refused, match="no longer good"):
        opened(token)
    event = told("open_invitation")
    assert (event.actor_id, event.record_id) == (world.users["link-worker"], str(id))


def test_an_opened_link_of_somebody_disabled_since_sets_no_password(world: World):
    id, token = invited(world)
    opened(token)
    before = world.user("link-worker").password
    with db.transaction():
        staff.disable_user(by=world.user("administrator"), user=world.user("link-worker"), reason="Left")
    with pytest.raises(NotFound):
        looks.opened_invitation(id, by=None)
    with pytest.raises(Refused, match="no longer good"), db.transaction():
        invitations.accept_invitation(
            by=world.user("link-worker"), invitation=db.session.get(Invitation, id), password="quiet orchard lamp"
        )
    assert world.user("link-worker").password == before


def test_a_new_link_ends_the_one_that_was_opened_too(world: World):
    first, token = invited(world)
    opened(token)
    second, _ = invited(world)
    with pytest.raises(NotFound):
        looks.opened_invitation(first, by=None)
    assert told("replace_invitation").record_id == str(first)
    assert (told("invite").record_id, told("invite").reason) == (str(second), "Forgot it")


def test_neither_the_link_nor_its_digest_stands_in_the_trail_or_the_table(world: World):
    _, token = invited(world)
    digest = db.session.scalars(select(Invitation.digest)).one()
    opened(token)
    assert digest is not None
    assert not [each for each in (token, digest, "Link-Worker", "link-worker@test") if each in trail()]
    assert db.session.scalars(select(Invitation.digest)).all() == [None]
