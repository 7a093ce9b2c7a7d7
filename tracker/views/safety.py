"""Safety flags: setting one, looking at it again, ending it."""

from __future__ import annotations

import uuid

from flask import Blueprint, flash, redirect, url_for
from werkzeug.wrappers import Response

from ..actions import safety
from ..forms.safety import SafetyFlagForm, SafetyReviewForm
from ..permissions import CARE_ROLES
from ..queries import safety as warnings
from ..queries import scope
from .gate import rule
from .show import me, page, saved

pages = Blueprint("safety", __name__)


@pages.route("/people/<uuid:person_id>/safety-flags/new", methods=["GET", "POST"])
@rule(*CARE_ROLES)
def add(person_id: uuid.UUID) -> tuple[str, int] | Response:
    person = scope.person_in_care(person_id, by=me())
    form = SafetyFlagForm()
    if form.validate_on_submit() and saved(form, lambda: _add(form, person)):
        flash("The safety flag was saved. It stands on every page about the person.", "success")
        return redirect(url_for("people.view", person_id=person_id))
    return page("safety/new.html", form, person=person)


def _add(form: SafetyFlagForm, person: safety.Person) -> safety.SafetyFlag:
    return safety.set_flag(
        by=me(), person=person, kind=form.kind.data, note=form.note.data or None, review_on=form.review_on.data
    )


@pages.route("/safety-flags/<uuid:flag_id>", methods=["GET", "POST"])
@rule(*CARE_ROLES)
def review(flag_id: uuid.UUID) -> tuple[str, int] | Response:
    flag = warnings.flag(flag_id, by=me())
    form = SafetyReviewForm(data={"version": flag.version})
    if form.validate_on_submit() and saved(form, lambda: _review(form, flag), edited=flag):
        ended = form.decision.data == "end"
        flash("The safety flag was ended." if ended else "The safety flag holds on.", "success")
        return redirect(url_for("people.view", person_id=flag.person_id))
    return page("safety/review.html", form, flag=flag, person=flag.person)


def _review(form: SafetyReviewForm, flag: safety.SafetyFlag) -> bool:
    asker, version = me(), int(form["version"].data)
    if form.decision.data == "end":
        safety.end_flag(by=asker, flag=flag, version=version, reason=form["reason"].data)
    else:
        safety.keep_flag(by=asker, flag=flag, version=version, review_on=form.review_on.data)
    return True
