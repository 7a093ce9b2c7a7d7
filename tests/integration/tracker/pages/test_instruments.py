"""The catalogue, one instrument's page, and the pages on which an administrator fills its slots."""

from __future__ import annotations

import io
import re

import pytest

from instruments import catalogue, get, library, wording
from tests.integration.tracker.pages.conftest import Desk, _page, written
from tests.integration.tracker.pages.forms import WORDING, WORDS
from tests.integration.tracker.pages.reading import Page, check_kept, check_rejected
from tracker.extensions import db
from tracker.models import Wording

PATH = "/instruments/eq5d-5l/wording"
TEXT = WORDS
FORM = "/people/{own}/assessments/eq5d-5l/6m"


def upload(desk: Desk, content: bytes, name: str = "words.toml") -> Page:
    data = {"file": (io.BytesIO(content), name), "text": ""}
    return _page(desk.client("administrator").post(PATH, data=data, content_type="multipart/form-data"))


def switch(desk: Desk, active: str) -> Page:
    page = desk.open("administrator", PATH)
    return desk.send("administrator", PATH + "/switch", page.typed | {"active": active})


def test_the_catalogue_shows_every_instrument_in_its_domain_and_what_was_left_out(desk: Desk):
    page = desk.open("link-worker", "/instruments")
    for domain in catalogue.DOMAINS:
        assert domain.capitalize() in page.text
    for each in library():
        assert f"/instruments/{each.id}" in {link["href"] for link in page.main.all("a")}
        assert each.construct in page.text
    for left_out in catalogue.LEFT_OUT:
        assert left_out.reason in page.text


@pytest.mark.parametrize("id", [each.id for each in library()])
def test_the_page_of_an_instrument_says_how_it_is_scored_on_what_terms_and_how_it_looks(desk: Desk, id: str):
    instrument = get(id)
    page = desk.open("evaluator", f"/instruments/{id}")
    assert page.status == 200
    for scale in instrument.scales:
        assert scale.label in page.text
        assert " ".join(scale.missing.source.split()) in page.text
    for words in (instrument.licence.notice, instrument.citation):
        assert " ".join(words.split()) in page.text
    asked = [item.text or item.slot for item in instrument.items]
    assert all(" ".join((words or "").split()) in page.text for words in asked)
    (preview,) = page.main.all("fieldset", class_="lwk-preview")
    assert "disabled" in preview.attributes, "nothing of it can be sent"
    assert not page.main.all("form")


def test_an_instrument_that_there_is_not_is_not_found(desk: Desk):
    for path in ("/instruments/nobody", "/instruments/nobody/wording", "/instruments/phq9/wording"):
        assert desk.open("administrator", path).status == 404, path


def test_slots_are_filled_looked_at_and_switched_on_and_then_stand_on_the_form(desk: Desk):
    assert "is not part of this kit" in desk.open("link-worker", FORM).text
    assert desk.submit(WORDING)[0].location == PATH
    off = desk.open("administrator", PATH)
    assert "Forms ask by neutral labels until the wording is switched on" in off.text
    assert "Invented" in off.text
    assert "Invented" not in desk.open("link-worker", FORM).text
    assert switch(desk, "yes").location == PATH
    form = desk.open("link-worker", FORM)
    assert form.text.count("Invented") > 20
    assert "Use your licensed copy" not in form.text
    assert "Added by this service" in desk.open("link-worker", "/instruments").text
    assert switch(desk, "no").status == 302
    assert "Invented" not in desk.open("link-worker", FORM).text


def test_a_file_goes_before_what_was_pasted(desk: Desk):
    page = upload(desk, ("\ufeff" + TEXT).encode())
    assert page.location == PATH
    assert db.session.query(Wording).one().text.strip() == TEXT.strip()


def test_a_file_with_faults_comes_back_in_the_box_with_every_fault(desk: Desk):
    before = written()
    bad = TEXT.replace("{ 1 =", '{ 9 = "None", 1 =', 1).split('[items."vas"]', maxsplit=1)[0]
    page = upload(desk, bad.encode())
    assert page.status == 422
    assert "items.mo: there is no option 9; allowed: 1, 2, 3, 4, 5" in page.text
    assert "items.vas: has no words; add its text" in page.text
    assert page.typed["text"].strip() == bad.strip()
    assert written() == before


@pytest.mark.parametrize(
    ("content", "field", "says"),
    [
        (b"\xff\xfe\x00\x01", "file", "The file is not text in UTF-8. Save it as UTF-8, and choose it again."),
        (b"PK\x03\x04\x80\x81", "file", "The file is not text in UTF-8. Save it as UTF-8, and choose it again."),
        (b"", "text", "Choose a file, or paste what is in it"),
        (b"x" * 200_001, "text", "Or paste what is in it has 200,001 characters. Shorten it to 200,000."),
    ],
)
def test_what_is_no_wording_is_told_beside_its_field(desk: Desk, content: bytes, field: str, says: str):
    before = written()
    check_rejected(upload(desk, content, "../../etc/passwd"), field, says)
    assert written() == before


def test_a_file_that_is_too_large_is_refused_before_it_is_read(desk: Desk):
    assert desk.send("administrator", PATH, {"text": "x" * 1_100_000}).status == 413


def test_words_are_printed_as_words_and_never_run(desk: Desk):
    evil = re.sub('""', '"<script>alert(1)</script>"', wording.template(get("eq5d-5l")))
    assert desk.submit(WORDING, text=evil)[0].status == 302
    switch(desk, "yes")
    for who, path in (("administrator", PATH), ("link-worker", FORM), ("evaluator", "/instruments/eq5d-5l")):
        page = desk.open(who, path)
        assert "<script>alert" not in page.html
        assert "&lt;script&gt;alert(1)" in page.html


def test_switching_what_somebody_else_replaced_is_told(desk: Desk):
    desk.submit(WORDING)
    seen = desk.open("administrator", PATH).typed
    desk.submit(WORDING, text=TEXT.replace("Invented", "Other"))
    page = desk.send("administrator", PATH + "/switch", seen | {"active": "yes"})
    assert page.status == 422
    assert "Somebody else changed this record meanwhile" in " ".join(page.summary)
    for version in ("", "-1", "two", "9" * 5000):
        assert desk.send("administrator", PATH + "/switch", {"version": version, "active": "yes"}).status == 422
    assert not db.session.query(Wording).one().active


def test_there_is_nothing_to_switch_before_a_wording_was_added(desk: Desk):
    assert desk.send("administrator", PATH + "/switch", {"active": "yes"}).location == PATH


def test_the_empty_file_can_be_downloaded_and_is_the_one_of_the_command(desk: Desk):
    response = desk.client("administrator").get("/instruments/who5/wording.toml")
    assert response.get_data(as_text=True) == wording.template(get("who5"))
    assert "who5-1-wording.toml" in response.headers["Content-Disposition"]


def test_a_rejected_wording_is_kept_in_the_box(desk: Desk):
    page, sent = desk.submit(WORDING, text='id = "eq5d-5l"')
    assert page.status == 422
    check_kept(page, {"text": sent["text"]})
    assert next(iter(page.summary)).startswith("wording: version: is missing; add it")
