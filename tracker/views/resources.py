"""The directory of community resources."""

from __future__ import annotations

import uuid

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from instruments.codes import RESOURCE_CATEGORIES

from ..actions import care
from ..forms.signposts import ResourceForm
from ..permissions import CARE_ROLES, may_see_directory
from ..queries import resources, scope
from .gate import rule
from .show import me, page, saved

pages = Blueprint("resources", __name__)


@pages.get("/resources")
@rule(*CARE_ROLES)
def directory() -> str:
    category = request.args.get("category", "")
    chosen = category if category in RESOURCE_CATEGORIES else None
    entries = resources.resources(by=me(), category=chosen)
    studies = {study.id: study for _, study in scope.sites(me())}
    return render_template(
        "resources/directory.html",
        entries=entries,
        chosen=chosen,
        categories=RESOURCE_CATEGORIES,
        studies=list(studies.values()),
    )


@pages.route("/studies/<uuid:study_id>/resources/new", methods=["GET", "POST"])
@rule(*CARE_ROLES)
def add(study_id: uuid.UUID) -> tuple[str, int] | Response:
    if not may_see_directory(me(), study_id):
        abort(404)
    form = ResourceForm()
    if form.validate_on_submit() and saved(form, lambda: _add(form, study_id)):
        flash("The resource was added to the directory.", "success")
        return redirect(url_for(".directory"))
    return page("resources/new.html", form)


def _add(form: ResourceForm, study_id: uuid.UUID) -> care.Resource:
    details = {name: form[name].data or None for name in ("provider", "area", "cost", "description")}
    return care.add_resource(
        by=me(), study_id=study_id, name=str(form.name.data), category=form.category.data, details=details
    )
