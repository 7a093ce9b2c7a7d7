"""Two people change the same record: nobody's words are lost, and whoever comes second sees both versions."""

from __future__ import annotations

import pytest

from tests.integration.tracker.pages.conftest import Desk
from tests.integration.tracker.pages.forms import (
    CAME_OF,
    CORRECT_CONTACT,
    EDIT_RESOURCE,
    EDIT_SITE,
    ENTRY,
    NEEDS,
    PERSON_DETAILS,
    REWORD,
    Form,
)

# The form; what somebody else saves meanwhile; what is typed; and how the page says both of what stands first.
EDITS = {
    "details": (PERSON_DETAILS, {"phone": "07700 900111"}, {"phone": "07700 900222"}, "Phone (if they agree)"),
    "entry": (ENTRY, {"ethnicity": "asian"}, {"ethnicity": "black"}, "Ethnic group"),
    "needs": (NEEDS, {"needs": "food"}, {"needs": "legal"}, "What do they need help with?"),
    "contact": (CORRECT_CONTACT, {"minutes": "21"}, {"minutes": "52"}, "Minutes"),
    "signpost": (CAME_OF, {"sessions_attended": "4"}, {"sessions_attended": "7"}, "Sessions attended (if known)"),
    "resource": (EDIT_RESOURCE, {"area": "East end"}, {"area": "West end"}, "Area"),
    "site": (EDIT_SITE, {"name": "Mill Lane"}, {"name": "Mill Street"}, "Name"),
    "goal": (REWORD, {"words": "Dance again"}, {"words": "Sing again"}, "What matters to them, in their words"),
}
SHOWN = {"asian": "Asian", "black": "Black", "food": "Food", "legal": "Legal"}


def versions(page: object) -> dict[str, tuple[str, str]]:
    """By field: what is saved now, and what was typed."""
    fields = page.main.all("div", class_="lwk-both__field")  # type: ignore[attr-defined]
    return {
        each.all("dt")[0].text: tuple(side.text.split(" ", 2)[2] for side in each.all("dd"))  # type: ignore[misc]
        for each in fields
    }


@pytest.mark.parametrize("name", EDITS)
def test_whoever_comes_second_sees_both_versions_and_chooses(desk: Desk, name: str):
    form, theirs, mine, label = EDITS[name]
    typed = desk.fill(form, **mine)
    assert desk.submit(form, **theirs)[0].status == 302
    page = desk.send(form.who, form.path, typed)
    assert page.status == 422
    assert "Somebody else changed this record meanwhile" in page.main.text
    (saved,), (wanted,) = theirs.values(), mine.values()
    both = versions(page)
    assert SHOWN.get(saved, saved) in both[label][0]
    assert SHOWN.get(wanted, wanted) in both[label][1]
    assert all(here != there for here, there in both.values())
    assert desk.send(form.who, form.path, page.typed).status == 302, "the second time they have seen it"
    again = desk.open(form.who, form.path)
    (field,) = mine
    assert again.typed[field] == wanted


@pytest.mark.parametrize("form", [each[0] for each in EDITS.values()], ids=EDITS)
def test_a_form_that_meets_nobody_shows_no_second_version(desk: Desk, form: Form):
    assert versions(desk.open(form.who, form.path)) == {}


def test_what_is_empty_in_one_version_is_called_nothing(desk: Desk):
    typed = desk.fill(PERSON_DETAILS, phone="07700 900222", date_of_birth=None)
    typed = {name: value for name, value in typed.items() if not name.startswith("date_of_birth")}
    desk.submit(PERSON_DETAILS, phone="")
    both = versions(desk.send(PERSON_DETAILS.who, PERSON_DETAILS.path, typed))
    assert both["Date of birth"] == ("31 March 1956", "Nothing")
    assert both["Phone (if they agree)"] == ("Nothing", "07700 900222")


def test_the_words_of_the_other_version_are_printed_and_not_run(desk: Desk):
    typed = desk.fill(REWORD, words="Mine")
    desk.submit(REWORD, words="<script>alert(1)</script>\nand more")
    page = desk.send(REWORD.who, REWORD.path, typed)
    assert versions(page)["What matters to them, in their words"][0].startswith("<script>alert(1)</script>")
    assert not [each for each in page.main.all("script") if "alert" in each.raw]
