"""Outcomes: what is due, answering an instrument, and what the answers score."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from instruments import UnknownInstrument, get
from instruments.definition import Instrument

from ..actions import drafts, outcomes
from ..extensions import db, today
from ..forms.assessments import (
    ITEM,
    LEFT_OUT,
    AssessmentForm,
    CorrectionForm,
    DraftForm,
    MissedForm,
    assessment_form,
)
from ..permissions import SITE_ROLES
from ..queries import alarms, care, occasions, people, scope, wordings
from .gate import rule
from .show import me, page, saved

pages = Blueprint("assessments", __name__)
PLACE = "/people/<uuid:person_id>/assessments/<instrument_id>/<timepoint_id>"


@pages.get("/outcomes-due")
@rule(*SITE_ROLES)
def due() -> str:
    asker = me()
    found, alarmed = occasions.due_occasions(today(), by=asker), alarms.alarmed_people(by=asker)
    held = care.held_referrals((*alarmed, *(each.person for each in found)), by=asker)
    return render_template("assessments/due.html", occasions=found, alarmed=alarmed, held=held, today=today())


@pages.route(PLACE, methods=["GET", "POST"])
@rule(*SITE_ROLES)
def add(person_id: uuid.UUID, instrument_id: str, timepoint_id: str) -> tuple[str, int] | Response:
    occasion = occasion_of(person_id, instrument_id, timepoint_id)
    if occasion.answered is not None and request.method == "GET":
        return redirect(url_for(".view", assessment_id=occasion.answered.id))
    form = assessment_form(occasion.instrument, AssessmentForm, data=_begun(occasion))
    if form.validate_on_submit():
        where = _leave(form, occasion) if form.later.data else save(form, occasion)
        if where is not None:
            return redirect(where)
    return page("assessments/new.html", form, **about(occasion))


def occasion_of(person_id: uuid.UUID, instrument_id: str, timepoint_id: str) -> occasions.Occasion:
    person = scope.person(person_id, by=me())
    for occasion in occasions.occasions(person, by=me()):
        if (occasion.instrument.id, occasion.timepoint.id) == (instrument_id, timepoint_id):
            return occasion
    return abort(404)


def place_of(occasion: occasions.Occasion) -> dict[str, Any]:
    """What the addresses of an occasion are made of."""
    return {
        "person_id": occasion.person.id,
        "instrument_id": occasion.instrument.id,
        "timepoint_id": occasion.timepoint.id,
    }


def about(occasion: occasions.Occasion) -> dict[str, object]:
    """What a page that asks an instrument shows besides its form."""
    facts = {"occasion": occasion, "instrument": occasion.instrument, "person": occasion.person}
    return facts | {"place": place_of(occasion), "today": today()}


def _begun(occasion: occasions.Occasion) -> dict[str, object] | None:
    """What a form starts from: the draft; what is sent stands by itself."""
    if occasion.draft is None or request.method != "GET":
        return None
    return {ITEM + item: said for item, said in occasion.draft.answers.items()}


def save(form: AssessmentForm, occasion: occasions.Occasion) -> str | None:
    """Save the answers as an assessment; where to go then, or None when they were refused."""
    assessment = saved(form, lambda: _record(form, occasion))
    if assessment is None:
        return None
    flash(f"{occasion.instrument.short_title} was saved.", "success")
    return url_for("assessments.view", assessment_id=assessment.id)


def _record(form: AssessmentForm, occasion: occasions.Occasion) -> outcomes.Assessment:
    return outcomes.record_assessment(
        by=me(),
        person=occasion.person,
        instrument=form.instrument,
        administration=outcomes.Administration(
            occasion.timepoint.id, form.assessed_on.data, form.mode.data, form.respondent.data
        ),
        responses=form.responses,
        client_key=uuid.UUID(form.client_key.data),
    )


def _leave(form: AssessmentForm, occasion: occasions.Occasion) -> str | None:
    if not saved(form, lambda: keep(occasion, form.answers)):
        return None
    flash(f"Go on with {occasion.instrument.short_title} when you like. The answers so far are kept.", "success")
    return url_for("people.view", person_id=occasion.person.id)


def keep(occasion: occasions.Occasion, answers: Mapping[str, outcomes.Said]) -> bool:
    drafts.keep_answers(
        by=me(),
        person=occasion.person,
        instrument=occasion.instrument,
        timepoint=occasion.timepoint.id,
        answers=answers,
    )
    return True


@pages.post(PLACE + "/answers")
@rule(*SITE_ROLES)
def keep_sent(person_id: uuid.UUID, instrument_id: str, timepoint_id: str) -> tuple[str, int]:
    """Answers as they are given, sent by the page itself: nothing to show if they are kept, else what is wrong."""
    occasion = occasion_of(person_id, instrument_id, timepoint_id)
    form = assessment_form(occasion.instrument, DraftForm)
    if form.validate() and saved(form, lambda: keep(occasion, form.sent)):
        return "", 204
    faults = [*form.form_errors, *(fault for field in form for fault in field.errors)]
    return " ".join(faults), 422


@pages.post(PLACE + "/draft/discard")
@rule(*SITE_ROLES)
def discard(person_id: uuid.UUID, instrument_id: str, timepoint_id: str) -> Response:
    draft = occasion_of(person_id, instrument_id, timepoint_id).draft
    if draft is not None:
        with db.transaction():
            drafts.discard_draft(by=me(), draft=draft)
        flash("The answers so far were thrown away.", "success")
    return redirect(url_for("people.view", person_id=person_id))


@pages.get("/assessments/<uuid:assessment_id>")
@rule(*SITE_ROLES)
def view(assessment_id: uuid.UUID) -> str:
    asker = me()
    assessment = people.assessment(assessment_id, by=asker)
    instrument = _instrument(assessment)
    return render_template(
        "assessments/assessment.html",
        assessment=assessment,
        person=assessment.person,
        instrument=instrument,
        answers={response.item: response for response in assessment.responses},
        scores=people.scores(assessment, by=asker) if assessment.responses else {},
        alerts=instrument.alerts_for({response.item: response.value for response in assessment.responses}),
    )


def _instrument(assessment: outcomes.Assessment) -> Instrument:
    try:
        return wordings.as_printed(get(assessment.instrument, assessment.instrument_version), by=me())
    except UnknownInstrument:
        abort(404)


@pages.route("/assessments/<uuid:assessment_id>/correct", methods=["GET", "POST"])
@rule(*SITE_ROLES)
def correct(assessment_id: uuid.UUID) -> tuple[str, int] | Response:
    assessment = people.assessment(assessment_id, by=me())
    form = assessment_form(_instrument(assessment), CorrectionForm, obj=assessment, data=_as_saved(assessment))
    if form.validate_on_submit() and saved(form, lambda: _correct(form, assessment), edited=assessment):
        flash("The answers were changed.", "success")
        return redirect(url_for(".view", assessment_id=assessment_id))
    return page(
        "assessments/correct.html",
        form,
        assessment=assessment,
        instrument=form.instrument,
        person=assessment.person,
        answers={response.item: response for response in assessment.responses},
    )


def _as_saved(assessment: outcomes.Assessment) -> dict[str, object]:
    """The saved answers as the form shows them: what was left out stands without an answer, its reason at the end."""
    said = {response.item: response.said for response in assessment.responses}
    reasons = [each for each in said.values() if each in LEFT_OUT]
    shown: dict[str, object] = {ITEM + item: None if each in LEFT_OUT else each for item, each in said.items()}
    return shown | {"unanswered": reasons[0] if reasons else None}


def _correct(form: CorrectionForm, assessment: outcomes.Assessment) -> bool:
    outcomes.correct_assessment(
        by=me(),
        assessment=assessment,
        version=int(form["version"].data),
        responses=form.responses,
        reason=form["reason"].data,
    )
    return True


@pages.route(PLACE + "/missed", methods=["GET", "POST"])
@rule(*SITE_ROLES)
def miss(person_id: uuid.UUID, instrument_id: str, timepoint_id: str) -> tuple[str, int] | Response:
    occasion = occasion_of(person_id, instrument_id, timepoint_id)
    form = MissedForm()
    if form.validate_on_submit() and saved(form, lambda: _miss(form, occasion)):
        flash("The reason was saved.", "success")
        return redirect(url_for("people.view", person_id=person_id))
    return page("assessments/missed.html", form, occasion=occasion, person=occasion.person)


def _miss(form: MissedForm, occasion: occasions.Occasion) -> outcomes.Assessment:
    return outcomes.record_missed_assessment(
        by=me(),
        person=occasion.person,
        instrument=occasion.instrument,
        administration=outcomes.Administration(
            occasion.timepoint.id, form.assessed_on.data, mode="in-person", respondent="self"
        ),
        status=form.status.data,
        missing_reason=form.missing_reason.data,
        client_key=uuid.UUID(form.client_key.data),
    )
