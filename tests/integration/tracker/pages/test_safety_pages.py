"""A safety flag cannot be missed: it stands on every page about the person, and on none about anybody else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from werkzeug.routing import Rule

from tests.integration.tracker.pages.conftest import Desk, written
from tests.integration.tracker.pages.forms import CONTACT, FLAG, FORMS, LOG, REVIEW, Ago
from tests.integration.tracker.pages.reading import Page, check_kept, check_rejected
from tests.world import days_ago
from tracker.actions import safety
from tracker.extensions import db
from tracker.models import SafetyFlag

WARNING = "Do not visit alone: Angry neighbour"

# Which id of a person with a flag stands for each name in an address.
ABOUT_A_PERSON = {
    "person_id": "own", "referral_id": "referral", "assessment_id": "phq9", "signpost_id": "signpost", "flag_id": "flag",
    "goal_id": "goal",
}  # fmt: skip
FIXED = {"instrument_id": "ons4", "timepoint_id": "6m", "number": "1"}
LEADS_ON = {
    "referrals.closed": "leads on to the person while the referral is open",
    "questions.start": "leads on to the first question without an answer",
}


def warnings_of(page: Page) -> list[str]:
    boxes = page.main.all("section", class_="lwk-warnings")
    return [each.text for box in boxes for each in box.all("li")]


def about_a_person(desk: Desk) -> Iterator[tuple[str, str]]:
    """Every route with a name in its address that leads to a person."""
    rules: list[Rule] = [rule for rule in desk.app.url_map.iter_rules() if rule.arguments & set(ABOUT_A_PERSON)]
    for rule in rules:
        if "GET" in (rule.methods or ()) and rule.endpoint not in LEADS_ON:
            path = rule.rule
            for name in rule.arguments:
                value = FIXED.get(name) or str(desk.places[ABOUT_A_PERSON[name]])
                for written_as in (f"<uuid:{name}>", f"<int:{name}>", f"<{name}>"):
                    path = path.replace(written_as, value)
            yield rule.endpoint, path


def test_every_page_about_the_person_begins_with_the_warning(desk: Desk):
    seen = dict(about_a_person(desk))
    for endpoint, path in seen.items():
        page = desk.open("link-worker", path)
        assert page.status == 200, endpoint
        assert len(found := warnings_of(page)) == 1, f"{endpoint}: give its template the person as `person`"
        assert WARNING in found[0], endpoint
        assert page.main.text.find(WARNING) < page.main.text.find(page.main.all("h1")[0].text), endpoint
    assert len(seen) > 15


def test_a_form_that_comes_back_still_warns(desk: Desk):
    page = desk.send(LOG.who, LOG.path, desk.fill(LOG) | {"minutes": "2000"})
    assert page.status == 422
    assert WARNING in warnings_of(page)[0]


def test_the_caseload_warns_in_the_persons_row_and_in_no_other(desk: Desk):
    page = desk.open("link-worker", "/?show=all")
    rows = {row.all("a")[0].text: row.text for row in page.main.all("li", class_="lwk-row")}
    assert WARNING in rows["Person Own"]
    assert [name for name, text in rows.items() if WARNING in text] == ["Person Own"]


def test_the_unanswered_referrals_warn_too(desk: Desk):
    with db.transaction():
        from tracker.models import Person

        safety.set_flag(
            by=desk.world.user("link-worker"), person=db.session.get(Person, desk.places["waiting"]), kind="animal",
            note=None, review_on=days_ago(-9),
        )  # fmt: skip
    (row,) = desk.open("link-worker", "/referrals/unanswered").main.all("li", class_="lwk-row")
    assert "Dog or other animal" in row.text


def test_an_assessor_is_warned_and_offered_no_review(desk: Desk):
    (told,) = warnings_of(desk.open("outcome-assessor", "/people/{own}"))
    assert WARNING in told
    assert "Keep or end it" not in told


@pytest.mark.parametrize(
    ("who", "path"), [("link-worker", "/people/{same-site}"), ("quay-worker", "/people/{other-site}")]
)
def test_nobody_is_warned_of_somebody_else(desk: Desk, who: str, path: str):
    page = desk.open(who, path)
    assert page.status == 200
    assert warnings_of(page) == []


@pytest.mark.parametrize("who", ["quay-worker", "pond-keeper", "evaluator", "administrator"])
def test_nobody_elsewhere_reads_the_warning_on_any_page_of_theirs(desk: Desk, who: str):
    for path in ("/", "/people", "/referrals/unanswered", "/outcomes-due", "/people/{own}", "/safety-flags/{flag}"):
        assert "Angry neighbour" not in desk.open(who, path).html, path


def test_the_sign_in_page_warns_of_nobody(desk: Desk):
    assert "Angry neighbour" not in desk.open("nobody", "/sign-in").html


def test_a_warning_that_nobody_looked_at_again_says_so(desk: Desk):
    with db.transaction():
        db.session.get(SafetyFlag, desk.places["flag"]).review_on = days_ago(3)
    (told,) = warnings_of(desk.open("link-worker", "/people/{own}"))
    assert f"To be looked at again since {days_ago(3).day} {days_ago(3):%B %Y}" in told


def test_a_new_flag_stands_beside_the_first(desk: Desk):
    page, _ = desk.submit(FLAG)
    assert page.location == desk.address("/people/{own}")
    told = warnings_of(desk.open("link-worker", "/people/{own}"))
    assert [WARNING in told[0], "Dog or other animal: Two dogs, loose" in told[1]] == [True, True]


@pytest.mark.parametrize(
    ("changes", "field", "says"),
    [
        ({"kind": ""}, "kind", "Choose what to warn of"),
        ({"kind": "other", "note": ""}, "note", "Say in a few words what to warn of."),
        ({"note": "x" * 201}, "note", "In a few words has 201 characters. Shorten it to 200."),
        ({"review_on": Ago(0)}, "review_on", "The flag must be looked at again after today and within a year. Correct the date."),
        ({"review_on": Ago(-400)}, "review_on", "The flag must be looked at again after today and within a year. Correct the date."),
    ],
)  # fmt: skip
def test_a_flag_with_a_fault_is_told_beside_its_field(desk: Desk, changes: dict[str, object], field: str, says: str):
    before = written()
    page, sent = desk.submit(FLAG, **changes)
    check_rejected(page, field, says)
    check_kept(page, sent)
    assert written() == before


def test_a_flag_that_is_ended_is_gone_from_every_page(desk: Desk):
    page, _ = desk.submit(REVIEW)
    assert page.location == desk.address("/people/{own}")
    assert "Angry neighbour" not in desk.open("link-worker", "/people/{own}").html
    assert "Angry neighbour" not in desk.open("link-worker", "/").html
    assert "ended on" in desk.open("link-worker", REVIEW.path).text


def test_a_flag_that_holds_on_is_looked_at_again_later(desk: Desk):
    desk.submit(REVIEW, decision="keep", reason="", review_on=Ago(-50))
    db.session.rollback()
    assert db.session.get(SafetyFlag, desk.places["flag"]).review_on == days_ago(-50)
    assert WARNING in warnings_of(desk.open("link-worker", "/people/{own}"))[0]


EMPTY_DAY = {"review_on-day": "", "review_on-month": "", "review_on-year": ""}


@pytest.mark.parametrize(
    ("changes", "field", "says"),
    [
        ({"decision": ""}, "decision", "Choose whether it still holds"),
        ({"decision": "end", "reason": ""}, "reason", "Say why it no longer holds"),
        ({"decision": "end", "reason": "x" * 401}, "reason", "If no, why not? has 401 characters. Shorten it to 400."),
        ({"decision": "keep", **EMPTY_DAY}, "review_on", "Enter when to look at it again"),
        ({"decision": "keep", "review_on": Ago(1)}, "review_on",
         "The flag must be looked at again after today and within a year. Correct the date."),
    ],
)  # fmt: skip
def test_a_review_with_a_fault_is_told_beside_its_field(desk: Desk, changes: dict[str, object], field: str, says: str):
    before = written()
    page, sent = desk.submit(REVIEW, **changes)
    check_rejected(page, field, says)
    check_kept(page, sent)
    assert written() == before


def test_ending_twice_tells_the_second(desk: Desk):
    sent = desk.fill(REVIEW)
    desk.send(REVIEW.who, REVIEW.path, sent)
    again = desk.send("supervisor", REVIEW.path, sent)
    assert again.status == 422
    assert list(again.summary) == ["This safety flag was ended already. Open the person's page to see what holds now."]


def test_a_contact_is_still_logged_in_the_same_taps(desk: Desk):
    """The warning is above the form and asks for nothing."""
    assert set(desk.open(LOG.who, LOG.path).names) >= set(CONTACT) - {"contacted_on", "next_contact_on"}
    assert LOG in FORMS
