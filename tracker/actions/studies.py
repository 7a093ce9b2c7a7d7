"""Setting up a study: its plan, arms, sites and allocation."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import select

from instruments import plan as plans

from ..extensions import db, today
from ..models import Allocation, Arm, Person, Site, SiteUse, Study, User
from ..permissions import may_import, may_manage
from .audit import facts, write_event
from .refusal import CHANGED_MEANWHILE, Conflict, Refused, check, translated


def create_study(*, by: User, plan_text: str) -> Study:
    """Make a study and its arms from its plan."""
    check(may_manage(by))
    plan = _parsed(plan_text)
    study = Study(
        slug=plan.id, title=plan.title, design=plan.design,
        plan_text=plan_text, plan_sha256=plan.sha256, recorded_by=by.id,
    )  # fmt: skip
    db.session.add(study)
    with translated():
        write_event(by=by, action="create_study", record=study)
    for arm in plan.arms:
        record = Arm(study_id=study.id, slug=arm.id, label=arm.label, role=arm.role, recorded_by=by.id)
        db.session.add(record)
        write_event(by=by, action="create_arm", record=record)
    return study


def lock_plan(*, by: User, study: Study) -> None:
    """Fix the plan: from now on it cannot be replaced, only deviated from, visibly."""
    check(may_import(by, study))
    if study.locked_at is not None:
        raise Conflict("form", "The plan is locked already; deviations are reported, not written into the plan.")
    before = facts(study)
    study.locked_at, study.locked_by = datetime.now(UTC), by.id
    write_event(by=by, action="lock_plan", record=study, before=before)


def create_site(*, by: User, slug: str, name: str, details: Mapping[str, Any] | None = None) -> Site:
    """Make a site (a practice or clinic)."""
    check(may_manage(by))
    site = Site(slug=slug, name=name, recorded_by=by.id, **(details or {}))
    db.session.add(site)
    with translated():
        write_event(by=by, action="create_site", record=site)
    return site


def change_site(*, by: User, site: Site, version: int, name: str, details: Mapping[str, Any]) -> None:
    """Rename a site, or correct what is known of it; its id stands in datasets and stays."""
    check(may_manage(by))
    if site.version != version:
        raise Conflict("form", CHANGED_MEANWHILE)
    before = facts(site)
    site.name = name
    for field, value in details.items():
        setattr(site, field, value)
    with translated():
        write_event(by=by, action="change_site", record=site, before=before)


def allocate(
    *, by: User, study: Study, arm: str, from_on: date, method: str,
    site: Site | None = None, person: Person | None = None,
) -> Allocation:  # fmt: skip
    """Put a site, or one person, in an arm from a date."""
    check(may_import(by, study))
    chosen = db.session.scalar(select(Arm).where(Arm.study_id == study.id, Arm.slug == arm))
    if chosen is None:
        raise Refused("arm", f"arm: '{arm}' is not in the study's plan; use one of its arms")
    allocation = Allocation(
        study_id=study.id, arm_id=chosen.id, from_on=from_on, method=method, recorded_by=by.id,
        site_id=site.id if site else None, person_id=person.id if person else None,
    )  # fmt: skip
    db.session.add(allocation)
    with translated():
        write_event(by=by, action="allocate", record=allocation)
    return allocation


def record_site_use(
    *, by: User, study: Study, site: Site, setting: str, from_on: date, until_on: date, count: int, person_years: float
) -> SiteUse:
    """Save what everybody at a site of the study used over a period; the same again changes nothing."""
    check(may_import(by, study) and _is_of(study, site))
    facts_given = {"until_on": until_on, "count": count, "person_years": person_years}
    if until_on > today():
        raise Refused("form", f"site '{site.slug}': a period ends in the future; leave it out until it is over")
    known = db.session.scalar(select(SiteUse).filter_by(site_id=site.id, setting=setting, from_on=from_on))
    if known is not None and facts_given == {name: getattr(known, name) for name in facts_given}:
        return known
    use = SiteUse(site_id=site.id, setting=setting, from_on=from_on, recorded_by=by.id, **facts_given)
    db.session.add(use)
    with translated():
        write_event(by=by, action="record_site_use", record=use)
    return use


def _is_of(study: Study, site: Site) -> bool:
    """Whether a site is allocated in a study, or somebody of the study is there."""
    allocated = select(Allocation.id).where(Allocation.study_id == study.id, Allocation.site_id == site.id)
    there = select(Person.id).where(Person.study_id == study.id, Person.site_id == site.id)
    return db.session.scalar(select(allocated.exists() | there.exists())) or False


def _parsed(text: str) -> plans.Plan:
    try:
        return plans.parse(text)
    except plans.PlanError as error:
        raise Refused("plan", str(error)) from None
