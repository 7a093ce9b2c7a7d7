"""Signposting somebody to a resource, what came of it, and the directory itself."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import HiddenField
from wtforms.validators import DataRequired, InputRequired, NumberRange, Optional

from instruments.codes import RESOURCE_CATEGORIES, SIGNPOST_KINDS, SIGNPOST_OUTCOMES

from ..extensions import today
from .checks import a_key, a_version, at_most, not_in_the_future
from .contacts import new_key
from .fields import CodeRadio, CodeSelect, DatePartsField, TextBlock, TextLine, WholeNumber


class SignpostForm(FlaskForm):
    client_key = HiddenField(validators=[a_key], default=new_key)
    resource = CodeSelect("Resource", [InputRequired("Choose a resource")], codes={})
    kind = CodeRadio("How?", [InputRequired("Choose how you signposted")], codes=SIGNPOST_KINDS)
    signposted_on = DatePartsField("Date", [InputRequired("Enter the date"), not_in_the_future], default=today)


class SignpostOutcomeForm(FlaskForm):
    version = HiddenField(validators=[a_version])
    outcome = CodeRadio("What came of it?", [InputRequired("Choose what came of it")], codes=SIGNPOST_OUTCOMES)
    sessions_attended = WholeNumber(
        "Sessions attended (if known)", [Optional(), NumberRange(0, 500, "Enter a number between 0 and 500")]
    )


class ResourceForm(FlaskForm):
    name = TextLine("Name", [DataRequired("Enter the name of the resource"), at_most(200)])
    category = CodeSelect("Category", [InputRequired("Choose a category")], codes=RESOURCE_CATEGORIES)
    provider = TextLine("Who runs it", [Optional(), at_most(200)])
    area = TextLine("Area", [Optional(), at_most(100)])
    cost = TextLine("Cost to the person", [Optional(), at_most(100)], description="Such as free, or £3 a session")
    description = TextBlock("What happens there", [Optional(), at_most(2000)])
