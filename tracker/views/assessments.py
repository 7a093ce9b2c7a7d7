"""Outcomes: what is due, answering an instrument, and what the answers score."""

from __future__ import annotations

import uuid

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from instruments import UnknownInstrument, get
from instruments.definition import Instrument

from ..actions import outcomes
from ..extensions import today
from ..forms.assessments import ITEM, AssessmentForm, CorrectionForm, MissedForm, assessment_form
from ..permissions import SITE_ROLES
from ..queries import occasions, people, scope
from .gate import rule
from .show import me, page, saved

pages = Blueprint("assessments", __name__)


@pages.get("/outcomes-due")
@rule(*SITE_ROLES)
def due() -> str:
    return render_template("assessments/due.html", occasions=occasions.due_occasions(today(), by=me()), today=today())


@pages.route("/people/<uuid:person_id>/assessments/<instrument_id>/<timepoint_id>", methods=["GET", "POST"])
@rule(*SITE_ROLES)
def add(person_id: uuid.UUID, instrument_id: str, timepoint_id: str) -> tuple[str, int] | Response:
    occasion = _occasion(person_id, instrument_id, timepoint_id)
    if occasion.answered is not None and request.method == "GET":
        return redirect(url_for(".view", assessment_id=occasion.answered.id))
    form = assessment_form(occasion.instrument, AssessmentForm)
    if form.validate_on_submit():
        assessment = saved(form, lambda: _add(form, occasion))
        if assessment is not None:
            flash(f"{occasion.instrument.short_title} was saved.", "success")
            return redirect(url_for(".view", assessment_id=assessment.id))
    context = {"occasion": occasion, "instrument": occasion.instrument, "person": occasion.person, "today": today()}
    return page("assessments/new.html", form, **context)


def _occasion(person_id: uuid.UUID, instrument_id: str, timepoint_id: str) -> occasions.Occasion:
    person = scope.person(person_id, by=me())
    for occasion in occasions.occasions(person, by=me()):
        if (occasion.instrument.id, occasion.timepoint.id) == (instrument_id, timepoint_id):
            return occasion
    return abort(404)


def _add(form: AssessmentForm, occasion: occasions.Occasion) -> outcomes.Assessment:
    return outcomes.record_assessment(
        by=me(),
        person=occasion.person,
        instrument=form.instrument,
        administration=_administration(form, occasion.timepoint.id),
        responses=form.responses,
        client_key=uuid.UUID(form.client_key.data),
    )


def _administration(form: AssessmentForm, timepoint: str) -> outcomes.Administration:
    return outcomes.Administration(timepoint, form.assessed_on.data, form.mode.data, form.respondent.data)


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
        alerts=[alert for _, alert in people.alerts([assessment], by=asker)],
    )


def _instrument(assessment: outcomes.Assessment) -> Instrument:
    try:
        return get(assessment.instrument, assessment.instrument_version)
    except UnknownInstrument:
        abort(404)


@pages.route("/assessments/<uuid:assessment_id>/correct", methods=["GET", "POST"])
@rule(*SITE_ROLES)
def correct(assessment_id: uuid.UUID) -> tuple[str, int] | Response:
    assessment = people.assessment(assessment_id, by=me())
    saved_answers = {ITEM + response.item: response.value for response in assessment.responses}
    form = assessment_form(_instrument(assessment), CorrectionForm, obj=assessment, data=saved_answers)
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


def _correct(form: CorrectionForm, assessment: outcomes.Assessment) -> bool:
    outcomes.correct_assessment(
        by=me(),
        assessment=assessment,
        version=int(form["version"].data),
        responses=form.responses,
        reason=form["reason"].data,
    )
    return True


@pages.route("/people/<uuid:person_id>/assessments/<instrument_id>/<timepoint_id>/missed", methods=["GET", "POST"])
@rule(*SITE_ROLES)
def miss(person_id: uuid.UUID, instrument_id: str, timepoint_id: str) -> tuple[str, int] | Response:
    occasion = _occasion(person_id, instrument_id, timepoint_id)
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
