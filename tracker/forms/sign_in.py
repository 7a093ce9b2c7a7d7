"""Signing in: the same words and time for unknown users, growing waits after failures, and what follows a password."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from flask import request
from flask_security.forms import LoginForm, VerifyForm
from flask_security.webauthn import WebAuthnSigninResponseForm
from flask_wtf import FlaskForm
from wtforms import BooleanField, EmailField, HiddenField, PasswordField, SubmitField
from wtforms.validators import DataRequired, Length, ValidationError

from ..actions.refusal import too_many_attempts
from ..actions.staff import forget_failures, note_failure, wait_before_sign_in
from ..extensions import db
from .checks import at_most
from .fields import TextLine, printable

EMPTY = "Enter your e-mail address and your password."
LONGEST_PASSWORD = 1000
WRONG = "The e-mail address or password is not right. Check both and try again."
WRONG_PASSWORD = "This is not your password. Check it and try again."
UNKNOWN_PASSKEY = "This passkey did not work here. Try again, or sign in with your password."


def attempt(account: str, right: Callable[[], bool], wrong: str) -> str | None:
    """Try a password: what is wrong, or None. Every failure makes the next attempt wait a little longer."""
    where = {"by": None, "account": account, "address": request.remote_addr or ""}
    wait = wait_before_sign_in(**where)  # type: ignore[arg-type]
    if wait.total_seconds() > 0:
        return too_many_attempts(wait)
    known = right()
    with db.transaction():
        (forget_failures if known else note_failure)(**where)  # type: ignore[arg-type]
    return None if known else wrong


class SignInForm(LoginForm):
    email = EmailField(
        "E-mail address",
        [DataRequired("Enter your e-mail address"), Length(max=254)],
        filters=[lambda text: text and printable(text)],
        render_kw={"autocomplete": "username"},
    )
    password = PasswordField(
        "Password",
        [DataRequired("Enter your password"), Length(max=LONGEST_PASSWORD)],
        render_kw={"autocomplete": "current-password"},
    )
    remember = BooleanField()
    submit = SubmitField("Sign in")

    def validate(self, **kwargs: Any) -> bool:
        account = self.email.data or ""
        check = super().validate
        if not (account and self.password.data):
            fault: str | None = EMPTY
        else:
            fault = attempt(account, lambda: check(**kwargs), WRONG)
        if fault is None:
            self.remember.data = False
            return True
        self.email.errors, self.password.errors = [], []
        self.form_errors[:] = [fault]
        return False


class AgainForm(VerifyForm):
    """The password once more, before what would let a stranger at an unlocked screen stay in for good."""

    password = PasswordField(
        "Your password",
        [DataRequired("Enter your password"), Length(max=LONGEST_PASSWORD)],
        render_kw={"autocomplete": "current-password"},
    )

    def validate(self, **kwargs: Any) -> bool:
        check = super().validate
        if not self.password.data:
            return check(**kwargs)
        fault = attempt(self.user.email, lambda: check(**kwargs), WRONG_PASSWORD)
        self.password.errors = [fault] if fault else []
        return fault is None


class CodeForm(FlaskForm):
    """The six figures that an app shows."""

    code = TextLine(
        "Code",
        [DataRequired("Enter the code that your app shows"), at_most(20)],
        description="6 figures, such as 123 456",
        render_kw={"autocomplete": "one-time-code", "inputmode": "numeric"},
    )

    def validate_code(self, _: TextLine) -> None:
        if not re.fullmatch("[0-9]{6}", self.figures):
            raise ValidationError("Enter the 6 figures that your app shows, such as 123 456")

    @property
    def figures(self) -> str:
        return (self.code.data or "").replace(" ", "")


class RecoveryCodeForm(FlaskForm):
    """One of the codes on paper."""

    code = TextLine(
        "Recovery code",
        [DataRequired("Enter one of your recovery codes"), at_most(40)],
        description="16 letters and figures, such as ABCD-EFGH-JKLM-2345",
        render_kw={"autocomplete": "off", "spellcheck": "false"},
    )


class PasskeySignInForm(WebAuthnSigninResponseForm):
    """What the browser answers when somebody uses a passkey; the library checks it."""

    credential = HiddenField()
    is_secondary, is_verify = False, True
    user_verification = True
    """The device has asked for a finger, a face or a PIN: a passkey is two factors in one."""

    def validate(self, **kwargs: Any) -> bool:
        good = bool(self.challenge) and super().validate(**kwargs) and self.mf_check
        good = good and self.user is not None and self.user.active  # the library goes on with a disabled account
        if not good:
            self.credential.errors = [UNKNOWN_PASSKEY]
        return good
