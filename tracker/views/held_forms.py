"""Forms that are not saved yet: kept while they are typed, and when a sign-in ends before they are sent."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, current_app, flash, g, redirect, request, url_for
from flask_login import current_user
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from ..actions import held_forms
from ..actions.refusal import Refused
from ..extensions import db
from ..forms.page_form import GOES_ON
from ..queries import held_forms as known
from .gate import ANYONE_SIGNED_IN, PUBLIC, SETTING_UP, rule, rule_of
from .show import me

pages = Blueprint("held_forms", __name__)
WHERE = "held_path"
NOT_KEPT = {"csrf_token", "once", WHERE, GOES_ON}


def may_be_held(path: str) -> bool:
    """Whether a form stands at this address, and one for the work: nothing of accounts and passwords is kept."""
    routes = current_app.url_map.bind("")
    try:
        endpoint, _ = routes.match(path, method="POST")
        shown, _ = routes.match(path, method="GET")
    except HTTPException:
        return False
    return endpoint == shown and rule_of(current_app, endpoint) not in (PUBLIC, ANYONE_SIGNED_IN, SETTING_UP, ())


def typed() -> dict[str, list[str]]:
    """What stands in the boxes of the form that was sent."""
    return {name: values for name, values in request.form.lists() if name not in NOT_KEPT}


def hold(path: str, user: Any) -> bool:
    """Keep what was sent for this address; whether it is kept."""
    if not may_be_held(path):
        return False
    try:
        with db.transaction():
            held_forms.hold(by=user, path=path, typed=typed())
    except Refused:
        return False
    return True


@pages.post("/held-form")
@rule(*ANYONE_SIGNED_IN)
def keep() -> tuple[str, int]:
    """Sent by the page itself while somebody types."""
    return ("", 204) if hold(request.form.get(WHERE, ""), me()) else ("This form cannot be kept.", 422)


@pages.post("/held-form/discard")
@rule(*ANYONE_SIGNED_IN)
def discard() -> Response:
    path = request.form.get(WHERE, "")
    if not may_be_held(path):
        abort(404)
    with db.transaction():
        held_forms.let_go(by=me(), path=path)
    return redirect(path)


def _signed_in() -> bool:
    """Still: the view may have signed them out."""
    return bool(g.get("live", False) and current_user.is_authenticated)


def here() -> known.Held | None:
    """What is kept of the form on this page; not while the form comes back with what was sent."""
    if request.method != "GET" or not _signed_in() or not may_be_held(request.path):
        return None
    return known.held(request.path, by=me())


def address() -> str | None:
    """Where this page's form is kept while it is typed."""
    return url_for("held_forms.keep") if _signed_in() and may_be_held(request.path) else None


def after_sending(response: Response) -> Response:
    """A form that came too late is kept; one that leads on, or shows what it made, was saved and is kept no longer."""
    if request.method != "POST" or (response.status_code != 302 and "made" not in g):
        return response
    if "timed_out" in g and hold(request.path, g.timed_out):
        flash("What you had filled in is kept. Sign in again and go on with it.", "warning")
        response.location = url_for("security.login", next=request.path)
    elif "ended" in g and may_be_held(request.path):
        flash("You were signed out, and nothing was saved. Sign in to go on.", "warning")
        response.location = url_for("security.login", next=request.path)
    elif _signed_in() and may_be_held(request.path):
        with db.transaction():
            held_forms.let_go(by=me(), path=request.path)
    return response
