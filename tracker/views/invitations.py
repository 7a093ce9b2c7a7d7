"""Coming by an invitation: the link is exchanged for a cookie, a password is set, and the second factor follows."""

from __future__ import annotations

import uuid
from typing import cast

from flask import Blueprint, redirect, session, url_for
from flask_security.utils import login_user
from werkzeug.wrappers import Response

from ..actions import invitations
from ..extensions import security
from ..forms.account import ConfirmForm, NewPasswordForm
from ..queries import staff
from ..queries.scope import NotFound
from .gate import PUBLIC, rule
from .show import page, saved

pages = Blueprint("invitations", __name__)


@pages.route("/invitation/<token>", methods=["GET", "POST"])
@rule(*PUBLIC)
def arrive(token: str) -> tuple[str, int] | Response:
    """Looking changes nothing: programs that look at links before people do would use them up."""
    form = ConfirmForm()
    if form.validate_on_submit():
        opened = saved(form, lambda: str(invitations.open_invitation(by=None, token=token).id))
        if opened:
            session["invitation"] = opened
            return redirect(url_for(".accept"))
    return page("account/invitation.html", form)


@pages.route("/invitation", methods=["GET", "POST"])
@rule(*PUBLIC)
def accept() -> tuple[str, int] | Response:
    invitation = _opened()
    if invitation is None:
        return page("account/no-invitation.html", None)
    user, form = invitation.user, NewPasswordForm()
    if form.validate_on_submit() and saved(form, lambda: _accept(form, invitation)):
        session.pop("invitation", None)
        # Whoever has a second factor shows it now: a link alone does not let anybody past it.
        further = security.two_factor_plugins.tf_enter(user, False, "password", next_loc=None)
        if further is not None:
            return cast("Response", further)
        login_user(user, remember=False, authn_via=["password"])
        return redirect(url_for("home.start"))
    return page("account/accept-invitation.html", form, user=user)


def _opened() -> invitations.Invitation | None:
    try:
        return staff.opened_invitation(uuid.UUID(session.get("invitation", "")), by=None)
    except (NotFound, ValueError):
        return None


def _accept(form: NewPasswordForm, invitation: invitations.Invitation) -> bool:
    invitations.accept_invitation(by=invitation.user, invitation=invitation, password=str(form.password.data))
    return True
