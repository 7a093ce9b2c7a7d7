"""What passes between the server and a browser with a passkey: a question that is good once, and for a while."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Iterable
from ipaddress import ip_address
from typing import Any

from flask import request, session
from webauthn import generate_authentication_options, generate_registration_options, options_to_json
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)
from wtforms import HiddenField

PATIENCE = 300  # seconds in which the browser may answer
VERIFIED = UserVerificationRequirement.REQUIRED


def possible() -> bool:
    """Browsers bind a passkey to a name, and refuse to bind one to a bare address such as 127.0.0.1."""
    try:
        ip_address(_host())
    except ValueError:
        return True
    return False


def ask(field: HiddenField, does: str, options: str) -> None:
    """Put a question to the browser; its answer comes back in the same field."""
    field.data, field.render_kw = "", {"data-passkey": does, "data-options": options}


def question() -> str:
    """Ask for any passkey of this site, and for its owner's finger, face or PIN."""
    options = generate_authentication_options(rp_id=_host(), challenge=_new_challenge(), user_verification=VERIFIED)
    return options_to_json(options)


def question_for_a_new_one(user: Any) -> str:
    """Ask for a new passkey, on a device that holds none of this person's yet."""
    options = generate_registration_options(
        rp_id=_host(),
        rp_name="Link worker kit",
        user_id=user.fs_webauthn_user_handle.encode(),
        user_name=user.email,
        user_display_name=user.name,
        challenge=_new_challenge(),
        exclude_credentials=list(_known(user.webauthn)),
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED, user_verification=VERIFIED
        ),
    )
    return options_to_json(options)


def _known(passkeys: Iterable[Any]) -> Iterable[PublicKeyCredentialDescriptor]:
    return (PublicKeyCredentialDescriptor(id=each.credential_id) for each in passkeys)


def _host() -> str:
    """The name by which this site is called, which a passkey is bound to."""
    return re.sub(r":[0-9]+$", "", request.host).strip("[]")


def _new_challenge() -> bytes:
    challenge = secrets.token_urlsafe(32)
    session["passkey_question"] = [challenge, time.time() + PATIENCE]
    return challenge.encode()


def asked() -> str:
    """What this browser was asked last; nothing, if that was answered before or is too long ago."""
    challenge, until = session.pop("passkey_question", ("", 0.0))
    return str(challenge) if time.time() < until else ""
