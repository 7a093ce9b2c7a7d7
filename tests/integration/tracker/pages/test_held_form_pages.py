"""A form that was not saved: offered again on its page, filled in, and saved only when it is sent."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from html import unescape

import pytest
from sqlalchemy import update

from tests.integration.tracker.pages.conftest import Desk, written
from tests.integration.tracker.pages.forms import ACCOUNT, CHOOSE_SITE, FORMS, GOAL, LOG, NEEDS, PHQ9, SIGN_IN, Form
from tests.integration.tracker.pages.reading import Page
from tracker.actions import staff
from tracker.extensions import db
from tracker.models import IDLE, HeldForm, SignIn

OFFER = "You filled in something here"


def type_in(desk: Desk, form: Form, **changes: object) -> dict[str, str]:
    """What the page's script sends while somebody types."""
    typed = desk.fill(form, **changes)
    page = desk.send(form.who, "/held-form", typed | {"held_path": desk.address(form.path)})
    assert page.status == 204, page.text
    return typed


def offered(page: Page) -> dict[str, list[str]] | None:
    """The boxes behind "Go on with it"."""
    sections = page.main.all("section", class_="lwk-held")
    if not sections:
        return None
    boxes: dict[str, list[str]] = {}
    for box in sections[0].all("form")[0].all("input"):
        boxes.setdefault(box["name"], []).append(box["value"])
    return boxes


def go_on(desk: Desk, form: Form) -> Page:
    boxes = offered(desk.open(form.who, form.path))
    assert boxes is not None
    client = desk.client(form.who)
    answer = client.post(desk.address(form.path), data=boxes)
    return Page(answer.status_code, answer.location, answer.get_data(as_text=True))


def leave_alone_too_long(desk: Desk, ended: bool = False) -> None:
    past = datetime.now(UTC) - IDLE - timedelta(minutes=1)
    with db.transaction() as session:
        session.execute(update(SignIn).values(seen_at=past, **({"ended_at": past} if ended else {})))


def is_held() -> bool:
    db.session.rollback()
    return db.session.query(HeldForm).count() > 0


def test_what_was_typed_is_offered_filled_in_and_not_saved(desk: Desk):
    typed = type_in(desk, LOG, note="Prefers evenings", minutes="7")
    before = written()
    page = go_on(desk, LOG)
    assert (page.status, page.summary) == (200, {})
    assert (page.typed["note"], page.typed["minutes"]) == ("Prefers evenings", "7")
    assert page.typed["client_key"] == typed["client_key"], "or the same contact could be saved twice"
    assert written() == before
    assert OFFER not in page.text


def test_a_half_filled_form_comes_back_without_complaints(desk: Desk):
    type_in(desk, LOG, mode=None, minutes="")
    page = go_on(desk, LOG)
    assert (page.status, page.summary, page.errors) == (200, {}, {})


def test_ticks_of_one_list_all_come_back(desk: Desk):
    client, path = desk.client(NEEDS.who), desk.address(NEEDS.path)
    client.post("/held-form", data={"held_path": path, "needs": ["money", "housing"], "version": "1"})
    page = go_on(desk, NEEDS)
    ticked = [box["value"] for box in page.main.all("input") if box["name"] == "needs" and "checked" in box.attributes]
    assert set(ticked) == {"money", "housing"}


def test_once_it_is_saved_nothing_is_offered(desk: Desk):
    typed = type_in(desk, LOG)
    assert desk.send(LOG.who, LOG.path, typed).status == 302
    assert offered(desk.open(LOG.who, LOG.path)) is None
    assert not is_held()


def test_a_rejected_form_is_still_held(desk: Desk):
    typed = type_in(desk, LOG)
    assert desk.send(LOG.who, LOG.path, typed | {"minutes": "2000"}).status == 422
    assert offered(desk.open(LOG.who, LOG.path)) is not None


def test_it_can_be_thrown_away(desk: Desk):
    type_in(desk, LOG)
    page = desk.send(LOG.who, "/held-form/discard", {"held_path": desk.address(LOG.path)})
    assert (page.status, page.location) == (302, desk.address(LOG.path))
    assert offered(desk.open(LOG.who, LOG.path)) is None


def test_another_person_at_the_desk_and_another_page_are_offered_nothing(desk: Desk):
    type_in(desk, LOG)
    assert OFFER not in desk.open("supervisor", LOG.path).text
    assert OFFER not in desk.open(LOG.who, GOAL.path).text


@pytest.mark.parametrize("form", [LOG, GOAL, PHQ9], ids=str)
def test_a_form_that_is_sent_too_late_is_kept_and_found_after_signing_in(desk: Desk, form: Form):
    sent, before = desk.fill(form), written()
    leave_alone_too_long(desk)
    page = desk.send(form.who, form.path, sent)
    assert (page.status, page.location) == (302, f"/sign-in?next={desk.address(form.path)}")
    assert written()["held_form"] == before["held_form"] + 1
    assert {name: count for name, count in written().items() if name not in ("held_form", "trail")} == {
        name: count for name, count in before.items() if name not in ("held_form", "trail")
    }
    desk.clients.clear()
    back = go_on(desk, form)
    assert back.status == 200
    again = desk.send(form.who, form.path, sent)
    assert again.status == 302
    assert not is_held()


def test_the_sign_in_page_says_that_it_is_kept(desk: Desk):
    sent = desk.fill(LOG)
    leave_alone_too_long(desk)
    client = desk.client(LOG.who)
    client.post(desk.address(LOG.path), data=sent)
    assert "What you had filled in is kept" in unescape(client.get("/sign-in").get_data(as_text=True))


def test_nothing_is_kept_for_a_sign_in_that_was_ended(desk: Desk):
    """Somebody ended it on purpose, perhaps because the device was stolen."""
    sent = desk.fill(LOG)
    leave_alone_too_long(desk, ended=True)
    page = desk.send(LOG.who, LOG.path, sent)
    assert page.location == f"/sign-in?next={desk.address(LOG.path)}", "what the page's script kept is offered there"
    assert not is_held()
    told = desk.client(LOG.who).get("/sign-in").get_data(as_text=True)
    assert "You were signed out, and nothing was saved." in unescape(told)


def test_nothing_is_kept_for_somebody_who_was_disabled(desk: Desk):
    sent = desk.fill(LOG)
    with db.transaction():
        staff.disable_user(by=desk.world.user("administrator"), user=desk.world.user("link-worker"), reason="Left")
    leave_alone_too_long(desk)
    desk.send(LOG.who, LOG.path, sent)
    assert not is_held()


def test_somebody_who_was_disabled_while_they_typed_is_told_that_nothing_was_saved(desk: Desk):
    sent = desk.fill(LOG)
    with db.transaction():
        staff.disable_user(by=desk.world.user("administrator"), user=desk.world.user("link-worker"), reason="Left")
    desk.send(LOG.who, LOG.path, sent)
    told = desk.client(LOG.who).get("/sign-in").get_data(as_text=True)
    assert "You were signed out, and nothing was saved." in unescape(told)


@pytest.mark.parametrize("form", [SIGN_IN, *ACCOUNT], ids=str)
def test_nothing_of_accounts_and_passwords_is_held(desk: Desk, form: Form):
    page = desk.send("link-worker", "/held-form", {"held_path": desk.address(form.path), "password": "secret"})
    assert page.status == 422
    assert not is_held()


@pytest.mark.parametrize(
    "path",
    ["", "/", "/nowhere", "//elsewhere.example/people/new", "https://elsewhere.example/", "/people", "/held-form"],
)
def test_only_addresses_of_forms_are_held_or_led_back_to(desk: Desk, path: str):
    assert desk.send("link-worker", "/held-form", {"held_path": path, "a": "b"}).status == 422
    assert desk.send("link-worker", "/held-form/discard", {"held_path": path}).status == 404
    assert not is_held()


def test_too_much_is_not_held(desk: Desk):
    page = desk.send(LOG.who, "/held-form", {"held_path": desk.address(LOG.path), "note": "x" * 300_000})
    assert page.status == 422


def test_a_stranger_holds_nothing(desk: Desk):
    page = desk.send("nobody", "/held-form", {"held_path": "/people/new", "a": "b"})
    assert (page.status, (page.location or "").split("?")[0]) == (302, "/sign-in")
    assert not is_held()


HELD = [form for form in FORMS if form not in (SIGN_IN, CHOOSE_SITE, *ACCOUNT) and form.status == 302]


@pytest.mark.parametrize("form", HELD, ids=str)
def test_every_form_of_the_work_goes_on_where_it_was_left(desk: Desk, form: Form):
    page = desk.open(form.who, form.path)
    assert [each for each in page.main.all("form") if each["data-hold"] or each["data-keep"]]
    typed, before = type_in(desk, form), written()
    back = go_on(desk, form)
    assert (back.status, back.summary) == (200, {})
    secret = {"csrf_token", "file"}
    shown = {name: back.typed.get(name, "").strip() for name in typed if name not in secret and typed[name]}
    assert shown == {name: typed[name].strip() for name in shown}
    assert written() == before
