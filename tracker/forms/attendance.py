"""GP attendance and other health-service use over a period."""

from __future__ import annotations

from datetime import timedelta

from wtforms import Field, Form
from wtforms.validators import InputRequired, NumberRange, ValidationError

from instruments.codes import SETTINGS, USE_SOURCES

from ..extensions import today
from .checks import not_in_the_future
from .fields import CodeRadio, CodeSelect, DatePartsField, WholeNumber
from .page_form import PageForm


def not_beyond_today(_: Form, field: Field) -> None:
    """The end of a period is not counted, so tomorrow's date ends one that holds today."""
    if field.data is not None and field.data > today() + timedelta(days=1):
        raise ValidationError(f"{field.label.text} is after tomorrow. Enter tomorrow or an earlier date.")


class AttendanceForm(PageForm):
    setting = CodeSelect(
        "Where",
        [InputRequired("Choose a setting")],
        codes={code: label for code, label in SETTINGS.items() if code not in ("link-worker", "other")},
        default="gp",
    )
    count = WholeNumber(
        "How many times", [InputRequired("Enter how many times"), NumberRange(0, 1000, "Enter a number up to 1,000")]
    )
    from_on = DatePartsField("Counted from", [InputRequired("Enter the first day counted"), not_in_the_future])
    until_on = DatePartsField(
        "Counted until (this day not counted)", [InputRequired("Enter the end of the period"), not_beyond_today]
    )
    source = CodeRadio(
        "Where the number comes from",
        [InputRequired("Choose the source")],
        codes=USE_SOURCES,
        default="record-extract",
    )

    def validate_until_on(self, field: DatePartsField) -> None:
        if field.data and self.from_on.data and field.data <= self.from_on.data:
            raise ValidationError("The period ends before it begins. Enter a later end date.")
