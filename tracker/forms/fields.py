"""Fields that the standard ones lack: a date in three boxes, and choices from a code list."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

from werkzeug.datastructures import MultiDict
from wtforms import Field, IntegerField, RadioField, SelectField, SelectMultipleField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]
from wtforms.form import BaseForm
from wtforms.utils import unset_value
from wtforms.widgets import CheckboxInput, ListWidget

from ..languages import translate as _

NOT_AN_ANSWER = "Choose one of the answers on this page"
WIDTHS = {"day": 2, "month": 2, "year": 4}
EARLIEST_YEAR = 1890


def printable(text: str) -> str:
    """Without control characters, which some databases cannot keep and no reader sees."""
    return "".join(each for each in text if each in "\n\t" or unicodedata.category(each) not in ("Cc", "Cs"))


class TextLine(StringField):
    """One line of text; pasted line breaks become spaces."""

    def process_formdata(self, valuelist: list[Any]) -> None:
        if valuelist:
            self.data = printable(" ".join(valuelist[0].split()))


class TextBlock(TextAreaField):
    """Text of several lines."""

    def process_formdata(self, valuelist: list[Any]) -> None:
        if valuelist:
            self.data = printable(valuelist[0].replace("\r\n", "\n")).strip()


class DatePartsField(Field):
    """A date typed as day, month and year, in inputs called name-day, name-month and name-year."""

    component = "date"

    def __init__(
        self, label: str | None = None, validators: Sequence[Any] = (), *, example: str = "31 3 2025", **kwargs: Any
    ) -> None:
        super().__init__(label, list(validators), **kwargs)
        self.example = example
        self.typed: dict[str, str] = {}
        self.description = self.description or f"For example, {example}"

    def process(self, formdata: Any, data: Any = unset_value, extra_filters: Any = None) -> None:
        super().process(None if formdata is None else self._joined(formdata), data, extra_filters)

    def _joined(self, formdata: Any) -> MultiDict[str, str]:
        """The three boxes as one value, so that validators see an empty date as empty and a partial one as not."""
        received = {part: formdata.getlist(f"{self.name}-{part}") for part in WIDTHS}
        self.typed = {part: values[0].strip() if values else "" for part, values in received.items()}
        return MultiDict({self.name: " ".join(self.typed.values())} if any(self.typed.values()) else {})

    def process_formdata(self, valuelist: list[Any]) -> None:
        self.data = None
        if not valuelist:
            return
        if not all(self.typed.values()):
            raise ValueError(f"{self.label.text} needs a day, a month and a year, such as {self.example}")
        if not re.fullmatch(r"[0-9]{1,2} [0-9]{1,2} [0-9]{4}", valuelist[0]):
            raise ValueError(f"Enter the date in numbers with a four-figure year, such as {self.example}")
        try:
            self.data = date(*(int(self.typed[part]) for part in ("year", "month", "day")))
        except ValueError:
            raise ValueError(f"{valuelist[0]} is not a real date. Enter one such as {self.example}") from None
        if self.data.year < EARLIEST_YEAR:
            self.data = None
            raise ValueError(
                f"{self.label.text} is before {EARLIEST_YEAR}. Check the year; enter one such as {self.example}"
            )

    @property
    def shown(self) -> dict[str, str]:
        """What stands in each box: what was typed, else the date."""
        if self.typed or not isinstance(self.data, date):
            return {part: self.typed.get(part, "") for part in WIDTHS}
        return {part: str(getattr(self.data, part)) for part in WIDTHS}

    @property
    def faulty(self) -> list[str]:
        """The boxes to mend: the empty ones of a partial date, else all of a wrong one."""
        if not self.errors:
            return []
        return [part for part, text in self.shown.items() if not text] or list(WIDTHS)


def _blank_or(coerce: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Read no answer as None, and any other with `coerce`."""
    return lambda value: None if value in (None, "") else coerce(value)


class CodeRadio(RadioField):
    """One answer from a code list (code to label). No answer is None; `coerce=int` for the codes of an item."""

    def __init__(
        self,
        label: str | None = None,
        validators: Sequence[Any] = (),
        *,
        codes: Mapping[Any, str],
        coerce: Callable[[Any], Any] = str,
        **kwargs: Any,
    ) -> None:
        choices = [SelectChoice(str(code), text) for code, text in codes.items()]
        super().__init__(label, list(validators), coerce=_blank_or(coerce), choices=choices, **_refusing(kwargs))

    def pre_validate(self, form: BaseForm) -> None:
        if self.data is not None:
            super().pre_validate(form)


class CodeSelect(SelectField):
    """One answer from a longer code list, as a drop-down that starts with no answer."""

    def __init__(
        self,
        label: str | None = None,
        validators: Sequence[Any] = (),
        *,
        codes: Mapping[str, str],
        blank: str = "Choose",
        **kwargs: Any,
    ) -> None:
        choices = [SelectChoice(code, text) for code, text in {"": blank, **codes}.items()]
        super().__init__(label, list(validators), coerce=_blank_or(str), choices=choices, **_refusing(kwargs))


class CodeChecks(SelectMultipleField):
    """Any number of answers from a code list, each a box to tick."""

    widget = ListWidget(prefix_label=False)
    option_widget = CheckboxInput()

    def __init__(
        self, label: str | None = None, validators: Sequence[Any] = (), *, codes: Mapping[str, str], **kwargs: Any
    ) -> None:
        choices = [SelectChoice(code, text) for code, text in codes.items()]
        super().__init__(label, list(validators), choices=choices, **_refusing(kwargs))


def _refusing(kwargs: dict[str, Any]) -> dict[str, Any]:
    return {"invalid_choice_message": NOT_AN_ANSWER, "invalid_value_message": NOT_AN_ANSWER, **kwargs}


class YesNoRadio(CodeRadio):
    """Yes, no or not known, as True, False or None."""

    ANSWERS = {"yes": True, "no": False, "unknown": None}

    def __init__(self, label: str | None = None, validators: Sequence[Any] = (), **kwargs: Any) -> None:
        codes = {"yes": "Yes", "no": "No", "unknown": "Not known"}
        super().__init__(label, validators, codes=codes, coerce=self._answer, **kwargs)

    def _answer(self, value: str | bool) -> bool | None:
        if isinstance(value, bool):
            return value
        if value not in self.ANSWERS:
            raise ValueError(NOT_AN_ANSWER)
        return self.ANSWERS[value]


def plain_figures(value: Any) -> int:
    """A code written in plain figures; Python's own reading would let 1_0 pass for ten."""
    if not re.fullmatch("[0-9]{1,9}", str(value)):
        raise ValueError(NOT_AN_ANSWER)
    return int(value)


class WholeNumber(IntegerField):
    """A whole number in plain figures; Python's own reading would let 1_0 pass for ten."""

    def process_formdata(self, valuelist: list[Any]) -> None:
        self.data = None
        text = valuelist[0].strip() if valuelist else ""
        if not text:
            return
        if not re.fullmatch(r"-?[0-9]{1,9}", text):
            raise ValueError(_("%(what)s must be a whole number, such as 15", what=self.label.text))
        self.data = int(text)
