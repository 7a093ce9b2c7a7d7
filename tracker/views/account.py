"""My account: second factors, where one is signed in, the password, one's name and the size of the text."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any, TypeVar

import segno
from flask import Blueprint, flash, g, redirect, render_template, request, session, url_for
from flask_security.decorators import auth_required
from werkzeug.wrappers import Response

from ..actions import account, second_factor
from ..actions import staff as staff_actions
from ..extensions import db, second_factor_required, security
from ..forms.account import AppearanceForm, ConfirmForm, PasskeyForm, PasswordForm, RecoveryCodesForm
from ..forms.sign_in import CodeForm
from ..queries import staff
from ..queries.scope import NotFound
from . import passkeys
from .gate import ANYONE_SIGNED_IN, SETTING_UP, rule
from .show import made_before, made_now, me, page, saved

pages = Blueprint("account", __name__)
FRESH, GRACE = 15, 10  # minutes since the password was last given, and for finishing what was begun
View = TypeVar("View", bound=Callable[..., Any])


def password_given_lately(view: View) -> View:
    """What lets somebody in for good asks for the password again: a screen may have been left unlocked."""
    return auth_required("session", within=FRESH, grace=GRACE)(view)


@pages.get("/account")
@rule(*ANYONE_SIGNED_IN)
def view() -> str:
    asker = me()
    return render_template(
        "account/account.html",
        passkeys_possible=passkeys.possible(),
        codes_left=staff.recovery_codes_left(by=asker),
        has_factor=staff.has_second_factor(by=asker),
        required=second_factor_required(),
        sign_ins=staff.own_sign_ins(by=asker),
        this_one=g.sign_in,
        text_sizes=account.TEXT_SIZES,
        methods=staff.SIGN_IN_METHODS,
    )


@pages.get("/account/begin")
@rule(*SETTING_UP)
def begin() -> str | Response:
    """The one page that opens for somebody who must have a second factor and has none."""
    if not g.setting_up:
        return redirect(url_for(".view"))
    return render_template("account/begin.html", passkeys_possible=passkeys.possible())


# ---------------------------------------------------------------------------------- second factors


@pages.route("/account/app", methods=["GET", "POST"])
@rule(*SETTING_UP)
@password_given_lately
def add_app() -> tuple[str, int] | Response:
    form = CodeForm()
    secret = session.get("new_app", "")
    if secret and form.validate_on_submit() and saved(form, lambda: _add_app(form, secret)):
        session.pop("new_app", None)
        flash("Your app is set up.", "success")
        return _after_adding()
    if request.method == "GET" or not secret:
        session["new_app"] = secret = security.totp_factory.generate_totp_secret()
    key = security.totp_factory.get_totp_pretty_key(secret)
    picture = segno.make(security.totp_factory.get_totp_uri(me().email, secret), error="m", micro=False)
    return page("account/app.html", form, key=key, picture=picture.svg_data_uri(scale=5, border=4, light="#fff"))


def _add_app(form: CodeForm, secret: str) -> bool:
    second_factor.add_authenticator(by=me(), secret=secret, code=form.figures)
    return True


def _after_adding() -> Response:
    """Whoever has no recovery codes yet is led to them: that is when they still can be."""
    return redirect(url_for(".view" if staff.recovery_codes_left(by=me()) else ".recovery_codes"))


@pages.route("/account/app/remove", methods=["GET", "POST"])
@rule(*ANYONE_SIGNED_IN)
@password_given_lately
def remove_app() -> tuple[str, int] | Response:
    form = ConfirmForm()
    if form.validate_on_submit() and saved(form, _remove_app):
        flash("The app was removed. Delete the entry in it, too.", "success")
        return redirect(url_for(".view"))
    return page("account/remove-app.html", form)


def _remove_app() -> bool:
    second_factor.remove_authenticator(by=me())
    return True


@pages.route("/account/passkeys/new", methods=["GET", "POST"])
@rule(*SETTING_UP)
@password_given_lately
def add_passkey() -> tuple[str, int] | Response:
    form = PasskeyForm()
    form.challenge = passkeys.asked() if request.method == "POST" else ""
    if form.validate_on_submit() and saved(form, lambda: _add_passkey(form)):
        flash("The passkey was added.", "success")
        return _after_adding()
    possible = passkeys.possible()
    if possible:
        passkeys.ask(form.credential, "create", passkeys.question_for_a_new_one(me()))
    return page("account/add-passkey.html", form, possible=possible)


def _add_passkey(form: PasskeyForm) -> object:
    made = form.registration_verification
    return second_factor.add_passkey(
        by=me(),
        name=str(form.title.data),
        credential_id=made.credential_id,
        public_key=made.credential_public_key,
        sign_count=made.sign_count,
    )


@pages.route("/account/passkeys/<uuid:passkey_id>/remove", methods=["GET", "POST"])
@rule(*ANYONE_SIGNED_IN)
@password_given_lately
def remove_passkey(passkey_id: uuid.UUID) -> tuple[str, int] | Response:
    passkey = staff.own_passkey(passkey_id, by=me())
    form = ConfirmForm()
    if form.validate_on_submit() and saved(form, lambda: _remove_passkey(passkey_id)):
        flash("The passkey was removed. Delete it on the device, too.", "success")
        return redirect(url_for(".view"))
    return page("account/remove-passkey.html", form, passkey=passkey)


def _remove_passkey(id: uuid.UUID) -> bool:
    second_factor.remove_passkey(by=me(), passkey=staff.own_passkey(id, by=me()))
    return True


@pages.route("/account/recovery-codes", methods=["GET", "POST"])
@rule(*SETTING_UP)
@password_given_lately
def recovery_codes() -> tuple[str, int] | Response:
    """They are shown by the answer that makes them, and never again."""
    if not staff.has_second_factor(by=me()):
        return redirect(url_for(".begin"))
    form = RecoveryCodesForm()
    if form.validate_on_submit() and not made_before(form):
        with db.transaction():
            codes = second_factor.make_recovery_codes(by=me())
        made_now(form)
        return page("account/recovery-codes-made.html", None, codes=codes)
    return page("account/recovery-codes.html", form, left=staff.recovery_codes_left(by=me()))


# ------------------------------------------------------------------------------------ where signed in


@pages.route("/account/sign-ins/<uuid:sign_in_id>/end", methods=["GET", "POST"])
@rule(*ANYONE_SIGNED_IN)
def end_sign_in(sign_in_id: uuid.UUID) -> tuple[str, int] | Response:
    sign_in = staff.own_sign_in(sign_in_id, by=me())
    if sign_in is None:
        raise NotFound
    form = ConfirmForm()
    if form.validate_on_submit():
        with db.transaction():
            staff_actions.end_sign_in(by=me(), sign_in=sign_in)
        flash("That device was signed out.", "success")
        return redirect(url_for(".view"))
    return page("account/end-sign-in.html", form, sign_in=sign_in)


@pages.route("/account/sign-ins/end-others", methods=["GET", "POST"])
@rule(*ANYONE_SIGNED_IN)
def end_others() -> tuple[str, int] | Response:
    form = ConfirmForm()
    if form.validate_on_submit():
        with db.transaction():
            staff_actions.end_sign_ins(by=me(), user=me(), spared=g.sign_in)
        flash("Every other device was signed out.", "success")
        return redirect(url_for(".view"))
    others = [each for each in staff.own_sign_ins(by=me()) if each.id != g.sign_in.id]
    return page("account/end-others.html", form, others=others)


# -------------------------------------------------------------------------- password and appearance


@pages.route("/account/password", methods=["GET", "POST"])
@rule(*ANYONE_SIGNED_IN)
def change_password() -> tuple[str, int] | Response:
    form = PasswordForm(user=me())
    if form.validate_on_submit() and saved(form, lambda: _change_password(form)):
        flash("Your password was changed. Every other device was signed out.", "success")
        return redirect(url_for(".view"))
    return page("account/password.html", form)


def _change_password(form: PasswordForm) -> bool:
    account.change_password(by=me(), password=str(form.password.data), spared=g.sign_in)
    return True


@pages.route("/account/appearance", methods=["GET", "POST"])
@rule(*ANYONE_SIGNED_IN)
def change_appearance() -> tuple[str, int] | Response:
    form = AppearanceForm(obj=me())
    if form.validate_on_submit() and saved(form, lambda: _change_appearance(form)):
        flash("Your name and text size were saved.", "success")
        return redirect(url_for(".view"))
    return page("account/appearance.html", form)


def _change_appearance(form: AppearanceForm) -> bool:
    account.change_appearance(by=me(), name=str(form.name.data), text_size=form.text_size.data)
    return True
