"""Signposting somebody to a resource, and writing down what came of it."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from flask import Blueprint, flash, redirect, url_for
from werkzeug.wrappers import Response

from instruments.codes import RESOURCE_CATEGORIES

from ..actions import care
from ..forms.signposts import SignpostForm, SignpostOutcomeForm
from ..permissions import CARE_ROLES
from ..queries import resources, scope
from .gate import rule
from .show import me, page, saved

pages = Blueprint("signposts", __name__)


@pages.route("/people/<uuid:person_id>/signposts/new", methods=["GET", "POST"])
@rule(*CARE_ROLES)
def add(person_id: uuid.UUID) -> tuple[str, int] | Response:
    asker = me()
    person = scope.person_in_care(person_id, by=asker)
    directory = resources.resources(by=asker, study_id=person.study_id)
    form = SignpostForm()
    form.resource.choices = {"": "Choose", **_by_category(directory)}
    if form.validate_on_submit() and saved(form, lambda: _signpost(form, person)):
        flash("The signpost was saved.", "success")
        return redirect(url_for("people.view", person_id=person_id))
    return page("signposts/new.html", form, person=person, directory=directory)


def _by_category(directory: Sequence[care.Resource]) -> dict[str, dict[str, str]]:
    """The drop-down's groups, in the order of the code list."""
    groups: dict[str, dict[str, str]] = {label: {} for label in RESOURCE_CATEGORIES.values()}
    for entry in directory:
        groups[RESOURCE_CATEGORIES[entry.category]][str(entry.id)] = entry.name
    return {label: entries for label, entries in groups.items() if entries}


def _signpost(form: SignpostForm, person: care.Person) -> care.Signpost:
    asker = me()
    return care.record_signpost(
        by=asker,
        person=person,
        resource=resources.resource(uuid.UUID(form.resource.data), by=asker),
        client_key=uuid.UUID(form.client_key.data),
        signposted_on=form.signposted_on.data,
        kind=form.kind.data,
    )


@pages.route("/signposts/<uuid:signpost_id>/outcome", methods=["GET", "POST"])
@rule(*CARE_ROLES)
def answer(signpost_id: uuid.UUID) -> tuple[str, int] | Response:
    signpost = resources.signpost(signpost_id, by=me())
    form = SignpostOutcomeForm(obj=signpost)
    if form.validate_on_submit() and saved(form, lambda: _answer(form, signpost), edited=signpost):
        flash("What came of the signpost was saved.", "success")
        return redirect(url_for("people.view", person_id=signpost.person_id))
    return page("signposts/outcome.html", form, signpost=signpost)


def _answer(form: SignpostOutcomeForm, signpost: care.Signpost) -> bool:
    care.answer_signpost(
        by=me(),
        signpost=signpost,
        version=int(form.version.data or 0),
        outcome=form.outcome.data,
        sessions_attended=form.sessions_attended.data,
    )
    return True
