"""Logging a contact: as little typing as the record can bear."""

from __future__ import annotations

import uuid
from datetime import date, timedelta
from typing import Any

from flask_wtf import FlaskForm
from wtforms import HiddenField
from wtforms.validators import InputRequired, NumberRange, Optional, ValidationError

from instruments.codes import ATTENDANCES, CONTACT_MODES

from ..actions.care import MOST_MINUTES
from ..extensions import today
from .checks import a_key, a_version, at_most, not_in_the_future, not_in_the_past
from .fields import CodeRadio, DatePartsField, TextBlock, TextLine, WholeNumber

NEXT_IN = {"7": "In a week", "14": "In 2 weeks", "28": "In 4 weeks"}


def new_key() -> str:
    return str(uuid.uuid4())


class ContactFacts(FlaskForm):
    """What is said of a contact, when it is logged and when it is corrected."""

    mode = CodeRadio("How?", [InputRequired("Choose how the contact was made")], codes=CONTACT_MODES)
    attendance = CodeRadio(
        "Did they attend?", [InputRequired("Choose whether they attended")], codes=ATTENDANCES, default="attended"
    )
    minutes = WholeNumber("Minutes")
    contacted_on = DatePartsField(
        "Date", [InputRequired("Enter the date of the contact"), not_in_the_future], default=today
    )
    travel_minutes = WholeNumber(
        "Travel minutes", [Optional(), NumberRange(0, MOST_MINUTES, f"Enter 0 to {MOST_MINUTES} minutes of travel")]
    )
    topics = TextLine("Topics", [Optional(), at_most(400)], description="Such as money, housing, loneliness")
    note = TextBlock("Private note", [Optional(), at_most(4000)], description="Never leaves the tracker")
    next_in = CodeRadio("Next contact", [Optional()], codes=NEXT_IN)
    next_contact_on = DatePartsField("Next contact, on another day", [Optional()])

    def validate_minutes(self, field: WholeNumber) -> None:
        least = 1 if self.attendance.data == "attended" else 0
        if field.data is None and least:
            raise ValidationError("Enter how many minutes the contact took")
        if field.data is not None and not least <= field.data <= MOST_MINUTES:
            raise ValidationError(
                f"Minutes must be between {least} and {MOST_MINUTES}. Enter how long the contact took."
            )

    @property
    def facts(self) -> dict[str, Any]:
        return {
            "contacted_on": self.contacted_on.data,
            "mode": self.mode.data,
            "attendance": self.attendance.data,
            "minutes": self.minutes.data or 0,
            "travel_minutes": self.travel_minutes.data,
            "topics": self.topics.data or None,
            "note": self.note.data or None,
            "next_contact_on": self._next_contact_on,
        }

    @property
    def _next_contact_on(self) -> date | None:
        day: date | None = self.next_contact_on.data
        return day or (self.contacted_on.data + timedelta(int(self.next_in.data)) if self.next_in.data else None)


class ContactForm(ContactFacts):
    client_key = HiddenField(validators=[a_key], default=new_key)

    def validate_next_contact_on(self, field: DatePartsField) -> None:
        not_in_the_past(self, field)


class SameAgainForm(FlaskForm):
    """The contact before, once more, today."""

    client_key = HiddenField(validators=[a_key], default=new_key)


class ContactCorrectionForm(ContactFacts):
    version = HiddenField(validators=[a_version])
    reason = TextLine(
        "Why does it change?", [Optional(), at_most(400)], description="Needed when the contact was not logged today"
    )
