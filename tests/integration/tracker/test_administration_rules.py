"""What administrators decide, at its edges: roles held once, the last administrator, posts that meet, stale versions."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from tests.integration.tracker.test_account_rules import told, trail
from tests.world import World, days_ago
from tracker.actions import account, safety, staff, studies
from tracker.actions.refusal import Conflict, Refused
from tracker.extensions import db
from tracker.models import Membership, Post, SafetyFlag
from tracker.permissions import Forbidden, holds
from tracker.queries import administration

# ------------------------------------------------------------------------------- roles and accounts


def grant(world: World, name: str = "link-worker", role: str = "link-worker", site: str = "mill") -> uuid.UUID:
    with db.transaction():
        return staff.grant(
            by=world.user("administrator"), user=world.user(name), role=role, study=world.study(), site=world.site(site)
        ).id


def test_a_role_is_held_once_also_by_somebody_who_is_disabled(world: World):
    """Given twice and ended once, it would still hold when the account is enabled again."""
    with db.transaction():
        staff.disable_user(by=world.user("administrator"), user=world.user("link-worker"), reason="On leave")
    with pytest.raises(Refused, match="They hold this role there already"):
        grant(world)
    grant(world, site="quay")


def test_a_role_that_ended_may_be_given_again(world: World):
    admin = world.user("administrator")
    with db.transaction():
        staff.end_membership(by=admin, membership=world.user("link-worker").memberships[0], reason="Moved")
    assert not holds(world.user("link-worker"), ("link-worker",))
    again = grant(world)
    assert holds(world.user("link-worker"), ("link-worker",))
    account = administration.account(world.user("link-worker"), by=world.user("administrator"))
    assert [(each.id == again, each.ended_at is None) for each in account.memberships] == [(True, True), (False, False)]


def test_of_two_administrators_one_may_go_and_then_none(world: World):
    with db.transaction():
        staff.grant(by=world.user("administrator"), user=world.user("evaluator"), role="administrator")
    with db.transaction():
        staff.disable_user(by=world.user("evaluator"), user=world.user("administrator"), reason="Left")
    role = select(Membership).where(Membership.user_id == world.users["evaluator"], Membership.role == "administrator")
    attempts: tuple[Callable[[Any], None], ...] = (
        lambda by: staff.disable_user(by=by, user=by, reason="x"),
        lambda by: staff.end_membership(by=by, membership=db.session.scalars(role).one(), reason="x"),
    )
    for attempt in attempts:
        with pytest.raises(Refused, match="only administrator"), db.transaction():
            attempt(world.user("evaluator"))
    with pytest.raises(Forbidden), db.transaction():
        staff.enable_user(by=world.user("administrator"), user=world.user("administrator"), reason="Let me in")


def test_another_role_of_the_last_administrator_may_end(world: World):
    id = grant(world, "administrator", "supervisor")
    with db.transaction():
        staff.end_membership(
            by=world.user("administrator"), membership=db.session.get(Membership, id), reason="Stood in"
        )
    assert holds(world.user("administrator"), ("administrator",))
    assert (told("end_membership").record_id, told("end_membership").reason) == (str(id), "Stood in")


def test_the_trail_tells_that_a_name_changed_and_not_from_what_to_what(world: World):
    with db.transaction():
        account.change_appearance(by=world.user("link-worker"), name="Lee Quillfeather", text_size="larger")
    event = told("change_appearance")
    before, after = json.loads(event.before or ""), json.loads(event.after or "")
    assert (before["text_size"], after["text_size"]) == ("normal", "larger")
    assert before["name"] != after["name"]
    assert "Quillfeather" not in trail()
    with pytest.raises(Refused, match="Choose one of Normal, Large, Larger"), db.transaction():
        account.change_appearance(by=world.user("link-worker"), name="Lee", text_size="huge")
    assert world.user("link-worker").name == "Lee Quillfeather"


# ------------------------------------------------------------------------------------------- posts


def appointed(world: World, from_on: int, until_on: int | None, site: str = "quay") -> uuid.UUID:
    with db.transaction():
        return staff.appoint(
            by=world.user("administrator"), user=world.user("quay-worker"), site=world.site(site), fte=0.5,
            from_on=days_ago(from_on), until_on=None if until_on is None else days_ago(until_on),
        ).id  # fmt: skip


def end_post(world: World, id: uuid.UUID, day: int) -> None:
    with db.transaction():
        staff.end_post(
            by=world.user("administrator"), post=db.session.get(Post, id), until_on=days_ago(day), reason="Hours"
        )


@pytest.mark.parametrize(("day", "meets"), [(51, False), (50, True), (10, True)])
def test_a_later_last_day_must_not_reach_into_the_next_post(world: World, day: int, meets: bool):
    first = appointed(world, 100, 60)
    appointed(world, 50, None)
    appointed(world, 100, None, site="mill")
    if not meets:
        end_post(world, first, day)
        assert db.session.scalars(select(Post.until_on).where(Post.id == first)).one() == days_ago(day)
        return
    with pytest.raises(Refused, match=r"This overlaps their post of 0\.5 at this site") as refused:
        end_post(world, first, day)
    assert refused.value.field == "until_on"
    assert db.session.scalars(select(Post.until_on).where(Post.id == first)).one() == days_ago(60)


def test_a_post_of_one_day_is_a_post(world: World):
    id = appointed(world, 30, None)
    end_post(world, id, 30)
    appointed(world, 29, None)
    held = administration.account(world.user("quay-worker"), by=world.user("administrator"))
    assert held.most_fte == pytest.approx(0.5)
    assert told("end_post").reason == "Hours"
    assert json.loads(told("end_post").after or "")["until_on"] == str(days_ago(30))


# ------------------------------------------------------------------- sites and flags, changed meanwhile


def test_a_site_changes_from_the_version_that_was_read_and_the_trail_tells_what_changed(world: World):
    def change(version: int, name: str) -> None:
        with db.transaction():
            studies.change_site(
                by=world.user("administrator"), site=world.site("mill"), version=version, name=name,
                details={"list_size": 8200},
            )  # fmt: skip

    change(1, "Mill Surgery")
    for stale in (1, 0, 3):
        with pytest.raises(Conflict):
            change(stale, "Mill Clinic")
    assert world.site("mill").name == "Mill Surgery"
    event = told("change_site")
    assert json.loads(event.after or "")["list_size"] == 8200
    with pytest.raises(Forbidden), db.transaction():
        studies.change_site(
            by=world.user("supervisor"), site=world.site("mill"), version=2, name="Mine", details={}
        )  # fmt: skip


@pytest.mark.parametrize(("ahead", "good"), [(0, False), (1, True), (366, True), (367, False)])
def test_a_flag_is_looked_at_again_from_tomorrow_and_within_a_year(world: World, ahead: int, good: bool):
    def keep() -> None:
        with db.transaction():
            flag = safety.set_flag(
                by=world.user("link-worker"), person=world.person("own"), kind="animal", note="Quillfeather's dog",
                review_on=days_ago(-30),
            )  # fmt: skip
            safety.keep_flag(by=world.user("supervisor"), flag=flag, version=1, review_on=days_ago(-ahead))

    if good:
        keep()
        event = told("keep_flag")
        assert event.actor_id == world.users["supervisor"]
        assert json.loads(event.after or "")["review_on"] == str(days_ago(-ahead))
        assert "Quillfeather" not in trail()
        return
    with pytest.raises(Refused, match="after today and within a year"):
        keep()
    assert db.session.scalars(select(SafetyFlag)).all() == []
