"""A referral after it was taken in: what it is about, its answer, its hand-over, its end, its reopening."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from wtforms import HiddenField
from wtforms.validators import DataRequired, InputRequired, NumberRange, Optional

from instruments.codes import CLOSURE_REASONS, REFERRAL_STATUSES, SIGNPOST_OUTCOMES

from ..actions.care import MOST_ATTEMPTS, Signpost
from ..extensions import today
from .checks import a_version, at_most, not_in_the_future
from .fields import CodeRadio, CodeSelect, DatePartsField, TextBlock, WholeNumber
from .page_form import PageForm
from .people import needs_field, reason_field

TRIED = "tried"
SIGNPOST = "signpost-"


class NeedsForm(PageForm):
    version = HiddenField(validators=[a_version])
    needs = needs_field()


class AnswerForm(PageForm):
    """The person's answer to an offer, or one more attempt to get it."""

    version = HiddenField(validators=[a_version])
    status = CodeRadio(
        "Their answer",
        [InputRequired("Choose the person's answer")],
        codes={code: label for code, label in REFERRAL_STATUSES.items() if code != "offered"}
        | {TRIED: "Tried, no answer yet"},
    )
    answer_reason = reason_field()
    decided_on = DatePartsField(
        "Date of the answer or attempt", [InputRequired("Enter the date"), not_in_the_future], default=today
    )
    attempts = WholeNumber(
        "Attempts to reach them, this one included",
        [Optional(), NumberRange(0, MOST_ATTEMPTS, f"Enter 0 to {MOST_ATTEMPTS} attempts")],
    )


class HandOverForm(PageForm):
    version = HiddenField(validators=[a_version])
    worker = CodeRadio("Who takes it?", [InputRequired("Choose who takes it")], codes={})
    from_on = DatePartsField("From", [InputRequired("Enter the date"), not_in_the_future], default=today)


class ClosingForm(PageForm):
    """`closing_form` adds a question for each signpost that still waits for its outcome."""

    closure_reason = CodeRadio("Why the referral closes", [InputRequired("Choose a reason")], codes=CLOSURE_REASONS)
    closed_on = DatePartsField("Closing date", [InputRequired("Enter the date"), not_in_the_future], default=today)

    def outcomes(self, signposts: Sequence[Signpost]) -> Mapping[uuid.UUID, str]:
        """What was answered about each signpost that waited."""
        return {each.id: self[f"{SIGNPOST}{each.id}"].data for each in signposts}


def closing_form(signposts: Sequence[Signpost], **known: object) -> ClosingForm:
    """The closing of a referral, with what came of the person's open signposts, and what is known of it already."""
    fields: dict[str, Any] = {
        f"{SIGNPOST}{each.id}": CodeSelect(
            f"{each.resource.name}, signposted on {each.signposted_on:%-d %B %Y}",
            [InputRequired("Choose what came of it")],
            codes=SIGNPOST_OUTCOMES,
            default=each.outcome,
        )
        for each in signposts
    }
    form: ClosingForm = type("ClosingForm", (ClosingForm,), fields)(data=known)
    return form


class ReopeningForm(PageForm):
    reason = TextBlock(
        "Why is it reopened?",
        [DataRequired("Say why it is reopened"), at_most(400)],
        description="The audit trail keeps it: no names",
    )
    reopened_on = DatePartsField("Reopened on", [InputRequired("Enter the date"), not_in_the_future], default=today)
