"""Brings somebody else's flat tables into the tracker, through the same actions as the forms: all of it or nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from sqlalchemy import select

from instruments import flat
from instruments.flat import Record

from . import models as m
from .actions import outcomes, people, studies
from .actions.refusal import Refused
from .extensions import db

Progress = Callable[[str, int, int], None]
ROWS_NAMED = 20
_TAKEN = ("people", "characteristics", "assessments", "scores", "service_use", "site_use")


def preview(mapping: Path) -> flat.Flat:
    """Read the mapping and every row it names; raises `flat.FlatError` with all faults and touches nothing."""
    return flat.read(mapping)


def import_flat(*, by: m.User, source: flat.Flat, progress: Progress) -> dict[str, int]:
    """Bring a previewed dataset in. The study, sites and arms are made when they are not there yet."""
    study = _study(by, source)
    _refuse_known(study, source)
    sites = {str(row["site"]): _site(by, row) for row in source.tables["sites"]}
    found = _people(by, study, sites, source, progress)
    for row in source.tables["allocations"]:
        _allocate(by, study, sites, found, row)
    for row in source.tables["characteristics"]:
        people.describe(by=by, person=found[str(row["person"])], name=str(row["name"]), value=str(row["value"]))
    _assessments(by, found, source, progress)
    for row in _counted(source.tables["service_use"], "Health-service use", progress):
        facts = {key: value for key, value in row.items() if key != "person"}
        outcomes.record_service_use(by=by, person=found[str(row["person"])], **facts)  # type: ignore[arg-type]
    for row in _counted(source.tables["site_use"], "Use by whole sites", progress):
        facts = {key: value for key, value in row.items() if key != "site"}
        studies.record_site_use(by=by, study=study, site=sites[str(row["site"])], **facts)  # type: ignore[arg-type]
    return {name: len(source.tables[name]) for name in _TAKEN}


def _counted(rows: list[Record], what: str, progress: Progress) -> Iterable[Record]:
    for done, row in enumerate(rows, start=1):
        yield row
        progress(what, done, len(rows))


def _study(by: m.User, source: flat.Flat) -> m.Study:
    study = db.session.scalar(select(m.Study).where(m.Study.slug == source.plan.id))
    if study is None:
        return studies.create_study(by=by, plan_text=source.plan_text)
    if study.plan_sha256 != source.plan.sha256:
        raise Refused("plan", f"study '{study.slug}' is here with another plan; give the imported study its own id")
    return study


def _refuse_known(study: m.Study, source: flat.Flat) -> None:
    """One message for everybody who is here already, before anything is written for anybody."""
    here = db.session.scalars(select(m.Person.study_number).where(m.Person.study_id == study.id))
    rows = sorted(source.rows[number] for number in here if number in source.rows)
    if rows:
        named = ", ".join(map(str, rows[:ROWS_NAMED])) + (", ..." if len(rows) > ROWS_NAMED else "")
        count = f"{len(rows)} of the people in the file are" if len(rows) > 1 else "1 of the people in the file is"
        raise Refused("form", f"study '{study.slug}': {count} here already (rows {named}); remove them from the file")


def _site(by: m.User, row: Record) -> m.Site:
    slug = str(row["site"])
    site = db.session.scalar(select(m.Site).where(m.Site.slug == slug))
    details = {key: value for key, value in row.items() if key != "site"}
    return site or studies.create_site(by=by, slug=slug, name=f"Site {slug}", details=details)


def _people(
    by: m.User, study: m.Study, sites: Mapping[str, m.Site], source: flat.Flat, progress: Progress
) -> dict[str, m.Person]:
    found = {}
    for row in _counted(source.tables["people"], "People", progress):
        left_on, left_reason = row.get("left_on"), row.get("left_reason")
        facts: dict[str, Any] = {
            key: value for key, value in row.items() if key not in ("person", "site", "entered_on")
        }
        entered_on = row["entered_on"]
        assert isinstance(entered_on, date)
        person = people.add_person(
            by=by, study=study, site=sites.get(str(row.get("site"))), entered_on=entered_on,
            facts_at_entry=facts, study_number=str(row["person"]),
        )  # fmt: skip
        assert (person.left_on, person.left_reason) == (left_on, left_reason)
        found[str(row["person"])] = person
    for row in source.tables["consents"]:
        given_on = row["given_on"]
        assert isinstance(given_on, date)
        people.record_consent(
            by=by, person=found[str(row["person"])], kind=str(row["kind"]), given_on=given_on,
            form_version=str(row["form_version"]),
        )  # fmt: skip
    return found


def _allocate(
    by: m.User, study: m.Study, sites: Mapping[str, m.Site], found: Mapping[str, m.Person], row: Record
) -> None:
    from_on = row["from_on"]
    assert isinstance(from_on, date)
    site = sites[str(row["site"])] if row.get("site") is not None else None
    person = found[str(row["person"])] if row.get("person") is not None else None
    if site is not None and _is_allocated(study, site, str(row["arm"]), from_on):
        return
    studies.allocate(
        by=by, study=study, arm=str(row["arm"]), from_on=from_on, method=str(row["method"]), site=site, person=person
    )


def _is_allocated(study: m.Study, site: m.Site, arm: str, from_on: date) -> bool:
    """Whether the site is in the arm by that day already; in another arm it contradicts the file."""
    known = db.session.execute(
        select(m.Arm.slug, m.Allocation.from_on)
        .join(m.Arm, m.Arm.id == m.Allocation.arm_id)
        .where(m.Allocation.study_id == study.id, m.Allocation.site_id == site.id)
    ).all()
    if other := next((slug for slug, _ in known if slug != arm), None):
        raise Refused(
            "form", f"site '{site.slug}': is in arm '{other}' here and in '{arm}' in the file; correct the file"
        )
    return any(began <= from_on for _, began in known)


def _assessments(by: m.User, found: Mapping[str, m.Person], source: flat.Flat, progress: Progress) -> None:
    scores: dict[str, dict[str, tuple[str | None, float]]] = {}
    for row in source.tables["scores"]:
        reported: Any = row
        scores.setdefault(reported["assessment"], {})[reported["scale"]] = (reported["value_set"], reported["score"])
    for row in _counted(source.tables["assessments"], "Scores", progress):
        given: Any = row
        outcomes.record_reported_scores(
            by=by, person=found[given["person"]], instrument=given["instrument"], version=given["version"],
            scores=scores[given["assessment"]],
            administration=outcomes.Administration(
                given["timepoint"], given["assessed_on"], given["mode"], given["respondent"]
            ),
        )  # fmt: skip
