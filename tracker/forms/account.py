"""What everybody changes about their own account."""

from __future__ import annotations

from typing import Any

from flask_security.utils import verify_password
from flask_security.webauthn import WebAuthnRegisterResponseForm
from wtforms import HiddenField, PasswordField
from wtforms.validators import DataRequired, EqualTo, InputRequired, Length

from ..actions.account import TEXT_SIZES
from ..actions.passwords import SHORTEST_PASSWORD
from .checks import RELOAD, at_most
from .fields import CodeRadio, TextLine
from .page_form import OnceForm, PageForm
from .sign_in import LONGEST_PASSWORD, WRONG_PASSWORD, attempt

TRY_AGAIN = "Your device did not make a passkey. Try again, or use an app that shows codes."


class ConfirmForm(PageForm):
    """Asks for nothing but the button."""

    sure = HiddenField(validators=[InputRequired(RELOAD)], default="yes")


class RecoveryCodesForm(ConfirmForm, OnceForm):
    """New codes end those before, which may be on paper already."""


class PasskeyForm(WebAuthnRegisterResponseForm):
    """A new passkey: what to call it, and what the browser answers; the library checks it."""

    title = TextLine(
        "What do you call this device?",
        [DataRequired("Enter a name for this device"), at_most(60)],
        description="Such as work phone, so that you know it again",
    )
    credential = HiddenField()
    usage, name, user_verification = "secondary", "", True

    def validate(self, **kwargs: Any) -> bool:
        good = super().validate(**kwargs) and bool(self.challenge)
        if not good and not self.title.errors:
            self.credential.errors = [TRY_AGAIN]
        return good


class CurrentPasswordForm(PageForm):
    """Declared before the new one, so that errors are listed in the order of the page."""

    current = PasswordField(
        "The password you have now",
        [DataRequired("Enter the password you have now"), Length(max=LONGEST_PASSWORD)],
        render_kw={"autocomplete": "current-password"},
    )


class NewPasswordForm(PageForm):
    """A password, and once more, since nobody sees what they type."""

    password = PasswordField(
        "New password",
        [DataRequired("Enter a new password"), Length(max=LONGEST_PASSWORD, message="Enter at most 1,000 characters")],
        description=f"At least {SHORTEST_PASSWORD} characters. Three or four words that do not belong together "
        "are easy to keep and hard to guess.",
        render_kw={"autocomplete": "new-password"},
    )
    again = PasswordField(
        "New password again",
        [DataRequired("Enter the new password again"), EqualTo("password", "Enter the same new password twice")],
        render_kw={"autocomplete": "new-password"},
    )


class PasswordForm(CurrentPasswordForm, NewPasswordForm):
    """One's own password, by whoever knows the present one."""

    def __init__(self, *args: Any, user: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user

    def validate(self, extra_validators: Any = None) -> bool:
        """The rest first: a slip of the finger in the new one is no guess at the old one."""
        if not super().validate(extra_validators):
            return False
        fault = attempt(self.user.email, self._is_right, WRONG_PASSWORD)
        self.current.errors = [fault] if fault else []
        return fault is None

    def _is_right(self) -> bool:
        return bool(verify_password(self.current.data or "", self.user.password))


class AppearanceForm(PageForm):
    name = TextLine("Your name, as colleagues see it", [DataRequired("Enter your name"), at_most(200)])
    text_size = CodeRadio("Size of the text", [InputRequired("Choose a size")], codes=TEXT_SIZES)
