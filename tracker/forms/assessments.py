"""The form of an instrument, made from its definition: one field an item."""

from __future__ import annotations

from typing import Any, TypeVar

from flask_wtf import FlaskForm
from wtforms import BooleanField, Field, HiddenField
from wtforms.validators import DataRequired, InputRequired, StopValidation, ValidationError

from instruments.codes import ADMINISTRATION_MODES, MISSING_REASONS, RESPONDENTS
from instruments.definition import Instrument, Item

from ..extensions import today
from .checks import a_key, a_version, at_most, not_in_the_future
from .contacts import new_key
from .fields import CodeRadio, DatePartsField, TextBlock, WholeNumber, plain_figures

RADIO_SPAN = 11
ITEM = "item-"
Form = TypeVar("Form", bound="AnswersForm")


class AnswersForm(FlaskForm):
    """Answers to one instrument; `assessment_form` adds a field an item."""

    unanswered = BooleanField("Some questions were not answered: save without them")
    instrument: Instrument

    @property
    def items(self) -> list[tuple[Item, Field]]:
        return [(item, self[ITEM + item.id]) for item in self.instrument.items]

    @property
    def responses(self) -> dict[str, int | None]:
        return {item.id: field.data for item, field in self.items}


class AssessmentForm(AnswersForm):
    """What every administration records besides the answers."""

    client_key = HiddenField(validators=[a_key], default=new_key)
    assessed_on = DatePartsField("Date", [InputRequired("Enter the date"), not_in_the_future], default=today)
    mode = CodeRadio(
        "How was it asked?",
        [InputRequired("Choose how it was asked")],
        codes={code: label for code, label in ADMINISTRATION_MODES.items() if code != "import"},
        default="in-person",
    )
    respondent = CodeRadio("Who answered?", [InputRequired("Choose who answered")], codes=RESPONDENTS, default="self")

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        allowed = self.instrument.respondents
        self.respondent.choices = {code: label for code, label in RESPONDENTS.items() if code in allowed}


class CorrectionForm(AnswersForm):
    """Saved answers change only with a reason."""

    version = HiddenField(validators=[a_version])
    reason = TextBlock("Why do the answers change?", [DataRequired("Say why the answers change"), at_most(400)])


def assessment_form(instrument: Instrument, base: type[Form], **kwargs: Any) -> Form:
    """The form of one instrument: its items, and what `base` asks besides."""
    fields = {ITEM + item.id: _field(item) for item in instrument.items}
    form: Form = type("InstrumentForm", (base,), {**fields, "instrument": instrument})(**kwargs)
    return form


def _field(item: Item) -> Any:
    words = item.text or item.slot
    if item.kind == "choice":
        codes = {option.code: option.label or f"Level {option.code}" for option in item.options}
    elif len(item.codes) <= RADIO_SPAN:
        codes = {code: str(code) for code in item.codes}
    else:
        return WholeNumber(words, [_answered, _accepted(item)], description=_ends(item))
    refusal = f"That is not an answer to this question. Choose one of {item.allowed}."
    return CodeRadio(
        words,
        [_answered],
        codes=codes,
        coerce=plain_figures,
        invalid_choice_message=refusal,
        invalid_value_message=refusal,
    )


def _ends(item: Item) -> str:
    ends = [
        f"{end} is {label}" for end, label in ((item.minimum, item.low_label), (item.maximum, item.high_label)) if label
    ]
    return f"A number from {item.allowed}. " + ", ".join(ends)


def _answered(form: AnswersForm, field: Field) -> None:
    if field.errors:
        raise StopValidation
    if field.data is not None:
        return
    if not form.unanswered.data:
        raise StopValidation("Choose an answer, or tick at the end that some questions were not answered")
    raise StopValidation


def _accepted(item: Item) -> Any:
    def accepted(_: AnswersForm, field: Field) -> None:
        if not isinstance(field.data, int) or not item.accepts(field.data):
            raise ValidationError(f"{field.data} is not an answer here. Choose one of {item.allowed}.")

    return accepted


class MissedForm(FlaskForm):
    """An outcome that was not collected, and why."""

    client_key = HiddenField(validators=[a_key], default=new_key)
    status = CodeRadio(
        "What happened?",
        [InputRequired("Choose what happened")],
        codes={"missed": "It was missed", "declined": "The person declined"},
    )
    missing_reason = CodeRadio("Why?", [InputRequired("Choose a reason")], codes=MISSING_REASONS)
    assessed_on = DatePartsField("Date", [InputRequired("Enter the date"), not_in_the_future], default=today)
