"""One's account and those of colleagues, page by page: what ends whose sign-in, what is told, and what stays untold."""

from __future__ import annotations

import logging
import time
import uuid

import pytest
from sqlalchemy import func, select, update

from tests.codes import code
from tests.integration.tracker.pages.conftest import Desk, newest_event, written
from tests.integration.tracker.pages.forms import (
    APPEARANCE,
    APPOINT,
    DISABLE,
    EDIT_SITE,
    ENABLE,
    END_OTHERS,
    END_POST,
    END_ROLE,
    END_SIGN_IN,
    END_SIGN_INS,
    GRANT,
    INVITE,
    NEW_LINK,
    RECOVERY_CODES,
    REMOVE_APP,
    REMOVE_PASSKEY,
    RESET_FACTOR,
    Ago,
    Form,
)
from tests.integration.tracker.pages.reading import check_kept, check_rejected
from tracker.actions import second_factor, staff
from tracker.extensions import db, security
from tracker.models import Passkey, SignIn, SignInFailure, Site, User

HOSTILE = '<script>alert("x")</script> & O\'Hara {{ 7*7 }}'


def address_after(desk: Desk, who: str, path: str = "/account") -> str:
    """Where somebody is led who opens a page; empty if it opens."""
    return desk.open(who, path).location or ""


# ------------------------------------------------------------------------------------- where signed in


def test_a_device_that_was_signed_out_finds_out_on_its_next_page_and_on_its_next_form(desk: Desk):
    """The form that was open there does nothing either."""
    desk.open("link-worker", "/account")
    second = desk.clients.pop("link-worker")
    before = desk.fill(APPEARANCE)
    desk.submit(END_OTHERS)
    told = written()
    answer = second.post(APPEARANCE.path, data=before)
    assert (answer.status_code, answer.location) == (302, "/sign-in")
    assert written() == told
    assert second.get("/people").location.startswith("/sign-in?next=")
    assert address_after(desk, "link-worker") == ""


def test_ending_the_sign_in_that_one_is_using_leads_to_the_sign_in_page(desk: Desk):
    desk.open("link-worker", "/account")
    with desk.client("link-worker").session_transaction() as session:
        here = session["sign_in"]
    desk.send("link-worker", f"/account/sign-ins/{here}/end", {"sure": "yes"})
    assert address_after(desk, "link-worker").startswith("/sign-in")


@pytest.mark.parametrize("who", ["supervisor", "administrator"])
def test_somebody_else_s_sign_in_and_passkey_are_not_found(desk: Desk, who: str):
    before = written()
    for form in (END_SIGN_IN, REMOVE_PASSKEY):
        assert desk.open(who, form.path).status == 404
        assert desk.send(who, form.path, form.answers).status == 404
    assert written() == before
    assert db.session.get(SignIn, desk.places["sign_in"]).is_live


@pytest.mark.parametrize("forged", ["", "nonsense", str(uuid.UUID(int=7)), "{sign_in}"])
def test_a_session_that_names_no_sign_in_of_ones_own_opens_nothing(desk: Desk, forged: str):
    desk.open("supervisor", "/account")
    with desk.client("supervisor").session_transaction() as session:
        session["sign_in"] = desk.address(forged)
    assert address_after(desk, "supervisor").startswith("/sign-in")


def test_what_is_ended_is_no_longer_listed(desk: Desk):
    assert "Firefox on Windows" in desk.open("link-worker", "/account").text
    desk.submit(END_SIGN_IN)
    assert newest_event().action == "sign_out"
    page = desk.open("link-worker", "/account")
    assert "That device was signed out." in page.root.text
    assert "Firefox on Windows" not in page.text


def test_a_form_that_nobody_confirmed_does_nothing(desk: Desk):
    before = written()
    for form in (END_SIGN_IN, END_OTHERS, REMOVE_APP, REMOVE_PASSKEY, RECOVERY_CODES):
        page = desk.send(form.who, form.path, {})
        assert page.status == 422, form.path
        assert page.summary, form.path
    assert written() == before


# --------------------------------------------------------------------------- the password once more


@pytest.mark.parametrize("form", [REMOVE_APP, REMOVE_PASSKEY, RECOVERY_CODES], ids=lambda form: form.path)
def test_what_decides_who_gets_in_is_not_done_at_a_screen_left_unlocked(desk: Desk, form: Form):
    desk.open(form.who, "/account")
    with desk.client(form.who).session_transaction() as session:
        session["fs_paa"] = time.time() - 16 * 60
        session.pop("fs_gexp", None)
    before = written()
    page = desk.send(form.who, form.path, form.answers)
    assert page.status == 302
    assert (page.location or "").startswith("/password-again")
    assert written() == before


def test_recovery_codes_are_shown_by_one_answer_and_by_no_page_after_it(desk: Desk):
    page, _ = desk.submit(RECOVERY_CODES)
    codes = [each.text for each in page.main.all("code")]
    assert len({*codes}) == 10
    later = "".join(desk.open("pond-keeper", path).html for path in ("/account", "/account/recovery-codes", "/"))
    with desk.client("pond-keeper").session_transaction() as session:
        later += str(dict(session))
    assert not [each for each in codes if each in later or each.replace("-", "") in later]


def test_a_passkey_with_a_hostile_name_is_only_words(desk: Desk):
    with db.transaction():
        db.session.get(Passkey, desk.places["passkey"]).name = HOSTILE
    for path in ("/account", REMOVE_PASSKEY.path):
        page = desk.open("pond-keeper", path)
        assert HOSTILE in page.text, path
        assert "<script>alert" not in page.html


# ------------------------------------------------------------------------------------ half signed in


def half_signed_in(desk: Desk, who: str, since: float = 0.0) -> None:
    """What the right password leaves behind for whoever has a second factor."""
    client = desk.clients[who] = desk.app.test_client()
    client.get("/sign-in")
    with client.session_transaction() as session:
        session["tf_user_id"], session["tf_state"] = desk.world.user(who).fs_uniquifier, "ready"
        session["second_step_until"] = time.time() - since + 600


def next_code(desk: Desk, who: str) -> str:
    return code(security.totp_factory.get_totp_pretty_key(desk.world.user(who).authenticator.secret), steps=1)


@pytest.mark.parametrize(("since", "good"), [(590, True), (601, False)])
def test_the_second_step_waits_ten_minutes_and_then_begins_anew(desk: Desk, since: int, good: bool):
    half_signed_in(desk, "pond-keeper", since)
    page = desk.send("pond-keeper", "/sign-in/second-step", {"code": next_code(desk, "pond-keeper")})
    assert page.location == ("/" if good else "/sign-in")
    assert address_after(desk, "pond-keeper").startswith("" if good else "/sign-in")
    assert desk.open("pond-keeper", "/account").status == (200 if good else 302)


def test_who_is_half_signed_in_may_open_nothing_else(desk: Desk):
    half_signed_in(desk, "pond-keeper")
    for path in ("/", "/people", "/account", "/account/app", "/account/recovery-codes", "/account/password"):
        assert address_after(desk, "pond-keeper", path).startswith("/sign-in"), path


def test_a_reset_between_the_steps_leaves_no_code_that_is_right(desk: Desk):
    half_signed_in(desk, "pond-keeper")
    right = next_code(desk, "pond-keeper")
    desk.submit(RESET_FACTOR)
    for path in ("/sign-in/second-step", "/sign-in/recovery-code"):
        page = desk.send("pond-keeper", path, {"code": right})
        assert page.location == "/sign-in", path
    assert address_after(desk, "pond-keeper").startswith("/sign-in")


def test_a_failed_second_step_counts_for_the_account_and_keeps_neither_name_nor_address(desk: Desk):
    half_signed_in(desk, "pond-keeper")
    page = desk.send("pond-keeper", "/sign-in/second-step", {"code": "000000"})
    assert list(page.summary) == [second_factor.WRONG_CODE]
    db.session.rollback()
    (digest,) = db.session.scalars(select(SignInFailure.digest)).all()
    assert len(digest) == 64
    assert not staff.wait_before_sign_in(by=None, account="pond-keeper@test.example", address="127.0.0.1")


# ------------------------------------------------------------------------------------- colleagues


@pytest.mark.parametrize(
    ("form", "action"),
    [
        (DISABLE, "sign_out"), (ENABLE, "enable_user"), (END_SIGN_INS, "sign_out"), (NEW_LINK, "invite"),
        (END_ROLE, "end_membership"), (END_POST, "end_post"),
    ],
    ids=lambda each: each.path if isinstance(each, Form) else each,
)  # fmt: skip
def test_the_trail_tells_who_did_it_and_why_and_the_log_does_not(
    desk: Desk, form: Form, action: str, caplog: pytest.LogCaptureFixture
):
    with caplog.at_level(logging.DEBUG):
        page, _ = desk.submit(form, reason="Quillfeather asked")
    assert page.status in (200, 302), page.summary
    event = newest_event()
    assert (event.action, event.actor_id, event.reason) == (
        action,
        desk.world.users["administrator"],
        "Quillfeather asked",
    )
    assert "Quillfeather" not in caplog.text
    assert "Quillfeather" not in (page.location or "") + page.html


def test_the_link_of_somebody_new_is_shown_once_and_kept_nowhere(desk: Desk, caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.DEBUG):
        page, _ = desk.submit(INVITE)
    link = next(each.text for each in page.main.all("code") if "/invitation/" in each.text)
    token = link.rpartition("/")[2]
    user = db.session.scalars(select(User).where(User.email == "rowan@test.example")).one()
    later = desk.open("administrator", f"/staff/{user.id}").html + desk.open("administrator", "/staff").html
    with desk.client("administrator").session_transaction() as session:
        later += str(dict(session))
    assert token not in later + caplog.text


def test_an_address_in_other_letters_is_the_same_account(desk: Desk):
    before = written()
    page, sent = desk.submit(INVITE, email=" Link-Worker@TEST.example ")
    check_rejected(page, "email", next(iter(page.summary)))
    assert "already here" in next(iter(page.summary))
    assert written() == before
    assert page.typed["name"] == sent["name"]


def test_a_hostile_name_of_a_colleague_is_only_words(desk: Desk):
    desk.submit(APPEARANCE, name=HOSTILE)
    for path in ("/staff", "/staff/{worker}", DISABLE.path, NEW_LINK.path, END_POST.path, END_ROLE.path):
        page = desk.open("administrator", path)
        assert page.status == 200, path
        assert "<script>alert" not in page.html, path
    assert HOSTILE in desk.open("administrator", "/staff/{worker}").text


@pytest.mark.parametrize("name", ["", "   ", "\x00\x1f", "x" * 201])
def test_a_name_is_words_that_can_be_read(desk: Desk, name: str):
    before = desk.world.user("link-worker").name
    page, _ = desk.submit(APPEARANCE, name=name)
    assert page.status == 422
    assert "name" in page.errors
    assert desk.world.user("link-worker").name == before


def test_a_role_that_ended_shuts_the_page_that_was_open(desk: Desk):
    open_form = desk.fill(APPOINT)
    with db.transaction():
        admin = desk.world.user("administrator")
        staff.grant(by=admin, user=desk.world.user("evaluator"), role="administrator")
    with db.transaction():
        staff.end_membership(
            by=desk.world.user("evaluator"), membership=desk.world.user("administrator").memberships[0], reason="Moved"
        )
    before = written()
    assert desk.send("administrator", APPOINT.path, open_form).status == 403
    assert desk.open("administrator", "/staff").status == 403
    assert desk.open("administrator", "/account").status == 200
    assert written() == before


def test_a_role_given_twice_is_told_beside_the_role(desk: Desk):
    desk.submit(GRANT)
    page, sent = desk.submit(GRANT)
    check_rejected(page, "role", "They hold this role there already. Choose another role, study or site.")
    check_kept(page, sent)


def test_an_assessor_who_is_given_a_role_that_shows_arms_is_said_to_be_no_longer_blind(desk: Desk):
    assessor = desk.world.user("outcome-assessor")
    path = f"/staff/{assessor.id}"
    assert "they are not blind" not in desk.open("administrator", path).text
    role = {"role": "evaluator", "study": desk.places["study_garden"], "site": ""}
    assert desk.send("administrator", f"{path}/roles/new", role).status == 302
    assert "they are not blind. Check that this is meant." in desk.open("administrator", path).text


def test_a_last_day_that_reaches_into_the_next_post_is_told_beside_it(desk: Desk):
    desk.submit(END_POST, until_on=Ago(50))
    page, _ = desk.submit(APPOINT, site=desk.places["site_mill"], from_on=Ago(30))
    assert page.status == 302, page.summary
    page, sent = desk.submit(END_POST, until_on=Ago(20))
    check_rejected(page, "until_on", next(iter(page.summary)))
    assert next(iter(page.summary)).startswith("This overlaps their post of 0.5 at this site")
    check_kept(page, sent)


# -------------------------------------------------------------------------------------------- sites


@pytest.mark.parametrize("version", ["", "0", "99", "-1", "one", "1" * 30])
def test_a_site_is_not_changed_from_a_version_that_nobody_read(desk: Desk, version: str):
    page = desk.send(EDIT_SITE.who, EDIT_SITE.path, desk.fill(EDIT_SITE) | {"version": version})
    assert page.status == 422
    assert page.summary
    db.session.rollback()
    assert db.session.get(Site, desk.places["site_mill"]).name == "Mill Practice"


def test_a_site_with_a_hostile_name_is_only_words_wherever_it_is_offered(desk: Desk):
    desk.submit(EDIT_SITE, name=HOSTILE)
    for path in ("/sites", GRANT.path, APPOINT.path, "/staff/{worker}", END_POST.path):
        page = desk.open("administrator", path)
        assert HOSTILE in page.text, path
        assert "<script>alert" not in page.html, path


def test_the_idle_device_is_told_why_and_its_form_is_not_saved(desk: Desk):
    sent, before = desk.fill(APPEARANCE), written()
    with db.transaction() as session:
        session.execute(update(SignIn).values(seen_at=func.datetime("now", "-31 minutes")))
    page = desk.send(APPEARANCE.who, APPEARANCE.path, sent)
    assert page.location == "/sign-in"
    assert "this device was not used for a while" in desk.open(APPEARANCE.who, "/sign-in").root.text
    assert {**written(), "trail": 0} == {**before, "trail": 0}


@pytest.mark.parametrize(
    ("host", "asked"),
    [
        ("localhost", True),
        ("kit.example:8443", True),
        ("127.0.0.1:5000", False),
        ("[::1]:5000", False),
        ("[::1]", False),
    ],
)
def test_a_passkey_is_asked_for_by_a_name_and_never_by_a_bare_address(desk: Desk, host: str, asked: bool):
    page = desk.client("nobody").get("/sign-in/passkey", base_url=f"http://{host}").get_data(as_text=True)
    assert ("data-options" in page) is asked
