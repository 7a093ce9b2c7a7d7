"""The form of a page. One that was kept unfinished comes back filled in, and is not saved by that.

And what stands differently in two versions of the same form: what somebody typed, and what somebody else has saved.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask import request
from flask_wtf import FlaskForm
from wtforms import Field, HiddenField

from .checks import a_key, new_key

GOES_ON = "goes_on"
"""The box that says: show me what I typed, do not save it."""
WHY = "reason"
"""The box that asks why something is changed: it is said of the change, and no record holds it."""

MADE = "You made this already, and what you saw then is good. Make another only if you lost it: that ends the first."


@dataclass(frozen=True, slots=True)
class Difference:
    """One field of which two people made something different; None where it is empty."""

    label: str
    typed: str | date | None
    saved: str | date | None


class PageForm(FlaskForm):
    differences: Sequence[Difference] = ()

    def validate_on_submit(self, extra_validators: Mapping[str, Sequence[Any]] | None = None) -> Any:
        return GOES_ON not in request.form and super().validate_on_submit(extra_validators)


class OnceForm(PageForm):
    """What it makes is shown by the answer and never again. Who reloads that answer sends the form a second time."""

    once = HiddenField(validators=[a_key], default=new_key)

    def say_that_it_was_made(self) -> None:
        """Offer to make another all the same, which whoever lost the first one needs."""
        self.once.data = new_key()
        self.form_errors.append(MADE)


def differences(typed: FlaskForm, saved: FlaskForm) -> Iterator[Difference]:
    """The fields that say something else in the one form than in the other, in the order of the page."""
    for field in typed:
        if getattr(field.widget, "input_type", None) == "hidden" or field.short_name == WHY:
            continue
        here, there = _said(field), _said(saved[field.short_name])
        if here != there:
            yield Difference(field.label.text, here, there)


def _said(field: Field) -> str | date | None:
    """What a field holds, in the words of the page."""
    if hasattr(field, "iter_choices"):
        chosen = [str(choice.label) for choice in field.iter_choices() if choice.selected and choice.value != ""]
        return ", ".join(chosen) or None
    if isinstance(field.data, bool):
        return "Yes" if field.data else "No"
    return field.data if isinstance(field.data, date) or field.data is None else str(field.data) or None
