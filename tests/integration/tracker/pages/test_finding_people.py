"""Finding somebody: what is looked for is never in the address, and nobody of another site is found."""

from __future__ import annotations

import pytest

from tests.integration.tracker.pages.conftest import Desk, written
from tests.integration.tracker.pages.reading import check_rejected
from tests.integration.tracker.pages.test_every_form import PAYLOADS

PATH = "/people/search"
EMPTY = "Enter a name, a study number or a phone number"


@pytest.mark.parametrize("who", ["link-worker", "outcome-assessor", "supervisor"])
def test_a_name_finds_its_person_and_leads_to_their_page(desk: Desk, who: str):
    page = desk.send(who, PATH, {"words": "person own"})
    assert (page.status, page.location) == (200, None)
    (link,) = page.main.all("a", class_="lwk-row__name")
    assert (link.text, link["href"]) == ("Person Own", desk.address("/people/{own}"))
    assert page.typed["words"] == "person own"


@pytest.mark.parametrize("words", ["Other-Site", "Other-Study", "Withdrawn", "Compared", "zzz"])
def test_nobody_else_is_found_and_it_says_what_to_try(desk: Desk, words: str):
    page = desk.send("link-worker", PATH, {"words": words})
    assert not page.main.all("a", class_="lwk-row__name")
    assert "Nobody found" in page.text
    assert "Only people at your own sites are found" in page.text


def test_nothing_to_look_for_is_told_beside_its_box(desk: Desk):
    check_rejected(desk.send("link-worker", PATH, {"words": " "}), "words", EMPTY)


def test_whatever_is_looked_for_comes_back_as_words_and_is_kept_nowhere(desk: Desk):
    before = written()
    for words in PAYLOADS:
        page = desk.send("link-worker", PATH, {"words": words})
        assert page.status in (200, 422), words[:40]
        assert "<script>" not in page.html
    assert written() == before


def test_looking_leaves_nothing_in_the_address_even_when_it_is_put_there(desk: Desk):
    page = desk.open("link-worker", PATH + "?words=own")
    assert not page.main.all("a", class_="lwk-row__name")
