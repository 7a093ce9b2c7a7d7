"""The forms of an instrument, made from its definition: one field an item, on one page or one question at a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from wtforms import Field, HiddenField, SubmitField
from wtforms.form import BaseForm
from wtforms.validators import DataRequired, InputRequired, StopValidation, ValidationError

from instruments.codes import ADMINISTRATION_MODES, MISSING_REASONS, RESPONDENTS
from instruments.definition import Instrument, Item

from ..actions.outcomes import Said, codes_of
from ..extensions import today
from ..languages import translate as _
from .checks import a_key, a_version, at_most, new_key, not_in_the_future
from .fields import CodeRadio, DatePartsField, TextBlock, WholeNumber, plain_figures
from .page_form import PageForm

RADIO_SPAN = 11
ITEM = "item-"
NOT_SAID = "prefer-not-to-say"
LEFT_OUT = {code: MISSING_REASONS[code] for code in ("not-answered", "not-asked", "too-unwell", "other")}
Form = TypeVar("Form", bound="ItemsForm")


class ItemsForm(PageForm):
    """Answers to the items of one instrument, or to some of them; `assessment_form` adds a field an item."""

    instrument: Instrument
    remedy = "Choose an answer"

    @property
    def items(self) -> list[tuple[Item, Field]]:
        return [(item, self[ITEM + item.id]) for item in self.instrument.items if ITEM + item.id in self]

    @property
    def answers(self) -> dict[str, Said]:
        """What was said to each item: a code, that the person prefers not to say, or nothing."""
        return {item.id: field.data for item, field in self.items}

    @property
    def codes(self) -> dict[str, int | None]:
        """The answers that are codes; None for the others."""
        return codes_of(self.answers)

    @property
    def excuse(self) -> str | None:
        """Why items without an answer may be left out, if they may."""
        return None

    @property
    def responses(self) -> dict[str, Said]:
        """The answers, and for each item that was asked and has none the reason that was given for all of them."""
        given = self.codes
        return {
            item.id: self.excuse if self.answers[item.id] is None and item.is_asked(given) else self.answers[item.id]
            for item in self.instrument.items
            if item.id in self.answers
        }


class AnswersForm(ItemsForm):
    """All items on one page; some may be left out if it is said why."""

    unanswered = CodeRadio("If questions were left out: why?", codes=LEFT_OUT)
    remedy = "Choose an answer, or say at the end why questions were left out"

    @property
    def excuse(self) -> str | None:
        reason: str | None = self.unanswered.data
        return reason


class DraftForm(ItemsForm):
    """Some answers, to be kept until the others are there."""

    @property
    def excuse(self) -> str | None:
        return "not-answered"

    @property
    def sent(self) -> dict[str, Said]:
        """What was said to the items that came with this form."""
        return {item.id: field.data for item, field in self.items if field.raw_data}


class QuestionForm(ItemsForm):
    """One question at a time."""

    skip = SubmitField("Skip this question")
    remedy = "Choose an answer, or skip this question"

    @property
    def excuse(self) -> str | None:
        return "not-answered" if self.skip.data else None


class AloneForm(ItemsForm):
    """One question, put to somebody who answers alone."""

    @property
    def remedy(self) -> str:  # type: ignore[override]
        return _("Choose an answer, or choose that you prefer not to say")


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
    later = SubmitField("Finish later")

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        allowed = self.instrument.respondents
        self.respondent.choices = {code: label for code, label in RESPONDENTS.items() if code in allowed}

    @property
    def excuse(self) -> str | None:
        return "not-answered" if self.later.data else super().excuse


class CheckForm(AssessmentForm):
    """What is still to be said when every question was asked one at a time; the answers are the draft's."""

    def __init__(self, *, draft: Mapping[str, Said], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.draft = draft

    @property
    def answers(self) -> dict[str, Said]:
        return {item.id: self.draft.get(item.id) for item in self.instrument.items}

    @property
    def left_out(self) -> list[Item]:
        """The items that were asked and have no answer yet."""
        given, answers = self.codes, self.answers
        return [item for item in self.instrument.items if answers[item.id] is None and item.is_asked(given)]

    def validate_unanswered(self, field: Field) -> None:
        if self.left_out and field.data is None:
            raise ValidationError("Say why questions were left out, or go back and answer them")


class CorrectionForm(AnswersForm):
    """Saved answers change only with a reason."""

    version = HiddenField(validators=[a_version])
    reason = TextBlock("Why do the answers change?", [DataRequired("Say why the answers change"), at_most(400)])


def assessment_form(
    instrument: Instrument, base: type[Form], items: Iterable[Item] | None = None, **kwargs: Any
) -> Form:
    """The form of one instrument: all of its items, or these, and what `base` asks besides."""
    asked = instrument.items if items is None else items
    fields = {ITEM + item.id: _field(item) for item in asked}
    form: Form = type("InstrumentForm", (base,), {**fields, "instrument": instrument})(**kwargs)
    return form


def _field(item: Item) -> Any:
    words = item.text or item.slot
    if item.kind == "choice":
        codes = {option.code: option.label or f"Level {option.code}" for option in item.options}
    elif len(item.codes) <= RADIO_SPAN:
        codes = {code: str(code) for code in item.codes}
    else:
        return AnswerNumber(words, [_answered(item), _accepted(item)], description=_ends(item))
    refusal = _("That is not an answer to this question. Choose one of %(allowed)s.", allowed=item.allowed)
    return CodeRadio(
        words,
        [_answered(item)],
        codes={**codes, NOT_SAID: _("Prefer not to say")},
        coerce=_code_or_not_said,
        invalid_choice_message=refusal,
        invalid_value_message=refusal,
    )


def _code_or_not_said(value: Any) -> int | str:
    return NOT_SAID if value == NOT_SAID else plain_figures(value)


class AnswerNumber(WholeNumber):
    """A number that is typed, with a box of the same name to tick instead for who prefers not to say."""

    component = "answer-number"
    not_said = NOT_SAID
    data: Any

    def process_formdata(self, valuelist: list[Any]) -> None:
        typed = [value for value in valuelist if value != NOT_SAID]
        if len(typed) == len(valuelist):
            super().process_formdata(valuelist)
            return
        self.data = NOT_SAID
        if any(value.strip() for value in typed):
            self.data = None
            raise ValueError(_("Enter a number or prefer not to say, not both"))

    @property
    def typed(self) -> str:
        """What stands in the box for the number."""
        if self.raw_data:
            return next((value for value in self.raw_data if value != NOT_SAID), "")
        return "" if self.data in (None, NOT_SAID) else str(self.data)

    @property
    def is_ticked(self) -> bool:
        return self.data == NOT_SAID or NOT_SAID in (self.raw_data or [])

    def _value(self) -> str:
        return self.typed


def _ends(item: Item) -> str:
    labels = ((item.minimum, item.low_label), (item.maximum, item.high_label))
    ends = [_("%(number)s is %(label)s", number=end, label=label) for end, label in labels if label]
    numbers = _("A number from %(lowest)s to %(highest)s.", lowest=item.minimum, highest=item.maximum)
    return f"{numbers} {', '.join(ends)}"


def _answered(item: Item) -> Any:
    def answered(form: ItemsForm, field: Field) -> None:
        if field.errors:
            raise StopValidation
        if field.data is not None:
            return
        if form.excuse is None and item.is_asked(form.codes):
            raise StopValidation(form.remedy)
        raise StopValidation

    return answered


def _accepted(item: Item) -> Any:
    def accepted(form: BaseForm, field: Field) -> None:  # noqa: ARG001
        if field.data != NOT_SAID and (not isinstance(field.data, int) or not item.accepts(field.data)):
            words = {"said": field.data, "allowed": item.allowed}
            raise ValidationError(_("%(said)s is not an answer here. Choose one of %(allowed)s.", **words))

    return accepted


class MissedForm(PageForm):
    """An outcome that was not collected, and why."""

    client_key = HiddenField(validators=[a_key], default=new_key)
    status = CodeRadio(
        "What happened?",
        [InputRequired("Choose what happened")],
        codes={"missed": "It was missed", "declined": "The person declined"},
    )
    missing_reason = CodeRadio("Why?", [InputRequired("Choose a reason")], codes=MISSING_REASONS)
    assessed_on = DatePartsField("Date", [InputRequired("Enter the date"), not_in_the_future], default=today)
