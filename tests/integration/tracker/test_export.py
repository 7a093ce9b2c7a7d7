"""The bundle: whole, readable by others, and without anything that says who somebody is."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pytest
from frictionless import Package

from instruments import bundle
from instruments.dataset import TABLES
from tests.world import COMPLETE, World, assessment, contact, days_ago, signpost
from tracker.actions import care, directory, outcomes, people
from tracker.export import export_bundle
from tracker.extensions import db, today
from tracker.models import AuditEvent, Identity, User
from tracker.permissions import Forbidden


@pytest.fixture
def full(world: World) -> World:
    """The world after some work was done in it."""
    with db.transaction():
        made = contact(world, note="Her sister Quillfeather rang", topics="family", travel_minutes=20)
        signpost(world, contact=made, outcome="attended", sessions_attended=2)
        for instrument in COMPLETE:
            assessment(world, instrument)
        assessment(world, "phq9", "6m", responses=COMPLETE["phq9"] | {"i2": None})
        assessment(world, "phq9", person="compared", by="pond-keeper")
        outcomes.record_service_use(
            by=world.user("pond-keeper"), person=world.person("compared"), setting="gp", from_on=days_ago(565),
            until_on=days_ago(200), count=7, source="record-extract",
        )  # fmt: skip
    return world


def exported(world: World, folder: Path) -> Path:
    export_bundle(by=world.user("evaluator"), study=world.study(), folder=folder / "bundle")
    return folder / "bundle"


def rows(folder: Path, table: str) -> list[dict[str, str]]:
    with (folder / f"{table}.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_there_is_a_file_for_every_table_and_the_plan_and_a_codebook(full: World, tmp_path: Path):
    folder = exported(full, tmp_path)
    tables = {f"{name}.csv" for name in TABLES}
    assert {path.name for path in folder.iterdir()} == tables | {"datapackage.json", "plan.toml", "codebook.html"}


def test_another_program_accepts_the_bundle_as_a_data_package(full: World, tmp_path: Path):
    report = Package(str(exported(full, tmp_path) / "datapackage.json")).validate()
    assert report.valid, report.flatten(["title", "message"])


def test_every_column_keeps_the_contract_and_its_order(full: World, tmp_path: Path):
    folder = exported(full, tmp_path)
    for name, table in TABLES.items():
        with (folder / f"{name}.csv").open(newline="", encoding="utf-8") as file:
            assert tuple(next(csv.reader(file))) == table.names
        for row in rows(folder, name):
            for column in table.columns:
                column.parse(bundle.uncell(row[column.name]))


def test_work_appears_once_and_linked(full: World, tmp_path: Path):
    folder = exported(full, tmp_path)
    (made,), (sign,) = rows(folder, "contacts"), rows(folder, "signposts")
    assert (made["minutes"], made["travel_minutes"], made["mode"]) == ("30", "20", "phone")
    assert (sign["contact"], sign["person"], sign["outcome"]) == (made["contact"], made["person"], "attended")
    referrals = {row["referral"]: row["person"] for row in rows(folder, "referrals")}
    assert referrals[made["referral"]] == made["person"]


def test_scores_are_derived_from_the_answers_and_a_missing_one_says_why(full: World, tmp_path: Path):
    scores = rows(exported(full, tmp_path), "scores")
    totals = {
        row["timepoint"]: (row["score"], row["reason"]) for row in scores if row["scale"] == "total" and row["reason"]
    }
    assert totals == {"6m": ("", "too-few-answers")}
    value = next(row for row in scores if row["scale"] == "value")
    assert (value["value_set"], float(value["score"])) == ("uk-2026-rowen", 0.812)


def test_needs_conditions_and_reopenings_are_facts_of_the_bundle(full: World, tmp_path: Path):
    with db.transaction():
        worker, own = full.user("link-worker"), full.referral("own")
        care.set_needs(by=worker, referral=own, version=own.version, needs=["money", "loneliness"])
        person = full.person("own")
        people.correct_entry_facts(
            by=worker,
            person=person,
            version=person.version,
            conditions=["diabetes", "depression"],
            known={"ltc_count": 3},
        )
        care.close_referral(by=worker, referral=own, closed_on=days_ago(3), closure_reason="completed")
        care.reopen_referral(by=worker, referral=own, reopened_on=days_ago(1), reason="Quillfeather rang again")
        care.record_referral(
            by=worker, person=full.person("same-site"), source="self", referred_on=days_ago(9), status="unreachable",
            answer_reason="wrong-details",
        )  # fmt: skip
    folder = exported(full, tmp_path)
    (spell,) = rows(folder, "reopenings")
    assert (spell["closed_on"], spell["closure_reason"], spell["reopened_on"]) == (
        days_ago(3).isoformat(), "completed", days_ago(1).isoformat(),
    )  # fmt: skip
    needs = [row for row in rows(folder, "needs") if row["referral"] == spell["referral"]]
    assert {row["need"] for row in needs} == {"money", "loneliness"}
    (who,) = {row["person"] for row in needs}
    assert {row["condition"] for row in rows(folder, "conditions") if row["person"] == who} == {
        "diabetes",
        "depression",
    }
    assert next(row["ltc_count"] for row in rows(folder, "people") if row["person"] == who) == "3"
    referral = next(row for row in rows(folder, "referrals") if row["status"] == "unreachable")
    assert (referral["answer_reason"], referral["attempts"]) == ("wrong-details", "")
    assert next(row for row in rows(folder, "referrals") if row["referral"] == spell["referral"])["closed_on"] == ""


def test_needs_and_conditions_of_somebody_left_out_are_left_out_too(full: World, tmp_path: Path):
    with db.transaction():
        worker, own = full.user("link-worker"), full.referral("own")
        care.set_needs(by=worker, referral=own, version=own.version, needs=["money"])
        person = full.person("own")
        people.correct_entry_facts(
            by=worker, person=person, version=person.version, conditions=["hiv"], known={"ltc_count": None}
        )
        people.withdraw(by=worker, person=person, withdrawn_on=today(), on_withdrawal="erase")
    folder = exported(full, tmp_path)
    assert rows(folder, "needs") == rows(folder, "conditions") == []


def test_a_rule_with_ages_is_kept_in_the_bundle(full: World, tmp_path: Path):
    moved = {"walking_days": 7, "walking_minutes": 30, "vigorous_days": 0, "moderate_days": 0, "sitting_minutes": 60}
    with db.transaction():
        assessment(full, "ipaq-sf", responses=moved)
    scores = [row for row in rows(exported(full, tmp_path), "scores") if row["instrument"] == "ipaq-sf"]
    assert {(row["scale"], row["score"], row["reason"]) for row in scores} == {
        (scale, "", "out-of-age-range") for scale in ("total", "level", "sitting")
    }


def test_only_people_who_agreed_to_research_and_did_not_ask_for_erasure_are_in_it(full: World, tmp_path: Path):
    with db.transaction():
        people.add_person(
            by=full.user("link-worker"), study=full.study(), site=full.site("mill"), entered_on=today(),
            identity=people.IdentityFacts("No Consent"),
        )  # fmt: skip
    folder = exported(full, tmp_path)
    assert len(rows(folder, "people")) == 4  # own, same-site, other-site, compared
    with db.transaction():
        people.withdraw(
            by=full.user("quay-worker"), person=full.person("other-site"), withdrawn_on=today(), on_withdrawal="keep"
        )
    assert len(rows(exported(full, tmp_path), "people")) == 4
    with db.transaction():
        people.withdraw(
            by=full.user("link-worker"), person=full.person("own"), withdrawn_on=today(), on_withdrawal="erase"
        )
    folder = exported(full, tmp_path)
    assert len(rows(folder, "people")) == 3
    assert rows(folder, "contacts") == rows(folder, "item_responses")[:0] == []


def test_nothing_in_the_bundle_says_who_somebody_is(full: World, tmp_path: Path):
    folder = exported(full, tmp_path)
    everything = "\n".join(path.read_text(encoding="utf-8") for path in folder.iterdir())
    squeezed = re.sub(r"\W", "", everything).lower()
    identities = db.session.query(Identity).all()
    assert len(identities) == 6
    for identity in identities:
        for fact in (identity.name, identity.phone, identity.date_of_birth, identity.nhs_number):
            if fact:
                assert fact not in everything
                assert re.sub(r"\W", "", fact).lower() not in squeezed
    for user in db.session.query(User):
        assert user.email not in everything
    assert "Quillfeather" not in everything
    for handles in (full.people, full.users, full.referrals):
        assert not [id for id in handles.values() if str(id) in everything]


def test_a_person_has_the_same_pseudonym_in_two_exports_and_another_in_another_study(full: World, tmp_path: Path):
    first = {row["person"] for row in rows(exported(full, tmp_path / "1"), "people")}
    second = {row["person"] for row in rows(exported(full, tmp_path / "2"), "people")}
    assert first == second
    assert not first & {f"p{number}" for number in range(10)}


def test_a_text_that_a_spreadsheet_would_run_is_neutralised_and_restored(full: World, tmp_path: Path):
    name = '=HYPERLINK("http://x.example")'
    with db.transaction():
        directory.add_resource(
            by=full.user("link-worker"), study_id=full.studies["garden"], name=name, category="other", details={}
        )
    names = [row["name"] for row in rows(exported(full, tmp_path), "resources")]
    assert f"'{name}" in names
    assert name in [bundle.uncell(each) for each in names]


def test_an_export_is_a_line_in_the_trail_with_its_counts(full: World, tmp_path: Path):
    exported(full, tmp_path)
    event = db.session.query(AuditEvent).order_by(AuditEvent.number.desc()).first()
    assert (event.action, event.actor_id) == ("export", full.users["evaluator"])
    assert json.loads(event.after)["rows"]["people"] == 4


@pytest.mark.parametrize("name", ["link-worker", "supervisor", "outcome-assessor", "administrator"])
def test_only_the_studys_evaluator_exports(full: World, tmp_path: Path, name: str):
    with pytest.raises(Forbidden):
        export_bundle(by=full.user(name), study=full.study(), folder=tmp_path / "bundle")
    assert not (tmp_path / "bundle").exists()


def test_an_export_that_fails_leaves_the_last_one_as_it_was(
    full: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    folder = exported(full, tmp_path)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    monkeypatch.setattr("instruments.codebook.page", lambda plan: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        exported(full, tmp_path)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert [path.name for path in tmp_path.iterdir() if "bundle" in path.name] == ["bundle"]
