"""The directory of community resources."""

from __future__ import annotations

import uuid

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from ..actions import directory as actions
from ..extensions import db, today
from ..forms.resources import FaultForm, ResourceEditForm, ResourceForm, SearchForm
from ..permissions import CARE_ROLES, holds, may_see_directory
from ..queries import resources
from .gate import rule
from .show import me, page, saved

pages = Blueprint("resources", __name__)


@pages.get("/resources")
@rule(*CARE_ROLES)
def directory() -> str:
    asker = me()
    form = SearchForm(request.args)
    form.area.choices = {"": "All", **{area: area for area in resources.areas(by=asker)}}
    search = _search(form)
    return render_template(
        "resources/directory.html",
        search_form=form,
        search=search,
        found=resources.search(search, request.args.get("page", 1, type=int), by=asker),
        studies=resources.studies(by=asker),
        supervises=holds(asker, ("supervisor",)),
        today=today(),
    )


def _search(form: SearchForm) -> resources.Search:
    """What was asked for and can be; the rest is as if it had not been asked for."""
    form.validate()
    given = {name: field.data for name, field in form._fields.items() if field.data and not field.errors}
    return resources.Search(**given)


@pages.get("/resources/<uuid:resource_id>")
@rule(*CARE_ROLES)
def view(resource_id: uuid.UUID) -> str:
    resource = resources.resource(resource_id, by=me())
    return render_template("resources/resource.html", resource=resource, today=today())


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


def _add(form: ResourceForm, study_id: uuid.UUID) -> actions.Resource:
    details = form.facts
    name, category = str(details.pop("name")), str(details.pop("category"))
    return actions.add_resource(by=me(), study_id=study_id, name=name, category=category, details=details)


@pages.route("/resources/<uuid:resource_id>/edit", methods=["GET", "POST"])
@rule(*CARE_ROLES)
def edit(resource_id: uuid.UUID) -> tuple[str, int] | Response:
    resource = resources.resource(resource_id, by=me())
    form = ResourceEditForm(obj=resource)
    if form.validate_on_submit() and saved(
        form,
        lambda: _edit(form, resource),
        edited=resource,
        as_saved=lambda: ResourceEditForm(formdata=None, obj=resource),
    ):
        flash("The entry was changed.", "success")
        return redirect(url_for(".view", resource_id=resource_id))
    return page("resources/edit.html", form, resource=resource)


def _edit(form: ResourceEditForm, resource: actions.Resource) -> bool:
    actions.edit_resource(by=me(), resource=resource, version=int(form.version.data or 0), changes=form.facts)
    return True


@pages.post("/resources/<uuid:resource_id>/checked")
@rule(*CARE_ROLES)
def check(resource_id: uuid.UUID) -> Response:
    with db.transaction():
        actions.mark_checked(by=me(), resource=resources.resource(resource_id, by=me()))
    flash("The entry is marked as checked today.", "success")
    return redirect(url_for(".view", resource_id=resource_id))


@pages.route("/resources/<uuid:resource_id>/wrong", methods=["GET", "POST"])
@rule(*CARE_ROLES)
def report(resource_id: uuid.UUID) -> tuple[str, int] | Response:
    resource = resources.resource(resource_id, by=me())
    form = FaultForm()
    if form.validate_on_submit() and saved(form, lambda: _report(form, resource)):
        flash("What is wrong stands beside the entry until somebody settles it.", "success")
        return redirect(url_for(".view", resource_id=resource_id))
    return page("resources/wrong.html", form, resource=resource)


def _report(form: FaultForm, resource: actions.Resource) -> actions.FaultReport:
    return actions.report_fault(by=me(), resource=resource, reason=str(form.reason.data))


@pages.post("/resources/wrong/<uuid:report_id>/settled")
@rule(*CARE_ROLES)
def settle(report_id: uuid.UUID) -> Response:
    with db.transaction():
        found = resources.fault_report(report_id, by=me())
        actions.settle_fault(by=me(), report=found)
        resource_id = found.resource_id
    flash("It is settled and no longer stands beside the entry.", "success")
    return redirect(url_for(".view", resource_id=resource_id))


@pages.get("/resources/uptake")
@rule("supervisor")
def uptake() -> str:
    return render_template("resources/uptake.html", rows=resources.uptake(by=me()))
