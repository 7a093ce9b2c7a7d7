"""The tables themselves: what the database refuses whoever asks, times in UTC, versions, and what lies encrypted.

Cases come from the tables' own declarations; a constraint that nobody can break, or that is not known here, fails.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Table, Text, UniqueConstraint, select, text, update
from sqlalchemy.exc import IntegrityError, StatementError
from sqlalchemy.orm.exc import StaleDataError

from tests.world import PASSWORD, World, assessment, contact, days_ago, draft, signpost
from tracker.actions import (
    care,
    directory,
    goals,
    held_forms,
    invitations,
    outcomes,
    people,
    safety,
    self_completion,
    staff,
    studies,
)
from tracker.extensions import db, today
from tracker.models import (
    AuditEvent,
    Authenticator,
    Base,
    Characteristic,
    Contact,
    Identity,
    Passkey,
    RecoveryCode,
    ReportedScore,
    SignIn,
    Study,
    User,
    Wording,
)
from tracker.models.base import Encrypted, Versioned, one_of

EARLIER, LATER = date(2026, 1, 1), date(2026, 1, 2)
MOMENT = datetime(2026, 7, 1, 12, 30, tzinfo=UTC)
TABLES = Base.metadata.tables

# How to break what cannot be guessed from the constraint's name: values of one row.
BREAKING: dict[str, dict[str, Any]] = {
    "ck_site_deprivation_range": {"deprivation": 11},
    "ck_site_list_size_range": {"list_size": -1},
    "ck_study_locked_at_with_by": {"locked_at": MOMENT},
    "ck_invitation_ended_at_with_by": {"ended_at": MOMENT},
    "ck_self_completion_ended_at_with_by": {"ended_at": MOMENT},
    "ck_self_completion_opened_at_with_seen_at": {"opened_at": MOMENT},
    "ck_self_completion_finished_or_ended": {
        "finished_at": MOMENT, "ended_at": MOMENT, "ended_by": lambda: uuid.UUID(int=1),
    },
    "ck_membership_study_named": {"role": "evaluator", "study_id": None},
    "ck_membership_ended_at_with_by": {"ended_at": MOMENT},
    "ck_membership_site_named": {"role": "supervisor", "site_id": None},
    "ck_person_birth_year_range": {"birth_year": 1889},
    "ck_person_ltc_count_range": {"ltc_count": 41},
    "ck_person_deprivation_range": {"deprivation": 0},
    "ck_post_fte_range": {"fte": 0.0},
    "ck_allocation_site_or_person": {"site_id": None},
    "ck_assessment_missed_with_reason": {"status": "missed", "missing_reason": None},
    "ck_consent_withdrawn_at_with_by": {"withdrawn_at": MOMENT},
    "ck_consent_on_withdrawal_is_known": {"on_withdrawal": "forget", "withdrawn_on": today},
    "ck_consent_withdrawn_on_with_wish": {"withdrawn_on": today},
    "ck_consent_withdrawn_on_not_before_given_on": {"withdrawn_on": EARLIER, "given_on": LATER, "on_withdrawal": "keep"},
    "ck_referral_answer_with_date": {"status": "accepted", "decided_on": None},
    "ck_referral_closed_on_with_reason": {"closed_on": today},
    "ck_referral_closed_on_not_before_referred_on": {
        "closed_on": EARLIER, "referred_on": LATER, "closure_reason": "other", "decided_on": LATER,
    },
    "ck_referral_answer_reason_is_known": {"status": "declined", "answer_reason": "bored"},
    "ck_referral_answer_reason_of_a_refusal": {"status": "accepted", "answer_reason": "died"},
    "ck_referral_attempts_range": {"attempts": 51},
    "ck_referral_tried_on_not_before_referred_on": {"tried_on": EARLIER, "referred_on": LATER, "decided_on": LATER},
    "ck_safety_flag_other_says_what": {"kind": "other", "note": None},
    "ck_safety_flag_ended_at_with_by": {"ended_at": MOMENT, "ended_reason": "Gone"},
    "ck_safety_flag_ended_at_with_reason": {"ended_reason": "Gone"},
    "ck_referral_closure_reason_is_known": {"closed_on": today, "closure_reason": "bored"},
    "ck_service_use_period_not_empty": {"from_on": LATER, "until_on": LATER},
    "ck_service_use_count_range": {"count": -1},
    "ck_site_use_period_not_empty": {"from_on": LATER, "until_on": LATER},
    "ck_site_use_count_range": {"count": -1},
    "ck_site_use_person_years_range": {"person_years": -0.5},
    "ck_contact_attended_takes_time": {"attendance": "attended", "minutes": 0},
    "ck_contact_travel_minutes_range": {"travel_minutes": 481},
    "ck_contact_minutes_range": {"minutes": 481},
    "ck_item_response_value_or_reason": {"value": 1, "missing_reason": "not-answered"},
    "ck_draft_response_value_or_reason": {"value": 1, "missing_reason": "not-answered"},
    "ck_item_response_missing_reason_is_known": {"value": None, "missing_reason": "shy"},
    "ck_goal_status_is_known": {"status": "no-such-code", "ended_on": today},
    "ck_goal_ended_on_with_status": {"ended_on": today},
    "ck_goal_ended_on_not_before_set_on": {"ended_on": EARLIER, "set_on": LATER, "status": "reached"},
    "ck_goal_progress_closeness_range": {"closeness": 11},
    "ck_signpost_sessions_attended_range": {"sessions_attended": -1},
    "ck_signpost_answered_at_with_by": {"answered_at": MOMENT},
    "ck_resource_changed_at_with_by": {"changed_at": MOMENT},
    "ck_fault_report_settled_at_with_by": {"settled_at": MOMENT},
}  # fmt: skip
# A row that nothing else would refuse, where any row will not do.
CHOSEN = {
    "membership": "site_id IS NOT NULL",
    "consent": "withdrawn_on IS NULL",
    "allocation": "site_id IS NOT NULL",
    "assignment": "until_on IS NULL",
    "resource": "open_referral_id IS NOT NULL",
}
PAIRED = {"ended_by", "withdrawn_by", "locked_by", "changed_by", "answered_by", "settled_by"}


PASSKEY = {"name": "Phone", "credential_id": b"c", "public_key": b"p", "sign_count": 0}


@pytest.fixture
def full(world: World) -> World:
    """The world with at least one row in every table."""
    with db.transaction() as session:
        worker, evaluator = world.user("link-worker"), world.user("evaluator")
        signpost(world, contact=contact(world))
        directory.add_resource(
            by=worker,
            study_id=world.studies["garden"],
            name="Choir",
            category="other",
            details={"open_referral_id": "1"},
        )
        directory.report_fault(by=worker, resource=world.resource(), reason="Moved")
        assessment(world, "phq9", responses={"i1": 1, "i2": None})
        draft(world, {"i1": 1, "i2": "prefer-not-to-say"})
        outcomes.record_service_use(
            by=worker, person=world.person("own"), setting="gp", from_on=days_ago(300), until_on=days_ago(200),
            count=3, source="record-extract",
        )  # fmt: skip
        studies.record_site_use(
            by=evaluator, study=world.study(), site=world.site("mill"), setting="gp", from_on=days_ago(300),
            until_on=days_ago(270), count=400, person_years=500.5,
        )  # fmt: skip
        people.describe(by=evaluator, person=world.person("own"), name="drug", value="yes")
        outcomes.record_reported_scores(
            by=evaluator, person=world.person("own"), instrument="bdi", version="1", scores={"total": (None, 12.5)},
            administration=outcomes.Administration("baseline", days_ago(200), "import", "self"),
        )  # fmt: skip
        own = world.referral("own")
        care.close_referral(by=worker, referral=own, closed_on=days_ago(9), closure_reason="completed")
        care.reopen_referral(by=worker, referral=own, reopened_on=days_ago(8), reason="Too early")
        care.set_needs(by=worker, referral=own, version=own.version, needs=["money"])
        people.correct_entry_facts(
            by=worker,
            person=world.person("own"),
            version=world.person("own").version,
            conditions=["gout"],
            known={"ltc_count": 2},
        )
        safety.set_flag(by=worker, person=world.person("own"), kind="animal", note="Dog", review_on=days_ago(-9))
        goal = goals.set_goal(by=worker, person=world.person("own"), words="Walk to the shop", set_on=days_ago(9))
        session.flush()
        goals.note_progress(by=worker, goal=goal, version=1, noted_on=days_ago(8), closeness=4, status="open")
        held_forms.hold(by=worker, path="/people/new", typed={"name": ["Nora"]})
        session.add(SignIn(user_id=worker.id))
        session.add(Authenticator(user_id=worker.id, secret="sealed", recorded_by=worker.id))
        session.add(RecoveryCode(user_id=worker.id, digest="d1", recorded_by=worker.id))
        session.add(Passkey(**PASSKEY, user_id=worker.id, recorded_by=worker.id))
        invitations.invite(
            by=world.user("administrator"),
            email="new@test.example",
            name="New",
            role="evaluator",
            study=world.study(),
            site=None,
        )
        self_completion.make_link(by=worker, person=world.person("own"), timepoint="6m", instruments=["ons4"])
        session.add(Wording(instrument="eq5d-5l", instrument_version="1", text="words", recorded_by=worker.id))
        staff.note_failure(by=None, account="a@test.example", address="192.0.2.1")
    return world


def checks() -> Iterator[tuple[Table, str]]:
    for table in TABLES.values():
        yield from ((table, str(each.name)) for each in table.constraints if isinstance(each, CheckConstraint))


def breaking(table: Table, name: str) -> dict[str, Any]:
    """Values that break one constraint and no other."""
    if name in BREAKING:
        given = BREAKING[name]
        return {column: value() if callable(value) else value for column, value in given.items()}
    what = name.removeprefix(f"ck_{table.name}_")
    if what.endswith("_is_known"):
        return {what.removesuffix("_is_known"): "no-such-code"}
    last, first = what.split("_not_before_")
    return {first: LATER, last: EARLIER}


def one_row(table: Table) -> list[Any]:
    """Conditions that pick one row of a table by its key."""
    query = select(*table.primary_key.columns).limit(1)
    if table.name in CHOSEN:
        query = query.where(text(CHOSEN[table.name]))
    row = db.session.execute(query).first()
    assert row is not None, f"no row of {table.name} to try it on"
    return [column == value for column, value in zip(table.primary_key.columns, row, strict=True)]


def refusal(table: Table, values: Mapping[str, Any]) -> str:
    """What the database says when one row is given these values; '' if it takes them."""
    try:
        with db.transaction() as session:
            session.execute(update(table).where(*one_row(table)).values(**values))
    except IntegrityError as error:
        return str(error.orig)
    return ""


def test_every_check_refuses_a_row_that_breaks_it_and_says_its_name(full: World):
    tried = {name: refusal(table, breaking(table, name)) for table, name in checks()}
    assert {name: said for name, said in tried.items() if name not in said} == {}
    assert len(tried) > 40


def test_no_known_way_to_break_a_check_is_out_of_date():
    assert set(BREAKING) - {name for _, name in checks()} == set()


def test_every_reference_must_be_found(full: World):
    nobody = uuid.UUID(int=1)
    taken = []
    for table in TABLES.values():
        for key in table.constraints:
            if isinstance(key, ForeignKeyConstraint):
                values = {column.name: nobody for column in key.columns}
                if table.name == "allocation" and "person_id" in values:
                    values["site_id"] = None  # type: ignore[assignment]
                if table.name == "safety_flag" and "ended_by" in values:
                    values["ended_reason"] = "Gone"  # type: ignore[assignment]
                if PAIRED & values.keys():
                    values |= {name.replace("_by", "_at"): MOMENT for name in values if name.endswith("_by")}  # type: ignore[misc]
                said = refusal(table, values)
                if "foreign key constraint" not in said.lower():
                    taken.append((key.name, said))
    assert taken == []


def test_no_column_that_must_be_filled_takes_nothing(full: World):
    """Keys are left out: SQLite finds its own word for those."""
    trail = "audit_event"  # nothing in it can be changed at all
    must = [
        (table, column.name)
        for table in TABLES.values()
        for column in table.columns
        if not column.nullable and not column.primary_key and table.name != trail
    ]
    taken = [
        f"{table.name}.{name}" for table, name in must if not _says_not_null(refusal(table, {name: None}), table, name)
    ]
    assert taken == []
    assert len(must) > 80


def _says_not_null(said: str, table: Table, name: str) -> bool:
    return f"NOT NULL constraint failed: {table.name}.{name}" in said or f'null value in column "{name}"' in said


def test_nothing_that_must_be_unique_can_stand_twice(full: World):
    taken = []
    for table in TABLES.values():
        uniques = [each for each in table.constraints if isinstance(each, UniqueConstraint)]
        for each in (*uniques, *(index for index in table.indexes if index.unique)):
            said = _second(table, [column.name for column in each.columns])
            if "unique" not in said.lower():
                taken.append((each.name, said))
    assert taken == []


def _second(table: Table, names: list[str]) -> str:
    """Copy a row under a new key, with everything unique changed but the columns of one constraint."""
    row = dict(db.session.execute(select(table).where(*one_row(table))).mappings().one())
    for column in table.columns:
        unique = any(
            column.name in [c.name for c in each.columns]
            for each in (*table.constraints, *table.indexes)
            if isinstance(each, UniqueConstraint) or getattr(each, "unique", False)
        )
        if column.primary_key or (unique and column.name not in names):
            row[column.name] = _another(row[column.name])
    if table.name == "allocation" and "person_id" in names:
        row |= {"site_id": None, "person_id": db.session.scalar(select(TABLES["person"].c.id).limit(1))}
        _insert(table, row | {"id": uuid.uuid4()})
    try:
        _insert(table, row)
    except IntegrityError as error:
        return str(error.orig)
    return ""


def _insert(table: Table, row: Mapping[str, Any]) -> None:
    with db.transaction() as session:
        session.execute(table.insert().values(**row))


def _another(value: Any) -> Any:
    """Another value of the same kind; for a reference this need not be found, the twin is refused first."""
    kinds: dict[type, Any] = {uuid.UUID: uuid.uuid4(), str: uuid.uuid4().hex, int: 10**6, date: LATER}
    return kinds.get(type(value), value)


def test_two_people_may_not_hold_one_referral_now(full: World):
    assignment = TABLES["assignment"]
    twin = {
        "id": uuid.uuid4(), "referral_id": full.referrals["own"], "worker_id": full.users["supervisor"],
        "from_on": today(), "recorded_at": MOMENT, "recorded_by": full.users["supervisor"],
    }  # fmt: skip
    with pytest.raises(IntegrityError, match=r"uq_assignment_current|assignment\.referral_id"):
        _insert(assignment, twin)
    _insert(assignment, twin | {"until_on": today()})


def test_a_consent_may_be_given_again_after_it_was_taken_back_and_stands_once_at_a_time(full: World):
    for _ in range(2):
        with db.transaction():
            people.record_consent(
                by=full.user("link-worker"), person=full.person("own"), kind="linkage", given_on=today()
            )
        with db.transaction() as session:
            session.execute(
                update(TABLES["consent"]).where(TABLES["consent"].c.kind == "linkage")
                .values(withdrawn_on=today(), on_withdrawal="keep")
            )  # fmt: skip
    with db.transaction():
        people.record_consent(by=full.user("link-worker"), person=full.person("own"), kind="linkage", given_on=today())
    with pytest.raises(ValueError, match="consent is recorded already"), db.transaction():
        people.record_consent(by=full.user("link-worker"), person=full.person("own"), kind="linkage", given_on=today())


# -------------------------------------------------------------------------------------- times


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2026, 7, 1, 0, 30, tzinfo=timezone(timedelta(hours=1))),
        datetime(2026, 1, 1, 0, 0, 0, 1, tzinfo=UTC),
        datetime(2026, 3, 29, 1, 30, tzinfo=UTC),
        datetime(2026, 12, 31, 23, 59, 59, 999999, tzinfo=timezone(-timedelta(hours=9, minutes=30))),
    ],
    ids=["summer time", "one microsecond", "the hour that clocks skip", "half an hour off"],
)
def test_a_moment_comes_back_as_the_same_moment_in_utc(full: World, moment: datetime):
    with db.transaction():
        full.study().locked_at, full.study().locked_by = moment, full.users["evaluator"]
    db.session.expire_all()
    kept = full.study().locked_at
    assert kept == moment
    assert kept.tzinfo is UTC


def test_a_moment_is_found_by_any_clock(full: World):
    with db.transaction():
        full.study().locked_at, full.study().locked_by = MOMENT, full.users["evaluator"]
    tokyo = MOMENT.astimezone(timezone(timedelta(hours=9)))
    assert db.session.scalars(select(Study.slug).where(Study.locked_at == tokyo)).all() == ["garden"]
    assert db.session.scalars(select(Study.slug).where(Study.locked_at < tokyo)).all() == []


def test_a_time_without_its_zone_is_refused(full: World):
    with pytest.raises(StatementError, match="a time needs its zone"), db.transaction():
        full.study().locked_at, full.study().locked_by = datetime(2026, 7, 1, 12), full.users["evaluator"]  # noqa: DTZ001
    assert full.study().locked_at is None


def test_every_row_knows_when_it_was_written(full: World):
    late = []
    for table in TABLES.values():
        if "recorded_at" in table.c:
            moments = db.session.scalars(select(table.c.recorded_at)).all()
            late += [(table.name, each) for each in moments if abs(datetime.now(UTC) - each) > timedelta(minutes=30)]
            assert moments, table.name
    assert late == []


# -------------------------------------------------------------------------------------- versions

VERSIONED = sorted(
    (mapper.class_ for mapper in Base.registry.mappers if issubclass(mapper.class_, Versioned)),
    key=lambda kind: str(kind.__tablename__),
)
EDITABLE = {  # a column of each that any text or number may be written to
    "study": ("title", "Other"), "site": ("name", "Other"), "user": ("name", "Other"), "person": ("ltc_count", 7),
    "identity": ("phone", "0"), "consent": ("form_version", "9"), "referral": ("reason", "Other"),
    "contact": ("note", "Other"), "resource": ("provider", "Other"), "signpost": ("sessions_attended", 9),
    "assessment": ("assessed_on", EARLIER), "service_use": ("count", 9), "wording": ("text", "Other"),
    "safety_flag": ("note", "Other"), "goal": ("words", "Other"),
}  # fmt: skip


@pytest.mark.parametrize("kind", VERSIONED, ids=lambda kind: kind.__tablename__)
def test_whoever_writes_over_a_change_they_have_not_seen_is_stopped(full: World, kind: type[Any]):
    name, value = EDITABLE[kind.__tablename__]
    with db.transaction() as session:
        record = session.scalars(select(kind).limit(1)).first()
        seen = record.version
        setattr(record, name, value)
    assert record.version == seen + 1
    with pytest.raises(StaleDataError), db.transaction():
        _write_after_another(kind, record.id, name, _another(value))
    db.session.expire_all()
    assert getattr(db.session.get(kind, record.id), name) == value


def _write_after_another(kind: type[Any], id: uuid.UUID, name: str, value: Any) -> None:
    """Read a record, let somebody else write it, write."""
    table = kind.__table__
    record = db.session.get(kind, id)
    db.session.execute(update(table).where(table.c.id == id).values(version=table.c.version + 1))
    setattr(record, name, value)
    db.session.flush()


def test_what_people_edit_carries_a_version():
    edited = {"study", "site", "user", "person", "identity", "consent", "referral", "contact", "resource", "signpost"}
    assert edited | {"assessment", "service_use", "wording", "safety_flag", "goal"} == {
        kind.__tablename__ for kind in VERSIONED
    }


# -------------------------------------------------------------------------------------- what lies in the tables


def test_everything_that_says_who_somebody_is_lies_encrypted_or_as_a_keyed_digest():
    plain = [name for name, column in TABLES["identity"].c.items() if column.info["privacy"] == "never"]
    assert [name for name in plain if not isinstance(TABLES["identity"].c[name].type, Encrypted)] == [
        "nhs_number_index"
    ]


def test_only_who_somebody_is_and_how_they_prove_it_is_never_shown():
    holders = {table.name for table in TABLES.values() for c in table.columns if c.info["privacy"] == "never"}
    proofs = {"authenticator", "passkey", "recovery_code", "invitation", "self_completion"}
    assert holders == {"identity", "user", "held_form"} | proofs


def test_free_text_and_secrets_are_long_enough_and_classed(full: World):
    long = [f"{t.name}.{c.name}" for t in TABLES.values() for c in t.columns if isinstance(c.type, Text)]
    open_text = {"study.plan_text", "resource.description", "resource.eligibility", "resource.opening_times"}
    classed = {name for name in long if TABLES[name.split(".")[0]].c[name.split(".")[1]].info["privacy"] == "text"}
    assert set(long) - classed == open_text
    note = "é" * 4000
    with db.transaction():
        made = contact(full, note=note)
    db.session.expire_all()
    assert db.session.get(Contact, made.id).note == note


@pytest.mark.parametrize(
    "typed", ["O'Brien", "Zoë Ångström", "李小龍", "👩‍👩‍👧", "a\nb", " spaces ", "x" * 3000, "%_\\"]
)
def test_any_name_comes_back_as_it_was_typed_and_is_not_readable_in_the_file(full: World, typed: str):
    with db.transaction():
        identity = people.IdentityFacts(typed, address=typed)
        person = people.add_person(
            by=full.user("link-worker"),
            study=full.study(),
            site=full.site("mill"),
            entered_on=today(),
            identity=identity,
        )
        id = person.id
    db.session.expire_all()
    kept = db.session.scalars(select(Identity).where(Identity.person_id == id)).one()
    assert (kept.name, kept.address) == (typed, typed)
    stored = db.session.connection().exec_driver_sql("SELECT name, address FROM identity").all()
    assert not any(typed.encode() in bytes(value) for row in stored for value in row if value is not None)


def test_a_spoilt_or_swapped_ciphertext_is_an_error_and_never_another_name(full: World):
    from cryptography.exceptions import InvalidTag

    table = TABLES["identity"]
    name = db.session.connection().exec_driver_sql("SELECT name FROM identity").first()[0]
    spoilt = bytes(name)[:-1] + bytes([bytes(name)[-1] ^ 1])
    with db.transaction() as session:
        session.connection().exec_driver_sql(f"UPDATE identity SET name = {_blob(spoilt)}")
    with pytest.raises(InvalidTag):
        db.session.execute(select(table.c.name)).all()


def _blob(value: bytes) -> str:
    sqlite = db.engine is not None and db.engine.dialect.name == "sqlite"
    return f"X'{value.hex()}'" if sqlite else f"'\\x{value.hex()}'"


def test_scores_and_shares_keep_their_digits(full: World):
    with db.transaction() as session:
        session.execute(update(ReportedScore).values(score=-0.567))
        session.execute(update(TABLES["post"]).values(fte=0.1))
    assert db.session.scalars(select(ReportedScore.score)).all() == [-0.567]
    assert db.session.scalars(select(TABLES["post"].c.fte)).all() == [0.1]


def test_a_plan_of_any_length_keeps_its_hash(world: World):
    from instruments.plan import parse
    from tests.world import PLAN

    long = PLAN.replace('id = "garden"', 'id = "long"') + "# a remark\n" * 3000
    with db.transaction():
        made = studies.create_study(by=world.user("administrator"), plan_text=long)
        id = made.id
    db.session.expire_all()
    kept = db.session.get(Study, id)
    assert (kept.plan_text, kept.plan_sha256) == (long, parse(long).sha256)


def test_the_users_of_the_table_are_told_apart_by_address_only(full: World):
    with db.transaction():
        made = staff.create_user(
            by=full.user("administrator"), email="link-worker@elsewhere.example", name="Link-Worker", password=PASSWORD
        )
    assert made.id != full.users["link-worker"]
    assert db.session.scalars(select(User.email).where(User.name == "Link-Worker")).all() == [
        "link-worker@test.example", "link-worker@elsewhere.example",
    ]  # fmt: skip


def test_a_code_list_is_the_databases_too():
    assert str(one_of("mode", {"a": "A", "b": "B"}).sqltext) == "mode IN ('a', 'b')"


def test_characteristics_are_named_once_a_person(full: World):
    with pytest.raises(ValueError, match="database refused"), db.transaction():
        people.describe(by=full.user("evaluator"), person=full.person("own"), name="drug", value="no")
    assert db.session.scalars(select(Characteristic.value)).all() == ["yes"]


def test_numbers_of_the_trail_run_from_one_without_a_gap(full: World):
    numbers = db.session.scalars(select(AuditEvent.number).order_by(AuditEvent.number)).all()
    assert list(numbers) == list(range(1, len(numbers) + 1))
