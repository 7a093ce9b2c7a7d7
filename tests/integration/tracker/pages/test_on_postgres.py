"""What PostgreSQL sees differently: it refuses null bytes, holds to the length of a column, and stops after a fault."""

from __future__ import annotations

import copy
import uuid
from collections.abc import Callable

import pytest
from sqlalchemy import text

from tests import postgres
from tests import world as worlds
from tests.integration.tracker.pages.conftest import Desk, furnished, written
from tests.integration.tracker.pages.forms import (
    ADD_REFERRED,
    ADD_RESOURCE,
    CORRECT,
    FLAG,
    FORMS,
    LOG,
    REOPEN,
    SIGN_IN,
    WITHDRAW,
    Form,
)
from tests.world import World
from tracker.actions import care
from tracker.extensions import db
from tracker.queries import scope

TYPED = ("\x00", "Ann\x00Other", "\x1b[31m", "👩🏽‍🌾", "\ufffd", "名前", "x" * 5000)


@pytest.fixture(scope="session")
def template(
    postgres_world: tuple[str, World], postgres_server: postgres.Server, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, World, dict[str, uuid.UUID]]:
    """The furnished world on this database: built once, copied for each test."""
    source, made = postgres_world
    postgres_server.copy(source, "furnished")
    world = copy.deepcopy(made)
    with worlds.application(postgres_server.url("furnished"), tmp_path_factory.mktemp("furnished")).app_context():
        places = furnished(world)
    db.close()
    return "furnished", world, places


@pytest.fixture
def placed(template: tuple[str, World, dict[str, uuid.UUID]], copied: Callable[[str], str]) -> tuple[str, World]:
    return copied(template[0]), template[1]


@pytest.fixture
def places(template: tuple[str, World, dict[str, uuid.UUID]]) -> dict[str, uuid.UUID]:
    return template[2]


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_a_form_that_is_filled_in_well_leads_on(desk: Desk, form: Form):
    page, _ = desk.submit(form)
    assert page.status == form.status, page.summary


@pytest.mark.parametrize("form", [ADD_REFERRED, REOPEN, FLAG, ADD_RESOURCE, LOG, CORRECT, WITHDRAW, SIGN_IN], ids=str)
def test_text_that_the_database_cannot_keep_is_no_failure(desk: Desk, form: Form):
    good = desk.fill(form)
    texts = {"name", "phone", "reason", "topics", "note", "provider", "area", "cost", "description", "email"} & set(
        good
    )
    for name in sorted(texts):
        for typed in TYPED:
            page = desk.send(
                form.who, form.path, good | {name: typed, "nhs_number": "", "client_key": str(uuid.uuid4())}
            )
            assert page.status in (200, 302, 404, 422), (name, typed[:20], page.text)
            good = good if page.status != 404 else {}
        if not good:
            return


@pytest.mark.parametrize("field", ["email", "password", "next"])
@pytest.mark.parametrize("typed", ["\x00", "a\x00@test.example", "x" * 5000, "\ud800".encode("utf-8", "surrogatepass")])
def test_a_stranger_cannot_break_the_sign_in(desk: Desk, field: str, typed: str | bytes):
    good = {"email": "link-worker@test.example", "password": "x", "next": "/"}
    response = desk.client("nobody").post("/sign-in", data=good | {field: typed})
    assert response.status_code in (200, 302), response.get_data(as_text=True)


@pytest.mark.parametrize(
    "path", ["/people/%00", "/?show=%00", "/resources?category=%00", "/people/{own}/assessments/%00/6m"]
)
def test_a_null_byte_in_an_address_is_no_failure(desk: Desk, path: str):
    assert desk.open("link-worker", path).status in (200, 404)


def test_half_a_character_sent_by_a_broken_program_is_kept_as_its_bytes(desk: Desk):
    sent = desk.fill(LOG)
    body = {name: value.encode() for name, value in sent.items()} | {"note": b"half \xed\xa0\x80 a character"}
    assert desk.client(LOG.who).post(desk.address(LOG.path), data=body).status_code == 302
    assert "half %ED%A0%80 a character" in desk.open("link-worker", "/people/{own}").text


def test_a_failure_while_writing_leaves_nothing_and_the_next_page_is_well(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    """PostgreSQL answers nothing more in a transaction that failed: the error page has to begin a new one."""
    whole = care.record_contact

    def broken(**given: object) -> None:
        whole(**given)  # type: ignore[arg-type]
        db.session.execute(text("SELECT nothing FROM nowhere"))

    sent, before = desk.fill(LOG), written()
    monkeypatch.setattr(care, "record_contact", broken)
    page = desk.send(LOG.who, LOG.path, sent)
    assert (page.status, page.title) == (500, "Something went wrong – Link worker kit")
    assert written() == before
    assert desk.open("link-worker", "/").status == 200


def test_a_failure_while_reading_is_a_page_too(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    def broken(*_: object, **__: object) -> None:
        db.session.execute(text("SELECT nothing FROM nowhere"))

    desk.client("link-worker")
    monkeypatch.setattr(scope, "person", broken)
    page = desk.open("link-worker", "/people/{own}")
    assert (page.status, page.title) == (500, "Something went wrong – Link worker kit")


def test_the_same_contact_sent_three_times_is_one(desk: Desk):
    sent = desk.fill(LOG)
    before = written()["contact"]
    assert [desk.send(LOG.who, LOG.path, sent).status for _ in range(3)] == [302] * 3
    assert written()["contact"] == before + 1
