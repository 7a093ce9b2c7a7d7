"""Flat tables brought in by a mapping: all of it or nothing, and every bad row listed."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import func, select

from instruments.flat import FlatError
from tests.world import PLAN, World
from tracker import intake
from tracker.actions import studies
from tracker.actions.refusal import Refused
from tracker.export import export_bundle
from tracker.extensions import db
from tracker.models import Allocation, Assessment, AuditEvent, Person, ReportedScore, ServiceUse, Site, SiteUse, Study
from tracker.permissions import Forbidden

MAPPING = """
plan = "plan.toml"

[people]
file = "people.csv"
person = "id"
site = "practice"
arm = { column = "arm", codes = { "1" = "intervention", "0" = "comparison" } }
entered_on = "entered"
age = "age"
sex = { column = "sex", codes = { F = "female", M = "male" } }

[people.characteristics]
drug = "drug"

[[scores]]
instrument = "phq9"
columns = { baseline = "phq_0", 6m = "phq_6" }

[[service_use]]
setting = "gp"
column = "gp_pre"
from_day = -365
until_day = 0
"""
TABLE = """id,practice,arm,entered,age,sex,drug,phq_0,phq_6,gp_pre
1,a,1,2024-03-01,61,F,yes,14,9,5
2,a,1,2024-03-08,70,M,no,11,,2
3,b,0,2024-04-01,55,F,no,12,12,NA
"""
COUNTED = (Study, Site, Person, Allocation, Assessment, ReportedScore, ServiceUse, SiteUse)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "in"
    place.mkdir()
    (place / "plan.toml").write_text(PLAN.replace('"garden"', '"meadow"'), encoding="utf-8")
    (place / "mapping.toml").write_text(MAPPING, encoding="utf-8")
    (place / "people.csv").write_text(TABLE, encoding="utf-8")
    return place


def silently(what: str, done: int, total: int) -> None:
    assert done <= total


def bring_in(world: World, folder: Path, by: str = "administrator") -> dict[str, int]:
    source = intake.preview(folder / "mapping.toml")
    with db.transaction():
        return intake.import_flat(by=world.user(by), source=source, progress=silently)


def counts() -> list[int | None]:
    return [db.session.scalar(select(func.count()).select_from(kind)) for kind in COUNTED]


def test_everything_that_the_mapping_names_arrives(world: World, folder: Path):
    assert bring_in(world, folder) == {
        "people": 3, "characteristics": 3, "assessments": 5, "scores": 5, "service_use": 2,
        "site_use": 0,
    }  # fmt: skip
    study = db.session.scalar(select(Study).where(Study.slug == "meadow"))
    people = db.session.scalars(select(Person).where(Person.study_id == study.id).order_by(Person.study_number)).all()
    assert [(p.study_number, p.birth_year, p.sex, p.site.slug) for p in people] == [
        ("1", 1963, "female", "a"), ("2", 1954, "male", "a"), ("3", 1969, "female", "b"),
    ]  # fmt: skip


def test_imported_people_have_no_identity(world: World, folder: Path):
    bring_in(world, folder)
    study = db.session.scalar(select(Study).where(Study.slug == "meadow"))
    assert all(p.identity is None for p in db.session.scalars(select(Person).where(Person.study_id == study.id)))


def test_what_came_in_goes_out_again_under_pseudonyms(world: World, folder: Path, tmp_path: Path):
    from tracker.actions import staff

    bring_in(world, folder)
    with db.transaction():
        study = db.session.scalar(select(Study).where(Study.slug == "meadow"))
        staff.grant(by=world.user("administrator"), user=world.user("evaluator"), role="evaluator", study=study)
    written = export_bundle(by=world.user("evaluator"), study=study, folder=tmp_path / "bundle")
    assert {name: written[name] for name in ("people", "scores", "service_use", "characteristics", "sites")} == {
        "people": 3, "scores": 5, "service_use": 2, "characteristics": 3, "sites": 2,
    }  # fmt: skip
    assert "reported" in (tmp_path / "bundle" / "scores.csv").read_text(encoding="utf-8")


BAD = (
    TABLE.replace("61,F", "61,X")
    .replace("2024-03-08", "08/03/2024")
    .replace("3,b,0", "3,a,0")
    .replace(",12,12,", ",12,99,")
)


def test_every_bad_row_is_listed_and_nothing_is_written(world: World, folder: Path):
    (folder / "people.csv").write_text(BAD, encoding="utf-8")
    before = counts()
    with pytest.raises(FlatError) as refused:
        bring_in(world, folder)
    assert [fault for fault in refused.value.faults if "people.csv row" in fault] == list(refused.value.faults)
    text = str(refused.value)
    for part in (
        "people.csv row 2: sex has 'X', which its codes do not name; known: F, M",
        "people.csv row 3: people.entered_on unexpected value '08/03/2024'; expected a date such as 2025-03-31",
        "people.csv row 4: site a is in 'intervention' and in 'comparison'; a site has one arm",
        "people.csv row 4: phq_6 99 is outside 0 to 27; correct it",
    ):
        assert part in text
    assert counts() == before


def test_an_import_that_fails_half_way_leaves_nothing(world: World, folder: Path, monkeypatch: pytest.MonkeyPatch):
    before = counts()
    monkeypatch.setattr("tracker.actions.outcomes.record_service_use", lambda **_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        bring_in(world, folder)
    db.session.rollback()
    assert counts() == before


def test_the_same_people_do_not_come_in_twice(world: World, folder: Path):
    bring_in(world, folder)
    before = counts()
    with pytest.raises(
        Refused, match=r"'meadow': 3 of the people in the file are here already \(rows 2, 3, 4\); remove them"
    ):
        bring_in(world, folder)
    assert counts() == before


def test_only_those_who_are_here_already_are_named_by_their_rows(world: World, folder: Path):
    bring_in(world, folder)
    before = counts()
    header, *_, last = TABLE.splitlines()
    new = last.replace("3,b", "4,b")
    (folder / "people.csv").write_text(f"{header}\n{new}\n\n{last}\n", encoding="utf-8")
    with pytest.raises(Refused, match=r"1 of the people in the file is here already \(rows 4\); remove them"):
        bring_in(world, folder)
    assert counts() == before
    (folder / "people.csv").write_text(f"{header}\n{new}\n", encoding="utf-8")
    assert bring_in(world, folder)["people"] == 1


@pytest.mark.parametrize(("entered", "allocations"), [("2024-03-01", 2), ("2024-05-01", 1)])
def test_further_people_of_a_site_leave_it_in_its_arm(world: World, folder: Path, entered: str, allocations: int):
    """The site has been in its arm since 2024-04-01; somebody who came earlier moves the beginning."""
    bring_in(world, folder)
    header, *_, last = TABLE.splitlines()
    new = last.replace("3,b", "4,b").replace("2024-04-01", entered)
    (folder / "people.csv").write_text(f"{header}\n{new}\n", encoding="utf-8")
    bring_in(world, folder)
    study = db.session.scalar(select(Study).where(Study.slug == "meadow"))
    site = db.session.scalar(select(Site).where(Site.slug == "b"))
    here = select(Allocation).where(Allocation.study_id == study.id, Allocation.site_id == site.id)
    found = db.session.scalars(here).all()
    assert {each.arm.slug for each in found} == {"comparison"}
    assert len(found) == allocations


def test_a_site_does_not_change_its_arm_by_an_import(world: World, folder: Path):
    bring_in(world, folder)
    before = counts()
    header, *_, last = TABLE.splitlines()
    (folder / "people.csv").write_text(f"{header}\n{last.replace('3,b,0', '4,b,1')}\n", encoding="utf-8")
    with pytest.raises(Refused, match="site 'b': is in arm 'comparison' here and in 'intervention' in the file"):
        bring_in(world, folder)
    assert counts() == before


def test_a_long_list_of_those_here_already_is_cut(world: World, folder: Path):
    header, first, *_ = TABLE.splitlines()
    many = "\n".join([header, *(first.replace("1,a", f"{n},a", 1) for n in range(1, 31))])
    (folder / "people.csv").write_text(many + "\n", encoding="utf-8")
    bring_in(world, folder)
    with pytest.raises(
        Refused, match=r"30 of the people in the file are here already \(rows 2, 3, .*, 21, \.\.\.\); remove"
    ):
        bring_in(world, folder)


def test_the_same_numbers_in_another_study_are_other_people(world: World, folder: Path):
    bring_in(world, folder)
    (folder / "plan.toml").write_text(PLAN.replace('"garden"', '"heath"'), encoding="utf-8")
    assert bring_in(world, folder)["people"] == 3


def test_somebody_who_left_before_they_came_is_a_fault_of_their_row(world: World, folder: Path):
    leaving = MAPPING.replace('age = "age"', 'age = "age"\nleft_on = "left"\nleft_reason = { value = "moved" }')
    (folder / "mapping.toml").write_text(leaving, encoding="utf-8")
    header, first, second, third = TABLE.splitlines()
    table = [f"{header},left", f"{first},2024-02-29", f"{second},2024-03-08", f"{third},2024-04-02"]
    (folder / "people.csv").write_text("\n".join(table) + "\n", encoding="utf-8")
    before = counts()
    with pytest.raises(FlatError) as refused:
        bring_in(world, folder)
    assert refused.value.faults == (
        "people.csv row 2: left_on 2024-02-29 lies before entered_on 2024-03-01; correct one of them",
    )
    assert counts() == before


def test_a_study_that_is_here_with_another_plan_is_not_touched(world: World, folder: Path):
    bring_in(world, folder)
    plan = folder / "plan.toml"
    plan.write_text(plan.read_text(encoding="utf-8").replace("day = 182", "day = 190"), encoding="utf-8")
    with pytest.raises(Refused, match="is here with another plan"):
        bring_in(world, folder)


@pytest.mark.parametrize("name", ["link-worker", "supervisor", "outcome-assessor", "evaluator"])
def test_a_new_study_comes_only_from_an_administrator(world: World, folder: Path, name: str):
    with pytest.raises(Forbidden):
        bring_in(world, folder, by=name)


# ---------------------------------------------------------------------------- whole sites

MONTHS = """

[allocation]
from_on = "offered"

[[site_use]]
file = "months.csv"
setting = "gp"
site = "practice"
from_on = "month"
count = "seen"
person_years = { column = "list", times = 0.25 }
"""
SEEN = "practice,month,seen,list\na,2024-01,40,101\na,2024-02,44,101\nb,2024-01,51,80\n"


@pytest.fixture
def with_months(folder: Path) -> Path:
    """The same with what each practice saw by month, and the day from which it is in its arm."""
    (folder / "mapping.toml").write_text(MAPPING + MONTHS, encoding="utf-8")
    header, *lines = TABLE.splitlines()
    days = ("2024-02-01", "2024-03-01", "2024")
    table = [f"{header},offered", *(f"{line},{day}" for line, day in zip(lines, days, strict=True))]
    (folder / "people.csv").write_text("\n".join(table) + "\n", encoding="utf-8")
    (folder / "months.csv").write_text(SEEN, encoding="utf-8")
    return folder


def meadow(world: World) -> Study:
    from tracker.actions import staff

    study = db.session.scalar(select(Study).where(Study.slug == "meadow"))
    assert study is not None
    with db.transaction():
        staff.grant(by=world.user("administrator"), user=world.user("evaluator"), role="evaluator", study=study)
    return study


def test_what_whole_sites_used_comes_in_and_goes_out_again(world: World, with_months: Path, tmp_path: Path):
    assert bring_in(world, with_months)["site_use"] == 3
    export_bundle(by=world.user("evaluator"), study=meadow(world), folder=tmp_path / "bundle")
    lines = (tmp_path / "bundle" / "site_use.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "site,setting,from_on,until_on,count,person_years"
    assert sorted(lines[1:]) == [
        "a,gp,2024-01-01,2024-02-01,40,25.25",
        "a,gp,2024-02-01,2024-03-01,44,25.25",
        "b,gp,2024-01-01,2024-02-01,51,20.0",
    ]


def test_the_day_from_which_a_site_is_in_its_arm_is_the_file_s_earliest(world: World, with_months: Path):
    bring_in(world, with_months)
    found = db.session.execute(select(Site.slug, Allocation.from_on).join(Site, Site.id == Allocation.site_id)).all()
    assert {slug: str(day) for slug, day in found if slug in "ab"} == {"a": "2024-02-01", "b": "2024-01-01"}


def test_what_a_site_used_leaves_its_row_in_the_trail(world: World, with_months: Path):
    bring_in(world, with_months)
    trail = db.session.scalars(select(AuditEvent).where(AuditEvent.action == "record_site_use")).all()
    assert len(trail) == 3


def test_the_same_use_of_a_site_comes_in_once_for_two_studies(world: World, with_months: Path):
    bring_in(world, with_months)
    (with_months / "plan.toml").write_text(PLAN.replace('"garden"', '"heath"'), encoding="utf-8")
    bring_in(world, with_months)
    assert db.session.scalar(select(func.count()).select_from(SiteUse)) == 3


def test_another_number_for_the_same_period_of_a_site_is_refused(world: World, with_months: Path):
    bring_in(world, with_months)
    before = counts()
    (with_months / "plan.toml").write_text(PLAN.replace('"garden"', '"heath"'), encoding="utf-8")
    (with_months / "months.csv").write_text(SEEN.replace("44", "45"), encoding="utf-8")
    with pytest.raises(Refused, match="recorded already, with another number"):
        bring_in(world, with_months)
    db.session.rollback()
    assert counts() == before


def test_a_period_of_a_site_that_is_not_over_is_refused(world: World, with_months: Path):
    (with_months / "months.csv").write_text(SEEN.replace("2024-02", "2999-02"), encoding="utf-8")
    with pytest.raises(Refused, match="site 'a': a period ends in the future; leave it out until it is over"):
        bring_in(world, with_months)


@pytest.mark.parametrize(("name", "allowed"), [("administrator", True), ("evaluator", True), ("link-worker", False),
                                               ("supervisor", False), ("outcome-assessor", False)])  # fmt: skip
def test_who_may_import_may_record_what_a_site_of_the_study_used(world: World, name: str, allowed: bool):
    def record(site: str) -> None:
        with db.transaction():
            studies.record_site_use(
                by=world.user(name), study=world.study(), site=world.site(site), setting="gp",
                from_on=date(2024, 1, 1), until_on=date(2024, 2, 1), count=5, person_years=2.0,
            )  # fmt: skip

    if allowed:
        record("mill")
        assert db.session.scalar(select(SiteUse.count)) == 5
        return
    with pytest.raises(Forbidden):
        record("mill")
    db.session.rollback()


def test_a_site_of_another_study_is_nobody_s_to_write_to(world: World):
    with db.transaction():
        elsewhere = studies.create_site(by=world.user("administrator"), slug="far", name="Far")
    with pytest.raises(Forbidden), db.transaction():
        studies.record_site_use(
            by=world.user("evaluator"), study=world.study(), site=elsewhere, setting="gp",
            from_on=date(2024, 1, 1), until_on=date(2024, 2, 1), count=5, person_years=2.0,
        )  # fmt: skip


def test_the_bundle_holds_no_use_of_another_study_s_sites(world: World, with_months: Path, tmp_path: Path):
    bring_in(world, with_months)
    written = export_bundle(by=world.user("evaluator"), study=world.study(), folder=tmp_path / "garden")
    assert written["site_use"] == 0
