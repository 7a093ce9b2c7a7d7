"""GP attendance and other health-service use."""

from __future__ import annotations

import uuid

from flask import Blueprint, flash, redirect, url_for
from werkzeug.wrappers import Response

from ..actions import outcomes
from ..forms.attendance import AttendanceForm
from ..permissions import CARE_ROLES
from ..queries import scope
from .gate import rule
from .show import me, page, saved

pages = Blueprint("attendance", __name__)


@pages.route("/people/<uuid:person_id>/attendance/new", methods=["GET", "POST"])
@rule(*CARE_ROLES)
def add(person_id: uuid.UUID) -> tuple[str, int] | Response:
    person = scope.person_in_care(person_id, by=me())
    form = AttendanceForm()
    if form.validate_on_submit() and saved(form, lambda: _add(form, person)):
        flash("The attendances were saved.", "success")
        return redirect(url_for("people.view", person_id=person_id))
    return page("attendance/new.html", form, person=person)


def _add(form: AttendanceForm, person: outcomes.Person) -> outcomes.ServiceUse:
    return outcomes.record_service_use(
        by=me(),
        person=person,
        setting=form.setting.data,
        from_on=form.from_on.data,
        until_on=form.until_on.data,
        count=form.count.data or 0,
        source=form.source.data,
    )
