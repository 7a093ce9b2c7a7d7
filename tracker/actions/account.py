"""What everybody changes about their own account: the password, the name, the size of letters."""

from __future__ import annotations

from flask_security.utils import verify_password

from ..models import TEXT_SIZES, SignIn, User
from .audit import facts, write_event
from .passwords import hashed
from .refusal import Refused
from .staff import end_sign_ins


def change_password(*, by: User, password: str, spared: SignIn | None) -> None:
    """Set one's own new password; whoever is signed in with the old one elsewhere is signed out."""
    if by.password is not None and verify_password(password, by.password):
        raise Refused("password", "This is the password you have now. Choose another one.")
    before = facts(by)
    by.password = hashed(password, by)
    write_event(by=by, action="change_password", record=by, before=before)
    end_sign_ins(by=by, user=by, spared=spared)


def change_appearance(*, by: User, name: str, text_size: str) -> None:
    """Say by which name colleagues see one, and how large the letters are."""
    if text_size not in TEXT_SIZES:
        raise Refused("text_size", f"Choose one of {', '.join(TEXT_SIZES.values())}.")
    before = facts(by)
    by.name, by.text_size = name, text_size
    write_event(by=by, action="change_appearance", record=by, before=before)
