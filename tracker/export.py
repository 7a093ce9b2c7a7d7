"""The dataset bundle: what is recorded, by pseudonym, in the tables of the contract. No identity, no free text."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.orm import lazyload, selectinload

from instruments import bundle, get
from instruments.bundle import Row
from instruments.dataset import Value, table
from instruments.plan import Plan, parse

from . import models as m
from .actions.audit import write_event
from .actions.refusal import check
from .extensions import db, keyring
from .permissions import may_export
from .queries.scope import in_research

BATCH = 500
PERSON = selectinload(m.Assessment.person).lazyload(m.Person.identity)  # some rules ask for age and sex


def export_bundle(*, by: m.User, study: m.Study, folder: Path) -> dict[str, int]:
    """Write a study's bundle and its line in the audit trail; rows written by table."""
    check(may_export(by, study))
    db.snapshot()
    rows = _Rows(study)
    tables = {name: getattr(rows, name)() for name in rows.TABLES}
    written = bundle.write(folder, tables, study.plan_text, made_by=f"link-worker-kit tracker {_version()}")
    with db.transaction():
        write_event(by=by, action="export", record=study, after={"plan_sha256": study.plan_sha256, "rows": written})
    return written


def _version() -> str:
    try:
        return version("link-worker-kit")
    except PackageNotFoundError:
        return "from source"


class _Rows:
    """Rows of each contract table, read in batches; only people whose data may be used in the study."""

    TABLES = (
        "arms", "sites", "allocations", "people", "characteristics", "conditions", "consents", "referrals", "needs",
        "reopenings", "assignments", "posts", "contacts", "resources", "signposts", "assessments", "item_responses",
        "scores", "service_use", "site_use",
    )  # fmt: skip

    def __init__(self, study: m.Study) -> None:
        self.study = study
        self.plan: Plan = parse(study.plan_text)
        self.arm_names = {arm.id: arm.slug for arm in study.arms}
        self.site_names = dict(db.session.execute(select(m.Site.id, m.Site.slug)).all())

    def name(self, id: uuid.UUID, letter: str) -> str:
        return keyring.pseudonym(str(self.study.id), str(id), letter)

    def site(self, id: uuid.UUID | None) -> str | None:
        return self.site_names[id] if id else None

    def included(self) -> ColumnElement[bool]:
        return (m.Person.study_id == self.study.id) & in_research()

    def arms(self) -> Iterator[Row]:
        for arm in self.study.arms:
            yield {"arm": arm.slug, "label": arm.label, "role": arm.role}

    def _of_study(self) -> ColumnElement[bool]:
        with_people = select(m.Person.site_id).where(m.Person.study_id == self.study.id)
        used = with_people.union(select(m.Allocation.site_id).where(m.Allocation.study_id == self.study.id))
        return m.Site.id.in_(used)

    def sites(self) -> Iterator[Row]:
        for site in _stream(select(m.Site).where(self._of_study()).order_by(m.Site.slug)):
            yield {"site": site.slug} | _same(site, "list_size", "deprivation", "deprivation_index")

    def allocations(self) -> Iterator[Row]:
        people = select(m.Person.id).where(self.included())
        query = select(m.Allocation).where(
            m.Allocation.study_id == self.study.id,
            m.Allocation.person_id.is_(None) | m.Allocation.person_id.in_(people),
        )
        for each in _stream(query.order_by(m.Allocation.from_on, m.Allocation.id)):
            person = self.name(each.person_id, "p") if each.person_id else None
            yield {
                "arm": self.arm_names[each.arm_id],
                "site": self.site(each.site_id),
                "person": person,
            } | _same(each, "from_on", "method")

    def people(self) -> Iterator[Row]:
        facts = set(table("people").names) - {"person", "site"}
        apart = select(m.Person).options(lazyload(m.Person.identity))
        for person in _stream(apart.where(self.included()).order_by(m.Person.id)):
            yield {"person": self.name(person.id, "p"), "site": self.site(person.site_id)} | _same(person, *facts)

    def characteristics(self) -> Iterator[Row]:
        for each in self._of_people(m.Characteristic, m.Characteristic.name):
            yield {"person": self.name(each.person_id, "p")} | _same(each, "name", "value")

    def conditions(self) -> Iterator[Row]:
        for each in self._of_people(m.Condition, m.Condition.condition):
            yield {"person": self.name(each.person_id, "p")} | _same(each, "condition")

    def consents(self) -> Iterator[Row]:
        for each in self._of_people(m.Consent, m.Consent.kind):
            yield {"person": self.name(each.person_id, "p")} | _same(
                each, "kind", "form_version", "given_on", "withdrawn_on", "on_withdrawal"
            )

    def referrals(self) -> Iterator[Row]:
        names = set(table("referrals").names) - {"referral", "person"}
        for each in self._of_people(m.Referral, m.Referral.referred_on):
            yield {"referral": self.name(each.id, "r"), "person": self.name(each.person_id, "p")} | _same(each, *names)

    def needs(self) -> Iterator[Row]:
        query = select(m.Need, m.Referral.person_id).join(m.Need.referral).join(m.Referral.person)
        ordered = query.where(self.included()).order_by(m.Need.need, m.Need.id)
        for each, person_id in db.session.execute(ordered.execution_options(yield_per=BATCH)):
            names = {"referral": self.name(each.referral_id, "r"), "person": self.name(person_id, "p")}
            yield names | _same(each, "need")

    def reopenings(self) -> Iterator[Row]:
        query = select(m.Reopening).join(m.Reopening.referral).join(m.Referral.person).where(self.included())
        for each in _stream(query.order_by(m.Reopening.reopened_on, m.Reopening.id)):
            yield {"referral": self.name(each.referral_id, "r")} | _same(
                each, "closed_on", "closure_reason", "reopened_on"
            )

    def assignments(self) -> Iterator[Row]:
        query = select(m.Assignment).join(m.Assignment.referral).join(m.Referral.person).where(self.included())
        for each in _stream(query.order_by(m.Assignment.from_on, m.Assignment.id)):
            names = {"referral": self.name(each.referral_id, "r"), "worker": self.name(each.worker_id, "w")}
            yield names | _same(each, "from_on", "until_on")

    def posts(self) -> Iterator[Row]:
        sites = select(m.Allocation.site_id).where(m.Allocation.study_id == self.study.id)
        for each in _stream(select(m.Post).where(m.Post.site_id.in_(sites)).order_by(m.Post.from_on, m.Post.id)):
            names = {"worker": self.name(each.user_id, "w"), "site": self.site(each.site_id)}
            yield names | _same(each, "fte", "from_on", "until_on")

    def contacts(self) -> Iterator[Row]:
        query = select(m.Contact, m.Referral.person_id).join(m.Contact.referral).join(m.Referral.person)
        ordered = query.where(self.included()).order_by(m.Contact.contacted_on, m.Contact.id)
        for each, person_id in db.session.execute(ordered.execution_options(yield_per=BATCH)):
            yield {
                "contact": self.name(each.id, "c"),
                "person": self.name(person_id, "p"),
                "referral": self.name(each.referral_id, "r"),
                "worker": self.name(each.worker_id, "w"),
            } | _same(each, "contacted_on", "mode", "attendance", "minutes", "travel_minutes")

    def resources(self) -> Iterator[Row]:
        query = select(m.Resource).where(m.Resource.study_id == self.study.id).order_by(m.Resource.name)
        for each in _stream(query):
            yield {"resource": self.name(each.id, "d")} | _same(each, "name", "category")

    def signposts(self) -> Iterator[Row]:
        for each in self._of_people(m.Signpost, m.Signpost.signposted_on):
            yield {
                "signpost": self.name(each.id, "s"),
                "person": self.name(each.person_id, "p"),
                "resource": self.name(each.resource_id, "d"),
                "contact": self.name(each.contact_id, "c") if each.contact_id else None,
            } | _same(each, "signposted_on", "kind", "outcome", "sessions_attended")

    def assessments(self) -> Iterator[Row]:
        for each in self._of_people(m.Assessment, m.Assessment.assessed_on):
            yield self._shared(each) | _same(each, "assessed_on", "mode", "respondent", "status", "missing_reason")

    def item_responses(self) -> Iterator[Row]:
        for each in self._of_people(m.Assessment, m.Assessment.assessed_on, selectinload(m.Assessment.responses)):
            for response in each.responses:
                yield {"assessment": self.name(each.id, "a")} | _same(response, "item", "value", "missing_reason")

    def scores(self) -> Iterator[Row]:
        """Scored here, from the answers, under each value set that the plan names; or as the source reported them."""
        loaded = (selectinload(m.Assessment.responses), selectinload(m.Assessment.reported_scores), PERSON)
        for each in self._of_people(m.Assessment, m.Assessment.assessed_on, *loaded):
            for reported in each.reported_scores:
                yield self._shared(each) | _same(reported, "scale", "value_set", "score") | {"origin": "reported"}
            if each.responses:
                yield from self._scored(each)

    def _scored(self, assessment: m.Assessment) -> Iterator[Row]:
        instrument = get(assessment.instrument, assessment.instrument_version)
        named = [o.value_set for o in self.plan.outcomes if o.instrument == instrument.id and o.value_set]
        for position, value_set in enumerate(dict.fromkeys(named) or (None,)):
            for scale, got in assessment.scored(value_set).items():
                if position and got.value_set is None:
                    continue
                yield self._shared(assessment) | {
                    "scale": scale,
                    "value_set": got.value_set,
                    "score": got.value,
                    "reason": got.reason,
                    "origin": "scored",
                }

    def service_use(self) -> Iterator[Row]:
        for each in self._of_people(m.ServiceUse, m.ServiceUse.from_on):
            yield {"person": self.name(each.person_id, "p")} | _same(
                each, "setting", "from_on", "until_on", "count", "source"
            )

    def site_use(self) -> Iterator[Row]:
        query = select(m.SiteUse).join(m.Site, m.Site.id == m.SiteUse.site_id).where(self._of_study())
        for each in _stream(query.order_by(m.SiteUse.from_on, m.SiteUse.id)):
            yield {"site": self.site(each.site_id)} | _same(
                each, "setting", "from_on", "until_on", "count", "person_years"
            )

    def _shared(self, assessment: m.Assessment) -> dict[str, Value]:
        return {
            "assessment": self.name(assessment.id, "a"),
            "person": self.name(assessment.person_id, "p"),
            "instrument": assessment.instrument,
            "version": assessment.instrument_version,
            "timepoint": assessment.timepoint,
        }

    def _of_people(self, model, order, *loaded):  # type: ignore[no-untyped-def]
        """Rows that belong to the included people, in a stable order."""
        query = select(model).join(m.Person, m.Person.id == model.person_id).where(self.included())
        return _stream(query.options(*loaded).order_by(order, model.id))


def _stream(query: Select) -> Iterator:
    return iter(db.session.scalars(query.execution_options(yield_per=BATCH)))


def _same(record: m.Base, *names: str) -> dict[str, Value]:
    """Facts that carry the same name in the record and in the contract."""
    return {name: getattr(record, name) for name in names}
