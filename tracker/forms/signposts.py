"""Signposting somebody to a resource, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from wtforms import BooleanField, HiddenField
from wtforms.validators import InputRequired, NumberRange, Optional

from instruments.codes import RESOURCE_CATEGORIES, SIGNPOST_KINDS, SIGNPOST_OUTCOMES

from ..actions.care import Resource
from ..extensions import today
from .checks import a_key, a_version, new_key, not_in_the_future
from .fields import CodeRadio, CodeSelect, DatePartsField, WholeNumber
from .page_form import PageForm

ASK_AFTER = timedelta(14)


def in_two_weeks() -> date:
    return today() + ASK_AFTER


def by_category(directory: Sequence[Resource]) -> dict[str, dict[str, str]]:
    """A drop-down's groups, in the order of the code list; what is closed takes nobody."""
    groups: dict[str, dict[str, str]] = {label: {} for label in RESOURCE_CATEGORIES.values()}
    for entry in directory:
        full = " (full at present)" if entry.capacity == "full" else ""
        if entry.capacity != "closed":
            groups[RESOURCE_CATEGORIES[entry.category]][str(entry.id)] = entry.name + full
    return {label: entries for label, entries in groups.items() if entries}


class SignpostForm(PageForm):
    client_key = HiddenField(validators=[a_key], default=new_key)
    resource = CodeSelect("Resource", [InputRequired("Choose a resource")], codes={})
    although_full = BooleanField("Signpost although it is full")
    kind = CodeRadio("How?", [InputRequired("Choose how you signposted")], codes=SIGNPOST_KINDS)
    signposted_on = DatePartsField("Date", [InputRequired("Enter the date"), not_in_the_future], default=today)
    ask_again_on = DatePartsField(
        "When to ask what came of it",
        [Optional()],
        default=in_two_weeks,
        description="It comes onto your list that day; leave it empty to have it there at once",
    )


class SignpostOutcomeForm(PageForm):
    version = HiddenField(validators=[a_version])
    outcome = CodeRadio("What came of it?", [InputRequired("Choose what came of it")], codes=SIGNPOST_OUTCOMES)
    sessions_attended = WholeNumber(
        "Sessions attended (if known)", [Optional(), NumberRange(0, 500, "Enter a number between 0 and 500")]
    )
    ask_again_on = DatePartsField(
        "Ask again on (while it is not known)", [Optional()], description="Leave it empty to keep it on your list"
    )
