"""What administrators do on their pages: roles, posts and their overlaps, accounts, sites; and what they do not see."""

from __future__ import annotations

from datetime import date

import pytest
from flask import Flask
from sqlalchemy import select

from tests.integration.tracker.test_second_factor import another, newest
from tests.integration.tracker.visiting import Visit
from tests.world import PASSWORD, World, days_ago
from tracker.actions import staff, studies
from tracker.actions.refusal import Conflict, Refused
from tracker.extensions import db, today
from tracker.models import AuditEvent, Membership, Post, Site
from tracker.permissions import Forbidden, current
from tracker.queries import administration
from tracker.queries.scope import NotFound


@pytest.fixture
def visit(app: Flask, world: World) -> Visit:
    return Visit(app.test_client())


@pytest.fixture
def admin(visit: Visit) -> Visit:
    signed_in = another(visit)
    signed_in.sign_in("administrator")
    return signed_in


def boxes(name: str, day: date | None) -> dict[str, str]:
    parts = (str(day.day), str(day.month), str(day.year)) if day else ("", "", "")
    return dict(zip((f"{name}-day", f"{name}-month", f"{name}-year"), parts, strict=True))


# ------------------------------------------------------------------------------------------ accounts


def test_disabling_somebody_bites_on_their_next_request_and_enabling_lets_them_back(
    visit: Visit, admin: Visit, world: World
):
    visit.sign_in()
    where = f"/staff/{world.users['link-worker']}"
    admin.send(f"{where}/disable", reason="Left in a hurry")
    assert newest() == ("sign_out", "Left in a hurry")
    assert visit.client.get("/").location.startswith("/sign-in")
    assert another(visit).sign_in() == ""
    page = admin.open(where)
    assert "Disabled" in page
    assert "Enable the account" in page
    assert "/disable" not in page
    admin.send(f"{where}/enable", reason="Came back")
    assert newest() == ("enable_user", "Came back")
    assert another(visit).sign_in() == "/"


def test_an_account_is_disabled_and_enabled_once(world: World):
    by, user = world.user("administrator"), world.user("link-worker")
    with pytest.raises(Conflict, match="in use already"), db.transaction():
        staff.enable_user(by=by, user=user, reason="x")
    with db.transaction():
        staff.disable_user(by=by, user=world.user("link-worker"), reason="x")
    with pytest.raises(Conflict, match="disabled already"), db.transaction():
        staff.disable_user(by=by, user=world.user("link-worker"), reason="x")


def test_signing_somebody_out_everywhere_ends_what_is_open_and_keeps_the_reason(
    visit: Visit, admin: Visit, world: World
):
    browsers = [visit, another(visit)]
    for each in browsers:
        each.sign_in()
    page = admin.open(f"/staff/{world.users['link-worker']}")
    assert "Now, on 2 devices" in page
    admin.send(f"/staff/{world.users['link-worker']}/end-sign-ins", reason="Phone was stolen")
    assert all(each.client.get("/").location.startswith("/sign-in") for each in browsers)
    ended = db.session.scalars(select(AuditEvent).where(AuditEvent.action == "sign_out")).all()
    assert [(each.actor_id, each.reason) for each in ended] == [(world.users["administrator"], "Phone was stolen")] * 2


@pytest.mark.parametrize("what", ["disable", "end-sign-ins", "reset-second-factor", "link"])
def test_what_hurts_is_not_done_without_a_reason(visit: Visit, admin: Visit, world: World, what: str):
    visit.sign_in()
    before = newest()
    admin.send(f"/staff/{world.users['link-worker']}/{what}", reason="   ")
    assert (admin.status, admin.fault) == (422, "Say why; the audit trail keeps it")
    assert newest() == before
    assert visit.client.get("/").status_code == 200


def test_the_last_administrator_stays_on_the_page_too(admin: Visit, world: World):
    own = world.user("administrator")
    for path in (f"/staff/{own.id}/disable", f"/roles/{own.memberships[0].id}/end"):
        admin.send(path, reason="Tired of it")
        assert admin.fault == "This is the only administrator. Make another one first."
    assert current(world.user("administrator"))


def test_somebody_who_has_no_password_yet_is_no_other_administrator(world: World):
    with db.transaction():
        admin = world.user("administrator")
        invited = staff.create_user(by=admin, email="new@test.example", name="New", password=None)
        staff.grant(by=admin, user=invited, role="administrator")
    with pytest.raises(Refused, match="only administrator"), db.transaction():
        staff.disable_user(by=world.user("administrator"), user=world.user("administrator"), reason="x")


def test_nobody_else_ends_sign_ins_or_enables(world: World):
    attempts = (
        lambda by, user: staff.end_sign_ins(by=by, user=user),
        lambda by, user: staff.enable_user(by=by, user=user, reason="x"),
        lambda by, user: staff.disable_user(by=by, user=user, reason="x"),
    )
    for attempt in attempts:
        with pytest.raises(Forbidden), db.transaction():
            attempt(world.user("supervisor"), world.user("link-worker"))


# --------------------------------------------------------------------------------------------- roles


def test_a_role_is_given_holds_at_once_and_ends_with_a_reason(visit: Visit, admin: Visit, world: World):
    visit.sign_in("evaluator")
    assert visit.client.get("/people").status_code == 403
    where = f"/staff/{world.users['evaluator']}"
    place = {"study": str(world.studies["garden"]), "site": str(world.sites["quay"])}
    admin.send(f"{where}/roles/new", role="supervisor", **place)
    assert visit.client.get("/people").status_code == 200
    admin.send(f"{where}/roles/new", role="supervisor", **place)
    assert admin.fault == "They hold this role there already. Choose another role, study or site."
    role = db.session.scalars(
        select(Membership.id).where(Membership.user_id == world.users["evaluator"], Membership.role == "supervisor")
    ).one()
    admin.send(f"/roles/{role}/end", reason="Only stood in")
    assert newest() == ("end_membership", "Only stood in")
    assert visit.client.get("/people").status_code == 403
    assert "Ended" in admin.open(where)
    admin.send(f"/roles/{role}/end", reason="Again")
    assert admin.fault == "This role has ended already."


# --------------------------------------------------------------------------------------------- posts


def appoint(world: World, site: str, fte: float, from_on: date, until_on: date | None = None) -> Post:
    return staff.appoint(
        by=world.user("administrator"), user=world.user("quay-worker"), site=world.site(site), fte=fte,
        from_on=from_on, until_on=until_on,
    )  # fmt: skip


OVERLAPS = """
first          second         meets
100-50         49-10          no
100-50         50-10          yes
100-50         120-101        no
100-50         120-100        yes
100-           200-101        no
100-           10-            yes
100-50         90-60          yes
"""


def span(words: str) -> tuple[date, date | None]:
    first, _, last = words.partition("-")
    return days_ago(int(first)), days_ago(int(last)) if last else None


@pytest.mark.parametrize(("first", "second", "meets"), [line.split() for line in OVERLAPS.strip().splitlines()[1:]])
def test_two_posts_at_one_site_share_no_day(world: World, first: str, second: str, meets: str):
    with db.transaction():
        appoint(world, "quay", 0.5, *span(first))
    if meets == "no":
        with db.transaction():
            appoint(world, "quay", 0.4, *span(second))
        return
    with pytest.raises(Refused, match=r"This overlaps their post of 0\.5 at this site") as refused, db.transaction():
        appoint(world, "quay", 0.4, *span(second))
    assert refused.value.field == "from_on"


def test_posts_at_two_sites_may_overlap_and_the_page_names_it(admin: Visit, world: World):
    with db.transaction():
        appoint(world, "quay", 0.6, days_ago(300), days_ago(201))
        appoint(world, "quay", 0.8, days_ago(200))
        appoint(world, "mill", 0.5, days_ago(100))
        appoint(world, "pond", 0.2, days_ago(400), days_ago(301))
    account = administration.account(world.user("quay-worker"), by=world.user("administrator"))
    told = [(held.site, held.post.fte, [other.site for other in held.meanwhile]) for held in account.posts]
    assert told == [
        ("Mill Practice", 0.5, ["Quay Practice"]), ("Quay Practice", 0.8, ["Mill Practice"]),
        ("Quay Practice", 0.6, []), ("Pond Practice", 0.2, []),
    ]  # fmt: skip
    assert account.most_fte == pytest.approx(1.3)
    page = admin.open(f"/staff/{world.users['quay-worker']}")
    assert "at the same time 0.8 at Quay Practice" in page
    assert "Together the posts make 1.3 of a full-time post on some days" in page


def test_a_post_is_added_and_ended_on_the_pages(admin: Visit, world: World):
    where = f"/staff/{world.users['quay-worker']}"
    site = str(world.sites["quay"])
    admin.send(f"{where}/posts/new", site=site, fte="0,75", **boxes("from_on", days_ago(60)), **boxes("until_on", None))
    post = db.session.scalars(select(Post).where(Post.user_id == world.users["quay-worker"])).one()
    assert (post.fte, post.from_on, post.until_on) == (0.75, days_ago(60), None)
    admin.send(f"/posts/{post.id}/end", reason="Hours change", **boxes("until_on", days_ago(61)))
    assert admin.fault.startswith("The post begins on ")
    admin.send(f"/posts/{post.id}/end", reason="Hours change", **boxes("until_on", today()))
    assert newest() == ("end_post", "Hours change")
    db.session.rollback()
    assert db.session.scalars(select(Post.until_on).where(Post.id == post.id)).one() == today()


@pytest.mark.parametrize("fte", ["0", "2.5", "-1", "1e1", "half", "0.8888", "nan", "٠.٥", "9" * 400])
def test_an_fte_is_a_share_in_plain_figures(admin: Visit, world: World, fte: str):
    admin.send(
        f"/staff/{world.users['quay-worker']}/posts/new", site=str(world.sites["quay"]), fte=fte,
        **boxes("from_on", days_ago(60)), **boxes("until_on", None),
    )  # fmt: skip
    assert admin.status == 422
    assert admin.fault in ("Enter a share such as 0.8, or 1 for full time", "Enter 0.01 to 2")
    assert f'value="{fte}"' in admin.page


def test_a_post_that_ends_before_it_begins_is_refused_beside_its_last_day(admin: Visit, world: World):
    admin.send(
        f"/staff/{world.users['quay-worker']}/posts/new", site=str(world.sites["quay"]), fte="1",
        **boxes("from_on", days_ago(6)), **boxes("until_on", days_ago(7)),
    )  # fmt: skip
    assert admin.fault == "The post ends before it begins. Enter a later last day."


# --------------------------------------------------------------------------------------------- sites

DETAILS = {
    "name": "Reed Lane", "ods_code": "A81001", "list_size": "8200", "deprivation": "3",
    "deprivation_index": "imd2019-quintile",
}  # fmt: skip


def test_a_site_is_added_renamed_and_keeps_its_id(admin: Visit, world: World):
    admin.send("/sites/new", slug="reed-lane", **DETAILS)
    assert admin.status == 302
    site = db.session.scalars(select(Site).where(Site.slug == "reed-lane")).one()
    assert (site.name, site.ods_code, site.list_size, site.deprivation) == ("Reed Lane", "A81001", 8200, 3)
    admin.send(f"/sites/{site.id}/edit", **DETAILS | {"name": "Reed Lane Surgery", "ods_code": "", "list_size": ""})
    db.session.rollback()
    site = db.session.scalars(select(Site).where(Site.slug == "reed-lane")).one()
    assert (site.name, site.ods_code, site.list_size) == ("Reed Lane Surgery", None, None)
    assert newest()[0] == "change_site"
    assert "Reed Lane Surgery" in admin.open("/sites")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"slug": "mill"}, "There is a site with this id already. Choose another id."),
        ({"slug": "Mill Lane"}, "Use small letters, digits and hyphens for the id, such as ash-lane"),
        ({"deprivation": "3", "deprivation_index": ""}, "A deprivation says nothing without its index. Give both, or neither."),
        ({"deprivation": ""}, "A deprivation says nothing without its index. Give both, or neither."),
        ({"deprivation": "7"}, "7 is not a quintile. Enter 1 to 5, or choose a decile index."),
        ({"deprivation": "11", "deprivation_index": "imd2019-decile"}, "Enter a decile or quintile: 1 is the most deprived"),
        ({"list_size": "-3"}, "Enter a number up to 10 million"),
        ({"ods_code": "A8100100000"}, "ODS code (if it has one) has 11 characters. Shorten it to 10."),
    ],
)  # fmt: skip
def test_a_site_with_a_fault_is_refused_and_says_which(admin: Visit, world: World, changes: dict, words: str):
    admin.send("/sites/new", **({"slug": "reed-lane"} | DETAILS | changes))
    assert (admin.status, admin.fault) == (422, words)


def test_a_site_that_somebody_else_changed_meanwhile_is_not_overwritten(admin: Visit, world: World):
    path = f"/sites/{world.sites['mill']}/edit"
    admin.open(path)
    with db.transaction():
        studies.change_site(
            by=world.user("administrator"), site=world.site("mill"), version=1, name="Mill Surgery", details={}
        )
    admin.send_on(path, **DETAILS)
    assert admin.fault.startswith("Somebody else changed this record meanwhile")
    assert 'value="Reed Lane"' in admin.page
    assert world.site("mill").name == "Mill Surgery"


def test_the_arms_of_a_site_are_shown_and_not_changed_there(admin: Visit, world: World):
    page = admin.open("/sites")
    assert "Link worker, from" in page
    assert "Usual care, from" in page
    assert "allocat" not in admin.open(f"/sites/{world.sites['mill']}/edit")


# ------------------------------------------------------------------------------------ what stays unseen


def test_no_page_of_an_administrator_shows_anybody_who_is_cared_for(admin: Visit, world: World):
    pages = [
        "/staff", "/sites", "/staff/invite", "/sites/new",
        *(f"/staff/{id}{rest}" for id in world.users.values() for rest in ("", "/roles/new", "/posts/new", "/disable")),
    ]  # fmt: skip
    numbers = [world.person(name).study_number for name in world.people]
    for path in pages:
        page = admin.open(path)
        assert admin.status == 200, path
        assert "Person " not in page
        assert not [number for number in numbers if number in page]


def test_no_secret_of_a_colleague_stands_on_their_page(visit: Visit, admin: Visit, world: World):
    visit.sign_in()
    user = world.user("link-worker")
    page = admin.open(f"/staff/{user.id}")
    for secret in (user.password, user.fs_uniquifier, "127.0.0.1", PASSWORD):
        assert secret not in page


@pytest.mark.parametrize("name", ["link-worker", "supervisor", "outcome-assessor", "evaluator"])
def test_what_is_an_administrator_s_is_not_found_by_others(world: World, name: str):
    by, user = world.user(name), world.user("link-worker")
    looks = (
        lambda: administration.colleague(user.id, by=by), lambda: administration.account(user, by=by),
        lambda: administration.membership(user.memberships[0].id, by=by), lambda: administration.sites(by=by),
        lambda: administration.site(world.sites["mill"], by=by), lambda: administration.all_sites(by=by),
        lambda: administration.all_studies(by=by), lambda: administration.study(world.studies["garden"], by=by),
        lambda: administration.post(db.session.scalars(select(Post.id)).first(), by=by),
    )  # fmt: skip
    for look in looks:
        with pytest.raises(NotFound):
            look()


def test_a_state_of_an_account_is_told_in_words(admin: Visit, world: World):
    with db.transaction():
        by = world.user("administrator")
        invited = staff.create_user(by=by, email="new@test.example", name="New", password=None)
        id = invited.id
    page = admin.open(f"/staff/{id}")
    assert "The link is no longer good: make a new one." in page
    assert "No role yet" in page
    assert "Invited" in admin.open("/staff")
