"""Signing in, the second step: a code from an app, a recovery code, or a passkey, which needs no first step."""

from __future__ import annotations

import re
import time
from typing import Any

from flask import Blueprint, redirect, request, session, url_for
from flask_security.tf_plugin import TfPluginBase, tf_check_state, tf_clean_session
from flask_security.utils import login_user
from werkzeug.wrappers import Response

from ..actions import second_factor
from ..extensions import db
from ..forms.sign_in import CodeForm, PasskeySignInForm, RecoveryCodeForm
from ..queries.staff import has_second_factor
from . import passkeys
from .gate import PUBLIC, rule
from .show import page

pages = Blueprint("second_step", __name__)
PATIENCE = 600  # seconds between the password and the second step


class SecondStep(TfPluginBase):
    """Where the sign-in library leads whoever has a second factor, once their password was right."""

    def create_blueprint(self, *_: object) -> None:
        """The pages are below."""

    def get_setup_methods(self, user: Any) -> list[tuple[str, str]]:
        return [("second-step", "")] if has_second_factor(by=user) else []

    def tf_login(self, user: Any, json_payload: dict[str, Any], next_loc: str | None) -> Response:  # noqa: ARG002
        session["tf_state"], session["second_step_until"] = "ready", time.time() + PATIENCE
        return redirect(url_for("second_step.ask", next=request.values.get("next") or None))


def _half_signed_in() -> Any:
    """Whose password was right a moment ago; nobody, if that is too long ago, or the account was disabled or its
    second factors were forgotten since: then no code could be right, and the page would ask for none.
    """
    user: Any = tf_check_state(["ready"]) if time.time() < session.get("second_step_until", 0) else None
    return user if user is not None and user.active and has_second_factor(by=user) else None


@pages.route("/sign-in/second-step", methods=["GET", "POST"])
@rule(*PUBLIC)
def ask() -> tuple[str, int] | Response:
    user = _half_signed_in()
    if user is None:
        return _from_the_start()
    form = CodeForm()
    if form.validate_on_submit():
        with db.transaction():
            fault = second_factor.accept_code(by=user, code=form.figures)
        if fault is None:
            return _signed_in(user, "code")
        form.code.errors = [fault]
    return page(
        "account/second-step.html",
        form if user.authenticator else None,
        has_passkey=bool(user.webauthn),
        wanted=request.args.get("next"),
    )


@pages.route("/sign-in/recovery-code", methods=["GET", "POST"])
@rule(*PUBLIC)
def recover() -> tuple[str, int] | Response:
    user = _half_signed_in()
    if user is None:
        return _from_the_start()
    form = RecoveryCodeForm()
    if form.validate_on_submit():
        with db.transaction():
            fault = second_factor.accept_recovery_code(by=user, code=form.code.data or "")
        if fault is None:
            return _signed_in(user, "recovery-code")
        form.code.errors = [fault]
    return page("account/recovery-code.html", form, wanted=request.args.get("next"))


@pages.route("/sign-in/passkey", methods=["GET", "POST"])
@rule(*PUBLIC)
def use_passkey() -> tuple[str, int] | Response:
    form = PasskeySignInForm()
    form.challenge = passkeys.asked() if request.method == "POST" else ""
    if form.validate_on_submit():
        user: Any = form.user
        passkey: Any = form.cred
        verified = form.authentication_verification
        with db.transaction():
            second_factor.use_passkey(by=user, passkey=passkey, sign_count=verified.new_sign_count)
        return _signed_in(user, "passkey")
    possible = passkeys.possible()
    if possible:
        passkeys.ask(form.credential, "get", passkeys.question())
    return page("account/passkey.html", form, possible=possible, wanted=request.args.get("next"))


def _from_the_start() -> Response:
    tf_clean_session()
    return redirect(url_for("security.login"))


def _signed_in(user: Any, method: str) -> Response:
    """Both steps are done: from here on as after any sign-in, on the page that was wanted if it is one of ours."""
    tf_clean_session()
    session.pop("second_step_until", None)
    login_user(user, remember=False, authn_via=[method])
    wanted = request.args.get("next", "")
    return redirect(wanted if re.match(r"/(?![/\\])", wanted) else url_for("home.start"))
