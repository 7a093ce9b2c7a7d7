"""Logging a contact: as little typing as the record can bear."""

from __future__ import annotations

import uuid

from flask_wtf import FlaskForm
from wtforms import HiddenField
from wtforms.validators import InputRequired, NumberRange, Optional, ValidationError

from instruments.codes import ATTENDANCES, CONTACT_MODES

from ..actions.care import MOST_MINUTES
from ..extensions import today
from .checks import a_key, at_most, not_in_the_future
from .fields import CodeRadio, DatePartsField, TextBlock, TextLine, WholeNumber


def new_key() -> str:
    return str(uuid.uuid4())


class ContactForm(FlaskForm):
    client_key = HiddenField(validators=[a_key], default=new_key)
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

    def validate_minutes(self, field: WholeNumber) -> None:
        least = 1 if self.attendance.data == "attended" else 0
        if field.data is None and least:
            raise ValidationError("Enter how many minutes the contact took")
        if field.data is not None and not least <= field.data <= MOST_MINUTES:
            raise ValidationError(
                f"Minutes must be between {least} and {MOST_MINUTES}. Enter how long the contact took."
            )
