"""The sign-in form: same words and same time for unknown users, and growing waits after failures."""

from __future__ import annotations

from typing import Any

from flask import request
from flask_security.forms import LoginForm
from wtforms import BooleanField, EmailField, PasswordField, SubmitField
from wtforms.validators import DataRequired, Length

from ..actions.staff import forget_failures, note_failure, wait_before_sign_in
from ..extensions import db
from .fields import printable

EMPTY = "Enter your e-mail address and your password."
LONGEST_PASSWORD = 1000
WRONG = "The e-mail address or password is not right. Check both and try again."


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
        account, address = self.email.data or "", request.remote_addr or ""
        wait = wait_before_sign_in(by=None, account=account, address=address)
        if wait.total_seconds() > 0:
            seconds = int(wait.total_seconds()) + 1
            self.form_errors.append(f"Too many attempts. Wait {seconds} seconds, then try again.")
            return False
        if super().validate(**kwargs):
            self.remember.data = False
            with db.transaction():
                forget_failures(by=None, account=account, address=address)
            return True
        complete = bool(account and self.password.data)
        if complete:
            with db.transaction():
                note_failure(by=None, account=account, address=address)
        self.email.errors, self.password.errors = [], []
        self.form_errors[:] = [WRONG if complete else EMPTY]
        return False
