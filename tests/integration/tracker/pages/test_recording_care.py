"""Contacts, signposts, the directory and attendances: what is saved, what comes back, and what a second sending does."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select

from tests.integration.tracker.pages.conftest import Desk, newest_event, written
from tests.integration.tracker.pages.forms import (
    ADD_RESOURCE,
    ATTEND,
    CAME_OF,
    CLOSE,
    CORRECT_CONTACT,
    LOG,
    SIGNPOST,
    SIGNPOSTS,
    Ago,
    Form,
)  # fmt: skip
from tests.integration.tracker.pages.reading import check_kept, check_rejected
from tests.world import days_ago
from tracker.extensions import db
from tracker.models import AuditEvent, Contact, Resource, ServiceUse, Signpost

OFF_LIST = "Choose one of the answers on this page"
RELOAD = "Reload the page and send it again"


def newest(kind: type) -> object:
    db.session.rollback()
    return db.session.scalars(select(kind).order_by(kind.recorded_at.desc()).limit(1)).one()  # type: ignore[attr-defined]


def check_fault(desk: Desk, form: Form, changes: dict[str, object], field: str, says: str) -> None:
    """The form comes back with its one fault and everything that was typed; nothing is written."""
    before = written()
    page, sent = desk.submit(form, **changes)
    check_rejected(page, field, says)
    assert list(page.errors) == [field]
    check_kept(page, {name: value for name, value in sent.items() if value != "pigeon"})
    assert written() == before


# -------------------------------------------------------------------------------------- contacts


def test_a_contact_keeps_everything_that_was_typed(desk: Desk):
    page, sent = desk.submit(LOG)
    made = newest(Contact)
    assert page.location == "/"
    assert (made.mode, made.attendance, made.minutes, made.travel_minutes) == ("phone", "attended", 35, 10)
    assert (made.topics, made.note, made.contacted_on) == ("Money, housing", "Prefers mornings", days_ago(2))
    assert str(made.client_key) == sent["client_key"]
    assert made.worker_id == desk.world.users["link-worker"]
    assert "was saved." in desk.open("link-worker", "/").text


def test_a_contact_stands_on_the_persons_page(desk: Desk):
    desk.submit(LOG)
    shown = desk.open("link-worker", "/people/{own}").text
    assert "Phone, 35 minutes Attended Link-Worker, travel 10 minutes. Money, housing. Prefers mornings" in shown


def test_a_note_keeps_its_lines_and_nothing_a_reader_cannot_see(desk: Desk):
    desk.submit(LOG, note="  First line\r\nSecond\tline\x00\x1b[31m \r\n")
    assert newest(Contact).note == "First line\nSecond\tline[31m"


def test_an_attempt_without_an_answer_needs_no_minutes(desk: Desk):
    desk.submit(LOG, attendance="attempted", minutes="")
    assert (newest(Contact).attendance, newest(Contact).minutes) == ("attempted", 0)


WRONG_MINUTES = "Minutes must be between 1 and 480. Enter how long the contact took."
CONTACT_FAULTS = [
    ({"mode": ""}, "mode", "Choose how the contact was made"),
    ({"mode": "pigeon"}, "mode", OFF_LIST),
    ({"attendance": "pigeon"}, "attendance", OFF_LIST),
    ({"minutes": ""}, "minutes", "Enter how many minutes the contact took"),
    ({"minutes": "0"}, "minutes", WRONG_MINUTES),
    ({"minutes": "-5"}, "minutes", WRONG_MINUTES),
    ({"minutes": "2000"}, "minutes", WRONG_MINUTES),
    ({"minutes": "481"}, "minutes", WRONG_MINUTES),
    ({"minutes": "1.5"}, "minutes", "Minutes must be a whole number, such as 15"),
    ({"minutes": "half an hour"}, "minutes", "Minutes must be a whole number, such as 15"),
    ({"minutes": "1e9"}, "minutes", "Minutes must be a whole number, such as 15"),
    ({"travel_minutes": "481"}, "travel_minutes", "Enter 0 to 480 minutes of travel"),
    ({"travel_minutes": "-1"}, "travel_minutes", "Enter 0 to 480 minutes of travel"),
    ({"contacted_on": Ago(-1)}, "contacted_on", "Date is in the future. Enter today or an earlier date."),
    ({"contacted_on-day": "31", "contacted_on-month": "2", "contacted_on-year": "2026"}, "contacted_on",
     "31 2 2026 is not a real date. Enter one such as 31 3 2025"),
    ({"contacted_on-year": ""}, "contacted_on", "Date needs a day, a month and a year, such as 31 3 2025"),
    ({"contacted_on-day": "", "contacted_on-month": "", "contacted_on-year": ""}, "contacted_on",
     "Enter the date of the contact"),
    ({"topics": "t" * 401}, "topics", "Topics has 401 characters. Shorten it to 400."),
    ({"note": "n" * 4001}, "note", "Private note has 4,001 characters. Shorten it to 4,000."),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "field", "says"), CONTACT_FAULTS)
def test_a_contact_with_a_fault_comes_back_whole(desk: Desk, changes: dict[str, object], field: str, says: str):
    check_fault(desk, LOG, changes, field, says)


def test_a_contact_before_the_referral_says_when_that_was(desk: Desk):
    referred = days_ago(200)
    day = f"{referred.day} {referred:%B %Y}"
    says = f"The contact is before the referral of {day}. Enter that day or a later one."
    check_fault(desk, LOG, {"contacted_on": Ago(201)}, "contacted_on", says)


def test_a_contact_after_the_referral_was_closed_is_told_beside_its_date(desk: Desk):
    sent = desk.fill(LOG, contacted_on=Ago(0))
    desk.submit(CLOSE, closed_on=Ago(1))
    before = written()
    page = desk.send(LOG.who, LOG.path, sent)
    assert list(page.errors) == ["contacted_on"]
    assert "referral was closed" in page.errors["contacted_on"]
    check_kept(page, sent)
    assert written() == before


def test_what_is_folded_away_opens_when_something_in_it_is_wrong(desk: Desk):
    folded = desk.open(LOG.who, LOG.path)
    assert "open" not in folded.main.all("details")[0].attributes
    page, _ = desk.submit(LOG, travel_minutes="999")
    assert "open" in page.main.all("details")[0].attributes


def test_the_next_contact_stands_on_the_page(desk: Desk):
    desk.submit(LOG)
    assert newest(Contact).next_contact_on == days_ago(-20)
    assert "Next contact on" in desk.open("link-worker", "/people/{own}").text


@pytest.mark.parametrize(
    ("when", "says"),
    [
        (Ago(1), "Next contact, on another day is in the past. Enter today or a later date."),
        (Ago(-400), "The next contact must lie within a year after this one. Correct the date."),
    ],
)
def test_a_next_contact_that_cannot_be_is_told_beside_its_date(desk: Desk, when: Ago, says: str):
    check_fault(desk, LOG, {"next_contact_on": when}, "next_contact_on", says)


def test_the_way_of_the_last_contact_is_chosen_already_and_the_rest_is_not(desk: Desk):
    desk.submit(LOG, mode="home", minutes=55)
    page = desk.open(LOG.who, LOG.path)
    assert (page.typed["mode"], page.typed["attendance"], page.typed["minutes"]) == ("home", "attended", "")


def test_the_same_again_is_logged_today_with_one_button_and_without_note_or_next_date(desk: Desk):
    desk.submit(LOG, mode="home", minutes=55)
    page = desk.open(LOG.who, LOG.path)
    assert "home visit, attended, 55 minutes and 10 of travel" in page.text
    (button,) = [form for form in page.main.all("form") if form["action"].endswith("/contacts/again")]
    sent = {each["name"]: each["value"] for each in button.all("input")}
    address = desk.address("/referrals/{referral}/contacts/again")
    for _ in range(3):
        assert desk.send(LOG.who, address, sent).location == "/"
    made = newest(Contact)
    assert (made.mode, made.minutes, made.travel_minutes, made.topics) == ("home", 55, 10, "Money, housing")
    assert (made.contacted_on, made.note, made.next_contact_on) == (days_ago(0), None, None)
    assert db.session.scalar(select(func.count()).where(Contact.contacted_on == days_ago(0))) == 1


def test_there_is_no_same_again_before_the_first_contact_or_after_closing(desk: Desk):
    path = "/referrals/{referral}/contacts/again"
    desk.submit(CLOSE, closed_on=Ago(1))
    page = desk.send(LOG.who, path, {"client_key": str(uuid.uuid4())})
    assert page.status == 422
    assert "The referral was closed on" in " ".join(page.summary)
    other = str(desk.world.referrals["same-site"])
    to_log = desk.send("supervisor", f"/referrals/{other}/contacts/again", {})
    assert (to_log.status, to_log.location) == (302, f"/referrals/{other}/contacts/new")


def correction(desk: Desk, **changes: object) -> tuple[Contact, AuditEvent]:
    page, _ = desk.submit(CORRECT_CONTACT, **changes)
    assert page.status == 302, page.summary
    made = db.session.get(Contact, desk.places["contact"])
    assert made is not None
    return made, newest_event()


def test_a_contact_is_corrected_freely_on_the_day_it_was_logged(desk: Desk):
    made, event = correction(desk, reason="")
    assert (made.mode, made.minutes, made.version) == ("phone", 35, 2)
    assert (event.action, event.reason) == ("correct_contact", None)
    assert '"minutes":30' in (event.before or "")


def logged_days_ago(desk: Desk, days: int) -> None:
    with db.transaction():
        made = db.session.get(Contact, desk.places["contact"])
        assert made is not None
        made.recorded_at = datetime.now(UTC) - timedelta(days)


def test_a_contact_is_corrected_later_only_with_a_reason_that_the_trail_keeps(desk: Desk):
    logged_days_ago(desk, 2)
    check_fault(
        desk, CORRECT_CONTACT, {"reason": ""}, "reason", "Say why the contact changes: it was not logged today."
    )
    _, event = correction(desk)
    assert event.reason == "Forgot the travel"


MISTAKEN = {"mistaken": "y", "reason": "Logged for her sister"}


def test_a_contact_logged_by_mistake_is_taken_off_the_record_with_its_signposts(desk: Desk):
    others = set(db.session.scalars(select(Contact.id)))
    assert desk.submit(LOG)[0].status == 302  # with three signposts
    (slip,) = set(db.session.scalars(select(Contact.id))) - others
    assert len(db.session.scalars(select(Signpost).where(Signpost.contact_id == slip)).all()) == 3
    desk.places = desk.places | {"contact": slip}
    page, sent = desk.submit(CORRECT_CONTACT, **MISTAKEN)
    assert (page.status, page.location) == (302, f"/people/{desk.places['own']}"), page.summary
    assert "The contact was taken off the record." in desk.open("link-worker", page.location).main.text
    assert set(db.session.scalars(select(Contact.id))) == others
    assert not db.session.scalars(select(Signpost).where(Signpost.contact_id == slip)).all()
    gone = db.session.scalars(
        select(AuditEvent).where(AuditEvent.reason == MISTAKEN["reason"]).order_by(AuditEvent.number)
    )
    said = [(event.action, event.after) for event in gone]
    assert said == [*[("remove_signpost", "{}")] * 3, ("remove_contact", "{}")]
    assert '"attendance":"attended"' in (newest_event().before or "")
    assert desk.open("link-worker", CORRECT_CONTACT.path).status == 404
    assert desk.send("link-worker", CORRECT_CONTACT.path, sent).status == 404


def test_taking_a_contact_off_wants_a_reason_also_on_the_day(desk: Desk):
    logged_days_ago(desk, 0)
    says = "Say why the contact goes, such as: logged for another person."
    check_fault(desk, CORRECT_CONTACT, {"mistaken": "y", "reason": ""}, "reason", says)


def test_a_contact_that_was_changed_meanwhile_is_not_taken_off_unseen(desk: Desk):
    mine = desk.fill(CORRECT_CONTACT, **MISTAKEN)
    assert desk.send("supervisor", CORRECT_CONTACT.path, desk.fill(CORRECT_CONTACT, minutes=50)).status == 302
    page = desk.send("link-worker", CORRECT_CONTACT.path, mine)
    assert page.status == 422
    assert "Somebody else changed this record meanwhile" in " ".join(page.summary)
    assert db.session.get(Contact, desk.places["contact"]) is not None


@pytest.mark.parametrize("role", ["outcome-assessor", "evaluator", "administrator"])
def test_whoever_may_not_correct_a_contact_cannot_take_it_off(desk: Desk, role: str):
    assert desk.send(role, CORRECT_CONTACT.path, desk.fill(CORRECT_CONTACT, **MISTAKEN)).status in (403, 404)
    assert db.session.get(Contact, desk.places["contact"]) is not None


@pytest.mark.parametrize(("changes", "field", "says"), [each for each in CONTACT_FAULTS if each[1] != "mode"])
def test_a_correction_with_a_fault_comes_back_whole(desk: Desk, changes: dict[str, object], field: str, says: str):
    check_fault(desk, CORRECT_CONTACT, changes, field, says)


def test_the_second_of_two_who_correct_a_contact_is_told_and_sees_both(desk: Desk):
    mine = desk.fill(CORRECT_CONTACT, minutes=40)
    assert desk.send("supervisor", CORRECT_CONTACT.path, desk.fill(CORRECT_CONTACT, minutes=50)).status == 302
    page = desk.send("link-worker", CORRECT_CONTACT.path, mine)
    assert page.status == 422
    assert "Somebody else changed this record meanwhile" in " ".join(page.summary)
    assert "50" in page.main.all("dl")[0].text
    check_kept(page, {name: value for name, value in mine.items() if name != "version"})
    assert desk.send("link-worker", CORRECT_CONTACT.path, page.typed).status == 302


def test_a_past_next_contact_does_not_stand_in_the_way_of_a_correction(desk: Desk):
    logged_days_ago(desk, 0)
    with db.transaction():
        made = db.session.get(Contact, desk.places["contact"])
        made.contacted_on, made.next_contact_on = days_ago(30), days_ago(20)
    page = desk.open("link-worker", CORRECT_CONTACT.path)
    assert desk.send("link-worker", CORRECT_CONTACT.path, page.typed | {"minutes": "20"}).status == 302


# ------------------------------------------------------------------------- the same thing sent again

WITH_A_KEY = [(LOG, Contact, {"minutes": "36"}), (SIGNPOST, Signpost, {"kind": "information"})]


@pytest.mark.parametrize(("form", "kind", "other"), WITH_A_KEY, ids=str)
def test_the_same_form_sent_five_times_is_one_record_and_five_times_saved(
    desk: Desk, form: Form, kind: type, other: dict[str, str]
):
    sent = desk.fill(form)
    before = written()
    answers = [desk.send(form.who, form.path, sent).status for _ in range(5)]
    assert answers == [302] * 5
    after = written()
    assert after[kind.__tablename__] == before[kind.__tablename__] + 1  # type: ignore[attr-defined]
    signposts = after["signpost"] - before["signpost"]
    assert after["trail"] == before["trail"] + (signposts + 1 if form is LOG else 1)
    assert signposts == (3 if form is LOG else 1)


@pytest.mark.parametrize(("form", "kind", "other"), WITH_A_KEY, ids=str)
def test_the_same_key_with_other_content_is_told_and_overwrites_nothing(
    desk: Desk, form: Form, kind: type, other: dict[str, str]
):
    sent = desk.fill(form)
    desk.send(form.who, form.path, sent)
    before = written()
    page = desk.send(form.who, form.path, sent | other)
    assert page.status == 422
    assert list(page.summary) == ["This was saved before with other content. Open the record to see it."]
    check_kept(page, sent | other)
    assert written() == before
    name, value = next(iter(other.items()))
    assert str(getattr(newest(kind), name)) != value


@pytest.mark.parametrize("key", ["", "not-a-key", "\x00", "1" * 40])
@pytest.mark.parametrize("form", [LOG, SIGNPOST], ids=str)
def test_a_key_that_is_none_is_refused_with_what_to_do(desk: Desk, form: Form, key: str):
    page, _ = desk.submit(form, client_key=key)
    assert page.status == 422
    assert list(page.summary) == [RELOAD]


# ------------------------------------------------------------------------------------- signposts


def test_a_signpost_is_saved_and_waits_for_what_comes_of_it(desk: Desk):
    page, _ = desk.submit(SIGNPOST)
    made = newest(Signpost)
    assert (made.kind, made.signposted_on, made.outcome) == ("accompanied", days_ago(3), "unknown")
    assert "Signposted to Walking group Not known yet Accompanied" in desk.open("link-worker", page.location or "").text


@pytest.mark.parametrize(
    ("changes", "field", "says"),
    [
        ({"resource": ""}, "resource", "Choose a resource"),
        ({"resource": "pigeon"}, "resource", OFF_LIST),
        ({"kind": ""}, "kind", "Choose how you signposted"),
        ({"kind": "pigeon"}, "kind", OFF_LIST),
        ({"signposted_on": Ago(-1)}, "signposted_on", "Date is in the future. Enter today or an earlier date."),
        ({"signposted_on": Ago(201)}, "signposted_on", "The signpost is dated before the person's entry. Correct the date."),
    ],
)  # fmt: skip
def test_a_signpost_with_a_fault_comes_back_whole(desk: Desk, changes: dict[str, object], field: str, says: str):
    check_fault(desk, SIGNPOST, changes, field, says)


def test_a_resource_of_another_study_is_no_choice(desk: Desk):
    other = str(desk.world.resources["orchard"])
    before = written()
    page, _ = desk.submit(SIGNPOST, resource=other)
    check_rejected(page, "resource", OFF_LIST)
    assert written() == before


def test_what_came_of_a_signpost_is_saved(desk: Desk):
    desk.submit(CAME_OF)
    made = db.session.get(Signpost, desk.places["signpost"])
    assert (made.outcome, made.sessions_attended, made.version) == ("attended", 3, 2)
    assert newest_event().action == "answer_signpost"


@pytest.mark.parametrize(
    ("changes", "field", "says"),
    [
        ({"outcome": ""}, "outcome", "Choose what came of it"),
        ({"outcome": "pigeon"}, "outcome", OFF_LIST),
        ({"sessions_attended": "501"}, "sessions_attended", "Enter a number between 0 and 500"),
        ({"sessions_attended": "-1"}, "sessions_attended", "Enter a number between 0 and 500"),
        ({"sessions_attended": "a few"}, "sessions_attended", "Sessions attended (if known) must be a whole number, such as 15"),
        ({"outcome": "full"}, "sessions_attended", "Sessions are counted only when the person attended. Leave it empty."),
    ],
)  # fmt: skip
def test_what_cannot_have_come_of_it_comes_back_whole(desk: Desk, changes: dict[str, object], field: str, says: str):
    check_fault(desk, CAME_OF, changes, field, says)


@pytest.mark.parametrize("version", ["", "²", "one", "-1", "9" * 5000, "1.0"])
def test_a_version_that_is_none_is_refused_with_what_to_do(desk: Desk, version: str):
    page, _ = desk.submit(CAME_OF, version=version)
    assert page.status == 422
    assert list(page.summary) == [RELOAD]


def test_the_second_of_two_tabs_is_told_sees_both_and_can_save_what_was_typed(desk: Desk):
    mine, theirs = desk.fill(CAME_OF), desk.fill(CAME_OF) | {"outcome": "declined", "sessions_attended": ""}
    assert desk.send("supervisor", CAME_OF.path, theirs).status == 302
    page = desk.send(CAME_OF.who, CAME_OF.path, mine)
    assert page.status == 422
    assert list(page.summary) == [
        "Somebody else changed this record meanwhile. Check what it says now, then save again."
    ]
    assert "Now: Declined" in page.text
    check_kept(page, {"outcome": "attended", "sessions_attended": "3"})
    assert db.session.get(Signpost, desk.places["signpost"]).outcome == "declined"
    assert desk.send(CAME_OF.who, CAME_OF.path, page.typed).status == 302
    assert db.session.get(Signpost, desk.places["signpost"]).outcome == "attended"


# ------------------------------------------------------------------------------------- directory


def test_a_resource_stands_in_the_directory_and_can_be_signposted_to(desk: Desk):
    page, _ = desk.submit(ADD_RESOURCE)
    made = newest(Resource)
    assert (made.name, made.category, made.provider, made.area) == ("Allotment", "nature", "The Town Trust", "North")
    assert (
        "Allotment Nature The Town Trust · North · free Digging together"
        in desk.open("link-worker", page.location).text
    )
    assert desk.submit(SIGNPOST, resource=made.id)[0].status == 302


@pytest.mark.parametrize(
    ("changes", "field", "says"),
    [
        ({"name": ""}, "name", "Enter the name of the resource"),
        ({"name": "n" * 201}, "name", "Name has 201 characters. Shorten it to 200."),
        ({"category": ""}, "category", "Choose a category"),
        ({"category": "pigeon"}, "category", OFF_LIST),
        ({"provider": "p" * 201}, "provider", "Who runs it has 201 characters. Shorten it to 200."),
        ({"area": "a" * 101}, "area", "Area has 101 characters. Shorten it to 100."),
        ({"cost": "c" * 101}, "cost", "Cost to the person has 101 characters. Shorten it to 100."),
        ({"description": "d" * 2001}, "description", "What happens there has 2,001 characters. Shorten it to 2,000."),
    ],
)
def test_a_resource_with_a_fault_comes_back_whole(desk: Desk, changes: dict[str, object], field: str, says: str):
    check_fault(desk, ADD_RESOURCE, changes, field, says)


@pytest.mark.parametrize(("category", "shown"), [("exercise", 1), ("nature", 0), ("", 1), ("' OR 1=1", 1), ("<b>", 1)])
def test_the_directory_is_narrowed_by_a_known_category_only(desk: Desk, category: str, shown: int):
    page = desk.open("link-worker", f"/resources?category={category}")
    assert len(page.main.all("a", class_="lwk-row__name")) == shown
    assert "<b>" not in page.html


# ------------------------------------------------------------------------------------ attendances


def test_attendances_are_saved_and_stand_on_the_persons_page(desk: Desk):
    page, _ = desk.submit(ATTEND)
    made = newest(ServiceUse)
    assert (made.setting, made.count, made.source) == ("gp", 4, "record-extract")
    assert (made.from_on, made.until_on) == (days_ago(200), days_ago(20))
    assert "GP attendances, all: 4" in desk.open("link-worker", page.location or "").text


def test_what_happened_today_is_counted_until_tomorrow(desk: Desk):
    desk.submit(ATTEND, setting="in-patient", count="1", from_on=Ago(0), until_on=Ago(-1))
    made = newest(ServiceUse)
    assert (made.setting, made.from_on, made.until_on) == ("in-patient", days_ago(0), days_ago(-1))


def test_no_attendance_at_all_is_a_number_too(desk: Desk):
    desk.submit(ATTEND, count="0")
    assert newest(ServiceUse).count == 0


@pytest.mark.parametrize("setting", ["other", "link-worker"])
def test_a_setting_that_comes_by_import_alone_is_not_offered(desk: Desk, setting: str):
    page, _ = desk.submit(ATTEND, setting=setting)
    assert page.status == 422
    assert OFF_LIST in page.text
    assert f'value="{setting}"' not in page.html
    assert not db.session.scalars(select(ServiceUse)).all()


COUNTED = "Counted until (this day not counted)"


@pytest.mark.parametrize(
    ("changes", "field", "says"),
    [
        ({"setting": ""}, "setting", "Choose a setting"),
        ({"setting": "pigeon"}, "setting", OFF_LIST),
        ({"count": ""}, "count", "Enter how many times"),
        ({"count": "-1"}, "count", "Enter a number up to 1,000"),
        ({"count": "1001"}, "count", "Enter a number up to 1,000"),
        ({"count": "1_0"}, "count", "How many times must be a whole number, such as 15"),
        ({"from_on": Ago(-1), "until_on": Ago(0)}, "from_on", "Counted from is in the future. Enter today or an earlier date."),
        ({"until_on": Ago(-2)}, "until_on", f"{COUNTED} is after tomorrow. Enter tomorrow or an earlier date."),
        ({"until_on": Ago(201)}, "until_on", "The period ends before it begins. Enter a later end date."),
        ({"until_on": Ago(200)}, "until_on", "The period ends before it begins. Enter a later end date."),
        ({"from_on-year": "0201"}, "from_on", "Counted from is before 1890. Check the year; enter one such as 31 3 2025"),
        ({"source": "pigeon"}, "source", OFF_LIST),
    ],
)  # fmt: skip
def test_attendances_with_a_fault_come_back_whole(desk: Desk, changes: dict[str, object], field: str, says: str):
    before = written()
    page, sent = desk.submit(ATTEND, **changes)
    check_rejected(page, field, says)
    check_kept(page, {name: value for name, value in sent.items() if value != "pigeon"})
    assert written() == before


def test_the_same_period_is_counted_once(desk: Desk):
    sent = desk.fill(ATTEND)
    desk.send(ATTEND.who, ATTEND.path, sent)
    page = desk.send(ATTEND.who, ATTEND.path, sent | {"count": "9"})
    check_rejected(page, "from_on", "Attendances from this date are already recorded. Choose another start date.")
    check_kept(page, sent | {"count": "9"})
    assert db.session.scalars(select(ServiceUse.count)).all() == [4]


# ---------------------------------------------------------------------------- what is not there


@pytest.mark.parametrize(
    "path",
    [
        "/people/{id}", "/people/{id}/signposts/new", "/people/{id}/attendance/new", "/referrals/{id}/contacts/new",
        "/signposts/{id}/outcome", "/assessments/{id}", "/people/{id}/assessments/phq9/6m", "/people/{id}/leaving",
    ],
)  # fmt: skip
def test_an_id_that_nobody_has_is_answered_as_if_it_were_anothers(desk: Desk, path: str):
    nobody, somebody = path.format(id=uuid.uuid4()), path.format(id=desk.world.people["other-site"])
    pages = [desk.open("link-worker", each) for each in (nobody, somebody)]
    assert [page.status for page in pages] == [404, 404]
    assert len({page.main.text for page in pages}) == 1


@pytest.mark.parametrize("instrument", ["phq-9", "PHQ9", "..%2fphq9", "%00", "eq5d", "<script>"])
@pytest.mark.parametrize("ending", ["", "/missed"])
def test_an_instrument_or_timepoint_that_the_plan_does_not_have_is_not_found(desk: Desk, instrument: str, ending: str):
    for path in (f"/people/{{own}}/assessments/{instrument}/6m{ending}", f"/people/{{own}}/assessments/phq9/{instrument}{ending}"):  # fmt: skip
        page = desk.open("link-worker", path)
        assert page.status == 404
        assert "<script>" not in page.html


def test_as_many_contacts_are_counted_on_the_caseload_as_were_attended(desk: Desk):
    for minutes, attendance in (("20", "attended"), ("0", "attempted"), ("0", "cancelled")):
        desk.submit(LOG, minutes=minutes, attendance=attendance, **dict.fromkeys(SIGNPOSTS, ""))
    total = db.session.scalar(select(func.count()).select_from(Contact))
    assert total == 4
    assert "2 contacts, last 2 days ago" in desk.open("link-worker", "/").text
