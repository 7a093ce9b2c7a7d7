"""Every route, every role, every kind of record: who gets in. A route that this table does not know fails the suite."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from flask import Flask
from sqlalchemy import func, select
from werkzeug.routing import Rule

from tests.integration.tracker.test_sign_in import sign_in
from tests.world import PASSWORD, ROLES, World, days_ago
from tracker.actions import second_factor, staff
from tracker.extensions import db
from tracker.models import (
    Assessment,
    AuditEvent,
    Base,
    Contact,
    FaultReport,
    Goal,
    Post,
    Resource,
    SafetyFlag,
    SelfCompletion,
    SignIn,
    Signpost,
)
from tracker.views import gate

KINDS = ("own", "same-site", "other-site", "other-study", "withdrawn")

# What each role opens, for routes about one record: the kinds of record, or `-`. w worker, o assessor, s supervisor,
# e evaluator, a administrator. SITE is own and same-site; what is not listed is answered "not found".
SITE = ("own", "same-site")
ABOUT_A_RECORD = """
route                 w     o     s     e     a
people.view           SITE  SITE  SITE  -     -
people.details        SITE  -     SITE  -     -
people.entry          SITE  -     SITE  -     -
referrals.add         SITE  -     SITE  -     -
referrals.needs       SITE  -     SITE  -     -
referrals.answer      SITE  -     SITE  -     -
referrals.hand_over   SITE  -     SITE  -     -
referrals.close       SITE  -     SITE  -     -
referrals.closed      SITE  -     SITE  -     -
referrals.reopen      SITE  -     SITE  -     -
goals.add             SITE  -     SITE  -     -
goals.progress        SITE  -     SITE  -     -
goals.reword          SITE  -     SITE  -     -
safety.add            SITE  -     SITE  -     -
safety.review         SITE  -     SITE  -     -
people.leave          SITE  -     SITE  -     -
people.consent        SITE  -     SITE  -     -
people.withdraw       SITE  -     SITE  -     -
contacts.log          SITE  -     SITE  -     -
contacts.again        SITE  -     SITE  -     -
signposts.add         SITE  -     SITE  -     -
signposts.answer      SITE  -     SITE  -     -
assessments.add       SITE  SITE  SITE  -     -
assessments.keep_sent SITE  SITE  SITE  -     -
assessments.discard   SITE  SITE  SITE  -     -
questions.start       SITE  SITE  SITE  -     -
questions.ask         SITE  SITE  SITE  -     -
questions.check       SITE  SITE  SITE  -     -
assessments.miss      SITE  SITE  SITE  -     -
assessments.view      SITE  SITE  SITE  -     -
assessments.correct   SITE  SITE  SITE  -     -
attendance.add        SITE  -     SITE  -     -
self_completion.ask   SITE  SITE  SITE  -     -
self_completion.end   SITE  SITE  SITE  -     -
"""
# A contact is corrected by whoever logged it and by supervisors: `test_a_contact_is_corrected_by...` below.
OF_ITS_OWN = {"contacts.correct"}
# Routes about no person: y opens, n does not.
ABOUT_NOBODY = """
route                 w  o  s  e  a
home.start            y  y  y  y  y
home.nothing          y  y  y  y  y
people.choose_site    y  n  y  n  n
people.everyone       y  n  y  n  n
people.search         y  y  y  n  n
referrals.unanswered  y  n  y  n  n
team.overview         n  n  y  n  n
results.view          y  n  y  n  n
resources.directory   y  n  y  n  n
resources.uptake      n  n  y  n  n
signposts.waiting     y  n  y  n  n
assessments.due       y  y  y  n  n
studies.overview      n  n  n  y  n
staff.everyone        n  n  n  n  y
library.every         y  y  y  y  y
library.one           y  y  y  y  y
library.words         n  n  n  n  y
library.template      n  n  n  n  y
library.switch        n  n  n  n  y
staff.invite          n  n  n  n  y
sites.everyone        n  n  n  n  y
sites.add             n  n  n  n  y
"""
# Routes about a member of staff, a role, a post or a site: for administrators, whoever it is about.
ABOUT_STAFF = """
route                      w  o  s  e  a
staff.view                 n  n  n  n  y
staff.new_link             n  n  n  n  y
staff.disable              n  n  n  n  y
staff.enable               n  n  n  n  y
staff.end_sign_ins         n  n  n  n  y
staff.reset_second_factor  n  n  n  n  y
staff.grant                n  n  n  n  y
staff.end_role             n  n  n  n  y
staff.appoint              n  n  n  n  y
staff.end_post             n  n  n  n  y
sites.edit                 n  n  n  n  y
"""
# Routes about a colleague at a site that one supervises; of anybody else they are unknown.
OF_A_TEAM = """
route                 w  o  s  e  a
team.hand_over        n  n  y  n  n
"""
# Everybody's own account; `own` routes are about something that only its owner finds.
OWN_ACCOUNT = {
    "account.view", "account.begin", "account.change_password", "account.change_appearance", "account.add_app",
    "account.remove_app", "account.add_passkey", "account.recovery_codes", "account.end_others", "security.verify",
}  # fmt: skip
HELD = {"held_forms.keep", "held_forms.discard"}
"""Open for everybody signed in, for the addresses of their own forms: see test_held_forms."""
OWN_THINGS = {"account.end_sign_in", "account.remove_passkey"}
# Routes about a study, a site of a study or an entry of its directory: open for one's own study (and site), not found
# for any other.
ABOUT_A_STUDY = """
route                 w  o  s  e  a
people.add            y  n  y  n  n
resources.add         y  n  y  n  n
resources.view        y  n  y  n  n
resources.edit        y  n  y  n  n
resources.check       y  n  y  n  n
resources.report      y  n  y  n  n
resources.settle      y  n  y  n  n
studies.view          n  n  n  y  n
studies.plan          n  n  n  y  n
"""
PUBLIC = {
    "static", "security.login", "second_step.ask", "second_step.recover", "second_step.use_passkey",
    "invitations.arrive", "invitations.accept", "answers.arrive", "answers.start", "answers.answer", "answers.help_now",
    "answers.check", "answers.thank_you", "answers.stop", "answers.stopped",
} | {
    f"open_referral.{name}"
    for name in (
        "about", "services", "service", "service_at_locations", "service_at_location", "organizations", "organization",
        "taxonomies", "taxonomy", "taxonomy_terms", "taxonomy_term",
    )
}  # fmt: skip
"""The feed is for everybody once it is switched on; what it then shows is held in test_open_referral_feed. The pages of
people who answer alone open by a cookie of their own: see test_answering_alone."""
SIGNED_IN = {"security.logout"}
CLOSED = {
    "security.static", "security.tf_select", "security.two_factor_rescue", "security.two_factor_setup",
    "security.two_factor_setup_validate", "security.two_factor_token_validation",
}  # fmt: skip
"""Routes that the sign-in library brings and nobody needs: they have no rule, so they open for nobody."""


def drawn(table: str) -> dict[tuple[str, str], str]:
    _, *lines = table.strip().splitlines()
    cells = {}
    for line in lines:
        route, *marks = line.split()
        cells |= {(route, role): mark for role, mark in zip(ROLES, marks, strict=True)}
    return cells


RECORDS, NOBODY, STUDIES = drawn(ABOUT_A_RECORD), drawn(ABOUT_NOBODY), drawn(ABOUT_A_STUDY)
STAFF, TEAM = drawn(ABOUT_STAFF), drawn(OF_A_TEAM)


@pytest.fixture
def records(app: Flask, world: World) -> dict[str, dict[str, uuid.UUID]]:
    """An assessment and a signpost of every kind of person; written past the rules, which would refuse some."""
    made: dict[str, dict[str, uuid.UUID]] = {kind: {} for kind in KINDS}
    app.config["WTF_CSRF_ENABLED"] = False
    with db.transaction() as session:
        for kind in KINDS:
            person = world.people[kind]
            assessment = Assessment(
                client_key=uuid.uuid4(), person_id=person, instrument="phq9", instrument_version="1",
                timepoint="baseline", assessed_on=days_ago(190), mode="in-person", respondent="self",
                status="missed", missing_reason="not-reached", recorded_by=world.users["supervisor"],
            )  # fmt: skip
            resource = world.resources["orchard" if kind == "other-study" else "garden"]
            signpost = Signpost(
                client_key=uuid.uuid4(), person_id=person, resource_id=resource, signposted_on=days_ago(3),
                kind="referral", outcome="unknown", recorded_by=world.users["supervisor"],
            )  # fmt: skip
            flag = SafetyFlag(
                person_id=person, kind="not-alone", review_on=days_ago(-30), recorded_by=world.users["supervisor"]
            )
            goal = Goal(
                person_id=person, words="Walk to the shop", set_on=days_ago(3), recorded_by=world.users["supervisor"]
            )
            asked = SelfCompletion(
                person_id=person, timepoint="6m", way="link", digest=uuid.uuid4().hex, valid_until=datetime.now(UTC),
                recorded_by=world.users["supervisor"],
            )  # fmt: skip
            session.add_all([assessment, signpost, flag, goal, asked])
            session.flush()
            made[kind] = {
                "person_id": person, "referral_id": world.referrals[kind], "assessment_id": assessment.id,
                "signpost_id": signpost.id, "flag_id": flag.id, "goal_id": goal.id, "asked_id": asked.id,
            }  # fmt: skip
    return made


@pytest.fixture
def entries(world: World) -> dict[str, dict[str, uuid.UUID]]:
    """The entry of each study's directory, and what is reported wrong with it."""
    with db.transaction() as session:
        reports = {
            study: FaultReport(resource_id=resource, reason="Moved", recorded_by=world.users["supervisor"])
            for study, resource in world.resources.items()
        }
        session.add_all(reports.values())
        session.flush()
        return {
            study: {"resource_id": world.resources[study], "report_id": report.id} for study, report in reports.items()
        }


def routes(app: Flask) -> Iterator[Rule]:
    yield from app.url_map.iter_rules()


def addresses(app: Flask, endpoint: str, values: dict) -> Iterator[tuple[str, str]]:
    """Each method and address of a route for one record."""
    for rule in app.url_map.iter_rules(endpoint):
        with app.test_request_context():
            from flask import url_for

            asked = "eq5d-5l" if endpoint.startswith("library.") else "phq9"
            known = {**values, "instrument_id": asked, "timepoint_id": "6m", "number": 1}
            url = url_for(endpoint, **{name: known[name] for name in rule.arguments})
        for method in sorted((rule.methods or set()) & {"GET", "POST"}):
            yield method, url


def rows() -> dict[str, int | None]:
    tables = [mapper.class_ for mapper in Base.registry.mappers if mapper.class_ not in (SignIn, AuditEvent)]
    return {kind.__tablename__: db.session.scalar(select(func.count()).select_from(kind)) for kind in tables}


def test_the_table_knows_every_route_and_no_other(app: Flask):
    known = {route for route, _ in RECORDS | NOBODY | STUDIES | STAFF | TEAM} | OWN_ACCOUNT | OWN_THINGS
    assert {rule.endpoint for rule in routes(app)} == known | HELD | OF_ITS_OWN | PUBLIC | SIGNED_IN | CLOSED


def test_every_route_declares_who_opens_it(app: Flask):
    undeclared = [rule.endpoint for rule in routes(app) if not gate.rule_of(app, rule.endpoint)]
    assert set(undeclared) == CLOSED


def test_a_route_without_a_rule_opens_for_nobody(app: Flask, world: World):
    app.add_url_rule("/forgotten", "forgotten", lambda: "secret")
    client = app.test_client()
    sign_in(client, "administrator")
    assert client.get("/forgotten").status_code == 403


def test_strangers_are_sent_to_sign_in_from_every_page(app: Flask, world: World, records, entries):
    values = {
        **records["own"],
        **entries["garden"],
        "study_id": world.studies["garden"],
        "site_id": world.sites["mill"],
    }
    client = app.test_client()
    values |= staff_places(world) | {
        "worker_id": world.users["link-worker"],
        "sign_in_id": uuid.uuid4(),
        "passkey_id": uuid.uuid4(),
    }
    for endpoint in {route for route, _ in RECORDS | NOBODY | STUDIES | STAFF | TEAM} | OWN_ACCOUNT | OWN_THINGS:
        for method, url in addresses(app, endpoint, values):
            response = client.open(url, method=method)
            assert (response.status_code, response.location.split("?")[0]) == (302, "/sign-in"), (method, url)


@pytest.mark.parametrize("role", ROLES)
def test_each_role_opens_what_the_table_says_and_nothing_else(app: Flask, world: World, records, role: str):
    client = app.test_client()
    sign_in(client, role)
    before = rows()
    for (endpoint, whose), mark in RECORDS.items():
        for kind in KINDS if whose == role else ():
            expected = "role" if mark == "-" else "open" if kind in SITE else "unknown"
            for method, url in addresses(app, endpoint, records[kind]):
                _expect(client.open(url, method=method).status_code, expected, (role, method, endpoint, kind))
    for (endpoint, whose), mark in NOBODY.items():
        for method, url in addresses(app, endpoint, {}) if whose == role else ():
            expected = "open" if mark == "y" else "role"
            _expect(client.open(url, method=method).status_code, expected, (role, method, endpoint))
    assert rows() == before


@pytest.mark.parametrize("role", ROLES)
def test_each_role_opens_its_own_study_and_site_and_no_other(app: Flask, world: World, records, entries, role: str):
    client = app.test_client()
    sign_in(client, role)
    places = [("garden", "mill", "open"), ("orchard", "mill", "unknown"), ("orchard", "quay", "unknown")]
    for (endpoint, whose), mark in STUDIES.items():
        for study, site, expected in places if whose == role else ():
            values = {"study_id": world.studies[study], "site_id": world.sites[site], **entries[study]}
            for method, url in addresses(app, endpoint, values):
                wanted = expected if mark == "y" else "role"
                _expect(client.open(url, method=method).status_code, wanted, (role, method, endpoint, study))


def staff_places(world: World) -> dict[str, uuid.UUID]:
    """Something of a colleague's: their account, a role, a post, and the site."""
    worker = world.user("link-worker")
    post = db.session.scalar(select(Post.id).where(Post.user_id == worker.id))
    assert post is not None
    return {
        "user_id": worker.id, "membership_id": worker.memberships[0].id, "post_id": post, "site_id": world.sites["mill"],
    }  # fmt: skip


@pytest.mark.parametrize("role", ROLES)
def test_only_administrators_open_what_is_about_staff(app: Flask, world: World, records, role: str):
    client = app.test_client()
    sign_in(client, role)
    before = rows()
    for (endpoint, whose), mark in STAFF.items():
        for method, url in addresses(app, endpoint, staff_places(world)) if whose == role else ():
            _expect(client.open(url, method=method).status_code, "open" if mark == "y" else "role", (role, endpoint))
    assert rows() == before


@pytest.mark.parametrize("role", ROLES)
def test_only_supervisors_open_what_is_about_their_team_and_of_no_other(app: Flask, world: World, role: str):
    app.config["WTF_CSRF_ENABLED"] = False
    client = app.test_client()
    sign_in(client, role)
    before = rows()
    for (endpoint, whose), mark in TEAM.items():
        for name, expected in (("link-worker", "open"), ("quay-worker", "unknown"), ("orchard-worker", "unknown")):
            for method, url in addresses(app, endpoint, {"worker_id": world.users[name]}) if whose == role else ():
                found = "open" if "unassigned" in url else expected
                _expect(client.open(url, method=method).status_code, found if mark == "y" else "role", (role, url))
    assert rows() == before


@pytest.mark.parametrize("endpoint", sorted({route for route, _ in STAFF}))
def test_staff_and_sites_that_are_not_there_are_unknown(app: Flask, world: World, records, endpoint: str):
    client = app.test_client()
    sign_in(client, "administrator")
    for method, url in addresses(app, endpoint, {name: uuid.uuid4() for name in staff_places(world)}):
        assert client.open(url, method=method).status_code == 404


@pytest.mark.parametrize("role", ROLES)
def test_everybody_opens_their_own_account(app: Flask, world: World, records, role: str):
    client = app.test_client()
    sign_in(client, role)
    before = rows()
    for endpoint in sorted(OWN_ACCOUNT):
        for method, url in addresses(app, endpoint, {}):
            _expect(client.open(url, method=method).status_code, "open", (role, method, endpoint))
    assert rows() == before


@pytest.mark.parametrize("role", ROLES)
def test_what_is_somebody_else_s_own_is_unknown_to_everyone(app: Flask, world: World, records, role: str):
    with db.transaction():
        pond_keeper = world.user("pond-keeper")
        passkey = second_factor.add_passkey(
            by=pond_keeper, name="Phone", credential_id=b"1", public_key=b"2", sign_count=0
        )
        theirs = {"sign_in_id": staff.start_sign_in(by=pond_keeper).id, "passkey_id": passkey.id}
    client = app.test_client()
    sign_in(client, role)
    for endpoint in sorted(OWN_THINGS):
        for method, url in addresses(app, endpoint, theirs):
            _expect(client.open(url, method=method, data={"sure": "yes"}).status_code, "unknown", (role, endpoint))


def _expect(status: int, expected: str, what: tuple) -> None:
    """An open page answers, keeps, redirects or rejects an empty form; a page of another role is forbidden; else unknown."""
    allowed = {"open": (200, 204, 302, 422), "role": (403,), "unknown": (404,)}[expected]
    assert status in allowed, (*what, status, expected)


@pytest.mark.parametrize("role", ["link-worker", "supervisor"])
def test_another_site_of_ones_own_study_is_unknown_when_adding_people(app: Flask, world: World, role: str):
    client = app.test_client()
    sign_in(client, role)
    url = f"/studies/{world.studies['garden']}/sites/{world.sites['quay']}/people/new"
    assert client.get(url).status_code == 404


# Who opens the correction of a contact that the link worker logged with each kind of person.
CORRECTIONS = {
    "link-worker": {"own": 200, "same-site": 200}, "supervisor": {"own": 200, "same-site": 200},
    "site-worker": {"own": 403, "same-site": 403}, "outcome-assessor": {}, "evaluator": {}, "administrator": {},
}  # fmt: skip


@pytest.mark.parametrize("who", CORRECTIONS)
def test_a_contact_is_corrected_by_whoever_logged_it_and_by_supervisors_of_its_site(
    app: Flask, world: World, records, who: str
):
    with db.transaction() as session:
        made = {}
        for kind in KINDS:
            made[kind] = Contact(
                client_key=uuid.uuid4(), referral_id=world.referrals[kind], worker_id=world.users["link-worker"],
                contacted_on=days_ago(2), mode="phone", attendance="attended", minutes=10,
                recorded_by=world.users["link-worker"],
            )  # fmt: skip
        session.add_all(made.values())
        session.flush()
        ids = {kind: each.id for kind, each in made.items()}
        admin, colleague = world.user("administrator"), "site-worker@test.example"
        user = staff.create_user(by=admin, email=colleague, name="Site Worker", password=PASSWORD)
        staff.grant(by=admin, user=user, role="link-worker", study=world.study(), site=world.site("mill"))
    client = app.test_client()
    sign_in(client, who)
    without_care = 404 if CORRECTIONS[who] else 403
    for kind in KINDS:
        for send in (client.get, client.post):
            status = send(f"/contacts/{ids[kind]}/edit").status_code
            expected = CORRECTIONS[who].get(kind, without_care)
            assert status == expected or (status, expected) == (422, 200), (who, kind)


def test_an_assessors_page_says_nothing_of_arm_contacts_or_signposts(app: Flask, world: World, records):
    client = app.test_client()
    sign_in(client, "outcome-assessor")
    page = client.get(f"/people/{world.people['own']}").get_data(as_text=True)
    assert "Person Own" in page
    for told in ("Link worker", "link worker offered", "Usual care", "Walking group", "Log a contact", "Referred"):
        assert told not in page.replace("Link worker kit", "")


def test_no_directory_entry_of_another_study_can_be_signposted_to(app: Flask, world: World, records):
    client = app.test_client()
    sign_in(client, "link-worker")
    orchard = db.session.scalar(select(Resource.id).where(Resource.study_id == world.studies["orchard"]))
    page = client.get(f"/people/{world.people['own']}/signposts/new").get_data(as_text=True)
    assert str(world.resources["garden"]) in page
    assert str(orchard) not in page
