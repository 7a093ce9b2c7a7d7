"""Safety flags: what to warn of, and whether the warning still holds."""

from __future__ import annotations

from datetime import date, timedelta

from wtforms import HiddenField
from wtforms.validators import InputRequired, Optional, ValidationError

from ..actions.safety import SAFETY_KINDS
from ..extensions import today
from .checks import a_version, at_most
from .fields import CodeRadio, DatePartsField, TextBlock, TextLine
from .page_form import PageForm


def in_three_months() -> date:
    return today() + timedelta(91)


class SafetyFlagForm(PageForm):
    kind = CodeRadio("What must not be missed?", [InputRequired("Choose what to warn of")], codes=SAFETY_KINDS)
    note = TextLine(
        "In a few words",
        [Optional(), at_most(200)],
        description="Everybody who meets the person sees it, outcome assessors too: facts only, nothing about the "
        "study. It never leaves the tracker.",
    )
    review_on = DatePartsField("Look at it again on", [InputRequired("Enter the date")], default=in_three_months)


class SafetyReviewForm(PageForm):
    """Keep the flag until another day, or end it and say why."""

    version = HiddenField(validators=[a_version])
    decision = CodeRadio(
        "Does it still hold?",
        [InputRequired("Choose whether it still holds")],
        codes={"keep": "Yes, look at it again later", "end": "No, end it"},
    )
    review_on = DatePartsField("If yes, look at it again on", default=in_three_months)
    reason = TextBlock("If no, why not?", [at_most(400)], description="No names")

    def validate_review_on(self, field: DatePartsField) -> None:
        if self.decision.data == "keep" and field.data is None:
            raise ValidationError("Enter when to look at it again")

    def validate_reason(self, field: TextBlock) -> None:
        if self.decision.data == "end" and not field.data:
            raise ValidationError("Say why it no longer holds")
