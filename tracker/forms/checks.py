"""Rules for what people type, each with words that say what to do."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable

from wtforms import Field, Form
from wtforms.validators import ValidationError

from ..extensions import today

RELOAD = "Reload the page and send it again"


def not_in_the_future(_: Form, field: Field) -> None:
    if field.data is not None and field.data > today():
        raise ValidationError(f"{field.label.text} is in the future. Enter today or an earlier date.")


def not_in_the_past(_: Form, field: Field) -> None:
    if field.data is not None and field.data < today():
        raise ValidationError(f"{field.label.text} is in the past. Enter today or a later date.")


def at_most(limit: int) -> Callable[[Form, Field], None]:
    """No more characters than its place in the record has room for."""

    def short_enough(_: Form, field: Field) -> None:
        if field.data and len(field.data) > limit:
            raise ValidationError(f"{field.label.text} has {len(field.data):,} characters. Shorten it to {limit:,}.")

    return short_enough


def without(fault_of: Callable[[str], str | None]) -> Callable[[Form, Field], None]:
    """Nothing that the rule of an action finds fault with."""

    def faultless(_: Form, field: Field) -> None:
        if field.data and (fault := fault_of(field.data)):
            raise ValidationError(fault)

    return faultless


def a_version(_: Form, field: Field) -> None:
    """The one that the page was made from: a form that comes without it is not saved on top of whatever is there."""
    if not field.raw_data or not re.fullmatch("[0-9]{1,9}", str(field.data)):
        raise ValidationError(RELOAD)


def new_key() -> str:
    """One for each page that is shown, so that the same form sent twice is saved once."""
    return str(uuid.uuid4())


def a_key(_: Form, field: Field) -> None:
    try:
        uuid.UUID(field.data)
    except (ValueError, TypeError):
        raise ValidationError(RELOAD) from None
