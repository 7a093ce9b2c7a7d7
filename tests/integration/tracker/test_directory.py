"""The directory and the signposts' loop: who keeps it, what is refused, what is found, and what is still asked."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError

from tests.world import World, days_ago, signpost
from tracker.actions import care, directory, people, staff
from tracker.actions.refusal import Conflict, Refused
from tracker.extensions import db, today
from tracker.models import AuditEvent, FaultReport, Resource, Signpost
from tracker.permissions import Forbidden
from tracker.queries import resources, signposts
from tracker.queries.resources import PAGE, Search
from tracker.queries.scope import NotFound

STRANGERS = ["outcome-assessor", "evaluator", "orchard-worker"]


def add(world: World, name: str = "Choir", by: str = "link-worker", **details: object) -> Resource:
    category = str(details.pop("category", "social-group"))
    return directory.add_resource(
        by=world.user(by), study_id=world.studies["garden"], name=name, category=category, details=details
    )


def edit(world: World, by: str = "link-worker", version: int | None = None, **changes: object) -> None:
    resource = world.resource()
    seen = resource.version if version is None else version
    directory.edit_resource(by=world.user(by), resource=resource, version=seen, changes=changes)


def found(world: World, by: str = "link-worker", **wanted: str) -> list[str]:
    return [each.name for each in resources.search(Search(**wanted), 1, by=world.user(by)).entries]


def events(action: str) -> int:
    return db.session.scalar(select(func.count()).select_from(AuditEvent).where(AuditEvent.action == action)) or 0


# --------------------------------------------------------------------------------------- entries


def test_a_change_keeps_who_made_it_and_when(world: World):
    with db.transaction():
        edit(world, phone="01632 960 001", capacity="full")
    saved = world.resource()
    assert (saved.phone, saved.capacity, saved.version) == ("01632 960 001", "full", 2)
    assert saved.changed_by == world.users["link-worker"]
    assert datetime.now(UTC) - saved.changed_at < timedelta(minutes=5)


def test_saving_what_is_there_already_changes_nothing_and_leaves_no_trace(world: World):
    with db.transaction():
        edit(world, name="Walking group", phone=None)
    assert (world.resource().version, world.resource().changed_at) == (1, None)
    assert events("edit_resource") == 0


def test_the_second_of_two_who_change_an_entry_is_told(world: World):
    with db.transaction():
        edit(world, phone="01632 960 001")
    with pytest.raises(Conflict, match="Somebody else changed this record"), db.transaction():
        edit(world, by="supervisor", version=1, phone="01632 960 002")
    assert world.resource().phone == "01632 960 001"


@pytest.mark.parametrize("who", STRANGERS)
def test_only_who_signposts_to_a_directory_keeps_it(world: World, who: str):
    resource, by = world.resource(), world.user(who)
    for refused in (
        lambda: edit(world, by=who, phone="01632 960 001"),
        lambda: add(world, by=who),
        lambda: directory.mark_checked(by=by, resource=resource),
        lambda: directory.report_fault(by=by, resource=resource, reason="Moved"),
    ):
        with pytest.raises(Forbidden), db.transaction():
            refused()


def test_an_entry_is_checked_today_once(world: World):
    for _ in range(3):
        with db.transaction():
            directory.mark_checked(by=world.user("link-worker"), resource=world.resource())
    assert world.resource().checked_on == today()
    assert events("mark_checked") == 1


@pytest.mark.parametrize(
    ("days", "capacity", "marked"),
    [(None, "open", True), (184, "open", True), (184, "full", True), (183, "open", False), (0, "open", False),
     (400, "closed", False), (None, "closed", False)],
)  # fmt: skip
def test_an_open_entry_is_marked_after_half_a_year_without_a_check(days: int | None, capacity: str, marked: bool):
    day = datetime.now(UTC).date()
    entry = Resource(capacity=capacity, checked_on=day - timedelta(days) if days is not None else None)
    assert entry.needs_checking(day) is marked


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("website", "javascript:alert(1)"), ("website", "data:text/html,x"), ("website", "www.example.org"),
        ("website", "https://"), ("website", "https://exa mple.org"), ("website", "https://[::1"), ("website", "ftp://a.example"),
        ("website", 'https://a.example/"onclick='), ("email", "nobody"), ("email", "a@b@c.example"), ("email", "a@x.example?cc=b@c.example"),
        ("email", "a b@x.example"), ("phone", "ask inside"), ("phone", "12"),
    ],
)  # fmt: skip
def test_a_contact_detail_that_cannot_be_one_is_refused_beside_its_field(world: World, field: str, value: str):
    with pytest.raises(Refused, match=r"^Enter ") as refused, db.transaction():
        edit(world, **{field: value})
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("website", "https://www.example.org/a?b=c#d"), ("website", "http://münchen.example"), ("email", "o’neill+x@a-b.example.org"),
        ("phone", "01632 960 055 (option 2)"), ("phone", "111"), ("phone", "+44 1632 960055"),
    ],
)  # fmt: skip
def test_a_contact_detail_as_people_write_it_is_kept(world: World, field: str, value: str):
    with db.transaction():
        edit(world, **{field: value})
    assert getattr(world.resource(), field) == value


def test_a_check_in_the_future_is_refused(world: World):
    with pytest.raises(Refused, match="in the future") as refused, db.transaction():
        edit(world, checked_on=today() + timedelta(1))
    assert refused.value.field == "checked_on"


@pytest.mark.parametrize(
    ("statement", "constraint"),
    [
        ("UPDATE resource SET capacity = 'brimful'", "ck_resource_capacity_is_known"),
        ("UPDATE resource SET changed_at = '2026-01-01'", "ck_resource_changed_at_with_by"),
        ("UPDATE signpost SET answered_at = '2026-01-01'", "ck_signpost_answered_at_with_by"),
        ("UPDATE fault_report SET settled_at = '2026-01-01'", "ck_fault_report_settled_at_with_by"),
    ],
)
def test_the_database_itself_says_no_by_name(world: World, statement: str, constraint: str):
    with db.transaction():
        signpost(world)
        directory.report_fault(by=world.user("link-worker"), resource=world.resource(), reason="Moved")
    with pytest.raises(IntegrityError, match=constraint), db.transaction() as session:
        session.execute(text(statement))


def test_one_open_referral_id_stands_for_one_entry_of_a_study(world: World):
    with db.transaction():
        add(world, open_referral_id="a1")
    with pytest.raises(Refused, match="An entry with this Open Referral id is in"), db.transaction():
        add(world, "Another", open_referral_id="a1")


# --------------------------------------------------------------------------------- reported wrong


def test_what_is_wrong_stands_beside_the_entry_until_somebody_settles_it(world: World):
    with db.transaction():
        report = directory.report_fault(by=world.user("link-worker"), resource=world.resource(), reason="Moved")
        id = report.id
    assert [each.reason for each in world.resource().open_faults] == ["Moved"]
    with db.transaction():
        directory.settle_fault(by=world.user("quay-worker"), report=db.session.get(FaultReport, id))
    saved = db.session.get(FaultReport, id)
    assert world.resource().open_faults == []
    assert saved.settled_by == world.users["quay-worker"]


def test_settling_twice_keeps_the_first_word(world: World):
    with db.transaction():
        report = directory.report_fault(by=world.user("link-worker"), resource=world.resource(), reason="Moved")
        directory.settle_fault(by=world.user("link-worker"), report=report)
        directory.settle_fault(by=world.user("supervisor"), report=report)
        assert report.settled_by == world.users["link-worker"]
    assert events("settle_fault") == 1


def test_the_words_of_a_report_stay_out_of_the_trail(world: World):
    with db.transaction():
        directory.report_fault(by=world.user("link-worker"), resource=world.resource(), reason="Ask for Brenda")
    event = db.session.scalars(select(AuditEvent).where(AuditEvent.action == "report_fault")).one()
    assert "Brenda" not in (event.after or "")
    assert "withheld" in (event.after or "")


def test_reports_of_another_study_are_unknown(world: World):
    with db.transaction():
        made = directory.report_fault(
            by=world.user("orchard-worker"), resource=world.resource("orchard"), reason="Moved"
        )
        id = made.id
    assert resources.fault_report(id, by=world.user("orchard-worker")).reason == "Moved"
    for who in ("link-worker", "evaluator"):
        with pytest.raises(NotFound):
            resources.fault_report(id, by=world.user(who))


# -------------------------------------------------------------------------------------- searching


def test_words_are_looked_for_everywhere_in_an_entry_and_each_must_be_there(world: World):
    with db.transaction():
        add(world, "Choir", provider="St Brannock's", area="North", description="Singing for pleasure", town="Elmstead")
        add(world, "Debt clinic", category="welfare-and-debt", eligibility="Tenants", postcode="EX1 0AB")
    assert found(world, words="singing") == ["Choir"]
    assert found(world, words="SINGING brannock") == ["Choir"]
    assert found(world, words="singing debt") == []
    assert found(world, words="ex1") == ["Debt clinic"]
    assert found(world, words="tenants clinic") == ["Debt clinic"]


@pytest.mark.parametrize("words", ["%", "_", "100%", "\\", "'", '"; DROP TABLE resource; --'])
def test_what_a_database_takes_for_a_pattern_is_only_a_word(world: World, words: str):
    with db.transaction():
        add(world, "Swim for 100% of us", description="under_score \\ ' \"; DROP TABLE resource; --")
    assert found(world, words=words) == ["Swim for 100% of us"]
    assert found(world, words=words + words + "x") == []


def test_category_and_area_narrow_the_directory(world: World):
    with db.transaction():
        add(world, "Choir", area="North")
        add(world, "Quilting", area="South", category="arts-and-craft")
    assert found(world, category="arts-and-craft") == ["Quilting"]
    assert found(world, area="North") == ["Choir"]
    assert found(world, area="North", category="arts-and-craft") == []
    assert resources.areas(by=world.user("link-worker")) == ["North", "South"]
    assert resources.areas(by=world.user("orchard-worker")) == []


def test_closed_entries_stand_last_and_the_rest_by_name(world: World):
    with db.transaction():
        add(world, "apple day", capacity="closed")
        add(world, "zither", capacity="full")
        add(world, "Allotment")
    assert found(world) == ["Allotment", "Walking group", "zither", "apple day"]


@pytest.mark.parametrize("who", ["outcome-assessor", "evaluator", "administrator"])
def test_the_directory_is_empty_for_who_does_not_signpost(world: World, who: str):
    assert found(world, by=who) == []
    assert resources.studies(by=world.user(who)) == []


def test_a_long_directory_comes_in_pages_and_no_page_is_beyond_the_last(world: World):
    with db.transaction():
        for number in range(PAGE + 5):
            add(world, f"Group {number:03}")
    first, second, beyond = (resources.search(Search(), page, by=world.user("link-worker")) for page in (1, 2, 99))
    assert (len(first.entries), len(second.entries), first.total, first.pages) == (PAGE, 6, PAGE + 6, 2)
    assert not {each.id for each in first.entries} & {each.id for each in second.entries}
    assert (beyond.page, [each.id for each in beyond.entries]) == (2, [each.id for each in second.entries])
    assert resources.search(Search(), -3, by=world.user("link-worker")).page == 1


# ------------------------------------------------------------------------------ full and closed


def test_a_closed_resource_takes_no_signpost(world: World):
    with db.transaction():
        edit(world, capacity="closed")
    with pytest.raises(Refused, match="Walking group is closed") as refused, db.transaction():
        signpost(world)
    assert refused.value.field == "resource"


def test_a_full_resource_takes_a_signpost_only_from_who_was_warned(world: World):
    with db.transaction():
        edit(world, capacity="full")
    with pytest.raises(Refused, match="is full at present") as refused, db.transaction():
        signpost(world)
    assert refused.value.field == "although_full"
    with db.transaction():
        signpost(world, although_full=True)
    assert db.session.scalar(select(func.count()).select_from(Signpost)) == 1


def test_a_signpost_sent_again_is_the_same_one_although_the_resource_filled_up_since(world: World):
    key = uuid.uuid4()
    with db.transaction():
        first = signpost(world, client_key=key).id
    with db.transaction():
        edit(world, capacity="full")
    with db.transaction():
        assert signpost(world, client_key=key).id == first


# ------------------------------------------------------------------------------------- the loop


def waiting(world: World, who: str = "link-worker", mine: bool = True) -> list[str]:
    return [each.person.label for each in signposts.waiting(by=world.user(who), mine=mine)]


def answer(world: World, made: Signpost, outcome: str, by: str = "link-worker", **given: object) -> None:
    care.answer_signpost(by=world.user(by), signpost=made, version=made.version, outcome=outcome, **given)  # type: ignore[arg-type]


def test_signposts_wait_oldest_first_until_the_outcome_is_final(world: World):
    with db.transaction():
        made = {days: signpost(world, signposted_on=days_ago(days)) for days in (3, 40, 11)}
    listed = [each.signposted_on for each in signposts.waiting(by=world.user("link-worker"))]
    assert listed == [days_ago(40), days_ago(11), days_ago(3)]
    with db.transaction():
        for days, outcome in ((3, "waiting"), (40, "attended"), (11, "full")):
            answer(world, db.session.get(Signpost, made[days].id), outcome)
    assert [each.signposted_on for each in signposts.waiting(by=world.user("link-worker"))] == [days_ago(3)]


@pytest.mark.parametrize("outcome", ["attended", "did-not-attend", "declined", "full"])
def test_a_final_outcome_keeps_who_gave_it_and_an_undo_asks_again(world: World, outcome: str):
    with db.transaction():
        made = signpost(world, ask_again_on=today() + timedelta(3))
        answer(world, made, outcome)
        assert (made.answered_by, made.ask_again_on) == (world.users["link-worker"], None)
    assert [each.id for each in signposts.answered_lately(datetime.now(UTC), by=world.user("link-worker"))] == [made.id]
    assert waiting(world) == []
    with db.transaction():
        again = db.session.get(Signpost, made.id)
        answer(world, again, "unknown")
        assert (again.answered_at, again.answered_by) == (None, None)
    assert waiting(world) == ["Person Own"]


def test_whoever_holds_the_referral_asks_and_not_who_made_the_signpost(world: World):
    with db.transaction():
        signpost(world)
        care.assign(
            by=world.user("supervisor"),
            referral=world.referral("own"),
            worker=world.user("supervisor"),
            from_on=today(),
        )
    assert waiting(world) == []
    assert waiting(world, "supervisor") == ["Person Own"]


def test_while_nobody_holds_the_referral_who_made_the_signpost_asks(world: World):
    with db.transaction():
        signpost(world)
        care.close_referral(
            by=world.user("supervisor"), referral=world.referral("own"), closed_on=today(), closure_reason="completed"
        )
    assert waiting(world) == ["Person Own"]
    assert waiting(world, "supervisor") == []
    assert waiting(world, "supervisor", mine=False) == ["Person Own"]


def test_two_open_referrals_list_a_signpost_once(world: World):
    with db.transaction():
        second = care.record_referral(
            by=world.user("link-worker"), person=world.person("own"), source="self", referred_on=days_ago(9)
        )
        care.assign(
            by=world.user("link-worker"), referral=second, worker=world.user("link-worker"), from_on=days_ago(9)
        )
        signpost(world)
    assert waiting(world) == ["Person Own"]
    assert signposts.waiting_count(today(), by=world.user("link-worker")) == 1


def test_nobody_is_asked_about_people_who_withdrew_or_left(world: World):
    with db.transaction():
        signpost(world)
        signpost(world, person="same-site")
        people.withdraw(
            by=world.user("link-worker"), person=world.person("own"), withdrawn_on=today(), on_withdrawal="keep"
        )
        people.leave(
            by=world.user("link-worker"), person=world.person("same-site"), left_on=today(), left_reason="died"
        )
    assert waiting(world, mine=False) == []
    assert signposts.waiting_count(today(), by=world.user("link-worker")) == 0


@pytest.mark.parametrize("who", ["quay-worker", "orchard-worker", "outcome-assessor", "evaluator", "administrator"])
def test_signposts_of_another_site_are_nobody_s_business(world: World, who: str):
    with db.transaction():
        signpost(world)
    assert waiting(world, who, mine=False) == []
    assert signposts.answered_lately(datetime.now(UTC), by=world.user(who)) == []


def test_what_is_to_be_asked_later_is_not_counted_today(world: World):
    with db.transaction():
        signpost(world, ask_again_on=today() + timedelta(7))
        signpost(world, kind="information")
    worker = world.user("link-worker")
    counts = [signposts.waiting_count(today() + timedelta(days), by=worker) for days in (0, 6, 7)]
    assert counts == [1, 1, 2]


@pytest.mark.parametrize("days", [0, -1, 731])
def test_the_day_to_ask_again_lies_ahead_and_not_too_far(world: World, days: int):
    with pytest.raises(Refused, match="next two years") as refused, db.transaction():
        signpost(world, ask_again_on=today() + timedelta(days))
    assert refused.value.field == "ask_again_on"
    with db.transaction():
        made = signpost(world)
    with pytest.raises(Refused, match="next two years"), db.transaction():
        answer(world, made, "waiting", ask_again_on=today() + timedelta(days))


def test_a_day_to_ask_that_has_come_may_stay_as_it_is(world: World):
    with db.transaction() as session:
        made = signpost(world, ask_again_on=today() + timedelta(3))
        session.flush()
        session.execute(text("UPDATE signpost SET ask_again_on = :day"), {"day": str(days_ago(1))})
    with db.transaction():
        late = db.session.get(Signpost, made.id)
        answer(world, late, "waiting", ask_again_on=days_ago(1))
    assert db.session.get(Signpost, made.id).outcome == "waiting"


# --------------------------------------------------------------------------------------- uptake


def test_uptake_counts_known_outcomes_and_keeps_quiet_about_few(world: World):
    outcomes = ["attended"] * 3 + ["declined", "did-not-attend", "waiting", "unknown"]
    with db.transaction():
        for number, outcome in enumerate(outcomes):
            sessions = number if outcome == "attended" else None
            signpost(world, signposted_on=days_ago(number), outcome=outcome, sessions_attended=sessions)
        other = add(world)
        care.record_signpost(
            by=world.user("link-worker"), person=world.person("own"), resource=other, client_key=uuid.uuid4(),
            signposted_on=today(), kind="referral", outcome="attended",
        )  # fmt: skip
    walking, choir = resources.uptake(by=world.user("supervisor"))
    assert (walking.signposted, walking.known, walking.attended, walking.sessions) == (7, 5, 3, 3)
    assert walking.share == pytest.approx(0.6)
    assert (choir.signposted, choir.known, choir.share) == (1, 1, None)


def test_uptake_is_of_the_sites_one_supervises_and_of_people_who_stayed(world: World):
    with db.transaction():
        signpost(world)
        signpost(world, person="same-site")
        staff.grant(
            by=world.user("administrator"), user=world.user("quay-worker"), role="supervisor", study=world.study(),
            site=world.site("quay"),
        )  # fmt: skip
    assert [each.signposted for each in resources.uptake(by=world.user("supervisor"))] == [2]
    for who in ("link-worker", "quay-worker", "pond-keeper", "evaluator"):
        assert resources.uptake(by=world.user(who)) == []
    with db.transaction():
        people.withdraw(
            by=world.user("supervisor"), person=world.person("own"), withdrawn_on=today(), on_withdrawal="keep"
        )
    assert [each.signposted for each in resources.uptake(by=world.user("supervisor"))] == [1]
