"""Signposting somebody to a resource, what came of it, and the directory itself."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import HiddenField, StringField, TextAreaField
from wtforms.validators import UUID, DataRequired, InputRequired, Length, NumberRange, Optional, ValidationError

from instruments.codes import RESOURCE_CATEGORIES, SIGNPOST_KINDS, SIGNPOST_OUTCOMES

from ..extensions import today
from .checks import not_in_the_future
from .contacts import new_key
from .fields import CodeRadio, CodeSelect, DatePartsField, WholeNumber


class SignpostForm(FlaskForm):
    client_key = HiddenField(validators=[DataRequired(), UUID("Reload the page and send it again")], default=new_key)
    resource = CodeSelect("Resource", [InputRequired("Choose a resource")], codes={})
    kind = CodeRadio("How?", [InputRequired("Choose how you signposted")], codes=SIGNPOST_KINDS)
    signposted_on = DatePartsField("Date", [InputRequired("Enter the date"), not_in_the_future], default=today)


class SignpostOutcomeForm(FlaskForm):
    version = HiddenField(validators=[DataRequired()])
    outcome = CodeRadio("What came of it?", [InputRequired("Choose what came of it")], codes=SIGNPOST_OUTCOMES)
    sessions_attended = WholeNumber(
        "Sessions attended (if known)", [Optional(), NumberRange(0, 500, "Enter a number between 0 and 500")]
    )

    def validate_version(self, field: HiddenField) -> None:
        if not str(field.data).isdigit():
            raise ValidationError("Reload the page and send it again")


class ResourceForm(FlaskForm):
    name = StringField("Name", [DataRequired("Enter the name of the resource"), Length(max=200)])
    category = CodeSelect("Category", [InputRequired("Choose a category")], codes=RESOURCE_CATEGORIES)
    provider = StringField("Who runs it", [Optional(), Length(max=200)])
    area = StringField("Area", [Optional(), Length(max=100)])
    cost = StringField("Cost to the person", [Optional(), Length(max=100)], description="Such as free, or £3 a session")
    description = TextAreaField("What happens there", [Optional(), Length(max=2000)])
