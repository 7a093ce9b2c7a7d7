"""Why an action was refused, in words for the person who asked, beside the field they can mend."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm.exc import StaleDataError

from instruments.definition import Instrument
from instruments.scoring import BadResponse, score

from ..permissions import Forbidden

RECORDED = "This outcome is recorded already for this timepoint. Open it to see the answers."
_DATABASE_SAYS = {
    "uq_assessment_occasion": ("form", RECORDED),
    "uq_draft_occasion": ("form", "Somebody else began this form at the same moment. Send your answers again."),
    "uq_person_study_id_study_number": ("study_number", "This study number is taken. Enter another."),
    "uq_service_use_person_id_setting_from_on_source": (
        "from_on", "Attendances from this date are already recorded. Choose another start date.",
    ),
    "uq_site_use_site_id_setting_from_on": (
        "form", "What a site used from this day is recorded already, with another number. Leave the row out.",
    ),
    "uq_consent_current": ("kind", "This consent is recorded already. Withdraw it first if it changed."),
    "uq_post_user_id_site_id_from_on": ("from_on", "This post is recorded already. Choose another start date."),
    "uq_allocation_site": ("from_on", "This site is allocated from that day already. Choose another day."),
    "uq_identity_person_id": ("form", "Somebody else wrote down who this is meanwhile. Open the form again to see it."),
    "uq_user_email": ("email", "Somebody with this e-mail address is already here. Use another address."),
    "uq_resource_study_id_open_referral_id": (
        "open_referral_id", "An entry with this Open Referral id is in the directory already. Change that one.",
    ),
    "uq_assignment_current": ("form", "Somebody holds this referral already. Hand it over instead."),
    "uq_authenticator_user_id": ("form", "An app was set up meanwhile. Open your account to see it."),
    "uq_passkey_user_id_name": ("name", "You have a passkey of this name already. Use another name."),
    "uq_passkey_credential_id": ("form", "This passkey is in use already. Choose another device."),
    "uq_site_slug": ("slug", "There is a site with this id already. Choose another id."),
}  # fmt: skip

SENT_BEFORE = "This was saved before with other content. Open the record to see it."
CHANGED_MEANWHILE = "Somebody else changed this record meanwhile. Check what it says now, then save again."


class Refused(ValueError):
    """The action was not done. `field` is the form field at fault, or 'form'."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field, self.message = field, message


class Conflict(Refused):
    """The record is not what the asker saw, or the same key came with other content."""


def too_many_attempts(wait: timedelta) -> str:
    return f"Too many attempts. Wait {int(wait.total_seconds()) + 1} seconds, then try again."


def check(allowed: bool) -> None:
    if not allowed:
        raise Forbidden


def refuse_bad_answers(instrument: Instrument, responses: Mapping[str, int | None]) -> None:
    """Refuse what the instrument does not take as an answer."""
    try:
        score(instrument, responses)
    except BadResponse as error:
        raise Refused("form", str(error)) from None


@contextmanager
def translated() -> Iterator[None]:
    """Turn the database's no into words beside the field."""
    try:
        yield
    except StaleDataError:
        raise Conflict(
            "form", "Somebody else changed this record meanwhile. Open it again, then repeat your change."
        ) from None
    except IntegrityError as error:
        raise _refusal(str(error.orig)) from error


def _refusal(text: str) -> Refused:
    for name, (field, message) in _DATABASE_SAYS.items():
        if name in text or name in _sqlite_name(text):
            return Refused(field, message)
    return Refused("form", "The database refused this record. Check the dates and choices, then save again.")


def _sqlite_name(text: str) -> str:
    """SQLite names the columns of a unique constraint and not the constraint: build the name they give."""
    if "UNIQUE constraint failed: " not in text:
        return ""
    columns = [part.strip().split(".") for part in text.split("failed: ")[1].split(",")]
    named = "uq_" + columns[0][0] + "_" + "_".join(part[-1] for part in columns)
    return _INDEX_NAMES.get(named, named)


_INDEX_NAMES = {
    "uq_assessment_person_id_instrument_timepoint": "uq_assessment_occasion",
    "uq_draft_person_id_instrument_timepoint": "uq_draft_occasion",
    "uq_assignment_referral_id": "uq_assignment_current",
    "uq_allocation_study_id_site_id_from_on": "uq_allocation_site",
    "uq_consent_person_id_kind": "uq_consent_current",
}
