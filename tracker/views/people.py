"""A person: adding them, their page, who they are and what was known at entry, consents, leaving and withdrawing."""

from __future__ import annotations

import uuid
from datetime import date
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from ..actions import care, people
from ..extensions import today
from ..forms.people import (
    ConsentForm,
    DetailsForm,
    EntryCorrectionForm,
    LeavingForm,
    PersonForm,
    ReferredPersonForm,
    SearchForm,
    SiteForm,
    StayingForm,
    WithdrawalForm,
)
from ..permissions import CARE_ROLES, SITE_ROLES, is_offered_care, may_correct_contact, may_see_care
from ..queries import alarms, goals, occasions, scope, self_completion, workload
from ..queries import care as care_queries
from ..queries import people as histories
from .gate import rule
from .referrals import refer
from .show import me, page, saved

pages = Blueprint("people", __name__)


@pages.get("/people/<uuid:person_id>")
@rule(*SITE_ROLES)
def view(person_id: uuid.UUID) -> str:
    asker = me()
    person = scope.person(person_id, by=asker)
    assessments = histories.assessments(person, by=asker)
    context = {
        "person": person,
        "assessments": assessments,
        "histories": histories.histories(assessments, by=asker),
        "alarms": alarms.alarms([person], by=asker).get(person.id, []),
        "occasions": occasions.occasions(person, by=asker),
        "asked_alone": self_completion.current(person, by=asker),
        "today": today(),
    }
    if may_see_care(asker, person):
        contacts = histories.contacts(person, by=asker)
        arm = scope.arm_of(person, by=asker)
        context |= {
            "arm": arm,
            "offered_care": is_offered_care(arm),
            "referrals": histories.referrals(person, by=asker),
            "contacts": contacts,
            "agreed": histories.agreed_contact(person, contacts, by=asker),
            "goals": goals.goals(person, by=asker),
            "correctable": {each.id for each in contacts if may_correct_contact(asker, each)},
            "signposts": histories.signposts(person, by=asker),
            "service_use": histories.service_use(person, by=asker),
            "dose": workload.dose(person, by=asker),
            "reopening_period": care.REOPENING_PERIOD,
        }
        return render_template("people/person.html", **context)
    return render_template("people/person_blind.html", **context)


@pages.get("/people")
@rule(*CARE_ROLES)
def everyone() -> str:
    asker = me()
    standings = histories.everyone(by=asker)
    held = care_queries.held_referrals((each.person for each in standings), by=asker)
    return render_template("people/everyone.html", standings=standings, held=held)


@pages.route("/people/search", methods=["GET", "POST"])
@rule(*SITE_ROLES)
def search() -> tuple[str, int]:
    """What is looked for is sent and not put into the address, which browsers and logs keep."""
    asker, form = me(), SearchForm()
    found = histories.find(form.words.data or "", by=asker) if form.validate_on_submit() else None
    return page("people/search.html", form, found=found, held=care_queries.held_referrals(found or (), by=asker))


@pages.route("/people/new", methods=["GET", "POST"])
@rule(*CARE_ROLES)
def choose_site() -> tuple[str, int] | Response:
    """Skipped by everyone who works at one site."""
    own = scope.sites(me())
    form = SiteForm()
    form.site.choices = {f"{study.id}:{site.id}": site.name for site, study in own}
    if len(own) == 1:
        site, study = own[0]
        return redirect(url_for(".add", study_id=study.id, site_id=site.id))
    if form.validate_on_submit():
        study_id, site_id = form.site.data.split(":")
        return redirect(url_for(".add", study_id=study_id, site_id=site_id))
    return page("people/choose_site.html", form)


@pages.route("/studies/<uuid:study_id>/sites/<uuid:site_id>/people/new", methods=["GET", "POST"])
@rule(*CARE_ROLES)
def add(study_id: uuid.UUID, site_id: uuid.UUID) -> tuple[str, int] | Response:
    """Somebody who may be here already is not added before it was said that they are somebody else."""
    asker = me()
    site, study = scope.site(site_id, study_id, by=asker)
    referred = is_offered_care(scope.arm_at(study_id, site_id, None, today(), by=asker))
    form = ReferredPersonForm() if referred else PersonForm()
    context = {"site": site, "study": study, "referred": referred}
    if request.form.get("same_person") != "back" and form.validate_on_submit():
        try:
            person = saved(form, lambda: _add(form, study_id, site_id))
        except people.AlreadyHere as known:
            standings = histories.standings(known.found, by=asker)
            return page("people/already_here.html", form, standings=standings, **context)
        if person is not None:
            flash(f"{person.study_number} was added.", "success")
            return redirect(url_for(".view", person_id=person.id))
    return page("people/new.html", form, **context)


def _add(form: PersonForm, study_id: uuid.UUID, site_id: uuid.UUID) -> people.Person:
    asker = me()
    site, study = scope.site(site_id, study_id, by=asker)
    known = form.facts | _index_of(form.facts["deprivation"])
    entered_on = form.entered_on.data
    person = people.add_person(
        by=asker, study=study, site=site, entered_on=entered_on, identity=form.identity, facts_at_entry=known,
        conditions=form["conditions"].data, duplicate_is_wanted=request.form.get("same_person") == "no",
    )  # fmt: skip
    for kind in form.consents:
        people.record_consent(by=asker, person=person, kind=kind, given_on=entered_on)
    if isinstance(form, ReferredPersonForm):
        refer(form, person)
    return person


def _index_of(deprivation: int | None) -> dict[str, str | None]:
    return {"deprivation_index": "imd2019-decile" if deprivation else None}


@pages.route("/people/<uuid:person_id>/details", methods=["GET", "POST"])
@rule(*CARE_ROLES)
def details(person_id: uuid.UUID) -> tuple[str, int] | Response:
    person = scope.person_in_care(person_id, by=me())
    form = DetailsForm(data=_identity(person))
    as_saved = lambda: DetailsForm(formdata=None, data=_identity(person))  # noqa: E731
    if form.validate_on_submit() and saved(
        form, lambda: _details(form, person), edited=person.identity, as_saved=as_saved
    ):
        flash("The details were saved.", "success")
        return redirect(url_for(".view", person_id=person_id))
    return page("people/details.html", form, person=person)


def _identity(person: people.Person) -> dict[str, Any]:
    kept = person.identity
    if kept is None:
        return {"version": 0}
    born = date.fromisoformat(kept.date_of_birth) if kept.date_of_birth else None
    names = ("version", "name", "nhs_number", "phone", "address")
    return {name: getattr(kept, name) for name in names} | {"date_of_birth": born}


def _details(form: DetailsForm, person: people.Person) -> bool:
    people.correct_identity(by=me(), person=person, version=int(form["version"].data or 0), given=form.identity)
    return True


@pages.route("/people/<uuid:person_id>/entry", methods=["GET", "POST"])
@rule(*CARE_ROLES)
def entry(person_id: uuid.UUID) -> tuple[str, int] | Response:
    person = scope.person_in_care(person_id, by=me())
    form = EntryCorrectionForm(data=_at_entry(person))
    as_saved = lambda: EntryCorrectionForm(formdata=None, data=_at_entry(person))  # noqa: E731
    if form.validate_on_submit() and saved(form, lambda: _entry(form, person), edited=person, as_saved=as_saved):
        flash("What was known at entry was saved.", "success")
        return redirect(url_for(".view", person_id=person_id))
    return page("people/entry.html", form, person=person)


def _at_entry(person: people.Person) -> dict[str, Any]:
    known = {name: getattr(person, name) for name in ("version", *people.ENTRY_FACTS)}
    return known | {"conditions": [each.condition for each in person.conditions]}


def _entry(form: EntryCorrectionForm, person: people.Person) -> bool:
    """A decile that stays as it is keeps the index that it was read from."""
    known = form.facts
    if known["deprivation"] != person.deprivation:
        known |= _index_of(known["deprivation"])
    people.correct_entry_facts(
        by=me(), person=person, version=int(form["version"].data or 0), known=known, conditions=form["conditions"].data
    )
    return True


@pages.route("/people/<uuid:person_id>/consents/new", methods=["GET", "POST"])
@rule(*CARE_ROLES)
def consent(person_id: uuid.UUID) -> tuple[str, int] | Response:
    person = scope.person_in_care(person_id, by=me())
    form = ConsentForm()
    if form.validate_on_submit() and saved(form, lambda: _consent(form, person)):
        flash("The consent was saved.", "success")
        return redirect(url_for(".view", person_id=person_id))
    return page("people/consent.html", form, person=person)


def _consent(form: ConsentForm, person: people.Person) -> bool:
    people.record_consent(by=me(), person=person, kind=form.kind.data, given_on=form.given_on.data)
    return True


@pages.route("/people/<uuid:person_id>/leaving", methods=["GET", "POST"])
@rule(*CARE_ROLES)
def leave(person_id: uuid.UUID) -> tuple[str, int] | Response:
    person = scope.person_in_care(person_id, by=me())
    if "version" in request.form or (person.left_on is not None and request.method == "GET"):
        return _stay(person)
    form = LeavingForm(data=_as_the_referral_says(person))
    if form.validate_on_submit() and saved(form, lambda: _leave(form, person)):
        flash("The date and reason of leaving were saved.", "success")
        return _closing(person) or redirect(url_for(".view", person_id=person_id))
    return page("people/leave.html", form, person=person)


def _closing(person: people.Person) -> Response | None:
    """Nobody should call on somebody who died: on to closing their referral, if it is open."""
    held = care_queries.held_referrals([person], by=me()).get(person.id)
    if person.left_reason != "died" or held is None:
        return None
    return redirect(url_for("referrals.close", referral_id=held))


def _stay(person: people.Person) -> tuple[str, int] | Response:
    form = StayingForm(obj=person)
    if form.validate_on_submit() and saved(form, lambda: _stays(form, person), edited=person):
        flash("The leaving was taken back: the person is in the study.", "success")
        return redirect(url_for(".view", person_id=person.id))
    return page("people/stay.html", form, person=person)


def _stays(form: StayingForm, person: people.Person) -> bool:
    people.stay(by=me(), person=person, version=int(form.version.data or 0), reason=form.reason.data or "")
    return True


def _as_the_referral_says(person: people.Person) -> dict[str, object]:
    """Whose referral ended because they died is not asked why they leave."""
    latest = next(iter(histories.referrals(person, by=me())), None)
    if latest is None or latest.death_told_on is None:
        return {}
    return {"left_reason": "died", "left_on": max(latest.death_told_on, person.entered_on)}


def _leave(form: LeavingForm, person: people.Person) -> bool:
    people.leave(by=me(), person=person, left_on=form.left_on.data, left_reason=form.left_reason.data)
    return True


@pages.route("/people/<uuid:person_id>/withdrawal", methods=["GET", "POST"])
@rule(*CARE_ROLES)
def withdraw(person_id: uuid.UUID) -> tuple[str, int] | Response:
    person = scope.person_in_care(person_id, by=me())
    form = WithdrawalForm()
    if form.validate_on_submit() and saved(form, lambda: _withdraw(form, person)):
        flash("The withdrawal was recorded. The record is closed to everyone who worked with it.", "success")
        return redirect(url_for("home.start"))
    return page("people/withdraw.html", form, person=person)


def _withdraw(form: WithdrawalForm, person: people.Person) -> bool:
    people.withdraw(
        by=me(),
        person=person,
        withdrawn_on=form.withdrawn_on.data,
        on_withdrawal=form.on_withdrawal.data,
        reason=form.reason.data or None,
    )
    return True
