"""Going back after saving and sending the form again: the same stands once, and the second time says so."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select, update

from tests.integration.tracker.pages.conftest import Desk, written
from tests.integration.tracker.pages.forms import GOAL, LOG, SIGNPOST, Form
from tests.integration.tracker.pages.reading import check_kept, check_rejected
from tests.world import contact, days_ago
from tracker.extensions import db
from tracker.models import Contact, Goal, Signpost
from tracker.queries import care as care_queries
from tracker.queries.scope import NotFound

SAYS = "You logged the same contact a few minutes ago, and it is saved. Tick only if this is another one."
NO_SIGNPOST = {f"{name}_{row}": "" for name in ("resource", "kind") for row in (1, 2, 3)}


def stored(kind: type[Contact | Goal | Signpost]) -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(kind)) or 0


def test_the_same_contact_from_a_fresh_page_is_asked_about_and_saved_when_it_is_meant(desk: Desk):
    desk.submit(LOG, **NO_SIGNPOST)
    before, known = written(), stored(Contact)
    page, sent = desk.submit(LOG, **NO_SIGNPOST, note="Something else")
    check_rejected(page, "another", SAYS)
    check_kept(page, sent)
    assert written() == before
    assert desk.send(LOG.who, LOG.path, page.typed | {"another": "y"}).status == 302
    assert stored(Contact) == known + 1


def test_the_same_page_sent_twice_is_one_contact_and_no_question(desk: Desk):
    sent = desk.fill(LOG, **NO_SIGNPOST)
    desk.send(LOG.who, LOG.path, sent)
    known = stored(Contact)
    assert desk.send(LOG.who, LOG.path, sent).status == 302
    assert stored(Contact) == known


@pytest.mark.parametrize("changes", [{"minutes": "36"}, {"mode": "video"}, {"attendance": "cancelled"}], ids=str)
def test_what_differs_is_another_contact(desk: Desk, changes: dict[str, str]):
    desk.submit(LOG, **NO_SIGNPOST)
    assert desk.submit(LOG, **NO_SIGNPOST, **changes)[0].status == 302


def test_the_same_is_another_contact_when_some_time_went_by_or_somebody_else_logs_it(desk: Desk):
    desk.submit(LOG, **NO_SIGNPOST)
    sent = desk.fill(LOG, **NO_SIGNPOST)
    assert desk.send("supervisor", LOG.path, sent).status == 302
    with db.transaction() as session:
        session.execute(update(Contact).values(recorded_at=datetime.now(UTC) - timedelta(hours=1)))
    assert desk.submit(LOG, **NO_SIGNPOST)[0].status == 302


def test_the_box_is_there_only_when_it_is_asked(desk: Desk):
    assert "another" not in desk.open(LOG.who, LOG.path).names


def test_what_was_logged_today_is_said_to_be_of_today(desk: Desk):
    desk.submit(LOG)
    assert "Last time, on " in desk.open(LOG.who, LOG.path).text
    with db.transaction():
        contact(desk.world, contacted_on=days_ago(0))
    assert "Last time, today: phone" in desk.open(LOG.who, LOG.path).text


def test_nobody_without_the_care_learns_whether_it_was_logged(desk: Desk):
    referral, assessor = desk.world.referral("own"), desk.world.user("outcome-assessor")
    with pytest.raises(NotFound):
        care_queries.twin(referral, by=assessor, client_key=referral.id, minutes=35)


# ---------------------------------------------------------------------------- signposts and goals

WAITS = "This signpost to Walking group is saved already, and waits for its answer. Leave it out, or choose another."
OPEN = "This goal is saved already, and open. Note progress on it, or enter another goal."


@pytest.mark.parametrize(
    ("form", "field", "says"), [(SIGNPOST, "resource", WAITS), (GOAL, "words", OPEN)], ids=["signpost", "goal"]
)
def test_a_signpost_or_a_goal_is_saved_once_however_often_it_is_sent(desk: Desk, form: Form, field: str, says: str):
    assert desk.submit(form)[0].status == 302
    before = written()
    page, sent = desk.submit(form)
    check_rejected(page, field, says)
    check_kept(page, sent)
    assert written() == before


def test_the_same_signpost_page_sent_twice_is_one_signpost_and_no_fault(desk: Desk):
    sent = desk.fill(SIGNPOST)
    desk.send(SIGNPOST.who, SIGNPOST.path, sent)
    known = stored(Signpost)
    assert desk.send(SIGNPOST.who, SIGNPOST.path, sent).status == 302
    assert stored(Signpost) == known


def test_a_signpost_of_another_kind_or_one_that_was_answered_is_another(desk: Desk):
    desk.submit(SIGNPOST, kind="information")
    assert desk.submit(SIGNPOST, kind="accompanied")[0].status == 302
    with db.transaction() as session:
        session.execute(update(Signpost).values(outcome="declined"))
    assert desk.submit(SIGNPOST, kind="information")[0].status == 302


def test_a_row_of_a_contact_says_that_its_signpost_is_saved_already(desk: Desk):
    made = {"resource_1": desk.places["resource"], "kind_1": "information"}
    assert desk.submit(LOG, **(NO_SIGNPOST | made))[0].status == 302
    page, _ = desk.submit(LOG, **(NO_SIGNPOST | made), minutes="20")
    check_rejected(page, "resource_1", WAITS)


def test_a_goal_in_other_letters_is_the_same_and_one_that_is_reached_can_be_set_again(desk: Desk):
    desk.submit(GOAL)
    assert desk.submit(GOAL, words="  see the SEA again")[0].status == 422
    with db.transaction() as session:
        session.execute(update(Goal).values(status="reached", ended_on=days_ago(0)))
    assert desk.submit(GOAL)[0].status == 302
