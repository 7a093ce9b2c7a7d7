"""Logging a contact: as little typing as the record can bear."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from wtforms import BooleanField, HiddenField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]
from wtforms.validators import InputRequired, NumberRange, Optional, ValidationError

from instruments.codes import ATTENDANCES, CONTACT_MODES, SIGNPOST_KINDS

from ..actions.care import MOST_MINUTES
from ..extensions import today
from .checks import a_key, a_version, at_most, new_key, not_in_the_future, not_in_the_past
from .fields import CodeRadio, CodeSelect, DatePartsField, TextBlock, TextLine, WholeNumber
from .page_form import PageForm

WEEKS = {"7": "In a week", "14": "In 2 weeks", "28": "In 4 weeks"}
NEXT_IN = WEEKS | {"": "Another day, or none"}
NO_KIND = SelectChoice("", "No signpost")
"""Takes a kind back that was tapped by mistake."""


class ContactFacts(PageForm):
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

    def validate_next_in(self, _: CodeRadio) -> None:
        """A day that stood there before, as of a contact that is corrected, gives way to what was tapped."""
        day = self.next_contact_on
        if day.data not in (None, day.object_data, self._next_contact_on):
            raise ValidationError("Choose one of these or enter a day below, not both")

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
        if self.next_in.data in WEEKS and self.contacted_on.data:
            return self.contacted_on.data + timedelta(int(self.next_in.data))
        return self.next_contact_on.data


class ContactForm(ContactFacts):
    """A contact, and the signposts that were made at it: a resource and how, in as many rows as there are `ROWS`."""

    client_key = HiddenField(validators=[a_key], default=new_key)
    another = BooleanField("This is another contact, log it as well")

    def validate_next_contact_on(self, field: DatePartsField) -> None:
        not_in_the_past(self, field)

    def offer(self, directory: Mapping[str, Any]) -> None:
        """Fill the drop-downs with the directory, in its groups."""
        for row in self.rows:
            row.resource.choices = {"": "Choose", **directory}
            if row.kind.data and not row.resource.data:
                row.kind.choices = [*(row.kind.choices or ()), NO_KIND]

    @property
    def rows(self) -> list[SignpostRow]:
        return [SignpostRow(number, *(self[f"{name}_{number}"] for name in ROW)) for number in ROWS]

    @property
    def signposts(self) -> Iterator[SignpostRow]:
        """The rows that were filled in."""
        return (row for row in self.rows if row.resource.data)


@dataclass(frozen=True, slots=True)
class SignpostRow:
    """One signpost of a contact's form; its fields are called after it, such as `resource_2`."""

    number: int
    resource: CodeSelect
    kind: CodeRadio
    although_full: BooleanField


ROW = ("resource", "kind", "although_full")
ROWS = {
    1: ("Signposted to", "How were they signposted?"),
    2: ("Second resource", "How to the second?"),
    3: ("Third resource", "How to the third?"),
}
"""What the two questions of each row are called."""


def _with(other: str, words: str) -> Callable[[Any, Any], None]:
    """Half a signpost is no signpost: the one is asked for when the other is there."""

    def is_whole(form: ContactForm, field: CodeSelect | CodeRadio) -> None:
        if form[other].data and not field.data:
            raise ValidationError(words)

    return is_whole


for _number, (_where, _how) in ROWS.items():
    _resource = CodeSelect(_where, [_with(f"kind_{_number}", "Choose a resource, or tap No signpost")], codes={})
    _kind = CodeRadio(_how, [_with(f"resource_{_number}", "Choose how you signposted")], codes=SIGNPOST_KINDS)
    setattr(ContactForm, f"resource_{_number}", _resource)
    setattr(ContactForm, f"kind_{_number}", _kind)
    setattr(ContactForm, f"although_full_{_number}", BooleanField("Signpost although it is full"))


class SameAgainForm(PageForm):
    """The contact before, once more, today."""

    client_key = HiddenField(validators=[a_key], default=new_key)


class ContactCorrectionForm(ContactFacts):
    version = HiddenField(validators=[a_version])
    reason = TextLine(
        "Why does it change?",
        [Optional(), at_most(400)],
        description="Needed when the contact was not logged today, or is taken off the record",
    )
    mistaken = BooleanField("Logged by mistake: take this contact off the record")
