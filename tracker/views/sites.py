"""Sites: what is known of each, for administrators. Which arm a site is in is the plan's business and shown only."""

from __future__ import annotations

import uuid

from flask import Blueprint, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from ..actions import studies
from ..forms.staff import EditSiteForm, NewSiteForm
from ..queries import administration
from .gate import rule
from .show import me, page, saved

pages = Blueprint("sites", __name__)


@pages.get("/sites")
@rule("administrator")
def everyone() -> str:
    return render_template("sites/everyone.html", sites=administration.sites(by=me()))


@pages.route("/sites/new", methods=["GET", "POST"])
@rule("administrator")
def add() -> tuple[str, int] | Response:
    form = NewSiteForm()
    if form.validate_on_submit() and saved(form, lambda: _add(form)):
        flash("The site was added.", "success")
        return redirect(url_for(".everyone"))
    return page("sites/new.html", form)


def _add(form: NewSiteForm) -> studies.Site:
    return studies.create_site(by=me(), slug=str(form.slug.data), name=str(form.name.data), details=form.details)


@pages.route("/sites/<uuid:site_id>/edit", methods=["GET", "POST"])
@rule("administrator")
def edit(site_id: uuid.UUID) -> tuple[str, int] | Response:
    site = administration.site(site_id, by=me())
    form = EditSiteForm(obj=site)
    if form.validate_on_submit() and saved(
        form, lambda: _edit(form, site), edited=site, as_saved=lambda: EditSiteForm(formdata=None, obj=site)
    ):
        flash("The site was changed.", "success")
        return redirect(url_for(".everyone"))
    return page("sites/edit.html", form, site=site)


def _edit(form: EditSiteForm, site: studies.Site) -> bool:
    version = int(form.version.data or 0)
    studies.change_site(by=me(), site=site, version=version, name=str(form.name.data), details=form.details)
    return True
