"""Signposting somebody to a resource, and writing down what came of it."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from instruments.codes import SIGNPOST_OUTCOMES

from ..actions import care
from ..extensions import today
from ..forms.signposts import SignpostForm, SignpostOutcomeForm, by_category, in_two_weeks
from ..permissions import CARE_ROLES, holds
from ..queries import care as care_queries
from ..queries import resources, scope, signposts
from .gate import rule
from .show import me, page, saved

pages = Blueprint("signposts", __name__)


@pages.route("/people/<uuid:person_id>/signposts/new", methods=["GET", "POST"])
@rule(*CARE_ROLES)
def add(person_id: uuid.UUID) -> tuple[str, int] | Response:
    asker = me()
    person = scope.person_in_care(person_id, by=asker)
    directory = by_category(resources.resources(by=asker, study_id=person.study_id))
    form = SignpostForm()
    form.resource.choices = {"": "Choose", **directory}
    if form.validate_on_submit() and saved(form, lambda: _signpost(form, person)):
        flash("The signpost was saved.", "success")
        return redirect(url_for("people.view", person_id=person_id))
    return page("signposts/new.html", form, person=person, directory=directory)


def _signpost(form: SignpostForm, person: care.Person) -> care.Signpost:
    asker = me()
    return care.record_signpost(
        by=asker,
        person=person,
        resource=resources.resource(uuid.UUID(form.resource.data), by=asker),
        client_key=uuid.UUID(form.client_key.data),
        signposted_on=form.signposted_on.data,
        kind=form.kind.data,
        ask_again_on=form.ask_again_on.data,
        although_full=form.although_full.data,
    )


@pages.get("/signposts/waiting")
@rule(*CARE_ROLES)
def waiting() -> str:
    asker = me()
    mine = request.args.get("show", "mine" if holds(asker, ("link-worker",)) else "all") == "mine"
    found, day = signposts.waiting(by=asker, mine=mine), today()
    answered = signposts.answered_lately(datetime.now(UTC), by=asker)
    return render_template(
        "signposts/waiting.html",
        mine=mine,
        now=[each for each in found if each.ask_again_on is None or each.ask_again_on <= day],
        later=[each for each in found if each.ask_again_on is not None and each.ask_again_on > day],
        answered=answered,
        held=care_queries.held_referrals((each.person for each in (*found, *answered)), by=asker),
        today=day,
        in_two_weeks=in_two_weeks(),
    )


@pages.route("/signposts/<uuid:signpost_id>/outcome", methods=["GET", "POST"])
@rule(*CARE_ROLES)
def answer(signpost_id: uuid.UUID) -> tuple[str, int] | Response:
    signpost = signposts.signpost(signpost_id, by=me())
    form = SignpostOutcomeForm(obj=signpost)
    if form.validate_on_submit() and saved(
        form,
        lambda: _answer(form, signpost),
        edited=signpost,
        as_saved=lambda: SignpostOutcomeForm(formdata=None, obj=signpost),
    ):
        flash(f"Saved for {signpost.person.study_number}: {SIGNPOST_OUTCOMES[form.outcome.data]}.", "success")
        return redirect(_back(signpost))
    return page("signposts/outcome.html", form, signpost=signpost, back=_back(signpost))


def _back(signpost: care.Signpost) -> str:
    """To the list that the answer was asked on, else to the person."""
    if request.args.get("back") == "waiting":
        return url_for(".waiting")
    return url_for("people.view", person_id=signpost.person_id)


def _answer(form: SignpostOutcomeForm, signpost: care.Signpost) -> bool:
    care.answer_signpost(
        by=me(),
        signpost=signpost,
        version=int(form.version.data or 0),
        outcome=form.outcome.data,
        sessions_attended=form.sessions_attended.data,
        ask_again_on=form.ask_again_on.data,
    )
    return True
