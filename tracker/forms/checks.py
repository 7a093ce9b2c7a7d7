"""Rules for what people type, each with words that say what to do."""

from __future__ import annotations

from wtforms import Field, Form
from wtforms.validators import ValidationError

from ..actions.people import nhs_number_fault
from ..extensions import today


def not_in_the_future(_: Form, field: Field) -> None:
    if field.data is not None and field.data > today():
        raise ValidationError(f"{field.label.text} is in the future. Enter today or an earlier date.")


def valid_nhs_number(_: Form, field: Field) -> None:
    if field.data and (fault := nhs_number_fault(field.data)):
        raise ValidationError(fault)
