"""Lists: the caseload, unanswered referrals, the directory, a study's progress, staff; each from who is asking."""

from __future__ import annotations

import uuid
from datetime import date

import pytest

from tests.world import COMPLETE, World, assessment, contact, days_ago, signpost
from tracker.actions import care, staff
from tracker.actions import people as people_actions
from tracker.actions import studies as study_actions
from tracker.actions.refusal import Conflict, Refused
from tracker.extensions import db, today
from tracker.models import User
from tracker.permissions import Forbidden
from tracker.queries import agenda, caseload, command, occasions, people, resources, scope, signposts, studies
from tracker.queries import care as care_queries
from tracker.queries import staff as staff_queries
from tracker.queries.scope import NotFound


def names(rows) -> list[str]:
    return [row.person.label for row in rows]


def answer(by: User, referral: care.Referral, status: str, day: date, **more: object) -> None:
    care.answer_referral(
        by=by, referral=referral, version=referral.version, status=status, decided_on=day, **more,  # type: ignore[arg-type]
    )  # fmt: skip


def test_a_caseload_is_what_one_holds_and_everyones_is_the_sites(world: World):
    worker = world.user("link-worker")
    assert names(caseload.caseload(by=worker)) == ["Person Own"]
    assert set(names(caseload.caseload(by=worker, mine=False))) == {"Person Own", "Person Same-Site"}
    assert names(caseload.caseload(by=world.user("quay-worker"), mine=False)) == ["Person Other-Site"]
    assert names(caseload.caseload(by=world.user("orchard-worker"), mine=False)) == ["Person Other-Study"]


@pytest.mark.parametrize("name", ["outcome-assessor", "evaluator", "administrator"])
def test_roles_without_care_have_no_caseload(world: World, name: str):
    assert caseload.caseload(by=world.user(name), mine=False) == []


def test_a_row_counts_attended_contacts_and_knows_the_last_of_any_kind(world: World):
    with db.transaction():
        contact(world, contacted_on=days_ago(20))
        contact(world, contacted_on=days_ago(10))
        contact(world, contacted_on=days_ago(3), attendance="did-not-attend", minutes=0)
    by = world.user("link-worker")
    (row,) = caseload.caseload(by=by)
    assert row.last_contact_on == days_ago(3)
    assert row.attended == 2


def test_whoever_was_not_contacted_longest_stands_first(world: World):
    with db.transaction():
        contact(world, person="same-site", contacted_on=days_ago(90))
        contact(world, contacted_on=days_ago(5))
    rows = caseload.caseload(by=world.user("link-worker"), mine=False)
    assert names(rows) == ["Person Same-Site", "Person Own"]


def reasons(world: World, who: str = "link-worker", *, mine: bool = True) -> dict[str, tuple[str, ...]]:
    asker = world.user(who)
    entries = agenda.agenda(today(), by=asker, mine=mine)
    return {entry.row.person.label: entry.reasons for entry in entries}


def answer_everything(world: World, person: str = "own") -> None:
    for instrument in ("ons4", "phq9", "eq5d-5l"):
        for timepoint in ("baseline", "6m"):
            assessment(world, instrument, timepoint, person=person)


def test_nobody_needs_anything_when_everything_is_answered_and_the_next_contact_is_agreed(world: World):
    with db.transaction():
        answer_everything(world)
        contact(world, contacted_on=days_ago(40), next_contact_on=days_ago(-3))
    assert reasons(world) == {"Person Own": ()}


@pytest.mark.parametrize(
    ("contacted", "agreed", "expected"),
    [
        (40, -3, ()), (40, 0, ("contact-due",)), (40, 12, ("contact-due",)), (28, None, ("no-contact",)),
        (27, None, ()), (3, None, ()),
    ],
)  # fmt: skip
def test_a_contact_is_due_when_it_was_agreed_or_after_four_weeks(
    world: World, contacted: int, agreed: int | None, expected: tuple[str, ...]
):
    with db.transaction():
        answer_everything(world)
        contact(world, contacted_on=days_ago(contacted), next_contact_on=None if agreed is None else days_ago(agreed))
    assert reasons(world) == {"Person Own": expected}


def test_only_what_was_agreed_at_the_last_contact_holds(world: World):
    with db.transaction():
        answer_everything(world)
        contact(world, contacted_on=days_ago(40), next_contact_on=days_ago(30))
        contact(world, contacted_on=days_ago(20))
    (row,) = caseload.caseload(by=world.user("link-worker"))
    assert (row.next_contact_on, reasons(world)["Person Own"]) == (None, ())


def test_outcomes_alarms_and_signposts_are_reasons_and_the_most_urgent_stands_first(world: World):
    with db.transaction():
        contact(world, contacted_on=days_ago(1))
        contact(world, person="same-site", contacted_on=days_ago(1))
        signpost(world, signposted_on=days_ago(15))
        assessment(world, "phq9", "6m", person="same-site", responses=COMPLETE["phq9"] | {"i9": 1})
    found = reasons(world, mine=False)
    assert list(found) == ["Person Same-Site", "Person Own"]
    assert found["Person Same-Site"] == ("safety", "outcome-overdue")
    assert found["Person Own"] == ("outcome-overdue", "signpost-waiting")


@pytest.mark.parametrize(
    ("outcome", "asked_in", "asked"),
    [("unknown", None, True), ("waiting", 9, True), ("waiting", 10, False), ("attended", None, False)],
)
def test_a_signpost_is_asked_about_from_the_agreed_day_until_its_outcome_is_known(
    world: World, outcome: str, asked_in: int | None, asked: bool
):
    agreed, asker = None if asked_in is None else days_ago(-asked_in), world.user("link-worker")
    with db.transaction():
        signpost(world, outcome=outcome, ask_again_on=agreed)
    (entry,) = agenda.agenda(days_ago(-9), by=asker)
    assert ("signpost-waiting" in entry.reasons) is asked
    assert signposts.waiting_count(days_ago(-9), by=asker) == asked


def test_nobody_who_left_is_to_be_asked_about_a_signpost_on_any_list(world: World):
    """Their referral may be open still, and the list of signposts that wait has them no more."""
    asker = world.user("link-worker")
    with db.transaction():
        signpost(world, signposted_on=days_ago(15))
        people_actions.leave(by=asker, person=world.person("own"), left_on=today(), left_reason="died")
    assert "signpost-waiting" not in reasons(world)["Person Own"]
    assert signposts.waiting_count(today(), by=asker) == 0


def test_due_states_agree_with_the_list_of_what_is_due(world: World):
    with db.transaction():
        assessment(world, "ons4")
        answer_everything(world, "same-site")
    asker = world.user("supervisor")
    listed: dict[uuid.UUID, set[str]] = {}
    for each in occasions.due_occasions(today(), by=asker):
        listed.setdefault(each.person.id, set()).add(each.state(today()))
    states = {"outcome-due": "due", "outcome-overdue": "overdue"}
    entries = agenda.agenda(today(), by=asker, mine=False)
    found = {each.row.person.id: states[code] for each in entries for code in each.reasons if code in states}
    assert set(found) == set(listed) == {world.people["own"]}
    assert all((found[id] == "overdue") == ("overdue" in states) for id, states in listed.items())


def test_closed_episodes_are_a_list_of_their_own(world: World):
    with db.transaction():
        for name, days in (("own", 9), ("same-site", 3)):
            care.close_referral(
                by=world.user("supervisor"), referral=world.referral(name), closed_on=days_ago(days),
                closure_reason="completed",
            )  # fmt: skip
    worker, supervisor = world.user("link-worker"), world.user("supervisor")
    assert [each.person.label for each in caseload.closed_referrals(by=worker)] == ["Person Own"]
    everyones = [each.person.label for each in caseload.closed_referrals(by=supervisor, mine=False)]
    assert everyones == ["Person Same-Site", "Person Own"]
    assert caseload.closed_referrals(by=world.user("quay-worker"), mine=False) == []


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("own", ["Person Own"]), ("PERSON ow", ["Person Own"]), ("person", ["Person Own", "Person Same-Site"]),
        ("site same", ["Person Same-Site"]), ("0123", ["Person Own", "Person Same-Site"]),
        ("07700 900123", ["Person Own", "Person Same-Site"]), ("+44 7700 900123", ["Person Own", "Person Same-Site"]),
        ("012", []), ("other", []), ("withdrawn", []), ("nobody", []), ("", []), ("   ", []), ("%", []), ("_", []),
    ],
)  # fmt: skip
def test_people_are_found_by_part_of_name_or_phone_at_ones_own_sites(world: World, words: str, found: list[str]):
    assert [person.label for person in people.find(words, by=world.user("link-worker"))] == found


SPELLINGS = (
    "07700900123", "07700 900123", "07700-900-123", "(07700) 900123", "07700.900.123", "07700\u2013900123",
    "+44 7700 900123", "+447700900123", "+44 (0)7700 900123", "+44(0) 7700-900123", "0044 7700 900123", "00 44 (0)7700 900123",
)  # fmt: skip


def keep_phone(world: World, phone: str | None, name: str = "own") -> None:
    person = world.person(name)
    assert person.identity is not None
    with db.transaction():
        people_actions.correct_identity(
            by=world.user("link-worker"), person=person, version=person.identity.version,
            given=people_actions.IdentityFacts(person.identity.name, phone=phone),
        )  # fmt: skip


@pytest.mark.parametrize("stored", SPELLINGS)
def test_a_phone_number_is_found_however_it_was_stored_and_however_it_is_typed(world: World, stored: str):
    keep_phone(world, stored)
    keep_phone(world, "01632 960 001", "same-site")
    for typed in (*SPELLINGS, "7700 900123", "900123", "00 123", "00-900"):
        found = [person.label for person in people.find(typed, by=world.user("link-worker"))]
        assert found == ["Person Own"], typed


@pytest.mark.parametrize("stored", ["01632 960 055", "+44 1632 960055", "(01632) 960-055", "01632 960 055 (option 2)"])
def test_the_code_of_a_town_may_stand_in_brackets(world: World, stored: str):
    keep_phone(world, stored)
    assert [each.label for each in people.find("(01632) 960-055", by=world.user("link-worker"))] == ["Person Own"]


def test_the_second_number_of_somebody_is_found_too(world: World):
    keep_phone(world, "01632 960 055, or +44 7700 900999")
    assert [each.label for each in people.find("07700 900999", by=world.user("link-worker"))] == ["Person Own"]


@pytest.mark.parametrize(
    "typed", ["07700 900124", "+1 7700 900123", "0049 7700 900123", "+44", "+44 (0)77", "012-", "()", "+", "07700 x"]
)
def test_another_number_and_too_little_of_one_find_nobody(world: World, typed: str):
    assert people.find(typed, by=world.user("link-worker")) == []


def test_a_number_finds_nobody_of_whom_no_phone_is_kept(world: World):
    keep_phone(world, None)
    assert [each.label for each in people.find("07700 900123", by=world.user("link-worker"))] == ["Person Same-Site"]


def test_people_are_found_by_study_number_and_by_the_blind_assessor_too(world: World):
    number = world.person("own").study_number
    for who in ("link-worker", "outcome-assessor", "supervisor"):
        assert [each.label for each in people.find(number.lower(), by=world.user(who))] == ["Person Own"]
    for who in ("evaluator", "administrator", "quay-worker"):
        assert people.find(number, by=world.user(who)) == []


def test_a_closed_referral_leaves_the_caseload(world: World):
    with db.transaction():
        care.close_referral(
            by=world.user("link-worker"), referral=world.referral("own"), closed_on=today(), closure_reason="completed"
        )
    assert caseload.caseload(by=world.user("link-worker")) == []


def test_an_offer_waits_until_it_is_answered(world: World):
    worker = world.user("link-worker")
    with db.transaction():
        person = world.person("own")
        offer = care.record_referral(by=worker, person=person, source="gp", referred_on=days_ago(3), status="offered")
        id = offer.id
    assert [each.referral.id for each in caseload.unanswered_referrals(by=worker)] == [id]
    assert caseload.unanswered_referrals(by=world.user("quay-worker")) == []
    with db.transaction():
        answer(worker, care_queries.referral(id, by=worker), "declined", today(), answer_reason="not-now")
    assert caseload.unanswered_referrals(by=worker) == []
    with pytest.raises(Conflict, match="answered already"), db.transaction():
        answer(worker, care_queries.referral(id, by=worker), "accepted", today())


def test_an_answer_is_not_older_than_its_offer(world: World):
    worker = world.user("link-worker")
    with db.transaction():
        offer = care.record_referral(
            by=worker, person=world.person("own"), source="gp", referred_on=days_ago(3), status="offered"
        )
        id = offer.id
    with pytest.raises(Refused, match="between the referral and today"), db.transaction():
        answer(worker, care_queries.referral(id, by=worker), "accepted", days_ago(4))


def test_comparison_people_stand_in_the_list_of_their_own_site(world: World):
    def followed(who: str) -> list[str]:
        found = agenda.unheld(today(), by=world.user(who))
        return [each.label for each in found.without_referral(50).shown]

    assert followed("pond-keeper") == ["Person Compared"]
    assert followed("link-worker") == followed("outcome-assessor") == []


def test_a_persons_history_is_for_those_who_may_know_their_care(world: World):
    with db.transaction():
        signpost(world, contact=contact(world))
    worker, person = world.user("link-worker"), world.person("own")
    assert [each.minutes for each in people.contacts(person, by=worker)] == [30]
    assert [each.resource.name for each in people.signposts(person, by=worker)] == ["Walking group"]
    assert len(people.referrals(person, by=worker)) == 1
    assert people.service_use(person, by=worker) == []
    for name in ("outcome-assessor", "quay-worker", "evaluator"):
        for look in (people.contacts, people.signposts, people.referrals, people.service_use):
            with pytest.raises(NotFound):
                look(person, by=world.user(name))


def test_the_directory_belongs_to_the_study(world: World):
    assert [each.name for each in resources.resources(by=world.user("link-worker"))] == ["Walking group"]
    assert resources.resources(by=world.user("link-worker"), category="nature") == []
    assert resources.resources(by=world.user("evaluator")) == []
    with pytest.raises(NotFound):
        resources.resource(world.resources["orchard"], by=world.user("link-worker"))


def test_progress_counts_people_and_answers_by_site_without_a_name(world: World):
    with db.transaction():
        assessment(world, "phq9")
        assessment(world, "ons4")
        assessment(world, "phq9", "6m")
    rows = studies.progress(world.study(), today(), by=world.user("evaluator"))
    assert [(row.site, row.arm, row.people, row.answered) for row in rows] == [
        ("mill", "Link worker", 2, {"baseline": 1, "6m": 1}),
        ("pond", "Usual care", 1, {}),
        ("quay", "Link worker", 1, {}),
    ]


@pytest.mark.parametrize("name", ["link-worker", "supervisor", "administrator"])
def test_only_evaluators_see_a_studys_progress(world: World, name: str):
    assert studies.studies(by=world.user(name)) == []
    with pytest.raises(NotFound):
        studies.plan(world.study(), by=world.user(name))
    with pytest.raises(NotFound):
        studies.progress(world.study(), today(), by=world.user(name))
    with pytest.raises(NotFound):
        studies.study(world.studies["garden"], by=world.user(name))


def test_staff_and_their_places_are_for_administrators(world: World):
    admin = world.user("administrator")
    assert [each.name for each in staff_queries.everyone(by=admin)][:2] == ["Ada Admin", "Evaluator"]
    assert staff_queries.places(by=admin)[world.sites["mill"]] == "Mill Practice"
    for look in (staff_queries.everyone, staff_queries.places):
        with pytest.raises(NotFound):
            look(by=world.user("supervisor"))


def test_a_referral_can_be_held_by_active_colleagues_of_the_site(world: World):
    found = staff_queries.link_workers_for(world.person("own"), by=world.user("supervisor"))
    assert [each.name for each in found] == ["Link-Worker", "Supervisor"]
    with pytest.raises(NotFound):
        staff_queries.link_workers_for(world.person("own"), by=world.user("outcome-assessor"))


def test_only_administrators_make_staff_studies_and_sites(world: World):
    worker = world.user("link-worker")
    attempts = (
        lambda: staff.create_user(by=worker, email="x@test.example", name="X", password="a-long-enough-password"),
        lambda: staff.grant(by=worker, user=worker, role="administrator"),
        lambda: study_actions.create_site(by=worker, slug="x", name="X"),
        lambda: staff.appoint(by=worker, user=worker, site=world.site("mill"), fte=1, from_on=today()),
    )
    for attempt in attempts:
        with pytest.raises(Forbidden), db.transaction():
            attempt()


def test_nobody_makes_themselves_the_first_administrator_of_a_running_installation(world: World):
    with pytest.raises(Forbidden), db.transaction():
        staff.create_user(by=None, email="x@test.example", name="X", password="a-long-enough-password")
    with pytest.raises(Forbidden), db.transaction():
        staff.grant(by=None, user=world.user("link-worker"), role="administrator")


def test_an_address_is_given_to_one_account(world: World):
    with pytest.raises(Refused, match="already here") as refused, db.transaction():
        staff.create_user(
            by=world.user("administrator"), email=" Link-Worker@Test.Example ", name="X", password="quiet orchard lamp"
        )
    assert refused.value.field == "email"


def test_a_locked_plan_is_locked_once(world: World):
    with db.transaction():
        study_actions.lock_plan(by=world.user("evaluator"), study=world.study())
    assert world.study().locked_by == world.users["evaluator"]
    with pytest.raises(Conflict, match="locked already"), db.transaction():
        study_actions.lock_plan(by=world.user("evaluator"), study=world.study())


def test_a_plan_with_a_fault_makes_no_study(world: World):
    with pytest.raises(Refused, match=r"plan\.arms: needs exactly two arms"), db.transaction():
        study_actions.create_study(by=world.user("administrator"), plan_text="study = { id = 'x' }")


def test_an_arm_that_the_plan_does_not_have_is_named(world: World):
    with pytest.raises(Refused, match="'third' is not in the study's plan"), db.transaction():
        study_actions.allocate(
            by=world.user("administrator"), study=world.study(), arm="third", site=world.site("mill"),
            from_on=today(), method="other",
        )  # fmt: skip


def test_an_id_that_nobody_has_is_not_found(world: World):
    for look in (scope.person, care_queries.referral, signposts.signpost, people.assessment, studies.study):
        with pytest.raises(NotFound):
            look(uuid.uuid4(), by=world.user("link-worker"))


def test_commands_name_what_is_there_when_asked_for_what_is_not(world: World):
    admin = world.user("administrator")
    with pytest.raises(LookupError, match="study 'x': is not here; known: garden, orchard"):
        command.study("x", by=admin)
    with pytest.raises(LookupError, match="site 'x': is not here; known: mill, pond, quay"):
        command.site("x", by=admin)
    assert command.study("garden", by=admin).id == world.studies["garden"]
    assert command.site("mill", by=admin).id == world.sites["mill"]


def test_a_supervisor_learns_who_withdrew_by_number_and_what_they_wish(world: World):
    (gone,) = caseload.withdrawals(by=world.user("supervisor"))
    assert gone.id == world.people["withdrawn"]
    assert {consent.on_withdrawal for consent in gone.consents} == {"erase"}
    for name in ("link-worker", "outcome-assessor", "pond-keeper", "evaluator", "administrator"):
        assert caseload.withdrawals(by=world.user(name)) == []


def test_the_page_names_nobody_who_withdrew(client, world: World):
    from tests.integration.tracker.test_sign_in import sign_in

    sign_in(client, "supervisor")
    page = client.get("/").get_data(as_text=True)
    assert world.person("withdrawn").study_number in page
    assert "Erase what was recorded" in page
    assert "Person Withdrawn" not in page


def test_everybody_at_ones_sites_is_listed_with_how_they_stand(world: World):
    worker = world.user("link-worker")
    with db.transaction():
        care.close_referral(by=worker, referral=world.referral("own"), closed_on=today(), closure_reason="completed")
    standing = {each.person.label: each.state for each in people.everyone(by=worker)}
    assert standing == {"Person Own": "Closed: support completed", "Person Same-Site": "With a link worker"}
    keeper = {each.person.label: each.state for each in people.everyone(by=world.user("pond-keeper"))}
    assert keeper == {"Person Compared": "Followed without a link worker"}
    for name in ("outcome-assessor", "evaluator", "administrator"):
        assert people.everyone(by=world.user(name)) == []


def test_somebody_who_left_is_listed_with_the_reason(world: World):
    with db.transaction():
        people_actions.leave(
            by=world.user("link-worker"), person=world.person("own"), left_on=today(), left_reason="moved"
        )
    standing = {each.person.label: each.state for each in people.everyone(by=world.user("link-worker"))}
    assert standing["Person Own"] == "Left: moved away"


def test_an_offer_that_was_declined_is_still_findable(world: World):
    worker = world.user("link-worker")
    with db.transaction():
        care.record_referral(
            by=worker, person=world.person("own"), source="gp", referred_on=days_ago(3), status="declined",
            answer_reason="has-support",
        )  # fmt: skip
    standing = {each.person.label: each.state for each in people.everyone(by=worker)}
    assert standing["Person Own"] == "Declined"


def test_the_last_administrator_cannot_be_locked_out(world: World):
    admin = world.user("administrator")
    attempts = (
        lambda: staff.disable_user(by=admin, user=admin, reason="tired"),
        lambda: staff.end_membership(by=admin, membership=admin.memberships[0], reason="tired"),
    )
    for attempt in attempts:
        with pytest.raises(Refused, match=r"only administrator\. Make another one first"), db.transaction():
            attempt()
    with db.transaction():
        staff.grant(by=admin, user=world.user("supervisor"), role="administrator")
        staff.disable_user(by=world.user("supervisor"), user=admin, reason="retired")
    assert not world.user("administrator").active


def test_a_post_and_an_allocation_are_recorded_once(world: World):
    admin = world.user("administrator")
    with pytest.raises(Refused, match=r"overlaps their post of 0\.8 at this site") as refused, db.transaction():
        staff.appoint(by=admin, user=world.user("link-worker"), site=world.site("mill"), fte=0.5, from_on=days_ago(700))
    assert refused.value.field == "from_on"
    with pytest.raises(Refused, match="allocated from that day already"), db.transaction():
        study_actions.allocate(
            by=admin, study=world.study(), arm="comparison", site=world.site("mill"), from_on=days_ago(800),
            method="other",
        )  # fmt: skip
