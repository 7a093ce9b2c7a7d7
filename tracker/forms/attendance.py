"""GP attendance and other health-service use over a period."""

from __future__ import annotations

from wtforms.validators import InputRequired, NumberRange, ValidationError

from instruments.codes import SETTINGS, USE_SOURCES

from .checks import not_in_the_future
from .fields import CodeRadio, CodeSelect, DatePartsField, WholeNumber
from .page_form import PageForm


class AttendanceForm(PageForm):
    setting = CodeSelect(
        "Where",
        [InputRequired("Choose a setting")],
        codes={code: label for code, label in SETTINGS.items() if code != "link-worker"},
        default="gp",
    )
    count = WholeNumber(
        "How many times", [InputRequired("Enter how many times"), NumberRange(0, 1000, "Enter a number up to 1,000")]
    )
    from_on = DatePartsField("Counted from", [InputRequired("Enter the first day counted"), not_in_the_future])
    until_on = DatePartsField(
        "Counted until (this day not counted)", [InputRequired("Enter the end of the period"), not_in_the_future]
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
