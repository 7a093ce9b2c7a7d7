"""Letting somebody answer alone: a link shown once, or this very device, on which the worker's sign-in then ends."""

from __future__ import annotations

import uuid

import segno
from flask import Blueprint, flash, redirect, render_template, session, url_for
from flask_security.utils import logout_user
from werkzeug.wrappers import Response

from ..actions import self_completion as actions
from ..actions.refusal import Refused
from ..extensions import db, today
from ..forms.self_completion import AskAloneForm
from ..permissions import SITE_ROLES
from ..queries import scope
from ..queries import self_completion as queries
from .answers import HANDED_OVER, with_cookie
from .gate import rule
from .show import made_before, made_now, me, page, saved

pages = Blueprint("self_completion", __name__)


@pages.route("/people/<uuid:person_id>/self-completion/<timepoint_id>", methods=["GET", "POST"])
@rule(*SITE_ROLES)
def ask(person_id: uuid.UUID, timepoint_id: str) -> tuple[str, int] | Response:
    person = scope.person(person_id, by=me())
    choices = queries.choices(person, timepoint_id, by=me())
    offered = [each.occasion for each in choices if each.obstacle is None]
    form = AskAloneForm(offered={each.instrument.id: each.instrument.short_title for each in offered})
    if form.validate_on_submit() and not made_before(form):
        give = _hand_over if form.way.data == "device" else _link
        if (given := give(form, person, timepoint_id)) is not None:
            return given
    return page(
        "self_completion/ask.html",
        form,
        person=person,
        timepoint=choices[0].occasion.timepoint,
        first=choices[0].occasion,
        offered=offered,
        left_out=[each for each in choices if each.obstacle is not None],
        current=[each for each in queries.current(person, by=me()) if each.asked.timepoint == timepoint_id],
        today=today(),
    )


def _link(form: AskAloneForm, person: scope.Person, timepoint: str) -> tuple[str, int] | None:
    """The link is the answer to this form: it stands in no address, cookie or message, and is shown this once."""
    made = saved(
        form,
        lambda: actions.make_link(by=me(), person=person, timepoint=timepoint, instruments=form.instruments.data or []),
    )
    if made is None:
        return None
    made_now(form)
    asked, token = made
    url = url_for("answers.arrive", token=token, _external=True)
    picture = segno.make(url, error="m", micro=False).svg_data_uri(scale=5, border=4, light="#fff")
    until = asked.valid_until
    return render_template("self_completion/link.html", person=person, url=url, picture=picture, until=until), 200


def _hand_over(form: AskAloneForm, person: scope.Person, timepoint: str) -> Response | None:
    """The worker's sign-in ends on the server before the person sees anything, and their browser forgets it."""
    made = saved(
        form,
        lambda: actions.hand_over(by=me(), person=person, timepoint=timepoint, instruments=form.instruments.data or []),
    )
    if made is None:
        return None
    _, token = made
    logout_user()
    session.clear()
    session[HANDED_OVER] = True
    answer = with_cookie(redirect(url_for("answers.start")), token)
    answer.headers["Clear-Site-Data"] = '"cache"'
    return answer


@pages.post("/self-completion/<uuid:asked_id>/end")
@rule(*SITE_ROLES)
def end(asked_id: uuid.UUID) -> Response:
    asked = queries.one(asked_id, by=me())
    place = url_for("people.view", person_id=asked.person_id)
    try:
        with db.transaction():
            actions.end(by=me(), asked=asked)
        flash("It was ended. What was answered so far is kept.", "success")
    except Refused as refused:
        flash(refused.message, "warning")
    return redirect(place)
